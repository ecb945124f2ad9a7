/* Reading a spreadsheet (XLSX) row by row: a zip of XML parts, read as a stream. A formula's cell is
 * its last value; nothing is ever worked out. A DOCTYPE is refused, and whatever a file claims,
 * memory and work stay under the bounds below. */
#pragma once

#include "base/csv.h"

#define SHEET_ENTRY_MAX 10000                               /* parts of one file */
#define SHEET_UNPACKED_MAX (INT64_C(2) * 1024 * 1024 * 1024) /* bytes of the rows */
#define SHEET_PART_MAX (256 * 1024 * 1024)                  /* bytes of every other part */
#define SHEET_RATIO_MAX 200                                 /* unpacked to packed, beyond 16 MiB */
#define SHEET_STRINGS_MAX (64 * 1024 * 1024)                /* bytes of all shared texts */
#define SHEET_STRING_COUNT_MAX 4000000
#define SHEET_CELL_MAX (128 * 1024) /* bytes of one cell: a spreadsheet holds 32,767 characters */
#define SHEET_ROW_MAX 1048576
#define SHEET_NAME_MAX 50 /* sheets whose names are told */

struct sheet; /* heap; sheet_close */

/* Is this file a zip, whatever its name says? */
bool sheet_is(struct str path);
/* The `number`th sheet, from 1. E_INPUT with *code and *why: "sheet.broken" "sheet.doctype"
 * "sheet.bomb" "sheet.missing" "sheet.locked"; E_NOT_FOUND, E_IO. The texts are constant. */
struct sheet_fault {
    const char *code, *why;
};
enum err sheet_open(struct str path, int64_t number, struct sheet **out,
                    struct sheet_fault *fault) MUST_USE;
enum err sheet_open_bytes(struct str bytes, int64_t number, struct sheet **out,
                          struct sheet_fault *fault) MUST_USE; /* `bytes` live as long as it */
void sheet_close(struct sheet *sheet);                         /* NULL is fine */

/* The next row that is not blank, as the CSV reader gives it: `line` is the row's number, cells that
 * are missing are empty, those behind the last one of the first row too. Numbers are plain decimals
 * of at most 15 digits, dates 2026-01-05 or 2026-01-05 08:30:00, booleans true and false. CSV_FAULT
 * "csv.fields" "csv.too_long" "csv.cell" (a cell that holds an error). Faults of the file as above. */
enum err sheet_next(struct sheet *sheet, struct csv_record *record,
                    struct sheet_fault *fault) MUST_USE;
int64_t sheet_done_bytes(const struct sheet *sheet); /* of the rows' part, unpacked */
int64_t sheet_total_bytes(const struct sheet *sheet);
/* Names of the first SHEET_NAME_MAX sheets, in order. */
const struct str *sheet_names(const struct sheet *sheet, int64_t *count);
