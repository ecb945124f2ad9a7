/* Holds, ends and taking back, by hand: what goes where under each policy, what two halves make,
 * what comes too late. Random ones against a model are test/c/ledger_model_test.c. */
#include "scenario.h"

#include "gen/ledger.q.h"
#include "kit/ledger.h"
#include "kit/timer.h"

#define NOW_MS INT64_C(1772330400000)
#define HOUR_MS INT64_C(3600000)

enum who { OUTSIDE, ISSUED, EXPIRED, ANNA, PENDING, FROZEN, DEBT, WHO_COUNT };
static const struct account accounts[WHO_COUNT] = {
    [OUTSIDE] = {"system", 0, UNIT_POINTS, BUCKET_EXTERNAL, 0},
    [ISSUED] = {"system", 0, UNIT_POINTS, BUCKET_ISSUED, 0},
    [EXPIRED] = {"system", 0, UNIT_POINTS, BUCKET_EXPIRED, 0},
    [ANNA] = {"customer", 1, UNIT_POINTS, BUCKET_AVAILABLE, 0},
    [PENDING] = {"customer", 1, UNIT_POINTS, BUCKET_PENDING, 0},
    [FROZEN] = {"customer", 1, UNIT_POINTS, BUCKET_FROZEN, 0},
    [DEBT] = {"customer", 1, UNIT_POINTS, BUCKET_DEBT, 0},
};

/* One call on the writer; what is refused is committed and must have changed nothing. */
static struct {
    int64_t ids[WHO_COUNT], balance_count[WHO_COUNT];
    enum err (*run)(struct ctx *c);
    const char *code;
    struct hold hold;
    int64_t hold_id, amount_count, taken_count, debt_count, transfer_id, end_ms, key_id;
    enum who from, to;
    enum ledger_policy policy;
} w;

static enum err call_step(struct ctx *c, void *user)
{
    (void)user;
    w.code = w.run(c) == OK ? "" : c->fault.code;
    return OK;
}

static const char *call(enum err (*run)(struct ctx *c))
{
    uint64_t before = scenario_state();

    w.run = run;
    scenario_write(call_step, NULL);
    if (w.code[0] != '\0')
        assert_true(scenario_state() == before);
    return w.code;
}

static enum err open_run(struct ctx *c)
{
    return ledger_open(c, accounts, WHO_COUNT, w.ids);
}

static int set_up(void **state)
{
    int failed = scenario_open_empty(state);

    if (failed == 0) {
        memset(&w, 0, sizeof(w));
        scenario_clock(NOW_MS);
        call(open_run);
    }
    return failed;
}

static enum err balances_run(struct ctx *c)
{
    for (int i = 0; i < WHO_COUNT; i++)
        TRY(ledger_balance(c, &accounts[i], &w.balance_count[i]));
    return OK;
}

/* "issued available pending frozen debt expired" */
static void expect(const char *wanted)
{
    struct str found;

    assert_string_equal(call(balances_run), "");
    found = str_fmt(scenario_arena,
                    "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
                    w.balance_count[ISSUED], w.balance_count[ANNA], w.balance_count[PENDING],
                    w.balance_count[FROZEN], w.balance_count[DEBT], w.balance_count[EXPIRED]);
    assert_string_equal(str_cstr(scenario_arena, found), wanted);
}

static enum err post_run(struct ctx *c)
{
    struct transfer transfer = {"test",      ++w.key_id,     0,        w.ids[w.from],
                                w.ids[w.to], w.amount_count, w.end_ms, (struct str){0}};
    bool is_replay;

    return ledger_post(c, &transfer, 1, &is_replay, &w.transfer_id);
}

/* The transfer's id. */
static int64_t post(enum who from, enum who to, int64_t amount_count, int64_t end_ms)
{
    w.from = from;
    w.to = to;
    w.amount_count = amount_count;
    w.end_ms = end_ms;
    assert_string_equal(call(post_run), "");
    return w.transfer_id;
}

static enum err hold_run(struct ctx *c)
{
    return ledger_hold(c, &w.hold, &w.hold_id);
}

static enum err hold_post_run(struct ctx *c)
{
    return ledger_hold_post(c, w.hold_id, w.amount_count);
}

static enum err hold_void_run(struct ctx *c)
{
    return ledger_hold_void(c, w.hold_id);
}

static const char *hold(int64_t key_id, int64_t amount_count, int64_t until_ms)
{
    w.hold = (struct hold){"redeem", key_id, 0, w.ids[ANNA], w.ids[ISSUED], amount_count, until_ms};
    return call(hold_run);
}

static const char *hold_post(int64_t amount_count)
{
    w.amount_count = amount_count;
    return call(hold_post_run);
}

static enum err reverse_run(struct ctx *c)
{
    struct reversal reversal = {"back",         w.key_id, w.transfer_id,
                                w.amount_count, w.policy, S("refunded")};

    return ledger_reverse(c, &reversal, &w.taken_count, &w.debt_count);
}

/* Each under a key of its own. */
static const char *reverse(int64_t transfer_id, int64_t amount_count, enum ledger_policy policy)
{
    w.key_id++;
    w.transfer_id = transfer_id;
    w.amount_count = amount_count;
    w.policy = policy;
    return call(reverse_run);
}

static const char *lots(void)
{
    return scenario_text("SELECT group_concat(left_count, ' ') FROM (SELECT * FROM lot ORDER BY"
                         " account_id, expires_ms, transfer_id)");
}

/* ---- holds ----------------------------------------------------------------------------------- */

static void held_is_posted_or_goes_back(void **state)
{
    int64_t first_id;

    (void)state;
    post(OUTSIDE, ANNA, 100, NONE);
    assert_string_equal(hold(1, 101, NOW_MS + HOUR_MS), "ledger.floor");
    assert_string_equal(hold(1, 60, NOW_MS + HOUR_MS), "");
    first_id = w.hold_id;
    expect("0 40 0 60 0 0");
    assert_string_equal(hold(1, 60, NOW_MS + HOUR_MS), "");
    assert_int_equal(w.hold_id, first_id);
    assert_string_equal(hold(1, 61, NOW_MS + HOUR_MS), "ledger.key_reused");
    w.hold_id = first_id;
    assert_string_equal(hold_post(61), "ledger.range");
    assert_string_equal(hold_post(0), "ledger.range");
    assert_string_equal(hold_post(45), "");
    expect("45 55 0 0 0 0");
    assert_string_equal(hold_post(45), "");
    assert_string_equal(hold_post(44), "ledger.hold_over");
    assert_string_equal(call(hold_void_run), "ledger.hold_over");
    expect("45 55 0 0 0 0");
    assert_string_equal(hold(2, 55, NOW_MS + HOUR_MS), "");
    assert_string_equal(call(hold_void_run), "");
    assert_string_equal(call(hold_void_run), "");
    assert_string_equal(hold_post(1), "ledger.hold_over");
    expect("45 55 0 0 0 0");
    w.hold_id = 5;
    assert_string_equal(hold_post(1), "ledger.hold");
}

static void out_of_time_goes_back_by_a_timer(void **state)
{
    (void)state;
    post(OUTSIDE, ANNA, 100, NONE);
    for (int64_t i = 0; i < 5; i++)
        assert_string_equal(hold(i, 10 + i, NOW_MS + HOUR_MS + 1 + i), "");
    expect("0 40 0 60 0 0");
    scenario_clock(NOW_MS + HOUR_MS + 5);
    assert_string_equal(hold_post(14), "ledger.hold_over"); /* not swept up yet */
    timer_await(scenario_app);
    expect("0 40 0 60 0 0");
    scenario_clock(NOW_MS + HOUR_MS + 1000);
    timer_await(scenario_app);
    expect("0 100 0 0 0 0");
    assert_int_equal(scenario_number("SELECT count(*) FROM hold WHERE status = 'expired'"), 5);
    assert_int_equal(scenario_number("SELECT count(*) FROM timer"), 0);
}

static void what_comes_back_fills_its_lots(void **state)
{
    (void)state;
    post(OUTSIDE, ANNA, 30, NOW_MS + HOUR_MS);
    post(OUTSIDE, ANNA, 30, NOW_MS + 2 * HOUR_MS);
    post(OUTSIDE, ANNA, 30, NOW_MS + 3 * HOUR_MS);
    assert_string_equal(hold(1, 70, NOW_MS + 24 * HOUR_MS), "");
    assert_string_equal(lots(), "0 0 20");
    assert_string_equal(hold_post(50), ""); /* as if 50 had been taken */
    assert_string_equal(lots(), "0 10 30");
    assert_string_equal(hold(2, 35, NOW_MS + 24 * HOUR_MS), "");
    assert_string_equal(lots(), "0 0 5");
    scenario_clock(NOW_MS + 2 * HOUR_MS);
    assert_string_equal(call(hold_void_run), ""); /* ten of it have ended meanwhile */
    assert_string_equal(lots(), "0 0 30");
    expect("50 30 0 0 0 10");
    scenario_clock(NOW_MS + 3 * HOUR_MS + 60000);
    timer_await(scenario_app);
    assert_string_equal(lots(), "0 0 0");
    expect("50 0 0 0 0 40");
}

/* ---- taking back ----------------------------------------------------------------------------- */

static void only_what_is_pending(void **state)
{
    int64_t pending_id = post(OUTSIDE, PENDING, 100, NONE), given_id;

    (void)state;
    given_id = post(OUTSIDE, ANNA, 50, NONE);
    post(PENDING, ANNA, 40, NONE);
    assert_string_equal(reverse(given_id, 50, REVERSE_ONLY_PENDING), "");
    assert_int_equal(w.taken_count + w.debt_count, 0);
    expect("0 90 60 0 0 0");
    assert_string_equal(reverse(pending_id, 100, REVERSE_ONLY_PENDING), "");
    assert_int_equal(w.taken_count, 60);
    expect("0 90 0 0 0 0");
    assert_string_equal(reverse(pending_id, 41, REVERSE_UP_TO_BALANCE), "ledger.reversed");
}

static void what_the_account_still_has(void **state)
{
    int64_t given_id = post(OUTSIDE, ANNA, 100, NONE);

    (void)state;
    post(ANNA, ISSUED, 70, NONE);
    assert_string_equal(reverse(given_id, 80, REVERSE_UP_TO_BALANCE), "");
    assert_int_equal(w.taken_count, 30);
    assert_int_equal(w.debt_count, 0);
    w.taken_count = 0; /* the same again */
    assert_string_equal(call(reverse_run), "");
    assert_int_equal(w.taken_count, 30);
    w.amount_count = 29;
    assert_string_equal(call(reverse_run), "ledger.key_reused");
    expect("70 0 0 0 0 0");
}

static void the_rest_becomes_a_debt_that_income_pays(void **state)
{
    int64_t given_id = post(OUTSIDE, ANNA, 100, NONE), pending_id;

    (void)state;
    post(ANNA, ISSUED, 70, NONE);
    assert_string_equal(reverse(given_id, 80, REVERSE_CREATE_DEBT), "");
    assert_int_equal(w.taken_count, 30);
    assert_int_equal(w.debt_count, 50);
    expect("70 0 0 0 -50 0");
    w.taken_count = w.debt_count = 0;
    assert_string_equal(call(reverse_run), "");
    assert_int_equal(w.taken_count * 1000 + w.debt_count, 30050);
    w.amount_count = 79;
    assert_string_equal(call(reverse_run), "ledger.key_reused");
    assert_string_equal(reverse(given_id, 21, REVERSE_CREATE_DEBT), "ledger.reversed");
    assert_string_equal(reverse(given_id, 20, REVERSE_CREATE_DEBT), "");
    expect("70 0 0 0 -70 0");
    post(OUTSIDE, ANNA, 30, NONE);
    expect("70 0 0 0 -40 0");
    post(OUTSIDE, ANNA, 100, NONE);
    expect("70 60 0 0 0 0");
    /* what was pending and is spent elsewhere: the available pays at once */
    pending_id = post(OUTSIDE, PENDING, 10, NONE);
    post(PENDING, ANNA, 10, NONE);
    assert_string_equal(reverse(pending_id, 10, REVERSE_CREATE_DEBT), "");
    expect("70 60 0 0 0 0");
}

static void two_halves_are_one_whole(void **state)
{
    (void)state;
    for (int halves = 1; halves <= 2; halves++) {
        int64_t given_id = post(OUTSIDE, ANNA, 100, NOW_MS + HOUR_MS), spent_id;
        post(OUTSIDE, ANNA, 10, NOW_MS + HOUR_MS * 2);
        spent_id = post(ANNA, ISSUED, 105, NONE);
        for (int i = 0; i < halves; i++)
            assert_string_equal(reverse(spent_id, 104 / halves, REVERSE_CREATE_DEBT), "");
        assert_string_equal(scenario_text("SELECT group_concat(left_count, ' ')"
                                          " FROM (SELECT left_count FROM lot ORDER BY transfer_id"
                                          " DESC LIMIT 2)"),
                            "10 99");
        post(ANNA, ISSUED, 64, NONE);
        for (int i = 0; i < halves; i++)
            assert_string_equal(reverse(given_id, 100 / halves, REVERSE_CREATE_DEBT), "");
        expect("65 0 0 0 -55 0");
        post(OUTSIDE, ANNA, 55, NONE);
        post(ISSUED, OUTSIDE, 65, NONE);
    }
}

static void property_7_points_after_spend_and_after_expiry(void **state)
{
    int64_t given_id = post(OUTSIDE, ANNA, 100, NOW_MS + HOUR_MS), early_id, late_id;

    (void)state;
    early_id = post(ANNA, ISSUED, 30, NONE);
    late_id = post(ANNA, ISSUED, 20, NONE);
    assert_string_equal(reverse(early_id, 30, REVERSE_CREATE_DEBT), "");
    assert_string_equal(lots(), "80");
    expect("20 80 0 0 0 0");
    scenario_clock(NOW_MS + HOUR_MS + 60000);
    timer_await(scenario_app);
    expect("20 0 0 0 0 80");
    /* spent, ended, then refunded: it stays ended */
    assert_string_equal(reverse(late_id, 10, REVERSE_CREATE_DEBT), "");
    expect("10 0 0 0 0 90");
    assert_string_equal(lots(), "0");
    /* what ended is taken from where it ended, only what was spent becomes a debt */
    assert_string_equal(reverse(given_id, 90, REVERSE_CREATE_DEBT), "");
    assert_int_equal(w.taken_count * 1000 + w.debt_count, 80010);
    expect("10 0 0 0 -10 10");
}

/* What has ended where it came from and where it went stays ended, however often it is asked for.
 */
static void what_ended_on_both_ways_stays_ended(void **state)
{
    int64_t moved_id;

    (void)state;
    post(OUTSIDE, ANNA, 48, NOW_MS + HOUR_MS);
    post(OUTSIDE, ANNA, 8, NOW_MS + 3 * HOUR_MS);
    moved_id = post(ANNA, PENDING, 56, NOW_MS + 2 * HOUR_MS);
    scenario_clock(NOW_MS + 2 * HOUR_MS + 60000);
    timer_await(scenario_app);
    expect("0 0 0 0 0 56");
    assert_string_equal(reverse(moved_id, 56, REVERSE_CREATE_DEBT), "");
    assert_int_equal(w.taken_count, 8);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(reverse(moved_id, 24, REVERSE_CREATE_DEBT), "");
        assert_int_equal(w.taken_count + w.debt_count, 0);
    }
    expect("0 8 0 0 0 48");
}

static void posted_of_a_hold_goes_back_where_it_came_from(void **state)
{
    (void)state;
    post(OUTSIDE, ANNA, 100, NOW_MS + HOUR_MS);
    assert_string_equal(hold(1, 60, NOW_MS + HOUR_MS), "");
    assert_string_equal(hold_post(50), "");
    assert_string_equal(lots(), "50");
    w.transfer_id = scenario_number("SELECT id FROM transfer WHERE kind = 'hold_post'");
    assert_string_equal(reverse(w.transfer_id, 20, REVERSE_UP_TO_BALANCE), "");
    assert_string_equal(lots(), "70");
    expect("30 70 0 0 0 0");
    w.transfer_id = scenario_number("SELECT id FROM transfer WHERE kind = 'hold'");
    assert_string_equal(reverse(w.transfer_id, 1, REVERSE_UP_TO_BALANCE), "ledger.inner");
    assert_string_equal(reverse(99, 1, REVERSE_UP_TO_BALANCE), "ledger.transfer");
}

/* Points that come back to one who owes pay the debt, out of the lots they came back into. */
static void what_comes_back_pays_a_debt(void **state)
{
    int64_t given_id = post(OUTSIDE, ANNA, 100, NOW_MS + HOUR_MS), spent_id;

    (void)state;
    spent_id = post(ANNA, ISSUED, 100, NONE);
    assert_string_equal(reverse(given_id, 60, REVERSE_CREATE_DEBT), "");
    expect("100 0 0 0 -60 0");
    assert_string_equal(reverse(spent_id, 100, REVERSE_UP_TO_BALANCE), "");
    expect("0 40 0 0 0 0");
    assert_string_equal(lots(), "40");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, scenario_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(held_is_posted_or_goes_back),
        TEST(out_of_time_goes_back_by_a_timer),
        TEST(what_comes_back_fills_its_lots),
        TEST(only_what_is_pending),
        TEST(what_the_account_still_has),
        TEST(the_rest_becomes_a_debt_that_income_pays),
        TEST(two_halves_are_one_whole),
        TEST(property_7_points_after_spend_and_after_expiry),
        TEST(what_ended_on_both_ways_stays_ended),
        TEST(posted_of_a_hold_goes_back_where_it_came_from),
        TEST(what_comes_back_pays_a_debt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
