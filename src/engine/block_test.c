/* Blocks beside a plain list of events: several generations with late events, ties, wide kinds and
 * values; damage. */
#include "engine/block.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/block_private.h"

#define SHARD 3
#define MODEL_MAX 60000

static uint64_t seed = 88172645463325252u;

static uint64_t random_below(uint64_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % max;
}

/* An event as the test knows it; NONE: no such value. */
struct known {
    uint32_t customer, second;
    uint16_t kind, channel;
    int64_t amount, property;
    int arrival;
};

struct model {
    struct known events[MODEL_MAX];
    int count;
};

static int by_order(const void *a, const void *b)
{
    const struct known *x = a, *y = b;

    if (x->customer != y->customer)
        return x->customer < y->customer ? -1 : 1;
    if (x->second != y->second)
        return x->second < y->second ? -1 : 1;
    return x->arrival - y->arrival;
}

/* How a generation's events look. */
struct style {
    int count;
    uint32_t second_from, second_span, customers, kind_max, channel_max;
    int64_t amount_max;
};

static struct known event_random(const struct style *style)
{
    struct known known = {.amount = NONE, .property = NONE};

    known.customer =
        SHARD * SHARD_NUMBERS + (uint32_t)random_below(style->customers) * 7 % SHARD_NUMBERS;
    known.second = style->second_from + (uint32_t)random_below(style->second_span);
    known.kind = (uint16_t)random_below(style->kind_max);
    known.channel = (uint16_t)random_below(style->channel_max);
    if (random_below(5) == 0)
        known.amount = (int64_t)random_below((uint64_t)style->amount_max) - style->amount_max / 2;
    if (random_below(50) == 0)
        known.property = (int64_t)random_below(1000);
    return known;
}

/* Adds a generation to the model and gives it as the engine takes it, unsorted. */
static struct events generation(struct arena *arena, struct model *model, const struct style *style)
{
    struct engine_event *events =
        arena_new_array(arena, struct engine_event, (size_t)style->count + 1);
    struct engine_value *values =
        arena_new_array(arena, struct engine_value, (size_t)style->count * 2 + 1);
    uint32_t value_count = 0;

    for (int i = 0; i < style->count; i++) {
        struct known known = event_random(style);

        known.arrival = model->count;
        assert_true(model->count < MODEL_MAX);
        model->events[model->count++] = known;
        events[i] = (struct engine_event){known.customer, known.second, known.kind, known.channel,
                                          EVENTS_NO_VALUE};
        if (known.amount != NONE || known.property != NONE)
            events[i].value = value_count;
        if (known.property != NONE)
            values[value_count++] =
                (struct engine_value){known.property, 5, known.amount == NONE, 0};
        if (known.amount != NONE)
            values[value_count++] = (struct engine_value){known.amount, EVENTS_AMOUNT, 1, 0};
    }
    return (struct events){events, (size_t)style->count, values, value_count};
}

static const struct block_schema schema = {
    .posting_kinds = {2, 300}, .posting_count = 2, .week_offset = 12345};

static void assert_customer(const struct block *block, const struct known *known, int count,
                            uint32_t customer)
{
    uint32_t from = block->offsets[customer];
    uint64_t weeks[BLOCK_WEEK_WORD_MAX] = {0};

    assert_int_equal(block->offsets[customer + 1] - from, count);
    for (int i = 0; i < count; i++) {
        uint32_t at = from + (uint32_t)i,
                 week = (known[i].second + schema.week_offset) / BLOCK_WEEK_SECONDS;

        assert_int_equal(block->seconds[at], known[i].second);
        assert_int_equal(block_kind(block, at), known[i].kind);
        assert_int_equal(block_channel(block, at), known[i].channel);
        assert_true(block_value(block, EVENTS_AMOUNT, at) == known[i].amount);
        assert_true(block_value(block, 5, at) == known[i].property);
        assert_true(block_value(block, 6, at) == NONE);
        weeks[(week - block->week_base) / 64] |= (uint64_t)1 << (week - block->week_base) % 64;
    }
    assert_int_equal(block->firsts[customer], count > 0 ? known[0].second : 0);
    assert_int_equal(block->lasts[customer], count > 0 ? known[count - 1].second : 0);
    assert_memory_equal(block->weeks + (size_t)customer * block->week_words, weeks,
                        block->week_words * sizeof(*weeks));
}

static void assert_postings(const struct block *block, const struct known *known, int count,
                            uint32_t customer)
{
    for (uint32_t i = 0; i < schema.posting_count; i++) {
        const struct block_posting *posting = block_posting(block, schema.posting_kinds[i]);
        uint32_t at = posting->offsets[customer];

        for (int j = 0; j < count; j++) {
            if (known[j].kind != posting->kind)
                continue;
            assert_int_equal(posting->seconds[at], known[j].second);
            assert_true(posting->amounts[at] == (known[j].amount == NONE ? 0 : known[j].amount));
            at++;
        }
        assert_int_equal(at, posting->offsets[customer + 1]);
    }
    assert_null(block_posting(block, 1));
}

static void assert_model(const struct block *block, struct model *model)
{
    int at = 0;

    qsort(model->events, (size_t)model->count, sizeof(*model->events), by_order);
    assert_int_equal(block->count, model->count);
    for (uint32_t customer = 0; customer < SHARD_NUMBERS; customer++) {
        int end = at;

        while (end < model->count && model->events[end].customer % SHARD_NUMBERS == customer)
            end++;
        assert_customer(block, model->events + at, end - at, customer);
        assert_postings(block, model->events + at, end - at, customer);
        at = end;
    }
    assert_int_equal(at, model->count);
}

/* The next generation on top of the last; the old bytes are given back. */
static void step(struct model *model, const struct style *style, struct buf *bytes,
                 struct block *block, uint64_t seq)
{
    struct arena *arena = arena_new((size_t)64 << 20);
    struct events news = generation(arena, model, style), sorted;
    struct block_parts parts = {SHARD, seq, block->count > 0 ? block : NULL, &sorted, &schema};
    struct buf next;
    const char *why;

    assert_true(events_are_sound(&news));
    events_sort(arena, &news, &sorted);
    buf_init(&next, (size_t)64 << 20);
    assert_int_equal(block_make(&parts, &next), OK);
    buf_release(bytes);
    *bytes = next;
    assert_int_equal(block_open(buf_view(bytes), block, &why), OK);
    assert_int_equal(block->shard, SHARD);
    assert_int_equal(block->seq, seq);
    assert_int_equal(block->week_offset, schema.week_offset);
    assert_model(block, model);
    arena_free(arena);
}

static void generations_agree(void **state)
{
    static const struct style styles[] = {
        {3000, 1700000000, 500, 600, 5, 5, 1000},         /* many ties */
        {0, 0, 1, 1, 1, 1, 1},                            /* nothing new */
        {3000, 1700000400, 500, 600, 5, 5, 1000},         /* later, and ties with what is there */
        {10, 1600000000, 100, 4096, 255, 256, 1000},      /* late, before everything */
        {2000, 1650000000, 90000000, 4096, 400, 5, 1000}, /* kinds become wide; many weeks */
        {2000, 1650000000, 90000000, 40, 400, 999, (int64_t)1 << 40},
        {5000, 0, 4000000000, 4096, 4, 4, 10},
    };
    struct model *model = calloc(1, sizeof(*model));
    struct block block = {0};
    struct buf bytes;

    (void)state;
    buf_init(&bytes, 1);
    for (size_t i = 0; i < ARRAY_LEN(styles); i++)
        step(model, &styles[i], &bytes, &block, i + 1);
    assert_true(block.is_kind_wide && block.is_channel_wide && block.values[0].is_wide &&
                !block.values[5].is_wide);
    buf_release(&bytes);
    free(model);
}

static void made_the_same(void **state)
{
    struct style style = {4000, 1700000000, 5000000, 300, 9, 9, 900};
    struct model *model = calloc(1, sizeof(*model));
    struct block blocks[2];
    struct buf bytes[2];

    (void)state;
    for (int i = 0; i < 2; i++) { /* in one generation, as in the order of the log */
        seed = 4711;
        model->count = 0;
        blocks[i] = (struct block){0};
        buf_init(&bytes[i], 1);
        step(model, &style, &bytes[i], &blocks[i], 9);
    }
    assert_int_equal(bytes[0].len, bytes[1].len);
    assert_memory_equal(bytes[0].at, bytes[1].at, bytes[0].len);
    buf_release(&bytes[0]);
    buf_release(&bytes[1]);
    free(model);
}

static void merges_are_stable(void **state)
{
    struct arena *arena = arena_new((size_t)64 << 20);
    struct model *model = calloc(1, sizeof(*model));
    struct style style = {700, 1000, 40, 30, 9, 9, 900};
    struct events lists[5], merged, part;

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct events news = generation(arena, model, &style);

        events_sort(arena, &news, &lists[i]);
    }
    events_merge(arena, lists, 5, &merged);
    assert_true(events_are_sound(&merged));
    qsort(model->events, (size_t)model->count, sizeof(*model->events), by_order);
    assert_int_equal(merged.count, model->count);
    for (int i = 0; i < model->count; i++) {
        assert_int_equal(merged.at[i].customer, model->events[i].customer);
        assert_int_equal(merged.at[i].second, model->events[i].second);
        assert_int_equal(merged.at[i].kind, model->events[i].kind);
        assert_true((merged.at[i].value != EVENTS_NO_VALUE) ==
                    (model->events[i].amount != NONE || model->events[i].property != NONE));
    }
    part = events_between(&merged, SHARD * SHARD_NUMBERS + 5, SHARD * SHARD_NUMBERS + 50);
    for (size_t i = 0; i < part.count; i++)
        assert_in_range(part.at[i].customer, SHARD * SHARD_NUMBERS + 5, SHARD * SHARD_NUMBERS + 49);
    assert_true(part.count > 0);
    free(model);
    arena_free(arena);
}

static void unsound_events(void **state)
{
    struct engine_value values[] = {{1, 0, 0, 0}, {2, 3, 1, 0}};
    struct engine_event event = {.value = 0};
    struct events events = {&event, 1, values, 2};

    (void)state;
    assert_true(events_are_sound(&events));
    event.value = 2;
    assert_false(events_are_sound(&events));
    event.value = 0;
    values[1].column = 0; /* twice */
    assert_false(events_are_sound(&events));
    values[1].column = EVENTS_COLUMN_MAX;
    assert_false(events_are_sound(&events));
    values[1].column = 3;
    values[1].is_last = 0; /* never closed */
    assert_false(events_are_sound(&events));
    values[1].is_last = 1;
    assert_true(events_are_sound(&events));
}

static void damage_is_named(void **state)
{
    struct style style = {1500, 1700000000, 5000, 300, 300, 9, 900};
    struct model *model = calloc(1, sizeof(*model));
    struct block block = {0};
    struct buf bytes;
    const char *why;

    (void)state;
    buf_init(&bytes, 1);
    step(model, &style, &bytes, &block, 1);
    for (size_t len = 0; len < bytes.len; len += 1 + len / 8) {
        assert_int_equal(block_open((struct str){bytes.at, len}, &block, &why), E_CORRUPT);
        assert_non_null(why);
    }
    for (uint32_t i = 0; i < ((struct block_head *)(void *)bytes.at)->row_count; i++) {
        struct block_row row =
            ((struct block_row *)(void *)(bytes.at + sizeof(struct block_head)))[i];

        for (int j = 0; j < 8 && row.bytes > 0; j++) {
            size_t at = row.at + random_below(row.bytes);

            bytes.at[at] ^= (char)(1 << j);
            assert_int_equal(block_open(buf_view(&bytes), &block, &why), E_CORRUPT);
            bytes.at[at] ^= (char)(1 << j);
        }
    }
    for (size_t at = 0; at < sizeof(struct block_head) + 19 * sizeof(struct block_row); at++) {
        bytes.at[at] ^= 4;
        assert_int_equal(block_open(buf_view(&bytes), &block, &why), E_CORRUPT);
        bytes.at[at] ^= 4;
    }
    assert_int_equal(block_open(buf_view(&bytes), &block, &why), OK);
    buf_release(&bytes);
    free(model);
}

static void too_large_is_said(void **state)
{
    struct events none = {0};
    struct block_parts parts = {SHARD, 1, NULL, &none, &schema};
    struct buf out;

    (void)state;
    for (size_t max = 0; max < 200000; max = max * 2 + 64) {
        buf_init(&out, max);
        if (block_make(&parts, &out) == OK)
            max = 200000;
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generations_agree), cmocka_unit_test(made_the_same),
        cmocka_unit_test(merges_are_stable), cmocka_unit_test(unsound_events),
        cmocka_unit_test(damage_is_named),   cmocka_unit_test(too_large_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
