/* Taking back. Always: of a transfer comes back what it moved, once; what of it has ended comes
 * from where it ended; where the policy makes a debt, the owner has nothing available beside it. */
#include "gen/ledger.q.h"
#include "gen/ledger_lot.q.h"
#include "kit/ledger_private.h"

/* Where what is taken back comes from. Each has two legs, for what goes home and for what has
 * ended there. */
enum source { FROM_DEBT, FROM_EXPIRED, FROM_ACCOUNT, SOURCE_COUNT };
#define LEG_PAY (2 * SOURCE_COUNT) /* the debt, at once, from what its owner has available */

struct taking {
    const struct reversal *reversal;
    struct q_ledger_get_row of;
    struct {
        int64_t account_id, amount_count;
    } sources[SOURCE_COUNT];
    int64_t available_id, pay_count;
    struct home home;
    struct leg legs[LEG_PAY + 1];
    int64_t leg_count;
    int64_t stays_count; /* ended on both ways: lies already where it would go */
};

/* ---- the same again -------------------------------------------------------------------------- */

static enum err replay_find(struct ctx *c, const struct reversal *reversal, bool *is_replay,
                            int64_t *taken_count, int64_t *debt_count)
{
    const struct q_ledger_legs_row *rows;
    struct list legs;
    int64_t all_count;

    TRY(q_ledger_legs(c, str_of(reversal->kind), reversal->key_id, &legs));
    rows = legs.at;
    *is_replay = legs.count > 0;
    for (int64_t i = 0; i < legs.count; i++) {
        if (rows[i].reverses_id != reversal->transfer_id && rows[i].leg_number != LEG_PAY)
            return fail(c, E_CONFLICT, "ledger.key_reused", "%s %" PRId64 " took back another",
                        reversal->kind, reversal->key_id);
        if (rows[i].leg_number / 2 == FROM_DEBT)
            *debt_count += rows[i].amount_count;
        else if (rows[i].leg_number < LEG_PAY)
            *taken_count += rows[i].amount_count;
    }
    all_count = *taken_count + *debt_count;
    if (all_count > reversal->amount_count) /* it may have been less: not all was there */
        return fail(c, E_CONFLICT, "ledger.key_reused", "%s %" PRId64 " took back %" PRId64,
                    reversal->kind, reversal->key_id, all_count);
    return OK;
}

/* ---- what can be taken, from where ----------------------------------------------------------- */

static enum err transfer_find(struct ctx *c, struct taking *taking)
{
    static const char *const inner[] = {"hold",    "hold_back", "debt_paid",
                                        "expired", "gathered",  "gathered_back"};
    const struct reversal *reversal = taking->reversal;
    enum err err = q_ledger_get(c, reversal->transfer_id, &taking->of);

    if (err == E_NOT_FOUND)
        return fail(c, err, "ledger.transfer", "no transfer %" PRId64, reversal->transfer_id);
    TRY(err);
    for (size_t i = 0; i < ARRAY_LEN(inner); i++)
        if (str_is(taking->of.kind, inner[i]))
            return fail(c, E_CONFLICT, "ledger.inner", "a transfer %s is the ledger's own",
                        inner[i]);
    if (reversal->amount_count < 1)
        return fail(c, E_INPUT, "ledger.range", "an amount of %" PRId64, reversal->amount_count);
    if (reversal->amount_count > taking->of.amount_count - taking->of.reversed_count)
        return fail(c, E_CONFLICT, "ledger.reversed", "of %" PRId64 " %" PRId64 " was taken back",
                    taking->of.amount_count, taking->of.reversed_count);
    return OK;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void sources_plan(struct taking *taking)
{
    const struct q_ledger_get_row *of = &taking->of;
    int64_t rest_count = taking->reversal->amount_count, has_count = rest_count;

    if (taking->reversal->policy == REVERSE_ONLY_PENDING && !str_is(of->bucket, "pending"))
        return;
    taking->sources[FROM_EXPIRED].amount_count =
        of->expired_count == NONE ? 0 : least(of->expired_count, rest_count);
    rest_count -= taking->sources[FROM_EXPIRED].amount_count;
    if (of->floor_count != NONE)
        has_count = of->balance_count - of->floor_count;
    if (of->person_count != NONE && of->person_count > has_count)
        has_count = of->person_count;
    taking->sources[FROM_ACCOUNT].amount_count = least(has_count, rest_count);
    rest_count -= taking->sources[FROM_ACCOUNT].amount_count;
    taking->sources[FROM_DEBT].amount_count =
        taking->reversal->policy == REVERSE_CREATE_DEBT ? rest_count : 0;
    taking->sources[FROM_EXPIRED].account_id = of->expired_account_id;
    taking->sources[FROM_ACCOUNT].account_id = of->to_account_id;
}

/* Nobody has a debt and something available beside it. */
static enum err debt_plan(struct ctx *c, struct taking *taking)
{
    const struct q_ledger_get_row *of = &taking->of;
    struct account accounts[2];
    int64_t ids[2], available_count = of->available_count == NONE ? 0 : of->available_count;

    if (taking->sources[FROM_DEBT].amount_count == 0)
        return OK;
    accounts[0] = (struct account){str_cstr(c->arena, of->owner_kind), of->owner_id,
                                   ledger_unit_of(of->unit), BUCKET_DEBT, of->scope_id};
    accounts[1] = accounts[0];
    accounts[1].bucket = BUCKET_AVAILABLE;
    TRY(ledger_open(c, accounts, 2, ids));
    taking->sources[FROM_DEBT].account_id = ids[0];
    taking->available_id = ids[1];
    if (!str_is(of->bucket, "available") && of->home_account_id != ids[1])
        taking->pay_count = least(available_count, taking->sources[FROM_DEBT].amount_count);
    return OK;
}

static enum err home_plan(struct ctx *c, struct taking *taking, struct list *refills)
{
    struct list uses = {0};

    taking->home = (struct home){.uses_id = taking->of.uses_id,
                                 .unit = ledger_unit_of(taking->of.unit),
                                 .scope_id = taking->of.home_scope_id};
    for (int i = 0; i < SOURCE_COUNT; i++)
        taking->home.amount_count += taking->sources[i].amount_count;
    TRY(ledger_uses(c, taking->of.uses_id, &uses));
    return ledger_home(c, &taking->home, 1, &uses, refills);
}

/* ---- legs ------------------------------------------------------------------------------------ */

static struct leg *leg_add(struct taking *taking, int64_t leg_number, int64_t from_id,
                           int64_t to_id, int64_t amount_count)
{
    const struct reversal *reversal = taking->reversal;
    struct leg *leg = &taking->legs[taking->leg_count];

    if (from_id == to_id)
        taking->stays_count += amount_count;
    if (amount_count == 0 || from_id == to_id)
        return NULL;
    taking->leg_count++;
    *leg = (struct leg){.transfer = {.kind = reversal->kind,
                                     .key_id = reversal->key_id,
                                     .leg_number = leg_number,
                                     .from_id = from_id,
                                     .to_id = to_id,
                                     .amount_count = amount_count,
                                     .expires_ms = NONE,
                                     .reason = reversal->reason},
                        .reverses_id = reversal->transfer_id,
                        .first_lot_id = NONE};
    return leg;
}

/* Of each source first what goes home, then what has ended there. */
static void legs_plan(struct taking *taking)
{
    struct home *home = &taking->home;
    struct leg *leg;
    int64_t alive_count = home->alive_count, refilled_count = home->refilled_count;

    for (int i = 0; i < SOURCE_COUNT; i++) {
        int64_t home_count = least(taking->sources[i].amount_count, alive_count);
        int64_t ended_count = taking->sources[i].amount_count - home_count;
        int64_t first_lot_id = i == FROM_ACCOUNT ? taking->reversal->transfer_id : NONE;
        leg = leg_add(taking, 2 * i, taking->sources[i].account_id, taking->of.home_account_id,
                      home_count);
        if (leg) {
            leg->first_lot_id = first_lot_id;
            leg->refilled_count = least(refilled_count, home_count);
            refilled_count -= leg->refilled_count;
        }
        alive_count -= home_count;
        leg = leg_add(taking, 2 * i + 1, taking->sources[i].account_id, home->expired_id,
                      ended_count);
        if (leg)
            leg->first_lot_id = first_lot_id;
    }
    leg = leg_add(taking, LEG_PAY, taking->available_id, taking->sources[FROM_DEBT].account_id,
                  taking->pay_count);
    if (leg) {
        leg->reverses_id = NONE;
        leg->is_own = true;
    }
}

/* What stays has not come back: those lots, the last of the list, are still to be given back. */
static void refills_trim(struct list *refills, int64_t stays_count)
{
    struct q_lot_use_return_in *rows = refills->at;

    while (stays_count > 0) {
        struct q_lot_use_return_in *last = &rows[refills->count - 1];
        int64_t part_count = least(last->amount_count, stays_count);
        last->amount_count -= part_count;
        stays_count -= part_count;
        refills->count -= last->amount_count == 0;
    }
}

static enum err reversed_mark(struct ctx *c, const struct taking *taking)
{
    int64_t expired_count = taking->sources[FROM_EXPIRED].amount_count - taking->stays_count;
    struct q_ledger_reversed_in rows[2] = {
        {taking->home.amount_count - taking->stays_count, taking->reversal->transfer_id},
        {expired_count, taking->of.expired_transfer_id}};
    int64_t changed_each[2], count = expired_count > 0 ? 2 : 1;

    TRY(q_ledger_reversed(c, rows, count, changed_each));
    return ledger_changed(c, changed_each, count);
}

enum err ledger_reverse(struct ctx *c, const struct reversal *reversal, int64_t *taken_count,
                        int64_t *debt_count)
{
    struct taking *taking = arena_new_one(c->arena, struct taking);
    int64_t ids[LEG_PAY + 1];
    struct list refills;
    struct posting posting = {.legs = taking->legs, .refills = &refills, .ids = ids};
    bool is_replay;

    *taken_count = *debt_count = 0;
    taking->reversal = reversal;
    TRY(replay_find(c, reversal, &is_replay, taken_count, debt_count));
    if (is_replay)
        return OK;
    TRY(transfer_find(c, taking));
    sources_plan(taking);
    TRY(debt_plan(c, taking));
    TRY(home_plan(c, taking, &refills));
    if (taking->home.amount_count == 0)
        return OK;
    legs_plan(taking);
    refills_trim(&refills, taking->stays_count);
    posting.count = taking->leg_count;
    TRY(ledger_post_legs(c, &posting));
    *debt_count = taking->sources[FROM_DEBT].amount_count;
    *taken_count = taking->home.amount_count - taking->stays_count - *debt_count;
    TRY(reversed_mark(c, taking));
    return ledger_return(c, &refills);
}
