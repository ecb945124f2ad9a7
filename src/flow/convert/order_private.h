/* What the files about writing orders share: the book, its orders and the page at hand. */
#pragma once

#include "flow/convert/convert.h"
#include "gen/order.q.h"
#include "gen/product.q.h"

/* One order of a book: its place counter, and what the base holds of it. */
struct book_order {
    struct str order_no;
    struct str customer_kind, customer_value; /* as seen in this run; no value: not yet */
    int64_t id;                               /* NONE: not in the base */
    int64_t customer_id, channel_id, placed_ms;
    int64_t paid_fen, net_fen, sale_line_count;
    int64_t next_seq; /* the last place given in this run */
    int64_t base_seq; /* the highest place in the base */
    bool is_looked_up, is_cancellation;
    struct page_order *page; /* in the page at hand, else NULL */
};

/* What the page at hand does to one order. */
struct page_order {
    struct book_order *order;
    struct customer_ref customer; /* new to this order; kind.at NULL: none */
    int64_t customer_id;          /* after the page */
    int64_t channel_id, placed_ms;
    int64_t paid_fen, net_fen, line_count, sale_line_count; /* to add */
    struct str region;
    bool is_new, is_changed;
    bool is_counted; /* once written */
};

struct book_product {
    struct str code, name;
    int64_t id; /* NONE: not in the base */
};

struct order_book {
    struct arena *arena;
    struct str source;
    int64_t minor_digits;
    struct map *orders; /* order number -> place in `order` */
    struct book_order **order;
    int64_t order_count, room_count;
    struct map *products; /* code -> place in product + 1 */
    struct book_product *product;
    int64_t product_count, product_room_count;
};

struct page {
    struct order_book *book;
    struct order_row *rows;
    int64_t count;
    struct page_order *orders;
    int64_t order_count;
    struct arena *arena; /* of the command */
};

/* order.c: E_NOT_FOUND "customer.unknown" */
/* order_page.c: who bought, what is known, what it adds up to */
enum err order_page_customers(struct ctx *c, struct page *page) MUST_USE;
enum err order_page_lines(struct ctx *c, struct page *page) MUST_USE;
void order_page_sum(struct page *page);
/* product.c: every good row gets its product_id */
enum err product_resolve(struct ctx *c, struct page *page) MUST_USE;
/* order_write.c: into the base */
enum err order_write_page(struct ctx *c, struct page *page) MUST_USE;
enum err order_write_figures(struct ctx *c, int64_t customer_id) MUST_USE; /* of one customer */

static inline void order_row_refuse(struct order_row *row, const char *code, struct str reason)
{
    row->code = code;
    row->reason = reason;
}
