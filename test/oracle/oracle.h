/* The second executor of the query language: SQL over plain tables, which decides whether the engine's is right. It shares the parsed
 * tree (engine/query.h) and nothing else: windows and zones are rows of days.h, chains and sessions are joins. SQLite and PostgreSQL. */
#pragma once

#include "sql.h"
#include "world.h"

#include "engine/query.h"

/* What the oracle can be made to get wrong, so that a comparison shows that it would be seen. */
enum oracle_mistake {
    MISTAKE_NONE,
    /* of the data */
    MISTAKE_TIES_REVERSED, MISTAKE_LATE_DROPPED, MISTAKE_MERGED_TWICE, MISTAKE_DELETED_COUNTED, MISTAKE_STRANGER_COUNTED,
    MISTAKE_LINKED_ATTRIBUTE, MISTAKE_LINKED_SET_LOST,
    /* of time */
    MISTAKE_WINDOW_FROM, MISTAKE_WINDOW_TO, MISTAKE_PRESENT_SEEN, MISTAKE_ZONE_IGNORED, MISTAKE_WEEK_FROM_SUNDAY,
    MISTAKE_CALENDAR_CURRENT, MISTAKE_DAYS_OF_86400,
    /* of values */
    MISTAKE_NOT_OF_MISSING, MISTAKE_DISTINCT_MISSING, MISTAKE_BETWEEN_CLOSED, MISTAKE_NO_EVENT_IS_MISSING, MISTAKE_FIRST_WITH_VALUE,
    MISTAKE_LEAP_BIRTHDAY,
    /* of chains */
    MISTAKE_STEP_TWICE, MISTAKE_WITHIN_OPEN, MISTAKE_EXCLUSION_CLOSED, MISTAKE_EXCLUSION_SHIFTED, MISTAKE_STRICT_ONLY_STEPS,
    MISTAKE_CHAIN_BEGINS_FIRST, MISTAKE_MEDIAN_UPPER,
    /* of the rest */
    MISTAKE_FIRST_TIME_IN_WINDOW, MISTAKE_STOPPED_ANYWAY, MISTAKE_FIFTH_FLOOR, MISTAKE_FIFTH_TIES_APART, MISTAKE_BACK_AFTER_START,
    MISTAKE_GAP_OPEN, MISTAKE_REST_ONCE,
    /* of cells and flows */
    MISTAKE_CELL_OF_ALL, MISTAKE_CELL_REST_IS_ALL, MISTAKE_CELL_UNIT_LATER, MISTAKE_FLOW_LOWEST, MISTAKE_FLOW_ENDS_NOW,
    MISTAKE_COUNT
};
extern const char *const oracle_mistakes[MISTAKE_COUNT];

struct oracle {
    struct sql *sql;
    enum oracle_mistake mistake;
    int64_t as_of;
    /* while a question is written */
    struct buf *text;
    int zone, chain_count, answer_count;
};

/* Makes the tables of that base, days and all; once. */
void oracle_prepare(struct sql *sql);
/* The world's rows take the place of those before. codes[i][j]: the number by which answers name text j of attribute i. */
void oracle_load(struct oracle *oracle, const struct world *world, const int64_t codes[WORLD_ATTRIBUTES][WORLD_TEXTS]);

/* SEGMENT: one column, the members. Rows as query.h and docs/query.md say. is_too_large: as E_TOO_LARGE of the engine. */
struct sql_rows oracle_answer(struct oracle *oracle, struct arena *arena, const struct query *query, int64_t as_of);
