/* Tags in five families (渠道 身份 意向 活跃 消费), set by hand in this version. Always: a name
 * stands once in its family; a customer has a tag once, at most 200 of them. */
#include "gen/tag.q.h"
#include "manage/customer/customer_private.h"

#define FAMILIES "channel|identity|intent|activity|spending"
#define NAME_CHARS_MAX 30

struct tag_list_out {
    struct list items;
};
static const struct field tag_item[] = {
    OUT(struct q_tag_list_row, id),
    OUT(struct q_tag_list_row, family, .one_of = FAMILIES),
    OUT(struct q_tag_list_row, name),
    OUT(struct q_tag_list_row, color),
    OUT(struct q_tag_list_row, customer_count),
};
static const struct field tag_list_out[] = {
    OUT(struct tag_list_out, items, .of = SHAPE_OF("tag_item", tag_item, struct q_tag_list_row)),
};

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct tag_list_out *out = out_;

    (void)in;
    return q_tag_list(c, &out->items);
}

/* ---- add and edit ---------------------------------------------------------------------------- */

struct tag_add_in {
    struct str family, name, color;
};
struct tag_add_out {
    int64_t id;
};
static const struct field tag_add_in[] = {
    IN(struct tag_add_in, family, .one_of = FAMILIES),
    IN(struct tag_add_in, name, .min = 1, .max = NAME_CHARS_MAX),
    IN(struct tag_add_in, color, .min = 7, .max = 7, .about = "#2563eb"),
};
static const struct field tag_add_out[] = {OUT(struct tag_add_out, id)};

static enum err words_check(struct ctx *c, struct str name, struct str color)
{
    struct str bytes;

    if (str_trim(name).len == 0)
        return fail_at(c, "tag.name", S("name"), "a name is needed");
    if (color.at[0] != '#' || color.len != 7 ||
        !str_unhex(c->arena, str_sub(color, 1, color.len), &bytes))
        return fail_at(c, "tag.color", S("color"), "a colour is needed, as #2563eb");
    return OK;
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct tag_add_in *in = in_;
    struct tag_add_out *out = out_;
    int64_t changed_count;

    TRY(words_check(c, in->name, in->color));
    out->id = ctx_id(c);
    TRY(q_tag_add(c, &(struct q_tag_add_in){out->id, in->family, str_trim(in->name), in->color},
                  &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "tag.exists", "the family has this tag, or there are too many");
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

struct tag_edit_in {
    int64_t tag_id;
    struct str name, color;
};
static const struct field tag_edit_in[] = {
    IN(struct tag_edit_in, tag_id),
    IN(struct tag_edit_in, name, .min = 1, .max = NAME_CHARS_MAX),
    IN(struct tag_edit_in, color, .min = 7, .max = 7),
};

static enum err tag_read(struct ctx *c, int64_t tag_id)
{
    struct q_tag_get_row row;
    enum err err = q_tag_get(c, tag_id, &row);

    return err == E_NOT_FOUND ? fail(c, err, "tag.unknown", "no such tag") : err;
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct tag_edit_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(words_check(c, in->name, in->color));
    TRY(tag_read(c, in->tag_id));
    TRY(q_tag_edit(c, str_trim(in->name), in->color, in->tag_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "tag.exists", "the family has this tag already");
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

/* ---- on a customer --------------------------------------------------------------------------- */

struct tag_set_in {
    int64_t customer_id, tag_id;
    bool is_on;
};
static const struct field tag_set_in[] = {
    IN(struct tag_set_in, customer_id),
    IN(struct tag_set_in, tag_id),
    IN(struct tag_set_in, is_on),
};

static enum err set_emit(struct ctx *c, const struct tag_set_in *in, int64_t person_id)
{
    struct event event;

    event_init(&event, c, in->is_on ? "tag_added" : "tag_removed");
    event.customer_id = person_id;
    event.subject_id = in->tag_id;
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, &event, 1);
}

static enum err set_run(struct ctx *c, const void *in_, void *out)
{
    const struct tag_set_in *in = in_;
    struct q_customer_tag_find_row now;
    int64_t changed_count, person_id;

    (void)out;
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_customer_tag_find(c, in->tag_id, person_id, &now));
    TRY(tag_read(c, in->tag_id));
    if (in->is_on)
        TRY(q_customer_tag_on(c, person_id, in->tag_id, &changed_count));
    else
        TRY(q_customer_tag_off(c, person_id, in->tag_id, &changed_count));
    if (changed_count > 0)
        return set_emit(c, in, person_id);
    if (in->is_on && now.tag_count == 0)
        return fail(c, E_CONFLICT, "tag.too_many", "this customer has 200 tags already");
    return OK;
}

const struct route tag_routes[] = {
    {HTTP_GET, "/api/tags", "customer.read", NULL, SHAPE(tag_list_out), list_run,
     .about = "All tags with how many have them"},
    {HTTP_POST, "/api/tags", "customer.write", SHAPE(tag_add_in), SHAPE(tag_add_out), add_run,
     .about = "A new tag"},
    {HTTP_POST, "/api/tags/{tag_id}/edit", "customer.write", SHAPE(tag_edit_in), NULL, edit_run,
     .about = "Rename or colour a tag"},
    {HTTP_POST, "/api/customers/{customer_id}/tags", "customer.write", SHAPE(tag_set_in), NULL,
     set_run, .about = "Put a tag on a customer or take it off"},
    {.path = NULL},
};
