/* Saved views of the list of customers: what its address holds, under a name. Always: only whose
 * view it is changes it; a searched text is somebody's name or phone and is not kept. */
#include "gen/list_view.q.h"
#include "kit/audit.h"
#include "manage/customer/customer_private.h"

#define PAGE S("customers")
#define NAME_MAX 30
#define ASK_MAX 4000

static const struct field list_view_item[] = {
    OUT(struct q_list_view_list_row, id),
    OUT(struct q_list_view_list_row, name),
    OUT(struct q_list_view_list_row, ask, .is_json = true, .about = "as it was given"),
    OUT(struct q_list_view_list_row, is_shared),
    OUT(struct q_list_view_list_row, staff_id),
    OUT(struct q_list_view_list_row, staff_name),
};
struct list_view_list_out {
    struct list items;
};
static const struct field list_view_list_out[] = {
    OUT(struct list_view_list_out, items,
        .of = SHAPE_OF("list_view_item", list_view_item, struct q_list_view_list_row)),
};

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct list_view_list_out *out = out_;

    (void)in;
    return q_list_view_list(c, PAGE, &out->items);
}

struct list_view_in {
    int64_t view_id;
    struct str name, ask;
    bool is_shared;
};
static const struct field list_view_add_in[] = {
    IN(struct list_view_in, name, .min = 1, .max = NAME_MAX),
    IN(struct list_view_in, ask, .is_json = true, .max = ASK_MAX,
       .about = "an object: filters, sort, columns; no searched text"),
    IN(struct list_view_in, is_shared, .about = "all colleagues see it"),
};
static const struct field list_view_edit_in[] = {
    IN(struct list_view_in, view_id),
    IN(struct list_view_in, name, .min = 1, .max = NAME_MAX),
    IN(struct list_view_in, ask, .is_json = true, .max = ASK_MAX),
    IN(struct list_view_in, is_shared),
};
static const struct field list_view_delete_in[] = {IN(struct list_view_in, view_id)};
struct list_view_add_out {
    int64_t id;
};
static const struct field list_view_add_out[] = {OUT(struct list_view_add_out, id)};

static enum err view_check(struct ctx *c, const struct list_view_in *in)
{
    struct json json;

    if (str_trim(in->name).len == 0)
        return fail_at(c, "view.name", S("name"), "a name is needed");
    if (json_parse(c->arena, in->ask, &json, NULL) != OK || json.type != JSON_OBJECT)
        return fail_at(c, "view.ask", S("ask"), "an object is needed");
    if (json_get(&json, "search") != NULL)
        return fail_at(c, "view.search", S("ask"), "a searched text is not kept");
    return OK;
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct list_view_in *in = in_;
    struct list_view_add_out *out = out_;
    int64_t changed_count;

    TRY(view_check(c, in));
    out->id = ctx_id(c);
    TRY(q_list_view_add(c,
                        &(struct q_list_view_add_in){.id = out->id,
                                                     .page = PAGE,
                                                     .name = str_trim(in->name),
                                                     .ask = in->ask,
                                                     .is_shared = in->is_shared},
                        &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "view.too_many", "fifty views are enough: delete one first");
    audit_about(c, "list_view", out->id);
    return OK;
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct list_view_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(view_check(c, in));
    TRY(q_list_view_edit(c,
                         &(struct q_list_view_edit_in){.name = str_trim(in->name),
                                                       .ask = in->ask,
                                                       .is_shared = in->is_shared,
                                                       .view_id = in->view_id},
                         &changed_count));
    return changed_count == 1 ? OK
                              : fail(c, E_NOT_FOUND, "view.unknown", "no such view of your own");
}

static enum err delete_run(struct ctx *c, const void *in_, void *out)
{
    const struct list_view_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(q_list_view_delete(c, in->view_id, &changed_count));
    return changed_count == 1 ? OK
                              : fail(c, E_NOT_FOUND, "view.unknown", "no such view of your own");
}

const struct route list_view_routes[] = {
    {HTTP_GET, "/api/views", "customer.read", NULL, SHAPE(list_view_list_out), list_run,
     .about = "Saved views of the list of customers: one's own and the shared ones"},
    {HTTP_POST, "/api/views", "customer.read",
     SHAPE_OF("list_view_add_in", list_view_add_in, struct list_view_in), SHAPE(list_view_add_out),
     add_run, .about = "Save a view"},
    {HTTP_POST, "/api/views/{view_id}/edit", "customer.read",
     SHAPE_OF("list_view_edit_in", list_view_edit_in, struct list_view_in), NULL, edit_run,
     .about = "Change one's own view"},
    {HTTP_POST, "/api/views/{view_id}/delete", "customer.read",
     SHAPE_OF("list_view_delete_in", list_view_delete_in, struct list_view_in), NULL, delete_run,
     .about = "Delete one's own view"},
    {.path = NULL},
};
