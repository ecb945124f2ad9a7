/* Events as they lie in memory before a block has them: in a log's record, a tail, a sorted run. Arrays are in the caller's
 * arena; nothing is owned here. */
#pragma once

#include "base/base.h"

#define SHARD_NUMBERS 4096     /* customer numbers a shard */
#define EVENTS_COLUMN_MAX 32   /* declared columns of values: amount and properties */
#define EVENTS_AMOUNT 0        /* the column of amounts, in the brand's minor unit */
#define EVENTS_NO_VALUE UINT32_MAX
#define EVENTS_PAST_END 64     /* bytes behind a column that may be read */

struct engine_event {
    uint32_t customer; /* number */
    uint32_t second;   /* since 1970, UTC */
    uint16_t kind, channel;
    uint32_t value; /* index of its first value, or EVENTS_NO_VALUE */
};

/* What an event says besides: its values lie one behind the other, the last one marked. A column at most once an event. */
struct engine_value {
    int64_t value;
    uint16_t column, is_last;
    uint32_t zero; /* so that every byte written to the disk is ours */
};

/* What most questions read of sorted events, side by side; each may be read 64 bytes past its end. */
struct events_columns {
    const uint32_t *seconds;
    const uint8_t *kinds, *channels;
    const uint16_t *owns;   /* customer numbers within their shards */
    const uint32_t *starts; /* by customer number up to the last shard's end: the place of its first */
    size_t number_count;    /* the last shard's end */
};
struct events {
    const struct engine_event *at;
    size_t count;
    const struct engine_value *values;
    size_t value_count;
    const struct events_columns *columns; /* NULL: there are none */
    size_t from;                          /* the place of at[0] in them */
};

/* Every value index and column in its bounds, every list of values closed: what came from outside may be used. */
bool events_are_sound(const struct events *events);
/* By (customer, second), else as they came. */
void events_sort(struct arena *arena, const struct events *in, struct events *out);
/* Sorted ones into one; of equal (customer, second) those of the earlier list come first. Their values are copied. */
void events_merge(struct arena *arena, const struct events *lists, int count, struct events *out);
/* Two whole ones, with all the values each has: a before b. */
void events_join(struct arena *arena, const struct events *a, const struct events *b, struct events *out);
/* Gives sorted ones columns, unless some kind or channel is over 255, or so few of the customer numbers have any that starts would be
 * larger than they are. */
void events_columns(struct arena *arena, struct events *sorted);
/* Those of sorted ones with a customer number in [from, to). */
struct events events_between(const struct events *sorted, uint64_t from, uint64_t to);
