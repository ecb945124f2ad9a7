/* Who is in which of many segments, kept current: an event or a change asks only the segments that name it, for that person, by
 * reading that person's own events again. Kept are the members and, for each person, the next second at which something may change
 * by itself. One thread's. */
#pragma once

#include "engine/program.h"

#define LIVE_SEGMENT_MAX PROGRAM_QUERY_MAX

struct live;
struct live *live_new(void);
void live_free(struct live *live); /* NULL is fine */

/* From now on this segment is kept; its members so far are taken over (the bitmap is empty afterwards; NULL: none). It is asked of
 * everybody once, so that members become what the events say. Faults as query_read; a known id is replaced and keeps its members. */
struct live_definition {
    int64_t id;
    struct str text; /* the query */
    struct bitmap *members;
};
enum err live_add(struct live *live, const struct catalog *catalog, const struct live_definition *definition,
                  struct query_fault *fault) MUST_USE;
void live_drop(struct live *live, int64_t id);
const struct bitmap *live_members(const struct live *live, int64_t id); /* NULL: no such segment */

/* What happened: an event of this kind; an attribute or a set changed; a record is new, gone, linked or its own again (both numbers of
 * a link). To be called before the moment that has it. */
void live_touch_event(struct live *live, uint32_t number, uint16_t kind);
void live_touch_person(struct live *live, uint32_t number);
void live_touch_record(struct live *live, uint32_t number);

enum live_why { LIVE_EVENT, LIVE_TIME, LIVE_FILL };
struct live_flip {
    int64_t segment;
    uint32_t person;
    bool is_in;
    enum live_why why;
};
/* Asks whoever was touched or is due at the moment, then a piece of those that are to be asked once. At most `max` flips; *count of
 * them, and whether there is more to do at once. Members change when the flips are accepted, which is before the next call. A sum
 * outside int64 leaves a person as it is in that segment. max: at least LIVE_SEGMENT_MAX. */
struct live_work {
    struct live_flip *flips;
    int max, count;
    int64_t person_count; /* how many were asked */
    bool has_more;
    int64_t next;         /* the second at which somebody is due; NONE: nobody ever */
};
void live_run(struct live *live, const struct moment *moment, struct live_work *work);
void live_accept(struct live *live, const struct live_work *work);
void live_refuse(struct live *live, const struct live_work *work); /* they are asked again */
bool live_is_full(const struct live *live, int64_t id);            /* was everybody asked since live_add? */
