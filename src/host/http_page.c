/* Pages linked into the program as replies: the form the client takes, conditions and ranges as for
 * files. Their ETag is a digest of their bytes, so two builds of the same pages agree. */
#include "host/http_private.h"

#include <stdio.h>

const struct http_page *http_page_find(const struct http_page *pages, int count, struct str path)
{
    int low = 0, high = count;

    while (low < high) {
        int middle = low + (high - low) / 2, order = str_cmp(str_of(pages[middle].path), path);

        if (order == 0)
            return &pages[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Ranges are of the page itself, as with files. */
static struct str form_of(const struct http_request *request, const struct http_page *page,
                          const char **encoding)
{
    struct str accepted = http_header(request, "accept-encoding");

    *encoding = NULL;
    if (http_header(request, "range").at != NULL)
        return page->plain;
    if (page->brotli.at != NULL && http_text_list_has(accepted, S("br"))) {
        *encoding = "br";
        return page->brotli;
    }
    if (page->gzip.at != NULL && http_text_list_has(accepted, S("gzip"))) {
        *encoding = "gzip";
        return page->gzip;
    }
    return page->plain;
}

/* tidy: as http_reply_file */
void http_reply_page(struct http_request *request, const struct http_page *page, const char *type,
                     const char *cache, struct str extra)
{
    char etag[96];
    struct http_entity entity = {
        .etag = etag, .cache = cache, .has_variants = page->gzip.at || page->brotli.at};
    struct str bytes = form_of(request, page, &entity.encoding);
    struct http_reply reply = {.type = type};
    struct http_span span;
    struct buf headers;

    snprintf(etag, sizeof(etag), "\"%.64s%s%s\"", page->etag, entity.encoding ? "-" : "",
             entity.encoding ? entity.encoding : "");
    entity.size_bytes = (int64_t)bytes.len;
    reply.status = http_entity_status(request, &entity, &span);
    buf_init(&headers, 64 * 1024);
    buf_str(&headers, extra);
    http_entity_headers(&headers, &entity, reply.status, span);
    reply.headers = buf_view(&headers);
    if (reply.status == 304) {
        reply.type = NULL;
    } else if (reply.status == 416) {
        reply.type = "application/json";
        reply.body =
            S("{\"error\":{\"code\":\"http.range\",\"message\":\"The range is outside.\"}}");
    } else {
        reply.body = str_sub(bytes, (size_t)span.from, (size_t)span.len);
    }
    http_reply(request, &reply);
    buf_release(&headers);
}
