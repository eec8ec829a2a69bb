internal import Synchronization

/// Where everything is that is durable and not removed. The writer's thread changes it, the loop's reads it.
final class SpoolIndex: Sendable {
    struct Place: Sendable {
        let kind: UInt8
        let segment: UInt64
        let offset: Int
        let weight: Int
    }

    private struct State {
        var places: [[UInt8]: Place] = [:]
        var segments: [UInt64: SpoolSegment] = [:]
        /// Of what is live, by segment.
        var weights: [UInt64: Int] = [:]
        var liveBytes = 0
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.places.count } }
    var liveBytes: Int { state.withLock { $0.liveBytes } }
    func ids(of kind: UInt8?) -> [[UInt8]] { state.withLock { state in state.places.filter { kind == nil || $0.value.kind == kind }.map(\.key) } }
    /// As they lie there.
    func ids(in segment: UInt64) -> [[UInt8]] {
        state.withLock { state in state.places.filter { $0.value.segment == segment }.sorted { $0.value.offset < $1.value.offset }.map(\.key) }
    }
    func place(of id: [UInt8]) -> Place? { state.withLock { $0.places[id] } }
    func weight(of segment: UInt64) -> Int { state.withLock { $0.weights[segment] ?? 0 } }

    func add(_ segment: SpoolSegment) { state.withLock { $0.segments[segment.number] = segment } }
    func segment(_ number: UInt64) -> SpoolSegment? { state.withLock { $0.segments[number] } }
    func drop(_ segment: UInt64) { state.withLock { _ = $0.segments.removeValue(forKey: segment) } }

    /// The place of what has this id, and the file to read it from, which stays open.
    func source(of id: [UInt8]) -> (place: Place, segment: SpoolSegment)? {
        state.withLock { state in
            guard let place = state.places[id], let segment = state.segments[place.segment] else { return nil }
            return (place, segment)
        }
    }

    func apply(_ changes: [SpoolChange], segment: UInt64, offset: Int) {
        state.withLock { state in
            for change in changes {
                if let old = state.places.removeValue(forKey: change.id) {
                    state.liveBytes -= old.weight
                    state.weights[old.segment, default: 0] -= old.weight
                }
                guard case .append(let kind, let id, _) = change else { continue }
                state.places[id] = Place(kind: kind, segment: segment, offset: offset, weight: change.weight)
                state.liveBytes += change.weight
                state.weights[segment, default: 0] += change.weight
            }
        }
    }
}
