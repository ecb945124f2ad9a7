/* tidy: what its parts share. A file is read once into `text`; `code` is the same bytes with comments and the
 * insides of quotes blanked, so a rule that looks for words finds only code, at the same offsets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LINE_MAX_C 100
#define LINE_MAX_H 140
#define FILE_MAX_C 800
#define FILE_MAX_H 200
#define FUNCTION_MAX 70
#define PARAMETER_MAX 5
#define PATH_BYTES 1024

struct file {
    const char *path; /* from the root: "src/kit/ctx.c" */
    char *text, *code;
    size_t len;
    size_t *lines; /* offset of each line; one more than there are */
    int line_count;
    bool *is_excused; /* per line from 0: a comment "tidy: why" stands on it or above it */
};

/* The file as the rules see it; NULL when it cannot be read. */
struct file *file_load(const char *root, const char *path);
void file_free(struct file *file);
int file_line(const struct file *file, size_t offset); /* from 1 */
bool file_is(const struct file *file, const char *suffix);
bool file_in(const struct file *file, const char *folder); /* "src/base/" */

bool is_word_char(char c);
/* Offset of the next whole word in code from `from`, or -1. */
long find_word(const char *code, size_t from, const char *word);
bool word_in(const char *words, const char *word, size_t len); /* words: blank-separated */
bool ends_with(const char *text, size_t len, const char *suffix);

/* Says what is wrong at a line (from 1), unless the line is excused. */
void report(const struct file *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Where the queries of gen/X.q.h lie: "src/manage/customer/" or NULL. */
const char *query_folder(const char *noun, size_t len);
/* Is there a header NOUN.h in the file's own folder? */
bool has_header(const struct file *file, const char *noun, size_t len);

/* The rules: tidy_text.c, tidy_code.c, tidy_sql.c. */
void check_text(const struct file *file);
void check_includes(const struct file *file);
void check_functions(const struct file *file);
void check_calls(const struct file *file);
void check_members(const struct file *file);
void check_queries(const struct file *file);
