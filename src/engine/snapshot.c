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
