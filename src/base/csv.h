/* CSV (RFC 4180), fed in pieces: quoted fields with line breaks, CRLF or LF, UTF-8 with or without
 * BOM or GB18030, comma, semicolon or tab. A broken record is reported with its line and the next
 * ones stay good. */
#pragma once

#include "base/base.h"

#define CSV_RECORD_MAX (1024 * 1024)
#define CSV_FIELD_MAX 512

struct csv; /* heap; csv_free */

enum csv_kind { CSV_MORE, CSV_RECORD, CSV_FAULT, CSV_END };
struct csv_record {
    enum csv_kind kind;
    int64_t line;   /* of the record's first byte, from 1 */
    int64_t offset; /* of the record's first byte in the file */
    const struct str
        *fields; /* UTF-8, good until the next csv_feed or csv_next; blank lines are skipped */
    size_t count;
    const char *what; /* CSV_FAULT: stable code: "csv.quote" "csv.too_long" "csv.fields"
                         "csv.encoding" "csv.nul" */
    struct str raw;   /* CSV_FAULT: the first bytes of the record as they came, at most 1,000 */
};

struct csv *csv_new(void);
void csv_free(struct csv *csv);
/* Adds bytes; with len 0 the input has ended. Encoding and separator are decided on the first 64
 * KiB (or all, if shorter); text that is not UTF-8 there is read as GB18030, unless it is UTF-8
 * with a few broken places. */
void csv_feed(struct csv *csv, const void *at, size_t len);
/* The next record; CSV_MORE: feed first. */
struct csv_record csv_next(struct csv *csv);

/* What it was taken for, once a record was read: "UTF-8" or "GB18030", and the separator. */
const char *csv_encoding(const struct csv *csv);
char csv_separator(const struct csv *csv);

/* Writes one field, quoted where needed; a cell that a spreadsheet would run (= + - @ TAB CR first,
 * and not a plain number) gets a leading apostrophe. */
void csv_write(struct buf *buf, struct str field, bool is_last);
