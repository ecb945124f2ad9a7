/* The server over real sockets: what a peer may do to it, and what it answers. Deadlines are short here, so that it is quick. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/http.h"

#define ANSWER_MAX (8 * 1024 * 1024)
#define HEAD_MS 300
#define BODY_MS 300
#define IDLE_MS 600

/* ---- a server whose handlers answer here or on another thread ------------------------------------------- */

struct late {
    struct http_request *request;
    struct late *next;
};
static struct {
    struct http_server *server;
    pthread_mutex_t mutex;
    pthread_cond_t stirred;
    struct http_request *queue[65536];
    unsigned head, tail;
    bool is_over;
    pthread_t thread;
    struct http_stream *stream;
    int opened_count, closed_count;
    char folder[64];
} world = {.mutex = PTHREAD_MUTEX_INITIALIZER, .stirred = PTHREAD_COND_INITIALIZER};

static void reply_text(struct http_request *request, int status, struct str body)
{
    struct http_reply reply = {.status = status, .type = "text/plain", .body = body};

    http_reply(request, &reply);
}

static void reply_echo(struct http_request *request)
{
    struct arena *arena = http_arena(request);
    struct str body = http_body(request);

    reply_text(request, 200,
        str_fmt(arena, "%d %.*s ?%.*s [%.*s] %" PRId64, (int)http_method(request), STR(http_path(request)),
            STR(http_query(request)), STR(body), http_body_bytes(request)));
}

static void *late_main(void *unused)
{
    struct http_request *batch[64];
    int count;

    (void)unused;
    for (;;) {
        pthread_mutex_lock(&world.mutex);
        while (world.head == world.tail && !world.is_over)
            pthread_cond_wait(&world.stirred, &world.mutex);
        for (count = 0; count < 64 && world.head != world.tail; count++)
            batch[count] = world.queue[world.head++ % ARRAY_LEN(world.queue)];
        pthread_mutex_unlock(&world.mutex);
        if (count == 0)
            return NULL;
        http_replies_begin();
        for (int i = 0; i < count; i++)
            reply_echo(batch[i]);
        http_replies_end();
    }
}

static void hand_over(struct http_request *request)
{
    pthread_mutex_lock(&world.mutex);
    world.queue[world.tail++ % ARRAY_LEN(world.queue)] = request;
    pthread_cond_signal(&world.stirred);
    pthread_mutex_unlock(&world.mutex);
}

static void on_request(void *user, struct http_request *request)
{
    struct str path = http_path(request);

    (void)user;
    if (str_starts(path, S("/late")))
        hand_over(request);
    else
        reply_echo(request);
}

static void start(struct http_config *config)
{
    config->listen = S("127.0.0.1:0");
    config->on_request = on_request;
    world.is_over = false;
    world.head = world.tail = 0;
    assert_int_equal(http_start(config, &world.server), OK);
    assert_int_equal(pthread_create(&world.thread, NULL, late_main, NULL), 0);
}

static int set_up(void **state)
{
    struct http_config config;

    (void)state;
    http_config_init(&config);
    config.head_ms = HEAD_MS;
    config.body_ms = BODY_MS;
    config.idle_ms = IDLE_MS;
    config.loop_count = 2;
    start(&config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pthread_mutex_lock(&world.mutex);
    world.is_over = true;
    pthread_cond_signal(&world.stirred);
    pthread_mutex_unlock(&world.mutex);
    pthread_join(world.thread, NULL);
    http_stop(world.server, 200);
    return 0;
}

/* ---- a client that does as it likes ----------------------------------------------------------------------- */

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_port(world.server))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads until the peer closes, `until` has come, or the time is over. */
static const char *hear(int fd, const char *until, int most_ms)
{
    static char text[ANSWER_MAX];
    size_t len = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    text[0] = 0;
    while (len < sizeof(text) - 1 && poll(&ready, 1, most_ms) == 1) {
        ssize_t part = recv(fd, text + len, sizeof(text) - 1 - len, 0);

        if (part <= 0)
            break;
        len += (size_t)part;
        text[len] = 0;
        if (until != NULL && strstr(text, until) != NULL)
            break;
    }
    return text;
}

static int status_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

static int ask(const char *text)
{
    int fd = dial();
    int status;

    say(fd, text);
    status = status_of(hear(fd, "\r\n\r\n", 3000));
    close(fd);
    return status;
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"

static void answers_get(void **state)
{
    int fd = dial();
    const char *answer;

    (void)state;
    say(fd, "GET /a/b?c=d HTTP/1.1\r\nHost: x\r\n\r\n");
    answer = hear(fd, "] 0", 3000);
    assert_int_equal(status_of(answer), 200);
    assert_non_null(strstr(answer, "0 /a/b ?c=d [] 0"));
    assert_non_null(strstr(answer, "Content-Length: 16\r\n"));
    assert_non_null(strstr(answer, "Date: "));
    assert_null(strstr(answer, "Connection:"));
    say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    assert_non_null(strstr(hear(fd, "] 5", 3000), "2 /p ? [hello] 5"));
    say(fd, "GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(hear(fd, "] 0", 3000), "0 /late ? [] 0"));
    close(fd);
}

static void refuses_what_is_not_http(void **state)
{
    (void)state;
    assert_int_equal(ask(GET "\r\n"), 200);
    assert_int_equal(ask(GET "Content-Length: +5\r\n\r\nhello"), 400);
    assert_int_equal(ask(GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
    assert_int_equal(ask("GET / HTTP/1.1\nHost: x\n\n"), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_get, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_not_http, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
