/* Flat blocks combined in one pass: read, combined, counted and, if asked, stored.
 * Always: the plain and the vector version give the same words and counts; which one runs is found
 * out once. */
#include "engine/bitmap_private.h"

#define STRIDE 16 /* words a step: four vectors of AVX2 */

static bool is_plain_only;

static uint32_t fuse_plain(const struct bitmap_fuse *fuse, uint64_t *out)
{
    uint64_t count = 0;

    for (int at = 0; at < FLAT_WORDS; at++) {
        uint64_t word = fuse->any_count > 0 ? 0 : ~(uint64_t)0;

        for (int i = 0; i < fuse->any_count; i++)
            word |= fuse->any[i][at];
        for (int i = 0; i < fuse->all_count; i++)
            word &= fuse->all[i][at];
        for (int i = 0; i < fuse->none_count; i++)
            word &= ~fuse->none[i][at];
        count += (uint64_t)__builtin_popcountll(word);
        if (out != NULL)
            out[at] = word;
    }
    return (uint32_t)count;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

struct four {
    __m256i at[4];
};

AVX2 static inline __m256i load(const uint64_t *words)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

/* The set bits of each 64 bits, by a table of half bytes. */
AVX2 static inline __m256i bits_of(__m256i v)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i sum =
        _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(v, low)),
                        _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low)));

    return _mm256_sad_epu8(sum, _mm256_setzero_si256());
}

AVX2 static inline struct four combine(const struct bitmap_fuse *fuse, int at)
{
    struct four v;

    for (int j = 0; j < 4; j++)
        v.at[j] = fuse->any_count > 0 ? _mm256_setzero_si256() : _mm256_set1_epi8(-1);
    for (int i = 0; i < fuse->any_count; i++) {
        for (int j = 0; j < 4; j++)
            v.at[j] = _mm256_or_si256(v.at[j], load(fuse->any[i] + at + 4 * j));
    }
    for (int i = 0; i < fuse->all_count; i++) {
        for (int j = 0; j < 4; j++)
            v.at[j] = _mm256_and_si256(v.at[j], load(fuse->all[i] + at + 4 * j));
    }
    for (int i = 0; i < fuse->none_count; i++) {
        for (int j = 0; j < 4; j++)
            v.at[j] = _mm256_andnot_si256(load(fuse->none[i] + at + 4 * j), v.at[j]);
    }
    return v;
}

AVX2 static uint32_t fuse_avx2(const struct bitmap_fuse *fuse, uint64_t *out)
{
    __m256i sum = _mm256_setzero_si256();
    uint64_t sums[4];

    for (int at = 0; at < FLAT_WORDS; at += STRIDE) {
        struct four v = combine(fuse, at);

        for (int j = 0; j < 4; j++) {
            sum = _mm256_add_epi64(sum, bits_of(v.at[j]));
            if (out != NULL)
                _mm256_storeu_si256((__m256i *)(void *)(out + at + 4 * j), v.at[j]);
        }
    }
    _mm256_storeu_si256((__m256i *)(void *)sums, sum);
    return (uint32_t)(sums[0] + sums[1] + sums[2] + sums[3]);
}

uint32_t bitmap_fuse(const struct bitmap_fuse *fuse, uint64_t *out)
{
    return __builtin_cpu_supports("avx2") && !is_plain_only ? fuse_avx2(fuse, out)
                                                            : fuse_plain(fuse, out);
}
#else
uint32_t bitmap_fuse(const struct bitmap_fuse *fuse, uint64_t *out)
{
    return fuse_plain(fuse, out);
}
#endif

void bitmap_plain(bool is_plain)
{
    is_plain_only = is_plain;
}
