/* Rows of one struct in an arena. Always: items are zero when they are added; they move when the
 * list grows. */
#include "base/base.h"

#define FIRST_CAP 8

void *list_add(struct arena *arena, struct list *list, int64_t *cap, size_t item_bytes)
{
    must(list->count <= *cap);
    if (list->count == *cap) {
        int64_t new_cap = *cap ? *cap * 2 : FIRST_CAP;
        void *at = arena_array(arena, (size_t)new_cap, item_bytes);
        if (list->count)
            memcpy(at, list->at, (size_t)list->count * item_bytes);
        list->at = at;
        *cap = new_cap;
    }
    return (char *)list->at + (size_t)list->count++ * item_bytes;
}
