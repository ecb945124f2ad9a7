/* PostgreSQL behind host/db.h, where PAPILIO_TEST_DB names one; with queries and migrations of its
 * own. */
#include "host/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base_sql.h"

enum { Q_ADD, Q_GET, Q_LIST, Q_COUNT_ALL, Q_ADD_PART, Q_KNOWN };
const struct db_query db_queries[] = {
    [Q_ADD] = {"add", "",
               "INSERT INTO t (id, name, raw_blob) VALUES ($1::bigint, $2::text, $3::bytea)", true,
               false},
    [Q_GET] = {"get", "", "SELECT id, name, raw_blob FROM t WHERE id = $1::bigint", false, false},
    [Q_LIST] = {"list", "", "SELECT id, name FROM t ORDER BY id", false, true},
    [Q_COUNT_ALL] = {"count_all", "", "SELECT count(*) AS row_count FROM t", false, false},
    [Q_ADD_PART] = {"add_part", "",
                    "INSERT INTO part (id, t_id) VALUES ($1::bigint, $2::bigint) RETURNING id",
                    true, false},
    [Q_KNOWN] = {"known", "",
                 "SELECT reltuples::bigint AS row_count FROM pg_class WHERE oid = 't'::regclass",
                 false, false},
};
const int db_query_count = ARRAY_LEN(db_queries);
const struct db_table db_tables[] = {{"t", "itb", 0, 0}, {"part", "ii", 0, 0}, {NULL, NULL, 0, 0}};

const struct db_migration db_migrations[] = {
    {1, "0001_t", "",
     "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, raw_blob BYTEA)"},
    {2, "0002_part", "",
     "CREATE TABLE part (id BIGINT NOT NULL PRIMARY KEY, t_id BIGINT NOT NULL REFERENCES t (id) "
     "DEFERRABLE)"},
};
const int db_migration_count = ARRAY_LEN(db_migrations);

static struct arena *arena;
static struct db *db;
static struct str address;

static int set_up(void **state)
{
    int was_version;

    (void)state;
    arena = arena_new(64 * 1024 * 1024);
    address = base_db(arena);
    assert_int_equal(db_open(arena, address, DB_WRITE, &db), OK);
    assert_int_equal(db_migrate(db, &was_version), OK);
    assert_int_equal(was_version, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_close(db);
    base_leave();
    arena_free(arena);
    return 0;
}

static enum err add(struct db *to, int64_t id, const char *name)
{
    struct db_stmt *stmt;
    bool has_row;
    enum err err = db_start(to, Q_ADD, &stmt);

    if (err != OK)
        return err;
    db_bind_int(stmt, 1, id);
    db_bind_text(stmt, 2, str_of(name));
    db_bind_blob(stmt, 3, (struct str){NULL, 0});
    err = db_step(stmt, &has_row);
    return db_end(stmt) == 1 || err != OK ? err : E_INTERNAL;
}

static int64_t one_int(struct db *from, int query)
{
    struct db_stmt *stmt;
    bool has_row;
    int64_t count;

    assert_int_equal(db_start(from, query, &stmt), OK);
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_true(has_row);
    count = db_int(stmt, 0);
    db_end(stmt);
    return count;
}

static int64_t count_all(struct db *from)
{
    return one_int(from, Q_COUNT_ALL);
}

static void values_come_back(void **state)
{
    const char bytes[] = {0, 1, 2, 0};
    struct db_stmt *stmt;
    bool has_row;

    (void)state;
    assert_int_equal(db_start(db, Q_ADD, &stmt), OK);
    db_bind_int(stmt, 1, INT64_MAX);
    db_bind_text(stmt, 2, S("蝶"));
    db_bind_blob(stmt, 3, (struct str){bytes, 4});
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_int_equal(db_end(stmt), 1);
    assert_int_equal(add(db, -1, ""), OK);
    assert_int_equal(db_start(db, Q_GET, &stmt), OK);
    db_bind_int(stmt, 1, INT64_MAX);
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_true(has_row);
    assert_true(db_int(stmt, 0) == INT64_MAX);
    assert_true(str_is(db_text(stmt, 1, NULL), "蝶"));
    assert_true(str_eq(db_blob(stmt, 2, arena), (struct str){bytes, 4}));
    db_rewind(stmt);
    db_bind_int(stmt, 1, -1);
    assert_int_equal(db_step(stmt, &has_row), OK);
    assert_true(str_is(db_text(stmt, 1, arena), ""));
    assert_null(db_blob(stmt, 2, arena).at);
    db_end(stmt);
}

static void errors_have_names(void **state)
{
    struct db_stmt *stmt;
    bool has_row;

    (void)state;
    assert_int_equal(add(db, 1, "a"), OK);
    assert_int_equal(add(db, 1, "b"), E_CONFLICT);
    assert_int_equal(add(db, 2, NULL), E_INTERNAL);
    assert_int_equal(db_start(db, Q_ADD_PART, &stmt), OK);
    db_bind_int(stmt, 1, 1);
    db_bind_int(stmt, 2, 99);
    assert_int_equal(db_step(stmt, &has_row), E_CONFLICT);
    db_end(stmt);
    assert_int_equal(count_all(db), 1);
}

static enum err page_add(int64_t from_id, int64_t count, int64_t bad_at)
{
    struct db_stmt *stmt;
    bool has_row;
    enum err err = db_start(db, Q_ADD, &stmt);

    for (int64_t i = 0, page = 0; i < count && err == OK; i += page) {
        page = db_page(stmt, count - i);
        for (int64_t k = i; k < i + page; k++) {
            db_bind_int(stmt, 1, k == bad_at ? from_id : from_id + k);
            db_bind_text(stmt, 2, S("x"));
            db_bind_blob(stmt, 3, (struct str){NULL, 0});
            db_send(stmt);
        }
        for (int64_t k = i; k < i + page && err == OK; k++) {
            err = db_step(stmt, &has_row);
            if (err == OK)
                assert_int_equal(db_rewind(stmt), 1);
        }
    }
    db_end(stmt);
    return err;
}

/* A page that fails in its middle is undone with its savepoint; what stands before and behind it
 * stays. */
static void pages_and_savepoints(void **state)
{
    (void)state;
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(page_add(1000, 1000, NONE), OK);
    assert_int_equal(db_release(db), OK);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(page_add(5000, 400, 200), E_CONFLICT);
    db_rollback_to(db);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 1, "behind it"), OK);
    assert_int_equal(db_release(db), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(count_all(db), 1001);
    /* without a savepoint nothing of it is committed */
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(add(db, 2, "goes"), OK);
    assert_int_equal(add(db, 1, "twice"), E_CONFLICT);
    assert_int_not_equal(db_commit(db), OK);
    assert_int_equal(count_all(db), 1001);
}

/* Many rows come in pages; statements run in between, the same query too. */
static void each_in_pages(void **state)
{
    struct db_stmt *outer, *inner;
    int64_t seen = 0;
    bool has_row;

    (void)state;
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(page_add(1, 2500, NONE), OK);
    assert_int_equal(db_start(db, Q_LIST, &outer), OK);
    while (db_step(outer, &has_row) == OK && has_row) {
        assert_int_equal(db_int(outer, 0), ++seen);
        if (seen % 500 != 0)
            continue;
        assert_int_equal(db_start(db, Q_LIST, &inner), OK);
        assert_int_equal(db_step(inner, &has_row), OK);
        assert_int_equal(db_int(inner, 0), 1);
        db_end(inner);
    }
    db_end(outer);
    assert_int_equal(seen, 2500);
    assert_int_equal(db_commit(db), OK);
}

static void the_nth_statement_fails(void **state)
{
    int failures = 0;

    (void)state;
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
        assert_int_equal(count_all(db), 0);
    }
    assert_int_equal(failures, 5); /* begin, savepoint, insert, release, commit */
    assert_int_equal(count_all(db), 1);
}

static void a_reader_has_a_snapshot(void **state)
{
    struct db_stmt *stmt;
    struct db *reader;

    (void)state;
    assert_int_equal(db_open(arena, address, DB_READ, &reader), OK);
    assert_int_equal(db_begin(reader), OK);
    assert_int_equal(count_all(reader), 0);
    assert_int_equal(add(db, 1, "a"), OK);
    assert_int_equal(count_all(reader), 0);
    assert_int_equal(db_commit(reader), OK);
    assert_int_equal(count_all(reader), 1);
    assert_int_equal(db_start(reader, Q_ADD, &stmt), E_INTERNAL);
    db_close(reader);
}

/* On a writer and on a reader: what the planner knows of a table is what is in it. */
static void tables_are_counted(void **state)
{
    struct db *reader;

    (void)state;
    assert_int_equal(db_begin(db), OK);
    for (int i = 0; i < 300; i++)
        assert_int_equal(add(db, i, "a"), OK);
    assert_int_equal(db_analyze(db), OK);
    assert_int_equal(one_int(db, Q_KNOWN), 300);
    assert_int_equal(add(db, 300, "a"), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(db_open(arena, address, DB_READ, &reader), OK);
    assert_int_equal(db_begin(reader), OK);
    assert_int_equal(db_analyze(reader), OK);
    assert_int_equal(one_int(reader, Q_KNOWN), 301);
    db_rollback(reader);
    db_close(reader);
}

/* The server ends our connection: in a transaction that is told, and the next begin has another. */
static void a_lost_connection_comes_back(void **state)
{
    static const char end_all[] = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                  "WHERE pid <> pg_backend_pid()"
                                  " AND query LIKE 'INSERT INTO t %'";

    (void)state;
    assert_int_equal(add(db, 1, "kept"), OK);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(add(db, 2, "lost"), OK);
    base_sql("", end_all);
    assert_int_equal(add(db, 3, "lost"), E_BUSY);
    assert_true(db_is_lost(db));
    assert_int_equal(db_commit(db), E_BUSY);
    assert_false(db_is_commit_unknown(db)); /* it was not even asked for */
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(count_all(db), 1);
    assert_int_equal(db_commit(db), OK);
}

static void what_is_told_is_heard(void **state)
{
    struct db *listener;
    struct str text;

    (void)state;
    assert_int_equal(db_open(arena, address, DB_LISTEN, &listener), OK);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_notify(db, S("never")), OK);
    db_rollback(db);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_notify(db, S("0 7")), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(db_wait(listener, 10000, arena, &text), OK);
    assert_true(str_is(text, "0 7"));
    db_close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_have_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_and_savepoints, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_in_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_nth_statement_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_has_a_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_connection_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_told_is_heard, set_up, tear_down),
    };

    if (!base_is_shared()) {
        print_message("ok 1 - host/pg # SKIP PAPILIO_TEST_DB names no PostgreSQL\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
