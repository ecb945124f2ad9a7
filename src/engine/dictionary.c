/* Texts and their codes. Always: a text and its place among the texts are written before its code
 * can be found or counted, and neither moves; a table of places that became too small stays for
 * those who still read it, so that all of them together are twice the last. */
#include "engine/dictionary.h"

#include <stdatomic.h>

#define PAGE_TEXTS 1024
#define PAGE_MAX (DICTIONARY_MAX / PAGE_TEXTS)
#define FIRST_SLOTS 1024
#define BYTES_MAX ((size_t)256 * 1024 * 1024)
#define HASH_SEED UINT64_C(0x9ae16a3b2f90404f)

struct table {
    uint32_t mask;
    _Atomic uint32_t slots[]; /* code + 1; 0: free */
};
struct dictionary {
    struct arena *arena;
    _Atomic(struct table *) table;
    _Atomic(struct str *) pages[PAGE_MAX];
    _Atomic int64_t count;
};

static struct table *table_new(struct arena *arena, uint32_t slot_count)
{
    struct table *table = arena_alloc(arena, sizeof(*table) + slot_count * sizeof(table->slots[0]));

    table->mask = slot_count - 1;
    return table;
}

struct dictionary *dictionary_new(void)
{
    struct arena *arena = arena_new(BYTES_MAX);
    struct dictionary *dictionary = arena_new_one(arena, struct dictionary);

    dictionary->arena = arena;
    atomic_store(&dictionary->table, table_new(arena, FIRST_SLOTS));
    return dictionary;
}

void dictionary_free(struct dictionary *dictionary)
{
    if (dictionary)
        arena_free(dictionary->arena);
}

static struct str text_at(const struct dictionary *dictionary, int64_t code)
{
    return atomic_load_explicit(&dictionary->pages[code / PAGE_TEXTS],
                                memory_order_acquire)[code % PAGE_TEXTS];
}

/* The text's slot, or the free one where it would stand. */
static _Atomic uint32_t *slot_find(const struct dictionary *dictionary, struct table *table,
                                   struct str text)
{
    uint32_t at = (uint32_t)str_hash(text, HASH_SEED) & table->mask;

    for (;; at = (at + 1) & table->mask) {
        uint32_t code = atomic_load_explicit(&table->slots[at], memory_order_acquire);
        if (code == 0 || str_eq(text_at(dictionary, code - 1), text))
            return &table->slots[at];
    }
}

int64_t dictionary_find(const struct dictionary *dictionary, struct str text)
{
    struct table *table = atomic_load_explicit(&dictionary->table, memory_order_acquire);
    uint32_t code = atomic_load_explicit(slot_find(dictionary, table, text), memory_order_acquire);

    return code == 0 ? NONE : (int64_t)code - 1;
}

/* Twice as large; the old one is left to its readers. */
static struct table *table_grow(struct dictionary *dictionary, int64_t count)
{
    struct table *was = atomic_load(&dictionary->table);
    struct table *table = table_new(dictionary->arena, 2 * (was->mask + 1));

    for (int64_t code = 0; code < count; code++)
        atomic_store(slot_find(dictionary, table, text_at(dictionary, code)), (uint32_t)code + 1);
    atomic_store_explicit(&dictionary->table, table, memory_order_release);
    return table;
}

int64_t dictionary_add(struct dictionary *dictionary, struct str text)
{
    struct table *table = atomic_load(&dictionary->table);
    int64_t code = dictionary_find(dictionary, text), count = atomic_load(&dictionary->count);
    struct str *page;

    if (code != NONE)
        return code;
    if (count == DICTIONARY_MAX || arena_used(dictionary->arena) + text.len > BYTES_MAX / 2)
        return NONE;
    if (count % PAGE_TEXTS == 0)
        atomic_store(&dictionary->pages[count / PAGE_TEXTS],
                     arena_new_array(dictionary->arena, struct str, PAGE_TEXTS));
    page = atomic_load(&dictionary->pages[count / PAGE_TEXTS]);
    page[count % PAGE_TEXTS] = str_copy(dictionary->arena, text);
    if (2 * count > table->mask)
        table = table_grow(dictionary, count);
    atomic_store_explicit(slot_find(dictionary, table, text), (uint32_t)count + 1,
                          memory_order_release);
    atomic_store_explicit(&dictionary->count, count + 1, memory_order_release);
    return count;
}

int64_t dictionary_count(const struct dictionary *dictionary)
{
    return atomic_load_explicit(&dictionary->count, memory_order_acquire);
}

struct str dictionary_text(const struct dictionary *dictionary, int64_t code)
{
    if (code < 0 || code >= dictionary_count(dictionary))
        return (struct str){0};
    return text_at(dictionary, code);
}
