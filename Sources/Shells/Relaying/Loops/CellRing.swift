internal import Onion
internal import Synchronization

/// Cells on their way from one loop to another: a ring of whole-cell slots with one producer and one consumer, allocated once.
///
/// The producer fills slots and shows them all at once with `publish`; the consumer works on cells in their slots and gives all
/// back at once with `release`. What a slot holds: circuit id (4 bytes, own order), command (1), 11 unused, body (509).
// SAFETY: `slots` is owned here. The producer's fields are touched by its thread alone, the consumer's by its own; slots between
// the shown head and tail are the consumer's, all others the producer's, and each side learns of the other's bound with an
// acquiring load that pairs with a releasing store.
final class CellRing: @unchecked Sendable {
    static let bodyOffset = 16
    private static let slotBytes = 544
    /// Slots that cells leave free, for control messages and for what one read of a channel may still bring.
    static let reserve = 384

    let capacity: Int
    private let slots: UnsafeMutableRawPointer
    private let shownTail = Atomic(0)
    private let shownHead = Atomic(0)
    private let isProducerWaiting = Atomic(false)

    // The producer's. JUSTIFICATION for unchecked exclusivity: touched for every cell; one thread, no access held across a call.
    @exclusivity(unchecked) private var tail = 0
    @exclusivity(unchecked) private var knownHead = 0
    // The consumer's.
    @exclusivity(unchecked) private var head = 0
    @exclusivity(unchecked) private var knownTail = 0

    /// `capacity` is a power of two above `reserve`.
    init(capacity: Int = 1024) {
        precondition(capacity > Self.reserve && capacity & (capacity - 1) == 0)
        self.capacity = capacity
        slots = .allocate(byteCount: capacity * Self.slotBytes, alignment: 64)
    }

    deinit {
        slots.initializeMemory(as: UInt8.self, repeating: 0, count: capacity * Self.slotBytes)
        slots.deallocate()
    }

    // MARK: Producer

    /// Whether there is room beyond the reserve; when not, producers should stop until `waitForRoom` says so.
    var isRoomy: Bool {
        if capacity - (tail - knownHead) > Self.reserve { return true }
        knownHead = shownHead.load(ordering: .acquiring)
        return capacity - (tail - knownHead) > Self.reserve
    }

    /// Whether at least half of it is free: then streams may put cells in.
    @inline(__always)
    var isHalfFree: Bool { tail - knownHead < capacity / 2 || hasRoom }

    /// Bytes of slots that the consumer has not given back.
    var waitingBytes: Int {
        knownHead = shownHead.load(ordering: .acquiring)
        return (tail - knownHead) * Self.slotBytes
    }

    /// The body of the next slot, its header written; the caller fills all 509 bytes at once. `nil` when the ring is full.
    @inline(__always)
    func reserveCell(_ id: UInt32, _ command: UInt8) -> UnsafeMutablePointer<UInt8>? {
        if tail - knownHead == capacity {
            knownHead = shownHead.load(ordering: .acquiring)
            if tail - knownHead == capacity { return nil }
        }
        let slot = slots + (tail & (capacity - 1)) * Self.slotBytes
        tail += 1
        slot.storeBytes(of: id, as: UInt32.self)
        slot.storeBytes(of: command, toByteOffset: 4, as: UInt8.self)
        return (slot + Self.bodyOffset).assumingMemoryBound(to: UInt8.self)
    }

    /// Shows the consumer what was filled since the last time.
    func publish() { shownTail.store(tail, ordering: .releasing) }

    /// Whether at least half of the ring is free; when not, `release` will say that the producer wants to be woken.
    func waitForRoom() -> Bool {
        if hasRoom { return true }
        _ = isProducerWaiting.exchange(true, ordering: .acquiringAndReleasing)
        return hasRoom
    }

    private var hasRoom: Bool {
        knownHead = shownHead.load(ordering: .acquiring)
        return tail - knownHead <= capacity / 2
    }

    // MARK: Consumer

    /// The oldest slot that was shown and not taken; `nil` when there is none.
    @inline(__always)
    func take() -> (id: UInt32, command: UInt8, body: UnsafeMutablePointer<UInt8>)? {
        if head == knownTail {
            knownTail = shownTail.load(ordering: .acquiring)
            if head == knownTail { return nil }
        }
        let slot = slots + (head & (capacity - 1)) * Self.slotBytes
        head += 1
        return (slot.load(as: UInt32.self), slot.load(fromByteOffset: 4, as: UInt8.self), (slot + Self.bodyOffset).assumingMemoryBound(to: UInt8.self))
    }

    /// Gives the taken slots back. `true` when the producer waits for that.
    func release() -> Bool {
        shownHead.store(head, ordering: .releasing)
        return isProducerWaiting.exchange(false, ordering: .acquiringAndReleasing)
    }
}
