/* Questions as work for the kernels, and what becomes of their sums. Where a block's summaries or
 * postings answer for a customer without news, they do. Always: with and without summaries the
 * answer is the same. */
#include "engine/scan_work.h"

#define SAMPLE_SHARDS 4
#define STRIDE 16 /* events looked over at once */
#define AHEAD 24  /* customers whose first event is fetched before it is asked for */

/* ---- funnel -------------------------------------------------------------------------------- */

static bool are_different(const struct scan_funnel *query)
{
    for (int i = 0; i < query->step_count; i++) {
        for (int j = 0; j < i; j++) {
            if (query->kinds[i] == query->kinds[j])
                return false;
        }
    }
    return true;
}

/* Back is as dear as a mask of every kind plus work for each event of the last step; forward works
 * for each event of any step. A few blocks tell how common they are. */
static bool is_back_better(const struct scan *scan, const struct scan_funnel_work *work)
{
    uint64_t count = 0, any = 0, last = 0;
    uint32_t shards = snapshot_shards(scan->snapshot), step = shards / SAMPLE_SHARDS + 1;

    for (uint32_t shard = 0; shard < shards; shard += step) {
        const struct block *block = snapshot_block(scan->snapshot, shard);
        uint32_t some = block == NULL ? 0 : block->count < 65536 ? block->count : 65536;

        count += some;
        for (uint32_t i = 0; i < some; i++) {
            uint32_t bits = scan_needle_bits(&work->needles, block_kind(block, i));

            any += bits != 0;
            last += bits >> (work->query->step_count - 1) & 1;
        }
    }
    return any * 4 > count && last * 30 < count;
}

void scan_funnel(const struct scan *scan, const struct scan_funnel *query,
                 int64_t levels[SCAN_STEP_MAX + 1])
{
    const struct scan_kernels *kernels = scan_kernels(scan);
    struct scan_funnel_work funnel = {.query = query};
    uint64_t sums[SCAN_STEP_MAX + 1] = {0};
    struct scan_work work = {scan, &funnel, kernels->funnel_forward, sums, ARRAY_LEN(sums), true};

    must(query->step_count > 0 && query->step_count <= SCAN_STEP_MAX);
    scan_needles_set(&funnel.needles, query->kinds, query->step_count);
    if (query->way != SCAN_FORWARD && are_different(query) &&
        (query->way == SCAN_BACK || is_back_better(scan, &funnel)))
        work.shard = kernels->funnel_back;
    scan_run(&work);
    for (int i = 0; i <= SCAN_STEP_MAX; i++)
        levels[i] = (int64_t)sums[i];
}

/* ---- segment ------------------------------------------------------------------------------- */

/* Can somebody without news still be a member? Their last second, and that of their last posting,
 * are known. */
static bool may_hold(const struct block *block, const struct scan_condition *condition,
                     const struct block_posting *posting, uint32_t own)
{
    if (condition->at_least == 0)
        return true;
    if (block->lasts[own] < condition->from)
        return false;
    if (posting == NULL)
        return true;
    return posting->offsets[own] < posting->offsets[own + 1] &&
           posting->seconds[posting->offsets[own + 1] - 1] >= condition->from;
}

/* Takes out whom the summaries rule out. */
static void segment_thin(struct scan_view *view, const struct scan_segment *query)
{
    uint64_t news[BITMAP_SHARD_WORDS] = {0};

    for (int i = 0; i < view->list_count; i++) {
        for (size_t j = 0; j < view->lists[i].count; j++) {
            uint32_t own = view->lists[i].at[j].customer % SHARD_NUMBERS;

            news[own / 64] |= (uint64_t)1 << own % 64;
        }
    }
    if (!view->has_only)
        memset(view->only, 255, sizeof(view->only));
    view->has_only = true;
    for (int i = 0; i < query->condition_count; i++) {
        const struct block_posting *posting = block_posting(view->block, query->conditions[i].kind);

        for (uint32_t word = 0; word < BITMAP_SHARD_WORDS; word++) {
            for (uint64_t left = view->only[word] & ~news[word]; left != 0; left &= left - 1) {
                uint32_t own = word * 64 + (uint32_t)__builtin_ctzll(left);

                if (!may_hold(view->block, &query->conditions[i], posting, own))
                    view->only[word] &= ~((uint64_t)1 << own % 64);
            }
        }
    }
}

void scan_segment_shard(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct scan_segment_shard *work = query;

    if (!view->scan->is_columns_only && view->block->lasts != NULL)
        segment_thin(view, work->kernel.query);
    work->kernels->segment(view, &work->kernel, sums);
}

static void members_keep(const uint64_t *members, uint32_t shards, struct bitmap *out)
{
    for (uint32_t word = 0; word < shards * BITMAP_SHARD_WORDS; word++) {
        for (uint64_t bits = members[word]; bits != 0; bits &= bits - 1)
            bitmap_add(out, word * 64 + (uint32_t)__builtin_ctzll(bits));
    }
}

void scan_segment_prepare(const struct scan *scan, const struct scan_segment *query,
                          struct scan_segment_shard *shard)
{
    struct scan_segment_work *out = &shard->kernel;
    uint16_t kinds[SCAN_CONDITION_MAX];

    must(query->condition_count > 0 && query->condition_count <= SCAN_CONDITION_MAX);
    *shard = (struct scan_segment_shard){.kernel.query = query, .kernels = scan_kernels(scan)};
    out->earliest = UINT32_MAX;
    out->earliest_most = UINT32_MAX;
    for (int i = 0; i < query->condition_count; i++) {
        const struct scan_condition *condition = &query->conditions[i];

        kinds[i] = condition->kind;
        out->earliest = condition->from < out->earliest ? condition->from : out->earliest;
        if (condition->at_most != UINT32_MAX && condition->from < out->earliest_most)
            out->earliest_most = condition->from;
    }
    scan_needles_set(&out->needles, kinds, query->condition_count);
}

int64_t scan_segment(const struct scan *scan, const struct scan_segment *query, struct bitmap *out)
{
    struct arena *arena = arena_new(SIZE_MAX / 2);
    uint32_t shards = snapshot_shards(scan->snapshot);
    struct scan_segment_shard segment;
    uint64_t count = 0;
    struct scan_work work = {.scan = scan,
                             .query = &segment,
                             .shard = scan_segment_shard,
                             .sums = &count,
                             .sum_count = 1,
                             .is_amountless = true};

    scan_segment_prepare(scan, query, &segment);
    segment.kernel.members =
        arena_new_array(arena, uint64_t, (size_t)shards * BITMAP_SHARD_WORDS + 1);
    scan_run(&work);
    if (out != NULL) {
        bitmap_release(out);
        members_keep(segment.kernel.members, shards, out);
    }
    arena_free(arena);
    return (int64_t)count;
}

/* ---- cohorts ------------------------------------------------------------------------------- */

/* sums: a row a cohort; the first cell its size, then its weeks. */
#define COHORT_CELLS (SCAN_COHORT_MAX + 1)

static uint32_t week_of(const struct scan_cohort *query, uint32_t second)
{
    return (uint32_t)(((uint64_t)second + query->week_offset) / BLOCK_WEEK_SECONDS);
}

static void cohort_add(const struct scan_cohort *query, uint32_t cohort, uint64_t weeks,
                       uint64_t *sums)
{
    uint64_t *row = sums + (size_t)cohort * COHORT_CELLS;

    row[0]++;
    for (int i = 0; i < query->week_count; i++)
        row[1 + i] += weeks >> i & 1;
}

/* 64 bits of the row from bit `from` on. */
static uint64_t bits_from(const uint64_t *words, uint32_t count, uint32_t from)
{
    uint32_t at = from / 64, shift = from % 64;
    uint64_t low = at < count ? words[at] >> shift : 0;

    return shift == 0 || at + 1 >= count ? low : low | words[at + 1] << (64 - shift);
}

/* The weeks after `first`, this one bit 0, in which the stream has events. Seconds rise, so a week
 * is left by strides. */
static uint64_t weeks_of_stream(const struct scan_cohort *query, const struct scan_stream *stream,
                                uint32_t first)
{
    int64_t start = (int64_t)first * BLOCK_WEEK_SECONDS - query->week_offset, next = 0;
    uint64_t weeks = 0;

    for (int i = 0; i < stream->piece_count; i++) {
        const uint32_t *seconds = stream->pieces[i].seconds;
        uint32_t count = stream->pieces[i].count;

        for (uint32_t at = 0; at < count; at++) {
            int64_t second = (int64_t)seconds[at] - start, week;

            if (second < next) {
                while (at + STRIDE < count && seconds[at + STRIDE] - start < next)
                    at += STRIDE;
                continue;
            }
            week = second / BLOCK_WEEK_SECONDS;
            if (week >= query->week_count)
                break;
            weeks |= (uint64_t)1 << week;
            next = (week + 1) * BLOCK_WEEK_SECONDS;
        }
    }
    return weeks;
}

static bool is_wanted(const struct scan_view *view, uint32_t own)
{
    return !view->has_only || (view->only[own / 64] >> own % 64 & 1) != 0;
}

/* A shard without news: only firsts are read of those who are in no cohort. */
static void cohort_summed(const struct scan_cohort *query, const struct scan_view *view,
                          uint64_t *sums)
{
    const struct block *block = view->block;
    int64_t from = (int64_t)query->first_week * BLOCK_WEEK_SECONDS - query->week_offset;
    int64_t span = (int64_t)query->cohort_count * BLOCK_WEEK_SECONDS;

    for (uint32_t own = 0; own < SHARD_NUMBERS; own++) {
        uint32_t second = block->firsts[own], first;

        if ((uint64_t)(second - from) >= (uint64_t)span ||
            block->offsets[own] == block->offsets[own + 1] || !is_wanted(view, own))
            continue;
        first = week_of(query, second);
        cohort_add(query, first - query->first_week,
                   bits_from(block->weeks + (size_t)own * block->week_words, block->week_words,
                             first - block->week_base),
                   sums);
    }
}

/* The same from columns alone. */
static void cohort_of_columns(const struct scan_cohort *query, struct scan_view *view,
                              uint64_t *sums)
{
    int64_t from = (int64_t)query->first_week * BLOCK_WEEK_SECONDS - query->week_offset;
    int64_t span = (int64_t)query->cohort_count * BLOCK_WEEK_SECONDS;
    const struct block *block = view->block;
    struct scan_stream stream = {.piece_count = 1};

    for (uint32_t own = 0; block->count > 0 && own < SHARD_NUMBERS; own++) {
        uint32_t ahead = own + AHEAD < SHARD_NUMBERS ? own + AHEAD : own, first;

        __builtin_prefetch(&block->seconds[block->offsets[ahead]]);
        if (block->offsets[own] == block->offsets[own + 1] || !is_wanted(view, own) ||
            (uint64_t)(block->seconds[block->offsets[own]] - from) >= (uint64_t)span)
            continue;
        scan_piece_of_block(view, own, &stream.pieces[0]);
        first = week_of(query, stream.pieces[0].seconds[0]);
        cohort_add(query, first - query->first_week, weeks_of_stream(query, &stream, first), sums);
    }
}

static void cohort_shard(struct scan_view *view, const void *user, uint64_t *sums)
{
    const struct scan_cohort *query = user;
    const struct block *block = view->block;
    bool is_summed = !view->scan->is_columns_only && block->weeks != NULL &&
                     block->week_offset == query->week_offset;
    struct scan_stream stream;
    bool is_block;

    if (view->list_count == 0) {
        if (is_summed)
            cohort_summed(query, view, sums);
        else
            cohort_of_columns(query, view, sums);
        return;
    }
    while (scan_next_either(view, &stream, &is_block)) {
        uint32_t own = stream.customer % SHARD_NUMBERS, first, cohort;

        if (is_block && !is_summed) {
            stream.piece_count = 1;
            scan_piece_of_block(view, own, &stream.pieces[0]);
        }
        first = week_of(query, is_block ? block->seconds[block->offsets[own]]
                                        : stream.pieces[0].seconds[0]);
        cohort = first - query->first_week;
        if (cohort >= (uint32_t)query->cohort_count)
            continue;
        cohort_add(query, cohort,
                   is_block && is_summed ? bits_from(block->weeks + (size_t)own * block->week_words,
                                                     block->week_words, first - block->week_base)
                                         : weeks_of_stream(query, &stream, first),
                   sums);
    }
}

void scan_cohort(const struct scan *scan, const struct scan_cohort *query,
                 int64_t sizes[SCAN_COHORT_MAX], int64_t active[SCAN_COHORT_MAX][SCAN_COHORT_MAX])
{
    uint64_t sums[SCAN_COHORT_MAX * COHORT_CELLS] = {0};
    struct scan_work work = {scan, query, cohort_shard, sums, ARRAY_LEN(sums), true};

    must(query->cohort_count <= SCAN_COHORT_MAX && query->week_count <= SCAN_COHORT_MAX);
    scan_run(&work);
    for (int i = 0; i < SCAN_COHORT_MAX; i++) {
        sizes[i] = (int64_t)sums[i * COHORT_CELLS];
        for (int j = 0; j < SCAN_COHORT_MAX; j++)
            active[i][j] = (int64_t)sums[i * COHORT_CELLS + 1 + j];
    }
}

/* ---- channels, intervals ---------------------------------------------------------------- */

void scan_channels(const struct scan *scan, uint16_t kind, struct scan_channel *channels,
                   uint32_t channel_max)
{
    struct arena *arena = arena_new((size_t)1 << 24);
    struct scan_channels_work query = {.channel_max = channel_max};
    uint64_t *sums = arena_new_array(arena, uint64_t, (size_t)channel_max * 4 + 1);
    struct scan_work work = {
        scan, &query, scan_kernels(scan)->channels, sums, (size_t)channel_max * 4, false};

    must(channel_max <= SCAN_CHANNEL_MAX);
    scan_needles_set(&query.needles, &kind, 1);
    scan_run(&work);
    for (uint32_t i = 0; i < channel_max; i++)
        channels[i] = (struct scan_channel){(int64_t)sums[i * 4], (int64_t)sums[i * 4 + 1],
                                            (int64_t)sums[i * 4 + 2], (int64_t)sums[i * 4 + 3]};
    arena_free(arena);
}

struct intervals_work {
    struct scan_needles needles; /* first: kernels see this */
    const struct scan_kernels *kernels;
};

static void stream_interval(const struct scan_stream *stream, uint16_t kind, uint64_t *days)
{
    uint32_t seconds[2], found = 0;

    for (int i = 0; i < stream->piece_count; i++) {
        for (uint32_t at = 0; at < stream->pieces[i].count && found < 2; at++) {
            if (scan_kind(&stream->pieces[i], at) == kind)
                seconds[found++] = stream->pieces[i].seconds[at];
        }
    }
    if (found == 2)
        scan_interval_count(seconds[0], seconds[1], days);
}

/* A shard without news: postings alone answer. */
static void postings_intervals(const struct scan_view *view, const struct block_posting *posting,
                               uint64_t *days)
{
    const uint32_t *offsets = posting->offsets;

    for (uint32_t own = 0; own < SHARD_NUMBERS; own++) {
        if (offsets[own + 1] - offsets[own] >= 2 && is_wanted(view, own))
            scan_interval_count(posting->seconds[offsets[own]], posting->seconds[offsets[own] + 1],
                                days);
    }
}

static void intervals_shard(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct intervals_work *work = query;
    const struct block_posting *posting = block_posting(view->block, work->needles.kinds[0]);
    struct scan_stream stream;
    bool is_block;

    if (posting == NULL || view->scan->is_columns_only) {
        work->kernels->intervals(view, query, sums);
        return;
    }
    if (view->list_count == 0) {
        postings_intervals(view, posting, sums);
        return;
    }
    while (scan_next_either(view, &stream, &is_block)) {
        uint32_t own = stream.customer % SHARD_NUMBERS, at = posting->offsets[own];

        if (!is_block)
            stream_interval(&stream, work->needles.kinds[0], sums);
        else if (posting->offsets[own + 1] - at >= 2)
            scan_interval_count(posting->seconds[at], posting->seconds[at + 1], sums);
    }
}

void scan_intervals(const struct scan *scan, uint16_t kind, int64_t days[SCAN_DAY_MAX])
{
    struct intervals_work query = {.kernels = scan_kernels(scan)};
    uint64_t sums[SCAN_DAY_MAX] = {0};
    struct scan_work work = {scan, &query, intervals_shard, sums, ARRAY_LEN(sums), true};

    scan_needles_set(&query.needles, &kind, 1);
    scan_run(&work);
    for (int i = 0; i < SCAN_DAY_MAX; i++)
        days[i] = (int64_t)sums[i];
}

/* ---- paths --------------------------------------------------------------------------------- */

struct paths_work {
    uint32_t from, kind_max;
};

/* The first event at or after `second`. */
static uint32_t event_from(const struct scan_piece *piece, uint32_t second)
{
    uint32_t at = 0, count = piece->count;

    while (count > 0) {
        uint32_t half = count / 2;
        bool is_below = piece->seconds[at + half] < second;

        at = is_below ? at + half + 1 : at;
        count = is_below ? count - half - 1 : half;
    }
    return at;
}

/* Pairs within the piece, and from the kind before it; returns the last kind. UINT32_MAX: none. */
static uint32_t paths_piece(const struct paths_work *work, const struct scan_piece *piece,
                            uint32_t before, uint64_t *sums)
{
    const uint8_t *narrow = piece->kinds;

    for (uint32_t at = event_from(piece, work->from); at < piece->count; at++) {
        uint32_t kind = piece->is_kind_wide ? scan_kind(piece, at) : narrow[at];

        if (before < work->kind_max && kind < work->kind_max)
            sums[before * work->kind_max + kind]++;
        before = kind;
    }
    return before;
}

static void paths_shard(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct paths_work *work = query;
    struct scan_stream stream;

    while (scan_next(view, &stream)) {
        uint32_t before = UINT32_MAX;

        for (int i = 0; i < stream.piece_count; i++) {
            const struct scan_piece *piece = &stream.pieces[i];

            if (piece->seconds[piece->count - 1] >= work->from)
                before = paths_piece(work, piece, before, sums);
        }
    }
}

void scan_paths(const struct scan *scan, uint32_t from, uint32_t kind_max, int64_t *pairs)
{
    struct arena *arena = arena_new((size_t)1 << 24);
    struct paths_work query = {from, kind_max};
    size_t count = (size_t)kind_max * kind_max;
    uint64_t *sums = arena_new_array(arena, uint64_t, count + 1);
    struct scan_work work = {scan, &query, paths_shard, sums, count, true};

    must(kind_max <= SCAN_KIND_MAX);
    scan_run(&work);
    for (size_t i = 0; i < count; i++)
        pairs[i] = (int64_t)sums[i];
    arena_free(arena);
}
