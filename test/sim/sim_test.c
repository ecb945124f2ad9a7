/* The simulator's seeds, and that the auditor sees each of the mistakes put in on purpose.
 * SIM_SEED: only this one; SIM_SEEDS: so many (2); SIM_DAYS (90), SIM_CUSTOMERS (400), SIM_BREAK.
 */
#include "scenario.h"
#include "sim.h"

#include <stdlib.h>

static int64_t number_of(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    int64_t number;

    return text && str_to_int(str_of(text), &number) ? number : otherwise;
}

static struct sim_run run_new(int64_t seed, int64_t days)
{
    return (struct sim_run){.seed = seed,
                            .day_count = number_of("SIM_DAYS", days),
                            .customer_count = number_of("SIM_CUSTOMERS", 400)};
}

static void test_seeds(void **state)
{
    int64_t first = number_of("SIM_SEED", 1);
    int64_t count = getenv("SIM_SEED") ? 1 : number_of("SIM_SEEDS", 2);

    (void)state;
    for (int64_t seed = first; seed < first + count; seed++) {
        struct sim_run run = run_new(seed, 90);
        run.mistake = (enum sim_break)number_of("SIM_BREAK", BREAK_NONE);
        sim_run(&run);
        if (run.finding_count > 0)
            fail_msg("seed %" PRId64 ", day %" PRId64 ": %" PRId64 " findings", seed,
                     run.day_number, run.finding_count);
    }
}

/* An auditor that finds nothing may as well be blind; without a mistake it finds nothing. */
static void test_mistakes(void **state)
{
    (void)state;
    if (getenv("SIM_SEED"))
        skip();
    for (int mistake = BREAK_NONE; mistake < BREAK_COUNT; mistake++) {
        struct sim_run run = run_new(7, 6);
        run.mistake = (enum sim_break)mistake;
        sim_run(&run);
        if ((run.finding_count > 0) != (mistake != BREAK_NONE) || run.day_number < 2)
            fail_msg("mistake %d: %" PRId64 " findings on day %" PRId64, mistake, run.finding_count,
                     run.day_number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
