/* Cursors are "key.id"; a key that is NULL is "-". */
#include "kit/cursor.h"

enum err cursor_read(struct ctx *c, struct str text, struct cursor *out)
{
    struct str key, id;

    *out = (struct cursor){INT64_MAX, INT64_MAX};
    if (text.at == NULL)
        return OK;
    if (str_cut(text, '.', &key, &id) && str_to_int(id, &out->id)) {
        if (str_is(key, "-")) {
            out->key_number = NONE;
            return OK;
        }
        if (str_to_int(key, &out->key_number) && out->key_number != NONE)
            return OK;
    }
    return fail_at(c, "input.cursor", S("cursor"), "not a cursor that a list gave");
}

struct str cursor_write(struct ctx *c, struct cursor cursor)
{
    if (cursor.key_number == NONE)
        return str_fmt(c->arena, "-.%" PRId64, cursor.id);
    return str_fmt(c->arena, "%" PRId64 ".%" PRId64, cursor.key_number, cursor.id);
}
