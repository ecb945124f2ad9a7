/* Sessions (登录设备): where a colleague is signed in, and ending that. Always: one sees and ends
 * the own ones; those of others only who may touch their account. What ends takes its open event
 * streams along; those of that person's other sessions come back by themselves. */
#include "gen/session_list.q.h"
#include "kit/audit.h"
#include "manage/staff/staff_private.h"

#define LIST_MAX 200

static const struct field session_item[] = {
    OUT(struct q_session_list_row, id, .is_optional = true),
    OUT(struct q_session_list_row, agent, .is_optional = true,
        .about = "the browser, as it names itself"),
    OUT(struct q_session_list_row, peer, .is_optional = true),
    OUT(struct q_session_list_row, created_ms),
    OUT(struct q_session_list_row, seen_ms, .is_optional = true, .about = "to the minute"),
    OUT(struct q_session_list_row, expires_ms),
    OUT(struct q_session_list_row, is_current, .about = "the one that asks"),
};
struct session_list_out {
    struct list items;
};
static const struct field session_list_out[] = {
    OUT(struct session_list_out, items,
        .of = SHAPE_OF("session_item", session_item, struct q_session_list_row), .max = LIST_MAX),
};

/* Of the session that asks; of nothing for a key or the command line. */
static struct str current_hash(struct ctx *c)
{
    return staff_token_hash(c, c->session_now.at ? c->session_now : S(""));
}

/* ---- mine ------------------------------------------------------------------------------------ */

static enum err mine_run(struct ctx *c, const void *in, void *out_)
{
    struct session_list_out *out = out_;

    (void)in;
    return q_session_list(c, current_hash(c), c->me_staff_id, &out->items);
}

struct my_session_in {
    int64_t session_id;
};
static const struct field my_session_in[] = {IN(struct my_session_in, session_id)};

static enum err session_drop(struct ctx *c, int64_t session_id, int64_t staff_id)
{
    int64_t changed_count;

    TRY(q_session_drop(c, session_id, staff_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_NOT_FOUND, "session.unknown", "no such session; it may be over");
    c->ended_staff_id = staff_id;
    audit_about(c, "staff", staff_id);
    return OK;
}

static enum err my_revoke_run(struct ctx *c, const void *in_, void *out)
{
    const struct my_session_in *in = in_;

    (void)out;
    return session_drop(c, in->session_id, c->me_staff_id);
}

struct ended_out {
    int64_t ended_count;
};
static const struct field ended_out[] = {OUT(struct ended_out, ended_count)};

static enum err my_others_run(struct ctx *c, const void *in, void *out_)
{
    struct ended_out *out = out_;

    (void)in;
    c->ended_staff_id = c->me_staff_id;
    audit_about(c, "staff", c->me_staff_id);
    return q_session_drop_others(c, c->me_staff_id, current_hash(c), &out->ended_count);
}

/* ---- a colleague's --------------------------------------------------------------------------- */

struct staff_sessions_in {
    int64_t staff_id;
};
static const struct field staff_sessions_in[] = {IN(struct staff_sessions_in, staff_id)};

static enum err theirs_run(struct ctx *c, const void *in_, void *out_)
{
    const struct staff_sessions_in *in = in_;
    struct session_list_out *out = out_;

    TRY(staff_check_below(c, in->staff_id));
    return q_session_list(c, current_hash(c), in->staff_id, &out->items);
}

static enum err their_others_run(struct ctx *c, const void *in_, void *out_)
{
    const struct staff_sessions_in *in = in_;
    struct ended_out *out = out_;

    TRY(staff_check_below(c, in->staff_id));
    c->ended_staff_id = in->staff_id;
    return q_session_drop_others(c, in->staff_id, current_hash(c), &out->ended_count);
}

struct staff_session_in {
    int64_t staff_id, session_id;
};
static const struct field staff_session_in[] = {
    IN(struct staff_session_in, staff_id),
    IN(struct staff_session_in, session_id),
};

static enum err their_revoke_run(struct ctx *c, const void *in_, void *out)
{
    const struct staff_session_in *in = in_;

    (void)out;
    TRY(staff_check_below(c, in->staff_id));
    return session_drop(c, in->session_id, in->staff_id);
}

const struct route session_routes[] = {
    {HTTP_GET, "/api/me/sessions", "me", NULL, SHAPE(session_list_out), mine_run,
     .about = "Where I am signed in", .needs_session = true},
    {HTTP_POST, "/api/me/sessions/{session_id}/revoke", "me", SHAPE(my_session_in), NULL,
     my_revoke_run, .about = "Ends one of my sessions", .needs_session = true},
    {HTTP_POST, "/api/me/sessions/revoke_others", "me", NULL, SHAPE(ended_out), my_others_run,
     .about = "Ends all my sessions but this", .needs_session = true},
    {HTTP_GET, "/api/staff/{staff_id}/sessions", "staff.write", SHAPE(staff_sessions_in),
     SHAPE(session_list_out), theirs_run, .about = "Where a colleague is signed in",
     .needs_all = true, .needs_session = true},
    {HTTP_POST, "/api/staff/{staff_id}/sessions/{session_id}/revoke", "staff.write",
     SHAPE(staff_session_in), NULL, their_revoke_run, .about = "Ends a session of a colleague",
     .needs_all = true, .needs_session = true},
    {HTTP_POST, "/api/staff/{staff_id}/sessions/revoke_all", "staff.write",
     SHAPE(staff_sessions_in), SHAPE(ended_out), their_others_run,
     .about = "Ends all sessions of a colleague, but for the one that asks", .needs_all = true,
     .needs_session = true},
    {.path = NULL},
};
