/* Tags, owners, stores and birthdays of imported customers. Always: statements grow with the number
 * of different tags and owners of a chunk, not with its rows; what is noted for undo is only about
 * customers that were there before, for those the import made go as a whole. */
#include "gen/import_beside.q.h"
#include "manage/customer/customer.h"
#include "manage/import/import_beside.h"

#define ROW_TAG_MAX 50
#define NOTE_BYTES_MAX (8 * 1024 * 1024)
#define REASON "import"

/* ---- what the cells name -------------------------------------------------------------------- */

/* The end of the first name: one of ; ； 、 | . */
static size_t tag_end(struct str text, size_t *mark_bytes)
{
    static const struct str marks[] = {S(";"), S("；"), S("、"), S("|")};

    for (size_t i = 0; i < text.len; i++) {
        for (size_t k = 0; k < ARRAY_LEN(marks); k++) {
            *mark_bytes = marks[k].len;
            if (str_starts(str_sub(text, i, text.len), marks[k]))
                return i;
        }
    }
    *mark_bytes = 0;
    return text.len;
}

struct names {
    struct map *places; /* name -> place */
    struct str *items;
    int64_t count;
};

static void name_meet(struct names *names, struct str name)
{
    bool is_new;
    int64_t *slot = map_slot(names->places, name, &is_new);

    if (!is_new)
        return;
    *slot = names->count;
    names->items[names->count++] = name;
}

/* tag_ids hold places of names until the ids are known. */
static void row_tags_read(struct ctx *c, struct beside_row *row, struct names *names)
{
    struct str rest = row->tags;
    size_t mark_bytes;

    row->tag_ids = arena_new_array(c->arena, int64_t, ROW_TAG_MAX);
    while (rest.len > 0 && row->tag_count < ROW_TAG_MAX) {
        size_t end = tag_end(rest, &mark_bytes);
        struct str name = str_trim(str_sub(rest, 0, end));

        if (name.len > 0) {
            name_meet(names, name);
            row->tag_ids[row->tag_count++] = *map_find(names->places, name);
        }
        rest = str_sub(rest, end + mark_bytes, rest.len);
    }
}

static enum err tags_make(struct ctx *c, struct str family, const struct names *names,
                          struct q_beside_tag_row *found, const struct q_beside_tag_in *in)
{
    struct q_beside_tag_add_in *adds =
        arena_new_array(c->arena, struct q_beside_tag_add_in, (size_t)names->count);
    int64_t count = 0;

    for (int64_t i = 0; i < names->count; i++) {
        if (found[i].id == NONE && names->items[i].len <= 120)
            adds[count++] = (struct q_beside_tag_add_in){ctx_id(c), family, names->items[i]};
    }
    if (count == 0)
        return OK;
    TRY(q_beside_tag_add(c, adds, count, NULL));
    return q_beside_tag(c, in, names->count, found);
}

static enum err tags_find(struct ctx *c, const struct import *run, struct beside_row *rows,
                          int64_t count)
{
    struct names names = {map_new(c->arena, 64), NULL, 0};
    struct q_beside_tag_in *in;
    struct q_beside_tag_row *found;

    names.items = arena_new_array(c->arena, struct str, (size_t)count * ROW_TAG_MAX + 1);
    for (int64_t i = 0; i < count; i++)
        row_tags_read(c, &rows[i], &names);
    if (names.count == 0)
        return OK;
    in = arena_new_array(c->arena, struct q_beside_tag_in, (size_t)names.count);
    found = arena_new_array(c->arena, struct q_beside_tag_row, (size_t)names.count);
    for (int64_t i = 0; i < names.count; i++)
        in[i] = (struct q_beside_tag_in){names.items[i], run->mapping->tag_family};
    TRY(q_beside_tag(c, in, names.count, found));
    if (run->mapping->tag_family.at != NULL)
        TRY(tags_make(c, run->mapping->tag_family, &names, found, in));
    for (int64_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < rows[i].tag_count; k++) {
            rows[i].tag_ids[k] = found[rows[i].tag_ids[k]].id;
            if (rows[i].tag_ids[k] == NONE && rows[i].row->code == NULL)
                import_refuse(rows[i].row, "row.tag_unknown", S("there is no such tag"));
        }
    }
    return OK;
}

static enum err owners_find(struct ctx *c, struct beside_row *rows, int64_t count)
{
    size_t room = (size_t)count + 1;
    struct q_beside_staff_in *logins = arena_new_array(c->arena, struct q_beside_staff_in, room);
    struct q_beside_staff_row *staff = arena_new_array(c->arena, struct q_beside_staff_row, room);
    struct q_beside_org_in *codes = arena_new_array(c->arena, struct q_beside_org_in, room);
    struct q_beside_org_row *orgs = arena_new_array(c->arena, struct q_beside_org_row, room);

    for (int64_t i = 0; i < count; i++) {
        logins[i].login = str_lower(c->arena, rows[i].owner);
        codes[i].code = rows[i].store;
    }
    TRY(q_beside_staff(c, logins, count, staff));
    TRY(q_beside_org(c, codes, count, orgs));
    for (int64_t i = 0; i < count; i++) {
        rows[i].staff_id = staff[i].id;
        rows[i].org_id = orgs[i].id;
        if (rows[i].row->code != NULL)
            continue;
        if (rows[i].owner.at != NULL && staff[i].id == NONE)
            import_refuse(rows[i].row, "row.owner_unknown", S("there is no such active colleague"));
        else if (rows[i].store.at != NULL && orgs[i].id == NONE)
            import_refuse(rows[i].row, "row.store_unknown", S("there is no such store"));
    }
    return OK;
}

enum err import_beside_find(struct ctx *c, const struct import *run, struct beside_row *rows,
                            int64_t count)
{
    int64_t today = zone_day(ctx_zone(c), c->now_ms);
    bool has_tags = false, has_owners = false;

    for (int64_t i = 0; i < count; i++) {
        has_tags = has_tags || rows[i].tags.at != NULL;
        has_owners = has_owners || rows[i].owner.at != NULL || rows[i].store.at != NULL;
        if (rows[i].row->code == NULL && rows[i].birth_day != NONE && rows[i].birth_day > today)
            import_refuse(rows[i].row, "row.date", S("the birthday lies in the future"));
        if (rows[i].row->code == NULL && rows[i].child_birth_day != NONE &&
            rows[i].child_birth_day > today + 300)
            import_refuse(rows[i].row, "row.date", S("the child's birthday lies too far ahead"));
    }
    if (has_tags)
        TRY(tags_find(c, run, rows, count));
    return has_owners ? owners_find(c, rows, count) : OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

struct writing {
    struct import *run;
    struct beside_row *rows; /* those that were written, closed up */
    int64_t count;
    struct q_beside_now_row *now;
    struct buf note;
    int64_t note_count;
};

static bool is_noted(const struct writing *w, int64_t customer_id)
{
    return customer_id < w->run->first_id;
}

static void note_int(struct writing *w, char mark, int64_t number)
{
    if (mark != 0)
        buf_char(&w->note, mark);
    if (number == NONE)
        buf_char(&w->note, '-');
    else
        buf_int(&w->note, number);
}

static void note_close(struct ctx *c, struct writing *w, const char *noun)
{
    must(!w->note.is_full);
    if (w->note_count > 0)
        import_effect(c, w->run, noun, w->note_count, buf_view(&w->note));
    buf_reset(&w->note);
    w->note_count = 0;
}

/* One tag to all who get it; "TAG:customer:customer". */
static enum err tag_write(struct ctx *c, struct writing *w, int64_t tag_id)
{
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)w->count);
    int64_t *places = arena_new_array(c->arena, int64_t, (size_t)w->count);
    bool *is_changed = arena_new_array(c->arena, bool, (size_t)w->count);
    struct tag_put put = {.ids = ids, .tag_id = tag_id, .is_on = true, .is_changed = is_changed};
    bool is_any = false;

    for (int64_t i = 0; i < w->count; i++) {
        for (int64_t k = 0; k < w->rows[i].tag_count; k++) {
            if (w->rows[i].tag_ids[k] != tag_id)
                continue;
            places[put.count] = i;
            ids[put.count++] = w->rows[i].customer_id;
            break;
        }
    }
    TRY(tag_put_batch(c, &put));
    for (int64_t i = 0; i < put.count; i++) {
        if (!is_changed[i])
            continue;
        w->rows[places[i]].row->is_changed = true;
        if (!is_noted(w, ids[i]))
            continue;
        if (!is_any)
            note_int(w, w->note.len > 0 ? ',' : 0, tag_id);
        is_any = true;
        note_int(w, ':', ids[i]);
        w->note_count++;
    }
    return OK;
}

static enum err tags_write(struct ctx *c, struct writing *w)
{
    struct map *seen = map_new(c->arena, 64);

    for (int64_t i = 0; i < w->count; i++) {
        for (int64_t k = 0; k < w->rows[i].tag_count; k++) {
            struct str key = {(const char *)&w->rows[i].tag_ids[k], sizeof(int64_t)};
            bool is_new;

            map_slot(seen, key, &is_new);
            if (is_new)
                TRY(tag_write(c, w, w->rows[i].tag_ids[k]));
        }
    }
    note_close(c, w, "tags");
    return OK;
}

/* The same owner and store to all who get them; before and after are noted. */
static enum err owner_write(struct ctx *c, struct writing *w, int64_t first)
{
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)w->count);
    int64_t *places = arena_new_array(c->arena, int64_t, (size_t)w->count);
    bool *is_changed = arena_new_array(c->arena, bool, (size_t)w->count);
    struct owner_change change = {.ids = ids,
                                  .staff_id = w->rows[first].staff_id,
                                  .org_id = w->rows[first].org_id,
                                  .reason = S(REASON),
                                  .is_changed = is_changed};

    for (int64_t i = first; i < w->count; i++) {
        if (w->rows[i].staff_id != change.staff_id || w->rows[i].org_id != change.org_id)
            continue;
        places[change.count] = i;
        ids[change.count++] = w->rows[i].customer_id;
    }
    TRY(owner_assign(c, &change));
    for (int64_t i = 0; i < change.count; i++) {
        const struct q_beside_now_row *now = &w->now[places[i]];

        if (!is_changed[i])
            continue;
        w->rows[places[i]].row->is_changed = true;
        if (!is_noted(w, ids[i]))
            continue;
        note_int(w, w->note.len > 0 ? ',' : 0, ids[i]);
        note_int(w, ':', now->owner_staff_id);
        note_int(w, ':', now->org_id);
        note_int(w, ':', change.staff_id);
        w->note_count++;
    }
    return OK;
}

static enum err owners_write(struct ctx *c, struct writing *w)
{
    struct map *seen = map_new(c->arena, 64);

    for (int64_t i = 0; i < w->count; i++) {
        struct beside_row *row = &w->rows[i];
        bool is_new;

        if (row->owner.at == NULL && row->store.at == NULL)
            continue;
        /* What the row does not say stays as it is. */
        if (row->owner.at == NULL)
            row->staff_id = w->now[i].owner_staff_id;
        map_slot(seen, str_fmt(c->arena, "%" PRId64 " %" PRId64, row->staff_id, row->org_id),
                 &is_new);
        if (is_new)
            TRY(owner_write(c, w, i));
    }
    note_close(c, w, "owners");
    return OK;
}

static enum err births_write(struct ctx *c, struct writing *w)
{
    size_t room = (size_t)w->count;
    struct q_beside_birth_in *in = arena_new_array(c->arena, struct q_beside_birth_in, room);
    int64_t *places = arena_new_array(c->arena, int64_t, room);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, room);
    int64_t count = 0;

    for (int64_t i = 0; i < w->count; i++) {
        if (w->rows[i].birth_day == NONE)
            continue;
        places[count] = i;
        in[count++] = (struct q_beside_birth_in){.birth_day = w->rows[i].birth_day,
                                                 .customer_id = w->rows[i].customer_id};
    }
    if (count > 0)
        TRY(q_beside_birth(c, in, count, changed_each));
    for (int64_t i = 0; i < count; i++) {
        if (changed_each[i] == 0)
            continue;
        w->rows[places[i]].row->is_changed = true;
        if (!is_noted(w, in[i].customer_id))
            continue;
        note_int(w, w->note.len > 0 ? ',' : 0, in[i].customer_id);
        note_int(w, ':', w->now[places[i]].birth_day);
        note_int(w, ':', in[i].birth_day);
        w->note_count++;
    }
    note_close(c, w, "births");
    return OK;
}

static enum err children_write(struct ctx *c, struct writing *w)
{
    size_t room = (size_t)w->count;
    struct q_beside_child_in *in = arena_new_array(c->arena, struct q_beside_child_in, room);
    struct q_beside_youngest_in *parents =
        arena_new_array(c->arena, struct q_beside_youngest_in, room);
    int64_t *places = arena_new_array(c->arena, int64_t, room);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, room);
    int64_t count = 0, parent_count = 0;

    for (int64_t i = 0; i < w->count; i++) {
        if (w->rows[i].child_birth_day == NONE)
            continue;
        places[count] = i;
        in[count++] = (struct q_beside_child_in){.id = ctx_id(c),
                                                 .customer_id = w->rows[i].customer_id,
                                                 .birth_day = w->rows[i].child_birth_day};
    }
    if (count > 0)
        TRY(q_beside_child(c, in, count, changed_each));
    for (int64_t i = 0; i < count; i++) {
        if (changed_each[i] == 0)
            continue;
        w->rows[places[i]].row->is_changed = true;
        parents[parent_count++].customer_id = in[i].customer_id;
        if (!is_noted(w, in[i].customer_id))
            continue;
        note_int(w, w->note.len > 0 ? ',' : 0, in[i].id);
        w->note_count++;
    }
    note_close(c, w, "children");
    return parent_count > 0 ? q_beside_youngest(c, parents, parent_count, NULL) : OK;
}

static enum err all_write(struct ctx *c, struct writing *w)
{
    struct q_beside_now_in *in =
        arena_new_array(c->arena, struct q_beside_now_in, (size_t)w->count);

    w->now = arena_new_array(c->arena, struct q_beside_now_row, (size_t)w->count);
    for (int64_t i = 0; i < w->count; i++)
        in[i].customer_id = w->rows[i].customer_id;
    TRY(q_beside_now(c, in, w->count, w->now));
    TRY(tags_write(c, w));
    TRY(owners_write(c, w));
    TRY(births_write(c, w));
    return children_write(c, w);
}

enum err import_beside_write(struct ctx *c, struct import *run, struct beside_row *rows,
                             int64_t count)
{
    struct writing w = {.run = run};
    enum err err;

    w.rows = arena_new_array(c->arena, struct beside_row, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++) {
        const struct beside_row *row = &rows[i];
        bool is_asked = row->tag_count > 0 || row->owner.at != NULL || row->store.at != NULL ||
                        row->birth_day != NONE || row->child_birth_day != NONE;

        if (row->row->code == NULL && row->customer_id != NONE && is_asked)
            w.rows[w.count++] = *row;
    }
    if (w.count == 0)
        return OK;
    buf_init(&w.note, NOTE_BYTES_MAX);
    err = all_write(c, &w);
    buf_release(&w.note);
    return err;
}

/* ---- undoing -------------------------------------------------------------------------------- */

#define PART_MAX (CUSTOMER_BATCH_MAX + 1)

/* "7:8:-" as numbers, at most PART_MAX. */
static enum err numbers_read(struct ctx *c, struct str text, int64_t *numbers, int64_t *count)
{
    bool is_more = true;
    struct str part;

    *count = 0;
    while (is_more && *count < PART_MAX) {
        is_more = str_cut(text, ':', &part, &text);
        numbers[*count] = NONE;
        if (!str_is(part, "-") && !str_to_int(part, &numbers[*count]))
            return fail(c, E_CORRUPT, "import.effect", "an effect cannot be read");
        (*count)++;
    }
    return OK;
}

static void undo_count(struct import_undo *undo, bool is_undone)
{
    undo->undone_count += is_undone;
    undo->kept_count += !is_undone;
}

static enum err tag_undo(struct ctx *c, struct import_undo *undo, const int64_t *numbers,
                         int64_t count)
{
    bool *is_changed = arena_new_array(c->arena, bool, (size_t)count);
    struct tag_put put = {
        .ids = numbers + 1, .count = count - 1, .tag_id = numbers[0], .is_changed = is_changed};
    enum err err = put.count > 0 ? tag_put_batch(c, &put) : OK;

    if (err == E_NOT_FOUND) /* the tag itself is gone */
        c->fault = (struct fault){0};
    else
        TRY(err);
    for (int64_t i = 0; i < put.count; i++)
        undo_count(undo, err == OK && is_changed[i]);
    return OK;
}

/* One owner back, where the imported one still is. */
static enum err owner_undo(struct ctx *c, struct import_undo *undo, const int64_t *numbers)
{
    struct q_beside_now_in in = {.customer_id = numbers[0]};
    struct owner_row back = {numbers[0], numbers[1], numbers[2]};
    struct q_beside_now_row now;

    TRY(q_beside_now(c, &in, 1, &now));
    undo_count(undo, now.id != NONE && now.owner_staff_id == numbers[3]);
    if (now.id == NONE || now.owner_staff_id != numbers[3])
        return OK;
    return owner_restore(c, &back, 1, S("import undone"));
}

static enum err birth_undo(struct ctx *c, struct import_undo *undo, const int64_t *numbers)
{
    struct q_beside_birth_back_in in = {
        .birth_day = numbers[1], .customer_id = numbers[0], .imported_day = numbers[2]};
    int64_t changed_count;

    TRY(q_beside_birth_back(c, &in, 1, &changed_count));
    undo_count(undo, changed_count > 0);
    return OK;
}

static enum err child_undo(struct ctx *c, struct import_undo *undo, const int64_t *numbers)
{
    struct q_beside_child_drop_in in = {.child_id = numbers[0]};
    struct q_beside_child_drop_row gone;
    struct q_beside_youngest_in parent;

    TRY(q_beside_child_drop(c, &in, 1, &gone));
    undo_count(undo, gone.customer_id != NONE);
    parent.customer_id = gone.customer_id;
    return gone.customer_id == NONE ? OK : q_beside_youngest(c, &parent, 1, NULL);
}

static enum err part_undo(struct ctx *c, struct import_undo *undo, struct str part)
{
    int64_t *numbers = arena_new_array(c->arena, int64_t, PART_MAX);
    int64_t count;

    TRY(numbers_read(c, part, numbers, &count));
    if (str_is(undo->noun, "tags"))
        return tag_undo(c, undo, numbers, count);
    if (str_is(undo->noun, "owners") && count == 4)
        return owner_undo(c, undo, numbers);
    if (str_is(undo->noun, "births") && count == 3)
        return birth_undo(c, undo, numbers);
    if (str_is(undo->noun, "children") && count == 1)
        return child_undo(c, undo, numbers);
    return fail(c, E_CORRUPT, "import.effect", "an effect cannot be read");
}

enum err import_beside_undo(struct ctx *c, struct import_undo *undo, bool *is_mine)
{
    struct str rest = undo->before, part;
    bool is_more = rest.len > 0;

    *is_mine = str_is(undo->noun, "tags") || str_is(undo->noun, "owners") ||
               str_is(undo->noun, "births") || str_is(undo->noun, "children");
    while (*is_mine && is_more) {
        is_more = str_cut(rest, ',', &part, &rest);
        TRY(part_undo(c, undo, part));
    }
    return OK;
}
