/* What is owed and what is left, in double entry: nothing is created or lost, nothing goes below its
 * floor, nothing is posted twice. All amounts are whole units of the account's unit and above 0.
 * Every function runs within the caller's transaction, on the writer; all or nothing of a call. */
#pragma once

#include "kit/ctx.h"

enum ledger_unit { UNIT_FEN, UNIT_POINTS, UNIT_GROWTH, UNIT_PIECES, UNIT_CHANCES, UNIT_SEATS, UNIT_COUNT };
enum ledger_bucket {
    BUCKET_AVAILABLE, BUCKET_PENDING, BUCKET_FROZEN, BUCKET_DEBT, /* of a person; debt is at most 0 */
    BUCKET_BUDGET, BUCKET_ISSUED, BUCKET_EXPIRED, BUCKET_FORFEITED, BUCKET_IN_TRANSIT, BUCKET_EXTERNAL,
    BUCKET_COUNT
};
extern const char *const ledger_unit_names[UNIT_COUNT];     /* "fen" ... */
extern const char *const ledger_bucket_names[BUCKET_COUNT]; /* "available" ... */

/* An account by what it is. Floor: 0 for available, pending, frozen, budget, issued, expired, forfeited,
 * in_transit; none for debt and external. */
struct account {
    const char *owner_kind; /* "customer", "campaign", "reward", "system" */
    int64_t owner_id;       /* 0: the system */
    enum ledger_unit unit;
    enum ledger_bucket bucket;
    int64_t scope_id;       /* the campaign it counts for; 0: the brand as a whole */
};
/* The ids of these accounts, opened where they were not yet; two statements for any number. */
enum err ledger_open(struct ctx *c, const struct account *accounts, int64_t count,
                     int64_t *account_ids) MUST_USE;

/* An account stays its record's. While records are one person, what they have is spent together: a transfer or
 * hold out of the available account of any of them first gathers what ends earlier or lacks from the others, and pays
 * what they owe; what of it comes back goes home to the record it came from. So merging records and undoing it moves
 * nothing (docs/decisions/0018-merged-people.md). */
struct transfer {
    const char *kind;     /* with key_id and leg_number: once for ever */
    int64_t key_id, leg_number;
    int64_t from_id, to_id; /* accounts of one unit, E_INTERNAL otherwise */
    int64_t amount_count;
    int64_t expires_ms;   /* what arrives ends then; NONE: never */
    struct str reason;    /* by hand; no value otherwise */
};
/* Linked: all are posted, or none. The same again (kind, key, leg, accounts, amount) changes nothing
 * and is OK with *is_replay; with other contents E_CONFLICT "ledger.key_reused". Not enough in an
 * account: E_CONFLICT "ledger.floor", nothing posted. Over 2^62: E_INPUT "ledger.range". ids (may be
 * NULL) gets each transfer's id. */
enum err ledger_post(struct ctx *c, const struct transfer *transfers, int64_t count, bool *is_replay,
                     int64_t *ids) MUST_USE;

/* ---- two phases ------------------------------------------------------------------------------ */

/* Moves the amount into the owner's frozen bucket until it is posted, voided or until_ms has come (a
 * timer voids it then). The same again is OK with the same id. */
struct hold {
    const char *kind;
    int64_t key_id, leg_number;
    int64_t from_id, to_id;
    int64_t amount_count;
    int64_t until_ms;
};
enum err ledger_hold(struct ctx *c, const struct hold *hold, int64_t *hold_id) MUST_USE;
/* amount_count at most what is held; the rest goes back. Again with the same amount: OK. After void
 * or time: E_CONFLICT "ledger.hold_over". */
enum err ledger_hold_post(struct ctx *c, int64_t hold_id, int64_t amount_count) MUST_USE;
enum err ledger_hold_void(struct ctx *c, int64_t hold_id) MUST_USE;
/* Voids holds out of time, at most so many: *over_count were. A timer calls it. */
enum err ledger_holds_over(struct ctx *c, int64_t row_max_count, int64_t *over_count) MUST_USE;

/* ---- taking back ----------------------------------------------------------------------------- */

enum ledger_policy {
    REVERSE_ONLY_PENDING, /* only from the pending bucket; the rest stays with its owner */
    REVERSE_UP_TO_BALANCE,/* what the account's person still has; the rest stays there */
    REVERSE_CREATE_DEBT   /* the rest becomes the owner's debt, paid by the next income of the unit */
};
struct reversal {
    const char *kind; /* of the reversing transfers */
    int64_t key_id;
    int64_t transfer_id;  /* what is taken back */
    int64_t amount_count; /* at most what of it is not yet taken back: E_CONFLICT "ledger.reversed" */
    enum ledger_policy policy;
    struct str reason;
};
/* Spent lots are filled again; a lot that has ended in the meantime stays ended (its amount goes to
 * expired), and what came in and has ended comes back from there. *taken_count: came back at once;
 * *debt_count: became debt, paid at once as far as its owner has something available. Two halves are one
 * whole. What was posted of a hold goes back where the hold came from; the ledger's own transfers
 * (hold, hold_back, debt_paid, expired, gathered, gathered_back) are not taken back: E_CONFLICT "ledger.inner". The same key
 * again changes nothing, if it took something before. */
enum err ledger_reverse(struct ctx *c, const struct reversal *reversal, int64_t *taken_count,
                        int64_t *debt_count) MUST_USE;

/* What has ended goes to the system's expired bucket, at most row_max_count lots: *expired_count were. A
 * timer calls it. */
enum err ledger_expire(struct ctx *c, int64_t row_max_count, int64_t *expired_count) MUST_USE;

/* Both set themselves: when holds are over, when lots have ended. */
struct timer_kind;
extern const struct timer_kind ledger_hold_timer, ledger_expire_timer;

/* ---- reading --------------------------------------------------------------------------------- */

/* Balance in units, a customer's over all records of the person; 0 where nothing was opened. Any connection. */
enum err ledger_balance(struct ctx *c, const struct account *account, int64_t *balance_count) MUST_USE;

/* Splits total into count parts by weight (largest remainder, ties to the lower index): the parts sum
 * to total exactly. Weights >= 0, at least one > 0; total of any sign. Source: Hamilton's method. */
void ledger_split(int64_t total, const int64_t *weights, int64_t count, int64_t *parts);
