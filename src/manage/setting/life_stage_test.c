/* Life stages against a table counted by hand: ends of months, 29 February, the way back from a
 * band to birth days. */
#include "scenario.h"

#include "base/time.h"
#include "manage/setting/life_stage.h"

static int64_t day_of(const char *iso)
{
    int64_t at_ms;

    assert_int_equal(time_parse(NULL, str_of(iso), &at_ms), OK);
    return at_ms / DAY_MS;
}

static void test_months(void **state)
{
    static const struct {
        const char *birth, *today;
        int64_t months;
    } cases[] = {
        {"2026-03-01", "2026-03-01", 0},  {"2026-03-01", "2026-03-31", 0},
        {"2026-03-01", "2026-04-01", 1},  {"2026-01-15", "2026-02-14", 0},
        {"2026-01-15", "2026-02-15", 1},  {"2026-01-31", "2026-02-27", 0},
        {"2026-01-31", "2026-02-28", 1}, /* the last day stands for the 31st */
        {"2026-01-29", "2026-02-28", 1},  {"2026-01-28", "2026-02-28", 1},
        {"2026-01-31", "2026-03-30", 1},  {"2026-01-31", "2026-03-31", 2},
        {"2026-01-31", "2026-04-29", 2},  {"2026-01-31", "2026-04-30", 3},
        {"2024-01-31", "2024-02-28", 0}, /* a leap year has a 29th */
        {"2024-01-31", "2024-02-29", 1},  {"2024-02-29", "2024-03-28", 0},
        {"2024-02-29", "2024-03-29", 1},  {"2024-02-29", "2025-02-27", 11},
        {"2024-02-29", "2025-02-28", 12}, /* no 29th: the 28th */
        {"2024-02-29", "2025-03-01", 12}, {"2024-02-29", "2028-02-28", 47},
        {"2024-02-29", "2028-02-29", 48}, {"2025-12-31", "2026-01-01", 0},
        {"2025-12-31", "2026-06-29", 5},  {"2025-12-31", "2026-06-30", 6},
        {"2020-03-02", "2026-03-01", 71}, {"2020-03-01", "2026-03-01", 72},
        {"1999-12-31", "2000-02-29", 2},  {"1969-12-31", "1970-01-31", 1},
        {"2026-03-02", "2026-03-01", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (life_stage_age_months(day_of(cases[i].birth), day_of(cases[i].today)) !=
            cases[i].months)
            fail_msg("%s on %s: wanted %d, got %d", cases[i].birth, cases[i].today,
                     (int)cases[i].months,
                     (int)life_stage_age_months(day_of(cases[i].birth), day_of(cases[i].today)));
}

static void test_titles(void **state)
{
    static const struct {
        const char *birth, *title_zh, *title_en;
    } cases[] = {
        {"2026-03-02", "备孕/孕期", "Expecting"},
        {"2026-03-01", "0-6 月", "0-6 months"},
        {"2025-09-02", "0-6 月", "0-6 months"},
        {"2025-09-01", "6-12 月", "6-12 months"},
        {"2025-03-01", "1-3 岁", "1-3 years"},
        {"2023-03-01", "3-6 岁", "3-6 years"},
        {"2020-03-02", "3-6 岁", "3-6 years"},
        {"2020-03-01", "6 岁以上", "6 years and over"},
        {"1960-01-01", "6 岁以上", "6 years and over"},
    };
    struct ctx c = {.arena = scenario_arena};
    struct life_stages stages;

    (void)state;
    assert_true(life_stage_parse(S("6 12 36 72"), &stages));
    stages.today_day = day_of("2026-03-01");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct life_stage stage = life_stage_of(&c, &stages, day_of(cases[i].birth));
        if (!str_is(stage.title_zh, cases[i].title_zh) ||
            !str_is(stage.title_en, cases[i].title_en))
            fail_msg("%s: got %.*s, %.*s", cases[i].birth, STR(stage.title_zh),
                     STR(stage.title_en));
    }
    assert_true(life_stage_of(&c, &stages, NONE).number == NONE);
}

/* Every birth day of ten years lies in the one band whose days hold it, on days that are awkward.
 */
static void test_days(void **state)
{
    static const char *const todays[] = {"2026-03-01", "2026-02-28", "2024-02-29", "2025-03-31",
                                         "2025-04-30", "2026-12-31", "2025-05-30"};
    struct ctx c = {.arena = scenario_arena};
    struct life_stages stages;

    (void)state;
    assert_true(life_stage_parse(S("1 6 12 36 72"), &stages));
    for (size_t t = 0; t < ARRAY_LEN(todays); t++) {
        stages.today_day = day_of(todays[t]);
        for (int64_t birth = stages.today_day - 3000; birth < stages.today_day + 300; birth++) {
            int64_t number = life_stage_of(&c, &stages, birth).number;
            for (int64_t band = LIFE_STAGE_EXPECTING; band < stages.count; band++) {
                int64_t from, to;
                assert_true(life_stage_days(&stages, band, &from, &to));
                if ((birth >= from && birth < to) != (band == number))
                    fail_msg("%s: birth day %d, band %d", todays[t], (int)birth, (int)band);
            }
        }
    }
}

static void test_parse(void **state)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "x",
                                      "6 6",
                                      "12 6",
                                      "6  12",
                                      " 6",
                                      "6 12 ",
                                      "-1",
                                      "1201",
                                      "6.5",
                                      "6,12",
                                      "1 2 3 4 5 6 7 8 9 10 11 12"};
    struct life_stages stages;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (life_stage_parse(str_of(bad[i]), &stages))
            fail_msg("'%s' was taken", bad[i]);
    assert_true(life_stage_parse(S("1 2 3 4 5 6 7 8 9 10 11"), &stages));
    assert_int_equal(stages.count, 12);
}

static const struct scenario setting_cases[] = {
    {"not rising", AS_ADMIN, POST, "/api/settings",
     "{'name':'life_stage_months','value':'12 6','version_count':0,'reason':'x'}", 400,
     "setting.months", ""},
    {"no text", AS_ADMIN, POST, "/api/settings",
     "{'name':'life_stage_months','value':6,'version_count':0,'reason':'x'}", 400, "setting.value",
     ""},
    {"rising", AS_ADMIN, POST, "/api/settings",
     "{'name':'life_stage_months','value':'3 12','version_count':0,'reason':'我们的分法'}", 200,
     "'version_count':1", "setting_changed"},
    {"a mother", AS_OPERATOR, POST, "/api/customers", "{'name':'Ma'}", 200, "'id'",
     "customer_added", .keep = "ma"},
    {"her child", AS_OPERATOR, POST, "/api/customers/$ma/children", "{'birth_date':'2025-12-01'}",
     200, "'id'", "customer_edited"},
    {"in the brand's bands", AS_VIEWER, GET, "/api/customers/$ma/card", NULL, 200,
     "'life_stage_number':1,'life_stage_zh':'3-12 月','life_stage_en':'3-12 months'", ""},
};

static void test_setting(void **state)
{
    (void)state;
    scenario_run(setting_cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_months), cmocka_unit_test(test_titles),  cmocka_unit_test(test_days),
        cmocka_unit_test(test_parse),  cmocka_unit_test(test_setting),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
