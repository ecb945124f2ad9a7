/* Who has a customer: a colleague and a store. Always: what stands in the person's row is the one
 * entry of the history without an end; whoever gives customers away stays within the own reach. */
#include "gen/owner.q.h"
#include "kit/audit.h"
#include "manage/customer/customer_private.h"

#define REASON_CHARS_MAX 200

/* ---- giving ---------------------------------------------------------------------------------- */

static bool is_reached(const struct ctx *c, struct str path)
{
    if (c->me_reach_number == REACH_ALL)
        return true;
    return path.at && c->me_org_path.len > 0 && str_starts(path, c->me_org_path);
}

/* `org_id`: the store given; without one, the colleague's own. */
static enum err target_find(struct ctx *c, const struct owner_change *change, int64_t *org_id)
{
    struct q_owner_staff_row staff = {.org_id = NONE};
    struct q_owner_org_row org;
    enum err err;

    *org_id = change->org_id;
    if (change->staff_id != NONE) {
        err = q_owner_staff(c, change->staff_id, &staff);
        if (err == OK && staff.id != c->me_staff_id && !is_reached(c, staff.path))
            err = E_NOT_FOUND;
        if (err == E_NOT_FOUND)
            return fail(c, err, "owner.staff", "no such active colleague within your reach");
        TRY(err);
        if (*org_id == NONE)
            *org_id = staff.org_id;
    }
    if (change->org_id == NONE)
        return OK;
    err = q_owner_org(c, change->org_id, &org);
    if (err == OK && !is_reached(c, org.path))
        err = E_NOT_FOUND;
    return err == E_NOT_FOUND ? fail(c, err, "owner.org", "no such store within your reach") : err;
}

/* The persons this changes anything of: their places in change->ids. */
static enum err changed_find(struct ctx *c, const struct owner_change *change, int64_t org_id,
                             struct list *places)
{
    struct q_owner_now_in *keys =
        arena_new_array(c->arena, struct q_owner_now_in, (size_t)change->count + 1);
    struct q_owner_now_row *rows =
        arena_new_array(c->arena, struct q_owner_now_row, (size_t)change->count + 1);
    int64_t *place = arena_new_array(c->arena, int64_t, (size_t)change->count + 1);

    for (int64_t i = 0; i < change->count; i++)
        keys[i].customer_id = change->ids[i];
    TRY(q_owner_now(c, keys, change->count, rows));
    *places = (struct list){place, 0};
    for (int64_t i = 0; i < change->count; i++) {
        bool is_changed = rows[i].id != NONE &&
                          (rows[i].owner_staff_id != change->staff_id || rows[i].org_id != org_id);
        if (change->is_changed)
            change->is_changed[i] = is_changed;
        if (is_changed)
            place[places->count++] = i;
    }
    return OK;
}

enum err owner_restore(struct ctx *c, const struct owner_row *rows, int64_t count,
                       struct str reason)
{
    size_t room = (size_t)count + 1;
    struct q_owner_set_in *set = arena_new_array(c->arena, struct q_owner_set_in, room);
    struct q_owner_end_in *end = arena_new_array(c->arena, struct q_owner_end_in, room);
    struct q_owner_begin_in *begin = arena_new_array(c->arena, struct q_owner_begin_in, room);
    struct event *events = arena_new_array(c->arena, struct event, room);

    if (count == 0)
        return OK;
    for (int64_t i = 0; i < count; i++) {
        set[i] = (struct q_owner_set_in){.staff_id = rows[i].staff_id,
                                         .org_id = rows[i].org_id,
                                         .customer_id = rows[i].customer_id};
        end[i].customer_id = rows[i].customer_id;
        begin[i] = (struct q_owner_begin_in){.id = ctx_id(c),
                                             .customer_id = rows[i].customer_id,
                                             .staff_id = rows[i].staff_id,
                                             .org_id = rows[i].org_id,
                                             .reason = reason};
        event_init(&events[i], c, "owner_changed");
        events[i].customer_id = rows[i].customer_id;
        events[i].subject_id = rows[i].staff_id;
    }
    TRY(q_owner_set(c, set, count, NULL));
    TRY(q_owner_end(c, end, count, NULL));
    TRY(q_owner_begin(c, begin, count, NULL));
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, events, count);
}

static enum err changes_write(struct ctx *c, const struct owner_change *change, int64_t org_id,
                              const struct list *places)
{
    struct owner_row *rows = arena_new_array(c->arena, struct owner_row, (size_t)places->count);
    const int64_t *place = places->at;

    for (int64_t i = 0; i < places->count; i++)
        rows[i] = (struct owner_row){change->ids[place[i]], change->staff_id, org_id};
    return owner_restore(c, rows, places->count, change->reason);
}

enum err owner_assign(struct ctx *c, const struct owner_change *change)
{
    struct list places;
    int64_t org_id;

    must(change->count <= CUSTOMER_BATCH_MAX);
    TRY(target_find(c, change, &org_id));
    TRY(changed_find(c, change, org_id, &places));
    return places.count > 0 ? changes_write(c, change, org_id, &places) : OK;
}

enum err owner_claim(struct ctx *c, int64_t person_id)
{
    if (c->me_reach_number == REACH_ALL || c->me_staff_id == NONE)
        return OK;
    return owner_assign(c, &(struct owner_change){.ids = &person_id,
                                                  .count = 1,
                                                  .staff_id = c->me_staff_id,
                                                  .org_id = NONE,
                                                  .reason = S("")});
}

/* ---- routes ---------------------------------------------------------------------------------- */

struct owner_set_in {
    int64_t customer_id, staff_id, org_id;
    struct str reason;
};
static const struct field owner_set_in[] = {
    IN(struct owner_set_in, customer_id),
    IN(struct owner_set_in, staff_id, .is_optional = true, .about = "absent: nobody has them"),
    IN(struct owner_set_in, org_id, .is_optional = true, .about = "absent: the colleague's own"),
    IN(struct owner_set_in, reason, .min = 1, .max = REASON_CHARS_MAX),
};

static enum err set_run(struct ctx *c, const void *in_, void *out)
{
    const struct owner_set_in *in = in_;
    struct buf buf;
    struct json_out json;
    int64_t person_id;

    (void)out;
    if (str_trim(in->reason).len == 0)
        return fail_at(c, "owner.reason", S("reason"), "say why");
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(owner_assign(c, &(struct owner_change){.ids = &person_id,
                                               .count = 1,
                                               .staff_id = in->staff_id,
                                               .org_id = in->org_id,
                                               .reason = str_trim(in->reason)}));
    buf_init(&buf, 4096);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    json_name(&json, "staff_id");
    json_id(&json, in->staff_id);
    json_name(&json, "org_id");
    json_id(&json, in->org_id);
    json_object_end(&json);
    audit_about(c, "customer", person_id);
    audit_detail(c, str_copy(c->arena, buf_view(&buf)));
    buf_release(&buf);
    return OK;
}

struct owner_list_in {
    int64_t customer_id;
};
struct owner_list_out {
    struct list items;
};
static const struct field owner_list_in[] = {IN(struct owner_list_in, customer_id)};
static const struct field owner_item[] = {
    OUT(struct q_owner_history_row, id),
    OUT(struct q_owner_history_row, staff_id, .is_optional = true),
    OUT(struct q_owner_history_row, staff_name, .is_optional = true),
    OUT(struct q_owner_history_row, org_id, .is_optional = true),
    OUT(struct q_owner_history_row, org_name, .is_optional = true),
    OUT(struct q_owner_history_row, from_ms),
    OUT(struct q_owner_history_row, to_ms, .is_optional = true),
    OUT(struct q_owner_history_row, by_name, .is_optional = true),
    OUT(struct q_owner_history_row, reason),
};
static const struct field owner_list_out[] = {
    OUT(struct owner_list_out, items,
        .of = SHAPE_OF("owner_item", owner_item, struct q_owner_history_row)),
};

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct owner_list_in *in = in_;
    struct owner_list_out *out = out_;
    int64_t person_id;

    TRY(customer_reach(c, in->customer_id, &person_id));
    return q_owner_history(c, person_id, &out->items);
}

struct owner_choices_out {
    struct list staff, orgs;
};
static const struct field owner_choice[] = {
    OUT(struct q_owner_choices_row, staff_id),
    OUT(struct q_owner_choices_row, staff_name),
    OUT(struct q_owner_choices_row, org_id, .is_optional = true),
    OUT(struct q_owner_choices_row, org_name, .is_optional = true),
};
static const struct field owner_org[] = {
    OUT(struct q_owner_orgs_row, id),
    OUT(struct q_owner_orgs_row, name),
    OUT(struct q_owner_orgs_row, kind),
};
static const struct field owner_choices_out[] = {
    OUT(struct owner_choices_out, staff,
        .of = SHAPE_OF("owner_choice", owner_choice, struct q_owner_choices_row)),
    OUT(struct owner_choices_out, orgs,
        .of = SHAPE_OF("owner_org", owner_org, struct q_owner_orgs_row)),
};

static enum err choices_run(struct ctx *c, const void *in, void *out_)
{
    struct owner_choices_out *out = out_;

    (void)in;
    TRY(q_owner_choices(c, &out->staff));
    return q_owner_orgs(c, &out->orgs);
}

const struct route owner_routes[] = {
    {HTTP_GET, "/api/owners", "customer.read", NULL, SHAPE(owner_choices_out), choices_run,
     .about = "The colleagues and stores within one's reach, to filter and to give customers to"},
    {HTTP_GET, "/api/customers/{customer_id}/owner", "customer.read", SHAPE(owner_list_in),
     SHAPE(owner_list_out), list_run, .about = "Who had this customer when, latest first"},
    {HTTP_POST, "/api/customers/{customer_id}/owner", "customer.assign", SHAPE(owner_set_in), NULL,
     set_run, .about = "Give a customer to a colleague and a store"},
    {.path = NULL},
};
