/* sqlgen: the queries beside the code, checked against the schema and turned into typed C.
 *
 *     sqlgen --schema FILE --migrations DIR --out DIR FILE.sql...    writes the C and PostgreSQL
 * forms sqlgen --schema FILE --migrations DIR --check                  empty + migrations = schema?
 *     sqlgen --schema FILE --plans "customer journal" FILE.sql...    who walks these large tables?
 *
 * Always: what it lets pass, SQLite prepares; a value's C type, its name's suffix and its column's
 * type agree. */
#include "sqlgen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* It exits with all it took; the leak checker need not tell. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

struct options {
    const char *schema, *migrations, *out, *plans;
    bool is_check;
};

static void usage(void)
{
    fprintf(stderr, "usage: sqlgen --schema FILE (--migrations DIR --out DIR FILE.sql... |\n"
                    "       --migrations DIR --check | --plans TABLES FILE.sql...)\n");
    exit(2);
}

/* Paths as seen from the project, so that what comes out is the same wherever the build runs. */
static const char *path_here(const char *path)
{
    char here[4096];
    size_t len;

    if (getcwd(here, sizeof(here)) == NULL)
        return path;
    len = strlen(here);
    return strncmp(path, here, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

static const char *option_value(char **argv, int argc, int *at)
{
    if (*at + 1 == argc)
        usage();
    return argv[++*at];
}

static void options_read(struct options *options, struct project *project, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--schema") == 0) {
            options->schema = option_value(argv, argc, &i);
        } else if (strcmp(argv[i], "--migrations") == 0) {
            options->migrations = option_value(argv, argc, &i);
        } else if (strcmp(argv[i], "--out") == 0) {
            options->out = option_value(argv, argc, &i);
        } else if (strcmp(argv[i], "--plans") == 0) {
            options->plans = option_value(argv, argc, &i);
        } else if (strcmp(argv[i], "--check") == 0) {
            options->is_check = true;
        } else if (argv[i][0] == '-') {
            usage();
        } else {
            project->files = grow(project->files, project->file_count, sizeof(*project->files));
            project->files[project->file_count++] = (struct query_file){.path = path_here(argv[i])};
        }
    }
    if (options->schema == NULL || (!options->out && !options->plans && !options->is_check))
        usage();
}

static int file_order(const void *a, const void *b)
{
    return strcmp(((const struct query_file *)a)->path, ((const struct query_file *)b)->path);
}

static void query_is_new(const struct project *project, size_t file, size_t at)
{
    const struct query *query = &project->files[file].queries[at];

    for (size_t i = 0; i <= file; i++) {
        size_t end = i == file ? at : project->files[i].query_count;
        for (size_t j = 0; j < end; j++) {
            const struct query *other = &project->files[i].queries[j];
            if (strcmp(other->name, query->name) == 0)
                die(query->place, "query '%s' is a duplicate name: also in %s:%d", query->name,
                    other->place.file, other->place.line);
        }
    }
}

static void names_check(const struct project *project)
{
    for (size_t i = 0; i < project->file_count; i++) {
        for (size_t j = 0; j < i; j++)
            if (strcmp(project->files[i].base, project->files[j].base) == 0)
                die((struct place){project->files[i].path, 0}, "duplicate file name: also %s",
                    project->files[j].path);
        for (size_t j = 0; j < project->files[i].query_count; j++)
            query_is_new(project, i, j);
    }
}

static sqlite3 *queries_read(struct project *project)
{
    sqlite3 *db = schema_open(project);

    schema_solid_columns(project, db);
    schema_tables(project, db);
    if (project->file_count > 0)
        qsort(project->files, project->file_count, sizeof(*project->files), file_order);
    for (size_t i = 0; i < project->file_count; i++)
        query_file_read(&project->files[i]);
    names_check(project);
    for (size_t i = 0; i < project->file_count; i++)
        for (size_t j = 0; j < project->files[i].query_count; j++)
            query_check(db, &project->files[i].queries[j]);
    return db;
}

static void queries_make(struct project *project, const char *out)
{
    sqlite3 *db = queries_read(project);

    mkdir(out, 0777); /* there already: fine; cannot be made: file_put says so */
    for (size_t i = 0; i < project->file_count; i++)
        query_file_emit(&project->files[i], out);
    project_emit(project, out);
    sqlite3_close(db);
}

static int plans_print(struct project *project, const char *tables)
{
    sqlite3 *db = queries_read(project);
    struct text large = {0};
    int found_count = 0;

    text_add(&large, " %s ", tables);
    for (size_t i = 0; i < project->file_count; i++)
        for (size_t j = 0; j < project->files[i].query_count; j++)
            found_count += plan_check(db, &project->files[i].queries[j], large.at);
    sqlite3_close(db);
    return found_count > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct project project = {0};

    options_read(&options, &project, argc, argv);
    project.schema_path = options.schema;
    project.schema = file_text(options.schema, &project.schema_len);
    if (options.migrations != NULL)
        migrations_read(&project, options.migrations);
    if (options.is_check)
        migrations_check(&project);
    else if (options.plans != NULL)
        return plans_print(&project, options.plans);
    else
        queries_make(&project, options.out);
    return 0;
}
