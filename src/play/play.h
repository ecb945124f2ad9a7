/* What every play stands on: a campaign with its states and immutable rules, rewards with a budget
 * behind them, the risk gate, the preflight. A play is a row of app_config.plays and a file of its own
 * in flow/. All on the writer, within the caller's transaction, unless said otherwise. */
#pragma once

#include "kit/app.h"
#include "kit/field.h"
#include "kit/ledger.h"

/* ---- campaigns ------------------------------------------------------------------------------- */

struct campaign {
    int64_t id, version_number, starts_ms, ends_ms; /* NONE: no such time */
    struct str kind, title, status;
    const struct zone *zone; /* with its business day */
};
/* How a changed rule stands to those already in: once running only what favours them passes. */
enum rule_favour { FAVOUR_NONE, FAVOUR_MORE, FAVOUR_LESS, FAVOUR_ANY };
struct reward;
struct preflight_facts;
struct play_rule {
    const char *name;        /* field of the rules' shape */
    enum rule_favour favour; /* MORE: a higher number favours (limit, reward); LESS: a lower one (price);
                                ANY: no matter (text); NONE: may not change */
};
struct play {
    const char *kind;
    const char *title_zh, *title_en;
    const struct shape *rules;     /* the JSON of a version */
    const struct play_rule *favours; /* ended by a row with name NULL */
    /* Beyond what the shape says; may be NULL. `rules` is a struct of the shape. */
    enum err (*check)(struct ctx *c, const struct campaign *campaign, const void *rules);
    /* The facts the preflight asks about; may be NULL. */
    enum err (*facts)(struct ctx *c, const struct campaign *campaign, const void *rules,
                      struct preflight_facts *out);
    /* When it is terminated with people in it: what they are owed. May be NULL. */
    enum err (*compensate)(struct ctx *c, const struct campaign *campaign);
    /* All timers, payouts and refunds over? Asked each minute while it settles. NULL: at once. */
    enum err (*is_settled)(struct ctx *c, const struct campaign *campaign, bool *is_settled);
};

/* Reads campaign and the rules of a version (NONE: the one in force) into a struct of the play's shape.
 * Any connection. 404 "campaign.unknown". */
enum err campaign_get(struct ctx *c, int64_t campaign_id, int64_t version_number, struct campaign *out,
                      const void **rules) MUST_USE;
/* Binds the person to the version in force, once; later calls give the version bound at first. E_CONFLICT
 * "campaign.closed" unless it runs now (status and times), except for whoever is in already and the
 * campaign has ended but not settled. */
enum err campaign_enter(struct ctx *c, int64_t campaign_id, int64_t person_id,
                        int64_t *version_number) MUST_USE;

/* ---- rewards --------------------------------------------------------------------------------- */

/* A row of app_config.granters: points, growth and chances now; other kinds arrive with their plays. */
struct granter {
    const char *kind;
    const char *title_zh, *title_en;
    enum ledger_unit unit;
    enum err (*grant)(struct ctx *c, const struct reward *reward);
    enum err (*revoke)(struct ctx *c, const struct reward *reward, int64_t amount_count, enum ledger_policy policy);
};
struct reward {
    int64_t id; /* out */
    int64_t campaign_id, person_id;
    const char *kind;     /* of a granter */
    const char *key_kind; /* for what, once */
    int64_t key_id;
    int64_t amount_count;
    int64_t expires_ms;   /* NONE */
};
struct risk_signs { /* no value: not known; kept as keyed hashes for 30 days */
    struct str device, payer, address;
    int64_t inviter_person_id; /* NONE */
};
/* One call: the risk gate first (held with a reason, or on), then out of the campaign's budget account
 * (E_CONFLICT "reward.budget" when it is empty). The same key again: OK, the same reward. *is_held: it
 * waits for a decision. */
enum err reward_grant(struct ctx *c, struct reward *reward, const struct risk_signs *signs,
                      bool *is_held) MUST_USE;
/* Takes back so much of it (of all its parts at most the whole), by the policy of its unit. */
enum err reward_revoke(struct ctx *c, int64_t reward_id, int64_t amount_count,
                       enum ledger_policy policy) MUST_USE;
