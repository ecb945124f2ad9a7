/* Undoing an import of orders, a page at a time: its lines go, orders without lines go, customers'
 * figures are read anew and the journal is told, so that all sums hold. An order that was refunded
 * or cancelled since stays as it is. */
#include "flow/convert/order_private.h"
#include "gen/order_undo.q.h"

struct taken {
    int64_t order_id, first_seq, count; /* its lines */
    bool is_kept;
};

struct undo_page {
    struct import_undo *undo;
    struct taken *orders;
    int64_t order_count;
    struct q_order_undo_lines_in *lines;
    int64_t line_count;
    struct q_order_undo_find_row *before;
    struct q_order_undo_recount_row *after;
};

/* ---- what the page made --------------------------------------------------------------------- */

static int64_t signs_count(struct str text, char sign)
{
    int64_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == sign;
    return count;
}

static enum err order_parse(struct ctx *c, struct undo_page *page, struct str part)
{
    struct taken *taken = &page->orders[page->order_count];
    struct str head, rest, seq;
    bool is_more = true;

    str_cut(part, ':', &head, &rest);
    if (!str_to_int(head, &taken->order_id))
        return fail(c, E_CORRUPT, "import.effect", "an effect cannot be read");
    taken->first_seq = page->line_count;
    while (is_more) {
        is_more = str_cut(rest, ',', &seq, &rest);
        page->lines[page->line_count].order_id = taken->order_id;
        if (!str_to_int(seq, &page->lines[page->line_count++].line_seq))
            return fail(c, E_CORRUPT, "import.effect", "an effect cannot be read");
    }
    taken->count = page->line_count - taken->first_seq;
    page->order_count++;
    return OK;
}

static enum err page_parse(struct ctx *c, struct undo_page *page)
{
    struct str rest = page->undo->before, part;
    size_t orders = (size_t)signs_count(rest, ';') + 2;
    size_t lines = orders + (size_t)signs_count(rest, ',');
    bool is_more = rest.len > 0;

    page->orders = arena_new_array(c->arena, struct taken, orders);
    page->lines = arena_new_array(c->arena, struct q_order_undo_lines_in, lines);
    while (is_more) {
        is_more = str_cut(rest, ';', &part, &rest);
        TRY(order_parse(c, page, part));
    }
    return OK;
}

/* ---- what may go ---------------------------------------------------------------------------- */

static bool is_changed_since(const struct q_order_undo_find_row *order)
{
    return order->id == NONE || order->refunded_fen != 0 || !str_is(order->status, "paid");
}

static enum err page_look(struct ctx *c, struct undo_page *page)
{
    size_t room = (size_t)page->order_count + 1;
    struct q_order_undo_find_in *in = arena_new_array(c->arena, struct q_order_undo_find_in, room);

    page->before = arena_new_array(c->arena, struct q_order_undo_find_row, room);
    page->after = arena_new_array(c->arena, struct q_order_undo_recount_row, room);
    for (int64_t i = 0; i < page->order_count; i++)
        in[i].order_id = page->orders[i].order_id;
    TRY(q_order_undo_find(c, in, page->order_count, page->before));
    for (int64_t i = 0; i < page->order_count; i++) {
        page->orders[i].is_kept = is_changed_since(&page->before[i]);
        if (page->orders[i].is_kept)
            page->undo->kept_count += page->orders[i].count;
        else
            page->undo->undone_count += page->orders[i].count;
    }
    return OK;
}

/* Those that stay fall out; an order that is named twice is taken once. */
static void page_close_up(struct ctx *c, struct undo_page *page)
{
    struct map *seen = map_new(c->arena, (size_t)page->order_count + 1);
    int64_t orders = 0, lines = 0;

    for (int64_t i = 0; i < page->order_count; i++) {
        const struct taken *taken = &page->orders[i];
        struct str key = {(const char *)&page->before[i].id, sizeof(int64_t)};
        bool is_new;

        if (taken->is_kept)
            continue;
        memmove(&page->lines[lines], &page->lines[taken->first_seq],
                (size_t)taken->count * sizeof(page->lines[0]));
        lines += taken->count;
        map_slot(seen, str_copy(c->arena, key), &is_new);
        if (is_new)
            page->before[orders++] = page->before[i];
    }
    page->order_count = orders;
    page->line_count = lines;
}

/* ---- taking out ----------------------------------------------------------------------------- */

static enum err orders_recount(struct ctx *c, struct undo_page *page)
{
    struct q_order_undo_recount_in *in =
        arena_new_array(c->arena, struct q_order_undo_recount_in, (size_t)page->order_count);
    struct q_order_undo_delete_in *gone =
        arena_new_array(c->arena, struct q_order_undo_delete_in, (size_t)page->order_count);
    int64_t gone_count = 0;

    for (int64_t i = 0; i < page->order_count; i++)
        in[i].order_id = page->before[i].id;
    TRY(q_order_undo_recount(c, in, page->order_count, page->after));
    for (int64_t i = 0; i < page->order_count; i++) {
        if (page->after[i].line_count == 0)
            gone[gone_count++].order_id = page->before[i].id;
    }
    return gone_count > 0 ? q_order_undo_delete(c, gone, gone_count, NULL) : OK;
}

static enum err customers_refresh(struct ctx *c, const struct undo_page *page)
{
    struct q_order_customer_refresh_in *in =
        arena_new_array(c->arena, struct q_order_customer_refresh_in, (size_t)page->order_count);
    struct map *seen = map_new(c->arena, (size_t)page->order_count);
    int64_t count = 0;

    for (int64_t i = 0; i < page->order_count; i++) {
        struct str key = {(const char *)&page->before[i].customer_id, sizeof(int64_t)};
        bool is_new;

        if (page->before[i].customer_id == NONE)
            continue;
        map_slot(seen, key, &is_new);
        if (is_new)
            in[count++] = (struct q_order_customer_refresh_in){
                .customer_id = page->before[i].customer_id, .action_day = NONE};
    }
    return count > 0 ? q_order_customer_refresh(c, in, count, NULL) : OK;
}

static enum err facts_emit(struct ctx *c, const struct undo_page *page)
{
    struct event *events =
        arena_new_array(c->arena, struct event, (size_t)page->order_count * 2 + 1);
    int64_t count = 0;

    for (int64_t i = 0; i < page->order_count; i++) {
        const struct q_order_undo_find_row *order = &page->before[i];
        int64_t more_fen = page->after[i].paid_fen - order->paid_fen;
        bool is_gone = page->after[i].line_count == 0;
        /* Worth nothing it counted as one, and so did its customer's day. */
        bool is_uncounted =
            !is_gone && (order->is_counted != 0) != (page->after[i].is_counted != 0);

        for (int k = 0; k < 2; k++) {
            struct event *event = &events[count];

            if (k == 0 ? more_fen == 0 && !is_uncounted : !is_gone)
                continue;
            event_init(event, c, k == 0 ? "order_changed" : "order_removed");
            event->customer_id = order->customer_id;
            event->channel_id = order->channel_id;
            event->subject_id = order->id;
            if (k == 0)
                event->amount_fen = more_fen;
            count++;
        }
    }
    return count > 0 ? journal_emit(c, events, count) : OK;
}

static enum err orders_take_out(struct ctx *c, struct import_undo *undo)
{
    struct undo_page page = {.undo = undo};

    TRY(page_parse(c, &page));
    TRY(page_look(c, &page));
    page_close_up(c, &page);
    if (page.order_count == 0)
        return OK;
    TRY(q_order_undo_lines(c, page.lines, page.line_count, NULL));
    TRY(orders_recount(c, &page));
    TRY(customers_refresh(c, &page));
    c->topics |= LIVE_ORDERS | LIVE_CUSTOMERS;
    return facts_emit(c, &page);
}

enum err order_undo(struct ctx *c, struct import_undo *undo)
{
    if (str_is(undo->noun, "orders"))
        return orders_take_out(c, undo);
    return customer_undo(c, undo->noun, undo->before, &undo->undone_count, &undo->kept_count);
}
