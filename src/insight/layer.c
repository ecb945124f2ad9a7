/* Layers (分层): what the pages of RFM, matrix, cohorts and customer figures share. Which people,
 * as of which day, and into which purchase state, recency and life stage each falls. Always: as of
 * the same instant, so that a cell counts the very customers it opens. */
#include "insight/layer_private.h"
#include "manage/setting/setting.h"

static const struct field layer_in[] = {LAYER_FIELDS(struct layer_in)};
const struct shape layer_in_shape = {
    .name = "layer_in",
    .fields = layer_in,
    .count = ARRAY_LEN(layer_in),
    .bytes = sizeof(struct layer_in),
};

const char *const layer_states[STATE_COUNT] = {"never", "once", "repeat", "sleeping", "lost"};
const char *const layer_recencies[RECENCY_COUNT] = {"0-30",    "31-90", "91-180",
                                                    "181-365", "366-",  "none"};

/* ---- opening --------------------------------------------------------------------------------- */

/* The birth days of one life stage on the view's last day. */
static enum err stage_days(struct ctx *c, const struct layer *layer, int64_t number,
                           int64_t *from_day, int64_t *to_day)
{
    *from_day = NONE;
    *to_day = NONE + 1;
    if (number != LAYER_STAGE_UNKNOWN && !life_stage_days(&layer->stages, number, from_day, to_day))
        return fail_at(c, "input.range", S("life_stage_number"), "there is no such life stage");
    return OK;
}

enum err layer_open(struct ctx *c, const struct view_in *in, int64_t life_stage_number,
                    struct layer *layer)
{
    int64_t from_day = NONE, to_day = NONE;
    enum err err;

    TRY(view_read(c, in, &layer->view));
    TRY(life_stages_get(c, &layer->stages));
    layer->stages.today_day = layer->view.end_day;
    if (life_stage_number != NONE)
        TRY(stage_days(c, layer, life_stage_number, &from_day, &to_day));
    err = purchase_span_get(c, &layer->view, &layer->span);
    layer->has_orders = err == OK;
    if (err != OK && err != E_NOT_FOUND)
        return err;
    TRY(people_load(c, &layer->view, &layer->people));
    if (life_stage_number != NONE)
        people_keep_children(c, &layer->people, from_day, to_day);
    return OK;
}

enum err layer_each(struct ctx *c, const struct layer *layer, const struct purchase_visit *visit)
{
    if (!layer->has_orders)
        return OK;
    return purchase_each(c, &layer->view, &layer->people, &layer->span.calendar, visit);
}

/* ---- states ---------------------------------------------------------------------------------- */

enum err layer_limits_get(struct ctx *c, const struct view *view, struct layer_limits *limits)
{
    static const char *const names[] = {"sleep_after_days", "lost_after_days"};
    int64_t days[ARRAY_LEN(names)];

    TRY(setting_ints(c, names, ARRAY_LEN(names), days));
    *limits = (struct layer_limits){.as_of_ms = view->as_of_ms,
                                    .lost_after_days = days[1],
                                    .sleep_before_ms = view->as_of_ms - days[0] * DAY_MS,
                                    .lost_before_ms = view->as_of_ms - days[1] * DAY_MS};
    return OK;
}

int layer_state(const struct layer_limits *limits, const struct buyer *buyer)
{
    if (buyer == NULL)
        return STATE_NEVER;
    if (buyer->last_ms < limits->lost_before_ms)
        return STATE_LOST;
    if (buyer->last_ms < limits->sleep_before_ms)
        return STATE_SLEEPING;
    return buyer->order_count == 1 ? STATE_ONCE : STATE_REPEAT;
}

int layer_recency(const struct layer_limits *limits, const struct buyer *buyer)
{
    static const int64_t most_days[] = {30, 90, 180, 365};
    int i = 0;

    if (buyer == NULL)
        return RECENCY_NONE;
    while (i < (int)ARRAY_LEN(most_days) &&
           buyer->last_ms < limits->as_of_ms - most_days[i] * DAY_MS)
        i++;
    return i;
}

const struct route layer_routes[] = {
    {HTTP_GET, "/api/rfm", "overview.read", &layer_in_shape, &rfm_out_shape, rfm_get,
     .about = "Customers by recency, frequency and money: cut rule, eight cells, scores",
     .statement_max = 16},
    {HTTP_GET, "/api/layers/matrix", "overview.read", &matrix_in_shape, &matrix_out_shape,
     matrix_get, .about = "Customers by channel, purchase state, life stage and last purchase",
     .statement_max = 16},
    {HTTP_GET, "/api/layers/figures", "overview.read", &figure_in_shape, &figure_out_shape,
     figure_get, .about = "Time to buy, average order, repurchase, referral and churn, by layer",
     .statement_max = 16},
    {HTTP_GET, "/api/layers/customers", "customer.read", &layer_customers_in_shape,
     &layer_customers_out_shape, layer_customers_get,
     .about = "The customers of one cell of a layer", .statement_max = 16},
    {.path = NULL},
};
