/* The matrix (分层矩阵): customers by channel, purchase state and how long ago they last bought,
 * with what they paid until then; only of one life stage, where asked. */
#include "insight/layer_private.h"

#define CELL_COUNT (STATE_COUNT * RECENCY_COUNT)
#define MATRIX_ROW_MAX 5001

struct matrix_cell_out {
    struct str state, recency;
    int64_t customer_count, paid_fen;
};
static const struct field matrix_cell_out[] = {
    OUT(struct matrix_cell_out, state, .one_of = STATE_NAMES),
    OUT(struct matrix_cell_out, recency, .one_of = RECENCY_NAMES,
        .about = "days since the last order"),
    OUT(struct matrix_cell_out, customer_count),
    OUT(struct matrix_cell_out, paid_fen),
};

struct matrix_row_out {
    int64_t channel_id, customer_count, paid_fen;
    struct str channel_name;
    bool has_children;
    struct list cells;
};
static const struct field matrix_row_out[] = {
    OUT(struct matrix_row_out, channel_id, .is_optional = true, .about = "none: not known"),
    OUT(struct matrix_row_out, channel_name, .is_optional = true),
    OUT(struct matrix_row_out, has_children, .about = "channels lie below this one"),
    OUT(struct matrix_row_out, customer_count),
    OUT(struct matrix_row_out, paid_fen),
    OUT(struct matrix_row_out, cells, .of = SHAPE(matrix_cell_out), .about = "without empty ones"),
};

struct matrix_stage_out {
    int64_t number;
    struct str title_zh, title_en;
};
static const struct field matrix_stage_out[] = {
    OUT(struct matrix_stage_out, number),
    OUT(struct matrix_stage_out, title_zh),
    OUT(struct matrix_stage_out, title_en),
};

struct matrix_out {
    int64_t customer_count, paid_fen, as_of_ms;
    struct list rows, stages;
};
static const struct field matrix_out[] = {
    OUT(struct matrix_out, customer_count),
    OUT(struct matrix_out, paid_fen),
    OUT(struct matrix_out, as_of_ms),
    OUT(struct matrix_out, rows, .max = MATRIX_ROW_MAX, .of = SHAPE(matrix_row_out)),
    OUT(struct matrix_out, stages, .of = SHAPE(matrix_stage_out),
        .about = "the life stages that can be asked for, besides -2: unknown"),
};
const struct shape matrix_out_shape = {
    .name = "matrix_out",
    .fields = matrix_out,
    .count = ARRAY_LEN(matrix_out),
    .bytes = sizeof(struct matrix_out),
};

struct filling {
    const struct layer *layer;
    struct layer_limits limits;
    struct layer_channels channels;
    struct matrix_cell_out *cells; /* CELL_COUNT a channel row */
    bool *has_bought;              /* by number */
};

static void cell_add(struct filling *filling, uint32_t number, const struct buyer *buyer)
{
    int64_t channel_id = people_number(filling->layer->people.channel, number);
    int64_t row = layer_channel_row(&filling->channels, channel_id);
    int state = layer_state(&filling->limits, buyer);
    int recency = layer_recency(&filling->limits, buyer);
    struct matrix_cell_out *cell =
        &filling->cells[row * CELL_COUNT + state * RECENCY_COUNT + recency];

    cell->customer_count++;
    cell->paid_fen += buyer == NULL ? 0 : buyer->paid_fen;
}

static void matrix_take_buyer(void *user, const struct buyer *buyer)
{
    struct filling *filling = user;

    filling->has_bought[buyer->number] = true;
    cell_add(filling, buyer->number, buyer);
}

/* Those who had not bought by then, though they were known. */
static void matrix_take_rest(void *user, uint32_t number)
{
    struct filling *filling = user;

    if (!filling->has_bought[number] &&
        people_number(filling->layer->people.touched, number) <= filling->layer->view.end_day)
        cell_add(filling, number, NULL);
}

static void row_write(struct arena *arena, const struct matrix_cell_out *cells,
                      struct matrix_row_out *row)
{
    struct matrix_cell_out *kept = arena_new_array(arena, struct matrix_cell_out, CELL_COUNT);
    int64_t count = 0;

    for (int i = 0; i < CELL_COUNT; i++) {
        if (cells[i].customer_count == 0)
            continue;
        kept[count] = cells[i];
        kept[count].state = str_of(layer_states[i / RECENCY_COUNT]);
        kept[count].recency = str_of(layer_recencies[i % RECENCY_COUNT]);
        row->customer_count += kept[count].customer_count;
        row->paid_fen += kept[count++].paid_fen;
    }
    row->cells = (struct list){kept, count};
}

static void rows_write(struct arena *arena, const struct filling *filling, struct matrix_out *out)
{
    const struct layer_channels *channels = &filling->channels;
    struct matrix_row_out *rows =
        arena_new_array(arena, struct matrix_row_out, (size_t)channels->row_count);
    int64_t count = 0;

    for (int64_t i = 0; i < channels->row_count; i++) {
        struct matrix_row_out *row = &rows[count];
        *row = (struct matrix_row_out){.channel_id = channels->rows[i].id,
                                       .channel_name = channels->rows[i].name,
                                       .has_children = channels->rows[i].has_children};
        row_write(arena, filling->cells + i * CELL_COUNT, row);
        out->customer_count += row->customer_count;
        out->paid_fen += row->paid_fen;
        count += row->customer_count > 0 ? 1 : 0;
    }
    out->rows = (struct list){rows, count};
}

/* Every band with its title, from expecting upwards. */
static struct list stages_write(struct ctx *c, const struct life_stages *stages)
{
    struct matrix_stage_out *out =
        arena_new_array(c->arena, struct matrix_stage_out, (size_t)stages->count + 1);
    int64_t count = 0, from_day, to_day;

    for (int64_t i = LIFE_STAGE_EXPECTING; life_stage_days(stages, i, &from_day, &to_day); i++) {
        struct life_stage stage = life_stage_of(c, stages, to_day - 1);
        out[count++] = (struct matrix_stage_out){i, stage.title_zh, stage.title_en};
    }
    return (struct list){out, count};
}

static enum err matrix_fill(struct ctx *c, struct filling *filling)
{
    const struct layer *layer = filling->layer;
    struct purchase_visit visit = {.on_buyer = matrix_take_buyer, .user = filling};

    TRY(layer_limits_get(c, &layer->view, &filling->limits));
    TRY(layer_channels_load(c, &layer->view, &filling->channels));
    filling->cells = arena_new_array(c->arena, struct matrix_cell_out,
                                     (size_t)filling->channels.row_count * CELL_COUNT);
    filling->has_bought = arena_new_array(c->arena, bool, (size_t)layer->people.number_max + 1);
    TRY(layer_each(c, layer, &visit));
    people_each(&layer->people, matrix_take_rest, filling);
    return OK;
}

enum err matrix_get(struct ctx *c, const void *in_, void *out_)
{
    const struct layer_in *in = in_;
    struct matrix_out *out = out_;
    struct layer layer;
    struct filling filling = {.layer = &layer};

    TRY(layer_open(c, &(struct view_in){.to_date = in->to_date, .channel_id = in->channel_id},
                   in->life_stage_number, &layer));
    TRY(matrix_fill(c, &filling));
    *out = (struct matrix_out){.as_of_ms = layer.view.as_of_ms,
                               .stages = stages_write(c, &layer.stages)};
    rows_write(c->arena, &filling, out);
    return OK;
}
