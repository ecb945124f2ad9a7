/* What the outbox's files share: a message on its way, and the commands on reader and writer. */
#pragma once

#include "host/client_pool.h"
#include "kit/kit_private.h"
#include "kit/outbox.h"
#include "kit/worker.h"

/* ---- for the frame --------------------------------------------------------------------------- */

struct outbox_sender *outbox_sender_new(struct app *app);
void outbox_begin(struct outbox_sender *sender); /* from now on what is due is sent */
void outbox_wake(struct outbox_sender *sender);  /* there may be something to send */
void outbox_stop(struct outbox_sender *sender);
enum err outbox_forget(struct ctx *c) MUST_USE; /* what is over goes; on the writer, once a minute */

/* ---- for its files --------------------------------------------------------------------------- */

const struct outbox_kind *outbox_kind_find(const struct app *app, struct str name); /* NULL: none */

/* The brand's rules for messages to people. */
struct outbox_rules {
    int64_t quiet_from_minutes_count, quiet_to_minutes_count, week_max_count;
};
enum err outbox_rules_read(struct ctx *c, struct outbox_rules *rules) MUST_USE;
/* When the quiet hours that now lies in end; NONE: it lies in none. */
int64_t outbox_quiet_end(const struct outbox_rules *rules, const struct zone *zone, int64_t now_ms);

#define OUTBOX_PAGE_MAX 128  /* messages read, and answers written, at once */
#define OUTBOX_QUEUE_MAX 1000 /* destinations */

/* A message from its reading to the commit of its answer. In the memory of the page it came with. */
struct delivery {
    struct client_send send; /* first: the pool hands this back */
    struct outbox_message message;
    const struct outbox_kind *kind; /* NULL: of a newer program */
    int64_t order_id, due_ms;
    struct fault fault;    /* it could not be made, or its answer not be worked on */
    bool is_unmade, is_put_off;
    bool is_clearing; /* before it leaves: counted against the person's week */
    bool is_cleared;
    bool is_looked_after; /* its answer may let another one go, or itself again */
    struct outbox_queue *queue;
    struct outbox_page *page;
    struct delivery *next;
    int active_index;
};

/* One read of a destination, in an arena of its own. */
struct outbox_page {
    struct call call;
    struct outbox_queue *queue;
    struct str destination;
    int64_t after_ms, after_id, limit_count;
    bool is_buried;     /* its messages are not made: the one there was made the page fail */
    struct fault fault; /* with this */
    struct delivery *deliveries;
    int64_t count;
    int64_t open_count; /* deliveries not yet over, and one for the read itself */
};
enum err outbox_page_read(struct ctx *c, void *page) MUST_USE;

/* The destinations as they are now. */
struct outbox_queues {
    struct call call;
    struct list rows; /* struct q_outbox_queues_row */
    struct outbox_rules rules;
    bool is_ours; /* else another node sends */
};
/* On a reader; on a shared base on the writer, for the lease. */
enum err outbox_queues_read(struct ctx *c, void *queues) MUST_USE;

/* Answers that are written in one command. */
struct outbox_answers {
    struct call call;
    struct delivery *deliveries[2 * OUTBOX_PAGE_MAX];
    int64_t count;
    int64_t week_max_count; /* messages a person */
};
enum err outbox_answers_write(struct ctx *c, void *answers) MUST_USE;
