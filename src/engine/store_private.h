/* Between the files of the store. Who may touch what: `lock` guards all of struct store but the round, which belongs to whoever
 * holds `step_lock`; it is taken before `lock`. Versions, runs and blocks never change once others see them; their
 * counts of holders are guarded by `lock`. */
#pragma once

#include "engine/bitmap.h"
#include "engine/store.h"

#include <pthread.h>

#define STORE_RUN_MAX SNAPSHOT_LIST_MAX
#define STORE_ROUND_MAX 16 /* runs a round of merging takes on */
#define STORE_PATH_BYTES 4096

/* Events in memory, sorted; `last` is the place of the log behind which none of them lies. */
struct store_run {
    struct arena *arena;
    struct events events;
    uint64_t last;
    uint32_t second_min, second_max;
    bool is_kind_wide; /* a kind over 255 is among them */
    int holders;
};

struct store_block {
    struct arena *arena;
    struct block block;
    int holders;
};

/* What a snapshot holds: a block per shard (or NULL) and the runs since, the oldest first. A run counts for a shard if its
 * `last` is behind the block's seq. */
struct snapshot {
    struct arena *arena;
    uint64_t seq;
    uint32_t shard_count, run_count;
    struct store_block **blocks;
    struct store_run *runs[STORE_RUN_MAX];
    int holders;
};

struct store_log {
    int fd;            /* of the last file; -1: none */
    int64_t at, bytes; /* where the next record goes; the file's length */
};

struct store {
    struct arena *arena;
    struct str folder;
    struct store_options options;
    int lock_fd;
    pthread_mutex_t lock, step_lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread, is_stopping, is_syncing;
    bool is_broken; /* takes no more: the log cannot be trusted to keep it */
    bool is_stuck;  /* the last piece of work behind failed */
    struct store_log log;
    uint64_t seq, durable_seq;
    uint64_t merged_seq, settled_seq; /* blocks have all up to here; so the manifest says */
    int64_t settle_us; /* when the disk is asked for that if there is nothing else to do */
    int64_t positions[STORE_FEED_COUNT];
    struct buf tail_events, tail_values, record;
    struct snapshot *now;
    /* the round of merging at work: all of the first round_runs runs go into blocks */
    bool is_round;
    uint32_t round_runs, round_shard;
    uint64_t round_seq;
    /* Shards whose block is seen but has no name on the disk yet; is_stage_lost: some did not get there, all are written anew. */
    struct bitmap staged;
    bool is_stage_lost;
};

struct str store_path(const struct store *store, char out[STORE_PATH_BYTES], const char *kind, uint64_t number);
void store_report(const struct store *store, struct str file, const char *why);

/* A file of the log: its head, then records, each a head, its events, its values; behind the last one zeros. Little-endian. */
#define STORE_LOG_VERSION 1
#define STORE_RECORD_MAGIC 0x4c504150u /* "PAPL" */
struct store_log_head {
    char magic[8];
    uint32_t version, zero;
    uint64_t first;                      /* place of its first event */
    int64_t positions[STORE_FEED_COUNT]; /* of the feeds, before its first record */
    uint64_t sum;
};
struct store_record_head {
    uint32_t magic, event_count, value_count, feed;
    int64_t position;
    uint64_t first;
    uint64_t sum; /* of this head up to here, and of the rest */
};
extern const char store_log_magic[8];
uint64_t store_log_head_sum(const struct store_log_head *head);
uint64_t store_record_sum(const struct store_record_head *head, struct str payload);
bool store_events_are_good(const struct events *events); /* sound, and of numbers there can be */

/* store_log.c. A batch as it was appended, its first event at place `first`. */
struct store_record {
    int feed;
    int64_t position;
    uint64_t first;
    struct events events;
};
/* Reads the log from behind `from` on and hands every record to store_take; then is ready to append. */
enum err store_log_open(struct store *store, uint64_t from) MUST_USE;
bool store_log_is_full(const struct store *store, const struct events *events); /* the batch begins a new file */
enum err store_log_append(struct store *store, const struct store_record *record) MUST_USE; /* under lock, no sync at work */
void store_log_close(struct store *store);
enum err store_take(struct store *store, const struct store_record *record) MUST_USE; /* while opening */

/* store_run.c: all under lock. */
void store_tail_add(struct store *store, const struct store_record *record, bool is_filtered);
void store_seal(struct store *store); /* the tail becomes a run */
size_t store_tail_count(const struct store *store);
/* A copy of what is known now, to be changed and published. */
struct snapshot *store_version_copy(struct store *store, uint32_t shard_count);
void store_version_publish(struct store *store, struct snapshot *version);
void store_version_drop(struct snapshot *version);
struct store_run *store_run_new(size_t event_count);
struct store_run *store_runs_join(const struct store_run *a, const struct store_run *b); /* a before b */
int64_t store_unmerged(const struct store *store);
int64_t store_unmerged_max(const struct store *store); /* store.c */

/* store_block.c: the files of blocks, and the manifest that says which there must be. */
enum err store_blocks_open(struct store *store, uint64_t *replay_from) MUST_USE; /* 0: all of the log is needed */
/* Made, and on its way to the disk; store_blocks_settle waits for all of these and gives them their names. */
enum err store_block_stage(struct store *store, const struct block_parts *parts, struct store_block **out) MUST_USE;
enum err store_blocks_settle(struct store *store, const struct snapshot *version) MUST_USE; /* and the manifest */

/* store_merge.c */
bool store_wants_work(const struct store *store); /* under lock */
enum err store_settle(struct store *store) MUST_USE; /* under step_lock */
