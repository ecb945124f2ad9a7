/* Which process does what only one may do. On SQLite there is one; on PostgreSQL leases decide. */
#pragma once

#include "kit/ctx.h"

/* Takes or keeps the lease for ms; *is_ours false: another node has it. On the writer. */
enum err lease_take(struct ctx *c, const char *name, int64_t ms, bool *is_ours) MUST_USE;
enum err lease_drop(struct ctx *c, const char *name) MUST_USE; /* at closing: the next need not wait */
int64_t node_id(const struct app *app); /* 0..255; 0 on SQLite */
