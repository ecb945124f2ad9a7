/* Repeatable random numbers: splitmix64 seeds xoshiro256** (Blackman, Vigna 2018). The same seed gives
 * the same brand on every machine with the same libm. Not for secrets. */
#pragma once

#include "base/base.h"

struct random {
    uint64_t state[4];
};

/* `stream` keeps parts of one seed apart, so that a change in one leaves the others as they were. */
void random_init(struct random *random, int64_t seed, int64_t stream);
uint64_t random_next(struct random *random);
int64_t random_below(struct random *random, int64_t count); /* 0 .. count-1 */
double random_unit(struct random *random);                  /* [0, 1) */
bool random_chance(struct random *random, double probability);
double random_exponential(struct random *random, double mean);
double random_normal(struct random *random);
double random_gamma(struct random *random, double shape, double mean);
double random_beta(struct random *random, double a, double b);
int64_t random_poisson(struct random *random, double mean); /* mean at most 30 */
/* Index i with probability weights[i] / sum; `cumulated` holds the running sums. */
int64_t random_pick(struct random *random, const double *cumulated, int64_t count);
