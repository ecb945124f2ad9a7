/* Consents: versions of texts, giving, taking back, what holds for the person of several records.
 */
#include "scenario.h"

#include "base_sql.h"
#include "manage/privacy/privacy.h"

#define ANA "/api/customers/$ana"
#define GIVE POST, ANA "/consents"
#define TEXTS POST, "/api/consent-texts"

static const struct scenario cases[] = {
    {"a customer", AS_OPERATOR, POST, "/api/customers", "{'name':'Ana'}", 200, "'id'",
     "customer_added", .keep = "ana"},
    {"another", AS_OPERATOR, POST, "/api/customers", "{'name':'Ana too'}", 200, "'id'",
     "customer_added", .keep = "too"},
    {"a text", AS_ADMIN, TEXTS, "{'purpose':'marketing','title':' 营销信息 ','body':'可以发。'}",
     200, "'version_number':1", "", .keep = "text"},
    {"its next version", AS_ADMIN, TEXTS,
     "{'purpose':'marketing','title':'营销信息','body':'可以发, 每周一次。'}", 200,
     "'version_number':2", "", .keep = "next"},
    {"another purpose", AS_ADMIN, TEXTS, "{'purpose':'privacy','title':'隐私','body':'x'}", 200,
     "'version_number':1", "", .keep = "privacy"},
    {"no such purpose", AS_ADMIN, TEXTS, "{'purpose':'fun','title':'x','body':'x'}", 400,
     "input.choice", ""},
    {"no body", AS_ADMIN, TEXTS, "{'purpose':'privacy','title':'x','body':''}", 400, "input.length",
     ""},
    {"texts by the viewer", AS_VIEWER, TEXTS, "{'purpose':'privacy','title':'x','body':'x'}", 403,
     "gate.permission", ""},
    {"texts by the operator", AS_OPERATOR, TEXTS, "{'purpose':'privacy','title':'x','body':'x'}",
     403, "gate.permission", ""},
    {"all texts", AS_VIEWER, GET, "/api/consent-texts", NULL, 200,
     "'purpose':'marketing','version_number':2,'title':'营销信息','body':'可以发, 每周一次。'", ""},
    {"nobody", AS_NOBODY, GET, "/api/consent-texts", NULL, 401, "", ""},

    {"nothing yet", AS_VIEWER, GET, ANA "/consents", NULL, 200, "'items':[],'purposes':[]", ""},
    {"gives", AS_OPERATOR, GIVE, "{'consent_text_id':'$text','source':'paper'}", 200, "'id'",
     "consent_given", .keep = "first"},
    {"gave already", AS_OPERATOR, GIVE, "{'consent_text_id':'$text','source':'h5'}", 409,
     "consent.given", ""},
    {"to the next version too", AS_OPERATOR, GIVE, "{'consent_text_id':'$next','source':'h5'}", 200,
     "'id'", "consent_given", .keep = "second"},
    {"no such text", AS_OPERATOR, GIVE, "{'consent_text_id':'5','source':'h5'}", 404,
     "consent.text", ""},
    {"no such source", AS_OPERATOR, GIVE, "{'consent_text_id':'$text','source':'dream'}", 400,
     "input.choice", ""},
    {"in the future", AS_OPERATOR, GIVE,
     "{'consent_text_id':'$privacy','source':'paper','given_ms':4000000000000}", 400,
     "consent.future", ""},
    {"no such customer", AS_OPERATOR, POST, "/api/customers/5/consents",
     "{'consent_text_id':'$text','source':'h5'}", 404, "customer.unknown", ""},
    {"viewer", AS_VIEWER, GIVE, "{'consent_text_id':'$text','source':'h5'}", 403, "", ""},
    {"nobody", AS_NOBODY, GIVE, "{'consent_text_id':'$text','source':'h5'}", 401, "", ""},
    {"holds", AS_VIEWER, GET, ANA "/consents", NULL, 200,
     "'purposes':[{'purpose':'marketing','is_given':true", ""},

    {"takes back", AS_OPERATOR, POST, "/api/consents/$second/withdraw", "{'source':'phone'}", 200,
     "{}", "consent_withdrawn"},
    {"took back both", AS_OPERATOR, POST, "/api/consents/$first/withdraw", "{'source':'phone'}",
     409, "consent.withdrawn", ""},
    {"no such consent", AS_OPERATOR, POST, "/api/consents/5/withdraw", "{'source':'phone'}", 404,
     "consent.unknown", ""},
    {"viewer", AS_VIEWER, POST, "/api/consents/$first/withdraw", "{'source':'phone'}", 403, "", ""},
    {"is over", AS_VIEWER, GET, ANA "/consents", NULL, 200,
     "'purposes':[{'purpose':'marketing','is_given':false", ""},
    {"history stays", AS_VIEWER, GET, ANA "/consents", NULL, 200,
     "'withdrawn_source':'phone','withdrawn_staff_name':'operator'", ""},
    {"paper from before changes nothing", AS_OPERATOR, GIVE,
     "{'consent_text_id':'$text','source':'paper','given_ms':1700000000000}", 200, "'id'",
     "consent_given"},
    {"still over", AS_VIEWER, GET, ANA "/consents", NULL, 200,
     "'purposes':[{'purpose':'marketing','is_given':false", ""},
    {"timeline", AS_VIEWER, GET, ANA "/timeline", NULL, 200,
     "'properties':{'purpose':'marketing','source':'phone'}", ""},
};

struct asked {
    const char *purpose, *name;
    bool is_given;
};

static enum err has_step(struct ctx *c, void *user)
{
    struct asked *asked = user;
    int64_t customer_id;

    must(str_to_int(str_of(scenario_get(asked->name)), &customer_id));
    return consent_has(c, customer_id, asked->purpose, &asked->is_given);
}

static bool has(const char *name, const char *purpose)
{
    struct asked asked = {purpose, name, false};

    scenario_write(has_step, &asked);
    return asked.is_given;
}

static void test_consents(void **state)
{
    (void)state;
    scenario_run(cases);
    assert_false(has("ana", "marketing"));
    assert_false(has("ana", "privacy"));
}

/* One person of two records: what was decided under either counts, the latest of all decides. */
static void test_person(void **state)
{
    static const struct scenario given[] = {
        {"under the other record", AS_OPERATOR, POST, "/api/customers/$too/consents",
         "{'consent_text_id':'$privacy','source':'mini'}", 200, "'id'", "consent_given",
         .keep = "third"},
    };
    static const struct scenario withdrawn[] = {
        {"seen at the person", AS_VIEWER, GET, ANA "/consents", NULL, 200,
         "{'purpose':'privacy','is_given':true", ""},
        {"taken back", AS_OPERATOR, POST, "/api/consents/$third/withdraw", "{'source':'mini'}", 200,
         "{}", "consent_withdrawn"},
    };

    (void)state;
    scenario_run(given);
    assert_true(has("too", "privacy"));
    assert_false(has("ana", "privacy"));
    base_sql(
        str_cstr(scenario_arena, app_config(scenario_app)->data),
        str_cstr(scenario_arena,
                 str_fmt(scenario_arena, "UPDATE customer SET merged_into_id = %s WHERE id = %s",
                         scenario_get("ana"), scenario_get("too"))));
    assert_true(has("too", "privacy"));
    assert_true(has("ana", "privacy"));
    scenario_run(withdrawn);
    assert_false(has("too", "privacy"));
    assert_false(has("ana", "privacy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consents),
        cmocka_unit_test(test_person),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
