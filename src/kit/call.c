/* The stations of a call: route, gate, decode, run, encode. Each is passed once; a fault at any of
 * them becomes the answer. */
#include "gen/kit.q.h"
#include "host/clock.h"
#include "kit/caught.h"
#include "kit/kit_private.h"

#define STATEMENT_MAX 8
#define REPLY_MAX (16 * 1024 * 1024)

void call_init(struct call *call, struct app *app, struct arena *arena)
{
    *call = (struct call){.app = app, .arena = arena};
    call->ctx = (struct ctx){.app = app,
                             .arena = arena,
                             .me_staff_id = NONE,
                             .me_customer_id = NONE,
                             .me_api_key_id = NONE,
                             .audit_subject_id = NONE,
                             .me_reach_number = REACH_ALL,
                             .me_permissions = S("*"),
                             .ended_staff_id = NONE,
                             .timer_due_ms = NONE,
                             .now_ms = clock_now_ms()};
    call->who.staff_id = NONE;
    call->who.api_key_id = NONE;
    call->trace.start_us = clock_mono_us();
}

/* ---- a false must() ends the call, not the process ------------------------------------------- */

struct call_step {
    struct call *call;
    enum err (*run)(struct call *call);
    enum err err;
};

static void call_step_run(void *user)
{
    struct call_step *step = user;

    step->err = step->run(step->call);
}

static enum err run_caught(struct call *call, enum err (*run)(struct call *))
{
    struct call_step step = {.call = call, .run = run};
    bool is_whole = caught_run(call->app, call_step_run, &step);

    ctx_end(&call->ctx);
    if (is_whole)
        return step.err;
    buf_release(&call->encoding);
    call->ctx.fault = (struct fault){
        .err = E_INTERNAL, .code = "internal.must", .message = S("a bug; it has been logged")};
    return E_INTERNAL;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* What was encoded, copied into the arena. The buffer hangs on the call, so that it is released
 * also when the arena is full. */
static enum err encoding_take(struct call *call)
{
    if (call->encoding.is_full) {
        buf_release(&call->encoding);
        return fail(&call->ctx, E_INTERNAL, "internal.reply", "the answer has over %d bytes",
                    REPLY_MAX);
    }
    call->reply = str_copy(call->arena, buf_view(&call->encoding));
    buf_release(&call->encoding);
    return OK;
}

/* What happened inside is for the log; the client learns what it can act on. */
static void fault_write(void *user)
{
    struct call *call = user;
    struct fault *fault = &call->ctx.fault;
    struct json_out json;

    if (fault->err != call->err || fault->code == NULL)
        *fault = (struct fault){.err = call->err, .code = err_name(call->err)};
    call->status = route_status(call->err);
    call->type = "application/json";
    buf_init(&call->encoding, REPLY_MAX);
    json_out_init(&json, &call->encoding);
    json_object_begin(&json);
    json_name(&json, "error");
    json_object_begin(&json);
    json_name(&json, "code");
    json_str(&json, str_of(fault->code));
    json_name(&json, "message");
    json_str(&json, call->status >= 500 && call->err != E_BUSY
                        ? S("the server failed; nothing was changed")
                        : fault->message);
    if (fault->path.at) {
        json_name(&json, "path");
        json_str(&json, fault->path);
    }
    json_object_end(&json);
    json_object_end(&json);
    must(encoding_take(call) == OK); /* a code, a message and a path */
}

/* An arena that is full to the last byte has a little more room the second time. */
void call_answer_fault(struct call *call)
{
    if (caught_run(call->app, fault_write, call))
        return;
    buf_release(&call->encoding);
    fault_write(call);
}

static enum err call_encode(struct call *call)
{
    struct json_out json;

    call->status = call->route->kind == ROUTE_BEACON ? 204 : 200;
    if (call->route->kind == ROUTE_REDIRECT)
        call->status = 302;
    if (call->route->kind == ROUTE_DOWNLOAD) {
        call->type = call->ctx.file_type;
        call->reply = call->ctx.file_body;
        return OK;
    }
    if (call->status != 200)
        return OK;
    call->type = "application/json";
    if (call->route->out == NULL) {
        call->reply = S("{}");
        return OK;
    }
    buf_init(&call->encoding, REPLY_MAX);
    json_out_init(&json, &call->encoding);
    field_write(&json, call->route->out, call->out);
    return encoding_take(call);
}

/* ---- route, gate, decode --------------------------------------------------------------------- */

static enum err decode_parts(struct call *call)
{
    struct str pattern = str_sub(str_of(call->route->path), 1, SIZE_MAX), part;

    for (int i = 0; i < call->part_count; i++) {
        struct str name, text;
        str_cut(pattern, '/', &part, &pattern);
        if (part.len < 2 || part.at[0] != '{')
            continue;
        name = str_sub(part, 1, part.len - 2);
        if (!http_unescape(call->arena, call->parts[i], false, &text))
            return fail(&call->ctx, E_INPUT, "input.path", "the path is not valid UTF-8");
        TRY(field_read_text(&call->ctx, field_find(call->route->in, name), text, call->in));
    }
    return OK;
}

/* Of a route that takes nothing: so that what it does not know is refused too. */
static const struct shape nothing = {.name = "nothing"};

static const struct shape *shape_in(const struct call *call)
{
    return call->route->in ? call->route->in : &nothing;
}

static enum err decode_query(struct call *call)
{
    struct str rest = call->query, pair, name, value;
    const struct field *field;
    bool is_more = rest.len > 0;

    for (int count = 0; is_more; count++) {
        if (count == 64)
            return fail(&call->ctx, E_INPUT, "input.query", "more than 64 parameters");
        is_more = str_cut(rest, '&', &pair, &rest);
        str_cut(pair, '=', &name, &value);
        if (!http_unescape(call->arena, name, true, &name) ||
            !http_unescape(call->arena, value, true, &value))
            return fail(&call->ctx, E_INPUT, "input.query", "the query is not valid UTF-8");
        field = field_find(shape_in(call), name);
        if (field == NULL)
            return fail_at(&call->ctx, "input.unknown", name, "no such parameter");
        if (value.len > 0)
            TRY(field_read_text(&call->ctx, field, value, call->in));
    }
    return OK;
}

static enum err decode_body(struct call *call)
{
    struct json_fault fault;
    struct json json;

    if (json_parse(call->arena, call->body.len ? call->body : S("{}"), &json, &fault) != OK)
        return fail(&call->ctx, E_INPUT, "input.json", "JSON: %s at byte %zu", fault.what,
                    fault.offset);
    return field_read(&call->ctx, shape_in(call), &json, call->in);
}

static enum err decode(struct call *call)
{
    const struct route *route = call->route;

    call->ctx.body = call->body;
    call->ctx.peer = call->peer;
    call->ctx.agent = call->agent;
    call->ctx.upload_path = call->upload_path;
    if (route->out)
        call->out = arena_alloc(call->arena, route->out->bytes);
    if (route->out)
        field_clear(route->out, call->out);
    if (route->in == NULL && (route->is_body_raw || route->kind == ROUTE_UPLOAD))
        return OK;
    call->in = arena_alloc(call->arena, shape_in(call)->bytes + 1);
    field_clear(shape_in(call), call->in);
    if (route->method == HTTP_GET || route->is_body_raw || route->kind == ROUTE_UPLOAD)
        TRY(decode_query(call));
    else
        TRY(decode_body(call));
    TRY(decode_parts(call));
    return field_check_given(&call->ctx, shape_in(call), call->in);
}

static enum err begin_steps(struct call *call)
{
    TRY(gate_pass(call));
    call->trace.gated_us = clock_mono_us();
    return decode(call);
}

static enum call_next next_of(const struct call *call)
{
    const struct route *route = call->route;
    bool is_long = route->is_long && call->in && route->is_long(call->in);

    if (route->prepare)
        return is_long ? NEXT_LONG : NEXT_PREPARE;
    if ((route->method != HTTP_GET && !route->reads) || route->writes)
        return NEXT_WRITE;
    if (is_long)
        return NEXT_LONG;
    return route->is_quick ? NEXT_QUICK : NEXT_READ;
}

static void snapshot_end(struct call *call, struct db *db)
{
    if (call->has_snapshot)
        db_rollback(db);
    call->has_snapshot = false;
}

/* A quick read is gated in the snapshot it then runs in: that spares a lock and its release; over a
 * network every read is, that spares a trip. */
static enum err begin_with(struct call *call, struct db *db)
{
    enum call_next next = next_of(call); /* nothing is decoded yet */
    bool is_read = next == NEXT_READ && call->route->kind != ROUTE_STREAM;

    if (next == NEXT_QUICK || (is_read && call->app->is_shared)) {
        TRY(db_begin(db));
        call->has_snapshot = true;
    }
    return run_caught(call, begin_steps);
}

enum call_next call_begin(struct call *call, struct db *db)
{
    enum call_next next;

    atomic_store(&call->app->asked_us, call->trace.start_us);
    call->is_gated = true;
    call->route = route_match(call);
    call->ctx.db = db;
    if (call->route == NULL)
        call->err = fail(&call->ctx, E_NOT_FOUND, "route.unknown", "no such address");
    else
        call->err = begin_with(call, db);
    if (call->err != OK) {
        snapshot_end(call, db);
        call_answer_fault(call);
        return NEXT_DONE;
    }
    call->ctx.statement_count = 0;
    call->ctx.statement_max =
        call->route->statement_max ? call->route->statement_max : STATEMENT_MAX;
    next = next_of(call);
    if (next == NEXT_LONG)
        snapshot_end(call, db);
    return next;
}

/* ---- run ------------------------------------------------------------------------------------- */

static enum err run_step(struct call *call)
{
    if (call->route == NULL)
        return call->command(&call->ctx, call->user);
    if (call->route->run == NULL)
        return OK;
    return call->route->run(&call->ctx, call->in, call->out);
}

static enum err read_step(struct call *call)
{
    TRY(run_step(call));
    return call->route ? call_encode(call) : OK;
}

static enum err prepare_step(struct call *call)
{
    return call->route->prepare(&call->ctx, call->in, NULL);
}

/* One snapshot for all statements of a read. */
static void read_with(struct call *call, struct db *db, enum err (*step)(struct call *))
{
    int64_t database_us = db_step_us(db);

    call->ctx.db = db;
    call->trace.begun_us = clock_mono_us();
    if (!call->has_snapshot)
        call->err = db_begin(db);
    call->has_snapshot = true;
    if (call->err == OK)
        call->err = run_caught(call, step);
    else if (call->app->is_shared)
        fail(&call->ctx, call->err, "database.lost", "%s", db_error(db));
    snapshot_end(call, db);
    call->trace.database_us += db_step_us(db) - database_us;
}

void call_run(struct call *call, struct db *db)
{
    read_with(call, db, read_step);
    if (call->err != OK)
        call_answer_fault(call);
    call->trace.run_us = clock_mono_us();
}

void call_prepare(struct call *call, struct db *db)
{
    read_with(call, db, prepare_step);
    if (call->err != OK)
        call_answer_fault(call);
}

static enum err write_step(struct call *call)
{
    bool is_found = false;

    if (call->route == NULL || call->route->repeat == REPEAT_KEY_IGNORED)
        call->repeat_key = (struct str){0};
    else if (call->route->repeat == REPEAT_KEY_REQUIRED && call->repeat_key.len == 0)
        return fail(&call->ctx, E_INPUT, "repeat.required",
                    "the header Idempotency-Key is required here");
    if (call->repeat_key.len > 0)
        TRY(reply_find(call, &is_found));
    if (is_found)
        return OK;
    call->ctx.statement_count = 0;
    TRY(run_step(call));
    if (call->route)
        TRY(call_encode(call));
    TRY(audit_write(call));
    if (call->repeat_key.len == 0)
        return OK;
    call->ctx.statement_max = 0;
    return reply_keep(call);
}

void call_write(struct call *call, struct db *db)
{
    int64_t database_us = db_step_us(db);

    call->ctx.db = db;
    call->trace.begun_us = clock_mono_us();
    if (call->fail_nth > 0)
        db_fail_at(db, call->fail_nth);
    call->err = db_savepoint(db);
    if (call->err == OK)
        call->err = run_caught(call, write_step);
    if (call->err == OK)
        call->err = db_release(db);
    if (call->err != OK)
        db_rollback_to(db);
    else
        audit_kept(call);
    app_settled(call->app, call->err == OK);
    if (call->fail_nth > 0) {
        call->did_fail = db_did_fail(db);
        db_fail_at(db, 0);
    }
    if (call->err != OK)
        call_answer_fault(call);
    call->trace.run_us = clock_mono_us();
    call->trace.database_us += db_step_us(db) - database_us;
}

void call_fail_commit(struct call *call, enum err err, const char *code, struct str words)
{
    if (call->err != OK)
        return;
    call->err = err;
    call->ctx.session_token = (struct str){0};
    fail(&call->ctx, err, code, "the commit failed: %.*s", STR(words));
    call_answer_fault(call);
}

void call_refuse(struct call *call, enum err err)
{
    if (err == E_RATE)
        call->err = fail(&call->ctx, err, "busy.own", "too many of your requests wait; try again");
    else
        call->err = fail(&call->ctx, err, "busy.queue", "too many requests wait; try again");
    call_answer_fault(call);
    call_end(call);
}

void call_end(struct call *call)
{
    call->trace.done_us = clock_mono_us();
    call->trace.statement_count = call->ctx.statement_count;
    log_call(call);
    call->done(call, call->done_user);
}
