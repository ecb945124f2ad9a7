/* A shard's block: its events as columns, by customer and time, with summaries; a file that never changes. Kernels read the columns
 * straight from the mapped bytes, which outlive the struct block. */
#pragma once

#include "engine/events.h"

#define BLOCK_POSTING_MAX 8
#define BLOCK_WEEK_SECONDS (7 * 86400)
#define BLOCK_EVENT_MAX ((size_t)1 << 30)
#define BLOCK_BYTES_MAX ((size_t)1 << 36)
#define BLOCK_RANK_EVENTS 512
#define ALWAYS_INLINE __attribute__((always_inline)) inline

/* What blocks keep ready besides the columns; the same for all blocks of a store. */
struct block_schema {
    uint16_t posting_kinds[BLOCK_POSTING_MAX]; /* kinds whose seconds and amounts lie apart, ready by customer: orders */
    uint32_t posting_count;
    uint32_t week_offset; /* added to a second before it is cut into weeks: so that they begin where the brand's do */
};

/* Events i in [offsets[c], offsets[c + 1]) are those of customer number shard * 4,096 + c, the earliest first; of the same second in
 * order of arrival. Every column may be read 64 bytes past its end. */
struct block {
    struct str bytes;
    uint32_t shard, count;
    uint64_t seq; /* holds all events of the shard up to this place of the log */
    uint32_t second_min, second_max;
    const uint32_t *offsets; /* SHARD_NUMBERS + 1 */
    const void *kinds;       /* u8, or u16 where one is over 255 */
    const void *channels;
    const uint32_t *seconds;
    bool is_kind_wide, is_channel_wide;
    const uint32_t *firsts, *lasts; /* a customer's first and last second; 0 without events */
    const uint64_t *weeks;          /* a customer's active weeks: week_words words, bit 0 is week_base */
    uint32_t week_base, week_words, week_offset;
    uint32_t posting_count, value_count;
    struct block_posting {
        uint16_t kind;
        const uint32_t *offsets, *seconds;
        const int64_t *amounts; /* 0 where the event says none */
    } postings[BLOCK_POSTING_MAX];
    struct block_values {
        uint16_t column;
        bool is_wide;         /* i64, else i32 */
        const uint64_t *has;  /* a bit an event */
        const uint32_t *ranks; /* values before each BLOCK_RANK_EVENTS events */
        const void *values;
        uint32_t count;
    } values[EVENTS_COLUMN_MAX]; /* by column */
};

/* Makes the bytes of the shard's next block: those of `old` (NULL: none yet) and `news`, sorted, all of this shard. seq: up to which
 * place of the log the result is complete. The result is added to out. E_TOO_LARGE: over BLOCK_EVENT_MAX or what out may hold. */
struct block_parts {
    uint32_t shard;
    uint64_t seq;
    const struct block *old;
    const struct events *news;
    const struct block_schema *schema;
};
enum err block_make(const struct block_parts *parts, struct buf *out) MUST_USE;
/* Checks bytes whole: sums, bounds, order. E_CORRUPT: not a block as block_make writes it; *why says what, in English. bytes: aligned
 * to 8, as mapped files and the heap are. */
enum err block_open(struct str bytes, struct block *out, const char **why) MUST_USE;

uint16_t block_kind(const struct block *block, uint32_t at);
uint16_t block_channel(const struct block *block, uint32_t at);
/* The value of an event in a column; NONE: it has none. Inline, so that kernels count bits with the instructions they have. */
static ALWAYS_INLINE int64_t block_value(const struct block *block, uint16_t column, uint32_t at)
{
    const struct block_values *values = &block->values[column];
    uint32_t word = at / 64, place;

    if (values->has == NULL || !(values->has[word] >> at % 64 & 1))
        return NONE;
    place = values->ranks[at / BLOCK_RANK_EVENTS];
    for (uint32_t i = at / BLOCK_RANK_EVENTS * (BLOCK_RANK_EVENTS / 64); i < word; i++)
        place += (uint32_t)__builtin_popcountll(values->has[i]);
    place += (uint32_t)__builtin_popcountll(values->has[word] & (((uint64_t)1 << at % 64) - 1));
    return values->is_wide ? ((const int64_t *)values->values)[place] : ((const int32_t *)values->values)[place];
}
/* Asks the disk for the columns of that customer (its number within the shard) and nothing else. */
void block_fetch(const struct block *block, uint32_t own);
const struct block_posting *block_posting(const struct block *block, uint16_t kind); /* NULL: not kept */
