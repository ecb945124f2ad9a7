/* The keys in memory: for the files of this folder alone. */
#pragma once

#include "host/crypto.h"

#define KEYS_IN_FILE 2   /* of a kind: the one in use, and the one it takes the place of */
#define KEYS_IN_MEMORY 8 /* older ones open what an older snapshot has */
/* By kind (kit/key.h), the one in use first. */
struct key_ring {
    struct key {
        int64_t number;
        uint8_t bytes[KEY_BYTES];
    } keys[2][KEYS_IN_MEMORY];
    int count[2], file_count[2];
};
