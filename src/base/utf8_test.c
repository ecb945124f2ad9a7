/* UTF-8 against every code point and a naive checker; GB18030 both ways through iconv. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

static size_t encode(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xC0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xE0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 0x3F));
        to[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3F));
    to[2] = (char)(0x80 | (code >> 6 & 0x3F));
    to[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

static void test_every_code(void **state)
{
    char text[4];

    (void)state;
    for (uint32_t code = 0; code < 0x120000; code++) {
        bool is_code = code != 0 && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
        struct str s = {text, encode(text, code)};
        size_t at = 0;
        assert_int_equal(utf8_is_valid(s), is_code);
        if (!is_code)
            continue;
        assert_int_equal(utf8_next(s, &at), code);
        assert_int_equal(at, s.len);
        assert_int_equal(utf8_count(s), 1);
        assert_false(utf8_is_valid(str_sub(s, 0, s.len - 1)) && s.len > 1);
    }
}

static void test_bad(void **state)
{
    static const char *const bad[] = {
        "\xC0\x80",         "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
        "\xF5\x80\x80\x80", "\x80",     "\xFF",         "\xFE",
        "\xED\xA0\x80",     "\xC3(",    "\xE4\xBD",     "abcdefgh\xE4\xBD",
        "12345678\x80",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(utf8_is_valid(str_of(bad[i])));
    assert_false(utf8_is_valid(S("12345\0"
                                 "78")));
    assert_false(utf8_is_valid(S("\0")));
    assert_true(utf8_is_valid(S("")));
    assert_int_equal(utf8_valid_len(S("12345678\xE4\xBD\xA0\x80")), 11);
}

/* A fault at any place of an otherwise good text is found, at its place. */
static void test_any_place(void **state)
{
    char text[40];

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        for (int fault = 0; fault < 3; fault++) {
            memset(text, 'a', sizeof(text));
            text[i] = "\x80\x00\xC3"[fault];
            assert_int_equal(utf8_valid_len((struct str){text, sizeof(text)}), i);
        }
}

static void test_head(void **state)
{
    struct str s = S("a\xC3\xA9\xE4\xBD\xA0\xF0\x9F\xA6\x8B");

    (void)state;
    assert_int_equal(utf8_count(s), 4);
    for (size_t from = 0; from < 8; from++) { /* at every place of a word of eight bytes */
        struct str long_s = S("abcdefgh\xC3\xA9\xE4\xBD\xA0\xF0\x9F\xA6\x8B\x7F@\xE4\xBD\xA0xyz");
        assert_int_equal(utf8_count(str_sub(long_s, from, long_s.len)), 17 - from);
    }
    assert_int_equal(utf8_head(s, 0).len, 0);
    assert_int_equal(utf8_head(s, 2).len, 3);
    assert_int_equal(utf8_head(s, 3).len, 6);
    assert_int_equal(utf8_head(s, 4).len, 10);
    assert_int_equal(utf8_head(s, 99).len, 10);
}

static void test_gb18030(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct str out;

    (void)state;
    assert_int_equal(utf8_from_gb18030(arena, S("\xC4\xE3\xBA\xC3,a"), &out), OK);
    assert_true(str_is(out, "\xE4\xBD\xA0\xE5\xA5\xBD,a"));
    assert_int_equal(utf8_from_gb18030(arena, S("\x94\x39\xDA\x33"), &out), OK); /* U+1F4A9 */
    assert_true(str_is(out, "\xF0\x9F\x92\xA9"));
    assert_int_equal(utf8_from_gb18030(arena, S(""), &out), OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(utf8_from_gb18030(arena, S("\xC4"), &out), E_INPUT);
    assert_int_equal(utf8_from_gb18030(arena, S("\xFF\xFF"), &out), E_INPUT);
    assert_int_equal(utf8_from_gb18030(arena, S("a\0b"), &out), E_INPUT);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_any_place),  cmocka_unit_test(test_head),
        cmocka_unit_test(test_gb18030),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
