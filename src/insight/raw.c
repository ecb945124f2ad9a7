/* What came in before cleaning, and what of it counts: for whoever compares an import with the
 * system the data came from. Reads every line, so it is not for pages that open often. */
#include "gen/raw.q.h"

#include "insight/insight_private.h"

struct raw_out {
    int64_t line_count, guest_line_count, cancellation_line_count;
    int64_t line_without_quantity_count, line_without_price_count;
    int64_t document_count, customer_count, net_fen;
    int64_t counted_line_count, duplicate_line_count;
    int64_t counted_order_count, counted_customer_count, counted_paid_fen;
    int64_t repeat_customer_count, repeat_day_customer_count;
};
static const struct field raw_out[] = {
    OUT(struct raw_out, line_count),
    OUT(struct raw_out, guest_line_count, .about = "lines without a customer"),
    OUT(struct raw_out, cancellation_line_count),
    OUT(struct raw_out, line_without_quantity_count, .about = "quantity zero or less"),
    OUT(struct raw_out, line_without_price_count, .about = "price zero or less"),
    OUT(struct raw_out, document_count),
    OUT(struct raw_out, customer_count, .about = "customers with any document"),
    OUT(struct raw_out, net_fen, .about = "sum of all lines"),
    OUT(struct raw_out, counted_line_count, .about = "sale lines of counted orders of customers"),
    OUT(struct raw_out, duplicate_line_count,
        .about = "of those, lines that say the same as another of their order"),
    OUT(struct raw_out, counted_order_count),
    OUT(struct raw_out, counted_customer_count),
    OUT(struct raw_out, counted_paid_fen),
    OUT(struct raw_out, repeat_customer_count, .about = "with two or more counted orders"),
    OUT(struct raw_out, repeat_day_customer_count, .about = "on two or more local days"),
};
const struct shape raw_out_shape = {
    .name = "raw_out",
    .fields = raw_out,
    .count = ARRAY_LEN(raw_out),
    .bytes = sizeof(struct raw_out),
};

static void raw_purchase(void *user, const struct purchase *p, const struct buyer *before)
{
    struct raw_out *out = user;

    (void)before;
    out->counted_order_count++;
    out->counted_paid_fen += p->paid_fen;
}

static void raw_buyer(void *user, const struct buyer *buyer)
{
    struct raw_out *out = user;

    out->counted_customer_count++;
    out->repeat_customer_count += buyer->order_count >= 2 ? 1 : 0;
    out->repeat_day_customer_count += buyer->second_day != NONE ? 1 : 0;
}

static enum err raw_purchases(struct ctx *c, struct raw_out *out)
{
    struct view_in everything = {.channel_id = NONE};
    struct purchase_visit visit = {raw_purchase, raw_buyer, out};
    struct view view;
    struct purchase_span span;
    struct people people;
    enum err err;

    TRY(view_read(c, &everything, &view));
    err = purchase_span_get(c, &view, &span);
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    TRY(purchase_each_gone(c, &view, &span.calendar, &visit));
    TRY(people_load(c, &view, &people));
    return purchase_each(c, &view, &people, &span.calendar, &visit);
}

enum err raw_get(struct ctx *c, const void *in, void *out_)
{
    struct raw_out *out = out_;
    struct q_raw_documents_row documents;
    struct q_raw_lines_row lines;
    struct q_raw_duplicates_row duplicates;

    (void)in;
    TRY(q_raw_documents(c, &documents));
    TRY(q_raw_lines(c, &lines));
    TRY(q_raw_duplicates(c, &duplicates));
    *out = (struct raw_out){
        .line_count = documents.line_count,
        .guest_line_count = documents.guest_line_count,
        .cancellation_line_count = documents.cancellation_line_count,
        .line_without_quantity_count = lines.line_without_quantity_count,
        .line_without_price_count = lines.line_without_price_count,
        .document_count = documents.document_count,
        .customer_count = documents.customer_count,
        .net_fen = documents.net_fen,
        .counted_line_count = documents.counted_line_count,
        .duplicate_line_count = duplicates.duplicate_line_count,
    };
    return raw_purchases(c, out);
}
