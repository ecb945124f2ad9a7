/* The card: birthdays, children, thickness of tags, the blacklist; notes, relations and owners. */
#include "scenario.h"

#include <stdio.h>

#include "manage/customer/customer.h"

#define ANA "/api/customers/$ana"
#define NEW POST, "/api/customers"

static const struct scenario child_cases[] = {
    {"ana", AS_OPERATOR, NEW, "{'name':'Ana'}", 200, "'id'", "customer_added", .keep = "ana"},
    {"no child, no stage", AS_VIEWER, GET, ANA "/card", NULL, 200,
     "'birth_date':null,'life_stage_number':null,'life_stage_zh':null", ""},
    {"no such card", AS_VIEWER, GET, "/api/customers/5/card", NULL, 404, "customer.unknown", ""},
    {"nobody's card", AS_NOBODY, GET, ANA "/card", NULL, 401, "", ""},
    {"born", AS_OPERATOR, POST, ANA "/edit", "{'birth_date':'1992-02-29'}", 200, "{}",
     "customer_edited"},
    {"the same", AS_OPERATOR, POST, ANA "/edit", "{'birth_date':'1992-02-29'}", 200, "{}", ""},
    {"no such day", AS_OPERATOR, POST, ANA "/edit", "{'birth_date':'1993-02-29'}", 400,
     "birth.date", ""},
    {"to come", AS_OPERATOR, POST, ANA "/edit", "{'birth_date':'2026-03-02'}", 400, "birth.date",
     ""},
    {"too long ago", AS_OPERATOR, POST, ANA "/edit", "{'birth_date':'1899-12-31'}", 400,
     "birth.date", ""},
    {"shown", AS_VIEWER, GET, ANA "/card", NULL, 200, "'birth_date':'1992-02-29'", ""},
    {"unknown again", AS_OPERATOR, POST, ANA "/edit", "{'birth_date':''}", 200, "{}",
     "customer_edited"},

    {"a child", AS_OPERATOR, POST, ANA "/children", "{'birth_date':'2023-05-31','name':'小明'}",
     200, "'id'", "customer_edited", .keep = "elder"},
    {"three years", AS_VIEWER, GET, ANA "/card", NULL, 200, "'life_stage_zh':'1-3 岁'", "",
     .lacks = "小明"},
    {"its name for those who may", AS_OPERATOR, GET, ANA "/card", NULL, 200,
     "{'id':'$elder','birth_date':'2023-05-31','name':'小明','age_months':33}", ""},
    {"a younger one", AS_OPERATOR, POST, ANA "/children", "{'birth_date':'2026-03-01'}", 200,
     "'id'", "customer_edited", .keep = "baby"},
    {"counts", AS_VIEWER, GET, ANA "/card", NULL, 200,
     "'life_stage_number':0,'life_stage_zh':'0-6 月'", ""},
    {"one to come", AS_OPERATOR, POST, ANA "/children", "{'birth_date':'2026-10-01'}", 200, "'id'",
     "customer_edited", .keep = "coming"},
    {"counts most", AS_VIEWER, GET, ANA "/card", NULL, 200,
     "'life_stage_number':-1,'life_stage_zh':'备孕/孕期'", ""},
    {"too far to come", AS_OPERATOR, POST, ANA "/children", "{'birth_date':'2027-02-01'}", 400,
     "birth.date", ""},
    {"no date", AS_OPERATOR, POST, ANA "/children", "{'name':'x'}", 400, "input.required", ""},
    {"changes", AS_OPERATOR, POST, "/api/children/$coming/edit", "{'birth_date':'2025-03-01'}", 200,
     "{}", "customer_edited"},
    {"counts less", AS_VIEWER, GET, ANA "/card", NULL, 200, "'life_stage_number':0", ""},
    {"goes", AS_OPERATOR, POST, "/api/children/$baby/delete", "{}", 200, "{}", "customer_edited"},
    {"a year", AS_VIEWER, GET, ANA "/card", NULL, 200, "'life_stage_zh':'1-3 岁'", ""},
    {"gone", AS_OPERATOR, POST, "/api/children/$baby/delete", "{}", 404, "child.unknown", ""},
    {"no such", AS_OPERATOR, POST, "/api/children/5/edit", "{'name':'x'}", 404, "child.unknown",
     ""},
    {"viewer adds", AS_VIEWER, POST, ANA "/children", "{'birth_date':'2023-05-31'}", 403, "", ""},
    {"viewer edits", AS_VIEWER, POST, "/api/children/$elder/edit", "{'name':'x'}", 403, "", ""},
    {"nameless", AS_OPERATOR, POST, "/api/children/$elder/edit", "{'name':''}", 200, "{}",
     "customer_edited"},
    {"no such customer", AS_OPERATOR, POST, "/api/customers/5/children",
     "{'birth_date':'2023-05-31'}", 404, "customer.unknown", ""},
};

static const struct scenario block_cases[] = {
    {"blocks", AS_OPERATOR, POST, ANA "/block", "{'is_blocked':true,'reason':' 恶意退货 '}", 200,
     "{}", "customer_blocked"},
    {"marked", AS_VIEWER, GET, ANA "/card", NULL, 200, "'block_reason':'恶意退货'", ""},
    {"again", AS_OPERATOR, POST, ANA "/block", "{'is_blocked':true,'reason':'x'}", 200, "{}", ""},
    {"the first reason stays", AS_VIEWER, GET, ANA "/card", NULL, 200, "'block_reason':'恶意退货'",
     ""},
    {"no reason", AS_OPERATOR, POST, ANA "/block", "{'is_blocked':false,'reason':' '}", 400,
     "block.reason", ""},
    {"no such", AS_OPERATOR, POST, "/api/customers/5/block", "{'is_blocked':true,'reason':'x'}",
     404, "customer.unknown", ""},
    {"viewer", AS_VIEWER, POST, ANA "/block", "{'is_blocked':true,'reason':'x'}", 403, "", ""},
    {"off", AS_OPERATOR, POST, ANA "/block", "{'is_blocked':false,'reason':'误会'}", 200, "{}",
     "customer_unblocked"},
    {"unmarked", AS_VIEWER, GET, ANA "/card", NULL, 200, "'blocked_ms':null,'block_reason':null",
     ""},
};

static const struct scenario note_cases[] = {
    {"writes", AS_OPERATOR, POST, ANA "/notes", "{'text':' 喜欢下午来电 '}", 200, "'id'", "",
     .keep = "note"},
    {"reads", AS_OPERATOR, GET, ANA "/notes", NULL, 200, "'text':'喜欢下午来电','created_ms'", ""},
    {"mine", AS_OPERATOR, GET, ANA "/notes?limit=1", NULL, 200, "'is_mine':true}],'next_cursor':'",
     ""},
    {"a colleague's", AS_ADMIN, GET, ANA "/notes", NULL, 200, "'is_mine':false", ""},
    {"viewer does not read", AS_VIEWER, GET, ANA "/notes", NULL, 403, "", ""},
    {"empty", AS_OPERATOR, POST, ANA "/notes", "{'text':'  '}", 400, "note.text", ""},
    {"of nobody", AS_OPERATOR, POST, "/api/customers/5/notes", "{'text':'x'}", 404,
     "customer.unknown", ""},
    {"edits", AS_OPERATOR, POST, "/api/notes/$note/edit", "{'text':'上午'}", 200, "{}", ""},
    {"a colleague cannot", AS_ADMIN, POST, "/api/notes/$note/edit", "{'text':'x'}", 403,
     "note.not_yours", ""},
    {"nor delete", AS_ADMIN, POST, "/api/notes/$note/delete", "{}", 403, "note.not_yours", ""},
    {"no such", AS_OPERATOR, POST, "/api/notes/5/edit", "{'text':'x'}", 404, "note.unknown", ""},
    {"viewer", AS_VIEWER, POST, "/api/notes/$note/delete", "{}", 403, "", ""},
    {"is so", AS_OPERATOR, GET, ANA "/notes", NULL, 200, "'text':'上午'", ""},
    {"deletes", AS_OPERATOR, POST, "/api/notes/$note/delete", "{}", 200, "{}", ""},
    {"gone", AS_OPERATOR, GET, ANA "/notes", NULL, 200, "'items':[]", ""},
};

static const struct scenario relation_cases[] = {
    {"meets", AS_OPERATOR, POST, ANA "/relations", "{'source':'scan','remark':'李太太'}", 200, "{}",
     "relation_added"},
    {"met already", AS_OPERATOR, POST, ANA "/relations", "{'source':'scan'}", 409,
     "relation.exists", ""},
    {"for a colleague", AS_ADMIN, POST, ANA "/relations", "{'staff_id':'$viewer','source':'group'}",
     200, "{}", "relation_added"},
    {"for nobody there is", AS_ADMIN, POST, ANA "/relations", "{'staff_id':'5','source':'group'}",
     404, "relation.staff", ""},
    {"no such source", AS_OPERATOR, POST, ANA "/relations", "{'source':'dream'}", 400,
     "input.choice", ""},
    {"viewer", AS_VIEWER, POST, ANA "/relations", "{'source':'hand'}", 403, "", ""},
    {"own remark", AS_OPERATOR, GET, ANA "/relations", NULL, 200, "'remark':'李太太'", ""},
    {"others' only masked", AS_VIEWER, GET, ANA "/relations", NULL, 200, "'remark':'李", "",
     .lacks = "李太太"},
    {"another remark", AS_OPERATOR, POST, ANA "/relations/$operator/remark", "{'remark':'老李'}",
     200, "{}", ""},
    {"is so", AS_OPERATOR, GET, ANA "/relations", NULL, 200, "'remark':'老李'", ""},
    {"not in touch", AS_ADMIN, POST, ANA "/relations/$admin/remark", "{'remark':'x'}", 404,
     "relation.unknown", ""},
    {"lost", AS_OPERATOR, POST, ANA "/relations/$operator/lost", "{}", 200, "{}", "relation_lost"},
    {"lost already", AS_OPERATOR, POST, ANA "/relations/$operator/lost", "{}", 404,
     "relation.unknown", ""},
    {"viewer loses", AS_VIEWER, POST, ANA "/relations/$viewer/lost", "{}", 403, "", ""},
    {"meets again, the remark stays", AS_OPERATOR, POST, ANA "/relations", "{'source':'card'}", 200,
     "{}", "relation_added"},
    {"is there", AS_OPERATOR, GET, ANA "/relations", NULL, 200, "'source':'card','remark':'老李'",
     ""},
    {"of nobody", AS_OPERATOR, GET, "/api/customers/5/relations", NULL, 404, "customer.unknown",
     ""},
};

/* The operator may change customers, but give none away. */
static const struct scenario others_cases[] = {
    {"others' relation", AS_OPERATOR, POST, ANA "/relations",
     "{'staff_id':'$admin','source':'hand'}", 403, "relation.not_yours", ""},
    {"others' remark", AS_OPERATOR, POST, ANA "/relations/$viewer/remark", "{'remark':'x'}", 403,
     "relation.not_yours", ""},
    {"others' loss", AS_OPERATOR, POST, ANA "/relations/$viewer/lost", "{}", 403,
     "relation.not_yours", ""},
};

static const struct scenario owner_cases[] = {
    {"gives", AS_OPERATOR, POST, ANA "/owner",
     "{'staff_id':'$viewer','org_id':'11','reason':'新店开业'}", 200, "{}", "owner_changed"},
    {"has", AS_VIEWER, GET, ANA "/card", NULL, 200,
     "'owner_staff_id':'$viewer','owner_name':'viewer','org_id':'11','org_name':'一店'", ""},
    {"the same", AS_OPERATOR, POST, ANA "/owner",
     "{'staff_id':'$viewer','org_id':'11','reason':'again'}", 200, "{}", ""},
    {"the colleague's own store", AS_OPERATOR, POST, ANA "/owner",
     "{'staff_id':'$operator','reason':'x'}", 200, "{}", "owner_changed"},
    {"took it along", AS_VIEWER, GET, ANA "/card", NULL, 200,
     "'owner_name':'operator','org_id':'12'", ""},
    {"history", AS_VIEWER, GET, ANA "/owner", NULL, 200,
     "'to_ms':null,'by_name':'operator','reason':'x'},{", ""},
    {"history begins", AS_VIEWER, GET, ANA "/owner", NULL, 200,
     "'staff_name':'viewer','org_id':'11','org_name':'一店'", ""},
    {"nobody's", AS_OPERATOR, POST, ANA "/owner", "{'reason':'离职'}", 200, "{}", "owner_changed"},
    {"is so", AS_VIEWER, GET, ANA "/card", NULL, 200, "'owner_staff_id':null", ""},
    {"no such colleague", AS_OPERATOR, POST, ANA "/owner", "{'staff_id':'5','reason':'x'}", 404,
     "owner.staff", ""},
    {"no such store", AS_OPERATOR, POST, ANA "/owner", "{'org_id':'5','reason':'x'}", 404,
     "owner.org", ""},
    {"a store that is closed", AS_OPERATOR, POST, ANA "/owner", "{'org_id':'13','reason':'x'}", 404,
     "owner.org", ""},
    {"no reason", AS_OPERATOR, POST, ANA "/owner", "{'reason':' '}", 400, "owner.reason", ""},
    {"of nobody", AS_OPERATOR, POST, "/api/customers/5/owner", "{'reason':'x'}", 404,
     "customer.unknown", ""},
    {"viewer", AS_VIEWER, POST, ANA "/owner", "{'reason':'x'}", 403, "", ""},
    {"choices", AS_VIEWER, GET, "/api/owners", NULL, 200, "'name':'一店','kind':'store'", ""},
    {"to the operator", AS_OPERATOR, POST, ANA "/owner", "{'staff_id':'$operator','reason':'x'}",
     200, "{}", "owner_changed"},
};

/* With the reach of the store 12. */
static const struct scenario store_cases[] = {
    {"bo is out of reach", AS_OPERATOR, GET, "/api/customers/$bo/card", NULL, 404,
     "customer.unknown", ""},
    {"for notes", AS_OPERATOR, GET, "/api/customers/$bo/notes", NULL, 404, "customer.unknown", ""},
    {"for a note's text", AS_OPERATOR, POST, "/api/notes/$bonote/edit", "{'text':'x'}", 404,
     "note.unknown", ""},
    {"for its end", AS_OPERATOR, POST, "/api/notes/$bonote/delete", "{}", 404, "note.unknown", ""},
    {"for relations", AS_OPERATOR, GET, "/api/customers/$bo/relations", NULL, 404,
     "customer.unknown", ""},
    {"for meeting", AS_OPERATOR, POST, "/api/customers/$bo/relations", "{'source':'hand'}", 404,
     "customer.unknown", ""},
    {"for losing", AS_OPERATOR, POST, "/api/customers/$bo/relations/$operator/lost", "{}", 404,
     "customer.unknown", ""},
    {"for a remark", AS_OPERATOR, POST, "/api/customers/$bo/relations/$operator/remark",
     "{'remark':'x'}", 404, "customer.unknown", ""},
    {"for children", AS_OPERATOR, POST, "/api/customers/$bo/children",
     "{'birth_date':'2023-05-31'}", 404, "customer.unknown", ""},
    {"for a child", AS_OPERATOR, POST, "/api/children/$bochild/edit", "{'name':'x'}", 404,
     "child.unknown", ""},
    {"for its end too", AS_OPERATOR, POST, "/api/children/$bochild/delete", "{}", 404,
     "child.unknown", ""},
    {"for the blacklist", AS_OPERATOR, POST, "/api/customers/$bo/block",
     "{'is_blocked':true,'reason':'x'}", 404, "customer.unknown", ""},
    {"for taking it", AS_OPERATOR, POST, "/api/customers/$bo/owner",
     "{'staff_id':'$operator','reason':'x'}", 404, "customer.unknown", ""},
    {"for its history", AS_OPERATOR, GET, "/api/customers/$bo/owner", NULL, 404, "customer.unknown",
     ""},
    {"ana is within", AS_OPERATOR, GET, ANA "/card", NULL, 200, "'owner_name':'operator'", ""},
    {"only colleagues of the store", AS_OPERATOR, POST, ANA "/owner",
     "{'staff_id':'$admin','reason':'x'}", 404, "owner.staff", ""},
    {"only this store", AS_OPERATOR, POST, ANA "/owner", "{'org_id':'11','reason':'x'}", 404,
     "owner.org", ""},
    {"only they are offered", AS_OPERATOR, GET, "/api/owners", NULL, 200, "'orgs':[{'id':'12'", "",
     .lacks = "admin"},
};

static void staff_keep(const char *login)
{
    char sql[100];

    snprintf(sql, sizeof(sql), "SELECT CAST(id AS TEXT) FROM staff WHERE login = '%s'", login);
    scenario_set(login, scenario_text(sql));
}

static void orgs_write(void)
{
    scenario_number("INSERT INTO org VALUES (10, NULL, 'company', 'c', '总部', '/10/', 1, 1)");
    scenario_number("INSERT INTO org VALUES (11, 10, 'store', 's1', '一店', '/10/11/', 1, 1)");
    scenario_number("INSERT INTO org VALUES (12, 10, 'store', 's2', '二店', '/10/12/', 1, 1)");
    scenario_number("INSERT INTO org VALUES (13, 10, 'store', 's3', '旧店', '/10/13/', 0, 1)");
    scenario_number("UPDATE staff SET org_id = 12 WHERE login = 'operator'");
}

static void test_children(void **state)
{
    (void)state;
    staff_keep("admin");
    staff_keep("operator");
    staff_keep("viewer");
    scenario_run(child_cases);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM customer WHERE (SELECT max(birth_day) FROM child "
                        "WHERE customer_id = customer.id) IS DISTINCT FROM child_birth_day"),
        0);
}

static void test_block(void **state)
{
    (void)state;
    scenario_run(block_cases);
}

static void test_notes(void **state)
{
    (void)state;
    scenario_run(note_cases);
}

static void test_relations(void **state)
{
    (void)state;
    scenario_run(relation_cases);
    scenario_number("UPDATE role SET permissions = replace(permissions, 'customer.assign', '') "
                    "WHERE name = 'operator'");
    scenario_run(others_cases);
    scenario_number("UPDATE role SET permissions = permissions || ' customer.assign' "
                    "WHERE name = 'operator'");
}

static void test_owner(void **state)
{
    (void)state;
    orgs_write();
    scenario_run(owner_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer_owner WHERE to_ms IS NULL"), 1);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer_owner"), 4);
}

static const struct scenario bo_cases[] = {
    {"bo", AS_ADMIN, NEW, "{'name':'Bo'}", 200, "'id'", "customer_added", .keep = "bo"},
    {"bo's note", AS_OPERATOR, POST, "/api/customers/$bo/notes", "{'text':'x'}", 200, "'id'", "",
     .keep = "bonote"},
    {"bo's child", AS_ADMIN, POST, "/api/customers/$bo/children", "{'birth_date':'2023-05-31'}",
     200, "'id'", "customer_edited", .keep = "bochild"},
};

static void test_reach(void **state)
{
    (void)state;
    scenario_run(bo_cases);
    scenario_number("UPDATE role SET scope = 'store' WHERE name = 'operator'");
    scenario_run(store_cases);
    scenario_number("UPDATE role SET scope = 'all' WHERE name = 'operator'");
}

/* ---- thickness ------------------------------------------------------------------------------- */

static const struct scenario thickness_cases[] = {
    {"no tags, none", AS_VIEWER, GET, ANA "/card", NULL, 200, "'thickness':[]", ""},
    {"group", AS_OPERATOR, POST, "/api/tag-groups",
     "{'family':'intent','name':'g1','is_exclusive':true}", 200, "'id'", "", .keep = "g1"},
    {"empty group", AS_OPERATOR, POST, "/api/tag-groups",
     "{'family':'intent','name':'g2','is_exclusive':true}", 200, "'id'", ""},
    {"in it", AS_OPERATOR, POST, "/api/tags",
     "{'family':'intent','name':'a','color':'#111111','group_id':'$g1'}", 200, "'id'", "",
     .keep = "ta"},
    {"beside it", AS_OPERATOR, POST, "/api/tags",
     "{'family':'intent','name':'b','color':'#111111','group_id':'$g1'}", 200, "'id'", ""},
    {"without", AS_OPERATOR, POST, "/api/tags", "{'family':'intent','name':'c','color':'#111111'}",
     200, "'id'", "", .keep = "tc"},
    {"without too", AS_OPERATOR, POST, "/api/tags",
     "{'family':'intent','name':'d','color':'#111111'}", 200, "'id'", "", .keep = "td"},
    {"nothing known", AS_VIEWER, GET, ANA "/card", NULL, 200,
     "{'family':'intent','known_count':0,'group_count':2,'thickness_ppm':0}", ""},
    {"one", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$tc','is_on':true}", 200, "{}",
     "tag_added"},
    {"two of the same", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$td','is_on':true}", 200, "{}",
     "tag_added"},
    {"half", AS_VIEWER, GET, ANA "/card", NULL, 200,
     "{'family':'intent','known_count':1,'group_count':2,'thickness_ppm':500000}", ""},
    {"the other", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$ta','is_on':true}", 200, "{}",
     "tag_added"},
    {"whole", AS_VIEWER, GET, ANA "/card", NULL, 200,
     "{'family':'intent','known_count':2,'group_count':2,'thickness_ppm':1000000}", ""},
};

static void test_thickness(void **state)
{
    (void)state;
    scenario_run(thickness_cases);
}

/* Nothing of it lies in the clear. */
static void test_sealed(void **state)
{
    (void)state;
    assert_int_equal(scenario_number("SELECT count(*) FROM audit_detail WHERE detail LIKE '%李%' "
                                     "OR detail LIKE '%小明%' OR detail LIKE '%来电%'"),
                     0);
    assert_int_equal(scenario_number("SELECT count(*) FROM journal WHERE properties LIKE '%李%' "
                                     "OR properties LIKE '%小明%' OR properties LIKE '%来电%'"),
                     0);
    assert_true(scenario_number("SELECT count(*) FROM relation WHERE remark_enc IS NOT NULL") > 0);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM relation WHERE instr(remark_enc, '李') > 0"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_children),  cmocka_unit_test(test_block),
        cmocka_unit_test(test_notes),     cmocka_unit_test(test_relations),
        cmocka_unit_test(test_owner),     cmocka_unit_test(test_reach),
        cmocka_unit_test(test_thickness), cmocka_unit_test(test_sealed),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
