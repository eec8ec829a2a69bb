internal import COpenSSL

/// AES-128 block by block with a kept context, for constructions that OpenSSL does not know. It hides nothing by itself.
struct AESBlocks: ~Copyable {
    private let context: OpaquePointer

    // SAFETY: `key` is valid for 16 bytes during the call, here and in `rekey`.
    init(key: UnsafePointer<UInt8>, isEncrypting: Bool) {
        guard let context = EVP_CIPHER_CTX_new() else { fatalError("out of memory for a cipher context") }
        self.context = context
        let ok = EVP_CipherInit_ex(context, Fetched.aes128ECB, nil, key, nil, isEncrypting ? 1 : 0)
        precondition(ok == 1, "AES is always available")
        EVP_CIPHER_CTX_set_padding(context, 0)
    }

    deinit { EVP_CIPHER_CTX_free(context) }  // OpenSSL cleanses the key schedule

    borrowing func rekey(_ key: UnsafePointer<UInt8>) {
        let ok = EVP_CipherInit_ex(context, nil, nil, key, nil, -1)
        precondition(ok == 1, "a key schedule needs nothing that could be missing")
    }

    /// Works in place on whole blocks.
    // SAFETY: the caller's memory is valid for `count` bytes for the length of the call.
    @inline(__always)
    borrowing func apply(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) {
        var written: Int32 = 0
        EVP_CipherUpdate(context, bytes, &written, bytes, Int32(truncatingIfNeeded: count))
    }
}
