// zlib: the `deflate` and `gzip` encodings. Only Compression imports this.
#ifndef DUSTCLOUD_CZLIB_H
#define DUSTCLOUD_CZLIB_H
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

// zlib remembers the address of its state, so that lives here and not in a value that Swift may move.
typedef struct { z_stream stream; int unpacks; } dc_zlib;

// NULL when memory is short. Window bits are the largest; 16 more make it gzip.
static inline dc_zlib *dc_zlib_new(int unpacks, int gzip, int level) {
    dc_zlib *z = (dc_zlib *)calloc(1, sizeof *z);
    if (!z) return NULL;
    int bits = MAX_WBITS + (gzip ? 16 : 0);
    z->unpacks = unpacks;
    int rc = unpacks ? inflateInit2(&z->stream, bits) : deflateInit2(&z->stream, level, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
    if (rc == Z_OK) return z;
    free(z);
    return NULL;
}

static inline void dc_zlib_free(dc_zlib *z) {
    if (z->unpacks) inflateEnd(&z->stream); else deflateEnd(&z->stream);
    free(z);
}

// Ready for another stream of the same kind.
static inline int dc_zlib_reset(dc_zlib *z) { return (z->unpacks ? inflateReset(&z->stream) : deflateReset(&z->stream)) == Z_OK ? 0 : -1; }

// Moves what it can; the counts say how much room there is and come back as how much was used.
// 0: wants more input or room, 1: the stream is complete, -1: the input is no such stream.
static inline int dc_zlib_run(dc_zlib *z, const uint8_t *in, size_t *in_count, uint8_t *out, size_t *out_count, int last) {
    uInt ins = *in_count > UINT_MAX ? UINT_MAX : (uInt)*in_count, outs = *out_count > UINT_MAX ? UINT_MAX : (uInt)*out_count;
    z->stream.next_in = (Bytef *)in;
    z->stream.avail_in = ins;
    z->stream.next_out = out;
    z->stream.avail_out = outs;
    int rc = z->unpacks ? inflate(&z->stream, Z_NO_FLUSH) : deflate(&z->stream, last && ins == *in_count ? Z_FINISH : Z_NO_FLUSH);
    *in_count = ins - z->stream.avail_in;
    *out_count = outs - z->stream.avail_out;
    return rc == Z_STREAM_END ? 1 : rc == Z_OK || rc == Z_BUF_ERROR ? 0 : -1;
}
#endif
