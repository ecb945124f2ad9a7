/* Imports: files of customers, orders, events and costs, read record by record, written page by
 * page. Always: a page and the count of records read commit together, so a run that was killed goes
 * on behind its last page; a record is taken, or refused with line, code and reason; the same file
 * again changes nothing. */
#pragma once

#include "base/time.h"
#include "kit/app.h"
#include "kit/cli.h"
#include "kit/job.h"

#define IMPORT_PAGE_ROWS 2000
#define IMPORT_TEXT_MAX 2000 /* code points of a cell, unless its column says less */
#define IMPORT_PLACE_COLUMN                                                                        \
    "reject_place" /* of a file of refused rows: each row's place in its order */

/* ---- what a kind of import wants ------------------------------------------------------------ */

enum import_type {
    IMPORT_TEXT,
    IMPORT_COUNT, /* a whole number */
    IMPORT_MICRO, /* a decimal number, in millionths */
    IMPORT_MONEY, /* a decimal number, exact in minor units */
    IMPORT_TIME,  /* UTC ms; local to the mapping's zone unless it says its offset */
    IMPORT_DAY    /* local day number */
};
struct import_column {
    const char *name; /* in the mapping */
    enum import_type type;
    bool is_needed;    /* the file must have it */
    bool is_filled;    /* and no cell may be empty */
    int64_t max;       /* text: code points; 0: IMPORT_TEXT_MAX */
    const char *words; /* headers it is guessed from, lower case, without blanks and _-: "a|b" */
    const char *example; /* for the template; NULL: empty */
};
struct import_value {
    struct str text; /* trimmed; no value: empty or not mapped */
    int64_t number;  /* NONE likewise */
};
/* A mapped column that is none of the kind's: an attribute or a property. */
struct import_extra {
    struct str name;
    int64_t at; /* field of the record */
};
struct import_row {
    int64_t line_seq; /* in the file, from 1 */
    struct str *fields;
    int64_t field_count;
    struct import_value *values; /* one a column of the kind */
    struct str raw;              /* a record that is no CSV; else no value */
    /* set by reading or by the kind */
    const char *code; /* refused: "row.number" */
    struct str reason;
    bool is_changed;
    int64_t place_seq; /* within what it belongs to, for the file of refused rows; NONE */
};

/* How a file is read: from --mapping, or guessed from the header. Lives as long as the run. */
struct import_mapping {
    struct str source;
    struct str zone_name; /* no value: the brand's */
    const struct zone *zone;
    struct str currency;     /* no value: not said */
    char decimal, thousands; /* '.' or ','; thousands may also be ' ' or '\'', 0: none */
    struct str date_order;   /* ymd dmy mdy */
    struct str customer_kind;
    struct str cancellation_prefix; /* no value: none */
    struct str channel;             /* code for rows without one; no value: none */
    struct str tag_family; /* in which unknown tags are made; no value: they are refused */
    bool does_create_channels;
    struct str *columns; /* header of each column of the kind; no value: not in the file */
    int64_t *column_at;  /* its field; -1: none */
    struct import_extra *extras;
    int64_t extra_count;
    int64_t minor_digits; /* of the brand's currency */
    struct str json;      /* as kept with the run */
};

struct import {
    struct app *app;
    struct arena *arena; /* of the run */
    const struct import_kind *kind;
    const struct import_mapping *mapping;
    int64_t import_id;
    int64_t minor_digits;
    int64_t before_count; /* records in front of the page at hand */
    bool is_dry;          /* the page will be rolled back: no id of it lives on */
    int64_t first_id;     /* of this page: an id above it was made by this page */
    struct list effects;  /* of the page at hand; the run's own */
    int64_t effect_room_count, effect_seq;
    struct str content_hash;
    void *state; /* the kind's */
};

struct import_undo;
struct import_kind {
    const char *name;
    const struct import_column *columns;
    int64_t column_count;
    const char *extra_prefix; /* mapped names outside the table: NULL none are allowed, "" any,
                                 "props." those */
    bool has_places;          /* rows have a place within what they belong to */
    bool is_once;             /* a finished run of the same file and mapping is not run again */
    enum err (*begin)(struct ctx *c, struct import *run);
    /* Rows committed by an earlier run of this file; may be NULL. */
    enum err (*skip)(struct ctx *c, struct import *run, struct import_row *rows, int64_t count);
    /* In one transaction with the count of records. Rows with a code are refused already. */
    enum err (*page)(struct ctx *c, struct import *run, struct import_row *rows, int64_t count);
    /* Of a dry run, after its page was rolled back: forgets what was made. May be NULL. */
    void (*forget)(struct import *run);
    /* Takes back what one effect says, as far as it stands as the import left it. NULL: this kind
     * cannot be undone. */
    enum err (*undo)(struct ctx *c, struct import_undo *undo);
};

/* Notes what the page at hand made or changed; noun is constant; before: in c->arena. */
void import_effect(struct ctx *c, struct import *run, const char *noun, int64_t subject_count,
                   struct str before);
struct import_undo {
    struct str noun, before;
    int64_t undone_count, kept_count; /* out */
};

/* Marks a row as refused. */
void import_refuse(struct import_row *row, const char *code, struct str reason);

/* ---- a run ---------------------------------------------------------------------------------- */

struct import_progress {
    int64_t read_count, rejected_count, done_bytes, total_bytes;
    struct str note; /* once, at the start: the mapping that was guessed; else no value */
};
typedef void import_watcher(void *user, const struct import_progress *progress);

struct import_watch {
    import_watcher *watcher; /* on the caller's thread; may be NULL */
    void *user;
};
/* Every kind there is, ended by NULL; the table is flow/flow.c's. */
extern const struct import_kind *const import_kinds[];

struct import_job {
    struct str kind, path;
    struct str mapping;      /* JSON; no value: guessed */
    struct str source;       /* no value: the mapping's, else "file" */
    struct str rejects_path; /* no value: DATA/imports/ID-rejects.csv */
    struct import_watch watch;
    int64_t upload_id; /* the run waits in the base already; 0: it begins here */
    bool is_dry;       /* everything is looked at and nothing kept */
};
struct import_result {
    int64_t import_id, read_count, accepted_count, rejected_count, changed_count, unchanged_count;
    int64_t resumed_count;  /* of read_count: committed by an earlier, killed run */
    struct str reject_file; /* no value: nothing was refused */
    struct str mapping;     /* JSON, as used */
    bool is_guessed;
    bool is_repeated; /* this very file was taken before: nothing was done */
};
/* Runs a whole import on the caller's thread, which must not be a loop or the writer. *fault says
 * what failed, its texts in `arena`, where the result's lie too. */
enum err import_run(struct app *app, struct arena *arena, const struct import_job *job,
                    struct import_result *result, struct fault *fault) MUST_USE;

/* Refused rows, uploads and what undoing needs are kept for 30 days, unused uploads for one; forgets
 * one run a call. On the writer. */
enum err import_forget(struct ctx *c, int64_t *deleted_count) MUST_USE;
/* On the writer at start: where the app listens, uploads that ran when it ended go on. */
enum err import_revive(struct ctx *c) MUST_USE;
/* Once a minute: those whose file lies here and that were started at another node. */
enum err import_resume(struct ctx *c) MUST_USE;

/* `papilio import KIND FILE`: the operands in cli. Returns the exit status. */
struct import_options {
    struct str mapping, source, rejects; /* paths and a word; no value: not given */
};
int import_command(struct cli *cli, const struct app_config *config,
                   const struct import_options *options);

extern const struct route import_routes[], import_upload_routes[], import_preview_routes[];
extern const struct route import_undo_routes[], import_template_routes[], import_local_routes[];
extern const struct job_kind import_undo_job;
extern const struct import_kind import_customers, import_events, import_costs;
