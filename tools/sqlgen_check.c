/* A query against the schema: prepared on it, its result columns walked, its parameters held
 * against the columns they meet. */
#include "sqlgen.h"

#include <ctype.h>
#include <string.h>

static struct place token_place(const struct query *query, const struct token *token)
{
    return (struct place){query->place.file, token->line};
}

/* TEXT beside INTEGER is a mistake; a bool is an INTEGER as well. */
static bool types_differ(enum type a, enum type b)
{
    return (a == TYPE_BOOL ? TYPE_INT : a) != (b == TYPE_BOOL ? TYPE_INT : b);
}

static enum type token_type(const struct token *token)
{
    return type_of_name(token->at, token->len);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static void meet_check(const struct query *query, const struct token *column,
                       const struct token *param)
{
    if (column->kind != TOKEN_WORD || param->kind != TOKEN_PARAM)
        return;
    if (types_differ(token_type(column), token_type(param)))
        die(token_place(query, param), "query '%s': column %.*s is %s, but :%.*s is %s by its name",
            query->name, (int)column->len, column->at, type_word(token_type(column)),
            (int)param->len, param->at, type_word(token_type(param)));
}

static bool is_comparison(const struct token *token)
{
    static const char *const signs[] = {"=", "<", ">", "<=", ">=", "<>", "!="};

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (token_is(token, signs[i]))
            return true;
    return false;
}

static bool is_whole_operand(const struct token *next)
{
    static const char *const goes_on[] = {"+", "-", "*", "/", "%", "||", "(", "."};

    for (size_t i = 0; i < sizeof(goes_on) / sizeof(goes_on[0]); i++)
        if (token_is(next, goes_on[i]))
            return false;
    return true;
}

/* `column = :param` and `:param = column`, also in SET. */
static void comparisons_check(const struct query *query)
{
    const struct tokens *t = &query->tokens;

    for (size_t i = 1; i + 1 < t->count; i++) {
        if (!is_comparison(&t->at[i]) || !is_whole_operand(token_at(t, i + 2)))
            continue;
        meet_check(query, &t->at[i - 1], &t->at[i + 1]);
        if (!token_is(token_at(t, i + 2), "."))
            meet_check(query, &t->at[i + 1], &t->at[i - 1]);
    }
    for (size_t i = 1; i < t->count; i++) {
        bool is_limit = token_is(&t->at[i - 1], "LIMIT") || token_is(&t->at[i - 1], "OFFSET");
        if (is_limit && t->at[i].kind == TOKEN_PARAM && token_type(&t->at[i]) != TYPE_INT)
            die(token_place(query, &t->at[i]),
                "query '%s': :%.*s after %.*s must be a number, as in :limit_count", query->name,
                (int)t->at[i].len, t->at[i].at, (int)t->at[i - 1].len, t->at[i - 1].at);
    }
}

/* The index behind the parenthesis that opens at `at`. */
static size_t past_parenthesis(const struct tokens *t, size_t at)
{
    for (size_t i = at + 1; i < t->count; i++)
        if (token_is(&t->at[i], ")") && t->at[i].depth == t->at[at].depth)
            return i + 1;
    return t->count;
}

/* The one token of the list item that starts at *at, or NULL if it is an expression; moves *at to
 * the next item. */
static const struct token *item_take(const struct tokens *t, size_t *at, int depth)
{
    size_t start = *at, end = start;

    while (end < t->count && t->at[end].depth >= depth &&
           !(token_is(&t->at[end], ",") && t->at[end].depth == depth))
        end++;
    *at = end < t->count && token_is(&t->at[end], ",") ? end + 1 : end;
    return end == start + 1 ? &t->at[start] : NULL;
}

/* INSERT INTO t (a, b) VALUES (:x, 1): column and parameter of the same place. */
static void insert_check(const struct query *query)
{
    const struct tokens *t = &query->tokens;
    size_t columns = 0, values;

    while (columns < t->count && !token_is(&t->at[columns], "INSERT"))
        columns++;
    columns += 3; /* INSERT INTO table ( */
    if (!token_is(token_at(t, columns), "("))
        return;
    values = past_parenthesis(t, columns);
    if (!token_is(token_at(t, values), "VALUES") || !token_is(token_at(t, values + 1), "("))
        return;
    columns++;
    values += 2;
    while (columns < t->count && !token_is(&t->at[columns], ")")) {
        const struct token *column = item_take(t, &columns, t->at[columns].depth);
        const struct token *value = item_take(t, &values, t->at[values].depth);
        if (column != NULL && value != NULL)
            meet_check(query, column, value);
    }
}

/* ---- result columns -------------------------------------------------------------------------- */

static bool is_plain_name(const char *name)
{
    return name != NULL && islower((unsigned char)name[0]) &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0' &&
           strcmp(name, "null") != 0 && strcmp(name, "true") != 0 && strcmp(name, "false") != 0;
}

static enum type declared_type(const char *declared)
{
    if (strcmp(declared, "TEXT") == 0)
        return TYPE_TEXT;
    return strcmp(declared, "BLOB") == 0 ? TYPE_BYTES : TYPE_INT;
}

static void column_read(struct query *query, sqlite3_stmt *stmt, int at)
{
    const char *name = sqlite3_column_name(stmt, at), *declared = sqlite3_column_decltype(stmt, at);
    struct field *field = &query->columns[at];

    if (!is_plain_name(name))
        die(query->place, "query '%s': the expression '%s' needs an alias: AS some_count",
            query->name, name);
    name_check(query->place, name, "column");
    field->name = copy(name, strlen(name));
    field->type = type_of_name(name, strlen(name));
    if (declared != NULL && types_differ(field->type, declared_type(declared)))
        die(query->place, "query '%s': column '%s' is %s in the schema, but %s by its name",
            query->name, name, declared, type_word(field->type));
    for (int i = 0; i < at; i++)
        if (strcmp(query->columns[i].name, name) == 0)
            die(query->place, "query '%s': two columns are named '%s'", query->name, name);
}

static void columns_read(struct query *query, sqlite3_stmt *stmt)
{
    query->column_count = sqlite3_column_count(stmt);
    if (query->column_count > COLUMN_MAX)
        die(query->place, "query '%s': more than %d columns", query->name, COLUMN_MAX);
    for (int i = 0; i < query->column_count; i++)
        column_read(query, stmt, i);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static bool has_limit(const struct query *query)
{
    for (size_t i = 0; i < query->tokens.count; i++)
        if (query->tokens.at[i].depth == 0 && token_is(&query->tokens.at[i], "LIMIT"))
            return true;
    return false;
}

static void kind_check(const struct query *query)
{
    bool wants_rows = query->kind == KIND_ONE || query->kind == KIND_MANY ||
                      query->kind == KIND_EACH || query->kind == KIND_LOOKUP;

    if (wants_rows && query->column_count == 0)
        die(query->place, "query '%s' returns no columns: its kind is :exec, :changed or :batch",
            query->name);
    if (!wants_rows && query->column_count > 0)
        die(query->place, "query '%s' returns columns: its kind is :one, :many, :each or :lookup",
            query->name);
    if (query->kind == KIND_MANY && !query->is_write && !has_limit(query))
        die(query->place, "query '%s' is :many without LIMIT", query->name);
    if ((query->kind == KIND_BATCH || query->kind == KIND_LOOKUP) && query->param_count == 0)
        die(query->place, "query '%s' has no parameter to repeat it with", query->name);
}

/* SQLite says where, or else names the thing last: "no such table: cupon". */
static struct place prepare_place(const struct query *query, sqlite3 *db)
{
    struct place place = {query->place.file, query->place.line + 1};
    const char *words = sqlite3_errmsg(db), *last = strrchr(words, ' ');
    int offset = sqlite3_error_offset(db);

    for (int i = 0; i < offset; i++)
        place.line += query->sql[i] == '\n';
    if (offset >= 0 || last == NULL)
        return place;
    for (size_t i = 0; i < query->tokens.count; i++)
        if (token_is(&query->tokens.at[i], last + 1))
            return token_place(query, &query->tokens.at[i]);
    return place;
}

void query_check(sqlite3 *db, struct query *query)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(db, query->sql, (int)query->sql_len, &stmt, NULL);

    if (rc != SQLITE_OK)
        die(prepare_place(query, db), "query '%s': %s", query->name, sqlite3_errmsg(db));
    query->is_write = sqlite3_stmt_readonly(stmt) == 0;
    columns_read(query, stmt);
    kind_check(query);
    comparisons_check(query);
    insert_check(query);
    sqlite3_finalize(stmt);
}
