/* What a block's file looks like: a head, a row a column, the columns; each column begins at a multiple of 64 bytes, and the
 * file ends with 64 zeros. Little-endian. */
#pragma once

#include "engine/block.h"

#define BLOCK_VERSION 1
#define BLOCK_ALIGN 64
#define BLOCK_ROW_MAX 128
#define BLOCK_WEEK_WORD_MAX 128 /* all weeks a second can name */

enum block_column {
    BLOCK_OFFSETS = 1,
    BLOCK_KINDS,
    BLOCK_CHANNELS,
    BLOCK_SECONDS,
    BLOCK_FIRSTS,
    BLOCK_LASTS,
    BLOCK_WEEKS,
    BLOCK_POSTING_OFFSETS, /* id: the kind */
    BLOCK_POSTING_SECONDS,
    BLOCK_POSTING_AMOUNTS,
    BLOCK_VALUE_HAS, /* id: the column */
    BLOCK_VALUE_RANKS,
    BLOCK_VALUES
};

struct block_head {
    char magic[8];
    uint32_t version, shard;
    uint64_t seq, bytes;
    uint32_t count, second_min, second_max;
    uint32_t week_base, week_words;
    uint32_t row_count;
    uint64_t sum; /* of head and rows, with this one 0 */
};

struct block_row {
    uint16_t what, id;
    uint32_t width; /* bytes a value, where a column has a choice; of BLOCK_WEEKS: the weeks' offset */
    uint64_t at, bytes, sum;
};

_Static_assert(sizeof(struct block_head) == 64 && sizeof(struct block_row) == 32, "no holes are written");

extern const char block_magic[8];
uint64_t block_head_sum(const char *bytes, uint32_t row_count);
