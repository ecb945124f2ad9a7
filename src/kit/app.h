/* One running Papilio over one data folder: its threads (loops, readers, the one writer), keys,
 * zone and tables. main.c wires it; the command line uses it without a listener; tests call routes
 * on it without a socket. */
#pragma once

#include "kit/ctx.h"
#include "kit/journal.h"
#include "kit/route.h"

struct job_kind;
struct timer_kind;
struct inbox_kind;
struct outbox_kind;
struct saga_kind;
struct play;    /* of the layer above: only handed on */
struct granter;

/* What a layer above keeps beside the base for as long as the app runs: threads, files, memory. `open` makes it, in
 * app_open, and does nothing slow; what it returns the others get. May be NULL: all but open. */
struct app_part {
    void *(*open)(struct app *app);
    void (*listen)(void *part);                       /* app_listen: from now on it works by itself */
    void (*committed)(void *part, unsigned topics);   /* on the writer, after each commit, topics 0: none: short */
    void (*settled)(void *part, bool is_kept);        /* on the writer, after each command: it was done, or taken back */
    void (*undone)(void *part);                       /* on the writer: a commit failed, with all done since the one before */
    void (*stop)(void *part);                         /* its threads end; requests still run and may ask it */
    void (*close)(void *part);                        /* no request runs any more */
};

#define APP_PART_MAX 8
struct app_config {
    struct str data;     /* folder; made if missing */
    struct str db;       /* postgres://...; no value: DATA/papilio.db */
    struct str listen;   /* no value: no server */
    struct str pages;    /* folder with the console's built files; no value: none */
    const struct http_page *page_table; /* the same linked into the program; `pages` wins */
    int page_count;
    struct str key_file; /* no value: DATA/papilio.key, made at the first start */
    const struct route *const
        *routes; /* tables, each ended by a row with path NULL; the list ended by NULL */
    const struct role *roles;           /* ended by a row with name NULL */
    const struct event_kind *kinds;     /* ended by a row with name NULL */
    const struct job_kind *const *job_kinds; /* ended by NULL; NULL: none */
    const struct reaction *reactions;   /* ended by a row with kind NULL */
    /* each ended by NULL; NULL: none */
    const struct timer_kind *const *timer_kinds;
    const struct inbox_kind *const *inbox_kinds;
    const struct outbox_kind *const *outbox_kinds;
    const struct saga_kind *const *saga_kinds;
    const struct play *const *plays;
    const struct granter *const *granters;
    const struct app_part *const *parts; /* at most APP_PART_MAX */
    enum err (*on_open)(struct ctx *c); /* on the writer at start, in a transaction; may be NULL */
    enum err (*on_minute)(struct ctx *c); /* the same once a minute: forgetting what is over */
    /* after a restore, on the writer: whoever stands in DATA/deletions.log goes again; NULL: nobody does */
    enum err (*on_restore)(struct ctx *c, int64_t *deleted_count);
    int reader_count, loop_count;         /* 0: 2 (PostgreSQL: 6) and 1 */
    int64_t keep_ms;                      /* between two rounds of housekeeping; 0: a minute */
    int queue_max;                        /* 0: 4,096 requests may wait; more: 503; at least 4 */
    bool is_filling; /* nothing waits for the disk: a base that is thrown away if it is not finished */
    bool may_call_inside; /* addresses that people typed in may lie on this machine and in private networks */
    bool is_trace; /* serve --trace: a line per request with the time and statements of each station
                    */
};

enum err app_open(struct arena *arena, const struct app_config *config, struct app **out,
                  struct str *why) MUST_USE;
enum err app_listen(struct app *app,
                    struct str *why) MUST_USE; /* serves config.listen and DATA/papilio.sock */
struct str app_address(const struct app *app); /* "127.0.0.1:8080", with the port that was taken */
void app_close(struct app *app); /* drains, commits, closes; also after a failed app_open */

/* Runs fn as one command on the writer (own savepoint, group commit, must() caught) and waits for
 * the commit. Any thread but the loops and the writer. On an error *fault (may be NULL) is filled,
 * its texts in `arena`. No statement budget. */
typedef enum err app_command(struct ctx *c, void *user);
enum err app_write(struct app *app, struct arena *arena, app_command *fn, void *user,
                   struct fault *fault);
/* The same on a read-only connection. */
enum err app_read(struct app *app, struct arena *arena, app_command *fn, void *user,
                  struct fault *fault);

/* The same on the caller's own thread, with a connection of its own from app_reader: for work that must not wait for
 * readers, because readers may wait for it. The caller closes it (db_close) before app_close ends. */
enum err app_reader(struct app *app, struct arena *arena, struct db **out);
struct app_own_read {
    struct db *db;
    struct arena *arena;
    struct fault *fault; /* may be NULL */
};
enum err app_read_own(struct app *app, const struct app_own_read *own, app_command *fn, void *user);

/* One request without a socket, the whole way: route, gate, decode, run, reactions, commit, encode.
 * Blocks. */
struct app_call {
    enum http_method method;
    struct str path, query, body;
    struct str cookie, csrf, write_key, bearer, agent,
        idempotency_key; /* no value: none. cookie is the session token */
    bool is_local;       /* as over the unix socket: all rights, nobody's staff id */
    int64_t fail_nth;    /* > 0: the nth statement of the command fails */
    /* out */
    int status;
    struct str reply;         /* in the arena given */
    struct str session_token; /* a new session's */
    bool did_fail;            /* the injected failure came about */
};
void app_request(struct app *app, struct arena *arena, struct app_call *call);

int64_t app_queue_count(struct app *app); /* requests that wait for the writer */
bool app_has_base(struct arena *arena, const struct app_config *config); /* a file, or an address that says where */
const struct app_config *app_config(const struct app *app);
void *app_part(const struct app *app, const struct app_part *part); /* what its open returned; NULL: it is not there */
struct arena *app_arena(struct app *app); /* until app_close; only from on_open or the writer */
/* Reads the brand's zone and the start of its business day anew: at start and when they change. */
enum err app_zone_recall(struct ctx *c) MUST_USE;
/* One JSON line on stderr. level: "info" "warn" "error". */
void app_log(struct app *app, const char *level, const char *event, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void app_openapi(const struct app_config *config, struct buf *out); /* the OpenAPI 3.1 document */
