/* Sheets as they are written: read back by the reader, and as libzip sees the file. */
#include "host/xlsx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zip.h>

#include "host/file.h"
#include "host/sheet.h"

static const int widths[30] = {10, 20};
static struct arena *arena;
static struct str path;

static int setup(void **state)
{
    static char folder[] = "/tmp/papilio-xlsx-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(folder));
    arena = arena_new((size_t)64 << 20);
    path = str_fmt(arena, "%s/a.xlsx", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(str_cstr(arena, path));
    rmdir(str_cstr(arena, str_sub(path, 0, path.len - strlen("/a.xlsx"))));
    arena_free(arena);
    return 0;
}

static struct xlsx *begin(void)
{
    struct xlsx *xlsx;

    assert_int_equal(xlsx_create(arena, path, widths, ARRAY_LEN(widths), &xlsx), OK);
    return xlsx;
}

static struct csv_record next(struct sheet *sheet)
{
    struct csv_record record = {0};
    struct sheet_fault fault;

    assert_int_equal(sheet_next(sheet, &record, &fault), OK);
    return record;
}

static struct sheet *reading(void)
{
    struct sheet *sheet;
    struct sheet_fault fault;

    assert_int_equal(sheet_open(path, 1, &sheet, &fault), OK);
    return sheet;
}

/* Each text in a row of its own comes back as it was. */
static void test_texts(void **state)
{
    static const char *const texts[] = {
        "plain",   "张三",   "=1+1",      "a & b < c > d \"e\"", "&amp;",        "two\nlines",
        "_x0041_", "_x004_", "__x0041__", "\x01 bell \x07",      "\xEF\xBF\xBD", "tail _x00",
        "\x7F",    "a\rb"};
    struct xlsx *xlsx = begin();
    struct sheet *sheet;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        xlsx_text(xlsx, str_of(texts[i]));
        xlsx_text(xlsx, S("."));
        xlsx_row_end(xlsx);
    }
    assert_int_equal(xlsx_close(xlsx), OK);
    sheet = reading();
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct csv_record record = next(sheet);
        assert_int_equal(record.kind, CSV_RECORD);
        if (!str_is(record.fields[0], texts[i]))
            fail_msg("wrote %s, read %.*s", texts[i], STR(record.fields[0]));
    }
    assert_int_equal(next(sheet).kind, CSV_END);
    sheet_close(sheet);
}

static void test_numbers(void **state)
{
    static const struct {
        int64_t value, decimals;
        const char *text;
    } cases[] = {{0, 0, "0"},        {7, 0, "7"},      {-7, 0, "-7"},
                 {1230, 2, "12.30"}, {-5, 2, "-0.05"}, {-1234, 2, "-12.34"},
                 {5, 3, "0.005"},    {15, 1, "1.5"},   {123456, 5, "123.456"},
                 {NONE, 2, ""}};
    struct xlsx *xlsx = begin();
    struct csv_record record;
    struct sheet *sheet;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        xlsx_number(xlsx, cases[i].value, cases[i].decimals);
    xlsx_text(xlsx, S("end"));
    xlsx_row_end(xlsx);
    assert_int_equal(xlsx_close(xlsx), OK);
    sheet = reading();
    record = next(sheet);
    assert_int_equal(record.count, ARRAY_LEN(cases) + 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (!str_is(record.fields[i], cases[i].text))
            fail_msg("wrote %d, read %.*s", (int)cases[i].value, STR(record.fields[i]));
    sheet_close(sheet);
}

/* Two codes that XML does not know. */
static void test_no_sign(void **state)
{
    struct xlsx *xlsx = begin();
    struct sheet *sheet;

    (void)state;
    xlsx_text(xlsx, S("a\xEF\xBF\xBE\xEF\xBF\xBF"
                      "b"));
    assert_int_equal(xlsx_close(xlsx), OK);
    sheet = reading();
    assert_true(str_is(next(sheet).fields[0], "a\xEF\xBF\xBD\xEF\xBF\xBD"
                                              "b"));
    sheet_close(sheet);
}

/* Empty cells keep the others in their columns, empty rows the others in their lines. */
static void test_gaps(void **state)
{
    struct xlsx *xlsx = begin();
    struct csv_record record;
    struct sheet *sheet;

    (void)state;
    for (int i = 0; i < 28; i++)
        xlsx_head(xlsx, i == 27 ? S("AB") : S("h"));
    xlsx_row_end(xlsx);
    xlsx_row_end(xlsx);
    for (int i = 0; i < 27; i++)
        xlsx_text(xlsx, (struct str){0});
    xlsx_text(xlsx, S("here"));
    assert_int_equal(xlsx_close(xlsx), OK);
    sheet = reading();
    record = next(sheet);
    assert_int_equal(record.count, 28);
    record = next(sheet);
    assert_int_equal(record.line, 3);
    assert_true(str_is(record.fields[27], "here"));
    assert_int_equal(next(sheet).kind, CSV_END);
    sheet_close(sheet);
}

/* Longer than a cell may be: cut, never within a sign. */
static void test_long(void **state)
{
    struct xlsx *xlsx = begin();
    struct csv_record record;
    struct sheet *sheet;
    struct buf buf;

    (void)state;
    buf_init(&buf, 1 << 20);
    buf_char(&buf, 'x');
    for (int i = 0; i < 20000; i++)
        buf_str(&buf, S("长"));
    xlsx_text(xlsx, buf_view(&buf));
    assert_int_equal(xlsx_close(xlsx), OK);
    sheet = reading();
    record = next(sheet);
    assert_int_equal(record.fields[0].len, 1 + 3 * (32766 / 3));
    assert_true(str_eq(record.fields[0], str_sub(buf_view(&buf), 0, record.fields[0].len)));
    sheet_close(sheet);
    buf_release(&buf);
}

/* Many pieces of packing: all rows come back, and the zip's own sums hold. */
static void test_many(void **state)
{
    const int count = 20000;
    struct xlsx *xlsx = begin();
    struct sheet *sheet;
    struct stat info;
    zip_t *zip;

    (void)state;
    for (int i = 0; i < count; i++) {
        xlsx_number(xlsx, i, 0);
        xlsx_text(xlsx, S("some text"));
        xlsx_row_end(xlsx);
    }
    assert_int_equal(xlsx_close(xlsx), OK);
    sheet = reading();
    for (int i = 0; i < count; i++) {
        int64_t number;
        assert_true(str_to_int(next(sheet).fields[0], &number));
        assert_int_equal(number, i);
    }
    assert_int_equal(next(sheet).kind, CSV_END);
    sheet_close(sheet);
    zip = zip_open(str_cstr(arena, path), ZIP_CHECKCONS | ZIP_RDONLY, NULL);
    assert_non_null(zip);
    assert_int_equal(zip_get_num_entries(zip, 0), 6);
    zip_discard(zip);
    assert_int_equal(stat(str_cstr(arena, path), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void test_no_folder(void **state)
{
    struct xlsx *xlsx;

    (void)state;
    assert_int_not_equal(xlsx_create(arena, S("/nowhere/a.xlsx"), widths, ARRAY_LEN(widths), &xlsx),
                         OK);
    assert_null(xlsx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_gaps),    cmocka_unit_test(test_long),
        cmocka_unit_test(test_many),    cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_no_sign),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
