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

/* ---- all ------------------------------------------------------------------------------------ */

#define NAMES(...) ((const char *const[]){COMMON, __VA_ARGS__, NULL})

static const char *const ask_names[] = {"segment", "funnel", "retention", "paths",    "breakdown",
                                        "trend",   "rfm",    "interval",  "timeline", NULL};
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
};

static enum err zone_read(struct query_reader *reader, const struct query_item *text)
{
    struct query_item item;
    struct str name;

    reader->zone = reader->catalog->zone;
    if (!query_member(text, "zone", &item))
        return OK;
    TRY(query_text(reader, &item, &name));
    reader->zone = reader->catalog->zone_find(reader->catalog->user, name);
    return reader->zone != NULL
               ? OK
               : query_refuse(reader, &item, "query.name", "there is no such zone");
}

static enum err who_read(struct query_reader *reader, const struct query_item *text,
                         struct query *out)
{
    struct query_item who;

    if (!query_member(text, "who", &who))
        return OK;
    reader->nodes = arena_new_array(reader->arena, struct condition, QUERY_CONDITION_MAX);
    TRY(query_condition(reader, &who));
    out->who = reader->nodes;
    out->who_count = reader->node_count;
    return OK;
}

static enum err text_read(struct query_reader *reader, const struct query_item *text,
                          struct query *out)
{
    struct query_item item;
    int64_t version;
    int ask;

    if (text->json->type != JSON_OBJECT)
        return query_refuse(reader, text, "query.form", "an object is wanted");
    TRY(query_need(reader, text, "version", &item));
    TRY(query_integer(reader, &item, QUERY_VERSION, QUERY_VERSION, &version));
    TRY(query_need(reader, text, "ask", &item));
    TRY(query_word(reader, &item, ask_names, &ask));
    TRY(query_members(reader, text, asks[ask].names));
    TRY(zone_read(reader, text));
    out->ask = (enum query_ask)ask;
    out->zone = reader->zone;
    TRY(who_read(reader, text, out));
    return asks[ask].read(reader, text, out);
}

enum err query_read(struct arena *arena, const struct catalog *catalog, struct str text,
                    struct query *out, struct query_fault *fault)
{
    struct query_reader reader = {.arena = arena, .catalog = catalog, .fault = fault};
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
