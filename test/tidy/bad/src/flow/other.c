/* Not flow.c. */
#include "flow/engage/sop.h"
