/* Questions over generated events beside the prototype's kernels in the same run, one thread, CPU
 * time, taking turns. Where the engine's answer rests on summaries, so does the prototype's; the
 * rows named -columns use none. engine-threads: the same on two threads beside one, by the clock on
 * the wall. ENGINE_CUSTOMERS=1000000 for 100 M events. */
#include "engine_questions.h"

#include "host/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEAN 100
#define ROUNDS 15
#define LONG_US 20000 /* what two threads are asked for */

static struct data data;
static struct proto proto;
static struct asker asker = {.data = &data, .proto = &proto};
static int64_t ours[ANSWER_MAX], theirs[ANSWER_MAX];

struct name {
    char text[64];
};

/* engine-x-proto, or engine-x-proto-columns. */
static struct name name_of(const struct question *question, const char *what, bool is_other)
{
    struct name name;

    snprintf(name.text, sizeof(name.text), "%s-%s%s%s", question->name, what, is_other ? "-" : "",
             is_other ? question->other : "");
    return name;
}

/* ---- beside the prototype ------------------------------------------------------------------ */

static void bench_question(const struct question *question, bool is_other)
{
    struct name name = name_of(question, "proto", is_other);
    struct bench_row row = {
        .name = name.text, .unit = "ms", .peer = "prototype kernel", .bar = question->bar};
    double us[ROUNDS], peer_us[ROUNDS], ratio[ROUNDS];

    if (!bench_wants(row.name))
        return;
    asker.scan.is_columns_only = is_other;
    for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
        int to = round < 0 ? 0 : round;

        us[to] = question_us(&asker, question, true, ours);
        peer_us[to] = question_us(&asker, question, false, theirs);
        ratio[to] = us[to] / peer_us[to];
        must(memcmp(ours, theirs, sizeof(ours)) == 0);
    }
    row.value = bench_median(us, ROUNDS) / 1000;
    row.peer_value = bench_median(peer_us, ROUNDS) / 1000;
    row.ratio = bench_median(ratio, ROUNDS);
    bench_row_print(&row);
}

/* ---- two threads ----------------------------------------------------------------------------- */

static double wall_us(const struct question *question, int thread_count, int64_t *answer)
{
    double start_us = bench_now_us();

    asker.scan.thread_count = thread_count;
    (void)question_us(&asker, question, true, answer);
    asker.scan.thread_count = 1;
    return bench_now_us() - start_us;
}

static double process_cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* The least of the rounds each: whoever else uses the machine takes from two threads at once. What
 * they take of the processors together says whether they hinder each other. */
static void bench_threads(const struct question *question, bool is_other)
{
    struct name name = name_of(question, "threads", is_other);
    struct bench_row row = {.name = name.text,
                            .unit = "ms",
                            .peer = "one thread",
                            .bar = strstr(question->name, "rfm") != NULL ? 0.8 : 0.6};
    double one_us[ROUNDS], two_us[ROUNDS], cpu_ratio[ROUNDS];
    char note[64];

    if (!bench_wants(row.name) && !bench_wants("engine-threads"))
        return;
    asker.scan.is_columns_only = is_other;
    for (int round = 0; round < ROUNDS; round++) {
        double cpu_us = process_cpu_us(), one_cpu_us;

        one_us[round] = wall_us(question, 1, ours);
        one_cpu_us = process_cpu_us() - cpu_us;
        two_us[round] = wall_us(question, 2, theirs);
        cpu_ratio[round] = (process_cpu_us() - cpu_us - one_cpu_us) / one_cpu_us;
        must(memcmp(ours, theirs, sizeof(ours)) == 0);
    }
    row.value = bench_least(two_us, ROUNDS) / 1000;
    row.peer_value = bench_least(one_us, ROUNDS) / 1000;
    if (row.peer_value * 1000 < LONG_US)
        return;
    row.ratio = row.value / row.peer_value;
    snprintf(note, sizeof(note), "both together %.2f times the one's CPU time",
             bench_median(cpu_ratio, ROUNDS));
    row.note = note;
    bench_row_print(&row);
}

/* ---- all ------------------------------------------------------------------------------------- */

static void each(void (*bench)(const struct question *question, bool is_other))
{
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        bench(&questions[i], false);
        if (questions[i].other != NULL)
            bench(&questions[i], true);
    }
}

static bool is_any_wanted = false;

static void want(const struct question *question, bool is_other)
{
    is_any_wanted = is_any_wanted || bench_wants(name_of(question, "proto", is_other).text) ||
                    bench_wants(name_of(question, "threads", is_other).text);
}

int main(void)
{
    struct store_options options = {
        .schema = data_schema, .merge_ppm = 1000000, .unmerged_max = 1 << 25};
    char folder[] = "/tmp/papilio-engine-XXXXXX";
    struct store *store;

    each(want);
    if (!is_any_wanted && !bench_wants("engine-threads"))
        return 0;
    if (!proto_can()) {
        puts("engine-...-proto: the prototype's kernels need AVX-512");
        return 0;
    }
    must(mkdtemp(folder) != NULL);
    data_make(&data, data_customers(), MEAN);
    must(store_open(str_of(folder), &options, &store) == OK);
    data_append(&data, store, 0, data.count);
    must(store_merge(store) == OK);
    asker.scan.snapshot = store_snapshot(store);
    proto_make(&proto, &data, asker.scan.snapshot);
    printf("%zu events of %u customers\n", data.count, data.customer_count);
    each(bench_question);
    each(bench_threads);
    store_release(store, asker.scan.snapshot);
    store_close(store);
    must(folder_remove(str_of(folder)) == OK);
    return 0;
}
