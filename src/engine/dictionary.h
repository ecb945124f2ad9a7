/* The texts of a column by code, from 0, only ever added to. One writer; any number of readers beside it, who see every code that
 * they can have met in an event. */
#pragma once

#include "base/base.h"

#define DICTIONARY_MAX (1 << 20) /* texts; further ones have no code */

struct dictionary;
struct dictionary *dictionary_new(void);
void dictionary_free(struct dictionary *dictionary);
int64_t dictionary_add(struct dictionary *dictionary, struct str text); /* the writer; the code, old or new; NONE: it is full */
int64_t dictionary_find(const struct dictionary *dictionary, struct str text); /* NONE: it has no code */
struct str dictionary_text(const struct dictionary *dictionary, int64_t code); /* no value: no such code */
int64_t dictionary_count(const struct dictionary *dictionary);
