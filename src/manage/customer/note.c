/* Notes about customers: whoever may change customers reads them all, and changes the own ones. The
 * text is sealed with its row and goes to no journal, log or audit detail. */
#include "gen/note.q.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "manage/customer/customer_private.h"

#define TEXT_CHARS_MAX 2000
#define PAGE_MAX 100
#define PAGE_DEFAULT 20

struct note_list_in {
    int64_t customer_id, limit_count;
    struct str cursor;
};
struct note_item {
    int64_t id, staff_id, created_ms, changed_ms;
    struct str staff_name, text;
    bool is_mine;
};
struct note_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field note_list_in[] = {
    IN(struct note_list_in, customer_id),
    IN(struct note_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct note_list_in, limit_count, PAGE_MAX),
};
static const struct field note_item[] = {
    OUT(struct note_item, id),
    OUT(struct note_item, staff_id, .is_optional = true),
    OUT(struct note_item, staff_name, .is_optional = true),
    OUT(struct note_item, text),
    OUT(struct note_item, created_ms),
    OUT(struct note_item, changed_ms),
    OUT(struct note_item, is_mine),
};
static const struct field note_list_out[] = {
    OUT(struct note_list_out, items, .of = SHAPE(note_item)),
    OUT(struct note_list_out, next_cursor, .is_optional = true),
};

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct note_list_in *in = in_;
    struct note_list_out *out = out_;
    int64_t limit_count = in->limit_count == NONE ? PAGE_DEFAULT : in->limit_count, person_id;
    const struct q_note_list_row *row;
    struct note_item *item;
    struct cursor from;
    struct list rows;

    TRY(cursor_read(c, in->cursor, &from));
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_note_list(c, person_id, from.id, limit_count, &rows));
    row = rows.at;
    item = arena_new_array(c->arena, struct note_item, (size_t)rows.count + 1);
    out->items = (struct list){item, rows.count};
    for (int64_t i = 0; i < rows.count; i++) {
        item[i] = (struct note_item){.id = row[i].id,
                                     .staff_id = row[i].staff_id,
                                     .created_ms = row[i].created_ms,
                                     .changed_ms = row[i].changed_ms,
                                     .staff_name = row[i].staff_name,
                                     .is_mine = row[i].staff_id != NONE &&
                                                row[i].staff_id == c->me_staff_id};
        TRY(ctx_unseal(c, row[i].text_enc, "customer_note", row[i].id, &item[i].text));
    }
    if (rows.count == limit_count)
        out->next_cursor = cursor_write(c, (struct cursor){0, row[rows.count - 1].id});
    return OK;
}

/* ---- changing -------------------------------------------------------------------------------- */

struct note_in {
    int64_t customer_id, note_id;
    struct str text;
};
struct note_out {
    int64_t id;
};
static const struct field note_add_in[] = {
    IN(struct note_in, customer_id),
    IN(struct note_in, text, .min = 1, .max = TEXT_CHARS_MAX),
};
static const struct field note_out[] = {OUT(struct note_out, id)};
static const struct field note_edit_in[] = {
    IN(struct note_in, note_id),
    IN(struct note_in, text, .min = 1, .max = TEXT_CHARS_MAX),
};
static const struct field note_delete_in[] = {IN(struct note_in, note_id)};

static enum err text_check(struct ctx *c, struct str text)
{
    if (str_trim(text).len == 0)
        return fail_at(c, "note.text", S("text"), "a note needs words");
    return OK;
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct note_in *in = in_;
    struct note_out *out = out_;
    int64_t person_id, changed_count;

    TRY(text_check(c, in->text));
    TRY(customer_reach(c, in->customer_id, &person_id));
    out->id = ctx_id(c);
    TRY(q_note_add(c, out->id, person_id, ctx_seal(c, str_trim(in->text), "customer_note", out->id),
                   &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "note.too_many", "this customer has 1,000 notes already");
    audit_about(c, "customer", person_id);
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

/* Within reach, and one's own. */
static enum err own_check(struct ctx *c, int64_t note_id)
{
    struct q_note_get_row row;
    int64_t person_id;
    enum err err = q_note_get(c, note_id, &row);

    if (err == OK)
        err = customer_reach(c, row.customer_id, &person_id);
    if (err == E_NOT_FOUND)
        return fail(c, err, "note.unknown", "no such note");
    TRY(err);
    if (row.staff_id == NONE || row.staff_id != c->me_staff_id)
        return fail(c, E_FORBIDDEN, "note.not_yours", "only its writer changes a note");
    audit_about(c, "customer", person_id);
    return OK;
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct note_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(text_check(c, in->text));
    TRY(own_check(c, in->note_id));
    TRY(q_note_edit(c, ctx_seal(c, str_trim(in->text), "customer_note", in->note_id), in->note_id,
                    &changed_count));
    must(changed_count == 1);
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

static enum err delete_run(struct ctx *c, const void *in_, void *out)
{
    const struct note_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(own_check(c, in->note_id));
    TRY(q_note_delete(c, in->note_id, &changed_count));
    must(changed_count == 1);
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

const struct route note_routes[] = {
    {HTTP_GET, "/api/customers/{customer_id}/notes", "customer.write", SHAPE(note_list_in),
     SHAPE(note_list_out), list_run, .about = "Notes about a customer, latest first"},
    {HTTP_POST, "/api/customers/{customer_id}/notes", "customer.write",
     SHAPE_OF("note_add_in", note_add_in, struct note_in), SHAPE(note_out), add_run,
     .about = "Write a note"},
    {HTTP_POST, "/api/notes/{note_id}/edit", "customer.write",
     SHAPE_OF("note_edit_in", note_edit_in, struct note_in), NULL, edit_run,
     .about = "Change a note of one's own"},
    {HTTP_POST, "/api/notes/{note_id}/delete", "customer.write",
     SHAPE_OF("note_delete_in", note_delete_in, struct note_in), NULL, delete_run,
     .about = "Delete a note of one's own"},
    {.path = NULL},
};
