/* Masks of pieces made from masks of 64 bytes; included by each level before its kernels. */
#pragma once

TARGET static ALWAYS_INLINE uint64_t mask_cut(uint64_t mask, uint32_t count)
{
    return count >= 64 ? mask : mask & (((uint64_t)1 << count) - 1);
}

/* Which of events [at, at + 64) of the piece have a kind looked for. `needle_count` is needles->count, as a constant where the caller
 * has one. */
TARGET static ALWAYS_INLINE uint64_t mask_any(const struct scan_piece *piece, uint32_t at, const struct scan_needles *needles,
                                              int needle_count)
{
    uint32_t count = piece->count - at < 64 ? piece->count - at : 64;
    uint64_t mask = 0;

    if (!piece->is_kind_wide)
        return mask_cut(mask64((const uint8_t *)piece->kinds + at, needles, needle_count), count);
    for (uint32_t i = 0; i < count; i++)
        mask |= (uint64_t)(scan_needle_bits(needles, scan_kind(piece, at + i)) != 0) << i;
    return mask;
}

/* The same for one of the kinds. */
TARGET static ALWAYS_INLINE uint64_t mask_one(const struct scan_piece *piece, uint32_t at, const struct scan_needles *needles, int which)
{
    uint32_t count = piece->count - at < 64 ? piece->count - at : 64;
    uint64_t mask = 0;

    if (!piece->is_kind_wide)
        return mask_cut(mask64_of((const uint8_t *)piece->kinds + at, needles->narrow[which]) & needles->enabled[which], count);
    for (uint32_t i = 0; i < count; i++)
        mask |= (uint64_t)(scan_kind(piece, at + i) == needles->kinds[which]) << i;
    return mask;
}

/* Which of events [at, at + 64) are in another channel than the one before; the first always is. */
TARGET static ALWAYS_INLINE uint64_t mask_changes(const struct scan_piece *piece, uint32_t at)
{
    uint32_t count = piece->count - at < 64 ? piece->count - at : 64;
    uint64_t mask = 1;

    if (!piece->is_channel_wide)
        return mask_cut(mask64_changes((const uint8_t *)piece->channels + at) | 1, count);
    for (uint32_t i = 1; i < count; i++)
        mask |= (uint64_t)(scan_channel(piece, at + i) != scan_channel(piece, at + i - 1)) << i;
    return mask;
}
