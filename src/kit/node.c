/* Nodes and leases. Always: a base of SQLite has one node, 0, whose leases need no row; where
 * several work on one base, a lease is a guarded row written under the writer's lock. */
#include "kit/node.h"

#include "gen/node.q.h"
#include "kit/kit_private.h"

int64_t node_own(const struct app *app)
{
    return app->is_shared ? app->node_id : NONE;
}

enum err lease_take(struct ctx *c, const char *name, int64_t ms, bool *is_ours)
{
    int64_t changed_count = 1;

    *is_ours = true;
    if (c->app->is_shared)
        TRY(q_lease_take(c, str_of(name), c->app->node_id, c->now_ms + ms, &changed_count));
    *is_ours = changed_count > 0;
    return OK;
}

enum err lease_drop(struct ctx *c)
{
    return c->app->is_shared ? q_lease_drop(c, c->app->node_id) : OK;
}

enum err lease_was_ours(struct ctx *c, const char *name, bool *was_ours)
{
    struct q_lease_owner_row row = {0};
    enum err err = c->app->is_shared ? q_lease_owner(c, str_of(name), &row) : OK;

    *was_ours = err == OK && row.node_id == c->app->node_id; /* of SQLite: node 0 */
    return err == E_NOT_FOUND ? OK : err;
}
