/* Rules of a time zone, out of a TZif file (RFC 8536) with the POSIX rule that holds after its
 * table. Always: all in seconds; a file is checked whole when it is parsed, so that looking up
 * cannot fail; the table's times ascend; offsets are between -25 and +26 hours (RFC 8536, 3.2). A
 * NULL zone is UTC. */
#include "base/time.h"

#define HEADER_BYTES 44
#define DAY_S INT64_C(86400)
#define OFFSET_MIN_S (-89999)
#define OFFSET_MAX_S 93599
#define TABLE_MAX_S (INT64_C(1) << 59) /* fat files begin with the big bang at -2^59 */
#define YEAR_MAX 200000000             /* what fits in 64 bits of milliseconds */
#define RULE_HOURS_MAX 167

/* One of the two yearly changes of a POSIX rule. */
struct change {
    char form; /* 'M' month.week.day, 'J' day 1..365 without 29 February, 'n' day 0..365 */
    int month, week, day;
    int64_t at_s; /* local time of that day */
};

struct zone {
    const int64_t *times_s; /* from here on offsets_s of the same index holds */
    const int32_t *offsets_s;
    int64_t count;
    int32_t first_offset_s; /* before times_s[0] */
    bool has_rule, has_dst;
    int32_t standard_s, dst_s;
    struct change dst_begin, dst_end;
    int64_t day_start_s; /* behind midnight */
};

/* ---- calendar -------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool year_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int64_t day_of_date(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (int64_t)(month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

void day_to_date(int64_t day, int *year, int *month, int *date)
{
    int64_t era = floor_div(day + 719468, 146097);
    int64_t day_of_era = day + 719468 - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153; /* months from March */

    *date = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

bool date_is_valid(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month - 1] + (month == 2 && year_is_leap(year));
}

/* ---- parsing -------------------------------------------------------------- */

static int64_t big_endian(const char *at, int bytes)
{
    uint64_t value = (signed char)at[0] < 0 ? UINT64_MAX : 0;

    for (int i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)at[i];
    return (int64_t)value;
}

struct counts {
    int64_t utc, standard, leap, time, type, letter;
};

static bool read_header(struct str tzif, struct counts *counts)
{
    const char *at = tzif.at + 20;

    if (tzif.len < HEADER_BYTES || !str_starts(tzif, S("TZif")) || tzif.at[4] < '2')
        return false;
    *counts =
        (struct counts){big_endian(at, 4),      big_endian(at + 4, 4),  big_endian(at + 8, 4),
                        big_endian(at + 12, 4), big_endian(at + 16, 4), big_endian(at + 20, 4)};
    return counts->utc >= 0 && counts->standard >= 0 && counts->leap >= 0 && counts->time >= 0 &&
           counts->type > 0 && counts->type <= 256 && counts->letter >= 0;
}

/* Bytes of the block behind a header; counts are below 2^31, so this cannot overflow. */
static int64_t block_bytes(const struct counts *counts, int time_bytes)
{
    return counts->time * (time_bytes + 1) + counts->type * 6 + counts->letter +
           counts->leap * (time_bytes + 4) + counts->standard + counts->utc;
}

static bool read_table(struct arena *arena, struct zone *zone, const char *at,
                       const struct counts *counts)
{
    const char *kinds = at + counts->time * 8, *types = kinds + counts->time;
    int64_t *times_s = arena_new_array(arena, int64_t, (size_t)counts->time);
    int32_t *offsets_s = arena_new_array(arena, int32_t, (size_t)counts->time);

    for (int64_t i = 0; i < counts->type; i++) {
        int64_t offset_s = big_endian(types + i * 6, 4);
        if (offset_s < OFFSET_MIN_S || offset_s > OFFSET_MAX_S)
            return false;
    }
    for (int64_t i = 0; i < counts->time; i++) {
        unsigned char kind = (unsigned char)kinds[i];
        times_s[i] = big_endian(at + i * 8, 8);
        if (kind >= counts->type || times_s[i] < -TABLE_MAX_S || times_s[i] > TABLE_MAX_S)
            return false;
        if (i > 0 && times_s[i] <= times_s[i - 1])
            return false;
        offsets_s[i] = (int32_t)big_endian(types + kind * 6, 4);
    }
    zone->times_s = times_s;
    zone->offsets_s = offsets_s;
    zone->count = counts->time;
    zone->first_offset_s = (int32_t)big_endian(types, 4);
    return true;
}

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->at[0] != c)
        return false;
    *s = str_sub(*s, 1, s->len);
    return true;
}

static bool take_int(struct str *s, int max, int *out)
{
    size_t i = 0;
    int value = 0;

    while (i < s->len && i < 4 && s->at[i] >= '0' && s->at[i] <= '9')
        value = value * 10 + (s->at[i++] - '0');
    if (i == 0 || value > max)
        return false;
    *s = str_sub(*s, i, s->len);
    *out = value;
    return true;
}

static bool take_name(struct str *s)
{
    size_t i = 0;

    if (take_char(s, '<')) {
        struct str name;
        return str_cut(*s, '>', &name, s) && name.len >= 3;
    }
    while (i < s->len && ((s->at[i] | 32) >= 'a' && (s->at[i] | 32) <= 'z'))
        i++;
    *s = str_sub(*s, i, s->len);
    return i >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *s, int hours_max, int64_t *out_s)
{
    bool is_negative = take_char(s, '-');
    int hours, minutes = 0, seconds = 0;

    if (!is_negative)
        take_char(s, '+');
    if (!take_int(s, hours_max, &hours))
        return false;
    if (take_char(s, ':') && !take_int(s, 59, &minutes))
        return false;
    if (take_char(s, ':') && !take_int(s, 59, &seconds))
        return false;
    *out_s = hours * INT64_C(3600) + minutes * 60 + seconds;
    if (is_negative)
        *out_s = -*out_s;
    return true;
}

/* ,Mm.w.d[/time] or ,Jn[/time] or ,n[/time] */
static bool take_change(struct str *s, struct change *change)
{
    *change = (struct change){.form = 'n', .at_s = 7200};
    if (!take_char(s, ','))
        return false;
    if (take_char(s, 'M')) {
        change->form = 'M';
        if (!take_int(s, 12, &change->month) || !take_char(s, '.') ||
            !take_int(s, 5, &change->week) || !take_char(s, '.') || !take_int(s, 6, &change->day))
            return false;
        if (change->month < 1 || change->week < 1)
            return false;
    } else {
        if (take_char(s, 'J'))
            change->form = 'J';
        if (!take_int(s, 365, &change->day) || (change->form == 'J' && change->day < 1))
            return false;
    }
    return !take_char(s, '/') || take_time(s, RULE_HOURS_MAX, &change->at_s);
}

static bool read_rule(struct zone *zone, struct str rule)
{
    int64_t west_s;

    if (rule.len == 0)
        return true;
    zone->has_rule = true;
    if (!take_name(&rule) || !take_time(&rule, 24, &west_s)) /* POSIX counts towards the west */
        return false;
    zone->standard_s = (int32_t)-west_s;
    zone->dst_s = zone->standard_s + 3600;
    if (rule.len == 0)
        return true;
    zone->has_dst = true;
    if (!take_name(&rule))
        return false;
    if (rule.len && rule.at[0] != ',') {
        if (!take_time(&rule, 24, &west_s))
            return false;
        zone->dst_s = (int32_t)-west_s;
    }
    return take_change(&rule, &zone->dst_begin) && take_change(&rule, &zone->dst_end) &&
           rule.len == 0;
}

static bool read_tzif(struct arena *arena, struct zone *zone, struct str tzif)
{
    struct counts counts;
    int64_t bytes;
    struct str rule, rest;

    if (!read_header(tzif, &counts))
        return false;
    bytes = block_bytes(&counts, 4);
    if (bytes > (int64_t)tzif.len - HEADER_BYTES)
        return false;
    tzif = str_sub(tzif, (size_t)bytes + HEADER_BYTES, tzif.len);
    if (!read_header(tzif, &counts) || counts.leap)
        return false;
    bytes = block_bytes(&counts, 8);
    if (bytes > (int64_t)tzif.len - HEADER_BYTES)
        return false;
    if (!read_table(arena, zone, tzif.at + HEADER_BYTES, &counts))
        return false;
    tzif = str_sub(tzif, (size_t)bytes + HEADER_BYTES, tzif.len);
    return take_char(&tzif, '\n') && str_cut(tzif, '\n', &rule, &rest) && read_rule(zone, rule);
}

enum err zone_parse(struct arena *arena, struct str tzif, struct zone **out)
{
    struct zone *zone = arena_new_one(arena, struct zone);

    if (!read_tzif(arena, zone, tzif))
        return E_CORRUPT;
    *out = zone;
    return OK;
}

/* ---- looking up -------------------------------------------------------------- */

/* Local seconds since 1970 at which the change comes in this year. */
static int64_t change_at(const struct change *change, int year)
{
    int64_t day, first_weekday;
    int next_year = year + (change->month == 12), next_month = change->month % 12 + 1;

    if (change->form == 'n') {
        day = day_of_date(year, 1, 1) + change->day;
    } else if (change->form == 'J') {
        day = day_of_date(year, 1, 1) + change->day - 1 + (year_is_leap(year) && change->day >= 60);
    } else {
        day = day_of_date(year, change->month, 1);
        first_weekday = ((day + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday; 0 is Sunday */
        day += (change->day - first_weekday + 7) % 7 + 7 * (change->week - 1);
        while (day >= day_of_date(next_year, next_month, 1))
            day -= 7;
    }
    return day * DAY_S + change->at_s;
}

/* A stretch of time with one offset, [from_s, to_s) in UTC. */
struct stretch {
    int64_t from_s, to_s;
    int32_t offset_s;
};

/* Of the changes around utc_s, the last one that is not later gives the offset, the first later one
 * the end. Where an end of summer time falls on the next beginning, summer time goes on. */
static struct stretch rule_stretch(const struct zone *zone, int64_t utc_s)
{
    struct stretch stretch = {INT64_MIN, INT64_MAX, zone->standard_s};
    int year, month, date;

    if (!zone->has_dst)
        return stretch;
    day_to_date(floor_div(utc_s, DAY_S), &year, &month, &date);
    for (int y = year - 1; y <= year + 1; y++) {
        int64_t begin_s = change_at(&zone->dst_begin, y) - zone->standard_s;
        int64_t end_s = change_at(&zone->dst_end, y) - zone->dst_s;
        if (end_s <= utc_s && end_s > stretch.from_s) {
            stretch.from_s = end_s;
            stretch.offset_s = zone->standard_s;
        }
        if (begin_s <= utc_s && begin_s >= stretch.from_s) {
            stretch.from_s = begin_s;
            stretch.offset_s = zone->dst_s;
        }
        if (end_s > utc_s && end_s < stretch.to_s)
            stretch.to_s = end_s;
        if (begin_s > utc_s && begin_s < stretch.to_s)
            stretch.to_s = begin_s;
    }
    return stretch;
}

/* Table entries that are not later than utc_s. */
static int64_t table_find(const struct zone *zone, int64_t utc_s)
{
    int64_t low = 0, high = zone->count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (zone->times_s[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct stretch zone_stretch(const struct zone *zone, int64_t utc_s)
{
    struct stretch stretch = {INT64_MIN, INT64_MAX, 0};
    int64_t i;

    if (!zone)
        return stretch;
    i = table_find(zone, utc_s);
    if (i == zone->count && zone->has_rule) {
        stretch = rule_stretch(zone, utc_s);
        if (i > 0 && stretch.from_s < zone->times_s[i - 1])
            stretch.from_s = zone->times_s[i - 1];
        return stretch;
    }
    stretch.offset_s = i > 0 ? zone->offsets_s[i - 1] : zone->first_offset_s;
    if (i > 0)
        stretch.from_s = zone->times_s[i - 1];
    if (i < zone->count)
        stretch.to_s = zone->times_s[i];
    return stretch;
}

/* The earliest UTC second whose local time is local_s; in a gap, the gap's end. Walks over the
 * stretches around it. */
static int64_t utc_of_local(const struct zone *zone, int64_t local_s)
{
    struct stretch stretch = zone_stretch(zone, local_s - OFFSET_MAX_S - 1);

    for (;;) {
        int64_t utc_s = local_s - stretch.offset_s;
        if (utc_s < stretch.from_s)
            return stretch.from_s;
        if (utc_s < stretch.to_s)
            return utc_s;
        stretch = zone_stretch(zone, stretch.to_s);
    }
}

int64_t zone_offset_ms(const struct zone *zone, int64_t utc_ms)
{
    return zone_stretch(zone, floor_div(utc_ms, 1000)).offset_s * INT64_C(1000);
}

void zone_local(const struct zone *zone, int64_t utc_ms, struct civil *out)
{
    int64_t utc_s = floor_div(utc_ms, 1000);
    int64_t local_s = utc_s + zone_stretch(zone, utc_s).offset_s;
    int64_t day = floor_div(local_s, DAY_S);
    int second = (int)(local_s - day * DAY_S);

    day_to_date(day, &out->year, &out->month, &out->day);
    out->hour = second / 3600;
    out->minute = second / 60 % 60;
    out->second = second % 60;
    out->millisecond = (int)(utc_ms - utc_s * 1000);
    out->weekday = (int)(((day + 3) % 7 + 7) % 7) + 1;
}

int64_t zone_instant(const struct zone *zone, const struct civil *local)
{
    int64_t local_s, utc_s;

    must(local->year >= -YEAR_MAX);
    must(local->year <= YEAR_MAX);
    must(local->month >= 1);
    must(local->month <= 12);
    local_s = day_of_date(local->year, local->month, local->day) * DAY_S +
              local->hour * INT64_C(3600) + local->minute * INT64_C(60) + local->second;
    utc_s = utc_of_local(zone, local_s);
    /* Behind a gap there is no fraction of a second left of the time that does not exist. */
    if (utc_s + zone_stretch(zone, utc_s).offset_s != local_s)
        return utc_s * 1000;
    return utc_s * 1000 + local->millisecond;
}

static int64_t day_start(const struct zone *zone)
{
    return zone ? zone->day_start_s : 0;
}

struct zone *zone_with_day_start(struct arena *arena, const struct zone *zone, int64_t minutes)
{
    struct zone *copy = arena_new_one(arena, struct zone);

    must(zone != NULL);
    must(minutes >= 0);
    must(minutes < 24 * 60);
    *copy = *zone;
    copy->day_start_s = minutes * 60;
    return copy;
}

const struct zone *zone_with_days_of(struct arena *arena, const struct zone *zone,
                                     const struct zone *of)
{
    return zone->day_start_s == of->day_start_s
               ? zone
               : zone_with_day_start(arena, zone, of->day_start_s / 60);
}

int64_t zone_day(const struct zone *zone, int64_t utc_ms)
{
    int64_t utc_s = floor_div(utc_ms, 1000);

    return floor_div(utc_s + zone_stretch(zone, utc_s).offset_s - day_start(zone), DAY_S);
}

int64_t zone_day_minute(const struct zone *zone, int64_t day, int64_t minutes)
{
    must(day > -YEAR_MAX * INT64_C(366));
    must(day < YEAR_MAX * INT64_C(366));
    return utc_of_local(zone, day * DAY_S + day_start(zone) + minutes * 60) * 1000;
}

int64_t zone_day_start(const struct zone *zone, int64_t day)
{
    return zone_day_minute(zone, day, 0);
}

int64_t zone_month(const struct zone *zone, int64_t utc_ms)
{
    int year, month, date;

    day_to_date(zone_day(zone, utc_ms), &year, &month, &date);
    return ((int64_t)year - 1970) * 12 + month - 1;
}

int64_t zone_month_start(const struct zone *zone, int64_t month)
{
    int64_t year = 1970 + floor_div(month, 12);

    must(year >= -YEAR_MAX);
    must(year <= YEAR_MAX);
    return zone_day_start(zone,
                          day_of_date((int)year, (int)(month - floor_div(month, 12) * 12) + 1, 1));
}
