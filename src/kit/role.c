/* Rights and reach of the one who asks, from the role's row. Always: a right that is not in the row
 * is not there; without a store of one's own, "store" reaches no further than "own". */
#include "gen/kit.q.h"
#include "kit/kit_private.h"

/* Does the blank-separated list hold the word, or "*"? */
static bool list_has(struct str rest, struct str word)
{
    struct str head;
    bool is_more;

    do {
        is_more = str_cut(rest, ' ', &head, &rest);
        if (str_is(head, "*") || str_eq(head, word))
            return true;
    } while (is_more);
    return false;
}

bool ctx_may(const struct ctx *c, const char *permission)
{
    return list_has(c->me_permissions, str_of(permission));
}

bool ctx_may_all(const struct ctx *c, struct str permissions)
{
    struct str head;
    bool is_more;

    do {
        is_more = str_cut(permissions, ' ', &head, &permissions);
        if (head.len > 0 && !list_has(c->me_permissions, head))
            return false;
    } while (is_more);
    return true;
}

void ctx_rights(struct ctx *c, struct str permissions, struct str scope, struct str org_path)
{
    c->me_permissions = permissions;
    c->me_org_path = org_path;
    /* ids are decimal: '0' follows '/' */
    c->me_org_path_end = org_path.at
                             ? str_fmt(c->arena, "%.*s0", (int)org_path.len - 1, org_path.at)
                             : (struct str){0};
    c->me_reach_number = str_is(scope, "all")                    ? REACH_ALL
                         : str_is(scope, "store") && org_path.at ? REACH_STORE
                                                                 : REACH_OWN;
}

enum err ctx_become(struct ctx *c, int64_t staff_id)
{
    struct q_staff_rights_row row;
    enum err err = q_staff_rights(c, staff_id, &row);

    if (err == E_NOT_FOUND)
        return fail(c, E_FORBIDDEN, "staff.gone", "the colleague who began this may not any more");
    TRY(err);
    c->me_staff_id = staff_id;
    ctx_rights(c, row.permissions, row.scope, row.org_path);
    return OK;
}

enum err role_begin(struct ctx *c)
{
    int64_t changed_count;

    for (const struct role *role = c->app->config.roles; role && role->name; role++)
        TRY(q_role_begin(c,
                         &(struct q_role_begin_in){str_of(role->name), str_of(role->title),
                                                   str_of(role->permissions), str_of(role->scope)},
                         &changed_count));
    return OK;
}
