/* How SQLite would run a query: one that walks through a whole large table, or sorts what it found
 * there, says why in a line
 * `-- scan: why`. For `sqlgen --plans`, which a test runs. */
#include "sqlgen.h"

#include <stdio.h>
#include <string.h>

/* Is the word one of the large tables, named in a text such as " customer journal "? */
static bool is_large(const char *large_tables, const struct token *word)
{
    struct text wanted = {0};

    text_add(&wanted, " %.*s ", (int)word->len, word->at);
    return strstr(large_tables, wanted.at) != NULL;
}

/* A plan names a table by its alias: does `name` stand for a large table in this query? */
static bool stands_for_large(const struct query *query, const char *large_tables, const char *name)
{
    size_t len = strcspn(name, " ");
    char *plain = copy(name, len);

    for (size_t i = 0; i < query->tokens.count; i++) {
        const struct token *table = &query->tokens.at[i];
        const struct token *alias = token_at(&query->tokens, i + 1);
        if (table->kind != TOKEN_WORD || !is_large(large_tables, table))
            continue;
        if (token_is(alias, "AS"))
            alias = token_at(&query->tokens, i + 2);
        if (token_is(table, plain) || token_is(alias, plain))
            return true;
    }
    return false;
}

static bool has_word(const struct query *query, const char *word)
{
    for (size_t i = 0; i < query->tokens.count; i++)
        if (query->tokens.at[i].depth == 0 && token_is(&query->tokens.at[i], word))
            return true;
    return false;
}

/* A walk along an index that a LIMIT ends early is what a list does; one that is sorted first is
 * not. */
static bool is_short_walk(const struct query *query, bool is_sorted)
{
    return has_word(query, "LIMIT") && has_word(query, "ORDER") && !is_sorted;
}

static bool touches_large(const struct query *query, const char *large_tables)
{
    for (size_t i = 0; i < query->tokens.count; i++)
        if (query->tokens.at[i].kind == TOKEN_WORD && is_large(large_tables, &query->tokens.at[i]))
            return true;
    return false;
}

int plan_check(sqlite3 *db, const struct query *query, const char *large_tables)
{
    struct text sql = {0}, walks = {0};
    bool is_sorted = false;
    sqlite3_stmt *stmt;

    if (query->may_scan || !touches_large(query, large_tables))
        return 0;
    text_add(&sql, "EXPLAIN QUERY PLAN %.*s", (int)query->sql_len, query->sql);
    if (sqlite3_prepare_v2(db, sql.at, -1, &stmt, NULL) != SQLITE_OK)
        die(query->place, "query '%s': %s", query->name, sqlite3_errmsg(db));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(stmt, 3);
        is_sorted = is_sorted || strncmp(detail, "USE TEMP B-TREE FOR ORDER BY", 28) == 0;
        if (strncmp(detail, "SCAN ", 5) == 0 && stands_for_large(query, large_tables, detail + 5))
            text_add(&walks, "%s:%d: query '%s': %s\n", query->place.file, query->place.line,
                     query->name, detail);
    }
    sqlite3_finalize(stmt);
    if (walks.len == 0 || is_short_walk(query, is_sorted))
        return 0;
    fputs(walks.at, stdout);
    return 1;
}
