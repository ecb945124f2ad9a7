/* Records that become one person and two again, with what they have in the ledger and of limits: it
 * is spent together while they are one, and each has its own before and after. Every test ends with
 * `papilio check`. */
#include "scenario.h"

#include <stdio.h>

#include "kit/counter.h"
#include "kit/ledger.h"
#include "kit/timer.h"
#include "manage/customer/customer.h"

#define HOUR_MS INT64_C(3600000)

enum who { ANA, BO, CY, PEOPLE };
static const char *const names[PEOPLE] = {"ana", "bo", "cy"};
static struct {
    int64_t ids[PEOPLE], available[PEOPLE], debt[PEOPLE], outside, issued;
    int64_t next_key_id, now_ms;
} w;

/* ---- the world ------------------------------------------------------------------------------- */

static enum err people_step(struct ctx *c, void *user)
{
    struct account accounts[] = {{"system", 0, UNIT_POINTS, BUCKET_EXTERNAL, 0},
                                 {"system", 0, UNIT_POINTS, BUCKET_ISSUED, 0}};
    int64_t ids[2];

    (void)user;
    w.now_ms = c->now_ms;
    for (int i = 0; i < PEOPLE; i++) {
        struct customer_new n;
        customer_new_init(&n);
        TRY(customer_add(c, &n, &w.ids[i]));
        struct account own[] = {{"customer", w.ids[i], UNIT_POINTS, BUCKET_AVAILABLE, 0},
                                {"customer", w.ids[i], UNIT_POINTS, BUCKET_DEBT, 0}};
        TRY(ledger_open(c, own, 2, ids));
        w.available[i] = ids[0];
        w.debt[i] = ids[1];
    }
    TRY(ledger_open(c, accounts, 2, ids));
    w.outside = ids[0];
    w.issued = ids[1];
    return OK;
}

static int set_up(void **state)
{
    int failed = scenario_open(state);

    if (failed != 0)
        return failed;
    memset(&w, 0, sizeof(w));
    scenario_write(people_step, NULL);
    for (int i = 0; i < PEOPLE; i++)
        scenario_set(names[i],
                     str_cstr(scenario_arena, str_fmt(scenario_arena, "%" PRId64, w.ids[i])));
    return 0;
}

static int tear_down(void **state)
{
    struct app_call call;

    timer_await(scenario_app);
    call = scenario_ask(AS_LOCAL, GET, "/local/check", NULL);
    if (call.status != 200 || str_find(call.reply, S("\"failed_count\":0")) < 0)
        fail_msg("%.*s", STR(call.reply));
    return scenario_close(state);
}

static void merged(const char *name, enum who kept, enum who other)
{
    char path[80], body[80];

    snprintf(path, sizeof(path), "/api/customers/$%s/merge", names[kept]);
    snprintf(body, sizeof(body), "{'other_customer_id':'$%s'}", names[other]);
    scenario_run(((const struct scenario[]){
        {name, AS_ADMIN, POST, path, body, 200, "", NULL, .keep = name, .is_plain = true}}));
}

static void undone(const char *name)
{
    char path[80];

    snprintf(path, sizeof(path), "/api/merges/$%s/undo", name);
    scenario_run(((const struct scenario[]){
        {name, AS_ADMIN, POST, path, "{}", 200, "", NULL, .is_plain = true}}));
}

/* ---- what is done ---------------------------------------------------------------------------- */

struct moving {
    struct transfer transfer;
    struct hold hold;
    struct reversal reversal;
    int64_t hold_id, amount_count, id, taken_count, debt_count;
    enum { MOVE_POST, MOVE_HOLD, MOVE_VOID, MOVE_REVERSE } what;
    const char *code;
};

static enum err moving_run(struct ctx *c, struct moving *m)
{
    bool is_replay;

    switch (m->what) {
    case MOVE_POST:
        TRY(ledger_post(c, &m->transfer, 1, &is_replay, &m->id));
        TRY(ledger_post(c, &m->transfer, 1, &is_replay, &m->id));
        assert_true(is_replay);
        return OK;
    case MOVE_HOLD:
        return ledger_hold(c, &m->hold, &m->id);
    case MOVE_VOID:
        return ledger_hold_void(c, m->hold_id);
    case MOVE_REVERSE:
        break;
    }
    return ledger_reverse(c, &m->reversal, &m->taken_count, &m->debt_count);
}

/* A refused one is committed: it must have changed nothing. */
static enum err moving_step(struct ctx *c, void *user)
{
    struct moving *m = user;

    m->code = moving_run(c, m) == OK ? "" : c->fault.code;
    return OK;
}

static int64_t came(enum who who, int64_t amount_count, int64_t expires_ms)
{
    struct moving m = {.transfer = {"came",
                                    ++w.next_key_id,
                                    0,
                                    w.outside,
                                    w.available[who],
                                    amount_count,
                                    expires_ms,
                                    {0}}};

    scenario_write(moving_step, &m);
    assert_string_equal(m.code, "");
    return m.id;
}

static int64_t spent(enum who who, int64_t amount_count, const char *code)
{
    struct moving m = {
        .transfer = {
            "spent", ++w.next_key_id, 0, w.available[who], w.issued, amount_count, NONE, {0}}};

    scenario_write(moving_step, &m);
    assert_string_equal(m.code, code);
    return m.id;
}

static int64_t held(enum who who, int64_t amount_count, int64_t until_ms)
{
    struct moving m = {
        .what = MOVE_HOLD,
        .hold = {"held", ++w.next_key_id, 0, w.available[who], w.issued, amount_count, until_ms}};

    scenario_write(moving_step, &m);
    assert_string_equal(m.code, "");
    return m.id;
}

static void voided(int64_t hold_id)
{
    struct moving m = {.what = MOVE_VOID, .hold_id = hold_id};

    scenario_write(moving_step, &m);
    assert_string_equal(m.code, "");
}

static struct moving taken(int64_t transfer_id, int64_t amount_count, enum ledger_policy policy)
{
    struct moving m = {
        .what = MOVE_REVERSE,
        .reversal = {"back", ++w.next_key_id, transfer_id, amount_count, policy, S("refund")}};

    scenario_write(moving_step, &m);
    assert_string_equal(m.code, "");
    return m;
}

/* ---- what is there --------------------------------------------------------------------------- */

static int64_t has(int64_t account_id)
{
    return scenario_number(
        str_cstr(scenario_arena,
                 str_fmt(scenario_arena, "SELECT balance_count FROM account WHERE id = %" PRId64,
                         account_id)));
}

static void expect(int64_t ana_count, int64_t bo_count, int64_t cy_count)
{
    assert_int_equal(has(w.available[ANA]), ana_count);
    assert_int_equal(has(w.available[BO]), bo_count);
    assert_int_equal(has(w.available[CY]), cy_count);
}

static void expect_debt(int64_t ana_count, int64_t bo_count, int64_t cy_count)
{
    assert_int_equal(has(w.debt[ANA]), -ana_count);
    assert_int_equal(has(w.debt[BO]), -bo_count);
    assert_int_equal(has(w.debt[CY]), -cy_count);
}

struct asking {
    enum who who;
    enum ledger_bucket bucket;
    int64_t balance_count;
};

static enum err asking_step(struct ctx *c, void *user)
{
    struct asking *asking = user;
    struct account account = {"customer", w.ids[asking->who], UNIT_POINTS, asking->bucket, 0};

    return ledger_balance(c, &account, &asking->balance_count);
}

static int64_t balance(enum who who, enum ledger_bucket bucket)
{
    struct asking asking = {.who = who, .bucket = bucket};

    scenario_write(asking_step, &asking);
    return asking.balance_count;
}

/* ---- spending -------------------------------------------------------------------------------- */

static void a_merge_and_its_undoing_move_nothing(void **state)
{
    uint64_t transfers;

    (void)state;
    came(ANA, 100, NONE);
    came(BO, 50, w.now_ms + HOUR_MS);
    transfers = (uint64_t)scenario_number("SELECT count(*) FROM transfer");
    merged("m", ANA, BO);
    assert_int_equal(balance(ANA, BUCKET_AVAILABLE), 150);
    assert_int_equal(balance(BO, BUCKET_AVAILABLE), 150); /* the same person */
    expect(100, 50, 0);
    undone("m");
    assert_int_equal(balance(ANA, BUCKET_AVAILABLE), 100);
    assert_int_equal(balance(BO, BUCKET_AVAILABLE), 50);
    assert_int_equal(scenario_number("SELECT count(*) FROM transfer"), transfers);
}

static void what_ends_first_is_spent_first_whosever_it_is(void **state)
{
    (void)state;
    came(ANA, 100, NONE);
    came(BO, 30, w.now_ms + 2 * HOUR_MS);
    came(BO, 20, w.now_ms + HOUR_MS);
    came(CY, 10, w.now_ms + 3 * HOUR_MS);
    came(CY, 40, NONE);
    merged("m1", ANA, BO);
    merged("m2", ANA, CY);
    spent(ANA, 35, ""); /* 20 and 15 of bo's */
    expect(100, 15, 50);
    spent(ANA, 30, ""); /* bo's last, cy's 10, and of what has no end the own first */
    expect(95, 0, 40);
    spent(ANA, 136, "ledger.floor");
    expect(95, 0, 40);
    spent(ANA, 135, "");
    expect(0, 0, 0);
}

static void undoing_gives_each_what_is_left_of_its_own(void **state)
{
    (void)state;
    came(ANA, 60, NONE);
    came(BO, 50, NONE);
    merged("m", ANA, BO);
    spent(ANA, 80, "");
    expect(0, 30, 0);
    undone("m");
    spent(ANA, 1, "ledger.floor");
    spent(BO, 31, "ledger.floor");
    spent(BO, 30, "");
    expect(0, 0, 0);
}

static void a_refund_goes_home_also_after_the_undoing(void **state)
{
    int64_t id;

    (void)state;
    came(ANA, 10, w.now_ms + HOUR_MS);
    came(BO, 50, w.now_ms + 2 * HOUR_MS);
    merged("m", ANA, BO);
    id = spent(ANA, 40, "");
    expect(0, 20, 0);
    assert_int_equal(taken(id, 5, REVERSE_UP_TO_BALANCE).taken_count, 5);
    expect(0, 25, 0);
    undone("m");
    assert_int_equal(taken(id, 35, REVERSE_UP_TO_BALANCE).taken_count, 35);
    expect(10, 50, 0);
    /* as it was: each lot whole again */
    assert_int_equal(scenario_number("SELECT count(*) FROM lot WHERE left_count = amount_count"),
                     2);
    assert_int_equal(scenario_number("SELECT count(*) FROM lot WHERE left_count > 0"), 2);
}

static void what_ended_meanwhile_does_not_come_home(void **state)
{
    int64_t id;

    (void)state;
    came(BO, 50, w.now_ms + HOUR_MS);
    came(BO, 30, NONE);
    merged("m", ANA, BO);
    id = spent(ANA, 60, "");
    scenario_clock(w.now_ms + 2 * HOUR_MS);
    undone("m");
    taken(id, 60, REVERSE_UP_TO_BALANCE);
    expect(0, 30, 0);
}

static void three_records_in_a_chain(void **state)
{
    (void)state;
    came(ANA, 5, NONE);
    came(BO, 6, NONE);
    came(CY, 7, NONE);
    merged("m1", BO, CY);
    merged("m2", ANA, BO);
    assert_int_equal(balance(ANA, BUCKET_AVAILABLE), 18);
    spent(ANA, 12, "");
    assert_int_equal(balance(CY, BUCKET_AVAILABLE), 6);
    expect(0, 0, 6);
    undone("m2");
    assert_int_equal(balance(ANA, BUCKET_AVAILABLE), 0);
    spent(BO, 6, ""); /* still one with cy */
    undone("m1");
    expect(0, 0, 0);
}

static void what_comes_late_for_the_old_record_counts(void **state)
{
    (void)state;
    came(ANA, 5, NONE);
    merged("m", ANA, BO);
    came(BO, 20, NONE);
    spent(ANA, 10, "");
    expect(0, 15, 0);
    spent(BO, 5, ""); /* somebody still names the old record */
    expect(0, 10, 0);
    came(ANA, 3, NONE);
    spent(BO, 13, "");
    expect(0, 0, 0);
}

static enum err both_step(struct ctx *c, void *user)
{
    struct transfer legs[] = {
        {"both", 1, 0, w.available[ANA], w.issued, 20, NONE, {0}},
        {"both", 1, 1, w.outside, w.available[ANA], 30, w.now_ms + HOUR_MS, {0}},
    };
    bool is_replay;

    (void)user;
    return ledger_post(c, legs, 2, &is_replay, NULL);
}

/* What comes in by a later leg and ends earlier is what is spent: the rest of a lot is not lent. */
static void what_was_not_needed_goes_home_at_once(void **state)
{
    (void)state;
    came(BO, 50, w.now_ms + 2 * HOUR_MS);
    merged("m", ANA, BO);
    scenario_write(both_step, NULL);
    expect(10, 50, 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM lot WHERE left_count > 0"), 2);
}

/* ---- holds ----------------------------------------------------------------------------------- */

static void what_a_hold_gathered_goes_home(void **state)
{
    int64_t hold_id;

    (void)state;
    came(ANA, 10, NONE);
    came(BO, 50, w.now_ms + 9 * HOUR_MS);
    merged("m", ANA, BO);
    hold_id = held(ANA, 55, w.now_ms + HOUR_MS);
    expect(5, 0, 0);
    voided(hold_id);
    expect(10, 50, 0);
    held(ANA, 52, w.now_ms + HOUR_MS);
    undone("m");
    scenario_clock(w.now_ms + 2 * HOUR_MS);
    timer_await(scenario_app); /* out of time */
    expect(10, 50, 0);
}

/* ---- debts ----------------------------------------------------------------------------------- */

static void a_debt_is_the_persons(void **state)
{
    int64_t id;

    (void)state;
    came(ANA, 50, NONE);
    id = came(BO, 30, NONE);
    spent(BO, 30, "");
    assert_int_equal(taken(id, 30, REVERSE_CREATE_DEBT).debt_count, 30);
    merged("m", ANA, BO);
    expect_debt(0, 30, 0);
    spent(ANA, 21, "ledger.floor");
    expect(50, 0, 0);
    undone("m");
    expect(50, 0, 0);
    expect_debt(0, 30, 0); /* nothing was done as one person */
    merged("again", ANA, BO);
    spent(ANA, 5, ""); /* who spends pays first */
    expect(15, 0, 0);
    expect_debt(0, 0, 0);
}

static void the_own_debt_is_paid_of_what_others_have(void **state)
{
    int64_t id = came(ANA, 30, NONE);

    (void)state;
    spent(ANA, 30, "");
    taken(id, 30, REVERSE_CREATE_DEBT);
    came(BO, 40, w.now_ms + HOUR_MS);
    merged("m", ANA, BO);
    spent(ANA, 11, "ledger.floor");
    spent(ANA, 10, "");
    expect(0, 0, 0);
    expect_debt(0, 0, 0);
}

static void taking_back_reaches_the_other_records(void **state)
{
    int64_t id, rest_id;
    struct moving m;

    (void)state;
    id = came(BO, 30, w.now_ms + HOUR_MS);
    rest_id = came(BO, 10, NONE);
    came(ANA, 25, NONE);
    merged("m", ANA, BO);
    spent(ANA, 30, ""); /* the reward itself is gone */
    expect(25, 10, 0);
    m = taken(id, 20, REVERSE_UP_TO_BALANCE);
    assert_int_equal(m.taken_count, 20);
    expect(15, 0, 0); /* the record's own first */
    m = taken(id, 10, REVERSE_CREATE_DEBT);
    assert_int_equal(m.debt_count, 0);
    m = taken(rest_id, 10, REVERSE_CREATE_DEBT);
    assert_int_equal(m.taken_count, 5);
    assert_int_equal(m.debt_count, 5);
    expect(0, 0, 0);
    expect_debt(0, 5, 0);
}

static void taking_back_is_never_refused_for_a_debt(void **state)
{
    int64_t id, other_id;
    struct moving m;

    (void)state;
    id = came(CY, 25, NONE);
    spent(CY, 25, "");
    taken(id, 25, REVERSE_CREATE_DEBT);
    other_id = came(ANA, 30, NONE);
    spent(ANA, 20, "");
    came(BO, 20, NONE);
    merged("m1", ANA, BO);
    merged("m2", ANA, CY);
    m = taken(other_id, 30, REVERSE_CREATE_DEBT); /* 10 lie there; bo's 20 are owed by cy */
    assert_int_equal(m.taken_count, 10);
    assert_int_equal(m.debt_count, 20);
    assert_int_equal(balance(ANA, BUCKET_AVAILABLE) + balance(ANA, BUCKET_DEBT), -25);
}

/* Its debts and what is taken back come out of one account, the reward's own lot first. */
static void taking_back_pays_what_others_owe(void **state)
{
    int64_t id, other_id;
    struct moving m;

    (void)state;
    id = came(CY, 5, NONE);
    spent(CY, 5, "");
    taken(id, 5, REVERSE_CREATE_DEBT);
    other_id = came(ANA, 30, w.now_ms + HOUR_MS);
    spent(ANA, 20, "");
    came(BO, 40, NONE);
    merged("m1", ANA, BO);
    merged("m2", ANA, CY);
    m = taken(other_id, 30, REVERSE_CREATE_DEBT); /* 10 lie there, 20 come of bo's, 5 are owed */
    assert_int_equal(m.taken_count, 30);
    assert_int_equal(m.debt_count, 0);
    expect(0, 15, 0);
    expect_debt(0, 0, 0);
}

/* ---- limits ---------------------------------------------------------------------------------- */

struct using
{
    enum who who;
    int64_t amount_count, key_id, used_count;
    const char *code;
};

static enum err using_step(struct ctx *c, void *user)
{
    struct using *use = user;
    struct counter counter = {"draw", 9, w.ids[use->who], WINDOW_DAY, NULL, 5};
    struct counter_hold hold = {"spin", use->key_id, use->amount_count, c->now_ms + HOUR_MS};
    int64_t reserved_count;
    enum err err = use->key_id ? counter_reserve(c, &counter, &hold)
                               : counter_use(c, &counter, use->amount_count);

    use->code = err == OK ? "" : c->fault.code;
    TRY(counter_read(c, &counter, &use->used_count, &reserved_count));
    use->used_count += reserved_count;
    return OK;
}

static int64_t used(enum who who, int64_t amount_count, int64_t key_id, const char *code)
{
    struct using use = {who, amount_count, key_id, 0, NULL};

    scenario_write(using_step, &use);
    assert_string_equal(use.code, code);
    return use.used_count;
}

static void a_limit_counts_all_records(void **state)
{
    (void)state;
    used(ANA, 2, 0, "");
    used(BO, 1, 1, "");
    merged("m", ANA, BO);
    assert_int_equal(used(ANA, 3, 0, "counter.full"), 3);
    assert_int_equal(used(ANA, 1, 0, ""), 4);
    assert_int_equal(used(BO, 2, 2, "counter.full"), 4); /* by the old name */
    assert_int_equal(used(BO, 1, 2, ""), 5);
    undone("m");
    assert_int_equal(used(ANA, 3, 0, "counter.full"), 3);
    assert_int_equal(used(ANA, 2, 0, ""), 5);
    assert_int_equal(used(BO, 3, 0, ""), 5);
    merged("over", BO,
           ANA); /* over the limit together: nothing is taken away, nothing more comes */
    assert_int_equal(used(BO, 1, 0, "counter.full"), 10);
    merged("third", CY, BO);
    assert_int_equal(used(CY, 1, 0, "counter.full"), 10); /* the kept one has no row of its own */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_merge_and_its_undoing_move_nothing),
        TEST(what_ends_first_is_spent_first_whosever_it_is),
        TEST(undoing_gives_each_what_is_left_of_its_own),
        TEST(a_refund_goes_home_also_after_the_undoing),
        TEST(what_ended_meanwhile_does_not_come_home),
        TEST(three_records_in_a_chain),
        TEST(what_comes_late_for_the_old_record_counts),
        TEST(what_was_not_needed_goes_home_at_once),
        TEST(what_a_hold_gathered_goes_home),
        TEST(a_debt_is_the_persons),
        TEST(the_own_debt_is_paid_of_what_others_have),
        TEST(taking_back_reaches_the_other_records),
        TEST(taking_back_is_never_refused_for_a_debt),
        TEST(taking_back_pays_what_others_owe),
        TEST(a_limit_counts_all_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
