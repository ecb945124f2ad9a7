/* What the files of this folder share. */
#pragma once

#include "manage/customer/customer.h"

/* A normal reference's keyed hash. */
struct str identity_hash(struct ctx *c, struct customer_ref ref);
/* The same by the key whose place is being taken; no value while none is. */
struct str identity_old_hash(struct ctx *c, struct customer_ref ref);
bool identity_is(struct customer_ref ref, const char *kind);

/* One new customer's row and identities, as many as wanted with a fixed number of statements. */
struct customer_plan {
    int64_t id;
    struct str name, phone, email, region, attributes;
    int64_t channel_id, touched_ms, added_ms, action_day;
};
struct identity_plan {
    struct customer_ref ref;
    struct str hash;
    int64_t customer_id;
};
/* The rows, their identities (some may belong to customers that exist), then customer_added. */
struct customer_writing {
    const struct customer_plan *plans;
    int64_t plan_count;
    const struct identity_plan *identities;
    int64_t identity_count;
};
enum err customer_write_new(struct ctx *c, const struct customer_writing *w) MUST_USE;
enum err identity_plans_write(struct ctx *c, const struct identity_plan *plans,
                              int64_t count) MUST_USE;
/* Whose they are: rows as customer_seen has them, by either hash while the hash key is turned. One statement;
 * then a second one. */
struct q_customer_seen_row;
enum err identity_seen(struct ctx *c, const struct identity_plan *plans, int64_t count,
                       struct q_customer_seen_row *rows) MUST_USE;
/* The identities of one customer given, normal, hashed and each once; phone and email in normal
 * form. */
struct identities {
    struct identity_plan *plans;
    int64_t count;
    struct str phone, email;
};
enum err identities_gather(struct ctx *c, const struct customer_new *n,
                           struct identities *all) MUST_USE;

/* A customer's own data in the clear, for comparing and changing. */
struct customer_image {
    int64_t id;
    struct str name, phone, email, region, attributes;
    int64_t channel_id, touched_ms, added_ms;
    int64_t inviter_id; /* of a person; changed by customer_inviter_link alone */
    bool is_family, is_there;
};
enum err customer_images_read(struct ctx *c, const int64_t *ids, int64_t count,
                              struct customer_image *images) MUST_USE;
enum err customer_images_write(struct ctx *c, const struct customer_image *images,
                               int64_t count) MUST_USE;
/* E_NOT_FOUND "customer.unknown". */
enum err customer_unknown(struct ctx *c, int64_t customer_id);
/* customer_edited; fields: blank-separated names of what changed, no values. */
enum err customer_edited_emit(struct ctx *c, int64_t customer_id, struct str fields) MUST_USE;
/* A birth date given as text; no value: not asked, empty: not known any more. E_INPUT "birth.date". */
enum err customer_birth_edit(struct ctx *c, int64_t customer_id, struct str birth_date,
                    bool *is_changed) MUST_USE;
/* Guarded: sets the inviter once and counts it. The caller tells of the guest. */
enum err customer_inviter_link(struct ctx *c, int64_t customer_id, int64_t inviter_id, bool *is_set) MUST_USE;

/* Persons of whom a record's name, phone or identity holds `text`, each once, of at most `max` records.
 * *is_ready: the memory is filled; before that only exact identities are found. */
/* E_CONFLICT "customer.exists"; the id only of a customer within reach. */
enum err customer_exists(struct ctx *c, int64_t person_id, struct str kind) MUST_USE;
enum err customer_search(struct ctx *c, struct str text, int64_t max, struct list *ids,
                         bool *is_ready) MUST_USE;
