/* Sets of customer numbers (u32, dense from 0): tags, static lists, members of segments. A bitmap owns heap memory: whoever
 * initialised it releases it. Readers may share one; a change needs it alone. */
#pragma once

#include "base/base.h"

#define BITMAP_TERM_MAX 64        /* operands of each kind in one combination */
#define BITMAP_SHARD_WORDS 64     /* a shard's 4,096 numbers as bits */

struct bitmap {
    struct buf blocks;
};

void bitmap_init(struct bitmap *bitmap);
void bitmap_release(struct bitmap *bitmap);
bool bitmap_add(struct bitmap *bitmap, uint32_t number);    /* false: it was there */
bool bitmap_remove(struct bitmap *bitmap, uint32_t number); /* false: it was not there */
bool bitmap_has(const struct bitmap *bitmap, uint32_t number);
int64_t bitmap_count(const struct bitmap *bitmap);
int64_t bitmap_bytes(const struct bitmap *bitmap); /* memory held */

/* Numbers that are in every one of `all`, in at least one of `any` (if there are any) and in none of `none`. So AND is `all`,
 * OR is `any`, ANDNOT is all[0] without `none`. At least one of `all` or `any` must be given. */
struct bitmap_terms {
    const struct bitmap *const *all, *const *any, *const *none;
    int all_count, any_count, none_count;
};
/* Returns how many there are. out NULL: only counts. Else out, initialised and none of the operands, holds them. Block by block, with
 * no intermediate set. */
int64_t bitmap_combine(const struct bitmap_terms *terms, struct bitmap *out);
/* Keeps the machine's vector instructions from being used: for tests that compare. Not while others combine. */
void bitmap_plain(bool is_plain);

/* The members from `from` up, ascending, at most `max`; returns how many. Fewer than `max`: there are no more. */
size_t bitmap_read(const struct bitmap *bitmap, uint32_t from, uint32_t *out, size_t max);
/* The members among the numbers shard * 4,096 and up: bit i of the words is number shard * 4,096 + i. */
void bitmap_shard(const struct bitmap *bitmap, uint32_t shard, uint64_t words[BITMAP_SHARD_WORDS]);
void bitmap_shard_add(const struct bitmap *bitmap, uint32_t shard, uint64_t words[BITMAP_SHARD_WORDS]); /* to those that are there */

/* Made anew of bits: bit i of the words is number i. */
void bitmap_fill(struct bitmap *bitmap, const uint64_t *words, size_t word_count);

/* As bytes with version and checksum. bitmap_load: E_CORRUPT for anything that bitmap_save did not write (out is then empty). */
void bitmap_save(const struct bitmap *bitmap, struct buf *out);
enum err bitmap_load(struct str bytes, struct bitmap *out) MUST_USE; /* out: initialised; what it held is gone */
