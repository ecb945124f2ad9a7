/* What keeps customers active. So far: the giveaway. */
#pragma once

#include "play/play.h"

/* 领取有礼: so many pieces, so many a person, points with each. A claim is one call: in by the campaign's rules
 * as the person came in, one piece off the stock, the points out of the budget (or held by the risk gate).
 * E_CONFLICT "campaign.closed", "counter.full", "giveaway.out_of_stock", "reward.budget". The same key again: OK,
 * the same reward. */
struct giveaway_claim {
    int64_t campaign_id, person_id;
    int64_t key_id;                   /* of the claim */
    const struct risk_signs *signs;   /* may be NULL */
};
enum err giveaway_claim(struct ctx *c, const struct giveaway_claim *claim, struct reward *reward,
                        bool *is_held) MUST_USE;

extern const struct play giveaway_play;
extern const struct route giveaway_routes[];
