internal import CAES
internal import COpenSSL
internal import CProcessor
internal import CSodium

/// What Counter Galois Onion is computed with: the best that the processor has; tests try the others too.
enum CipherEngine: CaseIterable, Sendable {
    /// OpenSSL for AES, plain multiplication for hashing.
    case anywhere
    /// The processor's instructions for both.
    case blocks
    /// The same on two blocks at once.
    case pairs

    static let available = allCases.filter(\.isAvailable)
    static let best = available.last ?? .anywhere

    private var isAvailable: Bool {
        switch self {
        case .anywhere: true
        case .blocks: dc_processor_has_aes() != 0
        case .pairs: dc_processor_has_vector_aes() != 0
        }
    }
}

/// AES-128 block by block with a kept key, for constructions that OpenSSL does not know. It hides nothing by itself.
// SAFETY: exactly one of `schedule` and `context` is set, is owned here and freed in deinit.
struct AESBlocks: ~Copyable {
    private let schedule: UnsafeMutablePointer<dc_aes_schedule>?
    private let context: OpaquePointer?
    private let isEncrypting: Bool
    private let isPaired: Bool

    // SAFETY: `key` is valid for 16 bytes during the call, here and in `rekey`.
    init(key: UnsafePointer<UInt8>, isEncrypting: Bool, engine: CipherEngine) {
        self.isEncrypting = isEncrypting
        isPaired = engine == .pairs
        schedule = engine == .anywhere ? nil : .allocate(capacity: 1)
        context = engine == .anywhere ? Self.makeContext(key, isEncrypting: isEncrypting) : nil
        if schedule != nil { rekey(key) }
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

    @inline(__always)
    borrowing func rekey(_ key: UnsafePointer<UInt8>) {
        if let schedule { return isEncrypting ? dc_aes_expand(schedule, key) : dc_aes_expand_inverse(schedule, key) }
        let ok = EVP_CipherInit_ex(context, nil, nil, key, nil, -1)
        precondition(ok == 1, "a key schedule needs nothing that could be missing")
    }

    /// One block in place.
    // SAFETY: the caller's memory is valid for 16 bytes for the length of the call.
    @inline(__always)
    borrowing func apply(_ block: UnsafeMutablePointer<UInt8>) {
        if let schedule { return isEncrypting ? dc_aes_encrypt_one(schedule, block) : dc_aes_decrypt_one(schedule, block) }
        update(block, count: Int(DC_AES_BLOCK))
    }

    /// XORs `count` bytes with the encrypted blocks `start` + `first` and on. The last byte in memory counts, which is the highest of the
    /// little-endian word; it must not overflow.
    // SAFETY: the caller's memory is valid for `count` bytes for the length of the call.
    @inline(__always)
    borrowing func mask(_ bytes: UnsafeMutablePointer<UInt8>, count: Int, from start: Block, first: Int) {
        guard let schedule else { return maskAnywhere(bytes, count: count, from: start, first: first) }
        let (first, count) = (UInt64(truncatingIfNeeded: first), Int32(truncatingIfNeeded: count))
        if isPaired { dc_aes_mask_pairs(schedule, start.x, start.y, first, bytes, count) } else { dc_aes_mask_blocks(schedule, start.x, start.y, first, bytes, count) }
    }

    private borrowing func maskAnywhere(_ bytes: UnsafeMutablePointer<UInt8>, count: Int, from start: Block, first: Int) {
        let blocks = (count + 15) / 16
        withUnsafeTemporaryAllocation(byteCount: blocks * 16, alignment: 16) { memory in
            let stream = memory.bindMemory(to: UInt8.self).baseAddress.unsafelyUnwrapped
            for index in 0..<blocks { (stream + index * 16).block = start &+ Block(0, UInt64(truncatingIfNeeded: first + index) << 56) }
            update(stream, count: blocks * 16)
            for index in 0..<count { bytes[index] ^= stream[index] }
        }
    }

    private borrowing func update(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) {
        var written: Int32 = 0
        EVP_CipherUpdate(context, bytes, &written, bytes, Int32(truncatingIfNeeded: count))
    }
}
