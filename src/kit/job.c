/* The job thread: its short queue of work without rows, which goes first, and then the rows of
 * table `job`, one after another. */
#include "kit/job.h"

#include "kit/job_private.h"
#include "kit/kit_private.h"

#define JOB_MAX 16
#define JOB_ARENA_MAX (256 * 1024 * 1024)

struct jobs {
    struct app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct {
        job_fn *fn;
        void *user;
    } waiting[JOB_MAX];
    int count;
    bool is_started;
    bool is_due;  /* there may be a row to do */
    bool is_busy; /* a row is being done */
    pthread_cond_t rest;
    _Atomic bool is_stopping;
};

struct jobs *jobs_new(struct app *app)
{
    struct jobs *jobs = arena_new_one(app->arena, struct jobs);

    jobs->app = app;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->wake, NULL);
    pthread_cond_init(&jobs->rest, NULL);
    return jobs;
}

/* *fn NULL: a row is due. */
static bool job_take(struct jobs *jobs, job_fn **fn, void **user)
{
    bool is_taken;

    *fn = NULL;
    pthread_mutex_lock(&jobs->lock);
    while (jobs->count == 0 && !jobs->is_due && !jobs->is_stopping)
        pthread_cond_wait(&jobs->wake, &jobs->lock);
    is_taken = !jobs->is_stopping;
    if (is_taken && jobs->count == 0) {
        jobs->is_due = false;
        jobs->is_busy = true;
    } else if (is_taken) {
        *fn = jobs->waiting[0].fn;
        *user = jobs->waiting[0].user;
        jobs->count--;
        memmove(jobs->waiting, jobs->waiting + 1, (size_t)jobs->count * sizeof(jobs->waiting[0]));
    }
    pthread_mutex_unlock(&jobs->lock);
    return is_taken;
}

/* One row at a time, so that work without rows need not wait for all of them. */
static void row_do(struct jobs *jobs)
{
    bool is_more = job_run_next(jobs->app);

    pthread_mutex_lock(&jobs->lock);
    jobs->is_busy = false;
    jobs->is_due |= is_more;
    pthread_cond_broadcast(&jobs->rest);
    pthread_mutex_unlock(&jobs->lock);
}

static void *job_main(void *arg)
{
    struct jobs *jobs = arg;
    job_fn *fn;
    void *user;

    while (job_take(jobs, &fn, &user)) {
        struct arena *arena;

        if (fn == NULL) {
            row_do(jobs);
            continue;
        }
        arena = arena_new(JOB_ARENA_MAX);
        fn(jobs->app, arena, user);
        arena_free(arena);
    }
    return NULL;
}

static void thread_begin(struct jobs *jobs)
{
    if (!jobs->is_started && !jobs->is_stopping)
        jobs->is_started = pthread_create(&jobs->thread, NULL, job_main, jobs) == 0;
}

void jobs_wake(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    thread_begin(jobs);
    jobs->is_due = jobs->is_started && !jobs->is_stopping;
    pthread_cond_signal(&jobs->wake);
    pthread_mutex_unlock(&jobs->lock);
}

void job_await(struct app *app)
{
    struct jobs *jobs = app->jobs;

    pthread_mutex_lock(&jobs->lock);
    while ((jobs->is_due || jobs->is_busy) && !jobs->is_stopping)
        pthread_cond_wait(&jobs->rest, &jobs->lock);
    pthread_mutex_unlock(&jobs->lock);
}

enum err job_start(struct app *app, job_fn *fn, void *user)
{
    struct jobs *jobs = app->jobs;
    enum err err = E_BUSY;

    pthread_mutex_lock(&jobs->lock);
    thread_begin(jobs);
    if (jobs->is_started && !jobs->is_stopping && jobs->count < JOB_MAX) {
        jobs->waiting[jobs->count].fn = fn;
        jobs->waiting[jobs->count++].user = user;
        pthread_cond_signal(&jobs->wake);
        err = OK;
    }
    pthread_mutex_unlock(&jobs->lock);
    return err;
}

bool job_is_stopping(const struct app *app)
{
    return app->jobs->is_stopping;
}

void jobs_stop(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->is_stopping = true;
    pthread_cond_signal(&jobs->wake);
    pthread_cond_broadcast(&jobs->rest);
    pthread_mutex_unlock(&jobs->lock);
    if (jobs->is_started)
        pthread_join(jobs->thread, NULL);
}
