/* The year's ups and downs: 年货节, the quiet of Spring Festival, 38 节, 618, 双11, 双12, week-ends
 * and the member day on the 8th. Purchases happen in busy time, which passes faster on busy days,
 * so each customer's own rhythm stays what it is and only the calendar bends it. */
#include "demo/demo_private.h"

struct window {
    int from_month, from_date, to_month, to_date;
    double weight;
    bool is_sale;
};
static const struct window windows[] = {
    {3, 5, 3, 8, 1.7, true},      {5, 1, 5, 4, 0.85, false},    {5, 31, 6, 15, 1.35, true},
    {6, 16, 6, 18, 3.4, true},    {8, 18, 8, 20, 1.4, true},    {10, 1, 10, 5, 0.85, false},
    {10, 24, 10, 30, 0.8, false}, {10, 31, 11, 3, 2.4, true},   {11, 4, 11, 9, 1.3, true},
    {11, 10, 11, 11, 4.6, true},  {11, 12, 11, 20, 0.7, false}, {12, 10, 12, 12, 2.0, true},
};
/* New Year's day of the lunar calendar, as day of the Gregorian year's month: 2025 .. 2035. */
static const struct {
    int year, month, date;
} springs[] = {
    {2025, 1, 29}, {2026, 2, 17}, {2027, 2, 6},  {2028, 1, 26}, {2029, 2, 13}, {2030, 2, 3},
    {2031, 1, 23}, {2032, 2, 11}, {2033, 1, 31}, {2034, 2, 19}, {2035, 2, 8},
};
/* Share of a day's orders by hour. */
static const double hours[24] = {1.1, 0.5, 0.3, 0.2, 0.2, 0.4, 1.2, 2.4, 3.8, 5.2,  6.1, 5.4,
                                 5.6, 5.2, 4.9, 4.8, 4.6, 4.4, 4.9, 6.6, 9.2, 10.4, 8.2, 4.4};

static int64_t spring_day(int year)
{
    for (size_t i = 0; i < ARRAY_LEN(springs); i++)
        if (springs[i].year == year)
            return day_of_date(year, springs[i].month, springs[i].date);
    return day_of_date(year, 2, 5);
}

static const struct window *window_of(int64_t day)
{
    int year, month, date;

    day_to_date(day, &year, &month, &date);
    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        const struct window *w = &windows[i];
        int at = month * 100 + date;
        if (at >= w->from_month * 100 + w->from_date && at <= w->to_month * 100 + w->to_date)
            return w;
    }
    return NULL;
}

static double day_weight(int64_t day)
{
    const struct window *window = window_of(day);
    int64_t weekday = (day + 3) % 7; /* 0: Monday; day 0 was a Thursday */
    int year, month, date;
    int64_t spring;
    double weight = weekday >= 5 ? 1.15 : 1.0;

    day_to_date(day, &year, &month, &date);
    spring = spring_day(year);
    if (window != NULL)
        weight *= window->weight;
    else if (date == 8)
        weight *= 1.5; /* member day */
    if (day >= spring - 24 && day < spring - 6)
        weight *= 1.45; /* 年货节 */
    else if (day >= spring - 4 && day < spring + 7)
        weight *= 0.35;
    return weight;
}

void demo_season_init(struct demo_season *season, int64_t first_day)
{
    double sum = 0.0;

    season->first_day = first_day;
    for (int64_t i = 0; i < DEMO_DAY_COUNT; i++) {
        season->weight[i] = day_weight(first_day + i);
        sum += season->weight[i];
        season->until[i] = sum;
    }
}

static int second_of_day(struct random *random)
{
    double sum = 0.0, at;
    int hour = 0;

    for (size_t i = 0; i < ARRAY_LEN(hours); i++)
        sum += hours[i];
    at = random_unit(random) * sum;
    while (hour < 23 && at >= hours[hour])
        at -= hours[hour++];
    return hour * 3600 + (int)random_below(random, 3600);
}

int demo_season_at(const struct demo_season *season, double busy, struct random *random)
{
    int low = 0, high = DEMO_DAY_COUNT - 1;

    if (busy >= season->until[high])
        return NOT_EVER;
    while (low < high) {
        int middle = (low + high) / 2;
        if (busy < season->until[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low * DAY_S + second_of_day(random);
}

double demo_season_busy(const struct demo_season *season, int second)
{
    int day = second / DAY_S;
    double part = (double)(second % DAY_S) / DAY_S;

    if (day >= DEMO_DAY_COUNT)
        return season->until[DEMO_DAY_COUNT - 1];
    return season->until[day] - season->weight[day] * (1.0 - part);
}

bool demo_season_is_sale(const struct demo_season *season, int day)
{
    const struct window *window = window_of(season->first_day + day);

    return window != NULL && window->is_sale;
}
