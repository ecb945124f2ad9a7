/* See http_world.h. */
#include "http_world.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_peer.h"

#define QUEUE_MAX 65536
#define BATCH_MAX 64

static struct {
    struct http_server *server;
    pthread_mutex_t mutex;
    pthread_cond_t stirred;
    struct http_request *late[QUEUE_MAX], *hold[QUEUE_MAX];
    unsigned head, tail, hold_count, answering_count;
    bool is_over;
    pthread_t thread;
    char folder[64];
} world = {.mutex = PTHREAD_MUTEX_INITIALIZER, .stirred = PTHREAD_COND_INITIALIZER};

static void reply_text(struct http_request *request, struct str body)
{
    struct http_reply reply = {.status = 200, .type = "text/plain", .body = body};

    http_reply(request, &reply);
}

static void reply_echo(struct http_request *request)
{
    struct str peer = http_peer(request), cookie = http_cookie(request, "one");
    struct str header = http_header(request, "x-one");

    reply_text(request,
               str_fmt(http_arena(request),
                       "<%d %.*s ?%.*s [%.*s] %" PRId64 " peer=%.*s local=%d one=%.*s x=%.*s>",
                       (int)http_method(request), STR(http_path(request)), STR(http_query(request)),
                       STR(http_body(request)), http_body_bytes(request), STR(peer),
                       http_is_local(request), (int)cookie.len, cookie.at ? cookie.at : "",
                       (int)header.len, header.at ? header.at : ""));
}

static int take_batch(struct http_request **batch)
{
    int count;

    pthread_mutex_lock(&world.mutex);
    world.answering_count = 0;
    while (world.head == world.tail && !world.is_over)
        pthread_cond_wait(&world.stirred, &world.mutex);
    for (count = 0; count < BATCH_MAX && world.head != world.tail; count++)
        batch[count] = world.late[world.head++ % QUEUE_MAX];
    world.answering_count = (unsigned)count;
    pthread_mutex_unlock(&world.mutex);
    return count;
}

static void *late_main(void *unused)
{
    struct http_request *batch[BATCH_MAX];
    int count;

    while ((count = take_batch(batch)) > 0) {
        http_replies_begin();
        for (int i = 0; i < count; i++)
            reply_echo(batch[i]);
        http_replies_end();
    }
    return unused;
}

static void reply_big(struct http_request *request)
{
    int64_t bytes = 0;
    char *body;

    str_to_int(http_query(request), &bytes);
    body = arena_alloc(http_arena(request), (size_t)bytes + 1);
    memset(body, 'b', (size_t)bytes);
    reply_text(request, (struct str){body, (size_t)bytes});
}

static void on_request(void *user, struct http_request *request)
{
    struct str path = http_path(request);

    (void)user;
    if (str_starts(path, S("/big"))) {
        reply_big(request);
    } else if (str_starts(path, S("/late")) || str_starts(path, S("/hold"))) {
        pthread_mutex_lock(&world.mutex);
        if (str_starts(path, S("/late")))
            world.late[world.tail++ % QUEUE_MAX] = request;
        else
            world.hold[world.hold_count++] = request;
        pthread_cond_signal(&world.stirred);
        pthread_mutex_unlock(&world.mutex);
    } else {
        reply_echo(request);
    }
}

static void on_head(void *user, struct http_request *request)
{
    (void)user;
    if (str_is(http_path(request), "/upload"))
        http_body_to_file(request, str_fmt(http_arena(request), "%s/body", world.folder),
                          4 * 1024 * 1024);
    if (str_is(http_path(request), "/nowhere"))
        http_body_to_file(request, str_fmt(http_arena(request), "%s/no/body", world.folder), 100);
}

void world_config(struct http_config *config)
{
    http_config_init(config);
    config->listen = S("127.0.0.1:0");
    config->loop_count = 2;
    config->on_request = on_request;
    config->on_head = on_head;
    snprintf(world.folder, sizeof(world.folder), "/tmp/papilio-http-XXXXXX");
    assert_non_null(mkdtemp(world.folder));
}

void world_start(const struct http_config *config)
{
    world.is_over = false;
    world.head = world.tail = world.hold_count = 0;
    assert_int_equal(http_start(config, &world.server), OK);
    assert_int_equal(pthread_create(&world.thread, NULL, late_main, NULL), 0);
}

struct http_server *world_server(void)
{
    return world.server;
}

int world_port(void)
{
    return http_port(world.server);
}

const char *world_folder(void)
{
    return world.folder;
}

static struct http_stats stats_now(void)
{
    struct http_stats stats;

    http_stats(world.server, &stats);
    return stats;
}

void world_await_read(int64_t bytes)
{
    for (int ms = 0; ms < PEER_WAIT_MS && stats_now().byte_in_count < bytes; ms += 5)
        peer_nap_ms(5);
    assert_true(stats_now().byte_in_count >= bytes);
}

void world_await_connections(int64_t most)
{
    for (int ms = 0; ms < PEER_WAIT_MS && stats_now().connection_count > most; ms += 5)
        peer_nap_ms(5);
    assert_true(stats_now().connection_count <= most);
}

int world_held_count(void)
{
    int count;

    pthread_mutex_lock(&world.mutex);
    count = (int)(world.tail - world.head + world.answering_count + world.hold_count);
    pthread_mutex_unlock(&world.mutex);
    return count;
}

void world_release(void)
{
    pthread_mutex_lock(&world.mutex);
    for (unsigned i = 0; i < world.hold_count; i++)
        reply_echo(world.hold[i]);
    world.hold_count = 0;
    pthread_mutex_unlock(&world.mutex);
}

void world_stop(int grace_ms)
{
    char path[96];

    http_stop(world.server, grace_ms);
    pthread_mutex_lock(&world.mutex);
    world.is_over = true;
    pthread_cond_signal(&world.stirred);
    pthread_mutex_unlock(&world.mutex);
    pthread_join(world.thread, NULL);
    http_free(world.server);
    snprintf(path, sizeof(path), "%s/body", world.folder);
    unlink(path);
    rmdir(world.folder);
}
