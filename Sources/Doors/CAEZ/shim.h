// AEZ v5 (Hoang, Krovetz and Rogaway, "AEZ v5: Authenticated Encryption by Enciphering", 2017): one key, one nonce, and every bit of a
// message of 32 bytes and more depends on every other. Neither OpenSSL nor libsodium has it. Only Mixing imports this.
//
// Four rounds of AES do most of the work, so single rounds are needed: the processor's where it has them, else ones that are computed
// without a table. No branch and no address depends on a secret.
#ifndef DUSTCLOUD_CAEZ_H
#define DUSTCLOUD_CAEZ_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DC_AEZ_BLOCK 16
#define DC_AEZ_KEY 48
// What messages must have.
#define DC_AEZ_LEAST 32
#define DC_AEZ_UNROLLED _Pragma("clang loop unroll(full)")

typedef uint8_t dc_aez_block __attribute__((vector_size(DC_AEZ_BLOCK)));

// The three parts of a key, and what the offsets of blocks are made of: small multiples of the second and third.
typedef struct { dc_aez_block i, j[3], l[8]; } dc_aez_key;

static inline dc_aez_block dc_aez_load(const uint8_t *bytes) {
    dc_aez_block block;
    memcpy(&block, bytes, DC_AEZ_BLOCK);
    return block;
}

static inline void dc_aez_store(uint8_t *bytes, dc_aez_block block) { memcpy(bytes, &block, DC_AEZ_BLOCK); }

// Twice a block in the field of 2^128 elements, its first byte the highest.
static inline dc_aez_block dc_aez_double(dc_aez_block block) {
    const dc_aez_block high = block >> 7, low = block << 1;
    const dc_aez_block carried = __builtin_shufflevector(high, high, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0);
    const dc_aez_block wrap = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 135};
    return low ^ (carried * wrap);
}

static inline dc_aez_block dc_aez_times(dc_aez_block block, unsigned factor) {
    dc_aez_block sum = {0};
    for (; factor; factor >>= 1, block = dc_aez_double(block)) if (factor & 1) sum ^= block;
    return sum;
}

static inline void dc_aez_take_key(dc_aez_key *key, const uint8_t *bytes) {
    key->i = dc_aez_load(bytes);
    for (unsigned n = 0; n < 3; n++) key->j[n] = dc_aez_times(dc_aez_load(bytes + DC_AEZ_BLOCK), n);
    for (unsigned n = 0; n < 8; n++) key->l[n] = dc_aez_times(dc_aez_load(bytes + 2 * DC_AEZ_BLOCK), n);
}

// Zeroes what the compiler would think nobody reads any more.
static inline void dc_aez_wipe(void *bytes, size_t count) {
    memset(bytes, 0, count);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

// MARK: A round of AES without instructions

// Products in the field of AES, byte by byte.
static inline dc_aez_block dc_aez_product(dc_aez_block a, dc_aez_block b) {
    dc_aez_block sum = {0};
    for (int bit = 0; bit < 8; bit++) {
        sum ^= a & -(b & 1);
        a = (a << 1) ^ ((a >> 7) * 0x1b);
        b >>= 1;
    }
    return sum;
}

// The S-box (FIPS 197, section 5.1.1): the inverse, which is the 254th power, then an affine map.
static inline dc_aez_block dc_aez_substitute(dc_aez_block x) {
    const dc_aez_block x2 = dc_aez_product(x, x), x3 = dc_aez_product(x2, x), x6 = dc_aez_product(x3, x3), x12 = dc_aez_product(x6, x6);
    const dc_aez_block x15 = dc_aez_product(x12, x3), x30 = dc_aez_product(x15, x15), x60 = dc_aez_product(x30, x30);
    const dc_aez_block x120 = dc_aez_product(x60, x60), x240 = dc_aez_product(x120, x120);
    const dc_aez_block y = dc_aez_product(dc_aez_product(x240, x12), x2);
    return y ^ (y << 1 | y >> 7) ^ (y << 2 | y >> 6) ^ (y << 3 | y >> 5) ^ (y << 4 | y >> 4) ^ 0x63;
}

static inline dc_aez_block dc_aez_round_anywhere(dc_aez_block x, dc_aez_block key) {
    const dc_aez_block s = dc_aez_substitute(x);
    const dc_aez_block a = __builtin_shufflevector(s, s, 0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11);
    const dc_aez_block b = __builtin_shufflevector(a, a, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
    const dc_aez_block c = __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    const dc_aez_block d = __builtin_shufflevector(a, a, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
    const dc_aez_block both = a ^ b;
    return (both << 1) ^ ((both >> 7) * 0x1b) ^ b ^ c ^ d ^ key;
}

#define DC_AEZ_NAME(name) dc_aez_##name##_anywhere
#define DC_AEZ_TARGET
#define DC_AEZ_ROUND(x, key) dc_aez_round_anywhere(x, key)
#include "core.h"
#undef DC_AEZ_NAME
#undef DC_AEZ_TARGET
#undef DC_AEZ_ROUND

// MARK: With instructions

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

static inline int dc_aez_has_instructions(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_AES);
}

#define DC_AEZ_NAME(name) dc_aez_##name##_with_instructions
#define DC_AEZ_TARGET __attribute__((target("aes,sse2")))
#define DC_AEZ_ROUND(x, key) (dc_aez_block)_mm_aesenc_si128((__m128i)(x), (__m128i)(key))
#include "core.h"
#undef DC_AEZ_NAME
#undef DC_AEZ_TARGET
#undef DC_AEZ_ROUND
#else
static inline int dc_aez_has_instructions(void) { return 0; }
#define dc_aez_hash_with_instructions dc_aez_hash_anywhere
#define dc_aez_core_with_instructions dc_aez_core_anywhere
#endif

// MARK: For Swift

// XORs `sum` (16 bytes) with what becomes of one string: the tag's length in bits as a block is string 3, the nonce 4, what is only
// authenticated 5 and on.
static inline void dc_aez_hash(const uint8_t *key, unsigned number, const uint8_t *bytes, size_t count, uint8_t *sum, int has_instructions) {
    dc_aez_key taken;
    dc_aez_take_key(&taken, key);
    const dc_aez_block hash = has_instructions ? dc_aez_hash_with_instructions(&taken, number, bytes, count) : dc_aez_hash_anywhere(&taken, number, bytes, count);
    dc_aez_store(sum, dc_aez_load(sum) ^ hash);
    dc_aez_wipe(&taken, sizeof taken);
}

// Enciphers `count` bytes in place, at least DC_AEZ_LEAST, or deciphers them; `tweak` is the sum of the strings' hashes.
static inline void dc_aez_apply(const uint8_t *key, const uint8_t *tweak, uint8_t *bytes, size_t count, int is_deciphering, int has_instructions) {
    dc_aez_key taken;
    dc_aez_take_key(&taken, key);
    if (has_instructions) dc_aez_core_with_instructions(&taken, dc_aez_load(tweak), bytes, count, is_deciphering != 0);
    else dc_aez_core_anywhere(&taken, dc_aez_load(tweak), bytes, count, is_deciphering != 0);
    dc_aez_wipe(&taken, sizeof taken);
}
#endif
