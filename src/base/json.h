/* JSON (RFC 8259), strict: UTF-8 only, no duplicate names, no NUL, integers exact to 64 bits,
 * finite numbers, depth at most JSON_DEPTH_MAX. The tree lies in the arena; texts without escapes
 * are views into the input, which must live as long. */
#pragma once

#include "base/base.h"

#define JSON_DEPTH_MAX 32
#define JSON_NUMBER_MAX 512   /* characters of one number */
#define JSON_VALUE_MAX 100000 /* values in one text: a megabyte of "0," must not fill an arena */

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_NUM, JSON_STR, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_type type;
    uint32_t count; /* items of an array, members of an object */
    union {
        bool is_true;
        int64_t integer; /* JSON_INT: written without fraction and exponent and within int64 */
        double number;   /* JSON_NUM: everything else */
        struct str text;
        const struct json *items;
        const struct json_member *members;
    };
    struct str raw; /* the bytes of this value in the input */
};
struct json_member {
    struct str name;
    struct json value;
};
struct json_fault {
    size_t offset;    /* byte at which reading stopped */
    const char *what; /* "unexpected end", "duplicate name", ... */
};

/* E_INPUT with *fault filled (fault may be NULL). */
enum err json_parse(struct arena *arena, struct str text, struct json *out,
                    struct json_fault *fault) MUST_USE;
const struct json *json_get(const struct json *object,
                            const char *name); /* NULL: not an object, or no such member */

/* Writing goes straight into a buffer; commas are set by the writer. must() checks that it is
 * balanced. */
struct json_out {
    struct buf *buf;
    int depth;
    bool has_item[JSON_DEPTH_MAX + 1]; /* [0]: the one value of the document */
    bool is_object[JSON_DEPTH_MAX + 1];
    bool has_name;
};
void json_out_init(struct json_out *out, struct buf *buf);
void json_object_begin(struct json_out *out);
void json_object_end(struct json_out *out);
void json_array_begin(struct json_out *out);
void json_array_end(struct json_out *out);
void json_name(struct json_out *out, const char *name);
void json_str(struct json_out *out,
              struct str value); /* at == NULL writes null; escapes < as \u003c */
void json_int(struct json_out *out, int64_t value); /* NONE writes null */
void json_id(struct json_out *out, int64_t id); /* as a string, for browsers; NONE writes null */
void json_num(struct json_out *out,
              double value); /* shortest text that reads back the same; not finite writes null */
void json_bool(struct json_out *out, bool value);
void json_null(struct json_out *out);
void json_raw(struct json_out *out, struct str json); /* a value that is JSON already */
