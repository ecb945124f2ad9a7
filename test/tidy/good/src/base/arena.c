/* arena.c: base may allocate and jump. */
#include "base/arena.h"

void *arena_alloc(int size)
{
    void *at = malloc(size);
    if (!at)
        goto failed;
    return at;
failed:
    return 0;
}
