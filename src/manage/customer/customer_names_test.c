/* What many customers are called, in one read: within reach alone, under a merged record's id too.
 */
#include "scenario.h"

#define ADD POST, "/api/customers"
#define NAMES GET, "/api/customers/names?ids="

static const struct scenario made[] = {
    {"ana", AS_OPERATOR, ADD, "{'name':'Ana Lee'}", 200, "", NULL, .keep = "ana"},
    {"bea", AS_OPERATOR, ADD, "{'name':'Bea'}", 200, "", NULL, .keep = "bea"},
    {"no name", AS_OPERATOR, ADD, "{'phone':'13800000003'}", 200, "", NULL, .keep = "one"},
    {"all in their order", AS_OPERATOR, NAMES "$bea,$ana,$one", NULL, 200,
     "{'items':[{'id':'$bea','name':'Bea'},{'id':'$ana','name':'Ana Lee'},{'id':'$one','name':null}"
     "]}",
     ""},
    {"one twice", AS_OPERATOR, NAMES "$bea,$bea", NULL, 200,
     "{'items':[{'id':'$bea','name':'Bea'},{'id':'$bea','name':'Bea'}]}", ""},
    {"nobody of that id", AS_OPERATOR, NAMES "5,$bea", NULL, 200,
     "{'items':[{'id':'$bea','name':'Bea'}]}", ""},
    {"without the right to names", AS_VIEWER, NAMES "$ana", NULL, 200, "'name':'A***'", "",
     .lacks = "Lee"},
    {"no ids", AS_OPERATOR, NAMES, NULL, 400, "", ""},
    {"an empty one", AS_OPERATOR, NAMES "$ana,", NULL, 400, "input.type", ""},
    {"no id", AS_OPERATOR, NAMES "$ana,x", NULL, 400, "input.type", ""},
    {"nobody", AS_NOBODY, NAMES "$ana", NULL, 401, "gate.sign_in", ""},
    {"a page's key", AS_KEY, NAMES "$ana", NULL, 401, "", ""},
    {"merge", AS_OPERATOR, POST, "/api/customers/$bea/merge", "{'other_customer_id':'$ana'}", 200,
     "", NULL},
    {"under the merged one's id", AS_OPERATOR, NAMES "$ana,$bea", NULL, 200,
     "{'items':[{'id':'$ana','name':'Bea'},{'id':'$bea','name':'Bea'}]}", ""},
};
static const struct scenario out_of_reach[] = {
    {"left out as if unknown", AS_OPERATOR, NAMES "$ana,$bea,$one,5", NULL, 200,
     "{'items':[{'id':'$one','name':null}]}", ""},
};

static void test_names(void **state)
{
    (void)state;
    scenario_run_once(made, ARRAY_LEN(made));
    scenario_sql("UPDATE role SET scope = 'own' WHERE name = 'operator'");
    scenario_sql("UPDATE customer SET owner_staff_id = (SELECT id FROM staff WHERE login = "
                 "'operator') WHERE customer_number = 3");
    scenario_run_once(out_of_reach, ARRAY_LEN(out_of_reach));
}

static const char *path_of(int count)
{
    struct str path = S("/api/customers/names?ids=8000000000000000000");

    for (int i = 1; i < count; i++)
        path = str_fmt(scenario_arena, "%.*s,8000000000000000000", STR(path));
    return str_cstr(scenario_arena, path);
}

static void test_at_most(void **state)
{
    (void)state;
    assert_int_equal(scenario_ask(AS_OPERATOR, GET, path_of(200), NULL).status, 200);
    assert_int_equal(scenario_ask(AS_OPERATOR, GET, path_of(201), NULL).status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_at_most),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
