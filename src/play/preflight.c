/* The preflight: what a campaign must be before anybody comes in. Always: a check that the law sets
 * has no override; an override is one named person's, with words, for one version. */
#include "play/preflight.h"

#include "gen/preflight.q.h"
#include "play/play_private.h"

#define PRIZE_MAX_FEN 5000000 /* 50,000 yuan */
#define DEPTH_MAX 2
#define WEEK_MESSAGES_MAX 4

enum verdict { DOES_NOT_APPLY, PASSES, FAILS };

/* Figures of a failure: {1} and {2} of its words. */
struct figures {
    int64_t at[2];
};
typedef enum verdict check_fn(const struct preflight_facts *f, struct figures *figures);

static enum verdict passes_if(bool is_good)
{
    return is_good ? PASSES : FAILS;
}

/* Two numbers of which the first is at most the second; either absent: nothing to check. */
static enum verdict at_most(int64_t value, int64_t most, struct figures *figures)
{
    *figures = (struct figures){{value, most}};
    return value == NONE || most == NONE ? DOES_NOT_APPLY : passes_if(value <= most);
}

static enum verdict prize_value(const struct preflight_facts *f, struct figures *figures)
{
    return at_most(f->prize_value_fen, PRIZE_MAX_FEN, figures);
}

static enum verdict art13_fields(const struct preflight_facts *f, struct figures *figures)
{
    (void)figures;
    return f->is_by_chance ? passes_if(f->has_art13_fields) : DOES_NOT_APPLY;
}

static enum verdict probability_sum(const struct preflight_facts *f, struct figures *figures)
{
    *figures = (struct figures){{f->probability_ppm, 1000000}};
    return f->probability_ppm == NONE ? DOES_NOT_APPLY : passes_if(f->probability_ppm == 1000000);
}

static enum verdict release_plan(const struct preflight_facts *f, struct figures *figures)
{
    return at_most(f->release_count, f->stock_count, figures);
}

static enum verdict depth(const struct preflight_facts *f, struct figures *figures)
{
    return at_most(f->depth_number, DEPTH_MAX, figures);
}

static enum verdict entry_fee(const struct preflight_facts *f, struct figures *figures)
{
    return f->depth_number == NONE ? DOES_NOT_APPLY : at_most(f->entry_fee_fen, 0, figures);
}

static enum verdict sharing(const struct preflight_facts *f, struct figures *figures)
{
    (void)figures;
    return f->rewards_sharing ? FAILS : PASSES;
}

static enum verdict directed_votes(const struct preflight_facts *f, struct figures *figures)
{
    (void)figures;
    return f->rewards_directed_votes ? FAILS : PASSES;
}

static enum verdict strike_price(const struct preflight_facts *f, struct figures *figures)
{
    return at_most(f->strike_price_fen, f->week_low_fen, figures);
}

static enum verdict floor_price(const struct preflight_facts *f, struct figures *figures)
{
    return at_most(f->floor_price_fen, f->worst_price_fen, figures);
}

static enum verdict consent_texts(const struct preflight_facts *f, struct figures *figures)
{
    (void)figures;
    return f->collects_data ? passes_if(f->has_consent_texts) : DOES_NOT_APPLY;
}

static enum verdict age_gate(const struct preflight_facts *f, struct figures *figures)
{
    (void)figures;
    return f->is_by_chance || f->collects_data ? passes_if(f->asks_age) : DOES_NOT_APPLY;
}

static enum verdict week_messages(const struct preflight_facts *f, struct figures *figures)
{
    return at_most(f->week_message_count, WEEK_MESSAGES_MAX, figures);
}

static enum verdict budget(const struct preflight_facts *f, struct figures *figures)
{
    return at_most(f->budget_need_count, f->budget_count, figures);
}

static enum verdict claim_deadline(const struct preflight_facts *f, struct figures *figures)
{
    (void)figures;
    return f->has_claims ? passes_if(f->claim_deadline_ms != NONE) : DOES_NOT_APPLY;
}

static enum verdict backup_rule(const struct preflight_facts *f, struct figures *figures)
{
    (void)figures;
    return f->has_claims && f->is_by_chance ? passes_if(f->has_backup_rule) : DOES_NOT_APPLY;
}

static enum verdict staff_excluded(const struct preflight_facts *f, struct figures *figures)
{
    (void)figures;
    return f->is_by_chance ? passes_if(f->excludes_staff) : DOES_NOT_APPLY;
}

static enum verdict withdrawal_shown(const struct preflight_facts *f, struct figures *figures)
{
    (void)figures;
    return f->collects_data ? passes_if(f->shows_withdrawal) : DOES_NOT_APPLY;
}

/* {1} {2} are the figures, in yuan where is_money says so. */
static const struct check {
    const char *name;
    bool may_override, is_money;
    check_fn *run;
    const char *title_zh, *title_en;
    const char *words_zh, *words_en;
} checks[] = {
    {"prize_value", false, true, prize_value, "单个奖品价值", "Value of a prize",
     "一个人可能得到的奖品共值 {1} 元，超过有奖销售 {2} "
     "元的上限（反不正当竞争法）。请降低奖品价值。",
     "What one person may win is worth {1}, above the {2} the law allows. Make the prize smaller."},
    {"art13_fields", false, false, art13_fields, "抽奖公示项", "What a draw must publish",
     "抽奖规则缺少必须公示的内容（规范促销行为暂行规定第十三条）。请补全奖项、条件、概率、时间与兑"
     "奖方式。",
     "The rules lack what a draw must publish. Fill in prizes, conditions, odds, times and how to "
     "collect."},
    {"probability_sum", false, false, probability_sum, "概率之和", "Sum of odds",
     "各结果（含未中奖）的概率之和为百万分之 {1}，应为 {2}。请调整到正好 100%。",
     "The odds of all outcomes, the empty one included, sum to {1} parts per million; {2} are "
     "needed."},
    {"release_plan", false, false, release_plan, "放量不超库存", "Release within stock",
     "计划放出 {1} 份，库存只有 {2} 份。请减少放量或增加库存。",
     "{1} are to be released, {2} are in stock. Release fewer or stock more."},
    {"depth", false, false, depth, "分销层级", "Levels that earn",
     "有 {1} 层可得收益，最多 {2} 层（禁止传销条例）。请减少层级。",
     "{1} levels earn from others' buying; at most {2} may. Take levels out."},
    {"entry_fee", false, true, entry_fee, "不得收取入门费", "No fee to join",
     "参加推广要付 {1} 元。推广资格不得收费（禁止传销条例）。请取消收费。",
     "Joining as a promoter costs {1}. Nobody may pay to become one: take the fee out."},
    {"sharing", true, false, sharing, "不以利益诱导分享", "No reward for sharing",
     "分享行为本身有奖励，在微信内属违规（微信外部链接内容管理规范）。请改为奖励好友自己的行为，或"
     "说明只在微信以外投放。",
     "Sharing itself is rewarded, which WeChat forbids. Reward what the friend does, or say that "
     "it runs outside "
     "WeChat."},
    {"directed_votes", false, false, directed_votes, "不奖励指定投票",
     "No reward for a directed vote",
     "奖励与给指定对象投票、点赞或好评挂钩（网络反不正当竞争暂行规定第九条）。请取消这一条件。",
     "A reward hangs on voting or praising a given target, which is forbidden. Take the condition "
     "out."},
    {"strike_price", false, true, strike_price, "划线价有依据", "Strike-through price is true",
     "划线价 {1} 元高于近七天最低成交价 {2} 元（明码标价和禁止价格欺诈规定）。请改为真实价格。",
     "The strike-through price {1} is above the week's lowest price {2}. Show a true one."},
    {"floor_price", true, true, floor_price, "叠加后不低于底价", "Not below the floor price",
     "底价为 {1} 元，所有优惠叠加后最低到 {2} 元。请限制叠加，或由负责人确认。",
     "The floor price is {1}; with all discounts stacked it may come to {2}. Limit stacking, or "
     "have it agreed to."},
    {"consent_texts", false, false, consent_texts, "授权文本齐全", "Consent texts",
     "收集个人信息但缺少告知与同意文本（个人信息保护法第十四、十七条）。请先发布对应用途的文本。",
     "Personal data are asked for without a text to agree to. Publish one for each purpose first."},
    {"age_gate", true, false, age_gate, "年龄确认", "Age asked",
     "没有确认参加者已满 14 "
     "周岁（个人信息保护法第三十一条）。请加年龄确认，或说明参加者均为成年人。",
     "Nobody is asked whether they are 14. Ask, or say why all who come in are adults."},
    {"week_messages", true, false, week_messages, "触达频次", "Messages a week",
     "一位客户一周可能收到 {1} 条消息，建议不超过 {2} 条。请减少，或说明原因。",
     "One customer may get {1} messages a week; {2} are the usual most. Send fewer, or say why."},
    {"budget_funded", false, false, budget, "预算足额", "Budget is there",
     "最多需要 {1}，预算账户只有 {2}。承诺的奖励必须兑付，请先注入预算。",
     "{1} may be needed, {2} are in the budget account. What is promised must be there: fund it "
     "first."},
    {"claim_deadline", true, false, claim_deadline, "领取期限", "Last day to collect",
     "没有设置领取期限。请设置活动结束时间或兑奖截止时间，或说明长期有效。",
     "There is no last day to collect. Set an end, or say that it is open for good."},
    {"backup_rule", true, false, backup_rule, "未领奖品的处理", "What becomes of prizes left",
     "没有写明逾期未领的奖品怎样处理。请设置递补或作废规则。",
     "It is not said what becomes of prizes nobody collects. Set a rule."},
    {"staff_excluded", true, false, staff_excluded, "员工不参加抽奖", "Staff do not draw",
     "没有排除员工及关联人。请设置排除名单，或说明原因。",
     "Staff and those close to them are not kept out. Set the list, or say why."},
    {"withdrawal_shown", false, false, withdrawal_shown, "撤回入口", "Way to withdraw",
     "页面上没有撤回同意的入口（个人信息保护法第十五条）。请放在与同意同样容易找到的地方。",
     "The page has no way to take consent back. Put it where agreeing is."},
};

void preflight_facts_init(struct preflight_facts *facts)
{
    *facts = (struct preflight_facts){
        .prize_value_fen = NONE,
        .probability_ppm = NONE,
        .release_count = NONE,
        .stock_count = NONE,
        .depth_number = NONE,
        .entry_fee_fen = NONE,
        .floor_price_fen = NONE,
        .worst_price_fen = NONE,
        .strike_price_fen = NONE,
        .week_low_fen = NONE,
        .budget_count = NONE,
        .budget_need_count = NONE,
        .claim_deadline_ms = NONE,
        .week_message_count = NONE,
    };
}

/* ---- running them ---------------------------------------------------------------------------- */

static struct str figure_text(struct ctx *c, int64_t value, bool is_money)
{
    if (is_money)
        return str_fmt(c->arena, "%" PRId64 ".%02" PRId64, value / 100, value % 100);
    return str_fmt(c->arena, "%" PRId64, value);
}

static struct str words_fill(struct ctx *c, const struct check *check, const char *words,
                             const struct figures *figures)
{
    struct str rest = str_of(words), out = S("");
    int64_t at;

    while ((at = str_find(rest, S("{"))) >= 0) {
        struct str head = str_sub(rest, 0, (size_t)at);
        int index = rest.at[at + 1] - '1';
        struct str figure = figure_text(c, figures->at[index], check->is_money);

        out = str_fmt(c->arena, "%.*s%.*s%.*s", STR(out), STR(head), STR(figure));
        rest = str_sub(rest, (size_t)at + 3, rest.len);
    }
    return str_fmt(c->arena, "%.*s%.*s", STR(out), STR(rest));
}

static struct preflight_finding found(struct ctx *c, const struct check *check, bool is_passed,
                                      const struct figures *figures)
{
    struct preflight_finding finding = {
        .check = check->name,
        .title_zh = check->title_zh,
        .title_en = check->title_en,
        .is_passed = is_passed,
        .may_override = check->may_override,
        .override_staff_id = NONE,
    };

    if (!is_passed) {
        finding.words_zh = words_fill(c, check, check->words_zh, figures);
        finding.words_en = words_fill(c, check, check->words_en, figures);
    }
    return finding;
}

static void overrides_fill(const struct list *overrides, struct preflight_finding *finding)
{
    const struct q_preflight_overrides_row *row = overrides->at;

    for (int64_t i = 0; i < overrides->count; i++) {
        if (!str_is(row[i].check_name, finding->check))
            continue;
        finding->override_reason = row[i].reason;
        finding->override_staff_id = row[i].staff_id;
        finding->override_staff_name = row[i].staff_name;
    }
}

enum err preflight_run(struct ctx *c, const struct campaign *campaign,
                       const struct preflight_facts *facts, struct list *findings)
{
    struct list overrides;
    int64_t cap = 0;

    *findings = (struct list){0};
    TRY(q_preflight_overrides(c, campaign->id, campaign->version_number, &overrides));
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        struct figures figures = {{0, 0}};
        enum verdict verdict = checks[i].run(facts, &figures);
        struct preflight_finding *finding;

        if (verdict == DOES_NOT_APPLY)
            continue;
        finding = list_add(c->arena, findings, &cap, sizeof(*finding));
        *finding = found(c, &checks[i], verdict == PASSES, &figures);
        overrides_fill(&overrides, finding);
    }
    return OK;
}

enum err preflight_of(struct ctx *c, const struct campaign *campaign, const void *rules,
                      struct list *findings)
{
    const struct play *play = play_find(c->app, campaign->kind);
    struct preflight_facts facts;

    must(play != NULL);
    preflight_facts_init(&facts);
    if (play->facts)
        TRY(play->facts(c, campaign, rules, &facts));
    return preflight_run(c, campaign, &facts, findings);
}

enum err preflight_check(struct ctx *c, const struct campaign *campaign, const void *rules)
{
    const struct preflight_finding *finding;
    struct str failed = S("");
    struct list findings;

    TRY(preflight_of(c, campaign, rules, &findings));
    finding = findings.at;
    for (int64_t i = 0; i < findings.count; i++)
        if (!finding[i].is_passed && !finding[i].override_reason.at)
            failed = str_fmt(c->arena, "%.*s%s%s", STR(failed), failed.len ? ", " : "",
                             finding[i].check);
    return failed.len == 0
               ? OK
               : fail(c, E_CONFLICT, "preflight.failed", "the preflight found: %.*s", STR(failed));
}

/* ---- passing over one ------------------------------------------------------------------------ */

static enum err override_check(struct ctx *c, const struct list *findings, struct str name)
{
    const struct preflight_finding *finding = findings->at;

    for (int64_t i = 0; i < findings->count; i++) {
        if (!str_is(name, finding[i].check))
            continue;
        if (finding[i].is_passed)
            return fail(c, E_CONFLICT, "preflight.passed", "this check passes");
        if (!finding[i].may_override)
            return fail(c, E_CONFLICT, "preflight.law", "nobody may pass over this check");
        return OK;
    }
    return fail(c, E_NOT_FOUND, "preflight.unknown", "no such check applies to this campaign");
}

enum err preflight_override(struct ctx *c, int64_t campaign_id, struct str check, struct str reason)
{
    struct campaign campaign;
    struct list findings;
    const void *rules;
    int64_t changed_count;

    if (c->me_staff_id == NONE)
        return fail(c, E_FORBIDDEN, "preflight.nobody", "only a person passes over a check");
    if (str_trim(reason).len == 0)
        return fail_at(c, "campaign.reason", S("reason"), "say why");
    TRY(campaign_get(c, campaign_id, NONE, &campaign, &rules));
    if (!str_is(campaign.status, "draft") && !str_is(campaign.status, "in_review"))
        return fail(c, E_CONFLICT, "preflight.late", "it has been published already");
    TRY(preflight_of(c, &campaign, rules, &findings));
    TRY(override_check(c, &findings, check));
    TRY(q_preflight_override_insert(c,
                                    &(struct q_preflight_override_insert_in){
                                        .campaign_id = campaign.id,
                                        .version_number = campaign.version_number,
                                        .check_name = check,
                                        .reason = str_trim(reason),
                                    },
                                    &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "preflight.done", "somebody has passed over it already");
    c->topics |= LIVE_CAMPAIGNS;
    return OK;
}
