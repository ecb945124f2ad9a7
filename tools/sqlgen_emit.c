/* The C that comes out: gen/X.q.h and gen/X.q.c a file of queries, and what all queries share. */
#include "sqlgen.h"

#include <ctype.h>
#include <string.h>

#define HEAD "/* Made by sqlgen from %s: edit that. */\n"

static bool takes_rows(const struct query *query)
{
    return query->kind == KIND_BATCH || query->kind == KIND_LOOKUP;
}

static int argument_count(const struct query *query)
{
    int count = 0;

    for (int i = 0; i < query->param_count; i++)
        count += query->params[i].from_ctx == NULL;
    return count;
}

static bool has_in(const struct query *query)
{
    return argument_count(query) > POSITIONAL_MAX || takes_rows(query);
}

static const char *c_type(enum type type)
{
    static const char *const types[] = {"int64_t", "bool", "struct str", "struct str"};

    return types[type];
}

static const char *upper(const char *name)
{
    char *made = copy(name, strlen(name));

    for (char *at = made; *at != '\0'; at++)
        *at = (char)toupper((unsigned char)*at);
    return made;
}

/* ---- the header ------------------------------------------------------------------------------ */

static void emit_structs(const struct query *query, struct text *out)
{
    if (has_in(query)) {
        text_add(out, "struct q_%s_in {\n", query->name);
        for (int i = 0; i < query->param_count; i++)
            if (query->params[i].from_ctx == NULL)
                text_add(out, "    %s %s;\n", c_type(query->params[i].type), query->params[i].name);
        text_add(out, "};\n");
    }
    if (query->column_count > 0) {
        text_add(out, "struct q_%s_row {\n", query->name);
        for (int i = 0; i < query->column_count; i++)
            text_add(out, "    %s %s;\n", c_type(query->columns[i].type), query->columns[i].name);
        text_add(out, "};\n");
    }
}

static void emit_arguments(const struct query *query, struct text *out)
{
    if (takes_rows(query)) {
        text_add(out, ", const struct q_%s_in *rows, int64_t count", query->name);
        return;
    }
    if (has_in(query)) {
        text_add(out, ", const struct q_%s_in *in", query->name);
        return;
    }
    for (int i = 0; i < query->param_count; i++)
        if (query->params[i].from_ctx == NULL)
            text_add(out, ", %s %s", c_type(query->params[i].type), query->params[i].name);
}

static void emit_signature(const struct query *query, struct text *out)
{
    const char *name = query->name;

    text_add(out, "enum err q_%s(struct ctx *c", name);
    emit_arguments(query, out);
    if (query->kind == KIND_ONE)
        text_add(out, ", struct q_%s_row *out", name);
    else if (query->kind == KIND_MANY)
        text_add(out, ", struct list *out");
    else if (query->kind == KIND_EACH)
        text_add(out, ",\n    enum err (*each)(void *user, const struct q_%s_row *row), void *user",
                 name);
    else if (query->kind == KIND_CHANGED)
        text_add(out, ", int64_t *changed_count");
    else if (query->kind == KIND_BATCH)
        text_add(out, ", int64_t *changed_each");
    else if (query->kind == KIND_LOOKUP)
        text_add(out, ", struct q_%s_row *out_rows", name);
    text_add(out, ")");
}

static void emit_header(const struct query_file *file, struct text *out)
{
    text_add(out, HEAD "#pragma once\n\n#include \"kit/ctx.h\"\n", file->path);
    for (size_t i = 0; i < file->query_count; i++) {
        text_add(out, "\n");
        emit_structs(&file->queries[i], out);
        emit_signature(&file->queries[i], out);
        text_add(out, " MUST_USE;\n");
    }
}

/* ---- bind and read --------------------------------------------------------------------------- */

static void emit_bind_one(const struct field *field, int number, const char *from, struct text *out)
{
    static const char *const calls[] = {"db_bind_int", "db_bind_int", "db_bind_text",
                                        "db_bind_blob"};

    text_add(out, "    %s(stmt, %d, ", calls[field->type], number);
    if (field->from_ctx != NULL)
        text_add(out, "%s);\n", field->from_ctx);
    else
        text_add(out, "%s%s);\n", from, field->name);
}

/* Every place of the statement gets its value: a kept statement still has those of its last run. */
static void emit_bind(const struct query *query, struct text *out)
{
    bool is_used = argument_count(query) < query->param_count;

    if (!has_in(query)) {
        for (int i = 0; i < query->param_count; i++)
            emit_bind_one(&query->params[i], i + 1, "", out);
        return;
    }
    text_add(out, "    bind_%s(%sstmt, %s);\n", query->name, is_used ? "c, " : "",
             takes_rows(query) ? "&rows[k]" : "in");
}

static void emit_bind_function(const struct query *query, struct text *out)
{
    bool is_used = argument_count(query) < query->param_count;

    if (!has_in(query))
        return;
    text_add(out, "static void bind_%s(%sstruct db_stmt *stmt, const struct q_%s_in *in)\n{\n",
             query->name, is_used ? "const struct ctx *c, " : "", query->name);
    if (argument_count(query) == 0)
        text_add(out, "    (void)in;\n");
    for (int i = 0; i < query->param_count; i++)
        emit_bind_one(&query->params[i], i + 1, "in->", out);
    text_add(out, "}\n\n");
}

static bool needs_arena(const struct query *query)
{
    for (int i = 0; i < query->column_count; i++)
        if (query->columns[i].type >= TYPE_TEXT)
            return true;
    return false;
}

static void emit_read_function(const struct query *query, struct text *out)
{
    static const char *const calls[] = {"db_int", "db_int", "db_text", "db_blob"};
    static const char *const rests[] = {"", " > 0", ", arena", ", arena"};

    if (query->column_count == 0)
        return;
    text_add(out, "static void read_%s(struct db_stmt *stmt, %sstruct q_%s_row *row)\n{\n",
             query->name, needs_arena(query) ? "struct arena *arena, " : "", query->name);
    for (int i = 0; i < query->column_count; i++) {
        enum type type = query->columns[i].type;
        bool is_bool = type == TYPE_BOOL;
        text_add(out, "    row->%s = %s(stmt, %d%s)%s;\n", query->columns[i].name, calls[type], i,
                 is_bool ? "" : rests[type], is_bool ? rests[type] : "");
    }
    text_add(out, "}\n\n");
}

static void emit_none(const struct query *query, struct text *out)
{
    if (query->kind != KIND_ONE && query->kind != KIND_LOOKUP)
        return;
    text_add(out, "static const struct q_%s_row none_%s = {", query->name, query->name);
    for (int i = 0; i < query->column_count; i++)
        text_add(out, "%s.%s = %s", i > 0 ? ", " : "", query->columns[i].name,
                 query->columns[i].type == TYPE_INT    ? "NONE"
                 : query->columns[i].type == TYPE_BOOL ? "false"
                                                       : "{NULL, 0}");
    text_add(out, "};\n\n");
}

/* ---- the bodies: one a kind ------------------------------------------------------------------ */

static void emit_start(const struct query *query, struct text *out)
{
    text_add(out, "    TRY(ctx_statement(c, Q_%s));\n", upper(query->name));
    text_add(out, "    err = db_start(c->db, Q_%s, &stmt);\n", upper(query->name));
    text_add(out, "    if (err != OK)\n        return ctx_db_failed(c, err, \"%s\");\n",
             query->name);
}

static void emit_failed(const struct query *query, struct text *out)
{
    text_add(out, "    if (err != OK)\n        return ctx_db_failed(c, err, \"%s\");\n",
             query->name);
}

static const char *arena_argument(const struct query *query)
{
    if (!needs_arena(query))
        return "";
    return query->kind == KIND_EACH ? "NULL, " : "c->arena, ";
}

/* A write with RETURNING is stepped to its end: only then are its foreign keys checked. */
static void emit_one(const struct query *query, struct text *out)
{
    text_add(out, "    struct db_stmt *stmt;\n    bool has_row%s;\n    enum err err;\n\n",
             query->is_write ? ", has_more" : "");
    text_add(out, "    *out = none_%s;\n", query->name);
    emit_start(query, out);
    emit_bind(query, out);
    text_add(out, "    err = db_step(stmt, &has_row);\n    if (err == OK && has_row)\n");
    text_add(out, "        read_%s(stmt, %sout);\n", query->name, arena_argument(query));
    if (query->is_write)
        text_add(out, "    if (err == OK && has_row)\n        err = db_step(stmt, &has_more);\n");
    text_add(out, "    db_end(stmt);\n");
    emit_failed(query, out);
    text_add(out, "    return has_row ? OK : E_NOT_FOUND;\n");
}

static void emit_many(const struct query *query, struct text *out)
{
    text_add(out, "    struct db_stmt *stmt;\n    int64_t cap = 0;\n    bool has_row;\n    enum "
                  "err err;\n\n");
    text_add(out, "    *out = (struct list){0};\n");
    emit_start(query, out);
    emit_bind(query, out);
    text_add(out, "    while ((err = db_step(stmt, &has_row)) == OK && has_row)\n");
    text_add(out,
             "        read_%s(stmt, %slist_add(c->arena, out, &cap, sizeof(struct q_%s_row)));\n",
             query->name, arena_argument(query), query->name);
    text_add(out, "    db_end(stmt);\n");
    emit_failed(query, out);
    text_add(out, "    return OK;\n");
}

static void emit_each(const struct query *query, struct text *out)
{
    text_add(out, "    struct db_stmt *stmt;\n    struct q_%s_row row;\n", query->name);
    text_add(out, "    enum err err, answer = OK;\n    bool has_row;\n\n");
    emit_start(query, out);
    emit_bind(query, out);
    text_add(out,
             "    while (answer == OK && (err = db_step(stmt, &has_row)) == OK && has_row) {\n");
    text_add(out, "        read_%s(stmt, %s&row);\n", query->name, arena_argument(query));
    text_add(out, "        answer = each(user, &row);\n    }\n    db_end(stmt);\n");
    emit_failed(query, out);
    text_add(out, "    return answer;\n");
}

static void emit_exec(const struct query *query, struct text *out)
{
    bool is_counted = query->kind == KIND_CHANGED;

    text_add(out, "    struct db_stmt *stmt;\n    bool has_row;\n    enum err err;\n\n");
    if (is_counted)
        text_add(out, "    *changed_count = 0;\n");
    emit_start(query, out);
    emit_bind(query, out);
    text_add(out, "    err = db_step(stmt, &has_row);\n");
    text_add(out, is_counted ? "    *changed_count = db_end(stmt);\n" : "    db_end(stmt);\n");
    emit_failed(query, out);
    text_add(out, "    return OK;\n");
}

/* A page at a time: so many executions are sent before the first answer is read (one, on SQLite).
 */
static void emit_pages(const struct query *query, struct text *out)
{
    text_add(out, "    for (int64_t i = 0, page = 0; i < count && err == OK; i += page) {\n");
    text_add(out, "        page = db_page(stmt, count - i);\n");
    text_add(out, "        for (int64_t k = i; k < i + page; k++) {\n        ");
    emit_bind(query, out);
    text_add(out, "            db_send(stmt);\n        }\n");
    text_add(out, "        for (int64_t k = i; k < i + page && err == OK; k++) {\n");
}

static void emit_batch(const struct query *query, struct text *out)
{
    text_add(out, "    struct db_stmt *stmt;\n    int64_t changed;\n    enum err err;\n    bool "
                  "has_row;\n\n");
    emit_start(query, out);
    emit_pages(query, out);
    text_add(out, "            err = db_step(stmt, &has_row);\n");
    text_add(out, "            changed = db_rewind(stmt);\n");
    text_add(out, "            if (changed_each != NULL)\n                changed_each[k] = "
                  "changed;\n        }\n    }\n");
    text_add(out, "    db_end(stmt);\n");
    emit_failed(query, out);
    text_add(out, "    return OK;\n");
}

static void emit_lookup(const struct query *query, struct text *out)
{
    text_add(out, "    struct db_stmt *stmt;\n    enum err err;\n    bool has_row;\n\n");
    emit_start(query, out);
    emit_pages(query, out);
    text_add(out, "            out_rows[k] = none_%s;\n", query->name);
    text_add(out, "            err = db_step(stmt, &has_row);\n            if (err == OK && "
                  "has_row)\n");
    text_add(out, "                read_%s(stmt, %s&out_rows[k]);\n", query->name,
             arena_argument(query));
    if (query->is_write)
        text_add(out, "            if (err == OK && has_row)\n                err = db_step(stmt, "
                      "&has_row);\n");
    text_add(out, "            db_rewind(stmt);\n        }\n    }\n    db_end(stmt);\n");
    emit_failed(query, out);
    text_add(out, "    return OK;\n");
}

static void emit_function(const struct query *query, struct text *out)
{
    static void (*const bodies[])(const struct query *, struct text *) = {
        emit_one, emit_many, emit_each, emit_exec, emit_exec, emit_batch, emit_lookup};

    emit_bind_function(query, out);
    emit_read_function(query, out);
    emit_none(query, out);
    emit_signature(query, out);
    text_add(out, "\n{\n");
    bodies[query->kind](query, out);
    text_add(out, "}\n\n");
}

void query_file_emit(const struct query_file *file, const char *dir)
{
    struct text header = {0}, code = {0}, name = {0};

    emit_header(file, &header);
    text_add(&code, HEAD "#include \"gen/%s.q.h\"\n\n#include \"gen/queries_id.h\"\n", file->path,
             file->base);
    text_add(&code, "#include \"host/db.h\"\n\n");
    for (size_t i = 0; i < file->query_count; i++)
        emit_function(&file->queries[i], &code);
    text_add(&name, "%s.q.h", file->base);
    file_put(dir, name.at, &header);
    name.len = 0;
    text_add(&name, "%s.q.c", file->base);
    file_put(dir, name.at, &code);
}

/* ---- what all queries share ------------------------------------------------------------------ */

static void emit_query_row(const struct project *project, const struct query *query,
                           struct text *out)
{
    struct text sqlite = {0}, postgres = {0};

    sqlite_form(query, &sqlite);
    postgres_form(project, query, &postgres);
    text_add(out, "    {\"%s\",\n     \"", query->name);
    text_literal(out, sqlite.at, sqlite.len);
    text_add(out, "\",\n     \"");
    text_literal(out, postgres.at, postgres.len);
    text_add(out, "\",\n     %s, %s},\n", query->is_write ? "true" : "false",
             query->kind == KIND_EACH ? "true" : "false");
}

static void emit_script(const char *at, size_t len, struct text *out)
{
    const char *end = at + len;

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        const char *next = line_end == NULL ? end : line_end + 1;
        text_add(out, "     \"");
        text_literal(out, at, (size_t)(next - at));
        text_add(out, "\"\n");
        at = next;
    }
    text_add(out, "     \"\"");
}

static void emit_migration(const struct project *project, const struct migration *migration,
                           struct text *out)
{
    struct text postgres = {0};

    postgres_script(project, migration->path, migration->sql, migration->sql_len, &postgres);
    text_add(out, "    {%d, \"%s\",\n", migration->number, migration->name);
    emit_script(migration->sql, migration->sql_len, out);
    text_add(out, ",\n");
    emit_script(postgres.at, postgres.len, out);
    text_add(out, "},\n");
}

static void emit_columns(const struct table *table, struct text *out)
{
    for (int i = 0; i < table->column_count; i++)
        text_add(out, "%s%s", i > 0 ? ", " : "", table->columns[i]);
}

/* Two queries a table, behind the program's own: what a copy from one base into another reads and
 * writes. */
static void emit_table_queries(const struct table *table, struct text *out)
{
    struct text read = {0}, write = {0};

    text_add(&read, "SELECT ");
    emit_columns(table, &read);
    text_add(&read, " FROM %s ORDER BY %s", table->name, table->key);
    text_add(&write, "INSERT INTO %s (", table->name);
    emit_columns(table, &write);
    text_add(&write, ") VALUES (");
    text_add(out, "    {\"copy_%s\",\n     \"%s\",\n     \"%s\",\n     false, true},\n",
             table->name, read.at, read.at);
    text_add(out, "    {\"paste_%s\",\n     \"%s", table->name, write.at);
    for (int i = 0; i < table->column_count; i++)
        text_add(out, "%s?%d", i > 0 ? ", " : "", i + 1);
    text_add(out, ")\",\n     \"%s", write.at);
    for (int i = 0; i < table->column_count; i++)
        text_add(out, "%s$%d::%s", i > 0 ? ", " : "", i + 1,
                 postgres_type(type_of_name(table->columns[i], strlen(table->columns[i]))));
    text_add(out, ")\",\n     true, false},\n");
}

static void emit_tables(const struct project *project, int query, struct text *out)
{
    static const char letters[] = "iitb"; /* by enum type */

    text_add(out, "const struct db_table db_tables[] = {\n");
    for (size_t i = 0; i < project->table_count; i++) {
        const struct table *table = &project->tables[i];
        text_add(out, "    {\"%s\", \"", table->name);
        for (int j = 0; j < table->column_count; j++)
            text_add(out, "%c",
                     letters[type_of_name(table->columns[j], strlen(table->columns[j]))]);
        text_add(out, "\", %d, %d},\n", query, query + 1);
        query += 2;
    }
    text_add(out, "    {NULL, NULL, 0, 0},\n};\n\n");
}

static void emit_queries(const struct project *project, struct text *out)
{
    int count = 0;

    text_add(out, HEAD "#include \"host/db.h\"\n\n", "the queries and migrations");
    text_add(out, "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n\n");
    text_add(out, "const struct db_query db_queries[] = {\n");
    for (size_t i = 0; i < project->file_count; i++)
        for (size_t j = 0; j < project->files[i].query_count; j++, count++)
            emit_query_row(project, &project->files[i].queries[j], out);
    for (size_t i = 0; i < project->table_count; i++)
        emit_table_queries(&project->tables[i], out);
    text_add(out, "    {NULL, NULL, NULL, false, false},\n};\nconst int db_query_count = %d;\n\n",
             count + 2 * (int)project->table_count);
    emit_tables(project, count, out);
    text_add(out, "const struct db_migration db_migrations[] = {\n");
    for (size_t i = 0; i < project->migration_count; i++)
        emit_migration(project, &project->migrations[i], out);
    text_add(out, "    {0, NULL, NULL, NULL},\n};\nconst int db_migration_count = %zu;\n",
             project->migration_count);
}

static void emit_ids(const struct project *project, struct text *out)
{
    text_add(out, HEAD "#pragma once\n\nenum {\n", "the queries");
    for (size_t i = 0; i < project->file_count; i++)
        for (size_t j = 0; j < project->files[i].query_count; j++)
            text_add(out, "    Q_%s,\n", upper(project->files[i].queries[j].name));
    text_add(out, "    Q_COUNT\n};\n");
}

void project_emit(const struct project *project, const char *dir)
{
    struct text queries = {0}, ids = {0}, postgres = {0};

    emit_queries(project, &queries);
    emit_ids(project, &ids);
    postgres_write(project, &postgres);
    file_put(dir, "queries.c", &queries);
    file_put(dir, "queries_id.h", &ids);
    file_put(dir, "postgres.sql", &postgres);
}
