/* Splitting a whole into parts by weight: each its share rounded down, and what is left to those
 * that lost most by that. Always: the parts sum to the whole. */
#include "kit/ledger.h"

struct split {
    __int128 whole, sum; /* 64 bits times 64 bits */
    const int64_t *weights;
    int64_t count;
};

/* What rounding down takes from part i, in units of 1 / sum. */
static __int128 rest_of(const struct split *split, int64_t i)
{
    return split->whole * split->weights[i] % split->sum;
}

static int64_t count_above(const struct split *split, __int128 bound)
{
    int64_t above_count = 0;

    for (int64_t i = 0; i < split->count; i++)
        above_count += rest_of(split, i) > bound ? 1 : 0;
    return above_count;
}

/* The least rest that not more than so many parts exceed: found by halving, for lack of room to
 * sort in. */
static __int128 bound_of(const struct split *split, int64_t left_count)
{
    __int128 low = 0, high = split->sum;

    while (low < high) {
        __int128 middle = low + (high - low) / 2;
        if (count_above(split, middle) <= left_count)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void rest_give(const struct split *split, int64_t left_count, int64_t *parts)
{
    __int128 bound = bound_of(split, left_count);
    int64_t tied_count = left_count - count_above(split, bound);

    for (int64_t i = 0; i < split->count; i++) {
        __int128 rest = rest_of(split, i);
        if (rest > bound || (rest == bound && tied_count-- > 0))
            parts[i]++;
    }
}

void ledger_split(int64_t total, const int64_t *weights, int64_t count, int64_t *parts)
{
    struct split split = {total < 0 ? -(__int128)total : total, 0, weights, count};
    __int128 left = split.whole;

    for (int64_t i = 0; i < count; i++) {
        must(weights[i] >= 0);
        split.sum += weights[i];
    }
    must(split.sum > 0);
    for (int64_t i = 0; i < count; i++) {
        parts[i] = (int64_t)(split.whole * weights[i] / split.sum);
        left -= parts[i];
    }
    if (left > 0)
        rest_give(&split, (int64_t)left, parts);
    for (int64_t i = 0; i < count && total < 0; i++)
        parts[i] = -parts[i];
}
