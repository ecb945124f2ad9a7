/* Text that several queries of a file share, written once: a block "-- part: NAME", put in where a
 * query, or a part below it, says part(NAME). For conditions that must not drift apart. */
#include "sqlgen.h"

#include <string.h>

#define MARK "part("

/* On one line, so that the lines of errors behind it stay right. */
static void part_put(struct text *out, const struct query *part)
{
    for (size_t i = 0; i < part->sql_len; i++) {
        char at = part->sql[i];
        if (at == '-' && i + 1 < part->sql_len && part->sql[i + 1] == '-')
            die(part->place, "part '%s': no comments within", part->name);
        text_bytes(out, at == '\n' ? " " : &at, 1);
    }
}

static const struct query *part_find(const struct query_file *file, const char *name, size_t len)
{
    for (size_t i = 0; i < file->query_count; i++)
        if (file->queries[i].is_part && strlen(file->queries[i].name) == len &&
            memcmp(file->queries[i].name, name, len) == 0)
            return &file->queries[i];
    return NULL;
}

static void query_expand(const struct query_file *file, struct query *query)
{
    struct text out = {0};
    const char *at = query->sql, *end = at + query->sql_len;

    while (at < end) {
        size_t left = (size_t)(end - at), mark = strlen(MARK);
        const char *close = left > mark && memcmp(at, MARK, mark) == 0 &&
                                    (at == query->sql || at[-1] == ' ' || at[-1] == '\n')
                                ? memchr(at, ')', left)
                                : NULL;
        const struct query *part;

        if (close == NULL) {
            text_bytes(&out, at++, 1);
            continue;
        }
        part = part_find(file, at + mark, (size_t)(close - at) - mark);
        if (part == NULL)
            die(query->place, "query '%s': no %.*s) in this file", query->name, (int)(close - at),
                at);
        part_put(&out, part);
        at = close + 1;
    }
    query->sql = out.at;
    query->sql_len = out.len;
}

void parts_expand(struct query_file *file)
{
    size_t kept_count = 0;

    for (size_t i = 0; i < file->query_count; i++)
        query_expand(file, &file->queries[i]);
    for (size_t i = 0; i < file->query_count; i++)
        if (!file->queries[i].is_part)
            file->queries[kept_count++] = file->queries[i];
    file->query_count = kept_count;
}
