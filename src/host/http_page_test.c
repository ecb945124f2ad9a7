/* Embedded pages as replies: forms, conditions, ranges, HEAD, and finding them by path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "host/http.h"
#include "http_peer.h"

#define HOST "Host: x\r\n"
#define END "Connection: close\r\n\r\n"

static const struct http_page pages[] = {
    {"/a.js", "aa", {"0123456789", 10}, {"gzip", 4}, {"brotli!", 7}},
    {"/b.css", "bb", {"plain", 5}, {"gz only", 7}, {NULL, 0}},
    {"/c.png", "cc", {"\x89PNG\0x", 6}, {NULL, 0}, {NULL, 0}},
};
static struct http_server *server;

static void on_request(void *user, struct http_request *request)
{
    struct str path = http_path(request);
    const struct http_page *page = http_page_find(pages, ARRAY_LEN(pages), path);

    (void)user;
    if (page == NULL)
        http_reply(request, &(struct http_reply){.status = 404});
    else
        http_reply_page(request, page, http_type_of(path), "no-cache", S("X-Extra: yes\r\n"));
}

static int set_up(void **state)
{
    struct http_config config;

    (void)state;
    http_config_init(&config);
    config.listen = S("127.0.0.1:0");
    config.on_request = on_request;
    return http_start(&config, &server) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    http_stop(server, 500);
    http_free(server);
    return 0;
}

static struct str body_of(struct str reply)
{
    int64_t at = str_find(reply, S("\r\n\r\n"));

    assert_true(at > 0);
    return str_sub(reply, (size_t)at + 4, reply.len);
}

static const struct {
    const char *path, *header;
    int status;
    const char *body, *says;
} cases[] = {
    {"/a.js", "", 200, "0123456789", "\r\nETag: \"aa\"\r\n"},
    {"/a.js", "Accept-Encoding: gzip, br\r\n", 200, "brotli!", "\r\nContent-Encoding: br\r\n"},
    {"/a.js", "Accept-Encoding: br, gzip\r\n", 200, "brotli!", "\r\nETag: \"aa-br\"\r\n"},
    {"/a.js", "Accept-Encoding: br;q=0, gzip\r\n", 200, "gzip", "\r\nETag: \"aa-gzip\"\r\n"},
    {"/a.js", "Accept-Encoding: deflate\r\n", 200, "0123456789", "\r\nVary: Accept-Encoding\r\n"},
    {"/b.css", "Accept-Encoding: br\r\n", 200, "plain", "\r\nVary: Accept-Encoding\r\n"},
    {"/b.css", "Accept-Encoding: gzip\r\n", 200, "gz only", "\r\nContent-Length: 7\r\n"},
    {"/a.js", "If-None-Match: \"aa\"\r\n", 304, "", "\r\nETag: \"aa\"\r\n"},
    {"/a.js", "If-None-Match: \"aa\"\r\nAccept-Encoding: br\r\n", 200, "brotli!", "aa-br"},
    {"/a.js", "If-None-Match: W/\"aa-br\"\r\nAccept-Encoding: br\r\n", 304, "", "aa-br"},
    {"/a.js", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200, "0123456789", "aa"},
    {"/a.js", "Range: bytes=2-4\r\nAccept-Encoding: br\r\n", 206, "234", "bytes 2-4/10\r\n"},
    {"/a.js", "Range: bytes=2-4\r\nIf-Range: \"aa\"\r\n", 206, "234", "bytes 2-4/10\r\n"},
    {"/a.js", "Range: bytes=2-4\r\nIf-Range: \"old\"\r\n", 200, "0123456789", "\"aa\""},
    {"/a.js", "Range: bytes=10-\r\n", 416, NULL, "\r\nContent-Range: bytes */10\r\n"},
    {"/a.jsx", "", 404, "", ""},
    {"/", "", 404, "", ""},
    {"/zzz", "", 404, "", ""},
};

static void answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        struct str reply;

        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "%s" END, cases[i].path,
                 cases[i].header);
        reply = peer_ask(http_port(server), str_of(text));
        if (peer_status(reply) != cases[i].status || !peer_has(reply, cases[i].says))
            print_error("%s %s\n%.*s\n", cases[i].path, cases[i].header, STR(reply));
        assert_int_equal(peer_status(reply), cases[i].status);
        assert_true(peer_has(reply, cases[i].says));
        if (cases[i].body != NULL)
            assert_true(str_is(body_of(reply), cases[i].body));
        assert_true(cases[i].status == 404 || peer_has(reply, "\r\nX-Extra: yes\r\n"));
    }
}

static void heads_and_bytes(void **state)
{
    struct str reply = peer_ask(http_port(server), S("HEAD /a.js HTTP/1.1\r\n" HOST END));

    (void)state;
    assert_true(peer_has(reply, "\r\nContent-Length: 10\r\n"));
    assert_int_equal(body_of(reply).len, 0);
    reply = peer_ask(http_port(server), S("GET /c.png HTTP/1.1\r\n" HOST END));
    assert_true(peer_has(reply, "\r\nContent-Type: image/png\r\n"));
    assert_false(peer_has(reply, "Vary"));
    assert_true(str_eq(body_of(reply), (struct str){"\x89PNG\0x", 6}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(heads_and_bytes),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
