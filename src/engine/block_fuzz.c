/* Any bytes are refused as a block or may be read whole and built upon. The input is laid over a
 * good block, with the sums put right, so that what stands behind them is reached: each 4 bytes of
 * it change one place. */
#include "engine/block.h"

#include "engine/block_private.h"
#include "engine/checksum.h"

static const struct block_schema schema = {.posting_kinds = {1}, .posting_count = 1};

static void good_block(struct buf *out)
{
    struct engine_event events[200];
    struct engine_value values[] = {{500, EVENTS_AMOUNT, 1, 0}, {1, 7, 1, 0}};
    struct events news = {events, ARRAY_LEN(events), values, ARRAY_LEN(values)};
    struct block_parts parts = {0, 1, NULL, &news, &schema};

    for (uint32_t i = 0; i < ARRAY_LEN(events); i++) {
        events[i] =
            (struct engine_event){i / 8, 1000 + i * 90000, (uint16_t)(i % 3), 1, EVENTS_NO_VALUE};
        if (i % 5 == 0)
            events[i].value = i % 2;
    }
    must(block_make(&parts, out) == OK);
}

static void sums_right(struct buf *bytes)
{
    struct block_head *head = (struct block_head *)(void *)bytes->at;
    struct block_row *rows = (struct block_row *)(void *)(bytes->at + sizeof(*head));

    if (head->row_count > BLOCK_ROW_MAX ||
        sizeof(*head) + head->row_count * sizeof(*rows) > bytes->len)
        return;
    for (uint32_t i = 0; i < head->row_count; i++) {
        if (rows[i].at <= bytes->len && rows[i].bytes <= bytes->len - rows[i].at)
            rows[i].sum = checksum_of(bytes->at + rows[i].at, rows[i].bytes);
    }
    head->sum = block_head_sum(bytes->at, head->row_count);
}

static void use(const struct block *block)
{
    struct events none = {0};
    struct block_parts parts = {block->shard, block->seq, block, &none, &schema};
    struct buf next;
    int64_t sum = 0;

    for (uint32_t i = 0; i < block->count; i++) {
        sum += block_kind(block, i) + block_channel(block, i) + block->seconds[i];
        for (uint16_t column = 0; column < EVENTS_COLUMN_MAX; column++)
            sum ^= block_value(block, column, i);
    }
    for (uint32_t i = 0; i < block->posting_count; i++) {
        for (uint32_t j = 0; j < block->postings[i].offsets[SHARD_NUMBERS]; j++)
            sum ^= block->postings[i].amounts[j];
    }
    buf_init(&next, (size_t)1 << 24);
    must(block_make(&parts, &next) == OK || next.is_full || sum == 1);
    buf_release(&next);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    static struct buf good;
    struct buf bytes;
    struct block block;
    const char *why;

    if (good.at == NULL) {
        buf_init(&good, (size_t)1 << 24);
        good_block(&good);
    }
    buf_init(&bytes, (size_t)1 << 24);
    buf_str(&bytes, buf_view(&good));
    for (size_t i = 0; i + 4 <= len; i += 4) {
        size_t place = (size_t)(at[i] | at[i + 1] << 8 | (at[i + 2] & 1) << 16);

        if (at[i + 2] & 2) /* most places are zeros: rather the head and its rows */
            place %= 600;
        bytes.at[place % bytes.len] = (char)at[i + 3];
    }
    sums_right(&bytes);
    if (block_open(buf_view(&bytes), &block, &why) == OK)
        use(&block);
    if (len % 8 == 0 && len > 0) { /* and the bytes themselves */
        buf_reset(&bytes);
        buf_add(&bytes, at, len);
        if (block_open(buf_view(&bytes), &block, &why) == OK)
            use(&block);
    }
    buf_release(&bytes);
    return 0;
}
