/* See sql.h. */
#include "sql.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)64 * 1024 * 1024)
#define FILL_ROWS 400

struct sql {
    struct arena *arena;
    sqlite3 *file; /* one of the two is there */
    PGconn *shared;
};

static _Noreturn void refuse(const char *words, struct str text)
{
    fprintf(stderr, "%s\nin: %.*s\n", words, STR(text));
    must_fail("the SQL of a test", __FILE__, __LINE__);
}

struct sql *sql_open(const char *url)
{
    struct arena *arena = arena_new(4096);
    struct sql *sql = arena_new_one(arena, struct sql);
    char schema[80];

    sql->arena = arena;
    if (url == NULL) {
        must(sqlite3_open(":memory:", &sql->file) == SQLITE_OK);
        return sql;
    }
    sql->shared = PQconnectdb(url);
    must(PQstatus(sql->shared) == CONNECTION_OK);
    snprintf(schema, sizeof(schema), "CREATE SCHEMA oracle_%d; SET search_path = oracle_%d",
             (int)getpid(), (int)getpid());
    sql_run(sql, S("SET client_min_messages = error"));
    sql_run(sql, str_of(schema));
    return sql;
}

void sql_close(struct sql *sql)
{
    char schema[80];

    if (sql->file != NULL) {
        sqlite3_close(sql->file);
    } else {
        snprintf(schema, sizeof(schema), "DROP SCHEMA oracle_%d CASCADE", (int)getpid());
        sql_run(sql, str_of(schema));
        PQfinish(sql->shared);
    }
    arena_free(sql->arena);
}

static PGresult *shared_run(struct sql *sql, struct str text, bool may_be_too_large)
{
    struct arena *arena = arena_new(TEXT_MAX);
    PGresult *result = PQexec(sql->shared, str_cstr(arena, text));
    ExecStatusType status = PQresultStatus(result);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    arena_free(arena);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
        (may_be_too_large && state != NULL && strcmp(state, "22003") == 0))
        return result;
    refuse(PQresultErrorMessage(result), text);
}

void sql_run(struct sql *sql, struct str text)
{
    struct arena *arena;
    char *words = NULL;

    if (sql->shared != NULL) {
        PQclear(shared_run(sql, text, false));
        return;
    }
    arena = arena_new(TEXT_MAX);
    if (sqlite3_exec(sql->file, str_cstr(arena, text), NULL, NULL, &words) != SQLITE_OK)
        refuse(words, text);
    arena_free(arena);
}

static struct sql_rows shared_rows(struct sql *sql, struct arena *arena, struct str text)
{
    PGresult *result = shared_run(sql, text, true);
    struct sql_rows rows = {.column_count = PQnfields(result), .row_count = PQntuples(result)};
    int64_t count = rows.row_count * rows.column_count;

    rows.is_too_large = PQresultStatus(result) != PGRES_TUPLES_OK;
    rows.cells = arena_new_array(arena, int64_t, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++) {
        int row = (int)(i / rows.column_count), column = (int)(i % rows.column_count);

        rows.cells[i] = NONE;
        if (!PQgetisnull(result, row, column) &&
            !str_to_int(str_of(PQgetvalue(result, row, column)), &rows.cells[i]))
            rows.is_too_large = true;
    }
    PQclear(result);
    return rows;
}

static struct sql_rows file_rows(struct sql *sql, struct arena *arena, struct str text)
{
    struct sql_rows rows = {0};
    struct list cells = {0};
    int64_t cap = 0;
    sqlite3_stmt *stmt;
    int status;

    if (sqlite3_prepare_v2(sql->file, text.at, (int)text.len, &stmt, NULL) != SQLITE_OK)
        refuse(sqlite3_errmsg(sql->file), text);
    rows.column_count = sqlite3_column_count(stmt);
    for (; (status = sqlite3_step(stmt)) == SQLITE_ROW; rows.row_count++) {
        for (int i = 0; i < rows.column_count; i++)
            *(int64_t *)list_add(arena, &cells, &cap, sizeof(int64_t)) =
                sqlite3_column_type(stmt, i) == SQLITE_NULL ? NONE : sqlite3_column_int64(stmt, i);
    }
    rows.is_too_large = status != SQLITE_DONE;
    if (rows.is_too_large && strcmp(sqlite3_errmsg(sql->file), "integer overflow") != 0)
        refuse(sqlite3_errmsg(sql->file), text);
    sqlite3_finalize(stmt);
    rows.cells = cells.at;
    return rows;
}

struct sql_rows sql_rows(struct sql *sql, struct arena *arena, struct str text)
{
    return sql->shared != NULL ? shared_rows(sql, arena, text) : file_rows(sql, arena, text);
}

/* ---- many rows ------------------------------------------------------------------------------- */

void sql_fill_begin(struct sql_fill *fill, struct sql *sql, const char *table)
{
    *fill = (struct sql_fill){.sql = sql, .table = table};
    buf_init(&fill->text, TEXT_MAX);
}

static void fill_send(struct sql_fill *fill)
{
    if (fill->count > 0)
        sql_run(fill->sql, buf_view(&fill->text));
    buf_reset(&fill->text);
    fill->count = 0;
}

void sql_fill_row(struct sql_fill *fill, const char *format, ...)
{
    struct arena *arena = arena_new(65536);
    va_list args;

    if (fill->count == FILL_ROWS)
        fill_send(fill);
    if (fill->count++ == 0)
        buf_fmt(&fill->text, "INSERT INTO %s VALUES (", fill->table);
    else
        buf_str(&fill->text, S(", ("));
    va_start(args, format);
    buf_str(&fill->text, str_vfmt(arena, format, args));
    va_end(args);
    buf_char(&fill->text, ')');
    arena_free(arena);
}

void sql_fill_end(struct sql_fill *fill)
{
    fill_send(fill);
    buf_release(&fill->text);
}
