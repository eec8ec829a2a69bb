internal import COpenSSL

/// A SHA-256 over bytes that arrive piece by piece: the transcript of a link handshake.
package struct RunningSHA256 {
    private var state = SHA256_CTX()

    package init() { SHA256_Init(&state) }

    package mutating func update(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        SHA256_Update(&state, bytes, bytes.count)
    }

    /// The digest so far, 32 bytes; the running state is untouched.
    package func digest() -> [UInt8] {
        var copy = state
        var out = [UInt8](repeating: 0, count: 32)
        SHA256_Final(&out, &copy)
        return out
    }
}
