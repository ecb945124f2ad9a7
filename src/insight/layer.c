/* Layers (分层): what the pages of RFM, matrix, cohorts and customer figures share. Which people,
 * as of which day, and into which purchase state, recency and life stage each falls. Always: as of
 * the same instant, so that a cell counts the very customers it opens. */
#include "insight/layer_private.h"
#include "manage/setting/setting.h"

static const struct field layer_in[] = {
    IN(struct layer_in, to_date, .is_optional = true, .max = 10,
       .about = "first local day after the period, YYYY-MM-DD; none: as of now"),
    IN(struct layer_in, channel_id, .is_optional = true,
       .about = "customers whose first touch lies in this channel or below it"),
    IN(struct layer_in, life_stage, .is_optional = true, .one_of = LIFE_STAGE_NAMES,
       .about = "age of the youngest child in months"),
};
const struct shape layer_in_shape = {
    .name = "layer_in",
    .fields = layer_in,
    .count = ARRAY_LEN(layer_in),
    .bytes = sizeof(struct layer_in),
};

const char *const layer_states[STATE_COUNT] = {"never", "once", "repeat", "sleeping", "lost"};
const char *const layer_recencies[RECENCY_COUNT] = {"0-30",    "31-90", "91-180",
                                                    "181-365", "366-",  "none"};

/* ---- life stages ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int64_t from_months, to_months; /* [from, to) */
} life_stages[] = {
    {"expecting", -1200, 0}, {"0-5", 0, 6},     {"6-11", 6, 12},     {"12-23", 12, 24},
    {"24-35", 24, 36},       {"36-71", 36, 72}, {"72-", 72, 100000},
};

/* Whole months between two days, downwards: a day before birth is -1. */
static int64_t months_between(int64_t from_day, int64_t to_day)
{
    int from_year, from_month, from_date, to_year, to_month, to_date;
    int64_t months;

    day_to_date(from_day, &from_year, &from_month, &from_date);
    day_to_date(to_day, &to_year, &to_month, &to_date);
    months = ((int64_t)to_year - from_year) * 12 + to_month - from_month;
    return to_date < from_date ? months - 1 : months;
}

static bool is_at_stage(const struct person *person, struct str stage, int64_t day)
{
    int64_t months;

    if (person->child_birth_day == PERSON_NO_DAY)
        return str_is(stage, "unknown");
    months = months_between(person->child_birth_day, day);
    for (size_t i = 0; i < ARRAY_LEN(life_stages); i++)
        if (str_is(stage, life_stages[i].name))
            return months >= life_stages[i].from_months && months < life_stages[i].to_months;
    return false;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void people_keep_stage(struct people *people, struct str stage, int64_t day)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < people->count; i++)
        if (is_at_stage(&people->at[i], stage, day))
            people->at[kept++] = people->at[i];
    people->count = kept;
}

enum err layer_open(struct ctx *c, const struct view_in *in, struct str life_stage,
                    struct layer *layer)
{
    enum err err;

    TRY(view_read(c, in, &layer->view));
    TRY(people_load(c, &layer->view, false, &layer->people));
    if (life_stage.at != NULL)
        people_keep_stage(&layer->people, life_stage, layer->view.end_day);
    err = purchase_span_get(c, &layer->view, &layer->span);
    layer->has_orders = err == OK;
    return err == E_NOT_FOUND ? OK : err;
}

enum err layer_each(struct ctx *c, const struct layer *layer, const struct purchase_visit *visit)
{
    if (!layer->has_orders)
        return OK;
    return purchase_each(c, &layer->view, &layer->people, &layer->span.calendar, visit);
}

int64_t layer_index(const struct layer *layer, const struct person *person)
{
    return person - layer->people.at;
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
    {HTTP_GET, "/api/layers/matrix", "overview.read", &layer_in_shape, &matrix_out_shape,
     matrix_get, .about = "Customers by channel, purchase state and last purchase",
     .statement_max = 16},
    {HTTP_GET, "/api/layers/figures", "overview.read", &figure_in_shape, &figure_out_shape,
     figure_get, .about = "Time to buy, average order, repurchase, referral and churn, by layer",
     .statement_max = 16},
    {HTTP_GET, "/api/layers/customers", "customer.read", &layer_customers_in_shape,
     &layer_customers_out_shape, layer_customers_get,
     .about = "The customers of one cell of a layer", .statement_max = 16},
    {.path = NULL},
};
