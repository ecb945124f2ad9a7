/* Local days, weeks, months, quarters and years of the test's zones as rows, told by the C library's zones and not by ours:
 * day(zone, day, start, finish), span(zone, unit, number, start, finish), calendar(day, year, month, date). */
#pragma once

#include "sql.h"

#include "base/time.h"

struct days_zone {
    const char *name;
    int64_t day_start; /* minutes */
};
/* [0] is the brand's. Clocks go forward over midnight, back over midnight or over the day's start, by half an hour; one has lost a
 * whole day. */
extern const struct days_zone days_zones[];
#define DAYS_ZONES 11
#define DAYS_FIRST_YEAR 2006 /* of day and span */
#define DAYS_LAST_YEAR 2015
#define DAYS_UNIT_SUNDAY 9 /* a unit that nobody asks for: weeks from Sunday on */

void days_fill(struct sql *sql);
int64_t days_of(int year, int month, int date); /* days since 1970 */
/* Days long ago that are rows of `day` and calendar too, the first ten of them a 29 February. */
#define DAYS_OLD 60
int64_t days_old(int which);
