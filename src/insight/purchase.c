/* The one pass over purchases that every figure about buying is made of. The database hands them
 * out by record and time; memory holds one person at a time, however large the base. Only of
 * persons made of several records the purchases wait until all are there, and come last. */
#include "gen/purchase.q.h"

#include <stdlib.h>

#include "insight/insight_private.h"

struct waiting {
    int64_t person_index, placed_ms, paid_fen;
};

struct pass {
    struct arena *arena;
    const struct view *view;
    const struct people *people;
    const struct calendar *calendar;
    const struct purchase_visit *visit;
    struct buyer buyer;
    int64_t person_at, joined_at; /* how far along the persons and the records of several */
    struct list waiting;
    int64_t waiting_cap;
};

static void buyer_begin(struct buyer *buyer, const struct person *person)
{
    *buyer = (struct buyer){
        .person = person,
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
    if (purchase->is_in_period) {
        buyer->period_day_count += purchase->day != buyer->last_day ? 1 : 0;
        buyer->period_order_count++;
    }
    buyer->last_ms = purchase->placed_ms;
    buyer->last_day = purchase->day;
    buyer->last_month = purchase->month;
    buyer->paid_fen += purchase->paid_fen;
    buyer->order_count++;
}

static void pass_end_buyer(struct pass *pass)
{
    if (pass->buyer.person != NULL && pass->visit->on_buyer != NULL)
        pass->visit->on_buyer(pass->visit->user, &pass->buyer);
}

static void pass_take(struct pass *pass, const struct person *person, struct purchase *purchase)
{
    if (person != pass->buyer.person) {
        pass_end_buyer(pass);
        buyer_begin(&pass->buyer, person);
    }
    calendar_find(pass->calendar, purchase->placed_ms, &purchase->day, &purchase->month);
    purchase->is_in_period = purchase->placed_ms >= pass->view->from_ms;
    if (pass->visit->on_purchase != NULL)
        pass->visit->on_purchase(pass->visit->user, purchase, &pass->buyer);
    buyer_add(&pass->buyer, purchase);
}

static void pass_wait(struct pass *pass, int64_t person_id, const struct purchase *purchase)
{
    int64_t index = people_index(pass->people, person_id);
    struct waiting *waiting;

    if (index == NONE)
        return;
    waiting = list_add(pass->arena, &pass->waiting, &pass->waiting_cap, sizeof(*waiting));
    *waiting = (struct waiting){index, purchase->placed_ms, purchase->paid_fen};
}

/* Both lists and the purchases come by id: walk along. */
static enum err pass_row(void *user, const struct q_purchase_all_row *row)
{
    struct pass *pass = user;
    const struct people *people = pass->people;
    struct purchase purchase = {.placed_ms = row->placed_ms, .paid_fen = row->paid_fen};

    while (pass->joined_at < people->joined_count &&
           people->joined[pass->joined_at].record_id < row->customer_id)
        pass->joined_at++;
    if (pass->joined_at < people->joined_count &&
        people->joined[pass->joined_at].record_id == row->customer_id) {
        pass_wait(pass, people->joined[pass->joined_at].person_id, &purchase);
        return OK;
    }
    while (pass->person_at < people->count && people->at[pass->person_at].id < row->customer_id)
        pass->person_at++;
    if (pass->person_at < people->count && people->at[pass->person_at].id == row->customer_id)
        pass_take(pass, &people->at[pass->person_at], &purchase);
    return OK;
}

static int waiting_compare(const void *a_, const void *b_)
{
    const struct waiting *a = a_, *b = b_;

    if (a->person_index != b->person_index)
        return a->person_index < b->person_index ? -1 : 1;
    return a->placed_ms < b->placed_ms ? -1 : a->placed_ms > b->placed_ms;
}

static void pass_take_waiting(struct pass *pass)
{
    struct waiting *waiting = pass->waiting.at;

    if (pass->waiting.count == 0)
        return;
    qsort(waiting, (size_t)pass->waiting.count, sizeof(*waiting), waiting_compare);
    for (int64_t i = 0; i < pass->waiting.count; i++)
        pass_take(
            pass, &pass->people->at[waiting[i].person_index],
            &(struct purchase){.placed_ms = waiting[i].placed_ms, .paid_fen = waiting[i].paid_fen});
}

enum err purchase_each(struct ctx *c, const struct view *view, const struct people *people,
                       const struct calendar *calendar, const struct purchase_visit *visit)
{
    struct pass pass = {
        .arena = c->arena, .view = view, .people = people, .calendar = calendar, .visit = visit};

    buyer_begin(&pass.buyer, NULL);
    TRY(q_purchase_all(c, view->to_ms, pass_row, &pass));
    pass_take_waiting(&pass);
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
