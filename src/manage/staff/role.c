/* Roles: what each kind of colleague may do, as a base begins with it; operators change the rights.
 * The rights themselves stand in the route rows. */
#include "manage/staff/staff.h"

#define READS "overview.read customer.read customer.name order.read channel.read setting.read "
#define WRITES "customer.write customer.tag order.write channel.write "

const struct role staff_roles[] = {
    {"admin", "*", "all", "管理员"},
    {"operator",
     READS WRITES
     "customer.reveal customer.merge customer.assign customer.export import.read "
     "import.write staff.read ledger.read ledger.reverse system.read timer.read timer.write "
     "outbox.read outbox.write saga.read saga.write "
     "segment.write campaign.read campaign.write campaign.claim reward.decide",
     "all", "操盘手"},
    {"content", "overview.read customer.read channel.read setting.read", "all", "内容"},
    {"activity",
     READS "customer.tag channel.write import.read segment.write campaign.read campaign.write",
     "all", "活动"},
    {"community", READS "customer.write customer.tag", "all", "社群"},
    {"guide",
     "customer.read customer.name customer.write customer.tag customer.reveal order.read "
     "channel.read setting.read campaign.read campaign.claim",
     "own", "导购"},
    {"service",
     READS "customer.write customer.tag customer.reveal order.write campaign.read "
           "campaign.claim",
     "all", "客服"},
    {"viewer",
     "overview.read customer.read order.read channel.read setting.read import.read "
     "campaign.read",
     "all", "只读"},
    {.name = NULL},
};
