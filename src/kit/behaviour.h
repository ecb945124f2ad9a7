/* The journal's other container: behaviours that changed nothing but the sum of what happened (docs/decisions/0021). A page
 * holds those of one request; it is written in the transaction that takes them, never changed, and goes as a whole when its
 * time is over. Ids are the journal's: of one clock, so both are read as one stream. */
#pragma once

#include "kit/ctx.h"

#define BEHAVIOUR_PAGE_MAX 1000 /* events a page */
#define BEHAVIOUR_SEAL 32768    /* so many events get an index by customer at once */

struct behaviour {
    int64_t id; /* 0: given by behaviour_add; ascending */
    int64_t occurred_ms, customer_id, customer_number, channel_id; /* channel_id NONE: none */
    struct str kind, properties;                                   /* no value: none */
};

/* On the writer. messages: 8 bytes of each event's message id's hash, in their order. */
enum err behaviour_add(struct ctx *c, struct behaviour *events, int64_t count, struct str messages) MUST_USE;

/* The next ones by id, whole pages, about `count` of them, fewer of large ones; struct behaviour. is_last: there were no more. */
enum err behaviour_after(struct ctx *c, int64_t after_id, int64_t count, struct list *events, bool *is_last) MUST_USE;
/* All of one record's, or (is_person) of all records that stand for a person; by id. There may be more than fit into a request's
 * memory: who needs them but one after another visits or counts them. */
struct behaviour_whose {
    int64_t customer_id;
    bool is_person;
    int64_t after_id; /* those with a later id alone */
};
typedef enum err behaviour_visitor(void *user, const struct behaviour *event); /* its texts: until it returns */
enum err behaviour_visit(struct ctx *c, const struct behaviour_whose *whose, behaviour_visitor *take, void *user) MUST_USE;
enum err behaviour_count(struct ctx *c, const struct behaviour_whose *whose, int64_t *count) MUST_USE;
/* The first ones, at most `count`. */
enum err behaviour_of(struct ctx *c, const struct behaviour_whose *whose, int64_t count, struct list *events) MUST_USE;

/* A page as it is stored: E_CORRUPT if it is not what was written. */
enum err behaviour_decode(struct arena *arena, struct str bytes, struct list *events) MUST_USE;

/* The index of the next BEHAVIOUR_SEAL events: read anywhere, written on the writer. is_due: there is one to write. */
struct behaviour_index {
    int64_t until_id, event_count;
    struct list parts;
    bool is_due;
};
enum err behaviour_index_make(struct ctx *c, struct behaviour_index *index) MUST_USE;
enum err behaviour_index_write(struct ctx *c, const struct behaviour_index *index) MUST_USE;

/* Retention: pages that arrived before the instant, so many a call that nobody waits long, and what points to them. */
enum err behaviour_forget(struct ctx *c, int64_t before_ms, int64_t *dropped_count) MUST_USE;
