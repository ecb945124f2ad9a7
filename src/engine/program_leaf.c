/* What a condition gathers of a person's events, and what comes of it. Always: an event is its own
 * predecessor in no chain; a chain that began later is at least as good, so the latest start of
 * each length is all that is kept. */
#include <stdlib.h>

#include "engine/program_private.h"

#define SECOND_MS INT64_C(1000)

int64_t program_value(const struct program_event *event, int column)
{
    if (event->block != NULL)
        return block_value(event->block, (uint16_t)column, event->at);
    for (const struct engine_value *value = event->values; value != NULL; value++) {
        if (value->column == column)
            return value->value;
        if (value->is_last)
            break;
    }
    return NONE;
}

void program_leaf_reset(struct program_leaf *leaf)
{
    leaf->until = leaf->next;
    leaf->since = leaf->first = leaf->last = leaf->least = leaf->most = NONE;
    leaf->first_value = leaf->last_value = NONE;
    leaf->lasts[0] = leaf->lasts[1] = leaf->lasts[2] = NONE;
    leaf->count = leaf->sum = leaf->days = 0;
    leaf->day_from = leaf->day_to = 0;
    leaf->carry = 0;
    leaf->unit = leaf->unit_hits = leaf->good_units = leaf->level = 0;
    for (int i = 0; i <= QUERY_STEP_MAX; i++)
        leaf->starts[i] = NONE;
    buf_reset(&leaf->values);
}

/* A second in a window that rolls leaves it; that of a calendar moves at leaf->next. */
static void window_leave(struct program_leaf *leaf, int64_t second, const struct window *window)
{
    if (second != NONE && window->kind == WINDOW_ROLLING &&
        second + window->seconds + 1 < leaf->until)
        leaf->until = second + window->seconds + 1;
}

/* ---- measures -------------------------------------------------------------------------------- */

static int64_t field_value(const struct query_field *field, const struct program_event *event)
{
    if (field->kind == QUERY_KIND)
        return event->kind;
    if (field->kind == QUERY_CHANNEL)
        return event->channel == 0 ? NONE : event->channel; /* none is no value of its own */
    return program_value(event, field->number);
}

static void day_count(struct program_leaf *leaf, const struct program_event *event)
{
    const struct zone *zone = leaf->test.zone;
    int64_t day;

    if (event->second >= leaf->day_from && event->second < leaf->day_to)
        return;
    day = zone_day(zone, event->second * SECOND_MS);
    leaf->day_from = zone_day_start(zone, day) / SECOND_MS;
    leaf->day_to = zone_day_start(zone, day + 1) / SECOND_MS;
    leaf->days++;
}

static void value_take(struct program_leaf *leaf, int64_t value)
{
    if (value == NONE)
        return;
    if (__builtin_add_overflow(leaf->sum, value, &leaf->sum))
        leaf->carry += value > 0 ? 1 : -1;
    if (leaf->least == NONE || value < leaf->least)
        leaf->least = value;
    if (leaf->most == NONE || value > leaf->most)
        leaf->most = value;
}

static void did_take(struct program_leaf *leaf, const struct program_event *event)
{
    const struct condition *one = leaf->condition;
    int64_t value = one->has_field ? field_value(&one->field, event) : NONE;

    leaf->latest[leaf->count % PROGRAM_LATEST] = event->second;
    if (leaf->count++ == 0) {
        leaf->first = event->second;
        leaf->first_value = value;
    }
    leaf->last = event->second;
    leaf->last_value = value;
    value_take(leaf, value);
    if (one->kind != CONDITION_DID)
        return;
    if (one->measure == MEASURE_DISTINCT && value != NONE)
        buf_add(&leaf->values, &value, sizeof value);
    if (one->measure == MEASURE_DAYS)
        day_count(leaf, event);
}

/* ---- chains ---------------------------------------------------------------------------------- */

static void level_reach(struct program_leaf *leaf, int level, const struct program_event *event)
{
    if (level <= leaf->level)
        return;
    leaf->level = level;
    leaf->since = event->second;
}

static void ordered_take(struct program_leaf *leaf, uint32_t bits,
                         const struct program_event *event)
{
    const struct funnel *funnel = leaf->condition->funnel;
    int64_t second = event->second, chains[QUERY_STEP_MAX + 1];

    for (int step = 1; step <= funnel->step_count; step++) {
        int64_t start = step == 1 ? second : leaf->starts[step - 1];
        bool is_on =
            (bits >> (step - 1) & 1) != 0 && start != NONE && second - start <= funnel->within;

        chains[step] = is_on ? start : NONE;
        if (is_on)
            level_reach(leaf, step, event);
    }
    for (int i = 0; i < funnel->exclusion_count; i++)
        if (bits >> (QUERY_STEP_MAX + i) & 1)
            leaf->starts[funnel->exclusions[i].after] = NONE;
    for (int step = 1; step <= funnel->step_count; step++)
        if (funnel->order == FUNNEL_STRICT || chains[step] > leaf->starts[step])
            leaf->starts[step] = chains[step];
}

static void any_order_take(struct program_leaf *leaf, uint32_t bits,
                           const struct program_event *event)
{
    const struct funnel *funnel = leaf->condition->funnel;
    int level = 0;

    for (int step = 0; step < funnel->step_count; step++) {
        if (bits >> step & 1)
            leaf->starts[step] = event->second;
        level += leaf->starts[step] != NONE && event->second - leaf->starts[step] <= funnel->within;
    }
    level_reach(leaf, level, event);
}

/* ---- units ----------------------------------------------------------------------------------- */

static bool is_unit_good(const struct program_leaf *leaf)
{
    return leaf->unit_hits >= leaf->condition->high;
}

static void regular_take(struct program_leaf *leaf, const struct program_event *event)
{
    while (event->second >= leaf->units[leaf->unit + 1]) {
        leaf->good_units += is_unit_good(leaf);
        leaf->unit_hits = 0;
        leaf->unit++;
    }
    leaf->unit_hits++;
}

/* Matches of chains may matter until they leave their windows. */
static void chain_take(struct program_leaf *leaf, uint32_t bits, const struct program_event *event)
{
    const struct funnel *funnel = leaf->condition->funnel;

    for (int i = 0; i < funnel->step_count; i++)
        if (bits >> i & 1)
            window_leave(leaf, event->second, &funnel->steps[i].window);
    for (int i = 0; i < funnel->exclusion_count; i++)
        if (bits >> (QUERY_STEP_MAX + i) & 1)
            window_leave(leaf, event->second, &funnel->exclusions[i].pattern.window);
    if (funnel->order == FUNNEL_ANY_ORDER)
        any_order_take(leaf, bits, event);
    else
        ordered_take(leaf, bits, event);
}

static void silence_take(struct program_leaf *leaf, uint32_t bits,
                         const struct program_event *event)
{
    leaf->level |= (int)bits;
    for (int i = 0; i < 3; i++)
        if (bits >> i & 1)
            leaf->lasts[i] = event->second;
}

void program_leaf_take(struct program_leaf *leaf, uint32_t bits, const struct program_event *event)
{
    const struct condition *one = leaf->condition;

    if (one->kind == CONDITION_FUNNEL) {
        chain_take(leaf, bits, event);
        return;
    }
    leaf->since = event->second;
    if (one->kind == CONDITION_REGULAR)
        regular_take(leaf, event);
    else if (one->kind == CONDITION_STOPPED || one->kind == CONDITION_RESTARTED)
        silence_take(leaf, bits, event);
    else
        did_take(leaf, event);
}

/* ---- the end --------------------------------------------------------------------------------- */

static int64_t distinct(struct program_leaf *leaf)
{
    int64_t *values = (int64_t *)(void *)leaf->values.at;
    size_t count = leaf->values.len / sizeof *values;
    int64_t different = 0;

    must(!leaf->values.is_full);
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, program_by_value);
    for (size_t i = 0; i < count; i++)
        different += i == 0 || values[i] != values[i - 1];
    return different;
}

static int64_t measured(struct program_leaf *leaf)
{
    switch (leaf->condition->measure) {
    case MEASURE_SUM:
        return leaf->sum;
    case MEASURE_MIN:
        return leaf->least;
    case MEASURE_MAX:
        return leaf->most;
    case MEASURE_DISTINCT:
        return distinct(leaf);
    case MEASURE_FIRST:
        return leaf->condition->has_field ? leaf->first_value : leaf->first;
    case MEASURE_LAST:
        return leaf->condition->has_field ? leaf->last_value : leaf->last;
    case MEASURE_DAYS:
        return leaf->days;
    case MEASURE_COUNT:
        break;
    }
    return leaf->count;
}

/* How many events a least count has: below it nothing leaves that matters. 0: every event may. */
static int64_t least_count(const struct condition *one)
{
    if (one->kind != CONDITION_DID || one->measure != MEASURE_COUNT)
        return 0;
    return one->test.compare == COMPARE_AT_LEAST ? one->test.low
           : one->test.compare == COMPARE_BELOW  ? one->test.high
                                                 : 0;
}

/* When what is measured may change because events leave the window. */
static void did_leave(struct program_leaf *leaf)
{
    const struct condition *one = leaf->condition;
    int64_t least = least_count(one), second = leaf->first;

    if (leaf->count == 0)
        return;
    if (least > 0 && leaf->count < least)
        return;
    if (least > 0 && least <= PROGRAM_LATEST)
        second = leaf->latest[(leaf->count - least) % PROGRAM_LATEST];
    if (one->kind == CONDITION_DID && one->measure == MEASURE_LAST)
        second = leaf->last;
    window_leave(leaf, second, &one->pattern->window);
}

static bool did_holds(struct program_leaf *leaf, struct answer_leaf *out)
{
    const struct condition *one = leaf->condition;
    bool is_second =
        (one->measure == MEASURE_FIRST || one->measure == MEASURE_LAST) && !one->has_field;

    out->value = measured(leaf);
    if (!is_second || one->test.compare != COMPARE_WITHIN)
        return program_test_passes(&leaf->test, out->value);
    if (out->value >= leaf->test.span.from)
        window_leave(leaf, out->value, &one->test.within);
    return out->value != NONE && out->value >= leaf->test.span.from &&
           out->value < leaf->test.span.to;
}

static int fifth(const int64_t bounds[4], int64_t value)
{
    int at = 0;

    while (at < 4 && value > bounds[at])
        at++;
    return at + 1;
}

static bool is_cell(uint8_t cells, int at)
{
    return cells == 0 || (cells >> at & 1) != 0;
}

static bool rfm_holds(const struct program_leaf *leaf, struct answer_leaf *out)
{
    const struct condition *one = leaf->condition;
    int r, f, m;

    if (leaf->count == 0 || !leaf->has_fifths)
        return false;
    r = fifth(leaf->fifths.last, leaf->last);
    f = fifth(leaf->fifths.count, leaf->count);
    m = fifth(leaf->fifths.sum, leaf->sum);
    out->value = r * 100 + f * 10 + m;
    return is_cell(one->r, r) && is_cell(one->f, f) && is_cell(one->m, m);
}

static bool leaf_holds(struct program_leaf *leaf, struct answer_leaf *out)
{
    const struct condition *one = leaf->condition;

    switch (one->kind) {
    case CONDITION_DID:
        did_leave(leaf);
        return did_holds(leaf, out);
    case CONDITION_RFM:
        did_leave(leaf);
        return rfm_holds(leaf, out);
    case CONDITION_FUNNEL:
        out->value = leaf->level;
        return leaf->level >= one->low && leaf->level <= one->high;
    case CONDITION_REGULAR:
        out->value = leaf->good_units + is_unit_good(leaf);
        return out->value >= one->low;
    case CONDITION_FIRST_TIME:
        if (leaf->first >= leaf->span.from)
            window_leave(leaf, leaf->first, &one->pattern->window);
        out->value = leaf->first;
        out->since = leaf->first;
        return leaf->first != NONE && leaf->first >= leaf->span.from && leaf->first < leaf->span.to;
    case CONDITION_STOPPED:
    case CONDITION_RESTARTED:
        window_leave(leaf, leaf->lasts[0], &one->pattern->window);
        window_leave(leaf, leaf->lasts[1], &one->later);
        window_leave(leaf, leaf->lasts[2], &one->again);
        return one->kind == CONDITION_STOPPED ? (leaf->level & 3) == 1 : (leaf->level & 7) == 5;
    default:
        must(false);
    }
    return false;
}

static bool is_summed(const struct condition *one)
{
    return one->kind == CONDITION_RFM ||
           (one->kind == CONDITION_DID && one->measure == MEASURE_SUM);
}

enum err program_leaf_end(struct program_leaf *leaf, struct answer_leaf *out)
{
    *out = (struct answer_leaf){.since = leaf->since, .value = NONE};
    if (leaf->carry != 0 && is_summed(leaf->condition))
        return E_TOO_LARGE;
    out->is_true = leaf_holds(leaf, out);
    out->until = leaf->until == PROGRAM_NEVER ? NONE : leaf->until;
    return OK;
}
