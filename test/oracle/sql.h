/* A database of the oracle's own: SQLite in memory, or a PostgreSQL in a schema that goes with it. Any SQL may be run; what cannot be
 * run stops the test. */
#pragma once

#include "base/base.h"

struct sql;
struct sql *sql_open(const char *url); /* of a PostgreSQL; NULL: SQLite in memory */
void sql_close(struct sql *sql);
void sql_run(struct sql *sql, struct str text);

struct sql_rows {
    int column_count;
    int64_t row_count;
    int64_t *cells;  /* row by row, NULL is NONE */
    bool is_too_large; /* a number that is no int64 came up */
};
struct sql_rows sql_rows(struct sql *sql, struct arena *arena, struct str text);

/* Rows to be written come in pages: sql_row begins one, its cells are added to the buffer as "1, 2, NULL". */
struct sql_fill {
    struct sql *sql;
    const char *table;
    struct buf text;
    int count;
};
void sql_fill_begin(struct sql_fill *fill, struct sql *sql, const char *table);
void sql_fill_row(struct sql_fill *fill, const char *format, ...) PRINTF_LIKE(2, 3);
void sql_fill_end(struct sql_fill *fill);
