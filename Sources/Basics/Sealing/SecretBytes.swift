internal import CSodium

/// Long-lived secret bytes in guarded, locked memory that is zeroed when the last owner lets go.
// SAFETY: the memory is written in init only, so any thread may read it.
package final class SecretBytes: @unchecked Sendable {
    private let memory: UnsafeMutableRawPointer
    package let count: Int

    package init(_ bytes: some Collection<UInt8>) {
        _ = Sodium.ready
        count = bytes.count
        guard let memory = sodium_malloc(max(count, 1)) else { fatalError("no locked memory left: raise the memlock limit") }
        self.memory = memory
        UnsafeMutableRawBufferPointer(start: memory, count: count).copyBytes(from: bytes)
    }

    package static func random(_ count: Int) -> SecretBytes { SecretBytes(SecureRandom.bytes(count)) }

    deinit { sodium_free(memory) }

    /// A copy on the heap; keep it short-lived and `wipe` it.
    package var copy: [UInt8] { Array(UnsafeRawBufferPointer(start: memory, count: count)) }
}

extension [UInt8] {
    /// Zeroes the bytes in a way the compiler cannot leave out.
    package mutating func wipe() { withUnsafeMutableBytes { if let base = $0.baseAddress { sodium_memzero(base, $0.count) } } }
}
