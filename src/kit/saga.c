/* Sagas: a row a payment, moved by what the other side says. Always: what is over stays as it is; a
 * status moves by one guarded UPDATE, and on_over runs in its transaction, so it runs once; an
 * amount other than ours moves nothing. */
#include "kit/saga.h"

#include "kit/saga_private.h"
#include "kit/timer_private.h"

#define WORDS_MAX 300

const char *const saga_status_names[SAGA_STATUS_COUNT] = {"created",   "sent",   "accepted",
                                                          "succeeded", "failed", "unknown"};

enum saga_status saga_status_find(struct str name)
{
    for (int i = 0; i < SAGA_STATUS_COUNT; i++)
        if (str_is(name, saga_status_names[i]))
            return (enum saga_status)i;
    must_fail("a saga's status", __FILE__, __LINE__);
}

const struct saga_kind *saga_kind_find(const struct app *app, struct str name)
{
    for (const struct saga_kind *const *kind = app->config.saga_kinds; kind && *kind; kind++)
        if (str_is(name, (*kind)->name))
            return *kind;
    return NULL;
}

struct saga saga_of(const struct q_saga_row_row *row)
{
    return (struct saga){.id = row->id,
                         .key_id = row->key_id,
                         .customer_id = row->customer_id,
                         .amount_fen = row->amount_fen,
                         .attempt_count = row->attempt_count,
                         .status = saga_status_find(row->status),
                         .outside_no = row->outside_no};
}

enum err saga_start(struct ctx *c, const struct saga_new *n, int64_t *saga_id)
{
    struct q_saga_add_in row = {.id = ctx_id(c),
                                .kind = str_of(n->kind),
                                .key_id = n->key_id,
                                .customer_id = n->customer_id,
                                .amount_fen = n->amount_fen};
    struct q_saga_of_key_row was;
    int64_t changed_count;

    must(saga_kind_find(c->app, row.kind) != NULL);
    if (n->amount_fen <= 0)
        return fail(c, E_INPUT, "saga.amount", "a payment is over 0");
    TRY(q_saga_add(c, &row, &changed_count));
    *saga_id = row.id;
    c->wakes |= WAKE_SAGA;
    c->topics |= LIVE_PAYMENTS;
    if (changed_count > 0)
        return OK;
    TRY(q_saga_of_key(c, row.kind, row.key_id, &was));
    *saga_id = was.id;
    if (was.amount_fen != n->amount_fen)
        return fail(c, E_CONFLICT, "saga.key_reused", "this %s has another amount already",
                    n->kind);
    return OK;
}

/* ---- what the other side says ---------------------------------------------------------------- */

static bool is_over(enum saga_status status)
{
    return status == SAGA_SUCCEEDED || status == SAGA_FAILED;
}

enum err saga_difference(struct ctx *c, struct q_difference_add_in *rows, int64_t count,
                         int64_t *added_count)
{
    int64_t *changed = arena_new_array(c->arena, int64_t, (size_t)count + 1);

    *added_count = 0;
    if (count == 0)
        return OK;
    for (int64_t i = 0; i < count; i++)
        rows[i].id = ctx_id(c);
    TRY(q_difference_add(c, rows, count, changed));
    c->topics |= LIVE_PAYMENTS;
    for (int64_t i = 0; i < count; i++)
        *added_count += changed[i];
    return OK;
}

static enum err differ(struct ctx *c, const struct q_saga_row_row *row,
                       const struct saga_report *report, const char *kind)
{
    struct q_difference_add_in difference = {.saga_kind = row->kind,
                                             .bill_day = zone_day(ctx_zone(c), c->now_ms),
                                             .saga_id = row->id,
                                             .outside_no = report->outside_no,
                                             .kind = str_of(kind),
                                             .ours_fen = row->amount_fen,
                                             .theirs_fen = report->amount_fen};
    int64_t added_count;

    return saga_difference(c, &difference, 1, &added_count);
}

static enum err end(struct ctx *c, const struct q_saga_row_row *row,
                    const struct saga_report *report)
{
    const struct saga_kind *kind = saga_kind_find(c->app, row->kind);
    struct q_saga_move_in move = {.status = str_of(saga_status_names[report->status]),
                                  .outside_no = report->outside_no,
                                  .due_ms = NONE,
                                  .error_message = str_sub(report->words, 0, WORDS_MAX),
                                  .saga_id = row->id,
                                  .was_status = row->status};
    struct saga saga = saga_of(row);
    int64_t changed_count;

    if (kind == NULL)
        return fail(c, E_INTERNAL, "saga.kind", "this program knows no such kind");
    TRY(q_saga_move(c, &move, &changed_count));
    must(changed_count == 1); /* read in this transaction, on the one writer */
    saga.status = report->status;
    if (report->outside_no.at)
        saga.outside_no = report->outside_no;
    return kind->on_over ? kind->on_over(c, &saga) : OK;
}

/* Accepted is never taken back by no answer: only the other side ends it. A callback leaves the
 * next look where it is. */
static enum err go_on(struct ctx *c, const struct q_saga_row_row *row,
                      const struct saga_report *report, bool is_answer)
{
    bool is_accepted = report->status == SAGA_ACCEPTED || str_is(row->status, "accepted");
    struct q_saga_move_in move = {.status = is_accepted ? S("accepted") : S("unknown"),
                                  .outside_no = report->outside_no,
                                  .due_ms = row->due_ms,
                                  .error_message = str_sub(report->words, 0, WORDS_MAX),
                                  .saga_id = row->id,
                                  .was_status = row->status};
    int64_t changed_count;

    if (!is_answer && report->status != SAGA_ACCEPTED)
        return OK;
    if (is_answer)
        move.due_ms = c->now_ms + timer_backoff_ms(row->attempt_count - 1, row->id);
    TRY(q_saga_move(c, &move, &changed_count));
    must(changed_count == 1);
    return OK;
}

enum err saga_take(struct ctx *c, const struct q_saga_row_row *row,
                   const struct saga_report *report, bool is_answer)
{
    enum saga_status status = saga_status_find(row->status);
    struct saga_report other = *report;

    c->topics |= LIVE_PAYMENTS;
    if (is_over(status))
        return is_over(report->status) && report->status != status
                   ? differ(c, row, report, "status")
                   : OK;
    if (report->amount_fen != NONE && report->amount_fen != row->amount_fen) {
        TRY(differ(c, row, report, "amount"));
        other.status = SAGA_UNKNOWN;
        other.words = str_fmt(c->arena, "they say %" PRId64 ", ours is %" PRId64,
                              report->amount_fen, row->amount_fen);
    }
    if (is_over(other.status))
        return end(c, row, &other);
    return go_on(c, row, &other, is_answer);
}

enum err saga_heard(struct ctx *c, int64_t saga_id, const struct saga_report *report)
{
    struct q_saga_row_in key = {saga_id};
    struct q_saga_row_row row = {0};

    TRY(q_saga_row(c, &key, 1, &row));
    if (row.id == NONE)
        return fail(c, E_NOT_FOUND, "saga.unknown", "no payment has the number %" PRId64, saga_id);
    return saga_take(c, &row, report, false);
}
