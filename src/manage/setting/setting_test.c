/* Settings: definitions, versions, fixed ones; write keys. */
#include "scenario.h"

#include <unistd.h>

#include "base/time.h"
#include "manage/setting/setting.h"

#define SET POST, "/api/settings"

static const struct scenario cases[] = {
    {"defaults", AS_VIEWER, GET, "/api/settings", NULL, 200,
     "{'name':'sleep_after_days','kind':'int','value':90,'default_value':90,'version_count':0", ""},
    {"fixed ones", AS_VIEWER, GET, "/api/settings", NULL, 200,
     "{'name':'zone','kind':'text','value':'Asia/Shanghai'", ""},
    {"the brand", AS_VIEWER, GET, "/api/settings", NULL, 200, "'value':'Scenario'", ""},
    {"nobody", AS_NOBODY, GET, "/api/settings", NULL, 401, "", ""},
    {"sets", AS_ADMIN, SET,
     "{'name':'sleep_after_days','value':60,'reason':'why','version_count':0}", 200,
     "{'version_count':1}", "setting_changed"},
    {"is set", AS_VIEWER, GET, "/api/settings", NULL, 200,
     "{'name':'sleep_after_days','kind':'int','value':60,'default_value':90,'version_count':1", ""},
    {"again", AS_ADMIN, SET,
     "{'name':'sleep_after_days','value':61,'reason':'why','version_count':1}", 200,
     "{'version_count':2}", "setting_changed"},
    {"somebody was faster", AS_ADMIN, SET,
     "{'name':'sleep_after_days','value':62,'reason':'why','version_count':1}", 409,
     "setting.changed", ""},
    {"faster at the first", AS_ADMIN, SET,
     "{'name':'sleep_after_days','value':62,'reason':'why','version_count':0}", 409,
     "setting.changed", ""},
    {"too small", AS_ADMIN, SET,
     "{'name':'lost_after_days','value':0,'reason':'why','version_count':0}", 400, "setting.value",
     ""},
    {"no number", AS_ADMIN, SET,
     "{'name':'lost_after_days','value':'x','reason':'why','version_count':0}", 400,
     "setting.value", ""},
    {"no whole number", AS_ADMIN, SET,
     "{'name':'lost_after_days','value':1.5,'reason':'why','version_count':0}", 400,
     "setting.value", ""},
    {"lost before sleeping", AS_ADMIN, SET,
     "{'name':'lost_after_days','value':61,'reason':'why','version_count':0}", 400, "setting.order",
     ""},
    {"no reason", AS_ADMIN, SET, "{'name':'brand_name','value':'x','version_count':1}", 400,
     "'path':'reason'", ""},
    {"a blank one", AS_ADMIN, SET,
     "{'name':'brand_name','value':'x','reason':' ','version_count':1}", 400, "setting.reason", ""},
    {"history", AS_VIEWER, GET, "/api/settings/sleep_after_days/versions", NULL, 200,
     "'items':[{'version':2,'value':61,'reason':'why'", ""},
    {"older ones", AS_VIEWER, GET, "/api/settings/sleep_after_days/versions?before=2", NULL, 200,
     "'items':[{'version':1,'value':60,'reason':'why'", ""},
    {"never changed", AS_VIEWER, GET, "/api/settings/lost_after_days/versions", NULL, 200,
     "{'items':[]}", ""},
    {"history of nothing", AS_VIEWER, GET, "/api/settings/x/versions", NULL, 404, "setting.unknown",
     ""},
    {"a secret", AS_ADMIN, SET,
     "{'name':'smtp_password','value':'hidden','reason':'why','version_count':0}", 200,
     "{'version_count':1}", "setting_changed"},
    {"is not shown", AS_ADMIN, GET, "/api/settings", NULL, 200,
     "{'name':'smtp_password','kind':'secret','value':'','default_value':'','version_count':1", ""},
    {"but that there is one", AS_ADMIN, GET, "/api/settings", NULL, 200, "'has_secret':true", ""},
    {"nor in the history", AS_VIEWER, GET, "/api/settings/smtp_password/versions", NULL, 200,
     "'items':[{'version':1,'value':'','reason':'why'", ""},
    {"no server's name", AS_ADMIN, SET,
     "{'name':'smtp_host','value':'a/b','reason':'why','version_count':0}", 400, "setting.host",
     ""},
    {"no sender", AS_ADMIN, SET,
     "{'name':'smtp_from','value':'a b@c','reason':'why','version_count':0}", 400,
     "setting.address", ""},
    {"no such security", AS_ADMIN, SET,
     "{'name':'smtp_security','value':'ssl','reason':'why','version_count':0}", 400,
     "setting.security", ""},
    {"no trial yet", AS_VIEWER, GET, "/api/settings/mail-test", NULL, 200, "'status':'none'", ""},
    {"no address", AS_ADMIN, POST, "/api/settings/mail-test", "{'to':'a b@c'}", 400,
     "setting.address", ""},
    {"a trial by a viewer", AS_VIEWER, POST, "/api/settings/mail-test", "{'to':'a@b.cn'}", 403, "",
     ""},
    {"a trial by nobody", AS_NOBODY, POST, "/api/settings/mail-test", "{'to':'a@b.cn'}", 401, "",
     ""},
    {"history for nobody", AS_NOBODY, GET, "/api/settings/sleep_after_days/versions", NULL, 401, "",
     ""},
    {"a day begins too late", AS_ADMIN, SET,
     "{'name':'day_start_minutes','value':721,'reason':'why','version_count':0}", 400,
     "setting.value", ""},
    {"the business day", AS_ADMIN, SET,
     "{'name':'day_start_minutes','value':240,'reason':'night shop','version_count':0}", 200,
     "{'version_count':1}", "setting_changed"},
    {"no such", AS_ADMIN, SET, "{'name':'x','value':1,'reason':'why','version_count':0}", 404,
     "setting.unknown", ""},
    {"fixed", AS_ADMIN, SET, "{'name':'zone','value':'UTC','reason':'why','version_count':0}", 409,
     "setting.fixed", ""},
    {"brand", AS_ADMIN, SET, "{'name':'brand_name','value':'蝶','reason':'why','version_count':1}",
     200, "{'version_count':2}", "setting_changed"},
    {"brand as number", AS_ADMIN, SET,
     "{'name':'brand_name','value':5,'reason':'why','version_count':2}", 400, "setting.value", ""},
    {"operator cannot", AS_OPERATOR, SET,
     "{'name':'brand_name','value':'x','reason':'why','version_count':2}", 403, "gate.permission",
     ""},
    {"nobody cannot", AS_NOBODY, SET,
     "{'name':'brand_name','value':'x','reason':'why','version_count':2}", 401, "", ""},
    {"no value", AS_ADMIN, SET, "{'name':'brand_name','version_count':2}", 400, "'path':'value'",
     ""},

    {"a key", AS_ADMIN, POST, "/api/write-keys", "{'name':'site'}", 200, "'key_text':'pk_", "",
     .keep = "key"},
    {"keys", AS_VIEWER, GET, "/api/write-keys", NULL, 200, "'name':'site'", ""},
    {"no name", AS_ADMIN, POST, "/api/write-keys", "{'name':''}", 400, "input.length", ""},
    {"operator cannot", AS_OPERATOR, POST, "/api/write-keys", "{'name':'x'}", 403, "", ""},
    {"off", AS_ADMIN, POST, "/api/write-keys/$key/edit", "{'is_active':false}", 200, "{}", ""},
    {"is off", AS_VIEWER, GET, "/api/write-keys", NULL, 200, "'is_active':false", ""},
    {"no such", AS_ADMIN, POST, "/api/write-keys/9/edit", "{'is_active':false}", 404,
     "write_key.unknown", ""},
    {"operator cannot", AS_OPERATOR, POST, "/api/write-keys/$key/edit", "{'is_active':true}", 403,
     "", ""},
};

static void test_routes(void **state)
{
    (void)state;
    scenario_run(cases);
}

static enum err read_step(struct ctx *c, void *user)
{
    static const char *const names[] = {"sleep_after_days", "loyal_order_count"};
    int64_t value, values[2], digits;
    struct str text;

    (void)user;
    TRY(setting_int(c, "sleep_after_days", &value));
    assert_int_equal(value, 61);
    TRY(setting_int(c, "lost_after_days", &value));
    assert_int_equal(value, 180);
    TRY(setting_ints(c, names, 2, values));
    assert_int_equal(values[0], 61);
    assert_int_equal(values[1], 3);
    TRY(setting_text(c, "brand_name", &text));
    assert_true(str_is(text, "蝶"));
    TRY(setting_text(c, "zone", &text));
    assert_true(str_is(text, "Asia/Shanghai"));
    TRY(setting_currency(c, &text, &digits));
    assert_int_equal(digits, 2);
    /* the business day of the scenario began at 4: 03:59:59 in Shanghai is the day before */
    assert_true(time_parse(NULL, S("2026-11-21T19:59:59Z"), &value) == OK);
    assert_int_equal(zone_day(ctx_zone(c), value), day_of_date(2026, 11, 21));
    assert_int_equal(zone_day(ctx_zone(c), value + 1000), day_of_date(2026, 11, 22));
    return OK;
}

static void test_code(void **state)
{
    (void)state;
    scenario_write(read_step, NULL);
    assert_int_equal(currency_minor_digits(S("JPY")), 0);
    assert_true(currency_minor_digits(S("cny")) == NONE);
}

static struct app_call trial(enum http_method method, int64_t fail_nth)
{
    struct app_call call = {.method = method,
                            .path = S("/api/settings/mail-test"),
                            .body =
                                method == HTTP_POST ? S("{\"to\":\"a@b.cn\"}") : (struct str){0},
                            .is_local = true,
                            .fail_nth = fail_nth};

    app_request(scenario_app, scenario_arena, &call);
    return call;
}

/* It ends on another thread, so no row of the table: a trial whose command was undone never begins,
 * and one that went through says why no mail left. */
static void test_trial(void **state)
{
    struct app_call call;
    int64_t nth = 0;

    (void)state;
    do {
        call = trial(HTTP_GET, 0);
        assert_true(str_find(call.reply, S("\"status\":\"none\"")) >= 0);
        call = trial(HTTP_POST, ++nth);
        assert_int_equal(call.status, call.did_fail ? 500 : 200);
    } while (call.did_fail);
    assert_true(nth > 3);
    for (int ms = 0; ms < SCENARIO_WAIT_MS && str_find(call.reply, S("\"running\"")) >= 0;
         ms += 10) {
        usleep(10000);
        call = trial(HTTP_GET, 0);
    }
    assert_true(str_find(call.reply, S("\"failed\"")) >= 0);
    assert_true(str_find(call.reply, S("no mail server is set")) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_trial),
        cmocka_unit_test(test_code),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
