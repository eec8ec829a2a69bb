internal import COpenSSL

/// AES in counter mode with a zero IV whose state runs on from call to call, as tor1 relay crypto wants it.
///
/// The context is made once: a fresh context and key schedule costs ten times the cipher of a cell.
package struct AESCounter: ~Copyable {
    private let context: OpaquePointer

    /// `key` has 16 or 32 bytes.
    package init(key: some Collection<UInt8>, iv: [UInt8] = [UInt8](repeating: 0, count: 16)) {
        precondition((key.count == 16 || key.count == 32) && iv.count == 16)
        guard let context = EVP_CIPHER_CTX_new() else { fatalError("out of memory for a cipher context") }
        self.context = context
        let cipher = key.count == 16 ? Fetched.aes128CTR : Fetched.aes256CTR
        let ok = EVP_EncryptInit_ex(context, cipher, nil, Array(key), iv)
        precondition(ok == 1, "AES-CTR is always available")
    }

    deinit { EVP_CIPHER_CTX_free(context) }  // OpenSSL cleanses the key schedule

    /// Encrypts or decrypts in place.
    // SAFETY: the caller's memory is valid for `count` bytes for the length of the call; CTR needs no padding room.
    @inline(__always)
    package borrowing func apply(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) {
        var written: Int32 = 0
        EVP_EncryptUpdate(context, bytes, &written, bytes, Int32(truncatingIfNeeded: count))
    }

    package borrowing func apply(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { apply(base, count: $0.count) } }
    }
}
