/* Products (商品) as they come with order lines: made by code at first sight. Always: a product's
 * name is the first non-empty one that came; a line that says another one keeps its own. */
#include "flow/convert/order_private.h"

#define PRODUCT_MAX 1000000 /* in one book */

/* Room for one more; the old array is left to the arena. */
static void product_make_room(struct order_book *book)
{
    int64_t room = book->product_room_count == 0 ? 1024 : book->product_room_count * 2;
    struct book_product *product;

    if (book->product_count < book->product_room_count)
        return;
    product = arena_new_array(book->arena, struct book_product, (size_t)room);
    if (book->product_count > 0)
        memcpy(product, book->product, (size_t)book->product_count * sizeof(product[0]));
    book->product = product;
    book->product_room_count = room;
}

static struct book_product *product_at(const struct order_book *book, struct str code)
{
    const int64_t *slot = map_find(book->products, code);

    must(slot != NULL);
    return &book->product[*slot - 1];
}

/* Codes this book has not met yet. */
static enum err product_meet(struct ctx *c, struct page *page, struct q_product_find_in *asked,
                             int64_t *count)
{
    struct order_book *book = page->book;

    for (struct order_row *row = page->rows; row < page->rows + page->count; row++) {
        bool is_new = false;
        int64_t *slot;

        if (row->code != NULL)
            continue;
        slot = map_slot(book->products, row->product_code, &is_new);
        if (!is_new)
            continue;
        if (book->product_count == PRODUCT_MAX)
            return fail(c, E_TOO_LARGE, "import.too_many_products",
                        "more than %d products in one file: import it in parts", PRODUCT_MAX);
        product_make_room(book);
        *slot = book->product_count + 1;
        book->product[book->product_count++] =
            (struct book_product){str_copy(book->arena, row->product_code), {NULL, 0}, NONE};
        asked[(*count)++].code = row->product_code;
    }
    return OK;
}

static enum err product_find(struct ctx *c, struct page *page,
                             const struct q_product_find_in *asked, int64_t count)
{
    struct q_product_find_row *found =
        arena_new_array(page->arena, struct q_product_find_row, (size_t)count);

    TRY(q_product_find(c, asked, count, found));
    for (int64_t i = 0; i < count; i++) {
        struct book_product *product = product_at(page->book, asked[i].code);

        product->id = found[i].id;
        product->name = str_copy(page->book->arena, found[i].name);
    }
    return OK;
}

/* The row's product, and the name the row gives it. */
static void product_take(struct order_row *row, const struct book_product *product)
{
    row->product_id = product->id;
    row->own_name = (struct str){NULL, 0};
    if (row->product_name.len > 0 && !str_eq(row->product_name, product->name))
        row->own_name = row->product_name;
}

/* Adds the unknown, names the nameless, gives rows their ids. */
static enum err product_fill(struct ctx *c, struct page *page)
{
    size_t room = (size_t)page->count + 1;
    struct q_product_add_in *adds = arena_new_array(page->arena, struct q_product_add_in, room);
    struct q_product_name_in *names = arena_new_array(page->arena, struct q_product_name_in, room);
    int64_t add_count = 0, name_count = 0;

    for (struct order_row *row = page->rows; row < page->rows + page->count; row++) {
        struct book_product *product;

        if (row->code != NULL)
            continue;
        product = product_at(page->book, row->product_code);
        if (product->id == NONE) {
            product->id = ctx_id(c);
            adds[add_count++] = (struct q_product_add_in){product->id, product->code, S("")};
        }
        if (product->name.len == 0 && row->product_name.len > 0) {
            product->name = str_copy(page->book->arena, row->product_name);
            names[name_count++] = (struct q_product_name_in){product->name, product->id};
        }
        product_take(row, product);
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

    TRY(product_meet(c, page, asked, &count));
    if (count > 0)
        TRY(product_find(c, page, asked, count));
    return product_fill(c, page);
}
