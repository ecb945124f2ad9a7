/* Segments: who is meant, under a name. A live one is a query whose members are kept current; a static one a list of its moment.
 * Entering and leaving are facts: segment_entered, segment_left, with the segment as subject. */
#pragma once

#include "kit/app.h"

extern const struct app_part segment_part; /* behind audience_part */
extern const struct route segment_routes[], segment_person_routes[];
extern const struct route segment_count_routes[], segment_explain_routes[], segment_overlap_routes[];
extern const struct job_kind segment_snapshot_kind;

/* For a person whose data go: out of every segment, without a fact. */
enum err segment_forget(struct ctx *c, int64_t person_id, int64_t *forgotten_count) MUST_USE;
