/* What an import of customers sets beside the record itself: tags, owner and store, birthdays. */
#pragma once

#include "manage/import/import.h"

/* One row's wishes; what its cells name is found for all rows at once. */
struct beside_row {
    struct import_row *row;
    struct str tags, owner, store; /* as the cells say; no value: nothing */
    int64_t birth_day, child_birth_day;
    int64_t customer_id; /* the person, once written; NONE: refused */
    /* out of import_beside_find */
    int64_t staff_id, org_id;
    int64_t *tag_ids;
    int64_t tag_count;
};
/* Refuses rows that name what is not there: row.tag_unknown (unless the mapping gives a family in
 * which to make them), row.owner_unknown, row.store_unknown, row.date. */
enum err import_beside_find(struct ctx *c, const struct import *run, struct beside_row *rows,
                            int64_t count) MUST_USE;
/* Rows with a code or without a customer are passed over. At most CUSTOMER_BATCH_MAX. */
enum err import_beside_write(struct ctx *c, struct import *run, struct beside_row *rows,
                             int64_t count) MUST_USE;
/* The effects "tags", "owners", "births", "children"; false in *is_mine: another one. */
enum err import_beside_undo(struct ctx *c, struct import_undo *undo, bool *is_mine) MUST_USE;
