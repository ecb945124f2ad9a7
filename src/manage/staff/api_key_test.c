/* Keys of other programs and sessions: what they may, where they end, and whose they are. */
#include "scenario.h"

#include "host/clock.h"
#include "kit/audit.h"

static struct json *json_of(struct app_call call)
{
    struct json *json = arena_new_one(scenario_arena, struct json);

    if (call.status != 200 || json_parse(scenario_arena, call.reply, json, NULL) != OK)
        fail_msg("%d %.*s", call.status, STR(call.reply));
    return json;
}

static struct str text_of(const struct json *json, const char *name)
{
    return str_copy(scenario_arena, json_get(json, name)->text);
}

static struct app_call with_key(struct str key, enum http_method method, const char *path,
                                const char *body)
{
    struct app_call call = {
        .method = method, .path = str_of(path), .body = body ? str_of(body) : S(""), .bearer = key};

    app_request(scenario_app, scenario_arena, &call);
    return call;
}

static struct str key_new(enum scenario_as as, const char *body, const char *keep)
{
    struct json *json = json_of(scenario_ask(as, POST, "/api/keys", body));

    scenario_set(keep, str_cstr(scenario_arena, text_of(json, "id")));
    return text_of(json, "key");
}

/* ---- keys ------------------------------------------------------------------------------------ */

static const struct scenario key_cases[] = {
    {"a key", AS_ADMIN, POST, "/api/keys",
     "{'name':'crm','permissions':'order.write customer.read','expires_days':30}", 200,
     "'key':'pap_", .keep = "key"},
    {"listed", AS_ADMIN, GET, "/api/keys", NULL, 200,
     "'permissions':'customer.read order.write','staff_id'", .lacks = "key_hash"},
    {"no rights", AS_ADMIN, POST, "/api/keys", "{'name':'x','permissions':' ','expires_days':30}",
     400, "key.rights"},
    {"unknown right", AS_ADMIN, POST, "/api/keys",
     "{'name':'x','permissions':'moon.read','expires_days':30}", 400, "role.right"},
    {"all rights", AS_ADMIN, POST, "/api/keys", "{'name':'x','permissions':'*','expires_days':30}",
     400, "role.right"},
    {"for ever", AS_ADMIN, POST, "/api/keys", "{'name':'x','permissions':'order.read'}", 400,
     "input.required"},
    {"too long", AS_ADMIN, POST, "/api/keys",
     "{'name':'x','permissions':'order.read','expires_days':1000}", 400, "input.range"},
    {"for another", AS_ADMIN, POST, "/api/keys",
     "{'name':'x','permissions':'order.read','expires_days':1,'staff_id':'1'}", 400,
     "input.unknown"},
    {"without the right", AS_OPERATOR, POST, "/api/keys",
     "{'name':'x','permissions':'order.read','expires_days':1}", 403, "gate.permission"},
    {"nobody", AS_NOBODY, GET, "/api/keys", NULL, 401, ""},
    {"the command line", AS_LOCAL, POST, "/api/keys",
     "{'name':'x','permissions':'order.read','expires_days':1}", 403, "key.nobody"},
    {"revokes", AS_ADMIN, POST, "/api/keys/$key/revoke", "{}", 200, "{}"},
    {"revoked before", AS_ADMIN, POST, "/api/keys/$key/revoke", "{}", 409, "key.revoked"},
    {"unknown", AS_ADMIN, POST, "/api/keys/1/revoke", "{}", 404, "key.unknown"},
    {"not theirs", AS_VIEWER, POST, "/api/keys/$key/revoke", "{}", 403, "gate.permission"},
};

static void test_keys(void **state)
{
    (void)state;
    scenario_run(key_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM api_key WHERE length(key_hash) = 32"
                                     " AND length(hint) = 8"),
                     1);
}

static void test_what_a_key_may(void **state)
{
    struct str key = key_new(AS_ADMIN,
                             "{'name':'a','permissions':'customer.read customer.write key.write "
                             "role.write staff.write','expires_days':30}",
                             "key");
    static const char *const never[] = {"/api/keys",          "/api/roles",
                                        "/api/logout",        "/api/me/password",
                                        "/api/me/totp/begin", "/api/me/sessions/revoke_others",
                                        "/api/login",         "/api/staff"};

    (void)state;
    assert_int_equal(with_key(key, GET, "/api/customers", NULL).status, 200);
    assert_int_equal(with_key(key, GET, "/api/me", NULL).status, 200);
    assert_int_equal(with_key(key, GET, "/api/channels", NULL).status, 403);
    assert_int_equal(with_key(S("pap_x"), GET, "/api/customers", NULL).status, 401);
    assert_int_equal(with_key(key, POST, "/api/customers", "{\"name\":\"K\"}").status, 200);
    assert_int_equal(scenario_number("SELECT count(*) FROM audit a JOIN api_key k"
                                     " ON k.id = a.api_key_id AND k.staff_id = a.staff_id"
                                     " WHERE a.action = 'POST /api/customers'"),
                     1);
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        struct app_call call = with_key(key, POST, never[i], "{}");
        if (call.status != 403 || str_find(call.reply, S("gate.session")) < 0)
            fail_msg("%s: %d %.*s", never[i], call.status, STR(call.reply));
    }
}

/* What its owner loses, it loses; what the owner gains, it does not gain. */
static void test_never_more_than_its_owner(void **state)
{
    struct str key;

    (void)state;
    scenario_set("operator",
                 scenario_text("SELECT CAST(id AS TEXT) FROM staff WHERE login = 'operator'"));
    assert_int_equal(scenario_ask(AS_ADMIN, POST, "/api/roles/operator/edit",
                                  "{'version_count':1,'permissions':'customer.read key.write "
                                  "channel.read staff.read'}")
                         .status,
                     200);
    assert_int_equal(
        scenario_ask(AS_OPERATOR, POST, "/api/keys",
                     "{'name':'x','permissions':'customer.read audit.read','expires_days':1}")
            .status,
        403);
    key =
        key_new(AS_OPERATOR, "{'name':'o','permissions':'customer.read','expires_days':30}", "key");
    assert_int_equal(with_key(key, GET, "/api/customers", NULL).status, 200);
    assert_int_equal(with_key(key, GET, "/api/channels", NULL).status, 403);
    assert_int_equal(scenario_ask(AS_ADMIN, POST, "/api/roles/operator/edit",
                                  "{'version_count':2,'permissions':'channel.read key.write'}")
                         .status,
                     200);
    assert_int_equal(with_key(key, GET, "/api/customers", NULL).status, 403);
    assert_int_equal(scenario_ask(AS_ADMIN, POST, "/api/roles/operator/edit",
                                  "{'version_count':3,'permissions':'customer.read key.write'}")
                         .status,
                     200);
    assert_int_equal(with_key(key, GET, "/api/customers", NULL).status, 200);
    /* keys of others are not there for somebody without staff.write */
    assert_int_equal(str_find(scenario_ask(AS_OPERATOR, GET, "/api/keys", NULL).reply,
                              S("\"staff_name\":\"Admin\"")),
                     -1);
    scenario_set("theirs", scenario_text("SELECT CAST(k.id AS TEXT) FROM api_key k JOIN staff s"
                                         " ON s.id = k.staff_id WHERE s.login = 'admin'"
                                         " AND k.revoked_ms IS NULL"));
    assert_int_equal(scenario_ask(AS_OPERATOR, POST, "/api/keys/$theirs/revoke", "{}").status, 404);
    /* and the owner's end is the key's */
    assert_int_equal(
        scenario_ask(AS_ADMIN, POST, "/api/staff/$operator/edit", "{'is_active':false}").status,
        200);
    assert_int_equal(with_key(key, GET, "/api/customers", NULL).status, 401);
    assert_int_equal(
        scenario_ask(AS_ADMIN, POST, "/api/staff/$operator/edit", "{'is_active':true}").status,
        200);
    assert_int_equal(with_key(key, GET, "/api/customers", NULL).status, 401);
}

static void test_keys_end(void **state)
{
    struct str key =
        key_new(AS_ADMIN, "{'name':'e','permissions':'customer.read','expires_days':1}", "key");
    struct str other =
        key_new(AS_ADMIN, "{'name':'f','permissions':'customer.read','expires_days':9}", "other");

    (void)state;
    assert_int_equal(with_key(key, GET, "/api/customers", NULL).status, 200);
    scenario_clock(clock_now_ms() + DAY_MS);
    assert_int_equal(with_key(key, GET, "/api/customers", NULL).status, 401);
    assert_int_equal(with_key(other, GET, "/api/customers", NULL).status, 200);
    assert_int_equal(scenario_ask(AS_ADMIN, POST, "/api/keys/$other/revoke", "{}").status, 200);
    assert_int_equal(with_key(other, GET, "/api/customers", NULL).status, 401);
}

/* ---- sessions -------------------------------------------------------------------------------- */

struct signed_in {
    struct str token, csrf;
};

static struct signed_in sign_in(const char *login, const char *agent)
{
    struct app_call call = {
        .method = POST,
        .path = S("/api/login"),
        .body =
            str_fmt(scenario_arena, "{\"login\":\"%s\",\"password\":\"a long password\"}", login),
        .agent = str_of(agent)};

    scenario_clock(clock_now_ms() + 61000);
    app_request(scenario_app, scenario_arena, &call);
    return (struct signed_in){call.session_token, text_of(json_of(call), "csrf_token")};
}

static struct app_call ask_in(struct signed_in in, enum http_method method, const char *path)
{
    struct app_call call = {.method = method,
                            .path = str_of(path),
                            .body = S("{}"),
                            .cookie = in.token,
                            .csrf = in.csrf};

    app_request(scenario_app, scenario_arena, &call);
    return call;
}

static const char *session_path(const char *before, const char *agent)
{
    struct str sql =
        str_fmt(scenario_arena, "SELECT CAST(id AS TEXT) FROM session WHERE agent = '%s'", agent);

    return str_cstr(scenario_arena, str_fmt(scenario_arena, "%s/%s/revoke", before,
                                            scenario_text(str_cstr(scenario_arena, sql))));
}

static void test_sessions(void **state)
{
    struct signed_in one = sign_in("viewer", "One/1.0"), two = sign_in("viewer", "Two/2.0");
    struct signed_in three = sign_in("viewer", "Three"), admin = sign_in("admin", "Boss");
    struct app_call list = ask_in(one, GET, "/api/me/sessions");

    (void)state;
    assert_int_equal(list.status, 200);
    assert_true(str_find(list.reply, S("\"agent\":\"Two/2.0\",\"peer\":\"127.0.0.1\"")) > 0);
    assert_int_equal(str_find(list.reply, S("Boss")), -1);
    /* only one's own */
    assert_int_equal(ask_in(one, POST, session_path("/api/me/sessions", "Boss")).status, 404);
    assert_int_equal(ask_in(admin, GET, "/api/me").status, 200);
    assert_int_equal(ask_in(one, POST, session_path("/api/me/sessions", "Two/2.0")).status, 200);
    assert_int_equal(ask_in(two, GET, "/api/me").status, 401);
    assert_int_equal(ask_in(three, GET, "/api/me").status, 200);
    assert_int_equal(ask_in(one, POST, "/api/me/sessions/revoke_others").status, 200);
    assert_int_equal(ask_in(three, GET, "/api/me").status, 401);
    assert_int_equal(ask_in(one, GET, "/api/me").status, 200);
}

static void test_sessions_of_others(void **state)
{
    static const struct scenario cases[] = {
        {"theirs", AS_ADMIN, GET, "/api/staff/$viewer/sessions", NULL, 200, "'agent':'Tab'"},
        {"not an operator", AS_OPERATOR, GET, "/api/staff/$viewer/sessions", NULL, 403, ""},
        {"nobody", AS_NOBODY, GET, "/api/staff/$viewer/sessions", NULL, 401, ""},
        {"of nobody", AS_ADMIN, GET, "/api/staff/1/sessions", NULL, 404, "staff.unknown"},
        {"not of this one", AS_ADMIN, POST, "/api/staff/$viewer/sessions/1/revoke", "{}", 404,
         "session.unknown"},
        {"not theirs to end", AS_OPERATOR, POST, "/api/staff/$viewer/sessions/revoke_all", "{}",
         403, ""},
    };
    struct signed_in one = sign_in("viewer", "Tab"), two = sign_in("viewer", "Phone");

    (void)state;
    scenario_set("viewer",
                 scenario_text("SELECT CAST(id AS TEXT) FROM staff WHERE login = 'viewer'"));
    scenario_run(cases);
    assert_int_equal(
        scenario_ask(AS_ADMIN, POST, session_path("/api/staff/$viewer/sessions", "Tab"), "{}")
            .status,
        200);
    assert_int_equal(ask_in(one, GET, "/api/me").status, 401);
    assert_int_equal(ask_in(two, GET, "/api/me").status, 200);
    assert_int_equal(
        scenario_ask(AS_ADMIN, POST, "/api/staff/$viewer/sessions/revoke_all", "{}").status, 200);
    assert_int_equal(ask_in(two, GET, "/api/me").status, 401);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_what_a_key_may),
        cmocka_unit_test(test_never_more_than_its_owner),
        cmocka_unit_test(test_keys_end),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_sessions_of_others),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
