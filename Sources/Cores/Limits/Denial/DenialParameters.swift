package import Ambience

/// How much a client may ask of a relay before it counts as an attack (the consensus parameters and torrc options `DoS…`).
///
/// Values are within stock's ranges whatever is said, so that no arithmetic on them can overflow.
package struct DenialParameters: Equatable, Sendable {
    /// A name, its default and its range.
    package typealias Lookup = (_ name: String, _ fallback: Int32, _ range: ClosedRange<Int32>) -> Int32

    package struct Rate: Equatable, Sendable {
        /// Per second.
        package var rate: Double
        package var burst: Double
    }

    package enum StreamDefence: Equatable, Sendable { case none, refuseStream, closeCircuit }

    /// CREATE cells per client address.
    package var circuits: Rate
    package var isLimitingCircuits: Bool
    /// An address with fewer links than this is never marked for its circuits.
    package var circuitsLeastLinks: Int
    /// How long a marked address gets no circuits, before the random part.
    package var circuitDefence: Instant.Span
    /// How often circuits of one address may fill their outbound queue before it is marked; 0: always.
    package var fullQueueLimit: Int

    /// Links per client address.
    package var links: Rate
    package var isLimitingLinks: Bool
    package var linksAtOnce: Int
    package var linkDefence: Instant.Span

    /// BEGIN and RESOLVE per circuit.
    package var streams: Rate
    package var streamDefence: StreamDefence

    /// What holds before there is a consensus.
    package init() { self.init { _, fallback, _ in fallback } }

    /// - Parameter overrides: what the operator says instead of the consensus, by the same names.
    package init(overrides: [String: Int32] = [:], _ consensus: Lookup) {
        func value(_ name: String, _ fallback: Int32, _ range: ClosedRange<Int32> = 1...Int32.max) -> Int32 {
            overrides[name].map { min(max($0, range.lowerBound), range.upperBound) } ?? consensus(name, fallback, range)
        }
        func span(_ name: String, _ fallback: Int32, _ least: Int32) -> Instant.Span { .seconds(Int64(value(name, fallback, least...Int32.max))) }
        func isOn(_ kind: String) -> Bool { value("DoS\(kind)Enabled", 0, 0...1) == 1 }
        func rate(_ kind: String, _ rate: Int32, _ burst: Int32) -> Rate {
            Rate(rate: Double(value("DoS\(kind)Rate", rate)), burst: Double(value("DoS\(kind)Burst", burst)))
        }
        circuits = rate("CircuitCreation", 3, 90)
        isLimitingCircuits = isOn("CircuitCreation") && value("DoSCircuitCreationDefenseType", 2, 1...2) == 2
        circuitsLeastLinks = Int(value("DoSCircuitCreationMinConnections", 3))
        circuitDefence = span("DoSCircuitCreationDefenseTimePeriod", 3600, 0)
        fullQueueLimit = Int(value("dos_num_circ_max_outq", 3, 0...Int32.max))
        links = rate("ConnectionConnect", 20, 40)
        isLimitingLinks = isOn("Connection") && value("DoSConnectionDefenseType", 2, 1...2) == 2
        linksAtOnce = Int(value("DoSConnectionMaxConcurrentCount", 100))
        linkDefence = span("DoSConnectionConnectDefenseTimePeriod", 86_400, 10)
        streams = rate("StreamCreation", 100, 300)
        switch isOn("StreamCreation") ? value("DoSStreamCreationDefenseType", 2, 1...3) : 1 {
        case 2: streamDefence = .refuseStream
        case 3: streamDefence = .closeCircuit
        default: streamDefence = .none
        }
    }
}

/// What the defences did since the start.
package struct DenialStatistics: Equatable, Sendable {
    package var circuitsRefused: UInt64 = 0
    package var addressesMarkedForCircuits: UInt64 = 0
    package var addressesMarkedForFullQueues: UInt64 = 0
    /// Above the number at once, and from marked addresses.
    package var linksRefusedAtOnce: UInt64 = 0
    package var linksRefusedWhileMarked: UInt64 = 0
    /// For too many handshakes of one address that were not finished.
    package var linksRefusedUnfinished: UInt64 = 0
    package var streamsRefused: UInt64 = 0

    package init() {}
}
