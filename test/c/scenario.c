/* The runner of scenario tables, in process over app_request. */
#include "scenario.h"

#include "base_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gen/write_key.q.h"
#include "host/clock.h"
#include "kit/behaviour.h"
#include "kit/job.h"
#include "manage/audience/audience.h"
#include "manage/setting/setting.h"
#include "manage/staff/staff.h"
#include "papilio.h"

#define NAMES_MAX 64
#define FAIL_MAX 200
#define START_MS INT64_C(1772330400000) /* 2026-03-01T02:00:00Z */
#define NEVER_MS INT64_C(86400000)
#define PASSWORD "a long password"
#define KEY_TEXT "pk_scenario"

struct app *scenario_app;
struct arena *scenario_arena;
const struct app_config *scenario_config = &papilio_config;

static struct {
    char folder[64];
    struct app_config config;
    int64_t staff_ids[AS_VIEWER + 1];
    int64_t now_ms, request_count;
    struct {
        const char *name, *value;
    } kept[NAMES_MAX];
    size_t kept_count;
} world;

static const char *arena_text(struct str text)
{
    return str_cstr(scenario_arena, text);
}

/* ---- looking into the base ------------------------------------------------------------------- */

static struct rows rows_of(const char *sql)
{
    return base_rows(world.folder, scenario_arena, sql);
}

int64_t scenario_number(const char *sql)
{
    struct rows rows = rows_of(sql);
    int64_t number = NONE;

    if (rows.row_count > 0 && rows.cells[0].at != NULL)
        assert_true(str_to_int(rows.cells[0], &number));
    return number;
}

static enum err differences_step(struct ctx *c, void *user)
{
    return audience_check(c, user);
}

struct str scenario_differences(void)
{
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    struct buf differences;
    struct fault fault = {0};
    struct str copy;

    buf_init(&differences, 65536);
    if (app_read(scenario_app, arena, differences_step, &differences, &fault) != OK)
        fail_msg("%s: %.*s", fault.code, STR(fault.message));
    copy = str_copy(scenario_arena, buf_view(&differences));
    buf_release(&differences);
    arena_free(arena);
    return copy;
}

const char *scenario_text(const char *sql)
{
    struct rows rows = rows_of(sql);

    return rows.row_count > 0 && rows.cells[0].at != NULL ? arena_text(rows.cells[0]) : NULL;
}

void scenario_sql(const char *sql)
{
    base_sql(world.folder, sql);
}

/* Written by the keeper's round, for requests that came before it. */
static bool is_kept_by_minute(const char *table, const char *column)
{
    return (strcmp(table, "session") == 0 && strcmp(column, "seen_ms") == 0) ||
           (strcmp(table, "api_key") == 0 && strcmp(column, "used_ms") == 0);
}

/* What moves with the clock, not with requests: the reserve of ids, a node's lease and marks. */
static const char *rows_kept(const char *table)
{
    return strcmp(table, "meta") == 0   ? "WHERE name <> 'id_until_ms' AND name NOT LIKE 'group:%'"
           : strcmp(table, "node") == 0 ? "WHERE id < 0"
                                        : "";
}

/* Rows in any order: which comes first among equals is the database's affair. */
static uint64_t table_hash(struct arena *arena, const char *table)
{
    struct rows rows =
        base_rows(world.folder, arena,
                  str_cstr(arena, str_fmt(arena, "SELECT * FROM %s %s", table, rows_kept(table))));
    uint64_t sum = 0, hash = 0;

    for (int i = 0; i < rows.row_count * rows.column_count; i++) {
        int column = i % rows.column_count;

        hash = column == 0 ? str_hash(str_of(table), 1) : hash;
        if (!is_kept_by_minute(table, str_cstr(arena, rows.names[column])))
            hash = rows.cells[i].at ? str_hash(rows.cells[i], hash + 2) : hash * 31 + 7;
        if (column == rows.column_count - 1)
            sum += hash;
    }
    return sum;
}

uint64_t scenario_state(void)
{
    struct arena *arena = arena_new((size_t)512 * 1024 * 1024);
    struct rows tables;
    uint64_t sum = 0;

    job_await(scenario_app); /* what a request began changes the base until it is over */
    tables = base_tables(world.folder, arena);
    for (int i = 0; i < tables.row_count; i++)
        sum += table_hash(arena, str_cstr(arena, tables.cells[i]));
    arena_free(arena);
    return sum;
}

/* ---- names ----------------------------------------------------------------------------------- */

void scenario_set(const char *name, const char *value)
{
    size_t at = 0;

    while (at < world.kept_count && strcmp(world.kept[at].name, name) != 0)
        at++;
    assert_true(at < NAMES_MAX);
    world.kept[at].name = name;
    world.kept[at].value = arena_text(str_of(value));
    if (at == world.kept_count)
        world.kept_count++;
}

static const char *kept_find(struct str name)
{
    for (size_t i = world.kept_count; i > 0; i--)
        if (str_is(name, world.kept[i - 1].name))
            return world.kept[i - 1].value;
    fail_msg("nothing is kept under $%.*s", STR(name));
    return NULL;
}

const char *scenario_get(const char *name)
{
    return kept_find(str_of(name));
}

static bool is_name_char(char at)
{
    return (at >= 'a' && at <= 'z') || (at >= '0' && at <= '9') || at == '_';
}

static struct str filled(const char *text)
{
    struct buf buf;
    struct str out;

    if (text == NULL)
        return (struct str){0};
    buf_init(&buf, 4 * 1024 * 1024);
    while (*text) {
        size_t len = 0;
        while (*text == '$' && is_name_char(text[1 + len]))
            len++;
        if (len > 0)
            buf_str(&buf, str_of(kept_find((struct str){text + 1, len})));
        else
            buf_char(&buf, *text == '\'' ? '"' : *text);
        text += len + 1;
        if (len == 0)
            continue;
    }
    out = str_copy(scenario_arena, buf_view(&buf));
    buf_release(&buf);
    return out;
}

struct str scenario_filled(const char *body)
{
    return filled(body);
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct session {
    int64_t staff_id;
    struct str token, csrf;
};

static enum err session_step(struct ctx *c, void *user)
{
    struct session *session = user;

    TRY(session_begin(c, session->staff_id, &session->csrf));
    session->token = c->session_token;
    return OK;
}

void scenario_write(app_command *fn, void *user)
{
    struct fault fault = {0};
    enum err err = app_write(scenario_app, scenario_arena, fn, user, &fault);

    if (err != OK)
        fail_msg("%s: %s %.*s", err_name(err), fault.code, STR(fault.message));
}

void scenario_clock(int64_t now_ms)
{
    world.now_ms = now_ms;
    clock_simulate(now_ms);
}

static struct app_call call_new(enum scenario_as as, enum http_method method, const char *path,
                                const char *body)
{
    struct app_call call = {.method = method, .body = filled(body)};
    struct session session = {0};

    scenario_clock(world.now_ms + 1000);
    if (!str_cut(filled(path), '?', &call.path, &call.query))
        call.query = S("");
    call.is_local = as == AS_LOCAL;
    if (as == AS_KEY)
        call.write_key = S(KEY_TEXT);
    if (as > AS_VIEWER)
        return call;
    session.staff_id = world.staff_ids[as];
    scenario_write(session_step, &session);
    call.cookie = session.token;
    call.csrf = session.csrf;
    return call;
}

struct app_call scenario_ask(enum scenario_as as, enum http_method method, const char *path,
                             const char *body)
{
    struct app_call call = call_new(as, method, path, body);

    app_request(scenario_app, scenario_arena, &call);
    return call;
}

/* ---- one row --------------------------------------------------------------------------------- */

static void row_failed(const struct scenario *row, const struct app_call *call, const char *what)
{
    fail_msg("%s: %s\n  asked %s %s\n  wanted %d %s [%s]\n  got %d %.*s", row->name, what,
             row->path, row->body ? row->body : "", row->status, row->contains,
             row->events ? row->events : "", call->status, STR(call->reply));
}

static void answer_check(const struct scenario *row, const struct app_call *call)
{
    if (call->status != row->status)
        row_failed(row, call, "another status");
    if (row->contains && str_find(call->reply, filled(row->contains)) < 0)
        row_failed(row, call, "not in the answer");
    if (row->lacks && str_find(call->reply, filled(row->lacks)) >= 0)
        row_failed(row, call, "in the answer against the rule");
}

/* With its nth statement failing nothing may have changed; the first run in which none fails
 * counts. */
static void call_until_good(const struct scenario *row, struct app_call *call)
{
    uint64_t before = scenario_state();

    for (call->fail_nth = 1;; call->fail_nth++) {
        scenario_clock(world.now_ms + 61000); /* past any throttle's window */
        app_request(scenario_app, scenario_arena, call);
        if (!call->did_fail) {
            assert_true(call->fail_nth > 2); /* the savepoint and a statement at least did fail */
            return;
        }
        if (call->status < 500)
            row_failed(row, call, "a failing statement was not noticed");
        if (scenario_state() != before)
            row_failed(row, call, "a failing statement left something behind");
        assert_true(call->fail_nth < FAIL_MAX);
    }
}

/* "/api/customers/5/edit" is "/api/customers/{customer_id}/edit". */
static bool path_fits(struct str path, const char *pattern)
{
    struct str rest = str_of(pattern), part, wanted;
    bool is_more, is_wanted;

    do {
        is_wanted = str_cut(rest, '/', &wanted, &rest);
        is_more = str_cut(path, '/', &part, &path);
        if (!str_eq(part, wanted) && !str_starts(wanted, S("{")))
            return false;
    } while (is_more && is_wanted);
    return is_more == is_wanted;
}

static const struct route *route_of(const struct app_call *call)
{
    for (const struct route *const *table = world.config.routes; *table; table++)
        for (const struct route *route = *table; route->path; route++)
            if (route->method == call->method && path_fits(call->path, route->path))
                return route;
    return NULL;
}

static bool may_repeat(const struct app_call *call)
{
    const struct route *route = route_of(call);

    return call->status == 200 && (route == NULL || route->repeat != REPEAT_KEY_IGNORED);
}

static void repeat_check(const struct scenario *row, const struct app_call *first)
{
    struct app_call again = *first;
    uint64_t before = scenario_state();

    again.fail_nth = 0;
    app_request(scenario_app, scenario_arena, &again);
    if (again.status != first->status || !str_eq(again.reply, first->reply))
        row_failed(row, &again, "another answer to the same key");
    if (scenario_state() != before)
        row_failed(row, &again, "the same key changed something again");
}

struct behaving {
    int64_t after_id;
    struct str fired;
};

/* The kinds of the behaviours behind an id. */
static enum err behaved(struct ctx *c, void *user)
{
    struct behaving *behaving = user;
    struct list events;
    bool is_last;

    TRY(behaviour_after(c, behaving->after_id, INT64_MAX, &events, &is_last));
    must(is_last); /* a row fires few */
    for (int64_t i = 0; i < events.count; i++)
        behaving->fired =
            str_fmt(scenario_arena, "%.*s%s%.*s", STR(behaving->fired),
                    behaving->fired.len ? " " : "", STR(((struct behaviour *)events.at)[i].kind));
    return OK;
}

static struct str behaviours_join(const struct scenario *row, const struct app_call *call,
                                  struct str fired, int64_t last_id)
{
    struct behaving behaving = {last_id, fired};
    struct arena *arena = arena_new((size_t)1 << 26);

    if (app_read(scenario_app, arena, behaved, &behaving, NULL) != OK)
        row_failed(row, call, "a page of behaviours is damaged");
    arena_free(arena);
    return behaving.fired;
}

static void events_check(const struct scenario *row, const struct app_call *call, int64_t last_id)
{
    struct rows rows = rows_of(arena_text(str_fmt(
        scenario_arena, "SELECT kind FROM journal WHERE id > %" PRId64 " ORDER BY id", last_id)));
    struct str fired = S("");

    for (int i = 0; i < rows.row_count; i++)
        fired = str_fmt(scenario_arena, "%.*s%s%.*s", STR(fired), fired.len ? " " : "",
                        STR(rows.cells[i]));
    fired = behaviours_join(row, call, fired, last_id);
    if (row->events && !str_is(fired, row->events)) {
        print_error("fired: %.*s\n", STR(fired));
        row_failed(row, call, "other events");
    }
}

static void id_keep(const struct scenario *row, const struct app_call *call)
{
    struct json json;
    const struct json *id;

    if (row->keep == NULL)
        return;
    if (json_parse(scenario_arena, call->reply, &json, NULL) != OK ||
        (id = json_get(&json, "id")) == NULL)
        row_failed(row, call, "no id in the answer");
    else
        scenario_set(row->keep, arena_text(id->text));
}

static void row_run(const struct scenario *row)
{
    struct app_call call = call_new(row->as, row->method, row->path, row->body);
    int64_t last_id = scenario_number("SELECT max(id) FROM (SELECT id FROM journal UNION ALL "
                                      "SELECT id FROM behaviour_page)");
    bool is_change = row->method != HTTP_GET;

    call.idempotency_key = filled(row->key);
    if (is_change && row->key == NULL && !row->is_plain)
        call.idempotency_key = str_fmt(scenario_arena, "scenario %" PRId64, ++world.request_count);
    if (is_change && row->status < 300 && !row->is_plain)
        call_until_good(row, &call);
    else
        app_request(scenario_app, scenario_arena, &call);
    answer_check(row, &call);
    events_check(row, &call, last_id == NONE ? 0 : last_id);
    id_keep(row, &call);
    if (is_change && !row->is_plain && may_repeat(&call))
        repeat_check(row, &call);
}

void scenario_run_all(const struct scenario *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        row_run(&cases[i]);
}

/* ---- the world ------------------------------------------------------------------------------- */

static enum err people_step(struct ctx *c, void *user)
{
    static const char *const roles[] = {"admin", "operator", "viewer"};
    struct str hash = *(struct str *)user;
    int64_t changed_count;

    TRY(staff_setup_run(c,
                        &(struct staff_setup){S("admin"), S("Admin"), hash, S("Scenario"),
                                              S("Asia/Shanghai"), S("CNY")},
                        &world.staff_ids[AS_ADMIN]));
    for (int i = AS_OPERATOR; i <= AS_VIEWER; i++)
        TRY(staff_add(
            c, &(struct staff_new){str_of(roles[i]), str_of(roles[i]), str_of(roles[i]), hash},
            &world.staff_ids[i]));
    return q_write_key_add(c, ctx_id(c), S(KEY_TEXT), S("scenario"), &changed_count);
}

/* The keeper's first round writes too; a test that compares the base before and after waits for it,
 * and another does not come. */
static int keeper_await(void)
{
    for (int ms = 0; ms < SCENARIO_WAIT_MS; ms += 10, usleep(10000))
        if (scenario_number("SELECT count(*) FROM meta WHERE name = 'reply_turn_ms'") == 1)
            return 0;
    fprintf(stderr, "the keeper's first round does not come\n");
    return -1;
}

void scenario_names_await(void)
{
    for (int ms = 0; ms < SCENARIO_WAIT_MS; ms += 10, usleep(10000)) {
        struct app_call call = {.method = GET,
                                .path = S("/api/customers"),
                                .query = S("search=zzzz"),
                                .is_local = true};

        app_request(scenario_app, scenario_arena, &call);
        if (str_find(call.reply, S("\"is_search_ready\":true")) >= 0)
            return;
    }
    fail_msg("the names are never read");
}

int scenario_open_empty(void **state)
{
    struct str why = {0};

    (void)state;
    memset(&world, 0, sizeof(world));
    snprintf(world.folder, sizeof(world.folder), "/tmp/papilio-test-XXXXXX");
    if (!mkdtemp(world.folder))
        return -1;
    scenario_clock(START_MS);
    scenario_arena = arena_new((size_t)1024 * 1024 * 1024);
    world.config = *scenario_config;
    world.config.data = str_of(world.folder);
    world.config.db = base_db(scenario_arena);
    world.config.keep_ms = NEVER_MS;
    if (app_open(scenario_arena, &world.config, &scenario_app, &why) != OK ||
        (world.config.listen.at && app_listen(scenario_app, &why) != OK)) {
        fprintf(stderr, "%.*s\n", STR(why));
        return -1;
    }
    return keeper_await();
}

void scenario_run_once(const struct scenario *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct scenario once = cases[i];

        once.is_plain = true;
        once.key = once.method == POST ? once.name : NULL;
        scenario_run_all(&once, 1);
    }
}

void scenario_reopen(void)
{
    struct app_config config = *app_config(scenario_app);
    struct str why = {0};

    config.data = str_copy(scenario_arena, config.data);
    app_close(scenario_app);
    if (app_open(scenario_arena, &config, &scenario_app, &why) != OK)
        fail_msg("%.*s", STR(why));
}

int scenario_open(void **state)
{
    struct str hash;
    int status = scenario_open_empty(state);

    if (status != 0)
        return status;
    hash = password_hash(scenario_arena, S(PASSWORD));
    scenario_write(people_step, &hash);
    return 0;
}

int scenario_close(void **state)
{
    char command[100];
    bool is_sound = base_is_sound(world.folder);

    (void)state;
    app_close(scenario_app);
    base_leave();
    arena_free(scenario_arena);
    clock_simulate(NONE);
    snprintf(command, sizeof(command), "rm -rf %s", world.folder);
    return system(command) != 0 || !is_sound ? -1 : 0;
}
