/* The bricks of the reader: members, numbers, words, lists, each refused with its place.
 * Always: a fault names the innermost value that is wrong. */
#include "engine/query_private.h"

/* ---- faults --------------------------------------------------------------------------------- */

/* The last part of the way first, so that it is written from its end. */
struct str query_path(struct arena *arena, const struct query_item *item)
{
    struct str path = S("");

    for (; item->in != NULL; item = item->in) {
        if (item->name.at != NULL)
            path = str_fmt(arena, "/%.*s%.*s", STR(item->name), STR(path));
        else
            path = str_fmt(arena, "/%" PRIu32 "%.*s", item->index, STR(path));
    }
    return path;
}

void query_fault(struct query_reader *reader, const struct query_item *item, const char *code,
                 const char *message)
{
    *reader->fault = (struct query_fault){code, query_path(reader->arena, item), str_of(message)};
}

/* ---- members and items ---------------------------------------------------------------------- */

bool query_member(const struct query_item *object, const char *name, struct query_item *out)
{
    const struct json *json = json_get(object->json, name);

    if (json == NULL)
        return false;
    *out = (struct query_item){json, object, str_of(name), 0};
    return true;
}

enum err query_need(struct query_reader *reader, const struct query_item *object, const char *name,
                    struct query_item *out)
{
    struct str message;

    if (query_member(object, name, out))
        return OK;
    message = str_fmt(reader->arena, "\"%s\" is missing", name);
    return query_refuse(reader, object, "query.form", str_cstr(reader->arena, message));
}

struct query_item query_at(const struct query_item *array, uint32_t index)
{
    return (struct query_item){&array->json->items[index], array, {NULL, 0}, index};
}

static bool is_named(struct str name, const char *const *names)
{
    static const char *const tests[] = {"is",     "is_not",  "has_all",     "at_least",
                                        "below",  "between", "exists",      "contains",
                                        "starts", "within",  "anniversary", NULL};

    for (; *names != NULL; names++) {
        if (str_is(name, *names) || (str_is(S(QUERY_TEST_NAMES), *names) && is_named(name, tests)))
            return true;
    }
    return false;
}

enum err query_members(struct query_reader *reader, const struct query_item *item,
                       const char *const *names)
{
    if (item->json->type != JSON_OBJECT)
        return query_refuse(reader, item, "query.form", "an object is wanted");
    for (uint32_t i = 0; i < item->json->count; i++) {
        const struct json_member *member = &item->json->members[i];
        struct query_item unknown = {&member->value, item, member->name, 0};

        if (!is_named(member->name, names))
            return query_refuse(reader, &unknown, "query.form", "there is no such member here");
    }
    return OK;
}

enum err query_list(struct query_reader *reader, const struct query_item *item, uint32_t max,
                    uint32_t *count)
{
    *count = item->json->type == JSON_ARRAY ? item->json->count : 1;
    if (*count == 0)
        return query_refuse(reader, item, "query.form", "the list is empty");
    if (*count > max)
        return query_refuse(reader, item, "query.large", "the list is too long");
    return OK;
}

struct query_item query_list_at(const struct query_item *item, uint32_t index)
{
    return item->json->type == JSON_ARRAY ? query_at(item, index) : *item;
}

/* ---- values --------------------------------------------------------------------------------- */

enum err query_integer(struct query_reader *reader, const struct query_item *item, int64_t low,
                       int64_t high, int64_t *out)
{
    if (item->json->type != JSON_INT)
        return query_refuse(reader, item, "query.type", "an integer is wanted");
    if (item->json->integer < low || item->json->integer > high)
        return query_refuse(reader, item, "query.range", "the number is out of its range");
    *out = item->json->integer;
    return OK;
}

enum err query_maybe(struct query_reader *reader, const struct query_item *object, const char *name,
                     int64_t high, int64_t *out)
{
    struct query_item item;

    return query_member(object, name, &item) ? query_integer(reader, &item, 0, high, out) : OK;
}

enum err query_flag(struct query_reader *reader, const struct query_item *object, const char *name,
                    bool *out)
{
    struct query_item item;

    *out = false;
    if (!query_member(object, name, &item))
        return OK;
    if (item.json->type != JSON_BOOL)
        return query_refuse(reader, &item, "query.type", "true or false is wanted");
    *out = item.json->is_true;
    return OK;
}

enum err query_text(struct query_reader *reader, const struct query_item *item, struct str *out)
{
    if (item->json->type != JSON_STR)
        return query_refuse(reader, item, "query.type", "a text is wanted");
    *out = item->json->text;
    return OK;
}

enum err query_word(struct query_reader *reader, const struct query_item *item,
                    const char *const *words, int *out)
{
    struct str text;

    TRY(query_text(reader, item, &text));
    for (*out = 0; words[*out] != NULL; (*out)++) {
        if (str_is(text, words[*out]))
            return OK;
    }
    return query_refuse(reader, item, "query.form", "there is no such word here");
}

enum err query_id(struct query_reader *reader, const struct query_item *item, int64_t *out)
{
    struct str text;

    TRY(query_text(reader, item, &text));
    if (text.len == 0 || text.at[0] == '-' || !str_to_int(text, out))
        return query_refuse(reader, item, "query.type", "an id is a text of digits");
    return OK;
}

enum err query_ids(struct query_reader *reader, const struct query_item *item, const int64_t **ids,
                   int *count)
{
    uint32_t total;
    int64_t *out;

    TRY(query_list(reader, item, QUERY_VALUE_MAX, &total));
    out = arena_new_array(reader->arena, int64_t, total);
    for (uint32_t i = 0; i < total; i++) {
        struct query_item one = query_list_at(item, i);

        TRY(query_id(reader, &one, &out[i]));
    }
    *ids = out;
    *count = (int)total;
    return OK;
}

/* Members "units", "count" and perhaps "current". */
enum err query_units(struct query_reader *reader, const struct query_item *object, int64_t most,
                     struct window *out)
{
    static const char *const units[CALENDAR_UNIT_COUNT + 1] = {"day", "week", "month", "quarter",
                                                               "year"};
    struct query_item item;
    int unit;

    TRY(query_need(reader, object, "units", &item));
    TRY(query_word(reader, &item, units, &unit));
    out->kind = WINDOW_CALENDAR;
    out->unit = (enum calendar_unit)unit;
    TRY(query_flag(reader, object, "current", &out->is_current));
    TRY(query_need(reader, object, "count", &item));
    return query_integer(reader, &item, 1, most, &out->count);
}
