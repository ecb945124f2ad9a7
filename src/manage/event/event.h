/* Events from outside: the registry of kinds and the one way in (API, beacon, import). A message id
 * is taken once within seven days of arrival; event time and arrival time stay apart; personal data
 * never reaches the journal. */
#pragma once

#include "base/json.h"
#include "kit/app.h"
#include "kit/journal.h"
#include "kit/route.h"
#include "manage/customer/customer.h"

#define EVENT_BATCH_MAX 1000
#define EVENT_FUTURE_MS (5 * INT64_C(60000)) /* later than this ahead of now: refused */

extern const struct event_kind event_kinds[]; /* ended by a row with name NULL */
extern const struct route event_routes[];

/* What the way in remembers of message ids and customers; and the index of behaviours, made beside. */
extern const struct app_part known_part;
void known_await(struct app *app); /* until the index is made: for tests and measurements */
/* Reactions (flow/flow.c): what was known of a customer, of anybody, may not be so. */
enum err known_customer_changed(struct ctx *c, const struct event *event);
enum err known_customer_gone(struct ctx *c, const struct event *event);

/* One event as it came, its form checked by field tables or a mapping; ingest checks the meaning.
 */
struct event_in {
    struct str message_id, kind;
    int64_t occurred_ms;                   /* NONE: now */
    struct customer_ref customer;          /* kind.at NULL: none */
    struct str anonymous_id, channel_code; /* no value: none */
    struct str properties;                 /* JSON object; no value: none */
    const struct json *read;               /* the same, where the way in has read it already; else NULL */
    bool is_lenient; /* an unknown channel_code is left out, not a reason to refuse */
};
struct event_reject {
    int64_t index_number;
    struct str code, message;
};
struct event_result {
    int64_t accepted_count, duplicate_count;
    struct list rejected; /* struct event_reject */
};
/* Takes at most EVENT_BATCH_MAX events; wrong ones are reported and the others stay. At most 8
 * statements besides the reactions'. */
enum err event_ingest(struct ctx *c, const struct event_in *events, int64_t count,
                      struct event_result *result) MUST_USE;

/* Deletes message ids older than seven days, at most 50,000 a call. Once a minute on the writer. */
enum err message_forget(struct ctx *c, int64_t *deleted_count) MUST_USE;
