/* Arenas and the catcher: zeroed, aligned, capped, reusable. */
#include "base/base.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static jmp_buf caught;
static const char *caught_what;

static void catch_it(void *user, const char *what, const char *file, int line)
{
    (void)file;
    assert_true(line > 0);
    assert_ptr_equal(user, &caught);
    caught_what = what;
    longjmp(caught, 1);
}

static void test_zeroed_and_aligned(void **state)
{
    struct arena *arena = arena_new(64 << 20);

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t bytes = 0; bytes < 3000; bytes += 7) {
            unsigned char *at = arena_alloc(arena, bytes);
            assert_int_equal((uintptr_t)at % 16, 0);
            for (size_t i = 0; i < bytes; i++)
                assert_int_equal(at[i], 0);
            if (bytes)
                memset(at, 0xA5, bytes);
        }
        assert_true(arena_used(arena) > 600000);
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
    arena_free(arena);
    arena_free(NULL);
}

static void test_pieces_do_not_overlap(void **state)
{
    struct arena *arena = arena_new(64 << 20);
    char *first = arena_alloc(arena, 100), *large = arena_alloc(arena, 1 << 20), *last;

    (void)state;
    memset(first, 1, 100);
    memset(large, 2, 1 << 20);
    last = arena_alloc(arena, 100);
    memset(last, 3, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(first[i], 1);
    for (int i = 0; i < 1 << 20; i++)
        assert_int_equal(large[i], 2);
    arena_free(arena);
}

static void test_cap(void **state)
{
    struct arena *arena = arena_new(1000);
    volatile int reached = 0;

    (void)state;
    must_catch(catch_it, &caught);
    if (setjmp(caught) == 0) {
        arena_alloc(arena, 900);
        reached = 1;
        arena_alloc(arena, 101);
        reached = 2;
    }
    assert_int_equal(reached, 1);
    assert_string_equal(caught_what, "arena is full");
    if (setjmp(caught) == 0) {
        arena_array(arena, SIZE_MAX / 2, 4);
        reached = 3;
    }
    assert_int_equal(reached, 1);
    assert_string_equal(caught_what, "array size overflows");
    if (setjmp(caught) == 0) {
        arena_alloc(arena, SIZE_MAX - 3);
        reached = 4;
    }
    assert_int_equal(reached, 1);
    must_catch(NULL, NULL);
    arena_reset(arena);
    assert_non_null(arena_alloc(arena, 992));
    arena_free(arena);
}

/* Filled to the last byte, an arena still has room for the answer that says so; after a reset it is
 * as large as before. */
static void test_reserve(void **state)
{
    struct arena *arena = arena_new(100000);
    volatile int full_count = 0;
    volatile size_t used;

    (void)state;
    must_catch(catch_it, &caught);
    for (int round = 0; round < 3; round++) {
        if (setjmp(caught) == 0)
            for (;;)
                arena_alloc(arena, 16);
        full_count++;
        assert_int_equal(arena_used(arena), 100000);
        assert_non_null(arena_alloc(arena, 60000));
        used = arena_used(arena);
        if (setjmp(caught) == 0)
            for (;;)
                arena_alloc(arena, 16);
        assert_in_range(arena_used(arena), used, 100000 + 64 * 1024);
        arena_reset(arena);
    }
    must_catch(NULL, NULL);
    assert_int_equal(full_count, 3);
    arena_free(arena);
}

static void test_must(void **state)
{
    volatile int reached = 0;

    (void)state;
    must(1 + 1 == 2);
    must_catch(catch_it, &caught);
    if (setjmp(caught) == 0) {
        must(reached == 5);
        reached = 1;
    }
    must_catch(NULL, NULL);
    assert_int_equal(reached, 0);
    assert_string_equal(caught_what, "reached == 5");
}

static void test_err_names(void **state)
{
    (void)state;
    for (int a = 0; a < ERR_COUNT; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(err_name((enum err)a), err_name((enum err)b));
    assert_string_equal(err_name(OK), "ok");
    assert_string_equal(err_name(E_SIGN_IN), "sign_in");
    assert_string_equal(err_name(ERR_COUNT), "unknown");
}

static void test_list(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct list list = {0};
    int64_t cap = 0;

    (void)state;
    for (int64_t i = 0; i < 1000; i++) {
        int64_t *item = list_add(arena, &list, &cap, sizeof(*item));
        assert_int_equal(*item, 0);
        *item = i * i;
    }
    assert_int_equal(list.count, 1000);
    for (int64_t i = 0; i < 1000; i++)
        assert_int_equal(((int64_t *)list.at)[i], i * i);
    arena_free(arena);
}

static void test_map(void **state)
{
    struct arena *arena = arena_new(64 << 20);
    struct map *map = map_new(arena, 3);
    bool is_new;
    char name[32];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20000; i++) {
            int64_t *value;
            snprintf(name, sizeof(name), "key %d", i);
            value = map_slot(map, str_of(name), &is_new);
            assert_int_equal(is_new, round == 0);
            assert_int_equal(*value, round == 0 ? 0 : i);
            *value = i;
        }
    }
    assert_int_equal(map_count(map), 20000);
    assert_null(map_find(map, S("key 20000")));
    assert_int_equal(*map_find(map, S("key 777")), 777);
    assert_null(map_find(map, S("")));
    *map_slot(map, S(""), &is_new) = 9;
    assert_true(is_new);
    assert_int_equal(*map_find(map, (struct str){0}), 9);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_and_aligned),
        cmocka_unit_test(test_pieces_do_not_overlap),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_must),
        cmocka_unit_test(test_err_names),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
