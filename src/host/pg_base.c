/* A PostgreSQL base as a whole: its schema and migrations, its check, its listeners. Each statement
 * here runs by itself, outside of the pipeline. */
#include "host/clock.h"
#include "host/pg_private.h"

#include <poll.h>
#include <stdio.h>

#define NOTICE_MAX 8000 /* PostgreSQL's own bound */

/* Between transactions there is nothing in the pipeline, so one may leave it. */
static enum err pipeline_leave(struct pg *pg)
{
    must(!pg->db.is_open);
    must(pg->awaited_count == 0);
    TRY(pg_connect(pg));
    return PQexitPipelineMode(pg->conn) == 1 ? OK : pg_failed(pg, NULL);
}

static enum err pipeline_enter(struct pg *pg, enum err err)
{
    if (PQstatus(pg->conn) == CONNECTION_OK && PQenterPipelineMode(pg->conn) != 1 && err == OK)
        return pg_failed(pg, NULL);
    return err;
}

/* ---- the version ----------------------------------------------------------------------------- */

static enum err version_read(struct pg *pg, int *version)
{
    struct arena *arena = arena_new(64 * 1024);
    struct str text;
    int64_t number = 0;
    enum err err = pg_run(pg, arena, "SELECT to_regclass('base_version')::text", &text);

    if (err == OK && text.at != NULL)
        err = pg_run(pg, arena, "SELECT max(number)::text FROM base_version", &text);
    if (err == OK && text.at != NULL && !str_to_int(text, &number))
        err = E_CORRUPT;
    *version = (int)number;
    arena_free(arena);
    return err;
}

enum err pg_version(struct db *db, int *version)
{
    struct pg *pg = pg_of(db);

    *version = 0;
    TRY(pipeline_leave(pg));
    return pipeline_enter(pg, version_read(pg, version));
}

/* ---- migrations ------------------------------------------------------------------------------ */

static const char foundation[] = "CREATE TABLE base_version (number bigint NOT NULL PRIMARY KEY)";

/* What queries call, as it is in this program. Our integers are bigint, its text functions take
 * int.
 */
static const char functions[] =
    "CREATE OR REPLACE FUNCTION substr(text, bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT"
    " PARALLEL SAFE RETURN pg_catalog.substr($1, $2::int);"
    "CREATE OR REPLACE FUNCTION substr(text, bigint, bigint) RETURNS text LANGUAGE sql IMMUTABLE"
    " STRICT PARALLEL SAFE RETURN pg_catalog.substr($1, $2::int, $3::int);"
    "CREATE OR REPLACE FUNCTION has_bit(bytea, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE"
    " PARALLEL SAFE RETURN CASE WHEN $2 >= 0 AND $2 / 8 < octet_length($1)"
    " THEN get_bit($1, $2)::bigint ELSE 0 END;";

/* One whole: PostgreSQL undoes tables as it undoes rows. Another node that waited for the lock
 * meanwhile finds it done. */
static enum err migration_steps(struct pg *pg, const struct db_migration *migration, int *done)
{
    char text[160];

    TRY(version_read(pg, done));
    if (*done >= migration->number)
        return OK;
    if (*done == 0)
        TRY(pg_run(pg, NULL, foundation, NULL));
    TRY(pg_run(pg, NULL, functions, NULL));
    if (db_is_failing_now(&pg->db))
        return E_IO;
    TRY(pg_run(pg, NULL, migration->postgres, NULL));
    snprintf(text, sizeof(text), "INSERT INTO base_version (number) VALUES (%d)",
             migration->number);
    return pg_run(pg, NULL, text, NULL);
}

static enum err migration_run(struct pg *pg, const struct db_migration *migration)
{
    char text[sizeof(pg->db.error)];
    int done = 0;
    enum err err;

    TRY(pg_run(pg, NULL, "BEGIN", NULL));
    snprintf(text, sizeof(text), "SELECT pg_advisory_xact_lock(%" PRId64 ")", pg->lock_key);
    err = pg_run(pg, NULL, text, NULL);
    if (err == OK)
        err = migration_steps(pg, migration, &done);
    if (err == OK)
        return pg_run(pg, NULL, "COMMIT", NULL);
    snprintf(text, sizeof(text), "%s", pg->db.error); /* why, not what the rollback says */
    if (pg_run(pg, NULL, "ROLLBACK", NULL) == OK)
        snprintf(pg->db.error, sizeof(pg->db.error), "%s", text);
    return err;
}

/* The schema that the address names is made where it is not there. */
static enum err schema_make(struct pg *pg)
{
    struct arena *arena = arena_new(64 * 1024);
    struct str schema;
    char text[160];
    enum err err = pg_run(pg, arena, "SELECT current_schema()", &schema);

    if (err == OK && schema.at == NULL) {
        char *quoted = PQescapeIdentifier(pg->conn, pg->schema, strlen(pg->schema));
        snprintf(text, sizeof(text), "CREATE SCHEMA IF NOT EXISTS %s", quoted ? quoted : "");
        PQfreemem(quoted);
        err = pg_run(pg, NULL, text, NULL);
        if (err == E_CONFLICT) /* made by another at the same moment */
            err = OK;
    }
    arena_free(arena);
    return err;
}

enum err pg_migrate(struct db *db, int was_version)
{
    struct pg *pg = pg_of(db);
    enum err err = pipeline_leave(pg);

    if (err == OK)
        err = schema_make(pg);
    for (int i = was_version; i < db_migration_count && err == OK; i++)
        err = migration_run(pg, &db_migrations[i]);
    return pipeline_enter(pg, err);
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* PostgreSQL holds its constraints itself; what it knows as not holding is told. */
static const char verify_sql[] =
    "SELECT string_agg(line, E'\\n') || E'\\n' FROM ("
    "SELECT 'constraint ' || conname || ' is not validated' AS line FROM pg_constraint"
    " WHERE connamespace = current_schema()::regnamespace AND NOT convalidated UNION ALL "
    "SELECT 'index ' || c.relname || ' is not valid' FROM pg_index i JOIN pg_class c"
    " ON c.oid = i.indexrelid WHERE c.relnamespace = current_schema()::regnamespace"
    " AND NOT i.indisvalid) AS found";

enum err pg_verify(struct db *db, bool is_whole, struct arena *arena, struct str *out)
{
    PGresult *result;
    enum err err = pg_ask(pg_of(db), verify_sql, &result);

    (void)is_whole;
    *out = S("");
    if (err == OK && PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
        *out = str_copy(arena,
                        (struct str){PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0)});
    PQclear(result);
    return err;
}

/* Table by table: a bare ANALYZE would count the other schemas of the database too. */
enum err pg_analyze(struct db *db)
{
    struct buf sql;
    PGresult *result;
    enum err err;

    buf_init(&sql, 64 * 1024);
    for (const struct db_table *table = db_tables; table->name; table++)
        buf_fmt(&sql, "%s %s", table == db_tables ? "ANALYZE" : ",", table->name);
    buf_str(&sql, (struct str){"", 1});
    err = pg_ask(pg_of(db), buf_view(&sql).at, &result);
    PQclear(result);
    buf_release(&sql);
    return err;
}

/* ---- listeners ------------------------------------------------------------------------------- */

static void notice_take(struct pg *pg, struct arena *arena, struct str *out)
{
    PGnotify *notice = PQnotifies(pg->conn);

    *out = (struct str){0};
    if (notice == NULL)
        return;
    *out = str_copy(arena, str_sub(str_of(notice->extra), 0, NOTICE_MAX));
    PQfreemem(notice);
}

enum err pg_wait(struct db *db, int timeout_ms, struct arena *arena, struct str *out)
{
    struct pg *pg = pg_of(db);
    struct pollfd socket = {.events = POLLIN};

    notice_take(pg, arena, out);
    if (out->at != NULL)
        return OK;
    db->is_lost = PQstatus(pg->conn) != CONNECTION_OK;
    if (db->is_lost) {
        poll(NULL, 0, timeout_ms);
        must(pg_connect(pg) != OK || PQstatus(pg->conn) == CONNECTION_OK);
        return E_BUSY;
    }
    socket.fd = PQsocket(pg->conn);
    if (poll(&socket, 1, timeout_ms) > 0 && PQconsumeInput(pg->conn) != 1)
        return pg_failed(pg, NULL);
    notice_take(pg, arena, out);
    return OK;
}
