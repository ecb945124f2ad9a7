/* Two records become one person: the link, the kept record's fields, its tags, and what undoes it.
 * Always: a merged record's person is no merged record; a merged record's own fields stay as they
 * were, so that undoing gives them back; what is written of a merge is enough to undo it. */
#include "manage/customer/merge_private.h"

struct tag {
    int64_t id, group_id; /* group_id NONE: in no exclusive one */
};

struct person {
    int64_t id;
    struct merge_values now;
    int64_t inviter_id, inviter_inviter_id; /* persons; NONE */
    struct list records, tags;              /* int64_t, struct tag */
    int64_t records_room, tags_room;        /* tidy: room of the lists */
    int64_t into;                           /* tidy: an index; NONE: a person of its own */
    bool is_there, is_changed;
};

struct work {
    struct merge_pair *pairs;
    int64_t count;
    struct map *by_id; /* customer id -> index + 1 */
    struct person *persons;
    int64_t person_count;
    struct merge_record *done; /* one a pair that merges */
    int64_t done_count;
};

static int64_t person_of(struct work *work, int64_t customer_id)
{
    bool is_new;
    int64_t *at = map_slot(work->by_id,
                           (struct str){(const char *)&customer_id, sizeof(customer_id)}, &is_new);

    if (is_new) {
        work->persons[work->person_count] = (struct person){.id = customer_id, .into = NONE};
        *at = ++work->person_count;
    }
    return *at - 1;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void record_add(struct ctx *c, struct person *person, int64_t id)
{
    *(int64_t *)list_add(c->arena, &person->records, &person->records_room, sizeof(int64_t)) = id;
}

static void tag_add(struct ctx *c, struct person *person, struct tag tag)
{
    *(struct tag *)list_add(c->arena, &person->tags, &person->tags_room, sizeof(struct tag)) = tag;
}

static enum err records_read(struct ctx *c, struct work *work, const struct q_merge_row_row *rows)
{
    struct q_merge_record_nth_in *keys;
    struct q_merge_record_nth_row *found;
    int64_t count = 0;

    for (int64_t i = 0; i < work->person_count; i++)
        count += rows[i].id == NONE ? 0 : rows[i].record_count;
    if (count == 0)
        return OK;
    keys = arena_new_array(c->arena, struct q_merge_record_nth_in, (size_t)count);
    found = arena_new_array(c->arena, struct q_merge_record_nth_row, (size_t)count);
    count = 0;
    for (int64_t i = 0; i < work->person_count; i++)
        for (int64_t j = 0; rows[i].id != NONE && j < rows[i].record_count; j++)
            keys[count++] = (struct q_merge_record_nth_in){rows[i].id, j};
    TRY(q_merge_record_nth(c, keys, count, found));
    for (int64_t i = 0; i < count; i++)
        record_add(c, &work->persons[person_of(work, keys[i].customer_id)], found[i].id);
    return OK;
}

static enum err tags_read(struct ctx *c, struct work *work, const struct q_merge_row_row *rows)
{
    struct q_merge_tag_nth_in *keys;
    struct q_merge_tag_nth_row *found;
    int64_t count = 0;

    for (int64_t i = 0; i < work->person_count; i++)
        count += rows[i].id == NONE ? 0 : rows[i].tag_count;
    if (count == 0)
        return OK;
    keys = arena_new_array(c->arena, struct q_merge_tag_nth_in, (size_t)count);
    found = arena_new_array(c->arena, struct q_merge_tag_nth_row, (size_t)count);
    count = 0;
    for (int64_t i = 0; i < work->person_count; i++)
        for (int64_t j = 0; rows[i].id != NONE && j < rows[i].tag_count; j++)
            keys[count++] = (struct q_merge_tag_nth_in){rows[i].id, j};
    TRY(q_merge_tag_nth(c, keys, count, found));
    for (int64_t i = 0; i < count; i++)
        tag_add(c, &work->persons[person_of(work, keys[i].customer_id)],
                (struct tag){found[i].tag_id, found[i].group_id});
    return OK;
}

static enum err persons_read(struct ctx *c, struct work *work)
{
    size_t room = (size_t)work->person_count + 1;
    struct q_merge_row_in *keys = arena_new_array(c->arena, struct q_merge_row_in, room);
    struct q_merge_row_row *rows = arena_new_array(c->arena, struct q_merge_row_row, room);

    for (int64_t i = 0; i < work->person_count; i++)
        keys[i].customer_id = work->persons[i].id;
    TRY(q_merge_row(c, keys, work->person_count, rows));
    for (int64_t i = 0; i < work->person_count; i++) {
        struct person *person = &work->persons[i];
        if (rows[i].id == NONE)
            continue;
        person->is_there = true;
        person->inviter_id = rows[i].inviter_id;
        person->inviter_inviter_id = rows[i].inviter_inviter_id;
        TRY(merge_values_of(c, &rows[i], &person->now));
    }
    TRY(records_read(c, work, rows));
    return tags_read(c, work, rows);
}

/* ---- one pair -------------------------------------------------------------------------------- */

/* Nobody is invited by oneself or by one's own guest, not by becoming one person either. */
static bool may_invite(const struct person *guest, const struct person *a, const struct person *b)
{
    return guest->inviter_id != a->id && guest->inviter_id != b->id &&
           guest->inviter_inviter_id != a->id && guest->inviter_inviter_id != b->id;
}

static void inviters_settle(struct ctx *c, struct person *kept, const struct person *merged,
                            struct merge_record *record)
{
    static const char name[] = "invited_by_customer_id";

    if (merged->inviter_id != NONE && !may_invite(merged, kept, merged))
        merge_set(c, &record->other, str_of(name), (struct str){0});
    if (kept->inviter_id != NONE && !may_invite(kept, kept, merged))
        merge_set(c, &record->choices, str_of(name), S("only"));
}

static bool has_tag(const struct person *person, struct tag tag)
{
    const struct tag *at = person->tags.at;

    for (int64_t i = 0; i < person->tags.count; i++)
        if (at[i].id == tag.id || (tag.group_id != NONE && at[i].group_id == tag.group_id))
            return true;
    return false;
}

static void tags_move(struct ctx *c, struct person *kept, const struct person *merged,
                      struct merge_record *record)
{
    const struct tag *at = merged->tags.at;
    int64_t room = 0, all_room = 0;

    for (int64_t i = 0; i < merged->tags.count; i++) {
        *(int64_t *)list_add(c->arena, &record->other_tags, &all_room, sizeof(int64_t)) = at[i].id;
        if (has_tag(kept, at[i]))
            continue;
        tag_add(c, kept, at[i]);
        *(int64_t *)list_add(c->arena, &record->tags, &room, sizeof(int64_t)) = at[i].id;
    }
}

/* As it is after the pairs before. */
static int64_t standing(struct work *work, int64_t customer_id)
{
    int64_t at = person_of(work, customer_id);

    while (work->persons[at].into != NONE)
        at = work->persons[at].into;
    return at;
}

static void fields_merge(struct ctx *c, struct person *kept, const struct person *merged,
                         struct merge_record *record)
{
    struct str was, is;

    inviters_settle(c, kept, merged, record);
    merge_combine(c, &record->before, &record->other, &record->choices, &record->after);
    kept->now = merge_copy(c, &record->after);
    was = merge_get(&record->before, S("invited_by_customer_id"));
    is = merge_get(&record->after, S("invited_by_customer_id"));
    if (is.at != NULL && was.at != NULL && str_eq(was, is))
        return;
    kept->inviter_id = is.at ? merged->inviter_id : NONE;
    kept->inviter_inviter_id = is.at ? merged->inviter_inviter_id : NONE;
}

static void records_move(struct ctx *c, struct person *kept, const struct person *merged)
{
    record_add(c, kept, merged->id);
    for (int64_t i = 0; i < merged->records.count; i++)
        record_add(c, kept, ((const int64_t *)merged->records.at)[i]);
}

static void pair_merge(struct ctx *c, struct work *work, struct merge_pair *pair)
{
    int64_t kept_at = standing(work, pair->kept_id), merged_at = standing(work, pair->merged_id);
    struct person *kept = &work->persons[kept_at], *merged = &work->persons[merged_at];
    struct merge_record *record;

    pair->merge_id = NONE;
    if (kept == merged || !kept->is_there || !merged->is_there ||
        kept->records.count + merged->records.count + 2 > MERGE_RECORDS_MAX)
        return;
    record = &work->done[work->done_count++];
    *record = (struct merge_record){.id = ctx_id(c),
                                    .kept_id = kept->id,
                                    .merged_id = merged->id,
                                    .before = merge_copy(c, &kept->now),
                                    .other = merge_copy(c, &merged->now),
                                    .choices = merge_copy(c, &pair->choices),
                                    .moved = merged->records};
    pair->merge_id = record->id;
    fields_merge(c, kept, merged, record);
    tags_move(c, kept, merged, record);
    records_move(c, kept, merged);
    merged->into = kept_at;
    kept->is_changed = true;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum err persons_write(struct ctx *c, const struct work *work)
{
    struct q_merge_person_write_in *rows =
        arena_new_array(c->arena, struct q_merge_person_write_in, (size_t)work->person_count + 1);
    int64_t count = 0;

    for (int64_t i = 0; i < work->person_count; i++) {
        if (!work->persons[i].is_changed)
            continue;
        rows[count].customer_id = work->persons[i].id;
        merge_values_write(c, &work->persons[i].now, &rows[count]);
        count++;
    }
    return q_merge_person_write(c, rows, count, NULL);
}

static enum err links_write(struct ctx *c, const struct work *work)
{
    size_t room = (size_t)work->done_count;
    struct q_merge_link_in *links = arena_new_array(c->arena, struct q_merge_link_in, room);
    struct q_merge_records_move_in *moves =
        arena_new_array(c->arena, struct q_merge_records_move_in, room);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, room);
    int64_t move_count = 0;

    for (int64_t i = 0; i < work->done_count; i++) {
        const struct merge_record *record = &work->done[i];
        links[i] =
            (struct q_merge_link_in){.kept_id = record->kept_id, .merged_id = record->merged_id};
        if (record->moved.count > 0)
            moves[move_count++] = (struct q_merge_records_move_in){.kept_id = record->kept_id,
                                                                   .merged_id = record->merged_id};
    }
    TRY(q_merge_link(c, links, work->done_count, changed_each));
    for (int64_t i = 0; i < work->done_count; i++)
        must(changed_each[i] == 1);
    return move_count > 0 ? q_merge_records_move(c, moves, move_count, NULL) : OK;
}

static enum err tags_write(struct ctx *c, const struct work *work)
{
    struct q_merge_tags_clear_in *cleared =
        arena_new_array(c->arena, struct q_merge_tags_clear_in, (size_t)work->done_count);
    struct q_merge_tag_add_in *rows;
    int64_t count = 0, clear_count = 0;

    for (int64_t i = 0; i < work->done_count; i++) {
        count += work->done[i].tags.count;
        if (work->done[i].other_tags.count > 0)
            cleared[clear_count++].customer_id = work->done[i].merged_id;
    }
    if (clear_count == 0)
        return OK;
    rows = arena_new_array(c->arena, struct q_merge_tag_add_in, (size_t)count + 1);
    count = 0;
    for (int64_t i = 0; i < work->done_count; i++)
        for (int64_t j = 0; j < work->done[i].tags.count; j++)
            rows[count++] = (struct q_merge_tag_add_in){
                work->done[i].kept_id, ((const int64_t *)work->done[i].tags.at)[j]};
    if (count > 0)
        TRY(q_merge_tag_add(c, rows, count, NULL));
    return q_merge_tags_clear(c, cleared, clear_count, NULL);
}

static enum err records_write(struct ctx *c, const struct work *work)
{
    size_t room = (size_t)work->done_count;
    struct q_merge_add_in *rows = arena_new_array(c->arena, struct q_merge_add_in, room);
    struct q_merge_duplicate_close_in *closed =
        arena_new_array(c->arena, struct q_merge_duplicate_close_in, room);
    int64_t count = 0;

    for (int64_t i = 0; i < work->count; i++) {
        const struct merge_record *record = &work->done[count];
        bool is_first = record->kept_id < record->merged_id;
        if (work->pairs[i].merge_id == NONE)
            continue;
        rows[count] = (struct q_merge_add_in){
            .merge_id = record->id,
            .kept_id = record->kept_id,
            .merged_id = record->merged_id,
            .rule = str_of(work->pairs[i].rule),
            .fields_enc = merge_record_seal(c, record),
            .staff_id = strcmp(work->pairs[i].rule, "hand") == 0 ? c->me_staff_id : NONE,
        };
        closed[count] = (struct q_merge_duplicate_close_in){
            .low_id = is_first ? record->kept_id : record->merged_id,
            .high_id = is_first ? record->merged_id : record->kept_id,
        };
        count++;
    }
    TRY(q_merge_add(c, rows, count, NULL));
    return q_merge_duplicate_close(c, closed, count, NULL);
}

/* Guests are counted anew for everybody whose guests became fewer or more. */
static enum err invited_write(struct ctx *c, struct work *work)
{
    struct q_merge_invited_count_in *rows =
        arena_new_array(c->arena, struct q_merge_invited_count_in, (size_t)work->done_count * 3);
    int64_t count = 0;

    for (int64_t i = 0; i < work->done_count; i++) {
        const struct merge_record *record = &work->done[i];
        int64_t was_id = merge_number(&record->before, "invited_by_customer_id");
        int64_t other_id = work->persons[person_of(work, record->merged_id)].inviter_id;
        rows[count++].customer_id = record->kept_id;
        if (was_id != NONE)
            rows[count++].customer_id = was_id;
        if (other_id != NONE)
            rows[count++].customer_id = other_id;
    }
    return q_merge_invited_count(c, rows, count, NULL);
}

static enum err merged_emit(struct ctx *c, const struct work *work)
{
    struct event *events = arena_new_array(c->arena, struct event, (size_t)work->done_count * 3);
    int64_t count = 0;

    for (int64_t i = 0; i < work->count; i++) {
        const struct merge_record *record = &work->done[count / 2];
        struct str reason = str_fmt(c->arena, "{\"reason\":\"%s\"}", work->pairs[i].rule);
        if (work->pairs[i].merge_id == NONE)
            continue;
        for (int side = 0; side < 2; side++) {
            event_init(&events[count], c, "customer_merged");
            events[count].customer_id = side == 0 ? record->kept_id : record->merged_id;
            events[count].subject_id = side == 0 ? record->merged_id : record->kept_id;
            events[count++].properties = reason;
        }
    }
    for (int64_t i = 0; i < work->done_count; i++)
        count += merge_inviter_tell(c, &work->done[i].before, &work->done[i].after, &events[count]);
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, events, count);
}

enum err merge_write(struct ctx *c, struct merge_pair *pairs, int64_t count)
{
    size_t room = (size_t)count + 1;
    struct work work = {.pairs = pairs, .count = count, .by_id = map_new(c->arena, room * 2)};

    work.persons = arena_new_array(c->arena, struct person, room * 2);
    work.done = arena_new_array(c->arena, struct merge_record, room);
    for (int64_t i = 0; i < count; i++) {
        (void)person_of(&work, pairs[i].kept_id);
        (void)person_of(&work, pairs[i].merged_id);
    }
    TRY(persons_read(c, &work));
    for (int64_t i = 0; i < count; i++)
        pair_merge(c, &work, &pairs[i]);
    if (work.done_count == 0)
        return OK;
    TRY(persons_write(c, &work));
    TRY(links_write(c, &work));
    TRY(tags_write(c, &work));
    TRY(records_write(c, &work));
    TRY(invited_write(c, &work));
    return merged_emit(c, &work);
}
