package import Ambience
package import Leasing
internal import Sealing

/// One connection as the mote sees it.
package struct MoteSession {
    private enum Standing { case unopened, waiting, known, over }

    /// What the mote has to show for itself.
    package enum Credentials: Sendable {
        case order(EnrolmentOrder, Evidence)
        /// Welcomed before: the certificate's key says enough.
        case welcomed(MoteKey)
    }

    package enum Event: Equatable, Sendable {
        case welcome(CoordinatorMessage.Welcome)
        case standing(StandingOrder)
        case refused
    }

    private let pin: [UInt8]
    private let credentials: Credentials
    private var standing = Standing.unopened
    private var reader = FrameReader()

    package init(pin: [UInt8], _ credentials: Credentials) {
        self.pin = pin
        self.credentials = credentials
    }

    /// Whether reports are welcome.
    package var isKnown: Bool { standing == .known }

    /// TLS stands with a peer of this key: the bytes to send, which may hold the secret. Nothing is said to anybody but the one of the order.
    package mutating func opened(peerKey: [UInt8]?) throws(EnrolmentError) -> [UInt8] {
        guard standing == .unopened, let peerKey, Digest.equal(peerKey, pin) else {
            standing = .over
            throw .wrongPin
        }
        standing = .waiting
        switch credentials {
        case .order(let order, let evidence): return MoteMessage.enrol(order.mote, secret: order.secret, evidence).frame
        case .welcomed(let key): return MoteMessage.resume(key).frame
        }
    }

    package mutating func received(_ bytes: [UInt8]) throws(EnrolmentError) -> [Event] {
        var events: [Event] = []
        for frame in try reader.take(bytes) { events.append(try heard(try CoordinatorMessage(kind: frame.kind, body: frame.body))) }
        return events
    }

    private mutating func heard(_ message: CoordinatorMessage) throws(EnrolmentError) -> Event {
        switch (standing, message) {
        case (.waiting, .welcome(let welcome)):
            guard case .order = credentials else { throw .outOfTurn }
            standing = .known
            return .welcome(welcome)
        case (.waiting, .standing(let order)):
            guard case .welcomed = credentials else { throw .outOfTurn }
            standing = .known
            return .standing(order)
        case (.known, .standing(let order)): return .standing(order)
        case (.waiting, .refused), (.known, .refused):
            standing = .over
            return .refused
        default: throw .outOfTurn
        }
    }
}

/// How long to wait before calling again: soon at first, for a machine that boots is waited for; later seldom, and never all at once.
package struct BackOff: Sendable {
    private static let firstMilliseconds: Int64 = 100
    private static let longestMilliseconds: Int64 = 30_000

    private var next = firstMilliseconds

    package init() {}

    /// Between half the wait and the whole of it; the wait doubles each time up to 30 s.
    package mutating func delay(_ random: inout some RandomNumberGenerator) -> Instant.Span {
        let span = Int64.random(in: next / 2...next, using: &random)
        next = min(next * 2, Self.longestMilliseconds)
        return .milliseconds(span)
    }

    package mutating func reset() { next = Self.firstMilliseconds }
}
