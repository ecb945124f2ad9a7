/* Draining: what is due runs page by page, a page being one command on the writer. Always: a
 * timer's work and its end are one commit; a page that fails changes nothing, is run again up to
 * before the timer it failed at, and that one's failure is counted when it stands first: so one
 * alone pays for itself. While requests come, pages are short and rest between them, so that a
 * request waits little: for the writer, and for a processor. */
#include <sched.h>

#include "gen/timer.q.h"
#include "host/clock.h"
#include "kit/kit_private.h"
#include "kit/node.h"
#include "kit/timer_private.h"
#include "kit/worker.h"

#define PAGE_US 8000       /* what a page is to take */
#define PAGE_ASKED_US 2000 /* the same while requests come */
#define REST_MS 1          /* between two of those */
#define ASKED_FOR_US 50000 /* requests come: the last one was no longer ago */
#define PAGE_ARENA_MAX ((size_t)64 * 1024 * 1024)
#define STRETCH_MAX 32 /* timers between two offers of the processor to whoever waits for it */
#define HANDLER_STATEMENT_MAX 64
#define ATTEMPT_MAX 12
#define BACKOFF_MS 5000
#define BACKOFF_MAX_MS (6 * 3600 * INT64_C(1000))
#define LEASE_MS 10000
#define OTHERS_MS 1000 /* until we ask again for a lease that another node has */
#define AWAIT_FAILURE_MAX 10

/* ---- a page ---------------------------------------------------------------------------------- */

struct drain {
    struct app *app;
    struct arena *arena; /* of a page */
    bool is_leased;      /* only with the lease */
    struct timer_page page;
    int64_t page_us;       /* what the page is to take */
    int64_t limit_count;   /* its timers */
    int64_t next_count;    /* those of the one behind it, by what this one took */
    int64_t at;            /* the timer that runs; NONE: none does */
    bool is_ours, is_more; /* more is due */
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
static enum err timers_drop(struct ctx *c, const struct timer_page *page, int64_t from,
                            int64_t until)
{
    struct q_timer_drop_in drops[STRETCH_MAX];
    int64_t count = 0;

    for (int64_t i = from; i < until; i++)
        if (!page->is_gone[i])
            drops[count++].id = page->rows[i].id;
    c->statement_max = 0;
    c->topics |= LIVE_TIMERS;
    return q_timer_drop(c, drops, count, NULL);
}

/* Runs and ends the next timers of the page. */
static enum err stretch_do(struct ctx *c, struct drain *drain, int64_t until_us,
                           int64_t *done_count)
{
    const struct timer_page *page = &drain->page;
    int64_t from = *done_count, at = from;
    int64_t end = page->count - from < STRETCH_MAX ? page->count : from + STRETCH_MAX;

    while (at < end && (at == 0 || clock_mono_us() < until_us)) {
        drain->at = at;
        if (!page->is_gone[at])
            TRY(handler_run(c, &page->rows[at]));
        at++;
    }
    drain->at = NONE;
    *done_count = at;
    return timers_drop(c, page, from, at);
}

/* A page begins with a guess, doubles while it is quick, and takes no further timer once it is not.
 */
static void page_measure(struct drain *drain, int64_t done_count, int64_t took_us)
{
    int64_t next_count = done_count * drain->page_us / (took_us + 1);

    drain->is_more = done_count < drain->page.count || drain->page.count == drain->limit_count;
    if (!drain->is_more)
        return;
    if (next_count > 2 * done_count)
        next_count = 2 * done_count;
    drain->next_count = next_count < 1 ? 1 : next_count;
}

static enum err page_step(struct ctx *c, void *user)
{
    struct drain *drain = user;
    struct timer_page *page = &drain->page;
    int64_t start_us = clock_mono_us(), until_us = start_us + drain->page_us, done_count = 0;
    struct list due;

    if (drain->is_leased)
        TRY(lease_take(c, "timer", LEASE_MS, &drain->is_ours));
    if (!drain->is_ours)
        return OK;
    TRY(q_timer_due(c, drain->limit_count, &due));
    *page = (struct timer_page){.rows = due.at, .count = due.count};
    c->timer_page = page;
    while (done_count < due.count && (done_count == 0 || clock_mono_us() < until_us)) {
        TRY(stretch_do(c, drain, until_us, &done_count));
        sched_yield();
    }
    page_measure(drain, done_count, clock_mono_us() - start_us);
    return OK;
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

    c->topics |= LIVE_TIMERS;
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
    drain->next_count = drain->limit_count;
    err = app_write(drain->app, drain->arena, page_step, drain, &drain->fault);
    if (err == OK) {
        drain->limit_count =
            drain->next_count < TIMER_PAGE_MAX ? drain->next_count : TIMER_PAGE_MAX;
        return OK;
    }
    drain->is_more = false;
    if (drain->at == NONE)
        return err;
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

/* One page, if anything is due. *next_ms: when to come again. */
static enum err drain_page(struct drain *drain, int64_t *next_ms)
{
    if (!drain->is_more) {
        TRY(app_read(drain->app, drain->arena, next_step, next_ms, NULL));
        if (*next_ms > worker_now_ms(drain->app))
            return OK;
    }
    TRY(page_do(drain));
    *next_ms = worker_now_ms(drain->app) + (drain->is_ours ? 0 : OTHERS_MS);
    return OK;
}

void timer_await(struct app *app)
{
    struct drain drain = {.app = app, .page_us = PAGE_US, .limit_count = TIMER_PAGE_MAX};
    int64_t next_ms = 0;
    int failure_count = 0;

    drain.arena = arena_new(PAGE_ARENA_MAX);
    while (next_ms <= worker_now_ms(app) && failure_count < AWAIT_FAILURE_MAX) {
        arena_reset(drain.arena);
        if (drain_page(&drain, &next_ms) != OK) {
            failure_count++;
            next_ms = 0;
        }
    }
    arena_free(drain.arena);
}

/* ---- the thread ------------------------------------------------------------------------------ */

struct timers {
    struct worker *worker;
    struct drain drain;
};

static enum err timers_page(struct app *app, struct arena *arena, int64_t *next_ms)
{
    struct drain *drain = &app->timers->drain;
    bool is_asked = clock_mono_us() - atomic_load(&app->asked_us) < ASKED_FOR_US;

    drain->arena = arena;
    drain->page_us = is_asked ? PAGE_ASKED_US : PAGE_US;
    TRY(drain_page(drain, next_ms));
    if (is_asked && drain->is_more)
        *next_ms += REST_MS;
    return OK;
}

struct timers *timers_new(struct app *app)
{
    struct timers *timers = arena_new_one(app->arena, struct timers);

    timers->worker = worker_new(app, "timer", timers_page);
    timers->drain = (struct drain){.app = app, .is_leased = true, .limit_count = TIMER_PAGE_MAX};
    return timers;
}

void timers_begin(struct timers *timers)
{
    worker_begin(timers->worker);
}

void timers_wake(struct timers *timers, int64_t due_ms)
{
    worker_wake_for(timers->worker, due_ms);
}

void timers_stop(struct timers *timers)
{
    worker_stop(timers->worker);
}
