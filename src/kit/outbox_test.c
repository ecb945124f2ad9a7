/* The outbox against a sink on loopback: once, in order, tried again, dead, cancelled, in quotas,
 * not at night; and what a broken kind costs the others. */
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

#include "base/time.h"
#include "base_sql.h"
#include "gen/kit.q.h"
#include "host/clock.h"
#include "kit/counter.h"
#include "kit/kit_private.h"
#include "kit/outbox.h"
#include "kit/outbox_private.h"
#include "sink.h"

#define T0 INT64_C(1767600000000) /* 2026-01-05 16:00 in Shanghai */
#define HOUR_MS INT64_C(3600000)

static struct arena *arena;
static struct app *app;
static char folder[64];
static struct str db;

/* ---- kinds ----------------------------------------------------------------------------------- */

static enum err to_sink(struct ctx *c, const struct outbox_message *m, struct outbox_request *out,
                        const char *path)
{
    out->url = str_fmt(c->arena, "http://127.0.0.1:%d%s", sink_port(), path);
    out->body = m->body;
    out->headers[out->header_count++] = str_fmt(c->arena, "Idempotency-Key: %" PRId64, m->key_id);
    out->timeout_ms = 60000;
    return OK;
}

static enum err note_request(struct ctx *c, const struct outbox_message *m,
                             struct outbox_request *out)
{
    if (str_is(m->body, "refuse"))
        return fail(c, E_INPUT, "note.refused", "nobody can say this");
    if (str_is(m->body, "break"))
        must_fail("break", "src/play/test.c", 1);
    return to_sink(c, m, out, str_is(m->destination, "other") ? "/other" : "/note");
}

static enum err guarded_request(struct ctx *c, const struct outbox_message *m,
                                struct outbox_request *out)
{
    out->is_public_only = true;
    return to_sink(c, m, out, "/guarded");
}

static enum err deaf_request(struct ctx *c, const struct outbox_message *m,
                             struct outbox_request *out)
{
    (void)m;
    out->url = str_fmt(c->arena, "http://127.0.0.1:1/"); /* nobody listens there */
    return OK;
}

static bool is_restarted;

/* Adds up what was delivered, in the transaction of the message's end. */
static enum err counted_answered(struct ctx *c, const struct outbox_message *m,
                                 const struct outbox_answer *answer, enum outbox_verdict *verdict)
{
    struct q_meta_get_row row = {0};
    enum err err = q_meta_get(c, S("delivered"), &row);
    int64_t sum = 0;

    if (str_is(m->body, "kill") && !is_restarted)
        raise(SIGKILL);
    if (str_is(m->body, "fall") && *verdict == OUTBOX_DONE)
        return fail(c, E_CONFLICT, "counted.fall", "the answer cannot be worked on");
    if (err != E_NOT_FOUND)
        TRY(err);
    if (row.value.at)
        assert_true(str_to_int(row.value, &sum));
    if (answer->status == 404)
        *verdict = OUTBOX_DONE;
    return q_meta_set(c, S("delivered"), str_fmt(c->arena, "%" PRId64, sum + 1));
}

static const struct outbox_kind note = {"note", "通知", "Note", 3, 0, false, note_request, NULL};
static const struct outbox_kind counted = {"counted", "计",  "Counted",    3,
                                           0,         false, note_request, counted_answered};
static const struct outbox_kind slow = {"slow", "慢", "Slow", 0, 20, false, note_request, NULL};
static const struct outbox_kind person = {"person", "人", "Person", 0, 0, true, note_request, NULL};
static const struct outbox_kind guarded = {"guarded", "外",  "Out",           1,
                                           0,         false, guarded_request, NULL};
static const struct outbox_kind deaf = {"deaf", "聋", "Deaf", 2, 0, false, deaf_request, NULL};
static const struct outbox_kind *const outbox_kinds[] = {&note,    &counted, &slow, &person,
                                                         &guarded, &deaf,    NULL};

/* ---- the app --------------------------------------------------------------------------------- */

static const struct route no_routes[] = {{.path = NULL}};
static const struct route *const tables[] = {no_routes, NULL};
static const struct role roles[] = {{.name = NULL}};
static const struct event_kind kinds[] = {{.name = NULL}};

static const struct timer_kind *const timer_kinds[] = {&counter_hold_timer, NULL};

static void app_begin(void)
{
    struct app_config config = {.routes = tables,
                                .roles = roles,
                                .kinds = kinds,
                                .outbox_kinds = outbox_kinds,
                                .timer_kinds = timer_kinds,
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
    snprintf(folder, sizeof(folder), "/tmp/papilio-outbox-XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = arena_new((size_t)256 * 1024 * 1024);
    db = base_db(arena);
    clock_simulate(T0);
    sink_start();
    sink_reset();
    app_begin();
    return 0;
}

static int over(void **state)
{
    char command[100];

    (void)state;
    app_close(app);
    sink_stop();
    clock_simulate(NONE);
    base_leave();
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static enum err add_step(struct ctx *c, void *user)
{
    return outbox_add(c, user, 1);
}

static void add(struct outbox_new n)
{
    assert_int_equal(app_write(app, arena, add_step, &n, NULL), OK);
}

static struct outbox_new message(const char *kind, int64_t key_id, const char *body)
{
    return (struct outbox_new){.kind = kind,
                               .key_id = key_id,
                               .order_id = NONE,
                               .customer_id = NONE,
                               .body = str_of(body),
                               .due_ms = NONE};
}

static const char *sql(const char *query)
{
    return base_text(folder, arena, query);
}

static const char *status_of(int64_t key_id)
{
    char query[100];

    snprintf(query, sizeof(query), "SELECT status FROM outbox WHERE key_id = %" PRId64, key_id);
    return sql(query);
}

static void later(int64_t ms)
{
    clock_simulate(clock_now_ms() + ms);
    outbox_await(app);
}

static void expect_bodies(const char *path, const char *bodies)
{
    struct str got = sink_bodies(path);

    if (!str_is(got, bodies))
        print_error("wanted %s, got %.*s\n", bodies, STR(got));
    assert_true(str_is(got, bodies));
}

/* ---- what it promises ------------------------------------------------------------------------ */

static void test_a_message_leaves_once(void **state)
{
    struct sink_arrival arrival;

    (void)state;
    add(message("note", 11, "hello"));
    outbox_await(app);
    add(message("note", 11, "hello"));
    outbox_await(app);
    expect_bodies("/note", "hello");
    arrival = sink_last("/note");
    assert_true(str_is(arrival.key, "11"));
    assert_string_equal(sql("SELECT status, attempt_count, status_count, error_message IS NULL"
                            " FROM outbox"),
                        "sent|1|200|1");
}

static void test_the_text_is_sealed(void **state)
{
    (void)state;
    add(message("note", 11, "a very private sentence"));
    outbox_await(app);
    assert_string_equal(sql("SELECT count(*), sum(instr(body_enc, 'private')) FROM outbox_body"),
                        "1|0");
}

static void test_what_fails_is_tried_again_under_its_key(void **state)
{
    (void)state;
    sink_answer("/note", 500, 1);
    sink_answer("/note", 429, 1);
    add(message("note", 11, "hello"));
    outbox_await(app);
    assert_string_equal(
        sql("SELECT status, attempt_count, status_count, error_message FROM outbox"),
        "waiting|1|500|HTTP 500");
    outbox_await(app);
    assert_int_equal(sink_count(NULL), 1); /* not before its time */
    later(7000);
    assert_int_equal(sink_count(NULL), 2);
    later(13000);
    expect_bodies("/note", "hello hello hello");
    assert_true(str_is(sink_last("/note").key, "11"));
    assert_string_equal(status_of(11), "sent");
}

static void test_too_often_or_refused_is_dead(void **state)
{
    (void)state;
    add(message("deaf", 11, "hello"));
    outbox_await(app);
    assert_string_equal(status_of(11), "waiting");
    later(HOUR_MS);
    assert_string_equal(status_of(11), "dead");
    sink_answer("/note", 422, 1);
    add(message("note", 12, "hello"));
    add(message("note", 13, "refuse"));
    outbox_await(app);
    assert_string_equal(
        sql("SELECT status, attempt_count, error_message FROM outbox WHERE key_id = 12"),
        "dead|1|HTTP 422");
    assert_string_equal(sql("SELECT status, error_message FROM outbox WHERE key_id = 13"),
                        "dead|note.refused: nobody can say this");
    assert_int_equal(sink_count(NULL), 1);
}

static struct outbox_new ordered(int64_t key_id, int64_t order_id, const char *body)
{
    struct outbox_new n = message("note", key_id, body);

    n.order_id = order_id;
    return n;
}

static void test_one_order_leaves_one_after_another(void **state)
{
    (void)state;
    sink_answer("/note", 503, 1);
    add(ordered(1, 7, "a"));
    outbox_await(app);
    add(ordered(2, 7, "b"));
    add(ordered(3, 7, "c"));
    add(ordered(4, 8, "x"));
    outbox_await(app);
    expect_bodies("/note", "a x"); /* another's is not held up */
    later(7000);
    expect_bodies("/note", "a x a b c");
}

static void test_who_is_dead_or_for_later_holds_nobody_up(void **state)
{
    struct outbox_new tomorrow = ordered(3, 7, "tomorrow"), other = ordered(5, 7, "elsewhere");

    (void)state;
    sink_answer("/note", 400, 1);
    tomorrow.due_ms = T0 + 24 * HOUR_MS;
    other.destination = S("other");
    add(tomorrow);
    add(ordered(1, 7, "a"));
    add(ordered(2, 7, "b"));
    add(other);
    outbox_await(app);
    expect_bodies("/note", "a b");
    expect_bodies("/other", "elsewhere"); /* each destination has its own order */
    later(25 * HOUR_MS);
    expect_bodies("/note", "a b tomorrow");
}

static enum err cancel_step(struct ctx *c, void *user)
{
    return outbox_cancel(c, "note", 11, user);
}

static void test_a_cancelled_message_stays(void **state)
{
    struct outbox_new n = message("note", 11, "hello");
    bool was_waiting = false;

    (void)state;
    n.due_ms = T0 + 1000;
    add(n);
    outbox_await(app);
    assert_int_equal(app_write(app, arena, cancel_step, &was_waiting, NULL), OK);
    assert_true(was_waiting);
    assert_int_equal(app_write(app, arena, cancel_step, &was_waiting, NULL), OK);
    assert_false(was_waiting);
    later(HOUR_MS);
    assert_int_equal(sink_count(NULL), 0);
    assert_string_equal(status_of(11), "cancelled");
}

static void test_a_destination_has_its_quota(void **state)
{
    int64_t start_us = clock_mono_us();

    (void)state;
    for (int64_t i = 0; i < 10; i++)
        add(message("slow", i, "hello"));
    add(message("note", 99, "quick"));
    outbox_await(app);
    assert_int_equal(sink_count(NULL), 11);
    assert_true(clock_mono_us() - start_us > 300000); /* never faster, however slow the machine */
}

/* How many seconds later a message of its own is tried again. */
static int64_t again_s(int64_t key_id, const char *retry_after)
{
    struct outbox_new new = message("note", key_id, "hello");
    int64_t due_ms = NONE;
    char query[100];

    new.destination = str_fmt(arena, "d%" PRId64, key_id);
    sink_header(str_fmt(arena, "Retry-After: %s\r\n", retry_after));
    add(new);
    outbox_await(app);
    snprintf(query, sizeof(query),
             "SELECT due_ms - %" PRId64 " FROM outbox WHERE key_id = %" PRId64, clock_now_ms(),
             key_id);
    assert_true(str_to_int(str_of(sql(query)), &due_ms));
    return due_ms / 1000;
}

/* In so many seconds, by the machine's own clock, which goes on. */
static void date_of(char *out, size_t size, int64_t in_s)
{
    static const char *const weekdays[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int year, month, day;
    int64_t at_s;

    clock_simulate(NONE);
    at_s = clock_now_ms() / 1000 + in_s;
    clock_simulate(T0);
    day_to_date(at_s / 86400, &year, &month, &day);
    snprintf(out, size, "%s, %02d %s %d %02d:%02d:%02d GMT", weekdays[at_s / 86400 % 7], day,
             months[month - 1], year, (int)(at_s / 3600 % 24), (int)(at_s / 60 % 60),
             (int)(at_s % 60));
}

static void test_who_asks_for_time_gets_it(void **state)
{
    char date[64];

    (void)state;
    date_of(date, sizeof(date), 600);
    sink_answer("/note", 429, 1);
    sink_answer("/note", 503, 4);
    sink_answer("/note", 500, 1);
    assert_in_range(again_s(1, "3600"), 3600, 3610);
    assert_in_range(again_s(2, date), 500, 610);
    assert_in_range(again_s(3, "99999999999"), 21600, 21610);
    assert_in_range(again_s(4, "soon"), 3, 8);
    assert_in_range(again_s(5, "-7"), 3, 8);
    assert_in_range(again_s(6, "3600"), 3, 8); /* only 429 and 503 are heard */
}

static void test_later_is_meant_for_all(void **state)
{
    int64_t start_us = clock_mono_us();

    (void)state;
    sink_answer("/note", 503, 1);
    sink_header(S("Retry-After: 1\r\n"));
    add(message("note", 1, "one"));
    outbox_await(app);
    add(message("note", 2, "two"));
    add(message("slow", 3, "three"));
    outbox_await(app);
    assert_string_equal(status_of(2), "sent");
    assert_true(clock_mono_us() - start_us > 1000000); /* never sooner */
}

static void test_nobody_is_woken_at_night(void **state)
{
    (void)state;
    clock_simulate(T0 + 7 * HOUR_MS); /* 23:00 */
    add(message("person", 1, "buy!"));
    add(message("note", 2, "for machines"));
    outbox_await(app);
    expect_bodies("/note", "for machines");
    assert_string_equal(sql("SELECT status, attempt_count FROM outbox WHERE key_id = 1"),
                        "waiting|0");
    later(8 * HOUR_MS + HOUR_MS / 2); /* 07:30 */
    assert_int_equal(sink_count(NULL), 1);
    later(HOUR_MS / 2); /* 08:00 */
    expect_bodies("/note", "for machines buy!");
}

static struct outbox_new to_person(int64_t key_id, int64_t customer_id, const char *body)
{
    struct outbox_new n = message("person", key_id, body);

    n.customer_id = customer_id;
    return n;
}

static void test_a_person_gets_so_many_a_week(void **state)
{
    struct outbox_new other = to_person(20, 78, "y");

    (void)state;
    sink_answer("/note", 500, 1);
    sink_answer("/note", 404, 1);
    other.destination = S("other"); /* whoever is first there, it is not this one that fails */
    for (int64_t i = 0; i < 7; i++)
        add(to_person(i, 77, "x"));
    add(other);
    outbox_await(app);
    for (int i = 0; i < 4; i++)
        later(HOUR_MS / 2);
    assert_string_equal(
        sql("SELECT group_concat(n) FROM (SELECT CAST(count(*) AS TEXT) AS n FROM outbox"
            " WHERE customer_id = 77 GROUP BY status ORDER BY status)"),
        "3,1,3"); /* cancelled, dead, sent */
    assert_string_equal(sql("SELECT used_count, reserved_count FROM counter WHERE subject_id = 77"),
                        "3|0"); /* the dead one left its place */
    assert_string_equal(status_of(20), "sent");
    assert_string_equal(sql("SELECT error_message FROM outbox WHERE status = 'cancelled' LIMIT 1"),
                        "over the week's 4 messages a person");
    clock_simulate(T0 + 7 * 24 * HOUR_MS);
    add(to_person(30, 77, "z"));
    outbox_await(app);
    assert_string_equal(status_of(30), "sent");
}

static void test_an_answer_and_its_effect_are_one(void **state)
{
    (void)state;
    sink_answer("/note", 404, 1);
    for (int64_t i = 0; i < 5; i++)
        add(message("counted", i, "x"));
    outbox_await(app);
    assert_string_equal(sql("SELECT value FROM meta WHERE name = 'delivered'"), "5");
    assert_string_equal(sql("SELECT count(*) FROM outbox WHERE status = 'sent'"), "5");
}

static void test_one_broken_message_costs_only_itself(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 20; i++)
        add(message("counted", i, i == 7 ? "break" : i == 9 ? "fall" : "x"));
    outbox_await(app);
    assert_string_equal(sql("SELECT value FROM meta WHERE name = 'delivered'"), "18");
    assert_string_equal(sql("SELECT count(*) FROM outbox WHERE status = 'sent'"), "18");
    assert_string_equal(sql("SELECT status, error_message FROM outbox WHERE key_id = 7"),
                        "dead|internal.must: ");
    assert_string_equal(sql("SELECT status, error_message FROM outbox WHERE key_id = 9"),
                        "waiting|counted.fall: the answer cannot be worked on");
    later(HOUR_MS);
    later(HOUR_MS);
    assert_string_equal(status_of(9), "dead");
}

static void test_a_guarded_address_is_not_ours(void **state)
{
    (void)state;
    add(message("note", 1, "opens a connection")); /* which the other must not use */
    outbox_await(app);
    add(message("guarded", 2, "x"));
    outbox_await(app);
    assert_int_equal(sink_count("/guarded"), 0);
    assert_string_equal(sql("SELECT status, error_message FROM outbox WHERE key_id = 2"),
                        "dead|the address is on this machine or in a private network");
}

static void test_a_restart_goes_on(void **state)
{
    (void)state;
    sink_delay(50);
    for (int64_t i = 0; i < 40; i++)
        add(ordered(i, i % 3, "x"));
    app_close(app);
    app_begin();
    outbox_await(app);
    assert_string_equal(sql("SELECT count(*) FROM outbox WHERE status = 'sent'"), "40");
    assert_int_equal(sink_count(NULL), 40); /* an orderly end loses no answer */
}

/* Every statement that writes answers, in turn. */
static void test_a_failing_disk_delays_and_loses_nothing(void **state)
{
    int failed_count = 0;

    (void)state;
    for (int64_t nth = 1; nth <= 4; nth++) {
        add(message("counted", nth, "x"));
        db_fail_at(app->writer_db, nth);
        outbox_await(app);
        failed_count += db_did_fail(app->writer_db);
        db_fail_at(app->writer_db, 0);
        assert_string_equal(status_of(nth), "sent");
    }
    assert_true(failed_count >= 3);
    assert_int_equal(sink_count(NULL), 4); /* an answer is kept until it is written */
    assert_string_equal(sql("SELECT value FROM meta WHERE name = 'delivered'"), "4");
}

static void test_killed_before_it_was_recorded_leaves_twice_under_one_key(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    app_close(app);
    pid = fork();
    if (pid == 0) {
        app_begin();
        add(message("counted", 11, "kill"));
        outbox_await(app);
        _exit(1); /* it should not have come so far */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    app_begin();
    assert_string_equal(status_of(11), "waiting");
    assert_int_equal(sink_count(NULL), 1);
    is_restarted = true;
    outbox_await(app);
    assert_int_equal(sink_count(NULL), 2);
    assert_true(str_is(sink_last("/note").key, "11"));
    assert_string_equal(sql("SELECT value FROM meta WHERE name = 'delivered'"), "1");
    is_restarted = false;
}

static void test_many_and_some_fail(void **state)
{
    (void)state;
    sink_answer("/note", 500, 100);
    for (int64_t i = 0; i < 600; i++)
        add(ordered(i, i % 50, "x"));
    outbox_await(app);
    for (int i = 0; i < 10; i++)
        later(HOUR_MS);
    assert_string_equal(sql("SELECT count(*) FROM outbox WHERE status IN ('sent', 'dead')"), "600");
    assert_true(sink_count(NULL) > 600);
}

static enum err keep_step(struct ctx *c, void *user)
{
    (void)user;
    return outbox_forget(c);
}

static void test_what_was_sent_is_forgotten_after_a_month(void **state)
{
    (void)state;
    sink_answer("/note", 400, 1);
    add(message("note", 1, "dead"));
    add(message("note", 2, "sent"));
    outbox_await(app);
    clock_simulate(T0 + 29 * 24 * HOUR_MS);
    assert_int_equal(app_write(app, arena, keep_step, NULL, NULL), OK);
    assert_string_equal(sql("SELECT count(*) FROM outbox"), "2");
    clock_simulate(T0 + 31 * 24 * HOUR_MS);
    assert_int_equal(app_write(app, arena, keep_step, NULL, NULL), OK);
    assert_string_equal(sql("SELECT status FROM outbox"), "dead"); /* somebody is to look at it */
    assert_string_equal(sql("SELECT count(*) FROM outbox_body"), "1");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, fresh, over)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_message_leaves_once),
        TEST(test_the_text_is_sealed),
        TEST(test_what_fails_is_tried_again_under_its_key),
        TEST(test_too_often_or_refused_is_dead),
        TEST(test_one_order_leaves_one_after_another),
        TEST(test_who_is_dead_or_for_later_holds_nobody_up),
        TEST(test_a_cancelled_message_stays),
        TEST(test_a_destination_has_its_quota),
        TEST(test_nobody_is_woken_at_night),
        TEST(test_a_person_gets_so_many_a_week),
        TEST(test_an_answer_and_its_effect_are_one),
        TEST(test_one_broken_message_costs_only_itself),
        TEST(test_a_guarded_address_is_not_ours),
        TEST(test_who_asks_for_time_gets_it),
        TEST(test_later_is_meant_for_all),
        TEST(test_a_restart_goes_on),
        TEST(test_a_failing_disk_delays_and_loses_nothing),
        TEST(test_killed_before_it_was_recorded_leaves_twice_under_one_key),
        TEST(test_many_and_some_fail),
        TEST(test_what_was_sent_is_forgotten_after_a_month),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
