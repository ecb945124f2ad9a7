/* GET /api/customers: filters, four orders, cursor, search. How the customers are found stands in
 * filter.c, what is shown of each in customer_item.c. */
#include "kit/cursor.h"
#include "manage/customer/customer_item.h"
#include "manage/customer/customer_private.h"

#define PAGE_MAX 100
#define PAGE_DEFAULT 50
#define ROW_TAGS_MAX 8     /* of one row of the list; the profile has all */
#define STATEMENTS_MAX 128 /* found by text: some thousands a statement */

struct customer_list_in {
    struct customer_ask ask;
    struct str sort, cursor;
    int64_t limit_count;
};
struct customer_list_out {
    struct list items;
    struct str next_cursor;
    int64_t total_count;
    bool is_search_ready;
};
static const struct field customer_list_in[] = {
    CUSTOMER_ASK_FIELDS,
    IN(struct customer_list_in, sort, .is_optional = true,
       .one_of = "newest|last_order|paid|orders"),
    IN(struct customer_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct customer_list_in, limit_count, PAGE_MAX),
};
static const struct field customer_list_out[] = {
    OUT(struct customer_list_out, items, .of = &customer_item_shape),
    OUT(struct customer_list_out, next_cursor, .is_optional = true),
    OUT(struct customer_list_out, total_count,
        .about = "of all pages; found by text: of at most 200,000"),
    OUT(struct customer_list_out, is_search_ready,
        .about = "false shortly after start: only exact identities are found yet"),
};

static int64_t sort_of(struct str name)
{
    static const char *const names[] = {"newest", "last_order", "paid", "orders"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_is(name, names[i]))
            return (int64_t)i;
    return SORT_NEWEST;
}

static enum err page_read(struct ctx *c, const struct customer_list_in *in,
                          struct customer_page *page)
{
    struct cursor from;

    TRY(cursor_read(c, in->cursor, &from));
    *page = (struct customer_page){
        .sort_number = sort_of(in->sort),
        .key_number = from.key_number == NONE ? -1 : from.key_number,
        .after_id = from.id,
        .limit_count = in->limit_count == NONE ? PAGE_DEFAULT : in->limit_count,
    };
    return OK;
}

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct customer_list_in *in = in_;
    struct customer_list_out *out = out_;
    struct customer_items_ask rows;
    struct customer_filter filter;
    struct customer_page page;

    TRY(page_read(c, in, &page));
    TRY(customer_filter_read(c, &in->ask, &filter));
    TRY(customer_filter_page(c, &filter, &page));
    out->total_count = page.total_count;
    out->is_search_ready = page.is_search_ready;
    rows = (struct customer_items_ask){
        .hits = page.hits.at, .count = page.hits.count, .tag_max = ROW_TAGS_MAX};
    if (rows.count == page.limit_count) {
        struct customer_hit last = rows.hits[rows.count - 1];
        out->next_cursor = cursor_write(c, (struct cursor){last.key_number, last.id});
    }
    return customer_items_read(c, &rows, &out->items);
}

/* The engine is asked first. */
static bool is_long(const void *in_)
{
    const struct customer_list_in *in = in_;

    return in->ask.who.at != NULL;
}

const struct route customer_list_routes[] = {
    {HTTP_GET, "/api/customers", "customer.read", SHAPE(customer_list_in), SHAPE(customer_list_out),
     list_run, .about = "Customers by filter, order and text", .statement_max = STATEMENTS_MAX,
     .is_long = is_long},
    {.path = NULL},
};
