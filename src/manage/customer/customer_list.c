/* The list of customers: filters, four orders, cursor, search. Found by text: the ids come from
 * memory (customer_search.c) and pass the same filters one by one; otherwise the database walks the
 * index of the order. */
#include "gen/customer_list.q.h"
#include "kit/cursor.h"
#include "manage/channel/channel.h"
#include "manage/customer/customer_private.h"
#include "manage/customer/mask.h"
#include "manage/setting/setting.h"

#define PAGE_MAX 100
#define PAGE_DEFAULT 50
#define ROW_TAGS_MAX 8 /* of one row of the list; the profile has all */
#define FOUND_MAX 1000 /* customers found by text: the newest ones */

struct customer_list_in {
    struct str search, state, stage, from_date, to_date, month, sort, cursor;
    int64_t channel_id, tag_id, limit_count;
};
struct customer_list_tag {
    int64_t id;
    struct str name, color;
};
struct customer_list_item {
    int64_t id, channel_id, order_count, paid_fen, last_order_ms, touched_ms, added_ms;
    struct str name, phone, region, channel_name, state;
    bool is_family;
    struct list tags;
};
struct customer_list_out {
    struct list items;
    struct str next_cursor;
    int64_t total_count;
    bool is_search_ready;
};
static const struct field customer_list_in[] = {
    IN(struct customer_list_in, search, .is_optional = true, .max = 60,
       .about = "part of a name, phone or other identity"),
    IN(struct customer_list_in, state, .is_optional = true,
       .one_of = "never|once|repeat|sleeping|lost"),
    IN(struct customer_list_in, stage, .is_optional = true,
       .one_of = "reached|added|active|first_order|loyal|repurchase|sharing|referred"),
    IN(struct customer_list_in, channel_id, .is_optional = true, .about = "with its branch"),
    IN(struct customer_list_in, tag_id, .is_optional = true),
    IN(struct customer_list_in, from_date, .is_optional = true, .about = "first touch, local day"),
    IN(struct customer_list_in, to_date, .is_optional = true, .about = "this day not included"),
    IN(struct customer_list_in, month, .is_optional = true, .about = "of the first order: 2011-03"),
    IN(struct customer_list_in, sort, .is_optional = true,
       .one_of = "newest|last_order|paid|orders"),
    IN(struct customer_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct customer_list_in, limit_count, PAGE_MAX),
};
static const struct field customer_list_tag[] = {
    OUT(struct customer_list_tag, id),
    OUT(struct customer_list_tag, name),
    OUT(struct customer_list_tag, color),
};
static const struct field customer_list_item[] = {
    OUT(struct customer_list_item, id),
    OUT(struct customer_list_item, name, .is_optional = true),
    OUT(struct customer_list_item, phone, .is_optional = true),
    OUT(struct customer_list_item, region, .is_optional = true),
    OUT(struct customer_list_item, channel_id, .is_optional = true),
    OUT(struct customer_list_item, channel_name, .is_optional = true),
    OUT(struct customer_list_item, state, .one_of = "never|once|repeat|sleeping|lost"),
    OUT(struct customer_list_item, order_count),
    OUT(struct customer_list_item, paid_fen),
    OUT(struct customer_list_item, last_order_ms, .is_optional = true),
    OUT(struct customer_list_item, touched_ms),
    OUT(struct customer_list_item, added_ms, .is_optional = true),
    OUT(struct customer_list_item, is_family),
    OUT(struct customer_list_item, tags, .of = SHAPE(customer_list_tag)),
};
static const struct field customer_list_out[] = {
    OUT(struct customer_list_out, items, .of = SHAPE(customer_list_item)),
    OUT(struct customer_list_out, next_cursor, .is_optional = true),
    OUT(struct customer_list_out, total_count,
        .about = "of all pages; found by text: at most 1,000"),
    OUT(struct customer_list_out, is_search_ready,
        .about = "false shortly after start: only exact identities are found yet"),
};

/* ---- filters --------------------------------------------------------------------------------- */

static enum err days_read(struct ctx *c, const struct customer_list_in *in,
                          struct q_customer_page_in *page)
{
    int64_t from_ms, to_ms;

    if (in->from_date.at == NULL && in->to_date.at == NULL)
        return OK;
    if (time_parse(NULL, in->from_date, &from_ms) != OK ||
        time_parse(NULL, in->to_date, &to_ms) != OK)
        return fail_at(c, "input.date", S("from_date"), "two days are needed, as 2011-12-09");
    page->from_ms = zone_day_start(ctx_zone(c), from_ms / DAY_MS);
    page->to_ms = zone_day_start(ctx_zone(c), to_ms / DAY_MS);
    return OK;
}

static enum err month_read(struct ctx *c, struct str month, struct q_customer_page_in *page)
{
    struct civil civil;
    int64_t first_ms, number;

    if (month.at == NULL)
        return OK;
    if (time_parse(NULL, str_fmt(c->arena, "%.*s-01", STR(month)), &first_ms) != OK)
        return fail_at(c, "input.date", S("month"), "a month is needed, as 2011-12");
    zone_local(NULL, first_ms, &civil);
    number = (civil.year - 1970) * 12 + civil.month - 1;
    page->first_from_ms = zone_month_start(ctx_zone(c), number);
    page->first_to_ms = zone_month_start(ctx_zone(c), number + 1);
    return OK;
}

static enum err limits_read(struct ctx *c, struct q_customer_page_in *page,
                            struct customer_limits *limits)
{
    static const char *const names[] = {"sleep_after_days", "lost_after_days", "active_within_days",
                                        "loyal_order_count"};
    int64_t values[4];

    TRY(setting_ints(c, names, 4, values));
    limits->sleep_before_ms = page->sleep_before_ms = c->now_ms - values[0] * DAY_MS;
    limits->lost_before_ms = page->lost_before_ms = c->now_ms - values[1] * DAY_MS;
    page->active_from_day = zone_day(ctx_zone(c), c->now_ms) - values[2] + 1;
    page->loyal_count = values[3];
    return OK;
}

static enum err page_read(struct ctx *c, const struct customer_list_in *in,
                          struct q_customer_page_in *page, struct customer_limits *limits)
{
    struct cursor from;

    TRY(cursor_read(c, in->cursor, &from));
    *page = (struct q_customer_page_in){
        .state = in->state,
        .stage = in->stage,
        .tag_id = in->tag_id,
        .from_ms = NONE,
        .to_ms = NONE,
        .first_from_ms = NONE,
        .first_to_ms = NONE,
        .sort = in->sort.at ? in->sort : S("newest"),
        .key_number = from.key_number,
        .from_id = from.id,
        .limit_count = in->limit_count == NONE ? PAGE_DEFAULT : in->limit_count,
    };
    TRY(days_read(c, in, page));
    TRY(month_read(c, in->month, page));
    if (in->channel_id != NONE) {
        TRY(channel_path(c, in->channel_id, &page->path));
        page->path_end = channel_path_end(c, page->path);
    }
    return limits_read(c, page, limits);
}

/* ---- the ids of a page ----------------------------------------------------------------------- */

struct found {
    int64_t id, key_number; /* key NONE: no order yet, in the order of last orders */
};

static void found_add(struct found *ids, int64_t *count, const struct list *rows, bool is_keyless)
{
    const struct q_customer_page_row *row = rows->at;

    for (int64_t i = 0; i < rows->count; i++)
        ids[(*count)++] = (struct found){row[i].id, is_keyless ? NONE : row[i].key_number};
}

/* In the order of last orders those without any come last, as a second list. */
static enum err page_walk(struct ctx *c, const struct q_customer_page_in *page, struct found *ids,
                          int64_t *count)
{
    bool is_last_order = str_is(page->sort, "last_order");
    struct q_customer_page_in rest = *page;
    struct list rows;

    if (!is_last_order || page->key_number != NONE) {
        TRY(q_customer_page(c, page, &rows));
        found_add(ids, count, &rows, false);
        rest.from_id = INT64_MAX;
    }
    if (!is_last_order || *count == page->limit_count)
        return OK;
    rest.sort = S("no_order");
    rest.limit_count = page->limit_count - *count;
    TRY(q_customer_page(c, &rest, &rows));
    found_add(ids, count, &rows, true);
    return OK;
}

static enum err page_count(struct ctx *c, const struct q_customer_page_in *page, int64_t *count)
{
    struct q_customer_page_count_row row;
    struct q_customer_page_count_in in = {.state = page->state,
                                          .sleep_before_ms = page->sleep_before_ms,
                                          .lost_before_ms = page->lost_before_ms,
                                          .stage = page->stage,
                                          .active_from_day = page->active_from_day,
                                          .loyal_count = page->loyal_count,
                                          .path = page->path,
                                          .path_end = page->path_end,
                                          .tag_id = page->tag_id,
                                          .from_ms = page->from_ms,
                                          .to_ms = page->to_ms,
                                          .first_from_ms = page->first_from_ms,
                                          .first_to_ms = page->first_to_ms};

    TRY(q_customer_page_count(c, &in, &row));
    *count = row.total_count;
    return OK;
}

/* ---- found by text --------------------------------------------------------------------------- */

static struct q_customer_page_match_in match_of(const struct q_customer_page_in *page, int64_t id)
{
    return (struct q_customer_page_match_in){.customer_id = id,
                                             .state = page->state,
                                             .sleep_before_ms = page->sleep_before_ms,
                                             .lost_before_ms = page->lost_before_ms,
                                             .stage = page->stage,
                                             .active_from_day = page->active_from_day,
                                             .loyal_count = page->loyal_count,
                                             .path = page->path,
                                             .path_end = page->path_end,
                                             .tag_id = page->tag_id,
                                             .from_ms = page->from_ms,
                                             .to_ms = page->to_ms,
                                             .first_from_ms = page->first_from_ms,
                                             .first_to_ms = page->first_to_ms};
}

static int64_t match_key(const struct q_customer_page_match_row *row, struct str sort)
{
    if (str_is(sort, "last_order"))
        return row->last_order_ms;
    if (str_is(sort, "paid"))
        return row->paid_fen;
    return str_is(sort, "orders") ? row->order_count : row->touched_ms;
}

/* Downwards; NONE is below everything. */
static bool is_before(struct found a, struct found b)
{
    return a.key_number > b.key_number || (a.key_number == b.key_number && a.id > b.id);
}

/* The best `limit` of those behind the cursor, by insertion: both are small. */
static void match_keep(struct found *ids, int64_t *count, int64_t limit_count, struct found next)
{
    int64_t at;

    must(limit_count > 0);
    if (*count == limit_count && !is_before(next, ids[*count - 1]))
        return;
    at = *count < limit_count ? (*count)++ : *count - 1;
    for (; at > 0 && is_before(next, ids[at - 1]); at--)
        ids[at] = ids[at - 1];
    ids[at] = next;
}

struct found_page {
    struct found ids[PAGE_MAX];
    int64_t count, total_count;
};

static enum err page_search(struct ctx *c, const struct q_customer_page_in *page,
                            const struct list *hits, struct found_page *out)
{
    struct q_customer_page_match_in *keys =
        arena_new_array(c->arena, struct q_customer_page_match_in, (size_t)hits->count + 1);
    struct q_customer_page_match_row *rows =
        arena_new_array(c->arena, struct q_customer_page_match_row, (size_t)hits->count + 1);
    struct found from = {page->from_id, page->key_number};

    out->total_count = 0;
    if (hits->count == 0)
        return OK;
    for (int64_t i = 0; i < hits->count; i++)
        keys[i] = match_of(page, ((const int64_t *)hits->at)[i]);
    TRY(q_customer_page_match(c, keys, hits->count, rows));
    for (int64_t i = 0; i < hits->count; i++) {
        struct found next = {rows[i].id, match_key(&rows[i], page->sort)};
        if (next.id == NONE)
            continue;
        out->total_count++;
        if (is_before(from, next))
            match_keep(out->ids, &out->count, page->limit_count, next);
    }
    return OK;
}

/* ---- the rows -------------------------------------------------------------------------------- */

static enum err item_fill(struct ctx *c, const struct customer_limits *limits,
                          const struct q_customer_row_row *row, struct customer_list_item *item)
{
    TRY(ctx_unseal(c, row->name_enc, "customer", item->id, &item->name));
    TRY(ctx_unseal(c, row->phone_enc, "customer", item->id, &item->phone));
    item->name = mask_name_for(c, item->name);
    item->phone = mask_phone(c->arena, item->phone);
    item->region = row->region;
    item->channel_id = row->channel_id;
    item->channel_name = row->channel_name;
    item->state = str_of(customer_state(limits, row->order_count, row->last_order_ms));
    item->order_count = row->order_count;
    item->paid_fen = row->paid_fen;
    item->last_order_ms = row->last_order_ms;
    item->touched_ms = row->touched_ms;
    item->added_ms = row->added_ms;
    item->is_family = row->is_family;
    item->tags.count = row->tag_count < ROW_TAGS_MAX ? row->tag_count : ROW_TAGS_MAX;
    return OK;
}

/* All rows' tags with one statement; tags.count says how many each has. */
static enum err tags_fill(struct ctx *c, struct list *items)
{
    struct customer_list_item *item = items->at;
    size_t most = (size_t)items->count * ROW_TAGS_MAX + 1;
    struct q_customer_tag_nth_in *keys =
        arena_new_array(c->arena, struct q_customer_tag_nth_in, most);
    struct q_customer_tag_nth_row *rows =
        arena_new_array(c->arena, struct q_customer_tag_nth_row, most);
    struct customer_list_tag *tags = arena_new_array(c->arena, struct customer_list_tag, most);
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
        tags[i] = (struct customer_list_tag){rows[i].id, rows[i].name, rows[i].color};
    return OK;
}

static enum err rows_fill(struct ctx *c, const struct customer_limits *limits,
                          const struct found *ids, int64_t count, struct list *items)
{
    struct q_customer_row_in *keys =
        arena_new_array(c->arena, struct q_customer_row_in, (size_t)count + 1);
    struct q_customer_row_row *rows =
        arena_new_array(c->arena, struct q_customer_row_row, (size_t)count + 1);
    struct customer_list_item *item =
        arena_new_array(c->arena, struct customer_list_item, (size_t)count + 1);

    *items = (struct list){item, count};
    if (count == 0)
        return OK;
    for (int64_t i = 0; i < count; i++)
        keys[i].customer_id = ids[i].id;
    TRY(q_customer_row(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++) {
        item[i].id = ids[i].id;
        TRY(item_fill(c, limits, &rows[i], &item[i]));
    }
    return tags_fill(c, items);
}

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct customer_list_in *in = in_;
    struct customer_list_out *out = out_;
    struct q_customer_page_in page;
    struct customer_limits limits;
    struct found_page found = {.count = 0};
    struct list hits;

    out->is_search_ready = customer_search_is_ready(c->app);
    TRY(page_read(c, in, &page, &limits));
    if (str_trim(in->search).len > 0) {
        TRY(customer_search(c, str_trim(in->search), FOUND_MAX, &hits, &out->is_search_ready));
        TRY(page_search(c, &page, &hits, &found));
    } else {
        TRY(page_walk(c, &page, found.ids, &found.count));
        TRY(page_count(c, &page, &found.total_count));
    }
    out->total_count = found.total_count;
    if (found.count == page.limit_count) {
        struct found last = found.ids[found.count - 1];
        out->next_cursor = cursor_write(c, (struct cursor){last.key_number, last.id});
    }
    return rows_fill(c, &limits, found.ids, found.count, &out->items);
}

const struct route customer_list_routes[] = {
    {HTTP_GET, "/api/customers", "customer.read", SHAPE(customer_list_in), SHAPE(customer_list_out),
     list_run, .about = "Customers by filter, order and text", .statement_max = 16},
    {.path = NULL},
};
