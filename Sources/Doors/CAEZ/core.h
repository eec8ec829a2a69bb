// AEZ's hash and core over one way to compute a round of AES, which `shim.h` names; it is included once for each.

DC_AEZ_TARGET static inline __attribute__((always_inline)) dc_aez_block DC_AEZ_NAME(four)(const dc_aez_key *key, dc_aez_block x) {
    const dc_aez_block zero = {0};
    return DC_AEZ_ROUND(DC_AEZ_ROUND(DC_AEZ_ROUND(DC_AEZ_ROUND(x, key->j[1]), key->i), key->l[1]), zero);
}

// The tweakable cipher E with a first tweak of -1: ten rounds.
DC_AEZ_TARGET static inline dc_aez_block DC_AEZ_NAME(ten)(const dc_aez_key *key, unsigned second, dc_aez_block x) {
    x ^= key->l[second];
    for (int n = 0; n < 3; n++) x = DC_AEZ_ROUND(DC_AEZ_ROUND(DC_AEZ_ROUND(x, key->i), key->j[1]), key->l[1]);
    return DC_AEZ_ROUND(x, key->i);
}

// E with a first tweak of 0 and a second of 0 to 8.
DC_AEZ_TARGET static inline dc_aez_block DC_AEZ_NAME(zero)(const dc_aez_key *key, unsigned second, dc_aez_block x) {
    return DC_AEZ_NAME(four)(key, x ^ key->l[second % 8] ^ (second ? dc_aez_double(key->i) : key->i));
}

// The hash of string `number`: its whole blocks are counted from 1, and what is left of it is block 0, padded.
DC_AEZ_TARGET static inline dc_aez_block DC_AEZ_NAME(hash)(const dc_aez_key *key, unsigned number, const uint8_t *bytes, size_t count) {
    const dc_aez_block offset = dc_aez_times(key->j[1], number);
    dc_aez_block sum = {0}, i = key->i;
    size_t done = 0;
    for (unsigned n = 1; count - done >= DC_AEZ_BLOCK; n++, done += DC_AEZ_BLOCK) {
        if (n % 8 == 1) i = dc_aez_double(i);
        sum ^= DC_AEZ_NAME(four)(key, dc_aez_load(bytes + done) ^ offset ^ key->l[n % 8] ^ i);
    }
    if (done < count || count == 0) {
        uint8_t last[DC_AEZ_BLOCK] = {0};
        if (count) memcpy(last, bytes + done, count - done);
        last[count - done] = 0x80;
        sum ^= DC_AEZ_NAME(four)(key, dc_aez_load(last) ^ offset ^ key->i);
    }
    return sum;
}

// What a fragment of up to 31 bytes adds to a sum.
DC_AEZ_TARGET static inline dc_aez_block DC_AEZ_NAME(fragment)(const dc_aez_key *key, const uint8_t *bytes, size_t count) {
    dc_aez_block sum = {0};
    unsigned second = 4;
    if (count == 0) return sum;
    if (count >= DC_AEZ_BLOCK) {
        sum = DC_AEZ_NAME(zero)(key, second++, dc_aez_load(bytes));
        bytes += DC_AEZ_BLOCK, count -= DC_AEZ_BLOCK;
    }
    uint8_t last[DC_AEZ_BLOCK] = {0};
    memcpy(last, bytes, count);
    last[count] = 0x80;
    return sum ^ DC_AEZ_NAME(zero)(key, second, dc_aez_load(last));
}

DC_AEZ_TARGET static inline void DC_AEZ_NAME(mask_fragment)(const dc_aez_key *key, dc_aez_block s, uint8_t *bytes, size_t count) {
    uint8_t mask[2 * DC_AEZ_BLOCK];
    dc_aez_store(mask, DC_AEZ_NAME(ten)(key, 4, s));
    dc_aez_store(mask + DC_AEZ_BLOCK, DC_AEZ_NAME(ten)(key, 5, s));
    for (size_t n = 0; n < count; n++) bytes[n] ^= mask[n];
}

// Eight pairs of blocks share a multiple of I; as many fill the processor's pipes, if nothing stands between them: no loop is left. `lanes` is
// a constant where it is eight.
DC_AEZ_TARGET static inline __attribute__((always_inline)) dc_aez_block DC_AEZ_NAME(first)(const dc_aez_key *key, dc_aez_block i, uint8_t *bytes, unsigned lanes) {
    dc_aez_block left[8], right[8], sum = {0};
    DC_AEZ_UNROLLED for (unsigned n = 0; n < 8 && n < lanes; n++) {
        right[n] = dc_aez_load(bytes + 32 * n + 16);
        left[n] = dc_aez_load(bytes + 32 * n) ^ DC_AEZ_NAME(four)(key, right[n] ^ key->j[1] ^ key->l[(n + 1) % 8] ^ i);
    }
    DC_AEZ_UNROLLED for (unsigned n = 0; n < 8 && n < lanes; n++) {
        right[n] ^= DC_AEZ_NAME(four)(key, left[n] ^ key->i);
        sum ^= right[n];
        dc_aez_store(bytes + 32 * n, left[n]);
        dc_aez_store(bytes + 32 * n + 16, right[n]);
    }
    return sum;
}

DC_AEZ_TARGET static inline __attribute__((always_inline)) dc_aez_block DC_AEZ_NAME(second)(
    const dc_aez_key *key, dc_aez_block i, dc_aez_block s, uint8_t *bytes, unsigned lanes) {
    dc_aez_block left[8], right[8], sum = {0};
    DC_AEZ_UNROLLED for (unsigned n = 0; n < 8 && n < lanes; n++) {
        const dc_aez_block mask = DC_AEZ_NAME(four)(key, s ^ key->j[2] ^ key->l[(n + 1) % 8] ^ i);
        left[n] = dc_aez_load(bytes + 32 * n) ^ mask;
        right[n] = dc_aez_load(bytes + 32 * n + 16) ^ mask;
        sum ^= left[n];
    }
    DC_AEZ_UNROLLED for (unsigned n = 0; n < 8 && n < lanes; n++) left[n] ^= DC_AEZ_NAME(four)(key, right[n] ^ key->i);
    DC_AEZ_UNROLLED for (unsigned n = 0; n < 8 && n < lanes; n++) {
        right[n] ^= DC_AEZ_NAME(four)(key, left[n] ^ key->j[1] ^ key->l[(n + 1) % 8] ^ i);
        dc_aez_store(bytes + 32 * n, right[n]);
        dc_aez_store(bytes + 32 * n + 16, left[n]);
    }
    return sum;
}

// AEZ-core: pairs of blocks, a fragment of up to 31 bytes, and a last pair that binds all together. `d` is 1 to decipher.
DC_AEZ_TARGET static inline void DC_AEZ_NAME(core)(const dc_aez_key *key, dc_aez_block tweak, uint8_t *bytes, size_t count, unsigned d) {
    const size_t pairs = (count - 32) / 32, rest = (count - 32) % 32;
    uint8_t *fragment = bytes + 32 * pairs, *last = bytes + count - 32;
    dc_aez_block x = {0}, y = {0}, i = key->i;
    for (size_t done = 0; done < pairs; done += 8) {
        i = dc_aez_double(i);
        x ^= pairs - done >= 8 ? DC_AEZ_NAME(first)(key, i, bytes + 32 * done, 8) : DC_AEZ_NAME(first)(key, i, bytes + 32 * done, (unsigned)(pairs - done));
    }
    x ^= DC_AEZ_NAME(fragment)(key, fragment, rest);

    dc_aez_block left = dc_aez_load(last), right = dc_aez_load(last + 16);
    left ^= x ^ tweak ^ DC_AEZ_NAME(zero)(key, 1 + d, right);
    right ^= DC_AEZ_NAME(ten)(key, 1 + d, left);
    const dc_aez_block s = left ^ right;

    i = key->i;
    for (size_t done = 0; done < pairs; done += 8) {
        i = dc_aez_double(i);
        y ^= pairs - done >= 8 ? DC_AEZ_NAME(second)(key, i, s, bytes + 32 * done, 8) : DC_AEZ_NAME(second)(key, i, s, bytes + 32 * done, (unsigned)(pairs - done));
    }
    DC_AEZ_NAME(mask_fragment)(key, s, fragment, rest);
    y ^= DC_AEZ_NAME(fragment)(key, fragment, rest);

    left ^= DC_AEZ_NAME(ten)(key, 2 - d, right);
    right ^= y ^ tweak ^ DC_AEZ_NAME(zero)(key, 2 - d, left);
    dc_aez_store(last, right);
    dc_aez_store(last + 16, left);
}
