/* What SQLite and PostgreSQL do not share is refused (docs/decisions/0002-sql-subset.md). */
#include "sqlgen.h"

#include <string.h>

/* ---- what only one of them knows, or knows differently --------------------------------------- */

static const struct difference {
    const char *word;
    bool is_call; /* only with a parenthesis behind it */
    const char *instead;
} differences[] = {
    {"REPLACE", false, "INSERT ... ON CONFLICT ... DO UPDATE"},
    {"GLOB", false, "LIKE ... ESCAPE"},
    {"MATCH", false, "kit/search"},
    {"REGEXP", false, "a check in C"},
    {"AUTOINCREMENT", false, "an id from the ctx"},
    {"ROWID", false, "the id column"},
    {"_ROWID_", false, "the id column"},
    {"OID", false, "the id column"},
    {"CURRENT_TIMESTAMP", false, ":now_ms"},
    {"CURRENT_DATE", false, ":now_ms"},
    {"CURRENT_TIME", false, ":now_ms"},
    {"COLLATE", false, "a column that holds the folded text"},
    {"INDEXED", false, "an index that the planner takes by itself"},
    {"PRAGMA", false, "host/db_sqlite.c"},
    {"ISNULL", false, "IS NULL"},
    {"NOTNULL", false, "IS NOT NULL"},
    {"REAL", false, "an integer in a smaller unit"},
    {"NUMERIC", false, "BIGINT"},
    {"TRUE", false, "1: booleans are INTEGER 0/1"},
    {"FALSE", false, "0: booleans are INTEGER 0/1"},
    {"==", false, "="},
    {"IFNULL", true, "coalesce"},
    {"IIF", true, "CASE WHEN"},
    {"STRFTIME", true, "a day or month number computed in C"},
    {"JULIANDAY", true, "a day or month number computed in C"},
    {"UNIXEPOCH", true, ":now_ms"},
    {"DATETIME", true, ":now_ms"},
    {"DATE", true, "a day number computed in C"},
    {"TIME", true, "milliseconds computed in C"},
    {"RANDOM", true, "a parameter"},
    {"RANDOMBLOB", true, "a parameter"},
    {"PRINTF", true, "a text made in C"},
    {"FORMAT", true, "a text made in C"},
    {"GROUP_CONCAT", true, "rows put together in C"},
    {"STRING_AGG", true, "rows put together in C"},
    {"TOTAL", true, "CAST(sum(...) AS BIGINT)"},
    {"INSTR", true, "LIKE ... ESCAPE"},
    {"TYPEOF", true, "a column of one type"},
    {"HEX", true, "bytes written in C"},
    {"QUOTE", true, "a parameter"},
    {"LAST_INSERT_ROWID", true, "RETURNING"},
    {"CHANGES", true, "kind :changed"},
    {"JSON", true, "JSON read in C"},
    {"JSON_EXTRACT", true, "JSON read in C"},
    {"JSON_EACH", true, "JSON read in C"},
    {"ROUND", true, "integer arithmetic"},
    {"AVG", true, "sum and count, divided in C"},
};

static void word_check(struct place place, const struct token *token, const struct token *next)
{
    if (token_is(token, "REPLACE") && token_is(next, "("))
        return; /* the function is shared */
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
        const struct difference *d = &differences[i];
        if (token_is(token, d->word) && (!d->is_call || token_is(next, "(")))
            die(place, "%s differs between SQLite and PostgreSQL: use %s", d->word, d->instead);
    }
}

/* INSERT OR IGNORE, UPDATE OR ABORT ... */
static void or_check(struct place place, const struct token *token, const struct token *next)
{
    if ((token_is(token, "INSERT") || token_is(token, "UPDATE")) && token_is(next, "OR"))
        die(place, "%.*s OR ... is SQLite only: use ON CONFLICT (...) DO NOTHING or DO UPDATE",
            (int)token->len, token->at);
}

/* `a IS b` compares in SQLite; in PostgreSQL IS takes only NULL and DISTINCT FROM. */
static void is_check(struct place place, const struct tokens *t, size_t at)
{
    const struct token *next = token_at(t, at + 1);

    if (!token_is(&t->at[at], "IS"))
        return;
    if (token_is(next, "NOT"))
        next = token_at(t, at + 2);
    if (!token_is(next, "NULL") && !token_is(next, "DISTINCT"))
        die(place, "IS before anything but NULL is SQLite only: use IS NOT DISTINCT FROM");
}

/* LIKE has '\' as its escape in PostgreSQL and none in SQLite. */
static void like_check(struct place place, const struct tokens *t, size_t at)
{
    if (!token_is(&t->at[at], "LIKE"))
        return;
    for (size_t i = at + 1; i < t->count && t->at[i].depth >= t->at[at].depth; i++)
        if (token_is(&t->at[i], "ESCAPE"))
            return;
        else if (t->at[i].depth == t->at[at].depth && token_is(&t->at[i], "AND"))
            break;
    die(place, "LIKE without ESCAPE: the databases escape differently; write LIKE :x ESCAPE '~'");
}

/* LIMIT a, b and sums without a type. */
static void list_check(struct place place, const struct tokens *t, size_t at)
{
    if (token_is(&t->at[at], "LIMIT") && token_is(token_at(t, at + 2), ","))
        die(place, "LIMIT a, b is SQLite only: use LIMIT ... OFFSET");
    if (token_is(&t->at[at], "SUM") && token_is(token_at(t, at + 1), "(")) {
        bool is_cast = at >= 2 && token_is(&t->at[at - 1], "(") && token_is(&t->at[at - 2], "CAST");
        bool is_inner =
            at >= 2 && token_is(&t->at[at - 1], "(") && token_is(&t->at[at - 2], "COALESCE");
        if (!is_cast && !is_inner)
            die(place, "sum of bigint is numeric in PostgreSQL: CAST(sum(...) AS BIGINT)");
    }
}

/* max(a, b) is another function in PostgreSQL, and one that SQLite lacks. */
static void scalar_check(struct place place, const struct tokens *t, size_t at)
{
    if (!(token_is(&t->at[at], "MAX") || token_is(&t->at[at], "MIN")) ||
        !token_is(token_at(t, at + 1), "("))
        return;
    for (size_t i = at + 2; i < t->count && t->at[i].depth > t->at[at].depth; i++)
        if (token_is(&t->at[i], ",") && t->at[i].depth == t->at[at].depth + 1)
            die(place, "max and min of several values are SQLite only: use CASE WHEN");
}

/* ... DO UPDATE SET n = n + 1: in PostgreSQL the right n may be the row's or excluded's. */
static void upsert_check(const char *path, const struct tokens *t, size_t at)
{
    const struct token *set = NULL;

    if (!token_is(&t->at[at], "DO") || !token_is(token_at(t, at + 1), "UPDATE"))
        return;
    for (size_t i = at + 2; i < t->count; i++) {
        const struct token *token = &t->at[i], *before = &t->at[i - 1], *after = token_at(t, i + 1);
        bool is_target = token_is(after, "=") && (token_is(before, "SET") || token_is(before, ","));
        if (token_is(token, "WHERE") || token_is(token, "RETURNING"))
            return;
        if (is_target && token->depth == t->at[at].depth)
            set = token;
        else if (set != NULL && token->kind == TOKEN_WORD && token->len == set->len &&
                 memcmp(token->at, set->at, set->len) == 0 && !token_is(before, ".") &&
                 !token_is(after, "."))
            die((struct place){path, token->line},
                "'%.*s' in DO UPDATE SET must be qualified: table.%.*s or excluded.%.*s",
                (int)set->len, set->at, (int)set->len, set->at, (int)set->len, set->at);
    }
}

void dialect_check(const char *path, const struct tokens *tokens)
{
    for (size_t i = 0; i < tokens->count; i++) {
        const struct token *token = &tokens->at[i], *next = token_at(tokens, i + 1);
        struct place place = {path, token->line};
        if (i == 0 || !token_is(&tokens->at[i - 1], "WITHOUT"))
            word_check(place, token, next);
        or_check(place, token, next);
        is_check(place, tokens, i);
        like_check(place, tokens, i);
        list_check(place, tokens, i);
        scalar_check(place, tokens, i);
        upsert_check(path, tokens, i);
    }
}
