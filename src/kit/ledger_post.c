/* Posting. A call looks at all it touches, works out how everything will stand, and only then
 * writes: what is refused has changed nothing. Always: the legs of a call take effect in their
 * order; a statement of an account is whole, from its newest posting back along the chain; who has
 * a debt has nothing available. */
#include "gen/ledger.q.h"
#include "kit/ledger_private.h"
#include "kit/route.h"

/* An account as it will stand behind the legs so far. */
struct entry {
    int64_t id, balance_count, floor_count, posting_count, last_id;
    int64_t was_balance_count, was_posting_count;
    int64_t taken_count, first_lot_id; /* out of its lots so far, in which order */
    int64_t debt_at; /* where its owner's debt stands among the entries; NONE: there is none */
    bool has_lots, had_lots;
};
struct post {
    struct ctx *c;
    struct entry *entries;
    int64_t entry_count;
    int32_t *slots; /* of the entries by id, from 1; 0: free */
    size_t slot_count;
    struct q_ledger_add_in *rows;
    int64_t row_count;
    struct lots lots;
    int64_t begun_max, taken_max;
};

static void post_init(struct post *post, struct ctx *c, int64_t leg_count)
{
    *post = (struct post){.c = c, .slot_count = 8};
    while (post->slot_count < (size_t)leg_count * 6)
        post->slot_count *= 2;
    post->slots = arena_new_array(c->arena, int32_t, post->slot_count);
    post->entries = arena_new_array(c->arena, struct entry, (size_t)leg_count * 3);
    post->rows = arena_new_array(c->arena, struct q_ledger_add_in, (size_t)leg_count * 2);
}

/* Its place among the entries; *is_new: taken just now. */
static int64_t entry_at(struct post *post, int64_t account_id, bool *is_new)
{
    size_t at = (size_t)((uint64_t)account_id * 0x9e3779b97f4a7c15u >> 32);

    for (;; at++) {
        int32_t *slot = &post->slots[at & (post->slot_count - 1)];
        *is_new = *slot == 0;
        if (*slot == 0)
            *slot = (int32_t)++post->entry_count;
        if (*is_new || post->entries[*slot - 1].id == account_id)
            return *slot - 1;
    }
}

static void entry_put(struct post *post, const struct entry *as_found)
{
    bool is_new;
    int64_t at = entry_at(post, as_found->id, &is_new);

    if (is_new) {
        post->entries[at] = *as_found;
        post->entries[at].was_balance_count = as_found->balance_count;
        post->entries[at].was_posting_count = as_found->posting_count;
        post->entries[at].had_lots = as_found->has_lots;
        post->entries[at].debt_at = NONE;
        post->entries[at].first_lot_id = NONE;
    }
}

static struct entry *entry_of(struct post *post, int64_t account_id)
{
    bool is_new;

    return &post->entries[entry_at(post, account_id, &is_new)];
}

static void entries_put(struct post *post, const struct leg *leg,
                        const struct q_ledger_look_row *look)
{
    bool is_new;

    entry_put(post, &(struct entry){.id = leg->transfer.from_id,
                                    .balance_count = look->from_balance_count,
                                    .floor_count = look->from_floor_count,
                                    .posting_count = look->from_posting_count,
                                    .last_id = look->from_last_id,
                                    .has_lots = look->has_from_lots});
    entry_put(post, &(struct entry){.id = leg->transfer.to_id,
                                    .balance_count = look->to_balance_count,
                                    .floor_count = look->to_floor_count,
                                    .posting_count = look->to_posting_count,
                                    .last_id = look->to_last_id,
                                    .has_lots = look->has_to_lots});
    if (look->debt_id == NONE)
        return;
    entry_put(post, &(struct entry){.id = look->debt_id,
                                    .balance_count = look->debt_balance_count,
                                    .floor_count = NONE,
                                    .posting_count = look->debt_posting_count,
                                    .last_id = look->debt_last_id});
    entry_of(post, leg->transfer.to_id)->debt_at = entry_at(post, look->debt_id, &is_new);
}

/* ---- what was asked for ---------------------------------------------------------------------- */

static bool is_one_key(const struct transfer *a, const struct transfer *b)
{
    return a->key_id == b->key_id && a->leg_number == b->leg_number &&
           strcmp(a->kind, b->kind) == 0;
}

static enum err legs_check(struct ctx *c, const struct leg *legs, int64_t count)
{
    must(count <= LEDGER_LEG_MAX);
    for (int64_t i = 0; i < count; i++) {
        if (legs[i].transfer.amount_count < 1 || legs[i].transfer.amount_count > LEDGER_MAX)
            return fail(c, E_INPUT, "ledger.range", "an amount of %" PRId64,
                        legs[i].transfer.amount_count);
        for (int64_t j = 0; j < i; j++)
            if (is_one_key(&legs[i].transfer, &legs[j].transfer))
                return fail(c, E_CONFLICT, "ledger.key_reused", "%s %" PRId64 " twice in one call",
                            legs[i].transfer.kind, legs[i].transfer.key_id);
    }
    return OK;
}

static enum err legs_look(struct ctx *c, const struct leg *legs, int64_t count,
                          struct q_ledger_look_row *looks)
{
    struct q_ledger_look_in *in = arena_new_array(c->arena, struct q_ledger_look_in, (size_t)count);

    for (int64_t i = 0; i < count; i++) {
        const struct transfer *t = &legs[i].transfer;
        in[i] = (struct q_ledger_look_in){.to_id = t->to_id,
                                          .from_id = t->from_id,
                                          .kind = str_of(t->kind),
                                          .key_id = t->key_id,
                                          .leg_number = t->leg_number};
    }
    TRY(q_ledger_look(c, in, count, looks));
    for (int64_t i = 0; i < count; i++)
        if (!looks[i].is_sound)
            return fail(c, E_INTERNAL, "internal.ledger", "%s: two accounts of one unit are needed",
                        legs[i].transfer.kind);
    return OK;
}

/* Linked transfers were posted together, so it is all of them or none. */
static enum err replay_find(struct ctx *c, const struct leg *legs, int64_t count,
                            const struct q_ledger_look_row *looks, bool *is_replay)
{
    int64_t posted_count = 0;

    for (int64_t i = 0; i < count; i++) {
        const struct transfer *t = &legs[i].transfer;
        if (looks[i].posted_id == NONE)
            continue;
        if (looks[i].posted_from_id == t->from_id && looks[i].posted_to_id == t->to_id &&
            looks[i].posted_count == t->amount_count)
            posted_count++;
        else
            return fail(c, E_CONFLICT, "ledger.key_reused",
                        "%s %" PRId64 " was posted with other accounts or another amount", t->kind,
                        t->key_id);
    }
    *is_replay = posted_count == count;
    if (posted_count > 0 && posted_count < count)
        return fail(c, E_CONFLICT, "ledger.key_reused",
                    "only %" PRId64 " of %" PRId64 " linked transfers were posted before",
                    posted_count, count);
    return OK;
}

/* ---- how it will stand ----------------------------------------------------------------------- */

static void lot_begin(struct post *post, const struct lot_new *lot)
{
    if (lot->amount_count > 0)
        *(struct lot_new *)list_add(post->c->arena, &post->lots.begun, &post->begun_max,
                                    sizeof(struct lot_new)) = *lot;
}

static void lot_take(struct post *post, const struct leg *leg, int64_t id, struct entry *from)
{
    struct lot_take *take =
        list_add(post->c->arena, &post->lots.taken, &post->taken_max, sizeof(struct lot_take));

    take->transfer_id = id;
    take->account_id = from->id;
    take->first_lot_id = leg->only_expires_ms != 0 ? leg->first_lot_id : from->first_lot_id;
    take->only_expires_ms = leg->only_expires_ms;
    take->from_count = from->taken_count;
    take->until_count = leg->transfer.amount_count;
    if (leg->only_expires_ms != 0)
        return;
    from->taken_count += leg->transfer.amount_count;
    take->until_count = from->taken_count;
}

/* What came in is spent by its end, oldest first; what lay there before anything had an end has
 * none. */
static enum err lots_plan(struct post *post, const struct leg *leg, int64_t id, struct entry *from,
                          struct entry *to)
{
    const struct transfer *t = &leg->transfer;

    if (from->has_lots)
        lot_take(post, leg, id, from);
    if (t->expires_ms != NONE && to->floor_count != 0)
        return fail(post->c, E_INTERNAL, "internal.ledger",
                    "%s: what may lie below nothing has no lots", t->kind);
    if (t->expires_ms != NONE && !to->has_lots) {
        to->has_lots = true;
        lot_begin(post, &(struct lot_new){to->id, LEDGER_NEVER_MS, 0, to->balance_count});
    }
    if (to->has_lots)
        lot_begin(post,
                  &(struct lot_new){to->id, t->expires_ms == NONE ? LEDGER_NEVER_MS : t->expires_ms,
                                    id, t->amount_count - leg->refilled_count});
    return OK;
}

static enum err room_check(struct ctx *c, const struct leg *leg, const struct entry *from,
                           const struct entry *to)
{
    int64_t amount_count = leg->transfer.amount_count;

    if (from->floor_count != NONE && from->balance_count - from->floor_count < amount_count)
        return fail(c, E_CONFLICT, "ledger.floor",
                    "%s: account %" PRId64 " has %" PRId64 " of %" PRId64, leg->transfer.kind,
                    from->id, from->balance_count - from->floor_count, amount_count);
    if (from->balance_count < amount_count - LEDGER_MAX ||
        to->balance_count > LEDGER_MAX - amount_count)
        return fail(c, E_INPUT, "ledger.range", "%s: %" PRId64 " leads beyond 2^62",
                    leg->transfer.kind, amount_count);
    return OK;
}

static void row_add(struct post *post, const struct leg *leg, int64_t id, struct entry *from,
                    struct entry *to)
{
    const struct transfer *t = &leg->transfer;

    from->balance_count -= t->amount_count;
    to->balance_count += t->amount_count;
    post->rows[post->row_count++] = (struct q_ledger_add_in){
        .id = id,
        .kind = str_of(t->kind),
        .key_id = t->key_id,
        .leg_number = t->leg_number,
        .from_id = from->id,
        .to_id = to->id,
        .amount_count = t->amount_count,
        .from_balance_count = from->balance_count,
        .to_balance_count = to->balance_count,
        .from_seq = ++from->posting_count,
        .to_seq = ++to->posting_count,
        .from_previous_id = from->last_id,
        .to_previous_id = to->last_id,
        .reverses_id = leg->reverses_id,
        .staff_id = t->reason.at ? post->c->me_staff_id : NONE,
        .reason = t->reason,
    };
    from->last_id = id;
    to->last_id = id;
}

static enum err leg_plan(struct post *post, const struct leg *leg, struct entry *from,
                         struct entry *to)
{
    int64_t id = ctx_id(post->c);

    TRY(room_check(post->c, leg, from, to));
    TRY(lots_plan(post, leg, id, from, to));
    row_add(post, leg, id, from, to);
    return OK;
}

/* What becomes available pays its owner's debt first: a leg of its own, named by what came in. */
static enum err debt_pay(struct post *post, struct entry *available)
{
    struct entry *debt = available->debt_at == NONE ? NULL : &post->entries[available->debt_at];
    struct leg leg = {.reverses_id = NONE, .first_lot_id = NONE};

    if (debt == NULL || debt->balance_count >= 0)
        return OK;
    leg.transfer = (struct transfer){.kind = "debt_paid",
                                     .key_id = available->last_id,
                                     .from_id = available->id,
                                     .to_id = debt->id,
                                     .amount_count = available->balance_count < -debt->balance_count
                                                         ? available->balance_count
                                                         : -debt->balance_count,
                                     .expires_ms = NONE};
    return leg_plan(post, &leg, available, debt);
}

/* All that a call takes out of one account's lots it takes in one order. */
static void order_put(struct entry *from, const struct leg *leg)
{
    if (leg->first_lot_id == NONE || leg->only_expires_ms != 0)
        return;
    must(from->first_lot_id == NONE || from->first_lot_id == leg->first_lot_id);
    from->first_lot_id = leg->first_lot_id;
}

/* ids: of those that were asked for. */
static enum err legs_plan(struct post *post, const struct gathering *all, int64_t *ids)
{
    const struct leg *legs = all->legs;

    for (int64_t i = 0; i < all->count; i++)
        entries_put(post, &legs[i], &all->looks[i]);
    for (int64_t i = 0; i < all->count; i++)
        order_put(entry_of(post, legs[i].transfer.from_id), &legs[i]);
    for (int64_t i = 0; i < all->count; i++) {
        struct entry *to = entry_of(post, legs[i].transfer.to_id);
        TRY(leg_plan(post, &legs[i], entry_of(post, legs[i].transfer.from_id), to));
        *(i < all->added_count ? &all->added_ids[i] : &ids[i - all->added_count]) = to->last_id;
        TRY(debt_pay(post, to));
    }
    return OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

enum err ledger_changed(struct ctx *c, const int64_t *changed_each, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (changed_each[i] != 1)
            return fail(c, E_INTERNAL, "internal.ledger", "row %" PRId64 " moved meanwhile", i);
    return OK;
}

static enum err accounts_move(struct post *post)
{
    struct ctx *c = post->c;
    struct q_ledger_move_in *rows =
        arena_new_array(c->arena, struct q_ledger_move_in, (size_t)post->entry_count);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, (size_t)post->entry_count);
    int64_t count = 0;

    for (int64_t i = 0; i < post->entry_count; i++) {
        const struct entry *entry = &post->entries[i];
        if (entry->posting_count > entry->was_posting_count)
            rows[count++] = (struct q_ledger_move_in){
                .change_count = entry->balance_count - entry->was_balance_count,
                .posting_count = entry->posting_count,
                .last_transfer_id = entry->last_id,
                .has_lots = entry->has_lots,
                .account_id = entry->id,
                .was_posting_count = entry->was_posting_count};
    }
    TRY(q_ledger_move(c, rows, count, changed_each));
    return ledger_changed(c, changed_each, count);
}

enum err ledger_post_legs(struct ctx *c, struct posting *posting)
{
    const struct leg *legs = posting->legs;
    int64_t count = posting->count;
    struct q_ledger_look_row *looks =
        arena_new_array(c->arena, struct q_ledger_look_row, (size_t)count);
    struct gathering all;
    struct post post;

    TRY(legs_check(c, legs, count));
    TRY(legs_look(c, legs, count, looks));
    TRY(replay_find(c, legs, count, looks, &posting->is_replay));
    for (int64_t i = 0; i < count && posting->is_replay; i++)
        posting->ids[i] = looks[i].posted_id;
    if (posting->is_replay)
        return OK;
    TRY(ledger_gather(c, posting, looks, &all));
    post_init(&post, c, all.count);
    post.lots.refills = posting->refills;
    TRY(legs_plan(&post, &all, posting->ids));
    TRY(accounts_move(&post));
    TRY(q_ledger_add(c, post.rows, post.row_count, NULL));
    c->topics |= LIVE_LEDGER;
    TRY(ledger_lots_write(c, &post.lots));
    return all.added_count == 0 ? OK : ledger_gather_end(c, &all);
}

enum err ledger_post(struct ctx *c, const struct transfer *transfers, int64_t count,
                     bool *is_replay, int64_t *ids)
{
    struct leg *legs = arena_new_array(c->arena, struct leg, (size_t)count);
    struct posting posting = {.legs = legs, .count = count, .ids = ids};

    for (int64_t i = 0; i < count; i++)
        legs[i] = (struct leg){.transfer = transfers[i], .reverses_id = NONE, .first_lot_id = NONE};
    if (ids == NULL)
        posting.ids = arena_new_array(c->arena, int64_t, (size_t)count);
    TRY(ledger_post_legs(c, &posting));
    *is_replay = posting.is_replay;
    return OK;
}
