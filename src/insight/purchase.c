/* The one pass over purchases that every figure about buying is made of. The engine hands out the
 * facts about orders, person by person. Always: an order is what its facts say together, told once
 * as paid, then changed; of orders whose facts do not say it all (placed earlier than told, found
 * their customer later, taken out of an import) the base is asked, once for all of them. */
#include "gen/purchase.q.h"

#include <stdlib.h>

#include "host/clock.h"
#include "insight/insight_private.h"
#include "manage/channel/channel.h"

#define PASS_MS 10000
#define SECOND_MAX ((int64_t)1 << 32) /* all events lie before */

enum { KIND_PAID, KIND_CHANGED, KIND_CANCELLED, KIND_REMOVED, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {
    [KIND_PAID] = "order_paid",
    [KIND_CHANGED] = "order_changed",
    [KIND_CANCELLED] = "order_cancelled",
    [KIND_REMOVED] = "order_removed",
};

struct order {
    uint32_t number;
    int64_t id; /* to be asked for; NONE: all is known */
    int64_t placed_ms, paid_fen;
};

struct pass {
    struct arena *arena;
    const struct view *view;
    const struct calendar *calendar;
    const struct purchase_visit *visit;
    struct buyer buyer;
    uint16_t kinds[KIND_COUNT];
    /* struct order: of the person at hand; of those with one to ask for */
    struct list own, waiting;
    int64_t own_cap, waiting_cap;
    struct answer_event *facts; /* of the person at hand, to be sorted */
    size_t facts_room;
};

/* ---- one purchase after the other ------------------------------------------------------------ */

static void pass_begin_buyer(struct pass *pass, uint32_t number)
{
    pass->buyer = (struct buyer){
        .number = number,
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
    if (pass->buyer.order_count > 0 && pass->visit->on_buyer != NULL)
        pass->visit->on_buyer(pass->visit->user, &pass->buyer);
    pass->buyer.order_count = 0;
}

static void pass_take(struct pass *pass, int64_t placed_ms, int64_t paid_fen)
{
    struct purchase purchase = {.placed_ms = placed_ms, .paid_fen = paid_fen};

    if (placed_ms >= pass->view->to_ms)
        return;
    calendar_find(pass->calendar, placed_ms, &purchase.day, &purchase.month);
    purchase.is_in_period = placed_ms >= pass->view->from_ms;
    if (pass->visit->on_purchase != NULL)
        pass->visit->on_purchase(pass->visit->user, &purchase, &pass->buyer);
    buyer_add(&pass->buyer, &purchase);
}

/* ---- orders out of facts --------------------------------------------------------------------- */

static int by_subject(const void *a_, const void *b_)
{
    const struct answer_event *a = a_, *b = b_;

    if (a->subject != b->subject)
        return a->subject < b->subject ? -1 : 1;
    return a->second < b->second ? -1 : a->second > b->second;
}

static int by_time(const void *a_, const void *b_)
{
    const struct order *a = a_, *b = b_;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->placed_ms < b->placed_ms ? -1 : a->placed_ms > b->placed_ms;
}

static void orders_sort(const struct list *orders)
{
    if (orders->count > 0)
        qsort(orders->at, (size_t)orders->count, sizeof(struct order), by_time);
}

/* The facts of one order. A cancelled one is none, and stays so. */
static void order_settle(struct pass *pass, uint32_t number, const struct answer_event *facts,
                         size_t count)
{
    struct order order = {
        .number = number, .id = NONE, .placed_ms = facts[0].second * INT64_C(1000)};
    int64_t paid_count = 0;
    bool is_told = true;

    for (size_t i = 0; i < count; i++) {
        if (facts[i].kind == pass->kinds[KIND_CANCELLED])
            return;
        paid_count += facts[i].kind == pass->kinds[KIND_PAID] ? 1 : 0;
        order.paid_fen += facts[i].amount;
        if (facts[i].second != facts[0].second || facts[i].kind == pass->kinds[KIND_REMOVED])
            is_told = false;
    }
    if (!is_told || paid_count != 1)
        order.id = facts[0].subject;
    *(struct order *)list_add(pass->arena, &pass->own, &pass->own_cap, sizeof(order)) = order;
}

static void own_take(struct pass *pass, uint32_t number)
{
    const struct order *order = pass->own.at;
    bool is_known = true;

    for (int64_t i = 0; i < pass->own.count; i++)
        is_known = is_known && order[i].id == NONE;
    if (is_known && pass->own.count > 0) {
        orders_sort(&pass->own);
        pass_begin_buyer(pass, number);
        for (int64_t i = 0; i < pass->own.count; i++)
            pass_take(pass, order[i].placed_ms, order[i].paid_fen);
        pass_end_buyer(pass);
    }
    for (int64_t i = 0; i < pass->own.count && !is_known; i++)
        *(struct order *)list_add(pass->arena, &pass->waiting, &pass->waiting_cap, sizeof(*order)) =
            order[i];
    pass->own.count = 0;
}

/* One room for all persons: there are millions. */
static struct answer_event *facts_sort(struct pass *pass, const struct answer_events *events)
{
    if (events->count > pass->facts_room) {
        pass->facts_room = events->count * 2;
        pass->facts = arena_new_array(pass->arena, struct answer_event, pass->facts_room);
    }
    memcpy(pass->facts, events->at, events->count * sizeof(*pass->facts));
    qsort(pass->facts, events->count, sizeof(*pass->facts), by_subject);
    return pass->facts;
}

static void pass_person(void *user, uint32_t number, const struct answer_events *events)
{
    struct pass *pass = user;
    const struct answer_event *facts;
    size_t from = 0;

    if (events->is_plain) {
        pass_begin_buyer(pass, number);
        for (size_t i = 0; i < events->count; i++)
            pass_take(pass, events->at[i].second * INT64_C(1000), events->at[i].amount);
        pass_end_buyer(pass);
        return;
    }
    facts = facts_sort(pass, events);
    for (size_t to = 1; to <= events->count; to++) {
        if (to < events->count && facts[to].subject == facts[from].subject)
            continue;
        order_settle(pass, number, facts + from, to - from);
        from = to;
    }
    own_take(pass, number);
}

/* ---- orders of the base ---------------------------------------------------------------------- */

static enum err waiting_ask(struct ctx *c, struct pass *pass)
{
    struct order *order = pass->waiting.at;
    size_t room = (size_t)pass->waiting.count;
    struct q_purchase_order_in *in = arena_new_array(c->arena, struct q_purchase_order_in, room);
    struct q_purchase_order_row *row = arena_new_array(c->arena, struct q_purchase_order_row, room);
    int64_t asked_count = 0, kept_count = 0, next = 0;

    for (int64_t i = 0; i < pass->waiting.count; i++)
        if (order[i].id != NONE)
            in[asked_count++].order_id = order[i].id;
    TRY(q_purchase_order(c, in, asked_count, row));
    for (int64_t i = 0; i < pass->waiting.count; i++) {
        struct order now = order[i];
        if (now.id != NONE) {
            const struct q_purchase_order_row *found = &row[next++];
            if (found->is_counted != 1)
                continue; /* or there is none */
            now.placed_ms = found->placed_ms;
            now.paid_fen = found->paid_fen;
        }
        order[kept_count++] = now;
    }
    pass->waiting.count = kept_count;
    return OK;
}

static enum err waiting_take(struct ctx *c, struct pass *pass)
{
    const struct order *order = pass->waiting.at;

    if (pass->waiting.count == 0)
        return OK;
    TRY(waiting_ask(c, pass));
    orders_sort(&pass->waiting);
    for (int64_t i = 0; i < pass->waiting.count; i++) {
        if (i == 0 || order[i].number != order[i - 1].number) {
            pass_end_buyer(pass);
            pass_begin_buyer(pass, order[i].number);
        }
        pass_take(pass, order[i].placed_ms, order[i].paid_fen);
    }
    pass_end_buyer(pass);
    return OK;
}

enum err purchase_each(struct ctx *c, const struct view *view, const struct people *people,
                       const struct calendar *calendar, const struct purchase_visit *visit)
{
    struct pass pass = {.arena = c->arena, .view = view, .calendar = calendar, .visit = visit};
    struct answer_options options = {.deadline_ms = clock_mono_us() / 1000 + PASS_MS};
    struct answer_visit ask = {.kinds = pass.kinds,
                               .kind_count = KIND_COUNT,
                               .subject_column = AUDIENCE_SUBJECT,
                               .person = pass_person,
                               .user = &pass};
    struct moment moment = people->held->moment->moment;
    enum err err;

    for (int i = 0; i < KIND_COUNT; i++)
        pass.kinds[i] = audience_kind(people->held, kind_names[i]);
    moment.as_of = SECOND_MAX; /* facts about an order come after it was placed */
    err = answer_visit(people->members, &moment, &options, &ask);
    if (err == E_BUSY)
        return fail(c, err, "query.slow", "reading the orders takes more than %d s",
                    PASS_MS / 1000);
    TRY(err);
    return waiting_take(c, &pass);
}

/* ---- whose data were deleted ----------------------------------------------------------------- */

struct gone {
    struct pass pass;
    int64_t person_id;
};

static enum err gone_row(void *user, const struct q_purchase_gone_row *row)
{
    struct gone *gone = user;

    if (row->person_id != gone->person_id) {
        pass_end_buyer(&gone->pass);
        pass_begin_buyer(&gone->pass, BUYER_GONE);
        gone->person_id = row->person_id;
    }
    pass_take(&gone->pass, row->placed_ms, row->paid_fen);
    return OK;
}

enum err purchase_each_gone(struct ctx *c, const struct view *view, const struct calendar *calendar,
                            const struct purchase_visit *visit)
{
    struct gone gone = {.pass = {.view = view, .calendar = calendar, .visit = visit},
                        .person_id = NONE};
    struct str path = view->branch_path;
    struct str path_end = path.at ? channel_path_end(c, path) : path;

    TRY(q_purchase_gone(c, path, path_end, view->to_ms, gone_row, &gone));
    pass_end_buyer(&gone.pass);
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
