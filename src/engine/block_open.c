/* Reading a block: nothing of it is believed before it is checked.
 * Always: after block_open answered OK every offset, rank and posting leads inside its column, and
 * a customer's seconds do not fall. Columns of kinds, channels, weeks and values may say anything a
 * number can say. */
#include "engine/block_private.h"

#include "engine/checksum.h"
#include "host/file.h"

const char block_magic[8] = {'P', 'A', 'P', 'B', 'L', 'O', 'C', 'K'};

struct opening {
    struct str bytes;
    struct block_head head;
    const struct block_row *rows;
    struct block *out;
    const char *why;
};

static bool fails(struct opening *opening, const char *why)
{
    opening->why = why;
    return false;
}

uint64_t block_head_sum(const char *bytes, uint32_t row_count)
{
    char copy[sizeof(struct block_head) + BLOCK_ROW_MAX * sizeof(struct block_row)];
    size_t len = sizeof(struct block_head) + row_count * sizeof(struct block_row);

    must(row_count <= BLOCK_ROW_MAX);
    memcpy(copy, bytes, len);
    memset(copy + offsetof(struct block_head, sum), 0, sizeof(uint64_t));
    return checksum_of(copy, len);
}

/* ---- the frame ------------------------------------------------------------------------- */

static bool read_head(struct opening *opening)
{
    struct block_head *head = &opening->head;
    size_t rows_end;

    if (opening->bytes.len < sizeof(*head))
        return fails(opening, "shorter than a head");
    memcpy(head, opening->bytes.at, sizeof(*head));
    if (memcmp(head->magic, block_magic, sizeof(head->magic)) != 0)
        return fails(opening, "not a block");
    if (head->version != BLOCK_VERSION)
        return fails(opening, "of another version");
    rows_end = sizeof(*head) + head->row_count * sizeof(struct block_row);
    if (head->row_count > BLOCK_ROW_MAX || rows_end > opening->bytes.len)
        return fails(opening, "too many columns");
    if (head->bytes != opening->bytes.len)
        return fails(opening, "cut off");
    if (block_head_sum(opening->bytes.at, head->row_count) != head->sum)
        return fails(opening, "damaged head");
    if (head->count > BLOCK_EVENT_MAX || head->week_words > BLOCK_WEEK_WORD_MAX ||
        head->shard > UINT32_MAX / SHARD_NUMBERS)
        return fails(opening, "impossible head");
    opening->rows = (const struct block_row *)(const void *)(opening->bytes.at + sizeof(*head));
    return true;
}

/* Rows follow one another in the file, each column whole and as written. */
static bool check_rows(struct opening *opening)
{
    uint64_t from = sizeof(opening->head) + opening->head.row_count * sizeof(struct block_row);

    for (uint32_t i = 0; i < opening->head.row_count; i++) {
        const struct block_row *row = &opening->rows[i];

        if (row->at % BLOCK_ALIGN != 0 || row->at < from || row->at > opening->bytes.len)
            return fails(opening, "a column is out of place");
        if (row->bytes > opening->bytes.len - row->at)
            return fails(opening, "a column is cut off");
        if (checksum_of(opening->bytes.at + row->at, row->bytes) != row->sum)
            return fails(opening, "a damaged column");
        from = row->at + row->bytes;
    }
    return from + BLOCK_ALIGN <= opening->bytes.len || fails(opening, "no end");
}

/* The column, which must have this many bytes; NULL: it is not there or has others. */
static const void *column(const struct opening *opening, enum block_column what, uint16_t id,
                          uint64_t bytes)
{
    for (uint32_t i = 0; i < opening->head.row_count; i++) {
        const struct block_row *row = &opening->rows[i];

        if (row->what == what && row->id == id)
            return row->bytes == bytes ? opening->bytes.at + row->at : NULL;
    }
    return NULL;
}

static const struct block_row *row_of(const struct opening *opening, enum block_column what,
                                      uint16_t id)
{
    for (uint32_t i = 0; i < opening->head.row_count; i++) {
        if (opening->rows[i].what == what && opening->rows[i].id == id)
            return &opening->rows[i];
    }
    return NULL;
}

/* A column of u8 or, if the row says so, u16, one an event. */
static const void *narrow_column(const struct opening *opening, enum block_column what,
                                 bool *is_wide)
{
    const struct block_row *row = row_of(opening, what, 0);

    if (row == NULL || (row->width != 1 && row->width != 2))
        return NULL;
    *is_wide = row->width == 2;
    return column(opening, what, 0, (uint64_t)opening->head.count * row->width);
}

static bool read_columns(struct opening *opening)
{
    struct block *out = opening->out;
    uint64_t count = opening->head.count;

    out->offsets = column(opening, BLOCK_OFFSETS, 0, (SHARD_NUMBERS + 1) * sizeof(uint32_t));
    out->kinds = narrow_column(opening, BLOCK_KINDS, &out->is_kind_wide);
    out->channels = narrow_column(opening, BLOCK_CHANNELS, &out->is_channel_wide);
    out->seconds = column(opening, BLOCK_SECONDS, 0, count * sizeof(uint32_t));
    out->firsts = column(opening, BLOCK_FIRSTS, 0, SHARD_NUMBERS * sizeof(uint32_t));
    out->lasts = column(opening, BLOCK_LASTS, 0, SHARD_NUMBERS * sizeof(uint32_t));
    out->weeks = column(opening, BLOCK_WEEKS, 0,
                        (uint64_t)SHARD_NUMBERS * opening->head.week_words * sizeof(uint64_t));
    out->week_offset = out->weeks != NULL ? row_of(opening, BLOCK_WEEKS, 0)->width : 0;
    if (out->offsets && out->kinds && out->channels && out->seconds && out->firsts && out->lasts &&
        out->weeks)
        return true;
    return fails(opening, "a column is missing or has another size");
}

/* ---- what the columns say -------------------------------------------------------------------- */

/* Do the offsets of all customers rise from 0 to count? */
static bool offsets_are_good(const uint32_t *offsets, uint64_t count)
{
    for (int i = 0; i < SHARD_NUMBERS; i++) {
        if (offsets[i] > offsets[i + 1])
            return false;
    }
    return offsets[0] == 0 && offsets[SHARD_NUMBERS] == count;
}

/* All at once and without a jump, as this looks at every event of the base. */
static bool seconds_rise(const uint32_t *seconds, uint32_t from, uint32_t to)
{
    uint32_t falls = 0;

    for (uint32_t i = from + 1; i < to; i++)
        falls |= seconds[i] < seconds[i - 1];
    return falls == 0;
}

static bool check_customers(struct opening *opening)
{
    const struct block *out = opening->out;
    uint32_t least = UINT32_MAX, most = 0;

    if (!offsets_are_good(out->offsets, out->count))
        return fails(opening, "offsets do not rise to the count");
    for (int i = 0; i < SHARD_NUMBERS; i++) {
        uint32_t from = out->offsets[i], to = out->offsets[i + 1];
        uint32_t first = from < to ? out->seconds[from] : 0,
                 last = from < to ? out->seconds[to - 1] : 0;

        if (!seconds_rise(out->seconds, from, to))
            return fails(opening, "a customer's seconds fall");
        if (out->firsts[i] != first || out->lasts[i] != last)
            return fails(opening, "a customer's first or last second is another");
        if (from < to) {
            least = first < least ? first : least;
            most = last > most ? last : most;
        }
    }
    if (out->count > 0 && (least != out->second_min || most != out->second_max))
        return fails(opening, "the first or last second is another");
    return true;
}

static bool read_posting(struct opening *opening, uint16_t kind)
{
    struct block *out = opening->out;
    struct block_posting *posting = &out->postings[out->posting_count];
    const struct block_row *seconds = row_of(opening, BLOCK_POSTING_SECONDS, kind);
    uint64_t count = seconds != NULL ? seconds->bytes / sizeof(uint32_t) : 0;

    if (out->posting_count == BLOCK_POSTING_MAX || block_posting(out, kind) != NULL)
        return fails(opening, "too many postings");
    posting->kind = kind;
    posting->offsets =
        column(opening, BLOCK_POSTING_OFFSETS, kind, (SHARD_NUMBERS + 1) * sizeof(uint32_t));
    posting->seconds = column(opening, BLOCK_POSTING_SECONDS, kind, count * sizeof(uint32_t));
    posting->amounts = column(opening, BLOCK_POSTING_AMOUNTS, kind, count * sizeof(int64_t));
    if (posting->offsets == NULL || posting->seconds == NULL || posting->amounts == NULL)
        return fails(opening, "a posting is missing or has another size");
    if (!offsets_are_good(posting->offsets, count))
        return fails(opening, "offsets of a posting do not rise to its count");
    out->posting_count++;
    return true;
}

/* Do ranks and bits lead to exactly the values there are? */
static bool ranks_are_good(const struct block_values *values, uint32_t event_count)
{
    uint32_t words = (event_count + 63) / 64, count = 0;

    for (uint32_t at = 0; at < words; at++) {
        if (at % (BLOCK_RANK_EVENTS / 64) == 0 &&
            values->ranks[at / (BLOCK_RANK_EVENTS / 64)] != count)
            return false;
        count += (uint32_t)__builtin_popcountll(values->has[at]);
    }
    if (event_count % 64 != 0 && values->has[words - 1] >> event_count % 64 != 0)
        return false;
    return count == values->count;
}

static bool read_values(struct opening *opening, const struct block_row *row)
{
    struct block *out = opening->out;
    struct block_values *values;
    uint64_t words = ((uint64_t)out->count + 63) / 64;
    uint64_t ranks = ((uint64_t)out->count + BLOCK_RANK_EVENTS - 1) / BLOCK_RANK_EVENTS;

    if (row->id >= EVENTS_COLUMN_MAX || out->values[row->id].has != NULL)
        return fails(opening, "a column of values that cannot be");
    if ((row->width != 4 && row->width != 8) || row->bytes % row->width != 0 ||
        row->bytes / row->width > out->count)
        return fails(opening, "a column of values has another size");
    values = &out->values[row->id];
    values->column = row->id;
    values->is_wide = row->width == 8;
    values->count = (uint32_t)(row->bytes / row->width);
    values->has = column(opening, BLOCK_VALUE_HAS, row->id, words * sizeof(uint64_t));
    values->ranks = column(opening, BLOCK_VALUE_RANKS, row->id, ranks * sizeof(uint32_t));
    values->values = opening->bytes.at + row->at;
    if (values->has == NULL || values->ranks == NULL)
        return fails(opening, "a column of values is not whole");
    if (!ranks_are_good(values, out->count))
        return fails(opening, "ranks do not lead to the values");
    out->value_count++;
    return true;
}

static bool read_more(struct opening *opening)
{
    for (uint32_t i = 0; i < opening->head.row_count; i++) {
        const struct block_row *row = &opening->rows[i];

        if (row->what == BLOCK_POSTING_OFFSETS && !read_posting(opening, row->id))
            return false;
        if (row->what == BLOCK_VALUES && !read_values(opening, row))
            return false;
    }
    return true;
}

enum err block_open(struct str bytes, struct block *out, const char **why)
{
    struct opening opening = {.bytes = bytes, .out = out};

    *out = (struct block){.bytes = bytes};
    *why = NULL;
    must((uintptr_t)bytes.at % 8 == 0 || bytes.len == 0);
    if (read_head(&opening) && check_rows(&opening)) {
        out->shard = opening.head.shard;
        out->count = opening.head.count;
        out->seq = opening.head.seq;
        out->second_min = opening.head.second_min;
        out->second_max = opening.head.second_max;
        out->week_base = opening.head.week_base;
        out->week_words = opening.head.week_words;
        if (read_columns(&opening) && check_customers(&opening) && read_more(&opening))
            return OK;
    }
    *out = (struct block){0};
    *why = opening.why;
    return E_CORRUPT;
}

/* ---- one event ------------------------------------------------------------------------- */

uint16_t block_kind(const struct block *block, uint32_t at)
{
    return block->is_kind_wide ? ((const uint16_t *)block->kinds)[at]
                               : ((const uint8_t *)block->kinds)[at];
}

uint16_t block_channel(const struct block *block, uint32_t at)
{
    return block->is_channel_wide ? ((const uint16_t *)block->channels)[at]
                                  : ((const uint8_t *)block->channels)[at];
}

const struct block_posting *block_posting(const struct block *block, uint16_t kind)
{
    for (uint32_t i = 0; i < block->posting_count; i++) {
        if (block->postings[i].kind == kind)
            return &block->postings[i];
    }
    return NULL;
}

/* ---- from the disk --------------------------------------------------------------------------- */

#define PAST_END 64 /* bytes which kernels read behind what they were given */

static void fetch(const struct block *block, const void *at, size_t bytes)
{
    size_t from = (size_t)((const char *)at - block->bytes.at), left = block->bytes.len - from;

    bytes += PAST_END;
    file_map_fetch((struct str){at, bytes < left ? bytes : left});
}

static void narrow_fetch(const struct block *block, const void *column, bool is_wide, uint32_t from,
                         uint32_t to)
{
    fetch(block, (const char *)column + ((size_t)from << is_wide), (size_t)(to - from) << is_wide);
}

/* Bits and ranks of events [from, to), up to the next rank. */
static void ranks_fetch(const struct block *block, const struct block_values *values, uint32_t from,
                        uint32_t to)
{
    uint32_t first = from / BLOCK_RANK_EVENTS, words = BLOCK_RANK_EVENTS / 64;

    fetch(block, values->ranks + first, (to / BLOCK_RANK_EVENTS + 2 - first) * sizeof(uint32_t));
    fetch(block, values->has + first * words, (to / 64 + 1 - first * words) * sizeof(uint64_t));
}

static void values_fetch(const struct block *block, const struct block_values *values,
                         uint32_t from, uint32_t to)
{
    uint32_t ranks = (block->count + BLOCK_RANK_EVENTS - 1) / BLOCK_RANK_EVENTS,
             next = to / BLOCK_RANK_EVENTS + 1, place = values->ranks[from / BLOCK_RANK_EVENTS],
             end = next < ranks ? values->ranks[next] : values->count;
    size_t width = values->is_wide ? sizeof(int64_t) : sizeof(int32_t);

    fetch(block, (const char *)values->values + place * width, (end - place) * width);
}

/* Three times something is asked for before it is read: where the customer is, its columns, its
 * values. */
void block_fetch(const struct block *block, uint32_t own)
{
    uint32_t from, to;

    fetch(block, block->offsets + own, 2 * sizeof(uint32_t));
    from = block->offsets[own];
    to = block->offsets[own + 1];
    if (from == to)
        return;
    fetch(block, block->seconds + from, (to - from) * sizeof(uint32_t));
    narrow_fetch(block, block->kinds, block->is_kind_wide, from, to);
    narrow_fetch(block, block->channels, block->is_channel_wide, from, to);
    for (int i = 0; i < EVENTS_COLUMN_MAX; i++) {
        if (block->values[i].has != NULL)
            ranks_fetch(block, &block->values[i], from, to);
    }
    for (int i = 0; i < EVENTS_COLUMN_MAX; i++) {
        if (block->values[i].has != NULL)
            values_fetch(block, &block->values[i], from, to);
    }
}
