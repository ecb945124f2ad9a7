/* What the files of play/ share. */
#pragma once

#include "play/play.h"
#include "play/preflight.h"

#define CAMPAIGN_TITLE_MAX 100
#define CAMPAIGN_RULES_MAX 65536 /* characters of a version's JSON */
#define CAMPAIGN_STATUSES                                                                          \
    "draft|in_review|scheduled|running|paused|ended|settling|settled|archived|cancelled|terminated"
#define REASON_MAX 500

/* Held or not, and why: "device_shared:4", no value: on. `signs` may be NULL. */
enum err risk_look(struct ctx *c, int64_t person_id, const struct risk_signs *signs,
                   struct str *reason) MUST_USE;
enum err risk_keep(struct ctx *c, int64_t campaign_id, int64_t person_id,
                   const struct risk_signs *signs) MUST_USE;
struct str risk_words(struct ctx *c, struct str reason, bool is_zh);

const struct granter *play_granter(const struct app *app, struct str kind); /* NULL: none */
enum ledger_unit play_unit(struct str name); /* UNIT_COUNT: none */

/* JSON of a play's rules, checked by its shape; paths of faults begin with "rules/". */
enum err play_rules_read(struct ctx *c, const struct play *play, struct str json,
                         const void **rules) MUST_USE;
struct str play_rules_text(struct ctx *c, const struct play *play, const void *rules);

/* What a version promises besides its rules. */
struct campaign_terms {
    struct str title;
    int64_t starts_ms, ends_ms;
};
enum err campaign_terms_check(struct ctx *c, const struct campaign_terms *terms) MUST_USE;
/* A rule that differs between two versions. */
struct campaign_change {
    struct str name, title_zh, title_en;
    struct str before, after; /* JSON */
    bool is_allowed;          /* once it runs */
};
/* All that differs, terms first: of struct campaign_change. */
struct campaign_side {
    struct campaign_terms terms;
    const void *rules;
};
enum err campaign_rules_diff(struct ctx *c, const struct play *play, const struct campaign_side *before,
                             const struct campaign_side *after, struct list *changes) MUST_USE;
/* The moves one may make by hand from a status, in order; ends with NULL. */
const char *campaign_move_next(struct str from, int at);
bool campaign_move_has_reason(struct str from, struct str to);
/* The clock goes by this end from now on. */
enum err campaign_clock_end(struct ctx *c, int64_t campaign_id, int64_t ends_ms) MUST_USE;
/* What came back to the budgets of one that is over goes on outside. */
enum err campaign_late_return(struct ctx *c, int64_t campaign_id) MUST_USE;
/* A new version, in force at once: in a draft anything, once it runs what favours those in it. */
struct campaign_edit {
    int64_t campaign_id;
    struct str title, rules, reason; /* title, rules no value: as they are */
    int64_t starts_ms, ends_ms;      /* NONE: as they are */
    bool is_endless;                 /* no end any more */
};
enum err campaign_version_add(struct ctx *c, const struct campaign_edit *edit, int64_t *version_number) MUST_USE;
