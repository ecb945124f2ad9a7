/* A spreadsheet as a whole: opened, read row by row, closed. */
#include "host/sheet_private.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX (64 * 1024)

bool sheet_is(struct str path)
{
    static const char zip[4] = {'P', 'K', 3, 4}, empty[4] = {'P', 'K', 5, 6};
    char cpath[4096], head[4];
    FILE *file;
    bool is_zip;

    if (path.len >= sizeof(cpath))
        return false;
    memcpy(cpath, path.at, path.len);
    cpath[path.len] = '\0';
    file = fopen(cpath, "rbe");
    if (file == NULL)
        return false;
    is_zip = fread(head, 1, sizeof(head), file) == sizeof(head) &&
             (memcmp(head, zip, sizeof(zip)) == 0 || memcmp(head, empty, sizeof(empty)) == 0);
    fclose(file);
    return is_zip;
}

static struct sheet *sheet_new(void)
{
    struct sheet *sheet = calloc(1, sizeof(*sheet));

    if (sheet == NULL)
        must_fail("out of memory", __FILE__, __LINE__);
    sheet->names.max = NAMES_MAX;
    sheet->strings.max = SHEET_STRINGS_MAX;
    sheet->rows = sheet_rows_new(sheet);
    return sheet;
}

void sheet_close(struct sheet *sheet)
{
    if (sheet == NULL)
        return;
    sheet_part_close(&sheet->part);
    sheet_rows_free(sheet->rows);
    sheet_text_release(&sheet->names);
    sheet_text_release(&sheet->strings);
    free(sheet->string_from);
    free(sheet->is_date);
    if (sheet->zip != NULL)
        zip_discard(sheet->zip);
    free(sheet);
}

static bool sheet_begin(struct sheet *sheet, int64_t number)
{
    if (sheet->zip == NULL)
        return sheet_fail(sheet, "sheet.broken", "the file is no good zip: broken, or cut off");
    if (zip_get_num_entries(sheet->zip, 0) > SHEET_ENTRY_MAX)
        return sheet_fail(sheet, "sheet.bomb", "the spreadsheet has too many parts");
    if (!sheet_book_read(sheet, number))
        return false;
    if (!sheet_part_open(sheet, sheet->path, &sheet_rows_handlers, &sheet->part))
        return sheet_fail(sheet, "sheet.missing", "the spreadsheet has no such sheet");
    sheet->part.max_bytes = SHEET_UNPACKED_MAX;
    return true;
}

static enum err sheet_opened(struct sheet *sheet, int64_t number, struct sheet **out,
                             struct sheet_fault *fault)
{
    *out = NULL;
    if (sheet_begin(sheet, number)) {
        *out = sheet;
        return OK;
    }
    *fault = sheet->fault;
    sheet_close(sheet);
    return E_INPUT;
}

enum err sheet_open(struct str path, int64_t number, struct sheet **out, struct sheet_fault *fault)
{
    struct sheet *sheet = sheet_new();
    char cpath[4096];
    int why = 0;

    if (path.len < sizeof(cpath)) {
        memcpy(cpath, path.at, path.len);
        cpath[path.len] = '\0';
        sheet->zip = zip_open(cpath, ZIP_RDONLY, &why);
    }
    return sheet_opened(sheet, number, out, fault);
}

enum err sheet_open_bytes(struct str bytes, int64_t number, struct sheet **out,
                          struct sheet_fault *fault)
{
    struct sheet *sheet = sheet_new();
    zip_source_t *source = zip_source_buffer_create(bytes.at, bytes.len, 0, NULL);

    if (source == NULL)
        must_fail("out of memory", __FILE__, __LINE__);
    sheet->zip = zip_open_from_source(source, ZIP_RDONLY, NULL);
    if (sheet->zip == NULL)
        zip_source_free(source);
    return sheet_opened(sheet, number, out, fault);
}

enum err sheet_next(struct sheet *sheet, struct csv_record *record, struct sheet_fault *fault)
{
    bool is_ended = false;

    while (sheet->fault.code == NULL) {
        if (sheet_rows_take(sheet->rows, record))
            return OK;
        if (is_ended) {
            *record = (struct csv_record){.kind = CSV_END};
            return OK;
        }
        if (!sheet_part_go(&sheet->part, &is_ended))
            break;
    }
    *fault = sheet->fault;
    return E_INPUT;
}

int64_t sheet_done_bytes(const struct sheet *sheet)
{
    return sheet->part.done_bytes;
}

int64_t sheet_total_bytes(const struct sheet *sheet)
{
    return sheet->part.total_bytes;
}

const struct str *sheet_names(const struct sheet *sheet, int64_t *count)
{
    *count = sheet->name_count;
    return sheet->name;
}
