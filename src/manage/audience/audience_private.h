/* What the files of this folder share. */
#pragma once

#include "engine/dictionary.h"
#include "engine/people.h"
#include "engine/store.h"
#include "kit/app.h"
#include "kit/worker.h"
#include "manage/audience/audience.h"

/* ---- names.c: numbers for what is a text or a long id ------------------------------------------ */

/* Columns of events, by number. For ever: only added to, at the end. */
enum { COLUMN_AMOUNT, COLUMN_SUBJECT, COLUMN_COUNT = 16 };
extern const struct catalog_field audience_columns[COLUMN_COUNT];

/* Nouns are kinds, channels, and the columns of texts. Codes become numbers by adding one for kinds and channels. */
enum { NOUN_KIND, NOUN_CHANNEL, NOUN_COLUMN, NOUN_COUNT = NOUN_COLUMN + COLUMN_COUNT };
struct names {
    struct dictionary *nouns[NOUN_COUNT]; /* NULL: a column without texts */
    bool is_known;                        /* all that the base has */
};
void names_init(struct names *names);
void names_release(struct names *names);
/* All names of the base that are not known yet. On a read connection, at most a page a call; *is_all: that was the last. */
enum err names_recall(struct ctx *c, struct names *names) MUST_USE;
/* Names that an app_write then keeps and the dictionaries know after. */
struct names_new {
    struct names *names;
    struct map *seen;
    struct list list; /* struct name */
    int64_t cap_count;
    int64_t noun_count[NOUN_COUNT];
};
void names_new_init(struct names_new *fresh, struct names *names, struct arena *arena);
void names_want(struct names_new *fresh, struct arena *arena, int noun, struct str text);
enum err names_keep(struct names_new *fresh, struct app *app, struct arena *arena) MUST_USE;
/* NONE: there is none, or no room for it. */
int64_t names_kind(const struct names *names, struct str kind);
int64_t names_channel(const struct names *names, int64_t channel_id);

/* ---- person.c: customers as they stand -> people ------------------------------------------------ */

struct persons {
    struct people *people;
    struct catalog_field fields[CATALOG_ATTRIBUTE_MAX]; /* built-in ones first; texts in `arena` */
    struct str members[CATALOG_ATTRIBUTE_MAX]; /* of customer.attributes */
    int field_count;
    bool is_old; /* people are known, but as they stood before */
    struct arena *arena;
};
struct persons_range {
    int64_t from_customer_id, to_customer_id; /* these, and */
    int64_t from_event_id, to_event_id;       /* those whom these events name */
};
void persons_begin(struct persons *persons, struct people *people, struct arena *arena);
/* What the brand records now: new attributes are known from then on. *is_changed: values must be read again. */
enum err persons_attributes(struct ctx *c, struct persons *persons, bool *is_changed) MUST_USE;
enum err persons_load(struct ctx *c, struct persons *persons, const struct persons_range *range) MUST_USE;
/* Tags of customers with ids in the range. */
enum err persons_tags_all(struct ctx *c, struct persons *persons, const struct persons_range *range) MUST_USE;
/* Tags of whoever the events in the range name. */
enum err persons_tags(struct ctx *c, struct persons *persons, const struct persons_range *range) MUST_USE;
