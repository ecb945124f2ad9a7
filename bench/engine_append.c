/* engine-append: events into the store with its log, in batches of 1,000, merges included, with an
 * fdatasync now and then as a group of clients would ask for; and how long the funnel takes
 * meanwhile, beside its time on the quiet store. Beside a bare write of the same bytes to a file.
 */
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

/* The funnel on what is known now and, taking turns, on a snapshot held since all was in blocks. */
struct asking {
    const struct snapshot *quiet;
    double us[QUERY_MAX], quiet_us[QUERY_MAX], ratio[QUERY_MAX];
    int count;
};

static void ask(struct asking *asking)
{
    const struct snapshot *snapshot = store_snapshot(store);
    int at = asking->count++;

    asking->us[at] = funnel_us(snapshot);
    asking->quiet_us[at] = funnel_us(asking->quiet);
    asking->ratio[at] = asking->us[at] / asking->quiet_us[at];
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

static double append_s(size_t from, size_t to)
{
    double start_us = bench_now_us();

    for (; from < to; from += PIECE) {
        struct store_figures figures;

        data_append(&data, store, from, from + PIECE < to ? from + PIECE : to);
        store_figures(store, &figures);
        must(store_sync(store, figures.seq) == OK);
    }
    return (bench_now_us() - start_us) / 1e6;
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

static void bench_run(const char *folder)
{
    static struct asking asking;
    struct bench_row row = {.name = "engine-append",
                            .unit = "M events/s",
                            .peer = "the bar",
                            .peer_value = 2,
                            .bar = 1,
                            .is_at_least = true};
    size_t base = data.count / 100 * BASE_PERCENT;
    pthread_t thread;
    double seconds, bare;

    data_append(&data, store, 0, base);
    must(store_merge(store) == OK);
    asking.quiet = store_snapshot(store);
    base = bench_unmerged(&asking, base);
    bare = write_s(folder, data.count - base);
    must(pthread_create(&thread, NULL, ask_on, &asking) == 0);
    seconds = append_s(base, data.count);
    is_over = true;
    pthread_join(thread, NULL);
    store_release(store, asking.quiet);
    row.value = (double)(data.count - base) / seconds / 1e6;
    row.ratio = row.value / row.peer_value;
    row.note = "with its log, merges, and funnels all the while on another thread";
    printf("%zu events in %.2f s; the log's bytes alone: %.2f s; %d pairs of funnels meanwhile\n",
           data.count - base, seconds, bare, asking.count);
    bench_row_print(&row);
    asking_print(&asking, "engine-append-queries",
                 "at full speed, far more than 3 % wait to be merged");
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
