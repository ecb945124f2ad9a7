/* The saga board and the differences of bills. Always: a payment is moved by the other side's word
 * alone; a person may have it asked at once, and closes a difference with words. */
#include "gen/outbox_route.q.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "kit/saga_private.h"

#define LIST_MAX 100
#define LIST_USUAL 50
#define WORDS_MAX 500
#define STATUSES "created|sent|accepted|succeeded|failed|unknown"

struct saga_item {
    int64_t id;
    struct str kind, kind_zh, kind_en;
    int64_t key_id, customer_id, amount_fen;
    struct str status, outside_no;
    int64_t attempt_count, due_ms, bill_day;
    struct str error_message;
    int64_t created_ms, changed_ms;
};
static const struct field saga_item[] = {
    OUT(struct saga_item, id, .about = "our number, as the other side knows it"),
    OUT(struct saga_item, kind),
    OUT(struct saga_item, kind_zh),
    OUT(struct saga_item, kind_en),
    OUT(struct saga_item, key_id, .about = "for what"),
    OUT(struct saga_item, customer_id, .is_optional = true),
    OUT(struct saga_item, amount_fen),
    OUT(struct saga_item, status, .one_of = STATUSES),
    OUT(struct saga_item, outside_no, .is_optional = true, .about = "the other side's number"),
    OUT(struct saga_item, attempt_count),
    OUT(struct saga_item, due_ms, .is_optional = true,
        .about = "when it is looked at next; none: over"),
    OUT(struct saga_item, bill_day, .is_optional = true, .about = "the bill that names it"),
    OUT(struct saga_item, error_message, .is_optional = true),
    OUT(struct saga_item, created_ms),
    OUT(struct saga_item, changed_ms),
};

static struct saga_item item_of(const struct app *app, const struct q_saga_rows_row *row)
{
    const struct saga_kind *kind = saga_kind_find(app, row->kind);

    return (struct saga_item){
        .id = row->id,
        .kind = row->kind,
        .kind_zh = kind ? str_of(kind->title_zh) : row->kind,
        .kind_en = kind ? str_of(kind->title_en) : row->kind,
        .key_id = row->key_id,
        .customer_id = row->customer_id,
        .amount_fen = row->amount_fen,
        .status = row->status,
        .outside_no = row->outside_no,
        .attempt_count = row->attempt_count,
        .due_ms = row->due_ms,
        .bill_day = row->bill_day,
        .error_message = row->error_message,
        .created_ms = row->created_ms,
        .changed_ms = row->changed_ms,
    };
}

/* ---- GET /api/sagas -------------------------------------------------------------------------- */

struct saga_list_in {
    struct str status, kind, cursor;
    int64_t limit_count;
};
static const struct field saga_list_in[] = {
    IN(struct saga_list_in, status, .is_optional = true, .one_of = STATUSES, .about = "none: all"),
    IN(struct saga_list_in, kind, .is_optional = true, .max = 60),
    IN(struct saga_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct saga_list_in, limit_count, LIST_MAX),
};
struct saga_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field saga_list_out[] = {
    OUT(struct saga_list_out, items, .of = SHAPE(saga_item), .max = LIST_MAX),
    OUT(struct saga_list_out, next_cursor, .is_optional = true),
};

_Static_assert(sizeof(struct q_saga_ids_row) == sizeof(struct q_saga_status_ids_row),
               "an id and what it is sorted by");

static enum err ids_find(struct ctx *c, const struct saga_list_in *in, int64_t limit_count,
                         struct list *ids)
{
    struct cursor cursor;

    TRY(cursor_read(c, in->cursor, &cursor));
    if (in->status.at == NULL)
        return q_saga_ids(c, cursor.id, in->kind, limit_count, ids);
    return q_saga_status_ids(c,
                             &(struct q_saga_status_ids_in){.status = in->status,
                                                            .before_ms = cursor.key_number,
                                                            .before_id = cursor.id,
                                                            .kind = in->kind,
                                                            .limit_count = limit_count},
                             ids);
}

static enum err saga_list(struct ctx *c, const void *in_, void *out_)
{
    const struct saga_list_in *in = in_;
    struct saga_list_out *out = out_;
    int64_t limit_count = in->limit_count == NONE ? LIST_USUAL : in->limit_count, count;
    const struct q_saga_ids_row *places;
    struct q_saga_rows_in *keys;
    struct q_saga_rows_row *rows;
    struct saga_item *items;
    struct list ids;

    TRY(ids_find(c, in, limit_count + 1, &ids));
    places = ids.at;
    count = ids.count <= limit_count ? ids.count : limit_count;
    keys = arena_new_array(c->arena, struct q_saga_rows_in, (size_t)count + 1);
    rows = arena_new_array(c->arena, struct q_saga_rows_row, (size_t)count + 1);
    items = arena_new_array(c->arena, struct saga_item, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++)
        keys[i].id = places[i].id;
    TRY(q_saga_rows(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++)
        items[i] = item_of(c->app, &rows[i]);
    out->items = (struct list){items, count};
    if (ids.count > count)
        out->next_cursor =
            cursor_write(c, (struct cursor){places[count - 1].sort_ms, places[count - 1].id});
    return OK;
}

/* ---- GET /api/bill_differences --------------------------------------------------------------- */

struct difference_item {
    int64_t id;
    struct str saga_kind;
    int64_t bill_day, saga_id;
    struct str outside_no, kind;
    int64_t ours_fen, theirs_fen, found_ms, closed_ms;
    struct str closed_words, closed_staff_name;
};
static const struct field difference_item[] = {
    OUT(struct difference_item, id),
    OUT(struct difference_item, saga_kind),
    OUT(struct difference_item, bill_day),
    OUT(struct difference_item, saga_id, .is_optional = true),
    OUT(struct difference_item, outside_no, .is_optional = true),
    OUT(struct difference_item, kind, .one_of = "only_ours|only_theirs|twice|amount|status"),
    OUT(struct difference_item, ours_fen, .is_optional = true),
    OUT(struct difference_item, theirs_fen, .is_optional = true),
    OUT(struct difference_item, found_ms),
    OUT(struct difference_item, closed_ms, .is_optional = true),
    OUT(struct difference_item, closed_words, .is_optional = true),
    OUT(struct difference_item, closed_staff_name, .is_optional = true),
};

static struct list differences_of(struct ctx *c, const struct list *list, int64_t count)
{
    const struct q_difference_list_row *rows = list->at;
    struct difference_item *items =
        arena_new_array(c->arena, struct difference_item, (size_t)count + 1);

    for (int64_t i = 0; i < count; i++)
        items[i] = (struct difference_item){.id = rows[i].id,
                                            .saga_kind = rows[i].saga_kind,
                                            .bill_day = rows[i].bill_day,
                                            .saga_id = rows[i].saga_id,
                                            .outside_no = rows[i].outside_no,
                                            .kind = rows[i].kind,
                                            .ours_fen = rows[i].ours_fen,
                                            .theirs_fen = rows[i].theirs_fen,
                                            .found_ms = rows[i].found_ms,
                                            .closed_ms = rows[i].closed_ms,
                                            .closed_words = rows[i].closed_words,
                                            .closed_staff_name = rows[i].closed_staff_name};
    return (struct list){items, count};
}

struct difference_list_in {
    bool is_open;
    struct str cursor;
    int64_t limit_count;
};
static const struct field difference_list_in[] = {
    IN(struct difference_list_in, is_open, .is_optional = true,
       .about = "only those nobody has closed"),
    IN(struct difference_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct difference_list_in, limit_count, LIST_MAX),
};
struct difference_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field difference_list_out[] = {
    OUT(struct difference_list_out, items, .of = SHAPE(difference_item), .max = LIST_MAX),
    OUT(struct difference_list_out, next_cursor, .is_optional = true),
};

static enum err difference_list(struct ctx *c, const void *in_, void *out_)
{
    const struct difference_list_in *in = in_;
    struct difference_list_out *out = out_;
    int64_t limit_count = in->limit_count == NONE ? LIST_USUAL : in->limit_count, count;
    struct q_difference_list_in query = {
        .is_open = in->is_open, .saga_id = NONE, .limit_count = limit_count + 1};
    const struct q_difference_list_row *rows;
    struct cursor cursor;
    struct list list;

    TRY(cursor_read(c, in->cursor, &cursor));
    query.before_id = cursor.id;
    TRY(q_difference_list(c, &query, &list));
    rows = list.at;
    count = list.count <= limit_count ? list.count : limit_count;
    out->items = differences_of(c, &list, count);
    if (list.count > count)
        out->next_cursor = cursor_write(c, (struct cursor){0, rows[count - 1].id});
    return OK;
}

struct difference_close_in {
    int64_t difference_id;
    struct str words;
};
static const struct field difference_close_in[] = {
    IN(struct difference_close_in, difference_id),
    IN(struct difference_close_in, words, .min = 1, .max = WORDS_MAX,
       .about = "what was found out, and what was done"),
};

static enum err difference_close(struct ctx *c, const void *in_, void *out)
{
    const struct difference_close_in *in = in_;
    struct str words = str_trim(in->words);
    struct q_difference_get_row row;
    int64_t changed_count;
    enum err err;

    (void)out;
    if (words.len == 0)
        return fail_at(c, "difference.words", S("words"), "say what was found out");
    err = q_difference_get(c, in->difference_id, &row);
    if (err == E_NOT_FOUND)
        return fail(c, err, "difference.unknown", "there is no such difference");
    TRY(err);
    TRY(q_difference_close(c, words, in->difference_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "difference.closed", "somebody has closed it already");
    audit_reason(c, words);
    c->topics |= LIVE_PAYMENTS;
    return OK;
}

/* ---- GET /api/sagas/{saga_id}, POST .../ask -------------------------------------------------- */

struct saga_one_in {
    int64_t saga_id;
};
static const struct field saga_one_in[] = {IN(struct saga_one_in, saga_id)};
struct saga_get_out {
    struct saga_item saga;
    struct list differences;
};
static const struct field saga_get_out[] = {
    OUT(struct saga_get_out, saga, .of = SHAPE(saga_item)),
    OUT(struct saga_get_out, differences, .of = SHAPE(difference_item), .max = LIST_MAX),
};

static enum err row_find(struct ctx *c, int64_t saga_id, struct q_saga_rows_row *row)
{
    TRY(q_saga_rows(c, &(struct q_saga_rows_in){saga_id}, 1, row));
    if (row->id == NONE)
        return fail(c, E_NOT_FOUND, "saga.unknown", "no payment has that number");
    return OK;
}

static enum err saga_get(struct ctx *c, const void *in_, void *out_)
{
    const struct saga_one_in *in = in_;
    struct saga_get_out *out = out_;
    struct q_saga_rows_row row = {0};
    struct q_difference_list_in query = {
        .before_id = INT64_MAX, .saga_id = in->saga_id, .limit_count = LIST_MAX};
    struct list list;

    TRY(row_find(c, in->saga_id, &row));
    TRY(q_difference_list(c, &query, &list));
    out->saga = item_of(c->app, &row);
    out->differences = differences_of(c, &list, list.count);
    return OK;
}

static enum err saga_ask(struct ctx *c, const void *in_, void *out)
{
    const struct saga_one_in *in = in_;
    struct q_saga_rows_row row = {0};
    int64_t changed_count;

    (void)out;
    TRY(row_find(c, in->saga_id, &row));
    TRY(q_saga_hurry(c, in->saga_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "saga.over", "this payment is over");
    c->wakes |= WAKE_SAGA;
    c->topics |= LIVE_PAYMENTS;
    return OK;
}

const struct route saga_routes[] = {
    {HTTP_GET, "/api/sagas", "saga.read", SHAPE(saga_list_in), SHAPE(saga_list_out), saga_list,
     .needs_all = true, .about = "Payments outside, newest first; of a status: last changed first"},
    {HTTP_GET, "/api/sagas/{saga_id}", "saga.read", SHAPE(saga_one_in), SHAPE(saga_get_out),
     saga_get, .needs_all = true, .about = "One payment, and what bills say otherwise about it"},
    {HTTP_POST, "/api/sagas/{saga_id}/ask", "saga.write", SHAPE(saga_one_in), NULL, saga_ask,
     .needs_all = true, .about = "The other side is asked about it now"},
    {HTTP_GET, "/api/bill_differences", "saga.read", SHAPE(difference_list_in),
     SHAPE(difference_list_out), difference_list, .needs_all = true,
     .about = "Where our books and the other side's bills differ, newest first"},
    {HTTP_POST, "/api/bill_differences/{difference_id}/close", "saga.write",
     SHAPE(difference_close_in), NULL, difference_close, .needs_all = true,
     .about = "A difference is explained, with words"},
    {.path = NULL},
};
