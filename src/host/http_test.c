/* What a peer may send, and what it gets: every row of the robustness table, over real sockets. How
 * late something comes is the machine's affair: only that nothing comes too early is looked at. */
#include <fcntl.h>
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
#define POST "POST / HTTP/1.1\r\n" HOST
#define QUICK_MS 300 /* a deadline that a test waits for */
#define EARLY_MS 30  /* the loop's own time may be behind by so much */

static int set_up(void **state)
{
    struct http_config config;

    (void)state;
    world_config(&config);
    world_start(&config);
    return 0;
}

/* One deadline is short, and no other: a peer that the machine holds up meets none but it. */
static int start_quick(const struct http_config *config, int *deadline)
{
    *deadline = QUICK_MS;
    world_start(config);
    return 0;
}

static int set_up_head(void **state)
{
    struct http_config config;

    (void)state;
    world_config(&config);
    return start_quick(&config, &config.head_ms);
}

static int set_up_body(void **state)
{
    struct http_config config;

    (void)state;
    world_config(&config);
    return start_quick(&config, &config.body_ms);
}

static int set_up_idle(void **state)
{
    struct http_config config;

    (void)state;
    world_config(&config);
    return start_quick(&config, &config.idle_ms);
}

static int tear_down(void **state)
{
    (void)state;
    world_stop(200);
    return 0;
}

static struct str ask(const char *request)
{
    return peer_ask(world_port(), str_of(request));
}

/* ---- what is answered ------------------------------------------------------------------------ */

static void answers_requests(void **state)
{
    int fd = peer_dial(world_port());
    struct str answer;

    (void)state;
    peer_say(fd, S("GET /a/b?c=d HTTP/1.1\r\n" HOST "\r\n"));
    answer = peer_hear(fd, ">");
    assert_int_equal(peer_status(answer), 200);
    assert_true(peer_has(answer, "<0 /a/b ?c=d [] 0 "));
    assert_true(peer_has(answer, "\r\nDate: "));
    assert_true(peer_has(answer, " GMT\r\nContent-Type: text/plain\r\nContent-Length: "));
    assert_false(peer_has(answer, "Connection:"));
    peer_say(fd, S("POST /p HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"));
    assert_true(peer_has(peer_hear(fd, ">"), "<2 /p ? [hello] 5 "));
    peer_say(fd, S("GET /late HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(peer_has(peer_hear(fd, ">"), "<0 /late ? [] 0 "));
    peer_say(fd, S("\r\nGET http://x.example/abs?q HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(peer_has(peer_hear(fd, ">"), "<0 /abs ?q [] 0 "));
    peer_say(fd, S("DELETE /d HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(peer_has(peer_hear(fd, ">"), "<5 /d ? [] 0 "));
    close(fd);
}

static void answers_head_without_body(void **state)
{
    int fd = peer_dial(world_port());
    struct str answer;

    (void)state;
    peer_say(fd, S("HEAD / HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST
                   "Connection: close\r\n\r\n"));
    answer = peer_hear(fd, NULL);
    assert_int_equal(peer_count(answer, "HTTP/1.1 200 OK\r\n"), 2);
    assert_int_equal(peer_count(answer, "<"), 1);
    assert_int_equal(peer_count(answer, "Content-Length: "), 2);
    assert_false(peer_has(answer, "Content-Length: 0"));
    close(fd);
}

static void knows_when_a_connection_ends(void **state)
{
    int fd = peer_dial(world_port());
    struct str answer = ask(GET "Connection: close\r\n\r\n");

    (void)state;
    assert_true(peer_has(answer, "\r\nConnection: close\r\n"));
    assert_true(peer_heard_end());
    answer = ask("GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(peer_status(answer), 200);
    assert_true(peer_has(answer, "\r\nConnection: close\r\n"));
    assert_true(peer_heard_end());
    peer_say(fd, S("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    assert_true(peer_has(peer_hear(fd, ">"), "\r\nConnection: keep-alive\r\n"));
    peer_say(fd, S(GET "\r\n"));
    assert_int_equal(peer_status(peer_hear(fd, ">")), 200);
    close(fd);
}

static void ignores_upgrades(void **state)
{
    int fd = peer_dial(world_port());

    (void)state;
    peer_say(
        fd,
        S(GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"));
    assert_int_equal(peer_status(peer_hear(fd, ">")), 200);
    peer_say(fd,
             S(POST "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi"));
    assert_true(peer_has(peer_hear(fd, ">"), "[hi] 2"));
    close(fd);
}

static void reads_headers(void **state)
{
    struct str answer =
        ask(GET "Cookie: none=1; one=two=3; other\r\nX-ONE:  v a l \t\r\nx-one: second\r\n"
                "X-Forwarded-For: 9.9.9.9, 203.0.113.7\r\nConnection: close\r\n\r\n");

    (void)state;
    assert_true(peer_has(answer, "peer=203.0.113.7 local=0 one=two=3 x=v a l>"));
    answer = ask(GET "X-Forwarded-For: 1.2.3.4, rubbish\r\nX-one:\r\nConnection: close\r\n\r\n");
    assert_true(peer_has(answer, "peer=127.0.0.1 local=0 one= x=>"));
    /* Some proxies add a line instead of an entry: theirs is the last one. */
    answer = ask(GET "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n"
                     "Connection: close\r\n\r\n");
    assert_true(peer_has(answer, "peer=203.0.113.9 local=0"));
}

static void reads_chunks(void **state)
{
    int fd = peer_dial(world_port());
    struct str request =
        S(POST "Transfer-Encoding: chunked\r\n\r\n"
               "5;name=value\r\nhello\r\n1\r\n \r\nA\r\nworld of c\r\n0\r\nTrailer: x\r\n\r\n"
               "GET /next HTTP/1.1\r\n" HOST "\r\n");
    struct str answer;

    (void)state;
    peer_say(fd, request);
    answer = peer_hear(fd, "/next");
    assert_true(peer_has(answer, "[hello world of c] 16 "));
    for (size_t i = 0; i < request.len; i++)
        peer_say(fd, str_sub(request, i, 1));
    answer = peer_hear(fd, "/next");
    assert_true(peer_has(answer, "[hello world of c] 16 "));
    close(fd);
}

/* Handlers answer late, early, late: the order stays. */
static void answers_in_order(void **state)
{
    struct str request =
        S("GET /late/1 HTTP/1.1\r\n" HOST "\r\nPOST /2 HTTP/1.1\r\n" HOST
          "Content-Length: 3\r\n\r\nabcGET /late/3 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    int fd = peer_dial(world_port());

    (void)state;
    for (int round = 0; round < 2; round++) {
        struct str answer;
        int64_t first, second, third;

        for (size_t i = 0; round == 1 && i < request.len; i++)
            peer_say(fd, str_sub(request, i, 1));
        if (round == 0)
            peer_say(fd, request);
        answer = peer_hear(fd, NULL);
        first = str_find(answer, S("<0 /late/1 "));
        second = str_find(answer, S("<2 /2 ? [abc] 3"));
        third = str_find(answer, S("<0 /late/3 "));
        assert_true(first > 0 && first < second && second < third);
        assert_int_equal(peer_count(answer, "HTTP/1.1 200 OK"), 3);
        close(fd);
        fd = peer_dial(world_port());
    }
    close(fd);
}

/* It has said all it will, but wants to hear the answers. */
static void answers_a_half_closed_peer(void **state)
{
    int fd = peer_dial(world_port());
    struct str answer;

    (void)state;
    peer_say(fd, S("GET /late/1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST
                   "\r\nGET /late/3 HTTP/1.1\r\n" HOST "\r\n"));
    shutdown(fd, SHUT_WR);
    answer = peer_hear(fd, NULL);
    assert_int_equal(peer_count(answer, "HTTP/1.1 200 OK"), 3);
    assert_true(peer_heard_end());
    close(fd);
}

static void tells_to_continue(void **state)
{
    int fd = peer_dial(world_port());
    struct str answer;

    (void)state;
    peer_say(fd, S(POST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
    assert_true(str_eq(peer_hear(fd, "\r\n\r\n"), S("HTTP/1.1 100 Continue\r\n\r\n")));
    peer_say(fd, S("ok"));
    assert_true(peer_has(peer_hear(fd, ">"), "[ok] 2"));
    peer_say(fd, S(POST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\nok"));
    answer = peer_hear(fd, ">");
    assert_true(peer_has(answer, "[ok] 2"));
    assert_false(peer_has(answer, "100 Continue"));
    close(fd);
    answer = ask(POST "Content-Length: 20000000\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(peer_status(answer), 413);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int status;
    struct str request;
} refusals[] = {
    {"body announced over the limit", 413, S(POST "Content-Length: 1048577\r\n\r\n")},
    {"length and chunks", 400,
     S(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
    {"chunks and length", 400,
     S(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")},
    {"two lengths", 400, S(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")},
    {"list of lengths", 400, S(POST "Content-Length: 5, 6\r\n\r\nhello!")},
    {"signed length", 400, S(POST "Content-Length: +5\r\n\r\nhello")},
    {"negative length", 400, S(POST "Content-Length: -5\r\n\r\nhello")},
    {"endless length", 400, S(POST "Content-Length: 99999999999999999999\r\n\r\nhello")},
    {"hexadecimal length", 400, S(POST "Content-Length: 0x5\r\n\r\nhello")},
    {"blank before the colon", 400, S("GET / HTTP/1.1\r\nHost : x\r\n\r\n")},
    {"NUL in a value", 400, S(GET "X: a\0b\r\n\r\n")},
    {"NUL in a name", 400, S(GET "X\0: a\r\n\r\n")},
    {"bare LF", 400, S("GET / HTTP/1.1\nHost: x\n\n")},
    {"bare LF in one line", 400, S("GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n")},
    {"bare CR in a value", 400, S(GET "X: a\rb\r\n\r\n")},
    {"folded line", 400, S(GET "X: a\r\n b\r\n\r\n")},
    {"folded with a tab", 400, S(GET "X:\r\n\tb\r\n\r\n")},
    {"fold before the first header", 400, S("GET / HTTP/1.1\r\n Host: x\r\n\r\n")},
    {"no Host", 400, S("GET / HTTP/1.1\r\n\r\n")},
    {"two Hosts", 400, S(GET HOST "\r\n")},
    {"line without a colon", 400, S(GET "rubbish\r\n\r\n")},
    {"empty name", 400, S(GET ": x\r\n\r\n")},
    {"control character in the target", 400, S("GET /a\x01 HTTP/1.1\r\n" HOST "\r\n")},
    {"DEL in the target", 400, S("GET /a\x7f HTTP/1.1\r\n" HOST "\r\n")},
    {"NUL in the target", 400, S("GET /a\0 HTTP/1.1\r\n" HOST "\r\n")},
    {"tab in the request line", 400, S("GET\t/\tHTTP/1.1\r\n" HOST "\r\n")},
    {"fragment", 400, S("GET /a#b HTTP/1.1\r\n" HOST "\r\n")},
    {"no path", 400, S("GET * HTTP/1.1\r\n" HOST "\r\n")},
    {"not HTTP", 400, S("\x16\x03\x01 a TLS hello\r\n\r\n")},
    {"too many empty lines", 400, S("\r\n\r\n\r\n\r\n\r\n\r\n" GET "\r\n")},
    {"other transfer coding", 400, S(POST "Transfer-Encoding: gzip\r\n\r\n")},
    {"chunked is not the last coding", 400,
     S(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n")},
    {"chunks in HTTP/1.0", 400,
     S("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
    {"bad chunk size", 400, S(POST "Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n")},
    {"endless chunk size", 400,
     S(POST "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n")},
    {"chunk longer than said", 400,
     S(POST "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n")},
    {"LF behind a chunk size", 400,
     S(POST "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n")},
    {"coding that only looks like chunked", 400,
     S(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")},
    {"blank before the colon of the coding", 400,
     S(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n")},
    {"vertical tab before the coding", 400, S(POST "Transfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n")},
    {"two codings in two lines", 400,
     S(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n")},
    {"the same length twice", 400, S(POST "Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello")},
    {"empty length", 400, S(POST "Content-Length:\r\n\r\nhello")},
    {"length with a blank inside", 400, S(POST "Content-Length: 5 5\r\n\r\nhello")},
    {"tab in a name", 400, S(GET "X\tY: z\r\n\r\n")},
    {"bracket in a name", 400, S(GET "(X): z\r\n\r\n")},
    {"two blanks in the request line", 400, S("GET  / HTTP/1.1\r\n" HOST "\r\n")},
    {"words behind the version", 400, S("GET / HTTP/1.1 x\r\n" HOST "\r\n")},
    {"other expectation", 417, S(POST "Content-Length: 2\r\nExpect: more\r\n\r\nhi")},
    {"unknown method", 501, S("FETCH / HTTP/1.1\r\n" HOST "\r\n")},
    {"method in small letters", 400, S("get / HTTP/1.1\r\n" HOST "\r\n")},
    {"method not for us", 405, S("TRACE / HTTP/1.1\r\n" HOST "\r\n")},
    {"tunnel", 405, S("CONNECT x:443 HTTP/1.1\r\n" HOST "\r\n")},
    {"HTTP/2", 505, S("GET / HTTP/2.0\r\n" HOST "\r\n")},
    {"HTTP/0.9", 505, S("GET / HTTP/0.9\r\n" HOST "\r\n")},
};

static void check_refusal(const char *name, struct str answer, int status)
{
    if (peer_status(answer) != status || !peer_heard_end())
        print_error("%s: %.*s\n", name, (int)answer.len, answer.at);
    assert_int_equal(peer_status(answer), status);
    assert_true(peer_heard_end());
    assert_int_equal(peer_count(answer, "HTTP/1.1 "), 1);
    assert_true(peer_has(answer, "\r\nContent-Type: application/json\r\n"));
    assert_true(peer_has(answer, "\r\nConnection: close\r\n"));
    assert_true(peer_has(answer, "\r\n\r\n{\"error\":{\"code\":\"http."));
    assert_true(str_ends(answer, S("\"}}")));
}

static void refuses_what_breaks_rules(void **state)
{
    struct http_stats stats;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        check_refusal(refusals[i].name, peer_ask(world_port(), refusals[i].request),
                      refusals[i].status);
    http_stats(world_server(), &stats);
    assert_int_equal(stats.refused_count, (int64_t)ARRAY_LEN(refusals));
    assert_int_equal(stats.request_count, 0);
}

/* The same bytes one at a time. */
static void refuses_the_same_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct str request = refusals[i].request;
        int fd = peer_dial(world_port());

        for (size_t at = 0; at < request.len; at += 3)
            peer_say(fd, str_sub(request, at, 3));
        check_refusal(refusals[i].name, peer_hear(fd, NULL), refusals[i].status);
        close(fd);
    }
}

static struct str repeat(struct arena *arena, const char *before, const char *piece, size_t count,
                         const char *after)
{
    size_t len = strlen(piece), at = strlen(before);
    char *text = arena_alloc(arena, at + len * count + strlen(after) + 1);

    memcpy(text, before, at);
    for (size_t i = 0; i < count; i++, at += len)
        memcpy(text + at, piece, len);
    memcpy(text + at, after, strlen(after));
    return (struct str){text, at + strlen(after)};
}

static void refuses_what_is_too_much(void **state)
{
    struct arena *arena = arena_new(64 * 1024 * 1024);
    int port = world_port();

    (void)state;
    check_refusal("64 KiB header",
                  peer_ask(port, repeat(arena, GET "X: ", "0123456789abcdef", 4096, "\r\n\r\n")),
                  431);
    check_refusal("64 KiB in lines",
                  peer_ask(port, repeat(arena, GET,
                                        "X: 0123456789abcdef0123456789abcdef0123456789"
                                        "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123"
                                        "456789abcdef0123456789abcdef0123456789abcdef0123456789"
                                        "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123"
                                        "456789abcdef0123456789abcdef0123456789abcdef0123456789"
                                        "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123"
                                        "456789abcdef0123456789abcdef0123456789abcdef0123456789"
                                        "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123"
                                        "456789abcdef0123456789abcdef0123456789abcdef0123456789"
                                        "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123"
                                        "456789abcdef0123456789abcdef0123456789abcdef0123456789"
                                        "\r\n",
                                        90, "\r\n")),
                  431);
    check_refusal("200 headers", peer_ask(port, repeat(arena, GET, "X: y\r\n", 199, "\r\n")), 431);
    check_refusal("101 headers", peer_ask(port, repeat(arena, GET, "X: y\r\n", 100, "\r\n")), 431);
    assert_int_equal(peer_status(peer_ask(
                         port, repeat(arena, GET, "X: y\r\n", 98, "Connection: close\r\n\r\n"))),
                     200);
    check_refusal(
        "long target",
        peer_ask(port, repeat(arena, "GET /", "aaaaaaaa", 1024, " HTTP/1.1\r\n" HOST "\r\n")), 414);
    check_refusal("endless target", peer_ask(port, repeat(arena, "GET /", "aaaaaaaa", 1024, "")),
                  414);
    assert_int_equal(
        peer_status(peer_ask(port, repeat(arena, "GET /", "aaaaaaaa", 1020,
                                          " HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"))),
        200);
    check_refusal("chunks over the limit",
                  peer_ask(port, repeat(arena, POST "Transfer-Encoding: chunked\r\n\r\n",
                                        "8\r\n01234567\r\n", 140000, "0\r\n\r\n")),
                  413);
    check_refusal("one chunk over the limit",
                  peer_ask(port, repeat(arena, POST "Transfer-Encoding: chunked\r\n\r\n200000\r\n",
                                        "01234567", 200000, "")),
                  413);
    check_refusal("endless trailers",
                  peer_ask(port, repeat(arena, POST "Transfer-Encoding: chunked\r\n\r\n0\r\n",
                                        "T: 0123456789abcdef\r\n", 8000, "")),
                  431);
    check_refusal("endless chunk extension",
                  peer_ask(port, repeat(arena, POST "Transfer-Encoding: chunked\r\n\r\n1;a=",
                                        "0123456789abcdef", 8000, "")),
                  431);
    arena_free(arena);
}

static bool is_all_taken(int fd, struct str bytes)
{
    for (size_t at = 0; at < bytes.len; at += 100000)
        if (send(fd, bytes.at + at, 100000, MSG_NOSIGNAL) != 100000)
            return false;
    return true;
}

/* It hears the answer although it was still sending: what it sends is taken and dropped for a
 * second, so that no reset comes, which may eat the answer. Whom the machine held up for so long
 * tries again. */
static void answers_while_the_peer_sends(void **state)
{
    struct arena *arena = arena_new(64 * 1024 * 1024);
    struct str body = repeat(arena, "", "0123456789abcdef", 250000, "");

    (void)state;
    for (int round = 0; round < 5;) {
        int fd = peer_dial(world_port());
        int64_t start_ms = peer_now_ms();

        peer_say(fd, S(POST "Content-Length: 4000000\r\n\r\n"));
        if (is_all_taken(fd, body)) {
            shutdown(fd, SHUT_WR);
            check_refusal("sends on", peer_hear(fd, NULL), 413);
            round++;
        } else {
            assert_true(peer_now_ms() - start_ms > 900);
        }
        close(fd);
    }
    arena_free(arena);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

/* Sends `piece` again and again until the peer answers or closes. */
static struct str drip(int fd, const char *piece)
{
    int64_t start_ms = peer_now_ms();
    struct str answer;

    do {
        peer_say(fd, str_of(piece));
        answer = peer_hear_within(fd, "\r\n\r\n", 20);
    } while (answer.len == 0 && !peer_heard_end() && peer_now_ms() - start_ms < PEER_WAIT_MS);
    return answer;
}

/* It says `beginning` and then `piece` for ever: the deadline comes all the same, not at once. */
static void ends_slow(const char *beginning, const char *piece)
{
    int64_t start_ms = peer_now_ms();
    int fd = peer_dial(world_port());

    peer_say(fd, str_of(beginning));
    assert_int_equal(peer_status(drip(fd, piece)), 408);
    assert_true(peer_now_ms() - start_ms >= QUICK_MS - EARLY_MS);
    close(fd);
}

static void ends_slow_heads(void **state)
{
    (void)state;
    ends_slow(GET "X: ", "y");
    ends_slow("", "X: y\r\n"); /* complete lines do not help */
}

static void ends_slow_bodies(void **state)
{
    (void)state;
    ends_slow(POST "Content-Length: 100000\r\n\r\n", "y");
    ends_slow(POST "Transfer-Encoding: chunked\r\n\r\n", "1\r\ny\r\n");
}

/* 960 KiB have earned fifteen more seconds. */
static void waits_for_long_bodies(void **state)
{
    struct arena *arena = arena_new(4 * 1024 * 1024);
    int fd = peer_dial(world_port());

    (void)state;
    peer_say(fd,
             repeat(arena, POST "Content-Length: 983042\r\n\r\n", "0123456789abcdef", 61440, ""));
    peer_nap_ms(QUICK_MS * 3);
    peer_say(fd, S("xy"));
    assert_int_equal(peer_status(peer_hear(fd, "\r\n\r\n")), 200);
    close(fd);
    arena_free(arena);
}

static void hears_the_end(int fd, int64_t start_ms)
{
    assert_int_equal(peer_hear(fd, NULL).len, 0);
    assert_true(peer_heard_end());
    assert_true(peer_now_ms() - start_ms >= QUICK_MS - EARLY_MS);
    close(fd);
}

static void ends_who_says_nothing(void **state)
{
    int64_t start_ms = peer_now_ms();

    (void)state;
    hears_the_end(peer_dial(world_port()), start_ms);
}

static void ends_idle_connections(void **state)
{
    int fd = peer_dial(world_port());
    int64_t start_ms = peer_now_ms();

    (void)state;
    peer_say(fd, S(GET "\r\n"));
    assert_int_equal(peer_status(peer_hear(fd, ">")), 200);
    hears_the_end(fd, start_ms);
}

/* ---- bodies to files ------------------------------------------------------------------------- */

static int64_t file_bytes(const char *path)
{
    struct stat found;

    return stat(path, &found) == 0 ? found.st_size : -1;
}

static int64_t file_bytes_await(const char *path, int64_t bytes)
{
    for (int ms = 0; ms < PEER_WAIT_MS && file_bytes(path) != bytes; ms += 10)
        peer_nap_ms(10);
    return file_bytes(path);
}

static void takes_bodies_into_files(void **state)
{
    struct arena *arena = arena_new(64 * 1024 * 1024);
    struct str path = str_fmt(arena, "%s/body", world_folder());
    struct str answer;
    int fd;

    (void)state;
    answer = peer_ask(world_port(), repeat(arena,
                                           "POST /upload HTTP/1.1\r\n" HOST "Connection: close\r\n"
                                           "Content-Length: 3200000\r\n\r\n",
                                           "0123456789abcdef", 200000, ""));
    assert_true(peer_has(answer, "[] 3200000 "));
    assert_int_equal(file_bytes(path.at), 3200000);
    answer = peer_ask(world_port(), S("POST /upload HTTP/1.1\r\n" HOST "Connection: close\r\n"
                                      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
    assert_true(peer_has(answer, "[] 3 "));
    assert_int_equal(file_bytes(path.at), 3);
    answer = peer_ask(world_port(),
                      S("POST /upload HTTP/1.1\r\n" HOST "Content-Length: 5000000\r\n\r\n"));
    assert_int_equal(peer_status(answer), 413);
    assert_int_equal(file_bytes(path.at), -1);
    answer = peer_ask(world_port(),
                      S("POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"));
    assert_int_equal(peer_status(answer), 500);
    fd = peer_dial(world_port());
    peer_say(fd, S("POST /upload HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nhalf"));
    assert_int_equal(file_bytes_await(path.at, 4), 4);
    close(fd);
    assert_int_equal(file_bytes_await(path.at, -1), -1); /* half an upload is none */
    arena_free(arena);
}

static int set_up_tight(void **state)
{
    struct http_config config;

    (void)state;
    world_config(&config);
    config.loop_count = 1;
    config.held_max = 50000;
    world_start(&config);
    return 0;
}

/* `count` thousand bytes of a body of 50,000. */
static void say_body(int fd, int count)
{
    char blanks[1000];

    memset(blanks, ' ', sizeof(blanks));
    peer_say(fd, S(POST "Content-Length: 50000\r\n\r\n"));
    for (int i = 0; i < count; i++)
        peer_say(fd, (struct str){blanks, sizeof(blanks)});
}

static void bounds_all_bodies_together(void **state)
{
    int first = peer_dial(world_port()), second = peer_dial(world_port()), third;

    (void)state;
    say_body(first, 30);
    world_await_read(30000);
    assert_int_equal(peer_hear_within(first, "\r\n\r\n", 100).len, 0);
    say_body(second, 30);
    assert_int_equal(peer_status(peer_hear(second, "\r\n\r\n")), 503);
    assert_int_equal(peer_status(ask(POST "Content-Length: 2\r\nConnection: close\r\n\r\nhi")),
                     200);
    close(first);
    close(second);
    world_await_connections(0);
    for (int i = 0; i < 3; i++) {
        third = peer_dial(world_port());
        say_body(third, 50);
        assert_int_equal(peer_status(peer_hear(third, "\r\n\r\n")), 200);
        close(third);
    }
}

#define TIGHT(name) cmocka_unit_test_setup_teardown(name, set_up_tight, tear_down)
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define QUICK(name, deadline) cmocka_unit_test_setup_teardown(name, set_up_##deadline, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(answers_requests),
        CASE(answers_head_without_body),
        CASE(knows_when_a_connection_ends),
        CASE(ignores_upgrades),
        CASE(reads_headers),
        CASE(reads_chunks),
        CASE(answers_in_order),
        CASE(answers_a_half_closed_peer),
        CASE(tells_to_continue),
        CASE(refuses_what_breaks_rules),
        CASE(refuses_the_same_in_pieces),
        CASE(refuses_what_is_too_much),
        CASE(answers_while_the_peer_sends),
        QUICK(ends_slow_heads, head),
        QUICK(ends_slow_bodies, body),
        QUICK(waits_for_long_bodies, body),
        QUICK(ends_who_says_nothing, head),
        QUICK(ends_idle_connections, idle),
        CASE(takes_bodies_into_files),
        TIGHT(bounds_all_bodies_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
