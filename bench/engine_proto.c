/* See engine_proto.h. */
#include "engine_proto.h"

#include <stdlib.h>

#define DAY DATA_DAY
#define WEEK 604800u
#define WINDOW WEEK
#define PAD 64

bool proto_can(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

static void *zeros(size_t bytes)
{
    void *at = aligned_alloc(64, (bytes + 64 + 63) / 64 * 64);

    must(at != NULL);
    memset(at, 0, bytes + 64);
    return at;
}

/* ---- the data -------------------------------------------------------------------------------- */

static uint64_t count_amounts(const struct snapshot *snapshot)
{
    uint64_t count = 0;

    for (uint32_t shard = 0; shard < snapshot_shards(snapshot); shard++)
        count += snapshot_block(snapshot, shard)->values[EVENTS_AMOUNT].count;
    return count;
}

static void proto_customer(struct proto *p, const struct block *block, uint32_t own,
                           uint32_t customer)
{
    uint64_t at = p->off[customer], amount = p->amount_off[customer];
    uint32_t order = p->order_off[customer];

    for (uint32_t i = block->offsets[own]; i < block->offsets[own + 1]; i++, at++) {
        uint8_t kind = (uint8_t)block_kind(block, i);

        p->kinds[at] = kind;
        p->channels[at] = (uint8_t)block_channel(block, i);
        p->seconds[at] = block->seconds[i];
        p->weeks[customer] |= (uint64_t)1 << block->seconds[i] / WEEK;
        if (kind == DATA_ORDER || kind == DATA_REFUND)
            p->amounts[amount++] = (uint32_t)block_value(block, EVENTS_AMOUNT, i);
        if (kind == DATA_ORDER) {
            p->order_seconds[order] = block->seconds[i];
            p->order_amounts[order++] = p->amounts[amount - 1];
        }
    }
    if (at > p->off[customer]) {
        p->firsts[customer] = p->seconds[p->off[customer]];
        p->lasts[customer] = p->seconds[at - 1];
    }
    p->off[customer + 1] = at;
    p->amount_off[customer + 1] = amount;
    p->order_off[customer + 1] = order;
}

static void proto_tags(struct proto *p, const struct data *data)
{
    for (int tag = 0; tag < DATA_ASKED; tag++) {
        p->tags[tag] = zeros(p->customers / 8 + 8192);
        for (uint32_t shard = 0; shard * SHARD_NUMBERS < p->customers; shard++)
            bitmap_shard(&data->tags[data_asked[tag]], shard,
                         p->tags[tag] + (size_t)shard * BITMAP_SHARD_WORDS);
    }
}

void proto_make(struct proto *p, const struct data *data, const struct snapshot *snapshot)
{
    size_t count = data->count, customers = data->customer_count;
    size_t amounts = count_amounts(snapshot);

    *p = (struct proto){.customers = data->customer_count};
    p->off = zeros((customers + 2) * 8);
    p->kinds = (uint8_t *)zeros(count + 2 * PAD) + PAD;
    p->channels = (uint8_t *)zeros(count + 2 * PAD) + PAD;
    p->seconds = zeros(count * 4 + PAD);
    p->amount_off = zeros((customers + 2) * 8);
    p->amounts = zeros(amounts * 4 + PAD);
    p->order_off = zeros((customers + 2) * 4);
    p->order_seconds = zeros(amounts * 4 + PAD);
    p->order_amounts = zeros(amounts * 4 + PAD);
    p->firsts = zeros(customers * 4);
    p->lasts = zeros(customers * 4);
    p->weeks = zeros(customers * 8);
    for (uint32_t customer = 0; customer < customers; customer++)
        proto_customer(p, snapshot_block(snapshot, customer / SHARD_NUMBERS),
                       customer % SHARD_NUMBERS, customer);
    proto_tags(p, data);
}

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx2,bmi,bmi2,popcnt,lzcnt")))

/* Bit i: at[i] is one of the kinds. */
TARGET static inline uint64_t mask_of(const uint8_t *at, size_t n, const __m512i *kinds, int count)
{
    __mmask64 in = n >= 64 ? ~0ull : (1ull << n) - 1;
    __m512i v = _mm512_maskz_loadu_epi8(in, at);
    uint64_t mask = 0;

    for (int i = 0; i < count; i++)
        mask |= _mm512_cmpeq_epi8_mask(v, kinds[i]);
    return mask & in;
}

TARGET static inline __m512i all_of(unsigned kind)
{
    return _mm512_set1_epi8((char)kind);
}

/* ---- funnels --------------------------------------------------------------------------------- */

TARGET static inline int funnel_step(int level, unsigned step, int t, int starts[4])
{
    switch (step) {
    case 1:
        starts[1] = t;
        return level < 1 ? 1 : level;
    case 2:
        if (starts[1] < 0 || t - starts[1] > (int)WINDOW)
            return level;
        starts[2] = starts[1];
        return level < 2 ? 2 : level;
    case 3:
        if (starts[2] < 0 || t - starts[2] > (int)WINDOW)
            return level;
        starts[3] = starts[2];
        return level < 3 ? 3 : level;
    default:
        return starts[3] >= 0 && t - starts[3] <= (int)WINDOW ? 4 : level;
    }
}

TARGET void proto_funnel(const struct proto *p, const uint8_t kinds[4], uint64_t levels[5])
{
    uint8_t steps[256] = {0};
    __m512i k[4];

    for (unsigned i = 0; i < 4; i++) {
        k[i] = all_of(kinds[i]);
        steps[kinds[i]] = (uint8_t)(i + 1);
    }
    for (uint32_t c = 0; c < p->customers; c++) {
        int starts[4] = {-1, -1, -1, -1}, level = -1;

        for (uint64_t i = p->off[c], end = p->off[c + 1]; i < end && level < 4; i += 64) {
            uint64_t mask = mask_of(p->kinds + i, end - i, k, 4);

            if (mask != 0 && level < 0)
                level = 0;
            for (; mask != 0 && level < 4; mask &= mask - 1) {
                uint64_t at = i + (unsigned)__builtin_ctzll(mask);

                level = funnel_step(level, steps[p->kinds[at]], (int)p->seconds[at], starts);
            }
        }
        if (level >= 0)
            levels[level]++;
    }
}

TARGET static inline int64_t bit_before(const uint64_t *m, int64_t at)
{
    int64_t word;
    uint64_t x;

    if (at <= 0)
        return -1;
    word = (at - 1) >> 6;
    x = m[word] & (~0ull >> (63 - ((at - 1) & 63)));
    while (x == 0) {
        if (--word < 0)
            return -1;
        x = m[word];
    }
    return word * 64 + 63 - __builtin_clzll(x);
}

TARGET static int back_level(uint64_t masks[4][1024], const uint64_t *any, size_t words,
                             const uint32_t *seconds)
{
    for (int last = 3; last > 0; last--) {
        if (any[last] == 0)
            continue;
        for (size_t word = 0; word < words; word++) {
            for (uint64_t x = masks[last][word]; x != 0; x &= x - 1) {
                int64_t end = (int64_t)(word * 64) + __builtin_ctzll(x), start = end;

                for (int step = last - 1; step >= 0 && start >= 0; step--)
                    start = bit_before(masks[step], start);
                if (start >= 0 && seconds[end] - seconds[start] <= WINDOW)
                    return last + 1;
            }
        }
    }
    return 1;
}

TARGET void proto_funnel_back(const struct proto *p, const uint8_t kinds[4], uint64_t levels[5])
{
    static uint64_t masks[4][1024];
    __m512i k[4];

    for (unsigned i = 0; i < 4; i++)
        k[i] = all_of(kinds[i]);
    for (uint32_t c = 0; c < p->customers; c++) {
        uint64_t from = p->off[c], n = p->off[c + 1] - from, any[4] = {0};
        size_t words = (n + 63) / 64;

        must(words <= 1024);
        for (size_t w = 0; w < words; w++) {
            size_t rest = n - w * 64;
            __mmask64 in = rest >= 64 ? ~0ull : (1ull << rest) - 1;
            __m512i v = _mm512_maskz_loadu_epi8(in, p->kinds + from + w * 64);

            for (int i = 0; i < 4; i++)
                any[i] |= masks[i][w] = _mm512_mask_cmpeq_epi8_mask(in, v, k[i]);
        }
        if (any[0] != 0)
            levels[back_level(masks, any, words, p->seconds + from)]++;
        else if ((any[1] | any[2] | any[3]) != 0)
            levels[0]++;
    }
}

/* ---- segment --------------------------------------------------------------------------------- */

TARGET static bool segment_holds(const struct proto *p, uint32_t c, const __m512i *k)
{
    unsigned views = 0, orders = 0;
    uint64_t i = p->off[c + 1], from = p->off[c];

    while (i > from) {
        size_t n = i - from > 64 ? 64 : (size_t)(i - from);
        uint64_t bits;

        i -= n;
        for (bits = mask_of(p->kinds + i, n, k, 3); bits != 0;) {
            unsigned j = 63u - (unsigned)__builtin_clzll(bits);
            uint32_t t = p->seconds[i + j], kind = p->kinds[i + j];

            bits &= ~(1ull << j);
            if (t < DATA_NOW - 90 * DAY)
                return views >= 3 && orders > 0;
            if (kind == DATA_ORDER)
                orders++;
            else if (kind == DATA_VIEW)
                views += t >= DATA_NOW - 30 * DAY;
            else if (t >= DATA_NOW - 7 * DAY)
                return false;
            if (orders > 0 && views >= 3 && t < DATA_NOW - 7 * DAY)
                return true;
        }
        if (p->seconds[i] < DATA_NOW - 90 * DAY)
            break;
    }
    return views >= 3 && orders > 0;
}

TARGET uint64_t proto_segment(const struct proto *p, bool is_summed)
{
    __m512i k[3] = {all_of(DATA_MESSAGE), all_of(DATA_VIEW), all_of(DATA_ORDER)};
    uint64_t count = 0;

    for (uint32_t w = 0; w < (p->customers + 63) / 64; w++) {
        uint64_t tagged = 0;

        for (int i = 0; i < DATA_ASKED; i++)
            tagged |= p->tags[i][w];
        for (; tagged != 0; tagged &= tagged - 1) {
            uint32_t c = w * 64 + (uint32_t)__builtin_ctzll(tagged);

            if (is_summed &&
                (p->lasts[c] < DATA_NOW - 90 * DAY || p->order_off[c] == p->order_off[c + 1] ||
                 p->order_seconds[p->order_off[c + 1] - 1] < DATA_NOW - 90 * DAY))
                continue;
            count += segment_holds(p, c, k);
        }
    }
    return count;
}

/* ---- RFM ----------------------------------------------------------------------------------- */

struct buyers {
    uint64_t *values[3];
    size_t count;
};

TARGET static void buyer_of_columns(const struct proto *p, uint32_t c, uint64_t out[3])
{
    __m512i k[2] = {all_of(DATA_ORDER), all_of(DATA_REFUND)};
    uint64_t amount = p->amount_off[c];

    for (uint64_t i = p->off[c], end = p->off[c + 1]; i < end; i += 64) {
        for (uint64_t mask = mask_of(p->kinds + i, end - i, k, 2); mask != 0;
             mask &= mask - 1, amount++) {
            uint64_t at = i + (unsigned)__builtin_ctzll(mask);

            if (p->kinds[at] != DATA_ORDER)
                continue;
            out[0] = p->seconds[at];
            out[1]++;
            out[2] += p->amounts[amount];
        }
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void quintiles(const uint64_t *values, size_t count, uint64_t bounds[4])
{
    static uint32_t h[65536];
    uint64_t most = 0;
    int shift = 0;

    for (size_t i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    while (most >> shift > 65535)
        shift++;
    memset(h, 0, sizeof(h));
    for (size_t i = 0; i < count; i++)
        h[values[i] >> shift]++;
    for (size_t j = 0; j < 4; j++) {
        uint64_t rank = (count * (j + 1) + 4) / 5 - 1, below = 0, *found, n = 0;
        uint32_t b = 0;

        while (below + h[b] <= rank)
            below += h[b++];
        bounds[j] = b;
        if (shift == 0)
            continue;
        found = malloc(h[b] * 8ull);
        must(found != NULL);
        for (size_t i = 0; i < count; i++) {
            if (values[i] >> shift == b)
                found[n++] = values[i];
        }
        qsort(found, n, 8, by_value);
        bounds[j] = found[rank - below];
        free(found);
    }
}

void proto_rfm(const struct proto *p, bool is_summed, uint64_t cells[125])
{
    static struct buyers buyers;
    uint64_t bounds[3][4];

    for (int i = 0; i < 3 && buyers.values[i] == NULL; i++)
        buyers.values[i] = zeros((size_t)p->customers * 8);
    buyers.count = 0;
    for (uint32_t c = 0; c < p->customers; c++) {
        uint64_t value[3] = {0};

        if (!is_summed)
            buyer_of_columns(p, c, value);
        value[1] = is_summed ? p->order_off[c + 1] - p->order_off[c] : value[1];
        if (value[1] == 0)
            continue;
        if (is_summed)
            value[0] = p->order_seconds[p->order_off[c + 1] - 1];
        for (uint32_t i = p->order_off[c]; is_summed && i < p->order_off[c + 1]; i++)
            value[2] += p->order_amounts[i];
        for (int i = 0; i < 3; i++)
            buyers.values[i][buyers.count] = value[i];
        buyers.count++;
    }
    for (int i = 0; i < 3; i++)
        quintiles(buyers.values[i], buyers.count, bounds[i]);
    for (size_t i = 0; i < buyers.count; i++) {
        unsigned cell[3] = {0};

        for (int j = 0; j < 3; j++) {
            for (int t = 0; t < 4; t++)
                cell[j] += buyers.values[j][i] > bounds[j][t];
        }
        cells[cell[0] * 25 + cell[1] * 5 + cell[2]]++;
    }
}

/* ---- cohorts, channels, intervals, paths ------------------------------------------------- */

void proto_cohort(const struct proto *p, bool is_summed, uint64_t reach[12][13])
{
    for (uint32_t c = 0; c < p->customers; c++) {
        uint64_t i = p->off[c], end = p->off[c + 1], weeks = 0;
        uint32_t first;

        if (i == end)
            continue;
        first = (is_summed ? p->firsts[c] : p->seconds[i]) / WEEK;
        if (first < 28 || first >= 40)
            continue;
        if (is_summed)
            weeks = p->weeks[c];
        else
            for (; i < end; i++)
                weeks |= 1ull << p->seconds[i] / WEEK;
        reach[first - 28][12]++;
        weeks >>= first;
        for (int k = 0; k < 12; k++)
            reach[first - 28][k] += weeks >> k & 1;
    }
}

TARGET void proto_channels(const struct proto *p, uint64_t channels[256][4])
{
    uint32_t seen[256], bought[256];
    __m512i k[2] = {all_of(DATA_ORDER), all_of(DATA_REFUND)};

    memset(seen, 255, sizeof(seen));
    memset(bought, 255, sizeof(bought));
    for (uint32_t c = 0; c < p->customers; c++) {
        uint64_t amount = p->amount_off[c], end = p->off[c + 1];
        unsigned is_first = 1;

        for (uint64_t i = p->off[c]; i < end; i += 64) {
            size_t n = end - i < 64 ? end - i : 64;
            __mmask64 in = n == 64 ? ~0ull : (1ull << n) - 1;
            __m512i here = _mm512_maskz_loadu_epi8(in, p->channels + i);
            __m512i before = _mm512_maskz_loadu_epi8(in, p->channels + i - 1);
            uint64_t changes = _mm512_mask_cmpneq_epi8_mask(in, here, before) | is_first;

            is_first = 0;
            for (; changes != 0; changes &= changes - 1) {
                unsigned h = p->channels[i + (unsigned)__builtin_ctzll(changes)];

                if (seen[h] != c)
                    channels[h][0]++;
                seen[h] = c;
            }
            for (uint64_t mask = mask_of(p->kinds + i, n, k, 2); mask != 0;
                 mask &= mask - 1, amount++) {
                uint64_t at = i + (unsigned)__builtin_ctzll(mask);
                unsigned h = p->channels[at];

                if (p->kinds[at] != DATA_ORDER)
                    continue;
                channels[h][2]++;
                channels[h][3] += p->amounts[amount];
                if (bought[h] != c)
                    channels[h][1]++;
                bought[h] = c;
            }
        }
    }
}

TARGET void proto_intervals(const struct proto *p, bool is_summed, uint64_t days[400])
{
    __m512i k = all_of(DATA_ORDER);

    for (uint32_t c = 0; c < p->customers; c++) {
        uint32_t first = 0, found = 0, second = 0;

        if (is_summed && p->order_off[c + 1] - p->order_off[c] >= 2) {
            first = p->order_seconds[p->order_off[c]];
            second = p->order_seconds[p->order_off[c] + 1];
            found = 2;
        }
        for (uint64_t i = p->off[c], end = p->off[c + 1]; !is_summed && i < end && found < 2;
             i += 64) {
            for (uint64_t mask = mask_of(p->kinds + i, end - i, &k, 1); mask != 0;
                 mask &= mask - 1) {
                second = p->seconds[i + (unsigned)__builtin_ctzll(mask)];
                if (++found == 2)
                    break;
                first = second;
            }
        }
        if (found == 2)
            days[(second - first) / DAY]++;
    }
}

void proto_paths(const struct proto *p, uint64_t pairs[64][64])
{
    for (uint32_t c = 0; c < p->customers; c++) {
        uint64_t i = p->off[c + 1], from = p->off[c];
        unsigned after;

        if (i == from || p->seconds[--i] < DATA_NOW - 90 * DAY)
            continue;
        after = p->kinds[i];
        while (i-- > from && p->seconds[i] >= DATA_NOW - 90 * DAY) {
            unsigned kind = p->kinds[i];

            pairs[kind][after]++;
            after = kind;
        }
    }
}
#endif
