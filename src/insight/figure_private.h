/* Customer figures: what figure_sum.c counts and figure.c writes. A table is groups (layers) times
 * stretches of time; one of the two is 1. */
#pragma once

#include "insight/layer_private.h"

enum { FIGURE_WINDOW_COUNT = 3, FIGURE_STRETCH_MAX = 120 };
extern const int64_t figure_windows_days[FIGURE_WINDOW_COUNT];

/* How many took so many days; longer ones count as the longest. */
#define FIGURE_DAY_MAX 1830
struct figure_days {
    int64_t count;
    uint32_t *at; /* FIGURE_DAY_MAX + 1, made with the first one */
};
int64_t figure_days_rank(const struct figure_days *days, int64_t percent); /* NONE: none */

struct figure_sums {
    /* orders placed within the stretch */
    int64_t order_count, paid_fen, buyer_count, repeat_count, repeat_day_count;
    /* customers whose first order lies in it: who came back within the windows */
    int64_t first_count;
    int64_t matured_count[FIGURE_WINDOW_COUNT], matured_repeat_count[FIGURE_WINDOW_COUNT];
    int64_t all_repeat_count[FIGURE_WINDOW_COUNT];
    /* as of its end: with an order, with one old enough to be lost, and lost */
    int64_t bought_count, aged_count, lost_count;
    /* as of its end: known, known long enough, and of those who brought somebody and how many */
    int64_t known_count, mature_count, mature_inviter_count, invited_count, inviter_count;
    struct figure_days waits, intervals; /* first touch to first order; between purchase days */
};

struct figure_stretch {
    int64_t from_day, end_day, as_of_ms; /* last day; states as of this instant */
};
struct figure_table {
    int64_t group_count, stretch_count;
    int64_t first_month, step_months; /* stretches of so many months; 0: the whole period */
    struct figure_stretch *stretches;
    struct figure_sums *sums; /* [group * stretch_count + stretch] */
};
void figure_table_init(struct arena *arena, const struct layer *layer, int64_t step_months,
                       int64_t group_count, struct figure_table *table);

/* One buyer with all purchases. */
struct figure_buyer {
    int64_t touched_day;
    const struct purchase *purchases;
    int64_t count;
};
struct figure_rule {
    struct arena *arena;
    int64_t end_day;      /* of the view: windows are matured as of it */
    int64_t lost_after_ms;
    int64_t mature_days; /* known that long: mature enough to have brought somebody; NONE: nobody */
};
void figure_add_buyer(const struct figure_rule *rule, struct figure_table *table, int64_t group,
                      const struct figure_buyer *buyer);

/* A person and the days on which came who came through them, sorted. */
struct figure_inviter {
    int64_t touched_day;
    const int32_t *invited_days;
    int64_t count;
};
void figure_add_person(const struct figure_rule *rule, struct figure_table *table, int64_t group,
                       const struct figure_inviter *inviter);
