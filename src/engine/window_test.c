/* Windows by hand: both ends of each, the moments at which calendar ones move, days of 23 and 25
 * hours; and each next move beside looking at every second. */
#include "engine/window.h"

#include <setjmp.h>

#include <cmocka.h>

#include "host/file.h"

struct world {
    struct arena *arena;
    const struct zone *berlin, *shanghai, *business; /* of Shanghai, its days begin at 04:00 */
    const struct zone *late; /* of Berlin, its days begin at 02:30, which there is twice a year */
};

static const struct zone *zone_of(struct arena *arena, const char *name)
{
    struct zone *zone;

    assert_int_equal(zone_load(arena, str_of(name), &zone), OK);
    return zone;
}

static int world_begin(void **state)
{
    struct world *world;
    struct arena *arena = arena_new((size_t)1 << 20);

    world = arena_new_one(arena, struct world);
    world->arena = arena;
    world->berlin = zone_of(arena, "Europe/Berlin");
    world->shanghai = zone_of(arena, "Asia/Shanghai");
    world->business = zone_with_day_start(arena, world->shanghai, 240);
    world->late = zone_with_day_start(arena, world->berlin, 150);
    *state = world;
    return 0;
}

static int world_end(void **state)
{
    struct world *world = *state;

    arena_free(world->arena);
    return 0;
}

static int64_t at(const struct zone *zone, const char *local)
{
    int64_t ms;

    assert_int_equal(time_parse(zone, str_of(local), &ms), OK);
    return ms / 1000;
}

static void assert_span(struct span span, int64_t from, int64_t to)
{
    assert_int_equal(span.from, from);
    assert_int_equal(span.to, to);
}

static void test_rolling_and_ranges(void **state)
{
    const struct world *world = *state;
    struct window week = {.kind = WINDOW_ROLLING, .seconds = 604800};
    struct window open = {.kind = WINDOW_RANGE, .from = NONE, .to = 500};
    struct window always = {0};

    assert_span(window_span(&week, world->berlin, 1000000), 395200, 1000000);
    assert_int_equal(window_next(&week, world->berlin, 1000000), 1000001);
    assert_span(window_span(&open, world->berlin, 1000000), INT64_MIN, 500);
    assert_span(window_span(&always, world->berlin, 7), INT64_MIN, INT64_MAX);
    assert_int_equal(window_next(&open, world->berlin, 7), NONE);
    assert_int_equal(window_next(&always, world->berlin, 7), NONE);
}

struct calendar_case {
    const char *zone_and_day; /* B, S or 4: Shanghai from 04:00 */
    enum calendar_unit unit;
    int64_t count;
    bool is_current;
    const char *as_of, *from, *to;
};

static const struct calendar_case calendar_cases[] = {
    /* over at the very second at which the next begins; not a second before */
    {"S", UNIT_MONTH, 1, false, "2026-03-01 00:00:00", "2026-02-01", "2026-03-01"},
    {"S", UNIT_MONTH, 1, false, "2026-02-28 23:59:59", "2026-01-01", "2026-02-01"},
    /* running is what the last seen second lies in */
    {"S", UNIT_MONTH, 1, true, "2026-03-01 00:00:00", "2026-02-01", "2026-03-01"},
    {"S", UNIT_MONTH, 1, true, "2026-03-01 00:00:01", "2026-03-01", "2026-04-01"},
    {"S", UNIT_MONTH, 3, true, "2026-01-15 12:00", "2025-11-01", "2026-02-01"},
    {"S", UNIT_QUARTER, 2, false, "2026-01-15", "2025-07-01", "2026-01-01"},
    {"S", UNIT_YEAR, 1, false, "2026-12-31 23:59", "2025-01-01", "2026-01-01"},
    /* 2026-11-22 is a Sunday, 2026-11-23 a Monday */
    {"S", UNIT_WEEK, 1, false, "2026-11-22 23:00", "2026-11-09", "2026-11-16"},
    {"S", UNIT_WEEK, 1, false, "2026-11-23 00:00", "2026-11-16", "2026-11-23"},
    {"S", UNIT_WEEK, 2, true, "2026-11-22 23:00", "2026-11-09", "2026-11-23"},
    /* 2026-03-29 has 23 hours in Berlin, 2026-10-25 has 25 */
    {"B", UNIT_DAY, 1, false, "2026-03-30 00:00", "2026-03-29 00:00", "2026-03-30 00:00"},
    {"B", UNIT_DAY, 2, false, "2026-10-26 10:00", "2026-10-24", "2026-10-26"},
    /* a business day begins at 04:00, and so does its month */
    {"4", UNIT_DAY, 1, false, "2026-03-02 03:59:59", "2026-02-28 04:00", "2026-03-01 04:00"},
    {"4", UNIT_DAY, 1, false, "2026-03-02 04:00", "2026-03-01 04:00", "2026-03-02 04:00"},
    {"4", UNIT_MONTH, 1, true, "2026-03-01 03:00", "2026-02-01 04:00", "2026-03-01 04:00"},
};

static const struct zone *zone_by(const struct world *world, char name)
{
    return name == 'B' ? world->berlin : name == 'S' ? world->shanghai : world->business;
}

static void test_calendar(void **state)
{
    const struct world *world = *state;

    for (size_t i = 0; i < ARRAY_LEN(calendar_cases); i++) {
        const struct calendar_case *one = &calendar_cases[i];
        const struct zone *zone = zone_by(world, one->zone_and_day[0]);
        struct window window = {.kind = WINDOW_CALENDAR,
                                .unit = one->unit,
                                .count = one->count,
                                .is_current = one->is_current};

        assert_span(window_span(&window, zone, at(zone, one->as_of)), at(zone, one->from),
                    at(zone, one->to));
    }
    assert_int_equal(at(world->berlin, "2026-03-30") - at(world->berlin, "2026-03-29"), 82800);
    assert_int_equal(at(world->berlin, "2026-10-26") - at(world->berlin, "2026-10-25"), 90000);
}

/* The move is at the second told, and at none between. */
static void test_next(void **state)
{
    const struct world *world = *state;

    for (int i = 0; i < 60; i++) {
        const struct zone *zone = zone_by(world, "BS4"[i % 3]);
        struct window window = {.kind = WINDOW_CALENDAR,
                                .unit = (enum calendar_unit)(i % CALENDAR_UNIT_COUNT),
                                .count = 1 + i % 4,
                                .is_current = i % 2 == 0};
        int64_t as_of = at(zone, "2026-03-28 23:59:58") + i * 40001;
        int64_t next = window_next(&window, zone, as_of);
        struct span now = window_span(&window, zone, as_of);

        assert_true(next > as_of);
        assert_span(window_span(&window, zone, next - 1), now.from, now.to);
        assert_true(window_span(&window, zone, next).from > now.from);
    }
}

static void test_units_have_no_gaps(void **state)
{
    const struct world *world = *state;

    for (int i = 0; i < 4 * CALENDAR_UNIT_COUNT; i++) {
        const struct zone *zone = i < CALENDAR_UNIT_COUNT
                                      ? world->late
                                      : zone_by(world, "BS4"[i / CALENDAR_UNIT_COUNT - 1]);
        enum calendar_unit unit = (enum calendar_unit)(i % CALENDAR_UNIT_COUNT);

        for (int64_t number = -30; number < 15700; number += number < 700 ? 7 : 1) {
            int64_t start = window_unit_start(zone, unit, number);

            assert_int_equal(window_unit(zone, unit, start), number);
            assert_int_equal(window_unit(zone, unit, start - 1), number - 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rolling_and_ranges),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_units_have_no_gaps),
    };

    return cmocka_run_group_tests(tests, world_begin, world_end);
}
