/* host/db.h: what holds on every database, then on to the one behind the connection. */
#include "host/clock.h"
#include "host/db_private.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>

enum err db_refuse(struct db *db, enum err err, const char *why)
{
    snprintf(db->error, sizeof(db->error), "%s", why);
    return err;
}

bool db_is_failing_now(struct db *db)
{
    if (db->fail_in == 0 || --db->fail_in > 0)
        return false;
    db->did_fail = true;
    snprintf(db->error, sizeof(db->error), "failed for a test");
    return true;
}

const char *db_error(const struct db *db)
{
    return db->error;
}

bool db_is_url(struct str path)
{
    return str_starts(path, S("postgres://")) || str_starts(path, S("postgresql://"));
}

enum err db_open(struct arena *arena, struct str path, enum db_mode mode, struct db **out)
{
    *out = NULL;
    if (db_is_url(path) && mode == DB_FILL)
        return pg_open(arena, path, DB_WRITE, out);
    return db_is_url(path) ? pg_open(arena, path, mode, out)
                           : db_sqlite_open(arena, path, mode, out);
}

bool db_is_shared(const struct db *db)
{
    return db->face->wait != NULL;
}

void db_close(struct db *db)
{
    if (db != NULL)
        db->face->close(db);
}

/* ---- transactions ---------------------------------------------------------------------------- */

enum err db_begin(struct db *db)
{
    must(!db->is_open);
    if (db_is_failing_now(db))
        return E_IO;
    TRY(db->face->begin(db));
    db->is_open = true;
    db->is_lost = false;
    db->has_savepoint = false;
    return OK;
}

/* What is lost answers as the database that lost it does. */
static enum err lost(const struct db *db)
{
    return db_is_shared(db) ? E_BUSY : E_IO;
}

enum err db_commit(struct db *db)
{
    enum err err;

    must(db->is_open);
    must(!db->has_savepoint);
    must(db->running_count == 0);
    err = db->is_lost ? lost(db) : OK;
    if (err == OK && db_is_failing_now(db))
        err = E_IO;
    if (err == OK)
        err = db->face->commit(db);
    if (err == OK)
        db->is_open = false;
    else
        db_rollback(db);
    return err;
}

bool db_is_commit_unknown(const struct db *db)
{
    return db->face->is_commit_unknown != NULL && db->face->is_commit_unknown(db);
}

void db_rollback(struct db *db)
{
    db->face->rollback(db);
    db->is_open = false;
    db->is_lost = false;
    db->has_savepoint = false;
}

bool db_is_open_transaction(const struct db *db)
{
    return db->is_open && !db->is_lost;
}

bool db_is_lost(const struct db *db)
{
    return db_is_shared(db) && db->is_lost;
}

enum err db_savepoint(struct db *db)
{
    must(db->is_open);
    must(!db->has_savepoint);
    if (db->is_lost)
        return lost(db);
    if (db_is_failing_now(db))
        return E_IO;
    TRY(db->face->savepoint(db));
    db->has_savepoint = true;
    return OK;
}

enum err db_release(struct db *db)
{
    must(db->has_savepoint);
    must(db->running_count == 0);
    if (db->is_lost)
        return lost(db);
    if (db_is_failing_now(db))
        return E_IO;
    TRY(db->face->release(db));
    db->has_savepoint = false;
    return OK;
}

void db_rollback_to(struct db *db)
{
    db->face->rollback_to(db);
    db->has_savepoint = false;
}

enum err db_defer(struct db *db)
{
    must(db->is_open);
    return db->face->defer(db);
}

enum err db_notify(struct db *db, struct str text)
{
    return db->face->notify == NULL ? OK : db->face->notify(db, text);
}

enum err db_wait(struct db *db, int timeout_ms, struct arena *arena, struct str *out)
{
    must(db->mode == DB_LISTEN);
    return db->face->wait(db, timeout_ms, arena, out);
}

/* ---- statements ------------------------------------------------------------------------------ */

enum err db_start(struct db *db, int query, struct db_stmt **out)
{
    const struct db_query *q = &db_queries[query];

    *out = NULL;
    must(query >= 0);
    must(query < db_query_count);
    if (db_is_failing_now(db))
        return E_IO;
    if (db->is_open && db->is_lost)
        return db_refuse(db, lost(db), "the transaction was given up after an I/O error");
    if (db->mode == DB_READ && q->is_write)
        return db_refuse(db, E_INTERNAL, "a write on a read-only connection");
    TRY(db->face->start(db, query, out));
    (*out)->face = db->face;
    (*out)->db = db;
    (*out)->is_write = q->is_write;
    (*out)->is_running = true;
    (*out)->changed = 0;
    db->running_count++;
    return OK;
}

void db_bind_int(struct db_stmt *stmt, int at, int64_t value)
{
    stmt->face->bind_int(stmt, at, value);
}

void db_bind_text(struct db_stmt *stmt, int at, struct str value)
{
    stmt->face->bind_text(stmt, at, value);
}

void db_bind_blob(struct db_stmt *stmt, int at, struct str value)
{
    stmt->face->bind_blob(stmt, at, value);
}

int64_t db_page(const struct db_stmt *stmt, int64_t wanted_count)
{
    return wanted_count < stmt->face->page_max ? wanted_count : stmt->face->page_max;
}

void db_send(struct db_stmt *stmt)
{
    if (stmt->face->send != NULL)
        stmt->face->send(stmt);
}

enum err db_step(struct db_stmt *stmt, bool *has_row)
{
    struct db *db = stmt->db;
    int64_t start_us = clock_mono_us();
    enum err err = stmt->face->step(stmt, has_row);

    db->step_us += clock_mono_us() - start_us;
    return err;
}

int64_t db_int(struct db_stmt *stmt, int column)
{
    return stmt->face->get_int(stmt, column);
}

struct str db_text(struct db_stmt *stmt, int column, struct arena *arena)
{
    struct str view = stmt->face->get_text(stmt, column);

    return arena == NULL || view.at == NULL ? view : str_copy(arena, view);
}

struct str db_blob(struct db_stmt *stmt, int column, struct arena *arena)
{
    struct str view = stmt->face->get_blob(stmt, column);

    return arena == NULL || view.at == NULL ? view : str_copy(arena, view);
}

int64_t db_rewind(struct db_stmt *stmt)
{
    int64_t changed = stmt->changed;

    stmt->face->rewind(stmt);
    stmt->changed = 0;
    return changed;
}

int64_t db_end(struct db_stmt *stmt)
{
    int64_t changed = db_rewind(stmt);

    stmt->is_running = false;
    stmt->db->running_count--;
    stmt->face->end(stmt);
    return changed;
}

/* ---- migrations ------------------------------------------------------------------------------ */

enum err db_version(struct db *db, int *version)
{
    return db->face->version(db, version);
}

enum err db_migrate(struct db *db, int *was_version)
{
    must(db->mode == DB_WRITE);
    TRY(db_version(db, was_version));
    if (*was_version > db_migration_count)
        return db_refuse(db, E_CONFLICT, "the base is newer than this program");
    return *was_version == db_migration_count ? OK : db->face->migrate(db, *was_version);
}

/* ---- tests, checks, measurements ------------------------------------------------------------- */

void db_fail_at(struct db *db, int64_t nth)
{
    db->fail_in = nth;
    db->did_fail = false;
}

bool db_did_fail(const struct db *db)
{
    return db->did_fail;
}

int64_t db_step_us(const struct db *db)
{
    return db->step_us;
}

enum err db_analyze(struct db *db)
{
    must(db->is_open);
    return db->face->analyze == NULL ? OK : db->face->analyze(db);
}

enum err db_copy(struct db *db, struct str path)
{
    must(db->mode == DB_READ);
    if (db->face->copy == NULL)
        return db_refuse(db, E_INPUT, "a PostgreSQL base is copied with pg_dump");
    return db->face->copy(db, path);
}

enum err db_verify(struct db *db, struct arena *arena, struct str *out)
{
    return db->face->verify(db, false, arena, out);
}

enum err db_verify_whole(struct db *db, struct arena *arena, struct str *out)
{
    return db->face->verify(db, true, arena, out);
}

/* One at a time: the first call sets up the C library's memory where a sanitizer stands before it,
 * which two at once would do twice. */
void db_rest(struct db *db)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    if (db->face->rest != NULL)
        db->face->rest(db);
    pthread_mutex_lock(&lock);
    malloc_trim(0);
    pthread_mutex_unlock(&lock);
}

int64_t db_log_pages(const struct db *db)
{
    return db->log_pages;
}

enum err db_checkpoint(struct db *db, struct db_log *out)
{
    *out = (struct db_log){0};
    return db->face->checkpoint == NULL ? OK : db->face->checkpoint(db, out);
}
