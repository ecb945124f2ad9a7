/* What one person may ask of a brand: a copy of their data, and that it goes. Each is a row with
 * its receipt. Always: a deletion takes effect in its own transaction, before the answer; its job
 * writes the list outside the base and removes the files that may hold the person, and is tried
 * until it is done. */
#include "gen/erase.q.h"
#include "gen/request.q.h"
#include "host/file.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "manage/customer/customer.h"
#include "manage/privacy/privacy_private.h"

#define REASON_MAX 200
#define LIST_MAX 100
#define TEXT_MAX 65536

struct request_out {
    int64_t id, job_id;
};
static const struct field request_out[] = {
    OUT(struct request_out, id),
    OUT(struct request_out, job_id),
};

enum err privacy_input_read(struct ctx *c, struct str input, int64_t *request_id,
                            int64_t *person_id)
{
    struct json json;

    TRY(json_parse(c->arena, input, &json, NULL));
    must(json_get(&json, "request_id") != NULL);
    must(json_get(&json, "person_id") != NULL);
    must(str_to_int(json_get(&json, "request_id")->text, request_id));
    must(str_to_int(json_get(&json, "person_id")->text, person_id));
    return OK;
}

static struct job_new job_of(struct ctx *c, const char *kind, int64_t customer_number,
                             const int64_t ids[2])
{
    return (struct job_new){
        kind, str_fmt(c->arena, "%" PRId64, customer_number),
        str_fmt(c->arena, "{\"request_id\":\"%" PRId64 "\",\"person_id\":\"%" PRId64 "\"}", ids[0],
                ids[1])};
}

struct asked {
    const char *kind, *job_kind;
    struct str reason, receipt;
    int64_t person_id, customer_number;
    int64_t job_staff_id; /* for whom the job runs */
};

static enum err request_add(struct ctx *c, const struct asked *asked, struct request_out *out)
{
    int64_t me_staff_id = c->me_staff_id;
    struct job_new job;
    enum err err;

    out->id = ctx_id(c);
    c->me_staff_id = asked->job_staff_id;
    job = job_of(c, asked->job_kind, asked->customer_number,
                 (const int64_t[]){out->id, asked->person_id});
    err = job_add(c, &job, &out->job_id);
    c->me_staff_id = me_staff_id;
    TRY(err);
    audit_about(c, "customer", asked->person_id);
    audit_detail(c, str_fmt(c->arena, "{\"request_id\":\"%" PRId64 "\"}", out->id));
    return q_privacy_request_add(
        c, &(struct q_privacy_request_add_in){.id = out->id,
                                              .kind = str_of(asked->kind),
                                              .customer_id = asked->person_id,
                                              .customer_number = asked->customer_number,
                                              .reason = str_trim(asked->reason),
                                              .receipt = asked->receipt,
                                              .job_id = out->job_id});
}

/* ---- export ---------------------------------------------------------------------------------- */

struct export_in {
    int64_t customer_id;
    struct str reason;
};
static const struct field export_in[] = {
    IN(struct export_in, customer_id),
    IN(struct export_in, reason, .min = 1, .max = REASON_MAX, .about = "no personal data"),
};

static enum err export_run(struct ctx *c, const void *in_, void *out)
{
    const struct export_in *in = in_;
    struct q_privacy_number_row row;
    int64_t person_id;

    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_privacy_number(c, person_id, &row));
    return request_add(c,
                       &(struct asked){.kind = "export",
                                       .job_kind = "privacy_export",
                                       .reason = in->reason,
                                       .receipt = S("{}"),
                                       .person_id = person_id,
                                       .customer_number = row.customer_number,
                                       .job_staff_id = c->me_staff_id},
                       out);
}

/* ---- deletion -------------------------------------------------------------------------------- */

struct delete_in {
    int64_t customer_id, confirm_number;
    struct str reason;
};
static const struct field delete_in[] = {
    IN(struct delete_in, customer_id),
    IN(struct delete_in, reason, .min = 1, .max = REASON_MAX, .about = "no personal data"),
    IN(struct delete_in, confirm_number, .about = "the customer number, typed by hand"),
};

static enum err delete_run(struct ctx *c, const void *in_, void *out)
{
    const struct delete_in *in = in_;
    struct q_privacy_number_row row;
    struct asked asked = {
        .kind = "delete", .job_kind = "privacy_delete", .reason = in->reason, .job_staff_id = NONE};

    TRY(customer_reach(c, in->customer_id, &asked.person_id));
    TRY(q_privacy_number(c, asked.person_id, &row));
    if (row.customer_number != in->confirm_number)
        return fail_at(c, "privacy.confirm", S("confirm_number"),
                       "this is not the number of that customer");
    asked.customer_number = row.customer_number;
    TRY(erase_person(c, asked.person_id, &asked.receipt));
    return request_add(c, &asked, out);
}

/* Exports made before may hold the person, and can be made again without. */
static enum err exports_remove(struct ctx *c, struct buf *names)
{
    const struct q_erase_export_files_row *row;
    struct q_erase_export_drop_in *drop;
    struct str folder;
    struct list rows;

    TRY(q_erase_export_files(c, c->now_ms, &rows));
    if (rows.count == 0)
        return OK;
    row = rows.at;
    TRY(job_folder(c->app, c->arena, &folder));
    drop = arena_new_array(c->arena, struct q_erase_export_drop_in, (size_t)rows.count);
    for (int64_t i = 0; i < rows.count; i++) {
        if (file_remove(str_fmt(c->arena, "%.*s/%.*s", STR(folder), STR(row[i].file_name))) == E_IO)
            return fail(c, E_IO, "privacy.file", "an export cannot be removed");
        drop[i].id = row[i].id;
        buf_fmt(names, "%s\"%.*s\"", i > 0 ? "," : "", STR(row[i].file_name));
    }
    return q_erase_export_drop(c, drop, rows.count, NULL);
}

/* Files sent in for imports; one that is being read now is left, and the receipt says so. */
static enum err uploads_remove(struct ctx *c, struct buf *names, struct buf *left)
{
    const struct q_erase_uploads_row *row;
    struct q_erase_upload_gone_in *gone;
    int64_t count = 0;
    struct list rows;

    TRY(q_erase_uploads(c, &rows));
    row = rows.at;
    gone = arena_new_array(c->arena, struct q_erase_upload_gone_in, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++) {
        struct buf *into = row[i].is_read_count > 0 ? left : names;
        struct str path =
            str_fmt(c->arena, "%.*s/uploads/%" PRId64, STR(app_config(c->app)->data), row[i].id);
        buf_fmt(into, "%s\"uploads/%" PRId64 "\"", into->len > 0 ? "," : "", row[i].id);
        if (into == left)
            continue;
        if (file_remove(path) == E_IO)
            return fail(c, E_IO, "privacy.file", "an upload cannot be removed");
        gone[count++].id = row[i].id;
    }
    return count > 0 ? q_erase_upload_gone(c, gone, count, NULL) : OK;
}

static enum err delete_finish(struct ctx *c, int64_t request_id, const struct buf *names,
                              const struct buf *left)
{
    struct q_privacy_request_get_row row;
    struct str receipt;
    int64_t changed_count;

    TRY(q_privacy_request_get(c, request_id, &row));
    must(row.receipt.len > 1);
    receipt = str_fmt(c->arena, "%.*s,\"files\":[%.*s],\"left\":[%.*s]}", (int)row.receipt.len - 1,
                      row.receipt.at, STR(buf_view(names)), STR(buf_view(left)));
    return q_privacy_request_end(c, receipt, request_id, &changed_count);
}

static enum err delete_step(struct ctx *c, struct job *job, bool *is_done)
{
    int64_t request_id, person_id;
    struct buf names, left;
    enum err err;

    *is_done = true;
    TRY(privacy_input_read(c, job->input, &request_id, &person_id));
    TRY(deletion_note(c, person_id));
    buf_init(&names, TEXT_MAX);
    buf_init(&left, TEXT_MAX);
    err = exports_remove(c, &names);
    if (err == OK)
        err = uploads_remove(c, &names, &left);
    if (err == OK)
        err = delete_finish(c, request_id, &names, &left);
    buf_release(&names);
    buf_release(&left);
    job->done_count = job->changed_count = 1;
    return err;
}

enum err request_retry(struct ctx *c)
{
    struct q_privacy_request_stuck_row row;
    struct job_new job;
    int64_t job_id, changed_count;
    enum err err = q_privacy_request_stuck(c, &row);

    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    job = job_of(c, "privacy_delete", row.customer_number,
                 (const int64_t[]){row.id, row.customer_id});
    TRY(job_add(c, &job, &job_id));
    return q_privacy_request_again(c, job_id, row.id, &changed_count);
}

const struct job_kind privacy_delete_job = {
    .name = "privacy_delete",
    .title_zh = "删除个人数据",
    .title_en = "Deletion of one person's data",
    .step = delete_step,
};

/* ---- the list -------------------------------------------------------------------------------- */

struct request_list_in {
    int64_t customer_id, limit_count;
    struct str cursor;
};
struct request_item {
    int64_t id, customer_number, asked_ms, done_ms, job_id;
    struct str kind, reason, status, receipt, staff_name;
    bool has_file;
};
struct request_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field request_list_in[] = {
    IN(struct request_list_in, customer_id, .is_optional = true),
    IN(struct request_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct request_list_in, limit_count, LIST_MAX),
};
static const struct field request_item[] = {
    OUT(struct request_item, id),
    OUT(struct request_item, kind, .one_of = "export|delete"),
    OUT(struct request_item, customer_number),
    OUT(struct request_item, reason),
    OUT(struct request_item, status, .one_of = "running|done|failed"),
    OUT(struct request_item, receipt, .is_json = true, .about = "counts, table by table; files"),
    OUT(struct request_item, asked_ms),
    OUT(struct request_item, done_ms, .is_optional = true),
    OUT(struct request_item, staff_name, .is_optional = true),
    OUT(struct request_item, job_id, .is_optional = true),
    OUT(struct request_item, has_file, .about = "the export, for the one who asked for it"),
};
static const struct field request_list_out[] = {
    OUT(struct request_list_out, items, .of = SHAPE(request_item)),
    OUT(struct request_list_out, next_cursor, .is_optional = true),
};

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct request_list_in *in = in_;
    struct request_list_out *out = out_;
    int64_t limit = in->limit_count == NONE ? LIST_MAX : in->limit_count;
    const struct q_privacy_request_list_row *row;
    struct request_item *item;
    struct cursor from;
    struct list rows;

    TRY(cursor_read(c, in->cursor, &from));
    TRY(q_privacy_request_list(c, from.id, in->customer_id, limit, &rows));
    row = rows.at;
    item = arena_new_array(c->arena, struct request_item, (size_t)rows.count + 1);
    out->items = (struct list){item, rows.count};
    for (int64_t i = 0; i < rows.count; i++)
        item[i] = (struct request_item){row[i].id,         row[i].customer_number, row[i].asked_ms,
                                        row[i].done_ms,    row[i].job_id,          row[i].kind,
                                        row[i].reason,     row[i].status,          row[i].receipt,
                                        row[i].staff_name, row[i].file_count > 0};
    if (rows.count == limit)
        out->next_cursor = cursor_write(c, (struct cursor){row[limit - 1].id, row[limit - 1].id});
    return OK;
}

/* ---- the receipt as text --------------------------------------------------------------------- */

struct receipt_in {
    int64_t request_id;
};
static const struct field receipt_in[] = {IN(struct receipt_in, request_id)};

static const struct {
    const char *name, *zh, *en;
} words[] = {
    {"kept", "保留（只有编号，不含个人信息）", "kept under the bare number, without personal data"},
    {"erased", "已清除", "erased"},
    {"exported", "已导出", "exported"},
    {"files", "已删除的导出和上传文件", "files of exports and uploads removed"},
    {"left", "正在导入的文件，导入后删除", "files being imported now; they go afterwards"},
    {"journal", "事件流水", "events"},
    {"shop_order", "订单", "orders"},
    {"consent", "授权记录（已终止，作为凭证保留）", "consents (ended, kept as proof)"},
    {"import_reject", "导入被拒的行", "refused rows of imports"},
    {"identity", "身份标识", "identities"},
    {"child", "孩子", "children"},
    {"customer_note", "备注", "notes"},
    {"customer_owner", "归属历史", "history of owners"},
    {"relation", "员工关系", "relations with staff"},
    {"customer_block", "黑名单", "blacklist"},
    {"customer_tag", "标签", "tags"},
    {"customer_merge", "合并记录", "merges"},
    {"duplicate", "重复建议", "suggested duplicates"},
    {"audit_detail", "审计详情", "details of the audit trail"},
    {"import_effect", "导入撤销资料", "what undoing imports would put back"},
    {"job_item", "任务撤销资料", "what undoing jobs would put back"},
    {"inbox", "收到而未处理的消息", "messages that came in and were not worked on"},
    {"outbox_body", "消息内容", "texts of messages"},
    {"outbox", "未发出的消息", "messages that had not left"},
    {"risk_sign", "风控特征", "signs of the risk gate"},
    {"saga", "退款和打款记录", "refunds and payouts"},
    {"participant", "活动参与记录", "campaigns taken part in"},
    {"reward_grant", "奖励记录", "rewards"},
    {"customer", "客户资料", "customer records"},
};

static void word_write(struct buf *buf, struct str name, const char *lead)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(name, words[i].name)) {
            buf_fmt(buf, "%s%s / %s", lead, words[i].zh, words[i].en);
            return;
        }
    buf_fmt(buf, "%s%.*s", lead, STR(name));
}

static void counts_write(struct buf *buf, const struct json *receipt)
{
    for (uint32_t i = 0; i < receipt->count; i++) {
        const struct json_member *group = &receipt->members[i];
        word_write(buf, group->name, "\r\n");
        buf_str(buf, S("\r\n"));
        for (uint32_t j = 0; group->value.type == JSON_OBJECT && j < group->value.count; j++) {
            word_write(buf, group->value.members[j].name, "  ");
            buf_fmt(buf, ": %" PRId64 "\r\n", group->value.members[j].value.integer);
        }
        for (uint32_t j = 0; group->value.type == JSON_ARRAY && j < group->value.count; j++)
            buf_fmt(buf, "  %.*s\r\n", STR(group->value.items[j].text));
    }
}

static struct str time_text(struct ctx *c, int64_t at_ms)
{
    return at_ms == NONE ? S("–") : time_local_iso(c->arena, ctx_zone(c), at_ms);
}

static enum err receipt_run(struct ctx *c, const void *in_, void *out)
{
    const struct receipt_in *in = in_;
    struct q_privacy_request_get_row row;
    struct json receipt;
    struct buf buf;
    bool is_delete;
    enum err err = q_privacy_request_get(c, in->request_id, &row);

    (void)out;
    if (err == E_NOT_FOUND)
        return fail(c, err, "privacy.unknown", "there is no such request");
    TRY(err);
    TRY(json_parse(c->arena, row.receipt, &receipt, NULL));
    is_delete = str_is(row.kind, "delete");
    buf_init(&buf, TEXT_MAX);
    buf_fmt(&buf, "%s\r\n",
            is_delete ? "个人数据删除回执 / Receipt of a deletion"
                      : "个人数据导出回执 / Receipt of an export");
    buf_fmt(&buf, "编号 / no.: %" PRId64 "\r\n客户编号 / customer number: %" PRId64 "\r\n", row.id,
            row.customer_number);
    buf_fmt(&buf, "提出 / asked: %.*s\r\n完成 / done: %.*s\r\n", STR(time_text(c, row.asked_ms)),
            STR(time_text(c, row.done_ms)));
    counts_write(&buf, &receipt);
    if (is_delete)
        buf_str(&buf, S("\r\n此前的备份仍含此人；恢复备份时会按删除清单再次删除。\r\n"
                        "Backups made before still hold the person; a restore deletes the person "
                        "again by the list of deletions.\r\n"));
    c->file_body = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    c->file_name = str_fmt(c->arena, "receipt-%" PRId64 ".txt", row.id);
    c->file_type = "text/plain; charset=utf-8";
    return OK;
}

const struct route request_routes[] = {
    {HTTP_GET, "/api/privacy/requests", "customer.export", SHAPE(request_list_in),
     SHAPE(request_list_out), list_run, .about = "Exports and deletions of one person's data",
     .needs_all = true},
    {HTTP_GET, "/api/privacy/requests/{request_id}/receipt", "customer.export", SHAPE(receipt_in),
     NULL, receipt_run, .kind = ROUTE_DOWNLOAD, .about = "A receipt as text", .needs_all = true},
    {HTTP_POST, "/api/customers/{customer_id}/privacy/export", "customer.export", SHAPE(export_in),
     SHAPE(request_out), export_run,
     .about = "A copy of everything about one person, as a file of a job"},
    {HTTP_POST, "/api/customers/{customer_id}/privacy/delete", "customer.delete", SHAPE(delete_in),
     SHAPE(request_out), delete_run,
     .about = "Deletes one person's data for good; cannot be undone", .statement_max = 40},
    {.path = NULL},
};
