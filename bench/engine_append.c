/* engine-append: events into the store with its log, in batches of 1,000, merges included, with an
 * fdatasync now and then as a group of clients would ask for, and funnels all the while on another
 * thread. engine-append-queries: what such a funnel takes at the rate that is promised, beside its
 * time on the quiet store. Beside a bare write of the same bytes to a file. */
#include "bench.h"

#include "engine_data.h"

#include "engine/scan.h"
#include "host/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MEAN 100
#define BASE_PERCENT 73 /* in blocks before the clock starts */
#define PIECE 50000     /* events between two syncs */
#define ROUNDS 9
#define RATE 2e6 /* events a second that are promised */
#define QUERY_MAX 512

static struct data data;
static struct store *store;
static atomic_bool is_over;

static double thread_cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double funnel_us(const struct snapshot *snapshot)
{
    struct scan scan = {.snapshot = snapshot};
    struct scan_funnel query = {.kinds = {DATA_VIEW, DATA_CLICK, DATA_CART, DATA_ORDER},
                                .step_count = 4,
                                .window = 7 * DATA_DAY};
    int64_t levels[SCAN_STEP_MAX + 1];
    double start_us = thread_cpu_us();

    scan_funnel(&scan, &query, levels);
    return thread_cpu_us() - start_us;
}

/* The funnel on what is known now and, taking turns, on a snapshot held since all was in blocks.
 * Now there are more events than there were then: the ratio is of the time an event. */
struct asking {
    const struct snapshot *quiet;
    double us[QUERY_MAX], quiet_us[QUERY_MAX], ratio[QUERY_MAX];
    int count;
};

static double event_count(const struct snapshot *snapshot)
{
    struct snapshot_extent extent;

    snapshot_extent(snapshot, &extent);
    return (double)extent.event_count;
}

static void ask(struct asking *asking)
{
    const struct snapshot *snapshot = store_snapshot(store);
    int at = asking->count++;

    asking->us[at] = funnel_us(snapshot);
    asking->quiet_us[at] = funnel_us(asking->quiet);
    asking->ratio[at] = asking->us[at] / event_count(snapshot) /
                        (asking->quiet_us[at] / event_count(asking->quiet));
    store_release(store, snapshot);
}

static void *ask_on(void *user)
{
    struct asking *asking = user;

    while (!is_over && asking->count < QUERY_MAX)
        ask(asking);
    return NULL;
}

static void asking_print(struct asking *asking, const char *name, const char *note)
{
    struct bench_row row = {
        .name = name, .unit = "ms", .peer = "all in blocks", .bar = 1.3, .note = note};

    row.value = bench_median(asking->us, asking->count) / 1000;
    row.peer_value = bench_median(asking->quiet_us, asking->count) / 1000;
    row.ratio = bench_median(asking->ratio, asking->count);
    bench_row_print(&row);
    asking->count = 0;
}

static void wait_until(double at_us)
{
    double left_us = at_us - bench_now_us();
    struct timespec moment = {0, (long)(left_us * 1000)};

    if (left_us > 0 && left_us < 1e6)
        nanosleep(&moment, NULL);
}

/* Seconds for these events, not before their time is come if there is a rate. */
static double append_s(size_t from, size_t to, double rate)
{
    double start_us = bench_now_us();

    for (size_t at = from; at < to; at += PIECE) {
        struct store_figures figures;

        data_append(&data, store, at, at + PIECE < to ? at + PIECE : to);
        store_figures(store, &figures);
        must(store_sync(store, figures.seq) == OK);
        if (rate > 0)
            wait_until(start_us + (double)(at + PIECE - from) / rate * 1e6);
    }
    return (bench_now_us() - start_us) / 1e6;
}

/* The same with funnels on another thread. */
static double append_asked_s(struct asking *asking, size_t from, size_t to, double rate)
{
    pthread_t thread;
    double seconds;

    is_over = false;
    must(pthread_create(&thread, NULL, ask_on, asking) == 0);
    seconds = append_s(from, to, rate);
    is_over = true;
    pthread_join(thread, NULL);
    return seconds;
}

/* The limit: the log's bytes alone, written and synced as often. */
static double write_s(const char *folder, size_t count)
{
    size_t bytes = (size_t)PIECE * sizeof(struct engine_event);
    char path[128];
    char *piece = calloc(1, bytes);
    double start_us;
    int fd;

    snprintf(path, sizeof(path), "%s/bare", folder);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && piece != NULL);
    start_us = bench_now_us();
    for (size_t done = 0; done < count; done += PIECE) {
        must(write(fd, piece, bytes) == (ssize_t)bytes);
        must(fdatasync(fd) == 0);
    }
    start_us = (bench_now_us() - start_us) / 1e6;
    close(fd);
    unlink(path);
    free(piece);
    return start_us;
}

/* The share the engine is built to keep: 3 % not yet in blocks, once they have been sorted. Returns
 * up to where. */
static size_t bench_unmerged(struct asking *asking, size_t from)
{
    struct timespec moment = {0, 300000000};
    size_t to = from + from / 100 * 3;

    data_append(&data, store, from, to);
    nanosleep(&moment, NULL);
    for (int i = 0; i < ROUNDS; i++)
        ask(asking);
    asking_print(asking, "engine-unmerged", "the funnel with 3 % of the events not yet in blocks");
    return to;
}

static void bench_queries(struct asking *asking, size_t from, size_t to)
{
    double seconds = append_asked_s(asking, from, to, RATE);
    struct store_figures figures;
    char note[128];

    store_figures(store, &figures);
    snprintf(
        note, sizeof(note),
        "the median of %d funnels while %.2f M/s were appended; then %.1f %% not yet in blocks",
        asking->count, (double)(to - from) / seconds / 1e6,
        (double)figures.unmerged_count * 100 / (double)figures.event_count);
    asking_print(asking, "engine-append-queries", note);
}

static void bench_append(struct asking *asking, const char *folder, size_t from, size_t to)
{
    struct bench_row row = {.name = "engine-append",
                            .unit = "M events/s",
                            .peer = "the bar",
                            .peer_value = RATE / 1e6,
                            .bar = 1,
                            .is_at_least = true};
    double bare = write_s(folder, to - from);
    double seconds = append_asked_s(asking, from, to, 0);
    char note[128];

    row.value = (double)(to - from) / seconds / 1e6;
    row.ratio = row.value / row.peer_value;
    snprintf(
        note, sizeof(note),
        "at full speed, with log, merges and %d pairs of funnels; the log's bytes alone %.2f M/s",
        asking->count, (double)(to - from) / bare / 1e6);
    row.note = note;
    bench_row_print(&row);
}

static void bench_run(const char *folder)
{
    static struct asking asking;
    size_t base = data.count / 100 * BASE_PERCENT, middle;

    data_append(&data, store, 0, base);
    must(store_merge(store) == OK);
    asking.quiet = store_snapshot(store);
    base = bench_unmerged(&asking, base);
    middle = base + (data.count - base) / 2;
    bench_queries(&asking, base, middle);
    bench_append(&asking, folder, middle, data.count);
    store_release(store, asking.quiet);
}

int main(void)
{
    struct store_options options = {.schema = data_schema};
    char folder[] = "/tmp/papilio-append-XXXXXX";

    if (!bench_wants("engine-append") && !bench_wants("engine-append-queries") &&
        !bench_wants("engine-unmerged"))
        return 0;
    must(mkdtemp(folder) != NULL);
    data_make(&data, data_customers(), MEAN);
    must(store_open(str_of(folder), &options, &store) == OK);
    bench_run(folder);
    store_close(store);
    data_free(&data);
    must(folder_remove(str_of(folder)) == OK);
    return 0;
}
