/* Known answers: FIPS 180-4 (SHA-256), RFC 4231 (HMAC), McGrew and Viega's GCM cases, the argon2
 * reference's own example. */
#include "host/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(8 * 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct str unhex(const char *hex)
{
    struct str out;

    assert_true(str_unhex(arena, str_of(hex), &out));
    return out;
}

static struct str repeat(char byte, size_t count)
{
    char *at = arena_alloc(arena, count);

    memset(at, byte, count);
    return (struct str){at, count};
}

static void assert_hash(const uint8_t hash[HASH_BYTES], const char *hex)
{
    assert_memory_equal(hash, unhex(hex).at, HASH_BYTES);
}

static void sha256_known(void **state)
{
    struct hasher *hasher = hash_begin(arena);
    uint8_t hash[HASH_BYTES];

    (void)state;
    hash_sha256(S("abc"), hash);
    assert_hash(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256((struct str){NULL, 0}, hash);
    assert_hash(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_sha256(repeat('a', 1000000), hash);
    assert_hash(hash, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    hash_add(hasher, S("a"));
    hash_add(hasher, S(""));
    hash_add(hasher, S("bc"));
    hash_end(hasher, hash);
    assert_hash(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* HMAC pads a short key with zeros, so the RFC's shorter keys fit into ours. */
static void hmac_known(void **state)
{
    static const struct {
        const char *key, *text_hex, *hash;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
         "dddddddddd"
         "d",
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {"0102030405060708090a0b0c0d0e0f10111213141516171819",
         "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdc"
         "dcdcdcdcdc"
         "d",
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t key[KEY_BYTES] = {0}, hash[HASH_BYTES];
        struct str short_key = unhex(cases[i].key);
        memcpy(key, short_key.at, short_key.len);
        hash_keyed(key, unhex(cases[i].text_hex), hash);
        assert_hash(hash, cases[i].hash);
        hash_keyed(key, unhex(cases[i].text_hex),
                   hash); /* the same key again takes a shorter way */
        assert_hash(hash, cases[i].hash);
    }
}

static struct str sealed_of(const char *nonce, const char *body, const char *tag)
{
    return unhex(str_cstr(arena, str_fmt(arena, "07%s%s%s", nonce, body, tag)));
}

static void gcm_known(void **state)
{
    const char *key16 = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
    const uint8_t zero[KEY_BYTES] = {0};
    struct str out;

    (void)state;
    assert_int_equal(
        unseal(arena, zero,
               sealed_of("000000000000000000000000", "", "530f8afbc74536b9a963b4f1c4cb738b"), S(""),
               &out),
        OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(
        unseal(arena, zero,
               sealed_of("000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
                         "d0d1c8a799996bf0265b98b5d48ab919"),
               (struct str){NULL, 0}, &out),
        OK);
    assert_true(str_eq(out, repeat(0, 16)));
    assert_int_equal(unseal(arena, (const uint8_t *)unhex(key16).at,
                            sealed_of("cafebabefacedbaddecaf888",
                                      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555"
                                      "d1aa8cb08e48590dbb3da7b08b1"
                                      "056828838c5f61e6393ba7a0abcc9f662",
                                      "76fc6ece0f4e1768cddf8853bb2d551b"),
                            unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"), &out),
                     OK);
    assert_true(str_eq(
        out,
        unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf"
              "0e2449a6b525b16aedf5aa0de657ba637b39")));
}

static void sealed_comes_back_and_only_whole(void **state)
{
    uint8_t key[KEY_BYTES], other[KEY_BYTES];
    struct str text = S("张三 13800138000"), sealed, again, out;

    (void)state;
    random_bytes(key, sizeof(key));
    random_bytes(other, sizeof(other));
    sealed = seal(arena, key, 3, text, S("customer:7:name"));
    again = seal(arena, key, 3, text, S("customer:7:name"));
    assert_int_equal(sealed.len, text.len + SEAL_EXTRA_BYTES);
    assert_int_equal(sealed.at[0], 3);
    assert_false(str_eq(sealed, again)); /* a new nonce each time */
    assert_int_equal(unseal(arena, key, sealed, S("customer:7:name"), &out), OK);
    assert_true(str_eq(out, text));
    assert_int_equal(unseal(arena, key, sealed, S("customer:8:name"), &out), E_CORRUPT);
    assert_null(out.at);
    assert_int_equal(unseal(arena, other, sealed, S("customer:7:name"), &out), E_CORRUPT);
    for (size_t i = 1; i < sealed.len; i++) {
        char *bent = str_cstr(arena, sealed);
        bent[i] ^= 0x40;
        assert_int_equal(
            unseal(arena, key, (struct str){bent, sealed.len}, S("customer:7:name"), &out),
            E_CORRUPT);
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_int_equal(unseal(arena, key, str_sub(sealed, 0, len), S("customer:7:name"), &out),
                         E_CORRUPT);
    assert_int_equal(unseal(arena, key, seal(arena, key, 1, S(""), S("")), S(""), &out), OK);
    assert_int_equal(out.len, 0);
    assert_non_null(out.at);
}

static void passwords(void **state)
{
    struct str hash = password_hash(arena, S("correct horse"));

    (void)state;
    assert_true(str_starts(hash, S("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_true(password_verify(arena, S("correct horse"), hash));
    assert_false(password_verify(arena, S("correct horsf"), hash));
    assert_false(password_verify(arena, S(""), hash));
    assert_false(password_verify(arena, S("x"), S("")));
    assert_false(password_verify(arena, S("x"), (struct str){NULL, 0}));
    assert_false(password_verify(arena, S("x"), repeat('$', 500)));
    assert_false(str_eq(hash, password_hash(arena, S("correct horse")))); /* salted */
    /* a hash made by the reference implementation */
    assert_true(password_verify(arena, S("password"),
                                S("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
                                  "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")));
}

static void tokens(void **state)
{
    struct str a = token_new(arena, 32), b = token_new(arena, 32);

    (void)state;
    assert_int_equal(a.len, 43);
    assert_false(str_eq(a, b));
    for (size_t i = 0; i < a.len; i++)
        assert_non_null(memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                               a.at[i], 64));
    assert_true(bytes_equal_slow(a, str_copy(arena, a)));
    assert_false(bytes_equal_slow(a, b));
    assert_false(bytes_equal_slow(a, str_sub(a, 0, 42)));
}

static void *hash_many(void *user)
{
    uint8_t hash[HASH_BYTES], key[KEY_BYTES] = {0};

    for (int i = 0; i < 500; i++) {
        hash_sha256(S("abc"), hash);
        hash_keyed(key, S("abc"), hash);
    }
    memcpy(user, hash, HASH_BYTES);
    return NULL;
}

static void threads_have_their_own(void **state)
{
    pthread_t threads[4];
    uint8_t hashes[4][HASH_BYTES];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_many, hashes[i]), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 1; i < 4; i++)
        assert_memory_equal(hashes[0], hashes[i], HASH_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_known),
        cmocka_unit_test(hmac_known),
        cmocka_unit_test(gcm_known),
        cmocka_unit_test(sealed_comes_back_and_only_whole),
        cmocka_unit_test(passwords),
        cmocka_unit_test(tokens),
        cmocka_unit_test(threads_have_their_own),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
