/* flow.c sees every stage. */
#include "flow/convert/order.h"
#include "flow/engage/journey.h"
