/* Relations: how one colleague and one customer met, how the colleague calls the customer, and
 * whether they still are in touch. Kept apart from the person, because each colleague has an own
 * one. Always: one a pair; others' relations are written only by those who may give customers away.
 */
#include "gen/relation.q.h"
#include "kit/audit.h"
#include "manage/customer/customer_private.h"
#include "manage/customer/mask.h"

#define SOURCES "scan|search|group|card|import|hand"
#define REMARK_CHARS_MAX 60

struct relation_in {
    int64_t customer_id, staff_id;
    struct str source, remark;
};
struct relation_item {
    int64_t customer_id, staff_id, added_ms, lost_ms;
    struct str staff_name, source, remark;
};
struct relation_list {
    struct list items;
};
static const struct field relation_list_in[] = {IN(struct relation_in, customer_id)};
static const struct field relation_item[] = {
    OUT(struct relation_item, customer_id, .about = "the record it is with"),
    OUT(struct relation_item, staff_id),
    OUT(struct relation_item, staff_name),
    OUT(struct relation_item, source, .one_of = SOURCES),
    OUT(struct relation_item, remark, .is_optional = true),
    OUT(struct relation_item, added_ms, .is_optional = true),
    OUT(struct relation_item, lost_ms, .is_optional = true),
};
static const struct field relation_list[] = {
    OUT(struct relation_list, items, .of = SHAPE(relation_item)),
};
static const struct field relation_add_in[] = {
    IN(struct relation_in, customer_id),
    IN(struct relation_in, staff_id, .is_optional = true, .about = "absent: oneself"),
    IN(struct relation_in, source, .one_of = SOURCES),
    IN(struct relation_in, remark, .is_optional = true, .max = REMARK_CHARS_MAX),
};
static const struct field relation_remark_in[] = {
    IN(struct relation_in, customer_id),
    IN(struct relation_in, staff_id),
    IN(struct relation_in, remark, .max = REMARK_CHARS_MAX, .about = "empty text: none any more"),
};
static const struct field relation_lost_in[] = {
    IN(struct relation_in, customer_id),
    IN(struct relation_in, staff_id),
};

/* One's own remark is in the clear; others' like a name. */
static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct relation_in *in = in_;
    struct relation_list *out = out_;
    const struct q_relation_list_row *row;
    struct relation_item *item;
    int64_t person_id;
    struct list rows;

    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_relation_list(c, person_id, &rows));
    row = rows.at;
    item = arena_new_array(c->arena, struct relation_item, (size_t)rows.count + 1);
    out->items = (struct list){item, rows.count};
    for (int64_t i = 0; i < rows.count; i++) {
        item[i] = (struct relation_item){.customer_id = row[i].customer_id,
                                         .staff_id = row[i].staff_id,
                                         .added_ms = row[i].added_ms,
                                         .lost_ms = row[i].lost_ms,
                                         .staff_name = row[i].staff_name,
                                         .source = row[i].source};
        TRY(ctx_unseal(c, row[i].remark_enc, "relation", row[i].customer_id, &item[i].remark));
        if (row[i].staff_id != c->me_staff_id)
            item[i].remark = mask_name_for(c, item[i].remark);
    }
    return OK;
}

/* ---- changing -------------------------------------------------------------------------------- */

static enum err staff_check(struct ctx *c, int64_t staff_id)
{
    struct q_relation_staff_row row;
    enum err err;

    if (staff_id == c->me_staff_id)
        return OK;
    if (!ctx_may(c, "customer.assign"))
        return fail(c, E_FORBIDDEN, "relation.not_yours",
                    "others' relations need the right customer.assign");
    err = q_relation_staff(c, staff_id, &row);
    return err == E_NOT_FOUND
               ? fail(c, err, "relation.staff", "no such active colleague within your reach")
               : err;
}

static enum err changed(struct ctx *c, int64_t person_id, int64_t staff_id, const char *kind)
{
    struct event event;

    audit_about(c, "customer", person_id);
    audit_detail(c, str_fmt(c->arena, "{\"staff_id\":\"%" PRId64 "\"}", staff_id));
    c->topics |= LIVE_CUSTOMERS;
    if (kind == NULL)
        return OK;
    event_init(&event, c, kind);
    event.customer_id = person_id;
    event.subject_id = staff_id;
    return journal_emit(c, &event, 1);
}

static struct str remark_seal(struct ctx *c, struct str remark, int64_t customer_id)
{
    struct str text = str_trim(remark);

    return text.len > 0 ? ctx_seal(c, text, "relation", customer_id) : (struct str){0};
}

static enum err add_run(struct ctx *c, const void *in_, void *out)
{
    const struct relation_in *in = in_;
    int64_t staff_id = in->staff_id == NONE ? c->me_staff_id : in->staff_id;
    int64_t person_id, changed_count;

    (void)out;
    if (staff_id == NONE)
        return fail_at(c, "relation.staff", S("staff_id"), "say whose relation it is");
    TRY(staff_check(c, staff_id));
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_relation_add(
        c,
        &(struct q_relation_add_in){.customer_id = person_id,
                                    .staff_id = staff_id,
                                    .source = in->source,
                                    .remark_enc = remark_seal(c, in->remark, person_id),
                                    .added_ms = c->now_ms},
        &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "relation.exists", "they are in touch already");
    return changed(c, person_id, staff_id, "relation_added");
}

static enum err unknown_check(struct ctx *c, int64_t changed_count)
{
    if (changed_count == 0)
        return fail(c, E_NOT_FOUND, "relation.unknown", "they are not in touch");
    return OK;
}

static enum err remark_run(struct ctx *c, const void *in_, void *out)
{
    const struct relation_in *in = in_;
    int64_t person_id, changed_count;

    (void)out;
    TRY(staff_check(c, in->staff_id));
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_relation_remark(c, remark_seal(c, in->remark, in->customer_id), in->customer_id,
                          in->staff_id, &changed_count));
    TRY(unknown_check(c, changed_count));
    return changed(c, person_id, in->staff_id, NULL);
}

static enum err lost_run(struct ctx *c, const void *in_, void *out)
{
    const struct relation_in *in = in_;
    int64_t person_id, changed_count;

    (void)out;
    TRY(staff_check(c, in->staff_id));
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_relation_lose(c, in->customer_id, in->staff_id, &changed_count));
    TRY(unknown_check(c, changed_count));
    return changed(c, person_id, in->staff_id, "relation_lost");
}

const struct route relation_routes[] = {
    {HTTP_GET, "/api/customers/{customer_id}/relations", "customer.read",
     SHAPE_OF("relation_list_in", relation_list_in, struct relation_in), SHAPE(relation_list),
     list_run, .about = "Which colleagues are in touch with a customer"},
    {HTTP_POST, "/api/customers/{customer_id}/relations", "customer.write",
     SHAPE_OF("relation_add_in", relation_add_in, struct relation_in), NULL, add_run,
     .about = "A colleague and a customer have met"},
    {HTTP_POST, "/api/customers/{customer_id}/relations/{staff_id}/remark", "customer.write",
     SHAPE_OF("relation_remark_in", relation_remark_in, struct relation_in), NULL, remark_run,
     .about = "How this colleague calls the customer"},
    {HTTP_POST, "/api/customers/{customer_id}/relations/{staff_id}/lost", "customer.write",
     SHAPE_OF("relation_lost_in", relation_lost_in, struct relation_in), NULL, lost_run,
     .about = "They are not in touch any more"},
    {.path = NULL},
};
