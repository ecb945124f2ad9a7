/* Time from the machine, or from a test. Always: the simulated time is one for all threads. */
#include "host/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t simulated_ms = NONE;

int64_t clock_now_ms(void)
{
    struct timespec now;
    int64_t simulated = atomic_load_explicit(&simulated_ms, memory_order_relaxed);

    if (simulated != NONE)
        return simulated;
    must(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_us(void)
{
    struct timespec now;

    must(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool clock_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t ms)
{
    int64_t until_us = clock_mono_us() + ms * 1000;
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};

    return pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT;
}

void clock_simulate(int64_t now_ms)
{
    atomic_store_explicit(&simulated_ms, now_ms, memory_order_relaxed);
}
