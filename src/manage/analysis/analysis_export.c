/* POST /api/audience/export: the table of an answer as a file, its cells as people read them: local
 * times, money with its decimals, names instead of numbers. Always: the answer is within reach as
 * on the page; of segments, who are persons, there is no table. */
#include <stdlib.h>

#include "base/csv.h"
#include "gen/analysis_export.q.h"
#include "host/file.h"
#include "host/xlsx.h"
#include "kit/job.h"
#include "manage/analysis/analysis_private.h"
#include "manage/setting/setting.h"

#define FILE_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define TITLES_BYTES_MAX 4000
#define WIDTH 18 /* characters of a column */
#define XLSX_TYPE "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

struct audience_export_in {
    struct str query, format, titles, lang;
};
static const struct field audience_export_in[] = {
    IN(struct audience_export_in, query, .is_json = true, .max = QUERY_TEXT_MAX,
       .about = "of the query language, but no segment"),
    IN(struct audience_export_in, format, .one_of = "csv|xlsx"),
    IN(struct audience_export_in, titles, .is_optional = true, .is_json = true,
       .max = TITLES_BYTES_MAX, .about = "a list of a text a column"),
    IN(struct audience_export_in, lang, .is_optional = true, .one_of = "zh|en"),
};

/* One file on its way. In the arena: what it holds goes however its making ends. */
struct sheet {
    struct ctx_end end;
    struct ctx *c;
    const struct question *question;
    struct analysis_column columns[ANALYSIS_COLUMN_MAX];
    struct str titles[ANALYSIS_COLUMN_MAX];
    int count;
    bool is_en;
    int64_t minor_digits;
    struct list channels, named; /* named: what the ids of `by` are */
    struct str path;             /* of the .xlsx */
    struct xlsx *xlsx;           /* NULL: lines of CSV */
    struct buf *lines;
};

/* ---- what it needs --------------------------------------------------------------------------- */

static enum err titles_read(struct sheet *sheet, struct str text)
{
    struct ctx *c = sheet->c;
    struct json json;

    for (int i = 0; i < sheet->count; i++)
        sheet->titles[i] = str_of(sheet->columns[i].name);
    if (text.at == NULL)
        return OK;
    if (json_parse(c->arena, text, &json, NULL) != OK || json.type != JSON_ARRAY ||
        json.count != (uint32_t)sheet->count)
        return fail_at(c, "export.titles", S("titles"), "a list of %d texts is needed",
                       sheet->count);
    for (int i = 0; i < sheet->count; i++) {
        if (json.items[i].type != JSON_STR)
            return fail_at(c, "export.titles", S("titles"), "a title is a text");
        sheet->titles[i] = json.items[i].text;
    }
    return OK;
}

/* Rows of id and name, ascending. */
static enum err names_read(struct sheet *sheet)
{
    struct ctx *c = sheet->c;
    const struct query *query = &sheet->question->query;
    struct str name = {0};

    if (query->has_by && query->by.kind == QUERY_ATTRIBUTE)
        name = sheet->question->moment.catalog.attributes[query->by.number].name;
    TRY(q_audience_channels(c, &sheet->channels));
    if (str_is(name, "channel"))
        sheet->named = sheet->channels;
    if (str_is(name, "owner"))
        return q_audience_owners(c, &sheet->named);
    return str_is(name, "store") ? q_audience_stores(c, &sheet->named) : OK;
}
_Static_assert(sizeof(struct q_audience_channels_row) == sizeof(struct q_audience_owners_row) &&
                   sizeof(struct q_audience_channels_row) == sizeof(struct q_audience_stores_row),
               "one shape for names");

static int by_id(const void *key, const void *row)
{
    int64_t id = *(const int64_t *)key, other = ((const struct q_audience_channels_row *)row)->id;

    return id < other ? -1 : id > other;
}

static struct str name_of(struct sheet *sheet, const struct list *names, int64_t id)
{
    const struct q_audience_channels_row *row = NULL;

    if (names->count > 0)
        row = bsearch(&id, names->at, (size_t)names->count, sizeof *row, by_id);
    return row ? row->name : str_fmt(sheet->c->arena, "%" PRId64, id);
}

/* ---- cells ----------------------------------------------------------------------------------- */

static struct str second_text(struct sheet *sheet, int64_t second)
{
    const struct query *query = &sheet->question->query;
    struct civil civil;

    zone_local(query->zone, second * 1000, &civil);
    if (query->ask != QUERY_TIMELINE) /* the first instant of a unit */
        return str_fmt(sheet->c->arena, "%04d-%02d-%02d", civil.year, civil.month, civil.day);
    return str_fmt(sheet->c->arena, "%04d-%02d-%02d %02d:%02d:%02d", civil.year, civil.month,
                   civil.day, civil.hour, civil.minute, civil.second);
}

static struct str kind_text(struct sheet *sheet, struct str name)
{
    const struct event_kind *kind = event_kind_find(sheet->c->app, name);

    if (kind == NULL)
        return name;
    return str_of(sheet->is_en ? kind->title_en : kind->title_zh);
}

static struct str channel_text(struct sheet *sheet, struct str number)
{
    int64_t id;

    if (number.len == 0)
        return sheet->is_en ? S("No channel") : S("无渠道");
    return str_to_int(number, &id) ? name_of(sheet, &sheet->channels, id) : number;
}

static struct str cell_text(struct sheet *sheet, enum analysis_cell cell, int64_t value)
{
    if (value == NONE)
        return S("");
    if (cell == CELL_SECOND)
        return second_text(sheet, value);
    if (cell == CELL_DAY)
        return day_iso(sheet->c->arena, value);
    if (cell == CELL_ID)
        return name_of(sheet, &sheet->named, value);
    if (cell == CELL_FLAG)
        return value == 0 ? S("") : sheet->is_en ? S("yes") : S("是");
    if (cell == CELL_KIND)
        return kind_text(sheet, analysis_text(sheet->question, cell, value));
    if (cell == CELL_CHANNEL)
        return channel_text(sheet, analysis_text(sheet->question, cell, value));
    return analysis_text(sheet->question, cell, value);
}

static void number_write(struct sheet *sheet, int64_t value, int64_t digits, bool is_last)
{
    if (sheet->xlsx)
        xlsx_number(sheet->xlsx, value, digits);
    else if (value == NONE)
        csv_write(sheet->lines, S(""), is_last);
    else
        csv_write(sheet->lines, str_decimal(sheet->c->arena, value, digits), is_last);
}

static void cell_write(struct sheet *sheet, int column, int64_t value)
{
    enum analysis_cell cell = sheet->columns[column].cell;
    bool is_last = column + 1 == sheet->count;

    if (cell == CELL_COUNT || cell == CELL_MONEY)
        number_write(sheet, value, cell == CELL_MONEY ? sheet->minor_digits : 0, is_last);
    else if (sheet->xlsx)
        xlsx_text(sheet->xlsx, cell_text(sheet, cell, value));
    else
        csv_write(sheet->lines, cell_text(sheet, cell, value), is_last);
}

static void rows_write(struct sheet *sheet)
{
    const struct answer *answer = &sheet->question->answer;

    if (sheet->xlsx == NULL)
        buf_str(sheet->lines, S("\xEF\xBB\xBF")); /* for spreadsheets */
    for (int k = 0; k < sheet->count; k++)
        if (sheet->xlsx)
            xlsx_head(sheet->xlsx, sheet->titles[k]);
        else
            csv_write(sheet->lines, sheet->titles[k], k + 1 == sheet->count);
    for (int64_t i = 0; i < answer->row_count; i++) {
        if (sheet->xlsx)
            xlsx_row_end(sheet->xlsx); /* of the row before */
        for (int k = 0; k < sheet->count; k++)
            cell_write(sheet, k, answer->cells[i * sheet->count + k]);
    }
    if (sheet->xlsx)
        xlsx_row_end(sheet->xlsx);
}

/* ---- the file -------------------------------------------------------------------------------- */

static enum err csv_take(struct sheet *sheet)
{
    struct ctx *c = sheet->c;
    bool is_full;

    sheet->lines = ctx_buf(c, FILE_BYTES_MAX);
    rows_write(sheet);
    is_full = sheet->lines->is_full;
    c->file_body = str_copy(c->arena, buf_view(sheet->lines));
    buf_release(sheet->lines);
    c->file_type = "text/csv; charset=utf-8";
    return is_full ? fail(c, E_TOO_LARGE, "query.large", "the answer is too large") : OK;
}

static enum err xlsx_end(struct sheet *sheet)
{
    struct xlsx *xlsx = sheet->xlsx;

    sheet->xlsx = NULL;
    return xlsx ? xlsx_close(xlsx) : OK;
}

static void sheet_end(void *user)
{
    struct sheet *sheet = user;
    enum err err = xlsx_end(sheet);

    if (file_remove(sheet->path) == E_IO || err != OK)
        app_log(sheet->c->app, "warn", "export", "%.*s: %s", STR(sheet->path), file_why());
}

/* Written where files of jobs lie, and taken from there. */
static enum err xlsx_take(struct sheet *sheet)
{
    static const int widths[] = {WIDTH, WIDTH, WIDTH, WIDTH, WIDTH, WIDTH};
    struct ctx *c = sheet->c;
    struct str folder;

    TRY(job_folder(c->app, c->arena, &folder));
    sheet->path = str_fmt(c->arena, "%.*s/question-%" PRId64 ".xlsx", STR(folder), ctx_id(c));
    sheet->end = (struct ctx_end){.run = sheet_end, .user = sheet};
    ctx_at_end(c, &sheet->end);
    TRY(xlsx_create(c->arena, sheet->path, widths, sheet->count, &sheet->xlsx));
    rows_write(sheet);
    TRY(xlsx_end(sheet));
    c->file_type = XLSX_TYPE;
    return file_read(c->arena, sheet->path, FILE_BYTES_MAX, &c->file_body);
}

static enum err file_make(struct ctx *c, const struct audience_export_in *in,
                          const struct question *question)
{
    struct sheet *sheet = arena_new_one(c->arena, struct sheet);
    struct str currency, day = day_iso(c->arena, zone_day(ctx_zone(c), c->now_ms));
    bool is_xlsx = str_is(in->format, "xlsx");

    if (question->query.ask == QUERY_SEGMENT)
        return fail_at(c, "query.form", S("query/ask"),
                       "persons are exported as customers, by `who`");
    *sheet = (struct sheet){.c = c, .question = question, .is_en = str_is(in->lang, "en")};
    sheet->count = analysis_columns(question, sheet->columns);
    TRY(titles_read(sheet, in->titles));
    TRY(names_read(sheet));
    TRY(setting_currency(c, &currency, &sheet->minor_digits));
    c->file_name = str_fmt(c->arena, "papilio-%.*s.%s", STR(day), is_xlsx ? "xlsx" : "csv");
    return is_xlsx ? xlsx_take(sheet) : csv_take(sheet);
}

static enum err export_run(struct ctx *c, const void *in_, void *out)
{
    const struct audience_export_in *in = in_;
    struct question question;
    enum err err = question_ask(c, in->query, &question);

    (void)out;
    if (err == OK)
        err = file_make(c, in, &question);
    question_end(&question);
    return err;
}

const struct route analysis_export_routes[] = {
    {HTTP_POST, "/api/audience/export", "customer.read", SHAPE(audience_export_in), NULL,
     export_run, .kind = ROUTE_DOWNLOAD, .reads = true, .is_long = question_is_long,
     .repeat = REPEAT_KEY_IGNORED, .about = "The table of an answer as CSV or .xlsx",
     .statement_max = 16},
    {.path = NULL},
};
