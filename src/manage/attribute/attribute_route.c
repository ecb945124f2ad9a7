/* The page of attribute definitions: list, add, edit, order. Always: a name and a kind never
 * change, and a choice that was offered once stays, because customers may have it. */
#include "base/json.h"
#include "base/utf8.h"
#include "gen/attribute.q.h"
#include "kit/audit.h"
#include "manage/attribute/attribute.h"

#define KINDS "text|integer|money|date|choice|choices"
#define NAME_CHARS_MAX 40
#define CHOICES_MAX 100
#define CHOICE_CHARS_MAX 40
#define CHOICES_BYTES_MAX 20000
#define ATTRIBUTE_MAX 200

struct attribute_list {
    struct list items;
};
static const struct field attribute_item[] = {
    OUT(struct q_attribute_all_row, id),
    OUT(struct q_attribute_all_row, name),
    OUT(struct q_attribute_all_row, title),
    OUT(struct q_attribute_all_row, kind, .one_of = KINDS),
    OUT(struct q_attribute_all_row, choices, .is_json = true, .about = "list of texts"),
    OUT(struct q_attribute_all_row, is_archived),
};
static const struct field attribute_list[] = {
    OUT(struct attribute_list, items,
        .of = SHAPE_OF("attribute_item", attribute_item, struct q_attribute_all_row)),
};

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct attribute_list *out = out_;

    (void)in;
    return q_attribute_all(c, &out->items);
}

/* ---- checking -------------------------------------------------------------------------------- */

static enum err choices_fault(struct ctx *c, const char *words)
{
    return fail_at(c, "attribute.choices", S("choices"), "%s", words);
}

static enum err choice_check(struct ctx *c, const struct json *list, uint32_t at)
{
    const struct json *item = &list->items[at];

    if (item->type != JSON_STR || str_trim(item->text).len == 0 ||
        str_trim(item->text).len != item->text.len || utf8_count(item->text) > CHOICE_CHARS_MAX)
        return choices_fault(c, "each choice is a text of 1 to 40 characters");
    for (uint32_t i = 0; i < at; i++)
        if (str_eq(list->items[i].text, item->text))
            return choices_fault(c, "two choices are the same");
    return OK;
}

/* *out: the list as it is kept; "[]" for kinds without choices. */
static enum err choices_check(struct ctx *c, struct str kind, struct str given, struct str *out)
{
    bool has_choices = str_is(kind, "choice") || str_is(kind, "choices");
    struct json list;

    *out = S("[]");
    if (!has_choices)
        return OK;
    if (given.at == NULL || json_parse(c->arena, given, &list, NULL) != OK ||
        list.type != JSON_ARRAY || list.count == 0 || list.count > CHOICES_MAX)
        return choices_fault(c, "a list of 1 to 100 choices is needed");
    for (uint32_t i = 0; i < list.count; i++)
        TRY(choice_check(c, &list, i));
    *out = list.raw;
    return OK;
}

static bool has_text(const struct json *list, struct str text)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i].text, text))
            return true;
    return false;
}

static enum err choices_grow_check(struct ctx *c, struct str before, struct str after)
{
    struct json old, new;

    TRY(json_parse(c->arena, before, &old, NULL));
    TRY(json_parse(c->arena, after, &new, NULL));
    for (uint32_t i = 0; i < old.count; i++)
        if (!has_text(&new, old.items[i].text))
            return fail_at(c, "attribute.choices_gone", S("choices"),
                           "%.*s must stay: customers may have it", STR(old.items[i].text));
    return OK;
}

/* ---- changing -------------------------------------------------------------------------------- */

struct attribute_in {
    int64_t attribute_id;
    struct str name, title, kind, choices;
    bool is_archived;
};
struct attribute_out {
    int64_t id;
};
static const struct field attribute_add_in[] = {
    IN(struct attribute_in, name, .min = 1, .max = NAME_CHARS_MAX,
       .about = "as files head the column; never changes"),
    IN(struct attribute_in, title, .min = 1, .max = NAME_CHARS_MAX),
    IN(struct attribute_in, kind, .one_of = KINDS),
    IN(struct attribute_in, choices, .is_json = true, .is_optional = true,
       .max = CHOICES_BYTES_MAX),
};
static const struct field attribute_out[] = {OUT(struct attribute_out, id)};
static const struct field attribute_edit_in[] = {
    IN(struct attribute_in, attribute_id),
    IN(struct attribute_in, title, .min = 1, .max = NAME_CHARS_MAX),
    IN(struct attribute_in, choices, .is_json = true, .is_optional = true, .max = CHOICES_BYTES_MAX,
       .about = "all of them: the old ones and new ones"),
    IN(struct attribute_in, is_archived),
};

static enum err word_check(struct ctx *c, const char *field, struct str word)
{
    if (str_trim(word).len == 0)
        return fail_at(c, "attribute.name", str_of(field), "a %s is needed", field);
    return OK;
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct attribute_in *in = in_;
    struct attribute_out *out = out_;
    struct str choices;
    int64_t changed_count;

    TRY(word_check(c, "name", in->name));
    TRY(word_check(c, "title", in->title));
    TRY(choices_check(c, in->kind, in->choices, &choices));
    out->id = ctx_id(c);
    TRY(q_attribute_add(c,
                        &(struct q_attribute_add_in){out->id, str_trim(in->name),
                                                     str_trim(in->title), in->kind, choices},
                        &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "attribute.exists",
                    "there is an attribute of this name, or there are 200 already");
    audit_about(c, "attribute", out->id);
    c->topics |= LIVE_CUSTOMERS | LIVE_SETTINGS;
    return OK;
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct attribute_in *in = in_;
    struct q_attribute_get_row now;
    struct str choices;
    int64_t changed_count;
    enum err err;

    (void)out;
    TRY(word_check(c, "title", in->title));
    err = q_attribute_get(c, in->attribute_id, &now);
    if (err == E_NOT_FOUND)
        return fail(c, err, "attribute.missing", "no such attribute");
    TRY(err);
    TRY(choices_check(c, now.kind, in->choices.at ? in->choices : now.choices, &choices));
    TRY(choices_grow_check(c, now.choices, choices));
    TRY(q_attribute_edit(c,
                         &(struct q_attribute_edit_in){str_trim(in->title), choices,
                                                       in->is_archived, in->attribute_id},
                         &changed_count));
    must(changed_count == 1);
    c->topics |= LIVE_CUSTOMERS | LIVE_SETTINGS;
    return OK;
}

struct attribute_place {
    int64_t id;
};
struct attribute_order_in {
    struct list items;
};
static const struct field attribute_place[] = {IN(struct attribute_place, id)};
static const struct field attribute_order_in[] = {
    IN(struct attribute_order_in, items, .min = 1, .max = ATTRIBUTE_MAX,
       .of = SHAPE(attribute_place), .about = "in their new order"),
};

static enum err order_run(struct ctx *c, const void *in_, void *out)
{
    const struct attribute_order_in *in = in_;
    const struct attribute_place *item = in->items.at;
    struct q_attribute_place_in *places =
        arena_new_array(c->arena, struct q_attribute_place_in, (size_t)in->items.count);

    (void)out;
    for (int64_t i = 0; i < in->items.count; i++)
        places[i] =
            (struct q_attribute_place_in){.place_number = i + 1, .attribute_id = item[i].id};
    c->topics |= LIVE_CUSTOMERS | LIVE_SETTINGS;
    return q_attribute_place(c, places, in->items.count, NULL);
}

const struct route attribute_routes[] = {
    {HTTP_GET, "/api/attributes", "customer.read", NULL, SHAPE(attribute_list), list_run,
     .about = "What the brand records of customers besides, in its order"},
    {HTTP_POST, "/api/attributes", "setting.write",
     SHAPE_OF("attribute_add_in", attribute_add_in, struct attribute_in), SHAPE(attribute_out),
     add_run, .about = "Define an attribute", .needs_all = true},
    {HTTP_POST, "/api/attributes/{attribute_id}/edit", "setting.write",
     SHAPE_OF("attribute_edit_in", attribute_edit_in, struct attribute_in), NULL, edit_run,
     .about = "Its title, more choices, archive", .needs_all = true},
    {HTTP_POST, "/api/attributes/order", "setting.write", SHAPE(attribute_order_in), NULL,
     order_run, .about = "The order on pages", .needs_all = true},
    {.path = NULL},
};
