/* What a query may name: kinds of events, columns of their values, attributes of customers, sets of them. Read-only while it is used;
 * the caller makes one and keeps it as long as the queries read with it. */
#pragma once

#include "base/time.h"
#include "engine/events.h"

#define CATALOG_ATTRIBUTE_MAX 256
#define BUCKET_COUNT 1000000

enum value_type {
    VALUE_NUMBER,  /* integers */
    VALUE_MONEY,   /* in the minor unit */
    VALUE_DATE,    /* local days since 1970 */
    VALUE_ID,      /* numbers that only equal: channels, subjects */
    VALUE_TEXT,    /* choices too; in columns a code of a dictionary */
    VALUE_CHOICES  /* several texts; attributes only */
};
enum set_kind { SET_TAG, SET_LIST, SET_SEGMENT };

struct catalog_kind {
    struct str name;
    uint16_t number; /* below 65,536 */
};
struct catalog_field {
    struct str name;
    enum value_type type;
    bool is_channel; /* ids of channels: those that are named must be there */
};
struct catalog {
    const struct catalog_kind *kinds; /* sorted by name */
    int kind_count;
    const struct catalog_field *columns; /* number = index; [0] is the amount */
    int column_count;
    const struct catalog_field *attributes; /* number = index */
    int attribute_count;
    const struct zone *zone; /* the brand's, with its day start */
    /* The zone of that IANA name, with the start of its days; it may be made in the arena. NULL: there is none; likewise of
     * all where there is no such function. */
    const struct zone *(*zone_find)(void *user, struct arena *arena, struct str name);
    /* Is there such a set? NULL: there are none. */
    bool (*set_find)(void *user, enum set_kind kind, int64_t id);
    /* Is there such a channel? *number: by which events name it; NONE: it has none yet, so no event names it. NULL: all are there and
     * ids are numbers. */
    bool (*channel_find)(void *user, int64_t id, int64_t *number);
    void *user;
    /* Those of a flow that says none, as JSON. NULL: it must say them. */
    enum err (*stages)(void *user, struct str *out);
};

/* Where a customer falls by lot, the same for ever: XXH3-64 of the salt with the number as seed, modulo BUCKET_COUNT. */
uint32_t catalog_bucket(struct str salt, uint32_t number);
