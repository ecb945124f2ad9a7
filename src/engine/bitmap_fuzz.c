/* Any bytes are refused or become a set that is sound; with the checksum put right, so that what
 * stands behind it is reached. */
#include "engine/bitmap.h"

#include "engine/checksum.h"

static void use(const struct bitmap *bitmap)
{
    const struct bitmap *self[] = {bitmap};
    struct bitmap_terms terms = {.all = self, .none = self, .all_count = 1, .none_count = 1};
    uint64_t words[BITMAP_SHARD_WORDS];
    uint32_t numbers[64], before = 0;
    size_t count = bitmap_read(bitmap, 0, numbers, ARRAY_LEN(numbers));

    for (size_t i = 0; i < count; i++) {
        must(i == 0 || numbers[i] > before);
        must(bitmap_has(bitmap, numbers[i]));
        bitmap_shard(bitmap, numbers[i] / 4096, words);
        must(words[numbers[i] % 4096 / 64] >> numbers[i] % 64 & 1);
        before = numbers[i];
    }
    must(bitmap_combine(&terms, NULL) == 0);
    terms.none_count = 0;
    must(bitmap_combine(&terms, NULL) == bitmap_count(bitmap));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct bitmap bitmap;
    struct buf bytes, again;

    bitmap_init(&bitmap);
    buf_init(&bytes, (size_t)1 << 24);
    buf_init(&again, (size_t)1 << 24);
    must(bitmap_load((struct str){(const char *)at, len}, &bitmap) == E_CORRUPT || len >= 32);
    buf_add(&bytes, at, len);
    if (len > 0) {
        uint64_t sum = checksum_of(at, len);

        buf_add(&bytes, &sum, sizeof(sum));
    }
    if (bitmap_load(buf_view(&bytes), &bitmap) == OK) {
        use(&bitmap);
        bitmap_save(&bitmap, &again);
        must(again.len == bytes.len);
    }
    bitmap_release(&bitmap);
    buf_release(&bytes);
    buf_release(&again);
    return 0;
}
