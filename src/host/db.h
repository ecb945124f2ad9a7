/* A database connection, used by one thread at a time. SQL text comes only from tools/sqlgen: every query of the program is a
 * row of db_queries[], named Q_...; nothing else can be run, except the migrations at start.
 * SQLite: WAL, synchronous=FULL, foreign_keys=ON, secure_delete ON (what is deleted is overwritten), NOMUTEX, prepared statements kept.
 * PostgreSQL: one schema a brand; a writer's transaction is READ COMMITTED behind the schema's advisory lock, so writers of all
 * processes run one after another as on SQLite; a reader's is one snapshot. What needs no answer travels with the next statement. */
#pragma once

#include "base/base.h"

struct db;

struct db_query {
    const char *name;     /* "customer_get" */
    const char *sqlite;   /* ?1.. */
    const char *postgres; /* $1.. with explicit types */
    bool is_write;
    bool is_each; /* maybe many rows: fetched in pages */
};
extern const struct db_query db_queries[]; /* generated: build/.../gen/queries.c */
extern const int db_query_count;

/* DB_FILL: as DB_WRITE, but no commit waits for the disk: for a base that is made anew if the machine stops meanwhile. */
enum db_mode { DB_READ, DB_WRITE, DB_FILL, DB_LISTEN /* PostgreSQL: only db_wait */ };
/* path: the database file, or postgres://... (its schema by search_path: `?options=-csearch_path%3Dbrand`). DB_WRITE creates
 * file or schema. E_IO, E_CORRUPT, E_CONFLICT (locked by another process). The arena owns the struct; db_close the rest. */
enum err db_open(struct arena *arena, struct str path, enum db_mode mode, struct db **out) MUST_USE;
bool db_is_url(struct str path);             /* postgres:// or postgresql:// */
bool db_is_shared(const struct db *db);      /* PostgreSQL: other processes may write too */
void db_close(struct db *db);

/* Migrations, numbered from 1, embedded in the program (generated: db_migrations[]). Applied one transaction each.
 * *was_version is the version found. E_CONFLICT with *was_version > count: the base is newer than the program. */
struct db_migration {
    int number;
    const char *name;
    const char *sql;
    const char *postgres;
};
extern const struct db_migration db_migrations[];
extern const int db_migration_count;
enum err db_migrate(struct db *db, int *was_version) MUST_USE;

enum err db_begin(struct db *db) MUST_USE;  /* BEGIN IMMEDIATE on a writer, BEGIN on a reader */
enum err db_commit(struct db *db) MUST_USE; /* after an error the transaction is rolled back */
/* PostgreSQL: the connection went away while the last db_commit waited, so it may have happened. */
bool db_is_commit_unknown(const struct db *db);
void db_rollback(struct db *db);
enum err db_savepoint(struct db *db) MUST_USE; /* one level */
enum err db_release(struct db *db) MUST_USE;
void db_rollback_to(struct db *db); /* undoes and releases the savepoint; nothing to do without one */
/* The connection is gone: E_BUSY until a later db_begin has made another. */
bool db_is_lost(const struct db *db);
/* After a full disk or an I/O error SQLite may have given up the whole transaction: then this is false, every further call
 * answers E_IO, db_commit too, and db_rollback ends it. */
bool db_is_open_transaction(const struct db *db);

/* In a transaction: foreign keys are checked at its end, not on the way. */
enum err db_defer(struct db *db) MUST_USE;
/* PostgreSQL: tells every listener of the schema once the open transaction is committed; SQLite has none. */
enum err db_notify(struct db *db, struct str text) MUST_USE;
/* DB_LISTEN: the next such text; no value: none came within that time. E_BUSY: the connection is gone, call again. */
enum err db_wait(struct db *db, int timeout_ms, struct arena *arena, struct str *out) MUST_USE;

/* In a transaction, after many rows came at once: PostgreSQL counts what is in the schema's tables, as it would by itself a minute
 * later, so that it does not plan as if they were empty. SQLite plans without. */
enum err db_analyze(struct db *db) MUST_USE;

enum err db_version(struct db *db, int *version) MUST_USE; /* the last migration it has been through */
/* A copy of the whole base as it stands at this moment, while others write (VACUUM INTO). The file must not be there;
 * E_IO: disk full ... E_INPUT on PostgreSQL: pg_dump does it. */
enum err db_copy(struct db *db, struct str path) MUST_USE;

/* --- for generated code only ------------------------------------------------------------------- */
struct db_stmt; /* a prepared statement while it runs */
enum err db_start(struct db *db, int query, struct db_stmt **out) MUST_USE;
void db_bind_int(struct db_stmt *stmt, int at, int64_t value); /* from 1; NONE binds NULL */
void db_bind_text(struct db_stmt *stmt, int at, struct str value); /* at == NULL binds NULL; must live until db_end */
void db_bind_blob(struct db_stmt *stmt, int at, struct str value);
/* Several runs of one statement: bind and db_send each of so many, then db_step and db_rewind each. SQLite knows only pages of
 * one; on PostgreSQL a page is one trip. */
int64_t db_page(const struct db_stmt *stmt, int64_t wanted_count);
void db_send(struct db_stmt *stmt);
/* OK with *has_row; E_CONFLICT (unique, foreign key, check), E_BUSY, E_IO (disk full, read-only), E_CORRUPT, E_INTERNAL. */
enum err db_step(struct db_stmt *stmt, bool *has_row) MUST_USE;
int64_t db_int(struct db_stmt *stmt, int column); /* from 0; NULL gives NONE */
/* NULL gives no value. A copy in the arena; without an arena a view, good until the next step. */
struct str db_text(struct db_stmt *stmt, int column, struct arena *arena);
struct str db_blob(struct db_stmt *stmt, int column, struct arena *arena);
int64_t db_rewind(struct db_stmt *stmt); /* ready to bind and step again (batch); the rows changed by the last step */
int64_t db_end(struct db_stmt *stmt);    /* resets; the rows changed by the last step */

/* --- what a copy of a whole base goes by --------------------------------------------------------- */
struct db_table {
    const char *name;
    const char *columns; /* a letter each: i(nteger) t(ext) b(ytes) */
    int read_query, write_query;
};
extern const struct db_table db_tables[]; /* by name NULL; a table stands behind those it points at */

/* --- for tests, checks and measurements ----------------------------------------------------------- */
void db_fail_at(struct db *db, int64_t nth); /* the nth statement from now (1 = next) fails with E_IO, once; 0 = never */
bool db_did_fail(const struct db *db);       /* did it come to that */
int64_t db_step_us(const struct db *db);      /* microseconds spent in statements since db_open */
const char *db_error(const struct db *db);   /* the database's own words, for the log */
/* PRAGMA quick_check and foreign_key_check: one line a finding, "" if sound. */
enum err db_verify(struct db *db, struct arena *arena, struct str *out) MUST_USE;
enum err db_verify_whole(struct db *db, struct arena *arena, struct str *out) MUST_USE; /* integrity_check: indexes too */
void db_rest(struct db *db); /* for a connection with nothing to do: the memory of its page cache goes back to the system */
/* SQLite: commits go into a log, and what is in the log goes into the file at times: a long wait for the disk, so whoever commits
 * leaves it to another connection of its own (DB_WRITE) until the log is very long. */
struct db_log {
    int64_t page_count, moved_count; /* in the log; of these in the file already */
};
int64_t db_log_pages(const struct db *db); /* of a writer, after its last commit; 0: there is none */
/* Moves as much as readers let it, while others read and commit. */
enum err db_checkpoint(struct db *db, struct db_log *out) MUST_USE;
