/* The payee: what it did with each of our numbers, and all the ways in which it does not say so.
 * Two kinds: a flaky one in memory, whose every turn follows from the seed, the amount and how
 * often it was turned to; and one that keeps its books in a file, one line a payment, which a
 * killed process cannot take along. */
#include "sim.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/clock.h"
#include "kit/inbox.h"

#define PAYMENTS_MAX 20000
#define CALLBACKS_MAX 20000
#define LATE_MS (3 * SIM_HOUR_MS)

struct payment {
    int64_t saga_id, amount_fen, moved_count, moved_ms;
    int64_t arrives_ms; /* still on its way until then; NONE: it is there */
    int64_t over_ms;    /* accepted until then */
    bool is_refused;
};
struct callback {
    int64_t due_ms, payment;
    bool is_delivered;
};
static struct {
    pthread_mutex_t lock;
    uint64_t seed;
    struct payment payments[PAYMENTS_MAX];
    struct callback callbacks[CALLBACKS_MAX];
    int64_t payment_count, callback_count;
    bool is_doubling;
} payee = {.lock = PTHREAD_MUTEX_INITIALIZER};

void sim_payee_reset(int64_t seed)
{
    payee.seed = (uint64_t)seed;
    payee.payment_count = payee.callback_count = 0;
    payee.is_doubling = false;
}

void sim_payee_double(void)
{
    payee.is_doubling = true;
}

/* 0..99, the same for the same turn. */
static int dice(const struct saga *saga, int64_t what)
{
    uint64_t mix = payee.seed * 1000003 + (uint64_t)saga->amount_fen * 31 +
                   (uint64_t)saga->attempt_count * 7 + (uint64_t)what;

    mix = (mix ^ (mix >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mix = (mix ^ (mix >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int)((mix ^ (mix >> 31)) % 100);
}

/* ---- its books, under the lock --------------------------------------------------------------- */

static struct payment *payment_find(int64_t saga_id)
{
    for (int64_t i = 0; i < payee.payment_count; i++)
        if (payee.payments[i].saga_id == saga_id)
            return &payee.payments[i];
    return NULL;
}

static void money_move(struct payment *payment, int64_t now_ms)
{
    payment->moved_ms = now_ms;
    payment->moved_count += payee.is_doubling ? 2 : 1;
    payee.is_doubling = false;
}

/* What was only on its way arrives; what was accepted is done. */
static void payment_ripen(struct payment *payment, int64_t now_ms)
{
    if (payment->arrives_ms != NONE && payment->arrives_ms <= now_ms)
        payment->arrives_ms = NONE;
    if (payment->arrives_ms == NONE && !payment->is_refused && payment->moved_count == 0 &&
        payment->over_ms <= now_ms)
        money_move(payment, now_ms);
}

static enum saga_status payment_status(const struct payment *payment)
{
    if (payment == NULL || payment->arrives_ms != NONE)
        return SAGA_CREATED;
    if (payment->is_refused)
        return SAGA_FAILED;
    return payment->moved_count > 0 ? SAGA_SUCCEEDED : SAGA_ACCEPTED;
}

static void callback_plan(const struct saga *saga, int64_t payment, int64_t now_ms)
{
    int copies = dice(saga, 5) < 20 ? 2 : 1; /* the same twice */

    for (int i = 0; i < copies; i++) {
        must(payee.callback_count < CALLBACKS_MAX);
        payee.callbacks[payee.callback_count++] = (struct callback){
            .due_ms = now_ms + dice(saga, 6 + i) * SIM_HOUR_MS / 10, .payment = payment};
    }
}

static struct payment *payment_take(const struct saga *saga, int64_t now_ms)
{
    struct payment *payment = payment_find(saga->id);

    if (payment) { /* the same number again moves nothing again */
        payment->arrives_ms = NONE;
        return payment;
    }
    must(payee.payment_count < PAYMENTS_MAX);
    payment = &payee.payments[payee.payment_count++];
    *payment =
        (struct payment){.saga_id = saga->id,
                         .amount_fen = saga->amount_fen,
                         .arrives_ms = dice(saga, 1) < 6 ? now_ms + LATE_MS : NONE,
                         .over_ms = now_ms + (dice(saga, 2) < 30 ? dice(saga, 3) : 0) * SIM_HOUR_MS,
                         .is_refused = dice(saga, 4) < 10};
    if (dice(saga, 9) < 30)
        callback_plan(saga, payee.payment_count - 1, now_ms);
    return payment;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static enum err tell(struct arena *arena, const struct payment *payment, const struct saga *saga,
                     struct saga_report *out)
{
    out->status = payment_status(payment);
    if (out->status == SAGA_CREATED)
        return OK;
    out->outside_no = str_fmt(arena, "P%" PRId64, payment->saga_id);
    out->amount_fen = payment->amount_fen + (dice(saga, 12) < 4 ? 1 : 0); /* a lie */
    return OK;
}

static enum err flaky_pay(struct app *app, struct arena *arena, const struct saga *saga,
                          struct saga_report *out)
{
    int64_t now_ms = clock_now_ms();
    struct payment *payment;
    enum err err = E_IO;

    (void)app;
    if (dice(saga, 10) < 10) /* the request is lost */
        return E_IO;
    pthread_mutex_lock(&payee.lock);
    payment = payment_take(saga, now_ms);
    payment_ripen(payment, now_ms);
    if (payment->arrives_ms == NONE && dice(saga, 11) >= 15) /* else the answer is lost */
        err = tell(arena, payment, saga, out);
    pthread_mutex_unlock(&payee.lock);
    return err;
}

static enum err flaky_ask(struct app *app, struct arena *arena, const struct saga *saga,
                          struct saga_report *out)
{
    struct payment *payment;
    enum err err;

    (void)app;
    if (dice(saga, 13) < 15)
        return E_IO;
    pthread_mutex_lock(&payee.lock);
    payment = payment_find(saga->id);
    if (payment)
        payment_ripen(payment, clock_now_ms());
    err = tell(arena, payment, saga, out);
    pthread_mutex_unlock(&payee.lock);
    return err;
}

static enum err flaky_bill(struct app *app, struct arena *arena, int64_t day,
                           struct bill_line **lines, int64_t *count)
{
    int64_t day_ms = day * DAY_MS - 8 * SIM_HOUR_MS; /* in Shanghai */

    (void)app;
    pthread_mutex_lock(&payee.lock);
    *lines = arena_new_array(arena, struct bill_line, (size_t)payee.payment_count + 1);
    *count = 0;
    for (int64_t i = 0; i < payee.payment_count; i++) {
        const struct payment *payment = &payee.payments[i];
        if (payment->moved_count == 0 || payment->moved_ms < day_ms ||
            payment->moved_ms >= day_ms + DAY_MS)
            continue;
        (*lines)[(*count)++] =
            (struct bill_line){.saga_id = payment->saga_id,
                               .outside_no = str_fmt(arena, "P%" PRId64, payment->saga_id),
                               .amount_fen = payment->amount_fen,
                               .status = SAGA_SUCCEEDED};
    }
    pthread_mutex_unlock(&payee.lock);
    return OK;
}

const struct sim_payee sim_payee_flaky = {flaky_pay, flaky_ask, flaky_bill};

/* ---- by itself ------------------------------------------------------------------------------- */

struct call_step {
    struct payment payment;
    int64_t number; /* of the callback: its own copies too are one message */
};

static enum err call_step(struct ctx *c, void *user)
{
    const struct call_step *step = user;
    struct inbox_message message = {.source = "payee", .kind = "sim_callback"};
    bool is_new;

    message.key = str_fmt(c->arena, "%" PRId64 "-%d", step->payment.saga_id,
                          (int)payment_status(&step->payment));
    message.body = str_fmt(c->arena, "%" PRId64 " %d %" PRId64, step->payment.saga_id,
                           (int)payment_status(&step->payment), step->payment.amount_fen);
    return inbox_put(c, &message, &is_new);
}

void sim_payee_deliver(struct app *app, struct arena *arena)
{
    int64_t now_ms = clock_now_ms();

    for (int64_t i = 0; i < payee.callback_count; i++) {
        struct callback *callback = &payee.callbacks[i];
        struct call_step step;
        if (callback->is_delivered || callback->due_ms > now_ms)
            continue;
        pthread_mutex_lock(&payee.lock);
        payment_ripen(&payee.payments[callback->payment], now_ms);
        step.payment = payee.payments[callback->payment];
        pthread_mutex_unlock(&payee.lock);
        if (step.payment.arrives_ms != NONE)
            continue;
        callback->is_delivered = app_write(app, arena, call_step, &step, NULL) == OK;
    }
}

int64_t sim_payee_moved(int64_t saga_id, int64_t *amount_fen)
{
    const struct payment *payment = payment_find(saga_id);

    *amount_fen = payment ? payment->amount_fen : 0;
    return payment ? payment->moved_count : 0;
}

int64_t sim_payee_count(void)
{
    int64_t count = 0;

    for (int64_t i = 0; i < payee.payment_count; i++)
        count += payee.payments[i].moved_count > 0;
    return count;
}

/* ---- in a file ------------------------------------------------------------------------------- */

/* "pay NUMBER AMOUNT" and "ask NUMBER": what came in, in order. A number that came in first moves
 * money. */
static void line_write(const char *what, const struct saga *saga)
{
    char line[80];
    int length = snprintf(line, sizeof(line), "%s %" PRId64 " %" PRId64 "\n", what, saga->id,
                          saga->amount_fen);
    int fd = open(getenv("SIM_PAYEE"), O_WRONLY | O_APPEND | O_CREAT, 0600);

    must(fd >= 0);
    must(write(fd, line, (size_t)length) == length);
    close(fd);
}

static bool line_is_there(const struct saga *saga)
{
    FILE *file = fopen(getenv("SIM_PAYEE"), "r");
    char what[8];
    long long id, amount_fen;
    bool is_there = false;

    while (file && fscanf(file, "%7s %lld %lld", what, &id, &amount_fen) == 3)
        is_there |= id == saga->id && strcmp(what, "pay") == 0;
    if (file)
        fclose(file);
    return is_there;
}

static enum err file_pay(struct app *app, struct arena *arena, const struct saga *saga,
                         struct saga_report *out)
{
    (void)app;
    usleep((useconds_t)dice(saga, 1) * 200);
    line_write("pay", saga);
    usleep((useconds_t)dice(saga, 2) * 200);
    out->status = SAGA_SUCCEEDED;
    out->amount_fen = saga->amount_fen;
    out->outside_no = str_fmt(arena, "P%" PRId64, saga->id);
    return OK;
}

static enum err file_ask(struct app *app, struct arena *arena, const struct saga *saga,
                         struct saga_report *out)
{
    (void)app;
    line_write("ask", saga);
    out->status = line_is_there(saga) ? SAGA_SUCCEEDED : SAGA_CREATED;
    out->amount_fen = saga->amount_fen;
    out->outside_no = str_fmt(arena, "P%" PRId64, saga->id);
    return OK;
}

static enum err no_bill(struct app *app, struct arena *arena, int64_t day, struct bill_line **lines,
                        int64_t *count)
{
    (void)app;
    (void)arena;
    (void)day;
    *lines = NULL;
    *count = 0;
    return OK;
}

const struct sim_payee sim_payee_file = {file_pay, file_ask, no_bill};
