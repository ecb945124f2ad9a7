/* Raw SQL on a test's base. */
#include "base_sql.h"

#include <sqlite3.h>
#include <stdio.h>

void base_sql(const char *folder, const char *sql)
{
    char path[512];
    char *words = NULL;
    sqlite3 *db;

    snprintf(path, sizeof(path), "%s/papilio.db", folder);
    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_busy_timeout(db, 5000) == SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK) {
        fprintf(stderr, "%s\nin: %.300s\n", words, sql);
        must_fail("the SQL of a test", __FILE__, __LINE__);
    }
    sqlite3_close(db);
}
