/* All events of a base, durable and ready to be asked: a log that is appended to, what came lately in memory, the rest in blocks.
 * One folder, one process. All functions may be called by any thread, store_open and store_close by one. */
#pragma once

#include "engine/block.h"

#define STORE_CUSTOMER_MAX ((uint32_t)1 << 26) /* numbers below this; 16,384 shards */
#define STORE_BATCH_MAX 65536                  /* events a batch */
#define STORE_FEED_COUNT 2                     /* sources, each with positions of its own */

struct store;
struct snapshot;

struct store_options {
    struct block_schema schema;
    uint32_t tail_max;     /* events before they are sorted into a run; 0: 65,536 */
    uint32_t merge_ppm;    /* share of unmerged events at which shards are merged; 0: 30,000 */
    uint32_t merge_min;    /* but not below so many unmerged events; 0: 262,144 */
    uint32_t unmerged_max; /* appends wait above so many: what bounds memory; 0: 8,388,608. From half of it on shards are merged too */
    int64_t log_bytes;     /* a file of the log; 0: 64 MiB */
    bool is_manual;        /* no thread of its own: store_step does the work */
    /* Told of every damaged file while opening, before it is mended; may be NULL. */
    void (*damaged)(void *user, struct str file, const char *why);
    void *user;
};

/* Makes the folder's store or brings it to the last durable event. Damaged or missing blocks are rebuilt from the log.
 * E_CORRUPT: the log itself is damaged where it is needed (told by `damaged`); E_CONFLICT: another process has it. */
enum err store_open(struct str folder, const struct store_options *options, struct store **out) MUST_USE;
void store_close(struct store *store); /* snapshots are released before; what was appended is durable then if the disk lets it */

/* Appends a batch of a feed, seen by snapshots from now on; *seq is the place of its last event. `position` is the feed's own
 * number for this batch and rises; a batch at or below store_position is one we have and is left out. Not durable yet: see
 * store_sync. E_INPUT: unsound events, a number over STORE_CUSTOMER_MAX, a batch too large; E_IO: nothing was appended. */
struct store_batch {
    int feed;
    int64_t position;
    struct events events;
};
enum err store_append(struct store *store, const struct store_batch *batch, uint64_t *seq) MUST_USE;
/* Answers when all up to seq is on the disk; who waits together shares one fdatasync. E_IO: it may not be, and the store takes no
 * more. */
enum err store_sync(struct store *store, uint64_t seq) MUST_USE;
int64_t store_position(struct store *store, int feed); /* of its last batch here; 0: none */

/* One piece of the work behind: joins runs, or merges one shard. false: there is none to do. E_IO: the disk. */
enum err store_step(struct store *store, bool *did) MUST_USE;
enum err store_merge(struct store *store) MUST_USE; /* everything into blocks, now */

struct store_figures {
    uint64_t seq;
    int64_t event_count, unmerged_count, run_count, shard_count, block_bytes;
};
void store_figures(struct store *store, struct store_figures *out);

/* What is known at one moment: all batches up to one place of the log, none behind it, for as long as it is held. */
const struct snapshot *store_snapshot(struct store *store);
void store_release(struct store *store, const struct snapshot *snapshot);
uint64_t snapshot_seq(const struct snapshot *snapshot);
uint32_t snapshot_shards(const struct snapshot *snapshot); /* shards below this may have events */
const struct block *snapshot_block(const struct snapshot *snapshot, uint32_t shard); /* NULL: none */
/* Of all its events; found without looking at each. first > last: there are none. */
struct snapshot_extent {
    int64_t event_count, first, last; /* seconds */
    bool is_kind_wide;                /* a kind over 255 is among them */
};
void snapshot_extent(const struct snapshot *snapshot, struct snapshot_extent *out);
/* The shard's events that its block does not have: sorted lists, the earlier arrived first; how many (at most SNAPSHOT_LIST_MAX). */
#define SNAPSHOT_LIST_MAX 64
int snapshot_lists(const struct snapshot *snapshot, uint32_t shard, struct events lists[SNAPSHOT_LIST_MAX]);
/* The same of one customer number alone. */
int snapshot_number(const struct snapshot *snapshot, uint32_t number, struct events lists[SNAPSHOT_LIST_MAX]);
/* That customer number alone will be read: what the disk has of it comes in a few reads, and not its whole block with it. */
void snapshot_fetch(const struct snapshot *snapshot, uint32_t number);
/* A shard's as one list, in the arena. */
void snapshot_news(const struct snapshot *snapshot, uint32_t shard, struct arena *arena, struct events *out);
