/* A connection: reads, feeds the parser, hands requests out one after another, writes, and keeps
 * its deadlines. Always: requests are answered in order, because the next one is not read before
 * the reply to this one is complete and sent; what the peer sends meanwhile waits in `input`,
 * bounded by the loop's stopping to read. Every phase has one absolute deadline; bytes that arrive
 * do not move it. */
#include "host/http_private.h"

#include <stdlib.h>
#include <unistd.h>

static bool wants_bytes(const struct http_conn *conn);
static void run_input(struct http_conn *conn);

void http_count(_Atomic int64_t *count, int64_t add)
{
    /* One writer, the loop: no locked instruction needed. */
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + add,
                          memory_order_relaxed);
}

/* ---- bytes on their way out ------------------------------------------------------------------ */

struct http_out *http_out_take(struct http_loop *loop)
{
    struct http_out *out = loop->spare_outs;

    if (out != NULL) {
        loop->spare_outs = out->next;
        loop->spare_out_count--;
        return out;
    }
    out = calloc(1, sizeof(*out));
    must(out != NULL);
    buf_init(&out->buf, SIZE_MAX / 4);
    return out;
}

void http_out_give(struct http_loop *loop, struct http_out *out)
{
    if (out == NULL)
        return;
    if (out->buf.cap > HTTP_READ_BYTES)
        buf_release(&out->buf);
    buf_reset(&out->buf);
    if (loop->spare_out_count == HTTP_SPARE_MAX) {
        buf_release(&out->buf);
        free(out);
        return;
    }
    out->next = loop->spare_outs;
    loop->spare_outs = out;
    loop->spare_out_count++;
}

static void on_written(uv_write_t *write, int status)
{
    struct http_out *out = write->data;
    struct http_conn *conn = out->conn;

    conn->write_count--;
    http_out_give(conn->loop, out);
    if (status < 0 || conn->phase == HTTP_CLOSED) {
        http_conn_close(conn);
        return;
    }
    if (conn->write_count > 0)
        return;
    if (conn->phase == HTTP_STREAM)
        http_stream_flush(conn->events);
    else if (conn->file != NULL)
        http_file_next(conn);
    else if (conn->phase == HTTP_WRITE)
        http_conn_continue(conn);
    else if (wants_bytes(conn) && conn->input.len > 0)
        run_input(conn); /* "100 Continue" had to wait */
}

/* What of the out's bytes from `from` on is not sent yet goes to libuv. */
static bool send_later(struct http_conn *conn, struct http_out *out, size_t from)
{
    uv_buf_t rest = uv_buf_init(out->buf.at + from, (unsigned)(out->buf.len - from));

    out->conn = conn;
    out->write.data = out;
    if (uv_write(&out->write, &conn->uv.stream, &rest, 1, on_written) != 0) {
        http_out_give(conn->loop, out);
        http_conn_close(conn);
        return false;
    }
    conn->write_count++;
    return true;
}

bool http_conn_send(struct http_conn *conn, struct http_out *out)
{
    uv_buf_t all = uv_buf_init(out->buf.at, (unsigned)out->buf.len);
    int sent;

    if (conn->phase == HTTP_CLOSED || out->buf.len == 0) {
        http_out_give(conn->loop, out);
        return conn->phase != HTTP_CLOSED;
    }
    sent = uv_try_write(&conn->uv.stream, &all, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
        http_out_give(conn->loop, out);
        http_conn_close(conn);
        return false;
    }
    http_count(&conn->loop->counts.byte_out, (int64_t)out->buf.len);
    conn->handed_bytes += (int64_t)out->buf.len;
    if (sent == (int)out->buf.len) {
        http_out_give(conn->loop, out);
        return true;
    }
    return send_later(conn, out, sent > 0 ? (size_t)sent : 0);
}

bool http_conn_flush(struct http_conn *conn, struct str more)
{
    struct http_loop *loop = conn->loop;
    uv_buf_t two[2] = {
        uv_buf_init(loop->cork.at, (unsigned)loop->cork.len),
        uv_buf_init((char *)(uintptr_t)more.at, (unsigned)more.len),
    };
    size_t total = loop->cork.len + more.len, sent = 0;
    struct http_out *out;
    int result;

    if (total == 0 || conn->phase == HTTP_CLOSED) {
        buf_reset(&loop->cork);
        return conn->phase != HTTP_CLOSED;
    }
    result = uv_try_write(&conn->uv.stream, two, more.len > 0 ? 2 : 1);
    sent = result > 0 ? (size_t)result : 0;
    http_count(&loop->counts.byte_out, (int64_t)total);
    conn->handed_bytes += (int64_t)total;
    if (sent == total || (result < 0 && result != UV_EAGAIN)) {
        buf_reset(&loop->cork);
        if (sent != total)
            http_conn_close(conn);
        return sent == total;
    }
    out = http_out_take(loop);
    buf_str(&out->buf, str_sub(buf_view(&loop->cork), sent, loop->cork.len));
    buf_str(&out->buf, str_sub(more, sent > loop->cork.len ? sent - loop->cork.len : 0, more.len));
    buf_reset(&loop->cork);
    return send_later(conn, out, 0);
}

/* ---- phases and their deadlines -------------------------------------------------------------- */

static void list_remove(struct http_list *list, struct http_conn *conn)
{
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else if (list->first == conn)
        list->first = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    else if (list->last == conn)
        list->last = conn->prev;
    conn->prev = conn->next = NULL;
}

static void on_timer(uv_timer_t *timer);

static void timer_need(struct http_loop *loop, int64_t due_ms)
{
    int64_t now_ms = (int64_t)uv_now(&loop->uv);

    if (loop->timer_due_ms != 0 && loop->timer_due_ms <= due_ms)
        return;
    loop->timer_due_ms = due_ms;
    uv_timer_start(&loop->timer, on_timer, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0, 0);
}

/* All of a list have the same time, so the first one is the next one: no heap, no search. */
static void on_timer(uv_timer_t *timer)
{
    struct http_loop *loop = timer->data;
    int64_t now_ms = (int64_t)uv_now(&loop->uv);

    loop->timer_due_ms = 0;
    for (int i = 0; i < HTTP_PHASE_COUNT; i++) {
        struct http_list *list = &loop->lists[i];

        while (list->after_ms >= 0 && list->first != NULL && list->first->due_ms <= now_ms)
            http_conn_due(list->first);
    }
    for (int i = 0; i < HTTP_PHASE_COUNT; i++) {
        if (loop->lists[i].after_ms >= 0 && loop->lists[i].first != NULL)
            timer_need(loop, loop->lists[i].first->due_ms);
    }
}

void http_conn_enter(struct http_conn *conn, enum http_phase phase)
{
    struct http_loop *loop = conn->loop;
    struct http_list *list = &loop->lists[phase];

    list_remove(&loop->lists[conn->phase], conn);
    conn->phase = phase;
    conn->prev = list->last;
    if (list->last != NULL)
        list->last->next = conn;
    else
        list->first = conn;
    list->last = conn;
    if (list->after_ms < 0)
        return;
    if (phase == HTTP_WRITE)
        http_conn_progressed(conn);
    conn->due_ms = (int64_t)uv_now(&loop->uv) + list->after_ms;
    timer_need(loop, conn->due_ms);
}

/* A body may take body_ms, and a second more for every 64 KiB that did come. */
static void body_due(struct http_conn *conn)
{
    int64_t earned_ms = conn->request.body_bytes / HTTP_BODY_BYTES_A_S * 1000;
    int64_t end_ms = conn->body_start_ms + conn->loop->lists[HTTP_BODY].after_ms + earned_ms;

    if ((int64_t)uv_now(&conn->loop->uv) < end_ms)
        http_conn_enter(conn, HTTP_UPLOAD);
    else
        http_conn_refuse(conn, 408, "http.timeout", "The body took too long.");
}

bool http_conn_progressed(struct http_conn *conn)
{
    int64_t sent = conn->handed_bytes - (int64_t)uv_stream_get_write_queue_size(&conn->uv.stream);
    bool has_moved = sent != conn->sent_bytes;

    conn->sent_bytes = sent;
    return has_moved || conn->write_count == 0; /* no write: it is the disk that we wait for */
}

static void write_due(struct http_conn *conn)
{
    if (http_conn_progressed(conn))
        http_conn_enter(conn, HTTP_WRITE);
    else
        http_conn_close(conn);
}

void http_conn_due(struct http_conn *conn)
{
    switch (conn->phase) {
    case HTTP_READ:
        http_conn_refuse(conn, 408, "http.timeout", "The request header took too long.");
        break;
    case HTTP_BODY:
    case HTTP_UPLOAD:
        body_due(conn);
        break;
    case HTTP_WRITE:
        write_due(conn);
        break;
    case HTTP_STREAM:
        http_conn_enter(conn, HTTP_STREAM);
        http_stream_beat(conn->events);
        break;
    default:
        http_conn_close(conn);
        break;
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

void http_conn_drop(struct http_conn *conn)
{
    struct http_loop *loop = conn->loop;

    if (--conn->hold_count > 0)
        return;
    list_remove(&loop->lists[HTTP_CLOSED], conn);
    http_conn_let_go(conn);
    buf_release(&conn->input);
    loop->conn_count--;
    atomic_fetch_sub(&loop->server->conn_count, 1);
    http_count(&loop->counts.connection, -1);
    if (loop->spare_conn_count < HTTP_SPARE_MAX) {
        conn->next = loop->spare_conns;
        loop->spare_conns = conn;
        loop->spare_conn_count++;
    } else {
        free(conn);
    }
    http_loop_check_drained(loop);
}

static void on_closed(uv_handle_t *handle)
{
    struct http_conn *conn = handle->data;

    if (conn->events != NULL)
        http_stream_end(conn->events);
    if (conn->file != NULL)
        http_file_end(conn);
    http_conn_drop(conn);
}

void http_conn_close(struct http_conn *conn)
{
    if (conn->phase == HTTP_CLOSED)
        return;
    http_conn_enter(conn, HTTP_CLOSED);
    uv_close(&conn->uv.handle, on_closed);
}

static void on_shut(uv_shutdown_t *shutdown, int status)
{
    struct http_conn *conn = shutdown->data;

    if (status < 0)
        http_conn_close(conn);
}

/* Shuts our side and waits for the peer to go: closing with unread bytes would make the kernel send
 * a reset, and that may eat the answer. */
static void linger(struct http_conn *conn)
{
    if (conn->phase == HTTP_CLOSED)
        return;
    conn->shutdown.data = conn;
    buf_release(&conn->input);
    if (conn->has_eof || uv_shutdown(&conn->shutdown, &conn->uv.stream, on_shut) != 0) {
        http_conn_close(conn);
        return;
    }
    http_conn_enter(conn, HTTP_LINGER);
    http_conn_read(conn);
}

void http_conn_let_go(struct http_conn *conn)
{
    struct http_loop *loop = conn->loop;
    struct http_request *request = &conn->request;

    if (request->body_fd >= 0) {
        close(request->body_fd);
        unlink(request->body_path.at); /* half a body: dispatch() keeps whole ones */
        request->body_fd = -1;
    }
    buf_release(&request->body_buf);
    loop->held_bytes -= request->held_bytes;
    request->held_bytes = 0;
    http_out_give(loop, request->out);
    request->out = NULL;
    if (request->arena == NULL)
        return;
    arena_reset(request->arena);
    if (loop->spare_arena_count < HTTP_SPARE_MAX)
        loop->spare_arenas[loop->spare_arena_count++] = request->arena;
    else
        arena_free(request->arena);
    request->arena = NULL;
}

void http_conn_refuse(struct http_conn *conn, int status, const char *code, const char *message)
{
    struct http_request *request = &conn->request;
    struct http_reply reply = {.status = status, .type = "application/json"};
    struct http_out *out = http_out_take(conn->loop);
    char body[256];

    snprintf(body, sizeof(body), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, message);
    reply.body = str_of(body);
    if (status == 405)
        reply.headers = S("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n");
    if (status == 503)
        reply.headers = S("Retry-After: 1\r\n");
    http_count(&conn->loop->counts.refused, 1);
    http_reply_head(&out->buf, request, &reply, (int64_t)reply.body.len, true);
    buf_str(&out->buf, reply.body);
    http_conn_let_go(conn);
    if (conn->loop->corked == conn && !http_conn_flush(conn, S("")))
        http_out_give(conn->loop, out);
    else if (http_conn_send(conn, out))
        linger(conn); /* the shutdown waits for what is not written yet */
}

void http_conn_stop(struct http_conn *conn)
{
    switch (conn->phase) {
    case HTTP_FRESH:
    case HTTP_IDLE:
        linger(conn);
        break;
    case HTTP_STREAM:
        http_conn_close(conn);
        break;
    default:
        break; /* the reply in hand says Connection: close */
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

/* The request is complete. */
static void dispatch(struct http_conn *conn)
{
    struct http_server *server = conn->loop->server;
    struct http_request *request = &conn->request;

    if (request->body_fd >= 0) {
        close(request->body_fd);
        request->body_fd = -1;
    }
    if (atomic_load_explicit(&server->is_stopping, memory_order_relaxed))
        request->is_last = true;
    if (request->out == NULL)
        request->out = http_out_take(conn->loop);
    http_count(&conn->loop->counts.request, 1);
    http_conn_enter(conn, HTTP_WORK);
    conn->hold_count++;
    server->config.on_request(server->config.user, request);
}

/* False: the file that on_head asked for cannot be made. */
static bool head_done(struct http_conn *conn)
{
    const struct http_config *config = &conn->loop->server->config;

    conn->body_start_ms = (int64_t)uv_now(&conn->loop->uv);
    if (config->on_head != NULL)
        config->on_head(config->user, &conn->request);
    return conn->parse.status == 0;
}

/* The head is here and the body is not. */
static void await_body(struct http_conn *conn)
{
    if (conn->request.is_waiting_100 && conn->parse.raw_bytes + conn->request.body_bytes == 0) {
        conn->request.is_waiting_100 = false;
        if (!http_conn_flush(conn, S("HTTP/1.1 100 Continue\r\n\r\n")))
            return;
    }
    if (conn->phase != HTTP_BODY && conn->phase != HTTP_UPLOAD)
        http_conn_enter(conn, HTTP_BODY);
}

static bool wants_bytes(const struct http_conn *conn)
{
    return conn->phase <= HTTP_UPLOAD && conn->write_count == 0;
}

/* Works off what is in *view as far as it goes now. */
static void run(struct http_conn *conn, struct str *view)
{
    while (wants_bytes(conn)) {
        enum http_step step = http_parse_next(&conn->parse, view);

        if (step == HTTP_STEP_MORE)
            break;
        if (step == HTTP_STEP_HEAD && !head_done(conn))
            http_conn_refuse(conn, 500, "http.io", "The body could not be stored.");
        else if (step == HTTP_STEP_HEAD)
            continue;
        else if (step == HTTP_STEP_DONE)
            dispatch(conn);
        else
            http_conn_refuse(conn, conn->parse.status, conn->parse.code, conn->parse.message);
        if (conn->loop->cork.len > HTTP_CORK_MAX)
            http_conn_flush(conn, S(""));
    }
    if (!wants_bytes(conn))
        return;
    if (conn->parse.phase != HTTP_IN_HEAD)
        await_body(conn);
    else if (view->len > 0 && conn->phase != HTTP_READ)
        http_conn_enter(conn, HTTP_READ);
}

/* One round over the input, with the replies given meanwhile sent together at its end. */
static void run_corked(struct http_conn *conn, struct str *view)
{
    struct http_loop *loop = conn->loop;
    struct http_conn *outer = loop->corked;

    if (outer != NULL)
        http_conn_flush(outer, S("")); /* its handler answered another connection's request */
    loop->corked = conn;
    run(conn, view);
    http_conn_flush(conn, S(""));
    loop->corked = outer;
    if (conn->phase == HTTP_IDLE && conn->write_count > 0)
        http_conn_enter(conn, HTTP_WRITE);
    else if (conn->phase == HTTP_WRITE && conn->write_count == 0 && conn->file == NULL)
        http_conn_continue(conn); /* it was the last one */
}

static void run_input(struct http_conn *conn)
{
    struct str view = buf_view(&conn->input);
    size_t len = view.len;

    run_corked(conn, &view);
    if (conn->phase == HTTP_CLOSED || conn->phase == HTTP_LINGER || view.len == 0) {
        buf_release(&conn->input);
    } else if (view.len < len) {
        memmove(conn->input.at, view.at, view.len);
        conn->input.len = view.len;
    }
}

/* The reply is sent. What comes next? */
void http_conn_continue(struct http_conn *conn)
{
    if (conn->is_last ||
        atomic_load_explicit(&conn->loop->server->is_stopping, memory_order_relaxed)) {
        linger(conn);
        return;
    }
    http_conn_enter(conn, HTTP_IDLE);
    http_conn_read(conn);
    if (conn->input.len > 0)
        run_input(conn);
    if (conn->has_eof && wants_bytes(conn))
        http_conn_close(conn); /* nothing more will come */
}

void http_conn_replied(struct http_conn *conn)
{
    if (conn->phase != HTTP_CLOSED) {
        bool is_last = conn->request.is_last;

        http_conn_let_go(conn);
        http_parse_restart(&conn->parse);
        conn->is_last = is_last;
        if (conn->loop->corked == conn)
            http_conn_enter(conn, is_last || conn->file != NULL ? HTTP_WRITE : HTTP_IDLE);
        else if (conn->write_count > 0 || conn->file != NULL)
            http_conn_enter(conn, HTTP_WRITE);
        else
            http_conn_continue(conn);
    }
    http_conn_drop(conn);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct http_conn *conn = handle->data;

    (void)wanted;
    *out = uv_buf_init(conn->loop->read_bytes, HTTP_READ_BYTES);
}

static void take_bytes(struct http_conn *conn, struct str bytes)
{
    if (conn->phase == HTTP_LINGER || conn->phase == HTTP_STREAM)
        return; /* nobody wants them any more */
    if (conn->input.len == 0 && wants_bytes(conn)) {
        run_corked(conn, &bytes);
        if (bytes.len > 0 && conn->phase < HTTP_STREAM)
            buf_str(&conn->input, bytes);
    } else {
        buf_str(&conn->input, bytes);
        if (wants_bytes(conn))
            run_input(conn);
    }
    /* Later, when there is room again. */
    if (conn->is_reading && conn->input.len > HTTP_READ_BYTES && !wants_bytes(conn)) {
        uv_read_stop(&conn->uv.stream);
        conn->is_reading = false;
    }
}

/* The peer has sent all it will. What it asked before is still answered. */
static void take_eof(struct http_conn *conn)
{
    conn->has_eof = true;
    conn->is_reading = false;
    uv_read_stop(&conn->uv.stream);
    if (conn->phase != HTTP_WORK && conn->phase != HTTP_WRITE)
        http_conn_close(conn);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *bytes)
{
    struct http_conn *conn = stream->data;

    if (len > 0) {
        http_count(&conn->loop->counts.byte_in, len);
        take_bytes(conn, (struct str){bytes->base, (size_t)len});
    } else if (len == UV_EOF) {
        take_eof(conn);
    } else if (len < 0) {
        http_conn_close(conn);
    }
}

void http_conn_read(struct http_conn *conn)
{
    if (conn->is_reading || conn->has_eof || conn->phase == HTTP_CLOSED)
        return;
    conn->is_reading = uv_read_start(&conn->uv.stream, on_alloc, on_read) == 0;
    if (!conn->is_reading)
        http_conn_close(conn);
}

/* ---- the beginning --------------------------------------------------------------------------- */

/* A zeroed connection that counts; its uv handle is the caller's to open. */
struct http_conn *http_conn_new(struct http_loop *loop)
{
    struct http_conn *conn = loop->spare_conns;

    if (conn != NULL) {
        loop->spare_conns = conn->next;
        loop->spare_conn_count--;
        memset(conn, 0, sizeof(*conn));
    } else {
        conn = calloc(1, sizeof(*conn));
        must(conn != NULL);
    }
    conn->loop = loop;
    conn->uv.handle.data = conn;
    conn->hold_count = 1;
    conn->request.conn = conn;
    conn->request.mail.loop = loop;
    buf_init(&conn->input, loop->limits.head_max + 4 * HTTP_READ_BYTES);
    http_parse_init(&conn->parse, &conn->request, &loop->limits);
    loop->conn_count++;
    atomic_fetch_add(&loop->server->conn_count, 1);
    http_count(&loop->counts.connection, 1);
    http_conn_enter(conn, HTTP_FRESH);
    return conn;
}

static void learn_peer(struct http_conn *conn)
{
    struct sockaddr_storage address;
    int len = sizeof(address);

    if (uv_tcp_getpeername(&conn->uv.tcp, (struct sockaddr *)&address, &len) != 0)
        return;
    if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
        struct sockaddr_in four = {.sin_family = AF_INET};

        memcpy(&four.sin_addr, six->sin6_addr.s6_addr + 12, 4);
        if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
            uv_ip4_name(&four, conn->peer, sizeof(conn->peer));
        else
            uv_ip6_name(six, conn->peer, sizeof(conn->peer));
    } else {
        uv_ip4_name((const struct sockaddr_in *)&address, conn->peer, sizeof(conn->peer));
    }
    conn->peer_len = strlen(conn->peer);
}

/* Accepted: starts to read. */
void http_conn_begin(struct http_conn *conn, bool is_local)
{
    struct http_server *server = conn->loop->server;

    conn->is_local = is_local;
    if (!is_local) {
        uv_tcp_nodelay(&conn->uv.tcp, 1);
        learn_peer(conn);
    }
    if (atomic_load(&server->conn_count) > server->config.connection_max)
        http_conn_refuse(conn, 503, "http.busy", "Too many connections.");
    else
        http_conn_read(conn);
}
