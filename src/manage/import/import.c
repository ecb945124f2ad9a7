/* A run: the file is read page by page on the caller's thread, each page written as one command
 * with the count of records read, so that the base always knows where to go on. */
#include <stdio.h>

#include "host/crypto.h"
#include "manage/import/import_private.h"
#include "kit/job.h"

#define RUN_BYTES_MAX (1024 * 1024 * 1024)
#define PAGE_BYTES_MAX (256 * 1024 * 1024)
#define ANALYZE_MIN 1000 /* records, from which the base counts its tables anew */

struct run {
    struct import import;
    const struct import_job *job;
    struct import_result *result;
    struct fault *fault;
    struct import_reader *reader;
    struct import_mapping mapping;
    struct arena *page;
    struct list rows;
    int64_t start_count; /* records committed before this run */
    bool is_tried;       /* a dry page got through */
};

#define EFFECT_MAX (16 * 1024 * 1024) /* bytes of one */

enum err import_fail(struct arena *arena, struct fault *fault, enum err err, const char *code,
                     const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    *fault = (struct fault){.err = err, .code = code, .message = str_vfmt(arena, fmt, args)};
    va_end(args);
    return err;
}

/* ---- begin ---------------------------------------------------------------------------------- */

static enum err run_prepare(struct ctx *c, void *user)
{
    struct run *run = user;

    TRY(import_mapping_read(c, run->import.kind, run->job, import_reader_header(run->reader),
                            &run->mapping));
    run->import.mapping = &run->mapping;
    run->import.minor_digits = run->mapping.minor_digits;
    return OK;
}

static struct str file_base(struct str path)
{
    size_t at = path.len;

    while (at > 0 && path.at[at - 1] != '/')
        at--;
    return str_sub(path, at, path.len);
}

static enum err run_add(struct ctx *c, struct run *run)
{
    struct q_import_add_in add = {
        .import_id = ctx_id(c),
        .kind = str_of(run->import.kind->name),
        .file_name = file_base(run->job->path),
        .content_hash = run->import.content_hash,
        .mapping = run->mapping.json,
        .status = S("running"),
        .staff_id = NONE,
        .upload_bytes = NONE,
    };

    run->import.import_id = add.import_id;
    return q_import_add(c, &add);
}

/* The same file and mapping again: an unfinished run goes on. */
static enum err run_resume(struct ctx *c, struct run *run, bool *is_resumed)
{
    struct str kind = str_of(run->import.kind->name);
    struct q_import_open_find_row open;
    enum err err = q_import_open_find(c, run->import.content_hash, kind, run->mapping.json, &open);

    *is_resumed = err == OK;
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    TRY(q_import_goes_on(c, open.id));
    run->import.import_id = open.id;
    run->start_count = open.line_count;
    run->result->resumed_count = open.line_count;
    run->result->accepted_count = open.accepted_count;
    run->result->rejected_count = open.rejected_count;
    run->result->changed_count = open.changed_count;
    return OK;
}

/* An upload's run waits in the base: begun, or with pages of an earlier time. */
static enum err run_upload(struct ctx *c, struct run *run)
{
    struct q_import_get_row row;

    TRY(q_import_get(c, run->job->upload_id, &row));
    run->import.import_id = row.id;
    run->start_count = row.line_count;
    run->result->resumed_count = row.line_count;
    run->result->accepted_count = row.accepted_count;
    run->result->rejected_count = row.rejected_count;
    run->result->changed_count = row.changed_count;
    return q_import_mapped(c, run->mapping.json, row.id);
}

/* Kinds without keys of their own are taken once. */
static enum err run_is_done(struct ctx *c, struct run *run, bool *is_done)
{
    struct q_import_done_find_row done;
    enum err err;

    *is_done = false;
    if (!run->import.kind->is_once)
        return OK;
    err = q_import_done_find(c, run->import.content_hash, str_of(run->import.kind->name),
                             run->mapping.json, &done);
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    *is_done = true;
    run->import.import_id = done.id;
    run->result->read_count = done.line_count;
    run->result->accepted_count = done.accepted_count;
    run->result->rejected_count = done.rejected_count;
    run->result->is_repeated = true;
    return OK;
}

static enum err run_begin(struct ctx *c, void *user)
{
    struct run *run = user;
    bool is_done, is_resumed;

    struct q_import_effect_last_row last;

    TRY(run_is_done(c, run, &is_done));
    if (is_done && run->job->upload_id != 0)
        return fail(c, E_CONFLICT, "import.repeated", "this very file was imported before");
    if (is_done)
        return OK;
    if (run->job->upload_id != 0) {
        TRY(run_upload(c, run));
    } else {
        TRY(run_resume(c, run, &is_resumed));
        if (!is_resumed)
            TRY(run_add(c, run));
    }
    TRY(q_import_effect_last(c, run->import.import_id, &last));
    run->import.effect_seq = last.last_seq;
    c->topics |= LIVE_IMPORTS;
    return run->import.kind->begin == NULL ? OK : run->import.kind->begin(c, &run->import);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static enum err rejects_keep(struct ctx *c, struct run *run, int64_t rejected_count)
{
    struct import_row *rows = run->rows.at;
    struct q_import_reject_add_in *in;
    int64_t count = 0;

    if (rejected_count == 0)
        return OK;
    in = arena_new_array(c->arena, struct q_import_reject_add_in, (size_t)rejected_count);
    for (int64_t i = 0; i < run->rows.count; i++) {
        struct str raw;

        if (rows[i].code == NULL)
            continue;
        raw = import_reject_raw(c, import_reader_header(run->reader), &rows[i],
                                run->import.kind->has_places);
        in[count++] = (struct q_import_reject_add_in){
            .import_id = run->import.import_id,
            .line_seq = rows[i].line_seq,
            .code = str_of(rows[i].code),
            .reason = rows[i].reason,
            .raw_enc = ctx_seal(c, raw, "import_reject", run->import.import_id),
        };
    }
    must(count == rejected_count);
    return q_import_reject_add(c, in, count, NULL);
}

static void page_count(const struct run *run, struct q_import_step_in *step)
{
    const struct import_row *rows = run->rows.at;

    for (int64_t i = 0; i < run->rows.count; i++) {
        step->rejected_count += rows[i].code != NULL;
        step->accepted_count += rows[i].code == NULL;
        step->changed_count += rows[i].code == NULL && rows[i].is_changed;
    }
}

void import_effect(struct ctx *c, struct import *run, const char *noun, int64_t subject_count,
                   struct str before)
{
    struct q_import_effect_add_in *effect;

    if (run->is_dry)
        return;
    effect = list_add(c->arena, &run->effects, &run->effect_room_count, sizeof(*effect));
    *effect = (struct q_import_effect_add_in){
        .import_id = run->import_id,
        .effect_seq = ++run->effect_seq,
        .noun = str_of(noun),
        .subject_id = subject_count,
        .before_enc = ctx_seal(c, before, "import_effect", run->import_id),
    };
}

static enum err effects_keep(struct ctx *c, struct run *run)
{
    if (run->import.effects.count == 0)
        return OK;
    return q_import_effect_add(c, run->import.effects.at, run->import.effects.count, NULL);
}

static enum err page_run(struct ctx *c, struct run *run)
{
    run->import.before_count = run->result->read_count;
    run->import.first_id = ctx_id(c);
    run->import.effects = (struct list){NULL, 0};
    run->import.effect_room_count = 0;
    return run->import.kind->page(c, &run->import, run->rows.at, run->rows.count);
}

/* How many records the file has, by the part of it that was read. */
static int64_t total_guess(const struct run *run, int64_t read_count)
{
    int64_t done = import_reader_bytes(run->reader), total = import_reader_total(run->reader);

    if (done < 64 * 1024 || done >= total)
        return NONE;
    return (int64_t)((__int128)read_count * total / done);
}

static enum err page_step(struct ctx *c, struct run *run)
{
    struct q_import_step_in step = {
        .import_id = run->import.import_id,
        .before_count = run->result->read_count,
        .line_count = run->result->read_count + run->rows.count,
    };
    int64_t changed_count;

    step.total_count = total_guess(run, step.line_count);
    page_count(run, &step);
    TRY(rejects_keep(c, run, step.rejected_count));
    TRY(q_import_step(c, &step, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "import.running",
                    "it was stopped, or another import of this file is under way");
    c->topics |= LIVE_IMPORTS;
    return OK;
}

static enum err page_write(struct ctx *c, void *user)
{
    struct run *run = user;

    TRY(page_run(c, run));
    TRY(effects_keep(c, run));
    return page_step(c, run);
}

/* Everything a page does, and then nothing of it: the refusal rolls it back. */
static enum err page_try(struct ctx *c, void *user)
{
    struct run *run = user;

    TRY(page_run(c, run));
    run->is_tried = true;
    return fail(c, E_CONFLICT, "import.tried", "tried only");
}

static enum err page_note(struct ctx *c, void *user)
{
    return page_step(c, user);
}

static enum err page_put(struct run *run)
{
    enum err err;

    if (!run->import.is_dry)
        return app_write(run->import.app, run->page, page_write, run, run->fault);
    run->is_tried = false;
    err = app_write(run->import.app, run->page, page_try, run, run->fault);
    if (!run->is_tried)
        return err;
    *run->fault = (struct fault){0};
    if (run->import.kind->forget != NULL)
        run->import.kind->forget(&run->import);
    return app_write(run->import.app, run->page, page_note, run, run->fault);
}

static enum err page_skip(struct ctx *c, void *user)
{
    struct run *run = user;

    if (run->import.kind->skip == NULL)
        return OK;
    return run->import.kind->skip(c, &run->import, run->rows.at, run->rows.count);
}

static void run_tell(const struct run *run, struct str note)
{
    struct import_progress progress = {
        .read_count = run->result->read_count,
        .rejected_count = run->result->rejected_count,
        .done_bytes = import_reader_bytes(run->reader),
        .total_bytes = import_reader_total(run->reader),
        .note = note,
    };

    if (run->job->watch.watcher != NULL)
        run->job->watch.watcher(run->job->watch.user, &progress);
}

static enum err page_next(struct run *run)
{
    arena_reset(run->page);
    if (import_reader_page(run->reader, &run->import, run->page, &run->rows) != OK)
        return import_reader_fail(run->reader, run->import.arena, run->fault);
    return OK;
}

/* What an earlier run committed is read again, for the places of rows, and not written. */
static enum err run_skip(struct run *run)
{
    while (run->result->read_count < run->start_count) {
        TRY(page_next(run));
        if (run->rows.count == 0 || run->result->read_count + run->rows.count > run->start_count)
            return import_fail(run->import.arena, run->fault, E_CORRUPT, "import.resume",
                               "the earlier run ended in another place");
        TRY(app_read(run->import.app, run->page, page_skip, run, run->fault));
        run->result->read_count += run->rows.count;
    }
    return OK;
}

static void result_add(struct run *run)
{
    struct q_import_step_in step = {0};

    page_count(run, &step);
    run->result->read_count += run->rows.count;
    run->result->accepted_count += step.accepted_count;
    run->result->rejected_count += step.rejected_count;
    run->result->changed_count += step.changed_count;
}

static enum err run_pages(struct run *run)
{
    TRY(run_skip(run));
    TRY(page_next(run));
    while (run->rows.count > 0) {
        if (job_is_stopping(run->import.app))
            return import_fail(run->import.arena, run->fault, E_BUSY, "import.stopped",
                               "the server is stopping: run the same import again");
        TRY(page_put(run));
        result_add(run);
        run_tell(run, (struct str){NULL, 0});
        TRY(page_next(run));
    }
    return OK;
}

/* ---- the end -------------------------------------------------------------------------------- */

static enum err run_end(struct ctx *c, void *user)
{
    struct run *run = user;
    bool is_good = run->fault->err == OK;
    struct q_import_end_in in = {
        .import_id = run->import.import_id,
        .status = is_good ? S("done") : S("failed"),
        .error_code = str_of(is_good ? NULL : run->fault->code),
        .error_message = is_good ? (struct str){NULL, 0} : run->fault->message,
    };

    c->topics |= LIVE_IMPORTS;
    if (is_good && run->result->accepted_count >= ANALYZE_MIN)
        TRY(db_analyze(c->db));
    return q_import_end(c, &in);
}

static enum err rejects_file(struct run *run)
{
    struct str folder =
        str_fmt(run->import.arena, "%.*s/imports", STR(app_config(run->import.app)->data));
    struct import_reject_job job = {
        .run = &run->import,
        .header = import_reader_header(run->reader),
        .page = run->page,
        .path = run->job->rejects_path,
    };
    enum err err;

    if (run->result->rejected_count == 0)
        return OK;
    if (job.path.at == NULL) {
        job.path = str_fmt(run->import.arena, "%.*s/%" PRId64 "-rejects.csv", STR(folder),
                           run->import.import_id);
        TRY(folder_make(folder));
    }
    err = import_reject_write(&job, run->fault);
    if (err != OK && run->fault->err == OK)
        return import_fail(run->import.arena, run->fault, err, "import.reject_file",
                           "%.*s cannot be written", STR(job.path));
    run->result->reject_file = job.path;
    return err;
}

/* An upload that the server's end stopped goes on at its next start. */
static bool is_to_go_on(const struct run *run)
{
    return run->job->upload_id != 0 && run->fault->code != NULL &&
           strcmp(run->fault->code, "import.stopped") == 0;
}

static enum err run_write(struct run *run)
{
    struct fault ignored = {0};
    enum err err = run_pages(run);

    if (err == OK && run->job->upload_id == 0)
        err = rejects_file(run);
    if (err == OK)
        return app_write(run->import.app, run->page, run_end, run, run->fault);
    run->fault->message = str_copy(run->import.arena, run->fault->message);
    arena_reset(run->page);
    if (!is_to_go_on(run) && app_write(run->import.app, run->page, run_end, run, &ignored) != OK)
        app_log(run->import.app, "warn", "import.failed", "the run's state could not be kept");
    return err;
}

/* ---- the whole ------------------------------------------------------------------------------ */

const struct import_kind *import_kind_find(struct str name)
{
    for (const struct import_kind *const *kind = import_kinds; *kind != NULL; kind++) {
        if (str_is(name, (*kind)->name))
            return *kind;
    }
    return NULL;
}

static enum err kind_find(struct run *run)
{
    run->import.kind = import_kind_find(run->job->kind);
    if (run->import.kind == NULL)
        return import_fail(run->import.arena, run->fault, E_INPUT, "import.kind",
                           "there is no import of \"%.*s\"", STR(run->job->kind));
    return OK;
}

static enum err run_all(struct run *run)
{
    struct arena *arena = run->import.arena;
    uint8_t hash[HASH_BYTES];

    TRY(kind_find(run));
    TRY(import_reader_open(arena, run->job, &run->reader, run->fault));
    import_reader_hash(run->reader, hash);
    run->import.content_hash = str_copy(arena, (struct str){(const char *)hash, HASH_BYTES});
    TRY(app_read(run->import.app, arena, run_prepare, run, run->fault));
    run->result->is_guessed = run->job->mapping.at == NULL;
    run->result->mapping = run->mapping.json;
    run_tell(run, run->mapping.json);
    TRY(app_write(run->import.app, arena, run_begin, run, run->fault));
    run->result->import_id = run->import.import_id;
    return run->result->is_repeated ? OK : run_write(run);
}

/* Texts outlive the run in the caller's arena. */
static void texts_keep(struct arena *arena, struct import_result *result, struct fault *fault)
{
    result->reject_file = str_copy(arena, result->reject_file);
    result->mapping = str_copy(arena, result->mapping);
    fault->message = str_copy(arena, fault->message);
    fault->path = str_copy(arena, fault->path);
}

enum err import_run(struct app *app, struct arena *arena, const struct import_job *job,
                    struct import_result *result, struct fault *fault)
{
    struct run run = {.job = job, .result = result, .fault = fault};
    enum err err;

    *result = (struct import_result){.import_id = NONE};
    *fault = (struct fault){0};
    run.import.app = app;
    run.import.is_dry = job->is_dry;
    run.import.arena = arena_new(RUN_BYTES_MAX);
    run.page = arena_new(PAGE_BYTES_MAX);
    err = run_all(&run);
    result->unchanged_count = result->accepted_count - result->changed_count;
    texts_keep(arena, result, fault);
    if (run.reader != NULL)
        import_reader_close(run.reader);
    arena_free(run.page);
    arena_free(run.import.arena);
    return err;
}
