/* Reading JSON into a tree in an arena. One pass for UTF-8 over the whole text, then one pass over
 * its structure. Always: recursion is at most JSON_DEPTH_MAX deep; nothing is read past the text;
 * on a fault *out is untouched. Items are gathered on a stack of the reader and copied to their
 * place when the array or object ends. */
#include "base/json.h"

#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS UINT64_C(0x0101010101010101)
#define SMALL_STACK                                                                                \
    48 /* values waiting for the end of their container before the arena is used for them */
#define SMALL_OBJECT 16 /* members up to which names are compared pairwise */
#define EXACT_DIGITS 15 /* a double holds every integer of so many digits */
#define EXACT_POWER 22  /* and every power of ten up to this */

struct reader {
    struct arena *arena;
    const char *start, *at, *end;
    struct json_member *stack;
    size_t stack_count, stack_cap;
    int depth;
    int64_t value_count;
    struct json_fault fault;
};

static enum err read_value(struct reader *r, struct json *out);

static enum err reader_fault(struct reader *r, const char *at, const char *what)
{
    r->fault.offset = (size_t)(at - r->start);
    r->fault.what = what;
    return E_INPUT;
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

/* The first '"', '\\' or control character from `at` on, or `end`. Eight bytes at a time; a false
 * alarm of the word test only costs the bytewise look. */
static const char *string_scan(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t word, quote, slash, control;
        memcpy(&word, at, 8);
        quote = word ^ (LOW_BITS * '"');
        slash = word ^ (LOW_BITS * '\\');
        control = (word - LOW_BITS * 0x20) & ~word;
        quote = (quote - LOW_BITS) & ~quote;
        slash = (slash - LOW_BITS) & ~slash;
        if ((quote | slash | control) & HIGH_BITS)
            break;
        at += 8;
    }
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    return at;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Four hex digits at `at`, or -1. */
static int32_t hex_unit(const char *at, const char *end)
{
    int32_t unit = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static char *utf8_put(char *to, int32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/* \uXXXX at `*at` (behind the 'u'), with its second half if it is a surrogate. */
static enum err read_code(struct reader *r, const char **at, int32_t *code)
{
    int32_t unit = hex_unit(*at, r->end), low;

    if (unit < 0)
        return reader_fault(r, *at, "bad \\u escape");
    if (unit == 0)
        return reader_fault(r, *at, "NUL in a text");
    *at += 4;
    *code = unit;
    if (unit < 0xD800 || unit > 0xDFFF)
        return OK;
    if (unit > 0xDBFF || r->end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return reader_fault(r, *at, "lone surrogate");
    low = hex_unit(*at + 2, r->end);
    if (low < 0xDC00 || low > 0xDFFF)
        return reader_fault(r, *at, "lone surrogate");
    *at += 6;
    *code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    return OK;
}

static enum err read_escape(struct reader *r, const char **at, char **to)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const char *found;
    int32_t code;

    if (r->end - *at < 2)
        return reader_fault(r, r->end, "unexpected end");
    if ((*at)[1] == 'u') {
        *at += 2;
        TRY(read_code(r, at, &code));
        *to = utf8_put(*to, code);
        return OK;
    }
    found = memchr(names, (*at)[1], sizeof(names) - 1);
    if (!found)
        return reader_fault(r, *at, "bad escape");
    *(*to)++ = values[found - names];
    *at += 2;
    return OK;
}

/* A text with escapes: its length is first sought, since what it becomes is never longer. */
static enum err read_escaped(struct reader *r, const char *start, struct str *out)
{
    const char *at = start, *close = start;
    char *text, *to;

    while ((close = string_scan(close, r->end)) < r->end && *close == '\\')
        close += r->end - close >= 2 ? 2 : 1;
    if (close >= r->end)
        return reader_fault(r, r->end, "unexpected end");
    text = to = arena_alloc(r->arena, (size_t)(close - start));
    for (;;) {
        const char *stop = string_scan(at, close);
        memcpy(to, at, (size_t)(stop - at));
        to += stop - at;
        at = stop;
        if (at == close)
            break;
        TRY(read_escape(r, &at, &to));
    }
    if (*at != '"')
        return reader_fault(r, at, "control character in a text");
    r->at = at + 1;
    *out = (struct str){text, (size_t)(to - text)};
    return OK;
}

static enum err read_text(struct reader *r, struct str *out)
{
    const char *start = r->at + 1;
    const char *stop = string_scan(start, r->end);

    if (stop == r->end)
        return reader_fault(r, stop, "unexpected end");
    if (*stop == '\\')
        return read_escaped(r, start, out);
    if (*stop != '"')
        return reader_fault(r, stop, "control character in a text");
    *out = (struct str){start, (size_t)(stop - start)};
    r->at = stop + 1;
    return OK;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* The double of a well-formed literal. The process stays in the C locale, so strtod's point is '.'.
 */
static enum err read_double(struct reader *r, struct str literal, struct json *out)
{
    char copy[JSON_NUMBER_MAX + 1];

    memcpy(copy, literal.at, literal.len);
    copy[literal.len] = '\0';
    out->type = JSON_NUM;
    out->number = strtod(copy, NULL);
    if (!isfinite(out->number))
        return reader_fault(r, literal.at, "number too large");
    return OK;
}

/* Few digits and no exponent: digits / 10^n is exact in both, so the quotient is the nearest double
 * (Clinger). */
static bool read_short_decimal(struct str literal, struct json *out)
{
    static const double powers[EXACT_DIGITS + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool is_negative = literal.at[0] == '-';
    int64_t digits = 0;
    size_t fraction = 0;

    if (literal.len > EXACT_DIGITS)
        return false;
    for (size_t i = is_negative; i < literal.len; i++) {
        char c = literal.at[i];
        if (c == '.') {
            fraction = literal.len - i - 1;
        } else {
            if (c < '0' || c > '9')
                return false;
            digits = digits * 10 + (c - '0');
        }
    }
    out->type = JSON_NUM;
    out->number = (double)digits / powers[fraction];
    if (is_negative)
        out->number = -out->number;
    return true;
}

static enum err read_number(struct reader *r, struct json *out)
{
    const char *start = r->at, *at = start, *digits;
    bool is_integer = true;
    struct str literal;

    if (*at == '-')
        at++;
    digits = at;
    at = skip_digits(at, r->end);
    if (at == digits)
        return reader_fault(r, at, at == r->end ? "unexpected end" : "bad number");
    if (*digits == '0' && at - digits > 1)
        return reader_fault(r, digits, "number with a leading zero");
    if (at < r->end && *at == '.') {
        is_integer = false;
        digits = ++at;
        at = skip_digits(at, r->end);
        if (at == digits)
            return reader_fault(r, at, at == r->end ? "unexpected end" : "bad number");
    }
    if (at < r->end && (*at == 'e' || *at == 'E')) {
        is_integer = false;
        at++;
        if (at < r->end && (*at == '+' || *at == '-'))
            at++;
        digits = at;
        at = skip_digits(at, r->end);
        if (at == digits)
            return reader_fault(r, at, at == r->end ? "unexpected end" : "bad number");
    }
    literal = (struct str){start, (size_t)(at - start)};
    if (literal.len > JSON_NUMBER_MAX)
        return reader_fault(r, start, "number too long");
    r->at = at;
    if (is_integer) {
        out->type = JSON_INT;
        return str_to_int(literal, &out->integer) ? OK : reader_fault(r, start, "number too large");
    }
    return read_short_decimal(literal, out) ? OK : read_double(r, literal, out);
}

static enum err read_word(struct reader *r, struct str word)
{
    if ((size_t)(r->end - r->at) < word.len || memcmp(r->at, word.at, word.len) != 0)
        return reader_fault(r, r->at, "bad value");
    r->at += word.len;
    return OK;
}

static struct json_member *stack_push(struct reader *r)
{
    if (r->stack_count == r->stack_cap) {
        struct json_member *larger =
            arena_new_array(r->arena, struct json_member, r->stack_cap * 4);
        memcpy(larger, r->stack, r->stack_count * sizeof(*larger));
        r->stack = larger;
        r->stack_cap *= 4;
    }
    return &r->stack[r->stack_count++];
}

static enum err read_array(struct reader *r, struct json *out)
{
    size_t base = r->stack_count;
    struct json *items;

    r->at++;
    skip_blanks(r);
    out->type = JSON_ARRAY;
    if (r->at < r->end && *r->at == ']') {
        r->at++;
        return OK;
    }
    for (;;) {
        struct json value = {0};
        TRY(read_value(r, &value));
        stack_push(r)->value = value;
        skip_blanks(r);
        if (r->at == r->end)
            return reader_fault(r, r->at, "unexpected end");
        if (*r->at == ']')
            break;
        if (*r->at != ',')
            return reader_fault(r, r->at, "',' or ']' expected");
        r->at++;
    }
    r->at++;
    out->count = (uint32_t)(r->stack_count - base);
    items = arena_new_array(r->arena, struct json, out->count);
    for (uint32_t i = 0; i < out->count; i++)
        items[i] = r->stack[base + i].value;
    out->items = items;
    r->stack_count = base;
    return OK;
}

/* Whether two members have one name. Small objects are compared pairwise, larger ones by hash. */
static bool has_twins(struct reader *r, const struct json_member *members, uint32_t count)
{
    struct map *names;
    bool is_new = true;

    if (count > SMALL_OBJECT) {
        names = map_new(r->arena, count);
        for (uint32_t i = 0; i < count && is_new; i++)
            map_slot(names, members[i].name, &is_new);
        return !is_new;
    }
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (str_eq(members[i].name, members[j].name))
                return true;
    return false;
}

static enum err read_member(struct reader *r)
{
    struct json_member member = {0}; /* pushed last: the stack moves while the value is read */

    skip_blanks(r);
    if (r->at == r->end)
        return reader_fault(r, r->at, "unexpected end");
    if (*r->at != '"')
        return reader_fault(r, r->at, "name expected");
    TRY(read_text(r, &member.name));
    skip_blanks(r);
    if (r->at == r->end)
        return reader_fault(r, r->at, "unexpected end");
    if (*r->at != ':')
        return reader_fault(r, r->at, "':' expected");
    r->at++;
    TRY(read_value(r, &member.value));
    *stack_push(r) = member;
    skip_blanks(r);
    if (r->at == r->end)
        return reader_fault(r, r->at, "unexpected end");
    return OK;
}

static enum err read_object(struct reader *r, struct json *out)
{
    size_t base = r->stack_count;
    const char *start = r->at;
    struct json_member *members;

    r->at++;
    skip_blanks(r);
    out->type = JSON_OBJECT;
    if (r->at < r->end && *r->at == '}') {
        r->at++;
        return OK;
    }
    for (;;) {
        TRY(read_member(r));
        if (*r->at == '}')
            break;
        if (*r->at != ',')
            return reader_fault(r, r->at, "',' or '}' expected");
        r->at++;
    }
    r->at++;
    out->count = (uint32_t)(r->stack_count - base);
    if (has_twins(r, r->stack + base, out->count))
        return reader_fault(r, start, "duplicate name");
    members = arena_new_array(r->arena, struct json_member, out->count);
    memcpy(members, r->stack + base, out->count * sizeof(*members));
    out->members = members;
    r->stack_count = base;
    return OK;
}

static enum err read_container(struct reader *r, struct json *out)
{
    if (r->depth == JSON_DEPTH_MAX)
        return reader_fault(r, r->at, "too deep");
    r->depth++;
    TRY(*r->at == '{' ? read_object(r, out) : read_array(r, out));
    r->depth--;
    return OK;
}

static enum err read_plain(struct reader *r, struct json *out)
{
    switch (*r->at) {
    case '"':
        out->type = JSON_STR;
        return read_text(r, &out->text);
    case 't':
        out->type = JSON_BOOL;
        out->is_true = true;
        return read_word(r, S("true"));
    case 'f':
        out->type = JSON_BOOL;
        return read_word(r, S("false"));
    case 'n':
        return read_word(r, S("null"));
    default:
        if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
            return read_number(r, out);
        return reader_fault(r, r->at, "value expected");
    }
}

/* Recursion over foreign data, bounded: read_container counts the depth. `out` comes zeroed. */
static enum err read_value(struct reader *r, struct json *out)
{
    const char *start;

    skip_blanks(r);
    if (r->at == r->end)
        return reader_fault(r, r->at, "unexpected end");
    start = r->at;
    if (r->value_count++ == JSON_VALUE_MAX)
        return reader_fault(r, start, "too many values");
    TRY(*start == '{' || *start == '[' ? read_container(r, out) : read_plain(r, out));
    out->raw = (struct str){start, (size_t)(r->at - start)};
    return OK;
}

static enum err read_document(struct reader *r, struct str text, struct json *out)
{
    size_t valid_len = utf8_valid_len(text);

    if (text.len > UINT32_MAX)
        return reader_fault(r, r->start, "too large");
    if (valid_len < text.len)
        return reader_fault(r, r->start + valid_len, "not UTF-8");
    TRY(read_value(r, out));
    skip_blanks(r);
    if (r->at < r->end)
        return reader_fault(r, r->at, "more than one value");
    return OK;
}

enum err json_parse(struct arena *arena, struct str text, struct json *out,
                    struct json_fault *fault)
{
    struct json_member stack[SMALL_STACK];
    struct reader r = {
        .arena = arena,
        .start = text.at ? text.at : "",
        .stack = stack,
        .stack_cap = SMALL_STACK,
    };
    struct json value = {0};
    enum err err;

    r.at = r.start;
    r.end = r.start + text.len;
    err = read_document(&r, text, &value);
    if (err == OK)
        *out = value;
    else if (fault)
        *fault = r.fault;
    return err;
}

const struct json *json_get(const struct json *object, const char *name)
{
    if (!object || object->type != JSON_OBJECT)
        return NULL;
    for (uint32_t i = 0; i < object->count; i++)
        if (str_is(object->members[i].name, name))
            return &object->members[i].value;
    return NULL;
}
