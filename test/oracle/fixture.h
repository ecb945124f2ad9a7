/* Worlds so small that each answer was found by hand, with the reason. */
#pragma once

#include "world.h"

struct fixture {
    const char *why;
    const char *events; /* "NUMBER TIME KIND CHANNEL AMOUNT PIECES;" from the left, in the order of arrival; "-" is missing */
    const char *links;  /* "NUMBER>KEPT" */
    const char *gone, *others; /* numbers: deleted; people without events. All numbers but unknown ones are people */
    const char *unknown;
    const char *birthdays; /* "NUMBER=DATE" */
    const char *as_of, *query;
    const char *answer; /* the cells; a segment's members; "large" */
};
extern const struct fixture fixtures[];
extern const int fixture_count;

void fixture_make(const struct fixture *fixture, struct arena *arena, struct world *world);
int64_t fixture_time(const char *text);
