/// What waits for its time: out comes what is due first, and of what is due together what came first. A binary heap.
package struct HoldQueue<Item: Sendable>: Sendable {
    private struct Entry: Sendable {
        let due: MixTime
        let number: UInt64
        let item: Item

        func precedes(_ other: Entry) -> Bool { (due, number) < (other.due, other.number) }
    }

    private var entries: [Entry] = []
    private var number: UInt64 = 0

    package init() {}

    package var count: Int { entries.count }
    package var nextDue: MixTime? { entries.first?.due }
    /// In no order.
    package var items: [(due: MixTime, item: Item)] { entries.map { ($0.due, $0.item) } }

    package mutating func hold(_ item: Item, until due: MixTime) {
        entries.append(Entry(due: due, number: number, item: item))
        number += 1
        var child = entries.count - 1
        while child > 0, entries[child].precedes(entries[(child - 1) / 2]) {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// The next one that is due by `now`.
    package mutating func next(by now: MixTime) -> (due: MixTime, item: Item)? {
        guard let first = entries.first, first.due <= now else { return nil }
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        sink()
        return (first.due, first.item)
    }

    /// Takes out what is not to be held any more.
    package mutating func removeAll(where isUnwanted: (Item) -> Bool) {
        let kept = entries.filter { !isUnwanted($0.item) }.sorted { $0.precedes($1) }
        entries = kept
    }

    private mutating func sink() {
        var parent = 0
        while 2 * parent + 1 < entries.count {
            var least = 2 * parent + 1
            if least + 1 < entries.count, entries[least + 1].precedes(entries[least]) { least += 1 }
            guard entries[least].precedes(entries[parent]) else { return }
            entries.swapAt(least, parent)
            parent = least
        }
    }
}
