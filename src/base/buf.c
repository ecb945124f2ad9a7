/* Bytes that grow on the heap, up to a named maximum.
 * Always: len <= cap <= max_bytes; a piece is added whole or not at all, and once one was refused
 * all are. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 256

void buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = (struct buf){.max_bytes = max_bytes};
}

void buf_release(struct buf *buf)
{
    free(buf->at);
    buf_init(buf, buf->max_bytes);
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->is_full = false;
}

static void buf_grow(struct buf *buf, size_t need)
{
    size_t cap = buf->cap < FIRST_CAP ? FIRST_CAP : buf->cap * 2;
    char *at;

    if (cap < need)
        cap = need;
    if (cap > buf->max_bytes)
        cap = buf->max_bytes;
    at = realloc(buf->at, cap);
    if (!at)
        must_fail("out of memory", __FILE__, __LINE__);
    buf->at = at;
    buf->cap = cap;
}

char *buf_room(struct buf *buf, size_t len)
{
    if (buf->is_full || len > buf->max_bytes - buf->len) {
        buf->is_full = true;
        return NULL;
    }
    if (len > buf->cap - buf->len || !buf->at)
        buf_grow(buf, buf->len + len > 0 ? buf->len + len : 1);
    return buf->at + buf->len;
}

void buf_add(struct buf *buf, const void *at, size_t len)
{
    char *room;

    if (len == 0)
        return;
    room = buf_room(buf, len);
    if (!room)
        return;
    memcpy(room, at, len);
    buf->len += len;
}

void buf_str(struct buf *buf, struct str s)
{
    buf_add(buf, s.at, s.len);
}

void buf_char(struct buf *buf, char c)
{
    if (buf->len < buf->cap && !buf->is_full)
        buf->at[buf->len++] = c;
    else
        buf_add(buf, &c, 1);
}

void buf_int(struct buf *buf, int64_t value)
{
    char text[24];
    char *at = text + sizeof(text);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *--at = '-';
    buf_add(buf, at, (size_t)(text + sizeof(text) - at));
}

void buf_fmt(struct buf *buf, const char *fmt, ...)
{
    char small[256];
    char *room;
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    must(len >= 0);
    if ((size_t)len < sizeof(small)) {
        buf_add(buf, small, (size_t)len);
        return;
    }
    /* vsnprintf wants a byte for its terminator, which may not fit below the maximum. */
    if ((size_t)len > buf->max_bytes - buf->len || !buf_room(buf, (size_t)len)) {
        buf->is_full = true;
        return;
    }
    room = malloc((size_t)len + 1);
    if (!room)
        must_fail("out of memory", __FILE__, __LINE__);
    va_start(args, fmt);
    vsnprintf(room, (size_t)len + 1, fmt, args);
    va_end(args);
    buf_add(buf, room, (size_t)len);
    free(room);
}

struct str buf_view(const struct buf *buf)
{
    return (struct str){buf->at ? buf->at : "", buf->len};
}
