/* Kernels, compiled once a level: scan_plain.c, scan_avx2.c and scan_avx512.c say what FN, TARGET and the masks of 64 are and include
 * this. The mask of 64 events' kinds comes first, then work is done for set bits only. */
#pragma once

/* ---- funnels --------------------------------------------------------------------------------- */

struct chain {
    int64_t starts[SCAN_STEP_MAX];   /* the latest start of a chain that got so far */
    uint32_t seconds[SCAN_STEP_MAX]; /* which the first one to get there took */
    int level;                       /* -1: no event of any step yet */
};

/* What getting to each level, from the second one on, has taken. */
TARGET static ALWAYS_INLINE void times_keep(const struct scan_view *view, const struct scan_funnel *query, const uint32_t *seconds,
                                            int level)
{
    for (int i = 2; i <= level; i++) {
        struct buf *times = &query->times[view->thread * (SCAN_STEP_MAX + 1) + i];

        if (times->cap - times->len < sizeof(uint32_t))
            must(buf_room(times, times->len + sizeof(uint32_t)) != NULL);
        memcpy(times->at + times->len, &seconds[i - 1], sizeof(uint32_t));
        times->len += sizeof(uint32_t);
    }
}

/* An event of these steps: the furthest first, so that it is never its own predecessor. */
TARGET static ALWAYS_INLINE void chain_step(struct chain *chain, uint32_t steps, int64_t second, int64_t window)
{
    while (steps != 0) {
        int step = 31 - __builtin_clz(steps);

        steps &= ~((uint32_t)1 << step);
        if (step == 0) {
            chain->starts[0] = second;
            chain->level = chain->level < 1 ? 1 : chain->level;
        } else if (second - chain->starts[step - 1] <= window) {
            chain->starts[step] = chain->starts[step - 1];
            if (chain->level <= step) {
                chain->level = step + 1;
                chain->seconds[step] = (uint32_t)(second - chain->starts[step]);
            }
        }
    }
}

TARGET static ALWAYS_INLINE void chain_piece(const struct scan_funnel_work *work, const struct scan_piece *piece, struct chain *chain,
                                             int last)
{
    for (uint32_t at = 0; at < piece->count && chain->level < last; at += 64) {
        uint64_t mask = mask_any(piece, at, &work->needles, last);

        chain->level = mask != 0 && chain->level < 0 ? 0 : chain->level;
        for (; mask != 0 && chain->level < last; mask &= mask - 1) {
            uint32_t event = at + (uint32_t)__builtin_ctzll(mask);

            chain_step(chain, scan_needle_bits(&work->needles, scan_kind(piece, event)), piece->seconds[event],
                       work->query->window);
        }
    }
}

/* `last` is a constant in each of the copies, which unrolls what goes over the steps. */
TARGET static ALWAYS_INLINE void forward(struct scan_view *view, const struct scan_funnel_work *work, uint64_t *sums, int last)
{
    struct scan_stream stream;

    while (scan_next(view, &stream)) {
        struct chain chain = {.level = -1};

        for (int i = 0; i < last; i++)
            chain.starts[i] = INT64_MIN / 2;
        for (int i = 0; i < stream.piece_count; i++)
            chain_piece(work, &stream.pieces[i], &chain, last);
        if (chain.level >= 0)
            sums[chain.level]++;
        if (work->query->times != NULL)
            times_keep(view, work->query, chain.seconds, chain.level);
    }
}

#define BY_STEPS(kernel)                                                                                                                  \
    switch (work->query->step_count) {                                                                                                    \
    case 2:                                                                                                                               \
        kernel(view, work, sums, 2);                                                                                                      \
        break;                                                                                                                            \
    case 3:                                                                                                                               \
        kernel(view, work, sums, 3);                                                                                                      \
        break;                                                                                                                            \
    case 4:                                                                                                                               \
        kernel(view, work, sums, 4);                                                                                                      \
        break;                                                                                                                            \
    default:                                                                                                                              \
        kernel(view, work, sums, work->query->step_count);                                                                                \
    }

TARGET static void FN(funnel_forward)(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct scan_funnel_work *work = query;

    BY_STEPS(forward)
}
