/* Campaigns: the life from draft to put away, versions, preflight, budget; with the giveaway as the
 * play. */
#include "scenario.h"

#include "kit/timer.h"
#include "play/play.h"

#define ADD POST, "/api/campaigns"
#define ONE GET, "/api/campaigns/$k"
#define MOVE POST, "/api/campaigns/$k/move"
#define VERSION POST, "/api/campaigns/$k/versions"
#define RULES "{'stock_count':10,'day_limit_count':1,'points_count':5}"

static const struct scenario draft_cases[] = {
    {"no such play", AS_OPERATOR, ADD, "{'kind':'x','title':'T','rules':{}}", 400, "campaign.kind",
     ""},
    {"no rules", AS_OPERATOR, ADD, "{'kind':'giveaway','title':'T'}", 400, "'path':'rules'", ""},
    {"a rule is missing", AS_OPERATOR, ADD,
     "{'kind':'giveaway','title':'T','rules':{'stock_count':10,'day_limit_count':1}}", 400,
     "'path':'rules/points_count'", ""},
    {"a rule out of range", AS_OPERATOR, ADD,
     "{'kind':'giveaway','title':'T','rules':{'stock_count':0,'day_limit_count':1,"
     "'points_count':1}}",
     400, "'path':'rules/stock_count'", ""},
    {"an unknown rule", AS_OPERATOR, ADD,
     "{'kind':'giveaway','title':'T','rules':{'stock_count':1,'day_limit_count':1,"
     "'points_count':1,'x':1}}",
     400, "input.unknown", ""},
    {"no such zone", AS_OPERATOR, ADD,
     "{'kind':'giveaway','title':'T','rules':" RULES ",'zone':'../x'}", 400, "campaign.zone", ""},
    {"ends before it starts", AS_OPERATOR, ADD,
     "{'kind':'giveaway','title':'T','rules':" RULES
     ",'starts_ms':1900000000000,'ends_ms':1800000000000}",
     400, "campaign.ends", ""},
    {"viewer", AS_VIEWER, ADD, "{'kind':'giveaway','title':'T','rules':" RULES "}", 403,
     "gate.permission", ""},
    {"nobody", AS_NOBODY, ADD, "{'kind':'giveaway','title':'T','rules':" RULES "}", 401, "", ""},
    {"a draft", AS_OPERATOR, ADD,
     "{'kind':'giveaway','title':'  Spring ','rules':" RULES ",'ends_ms':1773000000000}", 200,
     "'id'", "", .keep = "k"},
    {"as it stands", AS_VIEWER, ONE, NULL, 200,
     "'title':'Spring','status':'draft','version_number':1", ""},
    {"its zone is the brand's", AS_VIEWER, ONE, NULL, 200, "'zone':'Asia/Shanghai'", ""},
    {"its moves", AS_VIEWER, ONE, NULL, 200,
     "'moves':[{'to_status':'in_review','has_reason':false},{'to_status':'cancelled',"
     "'has_reason':true}]",
     ""},
    {"no such campaign", AS_VIEWER, GET, "/api/campaigns/7", NULL, 404, "campaign.unknown", ""},
    {"nobody reads", AS_NOBODY, ONE, NULL, 401, "", ""},
    {"list", AS_VIEWER, GET, "/api/campaigns?status=draft&kind=giveaway", NULL, 200,
     "'title':'Spring'", ""},
    {"list of others", AS_VIEWER, GET, "/api/campaigns?status=running", NULL, 200, "'items':[]",
     ""},
    {"bad status", AS_VIEWER, GET, "/api/campaigns?status=x", NULL, 400, "input.choice", ""},
    {"plays", AS_VIEWER, GET, "/api/plays", NULL, 200,
     "'name':'points_count','title_zh':'每份积分'", ""},
};

/* Drafts take anything; a version is never changed. */
static const struct scenario version_cases[] = {
    {"nothing differs", AS_OPERATOR, VERSION, "{'rules':" RULES ",'reason':'r'}", 409,
     "campaign.same", ""},
    {"without a reason", AS_OPERATOR, VERSION, "{'rules':" RULES "}", 400, "'path':'reason'", ""},
    {"a draft may lose", AS_OPERATOR, VERSION,
     "{'rules':{'stock_count':4,'day_limit_count':2,'points_count':3},'title':'Summer',"
     "'reason':'smaller'}",
     200, "'version_number':2", ""},
    {"the diff", AS_VIEWER, GET, "/api/campaigns/$k/diff?from=1&to=2", NULL, 200,
     "'name':'points_count','title_zh':'每份积分','title_en':'Points with each','before':5,"
     "'after':3,'is_allowed':false",
     ""},
    {"the diff the other way", AS_VIEWER, GET, "/api/campaigns/$k/diff?from=2&to=1", NULL, 200,
     "'before':3,'after':5,'is_allowed':true", ""},
    {"no such version", AS_VIEWER, GET, "/api/campaigns/$k/diff?from=1&to=9", NULL, 404,
     "campaign.unknown", ""},
    {"the first stays", AS_VIEWER, ONE, NULL, 200,
     "'version_number':1,'title':'Spring','starts_ms':null,'ends_ms':1773000000000,"
     "'rules':{'stock_count':10,",
     ""},
    {"viewer", AS_VIEWER, VERSION, "{'rules':" RULES ",'reason':'r'}", 403, "", ""},
};

static const struct scenario publish_cases[] = {
    {"not yet reviewed", AS_OPERATOR, MOVE, "{'to_status':'scheduled'}", 409, "campaign.move", ""},
    {"to review", AS_OPERATOR, MOVE, "{'to_status':'in_review'}", 200, "{}", "campaign_moved"},
    {"fixed while reviewed", AS_OPERATOR, VERSION, "{'rules':" RULES ",'reason':'r'}", 409,
     "campaign.fixed", ""},
    {"sent back without a word", AS_OPERATOR, MOVE, "{'to_status':'draft'}", 400, "campaign.reason",
     ""},
    {"its budget is empty", AS_VIEWER, ONE, NULL, 200,
     "'check_name':'budget_funded','title_zh':'预算足额','title_en':'Budget is there','is_passed':"
     "false,'may_override':false,'words_zh':'最多需要 12，预算账户只有 0。",
     ""},
    {"so it cannot be published", AS_OPERATOR, MOVE, "{'to_status':'scheduled'}", 409,
     "preflight.failed", ""},
    {"nobody passes over that", AS_ADMIN, POST, "/api/campaigns/$k/override",
     "{'check_name':'budget_funded','reason':'later'}", 409, "preflight.law", ""},
    {"what passes needs nobody", AS_ADMIN, POST, "/api/campaigns/$k/override",
     "{'check_name':'claim_deadline','reason':'later'}", 409, "preflight.passed", ""},
    {"no such check", AS_ADMIN, POST, "/api/campaigns/$k/override",
     "{'check_name':'prize_value','reason':'later'}", 404, "preflight.unknown", ""},
    {"operators do not override", AS_OPERATOR, POST, "/api/campaigns/$k/override",
     "{'check_name':'claim_deadline','reason':'later'}", 403, "gate.permission", ""},
    {"a budget", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'points','amount':11,'reason':'spring'}", 200, "'balance_count':11", ""},
    {"still too small", AS_OPERATOR, MOVE, "{'to_status':'scheduled'}", 409, "preflight.failed",
     ""},
    {"one more", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'points','amount':1,'reason':'spring'}", 200, "'balance_count':12", ""},
    {"no such unit", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'gold','amount':1,'reason':'spring'}", 400, "input.choice", ""},
    {"nothing", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'points','amount':0,'reason':'spring'}", 400, "input.range", ""},
    {"viewer funds nothing", AS_VIEWER, POST, "/api/campaigns/$k/budget",
     "{'unit':'points','amount':1,'reason':'spring'}", 403, "", ""},
    {"published", AS_OPERATOR, MOVE, "{'to_status':'scheduled'}", 200, "{}", "campaign_moved"},
    {"taken back", AS_OPERATOR, MOVE, "{'to_status':'draft','reason':'typo'}", 200, "{}",
     "campaign_moved"},
    {"to review", AS_OPERATOR, MOVE, "{'to_status':'in_review'}", 200, "{}", "campaign_moved"},
    {"and again", AS_OPERATOR, MOVE, "{'to_status':'scheduled'}", 200, "{}", "campaign_moved"},
    {"stocked once", AS_VIEWER, ONE, NULL, 200, "'unit':'pieces','balance_count':4", ""},
};

static const struct scenario running_cases[] = {
    {"it runs", AS_VIEWER, ONE, NULL, 200, "'status':'running'", ""},
    {"by the clock", AS_VIEWER, ONE, NULL, 200,
     "'from_status':'scheduled','to_status':'running','reason':null,'staff_name':null", ""},
    {"worse is refused", AS_OPERATOR, VERSION,
     "{'rules':{'stock_count':5,'day_limit_count':2,'points_count':2},'reason':'r'}", 409,
     "(points_count: 3 -> 2)", ""},
    {"an earlier end too", AS_OPERATOR, VERSION, "{'ends_ms':1772900000000,'reason':'r'}", 409,
     "(ends_ms: 1773000000000 -> 1772900000000)", ""},
    {"a limit that was not there", AS_OPERATOR, VERSION,
     "{'rules':{'stock_count':4,'day_limit_count':2,'points_count':3,'total_limit_count':9},"
     "'reason':'r'}",
     409, "(total_limit_count: null -> 9)", ""},
    {"better needs its budget", AS_OPERATOR, VERSION,
     "{'rules':{'stock_count':5,'day_limit_count':2,'points_count':3},'reason':'r'}", 409,
     "preflight.failed", ""},
    {"which comes", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'points','amount':3,'reason':'more'}", 200, "'balance_count':15", ""},
    {"better", AS_OPERATOR, VERSION,
     "{'rules':{'stock_count':5,'day_limit_count':2,'points_count':3},'title':'Summer!',"
     "'reason':'more'}",
     200, "'version_number':3", ""},
    {"and it is stocked", AS_VIEWER, ONE, NULL, 200, "'unit':'pieces','balance_count':5", ""},
    {"pauses without a word", AS_OPERATOR, MOVE, "{'to_status':'paused'}", 400, "campaign.reason",
     ""},
    {"pauses", AS_OPERATOR, MOVE, "{'to_status':'paused','reason':'queue'}", 200, "{}",
     "campaign_moved"},
    {"goes on", AS_OPERATOR, MOVE, "{'to_status':'running'}", 200, "{}", "campaign_moved"},
    {"nobody is in: not terminated", AS_OPERATOR, MOVE, "{'to_status':'terminated','reason':'x'}",
     409, "campaign.move", ""},
    {"the clock's own moves", AS_OPERATOR, MOVE, "{'to_status':'settled','reason':'x'}", 409,
     "campaign.move", ""},
    {"viewer", AS_VIEWER, MOVE, "{'to_status':'paused','reason':'x'}", 403, "", ""},
    {"no such campaign", AS_OPERATOR, POST, "/api/campaigns/7/move", "{'to_status':'paused'}", 404,
     "campaign.unknown", ""},
};

static const struct scenario over_cases[] = {
    {"settled", AS_VIEWER, ONE, NULL, 200, "'status':'settled'", ""},
    {"no budget stays", AS_VIEWER, ONE, NULL, 200, "'unit':'points','balance_count':0", ""},
    {"none comes", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'points','amount':3,'reason':'more'}", 409, "campaign.over", ""},
    {"put away", AS_OPERATOR, MOVE, "{'to_status':'archived'}", 200, "{}", "campaign_moved"},
    {"for good", AS_VIEWER, ONE, NULL, 200, "'status':'archived'", ""},
};

static void test_life(void **state)
{
    (void)state;
    scenario_run(draft_cases);
    scenario_run(version_cases);
    scenario_run(publish_cases);
    timer_await(scenario_app);
    scenario_run(running_cases);
    assert_string_equal(scenario_text("SELECT title FROM campaign"), "Summer!");
    scenario_clock(1773000000000 - 1);
    timer_await(scenario_app);
    assert_string_equal(scenario_text("SELECT status FROM campaign"), "running");
    scenario_clock(1773000000000);
    timer_await(scenario_app);
    assert_string_equal(scenario_text("SELECT status FROM campaign"), "settled");
    assert_int_equal(scenario_number("SELECT count(*) FROM timer WHERE kind = 'campaign_clock'"),
                     0);
    scenario_run(over_cases);
    assert_int_equal(scenario_number("SELECT sum(balance_count) FROM account WHERE unit = 'points'"
                                     " AND owner_kind = 'system'"),
                     0);
}

/* An override is one person's, for one version; the next version of what runs takes it along. */
static const struct scenario override_cases[] = {
    {"an endless draft", AS_OPERATOR, ADD, "{'kind':'giveaway','title':'E','rules':" RULES "}", 200,
     "'id'", "", .keep = "k"},
    {"a budget", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'points','amount':500,'reason':'e'}", 200, "", ""},
    {"no last day", AS_OPERATOR, ONE, NULL, 200,
     "'check_name':'claim_deadline','title_zh':'领取期限','title_en':'Last day to collect',"
     "'is_passed':false,'may_override':true",
     ""},
    {"blank words", AS_ADMIN, POST, "/api/campaigns/$k/override",
     "{'check_name':'claim_deadline','reason':'  '}", 400, "campaign.reason", ""},
    {"not over the socket", AS_LOCAL, POST, "/api/campaigns/$k/override",
     "{'check_name':'claim_deadline','reason':'x'}", 403, "", ""},
    {"passed over", AS_ADMIN, POST, "/api/campaigns/$k/override",
     "{'check_name':'claim_deadline','reason':'kept on'}", 200, "{}", ""},
    {"once", AS_ADMIN, POST, "/api/campaigns/$k/override",
     "{'check_name':'claim_deadline','reason':'again'}", 409, "preflight.done", ""},
    {"by name", AS_VIEWER, ONE, NULL, 200,
     "'override_reason':'kept on','override_staff_name':'Admin'", ""},
    {"new rules, new eyes", AS_OPERATOR, VERSION,
     "{'rules':{'stock_count':9,'day_limit_count':1,'points_count':5},'reason':'r'}", 200, "", ""},
    {"gone with the version", AS_VIEWER, ONE, NULL, 200, "'override_reason':null", "",
     .lacks = "kept on"},
    {"passed over anew", AS_ADMIN, POST, "/api/campaigns/$k/override",
     "{'check_name':'claim_deadline','reason':'kept on'}", 200, "{}", ""},
    {"to review", AS_OPERATOR, MOVE, "{'to_status':'in_review'}", 200, "{}", NULL},
    {"published", AS_OPERATOR, MOVE, "{'to_status':'scheduled'}", 200, "{}", NULL},
    {"too late", AS_ADMIN, POST, "/api/campaigns/$k/override",
     "{'check_name':'claim_deadline','reason':'x'}", 409, "preflight.late", ""},
};
static const struct scenario carried_cases[] = {
    {"better while it runs", AS_OPERATOR, VERSION,
     "{'rules':{'stock_count':10,'day_limit_count':1,'points_count':5},'reason':'r'}", 200, "", ""},
    {"taken along", AS_VIEWER, ONE, NULL, 200, "'override_reason':'kept on'", ""},
    {"cancelled without a word", AS_OPERATOR, MOVE, "{'to_status':'cancelled'}", 400, "", ""},
    {"cancelled", AS_OPERATOR, MOVE, "{'to_status':'cancelled','reason':'no'}", 200, "{}", NULL},
    {"nothing is left in it", AS_VIEWER, ONE, NULL, 200, "'unit':'points','balance_count':0", ""},
    {"nor of the stock", AS_VIEWER, ONE, NULL, 200, "'unit':'pieces','balance_count':0", ""},
};

static void test_override(void **state)
{
    (void)state;
    scenario_run(override_cases);
    timer_await(scenario_app);
    scenario_run(carried_cases);
}

/* A start in the future is waited for. */
static const struct scenario later_cases[] = {
    {"a draft", AS_OPERATOR, ADD,
     "{'kind':'giveaway','title':'L','rules':" RULES ",'starts_ms':1780000000000,"
     "'ends_ms':1781000000000,'day_start_minutes_count':240}",
     200, "'id'", "", .keep = "k"},
    {"a budget", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'points','amount':50,'reason':'e'}", 200, "", ""},
    {"to review", AS_OPERATOR, MOVE, "{'to_status':'in_review'}", 200, "{}", NULL},
    {"published", AS_OPERATOR, MOVE, "{'to_status':'scheduled'}", 200, "{}", NULL},
};

static void test_later(void **state)
{
    (void)state;
    scenario_run(later_cases);
    timer_await(scenario_app);
    scenario_clock(1780000000000 - 1);
    timer_await(scenario_app);
    scenario_run(((const struct scenario[]){
        {"not yet", AS_VIEWER, ONE, NULL, 200, "'status':'scheduled'", ""},
    }));
    scenario_clock(1780000000000);
    timer_await(scenario_app);
    scenario_run(((const struct scenario[]){
        {"now", AS_VIEWER, ONE, NULL, 200, "'status':'running'", ""},
    }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_override),
        cmocka_unit_test(test_later),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
