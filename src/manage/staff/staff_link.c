/* One-time links with which a colleague sets the own password: an invitation, or after a loss.
 * Always: only the token's hash is kept, one link a person, once, for three days and for the role
 * it was made for; it sets a password and opens no session, so a second factor is still asked for.
 */
#include "gen/staff.q.h"
#include "gen/staff_admin.q.h"
#include "kit/audit.h"
#include "manage/staff/staff_private.h"

#define LINK_MS (3 * DAY_MS)
#define LINK_TRIES_MAX 30

enum err staff_link_make(struct ctx *c, int64_t staff_id, struct str *token, int64_t *expires_ms)
{
    *token = token_new(c->arena, 32);
    *expires_ms = c->now_ms + LINK_MS;
    TRY(q_staff_link_clear(c, staff_id));
    return q_staff_link_add(c, staff_token_hash(c, *token), staff_id, *expires_ms);
}

enum err staff_link_forget(struct ctx *c)
{
    int64_t changed_count;

    return q_staff_link_forget(c, &changed_count);
}

/* ---- made for a colleague -------------------------------------------------------------------- */

struct link_make_in {
    int64_t staff_id;
};
struct link_make_out {
    struct str link_token;
    int64_t expires_ms;
};
static const struct field link_make_in[] = {IN(struct link_make_in, staff_id)};
static const struct field link_make_out[] = {
    OUT(struct link_make_out, link_token, .about = "shown once"),
    OUT(struct link_make_out, expires_ms),
};

static enum err make_run(struct ctx *c, const void *in_, void *out_)
{
    const struct link_make_in *in = in_;
    struct link_make_out *out = out_;

    TRY(staff_check_other(c, in->staff_id));
    return staff_link_make(c, in->staff_id, &out->link_token, &out->expires_ms);
}

/* ---- followed -------------------------------------------------------------------------------- */

struct link_look_in {
    struct str token;
};
struct link_look_out {
    bool is_valid;
    struct str login, name;
};
static const struct field link_look_in[] = {
    IN(struct link_look_in, token, .min = 1, .max = 100),
};
static const struct field link_look_out[] = {
    OUT(struct link_look_out, is_valid),
    OUT(struct link_look_out, login, .is_optional = true),
    OUT(struct link_look_out, name, .is_optional = true),
};

static enum err tries_check(struct ctx *c)
{
    struct throttle limit = {str_fmt(c->arena, "link %.*s", STR(c->peer)), LINK_TRIES_MAX, 60000,
                             "link.too_often"};

    return throttle_take(c, &limit);
}

static enum err look_run(struct ctx *c, const void *in_, void *out_)
{
    const struct link_look_in *in = in_;
    struct link_look_out *out = out_;
    struct q_staff_link_find_row row;
    enum err err;

    TRY(tries_check(c));
    err = q_staff_link_find(c, staff_token_hash(c, in->token), &row);
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    *out = (struct link_look_out){true, row.login, row.name};
    return OK;
}

struct link_use_in {
    struct str token, password;
};
static const struct field link_use_in[] = {
    IN(struct link_use_in, token, .min = 1, .max = 100),
    IN(struct link_use_in, password, .min = PASSWORD_MIN, .max = PASSWORD_MAX),
};

static enum err link_read(struct ctx *c, struct str token, struct q_staff_link_find_row *row)
{
    enum err err = q_staff_link_find(c, staff_token_hash(c, token), row);

    if (err == E_NOT_FOUND)
        return fail(c, E_FORBIDDEN, "link.gone",
                    "this link is not valid any more; ask for another");
    return err;
}

static enum err use_prepare(struct ctx *c, const void *in_, void *out)
{
    const struct link_use_in *in = in_;
    struct str *hash = arena_new_one(c->arena, struct str);
    struct q_staff_link_find_row row;

    (void)out;
    TRY(tries_check(c));
    TRY(link_read(c, in->token, &row));
    *hash = password_hash(c->arena, in->password);
    c->prepared = hash;
    return OK;
}

static enum err use_run(struct ctx *c, const void *in_, void *out)
{
    const struct link_use_in *in = in_;
    struct q_staff_link_find_row row;
    int64_t changed_count;

    (void)out;
    TRY(link_read(c, in->token, &row));
    TRY(q_staff_link_take(c, staff_token_hash(c, in->token), &changed_count));
    must(changed_count == 1);
    TRY(q_staff_password_replace(c, *(const struct str *)c->prepared, row.staff_id,
                                 &changed_count));
    must(changed_count == 1);
    audit_about(c, "staff", row.staff_id);
    c->topics |= LIVE_STAFF;
    return session_end_all(c, row.staff_id);
}

const struct route staff_link_routes[] = {
    {HTTP_POST, "/api/staff/{staff_id}/password", "staff.write", SHAPE(link_make_in),
     SHAPE(link_make_out), make_run, .about = "A link with which a colleague sets a new password",
     .repeat = REPEAT_KEY_IGNORED, .needs_all = true, .needs_session = true},
    {HTTP_GET, "/api/link", "public", SHAPE(link_look_in), SHAPE(link_look_out), look_run,
     .about = "Would this link be taken, and for whom"},
    {HTTP_POST, "/api/link", "public", SHAPE(link_use_in), NULL, use_run,
     .about = "Sets the password of the one whom the link is for", .prepare = use_prepare,
     .repeat = REPEAT_KEY_IGNORED},
    {.path = NULL},
};
