/* SQLite behind host/db.h.
 * Always: a connection is used by one thread; every statement comes from db_queries[]; a
 * transaction that SQLite gave up by itself (disk full, I/O error) is known as lost, and nothing
 * more runs in it, so it cannot be half committed. */
#include "host/clock.h"
#include "host/db_private.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>

#define EXTRA_MAX 8 /* a query that runs while it runs: in the callback of an :each */
#define BUSY_TIMEOUT_MS 5000

struct lite_stmt {
    struct db_stmt stmt;
    sqlite3_stmt *sqlite;
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

#define LOG_PAGES_MAX 16000 /* 64 MB */

struct lite {
    struct db db;
    sqlite3 *sqlite;
    sqlite3_stmt *controls[CONTROL_COUNT];
    struct lite_stmt *stmts; /* one a query, prepared when first needed */
    struct lite_stmt extras[EXTRA_MAX];
    bool has_changes; /* something may have been written since begin */
    bool is_whole;    /* the savepoint is the transaction: nothing was written before it */
};

static struct lite *lite_of(struct db *db)
{
    return (struct lite *)db;
}

static struct lite_stmt *own(struct db_stmt *stmt)
{
    return (struct lite_stmt *)stmt;
}

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
static enum err failed(struct lite *lite, int code)
{
    struct db *db = &lite->db;

    snprintf(db->error, sizeof(db->error), "%s (%d)", sqlite3_errmsg(lite->sqlite), code);
    if (db->is_open && sqlite3_get_autocommit(lite->sqlite))
        db->is_lost = true;
    return err_of(code);
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
                                    "PRAGMA journal_size_limit = 67108864;";

static void sqlite_set_up(void)
{
    /* Its own counting of memory takes a global lock at every allocation. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    must(sqlite3_initialize() == SQLITE_OK);
}

/* has_bit(bits, n): is bit n of the bytes set? Bit 0 is the lowest of the first; behind their end
 * none is. So a query takes a set of many thousands as one value. */
static void has_bit(sqlite3_context *call, int count, sqlite3_value **values)
{
    const unsigned char *bits = sqlite3_value_blob(values[0]);
    int64_t n = sqlite3_value_int64(values[1]);

    (void)count;
    if (n < 0 || n / 8 >= sqlite3_value_bytes(values[0]))
        sqlite3_result_int(call, 0);
    else
        sqlite3_result_int(call, bits[n / 8] >> n % 8 & 1);
}

/* Nobody moved it, or not enough: then the commit does. What fails is tried again by the next. */
static int log_grown(void *user, sqlite3 *sqlite, const char *name, int page_count)
{
    struct lite *lite = user;

    lite->db.log_pages = page_count;
    if (page_count >= LOG_PAGES_MAX)
        sqlite3_wal_checkpoint_v2(sqlite, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

static int configure(struct lite *lite)
{
    sqlite3 *sqlite = lite->sqlite;
    int code;

    sqlite3_extended_result_codes(sqlite, 1);
    sqlite3_busy_timeout(sqlite, BUSY_TIMEOUT_MS);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    code = sqlite3_create_function(sqlite, "has_bit", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                   has_bit, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(sqlite, common_pragmas, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(sqlite, lite->db.mode == DB_READ ? read_pragmas : write_pragmas, NULL,
                            NULL, NULL);
    if (lite->db.mode != DB_READ)
        sqlite3_wal_hook(sqlite, log_grown, lite);
    /* The first look at the file: is it a database at all? */
    if (code == SQLITE_OK)
        code = sqlite3_exec(sqlite, "PRAGMA schema_version", NULL, NULL, NULL);
    if (code == SQLITE_OK && lite->db.mode == DB_FILL)
        code = sqlite3_exec(sqlite, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    return code;
}

static const struct db_face face;

enum err db_sqlite_open(struct arena *arena, struct str path, enum db_mode mode, struct db **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct lite *lite = arena_new_one(arena, struct lite);
    int flags = mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int code;

    must(mode != DB_LISTEN);
    pthread_once(&once, sqlite_set_up);
    lite->db.face = &face;
    lite->db.mode = mode;
    lite->stmts = arena_new_array(arena, struct lite_stmt, (size_t)db_query_count + 1);
    code = sqlite3_open_v2(str_cstr(arena, path), &lite->sqlite, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = configure(lite);
    if (mode == DB_FILL)
        lite->db.mode = DB_WRITE;
    if (code == SQLITE_OK) {
        *out = &lite->db;
        return OK;
    }
    sqlite3_close_v2(lite->sqlite);
    return err_of(code) == E_BUSY ? E_CONFLICT : err_of(code);
}

static void stmt_drop(struct lite_stmt *stmt)
{
    sqlite3_finalize(stmt->sqlite);
    stmt->sqlite = NULL;
    stmt->stmt.is_running = false;
}

static void lite_close(struct db *db)
{
    struct lite *lite = lite_of(db);

    for (int i = 0; i < db_query_count; i++)
        stmt_drop(&lite->stmts[i]);
    for (int i = 0; i < EXTRA_MAX; i++)
        stmt_drop(&lite->extras[i]);
    for (int i = 0; i < CONTROL_COUNT; i++)
        sqlite3_finalize(lite->controls[i]);
    must(sqlite3_close(lite->sqlite) == SQLITE_OK);
    lite->sqlite = NULL;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static int control_run(struct lite *lite, enum control control)
{
    int64_t start_us = clock_mono_us();
    int code = SQLITE_OK;

    if (lite->controls[control] == NULL)
        code = sqlite3_prepare_v3(lite->sqlite, control_sql[control], -1, SQLITE_PREPARE_PERSISTENT,
                                  &lite->controls[control], NULL);
    if (code == SQLITE_OK) {
        sqlite3_step(lite->controls[control]);
        code = sqlite3_reset(lite->controls[control]);
    }
    lite->db.step_us += clock_mono_us() - start_us;
    return code;
}

/* A false must() leaves a request by a jump, in the middle of its statements: they end here. */
static void running_end(struct lite *lite)
{
    if (lite->db.running_count == 0)
        return;
    for (int i = 0; i < db_query_count; i++) {
        if (lite->stmts[i].stmt.is_running)
            sqlite3_reset(lite->stmts[i].sqlite);
        lite->stmts[i].stmt.is_running = false;
    }
    for (int i = 0; i < EXTRA_MAX; i++)
        stmt_drop(&lite->extras[i]);
    lite->db.running_count = 0;
}

static enum err lite_begin(struct db *db)
{
    struct lite *lite = lite_of(db);
    int code = control_run(lite, db->mode == DB_WRITE ? BEGIN_IMMEDIATE : BEGIN);

    lite->has_changes = false;
    return code == SQLITE_OK ? OK : failed(lite, code);
}

static enum err lite_commit(struct db *db)
{
    int code = control_run(lite_of(db), COMMIT);

    return code == SQLITE_OK ? OK : failed(lite_of(db), code);
}

static void lite_rollback(struct db *db)
{
    struct lite *lite = lite_of(db);

    running_end(lite);
    if (!db->is_open || sqlite3_get_autocommit(lite->sqlite))
        return;
    /* An I/O error while rolling back leaves the old state: SQLite takes it from the WAL's last
     * commit. */
    control_run(lite, ROLLBACK);
    must(sqlite3_get_autocommit(lite->sqlite));
}

/* With a savepoint SQLite keeps the old content of every page it changes, in a journal of its own;
 * large commands wrote twice as much. The first of a group needs none: undoing it is undoing all.
 */
static enum err lite_savepoint(struct db *db)
{
    struct lite *lite = lite_of(db);
    int code;

    lite->is_whole = !lite->has_changes;
    code = lite->is_whole ? SQLITE_OK : control_run(lite, SAVEPOINT);
    return code == SQLITE_OK ? OK : failed(lite, code);
}

static enum err lite_release(struct db *db)
{
    struct lite *lite = lite_of(db);
    int code = lite->is_whole ? SQLITE_OK : control_run(lite, RELEASE);

    return code == SQLITE_OK ? OK : failed(lite, code);
}

static int savepoint_undo(struct lite *lite)
{
    int code;

    if (!lite->is_whole) {
        code = control_run(lite, ROLLBACK_TO);
        return code == SQLITE_OK ? control_run(lite, RELEASE) : code;
    }
    if (!lite->has_changes)
        return SQLITE_OK;
    code = control_run(lite, ROLLBACK);
    if (code == SQLITE_OK)
        code = control_run(lite, BEGIN_IMMEDIATE);
    lite->has_changes = code != SQLITE_OK;
    return code;
}

static void lite_rollback_to(struct db *db)
{
    struct lite *lite = lite_of(db);
    int code;

    running_end(lite);
    if (!db->has_savepoint || db->is_lost)
        return;
    code = savepoint_undo(lite);
    /* What cannot be undone alone is undone with the whole transaction. */
    if (code != SQLITE_OK) {
        failed(lite, code);
        control_run(lite, ROLLBACK);
        db->is_lost = true;
    }
}

static enum err lite_defer(struct db *db)
{
    int code =
        sqlite3_exec(lite_of(db)->sqlite, "PRAGMA defer_foreign_keys = ON", NULL, NULL, NULL);

    return code == SQLITE_OK ? OK : failed(lite_of(db), code);
}

/* ---- statements ------------------------------------------------------------------------------ */

/* The kept statement of the query, or a passing one if that is running further up. */
static struct lite_stmt *stmt_free_of(struct lite *lite, int query)
{
    if (!lite->stmts[query].stmt.is_running)
        return &lite->stmts[query];
    for (int i = 0; i < EXTRA_MAX; i++)
        if (!lite->extras[i].stmt.is_running)
            return &lite->extras[i];
    must_fail("no more than EXTRA_MAX statements inside each other", __FILE__, __LINE__);
}

static bool is_kept(const struct lite *lite, const struct lite_stmt *stmt)
{
    return stmt < lite->extras || stmt >= lite->extras + EXTRA_MAX;
}

static enum err lite_start(struct db *db, int query, struct db_stmt **out)
{
    const struct db_query *q = &db_queries[query];
    struct lite *lite = lite_of(db);
    struct lite_stmt *stmt = stmt_free_of(lite, query);

    if (stmt->sqlite == NULL) {
        unsigned flags = is_kept(lite, stmt) ? SQLITE_PREPARE_PERSISTENT : 0;
        int code = sqlite3_prepare_v3(lite->sqlite, q->sqlite, -1, flags, &stmt->sqlite, NULL);
        if (code != SQLITE_OK)
            return failed(lite, code);
    }
    lite->has_changes = lite->has_changes || q->is_write;
    *out = &stmt->stmt;
    return OK;
}

static void lite_bind_int(struct db_stmt *stmt, int at, int64_t value)
{
    int code = value == NONE ? sqlite3_bind_null(own(stmt)->sqlite, at)
                             : sqlite3_bind_int64(own(stmt)->sqlite, at, value);

    must(code == SQLITE_OK);
}

/* Bound without a copy: the caller's text lives until db_end, and a later run binds every place
 * anew. */
static void lite_bind_text(struct db_stmt *stmt, int at, struct str value)
{
    int code = value.at == NULL ? sqlite3_bind_null(own(stmt)->sqlite, at)
                                : sqlite3_bind_text64(own(stmt)->sqlite, at, value.at, value.len,
                                                      SQLITE_STATIC, SQLITE_UTF8);

    must(code == SQLITE_OK);
}

static void lite_bind_blob(struct db_stmt *stmt, int at, struct str value)
{
    int code = value.at == NULL
                   ? sqlite3_bind_null(own(stmt)->sqlite, at)
                   : sqlite3_bind_blob64(own(stmt)->sqlite, at, value.at, value.len, SQLITE_STATIC);

    must(code == SQLITE_OK);
}

static enum err lite_step(struct db_stmt *stmt, bool *has_row)
{
    struct lite *lite = lite_of(stmt->db);
    int code = sqlite3_step(own(stmt)->sqlite);

    *has_row = code == SQLITE_ROW;
    if (code == SQLITE_ROW)
        return OK;
    stmt->changed = code == SQLITE_DONE && stmt->is_write ? sqlite3_changes64(lite->sqlite) : 0;
    return code == SQLITE_DONE ? OK : failed(lite, code);
}

static int64_t lite_int(struct db_stmt *stmt, int column)
{
    if (sqlite3_column_type(own(stmt)->sqlite, column) == SQLITE_NULL)
        return NONE;
    return sqlite3_column_int64(own(stmt)->sqlite, column);
}

static struct str lite_text(struct db_stmt *stmt, int column)
{
    sqlite3_stmt *sqlite = own(stmt)->sqlite;
    struct str view = {NULL, 0};

    if (sqlite3_column_type(sqlite, column) == SQLITE_NULL)
        return view;
    view.at = (const char *)sqlite3_column_text(sqlite, column);
    must(view.at != NULL);
    view.len = (size_t)sqlite3_column_bytes(sqlite, column);
    return view;
}

static struct str lite_blob(struct db_stmt *stmt, int column)
{
    sqlite3_stmt *sqlite = own(stmt)->sqlite;
    struct str view = {NULL, 0};

    if (sqlite3_column_type(sqlite, column) == SQLITE_NULL)
        return view;
    view.at = sqlite3_column_blob(sqlite, column);
    view.len = (size_t)sqlite3_column_bytes(sqlite, column);
    return view.at == NULL ? S("") : view; /* how SQLite hands out an empty blob */
}

static void lite_rewind(struct db_stmt *stmt)
{
    sqlite3_reset(own(stmt)->sqlite);
}

static void lite_end(struct db_stmt *stmt)
{
    if (!is_kept(lite_of(stmt->db), own(stmt)))
        stmt_drop(own(stmt));
}

/* ---- migrations ------------------------------------------------------------------------------ */

static int number_of(void *user, int count, char **values, char **names)
{
    struct str text = count > 0 ? str_of(values[0]) : S("");

    (void)names;
    return str_to_int(text, user) ? 0 : 1;
}

static enum err lite_version(struct db *db, int *version)
{
    int64_t found = 0;
    int code = sqlite3_exec(lite_of(db)->sqlite, "PRAGMA user_version", number_of, &found, NULL);

    *version = (int)found;
    return code == SQLITE_OK ? OK : failed(lite_of(db), code);
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

        if (db_is_failing_now(db))
            return SQLITE_IOERR;
        code = sqlite3_prepare_v2(lite_of(db)->sqlite, sql, -1, &stmt, &sql);
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
        code = sqlite3_exec(lite_of(db)->sqlite, version, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(lite_of(db)->sqlite, "PRAGMA foreign_key_check", rows_count,
                            &broken_count, NULL);
    if (code != SQLITE_OK || broken_count > 0) {
        enum err err = code != SQLITE_OK ? failed(lite_of(db), code)
                                         : db_refuse(db, E_CORRUPT, "foreign keys are broken");
        db_rollback(db);
        return err;
    }
    return db_commit(db);
}

static enum err lite_migrate(struct db *db, int was_version)
{
    sqlite3 *sqlite = lite_of(db)->sqlite;
    enum err err = OK;

    sqlite3_exec(sqlite, "PRAGMA foreign_keys = OFF", NULL, NULL, NULL);
    for (int i = was_version; i < db_migration_count && err == OK; i++)
        err = migration_run(db, &db_migrations[i]);
    sqlite3_exec(sqlite, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
    return err;
}

/* ---- checks ---------------------------------------------------------------------------------- */

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

static enum err lite_verify(struct db *db, bool is_whole, struct arena *arena, struct str *out)
{
    static const char *const checks[2][2] = {
        {"PRAGMA quick_check(100)", "PRAGMA foreign_key_check"},
        {"PRAGMA integrity_check(100)", "PRAGMA foreign_key_check"}};
    struct buf findings;
    int code = SQLITE_OK;

    buf_init(&findings, 1024 * 1024);
    for (int i = 0; i < 2 && code == SQLITE_OK; i++)
        code = sqlite3_exec(lite_of(db)->sqlite, checks[is_whole][i], finding_add, &findings, NULL);
    *out = findings.len == 0 ? S("") : str_copy(arena, buf_view(&findings));
    buf_release(&findings);
    return code == SQLITE_OK ? OK : failed(lite_of(db), code);
}

/* query_only would forbid the copy too; the connection itself stays read-only. */
static enum err lite_copy(struct db *db, struct str path)
{
    sqlite3_stmt *stmt = NULL;
    int code;

    code = sqlite3_exec(lite_of(db)->sqlite, "PRAGMA query_only = OFF", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(lite_of(db)->sqlite, "VACUUM INTO ?1", -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text64(stmt, 1, path.at, path.len, SQLITE_STATIC, SQLITE_UTF8);
    if (code == SQLITE_OK) {
        sqlite3_step(stmt);
        code = sqlite3_finalize(stmt);
    }
    if (code != SQLITE_OK)
        return failed(lite_of(db), code);
    code = sqlite3_exec(lite_of(db)->sqlite, read_pragmas, NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : failed(lite_of(db), code);
}

static void lite_rest(struct db *db)
{
    sqlite3_db_release_memory(lite_of(db)->sqlite);
}

static enum err lite_checkpoint(struct db *db, struct db_log *out)
{
    int page_count = 0, moved_count = 0;
    int code = sqlite3_wal_checkpoint_v2(lite_of(db)->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                         &page_count, &moved_count);

    *out = (struct db_log){page_count, moved_count};
    return code == SQLITE_OK || code == SQLITE_BUSY ? OK : failed(lite_of(db), code);
}

static const struct db_face face = {
    .close = lite_close,
    .begin = lite_begin,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .savepoint = lite_savepoint,
    .release = lite_release,
    .rollback_to = lite_rollback_to,
    .defer = lite_defer,
    .start = lite_start,
    .bind_int = lite_bind_int,
    .bind_text = lite_bind_text,
    .bind_blob = lite_bind_blob,
    .page_max = 1,
    .step = lite_step,
    .get_int = lite_int,
    .get_text = lite_text,
    .get_blob = lite_blob,
    .rewind = lite_rewind,
    .end = lite_end,
    .version = lite_version,
    .migrate = lite_migrate,
    .copy = lite_copy,
    .verify = lite_verify,
    .rest = lite_rest,
    .checkpoint = lite_checkpoint,
};
