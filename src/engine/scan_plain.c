/* Kernels for any machine; also what the others are checked against. */
#include "engine/scan_work.h"

#define FN(name) name##_plain
#define TARGET

/* 64 bytes are always there to be read. */
static ALWAYS_INLINE uint64_t mask64(const uint8_t *kinds, const struct scan_needles *needles,
                                     int count)
{
    uint64_t mask = 0;

    (void)count;
    for (int i = 0; i < 64; i++)
        mask |= (uint64_t)(needles->bits[kinds[i]] != 0) << i;
    return mask;
}

static ALWAYS_INLINE uint64_t mask64_of(const uint8_t *kinds, uint8_t kind)
{
    uint64_t mask = 0;

    for (int i = 0; i < 64; i++)
        mask |= (uint64_t)(kinds[i] == kind) << i;
    return mask;
}

static ALWAYS_INLINE uint64_t mask64_changes(const uint8_t *channels)
{
    uint64_t mask = 0;

    for (int i = 1; i < 64; i++)
        mask |= (uint64_t)(channels[i] != channels[i - 1]) << i;
    return mask;
}

static ALWAYS_INLINE uint64_t mask64_within(const int64_t *values, int64_t low, int64_t high)
{
    uint64_t mask = 0;

    for (int i = 0; i < 64; i++)
        mask |= (uint64_t)(values[i] >= low && values[i] <= high) << i;
    return mask;
}

#include "engine/scan_mask.h"

#include "engine/scan_kernel.h"

#include "engine/scan_kernel_back.h"

#include "engine/scan_kernel_more.h"
