/* The lot by which customers fall into buckets. Always: the same salt and number give the same
 * bucket, on every machine and for ever. */
#include "engine/catalog.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint32_t catalog_bucket(struct str salt, uint32_t number)
{
    return (uint32_t)(XXH3_64bits_withSeed(salt.at, salt.len, number) % BUCKET_COUNT);
}
