/* The sink: host/http with a memory. */
#include "sink.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "host/http.h"

#define RULE_MAX 8

static struct {
    struct http_server *server;
    struct arena *arena;
    pthread_mutex_t lock;
    struct list arrivals;
    int64_t cap;
    struct {
        const char *path;
        int status, count;
    } rules[RULE_MAX];
    int rule_count, delay_ms;
    struct str header;
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int status_of(struct str path)
{
    for (int i = 0; i < sink.rule_count; i++)
        if (str_is(path, sink.rules[i].path) && sink.rules[i].count > 0) {
            sink.rules[i].count--;
            return sink.rules[i].status;
        }
    return 200;
}

static struct str kept(struct http_request *request, const char *name)
{
    return str_copy(sink.arena, http_header(request, name));
}

static void arrive(void *user, struct http_request *request)
{
    struct sink_arrival *arrival;
    struct str header;
    int delay_ms, status;

    (void)user;
    pthread_mutex_lock(&sink.lock);
    arrival = list_add(sink.arena, &sink.arrivals, &sink.cap, sizeof(*arrival));
    arrival->path = str_copy(sink.arena, http_path(request));
    arrival->body = str_copy(sink.arena, http_body(request));
    arrival->key = kept(request, "idempotency-key");
    arrival->stamp = kept(request, "x-papilio-timestamp");
    arrival->signature = kept(request, "x-papilio-signature");
    status = status_of(arrival->path);
    delay_ms = sink.delay_ms;
    header = status == 200 ? (struct str){0} : sink.header;
    pthread_mutex_unlock(&sink.lock);
    if (delay_ms > 0)
        usleep((useconds_t)delay_ms * 1000);
    http_reply(request, &(struct http_reply){.status = status,
                                             .type = "text/plain",
                                             .headers = header,
                                             .body = status == 200 ? S("ok") : S("no")});
}

void sink_start(void)
{
    struct http_config config;

    http_config_init(&config);
    config.listen = S("127.0.0.1:0");
    config.on_request = arrive;
    sink.arena = arena_new((size_t)64 * 1024 * 1024);
    assert_int_equal(http_start(&config, &sink.server), OK);
}

void sink_stop(void)
{
    http_stop(sink.server, 1000);
    http_free(sink.server);
    arena_free(sink.arena);
}

int sink_port(void)
{
    return http_port(sink.server);
}

void sink_reset(void)
{
    pthread_mutex_lock(&sink.lock);
    sink.arrivals = (struct list){0};
    sink.cap = sink.rule_count = sink.delay_ms = 0;
    sink.header = (struct str){0};
    pthread_mutex_unlock(&sink.lock);
}

void sink_answer(const char *path, int status, int count)
{
    pthread_mutex_lock(&sink.lock);
    assert_true(sink.rule_count < RULE_MAX);
    sink.rules[sink.rule_count].path = path;
    sink.rules[sink.rule_count].status = status;
    sink.rules[sink.rule_count++].count = count;
    pthread_mutex_unlock(&sink.lock);
}

void sink_header(struct str line)
{
    pthread_mutex_lock(&sink.lock);
    sink.header = str_copy(sink.arena, line);
    pthread_mutex_unlock(&sink.lock);
}

void sink_calm(void)
{
    pthread_mutex_lock(&sink.lock);
    sink.rule_count = sink.delay_ms = 0;
    pthread_mutex_unlock(&sink.lock);
}

void sink_delay(int delay_ms)
{
    pthread_mutex_lock(&sink.lock);
    sink.delay_ms = delay_ms;
    pthread_mutex_unlock(&sink.lock);
}

static bool is_at(const struct sink_arrival *arrival, const char *path)
{
    return path == NULL || str_is(arrival->path, path);
}

int sink_count(const char *path)
{
    const struct sink_arrival *arrivals = sink.arrivals.at;
    int count = 0;

    pthread_mutex_lock(&sink.lock);
    arrivals = sink.arrivals.at;
    for (int64_t i = 0; i < sink.arrivals.count; i++)
        count += is_at(&arrivals[i], path);
    pthread_mutex_unlock(&sink.lock);
    return count;
}

struct str sink_bodies(const char *path)
{
    const struct sink_arrival *arrivals;
    struct str text;
    struct buf buf;

    buf_init(&buf, 1 << 20);
    pthread_mutex_lock(&sink.lock);
    arrivals = sink.arrivals.at;
    for (int64_t i = 0; i < sink.arrivals.count; i++)
        if (is_at(&arrivals[i], path))
            buf_fmt(&buf, "%s%.*s", buf.len ? " " : "", STR(arrivals[i].body));
    text = str_copy(sink.arena, buf_view(&buf));
    pthread_mutex_unlock(&sink.lock);
    buf_release(&buf);
    return text;
}

struct sink_arrival sink_last(const char *path)
{
    const struct sink_arrival *arrivals;
    struct sink_arrival last = {0};

    pthread_mutex_lock(&sink.lock);
    arrivals = sink.arrivals.at;
    for (int64_t i = 0; i < sink.arrivals.count; i++)
        if (is_at(&arrivals[i], path))
            last = arrivals[i];
    pthread_mutex_unlock(&sink.lock);
    return last;
}
