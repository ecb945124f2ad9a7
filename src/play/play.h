/* What every play stands on: a campaign with its states and immutable rules, rewards with a budget
 * behind them, the risk gate, the preflight. A play is a row of app_config.plays and a file of its own
 * in flow/. All on the writer, within the caller's transaction, unless said otherwise. */
#pragma once

#include "kit/app.h"
#include "kit/field.h"
#include "kit/ledger.h"
#include "kit/timer.h"

/* ---- campaigns ------------------------------------------------------------------------------- */

struct campaign {
    int64_t id, version_number, starts_ms, ends_ms; /* NONE: no such time */
    struct str kind, title, status;
    const struct zone *zone; /* with its business day */
};
/* How a changed rule stands to those already in: once running only what favours them passes. A number that
 * is absent sets no bound, so leaving it out favours and bringing it in does not. */
enum rule_favour { FAVOUR_NONE, FAVOUR_MORE, FAVOUR_LESS, FAVOUR_ANY };
struct reward;
struct preflight_facts;
struct play_rule {
    const char *name;        /* field of the rules' shape */
    enum rule_favour favour; /* MORE: a higher number favours (limit, reward), or yes; LESS: a lower one
                                (price), or no; ANY: no matter (text); NONE: may not change */
    const char *title_zh, *title_en; /* the field's label */
};
struct play {
    const char *kind;
    const char *title_zh, *title_en;
    const struct shape *rules;     /* the JSON of a version */
    const struct play_rule *favours; /* a row for each field of the shape, ended by a row with name NULL */
    /* Beyond what the shape says; may be NULL. `rules` is a struct of the shape. */
    enum err (*check)(struct ctx *c, const struct campaign *campaign, const void *rules);
    /* The facts the preflight asks about, all absent before; may be NULL. Any connection. */
    enum err (*facts)(struct ctx *c, const struct campaign *campaign, const void *rules,
                      struct preflight_facts *out);
    /* It is published, or its rules have just changed while it runs: the stock they promise goes into its
     * accounts. May be NULL. */
    enum err (*open)(struct ctx *c, const struct campaign *campaign, const void *rules);
    /* It is terminated: what one of those in it is owed. Called once for each, a few a commit, with 30
     * statements each. May be NULL. */
    enum err (*compensate)(struct ctx *c, const struct campaign *campaign, int64_t person_id);
    /* All timers, payouts and refunds over? Asked each minute while it settles, and before a terminated one
     * is put away. NULL: at once. Held rewards are waited for anyway. */
    enum err (*is_settled)(struct ctx *c, const struct campaign *campaign, bool *is_settled);
};
const struct play *play_find(const struct app *app, struct str kind); /* NULL: none */

/* Reads campaign and the rules of a version (NONE: the one in force) into a struct of the play's shape.
 * Any connection. 404 "campaign.unknown". */
enum err campaign_get(struct ctx *c, int64_t campaign_id, int64_t version_number, struct campaign *out,
                      const void **rules) MUST_USE;
/* Binds the person to the version in force, once; later calls give the version bound at first, also to
 * other records of the person. E_CONFLICT "campaign.closed" unless it runs now (status and times), except
 * for whoever is in already and the campaign has ended but is not settled. */
enum err campaign_enter(struct ctx *c, int64_t campaign_id, int64_t person_id,
                        int64_t *version_number) MUST_USE;

struct campaign_new {
    struct str kind, title, rules; /* rules: JSON of the play's shape */
    struct str zone;               /* no value: the brand's */
    int64_t day_start_minutes_count; /* its business day; NONE: the brand's */
    int64_t starts_ms, ends_ms;    /* NONE: at once, never */
};
enum err campaign_add(struct ctx *c, const struct campaign_new *n, int64_t *campaign_id) MUST_USE;
/* By one who asks, and by the clock. E_CONFLICT "campaign.move" for a move the table does not know or whose
 * guard refuses, "preflight.failed" where publishing is. */
enum err campaign_move(struct ctx *c, int64_t campaign_id, struct str to_status, struct str reason) MUST_USE;
/* Into the campaign's budget account from outside the brand's books. key_id: once. */
struct campaign_fund {
    int64_t campaign_id, key_id, amount_count;
    enum ledger_unit unit;
    struct str reason;
};
enum err campaign_fund(struct ctx *c, const struct campaign_fund *fund) MUST_USE;
/* The account rewards of a unit come out of. */
struct account campaign_budget(int64_t campaign_id, enum ledger_unit unit);

extern const struct timer_kind campaign_clock; /* starts, ends and settles */

/* ---- rewards --------------------------------------------------------------------------------- */

struct reward {
    int64_t id; /* out */
    int64_t campaign_id, person_id;
    const char *kind;     /* of a granter */
    const char *key_kind; /* for what, once in a campaign */
    int64_t key_id;
    int64_t amount_count;
    int64_t expires_ms;   /* NONE */
};
/* So much of a reward back, once for (kind, key_id): a refund and its id. */
struct revocation {
    const char *kind;
    int64_t key_id;
    int64_t amount_count;
    enum ledger_policy policy;
    struct str reason;
};
/* A row of app_config.granters: points, growth and chances now; other kinds arrive with their plays. */
struct granter {
    const char *kind;
    const char *title_zh, *title_en;
    enum ledger_unit unit; /* of the budget */
    /* Out of the budget: to the person, or, while it is held, where it waits. E_CONFLICT "ledger.floor": the
     * budget is empty, nothing changed. */
    enum err (*grant)(struct ctx *c, const struct reward *reward, bool is_held);
    /* What was held: so much of it to the person, or back to the budget. */
    enum err (*decide)(struct ctx *c, const struct reward *reward, int64_t amount_count, bool is_granted);
    /* Back to the budget; *taken_count at once, *debt_count as the person's debt. */
    enum err (*revoke)(struct ctx *c, const struct reward *reward, const struct revocation *revocation,
                       int64_t *taken_count, int64_t *debt_count);
};
extern const struct granter reward_points, reward_growth, reward_chances;

struct risk_signs { /* no value: not known; kept as keyed hashes for 30 days */
    struct str device, payer, address;
    int64_t inviter_person_id; /* NONE */
};
/* One call: the risk gate first (held with a reason, or on), then out of the campaign's budget account
 * (E_CONFLICT "reward.budget" when it is empty, nothing changed). The same key again: OK, the same reward;
 * with other contents E_CONFLICT "reward.key_reused". signs may be NULL. *is_held: it waits for a decision. */
enum err reward_grant(struct ctx *c, struct reward *reward, const struct risk_signs *signs,
                      bool *is_held) MUST_USE;
/* Takes back so much of it, of all its parts at most the whole (E_CONFLICT "reward.revoked"). What the policy
 * leaves with the person stays; what became debt is not in *taken_count. A held one loses it from where it
 * waits. Again with the same key: OK, 0. */
enum err reward_revoke(struct ctx *c, int64_t reward_id, const struct revocation *revocation,
                       int64_t *taken_count) MUST_USE;
/* By the one who asks, about a held one. E_CONFLICT "reward.decided" otherwise. */
enum err reward_decide(struct ctx *c, int64_t reward_id, bool is_granted, struct str reason) MUST_USE;
/* Signs out of their window go, at most 10,000 a call; each minute. */
enum err risk_forget(struct ctx *c) MUST_USE;

extern const struct route campaign_routes[];
extern const struct route campaign_list_routes[];
extern const struct route play_routes[];
extern const struct route reward_routes[];
