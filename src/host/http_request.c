/* What a request says: the readers of host/http.h. They change nothing, so any thread that holds
 * the request may use them. */
#include "host/http_private.h"

#include <fcntl.h>

int http_loop(const struct http_request *request)
{
    return request->mail.loop->index;
}

bool http_is_local(const struct http_request *request)
{
    return request->conn->is_local;
}

struct arena *http_arena(struct http_request *request)
{
    return request->arena;
}

enum http_method http_method(const struct http_request *request)
{
    return request->method;
}

struct str http_path(const struct http_request *request)
{
    return request->path;
}

struct str http_query(const struct http_request *request)
{
    return request->query;
}

struct str http_body(const struct http_request *request)
{
    return request->body;
}

int64_t http_body_bytes(const struct http_request *request)
{
    return request->body_bytes;
}

struct str http_header(const struct http_request *request, const char *name)
{
    struct str wanted = str_of(name);

    for (int i = 0; i < request->field_count; i++) {
        if (request->fields[i].name.len == wanted.len &&
            str_eq_nocase(request->fields[i].name, wanted))
            return request->fields[i].value;
    }
    return (struct str){NULL, 0};
}

struct str http_cookie(const struct http_request *request, const char *name)
{
    struct str rest = http_header(request, "cookie"), one, key, value;

    while (rest.len > 0) {
        str_cut(rest, ';', &one, &rest);
        if (str_cut(str_trim(one), '=', &key, &value) && str_is(key, name))
            return value;
    }
    return (struct str){NULL, 0};
}

/* The address our own proxy put at the end, in the last line if there are several; what stands
 * before it is the client's word. */
static struct str forwarded_for(const struct http_request *request)
{
    struct str list = {NULL, 0}, one = {NULL, 0};
    char text[64];
    struct in6_addr address;

    for (int i = 0; i < request->field_count; i++)
        if (str_eq_nocase(request->fields[i].name, S("x-forwarded-for")))
            list = request->fields[i].value;
    while (list.len > 0)
        str_cut(list, ',', &one, &list);
    one = str_trim(one);
    if (one.len == 0 || one.len >= sizeof(text))
        return (struct str){NULL, 0};
    memcpy(text, one.at, one.len);
    text[one.len] = 0;
    if (uv_inet_pton(AF_INET, text, &address) != 0 && uv_inet_pton(AF_INET6, text, &address) != 0)
        return (struct str){NULL, 0};
    return one;
}

struct str http_peer(const struct http_request *request)
{
    const struct http_conn *conn = request->conn;
    struct str peer = {conn->peer, conn->peer_len}, forwarded;

    if (conn->is_local)
        return S("127.0.0.1");
    if (!str_starts(peer, S("127.")) && !str_is(peer, "::1"))
        return peer;
    forwarded = forwarded_for(request);
    return forwarded.at != NULL ? forwarded : peer;
}

struct str http_body_path(const struct http_request *request)
{
    return request->body_path;
}

/* The writes happen on the loop, a read's worth at a time: a page cache takes that faster than a
 * detour over another thread. */
void http_body_to_file(struct http_request *request, struct str path, int64_t max_bytes)
{
    must(request->body_fd < 0 && request->body_bytes == 0);
    request->body_path = str_of(str_cstr(request->arena, path));
    request->body_max = max_bytes;
    request->body_fd = open(request->body_path.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (request->body_fd < 0)
        request->conn->parse.status = 500;
}
