/* The funnel from its last step back; see scan_kernel.h. A mask of every step comes first, then only what leads to an end is looked at. */
#pragma once

/* Bits of one step over the whole stream; each piece begins at a word. */
struct steps {
    uint64_t *bits[SCAN_STEP_MAX], has[SCAN_STEP_MAX];
    const uint32_t *seconds[SCAN_PIECE_MAX]; /* of the pieces */
    uint32_t words, from[SCAN_PIECE_MAX];    /* the word that each begins with; those that are not there: UINT32_MAX */
};

TARGET static ALWAYS_INLINE uint32_t second_of(const struct steps *steps, int64_t bit)
{
    uint32_t word = (uint32_t)(bit >> 6);
    int piece = (word >= steps->from[1]) + (word >= steps->from[2]);

    return steps->seconds[piece][bit - (int64_t)steps->from[piece] * 64];
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
    out->from[1] = out->from[2] = UINT32_MAX;
    for (int i = 0; i < stream->piece_count; i++) {
        const struct scan_piece *piece = &stream->pieces[i];

        out->seconds[i] = piece->seconds;
        out->from[i] = word;
        for (uint32_t at = 0; at < piece->count; at += 64, word++) {
            for (int step = 0; step < count; step++) {
                uint64_t mask = mask_one(piece, at, &work->needles, step);

                out->bits[step][word] = mask;
                out->has[step] |= mask;
            }
        }
    }
}

/* How long the chain takes that gets to this step first; UINT32_MAX: none does. Back from each event of the step: only the latest
 * predecessor of each can matter, for its chain starts latest. */
TARGET static ALWAYS_INLINE uint32_t steps_seconds(const struct steps *steps, int last, uint32_t window)
{
    for (uint32_t word = 0; word < steps->words && steps->has[last] != 0; word++) {
        for (uint64_t bits = steps->bits[last][word]; bits != 0; bits &= bits - 1) {
            int64_t end = (int64_t)word * 64 + __builtin_ctzll(bits), start = end;

            for (int step = last - 1; step >= 0 && start >= 0; step--)
                start = bit_before(steps->bits[step], start);
            if (start >= 0 && second_of(steps, end) - second_of(steps, start) <= window)
                return second_of(steps, end) - second_of(steps, start);
        }
    }
    return UINT32_MAX;
}

/* The furthest step that is reached; in `seconds`, for all up to it, what that took. */
TARGET static ALWAYS_INLINE int steps_level(const struct steps *steps, int count, const struct scan_funnel *query, uint32_t *seconds)
{
    int level = 1;

    for (int last = count - 1; last > 0 && (level == 1 || query->times != NULL); last--) {
        seconds[last] = steps_seconds(steps, last, query->window);
        if (level == 1 && seconds[last] != UINT32_MAX)
            level = last + 1;
    }
    return level;
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
        if (steps.has[0] != 0) {
            uint32_t seconds[SCAN_STEP_MAX];
            int level = steps_level(&steps, count, work->query, seconds);

            sums[level]++;
            if (work->query->times != NULL)
                times_keep(view, work->query, seconds, level);
        } else if (any != 0) {
            sums[0]++;
        }
    }
}

TARGET static void FN(funnel_back)(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct scan_funnel_work *work = query;

    BY_STEPS(back)
}
