/* A question about customers as it was asked: JSON read into a tree that is checked, its names made numbers, nothing else. Every
 * executor starts from this tree and does its own arithmetic with windows and zones. docs/guide says what each form means; here is
 * how it lies in memory. Seconds are UTC; all ranges are [from, to); events at or after the moment of asking (as_of) are not seen. */
#pragma once

#include "base/json.h"
#include "engine/catalog.h"

#define QUERY_VERSION 1
#define QUERY_TEXT_MAX 65536     /* bytes of the JSON */
#define QUERY_CONDITION_MAX 128  /* nodes of a segment */
#define QUERY_REACH_MAX 4        /* more, which are the reach of whoever asks */
#define QUERY_NODE_MAX (QUERY_CONDITION_MAX + QUERY_REACH_MAX)
#define QUERY_STEP_MAX 8         /* of a funnel or sequence */
#define QUERY_VALUE_MAX 1000     /* values of one list */
#define QUERY_TEST_MAX 8         /* tests of one pattern */
#define QUERY_PERIOD_MAX 400     /* cells of a time axis */
#define QUERY_ROW_MAX 10000      /* rows of an answer */
#define QUERY_ANSWER_MAX 8       /* answers of one query's conditions, nested ones too; twice those in a flow */
#define QUERY_STAGE_MAX 8        /* of a flow */

/* ---- when ------------------------------------------------------------------------------------ */

enum window_kind { WINDOW_ALWAYS, WINDOW_ROLLING, WINDOW_CALENDAR, WINDOW_RANGE };
enum calendar_unit { UNIT_DAY, UNIT_WEEK, UNIT_MONTH, UNIT_QUARTER, UNIT_YEAR, CALENDAR_UNIT_COUNT }; /* weeks begin on Monday */
/* ROLLING: [as_of - seconds, as_of). CALENDAR: the last `count` units of the query's zone; those that are over, or with is_current
 * the one that as_of - 1 lies in and count - 1 before it. RANGE: NONE is open. */
struct window {
    enum window_kind kind;
    int64_t seconds;
    enum calendar_unit unit;
    int64_t count;
    bool is_current;
    int64_t from, to;
};

/* ---- values ---------------------------------------------------------------------------------- */

/* A missing value passes MISSING and NONE_OF, nothing else. Of several values (VALUE_CHOICES): ANY_OF, NONE_OF, ALL_OF; text alone:
 * CONTAINS, STARTS (bytes as written). BETWEEN: [low, high). Dates are local days since 1970. */
enum compare {
    COMPARE_ANY_OF, COMPARE_NONE_OF, COMPARE_ALL_OF, COMPARE_AT_LEAST, COMPARE_BELOW, COMPARE_BETWEEN, COMPARE_EXISTS,
    COMPARE_MISSING, COMPARE_CONTAINS, COMPARE_STARTS,
    COMPARE_WITHIN,     /* a date whose day has its first instant in `within` */
    COMPARE_ANNIVERSARY /* a date whose month and day come in [today + low, today + high) of the query's zone, today being the local
                           day of as_of; 02-29 is 02-28 in common years */
};
struct test {
    enum compare compare;
    int64_t low, high;       /* AT_LEAST, BELOW (high), BETWEEN, ANNIVERSARY */
    const int64_t *values;   /* ANY_OF, NONE_OF, ALL_OF of numbers */
    const struct str *texts; /* the same of texts; CONTAINS and STARTS: one */
    int value_count;
    struct window within;
};

/* What of an event or customer is looked at. */
enum field_kind { QUERY_KIND, QUERY_CHANNEL, QUERY_COLUMN, QUERY_ATTRIBUTE, QUERY_DAY /* the event's local day */ };
struct query_field {
    enum field_kind kind;
    int number;            /* of the column or attribute in the catalog */
    enum value_type type;
};

/* Which events: any of the kinds (none: all), all tests hold, in the window. */
struct pattern {
    const uint16_t *kinds;
    int kind_count;
    struct pattern_test {
        struct query_field field; /* CHANNEL, COLUMN */
        struct test test;
    } tests[QUERY_TEST_MAX];
    int test_count;
    struct window window;
};

/* ---- funnels --------------------------------------------------------------------------------- */

/* A chain is events e1 .. ek in the order of (second, arrival), e_i matching step i, all different, second(ek) - second(e1) <= within.
 * STRICT: e_(i+1) is the customer's very next event of any kind after e_i. An exclusion breaks chains that have one of its events
 * between e_after and e_(after+1). ANY_ORDER: a chain's length is how many steps have an event among those from one event of any
 * step to `within` seconds later; exclusions are refused. A customer's level is the length of its longest chain. */
enum funnel_order { FUNNEL_ORDERED, FUNNEL_STRICT, FUNNEL_ANY_ORDER };
struct funnel {
    enum funnel_order order;
    struct pattern steps[QUERY_STEP_MAX];
    int step_count;
    int64_t within; /* seconds */
    struct funnel_exclusion {
        struct pattern pattern;
        int after; /* step number from 1, below step_count */
    } exclusions[QUERY_STEP_MAX];
    int exclusion_count;
};

/* ---- conditions ------------------------------------------------------------------------------ */

enum measure { MEASURE_COUNT, MEASURE_SUM, MEASURE_MIN, MEASURE_MAX, MEASURE_DISTINCT, MEASURE_FIRST, MEASURE_LAST, MEASURE_DAYS };
enum condition_kind {
    CONDITION_ALL, CONDITION_ANY, CONDITION_NOT, /* of the `operands` nodes whose roots come before this one */
    CONDITION_EVERYONE,                          /* every person there is, with events or without */
    CONDITION_ATTRIBUTE, /* field, test */
    CONDITION_SET,       /* in any of, none of, all of the sets: tags, lists, segments */
    CONDITION_BUCKET,    /* catalog_bucket(salt, number) in [low, high) parts per million */
    CONDITION_ANSWER,    /* counted by a row of the answer to `cell`'s query, asked at the same moment, that the cell's keys pass */
    CONDITION_DID,       /* measure over the pattern's events, tested. No event: COUNT, SUM, DISTINCT, DAYS are 0, the others missing.
                            SUM, MIN, MAX, DISTINCT are over `field`, events without it left out (a sum outside int64 is E_TOO_LARGE);
                            FIRST and LAST are of the field of the first or last event, or without field its second in test.within */
    CONDITION_FUNNEL,    /* level in [low, high]: sequences too */
    CONDITION_REGULAR,   /* in at least `low` of the last units (the pattern's window, CALENDAR) at least `high` events */
    CONDITION_FIRST_TIME, /* the first event ever of the pattern (its window aside) lies in the window */
    CONDITION_STOPPED,   /* events in the window, none in `later`; RESTARTED: in the window, none in `later`, and in `again` */
    CONDITION_RESTARTED,
    CONDITION_RFM        /* r, f, m (bit n: fifth n, 1 lowest; 0: all) among all people with an event of the pattern; see QUERY_RFM */
};
struct condition {
    enum condition_kind kind;
    int operands;         /* ALL, ANY: any number, 0 is true for ALL; NOT: 1 */
    int size;             /* nodes of this subtree with itself: the operand before it ends at index - size */
    struct str path;      /* JSON pointer of the node, for errors and for explaining */
    struct query_field field;
    bool has_field;
    struct test test;
    enum set_kind set;
    const int64_t *ids;   /* SET; test.compare says ANY_OF, NONE_OF or ALL_OF */
    int id_count;
    struct str salt;
    int64_t low, high;
    enum measure measure;
    const struct pattern *pattern;
    const struct funnel *funnel;
    const struct query_cell *cell;
    struct window later, again;
    uint8_t r, f, m;
};

/* ---- questions ------------------------------------------------------------------------------- */

/* Every answer is rows of int64 (answer.h); here are the columns, and "Answers" in docs/query.md says the rest. Rows are sorted by the
 * columns from the left unless said. An event without a value of `by` is left out. */
enum query_ask {
    QUERY_SEGMENT,   /* no rows; members */
    QUERY_FUNNEL,    /* [group,] level 0..n, people who reached it, median and mean seconds of the chain that counts (NONE for 0 and 1
                        and where nobody did). That chain ends first, and of those begins last */
    QUERY_RETENTION, /* cohort (first second of its unit), its size, k, people back in unit k after it, is that unit over (0/1) */
    QUERY_PATHS,     /* position from 1, from, to, count: neighbours within sessions; the `limit` most frequent, then by columns */
    QUERY_BREAKDOWN, /* value of `by`, people, events, sum of field: the `limit` first by `order`, ties by value. Last row, if there are
                        more: NONE and what the others sum up to */
    QUERY_TREND,     /* first second of the unit, [value of `by`,] people, events, sum of field */
    QUERY_RFM,       /* r, f, m, people, sum of field: fifths among people with events, by last second, count and sum of field. The bound
                        of a fifth is the value of rank ceil(n * fifth / 5), ascending; equal values fall together into the lowest fifth
                        whose bound is not below them */
    QUERY_INTERVAL,  /* whole days (86,400 s) between an event and the next, pairs. is_first: only the first two */
    QUERY_TIMELINE,  /* second, kind, channel, amount or NONE, latest first, at most `limit` before (second, skip) */
    QUERY_FLOW       /* [value of `by`,] from, to, people: stages at two moments, the ends of `flow` (no end: as_of). The stage is the
                        number from 1 of the last one whose `who` holds, asked as of the moment; 0: none does */
};
struct query {
    enum query_ask ask;
    const struct zone *zone;
    const struct condition *who; /* the root is the last; NULL: everyone */
    int who_count;
    struct pattern pattern; /* what all but SEGMENT and FUNNEL look at; RETENTION: the start */
    struct pattern back;    /* RETENTION: the return */
    struct funnel funnel;
    bool has_by, has_field;
    struct query_field by, field;
    enum calendar_unit unit; /* RETENTION, TREND */
    int64_t count;           /* RETENTION: units on each axis */
    bool is_first;           /* RETENTION: cohort of the first start ever, else of every unit with a start; INTERVAL */
    bool is_on_or_after;     /* RETENTION: back in unit k or later */
    bool is_untimed;         /* FUNNEL: median and mean are NONE, which is faster */
    int64_t gap;             /* PATHS: seconds without an event that end a session; 0: nothing does */
    int64_t steps;           /* PATHS: positions; 0: they are not told apart, the column is 0 */
    enum { BY_PEOPLE, BY_EVENTS, BY_SUM } order;
    int64_t limit;
    uint32_t person;         /* TIMELINE: customer number */
    int64_t before, skip;    /* TIMELINE: of the second `before` that many are known already; NONE: from the latest */
    struct window flow;      /* FLOW */
    struct query *stages;    /* FLOW: a SEGMENT each */
    int stage_count;
};

/* E_INPUT: *fault says what is wrong and where ("/who/all/1/did/kind"), in the arena. What the tree points to lies in the arena or in
 * the text, which must live as long. */
struct query_fault {
    const char *code; /* "query.form", "query.name", "query.type", "query.range", "query.large" */
    struct str path, message;
};
enum err query_read(struct arena *arena, const struct catalog *catalog, struct str text, struct query *out,
                    struct query_fault *fault) MUST_USE;
