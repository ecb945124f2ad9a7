/* Memory that is released all at once: a chain of blocks, the newest first.
 * Always: what arena_alloc returns is zero, aligned to 16 and lies in one block; used_bytes is the
 * sum of what was handed out and never passes max_bytes; bytes of a block past dirty_bytes are
 * zero. */
#include "base/base.h"

#include <stdlib.h>

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#define GUARD_BYTES 16 /* unreadable bytes behind each piece, so that an overrun is seen */
#define POISON(at, len) ASAN_POISON_MEMORY_REGION(at, len)
#define UNPOISON(at, len) ASAN_UNPOISON_MEMORY_REGION(at, len)
#else
#define GUARD_BYTES 0
#define POISON(at, len) ((void)(at), (void)(len))
#define UNPOISON(at, len) ((void)(at), (void)(len))
#endif

#define ALIGN 16
#define RESERVE_BYTES ((size_t)64 * 1024)
#define FIRST_BLOCK_BYTES ((size_t)64 * 1024)
#define SMALL_BLOCK_BYTES ((size_t)512 * 1024)
#define LARGEST_STEP_BYTES                                                                         \
    ((size_t)4 * 1024 * 1024) /* blocks double up to this; single pieces may be larger */

struct block {
    struct block *next;
    size_t cap_bytes;
    size_t used_bytes;
    size_t dirty_bytes;
    char data[] __attribute__((aligned(ALIGN)));
};

struct arena {
    struct block *blocks;
    size_t used_bytes;
    size_t max_bytes;
    bool was_full;
};

/* Says that the arena is full. Once until it is reset there is a little more room afterwards, so
 * that whoever caught this can still compose an answer in the same arena. */
static _Noreturn void arena_full(struct arena *arena)
{
    if (!arena->was_full && arena->max_bytes < SIZE_MAX - RESERVE_BYTES) {
        arena->max_bytes += RESERVE_BYTES;
        arena->was_full = true;
    }
    must_fail("arena is full", __FILE__, __LINE__);
}

/* A small one is emptied as it is given out, so that what nobody takes costs nothing; pages of a
 * large one come empty from the system. */
static struct block *block_new(size_t cap_bytes)
{
    bool is_small = cap_bytes <= SMALL_BLOCK_BYTES;
    struct block *block =
        is_small ? malloc(sizeof(*block) + cap_bytes) : calloc(1, sizeof(*block) + cap_bytes);

    if (!block)
        must_fail("out of memory", __FILE__, __LINE__);
    *block = (struct block){.cap_bytes = cap_bytes, .dirty_bytes = is_small ? cap_bytes : 0};
    POISON(block->data, cap_bytes);
    return block;
}

static void block_free(struct block *block)
{
    UNPOISON(block->data, block->cap_bytes);
    free(block);
}

struct arena *arena_new(size_t max_bytes)
{
    struct arena *arena = calloc(1, sizeof(*arena));

    if (!arena)
        must_fail("out of memory", __FILE__, __LINE__);
    arena->max_bytes = max_bytes;
    return arena;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    while (arena->blocks) {
        struct block *block = arena->blocks;
        arena->blocks = block->next;
        block_free(block);
    }
    free(arena);
}

/* The block that is kept is the first one, so that one large request does not stay in memory. */
void arena_reset(struct arena *arena)
{
    struct block *block;

    while (arena->blocks && arena->blocks->next) {
        block = arena->blocks;
        arena->blocks = block->next;
        block_free(block);
    }
    block = arena->blocks;
    if (block && block->cap_bytes > FIRST_BLOCK_BYTES) {
        block_free(block);
        arena->blocks = NULL;
    } else if (block) {
        block->used_bytes = 0;
        POISON(block->data, block->cap_bytes);
    }
    arena->used_bytes = 0;
    if (arena->was_full)
        arena->max_bytes -= RESERVE_BYTES;
    arena->was_full = false;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used_bytes;
}

static struct block *arena_grow(struct arena *arena, size_t bytes)
{
    size_t cap_bytes = arena->blocks ? arena->blocks->cap_bytes * 2 : FIRST_BLOCK_BYTES;
    struct block *block;

    if (cap_bytes > LARGEST_STEP_BYTES)
        cap_bytes = LARGEST_STEP_BYTES;
    if (cap_bytes < bytes)
        cap_bytes = bytes;
    block = block_new(cap_bytes);
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    struct block *block = arena->blocks;
    size_t take, room_bytes;
    char *at;

    if (bytes > SIZE_MAX / 2)
        arena_full(arena);
    take = bytes ? (bytes + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    if (take > arena->max_bytes - arena->used_bytes)
        arena_full(arena);
    room_bytes = take + GUARD_BYTES;
    if (!block || block->cap_bytes - block->used_bytes < room_bytes)
        block = arena_grow(arena, room_bytes);
    at = block->data + block->used_bytes;
    UNPOISON(at, bytes);
    if (block->used_bytes < block->dirty_bytes) {
        size_t dirty_bytes = block->dirty_bytes - block->used_bytes;
        memset(at, 0, dirty_bytes < bytes ? dirty_bytes : bytes);
    }
    block->used_bytes += room_bytes;
    if (block->dirty_bytes < block->used_bytes)
        block->dirty_bytes = block->used_bytes;
    arena->used_bytes += take;
    return at;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
    size_t total_bytes;

    if (__builtin_mul_overflow(count, bytes, &total_bytes))
        must_fail("array size overflows", __FILE__, __LINE__);
    return arena_alloc(arena, total_bytes);
}
