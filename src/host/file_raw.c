/* Files as memory, and files written at places: what stores keep open for long.
 * Always: a mapping is read-only and ends with file_unmap; nothing is durable before file_sync. */
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

static enum err raw_open(struct str path, int flags, int *fd)
{
    char cpath[PATH_BYTES];

    if (path.len == 0 || path.len >= PATH_BYTES || memchr(path.at, '\0', path.len) != NULL)
        return E_NOT_FOUND;
    memcpy(cpath, path.at, path.len);
    cpath[path.len] = '\0';
    do
        *fd = open(cpath, flags | O_CLOEXEC, 0600);
    while (*fd < 0 && errno == EINTR);
    if (*fd >= 0)
        return OK;
    return errno == ENOENT || errno == ENOTDIR ? E_NOT_FOUND : E_IO;
}

static enum err fd_map(int fd, struct str *out)
{
    struct stat info;
    void *at;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return E_IO;
    *out = (struct str){"", 0};
    if (info.st_size == 0)
        return OK;
    at = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return E_IO;
    *out = (struct str){at, (size_t)info.st_size};
    return OK;
}

enum err file_map(struct str path, struct str *out)
{
    enum err err;
    int fd;

    *out = (struct str){NULL, 0};
    TRY(raw_open(path, O_RDONLY, &fd));
    err = fd_map(fd, out);
    close(fd);
    return err;
}

void file_unmap(struct str mapped)
{
    if (mapped.len > 0)
        munmap((void *)(uintptr_t)mapped.at, mapped.len);
}

void file_map_fetch(struct str part)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)part.at / page * page;

    if (part.len > 0)
        (void)madvise((void *)from, (uintptr_t)part.at + part.len - from,
                      MADV_WILLNEED); /* advice */
}

enum err file_place_open(struct str path, int *out_fd)
{
    return raw_open(path, O_RDWR | O_CREAT, out_fd);
}

/* Where a file system cannot reserve, the file grows as it is written. */
enum err file_place_reserve(int fd, int64_t bytes)
{
    if (fallocate(fd, 0, 0, bytes) == 0 || errno == EOPNOTSUPP)
        return OK;
    return E_IO;
}

enum err file_place_write(int fd, int64_t at, struct str bytes)
{
    size_t done = 0;

    while (done < bytes.len) {
        ssize_t n = pwrite(fd, bytes.at + done, bytes.len - done, at + (int64_t)done);

        if (n < 0 && errno != EINTR)
            return E_IO;
        if (n > 0)
            done += (size_t)n;
    }
    return OK;
}

enum err file_place_sync(int fd)
{
    return fdatasync(fd) == 0 ? OK : E_IO;
}

enum err file_place_cut(int fd, int64_t bytes)
{
    return ftruncate(fd, bytes) == 0 && fsync(fd) == 0 ? OK : E_IO;
}

void file_place_close(int fd)
{
    close(fd);
}
