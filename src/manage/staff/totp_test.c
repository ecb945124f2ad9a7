/* The second factor: the codes of RFC 6238, turning it on and off, signing in with it, recovery
 * codes, and that nothing works twice. */
#include "scenario.h"

#include "host/clock.h"
#include "manage/staff/staff_private.h"

#define LOGIN POST, "/api/login"

static void test_vectors(void **state)
{
    static const struct {
        int64_t time_ms, code_number; /* the last six of the RFC's eight digits */
    } vectors[] = {{59000, 287082},       {1111111109000, 81804},  {1111111111000, 50471},
                   {1234567890000, 5924}, {2000000000000, 279037}, {20000000000000, 353130}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        assert_int_equal(totp_code(S("12345678901234567890"), vectors[i].time_ms / 30000),
                         vectors[i].code_number);
}

/* ---- turning it on --------------------------------------------------------------------------- */

static struct str secret;

static struct str text_of(struct app_call call, const char *name)
{
    struct json json;

    if (call.status != 200 || json_parse(scenario_arena, call.reply, &json, NULL) != OK)
        fail_msg("%d %.*s", call.status, STR(call.reply));
    return json_get(&json, name)->text;
}

static struct str unbase32(struct str text)
{
    char *bytes = arena_alloc(scenario_arena, text.len);
    uint64_t bits = 0;
    size_t len = 0;
    int count = 0;

    for (size_t i = 0; i < text.len; i++) {
        char at = text.at[i];
        bits = bits << 5 | (uint64_t)(at >= 'A' ? at - 'A' : at - '2' + 26);
        count += 5;
        if (count >= 8)
            bytes[len++] = (char)(bits >> (count -= 8) & 255);
    }
    return (struct str){bytes, len};
}

/* The code of the step `ahead` steps from when the next request is made, under $code. */
static void code_set(int64_t ahead)
{
    int64_t step = (clock_now_ms() + 1000) / 30000 + ahead;

    scenario_set("code", str_cstr(scenario_arena,
                                  str_fmt(scenario_arena, "%06" PRId64, totp_code(secret, step))));
}

/* Of one of the steps around the next request. */
static bool is_near(int64_t code)
{
    int64_t step = (clock_now_ms() + 1000) / 30000;
    bool is_one = false;

    for (int64_t ahead = -4; ahead <= 4; ahead++)
        is_one |= totp_code(secret, step + ahead) == code;
    return is_one;
}

/* A code that is wrong whatever the secret, under $wrong. */
static void wrong_set(void)
{
    int64_t wrong = 0;

    while (is_near(wrong))
        wrong++;
    scenario_set("wrong", str_cstr(scenario_arena, str_fmt(scenario_arena, "%06" PRId64, wrong)));
}

static int ask_status(enum scenario_as as, enum http_method method, const char *path,
                      const char *body, const char *part)
{
    struct app_call call = scenario_ask(as, method, path, body);

    if (part && str_find(call.reply, str_of(part)) < 0)
        fail_msg("%s %s: no %s in %.*s", path, body, part, STR(call.reply));
    return call.status;
}

static const struct scenario before_cases[] = {
    {"off", AS_VIEWER, GET, "/api/me/totp", NULL, 200, "'is_on':false"},
    {"nobody", AS_NOBODY, GET, "/api/me/totp", NULL, 401, ""},
    {"confirm before begin", AS_VIEWER, POST, "/api/me/totp/confirm", "{'code':'123456'}", 409,
     "totp.begin"},
    {"off before on", AS_VIEWER, POST, "/api/me/totp/off",
     "{'password':'a long password','code':'1'}", 409, "totp.off"},
    {"a wrong password", AS_VIEWER, POST, "/api/me/totp/begin", "{'password':'x'}", 400,
     "password.wrong"},
    {"not signed in", AS_NOBODY, POST, "/api/me/totp/begin", "{'password':'x'}", 401, ""},
    {"over the socket", AS_LOCAL, POST, "/api/me/totp/begin", "{'password':'x'}", 403,
     "password.nobody"},
    {"no secret of one's own", AS_VIEWER, POST, "/api/me/totp/begin",
     "{'password':'a long password','secret':'AAAA'}", 400, "input.unknown"},
    {"begins", AS_VIEWER, POST, "/api/me/totp/begin", "{'password':'a long password'}", 200,
     "otpauth://totp/Papilio:viewer?secret="},
    {"not yet asked for", AS_NOBODY, LOGIN, "{'login':'viewer','password':'a long password'}", 200,
     "csrf_token"},
};

static void test_on(void **state)
{
    struct json json;
    struct app_call call;

    (void)state;
    scenario_run(before_cases);
    secret = unbase32(text_of(
        scenario_ask(AS_VIEWER, POST, "/api/me/totp/begin", "{'password':'a long password'}"),
        "secret"));
    assert_int_equal(secret.len, 20);
    wrong_set();
    assert_int_equal(
        ask_status(AS_VIEWER, POST, "/api/me/totp/confirm", "{'code':'$wrong'}", "totp.code"), 400);
    code_set(0);
    call = scenario_ask(AS_VIEWER, POST, "/api/me/totp/confirm", "{'code':'$code'}");
    assert_int_equal(call.status, 200);
    assert_int_equal(json_parse(scenario_arena, call.reply, &json, NULL), OK);
    assert_int_equal(json_get(&json, "recovery_codes")->count, 10);
    scenario_set("recovery",
                 str_cstr(scenario_arena,
                          json_get(&json_get(&json, "recovery_codes")->items[0], "code")->text));
    assert_int_equal(ask_status(AS_VIEWER, GET, "/api/me", NULL, "\"has_totp\":true"), 200);
    assert_int_equal(ask_status(AS_VIEWER, GET, "/api/me/totp", NULL, "\"recovery_left_count\":10"),
                     200);
    assert_int_equal(ask_status(AS_VIEWER, POST, "/api/me/totp/begin",
                                "{'password':'a long password'}", "totp.on"),
                     409);
    /* neither secret nor codes lie in the base */
    assert_int_equal(scenario_number("SELECT length(totp_enc) FROM staff WHERE login = 'viewer'"),
                     20 + SEAL_EXTRA_BYTES);
    assert_int_equal(scenario_number("SELECT count(*) FROM recovery_code WHERE length(code_hash)"
                                     " = 32"),
                     10);
}

/* ---- signing in ------------------------------------------------------------------------------ */

static int sign_in(const char *body, const char *part)
{
    int status;

    scenario_clock(clock_now_ms() + 61000); /* past the throttles' windows */
    code_set(0);
    wrong_set();
    status = ask_status(AS_NOBODY, LOGIN, body, part);
    return status;
}

static void test_signing_in(void **state)
{
    (void)state;
    assert_int_equal(
        sign_in("{'login':'viewer','password':'a long password'}", "login.code_needed"), 401);
    assert_int_equal(sign_in("{'login':'viewer','password':'wrong'}", "login.wrong"), 401);
    assert_int_equal(sign_in("{'login':'viewer','password':'wrong','code':'$code'}", "login.wrong"),
                     401);
    assert_int_equal(
        sign_in("{'login':'viewer','password':'a long password','code':'$wrong'}", "login.code"),
        401);
    assert_int_equal(
        sign_in("{'login':'viewer','password':'a long password','code':'$code'}", "csrf_token"),
        200);
    /* within the same minute: the same step again, and one before it */
    assert_int_equal(ask_status(AS_NOBODY, LOGIN,
                                "{'login':'viewer','password':'a long password','code':'$code'}",
                                "login.code"),
                     401);
    code_set(-1);
    assert_int_equal(ask_status(AS_NOBODY, LOGIN,
                                "{'login':'viewer','password':'a long password','code':'$code'}",
                                "login.code"),
                     401);
    code_set(1); /* a phone that is ahead */
    assert_int_equal(ask_status(AS_NOBODY, LOGIN,
                                "{'login':'viewer','password':'a long password','code':'$code'}",
                                "csrf_token"),
                     200);
    scenario_clock(clock_now_ms() + 120000);
    code_set(2);
    assert_int_equal(ask_status(AS_NOBODY, LOGIN,
                                "{'login':'viewer','password':'a long password','code':'$code'}",
                                "login.code"),
                     401);
}

static void test_recovery(void **state)
{
    (void)state;
    assert_int_equal(
        sign_in("{'login':'viewer','password':'a long password','code':'$recovery'}", "csrf_token"),
        200);
    assert_int_equal(
        sign_in("{'login':'viewer','password':'a long password','code':'$recovery'}", "login.code"),
        401);
    assert_int_equal(ask_status(AS_VIEWER, GET, "/api/me/totp", NULL, "\"recovery_left_count\":9"),
                     200);
}

/* Whoever knows the password has ten tries a minute, from wherever. */
static void test_throttle(void **state)
{
    int refused = 0;

    (void)state;
    scenario_clock(clock_now_ms() + 61000);
    wrong_set();
    for (int i = 0; i < 12; i++) {
        struct app_call call = {
            .method = POST,
            .path = S("/api/login"),
            .body =
                scenario_filled("{'login':'viewer','password':'a long password','code':'$wrong'}"),
        };
        app_request(scenario_app, scenario_arena, &call);
        refused += call.status == 429;
    }
    assert_int_equal(refused, 7); /* of one address: five a minute */
}

/* ---- off ------------------------------------------------------------------------------------- */

static void test_off(void **state)
{
    (void)state;
    scenario_clock(clock_now_ms() + 61000);
    wrong_set();
    assert_int_equal(ask_status(AS_VIEWER, POST, "/api/me/totp/off",
                                "{'password':'a long password','code':'$wrong'}", "totp.code"),
                     400);
    code_set(0);
    assert_int_equal(ask_status(AS_VIEWER, POST, "/api/me/totp/off",
                                "{'password':'x','code':'$code'}", "password.wrong"),
                     400);
    code_set(0);
    assert_int_equal(ask_status(AS_VIEWER, POST, "/api/me/totp/off",
                                "{'password':'a long password','code':'$code'}", "{}"),
                     200);
    assert_int_equal(scenario_number("SELECT count(*) FROM recovery_code"), 0);
    assert_int_equal(sign_in("{'login':'viewer','password':'a long password'}", "csrf_token"), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_on),
        cmocka_unit_test(test_signing_in), cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_throttle),   cmocka_unit_test(test_off),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
