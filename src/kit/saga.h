/* Money outside: one row a payment, with our own number, sent again only with that number and only
 * after the other side has been asked about it. created -> sent -> accepted -> succeeded | failed, and
 * unknown where no answer came. Business state moves in on_over, never before. */
#pragma once

#include "kit/route.h"

enum saga_status { SAGA_CREATED, SAGA_SENT, SAGA_ACCEPTED, SAGA_SUCCEEDED, SAGA_FAILED, SAGA_UNKNOWN, SAGA_STATUS_COUNT };
extern const char *const saga_status_names[SAGA_STATUS_COUNT];

struct saga {
    int64_t id, key_id, customer_id, amount_fen;
    int64_t attempt_count; /* how often the other side was turned to before */
    enum saga_status status;
    struct str outside_no;
};
/* What the other side says about our number. */
struct saga_report {
    enum saga_status status; /* SAGA_CREATED: it has never heard of it */
    int64_t amount_fen;      /* NONE: not said; another than ours: a difference, nothing moves */
    struct str outside_no, words;
};
struct bill_line {
    int64_t saga_id; /* our number as they have it; NONE: none */
    struct str outside_no;
    int64_t amount_fen;
    enum saga_status status;
};
/* A row of app_config.saga_kinds. pay, ask and bill run on a saga thread, without a transaction, and may
 * take as long as the other side does. An error from pay or ask: no answer came. */
struct saga_kind {
    const char *name;
    const char *title_zh, *title_en;
    enum err (*pay)(struct app *app, struct arena *arena, const struct saga *saga, struct saga_report *out);
    enum err (*ask)(struct app *app, struct arena *arena, const struct saga *saga, struct saga_report *out);
    /* All lines of one local day. NULL: it sends no bills. */
    enum err (*bill)(struct app *app, struct arena *arena, int64_t day, struct bill_line **lines, int64_t *count);
    /* On the writer, once, in the transaction that ends it. */
    enum err (*on_over)(struct ctx *c, const struct saga *saga);
};
struct saga_new {
    const char *kind;
    int64_t key_id;
    int64_t customer_id; /* NONE */
    int64_t amount_fen;
};
/* The same again: OK with the same id; with another amount E_CONFLICT "saga.key_reused". */
enum err saga_start(struct ctx *c, const struct saga_new *n, int64_t *saga_id) MUST_USE;
/* From a callback (an inbox handler): what the other side says. Out of order or again: no harm; one that
 * contradicts what is over becomes a difference. E_NOT_FOUND "saga.unknown": not our number. */
enum err saga_heard(struct ctx *c, int64_t saga_id, const struct saga_report *report) MUST_USE;
/* Compares a day with the other side's bill; differences become rows, what was open ends. The saga thread
 * does it every day for the day before. Not from the writer. */
enum err saga_reconcile(struct app *app, const char *kind, int64_t day, int64_t *difference_count) MUST_USE;
/* Waits until no saga is due: for tests and measurements. */
void saga_await(struct app *app);
/* GET /api/sagas, /api/sagas/{saga_id}, /api/bill_differences; POST .../ask, .../close. */
extern const struct route saga_routes[];
