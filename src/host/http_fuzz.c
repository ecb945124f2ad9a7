/* Bytes of a connection, as a whole and cut into pieces: both must give the same requests and the
 * same refusal. And: what the parser lets through keeps its promises; http_unescape gives valid
 * text or nothing. */
#include "host/http_private.h"

#include <stdlib.h>

#include "base/utf8.h"

#define TRANSCRIPT_MAX (4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct arena *the_arena;

static struct arena *take_arena(struct http_request *request)
{
    (void)request;
    return the_arena;
}

/* Small, so that they are met. */
static const struct http_limits limits = {
    .head_max = 700,
    .body_max = 300,
    .header_max = 8,
    .arena_take = take_arena,
};

static void add_part(struct buf *transcript, struct str part)
{
    buf_fmt(transcript, "%zu:", part.len);
    buf_str(transcript, part);
}

static void check_head(const struct http_request *request)
{
    int host_count = 0;

    must(request->path.len > 0);
    must(request->path.at[0] == '/');
    must(request->query.at != NULL);
    must(request->field_count <= limits.header_max);
    for (int i = 0; i < request->field_count; i++) {
        struct http_field field = request->fields[i];

        must(field.name.len > 0);
        must(memchr(field.name.at, ' ', field.name.len) == NULL);
        must(field.value.len == 0 || memchr(field.value.at, '\n', field.value.len) == NULL);
        must(field.value.len == 0 || memchr(field.value.at, 0, field.value.len) == NULL);
        host_count += str_eq_nocase(field.name, S("host"));
    }
    must(host_count == 1 || request->is_http10);
    must(host_count <= 1);
    must(!request->is_chunked || request->body_left == 0);
}

static void note_head(struct buf *transcript, const struct http_request *request)
{
    check_head(request);
    buf_fmt(transcript, "head %d %d %d %d ", (int)request->method, request->is_http10,
            request->is_last, request->is_chunked);
    add_part(transcript, request->path);
    add_part(transcript, request->query);
    for (int i = 0; i < request->field_count; i++) {
        add_part(transcript, request->fields[i].name);
        add_part(transcript, request->fields[i].value);
    }
}

static void request_over(struct http_request *request)
{
    buf_release(&request->body_buf);
    arena_reset(the_arena);
}

/* What a connection does with its input; false after a refusal. */
static bool feed(struct http_parse *parse, struct str *view, struct buf *transcript)
{
    struct http_request *request = parse->request;

    for (;;) {
        enum http_step step = http_parse_next(parse, view);

        if (step == HTTP_STEP_MORE)
            return true;
        if (step == HTTP_STEP_HEAD) {
            note_head(transcript, request);
        } else if (step == HTTP_STEP_DONE) {
            must(request->body.len == (size_t)request->body_bytes);
            must(request->body.len <= limits.body_max);
            buf_str(transcript, S("done "));
            add_part(transcript, request->body);
            request_over(request);
            http_parse_restart(parse);
        } else {
            must(parse->status >= 400);
            buf_fmt(transcript, "bad %d %s %s", parse->status, parse->code, parse->message);
            request_over(request);
            return false;
        }
    }
}

/* seed 0: as a whole. */
static void drive(struct str all, uint32_t seed, struct buf *transcript)
{
    struct http_request request = {.body_fd = -1};
    struct http_parse parse = {0};
    struct buf input;
    bool is_good = true;

    buf_init(&input, all.len + 1);
    http_parse_init(&parse, &request, &limits);
    for (size_t at = 0; at < all.len && is_good;) {
        size_t len = all.len - at;
        struct str view;

        seed = seed * 1664525 + 1013904223 * (seed != 0);
        if (seed != 0)
            len = (seed >> 24) % 23 + 1 < len ? (seed >> 24) % 23 + 1 : len;
        buf_add(&input, all.at + at, len);
        at += len;
        view = buf_view(&input);
        is_good = feed(&parse, &view, transcript);
        must(!is_good || view.len <= limits.head_max || parse.phase == HTTP_IN_HEAD);
        memmove(input.at, view.at, view.len);
        input.len = view.len;
    }
    request_over(&request);
    buf_release(&input);
}

static void check_unescape(struct str text)
{
    struct str out;

    for (int is_query = 0; is_query < 2; is_query++) {
        if (!http_unescape(the_arena, text, is_query != 0, &out))
            continue;
        must(out.len <= text.len);
        must(utf8_is_valid(out));
        must(out.len == 0 || memchr(out.at, 0, out.len) == NULL);
    }
    arena_reset(the_arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str all = {(const char *)data + 4, len - 4};
    struct buf whole, pieces;
    uint32_t seed;

    if (len < 4)
        return 0;
    memcpy(&seed, data, sizeof(seed));
    the_arena = arena_new(1024 * 1024);
    buf_init(&whole, TRANSCRIPT_MAX);
    buf_init(&pieces, TRANSCRIPT_MAX);
    drive(all, 0, &whole);
    drive(all, seed | 1, &pieces);
    must(str_eq(buf_view(&whole), buf_view(&pieces)));
    check_unescape(all);
    buf_release(&whole);
    buf_release(&pieces);
    arena_free(the_arena);
    return 0;
}
