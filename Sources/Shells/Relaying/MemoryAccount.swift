package import Ambience
internal import Limits
internal import Logging
internal import Loops
internal import Onion
internal import Synchronization

/// The memory that queues of all loops of a relay take together, against `MaxMemInQueues`. Touched once a turn, and only when it changed.
package final class MemoryAccount: Sendable {
    private let used = Atomic(0)
    private let limit: Atomic<Int>
    private let exhausted = Atomic<Int64>(0)
    private let reclaimed = Atomic<UInt64>(0)
    private let reclaimedOfCaches = Atomic<UInt64>(0)
    private let victims = Atomic<UInt64>(0)

    package init(limitBytes: UInt64 = MemoryLimit.standard(physicalBytes: 0)) { limit = Atomic(Int(clamping: limitBytes)) }

    /// Bytes as last reported by all loops and others.
    package var usedBytes: Int { used.load(ordering: .relaxed) }
    package var limitBytes: Int { limit.load(ordering: .relaxed) }
    /// When the limit was last passed; `nil` if never. For the relay's report of overload.
    package var lastExhausted: WallTime? {
        let seconds = exhausted.load(ordering: .relaxed)
        return seconds > 0 ? WallTime(secondsSinceEpoch: seconds) : nil
    }
    /// Bytes of caches freed by force since the start.
    package var reclaimedCacheBytes: UInt64 { reclaimedOfCaches.load(ordering: .relaxed) }
    /// Bytes of queues freed by force since the start, and circuits that ended for it.
    package var reclaimedBytes: UInt64 { reclaimed.load(ordering: .relaxed) }
    package var circuitsEnded: UInt64 { victims.load(ordering: .relaxed) }

    package func use(limitBytes: UInt64) { limit.store(Int(clamping: limitBytes), ordering: .relaxed) }

    /// Somebody holds so many bytes more, or fewer, than before.
    package func change(by bytes: Int) { used.wrappingAdd(bytes, ordering: .relaxed) }

    /// What must be freed, of all loops together.
    var excessBytes: Int { MemoryLimit.excess(used: usedBytes, limit: limitBytes) }

    func noteReclaim(caches bytes: Int, at wall: WallTime) {
        exhausted.store(wall.secondsSinceEpoch, ordering: .relaxed)
        reclaimedOfCaches.wrappingAdd(UInt64(clamping: bytes), ordering: .relaxed)
    }

    func noteReclaim(bytes: Int, circuits: Int, at wall: WallTime) {
        exhausted.store(wall.secondsSinceEpoch, ordering: .relaxed)
        reclaimed.wrappingAdd(UInt64(clamping: bytes), ordering: .relaxed)
        victims.wrappingAdd(UInt64(circuits), ordering: .relaxed)
    }
}

extension OnionRouter {
    /// What this loop's queues hold: cells exactly, also those on their way to other loops; buffers of links and streams, and what waits in
    /// conflux sets, as of the last survey.
    private var heldBytes: Int { passages.reduce(cellPool.bytes + surveyedBytes) { $0 + ($1?.waitingBytes ?? 0) } }

    /// Once a turn: tells what changed, and frees this loop's part if all loops together hold too much.
    func accountForMemory() {
        if heldBytes != reportedBytes {
            settings.memory.change(by: heldBytes - reportedBytes)
            reportedBytes = heldBytes
        }
        let excess = settings.memory.excessBytes
        if excess > 0 { reclaim(excess) }
    }

    /// Once a second.
    func surveyMemory() {
        let now = loop.now
        surveyedBytes = allChannels.reduce(0) { $0 + $1.bufferBytes } + circuits.values.reduce(0) { $0 + $1.surveyStreams(now) }
    }

    /// Caches first, then circuits. Every loop frees in proportion to what it holds.
    private func reclaim(_ excess: Int) {
        let total = max(1, settings.memory.usedBytes)
        let share = Int(Double(excess) * Double(heldBytes) / Double(total))
        let caches = shrinkCaches?(excess) ?? 0
        if caches > 0 { settings.memory.noteReclaim(caches: caches, at: loop.wall) }
        guard share > caches else { return }
        let victims = MemoryLimit.victims(debts, toFree: share - caches)
        for victim in victims { victim.circuit.close(.resourceLimit) }
        surveyMemory()
        cellPool.releaseIdleMemory()
        settings.memory.change(by: heldBytes - reportedBytes)
        reportedBytes = heldBytes
        guard !victims.isEmpty else { return }
        let freed = victims.reduce(0) { $0 + $1.bytes }
        settings.memory.noteReclaim(bytes: freed, circuits: victims.count, at: loop.wall)
        log.notice("We're low on memory: queues held \(total) bytes of \(settings.memory.limitBytes). Closed \(victims.count) circuits that had waited longest, with \(freed) bytes. (MaxMemInQueues)")
    }

    /// What each circuit keeps waiting, in queues towards both sides and in its streams.
    private var debts: [MemoryLimit.Debt<Circuit>] {
        var found: [ObjectIdentifier: MemoryLimit.Debt<Circuit>] = [:]
        func add(_ circuit: Circuit, _ bytes: Int, _ since: Instant) {
            let before = found[ObjectIdentifier(circuit)]
            found[ObjectIdentifier(circuit)] = .init(circuit: circuit, bytes: bytes + (before?.bytes ?? 0), since: min(since, before?.since ?? since))
        }
        for channel in allChannels { channel.eachWaiting { add($0, $1, $2) } }
        for circuit in circuits.values {
            if let (bytes, since) = circuit.streamDebt { add(circuit, bytes, since) }
        }
        return Array(found.values)
    }
}
