/* The frame with routes of its own over the table meta: decode, permission, replay, rollback,
 * budgets, must(), faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base_sql.h"
#include "gen/kit.q.h"
#include "host/clock.h"
#include "kit/kit_private.h"

struct note_in {
    struct str name, value;
    int64_t repeat_count;
};
struct note_out {
    struct str value;
    int64_t note_id;
};
static const struct field note_in[] = {
    IN(struct note_in, name, .min = 1, .max = 20),
    IN(struct note_in, value, .is_optional = true),
    IN(struct note_in, repeat_count, .is_optional = true, .min = 1, .max = 50),
};
static const struct field note_out[] = {OUT(struct note_out, value), OUT(struct note_out, note_id)};

static enum err note_set(struct ctx *c, const void *in_, void *out_)
{
    const struct note_in *in = in_;
    struct note_out *out = out_;
    int64_t times = in->repeat_count == NONE ? 1 : in->repeat_count;

    for (int64_t i = 0; i < times; i++)
        TRY(q_meta_set(c, in->name, in->value));
    if (str_is(in->value, "bad"))
        return fail(c, E_CONFLICT, "note.bad", "no %.*s", STR(in->name));
    out->value = in->value;
    out->note_id = ctx_id(c);
    return OK;
}

static enum err note_get(struct ctx *c, const void *in_, void *out_)
{
    const struct note_in *in = in_;
    struct note_out *out = out_;
    struct q_meta_get_row row;

    TRY(q_meta_get(c, in->name, &row));
    out->value = row.value;
    return OK;
}

static enum err note_boom(struct ctx *c, const void *in_, void *out_)
{
    const struct note_in *in = in_;

    (void)out_;
    TRY(q_meta_set(c, in->name, S("boom")));
    must_fail("false", "src/manage/test.c", 1); /* as if written in a business layer */
}

/* An answer of repeat_count MiB. */
static enum err note_huge(struct ctx *c, const void *in_, void *out_)
{
    const struct note_in *in = in_;
    struct note_out *out = out_;
    size_t len = (size_t)in->repeat_count * 1024 * 1024;
    char *text = arena_alloc(c->arena, len);

    memset(text, 'x', len);
    out->value = (struct str){text, len};
    return OK;
}

static const struct route routes[] = {
    {HTTP_POST, "/api/notes", "public", SHAPE(note_in), SHAPE(note_out), note_set},
    {HTTP_POST, "/api/paid", "public", SHAPE(note_in), SHAPE(note_out), note_set,
     .repeat = REPEAT_KEY_REQUIRED},
    {HTTP_GET, "/api/notes/{name}", "public", SHAPE(note_in), SHAPE(note_out), note_get},
    {HTTP_GET, "/api/secret/{name}", "note.read", SHAPE(note_in), SHAPE(note_out), note_get},
    {HTTP_GET, "/api/huge/{name}", "public", SHAPE(note_in), SHAPE(note_out), note_huge},
    {HTTP_POST, "/api/raw", "public", SHAPE(note_in), SHAPE(note_out), note_set,
     .repeat = REPEAT_KEY_REQUIRED, .is_body_raw = true},
    {HTTP_POST, "/api/boom", "public", SHAPE(note_in), SHAPE(note_out), note_boom},
    {.path = NULL},
};
static const struct route *const tables[] = {routes, NULL};
static const struct role roles[] = {{"admin", "*", "all", "管理员"}, {.name = NULL}};
static const struct event_kind kinds[] = {
    {.name = "note_set", .class = EVENT_FACT},
    {.name = "note_seen", .class = EVENT_BEHAVIOUR},
    {.name = NULL},
};
static const struct reaction reactions[] = {{NULL, NULL}};

static struct arena *arena;
static struct app *app;
static char folder[] = "/tmp/papilio-kit-XXXXXX";

static struct app_call ask(enum http_method method, const char *path, const char *body,
                           const char *key)
{
    struct app_call call = {.method = method,
                            .path = str_of(path),
                            .body = str_of(body),
                            .idempotency_key = str_of(key)};

    app_request(app, arena, &call);
    return call;
}

static void expect(struct app_call call, int status, const char *part)
{
    bool is_right = call.status == status && str_find(call.reply, str_of(part)) >= 0;

    if (!is_right)
        print_error("wanted %d %s, got %d %.*s\n", status, part, call.status, STR(call.reply));
    assert_true(is_right);
}

static int setup(void **state)
{
    struct app_config config = {
        .routes = tables, .roles = roles, .kinds = kinds, .reactions = reactions};
    struct str why = {0};

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    config.data = str_of(folder);
    arena = arena_new(64 * 1024 * 1024);
    config.db = base_db(arena);
    if (app_open(arena, &config, &app, &why) != OK) {
        fprintf(stderr, "%.*s\n", STR(why));
        return -1;
    }
    return 0;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    app_close(app);
    base_leave();
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void test_way_down(void **state)
{
    (void)state;
    expect(ask(HTTP_POST, "/api/notes", "{\"name\":\"a\",\"value\":\"1\"}", NULL), 200,
           "\"value\":\"1\"");
    expect(ask(HTTP_GET, "/api/notes/a", NULL, NULL), 200, "\"note_id\":null");
    expect(ask(HTTP_GET, "/api/notes/zz", NULL, NULL), 404, "not_found");
    expect(ask(HTTP_GET, "/api/nothing", NULL, NULL), 404, "route.unknown");
    expect(ask(HTTP_GET, "/api/secret/a", NULL, NULL), 401, "gate.sign_in");
}

static void test_bad_input(void **state)
{
    (void)state;
    expect(ask(HTTP_POST, "/api/notes", "{", NULL), 400, "input.json");
    expect(ask(HTTP_POST, "/api/notes", "[]", NULL), 400, "input.type");
    expect(ask(HTTP_POST, "/api/notes", "{}", NULL), 400, "\"path\":\"name\"");
    expect(ask(HTTP_POST, "/api/notes", "{\"name\":7}", NULL), 400, "input.type");
    expect(ask(HTTP_POST, "/api/notes", "{\"name\":\"\"}", NULL), 400, "input.length");
    expect(ask(HTTP_POST, "/api/notes", "{\"name\":\"a\",\"x\":1}", NULL), 400, "input.unknown");
    expect(ask(HTTP_POST, "/api/notes", "{\"name\":\"a\",\"repeat_count\":51}", NULL), 400,
           "input.range");
    expect(ask(HTTP_POST, "/api/notes", "{\"name\":\"a\",\"repeat_count\":1.5}", NULL), 400,
           "input.type");
}

static void test_refused_changes_nothing(void **state)
{
    (void)state;
    expect(ask(HTTP_POST, "/api/notes", "{\"name\":\"b\",\"value\":\"bad\"}", NULL), 409,
           "note.bad");
    expect(ask(HTTP_GET, "/api/notes/b", NULL, NULL), 404, "");
    expect(ask(HTTP_POST, "/api/boom", "{\"name\":\"c\"}", NULL), 500, "internal.must");
    expect(ask(HTTP_GET, "/api/notes/c", NULL, NULL), 404, "");
    expect(
        ask(HTTP_POST, "/api/notes", "{\"name\":\"d\",\"value\":\"1\",\"repeat_count\":9}", NULL),
        500, "internal.budget");
    expect(ask(HTTP_GET, "/api/notes/d", NULL, NULL), 404, "");
}

static void test_replay(void **state)
{
    const char *body = "{\"name\":\"e\",\"value\":\"1\"}";
    struct app_call first, again;

    (void)state;
    expect(ask(HTTP_POST, "/api/paid", body, NULL), 400, "repeat.required");
    first = ask(HTTP_POST, "/api/paid", body, "k1");
    again = ask(HTTP_POST, "/api/paid", body, "k1");
    expect(first, 200, "note_id");
    assert_true(str_eq(first.reply, again.reply));
    expect(ask(HTTP_POST, "/api/paid", "{\"name\":\"e\",\"value\":\"2\"}", "k1"), 422,
           "repeat.mismatch");
    expect(ask(HTTP_GET, "/api/notes/e", NULL, NULL), 200, "\"value\":\"1\"");
    expect(ask(HTTP_POST, "/api/paid", "{\"name\":\"f\",\"value\":\"bad\"}", "k2"), 409, "");
    expect(ask(HTTP_POST, "/api/paid", "{\"name\":\"f\",\"value\":\"3\"}", "k2"), 200, "");
}

static void test_failing_statements(void **state)
{
    int64_t failed_count = 0;

    (void)state;
    for (int64_t nth = 1;; nth++) {
        struct app_call call = {.method = HTTP_POST,
                                .path = S("/api/paid"),
                                .body = S("{\"name\":\"g\",\"value\":\"1\"}"),
                                .idempotency_key = S("k3"),
                                .fail_nth = nth};
        app_request(app, arena, &call);
        if (!call.did_fail) {
            expect(call, 200, "");
            break;
        }
        failed_count++;
        expect(call, 500, "nothing was changed");
        expect(ask(HTTP_GET, "/api/notes/g", NULL, NULL), 404, "");
    }
    assert_true(failed_count >= 4); /* savepoint, two look-ups, set, keep, release */
}

static enum err big_step(struct ctx *c, void *user)
{
    (void)user;
    arena_alloc(c->arena, 1024 * 1024 * 1024);
    return OK;
}

static void test_full_arena_is_a_refusal(void **state)
{
    struct arena *small = arena_new(1024 * 1024);
    struct fault fault;

    (void)state;
    assert_int_equal(app_write(app, small, big_step, NULL, &fault), E_INTERNAL);
    arena_free(small);
    expect(ask(HTTP_GET, "/api/notes/a", NULL, NULL), 200, "");
}

/* An answer that does not fit, into the arena or at all, is a refusal, neither cut short nor the
 * end of the process. */
static void test_huge_answers(void **state)
{
    static const struct {
        const char *query;
        size_t arena_bytes;
        int status;
    } cases[] = {
        {"repeat_count=2", 8 << 20, 200},   {"repeat_count=2", 3 << 20, 500},
        {"repeat_count=15", 64 << 20, 200}, {"repeat_count=16", 64 << 20, 500},
        {"repeat_count=40", 64 << 20, 500},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *own = arena_new(cases[i].arena_bytes);
        struct app_call call = {
            .method = HTTP_GET, .path = S("/api/huge/a"), .query = str_of(cases[i].query)};

        app_request(app, own, &call);
        assert_int_equal(call.status, cases[i].status);
        assert_true(str_ends(call.reply, S("}")));
        arena_free(own);
    }
}

/* The same key with another query is another request. */
static void test_replay_of_queries(void **state)
{
    struct app_call call = {.method = HTTP_POST,
                            .path = S("/api/raw"),
                            .query = S("name=q&value=1"),
                            .body = S("x"),
                            .idempotency_key = S("kq")};

    (void)state;
    app_request(app, arena, &call);
    expect(call, 200, "\"value\":\"1\"");
    app_request(app, arena, &call);
    expect(call, 200, "\"value\":\"1\"");
    call.query = S("name=q&value=2");
    app_request(app, arena, &call);
    expect(call, 422, "repeat.mismatch");
}

static void test_ids_ascend(void **state)
{
    struct app_call one = ask(HTTP_POST, "/api/notes", "{\"name\":\"i\",\"value\":\"1\"}", NULL);
    struct app_call two = ask(HTTP_POST, "/api/notes", "{\"name\":\"i\",\"value\":\"1\"}", NULL);

    (void)state;
    assert_true(str_cmp(one.reply, two.reply) < 0);
}

static void test_openapi(void **state)
{
    struct json json;
    struct buf buf;

    (void)state;
    buf_init(&buf, 1024 * 1024);
    app_openapi(app_config(app), &buf);
    assert_int_equal(json_parse(arena, buf_view(&buf), &json, NULL), OK);
    assert_non_null(json_get(json_get(&json, "paths"), "/api/notes/{name}"));
    buf_release(&buf);
}

static enum err emit_step(struct ctx *c, void *user)
{
    struct event events[2];

    (void)user;
    event_init(&events[0], c, "note_set");
    event_init(&events[1], c, "note_seen");
    return journal_emit(c, events, 2);
}

static enum err forget_step(struct ctx *c, void *user)
{
    int64_t *days = user, dropped_count;

    TRY(journal_forget(c, c->now_ms - *days * DAY_MS, &dropped_count));
    *days = dropped_count;
    return OK;
}

static void test_behaviours_end(void **state)
{
    int64_t first_ms = clock_now_ms(), days = 10;

    (void)state;
    assert_int_equal(app_write(app, arena, emit_step, NULL, NULL), OK);
    clock_simulate(first_ms + 20 * DAY_MS);
    assert_int_equal(app_write(app, arena, emit_step, NULL, NULL), OK);
    assert_int_equal(app_write(app, arena, forget_step, &days, NULL), OK);
    assert_int_equal(days, 1); /* the old behaviour; its fact and the new pair stay */
    days = 10;
    assert_int_equal(app_write(app, arena, forget_step, &days, NULL), OK);
    assert_int_equal(days, 0);
    clock_simulate(NONE);
}

/* A mark is in memory until the keeper's round; a fresh one is not made again within its minute. */
static enum err seen_step(struct ctx *c, void *user)
{
    struct str token_hash = {"\x07", 1};
    struct q_session_get_row row;

    (void)user;
    TRY(q_session_get(c, token_hash, &row));
    assert_int_equal(row.seen_ms, NONE);
    seen_mark(c, &(struct seen_at){row.id, row.seen_ms, false});
    TRY(q_session_get(c, token_hash, &row));
    assert_int_equal(row.seen_ms, NONE);
    TRY(seen_write(c));
    TRY(q_session_get(c, token_hash, &row));
    assert_int_equal(row.seen_ms, c->now_ms - c->now_ms % 60000);
    TRY(q_session_seen(c, &(struct q_session_seen_in){c->now_ms - 1000, row.id}, 1, NULL));
    seen_mark(c, &(struct seen_at){row.id, c->now_ms - 1000, false});
    TRY(seen_write(c));
    TRY(q_session_get(c, token_hash, &row));
    assert_int_equal(row.seen_ms, c->now_ms - 1000);
    return OK;
}

static void test_seen(void **state)
{
    (void)state;
    base_sql(folder, "INSERT INTO staff (id, login, name, role, password, is_active, created_ms, "
                     "password_ms) VALUES (1, 'a', 'A', 'admin', '', 1, 0, 0);"
                     "INSERT INTO session (token_hash, staff_id, csrf, created_ms, expires_ms, id) "
                     "VALUES (x'07', 1, 'c', 1, 9000000000000, 5);");
    assert_int_equal(app_write(app, arena, seen_step, NULL, NULL), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seen),
        cmocka_unit_test(test_way_down),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_refused_changes_nothing),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_failing_statements),
        cmocka_unit_test(test_full_arena_is_a_refusal),
        cmocka_unit_test(test_huge_answers),
        cmocka_unit_test(test_replay_of_queries),
        cmocka_unit_test(test_ids_ascend),
        cmocka_unit_test(test_openapi),
        cmocka_unit_test(test_behaviours_end),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
