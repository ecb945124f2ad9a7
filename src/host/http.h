/* HTTP/1.1 server on libuv and llhttp (strict). Loops: one uv loop a thread, SO_REUSEPORT. One absolute deadline per phase, limits on
 * everything; a request that breaks a rule is answered by this file alone and never reaches on_request.
 *
 * Life of a request: on_head (loop thread; may choose to take the body into a file) -> body -> on_request (loop thread; must not block)
 * -> exactly one http_reply... from any thread -> the request and its arena are gone. Pipelined requests of a connection come one
 * after another. If the peer left meanwhile the reply is dropped silently. */
#pragma once

#include "base/base.h"

struct http_server;
struct http_request;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS };

struct http_config {
    struct str listen;      /* "127.0.0.1:8080", "[::1]:0"; port 0 picks one */
    struct str unix_path;   /* a socket file for the command line, 0600; no value: none */
    int loop_count;         /* 1.. */
    int connection_max;     /* 10,000; more: 503 and close */
    size_t head_max;        /* 32 KiB; more: 431 (request line: 414 over 8 KiB) */
    int header_max;         /* 100 */
    size_t body_max;        /* 1 MiB in memory; more: 413 */
    int64_t held_max;       /* bodies over 16 KiB in memory at once, a loop: 256 MiB; more: 503 */
    size_t arena_max;       /* memory of one request: 64 MiB */
    int head_ms, body_ms, idle_ms, write_ms; /* deadlines: 10 s, 30 s (+ 1 s per 64 KiB), 60 s, 30 s without progress */
    int beat_ms;            /* 15 s: how often an event stream says that it lives */
    void (*on_head)(void *user, struct http_request *request); /* NULL: bodies in memory */
    void (*on_request)(void *user, struct http_request *request);
    void (*on_loop_start)(void *user, int loop); /* in the loop's thread, before its first request; may be NULL */
    void *user;
};
void http_config_init(struct http_config *config); /* the defaults above */

enum err http_start(const struct http_config *config, struct http_server **out) MUST_USE; /* E_IO: address in use ... */
int http_port(const struct http_server *server);
/* Stops accepting, ends idle connections, lets requests finish (Connection: close) for at most grace_ms, then closes all. Blocks.
 * A late reply is taken and goes nowhere. */
void http_stop(struct http_server *server, int grace_ms);
void http_free(struct http_server *server); /* stopped, and no other thread is in a function of this header any more */

/* What a request says. Views are good until the reply. */
int http_loop(const struct http_request *request); /* 0.. loop_count-1 */
bool http_is_local(const struct http_request *request); /* came over unix_path */
struct arena *http_arena(struct http_request *request); /* belongs to whoever holds the request just now */
enum http_method http_method(const struct http_request *request);
struct str http_path(const struct http_request *request);   /* still percent-encoded, without query; starts with / */
struct str http_query(const struct http_request *request);  /* behind ?, maybe empty */
struct str http_header(const struct http_request *request, const char *name); /* case-insensitive; no value: absent. Twice: the first */
struct str http_cookie(const struct http_request *request, const char *name);
struct str http_peer(const struct http_request *request); /* "127.0.0.1"; of X-Forwarded-For only if the peer is loopback */
struct str http_body(const struct http_request *request);
void http_body_to_file(struct http_request *request, struct str path, int64_t max_bytes); /* in on_head only; body is then empty */
struct str http_body_path(const struct http_request *request); /* no value: the body is in memory */
int64_t http_body_bytes(const struct http_request *request);

struct http_reply {
    int status;
    const char *type;   /* "application/json"; NULL: no body */
    struct str headers; /* more header lines, each with CRLF */
    struct str body;    /* copied before the call returns */
};
void http_reply(struct http_request *request, const struct http_reply *reply); /* any thread; HEAD drops the body */
/* Several finished requests with one wake-up of their loops: between these two, replies of this thread are held and then sent together. */
void http_replies_begin(void);
void http_replies_end(void);

/* A file from disk: ETag, If-None-Match, Range, Last-Modified; name.br or name.gz beside it if the client takes it. E.g. for downloads and
 * the pages. cache: the Cache-Control value. 404 if it is not there. extra: header lines. */
void http_reply_file(struct http_request *request, struct str path, const char *type, const char *cache, struct str extra);
/* The same from memory: a page linked into the program. extra: header lines. Pages are sorted by path. */
struct http_page {
    const char *path, *etag; /* "/index.html"; the digest of its bytes, without quotes */
    struct str plain, gzip, brotli; /* no value: not there in this form */
};
const struct http_page *http_page_find(const struct http_page *pages, int count, struct str path); /* NULL: none */
void http_reply_page(struct http_request *request, const struct http_page *page, const char *type, const char *cache, struct str extra);
const char *http_type_of(struct str path); /* by the name's ending; "application/octet-stream" if unknown */

/* Server-sent events: opens the stream as the reply of this request; the request stays valid until on_close (loop thread). */
struct http_stream;
struct http_stream *http_stream_open(struct http_request *request, struct str headers,
                                     void (*on_close)(void *user, struct http_stream *), void *user);
/* Any thread, until on_close was called; dropped if the peer reads too slowly (256 KiB waiting: the stream is closed). */
void http_stream_send(struct http_stream *stream, struct str bytes);
/* Any thread, until on_close was called, which follows. E.g. when its session has ended. */
void http_stream_close(struct http_stream *stream);

struct http_stats {
    int64_t connection_count; /* open now */
    int64_t request_count, refused_count, byte_in_count, byte_out_count;
};
void http_stats(const struct http_server *server, struct http_stats *out);

/* Percent-decoding of one component; '+' is a blank in queries. false: broken escape, NUL or not UTF-8. */
bool http_unescape(struct arena *arena, struct str s, bool is_query, struct str *out);
