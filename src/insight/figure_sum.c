/* Counts the customer figures: each person is added once to the row of their group, with everything
 * they did, in the order of time. What "matured" means stands in GLOSSARY.md. */
#include "insight/figure_private.h"

const int64_t figure_windows_days[FIGURE_WINDOW_COUNT] = {30, 90, 180};

/* ---- days ------------------------------------------------------------------------------------ */

static void days_add(struct arena *arena, struct figure_days *days, int64_t length)
{
    if (days->at == NULL)
        days->at = arena_new_array(arena, uint32_t, FIGURE_DAY_MAX + 1);
    if (length < 0)
        length = 0;
    days->at[length < FIGURE_DAY_MAX ? length : FIGURE_DAY_MAX]++;
    days->count++;
}

/* Nearest rank: the shortest length such that at least this share is not longer. */
int64_t figure_days_rank(const struct figure_days *days, int64_t percent)
{
    int64_t seen_count = 0, length = 0;

    if (days->count == 0)
        return NONE;
    for (; length < FIGURE_DAY_MAX; length++) {
        seen_count += days->at[length];
        if (seen_count * 100 >= days->count * percent)
            break;
    }
    return length;
}

/* ---- stretches of time ----------------------------------------------------------------------- */

static struct figure_stretch whole_stretch(const struct layer *layer)
{
    const struct view *view = &layer->view;
    int64_t from_day = layer->has_orders ? layer->span.calendar.first_day : view->end_day;
    int64_t asked_day = view->from_ms > 0 ? zone_day(view->zone, view->from_ms) : from_day;

    return (struct figure_stretch){.from_day = asked_day > from_day ? asked_day : from_day,
                                   .end_day = view->end_day,
                                   .as_of_ms = view->as_of_ms};
}

/* A stretch of months as far as it lies within the view. */
static struct figure_stretch months_stretch(const struct layer *layer, int64_t month,
                                            int64_t step_months)
{
    struct figure_stretch whole = whole_stretch(layer);
    const struct zone *zone = layer->view.zone;
    int64_t from_ms = zone_month_start(zone, month);
    int64_t to_ms = zone_month_start(zone, month + step_months);
    struct figure_stretch out = {zone_day(zone, from_ms), zone_day(zone, to_ms - 1), to_ms};

    if (out.from_day < whole.from_day)
        out.from_day = whole.from_day;
    if (out.end_day > whole.end_day) {
        out.end_day = whole.end_day;
        out.as_of_ms = whole.as_of_ms;
    }
    return out;
}

static int64_t month_of_day(int64_t day)
{
    int year, month, date;

    day_to_date(day, &year, &month, &date);
    return ((int64_t)year - 1970) * 12 + month - 1;
}

void figure_table_init(struct arena *arena, const struct layer *layer, int64_t step_months,
                       int64_t group_count, struct figure_table *table)
{
    struct figure_stretch whole = whole_stretch(layer);
    int64_t last_month = month_of_day(whole.end_day), first_month = month_of_day(whole.from_day);

    *table = (struct figure_table){
        .group_count = group_count, .stretch_count = 1, .step_months = step_months};
    if (step_months > 0) {
        table->first_month = first_month - first_month % step_months;
        table->stretch_count = last_month < table->first_month
                                   ? 0
                                   : (last_month - table->first_month) / step_months + 1;
        if (table->stretch_count > FIGURE_STRETCH_MAX) {
            table->first_month += (table->stretch_count - FIGURE_STRETCH_MAX) * step_months;
            table->stretch_count = FIGURE_STRETCH_MAX;
        }
    }
    table->stretches =
        arena_new_array(arena, struct figure_stretch, (size_t)table->stretch_count + 1);
    table->sums = arena_new_array(arena, struct figure_sums,
                                  (size_t)(group_count * table->stretch_count) + 1);
    table->stretches[0] = whole;
    for (int64_t i = 0; step_months > 0 && i < table->stretch_count; i++)
        table->stretches[i] =
            months_stretch(layer, table->first_month + i * step_months, step_months);
}

/* The stretch of an order; NONE: outside. */
static int64_t stretch_of(const struct figure_table *table, const struct purchase *purchase)
{
    int64_t at;

    if (!purchase->is_in_period)
        return NONE;
    if (table->step_months == 0)
        return 0;
    at = (purchase->month - table->first_month) / table->step_months;
    return purchase->month >= table->first_month && at < table->stretch_count ? at : NONE;
}

/* ---- one buyer ------------------------------------------------------------------------------- */

/* Orders and purchase days of one buyer within one stretch. */
struct visit {
    struct figure_sums *sums; /* NULL: outside */
    int64_t order_count, day_count;
};

static void visit_end(const struct visit *visit)
{
    if (visit->sums == NULL)
        return;
    visit->sums->buyer_count++;
    visit->sums->repeat_count += visit->order_count >= 2 ? 1 : 0;
    visit->sums->repeat_day_count += visit->day_count >= 2 ? 1 : 0;
}

static void add_orders(const struct figure_rule *rule, const struct figure_table *table,
                       struct figure_sums *sums, const struct figure_buyer *buyer)
{
    struct visit visit = {.sums = NULL};

    for (int64_t i = 0; i < buyer->count; i++) {
        const struct purchase *p = &buyer->purchases[i];
        int64_t stretch = stretch_of(table, p);
        struct figure_sums *to = stretch == NONE ? NULL : &sums[stretch];
        bool is_new_day = i == 0 || p->day != p[-1].day;
        if (to != visit.sums) {
            visit_end(&visit);
            visit = (struct visit){.sums = to};
        }
        if (to == NULL)
            continue;
        visit.order_count++;
        visit.day_count += is_new_day ? 1 : 0;
        to->order_count++;
        to->paid_fen += p->paid_fen;
        if (i > 0 && is_new_day)
            days_add(rule->arena, &to->intervals, p->day - p[-1].day);
    }
    visit_end(&visit);
}

/* The first order, and who came back within the windows: only those have had the chance whose
 * first purchase day lies that far back. */
static void add_first(const struct figure_rule *rule, const struct figure_table *table,
                      struct figure_sums *sums, const struct figure_buyer *buyer)
{
    const struct purchase *first = &buyer->purchases[0], *end = first + buyer->count;
    const struct purchase *second = first + 1;
    int64_t stretch = stretch_of(table, first);

    if (stretch == NONE)
        return;
    while (second < end && second->day == first->day)
        second++;
    sums += stretch;
    sums->first_count++;
    days_add(rule->arena, &sums->waits, first->day - buyer->touched_day);
    for (int i = 0; i < FIGURE_WINDOW_COUNT; i++) {
        int64_t window = figure_windows_days[i];
        bool is_repeat = second < end && second->day - first->day <= window;
        sums->all_repeat_count[i] += is_repeat ? 1 : 0;
        if (first->day > rule->end_day - window)
            continue;
        sums->matured_count[i]++;
        sums->matured_repeat_count[i] += is_repeat ? 1 : 0;
    }
}

/* As of the end of each stretch: is the last order before it too long ago? Only whose first order
 * is that old can be lost. */
static void add_churn(const struct figure_rule *rule, const struct figure_table *table,
                      struct figure_sums *sums, const struct figure_buyer *buyer)
{
    const struct purchase *p = buyer->purchases;
    int64_t last = -1;

    for (int64_t i = 0; i < table->stretch_count; i++) {
        int64_t as_of_ms = table->stretches[i].as_of_ms;
        while (last + 1 < buyer->count && p[last + 1].placed_ms < as_of_ms)
            last++;
        if (last < 0)
            continue;
        sums[i].bought_count++;
        sums[i].aged_count += p[0].placed_ms < as_of_ms - rule->lost_after_ms ? 1 : 0;
        sums[i].lost_count += p[last].placed_ms < as_of_ms - rule->lost_after_ms ? 1 : 0;
    }
}

void figure_add_buyer(const struct figure_rule *rule, struct figure_table *table, int64_t group,
                      const struct figure_buyer *buyer)
{
    struct figure_sums *sums = table->sums + group * table->stretch_count;

    if (buyer->count == 0 || table->stretch_count == 0)
        return;
    add_orders(rule, table, sums, buyer);
    add_first(rule, table, sums, buyer);
    add_churn(rule, table, sums, buyer);
}

/* ---- one person, buyer or not --------------------------------------------------------------- */

void figure_add_person(const struct figure_rule *rule, struct figure_table *table, int64_t group,
                       const struct figure_inviter *inviter)
{
    struct figure_sums *sums = table->sums + group * table->stretch_count;
    int64_t brought_count = 0;

    for (int64_t i = 0; i < table->stretch_count; i++) {
        int64_t end_day = table->stretches[i].end_day;
        bool is_mature =
            rule->mature_days != NONE && inviter->touched_day <= end_day - rule->mature_days;
        if (inviter->touched_day > end_day)
            continue;
        while (brought_count < inviter->count && inviter->invited_days[brought_count] <= end_day)
            brought_count++;
        sums[i].known_count++;
        sums[i].inviter_count += brought_count > 0 ? 1 : 0;
        if (!is_mature)
            continue;
        sums[i].mature_count++;
        sums[i].mature_inviter_count += brought_count > 0 ? 1 : 0;
        sums[i].invited_count += brought_count;
    }
}
