/* The texts of HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host/http_private.h"

static void unescapes(void **state)
{
    static const struct {
        struct str text;
        bool is_query;
        const char *out; /* NULL: refused */
    } rows[] = {
        {S(""), false, ""},
        {S("abc"), false, "abc"},
        {S("a%20b"), false, "a b"},
        {S("a+b"), false, "a+b"},
        {S("a+b%2B"), true, "a b+"},
        {S("%E8%9D%B6%e5%9f%9f"), false, "蝶域"},
        {S("%2F..%2f"), false, "/../"},
        {S("%25"), false, "%"},
        {S("%"), false, NULL},
        {S("%4"), false, NULL},
        {S("a%4"), false, NULL},
        {S("%4g"), false, NULL},
        {S("%-1"), false, NULL},
        {S("%00"), false, NULL},
        {S("a\0b"), false, NULL},
        {S("%FF"), false, NULL},
        {S("%C0%AF"), false, NULL},
        {S("%ED%A0%80"), false, NULL},
    };
    struct arena *arena = arena_new(65536);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str out = {NULL, 0};
        bool is_good = http_unescape(arena, rows[i].text, rows[i].is_query, &out);

        assert_int_equal(is_good, rows[i].out != NULL);
        if (is_good)
            assert_true(str_is(out, rows[i].out));
    }
    arena_free(arena);
}

static void knows_types(void **state)
{
    (void)state;
    assert_string_equal(http_type_of(S("/a/b.html")), "text/html; charset=utf-8");
    assert_string_equal(http_type_of(S("APP.JS")), "text/javascript; charset=utf-8");
    assert_string_equal(http_type_of(S("x.woff2")), "font/woff2");
    assert_string_equal(http_type_of(S("x.unknown")), "application/octet-stream");
    assert_string_equal(http_type_of(S("js")), "application/octet-stream");
    assert_string_equal(http_type_of(S("")), "application/octet-stream");
}

static void reads_lists(void **state)
{
    (void)state;
    assert_true(http_text_list_has(S("gzip, deflate, br"), S("br")));
    assert_true(http_text_list_has(S("gzip;q=0.5,BR ; q=1.0"), S("br")));
    assert_true(http_text_list_has(S("br;q=0.001"), S("br")));
    assert_false(http_text_list_has(S("gzip, br;q=0"), S("br")));
    assert_false(http_text_list_has(S("br;q=0.000, gzip"), S("br")));
    assert_false(http_text_list_has(S("brotli"), S("br")));
    assert_false(http_text_list_has(S(""), S("br")));
    assert_false(http_text_list_has((struct str){NULL, 0}, S("br")));
}

static void writes_dates_and_reasons(void **state)
{
    char text[32];

    (void)state;
    assert_true(str_is(http_text_date(text, 784111777), "Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_true(str_is(http_text_date(text, 0), "Thu, 01 Jan 1970 00:00:00 GMT"));
    assert_true(str_is(http_text_date(text, 1709164800), "Thu, 29 Feb 2024 00:00:00 GMT"));
    assert_string_equal(http_text_reason(200), "OK");
    assert_string_equal(http_text_reason(431), "Request Header Fields Too Large");
    assert_string_equal(http_text_reason(299), "Status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unescapes),
        cmocka_unit_test(knows_types),
        cmocka_unit_test(reads_lists),
        cmocka_unit_test(writes_dates_and_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
