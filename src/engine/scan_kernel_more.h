/* Kernels beside funnels; see scan_kernel.h. */
#pragma once

#include "engine/scan_rfm.h"

/* ---- segments -------------------------------------------------------------------------------- */

struct tally {
    uint32_t counts[SCAN_CONDITION_MAX];
    bool is_out; /* over an upper bound */
};

TARGET static ALWAYS_INLINE void tally_event(const struct scan_segment *query, uint32_t which, uint32_t second, struct tally *tally)
{
    for (; which != 0; which &= which - 1) {
        int i = __builtin_ctz(which);
        const struct scan_condition *condition = &query->conditions[i];

        tally->counts[i] += second >= condition->from && second < condition->to;
        tally->is_out = tally->is_out || tally->counts[i] > condition->at_most;
    }
}

TARGET static ALWAYS_INLINE bool tally_is_enough(const struct scan_segment *query, const struct tally *tally)
{
    for (int i = 0; i < query->condition_count; i++) {
        if (tally->counts[i] < query->conditions[i].at_least)
            return false;
    }
    return true;
}

/* Backwards in time; false: nothing earlier can change the answer. */
TARGET static bool tally_piece(const struct scan_segment_work *work, const struct scan_piece *piece, struct tally *tally)
{
    for (uint32_t end = piece->count; end > 0;) {
        uint32_t at = (end - 1) / 64 * 64;
        uint64_t mask = mask_any(piece, at, &work->needles, work->needles.count);

        if (piece->seconds[end - 1] < work->earliest)
            return false;
        while (mask != 0) {
            int bit = 63 - __builtin_clzll(mask);
            uint32_t event = at + (uint32_t)bit, second = piece->seconds[event];

            mask &= ~((uint64_t)1 << bit);
            if (second < work->earliest)
                return false;
            tally_event(work->query, scan_needle_bits(&work->needles, scan_kind(piece, event)), second, tally);
            if (tally->is_out || (second < work->earliest_most && tally_is_enough(work->query, tally)))
                return false;
        }
        end = at;
    }
    return true;
}

TARGET static void FN(segment)(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct scan_segment_work *work = query;
    struct scan_stream stream;

    while (scan_next(view, &stream)) {
        struct tally tally = {.is_out = false};
        uint32_t own = stream.customer % SHARD_NUMBERS;

        for (int i = stream.piece_count - 1; i >= 0; i--) {
            if (!tally_piece(work, &stream.pieces[i], &tally))
                break;
        }
        if (tally.is_out || !tally_is_enough(work->query, &tally))
            continue;
        sums[0]++;
        work->members[(size_t)view->shard * BITMAP_SHARD_WORDS + own / 64] |= (uint64_t)1 << own % 64;
    }
}

/* ---- channels -------------------------------------------------------------------------------- */

/* sums: four a channel. `seen` holds, per channel, the last customer counted there plus one. */
struct seen {
    uint32_t *any, *buyers;
};

TARGET static ALWAYS_INLINE void channel_seen(uint32_t channel, uint32_t mark, uint32_t *seen, uint64_t *sum)
{
    *sum += seen[channel] != mark;
    seen[channel] = mark;
}

TARGET static void channels_piece(const struct scan_channels_work *work, const struct scan_piece *piece, struct seen seen, uint32_t mark,
                                  uint64_t *sums)
{
    for (uint32_t at = 0; at < piece->count; at += 64) {
        uint64_t changes = mask_changes(piece, at), mask = mask_any(piece, at, &work->needles, 1);

        for (; changes != 0; changes &= changes - 1) {
            uint32_t channel = scan_channel(piece, at + (uint32_t)__builtin_ctzll(changes));

            if (channel < work->channel_max)
                channel_seen(channel, mark, seen.any, &sums[channel * 4]);
        }
        for (; mask != 0; mask &= mask - 1) {
            uint32_t event = at + (uint32_t)__builtin_ctzll(mask), channel = scan_channel(piece, event);

            if (channel >= work->channel_max)
                continue;
            channel_seen(channel, mark, seen.buyers, &sums[channel * 4 + 1]);
            sums[channel * 4 + 2]++;
            sums[channel * 4 + 3] += (uint64_t)scan_amount(piece, event);
        }
    }
}

TARGET static void FN(channels)(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct scan_channels_work *work = query;
    struct seen seen;
    struct scan_stream stream;

    seen.any = arena_new_array(view->arena, uint32_t, work->channel_max);
    seen.buyers = arena_new_array(view->arena, uint32_t, work->channel_max);
    while (scan_next(view, &stream)) {
        for (int i = 0; i < stream.piece_count; i++)
            channels_piece(work, &stream.pieces[i], seen, stream.customer + 1, sums);
    }
}

/* ---- the first two, and the values of buyers ---------------------------------------------------- */

TARGET static void FN(intervals)(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct scan_needles *needles = query;
    struct scan_stream stream;

    while (scan_next(view, &stream)) {
        uint32_t seconds[2], found = 0;

        for (int i = 0; i < stream.piece_count && found < 2; i++) {
            const struct scan_piece *piece = &stream.pieces[i];

            for (uint32_t at = 0; at < piece->count && found < 2; at += 64) {
                for (uint64_t mask = mask_any(piece, at, needles, 1); mask != 0 && found < 2; mask &= mask - 1)
                    seconds[found++] = piece->seconds[at + (uint32_t)__builtin_ctzll(mask)];
            }
        }
        if (found == 2)
            scan_interval_count(seconds[0], seconds[1], sums);
    }
}

TARGET static void FN(rfm)(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct scan_rfm_work *work = query;
    struct scan_stream stream;

    (void)sums;
    while (scan_next(view, &stream)) {
        struct scan_buyer buyer = {0};

        for (int i = 0; i < stream.piece_count; i++) {
            const struct scan_piece *piece = &stream.pieces[i];

            for (uint32_t at = 0; at < piece->count; at += 64) {
                for (uint64_t mask = mask_any(piece, at, &work->needles, 1); mask != 0; mask &= mask - 1) {
                    uint32_t event = at + (uint32_t)__builtin_ctzll(mask);

                    buyer.last = piece->seconds[event];
                    buyer.count++;
                    buyer.amount += scan_amount(piece, event);
                }
            }
        }
        scan_buyer_add(work, view->shard, &buyer);
    }
}

TARGET static void FN(kinds)(const struct scan_piece *piece, const struct scan_needles *needles, uint64_t *masks)
{
    for (uint32_t at = 0; at < piece->count; at += 64)
        masks[at / 64] = mask_any(piece, at, needles, needles->count);
}

TARGET static void FN(within)(const int64_t *values, int64_t low, int64_t high, uint64_t words[BITMAP_SHARD_WORDS])
{
    for (int word = 0; word < BITMAP_SHARD_WORDS; word++)
        words[word] = mask64_within(values + (size_t)word * 64, low, high);
}

const struct scan_kernels FN(scan_kernels) = {FN(funnel_forward), FN(funnel_back), FN(segment), FN(channels),
                                              FN(intervals),      FN(rfm),         FN(kinds),   FN(within)};
