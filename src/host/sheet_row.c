/* The rows of a sheet: the parser is stopped behind each row that says something.
 * Always: a row holds at most CSV_FIELD_MAX cells and CSV_RECORD_MAX bytes; what is beyond makes it
 * a refused row, and the next ones stay good. */
#include "host/sheet_private.h"

#include <stdlib.h>

enum cell_type { CELL_NUMBER, CELL_SHARED, CELL_TEXT, CELL_BOOL, CELL_ERROR };

struct sheet_rows {
    struct sheet_text text; /* of the open row's cells, one behind another */
    size_t from[CSV_FIELD_MAX], to[CSV_FIELD_MAX];
    struct str fields[CSV_FIELD_MAX];
    size_t count;  /* cells of the open row, to the last that says something */
    size_t width;  /* cells of the first row: later ones have at least so many */
    int64_t line;  /* of the open row */
    size_t column; /* of the open cell */
    size_t next;   /* column of a cell that does not say its own */
    const char *what;
    bool is_open, is_ready, is_in_value, is_in_phonetic, is_cell;
    enum cell_type type;
    size_t style;
    struct sheet_text value;
};

struct sheet_rows *sheet_rows_new(struct sheet *sheet)
{
    struct sheet_rows *rows = calloc(1, sizeof(*rows));

    (void)sheet;
    if (rows == NULL)
        must_fail("out of memory", __FILE__, __LINE__);
    rows->text.max = CSV_RECORD_MAX;
    rows->value.max = SHEET_CELL_MAX;
    return rows;
}

void sheet_rows_free(struct sheet_rows *rows)
{
    if (rows == NULL)
        return;
    sheet_text_release(&rows->text);
    sheet_text_release(&rows->value);
    free(rows);
}

static void row_refuse(struct sheet_rows *rows, const char *what)
{
    if (rows->what == NULL)
        rows->what = what;
}

/* ---- a cell --------------------------------------------------------------------------------- */

/* "BC23" is column 54, from 0; -1: none, or far too many. */
static int64_t column_of(const char *reference)
{
    int64_t column = 0;

    for (; *reference >= 'A' && *reference <= 'Z' && column < 100000; reference++)
        column = column * 26 + (*reference - 'A' + 1);
    return column - 1;
}

static enum cell_type type_of(const char *type)
{
    if (type == NULL || strcmp(type, "n") == 0)
        return CELL_NUMBER;
    if (strcmp(type, "s") == 0)
        return CELL_SHARED;
    if (strcmp(type, "b") == 0)
        return CELL_BOOL;
    return strcmp(type, "e") == 0 ? CELL_ERROR : CELL_TEXT;
}

static void cell_begin(struct sheet_rows *rows, const char **attributes)
{
    const char *reference = sheet_attribute(attributes, "r");
    const char *style = sheet_attribute(attributes, "s");
    int64_t column = reference == NULL ? -1 : column_of(reference);

    rows->column = column < 0 ? rows->next : (size_t)column;
    rows->next = rows->column + 1;
    rows->type = type_of(sheet_attribute(attributes, "t"));
    rows->style = style == NULL ? 0 : strtoul(style, NULL, 10);
    rows->value.len = 0;
    rows->value.is_full = false;
    rows->is_cell = true;
    rows->is_in_phonetic = false;
}

static struct str value_shared(const struct sheet *sheet, struct sheet_rows *rows, struct str index)
{
    int64_t at;

    if (!str_to_int(index, &at) || at < 0 || (uint64_t)at >= sheet->string_count) {
        row_refuse(rows, "csv.cell");
        return S("");
    }
    return (struct str){sheet->strings.at + sheet->string_from[at],
                        sheet->string_from[at + 1] - sheet->string_from[at]};
}

static struct str value_number(const struct sheet *sheet, const struct sheet_rows *rows,
                               struct str stored, char *out)
{
    bool is_date = rows->style < sheet->style_count && sheet->is_date[rows->style];
    size_t len =
        is_date ? sheet_cell_date(stored, sheet->is_1904, out) : sheet_cell_number(stored, out);

    return len == 0 ? stored : (struct str){out, len};
}

static struct str value_of(const struct sheet *sheet, struct sheet_rows *rows, char *out)
{
    struct str stored = {rows->value.at, rows->value.len};

    if (stored.len == 0)
        return S("");
    switch (rows->type) {
    case CELL_NUMBER:
        return value_number(sheet, rows, str_trim(stored), out);
    case CELL_SHARED:
        return value_shared(sheet, rows, str_trim(stored));
    case CELL_BOOL:
        return str_is(str_trim(stored), "1") ? S("true") : S("false");
    case CELL_ERROR:
        row_refuse(rows, "csv.cell");
        return stored;
    case CELL_TEXT:
        break;
    }
    stored.len = sheet_unescape(rows->value.at, stored.len);
    return stored;
}

static void cell_keep(struct sheet_rows *rows, struct str value)
{
    if (value.len == 0)
        return;
    if (rows->column >= CSV_FIELD_MAX) {
        row_refuse(rows, "csv.fields");
        return;
    }
    while (rows->count <= rows->column) {
        rows->from[rows->count] = rows->to[rows->count] = 0;
        rows->count++;
    }
    rows->from[rows->column] = rows->text.len;
    sheet_text_add(&rows->text, value.at, value.len);
    rows->to[rows->column] = rows->text.len;
    if (rows->text.is_full)
        row_refuse(rows, "csv.too_long");
}

static void cell_end(const struct sheet *sheet, struct sheet_rows *rows)
{
    char number[400];

    if (rows->value.is_full)
        row_refuse(rows, "csv.too_long");
    cell_keep(rows, value_of(sheet, rows, number));
    rows->is_cell = false;
}

/* ---- a row ---------------------------------------------------------------------------------- */

static void row_begin(struct sheet *sheet, struct sheet_rows *rows, const char **attributes)
{
    const char *number = sheet_attribute(attributes, "r");
    int64_t line = rows->line + 1;

    if (number != NULL && (!str_to_int(str_of(number), &line) || line <= rows->line))
        line = rows->line + 1;
    if (line > SHEET_ROW_MAX) {
        sheet_fail(sheet, "sheet.broken", "the sheet has more rows than a spreadsheet can");
        XML_StopParser(sheet->reading->parser, XML_FALSE);
    }
    rows->line = line;
    rows->text.len = 0;
    rows->text.is_full = false;
    rows->count = 0;
    rows->next = 0;
    rows->what = NULL;
    rows->is_open = true;
    rows->is_cell = false;
}

static void row_end(struct sheet *sheet, struct sheet_rows *rows)
{
    rows->is_open = false;
    if (rows->count == 0 && rows->what == NULL)
        return;
    rows->is_ready = true;
    XML_StopParser(sheet->reading->parser, XML_TRUE);
}

static void rows_begin(void *user, const char *name, const char **attributes)
{
    struct sheet *sheet = user;
    struct sheet_rows *rows = sheet->rows;

    name = sheet_local(name);
    if (strcmp(name, "row") == 0)
        row_begin(sheet, rows, attributes);
    else if (strcmp(name, "c") == 0 && rows->is_open)
        cell_begin(rows, attributes);
    else if (strcmp(name, "rPh") == 0)
        rows->is_in_phonetic = true;
    else if (rows->is_cell && (strcmp(name, "v") == 0 || strcmp(name, "t") == 0))
        rows->is_in_value = !rows->is_in_phonetic;
}

static void rows_text(void *user, const char *text, int len)
{
    struct sheet *sheet = user;

    if (sheet->rows->is_in_value)
        sheet_text_add(&sheet->rows->value, text, (size_t)len);
}

static void rows_end(void *user, const char *name)
{
    struct sheet *sheet = user;
    struct sheet_rows *rows = sheet->rows;

    name = sheet_local(name);
    if (strcmp(name, "row") == 0 && rows->is_open)
        row_end(sheet, rows);
    else if (strcmp(name, "c") == 0 && rows->is_cell)
        cell_end(sheet, rows);
    else if (strcmp(name, "rPh") == 0)
        rows->is_in_phonetic = false;
    else if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0)
        rows->is_in_value = false;
}

const struct sheet_handlers sheet_rows_handlers = {rows_begin, rows_end, rows_text};

static void fields_fill(struct sheet_rows *rows)
{
    if (rows->width == 0)
        rows->width = rows->count;
    while (rows->count < rows->width) {
        rows->from[rows->count] = rows->to[rows->count] = 0;
        rows->count++;
    }
    for (size_t i = 0; i < rows->count; i++)
        rows->fields[i] = rows->to[i] == rows->from[i] ? S("")
                                                       : (struct str){rows->text.at + rows->from[i],
                                                                      rows->to[i] - rows->from[i]};
}

bool sheet_rows_take(struct sheet_rows *rows, struct csv_record *record)
{
    if (!rows->is_ready)
        return false;
    rows->is_ready = false;
    *record = (struct csv_record){.kind = CSV_RECORD, .line = rows->line};
    if (rows->what != NULL) {
        record->kind = CSV_FAULT;
        record->what = rows->what;
        record->raw = (struct str){rows->text.at == NULL ? "" : rows->text.at,
                                   rows->text.len < 1000 ? rows->text.len : 1000};
        return true;
    }
    fields_fill(rows);
    record->fields = rows->fields;
    record->count = rows->count;
    return true;
}
