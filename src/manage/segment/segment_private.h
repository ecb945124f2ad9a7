/* What the files of this folder share. */
#pragma once

#include "engine/roster.h"
#include "manage/audience/question.h"
#include "manage/segment/segment.h"

#define SEGMENT_MAX 500 /* that are not archived */
#define SEGMENT_PAGE 2000 /* who comes in or goes out in one commit, at most */

/* ---- segment_circle.c --------------------------------------------------------------------------- */

struct q_segment_users_row;
/* As it is to be: E_INPUT "segment.circle" when it would stand on itself. */
enum err segment_circle_check(struct ctx *c, const struct catalog *catalog, const struct q_segment_users_row *one) MUST_USE;
/* Ids of those that do, kept by an earlier release. */
enum err segment_circles(struct ctx *c, const struct catalog *catalog, struct list *ids) MUST_USE;
/* The name of one that stands on it; no value: none does. */
enum err segment_user_find(struct ctx *c, const struct catalog *catalog, int64_t segment_id, struct str *name) MUST_USE;

/* ---- segment_live.c ----------------------------------------------------------------------------- */

/* What the answers that conditions hang on may need; NULL: as everywhere. For tests. */
void segment_live_within(struct app *app, const struct answer_options *within);

/* ---- segment_take.c ----------------------------------------------------------------------------- */

/* Flips of the engine as one commit: rows, counts, sizes, the segments' tags, facts. A flip that is so already does nothing; whoever
 * is gone leaves without a fact. At most SEGMENT_PAGE. */
enum err segment_take(struct ctx *c, const struct roster_flip *flips, int64_t count) MUST_USE;

/* ---- segment_explain.c -------------------------------------------------------------------------- */

/* What each condition says of one person. As answer_explain. */
struct segment_explained {
    bool is_in;
    struct list leaves; /* of segment_leaf_shape, by node */
    int64_t person_id;  /* in */
};
extern const struct shape segment_leaf_shape;
enum err segment_explain(struct ctx *c, const struct question *question, struct segment_explained *explained) MUST_USE;
