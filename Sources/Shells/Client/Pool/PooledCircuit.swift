package import Ambience
package import Paths

/// One circuit as the pool knows it.
package struct PooledCircuit: Sendable {
    package enum State: Hashable, Sendable {
        case building(since: Instant)
        case open(since: Instant)
    }

    package internal(set) var path: [PathRelay]
    package internal(set) var state: State
    /// Built for long-lived ports, of the relays that live longest.
    package let isLongLived: Bool
    package let began: Instant
    /// Whose streams it carries; set before its first stream when it is reserved.
    package internal(set) var isolation: IsolationKey?
    /// When its first stream was attached.
    package internal(set) var dirtySince: Instant?
    /// Not for new streams any more: an exit failed on it.
    package internal(set) var isRetired = false
    /// A relay of the path is not Running any more: what it carries goes on, nothing new starts.
    package internal(set) var isDraining = false
    package internal(set) var streams = 0

    init(path: [PathRelay], isLongLived: Bool, isolation: IsolationKey?, now: Instant) {
        self.path = path
        self.isLongLived = isLongLived
        self.isolation = isolation
        began = now
        state = .building(since: now)
    }

    package var isBuilding: Bool { if case .building = state { true } else { false } }
    package var isOpen: Bool { !isBuilding }
    package var isClean: Bool { dirtySince == nil && isolation == nil && !isRetired }
    /// The first advertised end among its relays.
    package var firstEnd: WallTime? { Longevity.firstEnd(path) }
    var exit: PathRelay? { path.last }

    /// Takes over what a newer consensus says of its relays.
    mutating func refresh(from network: PathNetwork) {
        isDraining = false
        for index in path.indices {
            guard let relay = network[path[index].identity], relay.isRunning else {
                isDraining = true
                continue
            }
            path[index].expires = relay.expires
        }
    }

    func outlives(_ seconds: Int64, from wall: WallTime) -> Bool { path.allSatisfy { $0.lives(seconds, from: wall) } }

    /// Whether new streams of some kind may still start on it.
    func takesStreams(at moment: CircuitPool.Moment, _ settings: PoolSettings, streamLifeSeconds: Int64) -> Bool {
        guard !isRetired, !isDraining, outlives(streamLifeSeconds, from: moment.wall) else { return false }
        guard let dirtySince else { return true }
        return moment.now - dirtySince < settings.maxDirtiness
    }
}
