/* What no file carries goes through the routes, as an operator's clicks would: refunds,
 * cancellations, tags, family. Some threads ask at once, so that commits are shared. */
#include <pthread.h>

#include "demo/demo_private.h"
#include "gen/demo.q.h"
#include "manage/customer/customer.h"

#define THREAD_COUNT 16
#define CALL_MAX 60000
#define STREAM_CALLS 6
#define PAGE 2000

struct call {
    struct str path, body, key;
};
struct calls {
    struct app *app;
    struct demo_world *world;
    struct random random;
    struct call *calls;
    int call_count;
    int64_t *order_ids, *customer_ids; /* by index; NONE: not asked for */
    int64_t *tag_ids;
    struct fault *fault;
};
struct worker {
    pthread_t thread;
    const struct calls *calls;
    int from, step;
    int status; /* of the first call that failed; 0: none */
    struct arena *arena;
    struct str reply;
};

/* ---- asking ---------------------------------------------------------------------------------- */

static void *worker_run(void *user)
{
    struct worker *worker = user;

    for (int i = worker->from; i < worker->calls->call_count; i += worker->step) {
        const struct call *from = &worker->calls->calls[i];
        struct app_call call = {
            .method = HTTP_POST,
            .path = from->path,
            .body = from->body,
            .idempotency_key = from->key,
            .is_local = true,
        };
        app_request(worker->calls->app, worker->arena, &call);
        worker->reply = call.reply;
        if (call.status >= 300) {
            worker->status = call.status;
            return NULL;
        }
        if (arena_used(worker->arena) > 1024 * 1024)
            arena_reset(worker->arena);
    }
    return NULL;
}

enum err demo_post(const struct demo_maker *maker, struct str path, struct str body, struct str key,
                   struct json *reply)
{
    struct app_call call = {
        .method = HTTP_POST, .path = path, .body = body, .idempotency_key = key, .is_local = true};

    app_request(maker->app, maker->arena, &call);
    if (call.status < 300 &&
        (reply == NULL || json_parse(maker->arena, call.reply, reply, NULL) == OK))
        return OK;
    maker->fault->message = call.reply;
    return E_INTERNAL;
}

enum err demo_add(const struct demo_maker *maker, struct str path, struct str body, int64_t *id)
{
    struct json json;

    TRY(demo_post(maker, path, body, (struct str){0}, &json));
    if (str_to_int(json_get(&json, "id")->text, id))
        return OK;
    maker->fault->message = str_fmt(maker->arena, "%.*s: no id", STR(path));
    return E_INTERNAL;
}

/* All calls, shared out among the threads. */
static enum err calls_run(struct calls *calls)
{
    struct worker workers[THREAD_COUNT] = {0};
    int bad = -1;

    for (int i = 0; i < THREAD_COUNT; i++) {
        workers[i] = (struct worker){.calls = calls, .from = i, .step = THREAD_COUNT};
        workers[i].arena = arena_new(32 * 1024 * 1024);
        must(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) == 0);
    }
    for (int i = 0; i < THREAD_COUNT; i++) {
        must(pthread_join(workers[i].thread, NULL) == 0);
        if (workers[i].status != 0)
            bad = i;
    }
    if (bad >= 0)
        calls->fault->message = str_copy(calls->world->arena, workers[bad].reply);
    for (int i = 0; i < THREAD_COUNT; i++)
        arena_free(workers[i].arena);
    calls->call_count = 0;
    return bad >= 0 ? E_INTERNAL : OK;
}

static void call_add(struct calls *calls, struct str path, struct str body, struct str key)
{
    must(calls->call_count < CALL_MAX);
    calls->calls[calls->call_count++] = (struct call){path, body, key};
}

/* ---- ids ------------------------------------------------------------------------------------- */

static enum err orders_find(struct ctx *c, void *user)
{
    struct calls *calls = user;
    struct q_demo_order_in *keys = arena_new_array(c->arena, struct q_demo_order_in, PAGE);
    struct q_demo_order_row *rows = arena_new_array(c->arena, struct q_demo_order_row, PAGE);
    int *places = arena_new_array(c->arena, int, PAGE), count = 0;

    for (int i = 0; i <= calls->world->order_count; i++) {
        bool is_end = i == calls->world->order_count;
        const struct demo_order *order = &calls->world->orders[i];
        if (!is_end && (order->is_cancelled || order->refund_fen > 0)) {
            places[count] = i;
            keys[count++] =
                (struct q_demo_order_in){S(DEMO_SOURCE), demo_order_no(c->arena, calls->world, i)};
        }
        if (count < PAGE && !is_end)
            continue;
        TRY(q_demo_order(c, keys, count, rows));
        for (int k = 0; k < count; k++)
            calls->order_ids[places[k]] = rows[k].id;
        count = 0;
    }
    return OK;
}

static enum err customers_find(struct ctx *c, void *user)
{
    struct calls *calls = user;

    for (int i = 0; i < calls->world->customer_count; i++) {
        struct customer_ref ref = {S("member_no"), calls->world->customers[i].member_no};
        TRY(customer_find(c, ref, &calls->customer_ids[i]));
    }
    return OK;
}

/* ---- refunds and cancellations --------------------------------------------------------------- */

static void order_calls(struct calls *calls)
{
    static const char *const reasons[] = {"尺码不合适", "宝宝过敏", "物流太慢", "重复下单",
                                          "不想要了"};
    struct demo_world *world = calls->world;
    struct arena *arena = world->arena;

    for (int i = 0; i < world->order_count; i++) {
        const struct demo_order *order = &world->orders[i];
        const char *reason = reasons[random_below(&calls->random, ARRAY_LEN(reasons))];
        struct str no;
        if (!order->is_cancelled && order->refund_fen == 0)
            continue;
        no = demo_order_no(arena, world, i);
        if (order->is_cancelled)
            call_add(calls, str_fmt(arena, "/api/orders/%" PRId64 "/cancel", calls->order_ids[i]),
                     str_fmt(arena, "{\"reason\":\"%s\"}", reason), (struct str){0});
        else
            call_add(calls, str_fmt(arena, "/api/orders/%" PRId64 "/refund", calls->order_ids[i]),
                     str_fmt(arena,
                             "{\"refund_no\":\"R%.*s\",\"amount_fen\":%" PRId64
                             ",\"reason\":\"%s\",\"refunded_ms\":%" PRId64 "}",
                             STR(no), order->refund_fen, reason,
                             (world->first_day * DAY_S + order->refund_s - 8 * 3600) * 1000),
                     str_fmt(arena, "demo-%.*s", STR(no)));
    }
}

/* ---- tags and family ------------------------------------------------------------------------- */

static enum err tags_make(struct calls *calls)
{
    struct demo_maker maker = {calls->app, calls->world->arena, calls->fault};

    calls->tag_ids = arena_new_array(maker.arena, int64_t, (size_t)demo_tag_count);
    for (int i = 0; i < demo_tag_count; i++) {
        const struct demo_tag *tag = &demo_tags[i];
        struct str body =
            str_fmt(maker.arena, "{\"family\":\"%s\",\"name\":\"%s\",\"color\":\"%s\"}",
                    tag->family, tag->name, tag->color);
        TRY(demo_add(&maker, S("/api/tags"), body, &calls->tag_ids[i]));
    }
    return OK;
}

static void tag_on(struct calls *calls, int index, const char *name)
{
    struct arena *arena = calls->world->arena;

    for (int i = 0; i < demo_tag_count; i++)
        if (strcmp(demo_tags[i].name, name) == 0)
            call_add(
                calls,
                str_fmt(arena, "/api/customers/%" PRId64 "/tags", calls->customer_ids[index]),
                str_fmt(arena, "{\"tag_id\":\"%" PRId64 "\",\"is_on\":true}", calls->tag_ids[i]),
                (struct str){0});
}

static const char *channel_tag(const struct demo_customer *customer)
{
    const char *kind = demo_channels[customer->channel].kind;

    if (strcmp(kind, "store") == 0)
        return "门店";
    if (strcmp(kind, "ad") == 0)
        return "广告";
    return strcmp(kind, "referral") == 0 ? "老带新" : "内容";
}

static const char *age_tag(const struct calls *calls, const struct demo_customer *customer)
{
    int64_t months = (calls->world->first_day + DEMO_DAY_COUNT) / 30 - customer->baby_month;

    return months < 0 ? "孕期" : months < 6 ? "0-6 月" : months < 12 ? "6-12 月" : "1-3 岁";
}

/* What staff and rules would have noted of this customer. */
static void customer_calls(struct calls *calls, int index)
{
    const struct demo_customer *customer = &calls->world->customers[index];
    struct random *random = &calls->random;
    struct arena *arena = calls->world->arena;

    if (customer->added_s == NOT_EVER)
        return;
    if (random_chance(random, 0.20))
        tag_on(calls, index, channel_tag(customer));
    if (random_chance(random, 0.25))
        tag_on(calls, index, age_tag(calls, customer));
    if (random_chance(random, 0.14))
        tag_on(calls, index, random_chance(random, 0.6) ? "关注纸尿裤" : "关注辅食");
    if (customer->activity > 1.2)
        tag_on(calls, index, "高活跃");
    else if (customer->order_count == 0 && random_chance(random, 0.2))
        tag_on(calls, index, "沉默");
    if (customer->paid_fen > 250000)
        tag_on(calls, index, "高客单");
    else if (customer->order_count >= 4 && random_chance(random, 0.5))
        tag_on(calls, index, "常客");
    else if (customer->order_count > 0 && !customer->has_paid_full)
        tag_on(calls, index, "只买促销");
    if (random_chance(random, 0.25))
        call_add(calls,
                 str_fmt(arena, "/api/customers/%" PRId64 "/children", calls->customer_ids[index]),
                 str_fmt(arena, "{\"birth_date\":\"%.*s\"}",
                         STR(day_iso(arena, customer->baby_month * 30 + index % 28))),
                 (struct str){0});
    if (customer->is_family)
        call_add(calls,
                 str_fmt(arena, "/api/customers/%" PRId64 "/edit", calls->customer_ids[index]),
                 S("{\"is_family\":true}"), (struct str){0});
}

enum err demo_calls_make(struct app *app, struct demo_world *world, struct fault *fault)
{
    struct arena *arena = world->arena;
    struct calls calls = {.app = app, .world = world, .fault = fault};

    calls.calls = arena_new_array(arena, struct call, CALL_MAX);
    calls.order_ids = arena_new_array(arena, int64_t, (size_t)world->order_count);
    calls.customer_ids = arena_new_array(arena, int64_t, (size_t)world->customer_count);
    random_init(&calls.random, world->seed_number, STREAM_CALLS);
    TRY(app_read(app, arena, orders_find, &calls, fault));
    TRY(app_read(app, arena, customers_find, &calls, fault));
    order_calls(&calls);
    TRY(calls_run(&calls));
    TRY(tags_make(&calls));
    call_add(&calls, S("/api/attributes"),
             S("{\"name\":\"baby_month\",\"title\":\"宝宝出生年月\",\"kind\":\"text\"}"),
             (struct str){0});
    for (int i = 0; i < world->customer_count; i++)
        customer_calls(&calls, i);
    return calls_run(&calls);
}
