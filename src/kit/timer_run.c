/* Draining: what is due runs page by page, a page being one command on the writer. Always: a
 * timer's work and its end are one commit; a page that fails changes nothing, is run again up to
 * before the timer it failed at, and that one's failure is counted when it stands first: so one
 * alone pays for itself. A page is short, so that requests wait little. */
#include "gen/timer.q.h"
#include "host/clock.h"
#include "kit/kit_private.h"
#include "kit/node.h"
#include "kit/timer_private.h"
#include "kit/worker.h"

#define PAGE_US 5000 /* after that much a page takes no further timer */
#define PAGE_ARENA_MAX ((size_t)64 * 1024 * 1024)
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
    int64_t limit_count; /* of the page */
    int64_t next_count;  /* of the one behind it: as many as this one had time for */
    int64_t at;          /* the timer that runs; NONE: none does */
    bool is_ours;
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
    err = app_write(drain->app, drain->arena, page_step, drain, &drain->fault);
    if (err == OK)
        drain->limit_count =
            drain->next_count < TIMER_PAGE_MAX ? drain->next_count : TIMER_PAGE_MAX;
    if (err == OK || drain->at == NONE)
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
    TRY(app_read(drain->app, drain->arena, next_step, next_ms, NULL));
    if (*next_ms > worker_now_ms(drain->app))
        return OK;
    TRY(page_do(drain));
    if (!drain->is_ours)
        *next_ms = worker_now_ms(drain->app) + OTHERS_MS;
    return OK;
}

void timer_await(struct app *app)
{
    struct drain drain = {.app = app, .limit_count = TIMER_PAGE_MAX};
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
    bool is_begun;
};

static enum err timers_page(struct app *app, struct arena *arena, int64_t *next_ms)
{
    app->timers->drain.arena = arena;
    return drain_page(&app->timers->drain, next_ms);
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
    timers->is_begun = true;
    worker_begin(timers->worker);
}

void timers_wake(struct timers *timers, int64_t due_ms)
{
    worker_wake_for(timers->worker, due_ms);
}

static enum err drop_step(struct ctx *c, void *user)
{
    (void)user;
    return lease_drop(c, "timer");
}

void timers_stop(struct timers *timers)
{
    struct arena *arena;

    worker_stop(timers->worker);
    if (!timers->is_begun)
        return;
    arena = arena_new(PAGE_ARENA_MAX);
    app_write(timers->drain.app, arena, drop_step, NULL, NULL);
    arena_free(arena);
}
