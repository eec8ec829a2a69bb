// POLYVAL (RFC 8452, section 3) for Counter Galois Onion. OpenSSL 3.0 has it only inside whole ciphers, and Swift has no carry-less
// multiplication. Only Sealing imports this.
//
// Three ways to the same result, all without branches or table look-ups that depend on secrets: PCLMULQDQ on one block or on two at once
// where the processor has that, as CProcessor says, and plain 64-bit multiplication elsewhere. Elements are little-endian, as RFC 8452 has them.
#ifndef DUSTCLOUD_CPOLYVAL_H
#define DUSTCLOUD_CPOLYVAL_H
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define DC_POLYVAL_BLOCK 16
// Powers of the key kept for the fast way: so many blocks share one reduction.
#define DC_POLYVAL_POWERS 8
// What the tweak of a relay cell hashes beside H: the command and everything right of the tag.
#define DC_CGO_RIGHT 493

typedef struct { uint64_t low, high; } dc_polyval_element;

// powers[i] is the key to the power 8 - i, as the blocks of a group need them; the portable way knows only the last, the key itself.
typedef struct { dc_polyval_element powers[DC_POLYVAL_POWERS]; } dc_polyval_key;

static inline dc_polyval_element dc_polyval_load(const uint8_t *bytes) {
    dc_polyval_element e;
    memcpy(&e, bytes, sizeof e);  // the hosts are little-endian
    return e;
}

// MARK: Anywhere

// The low 64 bits of a carry-less product. Every fourth bit takes part in an integer multiplication, so that carries die in the holes.
static inline uint64_t dc_carryless_low(uint64_t x, uint64_t y) {
    uint64_t result = 0;
    for (int out = 0; out < 4; out++) {
        uint64_t sum = 0;
        for (int i = 0; i < 4; i++)
            sum ^= (x & (0x1111111111111111ull << i)) * (y & (0x1111111111111111ull << ((out - i) & 3)));
        result |= sum & (0x1111111111111111ull << out);
    }
    return result;
}

static inline uint64_t dc_reverse_bits(uint64_t x) {
    x = (x & 0x5555555555555555ull) << 1 | (x >> 1 & 0x5555555555555555ull);
    x = (x & 0x3333333333333333ull) << 2 | (x >> 2 & 0x3333333333333333ull);
    x = (x & 0x0f0f0f0f0f0f0f0full) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0full);
    return __builtin_bswap64(x);
}

// The 128 bits of a carry-less product: the high half is the low half of the mirrored product.
static inline dc_polyval_element dc_carryless(uint64_t x, uint64_t y) {
    dc_polyval_element e = { dc_carryless_low(x, y), dc_reverse_bits(dc_carryless_low(dc_reverse_bits(x), dc_reverse_bits(y))) >> 1 };
    return e;
}

// a * b * x^-128 modulo x^128 + x^127 + x^126 + x^121 + 1.
static inline dc_polyval_element dc_polyval_multiply_anywhere(dc_polyval_element a, dc_polyval_element b) {
    dc_polyval_element low = dc_carryless(a.low, b.low), high = dc_carryless(a.high, b.high);
    dc_polyval_element middle = dc_carryless(a.low ^ a.high, b.low ^ b.high);
    middle.low ^= low.low ^ high.low;
    middle.high ^= low.high ^ high.high;
    uint64_t w0 = low.low, w1 = low.high ^ middle.low, w2 = high.low ^ middle.high, w3 = high.high;
    // Montgomery: what is added makes the low words vanish, one after the other.
    w1 ^= w0 << 63 ^ w0 << 62 ^ w0 << 57;
    w2 ^= w0 ^ w0 >> 1 ^ w0 >> 2 ^ w0 >> 7;
    w2 ^= w1 << 63 ^ w1 << 62 ^ w1 << 57;
    w3 ^= w1 ^ w1 >> 1 ^ w1 >> 2 ^ w1 >> 7;
    dc_polyval_element e = { w2, w3 };
    return e;
}

static inline dc_polyval_element dc_polyval_next_anywhere(const dc_polyval_key *key, dc_polyval_element sum, const uint8_t *block) {
    dc_polyval_element e = dc_polyval_load(block);
    e.low ^= sum.low;
    e.high ^= sum.high;
    return dc_polyval_multiply_anywhere(e, key->powers[DC_POLYVAL_POWERS - 1]);
}

// POLYVAL(key, h | command | right | zeros), 512 bytes.
static inline dc_polyval_element dc_polyval_tweak_anywhere(const dc_polyval_key *key, const uint8_t *h, uint8_t command, const uint8_t *right) {
    dc_polyval_element sum = { 0, 0 };
    uint8_t block[DC_POLYVAL_BLOCK] = { command };
    sum = dc_polyval_next_anywhere(key, sum, h);
    memcpy(block + 1, right, 15);
    sum = dc_polyval_next_anywhere(key, sum, block);
    for (int at = 15; at + DC_POLYVAL_BLOCK <= DC_CGO_RIGHT; at += DC_POLYVAL_BLOCK) sum = dc_polyval_next_anywhere(key, sum, right + at);
    memset(block, 0, sizeof block);
    memcpy(block, right + 479, DC_CGO_RIGHT - 479);
    return dc_polyval_next_anywhere(key, sum, block);
}

// MARK: With PCLMULQDQ

#if defined(__x86_64__)
#define DC_CARRYLESS __attribute__((target("pclmul,ssse3")))

typedef struct { __m128i low, middle, high; } dc_polyval_product;

// Karatsuba: `middle` is of the sums of both halves, and the reduction takes away what is too much in it.
DC_CARRYLESS static inline void dc_polyval_accumulate(dc_polyval_product *sum, __m128i a, __m128i b) {
    const __m128i both_a = _mm_xor_si128(a, _mm_shuffle_epi32(a, 0x4e)), both_b = _mm_xor_si128(b, _mm_shuffle_epi32(b, 0x4e));
    sum->low = _mm_xor_si128(sum->low, _mm_clmulepi64_si128(a, b, 0x00));
    sum->high = _mm_xor_si128(sum->high, _mm_clmulepi64_si128(a, b, 0x11));
    sum->middle = _mm_xor_si128(sum->middle, _mm_clmulepi64_si128(both_a, both_b, 0x00));
}

DC_CARRYLESS static inline __m128i dc_polyval_reduce(const dc_polyval_product *sum) {
    const __m128i modulus = _mm_set_epi64x(0, (long long)0xc200000000000000ull);
    const __m128i middle = _mm_xor_si128(sum->middle, _mm_xor_si128(sum->low, sum->high));
    __m128i low = _mm_xor_si128(sum->low, _mm_slli_si128(middle, 8));
    const __m128i high = _mm_xor_si128(sum->high, _mm_srli_si128(middle, 8));
    for (int i = 0; i < 2; i++) low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, modulus, 0x00));
    return _mm_xor_si128(high, low);
}

DC_CARRYLESS static inline dc_polyval_element dc_polyval_multiply_fast(dc_polyval_element a, dc_polyval_element b) {
    dc_polyval_product product = { _mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128() };
    dc_polyval_accumulate(&product, _mm_set_epi64x((long long)a.high, (long long)a.low), _mm_set_epi64x((long long)b.high, (long long)b.low));
    dc_polyval_element e;
    _mm_storeu_si128((__m128i *)&e, dc_polyval_reduce(&product));
    return e;
}

DC_CARRYLESS static inline void dc_polyval_expand_fast(dc_polyval_key *key) {
    // Each from two of about half its exponent, so that few of these multiplications wait for one another.
    dc_polyval_element *last = &key->powers[DC_POLYVAL_POWERS - 1];
    for (int i = 1; i < DC_POLYVAL_POWERS; i++) last[-i] = dc_polyval_multiply_fast(last[-((i - 1) / 2)], last[-(i / 2)]);
}

// As dc_polyval_tweak_anywhere. The byte before `right` is readable: it belongs to the same cell.
DC_CARRYLESS static inline dc_polyval_element dc_polyval_tweak_blocks(const dc_polyval_key *key, const uint8_t *h, uint8_t command, const uint8_t *right) {
    uint8_t first[DC_POLYVAL_BLOCK] = { command };
    memcpy(first + 1, right, 15);
    __m128i sum = _mm_setzero_si128();
    for (int group = 0; group < 4; group++) {
        dc_polyval_product product = { _mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128() };
#pragma clang loop unroll(full)
        for (int i = 0; i < DC_POLYVAL_POWERS; i++) {
            int number = group * DC_POLYVAL_POWERS + i;
            __m128i block;
            if (number == 0) block = _mm_loadu_si128((const __m128i *)h);
            else if (number == 1) block = _mm_loadu_si128((const __m128i *)first);
            else if (number == 31) block = _mm_srli_si128(_mm_loadu_si128((const __m128i *)(right + DC_CGO_RIGHT - 16)), 2);
            else block = _mm_loadu_si128((const __m128i *)(right - 1 + 16 * (number - 1)));
            if (i == 0) block = _mm_xor_si128(block, sum);
            dc_polyval_accumulate(&product, block, _mm_loadu_si128((const __m128i *)&key->powers[i]));
        }
        sum = dc_polyval_reduce(&product);
    }
    dc_polyval_element e;
    _mm_storeu_si128((__m128i *)&e, sum);
    return e;
}
// The same with two blocks in each vector (VPCLMULQDQ).
#define DC_VECTOR_CARRYLESS __attribute__((target("vpclmulqdq,pclmul,avx2")))

typedef struct { __m256i low, middle, high; } dc_polyval_products;

DC_VECTOR_CARRYLESS static inline void dc_polyval_accumulate_pair(dc_polyval_products *sum, __m256i a, __m256i b) {
    const __m256i both_a = _mm256_xor_si256(a, _mm256_shuffle_epi32(a, 0x4e)), both_b = _mm256_xor_si256(b, _mm256_shuffle_epi32(b, 0x4e));
    sum->low = _mm256_xor_si256(sum->low, _mm256_clmulepi64_epi128(a, b, 0x00));
    sum->high = _mm256_xor_si256(sum->high, _mm256_clmulepi64_epi128(a, b, 0x11));
    sum->middle = _mm256_xor_si256(sum->middle, _mm256_clmulepi64_epi128(both_a, both_b, 0x00));
}

DC_VECTOR_CARRYLESS static inline __m128i dc_polyval_fold(__m256i pair) {
    return _mm_xor_si128(_mm256_castsi256_si128(pair), _mm256_extracti128_si256(pair, 1));
}

DC_VECTOR_CARRYLESS static inline dc_polyval_element dc_polyval_tweak_pairs(const dc_polyval_key *key, const uint8_t *h, uint8_t command, const uint8_t *right) {
    uint8_t first[2 * DC_POLYVAL_BLOCK];
    memcpy(first, h, DC_POLYVAL_BLOCK);
    first[DC_POLYVAL_BLOCK] = command;
    memcpy(first + DC_POLYVAL_BLOCK + 1, right, 15);
    const __m128i last = _mm_srli_si128(_mm_loadu_si128((const __m128i *)(right + DC_CGO_RIGHT - 16)), 2);
    __m128i sum = _mm_setzero_si128();
    for (int group = 0; group < 4; group++) {
        dc_polyval_products products = { _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256() };
#pragma clang loop unroll(full)
        for (int i = 0; i < DC_POLYVAL_POWERS; i += 2) {
            const int number = group * DC_POLYVAL_POWERS + i;
            const uint8_t *bytes = number == 0 ? first : right - 1 + 16 * (number - 1);
            __m256i pair;
            if (number == 30) pair = _mm256_set_m128i(last, _mm_loadu_si128((const __m128i *)bytes));
            else pair = _mm256_loadu_si256((const __m256i *)bytes);
            if (i == 0) pair = _mm256_xor_si256(pair, _mm256_zextsi128_si256(sum));
            dc_polyval_accumulate_pair(&products, pair, _mm256_loadu_si256((const __m256i *)&key->powers[i]));
        }
        const dc_polyval_product product = { dc_polyval_fold(products.low), dc_polyval_fold(products.middle), dc_polyval_fold(products.high) };
        sum = dc_polyval_reduce(&product);
    }
    dc_polyval_element e;
    _mm_storeu_si128((__m128i *)&e, sum);
    return e;
}
#else
static inline dc_polyval_element dc_polyval_multiply_fast(dc_polyval_element a, dc_polyval_element b) { return dc_polyval_multiply_anywhere(a, b); }
static inline void dc_polyval_expand_fast(dc_polyval_key *key) { (void)key; }
static inline dc_polyval_element dc_polyval_tweak_blocks(const dc_polyval_key *key, const uint8_t *h, uint8_t command, const uint8_t *right) {
    return dc_polyval_tweak_anywhere(key, h, command, right);
}
static inline dc_polyval_element dc_polyval_tweak_pairs(const dc_polyval_key *key, const uint8_t *h, uint8_t command, const uint8_t *right) {
    return dc_polyval_tweak_anywhere(key, h, command, right);
}
#endif
#endif
