/* Attributes: definitions, and values against them on add, edit and import. */
#include "scenario.h"

#include "manage/customer/customer.h"

#define DEFINE POST, "/api/attributes"
#define ADD POST, "/api/customers"
#define ANA "/api/customers/$ana"

static const struct scenario define_cases[] = {
    {"text", AS_ADMIN, DEFINE, "{'name':'尺码','title':'鞋码','kind':'text'}", 200, "'id'", "",
     .keep = "size"},
    {"integer", AS_ADMIN, DEFINE, "{'name':'visits','title':'到店次数','kind':'integer'}", 200,
     "'id'", "", .keep = "visits"},
    {"money", AS_ADMIN, DEFINE, "{'name':'budget','title':'预算','kind':'money'}", 200, "'id'", ""},
    {"date", AS_ADMIN, DEFINE, "{'name':'wedding','title':'结婚日','kind':'date'}", 200, "'id'",
     ""},
    {"choice", AS_ADMIN, DEFINE,
     "{'name':'skin','title':'肤质','kind':'choice','choices':['干','油']}", 200, "'id'", "",
     .keep = "skin"},
    {"choices", AS_ADMIN, DEFINE,
     "{'name':'likes','title':'喜好','kind':'choices','choices':['茶','酒','a b']}", 200, "'id'",
     "", .keep = "likes"},
    {"same name", AS_ADMIN, DEFINE, "{'name':' visits ','title':'x','kind':'text'}", 409,
     "attribute.exists", ""},
    {"no name", AS_ADMIN, DEFINE, "{'name':' ','title':'x','kind':'text'}", 400, "'path':'name'",
     ""},
    {"no title", AS_ADMIN, DEFINE, "{'name':'x','title':' ','kind':'text'}", 400, "'path':'title'",
     ""},
    {"no such kind", AS_ADMIN, DEFINE, "{'name':'x','title':'x','kind':'colour'}", 400,
     "input.choice", ""},
    {"no choices", AS_ADMIN, DEFINE, "{'name':'x','title':'x','kind':'choice'}", 400,
     "attribute.choices", ""},
    {"a choice twice", AS_ADMIN, DEFINE,
     "{'name':'x','title':'x','kind':'choice','choices':['a','a']}", 400, "two choices", ""},
    {"a choice no text", AS_ADMIN, DEFINE, "{'name':'x','title':'x','kind':'choice','choices':[1]}",
     400, "attribute.choices", ""},
    {"a choice with blanks", AS_ADMIN, DEFINE,
     "{'name':'x','title':'x','kind':'choice','choices':[' a']}", 400, "attribute.choices", ""},
    {"operator", AS_OPERATOR, DEFINE, "{'name':'x','title':'x','kind':'text'}", 403,
     "gate.permission", ""},
    {"nobody", AS_NOBODY, DEFINE, "{}", 401, "", ""},
    {"listed", AS_VIEWER, GET, "/api/attributes", NULL, 200,
     "'name':'尺码','title':'鞋码','kind':'text','choices':[],'is_archived':false},{'id':'$visits'",
     ""},
    {"choices grow", AS_ADMIN, POST, "/api/attributes/$skin/edit",
     "{'title':'肤质','choices':['中','干','油'],'is_archived':false}", 200, "{}", ""},
    {"and do not shrink", AS_ADMIN, POST, "/api/attributes/$skin/edit",
     "{'title':'肤质','choices':['中','干'],'is_archived':false}", 400, "attribute.choices_gone",
     ""},
    {"left out they stay", AS_ADMIN, POST, "/api/attributes/$skin/edit",
     "{'title':'皮肤','is_archived':false}", 200, "{}", ""},
    {"the kind stays", AS_ADMIN, POST, "/api/attributes/$skin/edit",
     "{'title':'皮肤','kind':'text','is_archived':false}", 400, "input.unknown", ""},
    {"no such", AS_ADMIN, POST, "/api/attributes/5/edit", "{'title':'x','is_archived':false}", 404,
     "attribute.missing", ""},
    {"operator edits", AS_OPERATOR, POST, "/api/attributes/$skin/edit",
     "{'title':'x','is_archived':false}", 403, "", ""},
    {"order", AS_ADMIN, POST, "/api/attributes/order", "{'items':[{'id':'$skin'},{'id':'$size'}]}",
     200, "{}", ""},
    {"first now", AS_VIEWER, GET, "/api/attributes", NULL, 200,
     "{'items':[{'id':'$skin','name':'skin','title':'皮肤','kind':'choice',"
     "'choices':['中','干','油']",
     ""},
    {"operator orders", AS_OPERATOR, POST, "/api/attributes/order", "{'items':[{'id':'$skin'}]}",
     403, "", ""},
    {"orders nothing", AS_ADMIN, POST, "/api/attributes/order", "{'items':[]}", 400, "input.length",
     ""},
};

#define EDIT(body) AS_OPERATOR, POST, ANA "/edit", "{'attributes':" body "}"
static const struct scenario value_cases[] = {
    {"adds with values", AS_OPERATOR, ADD,
     "{'name':'Ana','attributes':{'尺码':'38','visits':3,'budget':129900,'wedding':'2024-02-29',"
     "'skin':'中','likes':['酒','茶']}}",
     200, "'id'", "customer_added", .keep = "ana"},
    {"adds with a wrong one", AS_OPERATOR, ADD, "{'name':'B','attributes':{'visits':'3'}}", 400,
     "'code':'attribute.value'", ""},
    {"adds with one nobody defined", AS_OPERATOR, ADD, "{'name':'B','attributes':{'mood':'x'}}",
     400, "attribute.unknown", ""},
    {"typed, with titles", AS_VIEWER, GET, ANA "/card", NULL, 200,
     "'name':'budget','title':'预算','kind':'money','choices':[],'value':129900,'is_good':true",
     ""},
    {"one changes, the rest stays", EDIT("{'visits':4}"), 200, "{}", "customer_edited"},
    {"so it did", AS_VIEWER, GET, ANA, NULL, 200,
     "'attributes':{'尺码':'38','visits':4,'budget':129900,'wedding':'2024-02-29','skin':'中',"
     "'likes':['酒','茶']}",
     ""},
    {"the same again", EDIT("{'visits':4}"), 200, "{}", ""},
    {"one goes", EDIT("{'wedding':null}"), 200, "{}", "customer_edited"},
    {"is gone", AS_VIEWER, GET, ANA, NULL, 200, "'budget':129900,'skin'", "", .lacks = "wedding"},
    {"unknown", EDIT("{'mood':'x'}"), 400, "'path':'attributes/mood'", ""},
    {"no object", EDIT("[1]"), 400, "customer.attributes", ""},
    {"text too long for nobody: empty", EDIT("{'尺码':''}"), 400, "attribute.value", ""},
    {"integer as text", EDIT("{'visits':'4'}"), 400, "attribute.value", ""},
    {"integer with a fraction", EDIT("{'visits':4.5}"), 400, "attribute.value", ""},
    {"integer too large", EDIT("{'visits':1000000000000001}"), 400, "attribute.value", ""},
    {"money below 0", EDIT("{'budget':-1}"), 400, "attribute.value", ""},
    {"no such day", EDIT("{'wedding':'2025-02-29'}"), 400, "attribute.value", ""},
    {"a time", EDIT("{'wedding':'2025-02-28 10:00'}"), 400, "attribute.value", ""},
    {"another form of date", EDIT("{'wedding':'2025/02/28'}"), 400, "attribute.value", ""},
    {"no choice", EDIT("{'skin':'湿'}"), 400, "attribute.value", ""},
    {"one choice as a list", EDIT("{'skin':['干']}"), 400, "attribute.value", ""},
    {"a choice twice", EDIT("{'likes':['茶','茶']}"), 400, "attribute.value", ""},
    {"no choices", EDIT("{'likes':[]}"), 400, "attribute.value", ""},
    {"a number among them", EDIT("{'likes':[1]}"), 400, "attribute.value", ""},
    {"archives", AS_ADMIN, POST, "/api/attributes/$visits/edit",
     "{'title':'到店次数','is_archived':true}", 200, "{}", ""},
    {"archived takes no more", EDIT("{'visits':5}"), 400, "attribute.archived", ""},
    {"but is still shown", AS_VIEWER, GET, ANA "/card", NULL, 200,
     "'name':'visits','title':'到店次数','kind':'integer','choices':[],'value':4,'is_good':true,"
     "'is_archived':true",
     ""},
    {"and can go", EDIT("{'visits':null}"), 200, "{}", "customer_edited"},
    {"then it is shown no more", AS_VIEWER, GET, ANA "/card", NULL, 200, "'name':'budget'", "",
     .lacks = "'name':'visits'"},
};

static void test_define(void **state)
{
    (void)state;
    scenario_run(define_cases);
}

static void test_values(void **state)
{
    (void)state;
    scenario_run(value_cases);
}

/* ---- from files ------------------------------------------------------------------------------ */

struct import {
    struct customer_new rows[2];
    int64_t ids[2];
    bool is_changed[2];
    struct fault faults[2];
};

static enum err import_step(struct ctx *c, void *user)
{
    struct import *import = user;

    return customer_import_batch(c, &(struct customer_import){.n = import->rows,
                                                              .count = 2,
                                                              .ids = import->ids,
                                                              .is_changed = import->is_changed,
                                                              .faults = import->faults});
}

static const char *import_texts(const char *first, const char *second, struct import *import)
{
    customer_new_init(&import->rows[0]);
    customer_new_init(&import->rows[1]);
    import->rows[0].phone = S("13900000001");
    import->rows[0].attributes = str_of(first);
    import->rows[1].phone = S("13900000002");
    import->rows[1].attributes = str_of(second);
    scenario_write(import_step, import);
    return scenario_text("SELECT attributes FROM customer ORDER BY customer_number DESC LIMIT 1");
}

static void test_import(void **state)
{
    struct import import;

    (void)state;
    /* by name or by title; what is not defined stays text; a wrong one refuses its row only */
    assert_string_equal(
        import_texts(
            "{\"预算\":\"12.345\"}",
            "{\"预算\":\"1,280.5\",\"鞋码\":\"39\",\"wedding\":\"2024/02/29\",\"skin\":\"油\","
            "\"喜好\":\"茶， a b;酒\",\"mood\":\"4\"}",
            &import),
        "{\"budget\":128050,\"尺码\":\"39\",\"wedding\":\"2024-02-29\",\"skin\":\"油\","
        "\"likes\":[\"茶\",\"a b\",\"酒\"],\"mood\":\"4\"}");
    assert_true(import.ids[0] == NONE && import.ids[1] != NONE);
    assert_string_equal(import.faults[0].code, "attribute.value");
    /* another column later leaves the rest as it is */
    assert_string_equal(
        import_texts("{\"skin\":\"湿\"}", "{\"budget\":\"7\"}", &import),
        "{\"budget\":700,\"尺码\":\"39\",\"wedding\":\"2024-02-29\",\"skin\":\"油\","
        "\"likes\":[\"茶\",\"a b\",\"酒\"],\"mood\":\"4\"}");
    assert_true(import.is_changed[1]);
    import_texts("{\"wedding\":\"tomorrow\"}", "{\"budget\":\"7.00\"}", &import);
    assert_false(import.is_changed[1]);
    import_texts("{\"likes\":\"茶,水\"}", "{\"visits\":\"x\"}", &import);
    assert_string_equal(import.faults[0].code, "attribute.value");
    assert_string_equal(import.faults[1].code, "attribute.value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_define),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_import),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
