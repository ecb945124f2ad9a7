/* Random numbers and the distributions the demo brand is drawn from. */
#include "demo/random.h"

#include <math.h>

#define TURN 6.283185307179586

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void random_init(struct random *random, int64_t seed, int64_t stream)
{
    uint64_t state = (uint64_t)seed * UINT64_C(0x2545f4914f6cdd1d) + (uint64_t)stream;

    for (size_t i = 0; i < ARRAY_LEN(random->state); i++)
        random->state[i] = splitmix(&state);
}

static uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

uint64_t random_next(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

int64_t random_below(struct random *random, int64_t count)
{
    must(count > 0);
    return (int64_t)(random_unit(random) * (double)count);
}

double random_unit(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1.0p-53;
}

bool random_chance(struct random *random, double probability)
{
    return random_unit(random) < probability;
}

double random_exponential(struct random *random, double mean)
{
    return -log1p(-random_unit(random)) * mean;
}

double random_normal(struct random *random)
{
    double radius = sqrt(-2.0 * log1p(-random_unit(random)));

    return radius * cos(TURN * random_unit(random));
}

/* Marsaglia and Tsang 2000; below shape 1 by the boost of one more uniform. */
double random_gamma(struct random *random, double shape, double mean)
{
    double boost = 1.0, a = shape, d, c;

    if (a < 1.0) {
        boost = pow(1.0 - random_unit(random), 1.0 / a);
        a += 1.0;
    }
    d = a - 1.0 / 3.0;
    c = 1.0 / sqrt(9.0 * d);
    for (int i = 0; i < 1000; i++) {
        double x = random_normal(random), v = 1.0 + c * x;
        v = v * v * v;
        if (v > 0.0 && log1p(-random_unit(random)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v * boost * mean / shape;
    }
    return mean;
}

double random_beta(struct random *random, double a, double b)
{
    double x = random_gamma(random, a, a), y = random_gamma(random, b, b);

    return x + y > 0.0 ? x / (x + y) : 0.5;
}

int64_t random_poisson(struct random *random, double mean)
{
    double limit = exp(-mean), product = random_unit(random);
    int64_t count = 0;

    while (product > limit && count < 1000) {
        product *= random_unit(random);
        count++;
    }
    return count;
}

int64_t random_pick(struct random *random, const double *cumulated, int64_t count)
{
    double at = random_unit(random) * cumulated[count - 1];
    int64_t low = 0, high = count - 1;

    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (at < cumulated[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
