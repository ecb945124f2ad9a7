/* A brand to ask about: names of the generated kinds, customers with attributes and tags, the store with their events. */
#pragma once

#include "engine_data.h"

#include "engine/answer.h"

#define WORLD_ATTRIBUTES 10 /* of numbers; the first is "age" */

struct world {
    struct arena *arena;
    struct zone *zone;
    char names[DATA_KINDS][4]; /* k00 .. */
    struct catalog_kind kinds[DATA_KINDS];
    struct catalog catalog;
    struct data data;
    struct store *store;
    struct people *people;
    struct moment moment;
};

void world_catalog(struct world *world);
/* Customers with all attributes, and the tags of data: number + 1 is a tag's id. */
void world_people(struct world *world, uint32_t customer_count);
void world_people_free(struct world *world);
/* {"version":1,"ask":TEXT} */
void world_query(const struct world *world, struct arena *arena, const char *text,
                 struct query *out);
