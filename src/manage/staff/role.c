/* Roles: what each kind of colleague may do. The rights themselves stand in the route rows. */
#include "manage/staff/staff.h"

const struct role staff_roles[] = {
    {"admin", "*"},
    {"operator", "overview.read customer.read customer.write order.read order.write channel.read "
                 "channel.write setting.read import.read"},
    {"viewer", "overview.read customer.read order.read channel.read setting.read import.read"},
    {NULL, NULL},
};
