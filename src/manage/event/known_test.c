/* Behaviours that change nothing: in a page instead of rows, with the same answers to everybody who
 * asks; and whatever moves a customer is noticed by what comes next. */
#include "scenario.h"

#include "host/clock.h"
#include "kit/behaviour.h"
#include "manage/event/event.h"

#define SEND AS_KEY, POST, "/api/v1/events"
#define EVENT(id, customer) "{'message_id':'" id "','kind':'page_viewed'," customer "}"
#define PHONE(value) "'customer':{'kind':'phone','value':'" value "'}"
#define MEMBER(value) "'customer':{'kind':'member_no','value':'" value "'}"
#define ANA PHONE("13811110001")

#define run(rows) scenario_run_once((rows), ARRAY_LEN(rows))

static int64_t row_count(void)
{
    return scenario_number("SELECT count(*) FROM journal WHERE kind = 'page_viewed'");
}

static int64_t page_count(void)
{
    return scenario_number("SELECT coalesce(sum(event_count), 0) FROM behaviour_page");
}

/* On a shared base there is no such memory, and all are rows. */
static void assert_stored(int64_t rows, int64_t pages)
{
    bool is_shared = app_config(scenario_app)->db.at != NULL;

    assert_int_equal(row_count(), is_shared ? rows + pages : rows);
    assert_int_equal(page_count(), is_shared ? 0 : pages);
}

/* Made by the first, found by the second, known to the third. */
static const struct scenario coming[] = {
    {"made", SEND, EVENT("a1", ANA), 200, "'accepted_count':1,", "customer_added page_viewed"},
    {"found", SEND, EVENT("a2", ANA), 200, "'accepted_count':1,", "page_viewed"},
    {"known", SEND, EVENT("a3", ANA), 200, "'accepted_count':1,", "page_viewed"},
    {"known, in two forms", SEND, EVENT("a4", PHONE("+86 138-1111-0001")), 200,
     "'accepted_count':1,", "page_viewed"},
    {"the first again", SEND, EVENT("a1", ANA), 200, "'duplicate_count':1", ""},
    {"the third again", SEND, EVENT("a3", ANA), 200, "'duplicate_count':1", ""},
    {"both kinds in a batch, one twice, one wrong", SEND,
     "{'events':[" EVENT("a5", ANA) ",{'message_id':'a6','kind':'friend_removed'," ANA "}," EVENT(
         "a5", ANA) ",{'message_id':'a7','kind':'nope'," ANA "}]}",
     200, "'accepted_count':2,'duplicate_count':1,'rejected':[{'index_number':3", NULL},
};

static void test_coming(void **state)
{
    (void)state;
    run(coming);
    assert_stored(2, 3);
    scenario_set("ana", scenario_text("SELECT id FROM customer"));
}

/* The first action of a day, and one from before the first touch, change the customer: rows. */
static void test_changes(void **state)
{
    static const struct scenario earlier[] = {
        {"before the first touch", SEND,
         "{'message_id':'b1','kind':'page_viewed','occurred_ms':1772330000000," ANA "}", 200,
         "'accepted_count':1,", "page_viewed"},
    };
    static const struct scenario next_day[] = {
        {"first of the day", SEND, EVENT("b2", ANA), 200, "", "page_viewed"},
        {"found that day", SEND, EVENT("b3", ANA), 200, "", "page_viewed"},
        {"known that day", SEND, EVENT("b4", ANA), 200, "", "page_viewed"},
    };
    int64_t day;

    (void)state;
    run(earlier);
    assert_stored(3, 3);
    assert_int_equal(scenario_number("SELECT touched_ms FROM customer"), 1772330000000);
    day = scenario_number("SELECT action_day FROM customer");
    scenario_clock(clock_now_ms() + DAY_MS);
    run(next_day);
    assert_int_equal(scenario_number("SELECT action_day FROM customer"), day + 1);
    assert_stored(5, 4);
}

static const struct scenario asking[] = {
    {"timeline", AS_VIEWER, GET, "/api/customers/$ana/timeline?group=behaviour&limit=1", NULL, 200,
     "'kind':'page_viewed'", ""},
    {"of other groups", AS_VIEWER, GET, "/api/customers/$ana/timeline?group=tag", NULL, 200,
     "{'items':[]", "", .lacks = "page_viewed"},
};

static int64_t timeline_count(const char *limit)
{
    const char *cursor = "";
    int64_t count = 0;

    for (;;) {
        struct app_call call = scenario_ask(
            AS_VIEWER, GET,
            str_cstr(scenario_arena,
                     str_fmt(scenario_arena, "/api/customers/%s/timeline?limit=%s%s%s",
                             scenario_get("ana"), limit, *cursor ? "&cursor=" : "", cursor)),
            NULL);
        struct json json;
        const struct json *next;
        assert_int_equal(call.status, 200);
        assert_int_equal(json_parse(scenario_arena, call.reply, &json, NULL), OK);
        count += json_get(&json, "items")->count;
        next = json_get(&json, "next_cursor");
        if (next == NULL || next->type != JSON_STR)
            return count;
        cursor = str_cstr(scenario_arena, next->text);
    }
}

static void test_asking(void **state)
{
    int64_t all = page_count() + scenario_number("SELECT count(*) FROM journal WHERE customer_id "
                                                 "IS NOT NULL");

    (void)state;
    run(asking);
    assert_int_equal(timeline_count("100"), all);
    assert_int_equal(timeline_count("1"), all);
    assert_int_equal(timeline_count("3"), all);
}

/* Who is somebody else from now on. */
static void test_moves(void **state)
{
    static const struct scenario edited[] = {
        {"a phone", AS_OPERATOR, POST, "/api/customers/$ana/edit", "{'phone':'13811110009'}", 200,
         "{}", "customer_edited"},
        {"by it", SEND, EVENT("c1", PHONE("13811110009")), 200, "", "page_viewed"},
        {"known by it", SEND, EVENT("c2", PHONE("13811110009")), 200, "", "page_viewed"},
        {"another phone", AS_OPERATOR, POST, "/api/customers/$ana/edit", "{'phone':'13811110008'}",
         200, "{}", "customer_edited"},
        {"by the old one it is somebody new", SEND, EVENT("c3", PHONE("13811110009")), 200, "",
         "customer_added page_viewed"},
    };
    static const struct scenario deleted[] = {
        {"delete", AS_ADMIN, POST, "/api/customers/$ana/privacy/delete",
         "{'reason':'asked','confirm_number':1}", 200, "", "customer_deleted"},
        {"somebody new", SEND, EVENT("c4", ANA), 200, "", "customer_added page_viewed"},
    };

    (void)state;
    run(edited);
    run(deleted);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE deleted_ms IS NULL"), 2);
}

/* After a restart nothing is known but what the base says. */
static void test_restart(void **state)
{
    static const struct scenario before[] = {
        {"bea", SEND, EVENT("d1", PHONE("13811110002")), 200, "", "customer_added page_viewed"},
        {"bea is found", SEND, EVENT("d2", PHONE("13811110002")), 200, "", "page_viewed"},
        {"bea is known", SEND, EVENT("d3", PHONE("13811110002")), 200, "", "page_viewed"},
    };
    static const struct scenario again[] = {
        {"of a row", SEND, EVENT("d2", PHONE("13811110002")), 200, "'duplicate_count':1", ""},
        {"of a page", SEND, EVENT("d3", PHONE("13811110002")), 200, "'duplicate_count':1", ""},
        {"new", SEND, EVENT("d4", PHONE("13811110002")), 200, "'accepted_count':1", "page_viewed"},
    };
    int64_t pages;

    (void)state;
    run(before);
    pages = page_count();
    scenario_reopen();
    run(again);
    assert_int_equal(page_count(), pages);
}

/* Before the first event after a start comes the message ids are known: they count also if the
 * base forgets them now. */
static void test_start(void **state)
{
    static const struct scenario before[] = {
        {"six", SEND, EVENT("h1", PHONE("13811110006")), 200, "", "customer_added page_viewed"},
        {"six is found", SEND, EVENT("h2", PHONE("13811110006")), 200, "", "page_viewed"},
        {"six is known", SEND, EVENT("h3", PHONE("13811110006")), 200, "", "page_viewed"},
    };
    static const struct scenario again[] = {
        {"six of a row", SEND, EVENT("h2", PHONE("13811110006")), 200, "'duplicate_count':1", ""},
        {"six of a page", SEND, EVENT("h3", PHONE("13811110006")), 200, "'duplicate_count':1", ""},
    };

    (void)state;
    if (app_config(scenario_app)->db.at != NULL) /* there it is the base that knows */
        return;
    run(before);
    scenario_reopen();
    known_await(scenario_app);
    scenario_sql("DELETE FROM message");
    scenario_sql("DELETE FROM behaviour_page");
    run(again);
}

/* Names that read alike when they stand behind each other are not the same. */
static void test_alike(void **state)
{
    static const struct scenario alike[] = {
        {"made of two", SEND, EVENT("f1", MEMBER("x\\ny") ",'anonymous_id':'z'"), 200, "",
         "customer_added page_viewed"},
        {"found by two", SEND, EVENT("f2", MEMBER("x\\ny") ",'anonymous_id':'z'"), 200, "",
         "page_viewed"},
        {"known by two", SEND, EVENT("f3", MEMBER("x\\ny") ",'anonymous_id':'z'"), 200, "",
         "page_viewed"},
        {"not the same two", SEND, EVENT("f4", MEMBER("x") ",'anonymous_id':'y\\nz'"), 200, "",
         "customer_added page_viewed"},
    };

    (void)state;
    run(alike);
}

/* A page of an import has several batches: what the second learns of whom the first made goes with
 * them when the page fails, and nobody else is taken for them. */
static enum err batches_step(struct ctx *c, void *user)
{
    struct event_in event = {.message_id = S("e0"),
                             .kind = S("page_viewed"),
                             .occurred_ms = c->now_ms,
                             .customer = {S("phone"), S("13811110003")}};
    struct event_result result;

    (void)user;
    TRY(event_ingest(c, &event, 1, &result));
    event.message_id = S("e1");
    TRY(event_ingest(c, &event, 1, &result));
    return E_IO;
}

static void test_undone(void **state)
{
    static const struct scenario after[] = {
        {"somebody else has the number", SEND, EVENT("e2", PHONE("13811110004")), 200, "",
         "customer_added page_viewed"},
        {"made anew", SEND, EVENT("e0", PHONE("13811110003")), 200, "'accepted_count':1",
         "customer_added page_viewed"},
    };

    (void)state;
    assert_int_equal(app_write(scenario_app, scenario_arena, batches_step, NULL, NULL), E_IO);
    run(after);
}

static enum err hushed_step(struct ctx *c, void *user)
{
    struct event_in event = {.message_id = S("g1"),
                             .kind = S("invite_accepted"),
                             .occurred_ms = c->now_ms,
                             .customer = {S("phone"), S("13811110005")},
                             .properties = S("{\"inviter_kind\":\"email\","
                                             "\"inviter_value\":\"five@x.example\"}")};
    struct event_result result;

    (void)user;
    c->me_permissions = S("event.write");
    TRY(event_ingest(c, &event, 1, &result));
    assert_int_equal(result.accepted_count, 1);
    return OK;
}

/* What a commit that failed says to those beside the base; on the writer, as that does. */
static enum err failed_step(struct ctx *c, void *user)
{
    (void)user;
    known_part.undone(app_part(c->app, &known_part));
    return OK;
}

/* A commit that fails forgets what it took itself, not what is kept: also of events that nobody
 * hears of, as when a page's key says that somebody invited himself by another name. */
static void test_commit_failed(void **state)
{
    static const struct scenario hushed[] = {
        {"two names", AS_OPERATOR, POST, "/api/customers",
         "{'phone':'13811110005','email':'five@x.example'}", 200, "'id'", NULL},
    };
    static const struct scenario again[] = {
        {"five is found", SEND, EVENT("g2", PHONE("13811110005")), 200, "'accepted_count':1", NULL},
        {"five is known", SEND, EVENT("g3", PHONE("13811110005")), 200, "'accepted_count':1", NULL},
        {"the hushed one's id", SEND, EVENT("g1", PHONE("13811110005")), 200, "'duplicate_count':1",
         ""},
    };
    int64_t rows;

    (void)state;
    run(hushed);
    rows = scenario_number("SELECT count(*) FROM journal");
    assert_int_equal(app_write(scenario_app, scenario_arena, hushed_step, NULL, NULL), OK);
    assert_int_equal(scenario_number("SELECT count(*) FROM journal"), rows);
    scenario_write(failed_step, NULL);
    run(again);
}

/* Behaviours and facts of a batch stay in its order, wherever each is kept. */
static void test_order(void **state)
{
    static const char *const bodies[] = {
        EVENT("o1", PHONE("13811110099")),
        EVENT("o2", PHONE("13811110099")), /* made, found */
        "{'events':[" EVENT(
            "o3", PHONE("13811110099")) ",{'message_id':'o4','kind':"
                                        "'friend_removed'," PHONE("13811110099") "}," EVENT(
                                            "o5", PHONE("13811110099")) "]}",
    };
    struct app_call call;
    int64_t view, fact;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        assert_int_equal(scenario_ask(SEND, bodies[i]).status, 200);
    scenario_set("late", scenario_text("SELECT customer_id FROM journal WHERE kind = "
                                       "'friend_removed' ORDER BY id DESC LIMIT 1"));
    call = scenario_ask(AS_VIEWER, GET, "/api/customers/$late/timeline?limit=2", NULL);
    view = str_find(call.reply, S("page_viewed"));
    fact = str_find(call.reply, S("friend_removed"));
    assert_true(view > 0 && fact > view); /* the latest first */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coming),  cmocka_unit_test(test_changes),
        cmocka_unit_test(test_asking),  cmocka_unit_test(test_moves),
        cmocka_unit_test(test_restart), cmocka_unit_test(test_undone),
        cmocka_unit_test(test_alike),   cmocka_unit_test(test_commit_failed),
        cmocka_unit_test(test_start),   cmocka_unit_test(test_order),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
