/* Who an event or an order is about: references of a whole batch looked up with one statement,
 * unknown ones made with a fixed number more. Always: one record a distinct reference; a visitor's
 * record gets a name only while it has none (docs/decisions/0010). */
#include "gen/customer.q.h"
#include "manage/customer/merge_private.h"

#define NO_RECORD (-1)

/* A customer as far as this batch knows it. */
struct record {
    struct customer_plan plan;      /* id; the rest only when is_new */
    int64_t person_id;              /* whom the record stands for */
    int64_t number;                 /* tidy: the customer number; NONE: it is new */
    int64_t action_day, touched_ms; /* the person's, as stored */
    int64_t new_action_day, new_touched_ms, touch_channel_id;
    bool is_new;
    bool is_nameless; /* nothing but anonymous ids */
    bool is_promoted;
};

struct slot {
    struct customer_ref ref;
    struct str hash;
    int64_t record; /* tidy: an index, or NO_RECORD */
    bool is_linked; /* its identity row is to be written */
};

struct touch_slots {
    int64_t person, anonymous, inviter; /* tidy: an index, or NO_RECORD */
};

struct customer_touches {
    struct customer_touch *touches;
    struct touch_slots *of; /* each touch's slots */
    int64_t count;
    struct map *map; /* kind and value -> slot index + 1 */
    struct slot *slots;
    int64_t slot_count;
    struct record *records;
    int64_t record_count, new_count, link_count;
    struct merge_pair *pairs; /* visitors with a history who said who they are */
    int64_t pair_count;
};

static int64_t slot_of(struct ctx *c, struct customer_touches *all, struct customer_ref ref)
{
    int64_t *at;
    bool is_new;

    if (ref.kind.at == NULL)
        return NO_RECORD;
    at = map_slot(all->map, str_fmt(c->arena, "%.*s %.*s", STR(ref.kind), STR(ref.value)), &is_new);
    if (is_new) {
        all->slots[all->slot_count] =
            (struct slot){.ref = ref, .hash = identity_hash(c, ref), .record = NO_RECORD};
        *at = ++all->slot_count;
    }
    return *at - 1;
}

static int64_t known_id(const struct customer_touches *all, int64_t slot)
{
    if (slot == NO_RECORD || all->slots[slot].record == NO_RECORD)
        return NONE;
    return all->records[all->slots[slot].record].plan.id;
}

/* ---- finding --------------------------------------------------------------------------------- */

static enum err slots_find(struct ctx *c, struct customer_touches *all)
{
    struct identity_plan *plans;
    struct q_customer_seen_row *rows;

    if (all->slot_count == 0)
        return OK;
    plans = arena_new_array(c->arena, struct identity_plan, (size_t)all->slot_count);
    rows = arena_new_array(c->arena, struct q_customer_seen_row, (size_t)all->slot_count);
    for (int64_t i = 0; i < all->slot_count; i++)
        plans[i] = (struct identity_plan){all->slots[i].ref, all->slots[i].hash, NONE};
    TRY(identity_seen(c, plans, all->slot_count, rows));
    for (int64_t i = 0; i < all->slot_count; i++) {
        if (rows[i].customer_id == NONE)
            continue;
        all->slots[i].record = all->record_count;
        all->records[all->record_count++] = (struct record){.plan.id = rows[i].customer_id,
                                                            .person_id = rows[i].person_id,
                                                            .number = rows[i].customer_number,
                                                            .action_day = rows[i].action_day,
                                                            .touched_ms = rows[i].touched_ms,
                                                            .new_action_day = NONE,
                                                            .new_touched_ms = NONE,
                                                            .touch_channel_id = NONE};
    }
    return OK;
}

/* Somebody else, known or not, behind a known visitor: may the visitor's record have the name, or
 * become that person? */
static bool may_be_named(const struct customer_touches *all, int64_t i)
{
    const struct touch_slots *of = &all->of[i];
    int64_t person, anonymous;

    if (of->person == NO_RECORD || of->anonymous == NO_RECORD ||
        all->slots[of->anonymous].record == NO_RECORD)
        return false;
    person = all->slots[of->person].record;
    anonymous = all->slots[of->anonymous].record;
    return person == NO_RECORD ||
           all->records[person].person_id != all->records[anonymous].person_id;
}

static enum err nameless_find(struct ctx *c, struct customer_touches *all)
{
    struct q_identity_named_count_in *keys =
        arena_new_array(c->arena, struct q_identity_named_count_in, (size_t)all->count + 1);
    struct q_identity_named_count_row *rows =
        arena_new_array(c->arena, struct q_identity_named_count_row, (size_t)all->count + 1);
    struct record **records = arena_new_array(c->arena, struct record *, (size_t)all->count + 1);
    int64_t count = 0;

    for (int64_t i = 0; i < all->count; i++) {
        if (!may_be_named(all, i))
            continue;
        records[count] = &all->records[all->slots[all->of[i].anonymous].record];
        keys[count].customer_id = records[count]->person_id;
        count++;
    }
    if (count == 0)
        return OK;
    TRY(q_identity_named_count(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++)
        records[i]->is_nameless = rows[i].named_count == 0;
    return OK;
}

enum err customer_touches_find(struct ctx *c, struct customer_touch *touches, int64_t count,
                               struct customer_touches **out)
{
    struct customer_touches *all = arena_new_one(c->arena, struct customer_touches);

    must(count <= CUSTOMER_BATCH_MAX);
    *all = (struct customer_touches){.touches = touches, .count = count};
    all->map = map_new(c->arena, (size_t)count);
    all->of = arena_new_array(c->arena, struct touch_slots, (size_t)count + 1);
    all->slots = arena_new_array(c->arena, struct slot, (size_t)count * 3 + 1);
    all->records = arena_new_array(c->arena, struct record, (size_t)count * 3 + 1);
    all->pairs = arena_new_array(c->arena, struct merge_pair, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++)
        all->of[i] = (struct touch_slots){slot_of(c, all, touches[i].person),
                                          slot_of(c, all, touches[i].anonymous),
                                          slot_of(c, all, touches[i].inviter)};
    TRY(slots_find(c, all));
    for (int64_t i = 0; i < count; i++) {
        touches[i].customer_id = known_id(all, all->of[i].person);
        if (all->of[i].person == NO_RECORD)
            touches[i].customer_id = known_id(all, all->of[i].anonymous);
        touches[i].inviter_id = known_id(all, all->of[i].inviter);
    }
    *out = all;
    return nameless_find(c, all);
}

/* ---- settling -------------------------------------------------------------------------------- */

static void slot_link(struct customer_touches *all, int64_t slot, int64_t record)
{
    all->slots[slot].record = record;
    all->slots[slot].is_linked = true;
    all->link_count++;
}

static int64_t record_new(struct ctx *c, struct customer_touches *all,
                          const struct customer_touch *touch, bool is_nameless)
{
    all->records[all->record_count] = (struct record){
        .plan = {.id = ctx_id(c), .channel_id = touch->channel_id, .added_ms = NONE},
        .action_day = NONE,
        .touched_ms = touch->touched_ms,
        .new_action_day = NONE,
        .new_touched_ms = NONE,
        .touch_channel_id = touch->channel_id,
        .number = NONE,
        .is_new = true,
        .is_nameless = is_nameless,
    };
    all->records[all->record_count].person_id = all->records[all->record_count].plan.id;
    all->new_count++;
    return all->record_count++;
}

/* A visitor with a history is the person who says so, unless another name was there before. */
static void visitor_join(struct customer_touches *all, const struct slot *person,
                         const struct slot *anonymous)
{
    struct record *to = &all->records[person->record], *from = &all->records[anonymous->record];

    if (to->person_id == from->person_id || !from->is_nameless ||
        identity_is(person->ref, "anonymous"))
        return;
    all->pairs[all->pair_count++] = (struct merge_pair){
        .kept_id = to->person_id, .merged_id = from->person_id, .rule = "visitor"};
    for (int64_t i = 0, person_id = from->person_id; i < all->record_count; i++)
        if (all->records[i].person_id == person_id)
            all->records[i].is_nameless = false;
}

/* The record of a touch with a person, made or promoted where there is none. */
static int64_t person_settle(struct ctx *c, struct customer_touches *all,
                             const struct customer_touch *touch, const struct touch_slots *of)
{
    struct slot *person = &all->slots[of->person];
    struct slot *anonymous = of->anonymous == NO_RECORD ? NULL : &all->slots[of->anonymous];

    if (person->record == NO_RECORD && anonymous && anonymous->record != NO_RECORD &&
        all->records[anonymous->record].is_nameless) {
        struct record *visitor = &all->records[anonymous->record];
        slot_link(all, of->person, anonymous->record);
        visitor->is_nameless = false;
        visitor->is_promoted = !visitor->is_new;
    }
    if (person->record == NO_RECORD)
        slot_link(all, of->person, record_new(c, all, touch, false));
    if (anonymous && anonymous->record == NO_RECORD)
        slot_link(all, of->anonymous, person->record);
    else if (anonymous)
        visitor_join(all, person, anonymous);
    return person->record;
}

static int64_t touch_settle(struct ctx *c, struct customer_touches *all,
                            const struct customer_touch *touch, const struct touch_slots *of)
{
    if (of->person != NO_RECORD)
        return person_settle(c, all, touch, of);
    if (of->anonymous == NO_RECORD)
        return NO_RECORD;
    if (all->slots[of->anonymous].record == NO_RECORD)
        slot_link(all, of->anonymous, record_new(c, all, touch, true));
    return all->slots[of->anonymous].record;
}

static void record_seen(struct record *record, const struct customer_touch *touch)
{
    if (touch->action_day != NONE && touch->action_day > record->action_day &&
        touch->action_day > record->new_action_day)
        record->new_action_day = touch->action_day;
    if (touch->touched_ms >= record->touched_ms)
        return;
    record->touched_ms = touch->touched_ms;
    record->new_touched_ms = touch->touched_ms;
    if (touch->channel_id != NONE)
        record->touch_channel_id = touch->channel_id;
}

static void all_settle(struct ctx *c, struct customer_touches *all)
{
    for (int64_t i = 0; i < all->count; i++) {
        struct customer_touch *touch = &all->touches[i];
        const struct touch_slots *of = &all->of[i];
        int64_t record;
        if (touch->is_skipped)
            continue;
        record = touch_settle(c, all, touch, of);
        if (record != NO_RECORD)
            record_seen(&all->records[record], touch);
        touch->customer_id = record == NO_RECORD ? NONE : all->records[record].plan.id;
        if (of->inviter == NO_RECORD)
            continue;
        if (all->slots[of->inviter].record == NO_RECORD) {
            struct customer_touch met = {.touched_ms = touch->touched_ms, .channel_id = NONE};
            slot_link(all, of->inviter, record_new(c, all, &met, false));
        }
        touch->inviter_id = known_id(all, of->inviter);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum err new_write(struct ctx *c, const struct customer_touches *all)
{
    struct customer_plan *plans =
        arena_new_array(c->arena, struct customer_plan, (size_t)all->new_count + 1);
    struct identity_plan *links =
        arena_new_array(c->arena, struct identity_plan, (size_t)all->link_count + 1);
    struct customer_writing w = {.plans = plans, .identities = links};

    for (int64_t i = 0; i < all->record_count; i++) {
        const struct record *record = &all->records[i];
        if (!record->is_new)
            continue;
        plans[w.plan_count] = record->plan;
        plans[w.plan_count].touched_ms = record->touched_ms;
        plans[w.plan_count].action_day = record->new_action_day;
        plans[w.plan_count].channel_id = record->touch_channel_id;
        w.plan_count++;
    }
    for (int64_t i = 0; i < all->slot_count; i++)
        if (all->slots[i].is_linked)
            links[w.identity_count++] = (struct identity_plan){
                all->slots[i].ref, all->slots[i].hash, all->records[all->slots[i].record].plan.id};
    return customer_write_new(c, &w);
}

static enum err seen_write(struct ctx *c, const struct customer_touches *all)
{
    struct q_customer_seen_change_in *rows =
        arena_new_array(c->arena, struct q_customer_seen_change_in, (size_t)all->record_count + 1);
    int64_t count = 0;

    for (int64_t i = 0; i < all->record_count; i++) {
        const struct record *record = &all->records[i];
        if (record->is_new || (record->new_action_day == NONE && record->new_touched_ms == NONE))
            continue;
        rows[count++] = (struct q_customer_seen_change_in){
            .action_day = record->new_action_day,
            .touched_ms = record->touched_ms,
            .channel_id = record->touch_channel_id,
            .customer_id = record->person_id,
        };
    }
    if (count == 0)
        return OK;
    c->topics |= LIVE_CUSTOMERS;
    return q_customer_seen_change(c, rows, count, NULL);
}

static enum err promoted_emit(struct ctx *c, const struct customer_touches *all)
{
    struct event *events = arena_new_array(c->arena, struct event, (size_t)all->record_count + 1);
    int64_t count = 0;

    for (int64_t i = 0; i < all->record_count; i++) {
        if (!all->records[i].is_promoted)
            continue;
        event_init(&events[count], c, "customer_edited");
        events[count].customer_id = all->records[i].plan.id;
        events[count].properties = S("{\"fields\":\"identities\"}");
        count++;
    }
    return journal_emit(c, events, count);
}

static enum err visitors_merge(struct ctx *c, const struct customer_touches *all)
{
    struct merge_rules rules;

    if (all->pair_count == 0)
        return OK;
    TRY(merge_rules_get(c, &rules));
    return rules.by_visitor == 1 ? merge_write(c, all->pairs, all->pair_count) : OK;
}

enum err customer_touches_settle(struct ctx *c, struct customer_touches *all)
{
    all_settle(c, all);
    if (all->link_count > 0)
        TRY(new_write(c, all));
    TRY(seen_write(c, all));
    TRY(promoted_emit(c, all));
    return visitors_merge(c, all);
}

static bool is_settled(const struct customer_touches *all, int64_t slot)
{
    return slot == NO_RECORD || !all->slots[slot].is_linked;
}

bool customer_touch_known(const struct customer_touches *all, int64_t index,
                          struct customer_known *known)
{
    const struct touch_slots *of = &all->of[index];
    int64_t slot = of->person == NO_RECORD ? of->anonymous : of->person;
    const struct record *record;

    if (slot == NO_RECORD || all->touches[index].is_skipped || all->pair_count > 0 ||
        !is_settled(all, of->person) || !is_settled(all, of->anonymous))
        return false;
    record = &all->records[all->slots[slot].record];
    *known = (struct customer_known){record->plan.id, record->number, record->action_day,
                                     record->touched_ms};
    return !record->is_new && record->new_action_day == NONE && record->new_touched_ms == NONE &&
           !may_be_named(all, index);
}

enum err customer_find_or_add_batch(struct ctx *c, const struct customer_ref *refs, int64_t count,
                                    const int64_t *touched_ms, int64_t *customer_ids)
{
    struct customer_touch *touches =
        arena_new_array(c->arena, struct customer_touch, (size_t)count + 1);
    struct customer_touches *all;

    for (int64_t i = 0; i < count; i++)
        touches[i] = (struct customer_touch){.person = refs[i],
                                             .touched_ms = touched_ms ? touched_ms[i] : c->now_ms,
                                             .action_day = NONE,
                                             .channel_id = NONE};
    TRY(customer_touches_find(c, touches, count, &all));
    TRY(customer_touches_settle(c, all));
    for (int64_t i = 0; i < count; i++)
        customer_ids[i] = touches[i].customer_id;
    return OK;
}
