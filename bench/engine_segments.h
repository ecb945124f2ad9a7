/* Two hundred segments as brands ask for them, kept by a roster over the world: often lately, not since, much in all, in this order,
 * silent since, for the first time. */
#pragma once

#include "engine_world.h"

#include "engine/roster.h"

#define SEGMENT_COUNT 200

struct segments {
    struct world *world;
    struct roster *roster;
    struct roster_flip *flips;
    int64_t person_count; /* who were asked so far */
};
void segments_begin(struct segments *segments, struct world *world);
void segments_end(struct segments *segments);
/* Those [from, to), known ones anew: all but five about those with a tag, so that at most one event in a hundred flips one; or
 * (is_of_all) each about everybody. */
void segments_add(struct segments *segments, int from, int to, bool is_of_all);
/* As of this second, until nothing is left to do; how many came in or went out. */
int64_t segments_settle(struct segments *segments, int64_t as_of);
