/* What every file may use: errors, text, memory with a lifetime, growing buffers, lists.
 * No I/O and no business. The one header that everybody shares; keep it under 200 lines. */
#pragma once

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define MUST_USE __attribute__((warn_unused_result))

/* "No value" of an int64_t: NULL in SQL, null or absent in JSON. A struct str with at == NULL is
 * the same for text. */
#define NONE INT64_MIN

/* ---- errors ---------------------------------------------------------------------------------- */

/* What can go wrong. The web's status of each stands in one table, kit/route.c. */
enum err {
    OK = 0,
    E_INPUT,     /* 400 the caller's data is wrong */
    E_SIGN_IN,   /* 401 nobody, or not any more */
    E_FORBIDDEN, /* 403 signed in, but no right to it */
    E_NOT_FOUND, /* 404 */
    E_CONFLICT,  /* 409 the state does not allow it, or it exists already */
    E_TOO_LARGE, /* 413 over a named limit */
    E_MISMATCH,  /* 422 an idempotency key used again with other content */
    E_RATE,      /* 429 too often; try later */
    E_BUSY,      /* 503 not now: draining, database locked, queue full */
    E_IO,        /* 500 disk or network failed */
    E_CORRUPT,   /* 500 stored data is not what was written */
    E_INTERNAL,  /* 500 a bug: a false must(), a broken budget */
    ERR_COUNT
};

const char *err_name(enum err err); /* "input", "sign_in", ...: stable, lower case */

/* Return the callee's error to the caller. The only macro here that hides a return. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (try_err_ != OK)                                                                        \
            return try_err_;                                                                       \
    } while (0)

/* What cannot be false, in production too. In a request of manage, play, flow, insight the frame
 * rolls that request back (see must_catch); anywhere else the process stops with the place on
 * stderr. */
#define must(x)                                                                                    \
    do {                                                                                           \
        if (__builtin_expect(!(x), 0))                                                             \
            must_fail(#x, __FILE__, __LINE__);                                                     \
    } while (0)
_Noreturn void must_fail(const char *what, const char *file, int line);

/* A thread that runs requests sets a catcher for their length; must_fail and a full arena call it
 * and it does not return (it longjmps). NULL takes it away. `user` is handed back. One catcher a
 * thread. */
typedef void must_catcher(void *user, const char *what, const char *file, int line);
void must_catch(must_catcher *catcher, void *user);

/* ---- memory: arenas -------------------------------------------------------------------------- */

/* An arena owns everything taken from it until arena_reset or arena_free. Not thread-safe; may be
 * handed over. */
struct arena;
/* Over max_bytes: like a failed must(); then, once, 64 KiB more for the catcher's answer. */
struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *arena);  /* NULL is fine */
void arena_reset(struct arena *arena); /* empties it; keeps one block for reuse */
size_t arena_used(const struct arena *arena);
void *arena_alloc(struct arena *arena, size_t bytes); /* zeroed, aligned to 16, never NULL */
#define arena_new_array(arena, type, count) ((type *)arena_array((arena), (count), sizeof(type)))
#define arena_new_one(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
void *arena_array(struct arena *arena, size_t count,
                  size_t bytes); /* checks count * bytes for overflow */

/* ---- text: a view, pointer and length, no terminator -------------------------------------- */

struct str {
    const char *at; /* NULL: no value */
    size_t len;
};
#define S(literal) ((struct str){"" literal, sizeof(literal) - 1})
/* For "%.*s". The address sanitizer does not look at what that reads: there each byte is read beforehand. */
#ifdef HAS_ASAN
const char *str_seen(struct str s);
#define STR(s) (int)(s).len, str_seen(s)
#else
#define STR(s) (int)(s).len, (s).at
#endif

struct str str_of(const char *cstr); /* NULL gives no value */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *cstr);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
int str_cmp(struct str a, struct str b);        /* bytes, like memcmp, shorter first */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
int64_t str_find(struct str s, struct str part); /* offset, or -1 */
struct str str_trim(struct str s); /* without ASCII blanks at both ends; copies nothing */
struct str str_sub(struct str s, size_t from, size_t len); /* clipped to s */
bool str_cut(struct str s, char at, struct str *head,
             struct str *tail); /* false: no such char, head = s, tail empty */
bool str_to_int(struct str s,
                int64_t *out); /* whole s, decimal, optional '-'; false if not or out of range */
struct str str_copy(struct arena *arena, struct str s);
char *str_cstr(struct arena *arena, struct str s); /* with a terminator */
struct str str_fmt(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str str_decimal(struct arena *arena, int64_t value, int64_t digits); /* 1230 with two digits behind the point: 12.30 */
struct str str_vfmt(struct arena *arena, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
struct str str_lower(struct arena *arena, struct str s); /* ASCII letters only */
struct str str_hex(struct arena *arena, struct str bytes);
bool str_unhex(struct arena *arena, struct str hex, struct str *out);
uint64_t str_hash(struct str s, uint64_t seed); /* not for secrets */

/* ---- buffers: bytes that grow ---------------------------------------------------- */

/* On the heap; whoever has it releases it. Past max_bytes nothing is added and is_full stays true.
 */
struct buf {
    char *at;
    size_t len, cap, max_bytes;
    bool is_full;
};
void buf_init(struct buf *buf, size_t max_bytes);
void buf_release(struct buf *buf);
void buf_reset(struct buf *buf); /* empty again, memory kept */
void buf_add(struct buf *buf, const void *at, size_t len);
void buf_str(struct buf *buf, struct str s);
void buf_char(struct buf *buf, char c);
void buf_int(struct buf *buf, int64_t value);
void buf_fmt(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
char *buf_room(struct buf *buf,
               size_t len); /* room for len bytes at the end, or NULL; then add to buf->len */
struct str buf_view(const struct buf *buf);

/* ---- lists: rows of one struct, in an arena ----------------------------------------- */

struct list {
    void *at;
    int64_t count;
};

/* Appends a zeroed item and returns it; `cap` is the caller's and starts at 0. */
void *list_add(struct arena *arena, struct list *list, int64_t *cap, size_t item_bytes);

/* ---- maps: text to a number, in an arena ---------------------------------------------------- */

struct map;
struct map *map_new(struct arena *arena, size_t expected_count);
/* The number kept under key; a new one is 0 and *is_new true. Copies the key. Pointer good until
 * the next map_slot. */
int64_t *map_slot(struct map *map, struct str key, bool *is_new);
int64_t *map_find(const struct map *map, struct str key); /* NULL: not there */
size_t map_count(const struct map *map);
