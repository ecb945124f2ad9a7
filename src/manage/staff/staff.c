/* Staff: adding people and passwords, from the web's set-up and from the command line. Always: a
 * login is lower case and unique; a password is kept as argon2id only; a change of it ends all
 * sessions of its owner. */
#include "manage/staff/staff.h"

#include "base/utf8.h"
#include "gen/staff.q.h"
#include "kit/journal.h"
#include "manage/setting/setting.h"
#include "manage/staff/staff_private.h"

#define SETUP_LINK_MS (24 * INT64_C(3600000))

bool staff_password_is_good(struct str password)
{
    size_t length = utf8_count(password);

    return length >= PASSWORD_MIN && length <= PASSWORD_MAX;
}

static bool is_login_char(char at)
{
    return (at >= 'a' && at <= 'z') || (at >= '0' && at <= '9') || at == '.' || at == '_' ||
           at == '-' || at == '@';
}

enum err staff_login_normal(struct ctx *c, struct str login, struct str *out)
{
    *out = str_lower(c->arena, str_trim(login));
    if (out->len == 0 || out->len > LOGIN_MAX)
        return fail_at(c, "staff.login", S("login"), "a login has 1 to %d characters", LOGIN_MAX);
    for (size_t i = 0; i < out->len; i++)
        if (!is_login_char(out->at[i]))
            return fail_at(c, "staff.login", S("login"),
                           "a login has letters, digits and . _ - @ only");
    return OK;
}

struct str staff_token_hash(struct ctx *c, struct str token)
{
    uint8_t *hash = arena_alloc(c->arena, HASH_BYTES);

    hash_sha256(token, hash);
    return (struct str){(const char *)hash, HASH_BYTES};
}

static enum err role_check(struct ctx *c, struct str role)
{
    struct q_role_get_row row;
    enum err err = q_role_get(c, role, &row);

    if (err == E_NOT_FOUND)
        return fail_at(c, "staff.role", S("role"), "no such role: %.*s", STR(role));
    return err;
}

static enum err added_emit(struct ctx *c, int64_t staff_id)
{
    struct event event;

    event_init(&event, c, "staff_added");
    event.subject_id = staff_id;
    return journal_emit(c, &event, 1);
}

enum err staff_add_at(struct ctx *c, const struct staff_new *n, int64_t org_id, int64_t *staff_id)
{
    struct q_staff_add_in row = {.id = ctx_id(c),
                                 .name = str_trim(n->name),
                                 .role = n->role,
                                 .password = n->hash,
                                 .org_id = org_id};
    int64_t changed_count;

    TRY(staff_login_normal(c, n->login, &row.login));
    if (row.name.len == 0 || utf8_count(row.name) > NAME_MAX_CHARS)
        return fail_at(c, "staff.name", S("name"), "a name has 1 to %d characters", NAME_MAX_CHARS);
    TRY(role_check(c, n->role));
    TRY(q_staff_add(c, &row, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "staff.exists", "somebody has this login already");
    *staff_id = row.id;
    return added_emit(c, row.id);
}

enum err staff_add(struct ctx *c, const struct staff_new *n, int64_t *staff_id)
{
    int64_t org_id;

    TRY(org_find(c, n->org_code, &org_id));
    return staff_add_at(c, n, org_id, staff_id);
}

enum err staff_password_set(struct ctx *c, struct str login, struct str hash)
{
    struct q_staff_by_login_row row;
    int64_t changed_count;
    enum err err;

    TRY(staff_login_normal(c, login, &login));
    err = q_staff_by_login(c, login, &row);
    if (err == E_NOT_FOUND)
        return fail(c, E_NOT_FOUND, "staff.unknown", "nobody has the login %.*s", STR(login));
    TRY(err);
    TRY(q_staff_password_replace(c, hash, row.id, &changed_count));
    must(changed_count == 1);
    return session_end_all(c, row.id);
}

enum err staff_setup_token(struct ctx *c, struct str *token)
{
    struct q_staff_count_row row;

    *token = (struct str){0};
    TRY(q_staff_count(c, &row));
    if (row.staff_count > 0)
        return OK;
    *token = token_new(c->arena, 32);
    TRY(q_setup_link_clear(c));
    return q_setup_link_add(c, staff_token_hash(c, *token), c->now_ms + SETUP_LINK_MS);
}

enum err staff_setup_run(struct ctx *c, const struct staff_setup *s, int64_t *staff_id)
{
    struct q_staff_add_first_in row = {.id = ctx_id(c), .name = s->name, .password = s->hash};
    int64_t changed_count;

    TRY(staff_login_normal(c, s->login, &row.login));
    TRY(q_staff_add_first(c, &row, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "setup.done", "this Papilio is set up already");
    TRY(added_emit(c, row.id));
    *staff_id = row.id;
    return setting_setup_write(c, &(struct setting_setup){s->brand_name, s->zone, s->currency});
}
