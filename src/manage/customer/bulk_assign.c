/* Many given to a colleague and a store. Kept for taking back: "staff org staff org", before and
 * after, so that whoever was given to another since stays there. */
#include "gen/owner.q.h"
#include "manage/customer/bulk_private.h"
#include "manage/customer/customer.h"

struct page {
    struct list subjects;
    int64_t *ids; /* of the reached */
    struct str *was;
    int64_t count;
};

/* Back goes also who is out of reach by now: the job itself gave them away. */
static void page_take(struct ctx *c, struct page *page, bool is_back)
{
    const struct bulk_subject *subject = page->subjects.at;

    page->ids = arena_new_array(c->arena, int64_t, (size_t)page->subjects.count + 1);
    page->was = arena_new_array(c->arena, struct str, (size_t)page->subjects.count + 1);
    page->count = 0;
    for (int64_t i = 0; i < page->subjects.count; i++) {
        if (!subject[i].is_reached && !is_back)
            continue;
        page->was[page->count] = subject[i].was;
        page->ids[page->count++] = subject[i].id;
    }
}

static enum err owners_look(struct ctx *c, const struct page *page, struct q_owner_now_row **rows)
{
    struct q_owner_now_in *keys =
        arena_new_array(c->arena, struct q_owner_now_in, (size_t)page->count + 1);

    *rows = arena_new_array(c->arena, struct q_owner_now_row, (size_t)page->count + 1);
    for (int64_t i = 0; i < page->count; i++)
        keys[i].customer_id = page->ids[i];
    return page->count > 0 ? q_owner_now(c, keys, page->count, *rows) : OK;
}

static struct str id_text(struct ctx *c, int64_t id)
{
    return id == NONE ? S("-") : str_fmt(c->arena, "%" PRId64, id);
}

static int64_t id_next(struct str *rest)
{
    struct str head;
    int64_t id;

    str_cut(*rest, ' ', &head, rest);
    return str_to_int(head, &id) ? id : NONE;
}

static enum err assign_step(struct ctx *c, struct job *job, bool *is_done)
{
    struct q_owner_now_row *before, *after;
    struct bulk_mark *marks;
    struct bulk_in in;
    struct page page;
    bool *is_changed;
    int64_t count = 0;

    TRY(bulk_input(c, job, &in));
    TRY(bulk_subjects(c, job, BULK_PAGE, &page.subjects));
    page_take(c, &page, false);
    marks = arena_new_array(c->arena, struct bulk_mark, (size_t)page.count + 1);
    is_changed = arena_new_array(c->arena, bool, (size_t)page.count + 1);
    TRY(owners_look(c, &page, &before));
    TRY(owner_assign(c, &(struct owner_change){.ids = page.ids,
                                               .count = page.count,
                                               .staff_id = in.staff_id,
                                               .org_id = in.org_id,
                                               .reason = str_trim(in.reason),
                                               .is_changed = is_changed}));
    TRY(owners_look(c, &page, &after));
    for (int64_t i = 0; i < page.count; i++) {
        if (!is_changed[i])
            continue;
        marks[count++] = (struct bulk_mark){
            page.ids[i],
            str_fmt(c->arena, "%.*s %.*s %.*s %.*s", STR(id_text(c, before[i].owner_staff_id)),
                    STR(id_text(c, before[i].org_id)), STR(id_text(c, after[i].owner_staff_id)),
                    STR(id_text(c, after[i].org_id)))};
    }
    TRY(bulk_mark(c, job, marks, count));
    bulk_step_end(c, job, &page.subjects, count, is_done);
    return OK;
}

static enum err assign_undo(struct ctx *c, struct job *job, bool *is_done)
{
    struct q_owner_now_row *now;
    struct owner_row *rows;
    struct bulk_in in;
    struct page page;
    int64_t *ids, count = 0;

    TRY(bulk_input(c, job, &in));
    TRY(bulk_changed(c, job, &page.subjects));
    page_take(c, &page, true);
    TRY(owners_look(c, &page, &now));
    rows = arena_new_array(c->arena, struct owner_row, (size_t)page.count + 1);
    ids = arena_new_array(c->arena, int64_t, (size_t)page.count + 1);
    for (int64_t i = 0; i < page.count; i++) {
        struct str rest = page.was[i];
        struct owner_row row = {.customer_id = page.ids[i]};
        int64_t staff_id, org_id;

        row.staff_id = id_next(&rest);
        row.org_id = id_next(&rest);
        staff_id = id_next(&rest);
        org_id = id_next(&rest);
        if (now[i].id == NONE || now[i].owner_staff_id != staff_id || now[i].org_id != org_id)
            continue;
        ids[count] = row.customer_id;
        rows[count++] = row;
    }
    TRY(owner_restore(c, rows, count, str_fmt(c->arena, "↩ %.*s", STR(str_trim(in.reason)))));
    TRY(bulk_unmark(c, job, ids, count));
    bulk_undo_end(c, job, &page.subjects, count, is_done);
    return OK;
}

const struct job_kind bulk_assign_kind = {
    .name = "customer_assign",
    .title_zh = "批量分配",
    .title_en = "Give many to a colleague",
    .permission = "customer.assign",
    .begin = bulk_begin,
    .step = assign_step,
    .undo = assign_undo,
};
