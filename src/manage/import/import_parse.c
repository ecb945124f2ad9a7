/* Cells become numbers and times. The mapping says how they are written; whatever is not written
 * that way is refused, never bent. No floating point. */
#include "manage/import/import_private.h"

#define FRACTION_MAX 6
#define MICRO INT64_C(1000000)

/* ---- numbers -------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digit_run(struct str text, size_t at)
{
    size_t end = at;

    while (end < text.len && is_digit(text.at[end]))
        end++;
    return end - at;
}

/* Adds the digits to *value, base ten. false: too large. */
static bool digits_add(struct str text, size_t at, size_t count, int64_t *value)
{
    for (size_t i = 0; i < count; i++) {
        if (__builtin_mul_overflow(*value, INT64_C(10), value) ||
            __builtin_add_overflow(*value, text.at[at + i] - '0', value))
            return false;
    }
    return true;
}

/* 1234567 or, with a thousands sign, 1,234,567: the first group of one to three, then threes. */
static bool whole_scan(struct str text, char thousands, size_t *at, int64_t *value)
{
    size_t count = digit_run(text, *at);
    bool is_grouped;

    *value = 0;
    if (count == 0 || !digits_add(text, *at, count, value))
        return false;
    *at += count;
    is_grouped = thousands != 0 && *at < text.len && text.at[*at] == thousands;
    if (is_grouped && count > 3)
        return false;
    while (thousands != 0 && *at < text.len && text.at[*at] == thousands) {
        if (digit_run(text, *at + 1) != 3 || !digits_add(text, *at + 1, 3, value))
            return false;
        *at += 4;
    }
    return true;
}

/* Digits behind the decimal sign as millionths. */
static bool fraction_scan(struct str text, size_t *at, int64_t *micro)
{
    size_t count = digit_run(text, *at);

    *micro = 0;
    if (count == 0 || count > FRACTION_MAX || !digits_add(text, *at, count, micro))
        return false;
    for (size_t i = count; i < FRACTION_MAX; i++)
        *micro *= 10;
    *at += count;
    return true;
}

bool import_parse_decimal(const struct import_mapping *mapping, struct str text, int64_t *micro)
{
    bool is_negative = text.len > 0 && text.at[0] == '-';
    size_t at = is_negative || (text.len > 0 && text.at[0] == '+') ? 1 : 0;
    int64_t whole, fraction = 0;

    if (!whole_scan(text, mapping->thousands, &at, &whole))
        return false;
    if (at < text.len && text.at[at] == mapping->decimal) {
        at++;
        if (!fraction_scan(text, &at, &fraction))
            return false;
    }
    if (at != text.len || __builtin_mul_overflow(whole, MICRO, &whole) ||
        __builtin_add_overflow(whole, fraction, &whole))
        return false;
    *micro = is_negative ? -whole : whole;
    return true;
}

bool import_parse_count(const struct import_mapping *mapping, struct str text, int64_t *count)
{
    int64_t micro;

    if (!import_parse_decimal(mapping, text, &micro) || micro % MICRO != 0)
        return false;
    *count = micro / MICRO;
    return true;
}

bool import_parse_money(const struct import_mapping *mapping, int64_t minor_digits, struct str text,
                        int64_t *fen)
{
    int64_t micro, unit = 1;

    for (int64_t i = minor_digits; i < FRACTION_MAX; i++)
        unit *= 10;
    if (!import_parse_decimal(mapping, text, &micro) || micro % unit != 0)
        return false;
    *fen = micro / unit;
    return true;
}

/* ---- dates and times ------------------------------------------------------------------------ */

#define YEAR_MIN 1970
#define YEAR_MAX 2100

struct scan {
    struct str text;
    size_t at;
};

/* A number of min to max digits. */
static bool number_take(struct scan *scan, size_t min, size_t max, int *out)
{
    size_t count = digit_run(scan->text, scan->at);
    int64_t value = 0;

    if (count < min || count > max || !digits_add(scan->text, scan->at, count, &value))
        return false;
    scan->at += count;
    *out = (int)value;
    return true;
}

static bool word_take(struct scan *scan, struct str word)
{
    struct str rest = str_sub(scan->text, scan->at, word.len);

    if (!str_eq_nocase(rest, word))
        return false;
    scan->at += word.len;
    return true;
}

static bool blank_take(struct scan *scan)
{
    size_t start = scan->at;

    while (word_take(scan, S(" ")))
        continue;
    return scan->at > start;
}

static const struct str separators[][3] = {
    {{"-", 1}, {"-", 1}, {"", 0}},
    {{"/", 1}, {"/", 1}, {"", 0}},
    {{".", 1}, {".", 1}, {"", 0}},
    {{"年", 3}, {"月", 3}, {"日", 3}},
};

/* The three parts, in the order of the mapping; a year has four digits. */
static bool parts_take(struct scan *scan, bool is_year_first, int part[3])
{
    size_t kind = 0;

    if (!number_take(scan, is_year_first ? 4 : 1, is_year_first ? 4 : 2, &part[0]))
        return false;
    while (kind < ARRAY_LEN(separators) && !word_take(scan, separators[kind][0]))
        kind++;
    if (kind == ARRAY_LEN(separators) || !number_take(scan, 1, 2, &part[1]) ||
        !word_take(scan, separators[kind][1]))
        return false;
    if (!number_take(scan, is_year_first ? 1 : 4, is_year_first ? 2 : 4, &part[2]))
        return false;
    return word_take(scan, separators[kind][2]);
}

static bool date_take(const struct import_mapping *mapping, struct scan *scan, struct civil *out)
{
    /* Four digits in front are a year, whatever the order: so spreadsheets give their dates. */
    bool is_year_first = str_is(mapping->date_order, "ymd") || digit_run(scan->text, 0) == 4;
    bool is_day_first = str_is(mapping->date_order, "dmy");
    int part[3] = {0, 0, 0};

    if (is_year_first && digit_run(scan->text, 0) == 8) {
        struct scan year = {str_sub(scan->text, 0, 4), 0}, month = {str_sub(scan->text, 4, 2), 0};
        struct scan day = {str_sub(scan->text, 6, 2), 0};

        if (!number_take(&year, 4, 4, &part[0]) || !number_take(&month, 2, 2, &part[1]) ||
            !number_take(&day, 2, 2, &part[2]))
            return false;
        scan->at = 8;
    } else if (!parts_take(scan, is_year_first, part)) {
        return false;
    }
    out->year = part[is_year_first ? 0 : 2];
    out->month = part[is_day_first || is_year_first ? 1 : 0];
    out->day = part[is_year_first ? 2 : (is_day_first ? 0 : 1)];
    return out->year >= YEAR_MIN && out->year <= YEAR_MAX &&
           date_is_valid(out->year, out->month, out->day);
}

/* AM and PM: 12 AM is midnight. */
static bool half_take(struct scan *scan, struct civil *out)
{
    bool is_pm;

    blank_take(scan);
    is_pm = word_take(scan, S("PM"));
    if (!is_pm && !word_take(scan, S("AM")))
        return true;
    if (out->hour < 1 || out->hour > 12)
        return false;
    out->hour = out->hour % 12 + (is_pm ? 12 : 0);
    return true;
}

static bool second_take(struct scan *scan, struct civil *out)
{
    size_t count;

    if (!word_take(scan, S(":")))
        return true;
    if (!number_take(scan, 2, 2, &out->second))
        return false;
    if (!word_take(scan, S(".")))
        return true;
    count = digit_run(scan->text, scan->at);
    if (count < 1 || count > 9)
        return false;
    for (size_t i = 0, unit = 100; i < 3; i++, unit /= 10)
        out->millisecond += i < count ? (scan->text.at[scan->at + i] - '0') * (int)unit : 0;
    scan->at += count;
    return true;
}

static bool clock_take(struct scan *scan, struct civil *out)
{
    if (!number_take(scan, 1, 2, &out->hour) || !word_take(scan, S(":")) ||
        !number_take(scan, 2, 2, &out->minute) || !second_take(scan, out) || !half_take(scan, out))
        return false;
    return out->hour < 24 && out->minute < 60 && out->second < 60;
}

/* Z, +08:00 or +0800. *offset_ms stays NONE without one. */
static bool offset_take(struct scan *scan, int64_t *offset_ms)
{
    bool is_behind;
    int hour, minute;

    if (word_take(scan, S("Z"))) {
        *offset_ms = 0;
        return true;
    }
    is_behind = word_take(scan, S("-"));
    if (!is_behind && !word_take(scan, S("+")))
        return true;
    if (digit_run(scan->text, scan->at) == 4) {
        if (!number_take(scan, 4, 4, &hour))
            return false;
        minute = hour % 100;
        hour /= 100;
    } else if (!number_take(scan, 2, 2, &hour) || !word_take(scan, S(":")) ||
               !number_take(scan, 2, 2, &minute)) {
        return false;
    }
    *offset_ms = (hour * 60 + minute) * INT64_C(60000) * (is_behind ? -1 : 1);
    return hour <= 14 && minute < 60;
}

static bool time_take(const struct import_mapping *mapping, struct str text, struct civil *local,
                      int64_t *offset_ms)
{
    struct scan scan = {text, 0};

    *local = (struct civil){0};
    *offset_ms = NONE;
    if (!date_take(mapping, &scan, local))
        return false;
    if (scan.at == text.len)
        return true;
    if (!word_take(&scan, S("T")) && !blank_take(&scan))
        return false;
    if (!clock_take(&scan, local) || !offset_take(&scan, offset_ms))
        return false;
    return scan.at == text.len;
}

bool import_parse_time(const struct import_mapping *mapping, struct str text, int64_t *utc_ms)
{
    struct civil local;
    int64_t offset_ms;

    if (!time_take(mapping, text, &local, &offset_ms))
        return false;
    if (offset_ms == NONE) {
        *utc_ms = zone_instant(mapping->zone, &local);
        return true;
    }
    *utc_ms = day_of_date(local.year, local.month, local.day) * DAY_MS +
              ((local.hour * 60 + local.minute) * INT64_C(60) + local.second) * 1000 +
              local.millisecond - offset_ms;
    return true;
}

bool import_parse_day(const struct import_mapping *mapping, struct str text, int64_t *day)
{
    struct civil local;
    int64_t offset_ms;

    if (!time_take(mapping, text, &local, &offset_ms))
        return false;
    *day = day_of_date(local.year, local.month, local.day);
    return true;
}
