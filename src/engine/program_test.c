/* Conditions over one person's events: cases worked out by hand, and what they promise about time:
 * between two events nothing changes before the instant that was named. */
#include "engine/program.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/window.h"
#include "host/file.h"

#define VIEW 1
#define CART 2
#define ORDER 3
#define EVENT_MAX 64

static struct arena *arena;
static struct people *people;
static const struct people_view *view;
static uint64_t seed = 88172645463325252u;
static struct program_event events[EVENT_MAX];
static struct engine_value amounts[EVENT_MAX];
static int event_count;

static int64_t random_below(int64_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int64_t)(seed >> 11) % max;
}

static struct zone *zone_of(const char *name)
{
    struct zone *zone;
    struct str bytes;

    assert_int_equal(
        file_read(arena, str_fmt(arena, "/usr/share/zoneinfo/%s", name), 1 << 20, &bytes), OK);
    assert_int_equal(zone_parse(arena, bytes, &zone), OK);
    return zone;
}

static int begin(void **state)
{
    (void)state;
    arena = arena_new((size_t)64 << 20);
    people = people_new();
    people_add(people, 1);
    people_publish(people);
    view = people_hold(people);
    event_count = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    people_release(people, view);
    people_free(people);
    arena_free(arena);
    return 0;
}

static void happened(uint32_t second, uint16_t kind, int64_t amount)
{
    amounts[event_count] =
        (struct engine_value){.value = amount, .column = EVENTS_AMOUNT, .is_last = 1};
    events[event_count] =
        (struct program_event){.second = second,
                               .kind = kind,
                               .channel = 7,
                               .values = amount == NONE ? NULL : &amounts[event_count]};
    event_count++;
}

static struct answer_leaf ask(const struct zone *zone, const struct condition *who, int count,
                              int64_t as_of)
{
    struct query query = {.ask = QUERY_SEGMENT, .zone = zone, .who = who, .who_count = count};
    struct moment moment = {.people = view, .as_of = as_of};
    struct program *program = program_new();
    struct answer_leaf root;
    uint32_t number = 1;

    assert_int_equal(program_add(program, &query), 0);
    program_at(program, &moment);
    program_begin(program, &number, 1, NULL);
    for (int i = 0; i < event_count; i++)
        program_event(program, &events[i]);
    assert_int_equal(program_result(program, 0, NULL, &root), OK);
    program_free(program);
    return root;
}

static struct pattern pattern_of(uint16_t kind, struct window window)
{
    uint16_t *kinds = arena_new_array(arena, uint16_t, 1);

    kinds[0] = kind;
    return (struct pattern){.kinds = kinds, .kind_count = 1, .window = window};
}

static const struct window always = {.kind = WINDOW_ALWAYS};
static struct window last(int64_t seconds)
{
    return (struct window){.kind = WINDOW_ROLLING, .seconds = seconds};
}

static struct condition did(const struct pattern *pattern, enum measure measure,
                            enum compare compare, int64_t bound)
{
    return (struct condition){
        .kind = CONDITION_DID,
        .size = 1,
        .pattern = pattern,
        .measure = measure,
        .has_field = measure != MEASURE_COUNT && measure != MEASURE_DAYS,
        .field = {.kind = QUERY_COLUMN, .number = EVENTS_AMOUNT, .type = VALUE_MONEY},
        .test = {.compare = compare, .low = bound, .high = bound}};
}

/* ---- by hand --------------------------------------------------------------------------------- */

static void test_window_edges(void **state)
{
    struct pattern pattern = pattern_of(VIEW, last(100));
    struct condition two = did(&pattern, MEASURE_COUNT, COMPARE_AT_LEAST, 2);
    struct answer_leaf answer;

    (void)state;
    happened(1000, VIEW, NONE);
    happened(1050, VIEW, NONE);
    happened(1060, CART, NONE);
    answer = ask(NULL, &two, 1, 1051); /* [951, 1051) has both */
    assert_true(answer.is_true);
    assert_int_equal(answer.value, 2);
    assert_int_equal(answer.since, 1050);
    assert_int_equal(answer.until, 1101); /* then [1001, 1101) */
    assert_true(ask(NULL, &two, 1, 1100).is_true);
    assert_false(ask(NULL, &two, 1, 1101).is_true);
    assert_false(ask(NULL, &two, 1, 1050).is_true); /* the second one is not seen yet */
    assert_int_equal(ask(NULL, &two, 1, 1050).until, 1051);
}

static void test_measures(void **state)
{
    struct pattern pattern = pattern_of(ORDER, always);
    struct condition one;

    (void)state;
    happened(1000, ORDER, INT64_MAX);
    happened(1001, ORDER, 5);
    happened(1002, ORDER, NONE);
    happened(1003, ORDER, -5);
    happened(1004, ORDER, 5);
    happened(1005, ORDER, -5);
    one = did(&pattern, MEASURE_SUM, COMPARE_AT_LEAST, INT64_MAX);
    assert_true(ask(NULL, &one, 1, 2000).is_true); /* over int64 on the way, not at the end */
    one = did(&pattern, MEASURE_DISTINCT, COMPARE_BETWEEN, 3);
    one.test.high = 4;
    assert_int_equal(ask(NULL, &one, 1, 2000).value, 3); /* the one without is left out */
    one = did(&pattern, MEASURE_MIN, COMPARE_BELOW, -4);
    assert_true(ask(NULL, &one, 1, 2000).is_true);
    one = did(&pattern, MEASURE_LAST, COMPARE_AT_LEAST, -5);
    assert_int_equal(ask(NULL, &one, 1, 2000).value, -5);
    assert_int_equal(ask(NULL, &one, 1, 1003).value, NONE); /* the last of them says no amount */
    one = did(&pattern, MEASURE_COUNT, COMPARE_BELOW, 1);
    assert_true(ask(NULL, &one, 1, 1000).is_true); /* fewer than one: zero too */
}

static void test_sum_too_large(void **state)
{
    struct pattern pattern = pattern_of(ORDER, always);
    struct condition one = did(&pattern, MEASURE_SUM, COMPARE_AT_LEAST, 0);
    struct query query = {.who = &one, .who_count = 1};
    struct moment moment = {.people = view, .as_of = 2000};
    struct program *program = program_new();
    struct answer_leaf root;
    uint32_t number = 1;

    (void)state;
    happened(1000, ORDER, INT64_MAX);
    happened(1001, ORDER, 1);
    program_add(program, &query);
    program_at(program, &moment);
    program_begin(program, &number, 1, NULL);
    program_event(program, &events[0]);
    program_event(program, &events[1]);
    assert_int_equal(program_result(program, 0, NULL, &root), E_TOO_LARGE);
    program_free(program);
}

static struct condition chain(struct funnel *funnel, int64_t low)
{
    return (struct condition){
        .kind = CONDITION_FUNNEL, .size = 1, .funnel = funnel, .low = low, .high = QUERY_STEP_MAX};
}

static int64_t level(struct funnel *funnel)
{
    struct condition one = chain(funnel, 1);

    return ask(NULL, &one, 1, 10000).value;
}

static void test_chains(void **state)
{
    struct funnel funnel = {
        .steps = {pattern_of(VIEW, always), pattern_of(VIEW, always), pattern_of(ORDER, always)},
        .step_count = 3,
        .within = 100};

    (void)state;
    happened(1000, VIEW, NONE);
    happened(1000, ORDER, NONE);
    assert_int_equal(level(&funnel), 1); /* one event is not two steps */
    happened(1000, VIEW, NONE);
    happened(1100, ORDER, NONE);
    assert_int_equal(level(&funnel), 3); /* 100 seconds are within 100 */
    funnel.within = 99;
    assert_int_equal(level(&funnel), 2);
    funnel.within = 100;
    funnel.order = FUNNEL_STRICT;
    assert_int_equal(level(&funnel), 1); /* an order stands between the views */
    funnel.order = FUNNEL_ORDERED;
    funnel.exclusions[0] = (struct funnel_exclusion){pattern_of(ORDER, always), 1};
    funnel.exclusion_count = 1;
    assert_int_equal(level(&funnel), 1); /* it breaks the chain between its first and second step */
    funnel.exclusions[0].after = 2;
    assert_int_equal(level(&funnel), 3); /* what ends the chain does not stand within it */
}

static void test_strict_and_any(void **state)
{
    struct funnel funnel = {.order = FUNNEL_STRICT,
                            .steps = {pattern_of(VIEW, always), pattern_of(ORDER, always)},
                            .step_count = 2,
                            .within = 100};

    (void)state;
    happened(1000, ORDER, NONE);
    happened(1010, VIEW, NONE);
    happened(1020, CART, NONE);
    happened(1030, ORDER, NONE);
    assert_int_equal(level(&funnel), 1);
    happened(1040, VIEW, NONE);
    happened(1050, ORDER, NONE);
    assert_int_equal(level(&funnel), 2);
    event_count = 2;
    funnel.order = FUNNEL_ANY_ORDER;
    funnel.within = 10;
    assert_int_equal(level(&funnel), 2);
    funnel.within = 9;
    assert_int_equal(level(&funnel), 1);
}

static void test_regular_stopped(void **state)
{
    struct zone *zone = zone_of("Europe/Berlin");
    int64_t day = day_of_date(2026, 3, 29); /* 23 hours long */
    int64_t start = zone_day_start(zone, day) / 1000, next = zone_day_start(zone, day + 1) / 1000;
    struct window days = {.kind = WINDOW_CALENDAR, .unit = UNIT_DAY, .count = 3};
    struct pattern pattern = pattern_of(VIEW, days), silent = pattern_of(VIEW, last(7200));
    struct condition regular = {
        .kind = CONDITION_REGULAR, .size = 1, .pattern = &pattern, .low = 2, .high = 2};
    struct condition stopped = {
        .kind = CONDITION_STOPPED, .size = 1, .pattern = &silent, .later = last(3600)};

    (void)state;
    assert_int_equal(next - start, 23 * 3600);
    happened((uint32_t)(start - 2), VIEW, NONE);
    happened((uint32_t)(start - 1), VIEW, NONE);
    happened((uint32_t)start, VIEW, NONE);
    happened((uint32_t)(next - 1), VIEW, NONE);
    happened((uint32_t)next, VIEW, NONE);
    assert_true(
        ask(zone, &regular, 1, next).is_true); /* days -2, -1 and 0 are over: two good ones */
    assert_int_equal(ask(zone, &regular, 1, next - 1).value, 1);
    assert_int_equal(ask(zone, &regular, 1, next - 1).until, next);
    assert_false(ask(zone, &stopped, 1, next + 3600).is_true);
    assert_true(ask(zone, &stopped, 1, next + 3601).is_true);
    assert_int_equal(ask(zone, &stopped, 1, next + 3600).until, next + 3601);
    assert_false(ask(zone, &stopped, 1, next + 7201).is_true);
}

static void test_boolean(void **state)
{
    struct pattern views = pattern_of(VIEW, always), orders = pattern_of(ORDER, always);
    struct condition who[] = {did(&views, MEASURE_COUNT, COMPARE_AT_LEAST, 1),
                              did(&orders, MEASURE_COUNT, COMPARE_AT_LEAST, 1),
                              {.kind = CONDITION_NOT, .operands = 1, .size = 2},
                              {.kind = CONDITION_ALL, .operands = 2, .size = 4}};

    (void)state;
    happened(1000, VIEW, NONE);
    assert_true(ask(NULL, who, 4, 2000).is_true);
    happened(1001, ORDER, NONE);
    assert_false(ask(NULL, who, 4, 2000).is_true);
    who[3].kind = CONDITION_ANY;
    assert_true(ask(NULL, who, 4, 2000).is_true);
    assert_true(ask(NULL, who, 0, 2000).is_true);
}

/* ---- the instants ---------------------------------------------------------------------------- */

static struct window random_window(void)
{
    switch (random_below(4)) {
    case 0:
        return always;
    case 1:
        return last(1 + random_below(40));
    case 2:
        return (struct window){
            .kind = WINDOW_RANGE, .from = 1000 + random_below(60), .to = 1060 + random_below(60)};
    default:
        return (struct window){.kind = WINDOW_CALENDAR,
                               .unit = UNIT_DAY,
                               .count = 1 + random_below(2),
                               .is_current = random_below(2) == 0};
    }
}

static struct condition random_condition(struct pattern *pattern, struct funnel *funnel)
{
    struct condition one;

    *pattern = pattern_of((uint16_t)(1 + random_below(3)), random_window());
    one = did(pattern, (enum measure)random_below(MEASURE_DAYS + 1), COMPARE_AT_LEAST,
              1 + random_below(3));
    if (random_below(2) == 0)
        return one;
    *funnel = (struct funnel){.order = (enum funnel_order)random_below(3),
                              .steps = {*pattern, pattern_of(ORDER, random_window())},
                              .step_count = 2,
                              .within = random_below(50)};
    one.funnel = funnel;
    one.low = 1 + random_below(2);
    one.high = 1 + random_below(3);
    one.later = random_window();
    one.again = random_window();
    one.kind = (enum condition_kind)(CONDITION_FUNNEL + random_below(5));
    if (one.kind == CONDITION_REGULAR)
        pattern->window = (struct window){.kind = WINDOW_CALENDAR, .unit = UNIT_DAY, .count = 2};
    return one;
}

/* Days of this zone begin within the tested span: at 1,060 seconds. */
static void test_never_late(void **state)
{
    struct zone *zone = zone_with_day_start(arena, zone_of("UTC"), 17);
    int changes = 0;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct pattern pattern;
        struct funnel funnel;
        struct condition one = random_condition(&pattern, &funnel);
        struct answer_leaf now = {.until = 0};
        uint32_t second = 1000;

        event_count = 0;
        while (event_count < 8)
            happened(second += (uint32_t)random_below(12), (uint16_t)(1 + random_below(3)),
                     random_below(4));
        for (int64_t as_of = 1000; as_of < 1120; as_of++) {
            struct answer_leaf next = ask(zone, &one, 1, as_of);

            if (as_of > 1000 && next.is_true != now.is_true) {
                changes++;
                if (now.until == NONE || now.until > as_of)
                    fail_msg("round %d kind %d: changes at %d, promised %d", round, (int)one.kind,
                             (int)as_of, (int)now.until);
            }
            if (as_of == 1000 || now.until == NONE || now.until <= as_of ||
                next.is_true != now.is_true)
                now = next;
        }
    }
    assert_true(changes > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_window_edges, begin, end),
        cmocka_unit_test_setup_teardown(test_measures, begin, end),
        cmocka_unit_test_setup_teardown(test_sum_too_large, begin, end),
        cmocka_unit_test_setup_teardown(test_chains, begin, end),
        cmocka_unit_test_setup_teardown(test_strict_and_any, begin, end),
        cmocka_unit_test_setup_teardown(test_regular_stopped, begin, end),
        cmocka_unit_test_setup_teardown(test_boolean, begin, end),
        cmocka_unit_test_setup_teardown(test_never_late, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
