/* The tree with its figures: customers whose first touch each channel was, what they bought, what
 * it cost; alone and for the whole branch. */
#include "gen/channel.q.h"
#include "manage/channel/channel_private.h"

struct channel_item {
    int64_t id, parent_id;
    struct str code, name, kind, path;
    bool is_archived;
    int64_t cost_fen, customer_count, buyer_count, order_count, paid_fen;
    int64_t branch_cost_fen, branch_customer_count, branch_buyer_count, branch_order_count,
        branch_paid_fen;
};
struct channel_list {
    struct list items;
};
static const struct field channel_item[] = {
    OUT(struct channel_item, id),
    OUT(struct channel_item, parent_id, .is_optional = true),
    OUT(struct channel_item, code),
    OUT(struct channel_item, name),
    OUT(struct channel_item, kind, .one_of = CHANNEL_KINDS),
    OUT(struct channel_item, path, .about = "ids from the root down: /1/5/9/"),
    OUT(struct channel_item, is_archived),
    OUT(struct channel_item, cost_fen),
    OUT(struct channel_item, customer_count, .about = "first touched here"),
    OUT(struct channel_item, buyer_count),
    OUT(struct channel_item, order_count),
    OUT(struct channel_item, paid_fen),
    OUT(struct channel_item, branch_cost_fen, .about = "branch: with everything below"),
    OUT(struct channel_item, branch_customer_count),
    OUT(struct channel_item, branch_buyer_count),
    OUT(struct channel_item, branch_order_count),
    OUT(struct channel_item, branch_paid_fen),
};
static const struct field channel_list[] = {
    OUT(struct channel_list, items, .of = SHAPE(channel_item)),
};

/* Items by id. */
static struct channel_item *item_at(const struct map *by_id, const struct list *items, int64_t id)
{
    int64_t *at = map_find(by_id, (struct str){(const char *)&id, sizeof(id)});

    return at ? (struct channel_item *)items->at + *at : NULL;
}

static struct map *items_fill(struct ctx *c, const struct list *rows, struct list *items)
{
    struct map *by_id = map_new(c->arena, (size_t)rows->count);
    const struct q_channel_all_row *row = rows->at;
    struct channel_item *item =
        arena_new_array(c->arena, struct channel_item, (size_t)rows->count + 1);
    bool is_new;

    *items = (struct list){item, rows->count};
    for (int64_t i = 0; i < rows->count; i++) {
        item[i] = (struct channel_item){.id = row[i].id,
                                        .parent_id = row[i].parent_id,
                                        .code = row[i].code,
                                        .name = row[i].name,
                                        .kind = row[i].kind,
                                        .path = row[i].path,
                                        .is_archived = row[i].is_archived};
        *map_slot(by_id, (struct str){(const char *)&row[i].id, sizeof(row[i].id)}, &is_new) = i;
    }
    return by_id;
}

static enum err sums_fill(struct ctx *c, const struct map *by_id, const struct list *items)
{
    struct list customers, costs;
    const struct q_channel_customer_sums_row *of;
    const struct q_channel_cost_sums_row *cost;

    TRY(q_channel_customer_sums(c, &customers));
    TRY(q_channel_cost_sums(c, &costs));
    of = customers.at;
    cost = costs.at;
    for (int64_t i = 0; i < customers.count; i++) {
        struct channel_item *item = item_at(by_id, items, of[i].channel_id);
        must(item != NULL);
        item->customer_count = of[i].customer_count;
        item->buyer_count = of[i].buyer_count;
        item->order_count = of[i].order_count;
        item->paid_fen = of[i].paid_fen;
    }
    for (int64_t i = 0; i < costs.count; i++) {
        struct channel_item *item = item_at(by_id, items, cost[i].channel_id);
        must(item != NULL);
        item->cost_fen = cost[i].cost_fen;
    }
    return OK;
}

static void branch_add(struct channel_item *above, const struct channel_item *item)
{
    above->branch_cost_fen += item->cost_fen;
    above->branch_customer_count += item->customer_count;
    above->branch_buyer_count += item->buyer_count;
    above->branch_order_count += item->order_count;
    above->branch_paid_fen += item->paid_fen;
}

/* Each one's figures go to itself and to all above it. */
static void branches_fill(const struct map *by_id, const struct list *items)
{
    struct channel_item *item = items->at;

    for (int64_t i = 0; i < items->count; i++) {
        struct channel_item *above = &item[i];
        for (int depth = 0; above; depth++) {
            must(depth < CHANNEL_DEPTH_MAX);
            branch_add(above, &item[i]);
            above = above->parent_id == NONE ? NULL : item_at(by_id, items, above->parent_id);
        }
    }
}

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct channel_list *out = out_;
    struct list rows;
    struct map *by_id;

    (void)in;
    TRY(q_channel_all(c, &rows));
    by_id = items_fill(c, &rows, &out->items);
    TRY(sums_fill(c, by_id, &out->items));
    branches_fill(by_id, &out->items);
    return OK;
}

const struct route channel_list_routes[] = {
    {HTTP_GET, "/api/channels", "channel.read", NULL, SHAPE(channel_list), list_run,
     .about = "The whole tree with its figures, branch by branch"},
    {.path = NULL},
};
