/* The giveaway: a stock of pieces, a limit a person, points with each piece. Always: pieces claimed
 * and pieces left are what the rules promise; one claim takes one piece, uses one of the person's
 * limit and brings one reward, or nothing of it happens. */
#include "flow/engage/engage.h"

#include "kit/counter.h"
#include "manage/customer/customer.h"
#include "play/preflight.h"

#define STOCK_MAX 10000000
#define POINTS_MAX 1000000

struct giveaway_rules {
    int64_t stock_count, day_limit_count, total_limit_count, points_count, points_days;
};
static const struct field giveaway_rules[] = {
    IN(struct giveaway_rules, stock_count, .min = 1, .max = STOCK_MAX),
    IN(struct giveaway_rules, day_limit_count, .min = 1, .max = 1000,
       .about = "a person on one business day of the campaign"),
    IN(struct giveaway_rules, total_limit_count, .is_optional = true, .min = 1, .max = 100000,
       .about = "a person altogether; none: no such limit"),
    IN(struct giveaway_rules, points_count, .min = 1, .max = POINTS_MAX),
    IN(struct giveaway_rules, points_days, .is_optional = true, .min = 1, .max = 3650,
       .about = "the points end so many days after; none: never"),
};
static const struct play_rule favours[] = {
    {"stock_count", FAVOUR_MORE, "总份数", "Pieces"},
    {"day_limit_count", FAVOUR_MORE, "每人每日上限", "A person a day"},
    {"total_limit_count", FAVOUR_MORE, "每人总上限", "A person altogether"},
    {"points_count", FAVOUR_MORE, "每份积分", "Points with each"},
    {"points_days", FAVOUR_MORE, "积分有效天数", "Days until the points end"},
    {.name = NULL},
};

/* ---- stock ----------------------------------------------------------------------------------- */

enum { AT_STOCK, AT_TAKEN, AT_OUTSIDE, AT_COUNT };

static void accounts_name(int64_t campaign_id, struct account *accounts)
{
    accounts[AT_STOCK] = campaign_budget(campaign_id, UNIT_PIECES);
    accounts[AT_TAKEN] = (struct account){"campaign", campaign_id, UNIT_PIECES, BUCKET_ISSUED, 0};
    accounts[AT_OUTSIDE] = (struct account){"system", 0, UNIT_PIECES, BUCKET_EXTERNAL, 0};
}

static enum err pieces_read(struct ctx *c, int64_t campaign_id, int64_t *left_count,
                            int64_t *taken_count)
{
    struct account accounts[AT_COUNT];

    accounts_name(campaign_id, accounts);
    TRY(ledger_balance(c, &accounts[AT_STOCK], left_count));
    return ledger_balance(c, &accounts[AT_TAKEN], taken_count);
}

/* The stock becomes what the rules promise; never below what has been claimed, for that is
 * unfavourable. */
static enum err stock_open(struct ctx *c, const struct campaign *campaign, const void *rules_)
{
    const struct giveaway_rules *rules = rules_;
    struct account accounts[AT_COUNT];
    int64_t ids[AT_COUNT], left_count, taken_count, more_count;
    bool is_replay;

    accounts_name(campaign->id, accounts);
    TRY(pieces_read(c, campaign->id, &left_count, &taken_count));
    more_count = rules->stock_count - left_count - taken_count;
    if (more_count == 0)
        return OK;
    TRY(ledger_open(c, accounts, AT_COUNT, ids));
    return ledger_post(c,
                       &(struct transfer){
                           .kind = "giveaway_stock",
                           .key_id = ctx_id(c),
                           .from_id = ids[more_count > 0 ? AT_OUTSIDE : AT_STOCK],
                           .to_id = ids[more_count > 0 ? AT_STOCK : AT_OUTSIDE],
                           .amount_count = more_count > 0 ? more_count : -more_count,
                           .expires_ms = NONE,
                       },
                       1, &is_replay, NULL);
}

static enum err piece_take(struct ctx *c, const struct giveaway_claim *claim)
{
    struct account accounts[AT_COUNT];
    int64_t ids[AT_COUNT];
    bool is_replay;
    enum err err;

    accounts_name(claim->campaign_id, accounts);
    TRY(ledger_open(c, accounts, AT_OUTSIDE, ids));
    err = ledger_post(c,
                      &(struct transfer){.kind = "giveaway_claim",
                                         .key_id = claim->key_id,
                                         .from_id = ids[AT_STOCK],
                                         .to_id = ids[AT_TAKEN],
                                         .amount_count = 1,
                                         .expires_ms = NONE},
                      1, &is_replay, NULL);
    if (err == E_CONFLICT && strcmp(c->fault.code, "ledger.floor") == 0)
        return fail(c, err, "giveaway.out_of_stock", "all of it has been claimed");
    return err;
}

/* ---- what the preflight asks ----------------------------------------------------------------- */

static enum err facts_tell(struct ctx *c, const struct campaign *campaign, const void *rules_,
                           struct preflight_facts *out)
{
    const struct giveaway_rules *rules = rules_;
    struct account budget = campaign_budget(campaign->id, UNIT_POINTS);
    int64_t left_count, taken_count;

    TRY(pieces_read(c, campaign->id, &left_count, &taken_count));
    TRY(ledger_balance(c, &budget, &out->budget_count));
    out->budget_need_count = (rules->stock_count - taken_count) * rules->points_count;
    out->has_claims = true;
    out->claim_deadline_ms = campaign->ends_ms;
    return OK;
}

/* ---- a claim --------------------------------------------------------------------------------- */

static enum err limits_use(struct ctx *c, const struct campaign *campaign,
                           const struct giveaway_rules *rules, int64_t person_id)
{
    struct counter counter = {"giveaway_day", campaign->id,   person_id,
                              WINDOW_DAY,     campaign->zone, rules->day_limit_count};

    TRY(counter_use(c, &counter, 1));
    if (rules->total_limit_count == NONE)
        return OK;
    counter.name = "giveaway_total";
    counter.window = WINDOW_NONE;
    counter.limit_count = rules->total_limit_count;
    return counter_use(c, &counter, 1);
}

enum err giveaway_claim(struct ctx *c, const struct giveaway_claim *claim, struct reward *reward,
                        bool *is_held)
{
    const struct giveaway_rules *rules;
    const void *version;
    struct campaign campaign;
    int64_t version_number;

    TRY(campaign_enter(c, claim->campaign_id, claim->person_id, &version_number));
    TRY(campaign_get(c, claim->campaign_id, version_number, &campaign, &version));
    if (!str_is(campaign.kind, giveaway_play.kind))
        return fail(c, E_NOT_FOUND, "campaign.unknown", "there is no such giveaway");
    rules = version;
    TRY(limits_use(c, &campaign, rules, claim->person_id));
    TRY(piece_take(c, claim));
    *reward = (struct reward){
        .campaign_id = campaign.id,
        .person_id = claim->person_id,
        .kind = "points",
        .key_kind = "giveaway_claim",
        .key_id = claim->key_id,
        .amount_count = rules->points_count,
        .expires_ms = rules->points_days == NONE ? NONE : c->now_ms + rules->points_days * DAY_MS,
    };
    return reward_grant(c, reward, claim->signs, is_held);
}

const struct play giveaway_play = {
    .kind = "giveaway",
    .title_zh = "领取有礼",
    .title_en = "Giveaway",
    .rules = SHAPE(giveaway_rules),
    .favours = favours,
    .facts = facts_tell,
    .open = stock_open,
};

/* ---- POST /api/giveaways/{campaign_id}/claims ------------------------------------------------ */

struct giveaway_claim_in {
    int64_t campaign_id, customer_id;
};
static const struct field giveaway_claim_in[] = {
    IN(struct giveaway_claim_in, campaign_id),
    IN(struct giveaway_claim_in, customer_id),
};
struct giveaway_claim_out {
    int64_t reward_id, points_count;
    bool is_held;
};
static const struct field giveaway_claim_out[] = {
    OUT(struct giveaway_claim_out, reward_id),
    OUT(struct giveaway_claim_out, points_count),
    OUT(struct giveaway_claim_out, is_held, .about = "somebody looks at it first"),
};

static enum err claim_run(struct ctx *c, const void *in_, void *out_)
{
    const struct giveaway_claim_in *in = in_;
    struct giveaway_claim_out *out = out_;
    struct giveaway_claim claim = {.campaign_id = in->campaign_id, .key_id = ctx_id(c)};
    struct reward reward = {0};

    TRY(customer_reach(c, in->customer_id, &claim.person_id));
    TRY(giveaway_claim(c, &claim, &reward, &out->is_held));
    out->reward_id = reward.id;
    out->points_count = reward.amount_count;
    return OK;
}

const struct route giveaway_routes[] = {
    {HTTP_POST, "/api/giveaways/{campaign_id}/claims", "campaign.claim", SHAPE(giveaway_claim_in),
     SHAPE(giveaway_claim_out), claim_run, .about = "Claim a piece for a customer",
     .repeat = REPEAT_KEY_REQUIRED, .statement_max = 36},
    {.path = NULL},
};
