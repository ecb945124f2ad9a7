/* Customers to a file: CSV for everything (UTF-8 with BOM, so that Excel reads it, cells that a
 * spreadsheet would run defused) and XLSX. Always: masked as the list is, unless the clear text was
 * asked for and the right to it is still there at each page. The file is the job's; its name holds
 * the job's id. */
#include "base/csv.h"
#include "gen/bulk.q.h"
#include "host/file.h"
#include "host/xlsx.h"
#include "manage/customer/bulk_private.h"
#include "manage/customer/customer_item.h"
#include "manage/setting/setting.h"

#define EXPORT_PAGE 2000 /* a commit each, which waits for the disk */
#define COLUMNS_MAX 32
#define LINE_BYTES_MAX (4 * 1024 * 1024)
#define COLUMNS_DEFAULT                                                                            \
    "customer_number name phone channel_name state order_count paid last_order tags owner_name "   \
    "org_name touched"

/* How a column's member becomes a cell. */
enum cell {
    CELL_TEXT,
    CELL_COUNT,
    CELL_MONEY,
    CELL_TIME,
    CELL_ID,
    CELL_TAGS,
    CELL_YES,
    CELL_STATE
};

struct column {
    const char *name, *zh, *en;
    enum cell cell;
    size_t offset, offset_en; /* offset_en: of the English text, where there are two */
    int width;
};
#define COLUMN(name, zh, en, cell, m, width)                                                       \
    {                                                                                              \
        name, zh, en, cell, offsetof(struct customer_item, m), offsetof(struct customer_item, m),  \
            width                                                                                  \
    }

static const struct column columns[] = {
    COLUMN("id", "ID", "ID", CELL_ID, id, 20),
    COLUMN("customer_number", "客户编号", "Number", CELL_COUNT, customer_number, 10),
    COLUMN("name", "姓名", "Name", CELL_TEXT, name, 14),
    COLUMN("phone", "手机", "Phone", CELL_TEXT, phone, 14),
    COLUMN("email", "邮箱", "E-mail", CELL_TEXT, email, 22),
    COLUMN("region", "地区", "Region", CELL_TEXT, region, 12),
    COLUMN("channel_name", "渠道", "Channel", CELL_TEXT, channel_name, 16),
    COLUMN("state", "购买状态", "State", CELL_STATE, state, 10),
    COLUMN("owner_name", "归属员工", "Owner", CELL_TEXT, owner_name, 14),
    COLUMN("org_name", "归属门店", "Store", CELL_TEXT, org_name, 16),
    COLUMN("order_count", "有效订单", "Orders", CELL_COUNT, order_count, 10),
    COLUMN("paid", "成交额", "Revenue", CELL_MONEY, paid_fen, 12),
    COLUMN("refunded", "退款", "Refunded", CELL_MONEY, refunded_fen, 12),
    COLUMN("first_order", "首次下单", "First order", CELL_TIME, first_order_ms, 17),
    COLUMN("last_order", "最近下单", "Last order", CELL_TIME, last_order_ms, 17),
    COLUMN("touched", "首次接触", "First touch", CELL_TIME, touched_ms, 17),
    COLUMN("added", "添加时间", "Added", CELL_TIME, added_ms, 17),
    COLUMN("action", "最近行为", "Last action", CELL_TEXT, action_date, 12),
    COLUMN("birth", "生日", "Birthday", CELL_TEXT, birth_date, 12),
    {"life_stage", "生命阶段", "Life stage", CELL_TEXT,
     offsetof(struct customer_item, life_stage_zh), offsetof(struct customer_item, life_stage_en),
     14},
    COLUMN("invited_count", "邀请人数", "Invited", CELL_COUNT, invited_count, 10),
    COLUMN("family", "家人", "Family", CELL_YES, is_family, 8),
    COLUMN("blocked", "加入黑名单", "Blacklisted", CELL_TIME, blocked_ms, 17),
    COLUMN("tags", "标签", "Tags", CELL_TAGS, tags, 30),
};

/* The export of one run: job->state. */
struct export
{
    struct bulk_in in;
    const struct column *columns[COLUMNS_MAX];
    int count;
    bool is_en, is_xlsx, has_tags, has_email;
    int64_t minor_digits;
    struct file_writer *csv; /* one of the two, NULL once closed */
    struct xlsx *xlsx;
    struct buf line;
};

static const struct column *column_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (str_is(name, columns[i].name))
            return &columns[i];
    return NULL;
}

static enum err columns_read(struct ctx *c, struct str text, struct export *x)
{
    struct str rest = text.len > 0 ? text : S(COLUMNS_DEFAULT), head;
    bool is_more = true;

    while (is_more) {
        is_more = str_cut(rest, ' ', &head, &rest);
        if (x->count == COLUMNS_MAX || column_find(head) == NULL)
            return fail_at(c, "export.column", S("columns"), "no column \"%.*s\"", STR(head));
        x->columns[x->count] = column_find(head);
        x->has_email |= str_is(head, "email");
        x->has_tags |= x->columns[x->count++]->cell == CELL_TAGS;
    }
    return OK;
}

enum err export_check(struct ctx *c, const struct bulk_in *in)
{
    struct export x = {0};

    return columns_read(c, in->columns, &x);
}

/* ---- cells ----------------------------------------------------------------------------------- */

static struct str time_text(struct ctx *c, int64_t ms)
{
    struct civil civil;
    char *text;

    if (ms == NONE)
        return (struct str){0};
    zone_local(ctx_zone(c), ms, &civil);
    text = arena_alloc(c->arena, 16);
    memcpy(text, "0000-00-00 00:00", 16);
    customer_digits(text, civil.year, 4);
    customer_digits(text + 5, civil.month, 2);
    customer_digits(text + 8, civil.day, 2);
    customer_digits(text + 11, civil.hour, 2);
    customer_digits(text + 14, civil.minute, 2);
    return (struct str){text, 16};
}

static struct str tags_text(struct ctx *c, const struct list *tags)
{
    const struct customer_item_tag *tag = tags->at;
    size_t len = 0;
    char *text;

    for (int64_t i = 0; i < tags->count; i++)
        len += tag[i].name.len + 2;
    text = arena_alloc(c->arena, len + 1);
    len = 0;
    for (int64_t i = 0; i < tags->count; i++) {
        if (i > 0) {
            memcpy(text + len, ", ", 2);
            len += 2;
        }
        memcpy(text + len, tag[i].name.at, tag[i].name.len);
        len += tag[i].name.len;
    }
    return (struct str){text, len};
}

static struct str state_text(struct str state, bool is_en)
{
    static const char *const words[][3] = {{"never", "未购", "Never bought"},
                                           {"once", "首单", "Once"},
                                           {"repeat", "复购", "Repeat"},
                                           {"sleeping", "沉睡", "Sleeping"},
                                           {"lost", "流失", "Lost"}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(state, words[i][0]))
            return str_of(words[i][is_en ? 2 : 1]);
    return state;
}

static bool is_number(const struct column *column)
{
    return column->cell == CELL_COUNT || column->cell == CELL_MONEY;
}

static struct str cell_text(struct ctx *c, const struct export *x, const struct column *column,
                            const struct customer_item *item)
{
    const void *at = (const char *)item + (x->is_en ? column->offset_en : column->offset);

    switch (column->cell) {
    case CELL_TEXT:
        return *(const struct str *)at;
    case CELL_STATE:
        return state_text(*(const struct str *)at, x->is_en);
    case CELL_TAGS:
        return tags_text(c, at);
    case CELL_TIME:
        return time_text(c, *(const int64_t *)at);
    case CELL_YES:
        return !*(const bool *)at ? S("") : x->is_en ? S("yes") : S("是");
    case CELL_ID:
    case CELL_COUNT:
    case CELL_MONEY:
        break;
    }
    return str_fmt(c->arena, "%" PRId64, *(const int64_t *)at);
}

static void csv_row(struct ctx *c, struct export *x, const struct customer_item *item)
{
    for (int i = 0; i < x->count; i++) {
        const struct column *column = x->columns[i];
        const int64_t *number = (const void *)((const char *)item + column->offset);
        struct str text = column->cell == CELL_MONEY
                              ? str_decimal(c->arena, *number, x->minor_digits)
                              : cell_text(c, x, column, item);

        csv_write(&x->line, text, i + 1 == x->count);
    }
}

static void xlsx_row(struct ctx *c, struct export *x, const struct customer_item *item)
{
    for (int i = 0; i < x->count; i++) {
        const struct column *column = x->columns[i];
        const int64_t *number = (const void *)((const char *)item + column->offset);

        if (is_number(column))
            xlsx_number(x->xlsx, *number, column->cell == CELL_MONEY ? x->minor_digits : 0);
        else
            xlsx_text(x->xlsx, cell_text(c, x, column, item));
    }
    xlsx_row_end(x->xlsx);
}

/* ---- the file -------------------------------------------------------------------------------- */

static enum err head_write(struct export *x)
{
    if (!x->is_xlsx)
        buf_str(&x->line, S("\xEF\xBB\xBF"));
    for (int i = 0; i < x->count; i++) {
        struct str title = str_of(x->is_en ? x->columns[i]->en : x->columns[i]->zh);

        if (x->is_xlsx)
            xlsx_head(x->xlsx, title);
        else
            csv_write(&x->line, title, i + 1 == x->count);
    }
    if (x->is_xlsx) {
        xlsx_row_end(x->xlsx);
        return OK;
    }
    return file_append(x->csv, buf_view(&x->line));
}

static enum err file_begin(struct export *x, struct arena *arena, struct str path)
{
    int widths[COLUMNS_MAX];

    for (int i = 0; i < x->count; i++)
        widths[i] = x->columns[i]->width;
    if (x->is_xlsx)
        return xlsx_create(arena, path, widths, x->count, &x->xlsx);
    return file_create(arena, path, &x->csv);
}

static enum err export_open(struct ctx *c, struct job *job)
{
    struct export *x = arena_new_one(job->arena, struct export);
    struct str folder, path, currency, day = time_text(c, c->now_ms);

    TRY(bulk_input(c, job, &x->in));
    TRY(columns_read(c, x->in.columns, x));
    TRY(setting_currency(c, &currency, &x->minor_digits));
    x->is_en = str_is(x->in.lang, "en");
    x->is_xlsx = str_is(x->in.format, "xlsx");
    if (x->is_xlsx && job->total_count >= XLSX_ROWS_MAX)
        return fail(c, E_TOO_LARGE, "export.rows", "an .xlsx file has at most 1,048,575 rows");
    job->file_name = str_fmt(job->arena, "customers-%.*s-%" PRId64 ".%s", (int)10, day.at, job->id,
                             x->is_xlsx ? "xlsx" : "csv");
    TRY(job_folder(job->app, job->arena, &folder));
    path = str_fmt(job->arena, "%.*s/%.*s", STR(folder), STR(job->file_name));
    buf_init(&x->line, LINE_BYTES_MAX);
    job->state = x;
    TRY(file_begin(x, job->arena, path));
    return head_write(x);
}

static enum err export_close(struct export *x)
{
    enum err err = OK;

    if (x->csv)
        err = file_finish(x->csv);
    if (x->xlsx)
        err = xlsx_close(x->xlsx);
    x->csv = NULL;
    x->xlsx = NULL;
    return err;
}

static void export_end(struct job *job)
{
    struct export *x = job->state;

    if (x == NULL)
        return;
    if (export_close(x) != OK) /* it was given up: the frame removes the file */
        x->count = 0;
    buf_release(&x->line);
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* One statement a page: both lists ascend by customer. */
static enum err tags_read(struct ctx *c, const struct job *job, const struct list *subjects,
                          struct list *items)
{
    const struct bulk_subject *subject = subjects->at;
    const struct q_export_tags_row *row;
    struct customer_item *item = items->at;
    struct customer_item_tag *tags;
    struct list rows;
    int64_t next = 0;

    if (items->count == 0)
        return OK;
    TRY(q_export_tags(c, job->id, job->last_id, subject[subjects->count - 1].id, &rows));
    row = rows.at;
    tags = arena_new_array(c->arena, struct customer_item_tag, (size_t)rows.count + 1);
    for (int64_t i = 0; i < items->count; i++) {
        while (next < rows.count && row[next].customer_id < item[i].id)
            next++;
        item[i].tags = (struct list){&tags[next], 0};
        for (; next < rows.count && row[next].customer_id == item[i].id; next++) {
            tags[next] = (struct customer_item_tag){row[next].id, row[next].name, row[next].color};
            item[i].tags.count++;
        }
    }
    return OK;
}

static enum err rows_write(struct ctx *c, struct job *job, const struct list *subjects)
{
    struct export *x = job->state;
    const struct bulk_subject *subject = subjects->at;
    struct customer_hit *hits =
        arena_new_array(c->arena, struct customer_hit, (size_t)subjects->count + 1);
    struct customer_items_ask ask = {
        .hits = hits, .is_clear = x->in.is_clear, .is_without_email = !x->has_email};
    const struct customer_item *item;
    struct list items;

    for (int64_t i = 0; i < subjects->count; i++)
        if (subject[i].is_reached)
            hits[ask.count++].id = subject[i].id;
    TRY(customer_items_read(c, &ask, &items));
    if (x->has_tags)
        TRY(tags_read(c, job, subjects, &items));
    item = items.at;
    buf_reset(&x->line);
    for (int64_t i = 0; i < items.count; i++)
        if (x->is_xlsx)
            xlsx_row(c, x, &item[i]);
        else
            csv_row(c, x, &item[i]);
    job->failed_count += subjects->count - items.count;
    job->changed_count += items.count;
    return x->csv ? file_append(x->csv, buf_view(&x->line)) : OK;
}

static enum err export_step(struct ctx *c, struct job *job, bool *is_done)
{
    const struct bulk_subject *subject;
    struct list subjects;
    struct export *x;

    if (job->state == NULL)
        TRY(export_open(c, job));
    must(job->state != NULL);
    x = job->state;
    TRY(bulk_subjects(c, job, EXPORT_PAGE, &subjects));
    TRY(rows_write(c, job, &subjects));
    subject = subjects.at;
    job->done_count += subjects.count;
    if (subjects.count > 0)
        job->last_id = subject[subjects.count - 1].id;
    *is_done = subjects.count < EXPORT_PAGE;
    job->result = str_fmt(c->arena, "{\"rows\":%" PRId64 ",\"gone\":%" PRId64 "}",
                          job->changed_count, job->failed_count);
    return *is_done ? export_close(x) : OK;
}

const struct job_kind bulk_export_kind = {
    .name = "customer_export",
    .title_zh = "导出客户",
    .title_en = "Export customers",
    .permission = "customer.export",
    .is_reading = true,
    .begin = bulk_begin,
    .step = export_step,
    .end = export_end,
};

/* A kind of its own, so that its file too is only for those who still may see what is in it. */
const struct job_kind bulk_export_clear_kind = {
    .name = "customer_export_clear",
    .title_zh = "导出客户（明文）",
    .title_en = "Export customers in the clear",
    .permission = "customer.export customer.reveal",
    .is_reading = true,
    .begin = bulk_begin,
    .step = export_step,
    .end = export_end,
};
