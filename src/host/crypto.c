/* Random bytes, hashes, sealing and passwords by OpenSSL 3 and libsodium.
 * Always: algorithms are fetched once for the process and contexts kept per thread, because
 * fetching costs more than hashing a short text; a failure of the library itself stops the process
 * rather than giving weak bytes. */
#include "host/crypto.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define NONCE_BYTES 12
#define TAG_BYTES 16
#define HEAD_BYTES (1 + NONCE_BYTES)
#define PASSWORD_PASSES 2
#define PASSWORD_MEMORY_BYTES (19u * 1024 * 1024)

/* ---- what is fetched once -------------------------------------------------------------------- */

static EVP_MD *sha256;
static EVP_MAC *hmac;
static EVP_CIPHER *aes_gcm;
static pthread_key_t contexts_key;

struct contexts {
    EVP_MD_CTX *digest;
    EVP_MAC_CTX *mac;
    EVP_CIPHER_CTX *closer, *opener;
    /* What each was last set up with: the same key again costs half. */
    struct known_key {
        uint8_t bytes[KEY_BYTES];
        bool is_set;
    } mac_key, closer_key, opener_key;
};

/* The key to set up with; NULL: the context has it already. */
static const uint8_t *key_of(struct known_key *known, const uint8_t key[KEY_BYTES])
{
    if (known->is_set && memcmp(known->bytes, key, KEY_BYTES) == 0)
        return NULL;
    memcpy(known->bytes, key, KEY_BYTES);
    known->is_set = true;
    return key;
}

static void contexts_free(void *at)
{
    struct contexts *contexts = at;

    EVP_MD_CTX_free(contexts->digest);
    EVP_MAC_CTX_free(contexts->mac);
    EVP_CIPHER_CTX_free(contexts->closer);
    EVP_CIPHER_CTX_free(contexts->opener);
    OPENSSL_cleanse(contexts, sizeof(*contexts));
    free(contexts);
}

static void crypto_set_up(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    aes_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    must(sha256 != NULL);
    must(hmac != NULL);
    must(aes_gcm != NULL);
    must(sodium_init() >= 0);
    must(pthread_key_create(&contexts_key, contexts_free) == 0);
}

static EVP_MAC_CTX *mac_new(void)
{
    static char name[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);

    must(mac != NULL);
    must(EVP_MAC_CTX_set_params(mac, params) == 1);
    return mac;
}

static struct contexts *contexts_mine(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static _Thread_local struct contexts *mine;

    if (mine != NULL)
        return mine;
    pthread_once(&once, crypto_set_up);
    mine = calloc(1, sizeof(*mine));
    must(mine != NULL);
    mine->digest = EVP_MD_CTX_new();
    mine->mac = mac_new();
    mine->closer = EVP_CIPHER_CTX_new();
    mine->opener = EVP_CIPHER_CTX_new();
    must(mine->digest != NULL);
    must(mine->closer != NULL);
    must(mine->opener != NULL);
    must(pthread_setspecific(contexts_key, mine) == 0);
    return mine;
}

/* ---- random bytes and hashes ----------------------------------------------------------------- */

void random_bytes(void *at, size_t len)
{
    must(len <= INT32_MAX);
    must(RAND_bytes(at, (int)len) == 1);
}

void hash_sha256(struct str text, uint8_t out[HASH_BYTES])
{
    EVP_MD_CTX *digest = contexts_mine()->digest;

    must(EVP_DigestInit_ex2(digest, sha256, NULL) == 1);
    must(EVP_DigestUpdate(digest, text.at, text.len) == 1);
    must(EVP_DigestFinal_ex(digest, out, NULL) == 1);
}

struct hasher {
    crypto_hash_sha256_state state;
};

struct hasher *hash_begin(struct arena *arena)
{
    struct hasher *hasher = arena_new_one(arena, struct hasher);

    crypto_hash_sha256_init(&hasher->state);
    return hasher;
}

void hash_add(struct hasher *hasher, struct str bytes)
{
    crypto_hash_sha256_update(&hasher->state, (const unsigned char *)bytes.at, bytes.len);
}

void hash_end(struct hasher *hasher, uint8_t out[HASH_BYTES])
{
    crypto_hash_sha256_final(&hasher->state, out);
}

void hash_keyed(const uint8_t key[KEY_BYTES], struct str text, uint8_t out[HASH_BYTES])
{
    struct contexts *mine = contexts_mine();
    EVP_MAC_CTX *mac = mine->mac;
    const uint8_t *fresh = key_of(&mine->mac_key, key);
    size_t len;

    must(EVP_MAC_init(mac, fresh, fresh ? KEY_BYTES : 0, NULL) == 1);
    must(EVP_MAC_update(mac, (const unsigned char *)text.at, text.len) == 1);
    must(EVP_MAC_final(mac, out, &len, HASH_BYTES) == 1);
    must(len == HASH_BYTES);
}

void hash_sha1_keyed(struct str key, struct str text, uint8_t out[HASH_SHA1_BYTES])
{
    unsigned int len = 0;

    must(key.len <= INT_MAX);
    must(HMAC(EVP_sha1(), key.at, (int)key.len, (const unsigned char *)text.at, text.len, out,
              &len) != NULL);
    must(len == HASH_SHA1_BYTES);
}

bool bytes_equal_slow(struct str a, struct str b)
{
    return a.len == b.len && CRYPTO_memcmp(a.at, b.at, a.len) == 0;
}

/* ---- sealing --------------------------------------------------------------------------------- */

struct str seal(struct arena *arena, const uint8_t key[KEY_BYTES], uint8_t key_id, struct str text,
                struct str bound)
{
    struct contexts *mine = contexts_mine();
    EVP_CIPHER_CTX *cipher = mine->closer;
    const uint8_t *fresh = key_of(&mine->closer_key, key);
    size_t len = text.len + SEAL_EXTRA_BYTES;
    uint8_t *out = arena_alloc(arena, len);
    uint8_t *nonce = out + 1, *body = out + HEAD_BYTES;
    int done;

    must(text.len < INT32_MAX - SEAL_EXTRA_BYTES);
    must(bound.len < INT32_MAX);
    out[0] = key_id;
    random_bytes(nonce, NONCE_BYTES);
    must(EVP_EncryptInit_ex2(cipher, fresh ? aes_gcm : NULL, fresh, nonce, NULL) == 1);
    must(EVP_EncryptUpdate(cipher, NULL, &done, (const uint8_t *)bound.at, (int)bound.len) == 1);
    must(EVP_EncryptUpdate(cipher, body, &done, (const uint8_t *)text.at, (int)text.len) == 1);
    must((size_t)done == text.len);
    must(EVP_EncryptFinal_ex(cipher, body + done, &done) == 1);
    must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, body + text.len) == 1);
    return (struct str){(const char *)out, len};
}

enum err unseal(struct arena *arena, const uint8_t key[KEY_BYTES], struct str sealed,
                struct str bound, struct str *out)
{
    struct contexts *mine = contexts_mine();
    EVP_CIPHER_CTX *cipher = mine->opener;
    const uint8_t *at = (const uint8_t *)sealed.at;
    size_t len = sealed.len - SEAL_EXTRA_BYTES;
    const uint8_t *fresh;
    uint8_t tag[TAG_BYTES], *text;
    int done;

    *out = (struct str){NULL, 0};
    if (sealed.len < SEAL_EXTRA_BYTES || len >= INT32_MAX)
        return E_CORRUPT;
    must(bound.len < INT32_MAX);
    text = arena_alloc(arena, len);
    memcpy(tag, at + sealed.len - TAG_BYTES, TAG_BYTES);
    fresh = key_of(&mine->opener_key, key);
    must(EVP_DecryptInit_ex2(cipher, fresh ? aes_gcm : NULL, fresh, at + 1, NULL) == 1);
    must(EVP_DecryptUpdate(cipher, NULL, &done, (const uint8_t *)bound.at, (int)bound.len) == 1);
    must(EVP_DecryptUpdate(cipher, text, &done, at + HEAD_BYTES, (int)len) == 1);
    must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1);
    if (EVP_DecryptFinal_ex(cipher, text + len, &done) != 1) {
        OPENSSL_cleanse(text, len);
        return E_CORRUPT;
    }
    *out = (struct str){(const char *)text, len};
    return OK;
}

/* ---- passwords and tokens -------------------------------------------------------------------- */

struct str password_hash(struct arena *arena, struct str password)
{
    char *out = arena_alloc(arena, crypto_pwhash_STRBYTES);

    contexts_mine();
    must(crypto_pwhash_str_alg(out, password.at, password.len, PASSWORD_PASSES,
                               PASSWORD_MEMORY_BYTES, crypto_pwhash_ALG_ARGON2ID13) == 0);
    return str_of(out);
}

bool password_verify(struct arena *arena, struct str password, struct str hash)
{
    char *kept = arena_alloc(arena, crypto_pwhash_STRBYTES);

    contexts_mine();
    if (hash.len >= crypto_pwhash_STRBYTES)
        return false;
    if (hash.len > 0)
        memcpy(kept, hash.at, hash.len);
    return crypto_pwhash_str_verify(kept, password.at, password.len) == 0;
}

struct str token_new(struct arena *arena, size_t bytes)
{
    size_t room = sodium_base64_encoded_len(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    uint8_t *raw = arena_alloc(arena, bytes);
    char *out = arena_alloc(arena, room);

    contexts_mine();
    random_bytes(raw, bytes);
    sodium_bin2base64(out, room, raw, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return str_of(out);
}
