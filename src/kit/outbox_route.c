/* The outbox and the dead of the inbox as pages see them: what waits, was sent, is dead and why; a
 * dead one is tried again or given up with a reason. Always: a text is in no list, and shown alone
 * and by the right to see personal data, with a row in the trail. */
#include "gen/outbox_route.q.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "kit/inbox_private.h"
#include "kit/outbox_private.h"

#define LIST_MAX 100
#define LIST_USUAL 50
#define REASON_MAX 200

static int64_t limit_of(int64_t limit_count)
{
    return limit_count == NONE ? LIST_USUAL : limit_count;
}

/* ---- GET /api/outbox ------------------------------------------------------------------------- */

struct outbox_item {
    int64_t id;
    struct str kind, kind_zh, kind_en;
    int64_t key_id, customer_id;
    struct str destination, status;
    int64_t due_ms, attempt_count, status_count;
    struct str error_message;
    int64_t created_ms, changed_ms;
};
static const struct field outbox_item[] = {
    OUT(struct outbox_item, id),
    OUT(struct outbox_item, kind),
    OUT(struct outbox_item, kind_zh),
    OUT(struct outbox_item, kind_en),
    OUT(struct outbox_item, key_id, .about = "of what it is the message"),
    OUT(struct outbox_item, customer_id, .is_optional = true, .about = "whom it is about"),
    OUT(struct outbox_item, destination),
    OUT(struct outbox_item, status, .one_of = "waiting|sent|dead|cancelled"),
    OUT(struct outbox_item, due_ms),
    OUT(struct outbox_item, attempt_count),
    OUT(struct outbox_item, status_count, .is_optional = true,
        .about = "HTTP status of the last answer"),
    OUT(struct outbox_item, error_message, .is_optional = true),
    OUT(struct outbox_item, created_ms),
    OUT(struct outbox_item, changed_ms),
};

static struct outbox_item item_of(const struct app *app, const struct q_outbox_rows_row *row)
{
    const struct outbox_kind *kind = outbox_kind_find(app, row->kind);

    return (struct outbox_item){
        .id = row->id,
        .kind = row->kind,
        .kind_zh = kind ? str_of(kind->title_zh) : row->kind,
        .kind_en = kind ? str_of(kind->title_en) : row->kind,
        .key_id = row->key_id,
        .customer_id = row->customer_id,
        .destination = row->destination,
        .status = row->status,
        .due_ms = row->due_ms,
        .attempt_count = row->attempt_count,
        .status_count = row->status_count,
        .error_message = row->error_message,
        .created_ms = row->created_ms,
        .changed_ms = row->changed_ms,
    };
}

struct outbox_list_in {
    struct str status, kind, destination, cursor;
    int64_t limit_count;
};
static const struct field outbox_list_in[] = {
    IN(struct outbox_list_in, status, .is_optional = true, .one_of = "waiting|sent|dead|cancelled",
       .about = "none: all"),
    IN(struct outbox_list_in, kind, .is_optional = true, .max = 60),
    IN(struct outbox_list_in, destination, .is_optional = true, .max = 200),
    IN(struct outbox_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct outbox_list_in, limit_count, LIST_MAX),
};
struct outbox_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field outbox_list_out[] = {
    OUT(struct outbox_list_out, items, .of = SHAPE(outbox_item), .max = LIST_MAX),
    OUT(struct outbox_list_out, next_cursor, .is_optional = true),
};

/* Both give rows of one id alike, the keys of the look-up. */
static enum err ids_find(struct ctx *c, const struct outbox_list_in *in, int64_t limit_count,
                         struct list *ids)
{
    struct cursor cursor;

    TRY(cursor_read(c, in->cursor, &cursor));
    if (str_is(in->status, "waiting") || str_is(in->status, "dead"))
        return q_outbox_open_ids(c,
                                 &(struct q_outbox_open_ids_in){.status = in->status,
                                                                .before_id = cursor.id,
                                                                .kind = in->kind,
                                                                .destination = in->destination,
                                                                .limit_count = limit_count},
                                 ids);
    return q_outbox_ids(c,
                        &(struct q_outbox_ids_in){.before_id = cursor.id,
                                                  .status = in->status,
                                                  .kind = in->kind,
                                                  .destination = in->destination,
                                                  .limit_count = limit_count},
                        ids);
}

_Static_assert(sizeof(struct q_outbox_ids_row) == sizeof(struct q_outbox_rows_in) &&
                   sizeof(struct q_outbox_open_ids_row) == sizeof(struct q_outbox_rows_in),
               "an id each");

static enum err outbox_list(struct ctx *c, const void *in_, void *out_)
{
    const struct outbox_list_in *in = in_;
    struct outbox_list_out *out = out_;
    int64_t limit_count = limit_of(in->limit_count), count;
    const struct q_outbox_rows_in *keys;
    struct q_outbox_rows_row *rows;
    struct outbox_item *items;
    struct list ids;

    TRY(ids_find(c, in, limit_count + 1, &ids));
    count = ids.count <= limit_count ? ids.count : limit_count;
    keys = ids.at;
    rows = arena_new_array(c->arena, struct q_outbox_rows_row, (size_t)count + 1);
    items = arena_new_array(c->arena, struct outbox_item, (size_t)count + 1);
    TRY(q_outbox_rows(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++)
        items[i] = item_of(c->app, &rows[i]);
    out->items = (struct list){items, count};
    if (ids.count > count)
        out->next_cursor = cursor_write(c, (struct cursor){0, keys[count - 1].id});
    return OK;
}

/* ---- POST /api/outbox/{outbox_id}/retry, /cancel, /reveal ------------------------------------ */

struct outbox_one_in {
    int64_t outbox_id;
};
static const struct field outbox_one_in[] = {IN(struct outbox_one_in, outbox_id)};

static enum err row_find(struct ctx *c, int64_t outbox_id, struct q_outbox_rows_row *row)
{
    TRY(q_outbox_rows(c, &(struct q_outbox_rows_in){outbox_id}, 1, row));
    if (row->id == NONE)
        return fail(c, E_NOT_FOUND, "outbox.unknown", "there is no such message");
    return OK;
}

static enum err outbox_retry(struct ctx *c, const void *in_, void *out)
{
    const struct outbox_one_in *in = in_;
    struct q_outbox_rows_row row = {0};
    int64_t changed_count;

    (void)out;
    TRY(row_find(c, in->outbox_id, &row));
    TRY(q_outbox_revive(c, in->outbox_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "outbox.not_dead", "only a dead message is tried again");
    c->wakes |= WAKE_OUTBOX;
    c->topics |= LIVE_MESSAGES;
    return OK;
}

struct outbox_cancel_in {
    int64_t outbox_id;
    struct str reason;
};
static const struct field outbox_cancel_in[] = {
    IN(struct outbox_cancel_in, outbox_id),
    IN(struct outbox_cancel_in, reason, .min = 1, .max = REASON_MAX),
};

static enum err outbox_give_up(struct ctx *c, const void *in_, void *out)
{
    const struct outbox_cancel_in *in = in_;
    struct q_outbox_rows_row row = {0};
    int64_t changed_count;

    (void)out;
    if (str_trim(in->reason).len == 0)
        return fail_at(c, "outbox.reason", S("reason"), "say why");
    TRY(row_find(c, in->outbox_id, &row));
    TRY(q_outbox_give_up(c, in->outbox_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "outbox.over", "it was sent or given up already");
    audit_reason(c, str_trim(in->reason));
    c->topics |= LIVE_MESSAGES;
    return OK;
}

struct outbox_reveal_out {
    struct str body;
};
static const struct field outbox_reveal_out[] = {
    OUT(struct outbox_reveal_out, body, .is_optional = true, .about = "none: it has been erased"),
};

static enum err outbox_reveal(struct ctx *c, const void *in_, void *out_)
{
    const struct outbox_one_in *in = in_;
    struct outbox_reveal_out *out = out_;
    struct q_outbox_rows_row row = {0};
    struct q_outbox_text_row text;
    enum err err;

    TRY(row_find(c, in->outbox_id, &row));
    err = q_outbox_text(c, in->outbox_id, &text);
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    return ctx_unseal(c, text.body_enc, "outbox", in->outbox_id, &out->body);
}

const struct route outbox_routes[] = {
    {HTTP_GET, "/api/outbox", "outbox.read", SHAPE(outbox_list_in), SHAPE(outbox_list_out),
     outbox_list, .needs_all = true, .about = "Messages that leave, newest first, without texts"},
    {HTTP_POST, "/api/outbox/{outbox_id}/retry", "outbox.write", SHAPE(outbox_one_in), NULL,
     outbox_retry, .needs_all = true, .about = "A dead message is due at once, with all attempts"},
    {HTTP_POST, "/api/outbox/{outbox_id}/cancel", "outbox.write", SHAPE(outbox_cancel_in), NULL,
     outbox_give_up, .needs_all = true, .about = "A message that waits or is dead is given up"},
    {HTTP_POST, "/api/outbox/{outbox_id}/reveal", "customer.reveal", SHAPE(outbox_one_in),
     SHAPE(outbox_reveal_out), outbox_reveal, .needs_all = true, .repeat = REPEAT_KEY_IGNORED,
     .about = "The text of a message; each time is audited"},
    {.path = NULL},
};

/* ---- GET /api/inbox, POST /api/inbox/{inbox_id}/retry ---------------------------------------- */

struct inbox_item {
    int64_t id;
    struct str source, kind, kind_zh, kind_en;
    int64_t attempt_count;
    struct str error_message;
    int64_t arrived_ms;
};
static const struct field inbox_item[] = {
    OUT(struct inbox_item, id),
    OUT(struct inbox_item, source, .about = "who sent it"),
    OUT(struct inbox_item, kind),
    OUT(struct inbox_item, kind_zh),
    OUT(struct inbox_item, kind_en),
    OUT(struct inbox_item, attempt_count),
    OUT(struct inbox_item, error_message, .is_optional = true),
    OUT(struct inbox_item, arrived_ms),
};
struct inbox_list_in {
    struct str cursor;
    int64_t limit_count;
};
static const struct field inbox_list_in[] = {
    IN(struct inbox_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct inbox_list_in, limit_count, LIST_MAX),
};
struct inbox_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field inbox_list_out[] = {
    OUT(struct inbox_list_out, items, .of = SHAPE(inbox_item), .max = LIST_MAX),
    OUT(struct inbox_list_out, next_cursor, .is_optional = true),
};

static enum err inbox_list(struct ctx *c, const void *in_, void *out_)
{
    const struct inbox_list_in *in = in_;
    struct inbox_list_out *out = out_;
    int64_t limit_count = limit_of(in->limit_count), count;
    const struct q_inbox_dead_list_row *rows;
    struct inbox_item *items;
    struct cursor cursor;
    struct list list;

    TRY(cursor_read(c, in->cursor, &cursor));
    TRY(q_inbox_dead_list(c, cursor.key_number, cursor.id, limit_count + 1, &list));
    rows = list.at;
    count = list.count <= limit_count ? list.count : limit_count;
    items = arena_new_array(c->arena, struct inbox_item, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++) {
        const struct inbox_kind *kind = inbox_kind_find(c->app, rows[i].kind);
        items[i] = (struct inbox_item){rows[i].id,
                                       rows[i].source,
                                       rows[i].kind,
                                       kind ? str_of(kind->title_zh) : rows[i].kind,
                                       kind ? str_of(kind->title_en) : rows[i].kind,
                                       rows[i].attempt_count,
                                       rows[i].error_message,
                                       rows[i].arrived_ms};
    }
    out->items = (struct list){items, count};
    if (list.count > count)
        out->next_cursor =
            cursor_write(c, (struct cursor){rows[count - 1].arrived_ms, rows[count - 1].id});
    return OK;
}

struct inbox_retry_in {
    int64_t inbox_id;
};
static const struct field inbox_retry_in[] = {IN(struct inbox_retry_in, inbox_id)};

static enum err inbox_retry(struct ctx *c, const void *in_, void *out)
{
    const struct inbox_retry_in *in = in_;
    struct q_inbox_status_row row;
    int64_t changed_count;
    enum err err = q_inbox_status(c, in->inbox_id, &row);

    (void)out;
    if (err == E_NOT_FOUND)
        return fail(c, err, "inbox.unknown", "there is no such message");
    TRY(err);
    TRY(q_inbox_revive(c, in->inbox_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "inbox.not_dead", "only a dead message is tried again");
    c->wakes |= WAKE_INBOX;
    c->topics |= LIVE_MESSAGES;
    return OK;
}

const struct route inbox_routes[] = {
    {HTTP_GET, "/api/inbox", "outbox.read", SHAPE(inbox_list_in), SHAPE(inbox_list_out), inbox_list,
     .needs_all = true, .about = "What came from outside and could not be worked on, newest first"},
    {HTTP_POST, "/api/inbox/{inbox_id}/retry", "outbox.write", SHAPE(inbox_retry_in), NULL,
     inbox_retry, .needs_all = true, .about = "A dead one is worked on again"},
    {.path = NULL},
};
