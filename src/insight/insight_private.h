/* What the files of this folder share: the asked period and branch, a fast calendar, and the one pass over purchases. */
#pragma once

#include "base/time.h"
#include "insight/insight.h"
#include "manage/audience/audience.h"

/* ---- view: which part of the base is asked for ----------------------------------------------- */

struct view_in {
    struct str from_date, to_date; /* local dates; [from, to) */
    int64_t channel_id;
};
extern const struct shape view_in_shape;

struct view {
    const struct zone *zone;
    int64_t from_ms, to_ms; /* [from, to); wide open where nothing was asked */
    int64_t from_day, to_day; /* the same as local days */
    int64_t as_of_ms;       /* the earlier of now and to: states are told as of this */
    int64_t end_day;        /* last local day that belongs to the view */
    struct str branch_path; /* no value: every customer */
};
enum err view_read(struct ctx *c, const struct view_in *in, struct view *view) MUST_USE;

/* Parts per million, rounded half up; NONE where there is nothing to divide by. */
int64_t rate_ppm(int64_t part, int64_t whole);

/* ---- calendar: local days and months of many instants, without a look into the zone each ----- */

struct calendar {
    const struct zone *zone;
    int64_t first_day, day_count;
    const int64_t *starts_ms; /* day_count + 1 */
    const int64_t *months;    /* of each day */
};
void calendar_init(struct arena *arena, const struct zone *zone, int64_t first_ms, int64_t last_ms,
                   struct calendar *calendar);
void calendar_find(const struct calendar *calendar, int64_t utc_ms, int64_t *day, int64_t *month);

/* ---- people: who is in the asker's reach and in the view's branch, by customer number ---------- */

struct people {
    const struct audience_people *held;
    const struct bitmap *members;
    uint32_t number_max; /* numbers are below this */
    const struct people_column *channel, *touched, *child; /* ids; local days */
};
/* Held until the request ends. Errors of audience_people. */
enum err people_load(struct ctx *c, const struct view *view, struct people *people) MUST_USE;
int64_t people_number(const struct people_column *column, uint32_t number); /* NONE: not known */
void people_each(const struct people *people, void (*take)(void *user, uint32_t number), void *user);
/* Leaves those whose youngest child was born in [from_day, to_day). */
void people_keep_children(struct ctx *c, struct people *people, int64_t from_day, int64_t to_day);

/* ---- purchases: counted orders of these people, each person's in time order ------------------- */

/* One person so far. A purchase day is a local day with at least one counted order. */
#define BUYER_GONE 0 /* a person whose data were deleted */
struct buyer {
    uint32_t number;
    int64_t first_ms, last_ms, paid_fen;
    int64_t first_day, second_day, last_day; /* purchase days; NONE: not yet */
    int64_t first_month, last_month;
    int64_t order_count, period_order_count; /* all, and those placed within the period */
    int64_t period_day_count;                /* purchase days within the period */
};
struct purchase {
    int64_t placed_ms, paid_fen;
    int64_t day, month;
    bool is_in_period;
};
struct purchase_visit {
    /* `before` is the buyer without this purchase. May be NULL. */
    void (*on_purchase)(void *user, const struct purchase *purchase, const struct buyer *before);
    void (*on_buyer)(void *user, const struct buyer *buyer); /* after the last one; may be NULL */
    void *user;
};
/* First and last month that have an order; E_NOT_FOUND: there is none. */
struct purchase_span {
    struct calendar calendar;
    int64_t first_month, last_month;
};
enum err purchase_span_get(struct ctx *c, const struct view *view,
                           struct purchase_span *span) MUST_USE;
/* One pass over these people's purchases before view->to_ms. Two statements at most. */
enum err purchase_each(struct ctx *c, const struct view *view, const struct people *people,
                       const struct calendar *calendar,
                       const struct purchase_visit *visit) MUST_USE;
/* The same of whom no engine has: whose data were deleted, because their orders stay. One statement. */
enum err purchase_each_gone(struct ctx *c, const struct view *view, const struct calendar *calendar,
                            const struct purchase_visit *visit) MUST_USE;

/* ---- handlers of the other files' rows in overview_routes ------------------------------------ */
extern const struct shape cohort_out_shape, raw_out_shape;
enum err cohort_get(struct ctx *c, const void *in, void *out);
enum err raw_get(struct ctx *c, const void *in, void *out);
