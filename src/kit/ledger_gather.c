/* Records that are one person: an account stays its record's, and what they have is spent together.
 * Always: what a spending lacks, or what ends earlier elsewhere, is gathered into its account in
 * the same posting, so that nothing ever stays in a gathered lot; what comes back into one goes on
 * home. So a merge and its undoing move nothing here. */
#include "gen/ledger.q.h"
#include "gen/ledger_gather.q.h"
#include "gen/ledger_lot.q.h"
#include "kit/ledger_private.h"

/* An account that spends, as the first of its legs found it. */
struct want {
    int64_t leg_at, account_id, need_count;
    bool is_own_first;
    struct q_gather_count_row found;
};

/* ---- who spends more than lies there --------------------------------------------------------- */

/* The most by which the legs leave the account below where it was. */
static int64_t needed(const struct leg *legs, int64_t count, int64_t account_id)
{
    int64_t need_count = 0, most_count = 0;

    for (int64_t i = 0; i < count; i++) {
        const struct transfer *t = &legs[i].transfer;
        need_count += t->from_id == account_id ? t->amount_count : 0;
        most_count = need_count > most_count ? need_count : most_count;
        need_count -= t->to_id == account_id ? t->amount_count : 0;
    }
    return most_count;
}

static bool is_wanted(const struct list *wants, int64_t account_id)
{
    for (int64_t i = 0; i < wants->count; i++)
        if (((const struct want *)wants->at)[i].account_id == account_id)
            return true;
    return false;
}

/* Mostly nobody: then the ledger asks nothing more. */
static struct list wants_find(struct ctx *c, const struct leg *legs, int64_t count,
                              const struct q_ledger_look_row *looks)
{
    struct list wants = {0};
    int64_t want_max = 0;

    for (int64_t i = 0; i < count; i++) {
        struct want want = {.leg_at = i,
                            .account_id = legs[i].transfer.from_id,
                            .is_own_first = legs[i].first_lot_id != NONE};
        bool is_short;
        if (!looks[i].is_person || legs[i].is_own || is_wanted(&wants, want.account_id))
            continue;
        want.need_count = needed(legs, count, want.account_id);
        is_short = want.need_count > looks[i].from_balance_count;
        if (is_short || (looks[i].is_joined && !want.is_own_first))
            *(struct want *)list_add(c->arena, &wants, &want_max, sizeof(want)) = want;
    }
    return wants;
}

/* ---- what the person's other records bring --------------------------------------------------- */

/* What one record of a person gathers another cannot in the same call: it has only its own. */
static bool is_second(const struct want *wants, int64_t at)
{
    const struct q_gather_count_row *row = &wants[at].found;

    for (int64_t i = 0; i < at; i++)
        if (wants[i].found.person_id == row->person_id &&
            wants[i].found.scope_id == row->scope_id && str_eq(wants[i].found.unit, row->unit))
            return true;
    return false;
}

static enum err pieces_count(struct ctx *c, const struct list *wants, int64_t *piece_count)
{
    struct want *want = (struct want *)wants->at;
    struct q_gather_count_in *keys =
        arena_new_array(c->arena, struct q_gather_count_in, (size_t)wants->count);
    struct q_gather_count_row *rows =
        arena_new_array(c->arena, struct q_gather_count_row, (size_t)wants->count);

    for (int64_t i = 0; i < wants->count; i++)
        keys[i] = (struct q_gather_count_in){.account_id = want[i].account_id,
                                             .is_own_first = want[i].is_own_first,
                                             .need_count = want[i].need_count};
    TRY(q_gather_count(c, keys, wants->count, rows));
    *piece_count = 0;
    for (int64_t i = 0; i < wants->count; i++) {
        want[i].found = rows[i];
        if (is_second(want, i))
            want[i].found.piece_count = 0;
        *piece_count += want[i].found.piece_count;
    }
    return OK;
}

/* As if its caller had asked for it: a leg, and what the look at both accounts would have found. */
static void piece_plan(struct ctx *c, const struct want *want, const struct q_gather_piece_row *row,
                       struct leg *leg, struct q_ledger_look_row *look)
{
    const struct q_ledger_look_row spends = *look;

    *leg = (struct leg){.transfer = {.kind = row->is_debt ? "debt_paid" : "gathered",
                                     .key_id = ctx_id(c),
                                     .from_id = row->is_debt ? want->account_id : row->account_id,
                                     .to_id = row->is_debt ? row->account_id : want->account_id,
                                     .amount_count = row->amount_count,
                                     .expires_ms = row->is_debt              ? NONE
                                                   : row->expires_ms == NONE ? LEDGER_NEVER_MS
                                                                             : row->expires_ms},
                        .reverses_id = NONE,
                        .first_lot_id = row->lot_transfer_id,
                        .only_expires_ms = row->lot_transfer_id == NONE ? 0 : row->expires_ms,
                        .is_own = true};
    *look = (struct q_ledger_look_row){.from_balance_count = row->balance_count,
                                       .from_posting_count = row->posting_count,
                                       .from_last_id = row->last_transfer_id,
                                       .has_from_lots = row->has_lots,
                                       .to_balance_count = spends.from_balance_count,
                                       .to_posting_count = spends.from_posting_count,
                                       .to_last_id = spends.from_last_id,
                                       .has_to_lots = spends.has_from_lots,
                                       .debt_id = want->found.debt_id,
                                       .debt_balance_count = want->found.debt_balance_count,
                                       .debt_posting_count = want->found.debt_posting_count,
                                       .debt_last_id = want->found.debt_last_id};
    if (!row->is_debt)
        return;
    *look = spends;
    look->to_balance_count = row->balance_count;
    look->to_floor_count = look->debt_id = NONE;
    look->to_posting_count = row->posting_count;
    look->to_last_id = row->last_transfer_id;
    look->has_to_lots = false;
}

static enum err pieces_plan(struct ctx *c, const struct list *wants, int64_t piece_count,
                            struct gathering *all)
{
    const struct want *want = wants->at;
    struct q_gather_piece_in *keys =
        arena_new_array(c->arena, struct q_gather_piece_in, (size_t)piece_count);
    struct q_gather_piece_row *rows =
        arena_new_array(c->arena, struct q_gather_piece_row, (size_t)piece_count);
    int64_t at = 0;

    for (int64_t i = 0; i < wants->count; i++)
        for (int64_t nth = 0; nth < want[i].found.piece_count; nth++)
            keys[at++] = (struct q_gather_piece_in){.account_id = want[i].account_id,
                                                    .is_own_first = want[i].is_own_first,
                                                    .need_count = want[i].need_count,
                                                    .skip_count = nth};
    TRY(q_gather_piece(c, keys, piece_count, rows));
    at = 0;
    for (int64_t i = 0; i < wants->count; i++)
        for (int64_t nth = 0; nth < want[i].found.piece_count; nth++, at++) {
            all->looks[at] = all->looks[piece_count + want[i].leg_at];
            piece_plan(c, &want[i], &rows[at], &all->legs[at], &all->looks[at]);
        }
    return OK;
}

enum err ledger_gather(struct ctx *c, const struct posting *posting,
                       const struct q_ledger_look_row *looks, struct gathering *all)
{
    struct list wants = wants_find(c, posting->legs, posting->count, looks);
    size_t count = (size_t)posting->count;

    *all = (struct gathering){.looks = (struct q_ledger_look_row *)looks,
                              .legs = (struct leg *)posting->legs,
                              .count = posting->count};
    if (wants.count == 0)
        return OK;
    TRY(pieces_count(c, &wants, &all->added_count));
    if (all->added_count == 0)
        return OK;
    all->count += all->added_count;
    all->added_ids = arena_new_array(c->arena, int64_t, (size_t)all->added_count);
    all->looks = arena_new_array(c->arena, struct q_ledger_look_row, (size_t)all->count);
    all->legs = arena_new_array(c->arena, struct leg, (size_t)all->count);
    memcpy(all->legs + all->added_count, posting->legs, count * sizeof(struct leg));
    memcpy(all->looks + all->added_count, looks, count * sizeof(*looks));
    return pieces_plan(c, &wants, all->added_count, all);
}

/* ---- going home ------------------------------------------------------------------------------ */

/* What came back into lots, and of those that were gathered: where to, into which lot. */
struct returning {
    struct leg *legs;
    struct q_lot_use_return_in *refills;
    struct q_ledger_reversed_in *marks;
    int64_t leg_count, refill_count;
};

/* Where there is no such lot at home, or it has ended, one begins with the end of this one. */
static void return_plan(struct ctx *c, const struct q_lot_use_return_in *back,
                        const struct q_gather_home_row *home, struct returning *returning)
{
    bool is_there = home->lot_transfer_id != NONE && home->expires_ms > c->now_ms;
    bool is_endless = back->expires_ms == LEDGER_NEVER_MS;
    int64_t at = returning->leg_count++;

    returning->legs[at] =
        (struct leg){.transfer = {.kind = "gathered_back",
                                  .key_id = ctx_id(c),
                                  .from_id = back->account_id,
                                  .to_id = home->home_account_id,
                                  .amount_count = home->left_count,
                                  .expires_ms = is_there || is_endless ? NONE : back->expires_ms},
                     .reverses_id = back->lot_transfer_id,
                     .first_lot_id = back->lot_transfer_id,
                     .only_expires_ms = back->expires_ms,
                     .is_own = true};
    returning->marks[at] = (struct q_ledger_reversed_in){home->left_count, back->lot_transfer_id};
    if (!is_there)
        return;
    returning->legs[at].refilled_count = home->left_count;
    returning->refills[returning->refill_count++] =
        (struct q_lot_use_return_in){home->left_count, back->lot_transfer_id, home->home_account_id,
                                     home->expires_ms, home->lot_transfer_id};
}

static enum err return_post(struct ctx *c, const struct returning *returning)
{
    struct list refills = {returning->refills, returning->refill_count};
    int64_t count = returning->leg_count;
    int64_t *each = arena_new_array(c->arena, int64_t, (size_t)count);
    struct posting posting = {
        .legs = returning->legs, .count = count, .refills = &refills, .ids = each};

    TRY(ledger_post_legs(c, &posting));
    TRY(q_ledger_reversed(c, returning->marks, count, each));
    return ledger_changed(c, each, count);
}

/* Of several that came back into one lot the first speaks for all. */
static bool is_first(const struct q_lot_use_return_in *back, int64_t at)
{
    int64_t i = 0;

    while (back[i].lot_transfer_id != back[at].lot_transfer_id)
        i++;
    return i == at;
}

enum err ledger_return(struct ctx *c, const struct list *refills)
{
    const struct q_lot_use_return_in *back = refills->at;
    size_t room = (size_t)refills->count + 1;
    struct q_gather_home_in *keys = arena_new_array(c->arena, struct q_gather_home_in, room);
    struct q_gather_home_row *homes = arena_new_array(c->arena, struct q_gather_home_row, room);
    struct returning returning = {
        .legs = arena_new_array(c->arena, struct leg, room),
        .refills = arena_new_array(c->arena, struct q_lot_use_return_in, room),
        .marks = arena_new_array(c->arena, struct q_ledger_reversed_in, room)};

    if (refills->count == 0)
        return OK;
    for (int64_t i = 0; i < refills->count; i++)
        keys[i] = (struct q_gather_home_in){back[i].account_id, back[i].expires_ms,
                                            back[i].lot_transfer_id};
    TRY(q_gather_home(c, keys, refills->count, homes));
    for (int64_t i = 0; i < refills->count; i++)
        if (homes[i].home_account_id != NONE && is_first(back, i))
            return_plan(c, &back[i], &homes[i], &returning);
    return returning.leg_count == 0 ? OK : return_post(c, &returning);
}

enum err ledger_gather_end(struct ctx *c, const struct gathering *all)
{
    struct q_lot_use_return_in *lots =
        arena_new_array(c->arena, struct q_lot_use_return_in, (size_t)all->added_count + 1);
    struct list gathered = {lots, 0};

    for (int64_t i = 0; i < all->added_count; i++) {
        const struct transfer *t = &all->legs[i].transfer;
        if (t->expires_ms != NONE) /* no debt */
            lots[gathered.count++] =
                (struct q_lot_use_return_in){.account_id = t->to_id,
                                             .expires_ms = t->expires_ms,
                                             .lot_transfer_id = all->added_ids[i]};
    }
    return ledger_return(c, &gathered);
}
