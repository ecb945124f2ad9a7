/* Reading a question: what each kind of question must and may say.
 * Always: what query_read lets through needs no other look; executors trust it. */
#include "engine/query_private.h"

#define PERSON_MAX UINT32_MAX
#define RETENTION_UNIT_MAX 100
#define LIMIT_MAX 1000

struct asked {
    const char *const *names;
    enum err (*read)(struct query_reader *reader, const struct query_item *text, struct query *out);
};

#define COMMON "version", "ask", "zone"

/* ---- parts of questions --------------------------------------------------------------------- */

static enum err limit_read(struct query_reader *reader, const struct query_item *text,
                           int64_t usual, struct query *out)
{
    struct query_item item;

    out->limit = usual;
    return query_member(text, "limit", &item)
               ? query_integer(reader, &item, 1, LIMIT_MAX, &out->limit)
               : OK;
}

static enum err flag_word(struct query_reader *reader, const struct query_item *text,
                          const char *name, const char *const *words, bool *out)
{
    struct query_item item;
    int word;

    TRY(query_need(reader, text, name, &item));
    TRY(query_word(reader, &item, words, &word));
    *out = word == 0;
    return OK;
}

/* ---- questions ------------------------------------------------------------------------------ */

static enum err segment_read(struct query_reader *reader, const struct query_item *text,
                             struct query *out)
{
    (void)reader;
    (void)text;
    (void)out;
    return OK;
}

static enum err funnel_read(struct query_reader *reader, const struct query_item *text,
                            struct query *out)
{
    struct query_item funnel;

    TRY(query_need(reader, text, "funnel", &funnel));
    TRY(query_funnel(reader, &funnel, &out->funnel));
    if (query_member(text, "times", &funnel)) {
        TRY(query_flag(reader, text, "times", &out->is_untimed));
        out->is_untimed = !out->is_untimed;
    }
    return query_by(reader, text, out);
}

static enum err retention_read(struct query_reader *reader, const struct query_item *text,
                               struct query *out)
{
    static const char *const cohorts[] = {"first", "every", NULL};
    struct window units = {0};

    TRY(query_pattern_of(reader, text, "start", &out->pattern));
    TRY(query_pattern_of(reader, text, "back", &out->back));
    TRY(query_units(reader, text, RETENTION_UNIT_MAX, &units));
    out->unit = units.unit;
    out->count = units.count;
    TRY(flag_word(reader, text, "cohort", cohorts, &out->is_first));
    return query_flag(reader, text, "or_after", &out->is_on_or_after);
}

static enum err paths_read(struct query_reader *reader, const struct query_item *text,
                           struct query *out)
{
    out->gap = 1800;
    out->steps = 5;
    TRY(query_pattern_of(reader, text, "events", &out->pattern));
    TRY(query_maybe(reader, text, "gap_seconds", QUERY_SECONDS_MAX, &out->gap));
    TRY(query_maybe(reader, text, "steps", LIMIT_MAX, &out->steps));
    TRY(query_by(reader, text, out));
    if (!out->has_by)
        out->by = (struct query_field){QUERY_KIND, 0, VALUE_ID};
    out->has_by = true;
    if (out->by.kind == QUERY_ATTRIBUTE) {
        struct query_item by;

        TRY(query_need(reader, text, "by", &by));
        return query_refuse(reader, &by, "query.type", "a path has no way with one node");
    }
    return limit_read(reader, text, 50, out);
}

static enum err breakdown_read(struct query_reader *reader, const struct query_item *text,
                               struct query *out)
{
    static const char *const orders[] = {"people", "events", "sum", NULL};
    struct query_item item;
    int order = BY_PEOPLE;

    TRY(query_pattern_of(reader, text, "events", &out->pattern));
    TRY(query_need(reader, text, "by", &item));
    TRY(query_by(reader, text, out));
    TRY(query_of(reader, text, false, out));
    if (query_member(text, "order", &item))
        TRY(query_word(reader, &item, orders, &order));
    if (order == BY_SUM && !out->has_field)
        return query_refuse(reader, &item, "query.form", "\"of\" is missing: a sum of what?");
    out->order = order == BY_SUM ? BY_SUM : order == BY_EVENTS ? BY_EVENTS : BY_PEOPLE;
    return limit_read(reader, text, 20, out);
}

static enum err trend_read(struct query_reader *reader, const struct query_item *text,
                           struct query *out)
{
    static const char *const units[] = {"day", "week", "month", "quarter", "year", NULL};
    struct query_item item;
    int unit;

    TRY(query_pattern_of(reader, text, "events", &out->pattern));
    TRY(query_need(reader, text, "units", &item));
    TRY(query_word(reader, &item, units, &unit));
    out->unit = (enum calendar_unit)unit;
    TRY(query_by(reader, text, out));
    return query_of(reader, text, false, out);
}

static enum err rfm_read(struct query_reader *reader, const struct query_item *text,
                         struct query *out)
{
    TRY(query_pattern_of(reader, text, "events", &out->pattern));
    return query_of(reader, text, true, out);
}

static enum err interval_read(struct query_reader *reader, const struct query_item *text,
                              struct query *out)
{
    static const char *const pairs[] = {"first", "all", NULL};

    TRY(query_pattern_of(reader, text, "events", &out->pattern));
    return flag_word(reader, text, "pairs", pairs, &out->is_first);
}

static enum err timeline_read(struct query_reader *reader, const struct query_item *text,
                              struct query *out)
{
    struct query_item item;
    int64_t person;

    TRY(query_need(reader, text, "person", &item));
    TRY(query_integer(reader, &item, 0, PERSON_MAX, &person));
    out->person = (uint32_t)person;
    out->before = NONE;
    if (query_member(text, "events", &item))
        TRY(query_pattern(reader, &item, &out->pattern));
    TRY(query_maybe(reader, text, "before", QUERY_SECONDS_MAX, &out->before));
    TRY(query_maybe(reader, text, "skip", UINT32_MAX, &out->skip));
    if (out->before == NONE && query_member(text, "skip", &item))
        return query_refuse(reader, &item, "query.form", "\"skip\" goes with \"before\"");
    return limit_read(reader, text, 50, out);
}

/* ---- flows ---------------------------------------------------------------------------------- */

static enum err stage_read(struct query_reader *reader, const struct query_item *item,
                           struct query *out)
{
    static const char *const names[] = {"name", "who", NULL};
    struct query_item member;
    struct str name;

    TRY(query_members(reader, item, names));
    TRY(query_need(reader, item, "name", &member));
    TRY(query_text(reader, &member, &name));
    TRY(query_need(reader, item, "who", &member));
    *out = (struct query){.ask = QUERY_SEGMENT, .zone = reader->zone};
    return query_who(reader, &member, out);
}

static enum err stages_read(struct query_reader *reader, const struct query_item *item,
                            struct query *out)
{
    uint32_t count;

    TRY(query_list(reader, item, QUERY_STAGE_MAX, &count));
    reader->flow_depth++;
    out->stages = arena_new_array(reader->arena, struct query, count);
    for (uint32_t i = 0; i < count; i++) {
        struct query_item one = query_list_at(item, i);

        TRY(stage_read(reader, &one, &out->stages[i]));
        out->stage_count++;
    }
    reader->flow_depth--;
    return OK;
}

static enum err usual_stages_read(struct query_reader *reader, const struct query_item *text,
                                  struct query *out)
{
    const struct catalog *catalog = reader->catalog;
    struct query_item item = {.in = text, .name = S("stages")};
    struct json json;
    struct str usual = {0};

    if (catalog->stages == NULL)
        return query_need(reader, text, "stages", &item);
    TRY(catalog->stages(catalog->user, &usual));
    must(json_parse(reader->arena, usual, &json, NULL) == OK); /* the catalog's own text */
    item.json = &json;
    return stages_read(reader, &item, out);
}

static enum err flow_read(struct query_reader *reader, const struct query_item *text,
                          struct query *out)
{
    struct query_item item;

    TRY(query_need(reader, text, "within", &item));
    TRY(query_window(reader, &item, &out->flow));
    if (out->flow.kind == WINDOW_RANGE && out->flow.from == NONE)
        return query_refuse(reader, &item, "query.form", "\"from\" is missing: from what to what?");
    TRY(query_by(reader, text, out));
    if (out->has_by && out->by.kind != QUERY_ATTRIBUTE) {
        TRY(query_need(reader, text, "by", &item));
        return query_refuse(reader, &item, "query.type", "a flow is by an attribute");
    }
    if (query_member(text, "stages", &item))
        return stages_read(reader, &item, out);
    return usual_stages_read(reader, text, out);
}

/* ---- all ------------------------------------------------------------------------------------ */

#define NAMES(...) ((const char *const[]){COMMON, __VA_ARGS__, NULL})

static const char *const ask_names[] = {"segment",   "funnel", "retention", "paths",
                                        "breakdown", "trend",  "rfm",       "interval",
                                        "timeline",  "flow",   NULL};
static const struct asked asks[] = {
    [QUERY_SEGMENT] = {NAMES("who"), segment_read},
    [QUERY_FUNNEL] = {NAMES("who", "funnel", "by", "times"), funnel_read},
    [QUERY_RETENTION] = {NAMES("who", "start", "back", "units", "count", "cohort", "or_after"),
                         retention_read},
    [QUERY_PATHS] = {NAMES("who", "events", "gap_seconds", "steps", "by", "limit"), paths_read},
    [QUERY_BREAKDOWN] = {NAMES("who", "events", "by", "of", "order", "limit"), breakdown_read},
    [QUERY_TREND] = {NAMES("who", "events", "units", "of", "by"), trend_read},
    [QUERY_RFM] = {NAMES("who", "events", "of"), rfm_read},
    [QUERY_INTERVAL] = {NAMES("who", "events", "pairs"), interval_read},
    [QUERY_TIMELINE] = {NAMES("person", "events", "limit", "before", "skip"), timeline_read},
    [QUERY_FLOW] = {NAMES("who", "within", "stages", "by"), flow_read},
};

static enum err zone_read(struct query_reader *reader, const struct query_item *text)
{
    const struct catalog *catalog = reader->catalog;
    struct query_item item;
    struct str name;

    if (!query_member(text, "zone", &item))
        return OK;
    TRY(query_text(reader, &item, &name));
    reader->zone =
        catalog->zone_find != NULL ? catalog->zone_find(catalog->user, reader->arena, name) : NULL;
    return reader->zone != NULL
               ? OK
               : query_refuse(reader, &item, "query.name", "there is no such zone");
}

enum err query_who(struct query_reader *reader, const struct query_item *item, struct query *out)
{
    struct condition *nodes = reader->nodes;
    int node_count = reader->node_count;

    reader->nodes = arena_new_array(reader->arena, struct condition, QUERY_CONDITION_MAX);
    reader->node_count = 0;
    TRY(query_condition(reader, item));
    out->who = reader->nodes;
    out->who_count = reader->node_count;
    reader->nodes = nodes;
    reader->node_count = node_count;
    return OK;
}

static enum err version_read(struct query_reader *reader, const struct query_item *text)
{
    struct query_item item;
    int64_t version;

    TRY(query_need(reader, text, "version", &item));
    return query_integer(reader, &item, QUERY_VERSION, QUERY_VERSION, &version);
}

static enum err ask_read(struct query_reader *reader, const struct query_item *text,
                         struct query *out)
{
    struct query_item item;
    int ask;

    TRY(query_need(reader, text, "ask", &item));
    TRY(query_word(reader, &item, ask_names, &ask));
    TRY(query_members(reader, text, asks[ask].names));
    TRY(zone_read(reader, text));
    out->ask = (enum query_ask)ask;
    out->zone = reader->zone;
    if (query_member(text, "who", &item))
        TRY(query_who(reader, &item, out));
    return asks[ask].read(reader, text, out);
}

enum err query_inner(struct query_reader *reader, const struct query_item *item, struct query *out)
{
    const struct zone *zone = reader->zone;
    struct query_item version;

    if (item->json->type != JSON_OBJECT)
        return query_refuse(reader, item, "query.form", "a question is wanted");
    if (query_member(item, "version", &version))
        TRY(version_read(reader, item));
    TRY(ask_read(reader, item, out));
    reader->zone = zone;
    return OK;
}

static enum err text_read(struct query_reader *reader, const struct query_item *text,
                          struct query *out)
{
    if (text->json->type != JSON_OBJECT)
        return query_refuse(reader, text, "query.form", "an object is wanted");
    TRY(version_read(reader, text));
    return ask_read(reader, text, out);
}

enum err query_read(struct arena *arena, const struct catalog *catalog, struct str text,
                    struct query *out, struct query_fault *fault)
{
    struct query_reader reader = {
        .arena = arena, .catalog = catalog, .zone = catalog->zone, .fault = fault};
    struct json_fault json_fault = {0};
    struct json json = {0};
    struct query_item root = {.json = &json};

    *out = (struct query){0};
    if (text.len > QUERY_TEXT_MAX)
        return query_refuse(&reader, &root, "query.large", "the query is too long");
    if (json_parse(arena, text, &json, &json_fault) != OK) {
        struct str message = str_fmt(arena, "%s at byte %zu", json_fault.what, json_fault.offset);

        return query_refuse(&reader, &root, "query.form", str_cstr(arena, message));
    }
    return text_read(&reader, &root, out);
}
