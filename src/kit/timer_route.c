/* Timers as pages see them: what waits, what is dead and why; a dead one is tried again or given up
 * with a reason. Always: one that waits is left alone, it belongs to its handler. */
#include "gen/timer.q.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "kit/kit_private.h"
#include "kit/timer_private.h"

#define LIST_MAX 100
#define LIST_USUAL 50
#define REASON_MAX 200

struct timer_item {
    int64_t id;
    struct str kind, kind_zh, kind_en;
    int64_t key_id;
    struct str status;
    int64_t due_ms, attempt_count;
    struct str input, error_code, error_message;
    int64_t created_ms, changed_ms;
};
static const struct field timer_item[] = {
    OUT(struct timer_item, id),
    OUT(struct timer_item, kind),
    OUT(struct timer_item, kind_zh),
    OUT(struct timer_item, kind_en),
    OUT(struct timer_item, key_id, .about = "of what it is the timer"),
    OUT(struct timer_item, status, .one_of = "waiting|dead"),
    OUT(struct timer_item, due_ms),
    OUT(struct timer_item, attempt_count, .about = "that failed"),
    OUT(struct timer_item, input, .is_json = true, .is_optional = true),
    OUT(struct timer_item, error_code, .is_optional = true, .about = "of the last failure"),
    OUT(struct timer_item, error_message, .is_optional = true),
    OUT(struct timer_item, created_ms),
    OUT(struct timer_item, changed_ms),
};

static struct timer_item item_of(const struct app *app, const struct q_timer_rows_row *row)
{
    const struct timer_kind *kind = timer_kind_find(app, row->kind);

    return (struct timer_item){
        .id = row->id,
        .kind = row->kind,
        .kind_zh = kind ? str_of(kind->title_zh) : row->kind,
        .kind_en = kind ? str_of(kind->title_en) : row->kind,
        .key_id = row->key_id,
        .status = row->status,
        .due_ms = row->due_ms,
        .attempt_count = row->attempt_count,
        .input = row->input,
        .error_code = row->error_code,
        .error_message = row->error_message,
        .created_ms = row->created_ms,
        .changed_ms = row->changed_ms,
    };
}

/* ---- GET /api/timers ------------------------------------------------------------------------- */

struct timer_list_in {
    struct str status, kind, cursor;
    int64_t limit_count;
};
static const struct field timer_list_in[] = {
    IN(struct timer_list_in, status, .one_of = "waiting|dead"),
    IN(struct timer_list_in, kind, .is_optional = true, .max = 60),
    IN(struct timer_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct timer_list_in, limit_count, LIST_MAX),
};
struct timer_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field timer_list_out[] = {
    OUT(struct timer_list_out, items, .of = SHAPE(timer_item), .max = LIST_MAX),
    OUT(struct timer_list_out, next_cursor, .is_optional = true),
};

/* A place in a list. */
struct place {
    int64_t id, sort_ms;
};

/* Both lists give their places alike: ids and what they are sorted by. */
static enum err places_find(struct ctx *c, const struct timer_list_in *in, int64_t limit_count,
                            struct list *places)
{
    struct cursor cursor;

    TRY(cursor_read(c, in->cursor, &cursor));
    if (str_is(in->status, "dead"))
        return q_timer_dead_ids(c,
                                &(struct q_timer_dead_ids_in){.before_ms = cursor.key_number,
                                                              .before_id = cursor.id,
                                                              .kind = in->kind,
                                                              .limit_count = limit_count},
                                places);
    if (in->cursor.at == NULL)
        cursor = (struct cursor){0, 0};
    return q_timer_waiting_ids(c,
                               &(struct q_timer_waiting_ids_in){.after_ms = cursor.key_number,
                                                                .after_id = cursor.id,
                                                                .kind = in->kind,
                                                                .limit_count = limit_count},
                               places);
}

static struct place place_at(const struct timer_list_in *in, const struct list *places, int64_t at)
{
    if (str_is(in->status, "dead")) {
        const struct q_timer_dead_ids_row *dead = places->at;
        return (struct place){dead[at].id, dead[at].sort_ms};
    } else {
        const struct q_timer_waiting_ids_row *waiting = places->at;
        return (struct place){waiting[at].id, waiting[at].sort_ms};
    }
}

static enum err timer_list(struct ctx *c, const void *in_, void *out_)
{
    const struct timer_list_in *in = in_;
    struct timer_list_out *out = out_;
    int64_t limit_count = in->limit_count == NONE ? LIST_USUAL : in->limit_count, count;
    struct q_timer_rows_in *keys;
    struct q_timer_rows_row *rows;
    struct timer_item *items;
    struct list places;

    TRY(places_find(c, in, limit_count + 1, &places));
    count = places.count <= limit_count ? places.count : limit_count;
    keys = arena_new_array(c->arena, struct q_timer_rows_in, (size_t)count);
    rows = arena_new_array(c->arena, struct q_timer_rows_row, (size_t)count);
    items = arena_new_array(c->arena, struct timer_item, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        keys[i].id = place_at(in, &places, i).id;
    TRY(q_timer_rows(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++)
        items[i] = item_of(c->app, &rows[i]);
    out->items = (struct list){items, count};
    if (places.count > count) {
        struct place last = place_at(in, &places, count - 1);
        out->next_cursor = cursor_write(c, (struct cursor){last.sort_ms, last.id});
    }
    return OK;
}

/* ---- POST /api/timers/{timer_id}/retry, /cancel ---------------------------------------------- */

/* Only a dead one can be decided on. */
static enum err timer_find(struct ctx *c, int64_t timer_id, struct q_timer_rows_row *row)
{
    TRY(q_timer_rows(c, &(struct q_timer_rows_in){timer_id}, 1, row));
    if (row->id == NONE)
        return fail(c, E_NOT_FOUND, "timer.unknown", "there is no such timer, or it is over");
    if (!str_is(row->status, "dead"))
        return fail(c, E_CONFLICT, "timer.waiting",
                    "it waits to run; only a dead one is decided on");
    return OK;
}

struct timer_retry_in {
    int64_t timer_id;
};
static const struct field timer_retry_in[] = {IN(struct timer_retry_in, timer_id)};

static enum err timer_retry(struct ctx *c, const void *in_, void *out_)
{
    const struct timer_retry_in *in = in_;
    struct q_timer_rows_row row = {0};
    int64_t changed_count;

    (void)out_;
    TRY(timer_find(c, in->timer_id, &row));
    TRY(q_timer_revive(c, in->timer_id, &changed_count));
    must(changed_count == 1);
    c->timer_due_ms = c->now_ms;
    c->topics |= LIVE_TIMERS;
    return OK;
}

struct timer_cancel_in {
    int64_t timer_id;
    struct str reason;
};
static const struct field timer_cancel_in[] = {
    IN(struct timer_cancel_in, timer_id),
    IN(struct timer_cancel_in, reason, .min = 1, .max = REASON_MAX),
};

/* What was given up is gone, so the trail says what it was. */
static void cancel_told(struct ctx *c, const struct q_timer_rows_row *row, struct str reason)
{
    struct json_out json;
    struct buf buf;

    buf_init(&buf, 4096);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    json_name(&json, "kind");
    json_str(&json, row->kind);
    json_name(&json, "key_id");
    json_id(&json, row->key_id);
    json_name(&json, "reason");
    json_str(&json, reason);
    json_object_end(&json);
    audit_detail(c, str_copy(c->arena, buf_view(&buf)));
    buf_release(&buf);
}

static enum err timer_give_up(struct ctx *c, const void *in_, void *out_)
{
    const struct timer_cancel_in *in = in_;
    struct q_timer_rows_row row = {0};
    int64_t changed_count;

    (void)out_;
    if (str_trim(in->reason).len == 0)
        return fail_at(c, "timer.reason", S("reason"), "say why");
    TRY(timer_find(c, in->timer_id, &row));
    TRY(q_timer_bury(c, in->timer_id, &changed_count));
    must(changed_count == 1);
    cancel_told(c, &row, str_trim(in->reason));
    c->topics |= LIVE_TIMERS;
    return OK;
}

const struct route timer_routes[] = {
    {HTTP_GET, "/api/timers", "timer.read", SHAPE(timer_list_in), SHAPE(timer_list_out), timer_list,
     .needs_all = true,
     .about = "Timers: those that wait, next due first; those that are dead, newest first"},
    {HTTP_POST, "/api/timers/{timer_id}/retry", "timer.write", SHAPE(timer_retry_in), NULL,
     timer_retry, .needs_all = true, .about = "A dead timer is due at once, with all its attempts"},
    {HTTP_POST, "/api/timers/{timer_id}/cancel", "timer.write", SHAPE(timer_cancel_in), NULL,
     timer_give_up, .needs_all = true,
     .about = "A dead timer is given up: what it was for is not done"},
    {.path = NULL},
};
