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
struct Sieve {
    let position: PathPosition
    private(set) var relays: [PathRelay]

    init(_ position: PathPosition, _ relays: [PathRelay]) throws(PathFailure) {
        self.position = position
        self.relays = relays
        guard !relays.isEmpty else { throw PathFailure(position: position, constraint: .listed, candidates: 0) }
    }

    mutating func demand(_ constraint: PathFailure.Constraint, _ test: (PathRelay) -> Bool) throws(PathFailure) {
        let kept = relays.filter(test)
        guard !kept.isEmpty else { throw PathFailure(position: position, constraint: constraint, candidates: relays.count) }
        relays = kept
    }

    mutating func prefer(_ test: (PathRelay) -> Bool) {
        let kept = relays.filter(test)
        if !kept.isEmpty { relays = kept }
    }
}
