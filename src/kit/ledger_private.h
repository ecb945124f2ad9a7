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
    int64_t first_lot_id;   /* the lot that came in by this transfer is taken first; NONE: oldest end. The
                               same for all legs of a call that take from one account */
    int64_t only_expires_ms; /* with first_lot_id: out of that lot alone, which ends then; 0: any */
    int64_t refilled_count; /* of the amount: goes back into lots, which is the caller's to do */
    bool is_own;            /* what other records of the person have stays where it is */
};
struct posting {
    const struct leg *legs;
    int64_t count;
    const struct list *refills; /* of ledger_home; NULL: none */
    int64_t *ids;               /* out: of each leg */
    bool is_replay;             /* out */
};
/* As ledger_post. */
enum err ledger_post_legs(struct ctx *c, struct posting *posting) MUST_USE;

/* What one call does to lots, told leg by leg. */
struct lot_new {
    int64_t account_id, expires_ms, transfer_id, amount_count;
};
struct lot_take {
    int64_t transfer_id, account_id;
    int64_t from_count, until_count; /* of all that its account's lots have, in their order */
    int64_t first_lot_id, only_expires_ms;
};
/* What comes first: what a call brings, it can spend. */
struct lots {
    struct list begun, taken;
    const struct list *refills; /* NULL: none */
};
enum err ledger_lots_write(struct ctx *c, const struct lots *lots) MUST_USE;
/* All or each of these changed one row; else E_INTERNAL. */
enum err ledger_changed(struct ctx *c, const int64_t *changed_each, int64_t count) MUST_USE;

/* ---- going home: what came out of lots goes back into them ------------------------------------ */

struct home {
    int64_t uses_id;      /* the transfer that took it out of the lots, if there were any */
    int64_t amount_count; /* of it, goes home now */
    enum ledger_unit unit;
    int64_t scope_id;
    /* out */
    int64_t alive_count, refilled_count; /* goes home; of that, into lots it came from */
    int64_t ended_count, expired_id;     /* its lots have ended: goes to this account */
};
/* What one transfer used, or all holds that are out of time; for ledger_home. */
enum err ledger_uses(struct ctx *c, int64_t transfer_id, struct list *uses) MUST_USE;
enum err ledger_uses_late(struct ctx *c, int64_t hold_max_count, struct list *uses) MUST_USE;
enum err ledger_home(struct ctx *c, struct home *homes, int64_t count, const struct list *uses,
                     struct list *refills) MUST_USE;
enum ledger_unit ledger_unit_of(struct str name);

/* ---- records that are one person ------------------------------------------------------------- */

/* The legs with those before them that bring what other records of the spending persons have. */
struct q_ledger_look_row;
struct gathering {
    struct leg *legs;
    struct q_ledger_look_row *looks;
    int64_t count, added_count;
    int64_t *added_ids; /* the transfers they became */
};
enum err ledger_gather(struct ctx *c, const struct posting *posting, const struct q_ledger_look_row *looks,
                       struct gathering *all) MUST_USE;
/* Behind the posting: what was gathered and was not spent, as more came in by a later leg, goes home. */
enum err ledger_gather_end(struct ctx *c, const struct gathering *all) MUST_USE;
/* Behind what has refilled lots (of q_lot_use_return_in): what lies in gathered ones goes on home. */
enum err ledger_return(struct ctx *c, const struct list *refills) MUST_USE;
