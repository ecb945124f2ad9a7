/* The journal: what happened, append-only, written in the transaction of the state it reports. A
 * registry names every kind; a fact may drive reactions, which run at once in the same transaction.
 */
#pragma once

#include "kit/ctx.h"
#include "kit/field.h"

enum event_class { EVENT_FACT, EVENT_BEHAVIOUR };

struct event_kind {
    const char *name; /* past tense: "order_paid" */
    enum event_class class;
    bool is_open;        /* may be posted from outside (POST /api/v1/events, import events) */
    bool is_own_action;  /* the customer did it: counts as activity */
    const char *subject; /* noun of subject_id, or NULL */
    const struct shape *properties;  /* allowed properties; NULL: none */
    const char *title_zh, *title_en; /* for the timeline and the API page */
};

struct event {
    const struct event_kind *kind;
    int64_t occurred_ms;
    int64_t customer_id, channel_id, subject_id, amount_fen; /* NONE: does not apply */
    struct str properties;                                   /* JSON object, or no value */
    int64_t id; /* 0: the next one; else of ctx_id, for what lies in order with other rows */
};

/* Who reacts to what; the table is flow/flow.c's. A failing reaction fails the request. */
struct reaction {
    const char *kind;
    enum err (*react)(struct ctx *c, const struct event *event);
};

const struct event_kind *event_kind_find(const struct app *app,
                                         struct str name); /* NULL: not registered */
/* Occurred now, everything else NONE; must() the kind exists. */
void event_init(struct event *event, const struct ctx *c, const char *kind);
/* Writes the events with one statement and runs the facts' reactions in order. */
enum err journal_emit(struct ctx *c, const struct event *events, int64_t count) MUST_USE;

/* Retention: drops behaviours that arrived before the instant, at most 10,000 rows looked at a
 * call; facts stay, for the state is checked against them. */
enum err journal_forget(struct ctx *c, int64_t before_ms, int64_t *dropped_count) MUST_USE;
