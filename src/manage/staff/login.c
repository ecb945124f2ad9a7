/* Signing in and out, and who I am. A wrong login costs the same time and gives the same answer as
 * a wrong password; both are throttled by login and peer, and by peer alone. */
#include "gen/staff.q.h"
#include "manage/setting/setting.h"
#include "manage/staff/staff_private.h"

#define MINUTE_MS 60000
#define LOGIN_TRIES_MAX 5
#define PEER_TRIES_MAX 30

/* What a worker verified: the writer looks whether it is still so. */
struct verified {
    int64_t staff_id;
    struct str old_hash, new_hash;
    bool has_totp;
};

/* ---- login ----------------------------------------------------------------------------------- */

struct login_in {
    struct str login, password, code;
};
static const struct field login_in[] = {
    IN(struct login_in, login, .min = 1, .max = LOGIN_MAX),
    IN(struct login_in, password, .min = 1, .max = PASSWORD_MAX),
    IN(struct login_in, code, .is_optional = true, .max = TOTP_CODE_MAX,
       .about = "of the second factor, where login.code_needed asks for it; or a recovery code"),
};

static struct str throttle_key(struct ctx *c, struct str login)
{
    return str_fmt(c->arena, "login %.*s %.*s", STR(login), STR(c->peer));
}

enum err staff_tries_take(struct ctx *c, struct str key, int max)
{
    struct throttle limit = {key, max, MINUTE_MS, "login.too_often"};

    return throttle_take(c, &limit);
}

static enum err login_wrong(struct ctx *c)
{
    return fail(c, E_SIGN_IN, "login.wrong", "login or password is wrong");
}

static enum err login_prepare(struct ctx *c, const void *in_, void *out)
{
    const struct login_in *in = in_;
    struct verified *verified = arena_new_one(c->arena, struct verified);
    struct str login = str_lower(c->arena, str_trim(in->login));
    struct q_staff_by_login_row row;
    enum err err;

    (void)out;
    TRY(staff_tries_take(c, throttle_key(c, S("")), PEER_TRIES_MAX));
    TRY(staff_tries_take(c, throttle_key(c, login), LOGIN_TRIES_MAX));
    err = q_staff_by_login(c, login, &row);
    if (err == E_NOT_FOUND || (err == OK && row.password.len == 0)) {
        password_hash(c->arena, in->password); /* the time a verification takes */
        return login_wrong(c);
    }
    TRY(err);
    if (!password_verify(c->arena, in->password, row.password) || !row.is_active)
        return login_wrong(c);
    if (row.totp_step_number != NONE && str_trim(in->code).len == 0)
        return fail(c, E_SIGN_IN, "login.code_needed", "the code of the second factor is needed");
    *verified = (struct verified){
        .staff_id = row.id, .old_hash = row.password, .has_totp = row.totp_step_number != NONE};
    c->prepared = verified;
    return OK;
}

static enum err login_run(struct ctx *c, const void *in_, void *out_)
{
    const struct login_in *in = in_;
    struct staff_csrf_out *out = out_;
    const struct verified *verified = c->prepared;
    struct q_staff_get_row row;
    enum err err = q_staff_get(c, verified->staff_id, &row);

    if (err == E_NOT_FOUND)
        return login_wrong(c);
    TRY(err);
    if (!row.is_active || !str_eq(row.password, verified->old_hash) ||
        row.has_totp != verified->has_totp)
        return login_wrong(c);
    if (row.has_totp)
        TRY(totp_take(c, verified->staff_id, in->code));
    TRY(session_begin(c, verified->staff_id, &out->csrf_token));
    throttle_forget(c, throttle_key(c, str_lower(c->arena, str_trim(in->login))));
    return OK;
}

static enum err logout_run(struct ctx *c, const void *in, void *out)
{
    (void)in;
    (void)out;
    return session_end(c);
}

/* ---- me -------------------------------------------------------------------------------------- */

struct me_out {
    int64_t staff_id;
    struct str login, name, role, permissions, scope, csrf_token, brand_name, zone, currency,
        version;
    int64_t minor_digits_count, now_ms;
    bool is_demo, has_totp;
};
static const struct field me_out[] = {
    OUT(struct me_out, staff_id, .is_optional = true),
    OUT(struct me_out, login),
    OUT(struct me_out, name),
    OUT(struct me_out, role),
    OUT(struct me_out, permissions, .about = "blank-separated; * is all"),
    OUT(struct me_out, scope, .one_of = "own|store|all", .about = "whose customers I see"),
    OUT(struct me_out, csrf_token, .about = "for the header X-CSRF-Token"),
    OUT(struct me_out, brand_name),
    OUT(struct me_out, zone),
    OUT(struct me_out, currency),
    {.name = "minor_digits",
     .type = F_INT,
     .offset = offsetof(struct me_out, minor_digits_count),
     .about = "digits of the currency's minor unit"},
    OUT(struct me_out, is_demo),
    OUT(struct me_out, has_totp, .about = "asked for a second factor"),
    OUT(struct me_out, version),
    OUT(struct me_out, now_ms),
};

static enum err me_brand(struct ctx *c, struct me_out *out)
{
    struct q_staff_is_demo_row demo;
    enum err err = q_staff_is_demo(c, &demo);

    if (err != OK && err != E_NOT_FOUND)
        return err;
    out->is_demo = err == OK && str_is(demo.value, "1");
    TRY(setting_text(c, "brand_name", &out->brand_name));
    TRY(setting_text(c, "zone", &out->zone));
    return setting_currency(c, &out->currency, &out->minor_digits_count);
}

static enum err me_run(struct ctx *c, const void *in, void *out_)
{
    struct me_out *out = out_;
    struct q_staff_get_row row;
    struct q_staff_session_csrf_row session;

    (void)in;
    out->version = S(PAPILIO_VERSION);
    out->now_ms = c->now_ms;
    out->scope = S("all");
    TRY(me_brand(c, out));
    if (c->me_staff_id == NONE) /* over the local socket */
        return OK;
    TRY(q_staff_get(c, c->me_staff_id, &row));
    if (c->session_now.at != NULL) {
        TRY(q_staff_session_csrf(c, staff_token_hash(c, c->session_now), &session));
        out->csrf_token = session.csrf;
    }
    out->staff_id = c->me_staff_id;
    out->login = row.login;
    out->name = row.name;
    out->role = row.role;
    out->has_totp = row.has_totp;
    out->permissions = c->me_permissions;
    out->scope = str_of(c->me_reach_number == REACH_ALL     ? "all"
                        : c->me_reach_number == REACH_STORE ? "store"
                                                            : "own");
    return OK;
}

/* ---- my password ----------------------------------------------------------------------------- */

struct password_in {
    struct str old_password, new_password;
};
static const struct field password_in[] = {
    IN(struct password_in, old_password, .min = 1, .max = PASSWORD_MAX),
    IN(struct password_in, new_password, .min = PASSWORD_MIN, .max = PASSWORD_MAX),
};

enum err staff_password_check(struct ctx *c, struct str password, const char *field)
{
    struct verified *verified = arena_new_one(c->arena, struct verified);
    struct q_staff_get_row row;

    if (c->me_staff_id == NONE)
        return fail(c, E_FORBIDDEN, "password.nobody", "only for somebody signed in");
    TRY(q_staff_get(c, c->me_staff_id, &row));
    TRY(staff_tries_take(c, throttle_key(c, row.login), LOGIN_TRIES_MAX));
    if (!password_verify(c->arena, password, row.password))
        return fail_at(c, "password.wrong", str_of(field), "the password is wrong");
    *verified = (struct verified){.staff_id = c->me_staff_id, .old_hash = row.password};
    c->prepared = verified;
    return OK;
}

static enum err password_prepare(struct ctx *c, const void *in_, void *out)
{
    const struct password_in *in = in_;
    struct verified *verified;

    (void)out;
    TRY(staff_password_check(c, in->old_password, "old_password"));
    verified = c->prepared;
    verified->new_hash = password_hash(c->arena, in->new_password);
    return OK;
}

static enum err password_run(struct ctx *c, const void *in, void *out_)
{
    struct staff_csrf_out *out = out_;
    const struct verified *verified = c->prepared;
    int64_t changed_count;

    (void)in;
    TRY(q_staff_password_change(c, verified->new_hash, verified->staff_id, verified->old_hash,
                                &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "password.changed", "the password was changed meanwhile");
    TRY(session_end_all(c, verified->staff_id));
    return session_begin(c, verified->staff_id, &out->csrf_token);
}

const struct route staff_routes[] = {
    {HTTP_POST, "/api/login", "public", SHAPE(login_in), &staff_csrf_shape, login_run,
     .about = "Sign in", .prepare = login_prepare, .repeat = REPEAT_KEY_IGNORED,
     .is_unaudited = true, .needs_session = true},
    {HTTP_POST, "/api/logout", "me", NULL, NULL, logout_run, .about = "Sign out",
     .repeat = REPEAT_KEY_IGNORED, .is_unaudited = true, .needs_session = true},
    {HTTP_GET, "/api/me", "me", NULL, SHAPE(me_out), me_run,
     .about = "Who I am and whose Papilio this is"},
    {HTTP_POST, "/api/me/password", "me", SHAPE(password_in), &staff_csrf_shape, password_run,
     .about = "Change my password; my other sessions end", .prepare = password_prepare,
     .repeat = REPEAT_KEY_IGNORED, .needs_session = true},
    {.path = NULL},
};
