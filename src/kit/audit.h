/* The audit trail: one row for each change a person or a key of a program committed, written by the
 * frame in the change's own transaction, so none can be forgotten. Chained by hash: a row cannot be
 * changed or taken out unseen; details can be erased without breaking the chain. A handler only adds
 * what the route's name and path do not say. */
#pragma once

#include "kit/ctx.h"

/* What the change is about: noun "customer", and its id. Without it: the first id of the path, under
 * the name of its field. */
void audit_about(struct ctx *c, const char *noun, int64_t subject_id);
/* What was done, as a JSON object: names of fields, counts, filters, reasons. No personal data. */
void audit_detail(struct ctx *c, struct str json);
void audit_reason(struct ctx *c, struct str reason); /* the detail is what somebody gave as a reason */
/* Takes the details of all rows about this subject away, for a person whose data go. Who, when and what
 * kind of change stay, and so does the chain. */
enum err audit_erase(struct ctx *c, const char *noun, int64_t subject_id,
                     int64_t *erased_count) MUST_USE;

/* What a row's hash is made of: sha256 over these, each with its length. For the frame and `papilio
 * check`. detail_hash is sha256 of salt and detail, of nothing without a detail; the first row's
 * previous_hash is 32 zero bytes. Digests in `arena`. */
struct audit_row {
    int64_t id, at_ms, staff_id, api_key_id, subject_id;
    struct str action, noun, peer, detail_hash, previous_hash;
};
struct str audit_row_hash(struct arena *arena, const struct audit_row *row);
struct str audit_detail_hash(struct arena *arena, struct str salt, struct str detail);
