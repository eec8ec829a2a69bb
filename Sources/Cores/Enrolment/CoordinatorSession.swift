package import Ambience
package import Leasing
internal import Sealing

/// One connection as the coordinator sees it: a stranger, then a known mote.
///
/// It is made once TLS stands, so the certificate's key is proven to be the peer's.
package struct CoordinatorSession {
    private enum Standing { case stranger, known(MoteKey), over }

    /// Messages within `rateSeconds`; a mote sends one a second.
    private static let messagesLimit = 40
    private static let rateSeconds: Int64 = 10

    private let certificateKey: [UInt8]
    private let peer: IPAddress
    private var standing = Standing.stranger
    private var reader = FrameReader()
    private var rate: (since: WallTime, count: Int)?

    /// What to do, in this order: make `admission` durable and commit it, take the report over, send, close. If it cannot be made durable, close at once.
    package struct Reply: Equatable, Sendable {
        package var admission: Admission?
        package var message: CoordinatorMessage
        package var report: MoteReport?
        package var isLast = false
    }

    package init(certificateKey: [UInt8], peer: IPAddress) {
        self.certificateKey = certificateKey
        self.peer = peer
    }

    /// The mote, once it is known.
    package var mote: MoteKey? { if case .known(let key) = standing { key } else { nil } }

    /// The messages that are complete with `bytes`.
    package mutating func messages(_ bytes: [UInt8], now: WallTime) throws(EnrolmentError) -> [MoteMessage] {
        var messages: [MoteMessage] = []
        for var frame in try reader.take(bytes) {
            try count(now)
            messages.append(try MoteMessage(kind: frame.kind, body: frame.body))
            frame.body.wipe()
        }
        return messages
    }

    private mutating func count(_ now: WallTime) throws(EnrolmentError) {
        let since = rate?.since ?? now
        if rate == nil || abs(now - since) >= Self.rateSeconds { rate = (now, 0) }
        rate!.count += 1
        guard rate!.count <= Self.messagesLimit else { throw .tooMany }
    }

    /// The answer to one message, given everybody's admissions.
    package mutating func answer(_ message: MoteMessage, _ registry: Registry, now: WallTime) throws(EnrolmentError) -> Reply {
        switch (standing, message) {
        case (.stranger, .enrol(let key, let secret, let evidence)):
            guard let admission = registry.enrol(key, secret: secret, by: certificateKey, from: peer, evidence, now: now) else { return refuse() }
            standing = .known(key)
            return Reply(admission: admission, message: .welcome(admission.welcome(calling: peer)))
        case (.stranger, .resume(let key)):
            guard let admission = registry.resume(key, by: certificateKey, now: now) else { return refuse() }
            standing = .known(key)
            return Reply(message: .standing(admission.standing))
        case (.known(let key), .report(let report, let names)): return try heard(key, report, names, registry, now)
        default: throw .outOfTurn
        }
    }

    private mutating func heard(_ key: MoteKey, _ report: MoteReport, _ names: RelayNames?, _ registry: Registry, _ now: WallTime) throws(EnrolmentError) -> Reply {
        // Asked anew each time: the mote may have been forgotten, or started again elsewhere.
        guard let admission = registry.resume(key, by: certificateKey, now: now) else { return refuse() }
        var reply = Reply(message: .standing(admission.standing), report: report)
        guard let names, names != admission.enrolled?.names else { return reply }
        guard let named = registry.named(names, key) else { throw .outOfTurn }
        reply.admission = named
        return reply
    }

    private mutating func refuse() -> Reply {
        standing = .over
        return Reply(message: .refused, isLast: true)
    }
}
