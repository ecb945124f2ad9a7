/* Text to a number: open addressing with linear probing, at most three quarters full.
 * Always: a used slot has key.at != NULL; the seed comes from an address, so that keys chosen to
 * collide do not. */
#include "base/base.h"

#define FIRST_CAP 16

struct slot {
    struct str key;
    uint64_t hash;
    int64_t value;
};

struct map {
    struct arena *arena;
    struct slot *slots;
    size_t cap; /* a power of two */
    size_t count;
    uint64_t seed;
};

struct map *map_new(struct arena *arena, size_t expected_count)
{
    struct map *map = arena_new_one(arena, struct map);

    must(expected_count < SIZE_MAX / 4);
    map->arena = arena;
    map->cap = FIRST_CAP;
    while (map->cap / 4 * 3 < expected_count)
        map->cap *= 2;
    map->slots = arena_new_array(arena, struct slot, map->cap);
    map->seed = (uint64_t)(uintptr_t)map;
    return map;
}

/* The slot of this key, or the free one where it belongs. */
static struct slot *slot_of(const struct map *map, struct str key, uint64_t hash)
{
    size_t mask = map->cap - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct slot *slot = &map->slots[i];
        if (!slot->key.at || (slot->hash == hash && str_eq(slot->key, key)))
            return slot;
    }
}

static void map_grow(struct map *map)
{
    struct map old = *map;

    map->cap *= 2;
    map->slots = arena_new_array(map->arena, struct slot, map->cap);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].key.at)
            *slot_of(map, old.slots[i].key, old.slots[i].hash) = old.slots[i];
}

int64_t *map_slot(struct map *map, struct str key, bool *is_new)
{
    uint64_t hash = str_hash(key, map->seed);
    struct slot *slot = slot_of(map, key, hash);

    *is_new = !slot->key.at;
    if (!*is_new)
        return &slot->value;
    if (map->count + 1 > map->cap / 4 * 3) {
        map_grow(map);
        slot = slot_of(map, key, hash);
    }
    slot->key = key.len ? str_copy(map->arena, key) : S("");
    slot->hash = hash;
    map->count++;
    return &slot->value;
}

int64_t *map_find(const struct map *map, struct str key)
{
    struct slot *slot = slot_of(map, key, str_hash(key, map->seed));

    return slot->key.at ? &slot->value : NULL;
}

size_t map_count(const struct map *map)
{
    return map->count;
}
