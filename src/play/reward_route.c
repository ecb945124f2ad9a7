/* Rewards as pages see them: those that wait for a decision, those of a campaign; and deciding. */
#include "gen/reward.q.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "manage/customer/customer.h"
#include "play/play_private.h"

#define LIST_MAX 100

/* ---- GET /api/rewards ------------------------------------------------------------------------ */

struct reward_list_in {
    struct str cursor, status;
    int64_t campaign_id, limit_count;
};
static const struct field reward_list_in[] = {
    IN(struct reward_list_in, cursor, .is_optional = true, .max = 60),
    IN(struct reward_list_in, status, .is_optional = true, .one_of = "held",
       .about = "those that wait for a decision; without it all of a campaign"),
    IN(struct reward_list_in, campaign_id, .is_optional = true),
    FIELD_LIMIT(struct reward_list_in, limit_count, LIST_MAX),
};
struct reward_item {
    int64_t id, campaign_id, customer_id, customer_number, amount_count, revoked_count, expires_ms,
        created_ms, changed_ms;
    struct str campaign_title, kind, kind_zh, kind_en, status, risk_zh, risk_en, decided_staff_name,
        decided_reason;
};
static const struct field reward_item[] = {
    OUT(struct reward_item, id),
    OUT(struct reward_item, campaign_id),
    OUT(struct reward_item, campaign_title),
    OUT(struct reward_item, customer_id),
    OUT(struct reward_item, customer_number),
    OUT(struct reward_item, kind),
    OUT(struct reward_item, kind_zh),
    OUT(struct reward_item, kind_en),
    OUT(struct reward_item, amount_count),
    OUT(struct reward_item, revoked_count, .about = "so much was taken back"),
    OUT(struct reward_item, status, .one_of = "held|granted|forfeited|revoked"),
    OUT(struct reward_item, risk_zh, .is_optional = true, .about = "why it is or was held"),
    OUT(struct reward_item, risk_en, .is_optional = true),
    OUT(struct reward_item, decided_staff_name, .is_optional = true),
    OUT(struct reward_item, decided_reason, .is_optional = true, .max = REASON_MAX),
    OUT(struct reward_item, expires_ms, .is_optional = true),
    OUT(struct reward_item, created_ms),
    OUT(struct reward_item, changed_ms),
};
struct reward_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field reward_list_out[] = {
    OUT(struct reward_list_out, items, .of = SHAPE(reward_item), .max = LIST_MAX),
    OUT(struct reward_list_out, next_cursor, .is_optional = true),
};

static struct reward_item item_told(struct ctx *c, const struct q_reward_held_list_row *row)
{
    const struct granter *granter = play_granter(c->app, row->kind);

    return (struct reward_item){
        .id = row->id,
        .campaign_id = row->campaign_id,
        .customer_id = row->customer_id,
        .customer_number = row->customer_number,
        .amount_count = row->amount_count,
        .revoked_count = row->revoked_count,
        .expires_ms = row->expires_ms,
        .created_ms = row->created_ms,
        .changed_ms = row->changed_ms,
        .campaign_title = row->campaign_title,
        .kind = row->kind,
        .kind_zh = granter ? str_of(granter->title_zh) : row->kind,
        .kind_en = granter ? str_of(granter->title_en) : row->kind,
        .status = row->status,
        .risk_zh = risk_words(c, row->risk_reason, true),
        .risk_en = risk_words(c, row->risk_reason, false),
        .decided_staff_name = row->decided_staff_name,
        .decided_reason = row->decided_reason,
    };
}

/* Both queries give the same columns. */
static enum err rows_read(struct ctx *c, const struct reward_list_in *in, int64_t before_id,
                          struct list *rows)
{
    int64_t limit_count = in->limit_count + 1;

    _Static_assert(sizeof(struct q_reward_held_list_row) ==
                       sizeof(struct q_reward_campaign_list_row),
                   "one part");
    if (in->status.at)
        return q_reward_held_list(c, before_id, in->campaign_id, limit_count, rows);
    return q_reward_campaign_list(c, in->campaign_id, before_id, limit_count, rows);
}

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    struct reward_list_in in = *(const struct reward_list_in *)in_;
    struct reward_list_out *out = out_;
    const struct q_reward_held_list_row *row;
    struct reward_item *items;
    struct cursor from;
    struct list rows;

    if (in.limit_count == NONE)
        in.limit_count = LIST_MAX;
    if (in.status.at == NULL && in.campaign_id == NONE)
        return fail_at(c, "input.required", S("campaign_id"),
                       "a campaign, or status=held over all of them");
    TRY(cursor_read(c, in.cursor, &from));
    TRY(rows_read(c, &in, from.id, &rows));
    row = rows.at;
    if (rows.count > in.limit_count) {
        rows.count = in.limit_count;
        out->next_cursor =
            cursor_write(c, (struct cursor){row[rows.count - 1].id, row[rows.count - 1].id});
    }
    items = arena_new_array(c->arena, struct reward_item, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++)
        items[i] = item_told(c, &row[i]);
    out->items = (struct list){items, rows.count};
    return OK;
}

/* ---- POST /api/rewards/{reward_id}/decide ---------------------------------------------------- */

struct reward_decide_in {
    int64_t reward_id;
    bool is_granted;
    struct str reason;
};
static const struct field reward_decide_in[] = {
    IN(struct reward_decide_in, reward_id),
    IN(struct reward_decide_in, is_granted, .about = "no: it goes back to the budget"),
    IN(struct reward_decide_in, reason, .min = 1, .max = REASON_MAX),
};

/* Of a person who was deleted nobody but those who see all may decide, and it can only go back:
 * else its campaign would never settle. */
static enum err person_reach(struct ctx *c, int64_t customer_id, bool is_granted)
{
    int64_t person_id;
    enum err err = customer_reach(c, customer_id, &person_id);

    if (err != E_NOT_FOUND)
        return err;
    if (c->me_reach_number != REACH_ALL)
        return fail(c, err, "reward.unknown", "there is no such reward");
    return is_granted ? fail(c, E_CONFLICT, "reward.person_deleted",
                             "its person was deleted: it can only go back to the budget")
                      : OK;
}

static enum err decide_run(struct ctx *c, const void *in_, void *out)
{
    const struct reward_decide_in *in = in_;
    struct q_reward_get_row row = {0};
    enum err err = q_reward_get(c, in->reward_id, &row);

    (void)out;
    if (err == E_NOT_FOUND)
        return fail(c, err, "reward.unknown", "there is no such reward");
    TRY(err);
    TRY(person_reach(c, row.customer_id, in->is_granted));
    if (str_trim(in->reason).len == 0)
        return fail_at(c, "reward.reason", S("reason"), "say why");
    audit_detail(c, str_of(in->is_granted ? "{\"is_granted\":true}" : "{\"is_granted\":false}"));
    return reward_decide(c, in->reward_id, in->is_granted, str_trim(in->reason));
}

const struct route reward_routes[] = {
    {HTTP_GET, "/api/rewards", "campaign.read", SHAPE(reward_list_in), SHAPE(reward_list_out),
     list_run, .about = "Rewards, newest first: those that wait for a decision, or a campaign's"},
    {HTTP_POST, "/api/rewards/{reward_id}/decide", "reward.decide", SHAPE(reward_decide_in), NULL,
     decide_run, .about = "Let a held reward go to its person, or back to the budget",
     .statement_max = 30},
    {.path = NULL},
};
