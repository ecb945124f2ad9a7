/* The plays this program has, their rules as forms, and the reading of rules. */
#include "play/play_private.h"

const struct play *play_find(const struct app *app, struct str kind)
{
    for (const struct play *const *play = app_config(app)->plays; play && *play; play++)
        if (str_is(kind, (*play)->kind))
            return *play;
    return NULL;
}

const struct granter *play_granter(const struct app *app, struct str kind)
{
    for (const struct granter *const *row = app_config(app)->granters; row && *row; row++)
        if (str_is(kind, (*row)->kind))
            return *row;
    return NULL;
}

enum ledger_unit play_unit(struct str name)
{
    enum ledger_unit unit = 0;

    while (unit < UNIT_COUNT && !str_is(name, ledger_unit_names[unit]))
        unit++;
    return unit;
}

enum err play_rules_read(struct ctx *c, const struct play *play, struct str json,
                         const void **rules)
{
    void *out = arena_alloc(c->arena, play->rules->bytes);
    struct json value;
    enum err err;

    if (json_parse(c->arena, json, &value, NULL) != OK || value.type != JSON_OBJECT)
        return fail_at(c, "input.type", S("rules"), "rules are a JSON object");
    err = field_read(c, play->rules, &value, out);
    if (err == OK)
        err = field_check_given(c, play->rules, out);
    if (err == E_INPUT)
        c->fault.path = str_fmt(c->arena, "rules/%.*s", STR(c->fault.path));
    *rules = out;
    return err;
}

/* ---- GET /api/plays -------------------------------------------------------------------------- */

struct play_field {
    struct str name, title_zh, title_en, type, favour, one_of, about;
    bool is_optional;
    int64_t least_number, most_number;
};
static const struct field play_field[] = {
    OUT(struct play_field, name),
    OUT(struct play_field, title_zh),
    OUT(struct play_field, title_en),
    OUT(struct play_field, type, .one_of = "number|boolean|text|list|object"),
    OUT(struct play_field, favour, .one_of = "none|more|less|any",
        .about = "what may change once it runs: nothing, upwards, downwards, anything"),
    OUT(struct play_field, one_of, .is_optional = true, .max = 2000, .about = "choices, between |"),
    OUT(struct play_field, about, .is_optional = true, .max = 2000),
    OUT(struct play_field, is_optional),
    OUT(struct play_field, least_number, .is_optional = true, .about = "of a number, a length"),
    OUT(struct play_field, most_number, .is_optional = true),
};
struct play_item {
    struct str kind, title_zh, title_en;
    struct list fields;
};
static const struct field play_item[] = {
    OUT(struct play_item, kind),
    OUT(struct play_item, title_zh),
    OUT(struct play_item, title_en),
    OUT(struct play_item, fields, .of = SHAPE(play_field)),
};
struct play_list_out {
    struct list items;
};
static const struct field play_list_out[] = {
    OUT(struct play_list_out, items, .of = SHAPE(play_item)),
};

static struct play_field field_told(const struct play *play, const struct play_rule *rule)
{
    static const char *const types[] = {"number", "boolean", "text", "list", "object"};
    static const char *const favours[] = {"none", "more", "less", "any"};
    const struct field *field = field_find(play->rules, str_of(rule->name));
    bool is_bound;

    must(field != NULL);
    is_bound = field->min != 0 || field->max != 0;
    return (struct play_field){
        .name = str_of(rule->name),
        .title_zh = str_of(rule->title_zh),
        .title_en = str_of(rule->title_en),
        .type = str_of(types[field->type]),
        .favour = str_of(favours[rule->favour]),
        .one_of = str_of(field->one_of),
        .about = str_of(field->about),
        .is_optional = field->is_optional,
        .least_number = is_bound ? field->min : NONE,
        .most_number = is_bound && field->max ? field->max : NONE,
    };
}

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    const struct play *const *play = app_config(c->app)->plays;
    struct play_list_out *out = out_;
    int64_t cap = 0;

    (void)in;
    for (; play && *play; play++) {
        struct play_item *item = list_add(c->arena, &out->items, &cap, sizeof(struct play_item));
        int64_t field_cap = 0;

        *item = (struct play_item){.kind = str_of((*play)->kind),
                                   .title_zh = str_of((*play)->title_zh),
                                   .title_en = str_of((*play)->title_en)};
        for (const struct play_rule *rule = (*play)->favours; rule->name; rule++)
            *(struct play_field *)list_add(c->arena, &item->fields, &field_cap,
                                           sizeof(struct play_field)) = field_told(*play, rule);
    }
    return OK;
}

const struct route play_routes[] = {
    {HTTP_GET, "/api/plays", "campaign.read", NULL, SHAPE(play_list_out), list_run,
     .about = "The plays this program has, with the fields of their rules"},
    {.path = NULL},
};
