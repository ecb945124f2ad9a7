/* Segments from making to archiving: who is a member must be what the definition says, with one
 * fact for each who came in or went out, over events, changes, time, merges, deletions and
 * restarts. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/clock.h"
#include "host/file.h"
#include "kit/job.h"
#include "manage/audience/audience.h"
#include "manage/segment/segment_private.h"

#define ADD POST, "/api/customers"
#define SEGMENTS "/api/segments"
#define WHO(who) "{'version':1,'ask':'segment','who':" who "}"
#define BUYERS WHO("{'did':{'kind':'order_paid'}}")
#define LATELY WHO("{'did':{'kind':'page_viewed','within':{'last':{'hours':1}}}}")
#define NEW(name, definition) "{'name':'" name "','definition':" definition "}"
#define ORDER(no, who)                                                                             \
    "{'source':'shop','order_no':'" no "','placed_ms':1767225600000,'customer_id':'" who           \
    "','lines':["                                                                                  \
    "{'product_code':'A1','quantity_count':1,'unit_price_micro':5000000}]}"
#define HOUR_MS INT64_C(3600000)

static const struct scenario people[] = {
    {"ana", AS_OPERATOR, ADD, "{'name':'Ana','phone':'13800000001'}", 200, "", NULL, .keep = "ana"},
    {"bea", AS_OPERATOR, ADD, "{'name':'Bea','phone':'13800000002'}", 200, "", NULL, .keep = "bea"},
    {"eve", AS_OPERATOR, ADD, "{'name':'Eve','phone':'13800000003'}", 200, "", NULL, .keep = "eve"},
    {"tag", AS_OPERATOR, POST, "/api/tags",
     "{'family':'spending','name':'buyer','color':'#ff0000'}", 200, "", NULL, .keep = "tag"},
    {"ana buys", AS_OPERATOR, POST, "/api/orders", ORDER("1", "$ana"), 200, "", NULL},
};
static const struct scenario made[] = {
    {"buyers", AS_OPERATOR, POST, SEGMENTS,
     "{'name':'buyers','definition':" BUYERS ",'tag_id':'$tag'}", 200, "'id'", "segment_changed",
     .keep = "buyers"},
    {"lately", AS_OPERATOR, POST, SEGMENTS, NEW("lately", LATELY), 200, "'id'", "segment_changed",
     .keep = "lately"},
};
static const struct scenario bought[] = {
    {"bea buys", AS_OPERATOR, POST, "/api/orders", ORDER("2", "$bea"), 200, "", NULL},
    {"eve looks", AS_KEY, POST, "/api/v1/events",
     "{'events':[{'message_id':'a1','kind':'page_viewed','customer':{'kind':'phone','value':'"
     "13800000003'}}]}",
     200, "'accepted_count':1", NULL},
};

static void run_all(const struct scenario *rows, size_t count)
{
    scenario_run_once(rows, count);
    audience_await(scenario_app);
}
#define run(rows) run_all((rows), ARRAY_LEN(rows))

static int64_t member_count(const char *name)
{
    return scenario_number(
        str_cstr(scenario_arena, str_fmt(scenario_arena,
                                         "SELECT count(*) FROM segment_member m JOIN segment s ON "
                                         "s.id = m.segment_id WHERE s.name = '%s'",
                                         name)));
}

static const char *state_of(const char *name)
{
    return scenario_text(
        str_cstr(scenario_arena,
                 str_fmt(scenario_arena, "SELECT state FROM segment WHERE name = '%s'", name)));
}

static int64_t fact_count(const char *kind)
{
    return scenario_number(
        str_cstr(scenario_arena,
                 str_fmt(scenario_arena, "SELECT count(*) FROM journal WHERE kind = '%s'", kind)));
}

/* Counts in the segment's row, rows of members, facts: all say the same. */
static void assert_sound(void)
{
    assert_int_equal(
        scenario_number("SELECT count(*) FROM segment s WHERE s.member_count <> "
                        "(SELECT count(*) FROM segment_member m WHERE m.segment_id = s.id)"),
        0);
    assert_int_equal(
        scenario_number(
            "SELECT count(*) FROM segment_member m JOIN segment s ON s.id = m.segment_id "
            "WHERE s.kind = 'live'"),
        fact_count("segment_entered") - fact_count("segment_left"));
}

static int64_t tagged_count(void)
{
    return scenario_number("SELECT count(*) FROM customer_tag");
}

static void reopen(void)
{
    scenario_reopen();
    audience_await(scenario_app);
}

static void test_members(void **state)
{
    (void)state;
    run(people);
    run(made);
    assert_int_equal(member_count("buyers"), 1); /* from history */
    assert_int_equal(tagged_count(), 1);
    run(bought);
    assert_int_equal(member_count("buyers"), 2);
    assert_int_equal(member_count("lately"), 1);
    assert_int_equal(tagged_count(), 2);
    assert_int_equal(fact_count("segment_entered"), 3);
    assert_sound();
    reopen();
    assert_int_equal(fact_count("segment_entered"), 3); /* nothing twice */
    assert_sound();
}

/* An hour later a view is no longer of the last hour, whether the program ran meanwhile or not. */
static void test_time(void **state)
{
    (void)state;
    run(people);
    run(made);
    run(bought);
    clock_simulate(clock_now_ms() + 2 * HOUR_MS);
    audience_await(scenario_app);
    assert_int_equal(member_count("lately"), 0);
    assert_int_equal(fact_count("segment_left"), 1);
    clock_simulate(NONE);
    assert_sound();
}

static void test_time_while_away(void **state)
{
    (void)state;
    run(people);
    run(made);
    run(bought);
    clock_simulate(clock_now_ms() + 2 * HOUR_MS);
    reopen();
    assert_int_equal(member_count("lately"), 0);
    assert_int_equal(member_count("buyers"), 2);
    clock_simulate(NONE);
    assert_sound();
}

static const struct scenario merged[] = {
    {"merge", AS_OPERATOR, POST, "/api/customers/$eve/merge", "{'other_customer_id':'$ana'}", 200,
     "", NULL, .keep = "m1"},
};
static const struct scenario unmerged[] = {
    {"undo", AS_OPERATOR, POST, "/api/merges/$m1/undo", "{}", 200, "", NULL},
};
static const struct scenario gone[] = {
    {"delete", AS_ADMIN, POST, "/api/customers/$bea/privacy/delete",
     "{'reason':'asked','confirm_number':2}", 200, "", NULL},
};

static void test_people_change(void **state)
{
    (void)state;
    run(people);
    run(made);
    run(merged); /* eve has bought now, ana is nobody of her own */
    assert_int_equal(member_count("buyers"), 1);
    assert_int_equal(
        scenario_number(
            "SELECT count(*) FROM segment_member m JOIN customer c ON c.id = m.customer_id "
            "WHERE c.merged_into_id IS NOT NULL"),
        0);
    assert_sound();
    run(unmerged);
    assert_int_equal(member_count("buyers"), 1);
    assert_sound();
    run(bought);
    assert_int_equal(member_count("buyers"), 2);
    run(gone);
    assert_int_equal(member_count("buyers"), 1);
    assert_int_equal(scenario_number("SELECT member_count FROM segment WHERE name = 'buyers'"), 1);
}

static const struct scenario edited[] = {
    {"edit", AS_OPERATOR, POST, SEGMENTS "/$buyers/edit",
     "{'name':'buyers','definition':" WHO(
         "{'not':{'did':{'kind':'order_paid'}}}") ",'tag_id':'$tag','version_number':1}",
     200, "{}", NULL},
    {"on it", AS_OPERATOR, POST, SEGMENTS,
     NEW("on it", WHO("{'segment':['$buyers'],'match':'none'}")), 200, "'id'", NULL,
     .keep = "onit"},
    {"the list", AS_OPERATOR, GET, SEGMENTS, NULL, 200, "'member_count':2", NULL},
    {"why", AS_OPERATOR, GET, SEGMENTS "/$buyers/explain?customer_id=$bea", NULL, 200,
     "'is_member':true", NULL},
    {"why not", AS_OPERATOR, GET, SEGMENTS "/$buyers/explain?customer_id=$ana", NULL, 200,
     "'is_in':false", NULL},
    {"neither is in both", AS_OPERATOR, POST, "/api/audience/overlap",
     "{'queries':[" WHO("{'segment':['$buyers']}") "," WHO("{'segment':['$onit']}") "]}", 200,
     "{'mask_number':3,'member_count':0}", NULL},
};
static const struct scenario of_one[] = {
    {"bea's", AS_VIEWER, GET, "/api/customers/$bea/segments", NULL, 200,
     "{'items':[{'id':'$buyers','name':'buyers','kind':'live','tag_id':'$tag','tag_name':'buyer'",
     ""},
    {"eve's", AS_VIEWER, GET, "/api/customers/$eve/segments", NULL, 200, "'name':'lately'", ""},
    {"nobody's", AS_VIEWER, GET, "/api/customers/12345/segments", NULL, 404, "customer.unknown",
     ""},
    {"not signed in", AS_NOBODY, GET, "/api/customers/$bea/segments", NULL, 401, "", ""},
    {"a page's key", AS_KEY, GET, "/api/customers/$bea/segments", NULL, 401, "", ""},
};
static const struct scenario of_one_archived[] = {
    {"archive", AS_OPERATOR, POST, SEGMENTS "/$lately/archive", "{}", 200, "{}", NULL},
    {"eve's is not shown", AS_VIEWER, GET, "/api/customers/$eve/segments", NULL, 200,
     "{'items':[]}", ""},
};
static const struct scenario of_ana[] = {
    {"a merged record's", AS_VIEWER, GET, "/api/customers/$ana/segments", NULL, 200,
     "'name':'buyers'", ""},
};
static const struct scenario of_others[] = {
    {"out of reach", AS_VIEWER, GET, "/api/customers/$bea/segments", NULL, 404, "customer.unknown",
     ""},
};
static const struct scenario of_barred[] = {
    {"no right", AS_VIEWER, GET, "/api/customers/$bea/segments", NULL, 403, "gate.permission", ""},
};

/* Under a merged record's id too; whoever may not see the customer may not see its segments. */
static void test_of_person(void **state)
{
    (void)state;
    run(people);
    run(made);
    run(bought);
    run(of_one);
    run(of_one_archived);
    run(merged);
    run(of_ana);
    scenario_sql("UPDATE role SET scope = 'own' WHERE name = 'viewer'");
    run(of_others);
    scenario_sql("UPDATE role SET permissions = 'order.write' WHERE name = 'viewer'");
    run(of_barred);
}

static const struct scenario faults[] = {
    {"no such kind", AS_OPERATOR, POST, SEGMENTS, NEW("x", WHO("{'did':{'kind':'flown'}}")), 400,
     "definition/who/did/kind", ""},
    {"not a segment", AS_OPERATOR, POST, SEGMENTS,
     "{'name':'x','definition':{'version':1,'ask':'rfm','events':{}}}", 400, "", ""},
    {"the same name", AS_OPERATOR, POST, SEGMENTS, NEW("lately", BUYERS), 409, "segment.exists",
     ""},
    {"its tag is another's", AS_OPERATOR, POST, SEGMENTS,
     "{'name':'y','definition':" BUYERS ",'tag_id':'$tag'}", 400, "segment.tag", ""},
    {"an old version", AS_OPERATOR, POST, SEGMENTS "/$buyers/edit",
     "{'name':'buyers','definition':" BUYERS ",'tag_id':'$tag','version_number':1}", 409,
     "segment.changed", ""},
    {"a circle", AS_OPERATOR, POST, SEGMENTS "/$buyers/edit",
     "{'name':'buyers','definition':" WHO(
         "{'segment':['$onit']}") ",'tag_id':'$tag','version_number':2}",
     400, "segment.circle", ""},
    {"a circle by way of an answer", AS_OPERATOR, POST, SEGMENTS "/$buyers/edit",
     "{'name':'buyers','definition':" WHO(
         "{'answer':{'ask':'interval','events':{},'pairs':'all','who':{'segment':['$onit']}},"
         "'cell':{}}") ",'tag_id':'$tag','version_number':2}",
     400, "segment.circle", ""},
    {"on its own tag", AS_OPERATOR, POST, SEGMENTS "/$buyers/edit",
     "{'name':'buyers','definition':" WHO(
         "{'not':{'tag':['$tag']}}") ",'tag_id':'$tag','version_number':2}",
     400, "segment.circle", ""},
    {"in use", AS_OPERATOR, POST, SEGMENTS "/$buyers/archive", "{}", 409, "segment.used", ""},
    {"nobody", AS_NOBODY, GET, SEGMENTS, NULL, 401, "", ""},
    {"no right", AS_VIEWER, POST, SEGMENTS, NEW("z", BUYERS), 403, "", ""},
    {"unknown", AS_OPERATOR, GET, SEGMENTS "/12345", NULL, 404, "segment.unknown", ""},
};

/* Each on the tag that the other keeps: members would come and go for ever. */
#define TAG(name) POST, "/api/tags", "{'family':'intent','name':'" name "','color':'#ff0000'}"
#define ON_TAG(name, of, keeps)                                                                    \
    "{'name':'" name "','definition':" WHO("{'not':{'tag':['" of "']}}") ",'tag_id':'" keeps "'}"
static const struct scenario tag_circles[] = {
    {"warm", AS_OPERATOR, TAG("warm"), 200, "", NULL, .keep = "warm"},
    {"cool", AS_OPERATOR, TAG("cool"), 200, "", NULL, .keep = "cool"},
    {"its own", AS_OPERATOR, POST, SEGMENTS, ON_TAG("own", "$warm", "$warm"), 400, "segment.circle",
     ""},
    {"the one", AS_OPERATOR, POST, SEGMENTS, ON_TAG("one", "$warm", "$cool"), 200, "'id'", NULL,
     .keep = "one"},
    {"the other", AS_OPERATOR, POST, SEGMENTS, ON_TAG("other", "$cool", "$warm"), 400,
     "by way of one", ""},
    {"without the one", AS_OPERATOR, POST, SEGMENTS "/$one/archive", "{}", 200, "{}", NULL},
    {"now", AS_OPERATOR, POST, SEGMENTS, ON_TAG("other", "$cool", "$warm"), 200, "'id'", NULL},
    {"it stays there", AS_OPERATOR, POST, SEGMENTS "/$one/restore", "{}", 400, "by way of other",
     ""},
};

static void test_tag_circles(void **state)
{
    (void)state;
    run(people);
    run(tag_circles);
    assert_sound();
}

/* Members are known as soon as questions are answered. */
static const struct scenario asked[] = {
    {"members", AS_OPERATOR, POST, "/api/audience/query",
     "{'query':" WHO("{'segment':['$buyers']}") "}", 200, "'member_count':1", NULL},
    {"and of another", AS_OPERATOR, POST, "/api/audience/query",
     "{'query':" WHO("{'segment':['$onit']}") "}", 200, "'member_count':1", NULL},
};

static void test_edit(void **state)
{
    (void)state;
    run(people);
    run(made);
    run(bought);
    run(edited);
    assert_int_equal(member_count("buyers"), 1); /* only eve has not bought */
    assert_int_equal(member_count("on it"), 2);
    assert_int_equal(tagged_count(), 1);
    assert_sound();
    run(faults);
    assert_sound();
}

static const struct scenario archived[] = {
    {"snapshot", AS_OPERATOR, POST, SEGMENTS "/$buyers/snapshot", "{'name':'list'}", 200, "'id'",
     NULL, .keep = "list"},
    {"archive", AS_OPERATOR, POST, SEGMENTS "/$lately/archive", "{}", 200, "{}", NULL},
};
static const struct scenario of_list[] = {
    {"of the list", AS_OPERATOR, POST, SEGMENTS, NEW("of the list", WHO("{'list':['$list']}")), 200,
     "'id'", NULL},
    {"restore", AS_OPERATOR, POST, SEGMENTS "/$lately/restore", "{}", 200, "{}", NULL},
};

#define PAID(no, ms, who, price)                                                                   \
    "{'source':'shop','order_no':'" no "','placed_ms':" ms ",'customer_id':'" who "','lines':["    \
    "{'product_code':'A1','quantity_count':1,'unit_price_micro':" price "}]}"
static const struct scenario top[] = {
    {"bea buys for 7", AS_OPERATOR, POST, "/api/orders",
     PAID("7", "1767225600000", "$bea", "7000000"), 200, "", NULL},
    {"eve buys for 9", AS_OPERATOR, POST, "/api/orders",
     PAID("9", "1767225600000", "$eve", "9000000"), 200, "", NULL},
    {"top", AS_OPERATOR, POST, SEGMENTS,
     NEW("top", WHO("{'rfm':{'kind':'order_paid'},'of':'amount','m':[4,5]}")), 200, "'id'", NULL,
     .keep = "top"},
};
static const struct scenario of_answer[] = {
    {"who bought", AS_OPERATOR, POST, SEGMENTS,
     NEW("bought", WHO("{'answer':{'ask':'breakdown','events':{'kind':'order_paid'},'by':'kind'},"
                       "'cell':{'group':'order_paid'}}")),
     200, "'id'", NULL},
    {"who bought again", AS_OPERATOR, POST, SEGMENTS,
     NEW("again", WHO("{'answer':{'ask':'interval','events':{'kind':'order_paid'},'pairs':'all'},"
                      "'cell':{}}")),
     200, "'id'", NULL},
};
static const struct scenario climbs[] = {
    {"ana buys for 20 today", AS_OPERATOR, POST, "/api/orders",
     PAID("20", "1772330400000", "$ana", "20000000"), 200, "", NULL},
    {"ana is in", AS_OPERATOR, GET, SEGMENTS "/$top/explain?customer_id=$ana", NULL, 200,
     "'is_in':true", NULL},
    {"eve too", AS_OPERATOR, GET, SEGMENTS "/$top/explain?customer_id=$eve", NULL, 200,
     "'is_in':true", NULL},
};
static const struct scenario next_day[] = {
    {"eve no more", AS_OPERATOR, GET, SEGMENTS "/$top/explain?customer_id=$eve", NULL, 200,
     "'is_in':false", NULL},
};

/* Cells are bounded as the day began: who does something moves at once, the others with the day. */
static void test_cells(void **state)
{
    (void)state;
    run(people);
    run(top);
    assert_int_equal(member_count("top"), 1);
    run(climbs);
    assert_int_equal(member_count("top"), 2);
    assert_sound();
    reopen();
    assert_int_equal(member_count("top"), 2);
    scenario_clock(INT64_C(1772330400000) + 24 * HOUR_MS);
    audience_await(scenario_app);
    assert_int_equal(member_count("top"), 1);
    run(next_day);
    assert_int_equal(fact_count("segment_left"), 1);
    assert_sound();
}

/* An answer is that of the start of the day, and everybody's. */
static void test_answer(void **state)
{
    (void)state;
    run(people);
    run(top);
    run(of_answer);
    assert_int_equal(member_count("bought"), 3);
    assert_int_equal(member_count("again"), 0);
    run(climbs);
    assert_int_equal(member_count("again"), 0);
    reopen();
    assert_int_equal(member_count("again"), 0);
    scenario_clock(INT64_C(1772330400000) + 24 * HOUR_MS);
    audience_await(scenario_app);
    assert_int_equal(member_count("again"), 1);
    assert_int_equal(member_count("bought"), 3);
    assert_sound();
}

/* The file of people is older than what segments came to: as after a kill. */
static void test_old_file(void **state)
{
    struct str path, old = {0};
    struct app_config config = *app_config(scenario_app);

    (void)state;
    run(people);
    run(made);
    reopen();
    path = str_fmt(scenario_arena, "%.*s/engine/people", STR(config.data));
    assert_int_equal(file_read(scenario_arena, path, (size_t)1 << 24, &old), OK);
    run(bought);
    run(edited);
    run(gone);
    config = *app_config(scenario_app);
    app_close(scenario_app);
    assert_int_equal(file_write(path, old, 0600), OK);
    assert_int_equal(app_open(scenario_arena, &config, &scenario_app, &(struct str){0}), OK);
    run(asked);
    audience_await(scenario_app);
    assert_int_equal(member_count("buyers"), 1);
    assert_int_equal(member_count("on it"), 1);
    run(asked);
}

static void test_check(void **state)
{
    struct str differences;

    (void)state;
    run(people);
    run(made);
    run(bought);
    assert_int_equal(scenario_differences().len, 0);
    scenario_sql("UPDATE segment_member SET customer_id = (SELECT min(id) FROM customer) WHERE "
                 "segment_id = (SELECT id FROM segment WHERE name = 'lately')"); /* ana never */
    scenario_sql("DELETE FROM segment_member WHERE segment_id = (SELECT id FROM segment WHERE name "
                 "= 'buyers')");
    differences = scenario_differences();
    assert_true(str_find(differences, S("3 members of segments in the engine, 1 in")) >= 0);
    assert_true(str_find(differences, S("customer number 1: not in its segment")) >= 0);
}

/* A channel that no event has named yet. */
static const struct scenario of_channel[] = {
    {"channel", AS_ADMIN, POST, "/api/channels", "{'code':'wall','name':'Wall','kind':'ad'}", 200,
     "'id'", NULL, .keep = "wall"},
    {"of it", AS_OPERATOR, POST, SEGMENTS,
     NEW("of it", WHO("{'did':{'kind':'page_viewed','channel':['$wall']}}")), 200, "'id'", NULL},
};
static const struct scenario through_channel[] = {
    {"bea looks", AS_KEY, POST, "/api/v1/events",
     "{'events':[{'message_id':'c1','kind':'page_viewed','channel_code':'wall','customer':{'kind':"
     "'phone','value':'13800000002'}}]}",
     200, "'accepted_count':1", NULL},
};

static void test_new_channel(void **state)
{
    (void)state;
    run(people);
    run(of_channel);
    assert_int_equal(member_count("of it"), 0);
    run(through_channel);
    assert_int_equal(member_count("of it"), 1);
}

static void test_archive(void **state)
{
    (void)state;
    run(people);
    run(made);
    run(archived);
    job_await(scenario_app);
    run(bought);
    assert_int_equal(member_count("list"), 1);
    assert_int_equal(member_count("lately"), 0);
    run(of_list);
    assert_int_equal(member_count("of the list"), 1);
    assert_int_equal(member_count("lately"), 1);
    assert_sound();
}

static const struct scenario last_place[] = {
    {"the last there may be", AS_OPERATOR, POST, SEGMENTS, NEW("last", BUYERS), 200, "'id'", NULL,
     .keep = "last"},
};
static const struct scenario another[] = {
    {"one goes", AS_OPERATOR, POST, SEGMENTS "/$last/archive", "{}", 200, "{}", NULL},
    {"another comes", AS_OPERATOR, POST, SEGMENTS, NEW("newest", BUYERS), 200, "'id'", NULL},
};

/* As many as there may be: one archived makes room for another before anybody looked. */
static void test_full_house(void **state)
{
    (void)state;
    run(people);
    audience_await(scenario_app);
    scenario_sql(
        "INSERT INTO segment (id, name, about, kind, state, definition, version_number, "
        "member_count, created_ms, changed_ms) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT "
        "i + 1 FROM n WHERE i < 499) SELECT i, 'of many ' || i, '', 'live', 'filling', "
        "'{\"version\":1,\"ask\":\"segment\",\"who\":{\"did\":{\"kind\":\"order_paid\"}}}', 1, 0, "
        "0, 0 "
        "FROM n");
    run(last_place);
    audience_await(scenario_app);
    assert_int_equal(scenario_number("SELECT count(*) FROM segment WHERE state = 'live'"), 500);
    run(another);
    audience_await(scenario_app);
    assert_int_equal(scenario_number("SELECT count(*) FROM segment WHERE state = 'live' AND "
                                     "archived_ms IS NULL"),
                     500);
}

static const struct scenario there_and_back[] = {
    {"archive", AS_OPERATOR, POST, SEGMENTS "/$buyers/archive", "{}", 200, "{}", NULL},
    {"restore", AS_OPERATOR, POST, SEGMENTS "/$buyers/restore", "{}", 200, "{}", NULL},
};
static const struct scenario is_live[] = {
    {"live", AS_OPERATOR, GET, SEGMENTS "/$buyers", NULL, 200, "'state':'live'", NULL},
};

/* Before anybody looked: it is filled, and says so. */
static void test_restored_at_once(void **state)
{
    (void)state;
    run(people);
    run(made);
    run(is_live);
    run(there_and_back);
    run(is_live);
    assert_int_equal(member_count("buyers"), 1);
    assert_sound();
}

static const struct scenario named_nobody[] = {
    {"why", AS_VIEWER, GET, SEGMENTS "/$lately", NULL, 200,
     "'fault_code':'query.name','fault_path':'definition/who/all/1/tag/0'", NULL},
    {"the others", AS_VIEWER, GET, SEGMENTS "/$buyers", NULL, 200, "'fault_code':null", NULL},
};

/* What its definition names is gone: it says what, and goes on once that is there again. */
static void test_says_why_refused(void **state)
{
    (void)state;
    run(people);
    run(made);
    run(bought);
    scenario_sql("CREATE TABLE before AS SELECT definition FROM segment WHERE name = 'lately'");
    scenario_sql("UPDATE segment SET definition = '{\"version\":1,\"ask\":\"segment\",\"who\":"
                 "{\"all\":[{\"everyone\":true},{\"tag\":[\"7\"]}]}}' WHERE name = 'lately'");
    reopen();
    run(named_nobody);
    assert_string_equal(state_of("lately"), "refused");
    assert_int_equal(member_count("lately"), 1);
    scenario_sql("UPDATE segment SET definition = (SELECT definition FROM before) WHERE name = "
                 "'lately'");
    scenario_sql("DROP TABLE before");
    reopen();
    assert_string_equal(state_of("lately"), "live");
    assert_sound();
}

static const struct scenario of_an_earlier_release[] = {
    {"warm", AS_OPERATOR, TAG("warm"), 200, "", NULL, .keep = "warm"},
    {"cool", AS_OPERATOR, TAG("cool"), 200, "", NULL, .keep = "cool"},
    {"a", AS_OPERATOR, POST, SEGMENTS, ON_TAG("a", "$warm", "$cool"), 200, "'id'", NULL,
     .keep = "a"},
    {"b", AS_OPERATOR, POST, SEGMENTS, NEW("b", WHO("{'segment':['$a'],'match':'none'}")), 200,
     "'id'", NULL, .keep = "b"},
    {"beside", AS_OPERATOR, POST, SEGMENTS, NEW("beside", WHO("{'segment':['$b']}")), 200, "'id'",
     NULL},
};
static const struct scenario circle_named[] = {
    {"by what", AS_VIEWER, GET, SEGMENTS "/$a", NULL, 200,
     "'fault_code':'segment.circle','fault_path':'definition','fault_message':'it would stand on "
     "itself, by way of b'",
     NULL},
    {"b as well", AS_VIEWER, GET, SEGMENTS "/$b", NULL, 200, "by way of a", NULL},
};
static const struct scenario circle_opened[] = {
    {"ana and bea no more", AS_OPERATOR, POST, SEGMENTS "/$a/edit",
     "{'name':'a','definition':" BUYERS ",'tag_id':'$cool','version_number':1}", 200, "{}", NULL},
};

/* Standing on each other by a tag, as none may now: neither is asked until one of them is another,
 * and both keep their members; who stands on them does not stand in the circle. */
static void test_circle_of_before(void **state)
{
    (void)state;
    run(people);
    run(of_an_earlier_release);
    scenario_sql("UPDATE segment SET tag_id = (SELECT id FROM tag WHERE name = 'warm') WHERE name "
                 "= 'b'");
    reopen();
    run(circle_named);
    assert_string_equal(state_of("b"), "refused");
    assert_string_equal(state_of("beside"), "live");
    assert_int_equal(member_count("a"), 3);
    run(circle_opened);
    assert_string_equal(state_of("a"), "live");
    assert_string_equal(state_of("b"), "live");
    assert_int_equal(member_count("a"), 1); /* two go: they were kept */
    assert_int_equal(member_count("b"), 2);
    assert_int_equal(member_count("beside"), 2);
    assert_sound();
}

static const struct scenario by_an_answer[] = {
    {"best", AS_OPERATOR, POST, SEGMENTS,
     NEW("best", WHO("{'answer':{'version':1,'ask':'breakdown','events':{'kind':'order_paid'},'by':"
                     "'kind'},'cell':{}}")),
     200, "'id'", NULL, .keep = "best"},
};

static void later(int64_t ms)
{
    clock_simulate(clock_now_ms() + ms);
    audience_await(scenario_app);
}

/* The answer it hangs on took too much memory or time: its row says so, and it is tried again. */
static void test_says_why_it_waits(void **state)
{
    const struct answer_options small = {.memory_max = 1}, late = {.deadline_ms = 1};

    (void)state;
    run(people);
    segment_live_within(scenario_app, &small);
    run(by_an_answer);
    assert_string_equal(state_of("best"), "large");
    segment_live_within(scenario_app, &late);
    later(HOUR_MS + 1000);
    assert_string_equal(state_of("best"), "slow");
    assert_int_equal(member_count("best"), 0);
    segment_live_within(scenario_app, NULL);
    later(HOUR_MS + 1000);
    assert_string_equal(state_of("best"), "live");
    assert_int_equal(member_count("best"), 1);
    clock_simulate(NONE);
    assert_sound();
}

/* However many lie in the archive. */
static void test_tag_beside_archive(void **state)
{
    (void)state;
    run(people);
    scenario_sql(
        "INSERT INTO segment (id, name, about, kind, state, definition, version_number, "
        "member_count, tag_id, created_ms, changed_ms, archived_ms) "
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100) "
        "SELECT i, 'old' || i, '', 'live', 'live', '{}', 1, 0, (SELECT id FROM tag), 1, 1, "
        "1 FROM n");
    run(made);
    assert_int_equal(tagged_count(), 1);
    run(bought);
    assert_int_equal(tagged_count(), 2);
}

static const struct scenario archive_buyers[] = {
    {"archive", AS_OPERATOR, POST, SEGMENTS "/$buyers/archive", "{}", 200, "{}", NULL},
    {"and back", AS_OPERATOR, POST, SEGMENTS "/$buyers/restore", "{}", 200, "{}", NULL},
    {"on some", AS_OPERATOR, POST, SEGMENTS,
     NEW("on it",
         WHO("{'segment':['1','2','3','4','5','6','7','8','9','10','11','12','13','14']}")),
     200, "'id'", NULL},
};

#define WIDE "{'funnel':{'steps':[{},{'kind':'order_paid'}],'within_seconds':60},'level':[1,2]}"

/* As many conditions as there may be, each over events. */
static const char *wide_definition(const char *one)
{
    struct buf text;
    const char *out;

    buf_init(&text, (size_t)1 << 20);
    buf_str(&text, S("{'version':1,'ask':'segment','who':{'any':["));
    for (int i = 0; i < 127; i++)
        buf_fmt(&text, "%s%s", i > 0 ? "," : "", one);
    buf_str(&text, S("]}}"));
    out = str_cstr(scenario_arena, buf_view(&text));
    buf_release(&text);
    return out;
}

static void test_wide(void **state)
{
    struct app_call call;

    (void)state;
    run(people);
    call = scenario_ask(
        AS_OPERATOR, POST, SEGMENTS,
        str_cstr(scenario_arena, str_fmt(scenario_arena, "{'name':'wide','definition':%s}",
                                         wide_definition(WIDE))));
    assert_int_equal(call.status, 200);
    audience_await(scenario_app);
    assert_int_equal(member_count("wide"), 3);
}

/* Definitions are looked through one after the other: a request has 64 MB for all. */
static void test_many_wide(void **state)
{
    struct str text = scenario_filled(wide_definition(WIDE));
    size_t before;

    (void)state;
    run(people);
    run(made);
    scenario_sql(str_cstr(
        scenario_arena,
        str_fmt(scenario_arena,
                "INSERT INTO segment (id, name, about, kind, state, definition, version_number, "
                "member_count, created_ms, changed_ms) "
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) "
                "SELECT i, 'old' || i, '', 'live', 'live', '%.*s', 1, 0, 1, 1 FROM n",
                STR(text))));
    before = arena_used(scenario_arena);
    run(archive_buyers);
    assert_true(arena_used(scenario_arena) - before < 40 * text.len + ((size_t)16 << 20));
}

static const struct scenario in_list[] = {
    {"merge", AS_OPERATOR, POST, "/api/customers/$eve/merge", "{'other_customer_id':'$ana'}", 200,
     "", NULL, .keep = "m2"},
    {"the engine has eve in it", AS_OPERATOR, POST, "/api/audience/query",
     "{'query':" WHO("{'list':['$list']}") "}", 200, "'member_count':1", NULL},
    {"and the list of customers", AS_OPERATOR, GET, "/api/customers?segment_id=$list", NULL, 200,
     "'total_count':1", NULL},
    {"by a tag, too", AS_OPERATOR, GET, "/api/customers?segment_id=$list&tag_id=$tag", NULL, 200,
     "'total_count':1", NULL},
    {"with figures", AS_OPERATOR, GET, "/api/customers?segment_id=$list&order_min_count=1", NULL,
     200, "'total_count':1", NULL},
    {"and eve's page", AS_VIEWER, GET, "/api/customers/$eve/segments", NULL, 200, "'id':'$list'",
     ""},
    {"and why", AS_VIEWER, GET, SEGMENTS "/$list/explain?customer_id=$eve", NULL, 200,
     "'is_member':true", ""},
};

/* A list keeps the records it was taken of: who stands for one of them now is in it. */
static void test_list_of_merged(void **state)
{
    (void)state;
    run(people);
    run(made);
    run(archived);
    job_await(scenario_app);
    audience_await(scenario_app);
    run(in_list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restored_at_once, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_says_why_refused, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_circle_of_before, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_says_why_it_waits, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_tag_beside_archive, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_wide, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_many_wide, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_list_of_merged, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_members, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_time, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_time_while_away, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_people_change, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_edit, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_tag_circles, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_of_person, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_cells, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_answer, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_old_file, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_check, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_new_channel, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_archive, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(test_full_house, scenario_open, scenario_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
