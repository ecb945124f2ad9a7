/* What the frame and the files of jobs share. */
#pragma once

#include "kit/job.h"

struct jobs;
/* job.c */
struct jobs *jobs_new(struct app *app);
void jobs_wake(struct jobs *jobs); /* there may be a row to do */
void jobs_stop(struct jobs *jobs);
/* job_run.c: on the job thread; false: no row waits, or none can be run now */
bool job_run_next(struct app *app);
/* job_route.c: old rows and files; on the writer, once a minute */
enum err job_forget(struct ctx *c) MUST_USE;
const struct job_kind *job_kind_find(const struct app *app, struct str name); /* NULL: none */
