/* Orders: downwards, and its own stage. */
#include "flow/convert/order.h"
#include "gen/customer.q.h"
#include "gen/order.q.h"
#include "manage/customer/customer.h"

int order_take(void)
{
    return 0;
}
