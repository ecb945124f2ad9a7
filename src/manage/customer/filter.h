/* Which customers: what a person asks for, and the conditions it becomes. The list, work on many and
 * exports use the same. */
#pragma once

#include "kit/ctx.h"
#include "kit/field.h"

/* As it comes in. Fields of a list's query, or an object in a body. */
struct customer_ask {
    struct str search, state, stage, from_date, to_date, month, order_from_date, order_to_date, who;
    int64_t segment_id, channel_id, tag_id, tag2_id, tag3_id, owner_id, org_id, life_stage_number;
    int64_t order_min_count, order_max_count, paid_min_fen, paid_max_fen;
    bool is_unowned;
    bool is_blocked, has_blocked, is_family, has_family; /* has_: was it given */
};

#define CUSTOMER_STATES "never|once|repeat|sleeping|lost"
#define CUSTOMER_WHO_MAX 8000
#define CUSTOMER_STAGES "reached|added|active|first_order|loyal|repurchase|sharing|referred"
/* clang-format off */
#define ASK(m, ...) IN(struct customer_ask, m, .is_optional = true, __VA_ARGS__)
/* Where struct customer_ask is the first member of a route's struct. */
#define CUSTOMER_ASK_FIELDS \
    ASK(search, .max = 60, .about = "part of a name, phone or other identity"), \
    ASK(state, .one_of = CUSTOMER_STATES), \
    ASK(stage, .one_of = CUSTOMER_STAGES), \
    ASK(channel_id, .about = "with its branch"), \
    ASK(tag_id, .about = "also on a record that was merged into the customer"), \
    ASK(tag2_id, .about = "and this one"), \
    ASK(tag3_id, .about = "and this one"), \
    ASK(segment_id, .about = "its members, of a live or a static one"), \
    ASK(who, .max = CUSTOMER_WHO_MAX, .about = "a condition of the query language, as JSON text; an address has 8 KiB in all"), \
    ASK(owner_id, .about = "the colleague who has the customer"), \
    ASK(is_unowned, .about = "nobody has the customer"), \
    ASK(org_id, .about = "a store or region, with what lies under it"), \
    ASK(life_stage_number, .min = -1, .max = 100, .about = "band of the youngest child's age; -1: expecting"), \
    ASK(is_blocked, .given = offsetof(struct customer_ask, has_blocked)), \
    ASK(is_family, .given = offsetof(struct customer_ask, has_family)), \
    ASK(from_date, .about = "first touch, local day"), \
    ASK(to_date, .about = "this day not included"), \
    ASK(month, .about = "of the first order: 2011-03"), \
    ASK(order_from_date, .about = "last order, local day"), \
    ASK(order_to_date, .about = "this day not included"), \
    ASK(order_min_count, .min = 0, .max = INT32_MAX, .about = "counted orders, at least"), \
    ASK(order_max_count, .min = 0, .max = INT32_MAX), \
    ASK(paid_min_fen, .min = 0, .max = INT64_C(1) << 52), \
    ASK(paid_max_fen, .min = 0, .max = INT64_C(1) << 52)
/* clang-format on */

/* As the queries take it: one struct for all of them. */
struct customer_filter {
    int64_t from_ms, to_ms;
    bool has_figures, has_stage, has_owner, has_person;
    int64_t order_min_count, order_max_count, paid_min_fen, paid_max_fen;
    int64_t last_from_ms, last_to_ms, first_from_ms, first_to_ms;
    bool is_added, is_sharing, is_referred, is_unowned;
    int64_t active_from_day, loyal_count;
    struct str path, path_end, org_path, org_path_end;
    int64_t owner_staff_id, child_from_day, child_to_day, blocked_number, family_number;
    int64_t tag_id, tag2_id, tag3_id; /* the first leads */
    int64_t segment_id;               /* leads without a tag */
    struct str who_blob;              /* bit n: customer number n passes; no value: all do */
    int64_t who_count;                /* NONE: not asked */
    struct str search;                /* trimmed; len 0: none */
};

/* E_INPUT with the path of what is wrong; E_NOT_FOUND channel.unknown, org.unknown, segment.unknown.
 * `who` is asked here, as audience_who: not on the writer. At most nine statements. */
enum err customer_filter_read(struct ctx *c, const struct customer_ask *ask,
                              struct customer_filter *out) MUST_USE;

/* Downwards by the key, then by id. */
enum { SORT_NEWEST, SORT_LAST_ORDER, SORT_PAID, SORT_ORDERS };
struct customer_hit {
    int64_t id, key_number; /* no order yet: -1 in the order of last orders */
};
struct customer_page {
    int64_t sort_number, key_number, after_id, limit_count; /* behind this key and id */
    struct list hits;
    int64_t total_count; /* of all pages */
    bool is_search_ready;
};
#define CUSTOMER_FOUND_MAX 200000 /* found by text: more are not looked at */
enum err customer_filter_page(struct ctx *c, const struct customer_filter *f,
                              struct customer_page *page) MUST_USE;
/* How many; and each of them as an item of this job. By text: E_BUSY "customer.search" until the
 * memory is filled, E_INPUT "customer.too_many" at CUSTOMER_FOUND_MAX. */
enum err customer_filter_count(struct ctx *c, const struct customer_filter *f,
                               int64_t *count) MUST_USE;
enum err customer_filter_fix(struct ctx *c, const struct customer_filter *f, int64_t job_id,
                             int64_t *count) MUST_USE;
/* The same for customers named one by one: those that are there and within reach. */
enum err customer_filter_fix_ids(struct ctx *c, const int64_t *ids, int64_t count, int64_t job_id,
                                 int64_t *fixed_count) MUST_USE;
/* As the shape reads it, but for the searched text: for the audit trail and for jobs. */
void customer_ask_write(struct json_out *json, const struct customer_ask *ask);
