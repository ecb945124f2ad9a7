/* Who reacts to what, in this order, in the same transaction; and what can be imported. */
#include "flow/flow.h"

#include "flow/convert/convert.h"
#include "manage/customer/customer.h"
#include "manage/event/event.h"
#include "manage/import/import.h"

const struct reaction flow_reactions[] = {
    {"member_registered", customer_mark_added},
    {"friend_added", customer_mark_added},
    {"official_followed", customer_mark_added},
    {"invite_accepted", customer_mark_invited},
    {"customer_merged", order_mark_merged},
    {"customer_unmerged", order_mark_merged},
    {"customer_edited", known_customer_changed},
    {"customer_merged", known_customer_changed},
    {"customer_unmerged", known_customer_gone},
    {"customer_deleted", known_customer_gone},
    {NULL, NULL},
};

const struct import_kind *const import_kinds[] = {
    &import_customers, &import_orders, &import_events, &import_costs, NULL,
};
