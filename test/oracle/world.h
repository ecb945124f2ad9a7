/* A small world at random: records of people, some linked, deleted or unknown, what is known of them, and their events, many of them
 * in the same second, late, or at the edge of some window. What it holds is plain lists; nobody's arithmetic is in it. */
#pragma once

#include "sql.h"

#include "engine/catalog.h"

enum world_column { WORLD_AMOUNT, WORLD_SUBJECT, WORLD_PIECES, WORLD_WORD, WORLD_DUE, WORLD_COLUMNS };
enum world_attribute {
    WORLD_SCORE, WORLD_PAID, WORLD_BIRTHDAY, WORLD_JOINED, WORLD_CITY, WORLD_LIKES, WORLD_OWNER, WORLD_ATTRIBUTES
};
#define WORLD_KINDS 9
#define WORLD_CHANNELS 5
#define WORLD_SETS 4     /* of each kind, ids from world_set_id on; in the last one is nobody */
#define WORLD_TEXTS 8
#define WORLD_MOMENTS 6
#define WORLD_RECORD_MAX 90
#define WORLD_EDGE_MAX 4000

extern const char *const world_texts[WORLD_TEXTS];
extern const struct catalog_field world_columns[WORLD_COLUMNS], world_attributes[WORLD_ATTRIBUTES];
extern const struct catalog_kind world_kinds[WORLD_KINDS];

struct world_record {
    uint32_t number, kept;
    bool is_known; /* else its events came without it */
    bool is_deleted;
    bool was_linked; /* for a while; not any more */
    int64_t values[WORLD_ATTRIBUTES]; /* NONE: missing; of a text which; of choices a bit each */
    uint32_t sets[3];                 /* a bit each, by enum set_kind */
};
struct world_fact {
    uint32_t number;
    int64_t second;
    int kind, channel; /* as numbers of the catalog */
    int64_t values[WORLD_COLUMNS];
};
struct world {
    uint64_t seed;
    struct world_record *records;
    int record_count;
    struct world_fact *facts; /* in the order in which they arrived */
    int fact_count;
    int64_t moments[WORLD_MOMENTS]; /* at which it is asked */
    int64_t edges[WORLD_EDGE_MAX];  /* where windows begin and end */
    int edge_count;
};

/* Numbers at random from a seed; the same from the same program. */
struct dice {
    uint64_t state;
};
int64_t dice_below(struct dice *dice, int64_t max);
bool dice_is(struct dice *dice, int percent);

/* Windows are looked up in `sql`, where days_fill was. */
void world_make(struct world *world, struct arena *arena, struct sql *sql, uint64_t seed);
struct catalog world_catalog(struct arena *arena); /* its zones are those of days.h */
int64_t world_set_id(enum set_kind kind, int which);
int world_zone(const struct zone *zone); /* which of days_zones */
