/* The frame of a tar file (ustar): a header before each file, its bytes filled up to whole blocks, and two
 * empty blocks at the end. Plain files only; `tar tf` reads what is written here. */
#pragma once

#include "base/base.h"

#define TAR_BLOCK_BYTES 512
#define TAR_NAME_MAX 99

struct tar_entry {
    struct str name; /* at most TAR_NAME_MAX bytes */
    int64_t size_bytes, changed_s;
};

/* must() the name is short enough. */
void tar_head_write(const struct tar_entry *entry, char out[TAR_BLOCK_BYTES]);
/* E_NOT_FOUND: an empty block, the end. E_CORRUPT: no header, or not of a plain file. The name is a view of
 * the block. */
enum err tar_head_read(const char block[TAR_BLOCK_BYTES], struct tar_entry *out) MUST_USE;
/* Bytes that fill a file of this size up to whole blocks. */
int64_t tar_fill(int64_t size_bytes);
