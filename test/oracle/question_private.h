/* Between the parts of question.h: what is written, by which dice. */
#pragma once

#include "question.h"

#define I64 "%" PRId64
#define PUT(w, ...) buf_fmt((w)->out, __VA_ARGS__)

struct writer {
    struct buf *out;
    struct dice *dice;
    const struct world *world;
    int answers; /* so far */
    int by;      /* the last one: of BY_KIND and so on */
    enum value_type by_type;
};
enum { BY_NONE, BY_KIND, BY_CHANNEL, BY_DAY, BY_VALUE };

static inline int64_t below(struct writer *w, int64_t max)
{
    return dice_below(w->dice, max);
}

static inline bool is_so(struct writer *w, int percent)
{
    return dice_is(w->dice, percent);
}

void question_kind(struct writer *w); /* the name of one */
void question_values(struct writer *w, enum value_type type);
/* The members of a cell; w->by is what the answer is by. */
void question_keys(struct writer *w, enum query_ask ask);
