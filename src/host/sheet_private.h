/* What the files of the spreadsheet reader share. */
#pragma once

#include <expat.h>
#include <zip.h>

#include "host/sheet.h"

#define SHEET_CHUNK (32 * 1024)
#define SHEET_TOKEN_MAX (1024 * 1024) /* bytes of one tag: expat keeps it whole */
#define SHEET_STYLE_MAX 65536
#define SHEET_PATH_BYTES 512

/* sheet_part.c: one part of the zip, unpacked and parsed as a stream under all bounds. */
struct sheet_part {
    struct sheet *sheet;
    zip_file_t *file;
    XML_Parser parser;
    int64_t packed_bytes, total_bytes, done_bytes, max_bytes;
    bool is_ended;
};
typedef void sheet_begin_fn(void *user, const char *name, const char **attributes);
typedef void sheet_end_fn(void *user, const char *name);
typedef void sheet_text_fn(void *user, const char *text, int len);
struct sheet_handlers {
    sheet_begin_fn *begin;
    sheet_end_fn *end;
    sheet_text_fn *text;
}; /* user is always the sheet */

/* A text that grows on the heap, up to a bound. */
struct sheet_text {
    char *at;
    size_t len, cap, max;
    bool is_full;
};
void sheet_text_add(struct sheet_text *text, const char *at, size_t len);
void sheet_text_release(struct sheet_text *text);

struct sheet {
    zip_t *zip;
    struct sheet_part *reading; /* the part whose parser runs */
    struct sheet_book *book;    /* while the workbook is read */
    struct sheet_fault fault;   /* the first */
    char path[SHEET_PATH_BYTES];
    bool is_1904;
    /* names of the sheets, one behind another */
    struct sheet_text names;
    struct str name[SHEET_NAME_MAX];
    int64_t name_count;
    /* shared texts */
    struct sheet_text strings;
    size_t *string_from; /* count + 1 */
    size_t string_count, string_room;
    /* styles: does the cell format show a date? */
    bool *is_date;
    size_t style_count, style_room;
    /* the rows */
    struct sheet_part part;
    struct sheet_rows *rows;
};

bool sheet_fail(struct sheet *sheet, const char *code, const char *why); /* false */
/* Opens a part; false: not there (no fault) or refused (fault). */
bool sheet_part_open(struct sheet *sheet, const char *path, const struct sheet_handlers *handlers,
                     struct sheet_part *part);
void sheet_part_close(struct sheet_part *part);
/* Feeds until the end or until a handler stopped the parser. false: fault. */
bool sheet_part_go(struct sheet_part *part, bool *is_ended);
/* The whole part. false: fault. A part that is not there is fine. */
bool sheet_part_read(struct sheet *sheet, const char *path, const struct sheet_handlers *handlers);
/* The name without its prefix: "x:row" is "row". */
const char *sheet_local(const char *name);
const char *sheet_attribute(const char **attributes, const char *name); /* NULL: none */
/* "_x000D_" and its like become the character. */
size_t sheet_unescape(char *at, size_t len);

/* sheet_book.c: workbook, styles and shared texts. false: fault. */
bool sheet_book_read(struct sheet *sheet, int64_t number);

/* sheet_cell.c: a number's text. Writes at most 400 bytes. */
size_t sheet_cell_number(struct str stored, char *out);
size_t sheet_cell_date(struct str stored, bool is_1904, char *out);
bool sheet_cell_format_is_date(const char *format);
bool sheet_cell_builtin_is_date(long id);

/* sheet_row.c */
struct sheet_rows *sheet_rows_new(struct sheet *sheet);
void sheet_rows_free(struct sheet_rows *rows);
extern const struct sheet_handlers sheet_rows_handlers;
bool sheet_rows_take(struct sheet_rows *rows, struct csv_record *record); /* is one ready? */
