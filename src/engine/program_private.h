/* Between compiling a program, testing values and gathering events. */
#pragma once

#include "engine/program.h"
#include "engine/scan_private.h"
#include "engine/window.h"

#define PROGRAM_NEVER INT64_MAX /* no instant */
#define PROGRAM_LATEST 16        /* a least count up to which the instant of leaving is exact */
#define PROGRAM_ROLES_MAX (2 * QUERY_STEP_MAX + 1)

/* A test, ready for one moment. */
struct program_test {
    const struct test *test;
    const struct query_field *field;
    const struct zone *zone;
    const uint64_t *codes;    /* texts: which codes pass ANY_OF, CONTAINS, STARTS, and which NONE_OF names */
    int64_t code_count;
    const int64_t *sorted;    /* of many numbers; NULL: few */
    struct span span;         /* WITHIN: seconds; ANNIVERSARY: days */
    struct span days;         /* WITHIN: those whose first instant lies there */
    int64_t next;             /* when the test itself moves; PROGRAM_NEVER */
    const struct people_column *column;  /* attributes; NULL: nobody has a value */
    /* Who is in any, all or none of these passes: a SET's; of CHOICES each text's; of TEXT those that pass, if they are few. */
    const struct bitmap *const *members; /* each NULL: nobody */
    int member_count;
    struct program_cell cell; /* of an answer */
};

/* What a condition looks for: events that match get its bit. */
struct program_role {
    struct program_leaf *leaf;
    int bit;
    const struct pattern *pattern; /* NULL: every event, of any kind */
    struct window window;
    struct span span;
    struct program_test tests[QUERY_TEST_MAX];
};

/* A condition over events: compiled, and what it has gathered of the person at work. */
struct program_leaf {
    const struct condition *condition;
    struct program_test test;
    int64_t next;             /* when a calendar moves; PROGRAM_NEVER */
    struct span span;         /* FIRST_TIME: its window */
    int64_t *units;           /* REGULAR: their bounds, one more than units */
    bool has_fifths;
    struct program_fifths fifths;
    /* of the person */
    uint64_t person;          /* whose; another: nothing was gathered */
    int64_t until, since;
    int64_t count, days, sum, least, most, first, last, first_value, last_value;
    int64_t lasts[3];         /* by bit: the latest match; NONE */
    uint32_t latest[PROGRAM_LATEST]; /* seconds of the latest matches, by count modulo */
    int64_t day_from, day_to; /* DAYS: the seconds of the last day */
    int carry; /* of the sum, over int64 */
    int unit, unit_hits, good_units;
    int level;
    int64_t starts[QUERY_STEP_MAX + 1]; /* latest start of a chain of n steps; of ANY_ORDER: latest event of the step; NONE */
    struct buf values;        /* DISTINCT */
};

int64_t program_window_next(const struct window *window, const struct zone *zone, int64_t as_of);
/* field NULL: of a measure that is no field's. */
void program_test_at(struct program *program, struct program_test *out, const struct test *test, const struct query_field *field,
                     const struct zone *zone);
/* Of a condition that asks for no events. */
void program_static_at(struct program *program, struct program_test *out, const struct condition *one, const struct zone *zone);
/* For qsort and bsearch of int64_t. */
int program_by_value(const void *a, const void *b);
bool program_test_passes(const struct program_test *test, int64_t value);
/* An attribute or a membership of the person, without events. */
struct answer_leaf program_static(const struct program *program, const struct condition *one, const struct program_test *test);

/* program_bits.c: bit i is number shard * 4,096 + i. */
struct program_bits {
    uint64_t at[BITMAP_SHARD_WORDS];
};
void program_bits_none(struct program_bits *out);
void program_bits_flip(struct program_bits *out);
void program_bits_join(struct program_bits *out, const struct program_bits *other, bool is_all); /* both, or either */
void program_bits_operands(const struct condition *who, int node, struct program_bits *of); /* of[node]: all or any of its operands */
/* A condition that asks for no events. */
void program_static_bits(const struct scan_kernels *kernels, const struct condition *one, const struct program_test *test,
                         uint32_t shard, struct program_bits *out);
bool program_is_of_events(const struct condition *one);

void program_leaf_reset(struct program_leaf *leaf);
/* The event matches these roles. */
void program_leaf_take(struct program_leaf *leaf, uint32_t bits, const struct program_event *event);
enum err program_leaf_end(struct program_leaf *leaf, struct answer_leaf *out) MUST_USE;

/* What a query is made of, in an arena of its own. */
struct program_query {
    const struct query *query;
    struct arena *arena;
    struct program_leaf *leaves;
    struct program_role *roles;
    int *leaf_of;               /* by node: which of its leaves; -1: none */
    struct program_test *tests; /* by node: of those without events */
    int leaf_count, role_count;
};
/* Who looks at a kind, in the order of queries and leaves. The last kind stands for all from kind_limit up. */
struct program_choice {
    struct program_choice *next;
    bool *is_wanted; /* by query */
    struct program_role **roles;
    uint16_t *query_of;  /* by place in roles */
    uint32_t *kind_from; /* by kind: places in roles; one more than kinds */
    uint32_t *earliest;  /* by kind: no event before matters; UINT32_MAX: none does */
    uint32_t earliest_of_all;
};
struct program {
    struct arena *own;
    const struct scan_kernels *kernels;
    struct moment moment;
    struct program_query *queries[PROGRAM_QUERY_MAX]; /* NULL: dropped */
    int query_count;
    bool is_mapped;
    struct arena *map; /* of choices */
    uint32_t kind_limit;
    struct program_choice *choices;
    const struct program_choice *all;
    struct arena *arena;  /* what program_at makes */
    struct arena *gather; /* program_person's, and where it takes events from */
    struct buf sources;
    /* the person at work */
    uint64_t person;
    const uint32_t *numbers;
    int number_count;
    const struct program_choice *choice;
    const uint64_t *open; /* queries whose conditions gather, as bits; NULL: all of the choice */
    struct program_bits *sure, *maybe; /* by node, of the shard at work */
};
