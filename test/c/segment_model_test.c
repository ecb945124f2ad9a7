/* Live segments beside their definitions: random events on time and late, orders, tags, merges and
 * their undoing, deletions, time that passes, definitions that change, archives and restarts. After
 * each step the rows of every segment are those for whom its definition holds, counts say the same,
 * and whoever is in came in once more often than went out. MODEL_STEPS (150), MODEL_SEED (1). */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>

#include "gen/segment.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "kit/job.h"
#include "manage/audience/question.h"

#define PEOPLE 9
#define MERGE_MAX 100
#define DEFINITIONS 8
#define MINUTE_MS INT64_C(60000)
#define WHO(who) "{'version':1,'ask':'segment','zone':'America/New_York','who':" who "}"

/* Of the segment that stands on the first one: the other way round. */
static const char *const definitions[DEFINITIONS] = {
    WHO("{'did':{'kind':'order_paid'}}"),
    WHO("{'did':{'kind':'page_viewed','within':{'last':{'hours':1}}}}"),
    WHO("{'not':{'did':{'kind':'page_viewed','within':{'last':{'hours':2}}}}}"),
    WHO("{'all':[{'tag':['$tag']},{'did':{'kind':'page_viewed'},'at_least':2}]}"),
    WHO("{'did':{'kind':'page_viewed','within':{'units':'day','count':1,'current':true}}}"),
    WHO("{'sequence':[{'kind':'page_viewed'},{'kind':'order_paid'}],'within_seconds':7200}"),
    WHO("{'any':[{'attribute':'order_count','at_least':2},{'list':['$list']}]}"),
    WHO("{'did':{'kind':'page_viewed'},'measure':'last','within':{'last':{'minutes':90}}}"),
};
static const struct scenario begin[] = {
    {"tag", AS_OPERATOR, POST, "/api/tags", "{'family':'spending','name':'t','color':'#ff0000'}",
     200, "", NULL, .keep = "tag"},
    {"own", AS_OPERATOR, POST, "/api/tags", "{'family':'intent','name':'own','color':'#ff0000'}",
     200, "", NULL, .keep = "own"},
    {"all", AS_OPERATOR, POST, "/api/segments",
     "{'name':'all','definition':{'version':1,'ask':'segment','who':{'attribute':'customer_number',"
     "'below':4}}}",
     200, "", NULL, .keep = "all"},
};
static const struct scenario list_of[] = {
    {"list", AS_OPERATOR, POST, "/api/segments/$all/snapshot", "{'name':'list'}", 200, "", NULL,
     .keep = "list"},
};
#define text(...) str_cstr(scenario_arena, str_fmt(scenario_arena, __VA_ARGS__))

static struct {
    uint64_t random;
    int64_t step, now_ms, event_count, order_count, merge_count;
    char merges[MERGE_MAX][32];
    bool is_gone[PEOPLE];
    const char *was; /* what the last step did */
} m;

static int64_t pick(int64_t below)
{
    m.random = m.random * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((m.random >> 33) % (uint64_t)below);
}

static int64_t number_of(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    int64_t number;

    return text && str_to_int(str_of(text), &number) ? number : otherwise;
}

/* A request that may be refused for what other steps did, but never fails. */
static struct app_call ask(enum scenario_as as, const char *path, const char *body)
{
    struct app_call call = scenario_ask(as, POST, path, body);

    if (call.status >= 500 && call.status != 503)
        fail_msg("step %" PRId64 ": %s answers %d %.*s", m.step, path, call.status,
                 STR(call.reply));
    return call;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void view(void)
{
    int64_t late_ms = pick(3) == 0 ? pick(300) * MINUTE_MS : 0;

    m.was = "view";
    ask(AS_KEY, "/api/v1/events",
        text("{'message_id':'v%" PRId64 "','kind':'page_viewed','customer':{'kind':'phone','value':"
             "'1380000000%" PRId64 "'},'occurred_ms':%" PRId64 "}",
             m.event_count++, pick(PEOPLE), m.now_ms - late_ms));
}

static void buy(void)
{
    m.was = "buy";
    ask(AS_OPERATOR, "/api/orders",
        text("{'source':'shop','order_no':'%" PRId64 "','placed_ms':%" PRId64
             ",'customer_id':'$p%" PRId64 "','lines':[{'product_code':'A','quantity_count':1,"
             "'unit_price_micro':5000000}]}",
             m.order_count++, m.now_ms - pick(200) * MINUTE_MS, pick(PEOPLE)));
}

static void tag(void)
{
    m.was = "tag";
    ask(AS_OPERATOR, text("/api/customers/$p%" PRId64 "/tags", pick(PEOPLE)),
        pick(2) ? "{'tag_id':'$tag','is_on':true}" : "{'tag_id':'$tag','is_on':false}");
}

static struct str id_in(struct str reply)
{
    struct json json;

    assert_int_equal(json_parse(scenario_arena, reply, &json, NULL), OK);
    return json_get(&json, "id")->text;
}

static void merge(void)
{
    struct app_call call =
        ask(AS_OPERATOR, text("/api/customers/$p%" PRId64 "/merge", pick(PEOPLE)),
            text("{'other_customer_id':'$p%" PRId64 "'}", pick(PEOPLE)));

    m.was = "merge";
    if (call.status == 200 && m.merge_count < MERGE_MAX)
        snprintf(m.merges[m.merge_count++], sizeof m.merges[0], "%.*s", STR(id_in(call.reply)));
}

static void unmerge(void)
{
    m.was = "undo";
    if (m.merge_count > 0) {
        scenario_set("m", m.merges[pick(m.merge_count)]);
        ask(AS_OPERATOR, "/api/merges/$m/undo", "{}");
    }
}

static void forget(void)
{
    int64_t who = pick(PEOPLE), number = 0;

    m.was = "delete";
    if (pick(6) > 0)
        return;
    scenario_set("who", scenario_get(text("p%" PRId64, who)));
    number = scenario_number(text("SELECT p.customer_number FROM customer c JOIN customer p ON "
                                  "p.id = coalesce(c.merged_into_id, c.id) WHERE c.id = %" PRId64,
                                  (int64_t)strtoll(scenario_get("who"), NULL, 10)));
    ask(AS_ADMIN, "/api/customers/$who/privacy/delete",
        text("{'reason':'asked','confirm_number':%" PRId64 "}", number));
}

/* A segment's definition becomes another's, or it goes to the archive and comes back. */
static void change(void)
{
    int64_t i = pick(DEFINITIONS);
    const char *id = scenario_get(text("s%" PRId64, i));
    int64_t version = scenario_number(text("SELECT version_number FROM segment WHERE id = %" PRId64,
                                           (int64_t)strtoll(id, NULL, 10)));
    struct str body = str_fmt(
        scenario_arena, "{'name':'s%" PRId64 "','definition':%s,'version_number':%" PRId64 "%s}", i,
        definitions[pick(DEFINITIONS)], version, i == 0 ? ",'tag_id':'$own'" : "");

    m.was = "change";
    if (pick(2)) {
        ask(AS_OPERATOR, text("/api/segments/$s%" PRId64 "/edit", i),
            str_cstr(scenario_arena, body));
        return;
    }
    ask(AS_OPERATOR, text("/api/segments/$s%" PRId64 "/archive", i), "{}");
    if (pick(2))
        audience_await(scenario_app);
    ask(AS_OPERATOR, text("/api/segments/$s%" PRId64 "/restore", i), "{}");
}

static void pass(void)
{
    m.was = "time";
    m.now_ms += pick(4) == 0 ? pick(1500) * MINUTE_MS : pick(40) * MINUTE_MS;
    scenario_clock(m.now_ms);
}

/* As after an orderly end or, with what the file of people was, after a kill. */
static void restart(void)
{
    struct app_config config = *app_config(scenario_app);
    struct str path = str_fmt(scenario_arena, "%.*s/engine/people", STR(config.data)), old = {0};
    enum err err = file_read(scenario_arena, path, (size_t)1 << 24, &old);

    m.was = "restart";
    if (pick(4) > 0)
        return;
    app_close(scenario_app);
    if (err == OK && pick(2))
        assert_int_equal(file_write(path, old, 0600), OK);
    assert_int_equal(app_open(scenario_arena, &config, &scenario_app, &(struct str){0}), OK);
}

/* ---- what must hold -------------------------------------------------------------------------- */

static enum err row_take(void *user, const struct q_segment_members_row *row)
{
    bitmap_add(user, (uint32_t)row->customer_number);
    return OK;
}

static enum err segment_check(struct ctx *c, const struct q_segment_live_row *row,
                              struct question *question)
{
    struct bitmap rows;
    uint32_t wanted[PEOPLE + 1] = {0}, had[PEOPLE + 1] = {0};
    size_t wanted_count, had_count;

    bitmap_init(&rows);
    TRY(question_read(c, row->definition, "definition", question));
    TRY(question_run(c, question));
    TRY(q_segment_members(c, row->id, row_take, &rows));
    wanted_count = bitmap_read(&question->answer.members, 0, wanted, PEOPLE + 1);
    had_count = bitmap_read(&rows, 0, had, PEOPLE + 1);
    bitmap_release(&rows);
    if (wanted_count != had_count || memcmp(wanted, had, sizeof wanted) != 0)
        fail_msg("step %" PRId64 " (%s), %.*s: %zu by the definition (%u ..), %zu rows (%u ..)",
                 m.step, m.was, STR(row->definition), wanted_count, wanted[0], had_count, had[0]);
    if (!str_is(row->state, "live"))
        fail_msg("step %" PRId64 " (%s), %.*s: %.*s", m.step, m.was, STR(row->definition),
                 STR(row->state));
    return OK;
}

static enum err members_step(struct ctx *c, void *user)
{
    const struct q_segment_live_row *row;
    struct question question;
    struct list rows;
    enum err err = question_begin(c, &question);

    (void)user;
    if (err == OK)
        err = q_segment_live(c, &rows);
    row = err == OK ? rows.at : NULL;
    for (int64_t i = 0; err == OK && i < rows.count; i++)
        if (row[i].definition.at != NULL)
            err = segment_check(c, &row[i], &question);
    question_end(&question);
    return err;
}

static void check(void)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    struct fault fault = {0};

    audience_await(scenario_app);
    if (app_read(scenario_app, arena, members_step, NULL, &fault) != OK)
        fail_msg("step %" PRId64 " (%s): %s %.*s", m.step, m.was, fault.code, STR(fault.message));
    arena_free(arena);
    assert_int_equal(
        scenario_number(
            "SELECT count(*) FROM segment s WHERE s.member_count <> (SELECT count(*) FROM "
            "segment_member m WHERE m.segment_id = s.id)"),
        0);
    assert_int_equal(
        scenario_number(
            "WITH f AS (SELECT j.subject_id, j.customer_id, "
            "sum(CASE WHEN j.kind = 'segment_entered' THEN 1 ELSE -1 END) AS sum_count "
            "FROM journal j JOIN customer c ON c.id = j.customer_id AND c.deleted_ms IS NULL "
            "WHERE j.kind IN ('segment_entered', 'segment_left') "
            "GROUP BY j.subject_id, j.customer_id) SELECT count(*) FROM f WHERE f.sum_count <> "
            "(SELECT count(*) FROM segment_member m WHERE m.segment_id = f.subject_id AND "
            "m.customer_id = f.customer_id)"),
        0);
}

static void start(void)
{
    struct str id;

    m.now_ms = clock_now_ms();
    for (int64_t i = 0; i < PEOPLE; i++) {
        id = id_in(ask(AS_OPERATOR, "/api/customers",
                       text("{'name':'N','phone':'1380000000%" PRId64 "'}", i))
                       .reply);
        scenario_set(text("p%" PRId64, i), str_cstr(scenario_arena, id));
    }
    audience_await(scenario_app);
    scenario_run_once(begin, ARRAY_LEN(begin));
    audience_await(scenario_app);
    scenario_run_once(list_of, ARRAY_LEN(list_of));
    job_await(scenario_app);
    audience_await(scenario_app);
    for (int64_t i = 0; i < DEFINITIONS; i++) {
        struct str body = str_fmt(scenario_arena, "{'name':'s%" PRId64 "','definition':%s%s}", i,
                                  definitions[i], i == 0 ? ",'tag_id':'$own'" : "");

        id = id_in(ask(AS_OPERATOR, "/api/segments", str_cstr(scenario_arena, body)).reply);
        scenario_set(text("s%" PRId64, i), str_cstr(scenario_arena, id));
    }
    ask(AS_OPERATOR, "/api/segments",
        "{'name':'others','definition':{'version':1,'ask':'segment','who':{'segment':['$s0'],"
        "'match':'none'}}}");
}

static void test_model(void **state)
{
    static void (*const steps[])(void) = {view, view, view,  view,    buy,    buy,
                                          tag,  tag,  merge, unmerge, forget, change,
                                          pass, pass, pass,  restart};
    int64_t count = number_of("MODEL_STEPS", 150);
    struct str differences;

    (void)state;
    m.random = (uint64_t)number_of("MODEL_SEED", 1);
    start();
    check();
    for (m.step = 1; m.step <= count; m.step++) {
        int64_t together = pick(4) == 0 ? 4 : 1; /* before anybody looks */

        for (int64_t i = 0; i < together; i++) {
            m.now_ms += 5000;
            scenario_clock(m.now_ms);
            steps[pick(ARRAY_LEN(steps))]();
            m.now_ms = clock_now_ms();
        }
        check();
    }
    differences = scenario_differences();
    if (differences.len > 0)
        fail_msg("%.*s", STR(differences));
    assert_true(scenario_number("SELECT count(*) FROM journal WHERE kind = 'segment_left'") >=
                count / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_model, scenario_open, scenario_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
