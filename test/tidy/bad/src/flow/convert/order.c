/* A stage that knows another. */
#include "flow/convert/order.h"
#include "flow/engage/sop.h"
#include "insight/board.h"
