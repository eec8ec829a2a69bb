// X25519 (RFC 7748) of four scalars and four points at once, for processors with AVX2: in the lanes of a vector four cost what two do in
// libsodium, which is used elsewhere. A relay under load answers many onion skins, each with three of these. Only Sealing imports this.
//
// No branch and no address depends on a secret. A field element modulo p = 2^255 - 19 is ten limbs of 26 and 25 bits in turn, each limb
// a vector of four lanes. Products need 32 bits of a limb and 64 of their sum, which bounds what may be multiplied:
//   reduced   limbs below 2^26 and 2^25 (1 + 2^-8): decoded, or from `carry`
//   sum       of two reduced: below 2^27.01 and 2^26.01
//   difference of two reduced, plus 2p: below 2^27.6 and 2^26.6
// 19 times a difference is below 2^31.9, and ten products of two differences with their factors are below 2^62.2.
#ifndef DUSTCLOUD_CX25519_H
#define DUSTCLOUD_CX25519_H
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define DC_AVX2 __attribute__((target("avx2")))
#define DC_UNROLLED _Pragma("clang loop unroll(full)")

// Whether the processor has AVX2 and the system keeps its registers.
static inline int dc_x25519_is_fast(void) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX)) return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

typedef struct { __m256i limbs[10]; } dc_field;

// MARK: The field

DC_AVX2 static inline __m256i dc_all(uint64_t value) { return _mm256_set1_epi64x((long long)value); }

// Where limb i begins, and how long it is.
static inline int dc_limb_bits(int i) { return i & 1 ? 25 : 26; }
static inline int dc_limb_start(int i) { return (51 * i + 1) / 2; }

DC_AVX2 static inline __attribute__((always_inline)) void dc_carry_one(__m256i *sums, int i) {
    sums[i + 1] = _mm256_add_epi64(sums[i + 1], _mm256_srli_epi64(sums[i], dc_limb_bits(i)));
    sums[i] = _mm256_and_si256(sums[i], dc_all((1u << dc_limb_bits(i)) - 1));
}

// Reduces sums of 64 bits. Two chains, so that they can run side by side; what leaves the top comes back 19 times at the bottom.
DC_AVX2 static inline __attribute__((always_inline)) void dc_carry(dc_field *out, __m256i *sums) {
    dc_carry_one(sums, 0);
    dc_carry_one(sums, 4);
    dc_carry_one(sums, 1);
    dc_carry_one(sums, 5);
    dc_carry_one(sums, 2);
    dc_carry_one(sums, 6);
    dc_carry_one(sums, 3);
    dc_carry_one(sums, 7);
    dc_carry_one(sums, 4);
    dc_carry_one(sums, 8);
    __m256i top = _mm256_srli_epi64(sums[9], 25);
    sums[9] = _mm256_and_si256(sums[9], dc_all((1u << 25) - 1));
    // Below 2^39, so a product of 32 bits would not do.
    top = _mm256_add_epi64(_mm256_add_epi64(top, _mm256_slli_epi64(top, 1)), _mm256_slli_epi64(top, 4));
    sums[0] = _mm256_add_epi64(sums[0], top);
    dc_carry_one(sums, 0);
    DC_UNROLLED for (int i = 0; i < 10; i++) out->limbs[i] = sums[i];
}

// Limb i times limb j counts twice where both are odd, for then the limbs' places sum up to one bit more than that of limb i + j.
DC_AVX2 static inline __attribute__((always_inline)) void dc_multiply(dc_field *out, const dc_field *a, const dc_field *b) {
    __m256i folded[10], sums[10];
    DC_UNROLLED for (int i = 0; i < 10; i++) {
        folded[i] = _mm256_mul_epu32(b->limbs[i], dc_all(19));
        sums[i] = _mm256_setzero_si256();
    }
    DC_UNROLLED for (int i = 0; i < 10; i++) {
        const __m256i once = a->limbs[i], twice = _mm256_add_epi64(once, once);
        DC_UNROLLED for (int j = 0; j < 10; j++) {
            const int place = i + j;
            const __m256i product = _mm256_mul_epu32(i & j & 1 ? twice : once, place < 10 ? b->limbs[j] : folded[j]);
            sums[place % 10] = _mm256_add_epi64(sums[place % 10], product);
        }
    }
    dc_carry(out, sums);
}

DC_AVX2 static inline __attribute__((always_inline)) void dc_square(dc_field *out, const dc_field *a) {
    __m256i folded[10], sums[10];
    DC_UNROLLED for (int i = 0; i < 10; i++) {
        folded[i] = _mm256_mul_epu32(a->limbs[i], dc_all(19));
        sums[i] = _mm256_setzero_si256();
    }
    DC_UNROLLED for (int i = 0; i < 10; i++) {
        const __m256i once = a->limbs[i], twice = _mm256_add_epi64(once, once), four = _mm256_add_epi64(twice, twice);
        DC_UNROLLED for (int j = i; j < 10; j++) {
            const int place = i + j, times = (i & j & 1) + (i != j);
            const __m256i product = _mm256_mul_epu32(times == 0 ? once : times == 1 ? twice : four, place < 10 ? a->limbs[j] : folded[j]);
            sums[place % 10] = _mm256_add_epi64(sums[place % 10], product);
        }
    }
    dc_carry(out, sums);
}

DC_AVX2 static inline void dc_square_times(dc_field *out, const dc_field *a, int times) {
    dc_square(out, a);
    for (int i = 1; i < times; i++) dc_square(out, out);
}

// Below, sums and differences are not reduced.
DC_AVX2 static inline __attribute__((always_inline)) void dc_add(dc_field *out, const dc_field *a, const dc_field *b) {
    DC_UNROLLED for (int i = 0; i < 10; i++) out->limbs[i] = _mm256_add_epi64(a->limbs[i], b->limbs[i]);
}

DC_AVX2 static inline __attribute__((always_inline)) void dc_subtract(dc_field *out, const dc_field *a, const dc_field *b) {
    DC_UNROLLED for (int i = 0; i < 10; i++) {
        const uint64_t twice_p = (2ull << dc_limb_bits(i)) - (i == 0 ? 38 : 2);
        out->limbs[i] = _mm256_sub_epi64(_mm256_add_epi64(a->limbs[i], dc_all(twice_p)), b->limbs[i]);
    }
}

// a + 121665 b, reduced.
DC_AVX2 static inline __attribute__((always_inline)) void dc_add_scaled(dc_field *out, const dc_field *a, const dc_field *b) {
    __m256i sums[10];
    DC_UNROLLED for (int i = 0; i < 10; i++) sums[i] = _mm256_add_epi64(a->limbs[i], _mm256_mul_epu32(b->limbs[i], dc_all(121665)));
    dc_carry(out, sums);
}

// Swaps lanes whose mask is all ones.
DC_AVX2 static inline __attribute__((always_inline)) void dc_swap(dc_field *a, dc_field *b, __m256i mask) {
    DC_UNROLLED for (int i = 0; i < 10; i++) {
        const __m256i change = _mm256_and_si256(mask, _mm256_xor_si256(a->limbs[i], b->limbs[i]));
        a->limbs[i] = _mm256_xor_si256(a->limbs[i], change);
        b->limbs[i] = _mm256_xor_si256(b->limbs[i], change);
    }
}

// a^(p - 2) = a^-1, and 0 of 0. `t` is scratch; each line says which power of a follows.
DC_AVX2 static inline void dc_invert(dc_field *out, const dc_field *a, dc_field t[4]) {
    dc_square(&t[0], a);                       // 2
    dc_square_times(&t[1], &t[0], 2);          // 8
    dc_multiply(&t[1], &t[1], a);              // 9
    dc_multiply(&t[0], &t[0], &t[1]);          // 11
    dc_square(&t[2], &t[0]);                   // 22
    dc_multiply(&t[1], &t[1], &t[2]);          // 2^5 - 1
    dc_square_times(&t[2], &t[1], 5);
    dc_multiply(&t[1], &t[2], &t[1]);          // 2^10 - 1
    dc_square_times(&t[2], &t[1], 10);
    dc_multiply(&t[2], &t[2], &t[1]);          // 2^20 - 1
    dc_square_times(&t[3], &t[2], 20);
    dc_multiply(&t[2], &t[3], &t[2]);          // 2^40 - 1
    dc_square_times(&t[2], &t[2], 10);
    dc_multiply(&t[1], &t[2], &t[1]);          // 2^50 - 1
    dc_square_times(&t[2], &t[1], 50);
    dc_multiply(&t[2], &t[2], &t[1]);          // 2^100 - 1
    dc_square_times(&t[3], &t[2], 100);
    dc_multiply(&t[2], &t[3], &t[2]);          // 2^200 - 1
    dc_square_times(&t[2], &t[2], 50);
    dc_multiply(&t[1], &t[2], &t[1]);          // 2^250 - 1
    dc_square_times(&t[1], &t[1], 5);
    dc_multiply(out, &t[1], &t[0]);            // 2^255 - 21
}

// MARK: Bytes

// Four times 32 bytes as words: word i of the one in lane l is lane l of words[i].
DC_AVX2 static inline void dc_load_words(__m256i words[4], const uint8_t *bytes) {
    uint64_t lanes[4][4];
    memcpy(lanes, bytes, sizeof lanes);  // the hosts are little-endian
    for (int i = 0; i < 4; i++)
        words[i] = _mm256_set_epi64x((long long)lanes[3][i], (long long)lanes[2][i], (long long)lanes[1][i], (long long)lanes[0][i]);
    memset(lanes, 0, sizeof lanes);
    __asm__ volatile("" : : "r"(lanes) : "memory");
}

// The top bit of a point is ignored (RFC 7748, section 5).
DC_AVX2 static inline void dc_decode(dc_field *out, const uint8_t *points) {
    __m256i words[4];
    dc_load_words(words, points);
    for (int i = 0; i < 10; i++) {
        const int word = dc_limb_start(i) / 64, shift = dc_limb_start(i) % 64;
        __m256i limb = _mm256_srl_epi64(words[word], _mm_cvtsi32_si128(shift));
        if (shift + dc_limb_bits(i) > 64) limb = _mm256_or_si256(limb, _mm256_sll_epi64(words[word + 1], _mm_cvtsi32_si128(64 - shift)));
        out->limbs[i] = _mm256_and_si256(limb, dc_all((1u << dc_limb_bits(i)) - 1));
    }
}

// One lane as 32 bytes, the remainder modulo p.
static inline void dc_encode(uint8_t *out, const dc_field *a, int lane) {
    uint64_t limbs[10], words[4] = { 0, 0, 0, 0 };
    for (int i = 0; i < 10; i++) memcpy(&limbs[i], (const uint8_t *)&a->limbs[i] + 8 * lane, 8);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 9; i++) {
            limbs[i + 1] += limbs[i] >> dc_limb_bits(i);
            limbs[i] &= (1u << dc_limb_bits(i)) - 1;
        }
        limbs[0] += 19 * (limbs[9] >> 25);
        limbs[9] &= (1u << 25) - 1;
    }
    // Now below 2^255 + 19: p or more exactly if 19 more overflows 255 bits, and then 19 more without what overflows is the remainder.
    uint64_t carry = 19;
    for (int i = 0; i < 10; i++) carry = (limbs[i] + carry) >> dc_limb_bits(i);
    carry *= 19;
    for (int i = 0; i < 10; i++) {
        const uint64_t sum = limbs[i] + carry, limb = sum & ((1u << dc_limb_bits(i)) - 1);
        const int word = dc_limb_start(i) / 64, shift = dc_limb_start(i) % 64;
        carry = sum >> dc_limb_bits(i);
        words[word] |= limb << shift;
        if (shift + dc_limb_bits(i) > 64) words[word + 1] |= limb >> (64 - shift);
    }
    memcpy(out, words, 32);
    memset(limbs, 0, sizeof limbs);
    memset(words, 0, sizeof words);
    __asm__ volatile("" : : "r"(limbs), "r"(words) : "memory");
}

// MARK: The ladder

typedef struct { dc_field point, x2, z2, x3, z3, t[6]; __m256i scalars[4]; } dc_ladder;

// RFC 7748, section 5, with its names: (x2 : z2) and (x3 : z3) become their sum and the double of the first.
DC_AVX2 static inline __attribute__((always_inline)) void dc_step(dc_ladder *s) {
    dc_field *const a = &s->t[0], *const b = &s->t[1], *const c = &s->t[2], *const d = &s->t[3], *const e = &s->t[4], *const f = &s->t[5];
    dc_add(a, &s->x2, &s->z2);
    dc_subtract(b, &s->x2, &s->z2);
    dc_add(c, &s->x3, &s->z3);
    dc_subtract(d, &s->x3, &s->z3);
    // What a line needs was begun at least two lines before: the end of each product is a chain that waits for itself.
    dc_multiply(d, d, a);                      // DA
    dc_square(a, a);                           // AA
    dc_multiply(c, c, b);                      // CB
    dc_square(b, b);                           // BB
    dc_add(&s->x3, d, c);
    dc_subtract(&s->z3, d, c);
    dc_square(&s->z3, &s->z3);
    dc_subtract(e, a, b);                      // E
    dc_multiply(&s->x2, a, b);
    dc_add_scaled(f, a, e);
    dc_multiply(&s->z3, &s->z3, &s->point);
    dc_square(&s->x3, &s->x3);
    dc_multiply(&s->z2, e, f);
}

// Four times X25519(scalar, point): each argument is four times 32 bytes. Zeros where a point is of small order: the caller looks.
DC_AVX2 static __attribute__((noinline, unused)) void dc_x25519_four(uint8_t *out, const uint8_t *scalars, const uint8_t *points) {
    dc_ladder s;
    dc_load_words(s.scalars, scalars);
    s.scalars[0] = _mm256_and_si256(s.scalars[0], dc_all(~7ull));
    s.scalars[3] = _mm256_or_si256(_mm256_and_si256(s.scalars[3], dc_all(~0ull >> 1)), dc_all(1ull << 62));
    dc_decode(&s.point, points);
    s.x3 = s.point;
    memset(&s.x2, 0, sizeof s.x2);
    s.z2 = s.x2;
    s.x2.limbs[0] = dc_all(1);
    s.z3 = s.x2;
    __m256i previous = _mm256_setzero_si256();
    for (int at = 254; at >= 0; at--) {
        const __m256i bit = _mm256_and_si256(_mm256_srl_epi64(s.scalars[at / 64], _mm_cvtsi32_si128(at % 64)), dc_all(1));
        const __m256i mask = _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_xor_si256(bit, previous));
        previous = bit;
        dc_swap(&s.x2, &s.x3, mask);
        dc_swap(&s.z2, &s.z3, mask);
        dc_step(&s);
    }
    // The last bit of a scalar is 0: nothing is left to swap.
    dc_invert(&s.z2, &s.z2, s.t);
    dc_multiply(&s.x2, &s.x2, &s.z2);
    for (int lane = 0; lane < 4; lane++) dc_encode(out + 32 * lane, &s.x2, lane);
    memset(&s, 0, sizeof s);
    __asm__ volatile("" : : "r"(&s) : "memory");
}
#else
static inline int dc_x25519_is_fast(void) { return 0; }
static inline void dc_x25519_four(uint8_t *out, const uint8_t *scalars, const uint8_t *points) { (void)out, (void)scalars, (void)points; }
#endif
#endif
