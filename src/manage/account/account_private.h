/* What the files of this folder share. */
#pragma once

#include "kit/ctx.h"
#include "kit/field.h"
#include "manage/account/account.h"

#define UNIT_NAMES "fen|points|growth|pieces|chances|seats"
#define BUCKET_NAMES                                                                                                          \
    "available|pending|frozen|debt|budget|issued|expired|forfeited|in_transit|external"
#define OWNER_NAMES "customer|staff|campaign|reward|system"

/* An account's 0 for "none" as a page has it. */
int64_t account_id_told(int64_t id);
/* reversal.c: taking back more than this of a unit by hand needs a second colleague. */
enum err account_second_above(struct ctx *c, struct str unit, int64_t *above_count) MUST_USE;
/* The owner's name as this one may see it: a customer's, or the campaign's title; no value: neither. */
enum err account_name_told(struct ctx *c, int64_t owner_id, struct str name_enc, struct str title,
                           struct str *out) MUST_USE;
