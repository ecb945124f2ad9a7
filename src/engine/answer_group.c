/* Questions that count by key: breakdown, trend, paths, intervals.
 * Always: a hand's state begins with its table; an event without a value of `by` is not counted. */
#include "engine/answer_private.h"

#include <stdlib.h>

struct group {
    struct answer_probe probe;
    struct answer_units units; /* by day, or of a trend */
};

struct state {
    struct answer_table table;
    int64_t by;   /* the person's, of an attribute */
    int64_t last; /* paths, intervals: the event before; NONE: none */
    int64_t node, position;
    int64_t second; /* of the event before */
    bool is_done;
};

/* ---- values of `by` ------------------------------------------------------------------------- */

static const struct group *group_of(const struct answer_hand *hand)
{
    return hand->pass->query;
}

static void group_begin(struct answer_hand *hand, uint32_t kept)
{
    const struct query *query = hand->run->query;
    struct state *state = hand->state;

    if (query->has_by && query->by.kind == QUERY_ATTRIBUTE)
        state->by = answer_person_value(hand->run, &query->by, kept);
    state->second = NONE;
    state->is_done = false;
}

static int64_t by_of(const struct answer_hand *hand, const struct program_event *event)
{
    const struct query *query = hand->run->query;
    const struct group *group = hand->pass->query;

    if (query->by.kind == QUERY_ATTRIBUTE)
        return ((const struct state *)hand->state)->by;
    if (query->by.kind == QUERY_DAY)
        return group->units.first + answer_unit(&group->units, event->second);
    return answer_event_value(hand->run, &query->by, event);
}

static void field_add(const struct answer_hand *hand, struct answer_tally *tally,
                      const struct program_event *event)
{
    const struct query *query = hand->run->query;
    int64_t value = query->has_field ? program_value(event, query->field.number) : NONE;

    if (value != NONE)
        answer_sum_add(&tally->sum, value);
}

/* ---- events --------------------------------------------------------------------------------- */

static void breakdown_event(struct answer_hand *hand, const struct program_event *event)
{
    struct state *state = hand->state;
    int64_t by;

    if (!answer_matches(&group_of(hand)->probe, event))
        return;
    by = by_of(hand, event);
    if (by != NONE)
        field_add(hand, answer_tally(hand, &state->table, (struct answer_key){by, 0, 0}), event);
}

static void trend_event(struct answer_hand *hand, const struct program_event *event)
{
    const struct group *group = group_of(hand);
    struct state *state = hand->state;
    int64_t by = 0, unit;

    if (!answer_matches(&group->probe, event))
        return;
    if (hand->run->query->has_by)
        by = hand->run->query->by.kind == QUERY_DAY
                 ? window_unit(hand->run->query->zone, UNIT_DAY, event->second)
                 : by_of(hand, event);
    if (by == NONE)
        return;
    unit = group->units.starts[answer_unit(&group->units, event->second)];
    field_add(hand, answer_tally(hand, &state->table, (struct answer_key){unit, by, 0}), event);
}

static void paths_event(struct answer_hand *hand, const struct program_event *event)
{
    const struct query *query = hand->run->query;
    struct state *state = hand->state;
    int64_t node;

    if (!answer_matches(&group_of(hand)->probe, event))
        return;
    node = by_of(hand, event);
    if (node == NONE)
        return;
    if (state->second == NONE || (query->gap > 0 && event->second - state->second >= query->gap)) {
        state->position = 0;
    } else {
        state->position++;
        if (query->steps == 0)
            answer_tally(hand, &state->table, (struct answer_key){0, state->node, node});
        else if (state->position <= query->steps)
            answer_tally(hand, &state->table,
                         (struct answer_key){state->position, state->node, node});
    }
    state->node = node;
    state->second = event->second;
}

static void interval_event(struct answer_hand *hand, const struct program_event *event)
{
    struct state *state = hand->state;

    if (state->is_done || !answer_matches(&group_of(hand)->probe, event))
        return;
    if (state->second != NONE) {
        answer_tally(hand, &state->table,
                     (struct answer_key){(event->second - state->second) / SCAN_DAY, 0, 0});
        state->is_done = hand->run->query->is_first;
    }
    state->second = event->second;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int64_t sum_cell(const struct answer_run *run, const struct answer_tally *tally)
{
    if (!run->query->has_field)
        return NONE;
    if (tally->sum.carry != 0 || tally->sum.value == NONE)
        answer_stop((struct answer_run *)run, E_TOO_LARGE);
    return tally->sum.value;
}

static enum err trend_rows(struct answer_run *run, const struct answer_table *table)
{
    bool has_by = run->query->has_by;
    int64_t *cells;

    TRY(answer_rows(run, 4 + has_by, (int64_t)table->count, &cells));
    for (size_t i = 0; i < table->count; i++) {
        const struct answer_tally *tally = &table->at[i];

        *cells++ = tally->key.a;
        if (has_by)
            *cells++ = tally->key.b;
        *cells++ = tally->people;
        *cells++ = tally->events;
        *cells++ = sum_cell(run, tally);
    }
    return OK;
}

static enum err interval_rows(struct answer_run *run, const struct answer_table *table)
{
    int64_t *cells;

    TRY(answer_rows(run, 2, (int64_t)table->count, &cells));
    for (size_t i = 0; i < table->count; i++) {
        *cells++ = table->at[i].key.a;
        *cells++ = table->at[i].events;
    }
    return OK;
}

/* The most first, else as they lay: by key. */
struct ranked {
    int64_t most, carry;
    size_t at;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->carry != y->carry)
        return x->carry > y->carry ? -1 : 1;
    if (x->most != y->most)
        return x->most > y->most ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static struct ranked *ranked_by(struct answer_run *run, const struct answer_table *table)
{
    struct ranked *ranks = arena_new_array(run->hands[0].arena, struct ranked, table->count + 1);
    const struct query *query = run->query;

    for (size_t i = 0; i < table->count; i++) {
        const struct answer_tally *tally = &table->at[i];
        bool is_people = query->ask == QUERY_BREAKDOWN && query->order == BY_PEOPLE;
        bool is_sum = query->ask == QUERY_BREAKDOWN && query->order == BY_SUM;

        ranks[i] = (struct ranked){is_people ? tally->people : tally->events, 0, i};
        if (is_sum)
            ranks[i] = (struct ranked){tally->sum.value, tally->sum.carry, i};
    }
    if (table->count > 0)
        qsort(ranks, table->count, sizeof(*ranks), by_rank);
    return ranks;
}

static void breakdown_row(struct answer_run *run, const struct answer_tally *tally, int64_t **cells)
{
    *(*cells)++ = tally->key.a;
    *(*cells)++ = tally->people;
    *(*cells)++ = tally->events;
    *(*cells)++ = sum_cell(run, tally);
}

static enum err breakdown_rows(struct answer_run *run, const struct answer_table *table)
{
    const struct ranked *ranks = ranked_by(run, table);
    int64_t count = (int64_t)table->count, limit = run->query->limit, *cells;
    struct answer_tally rest = {.key = {NONE, 0, 0}};

    TRY(answer_rows(run, 4, count > limit ? limit + 1 : count, &cells));
    for (int64_t i = 0; i < count; i++) {
        const struct answer_tally *tally = &table->at[ranks[i].at];

        if (i < limit) {
            breakdown_row(run, tally, &cells);
            continue;
        }
        rest.people += tally->people;
        rest.events += tally->events;
        answer_sum_join(&rest.sum, &tally->sum);
    }
    if (count > limit)
        breakdown_row(run, &rest, &cells);
    return OK;
}

static enum err paths_rows(struct answer_run *run, const struct answer_table *table)
{
    const struct ranked *ranks = ranked_by(run, table);
    int64_t count = (int64_t)table->count, *cells;

    count = count < run->query->limit ? count : run->query->limit;
    TRY(answer_rows(run, 4, count, &cells));
    for (int64_t i = 0; i < count; i++) {
        const struct answer_tally *tally = &table->at[ranks[i].at];

        *cells++ = tally->key.a;
        *cells++ = tally->key.b;
        *cells++ = tally->key.c;
        *cells++ = tally->events;
    }
    return OK;
}

/* ---- questions ------------------------------------------------------------------------------ */

static bool needs_units(const struct query *query)
{
    return query->ask == QUERY_TREND || (query->has_by && query->by.kind == QUERY_DAY);
}

/* ---- kernels -------------------------------------------------------------------------------- */

static void tally_add(struct answer_run *run, struct answer_key key, int64_t count)
{
    struct answer_tally tally = {.key = key, .people = 1, .events = count};

    answer_tally_add(&run->hands[0], &((struct state *)run->hands[0].state)->table, &tally);
}

/* Days from the first to the second; the kernel does not tell apart those beyond its last cell. */
static bool intervals_took(struct answer_run *run, struct answer_pass *pass)
{
    struct scan scan = answer_scan(run, &run->plain);
    int64_t days[SCAN_DAY_MAX];

    scan_intervals(&scan, run->query->pattern.kinds[0], days);
    if (days[SCAN_DAY_MAX - 1] > 0)
        return false;
    answer_joined_run(run, pass);
    for (int i = 0; i < SCAN_DAY_MAX; i++)
        tally_add(run, (struct answer_key){i, 0, 0}, days[i]);
    return true;
}

static bool paths_took(struct answer_run *run, struct answer_pass *pass, int64_t from)
{
    struct scan scan = answer_scan(run, &run->plain);
    int64_t *pairs = arena_new_array(run->hands[0].arena, int64_t, SCAN_KIND_MAX * SCAN_KIND_MAX);

    answer_joined_run(run, pass);
    scan_paths(&scan, from < 0 ? 0 : (uint32_t)from, SCAN_KIND_MAX, pairs);
    for (int i = 0; i < SCAN_KIND_MAX * SCAN_KIND_MAX; i++)
        tally_add(run, (struct answer_key){0, i / SCAN_KIND_MAX, i % SCAN_KIND_MAX}, pairs[i]);
    return true;
}

static bool kernel_took(struct answer_run *run, struct answer_pass *pass, const struct group *group)
{
    const struct query *query = run->query;
    const struct answer_probe *probe = &group->probe;

    if (run->options->is_generic)
        return false;
    if (query->ask == QUERY_INTERVAL && query->is_first &&
        answer_is_one_kind(run, probe, &query->pattern))
        return intervals_took(run, pass);
    if (query->ask == QUERY_PATHS && query->steps == 0 && query->gap == 0 &&
        query->by.kind == QUERY_KIND && probe->kinds == NULL && probe->test_count == 0 &&
        probe->from <= UINT32_MAX && probe->to > run->last && !run->is_kind_wide)
        return paths_took(run, pass, probe->from);
    return false;
}

static struct answer_table counted(struct answer_run *run,
                                   void (*event)(struct answer_hand *,
                                                 const struct program_event *))
{
    const struct query *query = run->query;
    struct group group = {.probe = answer_probe(run, &query->pattern)};
    struct answer_pass pass = {
        .query = &group, .state_bytes = sizeof(struct state), .begin = group_begin, .event = event};

    if (needs_units(query))
        group.units = answer_units(run, query->ask == QUERY_TREND ? query->unit : UNIT_DAY,
                                   run->first, run->last + 1);
    answer_filter_add(&pass.filter, &group.probe);
    if (!kernel_took(run, &pass, &group))
        answer_pass_run(run, &pass);
    return answer_tables_join(run);
}

/* Which values have rows of their own is known when all are counted; then the others are told. */
static void rest_take(struct answer_run *run)
{
    struct answer_cell *cell = run->cell;
    const struct query_key *key = &cell->cell->keys[0];
    struct test *others = arena_new_one(run->hands[0].arena, struct test);
    struct answer_table table;
    const struct ranked *ranks;
    int64_t *shown;
    size_t count;

    run->cell = NULL;
    table = counted(run, breakdown_event);
    run->cell = cell;
    ranks = ranked_by(run, &table);
    count = table.count < (size_t)run->query->limit ? table.count : (size_t)run->query->limit;
    shown = arena_new_array(run->hands[0].arena, int64_t, count + 1);
    for (size_t i = 0; i < count; i++)
        shown[i] = table.at[ranks[i].at].key.a;
    *others = (struct test){.compare = COMPARE_NONE_OF, .values = shown, .value_count = (int)count};
    program_test_at(run->program, &cell->tests[0], others, &key->field, run->query->zone);
}

enum err answer_breakdown(struct answer_run *run)
{
    struct answer_table table;

    if (answer_is_rest(run))
        rest_take(run);
    table = counted(run, breakdown_event);
    return breakdown_rows(run, &table);
}

enum err answer_trend(struct answer_run *run)
{
    struct answer_table table = counted(run, trend_event);

    return trend_rows(run, &table);
}

enum err answer_paths(struct answer_run *run)
{
    struct answer_table table = counted(run, paths_event);

    return paths_rows(run, &table);
}

enum err answer_interval(struct answer_run *run)
{
    struct answer_table table = counted(run, interval_event);

    return interval_rows(run, &table);
}
