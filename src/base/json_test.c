/* JSON: what is refused and where, exact numbers, and what is written reads back. */
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena *arena;

static int arena_open(void **state)
{
    (void)state;
    arena = arena_new(256 << 20);
    return 0;
}

static int arena_close(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct json good(const char *text)
{
    struct json value;
    struct json_fault fault = {0, "?"};

    if (json_parse(arena, str_of(text), &value, &fault) != OK)
        fail_msg("%s: %s at %zu", text, fault.what, fault.offset);
    return value;
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
        const char *what;
    } cases[] = {
        {"", 0, "unexpected end"},
        {" \n", 2, "unexpected end"},
        {"{", 1, "unexpected end"},
        {"[1,", 3, "unexpected end"},
        {"[1,]", 3, "value expected"},
        {"[1 2]", 3, "',' or ']' expected"},
        {"{\"a\":1,}", 7, "name expected"},
        {"{a:1}", 1, "name expected"},
        {"{\"a\" 1}", 5, "':' expected"},
        {"{\"a\":1 \"b\":2}", 7, "',' or '}' expected"},
        {"1 2", 2, "more than one value"},
        {"nul", 0, "bad value"},
        {"'a'", 0, "value expected"},
        {"01", 0, "number with a leading zero"},
        {"-", 1, "unexpected end"},
        {"-a", 1, "bad number"},
        {"1.", 2, "unexpected end"},
        {"1.e5", 2, "bad number"},
        {".5", 0, "value expected"},
        {"+1", 0, "value expected"},
        {"1e", 2, "unexpected end"},
        {"1e999", 0, "number too large"},
        {"66666666666666e666", 0, "number too large"},
        {"9223372036854775808", 0, "number too large"},
        {"-9223372036854775809", 0, "number too large"},
        {"NaN", 0, "value expected"},
        {"\"a", 2, "unexpected end"},
        {"\"a\\", 3, "unexpected end"},
        {"\"a\\\"", 4, "unexpected end"},
        {"\"\\x\"", 1, "bad escape"},
        {"\"\\u12\"", 3, "bad \\u escape"},
        {"\"\\u0000\"", 3, "NUL in a text"},
        {"\"\\ud800\"", 7, "lone surrogate"},
        {"\"\\udc00\"", 7, "lone surrogate"},
        {"\"\\ud800\\u0041\"", 7, "lone surrogate"},
        {"\"a\nb\"", 2, "control character in a text"},
        {"\"\\n\n\"", 3, "control character in a text"},
        {"\"\x80\"", 1, "not UTF-8"},
        {"\"\xED\xA0\x80\"", 1, "not UTF-8"},
        {"{\"a\":1,\"a\":2}", 0, "duplicate name"},
        {"[{\"a\":1,\"\\u0061\":2}]", 1, "duplicate name"},
        {"\xEF\xBB\xBF[]", 0, "value expected"},
        {"[1]//", 3, "more than one value"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json value = {.type = JSON_BOOL};
        struct json_fault fault = {99, ""};
        assert_int_equal(json_parse(arena, str_of(cases[i].text), &value, &fault), E_INPUT);
        if (fault.offset != cases[i].offset || strcmp(fault.what, cases[i].what) != 0)
            fail_msg("%s: %s at %zu", cases[i].text, fault.what, fault.offset);
        assert_int_equal(value.type, JSON_BOOL);
        assert_int_equal(json_parse(arena, str_of(cases[i].text), &value, NULL), E_INPUT);
    }
}

static void test_depth(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 2];
    struct json value;
    struct json_fault fault;

    (void)state;
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    assert_int_equal(json_parse(arena, (struct str){text, 2 * JSON_DEPTH_MAX}, &value, NULL), OK);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_int_equal(json_parse(arena, (struct str){text, sizeof(text)}, &value, &fault), E_INPUT);
    assert_string_equal(fault.what, "too deep");
}

static void test_values(void **state)
{
    const char *text =
        " {\"id\":9007199254740993, \"t\":\"\xE4\xBD\xA0\", \"e\":\"\\u4f60\\ud83e\\udd8b\\n\\/\","
        "\"list\":[true,false,null,-0,1.5,-2e3],\"empty\":{},\"none\":[]} ";
    struct json value = good(text);
    const struct json *list = json_get(&value, "list");

    (void)state;
    assert_int_equal(value.count, 6);
    assert_true(json_get(&value, "id")->integer == INT64_C(9007199254740993));
    assert_true(str_is(json_get(&value, "t")->text, "\xE4\xBD\xA0"));
    assert_in_range((uintptr_t)json_get(&value, "t")->text.at, (uintptr_t)text,
                    (uintptr_t)text + strlen(text));
    assert_true(str_is(json_get(&value, "e")->text, "\xE4\xBD\xA0\xF0\x9F\xA6\x8B\n/"));
    assert_true(str_is(json_get(&value, "e")->raw, "\"\\u4f60\\ud83e\\udd8b\\n\\/\""));
    assert_int_equal(list->count, 6);
    assert_true(list->items[0].is_true);
    assert_int_equal(list->items[1].type, JSON_BOOL);
    assert_false(list->items[1].is_true);
    assert_int_equal(list->items[2].type, JSON_NULL);
    assert_int_equal(list->items[3].type, JSON_INT);
    assert_int_equal(list->items[3].integer, 0);
    assert_int_equal(list->items[4].type, JSON_NUM);
    assert_true(list->items[4].number == 1.5);
    assert_true(list->items[5].number == -2000);
    assert_true(str_is(list->raw, "[true,false,null,-0,1.5,-2e3]"));
    assert_int_equal(json_get(&value, "empty")->type, JSON_OBJECT);
    assert_int_equal(json_get(&value, "none")->count, 0);
    assert_null(json_get(&value, "nothing"));
    assert_null(json_get(list, "id"));
    assert_null(json_get(NULL, "id"));
    assert_true(good("-9223372036854775808").integer == INT64_MIN);
    assert_true(good("9223372036854775807").integer == INT64_MAX);
}

static void test_large_containers(void **state)
{
    struct buf buf;
    struct json value;

    (void)state;
    buf_init(&buf, 64 << 20);
    for (int has_twin = 0; has_twin < 2; has_twin++) {
        buf_reset(&buf);
        buf_char(&buf, '{');
        for (int i = 0; i < 40000; i++)
            buf_fmt(&buf, "\"n%d\":[%d],", i, i);
        buf_fmt(&buf, "\"n%d\":0}", has_twin ? 20000 : 40000);
        assert_int_equal(json_parse(arena, buf_view(&buf), &value, NULL), has_twin ? E_INPUT : OK);
        if (!has_twin) {
            assert_int_equal(value.count, 40001);
            assert_int_equal(json_get(&value, "n39999")->items[0].integer, 39999);
        }
        arena_reset(arena);
    }
    buf_release(&buf);
}

/* The largest text the server takes in one body stays far below the memory of one request. */
static void test_memory(void **state)
{
    static const struct {
        const char *piece;
    } cases[] = {{"0,"}, {"[],"}, {"{},"}, {"{\"a\":0},"}, {"\"\\n\","}};
    struct json value;
    struct json_fault fault;
    struct buf buf;

    (void)state;
    buf_init(&buf, 2 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int is_over = 0; is_over < 2; is_over++) {
            int64_t per_piece = cases[i].piece[0] == '{' && cases[i].piece[1] == '"' ? 2 : 1,
                    count = 1;
            buf_reset(&buf);
            buf_char(&buf, '[');
            for (; count + per_piece < JSON_VALUE_MAX + is_over; count += per_piece)
                buf_str(&buf, str_of(cases[i].piece));
            buf_str(&buf, is_over ? S("0,0,0]") : S("0]"));
            assert_int_equal(json_parse(arena, buf_view(&buf), &value, &fault),
                             is_over ? E_INPUT : OK);
            if (is_over)
                assert_string_equal(fault.what, "too many values");
            assert_true(arena_used(arena) < 40 << 20);
            arena_reset(arena);
        }
    }
    buf_release(&buf);
}

static void test_write(void **state)
{
    struct buf buf;
    struct json_out out;

    (void)state;
    buf_init(&buf, 10000);
    json_out_init(&out, &buf);
    json_object_begin(&out);
    json_name(&out, "a");
    json_array_begin(&out);
    json_int(&out, -5);
    json_int(&out, NONE);
    json_id(&out, 12);
    json_id(&out, NONE);
    json_bool(&out, true);
    json_num(&out, 0.1);
    json_num(&out, NAN);
    json_num(&out, -0.0);
    json_array_end(&out);
    json_name(&out, "s");
    json_str(&out, S("<a>\"\\\n\x01\xE4\xBD\xA0"));
    json_name(&out, "n");
    json_str(&out, (struct str){0});
    json_name(&out, "o");
    json_object_begin(&out);
    json_object_end(&out);
    json_name(&out, "r");
    json_raw(&out, S("[1]"));
    json_object_end(&out);
    assert_true(
        str_is(buf_view(&buf),
               "{\"a\":[-5,null,\"12\",null,true,0.1,null,-0.0],"
               "\"s\":\"\\u003ca>\\\"\\\\\\n\\u0001\xE4\xBD\xA0\",\"n\":null,\"o\":{},\"r\":[1]}"));
    buf_release(&buf);
}

static void test_numbers_read_back(void **state)
{
    uint64_t seed = 88172645463325252u;
    struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    for (int i = 0; i < 200000; i++) {
        struct json_out out;
        struct json value;
        double number, back;
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        memcpy(&number, &seed, 8);
        if (i % 2)
            number = (double)(int64_t)(seed % 2000000) / 100;
        if (!isfinite(number))
            continue;
        buf_reset(&buf);
        json_out_init(&out, &buf);
        json_num(&out, number);
        assert_int_equal(json_parse(arena, buf_view(&buf), &value, NULL), OK);
        back = value.type == JSON_INT ? (double)value.integer : value.number;
        assert_memory_equal(&back, &number, sizeof(back));
        arena_reset(arena);
    }
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_large_containers),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_numbers_read_back),
    };

    return cmocka_run_group_tests(tests, arena_open, arena_close);
}
