/* Many at once: idle connections, slow readers, replies from other threads, stopping, and where the
 * server listens. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_peer.h"
#include "http_world.h"

#define HOST "Host: x\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define IDLE_COUNT 2000
#define IDLE_BYTES_MAX 4096
#define CLIENT_COUNT 8
#define ROUND_COUNT 20
#define PIPELINE_COUNT 25
#define WRITE_MS 300
#define GRACE_MS 60000 /* nobody waits for it to its end */

static int set_up(void **state)
{
    struct http_config config;

    (void)state;
    world_config(&config);
    world_start(&config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_stop(200);
    return 0;
}

/* ---- many connections ------------------------------------------------------------------------ */

static void keeps_idle_connections_cheaply(void **state)
{
    static int fds[IDLE_COUNT];
    struct http_config config;
    struct http_stats stats;
    int64_t before_bytes, after_bytes;

    (void)state;
    peer_allow_files(2 * IDLE_COUNT + 200);
    world_config(&config);
    config.idle_ms = 60000;
    config.head_ms = 20000;
    world_start(&config);
    assert_int_equal(peer_status(peer_ask(world_port(), S(GET "Connection: close\r\n\r\n"))), 200);
    before_bytes = peer_heap_bytes();
    for (int i = 0; i < IDLE_COUNT; i++) {
        fds[i] = peer_dial(world_port());
        peer_say(fds[i], S(GET "\r\n"));
        assert_int_equal(peer_status(peer_hear(fds[i], ">")), 200);
    }
    after_bytes = peer_heap_bytes();
    print_message("an idle connection takes %d bytes\n",
                  (int)((after_bytes - before_bytes) / IDLE_COUNT));
    assert_true(after_bytes - before_bytes < (int64_t)IDLE_COUNT * IDLE_BYTES_MAX);
    http_stats(world_server(), &stats);
    assert_int_equal(stats.connection_count, IDLE_COUNT);
    for (int i = 0; i < IDLE_COUNT; i++) {
        peer_say(fds[i], S(GET "\r\n"));
        assert_int_equal(peer_status(peer_hear(fds[i], ">")), 200);
        close(fds[i]);
    }
    world_stop(200);
}

static void refuses_too_many_connections(void **state)
{
    struct http_config config;
    int fds[3];
    struct str answer;

    (void)state;
    world_config(&config);
    config.connection_max = 2;
    world_start(&config);
    for (int i = 0; i < 2; i++) {
        fds[i] = peer_dial(world_port());
        peer_say(fds[i], S("GET /late HTTP/1.1\r\n" HOST "\r\n"));
        assert_int_equal(peer_status(peer_hear(fds[i], ">")), 200);
    }
    answer = peer_ask(world_port(), S(GET "\r\n"));
    assert_int_equal(peer_status(answer), 503);
    assert_true(peer_has(answer, "http.busy"));
    assert_true(peer_has(answer, "Retry-After: 1\r\n"));
    close(fds[0]);
    world_await_connections(1);
    fds[2] = peer_dial(world_port());
    peer_say(fds[2], S(GET "\r\n"));
    assert_int_equal(peer_status(peer_hear(fds[2], ">")), 200);
    close(fds[1]);
    close(fds[2]);
    world_stop(200);
}

/* ---- slow readers ---------------------------------------------------------------------------- */

/* 200 answers of 256 KiB are asked for at once; they are made as the peer takes them. */
static void bounds_what_waits_for_a_reader(void **state)
{
    int fd = peer_dial(world_port());
    int64_t before_bytes = peer_heap_bytes();
    struct str answer;
    int heard_count = 0;

    (void)state;
    for (int i = 0; i < 200; i++)
        peer_say(fd, S("GET /big?262144 HTTP/1.1\r\n" HOST "\r\n"));
    peer_nap_ms(100);
    assert_true(peer_heap_bytes() - before_bytes < 4 * 1024 * 1024);
    peer_say(fd, S("GET /end HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    for (;;) {
        answer = peer_hear(fd, "HTTP/1.1 200 OK");
        heard_count += peer_count(answer, "HTTP/1.1 200 OK");
        if (peer_heard_end() || answer.len == 0)
            break;
    }
    assert_true(peer_heard_end());
    assert_true(heard_count >= 190); /* a head that came in two pieces is not counted */
    close(fd);
}

static void sends_large_replies_whole(void **state)
{
    int fd = peer_dial(world_port());
    struct str answer;
    int64_t at;

    (void)state;
    peer_say(fd, S("GET /big?8000000 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    peer_nap_ms(50);
    answer = peer_hear(fd, NULL);
    at = str_find(answer, S("\r\n\r\n"));
    assert_true(at > 0);
    assert_int_equal(answer.len - (size_t)at - 4, 8000000);
    for (size_t i = (size_t)at + 4; i < answer.len; i++)
        assert_true(answer.at[i] == 'b');
    close(fd);
}

/* It asks for much and takes nothing. */
static void leaves_who_does_not_read(void **state)
{
    struct http_config config;
    int64_t start_ms;
    int fd;

    (void)state;
    world_config(&config);
    config.write_ms = WRITE_MS;
    world_start(&config);
    fd = peer_dial(world_port());
    start_ms = peer_now_ms();
    peer_say(fd, S("GET /big?16000000 HTTP/1.1\r\n" HOST "\r\n"));
    world_await_read(10);
    world_await_connections(0);
    assert_true(peer_now_ms() - start_ms >= WRITE_MS - 30); /* and not at once */
    close(fd);
    world_stop(200);
}

/* ---- other threads --------------------------------------------------------------------------- */

/* Pipelines late requests and finds each answer in its place. */
static void *client_main(void *arg)
{
    int client = *(int *)arg, fd = peer_dial(world_port());
    char text[4096], wanted[64];
    int64_t bad_count = 0;

    for (int round = 0; round < ROUND_COUNT; round++) {
        size_t len = 0;
        char *heard;

        for (int i = 0; i < PIPELINE_COUNT; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len,
                                    "GET /%s%d_%d_%d HTTP/1.1\r\n" HOST "\r\n",
                                    i % 3 ? "late" : "now", client, round, i);
        peer_say(fd, (struct str){text, len});
        heard = calloc(1, 16384);
        for (size_t at = 0; at < 16383;) {
            ssize_t part = recv(fd, heard + at, 16383 - at, 0);

            snprintf(wanted, sizeof(wanted), "%d_%d_%d ?", client, round, PIPELINE_COUNT - 1);
            at += part > 0 ? (size_t)part : 0;
            if (part <= 0 || (strstr(heard, wanted) != NULL && heard[at - 1] == '>'))
                break;
        }
        for (int i = 0, at = 0; i < PIPELINE_COUNT; i++) {
            char *found;

            snprintf(wanted, sizeof(wanted), "/%s%d_%d_%d ?", i % 3 ? "late" : "now", client, round,
                     i);
            found = strstr(heard + at, wanted);
            bad_count += found == NULL;
            at = found != NULL ? (int)(found - heard) : at;
        }
        free(heard);
    }
    close(fd);
    return bad_count == 0 ? NULL : arg;
}

static void answers_from_other_threads(void **state)
{
    pthread_t threads[CLIENT_COUNT];
    int clients[CLIENT_COUNT];
    struct http_stats stats;

    (void)state;
    for (int i = 0; i < CLIENT_COUNT; i++) {
        clients[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, client_main, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENT_COUNT; i++) {
        void *bad = NULL;

        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    http_stats(world_server(), &stats);
    assert_int_equal(stats.request_count, CLIENT_COUNT * ROUND_COUNT * PIPELINE_COUNT);
    assert_true(stats.byte_out_count > stats.byte_in_count);
}

/* The handler still works when the peer has gone. */
static void drops_replies_to_the_departed(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        int fd = peer_dial(world_port());
        struct linger reset = {.l_onoff = 1, .l_linger = 0};

        peer_say(fd, S("GET /hold HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n"));
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        while (world_held_count() <= i)
            peer_nap_ms(1);
        close(fd);
    }
    peer_nap_ms(50);
    world_release();
    world_await_connections(0);
    assert_int_equal(peer_status(peer_ask(world_port(), S(GET "Connection: close\r\n\r\n"))), 200);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void *release_soon(void *unused)
{
    peer_nap_ms(150);
    world_release();
    return unused;
}

static void stops_when_requests_are_done(void **state)
{
    struct http_config config;
    int idle_fd, work_fd, half_fd;
    pthread_t thread;
    int64_t start_ms;

    (void)state;
    world_config(&config);
    config.idle_ms = config.head_ms = 60000;
    world_start(&config);
    idle_fd = peer_dial(world_port());
    peer_say(idle_fd, S(GET "\r\n"));
    assert_int_equal(peer_status(peer_hear(idle_fd, ">")), 200);
    work_fd = peer_dial(world_port());
    peer_say(work_fd, S("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
    half_fd = peer_dial(world_port());
    while (world_held_count() < 1)
        peer_nap_ms(1);
    pthread_create(&thread, NULL, release_soon, NULL);
    start_ms = peer_now_ms();
    world_stop(GRACE_MS);
    assert_true(peer_now_ms() - start_ms < GRACE_MS);
    pthread_join(thread, NULL);
    assert_true(peer_has(peer_hear(work_fd, NULL), "/hold ? [] 0")); /* for that it did wait */
    assert_true(peer_heard_end());
    assert_int_equal(peer_hear(idle_fd, NULL).len, 0);
    assert_true(peer_heard_end());
    assert_int_equal(peer_hear(half_fd, NULL).len, 0);
    close(idle_fd);
    close(work_fd);
    close(half_fd);
}

/* A request that was read only after the stop began is told that the connection ends. */
static void says_close_while_stopping(void **state)
{
    struct http_config config;
    pthread_t thread;
    struct str answer;
    int fd;

    (void)state;
    world_config(&config);
    config.head_ms = 60000;
    world_start(&config);
    fd = peer_dial(world_port());
    peer_say(fd, S("GET /hold/1 HTTP/1.1\r\n" HOST "\r\nGET /hold/2 HTTP/1.1\r\n"));
    while (world_held_count() < 1)
        peer_nap_ms(1);
    pthread_create(&thread, NULL, release_soon, NULL);
    world_stop(GRACE_MS);
    pthread_join(thread, NULL);
    answer = peer_hear(fd, NULL);
    assert_int_equal(peer_count(answer, "HTTP/1.1 200 OK"), 1);
    assert_true(peer_heard_end());
    close(fd);
}

/* A handler that never answers cannot keep the program. */
static void stops_without_the_stuck(void **state)
{
    struct http_config config;
    int64_t start_ms;
    int fd;

    (void)state;
    world_config(&config);
    world_start(&config);
    fd = peer_dial(world_port());
    peer_say(fd, S("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
    while (world_held_count() < 1)
        peer_nap_ms(1);
    start_ms = peer_now_ms();
    world_stop(100);
    assert_true(peer_now_ms() - start_ms >= 90);
    assert_int_equal(peer_hear(fd, NULL).len, 0);
    assert_true(peer_heard_end());
    world_release(); /* too late, and harmless */
    close(fd);
}

/* ---- listening ------------------------------------------------------------------------------- */

static void listens_on_a_file(void **state)
{
    struct http_config config;
    struct stat found;
    char path[128];
    int fd;

    (void)state;
    world_config(&config);
    snprintf(path, sizeof(path), "%s/sock", world_folder());
    config.unix_path = str_of(path);
    world_start(&config);
    assert_int_equal(stat(path, &found), 0);
    assert_true(S_ISSOCK(found.st_mode));
    assert_int_equal(found.st_mode & 0777, 0600);
    fd = peer_dial_unix(path);
    peer_say(fd, S(GET "\r\n"));
    assert_true(peer_has(peer_hear(fd, ">"), " local=1 "));
    close(fd);
    assert_true(peer_has(peer_ask(world_port(), S(GET "Connection: close\r\n\r\n")), " local=0 "));
    world_stop(200);
    assert_int_equal(stat(path, &found), -1);
}

static void refuses_addresses(void **state)
{
    struct http_config config;
    struct http_server *server = NULL;
    char listen[64];

    (void)state;
    http_config_init(&config);
    for (int loop_count = 1; loop_count <= 2; loop_count++) {
        config.loop_count = loop_count;
        snprintf(listen, sizeof(listen), "127.0.0.1:%d", world_port());
        config.listen = str_of(listen);
        assert_int_equal(http_start(&config, &server), E_IO); /* in use */
        config.listen = S("127.0.0.1");
        assert_int_equal(http_start(&config, &server), E_INPUT);
        config.listen = S("here:80");
        assert_int_equal(http_start(&config, &server), E_INPUT);
        config.listen = S("127.0.0.1:70000");
        assert_int_equal(http_start(&config, &server), E_INPUT);
        config.listen = S("192.0.2.1:0");
        assert_int_equal(http_start(&config, &server), E_IO);
    }
    assert_null(server);
}

static void takes_the_place_of_a_dead_server(void **state)
{
    struct http_config config;
    char path[128];
    int fd;

    (void)state;
    world_config(&config);
    snprintf(path, sizeof(path), "%s/sock", world_folder());
    config.unix_path = str_of(path);
    world_start(&config); /* and a copy of its socket file stays behind */
    {
        char other[160];
        snprintf(other, sizeof(other), "%s.left", path);
        assert_int_equal(rename(path, other), 0);
        world_stop(100);
        assert_int_equal(rename(other, path), 0);
    }
    world_config(&config);
    config.unix_path = str_of(path);
    world_start(&config);
    fd = peer_dial_unix(path);
    peer_say(fd, S(GET "\r\n"));
    assert_int_equal(peer_status(peer_hear(fd, ">")), 200);
    close(fd);
    world_stop(100);
    *strrchr(path, '/') = 0;
    rmdir(path);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_idle_connections_cheaply),
        cmocka_unit_test(refuses_too_many_connections),
        CASE(bounds_what_waits_for_a_reader),
        CASE(sends_large_replies_whole),
        cmocka_unit_test(leaves_who_does_not_read),
        CASE(answers_from_other_threads),
        CASE(drops_replies_to_the_departed),
        cmocka_unit_test(stops_when_requests_are_done),
        cmocka_unit_test(says_close_while_stopping),
        cmocka_unit_test(stops_without_the_stuck),
        cmocka_unit_test(listens_on_a_file),
        CASE(refuses_addresses),
        cmocka_unit_test(takes_the_place_of_a_dead_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
