/* Set-up: the first start prints a link with a one-time token; who follows it becomes the first
 * admin and fixes zone and currency. Always: only while nobody is there; a token works once and for
 * 24 hours; only its hash is kept. */
#include "gen/staff.q.h"
#include "kit/audit.h"
#include "manage/setting/setting.h"
#include "manage/staff/staff_private.h"

struct setup_look_in {
    struct str token;
};
struct setup_look_out {
    bool is_open, is_valid;
};
static const struct field setup_look_in[] = {
    IN(struct setup_look_in, token, .is_optional = true, .max = 100),
};
static const struct field setup_look_out[] = {
    OUT(struct setup_look_out, is_open, .about = "nobody is there yet"),
    OUT(struct setup_look_out, is_valid, .about = "the token would be taken"),
};

static enum err peer_check(struct ctx *c)
{
    struct throttle limit = {str_fmt(c->arena, "setup %.*s", STR(c->peer)), 30, 60000,
                             "setup.too_often"};

    return throttle_take(c, &limit);
}

static enum err look_run(struct ctx *c, const void *in_, void *out_)
{
    const struct setup_look_in *in = in_;
    struct setup_look_out *out = out_;
    struct q_staff_count_row staff;
    struct q_setup_link_find_row link;
    enum err err;

    TRY(q_staff_count(c, &staff));
    out->is_open = staff.staff_count == 0;
    if (!out->is_open || in->token.at == NULL)
        return OK;
    TRY(peer_check(c));
    err = q_setup_link_find(c, staff_token_hash(c, in->token), &link);
    out->is_valid = err == OK;
    return err == E_NOT_FOUND ? OK : err;
}

struct setup_in {
    struct str token, login, name, password, brand_name, zone, currency;
};
static const struct field setup_in[] = {
    IN(struct setup_in, token, .min = 1, .max = 100),
    IN(struct setup_in, login, .min = 1, .max = LOGIN_MAX),
    IN(struct setup_in, name, .min = 1, .max = NAME_MAX_CHARS),
    IN(struct setup_in, password, .min = PASSWORD_MIN, .max = PASSWORD_MAX),
    IN(struct setup_in, brand_name, .min = 1, .max = 60),
    IN(struct setup_in, zone, .min = 1, .max = 60, .about = "IANA name, as Asia/Shanghai"),
    IN(struct setup_in, currency, .min = 3, .max = 3, .about = "ISO 4217, as CNY"),
};
static const struct field staff_csrf_out[] = {OUT(struct staff_csrf_out, csrf_token)};
const struct shape staff_csrf_shape = {"staff_csrf_out", staff_csrf_out, ARRAY_LEN(staff_csrf_out),
                                       sizeof(struct staff_csrf_out)};

/* On a worker: the slow hash, and only for a token that would be taken. */
static enum err setup_prepare(struct ctx *c, const void *in_, void *out)
{
    const struct setup_in *in = in_;
    struct q_setup_link_find_row link;
    struct str *hash = arena_new_one(c->arena, struct str);
    enum err err;

    (void)out;
    TRY(peer_check(c));
    err = q_setup_link_find(c, staff_token_hash(c, in->token), &link);
    if (err == E_NOT_FOUND)
        return fail(c, E_FORBIDDEN, "setup.link",
                    "this link is not valid any more; restart Papilio for a new one");
    TRY(err);
    *hash = password_hash(c->arena, in->password);
    c->prepared = hash;
    return OK;
}

static enum err setup_run(struct ctx *c, const void *in_, void *out_)
{
    const struct setup_in *in = in_;
    struct staff_csrf_out *out = out_;
    struct staff_setup setup = {.login = in->login,
                                .name = in->name,
                                .hash = *(const struct str *)c->prepared,
                                .brand_name = in->brand_name,
                                .zone = in->zone,
                                .currency = in->currency};
    int64_t changed_count, staff_id;

    TRY(q_setup_link_take(c, staff_token_hash(c, in->token), &changed_count));
    if (changed_count == 0)
        return fail(c, E_FORBIDDEN, "setup.link", "this link was used meanwhile");
    TRY(q_setup_link_clear(c));
    TRY(staff_setup_run(c, &setup, &staff_id));
    audit_about(c, "staff", staff_id);
    return session_begin(c, staff_id, &out->csrf_token);
}

const struct route setup_routes[] = {
    {HTTP_GET, "/api/setup", "public", SHAPE(setup_look_in), SHAPE(setup_look_out), look_run,
     .about = "Is set-up open, and is this link's token valid"},
    {HTTP_POST, "/api/setup", "public", SHAPE(setup_in), &staff_csrf_shape, setup_run,
     .about = "The first admin, the brand, its zone and currency", .prepare = setup_prepare,
     .repeat = REPEAT_KEY_IGNORED, .statement_max = 13},
    {.path = NULL},
};
