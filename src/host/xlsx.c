/* Over libxlsxwriter with constant memory. */
#include "host/xlsx.h"

#include <libgen.h>
#include <xlsxwriter.h>

#include "host/file.h"

#define TEXT_BYTES_MAX 32767 /* Excel's cell */
#define DECIMALS_MAX 3

struct xlsx {
    lxw_workbook *book;
    lxw_worksheet *sheet;
    lxw_format *bold, *decimals[DECIMALS_MAX + 1];
    lxw_row_t row;
    lxw_col_t column;
    enum err err;
};

static void formats_make(struct xlsx *xlsx)
{
    static const char *const forms[] = {"0", "0.0", "0.00", "0.000"};

    xlsx->bold = workbook_add_format(xlsx->book);
    format_set_bold(xlsx->bold);
    for (int i = 0; i <= DECIMALS_MAX; i++) {
        xlsx->decimals[i] = workbook_add_format(xlsx->book);
        format_set_num_format(xlsx->decimals[i], forms[i]);
    }
}

enum err xlsx_create(struct arena *arena, struct str path, struct xlsx **out)
{
    struct xlsx *xlsx = arena_new_one(arena, struct xlsx);
    lxw_workbook_options options = {.constant_memory = LXW_TRUE, .use_zip64 = LXW_FALSE};

    *out = NULL;
    TRY(file_write(path, S(""), 0600)); /* the library keeps the mode of what is there */
    options.tmpdir = dirname((char *)(uintptr_t)str_cstr(arena, path));
    xlsx->book = workbook_new_opt(str_cstr(arena, path), &options);
    if (xlsx->book == NULL)
        return E_IO;
    xlsx->sheet = workbook_add_worksheet(xlsx->book, NULL);
    formats_make(xlsx);
    worksheet_freeze_panes(xlsx->sheet, 1, 0);
    *out = xlsx;
    return OK;
}

void xlsx_widths(struct xlsx *xlsx, const int *widths, int count)
{
    for (int i = 0; i < count; i++)
        worksheet_set_column(xlsx->sheet, (lxw_col_t)i, (lxw_col_t)i, widths[i], NULL);
}

static void result_keep(struct xlsx *xlsx, lxw_error error)
{
    if (error != LXW_NO_ERROR && xlsx->err == OK)
        xlsx->err = error == LXW_ERROR_WORKSHEET_INDEX_OUT_OF_RANGE ? E_TOO_LARGE : E_IO;
}

static void text_put(struct xlsx *xlsx, struct arena *arena, struct str text, lxw_format *format)
{
    if (text.at && text.len > 0)
        result_keep(xlsx, worksheet_write_string(xlsx->sheet, xlsx->row, xlsx->column,
                                                 str_cstr(arena, str_sub(text, 0, TEXT_BYTES_MAX)),
                                                 format));
    xlsx->column++;
}

void xlsx_head(struct xlsx *xlsx, struct str text)
{
    char cell[200];

    snprintf(cell, sizeof(cell), "%.*s", STR(text));
    result_keep(xlsx,
                worksheet_write_string(xlsx->sheet, xlsx->row, xlsx->column++, cell, xlsx->bold));
}

void xlsx_text(struct xlsx *xlsx, struct arena *arena, struct str text)
{
    text_put(xlsx, arena, text, NULL);
}

void xlsx_number(struct xlsx *xlsx, int64_t value, int64_t decimals)
{
    static const double powers[] = {1, 10, 100, 1000};
    int64_t at = decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals;

    if (value != NONE)
        result_keep(xlsx, worksheet_write_number(xlsx->sheet, xlsx->row, xlsx->column,
                                                 (double)value / powers[at], xlsx->decimals[at]));
    xlsx->column++;
}

void xlsx_row_end(struct xlsx *xlsx)
{
    xlsx->row++;
    xlsx->column = 0;
}

enum err xlsx_close(struct xlsx *xlsx)
{
    result_keep(xlsx, workbook_close(xlsx->book));
    return xlsx->err;
}
