/* Calendar units as a table, since a zone's rules are too dear for every event.
 * Always: starts ascend; unit i of the table is [starts[i], starts[i + 1]). */
#include "engine/answer_private.h"

struct answer_units answer_units_of(struct answer_run *run, enum calendar_unit unit, int64_t first,
                                    int64_t count)
{
    int64_t *starts = arena_new_array(run->hands[0].arena, int64_t, (size_t)count + 1);

    for (int64_t i = 0; i <= count; i++)
        starts[i] = window_unit_start(run->query->zone, unit, first + i);
    return (struct answer_units){.first = first, .count = count, .starts = starts};
}

struct answer_units answer_units(struct answer_run *run, enum calendar_unit unit, int64_t from,
                                 int64_t to)
{
    int64_t first = window_unit(run->query->zone, unit, from);
    int64_t last = window_unit(run->query->zone, unit, to > from ? to - 1 : from);

    return answer_units_of(run, unit, first, last - first + 1);
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
