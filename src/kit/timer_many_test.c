/* Many timers: two that drain at once, and a process killed in the middle of pages. An effect is a
 * row of the journal, so one that is lost, or comes twice, is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_sql.h"
#include "gen/timer.q.h"
#include "host/clock.h"
#include "kit/kit_private.h"
#include "kit/timer_private.h"

#define START_MS INT64_C(1780000000000)
#define PAGE 5000
#define KILLED_COUNT 3000
#define LINK_COUNT 3 /* a chain's timer sets itself anew until it ran so often */

static _Atomic int64_t kill_in; /* handlers until the process kills itself; 0: it does not */

/* ---- kinds ----------------------------------------------------------------------------------- */

static enum err effect_add(struct ctx *c, const struct timer *timer)
{
    struct event event;

    event_init(&event, c, "timer_done");
    event.subject_id = timer->key_id;
    TRY(journal_emit(c, &event, 1));
    if (atomic_load(&kill_in) > 0 && atomic_fetch_sub(&kill_in, 1) == 1)
        kill(getpid(), SIGKILL);
    return OK;
}

/* Each ten thousandth fails at first. */
static enum err once_run(struct ctx *c, const struct timer *timer)
{
    TRY(effect_add(c, timer));
    if (timer->key_id % 10000 == 0 && timer->attempt_count == 0)
        return fail(c, E_CONFLICT, "once.bad", "not yet");
    return OK;
}

static enum err chain_run(struct ctx *c, const struct timer *timer)
{
    struct timer_new next = {"chain", timer->key_id, c->now_ms, {0}};
    int64_t count = 1;

    if (timer->input.at)
        assert_true(str_to_int(timer->input, &count));
    next.input = str_fmt(c->arena, "%" PRId64, count + 1);
    TRY(effect_add(c, timer));
    return count < LINK_COUNT ? timer_set(c, &next, 1) : OK;
}

static const struct timer_kind once = {"once", "一次", "Once", 0, once_run};
static const struct timer_kind chain = {"chain", "连环", "Chain", 0, chain_run};
static const struct timer_kind *const timer_kinds[] = {&once, &chain, NULL};

/* ---- an app ---------------------------------------------------------------------------------- */

static const struct route *const tables[] = {NULL};
static const struct role roles[] = {{.name = NULL}};
static const struct event_kind kinds[] = {{"timer_done", EVENT_FACT}, {.name = NULL}};
static const struct reaction reactions[] = {{NULL, NULL}};

static char folder[64];

/* A process on the test's base: each its own folder, all one key. */
static struct app *app_of(struct arena *arena, const char *name)
{
    struct app_config config = {.routes = tables,
                                .roles = roles,
                                .kinds = kinds,
                                .reactions = reactions,
                                .timer_kinds = timer_kinds,
                                .data = str_fmt(arena, "%s/%s", folder, name),
                                .key_file = str_fmt(arena, "%s/key", folder),
                                .db = base_db(arena)};
    struct str why = {0};
    struct app *app;

    if (app_open(arena, &config, &app, &why) != OK)
        print_error("%.*s\n", STR(why));
    return app;
}

struct some {
    const char *kind;
    int64_t after_id, until_id;
};

static enum err set_step(struct ctx *c, void *user)
{
    const struct some *some = user;
    int64_t count = some->until_id - some->after_id;
    struct timer_new *timers = arena_new_array(c->arena, struct timer_new, (size_t)count);

    for (int64_t i = 0; i < count; i++)
        timers[i] = (struct timer_new){some->kind, some->after_id + i + 1, START_MS - i % 7, {0}};
    return timer_set(c, timers, count);
}

/* Timers 1 to count. */
static void set_many(struct app *app, const char *kind, int64_t count)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);

    for (int64_t id = 0; id < count; id += PAGE) {
        struct some some = {kind, id, id + PAGE < count ? id + PAGE : count};

        assert_int_equal(app_write(app, arena, set_step, &some, NULL), OK);
        arena_reset(arena);
    }
    arena_free(arena);
}

static enum err sum_step(struct ctx *c, void *user)
{
    return q_timer_effects(c, user);
}

static struct q_timer_effects_row effects(struct app *app)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    struct q_timer_effects_row row = {0};

    assert_int_equal(app_read(app, arena, sum_step, &row, NULL), OK);
    arena_free(arena);
    return row;
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/papilio-timers-XXXXXX");
    clock_simulate(START_MS);
    atomic_store(&kill_in, 0);
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[96];

    (void)state;
    base_leave();
    clock_simulate(NONE);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* ---- two that drain at once ------------------------------------------------------------------ */

static void *drain_main(void *app)
{
    timer_await(app);
    return NULL;
}

static void drain_by_two(struct app *const apps[2])
{
    pthread_t two[2];

    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&two[i], NULL, drain_main, apps[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(two[i], NULL);
}

static int64_t number_of(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    int64_t number = otherwise;

    assert_true(text == NULL || str_to_int(str_of(text), &number));
    return number;
}

/* Two threads of one process; where several nodes can share a base, two nodes. */
static void property_17_every_effect_once_with_two_workers(void **state)
{
    int64_t count = number_of("TIMER_COUNT", 100000);
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    struct app *one = app_of(arena, "one");
    struct app *const apps[2] = {one, base_is_shared() ? app_of(arena, "two") : one};
    struct q_timer_effects_row row;

    (void)state;
    set_many(one, "once", count);
    drain_by_two(apps);
    row = effects(one);
    assert_int_equal(row.effect_count, count - count / 10000);
    assert_int_equal(row.subject_count, count - count / 10000);
    assert_int_equal(row.timer_count, count / 10000);
    clock_simulate(START_MS + 10000);
    drain_by_two(apps);
    row = effects(one);
    assert_int_equal(row.effect_count, count);
    assert_int_equal(row.subject_count, count);
    assert_int_equal(row.timer_count, 0);
    if (apps[1] != one)
        app_close(apps[1]);
    app_close(one);
    arena_free(arena);
}

/* ---- killed ---------------------------------------------------------------------------------- */

/* A process drains: it kills itself in a handler, or we kill it. What it had done by then is its
 * own secret: only what it committed counts. */
static void drain_and_die(int64_t handler_count, int64_t delay_us)
{
    int ends[2], status;
    pid_t pid;
    char byte;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct app *app = app_of(arena_new((size_t)64 * 1024 * 1024), "one");

        atomic_store(&kill_in, handler_count);
        if (write(ends[1], "x", 1) == 1)
            timer_await(app);
        _exit(0); /* nothing was left to do */
    }
    close(ends[1]);
    if (handler_count == 0 && read(ends[0], &byte, 1) == 1) {
        usleep((useconds_t)delay_us);
        kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    close(ends[0]);
}

static void killed_in_the_middle_of_a_page_each_effect_comes_once(void **state)
{
    int64_t round_count = number_of("KILL_ROUNDS", 10);
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    struct app *app = app_of(arena, "one");
    struct q_timer_effects_row row;

    (void)state;
    set_many(app, "chain", KILLED_COUNT);
    app_close(app);
    for (int64_t i = 0; i < round_count; i++)
        drain_and_die(i % 2 ? 0 : 1 + i * 977 % (KILLED_COUNT / 2), i * 7919 % 50000);
    app = app_of(arena, "one");
    timer_await(app);
    row = effects(app);
    assert_int_equal(row.effect_count, KILLED_COUNT * LINK_COUNT);
    assert_int_equal(row.subject_count, KILLED_COUNT);
    assert_int_equal(row.timer_count, 0);
    app_close(app);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(property_17_every_effect_once_with_two_workers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(killed_in_the_middle_of_a_page_each_effect_comes_once,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
