/* tidy: reading a file, and the rules about its text: lengths, blanks, the opening comment. */
#include "tidy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_MIN 8 /* an excuse shorter than this explains nothing */

static void *must_have(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static char *read_all(const char *path, size_t *len)
{
    FILE *in = fopen(path, "rb");
    size_t cap = 4096, got;
    char *text = must_have(malloc(cap));

    *len = 0;
    if (!in) {
        free(text);
        return NULL;
    }
    while ((got = fread(text + *len, 1, cap - *len - 1, in)) > 0) {
        *len += got;
        if (cap - *len < 2)
            text = must_have(realloc(text, cap *= 2));
    }
    fclose(in);
    text[*len] = 0;
    return text;
}

static void blank(char *from, const char *to)
{
    for (; from < to; from++) {
        if (*from != '\n')
            *from = ' ';
    }
}

/* The end of a quoted piece that opens at `at`; a line end closes it too. */
static char *quote_end(char *at)
{
    char mark = *at++;

    while (*at && *at != mark && *at != '\n')
        at += *at == '\\' && at[1] ? 2 : 1;
    return at;
}

static void blank_c(char *code)
{
    for (char *at = code; *at; at++) {
        char *end = at;
        if (at[0] == '/' && at[1] == '*') {
            end = strstr(at + 2, "*/");
            end = end ? end + 2 : at + strlen(at);
            blank(at, end);
        } else if (at[0] == '/' && at[1] == '/') {
            end = at + strcspn(at, "\n");
            blank(at, end);
        } else if (*at == '"' || *at == '\'') {
            end = quote_end(at);
            blank(at + 1, end);
            at = *end ? end : end - 1;
            continue;
        }
        if (end > at)
            at = end - 1;
    }
}

static void blank_sql(char *code)
{
    for (char *at = code; *at; at++) {
        if (at[0] == '-' && at[1] == '-') {
            size_t len = strcspn(at, "\n");
            blank(at, at + len);
            at += len - 1;
        } else if (*at == '\'') {
            char *end = quote_end(at);
            blank(at + 1, end);
            at = *end ? end : end - 1;
        }
    }
}

/* "tidy: why" counts where it stands in a comment, that is where code is blank. It excuses the
 * lines of its comment and, when the comment stands alone, the line below. */
static void find_excuses(struct file *file)
{
    static const char mark[] = "tidy: ";

    for (char *at = strstr(file->text, mark); at; at = strstr(at + 1, mark)) {
        size_t offset = (size_t)(at - file->text);
        size_t end = offset + strcspn(at, "\n");
        int line = file_line(file, offset) - 1;
        char *close = strstr(at, "*/");
        if (file->code[offset] != ' ' || strcspn(at + sizeof(mark) - 1, "*\n") < WHY_MIN)
            continue;
        if (!file_is(file, ".sql") && close)
            end = (size_t)(close - file->text);
        int last = file_line(file, end) - 1;
        size_t start = file->lines[line];
        if (strspn(file->code + start, " ") >= offset - start)
            last++;
        for (; line <= last && line < file->line_count; line++)
            file->is_excused[line] = true;
    }
}

static void find_lines(struct file *file)
{
    size_t cap = 2;

    for (size_t i = 0; i < file->len; i++)
        cap += file->text[i] == '\n';
    file->lines = must_have(calloc(cap, sizeof(*file->lines)));
    for (size_t i = 0; i < file->len; i++) {
        if (i == 0 || file->text[i - 1] == '\n')
            file->lines[file->line_count++] = i;
    }
    file->lines[file->line_count] = file->len;
    file->is_excused = must_have(calloc(cap, sizeof(*file->is_excused)));
}

struct file *file_load(const char *root, const char *path)
{
    char full[PATH_BYTES];
    struct file *file = must_have(calloc(1, sizeof(*file)));

    snprintf(full, sizeof(full), "%s/%s", root, path);
    file->path = path;
    file->text = read_all(full, &file->len);
    if (!file->text) {
        free(file);
        return NULL;
    }
    file->code = must_have(malloc(file->len + 1));
    memcpy(file->code, file->text, file->len + 1);
    if (file_is(file, ".sql"))
        blank_sql(file->code);
    else if (file_is(file, ".c") || file_is(file, ".h"))
        blank_c(file->code);
    find_lines(file);
    find_excuses(file);
    return file;
}

void file_free(struct file *file)
{
    free(file->text);
    free(file->code);
    free(file->lines);
    free(file->is_excused);
    free(file);
}

int file_line(const struct file *file, size_t offset)
{
    int low = 0, high = file->line_count;

    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (file->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low + 1;
}

/* Columns, not bytes: a letter of three bytes is one column here, though a Chinese one shows two
 * wide. */
static int column_count(const char *at, size_t len)
{
    int count = 0;

    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)at[i] & 0xC0) != 0x80;
    return count;
}

static void check_lines(const struct file *file, int column_max)
{
    for (int line = 1; line <= file->line_count; line++) {
        const char *at = file->text + file->lines[line - 1];
        size_t len = file->lines[line] - file->lines[line - 1];
        while (len && at[len - 1] == '\n')
            len--;
        int columns = column_count(at, len);
        if (columns > column_max)
            report(file, line, "%d columns, at most %d", columns, column_max);
        if (len && (at[len - 1] == ' ' || at[len - 1] == '\r' || at[len - 1] == '\t'))
            report(file, line, "blanks at the end");
        if (memchr(at, '\t', len))
            report(file, line, "a tab");
    }
}

/* Open work is an issue, not a remark. */
static void check_leftovers(const struct file *file)
{
    static const char todo[] = {'T', 'O', 'D', 'O', 0}, fixme[] = {'F', 'I', 'X', 'M', 'E', 0};
    const char *const marks[] = {todo, fixme}; /* in letters, so as not to find itself */

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        for (long at = find_word(file->text, 0, marks[i]); at >= 0;
             at = find_word(file->text, (size_t)at + 1, marks[i]))
            report(file, file_line(file, (size_t)at), "%s: open work is an issue", marks[i]);
    }
}

static void check_opening(const struct file *file)
{
    const char *opening = file_is(file, ".sql") ? "--" : "/*";

    if (strncmp(file->text, opening, 2) != 0)
        report(file, 1, "opens without a comment that says what the file is for");
}

static void check_size(const struct file *file, int line_max)
{
    if (file->line_count > line_max)
        report(file, 1, "%d lines, at most %d", file->line_count, line_max);
}

void check_text(const struct file *file)
{
    check_leftovers(file);
    if (file_in(file, "src/"))
        check_opening(file);
    if (file_is(file, ".c")) {
        check_lines(file, LINE_MAX_C);
        check_size(file, FILE_MAX_C);
    } else if (file_is(file, ".h")) {
        check_lines(file, LINE_MAX_H);
        check_size(file, FILE_MAX_H);
    }
}
