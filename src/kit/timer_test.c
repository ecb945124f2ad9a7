/* Timers over the table meta: each handler adds one to the text of its key, so an effect that is
 * lost or comes twice shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base_sql.h"
#include "gen/kit.q.h"
#include "gen/timer.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "kit/kit_private.h"
#include "kit/node.h"
#include "kit/timer_private.h"

#define SECOND_MS INT64_C(1000)

/* ---- kinds ----------------------------------------------------------------------------------- */

static int64_t bad_key_id;  /* the timer that fails */
static const char *boom;    /* it fails by a false must() in this file */
static bool is_over_budget; /* by too many statements */
static int64_t run_count;   /* of notes, also those undone */
static sem_t reached;
static int64_t start_ms =
    INT64_C(1780000000000); /* of this test: behind what earlier ones committed */

static enum err effect_add(struct ctx *c, int64_t key_id)
{
    struct str name = str_fmt(c->arena, "effect %" PRId64, key_id);
    struct q_meta_get_row row = {0};
    enum err err = q_meta_get(c, name, &row);
    int64_t count = 0;

    if (err != E_NOT_FOUND)
        TRY(err);
    if (row.value.at)
        assert_true(str_to_int(row.value, &count));
    return q_meta_set(c, name, str_fmt(c->arena, "%" PRId64, count + 1));
}

static enum err note_run(struct ctx *c, const struct timer *timer)
{
    run_count++;
    TRY(effect_add(c, timer->key_id));
    if (timer->input.at)
        TRY(q_meta_set(c, S("input"), timer->input));
    if (timer->key_id != bad_key_id)
        return OK;
    if (boom)
        must_fail("boom", boom, 1);
    for (int i = 0; is_over_budget && i < 100; i++)
        TRY(effect_add(c, timer->key_id));
    return fail(c, E_CONFLICT, "note.bad", "number %" PRId64, timer->key_id);
}

/* Sets itself anew a minute later, three times in all. */
static enum err again_run(struct ctx *c, const struct timer *timer)
{
    struct timer_new next = {"again", timer->key_id, c->now_ms + 60 * SECOND_MS, {0}};
    int64_t count = 1;

    if (timer->input.at)
        assert_true(str_to_int(timer->input, &count));
    next.input = str_fmt(c->arena, "%" PRId64, count + 1);
    TRY(effect_add(c, timer->key_id));
    return count < 3 ? timer_set(c, &next, 1) : OK;
}

/* Takes note 2 away, and moves note 3 a minute on. */
static enum err sweep_run(struct ctx *c, const struct timer *timer)
{
    struct timer_new later = {"note", 3, c->now_ms + 60 * SECOND_MS, {0}};
    bool was_set = false;

    (void)timer;
    TRY(timer_cancel(c, "note", 2, &was_set));
    assert_true(was_set);
    return timer_set(c, &later, 1);
}

static enum err tell_run(struct ctx *c, const struct timer *timer)
{
    (void)c;
    (void)timer;
    sem_post(&reached);
    return OK;
}

static const struct timer_kind note = {"note", "记录", "Note", 3, note_run};
static const struct timer_kind again = {"again", "再来", "Again", 0, again_run};
static const struct timer_kind sweep = {"sweep", "清扫", "Sweep", 0, sweep_run};
static const struct timer_kind tell = {"tell", "告知", "Tell", 0, tell_run};
static const struct timer_kind *const timer_kinds[] = {&note, &again, &sweep, &tell, NULL};

/* ---- an app ---------------------------------------------------------------------------------- */

static const struct route *const tables[] = {NULL};
static const struct role roles[] = {{.name = NULL}};
static const struct event_kind kinds[] = {{.name = NULL}};
static const struct reaction reactions[] = {{NULL, NULL}};

static struct arena *arena;
static struct app *app;
static char folder[] = "/tmp/papilio-timer-XXXXXX";

static void open_app(const char *listen)
{
    struct app_config config = {.routes = tables,
                                .roles = roles,
                                .kinds = kinds,
                                .reactions = reactions,
                                .timer_kinds = timer_kinds,
                                .listen = str_of(listen),
                                .data = str_of(folder),
                                .db = base_db(arena)};
    struct str why = {0};

    if (app_open(arena, &config, &app, &why) != OK)
        print_error("%.*s\n", STR(why));
    assert_non_null(app);
}

struct set {
    const struct timer_new *timers;
    int64_t count;
};

static enum err set_step(struct ctx *c, void *user)
{
    const struct set *set = user;

    return timer_set(c, set->timers, set->count);
}

static void set_many(const struct timer_new *timers, int64_t count)
{
    struct set set = {timers, count};

    assert_int_equal(app_write(app, arena, set_step, &set, NULL), OK);
}

static void set_one(const char *kind, int64_t key_id, int64_t due_ms)
{
    set_many(&(struct timer_new){kind, key_id, due_ms, {0}}, 1);
}

/* "note" 1 to count, due one after another. */
static void set_notes(int64_t count)
{
    struct timer_new *timers = arena_new_array(arena, struct timer_new, (size_t)count);

    for (int64_t i = 0; i < count; i++)
        timers[i] = (struct timer_new){"note", i + 1, start_ms - count + i, {0}};
    set_many(timers, count);
}

static void run_at(int64_t now_ms)
{
    clock_simulate(now_ms);
    timer_await(app);
}

/* ---- what came of it ------------------------------------------------------------------------- */

struct asked {
    struct str name, value;
};

static enum err meta_step(struct ctx *c, void *user)
{
    struct asked *asked = user;
    struct q_meta_get_row row = {0};
    enum err err = q_meta_get(c, asked->name, &row);

    asked->value = row.value;
    return err == E_NOT_FOUND ? OK : err;
}

static struct str meta(const char *name)
{
    struct asked asked = {.name = str_of(name)};

    assert_int_equal(app_read(app, arena, meta_step, &asked, NULL), OK);
    return asked.value;
}

static int64_t effect(int64_t key_id)
{
    struct str value = meta(str_cstr(arena, str_fmt(arena, "effect %" PRId64, key_id)));
    int64_t count = 0;

    if (value.at)
        assert_true(str_to_int(value, &count));
    return count;
}

/* The timers there are, by their due time: "note 3 waiting 0;". */
static enum err list_each(void *user, const struct q_timer_each_row *row)
{
    buf_fmt(user, "%.*s %" PRId64 " %.*s %" PRId64 " %.*s;", STR(row->kind), row->key_id,
            STR(row->status), row->attempt_count, STR(row->error_code));
    return OK;
}

static enum err list_step(struct ctx *c, void *user)
{
    return q_timer_each(c, list_each, user);
}

static void expect_timers(const char *wanted)
{
    struct buf buf;

    buf_init(&buf, 1 << 20);
    assert_int_equal(app_read(app, arena, list_step, &buf, NULL), OK);
    assert_string_equal(str_cstr(arena, buf_view(&buf)), wanted);
    buf_release(&buf);
}

static int fresh(void **state)
{
    (void)state;
    bad_key_id = 0;
    boom = NULL;
    is_over_budget = false;
    run_count = 0;
    base_sql(folder, "DELETE FROM timer; DELETE FROM lease;"
                     "DELETE FROM meta WHERE name LIKE 'effect%' OR name = 'input'");
    start_ms += 10 * DAY_MS;
    clock_simulate(start_ms);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    sem_init(&reached, 0, 0);
    clock_simulate(start_ms);
    arena = arena_new(512 * 1024 * 1024);
    open_app(NULL);
    return 0;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    app_close(app);
    base_leave();
    arena_free(arena);
    clock_simulate(NONE);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* ---- set, moved, cancelled ------------------------------------------------------------------- */

static enum err cancel_step(struct ctx *c, void *user)
{
    return timer_cancel(c, "note", 1, user);
}

static void one_timer_runs_once_when_due(void **state)
{
    (void)state;
    set_many(&(struct timer_new){"note", 1, start_ms + SECOND_MS, S("{\"n\":7}")}, 1);
    run_at(start_ms + SECOND_MS - 1);
    assert_int_equal(effect(1), 0);
    run_at(start_ms + SECOND_MS);
    assert_int_equal(effect(1), 1);
    assert_true(str_is(meta("input"), "{\"n\":7}"));
    expect_timers("");
    run_at(start_ms + 2 * SECOND_MS);
    assert_int_equal(effect(1), 1);
}

static void a_timer_set_again_is_moved(void **state)
{
    (void)state;
    set_one("note", 1, start_ms + SECOND_MS);
    set_one("note", 1, start_ms + 60 * SECOND_MS);
    expect_timers("note 1 waiting 0 ;");
    run_at(start_ms + SECOND_MS);
    assert_int_equal(effect(1), 0);
    run_at(start_ms + 60 * SECOND_MS);
    assert_int_equal(effect(1), 1);
}

static void a_cancelled_timer_does_not_run(void **state)
{
    bool was_set = false;

    (void)state;
    set_one("note", 1, start_ms);
    assert_int_equal(app_write(app, arena, cancel_step, &was_set, NULL), OK);
    assert_true(was_set);
    assert_int_equal(app_write(app, arena, cancel_step, &was_set, NULL), OK);
    assert_false(was_set);
    assert_int_equal(app_write(app, arena, cancel_step, NULL, NULL), OK);
    run_at(start_ms);
    assert_int_equal(effect(1), 0);
}

static void a_handler_sets_its_own_timer_anew(void **state)
{
    (void)state;
    set_one("again", 1, start_ms);
    run_at(start_ms);
    expect_timers("again 1 waiting 0 ;");
    run_at(start_ms + 60 * SECOND_MS);
    assert_int_equal(effect(1), 2);
    run_at(start_ms + 120 * SECOND_MS);
    assert_int_equal(effect(1), 3);
    expect_timers("");
}

static void a_handler_moves_and_cancels_what_is_due_behind_it(void **state)
{
    (void)state;
    set_notes(4);
    set_one("sweep", 1, start_ms - 100);
    run_at(start_ms);
    assert_int_equal(effect(1), 1);
    assert_int_equal(effect(2), 0);
    assert_int_equal(effect(3), 0);
    assert_int_equal(effect(4), 1);
    expect_timers("note 3 waiting 0 ;");
    run_at(start_ms + 60 * SECOND_MS);
    assert_int_equal(effect(3), 1);
}

static void pages_go_on_until_nothing_is_due(void **state)
{
    (void)state;
    set_notes(3 * TIMER_PAGE_MAX + 1);
    run_at(start_ms);
    for (int64_t i = 1; i <= 3 * TIMER_PAGE_MAX + 1; i++)
        assert_int_equal(effect(i), 1);
    expect_timers("");
}

/* ---- failures -------------------------------------------------------------------------------- */

static void expect_others(int64_t count)
{
    for (int64_t i = 1; i <= count; i++)
        assert_int_equal(effect(i), i == bad_key_id ? 0 : 1);
}

static void one_that_fails_pays_alone(void **state)
{
    static const int64_t places[] = {1, 2, 5, 10};

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        fresh(state);
        bad_key_id = places[i];
        set_notes(10);
        run_at(start_ms);
        expect_others(10);
        assert_true(run_count <= 10 + bad_key_id); /* those before it twice, no other */
        expect_timers(
            str_cstr(arena, str_fmt(arena, "note %" PRId64 " waiting 1 note.bad;", bad_key_id)));
    }
}

static void a_false_must_and_too_many_statements_are_failures(void **state)
{
    (void)state;
    bad_key_id = 3;
    boom = "src/play/test.c";
    set_notes(5);
    run_at(start_ms);
    expect_others(5);
    expect_timers("note 3 waiting 1 internal.must;");
    boom = NULL;
    is_over_budget = true;
    run_at(start_ms + 7 * SECOND_MS);
    expect_timers("note 3 waiting 2 internal.budget;");
}

static void it_is_tried_again_later_and_later_and_then_dead(void **state)
{
    (void)state;
    bad_key_id = 1;
    set_notes(1);
    run_at(start_ms);
    run_at(start_ms + 3 * SECOND_MS); /* 5 s less a quarter have not passed */
    expect_timers("note 1 waiting 1 note.bad;");
    run_at(start_ms + 7 * SECOND_MS);
    expect_timers("note 1 waiting 2 note.bad;");
    run_at(start_ms + 20 * SECOND_MS);
    expect_timers("note 1 dead 3 note.bad;");
    bad_key_id = 0;
    run_at(start_ms + DAY_MS);
    assert_int_equal(effect(1), 0);
    set_one("note", 1, start_ms);
    run_at(start_ms + DAY_MS);
    assert_int_equal(effect(1), 1);
    expect_timers("");
}

static void back_off_is_bounded(void **state)
{
    int64_t least_ms = INT64_MAX, most_ms = 0;

    (void)state;
    for (int64_t id = 0; id < 1000; id++) {
        int64_t ms = timer_backoff_ms(0, id);

        least_ms = ms < least_ms ? ms : least_ms;
        most_ms = ms > most_ms ? ms : most_ms;
    }
    assert_true(least_ms >= 3750 && least_ms < 3900);
    assert_true(most_ms < 6250 && most_ms > 6100);
    for (int64_t i = 0; i < 200; i++)
        assert_true(timer_backoff_ms(i, 77) < 27000 * SECOND_MS);
    assert_true(timer_backoff_ms(199, 77) >= 16200 * SECOND_MS);
}

static void an_unknown_kind_waits_for_a_newer_program(void **state)
{
    (void)state;
    set_notes(2);
    base_sql(folder, "UPDATE timer SET kind = 'of tomorrow' WHERE key_id = 1");
    run_at(start_ms);
    assert_int_equal(effect(2), 1);
    expect_timers("of tomorrow 1 waiting 1 timer.kind;");
}

/* Each statement of draining fails in turn, commits and savepoints among them: whatever happens,
 * every effect comes once in the end. */
static void every_statement_fails_in_turn(void **state)
{
    bool did_fail = true;

    for (int64_t nth = 1; did_fail; nth++) {
        fresh(state);
        set_notes(4);
        set_one("again", 5, start_ms);
        db_fail_at(app->writer_db, nth);
        run_at(start_ms);
        did_fail = db_did_fail(app->writer_db);
        db_fail_at(app->writer_db, 0);
        for (int i = 1; i <= 4; i++)
            run_at(start_ms + i * 70 * SECOND_MS);
        for (int64_t i = 1; i <= 4; i++)
            assert_int_equal(effect(i), 1);
        assert_int_equal(effect(5), 3);
        expect_timers("");
        assert_true(nth < 100);
    }
}

/* ---- the clock ------------------------------------------------------------------------------- */

static void a_clock_that_jumps_runs_each_once(void **state)
{
    int64_t now_ms = start_ms;

    (void)state;
    set_one("note", 1, now_ms + SECOND_MS);
    set_one("note", 2, now_ms + DAY_MS);
    run_at(now_ms + DAY_MS);
    assert_int_equal(effect(1), 1);
    assert_int_equal(effect(2), 1);
    set_one("note", 3, now_ms + DAY_MS + SECOND_MS);
    run_at(now_ms); /* back: time stands until the clock has caught up */
    assert_int_equal(effect(3), 0);
    set_one("note", 4, now_ms + DAY_MS);
    run_at(now_ms);
    assert_int_equal(effect(4), 1);
    run_at(now_ms + DAY_MS + SECOND_MS);
    assert_int_equal(effect(3), 1);
    assert_int_equal(effect(1) + effect(2), 2);
    expect_timers("");
}

struct local {
    const char *zone;
    const char *day;
    int64_t start_minutes_count, minutes_count;
    const char *wanted; /* UTC */
};

static const struct local locals[] = {
    {"Asia/Shanghai", "2026-03-29", 0, 150, "2026-03-28T18:30:00.000Z"},
    {"Asia/Shanghai", "2026-03-29", 240, 0, "2026-03-28T20:00:00.000Z"},
    {"Asia/Shanghai", "2026-03-29", 240, 1439, "2026-03-29T19:59:00.000Z"},
    /* 02:00 is skipped: 02:30 is the first instant behind the gap, 03:00 is as written */
    {"Europe/Berlin", "2026-03-29", 0, 119, "2026-03-29T00:59:00.000Z"},
    {"Europe/Berlin", "2026-03-29", 0, 120, "2026-03-29T01:00:00.000Z"},
    {"Europe/Berlin", "2026-03-29", 0, 150, "2026-03-29T01:00:00.000Z"},
    {"Europe/Berlin", "2026-03-29", 0, 180, "2026-03-29T01:00:00.000Z"},
    {"Europe/Berlin", "2026-03-29", 0, 181, "2026-03-29T01:01:00.000Z"},
    {"Europe/Berlin", "2026-03-29", 0, 600, "2026-03-29T08:00:00.000Z"},
    /* 02:00 to 03:00 comes twice: the first of the two */
    {"Europe/Berlin", "2026-10-25", 0, 150, "2026-10-25T00:30:00.000Z"},
    {"Europe/Berlin", "2026-10-25", 0, 180, "2026-10-25T02:00:00.000Z"},
    {"Europe/Berlin", "2026-10-24", 240, 1380, "2026-10-25T02:00:00.000Z"},
    {"America/New_York", "2026-03-08", 0, 150, "2026-03-08T07:00:00.000Z"},
    {"America/New_York", "2026-11-01", 0, 90, "2026-11-01T05:30:00.000Z"},
    {"America/New_York", "2026-11-01", 0, 120, "2026-11-01T07:00:00.000Z"},
    /* half an hour */
    {"Australia/Lord_Howe", "2026-10-04", 0, 120, "2026-10-03T15:30:00.000Z"},
    {"Australia/Lord_Howe", "2026-10-04", 0, 135, "2026-10-03T15:30:00.000Z"},
    {"Australia/Lord_Howe", "2026-10-04", 0, 150, "2026-10-03T15:30:00.000Z"},
    {"Australia/Lord_Howe", "2026-04-05", 0, 105, "2026-04-04T14:45:00.000Z"},
    {"Australia/Lord_Howe", "2026-04-05", 0, 120, "2026-04-04T15:30:00.000Z"},
};

static void local_times_heed_daylight_saving(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(locals); i++) {
        const struct local *local = &locals[i];
        struct zone *zone;
        int64_t day_ms, ms;

        assert_int_equal(zone_load(arena, str_of(local->zone), &zone), OK);
        if (local->start_minutes_count)
            zone = zone_with_day_start(arena, zone, local->start_minutes_count);
        assert_int_equal(time_parse(NULL, str_of(local->day), &day_ms), OK);
        ms = timer_local_ms(zone, day_ms / DAY_MS, local->minutes_count);
        if (!str_is(time_iso(arena, ms), local->wanted))
            print_error("%s %s +%d\n", local->zone, local->day, (int)local->minutes_count);
        assert_string_equal(str_cstr(arena, time_iso(arena, ms)), local->wanted);
    }
}

/* ---- leases ---------------------------------------------------------------------------------- */

struct lease {
    int64_t ms;
    bool is_ours;
};

static enum err lease_step(struct ctx *c, void *user)
{
    struct lease *lease = user;

    return lease_take(c, "timer", lease->ms, &lease->is_ours);
}

static enum err drop_step(struct ctx *c, void *user)
{
    (void)user;
    return lease_drop(c);
}

static bool takes(int64_t node)
{
    struct lease lease = {10 * SECOND_MS, false};
    int64_t own_id = app->node_id;

    app->node_id = node;
    assert_int_equal(app_write(app, arena, lease_step, &lease, NULL), OK);
    app->node_id = own_id;
    return lease.is_ours;
}

static void a_lease_is_one_node_s_at_a_time(void **state)
{
    int64_t now_ms = start_ms, own_id = app->node_id;
    bool was_shared = app->is_shared;

    (void)state;
    assert_true(takes(1));
    assert_true(was_shared || takes(2)); /* alone: everybody's */
    app->is_shared = true;
    assert_true(takes(1));
    assert_false(takes(2));
    clock_simulate(now_ms + 5 * SECOND_MS);
    assert_true(takes(1)); /* kept on */
    clock_simulate(now_ms + 14 * SECOND_MS);
    assert_false(takes(2));
    clock_simulate(now_ms + 15 * SECOND_MS);
    assert_true(takes(2));
    assert_false(takes(1));
    app->node_id = 1;
    assert_int_equal(app_write(app, arena, drop_step, NULL, NULL), OK); /* not one's own */
    assert_false(takes(1));
    app->node_id = 2;
    assert_int_equal(app_write(app, arena, drop_step, NULL, NULL), OK);
    app->node_id = own_id;
    assert_true(takes(1));
    app->is_shared = was_shared;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void a_listening_app_runs_them_by_itself(void **state)
{
    struct str why;

    (void)state;
    app_close(app);
    clock_simulate(NONE);
    open_app("127.0.0.1:0");
    set_one("tell", 1, 0);
    assert_int_equal(app_listen(app, &why), OK);
    sem_wait(&reached); /* what was due before it began */
    set_one("tell", 2, 0);
    sem_wait(&reached); /* what is due at once */
    set_one("tell", 3, clock_now_ms() + DAY_MS);
    set_one("tell", 4, clock_now_ms() + 50);
    sem_wait(&reached);
    timer_await(app);
    expect_timers("tell 3 waiting 0 ;");
    app_close(app);
    open_app(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_timer_runs_once_when_due, fresh),
        cmocka_unit_test_setup(a_timer_set_again_is_moved, fresh),
        cmocka_unit_test_setup(a_cancelled_timer_does_not_run, fresh),
        cmocka_unit_test_setup(a_handler_sets_its_own_timer_anew, fresh),
        cmocka_unit_test_setup(a_handler_moves_and_cancels_what_is_due_behind_it, fresh),
        cmocka_unit_test_setup(pages_go_on_until_nothing_is_due, fresh),
        cmocka_unit_test_setup(one_that_fails_pays_alone, fresh),
        cmocka_unit_test_setup(a_false_must_and_too_many_statements_are_failures, fresh),
        cmocka_unit_test_setup(it_is_tried_again_later_and_later_and_then_dead, fresh),
        cmocka_unit_test(back_off_is_bounded),
        cmocka_unit_test_setup(an_unknown_kind_waits_for_a_newer_program, fresh),
        cmocka_unit_test_setup(every_statement_fails_in_turn, fresh),
        cmocka_unit_test_setup(a_clock_that_jumps_runs_each_once, fresh),
        cmocka_unit_test(local_times_heed_daylight_saving),
        cmocka_unit_test_setup(a_lease_is_one_node_s_at_a_time, fresh),
        cmocka_unit_test_setup(a_listening_app_runs_them_by_itself, fresh),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
