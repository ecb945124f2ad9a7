/* The schema: applied to a database in memory, its own rules checked, and compared with what the
 * migrations make. */
#include "sqlgen.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* Only its name is needed to prepare; host/ has what it does. */
static void has_bit(sqlite3_context *call, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    sqlite3_result_int(call, 0);
}

static sqlite3 *memory_open(void)
{
    sqlite3 *db;

    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        die((struct place){NULL, 0}, "SQLite does not start");
    /* A double-quoted name that does not exist must not quietly become a text. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
    sqlite3_create_function(db, "has_bit", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, has_bit,
                            NULL, NULL);
    return db;
}

static int line_of(const char *sql, long offset)
{
    int line = 1;

    for (long i = 0; i < offset; i++)
        line += sql[i] == '\n';
    return line;
}

/* Statement by statement, so that an error has its line. */
static void script_run(sqlite3 *db, const char *path, const char *sql)
{
    const char *at = sql, *tail;
    sqlite3_stmt *stmt;

    for (; *at != '\0'; at = tail) {
        int rc = sqlite3_prepare_v2(db, at, -1, &stmt, &tail);
        if (rc == SQLITE_OK && stmt != NULL)
            rc = sqlite3_step(stmt);
        if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW) {
            int offset = sqlite3_error_offset(db);
            die((struct place){path, line_of(sql, at - sql + (offset < 0 ? 0 : offset))}, "%s",
                sqlite3_errmsg(db));
        }
        sqlite3_finalize(stmt);
    }
}

/* ---- the schema's own rules ------------------------------------------------------------------ */

/* The line on which a word first stands, so that a finding about a column points somewhere. */
static struct place schema_place(const struct project *project, const char *table, const char *word)
{
    struct tokens tokens =
        tokens_read((struct place){project->schema_path, 1}, project->schema, project->schema_len);
    bool is_inside = false;

    for (size_t i = 0; i < tokens.count; i++) {
        is_inside = is_inside || (token_is(&tokens.at[i], table) && i > 0 &&
                                  token_is(&tokens.at[i - 1], "TABLE"));
        if (is_inside && token_is(&tokens.at[i], word))
            return (struct place){project->schema_path, tokens.at[i].line};
    }
    return (struct place){project->schema_path, 0};
}

static void column_check(const struct project *project, const char *table, sqlite3_stmt *column)
{
    const char *name = (const char *)sqlite3_column_text(column, 0);
    const char *declared = (const char *)sqlite3_column_text(column, 1);
    const char *wanted = type_word(type_of_name(name, strlen(name)));
    struct place place = schema_place(project, table, name);

    name_check(place, name, "column");
    if (strncmp(declared, wanted, strlen(declared)) != 0 || strlen(declared) < 4)
        die(place, "column %s.%s is %s, but its name says %s", table, name, declared, wanted);
}

static void table_check(const struct project *project, sqlite3 *db, const char *table,
                        bool is_strict)
{
    struct place place = schema_place(project, table, table);
    sqlite3_stmt *stmt;

    if (!is_strict)
        die(place, "table %s is not STRICT", table);
    sqlite3_prepare_v2(db, "SELECT name, type FROM pragma_table_xinfo(?1) ORDER BY cid", -1, &stmt,
                       NULL);
    sqlite3_bind_text(stmt, 1, table, -1, SQLITE_TRANSIENT);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        column_check(project, table, stmt);
    sqlite3_finalize(stmt);
}

static void tables_check(const struct project *project, sqlite3 *db)
{
    sqlite3_stmt *stmt;

    sqlite3_prepare_v2(db,
                       "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' "
                       "AND type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
                       -1, &stmt, NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        table_check(project, db, (const char *)sqlite3_column_text(stmt, 0),
                    sqlite3_column_int(stmt, 1) != 0);
    sqlite3_finalize(stmt);
}

sqlite3 *schema_open(const struct project *project)
{
    struct place start = {project->schema_path, 1};
    struct tokens tokens = tokens_read(start, project->schema, project->schema_len);
    sqlite3 *db = memory_open();

    dialect_check(project->schema_path, &tokens);
    script_run(db, project->schema_path, project->schema);
    tables_check(project, db);
    return db;
}

void schema_solid_columns(struct project *project, sqlite3 *db)
{
    sqlite3_stmt *stmt;

    sqlite3_prepare_v2(db,
                       "SELECT x.name FROM pragma_table_list AS t, pragma_table_xinfo(t.name) AS x "
                       "WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite%' "
                       "GROUP BY x.name HAVING min(x.\"notnull\") = 1",
                       -1, &stmt, NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        project->solid_columns =
            grow(project->solid_columns, project->solid_count, sizeof(*project->solid_columns));
        project->solid_columns[project->solid_count++] = copy(name, strlen(name));
    }
    sqlite3_finalize(stmt);
}

static void table_read(sqlite3 *db, struct table *table)
{
    struct text key = {0};
    sqlite3_stmt *stmt;

    sqlite3_prepare_v2(db, "SELECT name, pk FROM pragma_table_xinfo(?1) ORDER BY cid", -1, &stmt,
                       NULL);
    sqlite3_bind_text(stmt, 1, table->name, -1, SQLITE_TRANSIENT);
    text_bytes(&key, "", 0);
    while (sqlite3_step(stmt) == SQLITE_ROW && table->column_count < COLUMN_MAX) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        table->columns[table->column_count++] = copy(name, strlen(name));
        if (sqlite3_column_int(stmt, 1) > 0)
            text_add(&key, "%s%s", key.len > 0 ? ", " : "", name);
    }
    sqlite3_finalize(stmt);
    table->key = key.at;
}

void schema_tables(struct project *project, sqlite3 *db)
{
    sqlite3_stmt *stmt;

    sqlite3_prepare_v2(db,
                       "SELECT name FROM sqlite_schema WHERE type = 'table' "
                       "AND name NOT LIKE 'sqlite%' ORDER BY rowid",
                       -1, &stmt, NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        struct table *table;
        project->tables = grow(project->tables, project->table_count, sizeof(*project->tables));
        table = &project->tables[project->table_count++];
        *table = (struct table){.name = copy(name, strlen(name))};
        table_read(db, table);
    }
    sqlite3_finalize(stmt);
}

/* ---- migrations ------------------------------------------------------------------------------ */

static int migration_order(const void *a, const void *b)
{
    return strcmp(((const struct migration *)a)->path, ((const struct migration *)b)->path);
}

static struct migration migration_read(const char *dir, const char *name)
{
    struct migration migration = {0};
    struct text path = {0};

    text_add(&path, "%s/%s", dir, name);
    migration.path = path.at;
    migration.number = atoi(name);
    migration.name = copy(name, strlen(name) - strlen(".sql"));
    if (strspn(name, "0123456789") != 4 || name[4] != '_')
        die((struct place){path.at, 0}, "a migration is named NNNN_what.sql");
    migration.sql = file_text(path.at, &migration.sql_len);
    return migration;
}

void migrations_read(struct project *project, const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 4, ".sql") != 0)
            continue;
        project->migrations =
            grow(project->migrations, project->migration_count, sizeof(*project->migrations));
        project->migrations[project->migration_count++] = migration_read(path, entry->d_name);
    }
    if (dir != NULL)
        closedir(dir);
    if (project->migration_count == 0)
        return;
    qsort(project->migrations, project->migration_count, sizeof(*project->migrations),
          migration_order);
    for (size_t i = 0; i < project->migration_count; i++)
        if (project->migrations[i].number != (int)i + 1)
            die((struct place){project->migrations[i].path, 0}, "number %04d was expected here",
                (int)i + 1);
}

/* One line a table or index: its statement in tokens, without white space and comments. */
static struct text shape_of(sqlite3 *db)
{
    struct text shape = {0};
    sqlite3_stmt *stmt;

    text_bytes(&shape, "", 0);
    sqlite3_prepare_v2(db,
                       "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL "
                       "AND name NOT LIKE 'sqlite%' ORDER BY type DESC, name",
                       -1, &stmt, NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *sql = (const char *)sqlite3_column_text(stmt, 2);
        struct tokens tokens = tokens_read((struct place){"sqlite_schema", 1}, sql, strlen(sql));
        for (size_t i = 0; i < tokens.count; i++)
            text_add(&shape, "%s%.*s", i > 0 ? " " : "", (int)tokens.at[i].len, tokens.at[i].at);
        text_add(&shape, "\n");
    }
    sqlite3_finalize(stmt);
    return shape;
}

void migrations_check(const struct project *project)
{
    sqlite3 *wanted = schema_open(project), *made = memory_open();
    struct text want, have;
    size_t same = 0, line = 0;

    for (size_t i = 0; i < project->migration_count; i++)
        script_run(made, project->migrations[i].path, project->migrations[i].sql);
    want = shape_of(wanted);
    have = shape_of(made);
    if (strcmp(want.at, have.at) == 0)
        return;
    for (; want.at[same] == have.at[same]; same++)
        if (want.at[same] == '\n')
            line = same + 1;
    die((struct place){project->schema_path, 0},
        "empty + migrations is something else\nschema:     %.*s\nmigrations: %.*s",
        (int)strcspn(want.at + line, "\n"), want.at + line, (int)strcspn(have.at + line, "\n"),
        have.at + line);
}
