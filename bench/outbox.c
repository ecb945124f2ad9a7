/* outbox-send: messages delivered to a sink on loopback by the sender, each under its key, with one
 * journal row each and one in a hundred refused the first time; beside the same requests sent by
 * the pool of connections alone, without a base. */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/client_pool.h"
#include "host/clock.h"
#include "kit/app.h"
#include "kit/outbox.h"

#ifndef MESSAGE_COUNT
#define MESSAGE_COUNT 50000
#endif
#define PAGE 1000
#define ROUND_COUNT 3
#define BAR_PER_S 10000.0
#define IN_FLIGHT 64
#define CONNECTION_MAX 1024

/* ---- the sink -------------------------------------------------------------------------------- */

static struct counts {
    int64_t arrived, refused;
} * counts; /* shared with the child */

static const char *const body =
    "{\"id\":\"795924632698880001\",\"kind\":\"order_paid\",\"occurred_ms\":1767600000000,"
    "\"customer_id\":\"795924632698880002\",\"amount_fen\":12800,\"properties\":{\"order_no\":"
    "\"A20260105-00017\",\"lines\":[{\"sku\":\"C-100\",\"count\":2},{\"sku\":\"C-220\",\"count\":1}"
    "]}}";

struct connection {
    size_t len;
    char at[8192];
};

/* The first whole request's length; 0: not there yet. *is_refused: it asks to be. */
static size_t request_len(const struct connection *c, bool *is_refused)
{
    const char *end = memmem(c->at, c->len, "\r\n\r\n", 4);
    const char *length = memmem(c->at, c->len, "Content-Length: ", 16);
    size_t whole;

    if (end == NULL || length == NULL)
        return 0;
    whole = (size_t)(end - c->at) + 4 + (size_t)strtol(length + 16, NULL, 10);
    *is_refused = memmem(c->at, (size_t)(end - c->at), "X-Refuse", 8) != NULL;
    return c->len >= whole ? whole : 0;
}

static bool connection_serve(int fd, struct connection *c)
{
    static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    static const char bad[] = "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno";
    ssize_t got = read(fd, c->at + c->len, sizeof(c->at) - c->len);
    bool is_refused = false;
    size_t len;

    if (got <= 0)
        return false;
    c->len += (size_t)got;
    while ((len = request_len(c, &is_refused)) > 0) {
        memmove(c->at, c->at + len, c->len - len);
        c->len -= len;
        counts->arrived++;
        counts->refused += is_refused;
        if (write(fd, is_refused ? bad : good, is_refused ? sizeof(bad) - 1 : sizeof(good) - 1) < 0)
            return false;
    }
    return true;
}

static int sink_listen(int report)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        exit(1);
    bench_report(report, ntohs(at.sin_port));
    return fd;
}

static void sink_serve(int report, void *user)
{
    static struct connection *connections[CONNECTION_MAX];
    int listener = sink_listen(report), poll = epoll_create1(0), one = 1;
    struct epoll_event events[64], event = {.events = EPOLLIN, .data.fd = listener};

    (void)user;
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                fd = accept(listener, NULL, NULL);
                if (fd < 0 || fd >= CONNECTION_MAX)
                    exit(1);
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
                connections[fd] = calloc(1, sizeof(struct connection));
                event.data.fd = fd;
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
            } else if (!connection_serve(fd, connections[fd])) {
                free(connections[fd]);
                close(fd);
            }
        }
    }
}

/* ---- the sender ------------------------------------------------------------------------------ */

static int port;

static enum err bench_request(struct ctx *c, const struct outbox_message *m,
                              struct outbox_request *out)
{
    out->url = str_fmt(c->arena, "http://127.0.0.1:%d/", port);
    out->body = m->body;
    out->headers[out->header_count++] = S("Content-Type: application/json");
    out->headers[out->header_count++] = str_fmt(c->arena, "Idempotency-Key: %" PRId64, m->key_id);
    if (m->key_id % 100 == 0 && m->attempt_count == 0)
        out->headers[out->header_count++] = S("X-Refuse: once");
    return OK;
}

static enum err bench_answered(struct ctx *c, const struct outbox_message *m,
                               const struct outbox_answer *answer, enum outbox_verdict *verdict)
{
    struct event event;

    (void)answer;
    if (*verdict != OUTBOX_DONE)
        return OK;
    event_init(&event, c, "message_sent");
    event.subject_id = m->id;
    return journal_emit(c, &event, 1);
}

static const struct outbox_kind bench_kind = {"bench", "测",  "Bench",       0,
                                              0,       false, bench_request, bench_answered};
static const struct outbox_kind *const outbox_kinds[] = {&bench_kind, NULL};
static const struct route no_routes[] = {{.path = NULL}};
static const struct route *const tables[] = {no_routes, NULL};
static const struct role roles[] = {{.name = NULL}};
static const struct event_kind kinds[] = {{.name = "message_sent", .class = EVENT_FACT},
                                          {.name = NULL}};

static enum err add_step(struct ctx *c, void *user)
{
    struct outbox_new *messages = arena_new_array(c->arena, struct outbox_new, PAGE);
    int64_t *key_id = user;

    for (int i = 0; i < PAGE; i++, ++*key_id)
        messages[i] = (struct outbox_new){.kind = "bench",
                                          .key_id = *key_id,
                                          .order_id = *key_id % 20000,
                                          .customer_id = NONE,
                                          .body = str_of(body),
                                          .due_ms = NONE};
    return outbox_add(c, messages, PAGE);
}

static struct app *app_begin(struct arena *arena, const char *folder)
{
    struct app_config config = {.routes = tables,
                                .roles = roles,
                                .kinds = kinds,
                                .outbox_kinds = outbox_kinds,
                                .data = str_of(folder)};
    struct app *app;
    struct str why = {0};

    if (app_open(arena, &config, &app, &why) != OK) {
        printf("%.*s\n", STR(why));
        exit(1);
    }
    return app;
}

static double cpu_us(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

/* Deliveries a second; *cpu: microseconds of this process for each. */
static double sender_round(double *cpu)
{
    char folder[] = "/tmp/papilio-bench-outbox-XXXXXX", command[100];
    struct arena *arena = arena_new((size_t)1 << 30), *page = arena_new((size_t)64 * 1024 * 1024);
    double start_us, cpu_start, took_us;
    int64_t key_id = 0, now_ms = clock_now_ms();
    struct app *app;

    if (mkdtemp(folder) == NULL)
        exit(1);
    app = app_begin(arena, folder);
    clock_simulate(now_ms);
    while (key_id < MESSAGE_COUNT) {
        if (app_write(app, page, add_step, &key_id, NULL) != OK)
            exit(1);
        arena_reset(page);
    }
    *counts = (struct counts){0};
    start_us = bench_now_us();
    cpu_start = cpu_us();
    for (int i = 0; i < 4; i++) { /* those refused are due again, then those behind them */
        clock_simulate(now_ms + i * 60000);
        outbox_await(app);
    }
    took_us = bench_now_us() - start_us;
    *cpu = (cpu_us() - cpu_start) / MESSAGE_COUNT;
    if (counts->arrived - counts->refused != MESSAGE_COUNT || counts->refused == 0)
        printf("%" PRId64 " arrived, %" PRId64 " refused\n", counts->arrived, counts->refused),
            exit(1);
    clock_simulate(NONE);
    app_close(app);
    arena_free(page);
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command) == 0 ? MESSAGE_COUNT / took_us * 1e6 : 0;
}

/* ---- the pool alone -------------------------------------------------------------------------- */

static double pool_round(double *cpu)
{
    static struct client_send sends[IN_FLIGHT];
    struct client_pool *pool = client_pool_new(IN_FLIGHT, IN_FLIGHT);
    struct client_send *free_first = NULL, *ended;
    struct arena *arena = arena_new(1 << 20);
    double start_us = bench_now_us(), cpu_start = cpu_us();
    int64_t begun = 0, done = 0;

    for (int i = 0; i < IN_FLIGHT; i++) {
        sends[i] = (struct client_send){.url = str_fmt(arena, "http://127.0.0.1:%d/", port),
                                        .body = str_of(body),
                                        .header_count = 2,
                                        .timeout_ms = 10000,
                                        .next = free_first};
        sends[i].headers[0] = S("Content-Type: application/json");
        sends[i].headers[1] = S("Idempotency-Key: 795924632698880001");
        free_first = &sends[i];
    }
    while (done < MESSAGE_COUNT) {
        while (free_first && begun < MESSAGE_COUNT) {
            struct client_send *send = free_first;
            free_first = send->next;
            if (!client_pool_add(pool, send))
                exit(1);
            begun++;
        }
        ended = client_pool_run(pool, 1000);
        for (struct client_send *next; ended; ended = next, done++) {
            next = ended->next;
            if (ended->status != 200)
                exit(1);
            buf_release(&ended->reply);
            ended->next = free_first;
            free_first = ended;
        }
    }
    *cpu = (cpu_us() - cpu_start) / MESSAGE_COUNT;
    client_pool_free(pool);
    arena_free(arena);
    return MESSAGE_COUNT / (bench_now_us() - start_us) * 1e6;
}

int main(void)
{
    double ours[ROUND_COUNT], pools[ROUND_COUNT], ours_cpu[ROUND_COUNT], pools_cpu[ROUND_COUNT];
    static char note[200];
    struct bench_child sink;
    struct bench_row row;

    if (!bench_wants("outbox-send"))
        return 0;
    counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED)
        return 1;
    sink = bench_start(sink_serve, NULL);
    port = sink.port;
    for (int i = 0; i < ROUND_COUNT; i++) {
        ours[i] = sender_round(&ours_cpu[i]);
        pools[i] = pool_round(&pools_cpu[i]);
        printf("round %d: %.0f a second at %.1f us of CPU; the pool alone %.0f at %.1f us\n", i + 1,
               ours[i], ours_cpu[i], pools[i], pools_cpu[i]);
    }
    bench_stop(sink);
    snprintf(note, sizeof(note),
             "%d messages with a journal row each, 1 in 100 tried twice; CPU %.1f us each, the "
             "pool's %.1f",
             MESSAGE_COUNT, bench_median(ours_cpu, ROUND_COUNT),
             bench_median(pools_cpu, ROUND_COUNT));
    row = (struct bench_row){.name = "outbox-send",
                             .unit = "deliveries/s",
                             .peer = "the bar",
                             .value = bench_median(ours, ROUND_COUNT),
                             .peer_value = BAR_PER_S,
                             .ratio = bench_median(ours, ROUND_COUNT) / BAR_PER_S,
                             .bar = 1,
                             .is_at_least = true,
                             .note = note};
    bench_row_print(&row);
    return 0;
}
