/* The paid gift. What a claim was is kept here, since the tests have no table of their own; what
 * counts lies in the ledger, the rewards and the sagas. */
#include "gift.h"

#include "host/client.h"
#include "kit/counter.h"
#include "payee.h"
#include "play/preflight.h"

struct gift_rules {
    int64_t stock_count, limit_count, price_fen, points_count;
};
static const struct field gift_rules[] = {
    IN(struct gift_rules, stock_count, .min = 1, .max = 100000),
    IN(struct gift_rules, limit_count, .min = 1, .max = 1000),
    IN(struct gift_rules, price_fen, .min = 1, .max = 1000000),
    IN(struct gift_rules, points_count, .min = 1, .max = 1000),
};
static const struct play_rule favours[] = {
    {"stock_count", FAVOUR_MORE, "份数", "Pieces"},
    {"limit_count", FAVOUR_MORE, "每人上限", "A person"},
    {"price_fen", FAVOUR_LESS, "价格", "Price"},
    {"points_count", FAVOUR_MORE, "积分", "Points"},
    {.name = NULL},
};

static struct gift_claim claims[GIFT_CLAIMS_MAX];

void gift_claim_keep(const struct gift_claim *claim)
{
    claims[claim->key_id] = *claim;
}

void gift_forget(void)
{
    memset(claims, 0, sizeof(claims));
}

/* ---- accounts -------------------------------------------------------------------------------- */

enum { STOCK, TAKEN, OUTSIDE_PIECES, TAKINGS, ON_ITS_WAY, OUTSIDE_FEN, ACCOUNT_COUNT };

static enum err accounts_open(struct ctx *c, int64_t campaign_id, int64_t *ids)
{
    const struct account accounts[ACCOUNT_COUNT] = {
        [STOCK] = {"campaign", campaign_id, UNIT_PIECES, BUCKET_BUDGET, 0},
        [TAKEN] = {"campaign", campaign_id, UNIT_PIECES, BUCKET_ISSUED, 0},
        [OUTSIDE_PIECES] = {"system", 0, UNIT_PIECES, BUCKET_EXTERNAL, 0},
        [TAKINGS] = {"campaign", campaign_id, UNIT_FEN, BUCKET_AVAILABLE, 0},
        [ON_ITS_WAY] = {"campaign", campaign_id, UNIT_FEN, BUCKET_IN_TRANSIT, 0},
        [OUTSIDE_FEN] = {"system", 0, UNIT_FEN, BUCKET_EXTERNAL, 0},
    };

    return ledger_open(c, accounts, ACCOUNT_COUNT, ids);
}

struct way {
    const char *kind;
    int from, to;
};

static enum err moved(struct ctx *c, const struct way *way, const struct gift_claim *claim,
                      int64_t amount_count)
{
    int64_t ids[ACCOUNT_COUNT];
    bool is_replay;

    TRY(accounts_open(c, claim->campaign_id, ids));
    return ledger_post(c,
                       &(struct transfer){.kind = way->kind,
                                          .key_id = claim->key_id,
                                          .from_id = ids[way->from],
                                          .to_id = ids[way->to],
                                          .amount_count = amount_count,
                                          .expires_ms = NONE},
                       1, &is_replay, NULL);
}

/* ---- the play -------------------------------------------------------------------------------- */

static enum err stock_open(struct ctx *c, const struct campaign *campaign, const void *rules_)
{
    const struct gift_rules *rules = rules_;

    return moved(c, &(struct way){"gift_stock", OUTSIDE_PIECES, STOCK},
                 &(struct gift_claim){.campaign_id = campaign->id, .key_id = campaign->id},
                 rules->stock_count);
}

static enum err facts_tell(struct ctx *c, const struct campaign *campaign, const void *rules_,
                           struct preflight_facts *out)
{
    const struct gift_rules *rules = rules_;
    struct account budget = campaign_budget(campaign->id, UNIT_POINTS);

    TRY(ledger_balance(c, &budget, &out->budget_count));
    out->budget_need_count = rules->stock_count * rules->points_count;
    return OK;
}

enum err gift_claim_step(struct ctx *c, void *user)
{
    struct gift_claim *claim = user;
    const struct gift_rules *rules;
    struct campaign campaign;
    int64_t version_number;
    const void *version;

    TRY(campaign_enter(c, claim->campaign_id, claim->person_id, &version_number));
    TRY(campaign_get(c, claim->campaign_id, version_number, &campaign, &version));
    rules = version;
    TRY(counter_use(c,
                    &(struct counter){"gift", campaign.id, claim->person_id, WINDOW_NONE,
                                      campaign.zone, rules->limit_count},
                    1));
    TRY(moved(c, &(struct way){"gift_piece", STOCK, TAKEN}, claim, 1));
    TRY(moved(c, &(struct way){"gift_paid", OUTSIDE_FEN, TAKINGS}, claim, rules->price_fen));
    claim->reward = (struct reward){.campaign_id = campaign.id,
                                    .person_id = claim->person_id,
                                    .kind = "points",
                                    .key_kind = "gift",
                                    .key_id = claim->key_id,
                                    .amount_count = rules->points_count,
                                    .expires_ms = NONE};
    return reward_grant(c, &claim->reward, NULL, &claim->is_held);
}

/* ---- the refund ------------------------------------------------------------------------------ */

static enum err price_of(struct ctx *c, const struct gift_claim *claim, int64_t *price_fen)
{
    struct campaign campaign;
    const void *rules;

    TRY(campaign_get(c, claim->campaign_id, NONE, &campaign, &rules));
    *price_fen = ((const struct gift_rules *)rules)->price_fen;
    return OK;
}

enum err gift_refund_step(struct ctx *c, void *user)
{
    const struct gift_claim *claim = &claims[*(const int64_t *)user];
    int64_t saga_id, price_fen;

    TRY(price_of(c, claim, &price_fen));
    TRY(moved(c, &(struct way){"gift_refund", TAKINGS, ON_ITS_WAY}, claim, price_fen));
    return saga_start(
        c, &(struct saga_new){gift_refund.name, claim->key_id, claim->person_id, price_fen},
        &saga_id);
}

static enum err refund_over(struct ctx *c, const struct saga *saga)
{
    const struct gift_claim *claim = &claims[saga->key_id];
    int64_t taken_count;

    if (saga->status == SAGA_FAILED)
        return moved(c, &(struct way){"gift_refund_back", ON_ITS_WAY, TAKINGS}, claim,
                     saga->amount_fen);
    TRY(moved(c, &(struct way){"gift_refunded", ON_ITS_WAY, OUTSIDE_FEN}, claim, saga->amount_fen));
    TRY(moved(c, &(struct way){"gift_piece_back", TAKEN, STOCK}, claim, 1));
    return reward_revoke(c, claim->reward.id,
                         &(struct revocation){.kind = "gift_points_back",
                                              .key_id = claim->key_id,
                                              .amount_count = claim->reward.amount_count,
                                              .policy = REVERSE_CREATE_DEBT},
                         &taken_count);
}

/* Whoever is in gets the money back. */
static enum err compensate(struct ctx *c, const struct campaign *campaign, int64_t person_id)
{
    for (int64_t key_id = 1; key_id < GIFT_CLAIMS_MAX; key_id++)
        if (claims[key_id].campaign_id == campaign->id && claims[key_id].person_id == person_id)
            TRY(gift_refund_step(c, &key_id));
    return OK;
}

static enum err is_settled(struct ctx *c, const struct campaign *campaign, bool *is_over)
{
    struct account account = {"campaign", campaign->id, UNIT_FEN, BUCKET_IN_TRANSIT, 0};
    int64_t balance_count;

    TRY(ledger_balance(c, &account, &balance_count));
    *is_over = balance_count == 0;
    return OK;
}

const struct play gift_play = {
    .kind = "gift",
    .title_zh = "付费礼",
    .title_en = "Paid gift",
    .rules = SHAPE(gift_rules),
    .favours = favours,
    .facts = facts_tell,
    .open = stock_open,
    .compensate = compensate,
    .is_settled = is_settled,
};

/* ---- the payee's words ----------------------------------------------------------------------- */

static enum err report_read(struct arena *arena, const struct json *json, struct saga_report *out)
{
    const struct json *status = json_get(json, "status"), *amount = json_get(json, "amount_fen");
    const struct json *no = json_get(json, "no");

    if (status == NULL || amount == NULL)
        return E_IO;
    out->status = SAGA_UNKNOWN;
    for (int i = 0; i < SAGA_STATUS_COUNT; i++)
        if (str_is(status->text, saga_status_names[i]))
            out->status = (enum saga_status)i;
    out->amount_fen = out->status == SAGA_FAILED ? NONE : amount->integer;
    if (no)
        out->outside_no = str_copy(arena, no->text);
    return OK;
}

static enum err answer_read(struct arena *arena, const struct client_call *call,
                            struct saga_report *out)
{
    struct json json;

    if (call->status == 404) {
        out->status = SAGA_CREATED;
        return OK;
    }
    if (call->status != 200 || json_parse(arena, call->reply, &json, NULL) != OK)
        return E_IO;
    return report_read(arena, &json, out);
}

static enum err pay(struct app *app, struct arena *arena, const struct saga *saga,
                    struct saga_report *out)
{
    struct client_call call = {
        .url = str_fmt(arena, "%.*s/pay", STR(payee_url(arena))),
        .body = str_fmt(arena, "{\"number\":\"%" PRId64 "\",\"amount_fen\":%" PRId64 "}", saga->id,
                        saga->amount_fen),
        .timeout_ms = payee_patience_ms(saga->id),
    };

    (void)app;
    TRY(client_run(arena, &call));
    return answer_read(arena, &call, out);
}

static enum err ask(struct app *app, struct arena *arena, const struct saga *saga,
                    struct saga_report *out)
{
    struct client_call call = {
        .url = str_fmt(arena, "%.*s/ask?number=%" PRId64, STR(payee_url(arena)), saga->id),
        .timeout_ms = PAYEE_WAIT_MS,
    };

    (void)app;
    TRY(client_run(arena, &call));
    return answer_read(arena, &call, out);
}

static enum err bill(struct app *app, struct arena *arena, int64_t day, struct bill_line **lines,
                     int64_t *count)
{
    struct client_call call = {
        .url = str_fmt(arena, "%.*s/bill", STR(payee_url(arena))),
        .timeout_ms = PAYEE_WAIT_MS,
    };
    struct json json;

    (void)app;
    (void)day;
    TRY(client_run(arena, &call));
    if (call.status != 200 || json_parse(arena, call.reply, &json, NULL) != OK)
        return E_IO;
    *count = json.count;
    *lines = arena_new_array(arena, struct bill_line, (size_t)json.count + 1);
    for (uint32_t i = 0; i < json.count; i++) {
        struct saga_report report = {0};
        TRY(report_read(arena, &json.items[i], &report));
        (*lines)[i] = (struct bill_line){.outside_no = report.outside_no,
                                         .amount_fen = report.amount_fen,
                                         .status = report.status};
        str_to_int(json_get(&json.items[i], "number")->text, &(*lines)[i].saga_id);
    }
    return OK;
}

const struct saga_kind gift_refund = {
    .name = "gift_refund",
    .title_zh = "付费礼退款",
    .title_en = "Refund of a paid gift",
    .pay = pay,
    .ask = ask,
    .bill = bill,
    .on_over = refund_over,
};

/* ---- its callbacks --------------------------------------------------------------------------- */

static enum err heard(struct ctx *c, int64_t inbox_id, struct str body)
{
    struct saga_report report = {0};
    struct json json;
    int64_t number;

    (void)inbox_id;
    if (json_parse(c->arena, body, &json, NULL) != OK ||
        !str_to_int(json_get(&json, "number")->text, &number))
        return fail(c, E_INPUT, "gift.callback", "what is that?");
    TRY(report_read(c->arena, &json, &report));
    return saga_heard(c, number, &report);
}

const struct inbox_kind gift_heard = {
    .name = "gift_heard", .title_zh = "退款回调", .title_en = "Refund heard of", .handle = heard};

struct gift_call_in {
    struct str message_id_text, number, status;
    int64_t amount_fen;
};
static const struct field gift_call_in[] = {
    {.name = "message_id", .type = F_STR, .offset = offsetof(struct gift_call_in, message_id_text)},
    IN(struct gift_call_in, number),
    IN(struct gift_call_in, status),
    IN(struct gift_call_in, amount_fen),
};

static enum err call_run(struct ctx *c, const void *in_, void *out)
{
    const struct gift_call_in *in = in_;
    bool is_new;

    (void)out;
    return inbox_put(c,
                     &(struct inbox_message){
                         .source = "payee",
                         .key = in->message_id_text,
                         .kind = gift_heard.name,
                         .body = c->body,
                     },
                     &is_new);
}

const struct route gift_routes[] = {
    {HTTP_POST, "/test/payee", "public", SHAPE(gift_call_in), NULL, call_run,
     .about = "What the payee calls back", .repeat = REPEAT_KEY_IGNORED, .is_unaudited = true},
    {.path = NULL},
};
