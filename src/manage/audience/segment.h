/* Segments: who is meant, under a name. A live one is a query whose members are kept current; a static one a list of its moment.
 * Entering and leaving are facts: segment_entered, segment_left, with the segment as subject. */
#pragma once

#include "kit/app.h"
#include "kit/journal.h"
#include "kit/route.h"

#define SEGMENT_MAX 500 /* that are not archived */
#define SEGMENT_PAGE 2000 /* who comes in or goes out in one commit, at most */

/* For a person whose data go: out of every segment, without a fact. */
enum err segment_forget(struct ctx *c, int64_t person_id, int64_t *forgotten_count) MUST_USE;

extern const struct route segment_routes[], segment_person_routes[];
extern const struct job_kind segment_snapshot_kind;
