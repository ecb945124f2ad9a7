/* Files, folders and locks.
 * Always: file_write and file_finish answer OK only for what is on the disk; descriptors are not
 * inherited. */
#include "host/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES (256 * 1024)
#define PATH_BYTES 4096

static enum err err_of_errno(void)
{
    return errno == ENOENT || errno == ENOTDIR ? E_NOT_FOUND : E_IO;
}

/* A path as the system wants it. Longer ones do not exist. */
static bool path_copy(struct str path, char out[PATH_BYTES])
{
    if (path.len == 0 || path.len >= PATH_BYTES || memchr(path.at, '\0', path.len) != NULL)
        return false;
    memcpy(out, path.at, path.len);
    out[path.len] = '\0';
    return true;
}

static enum err fd_open(struct str path, int flags, int mode, int *fd)
{
    char cpath[PATH_BYTES];

    if (!path_copy(path, cpath))
        return E_NOT_FOUND;
    do
        *fd = open(cpath, flags | O_CLOEXEC, mode);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? err_of_errno() : OK;
}

/* Reads until `len` bytes are there or the file ends. */
static enum err fd_read(int fd, char *at, size_t len, size_t *got)
{
    *got = 0;
    while (*got < len) {
        ssize_t n = read(fd, at + *got, len - *got);
        if (n == 0)
            return OK;
        if (n < 0 && errno != EINTR)
            return E_IO;
        if (n > 0)
            *got += (size_t)n;
    }
    return OK;
}

static enum err fd_write(int fd, struct str bytes)
{
    size_t done = 0;

    while (done < bytes.len) {
        ssize_t n = write(fd, bytes.at + done, bytes.len - done);
        if (n < 0 && errno != EINTR)
            return E_IO;
        if (n > 0)
            done += (size_t)n;
    }
    return OK;
}

/* ---- whole files ----------------------------------------------------------------------------- */

/* One byte more than allowed is asked for: if it comes, the file is too large, whatever fstat said.
 */
static enum err fd_read_all(struct arena *arena, int fd, size_t max_bytes, struct str *out)
{
    struct stat info;
    size_t room, got;
    char *at;

    if (fstat(fd, &info) != 0)
        return E_IO;
    room = S_ISREG(info.st_mode) ? (size_t)info.st_size : max_bytes;
    if (room > max_bytes)
        return E_TOO_LARGE;
    at = arena_alloc(arena, room + 1);
    TRY(fd_read(fd, at, room + 1, &got));
    if (got > max_bytes)
        return E_TOO_LARGE;
    *out = (struct str){at, got};
    return got <= room ? OK : E_IO; /* it grew while we read */
}

enum err file_read(struct arena *arena, struct str path, size_t max_bytes, struct str *out)
{
    enum err err;
    int fd;

    *out = (struct str){NULL, 0};
    TRY(fd_open(path, O_RDONLY, 0, &fd));
    err = fd_read_all(arena, fd, max_bytes, out);
    close(fd);
    return err;
}

/* A rename is on the disk only when its folder is. */
static enum err folder_sync(struct str path)
{
    size_t len = path.len;
    enum err err;
    int fd;

    while (len > 0 && path.at[len - 1] != '/')
        len--;
    TRY(fd_open(len == 0 ? S(".") : str_sub(path, 0, len), O_RDONLY | O_DIRECTORY, 0, &fd));
    err = fsync(fd) == 0 ? OK : E_IO;
    close(fd);
    return err;
}

enum err file_sync(struct str path)
{
    enum err err;
    int fd;

    TRY(fd_open(path, O_RDONLY, 0, &fd));
    err = fsync(fd) == 0 ? OK : E_IO;
    close(fd);
    return err == OK ? folder_sync(path) : err;
}

/* Where a file's bytes are before they are whole. */
struct passing {
    char target[PATH_BYTES], at[PATH_BYTES];
};

static enum err passing_of(struct str path, struct passing *out)
{
    int len;

    if (!path_copy(path, out->target))
        return E_NOT_FOUND;
    len = snprintf(out->at, sizeof(out->at), "%s.new.%ld", out->target, (long)getpid());
    return len < 0 || (size_t)len >= sizeof(out->at) ? E_IO : OK;
}

static enum err passing_create(const struct passing *passing, struct str content, int mode, int *fd)
{
    enum err err;

    unlink(passing->at); /* of an earlier process with our number */
    TRY(fd_open(str_of(passing->at), O_RDWR | O_CREAT | O_EXCL, mode, fd));
    err = fd_write(*fd, content);
    if (err == OK)
        return OK;
    close(*fd);
    unlink(passing->at);
    return err;
}

static enum err passing_sync(int fd)
{
    enum err err = fsync(fd) == 0 ? OK : E_IO;

    return close(fd) == 0 ? err : E_IO;
}

enum err file_write(struct str path, struct str content, int mode)
{
    struct passing passing;
    enum err err;
    int fd;

    TRY(passing_of(path, &passing));
    TRY(passing_create(&passing, content, mode, &fd));
    err = passing_sync(fd);
    if (err == OK && rename(passing.at, passing.target) != 0)
        err = E_IO;
    if (err != OK) {
        unlink(passing.at);
        return err;
    }
    return folder_sync(path);
}

enum err file_stage(struct str path, struct str content, int mode, struct str *mapped)
{
    struct passing passing;
    enum err err;
    int fd;

    TRY(passing_of(path, &passing));
    TRY(passing_create(&passing, content, mode, &fd));
    close(fd);
    err = file_map(str_of(passing.at), mapped);
    if (err != OK)
        unlink(passing.at);
    return err;
}

enum err file_stage_end(struct str path)
{
    struct passing passing;
    int fd;

    TRY(passing_of(path, &passing));
    TRY(fd_open(str_of(passing.at), O_RDONLY, 0, &fd));
    TRY(passing_sync(fd));
    return rename(passing.at, passing.target) == 0 ? OK : E_IO;
}

bool file_exists(struct str path)
{
    char cpath[PATH_BYTES];

    return path_copy(path, cpath) && access(cpath, F_OK) == 0;
}

int64_t file_bytes(struct str path)
{
    char cpath[PATH_BYTES];
    struct stat stat_of;

    if (!path_copy(path, cpath) || stat(cpath, &stat_of) != 0)
        return NONE;
    return stat_of.st_size;
}

enum err file_remove(struct str path)
{
    char cpath[PATH_BYTES];

    if (!path_copy(path, cpath))
        return E_NOT_FOUND;
    return unlink(cpath) == 0 ? OK : err_of_errno();
}

const char *file_why(void)
{
    return strerror(errno);
}

enum err file_move(struct str from, struct str to)
{
    char was[PATH_BYTES], now[PATH_BYTES];
    int status;

    if (!path_copy(from, was) || !path_copy(to, now))
        return E_NOT_FOUND;
    status = renameat2(AT_FDCWD, was, AT_FDCWD, now, RENAME_NOREPLACE);
    if (status != 0 && errno == EINVAL) { /* a file system that cannot promise it */
        if (access(now, F_OK) == 0)
            return E_CONFLICT;
        status = rename(was, now);
    }
    if (status != 0)
        return errno == EEXIST ? E_CONFLICT : err_of_errno();
    TRY(folder_sync(from));
    return folder_sync(to);
}

/* ---- folders --------------------------------------------------------------------------------- */

enum err folder_make(struct str path)
{
    char cpath[PATH_BYTES];
    struct stat info;

    if (!path_copy(path, cpath))
        return E_IO;
    for (size_t i = 1; i <= path.len; i++) {
        if (cpath[i] != '/' && cpath[i] != '\0')
            continue;
        cpath[i] = '\0';
        if (mkdir(cpath, 0700) != 0 && errno != EEXIST)
            return E_IO;
        if (i < path.len)
            cpath[i] = '/';
    }
    return stat(cpath, &info) == 0 && S_ISDIR(info.st_mode) ? OK : E_IO;
}

bool folder_is(struct str path)
{
    char cpath[PATH_BYTES];
    struct stat info;

    return path_copy(path, cpath) && stat(cpath, &info) == 0 && S_ISDIR(info.st_mode);
}

bool folder_is_mine(struct str path)
{
    char cpath[PATH_BYTES];
    struct stat info;

    return path_copy(path, cpath) && stat(cpath, &info) == 0 && info.st_uid == geteuid();
}

static int name_compare(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

enum err folder_list(struct arena *arena, struct str path, int64_t max, struct list *out)
{
    char cpath[PATH_BYTES];
    struct dirent *entry;
    enum err err = OK;
    int64_t cap = 0;
    DIR *folder;

    *out = (struct list){.count = 0};
    if (!path_copy(path, cpath))
        return E_NOT_FOUND;
    folder = opendir(cpath);
    if (folder == NULL)
        return err_of_errno();
    while (err == OK && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (out->count >= max)
            err = E_TOO_LARGE;
        else
            *(struct str *)list_add(arena, out, &cap, sizeof(struct str)) =
                str_copy(arena, str_of(entry->d_name));
    }
    closedir(folder);
    if (out->count > 0)
        qsort(out->at, (size_t)out->count, sizeof(struct str), name_compare);
    return err;
}

static int one_remove(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info, (void)type, (void)ftw;
    return remove(path);
}

enum err folder_remove(struct str path)
{
    char cpath[PATH_BYTES];

    if (!path_copy(path, cpath))
        return E_NOT_FOUND;
    if (nftw(cpath, one_remove, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return OK;
    return E_IO;
}

enum err file_lock(struct str path, int *out_fd)
{
    TRY(fd_open(path, O_RDWR | O_CREAT, 0600, out_fd));
    if (flock(*out_fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    close(*out_fd);
    *out_fd = -1;
    return errno == EWOULDBLOCK ? E_CONFLICT : E_IO;
}

void file_unlock(int fd)
{
    close(fd);
}

/* ---- piece by piece -------------------------------------------------------------------------- */

struct file_reader {
    int fd;
    int64_t size;
    char chunk[CHUNK_BYTES];
};

enum err file_open(struct arena *arena, struct str path, struct file_reader **out)
{
    struct file_reader *reader;
    struct stat info;
    int fd;

    *out = NULL;
    TRY(fd_open(path, O_RDONLY, 0, &fd));
    if (fstat(fd, &info) != 0 || S_ISDIR(info.st_mode)) {
        close(fd);
        return E_IO;
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    reader = arena_new_one(arena, struct file_reader);
    reader->fd = fd;
    reader->size = S_ISREG(info.st_mode) ? (int64_t)info.st_size : NONE;
    *out = reader;
    return OK;
}

enum err file_next(struct file_reader *reader, struct str *chunk)
{
    size_t got;

    *chunk = (struct str){reader->chunk, 0};
    TRY(fd_read(reader->fd, reader->chunk, CHUNK_BYTES, &got));
    chunk->len = got;
    return OK;
}

int64_t file_size(const struct file_reader *reader)
{
    return reader->size;
}

void file_close(struct file_reader *reader)
{
    if (reader == NULL || reader->fd < 0)
        return;
    close(reader->fd);
    reader->fd = -1;
}

struct file_writer {
    int fd;
    enum err err; /* the first thing that went wrong: said again by every later call */
    size_t len;
    char waiting[CHUNK_BYTES];
};

enum err file_create(struct arena *arena, struct str path, struct file_writer **out)
{
    struct file_writer *writer = arena_new_one(arena, struct file_writer); /* may be its end */

    *out = NULL;
    TRY(fd_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &writer->fd));
    *out = writer;
    return OK;
}

static void writer_flush(struct file_writer *writer)
{
    if (writer->err == OK)
        writer->err = fd_write(writer->fd, (struct str){writer->waiting, writer->len});
    writer->len = 0;
}

enum err file_append(struct file_writer *writer, struct str bytes)
{
    if (writer->len + bytes.len > CHUNK_BYTES)
        writer_flush(writer);
    if (bytes.len > CHUNK_BYTES) {
        if (writer->err == OK)
            writer->err = fd_write(writer->fd, bytes);
    } else if (bytes.len > 0) {
        memcpy(writer->waiting + writer->len, bytes.at, bytes.len);
        writer->len += bytes.len;
    }
    return writer->err;
}

enum err file_finish(struct file_writer *writer)
{
    writer_flush(writer);
    if (writer->err == OK && fsync(writer->fd) != 0 && errno != EINVAL && errno != EROFS)
        writer->err = E_IO; /* a pipe cannot be synced, and need not be */
    if (close(writer->fd) != 0 && writer->err == OK)
        writer->err = E_IO;
    writer->fd = -1;
    return writer->err;
}
