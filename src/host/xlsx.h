/* Writing a sheet as .xlsx, row after row, in little memory: rows are packed into the file as they
 * come. */
#pragma once

#include "base/base.h"

#define XLSX_ROWS_MAX 1048576
#define XLSX_COLUMNS_MAX 702 /* A to ZZ */

struct xlsx;
/* The file is 0600 and is only whole after xlsx_close. widths: of the columns, in characters. E_IO. */
enum err xlsx_create(struct arena *arena, struct str path, const int *widths, int count, struct xlsx **out) MUST_USE;
void xlsx_head(struct xlsx *xlsx, struct str text); /* a cell of the first row, bold */
/* Cells from the left; no value: empty. A text is a text, whatever it begins with. */
void xlsx_text(struct xlsx *xlsx, struct str text);
void xlsx_number(struct xlsx *xlsx, int64_t value, int64_t decimals); /* value / 10^decimals; NONE: empty */
void xlsx_row_end(struct xlsx *xlsx);
enum err xlsx_close(struct xlsx *xlsx) MUST_USE; /* also to give it up. E_TOO_LARGE: too many rows or bytes */
