/* segment-live: 200 segments kept current while events come in: appended, touched, asked and taken,
 * on one thread. segment-rebuild: all of them asked of everybody. Beside the bars, for no peer
 * keeps them so. */
#include "bench.h"

#include "engine_data.h"

#include "engine/roster.h"
#include "host/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEAN 100
#define SEGMENTS 200
#define BASE_PERCENT 95 /* in blocks before the clock starts */
#define STREAM_MAX 500000
#define PAGE 1000 /* events between two runs */
#define FLIP_MAX (4 * ROSTER_SEGMENT_MAX)

static struct data data;
static struct arena *arena;
static struct store *store;
static struct people *people;
static struct roster *roster;
static struct roster_flip *flips;
static int64_t person_count;

static double bench_thread_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    (void)user;
    return kind == SET_TAG && id >= 0 && id < DATA_TAGS;
}

static struct catalog catalog_make(void)
{
    struct catalog_kind *kinds = arena_new_array(arena, struct catalog_kind, DATA_KINDS);
    static const struct catalog_field columns[] = {{{"amount", 6}, VALUE_MONEY}};

    for (int i = 0; i < DATA_KINDS; i++)
        kinds[i] = (struct catalog_kind){str_fmt(arena, "k%02d", i), (uint16_t)i};
    return (struct catalog){.kinds = kinds,
                            .kind_count = DATA_KINDS,
                            .columns = columns,
                            .column_count = 1,
                            .set_find = set_find};
}

/* What brands ask: often lately, not since, much in all, in this order, silent since. */
static struct str did_of(int i)
{
    int kind = (i * 7 + 3) % DATA_KINDS, days = 7 + i % 84, times = 1 + i % 5;

    switch (i % 6) {
    case 0:
        return str_fmt(
            arena,
            "{\"did\":{\"kind\":\"k%02d\",\"within\":{\"last\":{\"days\":%d}}},\"at_least\":%d}",
            kind, days, times);
    case 1:
        return str_fmt(arena,
                       "{\"all\":[{\"tag\":[\"%d\"]},{\"not\":{\"did\":{\"kind\":\"k%02d\","
                       "\"within\":{\"last\":{\"days\":%d}}}}}]}",
                       i, kind, days);
    case 2:
        return str_fmt(
            arena,
            "{\"did\":{\"kind\":\"k09\"},\"measure\":\"sum\",\"of\":\"amount\",\"at_least\":%d}",
            10000 * (i + 1));
    case 3:
        return str_fmt(
            arena, "{\"sequence\":[{\"kind\":\"k%02d\"},{\"kind\":\"k09\"}],\"within_seconds\":%d}",
            kind, days * 86400);
    case 4:
        return str_fmt(arena,
                       "{\"stopped\":{\"kind\":\"k%02d\",\"within\":{\"last\":{\"days\":90}}},"
                       "\"later\":{\"last\":{\"days\":%d}}}",
                       kind, days % 60 + 7);
    default:
        return str_fmt(arena,
                       "{\"first_time\":{\"kind\":\"k%02d\",\"within\":{\"last\":{\"days\":%d}}}}",
                       kind, days);
    }
}

/* All but five are about those with a tag: at most one event in a hundred flips one. */
static struct str who_of(int i)
{
    struct str did = did_of(i);

    if (i % 40 == 7)
        return did;
    return str_fmt(arena, "{\"all\":[{\"tag\":[\"%d\"]},%.*s]}", 300 + i, STR(did));
}

static void segment_add(int64_t id, struct str who)
{
    struct catalog catalog = catalog_make();
    struct roster_definition one = {
        .id = id,
        .text = str_fmt(arena, "{\"version\":1,\"ask\":\"segment\",\"who\":%.*s}", STR(who))};
    struct query_fault fault;

    if (roster_add(roster, &catalog, &one, &fault) != OK) {
        fprintf(stderr, "%.*s: %.*s\n", STR(one.text), STR(fault.message));
        exit(1);
    }
}

static void people_make(void)
{
    struct bitmap *tags = data.tags;

    for (uint32_t i = 0; i < data.customer_count; i++)
        people_add(people, i);
    for (int tag = 0; tag < DATA_TAGS; tag++)
        for (uint32_t i = 0; i < data.customer_count; i++)
            if (bitmap_has(&tags[tag], i))
                people_set(people, SET_TAG, tag, i, true);
    people_publish(people);
}

/* Until nothing is left; how many came in or went out. */
static int64_t settle(int64_t as_of)
{
    struct moment moment = {
        .events = store_snapshot(store), .people = people_hold(people), .as_of = as_of};
    struct roster_work work = {.flips = flips, .max = FLIP_MAX, .has_more = true};
    int64_t count = 0;

    while (work.has_more) {
        roster_run(roster, &moment, &work);
        roster_accept(roster, &work);
        count += work.count;
        person_count += work.person_count;
    }
    people_release(people, moment.people);
    store_release(store, moment.events);
    return count;
}

static void rebuild(const char *name, double bar_s, size_t at)
{
    struct bench_row row = {
        .name = name, .unit = "s", .peer = "the bar for 100 M events", .bar = 1};
    double start_us = bench_thread_us();
    int64_t count = settle(data.events[at].second);

    row.value = (bench_thread_us() - start_us) / 1e6;
    row.peer_value = bar_s * (double)at / 100e6;
    row.ratio = row.value / row.peer_value;
    row.note = str_fmt(arena, "over %.1f M events, %" PRId64 " came in or went out",
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

    person_count = 0;
    for (size_t at = from; at < to; at += PAGE) {
        data_append(&data, store, at, at + PAGE);
        for (size_t i = at; i < at + PAGE; i++)
            roster_touch_event(roster, data.events[i].customer, data.events[i].kind);
        flipped += settle(data.events[at + PAGE - 1].second + 1);
    }
    row.value = (double)(to - from) / (bench_thread_us() - start_us) * 1e6;
    row.ratio = row.value / row.peer_value;
    row.note = str_fmt(arena,
                       "200 segments, %.2f %% of %zu events flip one, %" PRId64
                       " times a person was asked",
                       (double)flipped * 100 / (double)(to - from), to - from, person_count)
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
    arena = arena_new((size_t)64 << 20);
    flips = arena_new_array(arena, struct roster_flip, FLIP_MAX);
    data_make(&data, data_customers(), MEAN);
    must(store_open(str_of(folder), &options, &store) == OK);
    people = people_new();
    roster = roster_new();
    people_make();
    base = data.count / 100 * BASE_PERCENT / PAGE * PAGE;
    data_append(&data, store, 0, base);
    must(store_merge(store) == OK);
    for (int i = 0; i < SEGMENTS; i++)
        segment_add(i, who_of(i));
    rebuild("segment-rebuild-200", 20, base);
    segment_add(0, did_of(0)); /* edited: asked of everybody, tag or not */
    rebuild("segment-rebuild", 0.3, base);
    segment_add(0, who_of(0));
    (void)settle(data.events[base].second);
    stream(base, base + STREAM_MAX < data.count ? base + STREAM_MAX : data.count / PAGE * PAGE);
    roster_free(roster);
    people_free(people);
    store_close(store);
    data_free(&data);
    arena_free(arena);
    must(folder_remove(str_of(folder)) == OK);
    return 0;
}
