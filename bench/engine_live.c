/* segment-live: 200 segments kept current while events come in: appended, touched, asked and taken,
 * on one thread. segment-rebuild: one is asked of everybody; 200 that are about everybody; 200 of
 * which most name a tag. Beside the bars, for no peer keeps them so. */
#include "bench.h"

#include "engine_segments.h"

#include "host/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEAN 100
#define BASE_PERCENT 95 /* in blocks before the clock starts */
#define STREAM_MAX 500000
#define PAGE 1000 /* events between two runs */

static struct world world;
static struct data *const data = &world.data;
static struct segments segments;

static double bench_thread_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void rebuild(const char *name, double bar_s, size_t at)
{
    struct bench_row row = {
        .name = name, .unit = "s", .peer = "the bar for 100 M events", .bar = 1};
    double start_us = bench_thread_us();
    int64_t count = segments_settle(&segments, data->events[at].second);

    row.value = (bench_thread_us() - start_us) / 1e6;
    row.peer_value = bar_s * (double)at / 100e6;
    row.ratio = row.value / row.peer_value;
    row.note = str_fmt(world.arena, "over %.1f M events, %" PRId64 " came in or went out",
                       (double)at / 1e6, count)
                   .at;
    bench_row_print(&row);
}

static void stream(size_t from, size_t to)
{
    struct bench_row row = {.name = "segment-live",
                            .unit = "events/s",
                            .peer = "the bar",
                            .peer_value = 100000,
                            .bar = 1,
                            .is_at_least = true};
    double start_us = bench_thread_us();
    int64_t flipped = 0;

    segments.person_count = 0;
    for (size_t at = from; at < to; at += PAGE) {
        data_append(data, world.store, at, at + PAGE);
        for (size_t i = at; i < at + PAGE; i++)
            roster_touch_event(segments.roster, data->events[i].customer, data->events[i].kind);
        flipped += segments_settle(&segments, data->events[at + PAGE - 1].second + 1);
    }
    row.value = (double)(to - from) / (bench_thread_us() - start_us) * 1e6;
    row.ratio = row.value / row.peer_value;
    row.note =
        str_fmt(world.arena,
                "200 segments, %.2f %% of %zu events flip one, %" PRId64
                " times a person was asked",
                (double)flipped * 100 / (double)(to - from), to - from, segments.person_count)
            .at;
    bench_row_print(&row);
}

int main(void)
{
    struct store_options options = {.schema = data_schema};
    char folder[] = "/tmp/papilio-roster-XXXXXX";
    size_t base;

    if (!bench_wants("segment-live") && !bench_wants("segment-rebuild-200") &&
        !bench_wants("segment-rebuild"))
        return 0;
    must(mkdtemp(folder) != NULL);
    world.arena = arena_new((size_t)64 << 20);
    world_catalog(&world);
    data_make(data, data_customers(), MEAN);
    world_people(&world, data->customer_count);
    must(store_open(str_of(folder), &options, &world.store) == OK);
    base = data->count / 100 * BASE_PERCENT / PAGE * PAGE;
    data_append(data, world.store, 0, base);
    must(store_merge(world.store) == OK);
    segments_begin(&segments, &world);
    segments_add(&segments, 0, SEGMENT_COUNT, true);
    rebuild("segment-rebuild-200", 20, base);
    segments_add(&segments, 0, SEGMENT_COUNT, false);
    rebuild("segment-rebuild-200-tagged", 20, base);
    segments_add(&segments, 0, 1, true);
    rebuild("segment-rebuild", 0.3, base);
    segments_add(&segments, 0, 1, false);
    (void)segments_settle(&segments, data->events[base].second);
    stream(base, base + STREAM_MAX < data->count ? base + STREAM_MAX : data->count / PAGE * PAGE);
    segments_end(&segments);
    world_people_free(&world);
    store_close(world.store);
    data_free(data);
    arena_free(world.arena);
    must(folder_remove(str_of(folder)) == OK);
    return 0;
}
