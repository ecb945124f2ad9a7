/* The organisation (组织架构): the company, regions, dealers, stores, departments as a tree.
 * Always: path is the parent's path and the own id, at most eight levels, and nothing lies below
 * itself; a code is unique and never changes, because files name it; who works somewhere works
 * somewhere that is open. */
#include "base/utf8.h"
#include "gen/org.q.h"
#include "kit/audit.h"
#include "manage/staff/staff_private.h"

#define ORG_KINDS "company|region|dealer|store|department"
#define ORG_MAX 5000
#define ORG_DEPTH_MAX 8
#define ORG_CODE_MAX 40
#define ORG_NAME_MAX 60

/* ---- finding --------------------------------------------------------------------------------- */

static enum err org_read(struct ctx *c, int64_t org_id, struct q_org_get_row *row)
{
    enum err err = q_org_get(c, org_id, row);

    if (err == E_NOT_FOUND)
        return fail(c, E_NOT_FOUND, "org.unknown", "nothing in the organisation has this id");
    return err;
}

enum err org_check_open(struct ctx *c, int64_t org_id)
{
    struct q_org_get_row row;
    enum err err;

    if (org_id == NONE)
        return OK;
    err = q_org_get(c, org_id, &row);
    if (err == E_NOT_FOUND || (err == OK && !row.is_active))
        return fail_at(c, "org.unknown", S("org_id"), "no such place in the organisation");
    return err;
}

enum err org_find(struct ctx *c, struct str code, int64_t *org_id)
{
    struct q_org_by_code_row row;
    enum err err;

    *org_id = NONE;
    if (code.at == NULL)
        return OK;
    err = q_org_by_code(c, code, &row);
    if (err == E_NOT_FOUND)
        return fail_at(c, "org.unknown", S("org"), "nothing in the organisation has the code %.*s",
                       STR(code));
    *org_id = row.id;
    return err;
}

static struct str path_end(struct ctx *c, struct str path)
{
    return str_fmt(c->arena, "%.*s0", (int)path.len - 1, path.at); /* '0' comes behind '/' */
}

enum err org_branch(struct ctx *c, int64_t org_id, struct str *path, struct str *end)
{
    struct q_org_get_row row;

    TRY(org_read(c, org_id, &row));
    *path = row.path;
    *end = path_end(c, row.path);
    return OK;
}

static int64_t path_depth(struct str path)
{
    int64_t depth = -1;

    for (size_t i = 0; i < path.len; i++)
        depth += path.at[i] == '/';
    return depth;
}

static enum err parent_path(struct ctx *c, int64_t parent_id, int64_t depth_below, struct str *path)
{
    struct q_org_get_row row;

    *path = S("/");
    if (parent_id == NONE)
        return OK;
    TRY(org_check_open(c, parent_id));
    TRY(org_read(c, parent_id, &row));
    *path = row.path;
    if (path_depth(*path) + depth_below > ORG_DEPTH_MAX)
        return fail(c, E_CONFLICT, "org.depth", "the tree has at most %d levels", ORG_DEPTH_MAX);
    return OK;
}

/* ---- the tree -------------------------------------------------------------------------------- */

struct org_list_out {
    struct list items;
};
static const struct field org_item[] = {
    OUT(struct q_org_all_row, id),
    OUT(struct q_org_all_row, parent_id, .is_optional = true),
    OUT(struct q_org_all_row, kind, .one_of = ORG_KINDS),
    OUT(struct q_org_all_row, code),
    OUT(struct q_org_all_row, name),
    OUT(struct q_org_all_row, is_active),
    OUT(struct q_org_all_row, staff_count, .about = "active, here and not below"),
    OUT(struct q_org_all_row, customer_count, .about = "here and not below"),
};
static const struct field org_list_out[] = {
    OUT(struct org_list_out, items, .of = SHAPE_OF("org_item", org_item, struct q_org_all_row),
        .max = ORG_MAX)};

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct org_list_out *out = out_;

    (void)in;
    return q_org_all(c, &out->items);
}

/* ---- a new one ------------------------------------------------------------------------------- */

struct org_add_in {
    struct str code, name, kind;
    int64_t parent_id;
};
struct org_add_out {
    int64_t id;
};
static const struct field org_add_in[] = {
    IN(struct org_add_in, code, .min = 1, .max = ORG_CODE_MAX,
       .about = "how files name it; never changes"),
    IN(struct org_add_in, name, .min = 1, .max = ORG_NAME_MAX),
    IN(struct org_add_in, kind, .one_of = ORG_KINDS),
    IN(struct org_add_in, parent_id, .is_optional = true, .about = "none: a root"),
};
static const struct field org_add_out[] = {OUT(struct org_add_out, id)};

static enum err text_trim(struct ctx *c, struct str text, const char *field, struct str *out)
{
    *out = str_trim(text);
    if (out->len == 0)
        return fail_at(c, "org.text", str_of(field), "this is blank");
    return OK;
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct org_add_in *in = in_;
    struct org_add_out *out = out_;
    struct q_org_insert_in row = {.id = ctx_id(c), .parent_id = in->parent_id, .kind = in->kind};
    struct q_org_room_row room;
    struct str above;
    int64_t changed_count;

    TRY(text_trim(c, in->code, "code", &row.code));
    TRY(text_trim(c, in->name, "name", &row.name));
    TRY(q_org_room(c, &room));
    if (room.org_count >= ORG_MAX)
        return fail(c, E_CONFLICT, "org.too_many", "the organisation has %d parts already",
                    ORG_MAX);
    TRY(parent_path(c, in->parent_id, 1, &above));
    row.path = str_fmt(c->arena, "%.*s%" PRId64 "/", STR(above), row.id);
    TRY(q_org_insert(c, &row, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "org.exists", "something has the code %.*s already",
                    STR(row.code));
    out->id = row.id;
    audit_about(c, "org", row.id);
    c->topics |= LIVE_STAFF;
    return OK;
}

/* ---- changing and moving --------------------------------------------------------------------- */

struct org_edit_in {
    int64_t org_id, parent_id;
    struct str name, kind;
    bool is_active, has_active, is_root;
};
static const struct field org_edit_in[] = {
    IN(struct org_edit_in, org_id),
    IN(struct org_edit_in, name, .is_optional = true, .min = 1, .max = ORG_NAME_MAX),
    IN(struct org_edit_in, kind, .is_optional = true, .one_of = ORG_KINDS),
    IN(struct org_edit_in, parent_id, .is_optional = true,
       .about = "moves the whole branch under it"),
    IN(struct org_edit_in, is_root, .is_optional = true, .about = "moves the branch to the top"),
    IN(struct org_edit_in, is_active, .is_optional = true,
       .given = offsetof(struct org_edit_in, has_active)),
};

static enum err close_check(struct ctx *c, int64_t org_id)
{
    struct q_org_in_use_row use;

    TRY(q_org_in_use(c, org_id, &use));
    if (use.staff_count + use.org_count == 0)
        return OK;
    return fail(c, E_CONFLICT, "org.in_use",
                "%" PRId64 " colleagues work here and %" PRId64 " parts below are open",
                use.staff_count, use.org_count);
}

static enum err move_check(struct ctx *c, struct str path, int64_t parent_id, struct str *above)
{
    struct q_org_depth_top_row top;

    TRY(q_org_depth_top(c, path, path_end(c, path), &top));
    TRY(parent_path(c, parent_id, top.slash_count - path_depth(path), above));
    if (str_starts(*above, path))
        return fail(c, E_CONFLICT, "org.cycle", "nothing can lie below itself");
    return OK;
}

/* The branch with its paths goes under the new parent, in one statement. */
static enum err branch_move(struct ctx *c, struct str path, struct str above, int64_t org_id)
{
    struct str new_path = str_fmt(c->arena, "%.*s%" PRId64 "/", STR(above), org_id);
    int64_t changed_count;

    if (str_eq(new_path, path))
        return OK;
    TRY(q_org_branch_move(c, new_path, path, path_end(c, path), &changed_count));
    must(changed_count >= 1);
    return OK;
}

static enum err change_fill(struct ctx *c, const struct org_edit_in *in,
                            const struct q_org_get_row *row, struct q_org_change_in *change)
{
    bool is_moved = in->is_root || in->parent_id != NONE;

    *change = (struct q_org_change_in){.org_id = in->org_id,
                                       .path = row->path,
                                       .name = row->name,
                                       .kind = in->kind.at ? in->kind : row->kind,
                                       .is_active = in->has_active ? in->is_active : row->is_active,
                                       .parent_id = is_moved ? in->parent_id : row->parent_id};
    if (in->name.at)
        TRY(text_trim(c, in->name, "name", &change->name));
    if (row->is_active && !change->is_active)
        TRY(close_check(c, in->org_id));
    if (!row->is_active && change->is_active)
        TRY(org_check_open(c, change->parent_id));
    return OK;
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct org_edit_in *in = in_;
    bool is_moved = in->is_root || in->parent_id != NONE;
    struct q_org_change_in change;
    struct q_org_get_row row;
    struct str above;
    int64_t changed_count;

    (void)out;
    if (in->is_root && in->parent_id != NONE)
        return fail_at(c, "org.parent", S("is_root"), "either a parent or the top");
    TRY(org_read(c, in->org_id, &row));
    TRY(change_fill(c, in, &row, &change));
    if (is_moved)
        TRY(move_check(c, row.path, in->parent_id, &above));
    TRY(q_org_change(c, &change, &changed_count));
    must(changed_count == 1);
    audit_detail(c, str_fmt(c->arena, "{\"is_moved\":%s,\"is_active\":%s}",
                            is_moved ? "true" : "false", change.is_active ? "true" : "false"));
    c->topics |= LIVE_STAFF;
    return is_moved ? branch_move(c, row.path, above, in->org_id) : OK;
}

const struct route org_routes[] = {
    {HTTP_GET, "/api/orgs", "staff.read", NULL, SHAPE(org_list_out), list_run,
     .about = "The organisation, parents before what lies below them", .needs_all = true},
    {HTTP_POST, "/api/orgs", "staff.write", SHAPE(org_add_in), SHAPE(org_add_out), add_run,
     .about = "A new part of the organisation", .needs_all = true},
    {HTTP_POST, "/api/orgs/{org_id}/edit", "staff.write", SHAPE(org_edit_in), NULL, edit_run,
     .about = "Rename, close or move a part with all below it", .needs_all = true},
    {.path = NULL},
};
