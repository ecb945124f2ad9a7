/* Settings: what an operator may set is a row of `definitions`, with bounds, default and words in
 * both languages. Always: a value in the table was checked against its row; zone and currency stand
 * in meta since set-up and cannot change, because days and amounts were computed with them. */
#include "manage/setting/setting.h"

#include "base/utf8.h"
#include "gen/setting.q.h"
#include "host/file.h"
#include "kit/app.h"
#include "kit/audit.h"
#include "kit/journal.h"
#include "manage/setting/life_stage.h"
#include "manage/setting/setting_private.h"

#define TEXT_MAX 60
#define REASON_MAX 200
#define VERSIONS_MAX 50

static const struct setting_definition definitions[] = {
    {"brand_name", "brand", "text", "\"\"", 0, TEXT_MAX, false, "品牌名称", "Brand name",
     "显示在页面左上角。", "Shown at the top left of every page."},
    {"zone", "brand", "text", "\"Asia/Shanghai\"", 0, TEXT_MAX, true, "时区", "Time zone",
     "所有的“天”和“月”按此时区计算；安装时确定，不能修改。",
     "Days and months are counted in it; fixed at set-up."},
    {"currency", "brand", "text", "\"CNY\"", 0, TEXT_MAX, true, "货币", "Currency",
     "所有金额的货币；安装时确定，不能修改。", "Of all amounts; fixed at set-up."},
    {"day_start_minutes", "brand", "int", "0", 0, 720, false, "营业日开始（分钟）",
     "Business day begins (minutes)",
     "营业日从当地零点后这么多分钟开始，例如 240 表示凌晨 4 点以前算前一天；改动只影响之后的计算。",
     "The day begins this many minutes after midnight: with 240, what happens before 4 am belongs "
     "to the day before. What was kept by day already stays."},
    {"sleep_after_days", "rules", "int", "90", 1, 3650, false, "沉睡天数", "Days until sleeping",
     "最后一次下单超过这么多天的客户算沉睡。",
     "A customer whose last order is older than this is sleeping."},
    {"lost_after_days", "rules", "int", "180", 1, 3650, false, "流失天数", "Days until lost",
     "最后一次下单超过这么多天的客户算流失。",
     "A customer whose last order is older than this is lost."},
    {"active_within_days", "rules", "int", "30", 1, 365, false, "活跃天数", "Active within days",
     "最近这么多天内有过自己的行为的客户算活跃。",
     "A customer with an own action within these days is active."},
    {"loyal_order_count", "rules", "int", "3", 1, 100, false, "忠诚订单数", "Orders of the loyal",
     "下单达到这个次数的客户算忠诚客户。", "A customer with this many orders is loyal."},
    {"bulk_confirm_above", "people", "int", "1000", 1, 1000000, false, "批量操作确认数",
     "Confirm many above", "一次操作的客户超过这个数目时，必须确认具体人数。",
     "Work on more customers than this at once needs their number confirmed."},
    {"life_stage_months", "people", "text", "\"6 12 36 72\"", 1, TEXT_MAX, false, "生命阶段（月）",
     "Life stages (months)", "按最小孩子的月龄分段：填写每段开始的月龄，用空格隔开，从小到大。",
     "Bands by the youngest child's age: the month each begins, rising, with blanks between."},
    {"reversal_second_fen", "ledger", "int", "10000", 0, 1000000000, false, "冲正复核金额（分）",
     "Second pair of eyes above (minor units)",
     "人工冲正的金额超过它时，需要另一位同事同意；0 表示每一笔都要。",
     "Reversing more money than this by hand needs another colleague; 0: always."},
    {"reversal_second_points", "ledger", "int", "10000", 0, 1000000000, false, "冲正复核数量",
     "Second pair of eyes above (points)",
     "人工冲正的积分、成长值等超过它时，需要另一位同事同意；0 表示每一笔都要。",
     "Reversing more points, growth and the like than this by hand needs another colleague; 0: "
     "always."},
    {"behaviour_keep_months", "retention", "int", "0", 0, 120, false, "行为保留月数",
     "Months to keep behaviours",
     "浏览、点击等行为到达后保留这么多个月，之后删除；0 表示一直保留。订单等事实不会删除。",
     "Views, clicks and the like are deleted this many months after arrival; 0 keeps them. Facts "
     "such as orders stay."},
    {"export_keep_days", "retention", "int", "7", 1, 7, false, "导出文件保留天数",
     "Days to keep exports", "导出的文件保留这么多天，之后删除；需要时可以重新导出。",
     "Files of exports are deleted after these days; they can be made again."},
    {"import_keep_days", "retention", "int", "30", 1, 365, false, "导入资料保留天数",
     "Days to keep what imports need",
     "上传的文件、被拒的行和撤销所需的资料保留这么多天；之后不能再撤销那次导入。",
     "Uploaded files, refused rows and what undoing needs are deleted after these days; then an "
     "import cannot be undone."},
    {"message_keep_days", "retention", "int", "7", 1, 90, false, "消息号保留天数",
     "Days to know messages again", "这么多天内重复收到的同一条消息不会重复记录。",
     "The same message sent again within these days is not recorded twice."},
    {"audit_detail_keep_months", "retention", "int", "0", 0, 120, false, "审计详情保留月数",
     "Months to keep details of the audit trail",
     "审计的详情保留这么多个月，之后删除；0 表示一直保留。谁在何时做了什么始终保留。",
     "Details are deleted after these months; 0 keeps them. Who did what when always stays."},
    {"session_keep_days", "retention", "int", "30", 1, 30, false, "登录保留天数",
     "Days to stay signed in", "登录这么多天后需要重新登录。",
     "After these days one signs in again."},
    {"merge_by_unionid", "people", "int", "1", 0, 1, false, "按 unionid 自动合并",
     "Merge by unionid",
     "同一操作带来的两个身份分属两位客户，其中一个是 unionid 时自动合并为一人；0 表示不合并。",
     "Where one operation names two customers and one of the two identities is a unionid, they "
     "become one person; 0: they stay two."},
    {"merge_by_phone", "people", "int", "1", 0, 1, false, "按手机号自动合并", "Merge by phone",
     "同一操作带来的两个身份分属两位客户，其中一个是手机号时自动合并为一人；0 表示不合并。",
     "Where one operation names two customers and one of the two identities is a phone, they "
     "become one person; 0: they stay two."},
    {"merge_visitors", "people", "int", "1", 0, 1, false, "访客自动归入本人", "Merge visitors",
     "匿名访客表明身份后，之前的浏览记录归入本人；0 表示不归入。",
     "A visitor with a history who says who they are becomes that person; 0: the history stays "
     "apart."},
    {"reveal_per_hour", "people", "int", "200", 0, 100000, false, "每小时查看明文次数",
     "Clear texts shown per hour",
     "每位同事每小时最多查看这么多次客户的明文资料（姓名、手机号、邮箱、地址）；每次都记入审计。",
     "How often an hour one colleague may have a customer's masked data shown; each time is "
     "audited."},
    {"quiet_from_minutes", "people", "int", "1320", 0, 1439, false, "免打扰开始（分钟）",
     "Quiet hours begin (minutes)",
     "从当地零点起的分钟数，1320 表示 "
     "22:00；免打扰时段内给客户的消息等到时段结束再发。与结束相同表示"
     "不设。",
     "Minutes after midnight, 1320 is 22:00: messages to people wait until the quiet hours end. "
     "The "
     "same as the end: none."},
    {"quiet_to_minutes", "people", "int", "480", 0, 1439, false, "免打扰结束（分钟）",
     "Quiet hours end (minutes)", "从当地零点起的分钟数，480 表示 08:00。",
     "Minutes after midnight, 480 is 08:00."},
    {"messages_per_week", "people", "int", "4", 1, 100, false, "每人每周消息数",
     "Messages a person a week", "每位客户每周（周一起）最多收到这么多条营销消息，超出的不发送。",
     "A person gets at most so many marketing messages a week, from Monday; more are not sent."},
    {"outbox_keep_days", "retention", "int", "30", 1, 365, false, "已发消息保留天数",
     "Days to keep sent messages", "已发送或放弃的消息保留这么多天，之后连同内容一起删除。",
     "Messages that were sent or given up are deleted after these days, with their texts."},
    {"smtp_host", "mail", "text", "\"\"", 0, 253, false, "发信服务器", "Mail server",
     "SMTP 服务器的域名，例如 smtp.exmail.qq.com；留空表示不发信。换服务器后要重新填写密码。",
     "Name of the SMTP server; empty: no mail is sent. Another server wants its password anew."},
    {"smtp_port", "mail", "int", "587", 1, 65535, false, "发信端口", "Mail port",
     "STARTTLS 一般是 587，TLS 一般是 465。", "Usually 587 with STARTTLS, 465 with TLS."},
    {"smtp_security", "mail", "text", "\"starttls\"", 3, 8, false, "发信加密", "Mail security",
     "starttls、tls 或 none；none 只能用于本机上的服务器。",
     "starttls, tls or none; none only with a server on this machine."},
    {"smtp_user", "mail", "text", "\"\"", 0, 254, false, "发信账号", "Mail account",
     "登录发信服务器的账号；留空表示不登录。", "Signs in with it; empty: without signing in."},
    {"smtp_password", "mail", "secret", "\"\"", 0, 200, false, "发信密码", "Mail password",
     "加密保存，填写后不再显示。", "Kept sealed, and never shown again."},
    {"smtp_from", "mail", "text", "\"\"", 0, 254, false, "发件人地址", "Sender's address",
     "收件人看到的发件邮箱，例如 service@example.com。",
     "Whom mails come from, service@example.com"},
};

const struct setting_definition *setting_definition_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(definitions); i++)
        if (str_is(name, definitions[i].name))
            return &definitions[i];
    return NULL;
}

/* ---- for the code ---------------------------------------------------------------------------- */

static int64_t value_int(struct str json)
{
    int64_t value;

    must(str_to_int(json, &value));
    return value;
}

static enum err value_text(struct ctx *c, struct str json, struct str *out)
{
    struct json value;

    TRY(json_parse(c->arena, json, &value, NULL));
    must(value.type == JSON_STR);
    *out = value.text;
    return OK;
}

enum err setting_int(struct ctx *c, const char *name, int64_t *out)
{
    const struct setting_definition *definition = setting_definition_find(str_of(name));
    struct q_setting_get_row row;
    enum err err = q_setting_get(c, str_of(name), &row);

    must(definition != NULL);
    must(strcmp(definition->kind, "int") == 0);
    if (err != OK && err != E_NOT_FOUND)
        return err;
    *out = value_int(err == OK ? row.value : str_of(definition->default_value));
    return OK;
}

int64_t setting_int_of(const char *name, struct str value)
{
    const struct setting_definition *definition = setting_definition_find(str_of(name));

    must(definition != NULL);
    must(strcmp(definition->kind, "int") == 0);
    return value_int(value.at ? value : str_of(definition->default_value));
}

enum err setting_ints(struct ctx *c, const char *const *names, int64_t count, int64_t *out)
{
    struct list all;

    TRY(q_setting_all(c, &all));
    for (int64_t i = 0; i < count; i++) {
        const struct setting_definition *definition = setting_definition_find(str_of(names[i]));
        const struct q_setting_all_row *rows = all.at;
        must(definition != NULL);
        must(strcmp(definition->kind, "int") == 0);
        out[i] = value_int(str_of(definition->default_value));
        for (int64_t j = 0; j < all.count; j++)
            if (str_is(rows[j].name, names[i]))
                out[i] = value_int(rows[j].value);
    }
    return OK;
}

enum err setting_text(struct ctx *c, const char *name, struct str *out)
{
    const struct setting_definition *definition = setting_definition_find(str_of(name));
    struct q_setting_get_row row;
    struct q_setting_meta_get_row fixed;
    enum err err;

    must(definition != NULL);
    must(strcmp(definition->kind, "int") != 0);
    err = definition->is_fixed ? q_setting_meta_get(c, str_of(name), &fixed)
                               : q_setting_get(c, str_of(name), &row);
    if (err == E_NOT_FOUND)
        return value_text(c, str_of(definition->default_value), out);
    TRY(err);
    *out = fixed.value;
    return definition->is_fixed ? OK : value_text(c, row.value, out);
}

/* ---- list ------------------------------------------------------------------------------------ */

struct setting_item {
    struct str name, group, kind, value, default_value, staff_name;
    int64_t version_count, changed_ms, min_number, max_number;
    bool is_fixed, has_secret;
    struct str title_zh, title_en, help_zh, help_en;
};
struct setting_list {
    struct list items;
};
static const struct field setting_item[] = {
    OUT(struct setting_item, name),
    OUT(struct setting_item, kind, .one_of = "int|text|secret"),
    OUT(struct setting_item, value, .is_json = true, .is_optional = true),
    OUT(struct setting_item, default_value, .is_json = true, .is_optional = true),
    OUT(struct setting_item, version_count, .about = "0: never changed"),
    OUT(struct setting_item, changed_ms, .is_optional = true),
    OUT(struct setting_item, staff_name, .is_optional = true, .about = "who changed it last"),
    {.name = "min", .type = F_INT, .offset = offsetof(struct setting_item, min_number)},
    {.name = "max", .type = F_INT, .offset = offsetof(struct setting_item, max_number)},
    OUT(struct setting_item, is_fixed),
    OUT(struct setting_item, has_secret, .about = "a secret is set; its value is never shown"),
    OUT(struct setting_item, title_zh),
    OUT(struct setting_item, title_en),
    OUT(struct setting_item, help_zh),
    OUT(struct setting_item, help_en),
    OUT(struct setting_item, group, .one_of = "brand|rules|people|ledger|retention|mail",
        .about = "what it stands with on the page"),
};
static const struct field setting_list[] = {
    OUT(struct setting_list, items, .of = SHAPE(setting_item)),
};

static struct setting_item item_of(const struct setting_definition *d)
{
    return (struct setting_item){.name = str_of(d->name),
                                 .group = str_of(d->group),
                                 .kind = str_of(d->kind),
                                 .value = str_of(d->default_value),
                                 .default_value = str_of(d->default_value),
                                 .version_count = 0,
                                 .changed_ms = NONE,
                                 .min_number = d->min,
                                 .max_number = d->max,
                                 .is_fixed = d->is_fixed,
                                 .title_zh = str_of(d->title_zh),
                                 .title_en = str_of(d->title_en),
                                 .help_zh = str_of(d->help_zh),
                                 .help_en = str_of(d->help_en)};
}

static void item_set(struct ctx *c, struct setting_item *item, const struct list *changed,
                     const struct list *fixed)
{
    const struct q_setting_all_row *rows = changed->at;
    const struct q_setting_meta_row *metas = fixed->at;

    for (int64_t i = 0; i < changed->count; i++)
        if (str_eq(rows[i].name, item->name)) {
            item->has_secret = str_is(item->kind, "secret") && !str_is(rows[i].value, "\"\"");
            if (!str_is(item->kind, "secret"))
                item->value = rows[i].value;
            item->version_count = rows[i].version_count;
            item->changed_ms = rows[i].changed_ms;
            item->staff_name = rows[i].staff_name;
        }
    for (int64_t i = 0; i < fixed->count; i++)
        if (str_eq(metas[i].name, item->name))
            item->value = str_fmt(c->arena, "\"%.*s\"", STR(metas[i].value));
}

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct setting_list *out = out_;
    struct list changed, fixed;
    int64_t cap = 0;

    (void)in;
    TRY(q_setting_all(c, &changed));
    TRY(q_setting_meta(c, &fixed));
    for (size_t i = 0; i < ARRAY_LEN(definitions); i++) {
        struct setting_item *item =
            list_add(c->arena, &out->items, &cap, sizeof(struct setting_item));
        *item = item_of(&definitions[i]);
        item_set(c, item, &changed, &fixed);
    }
    return OK;
}

/* ---- change ---------------------------------------------------------------------------------- */

struct setting_set_in {
    struct str name, value, reason;
    int64_t version_count;
};
struct setting_set_out {
    int64_t version_count;
};
static const struct field setting_set_in[] = {
    IN(struct setting_set_in, name, .min = 1, .max = TEXT_MAX),
    IN(struct setting_set_in, value, .is_json = true, .max = 1000, .about = "number or text"),
    IN(struct setting_set_in, reason, .min = 1, .max = REASON_MAX,
       .about = "why: kept with the version"),
    IN(struct setting_set_in, version_count, .min = 0, .max = INT32_MAX,
       .about = "as read: somebody else's change in between is a conflict"),
};
static const struct field setting_set_out[] = {OUT(struct setting_set_out, version_count)};

static enum err value_check(struct ctx *c, const struct setting_definition *d, struct str text)
{
    struct json value;
    int64_t length;

    TRY(json_parse(c->arena, text, &value, NULL));
    if (strcmp(d->kind, "int") == 0) {
        if (value.type != JSON_INT || value.integer < d->min || value.integer > d->max)
            return fail_at(c, "setting.value", S("value"),
                           "a number from %" PRId64 " to %" PRId64 " is needed", d->min, d->max);
        return OK;
    }
    length = value.type == JSON_STR ? (int64_t)utf8_count(value.text) : NONE;
    if (length < d->min || length > d->max)
        return fail_at(c, "setting.value", S("value"),
                       "a text of at most %" PRId64 " characters is needed", d->max);
    return OK;
}

/* 流失 comes after 沉睡. */
static enum err order_check(struct ctx *c, struct str name, struct str value)
{
    static const char *const names[] = {"sleep_after_days", "lost_after_days"};
    int64_t days[2];

    if (!str_is(name, names[0]) && !str_is(name, names[1]))
        return OK;
    TRY(setting_ints(c, names, 2, days));
    days[str_is(name, names[1])] = value_int(value);
    if (days[0] >= days[1])
        return fail_at(c, "setting.order", S("value"),
                       "a customer must be sleeping before being lost: %" PRId64
                       " is not below %" PRId64,
                       days[0], days[1]);
    return OK;
}

static enum err months_check(struct ctx *c, struct str name, struct str value)
{
    struct life_stages stages;
    struct str text;

    if (!str_is(name, "life_stage_months"))
        return OK;
    TRY(value_text(c, value, &text));
    if (!life_stage_parse(text, &stages))
        return fail_at(c, "setting.months", S("value"),
                       "up to 11 rising whole numbers of months with one blank between");
    return OK;
}

static enum err mail_value(struct ctx *c, const struct setting_definition *d, struct str *value)
{
    struct str text;

    if (strncmp(d->name, "smtp_", 5) != 0 || strcmp(d->kind, "int") == 0)
        return OK;
    TRY(value_text(c, *value, &text));
    if (strcmp(d->kind, "secret") == 0)
        return setting_mail_seal(c, text, value);
    return setting_mail_check(c, str_of(d->name), text);
}

/* What follows from a setting at once. */
static enum err effect_run(struct ctx *c, struct str name)
{
    return str_is(name, "day_start_minutes") ? app_zone_recall(c) : OK;
}

static enum err version_keep(struct ctx *c, const struct setting_set_in *in, int64_t version)
{
    const struct setting_definition *definition = setting_definition_find(in->name);
    bool is_secret =
        strcmp(definition->kind, "secret") == 0; /* of those the history keeps who and why */
    struct q_setting_version_add_in row = {in->name, version, is_secret ? S("\"\"") : in->value,
                                           str_trim(in->reason)};
    struct json_out json;
    struct buf buf;

    if (row.reason.len == 0)
        return fail_at(c, "setting.reason", S("reason"), "a reason is needed");
    TRY(q_setting_version_add(c, &row));
    buf_init(&buf, 4096);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    json_name(&json, "name");
    json_str(&json, in->name);
    json_name(&json, "reason");
    json_str(&json, row.reason);
    json_object_end(&json);
    audit_detail(c, str_copy(c->arena, buf_view(&buf)));
    buf_release(&buf);
    return OK;
}

static enum err changed_emit(struct ctx *c, const char *name)
{
    struct event event;

    event_init(&event, c, "setting_changed");
    event.properties = str_fmt(c->arena, "{\"name\":\"%s\"}", name);
    c->topics |= LIVE_SETTINGS | LIVE_CUSTOMERS;
    return journal_emit(c, &event, 1);
}

static enum err set_run(struct ctx *c, const void *in_, void *out_)
{
    const struct setting_set_in *in = in_;
    struct setting_set_out *out = out_;
    const struct setting_definition *definition = setting_definition_find(in->name);
    struct str value = in->value;
    int64_t changed_count;

    if (definition == NULL)
        return fail(c, E_NOT_FOUND, "setting.unknown", "no such setting");
    if (definition->is_fixed)
        return fail(c, E_CONFLICT, "setting.fixed", "%s was fixed at set-up", definition->name);
    TRY(value_check(c, definition, in->value));
    TRY(order_check(c, in->name, in->value));
    TRY(months_check(c, in->name, in->value));
    TRY(mail_value(c, definition, &value));
    if (in->version_count == 0)
        TRY(q_setting_first(c, in->name, value, &changed_count));
    else
        TRY(q_setting_change(c, value, in->name, in->version_count, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "setting.changed", "somebody else changed %s meanwhile",
                    definition->name);
    out->version_count = in->version_count + 1;
    TRY(version_keep(c, in, out->version_count));
    TRY(effect_run(c, in->name));
    return changed_emit(c, definition->name);
}

/* ---- history --------------------------------------------------------------------------------- */

struct setting_versions_in {
    struct str name;
    int64_t before_number;
};
struct setting_versions_out {
    struct list items;
};
static const struct field setting_versions_in[] = {
    IN(struct setting_versions_in, name, .min = 1, .max = TEXT_MAX),
    {.name = "before",
     .type = F_INT,
     .offset = offsetof(struct setting_versions_in, before_number),
     .is_optional = true,
     .min = 1,
     .max = INT32_MAX,
     .about = "versions older than this one"},
};
static const struct field setting_version[] = {
    {.name = "version",
     .type = F_INT,
     .offset = offsetof(struct q_setting_versions_row, version_number)},
    OUT(struct q_setting_versions_row, value, .is_json = true),
    OUT(struct q_setting_versions_row, reason),
    OUT(struct q_setting_versions_row, changed_ms),
    OUT(struct q_setting_versions_row, staff_name, .is_optional = true),
};
static const struct field setting_versions_out[] = {
    OUT(struct setting_versions_out, items,
        .of = SHAPE_OF("setting_version", setting_version, struct q_setting_versions_row)),
};

static enum err versions_run(struct ctx *c, const void *in_, void *out_)
{
    const struct setting_versions_in *in = in_;
    struct setting_versions_out *out = out_;
    int64_t before = in->before_number == NONE ? INT32_MAX : in->before_number;

    if (setting_definition_find(in->name) == NULL)
        return fail(c, E_NOT_FOUND, "setting.unknown", "no such setting");
    return q_setting_versions(c, in->name, before, VERSIONS_MAX, &out->items);
}

const struct route setting_routes[] = {
    {HTTP_GET, "/api/settings", "setting.read", NULL, SHAPE(setting_list), list_run,
     .about = "Every setting with its bounds and words"},
    {HTTP_POST, "/api/settings", "setting.write", SHAPE(setting_set_in), SHAPE(setting_set_out),
     set_run, .about = "Change one setting", .needs_all = true},
    {HTTP_GET, "/api/settings/{name}/versions", "setting.read", SHAPE(setting_versions_in),
     SHAPE(setting_versions_out), versions_run,
     .about = "What a setting was, who changed it and why; latest first"},
    {0},
};
