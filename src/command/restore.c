/* restore: a backup becomes a data folder again.
 * Always: it is unpacked, verified, brought up to date, purged of whoever asked to be forgotten and
 * checked in a folder of its own; what was there before stays until then, and moves aside after. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/tar.h"
#include "command/backup_private.h"
#include "host/clock.h"
#include "host/file.h"
#include "insight/insight.h"

#define CHUNK_BYTES (64 * 1024)
#define DELETIONS "deletions.log"
#define DELETIONS_MAX (64 * 1024 * 1024)

struct restore {
    struct arena *arena;
    const struct command_options *options;
    struct app_config config;
    struct str data, staging, why;
    struct file_reader *tar;
    struct str chunk;            /* what is left of the last piece read */
    struct map *sizes, *digests; /* name -> size + 1; name -> 1 + index into digest */
    struct list digest;          /* of struct str, hex */
    int64_t digest_room_count;
    struct str manifest;
    int64_t file_count, deleted_count;
    struct check_report report;
};

static enum err refuse(struct restore *r, enum err err, const char *fmt, ...) PRINTF_LIKE(3, 4);
static enum err refuse(struct restore *r, enum err err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (r->why.at == NULL)
        r->why = str_vfmt(r->arena, fmt, args);
    va_end(args);
    return err;
}

static struct str inside(struct restore *r, struct str folder, const char *name)
{
    return str_fmt(r->arena, "%.*s/%s", STR(folder), name);
}

/* ---- unpacking ------------------------------------------------------------------------------- */

/* At most `max` bytes of the tar; len 0 at its end. */
static enum err tar_take(struct restore *r, size_t max, struct str *out)
{
    *out = (struct str){NULL, 0};
    if (r->chunk.len == 0 && file_next(r->tar, &r->chunk) != OK)
        return refuse(r, E_IO, "the backup cannot be read: %s", file_why());
    *out = str_sub(r->chunk, 0, max);
    r->chunk = str_sub(r->chunk, out->len, r->chunk.len);
    return OK;
}

static enum err block_take(struct restore *r, char block[TAR_BLOCK_BYTES])
{
    size_t len = 0;

    while (len < TAR_BLOCK_BYTES) {
        struct str part;

        TRY(tar_take(r, TAR_BLOCK_BYTES - len, &part));
        if (part.len == 0)
            return refuse(r, E_CORRUPT, "the backup is cut off");
        memcpy(block + len, part.at, part.len);
        len += part.len;
    }
    return OK;
}

/* papilio.db, manifest.json, or one file in one of the folders. */
static bool is_name_known(struct str name)
{
    struct str folder, file;

    if (str_is(name, BACKUP_BASE) || str_is(name, BACKUP_MANIFEST))
        return true;
    if (!str_cut(name, '/', &folder, &file) || file.len == 0 || str_find(file, S("/")) >= 0 ||
        str_is(file, ".") || str_is(file, ".."))
        return false;
    for (int i = 0; i < backup_folder_count; i++)
        if (str_is(folder, backup_folders[i]))
            return true;
    return false;
}

static enum err content_take(struct restore *r, int64_t size_bytes, struct file_writer *writer,
                             struct hasher *hasher)
{
    int64_t left = size_bytes;

    while (left > 0) {
        struct str part;

        TRY(tar_take(r, left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES, &part));
        if (part.len == 0)
            return refuse(r, E_CORRUPT, "the backup is cut off");
        hash_add(hasher, part);
        if (file_append(writer, part) != OK)
            return refuse(r, E_IO, "%.*s cannot be written: %s", STR(r->staging), file_why());
        left -= (int64_t)part.len;
    }
    for (left = tar_fill(size_bytes); left > 0;) {
        struct str part;

        TRY(tar_take(r, (size_t)left, &part));
        if (part.len == 0)
            return refuse(r, E_CORRUPT, "the backup is cut off");
        left -= (int64_t)part.len;
    }
    return OK;
}

static void entry_note(struct restore *r, struct str name, int64_t size_bytes,
                       struct hasher *hasher)
{
    uint8_t digest[HASH_BYTES];
    bool is_new;

    hash_end(hasher, digest);
    *map_slot(r->sizes, name, &is_new) = size_bytes + 1;
    *(struct str *)list_add(r->arena, &r->digest, &r->digest_room_count, sizeof(struct str)) =
        str_hex(r->arena, (struct str){(char *)digest, HASH_BYTES});
    *map_slot(r->digests, name, &is_new) = r->digest.count;
}

static enum err entry_take(struct restore *r, const struct tar_entry *entry)
{
    struct arena *scratch;
    struct file_writer *writer;
    struct hasher *hasher;
    enum err err, finished;

    if (!is_name_known(entry->name) || map_find(r->sizes, entry->name) != NULL)
        return refuse(r, E_CORRUPT, "not a backup: it holds %.*s", STR(entry->name));
    scratch = arena_new(1024 * 1024);
    hasher = hash_begin(scratch);
    err = file_create(scratch, str_fmt(scratch, "%.*s/%.*s", STR(r->staging), STR(entry->name)),
                      &writer);
    if (err != OK) {
        arena_free(scratch);
        return refuse(r, err, "%.*s cannot be written: %s", STR(r->staging), file_why());
    }
    err = content_take(r, entry->size_bytes, writer, hasher);
    finished = file_finish(writer);
    if (err == OK && finished != OK)
        err = refuse(r, finished, "%.*s cannot be written: %s", STR(r->staging), file_why());
    if (err == OK)
        entry_note(r, entry->name, entry->size_bytes, hasher);
    arena_free(scratch);
    return err;
}

static enum err entries_take(struct restore *r)
{
    char block[TAR_BLOCK_BYTES];
    struct tar_entry entry;
    enum err err = OK;

    while (err == OK && map_find(r->sizes, S(BACKUP_MANIFEST)) == NULL) {
        TRY(block_take(r, block));
        err = tar_head_read(block, &entry);
        if (err == E_NOT_FOUND)
            return refuse(r, E_CORRUPT, "the backup has no manifest");
        if (err != OK)
            return refuse(r, err, "not a backup of papilio, or a damaged one");
        entry.name = str_copy(r->arena, entry.name);
        err = entry_take(r, &entry);
    }
    return err;
}

static enum err unpack(struct restore *r, struct str file)
{
    enum err err = file_open(r->arena, file, &r->tar);

    if (err != OK)
        return refuse(r, err, "%.*s: %s", STR(file), file_why());
    TRY(folder_make(r->staging));
    for (int i = 0; i < backup_folder_count; i++)
        TRY(folder_make(inside(r, r->staging, backup_folders[i])));
    err = entries_take(r);
    file_close(r->tar);
    return err;
}

/* ---- what the manifest says ------------------------------------------------------------------ */

static enum err file_verify(struct restore *r, const struct json *row)
{
    const struct json *name = json_get(row, "name"), *size = json_get(row, "size_bytes"),
                      *digest = json_get(row, "sha256");
    const int64_t *found, *at;

    if (name == NULL || name->type != JSON_STR || size == NULL || size->type != JSON_INT ||
        digest == NULL || digest->type != JSON_STR)
        return refuse(r, E_CORRUPT, "the backup's manifest is not understood");
    found = map_find(r->sizes, name->text);
    at = map_find(r->digests, name->text);
    if (found == NULL || at == NULL)
        return refuse(r, E_CORRUPT, "the backup lacks %.*s", STR(name->text));
    if (*found != size->integer + 1 || !str_eq(((struct str *)r->digest.at)[*at - 1], digest->text))
        return refuse(r, E_CORRUPT, "%.*s is damaged: not the bytes that were backed up",
                      STR(name->text));
    return OK;
}

static enum err manifest_verify(struct restore *r)
{
    const struct json *format, *version, *files;
    struct json json;

    TRY(file_read(r->arena, inside(r, r->staging, BACKUP_MANIFEST), BACKUP_MANIFEST_MAX,
                  &r->manifest));
    if (json_parse(r->arena, r->manifest, &json, NULL) != OK)
        return refuse(r, E_CORRUPT, "the backup's manifest is not understood");
    format = json_get(&json, "format");
    version = json_get(&json, "base_version");
    files = json_get(&json, "files");
    if (format == NULL || format->type != JSON_INT || version == NULL ||
        version->type != JSON_INT || files == NULL || files->type != JSON_ARRAY)
        return refuse(r, E_CORRUPT, "the backup's manifest is not understood");
    if (format->integer > BACKUP_FORMAT || version->integer > db_migration_count)
        return refuse(r, E_CONFLICT,
                      "the backup has version %" PRId64 ", this program knows %d: use the newer",
                      version->integer, db_migration_count);
    for (uint32_t i = 0; i < files->count; i++)
        TRY(file_verify(r, &files->items[i]));
    r->file_count = files->count;
    if (map_count(r->sizes) != files->count + 1 || map_find(r->sizes, S(BACKUP_BASE)) == NULL)
        return refuse(r, E_CORRUPT, "the backup's manifest does not name all that is in it");
    return file_remove(inside(r, r->staging, BACKUP_MANIFEST));
}

static enum err base_verify(struct restore *r)
{
    struct str findings;
    struct db *db;
    enum err err = db_open(r->arena, inside(r, r->staging, BACKUP_BASE), DB_READ, &db);

    if (err != OK)
        return refuse(r, err, "the base in the backup cannot be opened");
    err = db_verify_whole(db, r->arena, &findings);
    if (err != OK)
        err = refuse(r, err, "the base in the backup cannot be read: %s", db_error(db));
    else if (findings.len > 0)
        err = refuse(r, E_CORRUPT, "the base in the backup is damaged: %.*s",
                     STR(str_trim(findings)));
    db_close(db);
    return err;
}

/* ---- brought up to date, and who is to be forgotten ------------------------------------------ */

/* What the folder knows and what --deletions names, one behind the other. */
static enum err deletions_gather(struct restore *r)
{
    struct str own = inside(r, r->data, DELETIONS), known = {0}, given = {0};
    struct str from = r->options->deletions;

    if (file_exists(own))
        TRY(file_read(r->arena, own, DELETIONS_MAX, &known));
    if (from.at != NULL && file_read(r->arena, from, DELETIONS_MAX, &given) != OK)
        return refuse(r, E_NOT_FOUND, "the deletion list %.*s: %s", STR(from), file_why());
    if (known.len + given.len == 0)
        return OK;
    if (r->config.on_restore == NULL)
        return refuse(r, E_INTERNAL, "this program does not know how to follow a deletion list");
    return file_write(inside(r, r->staging, DELETIONS),
                      str_fmt(r->arena, "%.*s%s%.*s", STR(known),
                              known.len > 0 && !str_ends(known, S("\n")) ? "\n" : "", STR(given)),
                      0600);
}

static enum err replay_step(struct ctx *c, void *user)
{
    struct restore *r = user;

    if (r->config.on_restore == NULL)
        return OK;
    return r->config.on_restore(c, &r->deleted_count);
}

static enum err check_step(struct ctx *c, void *user)
{
    struct restore *r = user;
    struct check_report report;

    TRY(check_run(c, &report));
    r->report = (struct check_report){.text = str_copy(r->arena, report.text),
                                      .failed_count = report.failed_count};
    return OK;
}

static enum err base_try(struct restore *r)
{
    struct fault fault = {.err = OK};
    struct app *app;
    enum err err = app_open(r->arena, &r->config, &app, &r->why);

    if (err == OK)
        err = app_write(app, r->arena, replay_step, r, &fault);
    if (err == OK)
        err = app_read(app, r->arena, check_step, r, &fault);
    app_close(app);
    if (err != OK && fault.message.at != NULL)
        refuse(r, err, "%.*s", STR(fault.message));
    return err;
}

/* ---- into its place -------------------------------------------------------------------------- */

/* The engine's files are in no backup: the check has made them from the base. */
static const char *const parts[] = {"exports", "imports",        "uploads",        "engine",
                                    DELETIONS, "papilio.db-wal", "papilio.db-shm", BACKUP_BASE};

static enum err part_move(struct restore *r, struct str from, struct str to, const char *name)
{
    struct str was = inside(r, from, name), now = inside(r, to, name);

    if (!file_exists(was))
        return OK;
    if (file_move(was, now) != OK)
        return refuse(r, E_IO, "%.*s cannot be moved to %.*s: %s", STR(was), STR(to), file_why());
    return OK;
}

static enum err place(struct restore *r)
{
    struct str aside =
        str_fmt(r->arena, "%.*s/replaced-%.*s", STR(r->data), STR(backup_stamp(r->arena)));
    bool is_there = false;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        is_there = is_there || file_exists(inside(r, r->data, parts[i]));
    if (is_there)
        TRY(folder_make(aside));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        TRY(part_move(r, r->data, aside, parts[i]));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        TRY(part_move(r, r->staging, r->data, parts[i]));
    return folder_remove(r->staging);
}

/* ---- the command ----------------------------------------------------------------------------- */

static bool is_free(struct restore *r)
{
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strcmp(parts[i], DELETIONS) != 0 && file_exists(inside(r, r->data, parts[i])))
            return false;
    return true;
}

static enum err restore_make(struct restore *r, struct str file)
{
    if (!folder_is_mine(r->data))
        return refuse(r, E_FORBIDDEN, "%.*s belongs to another user: restore as that one",
                      STR(r->data));
    if (!r->options->is_forced && !is_free(r))
        return refuse(r, E_CONFLICT, "%.*s holds data already; --force moves them aside",
                      STR(r->data));
    if (!file_exists(r->config.key_file))
        return refuse(r, E_NOT_FOUND,
                      "the key file %.*s is missing: put it there or name it with --key-file",
                      STR(r->config.key_file));
    TRY(folder_remove(r->staging)); /* of one that was killed */
    TRY(unpack(r, file));
    TRY(manifest_verify(r));
    TRY(base_verify(r));
    TRY(deletions_gather(r));
    TRY(base_try(r));
    return place(r);
}

static int restore_end(struct restore *r, enum err err)
{
    if (err != OK) {
        if (folder_remove(r->staging) != OK)
            fprintf(stderr, "papilio: %.*s stays behind\n", STR(r->staging));
        return command_refuse(r->why.at ? r->why
                                        : str_fmt(r->arena, "no restore: %s", err_name(err)));
    }
    printf("%.*s", STR(r->report.text));
    printf("restored: %" PRId64 " files, %" PRId64 " people erased again\n", r->file_count,
           r->deleted_count);
    if (r->report.failed_count == 0)
        return 0;
    return command_refuse(str_fmt(r->arena,
                                  "restored as it was backed up, but %" PRId64 " checks failed",
                                  r->report.failed_count));
}

int command_restore(struct cli *cli, const struct app_config *config,
                    const struct command_options *options)
{
    struct restore r = {
        .arena = cli->arena, .options = options, .config = *config, .data = config->data};
    struct str lock = str_fmt(cli->arena, "%.*s/lock", STR(config->data));
    int fd = -1, status;

    if (cli->count != 1)
        return command_refuse(S("papilio restore FILE --data DIR")) + 1;
    if (config->db.at != NULL)
        return command_refuse(S("PostgreSQL: a base comes back with pg_restore; see docs/ops.md"));
    umask(077);
    signal(SIGXFSZ, SIG_IGN); /* a limit is an error like a full disk */
    r.staging = inside(&r, r.data, "restoring");
    r.sizes = map_new(cli->arena, 64);
    r.digests = map_new(cli->arena, 64);
    if (r.config.key_file.at == NULL)
        r.config.key_file = inside(&r, r.data, "papilio.key");
    r.config.data = r.staging;
    r.config.listen = (struct str){0};
    if (!file_exists(str_of(cli->args[0])))
        return command_refuse(str_fmt(cli->arena, "there is no %s", cli->args[0]));
    if (folder_make(r.data) != OK || (folder_is_mine(r.data) && file_lock(lock, &fd) != OK))
        return command_refuse(str_fmt(
            cli->arena, "another papilio works on %.*s, or it cannot be used", STR(r.data)));
    status = restore_end(&r, restore_make(&r, str_of(cli->args[0])));
    if (fd >= 0)
        file_unlock(fd);
    return status;
}
