/* Files as replies. Files up to 1 MiB are kept in memory, a copy a loop, and are read again when
 * stat says that they changed; larger ones are read in pieces by libuv's threads, the next one when
 * the peer has taken the last. */
#include "host/http_private.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT_COUNT 512
#define CACHED_FILE_MAX (1024 * 1024)
#define CACHE_MAX (16 * 1024 * 1024)
#define PIECE_BYTES (128 * 1024)

struct slot {
    char *path;
    char *content;
    struct stat stat;
};

struct http_file_cache {
    struct slot slots[SLOT_COUNT];
    size_t bytes;
    struct buf headers; /* of the reply being made */
};

/* A large file on its way. */
struct http_file_send {
    struct http_conn *conn;
    struct http_out *out;
    uv_fs_t read;
    int fd;
    bool is_reading;
    int64_t offset, left;
};

/* What the caller of http_reply_file said. */
struct ask {
    struct http_request *request;
    struct str path, extra;
    const char *type, *cache;
};

/* What is sent: a file, or the variant of it that the client takes. */
struct choice {
    char path[PATH_MAX];
    struct stat stat;
    const char *encoding; /* NULL: as it is */
    bool has_variants;
    char etag[64], modified[32];
};

/* ---- the copies in memory -------------------------------------------------------------------- */

static void slot_clear(struct http_file_cache *cache, struct slot *slot)
{
    if (slot->path == NULL)
        return;
    cache->bytes -= (size_t)slot->stat.st_size;
    free(slot->path);
    free(slot->content);
    *slot = (struct slot){0};
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool read_whole(const char *path, char *at, size_t len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t done = 0;

    if (fd < 0)
        return false;
    while (done < len) {
        ssize_t part = read(fd, at + done, len - done);

        if (part <= 0)
            break;
        done += (size_t)part;
    }
    close(fd);
    return done == len;
}

/* The content of a small file, or NULL. */
static const char *cached_content(struct http_file_cache *cache, const struct choice *choice)
{
    struct slot *slot = &cache->slots[str_hash(str_of(choice->path), 0) % SLOT_COUNT];
    size_t len = (size_t)choice->stat.st_size;

    if (choice->stat.st_size > CACHED_FILE_MAX)
        return NULL;
    if (slot->path != NULL && strcmp(slot->path, choice->path) == 0 &&
        is_same_file(&slot->stat, &choice->stat))
        return slot->content;
    slot_clear(cache, slot);
    if (cache->bytes + len > CACHE_MAX)
        return NULL;
    slot->content = malloc(len + 1);
    must(slot->content != NULL);
    if (!read_whole(choice->path, slot->content, len)) {
        free(slot->content);
        slot->content = NULL;
        return NULL;
    }
    slot->path = strdup(choice->path);
    must(slot->path != NULL);
    slot->stat = choice->stat;
    cache->bytes += len;
    return slot->content;
}

static struct http_file_cache *cache_of(struct http_loop *loop)
{
    if (loop->files == NULL) {
        loop->files = calloc(1, sizeof(*loop->files));
        must(loop->files != NULL);
        buf_init(&loop->files->headers, SIZE_MAX / 4);
    }
    return loop->files;
}

void http_file_cache_free(struct http_loop *loop)
{
    if (loop->files == NULL)
        return;
    for (size_t i = 0; i < SLOT_COUNT; i++)
        slot_clear(loop->files, &loop->files->slots[i]);
    buf_release(&loop->files->headers);
    free(loop->files);
}

/* ---- which file ------------------------------------------------------------------------------ */

static bool is_path_sane(struct str path)
{
    struct str part;

    if (path.len == 0 || path.len + sizeof(".br") > PATH_MAX ||
        memchr(path.at, 0, path.len) != NULL)
        return false;
    while (path.len > 0) {
        str_cut(path, '/', &part, &path);
        if (str_is(part, ".."))
            return false;
    }
    return true;
}

static bool look(const char *path, struct stat *out)
{
    return stat(path, out) == 0 && S_ISREG(out->st_mode);
}

static void choose_variant(struct choice *choice, size_t len, struct str accepted)
{
    static const struct {
        const char *ending, *name;
    } rows[] = {{".br", "br"}, {".gz", "gzip"}};
    struct stat found;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        memcpy(choice->path + len, rows[i].ending, 4);
        if (!look(choice->path, &found))
            continue;
        choice->has_variants = true;
        if (!http_text_list_has(accepted, str_of(rows[i].name)))
            continue;
        choice->encoding = rows[i].name;
        choice->stat = found;
        return;
    }
    choice->path[len] = 0;
}

static bool choose(const struct ask *ask, struct choice *choice)
{
    size_t len = ask->path.len;
    struct stat *found = &choice->stat;

    choice->encoding = NULL;
    choice->has_variants = false;
    if (!is_path_sane(ask->path))
        return false;
    memcpy(choice->path, ask->path.at, len);
    choice->path[len] = 0;
    if (!look(choice->path, found))
        return false;
    /* Ranges are of the file itself: a client that continues a download must find the same bytes.
     */
    if (http_header(ask->request, "range").at == NULL)
        choose_variant(choice, len, http_header(ask->request, "accept-encoding"));
    snprintf(choice->etag, sizeof(choice->etag), "\"%llx-%llx-%lx%s%s\"",
             (unsigned long long)found->st_size, (unsigned long long)found->st_mtim.tv_sec,
             (unsigned long)found->st_mtim.tv_nsec, choice->encoding != NULL ? "-" : "",
             choice->encoding != NULL ? choice->encoding : "");
    http_text_date(choice->modified, found->st_mtim.tv_sec);
    return true;
}

/* ---- pieces of a large file ------------------------------------------------------------------ */

static void send_free(struct http_conn *conn)
{
    struct http_file_send *send = conn->file;

    conn->file = NULL;
    http_out_give(conn->loop, send->out);
    close(send->fd);
    free(send);
}

void http_file_end(struct http_conn *conn)
{
    if (!conn->file->is_reading)
        send_free(conn);
}

static void on_piece(uv_fs_t *read)
{
    struct http_file_send *send = read->data;
    struct http_conn *conn = send->conn;
    struct http_out *out = send->out;
    ssize_t len = read->result;

    uv_fs_req_cleanup(read);
    send->is_reading = false;
    if (conn->phase == HTTP_CLOSED || len <= 0) {
        send_free(conn); /* a file that became shorter: the peer sees it by the missing bytes */
        http_conn_close(conn);
    } else {
        send->out = NULL;
        send->offset += len;
        send->left -= len;
        out->buf.len = (size_t)len;
        if (http_conn_send(conn, out) && conn->write_count == 0)
            http_file_next(conn);
    }
    http_conn_drop(conn);
}

void http_file_next(struct http_conn *conn)
{
    struct http_file_send *send = conn->file;
    size_t len = send->left < PIECE_BYTES ? (size_t)send->left : PIECE_BYTES;
    uv_buf_t room;

    if (send->is_reading)
        return;
    if (send->left == 0) {
        send_free(conn);
        http_conn_continue(conn);
        return;
    }
    send->out = http_out_take(conn->loop);
    room = uv_buf_init(buf_room(&send->out->buf, len), (unsigned)len);
    send->read.data = send;
    if (uv_fs_read(&conn->loop->uv, &send->read, send->fd, &room, 1, send->offset, on_piece) != 0) {
        send_free(conn);
        http_conn_close(conn);
        return;
    }
    send->is_reading = true;
    conn->hold_count++;
}

static void reply_pieces(const struct ask *ask, const struct choice *choice,
                         const struct http_reply *reply, struct http_span span)
{
    struct http_request *request = ask->request;
    struct http_conn *conn = request->conn;
    int fd = open(choice->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct http_out *out;

    if (fd < 0) {
        http_reply_here(request, &(struct http_reply){.status = 404});
        return;
    }
    conn->file = calloc(1, sizeof(*conn->file));
    must(conn->file != NULL);
    *conn->file =
        (struct http_file_send){.conn = conn, .fd = fd, .offset = span.from, .left = span.len};
    out = request->out;
    request->out = NULL;
    http_reply_head(&out->buf, request, reply, span.len, request->is_last);
    conn->hold_count++; /* over http_conn_replied */
    if (conn->loop->corked == conn)
        http_conn_flush(conn, S(""));
    http_conn_send(conn, out);
    http_conn_replied(conn);
    if (conn->phase == HTTP_CLOSED)
        send_free(conn);
    else if (conn->write_count == 0)
        http_file_next(conn);
    http_conn_drop(conn);
}

/* ---- the reply ------------------------------------------------------------------------------- */

static struct str headers_of(const struct ask *ask, const struct http_entity *entity, int status,
                             struct http_span span)
{
    struct buf *buf = &cache_of(ask->request->mail.loop)->headers;

    buf_reset(buf);
    buf_str(buf, ask->extra);
    http_entity_headers(buf, entity, status, span);
    return buf_view(buf);
}

static void reply_error(const struct ask *ask, int status, struct str headers, const char *body)
{
    struct http_reply reply = {
        .status = status,
        .type = "application/json",
        .headers = headers,
        .body = str_of(body),
    };

    http_reply_here(ask->request, &reply);
}

static struct http_entity entity_of(const struct ask *ask, const struct choice *choice)
{
    return (struct http_entity){
        .size_bytes = choice->stat.st_size,
        .etag = choice->etag,
        .modified = choice->modified,
        .cache = ask->cache,
        .encoding = choice->encoding,
        .has_variants = choice->has_variants,
    };
}

static void serve(const struct ask *ask)
{
    struct http_request *request = ask->request;
    struct choice choice;
    struct http_entity entity;
    struct http_span span = {0, 0};
    struct http_reply reply = {.type = ask->type != NULL ? ask->type : http_type_of(ask->path)};
    const char *content;

    if (!choose(ask, &choice)) {
        reply_error(
            ask, 404, S(""),
            "{\"error\":{\"code\":\"http.not_found\",\"message\":\"There is no such file.\"}}");
        return;
    }
    entity = entity_of(ask, &choice);
    reply.status = http_entity_status(request, &entity, &span);
    reply.headers = headers_of(ask, &entity, reply.status, span);
    if (reply.status == 304) {
        reply.type = NULL;
        http_reply_here(request, &reply);
        return;
    }
    if (reply.status == 416) {
        reply_error(ask, 416, reply.headers,
                    "{\"error\":{\"code\":\"http.range\",\"message\":\"The range is outside.\"}}");
        return;
    }
    content =
        request->method == HTTP_HEAD ? "" : cached_content(cache_of(request->mail.loop), &choice);
    if (content == NULL) {
        reply_pieces(ask, &choice, &reply, span);
        return;
    }
    reply.body = (struct str){request->method == HTTP_HEAD ? content : content + span.from,
                              (size_t)span.len};
    http_reply_here(request, &reply);
}

/* ---- from another thread --------------------------------------------------------------------- */

/* The strings of an ask, each with a NUL, behind their lengths. */
static void pack(struct buf *buf, const struct ask *ask)
{
    size_t lens[2] = {ask->path.len, ask->extra.len};

    buf_add(buf, lens, sizeof(lens));
    buf_str(buf, ask->path);
    buf_str(buf, ask->extra);
    buf_char(buf, ask->type != NULL);
    buf_add(buf, ask->type != NULL ? ask->type : "", ask->type != NULL ? strlen(ask->type) + 1 : 1);
    buf_char(buf, ask->cache != NULL);
    buf_add(buf, ask->cache != NULL ? ask->cache : "",
            ask->cache != NULL ? strlen(ask->cache) + 1 : 1);
}

static void unpack(const struct buf *buf, struct ask *ask)
{
    size_t lens[2];
    const char *at = buf->at + sizeof(lens);

    memcpy(lens, buf->at, sizeof(lens));
    ask->path = (struct str){at, lens[0]};
    ask->extra = (struct str){at + lens[0], lens[1]};
    at += lens[0] + lens[1];
    ask->type = *at ? at + 1 : NULL;
    at += strlen(at + 1) + 2;
    ask->cache = *at ? at + 1 : NULL;
}

static void mail_file(struct http_mail *mail)
{
    struct http_request *request = (struct http_request *)mail; /* its first member */
    struct http_loop *loop = mail->loop;
    struct http_out *packed = request->out;
    struct ask ask = {.request = request};

    request->out = http_out_take(loop);
    unpack(&packed->buf, &ask);
    serve(&ask);
    http_out_give(loop, packed);
}

void http_reply_file(struct http_request *request, struct str path, const char *type,
                     const char *cache, struct str extra)
{
    struct ask ask = {
        .request = request, .path = path, .extra = extra, .type = type, .cache = cache};

    if (http_loop_is_mine(request->mail.loop)) {
        serve(&ask);
        return;
    }
    pack(&request->out->buf, &ask);
    request->mail.run = mail_file;
    http_loop_post(&request->mail);
}
