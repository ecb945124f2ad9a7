/* Parsing HTTP/1.1: bytes to a request, no socket needed (http_parse.c). Always: what http_parse has not taken stays in the
 * caller's view; a request is whole when it says DONE, and refused with status, code and message when it says BAD. */
#pragma once

#include <stdatomic.h>
#include <uv.h>

#include "host/http.h"

/* llhttp names its methods like ours; they get another name here. */
#define HTTP_DELETE LLHTTP_DELETE
#define HTTP_GET LLHTTP_GET
#define HTTP_HEAD LLHTTP_HEAD
#define HTTP_POST LLHTTP_POST
#define HTTP_PUT LLHTTP_PUT
#define HTTP_OPTIONS LLHTTP_OPTIONS
#define HTTP_PATCH LLHTTP_PATCH
#include <llhttp.h>
#undef HTTP_DELETE
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_POST
#undef HTTP_PUT
#undef HTTP_OPTIONS
#undef HTTP_PATCH

#define HTTP_LINE_MAX 8192          /* request line */
#define HTTP_SMALL_BODY (16 * 1024) /* up to here a body goes to the arena, and is copied into one write */

struct http_loop;
struct http_conn;
struct http_stream;
struct http_file_send;

struct http_field {
    struct str name, value;
};

/* Something for a loop to do, posted by another thread. */
struct http_mail {
    struct http_mail *next;
    struct http_loop *loop;
    void (*run)(struct http_mail *mail);
};

/* Bytes on their way out. */
struct http_out {
    struct http_out *next;
    struct http_conn *conn;
    struct buf buf;
    uv_write_t write;
};

struct http_request {
    struct http_mail mail; /* posts the reply */
    struct http_conn *conn;
    struct arena *arena;
    struct http_out *out; /* another thread composes the reply here */
    enum http_method method;
    bool is_http10, is_last; /* is_last: the connection ends after the reply */
    bool is_chunked, is_waiting_100;
    struct str path, query, body;
    struct http_field *fields;
    int field_count;
    int body_fd;             /* -1: body in memory */
    struct str body_path;    /* of the file */
    struct buf body_buf;     /* a body over HTTP_SMALL_BODY */
    struct http_stream *opening;
    int64_t body_left;       /* Content-Length not yet seen; chunked: unused */
    int64_t body_bytes, body_max;
    int64_t held_bytes;      /* of body_buf, as limits->held_bytes counts them */
};

enum http_step { HTTP_STEP_MORE, HTTP_STEP_HEAD, HTTP_STEP_DONE, HTTP_STEP_BAD };
enum http_parse_phase { HTTP_IN_HEAD, HTTP_IN_BODY, HTTP_IN_CHUNKS, HTTP_IN_NOTHING };

struct http_limits {
    size_t head_max, body_max;
    int header_max;
    struct arena *(*arena_take)(struct http_request *request);
    int64_t held_max, *held_bytes; /* of all bodies in memory; NULL: not counted */
};

struct http_parse {
    llhttp_t llhttp;
    const struct http_limits *limits;
    struct http_request *request;
    enum http_parse_phase phase;
    size_t line_at, seen; /* in the head that is being read: start of the line, bytes looked at */
    int line_count, blank_count;
    bool is_head_done, is_done;
    const char *piece;           /* of the chunked body, that llhttp reads now */
    int64_t raw_bytes, body_end; /* before that piece; where the last byte of the body itself was */
    int status; /* of a refusal, with its code and words */
    const char *code, *message;
};

void http_parse_init(struct http_parse *parse, struct http_request *request, const struct http_limits *limits);
/* Takes bytes from the front of *view. MORE: needs more bytes; what is left in *view must come again in front of them. HEAD: the
 * head is complete. DONE: the request is. BAD: status, code, message. */
enum http_step http_parse_next(struct http_parse *parse, struct str *view);
void http_parse_restart(struct http_parse *parse); /* for the next request */
