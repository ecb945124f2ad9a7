/* The inbox: stored under the hash of the sender's own key, worked on by a thread behind. Always: a
 * message's effects and its end are one commit; a page whose handler fails is undone as a whole and
 * worked on one message at a time, so that only the failing one waits; its body goes with its end.
 */
#include "kit/inbox.h"

#include "gen/inbox.q.h"
#include "kit/inbox_private.h"
#include "kit/kit_private.h"
#include "kit/timer_private.h"

#define PAGE_MAX 64
#define ATTEMPT_MAX 12
#define KEEP_MS (INT64_C(7) * 24 * 3600 * 1000)

const struct inbox_kind *inbox_kind_find(const struct app *app, struct str name)
{
    for (const struct inbox_kind *const *kind = app->config.inbox_kinds; kind && *kind; kind++)
        if (str_is(name, (*kind)->name))
            return *kind;
    return NULL;
}

enum err inbox_put(struct ctx *c, const struct inbox_message *message, bool *is_new)
{
    struct q_inbox_put_in row = {
        .id = ctx_id(c), .source = str_of(message->source), .kind = str_of(message->kind)};
    uint8_t *hash = arena_alloc(c->arena, HASH_BYTES);
    int64_t changed_count;

    must(inbox_kind_find(c->app, row.kind) != NULL);
    hash_sha256(message->key, hash);
    row.message_hash = (struct str){(char *)hash, HASH_BYTES};
    row.body_enc = ctx_seal(c, message->body.at ? message->body : S(""), "inbox", row.id);
    TRY(q_inbox_put(c, &row, &changed_count));
    *is_new = changed_count > 0;
    c->wakes |= WAKE_INBOX;
    return OK;
}

/* ---- working it off -------------------------------------------------------------------------- */

struct page {
    const struct q_inbox_due_row *rows;
    int64_t count;
    int64_t next_ms;
    struct fault fault; /* of the one that is to be put off */
};

static enum err page_read(struct ctx *c, void *user)
{
    struct page *page = user;
    struct q_inbox_next_row next;
    struct list rows;
    enum err err;

    c->now_ms = worker_now_ms(c->app);
    TRY(q_inbox_due(c, PAGE_MAX, &rows));
    page->rows = rows.at;
    page->count = rows.count;
    if (rows.count > 0)
        return OK;
    err = q_inbox_next(c, &next);
    page->next_ms = err == OK ? next.due_ms : NONE;
    return err == E_NOT_FOUND ? OK : err;
}

static enum err message_handle(struct ctx *c, const struct q_inbox_due_row *row)
{
    const struct inbox_kind *kind = inbox_kind_find(c->app, row->kind);
    struct str body;

    if (kind == NULL)
        return fail(c, E_INTERNAL, "inbox.kind", "no kind %.*s", STR(row->kind));
    TRY(ctx_unseal(c, row->body_enc, "inbox", row->id, &body));
    return kind->handle(c, row->id, body);
}

/* The end first: who does not get it does not handle it either. */
static enum err page_handle(struct ctx *c, void *user)
{
    const struct page *page = user;
    struct q_inbox_done_in *ends =
        arena_new_array(c->arena, struct q_inbox_done_in, (size_t)page->count);
    int64_t *changed = arena_new_array(c->arena, int64_t, (size_t)page->count);

    for (int64_t i = 0; i < page->count; i++)
        ends[i].id = page->rows[i].id;
    TRY(q_inbox_done(c, ends, page->count, changed));
    for (int64_t i = 0; i < page->count; i++)
        if (changed[i] > 0)
            TRY(message_handle(c, &page->rows[i]));
    return OK;
}

static enum err put_off(struct ctx *c, void *user)
{
    const struct page *page = user;
    const struct q_inbox_due_row *row = page->rows;
    const struct inbox_kind *kind = inbox_kind_find(c->app, row->kind);
    int64_t attempt_max = kind && kind->attempt_max ? kind->attempt_max : ATTEMPT_MAX;
    bool is_dead = kind == NULL || row->attempt_count + 1 >= attempt_max;
    struct q_inbox_failed_in in = {
        .status = is_dead ? S("dead") : S("new"),
        .attempt_count = row->attempt_count + 1,
        .due_ms = c->now_ms + timer_backoff_ms(row->attempt_count, row->id),
        .error_message = str_fmt(c->arena, "%s: %.*s", page->fault.code, STR(page->fault.message)),
        .inbox_id = row->id,
    };
    int64_t changed_count;

    c->topics |= LIVE_MESSAGES;
    return q_inbox_failed(c, &in, &changed_count);
}

static enum err one_by_one(struct app *app, struct arena *arena, const struct page *page)
{
    for (int64_t i = 0; i < page->count; i++) {
        struct page one = {.rows = page->rows + i, .count = 1};

        if (app_write(app, arena, page_handle, &one, &one.fault) == OK)
            continue;
        app_log(app, "warn", "inbox", "%" PRId64 " %.*s: %s: %.*s", one.rows->id,
                STR(one.rows->kind), one.fault.code, STR(one.fault.message));
        TRY(app_write(app, arena, put_off, &one, NULL));
    }
    return OK;
}

enum err inbox_page(struct app *app, struct arena *arena, int64_t *next_ms)
{
    struct page page = {.next_ms = NONE};

    TRY(app_read(app, arena, page_read, &page, NULL));
    *next_ms = page.count > 0 ? 0 : page.next_ms;
    if (page.count == 0 || app_write(app, arena, page_handle, &page, NULL) == OK)
        return OK;
    return one_by_one(app, arena, &page);
}

void inbox_await(struct app *app)
{
    worker_await(app->inbox);
}

enum err inbox_forget(struct ctx *c)
{
    int64_t changed_count;

    return q_inbox_forget(c, ctx_id_at(c->now_ms - KEEP_MS), &changed_count);
}
