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

/* ---- question_table.c ----------------------------------------------------------------------------- */

/* What a cell's number is. */
enum question_cell {
    CELL_COUNT, CELL_MONEY, CELL_FLAG, CELL_ID,
    CELL_SECOND, CELL_DAY,              /* of UTC; local, since 1970 */
    CELL_KIND, CELL_CHANNEL, CELL_TEXT, /* as question_text has it; a channel's is its id */
    CELL_COUNT_OF_CELLS
};
#define QUESTION_COLUMN_MAX 6
struct question_column {
    const char *name;
    enum question_cell cell;
};
/* Returns how many; none of a segment. */
int question_columns(const struct question *question, struct question_column *out);
struct str question_text(const struct question *question, enum question_cell cell, int64_t value); /* no value: unknown */

/* ---- audience_explain.c --------------------------------------------------------------------------- */

/* What each condition says of one person. As answer_explain. */
struct audience_explained {
    bool is_in;
    struct list leaves; /* of audience_leaf_shape, by node */
    int64_t person_id;  /* in */
};
extern const struct shape audience_leaf_shape;
enum err audience_explain(struct ctx *c, const struct question *question, struct audience_explained *explained) MUST_USE;
