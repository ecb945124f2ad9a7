/* A play of the tests' own: a gift that is paid for. Stock, a limit a person, points with each, and money that
 * comes back through a saga: stock, points and takings move when the refund is over, never before. */
#pragma once

#include "kit/inbox.h"
#include "kit/saga.h"
#include "play/play.h"

#define GIFT_CLAIMS_MAX 1000

struct gift_claim {
    int64_t campaign_id, person_id;
    int64_t key_id; /* 1.. GIFT_CLAIMS_MAX - 1 */
    struct reward reward; /* out */
    bool is_held;
};
/* Commands for app_write; user: struct gift_claim. */
enum err gift_claim_step(struct ctx *c, void *user);
void gift_claim_keep(const struct gift_claim *claim); /* once it is committed */
enum err gift_refund_step(struct ctx *c, void *user); /* user: int64_t, the claim's key; again: nothing */
void gift_forget(void);                               /* all claims, before another base */

extern const struct play gift_play;
extern const struct saga_kind gift_refund;
extern const struct inbox_kind gift_heard;
extern const struct route gift_routes[]; /* POST /test/payee: what the payee calls back */
