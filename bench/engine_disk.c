/* What the engine keeps, on the disk and in memory, seen by a process that only opens it; another
 * one made it. engine-bytes: of blocks, an event. engine-open: opening what was closed, to the
 * first answer. engine-timeline: the query for a customer's latest events while their block is not
 * in memory. segment-preview: a query of tags and an attribute. engine-memory: what this process
 * holds besides mapped blocks, when all of that was asked. ENGINE_CUSTOMERS=1000000 for 100 M
 * events. */
#include "engine_questions.h"
#include "engine_segments.h"

#include "host/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEAN 100
#define CUSTOMERS 1000000    /* with tags, however few have events */
#define UNMERGED_PERMILLE 25 /* as many as there are before the next merge */
#define LATEST 50
#define TIMELINES 1000
#define TIMELINE "\"timeline\",\"person\":%u,\"limit\":%d"
#define PREVIEW                                                                                    \
    "\"segment\",\"who\":{\"all\":[{\"tag\":[\"%d\",\"%d\",\"%d\",\"%d\",\"%d\"]},{\"tag\":\"%"    \
    "d\"},"                                                                                        \
    "{\"attribute\":\"age\",\"between\":[20,60]},{\"not\":{\"tag\":[\"%d\",\"%d\"]}}]}"
#define ROUNDS 101
#define PAGE_BYTES 4096
#define PAGES_MAX 65536 /* of a block */

static struct store_options options = {.merge_ppm = 1000000, .unmerged_max = 1 << 25};
static struct world world; /* of its data only the tags */
static struct asker asker = {.data = &world.data};

static void row_print(const char *name, const char *unit, double value, double limit,
                      const char *note)
{
    struct bench_row row = {.name = name,
                            .unit = unit,
                            .peer = "the limit",
                            .value = value,
                            .peer_value = limit,
                            .ratio = value / limit,
                            .bar = 1,
                            .note = note};

    if (bench_wants(name))
        bench_row_print(&row);
}

/* ---- the store ------------------------------------------------------------------------------- */

static void store_make(const char *folder)
{
    struct data made;
    struct store *store;
    size_t merged;

    data_make(&made, data_customers(), MEAN);
    must(store_open(str_of(folder), &options, &store) == OK);
    merged = made.count / 1000 * (1000 - UNMERGED_PERMILLE);
    data_append(&made, store, 0, merged);
    must(store_merge(store) == OK);
    data_append(&made, store, merged, made.count);
    store_close(store);
}

/* In a process of its own, so that what it took is given back. */
static void store_make_aside(const char *folder)
{
    pid_t pid = fork();
    int status;

    must(pid >= 0);
    if (pid == 0) {
        store_make(folder);
        _exit(0);
    }
    must(waitpid(pid, &status, 0) == pid && status == 0);
}

/* Standard columns: kind, time, channel, amount; with everything the files hold. */
static void bench_bytes(void)
{
    struct store_figures figures;
    int64_t count;
    char note[96];

    store_figures(world.store, &figures);
    count = figures.event_count - figures.unmerged_count;
    snprintf(note, sizeof(note), "%" PRId64 " events of %u customers in %" PRId64 " blocks", count,
             data_customers(), figures.shard_count);
    row_print("engine-bytes", "bytes/event", (double)figures.block_bytes / (double)count, 12, note);
}

static struct store *bench_open(const char *folder)
{
    static int64_t answer[ANSWER_MAX];
    double start_us = bench_now_us();
    struct store *store;

    must(store_open(str_of(folder), &options, &store) == OK);
    asker.scan.snapshot = store_snapshot(store);
    question_us(&asker, &questions[0], true, answer);
    row_print(
        "engine-open", "s", (bench_now_us() - start_us) / 1e6, 2,
        "every block checked whole, one event in forty read from the log, then a funnel over all");
    return store;
}

/* ---- a customer's latest events ----------------------------------------------------------- */

static bool is_any_in_memory(const struct block *block)
{
    static unsigned char in_memory[PAGES_MAX];
    size_t pages = (block->bytes.len + PAGE_BYTES - 1) / PAGE_BYTES;

    must(pages <= PAGES_MAX &&
         mincore((char *)(uintptr_t)block->bytes.at, block->bytes.len, in_memory) == 0);
    for (size_t i = 0; i < pages; i++) {
        if (in_memory[i] & 1)
            return true;
    }
    return false;
}

/* Takes the block's pages out of this process and the system's memory. Again, while some are still
 * on their way in. */
static void make_cold(const char *folder, const struct block *block)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/block-%016x", folder, block->shard);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0);
    for (int tries = 0; tries == 0 || is_any_in_memory(block); tries++) {
        must(tries < 1000);
        must(madvise((char *)(uintptr_t)block->bytes.at, block->bytes.len, MADV_DONTNEED) == 0);
        must(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
    }
    close(fd);
}

/* The page of a customer: the query, from its text to its rows. */
static int64_t latest(uint32_t customer)
{
    struct answer_options usual = {0};
    struct answer answer = {0};
    struct arena *arena = arena_new((size_t)1 << 30);
    struct query query;
    int64_t count;

    bitmap_init(&answer.members);
    world_query(&world, arena, str_fmt(arena, TIMELINE, customer, LATEST).at, &query);
    must(answer_run(arena, &query, &world.moment, &usual, &answer) == OK);
    count = answer.row_count;
    bitmap_release(&answer.members);
    arena_free(arena);
    return count;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void bench_timeline(const char *folder)
{
    static double us[TIMELINES];
    uint32_t customer = 12345;
    int64_t sum = 0;
    char note[96];

    for (int i = 0; i < TIMELINES; i++) {
        const struct block *block;
        double start_us;

        customer = (uint32_t)(((uint64_t)customer * 611953 + 7919) % data_customers());
        block = snapshot_block(asker.scan.snapshot, customer / SHARD_NUMBERS);
        make_cold(folder, block);
        start_us = bench_now_us();
        sum += latest(customer);
        us[i] = bench_now_us() - start_us;
    }
    qsort(us, TIMELINES, sizeof(*us), by_value);
    snprintf(note, sizeof(note),
             "p99 of %d customers, p50 %.2f ms; the block's pages dropped before each", TIMELINES,
             us[TIMELINES / 2] / 1000);
    must(sum > 0);
    row_print("engine-timeline", "ms", us[TIMELINES / 100 * 99] / 1000, 5, note);
}

/* ---- tags and attributes --------------------------------------------------------------------- */

static double bench_thread_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* One of five tags, and a sixth, of an age, without two more tags. */
static int64_t preview(int round)
{
    struct answer_options usual = {0};
    struct answer answer = {0};
    struct arena *arena = arena_new((size_t)1 << 30);
    struct query query;
    int64_t count;
    int tags[8];

    for (int i = 0; i < 8; i++)
        tags[i] = 1 + (round + i * 7) % DATA_TAGS;
    bitmap_init(&answer.members);
    world_query(&world, arena,
                str_fmt(arena, PREVIEW, tags[0], tags[1], tags[2], tags[3], tags[4], tags[5],
                        tags[6], tags[7])
                    .at,
                &query);
    must(answer_run(arena, &query, &world.moment, &usual, &answer) == OK);
    count = bitmap_count(&answer.members);
    bitmap_release(&answer.members);
    arena_free(arena);
    return count;
}

static void bench_preview(void)
{
    double us[ROUNDS];
    int64_t sum = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double start_us = bench_thread_us();

        sum += preview(round);
        us[round] = bench_thread_us() - start_us;
    }
    must(sum > 0);
    row_print("segment-preview", "ms", bench_median(us, ROUNDS) / 1000, 1,
              "CPU time of the query: eight of 500 tags and an attribute, of a million customers");
}

/* ---- memory ---------------------------------------------------------------------------------- */

static double held_mb(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[128];
    long kb, sum = 0;

    must(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "RssAnon: %ld kB", &kb) == 1 || sscanf(line, "RssShmem: %ld kB", &kb) == 1)
            sum += kb;
    }
    fclose(file);
    return (double)sum / 1024;
}

/* Everybody was asked about every segment, and who is due some second is known. */
static void bench_memory(void)
{
    static int64_t answer[ANSWER_MAX];
    struct segments segments;
    struct store_figures figures;
    int64_t member_count;
    char note[192];

    segments_begin(&segments, &world);
    segments_add(&segments, 0, SEGMENT_COUNT, false);
    member_count = segments_settle(&segments, DATA_NOW);
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        question_us(&asker, &questions[i], true, answer);
    store_figures(world.store, &figures);
    snprintf(note, sizeof(note),
             "%d tags, %d live segments with %" PRId64 " members, %.1f M of %.1f M events not in "
             "blocks; every question was asked",
             DATA_TAGS, SEGMENT_COUNT, member_count, (double)figures.unmerged_count / 1e6,
             (double)figures.event_count / 1e6);
    row_print("engine-memory", "MB", held_mb(), 400, note);
    segments_end(&segments);
}

int main(void)
{
    static const char *const names[] = {"engine-bytes", "engine-open", "engine-timeline",
                                        "segment-preview", "engine-memory"};
    char folder[] = "/tmp/papilio-engine-XXXXXX";
    bool is_wanted = false;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        is_wanted = is_wanted || bench_wants(names[i]);
    if (!is_wanted)
        return 0;
    options.schema = data_schema;
    must(mkdtemp(folder) != NULL);
    store_make_aside(folder);
    world.store = bench_open(folder);
    bench_bytes();
    data_tags_make(world.data.tags, CUSTOMERS);
    world.arena = arena_new((size_t)1 << 26);
    world_catalog(&world);
    world_people(&world, CUSTOMERS);
    world.moment.events = asker.scan.snapshot;
    bench_preview();
    bench_memory();
    bench_timeline(folder);
    world_people_free(&world);
    arena_free(world.arena);
    store_release(world.store, asker.scan.snapshot);
    store_close(world.store);
    must(folder_remove(str_of(folder)) == OK);
    return 0;
}
