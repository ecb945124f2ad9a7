/* The sender: one thread that reads a page of what is due from one destination's queue after
 * another, keeps many requests on their way, and writes their answers in batches. It never waits
 * for the database: reading and writing are commands that wake it when they are done. Always: at
 * most one read and one write are under way; a message is here once, from its page until its answer
 * is committed; whoever has an order comes from the page only when nobody is before them. */
#include "gen/outbox.q.h"
#include "host/clock.h"
#include "kit/outbox_private.h"

#define IN_FLIGHT_MAX 256
#define SERVER_MAX 64 /* of one destination at once */
#define ACTIVE_MAX 1024
#define READY_LOW 64 /* the next page is read below this */
#define PASS_MAX_US 10000000
#define REST_MAX_MS 60000
#define LATER_MAX_MS 60000
#define SHARED_MS 1000 /* other nodes add messages too, and may go */
#define FAIL_MS 1000
#define DRAIN_US 2000000
#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define NAMES_ARENA_MAX ((size_t)4 * 1024 * 1024)

/* One destination. Times in us are the machine's own, for the quota. */
struct outbox_queue {
    struct str name;
    int64_t rate_count;         /* a second; 0: no quota; NONE: not known yet */
    int64_t free_us;            /* when its next message may leave */
    int64_t after_ms, after_id; /* how far the pass over it has come */
    int64_t pass_us;            /* when that began */
    int64_t next_ms;            /* when something else falls due; NONE */
    bool is_due;                /* the pass is not at its end */
    int in_flight, ready_count;
    struct delivery *ready, *ready_last;
};

struct outbox_sender {
    struct app *app;
    struct arena *arena; /* of the names */
    struct client_pool *pool;
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock;
    pthread_cond_t rest;
    /* under the lock */
    bool is_begun, is_woken, is_stopping, is_read_over, is_write_over, is_resting;
    /* the thread's own */
    bool is_stale;  /* the queues are to be looked at anew */
    bool is_asleep; /* and nothing is, until woken */
    bool is_reading, is_writing, is_ending;
    int64_t stop_us, listed_us;
    int64_t again_us; /* after a failure: not before */
    struct map *by_name;
    struct outbox_queue *queues;
    int queue_count, next_queue;
    struct outbox_rules rules;
    struct outbox_queues *list;                  /* being read, or NULL */
    struct outbox_page *page;                    /* being read, or NULL */
    int64_t alone_read_count, alone_write_count; /* so many one by one, after one made all fail */
    struct outbox_queue *burying; /* the head of its pass makes every page fail, with this */
    struct fault burying_fault;
    struct outbox_answers *answers;             /* being written, or NULL */
    struct delivery *answered, **answered_last; /* to be written */
    struct delivery *past; /* over, but the page being read may have seen them before that */
    struct delivery *active[ACTIVE_MAX];
    int active_count;
};

struct outbox_sender *outbox_sender_new(struct app *app)
{
    struct outbox_sender *s = arena_new_one(app->arena, struct outbox_sender);

    *s = (struct outbox_sender){.app = app, .is_stale = true};
    s->answered_last = &s->answered;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->rest, NULL);
    return s;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- commands beside the thread -------------------------------------------------------------- */

static void over(struct outbox_sender *s, bool *flag)
{
    pthread_mutex_lock(&s->lock);
    *flag = true;
    client_pool_wake(s->pool);
    pthread_mutex_unlock(&s->lock);
}

static void read_over(struct call *call, void *user)
{
    struct outbox_sender *s = user;

    (void)call;
    over(s, &s->is_read_over);
}

static void write_over(struct call *call, void *user)
{
    struct outbox_sender *s = user;

    (void)call;
    over(s, &s->is_write_over);
}

static bool flag_take(struct outbox_sender *s, bool *flag)
{
    bool was;

    pthread_mutex_lock(&s->lock);
    was = *flag;
    *flag = false;
    pthread_mutex_unlock(&s->lock);
    return was;
}

static struct fault fault_of(const struct call *call)
{
    return (struct fault){.err = call->err,
                          .code = call->ctx.fault.code ? call->ctx.fault.code : err_name(call->err),
                          .message = call->ctx.fault.message};
}

static void fail_log(struct outbox_sender *s, const char *what, const struct call *call)
{
    struct fault fault = fault_of(call);

    app_log(s->app, "error", "outbox", "%s: %s: %.*s", what, fault.code, STR(fault.message));
    s->again_us = clock_mono_us() + FAIL_MS * INT64_C(1000);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void page_close(struct outbox_page *page)
{
    if (--page->open_count == 0)
        arena_free(page->call.arena);
}

static void active_add(struct outbox_sender *s, struct delivery *delivery)
{
    delivery->active_index = s->active_count;
    s->active[s->active_count++] = delivery;
}

static void delivery_end(struct outbox_sender *s, struct delivery *delivery)
{
    struct delivery *last = s->active[--s->active_count];

    s->active[delivery->active_index] = last;
    last->active_index = delivery->active_index;
    buf_release(&delivery->send.reply);
    page_close(delivery->page);
}

static bool is_active(const struct outbox_sender *s, int64_t id)
{
    for (int i = 0; i < s->active_count; i++)
        if (s->active[i]->message.id == id)
            return true;
    return false;
}

static void answered_add(struct outbox_sender *s, struct delivery *delivery)
{
    delivery->next = NULL;
    *s->answered_last = delivery;
    s->answered_last = &delivery->next;
}

static void ready_add(struct outbox_queue *queue, struct delivery *delivery)
{
    delivery->next = NULL;
    if (queue->ready_last)
        queue->ready_last->next = delivery;
    else
        queue->ready = delivery;
    queue->ready_last = delivery;
    queue->ready_count++;
}

static struct delivery *ready_take(struct outbox_queue *queue)
{
    struct delivery *delivery = queue->ready;

    queue->ready = delivery->next;
    if (queue->ready == NULL)
        queue->ready_last = NULL;
    queue->ready_count--;
    return delivery;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* NULL: there are too many already. */
static struct outbox_queue *queue_find(struct outbox_sender *s, struct str name)
{
    bool is_new = false;
    int64_t *slot;
    struct outbox_queue *queue;
    const struct outbox_kind *kind = outbox_kind_find(s->app, name);

    if (s->queue_count == OUTBOX_QUEUE_MAX && map_find(s->by_name, name) == NULL)
        return NULL;
    must(s->queues != NULL);
    slot = map_slot(s->by_name, name, &is_new);
    if (!is_new)
        return &s->queues[*slot];
    *slot = s->queue_count++;
    queue = &s->queues[*slot];
    *queue = (struct outbox_queue){.name = str_copy(s->arena, name),
                                   .rate_count = kind ? kind->per_second_count : NONE};
    return queue;
}

/* A pass that is not at its end goes on, so that nobody waits for ever behind newcomers; but not
 * for ever either, because of those it has passed by. */
static void queue_renew(struct outbox_queue *queue, const struct q_outbox_queues_row *row,
                        int64_t now_ms)
{
    int64_t now_us = clock_mono_us();

    queue->next_ms = row->next_ms;
    if (row->first_ms > now_ms || (queue->is_due && now_us - queue->pass_us < PASS_MAX_US))
        return;
    queue->is_due = true;
    queue->after_ms = queue->after_id = 0;
    queue->pass_us = now_us;
}

static void list_take(struct outbox_sender *s)
{
    struct outbox_queues *list = s->list;
    const struct q_outbox_queues_row *rows = list->rows.at;

    s->list = NULL;
    if (list->call.err != OK) {
        fail_log(s, "the queues cannot be read", &list->call);
        s->is_stale = true;
    } else {
        if (list->is_ours)
            s->rules = list->rules;
        for (int i = 0; i < s->queue_count; i++)
            s->queues[i].next_ms = NONE;
        for (int64_t i = 0; i < list->rows.count; i++) {
            struct outbox_queue *queue = queue_find(s, rows[i].destination);
            if (queue)
                queue_renew(queue, &rows[i], list->call.ctx.now_ms);
        }
    }
    arena_free(list->call.arena);
}

/* What falls into the quiet hours is moved to their end; what could not be made is over; what a
 * person is to get is counted first. */
static void delivery_begin(struct outbox_sender *s, struct delivery *delivery, int64_t now_ms)
{
    const struct outbox_kind *kind = delivery->kind;
    int64_t end_ms = NONE;

    if (kind && kind->has_quiet_hours)
        end_ms = outbox_quiet_end(&s->rules, atomic_load(&s->app->zone), now_ms);
    if (kind)
        delivery->queue->rate_count = kind->per_second_count;
    delivery->page->open_count++;
    active_add(s, delivery);
    if (end_ms != NONE) {
        delivery->is_put_off = true;
        delivery->due_ms = end_ms;
    }
    delivery->is_clearing = kind && kind->has_quiet_hours &&
                            delivery->message.customer_id != NONE && !delivery->is_unmade &&
                            !delivery->is_put_off;
    if (delivery->is_unmade || delivery->is_put_off || delivery->is_clearing)
        answered_add(s, delivery);
    else
        ready_add(delivery->queue, delivery);
}

/* One of them made the page fail: they come one by one, and the one that fails alone is buried with
 * its fault. */
static void page_failed(struct outbox_sender *s, struct outbox_page *page)
{
    struct fault fault = fault_of(&page->call);

    if (fault.err == E_IO || fault.err == E_BUSY || page->is_buried) {
        fail_log(s, "a page cannot be read", &page->call);
        return;
    }
    if (page->limit_count > 1) {
        s->alone_read_count = OUTBOX_PAGE_MAX;
        return;
    }
    s->burying = page->queue;
    s->burying_fault = (struct fault){.err = fault.err, .code = fault.code};
}

static void past_end(struct outbox_sender *s)
{
    while (s->past) {
        struct delivery *delivery = s->past;
        s->past = delivery->next;
        delivery_end(s, delivery);
    }
}

static void page_take(struct outbox_sender *s)
{
    struct outbox_page *page = s->page;
    struct outbox_queue *queue = page->queue;

    s->page = NULL;
    if (page->call.err != OK)
        page_failed(s, page);
    for (int64_t i = 0; page->call.err == OK && i < page->count; i++) {
        struct delivery *delivery = &page->deliveries[i];
        queue->after_ms = delivery->due_ms;
        queue->after_id = delivery->message.id;
        if (!is_active(s, delivery->message.id))
            delivery_begin(s, delivery, page->call.ctx.now_ms);
    }
    if (page->call.err == OK && page->count < page->limit_count)
        queue->is_due = false;
    page_close(page);
    past_end(s);
}

static void list_begin(struct outbox_sender *s)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct call_queue *queue = s->app->is_shared ? &s->app->writes : &s->app->reads;

    s->list = arena_new_one(arena, struct outbox_queues);
    call_init(&s->list->call, s->app, arena);
    s->list->call.done = read_over;
    s->list->call.done_user = s;
    s->is_reading = true;
    s->is_stale = false;
    s->listed_us = clock_mono_us();
    run_command(&s->list->call, queue, outbox_queues_read, s->list);
}

/* A quota's worth of a second, so that what is cancelled meanwhile is mostly still in its row. */
static int64_t page_limit(const struct outbox_sender *s, const struct outbox_queue *queue)
{
    if (s->alone_read_count > 0)
        return 1;
    if (queue->rate_count == NONE)
        return 16;
    return queue->rate_count == 0 || queue->rate_count > OUTBOX_PAGE_MAX ? OUTBOX_PAGE_MAX
                                                                         : queue->rate_count;
}

static void page_begin(struct outbox_sender *s, struct outbox_queue *queue)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct outbox_page *page = arena_new_one(arena, struct outbox_page);

    page->queue = queue;
    page->destination = queue->name;
    page->after_ms = queue->after_ms;
    page->after_id = queue->after_id;
    page->limit_count = page_limit(s, queue);
    page->open_count = 1;
    if (s->alone_read_count > 0)
        s->alone_read_count--;
    if (s->burying == queue) {
        page->is_buried = true;
        page->fault = s->burying_fault;
        page->limit_count = 1;
        s->burying = NULL;
    }
    call_init(&page->call, s->app, arena);
    page->call.done = read_over;
    page->call.done_user = s;
    s->page = page;
    s->is_reading = true;
    run_command(&page->call, &s->app->reads, outbox_page_read, page);
}

static struct outbox_queue *queue_next(struct outbox_sender *s)
{
    for (int i = 0; i < s->queue_count; i++) {
        struct outbox_queue *queue = &s->queues[(s->next_queue + i) % s->queue_count];
        if (!queue->is_due || queue->ready_count >= READY_LOW)
            continue;
        if (queue->rate_count > 0 && queue->ready_count > 0)
            continue;
        s->next_queue = (int)(queue - s->queues) + 1;
        return queue;
    }
    return NULL;
}

static void read_begin(struct outbox_sender *s)
{
    struct outbox_queue *queue;

    if (s->is_reading || s->is_ending || clock_mono_us() < s->again_us)
        return;
    if (s->is_stale) {
        list_begin(s);
        return;
    }
    if (s->active_count + OUTBOX_PAGE_MAX > ACTIVE_MAX)
        return;
    queue = queue_next(s);
    if (queue)
        page_begin(s, queue);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* One message's share of the second; a tenth of a second may be caught up with at once. */
static void quota_use(struct outbox_queue *queue, int64_t now_us)
{
    if (queue->rate_count <= 0)
        return;
    if (queue->free_us < now_us - 100000)
        queue->free_us = now_us - 100000;
    queue->free_us += 1000000 / queue->rate_count;
}

static bool queue_may_send(const struct outbox_sender *s, const struct outbox_queue *queue,
                           int64_t now_us)
{
    return queue->ready && queue->in_flight < SERVER_MAX && queue->free_us <= now_us &&
           client_pool_count(s->pool) < IN_FLIGHT_MAX;
}

static void sends_begin(struct outbox_sender *s)
{
    int64_t now_us = clock_mono_us();

    for (int i = 0; i < s->queue_count && !s->is_ending; i++) {
        struct outbox_queue *queue = &s->queues[i];
        while (queue_may_send(s, queue, now_us)) {
            struct delivery *delivery = ready_take(queue);
            must(client_pool_add(s->pool, &delivery->send));
            queue->in_flight++;
            quota_use(queue, now_us);
        }
    }
}

/* One answer of "later" is meant for all; after a minute at most one is sent to ask again. */
static void queue_rest(struct outbox_queue *queue, int64_t asked_ms)
{
    int64_t until_us = clock_mono_us() + least(asked_ms, LATER_MAX_MS) * 1000;

    if (until_us > queue->free_us)
        queue->free_us = until_us;
}

static void sends_take(struct outbox_sender *s, struct client_send *first)
{
    for (struct client_send *send = first, *next; send; send = next) {
        struct delivery *delivery = (struct delivery *)(void *)send; /* its first member */
        next = send->next;
        delivery->queue->in_flight--;
        if (send->retry_after_ms > 0)
            queue_rest(delivery->queue, send->retry_after_ms);
        answered_add(s, delivery);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static void answers_begin(struct outbox_sender *s)
{
    int64_t max = s->alone_write_count > 0 ? 1 : (int64_t)ARRAY_LEN(s->answers->deliveries);
    struct arena *arena;

    if (s->is_writing || s->answered == NULL || clock_mono_us() < s->again_us)
        return;
    arena = arena_new(ARENA_MAX);
    s->answers = arena_new_one(arena, struct outbox_answers);
    s->answers->week_max_count = s->rules.week_max_count;
    while (s->answered && s->answers->count < max) {
        s->answers->deliveries[s->answers->count++] = s->answered;
        s->answered = s->answered->next;
    }
    if (s->answered == NULL)
        s->answered_last = &s->answered;
    if (s->alone_write_count > 0)
        s->alone_write_count--;
    call_init(&s->answers->call, s->app, arena);
    s->answers->call.done = write_over;
    s->answers->call.done_user = s;
    s->is_writing = true;
    run_command(&s->answers->call, &s->app->writes, outbox_answers_write, s->answers);
}

/* They are written again, one by one; who fails alone then has that fault for an answer. When it is
 * the disk, all wait for it. */
static void answers_failed(struct outbox_sender *s, struct outbox_answers *answers)
{
    struct fault fault = fault_of(&answers->call);
    struct delivery *first = answers->deliveries[0];

    if (fault.err == E_IO || fault.err == E_BUSY || (answers->count == 1 && first->fault.code)) {
        fail_log(s, "answers cannot be written", &answers->call);
    } else if (answers->count == 1) {
        first->fault = fault;
        first->fault.message = str_copy(first->page->call.arena, fault.message);
    }
    s->alone_write_count = s->alone_write_count + answers->count;
    for (int64_t i = 0; i < answers->count; i++)
        answered_add(s, answers->deliveries[i]);
}

static void delivery_answered(struct outbox_sender *s, struct delivery *delivery)
{
    if (delivery->is_clearing && delivery->is_cleared) {
        delivery->is_clearing = false;
        ready_add(delivery->queue, delivery);
        return;
    }
    s->is_stale |= delivery->is_looked_after;
    delivery->next = s->past;
    s->past = delivery;
}

static void answers_take(struct outbox_sender *s)
{
    struct outbox_answers *answers = s->answers;

    s->answers = NULL;
    if (answers->call.err != OK) {
        answers_failed(s, answers);
    } else {
        for (int64_t i = 0; i < answers->count; i++)
            delivery_answered(s, answers->deliveries[i]);
        if (s->page == NULL)
            past_end(s);
    }
    arena_free(answers->call.arena);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void commands_take(struct outbox_sender *s)
{
    if (s->is_reading && flag_take(s, &s->is_read_over)) {
        s->is_reading = false;
        if (s->list)
            list_take(s);
        else
            page_take(s);
    }
    if (s->is_writing && flag_take(s, &s->is_write_over)) {
        s->is_writing = false;
        answers_take(s);
    }
    if (flag_take(s, &s->is_woken))
        s->is_stale = true;
}

/* Until something falls due or a quota has room again; commands and answers wake it by themselves.
 */
static int64_t wait_ms(const struct outbox_sender *s)
{
    int64_t now_ms = worker_now_ms(s->app), now_us = clock_mono_us(),
            wait = s->app->is_shared ? SHARED_MS : REST_MAX_MS;
    bool may_read = !s->is_reading && !s->is_asleep && s->again_us <= now_us;

    if (s->again_us > now_us)
        wait = least(wait, (s->again_us - now_us) / 1000 + 1);
    for (int i = 0; i < s->queue_count; i++) {
        const struct outbox_queue *queue = &s->queues[i];
        if (queue->ready && queue->free_us > now_us)
            wait = least(wait, (queue->free_us - now_us) / 1000 + 1);
        if (queue->next_ms != NONE && may_read)
            wait = least(wait, queue->next_ms > now_ms ? queue->next_ms - now_ms : 0);
    }
    return wait;
}

static bool is_idle(const struct outbox_sender *s)
{
    if (s->is_reading || s->is_writing || s->is_stale || s->answered || s->active_count > 0)
        return false;
    for (int i = 0; i < s->queue_count; i++)
        if (s->queues[i].is_due)
            return false;
    return true;
}

/* What fell due while nothing happened makes the queues stale; before the app listens, only when
 * awaited. */
static void due_look(struct outbox_sender *s)
{
    int64_t now_ms = worker_now_ms(s->app);

    pthread_mutex_lock(&s->lock);
    s->is_asleep = s->is_resting && !s->is_begun;
    pthread_mutex_unlock(&s->lock);
    if (s->is_asleep)
        return;
    if (s->app->is_shared && clock_mono_us() - s->listed_us > SHARED_MS * INT64_C(1000))
        s->is_stale = true;
    for (int i = 0; i < s->queue_count && !s->is_stale; i++)
        s->is_stale = s->queues[i].next_ms != NONE && s->queues[i].next_ms <= now_ms;
}

static void rest_tell(struct outbox_sender *s)
{
    pthread_mutex_lock(&s->lock);
    s->is_resting = !s->is_woken && is_idle(s);
    if (s->is_resting)
        pthread_cond_broadcast(&s->rest);
    pthread_mutex_unlock(&s->lock);
}

/* false: it is to stop, and what was on its way has come back or had its time. */
static bool goes_on(struct outbox_sender *s)
{
    bool is_busy;

    pthread_mutex_lock(&s->lock);
    if (s->is_stopping && !s->is_ending) {
        s->is_ending = true;
        s->stop_us = clock_mono_us() + DRAIN_US;
    }
    pthread_mutex_unlock(&s->lock);
    if (!s->is_ending)
        return true;
    is_busy = client_pool_count(s->pool) > 0 || s->answered;
    return s->is_reading || s->is_writing || (is_busy && clock_mono_us() < s->stop_us);
}

static void *sender_main(void *arg)
{
    struct outbox_sender *s = arg;

    while (goes_on(s)) {
        commands_take(s);
        due_look(s);
        answers_begin(s);
        sends_begin(s);
        read_begin(s);
        rest_tell(s);
        sends_take(s, client_pool_run(s->pool, s->is_ending ? 10 : (int)wait_ms(s)));
    }
    client_pool_free(s->pool); /* no reply of an unfinished request is left behind */
    while (s->active_count > 0)
        delivery_end(s, s->active[0]);
    return NULL;
}

/* ---- from other threads ---------------------------------------------------------------------- */

static void thread_begin(struct outbox_sender *s)
{
    const struct outbox_kind *const *kinds = s->app->config.outbox_kinds;

    if (s->is_started || s->is_stopping || kinds == NULL || kinds[0] == NULL)
        return;
    s->pool = client_pool_new(IN_FLIGHT_MAX, SERVER_MAX);
    must(s->pool != NULL);
    s->arena = arena_new(NAMES_ARENA_MAX);
    s->by_name = map_new(s->arena, OUTBOX_QUEUE_MAX);
    s->queues = arena_new_array(s->arena, struct outbox_queue, OUTBOX_QUEUE_MAX);
    s->is_started = pthread_create(&s->thread, NULL, sender_main, s) == 0;
}

static void wake_locked(struct outbox_sender *s)
{
    thread_begin(s);
    if (!s->is_started || s->is_stopping)
        return;
    s->is_woken = true;
    s->is_resting = false;
    client_pool_wake(s->pool);
}

void outbox_begin(struct outbox_sender *s)
{
    pthread_mutex_lock(&s->lock);
    s->is_begun = true;
    wake_locked(s);
    pthread_mutex_unlock(&s->lock);
}

void outbox_wake(struct outbox_sender *s)
{
    pthread_mutex_lock(&s->lock);
    if (s->is_begun)
        wake_locked(s);
    pthread_mutex_unlock(&s->lock);
}

void outbox_await(struct app *app)
{
    struct outbox_sender *s = app->sender;

    pthread_mutex_lock(&s->lock);
    wake_locked(s);
    while (s->is_started && !s->is_resting && !s->is_stopping)
        pthread_cond_wait(&s->rest, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

void outbox_stop(struct outbox_sender *s)
{
    pthread_mutex_lock(&s->lock);
    s->is_stopping = true;
    if (s->is_started)
        client_pool_wake(s->pool);
    pthread_cond_broadcast(&s->rest);
    pthread_mutex_unlock(&s->lock);
    if (s->is_started)
        pthread_join(s->thread, NULL);
    arena_free(s->arena);
}
