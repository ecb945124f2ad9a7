/* Sessions: a random token in the cookie, its hash in the table, a CSRF token beside it. */
#include "kit/session.h"

#include "gen/kit.q.h"
#include "kit/kit_private.h"

#define SESSION_MS (30 * DAY_MS)
#define AGENT_MAX 300

static struct str token_hash(struct ctx *c, struct str token)
{
    uint8_t *hash = arena_alloc(c->arena, HASH_BYTES);

    hash_sha256(token, hash);
    return (struct str){(const char *)hash, HASH_BYTES};
}

enum err session_begin(struct ctx *c, int64_t staff_id, struct str *csrf)
{
    struct q_session_add_in row = {.staff_id = staff_id,
                                   .expires_ms = c->now_ms + SESSION_MS,
                                   .id = ctx_id(c),
                                   .agent = str_sub(c->agent, 0, AGENT_MAX),
                                   .peer = c->peer};

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
    seen_mark(c, &(struct seen_at){row.id, row.seen_ms, false});
    return OK;
}

/* Only what both have: the key's own words that its owner may still say. */
static struct str permissions_meet(struct ctx *c, struct str words)
{
    struct str kept = S(""), head;
    bool is_more;

    do {
        is_more = str_cut(words, ' ', &head, &words);
        if (head.len > 0 && ctx_may_all(c, head))
            kept = str_fmt(c->arena, "%.*s%s%.*s", STR(kept), kept.len ? " " : "", STR(head));
    } while (is_more);
    return kept;
}

enum err session_find_key(struct ctx *c, struct str key, struct principal *who)
{
    struct q_api_key_find_row row;

    TRY(q_api_key_find(c, token_hash(c, key), &row));
    who->staff_id = row.staff_id;
    who->api_key_id = row.id;
    ctx_rights(c, row.permissions, row.scope, row.org_path);
    c->me_permissions = permissions_meet(c, row.key_permissions);
    seen_mark(c, &(struct seen_at){row.id, row.used_ms, true});
    return OK;
}
