/* What the files of the ledger share: a call's legs, and how they are posted. */
#pragma once

#include "kit/ledger.h"

#define LEDGER_MAX (INT64_C(1) << 62)     /* no amount and no balance goes beyond */
#define LEDGER_NEVER_MS (INT64_C(1) << 60) /* the end of a lot that has none */
#define LEDGER_LEG_MAX 10000               /* of one call */

/* A transfer, and what only the ledger itself may ask for. */
struct leg {
    struct transfer transfer;
    int64_t reverses_id;    /* the transfer it takes back, or NONE */
    int64_t first_lot_id;   /* the lot that came in by this transfer is taken first; NONE: oldest end. Then
                               no other leg of the call takes from the account */
    int64_t refilled_count; /* of the amount: goes back into lots, which is the caller's to do */
};
/* As ledger_post. */
enum err ledger_post_legs(struct ctx *c, const struct leg *legs, int64_t count, bool *is_replay,
                          int64_t *ids) MUST_USE;

/* What one call does to lots, told leg by leg. */
struct lot_new {
    int64_t account_id, expires_ms, transfer_id, amount_count;
};
struct lot_take {
    int64_t transfer_id, account_id;
    int64_t from_count, until_count; /* of all that its account's lots have, in their order */
    int64_t first_lot_id;
};
/* New lots first: what a call brings, it can spend. */
enum err ledger_lots_write(struct ctx *c, const struct list *begun, const struct list *taken) MUST_USE;
