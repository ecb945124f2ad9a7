/* Properties of events: checked by the field table of their kind, and freed of what must not stand
 * in the journal: an inviter's identity (kept as the customer's id) and what stands behind ? and #
 * in addresses. */
#include "manage/event/event_private.h"

/* "https://a.example/p?phone=1#x" -> "https://a.example/p" */
static struct str address_cut(struct str address)
{
    for (size_t i = 0; i < address.len; i++)
        if (address.at[i] == '?' || address.at[i] == '#')
            return str_sub(address, 0, i);
    return address;
}

static bool is_inviter(struct str name)
{
    return str_is(name, "inviter_kind") || str_is(name, "inviter_value");
}

static bool is_address(struct str name)
{
    return str_is(name, "url") || str_is(name, "referrer");
}

static bool needs_change(const struct json *object)
{
    for (uint32_t i = 0; i < object->count; i++) {
        const struct json_member *member = &object->members[i];
        if (is_inviter(member->name) || member->value.type == JSON_NULL)
            return true;
        if (is_address(member->name) && member->value.type == JSON_STR &&
            address_cut(member->value.text).len != member->value.text.len)
            return true;
    }
    return false;
}

static struct str rewritten(struct ctx *c, const struct json *object)
{
    struct json_out json;
    struct buf buf;
    struct str out;

    buf_init(&buf, 8 * PROPERTIES_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    for (uint32_t i = 0; i < object->count; i++) {
        const struct json_member *member = &object->members[i];
        if (is_inviter(member->name) || member->value.type == JSON_NULL)
            continue;
        json_name(&json, str_cstr(c->arena, member->name));
        if (is_address(member->name))
            json_str(&json, address_cut(member->value.text));
        else
            json_raw(&json, member->value.raw);
    }
    json_object_end(&json);
    out = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return out;
}

static enum err property_fault(struct ctx *c)
{
    c->fault.code = "event.property";
    if (c->fault.path.len > 0)
        c->fault.path = str_fmt(c->arena, "properties/%.*s", STR(c->fault.path));
    else
        c->fault.path = S("properties");
    return E_INPUT;
}

static enum err shape_check(struct ctx *c, const struct event_kind *kind, const struct json *object)
{
    void *scratch;

    if (kind->properties == NULL)
        return object->count == 0
                   ? OK
                   : fail_at(c, "event.property", S("properties"), "%s has none", kind->name);
    scratch = arena_alloc(c->arena, kind->properties->bytes);
    if (field_read(c, kind->properties, object, scratch) != OK ||
        field_check_given(c, kind->properties, scratch) != OK)
        return property_fault(c);
    return OK;
}

static enum err inviter_read(struct ctx *c, const struct json *object, struct customer_ref *inviter)
{
    const struct json *kind = json_get(object, "inviter_kind");
    const struct json *value = json_get(object, "inviter_value");

    if (kind == NULL || value == NULL)
        return OK;
    return customer_ref_normal(c, (struct customer_ref){kind->text, value->text}, inviter);
}

/* As the way in read it already, or as its text says; NULL: it is no object. */
static const struct json *object_of(struct ctx *c, const struct event_in *event)
{
    struct json *object;

    if (event->read != NULL)
        return event->read->type == JSON_OBJECT ? event->read : NULL;
    object = arena_new_one(c->arena, struct json);
    object->type = JSON_OBJECT;
    if (event->properties.at && json_parse(c->arena, event->properties, object, NULL) != OK)
        return NULL;
    return object->type == JSON_OBJECT ? object : NULL;
}

enum err event_properties_check(struct ctx *c, const struct event_kind *kind,
                                const struct event_in *event, struct str *kept,
                                struct customer_ref *inviter)
{
    const struct json *object = object_of(c, event);

    *kept = (struct str){0};
    if (object == NULL)
        return fail_at(c, "event.property", S("properties"), "a JSON object is needed");
    TRY(shape_check(c, kind, object));
    TRY(inviter_read(c, object, inviter));
    if (object->count == 0)
        return OK;
    *kept = needs_change(object) ? rewritten(c, object) : event->properties;
    return OK;
}
