/* See days.h. */
#include "days.h"

#include <stdlib.h>
#include <time.h>

#define DAY_SECONDS INT64_C(86400)
#define STEP_SECONDS 1800

const struct days_zone days_zones[DAYS_ZONES] = {
    {"Europe/Berlin", 240},     {"UTC", 0},
    {"Asia/Shanghai", 0},       {"America/Sao_Paulo", 0},
    {"Pacific/Apia", 0},        {"America/Havana", 0},
    {"Australia/Lord_Howe", 0}, {"Asia/Kathmandu", 0},
    {"Europe/London", 0},       {"America/St_Johns", 0},
    {"Europe/Paris", 150}};

static const char tables[] =
    "CREATE TABLE day (zone BIGINT, day BIGINT, start BIGINT, finish BIGINT);"
    "CREATE TABLE span (zone BIGINT, unit BIGINT, number BIGINT, start BIGINT, finish BIGINT);"
    "CREATE TABLE calendar (day BIGINT, year BIGINT, month BIGINT, date BIGINT);";

static const char spans[] =
    "CREATE INDEX calendar_day ON calendar (day);"
    "CREATE INDEX calendar_date ON calendar (month, date);"
    "CREATE INDEX calendar_year ON calendar (year, month, date);"
    "INSERT INTO span SELECT zone, 0, day, start, finish FROM day;"
    "INSERT INTO span SELECT zone, 1, (day + 3) / 7, min(start), max(finish) FROM day GROUP BY "
    "zone, (day + 3) / 7;"
    "INSERT INTO span SELECT zone, 9, (day + 4) / 7, min(start), max(finish) FROM day GROUP BY "
    "zone, (day + 4) / 7;"
    "INSERT INTO span SELECT zone, 2, year * 12 + month, min(start), max(finish)"
    " FROM day JOIN calendar ON calendar.day = day.day GROUP BY zone, year * 12 + month;"
    "INSERT INTO span SELECT zone, 3, year * 4 + (month - 1) / 3, min(start), max(finish)"
    " FROM day JOIN calendar ON calendar.day = day.day GROUP BY zone, year * 4 + (month - 1) / 3;"
    "INSERT INTO span SELECT zone, 4, year, min(start), max(finish)"
    " FROM day JOIN calendar ON calendar.day = day.day GROUP BY zone, year;"
    "CREATE INDEX day_start ON day (zone, start);"
    "CREATE INDEX span_number ON span (zone, unit, number);"
    "CREATE INDEX span_start ON span (zone, unit, start, number);";

int64_t days_of(int year, int month, int date)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = date};

    return (int64_t)timegm(&tm) / DAY_SECONDS;
}

int64_t days_old(int which)
{
    if (which < 10)
        return days_of(1956 + which * 4, 2, 29);
    return days_of(1950 + which % 40, 1 + which * 7 % 12, 1 + which * 11 % 28);
}

/* What a clock on the wall shows at that instant of the zone that TZ names, as if it were UTC. */
static int64_t wall(int64_t second)
{
    time_t instant = (time_t)second;
    struct tm tm;

    must(localtime_r(&instant, &tm) != NULL);
    return (int64_t)timegm(&tm);
}

/* The first instant from `from` on at which the wall shows that much or more. */
static int64_t first_instant(int64_t from, int64_t shown)
{
    int64_t low = from, high = from;

    while (wall(high) < shown) {
        low = high;
        high += STEP_SECONDS;
    }
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;

        if (wall(middle) < shown)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static void fill_zone(struct sql_fill *fill, int zone)
{
    int64_t last = days_of(DAYS_LAST_YEAR, 12, 31), day = days_of(DAYS_FIRST_YEAR, 1, 1);
    int64_t minutes = days_zones[zone].day_start * 60;
    int64_t start = first_instant((day - 2) * DAY_SECONDS, day * DAY_SECONDS + minutes), next;

    for (int i = 0; i < DAYS_OLD; i++) {
        int64_t old = days_old(i), shown = old * DAY_SECONDS + minutes;
        int64_t from = first_instant((old - 2) * DAY_SECONDS, shown);

        sql_fill_row(fill, "%d, %" PRId64 ", %" PRId64 ", %" PRId64, zone, old, from,
                     first_instant(from, shown + DAY_SECONDS));
    }
    for (; day <= last; day++, start = next) {
        next = first_instant(start, (day + 1) * DAY_SECONDS + minutes);
        sql_fill_row(fill, "%d, %" PRId64 ", %" PRId64 ", %" PRId64, zone, day, start, next);
    }
}

static void fill_calendar(struct sql *sql)
{
    struct sql_fill fill;

    sql_fill_begin(&fill, sql, "calendar");
    for (int64_t day = days_of(1950, 1, 1); day < days_of(DAYS_LAST_YEAR + 2, 1, 1); day++) {
        time_t instant = (time_t)(day * DAY_SECONDS);
        struct tm tm;

        must(gmtime_r(&instant, &tm) != NULL);
        sql_fill_row(&fill, "%" PRId64 ", %d, %d, %d", day, tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday);
    }
    sql_fill_end(&fill);
}

void days_fill(struct sql *sql)
{
    const char *was = getenv("TZ");
    struct sql_fill fill;

    sql_run(sql, str_of(tables));
    fill_calendar(sql);
    sql_fill_begin(&fill, sql, "day");
    for (int zone = 0; zone < DAYS_ZONES; zone++) {
        must(setenv("TZ", days_zones[zone].name, 1) == 0);
        tzset();
        fill_zone(&fill, zone);
    }
    sql_fill_end(&fill);
    sql_run(sql, str_of(spans));
    must(was == NULL ? unsetenv("TZ") == 0 : setenv("TZ", was, 1) == 0);
    tzset();
}
