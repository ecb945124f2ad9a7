/* A base of the foundation is brought up to date with the 1st, 2nd, ... n-th statement of its
 * migrations failing: what was there stays as it was, and the next start finishes. What the program
 * then says of such a base: test/upgrade. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_sql.h"
#include "host/db.h"
#include "host/file.h"

#define FOUNDATION SOURCE_DIR "/test/upgrade/foundation.sql"
#define STATEMENT_MAX 1000

static char folder[] = "/tmp/papilio-upgrade-XXXXXX";
static struct arena *arena;

static struct str path_of(const char *name)
{
    return str_fmt(arena, "%s/%s", folder, name);
}

static void base_make(void)
{
    struct str sql;

    assert_int_equal(file_read(arena, S(FOUNDATION), 1 << 20, &sql), OK);
    base_sql(folder, str_cstr(arena, str_fmt(arena, "PRAGMA synchronous = OFF;%.*s", STR(sql))));
}

static void base_drop(void)
{
    static const char *const names[] = {"papilio.db", "papilio.db-wal", "papilio.db-shm"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (file_remove(path_of(names[i])) == E_IO)
            print_error("%s stays\n", names[i]);
}

static void assert_sound(struct db *db)
{
    struct str out;

    assert_int_equal(db_verify(db, arena, &out), OK);
    assert_int_equal(out.len, 0);
}

/* The version found; how it went in *err. Nothing waits for the disk. */
static int migrate(int64_t fail_nth, enum err *err, bool *did_fail)
{
    struct db *db;
    int was_version;

    assert_int_equal(db_open(arena, path_of("papilio.db"), DB_FILL, &db), OK);
    db_fail_at(db, fail_nth);
    *err = db_migrate(db, &was_version);
    *did_fail = db_did_fail(db);
    assert_sound(db);
    db_close(db);
    return was_version;
}

static void fails_at_each_statement(void **state)
{
    bool did_fail = true, did_again;
    int64_t nth = 0;
    enum err err;

    (void)state;
    while (did_fail && nth < STATEMENT_MAX) {
        base_make();
        int version = migrate(++nth, &err, &did_fail);
        assert_int_equal(err == OK, !did_fail);
        assert_int_equal(version, 1);
        if (did_fail) {
            assert_true(migrate(0, &err, &did_again) < db_migration_count);
            assert_int_equal(err, OK);
        }
        base_drop();
    }
    print_message("%d statements failed, each once\n", (int)nth - 1);
    assert_true(nth > 50);
}

/* Half a migration leaves none of it. */
static void leaves_the_old_version(void **state)
{
    bool did_fail;
    enum err err;

    (void)state;
    base_make();
    assert_int_equal(migrate(40, &err, &did_fail), 1);
    assert_true(did_fail);
    base_sql(folder,
             "CREATE TABLE role (was_not_there TEXT); DROP TABLE role;"
             "INSERT INTO session VALUES (zeroblob(31), (SELECT min(id) FROM staff), 'x', 0, 1);");
    assert_int_equal(migrate(0, &err, &did_fail), 1);
    assert_int_equal(err, OK);
    base_drop();
}

/* A base of the third version: its own roles stay, those of the program get what is new. */
static void roles_get_the_new_right(void **state)
{
    bool did_fail;
    enum err err;

    (void)state;
    base_make();
    base_sql(folder, db_migrations[1].sql);
    base_sql(folder, db_migrations[2].sql);
    base_sql(folder,
             "PRAGMA user_version = 3;"
             "INSERT INTO role (name, title, permissions, scope, is_builtin, version_count, "
             "changed_ms) VALUES ('operator', '', 'customer.read', 'all', 1, 1, 0),"
             " ('activity', '', 'segment.write customer.read', 'all', 1, 1, 0),"
             " ('guide', '', 'customer.read', 'own', 1, 2, 0),"
             " ('viewer', '', 'customer.read', 'all', 1, 1, 0), ('own', '', 'x', 'all', 0, 1, 0);");
    assert_int_equal(migrate(0, &err, &did_fail), 3);
    assert_int_equal(err, OK);
    assert_string_equal(
        base_text(folder, arena, "SELECT name, permissions FROM role ORDER BY name"),
        "activity|segment.write customer.read campaign.read campaign.write\n"
        "guide|customer.read\n" /* people decided what it may */
        "operator|customer.read ledger.read ledger.reverse system.read timer.read timer.write "
        "outbox.read outbox.write saga.read saga.write campaign.read campaign.write "
        "campaign.claim reward.decide segment.write\nown|x\nviewer|customer.read campaign.read");
    base_drop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fails_at_each_statement),
        cmocka_unit_test(leaves_the_old_version),
        cmocka_unit_test(roles_get_the_new_right),
    };
    int failed;

    must(mkdtemp(folder) != NULL);
    arena = arena_new(256 * 1024 * 1024);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    rmdir(folder);
    return failed;
}
