/* The request's own services: faults, statements against the budget, ids, sealed data. */
#include "kit/ctx.h"

#include "host/clock.h"
#include "kit/key.h"
#include "kit/kit_private.h"

enum err fail(struct ctx *c, enum err err, const char *code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    c->fault.err = err;
    c->fault.code = code;
    c->fault.message = str_vfmt(c->arena, fmt, args);
    c->fault.path = (struct str){0};
    c->fault.wait_ms = 0;
    va_end(args);
    return err;
}

enum err fail_at(struct ctx *c, const char *code, struct str path, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    c->fault.err = E_INPUT;
    c->fault.code = code;
    c->fault.message = str_vfmt(c->arena, fmt, args);
    c->fault.path = path;
    va_end(args);
    return E_INPUT;
}

void ctx_at_end(struct ctx *c, struct ctx_end *end)
{
    end->next = c->ends;
    c->ends = end;
}

void ctx_end(struct ctx *c)
{
    while (c->ends) {
        struct ctx_end *end = c->ends;

        c->ends = end->next;
        if (end->run)
            end->run(end->user);
    }
}

struct held_buf {
    struct ctx_end end;
    struct buf buf;
};

static void held_buf_release(void *user)
{
    buf_release(user);
}

struct buf *ctx_buf(struct ctx *c, size_t max_bytes)
{
    struct held_buf *held = arena_new_one(c->arena, struct held_buf);

    buf_init(&held->buf, max_bytes);
    held->end = (struct ctx_end){.run = held_buf_release, .user = &held->buf};
    ctx_at_end(c, &held->end);
    return &held->buf;
}

enum err ctx_statement(struct ctx *c, int query)
{
    c->statement_count++;
    if (c->statement_max == 0 || c->statement_count <= c->statement_max)
        return OK;
    atomic_fetch_add(&c->app->metrics.budget_count, 1);
    return fail(c, E_INTERNAL, "internal.budget", "more than %d statements, at %s",
                c->statement_max, db_queries[query].name);
}

enum err ctx_db_failed(struct ctx *c, enum err err, const char *query)
{
    if (err == E_CONFLICT)
        return fail(c, err, "conflict", "%s: %s", query, db_error(c->db));
    if (err == E_BUSY && db_is_lost(c->db))
        return fail(c, err, "database.lost", "the connection to the database is gone; try again");
    if (err == E_BUSY)
        return fail(c, err, "busy", "the database is busy; try again");
    return fail(c, err, err == E_IO ? "disk" : "internal.database", "%s: %s", query,
                db_error(c->db));
}

int64_t ctx_id(struct ctx *c)
{
    int64_t clock = (clock_now_ms() - ID_EPOCH_MS) << 14;
    int64_t state = atomic_load(&c->app->id_state);
    int64_t next;

    do
        next = clock > state ? clock : state + 1;
    while (!atomic_compare_exchange_weak(&c->app->id_state, &state, next));
    return ((next >> 14) << 22) | (c->app->node_id << 14) | (next & 0x3fff);
}

int64_t ctx_id_at(int64_t ms)
{
    return ms > ID_EPOCH_MS ? (ms - ID_EPOCH_MS) << 22 : 0;
}

int64_t ctx_id_ms(int64_t id)
{
    return (id >> 22) + ID_EPOCH_MS;
}

const struct zone *ctx_zone(struct ctx *c)
{
    return atomic_load(&c->app->zone);
}

/* "customer:77". By hand: a request unseals many texts, and printf costs as much as the cipher. */
static struct str bound_to(struct ctx *c, const char *noun, int64_t id)
{
    size_t len = strlen(noun), at = len + 21;
    char *text = arena_alloc(c->arena, at);
    uint64_t rest = id < 0 ? -(uint64_t)id : (uint64_t)id;

    do
        text[--at] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (id < 0)
        text[--at] = '-';
    text[--at] = ':';
    memmove(text + len, text + at, len + 21 - at);
    memcpy(text, noun, len);
    return (struct str){text, len + len + 21 - at};
}

struct str ctx_seal(struct ctx *c, struct str text, const char *noun, int64_t id)
{
    const struct key *key = &atomic_load(&c->app->keys)->keys[KEY_SEAL][0];

    if (text.at == NULL)
        return text;
    return seal(c->arena, key->bytes, (uint8_t)key->number, text, bound_to(c, noun, id));
}

/* The key whose number the sealed text carries; the one in use where there is none. */
static const uint8_t *key_of(const struct key_ring *ring, struct str sealed)
{
    int at = 0;

    while (sealed.len > 0 && at < ring->count[KEY_SEAL] &&
           ring->keys[KEY_SEAL][at].number != (uint8_t)sealed.at[0])
        at++;
    return ring->keys[KEY_SEAL][at < ring->count[KEY_SEAL] ? at : 0].bytes;
}

enum err ctx_unseal(struct ctx *c, struct str sealed, const char *noun, int64_t id, struct str *out)
{
    enum err err;

    *out = (struct str){0};
    if (sealed.at == NULL)
        return OK;
    err = unseal(c->arena, key_of(atomic_load(&c->app->keys), sealed), sealed,
                 bound_to(c, noun, id), out);
    if (err != OK)
        return fail(c, err, "internal.sealed", "%s %" PRId64 " cannot be unsealed with this key",
                    noun, id);
    return OK;
}

struct str ctx_hash_by(struct ctx *c, const uint8_t key[KEY_BYTES], const char *kind,
                       struct str text)
{
    size_t len = strlen(kind);
    char *bound = arena_alloc(c->arena, len + 1 + text.len);
    uint8_t *hash = arena_alloc(c->arena, HASH_BYTES);

    memcpy(bound, kind, len);
    bound[len] = ':';
    if (text.len > 0)
        memcpy(bound + len + 1, text.at, text.len);
    hash_keyed(key, (struct str){bound, len + 1 + text.len}, hash);
    return (struct str){(const char *)hash, HASH_BYTES};
}

struct str ctx_keyed_hash(struct ctx *c, const char *kind, struct str text)
{
    return ctx_hash_by(c, atomic_load(&c->app->keys)->keys[KEY_HASH][0].bytes, kind, text);
}
