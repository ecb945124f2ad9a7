/* Which segments stand on which: by naming them, or by naming a tag that one of them keeps. Always:
 * none may stand on itself, not by way of others either: who came in would be tagged, go out, lose
 * the tag and come in for ever. */
#include "engine/query_cell.h"
#include "gen/segment.q.h"
#include "manage/segment/segment_private.h"

#define SCRATCH_MAX ((size_t)32 * 1024 * 1024)

/* Definitions are read one by one, each where it is forgotten with the next: all together would not
 * fit a request's memory. What is refused by now stands on nothing. */
struct standing {
    struct ctx_end end;
    struct ctx *c;
    const struct catalog *catalog;
    struct arena *scratch;
    struct q_segment_users_row *rows; /* the last may be one that is not kept yet */
    int64_t count;
    bool **is_on; /* by row, which rows it stands on; NULL: not read yet */
};

static void standing_end(void *user)
{
    struct standing *standing = user;

    standing->end.run = NULL;
    arena_free(standing->scratch);
}

static enum err standing_begin(struct ctx *c, const struct catalog *catalog, struct standing **out)
{
    struct standing *standing = arena_new_one(c->arena, struct standing);
    struct list list;

    TRY(q_segment_users(c, &list));
    *standing = (struct standing){.c = c, .catalog = catalog, .count = list.count};
    standing->rows = arena_new_array(c->arena, struct q_segment_users_row, (size_t)list.count + 1);
    if (list.count > 0)
        memcpy(standing->rows, list.at, (size_t)list.count * sizeof(*standing->rows));
    standing->is_on = arena_new_array(c->arena, bool *, (size_t)list.count + 1);
    standing->scratch = arena_new(SCRATCH_MAX);
    standing->end = (struct ctx_end){.run = standing_end, .user = standing};
    ctx_at_end(c, &standing->end);
    *out = standing;
    return OK;
}

/* ---- what one stands on ---------------------------------------------------------------------- */

struct naming {
    const struct standing *standing;
    bool *is_on;
};

static void set_mark(struct naming *naming, enum set_kind set, int64_t id)
{
    const struct q_segment_users_row *rows = naming->standing->rows;

    for (int64_t i = 0; i < naming->standing->count; i++)
        if (id == (set == SET_TAG ? rows[i].tag_id : rows[i].id))
            naming->is_on[i] = true;
}

static void sets_mark(void *user, struct query *query)
{
    for (int i = 0; i < query->who_count; i++) {
        const struct condition *one = &query->who[i];

        for (int k = 0; one->kind == CONDITION_SET && k < one->id_count; k++)
            set_mark(user, one->set, one->ids[k]);
    }
}

static const bool *stands_on(struct standing *standing, int64_t at)
{
    struct naming naming = {.standing = standing, .is_on = standing->is_on[at]};
    struct query_fault fault = {0};
    struct query query;

    if (naming.is_on != NULL)
        return naming.is_on;
    naming.is_on = arena_new_array(standing->c->arena, bool, (size_t)standing->count);
    standing->is_on[at] = naming.is_on;
    arena_reset(standing->scratch);
    if (query_read(standing->scratch, standing->catalog, standing->rows[at].definition, &query,
                   &fault) == OK)
        query_each(&query, sets_mark, &naming);
    return naming.is_on;
}

/* ---- circles --------------------------------------------------------------------------------- */

/* By way of which other one it stands on itself; itself: at once; NONE: it does not. */
static int64_t circle_find(struct standing *standing, int64_t self)
{
    int64_t *reached = arena_new_array(standing->c->arena, int64_t, (size_t)standing->count);
    bool *is_reached = arena_new_array(standing->c->arena, bool, (size_t)standing->count);
    int64_t count = 0;

    reached[count++] = self;
    for (int64_t i = 0; i < count; i++) {
        const bool *is_on = stands_on(standing, reached[i]);

        if (is_on[self])
            return reached[i];
        for (int64_t j = 0; j < standing->count; j++) {
            if (!is_on[j] || is_reached[j])
                continue;
            is_reached[j] = true;
            reached[count++] = j;
        }
    }
    return NONE;
}

/* As it is to be, in its own place or behind the others. */
static int64_t row_put(struct standing *standing, const struct q_segment_users_row *one)
{
    int64_t at = 0;

    while (at < standing->count && standing->rows[at].id != one->id)
        at++;
    standing->rows[at] = *one;
    standing->count += at == standing->count;
    return at;
}

enum err segment_circle_check(struct ctx *c, const struct catalog *catalog,
                              const struct q_segment_users_row *one)
{
    struct standing *standing;
    int64_t self, at;

    TRY(standing_begin(c, catalog, &standing));
    self = row_put(standing, one);
    at = circle_find(standing, self);
    standing_end(standing);
    if (at == NONE)
        return OK;
    return at == self
               ? fail_at(c, "segment.circle", S("definition"), "it would stand on itself")
               : fail_at(c, "segment.circle", S("definition"),
                         "it would stand on itself, by way of %.*s", STR(standing->rows[at].name));
}

enum err segment_circles(struct ctx *c, const struct catalog *catalog, struct list *ids)
{
    struct standing *standing;
    int64_t *found;

    TRY(standing_begin(c, catalog, &standing));
    found = arena_new_array(c->arena, int64_t, (size_t)standing->count + 1);
    *ids = (struct list){found, 0};
    for (int64_t i = 0; i < standing->count; i++)
        if (circle_find(standing, i) != NONE)
            found[ids->count++] = standing->rows[i].id;
    standing_end(standing);
    return OK;
}

enum err segment_user_find(struct ctx *c, const struct catalog *catalog, int64_t segment_id,
                           struct str *name)
{
    struct standing *standing;
    int64_t self;

    *name = (struct str){0};
    TRY(standing_begin(c, catalog, &standing));
    /* by its name alone: the tag stays when it goes */
    self = row_put(standing, &(struct q_segment_users_row){.id = segment_id, .tag_id = NONE});
    for (int64_t i = 0; i < standing->count && name->at == NULL; i++)
        if (i != self && stands_on(standing, i)[self])
            *name = standing->rows[i].name;
    standing_end(standing);
    return OK;
}
