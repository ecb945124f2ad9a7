/* Each setting of retention, by the clock: a moment before its time all is there, after it nothing.
 */
#include "scenario.h"

#include "base_sql.h"
#include "host/clock.h"
#include "host/file.h"
#include "manage/event/event.h"
#include "manage/import/import.h"
#include "manage/privacy/privacy.h"

static struct str data_folder(void)
{
    return app_config(scenario_app)->data;
}

static enum err minute_step(struct ctx *c, void *user)
{
    (void)user;
    return app_config(c->app)->on_minute(c);
}

static void days_later(int64_t days, int64_t more_ms)
{
    scenario_clock(INT64_C(1772330400000) + days * DAY_MS + more_ms);
    scenario_write(minute_step, NULL);
}

static void set(const char *name, int value)
{
    const char *body =
        str_cstr(scenario_arena,
                 str_fmt(scenario_arena,
                         "{\"name\":\"%s\",\"value\":%d,\"version_count\":0,\"reason\":\"x\"}",
                         name, value));

    assert_int_equal(scenario_ask(AS_ADMIN, POST, "/api/settings", body).status, 200);
}

/* Ids as of the clock's start: of the export, of the audit rows. */
static void base_fill(void)
{
    struct str folder = str_fmt(scenario_arena, "%.*s/exports", STR(data_folder()));
    int64_t id = ctx_id_at(INT64_C(1772330400000));

    assert_int_equal(folder_make(folder), OK);
    assert_int_equal(file_write(str_fmt(scenario_arena, "%.*s/a.csv", STR(folder)), S("x"), 0600),
                     OK);
    base_sql(str_cstr(scenario_arena, data_folder()),
             str_cstr(scenario_arena,
                      str_fmt(scenario_arena,
                              "INSERT INTO job (id, kind, title, status, input, result, done_count,"
                              " changed_count, failed_count, last_id, is_cancelled, created_ms,"
                              " changed_ms, file_name, ended_ms) VALUES (%" PRId64
                              ", 'x', 'x', 'done', '{}',"
                              " '{}', 0, 0, 0, 0, 0, 1, 1, 'a.csv', 1);"
                              "INSERT INTO message VALUES (x'01', 1772330400000);"
                              "INSERT INTO import_run (id, kind, file_name, content_hash, mapping,"
                              " status, line_count, accepted_count, rejected_count, changed_count,"
                              " started_ms, changed_ms) VALUES (5, 'orders', 'x', x'00', '{}',"
                              " 'done', 1, 0, 1, 0, 1772330400000, 1772330400000);"
                              "INSERT INTO import_reject VALUES (5, 1, 'x', 'x', x'01');",
                              id)));
}

static int64_t count(const char *table)
{
    return scenario_number(
        str_cstr(scenario_arena, str_fmt(scenario_arena, "SELECT count(*) FROM %s", table)));
}

static bool has_export(void)
{
    return file_exists(str_fmt(scenario_arena, "%.*s/exports/a.csv", STR(data_folder())));
}

static void test_exports(void **state)
{
    (void)state;
    base_fill();
    set("export_keep_days", 2);
    days_later(2, -1000);
    assert_true(has_export());
    days_later(2, 1000);
    assert_false(has_export());
}

static void test_messages(void **state)
{
    (void)state;
    set("message_keep_days", 3);
    days_later(3, -1000);
    assert_int_equal(count("message"), 1);
    days_later(3, 1000);
    assert_int_equal(count("message"), 0);
}

static void test_sessions(void **state)
{
    int64_t before;

    (void)state;
    set("session_keep_days", 4);
    before = count("session");
    assert_true(before > 0);
    days_later(4, -10000); /* signed in ten seconds after the start, at the earliest */
    assert_int_equal(count("session"), before);
    days_later(15, 0);
    assert_int_equal(count("session"), 0);
}

static void test_imports(void **state)
{
    (void)state;
    set("import_keep_days", 20);
    days_later(20, -1000);
    assert_int_equal(count("import_reject"), 1);
    days_later(20, 1000);
    assert_int_equal(count("import_reject"), 0);
}

/* Of months: the details of the month before go on the first of the next but one; the chain stays
 * whole. */
static void test_audit(void **state)
{
    static const struct scenario whole[] = {
        {"the chain is whole", AS_LOCAL, GET, "/local/check", NULL, 200, "ok      audit_chain",
         NULL},
    };
    int64_t all = count("audit");

    (void)state;
    set("audit_detail_keep_months", 1);
    assert_true(count("audit_detail") > 0);
    days_later(30, 0); /* 2026-03-31 */
    assert_true(count("audit_detail") > 0);
    days_later(62, 0); /* 2026-05-02: all are of March */
    assert_int_equal(count("audit_detail"), 0);
    assert_int_equal(count("audit"), all + 1);
    scenario_run(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exports),  cmocka_unit_test(test_messages),
        cmocka_unit_test(test_sessions), cmocka_unit_test(test_imports),
        cmocka_unit_test(test_audit),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
