/* The ledger (kit/ledger.h) as people read it, with the owners' names: accounts, statements, transfers; and what is taken
 * back by hand, above a set amount only by two people. */
#pragma once

#include "kit/route.h"

extern const struct route account_routes[];
extern const struct route reversal_routes[];
