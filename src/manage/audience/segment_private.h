/* What the files about segments share. */
#pragma once

#include "engine/roster.h"
#include "kit/ctx.h"
#include "manage/audience/segment.h"

/* ---- definition.c ------------------------------------------------------------------------------- */

/* What may be named now. Lives as long as the ctx. E_BUSY "audience.filling" after a start. */
enum err definition_catalog(struct ctx *c, struct catalog *catalog) MUST_USE;
/* A query; E_INPUT with the language's code and a path below `place` ("": that of the text). */
enum err definition_query(struct ctx *c, const struct catalog *catalog, struct str text, const char *place, struct query *out) MUST_USE;
/* A segment's query. E_INPUT with the place of what is wrong, below "definition". */
enum err definition_read(struct ctx *c, const struct catalog *catalog, struct str text, struct query *out) MUST_USE;

/* ---- segment_circle.c --------------------------------------------------------------------------- */

struct q_segment_users_row;
/* As it is to be: E_INPUT "segment.circle" when it would stand on itself. */
enum err segment_circle_check(struct ctx *c, const struct catalog *catalog, const struct q_segment_users_row *one) MUST_USE;
/* Ids of those that do, kept by an earlier release. */
enum err segment_circles(struct ctx *c, const struct catalog *catalog, struct list *ids) MUST_USE;
/* The name of one that stands on it; no value: none does. */
enum err segment_user_find(struct ctx *c, const struct catalog *catalog, int64_t segment_id, struct str *name) MUST_USE;

/* ---- segment_take.c ----------------------------------------------------------------------------- */

/* Flips of the engine as one commit: rows, counts, sizes, the segments' tags, facts. A flip that is so already does nothing; whoever
 * is gone leaves without a fact. At most SEGMENT_PAGE. */
enum err segment_take(struct ctx *c, const struct roster_flip *flips, int64_t count) MUST_USE;

/* ---- segment_live.c: on the feed's thread ------------------------------------------------------- */

struct feed;
struct feed_news;
struct segments;
struct segments *segments_new(struct arena *arena, struct feed *feed);
void segments_free(struct segments *segments);
void segments_heed(struct segments *segments, const struct feed_news *news); /* behind every step of the feed */
/* Definitions that changed, and members and lists that are not known yet. */
enum err segments_know(struct segments *segments, struct arena *arena) MUST_USE;
/* One page, when they are known: who came in or went out. *next_ms as a worker's page. */
enum err segments_page(struct segments *segments, struct arena *arena, int64_t *next_ms) MUST_USE;
