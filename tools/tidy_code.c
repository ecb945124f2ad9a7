/* tidy: the rules about C: who includes whom, functions, calls, members. They read the blanked code
 * and rely on the layout that clang-format gives. */
#include "tidy.h"

#include <stdio.h>
#include <string.h>

/* From the ground up. A file may include its own layer and those before it; so do the rooms of
 * manage/. */
static const char *const layers[] = {"base",
                                     "host",
                                     "kit",
                                     "engine",
                                     "link",
                                     "manage/setting",
                                     "manage/channel",
                                     "manage/staff",
                                     "manage/attribute",
                                     "manage/audience",
                                     "manage/analysis",
                                     "manage/customer",
                                     "manage/account",
                                     "manage/event",
                                     "manage/import",
                                     "manage/segment",
                                     "manage/privacy",
                                     "play",
                                     "flow",
                                     "insight",
                                     "demo",
                                     "command",
                                     NULL};

/* Calls that leave a trap or hide an input; base/ and host/ wrap them. */
static const char *const banned_calls[] = {
    "malloc", "calloc",  "realloc", "free",     "strdup", "strndup",   "strcpy", "strncpy",
    "strcat", "strncat", "sprintf", "vsprintf", "gets",   "strtok",    "atoi",   "atol",
    "atoll",  "time",    "rand",    "srand",    "random", "localtime", "gmtime", NULL};
/* A test may own memory: what it tests may want to. */
static const char may_in_tests[] = "malloc calloc realloc free strdup strndup";

static const char units[] =
    "id ids ms us at seq day days month months count fen bp ppm micro bytes kb max min "
    "version number percent nth digits";

/* Files whose nouns are not their name; every other non-static function starts with its file's or
 * folder's noun. */
static const struct {
    const char *path, *nouns;
} more_nouns[] = {
    {"src/base/err.c", "must"},
    {"src/base/time.c", "zone day month"},
    {"src/base/zone.c", "day date"},
    {"src/host/crypto.c", "seal unseal hash hmac random password token bytes"},
    {"src/host/file.c", "folder"},
    {"src/kit/ctx.c", "fail"},
    {"src/kit/gate.c", "role"},
    {"src/kit/journal.c", "event"},
    {"src/kit/log.c", "metrics"},
    {"src/kit/node.c", "lease"},
    {"src/insight/view.c", "rate calendar"},
    {"src/manage/event/ingest.c", "message"},
    {"src/manage/customer/identity.c", "identities"},
    {"src/manage/setting/brand.c", "currency"},
};

static int layer_of(const char *path)
{
    for (int i = 0; layers[i]; i++) {
        size_t len = strlen(layers[i]);
        if (strncmp(path, layers[i], len) == 0 && path[len] == '/')
            return i;
    }
    return -1;
}

/* The folder of a path below src/, with its slash: "flow/convert/". */
static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* The stage's folder of a path below flow/, or NULL for flow/'s own files. */
static const char *stage_of(const char *path, size_t *len)
{
    const char *slash;

    if (strncmp(path, "flow/", 5) != 0 || !(slash = strchr(path + 5, '/')))
        return NULL;
    *len = (size_t)(slash - path) - 5;
    return path + 5;
}

static void check_stage(const struct file *file, int line, const char *self, const char *other)
{
    size_t self_len = 0, other_len = 0;
    const char *mine = stage_of(self, &self_len), *theirs = stage_of(other, &other_len);

    if (!theirs || strncmp(self, "flow/", 5) != 0)
        return;
    if (!mine) {
        if (strcmp(self, "flow/flow.c") != 0)
            report(file, line, "only flow/flow.c sees the stages");
    } else if (self_len != other_len || memcmp(mine, theirs, self_len) != 0)
        report(file, line, "a stage includes another stage; hand over by an event");
}

static void check_include(const struct file *file, int line, const char *path)
{
    const char *self = file->path + strlen("src/");
    char resolved[PATH_BYTES];
    size_t len = strlen(path);

    if (strncmp(path, "gen/", 4) == 0 && ends_with(path, len, ".q.h")) {
        const char *folder = query_folder(path + 4, len - 8);
        snprintf(resolved, sizeof(resolved), "%s", folder ? folder + strlen("src/") : path);
        path = resolved;
    }
    if (ends_with(path, len, "_private.h") &&
        (folder_len(path) != folder_len(self) || memcmp(path, self, folder_len(self)) != 0))
        report(file, line, "%s is private to its folder", path);
    if (folder_len(self) == 0)
        return; /* main.c wires everything together */
    if (layer_of(self) < 0) {
        report(file, line, "its folder has no place among the layers");
        return;
    }
    if (layer_of(path) > layer_of(self))
        report(file, line, "includes upwards: %s", path);
    check_stage(file, line, self, path);
}

void check_includes(const struct file *file)
{
    for (int line = 1; line <= file->line_count; line++) {
        const char *at = file->text + file->lines[line - 1];
        char path[PATH_BYTES];
        if (sscanf(at, " # include \"%1023[^\"\n]\"", path) == 1)
            check_include(file, line, path);
    }
}

/* ---- functions ------------------------------------------------------------------------------- */

/* Behind the directive that starts at `at`, with its continued lines. */
static const char *directive_end(const char *at)
{
    for (;;) {
        at += strcspn(at, "\n");
        if (!*at)
            return at;
        if (at[-1] != '\\')
            return at;
        at++;
    }
}

/* Backwards from a ')' to its '('; NULL when it never opens after `from`. */
static const char *paren_start(const char *from, const char *at)
{
    int depth = 0;

    for (; at >= from; at--) {
        depth += *at == ')';
        depth -= *at == '(';
        if (depth == 0)
            return at;
    }
    return NULL;
}

static const char *skip_back(const char *from, const char *at)
{
    while (at > from && (at[-1] == ' ' || at[-1] == '\n'))
        at--;
    return at;
}

static bool is_upper_word(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (at[i] >= 'a' && at[i] <= 'z')
            return false;
    }
    return len > 0;
}

struct function {
    const char *name, *params; /* params: at the '(' */
    size_t name_len;
};

/* Before a bare attribute such as MUST_USE; `end` itself when there is none. */
static const char *skip_attribute_word(const char *from, const char *end)
{
    const char *word = end;

    while (word > from && is_word_char(word[-1]))
        word--;
    return is_upper_word(word, (size_t)(end - word)) ? skip_back(from, word) : end;
}

/* Is [from, brace) the head of a function? Attributes behind the parameters are stepped over. */
static bool read_head(const char *from, const char *brace, struct function *out)
{
    const char *end = skip_back(from, brace);

    for (;;) {
        end = skip_attribute_word(from, end);
        if (end <= from || end[-1] != ')')
            return false;
        const char *open = paren_start(from, end - 1);
        if (!open)
            return false;
        const char *name_end = skip_back(from, open), *name = name_end;
        while (name > from && is_word_char(name[-1]))
            name--;
        *out = (struct function){name, open, (size_t)(name_end - name)};
        bool is_attribute =
            is_upper_word(name, out->name_len) || word_in("__attribute__", name, out->name_len);
        if (!is_attribute)
            return out->name_len > 0 && !memchr(from, '=', (size_t)(name - from));
        end = skip_back(from, name);
    }
}

static int parameter_count(const char *open)
{
    int depth = 0, count = 1;
    const char *last = open + 1, *at = open;

    do {
        depth += *at == '(';
        depth -= *at == ')';
        if (*at == ',' && depth == 1) {
            count++;
            last = at + 1;
        }
        at++;
    } while (depth > 0 && *at);
    last += strspn(last, " \n");
    if (strncmp(last, "...", 3) == 0)
        return count - 1; /* printf-like: what follows is not the function's own */
    return strncmp(open + 1, "void)", 5) == 0 || open[1] == ')' ? 0 : count;
}

/* Does the name start with one of these words and a '_', or is it one of them? */
static bool has_noun(const struct function *function, const char *nouns)
{
    for (size_t len = 1; len <= function->name_len; len++) {
        bool is_end = len == function->name_len || function->name[len] == '_';
        if (is_end && word_in(nouns, function->name, len))
            return true;
    }
    return false;
}

/* customer_search.c may say customer_search_x and customer_x, of many also customers_x. */
static bool is_after_file(const struct function *function, const char *name)
{
    char nouns[PATH_BYTES];

    for (size_t len = 1; len <= strlen(name); len++) {
        if (name[len] != '_' && name[len] != '.')
            continue;
        snprintf(nouns, sizeof(nouns), "%.*s %.*ss", (int)len, name, (int)len, name);
        if (has_noun(function, nouns))
            return true;
    }
    return false;
}

/* Also after its folder, or a header of its folder: kit/app.h is carried out in kit/run.c. */
static bool is_named_well(const struct file *file, const struct function *function)
{
    const char *name = strrchr(file->path, '/') + 1;
    const char *folder = name - 1;
    char nouns[PATH_BYTES];

    if (is_after_file(function, name))
        return true;
    while (folder > file->path && folder[-1] != '/')
        folder--;
    snprintf(nouns, sizeof(nouns), "%.*s", (int)(name - 1 - folder), folder);
    if (has_noun(function, nouns))
        return true;
    for (size_t i = 0; i < sizeof(more_nouns) / sizeof(more_nouns[0]); i++) {
        if (strcmp(file->path, more_nouns[i].path) == 0 && has_noun(function, more_nouns[i].nouns))
            return true;
    }
    for (size_t len = 1; len <= function->name_len; len++) {
        if ((len == function->name_len || function->name[len] == '_') &&
            has_header(file, function->name, len))
            return true;
    }
    return false;
}

static void check_function(const struct file *file, const char *head, const char *brace,
                           const char *end)
{
    struct function function;

    if (!read_head(head, brace, &function))
        return;
    int line = file_line(file, (size_t)(function.name - file->code));
    int size = file_line(file, (size_t)(end - file->code)) - line + 1;
    int params = parameter_count(function.params);
    int name_len = (int)function.name_len;
    if (size > FUNCTION_MAX)
        report(file, line, "%.*s has %d lines, at most %d", name_len, function.name, size,
               FUNCTION_MAX);
    if (params > PARAMETER_MAX)
        report(file, line, "%.*s has %d parameters, at most %d", name_len, function.name, params,
               PARAMETER_MAX);
    long is_static = find_word(file->code, (size_t)(head - file->code), "static");
    bool is_local = is_static >= 0 && file->code + is_static < function.name;
    bool is_product = file_in(file, "src/") && file_is(file, ".c") && !file_is(file, "_test.c") &&
                      !file_is(file, "_fuzz.c") && strcmp(file->path, "src/main.c") != 0;
    if (is_product && !is_local && !is_named_well(file, &function))
        report(file, line, "%.*s is not named after its file; make it static or rename it",
               name_len, function.name);
}

void check_functions(const struct file *file)
{
    const char *head = file->code, *brace = NULL;
    int depth = 0;

    for (const char *at = file->code; *at; at++) {
        bool is_line_start = at == file->code || at[-1] == '\n';
        if (is_line_start && *(at + strspn(at, " ")) == '#') {
            at = directive_end(at);
            if (depth == 0)
                head = at;
            if (!*at)
                return;
        } else if (*at == '{') {
            if (depth++ == 0)
                brace = at;
        } else if (*at == '}') {
            if (--depth == 0 && brace)
                check_function(file, head, brace, at);
            if (depth <= 0)
                head = at + 1;
        } else if (*at == ';' && depth == 0)
            head = at + 1;
    }
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool is_call(const char *code, const char *at, size_t len)
{
    const char *before = skip_back(code, at);
    const char *behind = at + len;

    behind += strspn(behind, " ");
    if (*behind != '(')
        return false;
    return before == code || (before[-1] != '.' && !(before[-1] == '>' && before[-2] == '-'));
}

static void ban_word(const struct file *file, const char *word)
{
    for (long at = find_word(file->code, 0, word); at >= 0;
         at = find_word(file->code, (size_t)at + 1, word)) {
        if (is_call(file->code, file->code + at, strlen(word)))
            report(file, file_line(file, (size_t)at), "%s() belongs in base/ or host/", word);
    }
}

static void ban_sqlite(const struct file *file)
{
    const char *at = file->code;

    while ((at = strstr(at, "sqlite3_"))) {
        if (at == file->code || !is_word_char(at[-1]))
            report(file, file_line(file, (size_t)(at - file->code)), "sqlite3_ belongs in host/");
        at += strspn(at, "sqlite3_");
    }
}

void check_calls(const struct file *file)
{
    bool is_test = file_is(file, "_test.c") || file_is(file, "_fuzz.c");

    if (!file_in(file, "src/host/"))
        ban_sqlite(file);
    if (file_in(file, "src/base/") || file_in(file, "src/host/"))
        return;
    for (int i = 0; banned_calls[i]; i++) {
        if (!is_test || !word_in(may_in_tests, banned_calls[i], strlen(banned_calls[i])))
            ban_word(file, banned_calls[i]);
    }
    for (long at = find_word(file->code, 0, "goto"); at >= 0;
         at = find_word(file->code, (size_t)at + 1, "goto"))
        report(file, file_line(file, (size_t)at), "goto outside base/ and host/");
}

/* ---- members --------------------------------------------------------------------------------- */

/* Every name of "int64_t a_ms, b_count[3];" from `at` (behind the type) to the ';'. Pointers are
 * not values. */
static void check_names(const struct file *file, const char *at)
{
    for (;;) {
        at += strspn(at, " \n");
        if (*at == '*' || *at == '(')
            return;
        size_t len = 0;
        while (is_word_char(at[len]))
            len++;
        size_t unit = len;
        while (unit > 0 && at[unit - 1] != '_')
            unit--;
        if (len && !word_in(units, at + unit, len - unit))
            report(file, file_line(file, (size_t)(at - file->code)),
                   "%.*s does not end in its unit (_ms _count _id _fen ...)", (int)len, at);
        at += len;
        at += strcspn(at, ",;)}");
        if (*at != ',')
            return;
        at++;
    }
}

static void check_struct(const struct file *file, const char *at)
{
    static const char type[] = "int64_t";
    int depth = 0;

    for (; *at; at++) {
        depth += *at == '{';
        depth -= *at == '}';
        if (depth == 0)
            return;
        const char *before = skip_back(file->code, at);
        bool is_start = before[-1] == ';' || before[-1] == '{' || before[-1] == '}';
        if (is_start && strncmp(at, type, sizeof(type) - 1) == 0 &&
            !is_word_char(at[sizeof(type) - 1]))
            check_names(file, at + sizeof(type) - 1);
    }
}

void check_members(const struct file *file)
{
    int layer = layer_of(file->path + strlen("src/"));

    if (layer < layer_of("kit/") || layer == layer_of("engine/") || layer == layer_of("insight/"))
        return;
    for (long at = find_word(file->code, 0, "struct"); at >= 0;
         at = find_word(file->code, (size_t)at + 1, "struct")) {
        const char *brace = file->code + at + strlen("struct");
        brace += strspn(brace, " \n");
        while (is_word_char(*brace))
            brace++;
        brace += strspn(brace, " \n");
        if (*brace == '{')
            check_struct(file, brace);
    }
}
