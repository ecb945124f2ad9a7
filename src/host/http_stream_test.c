/* Event streams: sending from any thread, slow readers, and on_close exactly once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/http.h"
#include "http_peer.h"

#define STREAM_MAX 64
#define BEAT_MS 100
#define GRACE_MS 60000
#define GET "GET /events HTTP/1.1\r\nHost: x\r\n\r\n"

/* Streams stay in `open` until on_close; who sends holds the mutex, as the header asks. */
static struct {
    struct http_server *server;
    pthread_mutex_t mutex;
    struct http_stream *open[STREAM_MAX];
    int open_count, opened_count;
    _Atomic int asked_count, closed_count, wrong_thread_count;
    bool is_elsewhere, is_chatty;
    pthread_t loop_thread;
} world = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void on_close(void *user, struct http_stream *stream)
{
    pthread_mutex_lock(&world.mutex);
    world.wrong_thread_count += !pthread_equal(pthread_self(), world.loop_thread);
    world.wrong_thread_count += user != &world;
    for (int i = 0; i < world.open_count; i++) {
        if (world.open[i] == stream) {
            world.open[i] = world.open[--world.open_count];
            world.closed_count++;
            break;
        }
    }
    pthread_mutex_unlock(&world.mutex);
}

static void *open_stream(void *arg)
{
    struct http_request *request = arg;
    struct http_stream *stream;

    pthread_mutex_lock(&world.mutex);
    http_replies_begin();
    stream = http_stream_open(request, S("X-One: 1\r\n"), on_close, &world);
    world.open[world.open_count++] = stream;
    world.opened_count++;
    if (world.is_chatty)
        http_stream_send(stream, S("data: hello\n\n"));
    http_replies_end();
    pthread_mutex_unlock(&world.mutex);
    return NULL;
}

static void on_request(void *user, struct http_request *request)
{
    pthread_t thread;

    (void)user;
    world.asked_count++;
    if (!world.is_elsewhere) {
        open_stream(request);
        return;
    }
    must(pthread_create(&thread, NULL, open_stream, request) == 0);
    pthread_detach(thread);
}

static void on_loop_start(void *user, int loop)
{
    (void)user;
    (void)loop;
    world.loop_thread = pthread_self();
}

static int set_up(void **state)
{
    struct http_config config;

    (void)state;
    world.open_count = world.opened_count = 0;
    world.asked_count = world.closed_count = world.wrong_thread_count = 0;
    world.is_chatty = true;
    http_config_init(&config);
    config.listen = S("127.0.0.1:0");
    config.on_request = on_request;
    config.on_loop_start = on_loop_start;
    config.beat_ms = BEAT_MS;
    return http_start(&config, &world.server) == OK ? 0 : -1;
}

static int set_up_elsewhere(void **state)
{
    world.is_elsewhere = true;
    return set_up(state);
}

static int tear_down(void **state)
{
    (void)state;
    if (world.server != NULL) {
        http_stop(world.server, 10000);
        http_free(world.server);
    }
    world.server = NULL;
    world.is_elsewhere = false;
    return world.open_count == 0 && world.wrong_thread_count == 0 ? 0 : -1;
}

static int send_all(struct str bytes)
{
    int count;

    pthread_mutex_lock(&world.mutex);
    count = world.open_count;
    http_replies_begin();
    for (int i = 0; i < world.open_count; i++)
        http_stream_send(world.open[i], bytes);
    http_replies_end();
    pthread_mutex_unlock(&world.mutex);
    return count;
}

static bool await_closed(int count)
{
    for (int ms = 0; ms < PEER_WAIT_MS && world.closed_count < count; ms += 10)
        peer_nap_ms(10);
    return world.closed_count == count;
}

/* Nobody is connected, and whoever asked has had a stream that is closed again. */
static bool await_all_closed(void)
{
    struct http_stats stats = {.connection_count = 1};
    bool is_over = false;

    for (int ms = 0; ms < PEER_WAIT_MS && !is_over; ms += 10) {
        peer_nap_ms(10);
        http_stats(world.server, &stats);
        is_over = stats.connection_count == 0 && world.closed_count == world.asked_count;
    }
    return is_over;
}

static void sends_events(void **state)
{
    int fd = peer_dial(http_port(world.server));
    struct str answer;

    (void)state;
    peer_say(fd, S(GET));
    answer = peer_hear(fd, "hello\n\n");
    assert_int_equal(peer_status(answer), 200);
    assert_true(peer_has(answer, "\r\nContent-Type: text/event-stream\r\n"));
    assert_true(peer_has(answer, "\r\nCache-Control: no-cache\r\n"));
    assert_true(peer_has(answer, "\r\nX-One: 1\r\n"));
    assert_false(peer_has(answer, "Content-Length"));
    assert_true(peer_has(answer, "\r\n\r\ndata: hello\n\n"));
    for (int i = 0; i < 100; i++)
        send_all(S("data: x\n\n"));
    send_all(S("data: end\n\n"));
    answer = peer_hear(fd, "data: end\n\n");
    assert_int_equal(peer_count(answer, "data: x\n\n"), 100); /* between heartbeats */
    assert_int_equal(world.closed_count, 0);
    close(fd);
    assert_true(await_closed(1));
}

static void says_that_it_lives(void **state)
{
    int fd = peer_dial(http_port(world.server));
    int64_t start_ms = peer_now_ms();

    (void)state;
    world.is_chatty = false;
    peer_say(fd, S(GET));
    assert_true(str_ends(peer_hear(fd, "\r\n\r\n:\n\n:\n\n:\n\n"), S(":\n\n")));
    assert_true(peer_now_ms() - start_ms >= 3 * BEAT_MS - 30);
    close(fd);
    assert_true(await_closed(1));
}

static void sees_the_peer_leave(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        int fd = peer_dial(http_port(world.server));
        struct linger reset = {.l_onoff = i % 2, .l_linger = 0};

        peer_say(fd, S(GET));
        if (i % 3)
            peer_hear(fd, "hello");
        else
            peer_nap_ms(5);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
        send_all(S("data: to the air\n\n"));
    }
    assert_true(await_all_closed());
    assert_int_equal(world.closed_count, world.opened_count);
    assert_true(world.opened_count >=
                26); /* all that were heard; a reset may come before its request is read */
}

static void leaves_slow_readers(void **state)
{
    static char large[16384];
    int fd = peer_dial(http_port(world.server));
    int64_t before_bytes = peer_heap_bytes();

    (void)state;
    memset(large, 'x', sizeof(large));
    peer_say(fd, S(GET));
    peer_hear(fd, "hello");
    for (int i = 0; i < 4000 && world.closed_count == 0; i++)
        send_all((struct str){large, sizeof(large)});
    assert_true(await_all_closed());
    assert_true(peer_heap_bytes() - before_bytes < 1024 * 1024);
    close(fd);
}

static void ends_streams_when_told(void **state)
{
    int fd = peer_dial(http_port(world.server));

    (void)state;
    peer_say(fd, S(GET));
    peer_hear(fd, "hello");
    pthread_mutex_lock(&world.mutex);
    assert_int_equal(world.open_count, 1);
    http_stream_close(world.open[0]);
    http_stream_close(world.open[0]);
    http_stream_send(world.open[0], S("data: too late\n\n"));
    pthread_mutex_unlock(&world.mutex);
    assert_false(peer_has(peer_hear(fd, NULL), "too late"));
    assert_true(peer_heard_end());
    assert_true(await_closed(1));
    close(fd);
}

static void ends_streams_on_stop(void **state)
{
    int fds[3];
    int64_t start_ms;

    (void)state;
    for (int i = 0; i < 3; i++) {
        fds[i] = peer_dial(http_port(world.server));
        peer_say(fds[i], S(GET));
        peer_hear(fds[i], "hello");
    }
    start_ms = peer_now_ms();
    http_stop(world.server, GRACE_MS);
    http_free(world.server);
    world.server = NULL;
    assert_true(peer_now_ms() - start_ms < GRACE_MS); /* they are not waited for */
    assert_int_equal(world.closed_count, 3);
    for (int i = 0; i < 3; i++) {
        peer_hear(fds[i], NULL);
        assert_true(peer_heard_end());
        close(fds[i]);
    }
}

static void *talk(void *unused)
{
    for (int i = 0; i < 300; i++) {
        send_all(S("data: talk\n\n"));
        if (i % 50 == 0)
            peer_nap_ms(1);
    }
    return unused;
}

static void sends_from_many_threads(void **state)
{
    pthread_t threads[3];
    int fds[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        fds[i] = peer_dial(http_port(world.server));
        peer_say(fds[i], S(GET));
        peer_hear(fds[i], "hello\n\n");
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, talk, NULL), 0);
    close(fds[7]); /* in the middle of it */
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    send_all(S("data: end\n\n"));
    for (int i = 0; i < 7; i++) {
        struct str heard = peer_hear(fds[i], "data: end\n\n");

        assert_int_equal(peer_count(heard, "data: talk\n\n"), 900);
        close(fds[i]);
    }
    assert_true(await_closed(8));
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down),                                      \
        cmocka_unit_test_setup_teardown(name, set_up_elsewhere, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sends_events),
        CASE(says_that_it_lives),
        CASE(sees_the_peer_leave),
        CASE(leaves_slow_readers),
        CASE(ends_streams_when_told),
        CASE(ends_streams_on_stop),
        CASE(sends_from_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
