/* Sorting and merging of events in memory.
 * Always: order is (customer, second, arrival); sorting is by radix, so its time does not depend on
 * how late events are; merging is stable. */
#include "engine/events.h"

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)
#define COLUMNS_SPARSE 4 /* customer numbers an event at most */

bool events_are_sound(const struct events *events)
{
    for (size_t i = 0; i < events->value_count; i++) {
        const struct engine_value *value = &events->values[i];

        if (value->column >= EVENTS_COLUMN_MAX || value->is_last > 1 || value->zero != 0)
            return false;
    }
    if (events->value_count > 0 && !events->values[events->value_count - 1].is_last)
        return false;
    for (size_t i = 0; i < events->count; i++) {
        uint32_t value = events->at[i].value;
        uint32_t seen = 0;

        if (value == EVENTS_NO_VALUE)
            continue;
        if (value >= events->value_count)
            return false;
        do {
            uint32_t bit = (uint32_t)1 << events->values[value].column;

            if (seen & bit)
                return false;
            seen |= bit;
        } while (!events->values[value++].is_last);
    }
    return true;
}

static uint32_t key_of(const struct engine_event *event, bool is_second)
{
    return is_second ? event->second : event->customer;
}

/* One stable pass over DIGIT_BITS of the key. */
static void radix_pass(const struct engine_event *from, struct engine_event *to, size_t count,
                       bool is_second, int shift)
{
    uint32_t places[DIGITS] = {0}, sum = 0;

    for (size_t i = 0; i < count; i++)
        places[key_of(&from[i], is_second) >> shift & (DIGITS - 1)]++;
    for (int i = 0; i < DIGITS; i++) {
        uint32_t here = places[i];

        places[i] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++)
        to[places[key_of(&from[i], is_second) >> shift & (DIGITS - 1)]++] = from[i];
}

/* Sorts stably by one key; *at and *other change places. Digits that are the same in all are left
 * out. */
static void radix_sort(struct engine_event **at, struct engine_event **other, size_t count,
                       bool is_second)
{
    uint32_t differs = 0;

    for (size_t i = 1; i < count; i++)
        differs |= key_of(&(*at)[i], is_second) ^ key_of(&(*at)[0], is_second);
    for (int shift = 0; shift < 32; shift += DIGIT_BITS) {
        struct engine_event *sorted = *other;

        if ((differs >> shift & (DIGITS - 1)) == 0)
            continue;
        radix_pass(*at, sorted, count, is_second, shift);
        *other = *at;
        *at = sorted;
    }
}

static bool is_in_time(const struct events *in)
{
    for (size_t i = 1; i < in->count; i++) {
        if (in->at[i].second < in->at[i - 1].second)
            return false;
    }
    return true;
}

void events_sort(struct arena *arena, const struct events *in, struct events *out)
{
    struct engine_event *at = arena_new_array(arena, struct engine_event, in->count + 1);
    struct engine_event *other = arena_new_array(arena, struct engine_event, in->count + 1);
    struct engine_value *values = arena_new_array(arena, struct engine_value, in->value_count + 1);

    must(in->count < UINT32_MAX);
    if (in->count > 0)
        memcpy(at, in->at, in->count * sizeof(*at));
    if (in->value_count > 0)
        memcpy(values, in->values, in->value_count * sizeof(*values));
    if (!is_in_time(in))
        radix_sort(&at, &other, in->count, true);
    radix_sort(&at, &other, in->count, false);
    *out = (struct events){
        .at = at, .count = in->count, .values = values, .value_count = in->value_count};
}

/* ---- merging ------------------------------------------------------------------------- */

struct merge {
    struct engine_event *at;
    struct engine_value *values;
    size_t count, value_count;
};

static uint64_t order_of(const struct engine_event *event)
{
    return (uint64_t)event->customer << 32 | event->second;
}

static void merge_take(struct merge *merge, const struct events *list, size_t place)
{
    struct engine_event *event = &merge->at[merge->count++];
    uint32_t value = list->at[place].value;

    *event = list->at[place];
    if (value == EVENTS_NO_VALUE)
        return;
    event->value = (uint32_t)merge->value_count;
    do
        merge->values[merge->value_count++] = list->values[value];
    while (!list->values[value++].is_last);
}

/* How many values the events of a list have. */
static size_t count_values(const struct events *list)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        uint32_t value = list->at[i].value;

        if (value == EVENTS_NO_VALUE)
            continue;
        do
            count++;
        while (!list->values[value++].is_last);
    }
    return count;
}

static void merge_begin(struct arena *arena, const struct events *lists, int count,
                        struct merge *out)
{
    size_t event_count = 0, value_count = 0;

    for (int i = 0; i < count; i++) {
        event_count += lists[i].count;
        value_count += count_values(&lists[i]);
    }
    *out = (struct merge){arena_new_array(arena, struct engine_event, event_count + 1),
                          arena_new_array(arena, struct engine_value, value_count + 1), 0, 0};
}

/* The choice is a move and no jump: which list is next cannot be foreseen. */
static struct events merge_two(struct arena *arena, const struct events *lists)
{
    const struct events *a = &lists[0], *b = &lists[1];
    struct merge merge;
    size_t i = 0, j = 0;

    merge_begin(arena, lists, 2, &merge);
    while (i < a->count && j < b->count) {
        bool is_b = order_of(&b->at[j]) < order_of(&a->at[i]);

        merge_take(&merge, is_b ? b : a, is_b ? j : i);
        i += !is_b;
        j += is_b;
    }
    while (i < a->count)
        merge_take(&merge, a, i++);
    while (j < b->count)
        merge_take(&merge, b, j++);
    return (struct events){.at = merge.at,
                           .count = merge.count,
                           .values = merge.values,
                           .value_count = merge.value_count};
}

/* All of the list from there on, its values so much further behind. */
static void rest_put(struct engine_event *to, const struct events *list, size_t from, uint32_t base)
{
    for (size_t i = from; i < list->count; i++) {
        to[i - from] = list->at[i];
        to[i - from].value += list->at[i].value == EVENTS_NO_VALUE ? 0 : base;
    }
}

void events_join(struct arena *arena, const struct events *a, const struct events *b,
                 struct events *out)
{
    size_t count = a->count + b->count, value_count = a->value_count + b->value_count;
    struct engine_event *at = arena_new_array(arena, struct engine_event, count + 1);
    struct engine_value *values = arena_new_array(arena, struct engine_value, value_count + 1);
    uint32_t base = (uint32_t)a->value_count;
    size_t i = 0, j = 0, to = 0;

    if (a->value_count > 0)
        memcpy(values, a->values, a->value_count * sizeof(*values));
    if (b->value_count > 0)
        memcpy(values + base, b->values, b->value_count * sizeof(*values));
    while (i < a->count && j < b->count) {
        bool is_b = order_of(&b->at[j]) < order_of(&a->at[i]);

        at[to] = is_b ? b->at[j] : a->at[i];
        at[to].value += is_b && at[to].value != EVENTS_NO_VALUE ? base : 0;
        to++;
        i += !is_b;
        j += is_b;
    }
    rest_put(at + to, a, i, 0);
    rest_put(at + to, b, j, base);
    *out = (struct events){.at = at, .count = count, .values = values, .value_count = value_count};
}

static struct events merge_all(struct arena *arena, const struct events *lists, int count)
{
    struct events halves[2];

    if (count == 1)
        return lists[0];
    halves[0] = merge_all(arena, lists, count / 2);
    halves[1] = merge_all(arena, lists + count / 2, count - count / 2);
    return merge_two(arena, halves);
}

void events_merge(struct arena *arena, const struct events *lists, int count, struct events *out)
{
    struct merge merge;

    if (count > 1) {
        *out = merge_all(arena, lists, count);
        return;
    }
    merge_begin(arena, lists, count, &merge);
    for (size_t i = 0; count == 1 && i < lists[0].count; i++)
        merge_take(&merge, &lists[0], i);
    *out = (struct events){.at = merge.at,
                           .count = merge.count,
                           .values = merge.values,
                           .value_count = merge.value_count};
}

/* With columns it is known where each customer begins. */
static size_t count_below_known(const struct events *sorted, uint64_t customer)
{
    const struct events_columns *columns = sorted->columns;
    size_t place;

    if (customer >= columns->number_count)
        return sorted->count;
    place = columns->starts[customer];
    place = place > sorted->from ? place - sorted->from : 0;
    return place < sorted->count ? place : sorted->count;
}

/* How many have a customer number below this one. */
static size_t count_below(const struct events *sorted, uint64_t customer)
{
    size_t at = 0, count = sorted->count;

    if (sorted->columns != NULL)
        return count_below_known(sorted, customer);
    while (count > 0) {
        size_t half = count / 2;
        bool is_below = sorted->at[at + half].customer < customer;

        at = is_below ? at + half + 1 : at;
        count = is_below ? count - half - 1 : half;
    }
    return at;
}

struct events events_between(const struct events *sorted, uint64_t from, uint64_t to)
{
    size_t first = count_below(sorted, from), end = count_below(sorted, to);

    return (struct events){.at = sorted->at + first,
                           .count = end - first,
                           .values = sorted->values,
                           .value_count = sorted->value_count,
                           .columns = sorted->columns,
                           .from = sorted->from + first};
}

/* ---- columns ------------------------------------------------------------------------- */

static bool is_narrow(const struct events *events)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < events->count; i++)
        bits |= events->at[i].kind | events->at[i].channel;
    return bits <= UINT8_MAX;
}

/* Counted and summed up: where the next customer begins cannot be foreseen. */
static const uint32_t *starts_make(struct arena *arena, const struct events *sorted,
                                   size_t number_count)
{
    uint32_t *starts = arena_new_array(arena, uint32_t, number_count + 1), sum = 0;
    const struct engine_event *at = sorted->at;

    for (size_t i = 0; i < sorted->count; i++)
        starts[at[i].customer + 1]++;
    for (size_t number = 0; number <= number_count; number++) {
        sum += starts[number];
        starts[number] = sum;
    }
    return starts;
}

void events_columns(struct arena *arena, struct events *sorted)
{
    const struct engine_event *at = sorted->at;
    size_t count = sorted->count, number_count;
    struct events_columns *columns;
    uint8_t *kinds, *channels;
    uint32_t *seconds;
    uint16_t *owns;

    if (count == 0 || !is_narrow(sorted))
        return;
    number_count = ((size_t)at[count - 1].customer / SHARD_NUMBERS + 1) * SHARD_NUMBERS;
    if (number_count > count * COLUMNS_SPARSE)
        return;
    columns = arena_new_one(arena, struct events_columns);
    seconds = arena_new_array(arena, uint32_t, count + EVENTS_PAST_END / sizeof(uint32_t));
    kinds = arena_new_array(arena, uint8_t, count + EVENTS_PAST_END);
    channels = arena_new_array(arena, uint8_t, count + EVENTS_PAST_END);
    owns = arena_new_array(arena, uint16_t, count);
    for (size_t i = 0; i < count; i++) {
        seconds[i] = at[i].second;
        kinds[i] = (uint8_t)at[i].kind;
        channels[i] = (uint8_t)at[i].channel;
        owns[i] = (uint16_t)(at[i].customer % SHARD_NUMBERS);
    }
    *columns = (struct events_columns){
        seconds, kinds, channels, owns, starts_make(arena, sorted, number_count), number_count};
    sorted->columns = columns;
    sorted->from = 0;
}
