/* A test's base, whichever database it is in: SQLite's file in the test's folder or, where PAPILIO_TEST_DB names a PostgreSQL, a
 * schema of its own there. And raw SQL behind the program's back, for tests that need rows no route would write. */
#pragma once

#include "base/base.h"

/* For app_config.db: a fresh schema's address, or no value. base_sql goes there from then on. */
struct str base_db(struct arena *arena);
bool base_is_shared(void); /* PAPILIO_TEST_DB is set */
void base_leave(void);      /* the schema goes; nothing to do without one */

/* Runs SQL on FOLDER/papilio.db, or on the schema; stops the test where that fails. */
void base_sql(const char *folder, const char *sql);

struct rows {
    int row_count, column_count;
    const struct str *names;
    const struct str *cells; /* row by row, as text or bytes; NULL has no value */
};
struct rows base_rows(const char *folder, struct arena *arena, const char *sql);
/* The same as text: cells with | between, rows with line breaks. */
const char *base_text(const char *folder, struct arena *arena, const char *sql);
struct rows base_tables(const char *folder, struct arena *arena); /* one name a row */
/* Table and column, of the columns so named; \ stands before a _ that means itself. */
struct rows base_columns(const char *folder, struct arena *arena, const char *like);
bool base_is_sound(const char *folder);                           /* pages and foreign keys */
