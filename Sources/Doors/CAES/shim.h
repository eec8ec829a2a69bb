// AES-128 with the processor's own instructions, for relay cells. Only Sealing imports this. OpenSSL would do for the other uses, but a call
// to it costs more than the blocks of a cell do, and Counter Galois Onion changes its keys with every cell, which costs several times that.
//
// Nothing here may be called where the processor has not what it needs: CProcessor says. No branch and no address depends on a secret.
#ifndef DUSTCLOUD_CAES_H
#define DUSTCLOUD_CAES_H
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define DC_AES_BLOCK 16
#define DC_AES_ROUND_KEYS 11

#define DC_AES_CELL 509

typedef struct { uint8_t bytes[DC_AES_ROUND_KEYS * DC_AES_BLOCK]; } dc_aes_schedule;

// Counter mode from zero that runs on from cell to cell: bytes of the stream that were used, and its block at that place.
typedef struct { dc_aes_schedule schedule; uint64_t used; uint8_t block[DC_AES_BLOCK]; } dc_aes_stream;

#if defined(__x86_64__)
#define DC_AES __attribute__((target("aes,sse2")))

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

// The same with a schedule of `dc_aes_expand_inverse`.
DC_AES static inline void dc_aes_decrypt_one(const dc_aes_schedule *schedule, uint8_t *bytes) {
    __m128i block = _mm_xor_si128(_mm_loadu_si128((const __m128i *)bytes), dc_aes_round_key(schedule, 0));
    for (int round = 1; round < DC_AES_ROUND_KEYS - 1; round++) block = _mm_aesdec_si128(block, dc_aes_round_key(schedule, round));
    _mm_storeu_si128((__m128i *)bytes, _mm_aesdeclast_si128(block, dc_aes_round_key(schedule, DC_AES_ROUND_KEYS - 1)));
}

// Eight vectors, each in a register of its own: an array would be kept in memory.
#define DC_AES_EIGHT(step) step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7)

// All rounds after the first key, of all eight; `key` is the round's.
#define DC_AES_ROUNDS(load, step, last) \
    for (int round = 1; round < DC_AES_ROUND_KEYS - 1; round++) { \
        key = load(schedule, round); \
        DC_AES_EIGHT(step) \
    } \
    key = load(schedule, DC_AES_ROUND_KEYS - 1); \
    DC_AES_EIGHT(last)

// XORs `count` bytes with what becomes of the counter blocks `low`, `high` + `first` and on: the last byte of a block in memory counts.
#define DC_AES_BEGIN(i) __m128i block##i = _mm_xor_si128(begin, _mm_set_epi64x((long long)((first + i) << 56), 0));
#define DC_AES_ROUND(i) block##i = _mm_aesenc_si128(block##i, key);
#define DC_AES_END(i) block##i = _mm_aesenclast_si128(block##i, key);
#define DC_AES_MASK(i) \
    if (count >= DC_AES_BLOCK * (i + 1)) _mm_storeu_si128(at + i, _mm_xor_si128(_mm_loadu_si128(at + i), block##i)); \
    else if (count > DC_AES_BLOCK * i) { \
        _mm_storeu_si128((__m128i *)rest, block##i); \
        dc_aes_mask_rest((uint8_t *)(at + i), rest, count - DC_AES_BLOCK * i); \
    }

static inline void dc_aes_mask_rest(uint8_t *bytes, const uint8_t *stream, int count) {
    for (int i = 0; i < count; i++) bytes[i] ^= stream[i];
}

DC_AES static inline void dc_aes_mask_blocks(const dc_aes_schedule *schedule, uint64_t low, uint64_t high, uint64_t first, uint8_t *bytes, int count) {
    const __m128i begin = _mm_xor_si128(_mm_set_epi64x((long long)high, (long long)low), dc_aes_round_key(schedule, 0));
    for (; count > 0; count -= 8 * DC_AES_BLOCK, bytes += 8 * DC_AES_BLOCK, first += 8) {
        DC_AES_EIGHT(DC_AES_BEGIN)
        __m128i key;
        DC_AES_ROUNDS(dc_aes_round_key, DC_AES_ROUND, DC_AES_END)
        __m128i *at = (__m128i *)bytes;
        uint8_t rest[DC_AES_BLOCK];
        DC_AES_EIGHT(DC_AES_MASK)
    }
}

// The stream of counter mode from a block on: as many blocks as a cell may take. The counter is big-endian and never needs its upper half.
#define DC_AES_FILL_BLOCKS 32
#define DC_AES_COUNT(i) __m128i block##i = _mm_xor_si128(begin, _mm_set_epi64x((long long)__builtin_bswap64(first + i), 0));
#define DC_AES_STORE(i) _mm_storeu_si128((__m128i *)out + i, block##i);

DC_AES static inline void dc_aes_fill_blocks(const dc_aes_schedule *schedule, uint64_t first, uint8_t *out) {
    const __m128i begin = dc_aes_round_key(schedule, 0);
    for (int done = 0; done < DC_AES_FILL_BLOCKS; done += 8, first += 8, out += 8 * DC_AES_BLOCK) {
        DC_AES_EIGHT(DC_AES_COUNT)
        __m128i key;
        DC_AES_ROUNDS(dc_aes_round_key, DC_AES_ROUND, DC_AES_END)
        DC_AES_EIGHT(DC_AES_STORE)
    }
}

// The same with two blocks in each vector (VAES).
#define DC_VAES __attribute__((target("vaes,aes,avx2")))
#define DC_VAES_BEGIN(i) __m256i pair##i = _mm256_xor_si256(begin, dc_aes_counters(first + 2 * i));
#define DC_VAES_ROUND(i) pair##i = _mm256_aesenc_epi128(pair##i, key);
#define DC_VAES_END(i) pair##i = _mm256_aesenclast_epi128(pair##i, key);
#define DC_VAES_MASK(i) \
    if (count >= 2 * DC_AES_BLOCK * (i + 1)) _mm256_storeu_si256(at + i, _mm256_xor_si256(_mm256_loadu_si256(at + i), pair##i)); \
    else if (count > 2 * DC_AES_BLOCK * i) { \
        _mm256_storeu_si256((__m256i *)rest, pair##i); \
        dc_aes_mask_rest((uint8_t *)(at + i), rest, count - 2 * DC_AES_BLOCK * i); \
    }

DC_VAES static inline __m256i dc_aes_counters(uint64_t number) {
    return _mm256_set_epi64x((long long)((number + 1) << 56), 0, (long long)(number << 56), 0);
}

DC_VAES static inline __m256i dc_aes_round_keys(const dc_aes_schedule *schedule, int round) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)schedule->bytes + round));
}

DC_VAES static inline void dc_aes_mask_pairs(const dc_aes_schedule *schedule, uint64_t low, uint64_t high, uint64_t first, uint8_t *bytes, int count) {
    const __m256i start = _mm256_broadcastsi128_si256(_mm_set_epi64x((long long)high, (long long)low));
    const __m256i begin = _mm256_xor_si256(start, dc_aes_round_keys(schedule, 0));
    for (; count > 0; count -= 16 * DC_AES_BLOCK, bytes += 16 * DC_AES_BLOCK, first += 16) {
        DC_AES_EIGHT(DC_VAES_BEGIN)
        __m256i key;
        DC_AES_ROUNDS(dc_aes_round_keys, DC_VAES_ROUND, DC_VAES_END)
        __m256i *at = (__m256i *)bytes;
        uint8_t rest[2 * DC_AES_BLOCK];
        DC_AES_EIGHT(DC_VAES_MASK)
    }
}

#define DC_VAES_COUNT(i) __m256i pair##i = _mm256_xor_si256(begin, dc_aes_big_endian(first + 2 * i));
#define DC_VAES_STORE(i) _mm256_storeu_si256((__m256i *)out + i, pair##i);

DC_VAES static inline __m256i dc_aes_big_endian(uint64_t number) {
    return _mm256_set_epi64x((long long)__builtin_bswap64(number + 1), 0, (long long)__builtin_bswap64(number), 0);
}

DC_VAES static inline void dc_aes_fill_pairs(const dc_aes_schedule *schedule, uint64_t first, uint8_t *out) {
    const __m256i begin = dc_aes_round_keys(schedule, 0);
    for (int done = 0; done < DC_AES_FILL_BLOCKS; done += 16, first += 16, out += 16 * DC_AES_BLOCK) {
        DC_AES_EIGHT(DC_VAES_COUNT)
        __m256i key;
        DC_AES_ROUNDS(dc_aes_round_keys, DC_VAES_ROUND, DC_VAES_END)
        DC_AES_EIGHT(DC_VAES_STORE)
    }
}

// XORs one cell with the next bytes of the stream. What was left of a block lies before the new ones, so that the bytes are in one piece.
static inline void dc_aes_stream_cell(dc_aes_stream *stream, uint8_t *cell, int is_paired) {
    uint8_t bytes[(1 + DC_AES_FILL_BLOCKS) * DC_AES_BLOCK];
    const unsigned begun = stream->used % DC_AES_BLOCK, start = begun ? begun : DC_AES_BLOCK;
    const uint64_t next = (stream->used + DC_AES_BLOCK - 1) / DC_AES_BLOCK;
    memcpy(bytes, stream->block, DC_AES_BLOCK);
    if (is_paired) dc_aes_fill_pairs(&stream->schedule, next, bytes + DC_AES_BLOCK);
    else dc_aes_fill_blocks(&stream->schedule, next, bytes + DC_AES_BLOCK);
    const uint8_t *from = bytes + start;
    int at = 0;
    for (; at + DC_AES_BLOCK <= DC_AES_CELL; at += DC_AES_BLOCK) {
        const __m128i piece = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(cell + at)), _mm_loadu_si128((const __m128i *)(from + at)));
        _mm_storeu_si128((__m128i *)(cell + at), piece);
    }
    dc_aes_mask_rest(cell + at, from + at, DC_AES_CELL - at);
    stream->used += DC_AES_CELL;
    memcpy(stream->block, bytes + (start + DC_AES_CELL) / DC_AES_BLOCK * DC_AES_BLOCK, DC_AES_BLOCK);
}
#else
static inline void dc_aes_expand(dc_aes_schedule *schedule, const uint8_t *key) { (void)schedule, (void)key, __builtin_trap(); }
static inline void dc_aes_expand_inverse(dc_aes_schedule *schedule, const uint8_t *key) { (void)schedule, (void)key, __builtin_trap(); }
static inline void dc_aes_encrypt_one(const dc_aes_schedule *schedule, uint8_t *bytes) { (void)schedule, (void)bytes, __builtin_trap(); }
static inline void dc_aes_decrypt_one(const dc_aes_schedule *schedule, uint8_t *bytes) { (void)schedule, (void)bytes, __builtin_trap(); }
static inline void dc_aes_mask_blocks(const dc_aes_schedule *schedule, uint64_t low, uint64_t high, uint64_t first, uint8_t *bytes, int count) {
    (void)schedule, (void)low, (void)high, (void)first, (void)bytes, (void)count, __builtin_trap();
}
static inline void dc_aes_mask_pairs(const dc_aes_schedule *schedule, uint64_t low, uint64_t high, uint64_t first, uint8_t *bytes, int count) {
    (void)schedule, (void)low, (void)high, (void)first, (void)bytes, (void)count, __builtin_trap();
}
static inline void dc_aes_stream_cell(dc_aes_stream *stream, uint8_t *cell, int is_paired) { (void)stream, (void)cell, (void)is_paired, __builtin_trap(); }
#endif
#endif
