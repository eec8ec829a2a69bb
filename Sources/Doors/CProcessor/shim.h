// What the processor can do, asked at run time: a program built here runs on others. Only Sealing imports this.
#ifndef DUSTCLOUD_CPROCESSOR_H
#define DUSTCLOUD_CPROCESSOR_H

#if defined(__x86_64__)
#include <cpuid.h>

// AES, and carry-less multiplication of 64 bits.
static inline int dc_processor_has_aes(void) {
    unsigned a, b, c, d;
    const unsigned needed = bit_AES | bit_PCLMUL | bit_SSSE3;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & needed) == needed;
}

// Vectors of 256 bits, whose registers the system keeps.
static inline int dc_processor_has_avx2(void) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX)) return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

// The same as `has_aes`, on such vectors.
static inline int dc_processor_has_vector_aes(void) {
    unsigned a, b, c, d;
    const unsigned needed = bit_VAES | bit_VPCLMULQDQ;
    return dc_processor_has_aes() && dc_processor_has_avx2() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & needed) == needed;
}
#else
static inline int dc_processor_has_aes(void) { return 0; }
static inline int dc_processor_has_avx2(void) { return 0; }
static inline int dc_processor_has_vector_aes(void) { return 0; }
#endif
#endif
