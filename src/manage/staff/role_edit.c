/* Roles (角色) as editable sets of rights with a reach. Always: admin has every right and stays as
 * it is; nobody gives or takes a right one does not have, nor shuts oneself out; a change is made
 * over the version that was read and holds from the next request on. */
#include "base/utf8.h"
#include "gen/role_edit.q.h"
#include "gen/staff.q.h"
#include "kit/audit.h"
#include "manage/staff/staff_private.h"

#define ROLE_MAX 100
#define ROLE_NAME_MAX 40
#define ROLE_TITLE_MAX 40
#define SCOPES "own|store|all"

/* ---- checks ---------------------------------------------------------------------------------- */

static enum err role_read(struct ctx *c, struct str name, struct q_role_get_row *row)
{
    enum err err = q_role_get(c, name, row);

    if (err == E_NOT_FOUND)
        return fail(c, E_NOT_FOUND, "role.unknown", "no such role");
    return err;
}

static enum err below_check(struct ctx *c, struct str permissions)
{
    if (ctx_may_all(c, permissions))
        return OK;
    return fail(c, E_FORBIDDEN, "role.beyond", "this role has rights that you do not have");
}

enum err role_check_below(struct ctx *c, struct str name)
{
    struct q_role_get_row row;
    enum err err = q_role_get(c, name, &row);

    if (err == E_NOT_FOUND)
        return fail_at(c, "staff.role", S("role"), "no such role");
    TRY(err);
    return below_check(c, row.permissions);
}

/* ---- list ------------------------------------------------------------------------------------ */

struct route_name {
    struct str name;
};
struct right_item {
    struct str name, title_zh, title_en;
    struct list routes;
};
struct role_list_out {
    struct list items, rights;
};
static const struct field role_item[] = {
    OUT(struct q_role_all_row, name),
    OUT(struct q_role_all_row, title),
    OUT(struct q_role_all_row, permissions, .about = "blank-separated; * is all"),
    OUT(struct q_role_all_row, scope, .one_of = SCOPES, .about = "whose customers"),
    OUT(struct q_role_all_row, is_builtin),
    OUT(struct q_role_all_row, version_count),
    OUT(struct q_role_all_row, changed_ms),
    OUT(struct q_role_all_row, staff_count, .about = "active colleagues who have it"),
};
static const struct field route_name[] = {OUT(struct route_name, name)};
static const struct field right_item[] = {
    OUT(struct right_item, name),
    OUT(struct right_item, title_zh),
    OUT(struct right_item, title_en),
    OUT(struct right_item, routes, .of = SHAPE(route_name),
        .about = "that need it: method and path"),
};
static const struct field role_list_out[] = {
    OUT(struct role_list_out, items, .of = SHAPE_OF("role_item", role_item, struct q_role_all_row)),
    OUT(struct role_list_out, rights, .of = SHAPE(right_item), .about = "every right there is"),
};

static struct list routes_of(struct ctx *c, const char *right)
{
    struct list list = {0};
    int64_t cap = 0;

    for (const struct route *const *table = app_config(c->app)->routes; *table; table++)
        for (const struct route *route = *table; route->path; route++)
            if (strcmp(route->permission, right) == 0) {
                struct route_name *item =
                    list_add(c->arena, &list, &cap, sizeof(struct route_name));
                item->name = str_fmt(c->arena, "%s %s", route->method == HTTP_GET ? "GET" : "POST",
                                     route->path);
            }
    return list;
}

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct role_list_out *out = out_;
    int64_t cap = 0;

    (void)in;
    for (const struct right *right = rights; right->name; right++) {
        struct right_item *item = list_add(c->arena, &out->rights, &cap, sizeof(struct right_item));
        *item = (struct right_item){str_of(right->name), str_of(right->title_zh),
                                    str_of(right->title_en), routes_of(c, right->name)};
    }
    return q_role_all(c, &out->items);
}

/* ---- a new one ------------------------------------------------------------------------------- */

struct role_add_in {
    struct str name, title, permissions, scope;
};
static const struct field role_add_in[] = {
    IN(struct role_add_in, name, .min = 1, .max = ROLE_NAME_MAX,
       .about = "small letters, digits and _; never changes"),
    IN(struct role_add_in, title, .min = 1, .max = ROLE_TITLE_MAX),
    IN(struct role_add_in, permissions, .max = PERMISSIONS_MAX, .about = "blank-separated"),
    IN(struct role_add_in, scope, .one_of = SCOPES),
};

static bool name_is_good(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char at = name.at[i];
        if (!(at >= 'a' && at <= 'z') && (i == 0 || (at != '_' && !(at >= '0' && at <= '9'))))
            return false;
    }
    return name.len > 0;
}

static enum err title_trim(struct ctx *c, struct str *title)
{
    *title = str_trim(*title);
    if (title->len == 0)
        return fail_at(c, "role.title", S("title"), "a title is needed");
    return OK;
}

static void said(struct ctx *c, struct str name, struct str permissions, struct str scope)
{
    audit_about(c, "role", NONE);
    audit_detail(c, str_fmt(c->arena,
                            "{\"name\":\"%.*s\",\"permissions\":\"%.*s\",\"scope\":\"%.*s\"}",
                            STR(name), STR(permissions), STR(scope)));
    c->topics |= LIVE_STAFF;
}

static enum err add_run(struct ctx *c, const void *in_, void *out)
{
    const struct role_add_in *in = in_;
    struct q_role_insert_in row = {.name = in->name, .title = in->title, .scope = in->scope};
    struct q_role_room_row room;
    int64_t changed_count;

    (void)out;
    if (!name_is_good(in->name))
        return fail_at(c, "role.name", S("name"), "a name has small letters, digits and _");
    TRY(title_trim(c, &row.title));
    TRY(right_list_normal(c, in->permissions, &row.permissions));
    TRY(below_check(c, row.permissions));
    TRY(q_role_room(c, &room));
    if (room.role_count >= ROLE_MAX)
        return fail(c, E_CONFLICT, "role.too_many", "there are %d roles already", ROLE_MAX);
    TRY(q_role_insert(c, &row, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "role.exists", "a role has this name already");
    said(c, row.name, row.permissions, row.scope);
    return OK;
}

/* ---- changing -------------------------------------------------------------------------------- */

struct role_edit_in {
    struct str name, title, permissions, scope;
    int64_t version_count;
};
static const struct field role_edit_in[] = {
    IN(struct role_edit_in, name, .min = 1, .max = ROLE_NAME_MAX),
    IN(struct role_edit_in, version_count, .min = 1, .max = INT64_MAX, .about = "as it was read"),
    IN(struct role_edit_in, title, .is_optional = true, .min = 1, .max = ROLE_TITLE_MAX),
    IN(struct role_edit_in, permissions, .is_optional = true, .max = PERMISSIONS_MAX),
    IN(struct role_edit_in, scope, .is_optional = true, .one_of = SCOPES),
};

/* Who edits the own role keeps what is needed to edit it back. */
static enum err own_check(struct ctx *c, const struct q_role_change_in *change)
{
    struct q_role_mine_row mine;

    if (c->me_staff_id == NONE)
        return OK;
    TRY(q_role_mine(c, c->me_staff_id, &mine));
    if (!str_eq(mine.role, change->name))
        return OK;
    if (right_list_has(change->permissions, "role.write") && str_is(change->scope, "all"))
        return OK;
    return fail(c, E_CONFLICT, "role.own", "with this you would shut yourself out");
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct role_edit_in *in = in_;
    struct q_role_change_in change = {.name = in->name, .version_count = in->version_count};
    struct q_role_get_row row;
    int64_t changed_count;

    (void)out;
    TRY(role_read(c, in->name, &row));
    if (str_is(in->name, "admin"))
        return fail(c, E_FORBIDDEN, "role.admin", "admin stays as it is");
    TRY(below_check(c, row.permissions));
    change.title = in->title.at ? in->title : row.title;
    change.scope = in->scope.at ? in->scope : row.scope;
    change.permissions = row.permissions;
    TRY(title_trim(c, &change.title));
    if (in->permissions.at)
        TRY(right_list_normal(c, in->permissions, &change.permissions));
    TRY(below_check(c, change.permissions));
    TRY(own_check(c, &change));
    TRY(q_role_change(c, &change, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "role.changed", "the role was changed meanwhile; look again");
    said(c, change.name, change.permissions, change.scope);
    return OK;
}

/* ---- taking away ----------------------------------------------------------------------------- */

struct role_name_in {
    struct str name;
};
static const struct field role_name_in[] = {
    IN(struct role_name_in, name, .min = 1, .max = ROLE_NAME_MAX)};

static enum err delete_run(struct ctx *c, const void *in_, void *out)
{
    const struct role_name_in *in = in_;
    struct q_role_is_builtin_row builtin;
    struct q_role_get_row row;
    int64_t changed_count;

    (void)out;
    TRY(role_read(c, in->name, &row));
    TRY(q_role_is_builtin(c, in->name, &builtin));
    if (builtin.is_builtin)
        return fail(c, E_FORBIDDEN, "role.builtin", "a role that Papilio brings stays");
    TRY(below_check(c, row.permissions));
    TRY(q_role_drop(c, in->name, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "role.in_use", "colleagues have this role");
    said(c, in->name, S(""), row.scope);
    return OK;
}

const struct route role_routes[] = {
    {HTTP_GET, "/api/roles", "staff.read", NULL, SHAPE(role_list_out), list_run,
     .about = "Roles, and every right with the routes that need it"},
    {HTTP_POST, "/api/roles", "role.write", SHAPE(role_add_in), NULL, add_run,
     .about = "A new role", .needs_all = true, .needs_session = true},
    {HTTP_POST, "/api/roles/{name}/edit", "role.write", SHAPE(role_edit_in), NULL, edit_run,
     .about = "Title, rights and reach of a role", .needs_all = true, .needs_session = true},
    {HTTP_POST, "/api/roles/{name}/delete", "role.write", SHAPE(role_name_in), NULL, delete_run,
     .about = "Takes an own role away that nobody has", .needs_all = true, .needs_session = true},
    {.path = NULL},
};
