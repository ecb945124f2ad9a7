/* What came lately: a tail in order of arrival, runs sorted from it, and versions that hold runs
 * and blocks together. Always: a version that was published never changes; each event is in exactly
 * one of tail, runs and blocks of the current version, apart from runs of a round at work, which
 * the places of blocks tell apart. */
#include "engine/store_private.h"

#include "host/file.h"

#define RUN_SLACK_BYTES ((size_t)1 << 20)

static struct engine_event *tail_at(const struct store *store)
{
    return (struct engine_event *)(void *)store->tail_events.at;
}

size_t store_tail_count(const struct store *store)
{
    return store->tail_events.len / sizeof(struct engine_event);
}

static bool is_in_block(const struct store *store, uint32_t customer, uint64_t seq)
{
    uint32_t shard = customer / SHARD_NUMBERS;
    const struct store_block *block =
        shard < store->now->shard_count ? store->now->blocks[shard] : NULL;

    return block != NULL && seq <= block->block.seq;
}

static void tail_add_one(struct store *store, const struct store_record *record,
                         const struct engine_event *event)
{
    struct engine_event copy = *event;
    uint32_t value = event->value;

    if (value != EVENTS_NO_VALUE) {
        copy.value = (uint32_t)(store->tail_values.len / sizeof(struct engine_value));
        do
            buf_add(&store->tail_values, &record->events.values[value],
                    sizeof(struct engine_value));
        while (!record->events.values[value++].is_last);
    }
    buf_add(&store->tail_events, &copy, sizeof(copy));
}

/* All of a batch at once: its values lie behind those of the tail. */
static void tail_add_all(struct store *store, const struct events *events)
{
    size_t first = store_tail_count(store);
    uint32_t base = (uint32_t)(store->tail_values.len / sizeof(struct engine_value));

    buf_add(&store->tail_events, events->at, events->count * sizeof(struct engine_event));
    buf_add(&store->tail_values, events->values, events->value_count * sizeof(struct engine_value));
    for (size_t i = first; base > 0 && i < first + events->count; i++) {
        struct engine_event *event = &tail_at(store)[i];

        event->value = event->value == EVENTS_NO_VALUE ? EVENTS_NO_VALUE : event->value + base;
    }
}

void store_tail_add(struct store *store, const struct store_record *record, bool is_filtered)
{
    if (!is_filtered)
        tail_add_all(store, &record->events);
    for (size_t i = 0; is_filtered && i < record->events.count; i++) {
        const struct engine_event *event = &record->events.at[i];

        if (!is_in_block(store, event->customer, record->first + i))
            tail_add_one(store, record, event);
    }
    must(!store->tail_events.is_full && !store->tail_values.is_full);
}

/* ---- runs -------------------------------------------------------------------------------- */

struct store_run *store_run_new(size_t event_count)
{
    /* Two arrays of events while sorting, values of all columns, as much again for columns and
     * where customers begin, and what arenas round up. */
    size_t bytes = event_count * (4 * sizeof(struct engine_event) +
                                  2 * EVENTS_COLUMN_MAX * sizeof(struct engine_value));
    struct arena *arena = arena_new(bytes + RUN_SLACK_BYTES);
    struct store_run *run = arena_new_one(arena, struct store_run);

    run->arena = arena;
    return run;
}

/* What questions ask of all events at once, so that none walks through them for it. */
static void extent_see(struct store_run *run)
{
    run->second_min = UINT32_MAX;
    for (size_t i = 0; i < run->events.count; i++) {
        const struct engine_event *event = &run->events.at[i];

        run->second_min = event->second < run->second_min ? event->second : run->second_min;
        run->second_max = event->second > run->second_max ? event->second : run->second_max;
        run->is_kind_wide |= event->kind > UINT8_MAX;
    }
}

struct store_run *store_runs_join(const struct store_run *a, const struct store_run *b)
{
    struct store_run *joined = store_run_new(a->events.count + b->events.count);

    events_join(joined->arena, &a->events, &b->events, &joined->events);
    events_columns(joined->arena, &joined->events);
    joined->last = b->last;
    joined->second_min = a->second_min < b->second_min ? a->second_min : b->second_min;
    joined->second_max = a->second_max > b->second_max ? a->second_max : b->second_max;
    joined->is_kind_wide = a->is_kind_wide || b->is_kind_wide;
    return joined;
}

static void run_drop(struct store_run *run)
{
    if (--run->holders == 0)
        arena_free(run->arena);
}

static void block_drop(struct store_block *block)
{
    if (block == NULL || --block->holders > 0)
        return;
    file_unmap(block->block.bytes);
    arena_free(block->arena);
}

void store_version_drop(struct snapshot *version)
{
    if (--version->holders > 0)
        return;
    for (uint32_t i = 0; i < version->run_count; i++)
        run_drop(version->runs[i]);
    for (uint32_t i = 0; i < version->shard_count; i++)
        block_drop(version->blocks[i]);
    arena_free(version->arena);
}

/* ---- versions ---------------------------------------------------------------------------- */

struct snapshot *store_version_copy(struct store *store, uint32_t shard_count)
{
    const struct snapshot *now = store->now;
    struct arena *arena;
    struct snapshot *copy;

    shard_count = now != NULL && now->shard_count > shard_count ? now->shard_count : shard_count;
    arena = arena_new(RUN_SLACK_BYTES + shard_count * sizeof(struct store_block *));
    copy = arena_new_one(arena, struct snapshot);
    copy->arena = arena;
    copy->shard_count = shard_count;
    copy->seq = store->seq;
    copy->blocks = arena_new_array(arena, struct store_block *, shard_count + 1);
    if (now == NULL)
        return copy;
    memcpy(copy->blocks, now->blocks, now->shard_count * sizeof(struct store_block *));
    memcpy(copy->runs, now->runs, sizeof(copy->runs));
    copy->run_count = now->run_count;
    return copy;
}

/* The new version takes a hold of all it names before the old one lets go. */
void store_version_publish(struct store *store, struct snapshot *version)
{
    struct snapshot *before = store->now;

    version->holders = 1;
    for (uint32_t i = 0; i < version->run_count; i++)
        version->runs[i]->holders++;
    for (uint32_t i = 0; i < version->shard_count; i++) {
        if (version->blocks[i] != NULL)
            version->blocks[i]->holders++;
    }
    store->now = version;
    if (before != NULL)
        store_version_drop(before);
}

static uint32_t shards_of(const struct events *sorted)
{
    return sorted->count > 0 ? sorted->at[sorted->count - 1].customer / SHARD_NUMBERS + 1 : 0;
}

/* Joins the last two runs, in the rare case that readers asked for so many that there is no room;
 * else the work behind does it. Neither belongs to a round: one begins with STORE_ROUND_MAX runs at
 * most. `b` is new and nobody's yet. */
static void runs_squeeze(struct snapshot *version)
{
    struct store_run *b = version->runs[--version->run_count];

    version->runs[version->run_count - 1] =
        store_runs_join(version->runs[version->run_count - 1], b);
    arena_free(b->arena);
}

void store_seal(struct store *store)
{
    struct events tail = {tail_at(store), store_tail_count(store),
                          (const struct engine_value *)(const void *)store->tail_values.at,
                          store->tail_values.len / sizeof(struct engine_value)};
    struct snapshot *version;
    struct store_run *run;

    if (tail.count == 0 && store->now->seq == store->seq)
        return;
    run = store_run_new(tail.count);
    events_sort(run->arena, &tail, &run->events);
    events_columns(run->arena, &run->events);
    extent_see(run);
    run->last = store->seq;
    version = store_version_copy(store, shards_of(&run->events));
    must(version->run_count < STORE_RUN_MAX);
    version->runs[version->run_count++] = run;
    if (version->run_count == STORE_RUN_MAX)
        runs_squeeze(version);
    store_version_publish(store, version);
    buf_reset(&store->tail_events);
    buf_reset(&store->tail_values);
}

int64_t store_unmerged(const struct store *store)
{
    int64_t count = (int64_t)store_tail_count(store);

    for (uint32_t i = 0; i < store->now->run_count; i++)
        count += (int64_t)store->now->runs[i]->events.count;
    return count;
}
