/* The history of imports, newest first. */
#include "manage/import/import_private.h"
#include "kit/cursor.h"

#define LIST_MAX 100

struct import_list_in {
    struct str cursor;
    int64_t limit_count;
};
static const struct field import_list_in[] = {
    IN(struct import_list_in, cursor, .is_optional = true),
    FIELD_LIMIT(struct import_list_in, limit_count, LIST_MAX),
};
static const struct field import_item[] = {
    OUT(struct q_import_list_row, id),
    OUT(struct q_import_list_row, kind),
    OUT(struct q_import_list_row, file_name),
    OUT(struct q_import_list_row, status, .one_of = "running|done|failed"),
    OUT(struct q_import_list_row, line_count),
    OUT(struct q_import_list_row, accepted_count),
    OUT(struct q_import_list_row, rejected_count),
    OUT(struct q_import_list_row, changed_count),
    OUT(struct q_import_list_row, started_ms),
    OUT(struct q_import_list_row, changed_ms),
};
struct import_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field import_list_out[] = {
    OUT(struct import_list_out, items,
        .of = SHAPE_OF("import_item", import_item, struct q_import_list_row), .max = LIST_MAX),
    OUT(struct import_list_out, next_cursor, .is_optional = true),
};

static enum err import_list(struct ctx *c, const void *in_, void *out_)
{
    const struct import_list_in *in = in_;
    struct import_list_out *out = out_;
    int64_t limit = in->limit_count == NONE ? LIST_MAX : in->limit_count;
    const struct q_import_list_row *rows;
    struct cursor cursor;

    TRY(cursor_read(c, in->cursor, &cursor));
    TRY(q_import_list(c, cursor.id, limit + 1, &out->items));
    if (out->items.count <= limit)
        return OK;
    out->items.count = limit;
    rows = out->items.at;
    cursor = (struct cursor){rows[limit - 1].id, rows[limit - 1].id};
    out->next_cursor = cursor_write(c, cursor);
    return OK;
}

const struct route import_routes[] = {
    {HTTP_GET, "/api/imports", "import.read", SHAPE(import_list_in), SHAPE(import_list_out),
     import_list, .about = "Imports, newest first"},
    {0},
};
