/* Numbers and dates of cells: what is written as the mapping says is taken to the last digit,
 * everything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include "manage/import/import_private.h"

static struct arena *arena;

static struct import_mapping mapping_of(char decimal, char thousands, const char *date_order)
{
    return (struct import_mapping){
        .decimal = decimal, .thousands = thousands, .date_order = str_of(date_order)};
}

/* ---- numbers --------------------------------------------------------------------------------- */

struct number_case {
    const char *text;
    int64_t micro; /* NONE: refused */
};

static void numbers_check(const struct import_mapping *mapping, const struct number_case *cases,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t micro = 0;
        bool is_good = import_parse_decimal(mapping, str_of(cases[i].text), &micro);

        if (is_good != (cases[i].micro != NONE) || (is_good && micro != cases[i].micro))
            print_error("\"%s\" gave %d %" PRId64 "\n", cases[i].text, is_good, micro);
        assert_int_equal(is_good, cases[i].micro != NONE);
        if (is_good)
            assert_int_equal(micro, cases[i].micro);
    }
}

static void test_decimal_point(void **state)
{
    static const struct number_case cases[] = {
        {"0", 0},
        {"1", 1000000},
        {"2.55", 2550000},
        {"-11062.06", -11062060000},
        {"+3.1", 3100000},
        {"0.000001", 1},
        {"-0.000001", -1},
        {"007", 7000000},
        {"-0", 0},
        {"9223372036854.775807", INT64_MAX},
        {"9223372036854.775808", NONE},
        {"-9223372036854.775807", -INT64_MAX},
        {"9223372036855", NONE},
        {"99999999999999999999", NONE},
        {"9999999999999999999999999999999999999999999999999999999999999999", NONE},
        {"0.0000001", NONE},
        {"1.0000000", NONE},
        {"", NONE},
        {"-", NONE},
        {"+", NONE},
        {".", NONE},
        {".5", NONE},
        {"5.", NONE},
        {"--5", NONE},
        {"5-", NONE},
        {"1e3", NONE},
        {"1E-3", NONE},
        {"0x10", NONE},
        {"nan", NONE},
        {"inf", NONE},
        {"1,5", NONE},
        {"1,234", NONE},
        {"1,234.5", NONE},
        {"1 234", NONE},
        {"1.2.3", NONE},
        {"1'000", NONE},
        {"¥5", NONE},
        {"$5", NONE},
        {"5%", NONE},
        {"１２", NONE},
        {"−5", NONE},
        {"(5)", NONE},
        {"12a", NONE},
        {" 5", NONE},
        {"5 ", NONE},
        {"5\t", NONE},
    };
    struct import_mapping mapping = mapping_of('.', 0, "ymd");

    (void)state;
    numbers_check(&mapping, cases, ARRAY_LEN(cases));
}

static void test_decimal_thousands(void **state)
{
    static const struct number_case english[] = {
        {"1,234.56", 1234560000}, {"12,345", 12345000000}, {"1,234,567.8", 1234567800000},
        {"1234.56", 1234560000},  {"1234,567", NONE},      {"1,23", NONE},
        {"1,2345", NONE},         {",123", NONE},          {"1,,234", NONE},
        {"1,234,", NONE},         {"1,234.5,6", NONE},     {"1.234,56", NONE},
        {"-1,234", -1234000000},  {"0,123", 123000000},    {"1,", NONE},
    };
    static const struct number_case german[] = {
        {"1.234,56", 1234560000}, {"1234,56", 1234560000}, {"1,234.56", NONE},
        {"0,5", 500000},          {"1.5", NONE},           {"1.500", 1500000000},
    };
    static const struct number_case french[] = {
        {"1 234,56", 1234560000}, {"1  234", NONE}, {"1 234.56", NONE}};
    struct import_mapping mapping = mapping_of('.', ',', "ymd");

    (void)state;
    numbers_check(&mapping, english, ARRAY_LEN(english));
    mapping = mapping_of(',', '.', "ymd");
    numbers_check(&mapping, german, ARRAY_LEN(german));
    mapping = mapping_of(',', ' ', "ymd");
    numbers_check(&mapping, french, ARRAY_LEN(french));
}

static void test_count_and_money(void **state)
{
    struct import_mapping mapping = mapping_of('.', 0, "ymd");
    int64_t value;

    (void)state;
    assert_true(import_parse_count(&mapping, S("6"), &value) && value == 6);
    assert_true(import_parse_count(&mapping, S("-80995"), &value) && value == -80995);
    assert_true(import_parse_count(&mapping, S("6.000"), &value) && value == 6);
    assert_false(import_parse_count(&mapping, S("6.5"), &value));
    assert_true(import_parse_money(&mapping, 2, S("12.34"), &value) && value == 1234);
    assert_true(import_parse_money(&mapping, 2, S("12.340"), &value) && value == 1234);
    assert_false(import_parse_money(&mapping, 2, S("12.345"), &value));
    assert_true(import_parse_money(&mapping, 0, S("12"), &value) && value == 12);
    assert_false(import_parse_money(&mapping, 0, S("12.5"), &value));
    assert_true(import_parse_money(&mapping, 3, S("1.005"), &value) && value == 1005);
}

/* ---- dates ----------------------------------------------------------------------------------- */

struct date_case {
    const char *text, *iso; /* NULL: refused */
};

static void dates_check(struct import_mapping *mapping, const struct date_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t utc_ms = 0;
        bool is_good = import_parse_time(mapping, str_of(cases[i].text), &utc_ms);

        if (is_good != (cases[i].iso != NULL))
            print_error("\"%s\" gave %d\n", cases[i].text, is_good);
        assert_int_equal(is_good, cases[i].iso != NULL);
        if (is_good)
            assert_string_equal(str_cstr(arena, time_iso(arena, utc_ms)), cases[i].iso);
    }
}

static struct zone *zone_of(const char *name)
{
    struct zone *zone;

    assert_int_equal(zone_load(arena, str_of(name), &zone), OK);
    return zone;
}

static void test_year_first(void **state)
{
    static const struct date_case cases[] = {
        {"2010-12-01 08:26:00", "2010-12-01T08:26:00.000Z"},
        {"2010-12-01", "2010-12-01T00:00:00.000Z"},
        {"2010/1/2 3:04", "2010-01-02T03:04:00.000Z"},
        {"2010.12.01 08:26", "2010-12-01T08:26:00.000Z"},
        {"2011-07-01 00:30:00", "2011-06-30T23:30:00.000Z"}, /* British summer */
        {"2011年7月1日 12:00", "2011-07-01T11:00:00.000Z"},
        {"20110701", "2011-06-30T23:00:00.000Z"},
        {"2011-07-01T12:00:00.250Z", "2011-07-01T12:00:00.250Z"},
        {"2011-07-01T12:00:00+08:00", "2011-07-01T04:00:00.000Z"},
        {"2011-07-01T12:00:00-0330", "2011-07-01T15:30:00.000Z"},
        {"2011-07-01 12:00:00 +0800", "2011-07-01T04:00:00.000Z"},
        {"2011-07-01 12:00:00.123456789Z", "2011-07-01T12:00:00.123Z"},
        {"2011-03-27 01:30:00", "2011-03-27T01:00:00.000Z"}, /* the hour that is not */
        {"2011-10-30 01:30:00", "2011-10-30T00:30:00.000Z"}, /* the hour that is twice */
        {"2012-02-29", "2012-02-29T00:00:00.000Z"},
        {"2011-02-29", NULL},
        {"2010-13-01", NULL},
        {"2010-00-10", NULL},
        {"2010-12-32", NULL},
        {"01-12-2010", NULL},
        {"10-12-01", NULL},
        {"2010-12/01", NULL},
        {"2010-12-01 24:00", NULL},
        {"2010-12-01 08:60", NULL},
        {"2010-12-01 08:26:61", NULL},
        {"2010-12-01 8", NULL},
        {"2010-12-01 08:26:00 x", NULL},
        {"2010-12-01x", NULL},
        {"2010-12-01T", NULL},
        {"2010-12-01 08:26:00.", NULL},
        {"2010-12-01 08:26+25:00", NULL},
        {"1969-12-31", NULL},
        {"2101-01-01", NULL},
        {"99999-01-01", NULL},
        {"40513", NULL}, /* a spreadsheet's day number is no date */
        {"", NULL},
        {"yesterday", NULL},
        {"-1-1-1", NULL},
        {"2010年12月01", NULL},
        {"201107011", NULL},
    };
    struct import_mapping mapping = mapping_of('.', 0, "ymd");

    (void)state;
    mapping.zone = zone_of("Europe/London");
    dates_check(&mapping, cases, ARRAY_LEN(cases));
}

static void test_other_orders(void **state)
{
    static const struct date_case day_first[] = {
        {"01/12/2010 08:26", "2010-12-01T00:26:00.000Z"},
        {"1.12.2010", "2010-11-30T16:00:00.000Z"},
        {"13/12/2010", "2010-12-12T16:00:00.000Z"},
        {"12/13/2010", NULL},
        {"2010-12-01", "2010-11-30T16:00:00.000Z"},
        {"2010-13-01", NULL},
        {"1/12/10", NULL},
    };
    static const struct date_case month_first[] = {
        {"12/1/2010 8:26", "2010-12-01T00:26:00.000Z"},
        {"12/1/2010 8:26 PM", "2010-12-01T12:26:00.000Z"},
        {"12/1/2010 12:00 AM", "2010-11-30T16:00:00.000Z"},
        {"12/1/2010 12:00 pm", "2010-12-01T04:00:00.000Z"},
        {"12/1/2010 13:00 PM", NULL},
        {"12/1/2010 0:30 AM", NULL},
        {"13/12/2010", NULL},
    };
    struct import_mapping mapping = mapping_of('.', 0, "dmy");
    int64_t day;

    (void)state;
    mapping.zone = zone_of("Asia/Shanghai");
    dates_check(&mapping, day_first, ARRAY_LEN(day_first));
    mapping.date_order = S("mdy");
    dates_check(&mapping, month_first, ARRAY_LEN(month_first));
    assert_true(import_parse_day(&mapping, S("1/2/1970"), &day));
    assert_int_equal(day, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimal_point),   cmocka_unit_test(test_decimal_thousands),
        cmocka_unit_test(test_count_and_money), cmocka_unit_test(test_year_first),
        cmocka_unit_test(test_other_orders),
    };
    int failed_count;

    arena = arena_new(64 * 1024 * 1024);
    failed_count = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed_count;
}
