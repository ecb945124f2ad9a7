/* Reading a snapshot: for each shard its block and what the runs know beyond it.
 * Always: nothing here takes a lock; what a snapshot names stays as it is until it is released. */
#include "engine/store_private.h"

uint64_t snapshot_seq(const struct snapshot *snapshot)
{
    return snapshot->seq;
}

uint32_t snapshot_shards(const struct snapshot *snapshot)
{
    return snapshot->shard_count;
}

const struct block *snapshot_block(const struct snapshot *snapshot, uint32_t shard)
{
    const struct store_block *block =
        shard < snapshot->shard_count ? snapshot->blocks[shard] : NULL;

    return block != NULL ? &block->block : NULL;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static void extent_join(struct snapshot_extent *out, uint32_t first, uint32_t last,
                        bool is_kind_wide)
{
    out->first = first < out->first ? first : out->first;
    out->last = last > out->last ? last : out->last;
    out->is_kind_wide = out->is_kind_wide || is_kind_wide;
}

/* Those of a run that no block has; what one has lies within the block's bounds too. */
static int64_t news_count(const struct snapshot *snapshot, const struct store_run *run)
{
    int64_t count = (int64_t)run->events.count;

    for (uint32_t shard = 0; shard < snapshot->shard_count; shard++) {
        const struct block *block = snapshot_block(snapshot, shard);
        uint64_t from = (uint64_t)shard * SHARD_NUMBERS;

        if (block != NULL && run->last <= block->seq)
            count -= (int64_t)events_between(&run->events, from, from + SHARD_NUMBERS).count;
    }
    return count;
}

void snapshot_extent(const struct snapshot *snapshot, struct snapshot_extent *out)
{
    *out = (struct snapshot_extent){.first = INT64_MAX, .last = INT64_MIN};
    for (uint32_t shard = 0; shard < snapshot->shard_count; shard++) {
        const struct block *block = snapshot_block(snapshot, shard);

        if (block == NULL || block->count == 0)
            continue;
        out->event_count += block->count;
        extent_join(out, block->second_min, block->second_max, block->is_kind_wide);
    }
    for (uint32_t i = 0; i < snapshot->run_count; i++) {
        const struct store_run *run = snapshot->runs[i];

        out->event_count += news_count(snapshot, run);
        if (run->events.count > 0)
            extent_join(out, run->second_min, run->second_max, run->is_kind_wide);
    }
}

/* ---- a shard, a number ------------------------------------------------------------------- */

void snapshot_fetch(const struct snapshot *snapshot, uint32_t number)
{
    const struct block *block = snapshot_block(snapshot, number / SHARD_NUMBERS);

    if (block != NULL)
        block_fetch(block, number % SHARD_NUMBERS);
}

static int lists_between(const struct snapshot *snapshot, uint32_t shard, uint64_t from,
                         uint64_t to, struct events lists[SNAPSHOT_LIST_MAX])
{
    const struct block *block = snapshot_block(snapshot, shard);
    int count = 0;

    for (uint32_t i = 0; i < snapshot->run_count; i++) {
        const struct store_run *run = snapshot->runs[i];

        if (block != NULL && run->last <= block->seq)
            continue;
        lists[count] = events_between(&run->events, from, to);
        count += lists[count].count > 0;
    }
    return count;
}

int snapshot_lists(const struct snapshot *snapshot, uint32_t shard,
                   struct events lists[SNAPSHOT_LIST_MAX])
{
    uint64_t from = (uint64_t)shard * SHARD_NUMBERS;

    return lists_between(snapshot, shard, from, from + SHARD_NUMBERS, lists);
}

int snapshot_number(const struct snapshot *snapshot, uint32_t number,
                    struct events lists[SNAPSHOT_LIST_MAX])
{
    return lists_between(snapshot, number / SHARD_NUMBERS, number, (uint64_t)number + 1, lists);
}

void snapshot_news(const struct snapshot *snapshot, uint32_t shard, struct arena *arena,
                   struct events *out)
{
    struct events lists[SNAPSHOT_LIST_MAX];
    int count = snapshot_lists(snapshot, shard, lists);

    if (count == 1)
        *out = lists[0];
    else
        events_merge(arena, lists, count, out);
}
