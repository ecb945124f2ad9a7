/* See base_sql.h. */
#include "base_sql.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char address[600], schema[64];
#define BOOL_TYPE 16
static PGconn *shared; /* while there is an address */

static void refuse(const char *words, const char *sql)
{
    fprintf(stderr, "%s\nin: %.300s\n", words, sql);
    must_fail("the SQL of a test", __FILE__, __LINE__);
}

/* ---- PostgreSQL ------------------------------------------------------------------------------ */

bool base_is_shared(void)
{
    return getenv("PAPILIO_TEST_DB") != NULL;
}

struct str base_db(struct arena *arena)
{
    static int count;
    const char *url = getenv("PAPILIO_TEST_DB");

    if (url == NULL)
        return (struct str){0};
    if (address[0] != '\0') /* the program is opened anew */
        return str_copy(arena, str_of(address));
    snprintf(schema, sizeof(schema), "t_%d_%d", (int)getpid(), ++count);
    snprintf(address, sizeof(address), "%s%coptions=-csearch_path%%3D%s", url,
             strchr(url, '?') ? '&' : '?', schema);
    return str_copy(arena, str_of(address));
}

/* What tests say of SQLite's own; and, as SQLite lets a stranger, rows that point nowhere. */
static const char dialect[] =
    "SET client_min_messages = error; SET session_replication_role = replica;"
    "CREATE FUNCTION group_step(text, text) RETURNS text LANGUAGE sql IMMUTABLE"
    " RETURN CASE WHEN $2 IS NULL THEN $1 ELSE coalesce($1 || ',', '') || $2 END;"
    "CREATE FUNCTION group_step(text, text, text) RETURNS text LANGUAGE sql IMMUTABLE"
    " RETURN CASE WHEN $2 IS NULL THEN $1 ELSE coalesce($1 || $3, '') || $2 END;"
    "CREATE AGGREGATE group_concat(text) (SFUNC = group_step, STYPE = text);"
    "CREATE AGGREGATE group_concat(text, text) (SFUNC = group_step, STYPE = text);"
    "CREATE FUNCTION group_step(text, bigint, text) RETURNS text LANGUAGE sql IMMUTABLE"
    " RETURN group_step($1, $2::text, $3);"
    "CREATE AGGREGATE group_concat(bigint, text) (SFUNC = group_step, STYPE = text);"
    "CREATE FUNCTION hex(bytea) RETURNS text LANGUAGE sql IMMUTABLE"
    " RETURN upper(encode($1, 'hex'));"
    "CREATE FUNCTION instr(bytea, text) RETURNS int LANGUAGE sql IMMUTABLE"
    " RETURN position(convert_to($2, 'UTF8') IN $1);"
    "CREATE FUNCTION zeroblob(int) RETURNS bytea LANGUAGE sql IMMUTABLE"
    " RETURN decode(repeat('00', $1), 'hex');"
    "CREATE FUNCTION ifnull(bigint, text) RETURNS text LANGUAGE sql IMMUTABLE"
    " RETURN coalesce($1::text, $2);"
    "CREATE FUNCTION ifnull(text, text) RETURNS text LANGUAGE sql IMMUTABLE"
    " RETURN coalesce($1, $2);"
    "CREATE FUNCTION min(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE"
    " RETURN least($1, $2);"
    "CREATE FUNCTION max(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE"
    " RETURN greatest($1, $2);";

#define DEPTH_MAX 32

/* SQLite's x'00' is bytea '\x00' there, and what stands in FROM (SELECT ...) has a name. */
static char *translated(const char *sql)
{
    char *text = calloc(4 * strlen(sql) + 64, 1), *out = text;
    bool is_from[DEPTH_MAX] = {false};
    int depth = 0;

    must(text != NULL);
    for (const char *at = sql; *at != '\0'; at++) {
        if ((*at == 'x' || *at == 'X') && at[1] == '\'' && at > sql && strchr(" (,=", at[-1])) {
            memcpy(out, "bytea '\\x", 9);
            out += 9;
            at++;
            continue;
        }
        *out++ = *at;
        if (*at == '(')
            is_from[++depth % DEPTH_MAX] = at - sql >= 5 && strncmp(at - 5, "FROM ", 5) == 0;
        if (*at == ')' && is_from[depth-- % DEPTH_MAX] && strncmp(at + 1, " AS ", 4) != 0)
            out += snprintf(out, 24, " AS t%d", (int)(at - sql));
    }
    return text;
}

static PGresult *shared_run(const char *sql)
{
    char *text = translated(sql);
    PGresult *result;

    if (shared == NULL) {
        shared = PQconnectdb(address);
        must(PQstatus(shared) == CONNECTION_OK);
        result = PQexec(shared, dialect);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            refuse(PQerrorMessage(shared), dialect);
        PQclear(result);
    }
    result = PQexec(shared, text);
    free(text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK &&
        PQresultStatus(result) != PGRES_EMPTY_QUERY)
        refuse(PQresultErrorMessage(result), sql);
    return result;
}

static struct rows shared_rows(struct arena *arena, const char *sql)
{
    PGresult *result = shared_run(sql);
    struct rows rows = {.row_count = PQntuples(result), .column_count = PQnfields(result)};
    struct str *names = arena_new_array(arena, struct str, (size_t)rows.column_count + 1);
    struct str *cells =
        arena_new_array(arena, struct str, (size_t)rows.row_count * (size_t)rows.column_count + 1);

    for (int i = 0; i < rows.column_count; i++)
        names[i] = str_copy(arena, str_of(PQfname(result, i)));
    for (int i = 0; i < rows.row_count * rows.column_count; i++) {
        int row = i / rows.column_count, column = i % rows.column_count;
        if (PQftype(result, column) == BOOL_TYPE && !PQgetisnull(result, row, column))
            cells[i] = PQgetvalue(result, row, column)[0] == 't' ? S("1") : S("0");
        else if (!PQgetisnull(result, row, column))
            cells[i] = str_copy(arena, (struct str){PQgetvalue(result, row, column),
                                                    (size_t)PQgetlength(result, row, column)});
    }
    PQclear(result);
    rows.names = names;
    rows.cells = cells;
    return rows;
}

/* ---- SQLite ---------------------------------------------------------------------------------- */

static struct {
    char folder[200];
    sqlite3 *db;
} reading; /* kept: a test looks into its base thousands of times */

static sqlite3 *file_open(const char *folder)
{
    char path[512];
    sqlite3 *db;

    snprintf(path, sizeof(path), "%s/papilio.db", folder);
    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_busy_timeout(db, 60000) == SQLITE_OK);
    return db;
}

static void reading_end(void)
{
    sqlite3_close(reading.db);
    reading.db = NULL;
}

static sqlite3 *reading_of(const char *folder)
{
    if (reading.db != NULL && strcmp(reading.folder, folder) == 0)
        return reading.db;
    reading_end();
    snprintf(reading.folder, sizeof(reading.folder), "%s", folder);
    reading.db = file_open(folder);
    return reading.db;
}

static struct str cell(struct arena *arena, sqlite3_stmt *stmt, int column)
{
    struct str text = {sqlite3_column_blob(stmt, column),
                       (size_t)sqlite3_column_bytes(stmt, column)};

    if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
        return (struct str){0};
    return str_copy(arena, text.at == NULL ? S("") : text);
}

static struct rows file_rows(const char *folder, struct arena *arena, const char *sql)
{
    sqlite3 *db = reading_of(folder);
    struct list cells = {0};
    struct rows rows = {0};
    struct str *names;
    int64_t cap = 0;
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        refuse(sqlite3_errmsg(db), sql);
    rows.column_count = sqlite3_column_count(stmt);
    names = arena_new_array(arena, struct str, (size_t)rows.column_count + 1);
    for (int i = 0; i < rows.column_count; i++)
        names[i] = str_copy(arena, str_of(sqlite3_column_name(stmt, i)));
    for (; sqlite3_step(stmt) == SQLITE_ROW; rows.row_count++)
        for (int i = 0; i < rows.column_count; i++)
            *(struct str *)list_add(arena, &cells, &cap, sizeof(struct str)) = cell(arena, stmt, i);
    sqlite3_finalize(stmt);
    rows.names = names;
    rows.cells = cells.at;
    return rows;
}

/* ---- either ---------------------------------------------------------------------------------- */

void base_leave(void)
{
    char sql[120];

    reading_end();
    if (address[0] == '\0')
        return;
    snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS %s CASCADE", schema);
    PQclear(shared_run(sql));
    PQfinish(shared);
    shared = NULL;
    address[0] = '\0';
}

void base_sql(const char *folder, const char *sql)
{
    char *words = NULL;
    sqlite3 *db;

    if (address[0] != '\0') {
        PQclear(shared_run(sql));
        return;
    }
    db = file_open(folder);
    if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
        refuse(words, sql);
    sqlite3_close(db);
}

struct rows base_rows(const char *folder, struct arena *arena, const char *sql)
{
    return address[0] != '\0' ? shared_rows(arena, sql) : file_rows(folder, arena, sql);
}

const char *base_text(const char *folder, struct arena *arena, const char *sql)
{
    struct rows rows = base_rows(folder, arena, sql);
    struct buf buf;
    struct str text;

    buf_init(&buf, 1024 * 1024);
    for (int i = 0; i < rows.row_count * rows.column_count; i++) {
        if (i > 0)
            buf_char(&buf, i % rows.column_count == 0 ? '\n' : '|');
        buf_str(&buf, rows.cells[i]);
    }
    text = str_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return str_cstr(arena, text);
}

struct rows base_tables(const char *folder, struct arena *arena)
{
    return base_rows(folder, arena,
                     address[0] != '\0'
                         ? "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() "
                           "ORDER BY tablename"
                         : "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
}

struct rows base_columns(const char *folder, struct arena *arena, const char *like)
{
    char sql[400];

    if (address[0] != '\0')
        snprintf(sql, sizeof(sql),
                 "SELECT table_name, column_name FROM information_schema.columns"
                 " WHERE table_schema = current_schema() AND column_name LIKE '%s' ORDER BY 1, 2",
                 like);
    else
        snprintf(sql, sizeof(sql),
                 "SELECT m.name, i.name FROM sqlite_schema m, pragma_table_info(m.name) i"
                 " WHERE m.type = 'table' AND i.name LIKE '%s' ESCAPE '\\' ORDER BY 1, 2",
                 like);
    return base_rows(folder, arena, sql);
}

bool base_is_sound(const char *folder)
{
    struct arena *arena = arena_new(16 * 1024 * 1024);
    bool is_sound = true;

    if (address[0] == '\0') {
        struct rows pages = base_rows(folder, arena, "PRAGMA quick_check");
        is_sound = base_rows(folder, arena, "PRAGMA foreign_key_check").row_count == 0 &&
                   str_is(pages.cells[0], "ok");
    }
    arena_free(arena);
    return is_sound;
}
