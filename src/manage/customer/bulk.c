/* Work on many: POST /api/customers/bulk makes a job of an action and a filter or ids. Always: the
 * subjects are those that match when it is asked for, within the reach of who asks; above a limit
 * their number must have been seen by whoever asks. What each action does stands in bulk_tag.c,
 * bulk_assign.c and export.c. */
#include "gen/bulk.q.h"
#include "gen/tag.q.h"
#include "kit/audit.h"
#include "manage/customer/bulk_private.h"
#include "manage/customer/customer_private.h"
#include "manage/setting/setting.h"

#define INPUT_BYTES_MAX (256 * 1024)

static const struct field ask_fields[] = {CUSTOMER_ASK_FIELDS};
static const struct field bulk_id_fields[] = {IN(struct bulk_id, id)};
static const struct field bulk_in_fields[] = {
    IN(struct bulk_in, action, .one_of = "tag_on|tag_off|assign|export"),
    IN(struct bulk_in, filter, .is_optional = true, .about = "as the list takes it",
       .of = SHAPE_OF("customer_ask", ask_fields, struct customer_ask)),
    IN(struct bulk_in, ids, .is_optional = true, .max = BULK_IDS_MAX,
       .about = "instead of a filter: these",
       .of = SHAPE_OF("bulk_id", bulk_id_fields, struct bulk_id)),
    IN(struct bulk_in, confirm_count, .is_optional = true, .min = 0, .max = INT32_MAX,
       .about = "how many match, as the one who asks saw it; needed above bulk_confirm_above"),
    IN(struct bulk_in, tag_id, .is_optional = true, .about = "tag_on, tag_off"),
    IN(struct bulk_in, staff_id, .is_optional = true, .about = "assign; absent: nobody has them"),
    IN(struct bulk_in, org_id, .is_optional = true, .about = "assign"),
    IN(struct bulk_in, reason, .is_optional = true, .about = "assign: why"),
    IN(struct bulk_in, format, .is_optional = true, .one_of = "csv|xlsx"),
    IN(struct bulk_in, columns, .is_optional = true, .max = 1000,
       .about = "export: names apart by blanks, in this order"),
    IN(struct bulk_in, lang, .is_optional = true, .one_of = "zh|en"),
    IN(struct bulk_in, is_clear, .is_optional = true,
       .about = "export: phone, e-mail and name unmasked; needs customer.reveal"),
};
const struct shape bulk_in_shape = {
    .name = "bulk_in",
    .fields = bulk_in_fields,
    .count = ARRAY_LEN(bulk_in_fields),
    .bytes = sizeof(struct bulk_in),
};
struct bulk_out {
    int64_t job_id, total_count;
};
static const struct field bulk_out[] = {
    OUT(struct bulk_out, job_id),
    OUT(struct bulk_out, total_count),
};

/* ---- the input of a job ---------------------------------------------------------------------- */

static void id_write(struct json_out *json, const char *name, int64_t id)
{
    if (id == NONE)
        return;
    json_name(json, name);
    json_id(json, id);
}

static void text_write(struct json_out *json, const char *name, struct str text)
{
    if (text.at == NULL)
        return;
    json_name(json, name);
    json_str(json, text);
}

static void action_write(struct json_out *json, const struct bulk_in *in)
{
    text_write(json, "action", in->action);
    id_write(json, "tag_id", in->tag_id);
    id_write(json, "staff_id", in->staff_id);
    id_write(json, "org_id", in->org_id);
    text_write(json, "reason", in->reason);
    text_write(json, "format", in->format);
    text_write(json, "columns", in->columns);
    text_write(json, "lang", in->lang);
    if (in->is_clear) {
        json_name(json, "is_clear");
        json_bool(json, true);
    }
}

static void ids_write(struct json_out *json, const struct list *ids)
{
    const struct bulk_id *id = ids->at;

    json_name(json, "ids");
    json_array_begin(json);
    for (int64_t i = 0; i < ids->count; i++) {
        json_object_begin(json);
        json_name(json, "id");
        json_id(json, id[i].id);
        json_object_end(json);
    }
    json_array_end(json);
}

/* {"bulk": as it came, without the searched text} */
static struct str input_write(struct ctx *c, const struct bulk_in *in)
{
    struct json_out json;
    struct str text;
    struct buf buf;

    buf_init(&buf, INPUT_BYTES_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    json_name(&json, "bulk");
    json_object_begin(&json);
    action_write(&json, in);
    if (in->ids.count > 0) {
        ids_write(&json, &in->ids);
    } else {
        json_name(&json, "filter");
        customer_ask_write(&json, &in->filter);
    }
    json_object_end(&json);
    json_object_end(&json);
    must(!buf.is_full);
    text = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}

enum err bulk_input(struct ctx *c, const struct job *job, struct bulk_in *out)
{
    struct ctx own = *c; /* what is read lives as long as the run */
    struct json json;

    own.arena = job->arena;
    if (json_parse(job->arena, job->input, &json, NULL) != OK)
        return fail(c, E_CORRUPT, "bulk.input", "the job's input is broken");
    return field_read(&own, &bulk_in_shape, json_get(&json, "bulk"), out);
}

/* ---- POST /api/customers/bulk ---------------------------------------------------------------- */

static const char *permission_of(struct str action)
{
    if (str_is(action, "assign"))
        return "customer.assign";
    return str_is(action, "export") ? "customer.export" : "customer.tag";
}

static enum err right_need(struct ctx *c, const char *permission)
{
    if (ctx_may(c, permission))
        return OK;
    return fail(c, E_FORBIDDEN, "gate.permission", "your role lacks the right %s", permission);
}

static enum err action_check(struct ctx *c, const struct bulk_in *in)
{
    TRY(right_need(c, permission_of(in->action)));
    if (in->is_clear)
        TRY(right_need(c, "customer.reveal"));
    if (str_starts(in->action, S("tag_")) && in->tag_id == NONE)
        return fail_at(c, "bulk.tag", S("tag_id"), "which tag?");
    if (str_is(in->action, "assign") && str_trim(in->reason).len == 0)
        return fail_at(c, "bulk.reason", S("reason"), "say why");
    return str_is(in->action, "export") ? export_check(c, in) : OK;
}

/* Whom it is about: ids, or a filter. */
struct wanted {
    const int64_t *ids; /* NULL: the filter says */
    int64_t id_count, match_count;
    struct customer_filter filter;
};

static enum err wanted_count(struct ctx *c, struct wanted *wanted)
{
    if (wanted->ids)
        return customer_filter_fix_ids(c, wanted->ids, wanted->id_count, NONE,
                                       &wanted->match_count);
    return customer_filter_count(c, &wanted->filter, &wanted->match_count);
}

static enum err wanted_fix(struct ctx *c, const struct wanted *wanted, int64_t job_id)
{
    int64_t count;

    if (wanted->ids)
        return customer_filter_fix_ids(c, wanted->ids, wanted->id_count, job_id, &count);
    return customer_filter_fix(c, &wanted->filter, job_id, &count);
}

/* Counting walks the whole base, and the engine may be asked: on a reader, before the writer has
 * it.
 */
static enum err bulk_prepare(struct ctx *c, const void *in_, void *out)
{
    const struct bulk_in *in = in_;
    const struct bulk_id *id = in->ids.at;
    struct wanted *wanted = arena_new_one(c->arena, struct wanted);
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)in->ids.count + 1);

    (void)out;
    TRY(action_check(c, in));
    c->prepared = wanted;
    for (int64_t i = 0; i < in->ids.count; i++)
        ids[i] = id[i].id;
    wanted->id_count = in->ids.count;
    if (in->ids.count > 0)
        wanted->ids = ids;
    else
        TRY(customer_filter_read(c, &in->filter, &wanted->filter));
    return wanted_count(c, wanted);
}

static enum err count_check(struct ctx *c, const struct bulk_in *in, int64_t count)
{
    int64_t limit;

    if (count == 0)
        return fail(c, E_CONFLICT, "bulk.nobody", "no customer matches");
    TRY(setting_int(c, "bulk_confirm_above", &limit));
    if (count > limit && in->confirm_count != count)
        return fail(c, E_CONFLICT, "bulk.count_changed", "%" PRId64 " customers match now", count);
    return OK;
}

static enum err title_of(struct ctx *c, const struct bulk_in *in, struct str *title)
{
    struct q_tag_get_row tag;
    enum err err;

    *title = str_is(in->action, "export") && in->format.at ? in->format : in->reason;
    if (!str_starts(in->action, S("tag_"))) {
        *title = title->at ? *title : S("");
        return OK;
    }
    err = q_tag_get(c, in->tag_id, &tag);
    if (err == E_NOT_FOUND)
        return fail(c, err, "tag.unknown", "no such tag");
    *title = str_fmt(c->arena, "%s %.*s", str_is(in->action, "tag_on") ? "+" : "−", STR(tag.name));
    return err;
}

static void audit(struct ctx *c, const struct bulk_in *in, const struct bulk_out *out)
{
    struct json_out json;
    struct buf buf;

    buf_init(&buf, INPUT_BYTES_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    action_write(&json, in);
    json_name(&json, "customer_count");
    json_int(&json, out->total_count);
    if (in->ids.count == 0) {
        json_name(&json, "filter");
        customer_ask_write(&json, &in->filter);
        json_name(&json, "has_search");
        json_bool(&json, str_trim(in->filter.search).len > 0);
    }
    json_object_end(&json);
    audit_about(c, "job", out->job_id);
    audit_detail(c, str_copy(c->arena, buf_view(&buf)));
    buf_release(&buf);
}

static enum err bulk_run(struct ctx *c, const void *in_, void *out_)
{
    const struct bulk_in *in = in_;
    struct bulk_out *out = out_;
    const struct wanted *wanted = c->prepared;
    struct job_new job = {.kind = "customer_tag"};

    out->total_count = wanted->match_count;
    TRY(count_check(c, in, out->total_count));
    TRY(title_of(c, in, &job.title));
    if (str_is(in->action, "assign"))
        job.kind = "customer_assign";
    else if (str_is(in->action, "export"))
        job.kind = in->is_clear ? bulk_export_clear_kind.name : bulk_export_kind.name;
    job.input = input_write(c, in);
    TRY(job_add(c, &job, &out->job_id));
    TRY(wanted_fix(c, wanted, out->job_id));
    audit(c, in, out);
    return OK;
}

/* ---- subjects -------------------------------------------------------------------------------- */

enum err bulk_begin(struct ctx *c, struct job *job)
{
    struct q_bulk_count_row row = {0};

    TRY(q_bulk_count(c, job->id, &row));
    job->total_count = row.subject_count;
    return row.subject_count > 0
               ? OK
               : fail(c, E_CONFLICT, "bulk.old", "it was asked of an older version: ask again");
}

_Static_assert(sizeof(struct q_bulk_subjects_row) == sizeof(struct q_bulk_changed_row), "alike");

static void subjects_take(struct ctx *c, const struct list *rows, struct list *subjects)
{
    const struct q_bulk_subjects_row *row = rows->at;
    struct bulk_subject *out =
        arena_new_array(c->arena, struct bulk_subject, (size_t)rows->count + 1);

    for (int64_t i = 0; i < rows->count; i++)
        out[i] = (struct bulk_subject){row[i].subject_id, row[i].is_reached, row[i].was};
    *subjects = (struct list){out, rows->count};
}

enum err bulk_subjects(struct ctx *c, const struct job *job, int64_t limit_count,
                       struct list *subjects)
{
    struct list rows;

    TRY(q_bulk_subjects(c, job->id, job->last_id, limit_count, &rows));
    subjects_take(c, &rows, subjects);
    return OK;
}

enum err bulk_changed(struct ctx *c, const struct job *job, struct list *subjects)
{
    struct list rows;

    TRY(q_bulk_changed(c, job->id, job->last_id, BULK_PAGE, &rows));
    subjects_take(c, &rows, subjects);
    return OK;
}

enum err bulk_mark(struct ctx *c, const struct job *job, const struct bulk_mark *marks,
                   int64_t count)
{
    struct q_bulk_mark_in *in = arena_new_array(c->arena, struct q_bulk_mark_in, (size_t)count + 1);

    for (int64_t i = 0; i < count; i++)
        in[i] = (struct q_bulk_mark_in){
            .was = marks[i].was, .job_id = job->id, .subject_id = marks[i].id};
    return count > 0 ? q_bulk_mark(c, in, count, NULL) : OK;
}

enum err bulk_unmark(struct ctx *c, const struct job *job, const int64_t *ids, int64_t count)
{
    struct q_bulk_unmark_in *in =
        arena_new_array(c->arena, struct q_bulk_unmark_in, (size_t)count + 1);

    for (int64_t i = 0; i < count; i++)
        in[i] = (struct q_bulk_unmark_in){job->id, ids[i]};
    return count > 0 ? q_bulk_unmark(c, in, count, NULL) : OK;
}

static void page_end(struct job *job, const struct list *subjects, int64_t limit_count,
                     bool *is_done)
{
    const struct bulk_subject *subject = subjects->at;

    job->done_count += subjects->count;
    if (subjects->count > 0)
        job->last_id = subject[subjects->count - 1].id;
    *is_done = subjects->count < limit_count;
}

void bulk_step_end(struct ctx *c, struct job *job, const struct list *subjects,
                   int64_t changed_count, bool *is_done)
{
    const struct bulk_subject *subject = subjects->at;

    for (int64_t i = 0; i < subjects->count; i++)
        job->failed_count += !subject[i].is_reached;
    job->changed_count += changed_count;
    page_end(job, subjects, BULK_PAGE, is_done);
    job->result = str_fmt(c->arena, "{\"changed\":%" PRId64 ",\"gone\":%" PRId64 "}",
                          job->changed_count, job->failed_count);
}

/* What is left of changed_count is what somebody has changed since. */
void bulk_undo_end(struct ctx *c, struct job *job, const struct list *subjects,
                   int64_t restored_count, bool *is_done)
{
    job->changed_count -= restored_count;
    page_end(job, subjects, BULK_PAGE, is_done);
    job->result = str_fmt(c->arena, "{\"restored\":%" PRId64 ",\"kept\":%" PRId64 "}",
                          job->total_count - job->changed_count,
                          job->done_count - (job->total_count - job->changed_count));
}

/* The engine is asked first. */
static bool is_long(const void *in_)
{
    const struct bulk_in *in = in_;

    return in->filter.who.at != NULL;
}

const struct route bulk_routes[] = {
    {HTTP_POST, "/api/customers/bulk", "customer.read", &bulk_in_shape, SHAPE(bulk_out), bulk_run,
     .prepare = bulk_prepare, .is_long = is_long,
     .about = "Tag, give away or export many: a job over all that match, or over these ids",
     .statement_max = 128},
    {.path = NULL},
};
