/* Customers: one record a person (or a visitor not yet identified), found by identities. Personal
 * data is sealed in the row and found by keyed hash; it never goes to the journal, the log or an
 * idempotency reply. Figures of orders are order.c's. */
#pragma once

#include "kit/app.h"
#include "kit/job.h"
#include "kit/journal.h"
#include "kit/route.h"

#define CUSTOMER_IDENTITY_MAX 20     /* of one customer */
#define CUSTOMER_VALUE_MAX 200       /* code points of an identity's value */
#define CUSTOMER_BATCH_MAX 1000      /* references in one batch */

/* By what a customer is known. kind: phone email unionid external_userid member_no anonymous,
 * openid:APP, shop:SOURCE. */
struct customer_ref {
    struct str kind, value;
};

struct customer_new {
    const struct customer_ref *refs; /* identities; phone and email below go with them */
    int64_t ref_count;
    struct str name, phone, email, region; /* no value: unknown */
    struct str attributes;                 /* JSON object without personal data; no value: {} */
    int64_t channel_id;                    /* first touch; NONE */
    int64_t touched_ms;                    /* first touch; NONE: now */
    int64_t added_ms;                      /* friend added, followed, registered; NONE */
    int64_t invited_by_customer_id;        /* NONE */
};
void customer_new_init(struct customer_new *n); /* everything absent */

/* Checks kind and value and brings the value into its one form: phone: digits, a leading 00 or +86
 * dropped; email: lower case; others: trimmed. E_INPUT "identity.kind" "identity.value". */
enum err customer_ref_normal(struct ctx *c, struct customer_ref ref,
                             struct customer_ref *out) MUST_USE;

/* E_NOT_FOUND (without fail(): say yourself what that means), E_INPUT for a wrong kind or value. */
enum err customer_find(struct ctx *c, struct customer_ref ref, int64_t *customer_id) MUST_USE;
/* The gate of every route about one customer: the person a record stands for (itself, or the one it was
 * merged into), if c's reach has that person. E_NOT_FOUND "customer.unknown" otherwise: nobody learns of
 * customers out of reach. */
enum err customer_reach(struct ctx *c, int64_t customer_id, int64_t *person_id) MUST_USE;
/* E_CONFLICT "customer.exists" when an identity is somebody else's. Emits customer_added. */
enum err customer_add(struct ctx *c, const struct customer_new *n, int64_t *customer_id) MUST_USE;
/* For imports: ids of `count` (at most CUSTOMER_BATCH_MAX) references, new customers made for
 * unknown ones with their earliest touched_ms[i] (NULL: now) of the batch. The same reference twice
 * is one customer. refs must be normal (customer_ref_normal); one with kind.at NULL is skipped and
 * gives NONE. One statement; five when there are new ones, and what reacts to customer_added. */
enum err customer_find_or_add_batch(struct ctx *c, const struct customer_ref *refs, int64_t count,
                                    const int64_t *touched_ms, int64_t *customer_ids) MUST_USE;

/* The same for events, in two steps with the caller's own checks between them.
 * customer_touches_find reads only and fills the ids of known customers. customer_touches_settle
 * makes the unknown ones, promotes a visitor whom an event names (an anonymous record that no
 * identity names gets it; one that is somebody's stays as it is, and the person counts), moves
 * action_day forward and the first touch back, and fills all ids of touches that are not skipped.
 * Order matters: earlier touches first. */
struct customer_touch {
    struct customer_ref person, anonymous, inviter; /* normal; kind.at NULL: none */
    int64_t touched_ms, action_day, channel_id;     /* action_day NONE: no own action */
    bool is_skipped;
    int64_t customer_id, inviter_id; /* out; NONE: not known, not given */
};
struct customer_touches;
enum err customer_touches_find(struct ctx *c, struct customer_touch *touches, int64_t count,
                               struct customer_touches **out) MUST_USE;
enum err customer_touches_settle(struct ctx *c, struct customer_touches *all) MUST_USE;
/* After settling: was it a touch of a customer whom the base knew and that changed nothing? Then another with the same
 * references, of that day at most and not before the first touch, changes nothing either, until the customer is edited,
 * merged, parted or deleted. */
struct customer_known {
    int64_t customer_id, customer_number, action_day, touched_ms;
};
bool customer_touch_known(const struct customer_touches *all, int64_t index, struct customer_known *known);

/* For imports of customers: adds what is not there yet and changes what is given (values present in
 * n[i] only; members of attributes are put over the old ones). ids[i] and is_changed[i] (NULL: not
 * asked) are filled; faults[i] (E_INPUT, E_CONFLICT with code and message; OK if fine) tells refused
 * ones, the others stay. `changes` is what customer_undo takes back of those that were there. */
struct customer_import {
    const struct customer_new *n;
    int64_t count; /* at most CUSTOMER_BATCH_MAX */
    int64_t *ids;
    bool *is_changed;
    struct fault *faults;
    struct str changes; /* out: JSON; no value: none */
    int64_t change_count;
};
enum err customer_import_batch(struct ctx *c, struct customer_import *import) MUST_USE;
/* Takes back what an import did. noun "customers": ids it made, with commas: those whom nothing has
 * touched since become tombstones. "changes": as above: what still holds the imported value is what
 * it was before. Counts are added to. */
enum err customer_undo(struct ctx *c, struct str noun, struct str before, int64_t *undone_count,
                       int64_t *kept_count) MUST_USE;

/* Puts a tag on persons or takes it off: `ids` are persons (not merged records) that were reached, at most
 * CUSTOMER_BATCH_MAX. One of an exclusive group takes the group's others off. is_changed (NULL: not asked)
 * tells whose row came or went. A fixed number of statements. E_NOT_FOUND "tag.unknown". */
struct tag_put {
    const int64_t *ids;
    int64_t count, tag_id;
    bool is_on;
    bool *is_changed;
};
enum err tag_put_batch(struct ctx *c, const struct tag_put *put) MUST_USE;

/* Gives persons to a colleague and a store (NONE: nobody's, no store's), ends the owner's time before and
 * keeps the history. Same rules for ids and is_changed. The colleague must be active and, like the store,
 * within c's reach: E_NOT_FOUND "owner.staff", "owner.org". */
struct owner_change {
    const int64_t *ids;
    int64_t count, staff_id, org_id;
    struct str reason;
    bool *is_changed;
};
enum err owner_assign(struct ctx *c, const struct owner_change *change) MUST_USE;
/* For taking back: each to the owner and store of its row, whoever that is by now. */
struct owner_row {
    int64_t customer_id, staff_id, org_id;
};
enum err owner_restore(struct ctx *c, const struct owner_row *rows, int64_t count,
                       struct str reason) MUST_USE;
/* A new customer of somebody who reaches only some is that one's, or it would be out of reach at once. */
enum err owner_claim(struct ctx *c, int64_t person_id) MUST_USE;

/* Purchase state 未购 首单 复购 沉睡 流失: "never" "once" "repeat" "sleeping" "lost", by the
 * brand's settings at c->now_ms. */
struct customer_limits {
    int64_t sleep_before_ms, lost_before_ms; /* a last order before this: sleeping, lost */
};
enum err customer_limits_get(struct ctx *c, struct customer_limits *limits) MUST_USE;
const char *customer_state(const struct customer_limits *limits, int64_t order_count,
                           int64_t last_order_ms);

/* Names, phones and other identities in memory, for finding by any part. Begin (from on_open)
 * empties it for this app; a job fills it, at once where the app listens, otherwise at the first
 * search. */
void customer_search_begin(struct app *app);
bool customer_search_is_ready(const struct app *app);
/* For a deletion: at once, before anything else is searched. */
void customer_search_forget(const struct app *app, const int64_t *ids, int64_t count);

/* Reactions (flow/flow.c): member_registered, friend_added, official_followed set added_ms;
 * invite_accepted the inviter. */
enum err customer_mark_added(struct ctx *c, const struct event *event) MUST_USE;
enum err customer_mark_invited(struct ctx *c, const struct event *event) MUST_USE;

extern const struct route customer_routes[];
extern const struct route customer_list_routes[];
extern const struct route customer_names_routes[];
extern const struct route customer_profile_routes[];
extern const struct route timeline_routes[];
extern const struct route tag_routes[];
extern const struct route owner_routes[];
extern const struct route bulk_routes[];
extern const struct route list_view_routes[];
/* Work on many customers at once: kit/job.h. */
struct job_kind;
extern const struct job_kind bulk_tag_kind, bulk_assign_kind, bulk_export_kind,
    bulk_export_clear_kind;
extern const struct route reveal_routes[];
extern const struct route merge_routes[], merge_undo_routes[], duplicate_routes[];
extern const struct job_kind duplicates_find_job;
extern const struct route child_routes[];
extern const struct route note_routes[];
extern const struct route relation_routes[];
extern const struct route card_routes[];
