/* Jobs: long work beside the requests, on a thread of its own, one after another. */
#pragma once

#include "kit/app.h"

/* ---- durable jobs: a row in table `job` ------------------------------------------------------ */

/* A job has the rights and the reach of the colleague who began it, looked at anew for each page. It
 * commits page by page with its place, so a restart goes on behind the last page; it can be cancelled
 * between pages, and undone where its kind says how. Pages announce LIVE_JOBS. */
struct job {
    int64_t id, staff_id; /* staff_id NONE: the program's own */
    struct str input;     /* JSON as given to job_add */
    struct app *app;
    struct arena *arena;  /* of the run; a step's own memory is c->arena */
    void *state;          /* the kind's, for this run; NULL at its start */
    /* moved by the kind, kept by the frame with each page */
    int64_t total_count; /* NONE: not known */
    int64_t done_count, changed_count, failed_count, last_id;
    struct str result;    /* JSON for the page of jobs */
    struct str file_name; /* in DATA/exports; no value: none */
};

struct job_kind {
    const char *name; /* "customer_tag" */
    const char *title_zh, *title_en;
    /* Blank-separated; asked anew of who began it at each page, and for its file. NULL: none. */
    const char *permission;
    /* Steps run on a reader (exports); their progress is written after each. What such a job holds
     * in `state` and in its file does not outlive the process: after a restart it starts over. */
    bool is_reading;
    /* Once, on the writer, before the first step: fixes subjects and total. May be NULL. */
    enum err (*begin)(struct ctx *c, struct job *job);
    /* One page. *is_done: that was the last. An error ends the job as failed, with its code. */
    enum err (*step)(struct ctx *c, struct job *job, bool *is_done);
    /* One page back, after done or cancelled; last_id and done_count start again at 0. NULL: cannot be
     * undone. */
    enum err (*undo)(struct ctx *c, struct job *job, bool *is_done);
    /* On the job thread, when this run is over, however it ended: gives up what `state` holds. May
     * be NULL. */
    void (*end)(struct job *job);
};

/* Within the caller's transaction; the job begins after its commit, for c->me_staff_id. must() the
 * kind is in app_config.job_kinds (ended by NULL). */
struct job_new {
    const char *kind;
    struct str title, input; /* input: JSON, no personal data */
};
enum err job_add(struct ctx *c, const struct job_new *n, int64_t *job_id) MUST_USE;
/* GET /api/jobs, /api/jobs/{job_id}; POST .../cancel, .../undo: one's own, and all with the right
 * job.all. GET .../file: one's own alone, since it holds what that one may see. */
extern const struct route job_routes[];
/* Where the files of jobs lie; made if missing. */
enum err job_folder(struct app *app, struct arena *arena, struct str *out) MUST_USE;
/* Files of jobs older than that go; the frame calls it with 7 days. */
enum err job_files_forget(struct ctx *c, int64_t keep_days) MUST_USE;
/* Waits until no job is left to do: for tests and measurements. */
void job_await(struct app *app);

/* ---- work that needs no row ------------------------------------------------------------------ */

/* It reads and writes through app_read and app_write, a page at a time, and asks job_is_stopping
 * between pages. */
typedef void job_fn(struct app *app, struct arena *arena, void *user);

/* E_BUSY: 16 wait already. `user` must live until the job has run (app_close waits for the running
 * one and drops the rest). */
enum err job_start(struct app *app, job_fn *fn, void *user) MUST_USE;
bool job_is_stopping(const struct app *app);
