/* Reading by field tables: JSON or text into a struct, every rule checked, every fault named by its
 * path. */
#include "base/utf8.h"
#include "kit/ctx.h"
#include "kit/field.h"

#define TEXT_MAX 200
#define ITEMS_MAX 1000

/* Where we are: "lines/0/price_fen" is the chain of three of these. */
struct place {
    const struct place *parent;
    const char *name; /* NULL: the index */
    uint32_t index;
};

static struct str place_text(struct ctx *c, const struct place *place)
{
    struct str text = {"", 0};

    for (; place; place = place->parent) {
        const char *slash = text.len ? "/" : "";
        if (place->name)
            text = str_fmt(c->arena, "%s%s%.*s", place->name, slash, STR(text));
        else
            text = str_fmt(c->arena, "%u%s%.*s", place->index, slash, STR(text));
    }
    return text;
}

bool field_is_id(const struct field *field)
{
    struct str name = str_of(field->name);

    return field->type == F_INT && (str_is(name, "id") || str_ends(name, S("_id")));
}

const struct field *field_find(const struct shape *shape, struct str name)
{
    for (size_t i = 0; i < shape->count; i++)
        if (str_is(name, shape->fields[i].name))
            return &shape->fields[i];
    return NULL;
}

void field_clear(const struct shape *shape, void *out)
{
    memset(out, 0, shape->bytes);
    for (size_t i = 0; i < shape->count; i++)
        if (shape->fields[i].type == F_INT)
            *(int64_t *)((char *)out + shape->fields[i].offset) = NONE;
}

static bool is_one_of(struct str text, const char *choices)
{
    struct str rest = str_of(choices), head;
    bool is_more;

    do {
        is_more = str_cut(rest, '|', &head, &rest);
        if (str_eq(head, text))
            return true;
    } while (is_more);
    return false;
}

static enum err text_check(struct ctx *c, const struct field *field, const struct place *place,
                           struct str text)
{
    int64_t max = field->max ? field->max : TEXT_MAX;
    int64_t length = (int64_t)utf8_count(text);

    if (length > max || length < field->min)
        return fail_at(c, "input.length", place_text(c, place),
                       "%s needs %" PRId64 " to %" PRId64 " characters", field->name, field->min,
                       max);
    if (field->one_of && !is_one_of(text, field->one_of))
        return fail_at(c, "input.choice", place_text(c, place), "%s must be one of %s", field->name,
                       field->one_of);
    return OK;
}

static enum err int_check(struct ctx *c, const struct field *field, const struct place *place,
                          int64_t value)
{
    bool is_bounded = field->min != 0 || field->max != 0;

    if (value == NONE || (is_bounded && (value < field->min || value > field->max)))
        return fail_at(c, "input.range", place_text(c, place),
                       "%s must be from %" PRId64 " to %" PRId64, field->name, field->min,
                       field->max);
    return OK;
}

static enum err type_fault(struct ctx *c, const struct field *field, const struct place *place)
{
    static const char *const names[] = {"an integer", "true or false", "text", "a list",
                                        "an object"};

    return fail_at(c, "input.type", place_text(c, place), "%s must be %s", field->name,
                   field_is_id(field) ? "an id (text of digits)" : names[field->type]);
}

static enum err int_read(struct ctx *c, const struct field *field, const struct place *place,
                         const struct json *value, int64_t *out)
{
    if (field_is_id(field) && value->type == JSON_STR) {
        if (!str_to_int(value->text, out))
            return type_fault(c, field, place);
    } else if (value->type == JSON_INT) {
        *out = value->integer;
    } else {
        return type_fault(c, field, place);
    }
    return int_check(c, field, place, *out);
}

static enum err shape_read(struct ctx *c, const struct shape *shape, const struct place *place,
                           const struct json *value, void *out);

static enum err list_read(struct ctx *c, const struct field *field, const struct place *place,
                          const struct json *value, struct list *out)
{
    int64_t max = field->max ? field->max : ITEMS_MAX;

    if (value->type != JSON_ARRAY)
        return type_fault(c, field, place);
    if (value->count > max || value->count < field->min)
        return fail_at(c, "input.length", place_text(c, place),
                       "%s needs %" PRId64 " to %" PRId64 " items", field->name, field->min, max);
    out->count = value->count;
    out->at = arena_array(c->arena, value->count + 1, field->of->bytes);
    for (uint32_t i = 0; i < value->count; i++) {
        struct place here = {place, NULL, i};
        TRY(shape_read(c, field->of, &here, &value->items[i],
                       (char *)out->at + i * field->of->bytes));
    }
    return OK;
}

static enum err str_read(struct ctx *c, const struct field *field, const struct place *place,
                         const struct json *value, struct str *out)
{
    if (field->is_json) {
        *out = value->raw;
        return text_check(c, field, place, *out);
    }
    if (value->type != JSON_STR)
        return type_fault(c, field, place);
    *out = value->text;
    return text_check(c, field, place, *out);
}

static enum err value_read(struct ctx *c, const struct field *field, const struct place *place,
                           const struct json *value, void *at)
{
    switch (field->type) {
    case F_INT:
        return int_read(c, field, place, value, at);
    case F_BOOL:
        if (value->type != JSON_BOOL)
            return type_fault(c, field, place);
        *(bool *)at = value->is_true;
        if (field->given)
            *(bool *)((char *)at - field->offset + field->given) = true;
        return OK;
    case F_STR:
        return str_read(c, field, place, value, at);
    case F_LIST:
        return list_read(c, field, place, value, at);
    case F_OBJECT:
        return shape_read(c, field->of, place, value, at);
    }
    must(false);
    return E_INTERNAL;
}

static enum err member_read(struct ctx *c, const struct shape *shape, const struct place *place,
                            const struct json_member *member, void *out)
{
    const struct field *field = field_find(shape, member->name);
    struct place here = {place, NULL, 0};

    if (field == NULL) {
        here.name = str_cstr(c->arena, utf8_head(member->name, 60));
        return fail_at(c, "input.unknown", place_text(c, &here), "no such field");
    }
    here.name = field->name;
    if (member->value.type == JSON_NULL && field->is_optional)
        return OK;
    return value_read(c, field, &here, &member->value, (char *)out + field->offset);
}

/* On the top shape this waits for the path's parts: field_check_given. A required bool of it must
 * be given here. */
static enum err required_check(struct ctx *c, const struct shape *shape, const struct place *place,
                               const struct json *value)
{
    for (size_t i = 0; i < shape->count; i++) {
        struct place here = {place, shape->fields[i].name, 0};
        if (shape->fields[i].is_optional || json_get(value, shape->fields[i].name))
            continue;
        if (place || shape->fields[i].type == F_BOOL)
            return fail_at(c, "input.required", place_text(c, &here), "%s is required",
                           shape->fields[i].name);
    }
    return OK;
}

static enum err shape_read(struct ctx *c, const struct shape *shape, const struct place *place,
                           const struct json *value, void *out)
{
    if (value->type != JSON_OBJECT)
        return fail_at(c, "input.type", place_text(c, place), "an object is needed here");
    field_clear(shape, out);
    for (uint32_t i = 0; i < value->count; i++)
        TRY(member_read(c, shape, place, &value->members[i], out));
    return required_check(c, shape, place, value);
}

enum err field_read(struct ctx *c, const struct shape *shape, const struct json *value, void *out)
{
    return shape_read(c, shape, NULL, value, out);
}

enum err field_read_text(struct ctx *c, const struct field *field, struct str text, void *out)
{
    struct place here = {NULL, field->name, 0};
    void *at = (char *)out + field->offset;

    switch (field->type) {
    case F_INT:
        if (!str_to_int(text, at))
            return type_fault(c, field, &here);
        return int_check(c, field, &here, *(int64_t *)at);
    case F_BOOL:
        *(bool *)at = str_is(text, "true") || str_is(text, "1");
        if (field->given)
            *(bool *)((char *)out + field->given) = true;
        return *(bool *)at || str_is(text, "false") || str_is(text, "0")
                   ? OK
                   : type_fault(c, field, &here);
    case F_STR:
        *(struct str *)at = text;
        return text_check(c, field, &here, text);
    default:
        return type_fault(c, field, &here);
    }
}

static bool is_given(const struct field *field, const void *in)
{
    const void *at = (const char *)in + field->offset;

    switch (field->type) {
    case F_INT:
        return *(const int64_t *)at != NONE;
    case F_STR:
        return ((const struct str *)at)->at != NULL;
    case F_LIST:
        return ((const struct list *)at)->at != NULL;
    default:
        return true;
    }
}

enum err field_check_given(struct ctx *c, const struct shape *shape, const void *in)
{
    for (size_t i = 0; i < shape->count; i++)
        if (!shape->fields[i].is_optional && !is_given(&shape->fields[i], in))
            return fail_at(c, "input.required", str_of(shape->fields[i].name), "%s is required",
                           shape->fields[i].name);
    return OK;
}
