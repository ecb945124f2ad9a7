/* Merging by hand: preview, merge, what everybody then reads, undo in any order, history. */
#include "scenario.h"

#include <pthread.h>
#include <stdio.h>

#include "kit/job.h"
#include "manage/customer/customer.h"

#define ADD POST, "/api/customers"
#define ANA "/api/customers/$ana"
#define BEA "/api/customers/$bea"
#define ORDER(no, ms, who, price)                                                                  \
    "{'source':'shop','order_no':'" no "','placed_ms':" ms ",'customer_id':'" who "','lines':["    \
    "{'product_code':'A1','quantity_count':1,'unit_price_micro':" price "}]}"
#define T1 "1767225600000" /* 2026-01-01T00:00:00Z */
#define T2 "1768225600000"
#define T3 "1769225600000"

static const struct scenario people[] = {
    {"size", AS_ADMIN, POST, "/api/attributes", "{'name':'size','title':'Size','kind':'text'}", 200,
     "'id'", ""},
    {"pet", AS_ADMIN, POST, "/api/attributes", "{'name':'pet','title':'Pet','kind':'text'}", 200,
     "'id'", ""},
    {"ana", AS_OPERATOR, ADD,
     "{'name':'Ana Lee','phone':'13800000001','region':'上海','attributes':{'size':'M'}}", 200, "",
     "customer_added", .keep = "ana"},
    {"bea", AS_OPERATOR, ADD,
     "{'name':'Bea Lee','phone':'13800000002','email':'bea@x.cn','attributes':{'size':'L','pet':"
     "'cat'}}",
     200, "", "customer_added", .keep = "bea"},
    {"eve", AS_OPERATOR, ADD, "{'name':'Eve','identities':[{'kind':'unionid','value':'u9'}]}", 200,
     "", "customer_added", .keep = "eve"},
    {"a tag", AS_OPERATOR, POST, "/api/tags", "{'family':'intent','name':'hot','color':'#ff0000'}",
     200, "'id'", "", .keep = "hot"},
    {"on bea", AS_OPERATOR, POST, BEA "/tags", "{'tag_id':'$hot','is_on':true}", 200, "{}",
     "tag_added"},
    {"ana buys", AS_OPERATOR, POST, "/api/orders", ORDER("1", T2, "$ana", "5000000"), 200, "",
     "order_paid"},
    {"bea buys", AS_OPERATOR, POST, "/api/orders", ORDER("2", T1, "$bea", "7000000"), 200, "",
     "order_paid", .keep = "o2"},
};

static const struct scenario preview_cases[] = {
    {"what would move", AS_OPERATOR, GET, ANA "/merge?other_customer_id=$bea", NULL, 200,
     "'identities':[{'kind':'email','value':'b***@x.cn'},{'kind':'phone','value':'138****0002'}]",
     ""},
    {"which stands", AS_OPERATOR, GET, ANA "/merge?other_customer_id=$bea", NULL, 200,
     "{'field':'phone','kept':'138****0001','other':'138****0002','result':'138****0001',"
     "'is_conflict':true}",
     "", .lacks = "13800000002"},
    {"fills", AS_OPERATOR, GET, ANA "/merge?other_customer_id=$bea", NULL, 200,
     "{'field':'email','kept':null,'other':'b***@x.cn','result':'b***@x.cn','is_conflict':false}",
     ""},
    {"an attribute", AS_OPERATOR, GET, ANA "/merge?other_customer_id=$bea", NULL, 200,
     "{'field':'attributes.pet','kept':null,", ""},
    {"counts", AS_OPERATOR, GET, ANA "/merge?other_customer_id=$bea", NULL, 200,
     "'order_count':1,'paid_fen':700,'refunded_fen':0,'document_count':1,'event_count':3,", ""},
    {"oneself", AS_OPERATOR, GET, ANA "/merge?other_customer_id=$ana", NULL, 409, "merge.same", ""},
    {"nobody", AS_OPERATOR, GET, ANA "/merge?other_customer_id=5", NULL, 404, "customer.unknown",
     ""},
    {"not said", AS_OPERATOR, GET, ANA "/merge", NULL, 400, "other_customer_id", ""},
    {"viewer", AS_VIEWER, GET, ANA "/merge?other_customer_id=$bea", NULL, 403, "gate.permission",
     ""},
    {"signed out", AS_NOBODY, GET, ANA "/merge?other_customer_id=$bea", NULL, 401, "", ""},
};

static const struct scenario merge_cases[] = {
    {"viewer", AS_VIEWER, POST, ANA "/merge", "{'other_customer_id':'$bea'}", 403, "", ""},
    {"signed out", AS_NOBODY, POST, ANA "/merge", "{'other_customer_id':'$bea'}", 401, "", ""},
    {"nobody", AS_OPERATOR, POST, ANA "/merge", "{'other_customer_id':'5'}", 404,
     "customer.unknown", ""},
    {"a field without choice", AS_OPERATOR, POST, ANA "/merge",
     "{'other_customer_id':'$bea','choices':[{'field':'paid_fen','choice':'take'}]}", 400,
     "merge.field", ""},
    {"no such choice", AS_OPERATOR, POST, ANA "/merge",
     "{'other_customer_id':'$bea','choices':[{'field':'name','choice':'both'}]}", 400,
     "input.choice", ""},
    {"merges", AS_OPERATOR, POST, ANA "/merge",
     "{'other_customer_id':'$bea','choices':[{'field':'phone','choice':'take'},"
     "{'field':'attributes.size','choice':'keep'}]}",
     200, "'customer_id':'$ana'", "customer_merged customer_merged", .keep = "m1"},
    {"once", AS_OPERATOR, POST, ANA "/merge", "{'other_customer_id':'$bea'}", 409, "merge.same",
     ""},
    {"the other way round", AS_OPERATOR, POST, BEA "/merge", "{'other_customer_id':'$ana'}", 409,
     "merge.same", ""},
    {"one person under both ids", AS_ADMIN, GET, BEA, NULL, 200,
     "{'id':'$ana','customer_number':1,'name':'Ana Lee','phone':'138****0002','email':'b***@x.cn'",
     ""},
    {"with the figures of both", AS_VIEWER, GET, ANA, NULL, 200,
     "'order_count':2,'paid_fen':1200,'refunded_fen':0,'first_order_ms':" T1, ""},
    {"her identities", AS_VIEWER, GET, ANA, NULL, 200, "{'kind':'phone','value':'138****0001'}",
     ""},
    {"and the other's", AS_VIEWER, GET, ANA, NULL, 200, "{'kind':'phone','value':'138****0002'}",
     ""},
    {"tags", AS_VIEWER, GET, ANA, NULL, 200, "'name':'hot'", ""},
    {"attributes", AS_VIEWER, GET, ANA, NULL, 200, "'attributes':{'size':'M','pet':'cat'}", ""},
    {"in the list once", AS_ADMIN, GET, "/api/customers?search=lee", NULL, 200, "'total_count':1",
     "", .lacks = "Bea"},
    {"the merged name finds the person", AS_ADMIN, GET, "/api/customers?search=bea%20l", NULL, 200,
     "'items':[{'id':'$ana',", ""},
    {"and the merged phone", AS_ADMIN, GET, "/api/customers?search=13800000002", NULL, 200,
     "'items':[{'id':'$ana',", ""},
    {"orders in one stream", AS_VIEWER, GET, BEA "/orders?limit=1", NULL, 200, "'order_no':'1'",
     ""},
    {"both", AS_VIEWER, GET, ANA "/orders", NULL, 200, "'order_no':'2'", ""},
    {"one timeline", AS_VIEWER, GET, ANA "/timeline", NULL, 200, "'amount_fen':700", ""},
    {"tagged once", AS_VIEWER, GET, "/api/tags", NULL, 200, "'customer_count':1", ""},
    {"an order of the merged one", AS_OPERATOR, POST, "/api/orders",
     "{'source':'shop','order_no':'3','placed_ms':" T3
     ",'customer':{'kind':'phone','value':'13800000002'},'lines':["
     "{'product_code':'A1','quantity_count':1,'unit_price_micro':1000000}]}",
     200, "", "order_paid"},
    {"is the person's", AS_VIEWER, GET, ANA, NULL, 200, "'order_count':3,'paid_fen':1300", ""},
    {"a refund too", AS_OPERATOR, POST, "/api/orders/$o2/refund",
     "{'refund_no':'r1','amount_fen':200}", 200, "{}", "order_refunded"},
    {"is the person's", AS_VIEWER, GET, ANA, NULL, 200, "'refunded_fen':200", ""},
    {"an edit is the person's", AS_OPERATOR, POST, BEA "/edit", "{'region':'北京'}", 200, "{}",
     "customer_edited"},
    {"history", AS_VIEWER, GET, BEA "/merges", NULL, 200,
     "'rule':'hand','fields':'phone email touched_ms attributes.pet','staff_id'", ""},
    {"history of nobody", AS_VIEWER, GET, "/api/customers/5/merges", NULL, 404, "", ""},
    {"history signed out", AS_NOBODY, GET, BEA "/merges", NULL, 401, "", ""},
};

static const struct scenario undo_cases[] = {
    {"viewer", AS_VIEWER, POST, "/api/merges/$m1/undo", "{}", 403, "", ""},
    {"signed out", AS_NOBODY, POST, "/api/merges/$m1/undo", "{}", 401, "", ""},
    {"no such", AS_OPERATOR, POST, "/api/merges/5/undo", "{}", 404, "merge.unknown", ""},
    {"an edit in between", AS_OPERATOR, POST, ANA "/edit", "{'email':'new@x.cn'}", 200, "{}",
     "customer_edited"},
    {"undoes", AS_OPERATOR, POST, "/api/merges/$m1/undo", "{}", 200,
     "'left':[{'field':'email','now':'n***@x.cn','before':null}]",
     "customer_unmerged customer_unmerged"},
    {"once", AS_OPERATOR, POST, "/api/merges/$m1/undo", "{}", 409, "merge.undone", ""},
    {"ana has hers", AS_ADMIN, GET, ANA, NULL, 200,
     "'name':'Ana Lee','phone':'138****0001','email':'n***@x.cn','region':'北京','attributes':"
     "{'size':'M'}",
     ""},
    {"her orders", AS_VIEWER, GET, ANA, NULL, 200,
     "'order_count':1,'paid_fen':500,'refunded_fen':0", ""},
    {"no tag", AS_VIEWER, GET, ANA, NULL, 200, "'tags':[]", "", .lacks = "****0002"},
    {"bea has hers", AS_ADMIN, GET, BEA, NULL, 200,
     "'id':'$bea','customer_number':2,'name':'Bea Lee','phone':'138****0002','email':'b***@x.cn'",
     ""},
    {"with the order that came since", AS_VIEWER, GET, BEA, NULL, 200,
     "'order_count':2,'paid_fen':800,'refunded_fen':200", ""},
    {"and her tag", AS_VIEWER, GET, BEA, NULL, 200, "'name':'hot'", ""},
    {"the answer stays in the history", AS_VIEWER, GET, ANA "/merges", NULL, 200,
     "'left':[{'field':'email','now':'n***@x.cn','before':null}]", ""},
    {"two in the list", AS_ADMIN, GET, "/api/customers?search=lee", NULL, 200, "'total_count':2",
     ""},
};

static const struct scenario chain_cases[] = {
    {"bea into ana", AS_OPERATOR, POST, ANA "/merge", "{'other_customer_id':'$bea'}", 200, "",
     "customer_merged customer_merged", .keep = "m2"},
    {"ana into eve", AS_OPERATOR, POST, "/api/customers/$eve/merge", "{'other_customer_id':'$bea'}",
     200, "'customer_id':'$eve'", "customer_merged customer_merged", .keep = "m3"},
    {"bea is eve", AS_VIEWER, GET, BEA, NULL, 200, "'id':'$eve'", ""},
    {"three records' orders", AS_VIEWER, GET, BEA, NULL, 200, "'order_count':3,'paid_fen':1300",
     ""},
    {"the first waits for the second", AS_OPERATOR, POST, "/api/merges/$m2/undo", "{}", 409,
     "merge $m3 first", ""},
    {"the second", AS_OPERATOR, POST, "/api/merges/$m3/undo", "{}", 200, "'left':[]",
     "customer_unmerged customer_unmerged"},
    {"bea is ana again", AS_VIEWER, GET, BEA, NULL, 200, "'id':'$ana'", ""},
    {"eve has nothing", AS_VIEWER, GET, "/api/customers/$eve", NULL, 200,
     "'phone':null,'email':null,'region':null,'attributes':{},", ""},
    {"then the first", AS_OPERATOR, POST, "/api/merges/$m2/undo", "{}", 200, "'left':[]",
     "customer_unmerged customer_unmerged"},
    {"bea is bea", AS_VIEWER, GET, BEA, NULL, 200, "'id':'$bea'", ""},
};

/* Two merges into one record, the first undone first: the second stands as if alone. */
static const struct scenario order_cases[] = {
    {"fay", AS_OPERATOR, ADD, "{'identities':[{'kind':'member_no','value':'f'}]}", 200, "",
     "customer_added", .keep = "fay"},
    {"bea into fay", AS_OPERATOR, POST, "/api/customers/$fay/merge", "{'other_customer_id':'$bea'}",
     200, "", "customer_merged customer_merged", .keep = "m4"},
    {"ana into fay", AS_OPERATOR, POST, "/api/customers/$fay/merge",
     "{'other_customer_id':'$ana','choices':[{'field':'phone','choice':'take'}]}", 200, "",
     "customer_merged customer_merged", .keep = "m5"},
    {"bea's name, ana's phone", AS_ADMIN, GET, "/api/customers/$fay", NULL, 200,
     "'name':'Bea Lee','phone':'138****0001','email':'b***@x.cn','region':'北京'", ""},
    {"bea out again", AS_OPERATOR, POST, "/api/merges/$m4/undo", "{}", 200, "'left':[]",
     "customer_unmerged customer_unmerged"},
    {"as if only ana had come", AS_ADMIN, GET, "/api/customers/$fay", NULL, 200,
     "'name':'Ana Lee','phone':'138****0001','email':'n***@x.cn','region':'北京','attributes':"
     "{'size':'M'}",
     ""},
    {"her order alone", AS_VIEWER, GET, "/api/customers/$fay", NULL, 200,
     "'order_count':1,'paid_fen':500", ""},
    {"ana out again", AS_OPERATOR, POST, "/api/merges/$m5/undo", "{}", 200, "'left':[]",
     "customer_unmerged customer_unmerged"},
    {"fay is bare", AS_ADMIN, GET, "/api/customers/$fay", NULL, 200,
     "'name':null,'phone':null,'email':null,'region':null,'attributes':{}", ""},
};

static void sound(void)
{
    struct app_call call = scenario_ask(AS_LOCAL, GET, "/local/check", NULL);

    if (str_find(call.reply, S("\"failed_count\":0")) < 0)
        fail_msg("%.*s", STR(call.reply));
}

static void test_merge(void **state)
{
    (void)state;
    scenario_run(people);
    scenario_run(preview_cases);
    scenario_names_await();
    scenario_run(merge_cases);
    sound();
    scenario_run(undo_cases);
    sound();
}

static void test_chain(void **state)
{
    (void)state;
    scenario_run(chain_cases);
    sound();
    scenario_run(order_cases);
    sound();
}

/* Records are copied back and forth exactly: merging and undoing leaves both rows as they were. */
static void test_exact(void **state)
{
    static const char rows[] =
        "SELECT group_concat(id || ifnull(region, '') || attributes || ifnull(channel_id, '') || "
        "is_family || "
        "touched_ms || ifnull(added_ms, '') || ifnull(action_day, '') || order_count || paid_fen "
        "|| refunded_fen || ifnull(first_order_ms, '') || ifnull(second_order_ms, '') || "
        "ifnull(last_order_ms, '') || invited_count) FROM (SELECT * FROM customer ORDER BY id)";
    static const struct scenario cases[] = {
        {"merge", AS_OPERATOR, POST, BEA "/merge", "{'other_customer_id':'$ana'}", 200, "",
         "customer_merged customer_merged", .keep = "m6"},
        {"undo", AS_OPERATOR, POST, "/api/merges/$m6/undo", "{}", 200, "'left':[]",
         "customer_unmerged customer_unmerged"},
    };
    const char *before = scenario_text(rows);

    (void)state;
    scenario_run(cases);
    assert_string_equal(before, scenario_text(rows));
}

/* ---- by rule --------------------------------------------------------------------------------- */

#define SEND POST, "/api/v1/events"

static const struct scenario rule_cases[] = {
    {"by phone", AS_OPERATOR, ADD, "{'name':'Hal','phone':'13800000101','region':'苏州'}", 200, "",
     "customer_added", .keep = "hal"},
    {"by shop id", AS_OPERATOR, ADD,
     "{'name':'Hal A','identities':[{'kind':'shop:web','value':'h1'}]}", 200, "", "customer_added",
     .keep = "hal2"},
    {"both at once", AS_OPERATOR, ADD,
     "{'phone':'13800000101','identities':[{'kind':'shop:web','value':'h1'},"
     "{'kind':'shop:app','value':'h2'}],'email':'hal@x.cn'}",
     200, "'id':'$hal'", "customer_merged customer_merged customer_edited"},
    {"is one, with what was given", AS_ADMIN, GET, "/api/customers/$hal2", NULL, 200,
     "'id':'$hal','customer_number':", ""},
    {"with the e-mail", AS_ADMIN, GET, "/api/customers/$hal2", NULL, 200,
     "'name':'Hal','phone':'138****0101','email':'h***@x.cn','region':'苏州'", ""},
    {"the rule is kept", AS_VIEWER, GET, "/api/customers/$hal/merges", NULL, 200, "'rule':'phone'",
     ""},
    {"one of them alone is there already", AS_OPERATOR, ADD, "{'phone':'13800000101'}", 409,
     "customer $hal has this phone", ""},

    {"ida", AS_OPERATOR, ADD,
     "{'name':'Ida','identities':[{'kind':'unionid','value':'ui'},{'kind':'member_no','value':'m1'}"
     "]}",
     200, "", "customer_added", .keep = "ida"},
    {"jon", AS_OPERATOR, ADD,
     "{'name':'Jon','phone':'13800000103','identities':[{'kind':'member_no','value':'m2'}]}", 200,
     "", "customer_added", .keep = "jon"},
    {"two member numbers are two people", AS_OPERATOR, ADD,
     "{'phone':'13800000103','identities':[{'kind':'unionid','value':'ui'}]}", 409,
     "customer.exists", ""},
    {"kim", AS_OPERATOR, ADD, "{'name':'Kim','phone':'13800000104'}", 200, "", "customer_added",
     .keep = "kim"},
    {"her phone on ida", AS_OPERATOR, POST, "/api/customers/$ida/edit", "{'phone':'138 0000 0104'}",
     200, "{}", "customer_merged customer_merged"},
    {"makes one of them", AS_ADMIN, GET, "/api/customers/$kim", NULL, 200,
     "{'id':'$ida','customer_number':", ""},
    {"jon's phone on ida", AS_OPERATOR, POST, "/api/customers/$ida/edit", "{'phone':'13800000103'}",
     409, "customer $jon has this phone", ""},

    {"a visitor", AS_KEY, SEND,
     "{'message_id':'r1','kind':'page_viewed','anonymous_id':'w1','occurred_ms':1700000000000}",
     200, "", "customer_added page_viewed"},
    {"is hal", AS_KEY, SEND,
     "{'message_id':'r2','kind':'page_viewed','anonymous_id':'w1','customer':{'kind':'phone',"
     "'value':'13800000101'}}",
     200, "", "customer_merged customer_merged page_viewed"},
    {"with the history", AS_VIEWER, GET, "/api/customers/$hal/timeline", NULL, 200,
     "'occurred_ms':1700000000000", ""},
    {"and the first touch", AS_VIEWER, GET, "/api/customers/$hal", NULL, 200,
     "'touched_ms':1700000000000", ""},
    {"the same visitor is jon? no", AS_KEY, SEND,
     "{'message_id':'r3','kind':'page_viewed','anonymous_id':'w1','customer':{'kind':'phone',"
     "'value':'13800000103'}}",
     200, "", "page_viewed"},
    {"a new name for hal's visitor", AS_KEY, SEND,
     "{'message_id':'r4','kind':'page_viewed','anonymous_id':'w1','customer':{'kind':'shop:web',"
     "'value':'h9'}}",
     200, "", "customer_added page_viewed"},
    {"two visitors, two names, one batch", AS_KEY, SEND,
     "{'events':[{'message_id':'s1','kind':'page_viewed','anonymous_id':'w2'},"
     "{'message_id':'s2','kind':'page_viewed','anonymous_id':'w2','customer':{'kind':'phone',"
     "'value':'13800000101'}},"
     "{'message_id':'s3','kind':'page_viewed','anonymous_id':'w2','customer':{'kind':'phone',"
     "'value':'13800000103'}},"
     "{'message_id':'s4','kind':'page_viewed','anonymous_id':'w3'},"
     "{'message_id':'s5','kind':'page_viewed','anonymous_id':'w3','customer':{'kind':'phone',"
     "'value':'13800000103'}}]}",
     200, "'accepted_count':5", NULL},
    {"jon has his own alone", AS_VIEWER, GET, "/api/customers/$jon/merges", NULL, 200,
     "'rule':'visitor'", "", .lacks = "},{'id'"},
};

static void test_rule(void **state)
{
    (void)state;
    scenario_run(rule_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM duplicate"), 0); /* rolled back */
    sound();
}

static struct customer_new row_of(struct str phone, const struct customer_ref *ref, struct str name)
{
    struct customer_new n;

    customer_new_init(&n);
    n.phone = phone;
    n.refs = ref;
    n.ref_count = ref ? 1 : 0;
    n.name = name;
    return n;
}

struct import {
    const struct customer_new *rows;
    int64_t count, ids[8];
    bool is_changed[8];
    struct fault faults[8];
};

static enum err import_step(struct ctx *c, void *user)
{
    struct import *import = user;

    return customer_import_batch(c, &(struct customer_import){.n = import->rows,
                                                              .count = import->count,
                                                              .ids = import->ids,
                                                              .is_changed = import->is_changed,
                                                              .faults = import->faults});
}

/* A file's rows: the same page makes two people and finds that they are one; not where each has a
 * unionid. */
static void test_rule_import(void **state)
{
    static const struct customer_ref shop = {{"shop:im", 7}, {"1", 1}},
                                     mail = {{"email", 5}, {"q@x.cn", 6}},
                                     one = {{"unionid", 7}, {"q1", 2}},
                                     two = {{"unionid", 7}, {"q2", 2}};
    const struct customer_new rows[] = {
        row_of(S("15100000001"), NULL, S("Q")),     row_of((struct str){0}, &shop, S("Q too")),
        row_of(S("15100000001"), &shop, S("Quin")), row_of((struct str){0}, &mail, S("R")),
        row_of(S("15100000002"), &one, S("S")),     row_of(S("15100000003"), &two, S("T")),
        row_of(S("15100000002"), &two, S("U")),
    };
    struct import import = {.rows = rows, .count = ARRAY_LEN(rows)};
    int64_t merge_count;

    (void)state;
    scenario_write(import_step, &import);
    assert_int_equal(import.ids[2], import.ids[0]);
    assert_true(import.is_changed[2]);
    assert_true(import.faults[2].code == NULL);
    assert_true(import.ids[3] != import.ids[0]);
    assert_string_equal(import.faults[6].code, "customer.conflict");
    assert_int_equal(scenario_number("SELECT count(*) FROM customer_merge WHERE rule = 'phone' AND "
                                     "merged_customer_id IN (SELECT customer_id FROM identity "
                                     "WHERE kind = 'shop:im')"),
                     1);
    merge_count = scenario_number("SELECT count(*) FROM customer_merge");
    assert_int_equal(
        scenario_number("SELECT count(*) FROM duplicate WHERE reason = 'identity' AND status = "
                        "'open'"),
        1);
    sound();
    scenario_write(import_step, &import); /* again */
    assert_int_equal(import.ids[0], import.ids[1]);
    assert_int_equal(import.ids[6], NONE);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer_merge"), merge_count);
}

/* ---- suggestions ----------------------------------------------------------------------------- */

#define FIND POST, "/api/duplicates/find"
#define LIST GET, "/api/duplicates"

static const struct scenario double_cases[] = {
    {"lu", AS_OPERATOR, ADD, "{'name':' Lu Xun ','phone':'15200001234','email':'lu@x.cn'}", 200, "",
     "customer_added", .keep = "lu"},
    {"lu again", AS_OPERATOR, ADD, "{'name':'lu xun','phone':'15900001234'}", 200, "",
     "customer_added", .keep = "lu2"},
    {"by mail", AS_OPERATOR, ADD, "{'name':'Lu Xun','email':'lu@y.cn'}", 200, "", "customer_added",
     .keep = "lu3"},
    {"another of the tail", AS_OPERATOR, ADD, "{'name':'Xu Lun','phone':'15300001234'}", 200, "",
     "customer_added"},
    {"viewer", AS_VIEWER, FIND, "{}", 403, "", "", .is_plain = true},
    {"signed out", AS_NOBODY, FIND, "{}", 401, "", "", .is_plain = true},
    {"looks", AS_OPERATOR, FIND, NULL, 200, "'job_id'", "", .is_plain = true},
};
static const struct scenario found_cases[] = {
    {"viewer", AS_VIEWER, LIST, NULL, 403, "", ""},
    {"signed out", AS_NOBODY, LIST, NULL, 401, "", ""},
    {"tail and name first", AS_ADMIN, LIST, NULL, 200,
     "{'items':[{'reason':'name_phone','score_ppm':950000,'found_ms':", ""},
    {"who", AS_ADMIN, LIST, NULL, 200,
     "'low':{'id':'$lu','name':'Lu Xun','phone':'152****1234','email':'l***@x.cn'", "",
     .lacks = "Xu Lun"},
    {"whom", AS_ADMIN, LIST, NULL, 200, "'high':{'id':'$lu2','name':'lu xun','phone':'159****1234'",
     ""},
    {"mail and name", AS_ADMIN, LIST, NULL, 200, "{'reason':'email_name','score_ppm':800000", ""},
    {"dismissed by a viewer", AS_VIEWER, POST, "/api/duplicates/dismiss",
     "{'customer_id':'$lu','other_customer_id':'$lu3'}", 403, "", ""},
    {"dismissed by nobody", AS_NOBODY, POST, "/api/duplicates/dismiss",
     "{'customer_id':'$lu','other_customer_id':'$lu3'}", 401, "", ""},
    {"of nobody", AS_OPERATOR, POST, "/api/duplicates/dismiss",
     "{'customer_id':'$lu','other_customer_id':'5'}", 404, "customer.unknown", ""},
    {"not said of whom", AS_OPERATOR, POST, "/api/duplicates/dismiss", "{'customer_id':'$lu'}", 400,
     "other_customer_id", ""},
    {"dismissed", AS_OPERATOR, POST, "/api/duplicates/dismiss",
     "{'customer_id':'$lu3','other_customer_id':'$lu'}", 200, "{}", ""},
    {"gone", AS_ADMIN, LIST, NULL, 200, "name_phone", "", .lacks = "email_name"},
    {"not twice", AS_OPERATOR, POST, "/api/duplicates/dismiss",
     "{'customer_id':'$lu','other_customer_id':'$lu3'}", 404, "duplicate.unknown", ""},
    {"once more", AS_OPERATOR, FIND, NULL, 200, "'job_id'", "", .is_plain = true},
};
static const struct scenario decided_cases[] = {
    {"what was dismissed stays so", AS_ADMIN, LIST, NULL, 200, "name_phone", "",
     .lacks = "email_name"},
    {"merged", AS_OPERATOR, POST, "/api/customers/$lu/merge", "{'other_customer_id':'$lu2'}", 200,
     "", "customer_merged customer_merged"},
    {"decided", AS_ADMIN, LIST, NULL, 200, "'items':[", "", .lacks = "$lu2"},
};

static void test_duplicates(void **state)
{
    (void)state;
    scenario_run(double_cases);
    job_await(scenario_app);
    scenario_run(found_cases);
    job_await(scenario_app);
    scenario_run(decided_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM job WHERE kind = 'duplicates_find' AND "
                                     "status = 'done'"),
                     2);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM duplicate WHERE status = 'merged' AND reason = "
                        "'name_phone'"),
        1);
}

/* ---- one stream ------------------------------------------------------------------------------ */

/* 10,000 entries of two records: pages of a person are in time, each entry once, and the database
 * reads a page of each record from its index, whatever lies behind. */
static void test_stream(void **state)
{
    char sql[800];

    (void)state;
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
             "INSERT INTO journal SELECT 1000000 + i, 'page_viewed', "
             "1600000000000 + i * 1000, "
             "1700000000000, CASE i %% 2 WHEN 0 THEN %s ELSE %s END, NULL, NULL, NULL, NULL FROM n",
             scenario_get("lu"), scenario_get("lu2"));
    scenario_sql(sql);
    for (int page = 0; page < 3; page++) {
        char path[200], wanted[80];
        struct app_call call;
        snprintf(path, sizeof(path),
                 "/api/customers/%s/timeline?group=behaviour&limit=2&cursor=%" PRId64 ".%d",
                 scenario_get("lu2"), INT64_C(1600000000000) + (5000 + page) * 1000, 1);
        call = scenario_ask(AS_VIEWER, GET, path, NULL);
        snprintf(wanted, sizeof(wanted), "\"id\":\"%d\"", 1000000 + 5000 + page - 1);
        assert_int_equal(call.status, 200);
        if (str_find(call.reply, str_of(wanted)) < 0)
            fail_msg("%s\n%.*s", wanted, STR(call.reply));
    }
    scenario_sql("DELETE FROM journal WHERE id < 2000000"); /* the engine never saw them */
}

/* Two at once: the writer takes one after the other, and the second finds one person. */
struct racer {
    pthread_t thread;
    int status;
};

static void *race(void *user)
{
    struct racer *racer = user;
    struct app_call call = {.method = HTTP_POST, .is_local = true};
    struct arena *arena = arena_new(1 << 20);

    call.path = str_fmt(arena, "/api/customers/%s/merge", scenario_get("ana"));
    call.body = str_fmt(arena, "{\"other_customer_id\":\"%s\"}", scenario_get("bea"));
    app_request(scenario_app, arena, &call);
    racer->status = call.status;
    arena_free(arena);
    return NULL;
}

static void test_race(void **state)
{
    struct racer racers[4];
    int good = 0, refused = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(racers); i++)
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        pthread_join(racers[i].thread, NULL);
        good += racers[i].status == 200;
        refused += racers[i].status == 409;
    }
    assert_int_equal(good, 1);
    assert_int_equal(refused, 3);
    sound();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),       cmocka_unit_test(test_chain),
        cmocka_unit_test(test_exact),       cmocka_unit_test(test_rule),
        cmocka_unit_test(test_rule_import), cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_stream),      cmocka_unit_test(test_race),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
