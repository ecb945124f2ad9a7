/* Several nodes on one base. Always: a group runs behind the base's lock, begins with what the
 * groups before it left, whichever node they were of, and gives out ids behind all of theirs; so
 * the order of ids is the order of commits. Each group leaves its last id in this node's own row
 * of meta: what a commit came to is read there when its answer was lost. */
#include "kit/shared.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "gen/kit.q.h"
#include "gen/shared.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "kit/job_private.h"
#include "kit/node.h"

#define NODE_MAX 256
#define NODE_MS (5 * 60000)
#define NODE_FILE_MAX 100
#define SETTLE_MS 15000
#define SETTLE_STEP_MS 200
#define LISTEN_MS 500
#define WORDS_MAX 4000 /* of what others hear; PostgreSQL takes 8,000 bytes */
#define ARENA_MAX (16 * 1024 * 1024)

struct shared {
    struct str node_name;            /* of the data folder, for good */
    int64_t group_id, next_group_id; /* the last id of our last group, of the one that runs */
    struct db *listen_db;
    pthread_t thread;
    bool is_listening;
    _Atomic bool is_silent;
};

struct shared *shared_new(struct app *app)
{
    return arena_new_one(app->arena, struct shared);
}

/* ---- the node's number ----------------------------------------------------------------------- */

/* A node is its data folder: what it has files of is its own after a restart too. */
static enum err name_load(struct ctx *c)
{
    struct str path = str_fmt(c->arena, "%.*s/node", STR(c->app->config.data));
    enum err err = file_read(c->arena, path, NODE_FILE_MAX, &c->app->shared->node_name);

    if (err == E_NOT_FOUND) {
        c->app->shared->node_name = token_new(c->arena, 16);
        err = file_write(path, c->app->shared->node_name, 0600);
    }
    if (err != OK)
        return fail(c, err, "node.file", "%.*s cannot be used", STR(path));
    c->app->shared->node_name = str_copy(c->app->arena, c->app->shared->node_name);
    return OK;
}

/* Its own from before, else the first that nobody has, else one whose time is over. */
static int64_t number_choose(struct ctx *c, const struct q_node_list_row *rows, int64_t count)
{
    int64_t over_id = NONE, free_id = 0;

    for (int64_t i = 0; i < count; i++) {
        if (str_eq(rows[i].name, c->app->shared->node_name))
            return rows[i].id;
        if (rows[i].id == free_id)
            free_id++;
        if (rows[i].until_ms <= c->now_ms && over_id == NONE)
            over_id = rows[i].id;
    }
    return free_id < NODE_MAX ? free_id : over_id;
}

enum err shared_join(struct ctx *c)
{
    struct list rows;
    int64_t id;

    TRY(name_load(c));
    TRY(q_node_list(c, &rows));
    id = number_choose(c, rows.at, rows.count);
    if (id == NONE)
        return fail(c, E_BUSY, "node.full", "%d nodes work on this base already", NODE_MAX);
    c->app->node_id = id;
    return q_node_put(c, id, c->app->shared->node_name, c->now_ms + NODE_MS);
}

/* Away for longer than its lease, a node may find its number taken: then it takes another. */
enum err shared_keep(struct ctx *c)
{
    int64_t changed_count;

    TRY(q_node_keep(c, c->now_ms + NODE_MS, c->app->node_id, c->app->shared->node_name,
                    &changed_count));
    jobs_wake(c->app->jobs); /* those of a node that is gone */
    return changed_count > 0 ? OK : shared_join(c);
}

static enum err leave_step(struct ctx *c, void *user)
{
    int64_t changed_count;

    (void)user;
    TRY(lease_drop(c));
    return q_node_keep(c, c->now_ms, c->app->node_id, c->app->shared->node_name, &changed_count);
}

void shared_committed(struct app *app)
{
    app->shared->group_id = app->shared->next_group_id;
}

void shared_leave(struct app *app)
{
    struct arena *arena = arena_new(ARENA_MAX);

    if (app_write(app, arena, leave_step, NULL, NULL) != OK)
        app_log(app, "warn", "node", "its number stays taken for %d minutes", NODE_MS / 60000);
    arena_free(arena);
}

/* ---- the writer's groups --------------------------------------------------------------------- */

static struct str mark_name(struct ctx *c)
{
    return str_fmt(c->arena, "group:%" PRId64, c->app->node_id);
}

static void id_raise(struct app *app, int64_t last_id)
{
    int64_t floor = ((last_id >> 22) + 1) << 14, state = atomic_load(&app->id_state);

    while (state < floor && !atomic_compare_exchange_weak(&app->id_state, &state, floor))
        ;
}

/* Another node wrote since our last group: what we remember of the base may be old. */
static void memory_renew(struct ctx *c, const struct q_shared_recall_row *rows, int64_t count)
{
    struct app *app = c->app;

    app->is_audit_known = false;
    for (int64_t i = 0; i < count; i++) {
        if (str_is(rows[i].name, "reply_table"))
            app->is_reply_b = str_is(rows[i].value, "b");
        else if (str_is(rows[i].name, "reply_turn_ms"))
            must(str_to_int(rows[i].value, &app->reply_turn_ms));
    }
}

enum err shared_group_begin(struct ctx *c, void *user)
{
    struct app *app = c->app;
    const struct q_shared_recall_row *rows;
    struct list list;
    int64_t last_id = 0, id;

    (void)user;
    TRY(q_shared_recall(c, &list));
    rows = list.at;
    for (int64_t i = 0; i < list.count; i++)
        if (str_starts(rows[i].name, S("group:")) && str_to_int(rows[i].value, &id) && id > last_id)
            last_id = id;
    if (last_id == app->shared->group_id)
        return OK;
    id_raise(app, last_id);
    memory_renew(c, rows, list.count);
    return OK;
}

enum err shared_group_end(struct ctx *c, void *news)
{
    const struct shared_news *told = news;

    c->app->shared->next_group_id = ctx_id(c);
    TRY(q_meta_set(c, mark_name(c), str_fmt(c->arena, "%" PRId64, c->app->shared->next_group_id)));
    if (told->topics == 0 && told->ended.len == 0)
        return OK;
    return db_notify(c->db, str_fmt(c->arena, "%" PRId64 " %u%.*s", c->app->node_id, told->topics,
                                    STR(str_sub(told->ended, 0, WORDS_MAX))));
}

static void sleep_ms(int ms)
{
    struct timespec span = {.tv_nsec = ms * 1000000L};

    nanosleep(&span, NULL);
}

static enum err mark_read(struct ctx *c, int64_t *id)
{
    struct q_meta_get_row row;
    enum err err = q_meta_get(c, mark_name(c), &row);

    *id = 0;
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    return str_to_int(row.value, id) ? OK : E_CORRUPT;
}

/* Behind the lock the old transaction is over, one way or the other. */
enum err shared_settle(struct app *app, bool *is_unknown)
{
    struct arena *arena = arena_new(ARENA_MAX);
    int64_t end_us = clock_mono_us() + SETTLE_MS * INT64_C(1000), id = 0;
    struct call call;
    enum err err = E_BUSY;

    call_init(&call, app, arena);
    call.ctx.db = app->writer_db;
    while (err != OK && clock_mono_us() < end_us) {
        err = db_begin(app->writer_db);
        if (err == OK) {
            err = mark_read(&call.ctx, &id);
            db_rollback(app->writer_db);
        }
        if (err != OK)
            sleep_ms(SETTLE_STEP_MS);
    }
    arena_free(arena);
    *is_unknown = err != OK;
    return err == OK && id == app->shared->next_group_id ? OK : E_BUSY;
}

/* ---- what other nodes did -------------------------------------------------------------------- */

static enum err zone_step(struct ctx *c, void *user)
{
    (void)user;
    return app_zone_recall(c);
}

static void news_take(struct app *app, struct arena *arena, struct str text)
{
    struct str word, rest;
    int64_t node, topics, staff_id;

    str_cut(text, ' ', &word, &rest);
    if (!str_to_int(word, &node) || node == app->node_id)
        return;
    str_cut(rest, ' ', &word, &rest);
    if (!str_to_int(word, &topics))
        return;
    while (rest.len > 0) {
        str_cut(rest, ' ', &word, &rest);
        if (str_to_int(word, &staff_id))
            live_end(app->live, staff_id);
    }
    if ((topics & LIVE_SETTINGS) && app_write(app, arena, zone_step, NULL, NULL) != OK)
        app_log(app, "error", "zone", "what another node set is not known here yet");
    if (topics & LIVE_JOBS) /* one of ours may be asked to go back */
        jobs_wake(app->jobs);
    if (topics)
        live_publish(app->live, (unsigned)topics);
}

/* While nobody listened anything may have changed. */
static void *listen_main(void *arg)
{
    struct app *app = arg;
    bool was_lost = false;

    while (!atomic_load(&app->shared->is_silent)) {
        struct arena *arena = arena_new(ARENA_MAX);
        struct str text;
        enum err err = db_wait(app->shared->listen_db, LISTEN_MS, arena, &text);
        if (err == OK && was_lost)
            live_publish(app->live, ~0U);
        was_lost = err != OK;
        if (err == OK && text.at != NULL)
            news_take(app, arena, text);
        arena_free(arena);
    }
    return NULL;
}

enum err shared_listen(struct app *app, struct str *why)
{
    struct shared *shared = app->shared;
    enum err err = db_open(app->arena, app->config.db, DB_LISTEN, &shared->listen_db);

    if (err == OK && pthread_create(&shared->thread, NULL, listen_main, app) != 0)
        err = E_IO;
    shared->is_listening = err == OK;
    if (err != OK)
        *why = S("nobody can listen to the other nodes");
    return err;
}

void shared_silence(struct app *app)
{
    struct shared *shared = app->shared;

    atomic_store(&shared->is_silent, true);
    if (shared->is_listening)
        pthread_join(shared->thread, NULL);
    db_close(shared->listen_db);
}
