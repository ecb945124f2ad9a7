/* The log: every batch as it came, in files that are reserved in advance and only appended to.
 * Always: a batch is in it whole or not at all; a file is durable before the next one begins, so
 * only the last can end in what a crash left, and that is cut off. Places (seq) have no gap. */
#include "engine/store_private.h"

#include <stdio.h>

#include "engine/checksum.h"
#include "host/file.h"

#define LOG_FILE_MAX 65536
const char store_log_magic[8] = {'P', 'A', 'P', 'E', 'V', 'L', 'O', 'G'};

_Static_assert(sizeof(struct store_log_head) == 48 && sizeof(struct store_record_head) == 40,
               "no holes are written");

uint64_t store_log_head_sum(const struct store_log_head *head)
{
    return checksum_of(head, offsetof(struct store_log_head, sum));
}

uint64_t store_record_sum(const struct store_record_head *head, struct str payload)
{
    uint64_t sums[2] = {checksum_of(head, offsetof(struct store_record_head, sum)),
                        checksum_of(payload.at, payload.len)};

    return checksum_of(sums, sizeof(sums));
}

static int64_t file_bytes_of(const struct store *store)
{
    return store->options.log_bytes > 0 ? store->options.log_bytes : (int64_t)64 << 20;
}

/* ---- reading ----------------------------------------------------------------------------- */

struct log_reading {
    struct store *store;
    struct str path, bytes;
    size_t at;
    uint64_t next; /* the place that must come */
    uint64_t from; /* records up to here are known to blocks */
    bool is_last;
    struct arena *arena; /* of one record */
};

/* The record at reading->at; false: there is none that is whole and in its place. The events are
 * copied, as a file's bytes may lie anywhere. */
static bool record_read(struct log_reading *reading, struct store_record *out)
{
    struct str rest = str_sub(reading->bytes, reading->at, reading->bytes.len);
    struct store_record_head head;
    struct engine_event *events;
    struct engine_value *values;
    size_t event_bytes, value_bytes;

    if (rest.len < sizeof(head))
        return false;
    memcpy(&head, rest.at, sizeof(head));
    if (head.magic != STORE_RECORD_MAGIC || head.event_count > STORE_BATCH_MAX ||
        head.feed >= STORE_FEED_COUNT || head.value_count > STORE_BATCH_MAX * EVENTS_COLUMN_MAX ||
        head.first != reading->next)
        return false;
    event_bytes = head.event_count * sizeof(*events);
    value_bytes = head.value_count * sizeof(*values);
    rest = str_sub(rest, sizeof(head), event_bytes + value_bytes);
    if (rest.len != event_bytes + value_bytes || store_record_sum(&head, rest) != head.sum)
        return false;
    events = arena_alloc(reading->arena, event_bytes + 1);
    values = arena_alloc(reading->arena, value_bytes + 1);
    memcpy(events, rest.at, event_bytes);
    memcpy(values, rest.at + event_bytes, value_bytes);
    *out = (struct store_record){(int)head.feed,
                                 head.position,
                                 head.first,
                                 {events, head.event_count, values, head.value_count}};
    if (!store_events_are_good(&out->events))
        return false;
    reading->at += sizeof(head) + event_bytes + value_bytes;
    return true;
}

static enum err head_read(struct log_reading *reading, uint64_t first)
{
    struct store_log_head head;

    if (reading->bytes.len >= sizeof(head)) {
        memcpy(&head, reading->bytes.at, sizeof(head));
        if (memcmp(head.magic, store_log_magic, sizeof(store_log_magic)) == 0 &&
            head.version == STORE_LOG_VERSION && head.sum == store_log_head_sum(&head) &&
            head.first == first) {
            memcpy(reading->store->positions, head.positions, sizeof(head.positions));
            reading->next = first;
            reading->store->seq = first - 1;
            reading->at = sizeof(head);
            return OK;
        }
    }
    return E_CORRUPT;
}

static enum err records_read(struct log_reading *reading)
{
    struct store_record record;

    for (;;) {
        arena_reset(reading->arena);
        if (!record_read(reading, &record))
            return OK;
        reading->next += record.events.count;
        reading->store->seq = reading->store->durable_seq = reading->next - 1;
        reading->store->positions[record.feed] = record.position;
        if (reading->store->seq > reading->from)
            TRY(store_take(reading->store, &record));
    }
}

/* What is behind the last record of the last file: zeros, or what a crash left there. */
static bool is_clean(const struct log_reading *reading)
{
    for (size_t i = reading->at;
         i < reading->bytes.len && i < reading->at + sizeof(struct store_record_head); i++) {
        if (reading->bytes.at[i] != 0)
            return false;
    }
    return true;
}

/* What is read may so far be known to this machine's memory only, and blocks will be made of it. */
static enum err file_make_durable(struct str path)
{
    enum err err;
    int fd;

    TRY(file_place_open(path, &fd));
    err = file_place_sync(fd);
    file_place_close(fd);
    return err;
}

/* One file of the log; reading->at is then where its records end. */
static enum err file_replay(struct log_reading *reading, uint64_t first, uint64_t first_of_next)
{
    enum err err;

    TRY(file_make_durable(reading->path));
    TRY(file_map(reading->path, &reading->bytes));
    err = head_read(reading, first);
    if (err == OK)
        err = records_read(reading);
    if (err == OK && !reading->is_last && reading->next != first_of_next)
        err = E_CORRUPT;
    if (err == OK && reading->is_last && !is_clean(reading))
        store_report(reading->store, reading->path, "ends in what a crash left; cut off there");
    file_unmap(reading->bytes);
    if (err == E_CORRUPT)
        store_report(reading->store, reading->path, "the log is damaged");
    return err;
}

/* ---- files ------------------------------------------------------------------------------- */

static enum err file_begin(struct store *store, uint64_t first)
{
    char path[STORE_PATH_BYTES];
    struct store_log_head head = {.version = STORE_LOG_VERSION, .first = first};
    struct str name = store_path(store, path, "log", first);

    memcpy(head.magic, store_log_magic, sizeof(store_log_magic));
    memcpy(head.positions, store->positions, sizeof(head.positions));
    head.sum = store_log_head_sum(&head);
    /* Written whole and renamed: a file of the log that is there has a head. */
    TRY(file_write(name, (struct str){(const char *)&head, sizeof(head)}, 0600));
    TRY(file_place_open(name, &store->log.fd));
    store->log.at = sizeof(head);
    store->log.bytes = file_bytes_of(store);
    return file_place_reserve(store->log.fd, store->log.bytes);
}

/* The last file goes on where its records end; what is behind is zeros again. */
static enum err file_resume(struct store *store, const struct log_reading *reading)
{
    int64_t end = (int64_t)reading->at, bytes = file_bytes_of(store);

    TRY(file_place_open(reading->path, &store->log.fd));
    TRY(file_place_cut(store->log.fd, end));
    store->log.at = end;
    store->log.bytes = bytes > end ? bytes : end;
    TRY(file_place_reserve(store->log.fd, store->log.bytes));
    return file_place_sync(store->log.fd);
}

struct log_files {
    uint64_t firsts[LOG_FILE_MAX];
    int count;
};

/* Names sort as their numbers do. */
static enum err files_list(struct store *store, struct arena *arena, struct log_files *out)
{
    struct list names;

    TRY(folder_list(arena, store->folder, LOG_FILE_MAX * 2, &names));
    for (int64_t i = 0; i < names.count; i++) {
        struct str name = ((struct str *)names.at)[i];
        char text[32];
        unsigned long long first;
        int end = 0;

        if (name.len != 20 || !str_starts(name, S("log-")))
            continue;
        memcpy(text, name.at, name.len);
        text[name.len] = 0;
        if (sscanf(text, "log-%16llx%n", &first, &end) == 1 && end == 20 &&
            out->count < LOG_FILE_MAX)
            out->firsts[out->count++] = first;
    }
    return OK;
}

static enum err files_replay(struct store *store, const struct log_files *files,
                             struct arena *arena, uint64_t from)
{
    struct log_reading reading = {
        .store = store, .from = from, .arena = arena_new((size_t)1 << 27)};
    enum err err = OK;

    if (files->firsts[0] > from + 1) {
        char path[STORE_PATH_BYTES];

        store_report(store, store_path(store, path, "log", from + 1),
                     "the log does not go back so far");
        err = E_CORRUPT;
    }
    for (int i = 0; i < files->count && err == OK; i++) {
        bool is_last = i + 1 == files->count;
        char path[STORE_PATH_BYTES];

        if (!is_last && files->firsts[i + 1] <= from + 1)
            continue; /* all of it is in blocks */
        reading.is_last = is_last;
        reading.path = str_copy(arena, store_path(store, path, "log", files->firsts[i]));
        err = file_replay(&reading, files->firsts[i], is_last ? 0 : files->firsts[i + 1]);
    }
    if (err == OK)
        err = file_resume(store, &reading);
    arena_free(reading.arena);
    return err;
}

enum err store_log_open(struct store *store, uint64_t from)
{
    struct arena *arena = arena_new((size_t)1 << 26);
    struct log_files *files = arena_new_one(arena, struct log_files);
    enum err err = files_list(store, arena, files);

    if (err == OK && files->count == 0 && from > 0) {
        store_report(store, store->folder, "blocks without a log");
        err = E_CORRUPT;
    } else if (err == OK && files->count == 0) {
        err = file_begin(store, 1);
    } else if (err == OK) {
        err = files_replay(store, files, arena, from);
    }
    arena_free(arena);
    return err;
}

void store_log_close(struct store *store)
{
    if (store->log.fd >= 0)
        file_place_close(store->log.fd);
    store->log.fd = -1;
}

/* ---- appending ----------------------------------------------------------------------------- */

static size_t record_bytes(const struct events *events)
{
    return sizeof(struct store_record_head) + events->count * sizeof(struct engine_event) +
           events->value_count * sizeof(struct engine_value);
}

bool store_log_is_full(const struct store *store, const struct events *events)
{
    return store->log.at + (int64_t)record_bytes(events) > store->log.bytes &&
           store->log.at > (int64_t)sizeof(struct store_log_head);
}

/* The next file; the one before is durable first. Between the two nothing can be appended. */
static enum err file_next_begin(struct store *store)
{
    enum err err = file_place_sync(store->log.fd);

    store->is_broken = true;
    TRY(err);
    store->durable_seq = store->seq;
    store_log_close(store);
    TRY(file_begin(store, store->seq + 1));
    store->is_broken = false;
    return OK;
}

enum err store_log_append(struct store *store, const struct store_record *record)
{
    const struct events *events = &record->events;
    struct store_record_head head = {.magic = STORE_RECORD_MAGIC, .feed = (uint32_t)record->feed};
    struct buf *bytes = &store->record;

    head.event_count = (uint32_t)events->count;
    head.value_count = (uint32_t)events->value_count;
    head.position = record->position;
    head.first = record->first;
    buf_reset(bytes);
    buf_add(bytes, &head, sizeof(head));
    buf_add(bytes, events->at, events->count * sizeof(struct engine_event));
    buf_add(bytes, events->values, events->value_count * sizeof(struct engine_value));
    must(!bytes->is_full);
    head.sum = store_record_sum(&head, str_sub(buf_view(bytes), sizeof(head), bytes->len));
    memcpy(bytes->at, &head, sizeof(head));
    if (store_log_is_full(store, events))
        TRY(file_next_begin(store));
    TRY(file_place_write(store->log.fd, store->log.at, buf_view(bytes)));
    store->log.at += (int64_t)bytes->len;
    return OK;
}
