/* See question.h. Values are drawn from the few that the world has, so that answers are seldom
 * empty. */
#include "question_private.h"

#include "days.h"

#define DEPTH_MAX 4
#define ANSWERS_MAX 2

#define ONE_OF(w, words) (words)[below(w, ARRAY_LEN(words))]

static const char *const units[] = {"day", "week", "month", "quarter", "year"};

/* ---- windows --------------------------------------------------------------------------------- */

/* A second as the local time of UTC that the reader takes with its Z, or a date. */
static void put_time(struct writer *w, int64_t second)
{
    struct arena *arena = arena_new(4096);
    struct str text = time_iso(arena, second * 1000);

    if (is_so(w, 60))
        PUT(w, "\"%.*s\"", STR(text));
    else
        PUT(w, "\"%.*s\"", STR(str_sub(text, 0, 10)));
    arena_free(arena);
}

static int64_t edge_of(struct writer *w)
{
    return w->world->edges[below(w, w->world->edge_count)];
}

static void put_range(struct writer *w)
{
    int64_t one = edge_of(w), two = edge_of(w);
    int64_t from = one < two ? one : two, to = (one < two ? two : one) + 2 * 86400;
    int which = (int)below(w, 3);

    PUT(w, "{");
    if (which != 0) {
        PUT(w, "\"from\": ");
        put_time(w, from);
    }
    PUT(w, which == 2 ? ", " : "");
    if (which != 1) {
        PUT(w, "\"to\": ");
        put_time(w, to);
    }
    PUT(w, "}");
}

static void put_units(struct writer *w, int count_max)
{
    int unit = (int)below(w, is_so(w, 80) ? 3 : 5);

    PUT(w, "\"units\": \"%s\", \"count\": " I64, units[unit],
        1 + below(w, unit == 0  ? count_max
                     : unit < 3 ? 4
                                : 2));
    if (is_so(w, 60))
        PUT(w, ", \"current\": %s", is_so(w, 70) ? "true" : "false");
}

static void put_window(struct writer *w)
{
    static const char *const rolling[] = {
        "\"days\": 1",  "\"days\": 2",  "\"days\": 7",   "\"days\": 30",      "\"days\": 90",
        "\"hours\": 1", "\"weeks\": 1", "\"weeks\": 10", "\"minutes\": 1440", "\"seconds\": 3600"};
    int which = (int)below(w, 10);

    if (which < 4) {
        PUT(w, "{\"last\": {%s}}", ONE_OF(w, rolling));
    } else if (which < 8) {
        PUT(w, "{");
        put_units(w, 14);
        PUT(w, "}");
    } else {
        put_range(w);
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

static void put_date(struct writer *w, int64_t day)
{
    struct arena *arena = arena_new(4096);

    PUT(w, "\"%.*s\"", STR(day_iso(arena, day)));
    arena_free(arena);
}

static void put_value(struct writer *w, enum value_type type)
{
    switch (type) {
    case VALUE_DATE:
        put_date(w, days_of(2011, 6, 1) + below(w, 600));
        break;
    case VALUE_ID:
        PUT(w, "\"" I64 "\"", is_so(w, 95) ? below(w, 6) : 5000000001);
        break;
    case VALUE_TEXT:
    case VALUE_CHOICES: { /* a text of the world as JSON has it */
        const char *text = world_texts[below(w, WORLD_TEXTS)];

        PUT(w, "\"");
        for (; *text != '\0'; text++)
            PUT(w, *text == '\\' ? "\\\\" : "%c", *text);
        PUT(w, "\"");
        break;
    }
    default:
        PUT(w, I64, type == VALUE_MONEY ? below(w, 6) * 500 : below(w, 8) - 1);
    }
}

void question_values(struct writer *w, enum value_type type)
{
    int64_t count = 1 + below(w, 3);

    if (count == 1 && is_so(w, 50)) {
        put_value(w, type);
        return;
    }
    PUT(w, "[");
    for (int64_t i = 0; i < count; i++) {
        PUT(w, i > 0 ? ", " : "");
        put_value(w, type);
    }
    PUT(w, "]");
}

/* low < high, both seldom far from the values there are */
static void put_between(struct writer *w, enum value_type type)
{
    int64_t low = below(w, 5) - 1, high = low + 1 + below(w, 3);
    int64_t day = days_of(2011, 6, 1);

    PUT(w, "\"between\": [");
    if (type == VALUE_DATE) {
        put_date(w, day + low * 100);
        PUT(w, ", ");
        put_date(w, day + high * 100);
    } else {
        int64_t unit = type == VALUE_MONEY ? 500 : 1;

        PUT(w, I64 ", " I64, low * unit, high * unit);
    }
    PUT(w, "]");
}

static void put_order(struct writer *w, enum value_type type)
{
    int which = (int)below(w, 3);

    if (which == 2) {
        put_between(w, type);
        return;
    }
    PUT(w, which == 0 ? "\"at_least\": " : "\"below\": ");
    put_value(w, type);
}

static void put_date_test(struct writer *w)
{
    int64_t low = below(w, 60) - 30;

    if (is_so(w, 50)) {
        PUT(w, "\"within\": ");
        put_window(w);
    } else {
        PUT(w, "\"anniversary\": [" I64 ", " I64 "]", low,
            low + 1 + below(w, is_so(w, 90) ? 40 : 336));
    }
}

static void put_text_test(struct writer *w)
{
    static const char *const searches[] = {"a", "b",  "O'", "上", "海市", "%",
                                           "_", "c ", "z",  "bc", "A",    "y\\\\z"};

    PUT(w, "\"%s\": \"%s\"", is_so(w, 50) ? "contains" : "starts", ONE_OF(w, searches));
}

static void put_test(struct writer *w, enum value_type type)
{
    int which = (int)below(w, 10);
    bool is_ordered = type == VALUE_NUMBER || type == VALUE_MONEY || type == VALUE_DATE;

    if (which == 0) {
        PUT(w, "\"exists\": %s", is_so(w, 50) ? "true" : "false");
    } else if (which == 1) {
        PUT(w, "\"is_not\": ");
        question_values(w, type);
    } else if (which < 6 && type == VALUE_DATE) {
        put_date_test(w);
    } else if (which < 8 && is_ordered) {
        put_order(w, type);
    } else if (which < 5 && type == VALUE_TEXT) {
        put_text_test(w);
    } else if (which < 6 && type == VALUE_CHOICES) {
        PUT(w, "\"has_all\": ");
        question_values(w, type);
    } else {
        PUT(w, "\"is\": ");
        question_values(w, type);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

void question_kind(struct writer *w)
{
    struct str name = world_kinds[below(w, is_so(w, 70) ? 3 : WORLD_KINDS)].name;

    if (is_so(w, 25))
        name = S("order_paid");
    PUT(w, "\"%.*s\"", STR(name));
}

static void put_kinds(struct writer *w)
{
    int64_t count = is_so(w, 70) ? 1 : 1 + below(w, 4);

    PUT(w, count > 1 || is_so(w, 20) ? "\"kind\": [" : "\"kind\": ");
    if (w->out->at[w->out->len - 1] != '[') {
        question_kind(w);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        PUT(w, i > 0 ? ", " : "");
        question_kind(w);
    }
    PUT(w, "]");
}

static void put_where(struct writer *w)
{
    int64_t count = is_so(w, 80) ? 1 : 2;

    PUT(w, ", \"where\": [");
    for (int64_t i = 0; i < count; i++) {
        const struct catalog_field *column = &world_columns[below(w, WORLD_COLUMNS)];

        PUT(w, "%s{\"property\": \"%.*s\", ", i > 0 ? ", " : "", STR(column->name));
        put_test(w, column->type);
        PUT(w, "}");
    }
    PUT(w, "]");
}

/* detail: how likely is each of what it may say besides the kind. */
static void put_events(struct writer *w, int detail, bool may_have_window)
{
    PUT(w, "{");
    put_kinds(w);
    if (is_so(w, detail / 2)) {
        PUT(w, ", \"channel\": ");
        question_values(w, VALUE_ID);
    }
    if (is_so(w, detail / 3)) {
        PUT(w, ", \"subject\": ");
        question_values(w, VALUE_ID);
    }
    if (is_so(w, detail))
        put_where(w);
    if (may_have_window && is_so(w, 2 * detail)) {
        PUT(w, ", \"within\": ");
        put_window(w);
    }
    PUT(w, "}");
}

/* Such as must have a window. */
static void put_events_within(struct writer *w)
{
    PUT(w, "{");
    put_kinds(w);
    PUT(w, ", \"within\": ");
    put_window(w);
    PUT(w, "}");
}

static void put_within_seconds(struct writer *w)
{
    static const int64_t seconds[] = {0, 1, 3600, 7200, 86400, 7 * 86400, 30 * 86400, 86400 * 100};

    PUT(w, ", \"within_seconds\": " I64, ONE_OF(w, seconds));
}

static int64_t put_steps(struct writer *w, int most)
{
    int64_t count = 1 + below(w, most);

    PUT(w, "[");
    for (int64_t i = 0; i < count; i++) {
        PUT(w, i > 0 ? ", " : "");
        put_events(w, 10, true);
    }
    PUT(w, "]");
    return count;
}

static int64_t put_funnel(struct writer *w)
{
    static const char *const orders[] = {"ordered", "strict", "any"};
    const char *order = is_so(w, 40) ? "ordered" : ONE_OF(w, orders);
    int64_t count;

    PUT(w, "{\"steps\": ");
    count = put_steps(w, is_so(w, 95) ? 4 : 8);
    put_within_seconds(w);
    if (strcmp(order, "ordered") != 0 || is_so(w, 50))
        PUT(w, ", \"order\": \"%s\"", order);
    if (strcmp(order, "any") != 0 && count > 1 && is_so(w, 50)) {
        int64_t exclusions = 1 + below(w, 2);

        PUT(w, ", \"exclude\": [");
        for (int64_t i = 0; i < exclusions; i++) {
            PUT(w, "%s{\"events\": ", i > 0 ? ", " : "");
            put_events(w, 15, true);
            PUT(w, ", \"after\": " I64 "}", 1 + below(w, count - 1));
        }
        PUT(w, "]");
    }
    PUT(w, "}");
    return count;
}

/* ---- conditions ------------------------------------------------------------------------------ */

static void put_attribute(struct writer *w)
{
    int which = is_so(w, 25) ? WORLD_BIRTHDAY : (int)below(w, WORLD_ATTRIBUTES);
    const struct catalog_field *field = &world_attributes[which];

    PUT(w, "{\"attribute\": \"%.*s\", ", STR(field->name));
    if (field->type == VALUE_DATE && is_so(w, 50))
        put_date_test(w);
    else
        put_test(w, field->type);
    PUT(w, "}");
}

static void put_set(struct writer *w)
{
    static const char *const names[] = {"tag", "list", "segment"};
    static const char *const matches[] = {"any", "all", "none"};
    int kind = (int)below(w, 3);
    int64_t count = 1 + below(w, 3);

    PUT(w, "{\"%s\": [", names[kind]);
    for (int64_t i = 0; i < count; i++)
        PUT(w, "%s\"" I64 "\"", i > 0 ? ", " : "",
            world_set_id((enum set_kind)kind, (int)below(w, WORLD_SETS)));
    PUT(w, "]");
    if (is_so(w, 60))
        PUT(w, ", \"match\": \"%s\"", ONE_OF(w, matches));
    PUT(w, "}");
}

static void put_bucket(struct writer *w)
{
    int64_t from = below(w, 5) * 200000;

    PUT(w, "{\"bucket\": {\"salt\": \"%s\", \"from\": " I64 ", \"to\": " I64 "}}",
        is_so(w, 50) ? "spring" : "autumn", from,
        from + 200000 * (1 + below(w, 5 - from / 200000)));
}

static void put_first(struct writer *w, const char *measure)
{
    const struct catalog_field *column = &world_columns[below(w, WORLD_COLUMNS)];

    PUT(w, ", \"measure\": \"%s\", ", measure);
    if (is_so(w, 30)) {
        PUT(w, "\"within\": ");
        put_window(w);
        return;
    }
    PUT(w, "\"of\": \"%.*s\", ", STR(column->name));
    put_test(w, column->type);
}

static void put_measure(struct writer *w)
{
    static const char *const sums[] = {"sum", "min", "max"};
    static const char *const distinct[] = {"kind",   "channel", "amount", "subject",
                                           "pieces", "word",    "due"};
    int which = (int)below(w, 13);

    if (which < 3) {
        PUT(w, ", \"measure\": \"count\", ");
        put_test(w, VALUE_NUMBER);
    } else if (which < 5) {
        const char *measure = ONE_OF(w, sums);
        int column = strcmp(measure, "sum") != 0 && is_so(w, 30) ? WORLD_DUE
                     : is_so(w, 70)                              ? WORLD_AMOUNT
                                                                 : WORLD_PIECES;

        PUT(w, ", \"measure\": \"%s\", \"of\": \"%.*s\", ", measure,
            STR(world_columns[column].name));
        put_test(w, world_columns[column].type);
    } else if (which < 7) {
        PUT(w, ", \"measure\": \"distinct\", \"of\": \"%s\", ", ONE_OF(w, distinct));
        put_test(w, VALUE_NUMBER);
    } else if (which < 8) {
        PUT(w, ", \"measure\": \"days\", ");
        put_test(w, VALUE_NUMBER);
    } else {
        put_first(w, which % 2 == 0 ? "first" : "last");
    }
}

static void put_did(struct writer *w)
{
    PUT(w, "{\"did\": ");
    put_events(w, 25, true);
    if (is_so(w, 30)) {
        PUT(w, ", ");
        put_order(w, VALUE_NUMBER);
    } else if (is_so(w, 75)) {
        put_measure(w);
    }
    PUT(w, "}");
}

static void put_regularly(struct writer *w)
{
    int unit = (int)below(w, 3);
    int64_t count = 2 + below(w, unit == 0 ? 20 : 6);

    PUT(w, "{\"regularly\": ");
    put_events(w, 10, false);
    PUT(w, ", \"units\": \"%s\", \"count\": " I64 ", \"at_least\": " I64, units[unit], count,
        1 + below(w, is_so(w, 80) ? 2 : count));
    if (is_so(w, 30))
        PUT(w, ", \"times\": " I64, 1 + below(w, 3));
    if (is_so(w, 40))
        PUT(w, ", \"current\": true");
    PUT(w, "}");
}

static void put_change(struct writer *w)
{
    int which = (int)below(w, 3);

    if (which == 0) {
        PUT(w, "{\"first_time\": ");
        put_events(w, is_so(w, 50) ? 50 : 15, true);
        PUT(w, "}");
        return;
    }
    PUT(w, which == 1 ? "{\"stopped\": " : "{\"restarted\": ");
    put_events_within(w);
    PUT(w, ", \"later\": ");
    put_window(w);
    if (which == 2) {
        PUT(w, ", \"again\": ");
        put_window(w);
    }
    PUT(w, "}");
}

static void put_fifths(struct writer *w, const char *name)
{
    if (is_so(w, 50))
        PUT(w, ", \"%s\": [" I64 ", " I64 ", " I64 "]", name, 1 + below(w, 5), 1 + below(w, 5),
            1 + below(w, 5));
}

static void put_cell(struct writer *w)
{
    PUT(w, "{\"rfm\": ");
    put_events(w, 15, true);
    PUT(w, ", \"of\": \"%s\"", is_so(w, 70) ? "amount" : "pieces");
    put_fifths(w, "r");
    put_fifths(w, "f");
    put_fifths(w, "m");
    PUT(w, "}");
}

static void put_answer(struct writer *w);

static void put_leaf(struct writer *w)
{
    static const char *const states[] = {"never", "first", "repeat"};
    int which = (int)below(w, 100);

    if (which < 12) {
        put_attribute(w);
    } else if (which < 19) {
        put_set(w);
    } else if (which < 22) {
        put_bucket(w);
    } else if (which < 28 && w->answers < ANSWERS_MAX) {
        put_answer(w);
    } else if (which < 60) {
        put_did(w);
    } else if (which < 66) {
        PUT(w, "{\"sequence\": ");
        put_steps(w, 3);
        put_within_seconds(w);
        PUT(w, "}");
    } else if (which < 74) {
        int64_t count, low;

        PUT(w, "{\"funnel\": ");
        count = put_funnel(w);
        low = below(w, count + 1);
        PUT(w, ", \"level\": [" I64 ", " I64 "]}", low, low + below(w, count - low + 1));
    } else if (which < 82) {
        put_regularly(w);
    } else if (which < 92) {
        put_change(w);
    } else if (which < 95) {
        put_cell(w);
    } else if (which < 97) {
        PUT(w, "{\"purchase\": \"%s\", \"kind\": \"order_paid\"}", ONE_OF(w, states));
    } else {
        PUT(w, "{\"everyone\": true}");
    }
}

static void put_condition(struct writer *w, int depth)
{
    int which = (int)below(w, 10);

    if (depth == DEPTH_MAX || which < 5 + depth) {
        put_leaf(w);
    } else if (which == 9) {
        PUT(w, "{\"not\": ");
        put_condition(w, depth + 1);
        PUT(w, "}");
    } else {
        int64_t count = is_so(w, 97) ? 1 + below(w, 3) : 0;

        PUT(w, which % 2 == 0 ? "{\"all\": [" : "{\"any\": [");
        for (int64_t i = 0; i < count; i++) {
            PUT(w, i > 0 ? ", " : "");
            put_condition(w, depth + 1);
        }
        PUT(w, "]}");
    }
}

/* ---- questions ------------------------------------------------------------------------------- */

static void put_by(struct writer *w, bool may_be_attribute)
{
    static const char *const words[] = {"kind", "channel", "day"};
    static const int attributes[] = {WORLD_SCORE, WORLD_PAID,  WORLD_JOINED,
                                     WORLD_CITY,  WORLD_OWNER, WORLD_BIRTHDAY};
    int which = (int)below(w, may_be_attribute ? 9 : 7);
    const struct catalog_field *field;

    PUT(w, ", \"by\": ");
    if (which < 4) {
        PUT(w, "\"%s\"", words[which % 3]);
        w->by = BY_KIND + which % 3;
        return;
    }
    w->by = BY_VALUE;
    field = which < 7 ? &world_columns[below(w, WORLD_COLUMNS)]
                      : &world_attributes[ONE_OF(w, attributes)];
    w->by_type = field->type;
    PUT(w, "{\"%s\": \"%.*s\"}", which < 7 ? "property" : "attribute", STR(field->name));
}

static void put_of(struct writer *w)
{
    PUT(w, ", \"of\": \"%s\"", is_so(w, 75) ? "amount" : "pieces");
}

static void put_retention(struct writer *w)
{
    int unit = (int)below(w, is_so(w, 90) ? 3 : 5);

    PUT(w, ", \"start\": ");
    put_events(w, 10, true);
    PUT(w, ", \"back\": ");
    put_events(w, 10, true);
    PUT(w, ", \"units\": \"%s\", \"count\": " I64 ", \"cohort\": \"%s\"", units[unit],
        1 + below(w, unit < 2 ? 9 : 4), is_so(w, 50) ? "first" : "every");
    if (is_so(w, 40))
        PUT(w, ", \"or_after\": true");
}

static void put_paths(struct writer *w)
{
    static const int64_t gaps[] = {0, 1, 1800, 3600, 86400, 10 * 86400};

    PUT(w, ", \"events\": ");
    put_events(w, 10, true);
    if (is_so(w, 60))
        PUT(w, ", \"gap_seconds\": " I64, ONE_OF(w, gaps));
    if (is_so(w, 60))
        PUT(w, ", \"steps\": " I64, below(w, 5));
    if (is_so(w, 60))
        put_by(w, false);
    if (is_so(w, 60))
        PUT(w, ", \"limit\": " I64, 1 + below(w, is_so(w, 50) ? 10 : 200));
}

static void put_breakdown(struct writer *w)
{
    static const char *const orders[] = {"people", "events", "sum"};
    bool is_summed = is_so(w, 60);

    PUT(w, ", \"events\": ");
    put_events(w, 10, true);
    put_by(w, true);
    if (is_summed)
        put_of(w);
    if (is_so(w, 70))
        PUT(w, ", \"order\": \"%s\"", orders[below(w, is_summed ? 3 : 2)]);
    if (is_so(w, 60))
        PUT(w, ", \"limit\": " I64, 1 + below(w, 6));
}

static void put_trend(struct writer *w)
{
    PUT(w, ", \"events\": ");
    put_events(w, 10, true);
    PUT(w, ", \"units\": \"%s\"", ONE_OF(w, units));
    if (is_so(w, 50))
        put_of(w);
    if (is_so(w, 50))
        put_by(w, true);
}

static void put_timeline(struct writer *w)
{
    const struct world *world = w->world;

    PUT(w, ", \"person\": %d", (int)world->records[below(w, world->record_count)].number);
    if (is_so(w, 40)) {
        PUT(w, ", \"events\": ");
        put_events(w, 15, true);
    }
    if (is_so(w, 60))
        PUT(w, ", \"limit\": " I64, 1 + below(w, 12));
    if (is_so(w, 50)) {
        PUT(w, ", \"before\": " I64,
            world->facts[below(w, world->fact_count)].second + below(w, 2));
        if (is_so(w, 50))
            PUT(w, ", \"skip\": " I64, below(w, 3));
    }
}

static void put_flow(struct writer *w)
{
    static const int attributes[] = {WORLD_SCORE, WORLD_CITY, WORLD_OWNER, WORLD_JOINED};
    int64_t count = 1 + below(w, 4);

    PUT(w, ", \"within\": {");
    if (is_so(w, 30)) {
        PUT(w, "\"from\": ");
        put_time(w, edge_of(w));
    } else if (is_so(w, 50)) {
        put_units(w, 14);
    } else {
        PUT(w, "\"last\": {\"days\": " I64 "}", 1 + below(w, 60));
    }
    PUT(w, "}, \"stages\": [");
    for (int64_t i = 0; i < count; i++) {
        PUT(w, "%s{\"name\": \"s\", \"who\": ", i > 0 ? ", " : "");
        if (is_so(w, 60))
            put_did(w);
        else
            put_condition(w, DEPTH_MAX - 1);
        PUT(w, "}");
    }
    PUT(w, "]");
    if (is_so(w, 30)) {
        const struct catalog_field *field = &world_attributes[ONE_OF(w, attributes)];

        w->by = BY_VALUE;
        w->by_type = field->type;
        PUT(w, ", \"by\": {\"attribute\": \"%.*s\"}", STR(field->name));
    }
}

static void put_ask(struct writer *w, enum query_ask ask)
{
    w->by = BY_NONE;
    switch (ask) {
    case QUERY_SEGMENT:
        break;
    case QUERY_FUNNEL:
        PUT(w, ", \"funnel\": ");
        put_funnel(w);
        if (is_so(w, 50))
            put_by(w, true);
        break;
    case QUERY_RETENTION:
        put_retention(w);
        break;
    case QUERY_PATHS:
        put_paths(w);
        break;
    case QUERY_BREAKDOWN:
        put_breakdown(w);
        break;
    case QUERY_TREND:
        put_trend(w);
        break;
    case QUERY_TIMELINE:
        put_timeline(w);
        break;
    case QUERY_FLOW:
        put_flow(w);
        break;
    default: /* RFM, INTERVAL */
        PUT(w, ", \"events\": ");
        put_events(w, 15, true);
        if (ask == QUERY_RFM)
            put_of(w);
        else
            PUT(w, ", \"pairs\": \"%s\"", is_so(w, 50) ? "first" : "all");
    }
}

static const char *const asks[] = {
    [QUERY_SEGMENT] = "segment",   [QUERY_FUNNEL] = "funnel", [QUERY_RETENTION] = "retention",
    [QUERY_PATHS] = "paths",       [QUERY_TREND] = "trend",   [QUERY_BREAKDOWN] = "breakdown",
    [QUERY_INTERVAL] = "interval", [QUERY_RFM] = "rfm",       [QUERY_TIMELINE] = "timeline",
    [QUERY_FLOW] = "flow"};

/* ---- cells ----------------------------------------------------------------------------------- */

static void put_answer(struct writer *w)
{
    static const enum query_ask some[] = {QUERY_FUNNEL,    QUERY_RETENTION, QUERY_PATHS,
                                          QUERY_BREAKDOWN, QUERY_TREND,     QUERY_RFM,
                                          QUERY_INTERVAL,  QUERY_FLOW};
    enum query_ask ask = ONE_OF(w, some);
    struct writer outer = *w; /* what it was by */

    w->answers++;
    PUT(w, "{\"answer\": {\"ask\": \"%s\"", asks[ask]);
    if (is_so(w, 40)) {
        PUT(w, ", \"who\": ");
        put_condition(w, DEPTH_MAX - 1);
    }
    put_ask(w, ask);
    PUT(w, "}, \"cell\": {");
    question_keys(w, ask);
    PUT(w, "}}");
    w->by = outer.by;
    w->by_type = outer.by_type;
}

/* ---- all ------------------------------------------------------------------------------------- */

void question_make(struct buf *out, struct dice *dice, const struct world *world,
                   enum query_ask ask)
{
    struct writer w = {.out = out, .dice = dice, .world = world};

    PUT(&w, "{\"version\": 1, \"ask\": \"%s\"", asks[ask]);
    if (is_so(&w, 70))
        PUT(&w, ", \"zone\": \"%s\"", days_zones[below(&w, DAYS_ZONES)].name);
    if (ask == QUERY_SEGMENT || (ask != QUERY_TIMELINE && is_so(&w, 30))) {
        PUT(&w, ", \"who\": ");
        put_condition(&w, ask == QUERY_SEGMENT ? 0 : 2);
    }
    put_ask(&w, ask);
    PUT(&w, "}");
}
