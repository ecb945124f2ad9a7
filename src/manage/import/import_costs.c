/* `papilio import costs`: one row a cost of a channel. A row's key is (source, cost number); a file
 * without numbers gets them from what a row says and how often the file said it before, so that the
 * same file, or a longer one, books nothing twice. */
#include "host/crypto.h"
#include "manage/import/import_private.h"
#include "manage/channel/channel.h"

enum column { CHANNEL, DATE, AMOUNT, NOTE, COST_NO, COLUMN_COUNT };
static const struct import_column columns[COLUMN_COUNT] = {
    [CHANNEL] = {"channel", IMPORT_TEXT, true, true, 60, "channel|channelcode|渠道|渠道编码",
                 "douyin"},
    [DATE] = {"date", IMPORT_DAY, true, true, 0, "date|day|spentdate|日期|花费日期|投放日期",
              "2026-01-05"},
    [AMOUNT] = {"amount", IMPORT_MONEY, true, true, 0, "amount|cost|spend|金额|花费|费用|成本|消耗",
                "1200.00"},
    [NOTE] = {"note", IMPORT_TEXT, false, false, 200, "note|remark|memo|备注|说明", "投流"},
    [COST_NO] = {"cost_no", IMPORT_TEXT, false, false, 100, "costno|costid|no|编号|单号|流水号",
                 "C-0001"},
};

#define COST_MAX_FEN INT64_C(1000000000000000)
#define KEY_MAX 1000000 /* different rows of a file without numbers */

#define NOTE_BYTES_MAX (256 * 1024)

struct costs_state {
    struct map *said; /* what a row says -> how often so far */
};

static enum err costs_begin(struct ctx *c, struct import *run)
{
    struct costs_state *state = arena_new_one(run->arena, struct costs_state);

    (void)c;
    state->said = map_new(run->arena, 1024);
    run->state = state;
    return OK;
}

static struct str row_text(struct ctx *c, const struct import_row *row)
{
    const struct import_value *values = row->values;

    return str_fmt(c->arena, "%.*s\n%" PRId64 "\n%" PRId64 "\n%.*s", STR(values[CHANNEL].text),
                   values[DATE].number, values[AMOUNT].number, STR(values[NOTE].text));
}

/* "auto-" what it says, "-" the how manieth time. */
static enum err row_number(struct ctx *c, struct import *run, const struct import_row *row,
                           struct str *cost_no)
{
    struct costs_state *state = run->state;
    struct str text, hash;
    uint8_t digest[HASH_BYTES];
    bool is_new;

    *cost_no = row->values[COST_NO].text;
    if (cost_no->at != NULL || row->code != NULL)
        return OK;
    if (map_count(state->said) >= KEY_MAX)
        return fail(c, E_TOO_LARGE, "import.too_many_costs",
                    "more than %d costs without numbers in one file", KEY_MAX);
    text = row_text(c, row);
    hash_sha256(text, digest);
    hash = str_hex(c->arena, (struct str){(const char *)digest, 12});
    *cost_no =
        str_fmt(c->arena, "auto-%.*s-%" PRId64, STR(hash), ++*map_slot(state->said, hash, &is_new));
    return OK;
}

/* ---- channels ------------------------------------------------------------------------------- */

static enum err channel_make(struct ctx *c, struct str code, int64_t *channel_id)
{
    struct channel_new add = {.code = code, .name = code, .kind = S("other"), .parent_id = NONE};

    return channel_add(c, &add, channel_id);
}

/* An unknown channel is made if the mapping says so: once, however many rows name it. */
static enum err channels_make(struct ctx *c, struct import_row *rows, int64_t count, int64_t *ids)
{
    struct map *made = map_new(c->arena, 16);

    for (int64_t i = 0; i < count; i++) {
        int64_t *slot;
        bool is_new;

        if (rows[i].code != NULL || ids[i] != NONE)
            continue;
        slot = map_slot(made, rows[i].values[CHANNEL].text, &is_new);
        if (is_new) {
            enum err err = channel_make(c, rows[i].values[CHANNEL].text, &ids[i]);

            if (err != OK && err != E_INPUT)
                return err;
            *slot = err == OK ? ids[i] : NONE;
            c->fault = (struct fault){0};
        }
        ids[i] = *slot;
    }
    return OK;
}

static enum err channels_find(struct ctx *c, struct import *run, struct import_row *rows,
                              int64_t count, int64_t *ids)
{
    struct str *codes = arena_new_array(c->arena, struct str, (size_t)count);

    for (int64_t i = 0; i < count; i++) {
        if (rows[i].code == NULL)
            codes[i] = rows[i].values[CHANNEL].text;
    }
    TRY(channel_find_batch(c, codes, count, ids));
    if (run->mapping->does_create_channels)
        TRY(channels_make(c, rows, count, ids));
    for (int64_t i = 0; i < count; i++) {
        if (rows[i].code == NULL && ids[i] == NONE)
            import_refuse(&rows[i], "row.channel_unknown", S("there is no such channel"));
    }
    return OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void row_check(struct import_row *row)
{
    int64_t amount_fen = row->values[AMOUNT].number;

    if (row->code == NULL && (amount_fen < 0 || amount_fen > COST_MAX_FEN))
        import_refuse(row, "row.range", S("amount is out of range"));
}

static bool cost_is_same(const struct q_import_cost_find_row *found,
                         const struct channel_cost_new *cost)
{
    return found->channel_id == cost->channel_id && found->spent_day == cost->spent_day &&
           found->cost_fen == cost->cost_fen && str_eq(found->note, cost->note);
}

static void costs_note(struct ctx *c, struct import *run,
                       const struct q_import_cost_find_row *found, const bool *is_new,
                       int64_t count)
{
    int64_t made_count = 0;
    struct buf buf;

    buf_init(&buf, NOTE_BYTES_MAX);
    for (int64_t i = 0; i < count; i++) {
        if (!is_new[i])
            continue;
        if (made_count++ > 0)
            buf_char(&buf, ',');
        buf_int(&buf, found[i].id);
    }
    must(!buf.is_full);
    if (made_count > 0)
        import_effect(c, run, "costs", made_count, buf_view(&buf));
    buf_release(&buf);
}

/* Costs that are there already are the same, or refused. */
static enum err costs_write(struct ctx *c, struct import *run, struct import_row **rows,
                            const struct channel_cost_new *costs, int64_t count)
{
    struct q_import_cost_find_in *in =
        arena_new_array(c->arena, struct q_import_cost_find_in, (size_t)count);
    struct q_import_cost_find_row *found =
        arena_new_array(c->arena, struct q_import_cost_find_row, (size_t)count);
    bool *is_new = arena_new_array(c->arena, bool, (size_t)count);

    TRY(channel_cost_add_batch(c, costs, count, is_new));
    for (int64_t i = 0; i < count; i++)
        in[i] = (struct q_import_cost_find_in){costs[i].source, costs[i].cost_no};
    TRY(q_import_cost_find(c, in, count, found));
    costs_note(c, run, found, is_new, count);
    for (int64_t i = 0; i < count; i++) {
        rows[i]->is_changed = is_new[i];
        if (!cost_is_same(&found[i], &costs[i]))
            import_refuse(rows[i], "row.differs",
                          S("this cost number is there already with other content"));
    }
    return OK;
}

/* A cost cannot be changed by hand: what it booked goes. */
static enum err costs_undo(struct ctx *c, struct import_undo *undo)
{
    struct q_import_cost_delete_in *in =
        arena_new_array(c->arena, struct q_import_cost_delete_in, undo->before.len / 2 + 2);
    struct str rest = undo->before, part;
    bool is_more = rest.len > 0;
    int64_t count = 0;
    int64_t *deleted_each;

    while (is_more) {
        is_more = str_cut(rest, ',', &part, &rest);
        if (!str_to_int(part, &in[count++].cost_id))
            return fail(c, E_CORRUPT, "import.effect", "an effect cannot be read");
    }
    deleted_each = arena_new_array(c->arena, int64_t, (size_t)count + 1);
    TRY(q_import_cost_delete(c, in, count, deleted_each));
    for (int64_t i = 0; i < count; i++) {
        undo->undone_count += deleted_each[i] > 0;
        undo->kept_count += deleted_each[i] == 0;
    }
    c->topics |= LIVE_CHANNELS;
    return OK;
}

static enum err costs_page(struct ctx *c, struct import *run, struct import_row *rows,
                           int64_t count)
{
    struct channel_cost_new *costs =
        arena_new_array(c->arena, struct channel_cost_new, (size_t)count);
    struct import_row **taken = arena_new_array(c->arena, struct import_row *, (size_t)count);
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)count);
    int64_t taken_count = 0;

    for (int64_t i = 0; i < count; i++) {
        row_check(&rows[i]);
        TRY(row_number(c, run, &rows[i], &costs[i].cost_no));
    }
    TRY(channels_find(c, run, rows, count, ids));
    for (int64_t i = 0; i < count; i++) {
        struct str note = rows[i].values[NOTE].text, cost_no = costs[i].cost_no;

        if (rows[i].code != NULL)
            continue;
        costs[taken_count] = (struct channel_cost_new){
            .channel_id = ids[i],
            .spent_day = rows[i].values[DATE].number,
            .cost_fen = rows[i].values[AMOUNT].number,
            .source = run->mapping->source,
            .cost_no = cost_no,
            .note = note.at == NULL ? S("") : note,
        };
        taken[taken_count++] = &rows[i];
    }
    return taken_count > 0 ? costs_write(c, run, taken, costs, taken_count) : OK;
}

static enum err costs_skip(struct ctx *c, struct import *run, struct import_row *rows,
                           int64_t count)
{
    struct str cost_no;

    for (int64_t i = 0; i < count; i++) {
        row_check(&rows[i]);
        TRY(row_number(c, run, &rows[i], &cost_no));
    }
    return OK;
}

const struct import_kind import_costs = {
    .name = "costs",
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .begin = costs_begin,
    .skip = costs_skip,
    .page = costs_page,
    .undo = costs_undo,
};
