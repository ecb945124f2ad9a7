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

/* import.c: what went wrong outside a command. */
enum err import_fail(struct arena *arena, struct fault *fault, enum err err, const char *code,
                     const char *fmt, ...) PRINTF_LIKE(5, 6);
