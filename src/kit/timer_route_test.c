/* Timers through their routes: lists, retry, giving up, and who may. */
#include "scenario.h"

static void rows_make(void)
{
    scenario_sql(
        "DELETE FROM timer;"
        "INSERT INTO timer VALUES"
        " (1, 'of tomorrow', 11, 9000000000000, 'waiting', 0, '{\"n\":1}', NULL, NULL, 1, 1),"
        " (2, 'other', 12, 9000000000000, 'waiting', 2, NULL, 'a.b', 'no', 1, 1),"
        " (3, 'other', 13, 8000000000000, 'waiting', 0, NULL, NULL, NULL, 1, 1),"
        " (4, 'other', 14, 5, 'dead', 12, NULL, 'a.b', 'words', 1, 50),"
        " (5, 'other', 15, 5, 'dead', 12, NULL, 'a.b', 'words', 1, 60),"
        " (6, 'other', 16, 5, 'dead', 12, NULL, 'a.b', 'words', 1, 60)");
}

static const struct scenario lists[] = {
    {"what waits, next due first", AS_ADMIN, GET, "/api/timers?status=waiting&limit=1", NULL, 200,
     "'id':'3'", .lacks = "'id':'1'"},
    {"an input", AS_ADMIN, GET, "/api/timers?status=waiting&kind=of%20tomorrow", NULL, 200,
     "'input':{'n':1}", .lacks = "'id':'2'"},
    {"dead ones", AS_OPERATOR, GET, "/api/timers?status=dead", NULL, 200,
     "'error_code':'a.b','error_message':'words'", .lacks = "waiting"},
    {"of a kind nobody has", AS_ADMIN, GET, "/api/timers?status=dead&kind=none", NULL, 200,
     "{'items':[]"},
    {"no status", AS_ADMIN, GET, "/api/timers", NULL, 400, "input.required"},
    {"another status", AS_ADMIN, GET, "/api/timers?status=over", NULL, 400, "input.choice"},
    {"a bad cursor", AS_ADMIN, GET, "/api/timers?status=dead&cursor=x", NULL, 400, "input.cursor"},
    {"not signed in", AS_NOBODY, GET, "/api/timers?status=dead", NULL, 401, ""},
    {"without the right", AS_VIEWER, GET, "/api/timers?status=dead", NULL, 403, "gate.permission"},
};

static void lists_tell(void **state)
{
    (void)state;
    rows_make();
    scenario_run(lists);
}

/* All of a list, a row at a time: "356". */
static const char *walk(const char *status)
{
    struct str ids = S(""), cursor = S("");

    for (int i = 0; i < 10; i++) {
        struct str path = str_fmt(scenario_arena, "/api/timers?status=%s&limit=1%s%.*s", status,
                                  cursor.len ? "&cursor=" : "", STR(cursor));
        struct app_call call = scenario_ask(AS_ADMIN, GET, str_cstr(scenario_arena, path), NULL);
        struct json json;

        assert_int_equal(call.status, 200);
        assert_int_equal(json_parse(scenario_arena, call.reply, &json, NULL), OK);
        ids = str_fmt(scenario_arena, "%.*s%.*s", STR(ids),
                      STR(json_get(json_get(&json, "items")->items, "id")->text));
        cursor = json_get(&json, "next_cursor")->text;
        if (json_get(&json, "next_cursor")->type != JSON_STR)
            return str_cstr(scenario_arena, ids);
    }
    return "without end";
}

static void lists_go_on_by_their_cursor(void **state)
{
    (void)state;
    rows_make();
    assert_string_equal(walk("waiting"), "312");
    assert_string_equal(walk("dead"), "654");
}

static const struct scenario decisions[] = {
    {"not signed in", AS_NOBODY, POST, "/api/timers/4/retry", "{}", 401, ""},
    {"without the right", AS_VIEWER, POST, "/api/timers/4/retry", "{}", 403, "gate.permission"},
    {"one that waits", AS_OPERATOR, POST, "/api/timers/1/retry", "{}", 409, "timer.waiting"},
    {"one that is not there", AS_OPERATOR, POST, "/api/timers/99/retry", "{}", 404,
     "timer.unknown"},
    {"what is no number", AS_OPERATOR, POST, "/api/timers/x/retry", "{}", 400, "input."},
    {"again", AS_OPERATOR, POST, "/api/timers/4/retry", "{}", 200, ""},
    {"waits already", AS_OPERATOR, POST, "/api/timers/4/retry", "{}", 409, "timer.waiting",
     .is_plain = true},
    {"no reason", AS_OPERATOR, POST, "/api/timers/5/cancel", "{}", 400, "input.required"},
    {"an empty reason", AS_OPERATOR, POST, "/api/timers/5/cancel", "{'reason':' '}", 400,
     "timer.reason"},
    {"not signed in", AS_NOBODY, POST, "/api/timers/5/cancel", "{'reason':'x'}", 401, ""},
    {"without the right", AS_VIEWER, POST, "/api/timers/5/cancel", "{'reason':'x'}", 403, ""},
    {"one that waits", AS_OPERATOR, POST, "/api/timers/1/cancel", "{'reason':'x'}", 409,
     "timer.waiting"},
    {"given up", AS_OPERATOR, POST, "/api/timers/5/cancel", "{'reason':'the shop said no'}", 200,
     ""},
    {"gone", AS_OPERATOR, POST, "/api/timers/5/cancel", "{'reason':'x'}", 404, "timer.unknown",
     .is_plain = true},
};

static void dead_ones_are_decided_on(void **state)
{
    (void)state;
    rows_make();
    scenario_run(decisions);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM timer WHERE id = 4 AND status = 'waiting'"
                        " AND attempt_count = 0 AND due_ms > 1000"),
        1);
    assert_int_equal(scenario_number("SELECT count(*) FROM timer WHERE id = 5"), 0);
    assert_string_equal(scenario_text("SELECT d.detail FROM audit a JOIN audit_detail d"
                                      " ON d.audit_id = a.id WHERE a.noun = 'timer'"
                                      " AND a.subject_id = 5"),
                        "{\"kind\":\"other\",\"key_id\":\"15\",\"reason\":\"the shop said no\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_tell, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(lists_go_on_by_their_cursor, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(dead_ones_are_decided_on, scenario_open, scenario_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
