/* What the parts of sqlgen share. sqlgen is a build tool: it turns the queries beside the code into typed C, and stops the
 * build where a query and the schema disagree. It runs once and exits, so nothing it allocates is freed. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#define PARAM_MAX 64
#define COLUMN_MAX 64
#define POSITIONAL_MAX 3 /* more arguments than this become a struct */

/* ---- errors: file:line: error: what, then exit 1 ---------------------------------------------- */

struct place {
    const char *file;
    int line;
};
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
_Noreturn void die(struct place at, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- text ---------------------------------------------------------------------------------- */

struct text {
    char *at; /* always terminated once something was added */
    size_t len, cap;
};
void text_bytes(struct text *text, const char *at, size_t len);
void text_add(struct text *text, const char *fmt, ...) PRINTF_LIKE(2, 3);
void text_literal(struct text *text, const char *s, size_t len); /* as a C string, without the quotes */
void *grow(void *at, size_t count, size_t item_bytes); /* room for one more behind `count` items */
char *copy(const char *at, size_t len);
char *file_text(const char *path, size_t *len);
bool file_is_there(const char *path);
void file_put(const char *dir, const char *name, const struct text *text); /* only if it changed */

/* ---- tokens -------------------------------------------------------------------------------- */

enum token_kind { TOKEN_WORD, TOKEN_NUMBER, TOKEN_STRING, TOKEN_PARAM, TOKEN_PUNCT };
struct token {
    enum token_kind kind;
    const char *at; /* a parameter without its colon */
    size_t len;
    int line;
    int depth;        /* of parentheses around it */
    bool has_blank;   /* white space or a comment stands before it */
};
struct tokens {
    struct token *at;
    size_t count;
};
/* Reads SQL text that begins on line `start.line`; refuses what no query may contain. */
struct tokens tokens_read(struct place start, const char *at, size_t len);
bool token_is(const struct token *token, const char *word); /* letters of either case */
const struct token *token_at(const struct tokens *tokens, size_t at); /* past the end: an empty token */

/* ---- queries ------------------------------------------------------------------------------- */

enum type { TYPE_INT, TYPE_BOOL, TYPE_TEXT, TYPE_BYTES };
enum kind { KIND_ONE, KIND_MANY, KIND_EACH, KIND_EXEC, KIND_CHANGED, KIND_BATCH, KIND_LOOKUP };

struct field {
    const char *name;
    enum type type;
    const char *from_ctx; /* a parameter that the ctx knows: its C expression; else NULL */
};
struct query {
    struct place place; /* of its -- name line */
    const char *name;
    enum kind kind;
    const char *sql; /* as written, from the line after -- name */
    size_t sql_len;
    struct tokens tokens;
    struct field params[PARAM_MAX];
    int param_count;
    struct field columns[COLUMN_MAX];
    int column_count;
    bool is_write;
    bool may_scan; /* a line "-- scan: why" */
    bool is_part;  /* text for other queries, gone after parts_expand */
};
struct query_file {
    const char *path;
    const char *base; /* "coupon" of src/x/coupon.sql */
    size_t head_len; /* of what stands before the first query */
    struct query *queries;
    size_t query_count;
};
struct migration {
    int number;
    const char *path, *name, *sql;
    size_t sql_len;
};
struct table {
    const char *name, *key; /* "a, b": the columns of its primary key */
    const char *columns[COLUMN_MAX];
    int column_count;
};
struct project {
    const char *schema_path;
    char *schema;
    size_t schema_len;
    struct query_file *files;
    size_t file_count;
    struct migration *migrations;
    size_t migration_count;
    struct table *tables; /* in the schema's order: a table stands behind those it points at */
    size_t table_count;
    const char **solid_columns; /* NOT NULL in every table that has a column of this name */
    size_t solid_count;
};

enum type type_of_name(const char *name, size_t len);
const char *type_word(enum type type);
void name_check(struct place place, const char *name, const char *what); /* fit to be a C name */
void query_file_read(struct query_file *file);               /* sqlgen_parse.c */
void parts_expand(struct query_file *file); /* sqlgen_part.c; the first step */
void scope_expand(struct query *query); /* sqlgen_scope.c; before the tokens are read */
void migrations_read(struct project *project, const char *dir); /* sqlgen_schema.c */
sqlite3 *schema_open(const struct project *project);         /* a database in memory with the schema, checked */
void schema_solid_columns(struct project *project, sqlite3 *db);
void schema_tables(struct project *project, sqlite3 *db);
void migrations_check(const struct project *project);        /* empty + migrations = schema */
void query_check(sqlite3 *db, struct query *query);          /* sqlgen_check.c; fills columns */
void dialect_check(const char *path, const struct tokens *tokens); /* sqlgen_dialect.c: what the databases do not share */
int plan_check(sqlite3 *db, const struct query *query, const char *large_tables); /* sqlgen_plan.c */
void sqlite_form(const struct query *query, struct text *out); /* sqlgen_forms.c */
void postgres_form(const struct project *project, const struct query *query, struct text *out);
const char *postgres_type(enum type type);
void postgres_script(const struct project *project, const char *path, const char *sql, size_t len,
                     struct text *out); /* statements of a schema or a migration */
void postgres_write(const struct project *project, struct text *out);
void query_file_emit(const struct query_file *file, const char *dir); /* sqlgen_emit.c */
void project_emit(const struct project *project, const char *dir);
