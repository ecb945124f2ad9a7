/* The server: its loops, listeners, accepting and stopping. One uv loop a thread; with several,
 * each has its own listening socket on the same port (SO_REUSEPORT), so that accepting needs no
 * lock. */
#include "host/http_private.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024
#define STOP_EXTRA_MS 2000 /* after the grace: for handlers that still hold a request */

static _Thread_local const struct http_loop *my_loop;

bool http_loop_is_mine(const struct http_loop *loop)
{
    return my_loop == loop;
}

void http_config_init(struct http_config *config)
{
    *config = (struct http_config){
        .listen = S("127.0.0.1:8080"),
        .loop_count = 1,
        .connection_max = 10000,
        .head_max = 32 * 1024,
        .header_max = 100,
        .body_max = 1024 * 1024,
        .held_max = 256 * 1024 * 1024,
        .arena_max = 64 * 1024 * 1024,
        .head_ms = 10 * 1000,
        .body_ms = 30 * 1000,
        .idle_ms = 60 * 1000,
        .write_ms = 30 * 1000,
        .beat_ms = 15 * 1000,
    };
}

/* ---- listening ------------------------------------------------------------------------------- */

/* "host:port" or "[host]:port"; numeric addresses only. */
static bool read_address(struct str listen, struct sockaddr_storage *out, socklen_t *len)
{
    char host[64];
    struct str name = listen, port_text = {NULL, 0};
    int64_t port;

    for (size_t i = listen.len; i > 0 && port_text.at == NULL; i--) {
        if (listen.at[i - 1] == ':') {
            name = str_sub(listen, 0, i - 1);
            port_text = str_sub(listen, i, listen.len);
        }
    }
    if (port_text.at == NULL || !str_to_int(port_text, &port) || port < 0 || port > 65535)
        return false;
    if (name.len > 2 && name.at[0] == '[' && name.at[name.len - 1] == ']')
        name = str_sub(name, 1, name.len - 2);
    if (name.len == 0 || name.len >= sizeof(host))
        return false;
    memcpy(host, name.at, name.len);
    host[name.len] = 0;
    *len = sizeof(struct sockaddr_in);
    if (uv_ip4_addr(host, (int)port, (struct sockaddr_in *)out) == 0)
        return true;
    *len = sizeof(struct sockaddr_in6);
    return uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)out) == 0;
}

/* A bound socket, or -1. */
static int socket_bound(const struct sockaddr_storage *address, socklen_t len, bool is_shared)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (is_shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
        bind(fd, (const struct sockaddr *)address, len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int port_of(int fd, struct sockaddr_storage *address)
{
    socklen_t len = sizeof(*address);

    if (getsockname(fd, (struct sockaddr *)address, &len) != 0)
        return -1;
    return ntohs(address->ss_family == AF_INET6 ? ((struct sockaddr_in6 *)address)->sin6_port
                                                : ((struct sockaddr_in *)address)->sin_port);
}

static void on_tcp(uv_stream_t *listener, int status)
{
    struct http_loop *loop = listener->data;
    struct http_conn *conn;

    if (status < 0 || loop->is_stopping)
        return;
    conn = http_conn_new(loop);
    uv_tcp_init(&loop->uv, &conn->uv.tcp);
    conn->uv.handle.data = conn;
    if (uv_accept(listener, &conn->uv.stream) == 0)
        http_conn_begin(conn, false);
    else
        http_conn_close(conn);
}

static void on_pipe(uv_stream_t *listener, int status)
{
    struct http_loop *loop = listener->data;
    struct http_conn *conn;

    if (status < 0 || loop->is_stopping)
        return;
    conn = http_conn_new(loop);
    uv_pipe_init(&loop->uv, &conn->uv.pipe, 0);
    conn->uv.handle.data = conn;
    if (uv_accept(listener, &conn->uv.stream) == 0)
        http_conn_begin(conn, true);
    else
        http_conn_close(conn);
}

/* A port that another process listens on must be an error, which SO_REUSEPORT alone would hide. */
static enum err check_free(const struct sockaddr_storage *address, socklen_t len)
{
    int fd = socket_bound(address, len, false);

    if (fd < 0)
        return E_IO;
    close(fd);
    return OK;
}

static enum err listen_tcp(struct http_server *server)
{
    struct sockaddr_storage address = {0};
    bool is_shared = server->loop_count > 1;
    socklen_t len;

    if (!read_address(server->config.listen, &address, &len))
        return E_INPUT;
    if (is_shared)
        TRY(check_free(&address, len));
    for (int i = 0; i < server->loop_count; i++) {
        struct http_loop *loop = &server->loops[i];
        int fd = socket_bound(&address, len, is_shared);

        if (fd < 0)
            return E_IO;
        server->port = port_of(fd, &address);
        if (server->port <= 0 || uv_tcp_open(&loop->listener, fd) != 0) {
            close(fd);
            return E_IO;
        }
        if (uv_listen((uv_stream_t *)&loop->listener, BACKLOG, on_tcp) != 0)
            return E_IO;
    }
    return OK;
}

/* A socket file that nobody answers on is a leftover. */
static void remove_stale(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (strlen(path) < sizeof(address.sun_path)) {
        memcpy(address.sun_path, path, strlen(path) + 1);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 && errno == ECONNREFUSED)
            unlink(path);
    }
    close(fd);
}

static enum err listen_unix(struct http_server *server)
{
    struct str path = server->config.unix_path;
    struct http_loop *loop = &server->loops[0];
    mode_t mask;
    int result;

    if (path.at == NULL)
        return OK;
    server->unix_path = strndup(path.at, path.len);
    must(server->unix_path != NULL);
    if (path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return E_INPUT; /* libuv would cut it */
    remove_stale(server->unix_path);
    mask = umask(0177);
    result = uv_pipe_bind(&loop->pipe, server->unix_path);
    umask(mask);
    if (result != 0 || uv_listen((uv_stream_t *)&loop->pipe, BACKLOG, on_pipe) != 0)
        return E_IO;
    loop->has_pipe = true;
    return OK;
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void close_listeners(struct http_loop *loop)
{
    if (!uv_is_closing((uv_handle_t *)&loop->listener))
        uv_close((uv_handle_t *)&loop->listener, NULL);
    if (!uv_is_closing((uv_handle_t *)&loop->pipe))
        uv_close((uv_handle_t *)&loop->pipe, NULL);
}

/* Calls act for each connection of the loop; act may move or end it. */
static void for_each_conn(struct http_loop *loop, void (*act)(struct http_conn *conn))
{
    for (int i = 0; i < HTTP_CLOSED; i++) {
        struct http_conn *conn = loop->lists[i].first, *next;

        for (; conn != NULL; conn = next) {
            next = conn->next;
            act(conn);
        }
    }
}

void http_loop_check_drained(struct http_loop *loop)
{
    if (loop->is_stopping && loop->conn_count == 0)
        uv_stop(&loop->uv);
}

/* Handlers that keep a request for ever must not keep the program. */
static void on_extra(uv_timer_t *timer)
{
    struct http_loop *loop = timer->data;

    uv_stop(&loop->uv);
}

static void on_grace(uv_timer_t *timer)
{
    struct http_loop *loop = timer->data;

    for_each_conn(loop, http_conn_close);
    uv_timer_start(&loop->grace, on_extra, STOP_EXTRA_MS, 0);
}

static void mail_stop(struct http_mail *mail)
{
    struct http_loop *loop = mail->loop;

    loop->is_stopping = true;
    close_listeners(loop);
    for_each_conn(loop, http_conn_stop);
    uv_timer_start(&loop->grace, on_grace, (uint64_t)loop->server->grace_ms, 0);
    http_loop_check_drained(loop);
}

/* ---- a loop's life --------------------------------------------------------------------------- */

static void on_wake(uv_async_t *wake)
{
    struct http_loop *loop = wake->data;
    struct http_mail *mail = atomic_exchange_explicit(&loop->mails, NULL, memory_order_acquire);
    struct http_mail *oldest = NULL, *next;

    for (; mail != NULL; mail = next) {
        next = mail->next;
        mail->next = oldest;
        oldest = mail;
    }
    for (mail = oldest; mail != NULL; mail = next) {
        next = mail->next;
        mail->run(mail);
    }
}

static struct arena *take_arena(struct http_request *request)
{
    struct http_loop *loop = request->conn->loop;

    if (loop->spare_arena_count > 0)
        return loop->spare_arenas[--loop->spare_arena_count];
    return arena_new(loop->server->config.arena_max);
}

static void loop_init(struct http_server *server, int index)
{
    const struct http_config *config = &server->config;
    struct http_loop *loop = &server->loops[index];
    const int after_ms[HTTP_PHASE_COUNT] = {
        [HTTP_FRESH] = config->head_ms,
        [HTTP_IDLE] = config->idle_ms,
        [HTTP_READ] = config->head_ms,
        [HTTP_BODY] = config->body_ms,
        [HTTP_UPLOAD] = 1000,
        [HTTP_WORK] = -1,
        [HTTP_WRITE] = config->write_ms,
        [HTTP_STREAM] = config->beat_ms,
        [HTTP_LINGER] = HTTP_LINGER_MS,
        [HTTP_CLOSED] = -1,
    };

    loop->server = server;
    loop->index = index;
    must(uv_loop_init(&loop->uv) == 0);
    uv_tcp_init(&loop->uv, &loop->listener);
    uv_pipe_init(&loop->uv, &loop->pipe, 0);
    must(uv_async_init(&loop->uv, &loop->wake, on_wake) == 0);
    uv_timer_init(&loop->uv, &loop->timer);
    uv_timer_init(&loop->uv, &loop->grace);
    loop->listener.data = loop->pipe.data = loop->wake.data = loop->timer.data = loop->grace.data =
        loop;
    loop->stop = (struct http_mail){.loop = loop, .run = mail_stop};
    loop->limits = (struct http_limits){
        .head_max = config->head_max,
        .body_max = config->body_max,
        .header_max = config->header_max,
        .arena_take = take_arena,
        .held_max = config->held_max,
        .held_bytes = &loop->held_bytes,
    };
    for (int i = 0; i < HTTP_PHASE_COUNT; i++)
        loop->lists[i].after_ms = after_ms[i];
    buf_init(&loop->cork, SIZE_MAX / 4);
    loop->read_bytes = malloc(HTTP_READ_BYTES);
    must(loop->read_bytes != NULL);
}

static void loop_run(void *arg)
{
    struct http_loop *loop = arg;
    const struct http_config *config = &loop->server->config;

    my_loop = loop;
    if (config->on_loop_start != NULL)
        config->on_loop_start(config->user, loop->index);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void loop_release(struct http_loop *loop)
{
    uv_walk(&loop->uv, close_handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop->uv) == 0);
    while (loop->spare_conns != NULL) {
        struct http_conn *conn = loop->spare_conns;

        loop->spare_conns = conn->next;
        free(conn);
    }
    while (loop->spare_outs != NULL) {
        struct http_out *out = loop->spare_outs;

        loop->spare_outs = out->next;
        buf_release(&out->buf);
        free(out);
    }
    for (int i = 0; i < loop->spare_arena_count; i++)
        arena_free(loop->spare_arenas[i]);
    http_file_cache_free(loop);
    buf_release(&loop->cork);
    free(loop->read_bytes);
}

/* ---- from outside ---------------------------------------------------------------------------- */

static enum err start_threads(struct http_server *server)
{
    for (int i = 0; i < server->loop_count; i++) {
        if (uv_thread_create(&server->loops[i].thread, loop_run, &server->loops[i]) != 0)
            return E_IO;
        server->started_count++;
    }
    return OK;
}

enum err http_start(const struct http_config *config, struct http_server **out)
{
    struct http_server *server = calloc(1, sizeof(*server));
    enum err err;

    must(server != NULL);
    must(config->loop_count > 0);
    signal(SIGPIPE,
           SIG_IGN); /* libuv writes with write(); a peer that left is an error, not a signal */
    server->config = *config;
    server->loop_count = config->loop_count;
    server->loops = calloc((size_t)config->loop_count, sizeof(*server->loops));
    must(server->loops != NULL);
    for (int i = 0; i < server->loop_count; i++)
        loop_init(server, i);
    err = listen_tcp(server);
    if (err == OK)
        err = listen_unix(server);
    if (err == OK)
        err = start_threads(server);
    if (err == OK) {
        *out = server;
        return OK;
    }
    http_stop(server, 0);
    http_free(server);
    return err;
}

int http_port(const struct http_server *server)
{
    return server->port;
}

void http_stop(struct http_server *server, int grace_ms)
{
    atomic_store(&server->is_stopping, true);
    server->grace_ms = grace_ms;
    for (int i = 0; i < server->started_count; i++)
        http_loop_post(&server->loops[i].stop);
    for (int i = 0; i < server->started_count; i++)
        uv_thread_join(&server->loops[i].thread);
}

void http_free(struct http_server *server)
{
    bool is_held = false;

    for (int i = 0; i < server->loop_count; i++)
        is_held = is_held || server->loops[i].conn_count > 0;
    if (is_held) /* someone still has a request: its memory must outlive us */
        return;
    for (int i = 0; i < server->loop_count; i++)
        loop_release(&server->loops[i]);
    free(server->unix_path);
    free(server->loops);
    free(server);
}

void http_stats(const struct http_server *server, struct http_stats *out)
{
    *out = (struct http_stats){0};
    for (int i = 0; i < server->loop_count; i++) {
        const struct http_counts *counts = &server->loops[i].counts;

        out->connection_count += atomic_load_explicit(&counts->connection, memory_order_relaxed);
        out->request_count += atomic_load_explicit(&counts->request, memory_order_relaxed);
        out->refused_count += atomic_load_explicit(&counts->refused, memory_order_relaxed);
        out->byte_in_count += atomic_load_explicit(&counts->byte_in, memory_order_relaxed);
        out->byte_out_count += atomic_load_explicit(&counts->byte_out, memory_order_relaxed);
    }
}
