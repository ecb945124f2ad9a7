/* Recency, frequency, money: values of all buyers, then exact quintiles, then cells.
 * Always: the bound of a fifth is a value that occurs; who is equal to it belongs to that fifth. */
#include "engine/scan_rfm.h"

#include <stdlib.h>

#define BUCKETS 65536

/* ---- values -------------------------------------------------------------------------------- */

static void stream_buyer(const struct scan_stream *stream, uint16_t kind, struct scan_buyer *out)
{
    for (int i = 0; i < stream->piece_count; i++) {
        const struct scan_piece *piece = &stream->pieces[i];

        for (uint32_t at = 0; at < piece->count; at++) {
            if (scan_kind(piece, at) != kind)
                continue;
            out->last = piece->seconds[at];
            out->count++;
            out->amount += scan_amount(piece, at);
        }
    }
}

static void rfm_shard(struct scan_view *view, const void *query, uint64_t *sums)
{
    const struct scan_rfm_work *work = query;
    uint16_t kind = work->needles.kinds[0];
    const struct block_posting *posting = block_posting(view->block, kind);
    struct scan_stream stream;
    bool is_block;

    if (posting == NULL || view->scan->is_columns_only) {
        work->kernels->rfm(view, query, sums);
        return;
    }
    while (scan_next_either(view, &stream, &is_block)) {
        uint32_t own = stream.customer % SHARD_NUMBERS;
        uint32_t from = posting->offsets[own], to = posting->offsets[own + 1];
        struct scan_buyer buyer = {0};

        if (!is_block) {
            stream_buyer(&stream, kind, &buyer);
        } else if (from < to) {
            buyer.last = posting->seconds[to - 1];
            buyer.count = to - from;
            for (uint32_t at = from; at < to; at++)
                buyer.amount += posting->amounts[at];
        }
        scan_buyer_add(work, view->shard, &buyer);
    }
}

/* ---- quintiles ----------------------------------------------------------------------------- */

/* One of the three values of all buyers, without gaps, in an order-keeping unsigned form. */
struct column {
    uint64_t *values;
    size_t count;
    uint64_t bounds[4];
};

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The value of this rank, which lies in the bucket; `below` values are in lower buckets. */
static uint64_t bucket_rank(struct arena *arena, const struct column *column, uint64_t bucket,
                            int shift, size_t rank)
{
    uint64_t *found;
    size_t count = 0;

    if (shift == 0)
        return bucket;
    for (size_t i = 0; i < column->count; i++)
        count += column->values[i] >> shift == bucket;
    found = arena_new_array(arena, uint64_t, count + 1);
    count = 0;
    for (size_t i = 0; i < column->count; i++) {
        if (column->values[i] >> shift == bucket)
            found[count++] = column->values[i];
    }
    must(rank < count);
    qsort(found, count, sizeof(*found), by_value);
    return found[rank];
}

/* Exact order statistics: a histogram of the highest bits, then the one bucket each rank falls
 * into. */
static void column_bounds(struct arena *arena, struct column *column)
{
    uint32_t *buckets = arena_new_array(arena, uint32_t, BUCKETS);
    uint64_t most = 0;
    int shift = 0;

    for (size_t i = 0; i < column->count; i++)
        most = column->values[i] > most ? column->values[i] : most;
    while (most >> shift >= BUCKETS)
        shift++;
    for (size_t i = 0; i < column->count; i++)
        buckets[column->values[i] >> shift]++;
    for (size_t fifth = 0; fifth < 4; fifth++) {
        size_t rank = (column->count * (fifth + 1) + 4) / 5 - 1, below = 0;
        uint64_t bucket = 0;

        while (below + buckets[bucket] <= rank)
            below += buckets[bucket++];
        column->bounds[fifth] = bucket_rank(arena, column, bucket, shift, rank - below);
    }
}

static int fifth_of(const struct column *column, size_t at)
{
    uint64_t value = column->values[at];

    return (value > column->bounds[0]) + (value > column->bounds[1]) + (value > column->bounds[2]) +
           (value > column->bounds[3]);
}

/* Amounts may be negative; counted from the least they are not, and small numbers make narrow
 * buckets. */
static void columns_gather(const struct scan_rfm_work *work, uint32_t shards,
                           struct column columns[3])
{
    int64_t least = INT64_MAX;
    size_t count = 0;

    for (uint32_t shard = 0; shard < shards; shard++) {
        size_t first = (size_t)shard * SHARD_NUMBERS;

        for (size_t i = first; i < first + work->buyers[shard]; i++) {
            least = work->amounts[i] < least ? work->amounts[i] : least;
            columns[0].values[count] = work->lasts[i];
            columns[1].values[count] = work->counts[i];
            columns[2].values[count++] = (uint64_t)work->amounts[i];
        }
    }
    for (size_t i = 0; i < count; i++)
        columns[2].values[i] -= (uint64_t)least;
}

static void cells_fill(struct arena *arena, const struct scan_rfm_work *work, uint32_t shards,
                       int64_t cells[5][5][5])
{
    struct column columns[3] = {{0}, {0}, {0}};
    size_t count = 0;

    for (uint32_t shard = 0; shard < shards; shard++)
        count += work->buyers[shard];
    if (count == 0)
        return;
    for (int i = 0; i < 3; i++) {
        columns[i].values = arena_new_array(arena, uint64_t, count);
        columns[i].count = count;
    }
    columns_gather(work, shards, columns);
    for (int i = 0; i < 3; i++)
        column_bounds(arena, &columns[i]);
    for (size_t i = 0; i < count; i++)
        cells[fifth_of(&columns[0], i)][fifth_of(&columns[1], i)][fifth_of(&columns[2], i)]++;
}

void scan_rfm(const struct scan *scan, uint16_t kind, int64_t cells[5][5][5])
{
    struct arena *arena = arena_new(SIZE_MAX / 2);
    uint32_t shards = snapshot_shards(scan->snapshot);
    size_t numbers = (size_t)shards * SHARD_NUMBERS;
    struct scan_rfm_work rfm = {.kernels = scan_kernels(scan)};
    struct scan_work work = {scan, &rfm, rfm_shard, NULL, 0, false};

    memset(cells, 0, sizeof(int64_t[5][5][5]));
    scan_needles_set(&rfm.needles, &kind, 1);
    rfm.lasts = arena_new_array(arena, uint32_t, numbers + 1);
    rfm.counts = arena_new_array(arena, uint32_t, numbers + 1);
    rfm.amounts = arena_new_array(arena, int64_t, numbers + 1);
    rfm.buyers = arena_new_array(arena, uint32_t, shards + 1);
    scan_run(&work);
    cells_fill(arena, &rfm, shards, cells);
    arena_free(arena);
}
