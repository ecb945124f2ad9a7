/* What sqlgen makes of sample.sql, compiled and run on a database made by its own migrations. */
#include "gen/sample.q.h"

#include "host/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static struct ctx ctx;
static char folder[64];
static int statements_left; /* what the budget still allows */

enum err ctx_statement(struct ctx *c, int query)
{
    (void)query;
    c->statement_count++;
    return statements_left-- > 0 ? OK : E_INTERNAL;
}

enum err ctx_db_failed(struct ctx *c, enum err err, const char *query)
{
    c->fault.code = query;
    return err;
}

static int set_up(void **state)
{
    int was_version;

    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/sample_test_XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    ctx = (struct ctx){.now_ms = 1000, .me_staff_id = NONE, .me_customer_id = NONE};
    ctx.arena = arena_new(8 * 1024 * 1024);
    statements_left = 1000;
    if (db_open(ctx.arena, str_fmt(ctx.arena, "%s/x.db", folder), DB_WRITE, &ctx.db) != OK)
        return 1;
    if (db_migrate(ctx.db, &was_version) != OK || was_version != 0)
        return 1;
    return q_shop_add(&ctx, 7, S("Ana's")) != OK;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    db_close(ctx.db);
    arena_free(ctx.arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void add(int64_t id, int64_t shop_id, struct str code, int64_t left_count)
{
    struct q_coupon_add_in in = {.coupon_id = id,
                                 .shop_id = shop_id,
                                 .code = code,
                                 .left_count = left_count,
                                 .price_fen = NONE,
                                 .is_open = true,
                                 .code_hash = S("\0\1")};

    assert_int_equal(q_coupon_add(&ctx, &in), OK);
}

static void every_type_comes_back(void **state)
{
    struct q_coupon_get_row row;

    (void)state;
    ctx.me_staff_id = 99;
    add(1, 7, S("a"), 3);
    ctx.me_staff_id = NONE;
    add(2, NONE, S("蝶"), 0);
    assert_int_equal(q_coupon_get(&ctx, 1, &row), OK);
    assert_int_equal(row.id, 1);
    assert_int_equal(row.shop_id, 7);
    assert_true(str_is(row.code, "a"));
    assert_null(row.title.at);
    assert_true(row.price_fen == NONE);
    assert_true(row.is_open);
    assert_true(str_eq(row.code_hash, S("\0\1")));
    assert_int_equal(row.created_ms, 1000);
    assert_int_equal(row.staff_id, 99);
    assert_int_equal(q_coupon_get(&ctx, 2, &row), OK);
    assert_true(row.staff_id == NONE);
    assert_true(row.shop_id == NONE);
    assert_int_equal(q_coupon_get(&ctx, 3, &row), E_NOT_FOUND);
    assert_true(row.id == NONE);
    assert_null(row.code.at);
    assert_false(row.is_open);
}

static void changed_is_counted(void **state)
{
    int64_t changed_count;

    (void)state;
    add(1, 7, S("a"), 1);
    assert_int_equal(q_coupon_take(&ctx, 1, &changed_count), OK);
    assert_int_equal(changed_count, 1);
    assert_int_equal(q_coupon_take(&ctx, 1, &changed_count), OK);
    assert_int_equal(changed_count, 0);
}

static void lists_and_filters(void **state)
{
    const struct q_coupon_list_row *rows;
    struct q_coupon_sum_row sum;
    struct list list;
    char code[2] = "a";

    (void)state;
    for (int64_t id = 1; id <= 5; id++, code[0]++)
        add(id, id % 2 == 1 ? 7 : NONE, str_copy(ctx.arena, str_of(code)), id * 2);
    assert_int_equal(q_coupon_list(&ctx, 7, 0, 2, &list), OK);
    assert_int_equal(list.count, 2);
    rows = list.at;
    assert_int_equal(rows[1].coupon_id, 3);
    assert_true(str_is(rows[1].shop_name, "Ana's"));
    assert_true(str_is(rows[1].remark, "it's; -- ok"));
    assert_int_equal(q_coupon_list(&ctx, NONE, 1, 100, &list), OK);
    assert_int_equal(list.count, 4);
    rows = list.at;
    assert_null(rows[0].shop_name.at);
    assert_int_equal(q_coupon_list(&ctx, 8, 0, 100, &list), OK);
    assert_int_equal(list.count, 0);
    assert_int_equal(q_coupon_sum(&ctx, true, &sum), OK);
    assert_int_equal(sum.coupon_count, 5);
    assert_int_equal(sum.left_count, 30);
    assert_true(sum.price_fen == NONE);
    assert_true(sum.has_many);
}

struct seen {
    int64_t count;
    int64_t stop_at;
};

static enum err seen_add(void *user, const struct q_coupon_each_row *row)
{
    struct seen *seen = user, inner = {.stop_at = NONE};

    assert_int_equal(row->code.len, 1);
    if (seen->stop_at != NONE && ++seen->count == 1) /* the same query again, inside itself */
        TRY(q_coupon_each(&ctx, 0, seen_add, &inner));
    return row->id == seen->stop_at ? E_RATE : OK;
}

static void each_streams(void **state)
{
    struct seen seen = {.stop_at = 2};

    (void)state;
    add(1, 7, S("a"), 1);
    add(2, 7, S("b"), 1);
    add(3, 7, S("c"), 1);
    assert_int_equal(q_coupon_each(&ctx, 0, seen_add, &seen), E_RATE);
    assert_int_equal(seen.count, 2);
    seen = (struct seen){.stop_at = 99};
    assert_int_equal(q_coupon_each(&ctx, 0, seen_add, &seen), OK);
    assert_int_equal(seen.count, 3);
}

static void batches_and_lookups(void **state)
{
    const struct q_coupon_fill_in fill[] = {{1, S("a"), 5}, {2, S("b"), 5}, {3, S("a"), 2}};
    const struct q_coupon_find_in find[] = {{S("b")}, {S("none")}, {S("a")}};
    const struct q_coupon_make_in make[] = {{8, 7, S("x")}, {9, 7, S("a")}};
    struct q_coupon_find_row found[3];
    struct q_coupon_make_row made[2];
    struct q_coupon_get_row row;
    int64_t changed[3];
    int before = ctx.statement_count;

    (void)state;
    assert_int_equal(q_coupon_fill(&ctx, fill, 3, changed), OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(changed[i], 1);
    assert_int_equal(ctx.statement_count, before + 1);
    assert_int_equal(q_coupon_get(&ctx, 1, &row), OK);
    assert_int_equal(row.left_count, 7);
    assert_int_equal(q_coupon_fill(&ctx, fill, 0, NULL), OK);
    assert_int_equal(q_coupon_find(&ctx, find, 3, found), OK);
    assert_int_equal(found[0].id, 2);
    assert_true(found[1].id == NONE);
    assert_int_equal(found[2].id, 1);
    assert_int_equal(q_coupon_make(&ctx, make, 2, made), OK);
    assert_int_equal(made[0].id, 8);
    assert_true(str_is(made[0].code, "x"));
    assert_true(made[1].id == NONE);
}

static void returning(void **state)
{
    struct q_shop_make_row row;
    const struct q_coupon_make_in orphan = {8, 12345, S("x")};
    struct q_coupon_make_row made;

    (void)state;
    assert_int_equal(q_shop_make(&ctx, 8, S("Bo's"), &row), OK);
    assert_true(row.is_new);
    assert_int_equal(q_shop_make(&ctx, 9, S("Bo's"), &row), OK);
    assert_int_equal(row.id, 8);
    assert_false(row.is_new);
    /* a foreign key is checked when the statement ends, after its row came back */
    assert_int_equal(q_coupon_make(&ctx, &orphan, 1, &made), E_CONFLICT);
    assert_true(strcmp(ctx.fault.code, "coupon_make") == 0);
}

static void like_minds_case(void **state)
{
    struct q_coupon_like_row row;

    (void)state;
    add(1, 7, S("Ab"), 1);
    add(2, 7, S("ab"), 1);
    add(3, 7, S("a%"), 1);
    assert_int_equal(q_coupon_like(&ctx, S("a%"), &row), OK);
    assert_int_equal(row.coupon_count, 2);
    assert_int_equal(q_coupon_like(&ctx, S("a~%"), &row), OK);
    assert_int_equal(row.coupon_count, 1);
}

static void the_budget_ends(void **state)
{
    struct q_coupon_get_row row;

    (void)state;
    statements_left = 1;
    assert_int_equal(q_coupon_get(&ctx, 1, &row), E_NOT_FOUND);
    assert_int_equal(q_coupon_get(&ctx, 1, &row), E_INTERNAL);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(every_type_comes_back), CASE(changed_is_counted),  CASE(lists_and_filters),
        CASE(each_streams),          CASE(batches_and_lookups), CASE(returning),
        CASE(like_minds_case),       CASE(the_budget_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
