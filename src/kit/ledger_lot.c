/* Lots: what came in with an end is spent oldest end first, and goes to the expired bucket when its
 * end has come. Always: what is left in an account's lots is its balance, if it has any. */
#include "gen/ledger_lot.q.h"
#include "kit/ledger_private.h"
#include "kit/timer.h"

#define EXPIRE_MAX 1000      /* lots ended by one run of the timer */
#define EXPIRE_STEP_MS 60000 /* lots of one minute share a timer */

/* Out of one lot each. */
static enum err only_taken_write(struct ctx *c, const struct list *taken)
{
    const struct lot_take *takes = taken->at;
    size_t room = (size_t)taken->count;
    struct q_lot_use_add_only_in *uses =
        arena_new_array(c->arena, struct q_lot_use_add_only_in, room);
    struct q_lot_take_in *rows = arena_new_array(c->arena, struct q_lot_take_in, room);
    int64_t count = 0;

    for (int64_t i = 0; i < taken->count; i++) {
        if (takes[i].only_expires_ms == 0)
            continue;
        uses[count] = (struct q_lot_use_add_only_in){takes[i].transfer_id, takes[i].account_id,
                                                     takes[i].only_expires_ms,
                                                     takes[i].first_lot_id, takes[i].until_count};
        rows[count++] = (struct q_lot_take_in){takes[i].transfer_id, takes[i].account_id};
    }
    if (count == 0)
        return OK;
    TRY(q_lot_use_add_only(c, uses, count, NULL));
    return q_lot_take(c, rows, count, NULL);
}

/* Out of what those have left. */
static enum err taken_write(struct ctx *c, const struct list *taken)
{
    const struct lot_take *takes = taken->at;
    size_t count = (size_t)taken->count;
    struct q_lot_use_add_in *uses = arena_new_array(c->arena, struct q_lot_use_add_in, count);
    struct q_lot_use_add_first_in *firsts =
        arena_new_array(c->arena, struct q_lot_use_add_first_in, count);
    struct q_lot_take_in *rows = arena_new_array(c->arena, struct q_lot_take_in, count);
    int64_t use_count = 0, first_count = 0, row_count = 0;

    for (int64_t i = 0; i < taken->count; i++) {
        if (takes[i].only_expires_ms != 0)
            continue;
        rows[row_count++] = (struct q_lot_take_in){takes[i].transfer_id, takes[i].account_id};
        if (takes[i].first_lot_id == NONE)
            uses[use_count++] = (struct q_lot_use_add_in){.transfer_id = takes[i].transfer_id,
                                                          .account_id = takes[i].account_id,
                                                          .from_count = takes[i].from_count,
                                                          .until_count = takes[i].until_count};
        else
            firsts[first_count++] =
                (struct q_lot_use_add_first_in){.transfer_id = takes[i].transfer_id,
                                                .account_id = takes[i].account_id,
                                                .from_count = takes[i].from_count,
                                                .until_count = takes[i].until_count,
                                                .first_lot_id = takes[i].first_lot_id};
    }
    if (use_count > 0)
        TRY(q_lot_use_add(c, uses, use_count, NULL));
    if (first_count > 0)
        TRY(q_lot_use_add_first(c, firsts, first_count, NULL));
    return row_count > 0 ? q_lot_take(c, rows, row_count, NULL) : OK;
}

static enum err refill_write(struct ctx *c, const struct list *refills)
{
    const struct q_lot_use_return_in *returns = refills->at;
    struct q_lot_refill_in *rows =
        arena_new_array(c->arena, struct q_lot_refill_in, (size_t)refills->count);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, (size_t)refills->count);
    int64_t count = 0;

    for (int64_t i = 0; i < refills->count; i++)
        if (returns[i].expires_ms > c->now_ms)
            rows[count++] =
                (struct q_lot_refill_in){returns[i].amount_count, returns[i].account_id,
                                         returns[i].expires_ms, returns[i].lot_transfer_id};
    TRY(q_lot_use_return(c, returns, refills->count, changed_each));
    TRY(ledger_changed(c, changed_each, refills->count));
    if (count == 0)
        return OK;
    TRY(q_lot_refill(c, rows, count, changed_each));
    return ledger_changed(c, changed_each, count);
}

/* The timers of the minutes in which these lots have ended. Neighbours mostly end together. */
static enum err ends_set(struct ctx *c, const struct lot_new *lots, int64_t count)
{
    struct timer_new *timers = arena_new_array(c->arena, struct timer_new, (size_t)count);
    int64_t timer_count = 0;

    for (int64_t i = 0; i < count; i++) {
        int64_t step = (lots[i].expires_ms + EXPIRE_STEP_MS - 1) / EXPIRE_STEP_MS;
        if (lots[i].expires_ms != LEDGER_NEVER_MS &&
            (timer_count == 0 || timers[timer_count - 1].key_id != step))
            timers[timer_count++] = (struct timer_new){
                .kind = ledger_expire_timer.name, .key_id = step, .due_ms = step * EXPIRE_STEP_MS};
    }
    return timer_count > 0 ? timer_set(c, timers, timer_count) : OK;
}

static enum err begun_write(struct ctx *c, const struct list *begun)
{
    const struct lot_new *lots = begun->at;
    struct q_lot_begin_in *rows =
        arena_new_array(c->arena, struct q_lot_begin_in, (size_t)begun->count);

    for (int64_t i = 0; i < begun->count; i++)
        rows[i] = (struct q_lot_begin_in){lots[i].account_id, lots[i].expires_ms,
                                          lots[i].transfer_id, lots[i].amount_count};
    TRY(q_lot_begin(c, rows, begun->count, NULL));
    return ends_set(c, lots, begun->count);
}

enum err ledger_lots_write(struct ctx *c, const struct lots *lots)
{
    if (lots->begun.count > 0)
        TRY(begun_write(c, &lots->begun));
    if (lots->refills && lots->refills->count > 0)
        TRY(refill_write(c, lots->refills));
    if (lots->taken.count == 0)
        return OK;
    TRY(only_taken_write(c, &lots->taken));
    return taken_write(c, &lots->taken);
}

/* ---- going home ------------------------------------------------------------------------------ */

struct uses {
    struct ctx *c;
    struct list *list;
    int64_t list_max;
};

static void use_keep(struct uses *uses, const struct q_lot_uses_row *row)
{
    *(struct q_lot_uses_row *)list_add(uses->c->arena, uses->list, &uses->list_max,
                                       sizeof(struct q_lot_uses_row)) = *row;
}

static enum err use_row(void *user, const struct q_lot_uses_row *row)
{
    use_keep(user, row);
    return OK;
}

static enum err use_late_row(void *user, const struct q_lot_uses_late_row *row)
{
    use_keep(user, &(struct q_lot_uses_row){.transfer_id = row->transfer_id,
                                            .account_id = row->account_id,
                                            .expires_ms = row->expires_ms,
                                            .lot_transfer_id = row->lot_transfer_id,
                                            .amount_count = row->amount_count,
                                            .returned_count = row->returned_count});
    return OK;
}

enum err ledger_uses(struct ctx *c, int64_t transfer_id, struct list *uses)
{
    struct uses all = {.c = c, .list = uses};

    return q_lot_uses(c, transfer_id, use_row, &all);
}

enum err ledger_uses_late(struct ctx *c, int64_t hold_max_count, struct list *uses)
{
    struct uses all = {.c = c, .list = uses};

    return q_lot_uses_late(c, hold_max_count, use_late_row, &all);
}

/* How much of what was taken from one lot goes back there; what has ended does not. */
static int64_t use_return(struct ctx *c, struct home *home, const struct q_lot_uses_row *use,
                          int64_t rest_count)
{
    int64_t open_count = use->amount_count - use->returned_count;
    int64_t part_count = open_count < rest_count ? open_count : rest_count;

    if (use->expires_ms <= c->now_ms)
        home->ended_count += part_count;
    else
        home->refilled_count += part_count;
    return part_count;
}

static void home_plan(struct ctx *c, struct home *home, const struct list *uses,
                      struct list *refills, int64_t *refill_max)
{
    const struct q_lot_uses_row *rows = uses->at;
    int64_t rest_count = home->amount_count;

    for (int64_t i = 0; i < uses->count && rest_count > 0; i++) {
        struct q_lot_use_return_in *refill;
        if (rows[i].transfer_id != home->uses_id)
            continue;
        refill = list_add(c->arena, refills, refill_max, sizeof(*refill));
        *refill = (struct q_lot_use_return_in){use_return(c, home, &rows[i], rest_count),
                                               rows[i].transfer_id, rows[i].account_id,
                                               rows[i].expires_ms, rows[i].lot_transfer_id};
        rest_count -= refill->amount_count;
    }
    home->alive_count = home->amount_count - home->ended_count;
}

static enum err expired_open(struct ctx *c, struct home *homes, int64_t count)
{
    struct account *accounts = arena_new_array(c->arena, struct account, (size_t)count);
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)count), ended_count = 0;

    for (int64_t i = 0; i < count; i++) {
        accounts[i] =
            (struct account){"system", 0, homes[i].unit, BUCKET_EXPIRED, homes[i].scope_id};
        ended_count += homes[i].ended_count;
    }
    if (ended_count == 0)
        return OK;
    TRY(ledger_open(c, accounts, count, ids));
    for (int64_t i = 0; i < count; i++)
        homes[i].expired_id = ids[i];
    return OK;
}

enum err ledger_home(struct ctx *c, struct home *homes, int64_t count, const struct list *uses,
                     struct list *refills)
{
    int64_t refill_max = 0;

    *refills = (struct list){0};
    for (int64_t i = 0; i < count; i++)
        home_plan(c, &homes[i], uses, refills, &refill_max);
    return expired_open(c, homes, count);
}

/* ---- what has ended -------------------------------------------------------------------------- */

enum err ledger_expire(struct ctx *c, int64_t row_max_count, int64_t *expired_count)
{
    const struct q_lot_ended_row *rows;
    struct account *accounts;
    struct leg *legs;
    struct list ended;
    int64_t *ids;
    struct posting posting;

    TRY(q_lot_ended(c, row_max_count, &ended));
    *expired_count = ended.count;
    if (ended.count == 0)
        return OK;
    rows = ended.at;
    accounts = arena_new_array(c->arena, struct account, (size_t)ended.count);
    legs = arena_new_array(c->arena, struct leg, (size_t)ended.count);
    ids = arena_new_array(c->arena, int64_t, (size_t)ended.count);
    for (int64_t i = 0; i < ended.count; i++)
        accounts[i] = (struct account){"system", 0, ledger_unit_of(rows[i].unit), BUCKET_EXPIRED,
                                       rows[i].scope_id};
    TRY(ledger_open(c, accounts, ended.count, ids));
    for (int64_t i = 0; i < ended.count; i++)
        legs[i] = (struct leg){.transfer = {.kind = "expired",
                                            .key_id = rows[i].transfer_id,
                                            .from_id = rows[i].account_id,
                                            .to_id = ids[i],
                                            .amount_count = rows[i].left_count,
                                            .expires_ms = NONE},
                               .reverses_id = NONE,
                               .first_lot_id = NONE,
                               .is_own = true};
    posting = (struct posting){.legs = legs, .count = ended.count, .ids = ids};
    return ledger_post_legs(c, &posting);
}

static enum err expire_run(struct ctx *c, const struct timer *timer)
{
    struct timer_new again = {
        .kind = ledger_expire_timer.name, .key_id = timer->key_id, .due_ms = timer->due_ms};
    int64_t expired_count;

    TRY(ledger_expire(c, EXPIRE_MAX, &expired_count));
    return expired_count < EXPIRE_MAX ? OK : timer_set(c, &again, 1);
}

const struct timer_kind ledger_expire_timer = {.name = "ledger_expire",
                                               .title_zh = "到期失效",
                                               .title_en = "What came in with an end has ended",
                                               .run = expire_run};
