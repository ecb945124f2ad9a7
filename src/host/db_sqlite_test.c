/* The database behind host/db.h, with queries and migrations of its own: they take the place of the
 * generated ones. */
#include "host/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { Q_ADD, Q_GET, Q_LIST, Q_COUNT_ALL, Q_ADD_PART, Q_UPSERT, Q_TOUCH };
const struct db_query db_queries[] = {
    [Q_ADD] = {"add", "INSERT INTO t (id, name, raw_blob) VALUES (?1, ?2, ?3)", "", true},
    [Q_GET] = {"get", "SELECT id, name, raw_blob FROM t WHERE id = ?1", "", false},
    [Q_LIST] = {"list", "SELECT id, name FROM t ORDER BY id", "", false},
    [Q_COUNT_ALL] = {"count_all", "SELECT count(*) AS row_count FROM t", "", false},
    [Q_ADD_PART] = {"add_part", "INSERT INTO part (id, t_id) VALUES (?1, ?2) RETURNING id", "",
                    true},
    [Q_UPSERT] = {"upsert",
                  "INSERT INTO t (id, name) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET name = "
                  "excluded.name WHERE t.name <> excluded.name",
                  "", true},
    [Q_TOUCH] = {"touch", "UPDATE t SET name = name WHERE id >= ?1", "", true},
};
const int db_query_count = ARRAY_LEN(db_queries);

const struct db_migration db_migrations[] = {
    {1, "0001_t",
     "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, raw_blob BLOB) STRICT;"},
    {2, "0002_part",
     "CREATE TABLE part (id INTEGER NOT NULL PRIMARY KEY, t_id INTEGER NOT NULL REFERENCES t (id)) "
     "STRICT;"
     "CREATE INDEX part_by_t ON part (t_id);"},
};
const int db_migration_count = ARRAY_LEN(db_migrations);

const struct db_table db_tables[] = {{0}};

struct base {
    struct arena *arena;
    char folder[64];
    struct str path;
    struct db *db;
};

struct resting {
    struct db *db;
    pthread_t thread;
    pthread_barrier_t *together;
};

static int set_up(void **state)
{
    static struct base base;
    int was_version;

    base.arena = arena_new(16 * 1024 * 1024);
    snprintf(base.folder, sizeof(base.folder), "/tmp/db_test_XXXXXX");
    assert_non_null(mkdtemp(base.folder));
    base.path = str_fmt(base.arena, "%s/x.db", base.folder);
    assert_int_equal(db_open(base.arena, base.path, DB_WRITE, &base.db), OK);
    assert_int_equal(db_migrate(base.db, &was_version), OK);
    assert_int_equal(was_version, 0);
    *state = &base;
    return 0;
}

static int tear_down(void **state)
{
    struct base *base = *state;
    char command[128];

    db_close(base->db);
    snprintf(command, sizeof(command), "rm -rf %s", base->folder);
    assert_int_equal(system(command), 0);
    arena_free(base->arena);
    return 0;
}

static enum err add(struct db *db, int64_t id, const char *name)
{
    struct db_stmt *stmt;
    bool has_row;
    enum err err = db_start(db, Q_ADD, &stmt);

    if (err != OK)
        return err;
    db_bind_int(stmt, 1, id);
    db_bind_text(stmt, 2, str_of(name));
    db_bind_blob(stmt, 3, (struct str){NULL, 0});
    err = db_step(stmt, &has_row);
    return db_end(stmt) == 1 || err != OK ? err : E_INTERNAL;
}

static void add_committed(struct db *db, int64_t id)
{
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(add(db, id, "a"), OK);
    assert_int_equal(db_commit(db), OK);
}

static int64_t count_all(struct db *db)
{
    struct db_stmt *stmt;
    bool has_row;
    int64_t count;

    assert_int_equal(db_start(db, Q_COUNT_ALL, &stmt), OK);
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_true(has_row);
    count = db_int(stmt, 0);
    db_end(stmt);
    return count;
}

static void values_come_back(void **state)
{
    struct base *base = *state;
    struct db_stmt *stmt;
    bool has_row;
    const char bytes[] = {0, 1, 2, 0};

    assert_int_equal(db_start(base->db, Q_ADD, &stmt), OK);
    db_bind_int(stmt, 1, INT64_MAX);
    db_bind_text(stmt, 2, S(""));
    db_bind_blob(stmt, 3, (struct str){bytes, 4});
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_int_equal(db_rewind(stmt), 1);
    db_bind_int(stmt, 1, 2);
    db_bind_text(stmt, 2, S("蝶"));
    db_bind_blob(stmt, 3, S(""));
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_int_equal(db_end(stmt), 1);

    assert_int_equal(db_start(base->db, Q_GET, &stmt), OK);
    db_bind_int(stmt, 1, INT64_MAX);
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_true(has_row);
    assert_true(db_int(stmt, 0) == INT64_MAX);
    assert_true(str_is(db_text(stmt, 1, NULL), ""));
    assert_true(str_eq(db_blob(stmt, 2, base->arena), (struct str){bytes, 4}));
    db_rewind(stmt);
    db_bind_int(stmt, 1, 2);
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_true(str_is(db_text(stmt, 1, base->arena), "蝶"));
    assert_non_null(db_blob(stmt, 2, base->arena).at);
    assert_int_equal(db_blob(stmt, 2, base->arena).len, 0);
    db_end(stmt);
}

static void no_value_is_null(void **state)
{
    struct base *base = *state;
    struct db_stmt *stmt;
    bool has_row;

    assert_int_equal(add(base->db, 1, "a"), OK);
    assert_int_equal(db_start(base->db, Q_GET, &stmt), OK);
    db_bind_int(stmt, 1, 1);
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_null(db_blob(stmt, 2, base->arena).at);
    assert_true(db_int(stmt, 2) == NONE);
    db_rewind(stmt);
    db_bind_int(stmt, 1, NONE);
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_false(has_row);
    db_end(stmt);
    assert_int_equal(add(base->db, 5, NULL), E_INTERNAL); /* NOT NULL: our mistake */
}

static void errors_have_names(void **state)
{
    struct base *base = *state;
    struct db_stmt *stmt;
    struct db *other;
    bool has_row;
    FILE *file;

    assert_int_equal(add(base->db, 1, "a"), OK);
    assert_int_equal(add(base->db, 1, "b"), E_CONFLICT);
    assert_non_null(strstr(db_error(base->db), "UNIQUE"));
    assert_int_equal(db_start(base->db, Q_ADD_PART, &stmt), OK);
    db_bind_int(stmt, 1, 1);
    db_bind_int(stmt, 2, 99);
    has_row = true;
    while (has_row)
        if (db_step(stmt, &has_row) != OK)
            break;
    db_end(stmt);
    assert_non_null(strstr(db_error(base->db), "FOREIGN KEY"));
    file = fopen(str_cstr(base->arena, str_fmt(base->arena, "%s/not.db", base->folder)), "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("this is not a database\n", file);
    fclose(file);
    assert_int_equal(
        db_open(base->arena, str_fmt(base->arena, "%s/not.db", base->folder), DB_WRITE, &other),
        E_CORRUPT);
    assert_int_equal(
        db_open(base->arena, str_fmt(base->arena, "%s/none.db", base->folder), DB_READ, &other),
        E_IO);
}

static void a_reader_cannot_write(void **state)
{
    struct base *base = *state;
    struct db_stmt *stmt;
    struct db *reader;

    assert_int_equal(db_open(base->arena, base->path, DB_READ, &reader), OK);
    assert_int_equal(db_begin(reader), OK);
    assert_int_equal(count_all(reader), 0);
    assert_int_equal(add(base->db, 1, "a"), OK);
    assert_int_equal(count_all(reader), 0); /* its snapshot */
    assert_int_equal(db_commit(reader), OK);
    assert_int_equal(count_all(reader), 1);
    assert_int_equal(db_start(reader, Q_ADD, &stmt), E_INTERNAL);
    db_close(reader);
}

static void savepoints_undo_one(void **state)
{
    struct base *base = *state;
    struct db *db = base->db;

    assert_int_equal(db_begin(db), OK);
    assert_true(db_is_open_transaction(db));
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 1, "a"), OK);
    assert_int_equal(db_release(db), OK);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 2, "b"), OK);
    db_rollback_to(db);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 3, "c"), OK);
    assert_int_equal(db_release(db), OK);
    assert_int_equal(db_commit(db), OK);
    assert_false(db_is_open_transaction(db));
    assert_int_equal(count_all(db), 2);
    db_rest(db);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(add(db, 4, "d"), OK);
    db_rest(db); /* what is not committed yet stays */
    assert_int_equal(count_all(db), 3);
    db_rollback(db);
    assert_int_equal(count_all(db), 2);
}

static void *rest(void *user)
{
    struct resting *resting = user;

    pthread_barrier_wait(resting->together);
    db_rest(resting->db);
    return NULL;
}

static void rest_together(const struct base *base)
{
    struct resting resting[4];
    pthread_barrier_t together;

    pthread_barrier_init(&together, NULL, ARRAY_LEN(resting));
    for (size_t i = 0; i < ARRAY_LEN(resting); i++) {
        resting[i].together = &together;
        must(db_open(base->arena, base->path, DB_READ, &resting[i].db) == OK);
        must(pthread_create(&resting[i].thread, NULL, rest, &resting[i]) == 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(resting); i++)
        pthread_join(resting[i].thread, NULL);
    _exit(0);
}

/* The first of a process: a sanitizer leaves the C library's own memory not yet set up. */
static void many_rest_at_once(void **state)
{
    const struct base *base = *state;

    for (int round = 0; round < 50; round++) {
        int status = 0;
        pid_t child = fork();

        if (child == 0)
            rest_together(base);
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

/* A request that jumps away leaves statements running: the rollback ends them, and they work again.
 */
static void abandoned_statements_end(void **state)
{
    struct base *base = *state;
    struct db *db = base->db;
    struct db_stmt *outer, *inner;
    bool has_row;

    assert_int_equal(db_begin(db), OK);
    assert_int_equal(add(db, 1, "a"), OK);
    assert_int_equal(add(db, 2, "b"), OK);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(db_start(db, Q_LIST, &outer), OK);
    assert_int_equal(db_step(outer, &has_row), OK);
    assert_int_equal(db_start(db, Q_LIST, &inner), OK); /* the same query within itself */
    assert_ptr_not_equal(outer, inner);
    assert_int_equal(db_step(inner, &has_row), OK);
    assert_int_equal(db_int(inner, 0), 1);
    db_rollback_to(db);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(db_start(db, Q_LIST, &inner), OK);
    assert_int_equal(db_step(inner, &has_row), OK);
    assert_true(has_row);
    db_end(inner);
}

/* The first savepoint of a transaction is the transaction; the others are undone alone. */
static void savepoints_undo_alone(void **state)
{
    struct base *base = *state;
    struct db *db = base->db;

    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 1, "undone with all"), OK);
    db_rollback_to(db);
    assert_true(db_is_open_transaction(db));
    assert_int_equal(db_savepoint(db), OK);
    db_rollback_to(db); /* nothing was written */
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 2, "stays"), OK);
    assert_int_equal(db_release(db), OK);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 3, "undone alone"), OK);
    db_rollback_to(db);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 4, "stays too"), OK);
    assert_int_equal(db_release(db), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(count_all(db), 2);
    assert_int_equal(add(db, 2, "is there"), E_CONFLICT);
    assert_int_equal(add(db, 3, "was not"), OK);
}

static void the_nth_statement_fails(void **state)
{
    struct base *base = *state;
    struct db *db = base->db;
    int failures = 0;

    for (int64_t nth = 1;; nth++) {
        enum err err;
        db_fail_at(db, nth);
        err = db_begin(db);
        if (err == OK) {
            err = db_savepoint(db);
            if (err == OK)
                err = add(db, 100 + nth, "x");
            if (err == OK)
                err = db_release(db);
            if (err != OK)
                db_rollback_to(db);
            if (err == OK)
                err = db_commit(db);
            else
                db_rollback(db);
        }
        assert_int_equal(err == OK, !db_did_fail(db));
        db_fail_at(db, 0);
        if (err == OK)
            break;
        failures++;
        assert_int_equal(err, E_IO);
        assert_false(db_is_open_transaction(db));
        assert_int_equal(count_all(db), 0);
    }
    assert_int_equal(failures, 5); /* begin, savepoint, insert, release, commit */
    assert_int_equal(count_all(db), 1);
}

/* A file that may not grow: like a full disk, SQLite meets it wherever it writes. In a child, for
 * the limit stays. */
static int fill_the_disk(struct base *base)
{
    struct rlimit limit = {400000, 400000};
    char *big = arena_alloc(base->arena, 30001);
    enum err err = OK;
    bool was_lost;

    signal(SIGXFSZ, SIG_IGN);
    memset(big, 'x', 30000);
    if (add(base->db, 1, "kept") != OK || setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 10;
    if (db_begin(base->db) != OK || add(base->db, 2, "goes with the group") != OK)
        return 11;
    for (int64_t id = 3; id < 4000 && err == OK; id++) {
        if (db_savepoint(base->db) != OK)
            return 12;
        err = add(base->db, id, big);
        if (err == OK && db_release(base->db) != OK)
            return 13;
    }
    if (err != E_IO)
        return 14;
    was_lost = !db_is_open_transaction(base->db);
    db_rollback_to(base->db);
    if (was_lost && add(base->db, 5000, "into nothing") != E_IO)
        return 15; /* this would be a transaction of its own, and stay */
    if (was_lost && db_savepoint(base->db) != E_IO)
        return 16;
    if (db_commit(base->db) == OK)
        return was_lost ? 17 : 0;
    return db_is_open_transaction(base->db) || count_all(base->db) != 1 ? 18 : 0;
}

static void a_full_disk_breaks_nothing(void **state)
{
    struct base *base = *state;
    struct str findings;
    int status, was_version;
    pid_t child;

    db_close(base->db);
    child = fork();
    if (child == 0) {
        if (db_open(base->arena, base->path, DB_WRITE, &base->db) != OK)
            _exit(9);
        _exit(fill_the_disk(base));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(db_open(base->arena, base->path, DB_WRITE, &base->db), OK);
    assert_int_equal(db_migrate(base->db, &was_version), OK);
    assert_int_equal(db_verify(base->db, base->arena, &findings), OK);
    assert_true(str_is(findings, ""));
    assert_int_equal(count_all(base->db), 1);
}

static void findings_are_told(void **state)
{
    struct base *base = *state;
    struct str findings;
    sqlite3 *raw;

    assert_int_equal(db_verify(base->db, base->arena, &findings), OK);
    assert_true(str_is(findings, ""));
    assert_int_equal(sqlite3_open(str_cstr(base->arena, base->path), &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, "INSERT INTO part (id, t_id) VALUES (1, 77)", 0, 0, 0),
                     SQLITE_OK);
    sqlite3_close(raw);
    assert_int_equal(db_verify(base->db, base->arena, &findings), OK);
    assert_true(str_is(findings, "part 1 t 0\n"));
}

static void a_newer_base_is_refused(void **state)
{
    struct base *base = *state;
    int was_version;
    sqlite3 *raw;

    assert_int_equal(db_migrate(base->db, &was_version), OK);
    assert_int_equal(was_version, 2); /* nothing left to do */
    assert_int_equal(sqlite3_open(str_cstr(base->arena, base->path), &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, "PRAGMA user_version = 3", 0, 0, 0), SQLITE_OK);
    sqlite3_close(raw);
    assert_int_equal(db_migrate(base->db, &was_version), E_CONFLICT);
    assert_int_equal(was_version, 3);
}

/* The second migration fails: the first stays, nothing of the second does, and the next start goes
 * on from there. */
static void a_failed_migration_leaves_nothing(void **state)
{
    struct base *base = *state;
    struct db *db;
    int was_version;

    assert_int_equal(
        db_open(base->arena, str_fmt(base->arena, "%s/y.db", base->folder), DB_WRITE, &db), OK);
    db_fail_at(db, 4); /* begin, commit, begin, commit */
    assert_int_equal(db_migrate(db, &was_version), E_IO);
    assert_int_equal(db_migrate(db, &was_version), OK);
    assert_int_equal(was_version, 1);
    assert_int_equal(db_migrate(db, &was_version), OK);
    assert_int_equal(was_version, 2);
    db_close(db);
}

static void upserts_count_what_changed(void **state)
{
    struct base *base = *state;
    static const char *const names[] = {"a", "a", "b"};
    static const int64_t changed[] = {1, 0, 1};
    struct db_stmt *stmt;
    bool has_row;

    assert_int_equal(db_start(base->db, Q_UPSERT, &stmt), OK);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        db_bind_int(stmt, 1, 1);
        db_bind_text(stmt, 2, str_of(names[i]));
        assert_int_equal(db_step(stmt, &has_row), OK);
        assert_int_equal(db_rewind(stmt), changed[i]);
    }
    db_end(stmt);
    assert_int_equal(add(base->db, 2, "x"), OK);
    assert_int_equal(db_start(base->db, Q_TOUCH, &stmt), OK);
    db_bind_int(stmt, 1, 0);
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_int_equal(db_end(stmt), 2);
}

/* Two writers in two processes would wait for each other; the second one is told. */
static void a_second_writer_is_busy(void **state)
{
    struct base *base = *state;
    struct db *other;

    assert_int_equal(db_open(base->arena, base->path, DB_WRITE, &other), OK);
    assert_int_equal(db_begin(base->db), OK);
    assert_int_equal(add(base->db, 1, "a"), OK);
    assert_int_equal(db_begin(other), E_BUSY);
    assert_int_equal(db_commit(base->db), OK);
    assert_int_equal(db_begin(other), OK);
    assert_int_equal(count_all(other), 1);
    db_rollback(other);
    db_close(other);
}

/* Acknowledged is kept: a process is killed while it commits; whatever it reported as committed is
 * there, whole. */
/* Commits leave pages in the log; another connection moves them, and then the log begins anew. */
static void another_connection_moves_the_log(void **state)
{
    struct base *base = *state;
    struct db_log log;
    struct db *mover;

    assert_int_equal(db_open(base->arena, base->path, DB_WRITE, &mover), OK);
    add_committed(base->db, 1);
    add_committed(base->db, 2);
    assert_true(db_log_pages(base->db) >= 2);
    assert_int_equal(db_begin(base->db), OK); /* a writer at work is not in the way */
    assert_int_equal(db_checkpoint(mover, &log), OK);
    assert_int_equal(log.page_count, db_log_pages(base->db));
    assert_int_equal(log.moved_count, log.page_count);
    assert_int_equal(db_commit(base->db), OK);
    add_committed(base->db, 3);
    assert_true(db_log_pages(base->db) < log.page_count);
    db_close(mover);
}

static void killed_after_commit(void **state)
{
    struct base *base = *state;
    struct str findings;
    int pipes[2], status, was_version;
    int64_t acknowledged = 0, id;
    pid_t child;

    db_close(base->db);
    for (int round = 0; round < 5; round++) {
        assert_int_equal(pipe(pipes), 0);
        child = fork();
        if (child == 0) {
            if (db_open(base->arena, base->path, DB_WRITE, &base->db) != OK)
                _exit(9);
            for (id = acknowledged + 1;; id++) {
                /* two rows a transaction: both or none */
                if (db_begin(base->db) != OK || add(base->db, id, "a") != OK ||
                    add(base->db, -id, "b") != OK || db_commit(base->db) != OK)
                    _exit(10);
                if (write(pipes[1], &id, sizeof(id)) != sizeof(id))
                    _exit(11);
            }
        }
        close(pipes[1]);
        for (int i = 0; i < 20 + 7 * round; i++) {
            assert_int_equal(read(pipes[0], &id, sizeof(id)), sizeof(id));
            acknowledged = id;
        }
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        while (read(pipes[0], &id, sizeof(id)) == sizeof(id))
            acknowledged = id;
        close(pipes[0]);
        assert_int_equal(db_open(base->arena, base->path, DB_WRITE, &base->db), OK);
        assert_int_equal(db_verify(base->db, base->arena, &findings), OK);
        assert_true(str_is(findings, ""));
        /* what was committed and not yet reported may be there too: one transaction */
        id = count_all(base->db);
        assert_int_equal(id % 2, 0);
        assert_true(id / 2 == acknowledged || id / 2 == acknowledged + 1);
        acknowledged = id / 2;
        db_close(base->db);
    }
    assert_int_equal(db_open(base->arena, base->path, DB_WRITE, &base->db), OK);
    assert_int_equal(db_migrate(base->db, &was_version), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_rest_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_value_is_null, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_have_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_cannot_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(savepoints_undo_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(abandoned_statements_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(savepoints_undo_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_nth_statement_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_breaks_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(findings_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_base_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_migration_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(upserts_count_what_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_writer_is_busy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_connection_moves_the_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_after_commit, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
