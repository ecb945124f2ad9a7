/* What the two halves of `papilio check` share: where offenders are gathered. */
#pragma once

#include "insight/insight.h"

#define OFFENDER_MAX 20 /* ids shown of one broken invariant */

struct finding {
    struct ctx *c;
    int64_t count;
    int64_t ids[OFFENDER_MAX];
    struct str text; /* in place of ids: the database's own words */
    struct arena *scratch;
    uint8_t hash[HASH_BYTES]; /* of the row before, along a chain */
};
/* An invariant: its name, and the query that names what breaks it. */
struct check {
    const char *name;
    enum err (*run)(struct ctx *c, struct finding *finding);
    const char *offender; /* what the ids are of */
    bool is_note;         /* for somebody to look at; the base is sound all the same */
};
extern const struct check checks[]; /* ended by a row with name NULL */
void check_found(struct finding *finding, int64_t id);

/* Invariants that SQL cannot tell: sealed texts, hashes, JSON, the registry of kinds. */
enum err check_journal_known(struct ctx *c, struct finding *finding) MUST_USE;
enum err check_behaviours(struct ctx *c, struct finding *finding) MUST_USE;
enum err check_timer_kinds(struct ctx *c, struct finding *finding) MUST_USE;
enum err check_outbox_kinds(struct ctx *c, struct finding *finding) MUST_USE;
enum err check_identity_seals(struct ctx *c, struct finding *finding) MUST_USE;
enum err check_keys_current(struct ctx *c, struct finding *finding) MUST_USE;
enum err check_personal_seals(struct ctx *c, struct finding *finding) MUST_USE;
enum err check_audit_chain(struct ctx *c, struct finding *finding) MUST_USE;
