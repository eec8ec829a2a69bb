// OpenSSL 3.0: TLS, AES-CTR, digests, RSA, X.509. Only Sealing imports this.
#ifndef DUSTCLOUD_COPENSSL_H
#define DUSTCLOUD_COPENSSL_H
// The one-shot SHA_CTX calls are deprecated in 3.0 but are the only running digests that can be
// copied by value: a relay rolls its digest back for every cell that is not its own.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Macros that Swift cannot see.
static const unsigned long long dc_ssl_safe_options = SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;
static inline long dc_ssl_ctx_set_mode(SSL_CTX *c, long m) { return SSL_CTX_set_mode(c, m); }
static inline int dc_ssl_ctx_set_min_proto(SSL_CTX *c, int v) { return (int)SSL_CTX_set_min_proto_version(c, v); }
static inline int dc_ssl_ctx_set_groups(SSL_CTX *c, const char *g) { return (int)SSL_CTX_set1_groups_list(c, g); }
static inline long dc_ssl_ctx_set_session_cache_off(SSL_CTX *c) { return SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); }
static inline int dc_ssl_ctx_add_chain_certificate(SSL_CTX *c, X509 *x) { return (int)SSL_CTX_add1_chain_cert(c, x); }
static inline long dc_ssl_set_server_name(SSL *s, const char *name) { return SSL_set_tlsext_host_name(s, name); }
static inline EVP_PKEY *dc_rsa_generate(int bits) { return EVP_RSA_gen((unsigned)bits); }
static const int dc_bio_retry_flags = BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY;
static const int dc_bio_retry_read = BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY;
static inline int dc_bio_mem_data(BIO *b, char **p) { return (int)BIO_get_mem_data(b, p); }
static inline int dc_pkey_set_rsa_padding_pkcs1(EVP_PKEY_CTX *c) { return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING); }

// OpenSSL's memory. Its record layer takes a block of 40 bytes or two for every record, sealed or opened, and gives it back at once: such
// small blocks are kept, a few for each thread. Every block begins with a word that says whether it is one of them, so that one thread may
// give back what another took. As with malloc, OpenSSL has cleansed what was secret before it gives a block back; a thread that ends leaves
// its kept blocks behind.
#define DC_SMALL_BYTES 64
#define DC_KEPT_BLOCKS 32
#define DC_PREFIX_BYTES 16  // what malloc aligns to

typedef struct dc_block { size_t is_small; struct dc_block *next; } dc_block;
typedef struct { dc_block *first; int count; } dc_kept_blocks;

// In a function, for Swift takes over no variables of a header.
static inline dc_kept_blocks *dc_kept(void) {
    static _Thread_local dc_kept_blocks kept;
    return &kept;
}

static inline void *dc_crypto_malloc(size_t size, const char *file, int line) {
    (void)file, (void)line;
    if (size == 0 || size > PTRDIFF_MAX) return NULL;
    const int is_small = size <= DC_SMALL_BYTES;
    dc_kept_blocks *kept = dc_kept();
    dc_block *block = is_small ? kept->first : NULL;
    if (block) {
        kept->first = block->next;
        kept->count--;
    } else {
        block = (dc_block *)malloc(DC_PREFIX_BYTES + (is_small ? DC_SMALL_BYTES : size));
        if (!block) return NULL;
        block->is_small = is_small;
    }
    return (char *)block + DC_PREFIX_BYTES;
}

static inline void dc_crypto_free(void *memory, const char *file, int line) {
    (void)file, (void)line;
    if (!memory) return;
    dc_block *block = (dc_block *)((char *)memory - DC_PREFIX_BYTES);
    dc_kept_blocks *kept = dc_kept();
    if (!block->is_small || kept->count == DC_KEPT_BLOCKS) {
        free(block);
        return;
    }
    block->next = kept->first;
    kept->first = block;
    kept->count++;
}

static inline void *dc_crypto_realloc(void *memory, size_t size, const char *file, int line) {
    if (!memory) return dc_crypto_malloc(size, file, line);
    if (size == 0) {
        dc_crypto_free(memory, file, line);
        return NULL;
    }
    dc_block *block = (dc_block *)((char *)memory - DC_PREFIX_BYTES);
    if (size > PTRDIFF_MAX) return NULL;
    if (!block->is_small) {
        block = (dc_block *)realloc(block, DC_PREFIX_BYTES + size);
        return block ? (char *)block + DC_PREFIX_BYTES : NULL;
    }
    if (size <= DC_SMALL_BYTES) return memory;
    void *larger = dc_crypto_malloc(size, file, line);
    if (!larger) return NULL;
    memcpy(larger, memory, DC_SMALL_BYTES);
    dc_crypto_free(memory, file, line);
    return larger;
}

// Before OpenSSL's first allocation; 0 when that has been.
static inline int dc_keep_small_blocks(void) { return CRYPTO_set_mem_functions(dc_crypto_malloc, dc_crypto_realloc, dc_crypto_free); }
#endif
