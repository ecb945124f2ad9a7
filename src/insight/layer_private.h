/* What the files of the layers share: rfm.c, matrix.c, figure.c, layer_customers.c. */
#pragma once

#include "insight/insight_private.h"
#include "manage/setting/life_stage.h"

/* ---- layers: the view of GET /api/rfm and /api/layers/... -------------------------------------- */

#define LAYER_STAGE_UNKNOWN (-2) /* no child's birthday is known */

struct layer_in {
    struct str to_date;
    int64_t channel_id, life_stage_number;
};
extern const struct shape layer_in_shape;
#define LAYER_FIELDS(T) \
    IN(T, to_date, .is_optional = true, .max = 10, .about = "first local day after the period, YYYY-MM-DD; none: as of now"), \
    IN(T, channel_id, .is_optional = true, .about = "customers whose first touch lies in this channel or below it"), \
    IN(T, life_stage_number, .is_optional = true, .min = LAYER_STAGE_UNKNOWN, .max = LIFE_STAGE_MAX, \
       .about = "band of the youngest child's age; -1 expecting, -2 unknown")

/* The people and the calendar of a layer's view; `has_orders` false: no order by then. */
struct layer {
    struct view view;
    struct people people;
    struct purchase_span span;
    struct life_stages stages; /* on the view's last day */
    bool has_orders;
};
/* life_stage_number: of manage/setting/life_stage.h; NONE: any. */
enum err layer_open(struct ctx *c, const struct view_in *in, int64_t life_stage_number,
                    struct layer *layer) MUST_USE;
/* The pass, if there is anything to pass over. */
enum err layer_each(struct ctx *c, const struct layer *layer,
                    const struct purchase_visit *visit) MUST_USE;

/* Purchase states and how long ago the last order was, both as of view.as_of_ms. */
#define STATE_NAMES "never|once|repeat|sleeping|lost"
#define RECENCY_NAMES "0-30|31-90|91-180|181-365|366-|none"
enum { STATE_NEVER, STATE_ONCE, STATE_REPEAT, STATE_SLEEPING, STATE_LOST, STATE_COUNT };
enum { RECENCY_NONE = 5, RECENCY_COUNT };
extern const char *const layer_states[STATE_COUNT], *const layer_recencies[RECENCY_COUNT];
struct layer_limits {
    int64_t as_of_ms, sleep_before_ms, lost_before_ms, lost_after_days;
};
enum err layer_limits_get(struct ctx *c, const struct view *view,
                          struct layer_limits *limits) MUST_USE;
/* buyer NULL: never bought */
int layer_state(const struct layer_limits *limits, const struct buyer *buyer);
int layer_recency(const struct layer_limits *limits, const struct buyer *buyer);

/* ---- channels as rows ------------------------------------------------------------------------- */

struct layer_channel {
    int64_t id; /* NONE: not known; the last row */
    struct str name;
    bool has_children;
};
struct layer_channels {
    struct layer_channel *rows;
    int64_t row_count;
    struct list all; /* every channel, by id */
    const int64_t *row_of_place;
};
enum err layer_channels_load(struct ctx *c, const struct view *view,
                             struct layer_channels *channels) MUST_USE;
int64_t layer_channel_row(const struct layer_channels *channels, int64_t channel_id);

/* ---- rfm: eight cells by whether R, F and M are on the better side of the mean ---------------- */

enum { RFM_CELL_COUNT = 8, RFM_CUT_COUNT = 4 };
#define RFM_NAMES "RFM|RFm|RfM|Rfm|rFM|rFm|rfM|rfm"
extern const char *const rfm_cells[RFM_CELL_COUNT];
struct rfm_value {
    int64_t paid_fen;
    int32_t recency_days, order_count;
};
struct rfm {
    int64_t snapshot_day; /* the day after the view's last one */
    struct rfm_value *values;
    int64_t count;
    int64_t recency_sum, order_sum, paid_sum;
    /* a fifth of the cut times five is exact: cuts by linear interpolation (type 7), times 5 */
    int64_t recency_cut5[RFM_CUT_COUNT], order_cut5[RFM_CUT_COUNT], paid_cut5[RFM_CUT_COUNT];
    int64_t top_20_fen, top_1_fen; /* paid by the best 20 and 1 in a hundred, rounded up */
};
enum err rfm_compute(struct ctx *c, const struct layer *layer, struct rfm *rfm) MUST_USE;
struct rfm_value rfm_value_of(const struct rfm *rfm, const struct buyer *buyer);
int rfm_cell(const struct rfm *rfm, struct rfm_value value); /* index of rfm_cells */
struct rfm_score {
    int recency, order, paid; /* 1..5, 5 the best */
};
struct rfm_score rfm_score(const struct rfm *rfm, struct rfm_value value);

/* ---- handlers of the other files' rows in layer_routes ----------------------------------------- */
extern const struct shape rfm_out_shape, matrix_in_shape, matrix_out_shape, figure_in_shape, figure_out_shape,
    layer_customers_in_shape, layer_customers_out_shape;
enum err rfm_get(struct ctx *c, const void *in, void *out);
enum err matrix_get(struct ctx *c, const void *in, void *out);
enum err figure_get(struct ctx *c, const void *in, void *out);
enum err layer_customers_get(struct ctx *c, const void *in, void *out);
