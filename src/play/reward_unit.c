/* Rewards that are units of the ledger: points, growth, chances. Always: one posting brings one
 * from the campaign's budget to its person, so one reversal takes it back; while it is held it lies
 * in the person's pending account. Points and growth count for the brand, chances for their
 * campaign. */
#include "gen/reward.q.h"
#include "play/play_private.h"

enum { AT_BUDGET, AT_PENDING, AT_PERSON, AT_COUNT };

static enum err accounts_open(struct ctx *c, const struct reward *reward, int64_t *ids)
{
    enum ledger_unit unit = play_granter(c->app, str_of(reward->kind))->unit;
    int64_t scope_id = unit == UNIT_CHANCES ? reward->campaign_id : 0;
    const struct account accounts[AT_COUNT] = {
        [AT_BUDGET] = campaign_budget(reward->campaign_id, unit),
        [AT_PENDING] = {"customer", reward->person_id, unit, BUCKET_PENDING, scope_id},
        [AT_PERSON] = {"customer", reward->person_id, unit, BUCKET_AVAILABLE, scope_id},
    };

    return ledger_open(c, accounts, AT_COUNT, ids);
}

static struct transfer brought(const struct reward *reward, const int64_t *ids,
                               int64_t amount_count)
{
    return (struct transfer){.kind = "reward",
                             .key_id = reward->id,
                             .from_id = ids[AT_BUDGET],
                             .to_id = ids[AT_PERSON],
                             .amount_count = amount_count,
                             .expires_ms = reward->expires_ms};
}

static enum err unit_grant(struct ctx *c, const struct reward *reward, bool is_held)
{
    int64_t ids[AT_COUNT];
    struct transfer transfer;
    bool is_replay;

    TRY(accounts_open(c, reward, ids));
    transfer = brought(reward, ids, reward->amount_count);
    if (is_held) {
        transfer.kind = "reward_held";
        transfer.to_id = ids[AT_PENDING];
        transfer.expires_ms = NONE;
    }
    return ledger_post(c, &transfer, 1, &is_replay, NULL);
}

/* Back to the budget, and from there as any other: linked, so nobody gets between. */
static enum err unit_decide(struct ctx *c, const struct reward *reward, int64_t amount_count,
                            bool is_granted)
{
    int64_t ids[AT_COUNT];
    struct transfer transfers[2];
    bool is_replay;

    TRY(accounts_open(c, reward, ids));
    transfers[0] = (struct transfer){.kind = "reward_held",
                                     .key_id = reward->id,
                                     .leg_number = 1,
                                     .from_id = ids[AT_PENDING],
                                     .to_id = ids[AT_BUDGET],
                                     .amount_count = amount_count,
                                     .expires_ms = NONE};
    transfers[1] = brought(reward, ids, amount_count);
    return ledger_post(c, transfers, is_granted ? 2 : 1, &is_replay, NULL);
}

/* One that is held has no posting of its own yet: it goes back from where it waits. */
static enum err held_revoke(struct ctx *c, const struct reward *reward,
                            const struct revocation *revocation, int64_t *taken_count)
{
    int64_t ids[AT_COUNT];
    bool is_replay;

    TRY(accounts_open(c, reward, ids));
    *taken_count = revocation->amount_count;
    return ledger_post(c,
                       &(struct transfer){.kind = revocation->kind,
                                          .key_id = revocation->key_id,
                                          .from_id = ids[AT_PENDING],
                                          .to_id = ids[AT_BUDGET],
                                          .amount_count = revocation->amount_count,
                                          .expires_ms = NONE,
                                          .reason = revocation->reason},
                       1, &is_replay, NULL);
}

static enum err unit_revoke(struct ctx *c, const struct reward *reward,
                            const struct revocation *revocation, int64_t *taken_count,
                            int64_t *debt_count)
{
    struct q_reward_transfer_row row;
    enum err err = q_reward_transfer(c, reward->id, &row);

    *debt_count = 0;
    if (err == E_NOT_FOUND)
        return held_revoke(c, reward, revocation, taken_count);
    TRY(err);
    return ledger_reverse(c,
                          &(struct reversal){.kind = revocation->kind,
                                             .key_id = revocation->key_id,
                                             .transfer_id = row.id,
                                             .amount_count = revocation->amount_count,
                                             .policy = revocation->policy,
                                             .reason = revocation->reason},
                          taken_count, debt_count);
}

#define UNIT_GRANTER .grant = unit_grant, .decide = unit_decide, .revoke = unit_revoke

const struct granter reward_points = {
    .kind = "points", .title_zh = "积分", .title_en = "Points", .unit = UNIT_POINTS, UNIT_GRANTER};
const struct granter reward_growth = {.kind = "growth",
                                      .title_zh = "成长值",
                                      .title_en = "Growth value",
                                      .unit = UNIT_GROWTH,
                                      UNIT_GRANTER};
const struct granter reward_chances = {.kind = "chances",
                                       .title_zh = "抽奖机会",
                                       .title_en = "Chances to draw",
                                       .unit = UNIT_CHANCES,
                                       UNIT_GRANTER};
