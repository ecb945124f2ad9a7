/* Customers: add one, their purchase state, and what events change of them. Always: customer_number
 * is dense and never reused; every identity of a customer belongs to it alone; added_ms is the
 * earliest known; an inviter is set once. */
#include "manage/customer/customer.h"

#include "gen/customer.q.h"
#include "manage/attribute/attribute.h"
#include "manage/customer/customer_private.h"
#include "manage/setting/setting.h"

void customer_new_init(struct customer_new *n)
{
    *n = (struct customer_new){
        .channel_id = NONE, .touched_ms = NONE, .added_ms = NONE, .invited_by_customer_id = NONE};
}

/* ---- writing new ones ------------------------------------------------------------------------ */

static enum err added_emit(struct ctx *c, const struct customer_plan *plans, int64_t count)
{
    struct event *events = arena_new_array(c->arena, struct event, (size_t)count);

    for (int64_t i = 0; i < count; i++) {
        event_init(&events[i], c, "customer_added");
        events[i].occurred_ms = plans[i].touched_ms;
        events[i].customer_id = plans[i].id;
        events[i].channel_id = plans[i].channel_id;
    }
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, events, count);
}

static enum err rows_write(struct ctx *c, const struct customer_plan *plans, int64_t count)
{
    struct q_customer_last_number_row last;
    struct q_customer_insert_in *rows;

    TRY(q_customer_last_number(c, &last));
    must(last.last_number + count <= UINT32_MAX);
    rows = arena_new_array(c->arena, struct q_customer_insert_in, (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        const struct customer_plan *plan = &plans[i];
        rows[i] = (struct q_customer_insert_in){
            .id = plan->id,
            .customer_number = last.last_number + 1 + i,
            .name_enc = ctx_seal(c, plan->name, "customer", plan->id),
            .phone_enc = ctx_seal(c, plan->phone, "customer", plan->id),
            .email_enc = ctx_seal(c, plan->email, "customer", plan->id),
            .region = plan->region,
            .attributes = plan->attributes.at ? plan->attributes : S("{}"),
            .channel_id = plan->channel_id,
            .invited_by_customer_id = NONE,
            .touched_ms = plan->touched_ms,
            .added_ms = plan->added_ms,
            .action_day = plan->action_day,
        };
    }
    return q_customer_insert(c, rows, count, NULL);
}

enum err customer_write_new(struct ctx *c, const struct customer_writing *w)
{
    if (w->plan_count > 0)
        TRY(rows_write(c, w->plans, w->plan_count));
    TRY(identity_plans_write(c, w->identities, w->identity_count));
    return w->plan_count > 0 ? added_emit(c, w->plans, w->plan_count) : OK;
}

/* ---- changing -------------------------------------------------------------------------------- */

static enum err image_open(struct ctx *c, const struct q_customer_now_row *row,
                           struct customer_image *image)
{
    TRY(ctx_unseal(c, row->name_enc, "customer", image->id, &image->name));
    TRY(ctx_unseal(c, row->phone_enc, "customer", image->id, &image->phone));
    TRY(ctx_unseal(c, row->email_enc, "customer", image->id, &image->email));
    image->region = row->region;
    image->attributes = row->attributes;
    image->channel_id = row->channel_id;
    image->touched_ms = row->touched_ms;
    image->added_ms = row->added_ms;
    image->is_family = row->is_family;
    image->inviter_id = row->merged_into_id == NONE ? row->invited_by_customer_id : NONE;
    return OK;
}

enum err customer_images_read(struct ctx *c, const int64_t *ids, int64_t count,
                              struct customer_image *images)
{
    struct q_customer_now_in *keys;
    struct q_customer_now_row *rows;

    if (count == 0)
        return OK;
    keys = arena_new_array(c->arena, struct q_customer_now_in, (size_t)count);
    rows = arena_new_array(c->arena, struct q_customer_now_row, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        keys[i].customer_id = ids[i];
    TRY(q_customer_now(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++) {
        images[i] = (struct customer_image){.id = ids[i], .is_there = rows[i].touched_ms != NONE};
        if (images[i].is_there)
            TRY(image_open(c, &rows[i], &images[i]));
    }
    return OK;
}

enum err customer_images_write(struct ctx *c, const struct customer_image *images, int64_t count)
{
    struct q_customer_change_in *rows;

    if (count == 0)
        return OK;
    rows = arena_new_array(c->arena, struct q_customer_change_in, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        rows[i] = (struct q_customer_change_in){
            .name_enc = ctx_seal(c, images[i].name, "customer", images[i].id),
            .phone_enc = ctx_seal(c, images[i].phone, "customer", images[i].id),
            .email_enc = ctx_seal(c, images[i].email, "customer", images[i].id),
            .region = images[i].region,
            .attributes = images[i].attributes,
            .channel_id = images[i].channel_id,
            .is_family = images[i].is_family,
            .touched_ms = images[i].touched_ms,
            .added_ms = images[i].added_ms,
            .customer_id = images[i].id,
        };
    return q_customer_change(c, rows, count, NULL);
}

/* ---- one new customer ------------------------------------------------------------------------ */

enum err customer_exists(struct ctx *c, int64_t person_id, struct str kind)
{
    int64_t reached_id;

    if (customer_reach(c, person_id, &reached_id) != OK)
        return fail(c, E_CONFLICT, "customer.exists", "another customer has this %.*s", STR(kind));
    return fail(c, E_CONFLICT, "customer.exists", "customer %" PRId64 " has this %.*s", person_id,
                STR(kind));
}

/* Nobody else may have one of them. */
static enum err identities_check(struct ctx *c, const struct identities *all)
{
    struct q_customer_seen_row *rows;

    if (all->count == 0)
        return OK;
    rows = arena_new_array(c->arena, struct q_customer_seen_row, (size_t)all->count);
    TRY(identity_seen(c, all->plans, all->count, rows));
    for (int64_t i = 0; i < all->count; i++)
        if (rows[i].customer_id != NONE)
            return customer_exists(c, rows[i].person_id, all->plans[i].ref.kind);
    return OK;
}

enum err customer_add(struct ctx *c, const struct customer_new *n, int64_t *customer_id)
{
    struct customer_plan plan = {.id = ctx_id(c),
                                 .name = n->name,
                                 .region = n->region,
                                 .attributes = n->attributes,
                                 .channel_id = n->channel_id,
                                 .touched_ms = n->touched_ms,
                                 .added_ms = n->added_ms,
                                 .action_day = NONE};
    struct identities all;
    bool is_set;

    if (plan.touched_ms == NONE)
        plan.touched_ms = c->now_ms;
    TRY(attributes_check(c, n->attributes));
    TRY(identities_gather(c, n, &all));
    TRY(identities_check(c, &all));
    plan.phone = all.phone;
    plan.email = all.email;
    for (int64_t i = 0; i < all.count; i++)
        all.plans[i].customer_id = plan.id;
    TRY(customer_write_new(c, &(struct customer_writing){&plan, 1, all.plans, all.count}));
    *customer_id = plan.id;
    if (n->invited_by_customer_id == NONE)
        return OK;
    return customer_inviter_link(c, plan.id, n->invited_by_customer_id, &is_set);
}

/* ---- purchase state -------------------------------------------------------------------------- */

enum err customer_limits_get(struct ctx *c, struct customer_limits *limits)
{
    static const char *const names[] = {"sleep_after_days", "lost_after_days"};
    int64_t days[2];

    TRY(setting_ints(c, names, 2, days));
    limits->sleep_before_ms = c->now_ms - days[0] * DAY_MS;
    limits->lost_before_ms = c->now_ms - days[1] * DAY_MS;
    return OK;
}

const char *customer_state(const struct customer_limits *limits, int64_t order_count,
                           int64_t last_order_ms)
{
    if (order_count == 0)
        return "never";
    if (last_order_ms < limits->lost_before_ms)
        return "lost";
    if (last_order_ms < limits->sleep_before_ms)
        return "sleeping";
    return order_count == 1 ? "once" : "repeat";
}

/* ---- what events change ---------------------------------------------------------------------- */

enum err customer_edited_emit(struct ctx *c, int64_t customer_id, struct str fields)
{
    struct event event;

    event_init(&event, c, "customer_edited");
    event.customer_id = customer_id;
    event.properties = str_fmt(c->arena, "{\"fields\":\"%.*s\"}", STR(fields));
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, &event, 1);
}

enum err customer_mark_added(struct ctx *c, const struct event *event)
{
    int64_t changed_count;

    must(event->customer_id != NONE);
    TRY(q_customer_added_set(c, event->occurred_ms, event->customer_id, &changed_count));
    if (changed_count > 0)
        c->topics |= LIVE_CUSTOMERS;
    return OK;
}

enum err customer_inviter_link(struct ctx *c, int64_t customer_id, int64_t inviter_id, bool *is_set)
{
    int64_t changed_count;

    TRY(q_customer_inviter_set(c, inviter_id, customer_id, &changed_count));
    *is_set = changed_count > 0;
    if (!*is_set)
        return OK;
    c->topics |= LIVE_CUSTOMERS;
    TRY(q_customer_invited_add(c, inviter_id, &changed_count));
    must(changed_count == 1);
    return OK;
}

enum err customer_mark_invited(struct ctx *c, const struct event *event)
{
    bool is_set;

    must(event->customer_id != NONE);
    must(event->subject_id != NONE);
    return customer_inviter_link(c, event->customer_id, event->subject_id, &is_set);
}
