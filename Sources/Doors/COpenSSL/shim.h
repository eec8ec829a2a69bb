// OpenSSL 3.0: TLS, AES-CTR, digests, RSA, X.509. Only Sealing imports this.
#ifndef DUSTCLOUD_COPENSSL_H
#define DUSTCLOUD_COPENSSL_H
// The one-shot SHA_CTX calls are deprecated in 3.0 but are the only running digests that can be
// copied by value: a relay rolls its digest back for every cell that is not its own.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

// Macros that Swift cannot see.
static const unsigned long long dc_ssl_safe_options = SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;
static inline long dc_ssl_ctx_set_mode(SSL_CTX *c, long m) { return SSL_CTX_set_mode(c, m); }
static inline int dc_ssl_ctx_set_min_proto(SSL_CTX *c, int v) { return (int)SSL_CTX_set_min_proto_version(c, v); }
static inline int dc_ssl_ctx_set_groups(SSL_CTX *c, const char *g) { return (int)SSL_CTX_set1_groups_list(c, g); }
static inline long dc_ssl_ctx_set_session_cache_off(SSL_CTX *c) { return SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); }
static inline EVP_PKEY *dc_rsa_generate(int bits) { return EVP_RSA_gen((unsigned)bits); }
static const int dc_bio_retry_flags = BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY;
static const int dc_bio_retry_read = BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY;
static inline int dc_bio_mem_data(BIO *b, char **p) { return (int)BIO_get_mem_data(b, p); }
static inline int dc_pkey_set_rsa_padding_pkcs1(EVP_PKEY_CTX *c) { return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING); }
#endif
