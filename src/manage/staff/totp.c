/* The second factor (两步验证): one-time codes after RFC 6238 (SHA-1, 30 seconds, six digits, one
 * step to either side). Always: the secret is sealed; a step works once and never an earlier one;
 * ten recovery codes are kept as hashes and work once each; tries are counted a minute and person.
 */
#include "gen/totp.q.h"
#include "manage/staff/staff_private.h"

#define SECRET_BYTES 20
#define STEP_MS 30000
#define STEP_WINDOW 1
#define CODE_DIGITS 6
#define RECOVERY_COUNT 10
#define RECOVERY_BYTES 10
#define TRIES_MAX 10

/* ---- codes ----------------------------------------------------------------------------------- */

int64_t totp_code(struct str secret, int64_t step_number)
{
    uint8_t counter[8], mac[HASH_SHA1_BYTES];
    uint32_t cut;
    size_t at;

    for (size_t i = 0; i < sizeof(counter); i++)
        counter[i] = (uint8_t)((uint64_t)step_number >> (56 - 8 * i));
    hash_sha1_keyed(secret, (struct str){(const char *)counter, sizeof(counter)}, mac);
    at = mac[HASH_SHA1_BYTES - 1] & 15;
    cut = (uint32_t)(mac[at] & 127) << 24 | (uint32_t)mac[at + 1] << 16 |
          (uint32_t)mac[at + 2] << 8 | mac[at + 3];
    return cut % 1000000;
}

/* RFC 4648, without padding. */
static struct str base32(struct arena *arena, const uint8_t *bytes, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char *text = arena_alloc(arena, (len * 8 + 4) / 5 + 1);
    uint32_t bits = 0;
    size_t out = 0;
    int count = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 5; count -= 5)
            text[out++] = letters[bits >> (count - 5) & 31];
    }
    if (count > 0)
        text[out++] = letters[bits << (5 - count) & 31];
    return (struct str){text, out};
}

/* As people type it: without blanks and dashes, in capitals. */
static struct str code_normal(struct ctx *c, struct str code)
{
    char *at = arena_alloc(c->arena, code.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < code.len; i++) {
        char ch = code.at[i];
        if (ch == ' ' || ch == '-')
            continue;
        at[len++] = (char)(ch >= 'a' && ch <= 'z' ? ch - 'a' + 'A' : ch);
    }
    return (struct str){at, len};
}

static struct str recovery_hash(struct ctx *c, int64_t staff_id, struct str code)
{
    return staff_token_hash(c, str_fmt(c->arena, "recovery:%" PRId64 ":%.*s", staff_id, STR(code)));
}

/* The step around now whose code this is, behind last_step_number; NONE: none. */
static int64_t step_find(struct ctx *c, struct str secret, struct str code,
                         int64_t last_step_number)
{
    int64_t now = c->now_ms / STEP_MS;

    for (int64_t step = now - STEP_WINDOW; step <= now + STEP_WINDOW; step++) {
        struct str wanted = str_fmt(c->arena, "%0*" PRId64, CODE_DIGITS, totp_code(secret, step));
        if (bytes_equal_slow(code, wanted) && (last_step_number == NONE || step > last_step_number))
            return step;
    }
    return NONE;
}

static enum err code_wrong(struct ctx *c)
{
    return fail(c, E_SIGN_IN, "login.code", "this code is wrong, over, or was used");
}

static enum err tries_check(struct ctx *c, int64_t staff_id)
{
    return staff_tries_take(c, str_fmt(c->arena, "totp %" PRId64, staff_id), TRIES_MAX);
}

enum err totp_take(struct ctx *c, int64_t staff_id, struct str code)
{
    struct q_totp_get_row row = {0};
    int64_t step, changed_count;
    struct str secret;

    TRY(tries_check(c, staff_id));
    TRY(q_totp_get(c, staff_id, &row));
    TRY(ctx_unseal(c, row.totp_enc, "staff", staff_id, &secret));
    code = code_normal(c, code);
    step = step_find(c, secret, code, row.totp_step_number);
    if (step != NONE)
        TRY(q_totp_step_take(c, step, staff_id, &changed_count));
    else
        TRY(q_recovery_code_take(c, staff_id, recovery_hash(c, staff_id, code), &changed_count));
    return changed_count == 1 ? OK : code_wrong(c);
}

/* ---- my second factor ------------------------------------------------------------------------ */

struct totp_out {
    bool is_on;
    int64_t recovery_left_count;
};
static const struct field totp_out[] = {
    OUT(struct totp_out, is_on),
    OUT(struct totp_out, recovery_left_count),
};

/* Over the local socket nobody is there to have one. */
static enum err mine_read(struct ctx *c, struct q_totp_get_row *row)
{
    if (c->me_staff_id == NONE)
        return fail(c, E_FORBIDDEN, "password.nobody", "only for somebody signed in");
    return q_totp_get(c, c->me_staff_id, row);
}

static enum err look_run(struct ctx *c, const void *in, void *out_)
{
    struct totp_out *out = out_;
    struct q_recovery_code_left_row left;
    struct q_totp_get_row row = {0};

    (void)in;
    TRY(mine_read(c, &row));
    TRY(q_recovery_code_left(c, c->me_staff_id, &left));
    *out = (struct totp_out){row.totp_step_number != NONE, left.left_count};
    return OK;
}

struct totp_begin_in {
    struct str password;
};
struct totp_begin_out {
    struct str secret, uri;
};
static const struct field totp_begin_in[] = {
    IN(struct totp_begin_in, password, .min = 1, .max = PASSWORD_MAX),
};
static const struct field totp_begin_out[] = {
    OUT(struct totp_begin_out, secret, .about = "base32, to type in"),
    OUT(struct totp_begin_out, uri, .about = "otpauth, to show as a picture"),
};

static enum err begin_prepare(struct ctx *c, const void *in_, void *out)
{
    const struct totp_begin_in *in = in_;

    (void)out;
    return staff_password_check(c, in->password, "password");
}

static enum err begin_run(struct ctx *c, const void *in, void *out_)
{
    struct totp_begin_out *out = out_;
    uint8_t *bytes = arena_alloc(c->arena, SECRET_BYTES);
    struct str secret = {(const char *)bytes, SECRET_BYTES};
    struct q_totp_get_row row = {0};
    int64_t changed_count;

    (void)in;
    TRY(mine_read(c, &row));
    random_bytes(bytes, SECRET_BYTES);
    TRY(q_totp_begin(c, ctx_seal(c, secret, "staff", c->me_staff_id), c->me_staff_id,
                     &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "totp.on", "there is a second factor already");
    out->secret = base32(c->arena, bytes, SECRET_BYTES);
    out->uri = str_fmt(c->arena, "otpauth://totp/Papilio:%.*s?secret=%.*s&issuer=Papilio",
                       STR(row.login), STR(out->secret));
    return OK;
}

/* ---- the first code turns it on -------------------------------------------------------------- */

struct totp_code_in {
    struct str code;
};
struct recovery_code {
    struct str code;
};
struct totp_confirm_out {
    struct list recovery_codes;
};
static const struct field totp_code_in[] = {
    IN(struct totp_code_in, code, .min = 1, .max = TOTP_CODE_MAX),
};
static const struct field recovery_code[] = {OUT(struct recovery_code, code)};
static const struct field totp_confirm_out[] = {
    OUT(struct totp_confirm_out, recovery_codes, .of = SHAPE(recovery_code),
        .about = "each signs in once in place of a code; shown once"),
};

/* "ABCD-EFGH-IJKL-MNOP" */
static struct str grouped(struct ctx *c, struct str code)
{
    return str_fmt(c->arena, "%.4s-%.4s-%.4s-%.4s", code.at, code.at + 4, code.at + 8,
                   code.at + 12);
}

static enum err recovery_make(struct ctx *c, struct list *codes)
{
    struct q_recovery_code_add_in *rows =
        arena_new_array(c->arena, struct q_recovery_code_add_in, RECOVERY_COUNT);
    struct recovery_code *shown = arena_new_array(c->arena, struct recovery_code, RECOVERY_COUNT);

    for (size_t i = 0; i < RECOVERY_COUNT; i++) {
        uint8_t bytes[RECOVERY_BYTES];
        struct str code;
        random_bytes(bytes, sizeof(bytes));
        code = base32(c->arena, bytes, sizeof(bytes));
        shown[i].code = grouped(c, code);
        rows[i] =
            (struct q_recovery_code_add_in){c->me_staff_id, recovery_hash(c, c->me_staff_id, code)};
    }
    *codes = (struct list){shown, RECOVERY_COUNT};
    TRY(q_recovery_code_drop(c, c->me_staff_id));
    return q_recovery_code_add(c, rows, RECOVERY_COUNT, NULL);
}

static enum err confirm_run(struct ctx *c, const void *in_, void *out_)
{
    const struct totp_code_in *in = in_;
    struct totp_confirm_out *out = out_;
    struct q_totp_get_row row = {0};
    int64_t step, changed_count;
    struct str secret;

    TRY(mine_read(c, &row));
    TRY(tries_check(c, c->me_staff_id));
    if (row.totp_enc.at == NULL || row.totp_step_number != NONE)
        return fail(c, E_CONFLICT, "totp.begin", "begin first");
    TRY(ctx_unseal(c, row.totp_enc, "staff", c->me_staff_id, &secret));
    step = step_find(c, secret, code_normal(c, in->code), NONE);
    if (step == NONE)
        return fail_at(c, "totp.code", S("code"), "this is not the code of now");
    TRY(q_totp_confirm(c, step, c->me_staff_id, &changed_count));
    must(changed_count == 1);
    c->topics |= LIVE_STAFF;
    return recovery_make(c, &out->recovery_codes);
}

/* ---- off ------------------------------------------------------------------------------------- */

struct totp_off_in {
    struct str password, code;
};
static const struct field totp_off_in[] = {
    IN(struct totp_off_in, password, .min = 1, .max = PASSWORD_MAX),
    IN(struct totp_off_in, code, .min = 1, .max = TOTP_CODE_MAX,
       .about = "of now, or a recovery code"),
};

static enum err off_prepare(struct ctx *c, const void *in_, void *out)
{
    const struct totp_off_in *in = in_;

    (void)out;
    return staff_password_check(c, in->password, "password");
}

static enum err off_run(struct ctx *c, const void *in_, void *out)
{
    const struct totp_off_in *in = in_;
    struct q_totp_get_row row = {0};
    int64_t changed_count;
    enum err err;

    (void)out;
    TRY(mine_read(c, &row));
    if (row.totp_step_number == NONE)
        return fail(c, E_CONFLICT, "totp.off", "there is no second factor");
    err = totp_take(c, c->me_staff_id, in->code);
    if (err == E_SIGN_IN)
        return fail_at(c, "totp.code", S("code"), "this code is wrong, over, or was used");
    TRY(err);
    TRY(q_totp_off(c, c->me_staff_id, &changed_count));
    must(changed_count == 1);
    c->topics |= LIVE_STAFF;
    return q_recovery_code_drop(c, c->me_staff_id);
}

const struct route totp_routes[] = {
    {HTTP_GET, "/api/me/totp", "me", NULL, SHAPE(totp_out), look_run,
     .about = "Have I a second factor", .needs_session = true},
    {HTTP_POST, "/api/me/totp/begin", "me", SHAPE(totp_begin_in), SHAPE(totp_begin_out), begin_run,
     .about = "A new secret; the first code of it turns the second factor on",
     .prepare = begin_prepare, .repeat = REPEAT_KEY_IGNORED, .needs_session = true},
    {HTTP_POST, "/api/me/totp/confirm", "me", SHAPE(totp_code_in), SHAPE(totp_confirm_out),
     confirm_run, .about = "Turns the second factor on", .repeat = REPEAT_KEY_IGNORED,
     .needs_session = true},
    {HTTP_POST, "/api/me/totp/off", "me", SHAPE(totp_off_in), NULL, off_run,
     .about = "Turns the second factor off", .prepare = off_prepare, .repeat = REPEAT_KEY_IGNORED,
     .needs_session = true},
    {.path = NULL},
};
