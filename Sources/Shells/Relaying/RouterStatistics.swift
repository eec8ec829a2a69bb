package import Loops
package import Onion

/// Counts by label: as many UInt64 as the most manifold label has cases.
package struct Counts<Label: RawRepresentable<Int> & Sendable>: Sendable {
    private var counts = InlineArray<12, UInt64>(repeating: 0)

    package init() {}

    package subscript(_ label: Label) -> UInt64 {
        get { counts[label.rawValue] }
        set { counts[label.rawValue] = newValue }
    }
}

/// Which handshake an onion skin is of.
package enum SkinKind: Int, CaseIterable, Sendable {
    case tap
    case fast
    case ntor
    case ntorV3
}

/// What became of a message that asks for something that onion services need.
package enum ServiceOutcome: Int, CaseIterable, Sendable {
    case success
    case malformed
    /// The circuit does something else already.
    case unsuitable
    /// Whom it was for could not be told.
    case circuitDead
    case unknownService
    case rateLimited
    case circuitReused
    case singleHop
    case unknownCookie
    case duplicateCookie
}

/// What was done since the start: counters only, each a UInt64, so that those of several loops can be summed.
package struct RouterStatistics: Sendable {
    package var bytesRead: UInt64 = 0
    package var bytesWritten: UInt64 = 0
    /// Of these, over IPv6.
    package var bytesReadIPv6: UInt64 = 0
    package var bytesWrittenIPv6: UInt64 = 0
    /// On links, exits' connections and directory connections that do not stay in our own networks: what the operator pays for.
    package var bytesCountedRead: UInt64 = 0
    package var bytesCountedWritten: UInt64 = 0
    /// Without what TLS adds: cells, and handshakes of links.
    package var cellBytesRead: UInt64 = 0
    package var cellBytesWritten: UInt64 = 0
    package var cellsRelayed: UInt64 = 0
    package var circuitsCreated: UInt64 = 0
    /// Circuits that end here or that we built, with Counter Galois Onion at their last hop.
    package var counterGaloisCircuits: UInt64 = 0
    /// Circuits that became legs of a conflux set here, and times that we went on over another leg.
    package var confluxLegs: UInt64 = 0
    package var confluxSwitches: UInt64 = 0
    /// Of the legs, those that came from another loop to that of their set.
    package var confluxLegsMoved: UInt64 = 0
    package var streamsOpened: UInt64 = 0
    /// BEGIN, BEGIN_DIR and RESOLVE that came.
    package var exitStreamsAsked: UInt64 = 0
    package var directoryStreamsAsked: UInt64 = 0
    package var resolvesAsked: UInt64 = 0
    package var protocolErrors: UInt64 = 0
    /// Of these, circuits closed because their other end broke the protocol.
    package var circuitViolations: UInt64 = 0
    package var destroysReceived: UInt64 = 0
    package var dropsReceived: UInt64 = 0
    package var dropsSent: UInt64 = 0
    /// PADDING cells of links.
    package var linkPaddingReceived: UInt64 = 0
    package var linkPaddingSent: UInt64 = 0
    /// Circuits that go on over a link of another loop than they came from.
    package var circuitsCrossed: UInt64 = 0
    /// Onion skins that were answered, and those that no thread could answer in time.
    package var skinsAnswered = Counts<SkinKind>()
    package var skinsDropped = Counts<SkinKind>()
    /// Links closed in their handshake to make room for new ones.
    package var linksDroppedUnfinished: UInt64 = 0
    /// Times that a link's circuits were closed because nothing paid for them.
    package var unpaidLinks: UInt64 = 0
    /// Circuits closed because more cells of theirs waited than may; of these, cells towards the exit.
    package var queuesOverfilled: UInt64 = 0
    package var outboundQueuesOverfilled: UInt64 = 0
    /// Cells of clients and services that have met here.
    package var rendezvousCells: UInt64 = 0
    /// Of links that are padded.
    package var paddedBytesRead: UInt64 = 0
    package var paddedBytesWritten: UInt64 = 0
    package var paddedPaddingReceived: UInt64 = 0
    /// Links by what they did in each ten seconds, if that is counted; of these, over IPv6.
    package var linkDirections = Counts<LinkDirection>()
    package var linkDirectionsIPv6 = Counts<LinkDirection>()
    package var congestion = CongestionStatistics()
    /// ESTABLISH_INTRO, INTRODUCE1, ESTABLISH_RENDEZVOUS and RENDEZVOUS1 that came.
    package var introductionPoints = Counts<ServiceOutcome>()
    package var introductions = Counts<ServiceOutcome>()
    package var rendezvousPoints = Counts<ServiceOutcome>()
    package var meetings = Counts<ServiceOutcome>()
    /// Questions that an exit's name server was asked, and what came of them.
    package var namesAsked: UInt64 = 0
    package var namesAnswered = Counts<Resolver.Outcome>()

    package init() {}
}

extension RouterStatistics {
    static func + (a: RouterStatistics, b: RouterStatistics) -> RouterStatistics {
        // SAFETY: a value of nothing but UInt64 counters is an array of them.
        var sum = a
        withUnsafeMutableBytes(of: &sum) { sum in
            withUnsafeBytes(of: b) { other in
                for offset in stride(from: 0, to: sum.count, by: 8) {
                    sum.storeBytes(of: sum.load(fromByteOffset: offset, as: UInt64.self) &+ other.load(fromByteOffset: offset, as: UInt64.self), toByteOffset: offset, as: UInt64.self)
                }
            }
        }
        return sum
    }
}
