/* Writing CSV: what it writes, csv_next reads back, but for the apostrophe before what a
 * spreadsheet would run. */
#include "base/csv.h"

static size_t digits_len(struct str s, size_t from)
{
    size_t i = from;

    while (i < s.len && s.at[i] >= '0' && s.at[i] <= '9')
        i++;
    return i - from;
}

/* [+-]digits[.digits] */
static bool is_plain_number(struct str s)
{
    size_t i = s.len && (s.at[0] == '-' || s.at[0] == '+');
    size_t len = digits_len(s, i);

    i += len;
    if (len && i < s.len && s.at[i] == '.') {
        len = digits_len(s, i + 1);
        i += 1 + len;
    }
    return len && i == s.len;
}

static bool is_run_by_spreadsheets(struct str s)
{
    return s.len && memchr("=+-@\t\r", s.at[0], 6) && !is_plain_number(s);
}

/* Semicolon and tab too, since the reader guesses the separator from the header. */
static bool wants_quotes(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (memchr("\",;\t\r\n", s.at[i], 6))
            return true;
    return s.len && (s.at[0] == ' ' || s.at[s.len - 1] == ' ');
}

static void write_quoted(struct buf *buf, struct str field)
{
    struct str head, tail = field;

    buf_char(buf, '"');
    if (is_run_by_spreadsheets(field))
        buf_char(buf, '\'');
    while (str_cut(tail, '"', &head, &tail)) {
        buf_str(buf, head);
        buf_str(buf, S("\"\""));
    }
    buf_str(buf, head);
    buf_char(buf, '"');
}

void csv_write(struct buf *buf, struct str field, bool is_last)
{
    bool is_first = buf->len == 0 || buf->at[buf->len - 1] == '\n';

    if (wants_quotes(field) || (is_first && is_last && field.len == 0)) {
        write_quoted(buf, field); /* a row of one empty field would be a blank line */
    } else {
        if (is_run_by_spreadsheets(field))
            buf_char(buf, '\'');
        buf_str(buf, field);
    }
    buf_str(buf, is_last ? S("\r\n") : S(","));
}
