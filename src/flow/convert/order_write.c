/* A checked page of orders goes into the base: customers, orders, lines, customers' figures and the
 * facts, with a number of statements that does not depend on the page's size. */
#include "flow/convert/order_private.h"

static bool order_has_new_customer(const struct page_order *now)
{
    return now->is_changed && now->customer.kind.at != NULL;
}

static int64_t order_placed_ms(const struct page_order *now)
{
    return now->placed_ms == NONE ? now->order->placed_ms : now->placed_ms;
}

/* ---- customers ------------------------------------------------------------------------------ */

static enum err customers_add(struct ctx *c, struct page_order **orders, int64_t count)
{
    struct customer_ref *refs = arena_new_array(c->arena, struct customer_ref, (size_t)count);
    int64_t *touched_ms = arena_new_array(c->arena, int64_t, (size_t)count);
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)count);

    for (int64_t i = 0; i < count; i++) {
        refs[i] = orders[i]->customer;
        touched_ms[i] = order_placed_ms(orders[i]);
    }
    TRY(customer_find_or_add_batch(c, refs, count, touched_ms, ids));
    for (int64_t i = 0; i < count; i++) {
        must(ids[i] != NONE);
        orders[i]->customer_id = ids[i];
    }
    return OK;
}

static enum err write_customers(struct ctx *c, struct page *page)
{
    struct page_order **orders =
        arena_new_array(page->arena, struct page_order *, CUSTOMER_BATCH_MAX);
    int64_t count = 0;

    for (int64_t i = 0; i < page->order_count; i++) {
        struct page_order *now = &page->orders[i];

        if (now->customer_id == NONE)
            now->customer_id = now->order->customer_id;
        if (!order_has_new_customer(now))
            continue;
        orders[count++] = now;
        if (count == CUSTOMER_BATCH_MAX) {
            TRY(customers_add(c, orders, count));
            count = 0;
        }
    }
    return count > 0 ? customers_add(c, orders, count) : OK;
}

/* ---- orders and lines ----------------------------------------------------------------------- */

static struct q_order_add_in order_add_row(const struct page *page, const struct page_order *now)
{
    const struct book_order *order = now->order;

    return (struct q_order_add_in){
        .order_id = order->id,
        .source = page->book->source,
        .order_no = order->order_no,
        .kind = order->is_cancellation ? S("cancellation") : S("sale"),
        .customer_id = now->customer_id,
        .channel_id = now->channel_id,
        .placed_ms = now->placed_ms,
        .is_counted = !order->is_cancellation && now->sale_line_count > 0,
        .paid_fen = now->paid_fen,
        .net_fen = now->net_fen,
        .line_count = now->line_count,
        .sale_line_count = now->sale_line_count,
    };
}

static struct q_order_grow_in order_grow_row(const struct page_order *now)
{
    return (struct q_order_grow_in){
        .order_id = now->order->id,
        .customer_id = now->customer_id,
        .channel_id = now->channel_id,
        .placed_ms = order_placed_ms(now),
        .paid_fen = now->paid_fen,
        .net_fen = now->net_fen,
        .line_count = now->line_count,
        .sale_line_count = now->sale_line_count,
    };
}

/* Orders that are there: the base says whether they count, for it may have been told to cancel one.
 */
static enum err orders_grow(struct ctx *c, struct page_order **orders, int64_t count)
{
    struct q_order_grow_in *in = arena_new_array(c->arena, struct q_order_grow_in, (size_t)count);
    struct q_order_grow_row *grown =
        arena_new_array(c->arena, struct q_order_grow_row, (size_t)count);

    for (int64_t i = 0; i < count; i++)
        in[i] = order_grow_row(orders[i]);
    TRY(q_order_grow(c, in, count, grown));
    for (int64_t i = 0; i < count; i++)
        orders[i]->is_counted = grown[i].is_counted;
    return OK;
}

static enum err write_orders(struct ctx *c, struct page *page)
{
    size_t room = (size_t)page->order_count + 1;
    struct q_order_add_in *adds = arena_new_array(page->arena, struct q_order_add_in, room);
    struct page_order **grows = arena_new_array(page->arena, struct page_order *, room);
    int64_t add_count = 0, grow_count = 0;

    for (int64_t i = 0; i < page->order_count; i++) {
        struct page_order *now = &page->orders[i];

        if (!now->is_changed)
            continue;
        now->is_new = now->order->id == NONE;
        if (now->is_new) {
            now->order->id = ctx_id(c);
            adds[add_count] = order_add_row(page, now);
            now->is_counted = adds[add_count++].is_counted;
        } else {
            grows[grow_count++] = now;
        }
    }
    if (add_count > 0)
        TRY(q_order_add(c, adds, add_count, NULL));
    return grow_count > 0 ? orders_grow(c, grows, grow_count) : OK;
}

static enum err write_lines(struct ctx *c, struct page *page)
{
    struct q_order_line_add_in *lines =
        arena_new_array(page->arena, struct q_order_line_add_in, (size_t)page->count + 1);
    int64_t count = 0;

    for (int64_t i = 0; i < page->count; i++) {
        const struct order_row *row = &page->rows[i];

        if (row->code != NULL || row->is_known)
            continue;
        lines[count++] = (struct q_order_line_add_in){
            .order_id = row->order->id,
            .line_seq = row->line_seq,
            .product_id = row->product_id,
            .quantity_count = row->quantity_count,
            .unit_price_micro = row->unit_price_micro,
            .amount_fen = row->amount_fen,
            .placed_ms = row->placed_ms,
            .product_name = row->own_name,
        };
        if (row->line_seq > row->order->base_seq)
            row->order->base_seq = row->line_seq;
    }
    return count > 0 ? q_order_line_add(c, lines, count, NULL) : OK;
}

/* ---- figures -------------------------------------------------------------------------------- */

enum err order_write_figures(struct ctx *c, int64_t customer_id)
{
    struct q_order_customer_refresh_in in = {.customer_id = customer_id, .action_day = NONE};

    return customer_id == NONE ? OK : q_order_customer_refresh(c, &in, 1, NULL);
}

/* Records became one person, or two again: whose figures they are now. */
enum err order_mark_merged(struct ctx *c, const struct event *event)
{
    must(event->customer_id != NONE);
    return order_write_figures(c, event->customer_id);
}

/* What a page means for one customer. */
struct figures {
    struct q_order_customer_extend_in add;
    bool is_anew; /* what was counted before changes: figures are read from the orders again */
};

static void figures_begin(struct figures *figures, int64_t customer_id)
{
    *figures = (struct figures){.add = {.earliest_ms = NONE,
                                        .next_ms = NONE,
                                        .latest_ms = NONE,
                                        .touched_ms = NONE,
                                        .action_day = NONE,
                                        .customer_id = customer_id}};
}

/* One more counted order. */
static void figures_count(struct q_order_customer_extend_in *add, const struct page_order *now)
{
    int64_t placed_ms = order_placed_ms(now);

    add->order_count++;
    if (add->earliest_ms == NONE || placed_ms < add->earliest_ms) {
        add->next_ms = add->earliest_ms;
        add->earliest_ms = placed_ms;
    } else if (add->next_ms == NONE || placed_ms < add->next_ms) {
        add->next_ms = placed_ms;
    }
    if (add->latest_ms == NONE || placed_ms > add->latest_ms)
        add->latest_ms = placed_ms;
}

/* Its customer and its place in time are what they were, and it counted before: only money is new.
 */
static bool order_only_grows(const struct page_order *now)
{
    return now->is_counted && now->order->sale_line_count > 0 && now->placed_ms == NONE &&
           now->order->customer_id == now->customer_id;
}

static void figures_note(struct ctx *c, struct figures *figures, const struct page_order *now)
{
    const struct book_order *order = now->order;
    struct q_order_customer_extend_in *add = &figures->add;
    int64_t placed_ms = order_placed_ms(now), day = zone_day(ctx_zone(c), placed_ms);

    if (!order->is_cancellation && (add->action_day == NONE || day > add->action_day))
        add->action_day = day;
    if (add->touched_ms == NONE || placed_ms < add->touched_ms)
        add->touched_ms = placed_ms;
    if (add->region.at == NULL && now->region.len > 0)
        add->region = now->region;
    if (!now->is_new && !order_only_grows(now))
        figures->is_anew = true;
    if (!now->is_counted)
        return;
    add->paid_fen += now->paid_fen;
    if (now->is_new)
        figures_count(add, now);
}

static enum err figures_write(struct ctx *c, const struct figures *figures, int64_t count)
{
    struct q_order_customer_extend_in *adds =
        arena_new_array(c->arena, struct q_order_customer_extend_in, (size_t)count + 1);
    struct q_order_customer_refresh_in *anew =
        arena_new_array(c->arena, struct q_order_customer_refresh_in, (size_t)count + 1);
    int64_t add_count = 0, anew_count = 0;

    for (int64_t i = 0; i < count; i++) {
        const struct q_order_customer_extend_in *add = &figures[i].add;

        if (figures[i].is_anew)
            anew[anew_count++] =
                (struct q_order_customer_refresh_in){.customer_id = add->customer_id,
                                                     .action_day = add->action_day,
                                                     .region = add->region};
        else
            adds[add_count++] = *add;
    }
    if (add_count > 0)
        TRY(q_order_customer_extend(c, adds, add_count, NULL));
    return anew_count > 0 ? q_order_customer_refresh(c, anew, anew_count, NULL) : OK;
}

/* Each customer of the page once: by what is added, or, where orders that were counted change, from
 * that customer's own orders. */
static enum err write_figures(struct ctx *c, struct page *page)
{
    struct figures *figures =
        arena_new_array(page->arena, struct figures, (size_t)page->order_count + 1);
    struct map *seen = map_new(page->arena, (size_t)page->order_count + 1);
    int64_t count = 0;

    for (int64_t i = 0; i < page->order_count; i++) {
        const struct page_order *now = &page->orders[i];
        struct str key = {(const char *)&now->customer_id, sizeof(now->customer_id)};
        int64_t *slot;
        bool is_new;

        if (!now->is_changed || now->customer_id == NONE)
            continue;
        slot = map_slot(seen, key, &is_new);
        if (is_new) {
            figures_begin(&figures[count], now->customer_id);
            *slot = count++;
        }
        figures_note(c, &figures[*slot], now);
    }
    return figures_write(c, figures, count);
}

/* ---- facts ---------------------------------------------------------------------------------- */

static bool order_becomes_paid(const struct page_order *now)
{
    return now->is_counted && now->order->sale_line_count == 0;
}

/* A guest's order that counts turns out to be somebody's. */
static bool order_finds_customer(const struct page_order *now)
{
    return !now->is_new && now->order->sale_line_count > 0 && now->order->customer_id == NONE &&
           now->customer_id != NONE;
}

/* One of its later lines was sold earlier. */
static bool order_moves(const struct page_order *now)
{
    return !now->is_new && now->is_counted && now->placed_ms != NONE;
}

static void fact_fill(struct ctx *c, struct event *event, const struct page_order *now,
                      const char *kind)
{
    event_init(event, c, kind);
    event->occurred_ms = order_placed_ms(now);
    event->customer_id = now->customer_id;
    event->channel_id = now->channel_id == NONE ? now->order->channel_id : now->channel_id;
    event->subject_id = now->order->id;
    event->amount_fen = now->paid_fen;
}

/* At most two facts an order. */
static int64_t order_facts(struct ctx *c, struct event *events, const struct page_order *now)
{
    int64_t count = 0;

    if (order_becomes_paid(now))
        fact_fill(c, &events[count++], now, "order_paid");
    else if (now->paid_fen != 0 || order_finds_customer(now) || order_moves(now))
        fact_fill(c, &events[count++], now, "order_changed");
    if (now->is_new && now->order->is_cancellation) {
        fact_fill(c, &events[count], now, "order_cancelled");
        events[count++].amount_fen = now->net_fen;
    }
    return count;
}

static enum err write_facts(struct ctx *c, struct page *page)
{
    struct event *events =
        arena_new_array(page->arena, struct event, (size_t)page->order_count * 2 + 1);
    int64_t count = 0;

    for (int64_t i = 0; i < page->order_count; i++) {
        if (page->orders[i].is_changed)
            count += order_facts(c, events + count, &page->orders[i]);
    }
    return count > 0 ? journal_emit(c, events, count) : OK;
}

/* The book knows what the base now holds. */
static void book_follow(struct page *page)
{
    for (int64_t i = 0; i < page->order_count; i++) {
        struct page_order *now = &page->orders[i];
        struct book_order *order = now->order;

        if (!now->is_changed)
            continue;
        order->customer_id = now->customer_id;
        order->placed_ms = order_placed_ms(now);
        order->paid_fen += now->paid_fen;
        order->net_fen += now->net_fen;
        order->sale_line_count += now->sale_line_count;
        if (order->channel_id == NONE)
            order->channel_id = now->channel_id;
    }
}

enum err order_write_page(struct ctx *c, struct page *page)
{
    TRY(write_customers(c, page));
    TRY(write_orders(c, page));
    TRY(write_lines(c, page));
    TRY(write_figures(c, page));
    TRY(write_facts(c, page));
    book_follow(page);
    c->topics |= LIVE_ORDERS | LIVE_CUSTOMERS;
    return OK;
}
