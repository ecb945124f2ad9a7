/* The book of orders being written: each row gets its order and its place in it. A row's key is
 * (source, order number, place), the place being the row's ordinal among the rows of its order,
 * also of refused ones, so that mending one row moves no other. */
#include "flow/convert/order_private.h"

struct order_book *order_book_new(struct arena *arena, struct str source, int64_t minor_digits)
{
    struct order_book *book = arena_new_one(arena, struct order_book);

    must(minor_digits >= 0);
    must(minor_digits <= 4);
    book->arena = arena;
    book->source = str_copy(arena, source);
    book->minor_digits = minor_digits;
    book->orders = map_new(arena, 1024);
    book->products = map_new(arena, 1024);
    return book;
}

static struct book_order *book_order_at(const struct order_book *book, struct str order_no)
{
    const int64_t *at = map_find(book->orders, order_no);

    return at == NULL ? NULL : book->order[*at];
}

int64_t order_book_id(const struct order_book *book, struct str order_no)
{
    const struct book_order *order = book_order_at(book, order_no);

    return order == NULL ? NONE : order->id;
}

void order_book_forget(struct order_book *book)
{
    for (int64_t i = 0; i < book->order_count; i++) {
        struct book_order *order = book->order[i];

        if (!order->is_looked_up)
            continue;
        order->is_looked_up = false;
        order->id = NONE;
        order->customer_id = NONE;
        order->channel_id = NONE;
        order->placed_ms = NONE;
        order->paid_fen = order->net_fen = order->sale_line_count = order->base_seq = 0;
    }
    book->products = map_new(book->arena, 1024);
    book->product_count = 0;
}

/* Room for one more order; the old array is left to the arena. */
static void book_make_room(struct order_book *book)
{
    int64_t cap = book->room_count == 0 ? 1024 : book->room_count * 2;
    struct book_order **order;

    if (book->order_count < book->room_count)
        return;
    order = arena_new_array(book->arena, struct book_order *, (size_t)cap);
    if (book->order_count > 0)
        memcpy(order, book->order, (size_t)book->order_count * sizeof(order[0]));
    book->order = order;
    book->room_count = cap;
}

/* NULL: the book is full. */
static struct book_order *book_order_get(struct order_book *book, const struct order_row *row)
{
    struct book_order *order = book_order_at(book, row->order_no);
    bool is_new;

    if (order != NULL || book->order_count == ORDER_BOOK_MAX)
        return order;
    book_make_room(book);
    order = arena_new_one(book->arena, struct book_order);
    order->order_no = str_copy(book->arena, row->order_no);
    order->id = NONE;
    order->customer_id = NONE;
    order->channel_id = NONE;
    order->placed_ms = NONE;
    order->is_cancellation = row->is_cancellation;
    *map_slot(book->orders, order->order_no, &is_new) = book->order_count;
    must(is_new);
    book->order[book->order_count++] = order;
    return order;
}

/* The row's order and place. */
static enum err book_take(struct ctx *c, struct order_book *book, struct order_row *row)
{
    row->order = NULL;
    row->is_known = false;
    row->is_changed = false;
    row->is_out_of_place = false;
    row->product_id = NONE;
    if (row->order_no.len == 0)
        return OK;
    row->order = book_order_get(book, row);
    if (row->order == NULL)
        return fail(c, E_TOO_LARGE, "import.too_many_orders",
                    "more than %d orders in one file: import it in parts", ORDER_BOOK_MAX);
    if (row->line_seq == NONE)
        row->line_seq = row->order->next_seq + 1;
    row->is_out_of_place = row->line_seq <= row->order->next_seq;
    if (row->line_seq > row->order->next_seq)
        row->order->next_seq = row->line_seq;
    return OK;
}

enum err order_book_skip(struct ctx *c, struct order_book *book, struct order_row *row)
{
    return book_take(c, book, row);
}

static void page_order_open(struct page *page, struct book_order *order)
{
    struct page_order *now = &page->orders[page->order_count++];

    now->order = order;
    now->customer_id = NONE;
    now->channel_id = NONE;
    now->placed_ms = NONE;
    order->page = now;
}

/* Places, amounts, and the orders the page is about. */
static enum err page_open(struct ctx *c, struct page *page)
{
    page->orders = arena_new_array(page->arena, struct page_order, (size_t)page->count + 1);
    for (int64_t i = 0; i < page->count; i++) {
        struct order_row *row = &page->rows[i];

        TRY(book_take(c, page->book, row));
        if (row->code == NULL && row->line_seq > ORDER_LINE_SEQ_MAX)
            order_row_refuse(row, "row.range", S("too many lines in one order"));
        if (row->code == NULL && !order_amount(row->quantity_count, row->unit_price_micro,
                                               page->book->minor_digits, &row->amount_fen))
            order_row_refuse(row, "row.range", S("quantity x price is out of range"));
        if (row->code == NULL && row->order->page == NULL)
            page_order_open(page, row->order);
    }
    return OK;
}

static void book_order_fill(struct book_order *order, const struct q_order_find_row *found)
{
    order->is_looked_up = true;
    order->base_seq = 0;
    if (found->id == NONE)
        return;
    order->id = found->id;
    order->customer_id = found->customer_id;
    order->channel_id = found->channel_id;
    order->placed_ms = found->placed_ms;
    order->paid_fen = found->paid_fen;
    order->net_fen = found->net_fen;
    order->sale_line_count = found->sale_line_count;
    order->base_seq = found->last_line_seq == NONE ? 0 : found->last_line_seq;
    order->is_cancellation = str_is(found->kind, "cancellation");
}

/* What the base has of orders this run meets for the first time. */
static enum err page_orders_find(struct ctx *c, struct page *page)
{
    struct q_order_find_in *in =
        arena_new_array(page->arena, struct q_order_find_in, (size_t)page->order_count + 1);
    struct book_order **asked =
        arena_new_array(page->arena, struct book_order *, (size_t)page->order_count + 1);
    struct q_order_find_row *found;
    int64_t count = 0;

    for (int64_t i = 0; i < page->order_count; i++) {
        struct book_order *order = page->orders[i].order;

        if (order->is_looked_up)
            continue;
        in[count] = (struct q_order_find_in){page->book->source, order->order_no};
        asked[count++] = order;
    }
    if (count == 0)
        return OK;
    found = arena_new_array(page->arena, struct q_order_find_row, (size_t)count);
    TRY(q_order_find(c, in, count, found));
    for (int64_t i = 0; i < count; i++)
        book_order_fill(asked[i], &found[i]);
    return OK;
}

static enum err page_run(struct ctx *c, struct page *page)
{
    TRY(page_open(c, page));
    TRY(page_orders_find(c, page));
    TRY(product_resolve(c, page));
    TRY(order_page_lines(c, page));
    TRY(order_page_customers(c, page));
    order_page_sum(page);
    return order_write_page(c, page);
}

enum err order_book_add(struct ctx *c, struct order_book *book, struct order_row *rows,
                        int64_t count)
{
    struct page page = {.book = book, .rows = rows, .count = count, .arena = c->arena};
    enum err err = page_run(c, &page);

    for (int64_t i = 0; i < page.order_count; i++)
        page.orders[i].order->page = NULL;
    for (int64_t i = 0; i < count && err == OK; i++) {
        rows[i].order_id = rows[i].order == NULL ? NONE : rows[i].order->id;
        if (rows[i].order != NULL)
            rows[i].customer_id = rows[i].order->customer_id;
    }
    return err;
}
