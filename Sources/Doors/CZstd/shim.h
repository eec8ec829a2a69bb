// Zstandard: the `x-zstd` encoding. Only Compression imports this.
#ifndef DUSTCLOUD_CZSTD_H
#define DUSTCLOUD_CZSTD_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zstd.h>

typedef struct { ZSTD_CCtx *packer; ZSTD_DCtx *unpacker; } dc_zstd;

static inline void dc_zstd_free(dc_zstd *z) {
    ZSTD_freeCCtx(z->packer);
    ZSTD_freeDCtx(z->unpacker);
    free(z);
}

// NULL when memory is short. `window_log` bounds the memory that the other side can make us take for its window.
static inline dc_zstd *dc_zstd_new(int unpacks, int level, int window_log) {
    dc_zstd *z = (dc_zstd *)calloc(1, sizeof *z);
    if (!z) return NULL;
    size_t rc;
    if (unpacks) {
        z->unpacker = ZSTD_createDCtx();
        rc = z->unpacker ? ZSTD_DCtx_setParameter(z->unpacker, ZSTD_d_windowLogMax, window_log) : (size_t)-1;
    } else {
        z->packer = ZSTD_createCCtx();
        rc = z->packer ? ZSTD_CCtx_setParameter(z->packer, ZSTD_c_compressionLevel, level) : (size_t)-1;
    }
    if (!ZSTD_isError(rc)) return z;
    dc_zstd_free(z);
    return NULL;
}

// Ready for another stream of the same kind.
static inline int dc_zstd_reset(dc_zstd *z) {
    size_t rc = z->packer ? ZSTD_CCtx_reset(z->packer, ZSTD_reset_session_only) : ZSTD_DCtx_reset(z->unpacker, ZSTD_reset_session_only);
    return ZSTD_isError(rc) ? -1 : 0;
}

// As dc_zlib_run.
static inline int dc_zstd_run(dc_zstd *z, const uint8_t *in, size_t *in_count, uint8_t *out, size_t *out_count, int last) {
    ZSTD_inBuffer input = {in, *in_count, 0};
    ZSTD_outBuffer output = {out, *out_count, 0};
    size_t rc = z->packer ? ZSTD_compressStream2(z->packer, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue)
                          : ZSTD_decompressStream(z->unpacker, &output, &input);
    *in_count = input.pos;
    *out_count = output.pos;
    if (ZSTD_isError(rc)) return -1;
    return rc == 0 && (!z->packer || last) ? 1 : 0;
}
#endif
