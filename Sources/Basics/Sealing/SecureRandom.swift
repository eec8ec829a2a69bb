internal import CSodium

/// Randomness that protects people: from the OS through libsodium. It cannot be seeded or replayed.
package struct SecureRandom: RandomNumberGenerator {
    package init() { _ = Sodium.ready }

    package mutating func next() -> UInt64 {
        var value: UInt64 = 0
        randombytes_buf(&value, 8)
        return value
    }

    package static func bytes(_ count: Int) -> [UInt8] {
        _ = Sodium.ready
        var out = [UInt8](repeating: 0, count: count)
        randombytes_buf(&out, count)
        return out
    }
}

/// A ChaCha20 key stream seeded once from the OS: cheap padding bytes for relay cells, without a system call per cell. An object, so that everybody on a loop who pads draws from the same stream.
package final class PaddingStream {
    private let key = SecureRandom.bytes(32)
    @exclusivity(unchecked) private var nonce: UInt64 = 0

    package init() {}

    // SAFETY: the caller's memory is valid for `count` bytes for the length of the call.
    package func fill(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) {
        guard count > 0 else { return }
        nonce &+= 1
        withUnsafeBytes(of: nonce) {
            _ = crypto_stream_chacha20(bytes, UInt64(count), $0.bindMemory(to: UInt8.self).baseAddress!, key)
        }
    }
}

enum Sodium {
    /// libsodium must be initialised once before anything else of it is used.
    static let ready: Bool = {
        precondition(sodium_init() >= 0, "libsodium cannot start")
        return true
    }()
}
