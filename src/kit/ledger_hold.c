/* Two phases: what is held lies in its owner's frozen bucket until it is posted, voided or out of
 * time. Always: it ends once; what is out of time cannot be posted, swept up or not; what goes back
 * goes into the lots it came from. */
#include "gen/ledger.q.h"
#include "gen/ledger_hold.q.h"
#include "kit/ledger_private.h"
#include "kit/timer.h"

#define OVER_MAX 500      /* holds ended by one run of the timer */
#define OVER_STEP_MS 1000 /* holds of one second share a timer */

/* The timer of the second in which this hold is over. */
static enum err over_set(struct ctx *c, int64_t until_ms)
{
    int64_t step = until_ms / OVER_STEP_MS + (until_ms % OVER_STEP_MS > 0 ? 1 : 0);
    struct timer_new timer = {
        .kind = ledger_hold_timer.name, .key_id = step, .due_ms = step * OVER_STEP_MS};

    return timer_set(c, &timer, 1);
}

/* ---- holding --------------------------------------------------------------------------------- */

static enum err frozen_open(struct ctx *c, const struct q_hold_look_row *look, int64_t *frozen_id)
{
    struct account frozen = {str_cstr(c->arena, look->owner_kind), look->owner_id,
                             ledger_unit_of(look->unit), BUCKET_FROZEN, look->scope_id};

    *frozen_id = look->frozen_id;
    return look->frozen_id == NONE ? ledger_open(c, &frozen, 1, frozen_id) : OK;
}

static enum err again_check(struct ctx *c, const struct hold *hold,
                            const struct q_hold_look_row *look)
{
    if (look->from_account_id == hold->from_id && look->to_account_id == hold->to_id &&
        look->amount_count == hold->amount_count)
        return OK;
    return fail(c, E_CONFLICT, "ledger.key_reused",
                "%s %" PRId64 " was held with other accounts or another amount", hold->kind,
                hold->key_id);
}

static enum err hold_begin(struct ctx *c, const struct hold *hold, int64_t id, int64_t frozen_id)
{
    struct transfer transfer = {.kind = "hold",
                                .key_id = id,
                                .from_id = hold->from_id,
                                .to_id = frozen_id,
                                .amount_count = hold->amount_count,
                                .expires_ms = NONE};
    struct q_hold_add_in row = {.id = id,
                                .kind = str_of(hold->kind),
                                .key_id = hold->key_id,
                                .leg_number = hold->leg_number,
                                .from_id = hold->from_id,
                                .frozen_id = frozen_id,
                                .to_id = hold->to_id,
                                .amount_count = hold->amount_count,
                                .until_ms = hold->until_ms};
    bool is_replay;

    TRY(ledger_post(c, &transfer, 1, &is_replay, NULL));
    TRY(q_hold_add(c, &row));
    return over_set(c, hold->until_ms);
}

enum err ledger_hold(struct ctx *c, const struct hold *hold, int64_t *hold_id)
{
    struct q_hold_look_in in = {.to_id = hold->to_id,
                                .kind = str_of(hold->kind),
                                .key_id = hold->key_id,
                                .leg_number = hold->leg_number,
                                .from_id = hold->from_id};
    struct q_hold_look_row look;
    int64_t frozen_id;
    enum err err = q_hold_look(c, &in, &look);

    if (err == E_NOT_FOUND || (err == OK && !look.is_sound))
        return fail(c, E_INTERNAL, "internal.ledger", "%s: two accounts of one unit are needed",
                    hold->kind);
    TRY(err);
    *hold_id = look.hold_id;
    if (look.hold_id != NONE)
        return again_check(c, hold, &look);
    *hold_id = ctx_id(c);
    TRY(frozen_open(c, &look, &frozen_id));
    return hold_begin(c, hold, *hold_id, frozen_id);
}

/* ---- ending ---------------------------------------------------------------------------------- */

/* One hold that ends: so much goes on, the rest goes back. */
struct ending {
    int64_t hold_id, transfer_id, from_id, frozen_id, to_id;
    int64_t amount_count, posted_count;
    enum ledger_unit unit;
    int64_t scope_id;
};

static struct leg leg_of(const struct ending *ending, const char *kind, int64_t to_id,
                         int64_t amount_count)
{
    return (struct leg){.transfer = {.kind = kind,
                                     .key_id = ending->hold_id,
                                     .from_id = ending->frozen_id,
                                     .to_id = to_id,
                                     .amount_count = amount_count,
                                     .expires_ms = NONE},
                        .reverses_id = NONE,
                        .first_lot_id = NONE};
}

/* At most three. */
static int64_t ending_legs(const struct ending *ending, const struct home *home, struct leg *legs)
{
    int64_t count = 0;

    if (ending->posted_count > 0)
        legs[count++] = leg_of(ending, "hold_post", ending->to_id, ending->posted_count);
    if (home->alive_count > 0) {
        legs[count] = leg_of(ending, "hold_back", ending->from_id, home->alive_count);
        legs[count].refilled_count = home->refilled_count;
        legs[count++].reverses_id = ending->transfer_id;
    }
    if (home->ended_count > 0) {
        legs[count] = leg_of(ending, "hold_back", home->expired_id, home->ended_count);
        legs[count].transfer.leg_number = 1;
        legs[count++].reverses_id = ending->transfer_id;
    }
    return count;
}

static enum err endings_mark(struct ctx *c, const struct ending *endings, const struct home *homes,
                             int64_t count, const char *status)
{
    struct q_hold_end_in *rows = arena_new_array(c->arena, struct q_hold_end_in, (size_t)count);
    struct q_ledger_reversed_in *backs =
        arena_new_array(c->arena, struct q_ledger_reversed_in, (size_t)count);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, (size_t)count);

    for (int64_t i = 0; i < count; i++) {
        rows[i] = (struct q_hold_end_in){.status = str_of(status),
                                         .posted_count = endings[i].posted_count,
                                         .hold_id = endings[i].hold_id};
        backs[i] = (struct q_ledger_reversed_in){homes[i].amount_count, endings[i].transfer_id};
    }
    TRY(q_ledger_reversed(c, backs, count, changed_each));
    TRY(ledger_changed(c, changed_each, count));
    TRY(q_hold_end(c, rows, count, changed_each));
    return ledger_changed(c, changed_each, count);
}

static enum err holds_end(struct ctx *c, const struct ending *endings, int64_t count,
                          const struct list *uses, const char *status)
{
    struct home *homes = arena_new_array(c->arena, struct home, (size_t)count);
    struct leg *legs = arena_new_array(c->arena, struct leg, (size_t)count * 3);
    struct list refills;
    struct posting posting = {.legs = legs,
                              .refills = &refills,
                              .ids = arena_new_array(c->arena, int64_t, (size_t)count * 3)};

    for (int64_t i = 0; i < count; i++)
        homes[i] = (struct home){.uses_id = endings[i].transfer_id,
                                 .amount_count = endings[i].amount_count - endings[i].posted_count,
                                 .unit = endings[i].unit,
                                 .scope_id = endings[i].scope_id};
    TRY(ledger_home(c, homes, count, uses, &refills));
    for (int64_t i = 0; i < count; i++)
        posting.count += ending_legs(&endings[i], &homes[i], legs + posting.count);
    TRY(ledger_post_legs(c, &posting));
    TRY(endings_mark(c, endings, homes, count, status));
    return ledger_return(c, &refills);
}

static enum err over(struct ctx *c, const struct q_hold_get_row *row)
{
    return fail(c, E_CONFLICT, "ledger.hold_over", "hold %" PRId64 " is over: %.*s", row->id,
                STR(row->status));
}

static enum err hold_find(struct ctx *c, int64_t hold_id, struct q_hold_get_row *row)
{
    enum err err = q_hold_get(c, hold_id, row);

    if (err == E_NOT_FOUND)
        return fail(c, err, "ledger.hold", "no hold %" PRId64, hold_id);
    return err;
}

/* All of it goes back where posted_count is 0. */
static enum err hold_end(struct ctx *c, const struct q_hold_get_row *row, int64_t posted_count,
                         const char *status)
{
    struct ending ending = {.hold_id = row->id,
                            .transfer_id = row->transfer_id,
                            .from_id = row->from_account_id,
                            .frozen_id = row->frozen_account_id,
                            .to_id = row->to_account_id,
                            .amount_count = row->amount_count,
                            .posted_count = posted_count,
                            .unit = ledger_unit_of(row->unit),
                            .scope_id = row->scope_id};
    struct list uses = {0};

    if (posted_count < row->amount_count)
        TRY(ledger_uses(c, row->transfer_id, &uses));
    return holds_end(c, &ending, 1, &uses, status);
}

enum err ledger_hold_post(struct ctx *c, int64_t hold_id, int64_t amount_count)
{
    struct q_hold_get_row row;

    TRY(hold_find(c, hold_id, &row));
    if (str_is(row.status, "posted") && row.posted_count == amount_count)
        return OK;
    if (!str_is(row.status, "held") || row.until_ms <= c->now_ms)
        return over(c, &row);
    if (amount_count < 1 || amount_count > row.amount_count)
        return fail(c, E_INPUT, "ledger.range", "%" PRId64 " of %" PRId64 " held", amount_count,
                    row.amount_count);
    return hold_end(c, &row, amount_count, "posted");
}

enum err ledger_hold_void(struct ctx *c, int64_t hold_id)
{
    struct q_hold_get_row row;

    TRY(hold_find(c, hold_id, &row));
    if (str_is(row.status, "posted"))
        return over(c, &row);
    return str_is(row.status, "held") ? hold_end(c, &row, 0, "voided") : OK;
}

/* ---- out of time ----------------------------------------------------------------------------- */

enum err ledger_holds_over(struct ctx *c, int64_t row_max_count, int64_t *over_count)
{
    const struct q_hold_late_row *rows;
    struct ending *endings;
    struct list late, uses = {0};

    TRY(q_hold_late(c, row_max_count, &late));
    *over_count = late.count;
    if (late.count == 0)
        return OK;
    TRY(ledger_uses_late(c, row_max_count, &uses));
    rows = late.at;
    endings = arena_new_array(c->arena, struct ending, (size_t)late.count);
    for (int64_t i = 0; i < late.count; i++)
        endings[i] = (struct ending){.hold_id = rows[i].id,
                                     .transfer_id = rows[i].transfer_id,
                                     .from_id = rows[i].from_account_id,
                                     .frozen_id = rows[i].frozen_account_id,
                                     .to_id = NONE,
                                     .amount_count = rows[i].amount_count,
                                     .unit = ledger_unit_of(rows[i].unit),
                                     .scope_id = rows[i].scope_id};
    return holds_end(c, endings, late.count, &uses, "expired");
}

static enum err over_run(struct ctx *c, const struct timer *timer)
{
    struct timer_new again = {
        .kind = ledger_hold_timer.name, .key_id = timer->key_id, .due_ms = timer->due_ms};
    int64_t over_count;

    TRY(ledger_holds_over(c, OVER_MAX, &over_count));
    return over_count < OVER_MAX ? OK : timer_set(c, &again, 1);
}

const struct timer_kind ledger_hold_timer = {.name = "ledger_hold_over",
                                             .title_zh = "到期退回冻结",
                                             .title_en = "Held too long: back to its owner",
                                             .run = over_run};
