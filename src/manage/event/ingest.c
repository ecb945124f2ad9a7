/* Events from outside into the journal, a whole batch with a fixed number of statements. Always: a
 * message id is taken once within seven days of arrival; a wrong event is reported and the others
 * stay; who is meant is settled before anything is written. A behaviour of somebody known that
 * changes nothing (docs/decisions/0021) costs no query: all of a batch are one row. */
#include "base/utf8.h"
#include "gen/ingest.q.h"
#include "host/crypto.h"
#include "kit/behaviour.h"
#include "manage/channel/channel.h"
#include "manage/event/event_private.h"
#include "manage/event/known.h"
#include "manage/setting/setting.h"

#define MESSAGE_HASH_BYTES 16
#define MESSAGE_KEPT_BYTES 8 /* of it, with a behaviour */
#define FORGET_PAGE 10000
#define FORGET_PAGES_MAX 5 /* 50,000 a minute: 70 million a day */

struct item {
    const struct event_kind *kind;
    int64_t occurred_ms, channel_id;
    struct str properties;      /* as they go into the journal */
    struct event_reject reject; /* code.at NULL: none */
    struct str message_hash;
    int64_t id;           /* in the order of the batch, rows and behaviours alike */
    int64_t known_number; /* the customer's: a behaviour that changes nothing; NONE: by the base */
    bool is_out;          /* rejected or seen before */
    bool is_hushed;       /* not kept, and the sender does not learn it */
};

struct ingest {
    const struct event_in *events;
    int64_t count;
    struct item *items;
    struct customer_touch *touches;
    struct event_result *result;
    struct known *known; /* NULL: all by the base */
};

static void item_reject(struct ctx *c, struct ingest *all, int64_t i)
{
    struct item *item = &all->items[i];

    item->is_out = true;
    item->reject.index_number = i;
    item->reject.code = str_of(c->fault.code);
    item->reject.message = c->fault.message;
    if (c->fault.path.at)
        item->reject.message =
            str_fmt(c->arena, "%.*s: %.*s", STR(c->fault.path), STR(c->fault.message));
    c->fault = (struct fault){0};
}

/* ---- what the event says --------------------------------------------------------------------- */

static enum err time_check(struct ctx *c, const struct event_in *event, struct item *item)
{
    item->occurred_ms = event->occurred_ms == NONE ? c->now_ms : event->occurred_ms;
    if (item->occurred_ms > c->now_ms + EVENT_FUTURE_MS)
        return fail(c, E_INPUT, "event.future", "occurred_ms lies in the future");
    if (item->occurred_ms < 0)
        return fail(c, E_INPUT, "event.past", "occurred_ms lies before 1970");
    return OK;
}

static enum err kind_check(struct ctx *c, const struct event_in *event, struct item *item)
{
    item->kind = event_kind_find(c->app, event->kind);
    if (item->kind == NULL || !item->kind->is_open)
        return fail(c, E_INPUT, "event.kind_unknown", "no such kind of event: %.*s",
                    STR(utf8_head(event->kind, 60)));
    return OK;
}

static enum err refs_check(struct ctx *c, const struct event_in *event,
                           struct customer_touch *touch)
{
    if (event->customer.kind.at)
        TRY(customer_ref_normal(c, event->customer, &touch->person));
    if (event->anonymous_id.at)
        TRY(customer_ref_normal(c, (struct customer_ref){S("anonymous"), event->anonymous_id},
                                &touch->anonymous));
    return OK;
}

static enum err message_check(struct ctx *c, const struct event_in *event)
{
    if (event->message_id.len == 0 || utf8_count(event->message_id) > MESSAGE_ID_MAX)
        return fail(c, E_INPUT, "event.message_id", "a message_id has 1 to %d characters",
                    MESSAGE_ID_MAX);
    return OK;
}

static enum err item_check(struct ctx *c, struct ingest *all, int64_t i)
{
    const struct event_in *event = &all->events[i];
    struct item *item = &all->items[i];
    struct customer_touch *touch = &all->touches[i];
    bool has_customer = event->customer.kind.at || event->anonymous_id.at;

    TRY(message_check(c, event));
    TRY(kind_check(c, event, item));
    TRY(time_check(c, event, item));
    TRY(refs_check(c, event, touch));
    if (!has_customer && item->kind->class == EVENT_FACT)
        return fail(c, E_INPUT, "event.customer", "%s needs a customer", item->kind->name);
    TRY(event_properties_check(c, item->kind, event, &item->properties, &touch->inviter));
    touch->touched_ms = item->occurred_ms;
    touch->action_day = item->kind->is_own_action ? zone_day(ctx_zone(c), item->occurred_ms) : NONE;
    return OK;
}

static enum err items_check(struct ctx *c, struct ingest *all)
{
    for (int64_t i = 0; i < all->count; i++) {
        enum err err;
        all->touches[i].channel_id = all->items[i].channel_id = NONE;
        all->items[i].known_number = NONE;
        err = item_check(c, all, i);
        if (err == E_INPUT)
            item_reject(c, all, i);
        else if (err != OK)
            return err;
    }
    return OK;
}

static enum err channels_find(struct ctx *c, struct ingest *all)
{
    struct str *codes = arena_new_array(c->arena, struct str, (size_t)all->count);
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)all->count);
    bool has_any = false;

    for (int64_t i = 0; i < all->count; i++) {
        if (!all->items[i].is_out)
            codes[i] = all->events[i].channel_code;
        has_any |= codes[i].at != NULL;
    }
    if (!has_any)
        return OK;
    TRY(channel_find_batch(c, codes, all->count, ids));
    for (int64_t i = 0; i < all->count; i++) {
        all->touches[i].channel_id = all->items[i].channel_id = ids[i];
        if (codes[i].at == NULL || ids[i] != NONE || all->events[i].is_lenient)
            continue;
        (void)fail(c, E_INPUT, "event.channel_unknown", "no channel has the code %.*s",
                   STR(utf8_head(codes[i], 60)));
        item_reject(c, all, i);
    }
    return OK;
}

/* ---- who is meant ---------------------------------------------------------------------------- */

static bool is_same_ref(const struct customer_touch *touch)
{
    return str_eq(touch->inviter.kind, touch->person.kind) &&
           str_eq(touch->inviter.value, touch->person.value);
}

static bool is_self(const struct customer_touch *touch)
{
    return touch->inviter.kind.at &&
           (is_same_ref(touch) ||
            (touch->inviter_id != NONE && touch->inviter_id == touch->customer_id));
}

/* That two names are one person is for those who see customers, not for a page's public key. */
static bool is_told(const struct ctx *c, const struct customer_touch *touch)
{
    return ctx_may(c, "customer.read") || is_same_ref(touch);
}

static void known_find(struct ingest *all)
{
    for (int64_t i = 0; i < all->count && all->known; i++) {
        struct item *item = &all->items[i];
        const struct customer_known *known;
        if (item->is_out || item->kind->class != EVENT_BEHAVIOUR)
            continue;
        known = known_customer(all->known, &all->touches[i]);
        if (known == NULL)
            continue;
        item->known_number = known->customer_number;
        all->touches[i].customer_id = known->customer_id;
    }
}

/* What of this batch the base had to be asked about, and need not be asked again. */
static void known_keep(const struct ingest *all, const struct customer_touches *touches)
{
    for (int64_t i = 0; i < all->count && all->known; i++) {
        struct customer_known known;
        if (all->items[i].known_number == NONE && !all->items[i].is_out &&
            customer_touch_known(touches, i, &known))
            known_customer_keep(all->known, &all->touches[i], &known);
    }
}

/* The customers that were known keep their ids. */
static enum err touches_ask(struct ctx *c, struct ingest *all, struct customer_touches **out)
{
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)all->count);

    for (int64_t i = 0; i < all->count; i++)
        ids[i] = all->touches[i].customer_id;
    TRY(customer_touches_find(c, all->touches, all->count, out));
    for (int64_t i = 0; i < all->count; i++)
        if (all->items[i].known_number != NONE)
            all->touches[i].customer_id = ids[i];
    return OK;
}

/* Those who are known are nobody to the base. */
static enum err touches_find(struct ctx *c, struct ingest *all, struct customer_touches **out)
{
    for (int64_t i = 0; i < all->count; i++)
        if (all->items[i].is_out || all->items[i].known_number != NONE)
            all->touches[i].person = all->touches[i].anonymous = all->touches[i].inviter =
                (struct customer_ref){0};
    TRY(touches_ask(c, all, out));
    for (int64_t i = 0; i < all->count; i++) {
        if (all->items[i].is_out || !is_self(&all->touches[i]))
            continue;
        if (is_told(c, &all->touches[i])) {
            (void)fail(c, E_INPUT, "event.self", "nobody invites oneself");
            item_reject(c, all, i);
        } else {
            all->items[i].is_hushed = true;
        }
    }
    return OK;
}

/* ---- each message once ----------------------------------------------------------------------- */

static struct str message_hash(struct ctx *c, struct str message_id)
{
    uint8_t *hash = arena_alloc(c->arena, HASH_BYTES);

    hash_sha256(message_id, hash);
    return (struct str){(const char *)hash, MESSAGE_HASH_BYTES};
}

/* All of them first: each place in memory is a wait by itself. */
static void messages_hash(struct ctx *c, struct ingest *all)
{
    for (int64_t i = 0; i < all->count; i++) {
        struct item *item = &all->items[i];
        if (item->is_out)
            continue;
        item->message_hash = message_hash(c, all->events[i].message_id);
        if (all->known)
            known_message_soon(all->known, item->message_hash);
    }
}

/* One insert a message; the second of two with one id, here or in the table, changes nothing. */
static enum err messages_take(struct ctx *c, struct ingest *all)
{
    struct q_message_add_in *rows =
        arena_new_array(c->arena, struct q_message_add_in, (size_t)all->count);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, (size_t)all->count);
    int64_t *indexes = arena_new_array(c->arena, int64_t, (size_t)all->count);
    int64_t count = 0;

    messages_hash(c, all);
    for (int64_t i = 0; i < all->count; i++) {
        struct item *item = &all->items[i];
        if (item->is_out)
            continue;
        if (all->known && !known_message_take(all->known, c->now_ms, item->message_hash)) {
            item->is_out = true;
            all->result->duplicate_count++;
        } else if (item->known_number == NONE) {
            indexes[count] = i;
            rows[count++].message_hash = item->message_hash;
        }
    }
    if (count == 0)
        return OK;
    TRY(q_message_add(c, rows, count, changed_each));
    for (int64_t i = 0; i < count; i++) {
        if (changed_each[i] != 0)
            continue;
        all->items[indexes[i]].is_out = true;
        all->result->duplicate_count++;
    }
    return OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum err items_emit(struct ctx *c, struct ingest *all)
{
    struct event *events = arena_new_array(c->arena, struct event, (size_t)all->count);
    int64_t count = 0;

    for (int64_t i = 0; i < all->count; i++) {
        struct item *item = &all->items[i];
        if (item->is_out)
            continue;
        all->result->accepted_count++;
        item->id = ctx_id(c);
        if (item->is_hushed || item->known_number != NONE)
            continue;
        events[count++] = (struct event){
            .kind = item->kind,
            .occurred_ms = item->occurred_ms,
            .customer_id = all->touches[i].customer_id,
            .channel_id = item->channel_id,
            .subject_id = all->touches[i].inviter_id,
            .amount_fen = NONE,
            .properties = item->properties,
            .id = item->id,
        };
    }
    return journal_emit(c, events, count);
}

static enum err behaviours_add(struct ctx *c, struct ingest *all)
{
    struct behaviour *events = arena_new_array(c->arena, struct behaviour, (size_t)all->count);
    char *messages = arena_alloc(c->arena, (size_t)all->count * MESSAGE_KEPT_BYTES);
    int64_t count = 0;

    for (int64_t i = 0; i < all->count; i++) {
        const struct item *item = &all->items[i];
        if (item->is_out || item->known_number == NONE)
            continue;
        memcpy(messages + count * MESSAGE_KEPT_BYTES, item->message_hash.at, MESSAGE_KEPT_BYTES);
        events[count++] = (struct behaviour){
            .id = item->id,
            .kind = str_of(item->kind->name),
            .occurred_ms = item->occurred_ms,
            .customer_id = all->touches[i].customer_id,
            .customer_number = item->known_number,
            .channel_id = item->channel_id,
            .properties = item->properties,
        };
    }
    return behaviour_add(c, events, count,
                         (struct str){messages, (size_t)count * MESSAGE_KEPT_BYTES});
}

static void rejects_list(struct ctx *c, const struct ingest *all)
{
    int64_t cap = 0;

    for (int64_t i = 0; i < all->count; i++)
        if (all->items[i].reject.code.at)
            *(struct event_reject *)list_add(c->arena, &all->result->rejected, &cap,
                                             sizeof(struct event_reject)) = all->items[i].reject;
}

static bool is_anybody_asked_for(const struct ingest *all)
{
    for (int64_t i = 0; i < all->count; i++)
        if (!all->items[i].is_out && all->items[i].known_number == NONE)
            return true;
    return false;
}

/* Whom the base must be asked about; often nobody. */
static enum err asked_take(struct ctx *c, struct ingest *all)
{
    struct customer_touches *touches = NULL;
    bool is_asked = is_anybody_asked_for(all);

    if (is_asked)
        TRY(touches_find(c, all, &touches));
    TRY(messages_take(c, all));
    if (is_asked) {
        for (int64_t i = 0; i < all->count; i++)
            all->touches[i].is_skipped = all->items[i].is_out || all->items[i].known_number != NONE;
        TRY(customer_touches_settle(c, touches));
        known_keep(all, touches);
    }
    return items_emit(c, all);
}

enum err event_ingest(struct ctx *c, const struct event_in *events, int64_t count,
                      struct event_result *result)
{
    struct ingest all = {.events = events, .count = count, .result = result};

    must(count <= EVENT_BATCH_MAX);
    *result = (struct event_result){0};
    if (count == 0)
        return OK;
    TRY(known_begin(c, &all.known));
    all.items = arena_new_array(c->arena, struct item, (size_t)count);
    all.touches = arena_new_array(c->arena, struct customer_touch, (size_t)count);
    TRY(items_check(c, &all));
    TRY(channels_find(c, &all));
    known_find(&all);
    TRY(asked_take(c, &all));
    TRY(behaviours_add(c, &all));
    rejects_list(c, &all);
    return OK;
}

enum err message_forget(struct ctx *c, int64_t *deleted_count)
{
    int64_t keep_days, before_ms, count = FORGET_PAGE;

    *deleted_count = 0;
    TRY(setting_int(c, "message_keep_days", &keep_days));
    before_ms = c->now_ms - keep_days * DAY_MS;
    known_message_forget(c->app, before_ms);
    for (int page = 0; page < FORGET_PAGES_MAX && count == FORGET_PAGE; page++) {
        TRY(q_message_forget(c, before_ms, FORGET_PAGE, &count));
        *deleted_count += count;
    }
    return OK;
}
