/* Staff: set-up by link, signing in and out, passwords, throttles. */
#include "scenario.h"

#include "host/clock.h"
#include "manage/staff/staff.h"

#define LOGIN POST, "/api/login"
#define SETUP POST, "/api/setup"
/* ---- set-up ---------------------------------------------------------------------------------- */

static enum err token_step(struct ctx *c, void *user)
{
    return staff_setup_token(c, user);
}

static void token_new_set(void)
{
    struct str token;

    scenario_write(token_step, &token);
    assert_non_null(token.at);
    scenario_set("token", str_cstr(scenario_arena, token));
}

static const struct scenario setup_cases[] = {
    {"open", AS_NOBODY, GET, "/api/setup?token=$token", NULL, 200,
     "{'is_open':true,'is_valid':true}", ""},
    {"another token", AS_NOBODY, GET, "/api/setup?token=x", NULL, 200,
     "{'is_open':true,'is_valid':false}", ""},
    {"no token", AS_NOBODY, GET, "/api/setup", NULL, 200, "{'is_open':true,'is_valid':false}", ""},
    {"wrong token", AS_NOBODY, SETUP,
     "{'token':'x','login':'Ana','name':'Ana','password':'0123456789','brand_name':'B',"
     "'zone':'Asia/Shanghai','currency':'CNY'}",
     403, "setup.link", ""},
    {"short password", AS_NOBODY, SETUP,
     "{'token':'$token','login':'Ana','name':'Ana','password':'012345678','brand_name':'B',"
     "'zone':'Asia/Shanghai','currency':'CNY'}",
     400, "'path':'password'", ""},
    {"no such zone", AS_NOBODY, SETUP,
     "{'token':'$token','login':'Ana','name':'Ana','password':'0123456789','brand_name':'B',"
     "'zone':'Mars/Base','currency':'CNY'}",
     400, "setup.zone", ""},
    {"no such currency", AS_NOBODY, SETUP,
     "{'token':'$token','login':'Ana','name':'Ana','password':'0123456789','brand_name':'B',"
     "'zone':'Asia/Shanghai','currency':'XXX'}",
     400, "setup.currency", ""},
    {"bad login", AS_NOBODY, SETUP,
     "{'token':'$token','login':'A na','name':'Ana','password':'0123456789','brand_name':'B',"
     "'zone':'Asia/Shanghai','currency':'CNY'}",
     400, "staff.login", ""},
    {"sets up", AS_NOBODY, SETUP,
     "{'token':'$token','login':'Ana','name':'Ana','password':'0123456789','brand_name':'蝶域 "
     "\\\"1\\\"',"
     "'zone':'Europe/London','currency':'JPY'}",
     200, "csrf_token", "staff_added"},
    {"closed", AS_NOBODY, GET, "/api/setup?token=$token", NULL, 200,
     "{'is_open':false,'is_valid':false}", ""},
    {"only once", AS_NOBODY, SETUP,
     "{'token':'$token','login':'Bo','name':'Bo','password':'0123456789','brand_name':'B',"
     "'zone':'Asia/Shanghai','currency':'CNY'}",
     403, "setup.link", ""},
    {"signs in", AS_NOBODY, LOGIN, "{'login':'ana','password':'0123456789'}", 200, "csrf_token",
     ""},
};

static void test_setup(void **state)
{
    struct str none;

    (void)state;
    token_new_set();
    scenario_run(setup_cases);
    assert_string_equal(scenario_text("SELECT value FROM meta WHERE name = 'zone'"),
                        "Europe/London");
    scenario_write(token_step, &none);
    assert_null(none.at); /* somebody is there: no more links */
}

static void test_setup_expires(void **state)
{
    struct app_call call;

    (void)state;
    token_new_set();
    scenario_clock(clock_now_ms() + DAY_MS);
    call = scenario_ask(AS_NOBODY, GET, "/api/setup?token=$token", NULL);
    assert_true(str_find(call.reply, S("\"is_valid\":false")) > 0);
}

/* ---- signing in ------------------------------------------------------------------------------ */

static const struct scenario login_cases[] = {
    {"signs in", AS_NOBODY, LOGIN, "{'login':'Operator','password':'a long password'}", 200,
     "csrf_token", ""},
    {"wrong password", AS_NOBODY, LOGIN, "{'login':'operator','password':'b long password'}", 401,
     "login.wrong", ""},
    {"nobody of that name", AS_NOBODY, LOGIN, "{'login':'x','password':'a long password'}", 401,
     "login.wrong", ""},
    {"no password", AS_NOBODY, LOGIN, "{'login':'operator'}", 400, "'path':'password'", ""},
    {"me", AS_OPERATOR, GET, "/api/me", NULL, 200, "'login':'operator'", "", .lacks = "argon2"},
    {"my rights", AS_VIEWER, GET, "/api/me", NULL, 200, "'permissions':'overview.read ", ""},
    {"the brand", AS_VIEWER, GET, "/api/me", NULL, 200, "'zone':'Asia/Shanghai','currency':'CNY'",
     ""},
    {"not signed in", AS_NOBODY, GET, "/api/me", NULL, 401, "gate.sign_in", ""},
    {"the command line", AS_LOCAL, GET, "/api/me", NULL, 200, "'staff_id':null", ""},
    {"signs out", AS_VIEWER, POST, "/api/logout", "{}", 200, "{}", ""},
    {"nobody cannot", AS_NOBODY, POST, "/api/logout", "{}", 401, "gate.sign_in", ""},
    {"old one wrong", AS_VIEWER, POST, "/api/me/password",
     "{'old_password':'x','new_password':'0123456789'}", 400, "password.wrong", ""},
    {"too short", AS_VIEWER, POST, "/api/me/password",
     "{'old_password':'a long password','new_password':'012345678'}", 400, "input.length", ""},
    {"nobody has none", AS_NOBODY, POST, "/api/me/password",
     "{'old_password':'x','new_password':'0123456789'}", 401, "gate.sign_in", ""},
    {"the command line has none", AS_LOCAL, POST, "/api/me/password",
     "{'old_password':'x','new_password':'0123456789'}", 403, "password.nobody", ""},
};

static void test_login(void **state)
{
    (void)state;
    scenario_run(login_cases);
}

static struct app_call ask_with(struct str token, struct str csrf, enum http_method method,
                                struct str path)
{
    struct app_call call = {
        .method = method, .path = path, .body = S("{}"), .cookie = token, .csrf = csrf};

    app_request(scenario_app, scenario_arena, &call);
    return call;
}

static struct app_call signed_in(const char *login, const char *password)
{
    struct app_call call = scenario_ask(
        AS_NOBODY, LOGIN,
        str_cstr(scenario_arena,
                 str_fmt(scenario_arena, "{'login':'%s','password':'%s'}", login, password)));

    scenario_clock(clock_now_ms() + 61000);
    return call;
}

static struct str csrf_of(const struct app_call *call)
{
    struct json json;

    assert_int_equal(json_parse(scenario_arena, call->reply, &json, NULL), OK);
    return json_get(&json, "csrf_token")->text;
}

static void test_sessions(void **state)
{
    struct app_call one = signed_in("operator", "a long password");
    struct app_call two = signed_in("operator", "a long password");
    struct app_call changed;

    (void)state;
    assert_int_equal(one.status, 200);
    assert_int_equal(ask_with(one.session_token, S("wrong"), HTTP_POST, S("/api/logout")).status,
                     403);
    assert_int_equal(ask_with(one.session_token, csrf_of(&one), HTTP_GET, S("/api/me")).status,
                     200);
    changed = (struct app_call){
        .method = HTTP_POST,
        .path = S("/api/me/password"),
        .body = S("{\"old_password\":\"a long password\",\"new_password\":\"another password\"}"),
        .cookie = one.session_token,
        .csrf = csrf_of(&one),
    };
    app_request(scenario_app, scenario_arena, &changed);
    assert_int_equal(changed.status, 200);
    /* the other sessions are over, the new one works, and so does only the new password */
    assert_int_equal(ask_with(two.session_token, csrf_of(&two), HTTP_GET, S("/api/me")).status,
                     401);
    assert_int_equal(ask_with(one.session_token, csrf_of(&one), HTTP_GET, S("/api/me")).status,
                     401);
    assert_int_equal(
        ask_with(changed.session_token, csrf_of(&changed), HTTP_GET, S("/api/me")).status, 200);
    assert_int_equal(signed_in("operator", "a long password").status, 401);
    assert_int_equal(signed_in("operator", "another password").status, 200);
    assert_int_equal(
        ask_with(changed.session_token, csrf_of(&changed), HTTP_POST, S("/api/logout")).status,
        200);
    assert_int_equal(
        ask_with(changed.session_token, csrf_of(&changed), HTTP_GET, S("/api/me")).status, 401);
}

static void test_sessions_end(void **state)
{
    struct app_call one = signed_in("viewer", "a long password");

    (void)state;
    scenario_clock(clock_now_ms() + 31 * DAY_MS);
    assert_int_equal(ask_with(one.session_token, S(""), HTTP_GET, S("/api/me")).status, 401);
}

static int wrong_tries(int count, const char *format)
{
    int refused = 0;

    for (int i = 0; i < count; i++) {
        struct app_call call = {
            .method = HTTP_POST,
            .path = S("/api/login"),
            .body = str_fmt(scenario_arena,
                            strchr(format, '%') ? "{\"login\":\"u%d\",\"password\":\"wrong\"}"
                                                : "{\"login\":\"viewer\",\"password\":\"wrong\"}",
                            i),
        };
        app_request(scenario_app, scenario_arena, &call);
        assert_true(call.status == 401 || call.status == 429);
        refused += call.status == 429;
    }
    return refused;
}

static void test_throttles(void **state)
{
    (void)state;
    scenario_clock(clock_now_ms() + 61000);
    assert_int_equal(wrong_tries(8, "one"), 3); /* five a minute and login */
    assert_int_equal(wrong_tries(25, "%d"), 3); /* thirty a minute and peer */
    assert_int_equal(signed_in("admin", "a long password").status, 429);
    assert_int_equal(signed_in("admin", "a long password").status, 200); /* a minute later */
}

/* ---- the command line's ---------------------------------------------------------------------- */

static enum err add_step(struct ctx *c, void *user)
{
    int64_t staff_id;

    return staff_add(c, user, &staff_id);
}

static enum err password_step(struct ctx *c, void *user)
{
    const struct staff_new *n = user;

    return staff_password_set(c, n->login, n->hash);
}

static void expect_fault(app_command *step, struct staff_new n, const char *code)
{
    struct fault fault = {0};

    assert_int_not_equal(app_write(scenario_app, scenario_arena, step, &n, &fault), OK);
    assert_string_equal(fault.code, code);
}

static void test_command_line(void **state)
{
    struct str hash = password_hash(scenario_arena, S("yet another one"));
    struct staff_new n = {S("Cy"), S("Cy"), S("viewer"), hash};
    struct app_call one;

    (void)state;
    scenario_write(add_step, &n);
    expect_fault(add_step, n, "staff.exists");
    expect_fault(add_step, (struct staff_new){S("d"), S("D"), S("boss"), hash}, "staff.role");
    expect_fault(add_step, (struct staff_new){S("d"), S(" "), S("viewer"), hash}, "staff.name");
    expect_fault(add_step, (struct staff_new){S(""), S("D"), S("viewer"), hash}, "staff.login");
    expect_fault(password_step, (struct staff_new){.login = S("zz"), .hash = hash},
                 "staff.unknown");
    one = signed_in("cy", "yet another one");
    assert_int_equal(one.status, 200);
    n.hash = password_hash(scenario_arena, S("a fourth password"));
    scenario_write(password_step, &n);
    assert_int_equal(ask_with(one.session_token, S(""), HTTP_GET, S("/api/me")).status, 401);
    assert_int_equal(signed_in("cy", "a fourth password").status, 200);
}

int main(void)
{
    const struct CMUnitTest setup_tests[] = {
        cmocka_unit_test(test_setup_expires),
        cmocka_unit_test(test_setup),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login),        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_sessions_end), cmocka_unit_test(test_throttles),
        cmocka_unit_test(test_command_line),
    };

    return cmocka_run_group_tests(setup_tests, scenario_open_empty, scenario_close) +
           cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
