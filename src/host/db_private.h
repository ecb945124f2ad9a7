/* What the two databases behind host/db.h share. Seen by db.c, db_sqlite.c and pg*.c alone. A backend's connection and
 * statement begin with these structs. */
#pragma once

#include "host/db.h"

struct db {
    const struct db_face *face;
    enum db_mode mode;
    int running_count; /* statements between db_start and db_end */
    bool is_open;      /* between begin and commit or rollback */
    bool is_lost;      /* the database gave the open transaction up by itself, or the connection is gone */
    bool has_savepoint;
    _Atomic int64_t fail_in; /* 0: never; tests set it beside who uses the connection */
    _Atomic bool did_fail;
    int64_t step_us;
    int64_t log_pages;
    char error[512];
};

struct db_stmt {
    const struct db_face *face;
    struct db *db;
    int64_t changed;
    bool is_write;
    bool is_running;
};

/* One a database. db.c has seen to what must() hold, to failures for tests and to time before it calls these. */
struct db_face {
    void (*close)(struct db *db);
    enum err (*begin)(struct db *db);
    enum err (*commit)(struct db *db);
    void (*rollback)(struct db *db);
    enum err (*savepoint)(struct db *db);
    enum err (*release)(struct db *db);
    void (*rollback_to)(struct db *db);
    enum err (*defer)(struct db *db);
    enum err (*start)(struct db *db, int query, struct db_stmt **out);
    void (*bind_int)(struct db_stmt *stmt, int at, int64_t value);
    void (*bind_text)(struct db_stmt *stmt, int at, struct str value);
    void (*bind_blob)(struct db_stmt *stmt, int at, struct str value);
    int page_max;
    void (*send)(struct db_stmt *stmt);
    enum err (*step)(struct db_stmt *stmt, bool *has_row);
    int64_t (*get_int)(struct db_stmt *stmt, int column);
    struct str (*get_text)(struct db_stmt *stmt, int column);
    struct str (*get_blob)(struct db_stmt *stmt, int column);
    void (*rewind)(struct db_stmt *stmt);
    void (*end)(struct db_stmt *stmt);
    enum err (*analyze)(struct db *db);
    enum err (*version)(struct db *db, int *version);
    enum err (*migrate)(struct db *db, int was_version);
    enum err (*copy)(struct db *db, struct str path);
    enum err (*verify)(struct db *db, bool is_whole, struct arena *arena, struct str *out);
    void (*rest)(struct db *db);
    enum err (*checkpoint)(struct db *db, struct db_log *out);
    enum err (*notify)(struct db *db, struct str text);
    enum err (*wait)(struct db *db, int timeout_ms, struct arena *arena, struct str *out);
    bool (*is_commit_unknown)(const struct db *db);
};

enum err db_sqlite_open(struct arena *arena, struct str path, enum db_mode mode, struct db **out) MUST_USE;
enum err pg_open(struct arena *arena, struct str url, enum db_mode mode, struct db **out) MUST_USE;

bool db_is_failing_now(struct db *db);                                   /* for a test */
enum err db_refuse(struct db *db, enum err err, const char *why) MUST_USE; /* with these words as db_error */
