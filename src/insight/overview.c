/* The overview (数据总览): the butterfly, the figures beside it and the months. One pass over
 * the purchases and one over the customers, both in the engine; nothing is kept between requests,
 * so the figures are always those of the base. Definitions: GLOSSARY.md. */
#include "gen/overview.q.h"

#include "host/clock.h"
#include "insight/insight_private.h"
#include "manage/setting/setting.h"

#define MONTH_MAX 1200         /* months shown: the last hundred years */
#define INTERVAL_DAY_MAX 36600 /* longer intervals count as this long */

/* ---- shapes ---------------------------------------------------------------------------------- */

struct butterfly_out {
    int64_t reached_count, added_count, active_count, first_order_count;
    int64_t loyal_count, repurchase_count, sharing_count, referred_count;
};
static const struct field butterfly_out[] = {
    OUT(struct butterfly_out, reached_count), OUT(struct butterfly_out, added_count),
    OUT(struct butterfly_out, active_count),  OUT(struct butterfly_out, first_order_count),
    OUT(struct butterfly_out, loyal_count),   OUT(struct butterfly_out, repurchase_count),
    OUT(struct butterfly_out, sharing_count), OUT(struct butterfly_out, referred_count),
};

struct figures_out {
    int64_t order_count, customer_count, paid_fen, refunded_fen, average_order_fen;
    int64_t orders_per_customer_ppm, repeat_customer_count, repurchase_ppm;
    int64_t interval_count, interval_median_days, interval_p25_days, interval_p75_days;
    int64_t churned_count, churn_ppm;
    int64_t never_count, once_count, repeat_count, sleeping_count, lost_count;
};
static const struct field figures_out[] = {
    OUT(struct figures_out, order_count, .about = "counted orders placed in the period"),
    OUT(struct figures_out, customer_count, .about = "customers who placed them"),
    OUT(struct figures_out, paid_fen),
    OUT(struct figures_out, refunded_fen, .about = "refunds made in the period"),
    OUT(struct figures_out, average_order_fen, .is_optional = true, .about = "客单价"),
    OUT(struct figures_out, orders_per_customer_ppm, .is_optional = true),
    OUT(struct figures_out, repeat_customer_count, .about = "customers with two or more of them"),
    OUT(struct figures_out, repurchase_ppm, .is_optional = true, .about = "复购率"),
    OUT(struct figures_out, interval_count, .about = "intervals between purchase days"),
    OUT(struct figures_out, interval_median_days, .is_optional = true, .about = "购买间隔"),
    OUT(struct figures_out, interval_p25_days, .is_optional = true),
    OUT(struct figures_out, interval_p75_days, .is_optional = true),
    OUT(struct figures_out, churned_count, .about = "customers lost by the end of the period"),
    OUT(struct figures_out, churn_ppm, .is_optional = true, .about = "流失率"),
    OUT(struct figures_out, never_count, .about = "未购"),
    OUT(struct figures_out, once_count, .about = "首单"),
    OUT(struct figures_out, repeat_count, .about = "复购"),
    OUT(struct figures_out, sleeping_count, .about = "沉睡"),
    OUT(struct figures_out, lost_count, .about = "流失"),
};

struct repurchase_out {
    int64_t within_days;
    int64_t matured_count, repeat_count, rate_ppm;
    int64_t all_count, all_repeat_count, all_rate_ppm;
};
static const struct field repurchase_out[] = {
    OUT(struct repurchase_out, within_days),
    OUT(struct repurchase_out, matured_count, .about = "first bought at least that long ago"),
    OUT(struct repurchase_out, repeat_count, .about = "bought again within that time"),
    OUT(struct repurchase_out, rate_ppm, .is_optional = true),
    OUT(struct repurchase_out, all_count),
    OUT(struct repurchase_out, all_repeat_count),
    OUT(struct repurchase_out, all_rate_ppm, .is_optional = true),
};

struct month_out {
    struct str month;
    int64_t order_count, customer_count, paid_fen, new_paid_fen, old_paid_fen, new_customer_count;
};
static const struct field month_out[] = {
    OUT(struct month_out, month),
    OUT(struct month_out, order_count),
    OUT(struct month_out, customer_count),
    OUT(struct month_out, paid_fen),
    OUT(struct month_out, new_paid_fen, .about = "of customers in their first month"),
    OUT(struct month_out, old_paid_fen),
    OUT(struct month_out, new_customer_count),
};

struct overview_out {
    struct butterfly_out butterfly;
    struct figures_out figures;
    struct list repurchase, months;
    int64_t as_of_ms, computed_ms;
};
static const struct field overview_out[] = {
    OUT(struct overview_out, butterfly, .of = SHAPE(butterfly_out)),
    OUT(struct overview_out, figures, .of = SHAPE(figures_out)),
    OUT(struct overview_out, repurchase, .of = SHAPE(repurchase_out)),
    OUT(struct overview_out, months, .max = MONTH_MAX, .of = SHAPE(month_out)),
    OUT(struct overview_out, as_of_ms, .about = "the figures are as of this time"),
    OUT(struct overview_out, computed_ms, .about = "how long it took"),
};

/* ---- the pass -------------------------------------------------------------------------------- */

static const int64_t windows_days[] = {30, 90, 180};

struct tally {
    const struct view *view;
    struct figures_out *figures;
    struct repurchase_out *repurchase; /* ARRAY_LEN(windows_days) */
    struct month_out *months;          /* [first_month, first_month + month_count) */
    int64_t first_month, month_count;
    int64_t sleep_before_ms, lost_before_ms;
    int64_t *intervals; /* how many intervals of so many days */
};

static void tally_month(struct tally *tally, const struct purchase *p, const struct buyer *before)
{
    bool is_first = before->order_count == 0;
    bool is_new = is_first || before->first_month == p->month;
    struct month_out *month;

    if (p->month < tally->first_month || p->month >= tally->first_month + tally->month_count)
        return;
    month = &tally->months[p->month - tally->first_month];
    month->order_count++;
    month->customer_count += is_first || before->last_month != p->month ? 1 : 0;
    month->new_customer_count += is_first ? 1 : 0;
    month->paid_fen += p->paid_fen;
    if (is_new)
        month->new_paid_fen += p->paid_fen;
    else
        month->old_paid_fen += p->paid_fen;
}

static void tally_purchase(void *user, const struct purchase *p, const struct buyer *before)
{
    struct tally *tally = user;

    if (!p->is_in_period)
        return;
    tally->figures->order_count++;
    tally->figures->paid_fen += p->paid_fen;
    tally_month(tally, p, before);
    if (before->order_count > 0 && p->day != before->last_day) {
        int64_t days = p->day - before->last_day;
        tally->intervals[days < INTERVAL_DAY_MAX ? days : INTERVAL_DAY_MAX]++;
        tally->figures->interval_count++;
    }
}

/* Customers whose first purchase lies in the period: who came back within the window? */
static void tally_repurchase(struct tally *tally, const struct buyer *buyer)
{
    for (size_t i = 0; i < ARRAY_LEN(windows_days); i++) {
        struct repurchase_out *r = &tally->repurchase[i];
        bool is_repeat =
            buyer->second_day != NONE && buyer->second_day - buyer->first_day <= r->within_days;
        r->all_count++;
        r->all_repeat_count += is_repeat ? 1 : 0;
        if (buyer->first_day <= tally->view->end_day - r->within_days) {
            r->matured_count++;
            r->repeat_count += is_repeat ? 1 : 0;
        }
    }
}

static void tally_buyer(void *user, const struct buyer *buyer)
{
    struct tally *tally = user;
    struct figures_out *f = tally->figures;

    f->customer_count += buyer->period_order_count >= 1 ? 1 : 0;
    f->repeat_customer_count += buyer->period_order_count >= 2 ? 1 : 0;
    if (buyer->first_ms >= tally->view->from_ms)
        tally_repurchase(tally, buyer);
    if (buyer->last_ms < tally->lost_before_ms)
        f->lost_count++;
    else if (buyer->last_ms < tally->sleep_before_ms)
        f->sleeping_count++;
    else if (buyer->order_count == 1)
        f->once_count++;
    else
        f->repeat_count++;
}

/* Nearest rank: the shortest interval such that at least this share is not longer. */
static int64_t tally_interval(const struct tally *tally, int64_t percent)
{
    int64_t count = tally->figures->interval_count, seen_count = 0;

    if (count == 0)
        return NONE;
    must(tally->intervals != NULL);
    for (int64_t days = 0; days <= INTERVAL_DAY_MAX; days++) {
        seen_count += tally->intervals[days];
        if (seen_count * 100 >= count * percent)
            return days;
    }
    return INTERVAL_DAY_MAX;
}

/* ---- what the pass found --------------------------------------------------------------------- */

/* The same rule as customer_limits_get, as of the end of the period. */
static void tally_limits(struct tally *tally, int64_t sleep_after_days, int64_t lost_after_days)
{
    tally->sleep_before_ms = tally->view->as_of_ms - sleep_after_days * DAY_MS;
    tally->lost_before_ms = tally->view->as_of_ms - lost_after_days * DAY_MS;
}

static void tally_init(struct ctx *c, struct tally *tally, const struct purchase_span *span)
{
    const struct view *view = tally->view;
    int64_t first_month = span->first_month;

    if (view->from_ms > zone_month_start(view->zone, first_month))
        first_month = zone_month(view->zone, view->from_ms);
    if (span->last_month - first_month >= MONTH_MAX)
        first_month = span->last_month - MONTH_MAX + 1;
    tally->first_month = first_month;
    tally->month_count = span->last_month < first_month ? 0 : span->last_month - first_month + 1;
    tally->months = arena_new_array(c->arena, struct month_out, (size_t)tally->month_count + 1);
    for (int64_t i = 0; i < tally->month_count; i++)
        tally->months[i].month = month_iso(c->arena, first_month + i);
    tally->intervals = arena_new_array(c->arena, int64_t, INTERVAL_DAY_MAX + 1);
}

/* Leaves out empty months at both ends: the base may reach further than the branch asked for. */
static struct list tally_months(const struct tally *tally)
{
    int64_t from = 0, to = tally->month_count;

    while (from < to && tally->months[from].order_count == 0)
        from++;
    while (to > from && tally->months[to - 1].order_count == 0)
        to--;
    return (struct list){.at = tally->months + from, .count = to - from};
}

static void figures_finish(const struct tally *tally)
{
    struct figures_out *f = tally->figures;
    int64_t buyer_count = f->once_count + f->repeat_count + f->sleeping_count + f->lost_count;

    f->average_order_fen =
        f->order_count == 0 ? NONE : (2 * f->paid_fen + f->order_count) / (2 * f->order_count);
    f->orders_per_customer_ppm = rate_ppm(f->order_count, f->customer_count);
    f->repurchase_ppm = rate_ppm(f->repeat_customer_count, f->customer_count);
    f->churned_count = f->lost_count;
    f->churn_ppm = rate_ppm(f->churned_count, buyer_count);
    f->interval_median_days = tally_interval(tally, 50);
    f->interval_p25_days = tally_interval(tally, 25);
    f->interval_p75_days = tally_interval(tally, 75);
    for (size_t i = 0; i < ARRAY_LEN(windows_days); i++) {
        struct repurchase_out *r = &tally->repurchase[i];
        r->rate_ppm = rate_ppm(r->repeat_count, r->matured_count);
        r->all_rate_ppm = rate_ppm(r->all_repeat_count, r->all_count);
    }
}

static enum err overview_purchases(struct ctx *c, const struct people *people, struct tally *tally,
                                   struct overview_out *out)
{
    struct purchase_visit visit = {tally_purchase, tally_buyer, tally};
    struct purchase_span span;
    enum err err = purchase_span_get(c, tally->view, &span);

    tally->figures = &out->figures;
    tally->repurchase = arena_new_array(c->arena, struct repurchase_out, ARRAY_LEN(windows_days));
    for (size_t i = 0; i < ARRAY_LEN(windows_days); i++)
        tally->repurchase[i].within_days = windows_days[i];
    out->repurchase = (struct list){tally->repurchase, ARRAY_LEN(windows_days)};
    if (err == OK) {
        tally_init(c, tally, &span);
        TRY(purchase_each(c, tally->view, people, &span.calendar, &visit));
        TRY(purchase_each_gone(c, tally->view, &span.calendar, &visit));
        out->months = tally_months(tally);
    } else if (err != E_NOT_FOUND) {
        return err;
    }
    figures_finish(tally);
    return OK;
}

/* ---- the butterfly --------------------------------------------------------------------------- */

/* Customers first touched in the period, as they stand now; never: without an order by its end. */
struct butterflying {
    const struct people *people;
    const struct people_column *added, *acted, *ordered, *family, *first_order;
    int64_t from_day, to_day, active_after_day, loyal_order_count;
    struct butterfly_out *out;
    int64_t never_count;
};

static void butterfly_take(void *user, uint32_t number)
{
    struct butterflying *b = user;
    int64_t touched_day = people_number(b->people->touched, number);
    int64_t order_count = people_number(b->ordered, number);
    int64_t first_day = people_number(b->first_order, number);

    if (touched_day >= b->to_day)
        return;
    b->never_count += first_day == NONE || first_day >= b->to_day ? 1 : 0;
    if (touched_day < b->from_day)
        return;
    b->out->reached_count++;
    b->out->added_count += people_number(b->added, number) != NONE ? 1 : 0;
    b->out->active_count += people_number(b->acted, number) > b->active_after_day ? 1 : 0;
    b->out->first_order_count += order_count >= 1 ? 1 : 0;
    b->out->repurchase_count += order_count >= 2 ? 1 : 0;
    b->out->loyal_count +=
        order_count >= b->loyal_order_count || people_number(b->family, number) == 1 ? 1 : 0;
}

static void overview_butterfly(struct ctx *c, const struct people *people, const struct view *view,
                               const int64_t *limits, struct overview_out *out)
{
    struct butterflying b = {
        .people = people,
        .added = audience_attribute(people->held, "added_day"),
        .acted = audience_attribute(people->held, "action_day"),
        .ordered = audience_attribute(people->held, "order_count"),
        .family = audience_attribute(people->held, "is_family"),
        .first_order = audience_attribute(people->held, "first_order_day"),
        .from_day = view->from_day,
        .to_day = view->to_day,
        .active_after_day = zone_day(view->zone, c->now_ms) - limits[0],
        .loyal_order_count = limits[1],
        .out = &out->butterfly,
    };

    people_each(people, butterfly_take, &b);
    out->figures.never_count = b.never_count;
}

/* What the engine does not know: who came through whom, and what went back of which order. */
static enum err overview_rest(struct ctx *c, const struct view *view, struct overview_out *out)
{
    struct q_overview_sharing_row sharing;
    struct q_overview_refunds_row refunds;

    TRY(q_overview_sharing(c, view->from_ms, view->to_ms, view->branch_path, &sharing));
    out->butterfly.sharing_count = sharing.sharing_count;
    out->butterfly.referred_count = sharing.referred_count;
    TRY(q_overview_refunds(c, view->from_ms, view->to_ms, view->branch_path, &refunds));
    out->figures.refunded_fen = refunds.refunded_fen;
    return OK;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static enum err overview_get(struct ctx *c, const void *in, void *out_)
{
    static const char *const names[] = {"active_within_days", "loyal_order_count",
                                        "sleep_after_days", "lost_after_days"};
    struct overview_out *out = out_;
    int64_t begin_us = clock_mono_us(), limits[ARRAY_LEN(names)];
    struct view view;
    struct tally tally = {.view = &view};
    struct people people;

    TRY(view_read(c, in, &view));
    TRY(setting_ints(c, names, ARRAY_LEN(names), limits));
    *out = (struct overview_out){.as_of_ms = view.as_of_ms};
    tally_limits(&tally, limits[2], limits[3]);
    TRY(overview_rest(c, &view, out));
    TRY(people_load(c, &view, &people));
    overview_butterfly(c, &people, &view, limits, out);
    TRY(overview_purchases(c, &people, &tally, out));
    out->computed_ms = (clock_mono_us() - begin_us + 999) / 1000;
    return OK;
}

const struct route overview_routes[] = {
    {HTTP_GET, "/api/overview", "overview.read", &view_in_shape, SHAPE(overview_out), overview_get,
     .about = "The butterfly, the figures beside it and the months", .statement_max = 16},
    {HTTP_GET, "/api/overview/cohort", "overview.read", &view_in_shape, &cohort_out_shape,
     cohort_get, .about = "Who of each first-order month bought again, by months since then",
     .statement_max = 16},
    {HTTP_GET, "/api/overview/raw", "overview.read", NULL, &raw_out_shape, raw_get,
     .about = "What came in and what of it counts", .needs_all = true, .statement_max = 16},
    {.path = NULL},
};
