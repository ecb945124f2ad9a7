/* From bytes to a request. The end of the head is found here, line by line, and llhttp (strict)
 * sees the head in one piece, so how the bytes were cut can never matter. Refused here and not by
 * llhttp: folded lines, NUL, a missing or second Host, limits. Bodies with Content-Length are
 * counted here; chunks are llhttp's. */
#include "host/http_private.h"

#include <errno.h>
#include <unistd.h>

#define BLANK_LINE_MAX 4 /* before a request line, of clients that end a body with one */

static enum http_step parse_bad(struct http_parse *parse, int status, const char *code,
                                const char *message)
{
    parse->phase = HTTP_IN_NOTHING;
    parse->status = status;
    parse->code = code;
    parse->message = message;
    return HTTP_STEP_BAD;
}

/* ---- llhttp's calls -------------------------------------------------------------------------- */

static int on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parse *parse = llhttp->data;

    parse->request->path = (struct str){at, len};
    return 0;
}

static int on_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parse *parse = llhttp->data;
    struct http_request *request = parse->request;

    if (parse->is_head_done)
        return 0; /* a trailer: dropped */
    /* Lines were counted, and `fields` has room for each. */
    must(request->field_count < parse->line_count);
    request->fields[request->field_count++].name = (struct str){at, len};
    return 0;
}

static int on_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parse *parse = llhttp->data;
    struct http_request *request = parse->request;

    if (parse->is_head_done)
        return 0;
    must(request->field_count > 0);
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    request->fields[request->field_count - 1].value = (struct str){at, len};
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http_parse *parse = llhttp->data;
    struct http_request *request = parse->request;
    bool is_http11 = llhttp->http_major == 1 && llhttp->http_minor == 1;

    parse->is_head_done = true;
    llhttp->upgrade = 0; /* we speak one protocol: the request is answered as if it had not asked */
    request->is_http10 = !is_http11;
    request->is_last = is_http11 ? (llhttp->flags & F_CONNECTION_CLOSE) != 0
                                 : (llhttp->flags & F_CONNECTION_KEEP_ALIVE) == 0;
    request->is_chunked = (llhttp->flags & F_CHUNKED) != 0;
    if ((llhttp->flags & F_TRANSFER_ENCODING) != 0 && (!request->is_chunked || !is_http11))
        return HPE_USER;
    request->body_left =
        (llhttp->flags & F_CONTENT_LENGTH) != 0 ? (int64_t)llhttp->content_length : 0;
    if (request->body_left < 0)
        return HPE_USER;
    return request->is_chunked ? 0 : 1; /* 1: llhttp need not see the body */
}

/* All bodies in memory together are bounded, whoever sends them. */
static bool body_hold(struct http_parse *parse, size_t len)
{
    const struct http_limits *limits = parse->limits;

    if (limits->held_bytes == NULL)
        return true;
    if ((int64_t)len > limits->held_max - *limits->held_bytes)
        return false;
    *limits->held_bytes += (int64_t)len;
    parse->request->held_bytes += (int64_t)len;
    return true;
}

/* Keeps a piece of the body; a status if that cannot be. */
static int body_add(struct http_parse *parse, const char *at, size_t len)
{
    struct http_request *request = parse->request;

    if ((int64_t)len > request->body_max - request->body_bytes)
        return 413;
    while (request->body_fd >= 0 && len > 0) {
        ssize_t done = write(request->body_fd, at, len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return 500;
        request->body_bytes += done;
        at += done;
        len -= (size_t)done;
    }
    if (len == 0)
        return 0;
    if (!body_hold(parse, len))
        return 503;
    buf_add(&request->body_buf, at, len);
    if (request->body_buf.is_full)
        return 413;
    request->body_bytes += (int64_t)len;
    return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parse *parse = llhttp->data;

    parse->status = body_add(parse, at, len);
    parse->body_end = parse->raw_bytes + (at + len - parse->piece);
    return parse->status == 0 ? 0 : HPE_USER;
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct http_parse *parse = llhttp->data;

    parse->is_done = true;
    return HPE_PAUSED; /* the next request begins where this one ends */
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- the head -------------------------------------------------------------------------------- */

/* One line of the head, `line` with its CRLF. */
static enum http_step check_line(struct http_parse *parse, struct str line)
{
    if (parse->line_count == 0 && line.len > HTTP_LINE_MAX + 2)
        return parse_bad(parse, 414, "http.uri_too_long", "The request line is too long.");
    if (parse->line_at + line.len > parse->limits->head_max)
        return parse_bad(parse, 431, "http.header_too_large", "The request header is too large.");
    if (line.len < 2 || line.at[line.len - 2] != '\r')
        return parse_bad(parse, 400, "http.bad_request",
                         "A line of the header does not end with CRLF.");
    if (memchr(line.at, 0, line.len) != NULL)
        return parse_bad(parse, 400, "http.bad_request", "A NUL in the header.");
    if (parse->line_count > 0 && (line.at[0] == ' ' || line.at[0] == '\t'))
        return parse_bad(parse, 400, "http.bad_request", "A folded header line.");
    if (line.at[0] == ':')
        return parse_bad(parse, 400, "http.bad_request", "A header without a name.");
    if (parse->line_count > parse->limits->header_max && line.len > 2)
        return parse_bad(parse, 431, "http.header_too_large", "Too many headers.");
    return HTTP_STEP_MORE;
}

/* The line that is not complete yet. */
static enum http_step check_rest(struct http_parse *parse, struct str view)
{
    parse->seen = view.len;
    if (parse->line_count == 0 && view.len > HTTP_LINE_MAX + 2)
        return parse_bad(parse, 414, "http.uri_too_long", "The request line is too long.");
    if (view.len > parse->limits->head_max)
        return parse_bad(parse, 431, "http.header_too_large", "The request header is too large.");
    return HTTP_STEP_MORE;
}

/* HEAD: *head_len bytes are a whole head. */
static enum http_step find_head(struct http_parse *parse, struct str view, size_t *head_len)
{
    const char *end;

    if (view.len > 0 && !((view.at[0] | 32) >= 'a' && (view.at[0] | 32) <= 'z'))
        return parse_bad(parse, 400, "http.bad_request", "This is not HTTP.");
    while ((end = memchr(view.at + parse->seen, '\n', view.len - parse->seen)) != NULL) {
        size_t after = (size_t)(end - view.at) + 1;
        struct str line = {view.at + parse->line_at, after - parse->line_at};

        if (check_line(parse, line) == HTTP_STEP_BAD)
            return HTTP_STEP_BAD;
        if (line.len == 2) {
            *head_len = after;
            return HTTP_STEP_HEAD;
        }
        parse->line_count++;
        parse->line_at = parse->seen = after;
    }
    return check_rest(parse, view);
}

/* Empty lines before a request are passed over. False: too many. */
static bool skip_blank_lines(struct http_parse *parse, struct str *view)
{
    while (parse->line_count == 0 && view->len >= 2 && view->at[0] == '\r' && view->at[1] == '\n') {
        *view = str_sub(*view, 2, view->len);
        if (++parse->blank_count > BLANK_LINE_MAX)
            return false;
    }
    return true;
}

static bool map_method(uint8_t method, enum http_method *out)
{
    static const struct {
        uint8_t theirs;
        enum http_method ours;
    } rows[] = {
        {LLHTTP_GET, HTTP_GET},         {LLHTTP_POST, HTTP_POST},   {LLHTTP_HEAD, HTTP_HEAD},
        {LLHTTP_PUT, HTTP_PUT},         {LLHTTP_PATCH, HTTP_PATCH}, {LLHTTP_DELETE, HTTP_DELETE},
        {LLHTTP_OPTIONS, HTTP_OPTIONS},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].theirs == method) {
            *out = rows[i].ours;
            return true;
        }
    }
    return false;
}

/* http://host/path?query and /path?query into path and query. */
static bool split_target(struct http_request *request)
{
    struct str target = request->path;
    int64_t at;

    if (target.len > 0 && target.at[0] != '/') {
        at = str_find(target, S("://"));
        if (at < 0)
            return false;
        target = str_sub(target, (size_t)at + 3, target.len);
        at = str_find(target, S("/"));
        target = at < 0 ? S("/") : str_sub(target, (size_t)at, target.len);
    }
    if (target.len == 0 || memchr(target.at, '#', target.len) != NULL)
        return false;
    str_cut(target, '?', &request->path, &request->query);
    if (request->query.at == NULL)
        request->query = S("");
    return true;
}

/* What llhttp refused, in our words. */
static enum http_step explain(struct http_parse *parse, llhttp_errno_t error, struct str head)
{
    size_t letters = 0;

    if (error == HPE_INVALID_VERSION)
        return parse_bad(parse, 505, "http.version", "Only HTTP/1.0 and HTTP/1.1.");
    while (letters < head.len && head.at[letters] >= 'A' && head.at[letters] <= 'Z')
        letters++;
    if (error == HPE_INVALID_METHOD && letters < head.len && head.at[letters] == ' ')
        return parse_bad(parse, 501, "http.method", "This method is not known here.");
    return parse_bad(parse, 400, "http.bad_request", "The request is not well-formed.");
}

static enum http_step check_fields(struct http_parse *parse)
{
    struct http_request *request = parse->request;
    int host_count = 0;

    for (int i = 0; i < request->field_count; i++) {
        struct http_field *field = &request->fields[i];

        if (field->value.at == NULL)
            field->value = S("");
        if (field->name.len == 4 && str_eq_nocase(field->name, S("host")))
            host_count++;
        if (field->name.len != 6 || !str_eq_nocase(field->name, S("expect")) || request->is_http10)
            continue;
        if (!str_eq_nocase(field->value, S("100-continue")))
            return parse_bad(parse, 417, "http.expectation", "Only 100-continue can be expected.");
        request->is_waiting_100 = request->is_chunked || request->body_left > 0;
    }
    if (host_count > 1 || (host_count == 0 && !request->is_http10))
        return parse_bad(parse, 400, "http.bad_request", "One Host header is needed.");
    return HTTP_STEP_HEAD;
}

static enum http_step check_head(struct http_parse *parse)
{
    const llhttp_t *llhttp = &parse->llhttp;

    if (llhttp->http_major != 1 || llhttp->http_minor > 1)
        return parse_bad(parse, 505, "http.version", "Only HTTP/1.0 and HTTP/1.1.");
    if (!map_method(llhttp->method, &parse->request->method))
        return parse_bad(parse, 405, "http.method", "This method is not allowed here.");
    if (!split_target(parse->request))
        return parse_bad(parse, 400, "http.bad_request", "The request target is not a path.");
    return check_fields(parse);
}

/* Method, target and version are parted by one blank each; others may read more blanks in another
 * way than we do. */
static bool has_two_blanks(struct str head)
{
    int count = 0;

    for (const char *at = head.at; *at != '\r' && *at != '\n'; at++)
        count += *at == ' ';
    return count == 2;
}

/* `head` is complete: it moves into the request's arena and is understood there. */
static enum http_step read_head(struct http_parse *parse, struct str head)
{
    struct http_request *request = parse->request;
    llhttp_errno_t error;

    request->arena = parse->limits->arena_take(request);
    head = str_copy(request->arena, head);
    request->fields = arena_new_array(request->arena, struct http_field, (size_t)parse->line_count);
    if (!has_two_blanks(head))
        return parse_bad(parse, 400, "http.bad_request", "The request line is not well-formed.");
    llhttp_init(&parse->llhttp, HTTP_REQUEST, &settings);
    parse->llhttp.data = parse;
    error = llhttp_execute(&parse->llhttp, head.at, head.len);
    if ((error != HPE_OK && error != HPE_PAUSED) || !parse->is_head_done)
        return explain(parse, error, head);
    if (check_head(parse) == HTTP_STEP_BAD)
        return HTTP_STEP_BAD;
    parse->phase = request->is_chunked ? HTTP_IN_CHUNKS : HTTP_IN_BODY;
    request->body_max = (int64_t)parse->limits->body_max;
    return HTTP_STEP_HEAD;
}

static enum http_step next_in_head(struct http_parse *parse, struct str *view)
{
    size_t head_len = 0;
    enum http_step step;

    if (!skip_blank_lines(parse, view))
        return parse_bad(parse, 400, "http.bad_request", "Too many empty lines.");
    if (view->len == 0 || (view->len == 1 && view->at[0] == '\r'))
        return HTTP_STEP_MORE;
    step = find_head(parse, *view, &head_len);
    if (step != HTTP_STEP_HEAD)
        return step;
    step = read_head(parse, str_sub(*view, 0, head_len));
    *view = str_sub(*view, head_len, view->len);
    return step;
}

/* ---- the body -------------------------------------------------------------------------------- */

static enum http_step body_failed(struct http_parse *parse)
{
    if (parse->status == 413)
        return parse_bad(parse, 413, "http.too_large", "The request body is too large.");
    if (parse->status == 503)
        return parse_bad(parse, 503, "http.busy", "Too many request bodies at once; try again.");
    return parse_bad(parse, 500, "http.io", "The body could not be stored.");
}

static enum http_step body_done(struct http_parse *parse)
{
    struct http_request *request = parse->request;

    if (request->body.at == NULL)
        request->body = request->body_fd >= 0 ? S("") : buf_view(&request->body_buf);
    if (request->body.at == NULL)
        request->body = S("");
    parse->phase = HTTP_IN_NOTHING;
    return HTTP_STEP_DONE;
}

/* A small body that lies before us as a whole needs no buffer of its own. */
static bool take_whole(struct http_request *request, struct str *view)
{
    size_t len = (size_t)request->body_left;

    if (request->body_bytes > 0 || len == 0 || len > HTTP_SMALL_BODY || view->len < len)
        return false;
    if (request->body_fd >= 0 || request->body_left > request->body_max)
        return false;
    request->body = str_copy(request->arena, str_sub(*view, 0, len));
    request->body_bytes = request->body_left;
    request->body_left = 0;
    *view = str_sub(*view, len, view->len);
    return true;
}

static enum http_step next_in_body(struct http_parse *parse, struct str *view)
{
    struct http_request *request = parse->request;
    size_t len = view->len;

    if (request->body_bytes + request->body_left > request->body_max)
        return parse_bad(parse, 413, "http.too_large", "The request body is too large.");
    if (request->body_left == 0 || take_whole(request, view))
        return body_done(parse);
    if ((int64_t)len > request->body_left)
        len = (size_t)request->body_left;
    parse->status = body_add(parse, view->at, len);
    if (parse->status != 0)
        return body_failed(parse);
    request->body_left -= (int64_t)len;
    *view = str_sub(*view, len, view->len);
    return request->body_left == 0 ? body_done(parse) : HTTP_STEP_MORE;
}

/* Chunk extensions and trailers are dropped, but must not go on for ever: head_max bytes may lie
 * between two pieces of a body, and behind the last. */
static enum http_step next_in_chunks(struct http_parse *parse, struct str *view)
{
    while (view->len > 0) {
        size_t room =
            (size_t)(parse->body_end + (int64_t)parse->limits->head_max - parse->raw_bytes);
        struct str piece = str_sub(*view, 0, room);
        size_t used = piece.len;
        llhttp_errno_t error;

        if (room == 0)
            return parse_bad(parse, 431, "http.header_too_large", "Too much around the chunks.");
        parse->piece = piece.at;
        error = llhttp_execute(&parse->llhttp, piece.at, piece.len);
        if (error == HPE_PAUSED && parse->is_done)
            used = (size_t)(llhttp_get_error_pos(&parse->llhttp) - piece.at);
        else if (parse->status != 0)
            return body_failed(parse);
        else if (error != HPE_OK)
            return parse_bad(parse, 400, "http.bad_request", "The chunks are not well-formed.");
        parse->raw_bytes += (int64_t)used;
        *view = str_sub(*view, used, view->len);
        if (parse->is_done)
            return body_done(parse);
    }
    return HTTP_STEP_MORE;
}

/* ---- from outside ---------------------------------------------------------------------------- */

void http_parse_init(struct http_parse *parse, struct http_request *request,
                     const struct http_limits *limits)
{
    parse->request = request;
    parse->limits = limits;
    http_parse_restart(parse);
}

void http_parse_restart(struct http_parse *parse)
{
    struct http_request *request = parse->request;

    parse->phase = HTTP_IN_HEAD;
    parse->line_at = parse->seen = 0;
    parse->line_count = parse->blank_count = 0;
    parse->is_head_done = parse->is_done = false;
    parse->status = 0;
    request->path = request->query = request->body = (struct str){NULL, 0};
    request->fields = NULL;
    request->field_count = 0;
    request->is_waiting_100 = false;
    request->body_fd = -1;
    request->body_path = (struct str){NULL, 0};
    request->body_left = request->body_bytes = 0;
    parse->raw_bytes = parse->body_end = 0;
    buf_init(&request->body_buf, parse->limits->body_max);
}

enum http_step http_parse_next(struct http_parse *parse, struct str *view)
{
    switch (parse->phase) {
    case HTTP_IN_HEAD:
        return next_in_head(parse, view);
    case HTTP_IN_BODY:
        return next_in_body(parse, view);
    case HTTP_IN_CHUNKS:
        return next_in_chunks(parse, view);
    case HTTP_IN_NOTHING:
        break;
    }
    return HTTP_STEP_MORE;
}
