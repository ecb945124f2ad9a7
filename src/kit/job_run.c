/* A durable job, page by page. Always: a page and its place are one commit; a row that is waiting,
 * running or undoing is taken up again by the next process; a page that fails changes nothing and
 * ends the job, with what its earlier pages did still standing. Where several nodes share a base,
 * each page renews the lease of all jobs begun at one node, within its commit: whoever comes back
 * from far away finds them another's, and does nothing more. */
#include "gen/job.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "kit/caught.h"
#include "kit/job.h"
#include "kit/job_private.h"
#include "kit/kit_private.h"
#include "kit/node.h"

#define RUN_ARENA_MAX (256 * 1024 * 1024)
#define PAGE_ARENA_MAX (256 * 1024 * 1024)
#define TELL_EVERY_US 300000
#define LEASE_MS 60000

struct run {
    struct job job;
    struct job kept; /* as the base has it: the job after a page that failed */
    const struct job_kind *kind;
    struct arena *page;
    bool is_new, is_undoing, is_done, is_cancelled;
    bool is_others, is_lost; /* another node does such jobs; did something to this one */
    int64_t told_us;
    struct fault fault;
};

/* ---- what stands in the base ----------------------------------------------------------------- */

static enum err row_find(struct ctx *c, void *user)
{
    struct run *run = user;
    struct q_job_next_row row;

    TRY(q_job_next(c, c->app->node_id, &row));
    run->kind = job_kind_find(c->app, row.kind);
    run->is_new = str_is(row.status, "waiting");
    run->is_undoing = str_is(row.status, "undoing");
    run->job = (struct job){
        .id = row.id,
        .staff_id = row.staff_id,
        .input = str_copy(run->job.arena, row.input),
        .app = c->app,
        .arena = run->job.arena,
        .total_count = row.total_count,
        .done_count = row.done_count,
        .changed_count = row.changed_count,
        .failed_count = row.failed_count,
        .last_id = row.last_id,
        .result = str_copy(run->job.arena, row.result),
        .file_name = str_copy(run->job.arena, row.file_name),
    };
    return OK;
}

/* Pages of the console hear of it a few times a second, and of every end. */
static void tell(struct ctx *c, struct run *run, bool is_end)
{
    int64_t now_us = clock_mono_us();

    if (!is_end && now_us - run->told_us < TELL_EVERY_US)
        return;
    run->told_us = now_us;
    c->topics |= LIVE_JOBS;
}

/* What is not whole is not for downloading. */
static bool is_whole(const char *status)
{
    return strcmp(status, "cancelled") != 0 && strcmp(status, "failed") != 0;
}

static enum err row_keep(struct ctx *c, struct run *run, const char *status)
{
    const struct job *job = &run->job;
    bool is_end = strcmp(status, "running") != 0 && strcmp(status, "undoing") != 0;
    struct q_job_keep_in in = {
        .status = str_of(status),
        .result = job->result,
        .file_name = is_whole(status) ? job->file_name : (struct str){0},
        .total_count = job->total_count,
        .done_count = job->done_count,
        .changed_count = job->changed_count,
        .failed_count = job->failed_count,
        .last_id = job->last_id,
        .ended_ms = is_end ? c->now_ms : NONE,
        .job_id = job->id,
    };
    int64_t changed_count;

    if (strcmp(status, "failed") == 0) {
        in.error_code = str_of(run->fault.code);
        in.error_message = route_status(run->fault.err) >= 500
                               ? S("the server failed; this page changed nothing")
                               : run->fault.message;
    }
    TRY(q_job_keep(c, &in, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "job.ended", "the job is over");
    tell(c, run, is_end);
    return OK;
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* The colleague who began it may have lost a right, a store or the account since. */
static enum err become(struct ctx *c, const struct run *run)
{
    if (run->job.staff_id == NONE)
        return OK;
    TRY(ctx_become(c, run->job.staff_id));
    if (run->kind->permission && !ctx_may_all(c, str_of(run->kind->permission)))
        return fail(c, E_FORBIDDEN, "job.right", "who began this has no right %s any more",
                    run->kind->permission);
    return OK;
}

static const char *status_of(const struct run *run)
{
    return run->is_new ? "waiting" : run->is_undoing ? "undoing" : "running";
}

/* Before anything is written: it is ours, and as we left it. */
static enum err watch(struct ctx *c, struct run *run)
{
    struct str lease = str_fmt(c->arena, "jobs:%" PRId64, run->job.id >> 14 & 255);
    struct q_job_watch_row row = {0};
    bool is_ours;

    TRY(lease_take(c, str_cstr(c->arena, lease), LEASE_MS, &is_ours));
    TRY(q_job_watch(c, run->job.id, &row));
    run->is_others = !is_ours;
    run->is_lost = !is_ours || !str_is(row.status, status_of(run)) ||
                   row.done_count != run->kept.done_count || row.last_id != run->kept.last_id;
    run->is_cancelled = row.is_cancelled && !run->is_undoing && !run->is_lost;
    return OK;
}

static enum err page_keep(struct ctx *c, struct run *run)
{
    if (run->is_done)
        return row_keep(c, run, run->is_undoing ? "undone" : "done");
    return row_keep(c, run, run->is_undoing ? "undoing" : "running");
}

static enum err page_write(struct ctx *c, void *user)
{
    struct run *run = user;

    TRY(watch(c, run));
    if (run->is_lost)
        return OK;
    if (run->is_cancelled)
        return row_keep(c, run, "cancelled");
    TRY(become(c, run));
    if (run->is_undoing)
        TRY(run->kind->undo(c, &run->job, &run->is_done));
    else
        TRY(run->kind->step(c, &run->job, &run->is_done));
    return page_keep(c, run);
}

static enum err page_read(struct ctx *c, void *user)
{
    struct run *run = user;

    TRY(become(c, run));
    return run->kind->step(c, &run->job, &run->is_done);
}

static enum err page_read_keep(struct ctx *c, void *user)
{
    struct run *run = user;

    TRY(watch(c, run));
    if (run->is_lost)
        return OK;
    if (run->is_cancelled)
        return row_keep(c, run, "cancelled");
    return page_keep(c, run);
}

static enum err page_do(struct run *run)
{
    struct app *app = run->job.app;

    if (!run->kind->is_reading || run->is_undoing)
        return app_write(app, run->page, page_write, run, &run->fault);
    TRY(app_read(app, run->page, page_read, run, &run->fault));
    return app_write(app, run->page, page_read_keep, run, &run->fault);
}

/* Texts of a page outlive it. */
static void page_end(struct run *run)
{
    struct job *job = &run->job;

    if (job->result.at != run->kept.result.at)
        job->result = str_copy(job->arena, job->result);
    if (job->file_name.at != run->kept.file_name.at)
        job->file_name = str_copy(job->arena, job->file_name);
    run->kept = *job;
    arena_reset(run->page);
}

static enum err begin(struct ctx *c, void *user)
{
    struct run *run = user;

    TRY(watch(c, run));
    if (run->is_lost)
        return OK;
    TRY(become(c, run));
    if (run->kind->begin)
        TRY(run->kind->begin(c, &run->job));
    return row_keep(c, run, "running");
}

static void start_over(struct job *job)
{
    job->done_count = job->changed_count = job->failed_count = job->last_id = 0;
    job->file_name = (struct str){0};
}

static enum err pages_do(struct run *run)
{
    if (run->is_new) {
        TRY(app_write(run->job.app, run->page, begin, run, &run->fault));
        page_end(run);
        run->is_new = false;
    } else if (run->kind->is_reading) {
        start_over(&run->job);
    }
    while (!run->is_done && !run->is_cancelled && !run->is_lost && !job_is_stopping(run->job.app)) {
        TRY(page_do(run));
        page_end(run);
    }
    return OK;
}

/* ---- the end --------------------------------------------------------------------------------- */

static enum err fail_keep(struct ctx *c, void *user)
{
    struct run *run = user;

    TRY(watch(c, run));
    return run->is_lost ? OK : row_keep(c, run, "failed");
}

static void fail_log(struct run *run)
{
    bool is_own = route_status(run->fault.err) >= 500;

    app_log(run->job.app, is_own ? "error" : "info", "job", "%" PRId64 " %s: %s: %.*s", run->job.id,
            run->kind ? run->kind->name : "?", run->fault.code, STR(run->fault.message));
}

static void file_drop(struct run *run)
{
    struct str folder, name = run->job.file_name;

    if (name.at == NULL || job_folder(run->job.app, run->page, &folder) != OK)
        return;
    if (file_remove(str_fmt(run->page, "%.*s/%.*s", STR(folder), STR(name))) == E_IO)
        app_log(run->job.app, "warn", "job", "%.*s stays behind", STR(name));
}

/* false: not even its failure could be kept, so there is no sense in going on now. */
static bool run_fail(struct run *run, enum err err)
{
    struct fault fault = run->fault;

    if (fault.code == NULL || fault.err != err)
        fault = (struct fault){.err = err, .code = err_name(err)};
    run->fault = fault;
    fail_log(run);
    run->job = run->kept;
    if (app_write(run->job.app, run->page, fail_keep, run, &fault) == OK)
        return true;
    app_log(run->job.app, "error", "job", "%" PRId64 ": its end cannot be kept: %s", run->job.id,
            fault.code);
    return false;
}

static void run_end(void *user)
{
    struct run *run = user;

    run->kind->end(&run->job);
}

static bool run_all(struct run *run)
{
    bool is_kept = true;
    enum err err;

    run->kept = run->job;
    if (run->kind) {
        err = pages_do(run);
        run->kept.state = run->job.state;
        if (run->kind->end && !caught_run(run->job.app, run_end, run))
            app_log(run->job.app, "error", "job", "%" PRId64 " %s: not all is given up",
                    run->job.id, run->kind->name);
    } else { /* of a newer program */
        run->fault = (struct fault){.err = E_INPUT, .code = "job.kind"};
        err = E_INPUT;
    }
    if (err != OK || run->is_cancelled || run->is_lost)
        file_drop(run);
    if (err != OK)
        is_kept = run_fail(run, err);
    return is_kept && !run->is_others && !job_is_stopping(run->job.app);
}

bool job_run_next(struct app *app)
{
    struct run run = {.page = arena_new(PAGE_ARENA_MAX)};
    bool is_more = false;

    run.job.arena = arena_new(RUN_ARENA_MAX);
    run.job.app = app;
    if (app_read(app, run.page, row_find, &run, NULL) == OK) {
        arena_reset(run.page);
        is_more = run_all(&run);
    }
    arena_free(run.job.arena);
    arena_free(run.page);
    return is_more;
}
