/* Between bitmap.c and its vector kernels. */
#pragma once

#include "engine/bitmap.h"

#define FLAT_WORDS 1024
#define FLAT_BYTES ((size_t)8192)
#define SPARSE_MAX 4096 /* as many u16 as a flat block has bytes */

/* Flat blocks to be combined: as struct bitmap_terms. One more of any and none, for the sparse ones gathered. */
struct bitmap_fuse {
    const uint64_t *all[BITMAP_TERM_MAX], *any[BITMAP_TERM_MAX + 1], *none[BITMAP_TERM_MAX + 1];
    int all_count, any_count, none_count;
};
uint32_t bitmap_fuse(const struct bitmap_fuse *fuse, uint64_t *out); /* how many; out NULL: only counts */
