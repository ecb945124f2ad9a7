/* Writing JSON straight into a buffer. Always: commas and quotes are set here and nowhere else; a
 * name without a value, a value without a name in an object, or an end that does not fit its
 * beginning stops at must(). */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SHORT_MAX 1e9 /* below this, times 10^4, all is exact in a double */

void json_out_init(struct json_out *out, struct buf *buf)
{
    *out = (struct json_out){.buf = buf};
}

/* Before a value: the comma, unless a name stands there already. */
static void value_begin(struct json_out *out)
{
    if (out->has_name) {
        out->has_name = false;
        return;
    }
    must(!out->is_object[out->depth]);
    if (out->has_item[out->depth]) {
        must(out->depth > 0);
        buf_char(out->buf, ',');
    }
    out->has_item[out->depth] = true;
}

static void container_begin(struct json_out *out, bool is_object)
{
    value_begin(out);
    must(out->depth < JSON_DEPTH_MAX);
    out->depth++;
    out->has_item[out->depth] = false;
    out->is_object[out->depth] = is_object;
    buf_char(out->buf, is_object ? '{' : '[');
}

static void container_end(struct json_out *out, bool is_object)
{
    must(out->depth > 0);
    must(out->is_object[out->depth] == is_object);
    must(!out->has_name);
    out->depth--;
    buf_char(out->buf, is_object ? '}' : ']');
}

void json_object_begin(struct json_out *out)
{
    container_begin(out, true);
}

void json_object_end(struct json_out *out)
{
    container_end(out, true);
}

void json_array_begin(struct json_out *out)
{
    container_begin(out, false);
}

void json_array_end(struct json_out *out)
{
    container_end(out, false);
}

/* 0: as it is; 'u': \u00XX; else the letter behind the backslash. '<' is escaped so that JSON
 * inside a page cannot end its script element. */
static const char escapes[256] = {
    ['\0'] = 'u', [1] = 'u',    [2] = 'u',    [3] = 'u',     [4] = 'u',    [5] = 'u',
    [6] = 'u',    [7] = 'u',    ['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n', [11] = 'u',
    ['\f'] = 'f', ['\r'] = 'r', [14] = 'u',   [15] = 'u',    [16] = 'u',   [17] = 'u',
    [18] = 'u',   [19] = 'u',   [20] = 'u',   [21] = 'u',    [22] = 'u',   [23] = 'u',
    [24] = 'u',   [25] = 'u',   [26] = 'u',   [27] = 'u',    [28] = 'u',   [29] = 'u',
    [30] = 'u',   [31] = 'u',   ['"'] = '"',  ['\\'] = '\\', ['<'] = 'u',
};

/* Most texts need no escape: copied in one go. False: one does, and nothing was written. */
static bool write_plain(struct buf *buf, struct str s)
{
    char *room = buf_room(buf, s.len + 2);

    if (!room)
        return true; /* full: it stays so */
    for (size_t i = 0; i < s.len; i++) {
        if (escapes[(unsigned char)s.at[i]])
            return false;
        room[i + 1] = s.at[i];
    }
    room[0] = '"';
    room[s.len + 1] = '"';
    buf->len += s.len + 2;
    return true;
}

static void write_text(struct buf *buf, struct str s)
{
    static const char digits[] = "0123456789abcdef";
    size_t done = 0;

    if (write_plain(buf, s))
        return;
    buf_char(buf, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        char escape = escapes[c];
        if (!escape)
            continue;
        buf_add(buf, s.at + done, i - done);
        done = i + 1;
        if (escape == 'u') {
            char unit[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
            buf_add(buf, unit, sizeof(unit));
        } else {
            char pair[2] = {'\\', escape};
            buf_add(buf, pair, sizeof(pair));
        }
    }
    buf_add(buf, s.at + done, s.len - done);
    buf_char(buf, '"');
}

void json_name(struct json_out *out, const char *name)
{
    must(out->is_object[out->depth]);
    must(!out->has_name);
    if (out->has_item[out->depth])
        buf_char(out->buf, ',');
    out->has_item[out->depth] = true;
    out->has_name = true;
    write_text(out->buf, str_of(name));
    buf_char(out->buf, ':');
}

void json_str(struct json_out *out, struct str value)
{
    if (!value.at) {
        json_null(out);
        return;
    }
    value_begin(out);
    write_text(out->buf, value);
}

void json_int(struct json_out *out, int64_t value)
{
    if (value == NONE) {
        json_null(out);
        return;
    }
    value_begin(out);
    buf_int(out->buf, value);
}

void json_id(struct json_out *out, int64_t id)
{
    if (id == NONE) {
        json_null(out);
        return;
    }
    value_begin(out);
    buf_char(out->buf, '"');
    buf_int(out->buf, id);
    buf_char(out->buf, '"');
}

/* Most numbers have few decimals: n / 10^k is the nearest double of that decimal when both are
 * exact (Clinger), so if it is the value, n with k decimals is its shortest text. */
static bool write_decimal(struct buf *buf, double value)
{
    static const int64_t powers[] = {1, 10, 100, 1000, 10000};
    bool is_negative = value < 0;

    if (is_negative)
        value = -value;
    if (value >= SHORT_MAX)
        return false;
    for (size_t k = 0; k < ARRAY_LEN(powers); k++) {
        int64_t n = (int64_t)(value * (double)powers[k] + 0.5);
        if ((double)n / (double)powers[k] != value)
            continue;
        if (is_negative)
            buf_char(buf, '-');
        buf_int(buf, n / powers[k]);
        if (k > 0)
            buf_char(buf, '.');
        for (n %= powers[k]; k > 0; n %= powers[k])
            buf_char(buf, (char)('0' + n / powers[--k]));
        return true;
    }
    return false;
}

void json_num(struct json_out *out, double value)
{
    char text[40];

    if (!isfinite(value)) {
        json_null(out);
        return;
    }
    value_begin(out);
    if (value == 0 && signbit(value)) {
        buf_str(out->buf, S("-0.0")); /* "-0" would read back as the integer 0 */
        return;
    }
    if (write_decimal(out->buf, value))
        return;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_str(out->buf, str_of(text));
}

void json_bool(struct json_out *out, bool value)
{
    value_begin(out);
    buf_str(out->buf, value ? S("true") : S("false"));
}

void json_null(struct json_out *out)
{
    value_begin(out);
    buf_str(out->buf, S("null"));
}

void json_raw(struct json_out *out, struct str json)
{
    value_begin(out);
    buf_str(out->buf, json);
}
