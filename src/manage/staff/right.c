/* Every right there is, as pages name it. Which routes need it stands in the routes' own rows; a
 * right without a route changes what a route shows. */
#include "manage/staff/staff_private.h"

const struct right rights[] = {
    {"overview.read", "看总览与分析", "See overview and analysis"},
    {"customer.read", "看客户", "See customers"},
    {"customer.name", "看客户姓名", "See customers' names in the clear"},
    {"customer.reveal", "查看手机等明文", "Unmask phone, e-mail and address"},
    {"customer.write", "编辑客户", "Edit customers"},
    {"customer.tag", "打标签", "Tag customers"},
    {"customer.merge", "合并客户", "Merge customers"},
    {"customer.assign", "分配客户归属", "Assign customers to staff and stores"},
    {"customer.export", "导出客户", "Export customers"},
    {"customer.delete", "导出与删除个人信息", "Export and erase a person's data"},
    {"order.read", "看订单", "See orders"},
    {"order.write", "录入与修改订单", "Record and change orders"},
    {"channel.read", "看渠道", "See channels"},
    {"channel.write", "管理渠道与费用", "Manage channels and costs"},
    {"campaign.read", "看活动", "See campaigns and rewards"},
    {"segment.write", "管理人群", "Manage segments"},
    {"campaign.write", "管理活动与预算", "Manage campaigns and their budgets"},
    {"campaign.override", "越过活动合规检查", "Pass over a check of a campaign"},
    {"campaign.claim", "替客户领取", "Claim on a customer's behalf"},
    {"reward.decide", "核定待核奖励", "Decide about held rewards"},
    {"import.read", "看导入记录", "See imports"},
    {"import.write", "导入文件", "Import files"},
    {"setting.read", "看设置", "See settings"},
    {"setting.write", "修改设置", "Change settings"},
    {"staff.read", "看员工与组织", "See staff and organisation"},
    {"staff.write", "管理员工与组织", "Manage staff and organisation"},
    {"role.write", "编辑角色", "Edit roles"},
    {"key.write", "管理接口密钥", "Manage API keys"},
    {"key.rotate", "更换加密密钥", "Rotate the keys of personal data"},
    {"audit.read", "看操作记录", "Read the audit trail"},
    {"system.read", "看系统健康", "See how the system is"},
    {"ledger.read", "看账本", "Read the ledger"},
    {"ledger.reverse", "冲正与复核", "Take transfers back by hand"},
    {"timer.read", "看定时", "See timers"},
    {"timer.write", "重试与放弃失败的定时", "Retry and give up failed timers"},
    {"outbox.read", "看发件箱", "See the outbox and what arrived"},
    {"outbox.write", "重试与放弃消息", "Retry and give up messages"},
    {"webhook.write", "管理事件推送", "Manage webhooks"},
    {"saga.read", "看资金流转", "See payments outside and their differences"},
    {"saga.write", "核对资金差异", "Have payments asked about and close differences"},
    {"job.all", "看所有人的任务", "See everybody's jobs"},
    {.name = NULL},
};

const struct right *right_find(struct str name)
{
    for (const struct right *right = rights; right->name; right++)
        if (str_is(name, right->name))
            return right;
    return NULL;
}

bool right_list_has(struct str list, const char *name)
{
    struct str head;
    bool is_more;

    do {
        is_more = str_cut(list, ' ', &head, &list);
        if (str_is(head, name))
            return true;
    } while (is_more);
    return false;
}

enum err right_list_normal(struct ctx *c, struct str text, struct str *out)
{
    struct str rest = text, head;
    struct buf buf;
    bool is_more;

    do {
        is_more = str_cut(rest, ' ', &head, &rest);
        if (head.len > 0 && right_find(head) == NULL)
            return fail_at(c, "role.right", S("permissions"), "no such right: %.*s", STR(head));
    } while (is_more);
    buf_init(&buf, PERMISSIONS_MAX);
    for (const struct right *right = rights; right->name; right++)
        if (right_list_has(text, right->name))
            buf_fmt(&buf, "%s%s", buf.len ? " " : "", right->name);
    *out = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return OK;
}
