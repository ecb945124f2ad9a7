/* The checks a campaign passes before it runs: a table of rows, each with its law or reason, and whether a
 * named person may pass over it. */
#pragma once

#include "play/play.h"

/* What a play says about itself; NONE (or false): does not apply. */
struct preflight_facts {
    int64_t prize_value_fen;      /* of the dearest single prize by chance */
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
struct preflight_finding {
    const char *check;   /* "budget_funded" */
    bool is_passed;
    bool may_override;
    struct str words_zh, words_en; /* what is wrong and what to do */
    struct str override_reason;    /* no value: none */
    int64_t override_staff_id;     /* NONE */
};
/* All rows of the table in order, those that do not apply left out. */
enum err preflight_run(struct ctx *c, const struct campaign *campaign, const struct preflight_facts *facts,
                       struct list *findings) MUST_USE;
