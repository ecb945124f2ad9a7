/* Writing by field tables: a struct as JSON, straight into the buffer. */
#include "kit/field.h"

static void value_write(struct json_out *json, const struct field *field, const void *at)
{
    switch (field->type) {
    case F_INT:
        if (field_is_id(field))
            json_id(json, *(const int64_t *)at);
        else
            json_int(json, *(const int64_t *)at);
        return;
    case F_BOOL:
        json_bool(json, *(const bool *)at);
        return;
    case F_STR:
        if (field->is_json && ((const struct str *)at)->at)
            json_raw(json, *(const struct str *)at);
        else
            json_str(json, *(const struct str *)at);
        return;
    case F_LIST: {
        const struct list *list = at;
        json_array_begin(json);
        for (int64_t i = 0; i < list->count; i++)
            field_write(json, field->of, (const char *)list->at + (size_t)i * field->of->bytes);
        json_array_end(json);
        return;
    }
    case F_OBJECT:
        field_write(json, field->of, at);
    }
}

void field_write(struct json_out *json, const struct shape *shape, const void *value)
{
    json_object_begin(json);
    for (size_t i = 0; i < shape->count; i++) {
        json_name(json, shape->fields[i].name);
        value_write(json, &shape->fields[i], (const char *)value + shape->fields[i].offset);
    }
    json_object_end(json);
}
