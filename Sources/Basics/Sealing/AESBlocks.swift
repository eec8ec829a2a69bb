internal import CAES
internal import COpenSSL
internal import CSodium

/// AES-128 block by block with a kept key, for constructions that OpenSSL does not know. It hides nothing by itself.
///
/// The processor's own instructions do it where it has them, OpenSSL elsewhere.
// SAFETY: exactly one of `schedule` and `context` is set, is owned here and freed in deinit.
struct AESBlocks: ~Copyable {
    private let schedule: UnsafeMutablePointer<dc_aes_schedule>?
    private let context: OpaquePointer?
    private let isEncrypting: Bool

    static let hasInstructions = dc_aes_has_instructions() != 0

    // SAFETY: `key` is valid for 16 bytes during the call, here and in `rekey`.
    /// - Parameter isAccelerated: whether to use the processor's instructions, which it must have then.
    init(key: UnsafePointer<UInt8>, isEncrypting: Bool, isAccelerated: Bool) {
        self.isEncrypting = isEncrypting
        schedule = isAccelerated ? .allocate(capacity: 1) : nil
        context = isAccelerated ? nil : Self.makeContext(key, isEncrypting: isEncrypting)
        if isAccelerated { rekey(key) }
    }

    private static func makeContext(_ key: UnsafePointer<UInt8>, isEncrypting: Bool) -> OpaquePointer {
        guard let context = EVP_CIPHER_CTX_new() else { fatalError("out of memory for a cipher context") }
        let ok = EVP_CipherInit_ex(context, Fetched.aes128ECB, nil, key, nil, isEncrypting ? 1 : 0)
        precondition(ok == 1, "AES is always available")
        EVP_CIPHER_CTX_set_padding(context, 0)
        return context
    }

    deinit {
        EVP_CIPHER_CTX_free(context)  // OpenSSL cleanses its key schedule
        if let schedule {
            sodium_memzero(schedule, MemoryLayout<dc_aes_schedule>.size)
            schedule.deallocate()
        }
    }

    borrowing func rekey(_ key: UnsafePointer<UInt8>) {
        if let schedule { return isEncrypting ? dc_aes_expand(schedule, key) : dc_aes_expand_inverse(schedule, key) }
        let ok = EVP_CipherInit_ex(context, nil, nil, key, nil, -1)
        precondition(ok == 1, "a key schedule needs nothing that could be missing")
    }

    /// Works in place.
    // SAFETY: the caller's memory is valid for `blocks` times 16 bytes for the length of the call.
    @inline(__always)
    borrowing func apply(_ bytes: UnsafeMutablePointer<UInt8>, blocks: Int) {
        let count = Int32(truncatingIfNeeded: blocks)
        if let schedule { return isEncrypting ? dc_aes_encrypt(schedule, bytes, count) : dc_aes_decrypt(schedule, bytes, count) }
        var written: Int32 = 0
        EVP_CipherUpdate(context, bytes, &written, bytes, count * DC_AES_BLOCK)
    }
}
