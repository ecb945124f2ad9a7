/* The row of an answer as a cell of the language, as JSON. */
#pragma once

#include "sql.h"
#include "world.h"

#include "engine/query.h"

struct cell {
    struct str text; /* of the question */
    const struct query *query;
    const int64_t (*codes)[WORLD_TEXTS]; /* by attribute: the numbers of its texts */
    int64_t people_count;                /* out: how many the row counts */
    bool is_most;                        /* out: so many at most */
};
/* Adds {"answer": .., "cell": ..} of that row. */
void cell_make(struct buf *out, struct cell *cell, const int64_t *row);
