/* Lots: what came in with an end is spent oldest end first, and goes to the expired bucket when its
 * end has come. Always: what is left in an account's lots is its balance, if it has any. */
#include "gen/ledger_lot.q.h"
#include "kit/ledger_private.h"

static enum err taken_write(struct ctx *c, const struct list *taken)
{
    const struct lot_take *takes = taken->at;
    struct q_lot_use_add_in *uses =
        arena_new_array(c->arena, struct q_lot_use_add_in, (size_t)taken->count);
    struct q_lot_take_in *rows =
        arena_new_array(c->arena, struct q_lot_take_in, (size_t)taken->count);

    for (int64_t i = 0; i < taken->count; i++) {
        uses[i] = (struct q_lot_use_add_in){.transfer_id = takes[i].transfer_id,
                                            .account_id = takes[i].account_id,
                                            .from_count = takes[i].from_count,
                                            .until_count = takes[i].until_count,
                                            .first_lot_id = takes[i].first_lot_id};
        rows[i] = (struct q_lot_take_in){takes[i].transfer_id, takes[i].account_id};
    }
    TRY(q_lot_use_add(c, uses, taken->count, NULL));
    return q_lot_take(c, rows, taken->count, NULL);
}

enum err ledger_lots_write(struct ctx *c, const struct list *begun, const struct list *taken)
{
    const struct lot_new *lots = begun->at;
    struct q_lot_begin_in *rows =
        arena_new_array(c->arena, struct q_lot_begin_in, (size_t)begun->count);

    for (int64_t i = 0; i < begun->count; i++)
        rows[i] = (struct q_lot_begin_in){lots[i].account_id, lots[i].expires_ms,
                                          lots[i].transfer_id, lots[i].amount_count};
    if (begun->count > 0)
        TRY(q_lot_begin(c, rows, begun->count, NULL));
    return taken->count > 0 ? taken_write(c, taken) : OK;
}
