/* A PostgreSQL connection: what pg.c (statements) and pg_base.c (the base as a whole) share. */
#pragma once

#include "host/db_private.h"

#include <libpq-fe.h>

#define PG_RUN_MAX 16   /* statements inside each other */
#define PG_PAGE_MAX 128 /* runs of one statement in one trip */
#define PG_PARAM_MAX 64

/* What the next answer belongs to. */
struct pg_awaited {
    enum { AWAIT_CONTROL, AWAIT_PREPARE, AWAIT_RUN, AWAIT_SYNC } kind;
    int query;          /* AWAIT_PREPARE */
    struct pg_stmt *run; /* AWAIT_RUN; NULL: given up meanwhile */
};

struct pg_stmt {
    struct db_stmt stmt;
    int query, param_count;
    bool is_cursor;   /* fetched in pages by a cursor of its own */
    bool is_declared;
    int sent_count;   /* runs sent whose answer was not read */
    PGresult *result; /* of the run that is read now */
    int row;
    const char *values[PG_PARAM_MAX];
    int lengths[PG_PARAM_MAX];
    uint64_t ints[PG_PARAM_MAX];
};

struct pg {
    struct db db;
    struct arena *arena;
    PGconn *conn;
    const char *url;
    char schema[80];
    int64_t lock_key;
    bool *is_prepared; /* by query */
    struct pg_stmt runs[PG_RUN_MAX];
    struct pg_awaited *awaited; /* a ring */
    int awaited_from, awaited_count;
    bool is_unsynced; /* something was sent since the last sync */
    bool is_unknown;  /* the last commit may have happened */
    int64_t retry_us, wait_us; /* no new connection before; how long to wait after the next that fails */
};

struct pg *pg_of(struct db *db);
/* Makes a connection, or another where it is gone. E_BUSY: not now. */
enum err pg_connect(struct pg *pg) MUST_USE;
enum err pg_failed(struct pg *pg, const PGresult *result); /* keeps the words, knows the class */
/* One statement by itself, outside of the pipeline: for the base as a whole. Its result is cleared; *text (may be NULL) is the
 * first value as text in the arena, no value for none. */
enum err pg_run(struct pg *pg, struct arena *arena, const char *sql, struct str *text) MUST_USE;
/* One statement within the pipeline, its values as bytes; the result is the caller's to clear. */
enum err pg_ask(struct pg *pg, const char *sql, PGresult **out) MUST_USE;
/* pg_base.c */
enum err pg_version(struct db *db, int *version) MUST_USE;
enum err pg_migrate(struct db *db, int was_version) MUST_USE;
enum err pg_verify(struct db *db, bool is_whole, struct arena *arena, struct str *out) MUST_USE;
enum err pg_analyze(struct db *db) MUST_USE;
enum err pg_wait(struct db *db, int timeout_ms, struct arena *arena, struct str *out) MUST_USE;
