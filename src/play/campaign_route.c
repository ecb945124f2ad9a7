/* What a colleague does with a campaign: makes it, gives it new rules, moves it on, passes over a
 * check, fills its budget. */
#include "kit/audit.h"
#include "play/play_private.h"

#define BUDGET_MAX 1000000000000

/* The words of a change, for the trail. */
static void reason_tell(struct ctx *c, struct str what, struct str reason)
{
    struct json_out json;
    struct buf buf;

    buf_init(&buf, 64 * 1024);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    json_name(&json, "what");
    json_str(&json, what);
    json_name(&json, "reason");
    json_str(&json, reason);
    json_object_end(&json);
    audit_detail(c, str_copy(c->arena, buf_view(&buf)));
    buf_release(&buf);
}

/* ---- POST /api/campaigns --------------------------------------------------------------------- */

struct campaign_add_in {
    struct str kind, title, rules, zone;
    int64_t day_start_minutes_count, starts_ms, ends_ms;
};
static const struct field campaign_add_in[] = {
    IN(struct campaign_add_in, kind, .min = 1, .max = 60),
    IN(struct campaign_add_in, title, .min = 1, .max = CAMPAIGN_TITLE_MAX),
    IN(struct campaign_add_in, rules, .is_json = true, .max = CAMPAIGN_RULES_MAX,
       .about = "by the fields of GET /api/plays"),
    IN(struct campaign_add_in, zone, .is_optional = true, .max = 60, .about = "none: the brand's"),
    IN(struct campaign_add_in, day_start_minutes_count, .is_optional = true, .max = 720,
       .about = "its business day begins so long after midnight; none: as the brand's"),
    IN(struct campaign_add_in, starts_ms, .is_optional = true, .about = "none: once published"),
    IN(struct campaign_add_in, ends_ms, .is_optional = true, .about = "none: by hand"),
};
struct campaign_add_out {
    int64_t id;
};
static const struct field campaign_add_out[] = {OUT(struct campaign_add_out, id)};

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct campaign_add_in *in = in_;
    struct campaign_add_out *out = out_;

    TRY(campaign_add(c,
                     &(struct campaign_new){in->kind, in->title, in->rules, in->zone,
                                            in->day_start_minutes_count, in->starts_ms,
                                            in->ends_ms},
                     &out->id));
    audit_about(c, "campaign", out->id);
    return OK;
}

/* ---- POST /api/campaigns/{campaign_id}/versions ---------------------------------------------- */

struct campaign_version_in {
    int64_t campaign_id, starts_ms, ends_ms;
    struct str title, rules, reason;
    bool is_endless;
};
static const struct field campaign_version_in[] = {
    IN(struct campaign_version_in, campaign_id),
    IN(struct campaign_version_in, rules, .is_optional = true, .is_json = true,
       .max = CAMPAIGN_RULES_MAX, .about = "none: as they are"),
    IN(struct campaign_version_in, title, .is_optional = true, .min = 1, .max = CAMPAIGN_TITLE_MAX),
    IN(struct campaign_version_in, starts_ms, .is_optional = true),
    IN(struct campaign_version_in, ends_ms, .is_optional = true),
    IN(struct campaign_version_in, is_endless, .is_optional = true, .about = "takes the end away"),
    IN(struct campaign_version_in, reason, .min = 1, .max = REASON_MAX),
};
struct campaign_version_out {
    int64_t version_number;
};
static const struct field campaign_version_out[] = {
    OUT(struct campaign_version_out, version_number),
};

static enum err version_run(struct ctx *c, const void *in_, void *out_)
{
    const struct campaign_version_in *in = in_;
    struct campaign_version_out *out = out_;

    reason_tell(c, S("version"), in->reason);
    return campaign_version_add(c,
                                &(struct campaign_edit){in->campaign_id, in->title, in->rules,
                                                        in->reason, in->starts_ms, in->ends_ms,
                                                        in->is_endless},
                                &out->version_number);
}

/* ---- POST /api/campaigns/{campaign_id}/move -------------------------------------------------- */

struct campaign_move_in {
    int64_t campaign_id;
    struct str to_status, reason;
};
static const struct field campaign_move_in[] = {
    IN(struct campaign_move_in, campaign_id),
    IN(struct campaign_move_in, to_status, .one_of = CAMPAIGN_STATUSES),
    IN(struct campaign_move_in, reason, .is_optional = true, .max = REASON_MAX),
};

static enum err move_run(struct ctx *c, const void *in_, void *out)
{
    const struct campaign_move_in *in = in_;

    (void)out;
    reason_tell(c, in->to_status, in->reason);
    return campaign_move(c, in->campaign_id, in->to_status, in->reason);
}

/* ---- POST /api/campaigns/{campaign_id}/override ---------------------------------------------- */

struct campaign_override_in {
    int64_t campaign_id;
    struct str check_name, reason;
};
static const struct field campaign_override_in[] = {
    IN(struct campaign_override_in, campaign_id),
    IN(struct campaign_override_in, check_name, .min = 1, .max = 60),
    IN(struct campaign_override_in, reason, .min = 1, .max = REASON_MAX),
};

static enum err override_run(struct ctx *c, const void *in_, void *out)
{
    const struct campaign_override_in *in = in_;

    (void)out;
    reason_tell(c, in->check_name, in->reason);
    return preflight_override(c, in->campaign_id, in->check_name, in->reason);
}

/* ---- POST /api/campaigns/{campaign_id}/budget ------------------------------------------------ */

struct campaign_budget_in {
    int64_t campaign_id, amount_count;
    struct str unit, reason;
};
static const struct field campaign_budget_in[] = {
    IN(struct campaign_budget_in, campaign_id),
    IN(struct campaign_budget_in, unit, .one_of = "fen|points|growth|chances"),
    {.name = "amount",
     .type = F_INT,
     .offset = offsetof(struct campaign_budget_in, amount_count),
     .min = 1,
     .max = BUDGET_MAX},
    IN(struct campaign_budget_in, reason, .min = 1, .max = REASON_MAX),
};
struct campaign_budget_out {
    int64_t balance_count;
};
static const struct field campaign_budget_out[] = {
    OUT(struct campaign_budget_out, balance_count, .about = "with what was just paid in"),
};

/* One that is over gives its budget back: nothing comes in any more. */
static bool is_over(struct str status)
{
    return str_is(status, "settled") || str_is(status, "archived") || str_is(status, "cancelled");
}

static enum err budget_run(struct ctx *c, const void *in_, void *out_)
{
    const struct campaign_budget_in *in = in_;
    struct campaign_budget_out *out = out_;
    struct campaign_fund fund = {.campaign_id = in->campaign_id,
                                 .key_id = ctx_id(c),
                                 .amount_count = in->amount_count,
                                 .unit = play_unit(in->unit),
                                 .reason = in->reason};
    struct account account = campaign_budget(in->campaign_id, fund.unit);
    struct campaign campaign;
    const void *rules;

    TRY(campaign_get(c, in->campaign_id, NONE, &campaign, &rules));
    if (is_over(campaign.status))
        return fail(c, E_CONFLICT, "campaign.over", "the campaign is over: its budget went back");
    reason_tell(c, in->unit, in->reason);
    TRY(campaign_fund(c, &fund));
    return ledger_balance(c, &account, &out->balance_count);
}

const struct route campaign_routes[] = {
    {HTTP_POST, "/api/campaigns", "campaign.write", SHAPE(campaign_add_in), SHAPE(campaign_add_out),
     add_run, .about = "A new campaign, as a draft", .needs_all = true},
    {HTTP_POST, "/api/campaigns/{campaign_id}/versions", "campaign.write",
     SHAPE(campaign_version_in), SHAPE(campaign_version_out), version_run,
     .about = "New rules or times: anything in a draft, once it runs what favours those in it",
     .needs_all = true, .statement_max = 16},
    {HTTP_POST, "/api/campaigns/{campaign_id}/move", "campaign.write", SHAPE(campaign_move_in),
     NULL, move_run,
     .about = "The next state: review, publish, pause, end, cancel, terminate, put away",
     .needs_all = true, .statement_max = 40},
    {HTTP_POST, "/api/campaigns/{campaign_id}/override", "campaign.override",
     SHAPE(campaign_override_in), NULL, override_run,
     .about = "Pass over a check of the preflight that may be passed over", .needs_all = true,
     .needs_session = true, .statement_max = 16},
    {HTTP_POST, "/api/campaigns/{campaign_id}/budget", "campaign.write", SHAPE(campaign_budget_in),
     SHAPE(campaign_budget_out), budget_run, .about = "Put into the campaign's budget",
     .repeat = REPEAT_KEY_REQUIRED, .needs_all = true, .statement_max = 20},
    {.path = NULL},
};
