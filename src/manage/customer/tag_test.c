/* Groups of tags, tags that exclude each other, moving and deleting, many customers at once. */
#include "scenario.h"

#include <stdio.h>

#include "manage/customer/customer.h"

#define ANA "/api/customers/$ana"
#define TAGS "/api/tags"
#define GROUPS "/api/tag-groups"

static const struct scenario group_cases[] = {
    {"ana", AS_OPERATOR, POST, "/api/customers", "{'name':'Ana'}", 200, "'id'", "customer_added",
     .keep = "ana"},
    {"bo", AS_OPERATOR, POST, "/api/customers", "{'name':'Bo'}", 200, "'id'", "customer_added",
     .keep = "bo"},
    {"a group", AS_OPERATOR, POST, GROUPS,
     "{'family':'spending','name':'价格带','is_exclusive':true}", 200, "'id'", "", .keep = "price"},
    {"same name", AS_OPERATOR, POST, GROUPS,
     "{'family':'spending','name':' 价格带 ','is_exclusive':false}", 409, "tag_group.exists", ""},
    {"no name", AS_OPERATOR, POST, GROUPS, "{'family':'spending','name':' ','is_exclusive':false}",
     400, "tag.name", ""},
    {"bad family", AS_OPERATOR, POST, GROUPS, "{'family':'x','name':'a','is_exclusive':false}", 400,
     "input.choice", ""},
    {"viewer", AS_VIEWER, POST, GROUPS, "{'family':'spending','name':'a','is_exclusive':false}",
     403, "gate.permission", ""},
    {"nobody", AS_NOBODY, POST, GROUPS, "{}", 401, "", ""},
    {"low", AS_OPERATOR, POST, TAGS,
     "{'family':'spending','name':'低','color':'#111111','group_id':'$price'}", 200, "'id'", "",
     .keep = "low"},
    {"high", AS_OPERATOR, POST, TAGS, "{'family':'spending','name':'高','color':'#222222'}", 200,
     "'id'", "", .keep = "high"},
    {"into another family's group", AS_OPERATOR, POST, TAGS,
     "{'family':'intent','name':'高','color':'#222222','group_id':'$price'}", 400,
     "tag_group.family", ""},
    {"into no group there is", AS_OPERATOR, POST, TAGS,
     "{'family':'intent','name':'高','color':'#222222','group_id':'5'}", 404, "tag_group.unknown",
     ""},

    {"low on ana", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$low','is_on':true}", 200, "{}",
     "tag_added"},
    {"high on ana", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$high','is_on':true}", 200, "{}",
     "tag_added"},
    {"ana would have two", AS_OPERATOR, POST, TAGS "/$high/move", "{'group_id':'$price'}", 409,
     "tag_group.twice", ""},
    {"high off", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$high','is_on':false}", 200, "{}",
     "tag_removed"},
    {"moves", AS_OPERATOR, POST, TAGS "/$high/move", "{'group_id':'$price'}", 200, "{}", ""},
    {"moves nowhere", AS_OPERATOR, POST, TAGS "/$high/move", "{'group_id':'5'}", 404,
     "tag_group.unknown", ""},
    {"no such tag moves", AS_OPERATOR, POST, TAGS "/5/move", "{}", 404, "tag.unknown", ""},
    {"viewer moves", AS_VIEWER, POST, TAGS "/$high/move", "{}", 403, "", ""},
    {"one takes the other off", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$high','is_on':true}",
     200, "{}", "tag_removed tag_added"},
    {"ana has one", AS_VIEWER, GET, "/api/customers?tag_id=$high", NULL, 200, "'id':'$ana'", ""},
    {"and not the other", AS_VIEWER, GET, "/api/customers?tag_id=$low", NULL, 200, "'items':[]",
     ""},
    {"again changes nothing", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$high','is_on':true}",
     200, "{}", ""},

    {"may hold two", AS_OPERATOR, POST, GROUPS "/$price/edit",
     "{'name':'价格带','is_exclusive':false}", 200, "{}", ""},
    {"holds two", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$low','is_on':true}", 200, "{}",
     "tag_added"},
    {"at most one is too late", AS_OPERATOR, POST, GROUPS "/$price/edit",
     "{'name':'价格','is_exclusive':true}", 409, "tag_group.twice", ""},
    {"no such group", AS_OPERATOR, POST, GROUPS "/5/edit", "{'name':'x','is_exclusive':false}", 404,
     "tag_group.unknown", ""},
    {"viewer edits", AS_VIEWER, POST, GROUPS "/$price/edit", "{'name':'x','is_exclusive':false}",
     403, "", ""},
    {"another group", AS_OPERATOR, POST, GROUPS,
     "{'family':'spending','name':'频次','is_exclusive':false}", 200, "'id'", "", .keep = "often"},
    {"renames into the first", AS_OPERATOR, POST, GROUPS "/$often/edit",
     "{'name':'价格带','is_exclusive':false}", 409, "tag_group.exists", ""},
    {"listed", AS_VIEWER, GET, TAGS, NULL, 200,
     "'groups':[{'id':'$price','family':'spending','name':'价格带','is_exclusive':false}", ""},
    {"a group goes, its tags stay", AS_OPERATOR, POST, GROUPS "/$price/delete", "{}", 200, "{}",
     ""},
    {"without a group", AS_VIEWER, GET, TAGS, NULL, 200,
     "'name':'低','color':'#111111','customer_count':1,'group_id':null", ""},
    {"gone", AS_OPERATOR, POST, GROUPS "/$price/delete", "{}", 404, "tag_group.unknown", ""},
    {"viewer deletes", AS_VIEWER, POST, GROUPS "/$often/delete", "{}", 403, "", ""},
};

static const struct scenario delete_cases[] = {
    {"more than seen", AS_OPERATOR, POST, TAGS "/$low/delete", "{'customer_count':0}", 409,
     "by now 1 customers have it", ""},
    {"not said", AS_OPERATOR, POST, TAGS "/$low/delete", "{}", 400, "'path':'customer_count'", ""},
    {"viewer", AS_VIEWER, POST, TAGS "/$low/delete", "{'customer_count':1}", 403, "", ""},
    {"no such", AS_OPERATOR, POST, TAGS "/5/delete", "{'customer_count':1}", 404, "tag.unknown",
     ""},
    {"deletes", AS_OPERATOR, POST, TAGS "/$low/delete", "{'customer_count':1}", 200,
     "'customer_count':1", ""},
    {"gone", AS_VIEWER, GET, TAGS, NULL, 200, "'id':'$high'", "", .lacks = "$low"},
};

static void test_groups(void **state)
{
    (void)state;
    scenario_run(group_cases);
}

static void test_delete(void **state)
{
    (void)state;
    scenario_run(delete_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer_tag"), 1);
}

/* ---- many at once ---------------------------------------------------------------------------- */

struct put {
    int64_t ids[3];
    bool is_changed[3];
    struct tag_put put;
    int statement_count;
};

static enum err put_step(struct ctx *c, void *user)
{
    struct put *put = user;

    put->put.ids = put->ids;
    put->put.is_changed = put->is_changed;
    TRY(tag_put_batch(c, &put->put));
    put->statement_count = c->statement_count;
    return OK;
}

static int64_t id_of(const char *name)
{
    int64_t id;

    assert_true(str_to_int(str_of(scenario_get(name)), &id));
    return id;
}

static void test_batch(void **state)
{
    struct put put = {.ids = {id_of("ana"), id_of("bo"), 5},
                      .put = {.count = 3, .tag_id = id_of("high"), .is_on = true}};
    uint64_t before;

    (void)state;
    scenario_write(put_step, &put);
    assert_false(put.is_changed[0]); /* had it */
    assert_true(put.is_changed[1]);
    assert_false(put.is_changed[2]); /* nobody */
    before = scenario_state();
    scenario_write(put_step, &put);
    assert_true(scenario_state() == before);
    put.put.is_on = false;
    scenario_write(put_step, &put);
    assert_true(put.is_changed[0] && put.is_changed[1] && !put.is_changed[2]);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer_tag"), 0);
    assert_true(put.statement_count <= 4);
}

/* ---- out of reach --------------------------------------------------------------------------- */

static const struct scenario own_cases[] = {
    {"not mine", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$high','is_on':true}", 404,
     "customer.unknown", ""},
    {"a tag of all goes only with the reach of all", AS_OPERATOR, POST, TAGS "/$high/delete",
     "{'customer_count':0}", 403, "gate.scope", ""},
};

static void test_reach(void **state)
{
    (void)state;
    scenario_number("UPDATE role SET scope = 'own' WHERE name = 'operator'");
    scenario_run(own_cases);
    scenario_number("UPDATE role SET scope = 'all' WHERE name = 'operator'");
}

/* ---- very many ------------------------------------------------------------------------------ */

#define MANY 10001

static const struct scenario many_cases[] = {
    {"not sure", AS_OPERATOR, POST, TAGS "/$high/delete", "{'customer_count':10001}", 409,
     "tag.not_sure", "", .is_plain = true},
    {"sure", AS_OPERATOR, POST, TAGS "/$high/delete", "{'customer_count':10001,'is_sure':true}",
     200, "'customer_count':10001", "", .is_plain = true},
};

static void test_many(void **state)
{
    char sql[400];

    (void)state;
    scenario_number(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001) "
        "INSERT INTO customer (id, customer_number, attributes, is_family, touched_ms, "
        "order_count, paid_fen, refunded_fen, invited_count, created_ms, changed_ms) "
        "SELECT 1000 + i, 1000 + i, '{}', 0, 1, 0, 0, 0, 0, 1, 1 FROM n");
    snprintf(sql, sizeof(sql),
             "INSERT INTO customer_tag SELECT id, %s, NULL, 1 FROM customer WHERE id BETWEEN 1001 "
             "AND 11001",
             scenario_get("high"));
    scenario_number(sql);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer_tag"), MANY);
    scenario_run(many_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer_tag"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups), cmocka_unit_test(test_delete), cmocka_unit_test(test_batch),
        cmocka_unit_test(test_reach),  cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
