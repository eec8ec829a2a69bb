/// Why there is no path: the constraint that took the last candidate for a position.
package struct PathFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Constraint: String, Hashable, Sendable {
        case listed = "the consensus lists none"
        case running = "none is Running and Valid"
        case described = "microdescriptors are missing"
        case configured = "the configuration excludes the rest"
        case flagged = "none has the flags"
        case policy = "no exit policy allows the port"
        case refused = "all that allow the port have refused"
        case life = "none lives long enough"
        case distinct = "the rest share a family or network with the path"
    }

    package let position: PathPosition
    package let constraint: Constraint
    /// Relays that were left before it.
    package let candidates: Int

    package init(position: PathPosition, constraint: Constraint, candidates: Int) {
        self.position = position
        self.constraint = constraint
        self.candidates = candidates
    }

    package var description: String { "no \(position.rawValue) relay: \(constraint.rawValue) (of \(candidates))" }
}

/// Narrows candidates and remembers what emptied the list.
struct Sieve: Sendable {
    let position: PathPosition
    private let all: [PathRelay]
    /// Places in `all`: thousands of relays are narrowed many times for each path, so they are not copied.
    private var places: [Int]

    init(_ position: PathPosition, _ relays: [PathRelay]) throws(PathFailure) {
        self.position = position
        all = relays
        places = Array(relays.indices)
        guard !relays.isEmpty else { throw PathFailure(position: position, constraint: .listed, candidates: 0) }
    }

    /// Who is left.
    var relays: [PathRelay] { places.map { all[$0] } }

    mutating func demand(_ constraint: PathFailure.Constraint, _ test: (PathRelay) -> Bool) throws(PathFailure) {
        let kept = places.filter { test(all[$0]) }
        guard !kept.isEmpty else { throw PathFailure(position: position, constraint: constraint, candidates: places.count) }
        places = kept
    }

    mutating func prefer(_ test: (PathRelay) -> Bool) {
        let kept = places.filter { test(all[$0]) }
        if !kept.isEmpty { places = kept }
    }

    /// One of those left, by weight.
    func pick(_ weights: PathWeights, using random: inout some RandomNumberGenerator) -> PathRelay? {
        WeightedChoice.pick(places, weight: { weights.weight(of: all[$0], at: position) }, using: &random).map { all[$0] }
    }
}
