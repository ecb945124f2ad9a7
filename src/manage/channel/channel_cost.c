/* What a channel cost: one row a booking, by day. Always: a (source, number) is booked once. */
#include "gen/channel.q.h"
#include "kit/cursor.h"
#include "manage/channel/channel_private.h"

#define COST_PAGE_MAX 200
#define COST_MAX_FEN 1000000000000000

enum err channel_cost_add_batch(struct ctx *c, const struct channel_cost_new *costs, int64_t count,
                                bool *is_new)
{
    struct q_channel_cost_insert_in *rows =
        arena_new_array(c->arena, struct q_channel_cost_insert_in, (size_t)count + 1);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, (size_t)count + 1);

    if (count == 0)
        return OK;
    for (int64_t i = 0; i < count; i++)
        rows[i] = (struct q_channel_cost_insert_in){.id = ctx_id(c),
                                                    .channel_id = costs[i].channel_id,
                                                    .source = costs[i].source,
                                                    .cost_no = costs[i].cost_no,
                                                    .spent_day = costs[i].spent_day,
                                                    .cost_fen = costs[i].cost_fen,
                                                    .note = costs[i].note};
    TRY(q_channel_cost_insert(c, rows, count, changed_each));
    for (int64_t i = 0; is_new && i < count; i++)
        is_new[i] = changed_each[i] > 0;
    c->topics |= LIVE_CHANNELS;
    return OK;
}

/* ---- list ------------------------------------------------------------------------------------ */

struct channel_cost_list_in {
    int64_t channel_id, limit_count;
    struct str cursor;
};
struct channel_cost_item {
    int64_t id, cost_fen;
    struct str spent_date, note, source;
};
struct channel_cost_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field channel_cost_list_in[] = {
    IN(struct channel_cost_list_in, channel_id),
    FIELD_LIMIT(struct channel_cost_list_in, limit_count, COST_PAGE_MAX),
    IN(struct channel_cost_list_in, cursor, .is_optional = true, .max = 60),
};
static const struct field channel_cost_item[] = {
    OUT(struct channel_cost_item, id),       OUT(struct channel_cost_item, spent_date),
    OUT(struct channel_cost_item, cost_fen), OUT(struct channel_cost_item, note),
    OUT(struct channel_cost_item, source),
};
static const struct field channel_cost_list_out[] = {
    OUT(struct channel_cost_list_out, items, .of = SHAPE(channel_cost_item)),
    OUT(struct channel_cost_list_out, next_cursor, .is_optional = true),
};

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct channel_cost_list_in *in = in_;
    struct channel_cost_list_out *out = out_;
    int64_t limit_count = in->limit_count == NONE ? COST_PAGE_MAX : in->limit_count, cap = 0;
    struct cursor from;
    struct list rows;
    const struct q_channel_cost_list_row *row;
    struct str path;

    TRY(cursor_read(c, in->cursor, &from));
    TRY(channel_path(c, in->channel_id, &path));
    TRY(q_channel_cost_list(
        c, &(struct q_channel_cost_list_in){in->channel_id, from.key_number, from.id, limit_count},
        &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        *(struct channel_cost_item *)list_add(c->arena, &out->items, &cap,
                                              sizeof(struct channel_cost_item)) =
            (struct channel_cost_item){.id = row[i].id,
                                       .cost_fen = row[i].cost_fen,
                                       .spent_date = day_iso(c->arena, row[i].spent_day),
                                       .note = row[i].note,
                                       .source = row[i].source};
    if (rows.count == limit_count)
        out->next_cursor =
            cursor_write(c, (struct cursor){row[rows.count - 1].spent_day, row[rows.count - 1].id});
    return OK;
}

/* ---- book one -------------------------------------------------------------------------------- */

struct channel_cost_add_in {
    int64_t channel_id, cost_fen;
    struct str spent_date, note;
};
struct channel_cost_add_out {
    int64_t id;
};
static const struct field channel_cost_add_in[] = {
    IN(struct channel_cost_add_in, channel_id),
    IN(struct channel_cost_add_in, spent_date, .min = 10, .max = 10, .about = "2011-12-09"),
    IN(struct channel_cost_add_in, cost_fen, .min = 0, .max = COST_MAX_FEN),
    IN(struct channel_cost_add_in, note, .is_optional = true),
};
static const struct field channel_cost_add_out[] = {OUT(struct channel_cost_add_out, id)};

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct channel_cost_add_in *in = in_;
    struct channel_cost_add_out *out = out_;
    struct q_channel_cost_insert_in row = {.id = ctx_id(c),
                                           .channel_id = in->channel_id,
                                           .source = S("manual"),
                                           .cost_fen = in->cost_fen,
                                           .note = in->note.at ? in->note : S("")};
    int64_t spent_ms, changed_count;
    struct str path;

    if (time_parse(NULL, in->spent_date, &spent_ms) != OK)
        return fail_at(c, "channel.date", S("spent_date"), "a day is needed, as 2011-12-09");
    TRY(channel_path(c, in->channel_id, &path));
    row.spent_day = spent_ms / DAY_MS;
    row.cost_no = str_fmt(c->arena, "%" PRId64, row.id);
    TRY(q_channel_cost_insert(c, &row, 1, &changed_count));
    must(changed_count == 1);
    out->id = row.id;
    c->topics |= LIVE_CHANNELS;
    return OK;
}

const struct route channel_cost_routes[] = {
    {HTTP_GET, "/api/channels/{channel_id}/costs", "channel.read", SHAPE(channel_cost_list_in),
     SHAPE(channel_cost_list_out), list_run, .about = "What a channel cost, latest first"},
    {HTTP_POST, "/api/channels/{channel_id}/costs", "channel.write", SHAPE(channel_cost_add_in),
     SHAPE(channel_cost_add_out), add_run, .about = "Book a cost", .needs_all = true},
    {.path = NULL},
};
