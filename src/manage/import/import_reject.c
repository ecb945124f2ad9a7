/* Refused rows: kept with the run, sealed, and written to a file of the same columns, with the
 * line, a stable code and a reason, that can be mended and imported again. */
#include "base/csv.h"
#include "base/utf8.h"
#include "host/file.h"
#include "manage/import/import_private.h"
#include "manage/setting/setting.h"

#define RAW_MAX (2 * 1024 * 1024) /* bytes of one record */

void import_refuse(struct import_row *row, const char *code, struct str reason)
{
    row->code = code;
    row->reason = reason;
    row->is_changed = false;
}

/* ---- a record as text ----------------------------------------------------------------------- */

/* Bytes that are no text become question marks. */
static struct str text_of_bytes(struct arena *arena, struct str bytes)
{
    char *text = arena_alloc(arena, bytes.len + 1);
    struct str rest = bytes;

    memcpy(text, bytes.at, bytes.len);
    while (rest.len > 0) {
        size_t good = utf8_valid_len(rest);

        if (good < rest.len)
            text[(size_t)(rest.at - bytes.at) + good++] = '?';
        rest = str_sub(rest, good, rest.len);
    }
    return (struct str){text, bytes.len};
}

/* The columns of the file but ours of an earlier time; then the place, if the kind has places. */
struct str import_reject_raw(struct ctx *c, const struct import_header *header,
                             const struct import_row *row, bool has_places)
{
    struct buf buf;
    struct str raw;

    buf_init(&buf, RAW_MAX);
    for (int64_t i = 0; i < header->count || i < row->field_count; i++) {
        bool is_whole = row->raw.at != NULL && i == 0;
        struct str field = i < row->field_count ? row->fields[i] : S("");

        if (i >= header->count || !import_header_is_ours(header->names[i]))
            csv_write(&buf, is_whole ? text_of_bytes(c->arena, row->raw) : field, false);
    }
    if (has_places && row->place_seq != NONE)
        buf_int(&buf, row->place_seq);
    raw = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return raw;
}

/* ---- the file ------------------------------------------------------------------------------- */

static enum err header_write(struct import_reject_job *job)
{
    for (int64_t i = 0; i < job->header->count; i++) {
        if (!import_header_is_ours(job->header->names[i]))
            csv_write(&job->line, job->header->names[i], false);
    }
    if (job->run->kind->has_places)
        csv_write(&job->line, S(IMPORT_PLACE_COLUMN), false);
    csv_write(&job->line, S("reject_line"), false);
    csv_write(&job->line, S("reject_code"), false);
    csv_write(&job->line, S("reject_reason"), true);
    return file_append(job->writer, buf_view(&job->line));
}

static enum err reject_write(struct ctx *c, struct import_reject_job *job,
                             const struct q_import_reject_page_row *row)
{
    struct str raw;

    TRY(ctx_unseal(c, row->raw_enc, "import_reject", job->run->import_id, &raw));
    buf_reset(&job->line);
    buf_str(&job->line, raw);
    if (job->run->kind->has_places)
        buf_char(&job->line, ',');
    buf_int(&job->line, row->line_seq);
    buf_char(&job->line, ',');
    csv_write(&job->line, row->code, false);
    csv_write(&job->line, row->reason, true);
    return file_append(job->writer, buf_view(&job->line));
}

static enum err reject_page(struct ctx *c, void *user)
{
    struct import_reject_job *job = user;
    struct list rows;
    const struct q_import_reject_page_row *row;

    TRY(q_import_reject_page(c, job->run->import_id, job->after_seq, &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        TRY(reject_write(c, job, &row[i]));
    job->after_seq = rows.count == 0 ? NONE : row[rows.count - 1].line_seq;
    return OK;
}

static enum err pages_write(struct import_reject_job *job, struct fault *fault)
{
    TRY(file_create(job->run->arena, job->path, &job->writer));
    TRY(header_write(job));
    job->after_seq = 0;
    while (job->after_seq != NONE) {
        arena_reset(job->page);
        TRY(app_read(job->run->app, job->page, reject_page, job, fault));
    }
    return file_finish(job->writer);
}

enum err import_reject_write(struct import_reject_job *job, struct fault *fault)
{
    enum err err;

    buf_init(&job->line, RAW_MAX + 4096);
    err = pages_write(job, fault);
    buf_release(&job->line);
    return err;
}

/* ---- forgetting ----------------------------------------------------------------------------- */

/* The file of an upload; its row too, if nothing was made of it. */
static enum err upload_forget(struct ctx *c, int64_t keep_ms)
{
    struct q_import_upload_forget_row run;
    int64_t deleted_count;
    enum err err = q_import_upload_forget(c, keep_ms, c->now_ms - DAY_MS, &run);

    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    TRY(q_import_upload_gone(c, run.id));
    TRY(q_import_unused_delete(c, run.id, &deleted_count));
    err = file_remove(import_upload_path(c, run.id));
    return err == E_NOT_FOUND ? OK : err;
}

enum err import_forget(struct ctx *c, int64_t *deleted_count)
{
    struct q_import_forget_find_row run;
    int64_t effect_count, keep_days, keep_ms;
    enum err err;

    *deleted_count = 0;
    TRY(setting_int(c, "import_keep_days", &keep_days));
    keep_ms = c->now_ms - keep_days * DAY_MS;
    TRY(upload_forget(c, keep_ms));
    err = q_import_forget_find(c, keep_ms, &run);
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    TRY(q_import_reject_forget(c, run.id, deleted_count));
    TRY(q_import_effect_forget(c, run.id, &effect_count));
    *deleted_count += effect_count;
    err = file_remove(str_fmt(c->arena, "%.*s/imports/%" PRId64 "-rejects.csv",
                              STR(app_config(c->app)->data), run.id));
    return err == E_NOT_FOUND ? OK : err;
}
