package import Ambience
package import Paths
internal import Sealing

/// Which circuits a client has, which stream goes on which, and what to build or close: decisions only, no I/O.
///
/// Events (`streamArrived`, `circuitBuilt`, …) change what is known; `settle` then compares what is with what should be and returns
/// what to do. Calling `settle` too often does no harm. In `settle`:
///
/// 1. Whoever waited too long is given up: circuits being built, streams without an answer, streams as a whole.
/// 2. Circuits that can serve no new stream and carry none are closed.
/// 3. Waiting streams are attached to a fitting open circuit, wait for one being built, or get one built. For that, idle circuits make room.
/// 4. Spare circuits for the ports that people use are kept ready.
package struct CircuitPool: Sendable {
    /// One call's time: monotonic for waits, civil for expiries.
    package struct Moment: Sendable {
        package var now: Instant
        package var wall: WallTime

        package init(now: Instant, wall: WallTime) {
            self.now = now
            self.wall = wall
        }
    }

    package let settings: PoolSettings
    package internal(set) var circuits: [CircuitKey: PooledCircuit] = [:]
    package internal(set) var streams: [StreamKey: PooledStream] = [:]
    package internal(set) var guards: GuardSample
    package internal(set) var predicted: PredictedPorts
    /// The failure that kept the last circuit from being planned.
    package internal(set) var lastFailure: PathFailure?
    var selector: PathSelector?
    var lastKey = 0
    /// Circuits that failed since one was built.
    var failuresInRow = 0
    var buildAgain = Instant.zero
    var spareAgain = Instant.zero

    package init(settings: PoolSettings, guards: GuardSample, now: Instant) {
        self.settings = settings
        self.guards = guards
        predicted = PredictedPorts(now: now)
    }

    /// Compares what is with what should be, and says what to do about it, in order.
    package mutating func settle(at moment: Moment, using random: inout some RandomNumberGenerator) -> [PoolEffect] {
        var effects: [PoolEffect] = []
        giveUp(at: moment, &effects)
        closeIdle(at: moment, &effects)
        attachWaiting(at: moment, &effects)
        makeRoom(&effects)
        buildForWaiting(at: moment, &effects, using: &random)
        buildSpares(at: moment, &effects, using: &random)
        return effects
    }

    /// A new view of the network; `nil` while too little is known to build circuits. Ends that relays advertise anew count for old circuits too.
    package mutating func useNetwork(_ selector: PathSelector?) {
        self.selector = selector
        spareAgain = .zero
        guard let selector else { return }
        for key in circuits.keys { circuits[key]?.refresh(from: selector.network) }
    }

    /// Whether circuits can be planned at all.
    package var hasNetwork: Bool { selector != nil }

    // MARK: Events about circuits

    package mutating func circuitBuilt(_ key: CircuitKey, at moment: Moment) {
        guard let circuit = circuits[key], circuit.isBuilding else { return }
        circuits[key]?.state = .open(since: moment.now)
        failuresInRow = 0
        buildAgain = .zero
        _ = guards.succeeded(circuit.path[0].identity, now: moment.wall)
    }

    /// - Parameter hops: how many hops had been built.
    package mutating func circuitClosed(_ key: CircuitKey, hops: Int, at moment: Moment) {
        guard let circuit = circuits.removeValue(forKey: key), circuit.isBuilding else { return }
        if hops == 0 { guards.failed(circuit.path[0].identity, now: moment.wall) }
        guard hops < circuit.path.count - 1 || !endIsUnreachable(of: circuit) else { return }
        buildFailed(at: moment)
    }

    /// One relay that cannot be reached says nothing of the others: only those who want that very one are to know.
    private mutating func endIsUnreachable(of circuit: PooledCircuit) -> Bool {
        guard let end = circuit.exit?.identity else { return false }
        let wanting = streams.filter { $0.value.state == .waiting && $0.value.purpose == .directory(end) && $0.value.isolation == circuit.isolation }.keys
        for key in wanting { streams[key]?.unreached += 1 }
        return !wanting.isEmpty
    }

    mutating func buildFailed(at moment: Moment) {
        failuresInRow = min(failuresInRow + 1, 64)
        guard failuresInRow > settings.quickRetries else { return }
        let doublings = min(failuresInRow - settings.quickRetries, 6)
        buildAgain = moment.now + .milliseconds(min(100 << Int64(doublings), 5000))
    }
}
