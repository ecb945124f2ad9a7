/* Views, conversions, growing buffers. */
#include "base/base.h"

#include <setjmp.h>

#include <cmocka.h>

static void assert_str(struct str s, const char *expected)
{
    if (!str_is(s, expected))
        fail_msg("\"%.*s\" is not \"%s\"", STR(s), expected);
}

static void test_compare(void **state)
{
    (void)state;
    assert_true(str_eq(S("abc"), S("abc")));
    assert_false(str_eq(S("abc"), S("abd")));
    assert_false(str_eq(S("abc"), S("ab")));
    assert_true(str_eq((struct str){0}, S("")));
    assert_true(str_eq_nocase(S("Content-Type"), S("content-tYPE")));
    assert_false(str_eq_nocase(S("@"), S("`")));
    assert_true(str_cmp(S("a"), S("ab")) < 0);
    assert_true(str_cmp(S("b"), S("ab")) > 0);
    assert_int_equal(str_cmp(S("ab"), S("ab")), 0);
    assert_true(str_cmp(S("\xff"), S("a")) > 0);
    assert_true(str_starts(S("abc"), S("ab")));
    assert_true(str_starts(S(""), S("")));
    assert_false(str_starts(S("a"), S("ab")));
    assert_true(str_ends(S("abc"), S("bc")));
    assert_false(str_ends(S("c"), S("bc")));
    assert_int_equal(str_find(S("hello"), S("ll")), 2);
    assert_int_equal(str_find(S("hello"), S("lx")), -1);
    assert_int_equal(str_find(S("he"), S("hello")), -1);
    assert_int_equal(str_find(S(""), S("")), 0);
    assert_null(str_of(NULL).at);
}

static void test_cut(void **state)
{
    struct str head, tail;

    (void)state;
    assert_str(str_trim(S(" \t a b\r\n")), "a b");
    assert_str(str_trim(S(" \t ")), "");
    assert_str(str_sub(S("hello"), 1, 3), "ell");
    assert_str(str_sub(S("hello"), 4, SIZE_MAX), "o");
    assert_str(str_sub(S("hello"), 9, 3), "");
    assert_true(str_cut(S("a=b=c"), '=', &head, &tail));
    assert_str(head, "a");
    assert_str(tail, "b=c");
    assert_false(str_cut(S("abc"), '=', &head, &tail));
    assert_str(head, "abc");
    assert_str(tail, "");
    assert_true(str_cut(S("="), '=', &head, &tail));
    assert_int_equal(head.len + tail.len, 0);
}

static void test_to_int(void **state)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "1 ",
                                      " 1",
                                      "1a",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "0x1"};
    int64_t value = 5;

    (void)state;
    assert_true(str_to_int(S("0"), &value));
    assert_int_equal(value, 0);
    assert_true(str_to_int(S("-12"), &value));
    assert_int_equal(value, -12);
    assert_true(str_to_int(S("9223372036854775807"), &value));
    assert_true(value == INT64_MAX);
    assert_true(str_to_int(S("-9223372036854775808"), &value));
    assert_true(value == INT64_MIN);
    value = 5;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(str_to_int(str_of(bad[i]), &value));
    assert_int_equal(value, 5);
}

static void test_made_in_arena(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct str out, longer;

    (void)state;
    assert_str(str_fmt(arena, "%d-%s", 7, "x"), "7-x");
    assert_str(str_decimal(arena, 1230, 2), "12.30");
    assert_str(str_decimal(arena, -5, 2), "-0.05");
    assert_str(str_decimal(arena, 7, 0), "7");
    assert_str(str_decimal(arena, INT64_MIN + 1, 3), "-9223372036854775.807");
    longer = str_fmt(arena, "%0300d|", 5);
    assert_int_equal(longer.len, 301);
    assert_int_equal(longer.at[299], '5');
    assert_int_equal(longer.at[300], '|');
    assert_str(str_lower(arena, S("AbC-Z@[")), "abc-z@[");
    assert_str(str_hex(arena, S("\x00\xff\x1a")), "00ff1a");
    assert_true(str_unhex(arena, S("00FF1a"), &out));
    assert_true(str_eq(out, S("\x00\xff\x1a")));
    assert_false(str_unhex(arena, S("0"), &out));
    assert_false(str_unhex(arena, S("0g"), &out));
    assert_string_equal(str_cstr(arena, S("abc")), "abc");
    assert_string_equal(str_cstr(arena, (struct str){0}), "");
    assert_null(str_copy(arena, (struct str){0}).at);
    assert_non_null(str_copy(arena, S("")).at);
    assert_str(str_copy(arena, S("abc")), "abc");
    arena_free(arena);
}

static void test_hash(void **state)
{
    char text[64];
    uint64_t seen[64 * 8];
    size_t count = 0;

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t len = 0; len < 64; len++)
        for (int flip = 0; flip < 8 && len; flip++) {
            text[len - 1] = (char)('a' + flip);
            seen[count++] = str_hash((struct str){text, len}, 1);
            text[len - 1] = 'x';
        }
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < a; b++)
            assert_true(seen[a] != seen[b]);
    assert_true(str_hash(S("a"), 1) != str_hash(S("a"), 2));
    assert_true(str_hash(S("\0"), 1) != str_hash(S(""), 1));
}

static void test_buf(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 1000);
    assert_str(buf_view(&buf), "");
    buf_str(&buf, S("a"));
    buf_char(&buf, 'b');
    buf_int(&buf, -42);
    buf_int(&buf, 0);
    buf_fmt(&buf, "<%s>", "x");
    assert_str(buf_view(&buf), "ab-420<x>");
    buf_reset(&buf);
    buf_int(&buf, INT64_MIN);
    assert_str(buf_view(&buf), "-9223372036854775808");
    buf_reset(&buf);
    buf_fmt(&buf, "%0999d", 3);
    assert_false(buf.is_full);
    assert_int_equal(buf.len, 999);
    assert_int_equal(buf.at[998], '3');
    buf_char(&buf, 'x');
    assert_false(buf.is_full);
    buf_char(&buf, 'y');
    assert_true(buf.is_full);
    assert_int_equal(buf.len, 1000);
    buf_reset(&buf);
    buf_fmt(&buf, "%01001d", 3);
    assert_true(buf.is_full);
    buf_char(&buf, 'y');
    assert_int_equal(buf.len, 0);
    buf_reset(&buf);
    assert_null(buf_room(&buf, 1001));
    assert_true(buf.is_full);
    buf_release(&buf);
    buf_char(&buf, 'z');
    assert_str(buf_view(&buf), "z");
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_to_int),  cmocka_unit_test(test_made_in_arena),
        cmocka_unit_test(test_hash),    cmocka_unit_test(test_buf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
