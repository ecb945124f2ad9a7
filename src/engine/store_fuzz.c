/* A store whose log or manifest has any bytes opens with a prefix of it or is refused; what was
 * opened can be read, appended to and opened again. The input changes places of a good log, whose
 * sums are then put right. */
#include "engine/store.h"

#include <stdio.h>
#include <unistd.h>

#include "engine/store_private.h"
#include "host/file.h"

#define FOLDER "/dev/shm/papilio-store-fuzz" /* memory, as every run syncs */

static char folder[64];

static const struct store_options options = {.schema = {.posting_kinds = {1}, .posting_count = 1},
                                             .tail_max = 8,
                                             .log_bytes = 2048,
                                             .is_manual = true};

static struct str path_of(const char *name, char out[128])
{
    int len = snprintf(out, 128, "%s/%s", folder, name);

    return (struct str){out, (size_t)len};
}

static void append(struct store *store, uint32_t salt)
{
    struct engine_event events[5];
    struct engine_value values[] = {{(int64_t)salt, EVENTS_AMOUNT, 0, 0}, {7, 3, 1, 0}};
    struct store_batch batch = {
        0, store_position(store, 0) + 1, {events, ARRAY_LEN(events), values, ARRAY_LEN(values)}};
    uint64_t seq;

    if (batch.position <= 0)
        return;
    for (uint32_t i = 0; i < ARRAY_LEN(events); i++)
        events[i] = (struct engine_event){salt * 4000 % 20000 + i / 2, 1000 + salt + i,
                                          (uint16_t)(i % 3), 1, i % 2 ? 0 : EVENTS_NO_VALUE};
    must(store_append(store, &batch, &seq) == OK);
}

static void good_log(struct arena *arena, struct str *out)
{
    char path[128];
    struct store *store;

    must(store_open(str_of(folder), &options, &store) == OK);
    for (uint32_t i = 0; i < 6; i++)
        append(store, i);
    store_close(store);
    must(file_read(arena, path_of("log-0000000000000001", path), 1 << 16, out) == OK);
    must(folder_remove(str_of(folder)) == OK);
}

static void sums_right(struct str log)
{
    struct store_log_head head;
    size_t at = sizeof(head);
    char *bytes = (char *)(uintptr_t)log.at;

    memcpy(&head, bytes, sizeof(head));
    head.sum = store_log_head_sum(&head);
    memcpy(bytes, &head, sizeof(head));
    while (at + sizeof(struct store_record_head) <= log.len) {
        struct store_record_head record;
        size_t payload;

        memcpy(&record, bytes + at, sizeof(record));
        if (record.event_count > 1000 || record.value_count > 1000)
            return;
        payload = record.event_count * sizeof(struct engine_event) +
                  record.value_count * sizeof(struct engine_value);
        if (record.magic != STORE_RECORD_MAGIC || at + sizeof(record) + payload > log.len)
            return;
        record.sum = store_record_sum(&record, str_sub(log, at + sizeof(record), payload));
        memcpy(bytes + at, &record, sizeof(record));
        at += sizeof(record) + payload;
    }
}

static uint64_t use(struct store *store)
{
    const struct snapshot *snapshot = store_snapshot(store);
    struct arena *arena = arena_new((size_t)1 << 26);
    uint64_t count = 0;

    for (uint32_t shard = 0; shard < snapshot_shards(snapshot); shard++) {
        const struct block *block = snapshot_block(snapshot, shard);
        struct events news;

        snapshot_news(snapshot, shard, arena, &news);
        must(events_are_sound(&news));
        count += news.count + (block != NULL ? block->count : 0);
    }
    must(count == snapshot_seq(snapshot));
    arena_free(arena);
    store_release(store, snapshot);
    return count;
}

static void open_twice(uint32_t salt)
{
    struct store *store;
    uint64_t count;

    if (store_open(str_of(folder), &options, &store) != OK)
        return;
    use(store);
    append(store, salt);
    count = use(store);
    store_close(store);
    must(store_open(str_of(folder), &options, &store) == OK);
    must(use(store) == count);
    store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    static struct arena *kept;
    static struct str good;
    struct arena *arena = arena_new((size_t)1 << 20);
    char path[128];
    struct str log;

    if (good.at == NULL) {
        snprintf(folder, sizeof(folder), FOLDER "-%ld", (long)getpid());
        kept = arena_new((size_t)1 << 20);
        good_log(kept, &good);
    }
    log = str_copy(arena, good);
    for (size_t i = 1; i + 3 <= len; i += 3)
        ((char *)(uintptr_t)log.at)[(size_t)(at[i] | at[i + 1] << 8) % log.len] = (char)at[i + 2];
    if (len > 0 && at[0] & 1)
        sums_right(log);
    must(folder_make(str_of(folder)) == OK);
    must(file_write(path_of("log-0000000000000001", path), log, 0600) == OK);
    if (len > 0 && at[0] & 2)
        must(file_write(path_of("manifest", path), (struct str){(const char *)at, len}, 0600) ==
             OK);
    open_twice(len > 1 ? at[1] : 0);
    must(folder_remove(str_of(folder)) == OK);
    arena_free(arena);
    return 0;
}
