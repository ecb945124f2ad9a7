/* Server-sent events. Always: `waiting` and the flags are under the mutex, everything else belongs
 * to the loop; on_close is called from the loop itself, never from inside a call of the stream's
 * user, exactly once; a stream with a posted mail is not freed. */
#include "host/http_private.h"

#include <stdlib.h>

struct http_stream {
    struct http_mail mail; /* bytes wait, or it is over */
    struct http_conn *conn;
    void (*on_close)(void *user, struct http_stream *stream);
    void *user;
    bool has_begun; /* the loop has seen it */
    uv_mutex_t mutex;
    struct buf waiting;
    size_t flying; /* bytes that libuv has */
    bool is_posted, is_over, is_ended;
};

static void stream_free(struct http_stream *stream)
{
    uv_mutex_destroy(&stream->mutex);
    buf_release(&stream->waiting);
    free(stream);
}

void http_stream_end(struct http_stream *stream)
{
    struct http_conn *conn = stream->conn;
    bool is_posted;

    uv_mutex_lock(&stream->mutex);
    stream->is_ended = true;
    is_posted = stream->is_posted;
    uv_mutex_unlock(&stream->mutex);
    stream->on_close(stream->user, stream);
    conn->events = NULL;
    http_conn_drop(conn);
    if (!is_posted)
        stream_free(stream);
}

static void mail_stream(struct http_mail *mail)
{
    struct http_stream *stream = (struct http_stream *)mail; /* its first member */
    bool is_over, is_ended;

    uv_mutex_lock(&stream->mutex);
    stream->is_posted = false;
    is_over = stream->is_over;
    is_ended = stream->is_ended;
    uv_mutex_unlock(&stream->mutex);
    if (is_ended)
        stream_free(stream);
    else if (!stream->has_begun)
        return; /* its beginning is still held back by a batch, and flushes */
    else if (stream->conn->events != stream)
        http_stream_end(stream); /* the peer left before the beginning */
    else if (is_over)
        http_conn_close(stream->conn);
    else
        http_stream_flush(stream);
}

/* Caller holds the mutex; true: post the mail. */
static bool wants_post(struct http_stream *stream)
{
    bool is_first = !stream->is_posted;

    stream->is_posted = true;
    return is_first;
}

static void begin(struct http_stream *stream)
{
    struct http_conn *conn = stream->conn;
    struct http_out *out = conn->request.out;
    bool is_post = false;

    stream->has_begun = true;
    conn->request.out = NULL;
    if (conn->phase == HTTP_CLOSED) {
        http_out_give(conn->loop, out);
        uv_mutex_lock(&stream->mutex);
        is_post = wants_post(stream);
        uv_mutex_unlock(&stream->mutex);
        if (is_post)
            http_loop_post(&stream->mail);
        return;
    }
    conn->events = stream;
    buf_release(&conn->input);
    http_conn_enter(conn, HTTP_STREAM);
    if (conn->loop->corked == conn)
        http_conn_flush(conn, S(""));
    if (!http_conn_send(conn, out))
        return;
    if (conn->has_eof) {
        http_conn_close(conn); /* it left while the handler worked */
        return;
    }
    http_conn_read(conn); /* to see the peer leave */
    http_stream_flush(stream);
}

static void mail_begin(struct http_mail *mail)
{
    begin(((struct http_request *)mail)->opening); /* mail is its first member */
}

struct http_stream *http_stream_open(struct http_request *request, struct str headers,
                                     void (*on_close)(void *user, struct http_stream *), void *user)
{
    struct http_stream *stream = calloc(1, sizeof(*stream));
    struct http_reply reply = {.status = 200, .type = "text/event-stream"};
    struct buf *buf = &request->out->buf;

    must(stream != NULL);
    must(uv_mutex_init(&stream->mutex) == 0);
    stream->mail = (struct http_mail){.loop = request->mail.loop, .run = mail_stream};
    stream->conn = request->conn;
    stream->on_close = on_close;
    stream->user = user;
    buf_init(&stream->waiting, HTTP_STREAM_MAX);
    request->opening = stream;
    request->is_last = true;
    reply.headers = headers;
    http_reply_head(buf, request, &reply, -1, true);
    buf->len -= 2; /* the empty line moves behind our own headers */
    buf_str(buf, S("Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n\r\n"));
    if (http_loop_is_mine(request->mail.loop)) {
        begin(stream);
    } else {
        request->mail.run = mail_begin;
        http_loop_post(&request->mail);
    }
    return stream;
}

void http_stream_flush(struct http_stream *stream)
{
    struct http_conn *conn = stream->conn;
    struct http_out *out;
    size_t len;

    if (conn->phase != HTTP_STREAM || conn->write_count > 0)
        return;
    out = http_out_take(conn->loop);
    uv_mutex_lock(&stream->mutex);
    len = stream->waiting.len;
    if (len > 0) {
        buf_add(&out->buf, stream->waiting.at, len);
        buf_reset(&stream->waiting);
        if (stream->waiting.cap > HTTP_SMALL_BODY)
            buf_release(&stream->waiting);
    }
    stream->flying = len;
    uv_mutex_unlock(&stream->mutex);
    http_conn_send(conn, out);
    if (conn->phase != HTTP_STREAM || conn->write_count > 0 || len == 0)
        return;
    uv_mutex_lock(&stream->mutex);
    stream->flying = 0;
    uv_mutex_unlock(&stream->mutex);
}

/* Bytes were added, or the end was asked for: tells the loop. */
static void stir(struct http_stream *stream, bool is_over, bool is_post)
{
    if (is_post)
        http_loop_post(&stream->mail);
    else if (!http_loop_is_mine(stream->mail.loop) || stream->conn->events != stream)
        return;
    else if (is_over)
        http_conn_close(stream->conn);
    else
        http_stream_flush(stream);
}

void http_stream_send(struct http_stream *stream, struct str bytes)
{
    bool is_mine = http_loop_is_mine(stream->mail.loop);
    bool is_over, is_post;

    uv_mutex_lock(&stream->mutex);
    if (stream->is_over || stream->is_ended) {
        uv_mutex_unlock(&stream->mutex);
        return;
    }
    if (bytes.len > HTTP_STREAM_MAX - stream->waiting.len - stream->flying)
        stream->is_over = true;
    else
        buf_str(&stream->waiting, bytes);
    is_over = stream->is_over;
    is_post = !is_mine && wants_post(stream);
    uv_mutex_unlock(&stream->mutex);
    stir(stream, is_over, is_post);
}

void http_stream_close(struct http_stream *stream)
{
    bool is_post;

    uv_mutex_lock(&stream->mutex);
    stream->is_over = true;
    is_post = wants_post(stream);
    uv_mutex_unlock(&stream->mutex);
    if (is_post)
        http_loop_post(&stream->mail);
}

void http_stream_beat(struct http_stream *stream)
{
    if (http_conn_progressed(stream->conn))
        http_stream_send(stream, S(":\n\n"));
    else
        http_conn_close(stream->conn);
}
