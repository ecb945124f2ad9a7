/* Kept answers: the same key from the same person on the same route with the same body gets the
 * first answer again. Two tables in turn, a day each, so that forgetting is emptying a whole one.
 */
#include "gen/kit.q.h"
#include "kit/kit_private.h"

#define REPLY_KEY_MAX 200

static struct str hash_view(const uint8_t hash[HASH_BYTES])
{
    return (struct str){(const char *)hash, HASH_BYTES};
}

/* Query and body: what is asked of the route. The body may hold any byte. */
static struct str asked(struct call *call)
{
    size_t len = call->query.len + 1 + call->body.len;
    char *text;

    if (call->query.len == 0)
        return call->body;
    text = arena_alloc(call->arena, len);
    memcpy(text, call->query.at, call->query.len);
    text[call->query.len] = '\n';
    if (call->body.len > 0)
        memcpy(text + call->query.len + 1, call->body.at, call->body.len);
    return (struct str){text, len};
}

static void hashes_make(struct call *call)
{
    struct str who = str_fmt(call->arena, "%" PRId64 "\n%" PRId64 "\n%d %s\n%.*s\n%.*s",
                             call->who.staff_id, call->who.api_key_id, call->who.is_local,
                             call->route->path, STR(call->path), STR(call->repeat_key));

    hash_sha256(who, call->key_hash);
    hash_sha256(asked(call), call->body_hash);
}

struct kept {
    struct str body_hash, body;
    int64_t status_count;
};

static enum err kept_get(struct call *call, bool is_b, struct kept *out)
{
    struct q_reply_a_get_row a;
    struct q_reply_b_get_row b;

    if (is_b) {
        TRY(q_reply_b_get(&call->ctx, hash_view(call->key_hash), &b));
        *out = (struct kept){b.body_hash, b.body, b.status_count};
        return OK;
    }
    TRY(q_reply_a_get(&call->ctx, hash_view(call->key_hash), &a));
    *out = (struct kept){a.body_hash, a.body, a.status_count};
    return OK;
}

enum err reply_find(struct call *call, bool *is_found)
{
    struct kept kept;
    enum err err;

    *is_found = false;
    if (call->repeat_key.len > REPLY_KEY_MAX)
        return fail(&call->ctx, E_INPUT, "repeat.key", "Idempotency-Key has over %d bytes",
                    REPLY_KEY_MAX);
    hashes_make(call);
    err = kept_get(call, call->app->is_reply_b, &kept);
    if (err == E_NOT_FOUND)
        err = kept_get(call, !call->app->is_reply_b, &kept);
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    if (!str_eq(kept.body_hash, hash_view(call->body_hash)))
        return fail(&call->ctx, E_MISMATCH, "repeat.mismatch",
                    "this Idempotency-Key was used with another body");
    *is_found = true;
    call->is_kept = true;
    call->status = (int)kept.status_count;
    call->type = "application/json";
    call->reply = kept.body;
    return OK;
}

enum err reply_keep(struct call *call)
{
    struct q_reply_a_add_in a = {.key_hash = hash_view(call->key_hash),
                                 .body_hash = hash_view(call->body_hash),
                                 .status_count = call->status,
                                 .body = call->reply};
    struct q_reply_b_add_in b = {a.key_hash, a.body_hash, a.status_count, a.body};

    return call->app->is_reply_b ? q_reply_b_add(&call->ctx, &b) : q_reply_a_add(&call->ctx, &a);
}

/* Once a day the older table is emptied and becomes the one that is written (by the writer, once
 * that is committed). */
enum err reply_turn(struct ctx *c)
{
    struct app *app = c->app;

    if (app->reply_turn_ms != 0 && c->now_ms - app->reply_turn_ms < DAY_MS)
        return OK;
    TRY(app->is_reply_b ? q_reply_a_clear(c) : q_reply_b_clear(c));
    TRY(q_meta_set(c, S("reply_table"), app->is_reply_b ? S("a") : S("b")));
    TRY(q_meta_set(c, S("reply_turn_ms"), str_fmt(c->arena, "%" PRId64, c->now_ms)));
    app->is_turn_due = true;
    return OK;
}
