/* Rows of customers: sealed texts opened, masked, figures and names beside them. */
#include "manage/customer/customer_item.h"

#include "gen/customer_list.q.h"
#include "manage/customer/customer_private.h"
#include "manage/customer/mask.h"
#include "manage/setting/life_stage.h"

static const struct field customer_item_tag[] = {
    OUT(struct customer_item_tag, id),
    OUT(struct customer_item_tag, name),
    OUT(struct customer_item_tag, color),
};
static const struct field customer_item[] = {
    OUT(struct customer_item, id),
    OUT(struct customer_item, customer_number),
    OUT(struct customer_item, name, .is_optional = true),
    OUT(struct customer_item, phone, .is_optional = true, .about = "masked"),
    OUT(struct customer_item, email, .is_optional = true, .about = "masked"),
    OUT(struct customer_item, region, .is_optional = true),
    OUT(struct customer_item, channel_id, .is_optional = true),
    OUT(struct customer_item, channel_name, .is_optional = true),
    OUT(struct customer_item, state, .one_of = CUSTOMER_STATES),
    OUT(struct customer_item, owner_id, .is_optional = true),
    OUT(struct customer_item, owner_name, .is_optional = true),
    OUT(struct customer_item, org_id, .is_optional = true),
    OUT(struct customer_item, org_name, .is_optional = true),
    OUT(struct customer_item, order_count),
    OUT(struct customer_item, paid_fen),
    OUT(struct customer_item, refunded_fen),
    OUT(struct customer_item, first_order_ms, .is_optional = true),
    OUT(struct customer_item, last_order_ms, .is_optional = true),
    OUT(struct customer_item, touched_ms),
    OUT(struct customer_item, added_ms, .is_optional = true),
    OUT(struct customer_item, action_date, .is_optional = true, .about = "of the last own action"),
    OUT(struct customer_item, birth_date, .is_optional = true),
    OUT(struct customer_item, life_stage_zh, .is_optional = true),
    OUT(struct customer_item, life_stage_en, .is_optional = true),
    OUT(struct customer_item, invited_count),
    OUT(struct customer_item, is_family),
    OUT(struct customer_item, blocked_ms, .is_optional = true),
    OUT(struct customer_item, tags, .of = SHAPE(customer_item_tag)),
};
const struct shape customer_item_shape = {
    .name = "customer_item",
    .fields = customer_item,
    .count = ARRAY_LEN(customer_item),
    .bytes = sizeof(struct customer_item),
};

struct rules {
    struct customer_limits limits;
    struct life_stages stages;
    bool is_clear, is_without_email;
};

void customer_digits(char *at, int64_t number, int count)
{
    for (int i = count - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
}

/* By hand: a file has a few of them in each row, and printf costs more than the row's look-up. */
static struct str date_of(struct ctx *c, int64_t day)
{
    int year, month, date;
    char *text;

    if (day == NONE)
        return (struct str){0};
    day_to_date(day, &year, &month, &date);
    text = arena_alloc(c->arena, 10);
    customer_digits(text, year, 4);
    text[4] = text[7] = '-';
    customer_digits(text + 5, month, 2);
    customer_digits(text + 8, date, 2);
    return (struct str){text, 10};
}

static enum err texts_fill(struct ctx *c, const struct rules *rules,
                           const struct q_customer_row_row *row, struct customer_item *item)
{
    TRY(ctx_unseal(c, row->name_enc, "customer", item->id, &item->name));
    TRY(ctx_unseal(c, row->phone_enc, "customer", item->id, &item->phone));
    if (!rules->is_without_email)
        TRY(ctx_unseal(c, row->email_enc, "customer", item->id, &item->email));
    if (rules->is_clear)
        return OK;
    item->name = mask_name_for(c, item->name);
    item->phone = mask_phone(c->arena, item->phone);
    item->email = mask_email(c->arena, item->email);
    return OK;
}

static void stage_fill(struct ctx *c, const struct rules *rules, int64_t child_birth_day,
                       struct customer_item *item)
{
    struct life_stage stage;

    if (child_birth_day == NONE)
        return;
    stage = life_stage_of(c, &rules->stages, child_birth_day);
    item->life_stage_zh = stage.title_zh;
    item->life_stage_en = stage.title_en;
}

static void figures_fill(struct ctx *c, const struct rules *rules,
                         const struct q_customer_row_row *row, struct customer_item *item)
{
    item->customer_number = row->customer_number;
    item->region = row->region;
    item->channel_id = row->channel_id;
    item->channel_name = row->channel_name;
    item->owner_id = row->owner_staff_id;
    item->owner_name = row->owner_name;
    item->org_id = row->org_id;
    item->org_name = row->org_name;
    item->state = str_of(customer_state(&rules->limits, row->order_count, row->last_order_ms));
    item->order_count = row->order_count;
    item->paid_fen = row->paid_fen;
    item->refunded_fen = row->refunded_fen;
    item->first_order_ms = row->first_order_ms;
    item->last_order_ms = row->last_order_ms;
    item->touched_ms = row->touched_ms;
    item->added_ms = row->added_ms;
    item->action_date = date_of(c, row->action_day);
    item->birth_date = date_of(c, row->birth_day);
    item->invited_count = row->invited_count;
    item->is_family = row->is_family;
    item->blocked_ms = row->blocked_ms;
}

/* All rows' tags with one statement; tags.count says how many each has. */
static enum err tags_fill(struct ctx *c, struct list *items, int64_t tag_max)
{
    struct customer_item *item = items->at;
    size_t most = (size_t)(items->count * tag_max) + 1;
    struct q_customer_tag_nth_in *keys =
        arena_new_array(c->arena, struct q_customer_tag_nth_in, most);
    struct q_customer_tag_nth_row *rows =
        arena_new_array(c->arena, struct q_customer_tag_nth_row, most);
    struct customer_item_tag *tags = arena_new_array(c->arena, struct customer_item_tag, most);
    int64_t count = 0;

    for (int64_t i = 0; i < items->count; i++) {
        item[i].tags.at = &tags[count];
        for (int64_t j = 0; j < item[i].tags.count; j++)
            keys[count++] = (struct q_customer_tag_nth_in){item[i].id, j};
    }
    if (count == 0)
        return OK;
    TRY(q_customer_tag_nth(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++)
        tags[i] = (struct customer_item_tag){rows[i].id, rows[i].name, rows[i].color};
    return OK;
}

static enum err rows_fill(struct ctx *c, const struct customer_items_ask *ask,
                          const struct rules *rules, struct customer_item *item)
{
    struct q_customer_row_in *keys =
        arena_new_array(c->arena, struct q_customer_row_in, (size_t)ask->count);
    struct q_customer_row_row *rows =
        arena_new_array(c->arena, struct q_customer_row_row, (size_t)ask->count);

    for (int64_t i = 0; i < ask->count; i++)
        keys[i].customer_id = ask->hits[i].id;
    TRY(q_customer_row(c, keys, ask->count, rows));
    for (int64_t i = 0; i < ask->count; i++) {
        item[i] = (struct customer_item){.id = ask->hits[i].id};
        TRY(texts_fill(c, rules, &rows[i], &item[i]));
        figures_fill(c, rules, &rows[i], &item[i]);
        stage_fill(c, rules, rows[i].child_birth_day, &item[i]);
        item[i].tags.count = rows[i].tag_count < ask->tag_max ? rows[i].tag_count : ask->tag_max;
    }
    return OK;
}

enum err customer_items_read(struct ctx *c, const struct customer_items_ask *ask,
                             struct list *items)
{
    struct rules rules = {.is_clear = ask->is_clear, .is_without_email = ask->is_without_email};
    struct customer_item *item =
        arena_new_array(c->arena, struct customer_item, (size_t)ask->count + 1);

    *items = (struct list){item, ask->count};
    if (ask->count == 0)
        return OK;
    TRY(customer_limits_get(c, &rules.limits));
    TRY(life_stages_get(c, &rules.stages));
    TRY(rows_fill(c, ask, &rules, item));
    return tags_fill(c, items, ask->tag_max);
}
