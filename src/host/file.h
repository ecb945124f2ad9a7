/* Files and folders. Paths are UTF-8 text; errors are E_IO, E_NOT_FOUND, E_CONFLICT (locked by
 * another process). */
#pragma once

#include "base/base.h"

enum err file_read(struct arena *arena, struct str path, size_t max_bytes,
                   struct str *out) MUST_USE; /* E_TOO_LARGE */
enum err file_write(struct str path, struct str content,
                    int mode) MUST_USE; /* whole, atomically, fsynced */
enum err file_sync(struct str path) MUST_USE; /* what others wrote into it is on the disk */
bool file_exists(struct str path);
enum err file_remove(struct str path) MUST_USE;
/* To another name on the same disk, durably. E_CONFLICT: that name is taken, nothing is overwritten. */
enum err file_move(struct str from, struct str to) MUST_USE;
const char *file_why(void); /* the system's words for what just failed in this thread */
int64_t file_bytes(struct str path); /* NONE: no such file */
enum err folder_make(struct str path) MUST_USE; /* with parents, 0700 */
bool folder_is(struct str path);
bool folder_is_mine(struct str path); /* belongs to the user this process runs as */
/* The names in it, without . and .., sorted; at most `max` of them (E_TOO_LARGE). */
enum err folder_list(struct arena *arena, struct str path, int64_t max, struct list *out) MUST_USE; /* of struct str */
enum err folder_remove(struct str path) MUST_USE; /* with all that is in it; OK if it is not there */
/* Holds an exclusive lock on path until the process ends or folder_unlock. */
enum err file_lock(struct str path, int *out_fd) MUST_USE;
void file_unlock(int fd);

/* Reading a file from start to end. */
struct file_reader;
enum err file_open(struct arena *arena, struct str path, struct file_reader **out) MUST_USE;
enum err file_next(struct file_reader *reader, struct str *chunk)
    MUST_USE; /* at most 256 KiB; len 0 at the end; good until the next call */
int64_t file_size(const struct file_reader *reader); /* NONE: a pipe */
void file_close(struct file_reader *reader);

/* Writing a file piece by piece. */
struct file_writer;
enum err file_create(struct arena *arena, struct str path, struct file_writer **out) MUST_USE;
enum err file_append(struct file_writer *writer, struct str bytes) MUST_USE; /* buffered */
enum err file_finish(struct file_writer *writer) MUST_USE; /* flush, fsync, close */

/* A whole file as memory, read-only and shared with the page cache, until file_unmap. Empty files give no bytes. Whoever cuts
 * a mapped file off ends the process: only files that are replaced whole are mapped. */
enum err file_map(struct str path, struct str *out) MUST_USE;
/* file_write in two steps: the first gives what will be in the file as memory; the second waits for the disk and gives it its name
 * (file_sync makes the name durable). Staged again, the one before is gone. What never got its name is PATH.new.PID. */
enum err file_stage(struct str path, struct str content, int mode, struct str *mapped) MUST_USE;
enum err file_stage_end(struct str path) MUST_USE;
void file_unmap(struct str mapped);
void file_map_fetch(struct str part); /* of mapped bytes: begins to read what of it is not in memory, and no more than it */

/* A file that stays open and is written at places; made if it is not there (its folder is not synced). Durable by
 * file_place_sync. */
enum err file_place_open(struct str path, int *out_fd) MUST_USE;
enum err file_place_reserve(int fd, int64_t bytes) MUST_USE; /* room on the disk now; reads as zeros */
enum err file_place_write(int fd, int64_t at, struct str bytes) MUST_USE;
enum err file_place_sync(int fd) MUST_USE;
enum err file_place_cut(int fd, int64_t bytes) MUST_USE; /* to this length, durably */
void file_place_close(int fd);

/* The zone by its IANA name from the system's tzdata; E_NOT_FOUND. Names with ".." or a leading "/"
 * are refused. */
struct zone;
enum err zone_load(struct arena *arena, struct str name, struct zone **out) MUST_USE;
/* The same, read once a process; to be read only. Any thread. */
enum err zone_shared(struct arena *arena, struct str name, const struct zone **out) MUST_USE;
