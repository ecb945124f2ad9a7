/* Headers of tar files.
 * Always: what tar_head_write wrote, tar_head_read gives back; sizes beyond 8 GiB are written in
 * the binary form that GNU tar and libarchive read. */
#include "base/tar.h"

#include <stdio.h>

/* ustar: where each field stands and how long it is. */
enum {
    NAME_AT = 0,
    MODE_AT = 100,
    USER_AT = 108,
    GROUP_AT = 116,
    SIZE_AT = 124,
    TIME_AT = 136,
    SUM_AT = 148,
    TYPE_AT = 156,
    MAGIC_AT = 257,
};
#define NUMBER_BYTES 12
#define OCTAL_MAX INT64_C(077777777777)

static void octal_write(char *at, int digits, int64_t value)
{
    for (int i = digits - 1; i >= 0; i--, value >>= 3)
        at[i] = (char)('0' + (value & 7));
}

static void number_write(char *at, int64_t value)
{
    if (value <= OCTAL_MAX) {
        octal_write(at, NUMBER_BYTES - 1, value);
        return;
    }
    at[0] = (char)0x80;
    for (int i = NUMBER_BYTES - 1; i >= NUMBER_BYTES - 8; i--, value >>= 8)
        at[i] = (char)(value & 0xff);
}

static bool number_read(const char *at, int count, int64_t *value)
{
    const unsigned char *bytes = (const unsigned char *)at;

    *value = 0;
    if (bytes[0] == 0x80) {
        for (int i = 1; i < count; i++) {
            if (*value > INT64_MAX >> 8)
                return false;
            *value = *value << 8 | bytes[i];
        }
        return true;
    }
    for (int i = 0; i < count && bytes[i] != '\0' && bytes[i] != ' '; i++) {
        if (bytes[i] < '0' || bytes[i] > '7')
            return false;
        *value = *value << 3 | (bytes[i] - '0');
    }
    return true;
}

/* The sum of all bytes, those of the sum itself as blanks. */
static int64_t sum_of(const char block[TAR_BLOCK_BYTES])
{
    int64_t sum = 8 * ' ';

    for (int i = 0; i < TAR_BLOCK_BYTES; i++)
        if (i < SUM_AT || i >= SUM_AT + 8)
            sum += (unsigned char)block[i];
    return sum;
}

void tar_head_write(const struct tar_entry *entry, char out[TAR_BLOCK_BYTES])
{
    must(entry->name.len > 0);
    must(entry->name.len <= TAR_NAME_MAX);
    must(entry->size_bytes >= 0);
    memset(out, 0, TAR_BLOCK_BYTES);
    memcpy(out + NAME_AT, entry->name.at, entry->name.len);
    octal_write(out + MODE_AT, 7, 0600);
    octal_write(out + USER_AT, 7, 0);
    octal_write(out + GROUP_AT, 7, 0);
    number_write(out + SIZE_AT, entry->size_bytes);
    number_write(out + TIME_AT, entry->changed_s);
    out[TYPE_AT] = '0';
    memcpy(out + MAGIC_AT, "ustar\00000", 8);
    octal_write(out + SUM_AT, 6, sum_of(out));
    out[SUM_AT + 7] = ' ';
}

static bool is_empty(const char block[TAR_BLOCK_BYTES])
{
    for (int i = 0; i < TAR_BLOCK_BYTES; i++)
        if (block[i] != 0)
            return false;
    return true;
}

enum err tar_head_read(const char block[TAR_BLOCK_BYTES], struct tar_entry *out)
{
    int64_t sum;

    *out = (struct tar_entry){.size_bytes = 0};
    if (is_empty(block))
        return E_NOT_FOUND;
    if (memcmp(block + MAGIC_AT, "ustar", 5) != 0 || !number_read(block + SUM_AT, 8, &sum) ||
        sum != sum_of(block))
        return E_CORRUPT;
    if (block[TYPE_AT] != '0' || block[NAME_AT] == '\0' ||
        !number_read(block + SIZE_AT, NUMBER_BYTES, &out->size_bytes) ||
        !number_read(block + TIME_AT, NUMBER_BYTES, &out->changed_s))
        return E_CORRUPT;
    out->name = (struct str){block, strnlen(block, TAR_NAME_MAX + 1)};
    return out->name.len <= TAR_NAME_MAX ? OK : E_CORRUPT;
}

int64_t tar_fill(int64_t size_bytes)
{
    return (TAR_BLOCK_BYTES - size_bytes % TAR_BLOCK_BYTES) % TAR_BLOCK_BYTES;
}
