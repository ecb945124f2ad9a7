/* Customers as rows of a list or a file: masked unless the caller says otherwise. */
#pragma once

#include "manage/customer/filter.h"

struct customer_item_tag {
    int64_t id;
    struct str name, color;
};
struct customer_item {
    int64_t id, customer_number, channel_id, owner_id, org_id;
    int64_t order_count, paid_fen, refunded_fen, invited_count;
    int64_t first_order_ms, last_order_ms, touched_ms, added_ms, blocked_ms;
    struct str name, phone, email, region, channel_name, state, owner_name, org_name;
    struct str birth_date, action_date, life_stage_zh, life_stage_en;
    bool is_family;
    struct list tags;
};
extern const struct shape customer_item_shape;

struct customer_items_ask {
    const struct customer_hit *hits;
    int64_t count, tag_max; /* tags of each; 0: none are read */
    bool is_clear;          /* phone, e-mail and name as they are: for exports that may */
    bool is_without_email;  /* not asked for: not unsealed */
};
/* Four statements, six with tags; a customer that is gone is a row of its id alone. */
enum err customer_items_read(struct ctx *c, const struct customer_items_ask *ask,
                             struct list *items) MUST_USE;
/* `count` digits of a number that is not below 0, for dates. */
void customer_digits(char *at, int64_t number, int count);
