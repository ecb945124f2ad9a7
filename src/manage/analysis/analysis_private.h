/* The table of an answer, for pages and for files. */
#pragma once

#include "manage/analysis/analysis.h"
#include "manage/audience/question.h"

/* What a cell's number is. */
enum analysis_cell {
    CELL_COUNT, CELL_MONEY, CELL_FLAG, CELL_ID,
    CELL_SECOND, CELL_DAY,              /* of UTC; local, since 1970 */
    CELL_KIND, CELL_CHANNEL, CELL_TEXT, /* as analysis_text has it; a channel's is its id */
    CELL_COUNT_OF_CELLS
};
#define ANALYSIS_COLUMN_MAX 6
struct analysis_column {
    const char *name;
    enum analysis_cell cell;
};
/* Returns how many; none of a segment. */
int analysis_columns(const struct question *question, struct analysis_column *out);
struct str analysis_text(const struct question *question, enum analysis_cell cell, int64_t value); /* no value: unknown */
