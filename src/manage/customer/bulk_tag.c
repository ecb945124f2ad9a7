/* A tag put on many or taken off. What is kept for taking back: when the tag came ("1772330400000
 * -"), and which one of its exclusive group went for it; so nothing is undone that somebody did
 * since. */
#include "gen/bulk.q.h"
#include "gen/tag.q.h"
#include "manage/customer/bulk_private.h"
#include "manage/customer/customer.h"

struct page {
    struct bulk_in in;
    struct q_tag_get_row tag;
    struct list subjects;
    int64_t *ids; /* of the reached */
    struct str *was;
    int64_t count;
    struct q_bulk_tag_now_row *now;
};

static enum err tag_read(struct ctx *c, const struct job *job, struct page *page)
{
    enum err err;

    TRY(bulk_input(c, job, &page->in));
    err = q_tag_get(c, page->in.tag_id, &page->tag);
    return err == E_NOT_FOUND ? fail(c, err, "tag.unknown", "the tag is gone") : err;
}

/* The reached subjects, and how it is with their tags. */
static enum err page_look(struct ctx *c, struct page *page)
{
    const struct bulk_subject *subject = page->subjects.at;
    size_t room = (size_t)page->subjects.count + 1;
    struct q_bulk_tag_now_in *keys = arena_new_array(c->arena, struct q_bulk_tag_now_in, room);

    page->ids = arena_new_array(c->arena, int64_t, room);
    page->was = arena_new_array(c->arena, struct str, room);
    page->now = arena_new_array(c->arena, struct q_bulk_tag_now_row, room);
    page->count = 0;
    for (int64_t i = 0; i < page->subjects.count; i++) {
        if (!subject[i].is_reached)
            continue;
        page->was[page->count] = subject[i].was;
        page->ids[page->count] = subject[i].id;
        keys[page->count++] = (struct q_bulk_tag_now_in){
            .tag_id = page->in.tag_id,
            .group_id = page->tag.is_exclusive ? page->tag.group_id : NONE,
            .customer_id = subject[i].id};
    }
    return page->count > 0 ? q_bulk_tag_now(c, keys, page->count, page->now) : OK;
}

static struct str was_of(struct ctx *c, int64_t now_ms, int64_t other_tag_id)
{
    if (other_tag_id == NONE)
        return str_fmt(c->arena, "%" PRId64 " -", now_ms);
    return str_fmt(c->arena, "%" PRId64 " %" PRId64, now_ms, other_tag_id);
}

static enum err tag_step(struct ctx *c, struct job *job, bool *is_done)
{
    struct page page;
    struct bulk_mark *marks;
    bool *is_changed;
    int64_t count = 0;

    TRY(tag_read(c, job, &page));
    TRY(bulk_subjects(c, job, BULK_PAGE, &page.subjects));
    TRY(page_look(c, &page));
    marks = arena_new_array(c->arena, struct bulk_mark, (size_t)page.count + 1);
    is_changed = arena_new_array(c->arena, bool, (size_t)page.count + 1);
    TRY(tag_put_batch(c, &(struct tag_put){.ids = page.ids,
                                           .count = page.count,
                                           .tag_id = page.in.tag_id,
                                           .is_on = str_is(page.in.action, "tag_on"),
                                           .is_changed = is_changed}));
    for (int64_t i = 0; i < page.count; i++)
        if (is_changed[i])
            marks[count++] =
                (struct bulk_mark){page.ids[i], was_of(c, c->now_ms, page.now[i].other_tag_id)};
    TRY(bulk_mark(c, job, marks, count));
    bulk_step_end(c, job, &page.subjects, count, is_done);
    return OK;
}

/* ---- back ------------------------------------------------------------------------------------ */

static bool still_holds(const struct page *page, int64_t i, int64_t *other_tag_id)
{
    struct str ms_text, other;
    int64_t came_ms;

    str_cut(page->was[i], ' ', &ms_text, &other);
    *other_tag_id = NONE;
    if (!str_to_int(ms_text, &came_ms))
        return false;
    if (str_is(page->in.action, "tag_off"))
        return page->now[i].created_ms == NONE && page->now[i].other_tag_id == NONE;
    if (!str_to_int(other, other_tag_id))
        *other_tag_id = NONE;
    return page->now[i].created_ms == came_ms;
}

/* The tags that went for this one, tag by tag: an exclusive group has few. */
static enum err others_restore(struct ctx *c, const int64_t *ids, int64_t *others, int64_t count)
{
    int64_t *same = arena_new_array(c->arena, int64_t, (size_t)count + 1);

    for (int64_t i = 0; i < count; i++) {
        struct tag_put put = {.ids = same, .tag_id = others[i], .is_on = true};
        struct q_tag_get_row tag;
        enum err err;

        if (others[i] == NONE)
            continue;
        for (int64_t j = count - 1; j >= i; j--) {
            if (others[j] != put.tag_id)
                continue;
            same[put.count++] = ids[j];
            others[j] = NONE;
        }
        err = q_tag_get(c, put.tag_id, &tag);
        if (err == E_NOT_FOUND)
            continue; /* deleted since */
        TRY(err);
        TRY(tag_put_batch(c, &put));
    }
    return OK;
}

static enum err tag_undo(struct ctx *c, struct job *job, bool *is_done)
{
    struct page page;
    int64_t *ids, *others, count = 0;

    TRY(tag_read(c, job, &page));
    TRY(bulk_changed(c, job, &page.subjects));
    TRY(page_look(c, &page));
    ids = arena_new_array(c->arena, int64_t, (size_t)page.count + 1);
    others = arena_new_array(c->arena, int64_t, (size_t)page.count + 1);
    for (int64_t i = 0; i < page.count; i++) {
        if (!still_holds(&page, i, &others[count]))
            continue;
        ids[count++] = page.ids[i];
    }
    TRY(tag_put_batch(c, &(struct tag_put){.ids = ids,
                                           .count = count,
                                           .tag_id = page.in.tag_id,
                                           .is_on = str_is(page.in.action, "tag_off")}));
    TRY(others_restore(c, ids, others, count));
    TRY(bulk_unmark(c, job, ids, count));
    bulk_undo_end(c, job, &page.subjects, count, is_done);
    return OK;
}

const struct job_kind bulk_tag_kind = {
    .name = "customer_tag",
    .title_zh = "批量标签",
    .title_en = "Tag many",
    .permission = "customer.tag",
    .begin = bulk_begin,
    .step = tag_step,
    .undo = tag_undo,
};
