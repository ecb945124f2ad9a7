/* Keys of other programs (接口密钥). Always: shown once, kept as a hash; a key acts for its owner
 * with those of its rights that the owner still has, reaches what the owner reaches, ends, and
 * never gets to passwords, second factors, sessions, keys or roles (.needs_session of those
 * routes). */
#include "gen/api_key.q.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "manage/staff/staff_private.h"

#define LIST_MAX 100
#define KEY_MAX 50 /* a person */
#define DAYS_MAX 730
#define HINT_CHARS 8

/* ---- list ------------------------------------------------------------------------------------ */

struct key_list_in {
    int64_t limit_count;
    struct str cursor;
};
static const struct field key_list_in[] = {
    FIELD_LIMIT(struct key_list_in, limit_count, LIST_MAX),
    IN(struct key_list_in, cursor, .is_optional = true, .max = 60),
};
static const struct field key_item[] = {
    OUT(struct q_api_key_list_row, id),
    OUT(struct q_api_key_list_row, hint, .about = "its first characters"),
    OUT(struct q_api_key_list_row, name),
    OUT(struct q_api_key_list_row, permissions, .about = "blank-separated"),
    OUT(struct q_api_key_list_row, staff_id, .about = "for whom it acts"),
    OUT(struct q_api_key_list_row, staff_name),
    OUT(struct q_api_key_list_row, created_ms),
    OUT(struct q_api_key_list_row, expires_ms, .is_optional = true),
    OUT(struct q_api_key_list_row, used_ms, .is_optional = true, .about = "to the minute"),
    OUT(struct q_api_key_list_row, revoked_ms, .is_optional = true),
};
struct key_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field key_list_out[] = {
    OUT(struct key_list_out, items, .of = SHAPE_OF("key_item", key_item, struct q_api_key_list_row),
        .max = LIST_MAX),
    OUT(struct key_list_out, next_cursor, .is_optional = true),
};

/* Keys of others are for those who look after accounts. */
static bool sees_all(const struct ctx *c)
{
    return ctx_may(c, "staff.write") && c->me_reach_number == REACH_ALL;
}

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct key_list_in *in = in_;
    struct key_list_out *out = out_;
    int64_t limit = in->limit_count == NONE ? LIST_MAX : in->limit_count;
    const struct q_api_key_list_row *rows;
    struct cursor cursor;

    TRY(cursor_read(c, in->cursor, &cursor));
    TRY(q_api_key_list(c, cursor.id, sees_all(c) ? NONE : c->me_staff_id, limit + 1, &out->items));
    if (out->items.count <= limit)
        return OK;
    out->items.count = limit;
    rows = out->items.at;
    out->next_cursor = cursor_write(c, (struct cursor){0, rows[limit - 1].id});
    return OK;
}

/* ---- a new one ------------------------------------------------------------------------------- */

struct key_add_in {
    struct str name, permissions;
    int64_t expires_days;
};
struct key_add_out {
    int64_t id, expires_ms;
    struct str key, hint;
};
static const struct field key_add_in[] = {
    IN(struct key_add_in, name, .min = 1, .max = 60),
    IN(struct key_add_in, permissions, .min = 1, .max = PERMISSIONS_MAX,
       .about = "blank-separated; none that you do not have"),
    IN(struct key_add_in, expires_days, .min = 1, .max = DAYS_MAX),
};
static const struct field key_add_out[] = {
    OUT(struct key_add_out, id),
    OUT(struct key_add_out, key, .about = "for the header Authorization: Bearer; shown once"),
    OUT(struct key_add_out, hint),
    OUT(struct key_add_out, expires_ms),
};

static enum err add_check(struct ctx *c, const struct key_add_in *in, struct str *permissions)
{
    struct q_api_key_room_row room;

    if (c->me_staff_id == NONE)
        return fail(c, E_FORBIDDEN, "key.nobody", "a key acts for somebody: sign in");
    if (str_trim(in->name).len == 0)
        return fail_at(c, "key.name", S("name"), "a name is needed");
    TRY(right_list_normal(c, in->permissions, permissions));
    if (permissions->len == 0)
        return fail_at(c, "key.rights", S("permissions"), "a key needs a right");
    if (!ctx_may_all(c, *permissions))
        return fail(c, E_FORBIDDEN, "key.beyond", "a key has no right that you do not have");
    TRY(q_api_key_room(c, c->me_staff_id, &room));
    if (room.key_count >= KEY_MAX)
        return fail(c, E_CONFLICT, "key.too_many", "you have %d keys already", KEY_MAX);
    return OK;
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct key_add_in *in = in_;
    struct key_add_out *out = out_;
    struct q_api_key_add_in row = {.id = ctx_id(c),
                                   .name = str_trim(in->name),
                                   .staff_id = c->me_staff_id,
                                   .expires_ms = c->now_ms + in->expires_days * DAY_MS};

    TRY(add_check(c, in, &row.permissions));
    out->key = str_fmt(c->arena, "pap_%.*s", STR(token_new(c->arena, 32)));
    row.key_hash = staff_token_hash(c, out->key);
    row.hint = str_sub(out->key, 0, HINT_CHARS);
    TRY(q_api_key_add(c, &row));
    out->id = row.id;
    out->hint = row.hint;
    out->expires_ms = row.expires_ms;
    audit_about(c, "api_key", row.id);
    audit_detail(c, str_fmt(c->arena, "{\"permissions\":\"%.*s\",\"expires_ms\":%" PRId64 "}",
                            STR(row.permissions), row.expires_ms));
    return OK;
}

/* ---- the end of one -------------------------------------------------------------------------- */

struct key_revoke_in {
    int64_t key_id;
};
static const struct field key_revoke_in[] = {IN(struct key_revoke_in, key_id)};

static enum err key_unknown(struct ctx *c)
{
    return fail(c, E_NOT_FOUND, "key.unknown", "no such key");
}

static enum err revoke_run(struct ctx *c, const void *in_, void *out)
{
    const struct key_revoke_in *in = in_;
    struct q_api_key_get_row row;
    int64_t changed_count;
    enum err err = q_api_key_get(c, in->key_id, &row);

    (void)out;
    if (err == E_NOT_FOUND)
        return key_unknown(c);
    TRY(err);
    if (row.staff_id != c->me_staff_id && !sees_all(c))
        return key_unknown(c);
    if (row.staff_id != c->me_staff_id)
        TRY(staff_check_below(c, row.staff_id));
    TRY(q_api_key_revoke(c, in->key_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "key.revoked", "this key was revoked already");
    c->ended_staff_id = row.staff_id;
    audit_about(c, "api_key", in->key_id);
    return OK;
}

const struct route api_key_routes[] = {
    {HTTP_GET, "/api/keys", "key.write", SHAPE(key_list_in), SHAPE(key_list_out), list_run,
     .about = "Keys of other programs: my own, or all for who looks after accounts",
     .needs_session = true},
    {HTTP_POST, "/api/keys", "key.write", SHAPE(key_add_in), SHAPE(key_add_out), add_run,
     .about = "A new key that acts for me", .repeat = REPEAT_KEY_IGNORED, .needs_session = true},
    {HTTP_POST, "/api/keys/{key_id}/revoke", "key.write", SHAPE(key_revoke_in), NULL, revoke_run,
     .about = "Ends a key at once", .needs_session = true},
    {.path = NULL},
};
