/* Channels: the tree of where customers come from. Always: path is the parent's path and the own
 * id, at most eight levels, and nothing is its own ancestor; a code is unique and never changes,
 * because files and links name it. */
#include "manage/channel/channel.h"

#include "base/utf8.h"
#include "gen/channel.q.h"
#include "kit/audit.h"
#include "kit/journal.h"
#include "manage/channel/channel_private.h"

/* ---- finding --------------------------------------------------------------------------------- */

enum err channel_find_batch(struct ctx *c, const struct str *codes, int64_t count,
                            int64_t *channel_ids)
{
    struct q_channel_by_code_in *keys =
        arena_new_array(c->arena, struct q_channel_by_code_in, (size_t)count + 1);
    struct q_channel_by_code_row *rows =
        arena_new_array(c->arena, struct q_channel_by_code_row, (size_t)count + 1);

    if (count == 0)
        return OK;
    for (int64_t i = 0; i < count; i++)
        keys[i].code = codes[i]; /* no value meets no row */
    TRY(q_channel_by_code(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++)
        channel_ids[i] = rows[i].id;
    return OK;
}

static enum err channel_read(struct ctx *c, int64_t channel_id, struct q_channel_get_row *row)
{
    enum err err = q_channel_get(c, channel_id, row);

    if (err == E_NOT_FOUND)
        return fail(c, E_NOT_FOUND, "channel.unknown", "no channel has the id %" PRId64,
                    channel_id);
    return err;
}

enum err channel_path(struct ctx *c, int64_t channel_id, struct str *path)
{
    struct q_channel_get_row row;

    TRY(channel_read(c, channel_id, &row));
    *path = row.path;
    return OK;
}

struct str channel_path_end(struct ctx *c, struct str path)
{
    must(path.len > 1);
    must(path.at[path.len - 1] == '/');
    return str_fmt(c->arena, "%.*s0", (int)path.len - 1, path.at); /* '0' comes behind '/' */
}

/* ---- a new one ------------------------------------------------------------------------------- */

static int64_t path_depth(struct str path)
{
    int64_t depth = -1;

    for (size_t i = 0; i < path.len; i++)
        depth += path.at[i] == '/';
    return depth;
}

static bool kind_is_known(struct str kind)
{
    struct str rest = S(CHANNEL_KINDS), head;
    bool is_more;

    do {
        is_more = str_cut(rest, '|', &head, &rest);
        if (str_eq(head, kind))
            return true;
    } while (is_more);
    return false;
}

static enum err new_check(struct ctx *c, const struct channel_new *n)
{
    struct q_channel_room_row room;

    if (n->code.len == 0 || utf8_count(n->code) > CHANNEL_CODE_MAX)
        return fail_at(c, "channel.code", S("code"), "a code has 1 to %d characters",
                       CHANNEL_CODE_MAX);
    if (n->name.len == 0 || utf8_count(n->name) > CHANNEL_NAME_MAX)
        return fail_at(c, "channel.name", S("name"), "a name has 1 to %d characters",
                       CHANNEL_NAME_MAX);
    if (!kind_is_known(n->kind))
        return fail_at(c, "channel.kind", S("kind"), "a kind is one of %s", CHANNEL_KINDS);
    TRY(q_channel_room(c, &room));
    if (room.channel_count >= CHANNEL_MAX)
        return fail(c, E_CONFLICT, "channel.too_many", "there are %d channels already",
                    CHANNEL_MAX);
    return OK;
}

static enum err parent_path(struct ctx *c, int64_t parent_id, int64_t depth_below, struct str *path)
{
    *path = S("/");
    if (parent_id == NONE)
        return OK;
    TRY(channel_path(c, parent_id, path));
    if (path_depth(*path) + depth_below > CHANNEL_DEPTH_MAX)
        return fail(c, E_CONFLICT, "channel.depth", "the tree has at most %d levels",
                    CHANNEL_DEPTH_MAX);
    return OK;
}

enum err channel_add(struct ctx *c, const struct channel_new *n, int64_t *channel_id)
{
    struct q_channel_insert_in row = {.id = ctx_id(c),
                                      .parent_id = n->parent_id,
                                      .code = str_trim(n->code),
                                      .name = str_trim(n->name),
                                      .kind = n->kind};
    struct channel_new trimmed = {row.code, row.name, n->kind, n->parent_id};
    struct event event;
    struct str path;
    int64_t changed_count;

    TRY(new_check(c, &trimmed));
    TRY(parent_path(c, n->parent_id, 1, &path));
    row.path = str_fmt(c->arena, "%.*s%" PRId64 "/", STR(path), row.id);
    TRY(q_channel_insert(c, &row, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "channel.exists", "a channel has the code %.*s already",
                    STR(row.code));
    *channel_id = row.id;
    c->topics |= LIVE_CHANNELS;
    event_init(&event, c, "channel_added");
    event.channel_id = row.id;
    event.subject_id = row.id;
    return journal_emit(c, &event, 1);
}

struct channel_add_in {
    struct str code, name, kind;
    int64_t parent_id;
};
struct channel_add_out {
    int64_t id;
};
static const struct field channel_add_in[] = {
    IN(struct channel_add_in, code, .min = 1, .max = CHANNEL_CODE_MAX,
       .about = "how files and links name it; never changes"),
    IN(struct channel_add_in, name, .min = 1, .max = CHANNEL_NAME_MAX),
    IN(struct channel_add_in, kind, .one_of = CHANNEL_KINDS),
    IN(struct channel_add_in, parent_id, .is_optional = true, .about = "none: a root"),
};
static const struct field channel_add_out[] = {OUT(struct channel_add_out, id)};

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct channel_add_in *in = in_;
    struct channel_add_out *out = out_;

    TRY(channel_add(c, &(struct channel_new){in->code, in->name, in->kind, in->parent_id},
                    &out->id));
    audit_about(c, "channel", out->id);
    return OK;
}

/* ---- changing and moving --------------------------------------------------------------------- */

struct channel_edit_in {
    int64_t channel_id, parent_id;
    struct str name;
    bool is_archived, has_archived, is_root;
};
static const struct field channel_edit_in[] = {
    IN(struct channel_edit_in, channel_id),
    IN(struct channel_edit_in, name, .is_optional = true, .min = 1, .max = CHANNEL_NAME_MAX),
    IN(struct channel_edit_in, parent_id, .is_optional = true,
       .about = "moves the whole branch under it"),
    IN(struct channel_edit_in, is_root, .is_optional = true,
       .about = "moves the branch to the top"),
    IN(struct channel_edit_in, is_archived, .is_optional = true,
       .given = offsetof(struct channel_edit_in, has_archived)),
};

/* The branch with its paths goes under the new parent, in one statement. */
static enum err branch_move(struct ctx *c, struct str path, struct str above, int64_t channel_id)
{
    struct str new_path = str_fmt(c->arena, "%.*s%" PRId64 "/", STR(above), channel_id);
    int64_t changed_count;

    if (str_eq(new_path, path))
        return OK;
    TRY(q_channel_branch_move(c, new_path, path, channel_path_end(c, path), &changed_count));
    must(changed_count >= 1);
    return OK;
}

static enum err move_check(struct ctx *c, struct str path, int64_t parent_id, struct str *above)
{
    struct q_channel_depth_top_row top;

    TRY(q_channel_depth_top(c, path, channel_path_end(c, path), &top));
    TRY(parent_path(c, parent_id, top.slash_count - path_depth(path), above));
    if (str_starts(*above, path))
        return fail(c, E_CONFLICT, "channel.cycle", "a channel cannot lie below itself");
    return OK;
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct channel_edit_in *in = in_;
    bool is_moved = in->is_root || in->parent_id != NONE;
    struct q_channel_change_in change = {.channel_id = in->channel_id};
    struct q_channel_get_row row;
    struct str above;
    int64_t changed_count;

    (void)out;
    if (in->is_root && in->parent_id != NONE)
        return fail_at(c, "channel.parent", S("is_root"), "either a parent or the top");
    TRY(channel_read(c, in->channel_id, &row));
    change.path = row.path;
    change.name = in->name.at ? in->name : row.name;
    change.is_archived = in->has_archived ? in->is_archived : row.is_archived;
    change.parent_id = is_moved ? in->parent_id : row.parent_id;
    if (is_moved)
        TRY(move_check(c, row.path, in->parent_id, &above));
    TRY(q_channel_change(c, &change, &changed_count));
    must(changed_count == 1);
    c->topics |= LIVE_CHANNELS;
    return is_moved ? branch_move(c, row.path, above, in->channel_id) : OK;
}

const struct route channel_routes[] = {
    {HTTP_POST, "/api/channels", "channel.write", SHAPE(channel_add_in), SHAPE(channel_add_out),
     add_run, .about = "A new channel", .needs_all = true},
    {HTTP_POST, "/api/channels/{channel_id}/edit", "channel.write", SHAPE(channel_edit_in), NULL,
     edit_run, .about = "Rename, archive or move a channel with all below it", .needs_all = true},
    {.path = NULL},
};
