/* A customer's orders (订单), newest first; guests' orders are nobody's. */
#include "flow/convert/order_private.h"
#include "kit/cursor.h"

#define LIST_MAX 100
#define LIST_USUAL 50

struct order_list_in {
    int64_t customer_id, limit_count;
    struct str cursor;
};
static const struct field order_list_in[] = {
    IN(struct order_list_in, customer_id, .min = 1, .max = INT64_MAX),
    FIELD_LIMIT(struct order_list_in, limit_count, LIST_MAX),
    IN(struct order_list_in, cursor, .is_optional = true),
};
static const struct field order_item[] = {
    OUT(struct q_order_list_customer_row, id),
    OUT(struct q_order_list_customer_row, source),
    OUT(struct q_order_list_customer_row, order_no),
    OUT(struct q_order_list_customer_row, kind, .one_of = "sale|cancellation"),
    OUT(struct q_order_list_customer_row, status, .one_of = "paid|cancelled|refunded"),
    OUT(struct q_order_list_customer_row, placed_ms),
    OUT(struct q_order_list_customer_row, is_counted),
    OUT(struct q_order_list_customer_row, paid_fen),
    OUT(struct q_order_list_customer_row, net_fen),
    OUT(struct q_order_list_customer_row, refunded_fen),
    OUT(struct q_order_list_customer_row, line_count),
};
struct order_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field order_list_out[] = {
    OUT(struct order_list_out, items,
        .of = SHAPE_OF("order_item", order_item, struct q_order_list_customer_row),
        .max = LIST_MAX),
    OUT(struct order_list_out, next_cursor, .is_optional = true),
};

static enum err order_list(struct ctx *c, const void *in_, void *out_)
{
    const struct order_list_in *in = in_;
    struct order_list_out *out = out_;
    int64_t limit = in->limit_count == NONE ? LIST_USUAL : in->limit_count;
    const struct q_order_list_customer_row *rows;
    struct q_order_list_customer_in ask = {0};
    int64_t person_id;
    struct cursor cursor;

    TRY(customer_reach(c, in->customer_id, &person_id));
    ask.customer_id = person_id;
    TRY(cursor_read(c, in->cursor, &cursor));
    ask.before_ms = cursor.key_number;
    ask.before_id = cursor.id;
    ask.limit_count = limit + 1;
    TRY(q_order_list_customer(c, &ask, &out->items));
    if (out->items.count <= limit)
        return OK;
    out->items.count = limit;
    rows = out->items.at;
    cursor = (struct cursor){rows[limit - 1].placed_ms, rows[limit - 1].id};
    out->next_cursor = cursor_write(c, cursor);
    return OK;
}

const struct route order_list_routes[] = {
    {HTTP_GET, "/api/customers/{customer_id}/orders", "order.read", SHAPE(order_list_in),
     SHAPE(order_list_out), order_list, .about = "A customer's orders, newest first"},
    {0},
};
