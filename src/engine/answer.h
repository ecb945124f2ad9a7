/* Answers a query over one moment: a snapshot of the events, a view of the people, an instant. One semantics (query.h); this executor is
 * the fast one. A person is the kept record with those linked to it: their events are one stream by (second, arrival); of the same
 * second those of the lower customer number come first, since arrival across numbers is not kept. */
#pragma once

#include "engine/dictionary.h"
#include "engine/people.h"
#include "engine/query.h"
#include "engine/scan.h"

struct moment {
    const struct snapshot *events;
    const struct people_view *people;
    int64_t as_of; /* second; what happened at or after it is not seen */
    const struct dictionary *const *dictionaries; /* by column; NULL: none */
    int64_t cells_as_of; /* the second at which CONDITION_RFM has its fifths and CONDITION_ANSWER its answer; 0: as_of */
    const struct answer_options *cells_within; /* what finding those for one person, or for a live segment, may take; NULL: no deadline */
};
struct answer_options {
    int thread_count; /* 0: one */
    enum scan_level level;
    bool is_columns_only;
    bool is_generic;     /* no kernel made for one shape is taken: tests compare */
    int64_t deadline_ms; /* of the monotonic clock; 0: none. Over it: E_BUSY "query.slow" */
    int64_t memory_max;  /* bytes; 0: 256 MiB. Over it: E_TOO_LARGE "query.large" */
};
struct answer {
    struct bitmap members; /* SEGMENT: the persons (kept numbers). The caller initialised it and releases it */
    int column_count;
    int64_t row_count;
    const int64_t *cells;  /* row by row, in the arena; NONE: no value */
    int64_t event_count;   /* how many events there are in the snapshot, of all customers */
    int64_t elapsed_us;
};
enum err answer_run(struct arena *arena, const struct query *query, const struct moment *moment, const struct answer_options *options,
                    struct answer *out) MUST_USE;

/* Each of these people's events of a few kinds, one person after the other, on the caller's thread: for figures that no question has.
 * Events at or after as_of are not among them. is_plain: all are of kinds[0], and `subject` need not be there. */
struct answer_event {
    uint32_t second;
    uint16_t kind;
    int64_t amount;  /* 0: it has none */
    int64_t subject; /* NONE: it has none */
};
struct answer_events {
    const struct answer_event *at;
    size_t count;
    bool is_plain;
};
struct answer_visit {
    const uint16_t *kinds; /* [0] is the one most events are of */
    int kind_count;        /* at most SCAN_STEP_MAX */
    int subject_column;
    void (*person)(void *user, uint32_t kept, const struct answer_events *events); /* in order; of people who have any */
    void *user;
};
enum err answer_visit(const struct bitmap *people, const struct moment *moment, const struct answer_options *options,
                      const struct answer_visit *visit) MUST_USE;

/* One person against one condition tree, by its own events: what holds, and since and until when. For
 * explaining, and for live segments. */
struct answer_leaf {
    bool is_true;
    int64_t until; /* the second at which it may change without any event; NONE: never */
    int64_t since; /* the second of the event that decided it; NONE: not decided by one */
    int64_t value; /* of its measure; NONE: missing */
};
/* What bounds the cells of a live segment: the start of the query's day, so that they move once a day and are found again. */
int64_t answer_cells_second(const struct query *query, int64_t as_of);
struct program;
/* Has it conditions that hang on what others do, too: CONDITION_RFM, CONDITION_ANSWER? */
bool answer_has_cells(const struct query *query);
/* The fifths and members of all such conditions of this query of the program, as the moment says; the arena lives as long as they are
 * asked. */
enum err answer_cells_find(struct arena *arena, const struct query *query, const struct moment *moment, struct program *program,
                           int number) MUST_USE;
/* leaves: query->who_count cells, by node. The root is the last. E_NOT_FOUND: there is no such person. */
enum err answer_explain(struct arena *arena, const struct query *query, const struct moment *moment, uint32_t kept,
                        struct answer_leaf *leaves) MUST_USE;
