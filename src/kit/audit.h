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
