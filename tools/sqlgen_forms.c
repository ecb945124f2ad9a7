/* One query, two forms: ?1 for SQLite; for PostgreSQL typed $1, its type names and its order of
 * NULLs. Also the script that has a real PostgreSQL prepare everything. */
#include "sqlgen.h"

#include <string.h>

static int param_number(const struct query *query, const struct token *token)
{
    for (int i = 0; i < query->param_count; i++)
        if (strlen(query->params[i].name) == token->len &&
            memcmp(query->params[i].name, token->at, token->len) == 0)
            return i + 1;
    die(query->place, "parameter lost");
}

/* ---- SQLite ---------------------------------------------------------------------------------- */

void sqlite_form(const struct query *query, struct text *out)
{
    for (size_t i = 0; i < query->tokens.count; i++) {
        const struct token *token = &query->tokens.at[i];
        if (token_is(token, ";"))
            break;
        if (token->has_blank && i > 0)
            text_add(out, " ");
        if (token->kind == TOKEN_PARAM)
            text_add(out, "?%d", param_number(query, token));
        else
            text_bytes(out, token->at, token->len);
    }
}

/* ---- PostgreSQL: the order of NULLs ---------------------------------------------------------- */

/* SQLite sorts NULLs before everything, PostgreSQL behind. What may be NULL says so there, in ORDER
 * BY and in indexes, so that an index still serves the order; what is NOT NULL stays bare, so that
 * its primary key does. */

static bool is_order_end(const struct token *token, int depth)
{
    static const char *const ends[] = {"LIMIT",  "OFFSET", "ROWS",      "RANGE",
                                       "GROUPS", "UNION",  "RETURNING", ";"};

    if (token->len == 0 || token->depth < depth ||
        (token_is(token, ")") && token->depth == depth - 1))
        return true;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (token->depth == depth && token_is(token, ends[i]))
            return true;
    return false;
}

/* A bare or qualified column that the schema knows as NOT NULL wherever it has that name. */
static bool is_never_null(const struct project *project, const struct tokens *t, size_t from,
                          size_t to)
{
    const struct token *name = &t->at[to - 1];
    size_t len = to - from;

    if (token_is(name, "ASC") || token_is(name, "DESC"))
        return len > 1 && is_never_null(project, t, from, to - 1);
    if (len != 1 && !(len == 3 && token_is(&t->at[from + 1], ".")))
        return false;
    for (size_t i = 0; i < project->solid_count; i++)
        if (token_is(name, project->solid_columns[i]))
            return true;
    return false;
}

/* If an ORDER BY item or index column ends before token `at`, what to write behind it. `from` is
 * where the item began. */
static const char *nulls_of(const struct project *project, const struct tokens *t, size_t from,
                            size_t at)
{
    bool is_down = token_is(&t->at[at - 1], "DESC");

    for (size_t i = from; i < at; i++)
        if (token_is(&t->at[i], "NULLS"))
            return "";
    if (is_never_null(project, t, from, at))
        return "";
    return is_down ? " NULLS LAST" : " NULLS FIRST";
}

/* Where we are among ORDER BY lists; they nest by subqueries, at most so deep. */
struct order {
    size_t from[16]; /* of the current item; 0: not in a list */
    int depth[16];
    int count;
};

static void order_step(const struct project *project, struct order *order, const struct tokens *t,
                       size_t at, struct text *out)
{
    while (order->count > 0) {
        int top = order->count - 1, depth = order->depth[top];
        bool is_comma = token_is(token_at(t, at), ",") && token_at(t, at)->depth == depth;
        if (!is_comma && !is_order_end(token_at(t, at), depth))
            break;
        text_add(out, "%s", nulls_of(project, t, order->from[top], at));
        if (is_comma) {
            order->from[top] = at + 1;
            break;
        }
        order->count--;
    }
    if (at >= 2 && token_is(&t->at[at - 1], "BY") && token_is(&t->at[at - 2], "ORDER") &&
        order->count < 16) {
        order->from[order->count] = at;
        order->depth[order->count++] = t->at[at - 1].depth;
    }
}

/* ---- PostgreSQL: a query --------------------------------------------------------------------- */

const char *postgres_type(enum type type)
{
    static const char *const types[] = {"bigint", "bigint", "text", "bytea"};

    return types[type];
}

static void postgres_token(const struct token *token, struct text *out)
{
    if (token_is(token, "INTEGER") || token_is(token, "INT"))
        text_add(out, "BIGINT");
    else if (token_is(token, "BLOB"))
        text_add(out, "BYTEA");
    else
        text_bytes(out, token->at, token->len);
}

/* Behind which token does the list of `IN (SELECT ... LIMIT n)` end? 0: no such list. PostgreSQL
 * would run it for each row it might hold for; as an array it is run once and looked up by. */
static size_t limited_list_end(const struct tokens *t, size_t at)
{
    int depth = t->at[at].depth;
    bool has_limit = false;

    if (!token_is(&t->at[at], "IN") ||
        (at > 0 && (token_is(&t->at[at - 1], "NOT") || token_is(&t->at[at - 1], ")"))) ||
        !token_is(token_at(t, at + 1), "(") || !token_is(token_at(t, at + 2), "SELECT"))
        return 0;
    for (size_t i = at + 2; i < t->count; i++) {
        has_limit = has_limit || (token_is(&t->at[i], "LIMIT") && t->at[i].depth == depth + 1);
        if (token_is(&t->at[i], ")") && t->at[i].depth == depth)
            return has_limit ? i : 0;
    }
    return 0;
}

/* With `is_view` the parameters are typed NULLs: a view has none. */
static void query_form(const struct project *project, const struct query *query, bool is_view,
                       struct text *out)
{
    struct order order = {0};
    size_t i, ends[16] = {0};
    int end_count = 0;

    for (i = 0; i < query->tokens.count; i++) {
        const struct token *token = &query->tokens.at[i];
        if (token_is(token, ";"))
            break;
        order_step(project, &order, &query->tokens, i, out);
        if (token->has_blank && i > 0)
            text_add(out, " ");
        if (token->kind == TOKEN_PARAM) {
            int number = param_number(query, token);
            const char *type = postgres_type(query->params[number - 1].type);
            if (is_view)
                text_add(out, "NULL::%s", type);
            else
                text_add(out, "$%d::%s", number, type);
        } else if (end_count < 16 && limited_list_end(&query->tokens, i) > 0) {
            ends[end_count++] = limited_list_end(&query->tokens, i);
            text_add(out, "= ANY (ARRAY");
        } else {
            postgres_token(token, out);
        }
        if (end_count > 0 && ends[end_count - 1] == i) {
            text_add(out, ")");
            end_count--;
        }
    }
    order_step(project, &order, &query->tokens, i, out);
}

void postgres_form(const struct project *project, const struct query *query, struct text *out)
{
    query_form(project, query, false, out);
}

/* ---- PostgreSQL: the script ------------------------------------------------------------------ */

/* Is token `at` behind the last or between two columns of CREATE INDEX x ON t (a, b)? */
static size_t index_item(const struct tokens *t, size_t at)
{
    size_t open = at;

    if (!(token_is(&t->at[at], ",") && t->at[at].depth == 1) &&
        !(token_is(&t->at[at], ")") && t->at[at].depth == 0))
        return 0;
    while (open > 0 && !(token_is(&t->at[open], "(") && t->at[open].depth == 0))
        open--;
    if (open < 4 || !token_is(&t->at[open - 2], "ON") || !token_is(&t->at[open - 4], "INDEX"))
        return 0;
    for (size_t i = at - 1; i > open; i--)
        if (token_is(&t->at[i], ",") && t->at[i].depth == 1)
            return i + 1;
    return open + 1;
}

/* STRICT and WITHOUT ROWID, and the comma between them. */
static bool is_table_option(const struct tokens *t, size_t at)
{
    const struct token *token = &t->at[at];

    if (token->depth > 0)
        return false;
    if (token_is(token, ","))
        return token_is(token_at(t, at + 1), "WITHOUT") || token_is(token_at(t, at + 1), "STRICT");
    return token_is(token, "STRICT") || token_is(token, "WITHOUT") || token_is(token, "ROWID");
}

/* Behind what token does REFERENCES t (id) end? A copy of a whole base checks such at its end. */
static bool is_reference_end(const struct tokens *t, size_t at)
{
    size_t open = at;

    if (!token_is(&t->at[at], ")"))
        return false;
    while (open > 0 && !(token_is(&t->at[open], "(") && t->at[open].depth == t->at[at].depth))
        open--;
    return open >= 2 && token_is(&t->at[open - 2], "REFERENCES");
}

/* TEXT columns compare by bytes as in SQLite. */
void postgres_script(const struct project *project, const char *path, const char *sql, size_t len,
                     struct text *out)
{
    struct tokens t = tokens_read((struct place){path, 1}, sql, len);

    text_bytes(out, "", 0);
    for (size_t i = 0; i < t.count; i++) {
        const struct token *token = &t.at[i];
        size_t item = index_item(&t, i);
        if (is_table_option(&t, i))
            continue;
        if (item > 0)
            text_add(out, "%s", nulls_of(project, &t, item, i));
        if (i > 0 && token->line != t.at[i - 1].line)
            text_add(out, "\n");
        else if (token->has_blank && i > 0)
            text_add(out, " ");
        postgres_token(token, out);
        if (token_is(token, "TEXT"))
            text_add(out, " COLLATE \"C\"");
        else if (is_reference_end(&t, i))
            text_add(out, " DEFERRABLE");
    }
    text_add(out, "\n");
}

static void postgres_prepare(const struct project *project, const struct query *query,
                             struct text *out)
{
    text_add(out, "-- %s:%d\nPREPARE q_%s", query->place.file, query->place.line, query->name);
    for (int i = 0; i < query->param_count; i++)
        text_add(out, "%s%s", i == 0 ? "(" : ", ", postgres_type(query->params[i].type));
    text_add(out, "%s AS\n", query->param_count > 0 ? ")" : "");
    postgres_form(project, query, out);
    text_add(out, ";\n");
}

/* PostgreSQL tells the types of a view's columns, not of a prepared statement's: a sum that is
 * numeric shows here. */
static void postgres_columns(const struct project *project, const struct query *query,
                             struct text *out)
{
    if (query->is_write || query->column_count == 0)
        return;
    text_add(out, "CREATE TEMP VIEW v_%s AS\n", query->name);
    query_form(project, query, true, out);
    text_add(out, ";\n");
    for (int i = 0; i < query->column_count; i++)
        text_add(out, "INSERT INTO wanted VALUES ('v_%s', '%s', '%s');\n", query->name,
                 query->columns[i].name, postgres_type(query->columns[i].type));
}

/* Our integers are bigint, its text functions take int. */
static const char functions[] =
    "CREATE FUNCTION substr(text, bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL "
    "SAFE\n"
    "    RETURN pg_catalog.substr($1, $2::int);\n"
    "CREATE FUNCTION substr(text, bigint, bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT\n"
    "    PARALLEL SAFE RETURN pg_catalog.substr($1, $2::int, $3::int);\n"
    "CREATE FUNCTION has_bit(bytea, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE\n"
    "    RETURN CASE WHEN $2 >= 0 AND $2 / 8 < octet_length($1) THEN get_bit($1, $2)::bigint\n"
    "           ELSE 0 END;\n";

static const char columns_check[] =
    "DO $$\nDECLARE bad text;\nBEGIN\n"
    "SELECT string_agg(w.query || '.' || w.col || ' is ' || c.data_type || ', wanted ' || w.type, "
    "E'\\n')\n"
    "  INTO bad FROM wanted w JOIN information_schema.columns c\n"
    "    ON c.table_name = w.query AND c.column_name = w.col\n"
    " WHERE NOT (c.data_type = w.type OR (w.type = 'bigint' AND c.data_type = 'integer'));\n"
    "IF bad IS NOT NULL THEN RAISE EXCEPTION '%', bad; END IF;\nEND $$;\n";

void postgres_write(const struct project *project, struct text *out)
{
    text_add(out, "-- Made by sqlgen: run it in one psql session with ON_ERROR_STOP.\n"
                  "\\set ON_ERROR_STOP on\nSET client_min_messages = warning;\n");
    text_add(out, "%s", functions);
    postgres_script(project, project->schema_path, project->schema, project->schema_len, out);
    for (size_t i = 0; i < project->file_count; i++)
        for (size_t j = 0; j < project->files[i].query_count; j++)
            postgres_prepare(project, &project->files[i].queries[j], out);
    text_add(out, "-- the types of the columns\n\\set QUIET on\n"
                  "CREATE TEMP TABLE wanted (query text, col text, type text);\n");
    for (size_t i = 0; i < project->file_count; i++)
        for (size_t j = 0; j < project->files[i].query_count; j++)
            postgres_columns(project, &project->files[i].queries[j], out);
    text_add(out, "%s", columns_check);
}
