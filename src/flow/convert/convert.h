/* Orders (交易转化): placed through the API or imported, with lines, refunds and cancellations.
 * Always: an order's sums equal its lines'; a customer's order figures equal that customer's
 * counted orders; per order, the journal's order_paid and order_changed sum up to paid_fen. */
#pragma once

#include "kit/route.h"
#include "manage/customer/customer.h"
#include "manage/import/import.h"

#define ORDER_TEXT_MAX 200                        /* code points: order numbers, product codes */
#define ORDER_LINE_MAX 10000                      /* lines of one order posted */
#define ORDER_LINE_SEQ_MAX 1000000                /* lines of one order */
#define ORDER_QUANTITY_MAX INT64_C(1000000000)    /* either sign */
#define ORDER_PRICE_MAX INT64_C(1000000000000000) /* millionths, either sign */
#define ORDER_FEN_MAX INT64_C(10000000000000)     /* of one order, and of one line, either sign */

/* quantity x price, rounded half away from zero to the minor unit, of which `minor_digits` make the
 * major one. false: out of bounds. */
bool order_amount(int64_t quantity_count, int64_t unit_price_micro, int64_t minor_digits,
                  int64_t *amount_fen);

/* One line of one document, as it came. The book assigns its place and says what became of it. */
struct order_row {
    struct str order_no, product_code, product_name, region;
    struct customer_ref customer; /* normal; kind.at NULL: a guest, or customer_id says it */
    int64_t customer_id, channel_id; /* customer_id: once written, the order's */
    int64_t line_seq; /* NONE: the next in the order */
    int64_t quantity_count, unit_price_micro, placed_ms;
    bool is_cancellation; /* the document takes back what others sold */
    /* out */
    const char *code; /* refused: stable code; set before: the row only takes its place */
    struct str reason;
    bool is_changed; /* something is different in the base because of this row */
    int64_t order_id;
    /* the book's own */
    struct book_order *order;
    int64_t amount_fen, product_id;
    struct str own_name;  /* the product's name in this row, where it has another one */
    bool is_known;        /* the same line is there already */
    bool is_out_of_place; /* named its place itself, not in rising order */
};

/* Orders of one source while they are written row by row: remembers places and ids. */
#define ORDER_BOOK_MAX 1000000 /* orders in one book */
struct order_book;
struct order_book *order_book_new(struct arena *arena, struct str source, int64_t minor_digits);
/* Gives a row its place without writing it: for rows committed by an earlier run. E_TOO_LARGE. */
enum err order_book_skip(struct ctx *c, struct order_book *book, struct order_row *row) MUST_USE;
/* Writes a page of rows: orders, lines, products, figures and facts. Refused rows are marked, the
 * others stay. A row that is there already changes nothing; one that is there with other content is
 * refused. Statements do not grow with the count. */
enum err order_book_add(struct ctx *c, struct order_book *book, struct order_row *rows,
                        int64_t count) MUST_USE;
/* After what the book wrote was rolled back: it keeps places and forgets every id. */
void order_book_forget(struct order_book *book);
/* The id of an order written before; NONE: not in this book. */
int64_t order_book_id(const struct order_book *book, struct str order_no);

/* Reaction (flow/flow.c): customer_merged, customer_unmerged. */
enum err order_mark_merged(struct ctx *c, const struct event *event) MUST_USE;
/* What an import made is taken out: the lines it added, orders that have none left, customers whom
 * nothing else names. Orders refunded or cancelled since stay. */
enum err order_undo(struct ctx *c, struct import_undo *undo) MUST_USE;

extern const struct route order_routes[], order_list_routes[], product_routes[];
extern const struct import_kind import_orders;
