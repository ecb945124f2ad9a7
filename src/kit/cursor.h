/* Where a list goes on: the last row's sort key and id, as text that clients hand back unread. */
#pragma once

#include "kit/ctx.h"
#include "kit/field.h"

/* The query parameter `limit` of a list, in an int64_t member of another name. */
#define FIELD_LIMIT(T, m, most)                                                                    \
    { .name = "limit", .type = F_INT, .offset = offsetof(T, m), .is_optional = true, .min = 1,     \
      .max = (most), .about = "rows wanted" }

struct cursor {
    int64_t key_number; /* NONE: among the rows whose key is NULL, which come last */
    int64_t id;
};
/* No value is the start: both INT64_MAX, for lists that run downwards. E_INPUT "input.cursor". */
enum err cursor_read(struct ctx *c, struct str text, struct cursor *out) MUST_USE;
struct str cursor_write(struct ctx *c, struct cursor cursor);
