/* The butterfly: which event leads to what. */
#pragma once

#include "kit/journal.h"

extern const struct reaction flow_reactions[]; /* ended by a row with kind NULL */
