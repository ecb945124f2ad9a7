/* Colleagues (员工) and their accounts, for those who look after them. Always: who touches an
 * account has every right that account has, and gives no role with a right one lacks; nobody
 * changes the own role or ends the own account; one active admin stays. */
#include "gen/staff_admin.q.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "manage/staff/staff_private.h"

#define LIST_MAX 100
#define LIST_USUAL 50
#define TEXT_MAX 60

/* ---- whose account one may touch ------------------------------------------------------------- */

static enum err colleague_read(struct ctx *c, int64_t staff_id, struct q_colleague_rights_row *row)
{
    enum err err = q_colleague_rights(c, staff_id, row);

    if (err == E_NOT_FOUND)
        return fail(c, E_NOT_FOUND, "staff.unknown", "no colleague has this id");
    TRY(err);
    if (ctx_may_all(c, row->permissions))
        return OK;
    return fail(c, E_FORBIDDEN, "staff.beyond", "this colleague has rights that you do not have");
}

enum err staff_check_below(struct ctx *c, int64_t staff_id)
{
    struct q_colleague_rights_row row;

    return colleague_read(c, staff_id, &row);
}

enum err staff_check_other(struct ctx *c, int64_t staff_id)
{
    if (staff_id == c->me_staff_id)
        return fail(c, E_FORBIDDEN, "staff.self",
                    "for the own account say the password: change it, or switch the factor off");
    return staff_check_below(c, staff_id);
}

/* ---- list ------------------------------------------------------------------------------------ */

struct staff_list_in {
    struct str search, role, cursor;
    int64_t org_id, limit_count;
    bool is_active, has_active;
};
static const struct field staff_list_in[] = {
    IN(struct staff_list_in, search, .is_optional = true, .max = TEXT_MAX,
       .about = "any part of name or login"),
    IN(struct staff_list_in, org_id, .is_optional = true, .about = "with all that lies below"),
    IN(struct staff_list_in, role, .is_optional = true, .max = 40),
    IN(struct staff_list_in, is_active, .is_optional = true,
       .given = offsetof(struct staff_list_in, has_active)),
    FIELD_LIMIT(struct staff_list_in, limit_count, LIST_MAX),
    IN(struct staff_list_in, cursor, .is_optional = true, .max = 60),
};
static const struct field staff_item[] = {
    OUT(struct q_colleague_list_row, id),
    OUT(struct q_colleague_list_row, login),
    OUT(struct q_colleague_list_row, name),
    OUT(struct q_colleague_list_row, role),
    OUT(struct q_colleague_list_row, role_title, .is_optional = true),
    OUT(struct q_colleague_list_row, org_id, .is_optional = true),
    OUT(struct q_colleague_list_row, org_name, .is_optional = true),
    OUT(struct q_colleague_list_row, is_active),
    OUT(struct q_colleague_list_row, has_totp, .about = "asked for a second factor"),
    OUT(struct q_colleague_list_row, has_password, .about = "false: invited only"),
    OUT(struct q_colleague_list_row, created_ms),
    OUT(struct q_colleague_list_row, seen_ms, .is_optional = true, .about = "to the minute"),
};
struct staff_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field staff_list_out[] = {
    OUT(struct staff_list_out, items,
        .of = SHAPE_OF("staff_item", staff_item, struct q_colleague_list_row), .max = LIST_MAX),
    OUT(struct staff_list_out, next_cursor, .is_optional = true),
};

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct staff_list_in *in = in_;
    struct staff_list_out *out = out_;
    int64_t limit = in->limit_count == NONE ? LIST_USUAL : in->limit_count;
    struct q_colleague_list_in ask = {.limit_count = limit + 1, .role = in->role};
    const struct q_colleague_list_row *rows;
    struct cursor cursor;

    TRY(cursor_read(c, in->cursor, &cursor));
    ask.before_id = cursor.id;
    ask.has_active = in->has_active;
    ask.is_active = in->is_active;
    if (in->org_id != NONE)
        TRY(org_branch(c, in->org_id, &ask.path, &ask.path_end));
    if (in->search.at != NULL && str_trim(in->search).len > 0) {
        ask.search = str_trim(in->search);
        ask.search_lower = str_lower(c->arena, ask.search);
    }
    TRY(q_colleague_list(c, &ask, &out->items));
    if (out->items.count <= limit)
        return OK;
    out->items.count = limit;
    rows = out->items.at;
    out->next_cursor = cursor_write(c, (struct cursor){0, rows[limit - 1].id});
    return OK;
}

/* ---- one ------------------------------------------------------------------------------------- */

struct staff_id_in {
    int64_t staff_id;
};
static const struct field staff_id_in[] = {IN(struct staff_id_in, staff_id)};
static const struct field staff_one[] = {
    OUT(struct q_colleague_get_row, id),
    OUT(struct q_colleague_get_row, login),
    OUT(struct q_colleague_get_row, name),
    OUT(struct q_colleague_get_row, role),
    OUT(struct q_colleague_get_row, role_title, .is_optional = true),
    OUT(struct q_colleague_get_row, permissions, .is_optional = true),
    OUT(struct q_colleague_get_row, org_id, .is_optional = true),
    OUT(struct q_colleague_get_row, org_name, .is_optional = true),
    OUT(struct q_colleague_get_row, is_active),
    OUT(struct q_colleague_get_row, has_totp),
    OUT(struct q_colleague_get_row, has_password),
    OUT(struct q_colleague_get_row, created_ms),
    OUT(struct q_colleague_get_row, seen_ms, .is_optional = true),
    OUT(struct q_colleague_get_row, customer_count, .about = "whose owner this colleague is"),
};

static enum err get_run(struct ctx *c, const void *in_, void *out)
{
    const struct staff_id_in *in = in_;
    enum err err = q_colleague_get(c, in->staff_id, out);

    if (err == E_NOT_FOUND)
        return fail(c, E_NOT_FOUND, "staff.unknown", "no colleague has this id");
    return err;
}

/* ---- a new one ------------------------------------------------------------------------------- */

struct staff_add_in {
    struct str login, name, role, password;
    int64_t org_id;
};
struct staff_add_out {
    int64_t id, expires_ms;
    struct str link_token;
};
static const struct field staff_add_in[] = {
    IN(struct staff_add_in, login, .min = 1, .max = LOGIN_MAX),
    IN(struct staff_add_in, name, .min = 1, .max = NAME_MAX_CHARS),
    IN(struct staff_add_in, role, .min = 1, .max = 40),
    IN(struct staff_add_in, org_id, .is_optional = true),
    IN(struct staff_add_in, password, .is_optional = true, .min = PASSWORD_MIN, .max = PASSWORD_MAX,
       .about = "none: the answer has a link"),
};
static const struct field staff_add_out[] = {
    OUT(struct staff_add_out, id),
    OUT(struct staff_add_out, link_token, .is_optional = true,
        .about = "of the link with which to set a password; shown once"),
    OUT(struct staff_add_out, expires_ms, .is_optional = true),
};

/* On a worker: the slow hash. */
static enum err add_prepare(struct ctx *c, const void *in_, void *out)
{
    const struct staff_add_in *in = in_;
    struct str *hash = arena_new_one(c->arena, struct str);

    (void)out;
    *hash = in->password.at ? password_hash(c->arena, in->password) : S("");
    c->prepared = hash;
    return OK;
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct staff_add_in *in = in_;
    struct staff_add_out *out = out_;
    struct staff_new n = {.login = in->login,
                          .name = in->name,
                          .role = in->role,
                          .hash = *(const struct str *)c->prepared};

    TRY(role_check_below(c, in->role));
    TRY(org_check_open(c, in->org_id));
    TRY(staff_add_at(c, &n, in->org_id, &out->id));
    audit_about(c, "staff", out->id);
    audit_detail(c, str_fmt(c->arena, "{\"role\":\"%.*s\"}", STR(in->role)));
    c->topics |= LIVE_STAFF;
    return in->password.at ? OK : staff_link_make(c, out->id, &out->link_token, &out->expires_ms);
}

/* ---- changing -------------------------------------------------------------------------------- */

struct staff_edit_in {
    int64_t staff_id, org_id;
    struct str name, role;
    bool is_active, has_active, is_without_org;
};
static const struct field staff_edit_in[] = {
    IN(struct staff_edit_in, staff_id),
    IN(struct staff_edit_in, name, .is_optional = true, .min = 1, .max = NAME_MAX_CHARS),
    IN(struct staff_edit_in, role, .is_optional = true, .min = 1, .max = 40),
    IN(struct staff_edit_in, org_id, .is_optional = true),
    IN(struct staff_edit_in, is_without_org, .is_optional = true,
       .about = "works nowhere any more"),
    IN(struct staff_edit_in, is_active, .is_optional = true,
       .given = offsetof(struct staff_edit_in, has_active),
       .about = "false ends the sessions and keys"),
};

static enum err change_fill(struct ctx *c, const struct staff_edit_in *in,
                            const struct q_colleague_rights_row *row,
                            struct q_colleague_change_in *change)
{
    *change = (struct q_colleague_change_in){
        .staff_id = in->staff_id,
        .name = in->name.at ? str_trim(in->name) : row->name,
        .role = in->role.at ? in->role : row->role,
        .org_id = in->org_id != NONE ? in->org_id : row->org_id,
        .is_active = in->has_active ? in->is_active : row->is_active};
    if (in->is_without_org)
        change->org_id = NONE;
    if (change->name.len == 0)
        return fail_at(c, "staff.name", S("name"), "a name has 1 to %d characters", NAME_MAX_CHARS);
    if (!str_eq(change->role, row->role))
        TRY(role_check_below(c, change->role));
    if (in->org_id != NONE || (change->is_active && !row->is_active))
        TRY(org_check_open(c, change->org_id));
    return OK;
}

static enum err self_check(struct ctx *c, const struct staff_edit_in *in,
                           const struct q_colleague_rights_row *row)
{
    bool is_same = (in->role.at == NULL || str_eq(in->role, row->role)) &&
                   (!in->has_active || in->is_active == row->is_active);

    if (in->staff_id != c->me_staff_id || is_same)
        return OK;
    return fail(c, E_FORBIDDEN, "staff.self",
                "nobody changes the own role or ends the own account");
}

static enum err account_end(struct ctx *c, int64_t staff_id)
{
    int64_t changed_count;

    TRY(session_end_all(c, staff_id));
    TRY(q_staff_link_clear(c, staff_id));
    return q_colleague_keys_revoke(c, staff_id, &changed_count);
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct staff_edit_in *in = in_;
    struct q_colleague_rights_row row;
    struct q_colleague_change_in change;
    int64_t changed_count;

    (void)out;
    TRY(colleague_read(c, in->staff_id, &row));
    TRY(self_check(c, in, &row));
    TRY(change_fill(c, in, &row, &change));
    TRY(q_colleague_change(c, &change, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "staff.last_admin", "the last active admin stays");
    audit_detail(c, str_fmt(c->arena, "{\"role\":\"%.*s\",\"was_role\":\"%.*s\",\"is_active\":%s}",
                            STR(change.role), STR(row.role), change.is_active ? "true" : "false"));
    c->topics |= LIVE_STAFF;
    /* whoever made a link of the old role could otherwise sign in with the new one's rights */
    if (!str_eq(change.role, row.role))
        TRY(q_staff_link_clear(c, in->staff_id));
    return row.is_active && !change.is_active ? account_end(c, in->staff_id) : OK;
}

/* ---- the second factor of somebody who lost it ----------------------------------------------- */

static enum err totp_reset_run(struct ctx *c, const void *in_, void *out)
{
    const struct staff_id_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(staff_check_other(c, in->staff_id));
    TRY(q_totp_clear(c, in->staff_id, &changed_count));
    c->topics |= LIVE_STAFF;
    return q_recovery_code_clear(c, in->staff_id);
}

const struct route staff_admin_routes[] = {
    {HTTP_GET, "/api/staff", "staff.read", SHAPE(staff_list_in), SHAPE(staff_list_out), list_run,
     .about = "Colleagues, the newest first", .needs_all = true},
    {HTTP_POST, "/api/staff", "staff.write", SHAPE(staff_add_in), SHAPE(staff_add_out), add_run,
     .about = "A new colleague, with a password or a link to set one", .prepare = add_prepare,
     .repeat = REPEAT_KEY_IGNORED, .needs_all = true, .needs_session = true, .statement_max = 12},
    {HTTP_GET, "/api/staff/{staff_id}", "staff.read", SHAPE(staff_id_in),
     SHAPE_OF("staff_one", staff_one, struct q_colleague_get_row), get_run,
     .about = "One colleague", .needs_all = true},
    {HTTP_POST, "/api/staff/{staff_id}/edit", "staff.write", SHAPE(staff_edit_in), NULL, edit_run,
     .about = "Name, role, place and whether the account is open", .needs_all = true,
     .statement_max = 10},
    {HTTP_POST, "/api/staff/{staff_id}/totp/reset", "staff.write", SHAPE(staff_id_in), NULL,
     totp_reset_run, .about = "Takes the second factor of a colleague away who lost it",
     .needs_all = true, .needs_session = true},
    {.path = NULL},
};
