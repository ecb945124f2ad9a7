/* Random bytes, hashes, sealed personal data, passwords (OpenSSL 3 and libsodium). Thread-safe. */
#pragma once

#include "base/base.h"

#define KEY_BYTES 32
#define HASH_BYTES 32
#define SEAL_EXTRA_BYTES 29 /* key id 1, nonce 12, tag 16 */

void random_bytes(void *at, size_t len);
void hash_sha256(struct str text, uint8_t out[HASH_BYTES]);
/* The same of what comes piece by piece. */
struct hasher;
struct hasher *hash_begin(struct arena *arena);
void hash_add(struct hasher *hasher, struct str bytes);
void hash_end(struct hasher *hasher, uint8_t out[HASH_BYTES]);
/* Keyed hash for exact look-up of personal data: HMAC-SHA256. */
void hash_keyed(const uint8_t key[KEY_BYTES], struct str text, uint8_t out[HASH_BYTES]);
/* HMAC-SHA1, which one-time codes (RFC 6238) are made with; for nothing else. */
#define HASH_SHA1_BYTES 20
void hash_sha1_keyed(struct str key, struct str text, uint8_t out[HASH_SHA1_BYTES]);
bool bytes_equal_slow(struct str a, struct str b); /* in constant time */

/* AES-256-GCM: [key id][nonce][cipher text][tag]. `bound` is authenticated, not stored (table and row the text belongs to). */
struct str seal(struct arena *arena, const uint8_t key[KEY_BYTES], uint8_t key_id, struct str text, struct str bound);
/* E_CORRUPT: another key, another row, or not what was written. The key's id is sealed.at[0]. */
enum err unseal(struct arena *arena, const uint8_t key[KEY_BYTES], struct str sealed, struct str bound,
                struct str *out) MUST_USE;

/* argon2id, t = 2, m = 19 MiB: about 30 ms; never on a loop or the writer. */
struct str password_hash(struct arena *arena, struct str password);
bool password_verify(struct arena *arena, struct str password, struct str hash);

struct str token_new(struct arena *arena, size_t bytes); /* random, base64url without padding */
