/* What the files of the import share. */
#pragma once

#include "gen/import.q.h"
#include "host/file.h"
#include "manage/import/import.h"

/* import_parse.c: a cell becomes a value. false: it is none. No floating point, nothing guessed. */
bool import_parse_decimal(const struct import_mapping *mapping, struct str text, int64_t *micro);
bool import_parse_count(const struct import_mapping *mapping, struct str text, int64_t *count);
bool import_parse_money(const struct import_mapping *mapping, int64_t minor_digits, struct str text,
                        int64_t *fen);
/* The date in the mapping's order, maybe with a time, maybe with an offset. */
bool import_parse_time(const struct import_mapping *mapping, struct str text, int64_t *utc_ms);
bool import_parse_day(const struct import_mapping *mapping, struct str text, int64_t *day);

/* import_mapping.c: fills the mapping from JSON (no value: guessed from the header). */
struct import_header {
    struct str *names; /* trimmed, without a byte order mark */
    int64_t count;
};
enum err import_mapping_read(struct ctx *c, const struct import_kind *kind,
                             const struct import_job *job, const struct import_header *header,
                             struct import_mapping *out) MUST_USE;
/* The field of a header by its name; -1: none, -2: two of that name. */
int64_t import_header_find(const struct import_header *header, struct str name);
bool import_header_is_ours(struct str name); /* reject_line and its like */

/* Which columns the header may mean: the first that fits, -1: none. How many were found. */
int64_t import_mapping_guess(struct arena *arena, const struct import_kind *kind,
                             const struct import_header *header, int64_t *column_at);
/* The same for the kind of the whole file; NULL: none fits. */
const struct import_kind *import_mapping_kind(struct arena *arena,
                                              const struct import_header *header);
struct str import_header_hash(struct arena *arena, const struct import_header *header);

/* import_read.c: records of a file become rows of a page. */
struct import_reader;
enum err import_reader_open(struct arena *arena, const struct import_job *job,
                            struct import_reader **out, struct fault *fault) MUST_USE;
void import_reader_close(struct import_reader *reader);
const struct import_header *import_reader_header(const struct import_reader *reader);
void import_reader_hash(const struct import_reader *reader, uint8_t *hash); /* HASH_BYTES */
/* At most IMPORT_PAGE_ROWS rows in `page`; *count 0: the end. */
enum err import_reader_page(struct import_reader *reader, const struct import *run,
                            struct arena *page, struct list *rows) MUST_USE;
/* What ended the reading: the file's fault, or the disk's. */
enum err import_reader_fail(const struct import_reader *reader, struct arena *arena,
                            struct fault *fault) MUST_USE;
const char *import_reader_encoding(const struct import_reader *reader); /* UTF-8 GB18030 XLSX */
char import_reader_separator(const struct import_reader *reader);       /* 0: of a spreadsheet */
int64_t import_reader_bytes(const struct import_reader *reader); /* read so far */
int64_t import_reader_total(const struct import_reader *reader);

/* import_reject.c: the file of refused rows. */
struct str import_reject_raw(struct ctx *c, const struct import_header *header,
                             const struct import_row *row, bool has_places);
struct import_reject_job {
    const struct import *run;
    const struct import_header *header;
    struct str path;
    struct arena *page;
    /* its own */
    struct file_writer *writer;
    struct buf line;
    int64_t after_seq;
};
enum err import_reject_write(struct import_reject_job *job, struct fault *fault) MUST_USE;

/* import_upload.c */
#define IMPORT_UPLOAD_MAX (INT64_C(200) * 1024 * 1024) /* bytes of one file */
#define IMPORT_SAMPLE_ROWS 50
struct str import_upload_path(struct ctx *c, int64_t import_id);
/* E_NOT_FOUND "import.unknown", E_CONFLICT "import.not_upload" "import.file_gone". */
enum err import_upload_get(struct ctx *c, int64_t import_id, struct q_import_get_row *row) MUST_USE;
struct import_one {
    int64_t import_id;
};
extern const struct field import_one[1];
/* import.c: the kind of this name; NULL: none. What went wrong outside a command. */
const struct import_kind *import_kind_find(struct str name);
enum err import_fail(struct arena *arena, struct fault *fault, enum err err, const char *code,
                     const char *fmt, ...) PRINTF_LIKE(5, 6);
