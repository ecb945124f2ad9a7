/* What is known of customers besides events, by number, in memory: who there is, who was merged into whom, attributes, sets. One
 * writer changes it batch by batch; readers hold a view that never changes. */
#pragma once

#include "engine/bitmap.h"
#include "engine/catalog.h"

#define PEOPLE_TEXT_MAX 65536 /* different texts of an attribute; who has a further one has none */

struct people;      /* the writer's */
struct people_view; /* what readers hold */

struct people *people_new(void);
void people_free(struct people *people); /* no view is held */

/* ---- the writer's side: seen by views taken after people_publish ------------------------------- */

void people_add(struct people *people, uint32_t number);
/* The person's data are gone: in no answer from the next view on, with events or without. */
void people_delete(struct people *people, uint32_t number);
/* `number` is a record of the person `kept` from now on (kept == number: of itself again). Links are never chains: `kept` is of itself. */
void people_link(struct people *people, uint32_t number, uint32_t kept);
/* What an attribute is; new attributes have no values. A number in use with another type: its values are gone. */
void people_attribute(struct people *people, int attribute, enum value_type type);
void people_set_number(struct people *people, uint32_t number, int attribute, int64_t value); /* NONE: missing */
/* TEXT: at most one; 0: missing. */
void people_set_texts(struct people *people, uint32_t number, int attribute, const struct str *texts, int count);
void people_set(struct people *people, enum set_kind kind, int64_t id, uint32_t number, bool is_in);
/* Of all sets of that kind the number is in these alone; ids ascend. */
void people_set_all(struct people *people, enum set_kind kind, uint32_t number, const int64_t *ids, size_t count);
void people_drop_set(struct people *people, enum set_kind kind, int64_t id);
void people_publish(struct people *people);
/* Is told of each change as it is made; NULL: nobody is. A file that is read changes nothing. */
enum people_what { PEOPLE_RECORD /* new, gone, linked or its own again */, PEOPLE_ATTRIBUTE, PEOPLE_SET };
struct people_change {
    enum people_what what;
    uint32_t number;
    int attribute;
    enum set_kind set;
    int64_t id; /* of the set */
};
typedef void people_watch(void *user, const struct people_change *change);
void people_watched(struct people *people, people_watch *watch, void *user);

/* ---- readers ----------------------------------------------------------------------------------- */

const struct people_view *people_hold(struct people *people);
void people_release(struct people *people, const struct people_view *view);

uint32_t people_max(const struct people_view *view);                  /* numbers are below this */
const struct bitmap *people_all(const struct people_view *view);      /* kept records that are not deleted: the persons */
const struct bitmap *people_there(const struct people_view *view);    /* those and the records linked to them */
const struct bitmap *people_joined(const struct people_view *view);   /* numbers, kept and linked, of persons with more than one record */
uint32_t people_kept(const struct people_view *view, uint32_t number); /* itself if not linked */
/* The person's numbers, the kept one first; returns how many (1 for most), at most max are written. */
int people_numbers(const struct people_view *view, uint32_t kept, uint32_t *out, int max);
/* NULL: nobody is in it (or there is none). A linked record's membership counts for its person: who asks joins them. */
const struct bitmap *people_set_of(const struct people_view *view, enum set_kind kind, int64_t id);

size_t people_set_count(const struct people_view *view, enum set_kind kind);
int64_t people_set_id(const struct people_view *view, enum set_kind kind, size_t at); /* ascending */

/* An attribute's column. Numbers: has and values; TEXT and CHOICES: who has each text. Attributes are the kept record's alone. */
struct people_column {
    enum value_type type;
    const struct bitmap *has;
    const int64_t *const *values; /* by shard below shard_count, then by number within it; NULL: nobody there has one. NONE: missing.
                                     Of TEXT: which of texts */
    uint32_t shard_count;
    const struct str *texts;             /* TEXT, CHOICES: every text there is */
    const struct bitmap *const *members; /* of texts[i] */
    int text_count;
};
const struct people_column *people_column(const struct people_view *view, int attribute); /* NULL: nobody has a value */
int64_t people_value(const struct people_column *column, uint32_t number); /* NONE: missing; of CHOICES always */
/* Have both the same of a number: its person and its first attribute_count attributes? For checks. */
bool people_is_same(const struct people_view *a, const struct people_view *b, uint32_t number, int attribute_count);
bool people_is_member(const struct people_view *view, enum set_kind kind, int64_t id, uint32_t number);
int64_t people_bytes(const struct people_view *view); /* memory held */

/* ---- as a file ---------------------------------------------------------------------------------- */

/* With a note of the caller's. Texts that nobody has any more are left out. */
enum err people_file_write(const struct people_view *view, struct str note, struct str path) MUST_USE;
/* Into new people whose attributes are told; `fits` is given the note first. E_NOT_FOUND: no such file. E_CONFLICT: it does not fit.
 * E_CORRUPT: not what people_file_write wrote; the people are good for nothing then. */
typedef bool people_fits(void *user, struct str note);
enum err people_file_read(struct people *people, struct str path, people_fits *fits, void *user) MUST_USE;
