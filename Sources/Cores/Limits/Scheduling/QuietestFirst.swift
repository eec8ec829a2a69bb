/// Circuits with cells to send, the least active first. Circuits are small numbers that the owner gives out and reuses.
///
/// A binary heap that knows where everybody is, so that one can leave from the middle.
package struct QuietestFirst: Sendable {
    private struct Entry {
        var activity: CircuitActivity
        var circuit: Int
    }

    private var heap: [Entry] = []
    /// By circuit: its place in the heap, or -1.
    private var places: [Int] = []

    package init() {}

    package var count: Int { heap.count }
    /// The one whose turn it is.
    package var first: Int? { heap.first?.circuit }

    package func contains(_ circuit: Int) -> Bool { places.indices.contains(circuit) && places[circuit] >= 0 }

    /// The circuit must not be in.
    package mutating func insert(_ circuit: Int, _ activity: CircuitActivity) {
        while places.count <= circuit { places.append(-1) }
        heap.append(Entry(activity: activity, circuit: circuit))
        places[circuit] = heap.count - 1
        rise(heap.count - 1)
    }

    /// The first has sent and has more to send.
    package mutating func updateFirst(_ activity: CircuitActivity) {
        guard !heap.isEmpty else { return }
        heap[0].activity = activity
        sink(0)
    }

    /// Nothing happens if the circuit is not in.
    package mutating func remove(_ circuit: Int) {
        guard contains(circuit) else { return }
        let place = places[circuit]
        places[circuit] = -1
        let last = heap.removeLast()
        guard place < heap.count else { return }
        put(last, place)
        rise(place)
        sink(places[last.circuit])
    }

    private mutating func rise(_ start: Int) {
        var place = start
        let entry = heap[place]
        while place > 0, entry.activity < heap[(place - 1) / 2].activity {
            put(heap[(place - 1) / 2], place)
            place = (place - 1) / 2
        }
        put(entry, place)
    }

    private mutating func sink(_ start: Int) {
        var place = start
        let entry = heap[place]
        while 2 * place + 1 < heap.count {
            var child = 2 * place + 1
            if child + 1 < heap.count, heap[child + 1].activity < heap[child].activity { child += 1 }
            guard heap[child].activity < entry.activity else { break }
            put(heap[child], place)
            place = child
        }
        put(entry, place)
    }

    private mutating func put(_ entry: Entry, _ place: Int) {
        heap[place] = entry
        places[entry.circuit] = place
    }
}
