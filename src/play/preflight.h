/* The checks a campaign passes before it runs: a table of rows, each with its law or reason, and whether a
 * named person may pass over it. */
#pragma once

#include "play/play.h"

/* What a play says about itself; NONE (or false): does not apply. */
struct preflight_facts {
    int64_t prize_value_fen;      /* of the dearest single prize by chance, all that one person may win */
    int64_t probability_ppm;      /* sum over all outcomes, the empty one included */
    int64_t release_count, stock_count;
    int64_t depth_number;         /* levels that earn from another's buying */
    int64_t entry_fee_fen;
    int64_t floor_price_fen, worst_price_fen; /* all discounts stacked */
    int64_t strike_price_fen, week_low_fen;
    int64_t budget_count;         /* in the campaign's budget account */
    int64_t budget_need_count;    /* worst case */
    int64_t claim_deadline_ms;
    int64_t week_message_count;   /* most a person gets in a week */
    bool rewards_sharing, rewards_directed_votes, asks_age, excludes_staff, shows_withdrawal;
    bool has_consent_texts, has_art13_fields, has_backup_rule;
    bool is_by_chance, collects_data, has_claims;
};
/* All absent: what a play's facts() begins with. */
void preflight_facts_init(struct preflight_facts *facts);

struct preflight_finding {
    const char *check;   /* "budget_funded" */
    const char *title_zh, *title_en;
    bool is_passed;
    bool may_override;
    struct str words_zh, words_en; /* what is wrong and what to do; no value: passed */
    struct str override_reason;    /* no value: none */
    int64_t override_staff_id;     /* NONE */
    struct str override_staff_name;
};
/* All rows of the table in order, those that do not apply left out. Any connection. */
enum err preflight_run(struct ctx *c, const struct campaign *campaign, const struct preflight_facts *facts,
                       struct list *findings) MUST_USE;
/* The same with what the campaign's play says of these rules. */
enum err preflight_of(struct ctx *c, const struct campaign *campaign, const void *rules,
                      struct list *findings) MUST_USE;
/* E_CONFLICT "preflight.failed" with the names of what neither passes nor is overridden. */
enum err preflight_check(struct ctx *c, const struct campaign *campaign, const void *rules) MUST_USE;
/* Passes over a check of the version in force, by the one who asks. E_NOT_FOUND "preflight.unknown", E_CONFLICT
 * "preflight.law": nobody may; "preflight.passed". */
enum err preflight_override(struct ctx *c, int64_t campaign_id, struct str check, struct str reason) MUST_USE;
