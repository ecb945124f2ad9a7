/* Customers: adding, editing, tags, list, profile, timeline, search, imports. */
#include "scenario.h"

#include <stdio.h>

#include "host/clock.h"
#include "manage/customer/customer.h"

#define ADD POST, "/api/customers"
#define LIST GET, "/api/customers"
#define ANA "/api/customers/$ana"

static const struct scenario add_cases[] = {
    {"an attribute", AS_ADMIN, POST, "/api/attributes",
     "{'name':'size','title':'Size','kind':'text'}", 200, "'id'", ""},
    {"adds", AS_OPERATOR, ADD,
     "{'name':'Ana Lee','phone':'+86 138-0013-8000','email':'Ana@Example.COM','region':'上海',"
     "'identities':[{'kind':'shop:web','value':' 77 '}],'attributes':{'size':'M'}}",
     200, "'id'", "customer_added", .keep = "ana"},
    {"same phone, another way", AS_OPERATOR, ADD, "{'name':'B','phone':'0086 13800138000'}", 409,
     "customer $ana has this phone", ""},
    {"a landline with its country", AS_OPERATOR, ADD, "{'phone':'0086-10-12345678'}", 200, "'id'",
     "customer_added"},
    {"the same with a +", AS_OPERATOR, ADD, "{'phone':'+86 10 1234 5678'}", 409, "customer.exists",
     ""},
    {"abroad", AS_OPERATOR, ADD, "{'phone':'+44 20 7946 0000'}", 200, "'id'", "customer_added"},
    {"same phone as an identity", AS_OPERATOR, ADD,
     "{'identities':[{'kind':'phone','value':'138 0013 8000'}]}", 409, "customer.exists", ""},
    {"same e-mail", AS_OPERATOR, ADD, "{'email':'ana@example.com'}", 409, "customer.exists", ""},
    {"same shop id", AS_OPERATOR, ADD, "{'identities':[{'kind':'shop:web','value':'77'}]}", 409,
     "customer.exists", ""},
    {"another shop's id", AS_OPERATOR, ADD,
     "{'name':'王小明','identities':[{'kind':'shop:app','value':'77'}]}", 200, "'id'",
     "customer_added", .keep = "bo"},
    {"twice the same identity", AS_OPERATOR, ADD,
     "{'phone':'13900139000','identities':[{'kind':'phone','value':'139-0013-9000'}]}", 200, "'id'",
     "customer_added", .keep = "cy"},
    {"nothing", AS_OPERATOR, ADD, "{}", 400, "customer.empty", ""},
    {"bad phone", AS_OPERATOR, ADD, "{'phone':'call me'}", 400, "identity.value", ""},
    {"bad e-mail", AS_OPERATOR, ADD, "{'email':'ana@'}", 400, "identity.value", ""},
    {"bad kind", AS_OPERATOR, ADD, "{'identities':[{'kind':'fax','value':'1'}]}", 400,
     "identity.kind", ""},
    {"bad scope", AS_OPERATOR, ADD, "{'identities':[{'kind':'shop:','value':'1'}]}", 400,
     "identity.kind", ""},
    {"no such channel", AS_OPERATOR, ADD, "{'name':'x','channel_id':'5'}", 404, "channel.unknown",
     ""},
    {"attributes no object", AS_OPERATOR, ADD, "{'name':'x','attributes':[1]}", 400,
     "customer.attributes", ""},
    {"viewer", AS_VIEWER, ADD, "{'name':'x'}", 403, "gate.permission", ""},
    {"nobody", AS_NOBODY, ADD, "{'name':'x'}", 401, "gate.sign_in", ""},

    {"profile", AS_OPERATOR, GET, ANA, NULL, 200,
     "'name':'Ana Lee','phone':'138****8000','email':'a***@example.com','region':'上海',"
     "'attributes':{'size':'M'}",
     "", .lacks = "13800138000"},
    {"without the name", AS_VIEWER, GET, ANA, NULL, 200, "'name':'A***','phone':'138****8000'", "",
     .lacks = "Lee"},
    {"identities", AS_OPERATOR, GET, ANA, NULL, 200, "{'kind':'shop:web','value':'****'}", "",
     .lacks = "ana@example.com"},
    {"no such", AS_VIEWER, GET, "/api/customers/5", NULL, 404, "customer.unknown", ""},
    {"no id", AS_VIEWER, GET, "/api/customers/x", NULL, 400, "input.type", ""},
    {"nobody", AS_NOBODY, GET, ANA, NULL, 401, "", ""},
};

static const struct scenario edit_cases[] = {
    {"renames", AS_OPERATOR, POST, ANA "/edit", "{'name':'Ana Li','is_family':true}", 200, "{}",
     "customer_edited"},
    {"nothing new", AS_OPERATOR, POST, ANA "/edit", "{'name':'Ana Li','is_family':true}", 200, "{}",
     ""},
    {"family stays", AS_OPERATOR, POST, ANA "/edit", "{'region':'北京'}", 200, "{}",
     "customer_edited"},
    {"is so", AS_VIEWER, GET, ANA, NULL, 200, "'is_family':true", "", .lacks = "Ana Lee"},
    {"another phone", AS_OPERATOR, POST, ANA "/edit", "{'phone':'13700137000'}", 200, "{}",
     "customer_edited"},
    {"the old one is free", AS_OPERATOR, ADD, "{'name':'Dee','phone':'13800138000'}", 200, "'id'",
     "customer_added", .keep = "dee"},
    {"somebody else's", AS_OPERATOR, POST, ANA "/edit", "{'phone':'13800138000'}", 409,
     "customer $dee has this phone", ""},
    {"no phone any more", AS_OPERATOR, POST, ANA "/edit", "{'phone':''}", 200, "{}",
     "customer_edited"},
    {"has none", AS_VIEWER, GET, ANA, NULL, 200, "'phone':null", "", .lacks = "137****7000"},
    {"its own shop id as e-mail", AS_OPERATOR, POST, ANA "/edit", "{'email':'77'}", 400,
     "identity.value", ""},
    {"no such", AS_OPERATOR, POST, "/api/customers/5/edit", "{'name':'x'}", 404, "customer.unknown",
     ""},
    {"viewer", AS_VIEWER, POST, ANA "/edit", "{'name':'x'}", 403, "", ""},
    {"unknown field", AS_OPERATOR, POST, ANA "/edit", "{'paid_fen':5}", 400, "input.unknown", ""},
    {"timeline", AS_VIEWER, GET, ANA "/timeline?limit=1", NULL, 200,
     "'kind':'customer_edited','title_zh':'资料变更'", ""},
    {"what changed, not how", AS_VIEWER, GET, ANA "/timeline", NULL, 200, "{'fields':'phone'}", "",
     .lacks = "13700137000"},
    {"no such timeline", AS_VIEWER, GET, "/api/customers/5/timeline", NULL, 404, "", ""},
};

static const struct scenario tag_cases[] = {
    {"a tag", AS_OPERATOR, POST, "/api/tags", "{'family':'intent','name':'hot','color':'#ff0000'}",
     200, "'id'", "", .keep = "hot"},
    {"another", AS_OPERATOR, POST, "/api/tags",
     "{'family':'intent','name':'cold','color':'#0000ff'}", 200, "'id'", "", .keep = "cold"},
    {"same name", AS_OPERATOR, POST, "/api/tags",
     "{'family':'intent','name':' hot','color':'#ff0000'}", 409, "tag.exists", ""},
    {"other family", AS_OPERATOR, POST, "/api/tags",
     "{'family':'activity','name':'hot','color':'#ff0000'}", 200, "'id'", ""},
    {"bad colour", AS_OPERATOR, POST, "/api/tags",
     "{'family':'intent','name':'x','color':'#gg0000'}", 400, "tag.color", ""},
    {"bad family", AS_OPERATOR, POST, "/api/tags", "{'family':'mood','name':'x','color':'#ff0000'}",
     400, "input.choice", ""},
    {"renames into another", AS_OPERATOR, POST, "/api/tags/$cold/edit",
     "{'name':'hot','color':'#0000ff'}", 409, "tag.exists", ""},
    {"renames", AS_OPERATOR, POST, "/api/tags/$cold/edit", "{'name':'cool','color':'#0000fe'}", 200,
     "{}", ""},
    {"colours only", AS_OPERATOR, POST, "/api/tags/$cold/edit", "{'name':'cool','color':'#0000fd'}",
     200, "{}", ""},
    {"no such tag", AS_OPERATOR, POST, "/api/tags/5/edit", "{'name':'x','color':'#0000fe'}", 404,
     "tag.unknown", ""},
    {"on", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$hot','is_on':true}", 200, "{}",
     "tag_added"},
    {"on again", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$hot','is_on':true}", 200, "{}", ""},
    {"both", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$cold','is_on':true}", 200, "{}",
     "tag_added"},
    {"counted", AS_VIEWER, GET, "/api/tags", NULL, 200,
     "'name':'hot','color':'#ff0000','customer_count':1", ""},
    {"in the list", AS_VIEWER, GET, "/api/customers?tag_id=$hot", NULL, 200,
     "'tags':[{'id':'$hot','name':'hot','color':'#ff0000'},{'id':'$cold','name':'cool'", ""},
    {"off", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$hot','is_on':false}", 200, "{}",
     "tag_removed"},
    {"off again", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$hot','is_on':false}", 200, "{}", ""},
    {"no such", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'5','is_on':true}", 404, "tag.unknown",
     ""},
    {"no such customer", AS_OPERATOR, POST, "/api/customers/5/tags",
     "{'tag_id':'$hot','is_on':true}", 404, "customer.unknown", ""},
    {"not said", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$hot'}", 400, "'path':'is_on'", ""},
    {"viewer", AS_VIEWER, POST, ANA "/tags", "{'tag_id':'$hot','is_on':true}", 403, "", ""},
    {"viewer cannot add", AS_VIEWER, POST, "/api/tags",
     "{'family':'intent','name':'x','color':'#ff0000'}", 403, "", ""},
};

static void test_add(void **state)
{
    (void)state;
    scenario_run(add_cases);
}

static void test_edit(void **state)
{
    (void)state;
    scenario_sql("INSERT INTO setting VALUES ('merge_by_phone', '0', 1, 0, NULL)"); /* merge_test */
    scenario_run(edit_cases);
}

static void test_tags(void **state)
{
    (void)state;
    scenario_run(tag_cases);
}

/* Nothing that was typed stands in the file in the clear, and nothing of it in the kept replies.
 * Ciphertext and ids are random, so whole numbers are looked for: three digits of one come by
 * chance. */
static void test_sealed(void **state)
{
    (void)state;
    assert_int_equal(scenario_number("SELECT count(*) FROM identity WHERE value_enc = '77' OR "
                                     "instr(value_enc, '13900139000') > 0"),
                     0);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM customer WHERE instr(name_enc, 'Ana') > 0 "
                        "OR instr(phone_enc, '13700137000') > 0"),
        0);
    assert_int_equal(scenario_number("SELECT count(*) FROM journal WHERE properties LIKE '%Ana%' "
                                     "OR properties LIKE '%13800138000%'"),
                     0);
    assert_int_equal(
        scenario_number("SELECT (SELECT count(*) FROM reply_a WHERE body LIKE '%Ana%') + "
                        "(SELECT count(*) FROM reply_b WHERE body LIKE '%Ana%')"),
        0);
    assert_int_equal(scenario_number("SELECT count(*) - max(customer_number) FROM customer"), 0);
}

/* ---- the list -------------------------------------------------------------------------------- */

#define BASE_COUNT 30

static int64_t count_in(struct str text, const char *part)
{
    int64_t count = 0, at;

    while ((at = str_find(text, str_of(part))) >= 0) {
        text = str_sub(text, (size_t)at + 1, text.len);
        count++;
    }
    return count;
}

/* Customers 1.. BASE_COUNT of shop "list": the i-th bought i % 4 times, i days ago. */
static enum err list_step(struct ctx *c, void *user)
{
    (void)user;
    for (int64_t i = 1; i <= BASE_COUNT; i++) {
        struct customer_ref ref = {S("shop:list"), str_fmt(c->arena, "L%" PRId64, i)};
        struct customer_new n;
        int64_t id;
        customer_new_init(&n);
        n.refs = &ref;
        n.ref_count = 1;
        n.name = str_fmt(c->arena, "Listed %02" PRId64, i);
        n.touched_ms = c->now_ms - i * DAY_MS;
        TRY(customer_add(c, &n, &id));
    }
    return OK;
}

static int64_t walk(const char *query, const char *item)
{
    int64_t count = 0;

    scenario_set("next", "");
    for (int page = 0; page < 50; page++) {
        struct app_call call = scenario_ask(
            AS_OPERATOR, GET,
            str_cstr(scenario_arena, str_fmt(scenario_arena, "/api/customers?limit=7&%s%s", query,
                                             page == 0 ? "" : "&cursor=$next")),
            NULL);
        struct json json;
        const struct json *next;
        if (call.status != 200)
            fail_msg("%s: %.*s", query, STR(call.reply));
        assert_int_equal(json_parse(scenario_arena, call.reply, &json, NULL), OK);
        count += count_in(call.reply, item);
        next = json_get(&json, "next_cursor");
        if (next->type == JSON_NULL)
            return count;
        scenario_set("next", str_cstr(scenario_arena, next->text));
    }
    fail_msg("%s: the list does not end", query);
    return 0;
}

static void test_list(void **state)
{
    static const char *const sorts[] = {"newest", "last_order", "paid", "orders"};
    int64_t all;

    (void)state;
    scenario_write(list_step, NULL);
    all = scenario_number("SELECT count(*) FROM customer");
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        char query[40];
        snprintf(query, sizeof(query), "sort=%s", sorts[i]);
        assert_int_equal(walk(query, "\"touched_ms\""), all);
        for (int j = 1; j <= BASE_COUNT; j++) { /* each exactly once */
            char name[40];
            snprintf(name, sizeof(name), "\"name\":\"Listed %02d\"", j);
            assert_int_equal(walk(query, name), 1);
            if (i > 0 && j == 3)
                break;
        }
    }
    assert_int_equal(walk("state=never", "\"state\":\"never\""), all);
    assert_int_equal(walk("state=lost", "\"touched_ms\""), 0);
    assert_int_equal(walk("from_date=2026-02-19&to_date=2026-02-20", "\"touched_ms\""), 1);
    assert_int_equal(walk("stage=added", "\"touched_ms\""), 0);
}

static const struct scenario list_cases[] = {
    {"total", AS_VIEWER, GET, "/api/customers?limit=1", NULL, 200, "'total_count':", ""},
    {"bad state", AS_VIEWER, GET, "/api/customers?state=x", NULL, 400, "input.choice", ""},
    {"bad cursor", AS_VIEWER, GET, "/api/customers?cursor=1", NULL, 400, "input.cursor", ""},
    {"too many", AS_VIEWER, GET, "/api/customers?limit=101", NULL, 400, "input.range", ""},
    {"no such channel", AS_VIEWER, GET, "/api/customers?channel_id=5", NULL, 404, "channel.unknown",
     ""},
    {"one day only", AS_VIEWER, GET, "/api/customers?from_date=2026-02-01", NULL, 400, "input.date",
     ""},
    {"bad month", AS_VIEWER, GET, "/api/customers?month=2026-13", NULL, 400, "input.date", ""},
    {"good month", AS_VIEWER, GET, "/api/customers?month=2026-02", NULL, 200, "'total_count':0",
     ""},
    {"no such filter", AS_VIEWER, GET, "/api/customers?colour=red", NULL, 400, "input.unknown", ""},
    {"nobody", AS_NOBODY, LIST, NULL, 401, "", ""},
};

static void test_list_rules(void **state)
{
    (void)state;
    scenario_run(list_cases);
}

/* ---- search ---------------------------------------------------------------------------------- */

static const struct scenario search_cases[] = {
    {"part of a name", AS_OPERATOR, GET, "/api/customers?search=na%20l", NULL, 200,
     "'total_count':1", ""},
    {"any case", AS_OPERATOR, GET, "/api/customers?search=ANA", NULL, 200, "Ana Li", ""},
    {"Chinese", AS_OPERATOR, GET, "/api/customers?search=小明", NULL, 200, "王小明", ""},
    {"not by a masked name", AS_VIEWER, GET, "/api/customers?search=小明", NULL, 200,
     "'total_count':0", ""},
    {"nor by the hidden part of a phone", AS_VIEWER, GET, "/api/customers?search=1390013", NULL,
     200, "'total_count':0", ""},
    {"nor past it", AS_VIEWER, GET, "/api/customers?search=39000", NULL, 200, "'total_count':0",
     ""},
    {"nor by a part of an e-mail", AS_VIEWER, GET, "/api/customers?search=na@example", NULL, 200,
     "'total_count':0", ""},
    {"who may show it finds it", AS_OPERATOR, GET, "/api/customers?search=1390013", NULL, 200,
     "139****9000", ""},
    {"an e-mail by a part", AS_OPERATOR, GET, "/api/customers?search=na@example", NULL, 200,
     "'total_count':1", ""},
    {"tail of a phone", AS_VIEWER, GET, "/api/customers?search=9000", NULL, 200, "139****9000", "",
     .lacks = "13900139000"},
    {"a phone as written", AS_VIEWER, GET, "/api/customers?search=%2B86%20139-0013-9000", NULL, 200,
     "'total_count':1", ""},
    {"old phone is gone", AS_VIEWER, GET, "/api/customers?search=13700137000", NULL, 200,
     "'total_count':0", ""},
    {"old name is gone", AS_OPERATOR, GET, "/api/customers?search=ana%20lee", NULL, 200,
     "'total_count':0", ""},
    {"an e-mail", AS_VIEWER, GET, "/api/customers?search=ana@example.com", NULL, 200,
     "'total_count':1", ""},
    {"a shop's id", AS_OPERATOR, GET, "/api/customers?search=l17", NULL, 200, "'total_count':1",
     ""},
    {"not across two texts", AS_OPERATOR, GET, "/api/customers?search=liana", NULL, 200,
     "'total_count':0", ""},
    {"many", AS_OPERATOR, GET, "/api/customers?search=listed&limit=10", NULL, 200,
     "'total_count':30", ""},
    {"with a filter", AS_OPERATOR, GET,
     "/api/customers?search=listed&from_date=2026-02-19&to_date=2026-02-20", NULL, 200,
     "'total_count':1", ""},
};

static const struct scenario follow_cases[] = {
    {"adds", AS_OPERATOR, ADD, "{'name':'Fresh One'}", 200, "'id'", "customer_added",
     .keep = "fresh"},
    {"is found", AS_OPERATOR, GET, "/api/customers?search=fresh", NULL, 200, "Fresh One", ""},
    {"renames", AS_OPERATOR, POST, "/api/customers/$fresh/edit", "{'name':'Stale One'}", 200, "{}",
     "customer_edited"},
    {"not by the old name", AS_OPERATOR, GET, "/api/customers?search=fresh", NULL, 200,
     "'total_count':0", ""},
    {"by the new one", AS_OPERATOR, GET, "/api/customers?search=stale", NULL, 200, "Stale One", ""},
};

static void test_search(void **state)
{
    (void)state;
    scenario_names_await();
    scenario_run(search_cases);
    assert_int_equal(walk("search=listed", "\"touched_ms\""), BASE_COUNT);
    assert_int_equal(walk("search=listed&sort=last_order", "\"touched_ms\""), BASE_COUNT);
    scenario_run(follow_cases);
}

/* ---- imports --------------------------------------------------------------------------------- */

struct import {
    struct customer_new *rows;
    int64_t count, ids[8];
    bool is_changed[8];
    struct fault faults[8];
    struct str changes;
};

static enum err import_step(struct ctx *c, void *user)
{
    struct import *import = user;

    struct customer_import all = {.n = import->rows,
                                  .count = import->count,
                                  .ids = import->ids,
                                  .is_changed = import->is_changed,
                                  .faults = import->faults};

    TRY(customer_import_batch(c, &all));
    import->changes = str_copy(scenario_arena, all.changes);
    return OK;
}

static struct customer_new row_of(const struct customer_ref *ref, struct str name, struct str phone)
{
    struct customer_new n;

    customer_new_init(&n);
    n.refs = ref;
    n.ref_count = ref ? 1 : 0;
    n.name = name;
    n.phone = phone;
    return n;
}

static void test_import(void **state)
{
    static const struct customer_ref a = {{"shop:im", 7}, {"1", 1}}, b = {{"shop:im", 7}, {"2", 1}};
    struct customer_new rows[] = {
        row_of(&a, S("Im One"), S("15000000001")), row_of(&b, S("Im Two"), S("")),
        row_of(&a, S("Im One"), (struct str){0}),  row_of(NULL, S("No Body"), S("")),
        row_of(&b, S("Im Two"), S("15000000001")), /* of two people: refused */
        row_of(NULL, S("x"), S("not a phone")),    row_of(NULL, S(""), S("15000000001")),
    };
    struct import import = {.rows = rows, .count = ARRAY_LEN(rows)};
    uint64_t before;

    (void)state;
    scenario_write(import_step, &import);
    assert_true(import.is_changed[0] && import.is_changed[1]);
    assert_false(import.is_changed[2]);
    assert_int_equal(import.ids[0], import.ids[2]);
    assert_int_equal(import.ids[0], import.ids[6]);
    assert_string_equal(import.faults[3].code, "customer.identity");
    assert_string_equal(import.faults[4].code, "customer.conflict");
    assert_string_equal(import.faults[5].code, "identity.value");
    assert_true(import.ids[3] == NONE && import.ids[4] == NONE && import.ids[5] == NONE);
    before = scenario_state();
    scenario_write(import_step, &import);
    assert_true(scenario_state() == before); /* the same rows again change nothing */
    for (int i = 0; i < 7; i++)
        assert_false(import.is_changed[i]);
    rows[1].region = S("杭州");
    scenario_write(import_step, &import);
    assert_true(import.is_changed[1]);
    assert_true(scenario_number("SELECT count(*) FROM customer WHERE region = '杭州'") == 1);
}

struct undoing {
    struct str noun, before;
    int64_t undone_count, kept_count;
};

static enum err undo_step(struct ctx *c, void *user)
{
    struct undoing *undoing = user;

    return customer_undo(c, undoing->noun, undoing->before, &undoing->undone_count,
                         &undoing->kept_count);
}

static struct undoing undone(const char *noun, struct str before)
{
    struct undoing undoing = {.noun = str_of(noun), .before = before};

    scenario_write(undo_step, &undoing);
    return undoing;
}

static const struct scenario guests[] = {
    {"guest", AS_OPERATOR, ADD, "{'name':'Guest','phone':'15100000001'}", 200, "", NULL},
    {"old", AS_OPERATOR, ADD, "{'name':'Old','phone':'15100000002'}", 200, "", NULL, .keep = "old"},
    {"host", AS_OPERATOR, ADD, "{'name':'Host','phone':'15100000003'}", 200, "", NULL,
     .keep = "host"},
};
static const struct scenario host_is_old[] = {
    {"merge", AS_OPERATOR, POST, "/api/customers/$old/merge", "{'other_customer_id':'$host'}", 200,
     "", NULL},
};

static int64_t of_guest(const char *what, int number)
{
    return scenario_number(str_cstr(
        scenario_arena,
        str_fmt(scenario_arena, "SELECT coalesce(%s, 0) FROM customer WHERE customer_number = %d",
                what, number)));
}

static int64_t told_count(int64_t customer_id)
{
    return scenario_number(str_cstr(
        scenario_arena, str_fmt(scenario_arena,
                                "SELECT count(*) FROM journal WHERE kind = 'customer_edited' AND "
                                "customer_id = %" PRId64 " AND properties LIKE '%%import_undo%%'",
                                customer_id)));
}

/* An inviter that an import gave to somebody known goes with it, and is counted no more, whoever it
 * is by then; one that is another by then stays. */
static void test_import_inviter(void **state)
{
    struct customer_new rows[] = {row_of(NULL, (struct str){0}, S("15100000001"))};
    struct import import = {.rows = rows, .count = 1};
    int64_t host_id, old_id;
    struct undoing undoing;
    int first;

    (void)state;
    scenario_run_once(guests, ARRAY_LEN(guests));
    first = (int)scenario_number("SELECT max(customer_number) FROM customer") - 2;
    old_id = of_guest("id", first + 1);
    host_id = rows[0].invited_by_customer_id = of_guest("id", first + 2);
    scenario_write(import_step, &import);
    assert_true(import.is_changed[0]);
    assert_int_equal(of_guest("invited_by_customer_id", first), host_id);
    undoing = undone("changes", import.changes);
    assert_int_equal(undoing.undone_count, 1);
    assert_int_equal(undoing.kept_count, 0);
    assert_int_equal(of_guest("invited_by_customer_id", first), 0);
    assert_int_equal(of_guest("invited_count", first + 2), 0);
    assert_int_equal(told_count(import.ids[0]), 1);
    assert_int_equal(told_count(host_id), 1);

    scenario_write(import_step, &import);
    scenario_run_once(host_is_old, ARRAY_LEN(host_is_old));
    assert_int_equal(of_guest("invited_count", first + 1), 1);
    undoing = undone("changes", import.changes);
    assert_int_equal(undoing.undone_count, 1);
    assert_int_equal(of_guest("invited_count", first + 1), 0);
    assert_int_equal(of_guest("invited_count", first + 2), 0);
    assert_int_equal(told_count(host_id), 2);

    scenario_write(import_step, &import);
    scenario_sql(
        str_cstr(scenario_arena, str_fmt(scenario_arena,
                                         "UPDATE customer SET invited_by_customer_id = %" PRId64
                                         " WHERE customer_number = %d",
                                         old_id, first)));
    undoing = undone("changes", import.changes);
    assert_int_equal(undoing.kept_count, 1);
    assert_int_equal(of_guest("invited_by_customer_id", first), old_id);
    assert_int_equal(of_guest("invited_count", first + 1), 1);

    rows[0].phone = S("15100000004"); /* made by the import: its inviter is somebody else by now */
    scenario_write(import_step, &import);
    assert_int_equal(of_guest("invited_count", first + 1), 2);
    undoing = undone("customers", str_fmt(scenario_arena, "%" PRId64, import.ids[0]));
    assert_int_equal(undoing.undone_count, 1);
    assert_int_equal(of_guest("invited_count", first + 1), 1);
    assert_int_equal(of_guest("invited_count", first + 2), 0);
}

struct batch {
    struct customer_ref refs[4];
    int64_t ids[4], touched_ms[4];
};

static enum err batch_step(struct ctx *c, void *user)
{
    struct batch *batch = user;

    return customer_find_or_add_batch(c, batch->refs, 4, batch->touched_ms, batch->ids);
}

static void test_batch(void **state)
{
    struct batch batch = {
        {{S("shop:ba"), S("1")}, {{0}, {0}}, {S("shop:ba"), S("1")}, {S("shop:im"), S("1")}},
        {0},
        {900000, 0, 500000, 600000}};
    uint64_t before;

    (void)state;
    scenario_write(batch_step, &batch);
    assert_true(batch.ids[1] == NONE);
    assert_int_equal(batch.ids[0], batch.ids[2]);
    assert_int_not_equal(batch.ids[0], batch.ids[3]);
    assert_int_equal(
        scenario_number("SELECT touched_ms FROM customer ORDER BY customer_number DESC LIMIT 1"),
        500000);
    before = scenario_state();
    scenario_write(batch_step, &batch);
    assert_true(scenario_state() == before);
}

/* ---- purchase state -------------------------------------------------------------------------- */

static void test_state(void **state)
{
    struct customer_limits limits = {.sleep_before_ms = 1000, .lost_before_ms = 500};

    (void)state;
    assert_string_equal(customer_state(&limits, 0, NONE), "never");
    assert_string_equal(customer_state(&limits, 1, 1000), "once");
    assert_string_equal(customer_state(&limits, 2, 1000), "repeat");
    assert_string_equal(customer_state(&limits, 2, 999), "sleeping");
    assert_string_equal(customer_state(&limits, 2, 500), "sleeping");
    assert_string_equal(customer_state(&limits, 1, 499), "lost");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_edit),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_rules),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_import_inviter),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_state),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
