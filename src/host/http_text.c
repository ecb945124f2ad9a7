/* Texts of HTTP: reasons, dates, lists, types by name, percent-decoding. Pure functions. */
#include "host/http_private.h"

#include <stdio.h>
#include <time.h>

#include "base/utf8.h"

const char *http_text_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } rows[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].status == status)
            return rows[i].reason;
    }
    return "Status";
}

struct str http_text_date(char out[32], int64_t utc_s)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)utc_s;
    struct tm tm;
    int len;

    gmtime_r(&seconds, &tm);
    len = snprintf(out, 32, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
                   tm.tm_mday % 100, months + 3 * tm.tm_mon, (tm.tm_year + 1900) % 10000,
                   tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
    return (struct str){out, (size_t)len};
}

/* "gzip;q=0" and the like: listed in order to be refused. */
static bool is_refused(struct str parameters)
{
    int64_t at = str_find(parameters, S("q=0"));
    struct str rest;

    if (at < 0)
        return false;
    rest = str_sub(parameters, (size_t)at + 3, parameters.len);
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.at[i] >= '1' && rest.at[i] <= '9')
            return false;
    }
    return true;
}

bool http_text_list_has(struct str list, struct str item)
{
    struct str one, name, parameters;

    while (list.len > 0) {
        str_cut(list, ',', &one, &list);
        str_cut(str_trim(one), ';', &name, &parameters);
        if (str_eq_nocase(str_trim(name), item))
            return !is_refused(parameters);
    }
    return false;
}

const char *http_type_of(struct str path)
{
    static const struct {
        const char *ending, *type;
    } rows[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".gif", "image/gif"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".woff", "font/woff"},
        {".ttf", "font/ttf"},
        {".txt", "text/plain; charset=utf-8"},
        {".md", "text/plain; charset=utf-8"},
        {".csv", "text/csv; charset=utf-8"},
        {".xml", "application/xml"},
        {".pdf", "application/pdf"},
        {".wasm", "application/wasm"},
        {".mp4", "video/mp4"},
        {".mp3", "audio/mpeg"},
        {".zip", "application/zip"},
        {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str ending = str_of(rows[i].ending);

        if (path.len >= ending.len &&
            str_eq_nocase(str_sub(path, path.len - ending.len, ending.len), ending))
            return rows[i].type;
    }
    return "application/octet-stream";
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool http_unescape(struct arena *arena, struct str s, bool is_query, struct str *out)
{
    char *text = arena_alloc(arena, s.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (c == '+' && is_query) {
            c = ' ';
        } else if (c == '%') {
            int high = s.len - i > 2 ? hex_value(s.at[i + 1]) : -1;
            int low = s.len - i > 2 ? hex_value(s.at[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        text[len++] = c;
    }
    *out = (struct str){text, len};
    return utf8_is_valid(*out);
}
