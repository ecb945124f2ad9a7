/* Webhooks through their routes, and against a sink: what happens arrives, in order, signed; a
 * loopback address only where that is allowed. */
#include "scenario.h"
#include "sink.h"

#include "host/clock.h"
#include "kit/outbox.h"
#include "kit/timer.h"

static int begin(void **state)
{
    int failed = scenario_open(state);

    sink_start();
    sink_reset();
    scenario_set("url", str_cstr(scenario_arena,
                                 str_fmt(scenario_arena, "http://127.0.0.1:%d/hook", sink_port())));
    return failed;
}

static int end(void **state)
{
    int failed = scenario_close(state);

    sink_stop();
    return failed;
}

static const struct scenario kept[] = {
    {"not signed in", AS_NOBODY, POST, "/api/webhooks", "{'title':'x'}", 401, ""},
    {"without the right", AS_OPERATOR, POST, "/api/webhooks",
     "{'title':'x','url':'https://a.example','kinds':'*'}", 403, "gate.permission"},
    {"no address", AS_ADMIN, POST, "/api/webhooks", "{'title':'x','kinds':'*'}", 400,
     "input.required"},
    {"another scheme", AS_ADMIN, POST, "/api/webhooks",
     "{'title':'x','url':'file:///etc/passwd','kinds':'*'}", 400, "webhook.url"},
    {"a name in it", AS_ADMIN, POST, "/api/webhooks",
     "{'title':'x','url':'https://a.example@127.0.0.1/','kinds':'*'}", 400, "webhook.url"},
    {"a line end in it", AS_ADMIN, POST, "/api/webhooks",
     "{'title':'x','url':'https://a.example/\\nX: y','kinds':'*'}", 400, "webhook.url"},
    {"an unknown kind", AS_ADMIN, POST, "/api/webhooks",
     "{'title':'x','url':'https://a.example','kinds':'order_paid nothing'}", 400, "webhook.kind"},
    {"a behaviour", AS_ADMIN, POST, "/api/webhooks",
     "{'title':'x','url':'https://a.example','kinds':'page_viewed'}", 400, "webhook.kind"},
    {"a good one", AS_ADMIN, POST, "/api/webhooks",
     "{'title':'ERP','url':'$url','kinds':'channel_added'}", 200, "'secret':", .keep = "hook"},
    {"listed, without its secret", AS_ADMIN, GET, "/api/webhooks", NULL, 200, "'title':'ERP'",
     .lacks = "secret"},
    {"not signed in", AS_NOBODY, GET, "/api/webhooks", NULL, 401, ""},
    {"without the right", AS_OPERATOR, GET, "/api/webhooks", NULL, 403, "gate.permission"},
    {"paused", AS_ADMIN, POST, "/api/webhooks/$hook/pause", "{}", 200, ""},
    {"not signed in", AS_NOBODY, POST, "/api/webhooks/$hook/pause", "{}", 401, ""},
    {"without the right", AS_OPERATOR, POST, "/api/webhooks/$hook/pause", "{}", 403, ""},
    {"no such one", AS_ADMIN, POST, "/api/webhooks/9/pause", "{}", 404, "webhook.unknown"},
    {"no number", AS_ADMIN, POST, "/api/webhooks/x/pause", "{}", 400, "input."},
    {"resumed", AS_ADMIN, POST, "/api/webhooks/$hook/resume", "{}", 200, ""},
    {"not signed in", AS_NOBODY, POST, "/api/webhooks/$hook/resume", "{}", 401, ""},
    {"without the right", AS_OPERATOR, POST, "/api/webhooks/$hook/resume", "{}", 403, ""},
    {"no such one", AS_ADMIN, POST, "/api/webhooks/9/resume", "{}", 404, "webhook.unknown"},
    {"no number", AS_ADMIN, POST, "/api/webhooks/x/resume", "{}", 400, "input."},
    {"tested", AS_ADMIN, POST, "/api/webhooks/$hook/test", "{}", 200, ""},
    {"not signed in", AS_NOBODY, POST, "/api/webhooks/$hook/test", "{}", 401, ""},
    {"without the right", AS_OPERATOR, POST, "/api/webhooks/$hook/test", "{}", 403, ""},
    {"no such one", AS_ADMIN, POST, "/api/webhooks/9/test", "{}", 404, "webhook.unknown"},
    {"no number", AS_ADMIN, POST, "/api/webhooks/x/test", "{}", 400, "input."},
    {"not signed in", AS_NOBODY, GET, "/api/webhooks/$hook/deliveries", NULL, 401, ""},
    {"without the right", AS_OPERATOR, GET, "/api/webhooks/$hook/deliveries", NULL, 403, ""},
    {"no such one", AS_ADMIN, GET, "/api/webhooks/9/deliveries", NULL, 404, "webhook.unknown"},
    {"no cursor", AS_ADMIN, GET, "/api/webhooks/$hook/deliveries?cursor=x", NULL, 400,
     "input.cursor"},
    {"seen, as it is sent", AS_ADMIN, GET, "/api/webhooks/$hook/deliveries?limit=1", NULL, 200,
     "\\'kind\\':\\'test\\'", .lacks = "secret"},
    {"none of them dead", AS_ADMIN, GET, "/api/webhooks/$hook/deliveries?is_dead=true", NULL, 200,
     "'items':[]"},
    {"edited", AS_ADMIN, POST, "/api/webhooks/$hook/edit",
     "{'title':'CRM','url':'$url','kinds':'channel_added order_paid'}", 200, ""},
    {"edited, an unknown kind", AS_ADMIN, POST, "/api/webhooks/$hook/edit",
     "{'title':'CRM','url':'$url','kinds':'nothing'}", 400, "webhook.kind"},
    {"edited, blanks for a name", AS_ADMIN, POST, "/api/webhooks/$hook/edit",
     "{'title':'  ','url':'$url','kinds':'*'}", 400, "webhook.title"},
    {"not signed in", AS_NOBODY, POST, "/api/webhooks/$hook/edit",
     "{'title':'CRM','url':'$url','kinds':'*'}", 401, ""},
    {"without the right", AS_OPERATOR, POST, "/api/webhooks/$hook/edit",
     "{'title':'CRM','url':'$url','kinds':'*'}", 403, ""},
    {"no such one", AS_ADMIN, POST, "/api/webhooks/9/edit",
     "{'title':'CRM','url':'$url','kinds':'*'}", 404, "webhook.unknown"},
    {"a new secret", AS_ADMIN, POST, "/api/webhooks/$hook/rotate", "{'overlap_days':1}", 200,
     "'secret':"},
    {"longer than a week", AS_ADMIN, POST, "/api/webhooks/$hook/rotate", "{'overlap_days':8}", 400,
     "input.range"},
    {"not signed in", AS_NOBODY, POST, "/api/webhooks/$hook/rotate", "{'overlap_days':1}", 401, ""},
    {"without the right", AS_OPERATOR, POST, "/api/webhooks/$hook/rotate", "{'overlap_days':1}",
     403, ""},
    {"no such one", AS_ADMIN, POST, "/api/webhooks/9/rotate", "{'overlap_days':1}", 404,
     "webhook.unknown"},
    {"tried again", AS_ADMIN, POST, "/api/webhooks/$hook/retry", "{}", 200, "'retried_count':0"},
    {"not signed in", AS_NOBODY, POST, "/api/webhooks/$hook/retry", "{}", 401, ""},
    {"without the right", AS_OPERATOR, POST, "/api/webhooks/$hook/retry", "{}", 403, ""},
    {"no such one", AS_ADMIN, POST, "/api/webhooks/9/retry", "{}", 404, "webhook.unknown"},
    {"no number", AS_ADMIN, POST, "/api/webhooks/x/retry", "{}", 400, "input."},
    {"paused again", AS_ADMIN, POST, "/api/webhooks/$hook/pause", "{}", 200, ""},
    {"paused: nothing is tried", AS_ADMIN, POST, "/api/webhooks/$hook/retry", "{}", 409,
     "webhook.paused"},
    {"not signed in", AS_NOBODY, POST, "/api/webhooks/$hook/remove", "{}", 401, ""},
    {"without the right", AS_OPERATOR, POST, "/api/webhooks/$hook/remove", "{}", 403, ""},
    {"no number", AS_ADMIN, POST, "/api/webhooks/x/remove", "{}", 400, "input."},
    {"removed", AS_ADMIN, POST, "/api/webhooks/$hook/remove", "{}", 200, ""},
    {"gone", AS_ADMIN, POST, "/api/webhooks/$hook/remove", "{}", 404, "webhook.unknown",
     .is_plain = true},
};

static void webhooks_are_kept(void **state)
{
    (void)state;
    scenario_run(kept);
    assert_int_equal(scenario_number("SELECT count(*) FROM outbox WHERE status = 'waiting'"), 0);
}

/* ---- telling --------------------------------------------------------------------------------- */

static struct json ask(const char *path, const char *body, const char *part)
{
    struct app_call call = scenario_ask(AS_ADMIN, POST, path, body);
    struct json json;

    if (call.status != 200 || str_find(call.reply, str_of(part)) < 0)
        fail_msg("%s: %d %.*s", path, call.status, STR(call.reply));
    assert_int_equal(json_parse(scenario_arena, call.reply, &json, NULL), OK);
    return json;
}

static struct json hook_add(const char *kinds)
{
    return ask(
        "/api/webhooks",
        str_cstr(scenario_arena, str_fmt(scenario_arena,
                                         "{\"title\":\"ERP\",\"url\":\"http://127.0.0.1:%d/hook\","
                                         "\"kinds\":\"%s\"}",
                                         sink_port(), kinds)),
        "secret");
}

static void channel_add(const char *code)
{
    ask("/api/channels",
        str_cstr(scenario_arena,
                 str_fmt(scenario_arena, "{\"code\":\"%s\",\"name\":\"%s\",\"kind\":\"ad\"}", code,
                         code)),
        "id");
}

static void tell(void)
{
    scenario_clock(clock_now_ms() + 3000);
    timer_await(scenario_app);
    outbox_await(scenario_app);
}

static void allow_loopback(void)
{
    ((struct app_config *)(uintptr_t)app_config(scenario_app))->may_call_inside = true;
}

static struct str hook_path(const struct json *hook, const char *tail)
{
    return str_fmt(scenario_arena, "/api/webhooks/%.*s%s", STR(json_get(hook, "id")->text), tail);
}

static bool is_signed_by(const struct sink_arrival *arrival, struct str signature,
                         const struct json *holder)
{
    struct str secret = json_get(holder, "secret")->text;
    uint8_t hash[HASH_BYTES];

    hash_keyed((const uint8_t *)secret.at,
               str_fmt(scenario_arena, "%.*s.%.*s", STR(arrival->stamp), STR(arrival->body)), hash);
    return str_eq(signature,
                  str_fmt(scenario_arena, "sha256=%.*s",
                          STR(str_hex(scenario_arena, (struct str){(char *)hash, HASH_BYTES}))));
}

static void what_happens_is_told_signed(void **state)
{
    struct sink_arrival arrival;
    struct json hook;

    (void)state;
    allow_loopback();
    channel_add("before");
    hook = hook_add("channel_added");
    tell();
    assert_int_equal(sink_count("/hook"), 0); /* what was before is not told */
    channel_add("after");
    tell();
    assert_int_equal(sink_count("/hook"), 1);
    arrival = sink_last("/hook");
    assert_true(str_find(arrival.body, S("\"kind\":\"channel_added\"")) > 0);
    assert_true(arrival.key.len > 10);
    assert_true(is_signed_by(&arrival, arrival.signature, &hook));
}

static void the_old_secret_signs_too_for_a_while(void **state)
{
    struct json hook, again;
    struct sink_arrival arrival;
    struct str head, tail;

    (void)state;
    allow_loopback();
    hook = hook_add("channel_added");
    again = ask(str_cstr(scenario_arena, hook_path(&hook, "/rotate")), "{\"overlap_days\":1}",
                "secret");
    channel_add("both");
    tell();
    arrival = sink_last("/hook");
    assert_true(str_cut(arrival.signature, ',', &head, &tail));
    assert_true(is_signed_by(&arrival, head, &again));
    assert_true(is_signed_by(&arrival, tail, &hook));
    scenario_clock(clock_now_ms() + DAY_MS);
    channel_add("one");
    tell();
    arrival = sink_last("/hook");
    assert_true(is_signed_by(&arrival, arrival.signature, &again));
    again = ask(str_cstr(scenario_arena, hook_path(&hook, "/rotate")), "{\"overlap_days\":0}",
                "secret");
    channel_add("at_once");
    tell();
    arrival = sink_last("/hook");
    assert_true(is_signed_by(&arrival, arrival.signature, &again));
}

static void a_trial_is_made_once_and_shows_the_answer(void **state)
{
    struct app_call seen;
    struct json hook;

    (void)state;
    allow_loopback();
    hook = hook_add("order_paid");
    sink_answer("/hook", 500, 1);
    ask(str_cstr(scenario_arena, hook_path(&hook, "/test")), "{}", "key_id");
    tell();
    seen = scenario_ask(AS_ADMIN, GET, str_cstr(scenario_arena, hook_path(&hook, "/deliveries")),
                        NULL);
    assert_true(str_find(seen.reply, S("\"status\":\"cancelled\"")) > 0);
    assert_true(str_find(seen.reply, S("HTTP 500: no\"")) > 0);
    scenario_clock(clock_now_ms() + DAY_MS);
    tell();
    assert_int_equal(sink_count("/hook"), 1);
}

static void what_was_never_taken_is_tried_again(void **state)
{
    struct str retry;
    struct json hook;

    (void)state;
    allow_loopback();
    hook = hook_add("channel_added");
    retry = hook_path(&hook, "/retry");
    sink_answer("/hook", 410, 2);
    channel_add("one");
    channel_add("two");
    tell();
    assert_int_equal(scenario_number("SELECT count(*) FROM outbox WHERE status = 'dead'"), 2);
    ask(str_cstr(scenario_arena, retry), "{}", "\"retried_count\":2");
    tell();
    assert_int_equal(scenario_number("SELECT count(*) FROM outbox WHERE status = 'sent'"), 2);
    assert_int_equal(sink_count("/hook"), 4);
}

static void who_is_paused_is_told_nothing(void **state)
{
    struct json hook;
    struct str id;
    const char *pause, *resume, *test;

    (void)state;
    allow_loopback();
    hook = hook_add("*");
    id = json_get(&hook, "id")->text;
    pause = str_cstr(scenario_arena, str_fmt(scenario_arena, "/api/webhooks/%.*s/pause", STR(id)));
    resume =
        str_cstr(scenario_arena, str_fmt(scenario_arena, "/api/webhooks/%.*s/resume", STR(id)));
    test = str_cstr(scenario_arena, str_fmt(scenario_arena, "/api/webhooks/%.*s/test", STR(id)));
    ask(test, "{}", "");
    ask(pause, "{}", "");
    channel_add("one");
    tell();
    assert_int_equal(sink_count("/hook"), 0);
    ask(resume, "{}", "");
    channel_add("two");
    ask(test, "{}", "");
    tell();
    assert_int_equal(sink_count("/hook"), 2);
}

static void more_than_a_page_is_told_in_order(void **state)
{
    struct str bodies, rest;
    int count = 0;

    (void)state;
    allow_loopback();
    hook_add("channel_added");
    for (int i = 0; i < 250; i++)
        channel_add(str_cstr(scenario_arena, str_fmt(scenario_arena, "c%03d", i)));
    tell();
    assert_int_equal(sink_count("/hook"), 250);
    bodies = sink_bodies("/hook");
    for (int64_t at; (at = str_find(bodies, S("\"id\":"))) >= 0; count++) {
        rest = str_sub(bodies, (size_t)at + 5, SIZE_MAX);
        bodies = rest;
    }
    assert_int_equal(count, 250);
    assert_int_equal(scenario_number("SELECT count(DISTINCT key_id) FROM outbox"), 250);
}

static void loopback_is_not_called_unless_allowed(void **state)
{
    (void)state;
    hook_add("channel_added");
    channel_add("one");
    tell();
    assert_int_equal(sink_count(NULL), 0);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM outbox WHERE error_message LIKE '%private network'"),
        1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(webhooks_are_kept, begin, end),
        cmocka_unit_test_setup_teardown(what_happens_is_told_signed, begin, end),
        cmocka_unit_test_setup_teardown(the_old_secret_signs_too_for_a_while, begin, end),
        cmocka_unit_test_setup_teardown(a_trial_is_made_once_and_shows_the_answer, begin, end),
        cmocka_unit_test_setup_teardown(what_was_never_taken_is_tried_again, begin, end),
        cmocka_unit_test_setup_teardown(who_is_paused_is_told_nothing, begin, end),
        cmocka_unit_test_setup_teardown(more_than_a_page_is_told_in_order, begin, end),
        cmocka_unit_test_setup_teardown(loopback_is_not_called_unless_allowed, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
