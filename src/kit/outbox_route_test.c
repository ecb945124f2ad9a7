/* Outbox, inbox, sagas and differences through their routes: lists, retry, giving up, closing, who
 * may. */
#include "scenario.h"

#include "gen/outbox.q.h"

static enum err text_add(struct ctx *c, void *user)
{
    struct q_outbox_body_add_in body = {3, ctx_seal(c, S("Dear Ms Li"), "outbox", 3)};

    (void)user;
    return q_outbox_body_add(c, &body, 1, NULL);
}

static int rows_make(void **state)
{
    int failed = scenario_open(state);

    scenario_sql(
        "INSERT INTO outbox VALUES"
        " (1, 'note', 11, NULL, NULL, 'a', 'waiting', 9000000000000, 0, NULL, NULL, 1, 1),"
        " (2, 'note', 12, NULL, NULL, 'b', 'waiting', 9000000000000, 2, 500, 'HTTP 500', 1, 1),"
        " (3, 'note', 13, 7, 77, 'a', 'dead', 5, 12, 404, 'HTTP 404', 1, 50),"
        " (4, 'other', 14, NULL, NULL, 'a', 'sent', 5, 1, 200, NULL, 1, 60),"
        " (5, 'other', 15, NULL, NULL, 'a', 'dead', 5, 12, NULL, 'words', 1, 60);"
        "INSERT INTO inbox VALUES"
        " (1, 'payee', x'01', 'paid', NULL, 'done', 0, 1, NULL, 1),"
        " (2, 'payee', x'02', 'paid', x'00', 'dead', 12, 1, 'a.b: words', 5),"
        " (3, 'payee', x'03', 'paid', x'00', 'dead', 12, 1, 'a.b: words', 6);"
        "INSERT INTO saga VALUES"
        " (1, 'refund', 11, NULL, 100, 'succeeded', 'P1', 1, NULL, 20458, NULL, 1, 5),"
        " (2, 'refund', 12, NULL, 200, 'unknown', NULL, 3, 9000000000000, NULL, 'io', 1, 6),"
        " (3, 'payout', 13, NULL, 300, 'succeeded', 'P3', 1, NULL, NULL, NULL, 1, 7);"
        "INSERT INTO bill_difference VALUES"
        " (1, 'refund', 20458, 1, 'P1', 'amount', 100, 120, 5, NULL, NULL, NULL),"
        " (2, 'refund', 20458, NULL, 'P9', 'only_theirs', NULL, 50, 5, 6, 1, 'a test of theirs')");
    assert_int_equal(app_write(scenario_app, scenario_arena, text_add, NULL, NULL), OK);
    return failed;
}

static const struct scenario lists[] = {
    {"all, newest first", AS_OPERATOR, GET, "/api/outbox?limit=2", NULL, 200, "'next_cursor':'0.4'",
     .lacks = "'id':'3'"},
    {"the rest", AS_OPERATOR, GET, "/api/outbox?cursor=0.4", NULL, 200, "'id':'3'",
     .lacks = "'id':'4'"},
    {"no texts", AS_ADMIN, GET, "/api/outbox?status=dead", NULL, 200,
     "'status_count':404,'error_message':'HTTP 404'", .lacks = "Dear"},
    {"dead ones only", AS_ADMIN, GET, "/api/outbox?status=dead", NULL, 200, "'id':'5'",
     .lacks = "'id':'4'"},
    {"of a kind", AS_ADMIN, GET, "/api/outbox?status=dead&kind=note", NULL, 200, "'id':'3'",
     .lacks = "'id':'5'"},
    {"of a destination", AS_ADMIN, GET, "/api/outbox?status=waiting&destination=b", NULL, 200,
     "'id':'2'", .lacks = "'id':'1'"},
    {"sent", AS_ADMIN, GET, "/api/outbox?status=sent", NULL, 200, "'id':'4'", .lacks = "'id':'3'"},
    {"another status", AS_ADMIN, GET, "/api/outbox?status=over", NULL, 400, "input.choice"},
    {"a bad cursor", AS_ADMIN, GET, "/api/outbox?cursor=x", NULL, 400, "input.cursor"},
    {"not signed in", AS_NOBODY, GET, "/api/outbox", NULL, 401, ""},
    {"without the right", AS_VIEWER, GET, "/api/outbox", NULL, 403, "gate.permission"},

    {"the dead that came in", AS_OPERATOR, GET, "/api/inbox?limit=1", NULL, 200,
     "'next_cursor':'6.3'", .lacks = "'id':'2'"},
    {"the rest", AS_OPERATOR, GET, "/api/inbox?cursor=6.3", NULL, 200,
     "'id':'2','source':'payee','kind':'paid'", .lacks = "'id':'1'"},
    {"a bad cursor", AS_ADMIN, GET, "/api/inbox?cursor=x", NULL, 400, "input.cursor"},
    {"not signed in", AS_NOBODY, GET, "/api/inbox", NULL, 401, ""},
    {"without the right", AS_VIEWER, GET, "/api/inbox", NULL, 403, "gate.permission"},

    {"payments", AS_OPERATOR, GET, "/api/sagas?limit=2", NULL, 200, "'next_cursor':'2.2'",
     .lacks = "'id':'1'"},
    {"the rest", AS_OPERATOR, GET, "/api/sagas?cursor=2.2", NULL, 200, "'outside_no':'P1'",
     .lacks = "'id':'2'"},
    {"of a status", AS_OPERATOR, GET, "/api/sagas?status=succeeded&limit=1", NULL, 200,
     "'next_cursor':'7.3'", .lacks = "'id':'2'"},
    {"the rest", AS_OPERATOR, GET, "/api/sagas?status=succeeded&cursor=7.3", NULL, 200, "'id':'1'",
     .lacks = "'id':'2'"},
    {"of a kind", AS_OPERATOR, GET, "/api/sagas?status=succeeded&kind=payout", NULL, 200,
     "'id':'3'", .lacks = "'id':'1'"},
    {"another status", AS_ADMIN, GET, "/api/sagas?status=over", NULL, 400, "input.choice"},
    {"a bad cursor", AS_ADMIN, GET, "/api/sagas?cursor=x", NULL, 400, "input.cursor"},
    {"not signed in", AS_NOBODY, GET, "/api/sagas", NULL, 401, ""},
    {"without the right", AS_VIEWER, GET, "/api/sagas", NULL, 403, "gate.permission"},
    {"one", AS_OPERATOR, GET, "/api/sagas/1", NULL, 200, "'theirs_fen':120"},
    {"one without differences", AS_OPERATOR, GET, "/api/sagas/2", NULL, 200, "'differences':[]"},
    {"one that is not there", AS_OPERATOR, GET, "/api/sagas/99", NULL, 404, "saga.unknown"},
    {"no number", AS_OPERATOR, GET, "/api/sagas/x", NULL, 400, "input."},
    {"not signed in", AS_NOBODY, GET, "/api/sagas/1", NULL, 401, ""},
    {"without the right", AS_VIEWER, GET, "/api/sagas/1", NULL, 403, "gate.permission"},

    {"differences", AS_OPERATOR, GET, "/api/bill_differences", NULL, 200,
     "'closed_words':'a test of theirs'"},
    {"open ones", AS_OPERATOR, GET, "/api/bill_differences?is_open=true", NULL, 200, "'id':'1'",
     .lacks = "'id':'2'"},
    {"page by page", AS_OPERATOR, GET, "/api/bill_differences?limit=1", NULL, 200,
     "'next_cursor':'0.2'"},
    {"a bad cursor", AS_ADMIN, GET, "/api/bill_differences?cursor=x", NULL, 400, "input.cursor"},
    {"not signed in", AS_NOBODY, GET, "/api/bill_differences", NULL, 401, ""},
    {"without the right", AS_VIEWER, GET, "/api/bill_differences", NULL, 403, "gate.permission"},
};

static void lists_tell(void **state)
{
    (void)state;
    scenario_run(lists);
}

static const struct scenario decisions[] = {
    {"not signed in", AS_NOBODY, POST, "/api/outbox/3/retry", "{}", 401, ""},
    {"without the right", AS_VIEWER, POST, "/api/outbox/3/retry", "{}", 403, "gate.permission"},
    {"one that waits", AS_OPERATOR, POST, "/api/outbox/1/retry", "{}", 409, "outbox.not_dead"},
    {"one that is not there", AS_OPERATOR, POST, "/api/outbox/99/retry", "{}", 404,
     "outbox.unknown"},
    {"no number", AS_OPERATOR, POST, "/api/outbox/x/retry", "{}", 400, "input."},
    {"its text", AS_OPERATOR, POST, "/api/outbox/3/reveal", "{}", 200, "'body':'Dear Ms Li'"},
    {"erased", AS_OPERATOR, POST, "/api/outbox/4/reveal", "{}", 200, "'body':null"},
    {"no such text", AS_OPERATOR, POST, "/api/outbox/99/reveal", "{}", 404, "outbox.unknown"},
    {"no number", AS_OPERATOR, POST, "/api/outbox/x/reveal", "{}", 400, "input."},
    {"not signed in", AS_NOBODY, POST, "/api/outbox/3/reveal", "{}", 401, ""},
    {"without the right", AS_VIEWER, POST, "/api/outbox/3/reveal", "{}", 403, "gate.permission"},
    {"again", AS_OPERATOR, POST, "/api/outbox/3/retry", "{}", 200, ""},
    {"no reason", AS_OPERATOR, POST, "/api/outbox/5/cancel", "{}", 400, "input.required"},
    {"an empty reason", AS_OPERATOR, POST, "/api/outbox/5/cancel", "{'reason':' '}", 400,
     "outbox.reason"},
    {"not signed in", AS_NOBODY, POST, "/api/outbox/5/cancel", "{'reason':'x'}", 401, ""},
    {"without the right", AS_VIEWER, POST, "/api/outbox/5/cancel", "{'reason':'x'}", 403, ""},
    {"sent already", AS_OPERATOR, POST, "/api/outbox/4/cancel", "{'reason':'x'}", 409,
     "outbox.over"},
    {"given up", AS_OPERATOR, POST, "/api/outbox/5/cancel", "{'reason':'too late'}", 200, ""},
    {"not there", AS_OPERATOR, POST, "/api/outbox/99/cancel", "{'reason':'x'}", 404,
     "outbox.unknown"},

    {"not signed in", AS_NOBODY, POST, "/api/inbox/2/retry", "{}", 401, ""},
    {"without the right", AS_VIEWER, POST, "/api/inbox/2/retry", "{}", 403, "gate.permission"},
    {"one worked on", AS_OPERATOR, POST, "/api/inbox/1/retry", "{}", 409, "inbox.not_dead"},
    {"one that is not there", AS_OPERATOR, POST, "/api/inbox/99/retry", "{}", 404, "inbox.unknown"},
    {"no number", AS_OPERATOR, POST, "/api/inbox/x/retry", "{}", 400, "input."},
    {"again", AS_OPERATOR, POST, "/api/inbox/2/retry", "{}", 200, ""},

    {"not signed in", AS_NOBODY, POST, "/api/sagas/2/ask", "{}", 401, ""},
    {"without the right", AS_VIEWER, POST, "/api/sagas/2/ask", "{}", 403, "gate.permission"},
    {"one that is over", AS_OPERATOR, POST, "/api/sagas/1/ask", "{}", 409, "saga.over"},
    {"one that is not there", AS_OPERATOR, POST, "/api/sagas/99/ask", "{}", 404, "saga.unknown"},
    {"no number", AS_OPERATOR, POST, "/api/sagas/x/ask", "{}", 400, "input."},
    {"asked", AS_OPERATOR, POST, "/api/sagas/2/ask", "{}", 200, ""},

    {"not signed in", AS_NOBODY, POST, "/api/bill_differences/1/close", "{'words':'x'}", 401, ""},
    {"without the right", AS_VIEWER, POST, "/api/bill_differences/1/close", "{'words':'x'}", 403,
     ""},
    {"no words", AS_OPERATOR, POST, "/api/bill_differences/1/close", "{'words':' '}", 400,
     "difference.words"},
    {"one that is not there", AS_OPERATOR, POST, "/api/bill_differences/99/close", "{'words':'x'}",
     404, "difference.unknown"},
    {"one closed", AS_OPERATOR, POST, "/api/bill_differences/2/close", "{'words':'x'}", 409,
     "difference.closed"},
    {"closed", AS_OPERATOR, POST, "/api/bill_differences/1/close", "{'words':'they paid it back'}",
     200, ""},
};

static void decisions_are_taken(void **state)
{
    (void)state;
    scenario_run(decisions);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM outbox WHERE id = 3 AND status = 'waiting'"
                        " AND attempt_count = 0 AND due_ms > 1000"),
        1);
    assert_string_equal(scenario_text("SELECT status FROM outbox WHERE id = 5"), "cancelled");
    assert_string_equal(scenario_text("SELECT status FROM inbox WHERE id = 2"), "new");
    assert_int_equal(scenario_number("SELECT due_ms < 9000000000000 FROM saga WHERE id = 2"), 1);
    assert_string_equal(scenario_text("SELECT closed_words FROM bill_difference WHERE id = 1"),
                        "they paid it back");
    assert_string_equal(scenario_text("SELECT d.detail FROM audit a JOIN audit_detail d"
                                      " ON d.audit_id = a.id WHERE a.noun = 'outbox'"
                                      " AND a.subject_id = 5"),
                        "{\"reason\":\"too late\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_tell, rows_make, scenario_close),
        cmocka_unit_test_setup_teardown(decisions_are_taken, rows_make, scenario_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
