/* A question on its way. Whoever began it ends it, whatever came of it. */
#pragma once

#include "manage/audience/audience.h"

struct question {
    struct audience_moment moment;
    struct query query;
    struct answer answer;
    int64_t deadline_ms; /* of the monotonic clock, for all that is run of it */
};

/* The moment; as audience_hold. */
enum err question_begin(struct ctx *c, struct question *question) MUST_USE;
void question_end(struct question *question);
/* E_INPUT with the language's code and a path below `place` ("": that of the text). */
enum err question_read(struct ctx *c, struct str text, const char *place, struct question *question) MUST_USE;
/* Not read but made: about customers of these channels (ids). */
void question_channels(struct ctx *c, struct question *question, const struct list *channel_ids);
/* From here on it, and every answer in it, is about customers within reach alone. E_NOT_FOUND "customer.unknown": a timeline of
 * somebody else. */
enum err question_reach(struct ctx *c, struct question *question) MUST_USE;
/* The same of the answers in it alone: for one who is within reach. */
enum err question_reach_answers(struct ctx *c, struct question *question) MUST_USE;
/* What became of asking, told as question_run does. */
enum err question_told(struct ctx *c, enum err err) MUST_USE;
/* E_BUSY "query.slow", E_TOO_LARGE "query.large". It may run again, at another moment.as_of. */
enum err question_run(struct ctx *c, struct question *question) MUST_USE;
/* All of it, below "query"; question_end stays the caller's. */
enum err question_ask(struct ctx *c, struct str text, struct question *question) MUST_USE;

/* .is_long of routes: always. */
bool question_is_long(const void *in);

/* ---- definition.c: queries that are read where they are kept, without waiting for anybody ---------- */

/* What may be named now. Lives as long as the ctx. E_BUSY "audience.filling" after a start. */
enum err definition_catalog(struct ctx *c, struct catalog *catalog) MUST_USE;
/* As question_read. */
enum err definition_query(struct ctx *c, const struct catalog *catalog, struct str text, const char *place, struct query *out) MUST_USE;
