/* Sessions: a random token in the cookie, its hash in the table, a CSRF token beside it. */
#include "kit/session.h"

#include "gen/kit.q.h"
#include "kit/kit_private.h"

#define SESSION_MS (30 * DAY_MS)

static struct str token_hash(struct ctx *c, struct str token)
{
    uint8_t *hash = arena_alloc(c->arena, HASH_BYTES);

    hash_sha256(token, hash);
    return (struct str){(const char *)hash, HASH_BYTES};
}

enum err session_begin(struct ctx *c, int64_t staff_id, struct str *csrf)
{
    struct q_session_add_in row = {.staff_id = staff_id, .expires_ms = c->now_ms + SESSION_MS};

    c->session_token = token_new(c->arena, 32);
    *csrf = token_new(c->arena, 24);
    row.token_hash = token_hash(c, c->session_token);
    row.csrf = *csrf;
    return q_session_add(c, &row);
}

enum err session_end(struct ctx *c)
{
    c->is_session_over = true;
    c->ended_staff_id = c->me_staff_id;
    if (c->session_now.at == NULL)
        return OK;
    return q_session_delete(c, token_hash(c, c->session_now));
}

enum err session_end_all(struct ctx *c, int64_t staff_id)
{
    c->ended_staff_id = staff_id;
    return q_session_delete_of_staff(c, staff_id);
}

enum err session_find(struct ctx *c, struct str token, struct principal *who)
{
    struct q_session_get_row row;

    TRY(q_session_get(c, token_hash(c, token), &row));
    who->staff_id = row.staff_id;
    ctx_rights(c, row.permissions, row.scope, row.org_path);
    who->csrf = row.csrf;
    return OK;
}
