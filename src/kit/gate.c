/* The gate: who asks, and may they. Everything stands in the route's row and the role's row. */
#include "gen/kit.q.h"
#include "kit/kit_private.h"

static enum err key_check(struct call *call)
{
    struct q_write_key_find_row row;
    enum err err;

    if (call->write_key.at == NULL)
        return OK;
    err = q_write_key_find(&call->ctx, call->write_key, &row);
    if (err == E_NOT_FOUND)
        return fail(&call->ctx, E_SIGN_IN, "gate.write_key", "this write key is not known");
    TRY(err);
    call->who.has_key = true;
    return OK;
}

static enum err session_check(struct call *call)
{
    enum err err;

    if (call->cookie.at == NULL)
        return OK;
    err = session_find(&call->ctx, call->cookie, &call->who);
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    call->ctx.me_staff_id = call->who.staff_id;
    call->ctx.session_now = call->cookie;
    return OK;
}

static enum err bearer_check(struct call *call)
{
    enum err err = session_find_key(&call->ctx, call->bearer, &call->who);

    if (err == E_NOT_FOUND)
        return fail(&call->ctx, E_SIGN_IN, "gate.api_key",
                    "this key is not known, over, or revoked");
    TRY(err);
    call->ctx.me_staff_id = call->who.staff_id;
    call->ctx.me_api_key_id = call->who.api_key_id;
    return OK;
}

static bool is_change(const struct call *call)
{
    return call->method != HTTP_GET && call->method != HTTP_HEAD;
}

/* A page of another site can send a form with our cookie, but not this header. */
static enum err csrf_check(struct call *call)
{
    if (!is_change(call) || call->who.staff_id == NONE || call->who.has_key ||
        call->who.api_key_id != NONE)
        return OK;
    if (call->csrf.at && bytes_equal_slow(call->csrf, call->who.csrf))
        return OK;
    return fail(&call->ctx, E_FORBIDDEN, "gate.csrf",
                "the header X-CSRF-Token is missing or of another session");
}

static enum err reach_check(struct call *call)
{
    if (!call->route->needs_all || call->ctx.me_reach_number == REACH_ALL)
        return OK;
    return fail(&call->ctx, E_FORBIDDEN, "gate.scope",
                "your role reaches only some customers, and this is about all");
}

static enum err permission_check(struct call *call)
{
    const char *permission = call->route->permission;

    if (call->is_local)
        return OK;
    if (call->route->needs_session && call->who.api_key_id != NONE)
        return fail(&call->ctx, E_FORBIDDEN, "gate.session", "not with a key: sign in for this");
    if (strcmp(permission, "public") == 0)
        return OK;
    if (strcmp(permission, "write_key") == 0 && call->who.has_key)
        return OK;
    if (strcmp(permission, "local") == 0)
        return fail(&call->ctx, E_FORBIDDEN, "gate.local", "only on this machine's socket");
    if (call->who.staff_id == NONE)
        return fail(&call->ctx, E_SIGN_IN, "gate.sign_in", "sign in first");
    if (strcmp(permission, "me") == 0 || strcmp(permission, "write_key") == 0)
        return OK;
    if (ctx_may(&call->ctx, permission))
        return reach_check(call);
    return fail(&call->ctx, E_FORBIDDEN, "gate.permission", "your role lacks the right %s",
                permission);
}

enum err gate_pass(struct call *call)
{
    call->who =
        (struct principal){.staff_id = NONE, .api_key_id = NONE, .is_local = call->is_local};
    call->ctx.me_reach_number = call->is_local ? REACH_ALL : REACH_OWN;
    call->ctx.me_permissions = call->is_local ? S("*") : (struct str){0};
    if (!call->is_local && strcmp(call->route->permission, "write_key") == 0)
        TRY(key_check(call));
    if (!call->is_local && !call->who.has_key)
        TRY(call->bearer.at ? bearer_check(call) : session_check(call));
    TRY(permission_check(call));
    return csrf_check(call);
}
