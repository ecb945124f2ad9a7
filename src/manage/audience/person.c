/* Customers of the base -> people of the engine. Always: a record is read whole and set whole, so
 * that reading it twice, or later than the event that named it, gives the same; attributes are
 * numbered by their id, built-in ones before, so a number keeps its meaning while the program runs.
 */
#include "gen/feed.q.h"
#include "manage/attribute/attribute.h"
#include "manage/audience/audience_private.h"

#define CHOICE_MAX 50
#define TAGS_MAX 4096 /* of one record */
#define SCRATCH_MAX ((size_t)16 * 1024 * 1024)

/* What every base has of a customer. The place is the attribute's number. */
enum {
    ATTRIBUTE_CHANNEL,
    ATTRIBUTE_REGION,
    ATTRIBUTE_OWNER,
    ATTRIBUTE_STORE,
    ATTRIBUTE_FAMILY,
    ATTRIBUTE_BLOCKED,
    ATTRIBUTE_TOUCHED,
    ATTRIBUTE_ADDED,
    ATTRIBUTE_ACTIVE,
    ATTRIBUTE_ORDERS,
    ATTRIBUTE_PAID,
    ATTRIBUTE_REFUNDED,
    ATTRIBUTE_FIRST_ORDER,
    ATTRIBUTE_SECOND_ORDER,
    ATTRIBUTE_LAST_ORDER,
    ATTRIBUTE_BIRTH,
    ATTRIBUTE_CHILD_BIRTH,
    ATTRIBUTE_INVITER, /* the record that was named */
    ATTRIBUTE_INVITED,
    ATTRIBUTE_NUMBER, /* asks about one person, or a few */
    ATTRIBUTE_COUNT
};
static const struct catalog_field own_fields[ATTRIBUTE_COUNT] = {
    [ATTRIBUTE_CHANNEL] = {S("channel"), VALUE_ID, .is_channel = true},
    [ATTRIBUTE_REGION] = {S("region"), VALUE_TEXT},
    [ATTRIBUTE_OWNER] = {S("owner"), VALUE_ID},
    [ATTRIBUTE_STORE] = {S("store"), VALUE_ID},
    [ATTRIBUTE_FAMILY] = {S("is_family"), VALUE_NUMBER},
    [ATTRIBUTE_BLOCKED] = {S("is_blocked"), VALUE_NUMBER},
    [ATTRIBUTE_TOUCHED] = {S("touched_day"), VALUE_DATE},
    [ATTRIBUTE_ADDED] = {S("added_day"), VALUE_DATE},
    [ATTRIBUTE_ACTIVE] = {S("action_day"), VALUE_DATE},
    [ATTRIBUTE_ORDERS] = {S("order_count"), VALUE_NUMBER},
    [ATTRIBUTE_PAID] = {S("paid_fen"), VALUE_MONEY},
    [ATTRIBUTE_REFUNDED] = {S("refunded_fen"), VALUE_MONEY},
    [ATTRIBUTE_FIRST_ORDER] = {S("first_order_day"), VALUE_DATE},
    [ATTRIBUTE_SECOND_ORDER] = {S("second_order_day"), VALUE_DATE},
    [ATTRIBUTE_LAST_ORDER] = {S("last_order_day"), VALUE_DATE},
    [ATTRIBUTE_BIRTH] = {S("birth_day"), VALUE_DATE},
    [ATTRIBUTE_CHILD_BIRTH] = {S("child_birth_day"), VALUE_DATE},
    [ATTRIBUTE_INVITER] = {S("inviter"), VALUE_ID},
    [ATTRIBUTE_INVITED] = {S("invited_count"), VALUE_NUMBER},
    [ATTRIBUTE_NUMBER] = {S("customer_number"), VALUE_NUMBER},
};

/* ---- what attributes there are --------------------------------------------------------------- */

static void field_add(struct persons *persons, struct catalog_field field, struct str member)
{
    int number = persons->field_count++;

    persons->fields[number] = field;
    persons->members[number] = member;
    people_attribute(persons->people, number, field.type);
}

void persons_begin(struct persons *persons, struct people *people, struct arena *arena)
{
    *persons = (struct persons){.people = people, .arena = arena};
    for (int i = 0; i < ATTRIBUTE_COUNT; i++)
        field_add(persons, own_fields[i], (struct str){0});
}

static enum value_type type_of(struct str kind)
{
    if (str_is(kind, "integer"))
        return VALUE_NUMBER;
    if (str_is(kind, "money"))
        return VALUE_MONEY;
    if (str_is(kind, "date"))
        return VALUE_DATE;
    return str_is(kind, "choices") ? VALUE_CHOICES : VALUE_TEXT;
}

static int member_find(const struct persons *persons, struct str member)
{
    for (int i = ATTRIBUTE_COUNT; i < persons->field_count; i++)
        if (str_eq(persons->members[i], member))
            return i;
    return -1;
}

/* A name that a built-in one has already is asked for as "attributes.NAME". */
static struct str field_name(const struct persons *persons, struct str member)
{
    for (int i = 0; i < ATTRIBUTE_COUNT; i++)
        if (str_eq(own_fields[i].name, member))
            return str_fmt(persons->arena, "attributes.%.*s", STR(member));
    return str_copy(persons->arena, member);
}

enum err persons_attributes(struct ctx *c, struct persons *persons, bool *is_changed)
{
    struct attributes all;

    *is_changed = false;
    TRY(attributes_load(c, &all));
    for (int64_t i = 0; i < all.count; i++) {
        const struct attribute *attribute = &all.items[i];
        if (member_find(persons, attribute->name) >= 0)
            continue;
        must(persons->field_count < CATALOG_ATTRIBUTE_MAX); /* there are at most 200 */
        field_add(
            persons,
            (struct catalog_field){field_name(persons, attribute->name), type_of(attribute->kind)},
            str_copy(persons->arena, attribute->name));
        *is_changed = true;
    }
    return OK;
}

/* ---- one record ------------------------------------------------------------------------------ */

struct loading {
    struct persons *persons;
    const struct zone *zone;
    struct arena *arena; /* of one record */
};

static int64_t day_of(const struct loading *loading, int64_t ms)
{
    return ms == NONE ? NONE : zone_day(loading->zone, ms);
}

static void own_set(struct loading *loading, uint32_t number,
                    const struct q_feed_customers_row *row)
{
    struct people *people = loading->persons->people;
    int64_t values[ATTRIBUTE_COUNT] = {
        [ATTRIBUTE_CHANNEL] = row->channel_id,
        [ATTRIBUTE_OWNER] = row->owner_staff_id,
        [ATTRIBUTE_STORE] = row->org_id,
        [ATTRIBUTE_FAMILY] = row->is_family,
        [ATTRIBUTE_BLOCKED] = row->blocked_ms != NONE,
        [ATTRIBUTE_TOUCHED] = day_of(loading, row->touched_ms),
        [ATTRIBUTE_ADDED] = day_of(loading, row->added_ms),
        [ATTRIBUTE_ACTIVE] = row->action_day,
        [ATTRIBUTE_ORDERS] = row->order_count,
        [ATTRIBUTE_PAID] = row->paid_fen,
        [ATTRIBUTE_REFUNDED] = row->refunded_fen,
        [ATTRIBUTE_FIRST_ORDER] = day_of(loading, row->first_order_ms),
        [ATTRIBUTE_SECOND_ORDER] = day_of(loading, row->second_order_ms),
        [ATTRIBUTE_LAST_ORDER] = day_of(loading, row->last_order_ms),
        [ATTRIBUTE_BIRTH] = row->birth_day,
        [ATTRIBUTE_CHILD_BIRTH] = row->child_birth_day,
        [ATTRIBUTE_INVITER] = row->invited_by_customer_id,
        [ATTRIBUTE_INVITED] = row->invited_count,
        [ATTRIBUTE_NUMBER] = row->customer_number,
    };

    for (int i = 0; i < ATTRIBUTE_COUNT; i++)
        if (i != ATTRIBUTE_REGION)
            people_set_number(people, number, i, values[i]);
    people_set_texts(people, number, ATTRIBUTE_REGION, &row->region, row->region.at != NULL);
}

/* What is stored may be older than its definition: what does not fit is missing. */
static int64_t number_of(enum value_type type, const struct json *value)
{
    int64_t at_ms;

    if (value == NULL)
        return NONE;
    if (type != VALUE_DATE)
        return value->type == JSON_INT ? value->integer : NONE;
    if (value->type != JSON_STR || time_parse(NULL, value->text, &at_ms) != OK)
        return NONE;
    return at_ms / DAY_MS - (at_ms % DAY_MS < 0);
}

static int texts_of(enum value_type type, const struct json *value, struct str texts[CHOICE_MAX])
{
    int count = 0;

    if (value && value->type == JSON_STR)
        texts[count++] = value->text;
    if (type == VALUE_TEXT || value == NULL || value->type != JSON_ARRAY)
        return count;
    for (uint32_t i = 0; i < value->count && count < CHOICE_MAX; i++)
        if (value->items[i].type == JSON_STR)
            texts[count++] = value->items[i].text;
    return count;
}

static void member_set(const struct persons *persons, uint32_t number, int attribute,
                       const struct json *value)
{
    enum value_type type = persons->fields[attribute].type;
    struct str texts[CHOICE_MAX];

    if (type == VALUE_TEXT || type == VALUE_CHOICES)
        people_set_texts(persons->people, number, attribute, texts, texts_of(type, value, texts));
    else
        people_set_number(persons->people, number, attribute, number_of(type, value));
}

static void members_set(struct loading *loading, uint32_t number, struct str attributes)
{
    const struct persons *persons = loading->persons;
    struct json object = {.type = JSON_OBJECT};

    if (persons->field_count == ATTRIBUTE_COUNT)
        return;
    if (json_parse(loading->arena, attributes, &object, NULL) != OK)
        object = (struct json){.type = JSON_OBJECT};
    for (int i = ATTRIBUTE_COUNT; i < persons->field_count; i++) {
        const struct json *value = NULL;
        for (uint32_t k = 0; k < object.count && value == NULL; k++)
            if (str_eq(object.members[k].name, persons->members[i]))
                value = &object.members[k].value;
        member_set(persons, number, i, value);
    }
    arena_reset(loading->arena);
}

static enum err record_set(void *user, const struct q_feed_customers_row *row)
{
    struct loading *loading = user;
    struct people *people = loading->persons->people;
    uint32_t number = (uint32_t)row->customer_number;

    people_link(people, number, (uint32_t)row->kept_number);
    if (row->deleted_ms != NONE) {
        people_delete(people, number);
        return OK;
    }
    people_add(people, number);
    own_set(loading, number, row);
    members_set(loading, number, row->attributes);
    return OK;
}

enum err persons_load(struct ctx *c, struct persons *persons, const struct persons_range *range)
{
    struct loading loading = {persons, ctx_zone(c), arena_new(SCRATCH_MAX)};
    enum err err = q_feed_customers(
        c,
        &(struct q_feed_customers_in){range->from_customer_id, range->to_customer_id,
                                      range->from_event_id, range->to_event_id},
        record_set, &loading);

    arena_free(loading.arena);
    return err;
}

/* ---- tags ------------------------------------------------------------------------------------ */

static enum err tag_set(void *user, const struct q_feed_tags_all_row *row)
{
    people_set(user, SET_TAG, row->tag_id, (uint32_t)row->customer_number, true);
    return OK;
}

/* The tags of one record after another. */
struct tagging {
    struct people *people;
    int64_t number, ids[TAGS_MAX];
    size_t count;
};

static void tagging_end(struct tagging *tagging)
{
    if (tagging->number != NONE)
        people_set_all(tagging->people, SET_TAG, (uint32_t)tagging->number, tagging->ids,
                       tagging->count);
    tagging->count = 0;
}

static enum err tag_take(void *user, const struct q_feed_tags_row *row)
{
    struct tagging *tagging = user;

    if (row->customer_number != tagging->number)
        tagging_end(tagging);
    tagging->number = row->customer_number;
    if (row->tag_id != NONE && tagging->count < TAGS_MAX)
        tagging->ids[tagging->count++] = row->tag_id;
    return OK;
}

enum err persons_tags(struct ctx *c, struct persons *persons, const struct persons_range *range)
{
    struct tagging *tagging = arena_new_one(c->arena, struct tagging);

    tagging->people = persons->people;
    tagging->number = NONE;
    TRY(q_feed_tags(c,
                    &(struct q_feed_tags_in){range->from_customer_id, range->to_customer_id,
                                             range->from_event_id, range->to_event_id},
                    tag_take, tagging));
    tagging_end(tagging);
    return OK;
}

enum err persons_tags_all(struct ctx *c, struct persons *persons, const struct persons_range *range)
{
    if (persons->is_old)
        return persons_tags(c, persons, range);
    return q_feed_tags_all(c, range->from_customer_id, range->to_customer_id, tag_set,
                           persons->people);
}
