/* Every question beside a plain answer from a list of events, over random stores: ties, late news,
 * blocks and runs mixed, wide kinds; at every level of the machine, with and without summaries, one
 * thread and more. */
#include "engine/scan.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host/file.h"

#define EVENT_MAX 40000
#define CUSTOMERS 400
#define DAY 86400
#define WEEK_OFFSET 1000

static uint64_t seed = 88172645463325252u;

static uint64_t random_below(uint64_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % max;
}

struct known {
    uint32_t customer, second;
    uint16_t kind, channel;
    int64_t amount;
    int arrival;
};

/* A store and what is in it, by customer, second, arrival. */
struct world {
    struct known events[EVENT_MAX];
    int count;
    uint32_t kind_max, second_max;
    char folder[64];
    struct store *store;
    const struct snapshot *snapshot;
    struct bitmap only;
};

static int by_order(const void *a, const void *b)
{
    const struct known *x = a, *y = b;

    if (x->customer != y->customer)
        return x->customer < y->customer ? -1 : 1;
    if (x->second != y->second)
        return x->second < y->second ? -1 : 1;
    return x->arrival - y->arrival;
}

/* Three shards; a few customers have most events. */
static uint32_t random_customer(void)
{
    uint64_t rank = random_below(1 + random_below(CUSTOMERS));

    return (uint32_t)(rank % 3 * SHARD_NUMBERS + rank * 37 % SHARD_NUMBERS);
}

static void world_append(struct world *world, int count, uint32_t from, uint32_t to)
{
    struct engine_event events[500];
    struct engine_value values[500];
    struct store_batch batch = {
        0, store_position(world->store, 0) + 1, {events, (size_t)count, values, (size_t)count}};
    uint64_t seq;

    for (int i = 0; i < count; i++) {
        struct known *known = &world->events[world->count];

        *known = (struct known){random_customer(),
                                from + (uint32_t)random_below(to - from),
                                (uint16_t)random_below(world->kind_max),
                                (uint16_t)random_below(12),
                                0,
                                world->count};
        known->amount = known->kind == 3 ? (int64_t)random_below(5000) - 100 : 0;
        values[i] = (struct engine_value){known->amount, EVENTS_AMOUNT, 1, 0};
        events[i] =
            (struct engine_event){known->customer, known->second, known->kind, known->channel,
                                  known->kind == 3 ? (uint32_t)i : EVENTS_NO_VALUE};
        world->count++;
    }
    assert_int_equal(store_append(world->store, &batch, &seq), OK);
}

/* Span small: many ties. Merged now and then, so that some is in blocks and some is news, late ones
 * among them. */
static void world_open(struct world *world, int batches, uint32_t span, uint32_t kind_max)
{
    struct store_options options = {
        .schema = {.posting_kinds = {3}, .posting_count = 1, .week_offset = WEEK_OFFSET},
        .tail_max = 700,
        .is_manual = true};

    world->count = 0;
    world->kind_max = kind_max;
    world->second_max = (uint32_t)batches * span;
    snprintf(world->folder, sizeof(world->folder), "/tmp/papilio-scan-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    assert_int_equal(store_open(str_of(world->folder), &options, &world->store), OK);
    for (int i = 0; i < batches; i++) {
        uint32_t from = (uint32_t)i * span;

        world_append(world, 1 + (int)random_below(400), random_below(5) == 0 ? from / 2 : from,
                     from + span);
        if (i == batches / 2 || (i < batches / 2 && random_below(8) == 0))
            assert_int_equal(store_merge(world->store), OK);
        for (bool did = random_below(4) == 0; did;) /* large runs have columns */
            assert_int_equal(store_step(world->store, &did), OK);
    }
    world->snapshot = store_snapshot(world->store);
    qsort(world->events, (size_t)world->count, sizeof(*world->events), by_order);
    bitmap_init(&world->only);
    for (uint32_t i = 0; i < 3 * SHARD_NUMBERS; i++) {
        if (random_below(3) > 0)
            bitmap_add(&world->only, i);
    }
}

static void world_close(struct world *world)
{
    store_release(world->store, world->snapshot);
    store_close(world->store);
    bitmap_release(&world->only);
    assert_int_equal(folder_remove(str_of(world->folder)), OK);
}

/* A customer's events; false: there are no more. Leaves out who is not in `only`. */
struct person {
    const struct known *events;
    int count, next;
};

static bool person_next(const struct world *world, const struct bitmap *only, struct person *person)
{
    do {
        int from = person->next;

        if (from == world->count)
            return false;
        while (person->next < world->count &&
               world->events[person->next].customer == world->events[from].customer)
            person->next++;
        person->events = world->events + from;
        person->count = person->next - from;
    } while (only != NULL && !bitmap_has(only, person->events[0].customer));
    return true;
}

/* Asks once and compares with the plain answer. */
static void every_way(struct world *world,
                      void (*ask)(const struct scan *scan, struct world *world, void *user),
                      void *user)
{
    for (int i = 0; i < 32; i++) {
        struct scan scan = {.snapshot = world->snapshot};

        scan.level = (enum scan_level)(i % 4);
        scan.is_columns_only = i / 4 % 2;
        scan.only = i / 8 % 2 ? &world->only : NULL;
        scan.thread_count = i / 16 ? 3 : 0;
        ask(&scan, world, user);
    }
}

static void each_world(void (*ask)(const struct scan *scan, struct world *world, void *user),
                       void *user)
{
    static const struct {
        int batches;
        uint32_t span, kind_max;
    } worlds[] = {{60, 30, 6}, {60, DAY, 6}, {80, 4 * DAY, 40}, {30, DAY, 300}, {1, DAY, 5}};

    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        struct world *world = calloc(1, sizeof(*world));

        world_open(world, worlds[i].batches, worlds[i].span, worlds[i].kind_max);
        every_way(world, ask, user);
        world_close(world);
        free(world);
    }
}

/* ---- funnels --------------------------------------------------------------------------------- */

/* The steps reached from this first event: always the earliest next one. */
static int steps_from(const struct person *person, int first, const struct scan_funnel *query)
{
    int step = 1;

    for (int i = first + 1; i < person->count && step < query->step_count; i++) {
        if (person->events[i].second - person->events[first].second > query->window)
            break;
        step += person->events[i].kind == query->kinds[step];
    }
    return step;
}

static int person_level(const struct person *person, const struct scan_funnel *query)
{
    int level = -1;

    for (int i = 0; i < person->count; i++) {
        for (int step = 0; step < query->step_count && level < 0; step++)
            level = person->events[i].kind == query->kinds[step] ? 0 : level;
        if (person->events[i].kind == query->kinds[0]) {
            int reached = steps_from(person, i, query);

            level = reached > level ? reached : level;
        }
    }
    return level;
}

static void ask_funnel(const struct scan *scan, struct world *world, void *user)
{
    struct scan_funnel query = {.step_count = 1 + (int)random_below(4)};
    int64_t levels[SCAN_STEP_MAX + 1], expected[SCAN_STEP_MAX + 1] = {0};
    struct person person = {0};

    (void)user;
    for (int i = 0; i < query.step_count; i++) /* some kinds twice, some wide */
        query.kinds[i] = (uint16_t)(random_below(world->kind_max > 256 ? world->kind_max : 6));
    query.window = (uint32_t)random_below(world->second_max / 4 + 1);
    while (person_next(world, scan->only, &person)) {
        int level = person_level(&person, &query);

        if (level >= 0)
            expected[level]++;
    }
    for (int way = SCAN_EITHER; way <= SCAN_BACK; way++) {
        query.way = way;
        scan_funnel(scan, &query, levels);
        assert_memory_equal(levels, expected, sizeof(levels));
    }
}

static void funnels_agree(void **state)
{
    (void)state;
    each_world(ask_funnel, NULL);
}

/* ---- segments -------------------------------------------------------------------------------- */

static bool person_holds(const struct person *person, const struct scan_segment *query)
{
    for (int i = 0; i < query->condition_count; i++) {
        const struct scan_condition *condition = &query->conditions[i];
        uint32_t count = 0;

        for (int j = 0; j < person->count; j++)
            count += person->events[j].kind == condition->kind &&
                     person->events[j].second >= condition->from &&
                     person->events[j].second < condition->to;
        if (count < condition->at_least || count > condition->at_most)
            return false;
    }
    return true;
}

static void ask_segment(const struct scan *scan, struct world *world, void *user)
{
    struct scan_segment query = {.condition_count = 1 + (int)random_below(3)};
    struct person person = {0};
    struct bitmap found;
    int64_t count = 0, *total = user;

    bitmap_init(&found);
    for (int i = 0; i < query.condition_count; i++) {
        struct scan_condition *condition = &query.conditions[i];

        condition->kind = (uint16_t)random_below(6);
        condition->from = (uint32_t)random_below(world->second_max);
        condition->to = condition->from + (uint32_t)random_below(world->second_max);
        condition->at_least = (uint32_t)random_below(3);
        condition->at_most =
            random_below(3) ? UINT32_MAX : condition->at_least + (uint32_t)random_below(2);
        if (condition->at_least == 0 && condition->at_most == UINT32_MAX)
            condition->at_least = 1;
    }
    bitmap_add(&found, 77); /* goes */
    assert_int_equal(scan_segment(scan, &query, NULL), scan_segment(scan, &query, &found));
    while (person_next(world, scan->only, &person)) {
        if (!person_holds(&person, &query))
            continue;
        count++;
        assert_true(bitmap_has(&found, person.events[0].customer));
    }
    assert_int_equal(bitmap_count(&found), count);
    *total += count;
    bitmap_release(&found);
}

static void segments_agree(void **state)
{
    int64_t total = 0;

    (void)state;
    each_world(ask_segment, &total);
    assert_true(total > 1000); /* not empty answers all along */
}

/* ---- RFM ----------------------------------------------------------------------------------- */

static int by_int(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void fifths(const int64_t *values, int count, int *out)
{
    int64_t sorted[CUSTOMERS + 1];

    memcpy(sorted, values, (size_t)count * sizeof(*sorted));
    qsort(sorted, (size_t)count, sizeof(*sorted), by_int);
    for (int i = 0; i < count; i++) {
        out[i] = 0;
        for (int fifth = 1; fifth <= 4; fifth++)
            out[i] += values[i] > sorted[(count * fifth + 4) / 5 - 1];
    }
}

static void ask_rfm(const struct scan *scan, struct world *world, void *user)
{
    static int64_t values[3][CUSTOMERS + 1];
    static int cells_of[3][CUSTOMERS + 1];
    int64_t cells[5][5][5], expected[5][5][5] = {{{0}}};
    struct person person = {0};
    uint16_t kind =
        random_below(2) ? 3 : (uint16_t)random_below(6); /* of many counts, with postings or not */
    int count = 0;

    (void)user;
    while (person_next(world, scan->only, &person)) {
        values[0][count] = values[1][count] = values[2][count] = 0;
        for (int i = 0; i < person.count; i++) {
            if (person.events[i].kind != kind)
                continue;
            values[0][count] = person.events[i].second;
            values[1][count]++;
            values[2][count] += person.events[i].amount;
        }
        count += values[1][count] > 0;
    }
    for (int i = 0; i < 3; i++)
        fifths(values[i], count, cells_of[i]);
    for (int i = 0; i < count; i++)
        expected[cells_of[0][i]][cells_of[1][i]][cells_of[2][i]]++;
    scan_rfm(scan, kind, cells);
    assert_memory_equal(cells, expected, sizeof(cells));
}

static void rfm_agrees(void **state)
{
    (void)state;
    each_world(ask_rfm, NULL);
}

/* ---- cohorts, channels, intervals, paths ------------------------------------------------ */

static void ask_cohort(const struct scan *scan, struct world *world, void *user)
{
    struct scan_cohort query = {(uint32_t)random_below(8), random_below(4) ? WEEK_OFFSET : 77,
                                1 + (int)random_below(40), 64};
    int64_t sizes[SCAN_COHORT_MAX], expected_sizes[SCAN_COHORT_MAX] = {0};
    static int64_t active[SCAN_COHORT_MAX][SCAN_COHORT_MAX],
        expected[SCAN_COHORT_MAX][SCAN_COHORT_MAX];
    struct person person = {0};

    (void)user;
    memset(expected, 0, sizeof(expected));
    query.week_count = 1 + (int)random_below(64);
    while (person_next(world, scan->only, &person)) {
        uint32_t first = (person.events[0].second + query.week_offset) / (7 * DAY);
        int cohort = (int)first - (int)query.first_week;
        bool is_seen[2000] = {false};

        if (cohort < 0 || cohort >= query.cohort_count)
            continue;
        expected_sizes[cohort]++;
        for (int i = 0; i < person.count; i++) {
            uint32_t week = (person.events[i].second + query.week_offset) / (7 * DAY) - first;

            if (!is_seen[week] && (int)week < query.week_count)
                expected[cohort][week]++;
            is_seen[week] = true;
        }
    }
    scan_cohort(scan, &query, sizes, active);
    assert_memory_equal(sizes, expected_sizes, sizeof(sizes));
    assert_memory_equal(active, expected, sizeof(active));
}

static void cohorts_agree(void **state)
{
    (void)state;
    each_world(ask_cohort, NULL);
}

static void ask_channels(const struct scan *scan, struct world *world, void *user)
{
    struct scan_channel channels[11], expected[11] = {{0}};
    struct person person = {0};

    (void)user;
    while (person_next(world, scan->only, &person)) {
        bool has_any[12] = {false}, has_bought[12] = {false};

        for (int i = 0; i < person.count; i++) {
            const struct known *known = &person.events[i];
            struct scan_channel *channel = &expected[known->channel];

            if (known->channel >= 11)
                continue;
            channel->customer_count += !has_any[known->channel];
            has_any[known->channel] = true;
            if (known->kind != 3)
                continue;
            channel->buyer_count += !has_bought[known->channel];
            has_bought[known->channel] = true;
            channel->order_count++;
            channel->amount += known->amount;
        }
    }
    scan_channels(scan, 3, channels, 11);
    assert_memory_equal(channels, expected, sizeof(channels));
}

static void channels_agree(void **state)
{
    (void)state;
    each_world(ask_channels, NULL);
}

static void ask_rest(const struct scan *scan, struct world *world, void *user)
{
    int64_t days[SCAN_DAY_MAX], expected_days[SCAN_DAY_MAX] = {0};
    static int64_t pairs[40 * 40], expected_pairs[40 * 40];
    uint32_t from = (uint32_t)random_below(world->second_max);
    struct person person = {0};

    (void)user;
    memset(expected_pairs, 0, sizeof(expected_pairs));
    while (person_next(world, scan->only, &person)) {
        int found = 0, first = 0;

        for (int i = 0; i < person.count; i++) {
            const struct known *known = &person.events[i];

            if (i > 0 && known[-1].second >= from && known[-1].kind < 40 && known->kind < 40)
                expected_pairs[known[-1].kind * 40 + known->kind]++;
            if (known->kind != 3)
                continue;
            if (++found == 1)
                first = i;
            if (found == 2) {
                uint32_t day = (known->second - person.events[first].second) / DAY;

                expected_days[day < SCAN_DAY_MAX ? day : SCAN_DAY_MAX - 1]++;
            }
        }
    }
    scan_intervals(scan, 3, days);
    assert_memory_equal(days, expected_days, sizeof(days));
    scan_paths(scan, from, 40, pairs);
    assert_memory_equal(pairs, expected_pairs, sizeof(pairs));
}

static void intervals_and_paths_agree(void **state)
{
    (void)state;
    each_world(ask_rest, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(funnels_agree),  cmocka_unit_test(segments_agree),
        cmocka_unit_test(rfm_agrees),     cmocka_unit_test(cohorts_agree),
        cmocka_unit_test(channels_agree), cmocka_unit_test(intervals_and_paths_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
