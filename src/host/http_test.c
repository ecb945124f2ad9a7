/* What a peer may send, and what it gets: every row of the robustness table, over real sockets.
 * Deadlines are short here. */
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
#define LATE_MS 2000 /* how much later than its deadline something may come on a busy machine */

static int set_up(void **state)
{
    struct http_config config;

    (void)state;
    world_config(&config);
    world_start(&config);
    return 0;
}

static int set_up_quick(void **state)
{
    struct http_config config;

    (void)state;
    world_config(&config);
    world_quick(&config);
    world_start(&config);
    return 0;
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
    answer = peer_hear(fd, ">", 3000);
    assert_int_equal(peer_status(answer), 200);
    assert_true(peer_has(answer, "<0 /a/b ?c=d [] 0 "));
    assert_true(peer_has(answer, "\r\nDate: "));
    assert_true(peer_has(answer, " GMT\r\nContent-Type: text/plain\r\nContent-Length: "));
    assert_false(peer_has(answer, "Connection:"));
    peer_say(fd, S("POST /p HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"));
    assert_true(peer_has(peer_hear(fd, ">", 3000), "<2 /p ? [hello] 5 "));
    peer_say(fd, S("GET /late HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(peer_has(peer_hear(fd, ">", 3000), "<0 /late ? [] 0 "));
    peer_say(fd, S("\r\nGET http://x.example/abs?q HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(peer_has(peer_hear(fd, ">", 3000), "<0 /abs ?q [] 0 "));
    peer_say(fd, S("DELETE /d HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(peer_has(peer_hear(fd, ">", 3000), "<5 /d ? [] 0 "));
    close(fd);
}

static void answers_head_without_body(void **state)
{
    int fd = peer_dial(world_port());
    struct str answer;

    (void)state;
    peer_say(fd, S("HEAD / HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST
                   "Connection: close\r\n\r\n"));
    answer = peer_hear(fd, NULL, 3000);
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
    assert_true(peer_has(peer_hear(fd, ">", 3000), "\r\nConnection: keep-alive\r\n"));
    peer_say(fd, S(GET "\r\n"));
    assert_int_equal(peer_status(peer_hear(fd, ">", 3000)), 200);
    close(fd);
}

static void ignores_upgrades(void **state)
{
    int fd = peer_dial(world_port());

    (void)state;
    peer_say(
        fd,
        S(GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"));
    assert_int_equal(peer_status(peer_hear(fd, ">", 3000)), 200);
    peer_say(fd,
             S(POST "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi"));
    assert_true(peer_has(peer_hear(fd, ">", 3000), "[hi] 2"));
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
    answer = peer_hear(fd, "/next", 3000);
    assert_true(peer_has(answer, "[hello world of c] 16 "));
    for (size_t i = 0; i < request.len; i++)
        peer_say(fd, str_sub(request, i, 1));
    answer = peer_hear(fd, "/next", 3000);
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
        answer = peer_hear(fd, NULL, 3000);
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
    answer = peer_hear(fd, NULL, 3000);
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
    assert_true(str_eq(peer_hear(fd, "\r\n\r\n", 3000), S("HTTP/1.1 100 Continue\r\n\r\n")));
    peer_say(fd, S("ok"));
    assert_true(peer_has(peer_hear(fd, ">", 3000), "[ok] 2"));
    peer_say(fd, S(POST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\nok"));
    answer = peer_hear(fd, ">", 3000);
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
        check_refusal(refusals[i].name, peer_hear(fd, NULL, 3000), refusals[i].status);
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

/* It hears the answer although it was still sending: what it sends is taken and dropped, so that no
 * reset comes, which may eat the answer. */
static void answers_while_the_peer_sends(void **state)
{
    struct arena *arena = arena_new(64 * 1024 * 1024);
    struct str head = S(POST "Content-Length: 4000000\r\n\r\n");
    struct str body = repeat(arena, "", "0123456789abcdef", 250000, "");

    (void)state;
    for (int round = 0; round < 5; round++) {
        int fd = peer_dial(world_port());

        peer_say(fd, head);
        for (size_t at = 0; at < body.len; at += 100000)
            assert_int_equal(send(fd, body.at + at, 100000, MSG_NOSIGNAL), 100000);
        shutdown(fd, SHUT_WR);
        check_refusal("sends on", peer_hear(fd, NULL, 3000), 413);
        close(fd);
    }
    arena_free(arena);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

/* Sends `piece` again and again; how long until the peer answered or closed, with its answer in
 * *answer. */
static int64_t drip(int fd, const char *piece, struct str *answer)
{
    int64_t start_ms = peer_now_ms();

    do {
        peer_say(fd, str_of(piece));
        *answer = peer_hear(fd, "\r\n\r\n", 20);
    } while (answer->len == 0 && !peer_heard_end() && peer_now_ms() - start_ms < 5000);
    return peer_now_ms() - start_ms;
}

static void ends_slow_heads(void **state)
{
    int fd = peer_dial(world_port());
    struct str answer;
    int64_t took_ms;

    (void)state;
    peer_say(fd, S(GET "X: "));
    took_ms = drip(fd, "y", &answer);
    assert_int_equal(peer_status(answer), 408);
    assert_in_range(took_ms, WORLD_HEAD_MS - 30, WORLD_HEAD_MS + LATE_MS);
    close(fd);
    fd = peer_dial(world_port());
    took_ms = drip(fd, "X: y\r\n", &answer); /* complete lines do not help */
    assert_int_equal(peer_status(answer), 408);
    assert_in_range(took_ms, WORLD_HEAD_MS - 30, WORLD_HEAD_MS + LATE_MS);
    close(fd);
}

static void ends_slow_bodies(void **state)
{
    int fd = peer_dial(world_port());
    struct str answer;
    int64_t took_ms;

    (void)state;
    peer_say(fd, S(POST "Content-Length: 100000\r\n\r\n"));
    took_ms = drip(fd, "y", &answer);
    assert_int_equal(peer_status(answer), 408);
    assert_in_range(took_ms, WORLD_BODY_MS - 30, WORLD_BODY_MS + LATE_MS);
    close(fd);
    fd = peer_dial(world_port());
    peer_say(fd, S(POST "Transfer-Encoding: chunked\r\n\r\n"));
    took_ms = drip(fd, "1\r\ny\r\n", &answer);
    assert_int_equal(peer_status(answer), 408);
    assert_in_range(took_ms, WORLD_BODY_MS - 30, WORLD_BODY_MS + LATE_MS);
    close(fd);
}

/* 128 KiB have earned two more seconds. */
static void waits_for_long_bodies(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    int fd = peer_dial(world_port());

    (void)state;
    peer_say(fd,
             repeat(arena, POST "Content-Length: 131074\r\n\r\n", "0123456789abcdef", 8192, ""));
    peer_nap_ms(WORLD_BODY_MS * 3);
    peer_say(fd, S("xy"));
    assert_int_equal(peer_status(peer_hear(fd, "\r\n\r\n", 3000)), 200);
    close(fd);
    arena_free(arena);
}

static void ends_idle_connections(void **state)
{
    int64_t start_ms = peer_now_ms();
    int fd = peer_dial(world_port());

    (void)state;
    assert_int_equal(peer_hear(fd, NULL, 5000).len, 0);
    assert_true(peer_heard_end());
    assert_in_range(peer_now_ms() - start_ms, WORLD_HEAD_MS - 30, WORLD_HEAD_MS + LATE_MS);
    close(fd);
    fd = peer_dial(world_port());
    start_ms = peer_now_ms();
    peer_say(fd, S(GET "\r\n"));
    assert_int_equal(peer_status(peer_hear(fd, ">", 3000)), 200);
    assert_int_equal(peer_hear(fd, NULL, 5000).len, 0);
    assert_true(peer_heard_end());
    assert_in_range(peer_now_ms() - start_ms, WORLD_IDLE_MS - 30, WORLD_IDLE_MS + LATE_MS);
    close(fd);
}

/* ---- bodies to files ------------------------------------------------------------------------- */

static int64_t file_bytes(const char *path)
{
    struct stat found;

    return stat(path, &found) == 0 ? found.st_size : -1;
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
    for (int i = 0; i < 300 && file_bytes(path.at) != 4; i++)
        peer_nap_ms(10);
    assert_int_equal(file_bytes(path.at), 4);
    close(fd);
    for (int i = 0; i < 100 && file_bytes(path.at) >= 0; i++)
        peer_nap_ms(10);
    assert_int_equal(file_bytes(path.at), -1); /* half an upload is none */
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

/* Sends `count` thousand bytes of a body of 50,000; the status of an answer that came soon, or 0.
 */
static int hold_bodies(int fd, int count)
{
    char blanks[1000];

    memset(blanks, ' ', sizeof(blanks));
    peer_say(fd, S(POST "Content-Length: 50000\r\n\r\n"));
    for (int i = 0; i < count; i++)
        peer_say(fd, (struct str){blanks, sizeof(blanks)});
    return peer_status(peer_hear(fd, "\r\n\r\n", 300));
}

static void bounds_all_bodies_together(void **state)
{
    int first = peer_dial(world_port()), second = peer_dial(world_port()), third;

    (void)state;
    assert_int_equal(hold_bodies(first, 30), 0);
    assert_int_equal(hold_bodies(second, 30), 503);
    assert_int_equal(peer_status(ask(POST "Content-Length: 2\r\nConnection: close\r\n\r\nhi")),
                     200);
    close(first);
    close(second);
    peer_nap_ms(300);
    for (int i = 0; i < 3; i++) {
        third = peer_dial(world_port());
        assert_int_equal(hold_bodies(third, 50), 200);
        close(third);
    }
}

#define TIGHT(name) cmocka_unit_test_setup_teardown(name, set_up_tight, tear_down)
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define QUICK(name) cmocka_unit_test_setup_teardown(name, set_up_quick, tear_down)

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
        QUICK(ends_slow_heads),
        QUICK(ends_slow_bodies),
        QUICK(waits_for_long_bodies),
        QUICK(ends_idle_connections),
        CASE(takes_bodies_into_files),
        TIGHT(bounds_all_bodies_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
