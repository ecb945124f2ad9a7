/* What the rows of a spreadsheet refer to: which part is the sheet, which cells are dates, and the
 * texts that cells share. */
#include "host/sheet_private.h"

#include <stdio.h>
#include <stdlib.h>

#define TARGET_MAX 400
#define FORMAT_MAX 1000

struct format {
    long id;
    bool is_date;
};

/* What is only needed while the workbook is read. */
struct sheet_book {
    int64_t number;                   /* of the sheet that is wanted */
    char relation[TARGET_MAX];        /* its relation's id */
    bool is_found;                    /* its part is known */
    struct format format[FORMAT_MAX]; /* number formats of its own */
    int64_t format_count;
    bool is_in_cell_styles, is_in_text, is_in_phonetic;
};

static bool is_true(const char *text)
{
    return text != NULL && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

static void text_ignore(void *user, const char *text, int len)
{
    (void)user;
    (void)text;
    (void)len;
}

static void end_ignore(void *user, const char *name)
{
    (void)user;
    (void)name;
}

/* ---- which sheet ---------------------------------------------------------------------------- */

static void sheet_named(struct sheet *sheet, const char **attributes)
{
    const char *name = sheet_attribute(attributes, "name"), *id = NULL;

    if (sheet->name_count >= SHEET_NAME_MAX)
        return;
    for (const char **at = attributes; at[0] != NULL; at += 2) {
        if (strchr(at[0], ':') != NULL && strcmp(sheet_local(at[0]), "id") == 0)
            id = at[1];
    }
    name = name == NULL ? "" : name;
    sheet->name[sheet->name_count++].len = strlen(name);
    sheet_text_add(&sheet->names, name, strlen(name));
    if (sheet->name_count == sheet->book->number && id != NULL)
        snprintf(sheet->book->relation, TARGET_MAX, "%s", id);
}

static void workbook_begin(void *user, const char *name, const char **attributes)
{
    struct sheet *sheet = user;

    name = sheet_local(name);
    if (strcmp(name, "workbookPr") == 0)
        sheet->is_1904 = is_true(sheet_attribute(attributes, "date1904"));
    if (strcmp(name, "sheet") == 0)
        sheet_named(sheet, attributes);
}

static void relation_begin(void *user, const char *name, const char **attributes)
{
    struct sheet *sheet = user;
    const char *id = sheet_attribute(attributes, "Id");
    const char *target = sheet_attribute(attributes, "Target");

    if (strcmp(sheet_local(name), "Relationship") != 0 || id == NULL || target == NULL ||
        sheet->book->relation[0] == '\0' || strcmp(id, sheet->book->relation) != 0)
        return;
    sheet->book->is_found = true;
    snprintf(sheet->path, SHEET_PATH_BYTES, "%s%s", target[0] == '/' ? "" : "xl/",
             target[0] == '/' ? target + 1 : target);
}

/* ---- styles --------------------------------------------------------------------------------- */

static void format_keep(struct sheet_book *book, const char **attributes)
{
    const char *id = sheet_attribute(attributes, "numFmtId");
    const char *format = sheet_attribute(attributes, "formatCode");

    if (id == NULL || format == NULL || book->format_count == FORMAT_MAX)
        return;
    book->format[book->format_count++] =
        (struct format){strtol(id, NULL, 10), sheet_cell_format_is_date(format)};
}

static bool style_is_date(const struct sheet_book *book, const char **attributes)
{
    const char *text = sheet_attribute(attributes, "numFmtId");
    long id = text == NULL ? 0 : strtol(text, NULL, 10);

    for (int64_t i = 0; i < book->format_count; i++) {
        if (book->format[i].id == id)
            return book->format[i].is_date;
    }
    return sheet_cell_builtin_is_date(id);
}

static void style_add(struct sheet *sheet, bool is_date)
{
    if (sheet->style_count == SHEET_STYLE_MAX)
        return;
    if (sheet->style_count == sheet->style_room) {
        sheet->style_room = sheet->style_room == 0 ? 64 : sheet->style_room * 2;
        sheet->is_date = realloc(sheet->is_date, sheet->style_room * sizeof(bool));
        if (sheet->is_date == NULL)
            must_fail("out of memory", __FILE__, __LINE__);
    }
    sheet->is_date[sheet->style_count++] = is_date;
}

static void styles_begin(void *user, const char *name, const char **attributes)
{
    struct sheet *sheet = user;

    name = sheet_local(name);
    if (strcmp(name, "numFmt") == 0)
        format_keep(sheet->book, attributes);
    if (strcmp(name, "cellXfs") == 0)
        sheet->book->is_in_cell_styles = true;
    if (strcmp(name, "xf") == 0 && sheet->book->is_in_cell_styles)
        style_add(sheet, style_is_date(sheet->book, attributes));
}

static void styles_end(void *user, const char *name)
{
    struct sheet *sheet = user;

    if (strcmp(sheet_local(name), "cellXfs") == 0)
        sheet->book->is_in_cell_styles = false;
}

/* ---- shared texts --------------------------------------------------------------------------- */

static void string_open(struct sheet *sheet)
{
    if (sheet->string_count == SHEET_STRING_COUNT_MAX) {
        sheet_fail(sheet, "sheet.bomb", "the spreadsheet has too many texts");
        XML_StopParser(sheet->reading->parser, XML_FALSE);
        return;
    }
    if (sheet->string_count + 1 >= sheet->string_room) {
        sheet->string_room = sheet->string_room == 0 ? 1024 : sheet->string_room * 2;
        sheet->string_from = realloc(sheet->string_from, sheet->string_room * sizeof(size_t));
        if (sheet->string_from == NULL)
            must_fail("out of memory", __FILE__, __LINE__);
    }
    sheet->string_from[sheet->string_count++] = sheet->strings.len;
}

static void strings_begin(void *user, const char *name, const char **attributes)
{
    struct sheet *sheet = user;

    (void)attributes;
    name = sheet_local(name);
    if (strcmp(name, "si") == 0)
        string_open(sheet);
    if (strcmp(name, "rPh") == 0)
        sheet->book->is_in_phonetic = true;
    if (strcmp(name, "t") == 0)
        sheet->book->is_in_text = !sheet->book->is_in_phonetic && sheet->string_count > 0;
}

static void strings_text(void *user, const char *text, int len)
{
    struct sheet *sheet = user;

    if (!sheet->book->is_in_text)
        return;
    sheet_text_add(&sheet->strings, text, (size_t)len);
    if (!sheet->strings.is_full)
        return;
    sheet_fail(sheet, "sheet.bomb", "the texts of the spreadsheet are too long together");
    XML_StopParser(sheet->reading->parser, XML_FALSE);
}

static void strings_end(void *user, const char *name)
{
    struct sheet *sheet = user;

    name = sheet_local(name);
    if (strcmp(name, "rPh") == 0)
        sheet->book->is_in_phonetic = false;
    if (strcmp(name, "t") == 0)
        sheet->book->is_in_text = false;
    if (strcmp(name, "si") == 0 && sheet->string_count > 0) {
        size_t from = sheet->string_from[sheet->string_count - 1];

        if (sheet->strings.at != NULL)
            sheet->strings.len =
                from + sheet_unescape(sheet->strings.at + from, sheet->strings.len - from);
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool strings_close(struct sheet *sheet)
{
    if (sheet->string_from != NULL)
        sheet->string_from[sheet->string_count] = sheet->strings.len;
    return true;
}

static void names_place(struct sheet *sheet)
{
    size_t from = 0;

    for (int64_t i = 0; i < sheet->name_count && !sheet->names.is_full; i++) {
        sheet->name[i].at = sheet->names.at == NULL ? "" : sheet->names.at + from;
        from += sheet->name[i].len;
    }
    if (sheet->names.is_full)
        sheet->name_count = 0;
}

static bool sheet_locate(struct sheet *sheet)
{
    static const struct sheet_handlers workbook = {workbook_begin, end_ignore, text_ignore};
    static const struct sheet_handlers relations = {relation_begin, end_ignore, text_ignore};

    if (zip_name_locate(sheet->zip, "xl/workbook.xml", ZIP_FL_NOCASE) < 0)
        return sheet_fail(sheet, "sheet.missing", "the file is a zip, but no spreadsheet");
    if (!sheet_part_read(sheet, "xl/workbook.xml", &workbook) ||
        !sheet_part_read(sheet, "xl/_rels/workbook.xml.rels", &relations))
        return false;
    names_place(sheet);
    if (!sheet->book->is_found && sheet->book->number == 1)
        snprintf(sheet->path, SHEET_PATH_BYTES, "xl/worksheets/sheet1.xml");
    if (sheet->path[0] == '\0' || zip_name_locate(sheet->zip, sheet->path, ZIP_FL_NOCASE) < 0)
        return sheet_fail(sheet, "sheet.missing", "the spreadsheet has no such sheet");
    return true;
}

bool sheet_book_read(struct sheet *sheet, int64_t number)
{
    static const struct sheet_handlers styles = {styles_begin, styles_end, text_ignore};
    static const struct sheet_handlers strings = {strings_begin, strings_end, strings_text};
    struct sheet_book *book = calloc(1, sizeof(*book));
    bool is_good;

    if (book == NULL)
        must_fail("out of memory", __FILE__, __LINE__);
    book->number = number;
    sheet->book = book;
    is_good = sheet_locate(sheet) && sheet_part_read(sheet, "xl/styles.xml", &styles) &&
              sheet_part_read(sheet, "xl/sharedStrings.xml", &strings) && strings_close(sheet);
    free(book);
    sheet->book = NULL;
    return is_good;
}
