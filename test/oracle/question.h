/* Questions at random, of every form the language has, as JSON: names and values are those of world.h, windows begin and end where its
 * events lie. */
#pragma once

#include "world.h"

#include "engine/query.h"

/* Adds the text of a question to `out`. */
void question_make(struct buf *out, struct dice *dice, const struct world *world, enum query_ask ask);
