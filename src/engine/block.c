/* Making a shard's next block out of the last one and what has come since.
 * Always: a new event stands behind the old ones of its customer and second; old ones keep their
 * order. Every byte written is set, so the same input makes the same file. */
#include "engine/block_private.h"

#include "engine/checksum.h"

struct making {
    const struct block_parts *parts;
    const struct block *old;
    struct buf *out;
    struct block_row rows[BLOCK_ROW_MAX];
    uint32_t row_count, row_max;
    uint32_t count;
    struct block view; /* what is being made, as it would be read */
};

static const struct block empty_block;

/* ---- how large it becomes ----------------------------------------------------------------- */

static void measure_values(struct making *making)
{
    const struct events *news = making->parts->news;
    struct block *view = &making->view;

    for (int i = 0; i < EVENTS_COLUMN_MAX; i++) {
        view->values[i].count = making->old->values[i].count;
        view->values[i].is_wide = making->old->values[i].is_wide;
    }
    for (size_t i = 0; i < news->count; i++) {
        uint32_t at = news->at[i].value;

        if (at == EVENTS_NO_VALUE)
            continue;
        do {
            const struct engine_value *value = &news->values[at];
            struct block_values *column = &view->values[value->column];

            column->count++;
            column->is_wide = column->is_wide || value->value != (int32_t)value->value;
        } while (!news->values[at++].is_last);
    }
    for (int i = 0; i < EVENTS_COLUMN_MAX; i++)
        view->value_count += view->values[i].count > 0;
}

static uint32_t week_of(const struct making *making, uint32_t second)
{
    return (uint32_t)(((uint64_t)second + making->parts->schema->week_offset) / BLOCK_WEEK_SECONDS);
}

static void measure(struct making *making)
{
    const struct events *news = making->parts->news;
    const struct block *old = making->old;
    struct block *view = &making->view;
    uint32_t least = old->count > 0 ? old->second_min : UINT32_MAX, most = old->second_max;

    view->is_kind_wide = old->is_kind_wide;
    view->is_channel_wide = old->is_channel_wide;
    for (size_t i = 0; i < news->count; i++) {
        const struct engine_event *event = &news->at[i];

        view->is_kind_wide = view->is_kind_wide || event->kind > UINT8_MAX;
        view->is_channel_wide = view->is_channel_wide || event->channel > UINT8_MAX;
        least = event->second < least ? event->second : least;
        most = event->second > most ? event->second : most;
    }
    view->shard = making->parts->shard;
    view->seq = making->parts->seq;
    view->count = making->count;
    view->second_min = making->count > 0 ? least : 0;
    view->second_max = most;
    view->week_base = week_of(making, view->second_min);
    view->week_words = (week_of(making, most) - view->week_base) / 64 + 1;
    measure_values(making);
    making->row_max = 7 + 3 * making->parts->schema->posting_count + 3 * view->value_count;
    must(making->row_max <= BLOCK_ROW_MAX);
}

/* ---- room ---------------------------------------------------------------------------------- */

/* Zeros up to the next column. */
static void pad(struct buf *out)
{
    static const char zeros[BLOCK_ALIGN];

    buf_add(out, zeros, (BLOCK_ALIGN - out->len % BLOCK_ALIGN) % BLOCK_ALIGN);
}

/* A column of zeros. */
static void add_column(struct making *making, enum block_column what, uint16_t id, uint32_t width,
                       uint64_t count)
{
    struct block_row *row = &making->rows[making->row_count++];
    size_t bytes = (size_t)(count * width);
    char *at;

    must(making->row_count <= making->row_max);
    pad(making->out);
    *row = (struct block_row){
        .what = (uint16_t)what, .id = id, .width = width, .at = making->out->len, .bytes = bytes};
    at = buf_room(making->out, bytes);
    if (at == NULL)
        return;
    memset(at, 0, bytes);
    making->out->len += bytes;
}

static void *column_at(const struct making *making, enum block_column what, uint16_t id)
{
    for (uint32_t i = 0; i < making->row_count; i++) {
        if (making->rows[i].what == what && making->rows[i].id == id)
            return making->out->at + making->rows[i].at;
    }
    return NULL;
}

static enum err add_columns(struct making *making)
{
    struct block *view = &making->view;
    uint64_t count = making->count;
    size_t head_bytes = sizeof(struct block_head) + making->row_max * sizeof(struct block_row);
    char *head = buf_room(making->out, head_bytes);

    if (head == NULL)
        return E_TOO_LARGE;
    memset(head, 0, head_bytes);
    making->out->len += head_bytes;
    add_column(making, BLOCK_OFFSETS, 0, sizeof(uint32_t), SHARD_NUMBERS + 1);
    add_column(making, BLOCK_KINDS, 0, view->is_kind_wide ? 2 : 1, count);
    add_column(making, BLOCK_CHANNELS, 0, view->is_channel_wide ? 2 : 1, count);
    add_column(making, BLOCK_SECONDS, 0, sizeof(uint32_t), count);
    add_column(making, BLOCK_FIRSTS, 0, sizeof(uint32_t), SHARD_NUMBERS);
    add_column(making, BLOCK_LASTS, 0, sizeof(uint32_t), SHARD_NUMBERS);
    add_column(making, BLOCK_WEEKS, 0, sizeof(uint64_t),
               (uint64_t)SHARD_NUMBERS * view->week_words);
    making->rows[making->row_count - 1].width = making->parts->schema->week_offset;
    for (uint16_t i = 0; i < EVENTS_COLUMN_MAX; i++) {
        if (view->values[i].count == 0)
            continue;
        add_column(making, BLOCK_VALUE_HAS, i, sizeof(uint64_t), (count + 63) / 64);
        add_column(making, BLOCK_VALUE_RANKS, i, sizeof(uint32_t),
                   (count + BLOCK_RANK_EVENTS - 1) / BLOCK_RANK_EVENTS);
        add_column(making, BLOCK_VALUES, i, view->values[i].is_wide ? 8 : 4, view->values[i].count);
    }
    return making->out->is_full ? E_TOO_LARGE : OK;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Where the columns of events stand, and how far they are filled. */
struct filling {
    const struct block *old;
    uint32_t *seconds;
    void *kinds, *channels;
    bool is_kind_wide, is_channel_wide;
    uint32_t at, old_at;
    struct {
        uint64_t *has;
        void *values;
        uint32_t count, old_count;
        bool is_wide;
    } columns[EVENTS_COLUMN_MAX];
};

static void narrow_copy(void *to, bool is_to_wide, const void *from, bool is_from_wide,
                        uint32_t count)
{
    if (is_to_wide == is_from_wide) {
        memcpy(to, from, (size_t)count << is_to_wide);
        return;
    }
    for (uint32_t i = 0; i < count; i++) /* only ever wider */
        ((uint16_t *)to)[i] = ((const uint8_t *)from)[i];
}

static void value_put(struct filling *filling, int column, uint32_t at, int64_t value)
{
    uint32_t place = filling->columns[column].count++;

    filling->columns[column].has[at / 64] |= (uint64_t)1 << at % 64;
    if (filling->columns[column].is_wide)
        ((int64_t *)filling->columns[column].values)[place] = value;
    else
        ((int32_t *)filling->columns[column].values)[place] = (int32_t)value;
}

/* The values of old events [from, to), which become events at .. */
static void copy_values(struct filling *filling, int column, uint32_t from, uint32_t to)
{
    const struct block_values *old = &filling->old->values[column];

    for (uint32_t word = from / 64; word * 64 < to; word++) {
        uint64_t has = old->has[word];

        if (word == from / 64)
            has &= ~(uint64_t)0 << from % 64;
        for (; has != 0; has &= has - 1) {
            uint32_t event = word * 64 + (uint32_t)__builtin_ctzll(has), place;

            if (event >= to)
                return;
            place = filling->columns[column].old_count++;
            value_put(filling, column, filling->at + event - from,
                      old->is_wide ? ((const int64_t *)old->values)[place]
                                   : ((const int32_t *)old->values)[place]);
        }
    }
}

/* Old events up to `to`, those that are not yet there. */
static void copy_old(struct filling *filling, uint32_t to)
{
    const struct block *old = filling->old;
    uint32_t from = filling->old_at, count = to - from;

    if (count == 0)
        return;
    memcpy(filling->seconds + filling->at, old->seconds + from, count * sizeof(uint32_t));
    narrow_copy((char *)filling->kinds + ((size_t)filling->at << filling->is_kind_wide),
                filling->is_kind_wide,
                (const char *)old->kinds + ((size_t)from << old->is_kind_wide), old->is_kind_wide,
                count);
    narrow_copy((char *)filling->channels + ((size_t)filling->at << filling->is_channel_wide),
                filling->is_channel_wide,
                (const char *)old->channels + ((size_t)from << old->is_channel_wide),
                old->is_channel_wide, count);
    for (int i = 0; i < EVENTS_COLUMN_MAX; i++) {
        if (old->values[i].count > 0)
            copy_values(filling, i, from, to);
    }
    filling->at += count;
    filling->old_at = to;
}

static void narrow_put(void *column, bool is_wide, uint32_t at, uint16_t value)
{
    if (is_wide)
        ((uint16_t *)column)[at] = value;
    else
        ((uint8_t *)column)[at] = (uint8_t)value;
}

static void put_new(struct filling *filling, const struct events *news,
                    const struct engine_event *event)
{
    uint32_t value = event->value;

    filling->seconds[filling->at] = event->second;
    narrow_put(filling->kinds, filling->is_kind_wide, filling->at, event->kind);
    narrow_put(filling->channels, filling->is_channel_wide, filling->at, event->channel);
    if (value != EVENTS_NO_VALUE) {
        do
            value_put(filling, news->values[value].column, filling->at, news->values[value].value);
        while (!news->values[value++].is_last);
    }
    filling->at++;
}

/* Behind the old events of this customer that are not later than `second`. */
static uint32_t old_end(const struct block *old, uint32_t customer, uint32_t second)
{
    uint32_t from, to;

    if (old->offsets == NULL)
        return 0;
    from = old->offsets[customer];
    to = old->offsets[customer + 1];
    if (from == to || old->seconds[to - 1] <= second) /* as good as always: time goes on */
        return to;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;

        if (old->seconds[middle] <= second)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void fill_events(struct making *making)
{
    const struct events *news = making->parts->news;
    struct filling filling = {.old = making->old};
    uint32_t *offsets = column_at(making, BLOCK_OFFSETS, 0), customer = 0;

    filling.seconds = column_at(making, BLOCK_SECONDS, 0);
    filling.kinds = column_at(making, BLOCK_KINDS, 0);
    filling.channels = column_at(making, BLOCK_CHANNELS, 0);
    filling.is_kind_wide = making->view.is_kind_wide;
    filling.is_channel_wide = making->view.is_channel_wide;
    for (uint16_t i = 0; i < EVENTS_COLUMN_MAX; i++) {
        filling.columns[i].has = column_at(making, BLOCK_VALUE_HAS, i);
        filling.columns[i].values = column_at(making, BLOCK_VALUES, i);
        filling.columns[i].is_wide = making->view.values[i].is_wide;
    }
    for (size_t i = 0; i < news->count; i++) {
        const struct engine_event *event = &news->at[i];
        uint32_t own = event->customer % SHARD_NUMBERS;

        for (; customer <= own;
             customer++) /* before this one: all old ones of theirs, and i new ones */
            offsets[customer] =
                (making->old->offsets ? making->old->offsets[customer] : 0) + (uint32_t)i;
        copy_old(&filling, old_end(making->old, own, event->second));
        put_new(&filling, news, event);
    }
    for (; customer <= SHARD_NUMBERS; customer++)
        offsets[customer] =
            (making->old->offsets ? making->old->offsets[customer] : 0) + (uint32_t)news->count;
    copy_old(&filling, making->old->count);
    must(filling.at == making->count);
}

/* ---- summaries ------------------------------------------------------------------------------- */

static void fill_weeks(struct making *making, const struct block *view, uint32_t from, uint32_t to,
                       uint64_t *weeks)
{
    uint64_t end = 0; /* of the week of the event before */

    for (uint32_t i = from; i < to; i++) {
        uint32_t week;

        if (view->seconds[i] < end)
            continue;
        week = week_of(making, view->seconds[i]);
        end = (uint64_t)(week + 1) * BLOCK_WEEK_SECONDS - making->parts->schema->week_offset;
        week -= view->week_base;
        weeks[week / 64] |= (uint64_t)1 << week % 64;
    }
}

static void fill_customers(struct making *making)
{
    const struct block *view = &making->view;
    uint32_t *firsts = column_at(making, BLOCK_FIRSTS, 0),
             *lasts = column_at(making, BLOCK_LASTS, 0);
    uint64_t *weeks = column_at(making, BLOCK_WEEKS, 0);

    for (int i = 0; i < SHARD_NUMBERS; i++) {
        uint32_t from = view->offsets[i], to = view->offsets[i + 1];

        if (from == to)
            continue;
        firsts[i] = view->seconds[from];
        lasts[i] = view->seconds[to - 1];
        fill_weeks(making, view, from, to, weeks + (size_t)i * view->week_words);
    }
}

static void fill_ranks(struct making *making, uint16_t column)
{
    const uint64_t *has = column_at(making, BLOCK_VALUE_HAS, column);
    uint32_t *ranks = column_at(making, BLOCK_VALUE_RANKS, column), count = 0;

    for (uint32_t at = 0; at < (making->count + 63) / 64; at++) {
        if (at % (BLOCK_RANK_EVENTS / 64) == 0)
            ranks[at / (BLOCK_RANK_EVENTS / 64)] = count;
        count += (uint32_t)__builtin_popcountll(has[at]);
    }
}

/* Points the view at the columns, which lie elsewhere whenever the buffer has grown. */
static void view_point(struct making *making)
{
    struct block *view = &making->view;

    view->offsets = column_at(making, BLOCK_OFFSETS, 0);
    view->seconds = column_at(making, BLOCK_SECONDS, 0);
    view->kinds = column_at(making, BLOCK_KINDS, 0);
    view->channels = column_at(making, BLOCK_CHANNELS, 0);
    for (uint16_t i = 0; i < EVENTS_COLUMN_MAX; i++) {
        view->values[i].has = column_at(making, BLOCK_VALUE_HAS, i);
        view->values[i].ranks = column_at(making, BLOCK_VALUE_RANKS, i);
        view->values[i].values = column_at(making, BLOCK_VALUES, i);
    }
}

static uint32_t kind_count(const struct block *view, uint16_t kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < view->count; i++)
        count += block_kind(view, i) == kind;
    return count;
}

static enum err fill_posting(struct making *making, uint16_t kind)
{
    const struct block *view = &making->view;
    uint32_t count = kind_count(view, kind), at = 0, *offsets, *seconds;
    int64_t *amounts;

    add_column(making, BLOCK_POSTING_OFFSETS, kind, sizeof(uint32_t), SHARD_NUMBERS + 1);
    add_column(making, BLOCK_POSTING_SECONDS, kind, sizeof(uint32_t), count);
    add_column(making, BLOCK_POSTING_AMOUNTS, kind, sizeof(int64_t), count);
    if (making->out->is_full)
        return E_TOO_LARGE;
    view_point(making);
    offsets = column_at(making, BLOCK_POSTING_OFFSETS, kind);
    seconds = column_at(making, BLOCK_POSTING_SECONDS, kind);
    amounts = column_at(making, BLOCK_POSTING_AMOUNTS, kind);
    for (int i = 0; i < SHARD_NUMBERS; i++) {
        offsets[i] = at;
        for (uint32_t event = view->offsets[i]; event < view->offsets[i + 1]; event++) {
            int64_t amount;

            if (block_kind(view, event) != kind)
                continue;
            amount = block_value(view, EVENTS_AMOUNT, event);
            seconds[at] = view->seconds[event];
            amounts[at++] = amount == NONE ? 0 : amount;
        }
    }
    offsets[SHARD_NUMBERS] = at;
    return OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum err finish(struct making *making)
{
    static const char end[BLOCK_ALIGN];
    struct buf *out = making->out;
    struct block_head head = {
        .version = BLOCK_VERSION, .shard = making->view.shard, .seq = making->view.seq};

    pad(out);
    buf_add(out, end, sizeof(end));
    if (out->is_full)
        return E_TOO_LARGE;
    for (uint32_t i = 0; i < making->row_count; i++)
        making->rows[i].sum = checksum_of(out->at + making->rows[i].at, making->rows[i].bytes);
    memcpy(head.magic, block_magic, sizeof(head.magic));
    head.bytes = out->len;
    head.count = making->count;
    head.second_min = making->view.second_min;
    head.second_max = making->view.second_max;
    head.week_base = making->view.week_base;
    head.week_words = making->view.week_words;
    head.row_count = making->row_count;
    memcpy(out->at + sizeof(head), making->rows, making->row_count * sizeof(struct block_row));
    memcpy(out->at, &head, sizeof(head));
    head.sum = block_head_sum(out->at, head.row_count);
    memcpy(out->at, &head, sizeof(head));
    return OK;
}

enum err block_make(const struct block_parts *parts, struct buf *out)
{
    struct making making = {
        .parts = parts, .old = parts->old ? parts->old : &empty_block, .out = out};
    size_t count = making.old->count + parts->news->count;

    must(out->len == 0);
    must(parts->schema->posting_count <= BLOCK_POSTING_MAX);
    if (count > BLOCK_EVENT_MAX)
        return E_TOO_LARGE;
    making.count = (uint32_t)count;
    measure(&making);
    TRY(add_columns(&making));
    fill_events(&making);
    view_point(&making);
    fill_customers(&making);
    for (uint16_t i = 0; i < EVENTS_COLUMN_MAX; i++) {
        if (making.view.values[i].count > 0)
            fill_ranks(&making, i);
    }
    for (uint32_t i = 0; i < parts->schema->posting_count; i++)
        TRY(fill_posting(&making, parts->schema->posting_kinds[i]));
    return finish(&making);
}
