/* The audience: who is meant. Feeds the engine with the journal and with customers as they stand, and answers questions about both. */
#pragma once

#include "engine/answer.h"
#include "kit/app.h"

extern const struct app_part audience_part;

/* All that was acknowledged when the ctx's snapshot began, and perhaps more. Reads only, on a thread that may wait a little.
 * E_BUSY "audience.filling": not yet, after a start; "audience.behind": the engine does not keep up; "audience.elsewhere":
 * another node has it. What it points to lives until audience_release. */
struct audience_moment {
    struct moment moment;
    struct catalog catalog; /* for queries that are read with this ctx */
    const struct dictionary *kinds, *channels; /* the text of a number less one; a channel's is its id */
    const struct str *members; /* by attribute: its name in customer.attributes; no value: a built-in one */
    bool is_exact; /* and nothing more */
    void *held;
};
enum err audience_hold(struct ctx *c, struct audience_moment *out) MUST_USE;
void audience_release(const struct audience_moment *moment);

/* The persons for whom one condition of the query language holds (docs/query.md, a JSON object). bits, in c->arena: bit n is customer
 * number n, bit 0 the lowest of the first byte. Whoever shows customers to somebody asks in_scope besides. E_INPUT at "who/...", E_BUSY
 * as audience_hold and "query.slow", E_TOO_LARGE "query.large". */
struct audience_set {
    struct str bits;
    int64_t count;
};
enum err audience_who(struct ctx *c, struct str condition, struct audience_set *out) MUST_USE;

/* For figures that no question has: the persons within the asker's reach, of these channels alone (ids; NULL: any), held until the
 * request ends; a built-in attribute's column (NULL: nobody has a value); the number of a kind of events. Errors as audience_hold. */
struct audience_people {
    const struct audience_moment *moment;
    const struct bitmap *members; /* kept numbers */
};
enum err audience_people(struct ctx *c, const struct list *channel_ids, const struct audience_people **out) MUST_USE;
const struct people_column *audience_attribute(const struct audience_people *people, const char *name);
uint16_t audience_kind(const struct audience_people *people, const char *name);
enum { AUDIENCE_SUBJECT = 1 }; /* the column of events that says what an event is about */

/* Until all that was committed is in the engine and in the segments: for tests and measurements. */
void audience_await(struct app *app);

/* For `papilio check`: events by kind and month, and every customer, against the base as the ctx sees it. Names what differs, each as
 * one line; waits for the engine to be filled. Says nothing where the base was written to meanwhile. */
enum err audience_check(struct ctx *c, struct buf *differences) MUST_USE;
