/* The matrix (分层矩阵): customers by channel, purchase state, life stage and how long ago they
 * last bought, by any three of the four, with what they paid until then. Always: a cell holds whom
 * /api/layers/customers gives for the same members of it. */
#include "insight/layer_private.h"

#define CELL_MAX 500000
#define CHANNEL_MAX 5001

enum { BY_CHANNEL, BY_STATE, BY_STAGE, BY_RECENCY, BY_COUNT };
enum { BY_MAX = 3 };
static const char *const by_names[BY_COUNT] = {"channel", "state", "life_stage", "recency"};

struct matrix_in {
    struct str to_date, by, state, recency;
    int64_t channel_id, life_stage_number;
};
static const struct field matrix_in[] = {
    LAYER_FIELDS(struct matrix_in),
    IN(struct matrix_in, by, .is_optional = true, .max = 40,
       .about = "one to three of channel, state, life_stage, recency, a comma between; none: "
                "channel,state,recency"),
    IN(struct matrix_in, state, .is_optional = true, .one_of = STATE_NAMES),
    IN(struct matrix_in, recency, .is_optional = true, .one_of = RECENCY_NAMES),
};
const struct shape matrix_in_shape = {
    .name = "matrix_in",
    .fields = matrix_in,
    .count = ARRAY_LEN(matrix_in),
    .bytes = sizeof(struct matrix_in),
};

struct matrix_cell_out {
    int64_t channel_id, life_stage_number;
    struct str state, recency;
    int64_t customer_count, paid_fen;
};
static const struct field matrix_cell_out[] = {
    OUT(struct matrix_cell_out, channel_id, .is_optional = true, .about = "none: not known"),
    OUT(struct matrix_cell_out, state, .is_optional = true, .one_of = STATE_NAMES),
    OUT(struct matrix_cell_out, life_stage_number, .is_optional = true, .about = "-2: unknown"),
    OUT(struct matrix_cell_out, recency, .is_optional = true, .one_of = RECENCY_NAMES,
        .about = "days since the last order"),
    OUT(struct matrix_cell_out, customer_count),
    OUT(struct matrix_cell_out, paid_fen),
};

static const struct field matrix_channel_out[] = {
    OUT(struct layer_channel, id, .is_optional = true, .about = "none: not known"),
    OUT(struct layer_channel, name, .is_optional = true),
    OUT(struct layer_channel, has_children, .about = "channels lie below this one"),
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
    struct list cells, channels, stages;
};
static const struct field matrix_out[] = {
    OUT(struct matrix_out, customer_count),
    OUT(struct matrix_out, paid_fen),
    OUT(struct matrix_out, as_of_ms),
    OUT(struct matrix_out, cells, .max = CELL_MAX, .of = SHAPE(matrix_cell_out),
        .about = "without empty ones; a member that is not in `by` has no value"),
    OUT(struct matrix_out, channels, .max = CHANNEL_MAX,
        .of = SHAPE_OF("matrix_channel_out", matrix_channel_out, struct layer_channel),
        .about = "what cells by channel name: those below the chosen one, with their branches"),
    OUT(struct matrix_out, stages, .of = SHAPE(matrix_stage_out),
        .about = "the life stages that can be asked for, besides -2: unknown"),
};
const struct shape matrix_out_shape = {
    .name = "matrix_out",
    .fields = matrix_out,
    .count = ARRAY_LEN(matrix_out),
    .bytes = sizeof(struct matrix_out),
};

/* ---- counting -------------------------------------------------------------------------------- */

struct sum {
    int64_t customer_count, paid_fen;
};
struct filling {
    const struct matrix_in *in;
    const struct layer *layer;
    struct layer_limits limits;
    struct layer_channels channels;
    int64_t sizes[BY_COUNT]; /* 1: not told apart */
    int64_t stage_from_days[LIFE_STAGE_MAX + 2], stage_to_days[LIFE_STAGE_MAX + 2], stage_count;
    int64_t sum_count;
    struct sum *sums;
    bool *has_bought; /* by number */
};

/* Unknown, expecting, the bands. */
static int64_t stage_place(const struct filling *filling, int64_t birth_day)
{
    for (int64_t i = 0; i < filling->stage_count; i++)
        if (birth_day >= filling->stage_from_days[i] && birth_day < filling->stage_to_days[i])
            return i + 1;
    return 0;
}

static void stages_find(struct filling *filling)
{
    int64_t number = LIFE_STAGE_EXPECTING, *count = &filling->stage_count;

    while (life_stage_days(&filling->layer->stages, number++, &filling->stage_from_days[*count],
                           &filling->stage_to_days[*count]))
        ++*count;
}

static void cell_add(struct filling *filling, uint32_t number, const struct buyer *buyer)
{
    const struct people *people = &filling->layer->people;
    int64_t places[BY_COUNT] = {[BY_STATE] = layer_state(&filling->limits, buyer),
                                [BY_RECENCY] = layer_recency(&filling->limits, buyer)};
    int64_t at = 0;

    if ((filling->in->state.at && !str_is(filling->in->state, layer_states[places[BY_STATE]])) ||
        (filling->in->recency.at &&
         !str_is(filling->in->recency, layer_recencies[places[BY_RECENCY]])))
        return;
    if (filling->sizes[BY_CHANNEL] > 1)
        places[BY_CHANNEL] =
            layer_channel_row(&filling->channels, people_number(people->channel, number));
    if (filling->sizes[BY_STAGE] > 1)
        places[BY_STAGE] = stage_place(filling, people_number(people->child, number));
    for (int i = 0; i < BY_COUNT; i++)
        at = at * filling->sizes[i] + (filling->sizes[i] > 1 ? places[i] : 0);
    filling->sums[at].customer_count++;
    filling->sums[at].paid_fen += buyer == NULL ? 0 : buyer->paid_fen;
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

/* ---- what is told apart ---------------------------------------------------------------------- */

static int by_find(struct str name)
{
    int by = 0;

    while (by < BY_COUNT && !str_is(name, by_names[by]))
        by++;
    return by;
}

static enum err by_read(struct ctx *c, struct str text, bool is_by[BY_COUNT])
{
    struct str rest = text.at ? text : S("channel,state,recency"), name, tail;
    int count = 0;

    for (bool has_more = true; has_more; rest = tail) {
        has_more = str_cut(rest, ',', &name, &tail);
        int by = by_find(has_more ? name : rest);
        if (by == BY_COUNT || is_by[by] || ++count > BY_MAX)
            return fail_at(c, "input.choice", S("by"),
                           "by is one to three of channel, state, life_stage, recency");
        is_by[by] = true;
    }
    return OK;
}

static enum err sizes_find(struct ctx *c, struct filling *filling)
{
    bool is_by[BY_COUNT] = {false};
    int64_t sizes[BY_COUNT] = {[BY_STATE] = STATE_COUNT, [BY_RECENCY] = RECENCY_COUNT};

    TRY(by_read(c, filling->in->by, is_by));
    TRY(layer_channels_load(c, &filling->layer->view, &filling->channels));
    sizes[BY_CHANNEL] = filling->channels.row_count + 1; /* never 1 */
    stages_find(filling);
    sizes[BY_STAGE] = filling->stage_count + 1;
    filling->sum_count = 1;
    for (int i = 0; i < BY_COUNT; i++) {
        filling->sizes[i] = is_by[i] ? sizes[i] : 1;
        filling->sum_count *= filling->sizes[i];
    }
    return OK;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static struct matrix_cell_out cell_write(const struct filling *filling, int64_t at)
{
    struct matrix_cell_out out = {.channel_id = NONE,
                                  .life_stage_number = NONE,
                                  .customer_count = filling->sums[at].customer_count,
                                  .paid_fen = filling->sums[at].paid_fen};
    int64_t places[BY_COUNT];

    for (int i = BY_COUNT - 1; i >= 0; i--) {
        places[i] = at % filling->sizes[i];
        at /= filling->sizes[i];
    }
    if (filling->sizes[BY_CHANNEL] > 1)
        out.channel_id = filling->channels.rows[places[BY_CHANNEL]].id;
    if (filling->sizes[BY_STATE] > 1)
        out.state = str_of(layer_states[places[BY_STATE]]);
    if (filling->sizes[BY_STAGE] > 1)
        out.life_stage_number = places[BY_STAGE] + LAYER_STAGE_UNKNOWN;
    if (filling->sizes[BY_RECENCY] > 1)
        out.recency = str_of(layer_recencies[places[BY_RECENCY]]);
    return out;
}

static void cells_write(struct ctx *c, const struct filling *filling, struct matrix_out *out)
{
    struct matrix_cell_out *cells;
    int64_t count = 0;

    for (int64_t i = 0; i < filling->sum_count; i++)
        count += filling->sums[i].customer_count > 0 ? 1 : 0;
    cells = arena_new_array(c->arena, struct matrix_cell_out, (size_t)count + 1);
    count = 0;
    for (int64_t i = 0; i < filling->sum_count; i++) {
        if (filling->sums[i].customer_count == 0)
            continue;
        cells[count++] = cell_write(filling, i);
        out->customer_count += filling->sums[i].customer_count;
        out->paid_fen += filling->sums[i].paid_fen;
    }
    out->cells = (struct list){cells, count};
    if (filling->sizes[BY_CHANNEL] > 1)
        out->channels = (struct list){filling->channels.rows, filling->channels.row_count};
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

    TRY(sizes_find(c, filling));
    TRY(layer_limits_get(c, &layer->view, &filling->limits));
    filling->sums = arena_new_array(c->arena, struct sum, (size_t)filling->sum_count);
    filling->has_bought = arena_new_array(c->arena, bool, (size_t)layer->people.number_max + 1);
    TRY(layer_each(c, layer, &visit));
    people_each(&layer->people, matrix_take_rest, filling);
    return OK;
}

enum err matrix_get(struct ctx *c, const void *in_, void *out_)
{
    const struct matrix_in *in = in_;
    struct matrix_out *out = out_;
    struct layer layer;
    struct filling filling = {.in = in, .layer = &layer};

    TRY(layer_open(c, &(struct view_in){.to_date = in->to_date, .channel_id = in->channel_id},
                   in->life_stage_number, &layer));
    TRY(matrix_fill(c, &filling));
    *out = (struct matrix_out){.as_of_ms = layer.view.as_of_ms,
                               .stages = stages_write(c, &layer.stages)};
    cells_write(c, &filling, out);
    return OK;
}
