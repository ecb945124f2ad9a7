/* Jobs: long work beside the requests, on a thread of its own, one after another. A job reads and
 * writes through app_read and app_write, a page at a time, and asks job_is_stopping between pages.
 */
#pragma once

#include "kit/app.h"

typedef void job_fn(struct app *app, struct arena *arena, void *user);

/* E_BUSY: 16 wait already. `user` must live until the job has run (app_close waits for the running
 * one and drops the rest). */
enum err job_start(struct app *app, job_fn *fn, void *user) MUST_USE;
bool job_is_stopping(const struct app *app);
