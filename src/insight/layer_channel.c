/* Channels as rows of a table: the branches right below the chosen channel (or the roots), each
 * with all that lies under it, the chosen one itself, and those whose channel is not known. */
#include "gen/layer.q.h"

#include "insight/layer_private.h"

/* The id in the path behind the branch's own: "/1/5/9/" below "/1/" is 5; the branch itself is its
 * own row. */
static int64_t row_id_of(struct str path, struct str branch, int64_t channel_id)
{
    struct str rest = str_sub(path, branch.at == NULL ? 1 : branch.len, path.len), head, tail;
    int64_t id;

    if (rest.len == 0 || !str_cut(rest, '/', &head, &tail) || !str_to_int(head, &id))
        return channel_id;
    return id;
}

static int64_t channel_place(const struct list *all, int64_t channel_id)
{
    const struct q_layer_channels_row *row = all->at;
    int64_t low = 0, high = all->count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (row[middle].id < channel_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < all->count && row[low].id == channel_id ? low : NONE;
}

enum err layer_channels_load(struct ctx *c, const struct view *view,
                             struct layer_channels *channels)
{
    const struct q_layer_channels_row *row;
    int64_t *row_of_place;

    *channels = (struct layer_channels){.row_count = 0};
    TRY(q_layer_channels(c, &channels->all));
    row = channels->all.at;
    row_of_place = arena_new_array(c->arena, int64_t, (size_t)channels->all.count + 1);
    channels->rows =
        arena_new_array(c->arena, struct layer_channel, (size_t)channels->all.count + 1);
    for (int64_t i = 0; i < channels->all.count; i++) {
        int64_t at, id;
        row_of_place[i] = NONE;
        if (view->branch_path.at != NULL && !str_starts(row[i].path, view->branch_path))
            continue;
        id = row_id_of(row[i].path, view->branch_path, row[i].id);
        for (at = 0; at < channels->row_count && channels->rows[at].id != id; at++)
            ;
        if (at == channels->row_count) {
            int64_t place = channel_place(&channels->all, id);
            channels->rows[channels->row_count++] =
                (struct layer_channel){.id = id, .name = place == NONE ? S("") : row[place].name};
        }
        channels->rows[at].has_children = channels->rows[at].has_children || row[i].id != id;
        row_of_place[i] = at;
    }
    channels->rows[channels->row_count++] = (struct layer_channel){.id = NONE};
    channels->row_of_place = row_of_place;
    return OK;
}

int64_t layer_channel_row(const struct layer_channels *channels, int64_t channel_id)
{
    int64_t place = channel_id == NONE ? NONE : channel_place(&channels->all, channel_id);
    int64_t row = place == NONE ? NONE : channels->row_of_place[place];

    return row == NONE ? channels->row_count - 1 : row;
}
