/* `papilio import orders`: one row a line of an order. The rows of an order may lie anywhere in the
 * file; a row's key is (source, order number, its place among the order's rows). Rows with a
 * quantity or price of zero or below are kept as lines that do not count. */
#include "flow/convert/convert.h"
#include "manage/channel/channel.h"

#define FUTURE_MS (5 * INT64_C(60000))

enum column {
    ORDER_NO,
    PRODUCT_CODE,
    PRODUCT_NAME,
    QUANTITY,
    UNIT_PRICE,
    PLACED_AT,
    CUSTOMER,
    REGION,
    CHANNEL,
    LINE_NO,
    COLUMN_COUNT
};
static const struct import_column columns[COLUMN_COUNT] = {
    [ORDER_NO] = {"order_no", IMPORT_TEXT, true, true, ORDER_TEXT_MAX,
                  "orderno|ordernumber|orderid|order|invoiceno|invoice|invoicenumber|"
                  "订单号|订单编号|订单|单号",
                  "SO-1001"},
    [PRODUCT_CODE] = {"product_code", IMPORT_TEXT, true, true, ORDER_TEXT_MAX,
                      "productcode|productid|sku|skucode|stockcode|itemcode|code|"
                      "商品编码|商品编号|商品代码|货号|sku编码",
                      "SKU-1"},
    [PRODUCT_NAME] = {"product_name", IMPORT_TEXT, false, false, 300,
                      "productname|product|description|itemname|title|商品名称|商品|商品标题|品名",
                      "奶粉一段"},
    [QUANTITY] = {"quantity", IMPORT_COUNT, true, true, 0,
                  "quantity|qty|count|数量|购买数量|商品数量", "2"},
    [UNIT_PRICE] = {"unit_price", IMPORT_MICRO, true, true, 0, "unitprice|price|单价|商品单价|价格",
                    "198.00"},
    [PLACED_AT] = {"placed_at", IMPORT_TIME, true, true, 0,
                   "placedat|orderdate|ordertime|invoicedate|createdat|date|time|"
                   "下单时间|订单时间|付款时间|支付时间|订单创建时间|日期",
                   "2026-01-05 10:00"},
    [CUSTOMER] = {"customer", IMPORT_TEXT, false, false, CUSTOMER_VALUE_MAX,
                  "customer|customerid|customerno|userid|buyerid|客户编号|客户id|会员号|会员编号|"
                  "买家id|用户id",
                  "U10001"},
    [REGION] = {"region", IMPORT_TEXT, false, false, 100,
                "region|country|province|地区|国家|省份|省", "浙江"},
    [CHANNEL] = {"channel", IMPORT_TEXT, false, false, 100, "channel|channelcode|渠道|渠道编码"},
    [LINE_NO] = {"line_no", IMPORT_COUNT, false, false, 0, "lineno|rejectplace|行号|明细行号"},
};

struct orders_state {
    struct order_book *book;
    struct map *channels; /* code -> id; 0: unknown */
    int64_t channel_id;   /* of rows without one */
    struct str last_text; /* the customer cell before, and what it became; of one page */
    struct customer_ref last;
};

static enum err orders_begin(struct ctx *c, struct import *run)
{
    struct orders_state *state = arena_new_one(run->arena, struct orders_state);

    state->book = order_book_new(run->arena, run->mapping->source, run->minor_digits);
    state->channel_id = NONE;
    run->state = state;
    if (run->mapping->channel.at == NULL)
        return OK;
    TRY(channel_find_batch(c, &run->mapping->channel, 1, &state->channel_id));
    if (state->channel_id == NONE)
        return fail(c, E_NOT_FOUND, "import.channel", "there is no channel \"%.*s\"",
                    STR(run->mapping->channel));
    return OK;
}

/* Only the first cell of a row with the customer before is checked again. */
static enum err row_customer(struct ctx *c, struct orders_state *state, const struct import *run,
                             struct import_row *from, struct order_row *row)
{
    struct customer_ref ref = {run->mapping->customer_kind, from->values[CUSTOMER].text};
    enum err err = OK;

    row->customer = (struct customer_ref){{NULL, 0}, {NULL, 0}};
    if (ref.value.at == NULL || from->code != NULL)
        return OK;
    if (!str_eq(ref.value, state->last_text)) {
        err = customer_ref_normal(c, ref, &state->last);
        state->last_text = err == OK ? ref.value : (struct str){NULL, 0};
    }
    if (err == E_INPUT)
        import_refuse(from, "row.customer", c->fault.message);
    else if (err == OK)
        row->customer = state->last;
    return err == E_INPUT ? OK : err;
}

static void row_date_check(struct ctx *c, struct import_row *from)
{
    if (from->code == NULL && from->values[PLACED_AT].number > c->now_ms + FUTURE_MS)
        import_refuse(from, "row.date", S("placed_at lies in the future"));
}

static void row_place_check(struct import_row *from)
{
    int64_t place = from->values[LINE_NO].number;

    if (from->code == NULL && place != NONE && (place < 1 || place > ORDER_LINE_SEQ_MAX))
        import_refuse(from, "row.range", S("line_no is out of range"));
}

static enum err row_fill(struct ctx *c, struct import *run, struct import_row *from,
                         struct order_row *row)
{
    const struct import_value *values = from->values;
    struct orders_state *state = run->state;
    struct str prefix = run->mapping->cancellation_prefix;
    int64_t place = values[LINE_NO].number;

    row_date_check(c, from);
    row_place_check(from);
    TRY(row_customer(c, state, run, from, row));
    row->order_no = values[ORDER_NO].text;
    row->product_code = values[PRODUCT_CODE].text;
    row->product_name = values[PRODUCT_NAME].text;
    row->region = values[REGION].text;
    row->customer_id = NONE;
    row->channel_id = state->channel_id;
    row->line_seq = place >= 1 && place <= ORDER_LINE_SEQ_MAX ? place : NONE;
    row->quantity_count = values[QUANTITY].number;
    row->unit_price_micro = values[UNIT_PRICE].number;
    row->placed_ms = values[PLACED_AT].number;
    row->is_cancellation = prefix.len > 0 && str_starts(row->order_no, prefix);
    row->code = from->code;
    return OK;
}

static enum err rows_fill(struct ctx *c, struct import *run, struct import_row *from, int64_t count,
                          struct order_row *rows)
{
    struct orders_state *state = run->state;

    state->last_text = (struct str){NULL, 0};
    for (int64_t i = 0; i < count; i++)
        TRY(row_fill(c, run, &from[i], &rows[i]));
    return OK;
}

/* The channels the rows name; one statement. */
static enum err rows_channels(struct ctx *c, struct import_row *from, int64_t count,
                              struct order_row *rows)
{
    struct str *codes = arena_new_array(c->arena, struct str, (size_t)count);
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)count);
    bool is_any = false;

    for (int64_t i = 0; i < count; i++) {
        if (from[i].code == NULL)
            codes[i] = from[i].values[CHANNEL].text;
        is_any = is_any || codes[i].at != NULL;
    }
    if (!is_any)
        return OK;
    TRY(channel_find_batch(c, codes, count, ids));
    for (int64_t i = 0; i < count; i++) {
        if (codes[i].at == NULL)
            continue;
        rows[i].channel_id = ids[i];
        if (ids[i] == NONE)
            import_refuse(&from[i], "row.channel_unknown", S("there is no such channel"));
        rows[i].code = from[i].code;
    }
    return OK;
}

/* ---- what a page made ----------------------------------------------------------------------- */

#define EFFECT_BYTES_MAX (4 * 1024 * 1024)

/* "ORDER:place,place;ORDER:place;": few bytes a line, for it is kept with every page. */
static int64_t lines_note(const struct order_row *rows, int64_t count, struct buf *buf)
{
    const struct book_order *open = NULL;
    int64_t line_count = 0;

    for (int64_t i = 0; i < count; i++) {
        if (rows[i].code != NULL || rows[i].is_known)
            continue;
        if (rows[i].order != open) {
            if (open != NULL)
                buf_char(buf, ';');
            open = rows[i].order;
            buf_int(buf, rows[i].order_id);
            buf_char(buf, ':');
        } else {
            buf_char(buf, ',');
        }
        buf_int(buf, rows[i].line_seq);
        line_count++;
    }
    return line_count;
}

/* Customers above run->first_id were made by this page. */
static int64_t customers_note(struct ctx *c, const struct import *run, const struct order_row *rows,
                              int64_t count, struct buf *buf)
{
    struct map *seen = map_new(c->arena, 64);
    int64_t made_count = 0;

    for (int64_t i = 0; i < count; i++) {
        int64_t customer_id = rows[i].code == NULL ? rows[i].customer_id : NONE;
        struct str key = {(const char *)&customer_id, sizeof(customer_id)};
        bool is_new;

        if (customer_id == NONE || customer_id < run->first_id)
            continue;
        map_slot(seen, str_copy(c->arena, key), &is_new);
        if (!is_new)
            continue;
        if (made_count++ > 0)
            buf_char(buf, ',');
        buf_int(buf, customer_id);
    }
    return made_count;
}

static void orders_effects(struct ctx *c, struct import *run, const struct order_row *rows,
                           int64_t count)
{
    struct buf *buf;
    int64_t noted_count;

    if (run->is_dry)
        return;
    buf = ctx_buf(c, EFFECT_BYTES_MAX);
    noted_count = customers_note(c, run, rows, count, buf);
    if (noted_count > 0)
        import_effect(c, run, "customers", noted_count, buf_view(buf));
    buf_reset(buf);
    noted_count = lines_note(rows, count, buf);
    if (noted_count > 0)
        import_effect(c, run, "orders", noted_count, buf_view(buf));
    must(!buf->is_full);
    buf_release(buf);
}

static void orders_forget(struct import *run)
{
    struct orders_state *state = run->state;

    order_book_forget(state->book);
}

static enum err orders_page(struct ctx *c, struct import *run, struct import_row *from,
                            int64_t count)
{
    struct orders_state *state = run->state;
    struct order_row *rows = arena_new_array(c->arena, struct order_row, (size_t)count);

    TRY(rows_fill(c, run, from, count, rows));
    TRY(rows_channels(c, from, count, rows));
    TRY(order_book_add(c, state->book, rows, count));
    for (int64_t i = 0; i < count; i++) {
        if (rows[i].code != NULL && from[i].code == NULL)
            import_refuse(&from[i], rows[i].code, rows[i].reason);
        from[i].is_changed = rows[i].is_changed;
        from[i].place_seq = rows[i].order == NULL ? NONE : rows[i].line_seq;
    }
    orders_effects(c, run, rows, count);
    return OK;
}

static enum err orders_skip(struct ctx *c, struct import *run, struct import_row *from,
                            int64_t count)
{
    struct orders_state *state = run->state;
    struct order_row *rows = arena_new_array(c->arena, struct order_row, (size_t)count);

    TRY(rows_fill(c, run, from, count, rows));
    for (int64_t i = 0; i < count; i++)
        TRY(order_book_skip(c, state->book, &rows[i]));
    return OK;
}

const struct import_kind import_orders = {
    .name = "orders",
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .has_places = true,
    .begin = orders_begin,
    .skip = orders_skip,
    .page = orders_page,
    .forget = orders_forget,
    .undo = order_undo,
};
