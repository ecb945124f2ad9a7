/* The cohort matrix (同期群): customers by the month of their first counted order, and how many
 * of them bought in each month after it. Always: month 0 of a row is the cohort's size. */
#include "insight/insight_private.h"

#define COHORT_MONTH_MAX 120 /* the last ten years; earlier cohorts are left out */

struct active_out {
    int64_t month_number, customer_count;
};
static const struct field active_out[] = {
    OUT(struct active_out, month_number, .about = "months since the first order's"),
    OUT(struct active_out, customer_count),
};

struct cohort_row_out {
    struct str month;
    int64_t size_count, mature_month_count;
    struct list active;
};
static const struct field cohort_row_out[] = {
    OUT(struct cohort_row_out, month, .about = "of the first order, YYYY-MM"),
    OUT(struct cohort_row_out, size_count),
    OUT(struct cohort_row_out, mature_month_count,
        .about = "months of `active` that are over; the later ones may still grow"),
    OUT(struct cohort_row_out, active, .max = COHORT_MONTH_MAX, .of = SHAPE(active_out)),
};

struct cohort_out {
    struct list cohorts;
};
static const struct field cohort_out[] = {
    OUT(struct cohort_out, cohorts, .max = COHORT_MONTH_MAX, .of = SHAPE(cohort_row_out)),
};
const struct shape cohort_out_shape = {
    .name = "cohort_out",
    .fields = cohort_out,
    .count = ARRAY_LEN(cohort_out),
    .bytes = sizeof(struct cohort_out),
};

struct matrix {
    int64_t first_month, month_count;
    int64_t over_month; /* the first month that is not over */
    int64_t from_ms;
    int64_t *cells; /* [cohort * month_count + offset] */
};

static void matrix_take(void *user, const struct purchase *p, const struct buyer *before)
{
    struct matrix *matrix = user;
    bool is_first = before->order_count == 0;
    int64_t cohort = (is_first ? p->month : before->first_month) - matrix->first_month;
    int64_t first_ms = is_first ? p->placed_ms : before->first_ms;
    int64_t month = p->month - matrix->first_month;

    if (first_ms < matrix->from_ms || cohort < 0 || month >= matrix->month_count)
        return;
    if (is_first || before->last_month != p->month)
        matrix->cells[cohort * matrix->month_count + month - cohort]++;
}

static void matrix_write(struct ctx *c, const struct matrix *matrix, struct list *cohorts)
{
    int64_t count = matrix->month_count, cohort_cap = 0;

    for (int64_t i = 0; i < count; i++) {
        const int64_t *cells = matrix->cells + i * count;
        struct cohort_row_out *row;
        struct active_out *active;
        if (cells[0] == 0)
            continue;
        row = list_add(c->arena, cohorts, &cohort_cap, sizeof(*row));
        active = arena_new_array(c->arena, struct active_out, (size_t)(count - i));
        for (int64_t k = 0; k < count - i; k++)
            active[k] = (struct active_out){k, cells[k]};
        row->month = month_iso(c->arena, matrix->first_month + i);
        row->size_count = cells[0];
        row->mature_month_count = matrix->over_month - matrix->first_month - i;
        if (row->mature_month_count > count - i)
            row->mature_month_count = count - i;
        if (row->mature_month_count < 0)
            row->mature_month_count = 0;
        row->active = (struct list){active, count - i};
    }
}

enum err cohort_get(struct ctx *c, const void *in, void *out_)
{
    struct cohort_out *out = out_;
    struct view view;
    struct people people;
    struct purchase_span span;
    struct matrix matrix;
    struct purchase_visit visit = {.on_purchase = matrix_take, .user = &matrix};
    enum err err;

    TRY(view_read(c, in, &view));
    err = purchase_span_get(c, &view, &span);
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    matrix.first_month = span.first_month;
    if (span.last_month - matrix.first_month >= COHORT_MONTH_MAX)
        matrix.first_month = span.last_month - COHORT_MONTH_MAX + 1;
    matrix.month_count = span.last_month - matrix.first_month + 1;
    matrix.from_ms = view.from_ms;
    matrix.over_month = zone_month(view.zone, view.as_of_ms);
    matrix.cells =
        arena_new_array(c->arena, int64_t, (size_t)(matrix.month_count * matrix.month_count));
    TRY(people_load(c, &view, &people));
    TRY(purchase_each(c, &view, &people, &span.calendar, &visit));
    matrix_write(c, &matrix, &out->cohorts);
    return OK;
}
