/* Saved analyses over HTTP: kept as they were asked, refused where they cannot be asked, each write
 * again with every statement failing. */
#include "scenario.h"

#include "manage/audience/audience.h"

#define REPORTS "/api/reports"
#define TREND "{'version':1,'ask':'trend','events':{'kind':'order_paid'},'units':'day'}"
#define FUNNEL                                                                                     \
    "{'version':1,'ask':'funnel','funnel':{'steps':[{'kind':'page_viewed'},{'kind':'order_paid'}]" \
    ","                                                                                            \
    "'within_seconds':600}}"

static const struct scenario rows[] = {
    {"none", AS_VIEWER, GET, REPORTS, NULL, 200, "{'items':[]}", ""},
    {"adds", AS_OPERATOR, POST, REPORTS, "{'name':' days ','query':" TREND "}", 200, "'id'", NULL,
     .keep = "days"},
    {"adds another", AS_OPERATOR, POST, REPORTS, "{'name':'steps','query':" FUNNEL "}", 200, "'id'",
     NULL, .keep = "steps"},
    {"both", AS_VIEWER, GET, REPORTS, NULL, 200, "'name':'steps','ask':'funnel'", ""},
    {"of one kind", AS_VIEWER, GET, REPORTS "?ask=trend", NULL, 200,
     "{'items':[{'id':'$days','name':'days','ask':'trend','query':" TREND
     ",'staff_name':'operator',",
     "", .lacks = "steps"},
    {"edits", AS_OPERATOR, POST, REPORTS "/$days/edit", "{'name':'again','query':" FUNNEL "}", 200,
     "{}", NULL},
    {"is a funnel now", AS_VIEWER, GET, REPORTS "?ask=trend", NULL, 200, "{'items':[]}", ""},
    {"a flow", AS_OPERATOR, POST, REPORTS,
     "{'name':'flow','query':{'version':1,'ask':'flow','within':{'last':{'days':30}}}}", 200,
     "'id'", NULL, .keep = "flow"},
    {"of flows", AS_VIEWER, GET, REPORTS "?ask=flow", NULL, 200, "'name':'flow','ask':'flow'", ""},
    {"a flow goes", AS_OPERATOR, POST, REPORTS "/$flow/remove", "{}", 200, "{}", NULL},
    {"no such kind", AS_VIEWER, GET, REPORTS "?ask=poem", NULL, 400, "input.choice", ""},
    {"no query of the language", AS_OPERATOR, POST, REPORTS, "{'name':'x','query':{}}", 400,
     "'path':'query", ""},
    {"no such event", AS_OPERATOR, POST, REPORTS,
     "{'name':'x','query':{'version':1,'ask':'trend','events':{'kind':'flown'},'units':'day'}}",
     400, "'path':'query/events/kind'", ""},
    {"no name", AS_OPERATOR, POST, REPORTS, "{'name':'  ','query':" TREND "}", 400, "report.name",
     ""},
    {"edits what is not there", AS_OPERATOR, POST, REPORTS "/1/edit",
     "{'name':'x','query':" TREND "}", 404, "report.unknown", ""},
    {"nobody reads", AS_NOBODY, GET, REPORTS, NULL, 401, "gate.sign_in", ""},
    {"nobody adds", AS_NOBODY, POST, REPORTS, "{'name':'x','query':" TREND "}", 401, "gate.sign_in",
     ""},
    {"a viewer does not add", AS_VIEWER, POST, REPORTS, "{'name':'x','query':" TREND "}", 403,
     "gate.permission", ""},
    {"nor edit", AS_VIEWER, POST, REPORTS "/$days/edit", "{'name':'x','query':" TREND "}", 403,
     "gate.permission", ""},
    {"nor remove", AS_VIEWER, POST, REPORTS "/$days/remove", "{}", 403, "gate.permission", ""},
    {"removes", AS_OPERATOR, POST, REPORTS "/$days/remove", "{}", 200, "{}", NULL},
    {"is gone", AS_OPERATOR, POST, REPORTS "/$days/remove", "{}", 404, "report.unknown", ""},
};

static void kept(void **state)
{
    (void)state;
    audience_await(scenario_app);
    scenario_run(rows);
}

static void not_more_than_200(void **state)
{
    static const struct scenario one_more[] = {
        {"the last", AS_OPERATOR, POST, REPORTS, "{'name':'x','query':" TREND "}", 200, "'id'",
         NULL},
        {"too many", AS_OPERATOR, POST, REPORTS, "{'name':'x','query':" TREND "}", 409,
         "report.too_many", ""},
    };

    (void)state;
    audience_await(scenario_app);
    scenario_sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 199)"
                 "INSERT INTO report (id, name, ask, query, created_ms, changed_ms)"
                 " SELECT i, 'r', 'trend', '{}', 0, 0 FROM n");
    scenario_run_once(one_more, ARRAY_LEN(one_more));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kept, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(not_more_than_200, scenario_open, scenario_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
