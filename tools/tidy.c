/* tidy: the house rules of STYLE.md as a program. `tidy ROOT` reads ROOT's sources, prints
 * "file:line: what is wrong" for each breach and ends with 1 when there was one. A breach is
 * excused by a comment `tidy: why` on its line or on the one above. */
#include "tidy.h"

#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int breach_count, file_count;
static char **paths;
static int path_count;

void report(const struct file *file, int line, const char *fmt, ...)
{
    va_list args;

    if (line >= 1 && line <= file->line_count && file->is_excused[line - 1])
        return;
    breach_count++;
    printf("%s:%d: ", file->path, line);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

long find_word(const char *code, size_t from, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = strstr(code + from, word); at; at = strstr(at + 1, word)) {
        if ((at == code || !is_word_char(at[-1])) && !is_word_char(at[len]))
            return at - code;
    }
    return -1;
}

bool word_in(const char *words, const char *word, size_t len)
{
    for (const char *at = words; *at;) {
        size_t size = strcspn(at, " ");
        if (size == len && memcmp(at, word, len) == 0)
            return true;
        at += size;
        at += strspn(at, " ");
    }
    return false;
}

bool ends_with(const char *text, size_t len, const char *suffix)
{
    size_t size = strlen(suffix);
    return len >= size && memcmp(text + len - size, suffix, size) == 0;
}

bool file_is(const struct file *file, const char *suffix)
{
    return ends_with(file->path, strlen(file->path), suffix);
}

bool file_in(const struct file *file, const char *folder)
{
    return strncmp(file->path, folder, strlen(folder)) == 0;
}

const char *query_folder(const char *noun, size_t len)
{
    static char folder[PATH_BYTES];

    for (int i = 0; i < path_count; i++) {
        const char *slash = strrchr(paths[i], '/');
        const char *name = slash ? slash + 1 : paths[i];
        if (strncmp(name, noun, len) != 0 || strcmp(name + len, ".sql") != 0)
            continue;
        snprintf(folder, sizeof(folder), "%.*s", (int)(name - paths[i]), paths[i]);
        return folder;
    }
    return NULL;
}

bool has_header(const struct file *file, const char *noun, size_t len)
{
    char path[PATH_BYTES];
    int folder = (int)(strrchr(file->path, '/') + 1 - file->path);

    snprintf(path, sizeof(path), "%.*s%.*s.h", folder, file->path, (int)len, noun);
    for (int i = 0; i < path_count; i++) {
        if (strcmp(paths[i], path) == 0)
            return true;
    }
    return false;
}

/* Every rule to the files it is about. Tests of tidy itself are broken on purpose and not looked
 * at. */
static void check_file(const struct file *file)
{
    bool is_code = file_is(file, ".c") || file_is(file, ".h");
    bool is_ours = file_in(file, "src/");

    check_text(file);
    if (is_code)
        check_functions(file);
    if (is_code && is_ours) {
        check_includes(file);
        check_calls(file);
        check_members(file);
    }
    if (is_ours && file_is(file, ".sql"))
        check_queries(file);
}

static bool is_looked_at(const char *path)
{
    static const char *const kinds[] = {".c", ".h", ".sql", ".sh", ".mjs", ".ts", ".vue", ".css"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (ends_with(path, strlen(path), kinds[i]))
            return true;
    }
    return false;
}

static bool is_skipped_folder(const char *path, const char *name)
{
    return strcmp(name, "node_modules") == 0 || strcmp(name, "dist") == 0 ||
           strcmp(path, "test/tidy") == 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void add_path(const char *path)
{
    paths = realloc(paths, (size_t)(path_count + 1) * sizeof(*paths));
    if (!paths || !(paths[path_count] = strdup(path)))
        abort();
    path_count++;
}

static void find_files(const char *root)
{
    static const char *const tops[] = {"src",  "tools", "db",      "bench", "test",
                                       "docs", "web",   "scripts", NULL};
    size_t root_len = strlen(root) + 1;

    for (int i = 0; tops[i]; i++) {
        char top[PATH_BYTES];
        char *const walk[] = {top, NULL};
        snprintf(top, sizeof(top), "%s/%s", root, tops[i]);
        FTS *fts = fts_open(walk, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
        for (FTSENT *at = fts ? fts_read(fts) : NULL; at; at = fts_read(fts)) {
            if (at->fts_info == FTS_D && is_skipped_folder(at->fts_path + root_len, at->fts_name))
                fts_set(fts, at, FTS_SKIP);
            if (at->fts_info == FTS_F && is_looked_at(at->fts_path))
                add_path(at->fts_path + root_len);
        }
        if (fts)
            fts_close(fts);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: tidy ROOT\n", stderr);
        return 2;
    }
    find_files(argv[1]);
    for (int i = 0; i < path_count; i++) {
        struct file *file = file_load(argv[1], paths[i]);
        if (!file) {
            fprintf(stderr, "tidy: cannot read %s\n", paths[i]);
            return 2;
        }
        check_file(file);
        file_free(file);
        file_count++;
    }
    for (int i = 0; i < path_count; i++)
        free(paths[i]);
    free(paths);
    if (file_count == 0 || breach_count)
        printf("tidy: %d breaches in %d files\n", breach_count, file_count);
    return file_count == 0 || breach_count ? 1 : 0;
}
