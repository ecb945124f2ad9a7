/* The saga threads: what is due is claimed, the other side is asked or paid, and what it says is
 * written down. Always: the claim is committed before the other side hears anything, and what was
 * claimed once is asked about before it is sent again, with the same number. */
#include "host/clock.h"
#include "kit/caught.h"
#include "kit/node.h"
#include "kit/saga_private.h"
#include "kit/timer_private.h"

#define THREAD_COUNT 4
#define LEASE_MS 30000
#define CLAIM_MS (INT64_C(5) * 60 * 1000)
#define BUSY_BILLS (-1) /* no saga's id */

struct sagas {
    struct app *app;
    struct worker *workers[THREAD_COUNT];
    pthread_mutex_t lock;
    int64_t busy_id[THREAD_COUNT]; /* ids at work in this process; 0: free */
    bool is_revived;
};

struct work {
    struct sagas *sagas;
    struct q_saga_row_row row; /* as it was before the claim */
    bool is_found, is_claimed, is_ours;
    int64_t next_ms;
    struct saga_report report;
    struct fault fault;
};

/* ---- finding and claiming -------------------------------------------------------------------- */

/* false: another thread is at it. */
static bool busy_take(struct sagas *sagas, int64_t id)
{
    int free_at = -1;

    pthread_mutex_lock(&sagas->lock);
    for (int i = 0; i < THREAD_COUNT; i++) {
        if (sagas->busy_id[i] == 0)
            free_at = i;
        if (sagas->busy_id[i] == id) {
            free_at = -1;
            break;
        }
    }
    if (free_at >= 0)
        sagas->busy_id[free_at] = id;
    pthread_mutex_unlock(&sagas->lock);
    return free_at >= 0;
}

static void busy_drop(struct sagas *sagas, int64_t id)
{
    pthread_mutex_lock(&sagas->lock);
    for (int i = 0; i < THREAD_COUNT; i++)
        if (sagas->busy_id[i] == id)
            sagas->busy_id[i] = 0;
    pthread_mutex_unlock(&sagas->lock);
}

static struct q_saga_row_row row_of(const struct q_saga_due_row *due)
{
    return (struct q_saga_row_row){.id = due->id,
                                   .kind = due->kind,
                                   .key_id = due->key_id,
                                   .customer_id = due->customer_id,
                                   .amount_fen = due->amount_fen,
                                   .status = due->status,
                                   .outside_no = due->outside_no,
                                   .attempt_count = due->attempt_count,
                                   .due_ms = due->due_ms,
                                   .bill_day = NONE};
}

static enum err find(struct ctx *c, void *user)
{
    struct work *work = user;
    struct q_saga_next_row next;
    const struct q_saga_due_row *rows;
    struct list list;
    enum err err;

    c->now_ms = worker_now_ms(c->app);
    TRY(q_saga_due(c, &list));
    rows = list.at;
    for (int64_t i = 0; i < list.count && !work->is_found; i++)
        if (busy_take(work->sagas, rows[i].id)) {
            work->row = row_of(&rows[i]);
            work->is_found = true;
        }
    err = q_saga_next(c, &next);
    work->next_ms = err == OK ? next.due_ms : NONE;
    return err == E_NOT_FOUND ? OK : err;
}

static enum err claim(struct ctx *c, void *user)
{
    struct work *work = user;
    int64_t changed_count;

    TRY(lease_take(c, "saga", LEASE_MS, &work->is_ours));
    if (!work->is_ours)
        return OK;
    TRY(q_saga_claim(c, c->now_ms + CLAIM_MS, work->row.id, work->row.due_ms, &changed_count));
    work->is_claimed = changed_count > 0;
    return OK;
}

static enum err revive(struct ctx *c, void *user)
{
    int64_t changed_count;
    bool was_ours;

    (void)user;
    TRY(lease_was_ours(c, "saga", &was_ours));
    return was_ours ? q_saga_revive(c, &changed_count) : OK;
}

/* ---- the other side -------------------------------------------------------------------------- */

struct turn {
    struct app *app;
    struct arena *arena;
    struct saga saga;
    enum err (*run)(struct app *app, struct arena *arena, const struct saga *saga,
                    struct saga_report *out);
    struct saga_report report;
    enum err err;
};

static void turn_run(void *user)
{
    struct turn *turn = user;

    turn->err = turn->run(turn->app, turn->arena, &turn->saga, &turn->report);
}

/* Whatever it comes to, it may have been heard. */
static enum err turn_to(struct app *app, struct arena *arena, struct work *work, bool is_paying)
{
    const struct saga_kind *kind = saga_kind_find(app, work->row.kind);
    struct turn turn = {.app = app,
                        .arena = arena,
                        .saga = saga_of(&work->row),
                        .run = is_paying ? kind->pay : kind->ask,
                        .report = {.status = SAGA_UNKNOWN, .amount_fen = NONE},
                        .err = E_INTERNAL};

    if (!caught_run(app, turn_run, &turn))
        turn.report = (struct saga_report){.words = S("a bug; it has been logged")};
    work->report = turn.report;
    return turn.err;
}

/* What was sent once is asked about first. Never heard of: it is sent, with the same number; unless
 * they had accepted it, for then they are wrong now or were wrong then, and a person is to look. */
static void outside(struct app *app, struct arena *arena, struct work *work)
{
    bool is_new = str_is(work->row.status, "created");
    enum err err = turn_to(app, arena, work, is_new);

    if (!is_new && err == OK && work->report.status == SAGA_CREATED) {
        if (str_is(work->row.status, "accepted"))
            work->report.words = S("accepted before, and now they have never heard of it");
        else
            err = turn_to(app, arena, work, true);
    }
    if (err != OK)
        work->report = (struct saga_report){.amount_fen = NONE,
                                            .words = work->report.words.at ? work->report.words
                                                                           : str_of(err_name(err))};
    if (err != OK || work->report.status == SAGA_CREATED)
        work->report.status = SAGA_UNKNOWN;
    if (work->report.status == SAGA_SENT)
        work->report.status = SAGA_ACCEPTED;
}

/* A callback may have ended it meanwhile. */
static enum err record(struct ctx *c, void *user)
{
    struct work *work = user;
    struct q_saga_row_in key = {work->row.id};
    struct q_saga_row_row row = {0};

    TRY(q_saga_row(c, &key, 1, &row));
    return saga_take(c, &row, &work->report, true);
}

static enum err put_off(struct ctx *c, void *user)
{
    struct work *work = user;
    int64_t changed_count;

    c->topics |= LIVE_PAYMENTS;
    return q_saga_put_off(c, c->now_ms + timer_backoff_ms(work->row.attempt_count, work->row.id),
                          str_fmt(c->arena, "%s: %.*s", work->fault.code, STR(work->fault.message)),
                          work->row.id, &changed_count);
}

static enum err saga_do(struct app *app, struct arena *arena, struct work *work)
{
    TRY(app_write(app, arena, claim, work, NULL));
    if (!work->is_claimed)
        return OK;
    if (saga_kind_find(app, work->row.kind) == NULL)
        work->fault = (struct fault){.code = "saga.kind", .message = S("no such kind")};
    else
        outside(app, arena, work);
    if (work->fault.code == NULL && app_write(app, arena, record, work, &work->fault) == OK)
        return OK;
    app_log(app, "error", "saga", "%" PRId64 " %.*s: %s: %.*s", work->row.id, STR(work->row.kind),
            work->fault.code, STR(work->fault.message));
    return app_write(app, arena, put_off, work, NULL);
}

static bool is_first(struct sagas *sagas)
{
    bool was;

    pthread_mutex_lock(&sagas->lock);
    was = sagas->is_revived;
    sagas->is_revived = true;
    pthread_mutex_unlock(&sagas->lock);
    return !was;
}

/* One thread at a time. */
static enum err bills_do(struct app *app, struct arena *arena, int64_t *next_ms)
{
    enum err err;

    if (!busy_take(app->sagas, BUSY_BILLS))
        return OK;
    err = saga_bills_do(app, arena, next_ms);
    busy_drop(app->sagas, BUSY_BILLS);
    return err;
}

static enum err saga_page(struct app *app, struct arena *arena, int64_t *next_ms)
{
    struct work work = {.sagas = app->sagas, .is_ours = true};
    enum err err;

    if (is_first(app->sagas))
        TRY(app_write(app, arena, revive, NULL, NULL));
    TRY(app_read(app, arena, find, &work, NULL));
    *next_ms = work.next_ms;
    if (!work.is_found)
        return bills_do(app, arena, next_ms);
    err = saga_do(app, arena, &work);
    busy_drop(app->sagas, work.row.id);
    *next_ms = work.is_ours ? 0 : clock_now_ms() + LEASE_MS;
    return err;
}

/* ---- for the frame --------------------------------------------------------------------------- */

struct sagas *sagas_new(struct app *app)
{
    struct sagas *sagas = arena_new_one(app->arena, struct sagas);

    sagas->app = app;
    pthread_mutex_init(&sagas->lock, NULL);
    for (int i = 0; i < THREAD_COUNT; i++)
        sagas->workers[i] = worker_new(app, "saga", saga_page);
    return sagas;
}

static bool has_kinds(const struct sagas *sagas)
{
    return sagas->app->config.saga_kinds && sagas->app->config.saga_kinds[0];
}

void sagas_begin(struct sagas *sagas)
{
    for (int i = 0; i < THREAD_COUNT && has_kinds(sagas); i++)
        worker_begin(sagas->workers[i]);
}

void sagas_wake(struct sagas *sagas)
{
    for (int i = 0; i < THREAD_COUNT; i++)
        worker_wake(sagas->workers[i]);
}

void sagas_stop(struct sagas *sagas)
{
    for (int i = 0; i < THREAD_COUNT; i++)
        worker_stop(sagas->workers[i]);
}

/* One that rests may be given work by another: all must rest at once. */
void saga_await(struct app *app)
{
    bool is_busy = has_kinds(app->sagas);

    while (is_busy) {
        for (int i = 0; i < THREAD_COUNT; i++)
            worker_await(app->sagas->workers[i]);
        is_busy = false;
        for (int i = 0; i < THREAD_COUNT; i++)
            is_busy |= worker_is_busy(app->sagas->workers[i]);
    }
}
