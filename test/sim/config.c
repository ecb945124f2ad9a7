/* What the simulated program has besides the product's own: notices, thanks, refunds. */
#include "sim.h"

#include <stdlib.h>

#include "flow/flow.h"
#include "gen/reward.q.h"
#include "kit/counter.h"
#include "kit/inbox.h"
#include "kit/timer.h"
#include "papilio.h"
#include "play/play.h"

#define LIST_MAX 128
#define THANKS_MAX 1000

struct app_config sim_config;
static const struct sim_payee *payee = &sim_payee_file;
static int notice_port;

void sim_payee_set(const struct sim_payee *next)
{
    payee = next;
}

void sim_notice_port_set(int port)
{
    notice_port = port;
}

/* ---- a notice for each reward ---------------------------------------------------------------- */

static enum err notice_request(struct ctx *c, const struct outbox_message *message,
                               struct outbox_request *out)
{
    out->url = str_fmt(c->arena, "http://127.0.0.1:%d/notice", notice_port);
    out->body = message->body;
    return OK;
}

static const struct outbox_kind notice = {
    .name = "sim_notice", .title_zh = "通知", .title_en = "Notice", .request = notice_request};

/* ---- thanks, some time later: that it ran is counted, so that twice would show --------------- */

static enum err thanks_run(struct ctx *c, const struct timer *timer)
{
    const struct counter counter = {"sim_thanks", 0, timer->key_id, WINDOW_NONE, NULL, THANKS_MAX};

    return counter_use(c, &counter, 1);
}

static const struct timer_kind thanks = {
    .name = "sim_thanks", .title_zh = "致谢", .title_en = "Thanks", .run = thanks_run};

static enum err rewarded(struct ctx *c, const struct event *event)
{
    /* With a real clock soon, so that a process that is killed has some on their way. */
    int64_t wait_ms = payee == &sim_payee_file ? event->subject_id % 3000
                                               : event->subject_id % (72 * SIM_HOUR_MS);

    TRY(timer_set(c,
                  &(struct timer_new){.kind = thanks.name,
                                      .key_id = event->subject_id,
                                      .due_ms = c->now_ms + wait_ms},
                  1));
    return outbox_add(c,
                      &(struct outbox_new){.kind = notice.name,
                                           .key_id = event->subject_id,
                                           .order_id = event->customer_id,
                                           .customer_id = event->customer_id,
                                           .body = str_fmt(c->arena, "%" PRId64, event->subject_id),
                                           .due_ms = NONE},
                      1);
}

/* ---- money back ------------------------------------------------------------------------------ */

static enum err refund_pay(struct app *app, struct arena *arena, const struct saga *saga,
                           struct saga_report *out)
{
    return payee->pay(app, arena, saga, out);
}

static enum err refund_ask(struct app *app, struct arena *arena, const struct saga *saga,
                           struct saga_report *out)
{
    return payee->ask(app, arena, saga, out);
}

static enum err refund_bill(struct app *app, struct arena *arena, int64_t day,
                            struct bill_line **lines, int64_t *count)
{
    return payee->bill(app, arena, day, lines, count);
}

static enum err refund_over(struct ctx *c, const struct saga *saga)
{
    struct q_reward_get_row row = {0};
    int64_t taken_count, left_count;

    if (saga->status != SAGA_SUCCEEDED)
        return OK;
    TRY(q_reward_get(c, saga->key_id, &row));
    left_count = row.amount_count - row.revoked_count;
    if (left_count == 0 || str_is(row.status, "forfeited"))
        return OK;
    return reward_revoke(c, saga->key_id,
                         &(struct revocation){.kind = "sim_refund",
                                              .key_id = saga->id,
                                              .amount_count = left_count,
                                              .policy = (enum ledger_policy)(saga->key_id % 3),
                                              .reason = S("money back")},
                         &taken_count);
}

static const struct saga_kind refund = {"sim_refund", "退款",      "Refund",   refund_pay,
                                        refund_ask,   refund_bill, refund_over};

enum err sim_refund_start(struct ctx *c, struct sim_refund *asked)
{
    return saga_start(c,
                      &(struct saga_new){.kind = refund.name,
                                         .key_id = asked->reward_id,
                                         .customer_id = asked->customer_id,
                                         .amount_fen = asked->amount_fen},
                      &asked->saga_id);
}

struct sim_refund_in {
    int64_t reward_id, customer_id, amount_fen;
};
static const struct field sim_refund_in[] = {
    IN(struct sim_refund_in, reward_id),
    IN(struct sim_refund_in, customer_id),
    IN(struct sim_refund_in, amount_fen, .min = 1, .max = 1000000),
};
struct sim_refund_out {
    int64_t saga_id;
};
static const struct field sim_refund_out[] = {OUT(struct sim_refund_out, saga_id)};

static enum err refund_run(struct ctx *c, const void *in_, void *out_)
{
    const struct sim_refund_in *in = in_;
    struct sim_refund asked = {in->reward_id, in->customer_id, in->amount_fen, NONE};

    TRY(sim_refund_start(c, &asked));
    ((struct sim_refund_out *)out_)->saga_id = asked.saga_id;
    return OK;
}

static const struct route sim_routes[] = {
    {HTTP_POST, "/api/sim/refunds", "campaign.claim", SHAPE(sim_refund_in), SHAPE(sim_refund_out),
     refund_run, .repeat = REPEAT_KEY_REQUIRED},
    {.path = NULL},
};

/* ---- what the payee calls back: "NUMBER STATUS AMOUNT" --------------------------------------- */

static enum err callback_handle(struct ctx *c, int64_t inbox_id, struct str body)
{
    struct saga_report report = {.amount_fen = NONE};
    struct str id, status;
    int64_t saga_id, status_number;

    (void)inbox_id;
    must(str_cut(body, ' ', &id, &body));
    str_cut(body, ' ', &status, &body);
    must(str_to_int(id, &saga_id));
    must(str_to_int(status, &status_number));
    must(str_to_int(body, &report.amount_fen));
    report.status = (enum saga_status)status_number;
    return saga_heard(c, saga_id, &report);
}

static const struct inbox_kind callback = {
    .name = "sim_callback", .title_zh = "回调", .title_en = "Callback", .handle = callback_handle};

/* ---- the product's lists with ours behind ---------------------------------------------------- */

static const void *list_with(int at, const void *list, const void *own)
{
    static const void *lists[5][LIST_MAX];
    const void *const *from = list;
    size_t count = 0;

    while (from && from[count]) {
        must(count + 2 < LIST_MAX);
        lists[at][count] = from[count];
        count++;
    }
    lists[at][count] = own;
    return lists[at];
}

void sim_config_make(void)
{
    static struct reaction reactions[LIST_MAX];
    size_t count = 0;

    sim_config = papilio_config;
    sim_config.routes = list_with(0, papilio_config.routes, sim_routes);
    sim_config.timer_kinds = list_with(1, papilio_config.timer_kinds, &thanks);
    sim_config.outbox_kinds = list_with(2, papilio_config.outbox_kinds, &notice);
    sim_config.inbox_kinds = list_with(3, papilio_config.inbox_kinds, &callback);
    sim_config.saga_kinds = list_with(4, papilio_config.saga_kinds, &refund);
    while (flow_reactions[count].kind && count < LIST_MAX - 2) {
        reactions[count] = flow_reactions[count];
        count++;
    }
    reactions[count] = (struct reaction){"reward_granted", rewarded};
    sim_config.reactions = reactions;
    sim_config.is_filling = true;
}
