/* The threads: readers with read-only connections, and the one writer, which runs commands one
 * after another, each in its own savepoint, and commits them in groups. An answer leaves only after
 * its commit. */
#include "gen/kit.q.h"
#include "host/clock.h"
#include "kit/job_private.h"
#include "kit/kit_private.h"
#include "kit/outbox_private.h"
#include "kit/saga_private.h"
#include "kit/shared.h"
#include "kit/timer_private.h"
#include "kit/worker.h"

#define REST_AFTER_MS 10000

static void enqueue_locked(struct call_queue *queue, struct call *call)
{
    call->next = NULL;
    if (queue->last)
        queue->last->next = call;
    else
        queue->first = call;
    queue->last = call;
    queue->count++;
    pthread_cond_signal(&queue->wake);
}

/* What is on its way already, or the program's own, always has room. */
void run_enqueue(struct call_queue *queue, struct call *call)
{
    pthread_mutex_lock(&queue->lock);
    enqueue_locked(queue, call);
    pthread_mutex_unlock(&queue->lock);
}

static int own_count(const struct call_queue *queue, const struct call *call)
{
    int count = 0;

    if (call->who.staff_id == NONE && call->who.api_key_id == NONE)
        return 0;
    for (const struct call *other = queue->first; other; other = other->next)
        count += other->who.staff_id == call->who.staff_id &&
                 other->who.api_key_id == call->who.api_key_id;
    return count;
}

/* Is there room? Where things are slow the queue is short, and nobody fills it alone. */
static enum err room(const struct call_queue *queue, const struct call *call)
{
    const struct app *app = call->app;
    int max = app->config.queue_max ? app->config.queue_max : QUEUE_MAX;

    if (queue == &app->longs || queue == &app->prepares) {
        max = max < SLOW_MAX ? max : SLOW_MAX;
        if (own_count(queue, call) >= max / OWN_PARTS)
            return E_RATE;
    }
    return queue->count < max ? OK : E_BUSY;
}

void run_offer(struct call_queue *queue, struct call *call)
{
    enum err err;

    pthread_mutex_lock(&queue->lock);
    err = room(queue, call);
    if (err == OK)
        enqueue_locked(queue, call);
    pthread_mutex_unlock(&queue->lock);
    if (err != OK)
        call_refuse(call, err);
}

/* Idle for so long, a connection gives its page cache back: the base of a quiet shop is small. */
int64_t app_queue_count(struct app *app)
{
    int count;

    pthread_mutex_lock(&app->writes.lock);
    count = app->writes.count;
    pthread_mutex_unlock(&app->writes.lock);
    return count;
}

static void queue_wait(struct call_queue *queue, struct db *db)
{
    if (clock_wait(&queue->wake, &queue->lock, REST_AFTER_MS))
        return;
    pthread_mutex_unlock(&queue->lock);
    db_rest(db);
    pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->is_closed)
        pthread_cond_wait(&queue->wake, &queue->lock);
}

/* Waits for calls and takes at most `max` of them as a chain; NULL: closed and empty. */
static struct call *queue_take(struct call_queue *queue, int max, struct db *db)
{
    struct call *first, *last;

    pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->is_closed)
        queue_wait(queue, db);
    first = last = queue->first;
    for (int count = 1; last && last->next && count < max; count++) {
        last = last->next;
        queue->count--;
    }
    if (last) {
        queue->count--;
        queue->first = last->next;
        last->next = NULL;
    }
    if (queue->first == NULL)
        queue->last = NULL;
    pthread_mutex_unlock(&queue->lock);
    return first;
}

static void queue_close(struct call_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->is_closed = true;
    pthread_cond_broadcast(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
}

/* ---- readers --------------------------------------------------------------------------------- */

static void read_one(struct app *app, struct call *call, struct db *db)
{
    enum call_next next = NEXT_READ;

    if (call->route == NULL && call->command == NULL) {
        next = call_begin(call, db);
        if (next == NEXT_PREPARE || next == NEXT_LONG) {
            run_offer(next == NEXT_LONG ? &app->longs : &app->prepares, call);
            return;
        }
    } else if (call->route && call->route->prepare) {
        next = NEXT_PREPARE;
        call_prepare(call, db);
    }
    if (next == NEXT_READ || next == NEXT_QUICK)
        call_run(call, db);
    if (next == NEXT_WRITE || (next == NEXT_PREPARE && call->err == OK))
        run_offer(&app->writes, call);
    else
        call_end(call);
}

struct reader {
    struct app *app;
    struct call_queue *queue;
    struct db *db;
};

static void *reader_main(void *arg)
{
    struct reader *reader = arg;
    struct call *call;

    while ((call = queue_take(reader->queue, 1, reader->db)))
        read_one(reader->app, call, reader->db);
    return NULL;
}

/* ---- the writer ------------------------------------------------------------------------------ */

/* Time never goes back behind a committed command, whatever the clock does. */
static int64_t group_now(struct app *app)
{
    int64_t now_ms = clock_now_ms(), last_ms = atomic_load(&app->last_ms);

    if (now_ms < last_ms)
        now_ms = last_ms;
    atomic_store(&app->last_ms, now_ms);
    return now_ms;
}

#define ID_AHEAD_MS 10000
#define ID_ROOM_MS 500 /* 8 million ids */

/* So many steps ahead of the clock, and of the ids given out: those are ahead of a clock that was
 * set back, or of a process that died often. */
static int64_t id_ahead_ms(struct app *app, int64_t now_ms, int64_t step_count)
{
    int64_t given_ms = ID_EPOCH_MS + (atomic_load(&app->id_state) >> 14);
    int64_t by_clock_ms = now_ms + step_count * ID_AHEAD_MS;
    int64_t by_ids_ms = given_ms + step_count * ID_ROOM_MS;

    return by_clock_ms > by_ids_ms ? by_clock_ms : by_ids_ms;
}

static enum err id_reserve_step(struct ctx *c, void *user)
{
    return q_meta_set(c, S("id_until_ms"), str_fmt(c->arena, "%" PRId64, *(int64_t *)user));
}

/* After a restart ids begin behind everything that may have been given out. */
static void id_reserve(struct app *app, struct call *first, int64_t now_ms)
{
    int64_t until_ms = id_ahead_ms(app, now_ms, 2);
    struct call call;

    if (app->is_shared || !app->is_recalled) /* shared, the groups themselves remember */
        return;
    if (id_ahead_ms(app, now_ms, 1) < app->id_until_ms)
        return;
    call_init(&call, app, first->arena);
    call.ctx.now_ms = now_ms;
    call.command = id_reserve_step;
    call.user = &until_ms;
    call_write(&call, app->writer_db);
    if (call.err == OK)
        app->id_until_ms = until_ms;
}

/* A command of the frame's own within the group; its failure is the group's. */
static enum err own_run(struct app *app, struct call *first, app_command *command, void *user)
{
    struct call call;

    call_init(&call, app, first->arena);
    call.ctx.now_ms = atomic_load(&app->last_ms);
    call.command = command;
    call.user = user;
    call_write(&call, app->writer_db);
    return call.err;
}

static enum err news_run(struct app *app, struct call *first)
{
    struct shared_news news = {.ended = S("")};

    for (struct call *call = first; call; call = call->next) {
        if (call->err != OK)
            continue;
        news.topics |= call->ctx.topics;
        if (call->ctx.ended_staff_id != NONE)
            news.ended =
                str_fmt(first->arena, "%.*s %" PRId64, STR(news.ended), call->ctx.ended_staff_id);
    }
    return own_run(app, first, shared_group_end, &news);
}

static enum err group_run(struct app *app, struct call *first)
{
    int64_t now_ms;

    TRY(db_begin(app->writer_db));
    now_ms = group_now(app);
    if (app->is_shared)
        TRY(own_run(app, first, shared_group_begin, NULL));
    id_reserve(app, first, now_ms);
    for (struct call *call = first; call; call = call->next) {
        call->ctx.now_ms = now_ms;
        call_write(call, app->writer_db);
    }
    if (app->is_shared)
        TRY(news_run(app, first));
    return db_commit(app->writer_db);
}

/* Why nothing of a group was done, or that nobody knows whether it was. */
static enum err group_whole(struct app *app, struct call *first)
{
    struct db *db = app->writer_db;
    enum err err = group_run(app, first);
    const char *code = app->is_shared && err == E_BUSY ? "database.lost" : "disk";
    struct str words = {0};
    bool is_unknown = false;

    if (err != OK) {
        words = str_copy(first->arena, str_of(db_error(db)));
        db_rollback(db);
    }
    if (err != OK && db_is_commit_unknown(db))
        err = shared_settle(app, &is_unknown);
    for (struct call *call = first; call && err != OK; call = call->next)
        call_fail_commit(call, err, is_unknown ? "commit.unknown" : code, words);
    if (err == OK && app->is_shared)
        shared_committed(app);
    return err;
}

static void wake(struct app *app, unsigned wakes)
{
    if (wakes & WAKE_INBOX)
        worker_wake(app->inbox);
    if (wakes & WAKE_OUTBOX)
        outbox_wake(app->sender);
    if (wakes & WAKE_SAGA)
        sagas_wake(app->sagas);
}

static void group_finish(struct app *app, struct call *first, enum err err)
{
    struct call *next;
    unsigned topics = 0, wakes = 0;

    if (app->is_turn_due && err == OK) {
        app->is_reply_b = !app->is_reply_b;
        app->reply_turn_ms = atomic_load(&app->last_ms);
    }
    app->is_turn_due = false;
    if (err != OK) {
        app->id_until_ms = 0;
        app->is_audit_known = false;
        app_undone(app);
    }
    http_replies_begin();
    for (struct call *call = first; call; call = next) {
        next = call->next;
        if (call->err == OK)
            topics |= call->ctx.topics, wakes |= call->ctx.wakes;
        if (call->err == OK && call->ctx.ended_staff_id != NONE)
            live_end(app->live, call->ctx.ended_staff_id);
        if (call->err == OK && (call->ctx.topics & LIVE_JOBS))
            jobs_wake(app->jobs);
        if (call->err == OK && call->ctx.timer_due_ms != NONE)
            timers_wake(app->timers, call->ctx.timer_due_ms);
        call_end(call);
    }
    http_replies_end();
    wake(app, wakes);
    if (topics != 0)
        live_publish(app->live, topics);
    if (err == OK)
        app_committed(app, topics);
}

static void *writer_main(void *arg)
{
    struct app *app = arg;
    struct call *first;

    while ((first = queue_take(&app->writes, GROUP_MAX, app->writer_db))) {
        int64_t start_us = clock_mono_us();
        enum err err = group_whole(app, first);
        atomic_fetch_add(&app->metrics.commit_count, 1);
        group_finish(app, first, err);
        checkpoint_wake(app);
        atomic_fetch_add(&app->metrics.write_us, clock_mono_us() - start_us);
    }
    return NULL;
}

/* ---- start and stop -------------------------------------------------------------------------- */

static void queue_init(struct call_queue *queue)
{
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->wake, NULL);
    queue->is_open = true;
}

/* The readers' threads, then one for what is long, and one for what prepares. */
static struct call_queue *queue_read_by(struct app *app, int thread)
{
    if (thread < app->reader_count)
        return &app->reads;
    return thread == app->reader_count ? &app->longs : &app->prepares;
}

enum err run_start(struct app *app, struct str *why)
{
    queue_init(&app->writes);
    queue_init(&app->reads);
    queue_init(&app->longs);
    queue_init(&app->prepares);
    app->reader_threads = arena_new_array(app->arena, pthread_t, (size_t)app->reader_count + 2);
    for (int i = 0; i < app->reader_count + 2; i++) {
        struct reader *reader = arena_new_one(app->arena, struct reader);
        *reader = (struct reader){app, queue_read_by(app, i), app->reader_db[i]};
        if (pthread_create(&app->reader_threads[i], NULL, reader_main, reader) != 0) {
            *why = S("no thread for a reader");
            return E_IO;
        }
    }
    if (pthread_create(&app->writer_thread, NULL, writer_main, app) != 0) {
        *why = S("no thread for the writer");
        return E_IO;
    }
    return OK;
}

/* Readers first, then what is long and what prepares: what they passed on still reaches the writer.
 */
void run_stop(struct app *app)
{
    queue_close(&app->reads);
    for (int i = 0; i < app->reader_count; i++)
        pthread_join(app->reader_threads[i], NULL);
    queue_close(&app->longs);
    pthread_join(app->reader_threads[app->reader_count], NULL);
    queue_close(&app->prepares);
    pthread_join(app->reader_threads[app->reader_count + 1], NULL);
    queue_close(&app->writes);
    pthread_join(app->writer_thread, NULL);
}

/* ---- commands of the program itself, and requests without a socket --------------------------- */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_done;
};

static void waiter_wake(struct call *call, void *user)
{
    struct waiter *waiter = user;

    (void)call;
    pthread_mutex_lock(&waiter->lock);
    waiter->is_done = true;
    pthread_cond_signal(&waiter->wake);
    pthread_mutex_unlock(&waiter->lock);
}

static void call_wait(struct call *call, struct call_queue *queue)
{
    struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

    call->done = waiter_wake;
    call->done_user = &waiter;
    run_enqueue(queue, call);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.is_done)
        pthread_cond_wait(&waiter.wake, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
}

void run_command(struct call *call, struct call_queue *queue, app_command *fn, void *user)
{
    call->command = fn;
    call->user = user;
    run_enqueue(queue, call);
}

static enum err command_run(struct call *call, struct call_queue *queue, struct fault *fault)
{
    call_wait(call, queue);
    if (fault)
        *fault = call->ctx.fault;
    return call->err;
}

enum err app_write(struct app *app, struct arena *arena, app_command *fn, void *user,
                   struct fault *fault)
{
    struct call call;

    call_init(&call, app, arena);
    call.command = fn;
    call.user = user;
    return command_run(&call, &app->writes, fault);
}

enum err app_read(struct app *app, struct arena *arena, app_command *fn, void *user,
                  struct fault *fault)
{
    struct call call;

    call_init(&call, app, arena);
    call.command = fn;
    call.user = user;
    return command_run(&call, &app->reads, fault);
}

enum err app_read_own(struct app *app, const struct app_own_read *own, app_command *fn, void *user)
{
    struct call call;

    call_init(&call, app, own->arena);
    call.command = fn;
    call.user = user;
    call_run(&call, own->db);
    if (own->fault)
        *own->fault = call.ctx.fault;
    return call.err;
}

void app_request(struct app *app, struct arena *arena, struct app_call *asked)
{
    struct call call;

    call_init(&call, app, arena);
    call.method = asked->method;
    call.path = asked->path;
    call.query = asked->query;
    call.body = asked->body;
    call.cookie = asked->cookie;
    call.csrf = asked->csrf;
    call.write_key = asked->write_key;
    call.repeat_key = asked->idempotency_key;
    call.bearer = asked->bearer;
    call.agent = asked->agent;
    call.is_local = asked->is_local;
    call.fail_nth = asked->fail_nth;
    call.peer = S("127.0.0.1");
    call_wait(&call, &app->reads);
    asked->status = call.status;
    asked->reply = call.reply;
    asked->session_token = call.ctx.session_token;
    asked->did_fail = call.did_fail;
}
