/* Time from the machine, or from a test. */
#pragma once

#include <pthread.h>

#include "base/base.h"

int64_t clock_now_ms(void);  /* UTC; the simulated time if one is set */
int64_t clock_mono_us(void); /* for measuring only; never simulated */
/* Waits for the condition, at most ms, by a clock that nobody sets; never simulated. false: the time is over. */
bool clock_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t ms);
void clock_simulate(int64_t now_ms); /* tests: from now on this is the time, for all threads; NONE ends it */
