/* The customers of one cell of a layer, those who paid most first. The same people, the same pass
 * and the same rules as the page that counted them, so that as many come out as the cell says;
 * nothing is kept in between. */
#include "gen/layer.q.h"
#include "insight/layer_private.h"
#include "kit/cursor.h"
#include "manage/customer/mask.h"

#define PAGE_MAX 100
#define PAGE_DEFAULT 50

struct layer_customers_in {
    struct str from_date, to_date, channel_part, rfm, state, recency, who;
    struct str first_month, cursor;
    int64_t channel_id, life_stage_number, active_month_number, limit_count;
};
static const struct field layer_customers_in[] = {
    IN(struct layer_customers_in, from_date, .is_optional = true, .max = 10),
    IN(struct layer_customers_in, to_date, .is_optional = true, .max = 10),
    IN(struct layer_customers_in, channel_id, .is_optional = true, .about = "with its branch"),
    IN(struct layer_customers_in, channel_part, .is_optional = true, .one_of = "own|unknown",
       .about = "own: without what lies below it; unknown: whose channel is not known"),
    IN(struct layer_customers_in, life_stage_number, .is_optional = true,
       .min = LAYER_STAGE_UNKNOWN, .max = LIFE_STAGE_MAX),
    IN(struct layer_customers_in, rfm, .is_optional = true, .one_of = RFM_NAMES),
    IN(struct layer_customers_in, state, .is_optional = true, .one_of = STATE_NAMES),
    IN(struct layer_customers_in, recency, .is_optional = true, .one_of = RECENCY_NAMES),
    IN(struct layer_customers_in, who, .is_optional = true, .one_of = "buyers|repeat",
       .about = "with one order in the period, with two"),
    IN(struct layer_customers_in, first_month, .is_optional = true, .max = 7,
       .about = "of the first order: 2011-03"),
    IN(struct layer_customers_in, active_month_number, .is_optional = true, .min = 0, .max = 1200,
       .about = "who ordered that many months after it"),
    IN(struct layer_customers_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct layer_customers_in, limit_count, PAGE_MAX),
};
const struct shape layer_customers_in_shape = {
    .name = "layer_customers_in",
    .fields = layer_customers_in,
    .count = ARRAY_LEN(layer_customers_in),
    .bytes = sizeof(struct layer_customers_in),
};

struct layer_customer {
    int64_t id, customer_number, order_count, paid_fen, last_order_ms, touched_ms;
    int64_t recency_days, recency_score, order_score, paid_score;
    struct str name, channel_name, state, rfm;
};
static const struct field layer_customer[] = {
    OUT(struct layer_customer, id),
    OUT(struct layer_customer, customer_number),
    OUT(struct layer_customer, name, .is_optional = true),
    OUT(struct layer_customer, channel_name, .is_optional = true),
    OUT(struct layer_customer, touched_ms),
    OUT(struct layer_customer, state, .one_of = STATE_NAMES),
    OUT(struct layer_customer, order_count, .about = "until the end of the period, as all here"),
    OUT(struct layer_customer, paid_fen),
    OUT(struct layer_customer, last_order_ms, .is_optional = true),
    OUT(struct layer_customer, recency_days, .is_optional = true,
        .about = "R: days from the last order to the day after the period"),
    OUT(struct layer_customer, rfm, .is_optional = true, .one_of = RFM_NAMES,
        .about = "where a cell of RFM was asked for; the scores too"),
    OUT(struct layer_customer, recency_score, .is_optional = true),
    OUT(struct layer_customer, order_score, .is_optional = true),
    OUT(struct layer_customer, paid_score, .is_optional = true),
};

struct layer_customers_out {
    struct list items;
    struct str next_cursor, life_stage_zh, life_stage_en;
    int64_t total_count, total_paid_fen;
};
static const struct field layer_customers_out[] = {
    OUT(struct layer_customers_out, items, .of = SHAPE(layer_customer)),
    OUT(struct layer_customers_out, next_cursor, .is_optional = true),
    OUT(struct layer_customers_out, total_count, .about = "of all pages"),
    OUT(struct layer_customers_out, total_paid_fen),
    OUT(struct layer_customers_out, life_stage_zh, .is_optional = true,
        .about = "the one asked for; none: any, or unknown"),
    OUT(struct layer_customers_out, life_stage_en, .is_optional = true),
};
const struct shape layer_customers_out_shape = {
    .name = "layer_customers_out",
    .fields = layer_customers_out,
    .count = ARRAY_LEN(layer_customers_out),
    .bytes = sizeof(struct layer_customers_out),
};

/* ---- who matches ----------------------------------------------------------------------------- */

struct match {
    int64_t number;
    struct rfm_value value;
    int64_t last_ms; /* NONE: never bought */
    int state;
};
struct matching {
    const struct layer_customers_in *in;
    const struct layer *layer;
    struct layer_limits limits;
    struct rfm rfm;
    bool *has_bought;    /* by number */
    int64_t first_month; /* NONE: any */
    bool is_active;      /* of the buyer at hand: in the month asked for */
    struct cursor from;
    struct match page[PAGE_MAX];
    int64_t count, limit_count, total_count, total_paid_fen;
};

/* Downwards by what was paid, then by number. */
static bool is_before(const struct match *a, const struct match *b)
{
    if (a->value.paid_fen != b->value.paid_fen)
        return a->value.paid_fen > b->value.paid_fen;
    return a->number > b->number;
}

/* The best of those behind the cursor, by insertion: a page is small. */
static void match_keep(struct matching *m, const struct match *next)
{
    const struct match from = {.number = m->from.id, .value.paid_fen = m->from.key_number};
    int64_t at;

    m->total_count++;
    m->total_paid_fen += next->value.paid_fen;
    if (!is_before(&from, next) ||
        (m->count == m->limit_count && !is_before(next, &m->page[m->count - 1])))
        return;
    at = m->count < m->limit_count ? m->count++ : m->count - 1;
    for (; at > 0 && is_before(next, &m->page[at - 1]); at--)
        m->page[at] = m->page[at - 1];
    m->page[at] = *next;
}

static bool is_of(struct str wanted, const char *name)
{
    return wanted.at == NULL || str_is(wanted, name);
}

static bool is_of_channel(const struct matching *m, uint32_t number)
{
    int64_t channel_id = people_number(m->layer->people.channel, number);

    if (str_is(m->in->channel_part, "own"))
        return channel_id == m->in->channel_id;
    return m->in->channel_part.at == NULL || channel_id == NONE;
}

static bool is_of_purchases(const struct matching *m, const struct buyer *buyer)
{
    const struct layer_customers_in *in = m->in;

    if (in->rfm.at != NULL &&
        !str_is(in->rfm, rfm_cells[rfm_cell(&m->rfm, rfm_value_of(&m->rfm, buyer))]))
        return false;
    if (in->who.at != NULL && buyer->period_order_count < (str_is(in->who, "repeat") ? 2 : 1))
        return false;
    if (m->first_month != NONE &&
        (buyer->first_month != m->first_month || buyer->first_ms < m->layer->view.from_ms))
        return false;
    return in->active_month_number == NONE || m->is_active;
}

static void match_purchase(void *user, const struct purchase *p, const struct buyer *before)
{
    struct matching *m = user;

    if (before->order_count == 0)
        m->is_active = false;
    if (m->first_month != NONE && m->in->active_month_number != NONE &&
        p->month == m->first_month + m->in->active_month_number)
        m->is_active = true;
}

static void match_buyer(void *user, const struct buyer *buyer)
{
    struct matching *m = user;
    int state = layer_state(&m->limits, buyer);

    m->has_bought[buyer->number] = true;
    if (!is_of(m->in->state, layer_states[state]) ||
        !is_of(m->in->recency, layer_recencies[layer_recency(&m->limits, buyer)]) ||
        !is_of_channel(m, buyer->number) || !is_of_purchases(m, buyer))
        return;
    match_keep(m, &(struct match){.number = buyer->number,
                                  .value = rfm_value_of(&m->rfm, buyer),
                                  .last_ms = buyer->last_ms,
                                  .state = state});
}

static void match_rest(void *user, uint32_t number)
{
    struct matching *m = user;

    if (!m->has_bought[number] && is_of_channel(m, number) &&
        people_number(m->layer->people.touched, number) <= m->layer->view.end_day)
        match_keep(m, &(struct match){.number = number, .last_ms = NONE, .state = STATE_NEVER});
}

/* Can it hold anybody who never bought? */
static bool has_rest(const struct matching *m)
{
    return is_of(m->in->state, "never") && is_of(m->in->recency, "none") && m->in->rfm.at == NULL &&
           m->in->who.at == NULL && m->first_month == NONE && m->in->active_month_number == NONE;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void item_fill(const struct matching *m, const struct match *match,
                      struct layer_customer *item)
{
    bool has_rfm = m->in->rfm.at != NULL;
    struct rfm_score score = {0};

    *item = (struct layer_customer){.customer_number = match->number,
                                    .order_count = match->value.order_count,
                                    .paid_fen = match->value.paid_fen,
                                    .last_order_ms = match->last_ms,
                                    .recency_days = NONE,
                                    .recency_score = NONE,
                                    .order_score = NONE,
                                    .paid_score = NONE,
                                    .state = str_of(layer_states[match->state])};
    if (match->last_ms != NONE)
        item->recency_days = match->value.recency_days;
    if (!has_rfm)
        return;
    score = rfm_score(&m->rfm, match->value);
    item->rfm = m->in->rfm;
    item->recency_score = score.recency;
    item->order_score = score.order;
    item->paid_score = score.paid;
}

static enum err items_fill(struct ctx *c, const struct matching *m, struct list *items)
{
    struct q_layer_customer_row_in keys[PAGE_MAX];
    struct q_layer_customer_row_row rows[PAGE_MAX];
    struct layer_customer *item =
        arena_new_array(c->arena, struct layer_customer, (size_t)m->count + 1);
    struct str name;

    *items = (struct list){item, m->count};
    if (m->count == 0)
        return OK;
    for (int64_t i = 0; i < m->count; i++)
        keys[i].customer_number = m->page[i].number;
    TRY(q_layer_customer_row(c, keys, m->count, rows));
    for (int64_t i = 0; i < m->count; i++) {
        item_fill(m, &m->page[i], &item[i]);
        item[i].id = rows[i].id;
        item[i].channel_name = rows[i].channel_name;
        item[i].touched_ms = rows[i].touched_ms;
        TRY(ctx_unseal(c, rows[i].name_enc, "customer", item[i].id, &name));
        item[i].name = mask_name_for(c, name);
    }
    return OK;
}

static enum err first_month_read(struct ctx *c, struct str month, int64_t *out)
{
    int64_t first_ms;

    *out = NONE;
    if (month.at == NULL)
        return OK;
    if (month.len != 7 ||
        time_parse(NULL, str_fmt(c->arena, "%.*s-01", STR(month)), &first_ms) != OK)
        return fail_at(c, "input.date", S("first_month"), "a month is needed, as 2011-12");
    *out = zone_month(NULL, first_ms);
    return OK;
}

static enum err matching_open(struct ctx *c, const struct layer_customers_in *in,
                              struct layer *layer, struct matching *m)
{
    *m = (struct matching){.in = in,
                           .layer = layer,
                           .limit_count = in->limit_count == NONE ? PAGE_DEFAULT : in->limit_count};
    TRY(cursor_read(c, in->cursor, &m->from));
    TRY(first_month_read(c, in->first_month, &m->first_month));
    if (in->active_month_number != NONE && m->first_month == NONE)
        return fail_at(c, "input.required", S("first_month"), "first_month is needed too");
    if (str_is(in->channel_part, "own") && in->channel_id == NONE)
        return fail_at(c, "input.required", S("channel_id"), "channel_id is needed too");
    return layer_open(c, &(struct view_in){in->from_date, in->to_date, in->channel_id},
                      in->life_stage_number, layer);
}

static enum err matching_run(struct ctx *c, struct matching *m)
{
    const struct layer *layer = m->layer;
    struct purchase_visit visit = {match_purchase, match_buyer, m};

    TRY(layer_limits_get(c, &layer->view, &m->limits));
    m->rfm.snapshot_day = layer->view.end_day + 1;
    m->has_bought = arena_new_array(c->arena, bool, (size_t)layer->people.number_max + 1);
    if (m->in->rfm.at != NULL)
        TRY(rfm_compute(c, layer, &m->rfm));
    TRY(layer_each(c, layer, &visit));
    if (has_rest(m))
        people_each(&layer->people, match_rest, m);
    return OK;
}

static void stage_name(struct ctx *c, const struct layer *layer, int64_t number,
                       struct layer_customers_out *out)
{
    struct life_stage stage;
    int64_t from_day, to_day;

    if (number == NONE || !life_stage_days(&layer->stages, number, &from_day, &to_day))
        return;
    stage = life_stage_of(c, &layer->stages, to_day - 1);
    out->life_stage_zh = stage.title_zh;
    out->life_stage_en = stage.title_en;
}

enum err layer_customers_get(struct ctx *c, const void *in, void *out_)
{
    struct layer_customers_out *out = out_;
    struct layer layer;
    struct matching m;

    TRY(matching_open(c, in, &layer, &m));
    TRY(matching_run(c, &m));
    *out = (struct layer_customers_out){.total_count = m.total_count,
                                        .total_paid_fen = m.total_paid_fen};
    if (m.count == m.limit_count) {
        const struct match *last = &m.page[m.count - 1];
        out->next_cursor = cursor_write(c, (struct cursor){last->value.paid_fen, last->number});
    }
    stage_name(c, &layer, m.in->life_stage_number, out);
    return items_fill(c, &m, &out->items);
}
