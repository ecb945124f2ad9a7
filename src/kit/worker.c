/* Sleeping, waking and stopping of a thread over due rows. Always: woken while it is at a page, it
 * looks again behind it, so nothing that was committed before worker_wake is overlooked. */
#include "kit/worker.h"

#include "host/clock.h"
#include "kit/kit_private.h"

#define SLEEP_MAX_MS 60000
#define SHARED_MAX_MS 1000 /* another node's rows wake nobody here */
#define FAIL_SLEEP_MS 1000
#define PAGE_ARENA_MAX ((size_t)64 * 1024 * 1024)

struct worker {
    struct app *app;
    const char *name;
    worker_page *page;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, rest;
    int64_t next_ms; /* it comes again by itself then; INT64_MAX while it is at a page */
    bool is_begun, is_started, is_due, is_busy, is_stopping;
};

int64_t worker_now_ms(struct app *app)
{
    int64_t now_ms = clock_now_ms(), last_ms = atomic_load(&app->last_ms);

    return now_ms > last_ms ? now_ms : last_ms;
}

struct worker *worker_new(struct app *app, const char *name, worker_page *page)
{
    struct worker *worker = arena_new_one(app->arena, struct worker);

    *worker = (struct worker){.app = app, .name = name, .page = page, .next_ms = INT64_MAX};
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->wake, NULL);
    pthread_cond_init(&worker->rest, NULL);
    return worker;
}

/* When to come again. */
static int64_t page_do(struct worker *worker, struct arena *arena)
{
    int64_t next_ms = NONE;
    enum err err = worker->page(worker->app, arena, &next_ms);

    arena_reset(arena);
    if (err != OK) {
        app_log(worker->app, "error", worker->name, "a page failed: %s", err_name(err));
        return worker_now_ms(worker->app) + FAIL_SLEEP_MS;
    }
    return next_ms == NONE ? INT64_MAX : next_ms;
}

static void sleep_until_next(struct worker *worker)
{
    int64_t sleep_max_ms = worker->app->is_shared ? SHARED_MAX_MS : SLEEP_MAX_MS;
    int64_t left_ms = worker->next_ms - worker_now_ms(worker->app);

    clock_wait(&worker->wake, &worker->lock, left_ms < sleep_max_ms ? left_ms : sleep_max_ms);
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct arena *arena = arena_new(PAGE_ARENA_MAX);

    pthread_mutex_lock(&worker->lock);
    while (!worker->is_stopping) {
        int64_t next_ms;

        worker->is_due = false;
        worker->is_busy = true;
        worker->next_ms = INT64_MAX;
        pthread_mutex_unlock(&worker->lock);
        next_ms = page_do(worker, arena);
        pthread_mutex_lock(&worker->lock);
        worker->next_ms = next_ms;
        worker->is_due |= next_ms <= worker_now_ms(worker->app);
        worker->is_busy = false;
        if (worker->is_due || worker->is_stopping)
            continue;
        pthread_cond_broadcast(&worker->rest);
        if (worker->is_begun)
            sleep_until_next(worker);
        while (!worker->is_begun && !worker->is_due && !worker->is_stopping)
            pthread_cond_wait(&worker->wake, &worker->lock);
    }
    pthread_mutex_unlock(&worker->lock);
    arena_free(arena);
    return NULL;
}

static void wake_locked(struct worker *worker)
{
    if (!worker->is_started && !worker->is_stopping) {
        worker->is_started = pthread_create(&worker->thread, NULL, worker_main, worker) == 0;
        if (!worker->is_started)
            app_log(worker->app, "error", worker->name, "no thread: what is due will not happen");
    }
    worker->is_due = worker->is_started && !worker->is_stopping;
    pthread_cond_signal(&worker->wake);
}

void worker_begin(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->is_begun = true;
    wake_locked(worker);
    pthread_mutex_unlock(&worker->lock);
}

void worker_wake(struct worker *worker)
{
    worker_wake_for(worker, INT64_MIN);
}

void worker_wake_for(struct worker *worker, int64_t due_ms)
{
    pthread_mutex_lock(&worker->lock);
    if (worker->is_begun && due_ms < worker->next_ms)
        wake_locked(worker);
    pthread_mutex_unlock(&worker->lock);
}

void worker_await(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    wake_locked(worker);
    while ((worker->is_due || worker->is_busy) && !worker->is_stopping)
        pthread_cond_wait(&worker->rest, &worker->lock);
    pthread_mutex_unlock(&worker->lock);
}

bool worker_is_busy(struct worker *worker)
{
    bool is_busy;

    pthread_mutex_lock(&worker->lock);
    is_busy = (worker->is_due || worker->is_busy) && !worker->is_stopping;
    pthread_mutex_unlock(&worker->lock);
    return is_busy;
}

void worker_stop(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->is_stopping = true;
    pthread_cond_signal(&worker->wake);
    pthread_cond_broadcast(&worker->rest);
    pthread_mutex_unlock(&worker->lock);
    if (worker->is_started)
        pthread_join(worker->thread, NULL);
}
