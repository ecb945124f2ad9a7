/* Calendar units as a table, since a zone's rules are too dear for every event.
 * Always: starts ascend; unit i of the table is [starts[i], starts[i + 1]). */
#include "engine/answer_private.h"

struct answer_units answer_units(struct answer_run *run, enum calendar_unit unit, int64_t from,
                                 int64_t to)
{
    const struct zone *zone = run->query->zone;
    struct answer_units units = {.first = window_unit(zone, unit, from)};
    int64_t *starts;

    units.count = window_unit(zone, unit, to > from ? to - 1 : from) - units.first + 1;
    starts = arena_new_array(run->hands[0].arena, int64_t, (size_t)units.count + 1);
    for (int64_t i = 0; i <= units.count; i++)
        starts[i] = window_unit_start(zone, unit, units.first + i);
    units.starts = starts;
    return units;
}

/* Units are about as long as one another: a guess, then a step or two. */
int64_t answer_unit(const struct answer_units *units, int64_t second)
{
    int64_t whole = units->starts[units->count] - units->starts[0];
    int64_t at = (second - units->starts[0]) * units->count / whole;

    at = at < units->count ? at : units->count - 1;
    while (second < units->starts[at])
        at--;
    while (second >= units->starts[at + 1])
        at++;
    return at;
}
