/* Every file of test/sqlgen/bad and bad_schema stops sqlgen with the line and the words that its
 * first line expects. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SQLGEN BUILD_DIR "/sqlgen"
#define OUT BUILD_DIR "/sqlgen_bad"

struct told {
    int status;
    char text[4000];
};

static struct told command_run(const char *command)
{
    struct told told = {0};
    size_t len;
    FILE *pipe;

    pipe = popen(command, "r");
    assert_non_null(pipe);
    len = fread(told.text, 1, sizeof(told.text) - 1, pipe);
    told.text[len] = '\0';
    told.status = pclose(pipe);
    return told;
}

static struct told sqlgen_run(const char *schema, const char *file)
{
    char command[4000];

    snprintf(command, sizeof(command), SQLGEN " --schema %s --out " OUT " %s 2>&1", schema, file);
    return command_run(command);
}

static struct told sqlgen_plans(const char *schema, const char *tables, const char *files)
{
    char command[4000];

    snprintf(command, sizeof(command), SQLGEN " --schema %s --plans \"%s\" %s 2>&1", schema, tables,
             files);
    return command_run(command);
}

static void first_line(const char *path, char line[500])
{
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_non_null(fgets(line, 500, file));
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
}

/* "-- expect 3: words" */
static void file_is_refused(const char *path, bool is_schema)
{
    char line[500], start[1200], *words;
    struct told told;
    struct stat info;
    long number;

    first_line(path, line);
    assert_int_equal(strncmp(line, "-- expect ", 10), 0);
    number = strtol(line + 10, &words, 10);
    assert_int_equal(strncmp(words, ": ", 2), 0);
    told = is_schema ? sqlgen_run(path, "test/sqlgen/bad/table.sql")
                     : sqlgen_run("test/sqlgen/schema.sql", path);
    snprintf(start, sizeof(start), "%s:%ld: error: ", path, number);
    if (strncmp(told.text, start, strlen(start)) != 0 || strstr(told.text, words + 2) == NULL)
        fail_msg("%s\n  expected %ld%s\n  got      %s", path, number, words, told.text);
    assert_true(WIFEXITED(told.status));
    assert_int_equal(WEXITSTATUS(told.status), 1);
    assert_int_not_equal(stat(OUT, &info), 0); /* nothing was written */
}

static void folder_is_refused(const char *folder, bool is_schema, int at_least)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[1000];
    int count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        file_is_refused(path, is_schema);
        count++;
    }
    closedir(dir);
    assert_true(count >= at_least);
}

static void bad_queries_are_refused(void **state)
{
    (void)state;
    folder_is_refused("test/sqlgen/bad", false, 35);
}

static void bad_schemas_are_refused(void **state)
{
    (void)state;
    folder_is_refused("test/sqlgen/bad_schema", true, 5);
}

/* Empty + migrations = schema.sql; and the comparison does see a difference. */
static void migrations_lead_to_the_schema(void **state)
{
    (void)state;
    if (system(SQLGEN " --schema db/schema.sql --migrations db/migrations --check") != 0)
        fail_msg("db/migrations do not lead to db/schema.sql");
    assert_int_not_equal(
        system(SQLGEN
               " --schema test/sqlgen/schema.sql --migrations db/migrations --check 2>/dev/null"),
        0);
}

/* The tables that grow with the shop. */
#define LARGE                                                                                      \
    "customer identity customer_tag product shop_order order_line refund journal message "         \
    "import_reject reply_a reply_b session"

/* No query walks a whole large table without a line that says why; and a walk is noticed. */
static void large_tables_are_not_walked(void **state)
{
    struct told told;

    (void)state;
    told = sqlgen_plans("db/schema.sql", LARGE, "$(find src -name '*.sql')");
    if (told.status != 0)
        fail_msg("an index, or a line `-- scan: why`, is missing:\n%s", told.text);
    told = sqlgen_plans("test/sqlgen/schema.sql", "coupon", "test/sqlgen/sample.sql");
    assert_int_equal(WEXITSTATUS(told.status), 1);
    assert_non_null(strstr(told.text, "sample.sql:26: query 'coupon_sum': SCAN coupon"));
    assert_non_null(strstr(told.text, "query 'coupon_each'"));
    assert_null(strstr(told.text, "query 'coupon_get'"));
    assert_null(strstr(told.text, "query 'coupon_like'")); /* says why */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_queries_are_refused),
        cmocka_unit_test(bad_schemas_are_refused),
        cmocka_unit_test(migrations_lead_to_the_schema),
        cmocka_unit_test(large_tables_are_not_walked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
