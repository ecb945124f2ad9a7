/* Questions over generated events beside the prototype's kernels in the same run, one thread, CPU
 * time, taking turns. Where the engine's answer rests on summaries, so does the prototype's; the
 * rows named -columns use none. ENGINE_CUSTOMERS=1000000 for 100 M events. */
#include "bench.h"

#include "engine_proto.h"

#include "engine/scan.h"
#include "host/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEAN 100
#define ROUNDS 15

static struct data data;
static struct proto proto;
static const struct snapshot *snapshot;
static struct bitmap tagged;

static double cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* ---- the questions; each gives its answer as numbers to be compared ---------------------- */

#define ANSWER_MAX 4096

typedef void question(bool is_columns, int64_t *answer);

static struct scan scan_of(bool is_columns)
{
    return (struct scan){.snapshot = snapshot, .is_columns_only = is_columns};
}

static const uint8_t common_steps[4] = {DATA_VIEW, DATA_CLICK, DATA_CART, DATA_ORDER};
static const uint8_t rare_steps[4] = {DATA_SCAN, DATA_ADD_FRIEND, DATA_MESSAGE, DATA_ORDER};

static void funnel_ours(const uint8_t kinds[4], int way, int64_t *answer)
{
    struct scan_funnel query = {.step_count = 4, .window = 7 * DATA_DAY};
    struct scan scan = scan_of(false);
    int64_t levels[SCAN_STEP_MAX + 1];

    query.way = way;
    for (int i = 0; i < 4; i++)
        query.kinds[i] = kinds[i];
    scan_funnel(&scan, &query, levels);
    memcpy(answer, levels, 5 * sizeof(*answer));
}

static void ours_funnel(bool is_columns, int64_t *answer)
{
    funnel_ours(common_steps, is_columns ? SCAN_FORWARD : SCAN_EITHER, answer);
}

static void theirs_funnel(bool is_columns, int64_t *answer)
{
    if (is_columns)
        proto_funnel(&proto, common_steps, (uint64_t *)answer);
    else
        proto_funnel_back(&proto, common_steps, (uint64_t *)answer);
}

static void ours_sparse(bool is_columns, int64_t *answer)
{
    (void)is_columns;
    funnel_ours(rare_steps, SCAN_EITHER, answer);
}

static void theirs_sparse(bool is_columns, int64_t *answer)
{
    (void)is_columns;
    proto_funnel(&proto, rare_steps, (uint64_t *)answer);
}

static void ours_segment(bool is_columns, int64_t *answer)
{
    const struct bitmap *any[DATA_TAGS];
    struct bitmap_terms terms = {.any = any, .any_count = DATA_TAGS};
    struct scan scan = scan_of(is_columns);
    struct scan_segment query = {
        .conditions = {{DATA_VIEW, DATA_NOW - 30 * DATA_DAY, DATA_NOW, 3, UINT32_MAX},
                       {DATA_ORDER, DATA_NOW - 90 * DATA_DAY, DATA_NOW, 1, UINT32_MAX},
                       {DATA_MESSAGE, DATA_NOW - 7 * DATA_DAY, DATA_NOW, 0, 0}},
        .condition_count = 3,
    };

    for (int i = 0; i < DATA_TAGS; i++)
        any[i] = &data.tags[i];
    bitmap_combine(&terms, &tagged);
    scan.only = &tagged;
    answer[0] = scan_segment(&scan, &query, NULL);
}

static void theirs_segment(bool is_columns, int64_t *answer)
{
    answer[0] = (int64_t)proto_segment(&proto, !is_columns);
}

static void ours_rfm(bool is_columns, int64_t *answer)
{
    struct scan scan = scan_of(is_columns);
    int64_t cells[5][5][5];

    scan_rfm(&scan, DATA_ORDER, cells);
    memcpy(answer, cells, sizeof(cells));
}

static void theirs_rfm(bool is_columns, int64_t *answer)
{
    proto_rfm(&proto, !is_columns, (uint64_t *)answer);
}

static void ours_cohort(bool is_columns, int64_t *answer)
{
    static int64_t sizes[SCAN_COHORT_MAX], active[SCAN_COHORT_MAX][SCAN_COHORT_MAX];
    struct scan_cohort query = {.first_week = 28, .cohort_count = 12, .week_count = 12};
    struct scan scan = scan_of(is_columns);

    scan_cohort(&scan, &query, sizes, active);
    for (int i = 0; i < 12; i++) {
        memcpy(answer + i * 13L, active[i], 12 * sizeof(*answer));
        answer[i * 13 + 12] = sizes[i];
    }
}

static void theirs_cohort(bool is_columns, int64_t *answer)
{
    proto_cohort(&proto, !is_columns, (uint64_t(*)[13])answer);
}

static void ours_channels(bool is_columns, int64_t *answer)
{
    struct scan scan = scan_of(is_columns);

    scan_channels(&scan, DATA_ORDER, (struct scan_channel *)answer, 256);
}

static void theirs_channels(bool is_columns, int64_t *answer)
{
    (void)is_columns;
    proto_channels(&proto, (uint64_t(*)[4])answer);
}

static void ours_repurchase(bool is_columns, int64_t *answer)
{
    struct scan scan = scan_of(is_columns);

    scan_intervals(&scan, DATA_ORDER, answer);
}

static void theirs_repurchase(bool is_columns, int64_t *answer)
{
    proto_intervals(&proto, !is_columns, (uint64_t *)answer);
}

static void ours_paths(bool is_columns, int64_t *answer)
{
    struct scan scan = scan_of(is_columns);

    scan_paths(&scan, DATA_NOW - 90 * DATA_DAY, 64, answer);
}

static void theirs_paths(bool is_columns, int64_t *answer)
{
    (void)is_columns;
    proto_paths(&proto, (uint64_t(*)[64])answer);
}

/* ---- rounds -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    question *ours, *theirs;
    bool is_columns;
    double bar;
} questions[] = {
    {"engine-funnel-proto", ours_funnel, theirs_funnel, false, 1.5},
    {"engine-funnel-proto-forward", ours_funnel, theirs_funnel, true, 1.5},
    {"engine-funnel-sparse-proto", ours_sparse, theirs_sparse, false, 1.5},
    {"engine-segment-proto", ours_segment, theirs_segment, false, 2},
    {"engine-segment-proto-columns", ours_segment, theirs_segment, true, 2},
    {"engine-rfm-proto", ours_rfm, theirs_rfm, false, 2},
    {"engine-rfm-proto-columns", ours_rfm, theirs_rfm, true, 2},
    {"engine-cohort-proto", ours_cohort, theirs_cohort, false, 2},
    {"engine-cohort-proto-columns", ours_cohort, theirs_cohort, true, 2},
    {"engine-channels-proto", ours_channels, theirs_channels, false, 1.5},
    {"engine-repurchase-proto", ours_repurchase, theirs_repurchase, false, 2},
    {"engine-repurchase-proto-columns", ours_repurchase, theirs_repurchase, true, 2},
    {"engine-paths-proto", ours_paths, theirs_paths, false, 1.5},
};

static double ask_us(question *ask, bool is_columns, int64_t *answer)
{
    double start_us;

    memset(answer, 0, ANSWER_MAX * sizeof(*answer));
    start_us = cpu_us();
    ask(is_columns, answer);
    return cpu_us() - start_us;
}

static void bench_question(size_t at)
{
    static int64_t ours[ANSWER_MAX], theirs[ANSWER_MAX];
    struct bench_row row = {.name = questions[at].name,
                            .unit = "ms",
                            .peer = "prototype kernel",
                            .bar = questions[at].bar};
    double us[ROUNDS], peer_us[ROUNDS], ratio[ROUNDS];

    if (!bench_wants(row.name))
        return;
    for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
        int to = round < 0 ? 0 : round;

        us[to] = ask_us(questions[at].ours, questions[at].is_columns, ours);
        peer_us[to] = ask_us(questions[at].theirs, questions[at].is_columns, theirs);
        ratio[to] = us[to] / peer_us[to];
        must(memcmp(ours, theirs, sizeof(ours)) == 0);
    }
    row.value = bench_median(us, ROUNDS) / 1000;
    row.peer_value = bench_median(peer_us, ROUNDS) / 1000;
    row.ratio = bench_median(ratio, ROUNDS);
    bench_row_print(&row);
}

/* Standard columns: kind, time, channel, amount; with everything the files hold. */
static void bench_bytes(struct store *store)
{
    struct bench_row row = {.name = "engine-bytes",
                            .unit = "bytes/event",
                            .peer = "the bar",
                            .peer_value = 12,
                            .bar = 1};
    struct store_figures figures;

    store_figures(store, &figures);
    row.value = (double)figures.block_bytes / (double)figures.event_count;
    row.ratio = row.value / row.peer_value;
    if (bench_wants(row.name))
        bench_row_print(&row);
}

/* Opening what was closed, to the first answer. */
static struct store *bench_open(const char *folder, const struct store_options *options)
{
    struct bench_row row = {.name = "engine-open",
                            .unit = "s",
                            .peer = "the bar, for 100 M events",
                            .peer_value = 2,
                            .bar = 1};
    double start_us = bench_now_us();
    struct store *store;
    int64_t answer[5];

    must(store_open(str_of(folder), options, &store) == OK);
    snapshot = store_snapshot(store);
    funnel_ours(common_steps, SCAN_EITHER, answer);
    row.value = (bench_now_us() - start_us) / 1e6;
    row.ratio = row.value / row.peer_value;
    if (bench_wants(row.name))
        bench_row_print(&row);
    return store;
}

static bool wants_any(void)
{
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        if (bench_wants(questions[i].name))
            return true;
    }
    return bench_wants("engine-bytes") || bench_wants("engine-open");
}

int main(void)
{
    struct store_options options = {.schema = data_schema, .unmerged_max = 4000000};
    char folder[] = "/tmp/papilio-engine-XXXXXX";
    struct store *store;

    if (!wants_any())
        return 0;
    if (!proto_can()) {
        puts("engine-...-proto: the prototype's kernels need AVX-512");
        return 0;
    }
    must(mkdtemp(folder) != NULL);
    bitmap_init(&tagged);
    data_make(&data, data_customers(), MEAN);
    must(store_open(str_of(folder), &options, &store) == OK);
    data_append(&data, store, 0, data.count);
    must(store_merge(store) == OK);
    bench_bytes(store);
    store_close(store);
    store = bench_open(folder, &options);
    proto_make(&proto, &data, snapshot);
    printf("%zu events of %u customers\n", data.count, data.customer_count);
    for (size_t i = 0; i < ARRAY_LEN(questions); i++)
        bench_question(i);
    store_release(store, snapshot);
    store_close(store);
    must(folder_remove(str_of(folder)) == OK);
    return 0;
}
