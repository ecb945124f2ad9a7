/* Times as text, both ways. Always: what is written without a zone is UTC and ends in Z. */
#include "base/time.h"

#define OFFSET_HOURS_MAX 18

/* Moves over `min` to `max` digits. */
static bool take_digits(struct str *s, size_t min, size_t max, int *out)
{
    size_t len = 0;
    int value = 0;

    while (len < s->len && len < max && s->at[len] >= '0' && s->at[len] <= '9')
        value = value * 10 + (s->at[len++] - '0');
    if (len < min)
        return false;
    *s = str_sub(*s, len, s->len);
    *out = value;
    return true;
}

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->at[0] != c)
        return false;
    *s = str_sub(*s, 1, s->len);
    return true;
}

static bool take_date(struct str *s, struct civil *out)
{
    char between = s->len > 4 && s->at[4] == '/' ? '/' : '-';

    return take_digits(s, 4, 4, &out->year) && take_char(s, between) &&
           take_digits(s, 1, 2, &out->month) && take_char(s, between) &&
           take_digits(s, 1, 2, &out->day) && date_is_valid(out->year, out->month, out->day);
}

/* Behind the point: one to nine digits, of which three count. */
static bool take_fraction(struct str *s, int *out_ms)
{
    size_t len = s->len;
    int value, rest;

    if (!take_digits(s, 1, 3, &value))
        return false;
    for (len -= s->len; len < 3; len++)
        value *= 10;
    *out_ms = value;
    return take_digits(s, 0, 6, &rest);
}

static bool take_clock(struct str *s, struct civil *out)
{
    if (!take_digits(s, 1, 2, &out->hour) || !take_char(s, ':') ||
        !take_digits(s, 2, 2, &out->minute))
        return false;
    if (take_char(s, ':')) {
        if (!take_digits(s, 2, 2, &out->second))
            return false;
        if (take_char(s, '.') && !take_fraction(s, &out->millisecond))
            return false;
    }
    return out->hour <= 23 && out->minute <= 59 && out->second <= 59;
}

/* "Z", "+08:00" or "+0800" */
static bool take_offset(struct str *s, int64_t *out_ms)
{
    bool is_negative;
    int hours, minutes;

    *out_ms = 0;
    if (take_char(s, 'Z'))
        return true;
    is_negative = take_char(s, '-');
    if (!is_negative && !take_char(s, '+'))
        return false;
    if (!take_digits(s, 2, 2, &hours))
        return false;
    take_char(s, ':');
    if (!take_digits(s, 2, 2, &minutes) || minutes > 59 ||
        hours * 60 + minutes > OFFSET_HOURS_MAX * 60)
        return false;
    *out_ms = (hours * 60 + minutes) * INT64_C(60000) * (is_negative ? -1 : 1);
    return true;
}

enum err time_parse(const struct zone *zone, struct str text, int64_t *out_ms)
{
    struct civil local = {0};
    int64_t offset_ms;

    text = str_trim(text);
    if (!take_date(&text, &local))
        return E_INPUT;
    if (text.len) {
        if (!take_char(&text, 'T') && !take_char(&text, ' '))
            return E_INPUT;
        if (!take_clock(&text, &local))
            return E_INPUT;
    }
    if (text.len == 0) {
        *out_ms = zone_instant(zone, &local);
        return OK;
    }
    if (!take_offset(&text, &offset_ms) || text.len)
        return E_INPUT;
    *out_ms = zone_instant(NULL, &local) - offset_ms;
    return OK;
}

struct str time_iso(struct arena *arena, int64_t utc_ms)
{
    struct civil at;

    zone_local(NULL, utc_ms, &at);
    return str_fmt(arena, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", at.year, at.month, at.day, at.hour,
                   at.minute, at.second, at.millisecond);
}

struct str time_local_iso(struct arena *arena, const struct zone *zone, int64_t utc_ms)
{
    struct civil at;

    zone_local(zone, utc_ms, &at);
    return str_fmt(arena, "%04d-%02d-%02d %02d:%02d:%02d", at.year, at.month, at.day, at.hour,
                   at.minute, at.second);
}

struct str day_iso(struct arena *arena, int64_t day)
{
    int year, month, date;

    day_to_date(day, &year, &month, &date);
    return str_fmt(arena, "%04d-%02d-%02d", year, month, date);
}

struct str month_iso(struct arena *arena, int64_t month)
{
    int64_t of_year = ((month % 12) + 12) % 12;

    return str_fmt(arena, "%04" PRId64 "-%02" PRId64, 1970 + (month - of_year) / 12, of_year + 1);
}
