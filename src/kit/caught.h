/* A false must() of business code ends the piece of work that met it, not the process. */
#pragma once

#include "kit/app.h"

/* Runs step. false: it met a false must() of manage/, play/, flow/ or insight/, or a full arena, and did not come to its end;
 * that has been logged and counted. What it held is still held (a request's: ctx_at_end). Below those layers the process stops. */
bool caught_run(struct app *app, void (*step)(void *user), void *user) MUST_USE;
