/* What must happen later: a row with a due time. Its work and its end are one transaction on the
 * writer, so it happens once, whatever is killed when. No network in it: what must leave is an outbox
 * row. One node drains at a time (lease "timer"). */
#pragma once

#include "kit/ctx.h"
#include "kit/route.h"

struct timer {
    int64_t id, key_id, due_ms;
    int64_t attempt_count; /* that failed before */
    struct str input;      /* JSON; no value: none */
};
/* A row of app_config.timer_kinds. */
struct timer_kind {
    const char *name; /* "hold_over" */
    const char *title_zh, *title_en;
    int attempt_max;  /* failures until it is dead; 0: 12 */
    /* In a page with others, each with a budget of 64 statements; what fails leaves nothing behind. An
     * error is tried again after back-off (5 s doubled each time, at most 6 h, with jitter of a
     * quarter); E_NOT_FOUND from it too: what is over says OK. It may set the same timer anew
     * (timer_set): then it stays; and others of the page that it moves or cancels do not run. */
    enum err (*run)(struct ctx *c, const struct timer *timer);
};
struct timer_new {
    const char *kind;
    int64_t key_id;
    int64_t due_ms;   /* in the past: as soon as can be */
    struct str input; /* JSON, no personal data; no value: none */
};
/* One for each (kind, key_id): set again, it is moved, alive again and has the new input. must() the kind
 * is in app_config.timer_kinds. */
enum err timer_set(struct ctx *c, const struct timer_new *timers, int64_t count) MUST_USE;
/* *was_set (may be NULL): there was one. */
enum err timer_cancel(struct ctx *c, const char *kind, int64_t key_id, bool *was_set) MUST_USE;
/* The instant of local time `minutes` after the start of local day `day`, daylight saving heeded: a
 * time that is skipped is the first after the gap, one that comes twice is the first of the two. */
int64_t timer_local_ms(const struct zone *zone, int64_t day, int64_t minutes);
/* Runs what is due, at the app's clock, and returns when nothing is: for tests and measurements. While
 * the app listens a thread does this by itself; without a listener nothing else does. */
void timer_await(struct app *app);
/* GET /api/timers; POST /api/timers/{timer_id}/retry and .../cancel of dead ones. */
extern const struct route timer_routes[];
