/* Sets of customer numbers as blocks of 65,536 numbers, a sorted array of u16 while sparse, else 8
 * KiB of bits. Always: block k holds the numbers k * 65,536 and up; count is the number of its
 * members; a sparse block is strictly ascending and holds at most SPARSE_MAX; a combination touches
 * each block of its operands once. */
#include "engine/bitmap.h"

#include "engine/bitmap_private.h"
#include "engine/checksum.h"

#define BLOCK_MAX 65536
#define GATHER_MIN 256 /* candidates from which sparse blocks are made bits for them */
#define SPARSE_AGAIN                                                                               \
    2048 /* a flat block that shrinks to this is sparse again; below SPARSE_MAX, so as not to flap \
          */

struct block {
    struct buf data;
    uint32_t count;
    bool is_flat;
};

static const struct block no_block;

void bitmap_init(struct bitmap *bitmap)
{
    buf_init(&bitmap->blocks, BLOCK_MAX * sizeof(struct block));
}

static struct block *blocks_of(const struct bitmap *bitmap)
{
    return (struct block *)(void *)bitmap->blocks.at;
}

static uint32_t block_count(const struct bitmap *bitmap)
{
    return (uint32_t)(bitmap->blocks.len / sizeof(struct block));
}

static const struct block *block_at(const struct bitmap *bitmap, uint32_t key)
{
    return key < block_count(bitmap) ? &blocks_of(bitmap)[key] : &no_block;
}

static uint16_t *sparse_of(const struct block *block)
{
    return (uint16_t *)(void *)block->data.at;
}

static uint64_t *flat_of(const struct block *block)
{
    return (uint64_t *)(void *)block->data.at;
}

static void blocks_empty(struct bitmap *bitmap)
{
    for (uint32_t key = 0; key < block_count(bitmap); key++)
        buf_release(&blocks_of(bitmap)[key].data);
    buf_reset(&bitmap->blocks);
}

void bitmap_release(struct bitmap *bitmap)
{
    blocks_empty(bitmap);
    buf_release(&bitmap->blocks);
}

/* The block of this key, made if need be. */
static struct block *block_make(struct bitmap *bitmap, uint32_t key)
{
    for (uint32_t next = block_count(bitmap); next <= key; next++) {
        struct block fresh = {0};

        buf_init(&fresh.data, FLAT_BYTES);
        buf_add(&bitmap->blocks, &fresh, sizeof(fresh));
    }
    return &blocks_of(bitmap)[key];
}

static void *data_room(struct block *block, size_t bytes)
{
    char *at;

    buf_reset(&block->data);
    at = buf_room(&block->data, bytes);
    must(at != NULL);
    block->data.len = bytes;
    return at;
}

/* ---- one number -------------------------------------------------------------------------- */

/* How many of them are below `low`. */
static uint32_t sparse_find(const uint16_t *numbers, uint32_t count, uint16_t low)
{
    uint32_t at = 0;

    while (count > 0) {
        uint32_t half = count / 2;
        bool is_below = numbers[at + half] < low;

        at = is_below ? at + half + 1 : at;
        count = is_below ? count - half - 1 : half;
    }
    return at;
}

static bool block_has(const struct block *block, uint16_t low)
{
    uint32_t at;

    if (block->is_flat)
        return flat_of(block)[low >> 6] >> (low & 63) & 1;
    at = sparse_find(sparse_of(block), block->count, low);
    return at < block->count && sparse_of(block)[at] == low;
}

static void words_set(uint64_t *words, const uint16_t *numbers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        words[numbers[i] >> 6] |= (uint64_t)1 << (numbers[i] & 63);
}

static uint32_t words_list(const uint64_t *words, uint16_t *out)
{
    uint32_t count = 0;

    for (uint32_t at = 0; at < FLAT_WORDS; at++) {
        for (uint64_t word = words[at]; word != 0; word &= word - 1)
            out[count++] = (uint16_t)(at * 64 + (uint32_t)__builtin_ctzll(word));
    }
    return count;
}

static void block_flatten(struct block *block)
{
    uint64_t words[FLAT_WORDS] = {0};

    words_set(words, sparse_of(block), block->count);
    memcpy(data_room(block, FLAT_BYTES), words, FLAT_BYTES);
    block->is_flat = true;
}

static void block_thin(struct block *block)
{
    uint16_t numbers[SPARSE_AGAIN];
    uint32_t count = words_list(flat_of(block), numbers);

    must(count == block->count);
    memcpy(data_room(block, count * sizeof(*numbers)), numbers, count * sizeof(*numbers));
    block->is_flat = false;
}

bool bitmap_has(const struct bitmap *bitmap, uint32_t number)
{
    return block_has(block_at(bitmap, number >> 16), (uint16_t)number);
}

static bool sparse_add(struct block *block, uint16_t low)
{
    uint32_t at = sparse_find(sparse_of(block), block->count, low);
    uint16_t *numbers = sparse_of(block);

    if (at < block->count && numbers[at] == low)
        return false;
    buf_add(&block->data, &low, sizeof(low));
    numbers = sparse_of(block);
    memmove(numbers + at + 1, numbers + at, (block->count - at) * sizeof(*numbers));
    numbers[at] = low;
    block->count++;
    return true;
}

bool bitmap_add(struct bitmap *bitmap, uint32_t number)
{
    struct block *block = block_make(bitmap, number >> 16);
    uint16_t low = (uint16_t)number;

    if (!block->is_flat && block->count < SPARSE_MAX)
        return sparse_add(block, low);
    if (block_has(block, low))
        return false;
    if (!block->is_flat)
        block_flatten(block);
    flat_of(block)[low >> 6] |= (uint64_t)1 << (low & 63);
    block->count++;
    return true;
}

bool bitmap_remove(struct bitmap *bitmap, uint32_t number)
{
    uint32_t key = number >> 16, at;
    uint16_t low = (uint16_t)number, *numbers;
    struct block *block;

    if (!bitmap_has(bitmap, number))
        return false;
    block = &blocks_of(bitmap)[key];
    block->count--;
    if (block->is_flat) {
        flat_of(block)[low >> 6] &= ~((uint64_t)1 << (low & 63));
        if (block->count <= SPARSE_AGAIN)
            block_thin(block);
        return true;
    }
    numbers = sparse_of(block);
    at = sparse_find(numbers, block->count + 1, low);
    memmove(numbers + at, numbers + at + 1, (block->count - at) * sizeof(*numbers));
    block->data.len = block->count * sizeof(*numbers);
    return true;
}

int64_t bitmap_count(const struct bitmap *bitmap)
{
    int64_t count = 0;

    for (uint32_t key = 0; key < block_count(bitmap); key++)
        count += blocks_of(bitmap)[key].count;
    return count;
}

int64_t bitmap_bytes(const struct bitmap *bitmap)
{
    size_t bytes = bitmap->blocks.cap;

    for (uint32_t key = 0; key < block_count(bitmap); key++)
        bytes += blocks_of(bitmap)[key].data.cap;
    return (int64_t)bytes;
}

/* ---- many at once ------------------------------------------------------------------------ */

/* A block's members as they come out of a combination: words if is_flat, else numbers. */
struct found {
    uint32_t count;
    bool is_flat;
    uint64_t words[FLAT_WORDS], any[FLAT_WORDS], none[FLAT_WORDS];
    uint16_t numbers[SPARSE_MAX];
};

/* The smallest sparse block among `all`; NULL if all are flat. *is_empty: one of them has no member
 * here. */
static const struct block *find_sparse(const struct bitmap_terms *terms, uint32_t key,
                                       bool *is_empty)
{
    const struct block *least = NULL;

    *is_empty = false;
    for (int i = 0; i < terms->all_count; i++) {
        const struct block *block = block_at(terms->all[i], key);

        *is_empty = *is_empty || block->count == 0;
        if (!block->is_flat && (least == NULL || block->count < least->count))
            least = block;
    }
    return least;
}

/* Keeps the candidates that are (or are not) in the block. */
static uint32_t keep_in(const struct block *block, bool is_in, uint16_t *numbers, uint32_t count)
{
    const uint16_t *others = sparse_of(block);
    uint32_t kept = 0, at = 0;

    if (block->is_flat) {
        const uint64_t *words = flat_of(block);

        for (uint32_t i = 0; i < count; i++) {
            uint16_t low = numbers[i];

            numbers[kept] = low;
            kept += (words[low >> 6] >> (low & 63) & 1) == is_in;
        }
        return kept;
    }
    for (uint32_t i = 0; i < count; i++) { /* both ascend */
        uint16_t low = numbers[i];
        bool is_there;

        at += sparse_find(others + at, block->count - at, low);
        is_there = at < block->count && others[at] == low;
        numbers[kept] = low;
        kept += is_there == is_in;
    }
    return kept;
}

/* The flat blocks of a list, and the sparse ones gathered in one flat block of ours. */
static int gather(const struct bitmap *const *list, int count, uint32_t key, const uint64_t **out,
                  uint64_t *scratch)
{
    int flat_count = 0;
    bool is_used = false;

    for (int i = 0; i < count; i++) {
        const struct block *block = block_at(list[i], key);

        if (block->is_flat) {
            out[flat_count++] = flat_of(block);
        } else if (block->count > 0) {
            if (!is_used)
                memset(scratch, 0, FLAT_BYTES);
            is_used = true;
            words_set(scratch, sparse_of(block), block->count);
        }
    }
    if (is_used)
        out[flat_count++] = scratch;
    return flat_count;
}

/* Many candidates are looked up in bits, few in the blocks as they are. */
static uint32_t keep_any(const struct bitmap_terms *terms, uint32_t key, struct found *out,
                         uint32_t count)
{
    const uint64_t *flats[BITMAP_TERM_MAX + 1];
    bool is_gathered = count >= GATHER_MIN;
    int flat_count = is_gathered ? gather(terms->any, terms->any_count, key, flats, out->any) : 0;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint16_t low = out->numbers[i];
        bool is_there = false;

        for (int j = 0; j < flat_count && !is_there; j++)
            is_there = flats[j][low >> 6] >> (low & 63) & 1;
        for (int j = 0; !is_gathered && j < terms->any_count && !is_there; j++)
            is_there = block_has(block_at(terms->any[j], key), low);
        out->numbers[kept] = low;
        kept += is_there;
    }
    return kept;
}

/* The few members of a sparse block are asked for in all the others. */
static void combine_few(const struct bitmap_terms *terms, uint32_t key, const struct block *few,
                        struct found *out)
{
    uint32_t count = few->count;

    memcpy(out->numbers, sparse_of(few), count * sizeof(*out->numbers));
    for (int i = 0; i < terms->all_count && count > 0; i++) {
        const struct block *block = block_at(terms->all[i], key);

        if (block != few)
            count = keep_in(block, true, out->numbers, count);
    }
    for (int i = 0; i < terms->none_count && count > 0; i++)
        count = keep_in(block_at(terms->none[i], key), false, out->numbers, count);
    if (terms->any_count > 0)
        count = keep_any(terms, key, out, count);
    out->count = count;
    out->is_flat = false;
}

static void combine_flat(const struct bitmap_terms *terms, uint32_t key, bool is_kept,
                         struct found *out)
{
    struct bitmap_fuse fuse;

    out->count = 0;
    out->is_flat = true;
    for (int i = 0; i < terms->all_count; i++)
        fuse.all[i] = flat_of(block_at(terms->all[i], key));
    fuse.all_count = terms->all_count;
    fuse.any_count = gather(terms->any, terms->any_count, key, fuse.any, out->any);
    fuse.none_count = gather(terms->none, terms->none_count, key, fuse.none, out->none);
    if (terms->any_count > 0 && fuse.any_count == 0)
        return;
    out->count = bitmap_fuse(&fuse, is_kept ? out->words : NULL);
}

static void found_keep(struct found *found, struct block *block)
{
    block->count = found->count;
    block->is_flat = found->count > SPARSE_MAX;
    if (found->count == 0)
        return;
    if (block->is_flat) {
        memcpy(data_room(block, FLAT_BYTES), found->words, FLAT_BYTES);
        return;
    }
    if (found->is_flat)
        must(words_list(found->words, found->numbers) == found->count);
    memcpy(data_room(block, found->count * sizeof(uint16_t)), found->numbers,
           found->count * sizeof(uint16_t));
}

/* Behind the last block that can hold a member. */
static uint32_t last_key(const struct bitmap_terms *terms)
{
    uint32_t end = 0;

    if (terms->all_count == 0) {
        for (int i = 0; i < terms->any_count; i++)
            end = block_count(terms->any[i]) > end ? block_count(terms->any[i]) : end;
        return end;
    }
    end = block_count(terms->all[0]);
    for (int i = 1; i < terms->all_count; i++)
        end = block_count(terms->all[i]) < end ? block_count(terms->all[i]) : end;
    return end;
}

int64_t bitmap_combine(const struct bitmap_terms *terms, struct bitmap *out)
{
    struct found found;
    uint32_t end = last_key(terms);
    int64_t count = 0;

    must(terms->all_count + terms->any_count > 0);
    must(terms->all_count <= BITMAP_TERM_MAX && terms->any_count <= BITMAP_TERM_MAX);
    must(terms->none_count <= BITMAP_TERM_MAX);
    if (out != NULL)
        blocks_empty(out);
    for (uint32_t key = 0; key < end; key++) {
        bool is_empty;
        const struct block *few = find_sparse(terms, key, &is_empty);

        found.count = 0;
        if (!is_empty && few != NULL)
            combine_few(terms, key, few, &found);
        else if (!is_empty)
            combine_flat(terms, key, out != NULL, &found);
        count += found.count;
        if (out != NULL && found.count > 0)
            found_keep(&found, block_make(out, key));
    }
    return count;
}

/* ---- reading --------------------------------------------------------------------------- */

static size_t flat_read(const uint64_t *words, uint32_t base, uint16_t from, uint32_t *out,
                        size_t max)
{
    uint64_t word = words[from >> 6] & ~(uint64_t)0 << (from & 63);
    size_t count = 0;

    for (uint32_t at = from >> 6;;) {
        for (; word != 0; word &= word - 1) {
            if (count == max)
                return count;
            out[count++] = base + at * 64 + (uint32_t)__builtin_ctzll(word);
        }
        if (++at == FLAT_WORDS)
            return count;
        word = words[at];
    }
}

size_t bitmap_read(const struct bitmap *bitmap, uint32_t from, uint32_t *out, size_t max)
{
    size_t count = 0;

    for (uint32_t key = from >> 16; key < block_count(bitmap) && count < max; key++) {
        const struct block *block = block_at(bitmap, key);
        uint16_t low = key == from >> 16 ? (uint16_t)from : 0;

        if (block->is_flat) {
            count += flat_read(flat_of(block), key << 16, low, out + count, max - count);
            continue;
        }
        for (uint32_t i = sparse_find(sparse_of(block), block->count, low);
             i < block->count && count < max; i++)
            out[count++] = key << 16 | sparse_of(block)[i];
    }
    return count;
}

void bitmap_shard(const struct bitmap *bitmap, uint32_t shard, uint64_t words[BITMAP_SHARD_WORDS])
{
    memset(words, 0, BITMAP_SHARD_WORDS * sizeof(*words));
    bitmap_shard_add(bitmap, shard, words);
}

void bitmap_shard_add(const struct bitmap *bitmap, uint32_t shard,
                      uint64_t words[BITMAP_SHARD_WORDS])
{
    const struct block *block = block_at(bitmap, shard >> 4);
    uint32_t first = (shard & 15) * BITMAP_SHARD_WORDS, end;
    const uint16_t *numbers;

    if (block->is_flat) {
        const uint64_t *flat = flat_of(block) + first;

        for (int i = 0; i < BITMAP_SHARD_WORDS; i++)
            words[i] |= flat[i];
        return;
    }
    numbers = sparse_of(block);
    end = shard % 16 == 15
              ? block->count
              : sparse_find(numbers, block->count, (uint16_t)((first + BITMAP_SHARD_WORDS) * 64));
    for (uint32_t i = sparse_find(numbers, end, (uint16_t)(first * 64)); i < end; i++)
        words[(numbers[i] >> 6) % BITMAP_SHARD_WORDS] |= (uint64_t)1 << (numbers[i] & 63);
}

static void block_fill(struct block *block, const uint64_t *words, uint32_t count)
{
    block->count = count;
    block->is_flat = count > SPARSE_MAX;
    if (block->is_flat)
        memcpy(data_room(block, FLAT_BYTES), words, FLAT_BYTES);
    else
        words_list(words, data_room(block, count * sizeof(uint16_t)));
}

void bitmap_fill(struct bitmap *bitmap, const uint64_t *words, size_t word_count)
{
    blocks_empty(bitmap);
    for (size_t at = 0; at < word_count; at += FLAT_WORDS) {
        size_t some = word_count - at < FLAT_WORDS ? word_count - at : FLAT_WORDS;
        uint64_t flat[FLAT_WORDS] = {0};
        uint32_t count = 0;

        memcpy(flat, words + at, some * sizeof(*flat));
        for (size_t i = 0; i < some; i++)
            count += (uint32_t)__builtin_popcountll(flat[i]);
        if (count > 0)
            block_fill(block_make(bitmap, (uint32_t)(at / FLAT_WORDS)), flat, count);
    }
}

/* ---- bytes ------------------------------------------------------------------------- */

/* Little-endian, as the machines we run on: head, then a head and the data of each block that has
 * members, then the sum. */
struct file_head {
    char magic[4];
    uint32_t version;
    uint64_t block_count, count;
};

struct file_block {
    uint16_t key, is_flat;
    uint32_t count;
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "what is written is what lies in memory");

static const struct file_head head_of_ours = {.magic = {'P', 'B', 'M', 'P'}, .version = 1};

static size_t data_bytes(bool is_flat, uint32_t count)
{
    return is_flat ? FLAT_BYTES : (count * sizeof(uint16_t) + 7) / 8 * 8;
}

void bitmap_save(const struct bitmap *bitmap, struct buf *out)
{
    static const char zeros[8];
    struct file_head head = head_of_ours;
    size_t start = out->len;
    uint64_t sum;

    head.count = (uint64_t)bitmap_count(bitmap);
    for (uint32_t key = 0; key < block_count(bitmap); key++)
        head.block_count += block_at(bitmap, key)->count > 0;
    buf_add(out, &head, sizeof(head));
    for (uint32_t key = 0; key < block_count(bitmap); key++) {
        const struct block *block = block_at(bitmap, key);
        struct file_block row = {(uint16_t)key, block->is_flat, block->count};

        if (block->count == 0)
            continue;
        buf_add(out, &row, sizeof(row));
        buf_add(out, block->data.at, block->data.len);
        buf_add(out, zeros, data_bytes(block->is_flat, block->count) - block->data.len);
    }
    if (out->is_full)
        return;
    sum = checksum_of(out->at + start, out->len - start);
    buf_add(out, &sum, sizeof(sum));
}

static bool sparse_is_good(const uint16_t *numbers, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (numbers[i] <= numbers[i - 1])
            return false;
    }
    return true;
}

static bool flat_is_good(const struct block *block)
{
    const uint64_t *words = flat_of(block);
    uint32_t count = 0;

    for (int i = 0; i < FLAT_WORDS; i++)
        count += (uint32_t)__builtin_popcountll(words[i]);
    return count == block->count;
}

/* Takes one block off the front of *rest. Keys ascend. */
static bool block_load(struct str *rest, int64_t *last_key_seen, struct bitmap *out)
{
    struct file_block row;
    struct block *block;
    size_t bytes;

    if (rest->len < sizeof(row))
        return false;
    memcpy(&row, rest->at, sizeof(row));
    *rest = str_sub(*rest, sizeof(row), rest->len);
    if (row.key <= *last_key_seen || row.is_flat > 1 || row.count == 0)
        return false;
    if (row.count > (row.is_flat ? BLOCK_MAX : SPARSE_MAX))
        return false;
    bytes = data_bytes(row.is_flat, row.count);
    if (rest->len < bytes)
        return false;
    *last_key_seen = row.key;
    block = block_make(out, row.key);
    block->count = row.count;
    block->is_flat = row.is_flat;
    memcpy(data_room(block, bytes), rest->at, bytes);
    if (!block->is_flat)
        block->data.len = row.count * sizeof(uint16_t);
    *rest = str_sub(*rest, bytes, rest->len);
    return row.is_flat ? flat_is_good(block) : sparse_is_good(sparse_of(block), row.count);
}

static bool blocks_load(struct str bytes, struct bitmap *out)
{
    struct file_head head;
    uint64_t sum;
    int64_t last_key_seen = -1;

    if (bytes.len < sizeof(head) + sizeof(sum))
        return false;
    memcpy(&head, bytes.at, sizeof(head));
    memcpy(&sum, bytes.at + bytes.len - sizeof(sum), sizeof(sum));
    if (memcmp(head.magic, head_of_ours.magic, sizeof(head.magic)) != 0 ||
        head.version != head_of_ours.version)
        return false;
    if (sum != checksum_of(bytes.at, bytes.len - sizeof(sum)))
        return false;
    bytes = str_sub(bytes, sizeof(head), bytes.len - sizeof(head) - sizeof(sum));
    for (uint64_t i = 0; i < head.block_count; i++) {
        if (!block_load(&bytes, &last_key_seen, out))
            return false;
    }
    return bytes.len == 0 && head.count == (uint64_t)bitmap_count(out);
}

enum err bitmap_load(struct str bytes, struct bitmap *out)
{
    blocks_empty(out);
    if (blocks_load(bytes, out))
        return OK;
    blocks_empty(out);
    return E_CORRUPT;
}
