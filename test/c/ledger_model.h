/* What kit/ledger.h says, done slowly over plain arrays: no statements, no plans, no indexes. One at
 * a time in a process. Accounts, transfers, lots and holds are numbers from 0. */
#pragma once

#include "base/base.h"

enum model_roles {
    ROLE_AVAILABLE, ROLE_PENDING, ROLE_FROZEN, ROLE_DEBT, /* of everybody */
    ROLE_OUTSIDE, ROLE_ISSUED, ROLE_EXPIRED,              /* the system's */
    ROLES
};
#define PEOPLE 6
#define SYSTEM PEOPLE /* the last owner */
#define UNITS 2
#define UNIT_ACCOUNTS ((PEOPLE + 1) * 4 + 3)
#define ACCOUNTS (UNITS * UNIT_ACCOUNTS)

struct model_leg {
    int from, to;
    int64_t amount_count, end_ms; /* NONE: never */
    int first_transfer;           /* its lot is taken first; -1: oldest end */
    int64_t refilled_count;
    int transfer;                 /* out */
    bool is_own;                  /* other records' accounts stay as they are */
    bool is_gathered;
    int only_lot;                 /* from 1: out of that one alone; 0: any */
};
struct model_lot {
    int account, transfer;        /* -1: lay there before lots began */
    int64_t end_ms, order, amount_count, left_count;
};
struct model_hold {
    int64_t id, key_id, amount_count, posted_count, until_ms;
    int from, to, transfer;
    char status; /* held posted voided expired */
};
struct model_transfer {
    int64_t id, amount_count, reversed_count;
    int from, to;
    int hold;    /* what was posted of this one; -1 */
    int expired; /* the transfer by which its lot ended; -1 */
    int first_use, use_count;
    bool is_gathered; /* lent by one record of a person to another */
};
enum model_policy { MODEL_ONLY_PENDING, MODEL_UP_TO_BALANCE, MODEL_CREATE_DEBT };

void model_reset(void);
int model_account(int unit, int owner, int role);
int model_role(int account);
int model_owner(int account);
int model_unit(int account);
/* Records that are one person: a tree, whose root stands for it. */
int model_root(int owner);
bool model_is_merged(int owner);
void model_merge(int kept, int other); /* two roots */
void model_undo(int other);            /* of a root's own */
/* Of all records of the person together. */
int64_t model_person_balance(int account);
int64_t model_balance(int account);
bool model_has_lots(int account);
struct model_transfer *model_transfer(int transfer);
int model_transfer_count(void);
struct model_hold *model_hold_at(int hold);
int model_hold_count(void);
/* Those with something left by account, end and order; good until the next call. */
int model_lots(const struct model_lot **lots);

/* Each returns the code it is refused with, having done nothing; "" otherwise. */
const char *model_post(struct model_leg *legs, int count, int64_t now_ms);
const char *model_hold(struct model_hold hold, int *at, int64_t now_ms);
const char *model_hold_post(int hold, int64_t amount_count, int64_t now_ms);
const char *model_hold_void(int hold, int64_t now_ms);
const char *model_reverse(int transfer, int64_t amount_count, enum model_policy policy, int64_t now_ms,
                          int64_t counts[2]); /* taken, debt */
int64_t model_holds_over(int64_t row_max_count, int64_t now_ms);
int64_t model_expire(int64_t row_max_count, int64_t now_ms);
