/* Between the parts of the executor. A run is one question at one moment; a pass gives the events of its persons, one person after the
 * other, to a question; hands are its threads. Always: a person is given once, whole, to one hand. */
#pragma once

#include "engine/answer.h"
#include "engine/program_private.h"
#include "engine/query_cell.h"
#include "engine/scan_work.h"
#include "engine/window.h"

#include <stdatomic.h>

/* Which events a pattern means at this moment. */
struct answer_probe {
    int64_t from, to;      /* cut at as_of */
    const uint64_t *kinds; /* a bit a kind; NULL: all */
    struct program_test *tests;
    int test_count;
};

/* Which events a pass looks at; the others are passed over where they lie. */
struct answer_filter {
    int64_t from, to;
    bool is_any;
    uint64_t kinds[1024];
    struct scan_needles needles; /* the kinds, if they are few; else none */
};

/* answer_table.c: what is counted, by key; where a cell is asked for nothing is, but whose key passes is a member. */
struct answer_key {
    int64_t a, b, c;
};
struct answer_sum {
    int64_t value;
    int64_t carry; /* how often it went round */
};
struct answer_tally {
    struct answer_key key;
    int64_t people, events;
    struct answer_sum sum;
    uint64_t person; /* the last one counted */
};
struct answer_table {
    struct answer_tally *at;
    size_t count, room;
};

struct answer_hand {
    struct answer_run *run;
    const struct answer_pass *pass;
    void *state;          /* the pass's own */
    struct arena *arena;  /* until the run ends */
    struct buf sources, masks;
    const struct scan_kernels *kernels;
    uint64_t person;      /* how many were begun: marks what belongs to the one at work */
    uint32_t kept;        /* the one at work */
    struct answer_tally unused;
};

struct answer_pass {
    struct answer_filter filter;
    const void *query;
    bool is_eventless;  /* nothing is asked of events: none are looked for */
    size_t state_bytes; /* each hand has its own, zero at first */
    /* Any of these may be missing. start: when a hand has got its state. shard: before its customers, may thin view->only. */
    void (*start)(struct answer_hand *hand);
    void (*shard)(struct answer_hand *hand, struct scan_view *view);
    void (*begin)(struct answer_hand *hand, uint32_t kept);
    void (*event)(struct answer_hand *hand, const struct program_event *event);
    void (*whole)(struct answer_hand *hand, struct scan_view *view); /* instead of persons: a kernel has the shard */
    void (*end)(struct answer_hand *hand, uint32_t kept);
    void (*joined_begin)(struct answer_hand *hand, uint32_t kept); /* of persons with several records, if it differs */
    void (*joined_end)(struct answer_hand *hand, uint32_t kept);
};

/* Instead of rows: whom the rows that pass would count. */
struct answer_cell {
    const struct query_cell *cell;
    struct program_test tests[QUERY_KEY_MAX]; /* that of the rest is known when all are counted */
    uint64_t *members; /* a bit a kept number */
};

struct answer_run {
    struct arena *arena;
    const struct query *query;
    const struct moment *moment;
    const struct answer_options *options;
    struct answer *out;
    struct answer_cell *cell;    /* NULL: rows are wanted */
    struct program *program;     /* of no query: tests are made ready with it */
    uint32_t shard_count;        /* of customers and of events */
    bool is_kind_wide;           /* some kind is over 255 */
    int64_t first, last;         /* seconds of the earliest and the latest event; first <= last */
    const struct bitmap *people; /* who is asked about, kept numbers */
    struct bitmap members;       /* those, if `who` says so */
    struct bitmap plain;         /* those with one record */
    const uint32_t *joined;      /* those with several */
    size_t joined_count;
    int hand_count;
    struct answer_hand hands[SCAN_THREAD_MAX];
    atomic_int stop; /* an enum err */
    atomic_int_least64_t bytes;
};

/* answer_pass.c */
void answer_split(struct answer_run *run); /* people into plain and joined */
void answer_pass_run(struct answer_run *run, struct answer_pass *pass);
void answer_joined_run(struct answer_run *run, struct answer_pass *pass); /* only those with several records */
void answer_person_run(struct answer_hand *hand, uint32_t kept);
void answer_person_fetch(const struct moment *moment, uint32_t kept); /* from the disk, where one person alone is asked */
void answer_news_find(const struct scan_view *view, uint64_t words[BITMAP_SHARD_WORDS]); /* adds who of the shard has news */
struct scan answer_scan(struct answer_run *run, const struct bitmap *only);
bool answer_is_over(void *run); /* the rest is left out */
void answer_stop(struct answer_run *run, enum err err);
void answer_take(struct answer_run *run, size_t bytes); /* counts memory */

/* answer_probe.c */
struct answer_probe answer_probe(struct answer_run *run, const struct pattern *pattern);
bool answer_matches(const struct answer_probe *probe, const struct program_event *event);
bool answer_is_whole(const struct answer_run *run, const struct answer_probe *probe); /* of all time, without tests */
bool answer_is_one_kind(const struct answer_run *run, const struct answer_probe *probe, const struct pattern *pattern); /* and so */
void answer_filter_add(struct answer_filter *filter, const struct answer_probe *probe);
int64_t answer_event_value(const struct answer_run *run, const struct query_field *field, const struct program_event *event);
int64_t answer_person_value(const struct answer_run *run, const struct query_field *field, uint32_t kept); /* of an attribute */

/* answer_table.c */
void answer_sum_add(struct answer_sum *sum, int64_t value);
void answer_sum_join(struct answer_sum *sum, const struct answer_sum *other);
void answer_tally_add(struct answer_hand *hand, struct answer_table *table, const struct answer_tally *other);
struct answer_tally *answer_tally(struct answer_hand *hand, struct answer_table *table, struct answer_key key);
/* Of all hands, whose state begins with a table, together: without gaps, sorted by key. */
struct answer_table answer_tables_join(struct answer_run *run);
int64_t answer_rank(int64_t *values, size_t count, size_t rank); /* the value of this rank, from 1; the values are put about */
enum err answer_rows(struct answer_run *run, int columns, int64_t count, int64_t **cells) MUST_USE;

/* answer_units.c: units [starts[i], starts[i + 1]) from the first to the last that lie in [from, to). */
struct answer_units {
    int64_t first, count; /* number of the first */
    const int64_t *starts;
};
struct answer_units answer_units(struct answer_run *run, enum calendar_unit unit, int64_t from, int64_t to);
/* So many from that number on. */
struct answer_units answer_units_of(struct answer_run *run, enum calendar_unit unit, int64_t first, int64_t count);
int64_t answer_unit(const struct answer_units *units, int64_t second); /* its place in the table; the second lies in it */

/* answer_cell.c */
void answer_cell_take(struct answer_hand *hand, struct answer_key key); /* the person at work has such a row */
bool answer_has_key(const struct answer_run *run, int key);             /* does the cell name this column? */
bool answer_is_rest(const struct answer_run *run);
/* Whom a CONDITION_ANSWER holds for, in the arena of the run's first hand; nobody, if the run has to stop. */
struct program_cell answer_cell_find(struct answer_run *run, const struct condition *one);
/* Who passes the query's `who` at that second, in the same arena. */
struct program_cell answer_members_at(struct answer_run *run, const struct query *query, int64_t as_of);

/* Questions. */
enum err answer_who(struct answer_run *run, struct bitmap *out) MUST_USE; /* answer_who.c */
void answer_fifths(struct answer_run *run, const struct condition *condition, struct program_fifths *fifths);
struct answer_units answer_cohort_units(struct answer_run *run);
enum err answer_funnel(struct answer_run *run) MUST_USE;
enum err answer_retention(struct answer_run *run) MUST_USE;
enum err answer_paths(struct answer_run *run) MUST_USE;
enum err answer_breakdown(struct answer_run *run) MUST_USE;
enum err answer_trend(struct answer_run *run) MUST_USE;
enum err answer_rfm(struct answer_run *run) MUST_USE;
enum err answer_interval(struct answer_run *run) MUST_USE;
enum err answer_timeline(struct answer_run *run) MUST_USE;
enum err answer_flow(struct answer_run *run) MUST_USE;
/* answer.c: the run's query over its moment, for its `cell`, or its members. The run is fresh, its arena and cell aside. */
enum err answer_run_inner(struct answer_run *run) MUST_USE;
void answer_visit_run(struct answer_run *run, const struct answer_visit *visit);
