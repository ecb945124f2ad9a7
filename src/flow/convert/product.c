/* Products (商品) as they come with order lines: made by code at first sight. Always: a product's
 * name is the first non-empty one that came. */
#include "flow/convert/order_private.h"

#define PRODUCT_MAX 1000000 /* in one book */

/* In the book's map: 0 while being looked for, the id, or minus the id while it has no name. */
static enum err product_slots(struct ctx *c, struct page *page, struct q_product_find_in *asked,
                              int64_t *count)
{
    struct map *products = page->book->products;
    bool is_new;

    for (struct order_row *row = page->rows; row < page->rows + page->count; row++) {
        if (row->code != NULL)
            continue;
        map_slot(products, row->product_code, &is_new);
        if (is_new)
            asked[(*count)++].code = row->product_code;
    }
    if (map_count(products) > PRODUCT_MAX)
        return fail(c, E_TOO_LARGE, "import.too_many_products",
                    "more than %d products in one file: import it in parts", PRODUCT_MAX);
    return OK;
}

static int64_t *product_slot(struct page *page, struct str code)
{
    int64_t *slot = map_find(page->book->products, code);

    must(slot != NULL);
    return slot;
}

/* Known ones get their id; for the others rows to add are left in *adds. */
static enum err product_find(struct ctx *c, struct page *page,
                             const struct q_product_find_in *asked, int64_t count)
{
    struct q_product_find_row *found =
        arena_new_array(page->arena, struct q_product_find_row, (size_t)count);

    TRY(q_product_find(c, asked, count, found));
    for (int64_t i = 0; i < count; i++) {
        if (found[i].id != NONE)
            *product_slot(page, asked[i].code) = found[i].name.len > 0 ? found[i].id : -found[i].id;
    }
    return OK;
}

/* Adds the unknown, each with the first name of the page; gives rows their ids; names the nameless.
 */
static enum err product_fill(struct ctx *c, struct page *page)
{
    struct q_product_add_in *adds =
        arena_new_array(page->arena, struct q_product_add_in, (size_t)page->count + 1);
    struct q_product_name_in *names =
        arena_new_array(page->arena, struct q_product_name_in, (size_t)page->count + 1);
    int64_t add_count = 0, name_count = 0;

    for (struct order_row *row = page->rows; row < page->rows + page->count; row++) {
        int64_t *slot;

        if (row->code != NULL)
            continue;
        slot = product_slot(page, row->product_code);
        if (*slot == 0) {
            *slot = -ctx_id(c);
            adds[add_count++] = (struct q_product_add_in){-*slot, row->product_code, S("")};
        }
        if (*slot < 0 && row->product_name.len > 0) {
            *slot = -*slot;
            names[name_count++] = (struct q_product_name_in){row->product_name, *slot};
        }
        row->product_id = *slot < 0 ? -*slot : *slot;
    }
    if (add_count > 0)
        TRY(q_product_add(c, adds, add_count, NULL));
    return name_count > 0 ? q_product_name(c, names, name_count, NULL) : OK;
}

enum err product_resolve(struct ctx *c, struct page *page)
{
    struct q_product_find_in *asked =
        arena_new_array(page->arena, struct q_product_find_in, (size_t)page->count + 1);
    int64_t count = 0;

    TRY(product_slots(c, page, asked, &count));
    if (count > 0)
        TRY(product_find(c, page, asked, count));
    return product_fill(c, page);
}
