/* The key file: two keys of 32 bytes in hex, one for sealing personal data, one for its look-up
 * hashes. Made at the first start; it belongs in no backup of the data, and without it sealed data
 * cannot be read by anyone. */
#include "host/file.h"
#include "kit/kit_private.h"

static bool key_line(struct app *app, struct str *rest, const char *name, uint8_t key[KEY_BYTES])
{
    struct str line, word, bytes;

    str_cut(*rest, '\n', &line, rest);
    if (!str_cut(line, ' ', &word, &line) || !str_is(word, name))
        return false;
    if (!str_unhex(app->arena, str_trim(line), &bytes) || bytes.len != KEY_BYTES)
        return false;
    memcpy(key, bytes.at, KEY_BYTES);
    return true;
}

static enum err key_parse(struct app *app, struct str text)
{
    if (!key_line(app, &text, "seal", app->seal_key) ||
        !key_line(app, &text, "hash", app->hash_key))
        return E_CORRUPT;
    return OK;
}

static enum err key_make(struct app *app, struct str path)
{
    struct str text;

    random_bytes(app->seal_key, KEY_BYTES);
    random_bytes(app->hash_key, KEY_BYTES);
    text = str_fmt(app->arena, "seal %.*s\nhash %.*s\n",
                   STR(str_hex(app->arena, (struct str){(char *)app->seal_key, KEY_BYTES})),
                   STR(str_hex(app->arena, (struct str){(char *)app->hash_key, KEY_BYTES})));
    return file_write(path, text, 0600);
}

enum err key_load(struct app *app, struct str *why)
{
    struct str path = app->config.key_file, text;
    struct str base = str_fmt(app->arena, "%.*s/papilio.db", STR(app->config.data));
    enum err err;

    if (path.at == NULL)
        path = str_fmt(app->arena, "%.*s/papilio.key", STR(app->config.data));
    err = file_read(app->arena, path, 4096, &text);
    if (err == E_NOT_FOUND && file_exists(base)) {
        *why = str_fmt(app->arena, "the key file %.*s is missing, but the data are sealed with it",
                       STR(path));
        return E_NOT_FOUND;
    }
    if (err == E_NOT_FOUND)
        err = key_make(app, path);
    else if (err == OK)
        err = key_parse(app, text);
    if (err != OK)
        *why = str_fmt(app->arena, "the key file %.*s cannot be used", STR(path));
    return err;
}
