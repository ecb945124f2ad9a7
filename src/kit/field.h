/* Field tables: the shape of what goes into a handler and what comes out. From them come checking,
 * JSON in and out, the OpenAPI document and with it the TypeScript client. A field's type is its
 * struct member's; `id` and `*_id` are strings in JSON. */
#pragma once

#include "base/base.h"
#include "base/json.h"

struct ctx;
struct shape;

enum field_type { F_INT, F_BOOL, F_STR, F_LIST, F_OBJECT };

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    bool is_optional; /* may be absent or null; then NONE, no value, false or an empty list */
    bool is_json;     /* F_STR: the text is JSON and goes in and out as a JSON value */
    int64_t min, max; /* numbers: bounds (both 0: any). text: code points (max 0: 200). lists: items
                         (max 0: 1,000) */
    const char *one_of;     /* text: "sale|cancellation" */
    const struct shape *of; /* F_LIST, F_OBJECT: the items' shape */
    const char *about;      /* one line for the API page */
    size_t given;           /* F_BOOL: offset of a bool set when the field was there; 0: none */
};

struct shape {
    const char *name; /* of the schema in the OpenAPI document */
    const struct field *fields;
    size_t count;
    size_t bytes; /* sizeof the struct */
};

/* clang-format off */
#define FIELD_TYPE(T, m) _Generic(((T *)0)->m, \
    int64_t: F_INT, bool: F_BOOL, struct str: F_STR, struct list: F_LIST, default: F_OBJECT)
#define FIELD(T, m, ...) \
    {.name = #m, .type = FIELD_TYPE(T, m), .offset = offsetof(T, m), __VA_ARGS__}
#define IN(T, m, ...) FIELD(T, m, __VA_ARGS__)
#define OUT(T, m, ...) FIELD(T, m, __VA_ARGS__)
/* SHAPE(take_in): table `take_in` of `struct take_in`. SHAPE_OF names all three apart (rows of generated queries). */
#define SHAPE(name_) SHAPE_OF(#name_, name_, struct name_)
#define SHAPE_OF(name_, table, T) \
    (&(const struct shape){.name = (name_), .fields = (table), .count = ARRAY_LEN(table), .bytes = sizeof(T)})
/* clang-format on */

/* Checks `value` against the shape and fills *out (shape->bytes). E_INPUT through fail_at:
 * "input.required" "input.type" "input.range" "input.length" "input.choice" "input.unknown" with
 * the path. */
enum err field_read(struct ctx *c, const struct shape *shape, const struct json *value,
                    void *out) MUST_USE;
/* One field given as text (query or path parameter). */
enum err field_read_text(struct ctx *c, const struct field *field, struct str text,
                         void *out) MUST_USE;
/* Every required field must have been given: for shapes filled by field_read_text. */
enum err field_check_given(struct ctx *c, const struct shape *shape, const void *in) MUST_USE;
/* Sets every field of *out to its "absent" value. */
void field_clear(const struct shape *shape, void *out);
const struct field *field_find(const struct shape *shape, struct str name);
bool field_is_id(const struct field *field);
void field_write(struct json_out *json, const struct shape *shape, const void *value);
