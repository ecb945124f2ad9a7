/* Orders (订单) through the API: placed, looked at, refunded, cancelled. Placing goes the same way
 * as importing (order_book). Always: refunded_fen <= paid_fen, and a cancelled order does not
 * count. */
#include "flow/convert/order_private.h"
#include "kit/audit.h"
#include "manage/channel/channel.h"
#include "manage/setting/setting.h"

#define FUTURE_MS (5 * INT64_C(60000))

/* ---- shapes --------------------------------------------------------------------------------- */

struct order_line_in {
    struct str product_code, product_name;
    int64_t quantity_count, unit_price_micro;
};
static const struct field order_line_in[] = {
    IN(struct order_line_in, product_code, .min = 1, .max = ORDER_TEXT_MAX),
    IN(struct order_line_in, product_name, .is_optional = true, .max = 300),
    IN(struct order_line_in, quantity_count, .min = 1, .max = ORDER_QUANTITY_MAX),
    IN(struct order_line_in, unit_price_micro, .min = 0, .max = ORDER_PRICE_MAX,
       .about = "millionths of the currency's major unit: 19.90 is 19900000"),
};
struct order_customer_in {
    struct str kind, value;
};
static const struct field order_customer_in[] = {
    IN(struct order_customer_in, kind, .min = 1),
    IN(struct order_customer_in, value, .min = 1, .max = CUSTOMER_VALUE_MAX),
};
struct order_place_in {
    struct str source, order_no;
    int64_t placed_ms, customer_id, channel_id;
    struct order_customer_in customer;
    struct list lines;
};
static const struct field order_place_in[] = {
    IN(struct order_place_in, source, .min = 1, .max = 64, .about = "the shop it was placed in"),
    IN(struct order_place_in, order_no, .min = 1, .max = ORDER_TEXT_MAX),
    IN(struct order_place_in, placed_ms, .min = 0, .max = INT64_C(4102444800000)),
    IN(struct order_place_in, customer_id, .is_optional = true, .min = 1, .max = INT64_MAX),
    IN(struct order_place_in, channel_id, .is_optional = true, .min = 1, .max = INT64_MAX),
    IN(struct order_place_in, customer, .is_optional = true,
       .of = SHAPE_OF("order_customer_in", order_customer_in, struct order_customer_in),
       .about = "an identity; a customer is made if it is new"),
    IN(struct order_place_in, lines, .of = SHAPE(order_line_in), .min = 1, .max = ORDER_LINE_MAX),
};
struct order_place_out {
    int64_t id;
    bool is_new;
};
static const struct field order_place_out[] = {
    OUT(struct order_place_out, id),
    OUT(struct order_place_out, is_new),
};

struct order_get_in {
    int64_t order_id;
};
static const struct field order_get_in[] = {
    IN(struct order_get_in, order_id, .min = 1, .max = INT64_MAX),
};
static const struct field order_line[] = {
    OUT(struct q_order_lines_row, line_seq),         OUT(struct q_order_lines_row, product_code),
    OUT(struct q_order_lines_row, product_name),     OUT(struct q_order_lines_row, quantity_count),
    OUT(struct q_order_lines_row, unit_price_micro), OUT(struct q_order_lines_row, amount_fen),
};
static const struct field order_refund_row[] = {
    OUT(struct q_order_refunds_row, id),          OUT(struct q_order_refunds_row, refund_no),
    OUT(struct q_order_refunds_row, refunded_ms), OUT(struct q_order_refunds_row, amount_fen),
    OUT(struct q_order_refunds_row, reason),
};
struct order_out {
    struct q_order_get_row row;
    struct list lines, refunds;
};
#define ORDER_OUT(m, ...)                                                                          \
    {                                                                                              \
        .name = #m, .type = FIELD_TYPE(struct q_order_get_row, m),                                 \
        .offset = offsetof(struct order_out, row.m), __VA_ARGS__                                   \
    }
static const struct field order_out[] = {
    ORDER_OUT(id),
    ORDER_OUT(source),
    ORDER_OUT(order_no),
    ORDER_OUT(kind, .one_of = "sale|cancellation"),
    ORDER_OUT(status, .one_of = "paid|cancelled|refunded"),
    ORDER_OUT(customer_id, .is_optional = true),
    ORDER_OUT(channel_id, .is_optional = true),
    ORDER_OUT(placed_ms),
    ORDER_OUT(is_counted),
    ORDER_OUT(paid_fen),
    ORDER_OUT(net_fen),
    ORDER_OUT(refunded_fen),
    ORDER_OUT(line_count),
    ORDER_OUT(cancel_reason, .is_optional = true),
    OUT(struct order_out, lines,
        .of = SHAPE_OF("order_line", order_line, struct q_order_lines_row)),
    OUT(struct order_out, refunds,
        .of = SHAPE_OF("order_refund", order_refund_row, struct q_order_refunds_row)),
};

struct order_refund_in {
    int64_t order_id, amount_fen, refunded_ms;
    struct str refund_no, reason;
};
static const struct field order_refund_in[] = {
    IN(struct order_refund_in, order_id, .min = 1, .max = INT64_MAX),
    IN(struct order_refund_in, refund_no, .min = 1, .max = ORDER_TEXT_MAX),
    IN(struct order_refund_in, amount_fen, .min = 1, .max = ORDER_FEN_MAX),
    IN(struct order_refund_in, reason, .is_optional = true, .max = 500),
    IN(struct order_refund_in, refunded_ms, .is_optional = true, .min = 0,
       .max = INT64_C(4102444800000)),
};
struct order_cancel_in {
    int64_t order_id;
    struct str reason;
};
static const struct field order_cancel_in[] = {
    IN(struct order_cancel_in, order_id, .min = 1, .max = INT64_MAX),
    IN(struct order_cancel_in, reason, .is_optional = true, .max = 500),
};

/* ---- placing -------------------------------------------------------------------------------- */

/* Naming somebody by an identity is no way around the reach. Who reaches all needs no look. */
static enum err named_check(struct ctx *c, struct customer_ref ref, bool *is_unknown)
{
    int64_t customer_id, person_id;
    enum err err;

    if (c->me_reach_number == REACH_ALL)
        return OK;
    err = customer_find(c, ref, &customer_id);
    *is_unknown = err == E_NOT_FOUND;
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    if (customer_reach(c, customer_id, &person_id) != OK) /* its words have the id */
        return fail(c, E_NOT_FOUND, "customer.unknown", "no customer of yours has this %.*s",
                    STR(ref.kind));
    return OK;
}

/* Whose order and through which channel; what is named must be there. */
static enum err place_owner(struct ctx *c, const struct order_place_in *in, struct order_row *row,
                            bool *is_unknown)
{
    struct str path;
    int64_t person_id;

    row->customer_id = in->customer_id;
    row->channel_id = in->channel_id;
    if (in->customer_id != NONE && in->customer.kind.at != NULL)
        return fail_at(c, "order.customer", S("customer"), "name the customer once");
    if (in->customer_id != NONE)
        TRY(customer_reach(c, in->customer_id, &person_id));
    if (in->channel_id != NONE)
        TRY(channel_path(c, in->channel_id, &path));
    if (in->customer.kind.at == NULL)
        return OK;
    TRY(customer_ref_normal(c, (struct customer_ref){in->customer.kind, in->customer.value},
                            &row->customer));
    return named_check(c, row->customer, is_unknown);
}

/* The customer this order made is of who placed it. */
static enum err named_claim(struct ctx *c, struct customer_ref ref)
{
    int64_t customer_id;

    TRY(customer_find(c, ref, &customer_id));
    return owner_claim(c, customer_id);
}

static void place_rows(const struct order_place_in *in, const struct order_row *first,
                       struct order_row *rows)
{
    const struct order_line_in *lines = in->lines.at;

    for (int64_t i = 0; i < in->lines.count; i++) {
        rows[i] = *first;
        rows[i].order_no = in->order_no;
        rows[i].placed_ms = in->placed_ms;
        rows[i].line_seq = i + 1;
        rows[i].product_code = lines[i].product_code;
        rows[i].product_name = lines[i].product_name;
        rows[i].quantity_count = lines[i].quantity_count;
        rows[i].unit_price_micro = lines[i].unit_price_micro;
    }
}

/* A new order takes every row; one that was there already takes none and is the same in all. */
static enum err place_check(struct ctx *c, const struct order_place_in *in,
                            const struct order_row *rows, const struct q_order_find_row *before)
{
    bool is_new = before->id == NONE;
    bool has_customer = in->customer_id != NONE || in->customer.kind.at != NULL;

    for (int64_t i = 0; i < in->lines.count; i++) {
        if (is_new && rows[i].code != NULL)
            return fail_at(c, "order.range", str_fmt(c->arena, "lines/%" PRId64, i), "%.*s",
                           STR(rows[i].reason));
        if (!is_new && (rows[i].code != NULL || rows[i].is_changed))
            return fail(c, E_CONFLICT, "order.differs",
                        "this number was used for an order with other content");
    }
    if (!is_new && (before->placed_ms != in->placed_ms || before->line_count != in->lines.count ||
                    (before->customer_id != NONE) != has_customer))
        return fail(c, E_CONFLICT, "order.differs",
                    "this number was used for an order with other content");
    return OK;
}

static enum err order_place(struct ctx *c, const void *in_, void *out_)
{
    const struct order_place_in *in = in_;
    struct order_place_out *out = out_;
    struct order_row *rows = arena_new_array(c->arena, struct order_row, (size_t)in->lines.count);
    struct order_row first = {.customer_id = NONE};
    struct q_order_find_in key = {in->source, in->order_no};
    struct q_order_find_row before;
    struct order_book *book;
    struct str currency;
    int64_t minor_digits;
    bool is_unknown = false;

    if (in->placed_ms > c->now_ms + FUTURE_MS)
        return fail_at(c, "order.future", S("placed_ms"), "the order lies in the future");
    TRY(setting_currency(c, &currency, &minor_digits));
    TRY(q_order_find(c, &key, 1, &before));
    TRY(place_owner(c, in, &first, &is_unknown));
    place_rows(in, &first, rows);
    book = order_book_new(c->arena, in->source, minor_digits);
    TRY(order_book_add(c, book, rows, in->lines.count));
    TRY(place_check(c, in, rows, &before));
    out->id = order_book_id(book, in->order_no);
    out->is_new = before.id == NONE;
    must(out->id != NONE);
    audit_about(c, "order", out->id);
    return is_unknown ? named_claim(c, first.customer) : OK;
}

/* ---- one order ------------------------------------------------------------------------------ */

static enum err order_load(struct ctx *c, int64_t order_id, struct q_order_get_row *order)
{
    enum err err = q_order_get(c, order_id, order);

    return err == E_NOT_FOUND ? fail(c, err, "order.unknown", "no such order") : err;
}

static enum err order_get(struct ctx *c, const void *in_, void *out_)
{
    const struct order_get_in *in = in_;
    struct order_out *out = out_;

    TRY(order_load(c, in->order_id, &out->row));
    TRY(q_order_lines(c, in->order_id, &out->lines));
    return q_order_refunds(c, in->order_id, &out->refunds);
}

static enum err order_emit(struct ctx *c, const struct q_order_get_row *order, const char *kind,
                           int64_t amount_fen)
{
    struct event event;

    event_init(&event, c, kind);
    event.customer_id = order->customer_id;
    event.channel_id = order->channel_id;
    event.subject_id = order->id;
    event.amount_fen = amount_fen;
    c->topics |= LIVE_ORDERS | LIVE_CUSTOMERS;
    return journal_emit(c, &event, 1);
}

/* ---- refunds -------------------------------------------------------------------------------- */

/* The same refund number again is the same refund, or a mistake. */
static enum err refund_repeated(struct ctx *c, const struct order_refund_in *in, struct str source,
                                bool *is_repeated)
{
    struct q_refund_find_row found;
    enum err err = q_refund_find(c, source, in->refund_no, &found);

    *is_repeated = err == OK;
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    if (found.order_id != in->order_id || found.amount_fen != in->amount_fen)
        return fail(c, E_CONFLICT, "refund.differs",
                    "this refund number was used for another order or amount");
    return OK;
}

static enum err refund_write(struct ctx *c, const struct order_refund_in *in,
                             const struct q_order_get_row *order)
{
    struct q_refund_add_in add = {
        .refund_id = ctx_id(c),
        .order_id = order->id,
        .source = order->source,
        .refund_no = in->refund_no,
        .refunded_ms = in->refunded_ms == NONE ? c->now_ms : in->refunded_ms,
        .amount_fen = in->amount_fen,
        .reason = in->reason.at == NULL ? S("") : in->reason,
    };
    int64_t changed_count;

    TRY(q_order_refund(c, in->amount_fen, order->id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "order.refund_exceeds",
                    "not more than the %" PRId64 " that are left of the order",
                    order->paid_fen - order->refunded_fen);
    TRY(q_refund_add(c, &add));
    TRY(order_write_figures(c, order->customer_id));
    return order_emit(c, order, "order_refunded", in->amount_fen);
}

static enum err order_refund(struct ctx *c, const void *in_, void *out_)
{
    const struct order_refund_in *in = in_;
    struct q_order_get_row order;
    bool is_repeated;

    (void)out_;
    TRY(order_load(c, in->order_id, &order));
    TRY(refund_repeated(c, in, order.source, &is_repeated));
    if (is_repeated)
        return OK;
    if (in->refunded_ms != NONE && in->refunded_ms > c->now_ms + FUTURE_MS)
        return fail_at(c, "refund.future", S("refunded_ms"), "the refund lies in the future");
    if (!str_is(order.kind, "sale") || str_is(order.status, "cancelled"))
        return fail(c, E_CONFLICT, "order.not_refundable", "a cancelled order has no refund");
    return refund_write(c, in, &order);
}

/* ---- cancelling ----------------------------------------------------------------------------- */

static enum err order_cancel(struct ctx *c, const void *in_, void *out_)
{
    const struct order_cancel_in *in = in_;
    struct q_order_get_row order;
    int64_t changed_count;

    (void)out_;
    TRY(order_load(c, in->order_id, &order));
    TRY(q_order_cancel(c, in->reason, in->order_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "order.not_cancellable",
                    "the order is %.*s, or money went back already", STR(order.status));
    TRY(order_write_figures(c, order.customer_id));
    return order_emit(c, &order, "order_cancelled", order.paid_fen);
}

const struct route order_routes[] = {
    {HTTP_GET, "/api/orders/{order_id}", "order.read", SHAPE(order_get_in), SHAPE(order_out),
     order_get, .about = "One order with its lines and refunds"},
    {HTTP_POST, "/api/orders", "order.write", SHAPE(order_place_in), SHAPE(order_place_out),
     order_place, .about = "Place an order; the same again changes nothing",
     .repeat = REPEAT_KEY_REQUIRED, .statement_max = 34},
    {HTTP_POST, "/api/orders/{order_id}/refund", "order.write", SHAPE(order_refund_in), NULL,
     order_refund, .about = "Give money back, never more than was paid",
     .repeat = REPEAT_KEY_REQUIRED},
    {HTTP_POST, "/api/orders/{order_id}/cancel", "order.write", SHAPE(order_cancel_in), NULL,
     order_cancel, .about = "Cancel an order; it does not count any more"},
    {0},
};
