/* Time as numbers: UTC milliseconds, local days by a named IANA zone, half-open ranges. No clock
 * here (host/clock.h). A local time that happens twice is the earlier instant; one that does not
 * exist is the first instant after the gap. */
#pragma once

#include "base/base.h"

#define DAY_MS INT64_C(86400000)

struct zone; /* rules of one zone, parsed from a TZif file (RFC 8536) including its POSIX footer */
enum err zone_parse(struct arena *arena, struct str tzif,
                    struct zone **out) MUST_USE; /* E_CORRUPT */

/* The same zone with days (and so months) that begin `minutes` after midnight: a business day. Local
 * times stay as they are. 0 <= minutes < 1440; shares the zone's tables. */
struct zone *zone_with_day_start(struct arena *arena, const struct zone *zone, int64_t minutes);
const struct zone *zone_with_days_of(struct arena *arena, const struct zone *zone,
                                     const struct zone *of); /* that begin when those of `of` do */

struct civil {
    int year, month, day; /* 1..12, 1..31 */
    int hour, minute, second, millisecond;
    int weekday; /* 1 Monday .. 7 Sunday; ignored on input */
};
/* Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "days_from_civil"). */
int64_t day_of_date(int year, int month, int day);
void day_to_date(int64_t day, int *year, int *month, int *date);
bool date_is_valid(int year, int month, int day);

void zone_local(const struct zone *zone, int64_t utc_ms, struct civil *out);
int64_t zone_instant(const struct zone *zone, const struct civil *local); /* UTC ms */
int64_t zone_day(const struct zone *zone, int64_t utc_ms); /* local day number since 1970-01-01 */
int64_t zone_day_start(const struct zone *zone,
                       int64_t day); /* UTC ms of the day's first instant */
/* UTC ms of the local time so many minutes behind the day's start, counted on the wall clock. */
int64_t zone_day_minute(const struct zone *zone, int64_t day, int64_t minutes);
int64_t zone_month(const struct zone *zone,
                   int64_t utc_ms); /* months since 1970-01: year * 12 + month - 1 - 1970 * 12 */
int64_t zone_month_start(const struct zone *zone, int64_t month); /* UTC ms */
int64_t zone_offset_ms(const struct zone *zone, int64_t utc_ms);  /* local minus UTC */

/* "2011-12-09", "2011-12-09 12:50", "2011-12-09T12:50:01.250", "...Z", "...+08:00", also with /
 * between date parts. Without an offset it is local to `zone` (NULL: UTC). E_INPUT. */
enum err time_parse(const struct zone *zone, struct str text, int64_t *out_ms) MUST_USE;
struct str time_iso(struct arena *arena, int64_t utc_ms); /* 2011-12-09T12:50:00.000Z */
struct str time_local_iso(struct arena *arena, const struct zone *zone,
                          int64_t utc_ms);                /* 2011-12-09 12:50:00 */
struct str day_iso(struct arena *arena, int64_t day);     /* 2011-12-09 */
struct str month_iso(struct arena *arena, int64_t month); /* 2011-12 */
