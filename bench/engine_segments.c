/* See engine_segments.h. */
#include "engine_segments.h"

#include <stdio.h>
#include <stdlib.h>

#define FLIP_MAX (4 * ROSTER_SEGMENT_MAX)

/* ---- what they ask ------------------------------------------------------------------------- */

static struct str did_of(struct arena *arena, int i)
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

static struct str who_of(struct arena *arena, int i)
{
    struct str did = did_of(arena, i);

    if (i % 40 == 7)
        return did;
    return str_fmt(arena, "{\"all\":[{\"tag\":[\"%d\"]},%.*s]}", 300 + i, STR(did));
}

static void add(struct segments *segments, int64_t id, struct str who)
{
    struct arena *arena = segments->world->arena;
    struct roster_definition one = {
        .id = id,
        .text = str_fmt(arena, "{\"version\":1,\"ask\":\"segment\",\"who\":%.*s}", STR(who))};
    struct query_fault fault;

    if (roster_add(segments->roster, arena, &segments->world->catalog, &one, &fault) != OK) {
        fprintf(stderr, "%.*s: %.*s\n", STR(one.text), STR(fault.message));
        exit(1);
    }
}

/* ---- keeping them -------------------------------------------------------------------------- */

void segments_begin(struct segments *segments, struct world *world)
{
    *segments =
        (struct segments){.world = world,
                          .roster = roster_new(),
                          .flips = arena_new_array(world->arena, struct roster_flip, FLIP_MAX)};
}

void segments_end(struct segments *segments)
{
    roster_free(segments->roster);
}

void segments_add(struct segments *segments, int from, int to, bool is_of_all)
{
    struct arena *arena = segments->world->arena;

    for (int i = from; i < to; i++)
        add(segments, i, is_of_all ? did_of(arena, i) : who_of(arena, i));
}

int64_t segments_settle(struct segments *segments, int64_t as_of)
{
    struct world *world = segments->world;
    struct moment moment = {.events = store_snapshot(world->store),
                            .people = people_hold(world->people),
                            .as_of = as_of};
    struct roster_work work = {.flips = segments->flips, .max = FLIP_MAX, .has_more = true};
    int64_t count = 0;

    while (work.has_more) {
        roster_run(segments->roster, &moment, &work);
        roster_accept(segments->roster, &work);
        count += work.count;
        segments->person_count += work.person_count;
    }
    people_release(world->people, moment.people);
    store_release(world->store, moment.events);
    return count;
}
