internal import COpenSSL
internal import CSodium

/// A SHA-1 that runs over all relay cells of one direction of one hop (tor-spec "Relay cells").
///
/// It is a plain value: copying it is how a digest is peeked at, kept for an authenticated SENDME, or rolled back
/// after a cell that was not ours.
package struct RunningSHA1 {
    private var state = SHA_CTX()

    package init(seed: some Collection<UInt8> = []) {
        SHA1_Init(&state)
        let seed = Array(seed)
        SHA1_Update(&state, seed, seed.count)
    }

    // SAFETY: the caller's memory is valid for `count` bytes for the length of the call.
    @inline(__always)
    package mutating func update(_ bytes: UnsafePointer<UInt8>, count: Int) { SHA1_Update(&state, bytes, count) }

    package mutating func update(_ bytes: [UInt8]) { SHA1_Update(&state, bytes, bytes.count) }

    /// The digest so far; the running state is untouched.
    @inline(__always)
    package func digest() -> Digest20 {
        var copy = state
        var out = Digest20()
        withUnsafeMutableBytes(of: &out.words) { _ = SHA1_Final($0.bindMemory(to: UInt8.self).baseAddress, &copy) }
        return out
    }
}

/// Twenty bytes without a heap allocation.
package struct Digest20: Hashable, Sendable {
    fileprivate(set) package var words: (UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0)

    package init() {}

    /// `nil` unless there are exactly 20 bytes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 20 else { return nil }
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    }

    package var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

    /// Zeroes them in a way the compiler cannot leave out, where they were a secret.
    package mutating func wipe() { withUnsafeMutableBytes(of: &words) { if let base = $0.baseAddress { sodium_memzero(base, $0.count) } } }

    /// The first four bytes, in the order they have in memory.
    @inline(__always)
    package var firstWord: UInt32 { words.0 }

    package static func == (a: Digest20, b: Digest20) -> Bool {
        (a.words.0 ^ b.words.0) | (a.words.1 ^ b.words.1) | (a.words.2 ^ b.words.2) | (a.words.3 ^ b.words.3) | (a.words.4 ^ b.words.4) == 0
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}
