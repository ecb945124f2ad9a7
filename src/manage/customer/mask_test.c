/* Masks: what is seen of each text, and that a mask never shows all of it. */
#include "scenario.h"

#include "base/utf8.h"
#include "manage/customer/mask.h"

static struct arena *arena;

#define IS(call, expected) assert_true(str_is((call), (expected)))

static void test_phone(void **state)
{
    (void)state;
    IS(mask_phone(arena, S("13812345678")), "138****5678");
    IS(mask_phone(arena, S("442079460000")), "442****0000");
    IS(mask_phone(arena, S("01012345678")), "010****5678");
    IS(mask_phone(arena, S("12345678")), "12****78");
    IS(mask_phone(arena, S("12345")), "1****5");
    IS(mask_phone(arena, S("123")), "****");
    IS(mask_phone(arena, S("")), "****");
    assert_null(mask_phone(arena, (struct str){0}).at);
}

static void test_email(void **state)
{
    (void)state;
    IS(mask_email(arena, S("lin@x.cn")), "l***@x.cn");
    IS(mask_email(arena, S("林安@x.cn")), "林***@x.cn");
    IS(mask_email(arena, S("a@x.cn")), "***@x.cn");
    IS(mask_email(arena, S("no mail at all")), "n****");
    assert_null(mask_email(arena, (struct str){0}).at);
}

static void test_name(void **state)
{
    (void)state;
    IS(mask_name(arena, S("王明")), "王*");
    IS(mask_name(arena, S("王小明")), "王**");
    IS(mask_name(arena, S("迪丽热巴·迪力木拉提")), "迪***");
    IS(mask_name(arena, S("王")), "***");
    IS(mask_name(arena, S("Ana Lee")), "A***");
    IS(mask_name(arena, S("Jo")), "J***");
    IS(mask_name(arena, S("J")), "***");
    IS(mask_name(arena, S("")), "");
    assert_null(mask_name(arena, (struct str){0}).at);
}

static void test_others(void **state)
{
    (void)state;
    IS(mask_address(arena, S("上海市浦东新区世纪大道100号")), "上海市浦东新****");
    IS(mask_address(arena, S("上海市浦东")), "上****东");
    IS(mask_identity(arena, S("phone"), S("13812345678")), "138****5678");
    IS(mask_identity(arena, S("email"), S("lin@x.cn")), "l***@x.cn");
    IS(mask_identity(arena, S("unionid"), S("oWx12345678")), "oW****78");
    IS(mask_identity(arena, S("shop:web"), S("77")), "****");
    assert_null(mask_identity(arena, S("unionid"), (struct str){0}).at);
    assert_null(mask_address(arena, (struct str){0}).at);
}

/* Whatever comes in, in every length: never the whole text. */
static void test_never_all(void **state)
{
    struct str text = S("1王a2小b3明c4九d5十e");

    (void)state;
    for (size_t count = 1; count <= utf8_count(text); count++) {
        struct str part = utf8_head(text, count);
        assert_int_equal(str_find(mask_phone(arena, part), part), -1);
        assert_int_equal(str_find(mask_email(arena, part), part), -1);
        assert_int_equal(str_find(mask_name(arena, part), part), -1);
        assert_int_equal(str_find(mask_address(arena, part), part), -1);
        assert_int_equal(str_find(mask_identity(arena, S("unionid"), part), part), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phone),     cmocka_unit_test(test_email),
        cmocka_unit_test(test_name),      cmocka_unit_test(test_others),
        cmocka_unit_test(test_never_all),
    };
    int failed_count;

    arena = arena_new((size_t)1024 * 1024);
    failed_count = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed_count;
}
