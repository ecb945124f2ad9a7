/* Text as a view: compare, search, cut, convert. Nothing here knows about characters beyond ASCII
 * (utf8.h does). Always: a view that is returned is inside the one that was given, or in the arena.
 * No value and the empty text compare alike. */

#include "base/base.h"

#include <stdio.h>

#ifdef HAS_ASAN
const char *str_seen(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        (void)*(const volatile char *)(s.at + i);
    return s.at;
}
#endif

struct str str_of(const char *cstr)
{
    return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool str_is(struct str a, const char *cstr)
{
    size_t i = 0;

    if (cstr == NULL)
        return a.len == 0;
    while (i < a.len && cstr[i] != 0 && a.at[i] == cstr[i]) /* mostly the first one differs */
        i++;
    return i == a.len && cstr[i] == 0;
}

static char char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (char_lower(a.at[i]) != char_lower(b.at[i]))
            return false;
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.at, b.at, len) : 0;

    if (order)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
    if (s.len < suffix.len)
        return false;
    return suffix.len == 0 || memcmp(s.at + s.len - suffix.len, suffix.at, suffix.len) == 0;
}

int64_t str_find(struct str s, struct str part)
{
    const char *found;

    if (part.len == 0)
        return 0;
    if (part.len > s.len)
        return -1;
    found = memmem(s.at, s.len, part.at, part.len);
    return found ? found - s.at : -1;
}

static bool char_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len && char_is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len && char_is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

struct str str_sub(struct str s, size_t from, size_t len)
{
    if (!s.at)
        return s;
    if (from > s.len)
        from = s.len;
    if (len > s.len - from)
        len = s.len - from;
    return (struct str){s.at + from, len};
}

bool str_cut(struct str s, char at, struct str *head, struct str *tail)
{
    const char *found = s.len ? memchr(s.at, at, s.len) : NULL;
    size_t len = found ? (size_t)(found - s.at) : s.len;

    *head = str_sub(s, 0, len);
    *tail = str_sub(s, found ? len + 1 : s.len, s.len);
    return found != NULL;
}

bool str_to_int(struct str s, int64_t *out)
{
    bool is_negative = s.len && s.at[0] == '-';
    int64_t value = 0;

    if (s.len == (size_t)is_negative)
        return false;
    for (size_t i = is_negative; i < s.len; i++) {
        int digit = s.at[i] - '0';
        if (digit < 0 || digit > 9)
            return false;
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
        if (__builtin_add_overflow(value, is_negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}

char *str_cstr(struct arena *arena, struct str s)
{
    char *copy;

    must(s.len < SIZE_MAX);
    copy = arena_alloc(arena, s.len + 1);
    if (s.len)
        memcpy(copy, s.at, s.len);
    return copy;
}

struct str str_copy(struct arena *arena, struct str s)
{
    char *copy;

    if (!s.at)
        return s;
    copy = arena_alloc(arena, s.len);
    if (s.len)
        memcpy(copy, s.at, s.len);
    return (struct str){copy, s.len};
}

struct str str_fmt(struct arena *arena, const char *fmt, ...)
{
    struct str s;
    va_list args;

    va_start(args, fmt);
    s = str_vfmt(arena, fmt, args);
    va_end(args);
    return s;
}

struct str str_decimal(struct arena *arena, int64_t value, int64_t digits)
{
    uint64_t unit = 1, whole = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    for (int64_t i = 0; i < digits; i++)
        unit *= 10;
    if (digits == 0)
        return str_fmt(arena, "%" PRId64, value);
    return str_fmt(arena, "%s%" PRIu64 ".%0*" PRIu64, value < 0 ? "-" : "", whole / unit,
                   (int)digits, whole % unit);
}

struct str str_vfmt(struct arena *arena, const char *fmt, va_list args)
{
    char small[256];
    va_list again;
    char *text;
    int len;

    va_copy(again, args);
    len = vsnprintf(small, sizeof(small), fmt, args);
    must(len >= 0);
    text = arena_alloc(arena, (size_t)len + 1);
    if ((size_t)len < sizeof(small))
        memcpy(text, small, (size_t)len + 1);
    else
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return (struct str){text, (size_t)len};
}

struct str str_lower(struct arena *arena, struct str s)
{
    char *copy;

    if (!s.at)
        return s;
    copy = arena_alloc(arena, s.len);
    for (size_t i = 0; i < s.len; i++)
        copy[i] = char_lower(s.at[i]);
    return (struct str){copy, s.len};
}

struct str str_hex(struct arena *arena, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_array(arena, bytes.len, 2);

    for (size_t i = 0; i < bytes.len; i++) {
        text[2 * i] = digits[(unsigned char)bytes.at[i] >> 4];
        text[2 * i + 1] = digits[(unsigned char)bytes.at[i] & 15];
    }
    return (struct str){text, bytes.len * 2};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool str_unhex(struct arena *arena, struct str hex, struct str *out)
{
    char *bytes;

    if (hex.len % 2)
        return false;
    bytes = arena_alloc(arena, hex.len / 2);
    for (size_t i = 0; i < hex.len / 2; i++) {
        int high = hex_value(hex.at[2 * i]);
        int low = hex_value(hex.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (char)(high * 16 + low);
    }
    *out = (struct str){bytes, hex.len / 2};
    return true;
}

/* Both halves of a 64 x 64 bit product, folded: the mixing step of wyhash. */
static uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (__extension__(unsigned __int128) a) * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t str_hash(struct str s, uint64_t seed)
{
    const uint64_t p0 = UINT64_C(0xa0761d6478bd642f), p1 = UINT64_C(0xe7037ed1a0b428db);
    uint64_t hash = hash_mix(seed ^ p0, p1), a = 0, b = 0;
    const char *at = s.at;
    size_t len = s.len;

    for (; len > 16; at += 16, len -= 16) {
        memcpy(&a, at, 8);
        memcpy(&b, at + 8, 8);
        hash = hash_mix(a ^ p1, b ^ hash);
    }
    a = b = 0;
    if (len > 8) {
        memcpy(&a, at, 8);
        memcpy(&b, at + 8, len - 8);
    } else if (len) {
        memcpy(&a, at, len);
    }
    return hash_mix(hash_mix(a ^ p1, b ^ hash) ^ (uint64_t)s.len, p0);
}
