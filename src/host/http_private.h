/* What the files of the HTTP server share. Always: a connection is touched by its loop's thread alone; other threads only
 * compose a reply into request->out (or a stream's buffer) and post a mail. A connection is in exactly one phase, and in that
 * phase's list of its loop. */
#pragma once

#include "host/http_parse_private.h"

#define HTTP_READ_BYTES (64 * 1024)       /* one read */
#define HTTP_CORK_MAX (64 * 1024)         /* small replies to pipelined requests gathered before a write */
#define HTTP_LINGER_MS 1000               /* for the peer to read an error answer */
#define HTTP_STREAM_MAX (256 * 1024)      /* bytes that may wait for a slow reader */
#define HTTP_SPARE_MAX 128                /* objects kept for reuse, each kind, a loop */
#define HTTP_BODY_BYTES_A_S (64 * 1024)   /* slower than this for long: 408 */

/* ---- connections (http_conn.c) ------------------------------------------------------------------ */

enum http_phase {
    HTTP_FRESH,   /* connected, not a byte yet */
    HTTP_IDLE,    /* between requests */
    HTTP_READ,    /* head began */
    HTTP_BODY,    /* head complete */
    HTTP_UPLOAD,  /* a long body that earned more time */
    HTTP_WORK,    /* the handler has the request */
    HTTP_WRITE,   /* the reply waits for the peer to read */
    HTTP_STREAM,  /* event stream */
    HTTP_LINGER,  /* our side is shut; what the peer still sends is dropped */
    HTTP_CLOSED,  /* socket gone */
    HTTP_PHASE_COUNT
};

struct http_conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct http_loop *loop;
    struct http_conn *prev, *next; /* in the list of its phase; a spare one uses next */
    enum http_phase phase;
    int64_t due_ms;
    int hold_count; /* the open handle, a request in work, a file being read */
    int write_count;
    int64_t handed_bytes, sent_bytes; /* to the socket; at the last look, to see progress */
    bool is_local, is_reading, has_eof, is_last;
    struct buf input; /* unread bytes: part of a head, or pipelined requests */
    struct http_parse parse;
    struct http_request request;
    struct http_stream *events;
    struct http_file_send *file;
    uv_shutdown_t shutdown;
    int64_t body_start_ms;
    size_t peer_len;
    char peer[48];
};

struct http_list {
    struct http_conn *first, *last;
    int after_ms; /* deadline of the phase; -1: none */
};

struct http_counts {
    _Atomic int64_t connection, request, refused, byte_in, byte_out;
};

struct http_file_cache;

struct http_loop {
    struct http_server *server;
    int index;
    uv_loop_t uv;
    uv_thread_t thread;
    uv_tcp_t listener;
    uv_pipe_t pipe;
    uv_async_t wake;
    uv_timer_t timer, grace;
    int64_t timer_due_ms; /* 0: off */
    struct http_mail stop;
    _Atomic(struct http_mail *) mails; /* newest first */
    struct http_list lists[HTTP_PHASE_COUNT];
    struct http_limits limits;
    int64_t held_bytes; /* of bodies in memory */
    struct http_conn *corked; /* the one whose input is being worked off */
    struct buf cork;
    struct http_conn *spare_conns;
    struct http_out *spare_outs;
    struct arena *spare_arenas[HTTP_SPARE_MAX];
    int spare_conn_count, spare_out_count, spare_arena_count;
    int conn_count, held_count; /* held: requests in work whose connection is gone */
    bool is_stopping, has_tcp, has_pipe;
    struct http_counts counts;
    struct http_file_cache *files;
    char *read_bytes;
};

struct http_server {
    struct http_config config;
    int port;
    _Atomic bool is_stopping;
    _Atomic int conn_count;
    struct http_loop *loops;
    int loop_count, started_count;
    int grace_ms;
    char *unix_path;
};

bool http_loop_is_mine(const struct http_loop *loop); /* this thread runs it */
void http_loop_post(struct http_mail *mail);          /* any thread */
void http_loop_check_drained(struct http_loop *loop);

struct http_conn *http_conn_new(struct http_loop *loop);
void http_conn_begin(struct http_conn *conn, bool is_local);
void http_conn_enter(struct http_conn *conn, enum http_phase phase);
void http_conn_due(struct http_conn *conn); /* its deadline has come */
void http_conn_close(struct http_conn *conn);
bool http_conn_progressed(struct http_conn *conn); /* the peer took bytes since the last look, or has none to take */
void http_conn_drop(struct http_conn *conn); /* one hold less */
void http_conn_stop(struct http_conn *conn); /* the server stops: go as soon as you may */
void http_conn_refuse(struct http_conn *conn, int status, const char *code, const char *message);
/* Sends and gives the out back; false if the connection is gone. */
bool http_conn_send(struct http_conn *conn, struct http_out *out);
bool http_conn_flush(struct http_conn *conn, struct str more); /* the cork, and then `more` (copied where needed) */
void http_conn_read(struct http_conn *conn);     /* reads, if it does not */
void http_conn_continue(struct http_conn *conn); /* all of the reply is sent */
void http_conn_replied(struct http_conn *conn); /* the reply is complete: next request, or the end */
void http_conn_let_go(struct http_conn *conn);  /* the request is over: its memory goes back */
struct http_out *http_out_take(struct http_loop *loop);
void http_out_give(struct http_loop *loop, struct http_out *out);
void http_count(_Atomic int64_t *count, int64_t add);

/* ---- replies (http_reply.c, http_file.c, http_stream.c) ------------------------------------------ */

/* Appends a response head. body_bytes < 0: no Content-Length. */
void http_reply_head(struct buf *buf, const struct http_request *request, const struct http_reply *reply,
    int64_t body_bytes, bool is_last);
void http_reply_here(struct http_request *request, const struct http_reply *reply); /* loop thread */
void http_file_next(struct http_conn *conn); /* all written: send the next piece */
void http_file_end(struct http_conn *conn);
void http_file_cache_free(struct http_loop *loop);

/* ---- http_entity.c: what files and embedded pages have in common --------------------------------- */
struct http_entity {
    int64_t size_bytes;
    const char *etag;
    const char *modified; /* NULL: not known */
    const char *cache;    /* Cache-Control; NULL: none */
    const char *encoding; /* NULL: as it is */
    bool has_variants;
};
struct http_span {
    int64_t from, len;
};
/* 304, 206 with *span, 416, or 200 where there is no range, more than one, or an If-Range that fails. */
int http_entity_status(const struct http_request *request, const struct http_entity *entity, struct http_span *span);
void http_entity_headers(struct buf *buf, const struct http_entity *entity, int status, struct http_span span);
void http_stream_flush(struct http_stream *stream);
void http_stream_end(struct http_stream *stream); /* the connection is gone: on_close */
void http_stream_beat(struct http_stream *stream);

/* ---- text (http_text.c) -------------------------------------------------------------------------- */

const char *http_text_reason(int status);
struct str http_text_date(char out[32], int64_t utc_s); /* "Sun, 06 Nov 1994 08:49:37 GMT" */
bool http_text_list_has(struct str list, struct str item); /* comma list, case-insensitive, q=0 means no */
