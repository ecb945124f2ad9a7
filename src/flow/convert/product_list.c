/* What products are called: analyses and preferences count codes, people read names. */
#include "base/json.h"
#include "flow/convert/order_private.h"

#define CODE_MAX 100
#define CODES_CHARS_MAX 4000

struct products_in {
    struct str codes;
};
struct product_named {
    struct str code, name;
};
struct products_out {
    struct list items;
};
static const struct field products_in[] = {
    IN(struct products_in, codes, .min = 2, .max = CODES_CHARS_MAX,
       .about = "a JSON list of at most 100 codes"),
};
static const struct field product_named[] = {
    OUT(struct product_named, code),
    OUT(struct product_named, name),
};
static const struct field products_out[] = {
    OUT(struct products_out, items, .of = SHAPE(product_named), .max = CODE_MAX,
        .about = "those that have a name"),
};

static enum err codes_read(struct ctx *c, struct str text, struct q_product_find_in *asked,
                           int64_t *count)
{
    struct json list;
    bool is_good = json_parse(c->arena, text, &list, NULL) == OK && list.type == JSON_ARRAY &&
                   list.count <= CODE_MAX;

    *count = 0;
    for (uint32_t i = 0; is_good && i < list.count; i++) {
        is_good = list.items[i].type == JSON_STR;
        if (is_good)
            asked[(*count)++].code = list.items[i].text;
    }
    return is_good ? OK
                   : fail_at(c, "product.codes", S("codes"), "a JSON list of at most 100 codes");
}

static enum err products_run(struct ctx *c, const void *in_, void *out_)
{
    const struct products_in *in = in_;
    struct products_out *out = out_;
    struct q_product_find_in asked[CODE_MAX] = {0};
    struct q_product_find_row found[CODE_MAX] = {0};
    int64_t count, cap = 0;

    TRY(codes_read(c, in->codes, asked, &count));
    if (count > 0)
        TRY(q_product_find(c, asked, count, found));
    for (int64_t i = 0; i < count; i++)
        if (found[i].id != NONE && found[i].name.len > 0)
            *(struct product_named *)list_add(c->arena, &out->items, &cap,
                                              sizeof(struct product_named)) =
                (struct product_named){asked[i].code, found[i].name};
    return OK;
}

const struct route product_routes[] = {
    {HTTP_GET, "/api/products", "customer.read", SHAPE(products_in), SHAPE(products_out),
     products_run, .about = "The names of products, by their codes"},
    {.path = NULL},
};
