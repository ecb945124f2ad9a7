/* The work behind: small runs become larger ones, runs become blocks.
 * Always: a round takes all runs there are when it begins and merges shard by shard; runs of a
 * round are joined with none, so a block's seq says exactly which of them it has. Memory is a
 * shard's worth, and appends wait for no more than a sort. */
#include "engine/store_private.h"

#include "host/clock.h"

#define SETTLE_US 1000000 /* after a round */
#define ROUND_RUNS 2      /* a round begins with no more: all through it readers look into each */
#define JOINED_MAX 4      /* more runs than this are joined whatever their sizes */

static int64_t merge_min(const struct store *store)
{
    return store->options.merge_min > 0 ? store->options.merge_min : 262144;
}

/* Also where the share is not reached but half of what memory may take: appends would wait for
 * ever. */
static bool wants_round(const struct store *store)
{
    int64_t unmerged = store_unmerged(store), total = unmerged;
    int64_t ppm = store->options.merge_ppm > 0 ? store->options.merge_ppm : 30000;

    if (unmerged == 0 || store->now->run_count == 0)
        return false;
    if (unmerged >= store_unmerged_max(store) / 2)
        return true;
    if (unmerged < merge_min(store))
        return false;
    for (uint32_t i = 0; i < store->now->shard_count; i++)
        total += store->now->blocks[i] != NULL ? store->now->blocks[i]->block.count : 0;
    return unmerged >= total / 1000000 * ppm;
}

/* Which run to join with the next one; -1: none. Sizes double from the newest to the oldest, so an
 * event is moved a logarithm's number of times. */
static int join_at(const struct store *store)
{
    const struct snapshot *now = store->now;
    int first = store->is_round ? (int)store->round_runs : 0, last = (int)now->run_count - 2,
        least = last;

    if (last < first)
        return -1;
    if (now->runs[last]->events.count <= 2 * now->runs[last + 1]->events.count)
        return last;
    if (last + 2 - first <= JOINED_MAX)
        return -1;
    for (int i = first; i < last; i++) {
        if (now->runs[i]->events.count + now->runs[i + 1]->events.count <
            now->runs[least]->events.count + now->runs[least + 1]->events.count)
            least = i;
    }
    return least;
}

/* Does too much hang on the log alone? A start after a crash would read it again. */
static bool must_settle(const struct store *store)
{
    return store->merged_seq - store->settled_seq > (uint64_t)store_unmerged_max(store);
}

/* While much comes, a block that waits is merged again before it was ever written; so the disk is
 * asked when there is nothing else to do. */
static bool wants_settle(const struct store *store)
{
    return store->settled_seq < store->merged_seq && !store->is_round &&
           (store->options.is_manual || clock_mono_us() >= store->settle_us);
}

bool store_wants_work(const struct store *store)
{
    return store->is_round || join_at(store) >= 0 || wants_round(store) || must_settle(store) ||
           wants_settle(store);
}

static struct snapshot *version_hold(struct store *store)
{
    store->now->holders++;
    return store->now;
}

static void version_let(struct store *store, struct snapshot *version)
{
    pthread_mutex_lock(&store->lock);
    store_version_drop(version);
    pthread_mutex_unlock(&store->lock);
}

/* Joins runs at and at + 1, found under lock; others may be added behind them meanwhile, none
 * before. */
static void join(struct store *store, struct snapshot *version, int at)
{
    struct store_run *joined = store_runs_join(version->runs[at], version->runs[at + 1]);
    struct snapshot *next;

    pthread_mutex_lock(&store->lock);
    if (store->now->runs[at] == version->runs[at] &&
        store->now->runs[at + 1] == version->runs[at + 1]) {
        next = store_version_copy(store, 0);
        next->seq = store->now->seq;
        next->runs[at] = joined;
        next->run_count--;
        for (uint32_t i = (uint32_t)at + 1; i < next->run_count; i++)
            next->runs[i] = next->runs[i + 1];
        store_version_publish(store, next);
    } else {
        arena_free(joined->arena); /* a reader's squeeze was first */
    }
    pthread_mutex_unlock(&store->lock);
}

/* The disk has all blocks that are seen, and the manifest says so. */
enum err store_settle(struct store *store)
{
    struct snapshot *version;
    enum err err;

    pthread_mutex_lock(&store->lock);
    version = version_hold(store);
    pthread_mutex_unlock(&store->lock);
    err = store_blocks_settle(store, version);
    pthread_mutex_lock(&store->lock);
    if (err == OK)
        store->settled_seq = store->merged_seq;
    store_version_drop(version);
    pthread_mutex_unlock(&store->lock);
    return err;
}

/* ---- rounds ---------------------------------------------------------------------------- */

/* Events of the shard in the round's runs that its block does not have. */
static void round_news(struct store *store, const struct snapshot *version, struct arena *arena,
                       struct events *out)
{
    struct events lists[STORE_RUN_MAX];
    uint32_t shard = store->round_shard;
    const struct store_block *block = version->blocks[shard];
    int count = 0;

    for (uint32_t i = 0; i < store->round_runs; i++) {
        const struct store_run *run = version->runs[i];
        uint64_t from = (uint64_t)shard * SHARD_NUMBERS;

        if (block == NULL || run->last > block->block.seq)
            lists[count++] = events_between(&run->events, from, from + SHARD_NUMBERS);
    }
    events_merge(arena, lists, count, out);
}

static void block_publish(struct store *store, uint32_t shard, struct store_block *block)
{
    struct snapshot *next;

    pthread_mutex_lock(&store->lock);
    next = store_version_copy(store, 0);
    next->seq = store->now->seq;
    next->blocks[shard] = block;
    store_version_publish(store, next);
    pthread_mutex_unlock(&store->lock);
}

/* The next shard of the round that has anything new. */
static enum err round_shard(struct store *store, const struct snapshot *version)
{
    for (; store->round_shard < version->shard_count; store->round_shard++) {
        struct arena *arena = arena_new(SIZE_MAX / 2);
        struct store_block *block = version->blocks[store->round_shard], *made;
        struct events news;
        enum err err = OK;
        struct block_parts parts = {.shard = store->round_shard,
                                    .seq = store->round_seq,
                                    .old = block != NULL ? &block->block : NULL,
                                    .news = &news,
                                    .schema = &store->options.schema};

        round_news(store, version, arena, &news);
        if (news.count > 0) {
            err = store_block_stage(store, &parts, &made);
            if (err == OK)
                block_publish(store, store->round_shard, made);
        }
        arena_free(arena);
        TRY(err);
        if (news.count > 0)
            break;
    }
    return OK;
}

static void round_end(struct store *store)
{
    struct snapshot *next;

    pthread_mutex_lock(&store->lock);
    next = store_version_copy(store, 0);
    next->seq = store->now->seq;
    next->run_count -= store->round_runs;
    for (uint32_t i = 0; i < next->run_count; i++)
        next->runs[i] = next->runs[i + store->round_runs];
    store_version_publish(store, next);
    store->is_round = false;
    store->merged_seq = store->round_seq;
    store->settle_us = clock_mono_us() + SETTLE_US;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

static enum err round_step(struct store *store, struct snapshot *version)
{
    TRY(round_shard(store, version));
    if (store->round_shard < version->shard_count) {
        store->round_shard++;
        return OK;
    }
    round_end(store);
    return OK;
}

/* Under both locks. */
static void round_begin(struct store *store)
{
    store->is_round = true;
    store->round_runs = store->now->run_count;
    store->round_seq = store->now->runs[store->round_runs - 1]->last;
    store->round_shard = 0;
}

/* What is to be done next, under both locks. A merge is forced where it is asked for; joins go
 * first where there are many runs. */
enum work { WORK_NONE, WORK_JOIN, WORK_ROUND, WORK_SETTLE };

static enum work work_next(struct store *store, bool is_forced, int *at)
{
    const struct snapshot *now = store->now;

    *at = join_at(store);
    if (must_settle(store))
        return WORK_SETTLE;
    if (!store->is_round && now->run_count > 0 && now->run_count <= STORE_ROUND_MAX &&
        (is_forced || wants_round(store))) {
        if (now->run_count > ROUND_RUNS && !is_forced) {
            *at = (int)now->run_count - 2;
            return WORK_JOIN;
        }
        round_begin(store);
    }
    if (store->is_round && (int)(now->run_count - store->round_runs) <= JOINED_MAX)
        return WORK_ROUND;
    if (*at >= 0)
        return WORK_JOIN;
    if (store->is_round)
        return WORK_ROUND;
    return wants_settle(store) ? WORK_SETTLE : WORK_NONE;
}

/* One piece, under step_lock. */
static enum err step(struct store *store, bool is_forced, bool *did)
{
    struct snapshot *version;
    enum err err = OK;
    enum work work;
    int at;

    pthread_mutex_lock(&store->lock);
    work = work_next(store, is_forced, &at);
    version = version_hold(store);
    pthread_mutex_unlock(&store->lock);
    *did = work != WORK_NONE;
    if (work == WORK_JOIN)
        join(store, version, at);
    else if (work == WORK_ROUND)
        err = round_step(store, version);
    else if (work == WORK_SETTLE)
        err = store_settle(store);
    version_let(store, version);
    return err;
}

enum err store_step(struct store *store, bool *did)
{
    enum err err;

    pthread_mutex_lock(&store->step_lock);
    err = step(store, false, did);
    pthread_mutex_unlock(&store->step_lock);
    return err;
}

enum err store_merge(struct store *store)
{
    bool did = true;
    uint64_t seq;
    enum err err = OK;

    pthread_mutex_lock(&store->lock);
    store_seal(store);
    seq = store->seq;
    pthread_mutex_unlock(&store->lock);
    pthread_mutex_lock(&store->step_lock);
    while (did && err == OK && (store->is_round || store->merged_seq < seq))
        err = step(store, true, &did);
    if (err == OK && store->settled_seq < store->merged_seq)
        err = store_settle(store);
    pthread_mutex_unlock(&store->step_lock);
    return err;
}
