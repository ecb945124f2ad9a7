/* PostgreSQL behind host/db.h: libpq in pipeline mode.
 * Always: what needs no answer (BEGIN, SAVEPOINT, a page of runs) is sent with the next statement
 * that does, so a statement costs one trip and a page of them one; answers are read in the order
 * in which they were asked for; a connection that went away has lost its transaction, and nothing
 * more runs in it. */
#include "host/clock.h"
#include "host/pg_private.h"

#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define AWAITED_MAX 4096
#define FETCH_COUNT 1000
#define WAIT_MIN_US 50000
#define WAIT_MAX_US 3000000

struct pg *pg_of(struct db *db)
{
    return (struct pg *)db;
}

static struct pg_stmt *own(struct db_stmt *stmt)
{
    return (struct pg_stmt *)stmt;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static const struct {
    const char *state; /* begins with */
    enum err err;
} states[] = {
    {"23502", E_INTERNAL},                  /* a missing value is a mistake in the program */
    {"23", E_CONFLICT},    {"40", E_BUSY},  /* serialisation, deadlock */
    {"55P03", E_BUSY},                      /* a lock did not come in time */
    {"57", E_BUSY},                         /* shut down, cancelled */
    {"08", E_BUSY},        {"25006", E_IO}, /* read-only */
    {"53", E_IO},                           /* disk full, out of memory */
    {"58", E_IO},          {"XX001", E_CORRUPT},
    {"XX002", E_CORRUPT},  {"25P02", E_IO}, /* an earlier statement of the transaction failed */
};

static void lose(struct pg *pg)
{
    pg->db.is_lost = true;
    pg->awaited_count = 0;
    pg->is_unsynced = false;
}

enum err pg_failed(struct pg *pg, const PGresult *result)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *words = result ? PQresultErrorMessage(result) : "";

    if (words[0] == '\0')
        words = PQerrorMessage(pg->conn);
    snprintf(pg->db.error, sizeof(pg->db.error), "%s (%s)", words, state ? state : "no state");
    for (size_t i = 0; pg->db.error[i] != '\0'; i++)
        if (pg->db.error[i] == '\n')
            pg->db.error[i] = ' ';
    if (PQstatus(pg->conn) == CONNECTION_BAD) {
        lose(pg);
        return E_BUSY;
    }
    for (size_t i = 0; state && i < ARRAY_LEN(states); i++)
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
            return states[i].err;
    return E_INTERNAL;
}

/* ---- the pipeline ---------------------------------------------------------------------------- */

static void awaited_add(struct pg *pg, struct pg_awaited awaited)
{
    must(pg->awaited_count < AWAITED_MAX);
    pg->awaited[(pg->awaited_from + pg->awaited_count++) % AWAITED_MAX] = awaited;
    pg->is_unsynced = awaited.kind != AWAIT_SYNC;
}

static struct pg_awaited awaited_take(struct pg *pg)
{
    struct pg_awaited awaited = pg->awaited[pg->awaited_from];

    must(pg->awaited_count > 0);
    pg->awaited_from = (pg->awaited_from + 1) % AWAITED_MAX;
    pg->awaited_count--;
    return awaited;
}

/* Everything sent so far leaves, and after an error the server goes on behind it. */
static void sync_send(struct pg *pg)
{
    if (!pg->is_unsynced || pg->db.is_lost)
        return;
    if (PQpipelineSync(pg->conn) == 1)
        awaited_add(pg, (struct pg_awaited){.kind = AWAIT_SYNC});
    else
        pg_failed(pg, NULL);
}

/* The next answer in order. NULL: the connection is gone. A statement's answer is followed by a
 * NULL, a sync's is not. */
static PGresult *result_read(struct pg *pg, const struct pg_awaited *awaited)
{
    PGresult *result = PQgetResult(pg->conn), *more;

    if (result == NULL || PQstatus(pg->conn) == CONNECTION_BAD) {
        pg_failed(pg, result);
        PQclear(result);
        PQfinish(pg->conn); /* also where only we are out of step with it */
        pg->conn = NULL;
        lose(pg);
        return NULL;
    }
    if (awaited->kind == AWAIT_SYNC)
        return result;
    while ((more = PQgetResult(pg->conn)) != NULL)
        PQclear(more);
    return result;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_PIPELINE_SYNC;
}

/* Reads answers until that of `run` (NULL: until none is awaited). The first error on the way is
 * the answer; what stands behind it up to the sync was skipped by the server and is read too. */
static enum err answers_read(struct pg *pg, struct pg_stmt *run, PGresult **out)
{
    enum err err = OK;

    if (out)
        *out = NULL;
    sync_send(pg);
    while (pg->awaited_count > 0) {
        struct pg_awaited awaited = awaited_take(pg);
        PGresult *result = result_read(pg, &awaited);
        bool is_wanted = awaited.kind == AWAIT_RUN && awaited.run == run && run != NULL;
        if (result == NULL)
            return E_BUSY;
        if (awaited.kind == AWAIT_PREPARE && is_good(result))
            pg->is_prepared[awaited.query] = true;
        if (awaited.kind == AWAIT_RUN && awaited.run)
            awaited.run->sent_count--;
        if (!is_good(result) && err == OK && PQresultStatus(result) != PGRES_PIPELINE_ABORTED)
            err = pg_failed(pg, result);
        if (is_wanted && err == OK && is_good(result)) {
            *out = result;
            return OK;
        }
        PQclear(result);
        if (err != OK && awaited.kind == AWAIT_SYNC)
            return err;
    }
    if (pg->db.is_lost)
        return E_BUSY;
    return run == NULL ? err : err != OK ? err : E_IO;
}

static void control_send(struct pg *pg, const char *sql)
{
    if (pg->db.is_lost)
        return;
    if (PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 1) == 1)
        awaited_add(pg, (struct pg_awaited){.kind = AWAIT_CONTROL});
    else
        pg_failed(pg, NULL);
}

static enum err pg_answer(const struct pg *pg)
{
    return pg->db.is_lost ? E_BUSY : OK;
}

/* ---- the connection -------------------------------------------------------------------------- */

static bool is_alive(struct pg *pg)
{
    struct pollfd socket = {.events = POLLIN};

    if (pg->conn == NULL || PQstatus(pg->conn) != CONNECTION_OK)
        return false;
    socket.fd = PQsocket(pg->conn);
    /* Nothing is awaited: what there is to read is a farewell. */
    return poll(&socket, 1, 0) == 0 ||
           (PQconsumeInput(pg->conn) == 1 && PQstatus(pg->conn) == CONNECTION_OK);
}

enum err pg_run(struct pg *pg, struct arena *arena, const char *sql, struct str *text)
{
    PGresult *result = PQexec(pg->conn, sql);
    enum err err = is_good(result) ? OK : pg_failed(pg, result);

    if (text) {
        *text = (struct str){0};
        if (err == OK && PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
            *text = str_copy(arena, str_of(PQgetvalue(result, 0, 0)));
    }
    PQclear(result);
    return err;
}

/* Plans as SQLite would make them: whole results are wanted, and no query runs long enough to be
 * compiled. A writer that stands still inside the lock would stop all others. */
static const char settings[] =
    "SET client_min_messages = warning; SET client_encoding = 'UTF8'; SET jit = off; "
    "SET cursor_tuple_fraction = 1; SET lock_timeout = '10s'; "
    "SET idle_in_transaction_session_timeout = '60s'; SET synchronous_commit = on; "
    "SET standard_conforming_strings = on; SET extra_float_digits = 1";
static const char schema_find[] = "SELECT coalesce(current_schema(), trim(both '\" ' from "
                                  "split_part(current_setting('search_path'), ',', 1)))";

static enum err connection_set_up(struct pg *pg)
{
    struct str schema;

    TRY(pg_run(pg, pg->arena, settings, NULL));
    if (pg->schema[0] == '\0') {
        TRY(pg_run(pg, pg->arena, schema_find, &schema));
        snprintf(pg->schema, sizeof(pg->schema), "%.*s", STR(schema));
        pg->lock_key = (int64_t)str_hash(schema, 0x70617069);
    }
    if (pg->db.mode == DB_LISTEN) {
        char listen[120];
        snprintf(listen, sizeof(listen), "LISTEN \"papilio_%s\"", pg->schema);
        return pg_run(pg, NULL, listen, NULL);
    }
    return PQenterPipelineMode(pg->conn) == 1 ? OK : pg_failed(pg, NULL);
}

enum err pg_connect(struct pg *pg)
{
    enum err err = OK;

    if (is_alive(pg))
        return OK;
    if (clock_mono_us() < pg->retry_us)
        return db_refuse(&pg->db, E_BUSY, "no connection to the database; tried a moment ago");
    PQfinish(pg->conn);
    memset(pg->is_prepared, 0, (size_t)db_query_count);
    pg->awaited_count = 0;
    pg->is_unsynced = pg->db.is_lost = false;
    pg->conn = PQconnectdb(pg->url);
    if (PQstatus(pg->conn) != CONNECTION_OK) {
        pg_failed(pg, NULL);
        err = E_BUSY;
    } else {
        err = connection_set_up(pg);
    }
    pg->wait_us = err == OK ? WAIT_MIN_US : pg->wait_us * 2;
    if (pg->wait_us > WAIT_MAX_US)
        pg->wait_us = WAIT_MAX_US;
    pg->retry_us = err == OK ? 0 : clock_mono_us() + pg->wait_us;
    return err;
}

static void pg_close(struct db *db)
{
    struct pg *pg = pg_of(db);

    for (int i = 0; i < PG_RUN_MAX; i++)
        PQclear(pg->runs[i].result);
    PQfinish(pg->conn);
    pg->conn = NULL;
}

/* ---- transactions ---------------------------------------------------------------------------- */

/* A writer waits for its lock here: whatever it reads afterwards is what earlier writers left. */
static enum err pg_begin(struct db *db)
{
    struct pg *pg = pg_of(db);
    char lock[80];
    enum err err;

    answers_read(pg, NULL, NULL); /* what the last transaction did not wait for, good or bad */
    db->is_lost = false;
    TRY(pg_connect(pg));
    pg->is_unknown = false;
    if (db->mode == DB_READ) {
        control_send(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        return pg_answer(pg);
    }
    snprintf(lock, sizeof(lock), "SELECT pg_advisory_xact_lock(%" PRId64 ")", pg->lock_key);
    control_send(pg, "BEGIN ISOLATION LEVEL READ COMMITTED");
    control_send(pg, lock);
    err = answers_read(pg, NULL, NULL);
    if (err != OK) {
        control_send(pg, "ROLLBACK");
        sync_send(pg);
    }
    return err;
}

static void running_end(struct pg *pg)
{
    for (int i = 0; i < PG_RUN_MAX; i++) {
        PQclear(pg->runs[i].result);
        pg->runs[i].result = NULL;
        pg->runs[i].stmt.is_running = false;
    }
    for (int i = 0; i < pg->awaited_count; i++)
        pg->awaited[(pg->awaited_from + i) % AWAITED_MAX].run = NULL;
    pg->db.running_count = 0;
}

/* An error of what was sent before makes the server skip the COMMIT. A reader has nothing to lose:
 * nobody waits for its end. */
static enum err pg_commit(struct db *db)
{
    struct pg *pg = pg_of(db);
    struct pg_stmt commit = {0};
    PGresult *result;
    enum err err;

    control_send(pg, "COMMIT");
    if (db->mode == DB_READ) {
        sync_send(pg);
        return pg_answer(pg);
    }
    if (db->is_lost)
        return E_BUSY;
    pg->awaited[(pg->awaited_from + pg->awaited_count - 1) % AWAITED_MAX] =
        (struct pg_awaited){.kind = AWAIT_RUN, .run = &commit};
    pg->is_unknown = true; /* from here on it may happen without us */
    err = answers_read(pg, &commit, &result);
    pg->is_unknown = db->is_lost;
    if (err == OK && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        err = db_refuse(db, E_IO, "the transaction had failed and was rolled back");
    PQclear(result);
    return err;
}

static bool pg_is_unknown(const struct db *db)
{
    return ((const struct pg *)db)->is_unknown;
}

static void pg_rollback(struct db *db)
{
    struct pg *pg = pg_of(db);

    running_end(pg);
    if (!db->is_open || PQstatus(pg->conn) != CONNECTION_OK)
        return;
    db->is_lost = false;
    sync_send(pg); /* behind an error the server skips all up to a sync */
    control_send(pg, "ROLLBACK");
    sync_send(pg);
}

static enum err pg_savepoint(struct db *db)
{
    control_send(pg_of(db), "SAVEPOINT one");
    return pg_answer(pg_of(db));
}

static enum err pg_release(struct db *db)
{
    control_send(pg_of(db), "RELEASE one");
    return pg_answer(pg_of(db));
}

static void pg_rollback_to(struct db *db)
{
    struct pg *pg = pg_of(db);

    running_end(pg);
    if (!db->has_savepoint || db->is_lost)
        return;
    answers_read(pg, NULL, NULL); /* an error among them is what is undone here */
    control_send(pg, "ROLLBACK TO one");
    control_send(pg, "RELEASE one");
    if (answers_read(pg, NULL, NULL) != OK)
        db->is_lost = true;
}

static enum err pg_defer(struct db *db)
{
    control_send(pg_of(db), "SET CONSTRAINTS ALL DEFERRED");
    return answers_read(pg_of(db), NULL, NULL);
}

static enum err pg_notify(struct db *db, struct str text)
{
    struct pg *pg = pg_of(db);
    char channel[100];
    const char *values[2] = {channel, text.at};
    int lengths[2] = {0, (int)text.len}, formats[2] = {0, 1};

    if (db->is_lost)
        return E_BUSY;
    snprintf(channel, sizeof(channel), "papilio_%s", pg->schema);
    if (PQsendQueryParams(pg->conn, "SELECT pg_notify($1::text, $2::text)", 2, NULL, values,
                          lengths, formats, 1) != 1)
        return pg_failed(pg, NULL);
    awaited_add(pg, (struct pg_awaited){.kind = AWAIT_CONTROL});
    return OK;
}

/* ---- statements ------------------------------------------------------------------------------ */

static enum err pg_start(struct db *db, int query, struct db_stmt **out)
{
    struct pg *pg = pg_of(db);
    struct pg_stmt *run = pg->runs;

    if (!db->is_open)
        TRY(pg_connect(pg)); /* a statement by itself */
    while (run < pg->runs + PG_RUN_MAX && run->stmt.is_running)
        run++;
    must(run < pg->runs + PG_RUN_MAX);
    *run = (struct pg_stmt){.query = query};
    run->is_cursor = db->is_open && db_queries[query].is_each;
    *out = &run->stmt;
    return OK;
}

static void value_set(struct pg_stmt *run, int at, const char *value, size_t len)
{
    must(at >= 1);
    must(at <= PG_PARAM_MAX);
    run->values[at - 1] = value;
    run->lengths[at - 1] = (int)len;
    if (run->param_count < at)
        run->param_count = at;
}

static void pg_bind_int(struct db_stmt *stmt, int at, int64_t value)
{
    struct pg_stmt *run = own(stmt);

    value_set(run, at, value == NONE ? NULL : (const char *)&run->ints[at - 1], sizeof(value));
    run->ints[at - 1] = htobe64((uint64_t)value);
}

static void pg_bind_bytes(struct db_stmt *stmt, int at, struct str value)
{
    value_set(own(stmt), at, value.at, value.len);
}

static const int binary[PG_PARAM_MAX] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
};

static const char *statement_name(const struct pg_stmt *run, char name[16])
{
    snprintf(name, 16, "q%d", run->query);
    return name;
}

/* Prepared on the way where it is not yet. */
static bool prepare_send(struct pg *pg, const struct pg_stmt *run)
{
    char name[16];

    for (int i = 0; i < pg->awaited_count; i++) {
        const struct pg_awaited *at = &pg->awaited[(pg->awaited_from + i) % AWAITED_MAX];
        if (at->kind == AWAIT_PREPARE && at->query == run->query)
            return true;
    }
    if (PQsendPrepare(pg->conn, statement_name(run, name), db_queries[run->query].postgres, 0,
                      NULL) != 1)
        return false;
    awaited_add(pg, (struct pg_awaited){.kind = AWAIT_PREPARE, .query = run->query});
    return true;
}

static void cursor_name(const struct pg *pg, const struct pg_stmt *run, char name[16])
{
    snprintf(name, 16, "c%d", (int)(run - pg->runs));
}

static bool cursor_declare(struct pg *pg, struct pg_stmt *run)
{
    struct buf sql;
    char name[16];
    int sent;

    cursor_name(pg, run, name);
    buf_init(&sql, 1024 * 1024);
    buf_fmt(&sql, "DECLARE %s NO SCROLL CURSOR FOR %s", name, db_queries[run->query].postgres);
    buf_char(&sql, '\0');
    must(!sql.is_full);
    sent = PQsendQueryParams(pg->conn, buf_view(&sql).at, run->param_count, NULL, run->values,
                             run->lengths, binary, 1);
    buf_release(&sql);
    if (sent != 1)
        return false;
    awaited_add(pg, (struct pg_awaited){.kind = AWAIT_CONTROL});
    run->is_declared = true;
    return true;
}

static bool run_send(struct pg *pg, struct pg_stmt *run)
{
    char name[16], fetch[64];

    if (run->is_cursor) {
        if (!run->is_declared && !cursor_declare(pg, run))
            return false;
        cursor_name(pg, run, name);
        snprintf(fetch, sizeof(fetch), "FETCH %d FROM %s", FETCH_COUNT, name);
        return PQsendQueryParams(pg->conn, fetch, 0, NULL, NULL, NULL, NULL, 1) == 1;
    }
    if (!pg->is_prepared[run->query] && !prepare_send(pg, run))
        return false;
    return PQsendQueryPrepared(pg->conn, statement_name(run, name), run->param_count, run->values,
                               run->lengths, binary, 1) == 1;
}

static void pg_send(struct db_stmt *stmt)
{
    struct pg *pg = pg_of(stmt->db);
    struct pg_stmt *run = own(stmt);

    if (pg->db.is_lost)
        return;
    if (!run_send(pg, run)) {
        pg_failed(pg, NULL);
        return;
    }
    awaited_add(pg, (struct pg_awaited){.kind = AWAIT_RUN, .run = run});
    run->sent_count++;
}

static enum err result_next(struct pg *pg, struct pg_stmt *run)
{
    PQclear(run->result);
    run->result = NULL;
    run->row = -1;
    if (run->sent_count == 0)
        pg_send(&run->stmt);
    if (pg->db.is_lost)
        return E_BUSY;
    if (run->sent_count == 0)
        return E_INTERNAL; /* not even sent; its words are kept */
    return answers_read(pg, run, &run->result);
}

static enum err pg_step(struct db_stmt *stmt, bool *has_row)
{
    struct pg *pg = pg_of(stmt->db);
    struct pg_stmt *run = own(stmt);
    int64_t changed = 0;

    *has_row = false;
    if (run->result == NULL)
        TRY(result_next(pg, run));
    else if (run->is_cursor && run->row + 1 == FETCH_COUNT)
        TRY(result_next(pg, run));
    *has_row = ++run->row < PQntuples(run->result);
    if (*has_row || !stmt->is_write)
        return OK;
    str_to_int(str_of(PQcmdTuples(run->result)), &changed);
    stmt->changed = changed;
    return OK;
}

/* A literal of a CASE is an int of 32 bits there. */
static int64_t pg_int(struct db_stmt *stmt, int column)
{
    struct pg_stmt *run = own(stmt);
    const char *at = PQgetvalue(run->result, run->row, column);
    uint64_t wide;
    uint32_t word;

    if (PQgetisnull(run->result, run->row, column))
        return NONE;
    if (PQgetlength(run->result, run->row, column) == sizeof(wide)) {
        memcpy(&wide, at, sizeof(wide));
        return (int64_t)be64toh(wide);
    }
    must(PQgetlength(run->result, run->row, column) == sizeof(word));
    memcpy(&word, at, sizeof(word));
    return (int32_t)be32toh(word);
}

static struct str pg_bytes(struct db_stmt *stmt, int column)
{
    struct pg_stmt *run = own(stmt);

    if (PQgetisnull(run->result, run->row, column))
        return (struct str){0};
    return (struct str){PQgetvalue(run->result, run->row, column),
                        (size_t)PQgetlength(run->result, run->row, column)};
}

static void cursor_close(struct pg *pg, struct pg_stmt *run)
{
    char sql[32], name[16];

    cursor_name(pg, run, name);
    snprintf(sql, sizeof(sql), "CLOSE %s", name);
    if (run->is_declared && pg->db.is_open)
        control_send(pg, sql);
    run->is_declared = false;
}

static void pg_rewind(struct db_stmt *stmt)
{
    struct pg_stmt *run = own(stmt);
    bool is_whole = run->result != NULL;

    PQclear(run->result);
    run->result = NULL;
    if (is_whole)
        cursor_close(pg_of(stmt->db), run);
}

/* What was sent and not read any more: its answers belong to nobody. */
static void pg_end(struct db_stmt *stmt)
{
    struct pg *pg = pg_of(stmt->db);
    struct pg_stmt *run = own(stmt);

    for (int i = 0; i < pg->awaited_count && run->sent_count > 0; i++) {
        struct pg_awaited *at = &pg->awaited[(pg->awaited_from + i) % AWAITED_MAX];
        if (at->run == run)
            at->run = NULL;
    }
    run->sent_count = 0;
}

enum err pg_ask(struct pg *pg, const char *sql, PGresult **out)
{
    struct pg_stmt run = {0};

    *out = NULL;
    control_send(pg, sql);
    if (pg->db.is_lost)
        return E_BUSY;
    pg->awaited[(pg->awaited_from + pg->awaited_count - 1) % AWAITED_MAX] =
        (struct pg_awaited){.kind = AWAIT_RUN, .run = &run};
    return answers_read(pg, &run, out);
}

static const struct db_face face = {
    .close = pg_close,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .savepoint = pg_savepoint,
    .release = pg_release,
    .rollback_to = pg_rollback_to,
    .defer = pg_defer,
    .start = pg_start,
    .bind_int = pg_bind_int,
    .bind_text = pg_bind_bytes,
    .bind_blob = pg_bind_bytes,
    .page_max = PG_PAGE_MAX,
    .send = pg_send,
    .step = pg_step,
    .get_int = pg_int,
    .get_text = pg_bytes,
    .get_blob = pg_bytes,
    .rewind = pg_rewind,
    .end = pg_end,
    .analyze = pg_analyze,
    .version = pg_version,
    .migrate = pg_migrate,
    .verify = pg_verify,
    .notify = pg_notify,
    .wait = pg_wait,
    .is_commit_unknown = pg_is_unknown,
};

enum err pg_open(struct arena *arena, struct str url, enum db_mode mode, struct db **out)
{
    struct pg *pg = arena_new_one(arena, struct pg);
    enum err err;

    pg->db.face = &face;
    pg->db.mode = mode;
    pg->arena = arena;
    pg->url = str_cstr(arena, url);
    pg->wait_us = WAIT_MIN_US;
    pg->is_prepared = arena_new_array(arena, bool, (size_t)db_query_count + 1);
    pg->awaited = arena_new_array(arena, struct pg_awaited, AWAITED_MAX);
    *out = &pg->db;
    err = pg_connect(pg);
    return err == E_BUSY ? E_IO : err;
}
