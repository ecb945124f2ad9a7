/* The files of blocks, and the manifest.
 * Always: a block's file is replaced whole; before that the log is durable up to the block's seq;
 * readers may have seen it earlier; the manifest names what every block holds at least, so one that
 * is missing is missed. Whatever of this is damaged comes back from the log. */
#include "engine/store_private.h"

#include <stdio.h>

#include "engine/checksum.h"
#include "host/file.h"

#define FILE_MAX 200000
#define MANIFEST_VERSION 1
#define SHARD_MAX (STORE_CUSTOMER_MAX / SHARD_NUMBERS)
#define MANIFEST_BYTES_MAX (sizeof(struct manifest_head) + SHARD_MAX * sizeof(uint64_t))

struct manifest_head {
    char magic[8];
    uint32_t version, shard_count;
    uint64_t merged_seq; /* blocks hold everything up to here */
    uint64_t sum;        /* of the head with sum 0 and the seq of each shard's block behind it */
};

static const char manifest_magic[8] = {'P', 'A', 'P', 'S', 'T', 'O', 'R', 'E'};

static uint64_t manifest_sum(const struct manifest_head *head, const void *seqs)
{
    uint64_t sums[2] = {checksum_of(head, offsetof(struct manifest_head, sum)),
                        checksum_of(seqs, head->shard_count * sizeof(uint64_t))};

    return checksum_of(sums, sizeof(sums));
}

static struct str manifest_path(const struct store *store, char out[STORE_PATH_BYTES])
{
    int len = snprintf(out, STORE_PATH_BYTES, "%.*s/manifest", STR(store->folder));

    must(len > 0 && len < STORE_PATH_BYTES);
    return (struct str){out, (size_t)len};
}

static enum err manifest_write(struct store *store, const struct snapshot *version,
                               uint64_t merged_seq)
{
    struct manifest_head head = {.version = MANIFEST_VERSION, .shard_count = version->shard_count};
    char path[STORE_PATH_BYTES];
    struct buf bytes;
    enum err err;

    buf_init(&bytes, MANIFEST_BYTES_MAX);
    memcpy(head.magic, manifest_magic, sizeof(head.magic));
    head.merged_seq = merged_seq;
    buf_add(&bytes, &head, sizeof(head));
    for (uint32_t i = 0; i < version->shard_count; i++) {
        uint64_t seq = version->blocks[i] != NULL ? version->blocks[i]->block.seq : 0;

        buf_add(&bytes, &seq, sizeof(seq));
    }
    must(!bytes.is_full);
    head.sum = manifest_sum(&head, bytes.at + sizeof(head));
    memcpy(bytes.at, &head, sizeof(head));
    err = file_write(manifest_path(store, path), buf_view(&bytes), 0600);
    buf_release(&bytes);
    return err;
}

/* ---- opening ----------------------------------------------------------------------------- */

/* What the manifest says must be there. */
struct expected {
    uint64_t merged_seq;
    uint32_t shard_count;
    const uint64_t *seqs;
    bool is_damaged; /* something is not as it was: the log must be read from its beginning */
};

static enum err manifest_read(struct store *store, struct arena *arena, struct expected *out)
{
    struct manifest_head head;
    char path[STORE_PATH_BYTES];
    struct str name = manifest_path(store, path), bytes;
    enum err err = file_read(arena, name, MANIFEST_BYTES_MAX, &bytes);

    if (err == E_NOT_FOUND)
        return OK;
    if (err != OK && err != E_TOO_LARGE)
        return err;
    if (err == OK && bytes.len >= sizeof(head)) {
        memcpy(&head, bytes.at, sizeof(head));
        if (memcmp(head.magic, manifest_magic, sizeof(head.magic)) == 0 &&
            head.version == MANIFEST_VERSION &&
            bytes.len == sizeof(head) + (size_t)head.shard_count * sizeof(uint64_t) &&
            head.sum == manifest_sum(&head, bytes.at + sizeof(head))) {
            out->merged_seq = head.merged_seq;
            out->shard_count = head.shard_count;
            out->seqs = (const uint64_t *)(const void *)(bytes.at + sizeof(head));
            return OK;
        }
    }
    store_report(store, name, "the manifest is damaged");
    out->is_damaged = true;
    return OK;
}

/* Takes the mapped bytes over, also where they are unsound. */
static enum err block_of(struct str bytes, struct store_block **out, const char **why)
{
    struct arena *arena;
    struct block block;
    enum err err = block_open(bytes, &block, why);

    if (err != OK) {
        file_unmap(bytes);
        return err;
    }
    arena = arena_new((size_t)1 << 20);
    *out = arena_new_one(arena, struct store_block);
    (*out)->arena = arena;
    (*out)->block = block;
    return OK;
}

static enum err block_map(struct str path, struct store_block **out, const char **why)
{
    struct str bytes;

    TRY(file_map(path, &bytes));
    return block_of(bytes, out, why);
}

static enum err block_take(struct store *store, struct snapshot *version, uint32_t shard,
                           struct expected *expected)
{
    char path[STORE_PATH_BYTES];
    struct str name = store_path(store, path, "block", shard);
    struct store_block *block;
    const char *why = "of another shard";
    enum err err = block_map(name, &block, &why);

    if (err == OK && block->block.shard == shard) {
        version->blocks[shard] = block;
        return OK;
    }
    if (err == OK) {
        file_unmap(block->block.bytes);
        arena_free(block->arena);
    } else if (err != E_CORRUPT) {
        return err;
    }
    store_report(store, name, why);
    expected->is_damaged = true;
    return OK;
}

/* The shard of "block-0000000000000000"; false: another name. */
static bool shard_of_name(struct str name, uint32_t *shard)
{
    char text[32];
    unsigned long long number;
    int end = 0;

    if (name.len != 22 || !str_starts(name, S("block-")))
        return false;
    memcpy(text, name.at, name.len);
    text[name.len] = 0;
    if (sscanf(text, "block-%16llx%n", &number, &end) != 1 || end != 22 || number >= SHARD_MAX)
        return false;
    *shard = (uint32_t)number;
    return true;
}

static void find_missing(struct store *store, const struct snapshot *version,
                         struct expected *expected)
{
    char path[STORE_PATH_BYTES];

    for (uint32_t i = 0; i < expected->shard_count; i++) {
        const struct store_block *block = i < version->shard_count ? version->blocks[i] : NULL;

        if (expected->seqs[i] == 0 || (block != NULL && block->block.seq >= expected->seqs[i]))
            continue;
        if (block != NULL || !expected->is_damaged)
            store_report(store, store_path(store, path, "block", i),
                         "missing, or older than the manifest");
        expected->is_damaged = true;
    }
}

/* Opens what there is; a crash may have left files that were never finished, which go. */
static enum err files_take(struct store *store, const struct list *names, struct snapshot *version,
                           struct expected *expected)
{
    for (int64_t i = 0; i < names->count; i++) {
        struct str name = ((const struct str *)names->at)[i];
        char path[STORE_PATH_BYTES];
        uint32_t shard;
        int len = snprintf(path, sizeof(path), "%.*s/%.*s", STR(store->folder), STR(name));

        must(len > 0 && len < STORE_PATH_BYTES);
        if (str_find(name, S(".new.")) >= 0)
            TRY(file_remove((struct str){path, (size_t)len}));
        else if (shard_of_name(name, &shard))
            TRY(block_take(store, version, shard, expected));
    }
    find_missing(store, version, expected);
    return OK;
}

static uint32_t shards_named(const struct list *names)
{
    uint32_t most = 0, shard;

    for (int64_t i = 0; i < names->count; i++) {
        if (shard_of_name(((const struct str *)names->at)[i], &shard) && shard >= most)
            most = shard + 1;
    }
    return most;
}

enum err store_blocks_open(struct store *store, uint64_t *replay_from)
{
    struct arena *arena = arena_new((size_t)1 << 26);
    struct expected expected = {0};
    struct list names = {0};
    struct snapshot *version;
    enum err err = manifest_read(store, arena, &expected);

    if (err == OK)
        err = folder_list(arena, store->folder, FILE_MAX, &names);
    version = store_version_copy(store, shards_named(&names));
    store_version_publish(store, version); /* also what was half read is given back with it */
    if (err == OK)
        err = files_take(store, &names, version, &expected);
    for (uint32_t i = 0; i < version->shard_count; i++) {
        if (version->blocks[i] != NULL)
            version->blocks[i]->holders = 1;
    }
    *replay_from = expected.is_damaged ? 0 : expected.merged_seq;
    store->merged_seq = store->settled_seq = *replay_from;
    arena_free(arena);
    return err;
}

/* ---- writing ------------------------------------------------------------------------------- */

enum err store_block_stage(struct store *store, const struct block_parts *parts,
                           struct store_block **out)
{
    char path[STORE_PATH_BYTES];
    struct str name = store_path(store, path, "block", parts->shard), mapped;
    const char *why;
    struct buf bytes;
    enum err err;

    buf_init(&bytes, BLOCK_BYTES_MAX);
    err = block_make(parts, &bytes);
    if (err == OK)
        err = file_stage(name, buf_view(&bytes), 0600, &mapped);
    buf_release(&bytes);
    TRY(err);
    TRY(block_of(mapped, out, &why));
    bitmap_add(&store->staged, parts->shard);
    return OK;
}

/* After a failure nobody knows what the disk has: what readers see is written again. */
static enum err settle_one(const struct store *store, const struct snapshot *version,
                           struct str name, uint32_t shard)
{
    if (store->is_stage_lost)
        return file_write(name, version->blocks[shard]->block.bytes, 0600);
    return file_stage_end(name);
}

/* One after the other; each is off the list when it has its name. */
static enum err settle_all(struct store *store, const struct snapshot *version)
{
    char path[STORE_PATH_BYTES];
    struct str name = {0};
    uint32_t shard = 0;

    while (bitmap_read(&store->staged, shard, &shard, 1) == 1) {
        name = store_path(store, path, "block", shard);
        TRY(settle_one(store, version, name, shard));
        bitmap_remove(&store->staged, shard);
    }
    return name.len > 0 ? file_sync(name) : OK; /* and with it all names */
}

enum err store_blocks_settle(struct store *store, const struct snapshot *version)
{
    enum err err = store_sync(store, store->round_seq); /* a block never knows more than the log */

    if (err == OK)
        err = settle_all(store, version);
    store->is_stage_lost = err != OK;
    return err == OK ? manifest_write(store, version, store->merged_seq) : err;
}
