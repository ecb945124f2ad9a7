/* local stub */
#include "base/time.h"
enum err zone_parse(struct arena *arena, struct str tzif, struct zone **out)
{
    (void)tzif;
    *out = arena_alloc(arena, 64);
    return OK;
}
