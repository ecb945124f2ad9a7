/* A page of order rows is checked against what is there: whose the order is, which lines are known,
 * and what the new ones add. Nothing is written here. */
#include "flow/convert/order_private.h"

#define MICRO_DIGITS 6

bool order_amount(int64_t quantity_count, int64_t unit_price_micro, int64_t minor_digits,
                  int64_t *amount_fen)
{
    __int128 product, half, unit = 1;

    *amount_fen = 0;
    if (quantity_count < -ORDER_QUANTITY_MAX || quantity_count > ORDER_QUANTITY_MAX)
        return false;
    if (unit_price_micro < -ORDER_PRICE_MAX || unit_price_micro > ORDER_PRICE_MAX)
        return false;
    for (int64_t i = minor_digits; i < MICRO_DIGITS; i++)
        unit *= 10;
    product = (__int128)quantity_count * unit_price_micro;
    half = product < 0 ? -(unit / 2) : unit / 2;
    product = (product + half) / unit;
    if (product < -ORDER_FEN_MAX || product > ORDER_FEN_MAX)
        return false;
    *amount_fen = (int64_t)product;
    return true;
}

/* ---- customers: the first one named has the order ------------------------------------------- */

static bool ref_is_same(struct customer_ref a, struct customer_ref b)
{
    return str_eq(a.value, b.value) && str_eq(a.kind, b.kind);
}

static enum err ref_customer(struct ctx *c, struct customer_ref ref, int64_t *customer_id)
{
    enum err err = customer_find(c, ref, customer_id);

    if (err == E_NOT_FOUND)
        *customer_id = NONE;
    return err == E_NOT_FOUND ? OK : err;
}

/* Two names may still be one person. */
static enum err row_customer_agrees(struct ctx *c, const struct order_row *row, bool *does_agree)
{
    struct book_order *order = row->order;
    struct customer_ref known = {order->customer_kind, order->customer_value};
    int64_t row_id = NONE, order_id = order->customer_id;

    TRY(ref_customer(c, row->customer, &row_id));
    if (order_id == NONE && known.value.at != NULL)
        TRY(ref_customer(c, known, &order_id));
    *does_agree = row_id != NONE && row_id == order_id;
    return OK;
}

/* In this run the order is known by this name. */
static void order_name(struct page *page, struct book_order *order, struct customer_ref ref)
{
    order->customer_kind = str_copy(page->book->arena, ref.kind);
    order->customer_value = str_copy(page->book->arena, ref.value);
}

static enum err row_customer_check(struct ctx *c, struct page *page, struct order_row *row)
{
    struct book_order *order = row->order;
    struct customer_ref known = {order->customer_kind, order->customer_value};
    bool does_agree = true;

    if (known.value.at != NULL && ref_is_same(known, row->customer))
        return OK;
    if (known.value.at == NULL && order->customer_id == NONE) {
        order_name(page, order, row->customer);
        order->page->customer = row->customer;
        row->is_changed = true;
        return OK;
    }
    TRY(row_customer_agrees(c, row, &does_agree));
    if (!does_agree)
        order_row_refuse(row, "row.customer_differs",
                         S("another row of this order names another customer"));
    else if (known.value.at == NULL)
        order_name(page, order, row->customer);
    return OK;
}

static void row_customer_set(struct order_row *row)
{
    row->order->page->customer_id = row->customer_id;
    row->is_changed = true;
}

enum err order_page_customers(struct ctx *c, struct page *page)
{
    for (int64_t i = 0; i < page->count; i++) {
        struct order_row *row = &page->rows[i];
        struct book_order *order = row->order;

        if (row->code != NULL)
            continue;
        if (row->is_cancellation != order->is_cancellation)
            order_row_refuse(
                row, "row.kind_differs",
                S("this number is an order in one place and a cancellation in another"));
        else if (row->customer.kind.at != NULL)
            TRY(row_customer_check(c, page, row));
        else if (row->customer_id != NONE && order->customer_id == NONE)
            row_customer_set(row);
        else if (row->customer_id != NONE && row->customer_id != order->customer_id)
            order_row_refuse(row, "row.customer_differs", S("the order is another customer's"));
    }
    return OK;
}

/* ---- lines: known ones change nothing ------------------------------------------------------- */

static bool line_is_same(const struct order_row *a, const struct order_row *b)
{
    return a->product_id == b->product_id && a->quantity_count == b->quantity_count &&
           a->unit_price_micro == b->unit_price_micro;
}

static void row_differs(struct order_row *row)
{
    order_row_refuse(row, "row.differs", S("this line is there already with other content"));
}

/* The same place named twice in one page: only possible when the file gives places itself. */
static void row_compare_page(const struct page *page, struct order_row *row)
{
    for (const struct order_row *other = page->rows; other < row; other++) {
        if (other->order != row->order || other->line_seq != row->line_seq || other->code != NULL)
            continue;
        row->is_known = line_is_same(row, other);
        if (!row->is_known)
            row_differs(row);
        return;
    }
}

static void row_compare(struct order_row *row, const struct q_order_line_find_row *line)
{
    if (line->product_id == NONE)
        return;
    row->is_known = line->product_id == row->product_id &&
                    line->quantity_count == row->quantity_count &&
                    line->unit_price_micro == row->unit_price_micro;
    if (!row->is_known)
        row_differs(row);
}

/* Rows whose place the base may hold: collected, looked up at once, compared. */
enum err order_page_lines(struct ctx *c, struct page *page)
{
    struct q_order_line_find_in *in =
        arena_new_array(page->arena, struct q_order_line_find_in, (size_t)page->count + 1);
    struct order_row **asked =
        arena_new_array(page->arena, struct order_row *, (size_t)page->count + 1);
    struct q_order_line_find_row *found;
    int64_t count = 0;

    for (struct order_row *row = page->rows; row < page->rows + page->count; row++) {
        if (row->code != NULL)
            continue;
        if (row->is_out_of_place)
            row_compare_page(page, row);
        if (row->is_known || row->code != NULL || row->line_seq > row->order->base_seq)
            continue;
        in[count] = (struct q_order_line_find_in){row->order->id, row->line_seq};
        asked[count++] = row;
    }
    if (count == 0)
        return OK;
    found = arena_new_array(page->arena, struct q_order_line_find_row, (size_t)count);
    TRY(q_order_line_find(c, in, count, found));
    for (int64_t i = 0; i < count; i++)
        row_compare(asked[i], &found[i]);
    return OK;
}

/* ---- sums ----------------------------------------------------------------------------------- */

static bool fen_is_fine(int64_t sum_fen)
{
    return sum_fen >= -ORDER_FEN_MAX && sum_fen <= ORDER_FEN_MAX;
}

static void row_line_add(struct order_row *row)
{
    struct page_order *now = row->order->page;
    bool is_sale = row->quantity_count > 0 && row->unit_price_micro > 0;
    int64_t net_fen = now->net_fen + row->amount_fen;
    int64_t paid_fen = now->paid_fen + (is_sale ? row->amount_fen : 0);

    if (!fen_is_fine(row->order->net_fen + net_fen) ||
        !fen_is_fine(row->order->paid_fen + paid_fen)) {
        order_row_refuse(row, "row.range", S("the order's sum is out of range"));
        return;
    }
    now->net_fen = net_fen;
    now->paid_fen = paid_fen;
    now->line_count++;
    now->sale_line_count += is_sale ? 1 : 0;
    row->is_changed = true;
}

/* What the row says of its order besides the line. */
static void row_order_add(struct order_row *row)
{
    struct book_order *order = row->order;
    struct page_order *now = order->page;
    int64_t placed_ms = now->placed_ms == NONE ? order->placed_ms : now->placed_ms;

    if (placed_ms == NONE || row->placed_ms < placed_ms) {
        now->placed_ms = row->placed_ms;
        row->is_changed = true;
    }
    if (order->channel_id == NONE && now->channel_id == NONE && row->channel_id != NONE) {
        now->channel_id = row->channel_id;
        row->is_changed = true;
    }
    if (now->region.len == 0)
        now->region = row->region;
    now->is_changed = now->is_changed || row->is_changed;
}

void order_page_sum(struct page *page)
{
    for (struct order_row *row = page->rows; row < page->rows + page->count; row++) {
        if (row->code != NULL)
            continue;
        if (!row->is_known)
            row_line_add(row);
        if (row->code == NULL)
            row_order_add(row);
        else
            row->is_changed = false;
    }
}
