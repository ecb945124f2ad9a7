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
#define STATUSES "ready|waiting|running|done|failed|cancelled|undoing|undone"

static const struct field import_item[] = {
    OUT(struct q_import_list_row, id),
    OUT(struct q_import_list_row, kind),
    OUT(struct q_import_list_row, file_name),
    OUT(struct q_import_list_row, status, .one_of = STATUSES),
    OUT(struct q_import_list_row, is_dry, .about = "tried only: nothing was kept"),
    OUT(struct q_import_list_row, line_count),
    OUT(struct q_import_list_row, total_count, .is_optional = true,
        .about = "records of the file; about, until it was read to its end"),
    OUT(struct q_import_list_row, accepted_count),
    OUT(struct q_import_list_row, rejected_count),
    OUT(struct q_import_list_row, changed_count),
    OUT(struct q_import_list_row, started_ms),
    OUT(struct q_import_list_row, changed_ms),
    OUT(struct q_import_list_row, undone_ms, .is_optional = true),
    OUT(struct q_import_list_row, error_code, .is_optional = true),
    OUT(struct q_import_list_row, upload_bytes, .is_optional = true,
        .about = "absent: begun by the command line; 0: not kept any longer"),
    OUT(struct q_import_list_row, staff_name, .is_optional = true),
    OUT(struct q_import_list_row, has_effects, .about = "there is something to undo"),
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

/* ---- one ------------------------------------------------------------------------------------ */

struct import_get_out {
    struct q_import_get_row row;
    int64_t made_customer_count, changed_customer_count, made_line_count, made_cost_count;
    bool has_undo;
};
#define ROW_OUT(m, ...)                                                                            \
    {                                                                                              \
        .name = #m, .type = FIELD_TYPE(struct import_get_out, row.m),                              \
        .offset = offsetof(struct import_get_out, row.m), __VA_ARGS__                              \
    }
static const struct field import_get_out[] = {
    ROW_OUT(id),
    ROW_OUT(kind),
    ROW_OUT(file_name),
    ROW_OUT(status, .one_of = STATUSES),
    ROW_OUT(mapping, .is_json = true, .is_optional = true),
    ROW_OUT(is_dry),
    ROW_OUT(line_count),
    ROW_OUT(total_count, .is_optional = true),
    ROW_OUT(accepted_count),
    ROW_OUT(rejected_count),
    ROW_OUT(changed_count),
    ROW_OUT(started_ms),
    ROW_OUT(changed_ms),
    ROW_OUT(undone_ms, .is_optional = true),
    ROW_OUT(error_code, .is_optional = true),
    ROW_OUT(error_message, .is_optional = true),
    ROW_OUT(upload_bytes, .is_optional = true),
    OUT(struct import_get_out, has_undo, .about = "this kind can be undone"),
    OUT(struct import_get_out, made_customer_count, .about = "what undoing would look at"),
    OUT(struct import_get_out, changed_customer_count),
    OUT(struct import_get_out, made_line_count),
    OUT(struct import_get_out, made_cost_count),
};

static enum err effects_count(struct ctx *c, struct import_get_out *out)
{
    const struct q_import_effect_nouns_row *rows;
    struct list nouns;

    TRY(q_import_effect_nouns(c, out->row.id, &nouns));
    rows = nouns.at;
    for (int64_t i = 0; i < nouns.count; i++) {
        if (str_is(rows[i].noun, "customers"))
            out->made_customer_count = rows[i].subject_count;
        else if (str_is(rows[i].noun, "changes"))
            out->changed_customer_count = rows[i].subject_count;
        else if (str_is(rows[i].noun, "orders"))
            out->made_line_count = rows[i].subject_count;
        else if (str_is(rows[i].noun, "costs"))
            out->made_cost_count = rows[i].subject_count;
    }
    return OK;
}

static enum err import_get(struct ctx *c, const void *in_, void *out_)
{
    const struct import_one *in = in_;
    struct import_get_out *out = out_;
    const struct import_kind *kind;
    enum err err = q_import_get(c, in->import_id, &out->row);

    if (err == E_NOT_FOUND)
        return fail(c, err, "import.unknown", "no such import");
    TRY(err);
    if (out->row.mapping.len == 0)
        out->row.mapping = (struct str){NULL, 0};
    kind = import_kind_find(out->row.kind);
    out->has_undo = kind != NULL && kind->undo != NULL;
    out->made_customer_count = out->changed_customer_count = 0;
    out->made_line_count = out->made_cost_count = 0;
    return effects_count(c, out);
}

const struct route import_routes[] = {
    {HTTP_GET, "/api/imports", "import.read", SHAPE(import_list_in), SHAPE(import_list_out),
     import_list, .about = "Imports, newest first", .needs_all = true},
    {HTTP_GET, "/api/imports/{import_id}", "import.read", SHAPE(import_one), SHAPE(import_get_out),
     import_get, .about = "How an import stands, and what undoing it is about", .needs_all = true},
    {0},
};
