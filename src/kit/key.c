/* The key file: a line a key, "seal 2 HEX" and "hash HEX", the one in use first, an older one of
 * the kind behind it while a rotation runs; without a number: 1. Made at the first start; it
 * belongs in no backup of the data, and without it sealed data cannot be read by anyone. Always: a
 * key is in the file, durably, before anything is sealed with it, and stays until nothing is. The
 * ring in memory is replaced whole, so that a reader sees one or the other; old keys for sealing
 * stay in it until the process ends, for readers of older snapshots. */
#include "kit/key.h"

#include "gen/kit.q.h"
#include "host/file.h"
#include "kit/kit_private.h"

#define FILE_MAX 4096
#define NUMBER_MAX 255 /* a sealed text's first byte */

/* ---- the file -------------------------------------------------------------------------------- */

/* "seal 2 HEX", or "seal HEX" of an older program. */
static bool key_parse(struct arena *arena, struct str line, struct key *key)
{
    struct str word, bytes;

    key->number = 1;
    if (str_cut(line, ' ', &word, &line) &&
        (!str_to_int(word, &key->number) || key->number < 1 || key->number > NUMBER_MAX))
        return false;
    if (line.len == 0)
        line = word;
    if (!str_unhex(arena, str_trim(line), &bytes) || bytes.len != KEY_BYTES)
        return false;
    memcpy(key->bytes, bytes.at, KEY_BYTES);
    return true;
}

static enum err ring_parse(struct arena *arena, struct str text, struct key_ring *ring)
{
    struct str line, word, rest;
    bool is_more;

    *ring = (struct key_ring){.file_count = {0, 0}};
    do {
        int kind;
        is_more = str_cut(text, '\n', &line, &text);
        if (str_trim(line).len == 0)
            continue;
        str_cut(line, ' ', &word, &rest);
        kind = str_is(word, "seal") ? KEY_SEAL : KEY_HASH;
        if ((kind == KEY_HASH && !str_is(word, "hash")) || ring->count[kind] == KEYS_IN_FILE ||
            !key_parse(arena, rest, &ring->keys[kind][ring->count[kind]]))
            return E_CORRUPT;
        ring->file_count[kind] = ++ring->count[kind];
    } while (is_more);
    return ring->count[KEY_SEAL] > 0 && ring->count[KEY_HASH] > 0 ? OK : E_CORRUPT;
}

static struct str ring_text(struct arena *arena, const struct key_ring *ring)
{
    static const char *const words[] = {"seal", "hash"};
    struct str text = S("");

    for (int kind = KEY_SEAL; kind <= KEY_HASH; kind++)
        for (int i = 0; i < ring->file_count[kind]; i++) {
            const struct key *key = &ring->keys[kind][i];
            struct str bytes = {(const char *)key->bytes, KEY_BYTES};
            struct str number = key->number == 1 ? S("") : str_fmt(arena, " %" PRId64, key->number);
            text = str_fmt(arena, "%.*s%s%.*s %.*s\n", STR(text), words[kind], STR(number),
                           STR(str_hex(arena, bytes)));
        }
    return text;
}

static struct str key_path(struct arena *arena, const struct app *app)
{
    if (app->config.key_file.at)
        return app->config.key_file;
    return str_fmt(arena, "%.*s/papilio.key", STR(app->config.data));
}

static enum err ring_make(struct app *app, struct str path, struct key_ring *ring)
{
    *ring = (struct key_ring){.count = {1, 1}, .file_count = {1, 1}};
    for (int kind = KEY_SEAL; kind <= KEY_HASH; kind++) {
        ring->keys[kind][0].number = 1;
        random_bytes(ring->keys[kind][0].bytes, KEY_BYTES);
    }
    return file_write(path, ring_text(app->arena, ring), 0600);
}

enum err key_load(struct app *app, struct str *why)
{
    struct str path = key_path(app->arena, app), text;
    struct str base = str_fmt(app->arena, "%.*s/papilio.db", STR(app->config.data));
    struct key_ring *ring = arena_new_one(app->arena, struct key_ring);
    enum err err = file_read(app->arena, path, FILE_MAX, &text);

    if (err == E_NOT_FOUND && file_exists(base)) {
        *why = str_fmt(app->arena, "the key file %.*s is missing, but the data are sealed with it",
                       STR(path));
        return E_NOT_FOUND;
    }
    if (err == E_NOT_FOUND)
        err = ring_make(app, path, ring);
    else if (err == OK)
        err = ring_parse(app->arena, text, ring);
    if (err != OK)
        *why = str_fmt(app->arena, "the key file %.*s cannot be used", STR(path));
    atomic_store(&app->keys, ring);
    return err;
}

/* ---- turning --------------------------------------------------------------------------------- */

/* The file first, then memory. */
static enum err ring_put(struct ctx *c, const struct key_ring *next)
{
    struct key_ring *kept = arena_new_one(c->app->arena, struct key_ring);

    if (file_write(key_path(c->arena, c->app), ring_text(c->arena, next), 0600) != OK)
        return fail(c, E_IO, "key.file", "the key file cannot be written");
    *kept = *next;
    atomic_store(&c->app->keys, kept);
    return OK;
}

enum err key_turn(struct ctx *c, enum key_kind kind)
{
    struct key_ring next = *atomic_load(&c->app->keys);
    int kept = next.count[kind] < KEYS_IN_MEMORY ? next.count[kind] : KEYS_IN_MEMORY - 1;

    if (next.file_count[kind] > 1)
        return OK;
    memmove(&next.keys[kind][1], &next.keys[kind][0], (size_t)kept * sizeof(struct key));
    next.keys[kind][0].number = next.keys[kind][1].number % NUMBER_MAX + 1;
    random_bytes(next.keys[kind][0].bytes, KEY_BYTES);
    next.count[kind] = kept + 1;
    next.file_count[kind] = 2;
    return ring_put(c, &next);
}

enum err key_settle(struct ctx *c, enum key_kind kind)
{
    struct key_ring next = *atomic_load(&c->app->keys);

    if (next.file_count[kind] == 1)
        return OK;
    next.file_count[kind] = 1;
    return ring_put(c, &next);
}

bool key_is_turning(const struct app *app, enum key_kind kind)
{
    return atomic_load(&app->keys)->file_count[kind] > 1;
}

int64_t key_number(const struct app *app, enum key_kind kind)
{
    return atomic_load(&app->keys)->keys[kind][0].number;
}

bool key_is_current(const struct ctx *c, struct str sealed)
{
    return sealed.at == NULL ||
           (sealed.len > 0 && (uint8_t)sealed.at[0] == key_number(c->app, KEY_SEAL));
}

struct str key_old_hash(struct ctx *c, const char *hash_kind, struct str text)
{
    const struct key_ring *ring = atomic_load(&c->app->keys);

    if (ring->file_count[KEY_HASH] == 1)
        return (struct str){0};
    return ctx_hash_by(c, ring->keys[KEY_HASH][1].bytes, hash_kind, text);
}

/* ---- the base's own mark --------------------------------------------------------------------- */

enum err key_remember(struct ctx *c)
{
    struct str hash = ctx_keyed_hash(c, "meta", S("key"));

    return q_meta_set(c, S("key_check"),
                      str_hex(c->arena, ctx_seal(c, str_hex(c->arena, hash), "meta", 0)));
}

/* Data sealed with two keys would be lost with either: the base remembers a hash of its own. */
enum err key_recall(struct ctx *c)
{
    struct str hash = ctx_keyed_hash(c, "meta", S("key")), seal;
    struct str old_hash = key_old_hash(c, "meta", S("key"));
    struct q_meta_get_row row;
    enum err err = q_meta_get(c, S("key_check"), &row);

    if (err == E_NOT_FOUND)
        return key_remember(c);
    TRY(err);
    if (!str_unhex(c->arena, row.value, &seal) || ctx_unseal(c, seal, "meta", 0, &seal) != OK ||
        (!str_eq(seal, str_hex(c->arena, hash)) &&
         (old_hash.at == NULL || !str_eq(seal, str_hex(c->arena, old_hash)))))
        return fail(c, E_FORBIDDEN, "key",
                    "the key file is not the one that these data are sealed with");
    return OK;
}
