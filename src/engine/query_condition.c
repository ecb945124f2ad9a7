/* Reading conditions: a tree of JSON becomes nodes in post-order.
 * Always: a node's operands lie before it, the last one right before it; nested no deeper than the
 * JSON may be. */
#include "engine/query_private.h"

struct form {
    const char *name; /* the member that says which form it is */
    enum err (*read)(struct query_reader *reader, const struct query_item *object,
                     const struct query_item *item, struct condition *out);
};

static struct pattern *pattern_new(struct query_reader *reader, struct condition *out)
{
    struct pattern *pattern = arena_new_one(reader->arena, struct pattern);

    out->pattern = pattern;
    return pattern;
}

/* ---- joined --------------------------------------------------------------------------------- */

static enum err operands_read(struct query_reader *reader, const struct query_item *object,
                              const struct query_item *item, struct condition *out)
{
    const char *const names[] = {out->kind == CONDITION_ALL ? "all" : "any", NULL};
    int first = reader->node_count;

    TRY(query_members(reader, object, names));
    if (item->json->type != JSON_ARRAY)
        return query_refuse(reader, item, "query.form", "a list of conditions is wanted");
    for (uint32_t i = 0; i < item->json->count; i++) {
        struct query_item operand = query_at(item, i);

        TRY(query_condition(reader, &operand));
    }
    out->operands = (int)item->json->count;
    out->size += reader->node_count - first;
    return OK;
}

static enum err all_read(struct query_reader *reader, const struct query_item *object,
                         const struct query_item *item, struct condition *out)
{
    out->kind = CONDITION_ALL;
    return operands_read(reader, object, item, out);
}

static enum err any_read(struct query_reader *reader, const struct query_item *object,
                         const struct query_item *item, struct condition *out)
{
    out->kind = CONDITION_ANY;
    return operands_read(reader, object, item, out);
}

static enum err not_read(struct query_reader *reader, const struct query_item *object,
                         const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"not", NULL};
    int first = reader->node_count;

    out->kind = CONDITION_NOT;
    out->operands = 1;
    TRY(query_members(reader, object, names));
    TRY(query_condition(reader, item));
    out->size += reader->node_count - first;
    return OK;
}

/* ---- what is known of the customer ---------------------------------------------------------- */

static enum err everyone_read(struct query_reader *reader, const struct query_item *object,
                              const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"everyone", NULL};
    bool is_everyone;

    out->kind = CONDITION_EVERYONE;
    TRY(query_members(reader, object, names));
    TRY(query_flag(reader, object, "everyone", &is_everyone));
    return is_everyone ? OK : query_refuse(reader, item, "query.form", "only true is possible");
}

static enum err attribute_read(struct query_reader *reader, const struct query_item *object,
                               const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"attribute", QUERY_TEST_NAMES, NULL};

    out->kind = CONDITION_ATTRIBUTE;
    out->has_field = true;
    TRY(query_members(reader, object, names));
    TRY(query_attribute(reader, item, &out->field));
    TRY(query_test(reader, object, out->field.type, &out->test));
    return reader->catalog->attributes[out->field.number].is_channel
               ? query_channel_test(reader, object)
               : OK;
}

static enum err set_read(struct query_reader *reader, const struct query_item *object,
                         const struct query_item *item, struct condition *out)
{
    static const char *const matches[] = {"any", "none", "all", NULL};
    static const enum compare compares[] = {COMPARE_ANY_OF, COMPARE_NONE_OF, COMPARE_ALL_OF};
    const char *const names[] = {str_cstr(reader->arena, item->name), "match", NULL};
    const struct catalog *catalog = reader->catalog;
    struct query_item match;
    int compare = 0;

    out->kind = CONDITION_SET;
    TRY(query_members(reader, object, names));
    TRY(query_ids(reader, item, &out->ids, &out->id_count));
    for (int i = 0; i < out->id_count; i++) {
        struct query_item id = query_list_at(item, (uint32_t)i);

        if (catalog->set_find == NULL || !catalog->set_find(catalog->user, out->set, out->ids[i]))
            return query_refuse(reader, &id, "query.name", "there is no such set of customers");
    }
    if (query_member(object, "match", &match))
        TRY(query_word(reader, &match, matches, &compare));
    out->test.compare = compares[compare];
    return OK;
}

static enum err tag_read(struct query_reader *reader, const struct query_item *object,
                         const struct query_item *item, struct condition *out)
{
    out->set = SET_TAG;
    return set_read(reader, object, item, out);
}

static enum err list_read(struct query_reader *reader, const struct query_item *object,
                          const struct query_item *item, struct condition *out)
{
    out->set = SET_LIST;
    return set_read(reader, object, item, out);
}

static enum err segment_read(struct query_reader *reader, const struct query_item *object,
                             const struct query_item *item, struct condition *out)
{
    out->set = SET_SEGMENT;
    return set_read(reader, object, item, out);
}

static enum err bucket_read(struct query_reader *reader, const struct query_item *object,
                            const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"bucket", NULL};
    static const char *const members[] = {"salt", "from", "to", NULL};
    struct query_item member;

    out->kind = CONDITION_BUCKET;
    TRY(query_members(reader, object, names));
    TRY(query_members(reader, item, members));
    TRY(query_need(reader, item, "salt", &member));
    TRY(query_text(reader, &member, &out->salt));
    TRY(query_need(reader, item, "from", &member));
    TRY(query_integer(reader, &member, 0, BUCKET_COUNT, &out->low));
    TRY(query_need(reader, item, "to", &member));
    TRY(query_integer(reader, &member, 0, BUCKET_COUNT, &out->high));
    return out->low < out->high
               ? OK
               : query_refuse(reader, item, "query.range", "the lot ends before it begins");
}

/* ---- measures ------------------------------------------------------------------------------- */

/* What a measure is taken of, and of which type its values are. */
static enum err measured_read(struct query_reader *reader, const struct query_item *object,
                              struct condition *out, enum value_type *type)
{
    struct query_item of;
    bool is_number;

    out->has_field = query_member(object, "of", &of);
    *type = VALUE_NUMBER;
    if (out->measure == MEASURE_COUNT || out->measure == MEASURE_DAYS)
        return out->has_field ? query_refuse(reader, &of, "query.form", "this is of nothing") : OK;
    if (!out->has_field) {
        return out->measure == MEASURE_FIRST || out->measure == MEASURE_LAST
                   ? OK
                   : query_need(reader, object, "of", &of);
    }
    if (out->measure == MEASURE_DISTINCT && of.json->type == JSON_STR) {
        out->field = (struct query_field){QUERY_KIND, 0, VALUE_ID};
        if (str_is(of.json->text, "channel"))
            out->field.kind = QUERY_CHANNEL;
        if (str_is(of.json->text, "channel") || str_is(of.json->text, "kind"))
            return OK;
    }
    TRY(query_column(reader, &of, &out->field));
    if (out->measure == MEASURE_DISTINCT)
        return OK;
    *type = out->field.type;
    is_number = query_is_summed(*type) || (*type == VALUE_DATE && out->measure != MEASURE_SUM);
    if (!is_number && out->measure != MEASURE_FIRST && out->measure != MEASURE_LAST)
        return query_refuse(reader, &of, "query.type", "such values have no order");
    return OK;
}

static enum err did_read(struct query_reader *reader, const struct query_item *object,
                         const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"did", "measure", "of", QUERY_TEST_NAMES, NULL};
    static const char *const measures[] = {"count", "sum",  "min",  "max", "distinct",
                                           "first", "last", "days", NULL};
    struct query_item word;
    enum value_type type;
    int measure = MEASURE_COUNT;

    out->kind = CONDITION_DID;
    TRY(query_members(reader, object, names));
    TRY(query_pattern(reader, item, pattern_new(reader, out)));
    if (query_member(object, "measure", &word))
        TRY(query_word(reader, &word, measures, &measure));
    out->measure = (enum measure)measure;
    TRY(measured_read(reader, object, out, &type));
    if (measure == MEASURE_COUNT && !query_has_test(object)) {
        out->test = (struct test){.compare = COMPARE_AT_LEAST, .low = 1};
        return OK;
    }
    if ((measure == MEASURE_FIRST || measure == MEASURE_LAST) && !out->has_field)
        return query_test_moment(reader, object, &out->test);
    return query_test(reader, object, type, &out->test);
}

static enum err purchase_read(struct query_reader *reader, const struct query_item *object,
                              const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"purchase", "kind", NULL};
    static const char *const states[] = {"never", "first", "repeat", NULL};
    static const struct test tests[] = {{.compare = COMPARE_BELOW, .high = 1},
                                        {.compare = COMPARE_BETWEEN, .low = 1, .high = 2},
                                        {.compare = COMPARE_AT_LEAST, .low = 2}};
    struct json_member kind = {S("kind"), {0}};
    struct json json = {.type = JSON_OBJECT, .count = 1, .members = &kind};
    struct query_item events = *object, member;
    int state;

    out->kind = CONDITION_DID;
    TRY(query_members(reader, object, names));
    TRY(query_word(reader, item, states, &state));
    out->test = tests[state];
    TRY(query_need(reader, object, "kind", &member));
    kind.value = *member.json;
    events.json = &json;
    return query_pattern(reader, &events, pattern_new(reader, out));
}

/* ---- in time -------------------------------------------------------------------------------- */

static struct funnel *funnel_new(struct query_reader *reader, struct condition *out)
{
    struct funnel *funnel = arena_new_one(reader->arena, struct funnel);

    out->kind = CONDITION_FUNNEL;
    out->funnel = funnel;
    return funnel;
}

static enum err sequence_read(struct query_reader *reader, const struct query_item *object,
                              const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"sequence", "within_seconds", NULL};
    struct funnel *funnel = funnel_new(reader, out);

    TRY(query_members(reader, object, names));
    TRY(query_steps(reader, item, funnel));
    out->low = out->high = funnel->step_count;
    return OK;
}

static enum err funnel_read(struct query_reader *reader, const struct query_item *object,
                            const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"funnel", "level", NULL};
    struct funnel *funnel = funnel_new(reader, out);
    struct query_item level, low, high;

    TRY(query_members(reader, object, names));
    TRY(query_funnel(reader, item, funnel));
    TRY(query_need(reader, object, "level", &level));
    if (level.json->type != JSON_ARRAY || level.json->count != 2)
        return query_refuse(reader, &level, "query.form", "two levels are wanted");
    low = query_at(&level, 0);
    high = query_at(&level, 1);
    TRY(query_integer(reader, &low, 0, funnel->step_count, &out->low));
    return query_integer(reader, &high, out->low, funnel->step_count, &out->high);
}

static enum err regularly_read(struct query_reader *reader, const struct query_item *object,
                               const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"regularly", "units",    "count", "current",
                                        "times",     "at_least", NULL};
    struct pattern *pattern = pattern_new(reader, out);
    struct query_item member;

    out->kind = CONDITION_REGULAR;
    out->high = 1;
    TRY(query_members(reader, object, names));
    TRY(query_pattern(reader, item, pattern));
    if (query_member(item, "within", &member))
        return query_refuse(reader, &member, "query.form", "the units say when");
    TRY(query_units(reader, object, QUERY_PERIOD_MAX, &pattern->window));
    if (query_member(object, "times", &member))
        TRY(query_integer(reader, &member, 1, UINT32_MAX, &out->high));
    TRY(query_need(reader, object, "at_least", &member));
    return query_integer(reader, &member, 1, pattern->window.count, &out->low);
}

static enum err first_time_read(struct query_reader *reader, const struct query_item *object,
                                const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"first_time", NULL};

    out->kind = CONDITION_FIRST_TIME;
    TRY(query_members(reader, object, names));
    return query_pattern(reader, item, pattern_new(reader, out));
}

static enum err stopped_read(struct query_reader *reader, const struct query_item *object,
                             const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"stopped", "later", NULL};
    struct query_item within;

    out->kind = CONDITION_STOPPED;
    TRY(query_members(reader, object, names));
    TRY(query_pattern(reader, item, pattern_new(reader, out)));
    TRY(query_need(reader, item, "within", &within));
    return query_window_of(reader, object, "later", true, &out->later);
}

static enum err restarted_read(struct query_reader *reader, const struct query_item *object,
                               const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"restarted", "later", "again", NULL};
    struct query_item within;

    out->kind = CONDITION_RESTARTED;
    TRY(query_members(reader, object, names));
    TRY(query_pattern(reader, item, pattern_new(reader, out)));
    TRY(query_need(reader, item, "within", &within));
    TRY(query_window_of(reader, object, "later", true, &out->later));
    return query_window_of(reader, object, "again", true, &out->again);
}

/* ---- cells ---------------------------------------------------------------------------------- */

static enum err fifths_read(struct query_reader *reader, const struct query_item *object,
                            const char *name, uint8_t *out)
{
    struct query_item item;
    uint32_t count;
    int64_t fifth;

    if (!query_member(object, name, &item))
        return OK;
    TRY(query_list(reader, &item, 5, &count));
    for (uint32_t i = 0; i < count; i++) {
        struct query_item one = query_list_at(&item, i);

        TRY(query_integer(reader, &one, 1, 5, &fifth));
        *out |= (uint8_t)(1 << fifth);
    }
    return OK;
}

static enum err rfm_read(struct query_reader *reader, const struct query_item *object,
                         const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"rfm", "of", "r", "f", "m", NULL};
    struct query query = {0};

    out->kind = CONDITION_RFM;
    TRY(query_members(reader, object, names));
    TRY(query_pattern(reader, item, pattern_new(reader, out)));
    TRY(query_of(reader, object, true, &query));
    out->has_field = true;
    out->field = query.field;
    TRY(fifths_read(reader, object, "r", &out->r));
    TRY(fifths_read(reader, object, "f", &out->f));
    return fifths_read(reader, object, "m", &out->m);
}

/* ---- any ------------------------------------------------------------------------------------ */

static const struct form forms[] = {
    {"all", all_read},
    {"any", any_read},
    {"not", not_read},
    {"everyone", everyone_read},
    {"attribute", attribute_read},
    {"tag", tag_read},
    {"list", list_read},
    {"segment", segment_read},
    {"bucket", bucket_read},
    {"did", did_read},
    {"sequence", sequence_read},
    {"funnel", funnel_read},
    {"regularly", regularly_read},
    {"first_time", first_time_read},
    {"stopped", stopped_read},
    {"restarted", restarted_read},
    {"rfm", rfm_read},
    {"purchase", purchase_read},
    {"answer", query_answer},
};

enum err query_condition(struct query_reader *reader, const struct query_item *item)
{
    struct condition condition = {.size = 1};
    struct query_item form;

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (!query_member(item, forms[i].name, &form))
            continue;
        TRY(forms[i].read(reader, item, &form, &condition));
        if (reader->node_count == QUERY_CONDITION_MAX)
            return query_refuse(reader, item, "query.large", "too many conditions");
        condition.path = query_path(reader->arena, item);
        reader->nodes[reader->node_count++] = condition;
        return OK;
    }
    return query_refuse(reader, item, "query.form", "there is no such condition");
}
