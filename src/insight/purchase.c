/* The one pass over purchases that every figure about buying is made of. The database hands them
 * out by customer and time; memory holds one customer at a time, however large the base. */
#include "gen/purchase.q.h"

#include "insight/insight_private.h"

struct pass {
    const struct view *view;
    const struct calendar *calendar;
    const struct purchase_visit *visit;
    struct buyer buyer;
};

static void buyer_begin(struct buyer *buyer, int64_t customer_id)
{
    *buyer = (struct buyer){
        .customer_id = customer_id,
        .first_ms = NONE,
        .last_ms = NONE,
        .first_day = NONE,
        .second_day = NONE,
        .last_day = NONE,
        .first_month = NONE,
        .last_month = NONE,
    };
}

static void buyer_add(struct buyer *buyer, const struct purchase *purchase)
{
    if (buyer->order_count == 0) {
        buyer->first_ms = purchase->placed_ms;
        buyer->first_day = purchase->day;
        buyer->first_month = purchase->month;
    } else if (buyer->second_day == NONE && purchase->day != buyer->first_day) {
        buyer->second_day = purchase->day;
    }
    buyer->last_ms = purchase->placed_ms;
    buyer->last_day = purchase->day;
    buyer->last_month = purchase->month;
    buyer->order_count++;
    buyer->period_order_count += purchase->is_in_period ? 1 : 0;
}

static void pass_end_buyer(struct pass *pass)
{
    if (pass->buyer.customer_id != NONE && pass->visit->on_buyer != NULL)
        pass->visit->on_buyer(pass->visit->user, &pass->buyer);
}

static void pass_take(struct pass *pass, int64_t customer_id, struct purchase *purchase)
{
    if (customer_id != pass->buyer.customer_id) {
        pass_end_buyer(pass);
        buyer_begin(&pass->buyer, customer_id);
    }
    calendar_find(pass->calendar, purchase->placed_ms, &purchase->day, &purchase->month);
    purchase->is_in_period = purchase->placed_ms >= pass->view->from_ms;
    if (pass->visit->on_purchase != NULL)
        pass->visit->on_purchase(pass->visit->user, purchase, &pass->buyer);
    buyer_add(&pass->buyer, purchase);
}

static enum err pass_all(void *user, const struct q_purchase_all_row *row)
{
    struct purchase purchase = {.placed_ms = row->placed_ms, .paid_fen = row->paid_fen};

    pass_take(user, row->customer_id, &purchase);
    return OK;
}

static enum err pass_branch(void *user, const struct q_purchase_branch_row *row)
{
    struct purchase purchase = {.placed_ms = row->placed_ms, .paid_fen = row->paid_fen};

    pass_take(user, row->customer_id, &purchase);
    return OK;
}

enum err purchase_each(struct ctx *c, const struct view *view, const struct calendar *calendar,
                       const struct purchase_visit *visit)
{
    struct pass pass = {.view = view, .calendar = calendar, .visit = visit};

    buyer_begin(&pass.buyer, NONE);
    if (view->branch_path.at == NULL)
        TRY(q_purchase_all(c, view->to_ms, pass_all, &pass));
    else
        TRY(q_purchase_branch(c, view->to_ms, view->branch_path, pass_branch, &pass));
    pass_end_buyer(&pass);
    return OK;
}

enum err purchase_span_get(struct ctx *c, const struct view *view, struct purchase_span *span)
{
    struct q_purchase_bounds_row bounds;
    int64_t last_ms;

    TRY(q_purchase_bounds(c, &bounds));
    if (bounds.first_ms == NONE || bounds.first_ms >= view->to_ms)
        return E_NOT_FOUND;
    last_ms = bounds.last_ms < view->to_ms ? bounds.last_ms : view->to_ms - 1;
    calendar_init(c->arena, view->zone, bounds.first_ms, last_ms, &span->calendar);
    span->first_month = zone_month(view->zone, bounds.first_ms);
    span->last_month = zone_month(view->zone, last_ms);
    return OK;
}
