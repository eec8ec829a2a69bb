internal import CSodium
internal import Synchronization

/// Secret bytes in guarded, locked memory that is zeroed when the last owner lets go. Making one costs no system call.
// SAFETY: the memory is written in init only, so any thread may read it; it goes back where it came from in deinit.
package final class SecretBytes: @unchecked Sendable {
    private let memory: UnsafeMutableRawPointer
    package let count: Int

    package init(_ bytes: some Collection<UInt8>) {
        count = bytes.count
        memory = SecretMemory.take(count)
        UnsafeMutableRawBufferPointer(start: memory, count: count).copyBytes(from: bytes)
    }

    private init(randomCount: Int) {
        count = randomCount
        memory = SecretMemory.take(count)
        randombytes_buf(memory, count)
    }

    /// What `fill` writes.
    // SAFETY: the pointer is valid for `count` bytes, zeros at first, for the length of the call.
    init(count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        self.count = count
        memory = SecretMemory.take(count)
        let bytes = memory.bindMemory(to: UInt8.self, capacity: count)
        bytes.initialize(repeating: 0, count: count)
        fill(bytes)
    }

    package static func random(_ count: Int) -> SecretBytes { SecretBytes(randomCount: count) }

    deinit { SecretMemory.give(memory, count) }

    /// A copy on the heap; keep it short-lived and `wipe` it.
    package var copy: [UInt8] { Array(UnsafeRawBufferPointer(start: memory, count: count)) }

    /// The bytes where they are.
    // SAFETY: the pointer is valid for `count` bytes for the length of the call.
    func read<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
        withExtendedLifetime(self) { body(UnsafePointer(memory.assumingMemoryBound(to: UInt8.self))) }
    }
}

/// Where secrets are: pages that are locked, between guard pages, and cut into slots. libsodium makes such memory with seven system
/// calls a piece, which is more than an onion skin's arithmetic costs.
// SAFETY: a slot is either free or with exactly one `SecretBytes`. Pages are kept for good: as many as held secrets at the same time.
private enum SecretMemory {
    /// The longest secrets that are common: Ed25519 keys. A longer one gets pages of its own.
    private static let slotBytes = 64
    private static let pageBytes = 4096

    private struct Slot: @unchecked Sendable { let base: UnsafeMutableRawPointer }

    private static let free = Mutex<[Slot]>([])

    static func take(_ count: Int) -> UnsafeMutableRawPointer {
        guard count <= slotBytes else { return allocate(count) }
        return free.withLock { free in
            if free.isEmpty {
                let page = allocate(pageBytes)
                free = stride(from: 0, to: pageBytes, by: slotBytes).map { Slot(base: page + $0) }
            }
            return free.removeLast()
        }.base
    }

    static func give(_ memory: UnsafeMutableRawPointer, _ count: Int) {
        guard count <= slotBytes else { return sodium_free(memory) }
        sodium_memzero(memory, slotBytes)
        free.withLock { $0.append(Slot(base: memory)) }
    }

    private static func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        _ = Sodium.ready
        guard let memory = sodium_malloc(count) else { fatalError("no locked memory left: raise the memlock limit") }
        return memory
    }
}

extension [UInt8] {
    /// Zeroes the bytes in a way the compiler cannot leave out.
    package mutating func wipe() { withUnsafeMutableBytes { if let base = $0.baseAddress { sodium_memzero(base, $0.count) } } }
}
