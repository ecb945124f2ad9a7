/* SQLite behind host/db.h.
 * Always: a connection is used by one thread; every statement comes from db_queries[]; a
 * transaction that SQLite gave up by itself (disk full, I/O error) is known as lost, and nothing
 * more runs in it, so it cannot be half committed. */
#include "host/db.h"

#include "host/clock.h"

#include <malloc.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>

#define EXTRA_MAX 8 /* a query that runs while it runs: in the callback of an :each */
#define BUSY_TIMEOUT_MS 5000

struct db_stmt {
    struct db *db;
    sqlite3_stmt *sqlite;
    int64_t changed;
    bool is_write;
    bool is_running;
};

enum control {
    BEGIN,
    BEGIN_IMMEDIATE,
    COMMIT,
    ROLLBACK,
    SAVEPOINT,
    RELEASE,
    ROLLBACK_TO,
    CONTROL_COUNT
};
static const char *const control_sql[CONTROL_COUNT] = {
    "BEGIN",         "BEGIN IMMEDIATE", "COMMIT",          "ROLLBACK",
    "SAVEPOINT one", "RELEASE one",     "ROLLBACK TO one",
};

struct db {
    sqlite3 *sqlite;
    enum db_mode mode;
    sqlite3_stmt *controls[CONTROL_COUNT];
    struct db_stmt *stmts; /* one a query, prepared when first needed */
    struct db_stmt extras[EXTRA_MAX];
    int running_count;
    bool is_open;     /* between begin and commit or rollback */
    bool is_lost;     /* SQLite rolled the open transaction back by itself */
    bool has_changes; /* something may have been written since begin */
    bool has_savepoint;
    bool is_whole;   /* the savepoint is the transaction: nothing was written before it */
    int64_t fail_in; /* 0: never */
    bool did_fail;
    int64_t step_us;
    char error[512];
};

/* ---- errors ---------------------------------------------------------------------------------- */

static enum err err_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_CONSTRAINT:
        /* a missing or mistyped value is a mistake in the program, not a state of the data */
        return code == SQLITE_CONSTRAINT_NOTNULL || code == SQLITE_CONSTRAINT_DATATYPE ? E_INTERNAL
                                                                                       : E_CONFLICT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return E_BUSY;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return E_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return E_CORRUPT;
    default:
        return E_INTERNAL;
    }
}

/* Keeps the words before the next call overwrites them, and looks whether the transaction survived.
 */
static enum err db_failed(struct db *db, int code)
{
    snprintf(db->error, sizeof(db->error), "%s (%d)", sqlite3_errmsg(db->sqlite), code);
    if (db->is_open && sqlite3_get_autocommit(db->sqlite))
        db->is_lost = true;
    return err_of(code);
}

static enum err db_refuse(struct db *db, enum err err, const char *why)
{
    snprintf(db->error, sizeof(db->error), "%s", why);
    return err;
}

static bool is_failing_now(struct db *db)
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

/* ---- open and close -------------------------------------------------------------------------- */

static const char common_pragmas[] = "PRAGMA foreign_keys = ON;"
                                     "PRAGMA secure_delete = ON;"
                                     "PRAGMA trusted_schema = OFF;"
                                     "PRAGMA case_sensitive_like = ON;"; /* as in PostgreSQL */
static const char read_pragmas[] = "PRAGMA query_only = ON;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA cache_size = -8192;"
                                   "PRAGMA mmap_size = 1073741824;";
/* No temp_store = MEMORY here: it would keep a savepoint's journal as a list in memory that every
 * statement walks from its start, so that large commands took time by the square of their size. */
static const char write_pragmas[] = "PRAGMA journal_mode = WAL;"
                                    "PRAGMA synchronous = FULL;"
                                    "PRAGMA cache_size = -32768;"
                                    "PRAGMA wal_autocheckpoint = 4000;"
                                    "PRAGMA journal_size_limit = 67108864;";

static void sqlite_set_up(void)
{
    /* Its own counting of memory takes a global lock at every allocation. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    must(sqlite3_initialize() == SQLITE_OK);
}

static int db_configure(struct db *db)
{
    int code;

    sqlite3_extended_result_codes(db->sqlite, 1);
    sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MS);
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    code = sqlite3_exec(db->sqlite, common_pragmas, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db->sqlite, db->mode == DB_READ ? read_pragmas : write_pragmas, NULL,
                            NULL, NULL);
    /* The first look at the file: is it a database at all? */
    if (code == SQLITE_OK)
        code = sqlite3_exec(db->sqlite, "PRAGMA schema_version", NULL, NULL, NULL);
    return code;
}

enum err db_open(struct arena *arena, struct str path, enum db_mode mode, struct db **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct db *db = arena_new_one(arena, struct db);
    int flags = mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int code;

    *out = NULL;
    pthread_once(&once, sqlite_set_up);
    db->mode = mode;
    db->stmts = arena_new_array(arena, struct db_stmt, (size_t)db_query_count + 1);
    code = sqlite3_open_v2(str_cstr(arena, path), &db->sqlite, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = db_configure(db);
    if (code == SQLITE_OK) {
        *out = db;
        return OK;
    }
    sqlite3_close_v2(db->sqlite);
    return err_of(code) == E_BUSY ? E_CONFLICT : err_of(code);
}

static void stmt_drop(struct db_stmt *stmt)
{
    sqlite3_finalize(stmt->sqlite);
    stmt->sqlite = NULL;
    stmt->is_running = false;
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    for (int i = 0; i < db_query_count; i++)
        stmt_drop(&db->stmts[i]);
    for (int i = 0; i < EXTRA_MAX; i++)
        stmt_drop(&db->extras[i]);
    for (int i = 0; i < CONTROL_COUNT; i++)
        sqlite3_finalize(db->controls[i]);
    must(sqlite3_close(db->sqlite) == SQLITE_OK);
    db->sqlite = NULL;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static int control_run(struct db *db, enum control control)
{
    int64_t start_us = clock_mono_us();
    int code = SQLITE_OK;

    if (db->controls[control] == NULL)
        code = sqlite3_prepare_v3(db->sqlite, control_sql[control], -1, SQLITE_PREPARE_PERSISTENT,
                                  &db->controls[control], NULL);
    if (code == SQLITE_OK) {
        sqlite3_step(db->controls[control]);
        code = sqlite3_reset(db->controls[control]);
    }
    db->step_us += clock_mono_us() - start_us;
    return code;
}

/* A false must() leaves a request by a jump, in the middle of its statements: they end here. */
static void running_end(struct db *db)
{
    if (db->running_count == 0)
        return;
    for (int i = 0; i < db_query_count; i++) {
        if (db->stmts[i].is_running)
            sqlite3_reset(db->stmts[i].sqlite);
        db->stmts[i].is_running = false;
    }
    for (int i = 0; i < EXTRA_MAX; i++)
        stmt_drop(&db->extras[i]);
    db->running_count = 0;
}

enum err db_begin(struct db *db)
{
    int code;

    must(!db->is_open);
    if (is_failing_now(db))
        return E_IO;
    code = control_run(db, db->mode == DB_WRITE ? BEGIN_IMMEDIATE : BEGIN);
    if (code != SQLITE_OK)
        return db_failed(db, code);
    db->is_open = true;
    db->is_lost = false;
    db->has_changes = false;
    db->has_savepoint = false;
    return OK;
}

enum err db_commit(struct db *db)
{
    int code;

    must(db->is_open);
    must(!db->has_savepoint);
    must(db->running_count == 0);
    if (db->is_lost || is_failing_now(db)) {
        db_rollback(db);
        return E_IO;
    }
    code = control_run(db, COMMIT);
    if (code != SQLITE_OK) {
        enum err err = db_failed(db, code);
        db_rollback(db);
        return err;
    }
    db->is_open = false;
    return OK;
}

void db_rollback(struct db *db)
{
    running_end(db);
    if (db->is_open && !sqlite3_get_autocommit(db->sqlite)) {
        /* An I/O error while rolling back leaves the old state: SQLite takes it from the WAL's last
         * commit. */
        control_run(db, ROLLBACK);
        must(sqlite3_get_autocommit(db->sqlite));
    }
    db->is_open = false;
    db->is_lost = false;
    db->has_savepoint = false;
}

bool db_is_open_transaction(const struct db *db)
{
    return db->is_open && !db->is_lost;
}

/* With a savepoint SQLite keeps the old content of every page it changes, in a journal of its own;
 * large commands wrote twice as much. The first of a group needs none: undoing it is undoing all.
 */
enum err db_savepoint(struct db *db)
{
    int code;

    must(db->is_open);
    must(!db->has_savepoint);
    if (db->is_lost || is_failing_now(db))
        return E_IO;
    db->is_whole = !db->has_changes;
    code = db->is_whole ? SQLITE_OK : control_run(db, SAVEPOINT);
    if (code != SQLITE_OK)
        return db_failed(db, code);
    db->has_savepoint = true;
    return OK;
}

enum err db_release(struct db *db)
{
    int code;

    must(db->has_savepoint);
    must(db->running_count == 0);
    if (db->is_lost || is_failing_now(db))
        return E_IO;
    code = db->is_whole ? SQLITE_OK : control_run(db, RELEASE);
    if (code != SQLITE_OK)
        return db_failed(db, code);
    db->has_savepoint = false;
    return OK;
}

static int savepoint_undo(struct db *db)
{
    int code;

    if (!db->is_whole) {
        code = control_run(db, ROLLBACK_TO);
        return code == SQLITE_OK ? control_run(db, RELEASE) : code;
    }
    if (!db->has_changes)
        return SQLITE_OK;
    code = control_run(db, ROLLBACK);
    if (code == SQLITE_OK)
        code = control_run(db, BEGIN_IMMEDIATE);
    db->has_changes = code != SQLITE_OK;
    return code;
}

void db_rollback_to(struct db *db)
{
    int code;

    running_end(db);
    if (db->has_savepoint && !db->is_lost) {
        code = savepoint_undo(db);
        /* What cannot be undone alone is undone with the whole transaction. */
        if (code != SQLITE_OK) {
            db_failed(db, code);
            control_run(db, ROLLBACK);
            db->is_lost = true;
        }
    }
    db->has_savepoint = false;
}

/* ---- statements ------------------------------------------------------------------------------ */

/* The kept statement of the query, or a passing one if that is running further up. */
static struct db_stmt *stmt_free_of(struct db *db, int query)
{
    if (!db->stmts[query].is_running)
        return &db->stmts[query];
    for (int i = 0; i < EXTRA_MAX; i++)
        if (!db->extras[i].is_running)
            return &db->extras[i];
    must_fail("no more than EXTRA_MAX statements inside each other", __FILE__, __LINE__);
}

static bool is_kept(const struct db *db, const struct db_stmt *stmt)
{
    return stmt < db->extras || stmt >= db->extras + EXTRA_MAX;
}

enum err db_start(struct db *db, int query, struct db_stmt **out)
{
    const struct db_query *q = &db_queries[query];
    struct db_stmt *stmt;

    *out = NULL;
    must(query >= 0);
    must(query < db_query_count);
    if (is_failing_now(db))
        return E_IO;
    if (db->is_open && db->is_lost)
        return db_refuse(db, E_IO, "the transaction was given up after an I/O error");
    if (db->mode == DB_READ && q->is_write)
        return db_refuse(db, E_INTERNAL, "a write on a read-only connection");
    stmt = stmt_free_of(db, query);
    if (stmt->sqlite == NULL) {
        unsigned flags = is_kept(db, stmt) ? SQLITE_PREPARE_PERSISTENT : 0;
        int code = sqlite3_prepare_v3(db->sqlite, q->sqlite, -1, flags, &stmt->sqlite, NULL);
        if (code != SQLITE_OK)
            return db_failed(db, code);
    }
    stmt->db = db;
    stmt->is_write = q->is_write;
    stmt->is_running = true;
    db->has_changes = db->has_changes || q->is_write;
    stmt->changed = 0;
    db->running_count++;
    *out = stmt;
    return OK;
}

void db_bind_int(struct db_stmt *stmt, int at, int64_t value)
{
    int code = value == NONE ? sqlite3_bind_null(stmt->sqlite, at)
                             : sqlite3_bind_int64(stmt->sqlite, at, value);

    must(code == SQLITE_OK);
}

/* Bound without a copy: the caller's text lives until db_end, and a later run binds every place
 * anew. */
void db_bind_text(struct db_stmt *stmt, int at, struct str value)
{
    int code = value.at == NULL ? sqlite3_bind_null(stmt->sqlite, at)
                                : sqlite3_bind_text64(stmt->sqlite, at, value.at, value.len,
                                                      SQLITE_STATIC, SQLITE_UTF8);

    must(code == SQLITE_OK);
}

void db_bind_blob(struct db_stmt *stmt, int at, struct str value)
{
    int code = value.at == NULL
                   ? sqlite3_bind_null(stmt->sqlite, at)
                   : sqlite3_bind_blob64(stmt->sqlite, at, value.at, value.len, SQLITE_STATIC);

    must(code == SQLITE_OK);
}

enum err db_step(struct db_stmt *stmt, bool *has_row)
{
    struct db *db = stmt->db;
    int64_t start_us = clock_mono_us();
    int code = sqlite3_step(stmt->sqlite);

    db->step_us += clock_mono_us() - start_us;
    *has_row = code == SQLITE_ROW;
    if (code == SQLITE_ROW)
        return OK;
    stmt->changed = code == SQLITE_DONE && stmt->is_write ? sqlite3_changes64(db->sqlite) : 0;
    return code == SQLITE_DONE ? OK : db_failed(db, code);
}

int64_t db_int(struct db_stmt *stmt, int column)
{
    if (sqlite3_column_type(stmt->sqlite, column) == SQLITE_NULL)
        return NONE;
    return sqlite3_column_int64(stmt->sqlite, column);
}

struct str db_text(struct db_stmt *stmt, int column, struct arena *arena)
{
    struct str view = {NULL, 0};

    if (sqlite3_column_type(stmt->sqlite, column) == SQLITE_NULL)
        return view;
    view.at = (const char *)sqlite3_column_text(stmt->sqlite, column);
    must(view.at != NULL);
    view.len = (size_t)sqlite3_column_bytes(stmt->sqlite, column);
    return arena == NULL ? view : str_copy(arena, view);
}

struct str db_blob(struct db_stmt *stmt, int column, struct arena *arena)
{
    struct str view = {NULL, 0};

    if (sqlite3_column_type(stmt->sqlite, column) == SQLITE_NULL)
        return view;
    view.at = sqlite3_column_blob(stmt->sqlite, column);
    view.len = (size_t)sqlite3_column_bytes(stmt->sqlite, column);
    if (view.at == NULL) /* how SQLite hands out an empty blob */
        view = S("");
    return arena == NULL ? view : str_copy(arena, view);
}

int64_t db_rewind(struct db_stmt *stmt)
{
    int64_t changed = stmt->changed;

    sqlite3_reset(stmt->sqlite);
    stmt->changed = 0;
    return changed;
}

int64_t db_end(struct db_stmt *stmt)
{
    int64_t changed = db_rewind(stmt);

    stmt->is_running = false;
    stmt->db->running_count--;
    if (!is_kept(stmt->db, stmt))
        stmt_drop(stmt);
    return changed;
}

/* ---- migrations ------------------------------------------------------------------------------ */

static int number_of(void *user, int count, char **values, char **names)
{
    struct str text = count > 0 ? str_of(values[0]) : S("");

    (void)names;
    return str_to_int(text, user) ? 0 : 1;
}

enum err db_version(struct db *db, int *version)
{
    int64_t found = 0;
    int code = sqlite3_exec(db->sqlite, "PRAGMA user_version", number_of, &found, NULL);

    *version = (int)found;
    return code == SQLITE_OK ? OK : db_failed(db, code);
}

static int rows_count(void *user, int count, char **values, char **names)
{
    (void)count, (void)values, (void)names;
    ++*(int64_t *)user;
    return 0;
}

/* Statement by statement, so that a test can let each of them fail. */
static int script_run(struct db *db, const char *sql)
{
    int code = SQLITE_OK;

    while (code == SQLITE_OK && *sql != '\0') {
        sqlite3_stmt *stmt = NULL;

        if (is_failing_now(db))
            return SQLITE_IOERR;
        code = sqlite3_prepare_v2(db->sqlite, sql, -1, &stmt, &sql);
        if (stmt != NULL) { /* what is left behind the last statement is none */
            while (sqlite3_step(stmt) == SQLITE_ROW)
                ;
            code = sqlite3_finalize(stmt);
        }
    }
    return code;
}

/* A migration may rebuild a table that others point at, so foreign keys are checked at its end
 * instead of on the way. */
static enum err migration_run(struct db *db, const struct db_migration *migration)
{
    char version[64];
    int64_t broken_count = 0;
    int code;

    TRY(db_begin(db));
    snprintf(version, sizeof(version), "PRAGMA user_version = %d", migration->number);
    code = script_run(db, migration->sql);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db->sqlite, version, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code =
            sqlite3_exec(db->sqlite, "PRAGMA foreign_key_check", rows_count, &broken_count, NULL);
    if (code != SQLITE_OK || broken_count > 0) {
        enum err err = code != SQLITE_OK ? db_failed(db, code)
                                         : db_refuse(db, E_CORRUPT, "foreign keys are broken");
        db_rollback(db);
        return err;
    }
    return db_commit(db);
}

enum err db_migrate(struct db *db, int *was_version)
{
    enum err err = OK;

    must(db->mode == DB_WRITE);
    TRY(db_version(db, was_version));
    if (*was_version > db_migration_count)
        return db_refuse(db, E_CONFLICT, "the base is newer than this program");
    if (*was_version == db_migration_count)
        return OK;
    sqlite3_exec(db->sqlite, "PRAGMA foreign_keys = OFF", NULL, NULL, NULL);
    for (int i = *was_version; i < db_migration_count && err == OK; i++)
        err = migration_run(db, &db_migrations[i]);
    sqlite3_exec(db->sqlite, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
    return err;
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

static int finding_add(void *user, int count, char **values, char **names)
{
    struct buf *findings = user;

    (void)names;
    if (count == 1 && values[0] != NULL && strcmp(values[0], "ok") == 0)
        return 0;
    for (int i = 0; i < count; i++)
        buf_fmt(findings, "%s%s", i > 0 ? " " : "", values[i] == NULL ? "-" : values[i]);
    buf_char(findings, '\n');
    return 0;
}

static enum err verify(struct db *db, const char *const checks[2], struct arena *arena,
                       struct str *out)
{
    struct buf findings;
    int code = SQLITE_OK;

    buf_init(&findings, 1024 * 1024);
    for (int i = 0; i < 2 && code == SQLITE_OK; i++)
        code = sqlite3_exec(db->sqlite, checks[i], finding_add, &findings, NULL);
    *out = findings.len == 0 ? S("") : str_copy(arena, buf_view(&findings));
    buf_release(&findings);
    return code == SQLITE_OK ? OK : db_failed(db, code);
}

enum err db_verify(struct db *db, struct arena *arena, struct str *out)
{
    static const char *const checks[] = {"PRAGMA quick_check(100)", "PRAGMA foreign_key_check"};

    return verify(db, checks, arena, out);
}

enum err db_verify_whole(struct db *db, struct arena *arena, struct str *out)
{
    static const char *const checks[] = {"PRAGMA integrity_check(100)", "PRAGMA foreign_key_check"};

    return verify(db, checks, arena, out);
}

/* query_only would forbid the copy too; the connection itself stays read-only. */
enum err db_copy(struct db *db, struct str path)
{
    sqlite3_stmt *stmt = NULL;
    int code;

    must(db->mode == DB_READ);
    code = sqlite3_exec(db->sqlite, "PRAGMA query_only = OFF", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db->sqlite, "VACUUM INTO ?1", -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text64(stmt, 1, path.at, path.len, SQLITE_STATIC, SQLITE_UTF8);
    if (code == SQLITE_OK) {
        sqlite3_step(stmt);
        code = sqlite3_finalize(stmt);
    }
    if (code != SQLITE_OK)
        return db_failed(db, code);
    code = sqlite3_exec(db->sqlite, read_pragmas, NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : db_failed(db, code);
}

void db_rest(struct db *db)
{
    sqlite3_db_release_memory(db->sqlite);
    malloc_trim(0);
}

enum err db_checkpoint(struct db *db)
{
    int code = sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

    return code == SQLITE_OK || code == SQLITE_BUSY ? OK : db_failed(db, code);
}
