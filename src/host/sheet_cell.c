/* What a number in a spreadsheet's cell says: a plain decimal, or a date. A spreadsheet keeps both
 * as a binary fraction and shows 15 digits; so do we, and round nothing else. */
#include "host/sheet_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"

#define NUMBER_BYTES 400
#define SERIAL_END 2958466 /* the day after 9999-12-31 */
#define DAY_S 86400

/* ---- numbers -------------------------------------------------------------------------------- */

static bool is_plain(struct str text)
{
    size_t digits = 0, points = 0;

    for (size_t i = 0; i < text.len; i++) {
        bool is_sign = i == 0 && text.at[i] == '-' && text.len > 1;

        if (text.at[i] == '.')
            points++;
        else if (text.at[i] >= '0' && text.at[i] <= '9')
            digits++;
        else if (!is_sign)
            return false;
    }
    return digits > 0 && digits <= 15 && points <= 1 && text.at[text.len - 1] != '.';
}

static bool number_of(struct str stored, double *value)
{
    char copy[64], *end;

    if (stored.len == 0 || stored.len >= sizeof(copy))
        return false;
    memcpy(copy, stored.at, stored.len);
    copy[stored.len] = '\0';
    if (strspn(copy, "0123456789+-.eE") != stored.len)
        return false;
    *value = strtod(copy, &end);
    return end == copy + stored.len && isfinite(*value);
}

/* 15 digits without an exponent and without noughts at the end. */
static size_t number_write(double value, char *out)
{
    char digits[40];
    int exponent, decimals;
    size_t len;

    snprintf(digits, sizeof(digits), "%.14e", value);
    exponent = atoi(strchr(digits, 'e') + 1); /* tidy: of our own snprintf */
    decimals = exponent < 14 ? 14 - exponent : 0;
    len = (size_t)snprintf(out, NUMBER_BYTES, "%.*f", decimals, strtod(digits, NULL));
    if (len >= NUMBER_BYTES)
        return 0;
    if (decimals > 0) {
        while (out[len - 1] == '0')
            len--;
        len -= out[len - 1] == '.';
    }
    return len;
}

size_t sheet_cell_number(struct str stored, char *out)
{
    double value;

    if (is_plain(stored)) {
        memcpy(out, stored.at, stored.len);
        return stored.len;
    }
    if (number_of(stored, &value))
        return number_write(value, out);
    return 0;
}

/* ---- dates ---------------------------------------------------------------------------------- */

/* Both systems count days; that of 1900 has a 29th of February in that year, which never was. */
static int64_t serial_day(int64_t serial, bool is_1904)
{
    if (is_1904)
        return day_of_date(1904, 1, 1) + serial;
    return day_of_date(1899, 12, serial < 60 ? 31 : 30) + serial;
}

static size_t date_write(int64_t serial, int64_t second, bool is_1904, char *out)
{
    int year, month, date, len = 0;
    bool is_time = second > 0;

    day_to_date(serial_day(serial, is_1904), &year, &month, &date);
    if (serial == 60 && !is_1904)
        len = snprintf(out, NUMBER_BYTES, "1900-02-29");
    else if (serial > 0 || is_1904)
        len = snprintf(out, NUMBER_BYTES, "%04d-%02d-%02d", year, month, date);
    if (is_time || len == 0)
        len +=
            snprintf(out + len, NUMBER_BYTES - (size_t)len, "%s%02d:%02d:%02d", len > 0 ? " " : "",
                     (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
    return (size_t)len;
}

size_t sheet_cell_date(struct str stored, bool is_1904, char *out)
{
    double value, whole;
    int64_t serial, second;

    if (!number_of(stored, &value) || value < 0 || value >= SERIAL_END)
        return sheet_cell_number(stored, out);
    second = llround(modf(value, &whole) * DAY_S);
    serial = (int64_t)whole;
    if (second == DAY_S) {
        second = 0;
        serial++;
    }
    return date_write(serial, second, is_1904, out);
}

bool sheet_cell_builtin_is_date(long id)
{
    return (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 50 && id <= 58);
}

/* A year, month, day, hour or second outside quotes, brackets and escapes. What is in [h] is a
 * length of time, and stays a number. */
bool sheet_cell_format_is_date(const char *format)
{
    bool is_quoted = false;

    for (const char *at = format; *at != '\0' && *at != ';'; at++) {
        if (*at == '"')
            is_quoted = !is_quoted;
        if (is_quoted)
            continue;
        if ((*at == '\\' || *at == '_' || *at == '*') && at[1] != '\0') {
            at++;
            continue;
        }
        if (*at == '[') {
            if (strchr("hHmMsS", at[1]) != NULL && at[1] != '\0')
                return false;
            at = strchr(at, ']');
            if (at == NULL)
                return false;
            continue;
        }
        if (strncmp(at, "General", 7) == 0)
            return false;
        if (strchr("yYmMdDhHsS", *at) != NULL)
            return true;
    }
    return false;
}
