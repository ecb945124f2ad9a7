/* A thread that works off rows which are due, a page at a time, and sleeps until the next one is: while the
 * app listens, or somebody awaits it. */
#pragma once

#include "kit/app.h"

struct worker;
/* One page, on the thread. *next_ms: when to come again; NONE: when woken. An error is logged, and the
 * page tried again a little later. */
typedef enum err worker_page(struct app *app, struct arena *arena, int64_t *next_ms);

struct worker *worker_new(struct app *app, const char *name, worker_page *page);
void worker_begin(struct worker *worker); /* from now on it works by itself */
void worker_wake(struct worker *worker);  /* from any thread: there may be something */
/* The same for what is due then: nothing to do where it comes earlier anyway. */
void worker_wake_for(struct worker *worker, int64_t due_ms);
void worker_await(struct worker *worker); /* until nothing is due, at the app's clock */
bool worker_is_busy(struct worker *worker);
void worker_stop(struct worker *worker);  /* after the page it is at */

/* The time a page sees: the clock's, never behind what was committed. */
int64_t worker_now_ms(struct app *app);
