/* Opening and closing: lock, key, database, clock, threads, in this order; closing goes the other
 * way. */
#include "kit/app.h"

#include "gen/kit.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "kit/inbox_private.h"
#include "kit/job_private.h"
#include "kit/kit_private.h"
#include "kit/outbox_private.h"
#include "kit/saga_private.h"
#include "kit/shared.h"
#include "kit/timer_private.h"

#define ZONE_DEFAULT "Asia/Shanghai"
#define KEEP_MS 60000
#define COMMAND_ARENA_MAX (64 * 1024 * 1024)

const struct app_config *app_config(const struct app *app)
{
    return &app->config;
}

struct arena *app_arena(struct app *app)
{
    return app->arena;
}

/* ---- parts of the layers above --------------------------------------------------------------- */

static const struct app_part *part_at(const struct app *app, int i)
{
    return app->config.parts ? app->config.parts[i] : NULL;
}

static void parts_open(struct app *app)
{
    for (int i = 0; part_at(app, i); i++) {
        must(i < APP_PART_MAX);
        app->parts[i] = part_at(app, i)->open(app);
    }
}

void *app_part(const struct app *app, const struct app_part *part)
{
    for (int i = 0; part_at(app, i); i++)
        if (part_at(app, i) == part)
            return app->parts[i];
    return NULL;
}

static void parts_listen(struct app *app)
{
    for (int i = 0; part_at(app, i); i++)
        if (part_at(app, i)->listen)
            part_at(app, i)->listen(app->parts[i]);
}

void app_committed(struct app *app, unsigned topics)
{
    for (int i = 0; part_at(app, i); i++)
        if (part_at(app, i)->committed)
            part_at(app, i)->committed(app->parts[i], topics);
}

void app_settled(struct app *app, bool is_kept)
{
    for (int i = 0; part_at(app, i); i++)
        if (part_at(app, i)->settled)
            part_at(app, i)->settled(app->parts[i], is_kept);
}

void app_undone(struct app *app)
{
    for (int i = 0; part_at(app, i); i++)
        if (part_at(app, i)->undone)
            part_at(app, i)->undone(app->parts[i]);
}

static void parts_stop(struct app *app)
{
    for (int i = 0; part_at(app, i); i++)
        if (app->parts[i] && part_at(app, i)->stop)
            part_at(app, i)->stop(app->parts[i]);
}

static void parts_close(struct app *app)
{
    for (int i = 0; part_at(app, i); i++)
        if (app->parts[i] && part_at(app, i)->close)
            part_at(app, i)->close(app->parts[i]);
}

/* ---- what the base remembers ----------------------------------------------------------------- */

static enum err meta_int(struct ctx *c, const char *name, int64_t *out)
{
    struct q_meta_get_row row;
    enum err err = q_meta_get(c, str_of(name), &row);

    *out = 0;
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    return str_to_int(row.value, out) ? OK : E_CORRUPT;
}

static enum err day_start_recall(struct ctx *c, int64_t *minutes)
{
    struct q_day_start_get_row row;
    enum err err = q_day_start_get(c, &row);

    *minutes = 0;
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    must(str_to_int(row.value, minutes));
    return OK;
}

enum err app_zone_recall(struct ctx *c)
{
    struct q_meta_get_row row;
    struct app *app = c->app;
    struct zone *zone;
    struct str words;
    int64_t minutes;
    enum err err = q_meta_get(c, S("zone"), &row);

    if (err == E_NOT_FOUND)
        row.value = S(ZONE_DEFAULT);
    else
        TRY(err);
    TRY(day_start_recall(c, &minutes));
    words = str_fmt(c->arena, "%.*s %" PRId64, STR(row.value), minutes);
    if (str_eq(words, app->zone_words)) /* another node set something else */
        return OK;
    err = zone_load(app->arena, row.value, &zone);
    if (err != OK)
        return fail(c, err, "zone", "the zone %.*s is not known here: is tzdata installed?",
                    STR(row.value));
    atomic_store(&app->zone, zone_with_day_start(app->arena, zone, minutes));
    app->zone_words = str_copy(app->arena, words);
    return OK;
}

static enum err clock_recall(struct ctx *c)
{
    struct q_journal_last_row last;
    struct q_meta_get_row table;
    int64_t until_ms, given;
    enum err err = q_journal_last(c, &last);

    if (err != OK && err != E_NOT_FOUND)
        return err;
    if (err == OK) {
        atomic_store(&c->app->last_ms, last.arrived_ms);
        atomic_store(&c->app->id_state, ((last.id >> 22) + 1) << 14); /* of a copy, too */
    }
    TRY(meta_int(c, "id_until_ms", &until_ms));
    given = until_ms > ID_EPOCH_MS ? (until_ms - ID_EPOCH_MS) << 14 : 0;
    if (!c->app->is_shared && given > atomic_load(&c->app->id_state))
        atomic_store(&c->app->id_state, given);
    TRY(meta_int(c, "reply_turn_ms", &c->app->reply_turn_ms));
    err = q_meta_get(c, S("reply_table"), &table);
    if (err != OK && err != E_NOT_FOUND)
        return err;
    c->app->is_reply_b = err == OK && str_is(table.value, "b");
    return OK;
}

/* A command of its own, the first: whatever takes an id or writes comes behind it. */
static enum err recall_step(struct ctx *c, void *user)
{
    (void)user;
    if (c->app->is_shared)
        TRY(shared_join(c));
    TRY(key_recall(c));
    TRY(app_zone_recall(c));
    TRY(clock_recall(c));
    c->app->is_recalled = true;
    return OK;
}

static enum err open_step(struct ctx *c, void *user)
{
    (void)user;
    TRY(role_begin(c));
    return c->app->config.on_open ? c->app->config.on_open(c) : OK;
}

/* ---- housekeeping ---------------------------------------------------------------------------- */

static enum err keep_step(struct ctx *c, void *user)
{
    int64_t changed_count;

    (void)user;
    if (c->app->is_shared)
        TRY(shared_keep(c));
    TRY(reply_turn(c));
    TRY(q_session_delete_expired(c, &changed_count));
    TRY(seen_write(c));
    TRY(job_forget(c));
    TRY(inbox_forget(c));
    TRY(outbox_forget(c));
    return c->app->config.on_minute ? c->app->config.on_minute(c) : OK;
}

static void *keeper_main(void *arg)
{
    struct app *app = arg;
    int64_t keep_ms = app->config.keep_ms ? app->config.keep_ms : KEEP_MS;

    pthread_mutex_lock(&app->keeper_lock);
    while (!app->is_closing) {
        struct arena *arena = arena_new(COMMAND_ARENA_MAX);
        struct fault fault;
        pthread_mutex_unlock(&app->keeper_lock);
        if (app_write(app, arena, keep_step, NULL, &fault) != OK)
            app_log(app, "error", "keep", "%s: %.*s", fault.code, STR(fault.message));
        arena_free(arena);
        pthread_mutex_lock(&app->keeper_lock);
        if (!app->is_closing)
            clock_wait(&app->keeper_wake, &app->keeper_lock, keep_ms);
    }
    pthread_mutex_unlock(&app->keeper_lock);
    return NULL;
}

static void keeper_stop(struct app *app)
{
    pthread_mutex_lock(&app->keeper_lock);
    app->is_closing = true;
    pthread_cond_signal(&app->keeper_wake);
    pthread_mutex_unlock(&app->keeper_lock);
    pthread_join(app->keeper_thread, NULL);
}

/* ---- open and close -------------------------------------------------------------------------- */

static enum err folder_take(struct app *app, struct str *why)
{
    struct str lock = str_fmt(app->arena, "%.*s/lock", STR(app->config.data));
    enum err err = folder_make(app->config.data);

    if (err == OK)
        err = file_lock(lock, &app->lock_fd);
    if (err == E_CONFLICT)
        *why = str_fmt(app->arena, "another papilio works on %.*s", STR(app->config.data));
    else if (err != OK)
        *why = str_fmt(app->arena, "the folder %.*s cannot be used", STR(app->config.data));
    return err;
}

bool app_has_base(struct arena *arena, const struct app_config *config)
{
    return config->db.at != NULL ||
           file_exists(str_fmt(arena, "%.*s/papilio.db", STR(config->data)));
}

static struct str base_path(const struct app *app, struct arena *arena)
{
    if (app->config.db.at != NULL)
        return app->config.db;
    return str_fmt(arena, "%.*s/papilio.db", STR(app->config.data));
}

enum err app_reader(struct app *app, struct arena *arena, struct db **out)
{
    return db_open(arena, base_path(app, arena), DB_READ, out);
}

static enum err base_open(struct app *app, struct str *why)
{
    struct str path = base_path(app, app->arena);
    struct str name =
        db_is_url(path) ? S("of the address given") : path; /* it may hold a password */
    int was_version = 0;
    enum err err =
        db_open(app->arena, path, app->config.is_filling ? DB_FILL : DB_WRITE, &app->writer_db);

    if (err == OK)
        err = db_migrate(app->writer_db, &was_version);
    if (err == E_CONFLICT && was_version > db_migration_count)
        *why = str_fmt(app->arena, "the base has version %d, this program knows %d: use the newer",
                       was_version, db_migration_count);
    else if (err != OK)
        *why = str_fmt(app->arena, "the database %.*s cannot be opened: %s", STR(name),
                       app->writer_db ? db_error(app->writer_db) : err_name(err));
    TRY(err);
    app->reader_db = arena_new_array(app->arena, struct db *, (size_t)app->reader_count + 2);
    app->loop_db = arena_new_array(app->arena, struct db *, (size_t)app->loop_count);
    for (int i = 0; i < app->reader_count + 2 && err == OK; i++)
        err = db_open(app->arena, path, DB_READ, &app->reader_db[i]);
    if (app->config.listen.at && !app->is_shared && err == OK)
        err = db_open(app->arena, path, DB_WRITE, &app->checkpoint_db);
    for (int i = 0; i < app->loop_count && app->config.listen.at && err == OK; i++)
        err = db_open(app->arena, path, DB_READ, &app->loop_db[i]);
    if (err != OK)
        *why = str_fmt(app->arena, "the database %.*s cannot be read", STR(name));
    return err;
}

static void parts_make(struct app *app)
{
    app->is_shared = app->config.db.at != NULL;
    app->shared = shared_new(app);
    app->reader_count = app->config.reader_count ? app->config.reader_count
                        : app->is_shared         ? 6
                                                 : 2;
    app->loop_count = app->config.loop_count ? app->config.loop_count : 1;
    app->live = live_new(app);
    app->throttles = throttles_new(app);
    app->seen = seen_new(app);
    app->jobs = jobs_new(app);
    app->timers = timers_new(app);
    app->inbox = worker_new(app, "inbox", inbox_page);
    app->checkpoints = worker_new(app, "checkpoint", checkpoint_page);
    app->sender = outbox_sender_new(app);
    app->sagas = sagas_new(app);
    parts_open(app);
    pthread_mutex_init(&app->keeper_lock, NULL);
    pthread_cond_init(&app->keeper_wake, NULL);
}

static enum err app_begin(struct app *app, struct str *why)
{
    struct arena *arena = arena_new(COMMAND_ARENA_MAX);
    struct fault fault = {0};
    enum err err;

    TRY(run_start(app, why));
    err = app_write(app, arena, recall_step, NULL, &fault);
    if (err == OK)
        err = app_write(app, arena, open_step, NULL, &fault);
    if (err != OK)
        *why = str_copy(app->arena, fault.message);
    arena_free(arena);
    TRY(err);
    if (app->is_shared)
        TRY(shared_listen(app, why));
    if (pthread_create(&app->keeper_thread, NULL, keeper_main, app) != 0)
        return E_IO;
    app->is_keeping = true;
    return OK;
}

enum err app_open(struct arena *arena, const struct app_config *config, struct app **out,
                  struct str *why)
{
    struct app *app = arena_new_one(arena, struct app);

    *out = app;
    app->arena = arena;
    app->config = *config;
    parts_make(app);
    TRY(route_table_build(app, why));
    TRY(folder_take(app, why));
    app->is_locked = true;
    TRY(key_load(app, why));
    TRY(base_open(app, why));
    return app_begin(app, why);
}

enum err app_listen(struct app *app, struct str *why)
{
    TRY(serve_start(app, why));
    jobs_wake(app->jobs); /* what an earlier process left unfinished */
    timers_begin(app->timers);
    worker_begin(app->inbox);
    if (app->checkpoint_db)
        worker_begin(app->checkpoints);
    outbox_begin(app->sender);
    sagas_begin(app->sagas);
    parts_listen(app);
    return OK;
}

struct str app_address(const struct app *app)
{
    struct str listen = app->config.listen;

    while (listen.len > 0 && listen.at[listen.len - 1] != ':')
        listen.len--;
    return str_fmt(app->arena, "%.*s%d", STR(listen), http_port(app->server));
}

#define DRAIN_MS 10000

void app_close(struct app *app)
{
    jobs_stop(app->jobs);
    timers_stop(app->timers);
    worker_stop(app->inbox);
    outbox_stop(app->sender);
    sagas_stop(app->sagas);
    live_stop(app->live);
    parts_stop(app);
    if (app->server)
        http_stop(app->server, DRAIN_MS);
    if (app->is_keeping)
        keeper_stop(app);
    shared_silence(app);
    if (app->is_keeping && app->is_shared)
        shared_leave(app);
    if (app->writes.is_open)
        run_stop(app);
    if (app->server)
        http_free(app->server); /* whoever was replying has ended */
    worker_stop(app->checkpoints);
    parts_close(app);
    for (int i = 0; app->loop_db && i < app->loop_count; i++)
        if (app->loop_db[i])
            db_close(app->loop_db[i]);
    for (int i = 0; app->reader_db && i < app->reader_count + 2; i++)
        if (app->reader_db[i])
            db_close(app->reader_db[i]);
    if (app->checkpoint_db)
        db_close(app->checkpoint_db);
    if (app->writer_db)
        db_close(app->writer_db);
    if (app->is_locked)
        file_unlock(app->lock_fd);
}
