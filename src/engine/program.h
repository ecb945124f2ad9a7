/* Conditions of one query or of many, compiled for a moment and asked person by person: a person's events are given once, in their
 * order, and every condition gets those it looks at. This is what conditions mean; what is faster is compared with it. */
#pragma once

#include "engine/answer.h"

#define PROGRAM_QUERY_MAX 1024

/* An event as it lies in a block, or among the news. */
struct program_event {
    uint32_t second;
    uint16_t kind, channel;
    const struct engine_value *values; /* of news; NULL: none, or it is in a block */
    const struct block *block;         /* NULL: news */
    uint32_t at;                       /* in the block */
};
int64_t program_value(const struct program_event *event, int column); /* NONE: it has none */

/* Bounds of the lower four fifths, ascending, among people with an event of the pattern. */
struct program_fifths {
    int64_t last[4], count[4], sum[4];
};

/* Who is in a cell of an answer: a bit a number. */
struct program_cell {
    const uint64_t *words;
    size_t word_count;
};
static inline bool program_cell_has(const struct program_cell *cell, uint32_t number)
{
    return number / 64 < cell->word_count && (cell->words[number / 64] >> number % 64 & 1) != 0;
}

struct program; /* one thread's */
struct program *program_new(void);
void program_free(struct program *program); /* NULL is fine */
/* The next query's `who`; returns its number from 0. The query lives as long as the program; a query's number is used
 * again after program_drop. At most PROGRAM_QUERY_MAX. */
int program_add(struct program *program, const struct query *query);
void program_drop(struct program *program, int query);
/* For a CONDITION_RFM; without it nobody is in it. */
void program_fifths(struct program *program, int query, int node, const struct program_fifths *fifths);
/* The same for a CONDITION_ANSWER; its words live as long as the query is asked. */
void program_cell(struct program *program, int query, int node, const struct program_cell *cell);
/* Windows, texts and attributes as they are at this moment, which outlives the persons asked for. After program_add
 * and before persons. */
void program_at(struct program *program, const struct moment *moment);

/* Some of the queries (by number; NULL: all), to be asked together again and again. Lives until a query is added or dropped. */
struct program_choice;
const struct program_choice *program_choose(struct program *program, const bool *is_wanted);

/* A person: the kept number and all numbers of its records (kept first). choice NULL: all queries. */
void program_begin(struct program *program, const uint32_t *numbers, int number_count, const struct program_choice *choice);
/* Of the person begun, events matter to these queries of the choice alone (bits by number). Lives as long as the person is at work. */
void program_open(struct program *program, const uint64_t *open);
/* Of a shard's numbers: for whom the query holds for sure, and for whom it may, as long as nothing is told of them: without events, and
 * without what moves by time. Of joined persons they say nothing. */
void program_shard(struct program *program, int query, uint32_t shard, uint64_t sure[BITMAP_SHARD_WORDS],
                   uint64_t maybe[BITMAP_SHARD_WORDS]);
/* Is it decided without looking at events? *root is its answer then. */
bool program_known(struct program *program, int query, struct answer_leaf *root);
void program_event(struct program *program, const struct program_event *event); /* in order; other kinds are passed over */
/* After the last event, for one of the choice. E_TOO_LARGE: a sum outside int64. leaves: who_count cells by node, or NULL; *root: as the
 * root's. */
enum err program_result(struct program *program, int query, struct answer_leaf *leaves, struct answer_leaf *root) MUST_USE;

/* What a condition over events looks at: each pattern (NULL: every event of any kind) with the window it is looked for in. `bit` tells
 * them apart. */
typedef void program_look(void *user, int bit, const struct pattern *pattern, const struct window *window);
void program_looks(const struct condition *one, program_look *look, void *user);

/* Does an event of the kind matter to the query? */
bool program_names_kind(const struct program *program, int query, uint16_t kind);
/* All of a person's events of a snapshot, in order. */
void program_person(struct program *program, const struct snapshot *events);
