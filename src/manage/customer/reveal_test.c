/* Showing the clear text: who may, what comes, how often, and that it is kept nowhere. */
#include "scenario.h"

#define ADD POST, "/api/customers"
#define ANA "/api/customers/$ana"
#define HOUR_MS INT64_C(3600000)

static const struct scenario cases[] = {
    {"adds", AS_OPERATOR, ADD,
     "{'name':'Ana Lee','phone':'13800138000','email':'ana@example.com',"
     "'identities':[{'kind':'shop:web','value':'77'}]}",
     200, "'id'", "customer_added", .keep = "ana"},
    {"all", AS_OPERATOR, POST, ANA "/reveal", "{}", 200,
     "'name':'Ana Lee','phone':'13800138000','email':'ana@example.com','address':null,"
     "'identities':[{'kind':'email','value':'ana@example.com'},"
     "{'kind':'phone','value':'13800138000'},{'kind':'shop:web','value':'77'}]",
     ""},
    {"one field", AS_OPERATOR, POST, ANA "/reveal", "{'fields':'phone'}", 200,
     "'name':null,'phone':'13800138000','email':null", "", .lacks = "Ana"},
    {"two", AS_OPERATOR, POST, ANA "/reveal", "{'fields':'email name'}", 200,
     "'name':'Ana Lee','phone':null,'email':'ana@example.com'", ""},
    {"no such field", AS_OPERATOR, POST, ANA "/reveal", "{'fields':'password'}", 400,
     "reveal.field", ""},
    {"no such customer", AS_OPERATOR, POST, "/api/customers/5/reveal", "{}", 404,
     "customer.unknown", ""},
    {"viewer", AS_VIEWER, POST, ANA "/reveal", "{}", 403, "gate.permission", ""},
    {"nobody", AS_NOBODY, POST, ANA "/reveal", "{}", 401, "gate.sign_in", ""},
};

static const struct scenario few_cases[] = {
    {"two an hour", AS_ADMIN, POST, "/api/settings",
     "{'name':'reveal_per_hour','value':2,'version_count':0,'reason':'x'}", 200, "", NULL,
     .is_plain = true},
    {"first", AS_OPERATOR, POST, ANA "/reveal", "{}", 200, "Ana", "", .is_plain = true},
    {"second", AS_OPERATOR, POST, ANA "/reveal", "{}", 200, "Ana", "", .is_plain = true},
    {"third", AS_OPERATOR, POST, ANA "/reveal", "{}", 429, "reveal.too_often", "",
     .is_plain = true},
    {"somebody else's own", AS_ADMIN, POST, ANA "/reveal", "{}", 200, "Ana", "", .is_plain = true},
};
static const struct scenario again_case[] = {
    {"in the next hour", AS_OPERATOR, POST, ANA "/reveal", "{}", 200, "Ana", "", .is_plain = true},
};

static void test_reveal(void **state)
{
    (void)state;
    scenario_run(cases);
    assert_int_equal(
        scenario_number("SELECT (SELECT count(*) FROM reply_a WHERE body LIKE '%13800138000%')"
                        " + (SELECT count(*) FROM reply_b WHERE body LIKE '%13800138000%')"),
        0);
    assert_string_equal(scenario_text("SELECT group_concat(d.detail, ' ') FROM audit_detail d "
                                      "JOIN audit a ON a.id = d.audit_id "
                                      "WHERE a.action LIKE '%/reveal' AND a.noun = 'customer'"),
                        "{\"fields\":\"name phone email address identities\"} "
                        "{\"fields\":\"phone\"} {\"fields\":\"name email\"}");
}

static void test_often(void **state)
{
    (void)state;
    scenario_clock(INT64_C(1772330400000) + HOUR_MS);
    scenario_run(few_cases);
    scenario_clock(INT64_C(1772330400000) + 2 * HOUR_MS);
    scenario_run(again_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reveal),
        cmocka_unit_test(test_often),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
