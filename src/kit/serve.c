/* Between HTTP and the stations: what a request says goes into a call, the call's answer goes out.
 * Also what needs no call: health, figures, the API document, the console's files. */
#include <arpa/inet.h>

#include "host/clock.h"
#include "host/file.h"
#include "kit/kit_private.h"
#include "kit/session.h"

#define SOCKET_PATH_MAX 108 /* sockaddr_un */
#define UPLOAD_MAX (INT64_C(2) * 1024 * 1024 * 1024)
#define BEACON_PER_MINUTE 600
#define URL_CHARS ":/?#[]@!$&'()*+,;=%~"

#define API_HEADERS                                                                                \
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"                               \
    "Referrer-Policy: same-origin\r\n"
/* http_reply_file writes Cache-Control itself */
#define FILE_HEADERS "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
#define PAGE_HEADERS                                                                               \
    "Content-Security-Policy: default-src 'self'; script-src 'self'; style-src 'self'; "           \
    "style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "                   \
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n"           \
    "X-Frame-Options: DENY\r\nX-Content-Type-Options: nosniff\r\n"                                 \
    "Referrer-Policy: same-origin\r\nCross-Origin-Opener-Policy: same-origin\r\n"
#define CORS_HEADERS                                                                               \
    "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: POST\r\n"                     \
    "Access-Control-Allow-Headers: Content-Type, X-Write-Key\r\n"                                  \
    "Access-Control-Max-Age: 86400\r\n"

/* ---- the answer goes out --------------------------------------------------------------------- */

static struct str cookie_line(struct call *call, struct http_request *request)
{
    const struct ctx *c = &call->ctx;
    bool is_tls = str_is(http_header(request, "X-Forwarded-Proto"), "https");
    const char *secure = is_tls ? "; Secure" : "";

    if (call->err == OK && c->session_token.at)
        return str_fmt(call->arena,
                       "Set-Cookie: papilio_session=%.*s; Path=/; HttpOnly; SameSite=Lax; "
                       "Max-Age=2592000%s\r\n",
                       STR(c->session_token), secure);
    if (call->err == OK && c->is_session_over)
        return str_fmt(call->arena,
                       "Set-Cookie: papilio_session=; Path=/; HttpOnly; SameSite=Lax; "
                       "Max-Age=0%s\r\n",
                       secure);
    return S("");
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

/* With every other byte than letters, digits, . - _ and those of `more` as %XX. */
static struct str percent_encoded(struct arena *arena, struct str text, const char *more)
{
    static const char digits[] = "0123456789ABCDEF";
    char *at = arena_array(arena, text.len, 3);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (is_name_char(text.at[i]) || (c != 0 && strchr(more, c))) {
            at[len++] = text.at[i];
            continue;
        }
        at[len++] = '%';
        at[len++] = digits[c >> 4];
        at[len++] = digits[c & 15];
    }
    return (struct str){at, len};
}

/* Printable ASCII without quotes: what every browser reads. */
static struct str file_name_plain(struct arena *arena, struct str name)
{
    struct str plain = str_copy(arena, name);
    char *at = (char *)(uintptr_t)plain.at;

    for (size_t i = 0; i < plain.len; i++)
        if (at[i] < ' ' || at[i] > '~' || at[i] == '"' || at[i] == '\\')
            at[i] = '_';
    return plain;
}

/* Of who comes too often, or too early: when to come again, rounded up to seconds. */
static struct str wait_line(struct call *call)
{
    int64_t wait_ms = call->ctx.fault.wait_ms;

    if ((call->err != E_RATE && call->err != E_BUSY) || wait_ms == NONE)
        return S("");
    return str_fmt(call->arena, "Retry-After: %" PRId64 "\r\n",
                   wait_ms > 0 ? (wait_ms + 999) / 1000 : 1);
}

static struct str extra_line(struct call *call)
{
    const struct ctx *c = &call->ctx;

    if (call->err != OK || call->route == NULL)
        return S("");
    if (call->route->kind == ROUTE_REDIRECT)
        return str_fmt(call->arena, "Location: %.*s\r\n",
                       STR(percent_encoded(call->arena, c->redirect_to, URL_CHARS)));
    if (call->route->kind == ROUTE_DOWNLOAD)
        return str_fmt(call->arena,
                       "Content-Disposition: attachment; filename=\"%.*s\"; "
                       "filename*=UTF-8''%.*s\r\n",
                       STR(file_name_plain(call->arena, c->file_name)),
                       STR(percent_encoded(call->arena, c->file_name, "")));
    return S("");
}

static void answer(struct call *call, void *user)
{
    struct http_request *request = user;
    bool is_beacon = call->route && call->route->kind == ROUTE_BEACON;
    struct http_reply reply = {.status = call->status, .type = call->type, .body = call->reply};

    if (call->err == OK && call->ctx.session_token.at == NULL && !call->ctx.is_session_over &&
        call->route && call->route->kind == ROUTE_JSON)
        reply.headers = S(API_HEADERS);
    else
        reply.headers =
            str_fmt(call->arena, "%s%s%.*s%.*s%.*s", API_HEADERS, is_beacon ? CORS_HEADERS : "",
                    STR(cookie_line(call, request)), STR(extra_line(call)), STR(wait_line(call)));
    if (call->upload_path.at && file_remove(call->upload_path) == E_IO)
        app_log(call->app, "warn", "upload", "%.*s stays behind", STR(call->upload_path));
    if (call->err == OK && call->ctx.file_path.at)
        http_reply_file(request, call->ctx.file_path, call->type, "no-store",
                        str_fmt(call->arena, "%s%.*s", FILE_HEADERS, STR(extra_line(call))));
    else
        http_reply(request, &reply);
}

static void answer_text(struct http_request *request, int status, const char *type, struct str body)
{
    struct http_reply reply = {
        .status = status, .type = type, .body = body, .headers = S(API_HEADERS)};

    http_reply(request, &reply);
}

static void answer_error(struct http_request *request, int status, const char *code,
                         const char *message)
{
    answer_text(request, status, "application/json",
                str_fmt(http_arena(request), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}",
                        code, message));
}

/* ---- what needs no call ---------------------------------------------------------------------- */

static bool is_of_this_machine(const struct http_request *request)
{
    struct str peer = http_peer(request);

    return http_is_local(request) || str_starts(peer, S("127.")) || str_is(peer, "::1");
}

static void metrics_answer(struct app *app, struct http_request *request)
{
    struct buf buf;

    if (!is_of_this_machine(request)) {
        answer_error(request, 403, "gate.local", "only from this machine");
        return;
    }
    buf_init(&buf, 64 * 1024);
    metrics_write(app, &buf);
    answer_text(request, 200, "text/plain; version=0.0.4", buf_view(&buf));
    buf_release(&buf);
}

/* Letters, digits, dot, dash, underscore and slash, and no "..": everything the console's build
 * writes. */
static bool is_page_path(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        char ch = path.at[i];
        bool is_letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        bool is_digit = ch >= '0' && ch <= '9';
        if (!is_letter && !is_digit && ch != '.' && ch != '-' && ch != '_' && ch != '/')
            return false;
    }
    return str_find(path, S("..")) < 0;
}

static const char *page_cache(struct str path)
{
    return str_starts(path, S("/assets/")) ? "public, max-age=31536000, immutable" : "no-cache";
}

static void page_send(struct app *app, struct http_request *request, struct str path)
{
    const struct app_config *config = &app->config;
    struct str extra =
        str_ends(path, S(".html")) ? S(PAGE_HEADERS) : S("X-Content-Type-Options: nosniff\r\n");
    const struct http_page *page;

    if (config->pages.at != NULL) {
        struct str file = str_fmt(http_arena(request), "%.*s%.*s", STR(config->pages), STR(path));
        http_reply_file(request, file, http_type_of(path), page_cache(path), extra);
        return;
    }
    page = http_page_find(config->page_table, config->page_count, path);
    if (page == NULL)
        answer_error(request, 404, "http.not_found", "There is no such file.");
    else
        http_reply_page(request, page, http_type_of(path), page_cache(path), extra);
}

/* A path without a dot in its last part is a page of the console, which finds its own way. */
static void page_answer(struct app *app, struct http_request *request)
{
    struct str path = http_path(request), name = path;
    bool has_pages = app->config.pages.at != NULL || app->config.page_count > 0;

    for (int64_t at = str_find(name, S("/")); at >= 0; at = str_find(name, S("/")))
        name = str_sub(name, (size_t)at + 1, name.len);
    if (!has_pages || !is_page_path(path))
        answer_error(request, 404, "route.unknown", "no such address");
    else
        page_send(app, request, str_find(name, S(".")) < 0 ? S("/index.html") : path);
}

static bool is_served_here(struct app *app, struct http_request *request)
{
    struct str path = http_path(request);
    enum http_method method = http_method(request);
    bool is_get = method == HTTP_GET || method == HTTP_HEAD;

    if (is_get && str_is(path, "/healthz"))
        answer_text(request, 200, "application/json", S("{\"is_ok\":true}"));
    else if (is_get && str_is(path, "/metrics"))
        metrics_answer(app, request);
    else if (is_get && str_is(path, "/api/openapi.json"))
        answer_text(request, 200, "application/json", app->openapi);
    else if (is_get && !str_starts(path, S("/api/")) && !str_starts(path, S("/local/")) &&
             !str_is(path, "/papilio.js")) /* a route: it is there without the pages too */
        page_answer(app, request);
    else
        return false;
    return true;
}

/* ---- a request becomes a call ---------------------------------------------------------------- */

static struct str query_value(struct call *call, const char *name)
{
    struct str rest = call->query, pair, key, value;
    bool is_more = rest.len > 0;

    while (is_more) {
        is_more = str_cut(rest, '&', &pair, &rest);
        str_cut(pair, '=', &key, &value);
        if (str_is(key, name) && http_unescape(call->arena, value, true, &value))
            return value;
    }
    return (struct str){0};
}

/* Whom a throttle means: an IPv4 address, or the network of 64 bits that one owner of IPv6 has. */
static struct str peer_owner(struct arena *arena, struct str peer)
{
    struct in6_addr six;

    if (str_find(peer, S(":")) < 0 || inet_pton(AF_INET6, str_cstr(arena, peer), &six) != 1 ||
        IN6_IS_ADDR_V4MAPPED(&six))
        return peer;
    return str_hex(arena, (struct str){(const char *)six.s6_addr, 8});
}

/* "Authorization: Bearer ..."; another scheme is for whoever stands before us. */
static struct str bearer_of(const struct http_request *request)
{
    struct str value = http_header(request, "Authorization"), scheme, rest;

    if (value.at == NULL)
        return value;
    str_cut(value, ' ', &scheme, &rest);
    return str_eq_nocase(scheme, S("Bearer")) ? str_trim(rest) : (struct str){0};
}

static struct call *call_of(struct app *app, struct http_request *request)
{
    struct call *call = arena_new_one(http_arena(request), struct call);

    call_init(call, app, http_arena(request));
    call->method = http_method(request);
    call->path = http_path(request);
    call->query = http_query(request);
    call->body = http_body(request);
    call->cookie = http_cookie(request, "papilio_session");
    call->csrf = http_header(request, "X-CSRF-Token");
    call->write_key = http_header(request, "X-Write-Key");
    call->repeat_key = http_header(request, "Idempotency-Key");
    call->bearer = bearer_of(request);
    call->agent = http_header(request, "User-Agent");
    call->peer = peer_owner(call->arena, http_peer(request));
    call->is_local = http_is_local(request);
    call->upload_path = http_body_path(request);
    call->done = answer;
    call->done_user = request;
    if (call->write_key.at == NULL && str_starts(call->path, S("/api/v1/beacon")))
        call->write_key = query_value(call, "key");
    return call;
}

static bool is_beacon(const struct call *call)
{
    return call->write_key.at && str_is(call->path, "/api/v1/beacon");
}

static enum err beacon_take(struct call *call)
{
    struct throttle limit = {str_fmt(call->arena, "beacon:%.*s", STR(call->peer)),
                             BEACON_PER_MINUTE, 60000, "beacon.too_often"};

    return throttle_take(&call->ctx, &limit);
}

static struct call_queue *queue_of(struct app *app, enum call_next next)
{
    if (next == NEXT_PREPARE)
        return &app->prepares;
    if (next == NEXT_LONG)
        return &app->longs;
    return next == NEXT_WRITE ? &app->writes : &app->reads;
}

/* Its answer begins on the loop's thread. */
static bool is_stream(struct call *call)
{
    const struct route *route = route_match(call);

    return route != NULL && route->kind == ROUTE_STREAM;
}

/* A loop waits for nobody: where the gate would, over a network, a reader opens it. */
static void call_dispatch(struct app *app, struct call *call, struct http_request *request)
{
    struct db *db = app->loop_db[http_loop(request)];
    enum call_next next;

    if (app->is_shared && !is_stream(call)) {
        run_offer(&app->reads, call);
        return;
    }
    next = call_begin(call, db);
    if (next != NEXT_DONE && call->route->kind == ROUTE_STREAM) {
        live_open(app->live, call, request);
        return;
    }
    if (next == NEXT_QUICK)
        call_run(call, db);
    if (next != NEXT_DONE && next != NEXT_QUICK) {
        run_offer(queue_of(app, next), call);
        return;
    }
    call_end(call);
}

/* A page of another site may send events, nothing else: not even a form that signs somebody in. */
static bool is_foreign(struct http_request *request)
{
    return http_method(request) != HTTP_GET && !str_starts(http_path(request), S("/api/v1/")) &&
           str_is(http_header(request, "Sec-Fetch-Site"), "cross-site");
}

static void on_request(void *user, struct http_request *request)
{
    struct app *app = user;
    struct call *call;

    if (is_served_here(app, request))
        return;
    if (is_foreign(request)) {
        answer_error(request, 403, "gate.cross_site", "not from a page of another site");
        return;
    }
    call = call_of(app, request);
    if (call->method == HTTP_OPTIONS && str_starts(call->path, S("/api/v1/"))) {
        struct http_reply reply = {.status = 204, .headers = S(CORS_HEADERS)};
        http_reply(request, &reply);
        return;
    }
    if (is_beacon(call) && (call->err = beacon_take(call)) != OK) {
        call_answer_fault(call);
        answer(call, request);
        return;
    }
    call_dispatch(app, call, request);
}

/* The body of an upload goes to a file that nobody else can name, once the gate has let it pass;
 * on_request passes the gate again and gives a refusal its answer. */
static void on_head(void *user, struct http_request *request)
{
    struct app *app = user;
    struct call *call;

    if (http_method(request) != HTTP_POST)
        return;
    call = call_of(app, request);
    call->route = route_match(call);
    call->ctx.db = app->loop_db[http_loop(request)];
    if (call->route == NULL || call->route->kind != ROUTE_UPLOAD || gate_pass(call) != OK)
        return;
    http_body_to_file(request,
                      str_fmt(call->arena, "%.*s/uploads/%.*s", STR(app->config.data),
                              STR(token_new(call->arena, 16))),
                      UPLOAD_MAX);
}

enum err serve_start(struct app *app, struct str *why)
{
    struct http_config config;
    struct buf buf;
    enum err err;

    http_config_init(&config);
    config.listen = app->config.listen;
    config.unix_path = str_fmt(app->arena, "%.*s/papilio.sock", STR(app->config.data));
    config.loop_count = app->loop_count;
    config.on_head = on_head;
    config.on_request = on_request;
    config.user = app;
    buf_init(&buf, 4 * 1024 * 1024);
    app_openapi(&app->config, &buf);
    app->openapi = str_copy(app->arena, buf_view(&buf));
    buf_release(&buf);
    TRY(folder_make(str_fmt(app->arena, "%.*s/uploads", STR(app->config.data))));
    err = http_start(&config, &app->server);
    if (err != OK && config.unix_path.len >= SOCKET_PATH_MAX)
        *why = str_fmt(app->arena, "the path %.*s is too long for a socket file",
                       STR(config.unix_path));
    else if (err != OK)
        *why = str_fmt(app->arena, "cannot listen on %.*s", STR(app->config.listen));
    return err;
}
