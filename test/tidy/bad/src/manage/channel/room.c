/* A room that includes one above it. */
#include "manage/setting/setting.h"
#include "manage/customer/customer.h"
