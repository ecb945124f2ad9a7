/* Sagas against a payee that keeps its books in a file, so that it remembers what this process
 * forgets when it is killed; and that loses answers, lies about amounts, and sends bills. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_sql.h"
#include "gen/kit.q.h"
#include "host/clock.h"
#include "kit/kit_private.h"
#include "kit/saga.h"
#include "kit/saga_private.h"

#define T0 INT64_C(1767600000000) /* 2026-01-05 16:00 in Shanghai */
#define HOUR_MS INT64_C(3600000)
#define DAY_0 20458 /* that day */

static struct arena *arena;
static struct app *app;
static char folder[64];
static struct str db;

/* ---- the payee ------------------------------------------------------------------------------- */

enum mood {
    KIND,
    LOSES_ORDER,  /* the request never arrives, and no answer */
    LOSES_ANSWER, /* it arrives, and no answer */
    SLOW,         /* accepted; succeeds when asked */
    REFUSES,
    LIES,    /* about the amount */
    FORGETS, /* accepted, then never heard of it */
    BREAKS   /* a bug in the code of the play, behind the payment */
};
static struct {
    enum mood mood;
    int kill_at; /* 1: before the payee hears of it; 2: behind */
    int pay_count, ask_count, over_fails;
    struct bill_line lines[10];
    int64_t line_count;
} payee;

static const char *books(void)
{
    static char path[100];

    snprintf(path, sizeof(path), "%s/payee", folder);
    return path;
}

/* One line a payment that moved money: the number. The same number again moves nothing. */
static int paid_count(int64_t number)
{
    FILE *file = fopen(books(), "r");
    long long found;
    int count = 0;

    while (file && fscanf(file, "%lld", &found) == 1)
        count += number == 0 || found == number;
    if (file)
        fclose(file);
    return count;
}

static void pay_down(int64_t number)
{
    FILE *file = fopen(books(), "a");

    assert_non_null(file);
    if (paid_count(number) == 0)
        fprintf(file, "%lld\n", (long long)number);
    fclose(file);
}

/* As if written in a business layer. */
static _Noreturn void break_down(void)
{
    must_fail("false", "src/play/test.c", 1);
}

static enum err pay(struct app *of, struct arena *memory, const struct saga *saga,
                    struct saga_report *out)
{
    (void)of;
    payee.pay_count++;
    if (payee.kill_at == 1)
        raise(SIGKILL);
    if (payee.mood == REFUSES || payee.mood == LOSES_ORDER) {
        out->status = SAGA_FAILED;
        out->words = S("no money left");
        return payee.mood == REFUSES ? OK : E_IO;
    }
    pay_down(saga->id);
    if (payee.kill_at == 2)
        raise(SIGKILL);
    if (payee.mood == LOSES_ANSWER)
        return E_IO;
    if (payee.mood == BREAKS)
        break_down();
    out->outside_no = str_fmt(memory, "P%" PRId64, saga->id);
    out->status = payee.mood == SLOW || payee.mood == FORGETS ? SAGA_ACCEPTED : SAGA_SUCCEEDED;
    out->amount_fen = saga->amount_fen + (payee.mood == LIES);
    return OK;
}

static enum err ask(struct app *of, struct arena *memory, const struct saga *saga,
                    struct saga_report *out)
{
    (void)of;
    (void)memory;
    payee.ask_count++;
    if (payee.mood == BREAKS)
        break_down();
    out->amount_fen = saga->amount_fen + (payee.mood == LIES);
    out->status = paid_count(saga->id) && payee.mood != FORGETS ? SAGA_SUCCEEDED : SAGA_CREATED;
    return payee.mood == LOSES_ANSWER && payee.ask_count < 3 ? E_IO : OK;
}

static enum err bill(struct app *of, struct arena *memory, int64_t day, struct bill_line **lines,
                     int64_t *count)
{
    (void)of;
    (void)memory;
    (void)day;
    if (payee.mood == BREAKS)
        break_down();
    *lines = payee.lines;
    *count = payee.line_count;
    return OK;
}

static enum err on_over(struct ctx *c, const struct saga *saga)
{
    struct q_meta_get_row row = {0};
    enum err err = q_meta_get(c, S("over"), &row);

    if (err != E_NOT_FOUND)
        TRY(err);
    TRY(q_meta_set(c, S("over"),
                   str_fmt(c->arena, "%.*s%s%" PRId64, STR(row.value),
                           saga->status == SAGA_SUCCEEDED ? "+" : "-", saga->key_id)));
    return payee.over_fails-- > 0 ? fail(c, E_CONFLICT, "test.over", "not now") : OK;
}

static const struct saga_kind refund = {"refund", "退款", "Refund", pay, ask, bill, on_over};
static const struct saga_kind *const saga_kinds[] = {&refund, NULL};
static const struct route no_routes[] = {{.path = NULL}};
static const struct route *const tables[] = {no_routes, NULL};
static const struct role roles[] = {{.name = NULL}};
static const struct event_kind kinds[] = {{.name = NULL}};

/* ---- the app --------------------------------------------------------------------------------- */

static void app_begin(void)
{
    struct app_config config = {.routes = tables,
                                .roles = roles,
                                .kinds = kinds,
                                .saga_kinds = saga_kinds,
                                .data = str_of(folder),
                                .db = db};
    struct str why = {0};

    if (app_open(arena, &config, &app, &why) != OK)
        print_error("%.*s\n", STR(why));
    assert_non_null(app);
}

static int fresh(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/papilio-saga-XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = arena_new((size_t)256 * 1024 * 1024);
    db = base_db(arena);
    clock_simulate(T0);
    memset(&payee, 0, sizeof(payee));
    app = NULL;
    return 0;
}

static int over(void **state)
{
    char command[100];

    (void)state;
    if (app)
        app_close(app);
    clock_simulate(NONE);
    base_leave();
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static enum err start_step(struct ctx *c, void *user)
{
    struct saga_new *n = user;
    int64_t saga_id;

    TRY(saga_start(c, n, &saga_id));
    n->customer_id = saga_id;
    return OK;
}

static enum err start(int64_t key_id, int64_t amount_fen, int64_t *saga_id)
{
    struct saga_new n = {"refund", key_id, NONE, amount_fen};
    enum err err = app_write(app, arena, start_step, &n, NULL);

    *saga_id = n.customer_id;
    return err;
}

static int64_t start_100(int64_t key_id)
{
    int64_t saga_id;

    assert_int_equal(start(key_id, 100, &saga_id), OK);
    return saga_id;
}

static const char *sql(const char *query)
{
    return base_text(folder, arena, query);
}

static const char *statuses(void)
{
    return sql("SELECT group_concat(status, ' ') FROM (SELECT status FROM saga ORDER BY id)");
}

static const char *ended(void)
{
    return sql("SELECT value FROM meta WHERE name = 'over'");
}

static const char *differences(void)
{
    return sql("SELECT group_concat(kind || coalesce(':' || outside_no, ''), ' ')"
               " FROM (SELECT * FROM bill_difference ORDER BY id)");
}

static void later(int64_t ms)
{
    clock_simulate(clock_now_ms() + ms);
    saga_await(app);
}

/* ---- what it promises ------------------------------------------------------------------------ */

static void test_a_payment_goes_out_and_ends(void **state)
{
    int64_t id, again;

    (void)state;
    app_begin();
    id = start_100(7);
    assert_int_equal(start(7, 100, &again), OK);
    assert_int_equal(again, id);
    assert_int_equal(start(7, 101, &again), E_CONFLICT);
    saga_await(app);
    assert_string_equal(ended(), "+7");
    assert_int_equal(paid_count(0), 1);
    assert_int_equal(payee.pay_count, 1);
    later(30 * 24 * HOUR_MS);
    assert_string_equal(ended(), "+7");
    assert_string_equal(sql("SELECT status, outside_no IS NOT NULL, due_ms IS NULL FROM saga"),
                        "succeeded|1|1");
}

static void test_a_bug_of_a_play_costs_one_attempt(void **state)
{
    int64_t broken, sound, difference_count;

    (void)state;
    payee.mood = BREAKS;
    app_begin();
    broken = start_100(7);
    saga_await(app);
    assert_string_equal(sql("SELECT status, attempt_count, error_message FROM saga"),
                        "unknown|1|a bug; it has been logged");
    later(HOUR_MS);
    assert_string_equal(sql("SELECT status, attempt_count FROM saga"), "unknown|2");
    assert_int_equal(saga_reconcile(app, "refund", DAY_0, &difference_count), E_INTERNAL);
    payee.mood = KIND;
    sound = start_100(8);
    saga_await(app);
    assert_string_equal(statuses(), "unknown succeeded"); /* the threads are alive */
    later(HOUR_MS);
    assert_string_equal(ended(), "+8+7");
    assert_int_equal(paid_count(broken), 1);
    assert_int_equal(paid_count(sound), 1);
}

static void test_a_refusal_is_an_end(void **state)
{
    (void)state;
    payee.mood = REFUSES;
    app_begin();
    start_100(7);
    saga_await(app);
    assert_string_equal(ended(), "-7");
    assert_string_equal(sql("SELECT status, error_message FROM saga"), "failed|no money left");
}

static void test_property_18_unknown_is_asked_about_and_sent_with_the_same_number(void **state)
{
    (void)state;
    payee.mood = LOSES_ANSWER;
    app_begin();
    start_100(7);
    saga_await(app);
    assert_string_equal(statuses(), "unknown");
    saga_await(app);
    assert_int_equal(payee.ask_count, 0); /* not before its time */
    later(HOUR_MS);
    later(HOUR_MS);
    assert_string_equal(statuses(), "unknown"); /* two answers lost */
    later(HOUR_MS);
    assert_string_equal(ended(), "+7");
    assert_int_equal(payee.pay_count, 1); /* never sent again: it had arrived */

    payee.mood = LOSES_ORDER;
    start_100(8);
    saga_await(app);
    assert_string_equal(statuses(), "succeeded unknown");
    payee.mood = KIND;
    later(HOUR_MS);
    assert_string_equal(ended(), "+7+8");
    assert_int_equal(payee.pay_count, 3); /* it had not: the same number again */
    assert_int_equal(paid_count(0), 2);
}

static void test_slow_is_asked_until_it_is_over(void **state)
{
    (void)state;
    payee.mood = SLOW;
    app_begin();
    start_100(7);
    saga_await(app);
    assert_string_equal(statuses(), "accepted");
    later(HOUR_MS);
    assert_string_equal(ended(), "+7");
    assert_int_equal(payee.pay_count, 1);
}

static void test_what_was_accepted_is_never_sent_again(void **state)
{
    (void)state;
    payee.mood = FORGETS;
    app_begin();
    start_100(7);
    saga_await(app);
    for (int i = 0; i < 5; i++)
        later(24 * HOUR_MS);
    assert_int_equal(payee.pay_count, 1);
    assert_true(payee.ask_count >= 5);
    assert_string_equal(sql("SELECT status, error_message FROM saga"),
                        "accepted|accepted before, and now they have never heard of it");
}

static void test_another_amount_moves_nothing(void **state)
{
    (void)state;
    payee.mood = LIES;
    app_begin();
    start_100(7);
    saga_await(app);
    later(HOUR_MS);
    later(HOUR_MS);
    assert_string_equal(statuses(), "unknown");
    assert_string_equal(ended(), "");
    assert_string_equal(
        sql("SELECT count(*), min(kind), min(ours_fen), min(theirs_fen)"
            " FROM bill_difference"),
        "2|amount|100|101"); /* once with their number, once without: not each time */
    payee.mood = KIND;
    later(24 * HOUR_MS);
    assert_string_equal(ended(), "+7");
}

static enum err heard_step(struct ctx *c, void *user)
{
    const struct saga_report *report = user;

    /* its words carry the number here */
    return saga_heard(c, report->amount_fen,
                      &(struct saga_report){.status = report->status, .amount_fen = NONE});
}

static enum err heard(int64_t id, enum saga_status status)
{
    struct saga_report report = {.status = status, .amount_fen = id};

    return app_write(app, arena, heard_step, &report, NULL);
}

static void test_callbacks_out_of_order_do_no_harm(void **state)
{
    int64_t id;

    (void)state;
    payee.mood = LOSES_ANSWER;
    app_begin();
    id = start_100(7);
    assert_int_equal(heard(id + 1, SAGA_SUCCEEDED), E_NOT_FOUND);
    saga_await(app);
    assert_int_equal(heard(id, SAGA_ACCEPTED), OK);
    assert_string_equal(statuses(), "accepted");
    assert_int_equal(heard(id, SAGA_CREATED), OK);
    assert_int_equal(heard(id, SAGA_UNKNOWN), OK);
    assert_string_equal(statuses(), "accepted");
    assert_int_equal(heard(id, SAGA_SUCCEEDED), OK);
    assert_int_equal(heard(id, SAGA_SUCCEEDED), OK);
    assert_int_equal(heard(id, SAGA_ACCEPTED), OK);
    assert_string_equal(ended(), "+7");
    assert_string_equal(differences(), "");
    assert_int_equal(heard(id, SAGA_FAILED), OK); /* now they say it failed */
    assert_int_equal(heard(id, SAGA_FAILED), OK);
    assert_string_equal(ended(), "+7");
    assert_string_equal(statuses(), "succeeded");
    assert_string_equal(differences(), "status");
    later(24 * HOUR_MS);
    assert_string_equal(ended(), "+7");
}

static void test_an_end_that_fails_comes_again(void **state)
{
    (void)state;
    payee.over_fails = 1;
    app_begin();
    start_100(7);
    saga_await(app);
    assert_string_equal(ended(), "");
    assert_string_equal(sql("SELECT status, error_message FROM saga"), "sent|test.over: not now");
    later(HOUR_MS);
    assert_string_equal(ended(), "+7");
    assert_int_equal(payee.pay_count, 1);
}

/* ---- killed ---------------------------------------------------------------------------------- */

static void child(int kill_at)
{
    payee.kill_at = kill_at;
    app_begin();
    start_100(7);
    saga_await(app);
    _exit(1); /* it should not have come so far */
}

static void kill_and_go_on(int kill_at)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        child(kill_at);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    app_begin();
    assert_string_equal(statuses(), "sent");
    assert_int_equal(paid_count(0), kill_at - 1);
    saga_await(app);
    assert_string_equal(statuses(), "succeeded");
    assert_string_equal(ended(), "+7");
    assert_int_equal(paid_count(0), 1);
    assert_int_equal(payee.ask_count, 1);
    assert_int_equal(payee.pay_count, 2 - kill_at);
}

static void test_property_6_killed_between_sent_and_recorded_is_one_refund(void **state)
{
    (void)state;
    kill_and_go_on(2);
}

static void test_property_6_killed_before_it_was_heard_is_one_refund(void **state)
{
    (void)state;
    kill_and_go_on(1);
}

/* ---- bills ----------------------------------------------------------------------------------- */

static void line(int64_t saga_id, const char *outside_no, int64_t amount_fen,
                 enum saga_status status)
{
    payee.lines[payee.line_count++] =
        (struct bill_line){saga_id, str_of(outside_no), amount_fen, status};
}

static int64_t reconcile(int64_t day)
{
    int64_t count;

    assert_int_equal(saga_reconcile(app, "refund", day, &count), OK);
    return count;
}

static void test_a_bill_finds_every_difference(void **state)
{
    int64_t good, more, missing, open;

    (void)state;
    app_begin();
    good = start_100(1);
    more = start_100(2);
    missing = start_100(3);
    saga_await(app);
    payee.mood = LOSES_ANSWER;
    open = start_100(4);
    saga_await(app);
    line(good, "g", 100, SAGA_SUCCEEDED);
    line(good, "g2", 100, SAGA_SUCCEEDED);
    line(more, "m", 120, SAGA_SUCCEEDED);
    line(open, "o", 100, SAGA_SUCCEEDED);
    line(NONE, "t", 50, SAGA_SUCCEEDED);
    line(missing + 1000, "f", 50, SAGA_FAILED);
    assert_int_equal(reconcile(DAY_0), 4);
    assert_string_equal(
        sql("SELECT group_concat(kind || ':' || coalesce(CAST(ours_fen AS TEXT), '') || ':' ||"
            " coalesce(CAST(theirs_fen AS TEXT), ''), ' ') FROM"
            " (SELECT * FROM bill_difference ORDER BY id)"),
        "twice:100:100 amount:100:120 only_theirs::50 only_ours:100:");
    assert_string_equal(statuses(),
                        "succeeded succeeded succeeded succeeded"); /* the open one too */
    assert_string_equal(sql("SELECT key_id FROM saga s JOIN bill_difference d ON d.saga_id = s.id"
                            " WHERE d.kind = 'only_ours'"),
                        "3");
    assert_int_equal(reconcile(DAY_0), 0);
}

static void test_what_is_late_may_be_on_the_next_bill(void **state)
{
    int64_t id;

    (void)state;
    clock_simulate(T0 + 7 * HOUR_MS + HOUR_MS / 2); /* 23:30 */
    app_begin();
    id = start_100(1);
    saga_await(app);
    assert_int_equal(reconcile(DAY_0), 0);
    assert_int_equal(reconcile(DAY_0 + 1), 1); /* nor there */
    line(id, "g", 100, SAGA_SUCCEEDED);
    assert_int_equal(reconcile(DAY_0 + 1), 0);
    assert_string_equal(sql("SELECT bill_day FROM saga"), "20459");
}

static void test_yesterday_is_compared_every_morning(void **state)
{
    (void)state;
    app_begin();
    start_100(1);
    saga_await(app);
    assert_string_equal(differences(), "");
    clock_simulate(T0 + 17 * HOUR_MS); /* 09:00 */
    saga_await(app);
    assert_string_equal(differences(), "");
    later(HOUR_MS);
    assert_string_equal(sql("SELECT kind, bill_day FROM bill_difference"), "only_ours|20458");
    assert_string_equal(sql("SELECT value FROM meta WHERE name = 'saga_bill_day.refund'"), "20458");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, fresh, over)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_property_6_killed_between_sent_and_recorded_is_one_refund),
        TEST(test_property_6_killed_before_it_was_heard_is_one_refund),
        TEST(test_a_payment_goes_out_and_ends),
        TEST(test_a_bug_of_a_play_costs_one_attempt),
        TEST(test_a_refusal_is_an_end),
        TEST(test_property_18_unknown_is_asked_about_and_sent_with_the_same_number),
        TEST(test_slow_is_asked_until_it_is_over),
        TEST(test_what_was_accepted_is_never_sent_again),
        TEST(test_another_amount_moves_nothing),
        TEST(test_callbacks_out_of_order_do_no_harm),
        TEST(test_an_end_that_fails_comes_again),
        TEST(test_a_bill_finds_every_difference),
        TEST(test_what_is_late_may_be_on_the_next_bill),
        TEST(test_yesterday_is_compared_every_morning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
