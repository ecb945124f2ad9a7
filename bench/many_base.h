/* A base of a million customers, made once and kept below build/: channels, stores, colleagues, tags, names in which one
 * sign is common, states and dates of every kind. */
#pragma once

#include "kit/app.h"

#define MANY_COUNT 1000000

/* Makes the base if it is not there yet and opens it; listen: no value, or an address. */
struct app *many_open(struct str listen);
extern struct str many_session, many_csrf; /* of a signed-in admin */
extern const struct app_part *many_part;   /* one part more, which sees commits; NULL: none */
extern const char *many_folder;            /* where it lies instead; NULL: below build/ */
const char *many_path(void);               /* the database file */
