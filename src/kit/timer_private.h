/* Timers inside the frame: the page that runs, and the thread that drains. */
#pragma once

#include "kit/timer.h"

/* The due timers that one command runs. */
#define TIMER_PAGE_MAX 1024
struct timer_page {
    const struct q_timer_due_row *rows;
    int64_t count;
    bool is_gone[TIMER_PAGE_MAX]; /* moved or cancelled from within the page */
};

const struct timer_kind *timer_kind_find(const struct app *app, struct str name); /* NULL: none */

/* The thread that drains runs while the app listens. */
struct timers *timers_new(struct app *app);
void timers_begin(struct timers *timers);
void timers_wake(struct timers *timers, int64_t due_ms); /* one was set */
void timers_stop(struct timers *timers);
/* How long what failed waits: 5 s doubled for each attempt, at most 6 h, give or take a quarter. */
int64_t timer_backoff_ms(int64_t attempt_count, int64_t id);
