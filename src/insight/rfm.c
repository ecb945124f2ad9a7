/* RFM: customers with an order, by how recently they last bought (R), how often (F) and for how
 * much (M). High R: not longer ago than the mean; high F and M: above the mean; eight cells. Scores
 * of 1 to 5 by cut values: equal customers get equal scores. Always: comparisons are exact, in
 * whole numbers; a mean is never rounded before something is held against it. */
#include <stdlib.h>

#include "insight/layer_private.h"

/* Bit 2: R is low; bit 1: F; bit 0: M. */
const char *const rfm_cells[RFM_CELL_COUNT] = {"RFM", "RFm", "RfM", "Rfm",
                                               "rFM", "rFm", "rfM", "rfm"};

/* ---- computing ------------------------------------------------------------------------------- */

struct rfm_value rfm_value_of(const struct rfm *rfm, const struct buyer *buyer)
{
    return (struct rfm_value){.paid_fen = buyer->paid_fen,
                              .recency_days = (int32_t)(rfm->snapshot_day - buyer->last_day),
                              .order_count = (int32_t)buyer->order_count};
}

static void rfm_take(void *user, const struct buyer *buyer)
{
    struct rfm *rfm = user;
    struct rfm_value value = rfm_value_of(rfm, buyer);

    rfm->values[rfm->count++] = value;
    rfm->recency_sum += value.recency_days;
    rfm->order_sum += value.order_count;
    rfm->paid_sum += value.paid_fen;
}

static int number_compare(const void *a_, const void *b_)
{
    int64_t a = *(const int64_t *)a_, b = *(const int64_t *)b_;

    return a < b ? -1 : a > b;
}

/* Of sorted numbers, R's type 7: h = (n - 1) p. */
static void cuts_find(const int64_t *sorted, int64_t count, int64_t *cut5)
{
    for (int64_t i = 0; i < RFM_CUT_COUNT; i++) {
        int64_t place5 = (count - 1) * (i + 1), low = place5 / 5, rest = place5 % 5;
        cut5[i] = 5 * sorted[low] + (rest == 0 ? 0 : rest * (sorted[low + 1] - sorted[low]));
    }
}

static int64_t top_sum(const int64_t *sorted, int64_t count, int64_t percent)
{
    int64_t top_count = (count * percent + 99) / 100, sum = 0;

    for (int64_t i = count - top_count; i < count; i++)
        sum += sorted[i];
    return sum;
}

static void rfm_cut(struct arena *arena, struct rfm *rfm)
{
    int64_t *numbers = arena_new_array(arena, int64_t, (size_t)rfm->count + 1);
    size_t count = (size_t)rfm->count;

    if (rfm->count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        numbers[i] = rfm->values[i].recency_days;
    qsort(numbers, count, sizeof(*numbers), number_compare);
    cuts_find(numbers, rfm->count, rfm->recency_cut5);
    for (size_t i = 0; i < count; i++)
        numbers[i] = rfm->values[i].order_count;
    qsort(numbers, count, sizeof(*numbers), number_compare);
    cuts_find(numbers, rfm->count, rfm->order_cut5);
    for (size_t i = 0; i < count; i++)
        numbers[i] = rfm->values[i].paid_fen;
    qsort(numbers, count, sizeof(*numbers), number_compare);
    cuts_find(numbers, rfm->count, rfm->paid_cut5);
    rfm->top_20_fen = top_sum(numbers, rfm->count, 20);
    rfm->top_1_fen = top_sum(numbers, rfm->count, 1);
}

enum err rfm_compute(struct ctx *c, const struct layer *layer, struct rfm *rfm)
{
    struct purchase_visit visit = {.on_buyer = rfm_take, .user = rfm};

    *rfm = (struct rfm){
        .snapshot_day = layer->view.end_day + 1,
        .values = arena_new_array(c->arena, struct rfm_value,
                                  (size_t)bitmap_count(layer->people.members) + 1),
    };
    TRY(layer_each(c, layer, &visit));
    rfm_cut(c->arena, rfm);
    return OK;
}

int rfm_cell(const struct rfm *rfm, struct rfm_value value)
{
    bool is_recent = value.recency_days * rfm->count <= rfm->recency_sum;
    bool is_often = value.order_count * rfm->count > rfm->order_sum;
    bool is_much = value.paid_fen * rfm->count > rfm->paid_sum;

    return (is_recent ? 0 : 4) + (is_often ? 0 : 2) + (is_much ? 0 : 1);
}

static int cuts_below(const int64_t *cut5, int64_t value)
{
    int count = 0;

    for (int i = 0; i < RFM_CUT_COUNT; i++)
        count += cut5[i] < 5 * value ? 1 : 0;
    return count;
}

struct rfm_score rfm_score(const struct rfm *rfm, struct rfm_value value)
{
    return (struct rfm_score){.recency = 5 - cuts_below(rfm->recency_cut5, value.recency_days),
                              .order = 1 + cuts_below(rfm->order_cut5, value.order_count),
                              .paid = 1 + cuts_below(rfm->paid_cut5, value.paid_fen)};
}

/* ---- the answer ------------------------------------------------------------------------------ */

struct rfm_cell_out {
    struct str cell;
    int64_t customer_count, order_count, paid_fen;
};
static const struct field rfm_cell_out[] = {
    OUT(struct rfm_cell_out, cell, .one_of = RFM_NAMES),
    OUT(struct rfm_cell_out, customer_count),
    OUT(struct rfm_cell_out, order_count),
    OUT(struct rfm_cell_out, paid_fen),
};

struct rfm_cut_out {
    int64_t percent, recency_tenth_days, order_tenth_count, paid_tenth_fen;
};
static const struct field rfm_cut_out[] = {
    OUT(struct rfm_cut_out, percent, .about = "of the customers do not lie above the cut"),
    OUT(struct rfm_cut_out, recency_tenth_days, .about = "tenths of a day"),
    OUT(struct rfm_cut_out, order_tenth_count),
    OUT(struct rfm_cut_out, paid_tenth_fen),
};

struct rfm_score_out {
    int64_t score, recency_customer_count, order_customer_count, paid_customer_count;
};
static const struct field rfm_score_out[] = {
    OUT(struct rfm_score_out, score, .about = "1 to 5, 5 the best"),
    OUT(struct rfm_score_out, recency_customer_count),
    OUT(struct rfm_score_out, order_customer_count),
    OUT(struct rfm_score_out, paid_customer_count),
};

struct rfm_out {
    struct str snapshot_date;
    int64_t customer_count, order_count, paid_fen;
    int64_t recency_mean_ppm, order_mean_ppm, paid_mean_fen;
    int64_t recency_max_days, order_min_count, paid_min_fen;
    int64_t top_20_fen, top_1_fen;
    struct list cells, cuts, scores;
};
static const struct field rfm_out[] = {
    OUT(struct rfm_out, snapshot_date, .about = "the day after the last one: R counts up to it"),
    OUT(struct rfm_out, customer_count, .about = "with a counted order by then"),
    OUT(struct rfm_out, order_count),
    OUT(struct rfm_out, paid_fen),
    OUT(struct rfm_out, recency_mean_ppm, .is_optional = true, .about = "days, in millionths"),
    OUT(struct rfm_out, order_mean_ppm, .is_optional = true),
    OUT(struct rfm_out, paid_mean_fen, .is_optional = true),
    OUT(struct rfm_out, recency_max_days, .is_optional = true, .about = "R is high up to this"),
    OUT(struct rfm_out, order_min_count, .is_optional = true, .about = "F is high from this"),
    OUT(struct rfm_out, paid_min_fen, .is_optional = true, .about = "M is high from this"),
    OUT(struct rfm_out, top_20_fen, .about = "paid by the best 20 of 100 customers"),
    OUT(struct rfm_out, top_1_fen, .about = "paid by the best 1 of 100"),
    OUT(struct rfm_out, cells, .of = SHAPE(rfm_cell_out)),
    OUT(struct rfm_out, cuts, .of = SHAPE(rfm_cut_out)),
    OUT(struct rfm_out, scores, .of = SHAPE(rfm_score_out)),
};
const struct shape rfm_out_shape = {
    .name = "rfm_out",
    .fields = rfm_out,
    .count = ARRAY_LEN(rfm_out),
    .bytes = sizeof(struct rfm_out),
};

static struct list cells_write(struct arena *arena, const struct rfm *rfm)
{
    struct rfm_cell_out *cells = arena_new_array(arena, struct rfm_cell_out, RFM_CELL_COUNT);

    for (int i = 0; i < RFM_CELL_COUNT; i++)
        cells[i].cell = str_of(rfm_cells[i]);
    for (int64_t i = 0; i < rfm->count; i++) {
        struct rfm_cell_out *cell = &cells[rfm_cell(rfm, rfm->values[i])];
        cell->customer_count++;
        cell->order_count += rfm->values[i].order_count;
        cell->paid_fen += rfm->values[i].paid_fen;
    }
    return (struct list){cells, RFM_CELL_COUNT};
}

static struct list cuts_write(struct arena *arena, const struct rfm *rfm)
{
    struct rfm_cut_out *cuts = arena_new_array(arena, struct rfm_cut_out, RFM_CUT_COUNT);

    for (int i = 0; i < RFM_CUT_COUNT; i++)
        cuts[i] = (struct rfm_cut_out){20 * (i + 1), 2 * rfm->recency_cut5[i],
                                       2 * rfm->order_cut5[i], 2 * rfm->paid_cut5[i]};
    return (struct list){cuts, rfm->count == 0 ? 0 : RFM_CUT_COUNT};
}

static struct list scores_write(struct arena *arena, const struct rfm *rfm)
{
    struct rfm_score_out *scores = arena_new_array(arena, struct rfm_score_out, RFM_CUT_COUNT + 1);

    for (int i = 0; i <= RFM_CUT_COUNT; i++)
        scores[i].score = i + 1;
    for (int64_t i = 0; i < rfm->count; i++) {
        struct rfm_score score = rfm_score(rfm, rfm->values[i]);
        scores[score.recency - 1].recency_customer_count++;
        scores[score.order - 1].order_customer_count++;
        scores[score.paid - 1].paid_customer_count++;
    }
    return (struct list){scores, RFM_CUT_COUNT + 1};
}

static void means_write(const struct rfm *rfm, struct rfm_out *out)
{
    int64_t count = rfm->count;

    out->recency_mean_ppm = rate_ppm(rfm->recency_sum, count);
    out->order_mean_ppm = rate_ppm(rfm->order_sum, count);
    out->paid_mean_fen = count == 0 ? NONE : (2 * rfm->paid_sum + count) / (2 * count);
    out->recency_max_days = count == 0 ? NONE : rfm->recency_sum / count;
    out->order_min_count = count == 0 ? NONE : rfm->order_sum / count + 1;
    out->paid_min_fen = count == 0 ? NONE : rfm->paid_sum / count + 1;
}

enum err rfm_get(struct ctx *c, const void *in_, void *out_)
{
    const struct layer_in *in = in_;
    struct rfm_out *out = out_;
    struct layer layer;
    struct rfm rfm;

    TRY(layer_open(c, &(struct view_in){.to_date = in->to_date, .channel_id = in->channel_id},
                   in->life_stage_number, &layer));
    TRY(rfm_compute(c, &layer, &rfm));
    *out = (struct rfm_out){
        .snapshot_date = day_iso(c->arena, rfm.snapshot_day),
        .customer_count = rfm.count,
        .order_count = rfm.order_sum,
        .paid_fen = rfm.paid_sum,
        .top_20_fen = rfm.top_20_fen,
        .top_1_fen = rfm.top_1_fen,
        .cells = cells_write(c->arena, &rfm),
        .cuts = cuts_write(c->arena, &rfm),
        .scores = scores_write(c->arena, &rfm),
    };
    means_write(&rfm, out);
    return OK;
}
