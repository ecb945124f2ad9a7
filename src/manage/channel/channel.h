/* Channels: where customers come from, a tree with costs. `path` ("/1/5/9/") holds the ids from the
 * root down; a branch is a prefix of it. */
#pragma once

#include "kit/route.h"

struct channel_new {
    struct str code, name, kind; /* kind: store ad sms call content site partner referral other */
    int64_t parent_id;           /* NONE: a root */
};
/* E_CONFLICT "channel.exists", E_NOT_FOUND "channel.unknown" (the parent), E_INPUT. Emits
 * channel_added. */
enum err channel_add(struct ctx *c, const struct channel_new *n, int64_t *channel_id) MUST_USE;
/* Ids by code, NONE for unknown ones; one statement. codes[i].at NULL gives NONE. */
enum err channel_find_batch(struct ctx *c, const struct str *codes, int64_t count,
                            int64_t *channel_ids) MUST_USE;
/* The path of a channel, for "whole branch" filters. E_NOT_FOUND "channel.unknown". */
enum err channel_path(struct ctx *c, int64_t channel_id, struct str *path) MUST_USE;

/* The end of a branch's range of paths: path <= x < end. In c->arena. */
struct str channel_path_end(struct ctx *c, struct str path);

/* Costs by their number: the same (source, cost_no) again changes nothing. is_new[i] may be NULL.
 * For imports and the form. */
struct channel_cost_new {
    int64_t channel_id, spent_day, cost_fen;
    struct str source, cost_no, note;
};
enum err channel_cost_add_batch(struct ctx *c, const struct channel_cost_new *costs, int64_t count,
                                bool *is_new) MUST_USE;

extern const struct route channel_routes[];
extern const struct route channel_list_routes[];
extern const struct route channel_cost_routes[];
