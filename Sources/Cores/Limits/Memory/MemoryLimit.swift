package import Ambience

/// How much memory queues may take, and who pays when they take more (tor(1), "MaxMemInQueues").
package enum MemoryLimit {
    private static let gibibyte: UInt64 = 1 << 30
    private static let mebibyte: UInt64 = 1 << 20
    /// A relay does not work with less.
    package static let leastBytes = 64 * mebibyte

    /// What stock tor chooses: 0.4 of the memory of a machine with 8 GiB or more, 0.75 of a smaller one; 256 MiB at least, 8 GiB at most.
    package static func standard(physicalBytes: UInt64) -> UInt64 {
        let share = physicalBytes >= 8 * gibibyte ? physicalBytes / 5 * 2 : physicalBytes / 4 * 3
        return min(max(share, 256 * mebibyte), 8 * gibibyte)
    }

    /// What the operator asks for, as far as it can be; 0 is no wish.
    package static func chosen(_ asked: UInt64, physicalBytes: UInt64) -> UInt64 {
        asked == 0 ? standard(physicalBytes: physicalBytes) : max(asked, leastBytes)
    }

    /// How many bytes to free when `used` are in use: down to nine tenths of the limit once it is passed, else none.
    package static func excess(used: Int, limit: Int) -> Int { used > limit ? used - limit / 10 * 9 : 0 }

    /// One circuit's waiting bytes.
    package struct Debt<Circuit> {
        package let circuit: Circuit
        package let bytes: Int
        /// When the oldest of them came.
        package let since: Instant

        package init(circuit: Circuit, bytes: Int, since: Instant) {
            self.circuit = circuit
            self.bytes = bytes
            self.since = since
        }
    }

    /// Whose circuits end so that `bytes` come free: those whose bytes have waited longest, and no more than it takes. A peer that does
    /// not read what it asked for is the first; one that is served goes on.
    package static func victims<Circuit>(_ debts: [Debt<Circuit>], toFree bytes: Int) -> [Debt<Circuit>] {
        var left = bytes
        return debts.filter { $0.bytes > 0 }.sorted { $0.since < $1.since }.prefix { debt in
            defer { left -= debt.bytes }
            return left > 0
        }
    }
}
