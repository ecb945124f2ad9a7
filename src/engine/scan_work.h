/* Between what is asked and the kernels: queries as they take them. */
#pragma once

#include "engine/scan_private.h"

struct scan_funnel_work {
    const struct scan_funnel *query;
    struct scan_needles needles;
};
struct scan_segment_work {
    const struct scan_segment *query;
    struct scan_needles needles;
    uint32_t earliest, earliest_most; /* no event before matters; none before matters to an upper bound */
    uint64_t *members;                /* BITMAP_SHARD_WORDS a shard */
};
/* Members of view->only for whom all holds get their bit; summaries rule out whom they can. */
struct scan_segment_shard {
    struct scan_segment_work kernel; /* first: kernels see this */
    const struct scan_kernels *kernels;
};
void scan_segment_prepare(const struct scan *scan, const struct scan_segment *query, struct scan_segment_shard *out);
void scan_segment_shard(struct scan_view *view, const void *query, uint64_t *sums);

struct scan_channels_work {
    struct scan_needles needles;
    uint32_t channel_max;
};
static ALWAYS_INLINE void scan_interval_count(uint32_t first, uint32_t second, uint64_t *days)
{
    uint32_t day = (second - first) / SCAN_DAY;

    days[day < SCAN_DAY_MAX ? day : SCAN_DAY_MAX - 1]++;
}
