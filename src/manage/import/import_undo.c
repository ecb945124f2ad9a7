/* Undoing a whole import, as a job: its effects are taken back one by one, the last first, each in
 * one commit with its own end, so that nothing is taken back twice however often the job begins.
 * What was touched since stays, and is counted. Events stay: the journal is append-only
 * (docs/decisions/0013-undo-of-imports.md). */
#include "base/json.h"
#include "kit/audit.h"
#include "manage/import/import_private.h"

/* ---- asking --------------------------------------------------------------------------------- */

struct import_undo_out {
    int64_t job_id;
};
static const struct field import_undo_out[] = {
    OUT(struct import_undo_out, job_id),
};

static enum err undo_check(struct ctx *c, const struct q_import_get_row *row)
{
    const struct import_kind *kind = import_kind_find(row->kind);
    struct q_import_effect_sum_row sum;

    if (kind == NULL || kind->undo == NULL)
        return fail(c, E_CONFLICT, "import.undo_kind",
                    "an import of %.*s cannot be undone: what happened stays written",
                    STR(row->kind));
    if (row->is_dry || str_is(row->status, "ready"))
        return fail(c, E_CONFLICT, "import.nothing", "nothing of it is in the base");
    if (str_is(row->status, "running") || str_is(row->status, "waiting"))
        return fail(c, E_CONFLICT, "import.running", "this import is under way: stop it first");
    if (str_is(row->status, "undone"))
        return fail(c, E_CONFLICT, "import.undone", "this import is undone already");
    TRY(q_import_effect_sum(c, row->id, &sum));
    if (sum.page_count == 0 && row->changed_count > 0)
        return fail(c, E_CONFLICT, "import.too_old", "what undoing needs is not kept so long");
    return OK;
}

static enum err undo_ask(struct ctx *c, const void *in_, void *out_)
{
    const struct import_one *in = in_;
    struct import_undo_out *out = out_;
    struct job_new job = {.kind = import_undo_job.name};
    struct q_import_get_row row;
    int64_t changed_count;
    enum err err = q_import_get(c, in->import_id, &row);

    if (err == E_NOT_FOUND)
        return fail(c, err, "import.unknown", "no such import");
    TRY(err);
    TRY(undo_check(c, &row));
    TRY(q_import_undo_begin(c, in->import_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "import.running", "this import is under way");
    job.title = row.file_name;
    job.input = str_fmt(c->arena, "{\"import_id\":\"%" PRId64 "\"}", in->import_id);
    c->topics |= LIVE_IMPORTS;
    audit_about(c, "import", in->import_id);
    return job_add(c, &job, &out->job_id);
}

/* ---- the job -------------------------------------------------------------------------------- */

static enum err job_import(struct ctx *c, const struct job *job, struct q_import_get_row *row)
{
    const struct json *id;
    struct json json;
    int64_t import_id;

    if (json_parse(c->arena, job->input, &json, NULL) != OK)
        return E_CORRUPT;
    id = json_get(&json, "import_id");
    if (id == NULL || id->type != JSON_STR || !str_to_int(id->text, &import_id))
        return E_CORRUPT;
    return q_import_get(c, import_id, row);
}

static enum err job_begin(struct ctx *c, struct job *job)
{
    struct q_import_effect_sum_row sum;
    struct q_import_get_row row;

    TRY(job_import(c, job, &row));
    TRY(q_import_effect_sum(c, row.id, &sum));
    job->total_count = sum.subject_count;
    return OK;
}

static enum err effect_undo(struct ctx *c, const struct q_import_get_row *row,
                            const struct q_import_effect_next_row *effect, struct job *job)
{
    const struct import_kind *kind = import_kind_find(row->kind);
    struct import_undo undo = {.noun = effect->noun};

    if (kind == NULL || kind->undo == NULL)
        return fail(c, E_CORRUPT, "import.effect", "an effect cannot be read");
    TRY(ctx_unseal(c, effect->before_enc, "import_effect", row->id, &undo.before));
    TRY(kind->undo(c, &undo));
    job->done_count += effect->subject_id;
    job->changed_count += undo.undone_count;
    job->failed_count += undo.kept_count;
    return q_import_effect_done(c, row->id, effect->effect_seq);
}

static enum err job_step(struct ctx *c, struct job *job, bool *is_done)
{
    struct q_import_effect_next_row effect;
    struct q_import_get_row row;
    enum err err;

    *is_done = false;
    TRY(job_import(c, job, &row));
    c->topics |= LIVE_IMPORTS;
    err = q_import_effect_next(c, row.id, &effect);
    if (err == OK)
        return effect_undo(c, &row, &effect, job);
    if (err != E_NOT_FOUND)
        return err;
    *is_done = true;
    return q_import_undo_end(c, row.id);
}

const struct job_kind import_undo_job = {
    .name = "import_undo",
    .title_zh = "撤销导入",
    .title_en = "Undo an import",
    .permission = "import.write",
    .begin = job_begin,
    .step = job_step,
};

const struct route import_undo_routes[] = {
    {HTTP_POST, "/api/imports/{import_id}/undo", "import.write", SHAPE(import_one),
     SHAPE(import_undo_out), undo_ask,
     .about = "Take back what an import did, as far as nothing touched it since: a job",
     .needs_all = true, .statement_max = 12},
    {.path = NULL},
};
