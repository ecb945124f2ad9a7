/* CSV: kinds of files, hostile files, and that the cut of the pieces does not matter. */
#include "base/csv.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"

static uint64_t seed = 88172645463325252u;

static uint64_t random_below(uint64_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % max;
}

/* Everything a file gives, as one text: fields between brackets, faults by name. Fed in pieces of
 * `step` bytes, or of random length if step is 0. */
static void csv_print(struct buf *out, struct str file, size_t step)
{
    struct csv *csv = csv_new();
    struct csv_record record;
    size_t at = 0;

    while ((record = csv_next(csv)).kind != CSV_END) {
        if (record.kind == CSV_MORE) {
            size_t len = step ? step : 1 + random_below(40);
            len = len > file.len - at ? file.len - at : len;
            csv_feed(csv, file.at + at, len);
            at += len;
            continue;
        }
        buf_int(out, record.line);
        buf_char(out, '@');
        buf_int(out, record.offset);
        if (record.kind == CSV_FAULT) {
            buf_fmt(out, " %s ", record.what);
            buf_str(out, record.raw);
        }
        for (size_t i = 0; i < record.count; i++) {
            assert_true(utf8_is_valid(record.fields[i]));
            buf_fmt(out, "[%.*s]", STR(record.fields[i]));
        }
        buf_char(out, '\n');
    }
    assert_int_equal(at, file.len);
    assert_int_equal(csv_next(csv).kind, CSV_END);
    csv_free(csv);
}

static void assert_csv(struct str file, const char *expected)
{
    static const size_t steps[] = {1 << 20, 1, 2, 3, 0};
    struct buf out;

    buf_init(&out, 64 << 20);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        buf_reset(&out);
        csv_print(&out, file, steps[i]);
        if (!str_is(buf_view(&out), expected))
            fail_msg("step %zu of \"%.*s\":\n%.*sis not\n%s", steps[i], STR(file),
                     STR(buf_view(&out)), expected);
    }
    buf_release(&out);
}

static void test_plain(void **state)
{
    (void)state;
    assert_csv(S(""), "");
    assert_csv(S("\n\r\n\r"), "");
    assert_csv(S("a"), "1@0[a]\n");
    assert_csv(S("a,b\n1,2\n"), "1@0[a][b]\n2@4[1][2]\n");
    assert_csv(S("a,b\r\n1,2\r\n"), "1@0[a][b]\n2@5[1][2]\n");
    assert_csv(S("a,b\r1,2\r"), "1@0[a][b]\n2@4[1][2]\n");
    assert_csv(S("a,b\n\n\n1,\n,\n"), "1@0[a][b]\n4@6[1][]\n5@9[][]\n");
    assert_csv(S("a;b\n1,2;3\n"), "1@0[a][b]\n2@4[1,2][3]\n");
    assert_csv(S("a\tb\n1;2\t3\n"), "1@0[a][b]\n2@4[1;2][3]\n");
    assert_csv(S("\"a;b;c\",d\n"), "1@0[a;b;c][d]\n");
    assert_csv(S("\n\na;b\n"), "3@2[a][b]\n");
    assert_csv(S("\xEF\xBB\xBF"
                 "a,b\n1,2\n"),
               "1@3[a][b]\n2@7[1][2]\n");
    assert_csv(S("\xEF\xBB\xBF"), "");
}

static void test_quotes(void **state)
{
    (void)state;
    assert_csv(S("\"a\",\"b\"\"c\"\n\"\",\"\"\"\"\n"), "1@0[a][b\"c]\n2@11[][\"]\n");
    assert_csv(S("\"a\r\nb\rc\nd\",2\r\n3\r\n"), "1@0[a\r\nb\rc\nd][2]\n5@14[3]\n");
    assert_csv(S("\"a\""), "1@0[a]\n");
    assert_csv(S("a,\"\""), "1@0[a][]\n");
    assert_csv(S("a,b\"c,d\ne\n"), "1@0 csv.quote a,b\"c,d\n2@8[e]\n");
    assert_csv(S("\"a\"b,c\r\nd\r\n"), "1@0 csv.quote \"a\"b,c\n2@8[d]\n");
    /* Never closed: the line is lost, the rest is not. */
    assert_csv(S("a,\"b\nc,d\ne,f\n"), "1@0 csv.quote a,\"b\n2@5[c][d]\n3@9[e][f]\n");
    assert_csv(S("a,\"b\nc,\"d\"\n\"e\",f\n"), "1@0 csv.quote a,\"b\n2@5[c][d]\n3@11[e][f]\n");
    assert_csv(S("\"x\ny\",\"b\nc"), "1@0 csv.quote \"x\ny\",\"b\n3@9[c]\n");
    assert_csv(S("\""), "1@0 csv.quote \"\n");
}

static void test_encodings(void **state)
{
    (void)state;
    assert_csv(S("\xE4\xBD\xA0,1\n"), "1@0[\xE4\xBD\xA0][1]\n");
    assert_csv(S("\xC4\xE3,\"\xBA\xC3\"\"\"\n1,\xC4\xE3\n"),
               "1@0[\xE4\xBD\xA0][\xE5\xA5\xBD\"]\n2@10[1][\xE4\xBD\xA0]\n");
    assert_csv(S("\x84\x31\x95\x33\xC4\xE3\n"), "1@4[\xE4\xBD\xA0]\n");
    assert_csv(S("\xC4\xE3\xFF,1\n2\n"), "1@0 csv.encoding \xC4\xE3\xFF,1\n2@6[2]\n");
    /* One broken byte in a text that is UTF-8 else. */
    assert_csv(S("\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD"
                 "\xA0\xE4\xBD\xA0\n"
                 "\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD"
                 "\xA0\xE4\xBD\xA0\n"
                 "x\x80y\nz\n"),
               "1@0["
               "\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD"
               "\xA0\xE4\xBD\xA0]\n"
               "2@25["
               "\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD"
               "\xA0\xE4\xBD\xA0]\n"
               "3@50 csv.encoding x\x80y\n4@54[z]\n");
}

static void test_nul(void **state)
{
    struct csv *csv = csv_new();
    struct csv_record record;

    (void)state;
    csv_feed(csv, "a\0b,c\nd\n", 8);
    csv_feed(csv, NULL, 0);
    record = csv_next(csv);
    assert_int_equal(record.kind, CSV_FAULT);
    assert_string_equal(record.what, "csv.nul");
    assert_true(str_eq(record.raw, S("a\0b,c")));
    record = csv_next(csv);
    assert_int_equal(record.kind, CSV_RECORD);
    assert_true(str_is(record.fields[0], "d"));
    csv_free(csv);
}

/* A broken byte after the sample is a fault of its record alone. */
static void test_late_fault(void **state)
{
    struct buf file, out;
    size_t offset;
    char expected[100];

    (void)state;
    buf_init(&file, 1 << 20);
    buf_init(&out, 4 << 20);
    while (file.len < 70000)
        buf_str(&file, S("\xE4\xBD\xA0,1\n"));
    offset = file.len;
    buf_str(&file, S("\xC4\xE3,2\nok\n"));
    csv_print(&out, buf_view(&file), 1000);
    snprintf(expected, sizeof(expected), "%zu@%zu csv.encoding \xC4\xE3,2\n%zu@%zu[ok]\n",
             offset / 6 + 1, offset, offset / 6 + 2, offset + 5);
    assert_true(str_ends(buf_view(&out), str_of(expected)));
    buf_release(&file);
    buf_release(&out);
}

static void file_add(struct buf *file, const char *head, char c, size_t count)
{
    buf_str(file, str_of(head));
    memset(buf_room(file, count), c, count);
    file->len += count;
}

/* The output of one file that is too large to write down: only its number of lines and its end are
 * looked at. */
static void assert_long(struct buf *file, size_t step, size_t line_count, const char *end)
{
    struct buf out;
    size_t count = 0;

    buf_init(&out, 64 << 20);
    csv_print(&out, buf_view(file), step);
    for (size_t i = 0; i < out.len; i++)
        count += out.at[i] == '\n';
    if (count != line_count || !str_ends(buf_view(&out), str_of(end)))
        fail_msg("%zu lines: %.*s", count,
                 STR(str_sub(buf_view(&out), out.len > 100 ? out.len - 100 : 0, 100)));
    buf_release(&out);
}

static void test_limits(void **state)
{
    static const size_t steps[] = {1 << 26, 70000, 1};
    struct buf file;

    (void)state;
    buf_init(&file, 64 << 20);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        buf_reset(&file);
        file_add(&file, "h\n", 'a', CSV_RECORD_MAX);
        buf_str(&file, S("\r\nnext\n"));
        assert_long(&file, steps[i], 3, "]\n3@1048580[next]\n");
        buf_reset(&file);
        file_add(&file, "h\n", 'a', CSV_RECORD_MAX + 1);
        buf_str(&file, S("\r\nnext\n"));
        assert_long(&file, steps[i], 3, "a\n3@1048581[next]\n");
        buf_reset(&file);
        file_add(&file, "h\n\"", 'a', 2 * CSV_RECORD_MAX);
        buf_str(&file, S("\nnext\n"));
        assert_long(&file, steps[i], 3, "a\n3@2097156[next]\n");
        /* Unclosed quote before more than a megabyte of good lines. */
        buf_reset(&file);
        buf_str(&file, S("h\n\"lost\n"));
        while (file.len < CSV_RECORD_MAX + 100000)
            buf_str(&file, S("good,1\n"));
        buf_str(&file, S("last\n"));
        assert_long(&file, steps[i], 3 + (file.len - 13) / 7, "[last]\n");
    }
    buf_release(&file);
}

static void test_field_limit(void **state)
{
    struct buf file;

    (void)state;
    buf_init(&file, 1 << 20);
    file_add(&file, "", ',', CSV_FIELD_MAX - 1);
    file_add(&file, "\n", ',', CSV_FIELD_MAX);
    buf_str(&file, S("\nx,y\n"));
    assert_long(&file, 7, 3, ",\n3@1025[x][y]\n");
    buf_release(&file);
}

/* Every line opens a quote that the next one seems to close or to escape: still linear, and nothing
 * is lost in silence. */
static void test_quadratic(void **state)
{
    static const char *const lines[] = {"\"\"\"a\n", "\"x\n",   "\",\",\"\n",
                                        "x,\"\n",    "\"\"x\n", "\"\"\"\"\"\n"};
    struct buf file, out;

    (void)state;
    buf_init(&file, 64 << 20);
    buf_init(&out, 256 << 20);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        buf_reset(&file);
        while (file.len < 6 << 20)
            buf_str(&file, str_of(lines[i]));
        buf_reset(&out);
        csv_print(&out, buf_view(&file), 65536);
        assert_true(out.len > 0);
        assert_false(out.is_full);
    }
    buf_release(&file);
    buf_release(&out);
}

/* Random files of awkward bytes give the same however they are cut. */
static void test_pieces(void **state)
{
    static const char *const parts[] = {
        "\"",  ",",    "\n",    "\r",           "\r\n", ";",        "\t", "a",
        "bcd", "\"\"", "\",\"", "\xE4\xBD\xA0", "\x80", "\xC4\xE3", " ",  "\xEF\xBB\xBF"};
    struct buf file, whole, pieces;

    (void)state;
    buf_init(&file, 1 << 20);
    buf_init(&whole, 8 << 20);
    buf_init(&pieces, 8 << 20);
    for (int round = 0; round < 4000; round++) {
        size_t kinds = 1 + random_below(ARRAY_LEN(parts)), count = random_below(60);
        buf_reset(&file);
        for (size_t i = 0; i < count; i++)
            buf_str(&file, str_of(parts[random_below(kinds)]));
        if (round % 100 == 0)
            while (file.len && file.len < 100000) {
                char copy[500];
                size_t len = file.len < sizeof(copy) ? file.len : sizeof(copy);
                memcpy(copy, file.at, len);
                buf_add(&file, copy, len);
            }
        buf_reset(&whole);
        csv_print(&whole, buf_view(&file), 1 << 20);
        for (int way = 0; way < 2; way++) {
            buf_reset(&pieces);
            csv_print(&pieces, buf_view(&file), (size_t)way);
            if (!str_eq(buf_view(&whole), buf_view(&pieces)))
                fail_msg("\"%.*s\":\n%.*s\n%.*s", STR(buf_view(&file)), STR(buf_view(&whole)),
                         STR(buf_view(&pieces)));
        }
    }
    buf_release(&file);
    buf_release(&whole);
    buf_release(&pieces);
}

static void test_write(void **state)
{
    static const struct {
        const char *field, *written;
    } cases[] = {
        {"a", "a"},
        {"", ""},
        {"a,b", "\"a,b\""},
        {"a;b", "\"a;b\""},
        {"a\"b", "\"a\"\"b\""},
        {"a\nb", "\"a\nb\""},
        {" a", "\" a\""},
        {"=1+1", "'=1+1"},
        {"@x", "'@x"},
        {"-5", "-5"},
        {"+86138", "+86138"},
        {"-12.50", "-12.50"},
        {"-1-1", "'-1-1"},
        {"-", "'-"},
        {"+1.", "'+1."},
        {"=a,b", "\"'=a,b\""},
        {"\tx", "\"'\tx\""},
        {"\rx", "\"'\rx\""},
        {"1e5", "1e5"},
        {"-1e5", "'-1e5"},
    };
    struct buf buf;

    (void)state;
    buf_init(&buf, 1000);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_reset(&buf);
        csv_write(&buf, str_of(cases[i].field), false);
        assert_true(str_is(str_sub(buf_view(&buf), 0, buf.len - 1), cases[i].written));
        assert_int_equal(buf.at[buf.len - 1], ',');
    }
    buf_reset(&buf);
    csv_write(&buf, S(""), true);
    csv_write(&buf, S(""), false);
    csv_write(&buf, S("z"), true);
    assert_true(str_is(buf_view(&buf), "\"\"\r\n,z\r\n"));
    buf_release(&buf);
}

/* What is written reads back the same. */
static void test_round_trip(void **state)
{
    static const char *const parts[] = {"\"", ",", "\n",  "\r\n",         ";",
                                        "\t", "a", "b c", "\xE4\xBD\xA0", " "};
    struct buf file, expected, out;

    (void)state;
    buf_init(&file, 1 << 20);
    buf_init(&expected, 8 << 20);
    buf_init(&out, 8 << 20);
    for (int round = 0; round < 2000; round++) {
        struct csv *csv = csv_new();
        struct csv_record record;
        size_t record_count = random_below(10);
        buf_reset(&file);
        buf_reset(&expected);
        buf_reset(&out);
        csv_write(&file, S("head"), false);
        csv_write(&file, S("line"), true);
        buf_str(&expected, S("[head][line]\n"));
        for (size_t r = 0; r < record_count; r++) {
            size_t count = 1 + random_below(4);
            for (size_t f = 0; f < count; f++) {
                char field[64] = "";
                for (size_t p = random_below(6); p > 0; p--)
                    strcat(field, parts[random_below(ARRAY_LEN(parts))]);
                if (field[0] && strchr("\t\r", field[0]))
                    field[0] = 'x'; /* would get an apostrophe */
                csv_write(&file, str_of(field), f + 1 == count);
                buf_fmt(&expected, "[%s]", field);
            }
            buf_char(&expected, '\n');
        }
        csv_feed(csv, file.at, file.len);
        csv_feed(csv, NULL, 0);
        while ((record = csv_next(csv)).kind == CSV_RECORD) {
            for (size_t i = 0; i < record.count; i++)
                buf_fmt(&out, "[%.*s]", STR(record.fields[i]));
            buf_char(&out, '\n');
        }
        assert_int_equal(record.kind, CSV_END);
        if (!str_eq(buf_view(&out), buf_view(&expected)))
            fail_msg("%.*s\n%.*s\n%.*s", STR(buf_view(&file)), STR(buf_view(&expected)),
                     STR(buf_view(&out)));
        csv_free(csv);
    }
    buf_release(&file);
    buf_release(&expected);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),       cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_encodings),   cmocka_unit_test(test_nul),
        cmocka_unit_test(test_late_fault),  cmocka_unit_test(test_limits),
        cmocka_unit_test(test_field_limit), cmocka_unit_test(test_quadratic),
        cmocka_unit_test(test_pieces),      cmocka_unit_test(test_write),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
