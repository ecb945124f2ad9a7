/* Windows, values and patterns as SQL. See oracle_private.h. */
#include "oracle_private.h"

#include "days.h"

#define ATTRIBUTE_FIELD 100 /* word.field of attribute 0; columns have their numbers */

const struct window oracle_always = {.kind = WINDOW_ALWAYS};

/* ---- when ------------------------------------------------------------------------------------ */

static int zone_of(const struct oracle *o)
{
    return o->mistake == MISTAKE_ZONE_IGNORED ? 1 : o->zone;
}

static int unit_of(const struct oracle *o, enum calendar_unit unit)
{
    if (unit == UNIT_WEEK && o->mistake == MISTAKE_WEEK_FROM_SUNDAY)
        return DAYS_UNIT_SUNDAY;
    return (int)unit;
}

void oracle_is_unit(struct oracle *o, enum calendar_unit unit)
{
    SAY(o, "s.zone = %d AND s.unit = %d", zone_of(o), unit_of(o, unit));
}

void oracle_unit(struct oracle *o, enum calendar_unit unit, const char *x)
{
    if (unit == UNIT_DAY && o->mistake == MISTAKE_DAYS_OF_86400) {
        SAY(o, "(%s / 86400)", x);
        return;
    }
    SAY(o,
        "(SELECT s.number FROM span s WHERE s.zone = %d AND s.unit = %d AND s.start <= %s"
        " ORDER BY s.start DESC, s.number DESC LIMIT 1)",
        zone_of(o), unit_of(o, unit), x);
}

/* The last unit of a calendar window: of those that are over, or the one that runs. */
static void last_unit(struct oracle *o, const struct window *window)
{
    bool is_current = window->is_current || o->mistake == MISTAKE_CALENDAR_CURRENT;

    SAY(o, "(SELECT max(s.number) FROM span s WHERE s.zone = %d AND s.unit = %d AND %s <= " I64 ")",
        zone_of(o), unit_of(o, window->unit), is_current ? "s.start" : "s.finish",
        o->as_of - is_current);
}

static void calendar_edge(struct oracle *o, const struct window *window, const char *edge,
                          int64_t back)
{
    SAY(o, "(SELECT %s FROM span WHERE zone = %d AND unit = %d AND number = ", edge, zone_of(o),
        unit_of(o, window->unit));
    last_unit(o, window);
    SAY(o, " - " I64 ")", back);
}

void oracle_window(struct oracle *o, const char *x, const struct window *window)
{
    const char *from = o->mistake == MISTAKE_WINDOW_FROM ? ">" : ">=";
    const char *to = o->mistake == MISTAKE_WINDOW_TO ? "<=" : "<";

    if (window->kind == WINDOW_ALWAYS) {
        SAY(o, "(1 = 1)");
    } else if (window->kind == WINDOW_ROLLING) {
        SAY(o, "(%s %s " I64 " AND %s < " I64 ")", x, from, o->as_of - window->seconds, x,
            o->as_of);
    } else if (window->kind == WINDOW_CALENDAR) {
        SAY(o, "(%s %s ", x, from);
        calendar_edge(o, window, "start", window->count - 1);
        SAY(o, " AND %s %s ", x, to);
        calendar_edge(o, window, "finish", 0);
        SAY(o, ")");
    } else {
        SAY(o, "(1 = 1");
        if (window->from != NONE)
            SAY(o, " AND %s %s " I64, x, from, window->from);
        if (window->to != NONE)
            SAY(o, " AND %s %s " I64, x, to, window->to);
        SAY(o, ")");
    }
}

/* One edge of a calendar window. */
static int64_t edge_asked(struct oracle *o, const struct window *window, const char *edge,
                          int64_t back)
{
    struct arena *arena = arena_new(65536);
    struct buf *text = o->text, own;
    struct sql_rows rows;
    int64_t found;

    buf_init(&own, 65536);
    o->text = &own;
    SAY(o, "SELECT ");
    calendar_edge(o, window, edge, back);
    rows = sql_rows(o->sql, arena, buf_view(&own));
    must(rows.row_count == 1);
    found = rows.cells[0];
    o->text = text;
    buf_release(&own);
    arena_free(arena);
    return found;
}

void oracle_edges(struct oracle *o, const struct window *window, int64_t edges[2])
{
    if (window->kind == WINDOW_ROLLING) {
        edges[0] = o->as_of - window->seconds;
        edges[1] = o->as_of;
    } else if (window->kind == WINDOW_CALENDAR) {
        edges[0] = edge_asked(o, window, "start", window->count - 1);
        edges[1] = edge_asked(o, window, "finish", 0);
    } else {
        edges[0] = window->from;
        edges[1] = window->to == NONE ? o->as_of : window->to;
    }
    for (int i = 0; i < 2; i++)
        edges[i] = edges[i] < o->as_of ? edges[i] : o->as_of;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void say_text(struct oracle *o, struct str text)
{
    SAY(o, "'");
    for (size_t i = 0; i < text.len; i++)
        SAY(o, text.at[i] == '\'' ? "''" : "%c", text.at[i]);
    SAY(o, "'");
}

static bool is_text(const struct query_field *field)
{
    return field->type == VALUE_TEXT || field->type == VALUE_CHOICES;
}

static int word_field(const struct query_field *field)
{
    return field->kind == QUERY_ATTRIBUTE ? ATTRIBUTE_FIELD + field->number : field->number;
}

static void say_values(struct oracle *o, const struct query_field *field, const struct test *test)
{
    bool is_of_texts = is_text(field);

    if (is_of_texts)
        SAY(o, "(SELECT w.code FROM word w WHERE w.field = %d AND w.text IN ", word_field(field));
    SAY(o, "(");
    for (int i = 0; i < test->value_count; i++) {
        SAY(o, i > 0 ? ", " : "");
        if (is_of_texts)
            say_text(o, test->texts[i]);
        else
            SAY(o, I64, test->values[i]);
    }
    SAY(o, is_of_texts ? "))" : ")");
}

static void say_search(struct oracle *o, const char *x, const struct query_field *field,
                       const struct test *test)
{
    bool is_start = test->compare == COMPARE_STARTS;

    SAY(o, "(%s IN (SELECT w.code FROM word w WHERE w.field = %d AND replace(", x,
        word_field(field));
    /* What begins with it, or has it, has it behind a mark that is in no text: as a search without
     * patterns that both have. */
    SAY(o, is_start ? "'~' || w.text, '~' || " : "w.text, ");
    say_text(o, test->texts[0]);
    SAY(o, ", '') <> %s))", is_start ? "'~' || w.text" : "w.text");
}

/* Days of the calendar whose month and date come up in [today + low, today + high). */
static void say_anniversary(struct oracle *o, const char *x, const struct test *test)
{
    SAY(o,
        "(%s IN (SELECT b.day FROM calendar b JOIN (SELECT t.year, t.month, t.date FROM calendar t"
        " JOIN (SELECT max(number) AS today FROM span WHERE zone = %d AND unit = 0 AND start "
        "<= " I64 ") n ON t.day >= n.today + " I64 " AND t.day < n.today + " I64 ") c"
        " ON b.month = c.month AND b.date = c.date",
        x, zone_of(o), o->as_of, test->low, test->high);
    if (o->mistake != MISTAKE_LEAP_BIRTHDAY)
        SAY(o, " OR b.month = 2 AND b.date = 29 AND c.month = 2 AND c.date = 28"
               " AND NOT EXISTS (SELECT 1 FROM calendar l WHERE l.year = c.year"
               " AND l.month = 2 AND l.date = 29)");
    SAY(o, "))");
}

static void say_within(struct oracle *o, const char *x, const struct query_field *field,
                       const struct test *test)
{
    if (field->type != VALUE_DATE) { /* a second */
        oracle_window(o, x, &test->within);
        return;
    }
    SAY(o, "(%s IN (SELECT d.day FROM day d WHERE d.zone = %d AND ", x, zone_of(o));
    oracle_window(o, "d.start", &test->within);
    SAY(o, "))");
}

static void say_range(struct oracle *o, const char *x, const struct test *test)
{
    const char *below = o->mistake == MISTAKE_BETWEEN_CLOSED ? "<=" : "<";

    SAY(o, "(%s IS NOT NULL", x);
    if (test->compare != COMPARE_BELOW)
        SAY(o, " AND %s >= " I64, x, test->low);
    if (test->compare != COMPARE_AT_LEAST)
        SAY(o, " AND %s %s " I64, x, test->compare == COMPARE_BETWEEN ? below : "<", test->high);
    SAY(o, ")");
}

static void say_list(struct oracle *o, const char *x, const struct query_field *field,
                     const struct test *test)
{
    bool is_none = test->compare == COMPARE_NONE_OF;

    if (!is_none || o->mistake == MISTAKE_NOT_OF_MISSING)
        SAY(o, "(%s IS NOT NULL AND %s %s ", x, x, is_none ? "NOT IN" : "IN");
    else
        SAY(o, "(%s IS NULL OR %s NOT IN ", x, x);
    say_values(o, field, test);
    SAY(o, ")");
}

void oracle_test(struct oracle *o, const char *x, const struct query_field *field,
                 const struct test *test)
{
    switch (test->compare) {
    case COMPARE_ANY_OF:
    case COMPARE_NONE_OF:
        say_list(o, x, field, test);
        break;
    case COMPARE_EXISTS:
        SAY(o, "(%s IS NOT NULL)", x);
        break;
    case COMPARE_MISSING:
        SAY(o, "(%s IS NULL)", x);
        break;
    case COMPARE_CONTAINS:
    case COMPARE_STARTS:
        say_search(o, x, field, test);
        break;
    case COMPARE_WITHIN:
        say_within(o, x, field, test);
        break;
    case COMPARE_ANNIVERSARY:
        say_anniversary(o, x, test);
        break;
    case COMPARE_ALL_OF: /* of choices: a row each, see oracle_who.c */
        must_fail("all of one value", __FILE__, __LINE__);
    default:
        say_range(o, x, test);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

void oracle_field(struct oracle *o, const struct query_field *field)
{
    switch (field->kind) {
    case QUERY_KIND:
        SAY(o, "e.kind");
        break;
    case QUERY_CHANNEL:
        SAY(o, "e.channel");
        break;
    case QUERY_COLUMN:
        SAY(o, "e.c%d", field->number);
        break;
    case QUERY_ATTRIBUTE:
        SAY(o, "(SELECT a.value FROM attribute a WHERE a.attribute = %d AND a.number = e.person)",
            field->number);
        break;
    case QUERY_DAY:
        oracle_unit(o, UNIT_DAY, "e.second");
    }
}

void oracle_match(struct oracle *o, const struct pattern *pattern, const struct window *window)
{
    char x[16];

    SAY(o, "(");
    for (int i = 0; i < pattern->kind_count; i++)
        SAY(o, "%s%d", i > 0 ? ", " : "e.kind IN (", pattern->kinds[i]);
    SAY(o, pattern->kind_count > 0 ? ") AND " : "");
    for (int i = 0; i < pattern->test_count; i++) {
        const struct query_field *field = &pattern->tests[i].field;
        struct arena *arena = arena_new(4096);
        struct str name =
            field->kind == QUERY_CHANNEL ? S("e.channel") : str_fmt(arena, "e.c%d", field->number);

        must(field->kind == QUERY_CHANNEL || field->kind == QUERY_COLUMN);
        memcpy(x, str_cstr(arena, name), name.len + 1);
        arena_free(arena);
        oracle_test(o, x, field, &pattern->tests[i].test);
        SAY(o, " AND ");
    }
    oracle_window(o, "e.second", window == NULL ? &pattern->window : window);
    SAY(o, ")");
}
