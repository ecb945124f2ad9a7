/* A merge taken back. Always: merges may be undone in any order, except that one whose person was
 * merged on waits for that one; every field is then what it would be without this merge, unless
 * somebody changed it in between: such a field stays and is named in the answer. */
#include "gen/customer.q.h"
#include "kit/behaviour.h"
#include "manage/customer/merge_private.h"

/* What the undoing works on. */
struct undo {
    struct merge_record record;
    struct merge_record *later; /* merges into the same record since, still standing */
    int64_t later_count;
    bool *is_rewritten;       /* of later */
    struct merge_values now;  /* of the kept record */
    struct merge_values was;  /* what the merges together made of it */
    struct merge_values is;   /* what they would have without this one */
    struct merge_values next; /* what it will be */
    struct list tags;         /* int64_t: that go */
};

/* ---- fields ---------------------------------------------------------------------------------- */

static bool is_same(const struct merge_values *a, const struct merge_values *b, struct str name)
{
    struct str left = merge_get(a, name), right = merge_get(b, name);

    return (left.at == NULL) == (right.at == NULL) && (left.at == NULL || str_eq(left, right));
}

/* Moves with every event; seen_undo says what becomes of them. */
static bool moves_by_itself(struct str name)
{
    return str_is(name, "touched_ms") || str_is(name, "action_day");
}

/* Where somebody changed the field in between, it stays: value now, value before the merge. */
static void left_note(struct ctx *c, struct undo *undo, struct str name)
{
    struct str now = merge_get(&undo->now, name), was = merge_get(&undo->record.before, name);

    merge_set(c, &undo->record.left_now, name, now.at ? now : S(""));
    merge_set(c, &undo->record.left_was, name, was.at ? was : S(""));
}

/* Fields that without this merge would be others: so they are, if they still are what they were. */
static void values_follow(struct ctx *c, struct undo *undo, struct merge_values *values)
{
    const struct merge_values *const lists[] = {&undo->was, &undo->is};

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const struct merge_value *at = lists[i]->list.at;
        for (int64_t j = 0; j < lists[i]->list.count; j++) {
            struct str name = at[j].name;
            if (is_same(&undo->was, &undo->is, name) || is_same(values, &undo->is, name))
                continue;
            if (is_same(values, &undo->was, name))
                merge_set(c, values, name, merge_get(&undo->is, name));
            else if (!moves_by_itself(name))
                left_note(c, undo, name);
        }
    }
}

/* As if this merge had never been: each later one is combined again from what it would have found.
 */
static void fields_undo(struct ctx *c, struct undo *undo)
{
    undo->was = undo->record.after;
    undo->is = undo->record.before;
    for (int64_t i = 0; i < undo->later_count; i++) {
        struct merge_record *later = &undo->later[i];
        struct merge_values after;
        values_follow(c, undo, &later->before);
        merge_combine(c, &later->before, &later->other, &later->choices, &after);
        undo->was = later->after;
        undo->is = later->after = after;
        undo->is_rewritten[i] = true;
    }
    undo->next = merge_copy(c, &undo->now);
    values_follow(c, undo, &undo->next);
}

/* ---- tags ------------------------------------------------------------------------------------ */

static bool has_id(const struct list *ids, int64_t id)
{
    for (int64_t i = 0; i < ids->count; i++)
        if (((const int64_t *)ids->at)[i] == id)
            return true;
    return false;
}

static struct list with_id(struct ctx *c, const struct list *ids, int64_t id)
{
    int64_t *at = arena_new_array(c->arena, int64_t, (size_t)ids->count + 1);

    for (int64_t i = 0; i < ids->count; i++)
        at[i] = ((const int64_t *)ids->at)[i];
    at[ids->count] = id;
    return (struct list){at, ids->count + 1};
}

/* A tag of the merged record goes, unless a later merge brought it too: then it is that one's. */
static void tags_undo(struct ctx *c, struct undo *undo)
{
    int64_t room = 0;

    for (int64_t i = 0; i < undo->record.tags.count; i++) {
        int64_t tag_id = ((const int64_t *)undo->record.tags.at)[i], at = 0;
        while (at < undo->later_count && !has_id(&undo->later[at].other_tags, tag_id))
            at++;
        if (at == undo->later_count) {
            *(int64_t *)list_add(c->arena, &undo->tags, &room, sizeof(int64_t)) = tag_id;
        } else if (!has_id(&undo->later[at].tags, tag_id)) {
            undo->later[at].tags = with_id(c, &undo->later[at].tags, tag_id);
            undo->is_rewritten[at] = true;
        }
    }
}

/* ---- what was done since --------------------------------------------------------------------- */

/* First touch and last action: moved by events, so they follow from what each record's own events
 * say, not from the merges' steps. */
struct seen {
    int64_t touched_ms, action_day;
};

static int64_t earlier(int64_t a, int64_t b)
{
    if (a == NONE || b == NONE)
        return a == NONE ? b : a;
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b; /* NONE is below everything */
}

static struct seen seen_join(struct seen a, struct seen b)
{
    return (struct seen){earlier(a.touched_ms, b.touched_ms), later(a.action_day, b.action_day)};
}

static struct seen seen_of(const struct merge_values *values)
{
    return (struct seen){merge_number(values, "touched_ms"), merge_number(values, "action_day")};
}

static struct seen seen_one(struct ctx *c, const struct q_merge_since_row *row)
{
    const struct event_kind *kind = event_kind_find(c->app, row->kind);
    bool is_action = kind && kind->is_own_action;

    return (struct seen){row->first_ms, is_action ? zone_day(ctx_zone(c), row->last_ms) : NONE};
}

static struct seen seen_events(struct ctx *c, const struct list *rows)
{
    const struct q_merge_since_row *row = rows->at;
    struct seen seen = {NONE, NONE};

    for (int64_t i = 0; i < rows->count; i++)
        seen = seen_join(seen, seen_one(c, &row[i]));
    return seen;
}

/* Of one record alone: its rows have the same form. */
static struct seen seen_own_events(struct ctx *c, const struct list *rows)
{
    const struct q_merge_since_own_row *row = rows->at;
    struct q_merge_since_row *same =
        arena_new_array(c->arena, struct q_merge_since_row, (size_t)rows->count + 1);

    for (int64_t i = 0; i < rows->count; i++)
        same[i] = (struct q_merge_since_row){row[i].kind, row[i].first_ms, row[i].last_ms};
    return seen_events(c, &(struct list){same, rows->count});
}

struct seeing {
    struct ctx *c;
    struct seen *seen;
};

static enum err behaviour_see(void *user, const struct behaviour *event)
{
    const struct seeing *seeing = user;
    struct q_merge_since_row same = {event->kind, event->occurred_ms, event->occurred_ms};

    *seeing->seen = seen_join(*seeing->seen, seen_one(seeing->c, &same));
    return OK;
}

/* The behaviours since then, which have no row. */
static enum err seen_behaviours(struct ctx *c, const struct behaviour_whose *whose,
                                struct seen *seen)
{
    return behaviour_visit(c, whose, behaviour_see, &(struct seeing){c, seen});
}

/* What the kept record had before the first merge that stands, and when that was. */
static enum err seen_begin(struct ctx *c, struct undo *undo, struct seen *base, int64_t *first_id)
{
    struct merge_record first = {0};
    struct q_merge_first_row row;
    struct list own;

    TRY(q_merge_first(c, undo->record.kept_id, &row));
    *first_id = first.id = row.id;
    if (row.id != undo->record.id) {
        TRY(merge_record_open(c, row.fields_enc, &first));
        *base = seen_of(&first.before);
        return OK;
    }
    *base = seen_of(&undo->record.before);
    if (undo->later_count == 0)
        return OK;
    TRY(q_merge_since_own(c, undo->record.kept_id, row.id, &own));
    *base = seen_join(*base, seen_own_events(c, &own));
    return seen_behaviours(
        c, &(struct behaviour_whose){.customer_id = undo->record.kept_id, .after_id = row.id},
        base);
}

static void number_put(struct ctx *c, struct merge_values *values, const char *name, int64_t number)
{
    merge_set(c, values, str_of(name),
              number == NONE ? (struct str){0} : str_fmt(c->arena, "%" PRId64, number));
}

static void seen_put(struct ctx *c, struct merge_values *values, struct seen seen)
{
    number_put(c, values, "touched_ms", seen.touched_ms);
    number_put(c, values, "action_day", seen.action_day);
}

/* Where something else than events moved it, it stays. */
static void seen_settle(struct ctx *c, struct undo *undo, struct seen explained, struct seen next)
{
    struct seen now = seen_of(&undo->now);

    if (now.touched_ms != explained.touched_ms) {
        if (next.touched_ms != explained.touched_ms)
            left_note(c, undo, S("touched_ms"));
        next.touched_ms = now.touched_ms;
    }
    if (now.action_day != explained.action_day) {
        if (next.action_day != explained.action_day)
            left_note(c, undo, S("action_day"));
        next.action_day = now.action_day;
    }
    seen_put(c, &undo->next, next);
}

static enum err seen_undo(struct ctx *c, struct undo *undo)
{
    const struct merge_record *record = &undo->record;
    struct q_merge_records_seen_row others;
    struct seen kept, merged;
    struct list kept_since, merged_since;
    int64_t first_id, changed_count;

    TRY(seen_begin(c, undo, &kept, &first_id));
    if (first_id == record->id && undo->later_count > 0)
        seen_put(c, &undo->later[0].before, kept);
    TRY(q_merge_since(c, record->kept_id, first_id, &kept_since));
    TRY(q_merge_since(c, record->merged_id, first_id, &merged_since));
    TRY(q_merge_records_seen(c, record->kept_id, &others));
    kept = seen_join(kept, seen_events(c, &kept_since));
    kept = seen_join(kept, (struct seen){others.touched_ms, others.action_day});
    merged = seen_join(seen_of(&record->other), seen_events(c, &merged_since));
    TRY(seen_behaviours(c, &(struct behaviour_whose){record->kept_id, true, first_id}, &kept));
    TRY(seen_behaviours(c, &(struct behaviour_whose){record->merged_id, true, first_id}, &merged));
    seen_settle(c, undo, seen_join(kept, merged), kept);
    return q_merge_seen_write(c, merged.touched_ms, merged.action_day, record->merged_id,
                              &changed_count);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum err later_read(struct ctx *c, struct undo *undo)
{
    const struct q_merge_later_row *row;
    struct list rows;

    TRY(q_merge_later(c, undo->record.kept_id, undo->record.id, &rows));
    row = rows.at;
    undo->later = arena_new_array(c->arena, struct merge_record, (size_t)rows.count + 1);
    undo->is_rewritten = arena_new_array(c->arena, bool, (size_t)rows.count + 1);
    undo->later_count = rows.count;
    for (int64_t i = 0; i < rows.count; i++) {
        undo->later[i].id = row[i].id;
        TRY(merge_record_open(c, row[i].fields_enc, &undo->later[i]));
    }
    return OK;
}

static enum err merge_read(struct ctx *c, int64_t merge_id, struct q_merge_get_row *row)
{
    struct q_merge_of_record_row above;
    int64_t person_id;
    enum err err = q_merge_get(c, merge_id, row);

    if (err == E_NOT_FOUND)
        return fail(c, err, "merge.unknown", "no merge has the id %" PRId64, merge_id);
    TRY(err);
    err = customer_reach(c, row->kept_customer_id, &person_id);
    if (err == E_NOT_FOUND)
        return fail(c, err, "merge.unknown", "no merge has the id %" PRId64, merge_id);
    TRY(err);
    if (row->undone_ms != NONE)
        return fail(c, E_CONFLICT, "merge.undone", "this merge was undone already");
    if (row->above_id == NONE)
        return OK;
    TRY(q_merge_of_record(c, row->kept_customer_id, &above));
    return fail(c, E_CONFLICT, "merge.built_on",
                "its person was merged on: undo merge %" PRId64 " first", above.id);
}

static enum err undo_read(struct ctx *c, int64_t merge_id, struct undo *undo)
{
    struct q_merge_get_row row;
    struct q_merge_row_in key;
    struct q_merge_row_row kept;
    enum err err;

    TRY(merge_read(c, merge_id, &row));
    undo->record.id = merge_id;
    undo->record.kept_id = key.customer_id = row.kept_customer_id;
    undo->record.merged_id = row.merged_customer_id;
    err = merge_record_open(c, row.fields_enc, &undo->record);
    if (err == E_NOT_FOUND)
        return fail(c, E_CONFLICT, "merge.erased", "what this merge changed was erased");
    TRY(err);
    TRY(q_merge_row(c, &key, 1, &kept));
    must(kept.id != NONE);
    TRY(merge_values_of(c, &kept, &undo->now));
    return later_read(c, undo);
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum err link_undo(struct ctx *c, const struct merge_record *record)
{
    struct q_merge_record_return_in *rows =
        arena_new_array(c->arena, struct q_merge_record_return_in, (size_t)record->moved.count + 1);
    int64_t changed_count;

    TRY(q_merge_unlink(c, record->merged_id, record->kept_id, &changed_count));
    must(changed_count == 1);
    for (int64_t i = 0; i < record->moved.count; i++)
        rows[i] = (struct q_merge_record_return_in){
            .to_id = record->merged_id,
            .record_id = ((const int64_t *)record->moved.at)[i],
            .from_id = record->kept_id,
        };
    return record->moved.count > 0 ? q_merge_record_return(c, rows, record->moved.count, NULL) : OK;
}

static enum err tags_return(struct ctx *c, const struct merge_record *record)
{
    struct q_merge_tag_return_in *rows = arena_new_array(c->arena, struct q_merge_tag_return_in,
                                                         (size_t)record->other_tags.count + 1);

    for (int64_t i = 0; i < record->other_tags.count; i++)
        rows[i] = (struct q_merge_tag_return_in){
            .customer_id = record->merged_id,
            .tag_id = ((const int64_t *)record->other_tags.at)[i],
        };
    if (record->other_tags.count == 0)
        return OK;
    return q_merge_tag_return(c, rows, record->other_tags.count, NULL);
}

static enum err tags_remove(struct ctx *c, const struct undo *undo)
{
    struct q_merge_tag_remove_in *rows =
        arena_new_array(c->arena, struct q_merge_tag_remove_in, (size_t)undo->tags.count + 1);

    for (int64_t i = 0; i < undo->tags.count; i++)
        rows[i] = (struct q_merge_tag_remove_in){.customer_id = undo->record.kept_id,
                                                 .tag_id = ((const int64_t *)undo->tags.at)[i]};
    return undo->tags.count > 0 ? q_merge_tag_remove(c, rows, undo->tags.count, NULL) : OK;
}

static enum err records_rewrite(struct ctx *c, const struct undo *undo)
{
    struct q_merge_rewrite_in *rows =
        arena_new_array(c->arena, struct q_merge_rewrite_in, (size_t)undo->later_count + 1);
    int64_t count = 0, changed_count;

    for (int64_t i = 0; i < undo->later_count; i++)
        if (undo->is_rewritten[i])
            rows[count++] = (struct q_merge_rewrite_in){
                .fields_enc = merge_record_seal(c, &undo->later[i]),
                .merge_id = undo->later[i].id,
            };
    if (count > 0)
        TRY(q_merge_rewrite(c, rows, count, NULL));
    TRY(q_merge_undone(c, merge_record_seal(c, &undo->record), undo->record.id, &changed_count));
    must(changed_count == 1);
    return OK;
}

/* The inviter that comes back may have become this very person since. */
static enum err inviter_check(struct ctx *c, struct undo *undo)
{
    static const char name[] = "invited_by_customer_id";
    struct q_customer_person_in key = {merge_number(&undo->next, name)};
    struct q_customer_person_row row;

    if (key.customer_id == NONE)
        return OK;
    TRY(q_customer_person(c, &key, 1, &row));
    if (row.person_id == undo->record.kept_id)
        merge_set(c, &undo->next, str_of(name), (struct str){0});
    return OK;
}

/* Guests are counted anew for both, and for whoever invited them before and after. */
static enum err invited_write(struct ctx *c, const struct undo *undo)
{
    int64_t was_id = merge_number(&undo->now, "invited_by_customer_id");
    const struct q_merge_invited_count_in rows[] = {
        {undo->record.kept_id}, {undo->record.merged_id}, {was_id}};
    const struct q_merge_inviter_count_in guests[] = {{undo->record.kept_id},
                                                      {undo->record.merged_id}};

    TRY(q_merge_invited_count(c, rows, was_id == NONE ? 2 : 3, NULL));
    return q_merge_inviter_count(c, guests, ARRAY_LEN(guests), NULL);
}

static enum err unmerged_emit(struct ctx *c, const struct undo *undo)
{
    const struct merge_record *record = &undo->record;
    struct event events[3];
    int64_t count = 2;

    for (int side = 0; side < 2; side++) {
        event_init(&events[side], c, "customer_unmerged");
        events[side].customer_id = side == 0 ? record->kept_id : record->merged_id;
        events[side].subject_id = side == 0 ? record->merged_id : record->kept_id;
    }
    count += merge_inviter_tell(c, &undo->now, &undo->next, &events[count]);
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, events, count);
}

static enum err undo_write(struct ctx *c, struct undo *undo)
{
    struct q_merge_person_write_in kept = {.customer_id = undo->record.kept_id};

    TRY(link_undo(c, &undo->record));
    TRY(seen_undo(c, undo));
    TRY(inviter_check(c, undo));
    merge_values_write(c, &undo->next, &kept);
    TRY(q_merge_person_write(c, &kept, 1, NULL));
    TRY(tags_remove(c, undo));
    TRY(tags_return(c, &undo->record));
    TRY(records_rewrite(c, undo));
    TRY(invited_write(c, undo));
    return unmerged_emit(c, undo);
}

/* ---- the route ------------------------------------------------------------------------------- */

struct undo_in {
    int64_t merge_id;
};
struct undo_out {
    int64_t kept_customer_id, merged_customer_id;
    struct list left;
};
static const struct field undo_in[] = {IN(struct undo_in, merge_id)};
static const struct field undo_out[] = {
    OUT(struct undo_out, kept_customer_id),
    OUT(struct undo_out, merged_customer_id),
    OUT(struct undo_out, left, .of = &merge_left_shape,
        .about = "fields that somebody changed since: they stay as they are"),
};

static enum err undo_run(struct ctx *c, const void *in_, void *out_)
{
    const struct undo_in *in = in_;
    struct undo_out *out = out_;
    struct undo undo = {0};

    TRY(undo_read(c, in->merge_id, &undo));
    fields_undo(c, &undo);
    tags_undo(c, &undo);
    TRY(undo_write(c, &undo));
    out->kept_customer_id = undo.record.kept_id;
    out->merged_customer_id = undo.record.merged_id;
    out->left = merge_left(c, &undo.record);
    return OK;
}

const struct route merge_undo_routes[] = {
    {HTTP_POST, "/api/merges/{merge_id}/undo", "customer.merge", SHAPE(undo_in), SHAPE(undo_out),
     undo_run, .about = "Make two persons of one again", .statement_max = 42},
    {.path = NULL},
};
