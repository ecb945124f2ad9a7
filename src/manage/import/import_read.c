/* The records of a file become rows: cells trimmed, checked and turned into values by the mapping.
 * What cannot be read is a refused row; only a broken file ends the run. */
#include "base/csv.h"
#include "base/utf8.h"
#include "host/crypto.h"
#include "host/file.h"
#include "host/sheet.h"
#include "manage/import/import_private.h"

#define HASH_BLOCK (256 * 1024)
#define ROW_BYTES_MAX                                                                              \
    (4 * 1024 * 1024) /* of one page's cells: a page of long records is shorter                    \
                       */

struct import_reader {
    struct arena *arena;
    struct file_reader *file;
    struct csv *csv;
    struct sheet *sheet; /* of a spreadsheet, instead of csv */
    struct import_header header;
    int64_t done_bytes, total_bytes;
    struct sheet_fault fault; /* why the file cannot be read on */
    bool is_ended;
    uint8_t hash[HASH_BYTES];
    struct str head; /* the first bytes */
};

const struct import_header *import_reader_header(const struct import_reader *reader)
{
    return &reader->header;
}

void import_reader_hash(const struct import_reader *reader, uint8_t *hash)
{
    memcpy(hash, reader->hash, HASH_BYTES);
}

int64_t import_reader_bytes(const struct import_reader *reader)
{
    return reader->done_bytes;
}

int64_t import_reader_total(const struct import_reader *reader)
{
    return reader->total_bytes;
}

void import_reader_close(struct import_reader *reader)
{
    if (reader->csv != NULL)
        csv_free(reader->csv);
    if (reader->file != NULL)
        file_close(reader->file);
    sheet_close(reader->sheet);
    reader->csv = NULL;
    reader->file = NULL;
    reader->sheet = NULL;
}

const char *import_reader_encoding(const struct import_reader *reader)
{
    return reader->sheet != NULL ? "XLSX" : csv_encoding(reader->csv);
}

char import_reader_separator(const struct import_reader *reader)
{
    return reader->sheet != NULL ? 0 : csv_separator(reader->csv);
}

enum err import_reader_fail(const struct import_reader *reader, struct arena *arena,
                            struct fault *fault)
{
    if (reader->fault.code == NULL)
        return import_fail(arena, fault, E_IO, "import.file", "the file cannot be read on");
    return import_fail(arena, fault, E_INPUT, reader->fault.code, "%s", reader->fault.why);
}

/* ---- what the file is ----------------------------------------------------------------------- */

/* The content's name: SHA-256 over the chain of its blocks, so that no file is too long. */
static void block_close(struct import_reader *reader, struct buf *block)
{
    hash_sha256(buf_view(block), reader->hash);
    buf_reset(block);
    buf_add(block, reader->hash, HASH_BYTES);
}

static void block_add(struct import_reader *reader, struct buf *block, struct str chunk)
{
    while (chunk.len > 0) {
        size_t room = HASH_BYTES + HASH_BLOCK - block->len;
        size_t count = chunk.len < room ? chunk.len : room;

        buf_add(block, chunk.at, count);
        chunk = str_sub(chunk, count, chunk.len);
        if (count == room)
            block_close(reader, block);
    }
}

static enum err hash_chain(struct import_reader *reader, struct buf *block)
{
    struct str chunk = S("");

    do {
        TRY(file_next(reader->file, &chunk));
        if (reader->total_bytes == 0)
            reader->head = str_copy(reader->arena, str_sub(chunk, 0, 8));
        reader->total_bytes += (int64_t)chunk.len;
        block_add(reader, block, chunk);
    } while (chunk.len > 0);
    block_close(reader, block);
    return OK;
}

static enum err content_hash(struct import_reader *reader)
{
    struct buf block;
    enum err err;

    buf_init(&block, HASH_BYTES + HASH_BLOCK);
    buf_add(&block, reader->hash, HASH_BYTES);
    err = hash_chain(reader, &block);
    buf_release(&block);
    return err;
}

/* ---- records -------------------------------------------------------------------------------- */

static enum err row_next(struct import_reader *reader, struct csv_record *record)
{
    TRY(sheet_next(reader->sheet, record, &reader->fault));
    reader->done_bytes = sheet_done_bytes(reader->sheet);
    return OK;
}

static enum err record_next(struct import_reader *reader, struct csv_record *record)
{
    struct str chunk;

    if (reader->sheet != NULL)
        return row_next(reader, record);
    *record = csv_next(reader->csv);
    while (record->kind == CSV_MORE) {
        TRY(file_next(reader->file, &chunk));
        reader->done_bytes += (int64_t)chunk.len;
        csv_feed(reader->csv, chunk.at, chunk.len);
        *record = csv_next(reader->csv);
    }
    return OK;
}

static enum err header_read(struct import_reader *reader, struct fault *fault)
{
    struct csv_record record;

    TRY(record_next(reader, &record));
    if (record.kind == CSV_FAULT && strcmp(record.what, "csv.fields") == 0)
        return import_fail(reader->arena, fault, E_INPUT, "import.columns",
                           "the file has more than %d columns", CSV_FIELD_MAX);
    if (record.kind != CSV_RECORD)
        return import_fail(reader->arena, fault, E_INPUT, "import.header",
                           "the file has no header");
    reader->header.count = (int64_t)record.count;
    reader->header.names = arena_new_array(reader->arena, struct str, record.count);
    for (size_t i = 0; i < record.count; i++)
        reader->header.names[i] = str_copy(reader->arena, str_trim(record.fields[i]));
    return OK;
}

/* Files that are neither CSV nor a spreadsheet we read, by their first bytes. */
static enum err format_check(struct import_reader *reader, struct fault *fault)
{
    static const struct {
        struct str head;
        const char *code, *why;
    } others[] = {
        {S("\xFF\xFE"), "import.encoding", "the file is UTF-16: save it as CSV in UTF-8"},
        {S("\xFE\xFF"), "import.encoding", "the file is UTF-16: save it as CSV in UTF-8"},
        {S("\xD0\xCF\x11\xE0"), "import.format",
         "an old Excel file, or one with a password: save "
         "it as .xlsx without one"},
        {S("%PDF"), "import.format", "a PDF is no table: CSV or XLSX is needed"},
        {S("\x1F\x8B"), "import.format", "the file is packed: unpack it first"},
    };

    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (str_starts(reader->head, others[i].head))
            return import_fail(reader->arena, fault, E_INPUT, others[i].code, "%s", others[i].why);
    }
    return OK;
}

static enum err sheet_start(struct import_reader *reader, struct str path, struct fault *fault)
{
    struct sheet_fault why = {0};
    enum err err = sheet_open(path, 1, &reader->sheet, &why);

    if (err == E_INPUT)
        return import_fail(reader->arena, fault, err, why.code, "%s", why.why);
    TRY(err);
    reader->total_bytes = sheet_total_bytes(reader->sheet);
    return OK;
}

static enum err csv_start(struct import_reader *reader, struct str path, struct fault *fault)
{
    TRY(format_check(reader, fault));
    TRY(file_open(reader->arena, path, &reader->file));
    reader->csv = csv_new();
    return OK;
}

static enum err reader_start(struct import_reader *reader, struct str path, struct fault *fault)
{
    enum err err;

    TRY(file_open(reader->arena, path, &reader->file));
    if (file_size(reader->file) == NONE)
        return import_fail(reader->arena, fault, E_INPUT, "import.file",
                           "it is no file: it cannot be read twice");
    TRY(content_hash(reader));
    file_close(reader->file);
    reader->file = NULL;
    if (sheet_is(path))
        TRY(sheet_start(reader, path, fault));
    else
        TRY(csv_start(reader, path, fault));
    err = header_read(reader, fault);
    if (err != OK && reader->fault.code != NULL)
        return import_reader_fail(reader, reader->arena, fault);
    return err;
}

enum err import_reader_open(struct arena *arena, const struct import_job *job,
                            struct import_reader **out, struct fault *fault)
{
    struct import_reader *reader = arena_new_one(arena, struct import_reader);
    enum err err;

    reader->arena = arena;
    *out = reader;
    err = reader_start(reader, job->path, fault);
    if (err != OK && fault->err == OK)
        return import_fail(arena, fault, err, "import.file", "the file cannot be read: %s",
                           err_name(err));
    return err;
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct page_reader {
    struct import_reader *reader;
    const struct import *run;
    struct arena *arena;
    size_t bytes;
};

static const char *fault_code(const char *what)
{
    static const struct {
        const char *what, *code;
    } codes[] = {
        {"csv.quote", "row.quote"},    {"csv.too_long", "row.too_long"},
        {"csv.fields", "row.columns"}, {"csv.encoding", "row.encoding"},
        {"csv.nul", "row.encoding"},   {"csv.cell", "row.cell_error"},
    };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (strcmp(codes[i].what, what) == 0)
            return codes[i].code;
    }
    return "row.columns";
}

static struct str column_reason(struct arena *arena, const struct import_column *column,
                                const char *what)
{
    return str_fmt(arena, "%s %s", column->name, what);
}

static bool value_parse(const struct import *run, const struct import_column *column,
                        struct import_value *value)
{
    switch (column->type) {
    case IMPORT_COUNT:
        return import_parse_count(run->mapping, value->text, &value->number);
    case IMPORT_MICRO:
        return import_parse_decimal(run->mapping, value->text, &value->number);
    case IMPORT_MONEY:
        return import_parse_money(run->mapping, run->minor_digits, value->text, &value->number);
    case IMPORT_TIME:
        return import_parse_time(run->mapping, value->text, &value->number);
    case IMPORT_DAY:
        return import_parse_day(run->mapping, value->text, &value->number);
    case IMPORT_TEXT:
        break;
    }
    return true;
}

/* The first fault of a row is the one reported. */
static void value_read(struct page_reader *p, const struct import_column *column,
                       struct import_row *row, struct import_value *value)
{
    bool is_date = column->type == IMPORT_TIME || column->type == IMPORT_DAY;
    int64_t max = column->max == 0 ? IMPORT_TEXT_MAX : column->max;

    if (value->text.len == 0) {
        value->text = (struct str){NULL, 0};
        if (column->is_filled && row->code == NULL)
            import_refuse(row, "row.required", column_reason(p->arena, column, "is empty"));
        return;
    }
    if (!value_parse(p->run, column, value) && row->code == NULL)
        import_refuse(
            row, is_date ? "row.date" : "row.number",
            column_reason(p->arena, column, is_date ? "is no such date" : "is no such number"));
    if ((int64_t)value->text.len > max && (int64_t)utf8_count(value->text) > max &&
        row->code == NULL)
        import_refuse(row, "row.too_long", column_reason(p->arena, column, "is too long"));
}

static void row_values(struct page_reader *p, struct import_row *row)
{
    const struct import_kind *kind = p->run->kind;

    row->values = arena_new_array(p->arena, struct import_value, (size_t)kind->column_count);
    for (int64_t k = 0; k < kind->column_count; k++) {
        int64_t at = p->run->mapping->column_at[k];

        row->values[k].number = NONE;
        if (at >= 0 && at < row->field_count) {
            row->values[k].text = str_trim(row->fields[at]);
            value_read(p, &kind->columns[k], row, &row->values[k]);
        }
    }
}

static void row_fields(struct page_reader *p, const struct csv_record *record,
                       struct import_row *row)
{
    size_t bytes = 0, used = 0;
    char *copy;

    for (size_t i = 0; i < record->count; i++)
        bytes += record->fields[i].len;
    copy = arena_alloc(p->arena, bytes + 1);
    row->field_count = (int64_t)record->count;
    row->fields = arena_new_array(p->arena, struct str, record->count);
    for (size_t i = 0; i < record->count; i++) {
        memcpy(copy + used, record->fields[i].at, record->fields[i].len);
        row->fields[i] = (struct str){copy + used, record->fields[i].len};
        used += record->fields[i].len;
    }
    p->bytes += bytes;
}

static void row_read(struct page_reader *p, const struct csv_record *record, struct import_row *row)
{
    row->line_seq = record->line;
    row->place_seq = NONE;
    if (record->kind == CSV_FAULT) {
        row->raw = str_copy(p->arena, record->raw);
        import_refuse(row, fault_code(record->what), S("the record cannot be read"));
    } else {
        row_fields(p, record, row);
        if (row->field_count != p->reader->header.count)
            import_refuse(row, "row.columns",
                          str_fmt(p->arena, "%" PRId64 " cells under %" PRId64 " headers",
                                  row->field_count, p->reader->header.count));
    }
    row_values(p, row);
}

enum err import_reader_page(struct import_reader *reader, const struct import *run,
                            struct arena *page, struct list *rows)
{
    struct page_reader p = {.reader = reader, .run = run, .arena = page};
    struct import_row *row = arena_new_array(page, struct import_row, IMPORT_PAGE_ROWS);
    struct csv_record record;

    *rows = (struct list){row, 0};
    while (!reader->is_ended && rows->count < IMPORT_PAGE_ROWS && p.bytes < ROW_BYTES_MAX) {
        TRY(record_next(reader, &record));
        reader->is_ended = record.kind == CSV_END;
        if (!reader->is_ended)
            row_read(&p, &record, &row[rows->count++]);
    }
    return OK;
}
