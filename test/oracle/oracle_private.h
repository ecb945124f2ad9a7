/* How a question is put together as SQL: each says one piece into oracle->text. */
#pragma once

#include "oracle.h"

#include "engine/query_cell.h"

#define SAY(o, ...) buf_fmt((o)->text, __VA_ARGS__)
#define I64 "%" PRId64

/* "(x >= .. AND x < ..)" */
void oracle_window(struct oracle *o, const char *x, const struct window *window);
/* "(..)", of a value x of that field. */
void oracle_test(struct oracle *o, const char *x, const struct query_field *field, const struct test *test);
/* What the field is of the event `e`, as an expression; NULL where it has none. */
void oracle_field(struct oracle *o, const struct query_field *field);
/* "(..)", whether the event `e` matches; window: in place of the pattern's own. */
void oracle_match(struct oracle *o, const struct pattern *pattern, const struct window *window);
extern const struct window oracle_always;
/* Where the window begins and ends, asked of the base. */
void oracle_edges(struct oracle *o, const struct window *window, int64_t edges[2]);
/* "s.zone = .. AND s.unit = ..", of a span s. */
void oracle_is_unit(struct oracle *o, enum calendar_unit unit);
/* The number of the unit that x lies in. */
void oracle_unit(struct oracle *o, enum calendar_unit unit, const char *x);

/* "m1 AS .., chain1(person, start, begun, step, ends) AS (..)": every chain of the funnel among the events of `from`; m1(person, seq,
 * second, step) are the events by step. Returns the number that the names end in. */
int oracle_chains(struct oracle *o, const struct funnel *funnel, const char *from);
/* "fifths AS (..)": person, much, r, f, m over the events of `from`. */
void oracle_fifths(struct oracle *o, const struct pattern *pattern, const struct query_field *of, const char *from);

/* "WITH RECURSIVE now AS (..), e AS (..), ": what is seen at the moment. */
void oracle_base(struct oracle *o);
/* "who AS (..), ew AS (..)": the people of the question, and their events. */
void oracle_people(struct oracle *o, const struct query *query);
/* ", a AS (..), .. SELECT": the question's rows; or with a cell the persons, named person, whom its rows count. */
void oracle_ask(struct oracle *o, const struct query *query, const struct query_cell *cell);
/* " AND (..)", whether x is a value of that key. */
void oracle_key(struct oracle *o, const struct query_cell *cell, int key, const char *x);

/* "(..)", whether the person p.id is meant; query->who's node of that index. */
void oracle_condition(struct oracle *o, const struct query *query, int index);
