/* Telling facts: a timer a webhook follows the journal by its ids, which rise in the order of
 * commits, and writes a page of messages and its place in one transaction. So an event costs
 * nothing extra when it happens, none is told twice to the outbox, and none is left out. */
#include "link/webhook/webhook_private.h"

#include "gen/webhook.q.h"
#include "kit/app.h"

#define PAGE_MAX 200
#define LOOK_MS 2000 /* how late a webhook may hear of what happened */
#define PER_SECOND 100
#define BODY_MAX ((size_t)64 * 1024)

struct str webhook_destination(struct ctx *c, int64_t webhook_id)
{
    return str_fmt(c->arena, "webhook:%" PRId64, webhook_id);
}

struct outbox_new webhook_message(struct ctx *c, int64_t webhook_id, int64_t customer_id,
                                  struct str body)
{
    return (struct outbox_new){.kind = webhook_kind.name,
                               .key_id = ctx_id(c),
                               .order_id = customer_id,
                               .customer_id = customer_id,
                               .destination = webhook_destination(c, webhook_id),
                               .body = body,
                               .due_ms = NONE};
}

enum err webhook_follow(struct ctx *c, int64_t webhook_id, int64_t due_ms)
{
    struct timer_new timer = {.kind = webhook_timer.name, .key_id = webhook_id, .due_ms = due_ms};

    return timer_set(c, &timer, 1);
}

/* ---- following the journal ------------------------------------------------------------------- */

static bool is_wanted(const struct ctx *c, struct str kinds, struct str kind)
{
    const struct event_kind *known = event_kind_find(c->app, kind);
    struct str head;
    bool is_more;

    if (known == NULL || known->class != EVENT_FACT)
        return false;
    do {
        is_more = str_cut(kinds, ' ', &head, &kinds);
        if (str_is(head, "*") || str_eq(head, kind))
            return true;
    } while (is_more);
    return false;
}

static void id_write(struct json_out *json, const char *name, int64_t id)
{
    if (id == NONE)
        return;
    json_name(json, name);
    json_id(json, id);
}

static void number_write(struct json_out *json, const char *name, int64_t number)
{
    if (number == NONE)
        return;
    json_name(json, name);
    json_int(json, number);
}

static struct str body_of(struct ctx *c, const struct q_webhook_events_row *row)
{
    struct json_out json;
    struct str body;
    struct buf buf;

    buf_init(&buf, BODY_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    id_write(&json, "id", row->id);
    json_name(&json, "kind");
    json_str(&json, row->kind);
    number_write(&json, "occurred_ms", row->occurred_ms);
    id_write(&json, "customer_id", row->customer_id);
    id_write(&json, "channel_id", row->channel_id);
    id_write(&json, "subject_id", row->subject_id);
    number_write(&json, "amount_fen", row->amount_fen);
    if (row->properties.at) {
        json_name(&json, "properties");
        json_raw(&json, row->properties);
    }
    json_object_end(&json);
    body = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return body;
}

static enum err page_tell(struct ctx *c, int64_t webhook_id, struct str kinds,
                          const struct list *page)
{
    const struct q_webhook_events_row *rows = page->at;
    struct outbox_new *messages =
        arena_new_array(c->arena, struct outbox_new, (size_t)page->count + 1);
    int64_t count = 0, changed_count;

    for (int64_t i = 0; i < page->count; i++)
        if (is_wanted(c, kinds, rows[i].kind))
            messages[count++] =
                webhook_message(c, webhook_id, rows[i].customer_id, body_of(c, &rows[i]));
    if (count > 0)
        TRY(outbox_add(c, messages, count));
    return page->count > 0 ? q_webhook_told(c, rows[page->count - 1].id, webhook_id, &changed_count)
                           : OK;
}

static enum err follow_run(struct ctx *c, const struct timer *timer)
{
    struct q_webhook_get_row row;
    struct list page;
    enum err err = q_webhook_get(c, timer->key_id, &row);

    if (err == E_NOT_FOUND || (err == OK && !row.is_active))
        return OK; /* and the timer ends */
    TRY(err);
    TRY(q_webhook_events(c, row.journal_id, PAGE_MAX, &page));
    TRY(page_tell(c, timer->key_id, row.kinds, &page));
    return webhook_follow(c, timer->key_id, c->now_ms + (page.count < PAGE_MAX ? LOOK_MS : 0));
}

const struct timer_kind webhook_timer = {
    .name = "webhook_follow",
    .title_zh = "事件推送",
    .title_en = "Webhook",
    .run = follow_run,
};

/* ---- sending --------------------------------------------------------------------------------- */

/* ",sha256=..." in hex, by a secret as it was shown. */
static enum err signature_add(struct ctx *c, struct buf *buf, int64_t webhook_id,
                              struct str secret_enc, struct str text)
{
    uint8_t hash[HASH_BYTES];
    struct str secret;

    TRY(ctx_unseal(c, secret_enc, "webhook", webhook_id, &secret));
    if (secret.len != KEY_BYTES)
        return E_CORRUPT;
    hash_keyed((const uint8_t *)secret.at, text, hash);
    buf_fmt(buf, "%ssha256=%.*s", buf->len ? "," : "",
            STR(str_hex(c->arena, (struct str){(const char *)hash, HASH_BYTES})));
    return OK;
}

/* By the old secret too, as long as the receiver may not know the new one. */
static enum err signatures_of(struct ctx *c, int64_t webhook_id,
                              const struct q_webhook_get_row *row, struct str body, struct str *out)
{
    struct str text = str_fmt(c->arena, "%" PRId64 ".%.*s", c->now_ms, STR(body));
    struct buf buf;
    enum err err;

    buf_init(&buf, 1024);
    err = signature_add(c, &buf, webhook_id, row->secret_enc, text);
    if (err == OK && row->old_until_ms != NONE && row->old_until_ms > c->now_ms)
        err = signature_add(c, &buf, webhook_id, row->old_secret_enc, text);
    *out = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return err;
}

static enum err hook_request(struct ctx *c, const struct outbox_message *message,
                             struct outbox_request *out)
{
    struct q_webhook_get_row row;
    struct str head, number, signatures;
    int64_t webhook_id = NONE;
    enum err err;

    str_cut(message->destination, ':', &head, &number);
    must(str_to_int(number, &webhook_id));
    err = q_webhook_get(c, webhook_id, &row);
    if (err == E_NOT_FOUND)
        return fail(c, err, "webhook.unknown", "this webhook has been removed");
    TRY(err);
    TRY(signatures_of(c, webhook_id, &row, message->body, &signatures));
    *out = (struct outbox_request){.url = row.url,
                                   .body = message->body,
                                   .is_public_only = !app_config(c->app)->may_call_inside};
    out->headers[out->header_count++] = S("Content-Type: application/json");
    out->headers[out->header_count++] =
        str_fmt(c->arena, "Idempotency-Key: %" PRId64, message->key_id);
    out->headers[out->header_count++] =
        str_fmt(c->arena, "X-Papilio-Timestamp: %" PRId64, c->now_ms);
    out->headers[out->header_count++] =
        str_fmt(c->arena, "X-Papilio-Signature: %.*s", STR(signatures));
    return OK;
}

/* A trial is made once: somebody waits for its answer, and makes another. */
static enum err hook_answered(struct ctx *c, const struct outbox_message *message,
                              const struct outbox_answer *answer, enum outbox_verdict *verdict)
{
    (void)c;
    (void)answer;
    if (*verdict != OUTBOX_DONE && str_starts(message->body, S(WEBHOOK_TRIAL)))
        *verdict = OUTBOX_OVER;
    return OK;
}

const struct outbox_kind webhook_kind = {
    .name = "webhook",
    .title_zh = "事件推送",
    .title_en = "Webhook",
    .per_second_count = PER_SECOND,
    .keeps_answer = true,
    .request = hook_request,
    .answered = hook_answered,
};
