/* Reading CSV as a stream, and writing it.
 * Always: the result does not depend on how the bytes were cut when fed; every byte belongs to one
 * record, fault or line end; a record that is open holds at most CSV_RECORD_MAX bytes of what was
 * fed. A quote that is never closed costs the record it stands in and no other: whether the
 * following lines are inside it is a matter of parity, so reading again from the line after the
 * opening one happens at most once per byte. */
#include "base/csv.h"

#include "base/utf8.h"

#include <iconv.h>
#include <stdlib.h>

#define SAMPLE_BYTES ((size_t)64 * 1024)
#define RAW_MAX 1000
#define FIRST_CAP (2 * SAMPLE_BYTES)
#define UTF8_PER_FAULT                                                                             \
    16 /* so many good sequences to a broken one, and the text was meant to be UTF-8 */

enum state {
    FIELD_START,
    PLAIN,
    QUOTED,
    QUOTE_SEEN, /* inside a quoted field, behind a quote: the closing one or half of an escaped one
                 */
    TO_LINE_END /* the record is broken */
};

struct bounds {
    size_t from, to; /* from the record's start; without the quotes */
    bool has_escape;
};

struct csv {
    char *at;
    size_t cap, start, end; /* at[start, end) is not consumed; a record begins at start */
    int64_t start_offset;   /* of at[start] in the file */
    int64_t line;           /* of at[start] */
    bool is_ended, is_decided, is_gb18030;
    bool is_after_cr; /* a LF at start belongs to the line end before it */
    bool is_skipping; /* the rest of a record that was too long */
    char separator;
    bool is_special[256]; /* what ends a run of plain bytes */

    /* The open record. Positions count from its start. */
    enum state state;
    size_t pos, field_from, quote_at;
    bool has_quote, has_escape;
    const char *fault;
    size_t field_count;
    struct bounds bounds[CSV_FIELD_MAX];

    struct str fields[CSV_FIELD_MAX];
    iconv_t converter; /* (iconv_t)-1 until it is needed */
    char *text;        /* the fields of a GB18030 record as UTF-8 */
    size_t text_cap;
};

static void *grown(void *at, size_t bytes)
{
    at = realloc(at, bytes);
    if (!at)
        must_fail("out of memory", __FILE__, __LINE__);
    return at;
}

struct csv *csv_new(void)
{
    struct csv *csv = calloc(1, sizeof(*csv));

    if (!csv)
        must_fail("out of memory", __FILE__, __LINE__);
    csv->cap = FIRST_CAP;
    csv->at = grown(NULL, csv->cap);
    csv->line = 1;
    csv->converter = (iconv_t)-1;
    return csv;
}

void csv_free(struct csv *csv)
{
    if (!csv)
        return;
    if (csv->converter != (iconv_t)-1)
        iconv_close(csv->converter);
    free(csv->text);
    free(csv->at);
    free(csv);
}

void csv_feed(struct csv *csv, const void *at, size_t len)
{
    size_t left = csv->end - csv->start;

    if (len == 0) {
        csv->is_ended = true;
        return;
    }
    must(!csv->is_ended);
    must(len < SIZE_MAX / 4);
    if (len > csv->cap - csv->end) {
        if (csv->start)
            memmove(csv->at, csv->at + csv->start, left);
        csv->start = 0;
        csv->end = left;
        /* At least half is free now, so that moving stays rare however small the pieces are. */
        if (left + len > csv->cap / 2) {
            csv->cap = (left + len) * 2;
            csv->at = grown(csv->at, csv->cap);
        }
    }
    memcpy(csv->at + csv->end, at, len);
    csv->end += len;
}

const char *csv_encoding(const struct csv *csv)
{
    return csv->is_gb18030 ? "GB18030" : "UTF-8";
}

char csv_separator(const struct csv *csv)
{
    return csv->separator;
}

/* ---- what kind of file it is ----------------------------------------------------------------- */

static size_t count_leads(struct str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += (unsigned char)s.at[i] >= 0xC0;
    return count;
}

static bool sample_is_utf8(struct str sample, bool is_all)
{
    size_t sequence_count = 0, fault_count = 0;

    while (sample.len) {
        size_t valid_len = utf8_valid_len(sample);
        sequence_count += count_leads(str_sub(sample, 0, valid_len));
        sample = str_sub(sample, valid_len, sample.len);
        if (sample.len &&
            !(sample.len < 4 && !is_all)) /* a sequence may be cut at the sample's end */
            fault_count += sample.at[0] != '\0';
        sample = str_sub(sample, 1, sample.len);
    }
    return fault_count * UTF8_PER_FAULT <= sequence_count;
}

/* The likeliest of , ; TAB in the header line, outside quotes. */
static char sample_separator(struct str sample)
{
    size_t commas = 0, semicolons = 0, tabs = 0;
    bool is_quoted = false;

    while (sample.len && (sample.at[0] == '\n' || sample.at[0] == '\r'))
        sample = str_sub(sample, 1, sample.len);
    for (size_t i = 0; i < sample.len; i++) {
        char c = sample.at[i];
        if (c == '"')
            is_quoted = !is_quoted;
        if (is_quoted)
            continue;
        if (c == '\n' || c == '\r')
            break;
        commas += c == ',';
        semicolons += c == ';';
        tabs += c == '\t';
    }
    if (tabs > commas && tabs >= semicolons)
        return '\t';
    return semicolons > commas ? ';' : ',';
}

static void csv_decide(struct csv *csv)
{
    struct str sample = {csv->at + csv->start, csv->end - csv->start};
    size_t bom_len = 0;

    if (sample.len > SAMPLE_BYTES)
        sample.len = SAMPLE_BYTES;
    if (str_starts(sample, S("\xEF\xBB\xBF"))) {
        bom_len = 3;
    } else {
        csv->is_gb18030 = !sample_is_utf8(sample, csv->is_ended && sample.len < SAMPLE_BYTES);
        if (csv->is_gb18030 && str_starts(sample, S("\x84\x31\x95\x33")))
            bom_len = 4;
    }
    csv->start += bom_len;
    csv->start_offset += (int64_t)bom_len;
    csv->separator = sample_separator(str_sub(sample, bom_len, sample.len));
    csv->is_special[(unsigned char)csv->separator] = true;
    csv->is_special['"'] = csv->is_special['\n'] = csv->is_special['\r'] = true;
    csv->is_decided = true;
}

/* ---- where a record ends --------------------------------------------------------------------- */

static void field_end(struct csv *csv, size_t to)
{
    if (csv->field_count < CSV_FIELD_MAX)
        csv->bounds[csv->field_count] = (struct bounds){csv->field_from, to, csv->has_escape};
    csv->field_count++;
    csv->has_escape = false;
}

static void field_begin(struct csv *csv)
{
    csv->pos++;
    csv->field_from = csv->pos;
    csv->state = FIELD_START;
}

/* A quote that is out of place, or the opening one of a field that does not end as it should. */
static void quote_fault(struct csv *csv, size_t quote_at)
{
    csv->fault = "csv.quote";
    csv->pos = quote_at;
    csv->state = TO_LINE_END;
}

/* At a byte that ends a field; true at a line end. */
static bool field_close(struct csv *csv, char c, size_t to)
{
    field_end(csv, to);
    if (c != csv->separator)
        return true;
    field_begin(csv);
    return false;
}

static bool scan_plain(struct csv *csv, const char *at, size_t limit)
{
    size_t pos = csv->pos;

    while (pos < limit && !csv->is_special[(unsigned char)at[pos]])
        pos++;
    csv->pos = pos;
    if (pos == limit)
        return false;
    if (at[pos] != '"')
        return field_close(csv, at[pos], pos);
    quote_fault(csv, pos);
    return false;
}

static bool scan_behind_quote(struct csv *csv, char c)
{
    if (c == '"') {
        csv->has_escape = true;
        csv->state = QUOTED;
        csv->pos++;
        return false;
    }
    if (csv->is_special[(unsigned char)c])
        return field_close(csv, c, csv->pos - 1);
    quote_fault(csv, csv->quote_at);
    return false;
}

/* One step from csv->pos < limit; true: csv->pos is at the line end that ends the record. */
static bool scan_step(struct csv *csv, const char *at, size_t limit)
{
    const char *found;

    switch (csv->state) {
    case FIELD_START:
        if (at[csv->pos] != '"') {
            csv->state = PLAIN;
            return false;
        }
        csv->state = QUOTED;
        csv->has_quote = true;
        csv->quote_at = csv->pos++;
        csv->field_from = csv->pos;
        return false;
    case PLAIN:
        return scan_plain(csv, at, limit);
    case QUOTED:
        found = memchr(at + csv->pos, '"', limit - csv->pos);
        csv->pos = found ? (size_t)(found - at) + 1 : limit;
        csv->state = found ? QUOTE_SEEN : QUOTED;
        return false;
    case QUOTE_SEEN:
        return scan_behind_quote(csv, at[csv->pos]);
    case TO_LINE_END:
        while (csv->pos < limit && at[csv->pos] != '\n' && at[csv->pos] != '\r')
            csv->pos++;
        return csv->pos < limit;
    }
    return false;
}

static bool has_line_end(const char *at, size_t len)
{
    return memchr(at, '\n', len) || memchr(at, '\r', len);
}

static bool is_open(const struct csv *csv)
{
    return csv->state == QUOTED || csv->state == QUOTE_SEEN;
}

/* Scans to the record's end. CSV_RECORD: it is at csv->pos. CSV_FAULT: the record is longer than
 * may be. */
static enum csv_kind record_scan(struct csv *csv)
{
    const char *at = csv->at + csv->start;
    size_t len = csv->end - csv->start;
    size_t limit = len <= CSV_RECORD_MAX ? len : CSV_RECORD_MAX + 1;

    for (;;) {
        while (csv->pos < limit)
            if (scan_step(csv, at, limit))
                return CSV_RECORD;
        if (limit > CSV_RECORD_MAX) {
            if (is_open(csv) && has_line_end(at + csv->quote_at, limit - csv->quote_at)) {
                quote_fault(csv, csv->quote_at);
                continue;
            }
            return CSV_FAULT;
        }
        if (!csv->is_ended)
            return CSV_MORE;
        if (csv->state == QUOTED) {
            quote_fault(csv, csv->quote_at);
            continue;
        }
        if (csv->state != TO_LINE_END)
            field_end(csv, csv->state == QUOTE_SEEN ? limit - 1 : limit);
        return CSV_RECORD;
    }
}

/* ---- what a record says ---------------------------------------------------------------------- */

static struct str field_unescaped(char *at, struct bounds bounds)
{
    char *to = at + bounds.from;

    for (size_t i = bounds.from; i < bounds.to; i++) {
        *to++ = at[i];
        i += at[i] == '"';
    }
    return (struct str){at + bounds.from, (size_t)(to - (at + bounds.from))};
}

static bool is_ascii(struct str s)
{
    unsigned char high = 0;

    for (size_t i = 0; i < s.len; i++)
        high |= (unsigned char)s.at[i];
    return high < 0x80;
}

/* The field in UTF-8 at *to, which moves on. */
static bool field_convert(struct csv *csv, struct str *field, char **to)
{
    char *in = (char *)(uintptr_t)field->at, *from = *to; /* iconv does not write to its input */
    size_t in_left = field->len, out_left = csv->text_cap - (size_t)(*to - csv->text);

    if (is_ascii(*field))
        return true;
    iconv(csv->converter, NULL, NULL, NULL, NULL);
    if (iconv(csv->converter, &in, &in_left, to, &out_left) == (size_t)-1)
        return false;
    *field = (struct str){from, (size_t)(*to - from)};
    return utf8_is_valid(*field);
}

static bool record_convert(struct csv *csv, size_t len)
{
    char *to;

    if (csv->converter == (iconv_t)-1) {
        csv->converter = iconv_open("UTF-8", "GB18030");
        must(csv->converter != (iconv_t)-1);
    }
    if (csv->text_cap < len * 2 + 16) { /* two bytes become at most three, one stays one */
        csv->text_cap = len * 4 + 64;
        csv->text = grown(csv->text, csv->text_cap);
    }
    to = csv->text;
    for (size_t i = 0; i < csv->field_count; i++)
        if (!field_convert(csv, &csv->fields[i], &to))
            return false;
    return true;
}

/* The fields of the scanned record, or what is wrong with it. */
static const char *record_read(struct csv *csv, struct str raw)
{
    char *at = csv->at + csv->start;

    if (csv->fault)
        return csv->fault;
    if (csv->field_count > CSV_FIELD_MAX)
        return "csv.fields";
    if (csv->is_gb18030 ? memchr(raw.at, '\0', raw.len) != NULL : !utf8_is_valid(raw))
        return memchr(raw.at, '\0', raw.len) ? "csv.nul" : "csv.encoding";
    for (size_t i = 0; i < csv->field_count; i++) {
        struct bounds bounds = csv->bounds[i];
        csv->fields[i] = (struct str){at + bounds.from, bounds.to - bounds.from};
    }
    /* Converted before escapes are resolved, so that a fault still has its raw bytes. */
    if (csv->is_gb18030 && !record_convert(csv, raw.len))
        return "csv.encoding";
    for (size_t i = 0; i < csv->field_count; i++) {
        struct bounds whole = {0, csv->fields[i].len, true};
        if (csv->bounds[i].has_escape)
            csv->fields[i] = field_unescaped((char *)(uintptr_t)csv->fields[i].at, whole);
    }
    return NULL;
}

static int64_t count_line_ends(struct str s)
{
    int64_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += s.at[i] == '\n' || (s.at[i] == '\r' && !(i + 1 < s.len && s.at[i + 1] == '\n'));
    return count;
}

static void csv_consume(struct csv *csv, size_t len)
{
    csv->start += len;
    csv->start_offset += (int64_t)len;
}

static void line_end_consume(struct csv *csv)
{
    csv->is_after_cr = csv->at[csv->start] == '\r';
    csv->line++;
    csv_consume(csv, 1);
}

/* Moves to the first byte of a record; false if there is none. */
static bool record_find(struct csv *csv)
{
    while (csv->start < csv->end) {
        char c = csv->at[csv->start];
        bool is_after_cr = csv->is_after_cr;
        csv->is_after_cr = false;
        if (is_after_cr && c == '\n') {
            csv_consume(csv, 1);
            continue;
        }
        if (c == '\n' || c == '\r') {
            csv->is_skipping = false;
            line_end_consume(csv);
        } else if (csv->is_skipping) {
            csv_consume(csv, 1);
        } else {
            return true;
        }
    }
    return false;
}

/* The record whose end was found; the next one is made ready. */
static struct csv_record record_take(struct csv *csv, enum csv_kind kind)
{
    struct str raw = {csv->at + csv->start, csv->pos};
    struct csv_record record = {.kind = CSV_RECORD, .line = csv->line, .offset = csv->start_offset};

    if (kind == CSV_FAULT) {
        record.what = csv->fault ? csv->fault : "csv.too_long";
        csv->is_skipping = true;
    } else {
        record.what = record_read(csv, raw);
    }
    if (record.what) {
        record.kind = CSV_FAULT;
        record.raw = str_sub(raw, 0, RAW_MAX);
    } else {
        record.fields = csv->fields;
        record.count = csv->field_count;
    }
    if (csv->has_quote)
        csv->line += count_line_ends(raw);
    csv_consume(csv, raw.len);
    csv->pos = csv->field_from = csv->quote_at = csv->field_count = 0;
    csv->state = FIELD_START;
    csv->has_quote = csv->has_escape = false;
    csv->fault = NULL;
    return record;
}

struct csv_record csv_next(struct csv *csv)
{
    enum csv_kind kind;

    if (!csv->is_decided) {
        if (!csv->is_ended && csv->end - csv->start < SAMPLE_BYTES)
            return (struct csv_record){.kind = CSV_MORE};
        csv_decide(csv);
    }
    if (csv->pos == 0 && !record_find(csv))
        return (struct csv_record){.kind = csv->is_ended ? CSV_END : CSV_MORE};
    kind = record_scan(csv);
    if (kind == CSV_MORE)
        return (struct csv_record){.kind = CSV_MORE};
    return record_take(csv, kind);
}
