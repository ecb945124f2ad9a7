/* Calendar, zones against the C library's reading of the same files, texts. */
#include "base/time.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define ZONE_BYTES_MAX (256 * 1024)

static struct arena *arena;
static uint64_t seed = 88172645463325252u;

static int arena_open(void **state)
{
    (void)state;
    arena = arena_new(64 << 20);
    return 0;
}

static int arena_close(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static uint64_t random_below(uint64_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % max;
}

static struct zone *zone_of(const char *name)
{
    struct str path = str_fmt(arena, "/usr/share/zoneinfo/%s", name);
    char *bytes = arena_alloc(arena, ZONE_BYTES_MAX);
    FILE *file = fopen(path.at, "rb");
    struct zone *zone;
    size_t len;

    if (!file)
        fail_msg("%s: package tzdata is missing", path.at);
    len = fread(bytes, 1, ZONE_BYTES_MAX, file);
    fclose(file);
    assert_int_equal(zone_parse(arena, (struct str){bytes, len}, &zone), OK);
    return zone;
}

static void test_calendar(void **state)
{
    int last_year = 0, last_month = 0, last_date = 0;

    (void)state;
    assert_int_equal(day_of_date(1970, 1, 1), 0);
    assert_int_equal(day_of_date(2000, 3, 1), 11017);
    assert_int_equal(day_of_date(1969, 12, 31), -1);
    for (int64_t day = day_of_date(1, 1, 1); day <= day_of_date(9999, 12, 31); day++) {
        int year, month, date;
        day_to_date(day, &year, &month, &date);
        assert_true(date_is_valid(year, month, date));
        assert_int_equal(day_of_date(year, month, date), day);
        if (date != 1) {
            assert_int_equal(year, last_year);
            assert_int_equal(month, last_month);
            assert_int_equal(date, last_date + 1);
        }
        last_year = year, last_month = month, last_date = date;
    }
    assert_false(date_is_valid(2023, 2, 29));
    assert_true(date_is_valid(2024, 2, 29));
    assert_false(date_is_valid(1900, 2, 29));
    assert_false(date_is_valid(2024, 13, 1));
    assert_false(date_is_valid(2024, 0, 1));
    assert_false(date_is_valid(2024, 4, 31));
    assert_false(date_is_valid(2024, 4, 0));
    assert_false(date_is_valid(0, 4, 1));
}

/* Compares one instant with the C library, and the way back. */
static void compare_instant(const struct zone *zone, int64_t utc_ms)
{
    time_t utc_s = (time_t)(utc_ms >= 0 ? utc_ms / 1000 : -((-utc_ms + 999) / 1000));
    struct civil local;
    struct tm tm;
    int64_t back_ms;

    localtime_r(&utc_s, &tm);
    zone_local(zone, utc_ms, &local);
    if (local.year != tm.tm_year + 1900 || local.month != tm.tm_mon + 1 ||
        local.day != tm.tm_mday || local.hour != tm.tm_hour || local.minute != tm.tm_min ||
        local.second != tm.tm_sec || local.weekday % 7 != tm.tm_wday)
        fail_msg("%s: %lld: %04d-%02d-%02d %02d:%02d:%02d", getenv("TZ"), (long long)utc_s,
                 local.year, local.month, local.day, local.hour, local.minute, local.second);
    assert_int_equal(zone_offset_ms(zone, utc_ms), tm.tm_gmtoff * 1000);
    back_ms = zone_instant(zone, &local);
    assert_true(back_ms <= utc_ms);
    if (back_ms != utc_ms) { /* a time that comes twice: the same clock, earlier */
        struct civil again;
        zone_local(zone, back_ms, &again);
        assert_memory_equal(&again, &local, sizeof(local));
        assert_true(utc_ms - back_ms <= DAY_MS + 3600000);
    }
    assert_true(zone_day_start(zone, zone_day(zone, utc_ms)) <= utc_ms);
    assert_int_equal(zone_month(zone, utc_ms), (tm.tm_year - 70) * 12 + tm.tm_mon);
    assert_true(zone_month_start(zone, zone_month(zone, utc_ms)) <= utc_ms);
}

/* mktime agrees on times that exist once. */
static void compare_local(const struct zone *zone, int64_t utc_ms)
{
    struct civil local;
    struct tm tm = {0};
    time_t expected_s;

    zone_local(zone, utc_ms, &local);
    if (zone_instant(zone, &local) != utc_ms)
        return;
    tm.tm_year = local.year - 1900, tm.tm_mon = local.month - 1, tm.tm_mday = local.day;
    tm.tm_hour = local.hour, tm.tm_min = local.minute, tm.tm_sec = local.second, tm.tm_isdst = -1;
    expected_s = mktime(&tm);
    if (expected_s > utc_ms / 1000) { /* mktime may choose the second of two */
        struct civil again;
        zone_local(zone, (int64_t)expected_s * 1000, &again);
        assert_int_equal(again.hour, local.hour);
        assert_int_equal(again.minute, local.minute);
        return;
    }
    assert_int_equal(expected_s, utc_ms / 1000);
}

static void test_against_libc(void **state)
{
    static const char *const names[] = {
        "UTC",
        "Asia/Shanghai",
        "Europe/London",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Africa/Casablanca",
        "Pacific/Apia",
        "Asia/Kolkata",
        "Asia/Tehran",
        "America/St_Johns",
        "Europe/Dublin",
        "Asia/Gaza",
        "America/Godthab",
        "Antarctica/Troll",
        "Pacific/Kiritimati",
        "Africa/Monrovia",
        "Asia/Pyongyang",
        "America/Caracas",
    };
    const int64_t span_s = 131 * INT64_C(31556952);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct zone *zone = zone_of(names[i]);
        int64_t last_ms = 0;
        setenv("TZ", names[i], 1);
        tzset();
        for (int n = 0; n < 4000; n++) {
            int64_t utc_ms = (int64_t)random_below((uint64_t)span_s) * 1000;
            compare_instant(zone, utc_ms);
            compare_local(zone, utc_ms);
            compare_instant(zone, -utc_ms / 2);
        }
        /* Every hour's edge around each change of offset. */
        for (int64_t ms = 0; ms < span_s * 1000; ms += DAY_MS) {
            if (zone_offset_ms(zone, ms) != zone_offset_ms(zone, last_ms))
                for (int64_t edge = last_ms; edge <= ms; edge += 900000) {
                    compare_instant(zone, edge);
                    compare_instant(zone, edge - 1);
                }
            last_ms = ms;
        }
        arena_reset(arena);
    }
}

static struct str local_start(const struct zone *zone, int year, int month, int day)
{
    return time_local_iso(arena, zone, zone_day_start(zone, day_of_date(year, month, day)));
}

static int64_t instant(const struct zone *zone, const char *text)
{
    int64_t ms;

    if (time_parse(zone, str_of(text), &ms) != OK)
        fail_msg("%s", text);
    return ms;
}

static void assert_iso(int64_t ms, const char *expected)
{
    struct str text = time_iso(arena, ms);

    if (!str_is(text, expected))
        fail_msg("%.*s is not %s", STR(text), expected);
}

static void test_gaps_and_doubles(void **state)
{
    struct zone *london = zone_of("Europe/London"), *apia = zone_of("Pacific/Apia");
    struct zone *paulo = zone_of("America/Sao_Paulo");

    (void)state;
    /* 01:00..02:00 does not exist, whatever the minute and the fraction. */
    assert_iso(instant(london, "2026-03-29 01:30"), "2026-03-29T01:00:00.000Z");
    assert_iso(instant(london, "2026-03-29 01:59:59.999"), "2026-03-29T01:00:00.000Z");
    assert_iso(instant(london, "2026-03-29 00:59:59.999"), "2026-03-29T00:59:59.999Z");
    assert_iso(instant(london, "2026-03-29 02:00"), "2026-03-29T01:00:00.000Z");
    /* 01:00..02:00 comes twice. */
    assert_iso(instant(london, "2026-10-25 01:30"), "2026-10-25T00:30:00.000Z");
    assert_iso(instant(london, "2026-10-25 02:00"), "2026-10-25T02:00:00.000Z");
    /* The same by the rule that holds after the table. */
    assert_iso(instant(london, "2090-03-26 01:30"), "2090-03-26T01:00:00.000Z");
    /* 30 December 2011 was left out. */
    assert_iso(instant(apia, "2011-12-30 12:00"), "2011-12-30T10:00:00.000Z");
    assert_true(zone_day_start(apia, day_of_date(2011, 12, 30)) ==
                zone_day_start(apia, day_of_date(2011, 12, 31)));
    assert_true(str_is(local_start(apia, 2011, 12, 30), "2011-12-31 00:00:00"));
    /* Midnight was left out. */
    assert_true(str_is(local_start(paulo, 2018, 11, 4), "2018-11-04 01:00:00"));
    assert_true(str_is(local_start(paulo, 2018, 2, 18), "2018-02-18 00:00:00"));
    assert_int_equal(zone_day_start(paulo, day_of_date(2018, 2, 18)) -
                         zone_day_start(paulo, day_of_date(2018, 2, 17)),
                     25 * 3600000);
}

static void test_days_and_months(void **state)
{
    struct zone *shanghai = zone_of("Asia/Shanghai"), *night;

    (void)state;
    assert_iso(zone_day_start(shanghai, day_of_date(2026, 11, 22)), "2026-11-21T16:00:00.000Z");
    night = zone_with_day_start(arena, shanghai, 240);
    assert_iso(zone_day_start(night, day_of_date(2026, 11, 22)), "2026-11-21T20:00:00.000Z");
    assert_iso(zone_month_start(night, (2026 - 1970) * 12 + 10), "2026-10-31T20:00:00.000Z");
    assert_int_equal(zone_offset_ms(night, 0), zone_offset_ms(shanghai, 0));
    assert_int_equal(zone_day(shanghai, instant(NULL, "2026-11-21 16:00")),
                     day_of_date(2026, 11, 22));
    assert_int_equal(zone_day(shanghai, instant(NULL, "2026-11-21T15:59:59.999Z")),
                     day_of_date(2026, 11, 21));
    assert_int_equal(zone_month(shanghai, instant(NULL, "2026-11-30 16:00")), 56 * 12 + 11);
    assert_iso(zone_month_start(shanghai, 56 * 12 + 11), "2026-11-30T16:00:00.000Z");
    assert_iso(zone_month_start(NULL, -1), "1969-12-01T00:00:00.000Z");
    assert_int_equal(zone_month(NULL, -1), -1);
    assert_int_equal(zone_day(NULL, -1), -1);
    assert_true(str_is(month_iso(arena, -1), "1969-12"));
    assert_true(str_is(month_iso(arena, 56 * 12 + 11), "2026-12"));
    assert_true(str_is(day_iso(arena, -1), "1969-12-31"));
}

static void test_parse(void **state)
{
    static const struct {
        const char *text, *iso;
    } good[] = {
        {"2011-12-09", "2011-12-09T00:00:00.000Z"},
        {" 2011/12/09 ", "2011-12-09T00:00:00.000Z"},
        {"2011/1/9 9:05", "2011-01-09T09:05:00.000Z"},
        {"2011-12-09 12:50", "2011-12-09T12:50:00.000Z"},
        {"2011-12-09 12:50:03", "2011-12-09T12:50:03.000Z"},
        {"2011-12-09T12:50:01.250", "2011-12-09T12:50:01.250Z"},
        {"2011-12-09T12:50:01.2Z", "2011-12-09T12:50:01.200Z"},
        {"2011-12-09T12:50:01.123456789Z", "2011-12-09T12:50:01.123Z"},
        {"2011-12-09T12:50Z", "2011-12-09T12:50:00.000Z"},
        {"2011-12-09T12:50:00+08:00", "2011-12-09T04:50:00.000Z"},
        {"2011-12-09T12:50:00-0330", "2011-12-09T16:20:00.000Z"},
        {"2024-02-29", "2024-02-29T00:00:00.000Z"},
        {"0001-01-01", "0001-01-01T00:00:00.000Z"},
        {"9999-12-31 23:59:59.999", "9999-12-31T23:59:59.999Z"},
    };
    static const char *const bad[] = {
        "",
        "2011",
        "2011-12",
        "11-12-09",
        "2011-12/09",
        "2011-13-01",
        "2011-02-29",
        "2011-12-09 ",
        "2011-12-09T",
        "2011-12-09 24:00",
        "2011-12-09 12",
        "2011-12-09 12:60",
        "2011-12-09 12:50:60",
        "2011-12-09 12:5",
        "2011-12-09 12:50:00.",
        "2011-12-09 12:50 +08:00",
        "2011-12-09Z",
        "2011-12-09T12:50+19:00",
        "2011-12-09T12:50+08",
        "2011-12-09T12:50Zx",
        "2011-12-09T12:50:00.1234567890",
        "0000-01-01",
        "+2011-12-09",
        "2011-12-009",
    };
    int64_t ms = 5;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_iso(instant(NULL, good[i].text), good[i].iso);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (time_parse(NULL, str_of(bad[i]), &ms) != E_INPUT && strcmp(bad[i], "2011-12-09 ") != 0)
            fail_msg("%s", bad[i]);
}

/* A zone made of a POSIX rule alone. */
static struct zone *zone_of_rule(const char *rule)
{
    static const char header[44] =
        "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0";
    struct buf buf;
    struct zone *zone = NULL;

    buf_init(&buf, 1000);
    for (int i = 0; i < 2; i++) {
        buf_add(&buf, header, sizeof(header));
        buf_add(&buf, "\0\0\0\0\0\0", 6);
    }
    buf_fmt(&buf, "\n%s\n", rule);
    if (zone_parse(arena, buf_view(&buf), &zone) != OK)
        zone = NULL;
    buf_release(&buf);
    return zone;
}

static void test_rules(void **state)
{
    static const char *const rules[] = {
        "EST5EDT,M3.2.0,M11.1.0",           "<+0330>-3:30<+0430>,J79/24,J263/24",
        "AAA-1BBB,20/0,200/3:30:10",        "IST-2IDT,M3.4.4/26,M10.5.0",
        "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "AAA3",
        "NZST-12NZDT,M9.5.0,M4.1.0/3",      "LHST-10:30LHDT-11,M10.1.0,M4.1.0",
        "IST-1GMT0,M10.5.0,M3.5.0/1",
    };
    static const char *const bad[] = {"X3",
                                      "AAA",
                                      "AAA3YYY",
                                      "AAA3YYY,M3.2.0",
                                      "AAA25",
                                      "AAA3YYY,M13.1.0,M1.1.0",
                                      "AAA3YYY,M3.6.0,M1.1.0",
                                      "AAA3YYY,J0,J5",
                                      "AAA3YYY,366,J5",
                                      "AAA3YYY,M3.2.0,M11.1.0x",
                                      "<A>3",
                                      "<ABC3",
                                      "AAA3:60",
                                      "AAA3YYY,M3.2.0/168,M11.1.0"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct zone *zone = zone_of_rule(rules[i]);
        assert_non_null(zone);
        setenv("TZ", rules[i], 1);
        tzset();
        for (int64_t ms = 0; ms < 40 * 365 * DAY_MS; ms += 3600000 * 5)
            compare_instant(zone, ms);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (zone_of_rule(bad[i]))
            fail_msg("%s", bad[i]);
    /* Summer time all the year round, as RFC 8536 writes it. */
    assert_int_equal(zone_offset_ms(zone_of_rule("AAA3EDT4,0/0,J365/23"), 12345678900),
                     -4 * 3600000);
    assert_int_equal(
        zone_offset_ms(zone_of_rule("AAA3EDT4,0/0,J365/23"), instant(NULL, "2030-01-01 04:00")),
        -4 * 3600000);
}

static void test_broken_files(void **state)
{
    struct zone *zone;
    char bytes[2000];
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Dublin", "rb");
    size_t len = fread(bytes, 1, sizeof(bytes), file);

    (void)state;
    fclose(file);
    for (size_t cut = 0; cut < len && cut < sizeof(bytes) - 1; cut++)
        assert_int_equal(zone_parse(arena, (struct str){bytes, cut}, &zone), E_CORRUPT);
    for (int n = 0; n < 20000; n++) {
        char copy[2000];
        struct civil local;
        memcpy(copy, bytes, len);
        for (uint64_t flips = 1 + random_below(4); flips > 0; flips--)
            copy[random_below(len)] = (char)random_below(256);
        if (zone_parse(arena, (struct str){copy, len}, &zone) == OK) {
            zone_local(zone, (int64_t)seed, &local);
            zone_day_start(zone, (int64_t)random_below(100000));
        }
        arena_reset(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_against_libc),
        cmocka_unit_test(test_gaps_and_doubles),
        cmocka_unit_test(test_days_and_months),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_broken_files),
    };

    return cmocka_run_group_tests(tests, arena_open, arena_close);
}
