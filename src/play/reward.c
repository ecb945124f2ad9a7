/* Rewards: what a campaign promises to one person, by one call. Always: it leaves a budget or it
 * does not leave; one key brings one reward; what the risk gate holds waits, taken out of the
 * budget already, for somebody's decision; of what was given at most the whole is taken back. */
#include "gen/reward.q.h"
#include "kit/journal.h"
#include "play/play_private.h"

static enum err reward_tell(struct ctx *c, const char *kind, const struct reward *reward)
{
    struct event event;

    event_init(&event, c, kind);
    event.customer_id = reward->person_id;
    event.subject_id = reward->id;
    return journal_emit(c, &event, 1);
}

/* ---- giving ---------------------------------------------------------------------------------- */

static enum err replay(struct ctx *c, struct reward *reward, const struct q_reward_find_row *row,
                       bool *is_held)
{
    if (!str_is(row->kind, reward->kind) || row->amount_count != reward->amount_count)
        return fail(c, E_CONFLICT, "reward.key_reused",
                    "for %s %" PRId64 " another reward was given", reward->key_kind,
                    reward->key_id);
    reward->id = row->id;
    *is_held = str_is(row->status, "held");
    return OK;
}

/* Whoever calls may go on after an empty budget: nothing was written before it. */
static enum err budget_take(struct ctx *c, const struct granter *granter,
                            const struct reward *reward, bool is_held)
{
    enum err err = granter->grant(c, reward, is_held);

    if (err == E_CONFLICT && strcmp(c->fault.code, "ledger.floor") == 0)
        return fail(c, err, "reward.budget", "the campaign's budget of %s is used up",
                    granter->kind);
    return err;
}

enum err reward_grant(struct ctx *c, struct reward *reward, const struct risk_signs *signs,
                      bool *is_held)
{
    const struct granter *granter = play_granter(c->app, str_of(reward->kind));
    struct q_reward_find_row row = {0};
    struct str reason;
    enum err err =
        q_reward_find(c, reward->campaign_id, str_of(reward->key_kind), reward->key_id, &row);

    must(granter != NULL);
    must(reward->amount_count > 0);
    if (err == OK)
        return replay(c, reward, &row, is_held);
    if (err != E_NOT_FOUND)
        return err;
    TRY(risk_look(c, reward->person_id, signs, &reason));
    *is_held = reason.at != NULL;
    reward->id = ctx_id(c);
    TRY(budget_take(c, granter, reward, *is_held));
    TRY(risk_keep(c, reward->campaign_id, reward->person_id, signs));
    TRY(q_reward_insert(c, &(struct q_reward_insert_in){
                               .id = reward->id,
                               .campaign_id = reward->campaign_id,
                               .person_id = reward->person_id,
                               .kind = str_of(reward->kind),
                               .key_kind = str_of(reward->key_kind),
                               .key_id = reward->key_id,
                               .amount_count = reward->amount_count,
                               .status = str_of(*is_held ? "held" : "granted"),
                               .risk_reason = reason,
                               .expires_ms = reward->expires_ms,
                           }));
    if (*is_held)
        c->topics |= LIVE_CAMPAIGNS;
    return reward_tell(c, *is_held ? "reward_held" : "reward_granted", reward);
}

/* ---- what stands in the base ----------------------------------------------------------------- */

struct stored {
    struct reward reward;
    struct str status;
    int64_t revoked_count;
    const struct granter *granter;
};

static enum err stored_read(struct ctx *c, int64_t reward_id, struct stored *out)
{
    struct q_reward_get_row row = {0};
    enum err err = q_reward_get(c, reward_id, &row);

    if (err == E_NOT_FOUND)
        return fail(c, err, "reward.unknown", "there is no such reward");
    TRY(err);
    out->granter = play_granter(c->app, row.kind);
    if (out->granter == NULL)
        return fail(c, E_CONFLICT, "reward.kind", "rewards of kind %.*s are not in this program",
                    STR(row.kind));
    out->status = row.status;
    out->revoked_count = row.revoked_count;
    out->reward = (struct reward){.id = row.id,
                                  .campaign_id = row.campaign_id,
                                  .person_id = row.customer_id,
                                  .kind = out->granter->kind,
                                  .key_kind = str_cstr(c->arena, row.key_kind),
                                  .key_id = row.key_id,
                                  .amount_count = row.amount_count,
                                  .expires_ms = row.expires_ms};
    return OK;
}

/* ---- taking back ----------------------------------------------------------------------------- */

static enum err revoked_keep(struct ctx *c, const struct reward *reward, int64_t amount_count)
{
    int64_t changed_count;

    if (amount_count == 0)
        return OK;
    TRY(q_reward_revoked(c, amount_count, reward->id, &changed_count));
    must(changed_count == 1);
    return reward_tell(c, "reward_revoked", reward);
}

enum err reward_revoke(struct ctx *c, int64_t reward_id, const struct revocation *revocation,
                       int64_t *taken_count)
{
    struct q_reward_was_revoked_row was;
    struct stored stored = {0};
    int64_t debt_count;

    TRY(q_reward_was_revoked(c, str_of(revocation->kind), revocation->key_id, &was));
    *taken_count = 0;
    if (was.transfer_count > 0)
        return OK;
    TRY(stored_read(c, reward_id, &stored));
    must(stored.granter != NULL);
    if (!str_is(stored.status, "held") && !str_is(stored.status, "granted"))
        return fail(c, E_CONFLICT, "reward.revoked", "nothing of it is left to take back");
    if (revocation->amount_count > stored.reward.amount_count - stored.revoked_count)
        return fail(c, E_CONFLICT, "reward.revoked", "so much of it is not left to take back");
    TRY(stored.granter->revoke(c, &stored.reward, revocation, taken_count, &debt_count));
    TRY(campaign_late_return(c, stored.reward.campaign_id));
    return revoked_keep(c, &stored.reward, *taken_count + debt_count);
}

/* ---- deciding -------------------------------------------------------------------------------- */

enum err reward_decide(struct ctx *c, int64_t reward_id, bool is_granted, struct str reason)
{
    struct stored stored = {0};
    int64_t changed_count;

    TRY(stored_read(c, reward_id, &stored));
    must(stored.granter != NULL);
    TRY(q_reward_decided(c, str_of(is_granted ? "granted" : "forfeited"), reason, reward_id,
                         &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "reward.decided", "it does not wait for a decision any more");
    TRY(stored.granter->decide(c, &stored.reward, stored.reward.amount_count - stored.revoked_count,
                               is_granted));
    c->topics |= LIVE_CAMPAIGNS;
    return reward_tell(c, is_granted ? "reward_granted" : "reward_refused", &stored.reward);
}
