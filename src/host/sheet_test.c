/* Spreadsheets good and hostile: every kind of cell, both systems of dates, what must be refused,
 * and that a refusal is told by its code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zip.h>

#include "host/sheet.h"

struct part {
    const char *path, *text;
    size_t len; /* 0: of the text */
};

#define BOOK                                                                                       \
    {"xl/workbook.xml", "<workbook><workbookPr/><sheets><sheet name='第一' r:id='r1'/>"          \
                        "<sheet name='two' r:id='r2'/></sheets></workbook>"},                      \
    {                                                                                              \
        "xl/_rels/workbook.xml.rels", "<Relationships><Relationship Id='r1' "                      \
                                      "Target='worksheets/a.xml'/><Relationship Id='r2' "          \
                                      "Target='/xl/worksheets/b.xml'/></Relationships>"            \
    }
#define ROWS(text) "<worksheet><sheetData>" text "</sheetData></worksheet>"

static char path[] = "/tmp/papilio-sheet-XXXXXX";

static struct str zip_of(const struct part *parts, size_t count)
{
    zip_t *zip;

    remove(path);
    zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(zip);
    for (size_t i = 0; i < count; i++) {
        size_t len = parts[i].len ? parts[i].len : strlen(parts[i].text);
        zip_source_t *source = zip_source_buffer(zip, parts[i].text, len, 0);

        assert_true(zip_file_add(zip, parts[i].path, source, 0) >= 0);
    }
    assert_int_equal(zip_close(zip), 0);
    return str_of(path);
}

/* The rows as "line:a|b|c;" and at the end what stopped it. */
static const char *read_all(struct str file, int64_t number)
{
    static char text[4096];
    struct sheet *sheet;
    struct sheet_fault fault = {0};
    struct csv_record record;
    size_t len = 0;
    enum err err = sheet_open(file, number, &sheet, &fault);

    text[0] = '\0';
    while (err == OK && (err = sheet_next(sheet, &record, &fault)) == OK &&
           record.kind != CSV_END) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%d:", (int)record.line);
        if (record.kind == CSV_FAULT)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "!%s", record.what);
        for (size_t i = 0; i < record.count; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s", i ? "|" : "",
                                    STR(record.fields[i]));
        len += (size_t)snprintf(text + len, sizeof(text) - len, ";");
        assert_true(len < sizeof(text) - 600);
    }
    if (err != OK)
        snprintf(text + len, sizeof(text) - len, "%s", fault.code);
    sheet_close(sheet);
    return text;
}

static void test_cells(void **state)
{
    const struct part parts[] = {
        BOOK,
        {"xl/sharedStrings.xml", "<sst><si><t>名</t></si><si><r><t>a</t></r><r><t>b</t></r>"
                                 "<rPh><t>no</t></rPh></si><si><t>_x0041_x</t></si></sst>"},
        {"xl/styles.xml", "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='yyyy/m/d'/>"
                          "<numFmt numFmtId='165' formatCode='[h]:mm'/></numFmts><cellStyleXfs>"
                          "<xf numFmtId='14'/></cellStyleXfs><cellXfs><xf numFmtId='0'/>"
                          "<xf numFmtId='14'/><xf numFmtId='164'/><xf numFmtId='165'/></cellXfs>"
                          "</styleSheet>"},
        {"xl/worksheets/a.xml",
         ROWS("<row/><row r='2'><c r='A2' t='s'><v>0</v></c><c r='C2' t='s'><v>1</v></c>"
              "<c r='E2' t='s'><v>2</v></c></row>"
              "<row r='4'><c r='A4'><v>0.1</v></c><c><v>1.3812345678E10</v></c>"
              "<c><v>1.2300000000000001E-2</v></c><c><v>-5</v></c><c><v>1E-7</v></c></row>"
              "<row><c s='1'><v>44927</v></c><c s='2'><v>44927.354166666664</v></c>"
              "<c s='3'><v>1.5</v></c><c s='1'><v>60</v></c><c s='1'><v>59.999999</v></c></row>"
              "<row><c t='b'><v>1</v></c><c t='b'><v>0</v></c><c t='inlineStr'><is><t>=1+1</t>"
              "</is></c><c t='str'><f>1+1</f><v>two</v></c></row>"
              "<row><c t='e'><v>#N/A</v></c></row>"
              "<row><c t='s'><v>99</v></c></row>"
              "<row><c r='B9'/></row>"
              "<row><c><v>1</v></c><c/><c/><c/><c/><c><v>6</v></c></row>")},
        {"xl/worksheets/b.xml", ROWS("<row><c><v>2</v></c></row>")},
    };
    struct str file = zip_of(parts, ARRAY_LEN(parts));

    (void)state;
    assert_true(sheet_is(file));
    assert_string_equal(read_all(file, 1),
                        "2:名||ab||Ax;"
                        "4:0.1|13812345678|0.0123|-5|0.0000001;"
                        "5:2023-01-01|2023-01-01 08:30:00|1.5|1900-02-29|1900-02-29;"
                        "6:true|false|=1+1|two|;"
                        "7:!csv.cell;8:!csv.cell;10:1|||||6;");
    assert_string_equal(read_all(file, 2), "1:2;");
    assert_string_equal(read_all(file, 3), "sheet.missing");
}

static void test_1904(void **state)
{
    const struct part parts[] = {
        {"xl/workbook.xml", "<x:workbook xmlns:x='u'><x:workbookPr date1904='1'/></x:workbook>"},
        {"xl/styles.xml", "<styleSheet><cellXfs><xf numFmtId='22'/></cellXfs></styleSheet>"},
        {"xl/worksheets/sheet1.xml", ROWS("<row><c><v>0</v></c><c><v>43465.5</v></c></row>")},
    };

    (void)state;
    assert_string_equal(read_all(zip_of(parts, ARRAY_LEN(parts)), 1),
                        "1:1904-01-01|2023-01-01 12:00:00;");
}

static void refused(const char *workbook, const char *strings, const char *rows, const char *code)
{
    const struct part parts[] = {
        {"xl/workbook.xml", workbook, 0},
        {"xl/sharedStrings.xml", strings, 0},
        {"xl/worksheets/sheet1.xml", rows, 0},
    };
    const char *text = read_all(zip_of(parts, ARRAY_LEN(parts)), 1);

    if (strstr(text, code) == NULL)
        print_error("wanted %s, got %s\n", code, text);
    assert_non_null(strstr(text, code));
}

static char *repeated(const char *head, char c, size_t count, const char *tail)
{
    char *text = malloc(strlen(head) + count + strlen(tail) + 1);

    assert_non_null(text);
    memcpy(text, head, strlen(head));
    memset(text + strlen(head), c, count);
    memcpy(text + strlen(head) + count, tail, strlen(tail) + 1);
    return text;
}

static void test_refused(void **state)
{
    static const char good[] = ROWS("<row><c><v>1</v></c></row>");
    char *bomb = repeated("<worksheet>", ' ', 64 << 20, "</worksheet>");
    char *tag = repeated("<worksheet><row r='", '1', 3 << 20, "'/></worksheet>");
    char *cell =
        repeated("<worksheet><row><c t='str'><v>", 'x', 200000, "</v></c></row></worksheet>");
    char *texts = repeated("<sst><si><t>", 'x', 70 << 20, "</t></si></sst>");

    (void)state;
    refused("<workbook/>", "<sst/>", good, "1:1;");
    refused("<!DOCTYPE a [<!ENTITY b 'c'>]><workbook/>", "<sst/>", good, "sheet.doctype");
    refused("<workbook/>", "<!DOCTYPE a SYSTEM 'http://x/'><sst/>", good, "sheet.doctype");
    refused("<workbook/>", "<sst/>", "<!DOCTYPE a><worksheet/>", "sheet.doctype");
    refused("<workbook", "<sst/>", good, "sheet.broken");
    refused("<workbook/>", "<sst/>", "<worksheet><row><c><v>1</v></c></row><row>",
            "1:1;sheet.broken");
    refused("<workbook/>", "<sst/>", "<worksheet>&b;</worksheet>", "sheet.broken");
    refused("<workbook/>", "<sst/>", bomb, "sheet.bomb");
    refused("<workbook/>", texts, good, "sheet.bomb");
    refused("<workbook/>", "<sst/>", tag, "sheet.b");
    refused("<workbook/>", "<sst/>", cell, "1:!csv.too_long;");
    refused("<workbook/>", "<sst/>", ROWS("<row><c r='ZZZ1'><v>1</v></c></row>"), "1:!csv.fields;");
    refused("<workbook/>", "<sst/>", ROWS("<row r='1048577'><c><v>1</v></c></row>"),
            "sheet.broken");
    refused("<workbook><sheets><sheet name='a' r:id='x'/></sheets></workbook>", "<sst/>", good,
            "1:1;");
    free(bomb);
    free(tag);
    free(cell);
    free(texts);
}

static void test_broken_zips(void **state)
{
    const struct part other[] = {{"word/document.xml", "<a/>", 0}};
    static const char cut[] = "PK\3\4 and then nothing";
    struct sheet_fault fault;
    struct sheet *sheet;

    (void)state;
    assert_string_equal(read_all(zip_of(other, 1), 1), "sheet.missing");
    assert_int_equal(sheet_open_bytes(S(""), 1, &sheet, &fault), E_INPUT);
    assert_int_equal(sheet_open_bytes((struct str){cut, sizeof(cut) - 1}, 1, &sheet, &fault),
                     E_INPUT);
    assert_string_equal(fault.code, "sheet.broken");
    assert_false(sheet_is(S("/tmp/not/there")));
}

static int path_make(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int path_drop(void **state)
{
    (void)state;
    return remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_1904),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_broken_zips),
    };

    return cmocka_run_group_tests(tests, path_make, path_drop);
}
