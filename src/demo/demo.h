/* The demo brand: a generated year of a shop that does not exist, written as CSV files and imported
 * as any user's files are. Deterministic for a seed and a day. Parameters and sources: README.md. */
#pragma once

#include "kit/app.h"

struct demo {
    int64_t seed_number;
    int64_t today_day; /* the year ends the day before; NONE: today */
    /* out, in the arena */
    struct str login, password; /* of the admin; kept in DATA/demo/login as well */
    /* 0 where the folder holds a demo already */
    int64_t customer_count, order_count, event_count, generated_ms, imported_ms;
};
/* Fills an empty base, or leaves one that is a demo as it is. E_CONFLICT: the base is somebody's.
 * Words of an error in *why. */
enum err demo_fill(struct app *app, struct arena *arena, struct demo *demo, struct str *why) MUST_USE;
/* Once what demo_fill wrote is on the disk: from now on the folder is a whole demo. */
enum err demo_finish(struct app *app, struct arena *arena) MUST_USE;
