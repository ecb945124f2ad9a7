/* Webhooks as an administrator keeps them. Always: a secret is shown once, when it is made; what
 * waits for a webhook that is paused or removed is given up. */
#include "gen/webhook.q.h"
#include "kit/app.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "link/webhook/webhook_private.h"

#define STATUSES "waiting|sent|dead|cancelled"
#define TITLE_MAX 60
#define URL_MAX 500
#define KINDS_MAX 2000
#define OVERLAP_DAYS_MAX 7
#define LIST_MAX 100
#define LIST_USUAL 20
#define SECRET_BYTES_RANDOM 24 /* written with 32 characters, the key's length */

/* ---- GET /api/webhooks ----------------------------------------------------------------------- */

struct webhook_fact {
    struct str name, title_zh, title_en;
};
static const struct field webhook_fact[] = {
    OUT(struct webhook_fact, name),
    OUT(struct webhook_fact, title_zh),
    OUT(struct webhook_fact, title_en),
};
struct webhook_list {
    struct list items, facts;
};
static const struct field webhook_item[] = {
    OUT(struct q_webhook_list_row, id),
    OUT(struct q_webhook_list_row, title),
    OUT(struct q_webhook_list_row, url),
    OUT(struct q_webhook_list_row, kinds, .max = KINDS_MAX,
        .about = "blank-separated kinds of events; *: all facts"),
    OUT(struct q_webhook_list_row, is_active),
    OUT(struct q_webhook_list_row, old_until_ms, .is_optional = true,
        .about = "until then the secret before this one signs too"),
    OUT(struct q_webhook_list_row, dead_count, .about = "messages it never took"),
    OUT(struct q_webhook_list_row, last_status, .is_optional = true, .one_of = STATUSES,
        .about = "of the newest message; none: there is none"),
    OUT(struct q_webhook_list_row, last_status_count, .is_optional = true,
        .about = "HTTP status of its last answer"),
    OUT(struct q_webhook_list_row, last_error_message, .is_optional = true, .max = 600),
    OUT(struct q_webhook_list_row, last_attempt_count, .is_optional = true),
    OUT(struct q_webhook_list_row, last_due_ms, .is_optional = true),
    OUT(struct q_webhook_list_row, last_ms, .is_optional = true),
    OUT(struct q_webhook_list_row, created_ms),
    OUT(struct q_webhook_list_row, changed_ms),
};
static const struct field webhook_list[] = {
    OUT(struct webhook_list, items,
        .of = SHAPE_OF("webhook", webhook_item, struct q_webhook_list_row)),
    OUT(struct webhook_list, facts, .of = SHAPE(webhook_fact), .about = "what can be told"),
};

static struct list facts_of(struct ctx *c)
{
    const struct event_kind *kinds = app_config(c->app)->kinds;
    struct webhook_fact *facts;
    int64_t count = 0;

    while (kinds[count].name)
        count++;
    facts = arena_new_array(c->arena, struct webhook_fact, (size_t)count + 1);
    count = 0;
    for (const struct event_kind *kind = kinds; kind->name; kind++)
        if (kind->class == EVENT_FACT)
            facts[count++] = (struct webhook_fact){str_of(kind->name), str_of(kind->title_zh),
                                                   str_of(kind->title_en)};
    return (struct list){facts, count};
}

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct webhook_list *out = out_;

    (void)in;
    out->facts = facts_of(c);
    return q_webhook_list(c, &out->items);
}

/* ---- POST /api/webhooks, /api/webhooks/{webhook_id}/edit, /rotate ---------------------------- */

struct webhook_add_in {
    struct str title, url, kinds;
};
struct webhook_add_out {
    int64_t id;
    struct str secret;
};
static const struct field webhook_add_in[] = {
    IN(struct webhook_add_in, title, .min = 1, .max = TITLE_MAX),
    IN(struct webhook_add_in, url, .min = 10, .max = URL_MAX,
       .about = "https://..., or http://..."),
    IN(struct webhook_add_in, kinds, .min = 1, .max = KINDS_MAX,
       .about = "blank-separated kinds of events; *: all facts"),
};
static const struct field webhook_add_out[] = {
    OUT(struct webhook_add_out, id),
    OUT(struct webhook_add_out, secret, .about = "signs what is sent; shown only now"),
};

/* Printable ASCII, nobody's name in it. Where it leads is looked at when it is called. */
static bool url_is_good(struct str url)
{
    struct str rest = str_starts(url, S("https://")) ? str_sub(url, 8, SIZE_MAX) : url;
    struct str host, path;

    if (str_starts(url, S("http://")))
        rest = str_sub(url, 7, SIZE_MAX);
    if (rest.len == url.len || rest.len == 0)
        return false;
    for (size_t i = 0; i < url.len; i++)
        if (url.at[i] <= ' ' || url.at[i] > '~' || url.at[i] == '\\')
            return false;
    str_cut(rest, '/', &host, &path);
    return host.len > 0 && str_find(host, S("@")) < 0;
}

static enum err kinds_check(struct ctx *c, struct str kinds)
{
    struct str rest = kinds, head;
    bool is_more;

    do {
        const struct event_kind *kind;
        is_more = str_cut(rest, ' ', &head, &rest);
        kind = event_kind_find(c->app, head);
        if (!str_is(head, "*") && (kind == NULL || kind->class != EVENT_FACT))
            return fail_at(c, "webhook.kind", S("kinds"), "no fact has the kind %.*s", STR(head));
    } while (is_more);
    return OK;
}

static enum err terms_check(struct ctx *c, struct str title, struct str url, struct str kinds)
{
    if (title.len == 0)
        return fail_at(c, "webhook.title", S("title"), "it needs a name");
    if (!url_is_good(url))
        return fail_at(c, "webhook.url", S("url"), "an address begins with https:// or http://");
    return kinds_check(c, kinds);
}

static enum err unknown(struct ctx *c)
{
    return fail(c, E_NOT_FOUND, "webhook.unknown", "there is no such webhook");
}

static struct str secret_new(struct ctx *c)
{
    struct str secret = token_new(c->arena, SECRET_BYTES_RANDOM);

    must(secret.len == KEY_BYTES);
    return secret;
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct webhook_add_in *in = in_;
    struct webhook_add_out *out = out_;
    struct q_webhook_add_in row = {.id = ctx_id(c),
                                   .title = str_trim(in->title),
                                   .url = str_trim(in->url),
                                   .kinds = str_trim(in->kinds)};
    int64_t changed_count;

    TRY(terms_check(c, row.title, row.url, row.kinds));
    out->id = row.id;
    out->secret = secret_new(c);
    row.secret_enc = ctx_seal(c, out->secret, "webhook", row.id);
    TRY(q_webhook_add(c, &row, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "webhook.too_many", "there are 20 already");
    audit_about(c, "webhook", row.id);
    return webhook_follow(c, row.id, c->now_ms);
}

struct webhook_edit_in {
    int64_t webhook_id;
    struct str title, url, kinds;
};
static const struct field webhook_edit_in[] = {
    IN(struct webhook_edit_in, webhook_id),
    IN(struct webhook_edit_in, title, .min = 1, .max = TITLE_MAX),
    IN(struct webhook_edit_in, url, .min = 10, .max = URL_MAX,
       .about = "what waits goes there too"),
    IN(struct webhook_edit_in, kinds, .min = 1, .max = KINDS_MAX),
};

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct webhook_edit_in *in = in_;
    struct q_webhook_edit_in row = {.title = str_trim(in->title),
                                    .url = str_trim(in->url),
                                    .kinds = str_trim(in->kinds),
                                    .webhook_id = in->webhook_id};
    int64_t changed_count;

    (void)out;
    TRY(terms_check(c, row.title, row.url, row.kinds));
    TRY(q_webhook_edit(c, &row, &changed_count));
    return changed_count == 0 ? unknown(c) : OK;
}

struct webhook_rotate_in {
    int64_t webhook_id, overlap_days;
};
static const struct field webhook_rotate_in[] = {
    IN(struct webhook_rotate_in, webhook_id),
    IN(struct webhook_rotate_in, overlap_days, .max = OVERLAP_DAYS_MAX,
       .about = "so long both secrets sign; 0: the old one ends now"),
};
struct webhook_rotate_out {
    struct str secret;
};
static const struct field webhook_rotate_out[] = {
    OUT(struct webhook_rotate_out, secret, .about = "shown only now"),
};

static enum err rotate_run(struct ctx *c, const void *in_, void *out_)
{
    const struct webhook_rotate_in *in = in_;
    struct webhook_rotate_out *out = out_;
    int64_t changed_count;

    out->secret = secret_new(c);
    TRY(q_webhook_rotate(c, c->now_ms + in->overlap_days * DAY_MS,
                         ctx_seal(c, out->secret, "webhook", in->webhook_id), in->webhook_id,
                         &changed_count));
    return changed_count == 0 ? unknown(c) : OK;
}

/* ---- POST /api/webhooks/{webhook_id}/pause, /resume, /remove --------------------------------- */

struct webhook_one_in {
    int64_t webhook_id;
};
static const struct field webhook_one_in[] = {IN(struct webhook_one_in, webhook_id)};

static enum err queue_drop(struct ctx *c, int64_t webhook_id)
{
    int64_t dropped_count;

    TRY(timer_cancel(c, webhook_timer.name, webhook_id, NULL));
    return outbox_drop(c, webhook_destination(c, webhook_id), &dropped_count);
}

static enum err pause_run(struct ctx *c, const void *in_, void *out)
{
    const struct webhook_one_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(q_webhook_switch(c, false, NONE, in->webhook_id, &changed_count));
    return changed_count == 0 ? unknown(c) : queue_drop(c, in->webhook_id);
}

static enum err resume_run(struct ctx *c, const void *in_, void *out)
{
    const struct webhook_one_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(q_webhook_switch(c, true, ctx_id(c), in->webhook_id, &changed_count));
    return changed_count == 0 ? unknown(c) : webhook_follow(c, in->webhook_id, c->now_ms);
}

static enum err remove_run(struct ctx *c, const void *in_, void *out)
{
    const struct webhook_one_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(q_webhook_remove(c, in->webhook_id, &changed_count));
    return changed_count == 0 ? unknown(c) : queue_drop(c, in->webhook_id);
}

/* ---- POST .../test, GET .../deliveries, POST .../retry --------------------------------------- */

static enum err hook_find(struct ctx *c, int64_t webhook_id, struct q_webhook_get_row *row)
{
    enum err err = q_webhook_get(c, webhook_id, row);

    return err == E_NOT_FOUND ? unknown(c) : err;
}

struct webhook_test_out {
    int64_t key_id;
};
static const struct field webhook_test_out[] = {
    OUT(struct webhook_test_out, key_id, .about = "the delivery with the answer has it"),
};

static enum err test_run(struct ctx *c, const void *in_, void *out_)
{
    const struct webhook_one_in *in = in_;
    struct webhook_test_out *out = out_;
    struct q_webhook_get_row row = {0};
    struct outbox_new message;

    TRY(hook_find(c, in->webhook_id, &row));
    message = webhook_message(
        c, in->webhook_id, NONE,
        str_fmt(c->arena, WEBHOOK_TRIAL ",\"occurred_ms\":%" PRId64 "}", c->now_ms));
    out->key_id = message.key_id;
    return outbox_add(c, &message, 1);
}

struct webhook_delivery {
    int64_t id, key_id;
    struct str status;
    int64_t due_ms, attempt_count, status_count;
    struct str error_message;
    int64_t created_ms, changed_ms;
    struct str body;
};
static const struct field webhook_delivery[] = {
    OUT(struct webhook_delivery, id),
    OUT(struct webhook_delivery, key_id, .about = "Idempotency-Key"),
    OUT(struct webhook_delivery, status, .one_of = STATUSES),
    OUT(struct webhook_delivery, due_ms),
    OUT(struct webhook_delivery, attempt_count),
    OUT(struct webhook_delivery, status_count, .is_optional = true,
        .about = "HTTP status of the last answer"),
    OUT(struct webhook_delivery, error_message, .is_optional = true, .max = 600),
    OUT(struct webhook_delivery, created_ms),
    OUT(struct webhook_delivery, changed_ms),
    OUT(struct webhook_delivery, body, .is_optional = true, .max = 65536,
        .about = "as it is sent; it names nobody"),
};
struct delivery_list_in {
    int64_t webhook_id;
    bool is_dead;
    struct str cursor;
    int64_t limit_count;
};
static const struct field delivery_list_in[] = {
    IN(struct delivery_list_in, webhook_id),
    IN(struct delivery_list_in, is_dead, .is_optional = true, .about = "only what it never took"),
    IN(struct delivery_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct delivery_list_in, limit_count, LIST_MAX),
};
struct delivery_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field delivery_list_out[] = {
    OUT(struct delivery_list_out, items, .of = SHAPE(webhook_delivery), .max = LIST_MAX),
    OUT(struct delivery_list_out, next_cursor, .is_optional = true),
};

_Static_assert(sizeof(struct q_webhook_deliveries_row) == sizeof(struct q_webhook_dead_row),
               "the same columns");

static enum err delivery_of(struct ctx *c, const struct q_webhook_deliveries_row *row,
                            struct webhook_delivery *out)
{
    *out = (struct webhook_delivery){.id = row->id,
                                     .key_id = row->key_id,
                                     .status = row->status,
                                     .due_ms = row->due_ms,
                                     .attempt_count = row->attempt_count,
                                     .status_count = row->status_count,
                                     .error_message = row->error_message,
                                     .created_ms = row->created_ms,
                                     .changed_ms = row->changed_ms};
    return row->body_enc.at ? ctx_unseal(c, row->body_enc, "outbox", row->id, &out->body) : OK;
}

static enum err deliveries_run(struct ctx *c, const void *in_, void *out_)
{
    const struct delivery_list_in *in = in_;
    struct delivery_list_out *out = out_;
    int64_t limit_count = in->limit_count == NONE ? LIST_USUAL : in->limit_count, count;
    struct str destination = webhook_destination(c, in->webhook_id);
    struct q_webhook_get_row hook = {0};
    struct webhook_delivery *items;
    struct cursor cursor;
    struct list list;

    TRY(hook_find(c, in->webhook_id, &hook));
    TRY(cursor_read(c, in->cursor, &cursor));
    TRY(in->is_dead ? q_webhook_dead(c, destination, cursor.id, limit_count + 1, &list)
                    : q_webhook_deliveries(c, destination, cursor.id, limit_count + 1, &list));
    count = list.count <= limit_count ? list.count : limit_count;
    items = arena_new_array(c->arena, struct webhook_delivery, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++)
        TRY(delivery_of(c, (const struct q_webhook_deliveries_row *)list.at + i, &items[i]));
    out->items = (struct list){items, count};
    if (list.count > count)
        out->next_cursor = cursor_write(c, (struct cursor){0, items[count - 1].id});
    return OK;
}

struct webhook_retry_out {
    int64_t retried_count;
};
static const struct field webhook_retry_out[] = {
    OUT(struct webhook_retry_out, retried_count, .about = "at most 1,000 at once, oldest first"),
};

static enum err retry_run(struct ctx *c, const void *in_, void *out_)
{
    const struct webhook_one_in *in = in_;
    struct webhook_retry_out *out = out_;
    struct q_webhook_get_row row = {0};

    TRY(hook_find(c, in->webhook_id, &row));
    if (!row.is_active)
        return fail(c, E_CONFLICT, "webhook.paused", "it is paused: resume it first");
    TRY(q_webhook_revive(c, webhook_destination(c, in->webhook_id), &out->retried_count));
    c->wakes |= WAKE_OUTBOX;
    c->topics |= LIVE_MESSAGES;
    return OK;
}

const struct route webhook_routes[] = {
    {HTTP_GET, "/api/webhooks", "webhook.write", NULL, SHAPE(webhook_list), list_run,
     .needs_all = true, .about = "Addresses that are told what happens"},
    {HTTP_POST, "/api/webhooks", "webhook.write", SHAPE(webhook_add_in), SHAPE(webhook_add_out),
     add_run, .needs_all = true, .repeat = REPEAT_KEY_IGNORED,
     .about = "A new webhook; its secret is shown once"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/edit", "webhook.write", SHAPE(webhook_edit_in), NULL,
     edit_run, .needs_all = true, .about = "Another name, address or choice of facts"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/rotate", "webhook.write", SHAPE(webhook_rotate_in),
     SHAPE(webhook_rotate_out), rotate_run, .needs_all = true, .repeat = REPEAT_KEY_IGNORED,
     .about = "A new secret, shown once; the old one signs beside it for a while"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/pause", "webhook.write", SHAPE(webhook_one_in), NULL,
     pause_run, .needs_all = true, .about = "It is told nothing; what waits is given up"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/resume", "webhook.write", SHAPE(webhook_one_in), NULL,
     resume_run, .needs_all = true, .about = "It is told what happens from now on"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/test", "webhook.write", SHAPE(webhook_one_in),
     SHAPE(webhook_test_out), test_run, .needs_all = true,
     .about = "A message of the kind test is sent to it, once"},
    {HTTP_GET, "/api/webhooks/{webhook_id}/deliveries", "webhook.write", SHAPE(delivery_list_in),
     SHAPE(delivery_list_out), deliveries_run, .needs_all = true,
     .about = "What was sent to it and how it answered, newest first"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/retry", "webhook.write", SHAPE(webhook_one_in),
     SHAPE(webhook_retry_out), retry_run, .needs_all = true,
     .about = "All it never took is due again, with all attempts"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/remove", "webhook.write", SHAPE(webhook_one_in), NULL,
     remove_run, .needs_all = true, .about = "It is gone, with what waits for it"},
    {.path = NULL},
};
