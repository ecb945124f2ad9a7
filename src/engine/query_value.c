/* Reading windows, fields, tests, patterns and funnels.
 * Always: a test fits the type of what it tests; from < to, low < high. */
#include "engine/query_private.h"

/* ---- windows -------------------------------------------------------------------------------- */

static enum err window_rolling(struct query_reader *reader, const struct query_item *item,
                               struct window *out)
{
    static const char *const names[] = {"seconds", "minutes", "hours", "days", "weeks", NULL};
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
    struct query_item number;

    TRY(query_members(reader, item, names));
    if (item->json->count != 1)
        return query_refuse(reader, item, "query.form", "one unit of time is wanted");
    for (int i = 0; names[i] != NULL; i++) {
        if (!query_member(item, names[i], &number))
            continue;
        out->kind = WINDOW_ROLLING;
        TRY(query_integer(reader, &number, 1, QUERY_SECONDS_MAX / seconds[i], &out->seconds));
        out->seconds *= seconds[i];
    }
    return OK;
}

#define DATE_LEN_MAX 10

/* A date alone is where that day begins. */
static enum err local_read(const struct zone *zone, struct str text, int64_t *out_ms)
{
    if (str_trim(text).len > DATE_LEN_MAX)
        return time_parse(zone, text, out_ms);
    TRY(time_parse(NULL, text, out_ms));
    *out_ms = zone_day_start(zone, *out_ms / DAY_MS);
    return OK;
}

/* An event's second is whole: it lies before or behind a part of a second as before the next. */
static enum err bound_read(struct query_reader *reader, const struct query_item *object,
                           const char *name, int64_t *out)
{
    struct query_item item;
    struct str text;
    int64_t ms;

    *out = NONE;
    if (!query_member(object, name, &item))
        return OK;
    TRY(query_text(reader, &item, &text));
    if (local_read(reader->zone, text, &ms) != OK)
        return query_refuse(reader, &item, "query.form", "a local time is wanted");
    *out = ms / 1000 + (ms % 1000 > 0);
    return OK;
}

static enum err window_range(struct query_reader *reader, const struct query_item *item,
                             struct window *out)
{
    static const char *const names[] = {"from", "to", NULL};

    TRY(query_members(reader, item, names));
    out->kind = WINDOW_RANGE;
    TRY(bound_read(reader, item, "from", &out->from));
    TRY(bound_read(reader, item, "to", &out->to));
    if (out->from == NONE && out->to == NONE)
        return query_refuse(reader, item, "query.form", "a window says when");
    if (out->from != NONE && out->to != NONE && out->from >= out->to)
        return query_refuse(reader, item, "query.range", "the window ends before it begins");
    return OK;
}

enum err query_window(struct query_reader *reader, const struct query_item *item,
                      struct window *out)
{
    static const char *const rolling[] = {"last", NULL};
    static const char *const calendar[] = {"units", "count", "current", NULL};
    struct query_item member;

    *out = (struct window){0};
    if (query_member(item, "last", &member)) {
        TRY(query_members(reader, item, rolling));
        return window_rolling(reader, &member, out);
    }
    if (query_member(item, "units", &member)) {
        TRY(query_members(reader, item, calendar));
        return query_units(reader, item, QUERY_PERIOD_MAX, out);
    }
    return window_range(reader, item, out);
}

enum err query_window_of(struct query_reader *reader, const struct query_item *object,
                         const char *name, bool is_needed, struct window *out)
{
    struct query_item item;

    *out = (struct window){0};
    if (query_member(object, name, &item))
        return query_window(reader, &item, out);
    return is_needed ? query_need(reader, object, name, &item) : OK;
}

/* ---- fields --------------------------------------------------------------------------------- */

static enum err field_find(struct query_reader *reader, const struct query_item *item,
                           const struct catalog_field *fields, int count, struct query_field *out)
{
    struct str name;

    TRY(query_text(reader, item, &name));
    for (int i = 0; i < count; i++) {
        if (str_eq(fields[i].name, name)) {
            out->number = i;
            out->type = fields[i].type;
            return OK;
        }
    }
    return query_refuse(reader, item, "query.name",
                        out->kind == QUERY_COLUMN ? "there is no such property"
                                                  : "there is no such attribute");
}

enum err query_column(struct query_reader *reader, const struct query_item *item,
                      struct query_field *out)
{
    *out = (struct query_field){.kind = QUERY_COLUMN};
    return field_find(reader, item, reader->catalog->columns, reader->catalog->column_count, out);
}

enum err query_attribute(struct query_reader *reader, const struct query_item *item,
                         struct query_field *out)
{
    *out = (struct query_field){.kind = QUERY_ATTRIBUTE};
    return field_find(reader, item, reader->catalog->attributes, reader->catalog->attribute_count,
                      out);
}

static enum err by_read(struct query_reader *reader, const struct query_item *item,
                        struct query_field *out)
{
    static const char *const names[] = {"property", "attribute", NULL};
    static const char *const words[] = {"kind", "channel", "day", NULL};
    static const struct query_field fields[] = {
        {QUERY_KIND, 0, VALUE_ID}, {QUERY_CHANNEL, 0, VALUE_ID}, {QUERY_DAY, 0, VALUE_DATE}};
    struct query_item name;
    int word;

    if (item->json->type == JSON_STR) {
        TRY(query_word(reader, item, words, &word));
        *out = fields[word];
        return OK;
    }
    TRY(query_members(reader, item, names));
    if (item->json->count != 1)
        return query_refuse(reader, item, "query.form", "one property or attribute is wanted");
    if (query_member(item, "property", &name))
        return query_column(reader, &name, out);
    TRY(query_need(reader, item, "attribute", &name));
    return query_attribute(reader, &name, out);
}

enum err query_by(struct query_reader *reader, const struct query_item *object, struct query *out)
{
    struct query_item item;

    out->has_by = query_member(object, "by", &item);
    if (!out->has_by)
        return OK;
    TRY(by_read(reader, &item, &out->by));
    if (out->by.type == VALUE_CHOICES)
        return query_refuse(reader, &item, "query.type", "several choices cannot divide people");
    return OK;
}

bool query_is_summed(enum value_type type)
{
    return type == VALUE_NUMBER || type == VALUE_MONEY;
}

enum err query_of(struct query_reader *reader, const struct query_item *object, bool is_needed,
                  struct query *out)
{
    struct query_item item;

    out->has_field = query_member(object, "of", &item);
    if (!out->has_field)
        return is_needed ? query_need(reader, object, "of", &item) : OK;
    TRY(query_column(reader, &item, &out->field));
    if (!query_is_summed(out->field.type))
        return query_refuse(reader, &item, "query.type", "a number or money is wanted");
    return OK;
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* A value as the type has it in JSON, to be a number. */
static enum err number_read(struct query_reader *reader, const struct query_item *item,
                            enum value_type type, int64_t *out)
{
    struct str text;
    int64_t ms;

    if (type == VALUE_ID)
        return query_id(reader, item, out);
    if (type != VALUE_DATE)
        return query_integer(reader, item, INT64_MIN + 1, INT64_MAX, out);
    TRY(query_text(reader, item, &text));
    if (text.len != 10 || time_parse(NULL, text, &ms) != OK)
        return query_refuse(reader, item, "query.type", "a date is wanted, as 2026-01-31");
    *out = ms / DAY_MS - (ms % DAY_MS < 0);
    return OK;
}

enum err query_values(struct query_reader *reader, const struct query_item *item,
                      enum value_type type, struct test *out)
{
    bool is_text = type == VALUE_TEXT || type == VALUE_CHOICES;
    struct str *texts = NULL;
    int64_t *values = NULL;
    uint32_t count;

    TRY(query_list(reader, item, QUERY_VALUE_MAX, &count));
    if (is_text)
        texts = arena_new_array(reader->arena, struct str, count);
    else
        values = arena_new_array(reader->arena, int64_t, count);
    for (uint32_t i = 0; i < count; i++) {
        struct query_item one = query_list_at(item, i);

        if (is_text)
            TRY(query_text(reader, &one, &texts[i]));
        else
            TRY(number_read(reader, &one, type, &values[i]));
    }
    out->texts = texts;
    out->values = values;
    out->value_count = (int)count;
    return OK;
}

static enum err between_read(struct query_reader *reader, const struct query_item *item,
                             enum value_type type, struct test *out)
{
    struct query_item low, high;

    if (item->json->type != JSON_ARRAY || item->json->count != 2)
        return query_refuse(reader, item, "query.form", "two bounds are wanted");
    low = query_at(item, 0);
    high = query_at(item, 1);
    if (out->compare == COMPARE_ANNIVERSARY) {
        TRY(query_integer(reader, &low, -366, 366, &out->low));
        TRY(query_integer(reader, &high, -366, 366, &out->high));
    } else {
        TRY(number_read(reader, &low, type, &out->low));
        TRY(number_read(reader, &high, type, &out->high));
    }
    if (out->low >= out->high)
        return query_refuse(reader, item, "query.range", "the first bound is below the second");
    return OK;
}

/* Which tests there are, and for which types: a bit a type. */
#define OF(type) (1u << (type))
#define NUMBERS (OF(VALUE_NUMBER) | OF(VALUE_MONEY) | OF(VALUE_DATE))
#define TEXTS (OF(VALUE_TEXT) | OF(VALUE_CHOICES))
static const struct test_form {
    const char *name;
    enum compare compare;
    unsigned types;
} test_forms[] = {
    {"is", COMPARE_ANY_OF, NUMBERS | TEXTS | OF(VALUE_ID)},
    {"is_not", COMPARE_NONE_OF, NUMBERS | TEXTS | OF(VALUE_ID)},
    {"has_all", COMPARE_ALL_OF, OF(VALUE_CHOICES)},
    {"at_least", COMPARE_AT_LEAST, NUMBERS},
    {"below", COMPARE_BELOW, NUMBERS},
    {"between", COMPARE_BETWEEN, NUMBERS},
    {"exists", COMPARE_EXISTS, NUMBERS | TEXTS | OF(VALUE_ID)},
    {"contains", COMPARE_CONTAINS, OF(VALUE_TEXT)},
    {"starts", COMPARE_STARTS, OF(VALUE_TEXT)},
    {"within", COMPARE_WITHIN, OF(VALUE_DATE)},
    {"anniversary", COMPARE_ANNIVERSARY, OF(VALUE_DATE)},
};

static enum err form_find(struct query_reader *reader, const struct query_item *object,
                          const struct test_form **out, struct query_item *item)
{
    struct query_item found;

    *out = NULL;
    for (size_t i = 0; i < ARRAY_LEN(test_forms); i++) {
        if (!query_member(object, test_forms[i].name, &found))
            continue;
        if (*out != NULL)
            return query_refuse(reader, &found, "query.form", "there is a test already");
        *out = &test_forms[i];
        *item = found;
    }
    return *out != NULL ? OK : query_refuse(reader, object, "query.form", "a test is missing");
}

bool query_has_test(const struct query_item *object)
{
    struct query_item item;

    for (size_t i = 0; i < ARRAY_LEN(test_forms); i++) {
        if (query_member(object, test_forms[i].name, &item))
            return true;
    }
    return false;
}

static enum err exists_read(struct query_reader *reader, const struct query_item *object,
                            struct test *out)
{
    bool is_there;

    TRY(query_flag(reader, object, "exists", &is_there));
    out->compare = is_there ? COMPARE_EXISTS : COMPARE_MISSING;
    return OK;
}

enum err query_test(struct query_reader *reader, const struct query_item *object,
                    enum value_type type, struct test *out)
{
    const struct test_form *form;
    struct query_item item;

    TRY(form_find(reader, object, &form, &item));
    if (!(form->types & OF(type)))
        return query_refuse(reader, &item, "query.type", "this test does not fit such values");
    *out = (struct test){.compare = form->compare};
    switch (form->compare) {
    case COMPARE_AT_LEAST:
        return number_read(reader, &item, type, &out->low);
    case COMPARE_BELOW:
        return number_read(reader, &item, type, &out->high);
    case COMPARE_BETWEEN:
    case COMPARE_ANNIVERSARY:
        return between_read(reader, &item, type, out);
    case COMPARE_EXISTS:
        return exists_read(reader, object, out);
    case COMPARE_WITHIN:
        return query_window(reader, &item, &out->within);
    case COMPARE_CONTAINS:
    case COMPARE_STARTS:
        if (item.json->type == JSON_ARRAY)
            return query_refuse(reader, &item, "query.type", "a text is wanted");
        return query_values(reader, &item, type, out);
    default:
        return query_values(reader, &item, type, out);
    }
}

enum err query_test_moment(struct query_reader *reader, const struct query_item *object,
                           struct test *out)
{
    const struct test_form *form;
    struct query_item item;

    TRY(form_find(reader, object, &form, &item));
    if (form->compare != COMPARE_WITHIN)
        return query_refuse(reader, &item, "query.type", "a moment is tested by \"within\"");
    *out = (struct test){.compare = COMPARE_WITHIN};
    return query_window(reader, &item, &out->within);
}

/* ---- patterns ------------------------------------------------------------------------------- */

static enum err kind_find(struct query_reader *reader, const struct query_item *item, uint16_t *out)
{
    const struct catalog *catalog = reader->catalog;
    int low = 0, high = catalog->kind_count;
    struct str name;

    TRY(query_text(reader, item, &name));
    while (low < high) {
        int half = low + (high - low) / 2, order = str_cmp(catalog->kinds[half].name, name);

        if (order == 0) {
            *out = catalog->kinds[half].number;
            return OK;
        }
        low = order < 0 ? half + 1 : low;
        high = order < 0 ? high : half;
    }
    return query_refuse(reader, item, "query.name", "there is no such event");
}

static enum err kinds_read(struct query_reader *reader, const struct query_item *item,
                           struct pattern *out)
{
    uint16_t *kinds;
    uint32_t count;

    TRY(query_list(reader, item, QUERY_VALUE_MAX, &count));
    kinds = arena_new_array(reader->arena, uint16_t, count);
    for (uint32_t i = 0; i < count; i++) {
        struct query_item one = query_list_at(item, i);

        TRY(kind_find(reader, &one, &kinds[i]));
    }
    out->kinds = kinds;
    out->kind_count = (int)count;
    return OK;
}

enum err query_kinds(struct query_reader *reader, const struct query_item *item, struct test *out)
{
    struct pattern named = {0};
    int64_t *values;

    TRY(kinds_read(reader, item, &named));
    values = arena_new_array(reader->arena, int64_t, (size_t)named.kind_count);
    for (int i = 0; i < named.kind_count; i++)
        values[i] = named.kinds[i];
    out->values = values;
    out->value_count = named.kind_count;
    return OK;
}

static enum err pattern_test_add(struct query_reader *reader, const struct query_item *item,
                                 struct pattern *pattern, struct pattern_test **out)
{
    if (pattern->test_count == QUERY_TEST_MAX)
        return query_refuse(reader, item, "query.large", "too many tests of one event");
    *out = &pattern->tests[pattern->test_count++];
    return OK;
}

/* Events name a channel by a number of its own. */
static enum err channel_read(struct query_reader *reader, const struct query_item *item,
                             int64_t *id, int64_t *number)
{
    const struct catalog *catalog = reader->catalog;

    TRY(query_id(reader, item, id));
    *number = *id;
    if (catalog->channel_find == NULL)
        return OK;
    if (!catalog->channel_find(catalog->user, *id, number))
        return query_refuse(reader, item, "query.name", "there is no such channel");
    if (*number == NONE)
        *number = -1; /* no event has that */
    return OK;
}

/* No text is no channel, where that may be asked. */
static enum err channels_read(struct query_reader *reader, const struct query_item *item,
                              bool has_none, struct test *out)
{
    int64_t *values, id;
    uint32_t count;

    TRY(query_list(reader, item, QUERY_VALUE_MAX, &count));
    values = arena_new_array(reader->arena, int64_t, count);
    out->values = values;
    out->value_count = (int)count;
    for (uint32_t i = 0; i < count; i++) {
        struct query_item one = query_list_at(item, i);
        struct str text;

        TRY(query_text(reader, &one, &text));
        if (!has_none || text.len > 0)
            TRY(channel_read(reader, &one, &id, &values[i]));
    }
    return OK;
}

enum err query_channels(struct query_reader *reader, const struct query_item *item,
                        struct test *out)
{
    return channels_read(reader, item, true, out);
}

enum err query_channel_test(struct query_reader *reader, const struct query_item *object)
{
    const struct test_form *form;
    struct query_item item;
    struct test named;

    TRY(form_find(reader, object, &form, &item));
    return form->compare == COMPARE_EXISTS ? OK : channels_read(reader, &item, false, &named);
}

/* "channel" and "subject" are short for tests. */
static enum err short_read(struct query_reader *reader, const struct query_item *object,
                           const char *name, struct pattern *out)
{
    struct pattern_test *test = NULL;
    struct query_item item;

    if (!query_member(object, name, &item))
        return OK;
    TRY(pattern_test_add(reader, &item, out, &test));
    test->field = (struct query_field){QUERY_CHANNEL, 0, VALUE_ID};
    if (str_is(S("subject"), name)) {
        struct json text = {.type = JSON_STR, .text = S("subject")};
        struct query_item column = {&text, object, item.name, 0};

        TRY(query_column(reader, &column, &test->field));
        if (test->field.type != VALUE_ID)
            return query_refuse(reader, &item, "query.type", "subjects have no ids here");
    }
    test->test.compare = COMPARE_ANY_OF;
    return test->field.kind == QUERY_CHANNEL
               ? channels_read(reader, &item, false, &test->test)
               : query_ids(reader, &item, &test->test.values, &test->test.value_count);
}

static enum err where_read(struct query_reader *reader, const struct query_item *item,
                           struct pattern *out)
{
    static const char *const names[] = {"property", QUERY_TEST_NAMES, NULL};
    struct pattern_test *test = NULL;
    struct query_item name;
    uint32_t count;

    TRY(query_list(reader, item, QUERY_TEST_MAX, &count));
    for (uint32_t i = 0; i < count; i++) {
        struct query_item one = query_list_at(item, i);

        TRY(query_members(reader, &one, names));
        TRY(query_need(reader, &one, "property", &name));
        TRY(pattern_test_add(reader, &one, out, &test));
        TRY(query_column(reader, &name, &test->field));
        TRY(query_test(reader, &one, test->field.type, &test->test));
    }
    return OK;
}

enum err query_pattern(struct query_reader *reader, const struct query_item *item,
                       struct pattern *out)
{
    static const char *const names[] = {"kind", "channel", "subject", "where", "within", NULL};
    struct query_item member;

    *out = (struct pattern){0};
    TRY(query_members(reader, item, names));
    if (query_member(item, "kind", &member))
        TRY(kinds_read(reader, &member, out));
    TRY(short_read(reader, item, "channel", out));
    TRY(short_read(reader, item, "subject", out));
    if (query_member(item, "where", &member))
        TRY(where_read(reader, &member, out));
    return query_window_of(reader, item, "within", false, &out->window);
}

enum err query_pattern_of(struct query_reader *reader, const struct query_item *object,
                          const char *name, struct pattern *out)
{
    struct query_item item;

    TRY(query_need(reader, object, name, &item));
    return query_pattern(reader, &item, out);
}

/* ---- funnels -------------------------------------------------------------------------------- */

/* The steps of `item`, and "within_seconds" of what it is in. */
enum err query_steps(struct query_reader *reader, const struct query_item *item, struct funnel *out)
{
    struct query_item within;
    uint32_t count;

    if (item->json->type != JSON_ARRAY)
        return query_refuse(reader, item, "query.form", "a list of steps is wanted");
    TRY(query_list(reader, item, QUERY_STEP_MAX, &count));
    out->step_count = (int)count;
    for (uint32_t i = 0; i < count; i++) {
        struct query_item step = query_at(item, i);

        TRY(query_pattern(reader, &step, &out->steps[i]));
    }
    TRY(query_need(reader, item->in, "within_seconds", &within));
    return query_integer(reader, &within, 0, QUERY_SECONDS_MAX, &out->within);
}

static enum err exclusions_read(struct query_reader *reader, const struct query_item *item,
                                struct funnel *out)
{
    static const char *const names[] = {"events", "after", NULL};
    struct query_item after;
    uint32_t count;
    int64_t step;

    if (out->order == FUNNEL_ANY_ORDER)
        return query_refuse(reader, item, "query.form", "steps in any order exclude nothing");
    TRY(query_list(reader, item, QUERY_STEP_MAX, &count));
    out->exclusion_count = (int)count;
    for (uint32_t i = 0; i < count; i++) {
        struct query_item one = query_list_at(item, i);

        TRY(query_members(reader, &one, names));
        TRY(query_pattern_of(reader, &one, "events", &out->exclusions[i].pattern));
        TRY(query_need(reader, &one, "after", &after));
        TRY(query_integer(reader, &after, 1, out->step_count - 1, &step));
        out->exclusions[i].after = (int)step;
    }
    return OK;
}

enum err query_funnel(struct query_reader *reader, const struct query_item *item,
                      struct funnel *out)
{
    static const char *const names[] = {"steps", "within_seconds", "order", "exclude", NULL};
    static const char *const orders[] = {"ordered", "strict", "any", NULL};
    struct query_item member;
    int order = FUNNEL_ORDERED;

    *out = (struct funnel){0};
    TRY(query_members(reader, item, names));
    TRY(query_need(reader, item, "steps", &member));
    TRY(query_steps(reader, &member, out));
    if (query_member(item, "order", &member))
        TRY(query_word(reader, &member, orders, &order));
    out->order = (enum funnel_order)order;
    return query_member(item, "exclude", &member) ? exclusions_read(reader, &member, out) : OK;
}
