/* Reading: SQL text into tokens, a .sql file into its queries, names into types. */
#include "sqlgen.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- tokens ---------------------------------------------------------------------------------- */

struct reader {
    const char *at, *end;
    struct place place;
    int depth;
    bool has_blank;
};

bool token_is(const struct token *token, const char *word)
{
    if (token->kind != TOKEN_WORD && token->kind != TOKEN_PUNCT)
        return false;
    return token->len == strlen(word) && strncasecmp(token->at, word, token->len) == 0;
}

const struct token *token_at(const struct tokens *tokens, size_t at)
{
    static const struct token none = {.kind = TOKEN_PUNCT, .at = ""};

    return at < tokens->count ? &tokens->at[at] : &none;
}

static bool reader_starts(const struct reader *r, const char *prefix)
{
    size_t len = strlen(prefix);

    return (size_t)(r->end - r->at) >= len && memcmp(r->at, prefix, len) == 0;
}

static void reader_skip(struct reader *r)
{
    if (*r->at == '\n')
        r->place.line++;
    r->at++;
    r->has_blank = true;
}

static void reader_skip_blanks(struct reader *r)
{
    while (r->at < r->end) {
        if (isspace((unsigned char)*r->at)) {
            reader_skip(r);
        } else if (reader_starts(r, "--")) {
            while (r->at < r->end && *r->at != '\n')
                reader_skip(r);
        } else if (reader_starts(r, "/*")) {
            struct place start = r->place;
            while (r->at < r->end && !reader_starts(r, "*/"))
                reader_skip(r);
            if (r->at == r->end)
                die(start, "the comment does not end");
            reader_skip(r);
            reader_skip(r);
        } else {
            return;
        }
    }
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static const char *reader_word_end(const struct reader *r, const char *at)
{
    while (at < r->end && is_word_char(*at))
        at++;
    return at;
}

static const char *reader_string_end(const struct reader *r)
{
    const char *at = r->at + 1;

    for (; at < r->end; at++) {
        if (*at != '\'')
            continue;
        if (at + 1 == r->end || at[1] != '\'')
            return at + 1;
        at++;
    }
    die(r->place, "the text literal does not end");
}

static void reader_refuse(const struct reader *r)
{
    char c = *r->at;

    if (c == '"')
        die(r->place,
            "double quotes: write text in 'single quotes', and pick names that need no quotes");
    if (c == '`' || c == '[')
        die(r->place, "quoted names: pick names that need no quotes");
    if (c == '?' || c == '$' || c == '@' || c == '#')
        die(r->place, "parameter %c...: write :name, the name gives the type", c);
    if (c == ':' && (r->at + 1 == r->end || !islower((unsigned char)r->at[1])))
        die(r->place, "':' without a parameter name (lower case) behind it");
    if ((c == 'x' || c == 'X') && r->at + 1 < r->end && r->at[1] == '\'')
        die(r->place, "blob literal: PostgreSQL reads it as bits; bind a parameter");
}

static struct token reader_next(struct reader *r)
{
    struct token token = {.at = r->at, .line = r->place.line, .has_blank = r->has_blank};
    const char *end = r->at + 1;

    reader_refuse(r);
    if (*r->at == ':') {
        token.kind = TOKEN_PARAM;
        token.at++;
        end = reader_word_end(r, token.at);
    } else if (*r->at == '\'') {
        token.kind = TOKEN_STRING;
        end = reader_string_end(r);
    } else if (isdigit((unsigned char)*r->at)) {
        token.kind = TOKEN_NUMBER;
        end = reader_word_end(r, r->at);
    } else if (is_word_char(*r->at)) {
        token.kind = TOKEN_WORD;
        end = reader_word_end(r, r->at);
    } else {
        token.kind = TOKEN_PUNCT;
        if (reader_starts(r, "||") || reader_starts(r, "<=") || reader_starts(r, ">=") ||
            reader_starts(r, "<>") || reader_starts(r, "!=") || reader_starts(r, "=="))
            end = r->at + 2;
    }
    token.len = (size_t)(end - token.at);
    for (; r->at < end; r->at++)
        r->place.line += *r->at == '\n';
    r->has_blank = false;
    return token;
}

struct tokens tokens_read(struct place start, const char *at, size_t len)
{
    struct reader r = {.at = at, .end = at + len, .place = start};
    struct tokens tokens = {0};

    for (reader_skip_blanks(&r); r.at < r.end; reader_skip_blanks(&r)) {
        struct token token = reader_next(&r);
        if (token_is(&token, ")"))
            r.depth--;
        token.depth = r.depth;
        if (token_is(&token, "("))
            r.depth++;
        tokens.at = grow(tokens.at, tokens.count, sizeof(token));
        tokens.at[tokens.count++] = token;
    }
    return tokens;
}

/* ---- names give types ------------------------------------------------------------------------ */

static bool ends_in(const char *name, size_t len, const char *const *suffixes)
{
    for (; *suffixes != NULL; suffixes++) {
        size_t n = strlen(*suffixes);
        if (len > n && memcmp(name + len - n, *suffixes, n) == 0)
            return true;
    }
    return false;
}

enum type type_of_name(const char *name, size_t len)
{
    static const char *const ints[] = {
        "_id",    "_ms",   "_count", "_fen",   "_bp",      "_ppm",    "_seq",     "_day",
        "_month", "_days", "_micro", "_bytes", "_version", "_number", "_percent", NULL};
    static const char *const bytes[] = {"_hash", "_enc", "_blob", NULL};

    if ((len == 2 && memcmp(name, "id", 2) == 0) || ends_in(name, len, ints))
        return TYPE_INT;
    if ((len > 3 && memcmp(name, "is_", 3) == 0) || (len > 4 && memcmp(name, "has_", 4) == 0))
        return TYPE_BOOL;
    return ends_in(name, len, bytes) ? TYPE_BYTES : TYPE_TEXT;
}

const char *type_word(enum type type)
{
    static const char *const words[] = {"INTEGER", "INTEGER (is_/has_)", "TEXT", "BLOB"};

    return words[type];
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static enum kind kind_of(struct place place, const char *word)
{
    static const char *const words[] = {"one",     "many",  "each",  "exec",
                                        "changed", "batch", "lookup"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(word, words[i]) == 0)
            return (enum kind)i;
    die(place, "kind ':%s': one of :one :many :each :exec :changed :batch :lookup is needed", word);
}

void name_check(struct place place, const char *name, const char *what)
{
    static const char *const taken[] = {
        "auto",   "break",  "case",   "char",     "const",  "continue", "default", "do",
        "double", "else",   "enum",   "extern",   "float",  "for",      "goto",    "if",
        "inline", "int",    "long",   "register", "return", "short",    "signed",  "sizeof",
        "static", "struct", "switch", "typedef",  "union",  "unsigned", "void",    "volatile",
        "while",  "bool",   "true",   "false",    "null",   "c",        "in",      "out",
        "rows",   "count",  "each",   "user",     "stmt",   "err",      "errno",   NULL};

    if (!islower((unsigned char)name[0]) ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name))
        die(place, "%s '%s': only lower case letters, digits and _", what, name);
    for (size_t i = 0; taken[i] != NULL; i++)
        if (strcmp(name, taken[i]) == 0)
            die(place, "%s '%s': the word is taken in C, choose another", what, name);
}

/* "-- name: coupon_take :changed   anything", or "-- part: NAME": true and filled if the line opens
 * a block. */
static bool block_opens(struct query *query, const char *line, size_t len)
{
    const char *mark = "-- name:", *end = line + len, *at, *name_end, *kind_end;

    query->is_part = len > strlen(mark) && memcmp(line, "-- part:", strlen(mark)) == 0;
    if (len < strlen(mark) || (!query->is_part && memcmp(line, mark, strlen(mark)) != 0))
        return false;
    for (at = line + strlen(mark); at < end && *at == ' '; at++)
        ;
    for (name_end = at; name_end < end && is_word_char(*name_end); name_end++)
        ;
    query->name = copy(at, (size_t)(name_end - at));
    name_check(query->place, query->name, "query name");
    if (query->is_part)
        return true;
    for (at = name_end; at < end && *at == ' '; at++)
        ;
    if (at == end || *at != ':')
        die(query->place, "query '%s' has no kind: -- name: %s :one", query->name, query->name);
    for (kind_end = at + 1; kind_end < end && is_word_char(*kind_end); kind_end++)
        ;
    query->kind = kind_of(query->place, copy(at + 1, (size_t)(kind_end - at - 1)));
    return true;
}

static void param_add(struct query *query, const struct token *token)
{
    static const char *const known[][2] = {{"now_ms", "c->now_ms"},
                                           {"me_staff_id", "c->me_staff_id"},
                                           {"me_customer_id", "c->me_customer_id"},
                                           {"me_reach_number", "c->me_reach_number"},
                                           {"me_org_path", "c->me_org_path"},
                                           {"me_org_path_end", "c->me_org_path_end"}};
    struct place place = {query->place.file, token->line};
    struct field *field = &query->params[query->param_count];

    for (int i = 0; i < query->param_count; i++)
        if (strlen(query->params[i].name) == token->len &&
            memcmp(query->params[i].name, token->at, token->len) == 0)
            return;
    if (query->param_count == PARAM_MAX)
        die(place, "more than %d parameters", PARAM_MAX);
    field->name = copy(token->at, token->len);
    field->type = type_of_name(token->at, token->len);
    field->from_ctx = NULL;
    name_check(place, field->name, "parameter");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(field->name, known[i][0]) == 0)
            field->from_ctx = known[i][1];
    query->param_count++;
}

/* "-- scan: why" on a line of its own, of the query or before the first one of its file. */
static bool has_scan_mark(const char *at, size_t len)
{
    const char *mark = "-- scan: ", *end = at + len;

    for (bool is_start = true; at + strlen(mark) < end; is_start = *at == '\n', at++)
        if (is_start && memcmp(at, mark, strlen(mark)) == 0)
            return true;
    return false;
}

static void query_read(struct query *query)
{
    struct place start = {query->place.file, query->place.line + 1};

    scope_expand(query);
    query->tokens = tokens_read(start, query->sql, query->sql_len);
    if (query->tokens.count == 0)
        die(query->place, "query '%s' is empty", query->name);
    for (size_t i = 0; i < query->tokens.count; i++) {
        const struct token *token = &query->tokens.at[i];
        if (token->kind == TOKEN_PARAM)
            param_add(query, token);
        if (token_is(token, ";") && i + 1 < query->tokens.count)
            die((struct place){start.file, query->tokens.at[i + 1].line},
                "query '%s' has more than one statement", query->name);
    }
    query->may_scan = query->may_scan || has_scan_mark(query->sql, query->sql_len);
    dialect_check(query->place.file, &query->tokens);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(name, '.');
    char *base = copy(name, dot == NULL ? strlen(name) : (size_t)(dot - name));

    name_check((struct place){path, 0}, base, "file name");
    return base;
}

/* Text before the first block may be comments only. */
static void head_check(struct query_file *file, const char *at, size_t len)
{
    struct tokens tokens = tokens_read((struct place){file->path, 1}, at, len);

    file->head_len = len;
    if (tokens.count > 0)
        die((struct place){file->path, tokens.at[0].line}, "SQL before the first '-- name:' line");
}

void query_file_read(struct query_file *file)
{
    size_t len;
    char *all = file_text(file->path, &len), *end = all + len, *line_end;
    struct place place = {file->path, 1};

    file->base = base_name(file->path);
    for (char *line = all; line < end; line = line_end + 1, place.line++) {
        struct query query = {.place = place};
        line_end = memchr(line, '\n', (size_t)(end - line));
        if (line_end == NULL)
            line_end = end;
        if (!block_opens(&query, line, (size_t)(line_end - line)))
            continue;
        if (file->query_count == 0)
            head_check(file, all, (size_t)(line - all));
        query.may_scan = has_scan_mark(all, file->head_len);
        if (file->query_count > 0)
            file->queries[file->query_count - 1].sql_len =
                (size_t)(line - file->queries[file->query_count - 1].sql);
        query.sql = line_end < end ? line_end + 1 : end;
        query.sql_len = (size_t)(end - query.sql);
        file->queries = grow(file->queries, file->query_count, sizeof(query));
        file->queries[file->query_count++] = query;
    }
    parts_expand(file);
    if (file->query_count == 0)
        die((struct place){file->path, 0}, "no '-- name:' line");
    for (size_t i = 0; i < file->query_count; i++)
        query_read(&file->queries[i]);
}
