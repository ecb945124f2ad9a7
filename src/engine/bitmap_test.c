/* Bitmaps beside CRoaring: random sets of every density, every combination, changes, saving; and
 * bytes that are not ours. */
#include "engine/bitmap.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>
#include <roaring/roaring.h>

#define SET_COUNT 12
#define NUMBER_MAX 400000

static uint64_t seed = 88172645463325252u;

static uint64_t random_below(uint64_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % max;
}

/* One set, ours and theirs. */
struct pair {
    struct bitmap ours;
    roaring_bitmap_t *theirs;
};

static void assert_same(const struct bitmap *ours, const roaring_bitmap_t *theirs)
{
    uint64_t count = roaring_bitmap_get_cardinality(theirs);
    uint32_t *a = malloc((count + 1) * sizeof(*a)), *b = malloc((count + 1) * sizeof(*b));

    assert_int_equal(bitmap_count(ours), count);
    assert_int_equal(bitmap_read(ours, 0, a, count + 1), count);
    roaring_bitmap_to_uint32_array(theirs, b);
    assert_memory_equal(a, b, count * sizeof(*a));
    free(a);
    free(b);
}

/* Density changes from block to block: none, few, many, nearly all. */
static void pair_fill(struct pair *pair)
{
    bitmap_init(&pair->ours);
    pair->theirs = roaring_bitmap_create();
    for (uint32_t base = 0; base < NUMBER_MAX; base += 65536) {
        static const uint32_t counts[] = {0, 1, 50, 4095, 4096, 4097, 20000, 250000};
        uint32_t count = counts[random_below(8)];

        for (uint32_t i = 0; i < count; i++) {
            uint32_t number = base + (uint32_t)random_below(65536);

            assert_int_equal(bitmap_add(&pair->ours, number),
                             roaring_bitmap_add_checked(pair->theirs, number));
        }
    }
}

static void pair_free(struct pair *pair)
{
    bitmap_release(&pair->ours);
    roaring_bitmap_free(pair->theirs);
}

static void changes_agree(void **state)
{
    struct pair pair;

    (void)state;
    pair_fill(&pair);
    assert_same(&pair.ours, pair.theirs);
    for (int i = 0; i < 600000; i++) {
        uint32_t number = (uint32_t)random_below(NUMBER_MAX);

        if (random_below(8) > 0)
            assert_int_equal(bitmap_remove(&pair.ours, number),
                             roaring_bitmap_remove_checked(pair.theirs, number));
        else
            assert_int_equal(bitmap_add(&pair.ours, number),
                             roaring_bitmap_add_checked(pair.theirs, number));
        assert_int_equal(bitmap_has(&pair.ours, number),
                         roaring_bitmap_contains(pair.theirs, number));
    }
    assert_same(&pair.ours, pair.theirs);
    pair_free(&pair);
}

static void ends_of_the_range(void **state)
{
    struct bitmap bitmap;
    uint32_t read[4];

    (void)state;
    bitmap_init(&bitmap);
    assert_false(bitmap_has(&bitmap, UINT32_MAX));
    assert_int_equal(bitmap_count(&bitmap), 0);
    assert_int_equal(bitmap_read(&bitmap, 0, read, 4), 0);
    assert_true(bitmap_add(&bitmap, UINT32_MAX));
    assert_false(bitmap_add(&bitmap, UINT32_MAX));
    assert_true(bitmap_add(&bitmap, 0));
    assert_false(bitmap_remove(&bitmap, 1));
    assert_int_equal(bitmap_read(&bitmap, 0, read, 4), 2);
    assert_int_equal(read[1], UINT32_MAX);
    assert_int_equal(bitmap_read(&bitmap, 1, read, 4), 1);
    assert_int_equal(bitmap_read(&bitmap, UINT32_MAX, read, 4), 1);
    assert_int_equal(bitmap_read(&bitmap, 0, read, 1), 1);
    bitmap_release(&bitmap);
}

/* ---- combinations ---------------------------------------------------------------------- */

static int choose(struct pair *sets, int max, const struct bitmap **ours,
                  const roaring_bitmap_t **theirs)
{
    int count = (int)random_below((uint64_t)max + 1);

    for (int i = 0; i < count; i++) {
        uint64_t at = random_below(SET_COUNT);

        ours[i] = &sets[at].ours;
        theirs[i] = sets[at].theirs;
    }
    return count;
}

static roaring_bitmap_t *combine_theirs(const roaring_bitmap_t *theirs[3][4],
                                        const struct bitmap_terms *terms)
{
    roaring_bitmap_t *result = roaring_bitmap_or_many((size_t)terms->any_count, theirs[1]);

    if (terms->any_count == 0) {
        roaring_bitmap_free(result);
        result = roaring_bitmap_copy(theirs[0][0]);
    }
    for (int i = 0; i < terms->all_count; i++)
        roaring_bitmap_and_inplace(result, theirs[0][i]);
    for (int i = 0; i < terms->none_count; i++)
        roaring_bitmap_andnot_inplace(result, theirs[2][i]);
    return result;
}

static void combine_random(struct pair *sets)
{
    const struct bitmap *ours[3][4];
    const roaring_bitmap_t *theirs[3][4];
    struct bitmap_terms terms = {ours[0], ours[1], ours[2], 0, 0, 0};
    struct bitmap result, plain;
    roaring_bitmap_t *expected;
    int64_t count;

    terms.all_count = choose(sets, 4, ours[0], theirs[0]);
    terms.any_count = choose(sets, 3, ours[1], theirs[1]);
    terms.none_count = choose(sets, 2, ours[2], theirs[2]);
    if (terms.all_count + terms.any_count == 0)
        return;
    expected = combine_theirs(theirs, &terms);
    bitmap_init(&result);
    bitmap_init(&plain);
    count = bitmap_combine(&terms, NULL);
    assert_int_equal(count, roaring_bitmap_get_cardinality(expected));
    assert_int_equal(bitmap_combine(&terms, &result), count);
    assert_same(&result, expected);
    bitmap_plain(true);
    assert_int_equal(bitmap_combine(&terms, NULL), count);
    assert_int_equal(bitmap_combine(&terms, &plain), count);
    bitmap_plain(false);
    assert_same(&plain, expected);
    roaring_bitmap_free(expected);
    bitmap_release(&result);
    bitmap_release(&plain);
}

static void combinations_agree(void **state)
{
    struct pair sets[SET_COUNT];

    (void)state;
    for (int i = 0; i < SET_COUNT; i++)
        pair_fill(&sets[i]);
    for (int i = 0; i < 300; i++)
        combine_random(sets);
    for (int i = 0; i < SET_COUNT; i++)
        pair_free(&sets[i]);
}

static void shards_and_pages(void **state)
{
    struct pair pair;
    uint64_t words[BITMAP_SHARD_WORDS];
    uint32_t page[37], from = 0;
    int64_t seen = 0, in_shards = 0;
    size_t count;

    (void)state;
    pair_fill(&pair);
    for (uint32_t shard = 0; shard <= NUMBER_MAX / 4096 + 20; shard++) {
        bitmap_shard(&pair.ours, shard, words);
        for (uint32_t i = 0; i < 4096; i++) {
            bool is_in = words[i >> 6] >> (i & 63) & 1;

            assert_int_equal(is_in, roaring_bitmap_contains(pair.theirs, shard * 4096 + i));
            in_shards += is_in;
        }
    }
    do {
        count = bitmap_read(&pair.ours, from, page, 37);
        seen += (int64_t)count;
        from = count > 0 ? page[count - 1] + 1 : from;
    } while (count == 37);
    assert_int_equal(seen, bitmap_count(&pair.ours));
    assert_int_equal(in_shards, seen);
    pair_free(&pair);
}

/* Made of bits, shard by shard as it reads them; what it held before is gone. */
static void filled_is_same(void **state)
{
    static uint64_t words[(NUMBER_MAX / 4096 + 20) * BITMAP_SHARD_WORDS];
    struct bitmap filled;

    (void)state;
    bitmap_init(&filled);
    for (int round = 0; round < 20; round++) {
        struct pair pair;

        pair_fill(&pair);
        for (uint32_t shard = 0; shard < NUMBER_MAX / 4096 + 20; shard++)
            bitmap_shard(&pair.ours, shard, words + (size_t)shard * BITMAP_SHARD_WORDS);
        bitmap_fill(&filled, words, ARRAY_LEN(words));
        assert_same(&filled, pair.theirs);
        bitmap_add(&filled, 70000); /* and can be changed */
        assert_true(bitmap_has(&filled, 70000));
        pair_free(&pair);
    }
    bitmap_release(&filled);
}

/* ---- bytes --------------------------------------------------------------------------- */

static void saved_is_loaded(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct pair pair;
        struct bitmap back;
        struct buf bytes;

        pair_fill(&pair);
        bitmap_init(&back);
        buf_init(&bytes, (size_t)1 << 24);
        bitmap_save(&pair.ours, &bytes);
        assert_int_equal(bitmap_load(buf_view(&bytes), &back), OK);
        assert_same(&back, pair.theirs);
        assert_int_equal(bitmap_add(&back, 7), roaring_bitmap_add_checked(pair.theirs, 7));
        assert_same(&back, pair.theirs);
        buf_release(&bytes);
        bitmap_release(&back);
        pair_free(&pair);
    }
}

static void damage_is_refused(void **state)
{
    struct bitmap bitmap, back;
    struct buf bytes;

    (void)state;
    bitmap_init(&bitmap);
    bitmap_init(&back);
    buf_init(&bytes, (size_t)1 << 20);
    for (uint32_t i = 0; i < 5000; i++)
        bitmap_add(&bitmap, i * 3);
    for (uint32_t i = 0; i < 9; i++)
        bitmap_add(&bitmap, 70000 + i);
    bitmap_save(&bitmap, &bytes);
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(bitmap_load((struct str){bytes.at, len}, &back), E_CORRUPT);
    for (size_t bit = 0; bit < bytes.len * 8; bit += 1 + random_below(9)) {
        bytes.at[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(bitmap_load(buf_view(&bytes), &back), E_CORRUPT);
        assert_int_equal(bitmap_count(&back), 0);
        bytes.at[bit / 8] ^= (char)(1 << bit % 8);
    }
    buf_char(&bytes, 0);
    assert_int_equal(bitmap_load(buf_view(&bytes), &back), E_CORRUPT);
    bytes.len--;
    assert_int_equal(bitmap_load(buf_view(&bytes), &back), OK);
    buf_release(&bytes);
    bitmap_release(&bitmap);
    bitmap_release(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_agree),      cmocka_unit_test(ends_of_the_range),
        cmocka_unit_test(combinations_agree), cmocka_unit_test(shards_and_pages),
        cmocka_unit_test(filled_is_same),     cmocka_unit_test(saved_is_loaded),
        cmocka_unit_test(damage_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
