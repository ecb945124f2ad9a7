/* Conditions on persons as SQL: each is true of p.id. Chains of funnels are found by joining step
 * to step: what the definition says exists is a row. See oracle_private.h. */
#include "oracle_private.h"
#include "sql.h"

#define ANSWER_TEXT_MAX ((size_t)16 * 1024 * 1024)

/* ---- chains ---------------------------------------------------------------------------------- */

static void say_steps(struct oracle *o, const struct funnel *funnel, const char *from, int at)
{
    SAY(o, "m%d AS MATERIALIZED (", at);
    for (int i = 0; i < funnel->step_count; i++) {
        SAY(o, "%sSELECT e.person, e.seq, e.second, %d AS step FROM %s e WHERE ",
            i > 0 ? " UNION ALL " : "", i + 1, from);
        oracle_match(o, &funnel->steps[i], NULL);
    }
    SAY(o, "), y%d AS MATERIALIZED (", at);
    for (int i = 0; i < funnel->exclusion_count; i++) {
        SAY(o, "SELECT e.person, e.seq, %d AS step FROM %s e WHERE ",
            funnel->exclusions[i].after + (o->mistake == MISTAKE_EXCLUSION_SHIFTED), from);
        oracle_match(o, &funnel->exclusions[i].pattern, NULL);
        SAY(o, " UNION ALL ");
    }
    SAY(o, "SELECT 0 AS person, 0 AS seq, 0 AS step)");
}

static void say_any_order(struct oracle *o, const struct funnel *funnel, int at)
{
    SAY(o,
        ", chain%d AS MATERIALIZED (SELECT f.person, f.start, f.begun, row_number() OVER"
        " (PARTITION BY f.person, f.start ORDER BY f.ends) AS step, f.ends FROM"
        " (SELECT b.person, b.seq AS start, b.second AS begun, x.step, min(x.seq) AS ends"
        " FROM (SELECT DISTINCT person, seq, second FROM m%d) b"
        " JOIN m%d x ON x.person = b.person AND x.seq >= b.seq AND x.second - b.second %s " I64
        " GROUP BY b.person, b.seq, b.second, x.step) f)",
        at, at, at, o->mistake == MISTAKE_WITHIN_OPEN ? "<" : "<=", funnel->within);
}

static void say_order(struct oracle *o, const struct funnel *funnel, int at)
{
    bool is_strict = funnel->order == FUNNEL_STRICT && o->mistake != MISTAKE_STRICT_ONLY_STEPS;

    SAY(o,
        ", chain%d(person, start, begun, step, ends) AS ("
        "SELECT person, seq, second, 1, seq FROM m%d WHERE step = 1"
        " UNION SELECT c.person, c.start, c.begun, n.step, n.seq FROM chain%d c JOIN m%d n"
        " ON n.person = c.person AND n.step = c.step + 1 AND n.second - c.begun %s " I64
        " AND n.seq %s",
        at, at, at, at, o->mistake == MISTAKE_WITHIN_OPEN ? "<" : "<=", funnel->within,
        is_strict                          ? "= c.ends + 1"
        : o->mistake == MISTAKE_STEP_TWICE ? ">= c.ends"
                                           : "> c.ends");
    if (funnel->exclusion_count > 0)
        SAY(o,
            " AND NOT EXISTS (SELECT 1 FROM y%d y WHERE y.person = c.person AND y.step = c.step"
            " AND y.seq %s c.ends AND y.seq < n.seq)",
            at, o->mistake == MISTAKE_EXCLUSION_CLOSED ? ">=" : ">");
    SAY(o, ")");
}

int oracle_chains(struct oracle *o, const struct funnel *funnel, const char *from)
{
    int at = ++o->chain_count;

    say_steps(o, funnel, from, at);
    if (funnel->order == FUNNEL_ANY_ORDER)
        say_any_order(o, funnel, at);
    else
        say_order(o, funnel, at);
    return at;
}

static void say_funnel(struct oracle *o, const struct condition *condition)
{
    int at;

    SAY(o, "(p.id IN (WITH RECURSIVE ");
    at = oracle_chains(o, condition->funnel, "e");
    SAY(o,
        " SELECT q.id FROM p q LEFT JOIN (SELECT person, max(step) AS level FROM chain%d"
        " GROUP BY person) l ON l.person = q.id WHERE coalesce(l.level, 0) >= " I64
        " AND coalesce(l.level, 0) <= " I64 "))",
        at, condition->low, condition->high);
}

/* ---- fifths ---------------------------------------------------------------------------------- */

static void say_fifth(struct oracle *o, const char *x)
{
    const char *rank = o->mistake == MISTAKE_FIFTH_FLOOR ? "n.n * b.i / 5" : "(n.n * b.i + 4) / 5";

    if (o->mistake == MISTAKE_FIFTH_TIES_APART) {
        SAY(o,
            "1 + (SELECT count(*) FROM n, (SELECT 1 AS i UNION ALL SELECT 2 UNION ALL SELECT 3"
            " UNION ALL SELECT 4) b WHERE (SELECT count(*) FROM v w WHERE w.%s < v.%s OR w.%s = "
            "v.%s"
            " AND w.person <= v.person) > %s)",
            x, x, x, x, rank);
        return;
    }
    SAY(o,
        "1 + (SELECT count(*) FROM n, (SELECT 1 AS i UNION ALL SELECT 2 UNION ALL SELECT 3"
        " UNION ALL SELECT 4) b WHERE (SELECT max(k.x) FROM (SELECT %s AS x, row_number() OVER"
        " (ORDER BY %s) AS at FROM v) k WHERE k.at = %s) < v.%s)",
        x, x, rank, x);
}

void oracle_fifths(struct oracle *o, const struct pattern *pattern, const struct query_field *of,
                   const char *from)
{
    SAY(o,
        "v AS MATERIALIZED (SELECT e.person, max(e.second) AS recent, count(*) AS often,"
        " CAST(coalesce(sum(e.c%d), 0) AS BIGINT) AS much FROM %s e WHERE ",
        of->number, from);
    oracle_match(o, pattern, NULL);
    SAY(o, " GROUP BY e.person), n AS (SELECT count(*) AS n FROM v),"
           " fifths AS MATERIALIZED (SELECT v.person, v.much, ");
    say_fifth(o, "recent");
    SAY(o, " AS r, ");
    say_fifth(o, "often");
    SAY(o, " AS f, ");
    say_fifth(o, "much");
    SAY(o, " AS m FROM v)");
}

static void say_bits(struct oracle *o, const char *x, uint8_t bits)
{
    if (bits == 0)
        return;
    SAY(o, " AND %s IN (0", x);
    for (int i = 1; i <= 5; i++) {
        if (bits >> i & 1)
            SAY(o, ", %d", i);
    }
    SAY(o, ")");
}

static void say_rfm(struct oracle *o, const struct condition *condition)
{
    SAY(o, "(p.id IN (WITH ");
    oracle_fifths(o, condition->pattern, &condition->field, "e");
    SAY(o, " SELECT person FROM fifths WHERE 1 = 1");
    say_bits(o, "r", condition->r);
    say_bits(o, "f", condition->f);
    say_bits(o, "m", condition->m);
    SAY(o, "))");
}

/* ---- attributes, sets ------------------------------------------------------------------------ */

static void say_has_value(struct oracle *o, const struct condition *condition,
                          const struct test *test)
{
    const char *whose = o->mistake == MISTAKE_LINKED_ATTRIBUTE
                            ? "(SELECT r.kept FROM record r WHERE r.number = a.number)"
                            : "a.number";

    SAY(o, "p.id IN (SELECT %s FROM attribute a WHERE a.attribute = %d AND ", whose,
        condition->field.number);
    oracle_test(o, "a.value", &condition->field, test);
    SAY(o, ")");
}

static void say_has_all(struct oracle *o, const struct condition *condition)
{
    SAY(o, "(1 = 1");
    for (int i = 0; i < condition->test.value_count; i++) {
        struct test one = condition->test;

        one.compare = COMPARE_ANY_OF;
        one.value_count = 1;
        one.values = one.values == NULL ? NULL : one.values + i;
        one.texts = one.texts == NULL ? NULL : one.texts + i;
        SAY(o, " AND ");
        say_has_value(o, condition, &one);
    }
    SAY(o, ")");
}

static void say_attribute(struct oracle *o, const struct condition *condition)
{
    struct test opposite = condition->test;

    if (condition->test.compare == COMPARE_ALL_OF) {
        say_has_all(o, condition);
        return;
    }
    if (condition->test.compare == COMPARE_NONE_OF)
        opposite.compare = COMPARE_ANY_OF;
    if (condition->test.compare == COMPARE_MISSING)
        opposite.compare = COMPARE_EXISTS;
    SAY(o, opposite.compare != condition->test.compare ? "(NOT " : "(");
    say_has_value(o, condition, &opposite);
    SAY(o, ")");
}

static void say_set(struct oracle *o, const struct condition *condition)
{
    bool is_all = condition->test.compare == COMPARE_ALL_OF;
    const char *whose = o->mistake == MISTAKE_LINKED_SET_LOST ? "r.number" : "r.kept";

    SAY(o, condition->test.compare == COMPARE_NONE_OF ? "(NOT (" : "((");
    for (int i = 0; i < condition->id_count; i++)
        SAY(o,
            "%sp.id IN (SELECT %s FROM member b JOIN record r ON r.number = b.number"
            " WHERE b.kind = %d AND b.id = " I64 ")",
            i == 0   ? ""
            : is_all ? " AND "
                     : " OR ",
            whose, (int)condition->set, condition->ids[i]);
    SAY(o, "))");
}

static void say_bucket(struct oracle *o, const struct condition *condition)
{
    SAY(o,
        "(p.id IN (SELECT number FROM lot WHERE salt = '%.*s' AND lot >= " I64 " AND lot < " I64
        "))",
        STR(condition->salt), condition->low, condition->high);
}

/* ---- what was done --------------------------------------------------------------------------- */

/* The measure over the events of one person. */
static void say_measured(struct oracle *o, const struct condition *condition)
{
    static const char *const calls[] = {[MEASURE_COUNT] = "count(*",
                                        [MEASURE_SUM] = "CAST(sum(",
                                        [MEASURE_MIN] = "min(",
                                        [MEASURE_MAX] = "max(",
                                        [MEASURE_DISTINCT] = "count(DISTINCT ",
                                        [MEASURE_DAYS] = "count(DISTINCT "};
    static const struct query_field day = {.kind = QUERY_DAY};
    bool is_filled =
        condition->measure == MEASURE_DISTINCT && o->mistake == MISTAKE_DISTINCT_MISSING;

    SAY(o, "%s%s", calls[condition->measure], is_filled ? "coalesce(" : "");
    if (condition->measure == MEASURE_DAYS)
        oracle_field(o, &day);
    else if (condition->field.kind == QUERY_CHANNEL)
        SAY(o, "nullif(e.channel, 0)");
    else if (condition->measure != MEASURE_COUNT)
        oracle_field(o, &condition->field);
    SAY(o, is_filled ? ", -1))" : condition->measure == MEASURE_SUM ? ") AS BIGINT)" : ")");
}

/* What the first or last event says. */
static void say_end(struct oracle *o, const struct condition *condition)
{
    static const struct query_field none = {.kind = QUERY_KIND};
    const struct query_field *field = condition->has_field ? &condition->field : &none;

    SAY(o, "SELECT z.person, z.x FROM (SELECT e.person, ");
    if (condition->has_field)
        oracle_field(o, field);
    else
        SAY(o, "e.second");
    SAY(o, " AS x, row_number() OVER (PARTITION BY e.person ORDER BY e.seq%s) AS at FROM e WHERE ",
        condition->measure == MEASURE_FIRST ? "" : " DESC");
    oracle_match(o, condition->pattern, NULL);
    if (o->mistake == MISTAKE_FIRST_WITH_VALUE) {
        SAY(o, " AND ");
        oracle_field(o, field);
        SAY(o, " IS NOT NULL");
    }
    SAY(o, ") z WHERE z.at = 1");
}

static void say_measure(struct oracle *o, const struct condition *condition)
{
    if (condition->measure == MEASURE_FIRST || condition->measure == MEASURE_LAST) {
        say_end(o, condition);
        return;
    }
    SAY(o, "SELECT e.person, ");
    say_measured(o, condition);
    SAY(o, " AS x FROM e WHERE ");
    oracle_match(o, condition->pattern, NULL);
    SAY(o, " GROUP BY e.person");
}

static void say_did(struct oracle *o, const struct condition *condition)
{
    struct query_field field = condition->field;
    bool is_counted = condition->measure == MEASURE_COUNT || condition->measure == MEASURE_SUM ||
                      condition->measure == MEASURE_DISTINCT || condition->measure == MEASURE_DAYS;
    const char *x =
        is_counted && o->mistake != MISTAKE_NO_EVENT_IS_MISSING ? "coalesce(g.x, 0)" : "g.x";

    if (!condition->has_field || is_counted)
        field = (struct query_field){.type = VALUE_NUMBER};
    SAY(o, "(p.id IN (SELECT q.id FROM p q LEFT JOIN (");
    say_measure(o, condition);
    SAY(o, ") g ON g.person = q.id WHERE ");
    oracle_test(o, x, &field, &condition->test);
    SAY(o, "))");
}

static void say_matching(struct oracle *o, const struct pattern *pattern,
                         const struct window *window)
{
    SAY(o, "p.id IN (SELECT e.person FROM e WHERE ");
    oracle_match(o, pattern, window);
    SAY(o, ")");
}

static void say_stopped(struct oracle *o, const struct condition *condition)
{
    SAY(o, "(");
    say_matching(o, condition->pattern, NULL);
    if (o->mistake != MISTAKE_STOPPED_ANYWAY) {
        SAY(o, " AND NOT ");
        say_matching(o, condition->pattern, &condition->later);
    }
    if (condition->kind == CONDITION_RESTARTED) {
        SAY(o, " AND ");
        say_matching(o, condition->pattern, &condition->again);
    }
    SAY(o, ")");
}

static void say_first_time(struct oracle *o, const struct condition *condition)
{
    SAY(o, "(p.id IN (SELECT e.person FROM e WHERE ");
    oracle_match(o, condition->pattern,
                 o->mistake == MISTAKE_FIRST_TIME_IN_WINDOW ? NULL : &oracle_always);
    SAY(o, " GROUP BY e.person HAVING ");
    oracle_window(o, "min(e.second)", &condition->pattern->window);
    SAY(o, "))");
}

static void say_regular(struct oracle *o, const struct condition *condition)
{
    SAY(o, "(p.id IN (SELECT u.person FROM (SELECT e.person, ");
    oracle_unit(o, condition->pattern->window.unit, "e.second");
    SAY(o, " AS number, count(*) AS n FROM e WHERE ");
    oracle_match(o, condition->pattern, NULL);
    SAY(o, " GROUP BY 1, 2) u WHERE u.n >= " I64 " GROUP BY u.person HAVING count(*) >= " I64 "))",
        condition->high, condition->low);
}

/* ---- answers --------------------------------------------------------------------------------- */

void oracle_key(struct oracle *o, const struct query_cell *cell, int key, const char *x)
{
    const struct query_key *of = &cell->keys[key];

    if (!of->is_set || of->is_rest)
        return;
    SAY(o, " AND ");
    oracle_test(o, x, &of->field, &of->test);
}

/* A statement of its own: what lies in one another is soon deeper than SQLite parses. */
static void say_answer(struct oracle *o, const struct condition *condition)
{
    struct query query = condition->cell->query;
    struct buf *text = o->text, own;
    int zone = o->zone, number = o->answer_count++;

    if (o->mistake == MISTAKE_CELL_OF_ALL)
        query.who_count = 0;
    buf_init(&own, ANSWER_TEXT_MAX);
    o->text = &own;
    o->zone = world_zone(query.zone);
    SAY(o, "CREATE TEMP TABLE answer%d AS ", number);
    oracle_base(o);
    oracle_people(o, &query);
    oracle_ask(o, &query, condition->cell);
    must(!own.is_full);
    sql_run(o->sql, buf_view(&own));
    buf_release(&own);
    o->text = text;
    o->zone = zone;
    SAY(o, "(p.id IN (SELECT person FROM answer%d))", number);
}

/* ---- the tree -------------------------------------------------------------------------------- */

static void say_operands(struct oracle *o, const struct query *query, int index)
{
    const struct condition *condition = &query->who[index];
    int operand = index - 1;

    SAY(o, condition->kind == CONDITION_NOT ? "(NOT " : "(");
    for (int i = 0; i < condition->operands; i++) {
        if (i > 0)
            SAY(o, condition->kind == CONDITION_ALL ? " AND " : " OR ");
        oracle_condition(o, query, operand);
        operand -= query->who[operand].size;
    }
    if (condition->operands == 0)
        SAY(o, condition->kind == CONDITION_ALL ? "1 = 1" : "1 = 0");
    SAY(o, ")");
}

void oracle_condition(struct oracle *o, const struct query *query, int index)
{
    static void (*const leaves[])(struct oracle *, const struct condition *) = {
        [CONDITION_ATTRIBUTE] = say_attribute,   [CONDITION_SET] = say_set,
        [CONDITION_BUCKET] = say_bucket,         [CONDITION_DID] = say_did,
        [CONDITION_FUNNEL] = say_funnel,         [CONDITION_REGULAR] = say_regular,
        [CONDITION_FIRST_TIME] = say_first_time, [CONDITION_STOPPED] = say_stopped,
        [CONDITION_RESTARTED] = say_stopped,     [CONDITION_RFM] = say_rfm,
        [CONDITION_ANSWER] = say_answer};
    const struct condition *condition = &query->who[index];

    if (condition->kind <= CONDITION_NOT)
        say_operands(o, query, index);
    else if (condition->kind == CONDITION_EVERYONE)
        SAY(o, "(1 = 1)");
    else
        leaves[condition->kind](o, condition);
}
