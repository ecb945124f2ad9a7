/* backup: the base and the files beside it as one tar file, beside a running server or without one.
 * Always: the file appears under its name when all of it is on the disk; no file is overwritten;
 * the key file and the deletion list are never in it. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/tar.h"
#include "base/time.h"
#include "command/backup_private.h"
#include "gen/backup.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "insight/insight.h"

#define SCRATCH_MAX (16 * 1024 * 1024)

const char *const backup_folders[] = {"exports", "imports", "uploads"};
const int backup_folder_count = ARRAY_LEN(backup_folders);

struct backup {
    struct arena *arena;
    struct str data, target, part, copy; /* the file, and while it is made: the tar, the base */
    int lock_fd;
    struct file_writer *tar;
    struct buf manifest;
    struct json_out json;
    int64_t made_ms, journal_id, file_count, size_bytes;
    int version;
    struct str why;
};

struct str backup_stamp(struct arena *arena)
{
    int64_t now_ms = clock_now_ms(), ms = now_ms % 86400000;
    int year, month, date;

    day_to_date(now_ms / 86400000, &year, &month, &date);
    return str_fmt(arena, "%04d%02d%02d-%02d%02d%02d", year, month, date, (int)(ms / 3600000),
                   (int)(ms / 60000 % 60), (int)(ms / 1000 % 60));
}

static enum err refuse(struct backup *b, enum err err, struct str what, const char *why)
{
    if (b->why.at == NULL)
        b->why = str_fmt(b->arena, "%.*s: %s", STR(what), why);
    return err;
}

/* ---- the tar --------------------------------------------------------------------------------- */

static enum err tar_add(struct backup *b, struct str bytes)
{
    enum err err = file_append(b->tar, bytes);

    b->size_bytes += (int64_t)bytes.len;
    return err == OK ? OK : refuse(b, err, b->part, file_why());
}

static enum err tar_fill_add(struct backup *b, int64_t len)
{
    static const char zeros[2 * TAR_BLOCK_BYTES];

    return tar_add(b, (struct str){zeros, (size_t)len});
}

static enum err head_add(struct backup *b, struct str name, int64_t size_bytes)
{
    struct tar_entry entry = {name, size_bytes, b->made_ms / 1000};
    char block[TAR_BLOCK_BYTES];

    tar_head_write(&entry, block);
    return tar_add(b, (struct str){block, sizeof(block)});
}

/* What a file holds at this moment: it may grow meanwhile, and only its beginning is taken. */
static enum err content_add(struct backup *b, struct file_reader *reader, struct hasher *hasher)
{
    int64_t left = file_size(reader);

    while (left > 0) {
        struct str chunk;
        enum err err = file_next(reader, &chunk);

        if (err != OK || chunk.len == 0)
            return refuse(b, E_IO, S("a file of the data"), "cannot be read to its end");
        chunk = str_sub(chunk, 0, (size_t)left < chunk.len ? (size_t)left : chunk.len);
        hash_add(hasher, chunk);
        TRY(tar_add(b, chunk));
        left -= (int64_t)chunk.len;
    }
    return tar_fill_add(b, tar_fill(file_size(reader)));
}

static void manifest_add(struct backup *b, struct str name, int64_t size_bytes, struct str digest)
{
    json_object_begin(&b->json);
    json_name(&b->json, "name");
    json_str(&b->json, name);
    json_name(&b->json, "size_bytes");
    json_int(&b->json, size_bytes);
    json_name(&b->json, "sha256");
    json_str(&b->json, digest);
    json_object_end(&b->json);
    b->file_count++;
}

/* A file that is gone by now is left out. */
static enum err file_add(struct backup *b, struct arena *scratch, struct str path, struct str name)
{
    uint8_t digest[HASH_BYTES];
    struct hasher *hasher = hash_begin(scratch);
    struct file_reader *reader;
    enum err err;

    if (name.len > TAR_NAME_MAX)
        return refuse(b, E_INPUT, path, "its name is too long");
    err = file_open(scratch, path, &reader);
    if (err == E_NOT_FOUND)
        return OK;
    if (err != OK || file_size(reader) == NONE)
        return refuse(b, E_IO, path, "cannot be read");
    err = head_add(b, name, file_size(reader));
    if (err == OK)
        err = content_add(b, reader, hasher);
    hash_end(hasher, digest);
    if (err == OK)
        manifest_add(b, name, file_size(reader),
                     str_hex(scratch, (struct str){(char *)digest, HASH_BYTES}));
    file_close(reader);
    return err;
}

static enum err folder_add(struct backup *b, struct arena *scratch, const char *folder)
{
    struct str path = str_fmt(b->arena, "%.*s/%s", STR(b->data), folder);
    struct list names;
    enum err err = folder_list(b->arena, path, BACKUP_FILE_MAX, &names);

    if (err == E_NOT_FOUND)
        return OK;
    if (err != OK)
        return refuse(b, err, path, "cannot be listed");
    for (int64_t i = 0; i < names.count; i++) {
        struct str name = ((struct str *)names.at)[i];
        struct str file;

        arena_reset(scratch);
        file = str_fmt(scratch, "%.*s/%.*s", STR(path), STR(name));
        if (!folder_is(file))
            TRY(file_add(b, scratch, file, str_fmt(scratch, "%s/%.*s", folder, STR(name))));
    }
    return OK;
}

static void manifest_begin(struct backup *b)
{
    json_out_init(&b->json, &b->manifest);
    json_object_begin(&b->json);
    json_name(&b->json, "format");
    json_int(&b->json, BACKUP_FORMAT);
    json_name(&b->json, "program");
    json_str(&b->json, S(PAPILIO_VERSION));
    json_name(&b->json, "base_version");
    json_int(&b->json, b->version);
    json_name(&b->json, "made_ms");
    json_int(&b->json, b->made_ms);
    json_name(&b->json, "journal_id");
    json_id(&b->json, b->journal_id);
    json_name(&b->json, "files");
    json_array_begin(&b->json);
}

static enum err manifest_end(struct backup *b)
{
    struct str text;

    json_array_end(&b->json);
    json_object_end(&b->json);
    buf_char(&b->manifest, '\n');
    text = buf_view(&b->manifest);
    TRY(head_add(b, S(BACKUP_MANIFEST), (int64_t)text.len));
    TRY(tar_add(b, text));
    TRY(tar_fill_add(b, tar_fill((int64_t)text.len)));
    return tar_fill_add(b, 2 * TAR_BLOCK_BYTES);
}

static enum err parts_add(struct backup *b, struct arena *scratch)
{
    manifest_begin(b);
    TRY(file_add(b, scratch, b->copy, S(BACKUP_BASE)));
    for (int i = 0; i < backup_folder_count; i++)
        TRY(folder_add(b, scratch, backup_folders[i]));
    return manifest_end(b);
}

/* ---- the base -------------------------------------------------------------------------------- */

static enum err position_read(struct backup *b, struct db *db)
{
    struct ctx c = {.arena = b->arena, .db = db};
    struct q_backup_position_row row;

    TRY(db_version(db, &b->version));
    TRY(q_backup_position(&c, &row));
    b->journal_id = row.journal_id;
    return OK;
}

/* One moment of the base, whatever is written meanwhile. */
static enum err base_copy(struct backup *b)
{
    struct str path = str_fmt(b->arena, "%.*s/%s", STR(b->data), BACKUP_BASE);
    struct db *db;
    enum err err = db_open(b->arena, path, DB_READ, &db);

    if (err != OK)
        return refuse(b, err, path, "cannot be opened");
    err = db_copy(db, b->copy);
    if (err != OK)
        err = refuse(b, err, b->copy, str_cstr(b->arena, str_of(db_error(db))));
    db_close(db);
    TRY(err);
    err = db_open(b->arena, b->copy, DB_READ, &db);
    if (err != OK)
        return refuse(b, err, b->copy, "the copy of the base cannot be read");
    err = position_read(b, db);
    if (err != OK)
        err = refuse(b, err, b->copy, "the copy of the base cannot be read");
    db_close(db);
    return err;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum err tar_make(struct backup *b)
{
    struct arena *scratch = arena_new(SCRATCH_MAX);
    enum err err = file_create(b->arena, b->part, &b->tar), finished;

    if (err != OK) {
        arena_free(scratch);
        return refuse(b, err, b->part, file_why());
    }
    buf_init(&b->manifest, BACKUP_MANIFEST_MAX);
    err = parts_add(b, scratch);
    finished = file_finish(b->tar);
    if (err == OK && finished != OK)
        err = refuse(b, finished, b->part, file_why());
    buf_release(&b->manifest);
    arena_free(scratch);
    return err;
}

static void drop(struct str path)
{
    if (file_exists(path) && file_remove(path) != OK)
        fprintf(stderr, "papilio: %.*s stays behind\n", STR(path));
}

static enum err backup_make(struct backup *b)
{
    enum err err;

    drop(b->copy); /* of one that was killed */
    err = base_copy(b);
    if (err == OK)
        err = tar_make(b);
    if (err == OK) {
        err = file_move(b->part, b->target);
        if (err != OK)
            err = refuse(b, err, b->target, file_why());
    }
    drop(b->copy);
    if (err != OK)
        drop(b->part);
    return err;
}

/* For the page of the system's health. The backup stands without it. */
static void mark(const struct backup *b)
{
    struct str path = str_fmt(b->arena, "%.*s/%s", STR(b->data), HEALTH_BACKUP_MARK);

    if (file_write(path, str_fmt(b->arena, "%" PRId64 "\n", b->made_ms), 0600) != OK)
        fprintf(stderr, "papilio: %.*s: %s\n", STR(path), file_why());
}

/* A folder that is there: a file in it, named by the time. */
static struct str target_of(struct arena *arena, const char *operand)
{
    struct str path = str_of(operand);

    while (path.len > 1 && str_ends(path, S("/")))
        path = str_sub(path, 0, path.len - 1);
    if (!folder_is(path))
        return path;
    return str_fmt(arena, "%.*s/papilio-%.*s.tar", STR(path), STR(backup_stamp(arena)));
}

static int backup_run(struct backup *b)
{
    enum err err = file_lock(b->part, &b->lock_fd);

    if (err == E_CONFLICT)
        return command_refuse(str_fmt(b->arena, "another backup writes %.*s", STR(b->target)));
    if (err != OK)
        return command_refuse(str_fmt(b->arena, "%.*s: %s", STR(b->part), file_why()));
    err = backup_make(b);
    file_unlock(b->lock_fd);
    if (err != OK)
        return command_refuse(b->why.at ? b->why
                                        : str_fmt(b->arena, "no backup: %s", err_name(err)));
    mark(b);
    printf("{\"file\":\"%.*s\",\"size_bytes\":%" PRId64 ",\"file_count\":%" PRId64
           ",\"base_version\":%d,\"journal_id\":\"%" PRId64 "\"}\n",
           STR(b->target), b->size_bytes, b->file_count, b->version, b->journal_id);
    return 0;
}

int command_backup(struct cli *cli, const struct app_config *config)
{
    struct backup b = {.arena = cli->arena, .data = config->data, .made_ms = clock_now_ms()};

    if (cli->count != 1)
        return command_refuse(S("papilio backup FILE|DIR --data DIR")) + 1;
    if (config->db.at != NULL)
        return command_refuse(S("a base of PostgreSQL is backed up with pg_dump; see docs/ops.md"));
    b.target = target_of(cli->arena, cli->args[0]);
    b.part = str_fmt(cli->arena, "%.*s.part", STR(b.target));
    b.copy = str_fmt(cli->arena, "%.*s.part.db", STR(b.target));
    if (!file_exists(str_fmt(cli->arena, "%.*s/%s", STR(b.data), BACKUP_BASE)))
        return command_refuse(str_fmt(cli->arena, "%.*s holds no base", STR(b.data)));
    if (file_exists(b.target))
        return command_refuse(
            str_fmt(cli->arena, "%.*s is there already; nothing is overwritten", STR(b.target)));
    umask(077);
    signal(SIGXFSZ, SIG_IGN); /* a limit is an error like a full disk */
    return backup_run(&b);
}
