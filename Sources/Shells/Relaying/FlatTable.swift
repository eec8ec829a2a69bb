/// A flat, open-addressed map from a 32-bit id to an object and one bit beside it. A look-up on the cell path neither
/// hashes through a protocol nor retains.
// SAFETY: the table does not own its objects; whoever inserts one removes it before letting go of it (`OnionRouter.circuits` and
// `StreamTable.owners` hold the strong references).
struct FlatTable<Value: AnyObject>: ~Copyable {
    private struct Slot {
        var key: UInt32
        var mark: Bool
        var value: Unmanaged<Value>?
    }

    private var slots: UnsafeMutablePointer<Slot>?
    private var mask = -1
    private(set) var count = 0
    /// Odd and secret: peers choose the keys, and must not be able to choose ones that all fall on one place.
    private let multiplier = UInt64.random(in: 0...UInt64.max) | 1

    deinit { slots?.deallocate() }

    /// The object and its mark.
    @inline(__always)
    func find(_ key: UInt32) -> (value: Unmanaged<Value>, mark: Bool)? {
        guard let slots else { return nil }
        var index = hash(key) & mask
        while let value = slots[index].value {
            if slots[index].key == key { return (value, slots[index].mark) }
            index = (index + 1) & mask
        }
        return nil
    }

    func contains(_ key: UInt32) -> Bool { find(key) != nil }

    /// The key must not be there yet.
    mutating func insert(_ key: UInt32, _ value: Value, mark: Bool = false) {
        if (count + 1) * 2 > mask + 1 { rehash(capacity: max(8, (mask + 1) * 2)) }
        place(Slot(key: key, mark: mark, value: .passUnretained(value)))
        count += 1
    }

    mutating func remove(_ key: UInt32) {
        guard let slots else { return }
        var index = hash(key) & mask
        while let _ = slots[index].value, slots[index].key != key { index = (index + 1) & mask }
        guard slots[index].value != nil else { return }
        slots[index].value = nil
        count -= 1
        closeGap(after: index)
    }

    /// A snapshot, so that the table may change while it is walked; by key, so that what follows does not depend on the hash.
    var all: [(key: UInt32, value: Value, mark: Bool)] {
        guard let slots else { return [] }
        let found = (0...mask).compactMap { index in
            slots[index].value.map { (key: slots[index].key, value: $0.takeUnretainedValue(), mark: slots[index].mark) }
        }
        return found.sorted { $0.key < $1.key }
    }

    /// Moves later members of the probe run forward, so that no tombstones are needed.
    private mutating func closeGap(after removed: Int) {
        guard let slots else { return }
        var gap = removed
        var index = (removed + 1) & mask
        while slots[index].value != nil {
            let home = hash(slots[index].key) & mask
            if (index - home) & mask >= (index - gap) & mask {
                slots[gap] = slots[index]
                slots[index].value = nil
                gap = index
            }
            index = (index + 1) & mask
        }
    }

    private mutating func rehash(capacity: Int) {
        let old = slots
        let oldCount = mask + 1
        let fresh = UnsafeMutablePointer<Slot>.allocate(capacity: capacity)
        fresh.initialize(repeating: Slot(key: 0, mark: false, value: nil), count: capacity)
        slots = fresh
        mask = capacity - 1
        guard let old else { return }
        for index in 0..<oldCount where old[index].value != nil { place(old[index]) }
        old.deallocate()
    }

    private func place(_ slot: Slot) {
        guard let slots else { return }
        var index = hash(slot.key) & mask
        while slots[index].value != nil { index = (index + 1) & mask }
        slots[index] = slot
    }

    @inline(__always)
    private func hash(_ key: UInt32) -> Int { Int(truncatingIfNeeded: (UInt64(key) &* multiplier) >> 32) }
}
