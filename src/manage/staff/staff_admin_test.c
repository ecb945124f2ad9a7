/* Colleagues, the organisation and roles over their routes: who may change what, and what nobody
 * may. Links that set a password. */
#include "scenario.h"

#include "host/clock.h"
#include "manage/staff/staff.h"

#define STAFF POST, "/api/staff"

/* ---- the organisation ------------------------------------------------------------------------ */

static const struct scenario org_cases[] = {
    {"a company", AS_ADMIN, POST, "/api/orgs", "{'code':'hq','name':'总部','kind':'company'}", 200,
     "'id'", .keep = "hq"},
    {"a region", AS_ADMIN, POST, "/api/orgs",
     "{'code':'east','name':'华东','kind':'region','parent_id':'$hq'}", 200, "", .keep = "east"},
    {"a store", AS_ADMIN, POST, "/api/orgs",
     "{'code':'s1','name':'一店','kind':'store','parent_id':'$east'}", 200, "", .keep = "s1"},
    {"a dealer", AS_ADMIN, POST, "/api/orgs", "{'code':'d1','name':'经销商','kind':'dealer'}", 200,
     "", .keep = "d1"},
    {"the same code", AS_ADMIN, POST, "/api/orgs", "{'code':'s1','name':'x','kind':'store'}", 409,
     "org.exists"},
    {"blank name", AS_ADMIN, POST, "/api/orgs", "{'code':'s2','name':' ','kind':'store'}", 400,
     "org.text"},
    {"no such kind", AS_ADMIN, POST, "/api/orgs", "{'code':'s2','name':'x','kind':'shop'}", 400,
     "input.choice"},
    {"no such parent", AS_ADMIN, POST, "/api/orgs",
     "{'code':'s2','name':'x','kind':'store','parent_id':'1'}", 400, "org.unknown"},
    {"its path is not given", AS_ADMIN, POST, "/api/orgs",
     "{'code':'s2','name':'x','kind':'store','path':'/'}", 400, "input.unknown"},
    {"not an operator", AS_OPERATOR, POST, "/api/orgs", "{'code':'s2','name':'x','kind':'store'}",
     403, "gate.permission"},
    {"nobody", AS_NOBODY, POST, "/api/orgs", "{'code':'s2','name':'x','kind':'store'}", 401, ""},
    {"the tree", AS_OPERATOR, GET, "/api/orgs", NULL, 200, "'parent_id':'$east'"},
    {"nobody sees it", AS_NOBODY, GET, "/api/orgs", NULL, 401, "gate.sign_in"},
    {"a viewer does not", AS_VIEWER, GET, "/api/orgs", NULL, 403, "gate.permission"},
    {"renames", AS_ADMIN, POST, "/api/orgs/$s1/edit", "{'name':'旗舰店'}", 200, "{}"},
    {"below itself", AS_ADMIN, POST, "/api/orgs/$east/edit", "{'parent_id':'$s1'}", 409,
     "org.cycle"},
    {"at itself", AS_ADMIN, POST, "/api/orgs/$east/edit", "{'parent_id':'$east'}", 409,
     "org.cycle"},
    {"closing what is used", AS_ADMIN, POST, "/api/orgs/$east/edit", "{'is_active':false}", 409,
     "org.in_use"},
    {"moves a branch", AS_ADMIN, POST, "/api/orgs/$east/edit", "{'parent_id':'$d1'}", 200, "{}"},
    {"both", AS_ADMIN, POST, "/api/orgs/$east/edit", "{'parent_id':'$d1','is_root':true}", 400,
     "org.parent"},
    {"to the top", AS_ADMIN, POST, "/api/orgs/$east/edit", "{'is_root':true}", 200, "{}"},
    {"back", AS_ADMIN, POST, "/api/orgs/$east/edit", "{'parent_id':'$hq'}", 200, "{}"},
    {"closes", AS_ADMIN, POST, "/api/orgs/$d1/edit", "{'is_active':false}", 200, "{}"},
    {"nothing under a closed one", AS_ADMIN, POST, "/api/orgs/$s1/edit", "{'parent_id':'$d1'}", 400,
     "org.unknown"},
    {"unknown", AS_ADMIN, POST, "/api/orgs/1/edit", "{'name':'x'}", 404, "org.unknown"},
    {"not an operator's", AS_OPERATOR, POST, "/api/orgs/$s1/edit", "{'name':'x'}", 403, ""},
};

static void test_orgs(void **state)
{
    (void)state;
    scenario_run(org_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM org o JOIN org p ON p.id = o.parent_id"
                                     " WHERE o.path = p.path || o.id || '/'"),
                     2);
    assert_int_equal(scenario_number("SELECT count(*) FROM org WHERE parent_id IS NULL"
                                     " AND path = '/' || id || '/'"),
                     2);
}

/* ---- roles ----------------------------------------------------------------------------------- */

static const struct scenario role_cases[] = {
    {"a role", AS_ADMIN, POST, "/api/roles",
     "{'name':'lead','title':'店长','permissions':'customer.tag  customer.read customer.read',"
     "'scope':'store'}",
     200, "{}"},
    {"in order and once", AS_ADMIN, GET, "/api/roles", NULL, 200,
     "'permissions':'customer.read customer.tag','scope':'store'"},
    {"rights with routes", AS_ADMIN, GET, "/api/roles", NULL, 200,
     "{'name':'role.write','title_zh':'编辑角色','title_en':'Edit roles','routes':[{'name':'POST "
     "/api/roles'}"},
    {"again", AS_ADMIN, POST, "/api/roles",
     "{'name':'lead','title':'x','permissions':'','scope':'own'}", 409, "role.exists"},
    {"an unknown right", AS_ADMIN, POST, "/api/roles",
     "{'name':'x','title':'x','permissions':'moon.read','scope':'own'}", 400, "role.right"},
    {"all rights", AS_ADMIN, POST, "/api/roles",
     "{'name':'x','title':'x','permissions':'*','scope':'own'}", 400, "role.right"},
    {"a bad name", AS_ADMIN, POST, "/api/roles",
     "{'name':'X y','title':'x','permissions':'','scope':'own'}", 400, "role.name"},
    {"no such reach", AS_ADMIN, POST, "/api/roles",
     "{'name':'x','title':'x','permissions':'','scope':'world'}", 400, "input.choice"},
    {"not built in by hand", AS_ADMIN, POST, "/api/roles",
     "{'name':'x','title':'x','permissions':'','scope':'own','is_builtin':true}", 400,
     "input.unknown"},
    {"not an operator", AS_OPERATOR, POST, "/api/roles",
     "{'name':'x','title':'x','permissions':'','scope':'own'}", 403, "gate.permission"},
    {"nobody", AS_NOBODY, POST, "/api/roles",
     "{'name':'x','title':'x','permissions':'','scope':'own'}", 401, "gate.sign_in"},
    {"nobody sees them", AS_NOBODY, GET, "/api/roles", NULL, 401, ""},
    {"edits", AS_ADMIN, POST, "/api/roles/lead/edit",
     "{'version_count':1,'permissions':'customer.read','title':'店长二'}", 200, "{}"},
    {"an old version", AS_ADMIN, POST, "/api/roles/lead/edit", "{'version_count':1,'scope':'all'}",
     409, "role.changed"},
    {"admin", AS_ADMIN, POST, "/api/roles/admin/edit", "{'version_count':1,'scope':'own'}", 403,
     "role.admin"},
    {"unknown", AS_ADMIN, POST, "/api/roles/moon/edit", "{'version_count':1}", 404, "role.unknown"},
    {"not an operator's", AS_OPERATOR, POST, "/api/roles/operator/edit",
     "{'version_count':1,'permissions':'staff.write'}", 403, ""},
    {"built in", AS_ADMIN, POST, "/api/roles/guide/delete", "{}", 403, "role.builtin"},
    {"delete unknown", AS_ADMIN, POST, "/api/roles/moon/delete", "{}", 404, "role.unknown"},
    {"deletes", AS_ADMIN, POST, "/api/roles/lead/delete", "{}", 200, "{}"},
};

static void test_roles(void **state)
{
    (void)state;
    scenario_run(role_cases);
}

/* A role that edits roles: no further than its own rights, and not itself out of the door. */
static const struct scenario half_cases[] = {
    {"half", AS_ADMIN, POST, "/api/roles",
     "{'name':'half','title':'半','permissions':'customer.read staff.read staff.write role.write',"
     "'scope':'all'}",
     200, ""},
    {"the viewer gets it", AS_ADMIN, POST, "/api/staff/$viewer/edit", "{'role':'half'}", 200, ""},
    {"at once", AS_VIEWER, GET, "/api/staff", NULL, 200, "'login':'admin'"},
    {"not above oneself", AS_VIEWER, POST, "/api/roles",
     "{'name':'more','title':'x','permissions':'customer.read audit.read','scope':'own'}", 403,
     "role.beyond"},
    {"not a role above", AS_VIEWER, POST, "/api/roles/operator/edit",
     "{'version_count':1,'permissions':'customer.read'}", 403, "role.beyond"},
    {"not raising the own", AS_VIEWER, POST, "/api/roles/half/edit",
     "{'version_count':1,'permissions':'customer.read staff.read role.write customer.delete'}", 403,
     "role.beyond"},
    {"not out of the door", AS_VIEWER, POST, "/api/roles/half/edit",
     "{'version_count':1,'permissions':'customer.read'}", 409, "role.own"},
    {"nor by reach", AS_VIEWER, POST, "/api/roles/half/edit", "{'version_count':1,'scope':'own'}",
     409, "role.own"},
    {"no admin", AS_VIEWER, STAFF, "{'login':'eve','name':'Eve','role':'admin'}", 403,
     "role.beyond"},
    {"no operator", AS_VIEWER, STAFF, "{'login':'eve','name':'Eve','role':'operator'}", 403,
     "role.beyond"},
    {"oneself to admin", AS_VIEWER, POST, "/api/staff/$viewer/edit", "{'role':'admin'}", 403,
     "staff.self"},
    {"the admin's link", AS_VIEWER, POST, "/api/staff/$admin/password", "{}", 403, "staff.beyond"},
    {"the admin's factor", AS_VIEWER, POST, "/api/staff/$admin/totp/reset", "{}", 403,
     "staff.beyond"},
    {"the admin's account", AS_VIEWER, POST, "/api/staff/$admin/edit", "{'is_active':false}", 403,
     "staff.beyond"},
    {"the operator's name", AS_VIEWER, POST, "/api/staff/$operator/edit", "{'name':'x'}", 403,
     "staff.beyond"},
    {"one's own name", AS_VIEWER, POST, "/api/staff/$viewer/edit", "{'name':'Vi'}", 200, ""},
    {"a role in use stays", AS_ADMIN, POST, "/api/roles/half/delete", "{}", 409, "role.in_use"},
    {"taken down", AS_ADMIN, POST, "/api/roles/half/edit",
     "{'version_count':1,'permissions':'customer.read'}", 200, ""},
    {"holds at once", AS_VIEWER, GET, "/api/staff", NULL, 403, "gate.permission"},
    {"as before", AS_ADMIN, POST, "/api/staff/$viewer/edit", "{'role':'viewer','name':'viewer'}",
     200, ""},
    {"then it goes", AS_ADMIN, POST, "/api/roles/half/delete", "{}", 200, ""},
};

static void test_nobody_gives_more(void **state)
{
    (void)state;
    scenario_run(half_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM staff WHERE login = 'eve'"), 0);
}

/* ---- colleagues ------------------------------------------------------------------------------ */

static const struct scenario staff_cases[] = {
    {"with a password", AS_ADMIN, STAFF,
     "{'login':'Gu','name':'顾','role':'guide','org_id':'$s1','password':'0123456789'}", 200,
     "'link_token':null", "staff_added", .keep = "gu"},
    {"with a link", AS_ADMIN, STAFF, "{'login':'li','name':'李','role':'service'}", 200,
     "'link_token':'", "staff_added", .keep = "li"},
    {"the login is taken", AS_ADMIN, STAFF, "{'login':'GU','name':'x','role':'guide'}", 409,
     "staff.exists"},
    {"no such role", AS_ADMIN, STAFF, "{'login':'x','name':'x','role':'boss'}", 400, "staff.role"},
    {"no such place", AS_ADMIN, STAFF, "{'login':'x','name':'x','role':'guide','org_id':'1'}", 400,
     "org.unknown"},
    {"a closed place", AS_ADMIN, STAFF, "{'login':'x','name':'x','role':'guide','org_id':'$d1'}",
     400, "org.unknown"},
    {"a short password", AS_ADMIN, STAFF,
     "{'login':'x','name':'x','role':'guide','password':'short'}", 400, "input.length"},
    {"no second factor by hand", AS_ADMIN, STAFF,
     "{'login':'x','name':'x','role':'guide','is_active':true}", 400, "input.unknown"},
    {"not an operator", AS_OPERATOR, STAFF, "{'login':'x','name':'x','role':'viewer'}", 403, ""},
    {"nobody", AS_NOBODY, STAFF, "{'login':'x','name':'x','role':'viewer'}", 401, ""},
    {"the list", AS_OPERATOR, GET, "/api/staff", NULL, 200, "'login':'li'", .lacks = "argon2"},
    {"by name", AS_OPERATOR, GET, "/api/staff?search=顾", NULL, 200, "'login':'gu'",
     .lacks = "'login':'li'"},
    {"by login", AS_OPERATOR, GET, "/api/staff?search=OPERA", NULL, 200, "'login':'operator'"},
    {"by role", AS_OPERATOR, GET, "/api/staff?role=service", NULL, 200, "'login':'li'",
     .lacks = "'login':'gu'"},
    {"by branch", AS_OPERATOR, GET, "/api/staff?org_id=$hq", NULL, 200, "'org_name':'旗舰店'",
     .lacks = "'login':'li'"},
    {"nobody's list", AS_NOBODY, GET, "/api/staff", NULL, 401, ""},
    {"not a viewer's", AS_VIEWER, GET, "/api/staff", NULL, 403, ""},
    {"one", AS_OPERATOR, GET, "/api/staff/$gu", NULL, 200, "'customer_count':0", .lacks = "argon2"},
    {"unknown", AS_OPERATOR, GET, "/api/staff/1", NULL, 404, "staff.unknown"},
    {"moves", AS_ADMIN, POST, "/api/staff/$gu/edit", "{'org_id':'$hq'}", 200, "{}"},
    {"works nowhere", AS_ADMIN, POST, "/api/staff/$gu/edit", "{'is_without_org':true}", 200, "{}"},
    {"another role", AS_ADMIN, POST, "/api/staff/$gu/edit", "{'role':'service','org_id':'$s1'}",
     200, "{}"},
    {"a password by hand", AS_ADMIN, POST, "/api/staff/$gu/edit", "{'password':'x'}", 400,
     "input.unknown"},
    {"blank", AS_ADMIN, POST, "/api/staff/$gu/edit", "{'name':' '}", 400, "staff.name"},
    {"oneself away", AS_ADMIN, POST, "/api/staff/$admin/edit", "{'is_active':false}", 403,
     "staff.self"},
    {"oneself down", AS_ADMIN, POST, "/api/staff/$admin/edit", "{'role':'viewer'}", 403,
     "staff.self"},
    {"the last admin", AS_LOCAL, POST, "/api/staff/$admin/edit", "{'is_active':false}", 409,
     "staff.last_admin"},
    {"the last admin's role", AS_LOCAL, POST, "/api/staff/$admin/edit", "{'role':'viewer'}", 409,
     "staff.last_admin"},
    {"ends", AS_ADMIN, POST, "/api/staff/$gu/edit", "{'is_active':false}", 200, "{}"},
    {"not active", AS_OPERATOR, GET, "/api/staff?is_active=false", NULL, 200, "'login':'gu'",
     .lacks = "'login':'li'"},
    {"comes back", AS_ADMIN, POST, "/api/staff/$gu/edit", "{'is_active':true}", 200, "{}"},
    {"unknown edit", AS_ADMIN, POST, "/api/staff/1/edit", "{'name':'x'}", 404, "staff.unknown"},
    {"a second admin", AS_ADMIN, POST, "/api/staff/$li/edit", "{'role':'admin'}", 200, "{}"},
    {"now it may", AS_LOCAL, POST, "/api/staff/$li/edit", "{'role':'service'}", 200, "{}"},
    {"a factor", AS_ADMIN, POST, "/api/staff/$gu/totp/reset", "{}", 200, "{}"},
    {"not the own factor", AS_ADMIN, POST, "/api/staff/$admin/totp/reset", "{}", 403, "staff.self"},
    {"a factor of nobody", AS_ADMIN, POST, "/api/staff/1/totp/reset", "{}", 404, ""},
};

static void names_keep(void)
{
    static const char *const logins[] = {"admin", "operator", "viewer"};

    for (size_t i = 0; i < ARRAY_LEN(logins); i++) {
        struct str sql = str_fmt(
            scenario_arena, "SELECT CAST(id AS TEXT) FROM staff WHERE login = '%s'", logins[i]);
        scenario_set(logins[i], scenario_text(str_cstr(scenario_arena, sql)));
    }
}

static void test_colleagues(void **state)
{
    (void)state;
    scenario_run(staff_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM audit a JOIN audit_detail d"
                                     " ON d.audit_id = a.id WHERE a.noun = 'staff'"
                                     " AND d.detail LIKE '%\"was_role\"%'") > 3,
                     1);
}

/* An account that ends takes its sessions along. */
static void test_ending_ends_sessions(void **state)
{
    struct app_call one =
        scenario_ask(AS_NOBODY, POST, "/api/login", "{'login':'gu','password':'0123456789'}");
    struct app_call me = {.method = GET, .path = S("/api/me"), .cookie = one.session_token};

    (void)state;
    assert_int_equal(one.status, 200);
    app_request(scenario_app, scenario_arena, &me);
    assert_int_equal(me.status, 200);
    assert_int_equal(
        scenario_ask(AS_ADMIN, POST, "/api/staff/$gu/edit", "{'is_active':false}").status, 200);
    assert_int_equal(
        scenario_ask(AS_ADMIN, POST, "/api/staff/$gu/edit", "{'is_active':true}").status, 200);
    app_request(scenario_app, scenario_arena, &me);
    assert_int_equal(me.status, 401);
}

/* ---- links ----------------------------------------------------------------------------------- */

static void link_make(void)
{
    struct app_call call = scenario_ask(AS_ADMIN, POST, "/api/staff/$li/password", "{}");
    struct json json;

    assert_int_equal(call.status, 200);
    assert_int_equal(json_parse(scenario_arena, call.reply, &json, NULL), OK);
    scenario_set("link", str_cstr(scenario_arena, json_get(&json, "link_token")->text));
}

static const struct scenario link_cases[] = {
    {"whose", AS_NOBODY, GET, "/api/link?token=$link", NULL, 200, "'is_valid':true,'login':'li'"},
    {"another", AS_NOBODY, GET, "/api/link?token=x", NULL, 200, "'is_valid':false,'login':null"},
    {"no sign-in before", AS_NOBODY, POST, "/api/login", "{'login':'li','password':'0123456789'}",
     401, "login.wrong"},
    {"a wrong one", AS_NOBODY, POST, "/api/link", "{'token':'x','password':'0123456789'}", 403,
     "link.gone"},
    {"too short", AS_NOBODY, POST, "/api/link", "{'token':'$link','password':'0'}", 400,
     "input.length"},
    {"sets it", AS_NOBODY, POST, "/api/link", "{'token':'$link','password':'0123456789'}", 200,
     "{}"},
    {"once", AS_NOBODY, POST, "/api/link", "{'token':'$link','password':'0123456780'}", 403,
     "link.gone"},
    {"then", AS_NOBODY, POST, "/api/login", "{'login':'li','password':'0123456789'}", 200, "csrf"},
    {"not an operator's", AS_OPERATOR, POST, "/api/staff/$li/password", "{}", 403, ""},
    {"nobody's", AS_NOBODY, POST, "/api/staff/$li/password", "{}", 401, ""},
    {"of nobody", AS_ADMIN, POST, "/api/staff/1/password", "{}", 404, "staff.unknown"},
    {"not for oneself", AS_ADMIN, POST, "/api/staff/$admin/password", "{}", 403, "staff.self"},
};

static void test_links(void **state)
{
    (void)state;
    link_make();
    scenario_run(link_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM audit a JOIN staff s"
                                     " ON s.id = a.subject_id WHERE a.noun = 'staff'"
                                     " AND a.action = 'POST /api/link' AND a.staff_id IS NULL"
                                     " AND s.login = 'li'"),
                     1);
    link_make();
    scenario_clock(clock_now_ms() + 4 * DAY_MS);
    assert_int_equal(
        scenario_ask(AS_NOBODY, POST, "/api/link", "{'token':'$link','password':'0123456789'}")
            .status,
        403);
}

/* Who made a link for a viewer must not hold one for an operator later. */
static void test_a_link_is_for_its_role(void **state)
{
    struct app_call call;

    (void)state;
    link_make();
    call = scenario_ask(AS_ADMIN, POST, "/api/staff/$li/edit", "{'name':'Li','role':'service'}");
    assert_int_equal(call.status, 200);
    call = scenario_ask(AS_NOBODY, GET, "/api/link?token=$link", NULL);
    assert_true(str_find(call.reply, S("\"is_valid\":true")) > 0);
    call = scenario_ask(AS_ADMIN, POST, "/api/staff/$li/edit", "{'role':'operator'}");
    assert_int_equal(call.status, 200);
    call = scenario_ask(AS_NOBODY, POST, "/api/link", "{'token':'$link','password':'0123456789'}");
    assert_int_equal(call.status, 403);
}

static int open_with_names(void **state)
{
    int status = scenario_open(state);

    if (status == 0)
        names_keep();
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orgs),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_nobody_gives_more),
        cmocka_unit_test(test_colleagues),
        cmocka_unit_test(test_ending_ends_sessions),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_a_link_is_for_its_role),
    };

    return cmocka_run_group_tests(tests, open_with_names, scenario_close);
}
