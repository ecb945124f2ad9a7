/* The values of attributes against their definitions. Always: what came through a route fits its
 * definition as it stood then; what a file brought under a name that is not defined is text. */
#include "manage/attribute/attribute.h"

#include "base/json.h"
#include "base/time.h"
#include "base/utf8.h"
#include "gen/attribute.q.h"
#include "manage/setting/setting.h"

#define NUMBER_MAX INT64_C(1000000000000000)
#define TEXT_CHARS_MAX 200
#define CHOSEN_MAX 50

/* ---- definitions ----------------------------------------------------------------------------- */

static enum err choices_open(struct ctx *c, struct attribute *attribute)
{
    struct json *list = arena_new_one(c->arena, struct json);

    TRY(json_parse(c->arena, attribute->choices, list, NULL));
    must(list->type == JSON_ARRAY);
    attribute->choice_list = list;
    return OK;
}

enum err attributes_load(struct ctx *c, struct attributes *all)
{
    const struct q_attribute_all_row *row;
    struct str currency;
    struct list rows;

    TRY(q_attribute_all(c, &rows));
    row = rows.at;
    *all = (struct attributes){
        .items = arena_new_array(c->arena, struct attribute, (size_t)rows.count + 1),
        .count = rows.count};
    for (int64_t i = 0; i < rows.count; i++) {
        all->items[i] = (struct attribute){.id = row[i].id,
                                           .place_number = row[i].place_number,
                                           .name = row[i].name,
                                           .title = row[i].title,
                                           .kind = row[i].kind,
                                           .choices = row[i].choices,
                                           .is_archived = row[i].is_archived};
        TRY(choices_open(c, &all->items[i]));
        if (str_is(row[i].kind, "money") && all->minor_digits == 0)
            TRY(setting_currency(c, &currency, &all->minor_digits));
    }
    return OK;
}

const struct attribute *attribute_find(const struct attributes *all, struct str name)
{
    for (int64_t i = 0; i < all->count; i++)
        if (str_eq(all->items[i].name, name))
            return &all->items[i];
    return NULL;
}

/* ---- one value ------------------------------------------------------------------------------- */

static bool is_choice(const struct attribute *attribute, struct str text)
{
    for (uint32_t i = 0; i < attribute->choice_list->count; i++)
        if (str_eq(attribute->choice_list->items[i].text, text))
            return true;
    return false;
}

static bool is_date(struct ctx *c, struct str text)
{
    int64_t at_ms;

    return text.len == 10 && time_parse(NULL, text, &at_ms) == OK &&
           str_eq(day_iso(c->arena, at_ms / DAY_MS), text);
}

static bool are_choices(const struct attribute *attribute, const struct json *value)
{
    if (value->type != JSON_ARRAY || value->count == 0 || value->count > CHOSEN_MAX)
        return false;
    for (uint32_t i = 0; i < value->count; i++) {
        if (value->items[i].type != JSON_STR || !is_choice(attribute, value->items[i].text))
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (str_eq(value->items[i].text, value->items[j].text))
                return false;
    }
    return true;
}

bool attribute_is_good(struct ctx *c, const struct attribute *attribute, const struct json *value)
{
    if (str_is(attribute->kind, "integer"))
        return value->type == JSON_INT && value->integer >= -NUMBER_MAX &&
               value->integer <= NUMBER_MAX;
    if (str_is(attribute->kind, "money"))
        return value->type == JSON_INT && value->integer >= 0 && value->integer <= NUMBER_MAX;
    if (str_is(attribute->kind, "choices"))
        return are_choices(attribute, value);
    if (value->type != JSON_STR || value->text.len == 0)
        return false;
    if (str_is(attribute->kind, "date"))
        return is_date(c, value->text);
    if (str_is(attribute->kind, "choice"))
        return is_choice(attribute, value->text);
    return utf8_count(value->text) <= TEXT_CHARS_MAX;
}

static enum err value_refuse(struct ctx *c, const struct attribute *attribute)
{
    return fail_at(c, "attribute.value", str_fmt(c->arena, "attributes/%.*s", STR(attribute->name)),
                   "%.*s: this is no %.*s it may have", STR(attribute->title),
                   STR(attribute->kind));
}

/* ---- objects --------------------------------------------------------------------------------- */

enum err attributes_check(struct ctx *c, struct str attributes)
{
    struct json json;

    if (attributes.at == NULL)
        return OK;
    if (attributes.len > ATTRIBUTES_BYTES_MAX)
        return fail_at(c, "customer.attributes", S("attributes"), "more than %d bytes",
                       ATTRIBUTES_BYTES_MAX);
    if (json_parse(c->arena, attributes, &json, NULL) != OK || json.type != JSON_OBJECT)
        return fail_at(c, "customer.attributes", S("attributes"), "a JSON object is needed");
    return OK;
}

static enum err object_open(struct ctx *c, struct str text, struct json *out)
{
    *out = (struct json){.type = JSON_OBJECT};
    if (text.at == NULL)
        return OK;
    TRY(attributes_check(c, text));
    return json_parse(c->arena, text, out, NULL);
}

static const struct json *member_of(const struct json *object, struct str name)
{
    for (uint32_t i = 0; i < object->count; i++)
        if (str_eq(object->members[i].name, name))
            return &object->members[i].value;
    return NULL;
}

static void member_write(struct ctx *c, struct json_out *json, struct str name,
                         const struct json *value)
{
    if (value->type == JSON_NULL)
        return;
    json_name(json, str_cstr(c->arena, name));
    json_raw(json, value->raw);
}

/* What stands there in its order, with what is given in its place; new ones last. */
static enum err objects_join(struct ctx *c, const struct json *stored, const struct json *given,
                             struct str *out)
{
    struct json_out json;
    struct buf buf;
    bool is_long;

    buf_init(&buf, 2 * ATTRIBUTES_BYTES_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    for (uint32_t i = 0; i < stored->count; i++) {
        const struct json *next = member_of(given, stored->members[i].name);
        member_write(c, &json, stored->members[i].name, next ? next : &stored->members[i].value);
    }
    for (uint32_t i = 0; i < given->count; i++)
        if (member_of(stored, given->members[i].name) == NULL)
            member_write(c, &json, given->members[i].name, &given->members[i].value);
    json_object_end(&json);
    is_long = buf.is_full || buf.len > ATTRIBUTES_BYTES_MAX;
    *out = is_long ? (struct str){0} : str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    if (is_long)
        return fail_at(c, "customer.attributes", S("attributes"), "more than %d bytes together",
                       ATTRIBUTES_BYTES_MAX);
    return OK;
}

enum err attributes_join(struct ctx *c, struct str stored, struct str given, struct str *out)
{
    struct json before, after;

    TRY(object_open(c, stored, &before));
    TRY(object_open(c, given, &after));
    return objects_join(c, &before, &after, out);
}

static enum err member_check(struct ctx *c, const struct attributes *all,
                             const struct json_member *member)
{
    const struct attribute *attribute = attribute_find(all, member->name);
    struct str path = str_fmt(c->arena, "attributes/%.*s", STR(utf8_head(member->name, 60)));

    if (member->value.type == JSON_NULL)
        return OK;
    if (attribute == NULL)
        return fail_at(c, "attribute.unknown", path, "the brand has defined no such attribute");
    if (attribute->is_archived)
        return fail_at(c, "attribute.archived", path, "%.*s is archived", STR(attribute->title));
    return attribute_is_good(c, attribute, &member->value) ? OK : value_refuse(c, attribute);
}

enum err attributes_patch(struct ctx *c, const struct attributes *all, struct str stored,
                          struct str given, struct str *out)
{
    struct json before, after;

    TRY(object_open(c, stored, &before));
    TRY(object_open(c, given, &after));
    for (uint32_t i = 0; i < after.count; i++)
        TRY(member_check(c, all, &after.members[i]));
    return objects_join(c, &before, &after, out);
}

/* ---- texts from files ------------------------------------------------------------------------ */

static const struct attribute *heading_find(const struct attributes *all, struct str heading)
{
    const struct attribute *attribute = attribute_find(all, heading);

    for (int64_t i = 0; attribute == NULL && i < all->count; i++)
        if (str_eq(all->items[i].title, heading))
            attribute = &all->items[i];
    return attribute;
}

/* "1,280.5" with two digits of the minor unit: 128050. */
static bool money_read(struct ctx *c, struct str text, int64_t minor_digits, int64_t *out)
{
    char *digits = arena_alloc(c->arena, text.len + 8);
    int64_t past = NONE; /* digits behind the point */
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '.' && past == NONE) {
            past = 0;
            continue;
        }
        if (text.at[i] == ',' && past == NONE && i > 0)
            continue;
        if (text.at[i] < '0' || text.at[i] > '9' || (past != NONE && past++ == minor_digits))
            return false;
        digits[len++] = text.at[i];
    }
    for (int64_t i = past == NONE ? 0 : past; i < minor_digits; i++)
        digits[len++] = '0';
    return text.len > 0 && text.at[0] != '.' && str_to_int((struct str){digits, len}, out);
}

static const struct json *text_json(struct ctx *c, struct str raw)
{
    struct json *value = arena_new_one(c->arena, struct json);

    return json_parse(c->arena, raw, value, NULL) == OK ? value : NULL;
}

static struct str quoted(struct ctx *c, struct str text)
{
    struct json_out json;
    struct buf buf;
    struct str out;

    buf_init(&buf, 8 * ATTRIBUTES_BYTES_MAX);
    json_out_init(&json, &buf);
    json_str(&json, text);
    out = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return out;
}

static size_t separator_len(struct str rest)
{
    static const char *const marks[] = {",", ";", "|", "、", "，", "；"};

    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (str_starts(rest, str_of(marks[i])))
            return strlen(marks[i]);
    return 0;
}

static struct str choices_raw(struct ctx *c, struct str text)
{
    struct str out = S("["), rest = text;
    size_t from = 0, at = 0;
    int64_t count = 0;

    while (at <= rest.len) {
        size_t mark = at < rest.len ? separator_len(str_sub(rest, at, rest.len)) : 1;
        if (mark > 0) {
            struct str word = str_trim(str_sub(rest, from, at - from));
            if (word.len > 0)
                out = str_fmt(c->arena, "%.*s%s%.*s", STR(out), count++ ? "," : "",
                              STR(quoted(c, word)));
            from = at + mark;
        }
        at += mark > 0 ? mark : 1;
    }
    return str_fmt(c->arena, "%.*s]", STR(out));
}

static struct str value_raw(struct ctx *c, const struct attribute *attribute, struct str text,
                            int64_t minor_digits)
{
    int64_t number;

    if (str_is(attribute->kind, "integer") && str_to_int(text, &number))
        return str_fmt(c->arena, "%" PRId64, number);
    if (str_is(attribute->kind, "money") && money_read(c, text, minor_digits, &number))
        return str_fmt(c->arena, "%" PRId64, number);
    if (str_is(attribute->kind, "date") && time_parse(NULL, text, &number) == OK)
        return quoted(c, str_sub(time_iso(c->arena, number), 0, 10));
    if (str_is(attribute->kind, "choices"))
        return choices_raw(c, text);
    return quoted(c, text);
}

static enum err heading_read(struct ctx *c, const struct attributes *all,
                             const struct json_member *given, struct json_member *out)
{
    const struct attribute *attribute = heading_find(all, given->name);
    const struct json *value = &given->value;

    *out = *given;
    if (attribute == NULL || value->type == JSON_NULL)
        return OK;
    if (value->type == JSON_STR)
        value = text_json(c, value_raw(c, attribute, value->text, all->minor_digits));
    if (value == NULL || !attribute_is_good(c, attribute, value))
        return value_refuse(c, attribute);
    *out = (struct json_member){attribute->name, *value};
    return OK;
}

enum err attributes_read(struct ctx *c, const struct attributes *all, struct str given,
                         struct str *out)
{
    static const struct json nothing = {.type = JSON_OBJECT};
    struct json_member *members;
    struct json object;

    *out = given;
    if (given.at == NULL || all->count == 0)
        return OK;
    TRY(object_open(c, given, &object));
    members = arena_new_array(c->arena, struct json_member, object.count + 1);
    for (uint32_t i = 0; i < object.count; i++)
        TRY(heading_read(c, all, &object.members[i], &members[i]));
    object.members = members;
    return objects_join(c, &nothing, &object, out);
}
