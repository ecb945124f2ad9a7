/* Text, files and the one way to stop. */
#include "sqlgen.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void die(struct place at, const char *fmt, ...)
{
    va_list args;

    if (at.file != NULL && at.line > 0)
        fprintf(stderr, "%s:%d: error: ", at.file, at.line);
    else if (at.file != NULL)
        fprintf(stderr, "%s: error: ", at.file);
    else
        fprintf(stderr, "sqlgen: error: ");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static void *room(void *at, size_t bytes)
{
    void *more = realloc(at, bytes);

    if (more == NULL)
        die((struct place){NULL, 0}, "no memory");
    return more;
}

void text_bytes(struct text *text, const char *at, size_t len)
{
    if (text->len + len + 1 > text->cap) {
        text->cap = (text->len + len + 1) * 2;
        text->at = room(text->at, text->cap);
    }
    memcpy(text->at + text->len, at, len);
    text->len += len;
    text->at[text->len] = '\0';
}

void text_add(struct text *text, const char *fmt, ...)
{
    va_list args;
    char *made = NULL;
    int len;

    va_start(args, fmt);
    len = vasprintf(&made, fmt, args);
    va_end(args);
    if (len < 0)
        die((struct place){NULL, 0}, "no memory");
    text_bytes(text, made, (size_t)len);
    free(made);
}

void text_literal(struct text *text, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            text_add(text, "\\%c", c);
        else if (c == '\n')
            text_add(text, "\\n");
        else if (c < ' ' || c > '~')
            text_add(text, "\\%03o", c);
        else
            text_bytes(text, &s[i], 1);
    }
}

/* Doubles at powers of two, so the caller needs no capacity. */
void *grow(void *at, size_t count, size_t item_bytes)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return at;
    return room(at, (count == 0 ? 1 : count * 2) * item_bytes);
}

char *copy(const char *at, size_t len)
{
    char *made = room(NULL, len + 1);

    memcpy(made, at, len);
    made[len] = '\0';
    return made;
}

bool file_is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

char *file_text(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    struct text text = {0};
    char piece[65536];
    size_t got;

    if (file == NULL)
        die((struct place){path, 0}, "cannot read it");
    text_bytes(&text, "", 0);
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
        text_bytes(&text, piece, got);
    if (ferror(file))
        die((struct place){path, 0}, "cannot read it");
    fclose(file);
    *len = text.len;
    return text.at;
}

/* A file that stays as it was keeps its time, so nothing is compiled again for it. */
void file_put(const char *dir, const char *name, const struct text *text)
{
    struct text path = {0};
    FILE *file;
    size_t old_len;

    text_add(&path, "%s/%s", dir, name);
    if (file_is_there(path.at)) {
        char *old = file_text(path.at, &old_len);
        bool is_same = old_len == text->len && memcmp(old, text->at, old_len) == 0;
        free(old);
        if (is_same)
            return;
    }
    file = fopen(path.at, "wb");
    if (file == NULL)
        die((struct place){path.at, 0}, "cannot write it");
    if (fwrite(text->at, 1, text->len, file) != text->len || fclose(file) != 0)
        die((struct place){path.at, 0}, "cannot write it");
}
