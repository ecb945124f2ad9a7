/* What an operator sets. Definitions are rows in setting.c (name, kind, bounds, default, words); a
 * row of table `setting` exists only for what was changed and carries a version, so that two people
 * cannot overwrite each other unseen. */
#pragma once

#include "kit/route.h"

/* By name; the default where nothing was set. must() the name exists and is of that kind. One
 * statement each. */
enum err setting_int(struct ctx *c, const char *name, int64_t *out) MUST_USE;
enum err setting_text(struct ctx *c, const char *name, struct str *out) MUST_USE; /* in c->arena */
/* Several whole numbers with one statement. */
enum err setting_ints(struct ctx *c, const char *const *names, int64_t count,
                      int64_t *out) MUST_USE;

extern const struct route setting_routes[];
extern const struct route write_key_routes[];
