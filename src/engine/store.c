/* Opening, appending, syncing, and snapshots.
 * Always: what a snapshot shows is a prefix of the log; what store_sync answered OK for survives
 * any crash; a batch is taken once, however often it is offered. */
#include "engine/store_private.h"

#include <stdio.h>

#include "host/clock.h"
#include "host/file.h"

#define PAUSE_MS 1000 /* after a failure of the disk, and before blocks get their names */
#define VALUES_MAX ((size_t)EVENTS_COLUMN_MAX * STORE_BATCH_MAX * 64 * sizeof(struct engine_value))

struct str store_path(const struct store *store, char out[STORE_PATH_BYTES], const char *kind,
                      uint64_t number)
{
    int len =
        snprintf(out, STORE_PATH_BYTES, "%.*s/%s-%016" PRIx64, STR(store->folder), kind, number);

    must(len > 0 && len < STORE_PATH_BYTES);
    return (struct str){out, (size_t)len};
}

void store_report(const struct store *store, struct str file, const char *why)
{
    if (store->options.damaged != NULL)
        store->options.damaged(store->options.user, file, why);
}

static uint32_t tail_max(const struct store *store)
{
    return store->options.tail_max > 0 ? store->options.tail_max : 65536;
}

int64_t store_unmerged_max(const struct store *store)
{
    return store->options.unmerged_max > 0 ? store->options.unmerged_max : (int64_t)1 << 23;
}

/* ---- the thread -------------------------------------------------------------------------- */

static void *thread_run(void *user)
{
    struct store *store = user;

    pthread_mutex_lock(&store->lock);
    while (!store->is_stopping) {
        enum err err;
        bool did;

        if (!store_wants_work(store)) {
            if (store->settled_seq < store->merged_seq)
                clock_wait(&store->changed, &store->lock, PAUSE_MS);
            else
                pthread_cond_wait(&store->changed, &store->lock);
            continue;
        }
        pthread_mutex_unlock(&store->lock);
        err = store_step(store, &did);
        pthread_mutex_lock(&store->lock);
        store->is_stuck = err != OK;
        pthread_cond_broadcast(&store->changed);
        if (store->is_stuck && !store->is_stopping)
            clock_wait(&store->changed, &store->lock, PAUSE_MS);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

/* ---- opening ----------------------------------------------------------------------------- */

static struct store *store_new(struct str folder, const struct store_options *options)
{
    struct arena *arena = arena_new((size_t)1 << 20);
    struct store *store = arena_new_one(arena, struct store);

    store->arena = arena;
    store->folder = str_copy(arena, folder);
    store->options = *options;
    store->lock_fd = -1;
    store->log.fd = -1;
    buf_init(&store->tail_events,
             ((size_t)store_unmerged_max(store) + tail_max(store) + STORE_BATCH_MAX) *
                 sizeof(struct engine_event));
    buf_init(&store->tail_values, VALUES_MAX);
    buf_init(&store->record, VALUES_MAX);
    bitmap_init(&store->staged);
    must(pthread_mutex_init(&store->lock, NULL) == 0);
    must(pthread_mutex_init(&store->step_lock, NULL) == 0);
    must(pthread_cond_init(&store->changed, NULL) == 0);
    return store;
}

static void store_free(struct store *store)
{
    if (store->now != NULL)
        store_version_drop(store->now);
    store_log_close(store);
    if (store->lock_fd >= 0)
        file_unlock(store->lock_fd);
    buf_release(&store->tail_events);
    buf_release(&store->tail_values);
    buf_release(&store->record);
    bitmap_release(&store->staged);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->step_lock);
    pthread_cond_destroy(&store->changed);
    arena_free(store->arena);
}

/* Room for a batch; without a thread whoever appends does the work. Not under lock: only while
 * opening or manual. */
static enum err work_off(struct store *store)
{
    bool did = true;

    while (did && store_unmerged(store) > store_unmerged_max(store))
        TRY(store_step(store, &did));
    return OK;
}

enum err store_take(struct store *store, const struct store_record *record)
{
    TRY(work_off(store));
    store_tail_add(store, record, true);
    if (store_tail_count(store) >= tail_max(store))
        store_seal(store);
    return OK;
}

/* A block that knows more than the log: the log has lost its end. */
static enum err check_blocks(const struct store *store)
{
    for (uint32_t i = 0; i < store->now->shard_count; i++) {
        const struct store_block *block = store->now->blocks[i];
        char path[STORE_PATH_BYTES];

        if (block == NULL || block->block.seq <= store->seq)
            continue;
        store_report(store, store_path(store, path, "block", i),
                     "holds more than the log, which has lost its end");
        return E_CORRUPT;
    }
    return OK;
}

static enum err store_load(struct store *store)
{
    char path[STORE_PATH_BYTES];
    uint64_t from;
    int len = snprintf(path, sizeof(path), "%.*s/lock", STR(store->folder));

    must(len > 0 && len < STORE_PATH_BYTES);
    TRY(folder_make(store->folder));
    TRY(file_lock((struct str){path, (size_t)len}, &store->lock_fd));
    TRY(store_blocks_open(store, &from));
    TRY(store_log_open(store, from));
    TRY(check_blocks(store));
    store_seal(store);
    if (from == 0 && store->now->run_count > 0 && store->now->shard_count > 0)
        return store_merge(store); /* what was damaged is whole again */
    return OK;
}

enum err store_open(struct str folder, const struct store_options *options, struct store **out)
{
    struct store *store;
    enum err err;

    *out = NULL;
    if (folder.len + 64 > STORE_PATH_BYTES)
        return E_INPUT;
    store = store_new(folder, options);
    err = store_load(store);
    if (err != OK) {
        store_free(store);
        return err;
    }
    if (!options->is_manual) {
        must(pthread_create(&store->thread, NULL, thread_run, store) == 0);
        store->has_thread = true;
    }
    *out = store;
    return OK;
}

void store_close(struct store *store)
{
    enum err ignored;

    pthread_mutex_lock(&store->lock);
    store->is_stopping = true;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
    if (store->has_thread)
        pthread_join(store->thread, NULL);
    ignored = store_sync(store, store->seq);
    if (store->settled_seq < store->merged_seq)
        ignored = store_settle(store); /* else the log is read again */
    (void)ignored;
    must(store->now->holders ==
         1); /* else somebody still holds a snapshot of the current version */
    store_free(store);
}

/* ---- appending ----------------------------------------------------------------------------- */

bool store_events_are_good(const struct events *events)
{
    if (events->count > STORE_BATCH_MAX ||
        events->value_count > (size_t)STORE_BATCH_MAX * EVENTS_COLUMN_MAX ||
        !events_are_sound(events))
        return false;
    for (size_t i = 0; i < events->count; i++) {
        if (events->at[i].customer >= STORE_CUSTOMER_MAX)
            return false;
    }
    return true;
}

static bool batch_is_good(const struct store_batch *batch)
{
    return batch->feed >= 0 && batch->feed < STORE_FEED_COUNT && batch->position > 0 &&
           store_events_are_good(&batch->events);
}

/* Waits until there is room in memory and in the log. Under lock, which it may let go meanwhile. */
static enum err wait_for_room(struct store *store, const struct store_batch *batch)
{
    for (;;) {
        bool is_over = store_unmerged(store) > store_unmerged_max(store);

        if (store->is_broken || (is_over && store->is_stuck))
            return E_IO;
        if (is_over && store->options.is_manual) {
            enum err err;

            pthread_mutex_unlock(&store->lock);
            err = work_off(store);
            pthread_mutex_lock(&store->lock);
            if (err != OK)
                return err;
        } else if (is_over || (store->is_syncing && store_log_is_full(store, &batch->events))) {
            pthread_cond_wait(&store->changed, &store->lock);
        } else {
            return OK;
        }
    }
}

/* Under lock. */
static enum err append(struct store *store, const struct store_batch *batch)
{
    struct store_record record = {batch->feed, batch->position, 0, batch->events};

    TRY(wait_for_room(store, batch));
    if (batch->position <= store->positions[batch->feed])
        return OK;
    record.first = store->seq + 1;
    TRY(store_log_append(store, &record));
    store->positions[batch->feed] = batch->position;
    store->seq += batch->events.count;
    store_tail_add(store, &record, false);
    if (store_tail_count(store) >= tail_max(store)) {
        store_seal(store);
        pthread_cond_broadcast(&store->changed);
    }
    return OK;
}

enum err store_append(struct store *store, const struct store_batch *batch, uint64_t *seq)
{
    enum err err;

    if (!batch_is_good(batch))
        return E_INPUT;
    pthread_mutex_lock(&store->lock);
    err = append(store, batch);
    *seq = store->seq;
    pthread_mutex_unlock(&store->lock);
    return err;
}

enum err store_sync(struct store *store, uint64_t seq)
{
    enum err err = OK;

    pthread_mutex_lock(&store->lock);
    while (store->durable_seq < seq && !store->is_broken) {
        uint64_t reached = store->seq;
        int fd = store->log.fd;

        if (store->is_syncing) {
            pthread_cond_wait(&store->changed, &store->lock);
            continue;
        }
        store->is_syncing = true;
        pthread_mutex_unlock(&store->lock);
        err = file_place_sync(fd);
        pthread_mutex_lock(&store->lock);
        store->is_syncing = false;
        if (err == OK)
            store->durable_seq = reached;
        else
            store->is_broken = true; /* the system may have dropped what it could not write */
        pthread_cond_broadcast(&store->changed);
    }
    if (store->durable_seq < seq)
        err = E_IO;
    pthread_mutex_unlock(&store->lock);
    return err;
}

int64_t store_position(struct store *store, int feed)
{
    int64_t position;

    pthread_mutex_lock(&store->lock);
    position = store->positions[feed];
    pthread_mutex_unlock(&store->lock);
    return position;
}

void store_figures(struct store *store, struct store_figures *out)
{
    *out = (struct store_figures){0};
    pthread_mutex_lock(&store->lock);
    out->seq = store->seq;
    out->run_count = store->now->run_count;
    out->event_count = out->unmerged_count = store_unmerged(store);
    for (uint32_t i = 0; i < store->now->shard_count; i++) {
        const struct store_block *block = store->now->blocks[i];

        if (block == NULL)
            continue;
        out->shard_count++;
        out->event_count += block->block.count;
        out->block_bytes += (int64_t)block->block.bytes.len;
    }
    pthread_mutex_unlock(&store->lock);
}

/* ---- snapshots --------------------------------------------------------------------------- */

const struct snapshot *store_snapshot(struct store *store)
{
    struct snapshot *now;

    pthread_mutex_lock(&store->lock);
    if (store_tail_count(store) > 0 || store->now->seq != store->seq) {
        store_seal(store);
        pthread_cond_broadcast(&store->changed);
    }
    now = store->now;
    now->holders++;
    pthread_mutex_unlock(&store->lock);
    return now;
}

void store_release(struct store *store, const struct snapshot *snapshot)
{
    pthread_mutex_lock(&store->lock);
    store_version_drop((struct snapshot *)(uintptr_t)snapshot);
    pthread_mutex_unlock(&store->lock);
}
