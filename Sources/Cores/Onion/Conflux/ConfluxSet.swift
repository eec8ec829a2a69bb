package import Ambience

/// Why a leg cannot join a set or go on in it.
package enum ConfluxFailure: Error, Equatable {
    /// The set has all the legs that it may have.
    case tooManyLegs
    /// The peer sent what has not arrived, and nobody keeps anything to send again: the set cannot go on.
    case dataLost
    /// Sequence numbers that cannot be, or an acknowledgement that nothing earned.
    case impossible
    /// More waits for a gap to be filled than we keep.
    case heldTooMuch
}

/// Several circuits that carry the same streams: which of them the next message goes over, and the order of those that arrive
/// (proposal 329, as the exit of tor 0.4.9 has it).
///
/// Legs are known by their place, 0 to 7. A message that is counted has an absolute number in its direction; on the wire there is only the
/// order on each leg, and SWITCH, which tells the distance when a leg takes over from another.
package struct ConfluxSet: Sendable {
    /// As many as stock takes by default.
    package static let legLimit = 8
    /// What may wait for a message that is still on another leg. The windows of the legs bound it too, but those are the peer's.
    package static let heldLimitBytes = 8 << 20
    /// What a held message costs beside its content.
    static let heldOverheadBytes = 96
    /// No sequence number comes near it, so nothing overflows below it.
    private static let sequenceLimit = UInt64(1) << 62

    /// A message that waits for its turn.
    package struct Message: Equatable, Sendable {
        package let command: UInt8
        package let stream: UInt16
        package let content: [UInt8]

        package init(command: UInt8, stream: UInt16, content: [UInt8]) {
            self.command = command
            self.stream = stream
            self.content = content
        }
    }

    package enum Arrival: Equatable, Sendable {
        /// It is its turn: deliver it, then what `nextHeld` has.
        case next
        /// Others come before: give it to `hold` with this number.
        case early(UInt64)
    }

    /// How the next counted message goes out.
    package struct Route: Equatable, Sendable {
        package let leg: Int
        /// A SWITCH must go before it, saying this.
        package let switchedBy: UInt32?
    }

    private struct Leg {
        var sent: UInt64
        var received: UInt64
        /// 0 while nothing is known.
        var roundTripMicroseconds = 0
        let linkedAt: Instant
        var isAcknowledged = false
    }

    private var legs: [Leg] = []
    private var current: Int?
    private var prefersLatency = false
    /// The highest number delivered; everything below it was too.
    private var delivered: UInt64 = 0
    private var held: [UInt64: Message] = [:]
    package private(set) var heldBytes = 0

    package init() {}

    package var legCount: Int { legs.count }

    // MARK: Legs

    /// A LINK came on a circuit that is not a leg of any set: it becomes the last leg of this one. What LINKED must answer.
    package mutating func link(_ message: ConfluxLinkMessage, at now: Instant) throws(ConfluxFailure) -> ConfluxLinkMessage {
        guard legs.count < Self.legLimit else { throw .tooManyLegs }
        guard message.lastSent <= delivered else { throw .dataLost }
        // Both ends go on from the numbers that LINKED tells.
        let sent = legs.reduce(0) { max($0, $1.sent) }
        legs.append(Leg(sent: sent, received: delivered, linkedAt: now))
        prefersLatency =
            switch message.experience {
            case .leastLatency, .leastLatencyAndMemory, .highThroughputLeastMemory: true
            case .noOpinion, .highThroughput: false
            }
        // Clients send little: for them one leg at a time, the quick one, is best.
        return ConfluxLinkMessage(nonce: message.nonce, lastSent: sent, lastReceived: delivered, experience: .leastLatency)
    }

    /// LINKED_ACK came: the first round trip of the leg.
    package mutating func acknowledged(_ leg: Int, at now: Instant) throws(ConfluxFailure) {
        guard !legs[leg].isAcknowledged else { throw .impossible }
        legs[leg].isAcknowledged = true
        noteRoundTrip(leg, microseconds: Int((now - legs[leg].linkedAt).nanoseconds / 1000))
    }

    /// Congestion control knows better by now.
    package mutating func noteRoundTrip(_ leg: Int, microseconds: Int) { legs[leg].roundTripMicroseconds = max(microseconds, 1) }

    /// The leg's circuit is gone; legs behind it move up. Whether the set cannot go on: something that was on its way is lost for ever.
    package mutating func close(_ leg: Int, hasUnacknowledged: Bool) -> Bool {
        let gone = legs.remove(at: leg)
        let wasCurrent = current == leg
        current = wasCurrent ? nil : current.map { $0 > leg ? $0 - 1 : $0 }
        let isCovered = legs.contains { $0.sent >= gone.sent } && legs.contains { $0.received >= gone.received }
        return hasUnacknowledged || wasCurrent || !legs.isEmpty && !isCovered
    }

    // MARK: Sending

    /// Whether a DATA message can go out; bit i of `ready` says that leg i's window and channel have room.
    package func canSend(ready: UInt8) -> Bool { best(ready) != nil }

    /// Decides where the next counted message goes, and counts it. `nil`: DATA must wait. Other messages never wait: they go over the leg in use.
    package mutating func route(isData: Bool, ready: UInt8) -> Route? {
        guard let current = current ?? first else { return nil }
        self.current = current
        guard let leg = best(ready) else { return isData ? nil : count(on: current) }
        guard leg != current else { return count(on: leg) }
        let distance = legs[current].sent - legs[leg].sent
        guard distance < UInt32.max else { return isData && ready & (1 << UInt8(current)) == 0 ? nil : count(on: current) }
        legs[leg].sent = legs[current].sent
        self.current = leg
        return count(on: leg, switchedBy: UInt32(distance))
    }

    private mutating func count(on leg: Int, switchedBy distance: UInt32? = nil) -> Route {
        legs[leg].sent += 1
        return Route(leg: leg, switchedBy: distance)
    }

    /// Where it all begins: the quickest leg, or any while no round trip is known.
    private var first: Int? { quickest { _ in true } ?? legs.indices.first }

    /// For latency the quickest leg and no other; for throughput the quickest that has room.
    private func best(_ ready: UInt8) -> Int? {
        guard prefersLatency else { return quickest { ready & (1 << UInt8($0)) != 0 } }
        guard let leg = quickest({ _ in true }), ready & (1 << UInt8(leg)) != 0 else { return nil }
        return leg
    }

    @inline(__always)
    private func quickest(_ isMeant: (Int) -> Bool) -> Int? {
        var found: Int?
        for leg in legs.indices where legs[leg].roundTripMicroseconds > 0 && isMeant(leg) {
            if let best = found, legs[best].roundTripMicroseconds <= legs[leg].roundTripMicroseconds { continue }
            found = leg
        }
        return found
    }

    // MARK: Receiving

    /// SWITCH came: the leg's next message is so many numbers further on.
    package mutating func switched(_ leg: Int, by distance: UInt32) throws(ConfluxFailure) {
        guard legs[leg].received < Self.sequenceLimit else { throw .impossible }
        legs[leg].received += UInt64(distance)
    }

    /// A counted message came.
    package mutating func arrived(_ leg: Int) throws(ConfluxFailure) -> Arrival {
        legs[leg].received += 1
        let number = legs[leg].received
        guard number > delivered else { throw .impossible }
        guard number == delivered + 1 else { return .early(number) }
        delivered = number
        return .next
    }

    package mutating func hold(_ message: Message, as number: UInt64) throws(ConfluxFailure) {
        guard held[number] == nil, number > delivered else { throw .impossible }
        heldBytes += message.content.count + Self.heldOverheadBytes
        guard heldBytes <= Self.heldLimitBytes else { throw .heldTooMuch }
        held[number] = message
    }

    /// The message whose turn it is now, if it is here.
    package mutating func nextHeld() -> Message? {
        guard !held.isEmpty, let message = held.removeValue(forKey: delivered + 1) else { return nil }
        heldBytes -= message.content.count + Self.heldOverheadBytes
        delivered += 1
        return message
    }
}
