/* What must leave: a row written with the state it reports, sent after the commit. The key makes a
 * repeat harmless: after a crash a message may leave twice, always under the same key. */
#pragma once

#include "kit/route.h"

struct outbox_new {
    const char *kind;
    int64_t key_id;      /* one message of a kind for each: the same again changes nothing */
    int64_t order_id;    /* those of one order_id to one destination leave one after another; NONE: any time */
    int64_t customer_id; /* whom it is about; NONE */
    struct str destination; /* whose queue and quota, one of few; no value: the kind's name */
    struct str body;
    int64_t due_ms;      /* NONE: now */
};
enum err outbox_add(struct ctx *c, const struct outbox_new *messages, int64_t count) MUST_USE;
/* What is on its way at this moment may still arrive; then it counts as sent. */
enum err outbox_cancel(struct ctx *c, const char *kind, int64_t key_id, bool *was_waiting) MUST_USE;

/* All that waits for a destination is given up. */
enum err outbox_drop(struct ctx *c, struct str destination, int64_t *dropped_count) MUST_USE;

/* A message as the kind sees it; filled requests go over HTTP by the sender. */
struct outbox_message {
    int64_t id, key_id, customer_id, attempt_count;
    struct str destination, body;
};
#define OUTBOX_HEADERS_MAX 8
struct outbox_request {
    struct str url, body;
    struct str headers[OUTBOX_HEADERS_MAX]; /* "X-Name: value" */
    int header_count;
    int timeout_ms;        /* 0: 10,000 */
    bool is_public_only;   /* an address somebody typed in: never into this machine or a private network */
};
struct outbox_answer {
    int status;       /* of HTTP; 0: none came */
    struct str body, words;
};
enum outbox_verdict {
    OUTBOX_DONE,
    OUTBOX_RETRY,
    OUTBOX_DEAD,
    OUTBOX_OVER, /* not taken, and nobody need look at it: cancelled */
};

/* A row of app_config.outbox_kinds. */
struct outbox_kind {
    const char *name;
    const char *title_zh, *title_en;
    int attempt_max;       /* 0: 12 */
    int64_t per_second_count;    /* quota of one destination; 0: none */
    bool has_quiet_hours;  /* for people: not in the brand's quiet hours, and at most the week's cap a person */
    /* On a reader: what to send. An error makes it dead. */
    enum err (*request)(struct ctx *c, const struct outbox_message *message, struct outbox_request *out);
    /* On the writer, with the message's end in one transaction. NULL: 2xx is done, 4xx but 408, 425, 429
     * dead, all else tried again. */
    enum err (*answered)(struct ctx *c, const struct outbox_message *message,
                         const struct outbox_answer *answer, enum outbox_verdict *verdict);
    bool keeps_answer; /* how a refusal's text begins is kept with the message: only from who is told of nobody */
};
/* Waits until nothing that is due waits: for tests and measurements. */
void outbox_await(struct app *app);
/* GET /api/outbox, POST /api/outbox/{outbox_id}/retry, /cancel, /reveal. */
extern const struct route outbox_routes[];
