/* Kernels for AVX2. */
#include "engine/scan_work.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define FN(name) name##_avx2
#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))

TARGET static ALWAYS_INLINE __m256i load32(const uint8_t *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

TARGET static ALWAYS_INLINE uint64_t bits64(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

TARGET static ALWAYS_INLINE uint64_t mask64(const uint8_t *kinds,
                                            const struct scan_needles *needles, int count)
{
    __m256i a = load32(kinds), b = load32(kinds + 32), low = _mm256_setzero_si256(), high = low;

    for (int i = 0; i < count; i++) {
        __m256i kind = _mm256_set1_epi8((char)needles->narrow[i]);
        __m256i enabled = _mm256_set1_epi64x((long long)needles->enabled[i]);

        low = _mm256_or_si256(low, _mm256_and_si256(_mm256_cmpeq_epi8(a, kind), enabled));
        high = _mm256_or_si256(high, _mm256_and_si256(_mm256_cmpeq_epi8(b, kind), enabled));
    }
    return bits64(low, high);
}

TARGET static ALWAYS_INLINE uint64_t mask64_of(const uint8_t *kinds, uint8_t kind)
{
    __m256i wanted = _mm256_set1_epi8((char)kind);

    return bits64(_mm256_cmpeq_epi8(load32(kinds), wanted),
                  _mm256_cmpeq_epi8(load32(kinds + 32), wanted));
}

/* Bit 0 says nothing: what is before is not looked at. */
TARGET static ALWAYS_INLINE uint64_t mask64_changes(const uint8_t *channels)
{
    __m256i low = _mm256_cmpeq_epi8(load32(channels), load32(channels + 1));
    __m256i high = _mm256_cmpeq_epi8(load32(channels + 32), load32(channels + 33));

    return ~bits64(low, high) << 1;
}

TARGET static ALWAYS_INLINE uint64_t mask64_within(const int64_t *values, int64_t low, int64_t high)
{
    __m256i least = _mm256_set1_epi64x(low), most = _mm256_set1_epi64x(high);
    uint64_t outside = 0;

    for (int i = 0; i < 64; i += 4) {
        __m256i four = _mm256_loadu_si256((const __m256i *)(const void *)(values + i));
        __m256i out =
            _mm256_or_si256(_mm256_cmpgt_epi64(least, four), _mm256_cmpgt_epi64(four, most));

        outside |= (uint64_t)(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(out)) << i;
    }
    return ~outside;
}

#include "engine/scan_mask.h"

#include "engine/scan_kernel.h"

#include "engine/scan_kernel_back.h"

#include "engine/scan_kernel_more.h"
#else
const struct scan_kernels scan_kernels_avx2;
#endif
