/* Draining: what is due runs page by page, a page being one command on the writer. Always: a
 * timer's work and its end are one commit; a page that fails changes nothing, is run again up to
 * before the timer it failed at, and that one's failure is counted when it stands first: so one
 * alone pays for itself. A page is short, so that requests wait little. */
#include "gen/timer.q.h"
#include "host/clock.h"
#include "kit/kit_private.h"
#include "kit/node.h"
#include "kit/timer_private.h"

#define PAGE_US 5000 /* after that much a page takes no further timer */
#define PAGE_ARENA_MAX (64 * 1024 * 1024)
#define HANDLER_STATEMENT_MAX 64
#define ATTEMPT_MAX 12
#define BACKOFF_MS 5000
#define BACKOFF_MAX_MS (6 * 3600 * INT64_C(1000))
#define LEASE_MS 10000
#define PAUSE_MS 1000        /* after a failure of the base itself */
#define SLEEP_MS 60000       /* at most: the machine's clock may have moved */
#define SHARED_SLEEP_MS 1000 /* another node's timers wake nobody here */
#define AWAIT_FAILURE_MAX 10

struct timers {
    struct app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int64_t next_ms; /* until then nothing is due */
    bool is_started;
    _Atomic bool is_stopping;
};

struct timers *timers_new(struct app *app)
{
    struct timers *timers = arena_new_one(app->arena, struct timers);
    pthread_condattr_t monotonic;

    timers->app = app;
    pthread_mutex_init(&timers->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&timers->wake, &monotonic);
    return timers;
}

/* ---- a page ---------------------------------------------------------------------------------- */

struct drain {
    struct app *app;
    struct arena *arena; /* of a page */
    bool is_leased;      /* only with the lease */
    struct timer_page page;
    int64_t limit_count; /* of the page */
    int64_t next_count;  /* of the one behind it: as many as this one had time for */
    int64_t at;          /* the timer that runs; NONE: none does */
    bool is_ours, is_more;
    struct fault fault;
};

static enum err handler_run(struct ctx *c, const struct q_timer_due_row *row)
{
    const struct timer_kind *kind = timer_kind_find(c->app, row->kind);
    struct timer timer = {row->id, row->key_id, row->due_ms, row->attempt_count, row->input};

    if (kind == NULL)
        return fail(c, E_NOT_FOUND, "timer.kind", "this program knows no timers of kind %.*s",
                    STR(row->kind));
    c->statement_count = 0;
    c->statement_max = HANDLER_STATEMENT_MAX;
    return kind->run(c, &timer);
}

/* Those that ran and were not set anew. */
static enum err page_drop(struct ctx *c, const struct timer_page *page, int64_t done_count)
{
    struct q_timer_drop_in *drops =
        arena_new_array(c->arena, struct q_timer_drop_in, (size_t)done_count);
    int64_t count = 0;

    for (int64_t i = 0; i < done_count; i++)
        if (!page->is_gone[i])
            drops[count++].id = page->rows[i].id;
    c->statement_max = 0;
    return q_timer_drop(c, drops, count, NULL);
}

static enum err page_step(struct ctx *c, void *user)
{
    struct drain *drain = user;
    struct timer_page *page = &drain->page;
    int64_t until_us = clock_mono_us() + PAGE_US, done_count = 0;
    struct list due;

    if (drain->is_leased)
        TRY(lease_take(c, "timer", LEASE_MS, &drain->is_ours));
    if (!drain->is_ours)
        return OK;
    TRY(q_timer_due(c, drain->limit_count, &due));
    *page = (struct timer_page){.rows = due.at, .count = due.count};
    c->timer_page = page;
    while (done_count < due.count && (done_count == 0 || clock_mono_us() < until_us)) {
        drain->at = done_count;
        if (!page->is_gone[done_count])
            TRY(handler_run(c, &page->rows[done_count]));
        done_count++;
    }
    drain->at = NONE;
    drain->is_more = done_count < due.count || due.count == drain->limit_count;
    drain->next_count = done_count < due.count ? done_count : 2 * drain->limit_count;
    return page_drop(c, page, done_count);
}

/* ---- a failure ------------------------------------------------------------------------------- */

int64_t timer_backoff_ms(int64_t attempt_count, int64_t id)
{
    int64_t ms = BACKOFF_MS << (attempt_count < 13 ? attempt_count : 13);
    uint64_t mix = ((uint64_t)id + (uint64_t)attempt_count + 1) * UINT64_C(0x9e3779b97f4a7c15);

    mix = (mix ^ (mix >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    ms = ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
    return ms - ms / 4 + (int64_t)((mix >> 31) % (uint64_t)(ms / 2));
}

static bool is_last_attempt(const struct app *app, const struct q_timer_due_row *row)
{
    const struct timer_kind *kind = timer_kind_find(app, row->kind);
    int attempt_max = kind && kind->attempt_max ? kind->attempt_max : ATTEMPT_MAX;

    return row->attempt_count + 1 >= attempt_max;
}

static enum err fail_step(struct ctx *c, void *user)
{
    const struct drain *drain = user;
    const struct q_timer_due_row *row = &drain->page.rows[0];
    bool is_dead = is_last_attempt(c->app, row);
    struct q_timer_fail_in in = {
        .status = is_dead ? S("dead") : S("waiting"),
        .due_ms = is_dead ? row->due_ms : c->now_ms + timer_backoff_ms(row->attempt_count, row->id),
        .error_code = str_of(drain->fault.code),
        .error_message = route_status(drain->fault.err) >= 500
                             ? S("the server failed; its log says more")
                             : drain->fault.message,
        .id = row->id,
        .was_due_ms = row->due_ms,
    };
    int64_t changed_count;

    return q_timer_fail(c, &in, &changed_count);
}

static enum err timer_failed(struct drain *drain)
{
    const struct q_timer_due_row *row = &drain->page.rows[0];
    bool is_dead = is_last_attempt(drain->app, row);
    const char *level = is_dead ? "warn" : "info";

    if (route_status(drain->fault.err) >= 500)
        level = "error";
    app_log(drain->app, level, "timer", "%.*s %" PRId64 "%s: %s: %.*s", STR(row->kind), row->key_id,
            is_dead ? " is dead" : "", drain->fault.code, STR(drain->fault.message));
    return app_write(drain->app, drain->arena, fail_step, drain, NULL);
}

/* ---- page after page ------------------------------------------------------------------------- */

static enum err page_do(struct drain *drain)
{
    enum err err;

    drain->at = NONE;
    drain->is_ours = true;
    drain->is_more = false;
    err = app_write(drain->app, drain->arena, page_step, drain, &drain->fault);
    if (err == OK)
        drain->limit_count =
            drain->next_count < TIMER_PAGE_MAX ? drain->next_count : TIMER_PAGE_MAX;
    if (err == OK || drain->at == NONE)
        return err;
    drain->is_more = true;
    if (drain->at > 0) {
        drain->limit_count = drain->at;
        return OK;
    }
    return timer_failed(drain);
}

static enum err next_step(struct ctx *c, void *user)
{
    struct q_timer_next_row row;
    enum err err = q_timer_next(c, &row);

    *(int64_t *)user = err == OK ? row.due_ms : INT64_MAX;
    return err == E_NOT_FOUND ? OK : err;
}

static int64_t now_of(const struct app *app)
{
    int64_t now_ms = clock_now_ms(), last_ms = atomic_load(&app->last_ms);

    return now_ms > last_ms ? now_ms : last_ms;
}

/* Runs what is due. *next_ms: when to look again. */
static enum err drain_all(struct app *app, bool is_leased, int64_t *next_ms)
{
    struct drain drain = {.app = app, .is_leased = is_leased, .limit_count = TIMER_PAGE_MAX};
    enum err err;

    drain.arena = arena_new(PAGE_ARENA_MAX);
    err = app_read(app, drain.arena, next_step, next_ms, NULL);
    if (err == OK && *next_ms <= now_of(app)) {
        do {
            arena_reset(drain.arena);
            err = page_do(&drain);
        } while (err == OK && drain.is_more && !app->timers->is_stopping);
        if (err == OK)
            err = app_read(app, drain.arena, next_step, next_ms, NULL);
        if (!drain.is_ours)
            *next_ms = now_of(app) + SHARED_SLEEP_MS;
    }
    if (err != OK) {
        app_log(app, "error", "timer", "the page was not run: %s", err_name(err));
        *next_ms = now_of(app) + PAUSE_MS;
    }
    arena_free(drain.arena);
    return err;
}

void timer_await(struct app *app)
{
    int64_t next_ms = 0;

    for (int failure_count = 0; next_ms <= now_of(app) && failure_count < AWAIT_FAILURE_MAX;)
        if (drain_all(app, false, &next_ms) != OK) {
            failure_count++;
            next_ms = 0;
        }
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Under the lock. A wake, or a moved clock, ends the sleep early. */
static void sleep_until_due(struct timers *timers)
{
    int64_t most_ms = timers->app->is_shared ? SHARED_SLEEP_MS : SLEEP_MS;
    int64_t wait_ms = timers->next_ms - now_of(timers->app), until_us;
    struct timespec until;

    if (wait_ms <= 0 || timers->is_stopping)
        return;
    until_us = clock_mono_us() + (wait_ms < most_ms ? wait_ms : most_ms) * 1000;
    until = (struct timespec){until_us / 1000000, until_us % 1000000 * 1000};
    pthread_cond_timedwait(&timers->wake, &timers->lock, &until);
}

static void *timers_main(void *arg)
{
    struct timers *timers = arg;

    pthread_mutex_lock(&timers->lock);
    while (!timers->is_stopping) {
        int64_t next_ms;

        timers->next_ms = INT64_MAX; /* what is set from here on lowers it */
        pthread_mutex_unlock(&timers->lock);
        drain_all(timers->app, true, &next_ms);
        pthread_mutex_lock(&timers->lock);
        if (next_ms < timers->next_ms)
            timers->next_ms = next_ms;
        sleep_until_due(timers);
    }
    pthread_mutex_unlock(&timers->lock);
    return NULL;
}

void timers_begin(struct timers *timers)
{
    timers->is_started = pthread_create(&timers->thread, NULL, timers_main, timers) == 0;
    if (!timers->is_started)
        app_log(timers->app, "error", "timer", "no thread: nothing that is due will happen");
}

void timers_wake(struct timers *timers, int64_t due_ms)
{
    pthread_mutex_lock(&timers->lock);
    if (due_ms < timers->next_ms) {
        timers->next_ms = due_ms;
        pthread_cond_signal(&timers->wake);
    }
    pthread_mutex_unlock(&timers->lock);
}

static enum err drop_step(struct ctx *c, void *user)
{
    (void)user;
    return lease_drop(c, "timer");
}

void timers_stop(struct timers *timers)
{
    struct arena *arena;

    pthread_mutex_lock(&timers->lock);
    timers->is_stopping = true;
    pthread_cond_signal(&timers->wake);
    pthread_mutex_unlock(&timers->lock);
    if (!timers->is_started)
        return;
    pthread_join(timers->thread, NULL);
    arena = arena_new(PAGE_ARENA_MAX);
    app_write(timers->app, arena, drop_step, NULL, NULL);
    arena_free(arena);
}
