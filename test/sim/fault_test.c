/* The kernel's writes, each with its 1st, 2nd, ... nth statement failing: nothing is left of it,
 * and the next try does it. The disk full on the way; the clock a day back and forth while timers
 * wait. */
#include "scenario.h"

#include "base_sql.h"
#include "sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/engage/engage.h"
#include "host/clock.h"
#include "kit/counter.h"
#include "kit/inbox.h"
#include "kit/job.h"
#include "kit/timer.h"
#include "manage/customer/customer.h"
#include "play/play.h"

#define FAIL_MAX 200
#define HOUR_MS SIM_HOUR_MS

static struct {
    int64_t person_id, campaign_id, reward_id, hold_id, transfer_id, spent_id, saga_id;
    int64_t accounts[3]; /* outside, ana's points, her spent ones */
} w;

/* ---- the loop -------------------------------------------------------------------------------- */

struct fault_step {
    app_command *run;
    int64_t nth;
    bool did_fail;
};

static enum err fault_step(struct ctx *c, void *user)
{
    struct fault_step *step = user;
    enum err err;

    db_fail_at(c->db, step->nth);
    err = step->run(c, NULL);
    step->did_fail = db_did_fail(c->db);
    db_fail_at(c->db, 0);
    return err;
}

static void loop(const char *name, app_command *run)
{
    uint64_t before = scenario_state();
    struct fault_step step = {.run = run};

    for (step.nth = 1; step.nth < FAIL_MAX; step.nth++) {
        struct fault fault = {0};
        enum err err = app_write(scenario_app, scenario_arena, fault_step, &step, &fault);
        if (!step.did_fail) {
            if (err != OK)
                fail_msg("%s: %s %.*s", name, fault.code, STR(fault.message));
            break;
        }
        if (err == OK)
            fail_msg("%s: its statement %" PRId64 " failed and nobody noticed", name, step.nth);
        if (scenario_state() != before)
            fail_msg("%s: its failing statement %" PRId64 " left something behind", name, step.nth);
    }
    if (step.nth < 2 || step.nth == FAIL_MAX)
        fail_msg("%s: %" PRId64 " statements", name, step.nth - 1);
    if (scenario_state() == before)
        fail_msg("%s changed nothing", name);
    print_message("%s: %" PRId64 " statements\n", name, step.nth - 1);
}

/* ---- the ledger ------------------------------------------------------------------------------ */

static enum err accounts_open(struct ctx *c, void *user)
{
    const struct account accounts[] = {
        {"system", 0, UNIT_POINTS, BUCKET_EXTERNAL, 0},
        {"customer", w.person_id, UNIT_POINTS, BUCKET_AVAILABLE, 0},
        {"system", 0, UNIT_POINTS, BUCKET_ISSUED, 0},
    };

    (void)user;
    return ledger_open(c, accounts, ARRAY_LEN(accounts), w.accounts);
}

static struct transfer given(const struct ctx *c, int64_t leg_number)
{
    return (struct transfer){.kind = "fault_given",
                             .key_id = 1,
                             .leg_number = leg_number,
                             .from_id = w.accounts[0],
                             .to_id = w.accounts[1],
                             .amount_count = 50,
                             .expires_ms = c->now_ms + (1 + leg_number) * HOUR_MS};
}

static enum err linked_post(struct ctx *c, void *user)
{
    const struct transfer transfers[] = {given(c, 0), given(c, 1)};
    int64_t ids[2];
    bool is_replay;

    (void)user;
    TRY(ledger_post(c, transfers, 2, &is_replay, ids));
    w.transfer_id = ids[0];
    return OK;
}

static enum err spend(struct ctx *c, void *user)
{
    (void)user;
    bool is_replay;

    return ledger_post(c,
                       &(struct transfer){.kind = "fault_spent",
                                          .key_id = 1,
                                          .from_id = w.accounts[1],
                                          .to_id = w.accounts[2],
                                          .amount_count = 80,
                                          .expires_ms = NONE},
                       1, &is_replay, &w.spent_id);
}

static enum err hold_number(struct ctx *c, int64_t key_id, int64_t amount_count)
{
    return ledger_hold(c,
                       &(struct hold){.kind = "fault_hold",
                                      .key_id = key_id,
                                      .from_id = w.accounts[1],
                                      .to_id = w.accounts[2],
                                      .amount_count = amount_count,
                                      .until_ms = c->now_ms + HOUR_MS},
                       &w.hold_id);
}

static enum err hold_first(struct ctx *c, void *user)
{
    (void)user;
    return hold_number(c, 1, 8);
}

static enum err hold_post(struct ctx *c, void *user)
{
    (void)user;
    return ledger_hold_post(c, w.hold_id, 5);
}

static enum err hold_second(struct ctx *c, void *user)
{
    (void)user;
    return hold_number(c, 2, 6);
}

static enum err hold_void(struct ctx *c, void *user)
{
    (void)user;
    return ledger_hold_void(c, w.hold_id);
}

static enum err reverse_number(struct ctx *c, int64_t key_id, int64_t transfer_id,
                               int64_t amount_count)
{
    int64_t taken_count, debt_count;

    return ledger_reverse(c,
                          &(struct reversal){.kind = "fault_back",
                                             .key_id = key_id,
                                             .transfer_id = transfer_id,
                                             .amount_count = amount_count,
                                             .policy = REVERSE_CREATE_DEBT,
                                             .reason = S("test")},
                          &taken_count, &debt_count);
}

static enum err reverse_into_debt(struct ctx *c, void *user)
{
    (void)user;
    return reverse_number(c, 1, w.transfer_id, 50);
}

static enum err reverse_spent(struct ctx *c, void *user)
{
    (void)user;
    return reverse_number(c, 2, w.spent_id, 30);
}

static void test_ledger(void **state)
{
    (void)state;
    loop("ledger_open", accounts_open);
    loop("ledger_post, linked", linked_post);
    loop("ledger_post out of lots", spend);
    loop("ledger_hold", hold_first);
    loop("ledger_hold_post", hold_post);
    loop("ledger_hold again", hold_second);
    loop("ledger_hold_void", hold_void);
    loop("ledger_reverse into debt", reverse_into_debt);
    loop("ledger_reverse of what was spent", reverse_spent);
}

/* ---- counters, timers, outbox, inbox, saga --------------------------------------------------- */

static struct counter counter_of(void)
{
    return (struct counter){"fault", 1, w.person_id, WINDOW_DAY, NULL, 3};
}

static enum err use(struct ctx *c, void *user)
{
    struct counter counter = counter_of();

    (void)user;
    return counter_use(c, &counter, 1);
}

static enum err reserve(struct ctx *c, void *user)
{
    struct counter counter = counter_of();

    (void)user;
    TRY(counter_reserve(c, &counter, &(struct counter_hold){"fault", 1, 1, c->now_ms + HOUR_MS}));
    return counter_reserve(c, &counter, &(struct counter_hold){"fault", 2, 1, c->now_ms + HOUR_MS});
}

static enum err confirm(struct ctx *c, void *user)
{
    (void)user;
    return counter_confirm(c, "fault", 1);
}

static enum err release(struct ctx *c, void *user)
{
    (void)user;
    return counter_release(c, "fault", 2);
}

static enum err timers_set(struct ctx *c, void *user)
{
    const struct timer_new timers[] = {
        {.kind = "sim_thanks", .key_id = 1, .due_ms = c->now_ms + HOUR_MS},
        {.kind = "sim_thanks", .key_id = 2, .due_ms = c->now_ms + HOUR_MS}};

    (void)user;
    return timer_set(c, timers, 2);
}

static enum err timer_stop(struct ctx *c, void *user)
{
    (void)user;
    return timer_cancel(c, "sim_thanks", 2, NULL);
}

static enum err notices_add(struct ctx *c, void *user)
{
    const struct outbox_new messages[] = {
        {.kind = "sim_notice",
         .key_id = 1,
         .order_id = 7,
         .customer_id = NONE,
         .body = S("1"),
         .due_ms = NONE},
        {.kind = "sim_notice",
         .key_id = 2,
         .order_id = 7,
         .customer_id = NONE,
         .body = S("2"),
         .due_ms = NONE},
    };

    (void)user;
    return outbox_add(c, messages, 2);
}

static enum err notice_cancel(struct ctx *c, void *user)
{
    bool was_waiting;

    (void)user;
    return outbox_cancel(c, "sim_notice", 1, &was_waiting);
}

static enum err message_put(struct ctx *c, void *user)
{
    const struct inbox_message message = {"payee", S("k1"), "sim_callback", S("1 3 5")};
    bool is_new;

    (void)user;
    return inbox_put(c, &message, &is_new);
}

static void test_others(void **state)
{
    (void)state;
    loop("counter_use", use);
    loop("counter_reserve", reserve);
    loop("counter_confirm", confirm);
    loop("counter_release", release);
    loop("timer_set", timers_set);
    loop("timer_cancel", timer_stop);
    loop("outbox_add", notices_add);
    loop("outbox_cancel", notice_cancel);
    loop("inbox_put", message_put);
}

/* ---- campaigns and rewards ------------------------------------------------------------------- */

static enum err add(struct ctx *c, void *user)
{
    (void)user;
    return campaign_add(
        c,
        &(struct campaign_new){
            .kind = S("giveaway"),
            .title = S("F"),
            .rules = S("{\"stock_count\":9,\"day_limit_count\":5,\"points_count\":4}"),
            .day_start_minutes_count = NONE,
            .starts_ms = NONE,
            .ends_ms = c->now_ms + 9 * DAY_MS},
        &w.campaign_id);
}

static enum err fund(struct ctx *c, void *user)
{
    (void)user;
    return campaign_fund(c, &(struct campaign_fund){w.campaign_id, 1, 36, UNIT_POINTS, S("test")});
}

static enum err to_review(struct ctx *c, void *user)
{
    (void)user;
    return campaign_move(c, w.campaign_id, S("in_review"), S(""));
}

static enum err publish(struct ctx *c, void *user)
{
    (void)user;
    return campaign_move(c, w.campaign_id, S("scheduled"), S(""));
}

static enum err claim(struct ctx *c, void *user)
{
    const struct giveaway_claim claim = {w.campaign_id, w.person_id, 1, NULL};
    struct reward reward;
    bool is_held;

    (void)user;
    TRY(giveaway_claim(c, &claim, &reward, &is_held));
    w.reward_id = reward.id;
    return is_held ? E_INTERNAL : OK;
}

static int64_t held_key_id = 2;

static enum err claim_held(struct ctx *c, void *user)
{
    const struct risk_signs signs = {
        .device = S("d"), .payer = S("p"), .inviter_person_id = w.person_id};
    const struct giveaway_claim claim = {w.campaign_id, w.person_id, held_key_id, &signs};
    struct reward reward;
    bool is_held;

    (void)user;
    TRY(giveaway_claim(c, &claim, &reward, &is_held));
    w.reward_id = reward.id;
    return is_held ? OK : E_INTERNAL;
}

static enum err decide(struct ctx *c, void *user)
{
    (void)user;
    return reward_decide(c, w.reward_id, true, S("test"));
}

static enum err back(struct ctx *c, void *user)
{
    int64_t taken_count;

    (void)user;
    return reward_revoke(c, w.reward_id,
                         &(struct revocation){"fault_part", 1, 1, REVERSE_CREATE_DEBT, S("test")},
                         &taken_count);
}

static enum err saga_begin(struct ctx *c, void *user)
{
    struct sim_refund refund = {w.reward_id, w.person_id, 500, NONE};

    (void)user;
    TRY(sim_refund_start(c, &refund));
    w.saga_id = refund.saga_id;
    return OK;
}

/* Its end takes the reward back in the same transaction. */
static enum err saga_end(struct ctx *c, void *user)
{
    (void)user;
    return saga_heard(
        c, w.saga_id,
        &(struct saga_report){.status = SAGA_SUCCEEDED, .amount_fen = 500, .outside_no = S("P1")});
}

static void test_rewards(void **state)
{
    (void)state;
    loop("campaign_add", add);
    loop("campaign_fund", fund);
    loop("to review", to_review);
    loop("published", publish);
    timer_await(scenario_app);
    loop("a claim", claim);
    loop("saga_start", saga_begin);
    loop("a claim that is held", claim_held);
    loop("reward_decide", decide);
    loop("reward_revoke", back);
    loop("a saga's end", saga_end);
}

/* ---- taken back twice ------------------------------------------------------------------------ */

/* What was all spent is taken back as debt alone; the same key once more is the same. */
static enum err back_spent(struct ctx *c, void *user)
{
    const struct giveaway_claim claim = {w.campaign_id, w.person_id, 3, NULL};
    struct reward reward;
    int64_t taken_count, balance_count;
    bool is_held, is_replay;

    (void)user;
    TRY(giveaway_claim(c, &claim, &reward, &is_held));
    TRY(accounts_open(c, NULL));
    TRY(ledger_balance(c,
                       &(struct account){"customer", w.person_id, UNIT_POINTS, BUCKET_AVAILABLE, 0},
                       &balance_count));
    TRY(ledger_post(c,
                    &(struct transfer){.kind = "fault_all",
                                       .key_id = 1,
                                       .from_id = w.accounts[1],
                                       .to_id = w.accounts[2],
                                       .amount_count = balance_count,
                                       .expires_ms = NONE},
                    1, &is_replay, NULL));
    w.reward_id = reward.id;
    for (int i = 0; i < 2; i++)
        TRY(reward_revoke(c, reward.id,
                          &(struct revocation){"fault_debt", 1, 2, REVERSE_CREATE_DEBT, S("test")},
                          &taken_count));
    return OK;
}

static void test_debt_twice(void **state)
{
    char sql[100];

    (void)state;
    scenario_write(back_spent, NULL);
    snprintf(sql, sizeof(sql), "SELECT revoked_count FROM reward_grant WHERE id = %" PRId64,
             w.reward_id);
    assert_int_equal(scenario_number(sql), 2);
}

/* ---- whoever was deleted --------------------------------------------------------------------- */

static const char *number_text(int64_t number)
{
    return str_cstr(scenario_arena, str_fmt(scenario_arena, "%" PRId64, number));
}

/* What was held for them can still go back, or their campaign would never settle. */
static void test_deleted_person(void **state)
{
    const struct scenario cases[] = {
        {"deleted", AS_ADMIN, POST, "/api/customers/$ana/privacy/delete",
         "{'reason':'asked','confirm_number':$number}", 200, "", NULL, .is_plain = true},
        {"not to them", AS_ADMIN, POST, "/api/rewards/$reward/decide",
         "{'is_granted':true,'reason':'x'}", 409, "reward.person_deleted", ""},
        {"back", AS_ADMIN, POST, "/api/rewards/$reward/decide", "{'is_granted':false,'reason':'x'}",
         200, "", "reward_refused"},
    };

    (void)state;
    held_key_id = 9;
    scenario_write(claim_held, NULL);
    scenario_set("ana", number_text(w.person_id));
    scenario_set("reward", number_text(w.reward_id));
    scenario_set("number", number_text(scenario_number("SELECT customer_number FROM customer")));
    scenario_run_all(cases, 1);
    job_await(scenario_app);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE deleted_ms IS NOT NULL"),
                     1);
    scenario_run_all(cases + 1, 2);
}

/* ---- the clock ------------------------------------------------------------------------------- */

static int64_t thanks_count(void)
{
    return scenario_number(
        "SELECT sum(used_count) FROM counter WHERE name = 'sim_thanks' AND subject_id = 100");
}

static enum err thanks_set(struct ctx *c, void *user)
{
    (void)user;
    return timer_set(
        c, &(struct timer_new){.kind = "sim_thanks", .key_id = 100, .due_ms = c->now_ms + HOUR_MS},
        1);
}

static void test_clock(void **state)
{
    int64_t now_ms = clock_now_ms();

    (void)state;
    scenario_write(thanks_set, NULL);
    scenario_clock(now_ms - DAY_MS);
    timer_await(scenario_app);
    assert_int_equal(thanks_count(), NONE);
    scenario_clock(now_ms + DAY_MS);
    timer_await(scenario_app);
    assert_int_equal(thanks_count(), 1);
    scenario_clock(now_ms);
    timer_await(scenario_app);
    scenario_write(thanks_set, NULL); /* by the app's time, which does not go back */
    scenario_clock(now_ms + DAY_MS);
    timer_await(scenario_app);
    assert_int_equal(thanks_count(), 1);
    scenario_clock(now_ms + DAY_MS + HOUR_MS);
    timer_await(scenario_app);
    assert_int_equal(thanks_count(), 2);
}

/* ---- the disk is full ------------------------------------------------------------------------ */

static int64_t wal_bytes(void)
{
    struct stat about;
    struct str path =
        str_fmt(scenario_arena, "%.*s/papilio.db-wal", STR(app_config(scenario_app)->data));

    return stat(str_cstr(scenario_arena, path), &about) == 0 ? about.st_size : 0;
}

/* A file may not grow beyond this, which SQLite meets as it meets a full disk. */
static void file_limit(rlim_t bytes)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int customer_post(int64_t number)
{
    char body[60];

    snprintf(body, sizeof(body), "{'phone':'1370%07" PRId64 "'}", number);
    return scenario_ask(AS_LOCAL, POST, "/api/customers", body).status;
}

static void test_disk_full(void **state)
{
    int64_t before = scenario_number("SELECT count(*) FROM customer"), good = 0, tried = 0;
    int64_t thanked = thanks_count();
    struct app_call check;

    (void)state;
    if (base_is_shared())
        skip(); /* files that may not grow: PostgreSQL's are its own */
    scenario_write(thanks_set, NULL);
    scenario_clock(clock_now_ms() + HOUR_MS);
    file_limit((rlim_t)wal_bytes() + 200000);
    while (tried < 2000 && customer_post(tried++) == 200)
        good++;
    assert_true(good > 0 && tried < 2000);
    assert_true(customer_post(tried) >= 500);
    timer_await(scenario_app); /* a page too big for what is left is not lost */
    file_limit(RLIM_INFINITY);
    scenario_clock(clock_now_ms() + 7 * HOUR_MS);
    timer_await(scenario_app);
    assert_int_equal(thanks_count(), thanked + 1);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer"), before + good);
    assert_int_equal(customer_post(tried - 1), 200); /* the one that was refused */
    assert_int_equal(scenario_number("SELECT count(*) FROM customer"), before + good + 1);
    check = scenario_ask(AS_LOCAL, GET, "/local/check", NULL);
    if (str_find(check.reply, S("\"failed_count\":0")) < 0)
        fail_msg("%.*s", STR(check.reply));
}

/* ---- the disk takes nothing more ------------------------------------------------------------- */

/* As one that the system has made read-only: every write is refused, what is there can be read. */
static void test_disk_read_only(void **state)
{
    int64_t before = scenario_number("SELECT count(*) FROM customer"), thanked = thanks_count();
    int write_status, again_status, read_status;

    (void)state;
    if (base_is_shared())
        skip();
    scenario_write(thanks_set, NULL);
    scenario_clock(clock_now_ms() + HOUR_MS);
    file_limit(0);
    write_status = customer_post(5000);
    timer_await(scenario_app);
    again_status = customer_post(5000);
    read_status = scenario_ask(AS_LOCAL, GET, "/api/customers", NULL).status;
    file_limit(RLIM_INFINITY);
    assert_true(write_status >= 500 && again_status >= 500);
    assert_int_equal(read_status, 200);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer"), before);
    assert_int_equal(thanks_count(), thanked);
    scenario_clock(clock_now_ms() + 7 * HOUR_MS);
    timer_await(scenario_app);
    assert_int_equal(thanks_count(), thanked + 1);
    assert_int_equal(customer_post(5000), 200);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer"), before + 1);
}

static enum err start(struct arena *arena, const struct app_config *config, rlim_t limit)
{
    struct app *app = NULL;
    struct str why = {0};
    enum err err;

    file_limit(limit);
    err = app_open(arena, config, &app, &why);
    app_close(app);
    file_limit(RLIM_INFINITY);
    assert_true(err == OK || why.len > 0);
    return err;
}

/* It says why, and a later start finds all as it was. */
static void test_started_on_a_read_only_disk(void **state)
{
    char folder[] = "/tmp/papilio-fault-XXXXXX", command[60];
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    struct app_config config = sim_config;

    (void)state;
    assert_non_null(mkdtemp(folder));
    config.data = str_of(folder);
    assert_int_equal(start(arena, &config, 0), E_IO);
    assert_int_equal(start(arena, &config, RLIM_INFINITY), OK);
    assert_int_equal(start(arena, &config, 0), E_IO);
    assert_int_equal(start(arena, &config, RLIM_INFINITY), OK);
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static int world_open(void **state)
{
    int status;

    sim_config_make();
    sim_config.is_filling = false;
    sim_payee_set(&sim_payee_flaky);
    scenario_config = &sim_config;
    status = scenario_open(state);
    if (status != 0)
        return status;
    assert_int_equal(scenario_ask(AS_LOCAL, POST, "/api/customers", "{'name':'ana'}").status, 200);
    w.person_id = scenario_number("SELECT max(id) FROM customer");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_rewards),
        cmocka_unit_test(test_debt_twice),
        cmocka_unit_test(test_deleted_person),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_disk_read_only),
        cmocka_unit_test(test_started_on_a_read_only_disk),
    };

    return cmocka_run_group_tests(tests, world_open, scenario_close);
}
