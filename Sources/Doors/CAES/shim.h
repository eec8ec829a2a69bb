// AES-128 with the processor's own instructions, for Counter Galois Onion, which changes its keys with every cell: setting a key in an
// OpenSSL context costs several times what the cell's blocks do. Only Sealing imports this.
//
// Whether the processor has them is asked at run time; nothing here may be called where it has not. No branch and no address depends on
// a secret.
#ifndef DUSTCLOUD_CAES_H
#define DUSTCLOUD_CAES_H
#include <stdint.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#define DC_AES_BLOCK 16
#define DC_AES_ROUND_KEYS 11

typedef struct { uint8_t bytes[DC_AES_ROUND_KEYS * DC_AES_BLOCK]; } dc_aes_schedule;

#if defined(__x86_64__)
#define DC_AES __attribute__((target("aes,sse2")))

static inline int dc_aes_has_instructions(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_AES);
}

DC_AES static inline __m128i dc_aes_round_key(const dc_aes_schedule *schedule, int round) {
    return _mm_loadu_si128((const __m128i *)schedule->bytes + round);
}

// The next round key: FIPS 197, section 5.2, with all four words at once.
#define DC_AES_NEXT(key, constant) dc_aes_spread(key, _mm_aeskeygenassist_si128(key, constant))

DC_AES static inline __m128i dc_aes_spread(__m128i key, __m128i assist) {
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, _mm_shuffle_epi32(assist, 0xff));
}

// The schedule that encrypts.
DC_AES static inline void dc_aes_expand(dc_aes_schedule *schedule, const uint8_t *key) {
    __m128i *round = (__m128i *)schedule->bytes;
    __m128i k = _mm_loadu_si128((const __m128i *)key);
    _mm_storeu_si128(round, k);
    _mm_storeu_si128(round + 1, k = DC_AES_NEXT(k, 0x01));
    _mm_storeu_si128(round + 2, k = DC_AES_NEXT(k, 0x02));
    _mm_storeu_si128(round + 3, k = DC_AES_NEXT(k, 0x04));
    _mm_storeu_si128(round + 4, k = DC_AES_NEXT(k, 0x08));
    _mm_storeu_si128(round + 5, k = DC_AES_NEXT(k, 0x10));
    _mm_storeu_si128(round + 6, k = DC_AES_NEXT(k, 0x20));
    _mm_storeu_si128(round + 7, k = DC_AES_NEXT(k, 0x40));
    _mm_storeu_si128(round + 8, k = DC_AES_NEXT(k, 0x80));
    _mm_storeu_si128(round + 9, k = DC_AES_NEXT(k, 0x1b));
    _mm_storeu_si128(round + 10, k = DC_AES_NEXT(k, 0x36));
}

// The schedule that decrypts, in the order in which decryption uses it (the equivalent inverse cipher, section 5.3.5).
DC_AES static inline void dc_aes_expand_inverse(dc_aes_schedule *schedule, const uint8_t *key) {
    dc_aes_schedule forward;
    dc_aes_expand(&forward, key);
    __m128i *round = (__m128i *)schedule->bytes;
    for (int i = 0; i < DC_AES_ROUND_KEYS; i++) {
        __m128i k = dc_aes_round_key(&forward, DC_AES_ROUND_KEYS - 1 - i);
        _mm_storeu_si128(round + i, i == 0 || i == DC_AES_ROUND_KEYS - 1 ? k : _mm_aesimc_si128(k));
    }
}

// One block in place.
DC_AES static inline void dc_aes_encrypt_one(const dc_aes_schedule *schedule, uint8_t *bytes) {
    __m128i block = _mm_xor_si128(_mm_loadu_si128((const __m128i *)bytes), dc_aes_round_key(schedule, 0));
    for (int round = 1; round < DC_AES_ROUND_KEYS - 1; round++) block = _mm_aesenc_si128(block, dc_aes_round_key(schedule, round));
    _mm_storeu_si128((__m128i *)bytes, _mm_aesenclast_si128(block, dc_aes_round_key(schedule, DC_AES_ROUND_KEYS - 1)));
}

// Eight blocks in place, each in a register of its own: an array would be kept in memory.
#define DC_AES_EIGHT(step) step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7)
#define DC_AES_BEGIN(i) __m128i block##i = _mm_xor_si128(_mm_loadu_si128(at + i), key);
#define DC_AES_ROUND(i) block##i = _mm_aesenc_si128(block##i, key);
#define DC_AES_END(i) _mm_storeu_si128(at + i, _mm_aesenclast_si128(block##i, key));

DC_AES static inline void dc_aes_encrypt_eight(const dc_aes_schedule *schedule, uint8_t *bytes) {
    __m128i *at = (__m128i *)bytes, key = dc_aes_round_key(schedule, 0);
    DC_AES_EIGHT(DC_AES_BEGIN)
    for (int round = 1; round < DC_AES_ROUND_KEYS - 1; round++) {
        key = dc_aes_round_key(schedule, round);
        DC_AES_EIGHT(DC_AES_ROUND)
    }
    key = dc_aes_round_key(schedule, DC_AES_ROUND_KEYS - 1);
    DC_AES_EIGHT(DC_AES_END)
}

// Whole blocks in place.
DC_AES static inline void dc_aes_encrypt(const dc_aes_schedule *schedule, uint8_t *bytes, int blocks) {
    for (; blocks >= 8; blocks -= 8, bytes += 8 * DC_AES_BLOCK) dc_aes_encrypt_eight(schedule, bytes);
    for (; blocks > 0; blocks--, bytes += DC_AES_BLOCK) dc_aes_encrypt_one(schedule, bytes);
}

// The same with a schedule of `dc_aes_expand_inverse`.
DC_AES static inline void dc_aes_decrypt(const dc_aes_schedule *schedule, uint8_t *bytes, int blocks) {
    for (; blocks > 0; blocks--, bytes += DC_AES_BLOCK) {
        __m128i block = _mm_xor_si128(_mm_loadu_si128((const __m128i *)bytes), dc_aes_round_key(schedule, 0));
        for (int round = 1; round < DC_AES_ROUND_KEYS - 1; round++) block = _mm_aesdec_si128(block, dc_aes_round_key(schedule, round));
        _mm_storeu_si128((__m128i *)bytes, _mm_aesdeclast_si128(block, dc_aes_round_key(schedule, DC_AES_ROUND_KEYS - 1)));
    }
}
#else
static inline int dc_aes_has_instructions(void) { return 0; }
static inline void dc_aes_expand(dc_aes_schedule *schedule, const uint8_t *key) { (void)schedule, (void)key, __builtin_trap(); }
static inline void dc_aes_expand_inverse(dc_aes_schedule *schedule, const uint8_t *key) { (void)schedule, (void)key, __builtin_trap(); }
static inline void dc_aes_encrypt(const dc_aes_schedule *schedule, uint8_t *bytes, int blocks) { (void)schedule, (void)bytes, (void)blocks, __builtin_trap(); }
static inline void dc_aes_decrypt(const dc_aes_schedule *schedule, uint8_t *bytes, int blocks) { (void)schedule, (void)bytes, (void)blocks, __builtin_trap(); }
#endif
#endif
