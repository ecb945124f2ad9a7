/* bitmap-and5: how many of a million customers carry five common tags, beside CRoaring's AND of the
 * same sets. Rounds take turns. */
#include "bench.h"

#include "engine/bitmap.h"

#include <stdio.h>

#ifdef HAS_ROARING
#include <roaring/roaring.h>

#define CUSTOMERS 1000000
#define TAGS 5
#define ROUNDS 31
#define TIMES 20
#define BAR 0.2

static struct bitmap ours[TAGS];
static roaring_bitmap_t *theirs[TAGS];

static void fill(void)
{
    uint64_t seed = 88172645463325252u;

    for (int tag = 0; tag < TAGS; tag++) {
        bitmap_init(&ours[tag]);
        theirs[tag] = roaring_bitmap_create();
        for (uint32_t number = 0; number < CUSTOMERS; number++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            if ((seed >> 20) % 10 >= 4)
                continue;
            bitmap_add(&ours[tag], number);
            roaring_bitmap_add(theirs[tag], number);
        }
        roaring_bitmap_run_optimize(theirs[tag]);
    }
}

static double run_ours(int64_t *count)
{
    const struct bitmap *all[TAGS] = {&ours[0], &ours[1], &ours[2], &ours[3], &ours[4]};
    struct bitmap_terms terms = {.all = all, .all_count = TAGS};
    double start_us = bench_now_us();

    for (int i = 0; i < TIMES; i++)
        *count = bitmap_combine(&terms, NULL);
    return (bench_now_us() - start_us) / TIMES;
}

/* Three intermediate sets, then a count: the best way CRoaring has. */
static double run_theirs(int64_t *count)
{
    double start_us = bench_now_us();

    for (int i = 0; i < TIMES; i++) {
        roaring_bitmap_t *set = roaring_bitmap_and(theirs[0], theirs[1]);

        roaring_bitmap_and_inplace(set, theirs[2]);
        roaring_bitmap_and_inplace(set, theirs[3]);
        *count = (int64_t)roaring_bitmap_and_cardinality(set, theirs[4]);
        roaring_bitmap_free(set);
    }
    return (bench_now_us() - start_us) / TIMES;
}

int main(void)
{
    struct bench_row row = {
        .name = "bitmap-and5", .unit = "us", .peer = "CRoaring 0.2.66", .bar = BAR};
    double us[ROUNDS], peer_us[ROUNDS], ratio[ROUNDS];
    int64_t count = 0, peer_count = 0;

    if (!bench_wants(row.name))
        return 0;
    fill();
    for (int i = 0; i < ROUNDS; i++) {
        us[i] = run_ours(&count);
        peer_us[i] = run_theirs(&peer_count);
        ratio[i] = us[i] / peer_us[i];
        must(count == peer_count);
    }
    printf("%lld of %d customers have all %d tags\n", (long long)count, CUSTOMERS, TAGS);
    row.value = bench_median(us, ROUNDS);
    row.peer_value = bench_median(peer_us, ROUNDS);
    row.ratio = bench_median(ratio, ROUNDS);
    bench_row_print(&row);
    return 0;
}
#else
int main(void)
{
    if (bench_wants("bitmap-and5"))
        puts("bitmap-and5: needs libroaring-dev");
    return 0;
}
#endif
