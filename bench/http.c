/* http-get-memory: a GET answered from memory, server CPU a request, beside a bare epoll loop that
 * answers the same bytes. Rounds are interleaved, so that a machine that changes its speed changes
 * it for both. */
#include "bench.h"
#include "host/http.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUND_COUNT 5
#define ROUND_S 2
#define CONNECTION_COUNT 64
#define BAR 1.6

static void on_request(void *user, struct http_request *request)
{
    struct http_reply reply = {
        .status = 200,
        .type = "application/json",
        .body = S("{\"id\":\"7301234567890123456\",\"name\":\"papilio\"}"),
    };

    (void)user;
    http_reply(request, &reply);
}

static void serve(int report, void *unused)
{
    struct http_config config;
    struct http_server *server;

    (void)unused;
    http_config_init(&config);
    config.listen = S("127.0.0.1:0");
    config.on_request = on_request;
    must(http_start(&config, &server) == OK);
    bench_report(report, http_port(server));
    for (;;)
        pause();
}

/* Our answer's bytes, for the peer to send. */
static struct str fetch(int port)
{
    static char text[4096];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ssize_t len;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    must(write(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27) == 27);
    len = read(fd, text, sizeof(text));
    must(len > 0);
    close(fd);
    return (struct str){text, (size_t)len};
}

static double round_us(struct bench_child child, struct bench_load *load)
{
    double before_us = bench_cpu_us(child.pid);

    *load = bench_wrk(child.port, "/", CONNECTION_COUNT, ROUND_S, NULL);
    must(load->bad_count == 0);
    return (bench_cpu_us(child.pid) - before_us) / (double)load->request_count;
}

int main(void)
{
    double ours_us[ROUND_COUNT], bare_us[ROUND_COUNT], ratios[ROUND_COUNT];
    struct bench_child ours, bare;
    struct bench_load load;
    struct str answer;

    if (!bench_wants("http-get-memory"))
        return 0;
    ours = bench_start(serve, NULL);
    answer = fetch(ours.port);
    bare = bench_start(bench_bare_loop, &answer);
    for (int i = 0; i < ROUND_COUNT; i++) {
        bare_us[i] = round_us(bare, &load);
        printf("  bare  %6.2f us CPU a request  %8.0f/s  p99 %.2f ms\n", bare_us[i], load.per_s,
               load.p99_ms);
        ours_us[i] = round_us(ours, &load);
        ratios[i] = ours_us[i] / bare_us[i];
        printf("  ours  %6.2f us CPU a request  %8.0f/s  p99 %.2f ms  ratio %.2f\n", ours_us[i],
               load.per_s, load.p99_ms, ratios[i]);
    }
    printf("  best ratio %.2f, %zu bytes an answer\n", bench_least(ratios, ROUND_COUNT),
           answer.len);
    bench_stop(ours);
    bench_stop(bare);
    bench_row_print(&(struct bench_row){
        .name = "http-get-memory",
        .unit = "us CPU/request",
        .peer = "bare epoll loop, same bytes",
        .value = bench_least(ours_us, ROUND_COUNT),
        .peer_value = bench_least(bare_us, ROUND_COUNT),
        .ratio = bench_median(ratios, ROUND_COUNT),
        .bar = BAR,
        .note = "values: best of 5 rounds; ratio: median of the rounds' own",
    });
    return 0;
}
