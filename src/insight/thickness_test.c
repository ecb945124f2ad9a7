/* Tag thickness beside what was put on by hand: families, branches, merged records, reach. */
#include "scenario.h"

#include "manage/audience/audience.h"

#define THICKNESS GET, "/api/tags/thickness"
#define NEW(phone, channel) "{'name':'N','phone':'" phone "','channel_id':'" channel "'}"
#define ON(tag) "{'tag_id':'" tag "','is_on':true}"
#define TAG(family, name) "{'family':'" family "','name':'" name "','color':'#ff0000'}"
#define NONE_OF(family, tags, people)                                                              \
    "{'family':'" family "','tag_count':" tags ",'held_count':0,'none_count':" people              \
    ",'one_count':0,'two_count':0,'more_count':0}"

static const struct scenario world[] = {
    {"ads", AS_ADMIN, POST, "/api/channels", "{'code':'ad','name':'Ads','kind':'ad'}", 200, "",
     NULL, .keep = "ad"},
    {"below", AS_ADMIN, POST, "/api/channels",
     "{'code':'wall','name':'Wall','kind':'ad','parent_id':'$ad'}", 200, "", NULL, .keep = "wall"},
    {"shops", AS_ADMIN, POST, "/api/channels", "{'code':'shop','name':'Shops','kind':'store'}", 200,
     "", NULL, .keep = "shop"},
    {"a", AS_OPERATOR, POST, "/api/customers", NEW("13800000001", "$wall"), 200, "", NULL,
     .keep = "a"},
    {"b", AS_OPERATOR, POST, "/api/customers", NEW("13800000002", "$ad"), 200, "", NULL,
     .keep = "b"},
    {"c", AS_OPERATOR, POST, "/api/customers", "{'name':'C','phone':'13800000003'}", 200, "", NULL,
     .keep = "c"},
    {"one", AS_OPERATOR, POST, "/api/tags", TAG("intent", "one"), 200, "", NULL, .keep = "one"},
    {"two", AS_OPERATOR, POST, "/api/tags", TAG("intent", "two"), 200, "", NULL, .keep = "two"},
    {"three", AS_OPERATOR, POST, "/api/tags", TAG("intent", "three"), 200, "", NULL,
     .keep = "three"},
    {"rich", AS_OPERATOR, POST, "/api/tags", TAG("spending", "rich"), 200, "", NULL,
     .keep = "rich"},
    {"a one", AS_OPERATOR, POST, "/api/customers/$a/tags", ON("$one"), 200, "", NULL},
    {"a two", AS_OPERATOR, POST, "/api/customers/$a/tags", ON("$two"), 200, "", NULL},
    {"a three", AS_OPERATOR, POST, "/api/customers/$a/tags", ON("$three"), 200, "", NULL},
    {"b one", AS_OPERATOR, POST, "/api/customers/$b/tags", ON("$one"), 200, "", NULL},
    {"b rich", AS_OPERATOR, POST, "/api/customers/$b/tags", ON("$rich"), 200, "", NULL},
    {"c one", AS_OPERATOR, POST, "/api/customers/$c/tags", ON("$one"), 200, "", NULL},
};

static const struct scenario counted[] = {
    {"all", AS_VIEWER, THICKNESS, NULL, 200,
     "{'items':[{'channel_id':null,'channel_name':null,'customer_count':3,'families':[" NONE_OF(
         "channel", "0", "3") "," NONE_OF("identity", "0",
                                          "3") ",{'family':'intent','tag_count':3,'held_count':5,'"
                                               "none_count':0,'one_count':2,"
                                               "'two_count':0,'more_count':1}," NONE_OF(
                                                   "activity", "0",
                                                   "3") ",{'family':'spending'"
                                                        ",'tag_count':1,'held_count':1,'none_count'"
                                                        ":2,'one_count':1,'two_count':0,"
                                                        "'more_count':0}]}",
     ""},
    {"a branch with what lies below", AS_VIEWER, THICKNESS, NULL, 200,
     "{'channel_id':'$ad','channel_name':'Ads','customer_count':2,'families':[" NONE_OF(
         "channel", "0", "2") "," NONE_OF("identity", "0",
                                          "2") ",{'family':'intent','tag_count':3,'held_count':4,"
                                               "'none_count':0,'one_count':1,'two_count':0,"
                                               "'more_count':1}",
     ""},
    {"without a channel, last; nobody's branch is not there", AS_VIEWER, THICKNESS, NULL, 200,
     "{'channel_id':null,'channel_name':null,'customer_count':1,'families':[" NONE_OF(
         "channel", "0", "1") "," NONE_OF("identity", "0",
                                          "1") ",{'family':'intent','tag_count':3,'held_count':1,'"
                                               "none_count':0,'one_count':1,"
                                               "'two_count':0,'more_count':0}," NONE_OF(
                                                   "activity", "0",
                                                   "1") "," NONE_OF("spending", "1", "1") "]}]}",
     "", .lacks = "Shops"},
    {"not signed in", AS_NOBODY, THICKNESS, NULL, 401, "gate.sign_in", ""},
    {"a page's key", AS_KEY, THICKNESS, NULL, 401, "", ""},
    {"no such member", AS_VIEWER, GET, "/api/tags/thickness?x=1", NULL, 400, "input.unknown", ""},
};
/* The same tag on both records counts once. */
static const struct scenario merged[] = {
    {"merge", AS_OPERATOR, POST, "/api/customers/$b/merge", "{'other_customer_id':'$c'}", 200, "",
     NULL, .keep = "m"},
    {"two persons", AS_VIEWER, THICKNESS, NULL, 200,
     "{'items':[{'channel_id':null,'channel_name':null,'customer_count':2,", ""},
    {"each tag once", AS_VIEWER, THICKNESS, NULL, 200,
     "{'family':'intent','tag_count':3,'held_count':4,'none_count':0,'one_count':1,"
     "'two_count':0,'more_count':1}",
     ""},
    {"undo", AS_OPERATOR, POST, "/api/merges/$m/undo", "{}", 200, "", NULL},
    {"three again", AS_VIEWER, THICKNESS, NULL, 200,
     "{'items':[{'channel_id':null,'channel_name':null,'customer_count':3,", ""},
};
static const struct scenario given[] = {
    {"b is the operator's", AS_OPERATOR, POST, "/api/customers/$b/owner",
     "{'staff_id':'$operator','reason':'x'}", 200, "", NULL},
};
static const struct scenario within_reach[] = {
    {"one's own", AS_OPERATOR, THICKNESS, NULL, 200,
     "{'items':[{'channel_id':null,'channel_name':null,'customer_count':1,", ""},
    {"one's own tags", AS_OPERATOR, THICKNESS, NULL, 200,
     "{'family':'spending','tag_count':1,'held_count':1,'none_count':0,'one_count':1", ""},
};
static const struct scenario barred[] = {
    {"no right", AS_VIEWER, THICKNESS, NULL, 403, "gate.permission", ""},
};

#define run(rows) scenario_run_once((rows), ARRAY_LEN(rows))

static void test_thickness(void **state)
{
    (void)state;
    run(world);
    audience_await(scenario_app);
    run(counted);
    run(merged);
    scenario_set("operator", scenario_text("SELECT id FROM staff WHERE login = 'operator'"));
    run(given);
    scenario_sql("UPDATE role SET scope = 'own' WHERE name = 'operator'");
    scenario_reopen();
    audience_await(scenario_app);
    run(within_reach);
    scenario_sql("UPDATE role SET permissions = 'order.write' WHERE name = 'viewer'");
    run(barred);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_thickness, scenario_open, scenario_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
