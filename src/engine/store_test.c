/* The store beside a plain list of batches: random work, snapshots held over it, restarts, kills,
 * damage, threads. Events follow from feed and position, so what must be there is computed, not
 * remembered. */
#include "engine/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/file.h"

#define BATCH_MAX 24
#define ORDER_MAX 4000

static uint64_t seed = 88172645463325252u;

static uint64_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return x ^ x >> 32;
}

static uint64_t random_below(uint64_t max)
{
    seed++;
    return mix(seed) % max;
}

/* ---- what must be there ---------------------------------------------------------------------- */

struct batch_room {
    struct engine_event events[BATCH_MAX];
    struct engine_value values[BATCH_MAX];
};

/* Mostly in time, with ties; now and then a late one. Five shards, few customers each. */
static struct store_batch batch_of(int feed, int64_t position, struct batch_room *room)
{
    uint64_t x = mix((uint64_t)position * 2 + (uint64_t)feed);
    uint32_t count = (uint32_t)(x % (BATCH_MAX + 1)), value_count = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct engine_event *event = &room->events[i];

        x = mix(x);
        *event = (struct engine_event){.value = EVENTS_NO_VALUE};
        event->customer = (uint32_t)(x % 5 * SHARD_NUMBERS + x / 5 % 30 * 100);
        event->second = 1000000 + (uint32_t)(position * 3 + (int64_t)(x >> 40) % 4);
        if (x >> 50 & 1)
            event->second -= (uint32_t)(x >> 20 & 511);
        event->kind = (uint16_t)(x >> 12 & 7);
        event->channel = (uint16_t)(x >> 16 & 3);
        if (event->kind == 1) {
            event->value = value_count;
            room->values[value_count++] =
                (struct engine_value){(int64_t)(x >> 8), (uint16_t)(x >> 33 & 3), 1, 0};
        }
    }
    return (struct store_batch){feed, position, {room->events, count, room->values, value_count}};
}

/* The batches in the order they were taken. */
struct order {
    struct {
        int feed;
        int64_t position;
    } batches[ORDER_MAX];
    int count;
};

struct fact {
    struct engine_event event;
    int64_t values[4];
    int arrival;
};

static int by_order(const void *a, const void *b)
{
    const struct fact *x = a, *y = b;

    if (x->event.customer != y->event.customer)
        return x->event.customer < y->event.customer ? -1 : 1;
    if (x->event.second != y->event.second)
        return x->event.second < y->event.second ? -1 : 1;
    return x->arrival - y->arrival;
}

static int facts_expected(const struct order *order, int count, struct fact *out)
{
    int fact_count = 0;

    for (int i = 0; i < count; i++) {
        struct batch_room room;
        struct store_batch batch =
            batch_of(order->batches[i].feed, order->batches[i].position, &room);

        for (size_t j = 0; j < batch.events.count; j++) {
            struct fact *fact = &out[fact_count];

            *fact = (struct fact){room.events[j], {NONE, NONE, NONE, NONE}, fact_count};
            if (room.events[j].value != EVENTS_NO_VALUE)
                fact->values[room.values[room.events[j].value].column] =
                    room.values[room.events[j].value].value;
            fact_count++;
        }
    }
    qsort(out, (size_t)fact_count, sizeof(*out), by_order);
    return fact_count;
}

/* ---- what is there ------------------------------------------------------------------------- */

static void fact_of_block(const struct block *block, uint32_t customer, uint32_t at,
                          struct fact *out)
{
    *out = (struct fact){.event = {.customer = block->shard * SHARD_NUMBERS + customer,
                                   .second = block->seconds[at],
                                   .kind = block_kind(block, at),
                                   .channel = block_channel(block, at)}};
    for (uint16_t i = 0; i < 4; i++)
        out->values[i] = block_value(block, i, at);
}

static void fact_of_news(const struct events *news, size_t at, struct fact *out)
{
    uint32_t value = news->at[at].value;

    *out = (struct fact){news->at[at], {NONE, NONE, NONE, NONE}, 0};
    if (value != EVENTS_NO_VALUE)
        out->values[news->values[value].column] = news->values[value].value;
}

/* Block and news of a shard as one stream, the block's first where seconds are equal. */
static int facts_of_shard(const struct block *block, uint32_t shard, const struct events *news,
                          struct fact *out)
{
    size_t next = 0;
    int count = 0;

    for (uint32_t customer = 0; customer < SHARD_NUMBERS; customer++) {
        uint32_t number = shard * SHARD_NUMBERS + customer;
        uint32_t at = block != NULL ? block->offsets[customer] : 0;
        uint32_t end = block != NULL ? block->offsets[customer + 1] : 0;

        for (;;) {
            bool has_new = next < news->count && news->at[next].customer == number;

            if (at < end && (!has_new || block->seconds[at] <= news->at[next].second))
                fact_of_block(block, customer, at++, &out[count++]);
            else if (has_new)
                fact_of_news(news, next++, &out[count++]);
            else
                break;
        }
    }
    assert_int_equal(next, news->count);
    return count;
}

static int facts_found(const struct snapshot *snapshot, struct fact *out)
{
    struct arena *arena = arena_new((size_t)1 << 28);
    int count = 0;

    for (uint32_t shard = 0; shard < snapshot_shards(snapshot); shard++) {
        struct events news;

        arena_reset(arena);
        snapshot_news(snapshot, shard, arena, &news);
        count += facts_of_shard(snapshot_block(snapshot, shard), shard, &news, out + count);
    }
    arena_free(arena);
    return count;
}

static void assert_snapshot(const struct snapshot *snapshot, const struct order *order, int count)
{
    size_t max = (size_t)count * BATCH_MAX + 1;
    struct fact *expected = calloc(max, sizeof(*expected)),
                *found = calloc(max * 2, sizeof(*found));
    int expected_count = facts_expected(order, count, expected);
    struct snapshot_extent extent;

    assert_int_equal(snapshot_seq(snapshot), expected_count);
    assert_int_equal(facts_found(snapshot, found), expected_count);
    snapshot_extent(snapshot, &extent);
    assert_int_equal(extent.event_count, expected_count);
    for (int i = 0; i < expected_count; i++) {
        assert_memory_equal(&found[i], &expected[i], offsetof(struct engine_event, value));
        assert_in_range(expected[i].event.second, extent.first, extent.last);
        assert_memory_equal(found[i].values, expected[i].values, sizeof(found[i].values));
    }
    free(expected);
    free(found);
}

static void assert_store(struct store *store, const struct order *order)
{
    const struct snapshot *snapshot = store_snapshot(store);

    assert_snapshot(snapshot, order, order->count);
    store_release(store, snapshot);
}

/* ---- a store in a folder of its own -------------------------------------------------- */

static char folder[64];
static int damage_count;
static char damage_text[256];

static void damaged(void *user, struct str file, const char *why)
{
    (void)user;
    damage_count++;
    snprintf(damage_text, sizeof(damage_text), "%.*s: %s", STR(file), why);
}

static const struct store_options small = {
    .schema = {.posting_kinds = {1}, .posting_count = 1},
    .tail_max = 40,
    .merge_min = 300,
    .unmerged_max = 2000,
    .log_bytes = 8192,
    .is_manual = true,
    .damaged = damaged,
};

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/papilio-store-XXXXXX");
    damage_count = 0;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    return folder_remove(str_of(folder)) != OK;
}

static struct store *open_store(const struct store_options *options)
{
    struct store *store;

    assert_int_equal(store_open(str_of(folder), options, &store), OK);
    return store;
}

static void take(struct store *store, struct order *order, int feed, int64_t position)
{
    struct batch_room room;
    struct store_batch batch = batch_of(feed, position, &room);
    bool is_known = position <= store_position(store, feed);
    uint64_t seq;

    assert_int_equal(store_append(store, &batch, &seq), OK);
    assert_int_equal(store_position(store, feed),
                     is_known ? store_position(store, feed) : position);
    if (is_known)
        return;
    assert_true(order->count < ORDER_MAX);
    order->batches[order->count].feed = feed;
    order->batches[order->count++].position = position;
}

static void take_next(struct store *store, struct order *order, int count)
{
    for (int i = 0; i < count; i++) {
        int feed = (int)random_below(2);

        take(store, order, feed, store_position(store, feed) + 1 + (int64_t)random_below(2));
    }
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void random_work(struct store **store, struct order *order, const struct snapshot **held,
                        int *held_count)
{
    bool did;

    switch (random_below(12)) {
    case 0:
        assert_int_equal(store_merge(*store), OK);
        break;
    case 1:
        take(*store, order, 0,
             store_position(*store, 0) > 0 ? store_position(*store, 0) : 1); /* once more */
        break;
    case 2:
    case 3:
    case 4:
        assert_int_equal(store_step(*store, &did), OK);
        break;
    case 5:
        if (*held != NULL) { /* as it was, whatever happened since */
            assert_snapshot(*held, order, *held_count);
            store_release(*store, *held);
        }
        *held = store_snapshot(*store);
        *held_count = order->count;
        break;
    case 6:
        if (random_below(4) > 0)
            break;
        if (*held != NULL)
            store_release(*store, *held);
        *held = NULL;
        store_close(*store);
        *store = open_store(&small);
        break;
    default:
        take_next(*store, order, (int)random_below(8));
    }
}

static void random_work_agrees(void **state)
{
    struct order *order = calloc(1, sizeof(*order));
    struct store *store = open_store(&small);
    const struct snapshot *held = NULL;
    struct store_figures figures;
    int held_count = 0;

    (void)state;
    for (int i = 0; i < 600; i++) {
        random_work(&store, order, &held, &held_count);
        if (i % 20 == 0)
            assert_store(store, order);
    }
    assert_store(store, order);
    if (held != NULL)
        store_release(store, held);
    assert_int_equal(store_merge(store), OK);
    assert_store(store, order);
    store_figures(store, &figures);
    assert_int_equal(figures.unmerged_count, 0);
    assert_int_equal(figures.event_count, figures.seq);
    assert_int_equal(figures.shard_count, 5);
    assert_int_equal(damage_count, 0);
    store_close(store);
    free(order);
}

/* The shortest way over the border between blocks and log. */
static void one_event_behind_a_merge(void **state)
{
    struct order *order = calloc(1, sizeof(*order));
    struct store *store = open_store(&small);
    struct batch_room room;
    int64_t position;

    (void)state;
    take_next(store, order, 30);
    assert_int_equal(store_merge(store), OK);
    position = store_position(store, 0) + 1;
    while (batch_of(0, position, &room).events.count != 1)
        position++;
    take(store, order, 0, position);
    store_close(store);
    store = open_store(&small);
    assert_store(store, order);
    store_close(store);
    free(order);
}

static void bad_batches(void **state)
{
    struct store *store = open_store(&small), *second;
    struct engine_event event = {.customer = STORE_CUSTOMER_MAX, .value = EVENTS_NO_VALUE};
    struct store_batch batch = {0, 1, {&event, 1, NULL, 0}};
    uint64_t seq;

    (void)state;
    assert_int_equal(store_append(store, &batch, &seq), E_INPUT);
    event.customer--;
    event.value = 0;
    assert_int_equal(store_append(store, &batch, &seq), E_INPUT);
    event.value = EVENTS_NO_VALUE;
    batch.feed = STORE_FEED_COUNT;
    assert_int_equal(store_append(store, &batch, &seq), E_INPUT);
    batch.feed = 0;
    batch.position = 0;
    assert_int_equal(store_append(store, &batch, &seq), E_INPUT);
    batch.position = 1;
    assert_int_equal(store_append(store, &batch, &seq), OK);
    assert_int_equal(seq, 1);
    assert_int_equal(store_sync(store, seq), OK);
    assert_int_equal(store_open(str_of(folder), &small, &second), E_CONFLICT);
    store_close(store);
}

/* ---- kills --------------------------------------------------------------------------------- */

/* Appends and syncs until it is killed; says what was acknowledged. */
static void kill_child(int report)
{
    struct store *store;
    struct store_options options = small;

    options.is_manual = false;
    options.merge_min = 100;
    if (store_open(str_of(folder), &options, &store) != OK)
        _exit(7);
    for (int64_t position = store_position(store, 0) + 1;; position++) {
        struct batch_room room;
        struct store_batch batch = batch_of(0, position, &room);
        uint64_t seq;

        if (store_append(store, &batch, &seq) != OK || store_sync(store, seq) != OK)
            _exit(8);
        if (write(report, &position, sizeof(position)) != sizeof(position))
            _exit(9);
    }
}

static int64_t kill_once(int64_t acknowledged)
{
    int ends[2], status;
    pid_t child;
    int64_t position;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0)
        kill_child(ends[1]);
    close(ends[1]);
    usleep((useconds_t)(20000 + random_below(100000)));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (read(ends[0], &position, sizeof(position)) == sizeof(position)) {
        assert_int_equal(position, acknowledged + 1);
        acknowledged = position;
    }
    close(ends[0]);
    return acknowledged;
}

static void kills_lose_nothing(void **state)
{
    const char *rounds = getenv("KILL_ROUNDS");
    int count = rounds != NULL ? (int)strtol(rounds, NULL, 10) : 10;
    struct order *order = calloc(1, sizeof(*order));
    int64_t acknowledged = 0, before = 0;

    (void)state;
    for (int i = 0; i < count; i++) {
        struct store *store;
        int64_t position;

        acknowledged = kill_once(acknowledged);
        store = open_store(&small);
        position = store_position(store, 0);
        assert_in_range(position, acknowledged, acknowledged + 1);
        for (before = order->count; before < position && before < ORDER_MAX; before++)
            order->batches[order->count++].position = before + 1;
        if (position < ORDER_MAX)
            assert_store(store, order);
        acknowledged = position;
        store_close(store);
        if (position > ORDER_MAX - 1000) {
            order->count = 0;
            acknowledged = 0;
            assert_int_equal(folder_remove(str_of(folder)), OK);
        }
    }
    free(order);
}

/* ---- damage -------------------------------------------------------------------------------- */

static void file_flip(const char *name, long at)
{
    char path[512], byte;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 16;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void file_cut(const char *name, long bytes)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(truncate(path, bytes), 0);
}

static void file_lose(const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

/* Opens after a damage: it was told of, and all is there again; and the time after nothing is
 * wrong. */
static void assert_mended(const struct order *order, const char *file)
{
    struct store *store;

    damage_count = 0;
    store = open_store(&small);
    assert_true(damage_count > 0);
    assert_non_null(strstr(damage_text, file));
    assert_store(store, order);
    store_close(store);
    damage_count = 0;
    store = open_store(&small);
    assert_int_equal(damage_count, 0);
    assert_store(store, order);
    store_close(store);
}

static void damaged_blocks_come_back(void **state)
{
    static const char block[] = "block-0000000000000002";
    struct order *order = calloc(1, sizeof(*order));
    struct store *store = open_store(&small);

    (void)state;
    take_next(store, order, 150);
    assert_int_equal(store_merge(store), OK);
    take_next(store, order, 20);
    store_close(store);
    file_flip(block, 20); /* the head */
    assert_mended(order, block);
    file_flip(block, 40000);
    assert_mended(order, block);
    file_cut(block, 5000);
    assert_mended(order, block);
    file_cut(block, 0);
    assert_mended(order, block);
    file_lose(block);
    assert_mended(order, block);
    file_flip("manifest", 9);
    assert_mended(order, "manifest");
    file_flip("manifest", 60);
    file_lose(block);
    assert_mended(order, "manifest");
    free(order);
}

/* Blocks that are seen but have no name yet are taken from under the store: it writes them again.
 */
static void lost_stages_are_written_again(void **state)
{
    struct order *order = calloc(1, sizeof(*order));
    struct store *store = open_store(&small);
    bool did = true, is_lost = false;
    int failures = 0;
    char path[512];

    (void)state;
    take_next(store, order, 150);
    snprintf(path, sizeof(path), "%s/block-%016x.new.%ld", folder, 0, (long)getpid());
    while (did && !is_lost) {
        assert_int_equal(store_step(store, &did), OK);
        is_lost = unlink(path) == 0;
    }
    assert_true(is_lost);
    for (did = true; did && failures < 2;)
        failures += store_step(store, &did) != OK;
    assert_int_equal(failures, 1);
    assert_store(store, order);
    store_close(store);
    store = open_store(&small);
    assert_int_equal(damage_count, 0);
    assert_store(store, order);
    store_close(store);
    free(order);
}

static void last_log(char out[32])
{
    struct arena *arena = arena_new((size_t)1 << 20);
    struct list names;

    assert_int_equal(folder_list(arena, str_of(folder), 1000, &names), OK);
    for (int64_t i = 0; i < names.count; i++) {
        struct str name = ((struct str *)names.at)[i];

        if (str_starts(name, S("log-")))
            snprintf(out, 32, "%.*s", STR(name));
    }
    arena_free(arena);
}

/* Where the records of a log's file end: behind them are zeros only. */
static long log_end(const char *name)
{
    struct arena *arena = arena_new((size_t)1 << 24);
    char path[512];
    struct str bytes;
    size_t end;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(file_read(arena, str_of(path), (size_t)1 << 22, &bytes), OK);
    for (end = bytes.len; end > 0 && bytes.at[end - 1] == 0;)
        end--;
    arena_free(arena);
    return (long)end;
}

static void torn_end_is_cut(void **state)
{
    struct order *order = calloc(1, sizeof(*order));
    struct store *store = open_store(&small);
    char name[32];

    (void)state;
    do
        take_next(store, order, 1);
    while (order->count < 60 || order->batches[order->count - 1].feed != 1 ||
           store_position(store, 1) % 7 == 0);
    store_close(store);
    last_log(name);
    file_flip(name, log_end(name) - 1);
    order->count--; /* as if its write had not come through */
    assert_mended(order, name);
    store = open_store(&small);
    take_next(store, order, 100); /* and it goes on */
    store_close(store);
    store = open_store(&small);
    assert_store(store, order);
    store_close(store);
    free(order);
}

static void damaged_log_is_named(void **state)
{
    struct order *order = calloc(1, sizeof(*order));
    struct store *store = open_store(&small);

    (void)state;
    take_next(store, order, 100);
    store_close(store);
    file_flip("log-0000000000000001", 3000);
    assert_int_equal(store_open(str_of(folder), &small, &store), E_CORRUPT);
    assert_non_null(strstr(damage_text, "log-0000000000000001"));
    file_flip("log-0000000000000001", 3000);
    store = open_store(&small);
    assert_int_equal(store_merge(store), OK);
    store_close(store);
    file_flip("log-0000000000000001", 3000); /* nobody needs it while the blocks are whole */
    store = open_store(&small);
    assert_store(store, order);
    store_close(store);
    file_lose("log-0000000000000001");
    file_lose("block-0000000000000001");
    assert_int_equal(store_open(str_of(folder), &small, &store), E_CORRUPT);
    free(order);
}

/* ---- threads ------------------------------------------------------------------------------- */

struct crowd {
    struct store *store;
    atomic_bool is_over;
    pthread_mutex_t lock; /* appends in order of position */
    int64_t next;
};

static void *crowd_append(void *user)
{
    struct crowd *crowd = user;

    for (int i = 0; i < 300; i++) {
        struct batch_room room;
        struct store_batch batch;
        uint64_t seq;

        pthread_mutex_lock(&crowd->lock);
        batch = batch_of(0, ++crowd->next, &room);
        must(store_append(crowd->store, &batch, &seq) == OK);
        pthread_mutex_unlock(&crowd->lock);
        if (i % 16 == 0)
            must(store_sync(crowd->store, seq) == OK);
    }
    return NULL;
}

/* Every snapshot is the first so many batches, no more and no less. */
static void *crowd_read(void *user)
{
    struct crowd *crowd = user;
    struct order *order = calloc(1, sizeof(*order));

    for (int i = 0; i < ORDER_MAX; i++)
        order->batches[i].position = i + 1;
    while (!crowd->is_over) {
        const struct snapshot *snapshot = store_snapshot(crowd->store);
        uint64_t seq = 0;
        int count = 0;

        while (seq < snapshot_seq(snapshot)) {
            struct batch_room room;

            seq += batch_of(0, ++count, &room).events.count;
        }
        assert_snapshot(snapshot, order, count);
        store_release(crowd->store, snapshot);
    }
    free(order);
    return NULL;
}

static void crowds_agree(void **state)
{
    struct store_options options = small;
    struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t writers[2], reader;
    struct order *order = calloc(1, sizeof(*order));

    (void)state;
    options.is_manual = false;
    crowd.store = open_store(&options);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, crowd_append, &crowd), 0);
    assert_int_equal(pthread_create(&reader, NULL, crowd_read, &crowd), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(writers[i], NULL);
    crowd.is_over = true;
    pthread_join(reader, NULL);
    for (int i = 0; i < 600; i++)
        order->batches[order->count++].position = i + 1;
    assert_store(crowd.store, order);
    store_close(crowd.store);
    crowd.store = open_store(&small);
    assert_store(crowd.store, order);
    store_close(crowd.store);
    free(order);
}

/* The share that starts a merge may never come; what bounds memory starts it too. */
static void appends_never_wait_for_ever(void **state)
{
    struct store_options options = small;
    struct store *store;
    struct order *order = calloc(1, sizeof(*order));

    (void)state;
    options.is_manual = false;
    options.merge_ppm = 1000000;
    options.merge_min = 1000000;
    options.unmerged_max = 100;
    store = open_store(&options);
    for (int i = 0; i < 300; i++) {
        struct batch_room room;
        struct store_batch batch = batch_of(0, i + 1, &room);
        uint64_t seq;

        assert_int_equal(store_append(store, &batch, &seq), OK);
        order->batches[order->count++].position = i + 1;
    }
    assert_store(store, order);
    store_close(store);
    free(order);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_work_agrees),
        TEST(one_event_behind_a_merge),
        TEST(bad_batches),
        TEST(kills_lose_nothing),
        TEST(damaged_blocks_come_back),
        TEST(lost_stages_are_written_again),
        TEST(torn_end_is_cut),
        TEST(damaged_log_is_named),
        TEST(crowds_agree),
        TEST(appends_never_wait_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
