/* The world in the engine: a store of which part lies in blocks, part in runs, part in the tail, and people. */
#pragma once

#include "world.h"

#include "engine/answer.h"

struct native {
    char folder[64];
    struct store *store;
    const struct snapshot *snapshot;
    struct people *people;
    const struct people_view *view;
    struct dictionary *dictionaries[WORLD_COLUMNS];
};
void native_open(struct native *native, const struct world *world);
void native_close(struct native *native);
/* The place of each text among those of its attribute; NONE: nobody has it. */
void native_codes(const struct native *native, int64_t codes[WORLD_ATTRIBUTES][WORLD_TEXTS]);
struct moment native_moment(const struct native *native, int64_t as_of);
