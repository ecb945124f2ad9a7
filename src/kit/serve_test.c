/* The row kinds besides JSON over a real socket: upload, download, redirect, beacon, stream, pages.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */

#include "base_sql.h"
#include "gen/kit.q.h"
#include "host/file.h"
#include "kit/app.h"

#define QUEUE 8

struct size_out {
    int64_t byte_count;
};
static const struct field size_out[] = {OUT(struct size_out, byte_count)};

static enum err upload(struct ctx *c, const void *in, void *out_)
{
    struct size_out *out = out_;
    struct str text;

    (void)in;
    TRY(file_read(c->arena, c->upload_path, 16 * 1024 * 1024, &text));
    out->byte_count = (int64_t)text.len;
    return OK;
}

static enum err download(struct ctx *c, const void *in, void *out)
{
    (void)in;
    (void)out;
    c->file_name = S("list.csv");
    c->file_type = "text/csv";
    c->file_body = S("a,b\r\n");
    return OK;
}

static enum err redirect(struct ctx *c, const void *in, void *out)
{
    (void)in;
    (void)out;
    c->redirect_to = S("/elsewhere");
    return OK;
}

/* What a customer or a file may have put there. */
static enum err hostile_download(struct ctx *c, const void *in, void *out)
{
    TRY(download(c, in, out));
    c->file_name = S("a\"b\r\nX-Bad: \xE8\x9D\xB6.csv");
    return OK;
}

/* A file of 3 MiB, larger than any answer in memory is kept. */
static enum err stored_download(struct ctx *c, const void *in, void *out)
{
    TRY(download(c, in, out));
    c->file_body = (struct str){0};
    c->file_path = str_fmt(c->arena, "%.*s/stored.csv", STR(app_config(c->app)->data));
    return OK;
}

static enum err hostile_redirect(struct ctx *c, const void *in, void *out)
{
    (void)in;
    (void)out;
    c->redirect_to = S("https://example.com/a%20b?c=d&e#f\r\nX-Bad: 1\xE8\x9D\xB6");
    return OK;
}

static enum err note(struct ctx *c, const void *in, void *out)
{
    (void)in;
    (void)out;
    c->topics |= LIVE_ORDERS;
    return q_meta_set(c, S("note"), S("1"));
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/* Takes the writer for as long as the test holds the gate. */
static enum err slow(struct ctx *c, const void *in, void *out)
{
    (void)c;
    (void)in;
    (void)out;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return OK;
}

static enum err quick(struct ctx *c, const void *in, void *out)
{
    (void)c;
    (void)in;
    (void)out;
    return OK;
}

static bool is_long(const void *in)
{
    (void)in;
    return true;
}

static const struct route routes[] = {
    {HTTP_GET, "/api/long", "public", NULL, NULL, slow, .is_long = is_long},
    {HTTP_POST, "/api/long", "public", NULL, NULL, note, .prepare = slow, .is_long = is_long},
    {HTTP_POST, "/api/prepared", "public", NULL, NULL, note, .prepare = quick},
    {HTTP_POST, "/api/slow", "public", NULL, NULL, slow},
    {HTTP_POST, "/api/upload", "public", NULL, SHAPE(size_out), upload, .kind = ROUTE_UPLOAD},
    {HTTP_POST, "/api/closed", "x.write", NULL, SHAPE(size_out), upload, .kind = ROUTE_UPLOAD},
    {HTTP_GET, "/api/list.csv", "public", NULL, NULL, download, .kind = ROUTE_DOWNLOAD},
    {HTTP_GET, "/api/stored.csv", "public", NULL, NULL, stored_download, .kind = ROUTE_DOWNLOAD},
    {HTTP_GET, "/api/go", "public", NULL, NULL, redirect, .kind = ROUTE_REDIRECT},
    {HTTP_GET, "/api/bad.csv", "public", NULL, NULL, hostile_download, .kind = ROUTE_DOWNLOAD},
    {HTTP_GET, "/api/bad", "public", NULL, NULL, hostile_redirect, .kind = ROUTE_REDIRECT},
    {HTTP_POST, "/api/v1/beacon", "public", NULL, NULL, note, .kind = ROUTE_BEACON},
    {HTTP_POST, "/api/note", "public", NULL, NULL, note},
    {HTTP_GET, "/api/live", "public", NULL, NULL, NULL, .kind = ROUTE_STREAM},
    {.path = NULL},
};
static const struct route *const tables[] = {routes, NULL};
static const struct role roles[] = {{NULL, NULL}};
static const struct event_kind kinds[] = {{.name = NULL}};
static const struct reaction reactions[] = {{NULL, NULL}};

static struct arena *arena;
static struct app *app;
static char folder[] = "/tmp/papilio-serve-XXXXXX";

static int setup(void **state)
{
    struct app_config config = {
        .routes = tables, .roles = roles, .kinds = kinds, .reactions = reactions};
    struct str why = {0};

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    arena = arena_new(64 * 1024 * 1024);
    config.db = base_db(arena);
    config.data = str_of(folder);
    config.listen = S("127.0.0.1:0");
    config.queue_max = QUEUE;
    config.pages = str_fmt(arena, "%s/pages", folder);
    if (folder_make(config.pages) != OK ||
        file_write(str_fmt(arena, "%s/pages/index.html", folder), S("<p>hi"), 0600) != OK)
        return -1;
    if (app_open(arena, &config, &app, &why) == OK && app_listen(app, &why) == OK)
        return 0;
    fprintf(stderr, "%.*s\n", STR(why));
    return -1;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    app_close(app);
    base_leave();
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static int dial(void)
{
    struct str address = app_address(app), host, port;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_sec = 5};
    int64_t number = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    str_cut(address, ':', &host, &port);
    assert_true(str_to_int(port, &number));
    to.sin_port = htons((uint16_t)number);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void send_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t sent = send(fd, text.at, text.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text = str_sub(text, (size_t)sent, text.len);
    }
}

/* Reads until `part` has come, the peer closes or five seconds pass. */
static struct str read_until(int fd, const char *part)
{
    struct str got = {arena_alloc(arena, 65536), 0};

    while (got.len < 65536 && str_find(got, str_of(part)) < 0) {
        ssize_t count = recv(fd, (char *)(uintptr_t)got.at + got.len, 65536 - got.len, 0);
        if (count <= 0)
            break;
        got.len += (size_t)count;
    }
    return got;
}

static struct str ask(const char *head, struct str body)
{
    int fd = dial();
    struct str got;

    send_all(fd, str_fmt(arena, "%s\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                         head, body.len));
    send_all(fd, body);
    got = read_until(fd, "\x01");
    close(fd);
    return got;
}

static void has(struct str text, const char *part)
{
    if (str_find(text, str_of(part)) < 0)
        print_error("no \"%s\" in: %.*s\n", part, STR(text));
    assert_true(str_find(text, str_of(part)) >= 0);
}

static int upload_count(void)
{
    struct str command = str_fmt(arena, "ls %s/uploads | wc -l", folder);
    FILE *pipe = popen(str_cstr(arena, command), "r");
    int count = -1;

    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void test_upload(void **state)
{
    size_t length = 3 * 1024 * 1024;
    struct str body = {memset(arena_alloc(arena, length), 'x', length), length};

    (void)state;
    has(ask("POST /api/upload HTTP/1.1", body), "{\"byte_count\":3145728}");
    has(ask("POST /api/closed HTTP/1.1", S("small")), " 401 ");
    has(ask("POST /api/closed HTTP/1.1", body), " 413 "); /* no file for whom the gate refuses */
    assert_int_equal(upload_count(), 0);
}

static void stored_put(void)
{
    size_t len = 3 * 1024 * 1024;
    char *text = arena_alloc(arena, len);

    memset(text, 'x', len);
    assert_int_equal(file_write(str_fmt(arena, "%.*s/stored.csv", STR(app_config(app)->data)),
                                (struct str){text, len}, 0600),
                     OK);
}

static void test_download_and_redirect(void **state)
{
    struct str got = ask("GET /api/list.csv HTTP/1.1", S(""));

    (void)state;
    has(got, "attachment; filename=\"list.csv\"");
    has(got, "\r\n\r\na,b\r\n");
    stored_put();
    got = ask("GET /api/stored.csv HTTP/1.1", S(""));
    has(got, "attachment; filename=\"list.csv\"");
    has(got, "Content-Length: 3145728\r\n");
    has(got, "Cache-Control: no-store\r\n");
    has(got, "X-Content-Type-Options: nosniff\r\n");
    assert_true(str_ends(got, S("xxxx"))); /* as much of it as ask() reads */
    got = ask("GET /api/go HTTP/1.1", S(""));
    has(got, " 302 ");
    has(got, "Location: /elsewhere\r\n");
}

/* Texts in header lines cannot make lines of their own. */
static void test_hostile_headers(void **state)
{
    struct str got = ask("GET /api/bad.csv HTTP/1.1", S(""));

    (void)state;
    has(got, "filename=\"a_b__X-Bad: ___.csv\"; "
             "filename*=UTF-8''a%22b%0D%0AX-Bad%3A%20%E8%9D%B6.csv\r\n");
    got = ask("GET /api/bad HTTP/1.1", S(""));
    has(got, "Location: https://example.com/a%20b?c=d&e#f%0D%0AX-Bad:%201%E8%9D%B6\r\n");
}

static void test_beacon(void **state)
{
    struct str got = ask("POST /api/v1/beacon HTTP/1.1", S("{}"));

    (void)state;
    has(got, " 204 ");
    has(got, "Access-Control-Allow-Origin: *\r\n");
    has(ask("OPTIONS /api/v1/beacon HTTP/1.1", S("")), "Access-Control-Allow-Methods: POST");
}

static void test_other_sites(void **state)
{
    (void)state;
    has(ask("POST /api/note HTTP/1.1\r\nSec-Fetch-Site: cross-site", S("{}")), "gate.cross_site");
    has(ask("POST /api/note HTTP/1.1\r\nSec-Fetch-Site: same-origin", S("{}")), " 200 ");
    has(ask("POST /api/v1/beacon HTTP/1.1\r\nSec-Fetch-Site: cross-site", S("{}")), " 204 ");
}

static void test_live(void **state)
{
    int fd = dial();

    (void)state;
    send_all(fd, S("GET /api/live HTTP/1.1\r\nHost: x\r\n\r\n"));
    has(read_until(fd, "\r\n\r\n"), "text/event-stream");
    has(ask("POST /api/note HTTP/1.1", S("{}")), " 200 ");
    has(read_until(fd, "\n\n"), "{\"topics\":[\"orders\"]}");
    close(fd);
}

/* While the writer is taken, QUEUE requests wait and the others are sent away at once; then all
 * that waited are answered. */
static void test_full_queue(void **state)
{
    int fds[3 * QUEUE], busy_count = 0, done_count = 0;

    (void)state;
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial();
        send_all(fds[i], S("POST /api/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                           "Content-Length: 0\r\n\r\n"));
    }
    has(read_until(fds[ARRAY_LEN(fds) - 1], "\x01"), "busy.queue");
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < ARRAY_LEN(fds) - 1; i++) {
        struct str got = read_until(fds[i], "\x01");
        busy_count += str_find(got, S(" 503 ")) >= 0;
        done_count += str_find(got, S(" 200 ")) >= 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    assert_int_equal(busy_count + done_count, ARRAY_LEN(fds) - 1);
    assert_in_range(done_count, QUEUE, 2 * QUEUE); /* those that run, and those that waited */
    has(ask("POST /api/slow HTTP/1.1", S("")), " 200 ");
}

/* As many as there are readers take long, and more wait for them: nobody else does, not even what
 * is prepared. */
static void test_long(void **state)
{
    int fds[QUEUE];

    (void)state;
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial();
        send_all(fds[i], i % 2 ? S("POST /api/long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                   "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
                               : S("GET /api/long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                   "\r\n"));
    }
    has(ask("POST /api/prepared HTTP/1.1", S("{}")), " 200 ");
    has(ask("GET /api/list.csv HTTP/1.1", S("")), " 200 ");
    has(ask("POST /api/note HTTP/1.1", S("{}")), " 200 ");
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        has(read_until(fds[i], "\x01"), " 200 ");
        close(fds[i]);
    }
}

static void test_pages(void **state)
{
    struct str got = ask("GET /customers/7 HTTP/1.1", S(""));

    (void)state;
    has(got, "<p>hi");
    has(got, "Content-Security-Policy: default-src 'self'");
    has(ask("GET /index.html HTTP/1.1", S("")), "Content-Security-Policy: default-src 'self'");
    has(ask("GET /none.js HTTP/1.1", S("")), " 404 ");
    has(ask("GET /../papilio.key HTTP/1.1", S("")), " 404 ");
    has(ask("GET /..%2fpapilio.key HTTP/1.1", S("")), " 404 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upload),          cmocka_unit_test(test_download_and_redirect),
        cmocka_unit_test(test_hostile_headers), cmocka_unit_test(test_beacon),
        cmocka_unit_test(test_other_sites),     cmocka_unit_test(test_live),
        cmocka_unit_test(test_full_queue),      cmocka_unit_test(test_long),
        cmocka_unit_test(test_pages),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
