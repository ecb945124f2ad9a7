/* The row kinds besides JSON over a real socket: upload, download, redirect, beacon, stream, pages.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */

#include "base_sql.h"
#include "gen/kit.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "kit/app.h"
#include "kit/session.h"

#define QUEUE 16
#define LONGS 8         /* more than there are readers, and far fewer than may wait */
#define WAIT_MS 60000   /* for what must come; only where it never does is so much waited */
#define OWN (QUEUE / 4) /* of what takes long, for one colleague */

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
static atomic_int gate_count; /* how many came to it */

/* Takes the writer for as long as the test holds the gate. */
static enum err slow(struct ctx *c, const void *in, void *out)
{
    (void)c;
    (void)in;
    (void)out;
    atomic_fetch_add(&gate_count, 1);
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
static const struct role roles[] = {{"admin", "*", "all", "admin"}, {.name = NULL}};
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
    arena = arena_new(128 * 1024 * 1024);
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
    struct timeval wait = {.tv_sec = WAIT_MS / 1000};
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

/* Reads until `part` has come or the peer closes. */
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

static int64_t wait_s(struct str answer)
{
    int64_t at = str_find(answer, S("Retry-After: ")), wait = NONE;
    struct str line;

    if (at >= 0 && str_cut(str_sub(answer, (size_t)at + 13, answer.len), '\r', &line, &answer))
        str_to_int(line, &wait);
    return wait;
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

/* A minute has 600 for each address; who comes more often learns when to come again. It is one
 * minute, however long the machine takes for them. */
static void test_beacon_too_often(void **state)
{
    struct str got = S("");

    (void)state;
    clock_simulate(clock_now_ms());
    for (int i = 0; i < 600; i++)
        got = ask("GET /api/v1/beacon?key=x HTTP/1.1", S(""));
    assert_true(str_find(got, S("beacon.too_often")) < 0);
    got = ask("GET /api/v1/beacon?key=x HTTP/1.1", S(""));
    has(got, " 429 ");
    has(got, "beacon.too_often");
    assert_int_equal(wait_s(got), 60);
    clock_simulate(NONE);
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
    struct pollfd first[ARRAY_LEN(fds)];

    (void)state;
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial();
        send_all(fds[i], S("POST /api/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                           "Content-Length: 0\r\n\r\n"));
        first[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    /* While the gate is held nobody is answered but those without room, whichever they are. */
    for (int ms = 0; ms < WAIT_MS && poll(first, ARRAY_LEN(first), 0) < QUEUE; ms += 10)
        usleep(10000);
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        struct str got = read_until(fds[i], "\x01");
        if (first[i].revents & POLLIN)
            has(got, "busy.queue");
        assert_int_equal(wait_s(got), str_find(got, S(" 503 ")) >= 0 ? 1 : NONE);
        busy_count += str_find(got, S(" 503 ")) >= 0;
        done_count += str_find(got, S(" 200 ")) >= 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    assert_int_equal(busy_count + done_count, ARRAY_LEN(fds));
    assert_true(busy_count >= QUEUE);
    /* those that run, and those that waited; the program's own work takes some of the room */
    assert_in_range(done_count, QUEUE / 2, 2 * QUEUE);
    has(ask("POST /api/slow HTTP/1.1", S("")), " 200 ");
}

/* As many as there are readers take long, and more wait for them: nobody else does, not even what
 * is prepared. */
static void test_long(void **state)
{
    int fds[LONGS];
    struct str others[3];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = dial();
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        send_all(fds[i], i % 2 ? S("POST /api/long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                   "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
                               : S("GET /api/long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                   "\r\n"));
    others[0] = ask("POST /api/prepared HTTP/1.1", S("{}"));
    others[1] = ask("GET /api/list.csv HTTP/1.1", S(""));
    others[2] = ask("POST /api/note HTTP/1.1", S("{}"));
    pthread_mutex_unlock(&gate); /* before what may fail: nothing ends while it is held */
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        has(others[i], " 200 ");
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        has(read_until(fds[i], "\x01"), " 200 ");
        close(fds[i]);
    }
}

struct asker {
    int64_t staff_id;
    struct str csrf, token;
};

static enum err session_step(struct ctx *c, void *user)
{
    struct asker *asker = user;

    TRY(session_begin(c, asker->staff_id, &asker->csrf));
    asker->token = c->session_token;
    return OK;
}

static struct asker sign_in(int64_t staff_id)
{
    struct asker asker = {.staff_id = staff_id};

    assert_int_equal(app_write(app, arena, session_step, &asker, NULL), OK);
    return asker;
}

static int ask_long(const struct asker *asker)
{
    int fd = dial();

    send_all(fd, str_fmt(arena,
                         "GET /api/long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         "Cookie: papilio_session=%.*s\r\n\r\n",
                         STR(asker->token)));
    return fd;
}

/* How many of them were answered, as soon as `wanted` were. */
static int answered_count(struct pollfd *fds, int count, int wanted)
{
    int got = 0;

    for (int ms = 0; got < wanted && ms < WAIT_MS; ms += 10) {
        assert_true(poll(fds, (nfds_t)count, 0) >= 0);
        got = 0;
        for (int i = 0; i < count; i++)
            got += (fds[i].revents & POLLIN) != 0;
        if (got < wanted)
            usleep(10000);
    }
    return got;
}

/* Of what takes long one runs, and a quarter of those that may wait are one colleague's at most:
 * his others are sent away at once, another colleague waits and is served. */
static void test_long_of_one(void **state)
{
    struct pollfd fds[OWN + 3];
    int other, late, came_count, early_count, refused_count = 0;
    struct asker greedy, modest;
    struct str said;

    (void)state;
    base_sql(folder, "INSERT INTO staff (id, login, name, role, password, is_active, created_ms, "
                     "password_ms) VALUES (1, 'a', 'A', 'admin', '', 1, 0, 0), "
                     "(2, 'b', 'B', 'admin', '', 1, 0, 0)");
    greedy = sign_in(1);
    modest = sign_in(2);
    came_count = atomic_load(&gate_count);
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = (struct pollfd){.fd = ask_long(&greedy), .events = POLLIN};
        for (int ms = 0; atomic_load(&gate_count) == came_count && ms < WAIT_MS; ms += 10)
            usleep(10000); /* until the first one runs */
    }
    early_count = answered_count(fds, ARRAY_LEN(fds), 2);
    other = ask_long(&modest);
    late = ask_long(&greedy);
    said = read_until(late, "\x01");
    pthread_mutex_unlock(&gate); /* before what may fail: nothing ends while it is held */
    assert_int_equal(early_count, 2);
    has(said, "busy.own");
    has(read_until(other, "\x01"), " 200 ");
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        struct str got = read_until(fds[i].fd, "\x01");
        bool is_refused = str_find(got, S(" 429 ")) >= 0;
        has(got, is_refused ? "\"busy.own\"" : " 200 ");
        assert_int_equal(wait_s(got), is_refused ? 1 : NONE);
        refused_count += is_refused;
        close(fds[i].fd);
    }
    assert_int_equal(refused_count, 2);
    close(other);
    close(late);
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
        cmocka_unit_test(test_upload),
        cmocka_unit_test(test_download_and_redirect),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_beacon),
        cmocka_unit_test(test_beacon_too_often),
        cmocka_unit_test(test_other_sites),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_long_of_one),
        cmocka_unit_test(test_pages),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
