/* What works off rows that are due, with the 1st, 2nd, ... nth statement of the writer failing on
 * the way: commands of timers, inbox, outbox and sagas, of pieces of work that succeed, fail and
 * die; and with the clock a day back and forth. Whatever failed, in the end each has had its effect
 * once, or has died without one. */
#include "scenario.h"

#include <stdio.h>

#include "host/clock.h"
#include "kit/counter.h"
#include "kit/inbox.h"
#include "kit/outbox.h"
#include "kit/saga.h"
#include "kit/timer.h"
#include "papilio.h"
#include "sink.h"

#define FAIL_MAX 120
#define LATER_MS (7 * 3600 * INT64_C(1000)) /* behind the longest back-off */
#define LATER_COUNT 3
#define ATTEMPT_MAX 2

/* A way through the workers. */
struct way {
    const char *name;
    app_command *make; /* work for w.number */
    void (*run)(struct app *app);
    const char *state; /* of the row of number $ */
    const char *wanted;
    int64_t effect_count;
    bool fails; /* every time: its kind gives up */
    enum { MONEY_AT_ONCE, MONEY_ASKED, MONEY_REFUSED_END } money;
};

static struct {
    const struct way *way;
    int64_t number, bill_day, nth;
    int64_t paid_count[FAIL_MAX];
    bool did_fail;
} w;

/* ---- the kinds, all with the same effect ----------------------------------------------------- */

/* Counted before it fails, so that what is left behind would show. */
static enum err effect(struct ctx *c)
{
    TRY(counter_use(c, &(struct counter){w.way->name, 0, w.number, WINDOW_NONE, NULL, FAIL_MAX},
                    1));
    return w.way->fails ? fail(c, E_CONFLICT, "test.never", "never") : OK;
}

static enum err timer_run(struct ctx *c, const struct timer *timer)
{
    (void)timer;
    return effect(c);
}

static enum err message_handle(struct ctx *c, int64_t inbox_id, struct str body)
{
    (void)inbox_id;
    (void)body;
    return effect(c);
}

static enum err notice_request(struct ctx *c, const struct outbox_message *message,
                               struct outbox_request *out)
{
    out->url =
        str_fmt(c->arena, "http://127.0.0.1:%d/%s", sink_port(), w.way->fails ? "no" : "yes");
    out->body = message->body;
    return OK;
}

static enum err notice_answered(struct ctx *c, const struct outbox_message *message,
                                const struct outbox_answer *answer, enum outbox_verdict *verdict)
{
    (void)message;
    *verdict = answer->status == 200 ? OUTBOX_DONE : OUTBOX_RETRY;
    return answer->status == 200 ? effect(c) : OK;
}

/* Money moves whenever it is asked for: that it is not asked for twice is what is tested. */
static enum err pay(struct app *app, struct arena *arena, const struct saga *saga,
                    struct saga_report *out)
{
    (void)app;
    (void)arena;
    w.paid_count[saga->key_id]++;
    out->status = SAGA_SUCCEEDED;
    return w.way->money == MONEY_ASKED ? E_IO : OK;
}

static enum err ask(struct app *app, struct arena *arena, const struct saga *saga,
                    struct saga_report *out)
{
    (void)app;
    (void)arena;
    out->status = w.paid_count[saga->key_id] > 0 ? SAGA_SUCCEEDED : SAGA_CREATED;
    return OK;
}

/* One line, of a payment we do not have. */
static enum err bill(struct app *app, struct arena *arena, int64_t day, struct bill_line **lines,
                     int64_t *count)
{
    (void)app;
    *count = day == w.bill_day ? 1 : 0;
    *lines = arena_new_array(arena, struct bill_line, 1);
    **lines = (struct bill_line){w.number, S("theirs"), 100, SAGA_SUCCEEDED};
    return OK;
}

/* The first end is refused once: it comes again. */
static enum err on_over(struct ctx *c, const struct saga *saga)
{
    static int64_t refused_id;

    TRY(effect(c));
    if (w.way->money != MONEY_REFUSED_END || refused_id == saga->id)
        return OK;
    refused_id = saga->id;
    return fail(c, E_CONFLICT, "test.over", "not now");
}

static const struct timer_kind due_timer = {"due", "到点", "Due", ATTEMPT_MAX, timer_run};
static const struct inbox_kind due_message = {"due", "来信", "Due", ATTEMPT_MAX, message_handle};
static const struct outbox_kind due_notice = {.name = "due",
                                              .title_zh = "通知",
                                              .title_en = "Due",
                                              .attempt_max = ATTEMPT_MAX,
                                              .request = notice_request,
                                              .answered = notice_answered};
static const struct saga_kind due_payment = {"due", "付款", "Due", pay, ask, NULL, on_over};
static const struct saga_kind billed = {"billed", "账单", "Billed", pay, ask, bill, NULL};

static const struct timer_kind *const timer_kinds[] = {&due_timer, NULL};
static const struct inbox_kind *const inbox_kinds[] = {&due_message, NULL};
static const struct outbox_kind *const outbox_kinds[] = {&due_notice, NULL};
static const struct saga_kind *const saga_kinds[] = {&due_payment, &billed, NULL};

/* ---- work ------------------------------------------------------------------------------------ */

static enum err timer_make(struct ctx *c, void *user)
{
    (void)user;
    return timer_set(c, &(struct timer_new){.kind = "due", .key_id = w.number, .due_ms = c->now_ms},
                     1);
}

static enum err message_make(struct ctx *c, void *user)
{
    bool is_new;

    (void)user;
    return inbox_put(c,
                     &(struct inbox_message){
                         "test",
                         str_fmt(c->arena, "%s %" PRId64, w.way->name, w.number),
                         "due",
                         S("body"),
                     },
                     &is_new);
}

static enum err notice_make(struct ctx *c, void *user)
{
    (void)user;
    return outbox_add(c,
                      &(struct outbox_new){.kind = "due",
                                           .key_id = w.number,
                                           .order_id = NONE,
                                           .customer_id = NONE,
                                           .body = S("body"),
                                           .due_ms = NONE},
                      1);
}

static enum err payment_make(struct ctx *c, void *user)
{
    int64_t saga_id;

    (void)user;
    return saga_start(c, &(struct saga_new){"due", w.number, NONE, 100}, &saga_id);
}

static enum err nothing_make(struct ctx *c, void *user)
{
    (void)c;
    (void)user;
    return OK;
}

/* Only what fails is run again, by whoever asked for it. */
static void bill_run(struct app *app)
{
    int64_t difference_count;

    (void)!saga_reconcile(app, "billed", w.bill_day, &difference_count);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static enum err fault_put(struct ctx *c, void *user)
{
    (void)user;
    db_fail_at(c->db, w.nth);
    return OK;
}

static enum err fault_end(struct ctx *c, void *user)
{
    (void)user;
    w.did_fail = db_did_fail(c->db);
    db_fail_at(c->db, 0);
    return OK;
}

/* false: the failing statement was of the command that ordered it, or behind the work. */
static bool run_failing(const struct way *way)
{
    bool is_ours = app_write(scenario_app, scenario_arena, fault_put, NULL, NULL) == OK;

    if (is_ours)
        way->run(scenario_app);
    w.did_fail = false;
    if (app_write(scenario_app, scenario_arena, fault_end, NULL, NULL) != OK)
        scenario_write(fault_end, NULL);
    return is_ours && w.did_fail;
}

static void assert_over(const struct way *way)
{
    char sql[300], *at;
    const char *state;
    int64_t effect_count;

    snprintf(sql, sizeof(sql), "%s", way->state);
    at = strchr(sql, '$');
    if (at)
        snprintf(at, sizeof(sql) - (size_t)(at - sql), "%" PRId64, w.number);
    state = scenario_text(sql);
    if (state == NULL || strcmp(state, way->wanted) != 0)
        fail_msg("%s, statement %" PRId64 ": %s", way->name, w.nth, state ? state : "no row");
    snprintf(sql, sizeof(sql),
             "SELECT coalesce(sum(used_count), 0) FROM counter WHERE name = '%s' AND subject_id = "
             "%" PRId64,
             way->name, w.number);
    effect_count = scenario_number(sql);
    if (effect_count != way->effect_count)
        fail_msg("%s, statement %" PRId64 ": %" PRId64 " effects", way->name, w.nth, effect_count);
    if (way->make == payment_make && w.paid_count[w.number] != 1)
        fail_msg("%s, statement %" PRId64 ": paid %" PRId64 " times", way->name, w.nth,
                 w.paid_count[w.number]);
}

static void run_later(const struct way *way)
{
    for (int i = 0; i < LATER_COUNT; i++) {
        scenario_clock(clock_now_ms() + LATER_MS);
        way->run(scenario_app);
    }
    assert_over(way);
}

/* The machine's clock goes back a day while something is due, and forward again. */
static void run_back_and_forth(const struct way *way)
{
    int64_t now_ms = clock_now_ms();

    w.number = w.nth = 0;
    scenario_write(way->make, NULL);
    scenario_clock(now_ms - DAY_MS);
    way->run(scenario_app);
    scenario_clock(now_ms + DAY_MS);
    run_later(way);
}

/* Each time with work of its own. */
static void loop(const struct way *way)
{
    int64_t failed_count = 0;
    bool did_fail = true;

    w.way = way;
    memset(w.paid_count, 0, sizeof(w.paid_count));
    run_back_and_forth(way);
    for (w.nth = 1; w.nth < FAIL_MAX && (did_fail || failed_count == 0); w.nth++) {
        w.number = w.nth;
        scenario_write(way->make, NULL);
        did_fail = run_failing(way);
        failed_count += did_fail;
        run_later(way);
    }
    if (failed_count < 3 || w.nth == FAIL_MAX)
        fail_msg("%s: %" PRId64 " statements", way->name, failed_count);
    print_message("%s: %" PRId64 " statements\n", way->name, failed_count);
}

#define SAGA_STATE "SELECT status FROM saga WHERE kind = 'due' AND key_id = $"
#define INBOX_STATE "SELECT status FROM inbox ORDER BY id DESC LIMIT 1"
#define OUTBOX_STATE "SELECT status FROM outbox WHERE kind = 'due' AND key_id = $"

static void test_timers(void **state)
{
    static const struct way done = {
        .name = "a timer",
        .make = timer_make,
        .run = timer_await,
        .state = "SELECT count(*) FROM timer WHERE kind = 'due' AND key_id = $",
        .wanted = "0",
        .effect_count = 1};
    static const struct way dead = {
        .name = "a timer that dies",
        .make = timer_make,
        .run = timer_await,
        .state = "SELECT status || attempt_count FROM timer WHERE kind = 'due' AND key_id = $",
        .wanted = "dead2",
        .fails = true};

    (void)state;
    loop(&done);
    loop(&dead);
}

static void test_inbox(void **state)
{
    static const struct way done = {.name = "a message that came in",
                                    .make = message_make,
                                    .run = inbox_await,
                                    .state = INBOX_STATE,
                                    .wanted = "done",
                                    .effect_count = 1};
    static const struct way dead = {.name = "one that dies",
                                    .make = message_make,
                                    .run = inbox_await,
                                    .state = INBOX_STATE,
                                    .wanted = "dead",
                                    .fails = true};

    (void)state;
    loop(&done);
    loop(&dead);
}

static void test_outbox(void **state)
{
    static const struct way sent = {.name = "a message that leaves",
                                    .make = notice_make,
                                    .run = outbox_await,
                                    .state = OUTBOX_STATE,
                                    .wanted = "sent",
                                    .effect_count = 1};
    static const struct way dead = {.name = "one that nobody takes",
                                    .make = notice_make,
                                    .run = outbox_await,
                                    .state = OUTBOX_STATE,
                                    .wanted = "dead",
                                    .fails = true};

    (void)state;
    loop(&sent);
    scenario_sql("DELETE FROM outbox_body");
    scenario_sql("DELETE FROM outbox");
    sink_answer("/no", 500, 100000);
    loop(&dead);
}

static void test_sagas(void **state)
{
    static const struct way ways[] = {
        {.name = "a payment", .money = MONEY_AT_ONCE},
        {.name = "one whose answer is lost", .money = MONEY_ASKED},
        {.name = "one whose end is refused once", .money = MONEY_REFUSED_END},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct way way = ways[i];
        way.make = payment_make;
        way.run = saga_await;
        way.state = SAGA_STATE;
        way.wanted = "succeeded";
        way.effect_count = 1;
        scenario_sql("DELETE FROM saga");
        loop(&way);
    }
}

static void test_bills(void **state)
{
    static const struct way way = {.name = "a bill",
                                   .make = nothing_make,
                                   .run = bill_run,
                                   .state = "SELECT count(*) FROM bill_difference WHERE kind = "
                                            "'only_theirs' AND saga_id = $",
                                   .wanted = "1"};

    (void)state;
    w.bill_day = 20000;
    loop(&way);
}

static int world_open(void **state)
{
    static struct app_config config;

    config = papilio_config;
    config.timer_kinds = timer_kinds;
    config.inbox_kinds = inbox_kinds;
    config.outbox_kinds = outbox_kinds;
    config.saga_kinds = saga_kinds;
    config.is_filling = true;
    scenario_config = &config;
    sink_start();
    return scenario_open(state);
}

static int world_close(void **state)
{
    int status = scenario_close(state);

    sink_stop();
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers), cmocka_unit_test(test_inbox), cmocka_unit_test(test_outbox),
        cmocka_unit_test(test_sagas),  cmocka_unit_test(test_bills),
    };

    return cmocka_run_group_tests(tests, world_open, world_close);
}
