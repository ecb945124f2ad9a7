/* The generated world: the same seed gives the same brand, another one another; its size and shape
 * stay within what README.md says; nothing happens before its cause or after yesterday. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */
#include <math.h>

#include "demo/demo_private.h"

#define FIRST_DAY 20414 /* 2025-11-22 */

static struct arena *arenas[2];
static struct demo_world worlds[2];

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        arenas[i] = arena_new(256 * 1024 * 1024);
        demo_world_make(arenas[i], 7, FIRST_DAY, &worlds[i]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        arena_free(arenas[i]);
    return 0;
}

static uint64_t world_hash(const struct demo_world *world)
{
    uint64_t hash = 0;

    for (int i = 0; i < world->customer_count; i++) {
        const struct demo_customer *c = &world->customers[i];
        hash = str_hash(c->name, hash + (uint64_t)c->touched_s);
        hash = str_hash(c->phone, hash + (uint64_t)(c->added_s + c->channel));
    }
    for (int i = 0; i < world->order_count; i++) {
        const struct demo_order *o = &world->orders[i];
        hash = str_hash((struct str){(const char *)&o->paid_fen, sizeof(o->paid_fen)},
                        hash + (uint64_t)(o->placed_s + o->customer));
    }
    return hash;
}

static void test_same_seed(void **state)
{
    struct arena *arena = arena_new(256 * 1024 * 1024);
    struct demo_world other;

    (void)state;
    assert_int_equal(world_hash(&worlds[0]), world_hash(&worlds[1]));
    demo_world_make(arena, 8, FIRST_DAY, &other);
    assert_int_not_equal(world_hash(&worlds[0]), world_hash(&other));
    assert_in_range(other.order_count, 60000, 80000);
    arena_free(arena);
}

static void test_size(void **state)
{
    const struct demo_world *world = &worlds[0];
    int invited = 0, buyers = 0, repeat = 0, refunds = 0, cancelled = 0;

    (void)state;
    assert_int_equal(world->customer_count, DEMO_CUSTOMER_COUNT);
    assert_in_range(world->order_count, 60000, 80000);
    for (int i = 0; i < world->customer_count; i++) {
        invited += world->customers[i].inviter != NOBODY;
        buyers += world->customers[i].order_count > 0;
        repeat += world->customers[i].order_count > 1;
    }
    for (int i = 0; i < world->order_count; i++) {
        refunds += world->orders[i].refund_fen > 0;
        cancelled += world->orders[i].is_cancelled;
    }
    /* K, the customers each one brings: about 0.3 of those who came by themselves */
    assert_in_range(invited * 100 / (world->customer_count - invited), 25, 35);
    assert_in_range(buyers * 100 / world->customer_count, 60, 75);
    assert_in_range(repeat * 100 / buyers, 60, 75);
    assert_in_range(refunds * 1000 / world->order_count, 20, 40);
    assert_in_range(cancelled * 1000 / world->order_count, 8, 16);
}

static void test_causes_first(void **state)
{
    const struct demo_world *world = &worlds[0];

    (void)state;
    for (int i = 0; i < world->customer_count; i++) {
        const struct demo_customer *c = &world->customers[i];
        assert_in_range(c->touched_s, 0, YEAR_S - 1);
        if (c->added_s != NOT_EVER)
            assert_in_range(c->added_s, c->touched_s, YEAR_S - 1);
        if (c->inviter != NOBODY)
            assert_true(world->customers[c->inviter].touched_s < c->touched_s);
    }
    for (int i = 0; i < world->order_count; i++) {
        const struct demo_order *o = &world->orders[i];
        int64_t sum_fen = 0;
        assert_true(o->placed_s > world->customers[o->customer].touched_s);
        assert_true(i == 0 || o->placed_s >= world->orders[i - 1].placed_s);
        assert_true(o->placed_s < YEAR_S);
        for (int k = 0; k < o->line_count; k++)
            sum_fen += o->lines[k].price_fen * o->lines[k].quantity_count;
        assert_int_equal(sum_fen, o->paid_fen);
        assert_true(o->refund_fen <= o->paid_fen);
        if (o->refund_fen > 0)
            assert_in_range(o->refund_s, o->placed_s, YEAR_S - 1);
    }
}

/* 双11 stands out, Spring Festival is quiet. */
static void test_seasons(void **state)
{
    int orders[DEMO_DAY_COUNT] = {0}, eleventh = (int)(day_of_date(2026, 11, 11) - FIRST_DAY);
    int spring = (int)(day_of_date(2026, 2, 18) - FIRST_DAY), plain;

    (void)state;
    for (int i = 0; i < worlds[0].order_count; i++)
        orders[worlds[0].orders[i].placed_s / DAY_S]++;
    plain = orders[(int)(day_of_date(2026, 9, 15) - FIRST_DAY)];
    assert_true(orders[eleventh] > 3 * plain);
    assert_true(orders[spring] * 2 < plain);
}

static void test_distributions(void **state)
{
    struct random random;
    double gamma = 0, square = 0, beta = 0, poisson = 0;
    int count = 200000;

    (void)state;
    random_init(&random, 1, 1);
    for (int i = 0; i < count; i++) {
        double x = random_gamma(&random, 0.7, 3.0);
        gamma += x;
        square += x * x;
        beta += random_beta(&random, 0.6, 4.4);
        poisson += (double)random_poisson(&random, 0.9);
    }
    /* mean 3; variance mean squared over shape */
    assert_true(fabs(gamma / count - 3.0) < 0.05);
    assert_true(fabs(square / count - 9.0 - 9.0 / 0.7) < 0.6);
    assert_true(fabs(beta / count - 0.6 / 5.0) < 0.003);
    assert_true(fabs(poisson / count - 0.9) < 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed),     cmocka_unit_test(test_size),
        cmocka_unit_test(test_causes_first),  cmocka_unit_test(test_seasons),
        cmocka_unit_test(test_distributions),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
