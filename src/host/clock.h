/* Time from the machine, or from a test. */
#pragma once

#include "base/base.h"

int64_t clock_now_ms(void);  /* UTC; the simulated time if one is set */
int64_t clock_mono_us(void); /* for measuring only; never simulated */
void clock_simulate(int64_t now_ms); /* tests: from now on this is the time, for all threads; NONE ends it */
