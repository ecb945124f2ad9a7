/* What kernels look for in a column of kinds. */
#pragma once

#include "engine/scan.h"

/* `bits[kind]` says which of them (by number) for kinds below 256, as kernels meet few others. */
struct scan_needles {
    uint16_t kinds[SCAN_STEP_MAX];
    uint8_t narrow[SCAN_STEP_MAX];  /* as bytes, and whether they can be one: all bits or none */
    uint64_t enabled[SCAN_STEP_MAX];
    int count;
    uint8_t bits[256];
};
void scan_needles_set(struct scan_needles *needles, const uint16_t *kinds, int count);
static inline uint32_t scan_needle_bits(const struct scan_needles *needles, uint16_t kind)
{
    uint32_t bits = 0;

    if (kind < 256)
        return needles->bits[kind];
    for (int i = 0; i < needles->count; i++)
        bits |= (uint32_t)(needles->kinds[i] == kind) << i;
    return bits;
}
