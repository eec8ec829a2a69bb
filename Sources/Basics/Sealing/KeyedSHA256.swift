internal import COpenSSL
internal import CSodium

/// HMAC-SHA256 (RFC 2104) with a key that is taken in once, however many messages follow. `wipe` it after use.
///
/// OpenSSL's digests use the processor's own instructions, libsodium's do not; and OpenSSL's HMAC looks its digest up by name each time.
struct KeyedSHA256 {
    private static let blockBytes = 64
    static let digestBytes = 32

    private var inner: SHA256_CTX
    private var outer: SHA256_CTX

    init(key: [UInt8]) {
        let key = key.count > Self.blockBytes ? Digest.sha256(key) : key
        inner = Self.begun(key, 0x36)
        outer = Self.begun(key, 0x5c)
    }

    mutating func wipe() {
        Self.wipe(&inner)
        Self.wipe(&outer)
    }

    func digest(_ message: [UInt8]) -> [UInt8] {
        var (inner, outer) = (inner, outer)
        defer {
            Self.wipe(&inner)
            Self.wipe(&outer)
        }
        var out = [UInt8](repeating: 0, count: Self.digestBytes)
        SHA256_Update(&inner, message, message.count)
        SHA256_Final(&out, &inner)
        SHA256_Update(&outer, out, out.count)
        SHA256_Final(&out, &outer)
        return out
    }

    /// A digest that has taken in a block of the masked key.
    private static func begun(_ key: [UInt8], _ mask: UInt8) -> SHA256_CTX {
        var state = SHA256_CTX()
        SHA256_Init(&state)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: blockBytes) { block in
            for index in block.indices { block[index] = mask ^ (index < key.count ? key[index] : 0) }
            SHA256_Update(&state, block.baseAddress, blockBytes)
            if let base = block.baseAddress { sodium_memzero(base, blockBytes) }
        }
        return state
    }

    private static func wipe(_ state: inout SHA256_CTX) { sodium_memzero(&state, MemoryLayout<SHA256_CTX>.size) }
}
