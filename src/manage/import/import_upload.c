/* Imports through the page: a file is uploaded and lies in DATA/uploads under its import's id; then
 * it is looked at, tried, run, stopped. What waits stands in the base, so that nothing is lost when
 * the server ends. Always: one import at a time, the next that waits is taken when one is over. */
#include <stdatomic.h>

#include "base/utf8.h"
#include "host/file.h"
#include "kit/audit.h"
#include "kit/node.h"
#include "manage/import/import_private.h"

#define EXAMPLE_CHARS 60
#define EXAMPLE_ROWS 20

struct str import_upload_path(struct ctx *c, int64_t import_id)
{
    return str_fmt(c->arena, "%.*s/uploads/%" PRId64, STR(app_config(c->app)->data), import_id);
}

static enum err run_get(struct ctx *c, int64_t import_id, struct q_import_get_row *row)
{
    enum err err = q_import_get(c, import_id, row);

    return err == E_NOT_FOUND ? fail(c, err, "import.unknown", "no such import") : err;
}

enum err import_upload_get(struct ctx *c, int64_t import_id, struct q_import_get_row *row)
{
    TRY(run_get(c, import_id, row));
    if (row->upload_bytes == NONE)
        return fail(c, E_CONFLICT, "import.not_upload",
                    "this import was begun by the command line: its file is not here");
    if (row->upload_bytes == 0)
        return fail(c, E_CONFLICT, "import.file_gone", "the file is not kept any longer");
    return OK;
}

/* ---- uploading ------------------------------------------------------------------------------ */

struct import_upload_in {
    struct str file_name;
};
static const struct field import_upload_in[] = {
    IN(struct import_upload_in, file_name, .min = 1, .max = 200),
};
struct import_upload_column {
    struct str name, example;
};
static const struct field import_upload_column[] = {
    OUT(struct import_upload_column, name),
    OUT(struct import_upload_column, example, .about = "the first cell that says something"),
};
struct import_upload_out {
    int64_t import_id, same_import_id, same_ms;
    struct str file_name, kind, encoding, separator;
    struct list columns;
};
static const struct field import_upload_out[] = {
    OUT(struct import_upload_out, import_id),
    OUT(struct import_upload_out, file_name),
    OUT(struct import_upload_out, kind, .is_optional = true,
        .about = "what the header looks like; absent: nothing known"),
    OUT(struct import_upload_out, encoding, .one_of = "UTF-8|GB18030|XLSX"),
    OUT(struct import_upload_out, separator, .is_optional = true),
    OUT(struct import_upload_out, columns, .of = SHAPE(import_upload_column), .max = 600),
    OUT(struct import_upload_out, same_import_id, .is_optional = true,
        .about = "the same content was imported before"),
    OUT(struct import_upload_out, same_ms, .is_optional = true),
};

struct upload_look {
    struct import_upload_out out;
    struct str content_hash, header_hash;
    int64_t upload_bytes;
};

/* What the first rows say, column by column. */
static enum err examples_read(struct ctx *c, struct import_reader *reader,
                              struct import_upload_column *columns)
{
    const struct import_header *header = import_reader_header(reader);
    struct import_kind none = {.name = ""};
    struct import_mapping mapping = {.decimal = '.'};
    struct import run = {.kind = &none, .mapping = &mapping};
    struct import_row *rows;
    struct list page;

    if (import_reader_page(reader, &run, c->arena, &page) != OK)
        return import_reader_fail(reader, c->arena, &c->fault);
    rows = page.at;
    for (int64_t i = 0; i < page.count && i < EXAMPLE_ROWS; i++) {
        for (int64_t k = 0; k < header->count && k < rows[i].field_count; k++) {
            if (columns[k].example.len == 0)
                columns[k].example = utf8_head(str_trim(rows[i].fields[k]), EXAMPLE_CHARS);
        }
    }
    return OK;
}

static enum err columns_tell(struct ctx *c, struct import_reader *reader, struct list *out)
{
    const struct import_header *header = import_reader_header(reader);
    struct import_upload_column *columns =
        arena_new_array(c->arena, struct import_upload_column, (size_t)header->count + 1);

    for (int64_t i = 0; i < header->count; i++)
        columns[i] = (struct import_upload_column){utf8_head(header->names[i], 200), S("")};
    *out = (struct list){columns, header->count};
    return examples_read(c, reader, columns);
}

static enum err look_fill(struct ctx *c, struct import_reader *reader, struct upload_look *look)
{
    const struct import_header *header = import_reader_header(reader);
    const struct import_kind *kind = import_mapping_kind(c->arena, header);
    uint8_t digest[HASH_BYTES];
    char separator[1] = {import_reader_separator(reader)};

    import_reader_hash(reader, digest);
    look->content_hash = str_copy(c->arena, (struct str){(const char *)digest, HASH_BYTES});
    look->header_hash = import_header_hash(c->arena, header);
    look->out.kind = str_of(kind == NULL ? NULL : kind->name);
    look->out.encoding = str_of(import_reader_encoding(reader));
    if (separator[0] != 0)
        look->out.separator = str_copy(c->arena, (struct str){separator, 1});
    return columns_tell(c, reader, &look->out.columns);
}

/* On a thread that may take its time. */
static enum err upload_look(struct ctx *c, const void *in_, void *out)
{
    const struct import_upload_in *in = in_;
    struct upload_look *look = arena_new_one(c->arena, struct upload_look);
    struct import_job job = {.path = c->upload_path};
    struct import_reader *reader = NULL;
    enum err err;

    (void)out;
    look->upload_bytes = c->upload_path.at == NULL ? 0 : file_bytes(c->upload_path);
    if (look->upload_bytes <= 0)
        return fail(c, E_INPUT, "import.header", "the file is empty");
    if (look->upload_bytes > IMPORT_UPLOAD_MAX)
        return fail(c, E_TOO_LARGE, "import.too_large",
                    "the file has more than %d MiB: import it "
                    "in parts",
                    (int)(IMPORT_UPLOAD_MAX >> 20));
    look->out.file_name = str_copy(c->arena, in->file_name);
    err = import_reader_open(c->arena, &job, &reader, &c->fault);
    if (err == OK)
        err = look_fill(c, reader, look);
    import_reader_close(reader);
    c->prepared = look;
    return err;
}

static enum err same_find(struct ctx *c, struct upload_look *look)
{
    struct q_import_same_find_row same;
    enum err err = q_import_same_find(c, look->content_hash, &same);

    look->out.same_import_id = look->out.same_ms = NONE;
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    look->out.same_import_id = same.id;
    look->out.same_ms = same.started_ms;
    return OK;
}

static enum err upload_keep(struct ctx *c, const void *in, void *out)
{
    struct upload_look *look = c->prepared;
    struct q_import_add_in add = {
        .import_id = ctx_id(c),
        .kind = look->out.kind.at == NULL ? S("customers") : look->out.kind,
        .file_name = look->out.file_name,
        .content_hash = look->content_hash,
        .mapping = S(""),
        .status = S("ready"),
        .staff_id = c->me_staff_id,
        .upload_bytes = look->upload_bytes,
        .header_hash = look->header_hash,
    };

    (void)in;
    TRY(same_find(c, look));
    TRY(q_import_add(c, &add));
    look->out.import_id = add.import_id;
    *(struct import_upload_out *)out = look->out;
    audit_about(c, "import", add.import_id);
    c->topics |= LIVE_IMPORTS;
    return file_move(c->upload_path, import_upload_path(c, add.import_id));
}

/* ---- running -------------------------------------------------------------------------------- */

static enum err next_claim(struct ctx *c, void *user)
{
    c->topics |= LIVE_IMPORTS;
    return q_import_claim(c, node_own(c->app), user);
}

struct ended {
    int64_t import_id;
    const struct fault *fault;
};

/* What went wrong before the run was its own. */
static enum err next_failed(struct ctx *c, void *user)
{
    const struct ended *ended = user;
    struct q_import_end_in in = {
        .import_id = ended->import_id,
        .status = S("failed"),
        .error_code = str_of(ended->fault->code == NULL ? "internal" : ended->fault->code),
        .error_message = ended->fault->message,
    };

    c->topics |= LIVE_IMPORTS;
    return q_import_end(c, &in);
}

static void next_run(struct app *app, struct arena *arena, const struct q_import_claim_row *row)
{
    struct import_job job = {
        .kind = row->kind,
        .path = str_fmt(arena, "%.*s/uploads/%" PRId64, STR(app_config(app)->data), row->id),
        .mapping = row->mapping.len == 0 ? (struct str){NULL, 0} : row->mapping,
        .upload_id = row->id,
        .is_dry = row->is_dry,
    };
    struct import_result result;
    struct fault fault, ignored;
    struct ended ended = {row->id, &fault};

    if (import_run(app, arena, &job, &result, &fault) == OK ||
        (fault.code != NULL && strcmp(fault.code, "import.stopped") == 0))
        return;
    if (app_write(app, arena, next_failed, &ended, &ignored) != OK)
        app_log(app, "warn", "import.failed", "the run's state could not be kept");
}

/* One job in the queue is enough: it takes whatever waits when it begins. */
static _Atomic bool is_queued; /* tidy: of this process, as the job's thread is */

/* The job: all that wait, one after another. */
static void waiting_run(struct app *app, struct arena *arena, void *user)
{
    struct q_import_claim_row row;
    struct fault fault;

    (void)user;
    atomic_store(&is_queued, false);
    while (!job_is_stopping(app) && app_write(app, arena, next_claim, &row, &fault) == OK)
        next_run(app, arena, &row);
}

static enum err waiting_start(struct ctx *c)
{
    enum err err;

    if (atomic_exchange(&is_queued, true))
        return OK;
    err = job_start(c->app, waiting_run, NULL);
    if (err == OK)
        return OK;
    atomic_store(&is_queued, false);
    return fail(c, err, "import.busy", "too many jobs wait already");
}

enum err import_resume(struct ctx *c)
{
    struct q_import_waiting_count_row waiting;

    if (app_config(c->app)->listen.at == NULL)
        return OK;
    TRY(q_import_waiting_count(c, node_own(c->app), &waiting));
    if (waiting.waiting_count > 0 && waiting_start(c) == E_BUSY)
        c->fault = (struct fault){0}; /* the next minute, then */
    return OK;
}

enum err import_revive(struct ctx *c)
{
    int64_t changed_count, node = node_own(c->app);

    atomic_store(&is_queued, false);
    if (app_config(c->app)->listen.at == NULL)
        return OK;
    TRY(q_import_revive(c, node, &changed_count));
    TRY(q_import_revive_dry(c, node, &changed_count));
    return import_resume(c);
}

struct import_start_in {
    int64_t import_id;
    struct str kind, mapping;
    bool is_dry;
};
static const struct field import_start_in[] = {
    IN(struct import_start_in, import_id),
    IN(struct import_start_in, kind, .min = 1, .max = 40),
    IN(struct import_start_in, mapping, .is_json = true, .is_optional = true, .max = 100000,
       .about = "as the preview took it; absent: guessed"),
    IN(struct import_start_in, is_dry, .is_optional = true,
       .about = "everything is looked at and nothing kept"),
};

static enum err start_check(struct ctx *c, const struct import_start_in *in,
                            const struct q_import_get_row *row, bool is_anew)
{
    if (import_kind_find(in->kind) == NULL)
        return fail_at(c, "import.kind", S("kind"), "there is no such import");
    if (str_is(row->status, "running") || str_is(row->status, "waiting") ||
        str_is(row->status, "undoing"))
        return fail(c, E_CONFLICT, "import.running", "this import is under way");
    if (str_is(row->status, "done") && !row->is_dry)
        return fail(c, E_CONFLICT, "import.done", "this import is done");
    if (!is_anew && (in->is_dry || !str_eq(in->kind, row->kind)))
        return fail(c, E_CONFLICT, "import.begun",
                    "this import was begun and stopped: let it go on as it was, or undo it");
    return OK;
}

static enum err start_run(struct ctx *c, const void *in_, void *out)
{
    const struct import_start_in *in = in_;
    struct q_import_get_row row;
    struct q_import_begin_in begin = {.import_id = in->import_id,
                                      .kind = in->kind,
                                      .is_dry = in->is_dry,
                                      .staff_id = c->me_staff_id};
    int64_t changed_count;

    (void)out;
    TRY(import_upload_get(c, in->import_id, &row));
    begin.is_anew = row.is_dry || row.line_count == 0 || str_is(row.status, "undone");
    TRY(start_check(c, in, &row, begin.is_anew));
    begin.was = row.status;
    begin.mapping = begin.is_anew ? in->mapping : row.mapping;
    if (begin.mapping.at == NULL)
        begin.mapping = S("");
    if (begin.is_anew)
        TRY(q_import_reject_clear(c, in->import_id));
    TRY(q_import_begin(c, &begin, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "import.running", "this import is under way");
    c->topics |= LIVE_IMPORTS;
    return waiting_start(c);
}

static enum err cancel_run(struct ctx *c, const void *in_, void *out)
{
    const struct import_one *in = in_;
    struct q_import_get_row row;
    int64_t changed_count;

    (void)out;
    TRY(run_get(c, in->import_id, &row));
    TRY(q_import_cancel(c, in->import_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "import.over", "this import is not under way");
    c->topics |= LIVE_IMPORTS;
    return OK;
}

/* ---- refused rows --------------------------------------------------------------------------- */

static enum err rejects_write(struct ctx *c, const struct q_import_get_row *row,
                              struct import_reader *reader, struct str path)
{
    struct import run = {.app = c->app,
                         .arena = c->arena,
                         .kind = import_kind_find(row->kind),
                         .import_id = row->id};
    struct import_reject_job job = {.run = &run, .path = path};
    enum err err;

    job.header = import_reader_header(reader);
    job.page = arena_new(64 * 1024 * 1024);
    err = import_reject_write(&job, &c->fault);
    arena_free(job.page);
    return err;
}

static enum err rejects_prepare(struct ctx *c, const void *in_, void *out)
{
    const struct import_one *in = in_;
    struct str folder = str_fmt(c->arena, "%.*s/imports", STR(app_config(c->app)->data));
    struct str *path = arena_new_one(c->arena, struct str);
    struct import_job job = {.path = import_upload_path(c, in->import_id)};
    struct import_reader *reader = NULL;
    struct q_import_get_row row;
    enum err err;

    (void)out;
    TRY(import_upload_get(c, in->import_id, &row));
    if (row.rejected_count == 0)
        return fail(c, E_NOT_FOUND, "import.no_rejects", "no row was refused");
    TRY(folder_make(folder));
    *path = str_fmt(c->arena, "%.*s/%" PRId64 "-rejects.csv", STR(folder), in->import_id);
    err = import_reader_open(c->arena, &job, &reader, &c->fault);
    if (err == OK)
        err = rejects_write(c, &row, reader, *path);
    import_reader_close(reader);
    c->prepared = path;
    return err;
}

static enum err rejects_tell(struct ctx *c, const void *in_, void *out)
{
    const struct import_one *in = in_;

    (void)out;
    c->file_path = *(const struct str *)c->prepared;
    c->file_name = str_fmt(c->arena, "import-%" PRId64 "-rejects.csv", in->import_id);
    c->file_type = "text/csv; charset=utf-8";
    return OK;
}

const struct field import_one[1] = {
    IN(struct import_one, import_id),
};

const struct route import_upload_routes[] = {
    {HTTP_POST, "/api/imports/upload", "import.write", SHAPE(import_upload_in),
     SHAPE(import_upload_out), upload_keep, .about = "A file to import: CSV or XLSX",
     .kind = ROUTE_UPLOAD, .prepare = upload_look, .needs_all = true, .repeat = REPEAT_KEY_IGNORED},
    {HTTP_POST, "/api/imports/{import_id}/start", "import.write", SHAPE(import_start_in), NULL,
     start_run, .about = "Run an uploaded file, or try it", .needs_all = true},
    {HTTP_POST, "/api/imports/{import_id}/cancel", "import.write", SHAPE(import_one), NULL,
     cancel_run, .about = "Stop behind the page at hand; it can go on later", .needs_all = true},
    {HTTP_POST, "/api/imports/{import_id}/rejects", "import.write", SHAPE(import_one), NULL,
     rejects_tell, .about = "The refused rows as a CSV file, with code and reason",
     .kind = ROUTE_DOWNLOAD, .prepare = rejects_prepare, .needs_all = true,
     .repeat = REPEAT_KEY_IGNORED},
    {.path = NULL},
};
