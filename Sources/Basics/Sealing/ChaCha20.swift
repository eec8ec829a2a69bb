internal import CSodium

/// ChaCha20 as a stream alone. It hides nothing by itself.
package enum ChaCha20 {
    package static let keyBytes = 32

    /// The first `count` bytes of the key stream with the original 8-byte nonce, here zero, and the counter from zero. The key has 32 bytes
    /// and must serve for this only.
    package static func stream(key: [UInt8], count: Int) -> [UInt8] {
        precondition(key.count == keyBytes)
        _ = Sodium.ready
        var out = [UInt8](repeating: 0, count: count)
        let nonce = [UInt8](repeating: 0, count: 8)
        crypto_stream_chacha20(&out, UInt64(count), nonce, key)
        return out
    }
}
