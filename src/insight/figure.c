/* Customer figures (客户指标): 购买时间 客单价 复购率 转介绍率 流失率 by month or quarter, or by
 * layer: channel, purchase state, RFM cell, month of the first order. Every rate stands beside its
 * numerator and denominator; where only some customers have had the chance, the naive rate over
 * all of them stands beside it. Definitions: GLOSSARY.md. */
#include <stdlib.h>

#include "gen/layer.q.h"
#include "insight/figure_private.h"

#define GROUP_MAX 5001

/* ---- shapes ---------------------------------------------------------------------------------- */

struct figure_in {
    struct str from_date, to_date, by;
    int64_t channel_id;
};
static const struct field figure_in[] = {
    IN(struct figure_in, from_date, .is_optional = true, .max = 10),
    IN(struct figure_in, to_date, .is_optional = true, .max = 10),
    IN(struct figure_in, channel_id, .is_optional = true, .about = "with its branch"),
    IN(struct figure_in, by, .one_of = "month|quarter|channel|state|rfm|first_month"),
};
const struct shape figure_in_shape = {
    .name = "figure_in",
    .fields = figure_in,
    .count = ARRAY_LEN(figure_in),
    .bytes = sizeof(struct figure_in),
};

struct figure_repurchase {
    int64_t within_days;
    int64_t matured_count, repeat_count, rate_ppm;
    int64_t all_count, all_repeat_count, all_rate_ppm;
};
static const struct field figure_repurchase[] = {
    OUT(struct figure_repurchase, within_days),
    OUT(struct figure_repurchase, matured_count, .about = "first bought at least that long ago"),
    OUT(struct figure_repurchase, repeat_count, .about = "on another day within that time"),
    OUT(struct figure_repurchase, rate_ppm, .is_optional = true),
    OUT(struct figure_repurchase, all_count),
    OUT(struct figure_repurchase, all_repeat_count),
    OUT(struct figure_repurchase, all_rate_ppm, .is_optional = true, .about = "naive"),
};

struct figure_row {
    struct str key, name, from_date, to_date;
    int64_t order_count, paid_fen, average_order_fen;
    int64_t buyer_count, repeat_count, repeat_ppm, repeat_day_count, repeat_day_ppm;
    int64_t first_count, wait_median_days, interval_count, interval_median_days;
    struct list repurchase;
    int64_t aged_count, lost_count, churn_ppm, bought_count, churn_naive_ppm;
    int64_t mature_count, mature_inviter_count, referral_ppm, invited_count, k_ppm;
    int64_t known_count, inviter_count, referral_naive_ppm;
};
static const struct field figure_row[] = {
    OUT(struct figure_row, key, .about = "2011-03, 2011-Q1, id of a channel, state, cell of RFM"),
    OUT(struct figure_row, name, .is_optional = true, .about = "of a channel"),
    OUT(struct figure_row, from_date),
    OUT(struct figure_row, to_date, .about = "not included"),
    OUT(struct figure_row, order_count, .about = "counted orders of the stretch"),
    OUT(struct figure_row, paid_fen),
    OUT(struct figure_row, average_order_fen, .is_optional = true, .about = "客单价"),
    OUT(struct figure_row, buyer_count, .about = "customers with one of them"),
    OUT(struct figure_row, repeat_count, .about = "with two"),
    OUT(struct figure_row, repeat_ppm, .is_optional = true, .about = "复购率 by orders"),
    OUT(struct figure_row, repeat_day_count, .about = "on two days"),
    OUT(struct figure_row, repeat_day_ppm, .is_optional = true, .about = "复购率 by purchase days"),
    OUT(struct figure_row, first_count, .about = "customers whose first order lies in the stretch"),
    OUT(struct figure_row, wait_median_days, .is_optional = true,
        .about = "购买时间: from the first touch to the first order"),
    OUT(struct figure_row, interval_count),
    OUT(struct figure_row, interval_median_days, .is_optional = true,
        .about = "购买间隔: between purchase days"),
    OUT(struct figure_row, repurchase, .of = SHAPE(figure_repurchase)),
    OUT(struct figure_row, aged_count, .about = "whose first order is old enough to be lost"),
    OUT(struct figure_row, lost_count),
    OUT(struct figure_row, churn_ppm, .is_optional = true, .about = "流失率"),
    OUT(struct figure_row, bought_count, .about = "customers with an order by then"),
    OUT(struct figure_row, churn_naive_ppm, .is_optional = true),
    OUT(struct figure_row, mature_count, .about = "known long enough to have brought somebody"),
    OUT(struct figure_row, mature_inviter_count),
    OUT(struct figure_row, referral_ppm, .is_optional = true, .about = "转介绍率"),
    OUT(struct figure_row, invited_count, .about = "new customers whom the mature ones brought"),
    OUT(struct figure_row, k_ppm, .is_optional = true, .about = "K: per mature customer"),
    OUT(struct figure_row, known_count),
    OUT(struct figure_row, inviter_count),
    OUT(struct figure_row, referral_naive_ppm, .is_optional = true),
};

struct figure_out {
    struct figure_row total;
    struct list rows;
    int64_t as_of_ms, lost_after_days, generation_count, generation_p95_days;
};
static const struct field figure_out[] = {
    OUT(struct figure_out, total, .of = SHAPE(figure_row)),
    OUT(struct figure_out, rows, .max = GROUP_MAX, .of = SHAPE(figure_row)),
    OUT(struct figure_out, as_of_ms),
    OUT(struct figure_out, lost_after_days),
    OUT(struct figure_out, generation_count, .about = "new customers brought by others"),
    OUT(struct figure_out, generation_p95_days, .is_optional = true,
        .about = "95 of 100 came within so many days of their inviter's first touch"),
};
const struct shape figure_out_shape = {
    .name = "figure_out",
    .fields = figure_out,
    .count = ARRAY_LEN(figure_out),
    .bytes = sizeof(struct figure_out),
};

/* ---- groups ---------------------------------------------------------------------------------- */

struct figuring {
    struct ctx *c;
    const struct figure_in *in;
    struct layer layer;
    struct layer_limits limits;
    struct layer_channels channels;
    struct rfm rfm;
    struct figure_rule rule;
    struct figure_table total, table;
    int64_t first_month;
    int16_t *groups;            /* by number; GROUP_NONE: in no row */
    struct purchase *purchases; /* of the buyer at hand */
    int64_t purchase_count, purchase_cap;
    struct list invites; /* of struct invite */
    int64_t invite_cap;
    int32_t *invited_days; /* of each invite */
    int64_t next_invite;
};
#define GROUP_NONE (-1)

static bool is_by(const struct figuring *f, const char *by)
{
    return str_is(f->in->by, by);
}

/* The row of a person; buyer NULL: without an order. */
static int64_t group_of(const struct figuring *f, uint32_t number, const struct buyer *buyer)
{
    int64_t month;

    if (is_by(f, "channel"))
        return layer_channel_row(&f->channels, people_number(f->layer.people.channel, number));
    if (is_by(f, "state"))
        return layer_state(&f->limits, buyer);
    if (is_by(f, "rfm"))
        return buyer == NULL ? GROUP_NONE : rfm_cell(&f->rfm, rfm_value_of(&f->rfm, buyer));
    if (!is_by(f, "first_month"))
        return 0;
    month = buyer == NULL ? NONE : buyer->first_month - f->first_month;
    return month < 0 || month >= f->table.group_count ? GROUP_NONE : month;
}

static void group_begin(void *user, uint32_t number)
{
    struct figuring *f = user;

    f->groups[number] = (int16_t)group_of(f, number, NULL);
}

static enum err groups_open(struct figuring *f)
{
    const struct layer *layer = &f->layer;
    int64_t step_months = is_by(f, "month") ? 1 : is_by(f, "quarter") ? 3 : 0;
    int64_t group_count = 1;

    if (is_by(f, "channel")) {
        TRY(layer_channels_load(f->c, &layer->view, &f->channels));
        group_count = f->channels.row_count;
    } else if (is_by(f, "state")) {
        group_count = STATE_COUNT;
    } else if (is_by(f, "rfm")) {
        TRY(rfm_compute(f->c, layer, &f->rfm));
        group_count = RFM_CELL_COUNT;
    } else if (is_by(f, "first_month") && layer->has_orders) {
        f->first_month = layer->span.first_month;
        group_count = layer->span.last_month - f->first_month + 1;
        if (group_count > FIGURE_STRETCH_MAX) {
            f->first_month += group_count - FIGURE_STRETCH_MAX;
            group_count = FIGURE_STRETCH_MAX;
        }
    }
    figure_table_init(f->c->arena, layer, step_months, group_count, &f->table);
    figure_table_init(f->c->arena, layer, 0, 1, &f->total);
    f->groups = arena_new_array(f->c->arena, int16_t, (size_t)layer->people.number_max + 1);
    people_each(&layer->people, group_begin, f);
    return OK;
}

/* ---- the pass -------------------------------------------------------------------------------- */

static void figuring_purchase(void *user, const struct purchase *p, const struct buyer *before)
{
    struct figuring *f = user;

    if (before->order_count == 0)
        f->purchase_count = 0;
    if (f->purchase_count == f->purchase_cap) {
        int64_t cap = f->purchase_cap == 0 ? 256 : f->purchase_cap * 2;
        struct purchase *more = arena_new_array(f->c->arena, struct purchase, (size_t)cap);
        if (f->purchase_count > 0)
            memcpy(more, f->purchases, (size_t)f->purchase_count * sizeof(*more));
        f->purchases = more;
        f->purchase_cap = cap;
    }
    f->purchases[f->purchase_count++] = *p;
}

static void figuring_buyer(void *user, const struct buyer *buyer)
{
    struct figuring *f = user;
    struct figure_buyer all = {people_number(f->layer.people.touched, buyer->number), f->purchases,
                               f->purchase_count};
    int64_t group = group_of(f, buyer->number, buyer);

    f->groups[buyer->number] = (int16_t)group;
    figure_add_buyer(&f->rule, &f->total, 0, &all);
    if (group != GROUP_NONE)
        figure_add_buyer(&f->rule, &f->table, group, &all);
}

/* ---- who came through whom ------------------------------------------------------------------- */

struct invite {
    uint32_t number; /* of the inviter */
    int32_t day;
};

static enum err invite_add(void *user, const struct q_layer_invited_row *row)
{
    struct figuring *f = user;
    uint32_t number = (uint32_t)row->inviter_number;
    struct invite *invite;

    if (!row->is_identified || row->inviter_number == row->customer_number ||
        !bitmap_has(f->layer.people.members, number))
        return OK;
    invite = list_add(f->c->arena, &f->invites, &f->invite_cap, sizeof(*invite));
    *invite = (struct invite){number, (int32_t)zone_day(f->layer.view.zone, row->touched_ms)};
    return OK;
}

static int invite_compare(const void *a_, const void *b_)
{
    const struct invite *a = a_, *b = b_;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->day < b->day ? -1 : a->day > b->day;
}

static int day_compare(const void *a_, const void *b_)
{
    int32_t a = *(const int32_t *)a_, b = *(const int32_t *)b_;

    return a < b ? -1 : a > b;
}

/* Nearest rank of the days from the inviter's first touch to that of who came through them. */
static int64_t generation_p95(const struct figuring *f)
{
    const struct invite *invite = f->invites.at;
    int64_t count = f->invites.count;
    int32_t *days = arena_new_array(f->c->arena, int32_t, (size_t)count + 1);

    if (count == 0)
        return NONE;
    for (int64_t i = 0; i < count; i++) {
        int64_t length = invite[i].day - people_number(f->layer.people.touched, invite[i].number);
        days[i] = length < 0 ? 0 : (int32_t)length;
    }
    qsort(days, (size_t)count, sizeof(*days), day_compare);
    return days[(count * 95 + 99) / 100 - 1];
}

/* Persons come by number, as the invites do. */
static void referral_add(void *user, uint32_t number)
{
    struct figuring *f = user;
    const struct invite *invite = f->invites.at;
    struct figure_inviter inviter = {.touched_day = people_number(f->layer.people.touched, number),
                                     .invited_days = f->invited_days + f->next_invite};

    while (f->next_invite < f->invites.count && invite[f->next_invite].number == number) {
        inviter.count++;
        f->next_invite++;
    }
    figure_add_person(&f->rule, &f->total, 0, &inviter);
    if (f->groups[number] != GROUP_NONE)
        figure_add_person(&f->rule, &f->table, f->groups[number], &inviter);
}

static enum err referrals_add(struct figuring *f)
{
    struct invite *invite;

    TRY(q_layer_invited(f->c, f->layer.view.to_ms, invite_add, f));
    invite = f->invites.at;
    f->rule.mature_days = generation_p95(f);
    if (f->invites.count > 0)
        qsort(invite, (size_t)f->invites.count, sizeof(*invite), invite_compare);
    f->invited_days = arena_new_array(f->c->arena, int32_t, (size_t)f->invites.count + 1);
    for (int64_t i = 0; i < f->invites.count; i++)
        f->invited_days[i] = invite[i].day;
    people_each(&f->layer.people, referral_add, f);
    return OK;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static struct list repurchase_write(struct arena *arena, const struct figure_sums *sums)
{
    struct figure_repurchase *out =
        arena_new_array(arena, struct figure_repurchase, FIGURE_WINDOW_COUNT);

    for (int i = 0; i < FIGURE_WINDOW_COUNT; i++)
        out[i] = (struct figure_repurchase){
            figure_windows_days[i],
            sums->matured_count[i],
            sums->matured_repeat_count[i],
            rate_ppm(sums->matured_repeat_count[i], sums->matured_count[i]),
            sums->first_count,
            sums->all_repeat_count[i],
            rate_ppm(sums->all_repeat_count[i], sums->first_count),
        };
    return (struct list){out, FIGURE_WINDOW_COUNT};
}

static struct figure_row row_write(struct arena *arena, const struct figure_sums *s,
                                   const struct figure_stretch *stretch)
{
    return (struct figure_row){
        .from_date = day_iso(arena, stretch->from_day),
        .to_date = day_iso(arena, stretch->end_day + 1),
        .order_count = s->order_count,
        .paid_fen = s->paid_fen,
        .average_order_fen =
            s->order_count == 0 ? NONE : (2 * s->paid_fen + s->order_count) / (2 * s->order_count),
        .buyer_count = s->buyer_count,
        .repeat_count = s->repeat_count,
        .repeat_ppm = rate_ppm(s->repeat_count, s->buyer_count),
        .repeat_day_count = s->repeat_day_count,
        .repeat_day_ppm = rate_ppm(s->repeat_day_count, s->buyer_count),
        .first_count = s->first_count,
        .wait_median_days = figure_days_rank(&s->waits, 50),
        .interval_count = s->intervals.count,
        .interval_median_days = figure_days_rank(&s->intervals, 50),
        .repurchase = repurchase_write(arena, s),
        .aged_count = s->aged_count,
        .lost_count = s->lost_count,
        .churn_ppm = rate_ppm(s->lost_count, s->aged_count),
        .bought_count = s->bought_count,
        .churn_naive_ppm = rate_ppm(s->lost_count, s->bought_count),
        .mature_count = s->mature_count,
        .mature_inviter_count = s->mature_inviter_count,
        .referral_ppm = rate_ppm(s->mature_inviter_count, s->mature_count),
        .invited_count = s->invited_count,
        .k_ppm = rate_ppm(s->invited_count, s->mature_count),
        .known_count = s->known_count,
        .inviter_count = s->inviter_count,
        .referral_naive_ppm = rate_ppm(s->inviter_count, s->known_count),
    };
}

static struct str row_key(const struct figuring *f, int64_t group, int64_t stretch)
{
    struct arena *arena = f->c->arena;
    int64_t month = f->table.first_month + stretch * f->table.step_months;

    if (is_by(f, "month"))
        return month_iso(arena, month);
    if (is_by(f, "quarter"))
        return str_fmt(arena, "%.4s-Q%" PRId64, month_iso(arena, month).at, month % 12 / 3 + 1);
    if (is_by(f, "state"))
        return str_of(layer_states[group]);
    if (is_by(f, "rfm"))
        return str_of(rfm_cells[group]);
    if (is_by(f, "first_month"))
        return month_iso(arena, f->first_month + group);
    return f->channels.rows[group].id == NONE
               ? S("unknown")
               : str_fmt(arena, "%" PRId64, f->channels.rows[group].id);
}

static struct list rows_write(const struct figuring *f)
{
    const struct figure_table *table = &f->table;
    int64_t count = table->group_count * table->stretch_count, kept = 0;
    struct figure_row *rows = arena_new_array(f->c->arena, struct figure_row, (size_t)count + 1);

    for (int64_t i = 0; i < count; i++) {
        int64_t group = i / table->stretch_count, stretch = i % table->stretch_count;
        const struct figure_sums *sums = &table->sums[i];
        if (sums->known_count == 0 && sums->order_count == 0)
            continue;
        rows[kept] = row_write(f->c->arena, sums, &table->stretches[stretch]);
        rows[kept].key = row_key(f, group, stretch);
        if (is_by(f, "channel"))
            rows[kept].name = f->channels.rows[group].name;
        kept++;
    }
    return (struct list){rows, kept};
}

static enum err figuring_run(struct figuring *f)
{
    struct purchase_visit visit = {figuring_purchase, figuring_buyer, f};

    TRY(layer_limits_get(f->c, &f->layer.view, &f->limits));
    TRY(groups_open(f));
    f->rule = (struct figure_rule){.arena = f->c->arena,
                                   .end_day = f->layer.view.end_day,
                                   .lost_after_ms = f->limits.lost_after_days * DAY_MS};
    TRY(layer_each(f->c, &f->layer, &visit));
    return referrals_add(f);
}

enum err figure_get(struct ctx *c, const void *in_, void *out_)
{
    const struct figure_in *in = in_;
    struct figure_out *out = out_;
    struct figuring *f = arena_new_one(c->arena, struct figuring);

    f->c = c;
    f->in = in;
    TRY(layer_open(c, &(struct view_in){in->from_date, in->to_date, in->channel_id}, NONE,
                   &f->layer));
    TRY(figuring_run(f));
    *out = (struct figure_out){.total = row_write(c->arena, f->total.sums, f->total.stretches),
                               .rows = rows_write(f),
                               .as_of_ms = f->layer.view.as_of_ms,
                               .lost_after_days = f->limits.lost_after_days,
                               .generation_count = f->invites.count,
                               .generation_p95_days = f->rule.mature_days};
    out->total.key = S("total");
    return OK;
}
