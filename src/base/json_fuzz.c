/* Any bytes: no fault in reading, and what is read writes and reads back the same. */
#include "base/json.h"

static void value_write(struct json_out *out, const struct json *value)
{
    switch (value->type) {
    case JSON_NULL:
        json_null(out);
        break;
    case JSON_BOOL:
        json_bool(out, value->is_true);
        break;
    case JSON_INT:
        value->integer == NONE ? json_raw(out, value->raw) : json_int(out, value->integer);
        break;
    case JSON_NUM:
        json_num(out, value->number);
        break;
    case JSON_STR:
        json_str(out, value->text);
        break;
    case JSON_ARRAY:
        json_array_begin(out);
        for (uint32_t i = 0; i < value->count; i++)
            value_write(out, &value->items[i]);
        json_array_end(out);
        break;
    case JSON_OBJECT:
        json_object_begin(out);
        for (uint32_t i = 0; i < value->count; i++) {
            char name[256];
            struct str s = value->members[i].name;
            must(value->members[i].value.raw.len > 0);
            if (s.len >= sizeof(name))
                continue;
            memcpy(name, s.at, s.len);
            name[s.len] = '\0';
            json_name(out, name);
            value_write(out, &value->members[i].value);
        }
        json_object_end(out);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct arena *arena = arena_new(64 << 20);
    struct json value, again;
    struct json_fault fault = {0, NULL};
    struct buf first, second;
    struct json_out out;

    buf_init(&first, 64 << 20);
    buf_init(&second, 64 << 20);
    if (json_parse(arena, (struct str){(const char *)at, len}, &value, &fault) != OK) {
        must(fault.offset <= len);
        must(fault.what);
    } else {
        json_out_init(&out, &first);
        value_write(&out, &value);
        must(json_parse(arena, buf_view(&first), &again, NULL) == OK);
        json_out_init(&out, &second);
        value_write(&out, &again);
        must(str_eq(buf_view(&first), buf_view(&second)));
    }
    buf_release(&first);
    buf_release(&second);
    arena_free(arena);
    return 0;
}
