/* See engine_data.h. */
#include "engine_data.h"

#include <math.h>
#include <stdlib.h>

#define END 255
#define BATCH 1000
#define EVENTS_MAX ((size_t)1 << 20) /* of one customer */

const struct block_schema data_schema = {.posting_kinds = {DATA_ORDER}, .posting_count = 1};

/* ---- chance -------------------------------------------------------------------------------- */

static uint64_t chance[2];

static uint64_t split(uint64_t *x)
{
    uint64_t z = (*x += 0x9E3779B97F4A7C15ull);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static void chance_set(uint64_t x)
{
    chance[0] = split(&x);
    chance[1] = split(&x);
}

static uint64_t draw(void)
{
    uint64_t a = chance[0], b = chance[1], r = a + b;

    b ^= a;
    chance[0] = ((a << 24) | (a >> 40)) ^ b ^ (b << 16);
    chance[1] = (b << 37) | (b >> 27);
    return r;
}

static double unit(void)
{
    return (double)(draw() >> 11) * 0x1.0p-53;
}

static double waiting(double mean)
{
    return -mean * log(1.0 - unit());
}

/* ---- one customer -------------------------------------------------------------------------- */

/* Within a session: what follows each kind, in percent; the rest is the end. */
static const struct {
    uint8_t count;
    struct {
        uint8_t kind, percent;
    } next[8];
} chain[DATA_KINDS] = {
    [0] = {3, {{1, 45}, {3, 25}, {25, 8}}},
    [1] = {4, {{11, 45}, {2, 20}, {5, 12}, {16, 13}}},
    [2] = {4, {{11, 58}, {2, 20}, {3, 6}, {31, 1}}},
    [11] = {4, {{2, 50}, {3, 12}, {16, 3}, {11, 8}}},
    [3] = {8, {{4, 40}, {3, 28}, {7, 2}, {24, 3}, {23, 6}, {2, 3}, {16, 2}, {14, 3}}},
    [4] = {6, {{3, 42}, {8, 19}, {4, 10}, {16, 3}, {24, 3}, {15, 2}}},
    [5] = {3, {{2, 40}, {6, 20}, {3, 10}}},
    [6] = {4, {{36, 50}, {35, 10}, {3, 12}, {7, 3}}},
    [7] = {3, {{36, 25}, {3, 25}, {35, 5}}},
    [8] = {4, {{28, 42}, {3, 30}, {8, 8}, {17, 4}}},
    [28] = {5, {{9, 62}, {27, 6}, {29, 8}, {17, 8}, {3, 4}}},
    [17] = {2, {{9, 70}, {28, 10}}},
    [27] = {1, {{9, 75}}},
    [29] = {2, {{9, 35}, {2, 15}}},
    [9] = {5, {{36, 55}, {3, 8}, {7, 3}, {2, 6}, {30, 4}}},
    [36] = {3, {{3, 20}, {37, 5}, {35, 4}}},
    [16] = {2, {{3, 50}, {8, 10}}},
    [23] = {2, {{3, 70}, {23, 12}}},
    [24] = {2, {{3, 50}, {8, 8}}},
    [14] = {2, {{3, 40}, {15, 10}}},
    [15] = {1, {{3, 30}}},
    [19] = {3, {{21, 45}, {22, 25}, {20, 28}}},
    [21] = {3, {{21, 45}, {22, 15}, {20, 35}}},
    [22] = {3, {{8, 20}, {3, 30}, {20, 40}}},
    [26] = {4, {{3, 60}, {6, 15}, {38, 2}, {23, 10}}},
    [25] = {2, {{16, 50}, {3, 30}}},
    [39] = {3, {{14, 25}, {3, 25}, {15, 6}}},
    [33] = {1, {{3, 25}}},
    [34] = {1, {{3, 70}}},
    [35] = {2, {{36, 20}, {18, 10}}},
    [31] = {2, {{11, 60}, {32, 15}}},
    [18] = {1, {{11, 40}}},
};

static const struct {
    uint8_t kind, percent;
} starts[] = {{26, 20}, {3, 17}, {11, 17}, {2, 12}, {6, 9}, {39, 7},
              {19, 5},  {34, 4}, {33, 3},  {23, 3}, {0, 2}, {5, 1}};

static uint8_t start_kind(void)
{
    int left = (int)(draw() % 100);

    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        left -= starts[i].percent;
        if (left < 0)
            return starts[i].kind;
    }
    return DATA_VIEW;
}

static uint8_t next_kind(uint8_t kind)
{
    int left = (int)(draw() % 100);

    for (int i = 0; i < chain[kind].count; i++) {
        left -= chain[kind].next[i].percent;
        if (left < 0)
            return chain[kind].next[i].kind;
    }
    return END;
}

static uint8_t draw_channel(void)
{
    int channel = (int)(exp(unit() * log(201.0)) - 1);

    return (uint8_t)(channel > DATA_CHANNELS - 1 ? DATA_CHANNELS - 1 : channel);
}

static uint32_t draw_time_of_day(void)
{
    static const uint8_t hours[24] = {2, 1, 1, 1, 1, 1, 2, 3, 5,  7,  8, 8,
                                      9, 7, 6, 6, 6, 6, 7, 9, 11, 11, 8, 4};
    int left = (int)(draw() % 131), hour = 0;

    while (hour < 23 && (left -= hours[hour]) >= 0)
        hour++;
    return (uint32_t)hour * 3600 + (uint32_t)(draw() % 3600);
}

static uint32_t draw_amount(void)
{
    double g = unit() + unit() + unit() + unit() - 2.0;

    return (uint32_t)(9900 * exp(1.1 * g)) / 10 * 10 + 90;
}

struct session {
    struct data_event *out;
    size_t count, max;
    uint32_t customer, second;
    uint8_t channel;
};

static void session_run(struct session *s, uint8_t kind)
{
    while (kind != END && s->count < s->max) {
        uint32_t amount = kind == DATA_ORDER ? draw_amount() : 0;

        s->out[s->count++] = (struct data_event){s->customer, s->second, amount, kind, s->channel};
        if (kind == DATA_ORDER && draw() % 100 < 6 && s->count < s->max)
            s->out[s->count++] = (struct data_event){
                s->customer, s->second + DATA_DAY + (uint32_t)(draw() % (13 * DATA_DAY)), amount,
                DATA_REFUND, s->channel};
        s->second += 1 + (uint32_t)waiting(kind == DATA_MESSAGE || kind == 11 ? 45 : 25);
        kind = next_kind(kind);
    }
}

static int by_second(const void *a, const void *b)
{
    uint32_t x = ((const struct data_event *)a)->second, y = ((const struct data_event *)b)->second;

    return (x > y) - (x < y);
}

/* Sorted, within the year, no second twice: so that no engine's rule for ties matters. */
static void spread(struct data_event *events, size_t count)
{
    uint32_t limit = DATA_NOW - 1;

    for (size_t i = 0; i < count; i++)
        events[i].second = events[i].second >= DATA_NOW ? DATA_NOW - 1 : events[i].second;
    qsort(events, count, sizeof(*events), by_second);
    for (size_t i = 1; i < count; i++) {
        if (events[i].second <= events[i - 1].second)
            events[i].second = events[i - 1].second + 1;
    }
    for (size_t i = count; i-- > 0; limit--) {
        if (events[i].second > limit)
            events[i].second = limit;
        else
            limit = events[i].second;
    }
}

static size_t customer_make(uint32_t customer, size_t wanted, struct data_event *out)
{
    double start = unit() < 0.35 ? unit() * 14 * DATA_DAY : unit() * 345 * DATA_DAY,
           life = waiting(200.0 * DATA_DAY);
    struct session s = {.out = out, .max = wanted, .customer = customer};
    uint8_t home = draw_channel();
    double gap, at = start;

    life = start + life + DATA_DAY > DATA_NOW ? DATA_NOW - start : life + DATA_DAY;
    gap = life / ((double)wanted / 5.0 + 1);
    for (bool is_first = true; s.count < wanted; is_first = false) {
        at += is_first ? 0 : waiting(gap);
        if (at > start + life)
            at = start + unit() * life * 0.5;
        s.second =
            is_first ? (uint32_t)at : (uint32_t)(at / DATA_DAY) * DATA_DAY + draw_time_of_day();
        s.channel = unit() < 0.7 ? home : draw_channel();
        session_run(&s, is_first ? DATA_SCAN : start_kind());
    }
    spread(out, s.count);
    return s.count;
}

/* ---- all ------------------------------------------------------------------------------------- */

static void sort_all(struct data *data)
{
    struct data_event *other = malloc(data->count * sizeof(*other) + 1);

    must(other != NULL);
    for (int shift = 0; shift < 26; shift += 13) {
        size_t *places = calloc(8192, sizeof(*places)), sum = 0;
        struct data_event *from = data->events;

        must(places != NULL);
        for (size_t i = 0; i < data->count; i++)
            places[from[i].second >> shift & 8191]++;
        for (int i = 0; i < 8192; i++) {
            size_t here = places[i];

            places[i] = sum;
            sum += here;
        }
        for (size_t i = 0; i < data->count; i++)
            other[places[from[i].second >> shift & 8191]++] = from[i];
        data->events = other;
        other = from;
        free(places);
    }
    free(other);
}

const int data_asked[DATA_ASKED] = {3, 17, 42, 99, 250};

void data_tags_make(struct bitmap tags[DATA_TAGS], uint32_t customer_count)
{
    for (int i = 0; i < DATA_TAGS; i++)
        bitmap_init(&tags[i]);
    for (uint32_t customer = 0; customer < customer_count; customer++) {
        chance_set(777u ^ (uint64_t)customer << 20);
        for (int left = 4 + (int)(draw() % 13); left > 0; left--) {
            int tag = (int)(exp(unit() * log(501.0)) - 1);

            bitmap_add(&tags[tag < DATA_TAGS ? tag : DATA_TAGS - 1], customer);
        }
    }
}

/* How many events the customer of this rank has: weight 1 / (rank + q), the total by carrying the
 * rest over. */
void data_make(struct data *data, uint32_t customer_count, uint32_t mean)
{
    double q = customer_count / 1000.0, sum = log((customer_count + q) / q), rest = 0;
    size_t max = (size_t)customer_count * mean + EVENTS_MAX;

    *data = (struct data){.events = malloc(max * sizeof(struct data_event)),
                          .customer_count = customer_count};
    must(data->events != NULL);
    for (uint32_t rank = 0; rank < customer_count; rank++) {
        uint32_t customer = (uint32_t)(((uint64_t)rank * 611953u + 12345u) % customer_count);
        size_t wanted;

        chance_set(20250101u ^ (uint64_t)customer << 20);
        rest += customer_count * (double)mean * log((rank + 1 + q) / (rank + q)) / sum;
        wanted = (size_t)rest;
        rest -= (double)wanted;
        must(data->count + wanted <= max);
        if (wanted > 0)
            data->count += customer_make(customer, wanted, data->events + data->count);
    }
    sort_all(data);
    data_tags_make(data->tags, customer_count);
}

void data_free(struct data *data)
{
    free(data->events);
    for (int i = 0; i < DATA_TAGS; i++)
        bitmap_release(&data->tags[i]);
}

uint32_t data_customers(void)
{
    const char *setting = getenv("ENGINE_CUSTOMERS");
    long count = setting != NULL ? strtol(setting, NULL, 10) : 0;

    return count > 0 ? (uint32_t)count : 100000;
}

void data_append(const struct data *data, struct store *store, size_t from, size_t to)
{
    struct engine_event events[BATCH];
    struct engine_value values[BATCH];

    while (from < to) {
        struct store_batch batch = {0, store_position(store, 0) + 1, {events, 0, values, 0}};
        uint64_t seq;

        for (; from < to && batch.events.count < BATCH; from++) {
            const struct data_event *event = &data->events[from];
            struct engine_event *out = &events[batch.events.count++];

            *out = (struct engine_event){event->customer, event->second, event->kind,
                                         event->channel, EVENTS_NO_VALUE};
            if (event->amount == 0)
                continue;
            out->value = (uint32_t)batch.events.value_count;
            values[batch.events.value_count++] =
                (struct engine_value){event->amount, EVENTS_AMOUNT, 1, 0};
        }
        must(store_append(store, &batch, &seq) == OK);
    }
}
