/* Birthdays of customers and their children. Always: customer.child_birth_day is the latest of the
 * person's children; names are sealed with the child's row. */
#include "gen/child.q.h"
#include "kit/audit.h"
#include "manage/customer/customer_private.h"

#define NAME_CHARS_MAX 40
#define DUE_DAYS_MAX 320 /* a birth that is to come */

/* "2020-02-29" from 1900 on, at most `ahead` days to come. */
static enum err date_read(struct ctx *c, struct str text, int64_t ahead, int64_t *day)
{
    int64_t at_ms, today = zone_day(ctx_zone(c), c->now_ms);

    if (text.len != 10 || time_parse(NULL, text, &at_ms) != OK)
        return fail_at(c, "birth.date", S("birth_date"), "a date is needed, as 2020-02-29");
    *day = at_ms / DAY_MS;
    if (!str_eq(day_iso(c->arena, *day), text) || *day < day_of_date(1900, 1, 1) ||
        *day > today + ahead)
        return fail_at(c, "birth.date", S("birth_date"), "%.*s is no birth date", STR(text));
    return OK;
}

enum err customer_birth_edit(struct ctx *c, int64_t customer_id, struct str birth_date,
                             bool *is_changed)
{
    int64_t birth_day = NONE, changed_count;

    *is_changed = false;
    if (birth_date.at == NULL)
        return OK;
    if (birth_date.len > 0)
        TRY(date_read(c, birth_date, 0, &birth_day));
    TRY(q_birth_set(c, birth_day, customer_id, &changed_count));
    *is_changed = changed_count > 0;
    return OK;
}

/* ---- children -------------------------------------------------------------------------------- */

struct child_in {
    int64_t customer_id, child_id;
    struct str birth_date, name;
};
struct child_out {
    int64_t id;
};
static const struct field child_add_in[] = {
    IN(struct child_in, customer_id),
    IN(struct child_in, birth_date, .min = 1, .max = 10, .about = "may be to come"),
    IN(struct child_in, name, .is_optional = true, .max = NAME_CHARS_MAX),
};
static const struct field child_out[] = {OUT(struct child_out, id)};
static const struct field child_edit_in[] = {
    IN(struct child_in, child_id),
    IN(struct child_in, birth_date, .is_optional = true, .max = 10),
    IN(struct child_in, name, .is_optional = true, .max = NAME_CHARS_MAX,
       .about = "empty text: none any more"),
};
static const struct field child_delete_in[] = {IN(struct child_in, child_id)};

static enum err changed(struct ctx *c, int64_t person_id)
{
    int64_t changed_count;

    TRY(q_child_youngest_set(c, person_id, &changed_count));
    must(changed_count == 1);
    audit_about(c, "customer", person_id);
    return customer_edited_emit(c, person_id, S("children"));
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct child_in *in = in_;
    struct child_out *out = out_;
    struct str name = str_trim(in->name);
    int64_t person_id, birth_day, changed_count;

    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(date_read(c, in->birth_date, DUE_DAYS_MAX, &birth_day));
    out->id = ctx_id(c);
    if (name.len == 0)
        name = (struct str){0};
    TRY(q_child_add(c,
                    &(struct q_child_add_in){.id = out->id,
                                             .customer_id = person_id,
                                             .birth_day = birth_day,
                                             .name_enc = ctx_seal(c, name, "child", out->id)},
                    &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "child.too_many", "this customer has 20 children already");
    return changed(c, person_id);
}

/* The child, if its customer is within reach. */
static enum err child_read(struct ctx *c, int64_t child_id, struct q_child_get_row *row,
                           int64_t *person_id)
{
    enum err err = q_child_get(c, child_id, row);

    if (err == OK)
        err = customer_reach(c, row->customer_id, person_id);
    return err == E_NOT_FOUND ? fail(c, err, "child.unknown", "no such child") : err;
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct child_in *in = in_;
    struct str name = str_trim(in->name);
    struct q_child_get_row now = {0};
    int64_t person_id = NONE, changed_count;

    (void)out;
    TRY(child_read(c, in->child_id, &now, &person_id));
    if (in->birth_date.at)
        TRY(date_read(c, in->birth_date, DUE_DAYS_MAX, &now.birth_day));
    if (in->name.at)
        now.name_enc = name.len > 0 ? ctx_seal(c, name, "child", in->child_id) : (struct str){0};
    TRY(q_child_edit(c, now.birth_day, now.name_enc, in->child_id, &changed_count));
    must(changed_count == 1);
    return changed(c, person_id);
}

static enum err delete_run(struct ctx *c, const void *in_, void *out)
{
    const struct child_in *in = in_;
    struct q_child_get_row now = {0};
    int64_t person_id = NONE, changed_count;

    (void)out;
    TRY(child_read(c, in->child_id, &now, &person_id));
    TRY(q_child_delete(c, in->child_id, &changed_count));
    must(changed_count == 1);
    return changed(c, person_id);
}

const struct route child_routes[] = {
    {HTTP_POST, "/api/customers/{customer_id}/children", "customer.write",
     SHAPE_OF("child_add_in", child_add_in, struct child_in), SHAPE(child_out), add_run,
     .about = "A child, born or expected"},
    {HTTP_POST, "/api/children/{child_id}/edit", "customer.write",
     SHAPE_OF("child_edit_in", child_edit_in, struct child_in), NULL, edit_run,
     .about = "Change what is given; the rest stays"},
    {HTTP_POST, "/api/children/{child_id}/delete", "customer.write",
     SHAPE_OF("child_delete_in", child_delete_in, struct child_in), NULL, delete_run,
     .about = "Take a child off"},
    {.path = NULL},
};
