/* The registry of event kinds: what can happen, which class it is, what may be said of it.
 * Properties never hold personal data. */
#include "manage/event/event.h"

/* ---- properties ------------------------------------------------------------------------------ */

struct page_properties {
    struct str url, title, referrer, label;
    int64_t duration_ms;
};
static const struct field page_properties[] = {
    IN(struct page_properties, url, .is_optional = true, .max = 500,
       .about = "kept without what stands behind ? and #"),
    IN(struct page_properties, title, .is_optional = true),
    IN(struct page_properties, referrer, .is_optional = true, .max = 500),
    IN(struct page_properties, duration_ms, .is_optional = true, .max = DAY_MS),
};
static const struct field link_properties[] = {
    IN(struct page_properties, url, .is_optional = true, .max = 500),
    IN(struct page_properties, title, .is_optional = true),
    IN(struct page_properties, referrer, .is_optional = true, .max = 500),
    IN(struct page_properties, label, .is_optional = true, .about = "what was clicked"),
};

struct product_properties {
    struct str product_code, product_name;
    int64_t quantity_count, price_fen;
};
static const struct field product_properties[] = {
    IN(struct product_properties, product_code, .min = 1, .max = 60),
    IN(struct product_properties, product_name, .is_optional = true),
    IN(struct product_properties, quantity_count, .is_optional = true, .min = 1, .max = 1000000),
    IN(struct product_properties, price_fen, .is_optional = true, .max = 1000000000000),
};

struct content_properties {
    struct str content_code, title, target;
    int64_t duration_ms;
};
static const struct field content_properties[] = {
    IN(struct content_properties, content_code, .min = 1, .max = 60),
    IN(struct content_properties, title, .is_optional = true),
    IN(struct content_properties, target, .is_optional = true, .max = 60,
       .about = "where to: moments, group, friend"),
    IN(struct content_properties, duration_ms, .is_optional = true, .max = DAY_MS),
};

struct code_properties {
    struct str code, title, carrier;
    int64_t done_count, duration_ms;
};
static const struct field form_properties[] = {
    IN(struct code_properties, code, .min = 1, .max = 60,
       .about = "which form; not what was written"),
    IN(struct code_properties, title, .is_optional = true),
};
static const struct field reply_properties[] = {
    IN(struct code_properties, carrier, .is_optional = true, .max = 60,
       .about = "wecom, official, group, sms; never the text"),
};
static const struct field checkin_properties[] = {
    IN(struct code_properties, code, .is_optional = true, .max = 60, .about = "which activity"),
    IN(struct code_properties, done_count, .is_optional = true, .max = 100000,
       .about = "days in a row"),
};
static const struct field live_properties[] = {
    IN(struct code_properties, code, .min = 1, .max = 60, .about = "which broadcast"),
    IN(struct code_properties, title, .is_optional = true),
    IN(struct code_properties, duration_ms, .is_optional = true, .max = DAY_MS),
};
static const struct field account_properties[] = {
    IN(struct code_properties, code, .is_optional = true, .max = 60,
       .about = "which account, staff member, level"),
    IN(struct code_properties, carrier, .is_optional = true, .max = 60),
};

struct invite_properties {
    struct str inviter_kind, inviter_value, code;
};
static const struct field invite_properties[] = {
    IN(struct invite_properties, inviter_kind, .min = 1, .max = 60,
       .about = "an identity of the inviter: kept as the customer's id, never as text"),
    IN(struct invite_properties, inviter_value, .min = 1),
    IN(struct invite_properties, code, .is_optional = true, .max = 60, .about = "which campaign"),
};

struct fields_properties {
    struct str fields, name, reason;
};
static const struct field edited_properties[] = {
    OUT(struct fields_properties, fields, .about = "names of what changed, without values"),
};
static const struct field merged_properties[] = {
    OUT(struct fields_properties, reason, .about = "hand, or the rule: phone unionid visitor"),
};
struct consent_properties {
    struct str purpose, source;
};
static const struct field consent_properties[] = {
    OUT(struct consent_properties, purpose),
    OUT(struct consent_properties, source, .about = "h5 mini store phone paper import"),
};
static const struct field setting_properties[] = {OUT(struct fields_properties, name)};

#define PROPERTIES(table, T) SHAPE_OF(#table, table, struct T)
#define BEHAVIOUR .class = EVENT_BEHAVIOUR, .is_open = true, .is_own_action = true
#define OPEN_FACT .class = EVENT_FACT, .is_open = true
#define FACT .class = EVENT_FACT
#define TITLES(zh, en) .title_zh = zh, .title_en = en

const struct event_kind event_kinds[] = {
    {"page_viewed", BEHAVIOUR, TITLES("浏览页面", "Viewed a page"),
     .properties = PROPERTIES(page_properties, page_properties)},
    {"link_clicked", BEHAVIOUR, TITLES("点击链接", "Clicked a link"),
     .properties = PROPERTIES(link_properties, page_properties)},
    {"product_viewed", BEHAVIOUR, TITLES("浏览商品", "Viewed a product"),
     .properties = PROPERTIES(product_properties, product_properties)},
    {"content_viewed", BEHAVIOUR, TITLES("阅读内容", "Read content"),
     .properties = PROPERTIES(content_properties, content_properties)},
    {"content_shared", BEHAVIOUR, TITLES("分享内容", "Shared content"),
     .properties = PROPERTIES(content_properties, content_properties)},
    {"added_to_cart", BEHAVIOUR, TITLES("加入购物车", "Added to cart"),
     .properties = PROPERTIES(product_properties, product_properties)},
    {"form_submitted", BEHAVIOUR, TITLES("提交表单", "Submitted a form"),
     .properties = PROPERTIES(form_properties, code_properties)},
    {"message_replied", BEHAVIOUR, TITLES("回复消息", "Replied to a message"),
     .properties = PROPERTIES(reply_properties, code_properties)},
    {"checked_in", BEHAVIOUR, TITLES("签到", "Checked in"),
     .properties = PROPERTIES(checkin_properties, code_properties)},
    {"live_watched", BEHAVIOUR, TITLES("观看直播", "Watched a broadcast"),
     .properties = PROPERTIES(live_properties, code_properties)},

    {"friend_added", OPEN_FACT, TITLES("添加好友", "Added as a friend"), .is_own_action = true,
     .properties = PROPERTIES(account_properties, code_properties)},
    {"friend_removed", OPEN_FACT, TITLES("删除好友", "Removed as a friend"),
     .properties = PROPERTIES(account_properties, code_properties)},
    {"official_followed", OPEN_FACT, TITLES("关注公众号", "Followed the official account"),
     .is_own_action = true, .properties = PROPERTIES(account_properties, code_properties)},
    {"member_registered", OPEN_FACT, TITLES("注册会员", "Registered as a member"),
     .is_own_action = true, .properties = PROPERTIES(account_properties, code_properties)},
    {"invite_accepted", OPEN_FACT, TITLES("受邀而来", "Came by invitation"), .is_own_action = true,
     .subject = "customer", .properties = PROPERTIES(invite_properties, invite_properties)},

    {"customer_added", FACT, TITLES("首次接触", "First touch")},
    {"customer_deleted", FACT, TITLES("资料删除", "Data deleted")},
    {"consent_given", FACT, TITLES("同意授权", "Gave consent"), .subject = "consent",
     .properties = PROPERTIES(consent_properties, consent_properties)},
    {"consent_withdrawn", FACT, TITLES("撤回授权", "Withdrew consent"), .subject = "consent",
     .properties = PROPERTIES(consent_properties, consent_properties)},
    {"customer_edited", FACT, TITLES("资料变更", "Profile changed"),
     .properties = PROPERTIES(edited_properties, fields_properties)},
    {"customer_merged", FACT, TITLES("客户合并", "Records became one person"),
     .subject = "customer", .properties = PROPERTIES(merged_properties, fields_properties)},
    {"customer_unmerged", FACT, TITLES("撤销合并", "Merge undone"), .subject = "customer"},
    {"tag_added", FACT, TITLES("打上标签", "Tag added"), .subject = "tag"},
    {"tag_removed", FACT, TITLES("移除标签", "Tag removed"), .subject = "tag"},
    {"segment_changed", FACT, TITLES("人群变更", "A segment was changed"), .subject = "segment"},
    {"segment_entered", FACT, TITLES("进入人群", "Came into a segment"), .subject = "segment",
     .properties = PROPERTIES(merged_properties, fields_properties)},
    {"segment_left", FACT, TITLES("离开人群", "Left a segment"), .subject = "segment",
     .properties = PROPERTIES(merged_properties, fields_properties)},
    {"owner_changed", FACT, TITLES("更换负责人", "Owner changed"), .subject = "staff"},
    {"relation_added", FACT, TITLES("与员工建立联系", "Met a colleague"), .subject = "staff"},
    {"relation_lost", FACT, TITLES("与员工断开联系", "Left a colleague"), .subject = "staff"},
    {"customer_blocked", FACT, TITLES("加入黑名单", "Blacklisted")},
    {"customer_unblocked", FACT, TITLES("移出黑名单", "Taken off the blacklist")},
    {"order_paid", FACT, TITLES("支付订单", "Paid an order"), .is_own_action = true,
     .subject = "order"},
    {"order_changed", FACT, TITLES("订单变更", "Order changed"), .subject = "order"},
    {"order_refunded", FACT, TITLES("订单退款", "Order refunded"), .subject = "order"},
    {"order_cancelled", FACT, TITLES("订单取消", "Order cancelled"), .subject = "order"},
    {"order_removed", FACT, TITLES("撤销导入的订单", "Imported order taken out"),
     .subject = "order"},
    {"campaign_moved", FACT, TITLES("活动状态变更", "Campaign changed its state"),
     .subject = "campaign"},
    {"campaign_entered", FACT, TITLES("参加活动", "Came into a campaign"), .subject = "campaign"},
    {"reward_granted", FACT, TITLES("获得奖励", "Got a reward"), .subject = "reward"},
    {"reward_held", FACT, TITLES("奖励待核", "A reward waits for a decision"), .subject = "reward"},
    {"reward_refused", FACT, TITLES("奖励未通过", "A reward was refused"), .subject = "reward"},
    {"reward_revoked", FACT, TITLES("奖励收回", "A reward was taken back"), .subject = "reward"},
    {"staff_added", FACT, TITLES("新增员工", "Staff added"), .subject = "staff"},
    {"setting_changed", FACT, TITLES("设置变更", "Setting changed"),
     .properties = PROPERTIES(setting_properties, fields_properties)},
    {"channel_added", FACT, TITLES("新增渠道", "Channel added"), .subject = "channel"},
    {.name = NULL},
};
