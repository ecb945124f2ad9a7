/* A wait goes by no clock that somebody sets: it ends while the simulated time stands still, and
 * when it is woken before its time. */
#include "host/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static bool is_said;

static void a_wait_ends_though_the_time_stands_still(void **state)
{
    int64_t start_us = clock_mono_us();

    (void)state;
    clock_simulate(1000);
    pthread_mutex_lock(&lock);
    while (clock_wait(&condition, &lock, 20)) /* woken for nothing */
        ;
    pthread_mutex_unlock(&lock);
    assert_int_equal(clock_now_ms(), 1000);
    assert_true(clock_mono_us() - start_us >= 20000);
    clock_simulate(NONE);
}

static void *say(void *user)
{
    pthread_mutex_lock(&lock);
    is_said = true;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&lock);
    return user;
}

static void a_wait_is_woken(void **state)
{
    pthread_t thread;
    bool is_in_time = true;

    (void)state;
    pthread_mutex_lock(&lock);
    assert_int_equal(pthread_create(&thread, NULL, say, NULL), 0);
    while (!is_said && is_in_time)
        is_in_time = clock_wait(&condition, &lock, 60000);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    assert_true(is_in_time);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_though_the_time_stands_still),
        cmocka_unit_test(a_wait_is_woken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
