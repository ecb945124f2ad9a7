/* Who came in and who went out becomes rows. Always: one commit has a page of rows, their counts,
 * the tags and the facts; a row that is there, or is not, already makes no fact, so a page may come
 * twice. */
#include "gen/segment.q.h"
#include "kit/journal.h"
#include "manage/customer/customer.h"
#include "manage/segment/segment_private.h"

struct taking {
    const struct roster_flip *flips;
    int64_t count;
    struct q_segment_person_row *persons; /* by flip */
    bool *is_changed;                     /* by flip */
};

static const char *const whys[] = {
    [ROSTER_EVENT] = "event", [ROSTER_TIME] = "time", [ROSTER_FILL] = "fill"};

static enum err persons_find(struct ctx *c, struct taking *taking)
{
    struct q_segment_person_in *keys =
        arena_new_array(c->arena, struct q_segment_person_in, (size_t)taking->count);

    for (int64_t i = 0; i < taking->count; i++)
        keys[i].customer_number = taking->flips[i].person;
    taking->persons = arena_new_array(c->arena, struct q_segment_person_row, (size_t)taking->count);
    taking->is_changed = arena_new_array(c->arena, bool, (size_t)taking->count);
    return q_segment_person(c, keys, taking->count, taking->persons);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static enum err enter(struct ctx *c, struct taking *taking)
{
    struct q_segment_enter_in *rows =
        arena_new_array(c->arena, struct q_segment_enter_in, (size_t)taking->count);
    int64_t *at = arena_new_array(c->arena, int64_t, (size_t)taking->count), count = 0;
    int64_t *changed_each = arena_new_array(c->arena, int64_t, (size_t)taking->count);

    for (int64_t i = 0; i < taking->count; i++) {
        if (!taking->flips[i].is_in || taking->persons[i].deleted_ms != NONE)
            continue;
        at[count] = i;
        rows[count++] =
            (struct q_segment_enter_in){taking->flips[i].segment, taking->persons[i].id};
    }
    TRY(q_segment_enter(c, rows, count, changed_each));
    for (int64_t i = 0; i < count; i++)
        taking->is_changed[at[i]] = changed_each[i] > 0;
    return OK;
}

static enum err leave(struct ctx *c, struct taking *taking)
{
    struct q_segment_leave_in *rows =
        arena_new_array(c->arena, struct q_segment_leave_in, (size_t)taking->count);
    int64_t *at = arena_new_array(c->arena, int64_t, (size_t)taking->count), count = 0;
    int64_t *changed_each = arena_new_array(c->arena, int64_t, (size_t)taking->count);

    for (int64_t i = 0; i < taking->count; i++) {
        if (taking->flips[i].is_in)
            continue;
        at[count] = i;
        rows[count++] =
            (struct q_segment_leave_in){taking->flips[i].segment, taking->persons[i].id};
    }
    TRY(q_segment_leave(c, rows, count, changed_each));
    for (int64_t i = 0; i < count; i++)
        taking->is_changed[at[i]] = changed_each[i] > 0;
    return OK;
}

/* ---- counts ---------------------------------------------------------------------------------- */

struct change {
    int64_t segment_id, entered_count, left_count;
};

static struct change *change_of(struct change *changes, int64_t *count, int64_t segment_id)
{
    for (int64_t i = 0; i < *count; i++)
        if (changes[i].segment_id == segment_id)
            return &changes[i];
    changes[*count].segment_id = segment_id;
    return &changes[(*count)++];
}

static enum err counts_keep(struct ctx *c, const struct taking *taking)
{
    struct change *changes = arena_new_array(c->arena, struct change, (size_t)taking->count);
    struct q_segment_count_in *counts =
        arena_new_array(c->arena, struct q_segment_count_in, (size_t)taking->count);
    struct q_segment_size_add_in *sizes =
        arena_new_array(c->arena, struct q_segment_size_add_in, (size_t)taking->count);
    int64_t count = 0, today = zone_day(ctx_zone(c), c->now_ms);

    for (int64_t i = 0; i < taking->count; i++) {
        struct change *change;

        if (!taking->is_changed[i])
            continue;
        change = change_of(changes, &count, taking->flips[i].segment);
        change->entered_count += taking->flips[i].is_in;
        change->left_count += !taking->flips[i].is_in;
    }
    for (int64_t i = 0; i < count; i++) {
        counts[i] = (struct q_segment_count_in){.entered_count = changes[i].entered_count,
                                                .left_count = changes[i].left_count,
                                                .segment_id = changes[i].segment_id};
        sizes[i] = (struct q_segment_size_add_in){.size_day = today,
                                                  .entered_count = changes[i].entered_count,
                                                  .left_count = changes[i].left_count,
                                                  .segment_id = changes[i].segment_id};
    }
    TRY(q_segment_count(c, counts, count, NULL));
    return q_segment_size_add(c, sizes, count, NULL);
}

/* ---- tags and facts -------------------------------------------------------------------------- */

static enum err tag_put(struct ctx *c, const struct taking *taking,
                        const struct q_segment_tags_row *of, bool is_on)
{
    int64_t *ids = arena_new_array(c->arena, int64_t, CUSTOMER_BATCH_MAX);
    struct tag_put put = {.ids = ids, .tag_id = of->tag_id, .is_on = is_on};

    for (int64_t i = 0; i < taking->count; i++) {
        if (taking->is_changed[i] && taking->flips[i].segment == of->id &&
            taking->flips[i].is_in == is_on && taking->persons[i].deleted_ms == NONE)
            ids[put.count++] = taking->persons[i].id;
        if (put.count < CUSTOMER_BATCH_MAX && i + 1 < taking->count)
            continue;
        if (put.count > 0)
            TRY(tag_put_batch(c, &put));
        put.count = 0;
    }
    return OK;
}

static enum err tags_put(struct ctx *c, const struct taking *taking)
{
    const struct q_segment_tags_row *row;
    struct list tags;

    TRY(q_segment_tags(c, &tags));
    row = tags.at;
    for (int64_t i = 0; i < tags.count; i++) {
        TRY(tag_put(c, taking, &row[i], true));
        TRY(tag_put(c, taking, &row[i], false));
    }
    return OK;
}

static enum err facts_emit(struct ctx *c, const struct taking *taking)
{
    struct event *events = arena_new_array(c->arena, struct event, (size_t)taking->count);
    int64_t count = 0;

    for (int64_t i = 0; i < taking->count; i++) {
        const struct roster_flip *flip = &taking->flips[i];

        if (!taking->is_changed[i] || taking->persons[i].deleted_ms != NONE)
            continue;
        event_init(&events[count], c, flip->is_in ? "segment_entered" : "segment_left");
        events[count].customer_id = taking->persons[i].id;
        events[count].subject_id = flip->segment;
        events[count++].properties = str_fmt(c->arena, "{\"reason\":\"%s\"}", whys[flip->why]);
    }
    return journal_emit(c, events, count);
}

enum err segment_take(struct ctx *c, const struct roster_flip *flips, int64_t count)
{
    struct taking taking = {.flips = flips, .count = count};

    must(count <= SEGMENT_PAGE);
    if (count == 0)
        return OK;
    TRY(persons_find(c, &taking));
    TRY(enter(c, &taking));
    TRY(leave(c, &taking));
    TRY(counts_keep(c, &taking));
    TRY(tags_put(c, &taking));
    c->topics |= LIVE_SEGMENTS;
    return facts_emit(c, &taking);
}

/* ---- somebody whose data go ------------------------------------------------------------------ */

enum err segment_forget(struct ctx *c, int64_t person_id, int64_t *forgotten_count)
{
    TRY(q_segment_forget_count(c, person_id));
    return q_segment_forget(c, person_id, forgotten_count);
}
