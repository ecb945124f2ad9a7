/* Between the driver of scans, what is asked, and the kernels. */
#pragma once

#include "engine/scan.h"
#include "engine/scan_needles.h"

#define SCAN_DAY 86400
#define SCAN_FETCH_AHEAD 8 /* customers */
#define SCAN_FETCH_LINES 4

/* A customer's events are one to three pieces, each later than the one before: the block's, those of the oldest list of news, and of
 * the others. Late news make them one piece in scratch. Columns may be read 64 bytes past their end. */
#define SCAN_PIECE_MAX 3
struct scan_piece {
    const void *kinds, *channels;
    const uint32_t *seconds;
    bool is_kind_wide, is_channel_wide;
    uint32_t count;
    const int64_t *amounts;    /* of scratch; NONE: none */
    const struct block *block; /* else: its events from `from` on */
    uint32_t from;
};

struct scan_stream {
    uint32_t customer; /* number */
    int piece_count;
    struct scan_piece pieces[SCAN_PIECE_MAX];
};

/* All news of a shard as columns, where no kind is wide and nobody asks for amounts: the oldest list, if it has some, and what is
 * gathered of the others, by customer and arrival. */
struct scan_news {
    bool is_gathered; /* else news are cut off their lists */
    struct scan_columns {
        const uint32_t *starts; /* by customer: the place of its first; one more */
        const uint32_t *seconds;
        const uint8_t *kinds, *channels;
    } oldest, others;
    uint64_t late[BITMAP_SHARD_WORDS]; /* of these customers the others' are not in the order of time */
};

/* A shard as kernels see it. */
struct scan_view {
    const struct scan *scan;
    int thread;                /* from 0 */
    const struct block *block; /* an empty one if there is none */
    uint32_t shard, at;        /* at: the next customer of the shard */
    struct events lists[SNAPSHOT_LIST_MAX]; /* of news; what is behind the customer at work */
    uint32_t heads[SNAPSHOT_LIST_MAX];      /* the customer of the shard that each begins with; SHARD_NUMBERS: it is empty */
    int list_count;
    uint32_t next_own; /* the next customer of the shard with news; SHARD_NUMBERS: none */
    size_t cut_count;  /* of what was cut off last: how many events, and all bits of their kinds and channels */
    uint32_t cut_bits;
    bool has_only; /* only customers with a bit in `only`, which a query may take bits from */
    uint64_t only[BITMAP_SHARD_WORDS];
    bool is_amountless;
    struct arena *arena;
    struct buf scratch, masks, news_bytes;
    struct scan_news news;
};

/* What a query does with a shard, and what its sums are. Threads have sums of their own, which are added up. */
struct scan_work {
    const struct scan *scan;
    const void *query;
    void (*shard)(struct scan_view *view, const void *query, uint64_t *sums);
    uint64_t *sums;
    size_t sum_count;
    bool is_amountless; /* amounts of news are never asked for */
    uint32_t shard_count; /* 0: those with events */
};
void scan_run(const struct scan_work *work);

static ALWAYS_INLINE void scan_piece_of_block(const struct scan_view *view, uint32_t own, struct scan_piece *out)
{
    const struct block *block = view->block;
    uint32_t from = block->offsets[own];

    out->kinds = (const char *)block->kinds + ((size_t)from << block->is_kind_wide);
    out->channels = (const char *)block->channels + ((size_t)from << block->is_channel_wide);
    out->seconds = block->seconds + from;
    out->is_kind_wide = block->is_kind_wide;
    out->is_channel_wide = block->is_channel_wide;
    out->count = block->offsets[own + 1] - from;
    out->amounts = NULL;
    out->block = block;
    out->from = from;
}
void scan_stream_of_news(struct scan_view *view, uint32_t own, struct scan_stream *out);
/* One customer's part of each list of news is taken off its front, the earlier arrived first; how many have any. */
int scan_cut_news(struct scan_view *view, uint32_t own, struct events parts[SNAPSHOT_LIST_MAX]);
void scan_skip_news(struct scan_view *view, uint32_t own);
void scan_news_gather(struct scan_view *view); /* before the first customer */

static ALWAYS_INLINE bool scan_has_gathered(const struct scan_news *news, uint32_t own)
{
    return (news->oldest.starts[own] < news->oldest.starts[own + 1]) | (news->others.starts[own] < news->others.starts[own + 1]);
}

/* The next customer with events. *is_block: only the block knows of it, and out has no pieces yet. false: the shard ends. */
static ALWAYS_INLINE bool scan_next_either(struct scan_view *view, struct scan_stream *out, bool *is_block)
{
    const uint32_t *offsets = view->block->offsets;

    if (view->at == 0)
        scan_news_gather(view);
    while (view->at < SHARD_NUMBERS) {
        uint32_t at = view->at++;
        bool has_news = view->news.is_gathered ? scan_has_gathered(&view->news, at) : view->next_own == at;

        if (!has_news && offsets[at] == offsets[at + 1])
            continue;
        out->customer = view->shard * SHARD_NUMBERS + at;
        if (view->has_only && !(view->only[at / 64] >> at % 64 & 1)) {
            if (has_news && !view->news.is_gathered)
                scan_skip_news(view, at);
            continue;
        }
        *is_block = !has_news;
        if (has_news)
            scan_stream_of_news(view, at, out);
        return true;
    }
    return false;
}

/* The same with its stream. */
static ALWAYS_INLINE bool scan_next(struct scan_view *view, struct scan_stream *out)
{
    bool is_block;

    if (!scan_next_either(view, out, &is_block))
        return false;
    if (is_block) {
        out->piece_count = 1;
        scan_piece_of_block(view, out->customer % SHARD_NUMBERS, &out->pieces[0]);
    }
    return true;
}

static ALWAYS_INLINE int64_t scan_amount(const struct scan_piece *piece, uint32_t at) /* 0: none */
{
    int64_t amount = piece->amounts != NULL ? piece->amounts[at] : block_value(piece->block, EVENTS_AMOUNT, piece->from + at);

    return amount == NONE ? 0 : amount;
}

/* Seconds lie far apart and are the last to be asked for: those of a customer some way ahead are on their way meanwhile. Enough for
 * who has few events, as most have. */
static ALWAYS_INLINE void scan_fetch_seconds(const struct scan_view *view)
{
    const struct block *block = view->block;
    uint32_t ahead = view->at + SCAN_FETCH_AHEAD < SHARD_NUMBERS ? view->at + SCAN_FETCH_AHEAD : SHARD_NUMBERS;
    const char *at = (const char *)(block->seconds + block->offsets[ahead]);

    for (int line = 0; line < SCAN_FETCH_LINES; line++)
        __builtin_prefetch(at + line * 64);
}

static inline uint16_t scan_kind(const struct scan_piece *piece, uint32_t at)
{
    return piece->is_kind_wide ? ((const uint16_t *)piece->kinds)[at] : ((const uint8_t *)piece->kinds)[at];
}

static inline uint16_t scan_channel(const struct scan_piece *piece, uint32_t at)
{
    return piece->is_channel_wide ? ((const uint16_t *)piece->channels)[at] : ((const uint8_t *)piece->channels)[at];
}

/* Kernels, once for each level of the machine. The levels' files are scan_plain.c, scan_avx2.c, scan_avx512.c. */
struct scan_kernels {
    void (*funnel_forward)(struct scan_view *view, const void *query, uint64_t *sums);
    void (*funnel_back)(struct scan_view *view, const void *query, uint64_t *sums);
    void (*segment)(struct scan_view *view, const void *query, uint64_t *sums);
    void (*channels)(struct scan_view *view, const void *query, uint64_t *sums);
    void (*intervals)(struct scan_view *view, const void *query, uint64_t *sums);
    void (*rfm)(struct scan_view *view, const void *query, uint64_t *sums);
    /* A bit an event of the piece: is it of a kind looked for? */
    void (*kinds)(const struct scan_piece *piece, const struct scan_needles *needles, uint64_t *masks);
    /* A bit a value of a shard: does it lie in [low, high]? */
    void (*within)(const int64_t *values, int64_t low, int64_t high, uint64_t words[BITMAP_SHARD_WORDS]);
};
extern const struct scan_kernels scan_kernels_plain, scan_kernels_avx2, scan_kernels_avx512;
const struct scan_kernels *scan_kernels(const struct scan *scan);
