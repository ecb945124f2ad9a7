/* Kernels for AVX-512 (BW). */
#include "engine/scan_work.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define FN(name) name##_avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx2,bmi,bmi2,popcnt,lzcnt")))

TARGET static ALWAYS_INLINE uint64_t mask64(const uint8_t *kinds,
                                            const struct scan_needles *needles, int count)
{
    __m512i at = _mm512_loadu_si512((const void *)kinds);
    uint64_t mask = 0;

    for (int i = 0; i < count; i++)
        mask |= _mm512_cmpeq_epi8_mask(at, _mm512_set1_epi8((char)needles->narrow[i])) &
                needles->enabled[i];
    return mask;
}

TARGET static ALWAYS_INLINE uint64_t mask64_of(const uint8_t *kinds, uint8_t kind)
{
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512((const void *)kinds),
                                  _mm512_set1_epi8((char)kind));
}

/* Bit 0 says nothing: what is before is not looked at. */
TARGET static ALWAYS_INLINE uint64_t mask64_changes(const uint8_t *channels)
{
    __m512i here = _mm512_loadu_si512((const void *)channels),
            next = _mm512_loadu_si512((const void *)(channels + 1));

    return (uint64_t)_mm512_cmpneq_epi8_mask(here, next) << 1;
}

TARGET static ALWAYS_INLINE uint64_t mask64_within(const int64_t *values, int64_t low, int64_t high)
{
    __m512i least = _mm512_set1_epi64(low), most = _mm512_set1_epi64(high);
    uint64_t mask = 0;

    for (int i = 0; i < 64; i += 8) {
        __m512i eight = _mm512_loadu_si512((const void *)(values + i));
        __mmask8 not_below = _mm512_cmpge_epi64_mask(eight, least);

        mask |= (uint64_t)_mm512_mask_cmple_epi64_mask(not_below, eight, most) << i;
    }
    return mask;
}

#include "engine/scan_mask.h"

#include "engine/scan_kernel.h"

#include "engine/scan_kernel_back.h"

#include "engine/scan_kernel_more.h"
#else
const struct scan_kernels scan_kernels_avx512;
#endif
