/* Windows and calendar units as seconds. Ranges are [from, to); units are counted from the one that 1970-01-01 lies in. */
#pragma once

#include "engine/query.h"

struct span {
    int64_t from, to; /* INT64_MIN and INT64_MAX: open */
};
/* Where the window lies at this moment. It may reach beyond as_of. */
struct span window_span(const struct window *window, const struct zone *zone, int64_t as_of);
/* The first moment after as_of at which it lies elsewhere; NONE: never. A rolling one moves each second. */
int64_t window_next(const struct window *window, const struct zone *zone, int64_t as_of);

int64_t window_unit(const struct zone *zone, enum calendar_unit unit, int64_t second);
int64_t window_unit_start(const struct zone *zone, enum calendar_unit unit, int64_t number);
