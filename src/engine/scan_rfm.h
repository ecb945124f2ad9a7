/* Between scan_rfm.c and its kernels: what is known of each buyer. */
#pragma once

#include "engine/scan_private.h"

struct scan_rfm_work {
    struct scan_needles needles;
    const struct scan_kernels *kernels;
    uint32_t *lasts, *counts; /* SHARD_NUMBERS a shard, filled from the front */
    int64_t *amounts;
    uint32_t *buyers; /* how many, per shard */
};
struct scan_buyer {
    uint32_t last, count;
    int64_t amount;
};
static ALWAYS_INLINE void scan_buyer_add(const struct scan_rfm_work *work, uint32_t shard, const struct scan_buyer *buyer)
{
    size_t at = (size_t)shard * SHARD_NUMBERS + work->buyers[shard];

    if (buyer->count == 0)
        return;
    work->lasts[at] = buyer->last;
    work->counts[at] = buyer->count;
    work->amounts[at] = buyer->amount;
    work->buyers[shard]++;
}
