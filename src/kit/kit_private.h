/* Inside the frame: the app's parts and a call on its way down. Of this folder alone. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "kit/app.h"
#include "kit/key_private.h"

#define PATH_PARTS_MAX 8
#define QUEUE_MAX 4096 /* requests that wait for the writer, or for a reader; more: 503 */
enum { SLOW_MAX = 64, OWN_PARTS = 4 }; /* of what is slow: passwords, questions; one person has a quarter */
#define GROUP_MAX 256  /* commands of one commit */

/* Who asks. */
struct principal {
    int64_t staff_id; /* NONE */
    int64_t api_key_id; /* NONE */
    struct str csrf;
    bool is_local; /* over the unix socket, or inside the process */
    bool has_key;  /* a write key */
};

/* Microseconds and statements of each station: serve --trace prints them, slow requests keep them.
 */
struct trace {
    int64_t start_us, gated_us, begun_us, run_us, done_us;
    int64_t database_us;
    int statement_count;
};

enum call_next { NEXT_DONE, NEXT_QUICK, NEXT_READ, NEXT_LONG, NEXT_PREPARE, NEXT_WRITE };

/* One request, or one command, on its way. It lives in its own arena. */
struct call {
    struct app *app;
    struct arena *arena;
    const struct route *route; /* NULL: a command */
    app_command *command;
    void *user;
    /* as it came */
    enum http_method method;
    struct str path, query, body, cookie, csrf, write_key, bearer, repeat_key, agent, peer, upload_path;
    bool is_local;
    int64_t fail_nth;
    /* found on the way */
    struct principal who;
    struct str parts[PATH_PARTS_MAX]; /* of the path, still escaped */
    int part_count;
    bool is_gated;
    bool has_snapshot; /* a read transaction is open on its connection */
    struct ctx ctx;
    void *in, *out;
    uint8_t key_hash[HASH_BYTES], body_hash[HASH_BYTES];
    bool is_kept; /* the answer was kept under the key before */
    struct str audit_hash; /* of its row in the trail; no value: none */
    /* the answer */
    enum err err;
    int status;
    const char *type;
    struct str reply;
    struct buf encoding; /* of the reply, while it is made */
    bool did_fail;
    struct trace trace;
    /* called once, by whatever thread finished the call; after it the call is gone */
    void (*done)(struct call *call, void *done_user);
    void *done_user;
    struct call *next;
};

struct call_queue {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct call *first, *last;
    int count;
    bool is_open, is_closed;
};

struct live; /* open event streams */
struct seen; /* sessions and keys used since the last minute */
struct throttles;
struct metrics {
    _Atomic int64_t request_count[6]; /* by status / 100 */
    _Atomic int64_t slow_count, must_count, budget_count, commit_count, command_count, replay_count;
    _Atomic int64_t write_us, read_us;
};

struct app {
    struct app_config config;
    struct arena *arena;
    int lock_fd;
    int64_t node_id; /* 0..255 */
    bool is_shared;  /* other nodes work on the same base */
    _Atomic(const struct key_ring *) keys;
    _Atomic(const struct zone *) zone;
    struct str zone_words; /* what it was made of; on the writer alone */
    struct shared *shared; /* what the other nodes and we agree on */
    _Atomic int64_t last_ms;  /* of the last command */
    _Atomic int64_t id_state; /* milliseconds since ID_EPOCH_MS << 14 | counter */
    int64_t id_until_ms;      /* ids up to here are taken as used after a restart; the writer's */
    int64_t reply_turn_ms;    /* since when the current reply table is written; the writer's */
    bool is_reply_b, is_turn_due;
    bool is_recalled, is_audit_known; /* clock and ids go on behind what the base has; audit_hash is */
    uint8_t audit_hash[HASH_BYTES]; /* of the trail's last row; the writer's */
    struct map *routes;                 /* "GET /api/overview" -> 1 + index into exact */
    const struct route **exact, **open; /* without and with parts in braces */
    int exact_count, open_count;
    struct db *writer_db, *checkpoint_db, **loop_db;
    struct db **reader_db; /* reader_count, one for what is long, one for what prepares */
    int reader_count, loop_count;
    pthread_t writer_thread, *reader_threads;
    struct call_queue writes, reads, longs, prepares;
    struct http_server *server;
    struct live *live;
    struct seen *seen;
    struct throttles *throttles;
    struct metrics metrics;
    _Atomic int64_t asked_us; /* when the last request came, on the clock of clock_mono_us */
    struct jobs *jobs;
    struct timers *timers;
    struct worker *inbox, *checkpoints;
    _Atomic int64_t moved_count; /* pages of the log that are in the file already */
    struct outbox_sender *sender;
    struct sagas *sagas;
    void *parts[APP_PART_MAX]; /* by their place in config.parts */
    pthread_t keeper_thread; /* housekeeping once a minute */
    pthread_mutex_t keeper_lock;
    pthread_cond_t keeper_wake;
    bool is_closing, is_keeping, is_locked;
    struct str openapi;
};

#define ID_EPOCH_MS INT64_C(1577836800000) /* 2020-01-01: 41 bits reach into 2089 */

void app_committed(struct app *app, unsigned topics), app_settled(struct app *app, bool is_kept), app_undone(struct app *app); /* app.c */
/* route.c */
enum err route_table_build(struct app *app, struct str *why) MUST_USE;
const struct route *route_match(struct call *call); /* NULL: none; fills parts */
/* session.c */
enum err session_find(struct ctx *c, struct str token, struct principal *who) MUST_USE;
/* The owner and the rights of a program's key. */
enum err session_find_key(struct ctx *c, struct str key, struct principal *who) MUST_USE;
/* seen.c: last_ms as the row has it */
struct seen_at {
    int64_t id, last_ms;
    bool is_key;
};
struct seen *seen_new(struct app *app);
void seen_mark(struct ctx *c, const struct seen_at *at);
enum err seen_write(struct ctx *c) MUST_USE; /* once a minute, on the writer */
/* gate.c: who asks and may they */
enum err gate_pass(struct call *call) MUST_USE;
/* role.c: puts rights and reach of a role's row into the ctx; org_path no value: no store. */
void ctx_rights(struct ctx *c, struct str permissions, struct str scope, struct str org_path);
/* Writes the roles of the config that the base lacks. On the writer, at start. */
enum err role_begin(struct ctx *c) MUST_USE;
/* call.c: the stations */
void call_init(struct call *call, struct app *app, struct arena *arena);
enum call_next call_begin(struct call *call, struct db *db); /* route, gate, decode */
void call_run(struct call *call, struct db *db);             /* a read, whole */
void call_prepare(struct call *call, struct db *db);
void call_write(struct call *call, struct db *db); /* inside a group: savepoint, replay, run, encode */
void call_fail_commit(struct call *call, enum err err, const char *code, struct str words);
void call_refuse(struct call *call, enum err err); /* E_BUSY: the queue is full; E_RATE: of one's own; ends it */
void call_end(struct call *call); /* count, trace, done */
void call_answer_fault(struct call *call);
/* run.c: threads */
enum err run_start(struct app *app, struct str *why) MUST_USE;
void run_stop(struct app *app);
void run_enqueue(struct call_queue *queue, struct call *call);
void run_offer(struct call_queue *queue, struct call *call); /* refuses it where too many wait */
void checkpoint_wake(struct app *app); /* checkpoint.c: on the writer, behind a commit; on its own thread */
enum err checkpoint_page(struct app *app, struct arena *arena, int64_t *next_ms) MUST_USE;
/* audit.c: the row of a change that is about to commit; and, once its savepoint is released, the chain goes on from it */
enum err audit_write(struct call *call) MUST_USE;
void audit_kept(struct call *call);
/* reply.c: kept answers */
enum err reply_find(struct call *call, bool *is_found) MUST_USE;
enum err reply_keep(struct call *call) MUST_USE;
enum err reply_turn(struct ctx *c) MUST_USE;
/* live.c */
struct live *live_new(struct app *app);
void live_open(struct live *live, struct call *call, struct http_request *request);
void live_end(struct live *live, int64_t staff_id); /* all streams of that person */
void live_publish(struct live *live, unsigned topics);
void live_stop(struct live *live); /* nobody is told any more; before the server ends */
/* throttle.c */
struct throttles *throttles_new(struct app *app);
/* serve.c */
enum err serve_start(struct app *app, struct str *why) MUST_USE;
/* log.c */
void log_call(struct call *call);
void metrics_write(struct app *app, struct buf *out);
/* key.c */
enum err key_load(struct app *app, struct str *why) MUST_USE;
enum err key_recall(struct ctx *c) MUST_USE; /* do base and key file belong together? */
/* ctx.c */
struct str ctx_hash_by(struct ctx *c, const uint8_t key[KEY_BYTES], const char *kind, struct str text);
/* run.c: as app_write and app_read, without waiting: call->done is called by the thread that ran it */
void run_command(struct call *call, struct call_queue *queue, app_command *fn, void *user);
