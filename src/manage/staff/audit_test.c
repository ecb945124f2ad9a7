/* The audit trail over the product's routes: which changes leave a row, what it says, who may read
 * it, and that damage to it is seen. */
#include "scenario.h"

#include "kit/audit.h"

static int64_t row_count(void)
{
    return scenario_number("SELECT count(*) FROM audit");
}

static const char *check_text(void)
{
    struct app_call call = scenario_ask(AS_LOCAL, GET, "/local/check", NULL);

    assert_int_equal(call.status, 200);
    return str_cstr(scenario_arena, call.reply);
}

static void expect_chain(bool is_sound)
{
    const char *text = check_text();

    if ((strstr(text, "ok      audit_chain") != NULL) != is_sound)
        fail_msg("%s", text);
}

/* ---- what leaves a row ----------------------------------------------------------------------- */

static const struct scenario changes[] = {
    {"a customer", AS_OPERATOR, POST, "/api/customers", "{'name':'安娜','phone':'13800000001'}",
     200, "", .keep = "ana"},
    {"edits", AS_OPERATOR, POST, "/api/customers/$ana/edit", "{'region':'杭州'}", 200, ""},
    {"a bad one", AS_OPERATOR, POST, "/api/customers", "{'nam':'安娜'}", 400, ""},
    {"without the right", AS_VIEWER, POST, "/api/customers/$ana/edit", "{'region':'x'}", 403, ""},
    {"reading", AS_VIEWER, GET, "/api/customers/$ana", NULL, 200, ""},
};

static void test_changes_leave_rows(void **state)
{
    (void)state;
    assert_int_equal(row_count(), 0);
    scenario_run(changes);
    /* failing statements, the repeat under the same key, refusals and reading left none */
    assert_int_equal(row_count(), 2);
    assert_string_equal(scenario_text("SELECT action FROM audit ORDER BY id DESC"),
                        "POST /api/customers/{customer_id}/edit");
    assert_int_equal(scenario_number("SELECT count(*) FROM audit a JOIN customer c"
                                     " ON c.id = a.subject_id WHERE a.noun = 'customer'"),
                     2);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM audit a JOIN staff s ON s.id = a.staff_id"
                        " JOIN customer c ON c.id = a.subject_id"
                        " WHERE s.login = 'operator' AND a.noun = 'customer'"
                        " AND a.action LIKE '%edit' AND a.peer = '127.0.0.1'"),
        1);
    expect_chain(true);
}

static void test_signing_in_leaves_none(void **state)
{
    struct app_call call = scenario_ask(AS_NOBODY, POST, "/api/login",
                                        "{'login':'viewer','password':'a long password'}");
    int64_t before = row_count();

    (void)state;
    assert_int_equal(call.status, 200);
    assert_int_equal(scenario_ask(AS_VIEWER, POST, "/api/logout", "{}").status, 200);
    assert_int_equal(scenario_ask(AS_KEY, POST, "/api/v1/events",
                                  "{'events':[{'message_id':'m1','kind':'page_viewed',"
                                  "'visitor_id':'v1'}]}")
                             .status /
                         500,
                     0);
    assert_int_equal(row_count(), before);
}

static void test_the_command_line_is_nobody(void **state)
{
    int64_t before = row_count();

    (void)state;
    assert_int_equal(
        scenario_ask(AS_LOCAL, POST, "/api/customers/$ana/edit", "{'region':'宁波'}").status, 200);
    assert_int_equal(row_count(), before + 1);
    assert_int_equal(scenario_number("SELECT staff_id FROM audit ORDER BY id DESC"), NONE);
}

/* ---- reading --------------------------------------------------------------------------------- */

static const struct scenario reading[] = {
    {"nobody", AS_NOBODY, GET, "/api/audit", NULL, 401, "gate.sign_in"},
    {"not an operator", AS_OPERATOR, GET, "/api/audit", NULL, 403, "gate.permission"},
    {"all", AS_ADMIN, GET, "/api/audit", NULL, 200, "'staff_name':'operator'"},
    {"of a customer", AS_ADMIN, GET, "/api/audit?noun=customer&subject_id=$ana", NULL, 200,
     "'subject_id':'$ana'"},
    {"of nobody known", AS_ADMIN, GET, "/api/audit?staff_id=1", NULL, 200, "'items':[]"},
    {"a part of the action", AS_ADMIN, GET, "/api/audit?action=rs%2F%7Bcustomer_id%7D%2Fed", NULL,
     200, "/edit'"},
    {"no such action", AS_ADMIN, GET, "/api/audit?action=%25", NULL, 200, "'items':[]"},
    {"of a day", AS_ADMIN, GET, "/api/audit?from_date=2026-03-01&to_date=2026-03-02", NULL, 200,
     "/edit'"},
    {"of the day before", AS_ADMIN, GET, "/api/audit?from_date=2026-02-27&to_date=2026-02-28", NULL,
     200, "'items':[]"},
    {"no day", AS_ADMIN, GET, "/api/audit?from_date=x", NULL, 400, "input.date"},
    {"an id of what", AS_ADMIN, GET, "/api/audit?subject_id=1", NULL, 400, "audit.noun"},
};

static void test_reading(void **state)
{
    struct app_call page;
    struct json json;

    (void)state;
    scenario_run(reading);
    page = scenario_ask(AS_ADMIN, GET, "/api/audit?limit=1", NULL);
    assert_int_equal(json_parse(scenario_arena, page.reply, &json, NULL), OK);
    scenario_set("next", str_cstr(scenario_arena, json_get(&json, "next_cursor")->text));
    page = scenario_ask(AS_ADMIN, GET, "/api/audit?limit=2&cursor=$next", NULL);
    assert_true(str_find(page.reply, S("\"next_cursor\":null")) > 0);
    assert_true(str_find(page.reply, S("\"action\":\"POST /api/customers\"")) > 0);
}

/* ---- the chain ------------------------------------------------------------------------------- */

static void test_damage_is_seen(void **state)
{
    static const struct {
        const char *damage, *undo;
    } damages[] = {
        {"UPDATE audit SET at_ms = at_ms + 1 WHERE id = (SELECT min(id) FROM audit)",
         "UPDATE audit SET at_ms = at_ms - 1 WHERE id = (SELECT min(id) FROM audit)"},
        {"UPDATE audit SET action = 'x' || action", "UPDATE audit SET action = substr(action, 2)"},
        {"UPDATE audit SET noun = noun || 'a' WHERE noun = 'customer'",
         "UPDATE audit SET noun = 'customer' WHERE noun = 'customera'"},
        {"UPDATE audit SET id = -id WHERE id = (SELECT min(id) FROM audit)",
         "UPDATE audit SET id = -id WHERE id < 0"},
    };

    (void)state;
    expect_chain(true);
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        scenario_sql(damages[i].damage);
        expect_chain(false);
        scenario_sql(damages[i].undo);
        expect_chain(true);
    }
    scenario_sql("CREATE TABLE taken AS SELECT * FROM audit ORDER BY id LIMIT 1 OFFSET 1");
    scenario_sql("DELETE FROM audit WHERE id IN (SELECT id FROM taken)");
    expect_chain(false);
    scenario_sql("INSERT INTO audit SELECT * FROM taken; DROP TABLE taken");
    expect_chain(true);
}

static enum err erase_step(struct ctx *c, void *user)
{
    return audit_erase(c, "staff", *(int64_t *)user, user);
}

static void test_details_can_go(void **state)
{
    int64_t subject_id;

    (void)state;
    subject_id = scenario_number("SELECT id FROM staff WHERE login = 'viewer'");
    scenario_set("viewer",
                 scenario_text("SELECT CAST(id AS TEXT) FROM staff WHERE login = 'viewer'"));
    assert_int_equal(
        scenario_ask(AS_ADMIN, POST, "/api/staff/$viewer/edit", "{'role':'content'}").status, 200);
    assert_true(
        str_find(
            scenario_ask(AS_ADMIN, GET, "/api/audit?noun=staff&subject_id=$viewer", NULL).reply,
            S("\"detail\":{\"role\":\"content\",\"was_role\":\"viewer\"")) > 0);
    scenario_sql("UPDATE audit_detail SET detail = detail || ' '");
    expect_chain(false);
    scenario_sql("UPDATE audit_detail SET detail = substr(detail, 1, length(detail) - 1)");
    expect_chain(true);
    scenario_write(erase_step, &subject_id);
    assert_int_equal(subject_id, 1); /* details erased */
    assert_int_equal(scenario_number("SELECT count(*) FROM audit_detail"), 0);
    expect_chain(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_leave_rows),
        cmocka_unit_test(test_signing_in_leaves_none),
        cmocka_unit_test(test_the_command_line_is_nobody),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_damage_is_seen),
        cmocka_unit_test(test_details_can_go),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
