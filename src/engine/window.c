/* Windows and calendar units as seconds.
 * Always: units lie one behind the other without gaps; zones know when a day begins. */
#include "engine/window.h"

#define MONDAY 4 /* 1970-01-05 */

static int64_t divide_down(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Where the clock is set back over the beginning of a day, a local time is in two units. */
static int64_t unit_near(const struct zone *zone, enum calendar_unit unit, int64_t second)
{
    int64_t ms = second * 1000;

    switch (unit) {
    case UNIT_DAY:
        return zone_day(zone, ms);
    case UNIT_WEEK:
        return divide_down(zone_day(zone, ms) - MONDAY, 7);
    case UNIT_QUARTER:
        return divide_down(zone_month(zone, ms), 3);
    case UNIT_YEAR:
        return divide_down(zone_month(zone, ms), 12);
    default:
        return zone_month(zone, ms);
    }
}

int64_t window_unit_start(const struct zone *zone, enum calendar_unit unit, int64_t number)
{
    switch (unit) {
    case UNIT_DAY:
        return zone_day_start(zone, number) / 1000;
    case UNIT_WEEK:
        return zone_day_start(zone, number * 7 + MONDAY) / 1000;
    case UNIT_QUARTER:
        return zone_month_start(zone, number * 3) / 1000;
    case UNIT_YEAR:
        return zone_month_start(zone, number * 12) / 1000;
    default:
        return zone_month_start(zone, number) / 1000;
    }
}

int64_t window_unit(const struct zone *zone, enum calendar_unit unit, int64_t second)
{
    int64_t number = unit_near(zone, unit, second);

    while (window_unit_start(zone, unit, number) > second)
        number--;
    while (window_unit_start(zone, unit, number + 1) <= second)
        number++;
    return number;
}

/* The unit behind the last one that counts. */
static int64_t unit_end(const struct window *window, const struct zone *zone, int64_t as_of)
{
    return window->is_current ? window_unit(zone, window->unit, as_of - 1) + 1
                              : window_unit(zone, window->unit, as_of);
}

struct span window_span(const struct window *window, const struct zone *zone, int64_t as_of)
{
    int64_t end;

    switch (window->kind) {
    case WINDOW_ROLLING:
        return (struct span){as_of - window->seconds, as_of};
    case WINDOW_CALENDAR:
        end = unit_end(window, zone, as_of);
        return (struct span){window_unit_start(zone, window->unit, end - window->count),
                             window_unit_start(zone, window->unit, end)};
    case WINDOW_RANGE:
        return (struct span){window->from == NONE ? INT64_MIN : window->from,
                             window->to == NONE ? INT64_MAX : window->to};
    default:
        return (struct span){INT64_MIN, INT64_MAX};
    }
}

int64_t window_next(const struct window *window, const struct zone *zone, int64_t as_of)
{
    int64_t end;

    if (window->kind == WINDOW_ROLLING)
        return as_of + 1;
    if (window->kind != WINDOW_CALENDAR)
        return NONE;
    end = unit_end(window, zone, as_of);
    return window->is_current ? window_unit_start(zone, window->unit, end) + 1
                              : window_unit_start(zone, window->unit, end + 1);
}
