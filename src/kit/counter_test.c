/* Windowed limits: exactly so many a window, in the campaign's own day; reserved, confirmed,
 * released, out of time. */
#include "scenario.h"

#include "kit/counter.h"

#define MINUTE_MS INT64_C(60000)
#define NOW_MS INT64_C(1772330400000) /* 2026-03-01 10:00 in Shanghai, a Sunday */
#define MIDNIGHT_MS (NOW_MS + 14 * 60 * MINUTE_MS)

static int64_t until_ms;
static struct counter draw; /* three a day for person 5 of campaign 9 */

static int set_up(void **state)
{
    until_ms = NOW_MS + 10 * MINUTE_MS;
    draw = (struct counter){"draw", 9, 5, WINDOW_DAY, NULL, 3};
    return scenario_open_empty(state);
}

/* ---- calls from a test ----------------------------------------------------------------------- */

enum call_kind { USE, RESERVE, CONFIRM, RELEASE, FORGET };
struct ask {
    enum call_kind kind;
    int64_t key_id, amount_count, until_ms;
    const char *code;
};

static enum err ask_run(struct ctx *c, struct ask *ask)
{
    struct counter_hold hold = {"spin", ask->key_id, ask->amount_count, ask->until_ms};

    switch (ask->kind) {
    case USE:
        return counter_use(c, &draw, ask->amount_count);
    case RESERVE:
        return counter_reserve(c, &draw, &hold);
    case CONFIRM:
        return counter_confirm(c, "spin", ask->key_id);
    case RELEASE:
        return counter_release(c, "spin", ask->key_id);
    case FORGET:
        break;
    }
    return counter_forget(c);
}

/* A refused call is committed: it must have changed nothing. */
static enum err ask_step(struct ctx *c, void *user)
{
    struct ask *ask = user;

    ask->code = ask_run(c, ask) == OK ? "" : c->fault.code;
    return OK;
}

static const char *ask(enum call_kind kind, int64_t key_id, int64_t amount_count)
{
    struct ask it = {kind, key_id, amount_count, until_ms, NULL};
    uint64_t before = scenario_state();

    scenario_write(ask_step, &it);
    if (it.code[0] != '\0')
        assert_true(scenario_state() == before);
    return it.code;
}

static enum err read_step(struct ctx *c, void *user)
{
    int64_t *counts = user;

    return counter_read(c, &draw, &counts[0], &counts[1]);
}

static void expect(int64_t used_count, int64_t reserved_count)
{
    int64_t counts[2];

    scenario_write(read_step, counts);
    assert_int_equal(counts[0], used_count);
    assert_int_equal(counts[1], reserved_count);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void so_many_and_no_more(void **state)
{
    (void)state;
    scenario_clock(NOW_MS);
    assert_string_equal(ask(USE, 0, 4), "counter.full");
    expect(0, 0);
    assert_string_equal(ask(USE, 0, 2), "");
    assert_string_equal(ask(USE, 0, 2), "counter.full");
    assert_string_equal(ask(USE, 0, 1), "");
    assert_string_equal(ask(USE, 0, 1), "counter.full");
    assert_string_equal(ask(USE, 0, 0), "counter.range");
    assert_string_equal(ask(USE, 0, -1), "counter.range");
    assert_string_equal(ask(USE, 0, INT64_MAX), "counter.range");
    draw.subject_id = 6; /* another person has one's own */
    assert_string_equal(ask(USE, 0, 3), "");
    draw.subject_id = 5;
    draw.limit_count = 2; /* lowered below what is used: nothing more */
    assert_string_equal(ask(USE, 0, 1), "counter.full");
    draw.limit_count = 0;
    draw.subject_id = 7;
    assert_string_equal(ask(USE, 0, 1), "counter.full");
}

static const char *use_in(enum counter_window window)
{
    draw.window = window;
    draw.subject_id = (int64_t)window;
    return ask(USE, 0, 3);
}

static void a_window_ends_with_the_local_day_week_month(void **state)
{
    static const struct {
        int64_t at_ms;
        bool is_open[4]; /* WINDOW_NONE, DAY, WEEK, MONTH; once used up it is full */
    } steps[] = {
        {NOW_MS, {true, true, true, true}}, /* a Sunday */
        {MIDNIGHT_MS - 1, {false, false, false, false}},
        {MIDNIGHT_MS, {false, true, true, false}},
        {MIDNIGHT_MS + 7 * DAY_MS - 1, {false, true, false, false}},
        {MIDNIGHT_MS + 7 * DAY_MS, {false, true, true, false}},
        {MIDNIGHT_MS + 30 * DAY_MS - 1, {false, true, true, false}},
        {MIDNIGHT_MS + 30 * DAY_MS, {false, true, false, true}},
        {MIDNIGHT_MS + 400 * DAY_MS, {false, true, true, true}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        scenario_clock(steps[i].at_ms);
        for (int window = WINDOW_NONE; window <= WINDOW_MONTH; window++)
            assert_string_equal(use_in((enum counter_window)window),
                                steps[i].is_open[window] ? "" : "counter.full");
        assert_string_equal(ask(FORGET, 0, 0), ""); /* what is over goes, what is not stays */
    }
    assert_int_equal(scenario_number("SELECT count(*) FROM counter"), 4);
}

static enum err late_zone_step(struct ctx *c, void *user)
{
    (void)user;
    draw.zone = zone_with_day_start(scenario_arena, ctx_zone(c), 240);
    return OK;
}

static void a_campaign_has_its_own_day(void **state)
{
    (void)state;
    scenario_write(late_zone_step, NULL);
    scenario_clock(NOW_MS);
    assert_string_equal(ask(USE, 0, 3), "");
    scenario_clock(MIDNIGHT_MS + 4 * 60 * MINUTE_MS - 1);
    assert_string_equal(ask(USE, 0, 1), "counter.full");
    scenario_clock(MIDNIGHT_MS + 4 * 60 * MINUTE_MS);
    assert_string_equal(ask(USE, 0, 3), "");
}

static void reserved_is_confirmed_or_released_once(void **state)
{
    (void)state;
    scenario_clock(NOW_MS);
    assert_string_equal(ask(RESERVE, 1, 2), "");
    assert_string_equal(ask(RESERVE, 1, 2), "");
    assert_string_equal(ask(RESERVE, 1, 1), "counter.key_reused");
    expect(0, 2);
    assert_string_equal(ask(RESERVE, 2, 2), "counter.full");
    assert_string_equal(ask(USE, 0, 2), "counter.full");
    assert_string_equal(ask(RESERVE, 2, 1), "");
    assert_string_equal(ask(CONFIRM, 1, 0), "");
    assert_string_equal(ask(CONFIRM, 1, 0), "");
    expect(2, 1);
    assert_string_equal(ask(RELEASE, 1, 0), "counter.hold_over");
    assert_string_equal(ask(RELEASE, 2, 0), "");
    assert_string_equal(ask(RELEASE, 2, 0), "");
    assert_string_equal(ask(CONFIRM, 2, 0), "counter.hold_over");
    assert_string_equal(ask(CONFIRM, 3, 0), "counter.hold");
    expect(2, 0);
    assert_string_equal(ask(RESERVE, 2, 1), ""); /* the same again changes nothing */
    expect(2, 0);
}

static void out_of_time_is_free_again(void **state)
{
    (void)state;
    scenario_clock(NOW_MS);
    assert_string_equal(ask(RESERVE, 1, 3), "");
    scenario_clock(NOW_MS + 10 * MINUTE_MS - 1);
    assert_string_equal(ask(FORGET, 0, 0), "");
    expect(0, 3);
    scenario_clock(NOW_MS + 10 * MINUTE_MS);
    assert_string_equal(ask(CONFIRM, 1, 0), "counter.hold_over"); /* before it is swept up */
    assert_string_equal(ask(FORGET, 0, 0), "");
    expect(0, 0);
    assert_string_equal(ask(CONFIRM, 1, 0), "counter.hold_over");
    assert_string_equal(ask(RELEASE, 1, 0), "");
    assert_string_equal(ask(USE, 0, 3), "");
    scenario_clock(NOW_MS + 31 * DAY_MS);
    assert_string_equal(ask(FORGET, 0, 0), "");
    assert_int_equal(scenario_number("SELECT count(*) FROM counter_hold"), 0);
}

/* Reserved before midnight and confirmed behind it: it is of the day it was reserved in. */
static void a_hold_outlives_its_window(void **state)
{
    (void)state;
    scenario_clock(MIDNIGHT_MS - 1);
    draw.limit_count = 1;
    until_ms = MIDNIGHT_MS + MINUTE_MS;
    assert_string_equal(ask(RESERVE, 1, 1), "");
    scenario_clock(MIDNIGHT_MS + 1);
    assert_string_equal(ask(FORGET, 0, 0), "");
    assert_string_equal(ask(USE, 0, 1), "");
    assert_string_equal(ask(RELEASE, 1, 0), "");
    expect(1, 0);
    assert_string_equal(ask(FORGET, 0, 0), "");
    assert_int_equal(scenario_number("SELECT count(*) FROM counter"), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, scenario_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(so_many_and_no_more),        TEST(a_window_ends_with_the_local_day_week_month),
        TEST(a_campaign_has_its_own_day), TEST(reserved_is_confirmed_or_released_once),
        TEST(out_of_time_is_free_again),  TEST(a_hold_outlives_its_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
