/* json_parse against jansson on random documents, whole and damaged: the same are taken, with the
 * same values. The one difference that is meant is the depth. Both have a json_null(), so this test
 * must not link json_write.c, and jansson's names that are ours too are renamed while its header is
 * read. */
#include "base/json.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_INTEGER JANSSON_INTEGER
#define JSON_REAL JANSSON_REAL
#define JSON_TRUE JANSSON_TRUE
#define JSON_FALSE JANSSON_FALSE
#define JSON_NULL JANSSON_NULL
#define json_null jansson_null
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_NULL
#undef json_null

#define DOCUMENTS 30000
#define DEPTH 5

static uint64_t seed = 88172645463325252u;

static uint64_t random_below(uint64_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % max;
}

#define PICK(list) (list)[random_below(ARRAY_LEN(list))]

static void make_text(struct buf *buf)
{
    static const char *const parts[] = {
        "a",
        "name",
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\u0041",
        "\\u4f60",
        "\xE4\xBD\xA0",
        "\xF0\x9F\xA6\x8B",
        "\\ud83e\\udd8b",
        "\\b\\f\\r\\t",
        " ",
        "\x7f",
        "longer than eight bytes",
    };

    buf_char(buf, '"');
    for (uint64_t count = random_below(4); count > 0; count--)
        buf_str(buf, str_of(PICK(parts)));
    buf_int(buf, (int64_t)random_below(30));
    buf_char(buf, '"');
}

static void make_number(struct buf *buf)
{
    static const char *const odd[] = {
        "0",
        "-0",
        "-0.0",
        "1e5",
        "1E+5",
        "1.5e-300",
        "123456789012345678",
        "1e308",
        "5e-324",
        "1e-400",
        "0.1",
        "9223372036854775807",
        "-9223372036854775808",
        "9007199254740993",
        "179769313486231570000000000000000000000000.5",
        "2.2250738585072011e-308",
    };

    switch (random_below(4)) {
    case 0:
        buf_str(buf, str_of(PICK(odd)));
        break;
    case 1:
        buf_int(buf, (int64_t)random_below(100000) - 50000);
        break;
    case 2:
        buf_fmt(buf, "%.*g", (int)(1 + random_below(20)),
                (double)(int64_t)(seed ^ seed << 5) / 1e7);
        break;
    default:
        buf_fmt(buf, "%d.%d", (int)random_below(1000), (int)random_below(100));
    }
}

static void make_blank(struct buf *buf)
{
    static const char *const blanks[] = {"", "", "", "", " ", "\n", "\t", "\r\n  "};

    buf_str(buf, str_of(PICK(blanks)));
}

static void make_value(struct buf *buf, int depth)
{
    static const char *const words[] = {"true", "false", "null"};
    uint64_t kind = random_below(depth > 0 ? 7 : 4);
    uint64_t count = random_below(20) ? random_below(5) : random_below(40);

    make_blank(buf);
    if (kind == 0) {
        buf_str(buf, str_of(PICK(words)));
    } else if (kind == 1) {
        make_number(buf);
    } else if (kind < 4) {
        make_text(buf);
    } else {
        buf_char(buf, kind == 4 ? '[' : '{');
        make_blank(buf);
        for (uint64_t i = 0; i < count; i++) {
            buf_str(buf, i ? S(",") : S(""));
            if (kind != 4) {
                make_blank(buf);
                make_text(buf);
                make_blank(buf);
                buf_char(buf, ':');
            }
            make_value(buf, depth - 1);
        }
        buf_char(buf, kind == 4 ? ']' : '}');
    }
    make_blank(buf);
}

static void damage(struct buf *buf)
{
    static const char *const bits[] = {
        "\"",   "\\",      ",",    "]",    "}", "{",    "0",       "-", ".", "e", "u",
        " ",    "\xC3",    "\x80", "\x01", ":", "9999", "\\ud800", "[", "'", "+", "\xED\xA0\x80",
        "null", "\\u0000", "1e999"};
    size_t at = buf->len ? random_below(buf->len) : 0;
    size_t drop = random_below(3) ? 0 : 1 + random_below(3);
    struct str bit = random_below(4) ? str_of(PICK(bits)) : S("");
    char tail[4096];
    size_t tail_at = at + drop < buf->len ? at + drop : buf->len, tail_len = buf->len - tail_at;

    if (tail_len > sizeof(tail))
        return;
    memcpy(tail, buf->at + tail_at, tail_len);
    buf->len = at;
    buf_str(buf, bit);
    buf_add(buf, tail, tail_len);
}

static bool same(const struct json *ours, const json_t *theirs)
{
    switch (ours->type) {
    case JSON_NULL:
        return json_typeof(theirs) == JANSSON_NULL;
    case JSON_BOOL:
        return json_typeof(theirs) == (ours->is_true ? JANSSON_TRUE : JANSSON_FALSE);
    case JSON_INT:
        return json_typeof(theirs) == JANSSON_INTEGER &&
               json_integer_value(theirs) == ours->integer;
    case JSON_NUM:
        return json_typeof(theirs) == JANSSON_REAL && json_real_value(theirs) == ours->number;
    case JSON_STR:
        return json_typeof(theirs) == JANSSON_STRING &&
               str_eq(ours->text,
                      (struct str){json_string_value(theirs), json_string_length(theirs)});
    case JSON_ARRAY:
        if (json_typeof(theirs) != JANSSON_ARRAY || json_array_size(theirs) != ours->count)
            return false;
        for (uint32_t i = 0; i < ours->count; i++)
            if (!same(&ours->items[i], json_array_get(theirs, i)))
                return false;
        return true;
    case JSON_OBJECT:
        if (json_typeof(theirs) != JANSSON_OBJECT || json_object_size(theirs) != ours->count)
            return false;
        for (uint32_t i = 0; i < ours->count; i++) {
            struct str name = ours->members[i].name;
            const json_t *value = json_object_getn(theirs, name.len ? name.at : "", name.len);
            if (!value || !same(&ours->members[i].value, value))
                return false;
        }
        return true;
    }
    return false;
}

/* True if both took it. */
static bool compare(struct arena *arena, struct str text)
{
    struct json ours;
    struct json_fault fault = {0, ""};
    bool is_ours = json_parse(arena, text, &ours, &fault) == OK;
    json_error_t error;
    json_t *theirs =
        json_loadb(text.at, text.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    bool is_theirs = theirs != NULL;

    if (is_ours != is_theirs && !str_is(str_of(fault.what), "too deep"))
        fail_msg("%.*s\nours: %s at %zu, jansson: %s at %d", STR(text), fault.what, fault.offset,
                 is_theirs ? "" : error.text, error.position);
    if (is_ours && !same(&ours, theirs))
        fail_msg("other values: %.*s", STR(text));
    json_decref(theirs);
    return is_ours;
}

static void test_oracle(void **state)
{
    struct arena *arena = arena_new(64 << 20);
    struct buf buf;
    int whole_count = 0, damaged_count = 0, taken_count = 0;

    (void)state;
    buf_init(&buf, 1 << 20);
    for (int i = 0; i < DOCUMENTS; i++) {
        buf_reset(&buf);
        make_value(&buf, DEPTH);
        whole_count += compare(arena, buf_view(&buf));
        for (uint64_t count = 1 + random_below(3); count > 0; count--)
            damage(&buf);
        damaged_count++;
        taken_count += compare(arena, buf_view(&buf));
        arena_reset(arena);
    }
    /* Names repeat now and then, so some whole documents are refused too. */
    assert_in_range(whole_count, DOCUMENTS / 2, DOCUMENTS - 1);
    assert_in_range(taken_count, damaged_count / 50, damaged_count / 2);
    buf_release(&buf);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_oracle)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
