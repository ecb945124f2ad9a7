/* What files and embedded pages have in common as replies: conditions, ranges, and the header lines
 * that go with them. */
#include "host/http_private.h"

static bool list_has_etag(struct str list, struct str etag)
{
    struct str one;

    while (list.len > 0) {
        str_cut(list, ',', &one, &list);
        one = str_trim(one);
        if (str_starts(one, S("W/")))
            one = str_sub(one, 2, one.len);
        if (str_is(one, "*") || str_eq(one, etag))
            return true;
    }
    return false;
}

static bool is_unchanged(const struct http_request *request, const struct http_entity *entity)
{
    struct str known = http_header(request, "if-none-match");

    if (known.at != NULL)
        return list_has_etag(known, str_of(entity->etag));
    known = http_header(request, "if-modified-since");
    return known.at != NULL && entity->modified != NULL && str_is(known, entity->modified);
}

/* 206 with *span, 416, or 200 where there is no range, more than one, or an If-Range that fails. */
static int read_range(const struct http_request *request, const struct http_entity *entity,
                      struct http_span *span)
{
    struct str range = http_header(request, "range"), when = http_header(request, "if-range"), from,
               to;
    int64_t size = entity->size_bytes, first, last = size - 1;

    *span = (struct http_span){0, size};
    if (range.at == NULL || request->method != HTTP_GET || !str_starts(range, S("bytes=")))
        return 200;
    if (when.at != NULL && !str_is(when, entity->etag) &&
        (entity->modified == NULL || !str_is(when, entity->modified)))
        return 200;
    range = str_trim(str_sub(range, 6, range.len));
    if (!str_cut(range, '-', &from, &to) || str_find(range, S(",")) >= 0)
        return 200;
    if (from.len == 0) {
        if (!str_to_int(to, &first) || first < 0)
            return 200;
        if (first == 0 || size == 0)
            return 416;
        first = first < size ? size - first : 0;
    } else {
        if (!str_to_int(from, &first) || first < 0 ||
            (to.len > 0 && (!str_to_int(to, &last) || last < first)))
            return 200;
        if (first >= size)
            return 416;
    }
    last = last < size ? last : size - 1;
    *span = (struct http_span){first, last - first + 1};
    return 206;
}

int http_entity_status(const struct http_request *request, const struct http_entity *entity,
                       struct http_span *span)
{
    *span = (struct http_span){0, entity->size_bytes};
    return is_unchanged(request, entity) ? 304 : read_range(request, entity, span);
}

/* ---- header lines ---------------------------------------------------------------------------- */

static void add_header(struct buf *buf, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_add(buf, name, strlen(name));
    buf_str(buf, S(": "));
    buf_add(buf, value, strlen(value));
    buf_str(buf, S("\r\n"));
}

void http_entity_headers(struct buf *buf, const struct http_entity *entity, int status,
                         struct http_span span)
{
    int64_t size = entity->size_bytes;

    add_header(buf, "Cache-Control", entity->cache);
    add_header(buf, "ETag", entity->etag);
    add_header(buf, "Last-Modified", entity->modified);
    if (entity->has_variants)
        add_header(buf, "Vary", "Accept-Encoding");
    if (entity->encoding != NULL)
        add_header(buf, "Content-Encoding", entity->encoding);
    else
        add_header(buf, "Accept-Ranges", "bytes");
    if (status == 206)
        buf_fmt(buf, "Content-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64 "\r\n", span.from,
                span.from + span.len - 1, size);
    if (status == 416)
        buf_fmt(buf, "Content-Range: bytes */%" PRId64 "\r\n", size);
}
