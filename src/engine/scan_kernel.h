/* Kernels, compiled once a level: scan_plain.c, scan_avx2.c and scan_avx512.c say what FN, TARGET and the masks of 64 are and include
 * this. The mask of 64 events' kinds comes first, then work is done for set bits only. */
#pragma once

/* ---- funnels --------------------------------------------------------------------------------- */

struct chain {
    int64_t starts[SCAN_STEP_MAX]; /* the latest start of a chain that got so far */
    int level;                     /* -1: no event of any step yet */
};

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
            chain->level = chain->level <= step ? step + 1 : chain->level;
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

/* Bits of one step over the whole stream; each piece begins at a word. */
struct steps {
    uint64_t *bits[SCAN_STEP_MAX], has[SCAN_STEP_MAX];
    const uint32_t *seconds[2]; /* of the pieces, so that bit i of the stream is seconds[p][i] */
    uint32_t words, second_piece;
};

TARGET static ALWAYS_INLINE uint32_t second_of(const struct steps *steps, int64_t bit)
{
    bool is_second = (uint32_t)(bit >> 6) >= steps->second_piece;

    return steps->seconds[is_second][bit - (is_second ? (int64_t)steps->second_piece * 64 : 0)];
}

/* The highest bit below `bit`; -1: none. */
TARGET static ALWAYS_INLINE int64_t bit_before(const uint64_t *bits, int64_t bit)
{
    int64_t word = (bit - 1) >> 6;
    uint64_t left;

    if (bit <= 0)
        return -1;
    left = bits[word] & ~(uint64_t)0 >> (63 - ((bit - 1) & 63));
    while (left == 0) {
        if (--word < 0)
            return -1;
        left = bits[word];
    }
    return word * 64 + 63 - __builtin_clzll(left);
}

TARGET static ALWAYS_INLINE void steps_fill(struct scan_view *view, const struct scan_funnel_work *work, const struct scan_stream *stream,
                                            struct steps *out, int count)
{
    uint32_t word = 0;

    out->words = 0;
    for (int i = 0; i < stream->piece_count; i++)
        out->words += (stream->pieces[i].count + 63) / 64;
    if ((size_t)out->words * 8 * (size_t)count > view->masks.cap)
        must(buf_room(&view->masks, (size_t)out->words * 8 * (size_t)count) != NULL);
    for (int step = 0; step < count; step++) {
        out->bits[step] = (uint64_t *)(void *)view->masks.at + (size_t)step * out->words;
        out->has[step] = 0;
    }
    out->second_piece = UINT32_MAX;
    for (int i = 0; i < stream->piece_count; i++) {
        const struct scan_piece *piece = &stream->pieces[i];

        out->seconds[i] = piece->seconds;
        if (i == 1)
            out->second_piece = word;
        for (uint32_t at = 0; at < piece->count; at += 64, word++) {
            for (int step = 0; step < count; step++) {
                uint64_t mask = mask_one(piece, at, &work->needles, step);

                out->bits[step][word] = mask;
                out->has[step] |= mask;
            }
        }
    }
}

/* From the last step back: of an event only the latest predecessor of each step can matter, for its chain starts latest. */
TARGET static ALWAYS_INLINE int steps_level(const struct steps *steps, int count, uint32_t window)
{
    for (int last = count - 1; last > 0; last--) {
        for (uint32_t word = 0; word < steps->words && steps->has[last] != 0; word++) {
            for (uint64_t bits = steps->bits[last][word]; bits != 0; bits &= bits - 1) {
                int64_t end = (int64_t)word * 64 + __builtin_ctzll(bits), start = end;

                for (int step = last - 1; step >= 0 && start >= 0; step--)
                    start = bit_before(steps->bits[step], start);
                if (start >= 0 && second_of(steps, end) - second_of(steps, start) <= window)
                    return last + 1;
            }
        }
    }
    return 1;
}

TARGET static ALWAYS_INLINE void back(struct scan_view *view, const struct scan_funnel_work *work, uint64_t *sums, int count)
{
    struct scan_stream stream;
    struct steps steps;

    while (scan_next(view, &stream)) {
        uint64_t any = 0;

        scan_fetch_seconds(view);
        steps_fill(view, work, &stream, &steps, count);
        for (int i = 0; i < count; i++)
            any |= steps.has[i];
        if (steps.has[0] != 0)
            sums[steps_level(&steps, count, work->query->window)]++;
        else if (any != 0)
            sums[0]++;
    }
}

TARGET static void FN(funnel_back)(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct scan_funnel_work *work = query;

    BY_STEPS(back)
}
