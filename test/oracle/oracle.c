/* The tables, and each question as one statement over them. See oracle.h. */
#include "oracle_private.h"

#include "days.h"

#define TEXT_MAX ((size_t)4 * 1024 * 1024)

const char *const oracle_mistakes[MISTAKE_COUNT] = {
    [MISTAKE_NONE] = "none",
    [MISTAKE_TIES_REVERSED] = "of one second the later arrived comes first",
    [MISTAKE_LATE_DROPPED] = "late events are dropped",
    [MISTAKE_MERGED_TWICE] = "a linked record is a person of its own",
    [MISTAKE_DELETED_COUNTED] = "deleted people are counted",
    [MISTAKE_STRANGER_COUNTED] = "numbers that nobody knows are counted",
    [MISTAKE_LINKED_ATTRIBUTE] = "attributes of linked records count",
    [MISTAKE_LINKED_SET_LOST] = "sets of linked records do not count",
    [MISTAKE_WINDOW_FROM] = "a window leaves its first second out",
    [MISTAKE_WINDOW_TO] = "a window takes its end in",
    [MISTAKE_PRESENT_SEEN] = "events of the moment of asking are seen",
    [MISTAKE_ZONE_IGNORED] = "zones are ignored",
    [MISTAKE_WEEK_FROM_SUNDAY] = "weeks begin on Sunday",
    [MISTAKE_CALENDAR_CURRENT] = "the running unit always counts",
    [MISTAKE_DAYS_OF_86400] = "days have 86,400 seconds",
    [MISTAKE_NOT_OF_MISSING] = "none-of fails for what is missing",
    [MISTAKE_DISTINCT_MISSING] = "missing is a distinct value",
    [MISTAKE_BETWEEN_CLOSED] = "between takes its high end in",
    [MISTAKE_NO_EVENT_IS_MISSING] = "no event is no count",
    [MISTAKE_FIRST_WITH_VALUE] = "the first event is the first with a value",
    [MISTAKE_LEAP_BIRTHDAY] = "29 February comes in leap years only",
    [MISTAKE_STEP_TWICE] = "an event is two steps",
    [MISTAKE_WITHIN_OPEN] = "a chain must be shorter than its time",
    [MISTAKE_EXCLUSION_CLOSED] = "a step excludes itself",
    [MISTAKE_EXCLUSION_SHIFTED] = "exclusions hold one step later",
    [MISTAKE_STRICT_ONLY_STEPS] = "strict as ordered",
    [MISTAKE_CHAIN_BEGINS_FIRST] = "of chains the one that begins first counts",
    [MISTAKE_MEDIAN_UPPER] = "the median is the upper one",
    [MISTAKE_FIRST_TIME_IN_WINDOW] = "first in the window for first ever",
    [MISTAKE_STOPPED_ANYWAY] = "stopped without looking at later",
    [MISTAKE_FIFTH_FLOOR] = "a fifth's rank is rounded down",
    [MISTAKE_FIFTH_TIES_APART] = "equal values fall into different fifths",
    [MISTAKE_BACK_AFTER_START] = "back in the first unit only after the start",
    [MISTAKE_GAP_OPEN] = "a gap must be longer than its seconds",
    [MISTAKE_REST_ONCE] = "in the rest a person counts once",
    [MISTAKE_CELL_OF_ALL] = "a cell forgets who was asked about",
    [MISTAKE_CELL_REST_IS_ALL] = "the cell of the rest is everybody",
    [MISTAKE_CELL_UNIT_LATER] = "the cell of a unit is that of the next",
    [MISTAKE_FLOW_LOWEST] = "the first stage that holds counts",
    [MISTAKE_FLOW_ENDS_NOW] = "a flow always ends now",
};

/* ---- tables ---------------------------------------------------------------------------------- */

static const char tables[] =
    "CREATE TABLE record (number BIGINT, kept BIGINT, is_deleted BIGINT);"
    "CREATE TABLE event (place BIGINT, number BIGINT, second BIGINT, kind BIGINT, channel BIGINT,"
    " c0 BIGINT, c1 BIGINT, c2 BIGINT, c3 BIGINT, c4 BIGINT);"
    "CREATE TABLE attribute (attribute BIGINT, number BIGINT, value BIGINT);"
    "CREATE TABLE word (field BIGINT, code BIGINT, text TEXT);"
    "CREATE TABLE member (kind BIGINT, id BIGINT, number BIGINT);"
    "CREATE TABLE lot (salt TEXT, number BIGINT, lot BIGINT);"
    "CREATE TABLE p (id BIGINT);"
    "CREATE TABLE stream (person BIGINT, seq BIGINT, second BIGINT, kind BIGINT, channel BIGINT,"
    " c0 BIGINT, c1 BIGINT, c2 BIGINT, c3 BIGINT, c4 BIGINT);"
    "CREATE INDEX stream_person ON stream (person, seq);"
    "CREATE INDEX attribute_number ON attribute (attribute, number);";

void oracle_prepare(struct sql *sql)
{
    days_fill(sql);
    sql_run(sql, str_of(tables));
}

static const char *cell(struct arena *arena, int64_t value)
{
    return value == NONE ? "NULL" : str_cstr(arena, str_fmt(arena, I64, value));
}

static void load_events(struct sql *sql, const struct world *world)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    struct sql_fill fill;

    sql_fill_begin(&fill, sql, "event");
    for (int i = 0; i < world->fact_count; i++) {
        const struct world_fact *fact = &world->facts[i];

        sql_fill_row(&fill, "%d, %d, " I64 ", %d, %d, %s, %s, %s, %s, %s", i, (int)fact->number,
                     fact->second, fact->kind, fact->channel, cell(arena, fact->values[0]),
                     cell(arena, fact->values[1]), cell(arena, fact->values[2]),
                     cell(arena, fact->values[3]), cell(arena, fact->values[4]));
    }
    sql_fill_end(&fill);
    arena_free(arena);
}

static void load_attribute(struct sql_fill *fill, const struct world_record *record, int attribute,
                           const int64_t codes[WORLD_TEXTS])
{
    int64_t value = record->values[attribute];

    if (value == NONE)
        return;
    if (attribute == WORLD_CITY) {
        sql_fill_row(fill, "%d, %d, " I64, attribute, (int)record->number, codes[value]);
    } else if (attribute == WORLD_LIKES) {
        for (int i = 0; i < WORLD_TEXTS; i++) {
            if (value >> i & 1)
                sql_fill_row(fill, "%d, %d, " I64, attribute, (int)record->number, codes[i]);
        }
    } else {
        sql_fill_row(fill, "%d, %d, " I64, attribute, (int)record->number, value);
    }
}

static void load_records(struct sql *sql, const struct world *world,
                         const int64_t codes[WORLD_ATTRIBUTES][WORLD_TEXTS])
{
    static const char *const salts[] = {"spring", "autumn"};
    struct sql_fill records, attributes, members, lots;

    sql_fill_begin(&records, sql, "record");
    sql_fill_begin(&attributes, sql, "attribute");
    sql_fill_begin(&members, sql, "member");
    sql_fill_begin(&lots, sql, "lot");
    for (int i = 0; i < world->record_count; i++) {
        const struct world_record *record = &world->records[i];
        int number = (int)record->number;

        if (!record->is_known)
            continue;
        sql_fill_row(&records, "%d, %d, %d", number, (int)record->kept, record->is_deleted);
        for (int j = 0; j < WORLD_ATTRIBUTES; j++)
            load_attribute(&attributes, record, j, codes[j]);
        for (int j = 0; j < 3 * WORLD_SETS; j++) {
            if (record->sets[j / WORLD_SETS] >> j % WORLD_SETS & 1)
                sql_fill_row(&members, "%d, " I64 ", %d", j / WORLD_SETS,
                             world_set_id((enum set_kind)(j / WORLD_SETS), j % WORLD_SETS), number);
        }
        for (int j = 0; j < 2; j++)
            sql_fill_row(&lots, "'%s', %d, %d", salts[j], number,
                         (int)catalog_bucket(str_of(salts[j]), record->number));
    }
    sql_fill_end(&records);
    sql_fill_end(&attributes);
    sql_fill_end(&members);
    sql_fill_end(&lots);
}

static void load_words(struct sql *sql, const int64_t codes[WORLD_ATTRIBUTES][WORLD_TEXTS])
{
    struct sql_fill fill;

    sql_fill_begin(&fill, sql, "word");
    for (int i = 0; i < WORLD_TEXTS; i++) {
        const char *quote = strchr(world_texts[i], '\''); /* doubled */
        int before =
            (int)(quote == NULL ? strlen(world_texts[i]) : (size_t)(quote - world_texts[i]));
        const char *more = quote == NULL ? "" : "'";
        const char *behind = quote == NULL ? "" : quote;

        sql_fill_row(&fill, "%d, %d, '%.*s%s%s'", WORLD_WORD, i, before, world_texts[i], more,
                     behind);
        for (int j = WORLD_CITY; j <= WORLD_LIKES; j++) {
            if (codes[j][i] != NONE)
                sql_fill_row(&fill, "%d, " I64 ", '%.*s%s%s'", 100 + j, codes[j][i], before,
                             world_texts[i], more, behind);
        }
    }
    sql_fill_end(&fill);
}

/* Persons, and the events of each in their order: what a merge is, what a deletion is, what a tie
 * is. */
static void load_streams(struct oracle *o)
{
    struct arena *arena = arena_new(65536);
    bool is_twice = o->mistake == MISTAKE_MERGED_TWICE;
    const char *person = is_twice ? "r.number" : "r.kept";

    sql_run(o->sql, str_fmt(arena, "INSERT INTO p SELECT r.number FROM record r WHERE %s AND %s",
                            is_twice ? "1 = 1" : "r.kept = r.number",
                            o->mistake == MISTAKE_DELETED_COUNTED ? "1 = 1" : "r.is_deleted = 0"));
    if (o->mistake == MISTAKE_STRANGER_COUNTED)
        sql_run(o->sql, S("INSERT INTO p SELECT DISTINCT number FROM event"
                          " WHERE number NOT IN (SELECT number FROM record);"
                          "INSERT INTO record SELECT DISTINCT number, number, 0 FROM event"
                          " WHERE number NOT IN (SELECT number FROM record)"));
    sql_run(o->sql,
            str_fmt(arena,
                    "INSERT INTO stream SELECT %s, row_number() OVER"
                    " (PARTITION BY %s ORDER BY v.second, v.number, v.place%s),"
                    " v.second, v.kind, v.channel, v.c0, v.c1, v.c2, v.c3, v.c4"
                    " FROM event v JOIN record r ON r.number = v.number"
                    " WHERE %s IN (SELECT id FROM p) AND %s",
                    person, person, o->mistake == MISTAKE_TIES_REVERSED ? " DESC" : "", person,
                    o->mistake == MISTAKE_LATE_DROPPED
                        ? "NOT EXISTS (SELECT 1 FROM event w WHERE w.number = v.number"
                          " AND w.place < v.place AND w.second > v.second + 3600)"
                        : "1 = 1"));
    arena_free(arena);
}

void oracle_load(struct oracle *oracle, const struct world *world,
                 const int64_t codes[WORLD_ATTRIBUTES][WORLD_TEXTS])
{
    static const char *const names[] = {"record", "event", "attribute", "word",
                                        "member", "lot",   "p",         "stream"};
    struct arena *arena = arena_new(65536);

    sql_run(oracle->sql, S("BEGIN"));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        sql_run(oracle->sql, str_fmt(arena, "DELETE FROM %s", names[i]));
    load_events(oracle->sql, world);
    load_records(oracle->sql, world, codes);
    load_words(oracle->sql, codes);
    load_streams(oracle);
    sql_run(oracle->sql, S("COMMIT"));
    sql_run(oracle->sql, S("ANALYZE"));
    arena_free(arena);
}

/* ---- questions ------------------------------------------------------------------------------- */

void oracle_base(struct oracle *o)
{
    SAY(o,
        "WITH RECURSIVE now AS (SELECT " I64 " AS second), e AS (SELECT * FROM stream"
        " WHERE second < " I64 "), ",
        o->as_of, o->as_of + (o->mistake == MISTAKE_PRESENT_SEEN));
}

/* who: the people of the question; ew: their events. */
void oracle_people(struct oracle *o, const struct query *query)
{
    SAY(o, "who AS MATERIALIZED (SELECT p.id FROM p WHERE ");
    if (query->who_count > 0)
        oracle_condition(o, query, query->who_count - 1);
    else
        SAY(o, "1 = 1");
    SAY(o, "), ew AS (SELECT e.* FROM e WHERE e.person IN (SELECT id FROM who))");
}

static void say_by(struct oracle *o, const struct query *query)
{
    if (query->has_by)
        oracle_field(o, &query->by);
    else
        SAY(o, "0");
}

/* f: the events that match the pattern, with by and x. */
static void say_events(struct oracle *o, const struct query *query)
{
    SAY(o, ", f AS MATERIALIZED (SELECT e.person, e.seq, e.second, ");
    say_by(o, query);
    SAY(o, " AS grp, ");
    if (query->has_field)
        oracle_field(o, &query->field);
    else
        SAY(o, "NULL");
    SAY(o, " AS x FROM ew e WHERE ");
    oracle_match(o, &query->pattern, NULL);
    SAY(o, ")");
}

static void say_levels(struct oracle *o, const struct query *query, int at)
{
    const char *median = o->mistake == MISTAKE_MEDIAN_UPPER ? "t.n / 2 + 1" : "(t.n + 1) / 2";

    /* Of the chains of each person and level the one that counts; its seconds. */
    SAY(o,
        ", best AS (SELECT c.person, c.step, c.start, c.ends, row_number() OVER"
        " (PARTITION BY c.person, c.step ORDER BY c.ends, c.start %s) AS at FROM chain%d c),"
        " timed AS (SELECT b.person, b.step, b.start, z.second - a.second AS took FROM best b"
        " JOIN stream a ON a.person = b.person AND a.seq = b.start"
        " JOIN stream z ON z.person = b.person AND z.seq = b.ends WHERE b.at = 1),",
        o->mistake == MISTAKE_CHAIN_BEGINS_FIRST ? "ASC" : "DESC", at);
    /* The event that says which group a person is in. */
    SAY(o,
        " names AS (SELECT l.person, l.seq, e.grp FROM (SELECT m.person, coalesce("
        "(SELECT t.start FROM timed t WHERE t.person = m.person ORDER BY t.step DESC LIMIT 1),"
        " min(m.seq)) AS seq FROM m%d m GROUP BY m.person) l JOIN (SELECT e.person, e.seq, ",
        at);
    say_by(o, query);
    SAY(o, " AS grp FROM e) e ON e.person = l.person AND e.seq = l.seq WHERE e.grp IS NOT NULL),"
           " reached AS (SELECT grp, 0 AS level, person, NULL AS took FROM names"
           " UNION ALL SELECT n.grp, t.step, t.person, CASE WHEN t.step > 1 THEN t.took END"
           " FROM timed t JOIN names n ON n.person = t.person),");
    SAY(o,
        " ranked AS (SELECT grp, level, took, row_number() OVER (PARTITION BY grp, level"
        " ORDER BY took) AS at, count(*) OVER (PARTITION BY grp, level) AS n FROM reached),"
        " sums AS (SELECT t.grp, t.level, count(*) AS n,"
        " max(CASE WHEN t.at = %s THEN t.took END) AS middle,"
        " CAST(sum(t.took) AS BIGINT) / count(*) AS mean FROM ranked t GROUP BY t.grp, t.level),",
        median);
}

static void say_funnel_answer(struct oracle *o, const struct query *query,
                              const struct query_cell *cell)
{
    int at;

    SAY(o, ", ");
    at = oracle_chains(o, &query->funnel, "ew");
    say_levels(o, query, at);
    if (cell != NULL) {
        SAY(o, " spare AS (SELECT 0) SELECT person FROM reached WHERE 1 = 1");
        oracle_key(o, cell, 0, "grp");
        oracle_key(o, cell, 1, "level");
        return;
    }
    SAY(o, " levels AS (SELECT 0 AS level");
    for (int i = 1; i <= query->funnel.step_count; i++)
        SAY(o, " UNION ALL SELECT %d", i);
    SAY(o, "), groups AS (%s)",
        query->has_by ? "SELECT DISTINCT grp FROM names" : "SELECT 0 AS grp");
    SAY(o,
        " SELECT %slevels.level, coalesce(s.n, 0), s.middle, s.mean FROM groups g"
        " CROSS JOIN levels LEFT JOIN sums s ON s.grp = g.grp AND s.level = levels.level"
        " ORDER BY g.grp, levels.level",
        query->has_by ? "g.grp, " : "");
}

/* Of cohorts whose row is asked for; of units where one is named. */
static void say_cohort(struct oracle *o, const struct query_cell *cell, const char *when)
{
    const char *unit = o->mistake == MISTAKE_CELL_UNIT_LATER ? "(u.number - c.number + 1)"
                                                             : "(u.number - c.number)";

    SAY(o, ") SELECT b.person FROM born b JOIN axis c ON c.number = b.number");
    if (cell->keys[1].is_set)
        SAY(o,
            " JOIN axis u ON u.number >= c.number JOIN returns t ON t.person = b.person"
            " AND t.number %s u.number",
            when);
    SAY(o, " WHERE 1 = 1");
    oracle_key(o, cell, 0, "c.start");
    oracle_key(o, cell, 1, unit);
}

/* Who is in which cohort, who came back when; then a row for each unit from each cohort's on. */
static void say_retention(struct oracle *o, const struct query *query,
                          const struct query_cell *cell)
{
    const char *when = query->is_on_or_after ? ">=" : "=";
    const char *more = o->mistake == MISTAKE_BACK_AFTER_START ? "AND t.latest > b.began" : "";

    say_events(o, query);
    SAY(o, ", starts AS MATERIALIZED (SELECT f.person, ");
    oracle_unit(o, query->unit, "f.second");
    SAY(o, " AS number, min(f.second) AS began FROM f GROUP BY 1, 2), born AS MATERIALIZED"
           " (SELECT b.* FROM starts b");
    if (query->is_first)
        SAY(o, " JOIN (SELECT person, min(number) AS number FROM starts GROUP BY person) n"
               " ON n.person = b.person AND n.number = b.number");
    SAY(o, "), returns AS MATERIALIZED (SELECT e.person, ");
    oracle_unit(o, query->unit, "e.second");
    SAY(o, " AS number, max(e.second) AS latest FROM ew e WHERE ");
    oracle_match(o, &query->back, NULL);
    SAY(o, " GROUP BY 1, 2), axis AS MATERIALIZED (SELECT s.number, s.start, s.finish FROM span s"
           " JOIN (SELECT ");
    oracle_unit(o, query->unit, "(SELECT second - 1 FROM now)");
    SAY(o, " AS number) r ON s.number <= r.number AND s.number > r.number - " I64 " WHERE ",
        query->count);
    oracle_is_unit(o, query->unit);
    if (cell != NULL) {
        say_cohort(o, cell, when);
        return;
    }
    SAY(o,
        "), met AS (SELECT b.number AS cohort, u.number, count(DISTINCT b.person) AS people"
        " FROM born b JOIN axis u ON u.number >= b.number JOIN returns t ON t.person = b.person"
        " AND t.number %s u.number %s GROUP BY b.number, u.number)"
        " SELECT c.start, (SELECT count(*) FROM born b WHERE b.number = c.number),"
        " u.number - c.number, coalesce(m.people, 0),"
        " CASE WHEN u.finish <= " I64 " THEN 1 ELSE 0 END"
        " FROM axis c JOIN axis u ON u.number >= c.number LEFT JOIN met m ON m.cohort = c.number"
        " AND m.number = u.number ORDER BY c.number, u.number",
        when, more, o->as_of);
}

/* An event begins a session if it is the first, or the gap before it is as long; its session is how
 * many began up to it. */
static void say_paths(struct oracle *o, const struct query *query, const struct query_cell *cell)
{
    const char *position = query->steps > 0 ? "position" : "0";

    say_events(o, query);
    SAY(o,
        ", gaps AS (SELECT person, seq, second, grp, lag(second) OVER (PARTITION BY person"
        " ORDER BY seq) AS before FROM f WHERE grp IS NOT NULL), marked AS (SELECT person, seq,"
        " grp, sum(CASE WHEN before IS NULL OR (" I64 " > 0 AND second - before %s " I64
        ") THEN 1 ELSE 0 END) OVER (PARTITION BY person ORDER BY seq) AS session FROM gaps),"
        " pairs AS (SELECT person, grp, lead(grp) OVER (PARTITION BY person, session ORDER BY seq) "
        "AS next,"
        " row_number() OVER (PARTITION BY person, session ORDER BY seq) AS position FROM marked)"
        " SELECT ",
        query->gap, o->mistake == MISTAKE_GAP_OPEN ? ">" : ">=", query->gap);
    if (cell != NULL)
        SAY(o, "person FROM pairs WHERE next IS NOT NULL");
    else
        SAY(o, "%s, grp, next, count(*) FROM pairs WHERE next IS NOT NULL", position);
    if (query->steps > 0)
        SAY(o, " AND position <= " I64, query->steps);
    if (cell != NULL) {
        oracle_key(o, cell, 0, position);
        oracle_key(o, cell, 1, "grp");
        oracle_key(o, cell, 2, "next");
        return;
    }
    SAY(o, " GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT " I64, query->limit);
}

static void say_breakdown_cell(struct oracle *o, const struct query *query,
                               const struct query_cell *cell)
{
    SAY(o, " SELECT f.person FROM f WHERE f.grp IS NOT NULL");
    if (cell->keys[0].is_rest && o->mistake != MISTAKE_CELL_REST_IS_ALL)
        SAY(o, " AND f.grp IN (SELECT grp FROM ranked WHERE at > " I64 ")", query->limit);
    oracle_key(o, cell, 0, "f.grp");
}

static void say_breakdown(struct oracle *o, const struct query *query,
                          const struct query_cell *cell)
{
    static const char *const orders[] = {"people", "events", "coalesce(much, 0)"};
    const char *much = query->has_field ? "coalesce(sum(x), 0)" : "NULL";

    say_events(o, query);
    SAY(o,
        ", groups AS (SELECT grp, count(DISTINCT person) AS people, count(*) AS events, %s AS much"
        " FROM f WHERE grp IS NOT NULL GROUP BY grp), ranked AS (SELECT groups.*, row_number()"
        " OVER (ORDER BY %s DESC, grp) AS at FROM groups), past AS (SELECT " I64 " AS at)",
        much, orders[query->order], query->limit);
    if (cell != NULL) {
        say_breakdown_cell(o, query, cell);
        return;
    }
    SAY(o,
        " SELECT grp, people, events, much FROM (SELECT * FROM ranked WHERE at <= " I64
        " UNION ALL SELECT NULL, %s, sum(events), %s, " I64 " FROM ranked WHERE at > " I64
        " HAVING count(*) > 0) z ORDER BY at",
        query->limit,
        o->mistake == MISTAKE_REST_ONCE
            ? "(SELECT count(DISTINCT f.person) FROM f JOIN ranked k ON k.grp = f.grp, past"
              " WHERE k.at > past.at)"
            : "sum(people)",
        query->has_field ? "sum(much)" : "NULL", query->limit + 1, query->limit);
}

static void say_trend(struct oracle *o, const struct query *query, const struct query_cell *cell)
{
    say_events(o, query);
    SAY(o, ", units AS (SELECT f.*, ");
    oracle_unit(o, query->unit, "f.second");
    SAY(o, " AS number FROM f WHERE grp IS NOT NULL) SELECT ");
    if (cell != NULL)
        SAY(o, "u.person");
    else
        SAY(o, "s.start, %scount(DISTINCT u.person), count(*), %s", query->has_by ? "u.grp, " : "",
            query->has_field ? "coalesce(sum(u.x), 0)" : "NULL");
    SAY(o, " FROM units u JOIN span s ON s.number = u.number AND ");
    oracle_is_unit(o, query->unit);
    if (cell != NULL) {
        SAY(o, " WHERE 1 = 1");
        oracle_key(o, cell, 0, "s.start");
        oracle_key(o, cell, 1, "u.grp");
        return;
    }
    SAY(o, " GROUP BY s.start, u.grp ORDER BY s.start, u.grp");
}

static void say_rfm(struct oracle *o, const struct query *query, const struct query_cell *cell)
{
    SAY(o, ", ");
    oracle_fifths(o, &query->pattern, &query->field, "ew");
    if (cell != NULL) {
        SAY(o, " SELECT person FROM fifths WHERE 1 = 1");
        oracle_key(o, cell, 0, "r");
        oracle_key(o, cell, 1, "f");
        oracle_key(o, cell, 2, "m");
        return;
    }
    SAY(o, " SELECT r, f, m, count(*), sum(much) FROM fifths GROUP BY r, f, m ORDER BY r, f, m");
}

static void say_interval(struct oracle *o, const struct query *query, const struct query_cell *cell)
{
    say_events(o, query);
    SAY(o,
        ", pairs AS (SELECT person, lead(second) OVER (PARTITION BY person ORDER BY seq) - second"
        " AS took, row_number() OVER (PARTITION BY person ORDER BY seq) AS at FROM f)"
        " SELECT %s FROM pairs WHERE took IS NOT NULL%s",
        cell != NULL ? "person" : "took / 86400, count(*)", query->is_first ? " AND at = 1" : "");
    if (cell != NULL)
        oracle_key(o, cell, 0, "took / 86400");
    else
        SAY(o, " GROUP BY 1 ORDER BY 1");
}

/* stand0, stand1: everybody's stage, asked at a moment as if it were now. */
static void say_stand(struct oracle *o, const struct query *query, int at, int64_t second)
{
    int64_t as_of = o->as_of;
    bool is_lowest = o->mistake == MISTAKE_FLOW_LOWEST;

    o->as_of = second;
    SAY(o, ", stand%d AS MATERIALIZED (", at);
    oracle_base(o);
    SAY(o, "spare AS (SELECT 0) SELECT p.id AS person, CASE");
    for (int i = 0; i < query->stage_count; i++) {
        int stage = is_lowest ? i : query->stage_count - 1 - i;

        SAY(o, " WHEN ");
        oracle_condition(o, &query->stages[stage], query->stages[stage].who_count - 1);
        SAY(o, " THEN %d", stage + 1);
    }
    SAY(o, " ELSE 0 END AS stage FROM p)");
    o->as_of = as_of;
}

static void say_flow(struct oracle *o, const struct query *query, const struct query_cell *cell)
{
    int64_t edges[2];

    oracle_edges(o, &query->flow, edges);
    if (o->mistake == MISTAKE_FLOW_ENDS_NOW)
        edges[1] = o->as_of;
    for (int i = 0; i < 2; i++)
        say_stand(o, query, i, edges[i]);
    SAY(o, ", moved AS (SELECT e.person, a.stage AS before, z.stage AS after, ");
    say_by(o, query);
    SAY(o, " AS grp FROM (SELECT id AS person FROM who) e JOIN stand0 a ON a.person = e.person"
           " JOIN stand1 z ON z.person = e.person)");
    if (cell != NULL) {
        SAY(o, " SELECT person FROM moved WHERE grp IS NOT NULL");
        oracle_key(o, cell, 0, "grp");
        oracle_key(o, cell, 1, "before");
        oracle_key(o, cell, 2, "after");
        return;
    }
    SAY(o,
        " SELECT %sbefore, after, count(*) FROM moved WHERE grp IS NOT NULL"
        " GROUP BY grp, before, after ORDER BY grp, before, after",
        query->has_by ? "grp, " : "");
}

static void say_timeline(struct oracle *o, const struct query *query, const struct query_cell *cell)
{
    must(cell == NULL);
    SAY(o,
        ", mine AS (SELECT e.*, row_number() OVER (PARTITION BY e.second ORDER BY e.seq DESC) AS at"
        " FROM e WHERE e.person = (SELECT kept FROM record WHERE number = %" PRIu32 ") AND ",
        query->person);
    oracle_match(o, &query->pattern, NULL);
    SAY(o, ") SELECT second, kind, channel, c0 FROM mine WHERE 1 = 1");
    if (query->before != NONE)
        SAY(o, " AND (second < " I64 " OR second = " I64 " AND at > " I64 ")", query->before,
            query->before, query->skip);
    SAY(o, " ORDER BY seq DESC LIMIT " I64, query->limit);
}

static void say_segment(struct oracle *o, const struct query *query, const struct query_cell *cell)
{
    (void)query;
    must(cell == NULL);
    SAY(o, " SELECT id FROM who ORDER BY id");
}

void oracle_ask(struct oracle *o, const struct query *query, const struct query_cell *cell)
{
    static void (*const asks[])(struct oracle *, const struct query *,
                                const struct query_cell *) = {[QUERY_SEGMENT] = say_segment,
                                                              [QUERY_FUNNEL] = say_funnel_answer,
                                                              [QUERY_RETENTION] = say_retention,
                                                              [QUERY_PATHS] = say_paths,
                                                              [QUERY_BREAKDOWN] = say_breakdown,
                                                              [QUERY_TREND] = say_trend,
                                                              [QUERY_RFM] = say_rfm,
                                                              [QUERY_INTERVAL] = say_interval,
                                                              [QUERY_TIMELINE] = say_timeline,
                                                              [QUERY_FLOW] = say_flow};

    asks[query->ask](o, query, cell);
}

struct sql_rows oracle_answer(struct oracle *oracle, struct arena *arena, const struct query *query,
                              int64_t as_of)
{
    struct sql_rows rows;
    struct buf text;

    buf_init(&text, TEXT_MAX);
    oracle->text = &text;
    oracle->as_of = as_of;
    oracle->zone = world_zone(query->zone);
    oracle->chain_count = 0;
    oracle->answer_count = 0;
    oracle_base(oracle);
    oracle_people(oracle, query);
    oracle_ask(oracle, query, NULL);
    must(!text.is_full);
    rows = sql_rows(oracle->sql, arena, buf_view(&text));
    buf_release(&text);
    oracle->text = NULL;
    for (int i = 0; i < oracle->answer_count; i++)
        sql_run(oracle->sql, str_fmt(arena, "DROP TABLE answer%d", i));
    return rows;
}
