/* Some rows of an answer as a condition on persons (CONDITION_ANSWER), and all the queries that one has inside. */
#pragma once

#include "engine/query.h"

#define QUERY_KEY_MAX 3 /* columns of an answer that are no counts */

/* Which rows of an answer: by its columns that are no counts, from the left (FUNNEL: group, level; PATHS: position, from, to). */
struct query_cell {
    struct query query;
    struct query_key {
        bool is_set;  /* else any value passes */
        bool is_rest; /* BREAKDOWN: of the last row */
        struct query_field field;
        struct test test; /* ANY_OF */
    } keys[QUERY_KEY_MAX];
};

/* The query, then those inside it: its stages, the answers its conditions name, and those inside them. */
void query_each(struct query *query, void (*take)(void *user, struct query *query), void *user);
