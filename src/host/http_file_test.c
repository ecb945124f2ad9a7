/* Files as replies: conditions, ranges, variants, large ones. Each case also runs with the reply
 * given by another thread. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/http.h"
#include "http_peer.h"

#define HOST "Host: x\r\n"
#define END "Connection: close\r\n\r\n"
#define LARGE_BYTES 5000000

static struct http_server *server;
static char folder[64];
static bool is_elsewhere; /* another thread answers */

static void *answer(void *arg)
{
    struct http_request *request = arg;
    struct str path = str_fmt(http_arena(request), "%s%.*s", folder, STR(http_path(request)));

    http_reply_file(request, path, NULL, "max-age=60", S("X-Extra: yes\r\n"));
    return NULL;
}

static void on_request(void *user, struct http_request *request)
{
    pthread_t thread;

    (void)user;
    if (!is_elsewhere) {
        answer(request);
        return;
    }
    must(pthread_create(&thread, NULL, answer, request) == 0);
    pthread_detach(thread);
}

static void put(const char *name, struct str content)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.at, content.len), (ssize_t)content.len);
    close(fd);
}

static void drop(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
}

static char large_byte(size_t at)
{
    return (char)('a' + (at * 31 + at / 997) % 26);
}

static void put_large(void)
{
    char *large = malloc(LARGE_BYTES);

    for (size_t i = 0; i < LARGE_BYTES; i++)
        large[i] = large_byte(i);
    put("large.bin", (struct str){large, LARGE_BYTES});
    free(large);
}

static int set_up(void **state)
{
    struct http_config config;

    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/papilio-file-XXXXXX");
    assert_non_null(mkdtemp(folder));
    put("page.html", S("<p>0123456789</p>"));
    put("app.js", S("plain"));
    put("app.js.br", S("brotli!"));
    put("app.js.gz", S("gzip"));
    put("empty.txt", S(""));
    put_large();
    http_config_init(&config);
    config.listen = S("127.0.0.1:0");
    config.on_request = on_request;
    return http_start(&config, &server) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"page.html", "app.js",    "app.js.br",   "app.js.gz",
                                        "empty.txt", "large.bin", "large.bin.gz"};

    (void)state;
    http_stop(server, 500);
    http_free(server);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        drop(names[i]);
    rmdir(folder);
    is_elsewhere = false;
    return 0;
}

static int set_up_elsewhere(void **state)
{
    is_elsewhere = true;
    return set_up(state);
}

static struct str get(const char *text)
{
    return peer_ask(http_port(server), str_of(text));
}

static struct str body_of(struct str reply)
{
    int64_t at = str_find(reply, S("\r\n\r\n"));

    assert_true(at > 0);
    return str_sub(reply, (size_t)at + 4, reply.len);
}

static const char *etag_of(struct str reply)
{
    static char etag[80];
    int64_t at = str_find(reply, S("ETag: "));
    struct str one, rest;

    assert_true(at > 0);
    str_cut(str_sub(reply, (size_t)at + 6, reply.len), '\r', &one, &rest);
    assert_true(one.len > 4 && one.len < sizeof(etag) && one.at[0] == '"');
    memcpy(etag, one.at, one.len);
    etag[one.len] = 0;
    return etag;
}

static struct str get_with(const char *path, const char *header, const char *value)
{
    char text[512];

    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "%s: %s\r\n" END, path, header, value);
    return get(text);
}

static void sends_a_file(void **state)
{
    struct str reply = get("GET /page.html HTTP/1.1\r\n" HOST END);

    (void)state;
    assert_int_equal(peer_status(reply), 200);
    assert_true(
        peer_has(reply, "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 17\r\n"));
    assert_true(peer_has(reply, "\r\nCache-Control: max-age=60\r\n"));
    assert_true(peer_has(reply, "\r\nX-Extra: yes\r\n"));
    assert_true(peer_has(reply, "\r\nLast-Modified: "));
    assert_true(str_is(body_of(reply), "<p>0123456789</p>"));
    reply = get("HEAD /page.html HTTP/1.1\r\n" HOST END);
    assert_true(peer_has(reply, "\r\nContent-Length: 17\r\n"));
    assert_int_equal(body_of(reply).len, 0);
    reply = get("GET /empty.txt HTTP/1.1\r\n" HOST END);
    assert_true(peer_has(reply, "\r\nContent-Length: 0\r\n"));
    assert_int_equal(peer_status(get("GET /none HTTP/1.1\r\n" HOST END)), 404);
    assert_int_equal(peer_status(get("GET / HTTP/1.1\r\n" HOST END)), 404);
    assert_int_equal(peer_status(get("GET /../etc/passwd HTTP/1.1\r\n" HOST END)), 404);
    assert_int_equal(peer_status(get("GET /a/.. HTTP/1.1\r\n" HOST END)), 404);
}

static void notices_changes(void **state)
{
    char etag[80];
    struct str reply = get("GET /page.html HTTP/1.1\r\n" HOST END);

    (void)state;
    snprintf(etag, sizeof(etag), "%s", etag_of(reply));
    reply = get_with("/page.html", "If-None-Match", etag);
    assert_int_equal(peer_status(reply), 304);
    assert_string_equal(etag_of(reply), etag);
    assert_false(peer_has(reply, "Content-Length"));
    assert_int_equal(body_of(reply).len, 0);
    assert_int_equal(peer_status(get_with("/page.html", "If-None-Match", "\"x\", *")), 304);
    assert_int_equal(peer_status(get_with("/page.html", "If-None-Match", "\"x\"")), 200);
    peer_nap_ms(20); /* files know time by the kernel's tick */
    put("page.html", S("<p>9876543210</p>"));
    reply = get_with("/page.html", "If-None-Match", etag);
    assert_int_equal(peer_status(reply), 200);
    assert_true(str_is(body_of(reply), "<p>9876543210</p>"));
    drop("page.html");
    assert_int_equal(peer_status(get("GET /page.html HTTP/1.1\r\n" HOST END)), 404);
}

static void knows_the_modified_date(void **state)
{
    struct str reply = get("GET /page.html HTTP/1.1\r\n" HOST END), date, rest;
    int64_t at = str_find(reply, S("Last-Modified: "));
    char text[64];

    (void)state;
    str_cut(str_sub(reply, (size_t)at + 15, reply.len), '\r', &date, &rest);
    snprintf(text, sizeof(text), "%.*s", STR(date));
    assert_int_equal(peer_status(get_with("/page.html", "If-Modified-Since", text)), 304);
    assert_int_equal(
        peer_status(get_with("/page.html", "If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")),
        200);
}

static const struct {
    const char *range;
    int status;
    const char *body, *says;
} ranges[] = {
    {"bytes=3-5", 206, "012", "bytes 3-5/17"},
    {"bytes=0-0", 206, "<", "bytes 0-0/17"},
    {"bytes=13-", 206, "</p>", "bytes 13-16/17"},
    {"bytes=-4", 206, "</p>", "bytes 13-16/17"},
    {"bytes=-400", 206, "<p>0123456789</p>", "bytes 0-16/17"},
    {"bytes=13-4000", 206, "</p>", "bytes 13-16/17"},
    {"bytes=17-", 416, NULL, "bytes */17"},
    {"bytes=17-20", 416, NULL, "bytes */17"},
    {"bytes=-0", 416, NULL, "bytes */17"},
    {"bytes=0-1,3-4", 200, "<p>0123456789</p>", NULL},
    {"bytes=5-3", 200, "<p>0123456789</p>", NULL},
    {"bytes=x-3", 200, "<p>0123456789</p>", NULL},
    {"bytes=--3", 200, "<p>0123456789</p>", NULL},
    {"bytes=", 200, "<p>0123456789</p>", NULL},
    {"lines=1-2", 200, "<p>0123456789</p>", NULL},
    {"bytes=99999999999999999999-", 200, "<p>0123456789</p>", NULL},
};

static void sends_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        struct str reply = get_with("/page.html", "Range", ranges[i].range);

        if (peer_status(reply) != ranges[i].status)
            print_error("%s: %.*s\n", ranges[i].range, STR(reply));
        assert_int_equal(peer_status(reply), ranges[i].status);
        if (ranges[i].body != NULL)
            assert_true(str_is(body_of(reply), ranges[i].body));
        if (ranges[i].says != NULL)
            assert_true(peer_has(reply, ranges[i].says));
        assert_int_equal(peer_has(reply, "Content-Range"), ranges[i].says != NULL);
    }
    assert_int_equal(
        peer_status(get("HEAD /page.html HTTP/1.1\r\n" HOST "Range: bytes=3-5\r\n" END)), 200);
}

static void continues_only_the_same_file(void **state)
{
    char text[256];
    struct str reply;

    (void)state;
    snprintf(text, sizeof(text),
             "GET /page.html HTTP/1.1\r\n" HOST "Range: bytes=3-5\r\nIf-Range: %s\r\n" END,
             etag_of(get("GET /page.html HTTP/1.1\r\n" HOST END)));
    assert_int_equal(peer_status(get(text)), 206);
    reply = get("GET /page.html HTTP/1.1\r\n" HOST "Range: bytes=3-5\r\nIf-Range: \"old\"\r\n" END);
    assert_int_equal(peer_status(reply), 200);
    assert_int_equal(body_of(reply).len, 17);
}

static void sends_what_the_client_takes(void **state)
{
    char plain[80];
    struct str reply = get("GET /app.js HTTP/1.1\r\n" HOST END);

    (void)state;
    assert_true(str_is(body_of(reply), "plain"));
    assert_true(peer_has(reply, "\r\nVary: Accept-Encoding\r\n"));
    assert_false(peer_has(reply, "Content-Encoding"));
    snprintf(plain, sizeof(plain), "%s", etag_of(reply));
    reply = get_with("/app.js", "Accept-Encoding", "gzip, deflate, br");
    assert_true(str_is(body_of(reply), "brotli!"));
    assert_true(peer_has(reply, "\r\nContent-Encoding: br\r\n"));
    assert_true(peer_has(reply, "\r\nContent-Type: text/javascript; charset=utf-8\r\n"));
    assert_string_not_equal(etag_of(reply), plain);
    reply = get_with("/app.js", "Accept-Encoding", "br;q=0, gzip");
    assert_true(str_is(body_of(reply), "gzip"));
    assert_true(peer_has(reply, "\r\nContent-Encoding: gzip\r\n"));
    reply = get_with("/app.js", "Accept-Encoding", "identity");
    assert_true(str_is(body_of(reply), "plain"));
    reply = get_with("/page.html", "Accept-Encoding", "br");
    assert_false(peer_has(reply, "Vary"));
}

static void check_large(struct str body, size_t from, size_t len)
{
    size_t bad_count = 0;

    assert_int_equal(body.len, len);
    for (size_t i = 0; i < len; i++)
        bad_count += body.at[i] != large_byte(from + i);
    assert_int_equal(bad_count, 0);
}

static void sends_large_files_in_pieces(void **state)
{
    int64_t before_bytes = peer_heap_bytes();
    struct str reply;
    int fd;

    (void)state;
    check_large(body_of(get("GET /large.bin HTTP/1.1\r\n" HOST END)), 0, LARGE_BYTES);
    reply = get_with("/large.bin", "Range", "bytes=1000000-3999999");
    assert_int_equal(peer_status(reply), 206);
    check_large(body_of(reply), 1000000, 3000000);
    fd = peer_dial(http_port(server));
    peer_say(fd, S("GET /large.bin HTTP/1.1\r\n" HOST "\r\nGET /app.js HTTP/1.1\r\n" HOST END));
    peer_nap_ms(100);
    assert_true(peer_heap_bytes() - before_bytes <
                1024 * 1024); /* nobody reads: nothing piles up */
    reply = peer_hear(fd, NULL);
    check_large(str_sub(body_of(reply), 0, LARGE_BYTES), 0, LARGE_BYTES);
    assert_true(str_ends(reply, S("plain")));
    close(fd);
    reply = get("HEAD /large.bin HTTP/1.1\r\n" HOST END);
    assert_true(peer_has(reply, "\r\nContent-Length: 5000000\r\n"));
}

static void survives_who_leaves_early(void **state)
{
    struct http_stats stats = {0};

    (void)state;
    for (int i = 0; i < 20; i++) {
        int fd = peer_dial(http_port(server));

        peer_say(fd, S("GET /large.bin HTTP/1.1\r\n" HOST "\r\n"));
        if (i % 2)
            peer_hear(fd, "\r\n\r\n");
        close(fd);
    }
    for (int ms = 0; ms < PEER_WAIT_MS; ms += 10) {
        http_stats(server, &stats);
        if (stats.connection_count == 0)
            break;
        peer_nap_ms(10);
    }
    assert_int_equal(stats.connection_count, 0);
    check_large(body_of(get("GET /large.bin HTTP/1.1\r\n" HOST END)), 0, LARGE_BYTES);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down),                                      \
        cmocka_unit_test_setup_teardown(name, set_up_elsewhere, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sends_a_file),
        CASE(notices_changes),
        CASE(knows_the_modified_date),
        CASE(sends_ranges),
        CASE(continues_only_the_same_file),
        CASE(sends_what_the_client_takes),
        CASE(sends_large_files_in_pieces),
        CASE(survives_who_leaves_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
