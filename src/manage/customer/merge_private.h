/* What the files about merging share: a person as a list of fields, the rule that makes one person's
 * fields of two, and the record of a merge that knows the way back. */
#pragma once

#include "gen/merge.q.h"
#include "manage/customer/customer_private.h"

#define MERGE_RECORDS_MAX 100 /* that stand for one person */

/* A field is a name and a text: numbers in decimal, members of the attributes under
 * "attributes.NAME" as their JSON. A field without a value is not in the list. */
struct merge_value {
    struct str name, value;
};
struct merge_values {
    struct list list; /* struct merge_value */
    int64_t room_count;
};
struct str merge_get(const struct merge_values *values, struct str name); /* no value: not there */
void merge_set(struct ctx *c, struct merge_values *values, struct str name, struct str value);
struct merge_values merge_copy(struct ctx *c, const struct merge_values *values);
int64_t merge_number(const struct merge_values *values, const char *name); /* NONE */
/* Whose guest a person is no more is told of it: true, and the event. */
bool merge_inviter_tell(struct ctx *c, const struct merge_values *was, const struct merge_values *is, struct event *out);

enum err merge_values_of(struct ctx *c, const struct q_merge_row_row *row,
                         struct merge_values *out) MUST_USE;
/* All fields of the row; its `customer_id` says whose, for the seals. */
void merge_values_write(struct ctx *c, const struct merge_values *values,
                        struct q_merge_person_write_in *row);

/* Both have a value, they differ, and no rule but a choice says which stands. */
bool merge_is_choice(struct str name);
/* One person's fields of two. choices: field -> "keep" or "take"; "only" takes the other's even
 * where it has none. The rules: a value where the kept record has none; the earliest first touch with
 * its channel and the earliest adding; the latest action; family and blacklist if either is. */
void merge_combine(struct ctx *c, const struct merge_values *kept, const struct merge_values *other,
                   const struct merge_values *choices, struct merge_values *out);

/* What table customer_merge keeps, sealed. Ids are int64_t. */
struct merge_record {
    int64_t id, kept_id, merged_id;
    struct merge_values before, other, after, choices;
    struct list moved;      /* records that stood for the merged one */
    struct list tags;       /* put on the kept one by this merge */
    struct list other_tags; /* all of the merged one */
    struct merge_values left_now, left_was; /* by undoing: fields that held another value by then */
};
struct str merge_record_seal(struct ctx *c, const struct merge_record *record);
/* E_NOT_FOUND: erased with the person. */
enum err merge_record_open(struct ctx *c, struct str fields_enc, struct merge_record *out) MUST_USE;

/* Merges, one after another; each kept and merged person as it is after those before it. A pair that is
 * one person already, or whose person would have too many records, stays (merge_id NONE). A fixed
 * number of statements, and what reacts. Emits customer_merged for both. */
struct merge_pair {
    int64_t kept_id, merged_id;
    const char *rule; /* hand phone unionid visitor */
    struct merge_values choices;
    int64_t merge_id; /* out */
};
enum err merge_write(struct ctx *c, struct merge_pair *pairs, int64_t count) MUST_USE;

/* ---- merging by rule ------------------------------------------------------------------------- */

struct merge_rules {
    int64_t by_unionid, by_phone, by_visitor; /* tidy: settings, 0 or 1 */
};
enum err merge_rules_get(struct ctx *c, struct merge_rules *rules) MUST_USE;
/* The rule by which an operation that names two persons by identities of these kinds may merge them:
 * "unionid" "phone"; NULL: none. */
const char *merge_rule(const struct merge_rules *rules, struct str kind, struct str other_kind);
/* merge_write, but never two persons who both have a unionid, a member number or an external_userid: they
 * stay two and become a suggestion (merge_id NONE). The program's own: no reach is asked. */
enum err merge_by_rule(struct ctx *c, struct merge_pair *pairs, int64_t count) MUST_USE;

/* The same for what a colleague wrote, who must have the right and the reach to merge the two by hand.
 * Otherwise, or without a rule, nothing happens (merge_id NONE). */
enum err merge_by_staff(struct ctx *c, struct merge_pair *pair, struct str kind,
                        struct str other_kind) MUST_USE;

/* Fields as people see them: masked where they are personal. */
struct str merge_masked(struct ctx *c, struct str name, struct str value);
/* The fields an undoing left as they were, for the answer. */
struct merge_left {
    struct str field, now, before;
};
extern const struct shape merge_left_shape;
struct list merge_left(struct ctx *c, const struct merge_record *record);
