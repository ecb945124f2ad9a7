/* Questions that read every customer's events in a snapshot, shard by shard, on as many threads as asked for. Seconds are UTC; ranges
 * are [from, to); all counts are of customer numbers (who joins people that were merged does so before or after). */
#pragma once

#include "engine/bitmap.h"
#include "engine/store.h"

#define SCAN_THREAD_MAX 64
#define SCAN_STEP_MAX 8
#define SCAN_CONDITION_MAX 8
#define SCAN_COHORT_MAX 64
#define SCAN_DAY_MAX 400
#define SCAN_KIND_MAX 256    /* kinds of a path matrix */
#define SCAN_CHANNEL_MAX 65536

enum scan_level { SCAN_BEST, SCAN_PLAIN, SCAN_AVX2, SCAN_AVX512 };
struct scan {
    const struct snapshot *snapshot; /* NULL: nothing is asked of events */
    const struct bitmap *only;       /* these customers; NULL: all */
    int thread_count;                /* 0: one */
    enum scan_level level;           /* tests and benches; what the machine cannot is lowered */
    bool is_columns_only;            /* summaries and postings are not used: to be measured beside */
    bool (*is_over)(void *user);     /* asked before each shard: true leaves out the rest. NULL: it never is */
    void *user;
};

/* Ordered steps: the next one is a later event (in the order of seconds, then arrival) not more than `window` seconds after the chain's
 * first. levels[n]: customers whose furthest chain has n steps; level 0 has events of the steps but none of the first. */
struct scan_funnel {
    uint16_t kinds[SCAN_STEP_MAX];
    int step_count;
    uint32_t window;
    enum { SCAN_EITHER, SCAN_FORWARD, SCAN_BACK } way; /* BACK only with all kinds different; else FORWARD is taken */
    /* NULL, or for each thread and length (SCAN_STEP_MAX + 1 a thread): the seconds it took each customer who got so far, as uint32_t are
     * added. Of the chains of a length the first to end counts, and of those the last to begin. */
    struct buf *times;
};
void scan_funnel(const struct scan *scan, const struct scan_funnel *query, int64_t levels[SCAN_STEP_MAX + 1]);

/* Members of scan->only for whom every condition holds: at least and at most so many events of a kind in [from, to). */
struct scan_condition {
    uint16_t kind;
    uint32_t from, to;
    uint32_t at_least, at_most; /* at_most: UINT32_MAX for no bound */
};
struct scan_segment {
    struct scan_condition conditions[SCAN_CONDITION_MAX];
    int condition_count;
};
int64_t scan_segment(const struct scan *scan, const struct scan_segment *query, struct bitmap *out); /* out: may be NULL */

/* Quintiles of those with an event of the kind: by last second, count, sum of amounts. cells[r][f][m], 0 the lowest fifth. The bound
 * of a fifth is the value of rank ceil(n * fifth / 5); equal values fall together. */
void scan_rfm(const struct scan *scan, uint16_t kind, int64_t cells[5][5][5]);

/* Cohorts by the week of a customer's first event: sizes[i] those of week first_week + i, active[i][k] of them with an event k weeks
 * later. A week is (second + week_offset) / 604,800; answers from summaries where the store's week_offset is the same. */
struct scan_cohort {
    uint32_t first_week, week_offset;
    int cohort_count, week_count; /* at most SCAN_COHORT_MAX each */
};
void scan_cohort(const struct scan *scan, const struct scan_cohort *query, int64_t sizes[SCAN_COHORT_MAX],
                 int64_t active[SCAN_COHORT_MAX][SCAN_COHORT_MAX]);

/* Per channel below channel_max: customers with any event there, customers with an event of the kind, those events, their amounts. */
struct scan_channel {
    int64_t customer_count, buyer_count, order_count, amount;
};
void scan_channels(const struct scan *scan, uint16_t kind, struct scan_channel *channels, uint32_t channel_max);

/* Days from the first to the second event of the kind; the last cell holds all longer ones. */
void scan_intervals(const struct scan *scan, uint16_t kind, int64_t days[SCAN_DAY_MAX]);

/* pairs[a * kind_max + b]: how often b came next after a, both at or after `from`, kinds below kind_max (at most SCAN_KIND_MAX). */
void scan_paths(const struct scan *scan, uint32_t from, uint32_t kind_max, int64_t *pairs);
