internal import Ambience
internal import CLinux
internal import Limits
internal import Onion

/// Cells of one circuit that wait for one channel, and how busy the circuit is there.
final class CircuitQueue {
    let id: UInt32
    /// Towards the exit end of the circuit.
    let isOutbound: Bool
    fileprivate let place: Int
    @exclusivity(unchecked) fileprivate(set) var count = 0
    @exclusivity(unchecked) fileprivate var head: UnsafeMutablePointer<CellChunk>?
    @exclusivity(unchecked) fileprivate var tail: UnsafeMutablePointer<CellChunk>?
    /// Cells of the first chunk that are gone, and of the last that are there.
    @exclusivity(unchecked) fileprivate var taken = 0
    @exclusivity(unchecked) fileprivate var filled = 0
    @exclusivity(unchecked) fileprivate var activity = CircuitActivity()
    /// The circuit's streams wait until few cells are left.
    @exclusivity(unchecked) fileprivate(set) var isHeld = false

    fileprivate init(id: UInt32, isOutbound: Bool, place: Int) {
        self.id = id
        self.isOutbound = isOutbound
        self.place = place
    }
}

/// The circuits of one channel that have, or lately had, cells waiting for it: quiet ones are served before busy ones.
///
/// Nothing is in here as long as the link takes what comes. Within a circuit the order of cells is kept.
struct CircuitQueues: ~Copyable {
    private var table = FlatTable<CircuitQueue>()
    /// Keeps the queues that `table` finds; by place.
    private var owners: [CircuitQueue?] = []
    private var freePlaces: [Int] = []
    private var order = QuietestFirst()
    /// Cells that wait, of all circuits.
    private(set) var cellCount = 0
    /// Circuits whose streams may go on, since the last `takeDrained`.
    private var drained: [UInt32] = []

    var isEmpty: Bool { cellCount == 0 }
    var bytes: Int { cellCount * CellLayout.fixedBytes }

    func find(_ id: UInt32) -> CircuitQueue? { table.find(id)?.value.takeUnretainedValue() }

    func count(_ id: UInt32) -> Int { find(id)?.count ?? 0 }

    /// The circuit's queue, made if it has none.
    mutating func open(_ id: UInt32, isOutbound: @autoclosure () -> Bool) -> CircuitQueue {
        if let found = find(id) { return found }
        let place = freePlaces.popLast() ?? owners.count
        let queue = CircuitQueue(id: id, isOutbound: isOutbound(), place: place)
        if place == owners.count { owners.append(queue) } else { owners[place] = queue }
        table.insert(id, queue)
        return queue
    }

    /// Room for one cell at the end of the queue; the caller fills all of it.
    mutating func reserve(_ queue: CircuitQueue, _ pool: inout CellPool, now: Instant) -> UnsafeMutablePointer<UInt8> {
        if queue.tail == nil || queue.filled == CellChunk.cells {
            let chunk = pool.take(now: now)
            if let tail = queue.tail { tail.pointee.next = chunk } else { queue.head = chunk }
            queue.tail = chunk
            queue.filled = 0
        }
        if queue.count == 0 { order.insert(queue.place, queue.activity) }
        queue.count += 1
        queue.filled += 1
        cellCount += 1
        return CellChunk.cell(queue.filled - 1, of: queue.tail.unsafelyUnwrapped)
    }

    /// Moves up to `limit` cells to the output queue, those of the quietest circuits first.
    mutating func move(_ limit: Int, to output: inout OutputQueue, _ pool: inout CellPool, at position: DecayClock.Position, lowCells: Int) {
        var left = limit
        while left > 0, let place = order.first, let queue = owners[place] {
            let moved = min(left, queue.count)
            take(moved, from: queue, to: &output, &pool)
            left -= moved
            queue.activity.add(cells: moved, at: position)
            if queue.count == 0 { order.remove(place) } else { order.updateFirst(queue.activity) }
            if queue.isHeld, queue.count <= lowCells {
                queue.isHeld = false
                drained.append(queue.id)
            }
        }
    }

    private mutating func take(_ count: Int, from queue: CircuitQueue, to output: inout OutputQueue, _ pool: inout CellPool) {
        var left = count
        queue.count -= count
        cellCount -= count
        while left > 0, let head = queue.head {
            let there = head == queue.tail ? queue.filled : CellChunk.cells
            let moved = min(left, there - queue.taken)
            let bytes = moved * CellLayout.fixedBytes
            memcpy(output.reserve(bytes), CellChunk.cell(queue.taken, of: head), bytes)
            left -= moved
            queue.taken += moved
            if queue.taken == there { dropHead(of: queue, &pool) }
        }
    }

    private func dropHead(of queue: CircuitQueue, _ pool: inout CellPool) {
        guard let head = queue.head else { return }
        queue.head = head.pointee.next
        if queue.head == nil { queue.tail = nil }
        queue.taken = 0
        pool.give(head)
    }

    /// The circuit's streams wait from now on for `takeDrained`.
    func hold(_ id: UInt32) { find(id)?.isHeld = true }

    /// Circuits that were held and have few cells left.
    mutating func takeDrained() -> [UInt32] {
        guard !drained.isEmpty else { return [] }
        defer { drained = [] }
        return drained
    }

    /// The circuit is gone: so are its cells.
    mutating func drop(_ id: UInt32, _ pool: inout CellPool) {
        guard let queue = find(id) else { return }
        cellCount -= queue.count
        queue.count = 0
        while queue.head != nil { dropHead(of: queue, &pool) }
        order.remove(queue.place)
        table.remove(id)
        owners[queue.place] = nil
        freePlaces.append(queue.place)
    }

    mutating func dropAll(_ pool: inout CellPool) {
        for queue in owners.compactMap(\.self) { drop(queue.id, &pool) }
    }

    /// Every queue with cells: whose, how many, and when its first chunk's first cell came.
    func eachWaiting(_ body: (_ id: UInt32, _ cells: Int, _ since: Instant) -> Void) {
        for case let queue? in owners {
            if let head = queue.head { body(queue.id, queue.count, head.pointee.since) }
        }
    }
}
