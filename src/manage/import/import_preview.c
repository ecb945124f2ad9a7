/* What a file would become under a mapping: its first rows go the whole way, into the base and out
 * of it again, so that the preview says what the import will say. */
#include "base/json.h"
#include "base/utf8.h"
#include "manage/import/import_private.h"

#define CELL_CHARS 80
#define ROWS_BYTES_MAX (4 * 1024 * 1024)

struct import_preview_in {
    int64_t import_id;
    struct str kind, mapping;
};
static const struct field import_preview_in[] = {
    IN(struct import_preview_in, import_id),
    IN(struct import_preview_in, kind, .min = 1, .max = 40),
    IN(struct import_preview_in, mapping, .is_json = true, .is_optional = true, .max = 100000,
       .about = "absent: as a file with this header was read before, or guessed"),
};
struct import_preview_column {
    struct str name, type, header;
    bool is_needed;
};
static const struct field import_preview_column[] = {
    OUT(struct import_preview_column, name),
    OUT(struct import_preview_column, type, .one_of = "text|count|number|money|time|date"),
    OUT(struct import_preview_column, header, .is_optional = true,
        .about = "the file's column that it is, or may be"),
    OUT(struct import_preview_column, is_needed),
};
struct import_preview_header {
    struct str name;
};
static const struct field import_preview_header[] = {
    OUT(struct import_preview_header, name),
};
struct import_preview_row {
    int64_t line_seq;
    struct str cells, values, code, reason;
    bool is_changed;
};
static const struct field import_preview_row[] = {
    OUT(struct import_preview_row, line_seq),
    OUT(struct import_preview_row, cells, .is_json = true, .about = "list: the file's cells"),
    OUT(struct import_preview_row, values, .is_json = true,
        .about = "object: by column, what is read from them"),
    OUT(struct import_preview_row, code, .is_optional = true, .about = "why it is refused"),
    OUT(struct import_preview_row, reason, .is_optional = true),
    OUT(struct import_preview_row, is_changed, .about = "it would change something"),
};
struct import_preview_out {
    struct str kind, mapping, error_code, error_message;
    bool is_saved, has_further_columns;
    struct list columns, headers, rows;
};
static const struct field import_preview_out[] = {
    OUT(struct import_preview_out, kind),
    OUT(struct import_preview_out, mapping, .is_json = true, .is_optional = true,
        .about = "all of it, as it would be kept"),
    OUT(struct import_preview_out, is_saved, .about = "taken from an earlier import"),
    OUT(struct import_preview_out, has_further_columns, .about = "columns of other names may come"),
    OUT(struct import_preview_out, error_code, .is_optional = true,
        .about = "why the file cannot be read so; then there are no rows"),
    OUT(struct import_preview_out, error_message, .is_optional = true),
    OUT(struct import_preview_out, columns, .of = SHAPE(import_preview_column)),
    OUT(struct import_preview_out, headers, .of = SHAPE(import_preview_header)),
    OUT(struct import_preview_out, rows, .of = SHAPE(import_preview_row)),
};

struct preview {
    struct ctx *c;
    struct import import;
    struct import_job job;
    struct import_mapping mapping;
    struct import_reader *reader;
    struct import_preview_out *out;
    struct list rows;
    bool is_tried;
};

/* ---- the columns ---------------------------------------------------------------------------- */

static const char *type_name(enum import_type type)
{
    switch (type) {
    case IMPORT_COUNT:
        return "count";
    case IMPORT_MICRO:
        return "number";
    case IMPORT_MONEY:
        return "money";
    case IMPORT_TIME:
        return "time";
    case IMPORT_DAY:
        return "date";
    case IMPORT_TEXT:
        break;
    }
    return "text";
}

/* As mapped; where there is no mapping yet, as guessed. */
static void columns_tell(struct preview *p)
{
    const struct import_kind *kind = p->import.kind;
    const struct import_header *header = import_reader_header(p->reader);
    size_t count = (size_t)kind->column_count;
    struct import_preview_column *columns =
        arena_new_array(p->c->arena, struct import_preview_column, count);
    int64_t *at = arena_new_array(p->c->arena, int64_t, count);

    import_mapping_guess(p->c->arena, kind, header, at);
    for (size_t k = 0; k < count; k++) {
        int64_t found = p->out->error_code.at == NULL ? p->mapping.column_at[k] : at[k];

        columns[k] = (struct import_preview_column){
            .name = str_of(kind->columns[k].name),
            .type = str_of(type_name(kind->columns[k].type)),
            .is_needed = kind->columns[k].is_needed,
        };
        if (found >= 0)
            columns[k].header = header->names[found];
    }
    p->out->columns = (struct list){columns, kind->column_count};
}

static void headers_tell(struct preview *p)
{
    const struct import_header *header = import_reader_header(p->reader);
    struct import_preview_header *names =
        arena_new_array(p->c->arena, struct import_preview_header, (size_t)header->count);

    for (int64_t i = 0; i < header->count; i++)
        names[i].name = utf8_head(header->names[i], 200);
    p->out->headers = (struct list){names, header->count};
}

/* ---- the rows ------------------------------------------------------------------------------- */

static struct str cells_tell(struct preview *p, const struct import_row *row, struct buf *buf)
{
    struct json_out json;

    buf_reset(buf);
    json_out_init(&json, buf);
    json_array_begin(&json);
    for (int64_t i = 0; i < row->field_count && i < 100; i++)
        json_str(&json, utf8_head(row->fields[i], CELL_CHARS));
    json_array_end(&json);
    return str_copy(p->c->arena, buf_view(buf));
}

static struct str value_tell(struct preview *p, const struct import_column *column,
                             const struct import_value *value)
{
    if (value->number == NONE)
        return utf8_head(value->text, CELL_CHARS);
    if (column->type == IMPORT_TIME)
        return time_local_iso(p->c->arena, p->mapping.zone, value->number);
    if (column->type == IMPORT_DAY)
        return day_iso(p->c->arena, value->number);
    return utf8_head(value->text, CELL_CHARS);
}

static struct str values_tell(struct preview *p, const struct import_row *row, struct buf *buf)
{
    const struct import_kind *kind = p->import.kind;
    struct json_out json;

    buf_reset(buf);
    json_out_init(&json, buf);
    json_object_begin(&json);
    for (int64_t k = 0; k < kind->column_count; k++) {
        if (row->values[k].text.at == NULL)
            continue;
        json_name(&json, kind->columns[k].name);
        json_str(&json, value_tell(p, &kind->columns[k], &row->values[k]));
    }
    json_object_end(&json);
    return str_copy(p->c->arena, buf_view(buf));
}

static void rows_tell(struct preview *p)
{
    const struct import_row *rows = p->rows.at;
    struct import_preview_row *out =
        arena_new_array(p->c->arena, struct import_preview_row, IMPORT_SAMPLE_ROWS);
    struct buf buf;

    buf_init(&buf, ROWS_BYTES_MAX);
    for (int64_t i = 0; i < p->rows.count; i++) {
        out[i] = (struct import_preview_row){
            .line_seq = rows[i].line_seq,
            .cells = cells_tell(p, &rows[i], &buf),
            .values = values_tell(p, &rows[i], &buf),
            .is_changed = rows[i].code == NULL && rows[i].is_changed,
        };
        if (rows[i].code == NULL)
            continue;
        out[i].code = str_of(rows[i].code);
        out[i].reason = rows[i].reason;
    }
    buf_release(&buf);
    p->out->rows = (struct list){out, p->rows.count};
}

/* ---- trying --------------------------------------------------------------------------------- */

static enum err page_try(struct ctx *c, void *user)
{
    struct preview *p = user;

    p->import.first_id = ctx_id(c);
    if (p->import.kind->begin != NULL)
        TRY(p->import.kind->begin(c, &p->import));
    TRY(p->import.kind->page(c, &p->import, p->rows.at, p->rows.count));
    p->is_tried = true;
    return fail(c, E_CONFLICT, "import.tried", "tried only");
}

/* What is wrong with the whole is an answer here, not a failure. */
static void fault_tell(struct preview *p, const struct fault *fault)
{
    p->out->error_code = str_of(fault->code == NULL ? "internal" : fault->code);
    p->out->error_message = fault->message;
}

static enum err rows_try(struct preview *p)
{
    struct fault fault = {0};
    enum err err;

    if (import_reader_page(p->reader, &p->import, p->c->arena, &p->rows) != OK)
        return import_reader_fail(p->reader, p->c->arena, &p->c->fault);
    if (p->rows.count > IMPORT_SAMPLE_ROWS)
        p->rows.count = IMPORT_SAMPLE_ROWS;
    err = app_write(p->c->app, p->c->arena, page_try, p, &fault);
    if (!p->is_tried && (err == E_INPUT || err == E_NOT_FOUND || err == E_CONFLICT))
        fault_tell(p, &fault);
    else if (!p->is_tried)
        return err;
    if (p->is_tried)
        rows_tell(p);
    return OK;
}

/* ---- the mapping ---------------------------------------------------------------------------- */

static enum err saved_find(struct preview *p)
{
    struct q_import_mapping_find_row saved;
    enum err err = q_import_mapping_find(
        p->c, import_header_hash(p->c->arena, import_reader_header(p->reader)),
        str_of(p->import.kind->name), &saved);

    if (err == OK) {
        p->job.mapping = saved.mapping;
        p->out->is_saved = true;
    }
    return err == E_NOT_FOUND ? OK : err;
}

static enum err mapping_settle(struct preview *p)
{
    struct ctx *c = p->c;
    enum err err;

    if (p->job.mapping.at == NULL)
        TRY(saved_find(p));
    err = import_mapping_read(c, p->import.kind, &p->job, import_reader_header(p->reader),
                              &p->mapping);
    if (err != E_INPUT && err != E_CONFLICT)
        return err;
    fault_tell(p, &c->fault);
    c->fault = (struct fault){0};
    return OK;
}

static enum err preview_read(struct preview *p)
{
    TRY(mapping_settle(p));
    headers_tell(p);
    if (p->out->error_code.at == NULL) {
        p->import.minor_digits = p->mapping.minor_digits;
        p->out->mapping = p->mapping.json;
        TRY(rows_try(p));
    }
    columns_tell(p);
    return OK;
}

static enum err preview_look(struct ctx *c, const void *in_, void *out)
{
    const struct import_preview_in *in = in_;
    struct preview p = {.c = c, .out = arena_new_one(c->arena, struct import_preview_out)};
    struct q_import_get_row row;
    enum err err;

    (void)out;
    TRY(import_upload_get(c, in->import_id, &row));
    p.import = (struct import){.app = c->app, .arena = c->arena, .import_id = row.id};
    p.import.kind = import_kind_find(in->kind);
    p.import.mapping = &p.mapping;
    p.import.is_dry = true;
    p.import.content_hash = row.content_hash;
    if (p.import.kind == NULL)
        return fail_at(c, "import.kind", S("kind"), "there is no such import");
    p.out->kind = in->kind;
    p.out->has_further_columns = p.import.kind->extra_prefix != NULL;
    p.job = (struct import_job){.kind = in->kind, .mapping = in->mapping};
    p.job.path = import_upload_path(c, in->import_id);
    err = import_reader_open(c->arena, &p.job, &p.reader, &c->fault);
    if (err == OK)
        err = preview_read(&p);
    import_reader_close(p.reader);
    c->prepared = p.out;
    return err;
}

static enum err preview_tell(struct ctx *c, const void *in, void *out)
{
    (void)in;
    *(struct import_preview_out *)out = *(const struct import_preview_out *)c->prepared;
    return OK;
}

const struct route import_preview_routes[] = {
    {HTTP_POST, "/api/imports/{import_id}/preview", "import.write", SHAPE(import_preview_in),
     SHAPE(import_preview_out), preview_tell,
     .about = "The first rows as a mapping reads them, and why some would be refused",
     .prepare = preview_look, .needs_all = true, .repeat = REPEAT_KEY_IGNORED},
    {.path = NULL},
};
