/* Channels: the tree, moves, costs, figures. */
#include "scenario.h"

#include <stdio.h>

#define ADD POST, "/api/channels"
#define LIST GET, "/api/channels"

static const struct scenario cases[] = {
    {"a root", AS_OPERATOR, ADD, "{'code':'a','name':'A','kind':'ad'}", 200, "'id'",
     "channel_added", .keep = "a"},
    {"below it", AS_OPERATOR, ADD, "{'code':'b','name':'B','kind':'store','parent_id':'$a'}", 200,
     "'id'", "channel_added", .keep = "b"},
    {"below that", AS_ADMIN, ADD, "{'code':'c','name':'C','kind':'store','parent_id':'$b'}", 200,
     "'id'", "channel_added", .keep = "c"},
    {"code taken", AS_OPERATOR, ADD, "{'code':'a','name':'X','kind':'ad'}", 409, "channel.exists",
     ""},
    {"no such kind", AS_OPERATOR, ADD, "{'code':'d','name':'X','kind':'tv'}", 400, "input.choice",
     ""},
    {"no name", AS_OPERATOR, ADD, "{'code':'d','kind':'ad'}", 400, "'path':'name'", ""},
    {"blank name", AS_OPERATOR, ADD, "{'code':'d','name':'  ','kind':'ad'}", 400, "channel.name",
     ""},
    {"no such parent", AS_OPERATOR, ADD, "{'code':'d','name':'X','kind':'ad','parent_id':'5'}", 404,
     "channel.unknown", ""},
    {"nobody", AS_NOBODY, ADD, "{'code':'d','name':'X','kind':'ad'}", 401, "gate.sign_in", ""},
    {"viewer", AS_VIEWER, ADD, "{'code':'d','name':'X','kind':'ad'}", 403, "gate.permission", ""},
    {"paths", AS_VIEWER, LIST, NULL, 200, "'path':'/$a/$b/$c/'", ""},

    {"below itself", AS_OPERATOR, POST, "/api/channels/$a/edit", "{'parent_id':'$c'}", 409,
     "channel.cycle", ""},
    {"below its own self", AS_OPERATOR, POST, "/api/channels/$a/edit", "{'parent_id':'$a'}", 409,
     "channel.cycle", ""},
    {"both ways", AS_OPERATOR, POST, "/api/channels/$b/edit", "{'parent_id':'$a','is_root':true}",
     400, "channel.parent", ""},
    {"no such channel", AS_OPERATOR, POST, "/api/channels/7/edit", "{'name':'x'}", 404,
     "channel.unknown", ""},
    {"moves up", AS_OPERATOR, POST, "/api/channels/$b/edit", "{'is_root':true}", 200, "{}", ""},
    {"with all below", AS_VIEWER, LIST, NULL, 200, "'path':'/$b/$c/'", ""},
    {"moves back", AS_OPERATOR, POST, "/api/channels/$b/edit", "{'parent_id':'$a','name':'BB'}",
     200, "{}", ""},
    {"paths again", AS_VIEWER, LIST, NULL, 200, "'path':'/$a/$b/$c/'", ""},
    {"archives", AS_OPERATOR, POST, "/api/channels/$c/edit", "{'is_archived':true}", 200, "{}", ""},
    {"renames, still archived", AS_OPERATOR, POST, "/api/channels/$c/edit", "{'name':'CC'}", 200,
     "{}", ""},
    {"is archived", AS_VIEWER, LIST, NULL, 200,
     "'name':'CC','kind':'store','path':'/$a/$b/$c/',"
     "'is_archived':true",
     ""},
    {"viewer cannot", AS_VIEWER, POST, "/api/channels/$c/edit", "{'name':'X'}", 403, "", ""},

    {"costs", AS_OPERATOR, POST, "/api/channels/$c/costs",
     "{'spent_date':'2026-02-01','cost_fen':1200,'note':'leaflets'}", 200, "'id'", ""},
    {"costs later", AS_OPERATOR, POST, "/api/channels/$c/costs",
     "{'spent_date':'2026-02-03','cost_fen':300}", 200, "'id'", ""},
    {"no such day", AS_OPERATOR, POST, "/api/channels/$c/costs",
     "{'spent_date':'2026-02-30','cost_fen':300}", 400, "channel.date", ""},
    {"below zero", AS_OPERATOR, POST, "/api/channels/$c/costs",
     "{'spent_date':'2026-02-03','cost_fen':-1}", 400, "input.range", ""},
    {"no such channel", AS_OPERATOR, POST, "/api/channels/7/costs",
     "{'spent_date':'2026-02-03','cost_fen':1}", 404, "channel.unknown", ""},
    {"viewer", AS_VIEWER, POST, "/api/channels/$c/costs",
     "{'spent_date':'2026-02-03','cost_fen':1}", 403, "", ""},
    {"latest first", AS_VIEWER, GET, "/api/channels/$c/costs?limit=1", NULL, 200,
     "'spent_date':'2026-02-03','cost_fen':300", "", .lacks = "leaflets"},
    {"all", AS_VIEWER, GET, "/api/channels/$c/costs", NULL, 200, "leaflets", ""},
    {"nobody", AS_NOBODY, GET, "/api/channels/$c/costs", NULL, 401, "", ""},
    {"bad cursor", AS_VIEWER, GET, "/api/channels/$c/costs?cursor=x", NULL, 400, "input.cursor",
     ""},
    {"the branch costs", AS_VIEWER, LIST, NULL, 200,
     "'cost_fen':0,'customer_count':0,'buyer_count':0,'order_count':0,'paid_fen':0,"
     "'branch_cost_fen':1500",
     ""},
};

static void test_channels(void **state)
{
    (void)state;
    scenario_run(cases);
}

/* The cursor goes through all costs once. */
static void test_cost_pages(void **state)
{
    struct app_call call;
    struct json json;

    (void)state;
    call = scenario_ask(AS_VIEWER, GET, "/api/channels/$c/costs?limit=1", NULL);
    assert_int_equal(json_parse(scenario_arena, call.reply, &json, NULL), OK);
    scenario_set("next", str_cstr(scenario_arena, json_get(&json, "next_cursor")->text));
    call = scenario_ask(AS_VIEWER, GET, "/api/channels/$c/costs?limit=1&cursor=$next", NULL);
    assert_true(str_find(call.reply, S("leaflets")) > 0);
}

static const struct scenario depth_cases[] = {
    {"another root", AS_ADMIN, ADD, "{'code':'r','name':'R','kind':'ad'}", 200, "", "channel_added",
     .keep = "r"},
    {"its child", AS_ADMIN, ADD, "{'code':'rr','name':'RR','kind':'ad','parent_id':'$r'}", 200, "",
     "channel_added", .keep = "rr"},
    {"too deep", AS_ADMIN, POST, "/api/channels/$b/edit", "{'parent_id':'$rr'}", 409,
     "channel.depth", ""},
    {"deep enough", AS_ADMIN, POST, "/api/channels/$b/edit", "{'parent_id':'$r'}", 200, "", ""},
};

static void test_depth(void **state)
{
    (void)state;
    scenario_set("top", scenario_get("c"));
    for (int i = 4; i <= 9; i++) {
        char body[100];
        struct app_call call;
        struct json json;
        snprintf(body, sizeof(body), "{'code':'deep%d','name':'D','kind':'ad','parent_id':'$top'}",
                 i);
        call = scenario_ask(AS_ADMIN, POST, "/api/channels", body);
        assert_int_equal(call.status, i <= 8 ? 200 : 409);
        if (i > 8)
            break;
        assert_int_equal(json_parse(scenario_arena, call.reply, &json, NULL), OK);
        scenario_set("top", str_cstr(scenario_arena, json_get(&json, "id")->text));
    }
    /* b's branch of seven levels fits below a root, not below its child */
    scenario_run(depth_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM channel c JOIN channel p ON p.id = "
                                     "c.parent_id WHERE c.path <> p.path || c.id || '/'"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_cost_pages),
        cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
