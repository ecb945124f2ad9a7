/* tidy: the rules about queries: lists are bounded, and a query on rows that belong to somebody
 * says whose it reads. */
#include "tidy.h"

#include <string.h>
#include <strings.h>

/* Tables with rows that only some staff may see: a query on one of them asks in_scope(alias) or
 * customer_in_scope(column), or says why not: `-- scope: none (why)`. */
static const char *const scoped_tables[] = {
    "customer",       "shop_order", "identity", "customer_tag",   "refund",  "journal",
    "customer_note",  "child",      "relation", "customer_owner", "consent", "duplicate",
    "customer_merge", NULL};

struct query {
    size_t from, to; /* from its "-- name:" line to the next one */
    int line;
    bool is_many, has_scope;
};

static bool line_starts(const struct file *file, int line, const char *words)
{
    return strncmp(file->text + file->lines[line - 1], words, strlen(words)) == 0;
}

/* Is this word there, as a word of its own, between from and to? Any case. */
static bool has_word(const struct file *file, const struct query *query, const char *word)
{
    size_t len = strlen(word);

    for (size_t at = query->from; at + len <= query->to; at++) {
        if (strncasecmp(file->code + at, word, len) == 0 && !is_word_char(file->code[at + len]) &&
            (at == 0 || (!is_word_char(file->code[at - 1]) && file->code[at - 1] != ':')))
            return true;
    }
    return false;
}

static void check_query(const struct file *file, const struct query *query)
{
    if (query->is_many && !has_word(file, query, "LIMIT"))
        report(file, query->line, "a :many query without LIMIT");
    if (has_word(file, query, "in_scope") || has_word(file, query, "customer_in_scope"))
        return;
    for (int i = 0; scoped_tables[i] && !query->has_scope; i++) {
        if (has_word(file, query, scoped_tables[i])) {
            report(file, query->line,
                   "reads %s without in_scope(), and does not say `-- scope: none (why)`",
                   scoped_tables[i]);
            return;
        }
    }
}

void check_queries(const struct file *file)
{
    struct query query = {0};

    for (int line = 1; line <= file->line_count + 1; line++) {
        bool is_end = line > file->line_count;
        if (is_end || line_starts(file, line, "-- name:")) {
            query.to = file->lines[is_end ? file->line_count : line - 1];
            if (query.line)
                check_query(file, &query);
            if (is_end)
                return;
            const char *at = file->text + file->lines[line - 1];
            const char *many = strstr(at, ":many");
            query = (struct query){file->lines[line - 1], 0, line,
                                   many && many < file->text + file->lines[line], false};
        } else if (line_starts(file, line, "-- scope: "))
            query.has_scope = true;
    }
}
