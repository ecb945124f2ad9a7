/* Which process does what only one may do. On SQLite there is one; on PostgreSQL leases decide. */
#pragma once

#include "kit/ctx.h"

/* Takes or keeps the lease for ms; *is_ours false: another node has it. On the writer. */
enum err lease_take(struct ctx *c, const char *name, int64_t ms, bool *is_ours) MUST_USE;
/* At closing, all that this node has: the next need not wait. */
enum err lease_drop(struct ctx *c) MUST_USE;
/* Whoever had it last: at its start a node finds what it had when it was killed, and so nobody else has been at it since. */
enum err lease_was_ours(struct ctx *c, const char *name, bool *was_ours) MUST_USE;
/* Ids say where they were made, in bits 14 to 21. This node's number; NONE on SQLite, where all is its own. */
int64_t node_own(const struct app *app);
