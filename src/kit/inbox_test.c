/* The inbox: stored once, worked on once, and what fails costs only itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */
#include <stdio.h>
#include <stdlib.h>

#include "base_sql.h"
#include "gen/kit.q.h"
#include "host/clock.h"
#include "kit/inbox.h"
#include "kit/inbox_private.h"
#include "kit/kit_private.h"

#define T0 INT64_C(1767600000000)
#define HOUR_MS INT64_C(3600000)

static struct arena *arena;
static struct app *app;
static char folder[64];
static struct str db;

/* Keeps the bodies it has seen, in their order, in the transaction of their end. */
static enum err told_handle(struct ctx *c, int64_t inbox_id, struct str body)
{
    struct q_meta_get_row row = {0};
    enum err err = q_meta_get(c, S("told"), &row);

    assert_true(inbox_id > 0);
    if (err != E_NOT_FOUND)
        TRY(err);
    TRY(q_meta_set(c, S("told"), str_fmt(c->arena, "%.*s%.*s", STR(row.value), STR(body))));
    if (str_is(body, "!"))
        return fail(c, E_NOT_FOUND, "told.unknown", "whose is this");
    if (str_is(body, "?"))
        must_fail("told", "src/play/test.c", 1);
    return OK;
}

static const struct inbox_kind told = {"told", "告知", "Told", 2, told_handle};
static const struct inbox_kind *const inbox_kinds[] = {&told, NULL};
static const struct route no_routes[] = {{.path = NULL}};
static const struct route *const tables[] = {no_routes, NULL};
static const struct role roles[] = {{.name = NULL}};
static const struct event_kind kinds[] = {{.name = NULL}};

static void app_begin(void)
{
    struct app_config config = {.routes = tables,
                                .roles = roles,
                                .kinds = kinds,
                                .inbox_kinds = inbox_kinds,
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
    snprintf(folder, sizeof(folder), "/tmp/papilio-inbox-XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = arena_new((size_t)256 * 1024 * 1024);
    db = base_db(arena);
    clock_simulate(T0);
    app_begin();
    return 0;
}

static int over(void **state)
{
    char command[100];

    (void)state;
    app_close(app);
    clock_simulate(NONE);
    base_leave();
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

struct put {
    const char *source, *key, *body;
    bool is_new;
};

static enum err put_step(struct ctx *c, void *user)
{
    struct put *put = user;

    return inbox_put(
        c, &(struct inbox_message){put->source, str_of(put->key), "told", str_of(put->body)},
        &put->is_new);
}

static bool put(const char *source, const char *key, const char *body)
{
    struct put it = {source, key, body, false};

    assert_int_equal(app_write(app, arena, put_step, &it, NULL), OK);
    return it.is_new;
}

static enum err puts_step(struct ctx *c, void *user)
{
    for (const char *at = *(const char **)user; *at; at++) {
        char text[] = {*at, '\0'};
        struct put it = {"payee", text, text, false};
        TRY(put_step(c, &it));
    }
    return OK;
}

static void puts_of(const char *bodies)
{
    assert_int_equal(app_write(app, arena, puts_step, &bodies, NULL), OK);
}

static const char *sql(const char *query)
{
    return base_text(folder, arena, query);
}

static const char *told_so_far(void)
{
    return sql("SELECT value FROM meta WHERE name = 'told'");
}

static void test_a_message_is_worked_on_once(void **state)
{
    (void)state;
    assert_true(put("payee", "k1", "a"));
    assert_false(put("payee", "k1", "a"));
    assert_true(put("other", "k1", "b")); /* another sender's key */
    inbox_await(app);
    assert_false(put("payee", "k1", "a"));
    inbox_await(app);
    assert_string_equal(told_so_far(), "ab");
    assert_string_equal(sql("SELECT count(*), count(body_enc) FROM inbox"
                            " WHERE status = 'done'"),
                        "2|0");
}

static void test_who_fails_waits_alone(void **state)
{
    (void)state;
    puts_of("ab!c?d");
    inbox_await(app);
    assert_string_equal(told_so_far(), "abcd"); /* nothing is left of those that failed */
    assert_string_equal(sql("SELECT count(*) FROM inbox WHERE status = 'new'"), "2");
    clock_simulate(T0 + HOUR_MS);
    inbox_await(app);
    assert_string_equal(told_so_far(), "abcd");
    assert_string_equal(sql("SELECT status, attempt_count, error_message, body_enc IS NULL"
                            " FROM inbox WHERE status <> 'done' ORDER BY id"),
                        "dead|2|told.unknown: whose is this|0\n"
                        "dead|2|internal.must: a bug; it has been logged|0");
}

static void test_many_in_their_order(void **state)
{
    char text[200] = {0};

    (void)state;
    for (int i = 0; i < 150; i++)
        text[i] = (char)('0' + i % 10);
    for (int i = 0; i < 150; i++) {
        char key[20], body[2] = {text[i], '\0'};
        snprintf(key, sizeof(key), "%d", i);
        assert_true(put("payee", key, body));
    }
    inbox_await(app);
    assert_string_equal(told_so_far(), text);
}

static void test_a_restart_goes_on(void **state)
{
    (void)state;
    puts_of("abcdef");
    app_close(app);
    app_begin();
    inbox_await(app);
    assert_string_equal(told_so_far(), "abcdef");
}

static enum err keep_step(struct ctx *c, void *user)
{
    (void)user;
    return inbox_forget(c);
}

static void test_a_week_is_remembered(void **state)
{
    (void)state;
    put("payee", "k1", "a");
    inbox_await(app);
    clock_simulate(T0 + 6 * 24 * HOUR_MS);
    assert_int_equal(app_write(app, arena, keep_step, NULL, NULL), OK);
    assert_false(put("payee", "k1", "a"));
    clock_simulate(T0 + 8 * 24 * HOUR_MS);
    assert_int_equal(app_write(app, arena, keep_step, NULL, NULL), OK);
    assert_string_equal(sql("SELECT count(*) FROM inbox"), "0");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, fresh, over)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_message_is_worked_on_once), TEST(test_who_fails_waits_alone),
        TEST(test_many_in_their_order),         TEST(test_a_restart_goes_on),
        TEST(test_a_week_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
