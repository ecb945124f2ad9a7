/* Jobs as pages see them: list, one, cancel, undo, file; how one is added, and how old ones go.
 * Always: everyone sees one's own, all only with job.all and the reach of all; a file is only for
 * whom it was made. */
#include "gen/job.q.h"
#include "host/file.h"
#include "kit/cursor.h"
#include "kit/job.h"
#include "kit/job_private.h"
#include "kit/kit_private.h"

#define LIST_MAX 100
#define FILE_KEEP_DAYS 7 /* at most; the brand may set less */
#define ROW_KEEP_DAYS 90

const struct job_kind *job_kind_find(const struct app *app, struct str name)
{
    for (const struct job_kind *const *kind = app->config.job_kinds; kind && *kind; kind++)
        if (str_is(name, (*kind)->name))
            return *kind;
    return NULL;
}

enum err job_folder(struct app *app, struct arena *arena, struct str *out)
{
    *out = str_fmt(arena, "%.*s/exports", STR(app->config.data));
    return folder_make(*out);
}

enum err job_add(struct ctx *c, const struct job_new *n, int64_t *job_id)
{
    struct q_job_add_in in = {
        .job_id = ctx_id(c),
        .kind = str_of(n->kind),
        .title = n->title,
        .input = n->input,
        .staff_id = c->me_staff_id,
    };

    /* it would run with all rights of the key's owner */
    if (c->me_api_key_id != NONE)
        return fail(c, E_FORBIDDEN, "job.key", "not with a key: sign in for this");
    must(job_kind_find(c->app, in.kind) != NULL);
    *job_id = in.job_id;
    c->topics |= LIVE_JOBS;
    return q_job_add(c, &in);
}

/* ---- what a page is told --------------------------------------------------------------------- */

struct job_out {
    int64_t id;
    struct str kind, kind_zh, kind_en, title, status;
    struct str result;
    struct str error_code, error_message;
    int64_t total_count, done_count, changed_count, failed_count;
    bool is_cancelled, has_file, can_cancel, can_undo;
    int64_t staff_id;
    struct str staff_name;
    int64_t created_ms, changed_ms, ended_ms;
};
static const struct field job_out[] = {
    OUT(struct job_out, id),
    OUT(struct job_out, kind),
    OUT(struct job_out, kind_zh),
    OUT(struct job_out, kind_en),
    OUT(struct job_out, title),
    OUT(struct job_out, status, .one_of = "waiting|running|done|cancelled|failed|undoing|undone"),
    OUT(struct job_out, result, .is_json = true, .about = "what the kind says of it"),
    OUT(struct job_out, error_code, .is_optional = true),
    OUT(struct job_out, error_message, .is_optional = true),
    OUT(struct job_out, total_count, .is_optional = true, .about = "null: not known"),
    OUT(struct job_out, done_count),
    OUT(struct job_out, changed_count),
    OUT(struct job_out, failed_count),
    OUT(struct job_out, is_cancelled, .about = "it ends before its next page"),
    OUT(struct job_out, has_file, .about = "one's own, whole, and not gone yet"),
    OUT(struct job_out, can_cancel),
    OUT(struct job_out, can_undo),
    OUT(struct job_out, staff_id, .is_optional = true, .about = "null: the program's own"),
    OUT(struct job_out, staff_name, .is_optional = true),
    OUT(struct job_out, created_ms),
    OUT(struct job_out, changed_ms),
    OUT(struct job_out, ended_ms, .is_optional = true),
};

static bool is_over(struct str status)
{
    return str_is(status, "done") || str_is(status, "cancelled") || str_is(status, "failed");
}

static struct job_out job_told(const struct ctx *c, const struct q_job_list_row *row)
{
    const struct job_kind *kind = job_kind_find(c->app, row->kind);
    bool may_file = row->file_name.at && row->staff_id == c->me_staff_id;

    return (struct job_out){
        .id = row->id,
        .kind = row->kind,
        .kind_zh = kind ? str_of(kind->title_zh) : row->kind,
        .kind_en = kind ? str_of(kind->title_en) : row->kind,
        .title = row->title,
        .status = row->status,
        .result = row->result,
        .error_code = row->error_code,
        .error_message = row->error_message,
        .total_count = row->total_count,
        .done_count = row->done_count,
        .changed_count = row->changed_count,
        .failed_count = row->failed_count,
        .is_cancelled = row->is_cancelled,
        .has_file = may_file && str_is(row->status, "done"),
        .can_cancel = str_is(row->status, "waiting") ||
                      (str_is(row->status, "running") && !row->is_cancelled),
        .can_undo = kind && kind->undo && is_over(row->status) && row->changed_count > 0,
        .staff_id = row->staff_id,
        .staff_name = row->staff_name,
        .created_ms = row->created_ms,
        .changed_ms = row->changed_ms,
        .ended_ms = row->ended_ms,
    };
}

/* A job tells of whom its owner reaches, and is undone with that reach. */
static int64_t sees_all(const struct ctx *c)
{
    return ctx_may(c, "job.all") && c->me_reach_number == REACH_ALL ? 1 : 0;
}

/* ---- GET /api/jobs --------------------------------------------------------------------------- */

struct job_list_in {
    struct str cursor;
    int64_t limit_count;
    bool is_open, is_mine;
};
static const struct field job_list_in[] = {
    IN(struct job_list_in, cursor, .is_optional = true),
    FIELD_LIMIT(struct job_list_in, limit_count, LIST_MAX),
    IN(struct job_list_in, is_open, .is_optional = true, .about = "only those that are not over"),
    IN(struct job_list_in, is_mine, .is_optional = true, .about = "only one's own"),
};
struct job_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field job_list_out[] = {
    OUT(struct job_list_out, items, .of = SHAPE(job_out), .max = LIST_MAX),
    OUT(struct job_list_out, next_cursor, .is_optional = true),
};

static enum err job_list(struct ctx *c, const void *in_, void *out_)
{
    const struct job_list_in *in = in_;
    struct job_list_out *out = out_;
    int64_t limit = in->limit_count == NONE ? LIST_MAX : in->limit_count;
    const struct q_job_list_row *rows;
    struct cursor cursor;
    struct job_out *items;
    struct list found;

    TRY(cursor_read(c, in->cursor, &cursor));
    TRY(q_job_list(c,
                   &(struct q_job_list_in){.before_id = cursor.id,
                                           .sees_all_number = in->is_mine ? 0 : sees_all(c),
                                           .is_open_number = in->is_open,
                                           .limit_count = limit + 1},
                   &found));
    rows = found.at;
    if (found.count > limit) {
        found.count = limit;
        cursor = (struct cursor){rows[limit - 1].id, rows[limit - 1].id};
        out->next_cursor = cursor_write(c, cursor);
    }
    items = arena_new_array(c->arena, struct job_out, (size_t)found.count);
    for (int64_t i = 0; i < found.count; i++)
        items[i] = job_told(c, &rows[i]);
    out->items = (struct list){items, found.count};
    return OK;
}

/* ---- one ------------------------------------------------------------------------------------- */

struct job_in {
    int64_t job_id;
};
static const struct field job_in[] = {IN(struct job_in, job_id)};

static enum err job_find(struct ctx *c, int64_t job_id, struct q_job_list_row *row)
{
    struct q_job_get_row found;
    enum err err = q_job_get(c, job_id, sees_all(c), &found);

    if (err == E_NOT_FOUND)
        return fail(c, err, "job.unknown", "there is no such job");
    TRY(err);
    *row = (struct q_job_list_row){
        found.id,           found.kind,       found.title,         found.status,
        found.result,       found.error_code, found.error_message, found.file_name,
        found.total_count,  found.done_count, found.changed_count, found.failed_count,
        found.is_cancelled, found.created_ms, found.changed_ms,    found.ended_ms,
        found.staff_id,     found.staff_name,
    };
    return OK;
}

static enum err job_get(struct ctx *c, const void *in_, void *out_)
{
    const struct job_in *in = in_;
    struct q_job_list_row row = {0};

    TRY(job_find(c, in->job_id, &row));
    *(struct job_out *)out_ = job_told(c, &row);
    return OK;
}

static enum err job_cancel(struct ctx *c, const void *in_, void *out_)
{
    const struct job_in *in = in_;
    struct q_job_list_row row = {0};
    int64_t changed_count;

    TRY(job_find(c, in->job_id, &row));
    TRY(q_job_cancel(c, in->job_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "job.ended", "the job is over already");
    c->topics |= LIVE_JOBS;
    return job_get(c, in_, out_);
}

static enum err job_undo(struct ctx *c, const void *in_, void *out_)
{
    const struct job_in *in = in_;
    const struct job_kind *kind;
    struct q_job_list_row row = {0};
    int64_t changed_count;

    TRY(job_find(c, in->job_id, &row));
    kind = job_kind_find(c->app, row.kind);
    if (kind == NULL || kind->undo == NULL)
        return fail(c, E_CONFLICT, "job.no_undo", "a job of this kind cannot be undone");
    if (kind->permission && !ctx_may_all(c, str_of(kind->permission)))
        return fail(c, E_FORBIDDEN, "gate.permission", "your role lacks the right %s",
                    kind->permission);
    TRY(q_job_undo(c, in->job_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "job.open", "the job is not over, or undone already");
    c->topics |= LIVE_JOBS;
    return job_get(c, in_, out_);
}

static enum err job_file(struct ctx *c, const void *in_, void *out_)
{
    const struct job_in *in = in_;
    const struct job_kind *kind;
    struct q_job_list_row row = {0};
    struct str folder;

    (void)out_;
    TRY(job_find(c, in->job_id, &row));
    kind = job_kind_find(c->app, row.kind);
    if (row.staff_id != c->me_staff_id ||
        (kind && kind->permission && !ctx_may_all(c, str_of(kind->permission))))
        return fail(c, E_FORBIDDEN, "job.file_of_another",
                    "a file is for the one who asked for it, while the right is there");
    TRY(job_folder(c->app, c->arena, &folder));
    c->file_path = str_fmt(c->arena, "%.*s/%.*s", STR(folder), STR(row.file_name));
    if (row.file_name.at == NULL || !str_is(row.status, "done") || !file_exists(c->file_path))
        return fail(c, E_NOT_FOUND, "job.no_file", "there is no file, or it is gone already");
    c->file_name = row.file_name;
    c->file_type = http_type_of(row.file_name);
    return OK;
}

/* ---- old ones go ----------------------------------------------------------------------------- */

static int64_t id_before(const struct ctx *c, int64_t keep_days)
{
    return ctx_id_at(c->now_ms - keep_days * DAY_MS);
}

enum err job_files_forget(struct ctx *c, int64_t keep_days)
{
    const struct q_job_file_old_row *rows;
    struct q_job_file_drop_in *drops;
    struct str folder;
    struct list old;

    TRY(q_job_file_old(c, id_before(c, keep_days), &old));
    if (old.count == 0)
        return OK;
    rows = old.at;
    TRY(job_folder(c->app, c->arena, &folder));
    drops = arena_new_array(c->arena, struct q_job_file_drop_in, (size_t)old.count);
    for (int64_t i = 0; i < old.count; i++) {
        struct str path = str_fmt(c->arena, "%.*s/%.*s", STR(folder), STR(rows[i].file_name));

        if (file_remove(path) == E_IO)
            app_log(c->app, "warn", "job", "%.*s stays behind", STR(path));
        drops[i].id = rows[i].id;
    }
    return q_job_file_drop(c, drops, old.count, NULL);
}

/* One row a minute, its items some thousands at a time. */
static enum err row_forget(struct ctx *c)
{
    struct q_job_old_row row;
    int64_t changed_count;
    enum err err = q_job_old(c, id_before(c, ROW_KEEP_DAYS), &row);

    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    TRY(q_job_item_drop(c, row.id, &changed_count));
    return changed_count > 0 ? OK : q_job_drop(c, row.id);
}

enum err job_forget(struct ctx *c)
{
    TRY(job_files_forget(c, FILE_KEEP_DAYS));
    return row_forget(c);
}

const struct route job_routes[] = {
    {HTTP_GET, "/api/jobs", "me", SHAPE(job_list_in), SHAPE(job_list_out), job_list,
     .about = "Jobs, newest first: one's own; all with the right job.all"},
    {HTTP_GET, "/api/jobs/{job_id}", "me", SHAPE(job_in), SHAPE(job_out), job_get,
     .about = "One job"},
    {HTTP_POST, "/api/jobs/{job_id}/cancel", "me", SHAPE(job_in), SHAPE(job_out), job_cancel,
     .about = "Ends a job before its next page; what it did stays", .needs_session = true},
    {HTTP_POST, "/api/jobs/{job_id}/undo", "me", SHAPE(job_in), SHAPE(job_out), job_undo,
     .about = "Takes back what a job did, as far as it still holds", .needs_session = true},
    {HTTP_GET, "/api/jobs/{job_id}/file", "me", SHAPE(job_in), NULL, job_file,
     .kind = ROUTE_DOWNLOAD, .about = "The file a job made", .needs_session = true},
    {.path = NULL},
};
