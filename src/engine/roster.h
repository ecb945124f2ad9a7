/* Who is in which of many segments, kept current: an event or a change asks only the segments that name it, for that person, by
 * reading that person's own events again. Kept are the members and, for each person, the next second at which something may change
 * by itself. One thread's. */
#pragma once

#include "engine/program.h"

#define ROSTER_SEGMENT_MAX PROGRAM_QUERY_MAX

struct roster;
struct roster *roster_new(void);
void roster_free(struct roster *roster); /* NULL is fine */

/* From now on this segment is kept; its members so far are taken over (the bitmap is empty afterwards; NULL: none). It is asked of
 * everybody once, so that members become what the events say. Faults as query_read, their words in `arena`; a known id is replaced
 * and keeps its members. */
struct roster_definition {
    int64_t id;
    struct str text; /* the query */
    struct bitmap *members;
};
enum err roster_add(struct roster *roster, struct arena *arena, const struct catalog *catalog,
                    const struct roster_definition *definition, struct query_fault *fault) MUST_USE;
void roster_drop(struct roster *roster, int64_t id);
const struct bitmap *roster_members(const struct roster *roster, int64_t id); /* NULL: no such segment */

/* What happened: an event of this kind, told before the moment that has it; and from roster_watch on every change of these people. A
 * segment is asked about whom it concerns: kinds, attributes and sets that it names, records that come, go or change whose they are. */
void roster_touch_event(struct roster *roster, uint32_t number, uint16_t kind);
void roster_watch(struct roster *roster, struct people *people);

enum roster_why { ROSTER_EVENT, ROSTER_TIME, ROSTER_FILL };
struct roster_flip {
    int64_t segment;
    uint32_t person;
    bool is_in;
    enum roster_why why;
};
/* Asks whoever was touched or is due at the moment, then a piece of those that are to be asked once. At most `max` flips; *count of
 * them, and whether there is more to do at once. Members change when the flips are accepted, which is before the next call. A sum
 * outside int64 leaves a person as it is in that segment. max: at least ROSTER_SEGMENT_MAX. */
struct roster_work {
    struct roster_flip *flips;
    int max, count;
    int64_t person_count; /* how many were asked */
    bool has_more;
};
bool roster_has_work(const struct roster *roster, int64_t as_of); /* false: a run would ask nobody */
int64_t roster_next(const struct roster *roster); /* nobody is due before this second by itself; NONE: nobody ever */
void roster_run(struct roster *roster, const struct moment *moment, struct roster_work *work);
void roster_accept(struct roster *roster, const struct roster_work *work);
void roster_refuse(struct roster *roster, const struct roster_work *work); /* they are asked again */
bool roster_is_full(const struct roster *roster, int64_t id);            /* was everybody asked since roster_add? */
/* Why nobody is asked: the answers it hangs on took too long (E_BUSY) or too much memory (E_TOO_LARGE); it tries again within the hour. */
enum err roster_fault(const struct roster *roster, int64_t id);
