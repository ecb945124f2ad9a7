/* Events from outside: each message once, wrong ones reported, who is meant, what facts change. */
#include "scenario.h"

#include "host/clock.h"
#include "manage/event/event.h"

#define SEND POST, "/api/v1/events"
#define PHONE(n) "'customer':{'kind':'phone','value':'" n "'}"

static const struct scenario form_cases[] = {
    {"one", AS_KEY, SEND, "{'message_id':'a1','kind':'page_viewed','anonymous_id':'v1'}", 200,
     "{'accepted_count':1,'duplicate_count':0,'rejected':[]}", "customer_added page_viewed"},
    {"again", AS_KEY, SEND, "{'message_id':'a1','kind':'page_viewed','anonymous_id':'v1'}", 200,
     "{'accepted_count':0,'duplicate_count':1,'rejected':[]}", ""},
    {"again with other words", AS_KEY, SEND,
     "{'message_id':'a1','kind':'live_watched','anonymous_id':'new','properties':{'code':'x'}}",
     200, "'duplicate_count':1", ""},
    {"twice in a batch", AS_KEY, SEND,
     "{'events':[{'message_id':'a2','kind':'page_viewed','anonymous_id':'v1'},"
     "{'message_id':'a2','kind':'page_viewed','anonymous_id':'v1'}]}",
     200, "{'accepted_count':1,'duplicate_count':1,'rejected':[]}", "page_viewed"},
    {"wrong ones go, others stay", AS_KEY, SEND,
     "{'events':[{'message_id':'b0','kind':'nope','anonymous_id':'v1'},"
     "{'message_id':'b1','kind':'page_viewed','anonymous_id':'v1'},"
     "{'message_id':'b2','kind':'page_viewed','colour':'red'},"
     "{'message_id':'b3','kind':'order_paid','anonymous_id':'v1'},"
     "{'message_id':'b4','kind':'product_viewed','anonymous_id':'v1'},"
     "5,"
     "{'message_id':'b5','kind':'page_viewed','customer':{'kind':'phone','value':'x'}},"
     "{'message_id':'b6','kind':'page_viewed','channel_code':'none'},"
     "{'message_id':'b7','kind':'friend_added'},"
     "{'kind':'page_viewed'},"
     "{'message_id':'b8','kind':'page_viewed','occurred_ms':-1},"
     "{'message_id':'b9','kind':'page_viewed','properties':{'url':5}}]}",
     200,
     "{'accepted_count':1,'duplicate_count':0,'rejected':["
     "{'index_number':0,'code':'event.kind_unknown','message':'no such kind of event: nope'},"
     "{'index_number':2,'code':'input.unknown','message':'colour: no such field'},"
     "{'index_number':3,'code':'event.kind_unknown','message':'no such kind of event: order_paid'},"
     "{'index_number':4,'code':'event.property',"
     "'message':'properties/product_code: product_code is required'},"
     "{'index_number':5,'code':'input.type',",
     "page_viewed"},
    {"the later ones", AS_KEY, SEND,
     "{'events':[{'message_id':'c5','kind':'page_viewed','customer':{'kind':'phone','value':'x'}},"
     "{'message_id':'c6','kind':'page_viewed','channel_code':'none'},"
     "{'message_id':'c7','kind':'friend_added'},"
     "{'kind':'page_viewed'},"
     "{'message_id':'c8','kind':'page_viewed','occurred_ms':-1},"
     "{'message_id':'c9','kind':'page_viewed','properties':{'url':5}},"
     "{'message_id':'ca','kind':'page_viewed','occurred_ms':9999999999999}]}",
     200,
     "'rejected':[{'index_number':0,'code':'identity.value','message':'this is no phone'},"
     "{'index_number':1,'code':'event.channel_unknown','message':'no channel has the code none'},"
     "{'index_number':2,'code':'event.customer','message':'friend_added needs a customer'},"
     "{'index_number':3,'code':'input.required','message':'message_id: message_id is required'},"
     "{'index_number':4,'code':'event.past','message':'occurred_ms lies before 1970'},"
     "{'index_number':5,'code':'event.property','message':'properties/url: url must be text'},"
     "{'index_number':6,'code':'event.future','message':'occurred_ms lies in the future'}]",
     ""},
    {"a refused message may come again, put right", AS_KEY, SEND,
     "{'message_id':'c9','kind':'page_viewed','properties':{'url':'/'}}", 200, "'accepted_count':1",
     "page_viewed"},
    {"no batch", AS_KEY, SEND, "{'events':5}", 400, "input.type", ""},
    {"batch and more", AS_KEY, SEND, "{'events':[],'kind':'x'}", 400, "input.type", ""},
    {"empty batch", AS_KEY, SEND, "{'events':[]}", 200, "'accepted_count':0", ""},
    {"no JSON", AS_KEY, SEND, "{", 400, "input.json", ""},
    {"no object", AS_KEY, SEND, "[]", 400, "input.type", ""},
    {"nothing", AS_KEY, SEND, "", 400, "input.json", ""},
    {"signed in", AS_VIEWER, SEND, "{'message_id':'d1','kind':'page_viewed'}", 200,
     "'accepted_count':1", "page_viewed"},
    {"nobody", AS_NOBODY, SEND, "{'message_id':'d2','kind':'page_viewed'}", 401, "gate.sign_in",
     ""},
    {"no queries in addresses", AS_KEY, SEND,
     "{'message_id':'d3','kind':'page_viewed','properties':"
     "{'url':'https://x.example/a?phone=13800138000#y','title':'T','referrer':null}}",
     200, "'accepted_count':1", "page_viewed"},
};

static void test_form(void **state)
{
    (void)state;
    scenario_run(form_cases);
    assert_string_equal(
        scenario_text("SELECT properties FROM journal WHERE properties LIKE '%example%'"),
        "{\"url\":\"https://x.example/a\",\"title\":\"T\"}");
    assert_int_equal(
        scenario_number("SELECT count(*) FROM message WHERE length(message_hash) <> 16"), 0);
}

static const struct scenario people_cases[] = {
    {"a channel", AS_ADMIN, POST, "/api/channels", "{'code':'wx','name':'W','kind':'ad'}", 200,
     "'id'", "channel_added", .keep = "wx"},
    {"a visitor", AS_KEY, SEND,
     "{'message_id':'e1','kind':'page_viewed','anonymous_id':'w1','channel_code':'wx'}", 200,
     "'accepted_count':1", "customer_added page_viewed"},
    {"gets a name", AS_KEY, SEND,
     "{'message_id':'e2','kind':'member_registered','anonymous_id':'w1'," PHONE("13811110001") "}",
     200, "'accepted_count':1", "customer_edited member_registered"},
    {"is found by it", AS_KEY, SEND,
     "{'message_id':'e3','kind':'page_viewed'," PHONE("+8613811110001") "}", 200,
     "'accepted_count':1", "page_viewed"},
    {"another person on that machine", AS_KEY, SEND,
     "{'message_id':'e4','kind':'page_viewed','anonymous_id':'w1'," PHONE("13811110002") "}", 200,
     "'accepted_count':1", "customer_added page_viewed"},
    {"known person, new machine", AS_KEY, SEND,
     "{'message_id':'e5','kind':'page_viewed','anonymous_id':'w2'," PHONE("13811110001") "}", 200,
     "'accepted_count':1", "page_viewed"},
    {"and then without a name", AS_KEY, SEND,
     "{'message_id':'e6','kind':'page_viewed','anonymous_id':'w2'}", 200, "'accepted_count':1",
     "page_viewed"},
    {"all within one batch", AS_KEY, SEND,
     "{'events':[{'message_id':'f1','kind':'page_viewed','anonymous_id':'w9'},"
     "{'message_id':'f2','kind':'page_viewed','anonymous_id':'w9'," PHONE(
         "13811110009") "},"
                        "{'message_id':'f3','kind':'page_viewed'," PHONE("13811110009") "}]}",
     200, "'accepted_count':3", "customer_added page_viewed page_viewed page_viewed"},
    {"a duplicate makes nobody", AS_KEY, SEND,
     "{'message_id':'f3','kind':'page_viewed'," PHONE("13811119999") "}", 200,
     "'duplicate_count':1", ""},
    {"nor does a refused one", AS_KEY, SEND,
     "{'message_id':'f4','kind':'nope'," PHONE("13811119999") "}", 200, "'accepted_count':0", ""},
};

static void test_people(void **state)
{
    (void)state;
    scenario_run(people_cases);
    /* e1 e2 e3 e5 e6 are one person's, first touched through the channel; whoever was known when
     * e3 and e6 came has them in a page */
    assert_int_equal(
        scenario_number("SELECT count(*) + (SELECT coalesce(sum(event_count), 0) FROM "
                        "behaviour_page WHERE id > (SELECT id FROM journal WHERE kind = "
                        "'member_registered')) FROM journal WHERE kind IN ('page_viewed', "
                        "'member_registered') AND customer_id = (SELECT customer_id FROM journal "
                        "WHERE kind = 'member_registered')"),
        5);
    assert_int_equal(scenario_number("SELECT c.added_ms = j.occurred_ms AND c.channel_id IS NOT "
                                     "NULL FROM customer c JOIN journal j ON j.customer_id = c.id "
                                     "WHERE j.kind = 'member_registered'"),
                     1);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer c WHERE NOT EXISTS (SELECT 1 "
                                     "FROM identity i WHERE i.customer_id = c.id)"),
                     0);
}

static const struct scenario invite_cases[] = {
    {"invites", AS_KEY, SEND,
     "{'message_id':'g1','kind':'invite_accepted'," PHONE(
         "13822220002") ","
                        "'properties':{'inviter_kind':'phone','inviter_value':'138-2222-0001','"
                        "code':'may'}}",
     200, "'accepted_count':1", "customer_added customer_added invite_accepted"},
    {"only once", AS_KEY, SEND,
     "{'message_id':'g2','kind':'invite_accepted'," PHONE(
         "13822220002") ","
                        "'properties':{'inviter_kind':'phone','inviter_value':'13822220001'}}",
     200, "'accepted_count':1", "invite_accepted"},
    {"no second inviter", AS_KEY, SEND,
     "{'message_id':'g3','kind':'invite_accepted'," PHONE(
         "13822220002") ","
                        "'properties':{'inviter_kind':'phone','inviter_value':'13822220003'}}",
     200, "'accepted_count':1", "customer_added invite_accepted"},
    {"not back", AS_KEY, SEND,
     "{'message_id':'g4','kind':'invite_accepted'," PHONE(
         "13822220001") ","
                        "'properties':{'inviter_kind':'phone','inviter_value':'13822220002'}}",
     200, "'accepted_count':1", "invite_accepted"},
    {"not oneself", AS_KEY, SEND,
     "{'message_id':'g5','kind':'invite_accepted'," PHONE(
         "13822220001") ","
                        "'properties':{'inviter_kind':'phone','inviter_value':'0086 13822220001'}}",
     200, "'code':'event.self'", ""},
    {"a second identity", AS_OPERATOR, POST, "/api/customers",
     "{'phone':'13822220005','email':'five@x.example'}", 200, "'id'", "customer_added"},
    {"not oneself by another identity", AS_KEY, SEND,
     "{'message_id':'g6','kind':'invite_accepted'," PHONE(
         "13822220005") ","
                        "'properties':{'inviter_kind':'email','inviter_value':'five@X.example'}}",
     200, "'accepted_count':1,'duplicate_count':0,'rejected':[]", ""},
    {"told to who sees customers", AS_OPERATOR, SEND,
     "{'message_id':'g6b','kind':'invite_accepted'," PHONE(
         "13822220005") ","
                        "'properties':{'inviter_kind':'email','inviter_value':'five@X.example'}}",
     200, "'code':'event.self'", ""},
    {"no inviter", AS_KEY, SEND,
     "{'message_id':'g7','kind':'invite_accepted'," PHONE("13822220001") "}", 200,
     "'code':'event.property'", ""},
    {"no such identity", AS_KEY, SEND,
     "{'message_id':'g8','kind':'invite_accepted'," PHONE(
         "13822220001") ","
                        "'properties':{'inviter_kind':'fax','inviter_value':'1'}}",
     200, "'code':'identity.kind'", ""},
};

static void test_invites(void **state)
{
    (void)state;
    scenario_run(invite_cases);
    assert_int_equal(scenario_number("SELECT sum(invited_count) FROM customer"), 1);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM customer WHERE invited_by_customer_id IS NOT NULL"),
        1);
    assert_string_equal(
        scenario_text("SELECT properties FROM journal WHERE kind = 'invite_accepted' ORDER BY id"),
        "{\"code\":\"may\"}");
    assert_int_equal(
        scenario_number("SELECT count(*) FROM journal WHERE properties LIKE '%1382222000%'"), 0);
}

static const struct scenario time_cases[] = {
    {"now", AS_KEY, SEND, "{'message_id':'t1','kind':'checked_in'," PHONE("13833330001") "}", 200,
     "'accepted_count':1", "customer_added checked_in"},
    {"a year before, elsewhere", AS_KEY, SEND,
     "{'message_id':'t2','kind':'checked_in','occurred_ms':1740000000000,'channel_code':'wx'"
     "," PHONE("13833330001") "}",
     200, "'accepted_count':1", "checked_in"},
    {"somebody removed us", AS_KEY, SEND,
     "{'message_id':'t3','kind':'friend_removed'," PHONE("13833330002") "}", 200,
     "'accepted_count':1", "customer_added friend_removed"},
    {"added early, told late", AS_KEY, SEND,
     "{'events':[{'message_id':'t4','kind':'friend_added','occurred_ms':1750000000000," PHONE(
         "13833330003") "},{'message_id':'t5','kind':'official_followed',"
                        "'occurred_ms':1740000000000," PHONE("13833330003") "}]}",
     200, "'accepted_count':2", "customer_added friend_added official_followed"},
};

static void test_times(void **state)
{
    (void)state;
    scenario_run(time_cases);
    /* the last action stays, the first touch moves back and takes its channel along */
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE touched_ms = "
                                     "1740000000000 AND action_day = 20513 AND channel_id IS NOT "
                                     "NULL"),
                     1);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer c JOIN journal j ON "
                                     "j.customer_id = c.id WHERE j.kind = 'friend_removed' AND "
                                     "c.action_day IS NULL"),
                     1);
    assert_int_equal(scenario_number("SELECT added_ms FROM customer WHERE touched_ms = "
                                     "1740000000000 AND added_ms IS NOT NULL"),
                     1740000000000);
    assert_int_equal(scenario_number("SELECT count(*) FROM journal WHERE kind <> "
                                     "'customer_added' AND occurred_ms = "
                                     "1740000000000 AND arrived_ms > 1770000000000"),
                     2);
}

static enum err forget_step(struct ctx *c, void *user)
{
    return message_forget(c, user);
}

static void test_forget(void **state)
{
    int64_t count, all = scenario_number("SELECT count(*) FROM message");

    (void)state;
    scenario_write(forget_step, &count);
    assert_int_equal(count, 0);
    scenario_clock(clock_now_ms() + 7 * DAY_MS + 3600000);
    scenario_write(forget_step, &count);
    assert_int_equal(count, all);
    assert_int_equal(scenario_number("SELECT count(*) FROM message"), 0);
}

static void test_beacon(void **state)
{
    static const struct scenario cases[] = {
        {"taken", AS_KEY, POST, "/api/v1/beacon",
         "{'events':[{'message_id':'z1','kind':'page_viewed','anonymous_id':'v1'},"
         "{'message_id':'z2','kind':'nope'}]}",
         204, "", "page_viewed"},
        {"an address with any channel in it", AS_KEY, POST, "/api/v1/beacon",
         "{'message_id':'z4','kind':'page_viewed','channel_code':'typo'}", 204, "", "page_viewed"},
        {"the script", AS_NOBODY, GET, "/papilio.js", NULL, 200, "/api/v1/beacon?key=", ""},
        {"nobody", AS_NOBODY, POST, "/api/v1/beacon", "{'message_id':'z3','kind':'page_viewed'}",
         401, "", ""},
        {"broken", AS_KEY, POST, "/api/v1/beacon", "x", 400, "input.json", ""},
    };

    (void)state;
    scenario_run(cases);
    assert_in_range(scenario_ask(AS_NOBODY, GET, "/papilio.js", NULL).reply.len, 1000, 3072);
}

/* A thousand at once, ten of them new people; then the same again. */
static void test_batch(void **state)
{
    struct buf buf;
    struct app_call call;
    char *body;

    (void)state;
    buf_init(&buf, 1024 * 1024);
    buf_str(&buf, S("{'events':["));
    for (int i = 0; i < 1000; i++)
        buf_fmt(&buf,
                "%s{'message_id':'k%d','kind':'product_viewed','customer':{'kind':'shop:k',"
                "'value':'%d'},'properties':{'product_code':'P%d'}}",
                i ? "," : "", i, i % 10, i);
    buf_str(&buf, S("]}"));
    body = str_cstr(scenario_arena, buf_view(&buf));
    call = scenario_ask(AS_KEY, SEND, body);
    assert_true(str_find(call.reply, S("\"accepted_count\":1000,")) > 0);
    call = scenario_ask(AS_KEY, SEND, body);
    assert_true(str_find(call.reply, S("\"duplicate_count\":1000,")) > 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM identity WHERE kind = 'shop:k'"), 10);
    buf.len -= 2;
    buf_str(&buf, S(",{'message_id':'x','kind':'page_viewed'}]}"));
    call = scenario_ask(AS_KEY, SEND, str_cstr(scenario_arena, buf_view(&buf)));
    assert_int_equal(call.status, 413);
    buf_release(&buf);
}

static void test_registry(void **state)
{
    (void)state;
    for (const struct event_kind *kind = event_kinds; kind->name; kind++) {
        assert_non_null(kind->title_zh);
        assert_non_null(kind->title_en);
        assert_ptr_equal(event_kind_find(scenario_app, str_of(kind->name)), kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),    cmocka_unit_test(test_people),
        cmocka_unit_test(test_invites), cmocka_unit_test(test_times),
        cmocka_unit_test(test_forget),  cmocka_unit_test(test_beacon),
        cmocka_unit_test(test_batch),   cmocka_unit_test(test_registry),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
