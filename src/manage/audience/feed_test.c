/* The engine beside the base: after everything that changes customers or the journal both must say
 * the same, also when the engine's files were cut, lost or belong to another base. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/file.h"
#include "manage/audience/audience.h"

#define ADD POST, "/api/customers"
#define ANA "/api/customers/$ana"
#define BEA "/api/customers/$bea"
#define SEND AS_KEY, POST, "/api/v1/events"
#define ORDER(no, ms, who, price)                                                                  \
    "{'source':'shop','order_no':'" no "','placed_ms':" ms ",'customer_id':'" who "','lines':["    \
    "{'product_code':'A1','quantity_count':1,'unit_price_micro':" price "}]}"
#define START_MS INT64_C(1772330400000)
#define T1 "1767225600000" /* 2026-01-01T00:00:00Z */
#define T2 "1768225600000"

static const struct scenario people[] = {
    {"channel", AS_ADMIN, POST, "/api/channels", "{'code':'wall','name':'Wall','kind':'ad'}", 200,
     "'id'", NULL, .keep = "wall"},
    {"size", AS_ADMIN, POST, "/api/attributes", "{'name':'size','title':'Size','kind':'text'}", 200,
     "'id'", ""},
    {"likes", AS_ADMIN, POST, "/api/attributes",
     "{'name':'likes','title':'Likes','kind':'choices','choices':['tea','wine','a b']}", 200,
     "'id'", ""},
    {"wedding", AS_ADMIN, POST, "/api/attributes",
     "{'name':'wedding','title':'Wedding','kind':'date'}", 200, "'id'", ""},
    {"ana", AS_OPERATOR, ADD,
     "{'name':'Ana Lee','phone':'13800000001','region':'上海','attributes':{'size':'M','likes':["
     "'tea','a b']}}",
     200, "", "customer_added", .keep = "ana"},
    {"bea", AS_OPERATOR, ADD,
     "{'name':'Bea Lee','phone':'13800000002','attributes':{'size':'L','wedding':'2024-02-29'}}",
     200, "", "customer_added", .keep = "bea"},
    {"eve", AS_OPERATOR, ADD, "{'name':'Eve','identities':[{'kind':'unionid','value':'u9'}]}", 200,
     "", "customer_added", .keep = "eve"},
    {"a tag", AS_OPERATOR, POST, "/api/tags", "{'family':'intent','name':'hot','color':'#ff0000'}",
     200, "'id'", "", .keep = "hot"},
    {"another", AS_OPERATOR, POST, "/api/tags",
     "{'family':'intent','name':'cold','color':'#0000ff'}", 200, "'id'", "", .keep = "cold"},
};
static const struct scenario events[] = {
    {"hot on bea", AS_OPERATOR, POST, BEA "/tags", "{'tag_id':'$hot','is_on':true}", 200, "{}",
     "tag_added"},
    {"cold on ana", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$cold','is_on':true}", 200, "{}",
     "tag_added"},
    {"ana buys", AS_OPERATOR, POST, "/api/orders", ORDER("1", T2, "$ana", "5000000"), 200, "",
     "order_paid", .keep = "o1"},
    {"bea buys", AS_OPERATOR, POST, "/api/orders", ORDER("2", T1, "$bea", "7000000"), 200, "",
     "order_paid"},
    {"views", SEND,
     "{'events':[{'message_id':'a1','kind':'page_viewed','anonymous_id':'v1','channel_code':'wall',"
     "'properties':{'url':'https://x.example/a','duration_ms':1200}},"
     "{'message_id':'a2','kind':'product_viewed','customer':{'kind':'phone','value':'13800000001'},"
     "'properties':{'product_code':'A1','price_fen':1990}},"
     "{'message_id':'a3','kind':'page_viewed','anonymous_id':'v1','occurred_ms':" T1 "},"
     "{'message_id':'a4','kind':'page_viewed'}]}",
     200, "'accepted_count':4", NULL},
};
static const struct scenario changes[] = {
    {"edits", AS_OPERATOR, POST, ANA "/edit",
     "{'region':'北京','attributes':{'size':null,'likes':['wine']}}", 200, "{}", NULL},
    {"tag off", AS_OPERATOR, POST, BEA "/tags", "{'tag_id':'$hot','is_on':false}", 200, "{}",
     "tag_removed"},
    {"a later attribute", AS_ADMIN, POST, "/api/attributes",
     "{'name':'visits','title':'Visits','kind':'integer'}", 200, "'id'", ""},
};
/* The orders of 8 in the morning were of the day before. */
static const struct scenario days[] = {
    {"days begin at 10", AS_ADMIN, POST, "/api/settings",
     "{'name':'day_start_minutes','value':600,'version_count':0,'reason':'a test'}", 200,
     "'version", NULL},
};
static const struct scenario merges[] = {
    {"tag again", AS_OPERATOR, POST, BEA "/tags", "{'tag_id':'$hot','is_on':true}", 200, "{}",
     "tag_added"},
    {"merge", AS_OPERATOR, POST, ANA "/merge",
     "{'other_customer_id':'$bea','choices':[{'field':'attributes.size','choice':'take'}]}", 200,
     "'customer_id':'$ana'", "customer_merged customer_merged", .keep = "m1"},
    {"an order of the merged one", AS_OPERATOR, POST, "/api/orders",
     ORDER("3", T2, "$bea", "1000000"), 200, "", "order_paid"},
};
static const struct scenario unmerges[] = {
    {"undo", AS_OPERATOR, POST, "/api/merges/$m1/undo", "{}", 200, "",
     "customer_unmerged customer_unmerged"},
};
static const struct scenario later[] = {
    {"later", SEND, "{'message_id':'z1','kind':'page_viewed','anonymous_id':'v1'}", 200, "", NULL},
};
static const struct scenario gone[] = {
    {"delete", AS_ADMIN, POST, "/api/customers/$eve/privacy/delete",
     "{'reason':'asked','confirm_number':3}", 200, "", "customer_deleted"},
    {"the tag goes", AS_OPERATOR, POST, "/api/tags/$hot/delete", "{'customer_count':1}", 200, "",
     NULL},
};

#define run(rows) scenario_run_once((rows), ARRAY_LEN(rows))

static void assert_agree(void)
{
    struct str differences = scenario_differences();

    if (differences.len > 0)
        fail_msg("the engine differs:\n%.*s", STR(differences));
}

static int64_t event_count(void)
{
    return scenario_number("SELECT count(*) FROM journal j JOIN customer c ON c.id = j.customer_id "
                           "WHERE c.deleted_ms IS NULL");
}

static enum err figures_step(struct ctx *c, void *user)
{
    struct audience_moment moment;
    int64_t *count = user;

    TRY(audience_hold(c, &moment));
    *count = (int64_t)snapshot_seq(moment.moment.events);
    audience_release(&moment);
    return OK;
}

static int64_t engine_count(void)
{
    struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
    int64_t count = NONE;

    assert_int_equal(app_read(scenario_app, arena, figures_step, &count, NULL), OK);
    arena_free(arena);
    return count;
}

static void follows(void **state)
{
    (void)state;
    assert_agree();
    run(people);
    assert_agree();
    run(events);
    assert_agree();
    assert_int_equal(engine_count(), event_count());
    run(days);
    assert_agree();
    run(changes);
    assert_agree();
    run(merges);
    assert_agree();
    run(unmerges);
    assert_agree();
    run(gone);
    assert_agree();
}

/* The check finds what it should. */
static void check_finds(void **state)
{
    struct str differences;

    (void)state;
    run(people);
    run(events);
    assert_agree();
    scenario_sql("UPDATE customer SET region = 'x' WHERE customer_number = 1");
    scenario_sql("DELETE FROM customer_tag");
    scenario_sql("UPDATE journal SET amount_fen = amount_fen + 1 WHERE kind = 'order_paid'");
    scenario_sql("UPDATE journal SET kind = 'link_clicked' WHERE kind = 'product_viewed'");
    differences = scenario_differences();
    assert_true(str_find(differences, S("customer number 1: what it is differs")) >= 0);
    assert_true(str_find(differences, S("customer number 2: its tags differ")) >= 0);
    assert_true(str_find(differences, S("order_paid")) >= 0);
    assert_true(str_find(differences, S("link_clicked")) >= 0);
}

static struct str engine_path(const char *file)
{
    return str_fmt(scenario_arena, "%.*s/engine/%s", STR(app_config(scenario_app)->data), file);
}

static enum err held_step(struct ctx *c, void *user)
{
    struct audience_moment moment;

    (void)user;
    TRY(audience_hold(c, &moment));
    must_fail("broken while it is held", "src/manage/test.c", 1);
}

/* A question that ends by a false must() holds nothing: the app would not close. */
static void held_by_a_broken_question(void **state)
{
    struct arena *arena = arena_new((size_t)16 * 1024 * 1024);

    (void)state;
    run(people);
    assert_agree();
    assert_int_equal(app_read(scenario_app, arena, held_step, NULL, NULL), E_INTERNAL);
    arena_free(arena);
    run(events);
    assert_agree();
}

static enum err asked_step(struct ctx *c, void *user)
{
    struct audience_moment moment;

    (void)user;
    TRY(audience_hold(c, &moment));
    audience_release(&moment);
    return OK;
}

/* Wherever a question's memory ends, the next one finds nothing held and no lock taken. */
static void held_by_little_memory(void **state)
{
    int refused_count = 0;

    (void)state;
    run(people);
    assert_agree();
    for (size_t bytes = 256; bytes < 60000; bytes += 256) {
        struct arena *arena = arena_new(bytes);

        refused_count += app_read(scenario_app, arena, asked_step, NULL, NULL) == E_INTERNAL;
        arena_free(arena);
    }
    assert_in_range(refused_count, 2, 60000 / 256 - 2);
    run(events);
    assert_agree();
}

/* Each event once, over a restart, lost files and another base's files. */
static void starts_again(void **state)
{
    struct str folder;
    int64_t count;

    (void)state;
    run(people);
    assert_agree();
    scenario_reopen();
    run(events);
    assert_agree();
    count = engine_count();
    assert_int_equal(count, event_count());
    scenario_reopen();
    assert_agree();
    assert_int_equal(engine_count(), count);

    folder = engine_path("");
    app_close(scenario_app);
    assert_int_equal(folder_remove(folder), OK);
    struct app_config config = *app_config(scenario_app);
    struct str why = {0};
    assert_int_equal(app_open(scenario_arena, &config, &scenario_app, &why), OK);
    assert_agree();
    assert_int_equal(engine_count(), count);
}

/* ---- people over restarts -------------------------------------------------------------------- */

static void open_again(void)
{
    struct app_config config = *app_config(scenario_app);
    struct str why = {0};

    assert_int_equal(app_open(scenario_arena, &config, &scenario_app, &why), OK);
}

static struct str kept_file(void)
{
    struct str bytes = {0};

    assert_int_equal(file_read(scenario_arena, engine_path("people"), (size_t)1 << 24, &bytes), OK);
    return bytes;
}

/* They are not read again, but whoever an event names is. */
static void people_are_kept(void **state)
{
    (void)state;
    run(people);
    run(events);
    assert_agree();
    scenario_sql(
        "UPDATE customer SET region = 'x' WHERE customer_number <= 2"); /* nobody is told */
    scenario_reopen();
    assert_true(str_find(scenario_differences(), S("customer number 1: what it is differs")) >= 0);
    scenario_run_once(changes, 1); /* customer number 1 is edited */
    assert_true(str_find(scenario_differences(), S("customer number 1:")) < 0);
    assert_true(str_find(scenario_differences(), S("customer number 2: what it is differs")) >= 0);
    app_close(scenario_app);
    assert_int_equal(file_write(engine_path("people"), S("damaged"), 0600), OK);
    open_again();
    assert_agree();
}

/* As after a kill: the file is older than all that came since. */
static void an_old_file_catches_up(void **state)
{
    struct str old;

    (void)state;
    run(people);
    run(events);
    assert_agree();
    scenario_reopen();
    old = kept_file();
    scenario_run_once(changes, 2);
    run(merges);
    assert_agree();
    app_close(scenario_app);
    assert_int_equal(file_write(engine_path("people"), old, 0600), OK);
    open_again();
    assert_agree();
    run(unmerges);
    run(gone);
    assert_agree();
    app_close(scenario_app);
    assert_int_equal(file_write(engine_path("people"), old, 0600), OK);
    open_again();
    assert_agree();
}

/* Days are cut elsewhere, or the last event is another: nothing of the file is taken. */
static void a_file_of_elsewhere(void **state)
{
    (void)state;
    run(people);
    run(events);
    assert_agree();
    scenario_sql("INSERT INTO meta (name, value) VALUES ('zone', 'America/Adak') "
                 "ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    scenario_reopen();
    assert_agree();
    scenario_reopen(); /* nothing came since the file was written: it stays as it is */
    assert_agree();
    scenario_sql("UPDATE customer SET region = 'x' WHERE customer_number = 1");
    scenario_sql("UPDATE journal SET occurred_ms = occurred_ms + 1 WHERE id = (SELECT max(id) FROM "
                 "journal)");
    scenario_reopen();
    assert_true(str_find(scenario_differences(), S("what it is differs")) < 0);
}

/* Who is gone leaves the files too, a day later, while questions are answered. */
static void gone_from_files(void **state)
{
    int64_t had;

    (void)state;
    run(people);
    run(events);
    assert_agree();
    had = engine_count();
    run(changes);
    run(merges);
    run(gone);
    assert_agree();
    assert_true(engine_count() > had);
    scenario_clock(START_MS + 26 * INT64_C(3600000));
    run(later);
    for (int ms = 0; ms < SCENARIO_WAIT_MS && engine_count() != event_count(); ms += 20) {
        assert_agree();
        usleep(20000);
    }
    assert_int_equal(engine_count(), event_count());
    assert_false(file_exists(engine_path("../engine-next")));
    scenario_reopen();
    assert_agree();
    assert_int_equal(engine_count(), event_count());
}

/* The journal went back behind what the engine has: an old copy of the base was put in its place.
 */
static void another_base(void **state)
{
    (void)state;
    run(people);
    run(events);
    assert_agree();
    scenario_sql(
        "DELETE FROM journal WHERE id >= (SELECT max(id) FROM journal WHERE customer_id IS "
        "NOT NULL)");
    scenario_reopen();
    assert_agree();
    assert_int_equal(engine_count(), event_count());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(follows, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(check_finds, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(held_by_a_broken_question, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(held_by_little_memory, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(starts_again, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(people_are_kept, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(an_old_file_catches_up, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(a_file_of_elsewhere, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(gone_from_files, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(another_base, scenario_open, scenario_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
