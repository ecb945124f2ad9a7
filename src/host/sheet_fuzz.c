/* Any bytes as a spreadsheet: as a zip, or as a part inside a good one. Whatever they are, reading
 * ends, rows stay in their bounds and cells are UTF-8. */
#include <stdlib.h>
#include <zip.h>

#include "base/utf8.h"
#include "host/sheet.h"

#define ROWS_MAX 2000

static const char book[] = "<workbook><sheets><sheet name='a' r:id='r'/></sheets></workbook>";
static const char relations[] =
    "<Relationships><Relationship Id='r' Target='worksheets/sheet1.xml'/></Relationships>";
static const char strings[] = "<sst><si><t>one</t></si><si><t>two</t></si></sst>";
static const char styles[] = "<styleSheet><cellXfs><xf/><xf numFmtId='14'/></cellXfs></styleSheet>";
static const char rows[] = "<worksheet><row><c t='s'><v>1</v></c><c s='1'><v>45000.5</v></c></row>"
                           "</worksheet>";

static void sheet_walk(struct str bytes)
{
    struct sheet_fault fault = {0};
    struct csv_record record;
    struct sheet *sheet;
    int64_t last = 0;

    if (sheet_open_bytes(bytes, 1, &sheet, &fault) != OK) {
        must(fault.code != NULL);
        return;
    }
    for (int i = 0; i < ROWS_MAX; i++) {
        if (sheet_next(sheet, &record, &fault) != OK) {
            must(fault.code != NULL);
            break;
        }
        if (record.kind == CSV_END)
            break;
        must(record.line > last && record.line <= SHEET_ROW_MAX);
        last = record.line;
        must(record.count <= CSV_FIELD_MAX);
        for (size_t k = 0; k < record.count; k++)
            must(utf8_is_valid(record.fields[k]));
    }
    sheet_close(sheet);
}

static void part_add(zip_t *zip, const char *path, const void *at, size_t len)
{
    zip_source_t *source = zip_source_buffer(zip, at, len, 0);
    zip_int64_t index = zip_file_add(zip, path, source, 0);

    must(index >= 0);
    must(zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0);
}

/* A good spreadsheet with one part of these bytes: which one, the first byte says. */
static void part_walk(const uint8_t *at, size_t len, int which)
{
    static const char *const paths[] = {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml",
                                        "xl/styles.xml", "xl/workbook.xml"};
    static const struct str good[] = {{rows, sizeof(rows) - 1},
                                      {strings, sizeof(strings) - 1},
                                      {styles, sizeof(styles) - 1},
                                      {book, sizeof(book) - 1}};
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
    zip_stat_t stat;
    char *bytes;

    must(zip != NULL);
    zip_source_keep(source);
    part_add(zip, "xl/_rels/workbook.xml.rels", relations, sizeof(relations) - 1);
    for (int i = 0; i < 4; i++)
        part_add(zip, paths[i], i == which ? (const void *)at : good[i].at,
                 i == which ? len : good[i].len);
    must(zip_close(zip) == 0);
    must(zip_source_open(source) == 0 && zip_source_stat(source, &stat) == 0);
    bytes = malloc(stat.size);
    must(bytes != NULL && zip_source_read(source, bytes, stat.size) == (zip_int64_t)stat.size);
    zip_source_close(source);
    zip_source_free(source);
    sheet_walk((struct str){bytes, stat.size});
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    if (len == 0)
        return 0;
    if (at[0] % 8 < 4)
        part_walk(at + 1, len - 1, at[0] % 8);
    else
        sheet_walk((struct str){(const char *)at + 1, len - 1});
    return 0;
}
