/* GET /api/customers/names: what many customers are called, in one read, for pages that know their
 * ids. Always: whoever is out of reach, gone or unknown is left out, all alike. */
#include "gen/customer_list.q.h"
#include "manage/customer/customer.h"
#include "manage/customer/mask.h"

#define NAMES_MAX 200
#define TEXT_MAX (NAMES_MAX * 20) /* an id has at most 19 digits */

struct customer_names_in {
    struct str ids;
};
struct customer_names_out {
    struct list items;
};
struct customer_called {
    int64_t id;
    struct str name;
};
static const struct field customer_names_in[] = {
    IN(struct customer_names_in, ids, .max = TEXT_MAX, .about = "up to 200, with commas"),
};
static const struct field customer_called[] = {
    OUT(struct customer_called, id, .about = "as it was asked for; perhaps merged since"),
    OUT(struct customer_called, name, .is_optional = true),
};
static const struct field customer_names_out[] = {
    OUT(struct customer_names_out, items, .of = SHAPE(customer_called),
        .about = "without those out of reach"),
};

static enum err ids_read(struct ctx *c, struct str text, struct q_customer_name_in *keys,
                         int64_t *count)
{
    bool is_more = true;
    struct str part;

    *count = 0;
    while (is_more) {
        is_more = str_cut(text, ',', &part, &text);
        if (*count == NAMES_MAX)
            return fail_at(c, "input.range", S("ids"), "at most %d", NAMES_MAX);
        if (!str_to_int(part, &keys[(*count)++].customer_id))
            return fail_at(c, "input.type", S("ids"), "ids with commas between them");
    }
    return OK;
}

static enum err names_run(struct ctx *c, const void *in_, void *out_)
{
    const struct customer_names_in *in = in_;
    struct customer_names_out *out = out_;
    struct q_customer_name_in *keys =
        arena_new_array(c->arena, struct q_customer_name_in, NAMES_MAX);
    struct q_customer_name_row *rows =
        arena_new_array(c->arena, struct q_customer_name_row, NAMES_MAX);
    struct customer_called *items = arena_new_array(c->arena, struct customer_called, NAMES_MAX);
    int64_t count;

    TRY(ids_read(c, in->ids, keys, &count));
    TRY(q_customer_name(c, keys, count, rows));
    *out = (struct customer_names_out){{items, 0}};
    for (int64_t i = 0; i < count; i++) {
        struct customer_called *item = &items[out->items.count];

        if (rows[i].person_id == NONE)
            continue;
        item->id = keys[i].customer_id;
        TRY(ctx_unseal(c, rows[i].name_enc, "customer", rows[i].person_id, &item->name));
        item->name = mask_name_for(c, item->name);
        out->items.count++;
    }
    return OK;
}

const struct route customer_names_routes[] = {
    {HTTP_GET, "/api/customers/names", "customer.read", SHAPE(customer_names_in),
     SHAPE(customer_names_out), names_run, .about = "What many customers are called"},
    {.path = NULL},
};
