/* A person's fields as texts, so that two can become one, the steps be kept and be taken back field
 * by field. Always: combining again what is kept of a merge gives what was written. */
#include "manage/customer/mask.h"
#include "manage/customer/merge_private.h"

#define ATTRIBUTE S("attributes.")
#define RECORD_BYTES_MAX (4 * 1024 * 1024)

enum how { FILL, EARLIEST, LATEST, CHANNEL };
static const struct {
    const char *name;
    enum how how;
} fields[] = {
    {"name", FILL},
    {"phone", FILL},
    {"email", FILL},
    {"address", FILL},
    {"region", FILL},
    {"birth_day", FILL},
    {"owner_staff_id", FILL},
    {"org_id", FILL},
    {"invited_by_customer_id", FILL},
    {"child_birth_day", LATEST}, /* the youngest child's */
    {"touched_ms", EARLIEST},
    {"channel_id", CHANNEL},
    {"added_ms", EARLIEST},
    {"action_day", LATEST},
    {"is_family", LATEST},
    {"blocked_ms", EARLIEST},
};

/* ---- lists of values ------------------------------------------------------------------------- */

static struct merge_value *value_find(const struct merge_values *values, struct str name)
{
    struct merge_value *at = values->list.at;

    for (int64_t i = 0; i < values->list.count; i++)
        if (str_eq(at[i].name, name))
            return &at[i];
    return NULL;
}

struct str merge_get(const struct merge_values *values, struct str name)
{
    const struct merge_value *found = value_find(values, name);

    return found ? found->value : (struct str){0};
}

void merge_set(struct ctx *c, struct merge_values *values, struct str name, struct str value)
{
    struct merge_value *found = value_find(values, name);

    if (found == NULL) {
        if (value.at == NULL)
            return;
        found = list_add(c->arena, &values->list, &values->room_count, sizeof(struct merge_value));
        found->name = name;
    }
    found->value = value;
}

struct merge_values merge_copy(struct ctx *c, const struct merge_values *values)
{
    const struct merge_value *at = values->list.at;
    struct merge_values copy = {0};

    for (int64_t i = 0; i < values->list.count; i++)
        merge_set(c, &copy, at[i].name, at[i].value);
    return copy;
}

int64_t merge_number(const struct merge_values *values, const char *name)
{
    struct str text = merge_get(values, str_of(name));
    int64_t number = NONE;

    if (text.at != NULL)
        must(str_to_int(text, &number));
    return number;
}

bool merge_inviter_tell(struct ctx *c, const struct merge_values *was,
                        const struct merge_values *is, struct event *out)
{
    static const char name[] = "invited_by_customer_id";
    int64_t was_id = merge_number(was, name);

    if (was_id == NONE || was_id == merge_number(is, name))
        return false;
    event_init(out, c, "customer_edited");
    out->customer_id = was_id;
    out->properties = S("{\"fields\":\"invited_count\"}");
    return true;
}

static void number_set(struct ctx *c, struct merge_values *values, const char *name, int64_t number)
{
    if (number != NONE)
        merge_set(c, values, str_of(name), str_fmt(c->arena, "%" PRId64, number));
}

/* ---- of a row and back ----------------------------------------------------------------------- */

static enum err text_set(struct ctx *c, struct merge_values *values, const char *name,
                         struct str sealed, int64_t customer_id)
{
    struct str text;

    TRY(ctx_unseal(c, sealed, "customer", customer_id, &text));
    merge_set(c, values, str_of(name), text);
    return OK;
}

static enum err attributes_set(struct ctx *c, struct merge_values *values, struct str attributes)
{
    struct json json;

    TRY(json_parse(c->arena, attributes, &json, NULL));
    must(json.type == JSON_OBJECT);
    for (uint32_t i = 0; i < json.count; i++)
        merge_set(c, values, str_fmt(c->arena, "attributes.%.*s", STR(json.members[i].name)),
                  json.members[i].value.raw);
    return OK;
}

enum err merge_values_of(struct ctx *c, const struct q_merge_row_row *row, struct merge_values *out)
{
    *out = (struct merge_values){0};
    TRY(text_set(c, out, "name", row->name_enc, row->id));
    TRY(text_set(c, out, "phone", row->phone_enc, row->id));
    TRY(text_set(c, out, "email", row->email_enc, row->id));
    TRY(text_set(c, out, "address", row->address_enc, row->id));
    merge_set(c, out, S("region"), row->region);
    number_set(c, out, "birth_day", row->birth_day);
    number_set(c, out, "child_birth_day", row->child_birth_day);
    number_set(c, out, "owner_staff_id", row->owner_staff_id);
    number_set(c, out, "org_id", row->org_id);
    number_set(c, out, "invited_by_customer_id", row->invited_by_customer_id);
    number_set(c, out, "touched_ms", row->touched_ms);
    number_set(c, out, "channel_id", row->channel_id);
    number_set(c, out, "added_ms", row->added_ms);
    number_set(c, out, "action_day", row->action_day);
    number_set(c, out, "is_family", row->is_family);
    number_set(c, out, "blocked_ms", row->blocked_ms);
    return attributes_set(c, out, row->attributes);
}

static struct str attributes_write(struct ctx *c, const struct merge_values *values)
{
    const struct merge_value *at = values->list.at;
    struct json_out json;
    struct str text;
    struct buf buf;

    buf_init(&buf, RECORD_BYTES_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    for (int64_t i = 0; i < values->list.count; i++) {
        if (!str_starts(at[i].name, ATTRIBUTE) || at[i].value.at == NULL)
            continue;
        json_name(&json, str_cstr(c->arena, str_sub(at[i].name, ATTRIBUTE.len, at[i].name.len)));
        json_raw(&json, at[i].value);
    }
    json_object_end(&json);
    text = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}

static struct str sealed(struct ctx *c, const struct merge_values *values, const char *name,
                         int64_t customer_id)
{
    return ctx_seal(c, merge_get(values, str_of(name)), "customer", customer_id);
}

void merge_values_write(struct ctx *c, const struct merge_values *values,
                        struct q_merge_person_write_in *row)
{
    row->name_enc = sealed(c, values, "name", row->customer_id);
    row->phone_enc = sealed(c, values, "phone", row->customer_id);
    row->email_enc = sealed(c, values, "email", row->customer_id);
    row->address_enc = sealed(c, values, "address", row->customer_id);
    row->region = merge_get(values, S("region"));
    row->birth_day = merge_number(values, "birth_day");
    row->child_birth_day = merge_number(values, "child_birth_day");
    row->owner_staff_id = merge_number(values, "owner_staff_id");
    row->org_id = merge_number(values, "org_id");
    row->invited_by_customer_id = merge_number(values, "invited_by_customer_id");
    row->touched_ms = merge_number(values, "touched_ms");
    row->channel_id = merge_number(values, "channel_id");
    row->added_ms = merge_number(values, "added_ms");
    row->action_day = merge_number(values, "action_day");
    row->is_family = merge_number(values, "is_family") == 1;
    row->blocked_ms = merge_number(values, "blocked_ms");
    row->attributes = attributes_write(c, values);
}

/* ---- combining ------------------------------------------------------------------------------- */

static bool is_below(struct str a, struct str b)
{
    int64_t left = 0, right = 0;

    must(str_to_int(a, &left));
    must(str_to_int(b, &right));
    return left < right;
}

/* The channel of the earlier first touch, unless only the other one has any. */
static bool other_came_first(const struct merge_values *kept, const struct merge_values *other)
{
    return is_below(merge_get(other, S("touched_ms")), merge_get(kept, S("touched_ms")));
}

static struct str combined(enum how how, struct str kept, struct str other, struct str choice)
{
    if (str_is(choice, "only"))
        return other;
    if (kept.at == NULL || other.at == NULL)
        return kept.at ? kept : other;
    if (how == EARLIEST)
        return is_below(other, kept) ? other : kept;
    if (how == LATEST)
        return is_below(kept, other) ? other : kept;
    return str_is(choice, "take") ? other : kept;
}

void merge_combine(struct ctx *c, const struct merge_values *kept, const struct merge_values *other,
                   const struct merge_values *choices, struct merge_values *out)
{
    const struct merge_values *both[] = {kept, other};

    *out = (struct merge_values){0};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct str name = str_of(fields[i].name), choice = merge_get(choices, name);
        if (fields[i].how == CHANNEL)
            choice = other_came_first(kept, other) ? S("take") : S("keep");
        merge_set(c, out, name,
                  combined(fields[i].how, merge_get(kept, name), merge_get(other, name), choice));
    }
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        const struct merge_value *at = both[i]->list.at;
        for (int64_t j = 0; j < both[i]->list.count; j++)
            if (str_starts(at[j].name, ATTRIBUTE))
                merge_set(c, out, at[j].name,
                          combined(FILL, merge_get(kept, at[j].name), merge_get(other, at[j].name),
                                   merge_get(choices, at[j].name)));
    }
}

bool merge_is_choice(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (str_is(name, fields[i].name))
            return fields[i].how == FILL;
    return str_starts(name, ATTRIBUTE);
}

struct str merge_masked(struct ctx *c, struct str name, struct str value)
{
    if (str_is(name, "name"))
        return mask_name_for(c, value);
    if (str_is(name, "phone"))
        return mask_phone(c->arena, value);
    if (str_is(name, "email"))
        return mask_email(c->arena, value);
    return str_is(name, "address") ? mask_address(c->arena, value) : value;
}

/* ---- the record ------------------------------------------------------------------------------ */

static void values_json(struct ctx *c, struct json_out *json, const char *name,
                        const struct merge_values *values)
{
    const struct merge_value *at = values->list.at;

    json_name(json, name);
    json_object_begin(json);
    for (int64_t i = 0; i < values->list.count; i++)
        if (at[i].value.at != NULL) {
            json_name(json, str_cstr(c->arena, at[i].name));
            json_str(json, at[i].value);
        }
    json_object_end(json);
}

static void ids_json(struct json_out *json, const char *name, const struct list *ids)
{
    json_name(json, name);
    json_array_begin(json);
    for (int64_t i = 0; i < ids->count; i++)
        json_int(json, ((const int64_t *)ids->at)[i]);
    json_array_end(json);
}

struct str merge_record_seal(struct ctx *c, const struct merge_record *record)
{
    struct json_out json;
    struct str text;
    struct buf buf;

    buf_init(&buf, RECORD_BYTES_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    values_json(c, &json, "before", &record->before);
    values_json(c, &json, "other", &record->other);
    values_json(c, &json, "after", &record->after);
    values_json(c, &json, "choices", &record->choices);
    values_json(c, &json, "left_now", &record->left_now);
    values_json(c, &json, "left_was", &record->left_was);
    ids_json(&json, "moved", &record->moved);
    ids_json(&json, "tags", &record->tags);
    ids_json(&json, "other_tags", &record->other_tags);
    json_object_end(&json);
    must(!buf.is_full);
    text = ctx_seal(c, buf_view(&buf), "customer_merge", record->id);
    buf_release(&buf);
    return text;
}

static void values_read(struct ctx *c, const struct json *json, const char *name,
                        struct merge_values *out)
{
    const struct json *object = json_get(json, name);

    *out = (struct merge_values){0};
    must(object != NULL && object->type == JSON_OBJECT);
    for (uint32_t i = 0; i < object->count; i++)
        merge_set(c, out, object->members[i].name, object->members[i].value.text);
}

static void ids_read(struct ctx *c, const struct json *json, const char *name, struct list *out)
{
    const struct json *array = json_get(json, name);
    int64_t *ids;

    must(array != NULL && array->type == JSON_ARRAY);
    ids = arena_new_array(c->arena, int64_t, (size_t)array->count + 1);
    for (uint32_t i = 0; i < array->count; i++)
        ids[i] = array->items[i].integer;
    *out = (struct list){ids, array->count};
}

enum err merge_record_open(struct ctx *c, struct str fields_enc, struct merge_record *out)
{
    struct json json;
    struct str text;

    if (fields_enc.len == 0)
        return E_NOT_FOUND;
    TRY(ctx_unseal(c, fields_enc, "customer_merge", out->id, &text));
    TRY(json_parse(c->arena, text, &json, NULL));
    values_read(c, &json, "before", &out->before);
    values_read(c, &json, "other", &out->other);
    values_read(c, &json, "after", &out->after);
    values_read(c, &json, "choices", &out->choices);
    values_read(c, &json, "left_now", &out->left_now);
    values_read(c, &json, "left_was", &out->left_was);
    ids_read(c, &json, "moved", &out->moved);
    ids_read(c, &json, "tags", &out->tags);
    ids_read(c, &json, "other_tags", &out->other_tags);
    return OK;
}
