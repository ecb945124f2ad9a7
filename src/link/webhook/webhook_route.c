/* Webhooks as an administrator keeps them. Always: the secret is shown once, when it is made; what
 * waits for a webhook that is paused or removed is given up. */
#include "gen/webhook.q.h"
#include "kit/app.h"
#include "kit/audit.h"
#include "link/webhook/webhook_private.h"

#define TITLE_MAX 60
#define URL_MAX 500
#define KINDS_MAX 2000
#define SECRET_BYTES_RANDOM 24 /* written with 32 characters, the key's length */

/* ---- GET /api/webhooks ----------------------------------------------------------------------- */

struct webhook_list {
    struct list items;
};
static const struct field webhook_item[] = {
    OUT(struct q_webhook_list_row, id),
    OUT(struct q_webhook_list_row, title),
    OUT(struct q_webhook_list_row, url),
    OUT(struct q_webhook_list_row, kinds, .about = "blank-separated kinds of events; *: all facts"),
    OUT(struct q_webhook_list_row, is_active),
    OUT(struct q_webhook_list_row, created_ms),
    OUT(struct q_webhook_list_row, changed_ms),
};
static const struct field webhook_list[] = {
    OUT(struct webhook_list, items,
        .of = SHAPE_OF("webhook", webhook_item, struct q_webhook_list_row)),
};

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct webhook_list *out = out_;

    (void)in;
    return q_webhook_list(c, &out->items);
}

/* ---- POST /api/webhooks ---------------------------------------------------------------------- */

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

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct webhook_add_in *in = in_;
    struct webhook_add_out *out = out_;
    struct q_webhook_add_in row = {.id = ctx_id(c),
                                   .title = str_trim(in->title),
                                   .url = str_trim(in->url),
                                   .kinds = str_trim(in->kinds)};
    int64_t changed_count;

    if (!url_is_good(row.url))
        return fail_at(c, "webhook.url", S("url"), "an address begins with https:// or http://");
    TRY(kinds_check(c, row.kinds));
    out->id = row.id;
    out->secret = token_new(c->arena, SECRET_BYTES_RANDOM);
    must(out->secret.len == KEY_BYTES);
    row.secret_enc = ctx_seal(c, out->secret, "webhook", row.id);
    TRY(q_webhook_add(c, &row, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "webhook.too_many", "there are 20 already");
    audit_about(c, "webhook", row.id);
    return webhook_follow(c, row.id, c->now_ms);
}

/* ---- POST /api/webhooks/{webhook_id}/pause, /resume, /remove, /test -------------------------- */

struct webhook_one_in {
    int64_t webhook_id;
};
static const struct field webhook_one_in[] = {IN(struct webhook_one_in, webhook_id)};

static enum err unknown(struct ctx *c)
{
    return fail(c, E_NOT_FOUND, "webhook.unknown", "there is no such webhook");
}

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

static enum err test_run(struct ctx *c, const void *in_, void *out)
{
    const struct webhook_one_in *in = in_;
    struct q_webhook_get_row row;
    struct outbox_new message;
    enum err err = q_webhook_get(c, in->webhook_id, &row);

    (void)out;
    if (err == E_NOT_FOUND)
        return unknown(c);
    TRY(err);
    message = webhook_message(
        c, in->webhook_id, NONE,
        str_fmt(c->arena, "{\"kind\":\"test\",\"occurred_ms\":%" PRId64 "}", c->now_ms));
    return outbox_add(c, &message, 1);
}

const struct route webhook_routes[] = {
    {HTTP_GET, "/api/webhooks", "webhook.write", NULL, SHAPE(webhook_list), list_run,
     .needs_all = true, .about = "Addresses that are told what happens"},
    {HTTP_POST, "/api/webhooks", "webhook.write", SHAPE(webhook_add_in), SHAPE(webhook_add_out),
     add_run, .needs_all = true, .repeat = REPEAT_KEY_IGNORED,
     .about = "A new webhook; its secret is shown once"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/pause", "webhook.write", SHAPE(webhook_one_in), NULL,
     pause_run, .needs_all = true, .about = "It is told nothing; what waits is given up"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/resume", "webhook.write", SHAPE(webhook_one_in), NULL,
     resume_run, .needs_all = true, .about = "It is told what happens from now on"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/test", "webhook.write", SHAPE(webhook_one_in), NULL,
     test_run, .needs_all = true, .about = "A message of the kind test is sent to it"},
    {HTTP_POST, "/api/webhooks/{webhook_id}/remove", "webhook.write", SHAPE(webhook_one_in), NULL,
     remove_run, .needs_all = true, .about = "It is gone, with what waits for it"},
    {.path = NULL},
};
