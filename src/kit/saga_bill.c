/* Reconciliation: the other side's bill of a day against our sagas. Always: a payment that
 * succeeded is on one bill, that of its day or, in its last hour, of the next; what a bill has and
 * we have not, or twice, or otherwise, is a row somebody closes with words. Again for the same day:
 * nothing new. */
#include "gen/kit.q.h"
#include "host/clock.h"
#include "kit/caught.h"
#include "kit/saga_private.h"
#include "kit/timer.h"

#define PAGE_MAX 500
#define LATE_MS (INT64_C(3600) * 1000)
#define READY_MINUTES 600 /* bills of a day can be had at 10 in the morning of the next */
#define AGAIN_MS (INT64_C(10) * 60 * 1000)
#define ARENA_MAX ((size_t)256 * 1024 * 1024)

struct bill {
    struct str kind;
    int64_t day;
    const struct bill_line *lines; /* of this page */
    const bool *is_second;         /* its number has been paid further up in the bill */
    int64_t count;
    int64_t difference_count;
    /* of the page */
    struct q_saga_row_row *rows;
    struct q_difference_add_in *differences;
    struct q_saga_billed_in *billed;
    int64_t found_count, billed_count;
};

static void differ(struct bill *bill, const char *kind, const struct q_saga_row_row *row,
                   const struct bill_line *line)
{
    bill->differences[bill->found_count++] = (struct q_difference_add_in){
        .saga_kind = bill->kind,
        .bill_day = bill->day,
        .saga_id = row ? row->id : line->saga_id,
        .outside_no = line->outside_no,
        .kind = str_of(kind),
        .ours_fen = row ? row->amount_fen : NONE,
        .theirs_fen = line->amount_fen,
    };
}

static enum err line_compare(struct ctx *c, struct bill *bill, int64_t at)
{
    const struct bill_line *line = &bill->lines[at];
    const struct q_saga_row_row *row = &bill->rows[at];
    struct saga_report report = {line->status, line->amount_fen, line->outside_no, {0}};
    bool is_paid = line->status == SAGA_SUCCEEDED;

    if (!is_paid && line->status != SAGA_FAILED)
        return OK;
    if (row->id == NONE || !str_eq(row->kind, bill->kind)) {
        if (is_paid)
            differ(bill, "only_theirs", NULL, line);
        return OK;
    }
    if (is_paid && (bill->is_second[at] || (row->bill_day != NONE && row->bill_day != bill->day))) {
        differ(bill, "twice", row, line);
        return OK;
    }
    if (line->amount_fen != row->amount_fen) {
        differ(bill, "amount", row, line);
    } else if (row->due_ms == NONE && !str_is(row->status, saga_status_names[line->status])) {
        differ(bill, "status", row, line);
    } else if (row->due_ms != NONE) {
        TRY(saga_take(c, row, &report, false));
    }
    if (is_paid)
        bill->billed[bill->billed_count++] = (struct q_saga_billed_in){bill->day, row->id};
    return OK;
}

static enum err lines_compare(struct ctx *c, void *user)
{
    struct bill *bill = user;
    size_t count = (size_t)bill->count;
    struct q_saga_row_in *keys = arena_new_array(c->arena, struct q_saga_row_in, count);
    int64_t added_count;

    bill->rows = arena_new_array(c->arena, struct q_saga_row_row, count);
    bill->differences = arena_new_array(c->arena, struct q_difference_add_in, count);
    bill->billed = arena_new_array(c->arena, struct q_saga_billed_in, count);
    bill->found_count = bill->billed_count = 0;
    for (int64_t i = 0; i < bill->count; i++)
        keys[i].id = bill->lines[i].saga_id;
    TRY(q_saga_row(c, keys, bill->count, bill->rows));
    for (int64_t i = 0; i < bill->count; i++)
        TRY(line_compare(c, bill, i));
    if (bill->billed_count > 0)
        TRY(q_saga_billed(c, bill->billed, bill->billed_count, NULL));
    TRY(saga_difference(c, bill->differences, bill->found_count, &added_count));
    bill->difference_count += added_count;
    return OK;
}

static enum err ours_compare(struct ctx *c, void *user)
{
    struct bill *bill = user;
    const struct zone *zone = ctx_zone(c);
    const struct q_saga_unbilled_row *rows;
    struct list list;
    int64_t added_count;

    TRY(q_saga_unbilled(c, zone_day_start(zone, bill->day) - LATE_MS,
                        zone_day_start(zone, bill->day + 1) - LATE_MS, bill->kind, &list));
    rows = list.at;
    bill->differences =
        arena_new_array(c->arena, struct q_difference_add_in, (size_t)list.count + 1);
    for (int64_t i = 0; i < list.count; i++)
        bill->differences[i] = (struct q_difference_add_in){.saga_kind = bill->kind,
                                                            .bill_day = bill->day,
                                                            .saga_id = rows[i].id,
                                                            .outside_no = rows[i].outside_no,
                                                            .kind = S("only_ours"),
                                                            .ours_fen = rows[i].amount_fen,
                                                            .theirs_fen = NONE};
    TRY(saga_difference(c, bill->differences, list.count, &added_count));
    bill->difference_count += added_count;
    return OK;
}

static bool *seconds_find(struct arena *arena, const struct bill_line *lines, int64_t count)
{
    bool *is_second = arena_new_array(arena, bool, (size_t)count + 1), is_new;
    struct map *paid = map_new(arena, (size_t)count);

    for (int64_t i = 0; i < count; i++) {
        struct str key = {(const char *)&lines[i].saga_id, sizeof(lines[i].saga_id)};
        if (lines[i].status != SAGA_SUCCEEDED || lines[i].saga_id == NONE)
            continue;
        map_slot(paid, key, &is_new);
        is_second[i] = !is_new;
    }
    return is_second;
}

struct fetch {
    struct app *app;
    struct arena *arena;
    const struct saga_kind *kind;
    int64_t day;
    struct bill_line *lines;
    int64_t count;
    enum err err;
};

static void fetch_run(void *user)
{
    struct fetch *fetch = user;

    fetch->err =
        fetch->kind->bill(fetch->app, fetch->arena, fetch->day, &fetch->lines, &fetch->count);
}

static enum err reconcile(struct app *app, struct arena *arena, const struct saga_kind *kind,
                          struct bill *bill)
{
    struct fetch fetch = {.app = app, .arena = arena, .kind = kind, .day = bill->day};
    bool *is_second;

    if (!caught_run(app, fetch_run, &fetch))
        return E_INTERNAL;
    TRY(fetch.err);
    is_second = seconds_find(arena, fetch.lines, fetch.count);
    for (int64_t at = 0; at < fetch.count; at += PAGE_MAX) {
        bill->lines = fetch.lines + at;
        bill->is_second = is_second + at;
        bill->count = fetch.count - at < PAGE_MAX ? fetch.count - at : PAGE_MAX;
        TRY(app_write(app, arena, lines_compare, bill, NULL));
    }
    return app_write(app, arena, ours_compare, bill, NULL);
}

enum err saga_reconcile(struct app *app, const char *name, int64_t day, int64_t *difference_count)
{
    const struct saga_kind *kind = saga_kind_find(app, str_of(name));
    struct bill bill = {.kind = str_of(name), .day = day};
    struct arena *arena;
    enum err err;

    *difference_count = 0;
    must(kind != NULL);
    if (kind->bill == NULL)
        return E_NOT_FOUND;
    arena = arena_new(ARENA_MAX);
    err = reconcile(app, arena, kind, &bill);
    arena_free(arena);
    *difference_count = bill.difference_count;
    return err;
}

/* ---- every day ------------------------------------------------------------------------------- */

struct place {
    const char *kind;
    int64_t day; /* compared last; NONE: none yet */
};

static struct str place_name(struct ctx *c, const char *kind)
{
    return str_fmt(c->arena, "saga_bill_day.%s", kind);
}

static enum err place_read(struct ctx *c, void *user)
{
    struct place *place = user;
    struct q_meta_get_row row;
    enum err err = q_meta_get(c, place_name(c, place->kind), &row);

    place->day = NONE;
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    return str_to_int(row.value, &place->day) ? OK : E_CORRUPT;
}

static enum err place_keep(struct ctx *c, void *user)
{
    const struct place *place = user;

    return q_meta_set(c, place_name(c, place->kind), str_fmt(c->arena, "%" PRId64, place->day));
}

/* The newest day whose bill can be had, and when the next one can. */
static int64_t ready_day(const struct zone *zone, int64_t now_ms, int64_t *next_ms)
{
    int64_t today = zone_day(zone, now_ms), ready_ms = timer_local_ms(zone, today, READY_MINUTES);

    *next_ms = now_ms < ready_ms ? ready_ms : timer_local_ms(zone, today + 1, READY_MINUTES);
    return now_ms < ready_ms ? today - 2 : today - 1;
}

static enum err bill_do(struct app *app, struct arena *arena, const char *kind, int64_t until_day)
{
    struct place place = {.kind = kind};
    int64_t difference_count;

    TRY(app_read(app, arena, place_read, &place, NULL));
    if (place.day == NONE)
        place.day = until_day - 1;
    while (place.day < until_day) {
        TRY(saga_reconcile(app, kind, place.day + 1, &difference_count));
        place.day++;
        TRY(app_write(app, arena, place_keep, &place, NULL));
        if (difference_count > 0)
            app_log(app, "warn", "bill", "%s: %" PRId64 " differences on day %" PRId64, kind,
                    difference_count, place.day);
    }
    return OK;
}

enum err saga_bills_do(struct app *app, struct arena *arena, int64_t *next_ms)
{
    int64_t ready_ms, now_ms = worker_now_ms(app);
    int64_t day = ready_day(atomic_load(&app->zone), now_ms, &ready_ms);

    for (const struct saga_kind *const *kind = app->config.saga_kinds; kind && *kind; kind++) {
        enum err err = (*kind)->bill ? bill_do(app, arena, (*kind)->name, day) : OK;
        if (err != OK) {
            app_log(app, "warn", "bill", "%s: no bill: %s", (*kind)->name, err_name(err));
            ready_ms = now_ms + AGAIN_MS;
        }
    }
    if (*next_ms == NONE || ready_ms < *next_ms)
        *next_ms = ready_ms;
    return OK;
}
