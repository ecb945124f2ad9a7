/* UTF-8: check, count, cut; GB18030 as it comes out of Chinese spreadsheets.
 * Always: only utf8_is_valid, utf8_valid_len and utf8_from_gb18030 take bytes that were not
 * checked. */
#include "base/utf8.h"

#include <errno.h>
#include <iconv.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS UINT64_C(0x0101010101010101)

static bool is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* Length of the sequence of two or more bytes at `at`; 0 if it is none (Unicode 15, table 3-7). */
static size_t sequence_len(const unsigned char *at, size_t len)
{
    unsigned char c = at[0];

    if (c < 0xC2 || c > 0xF4 || len < 2)
        return 0;
    if (c < 0xE0)
        return is_tail(at[1]) ? 2 : 0;
    if (len < 3 || !is_tail(at[1]) || !is_tail(at[2]))
        return 0;
    if (c < 0xF0) {
        if ((c == 0xE0 && at[1] < 0xA0) || (c == 0xED && at[1] > 0x9F))
            return 0;
        return 3;
    }
    if (len < 4 || !is_tail(at[3]))
        return 0;
    if ((c == 0xF0 && at[1] < 0x90) || (c == 0xF4 && at[1] > 0x8F))
        return 0;
    return 4;
}

size_t utf8_valid_len(struct str s)
{
    const unsigned char *at = (const unsigned char *)s.at;
    size_t i = 0;

    while (i < s.len) {
        size_t step = 1;
        if (s.len - i >= 8) {
            uint64_t word;
            memcpy(&word, at + i, 8);
            if (((word | (word - LOW_BITS)) & HIGH_BITS) == 0) {
                i += 8;
                continue;
            }
        }
        if (at[i] == 0)
            return i;
        if (at[i] >= 0x80)
            step = sequence_len(at + i, s.len - i);
        if (step == 0)
            return i;
        i += step;
    }
    return i;
}

bool utf8_is_valid(struct str s)
{
    return utf8_valid_len(s) == s.len;
}

size_t utf8_count(struct str s)
{
    size_t count = 0, i = 0;

    for (; s.len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, s.at + i, 8);
        count += 8 - (size_t)__builtin_popcountll(word & ~(word << 1) & HIGH_BITS);
    }
    for (; i < s.len; i++)
        count += !is_tail((unsigned char)s.at[i]);
    return count;
}

uint32_t utf8_next(struct str s, size_t *at)
{
    const unsigned char *p = (const unsigned char *)s.at + *at;
    size_t len;
    uint32_t code;

    must(*at < s.len);
    len = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    must(len <= s.len - *at);
    code = len == 1 ? p[0] : p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (p[i] & 0x3Fu);
    *at += len;
    return code;
}

struct str utf8_head(struct str s, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (is_tail((unsigned char)s.at[i]))
            continue;
        if (count++ == max)
            return str_sub(s, 0, i);
    }
    return s;
}

enum err utf8_from_gb18030(struct arena *arena, struct str bytes, struct str *out)
{
    size_t cap, in_left = bytes.len, out_left;
    char *text, *in = (char *)(uintptr_t)bytes.at, *to; /* iconv does not write to its input */
    size_t failed;
    iconv_t converter;

    must(bytes.len < SIZE_MAX / 4);
    /* Two bytes become at most three, one byte one, four bytes at most four; twice the length is
     * enough. */
    cap = bytes.len * 2 + 8;
    text = to = arena_alloc(arena, cap);
    out_left = cap;
    converter = iconv_open("UTF-8", "GB18030");
    must(converter != (iconv_t)-1);
    failed = bytes.len ? iconv(converter, &in, &in_left, &to, &out_left) : 0;
    if (failed != (size_t)-1)
        failed = iconv(converter, NULL, NULL, &to, &out_left);
    iconv_close(converter);
    if (failed == (size_t)-1)
        return E_INPUT;
    *out = (struct str){text, (size_t)(to - text)};
    return utf8_is_valid(*out) ? OK : E_INPUT;
}
