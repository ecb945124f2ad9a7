/* Includes upwards. */
#include "kit/ctx.h"
#include "gen/coupon.q.h"
