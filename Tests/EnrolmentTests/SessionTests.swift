import Ambience
@testable import Enrolment
import Leasing
import Sealing
import Testing

/// A coordinator's side that makes durable what it must, in memory.
private struct Desk {
    var registry = Registry()

    mutating func hear(_ bytes: [UInt8], _ session: inout CoordinatorSession, now: WallTime) throws -> [CoordinatorSession.Reply] {
        try session.messages(bytes, now: now).map { message in
            let reply = try session.answer(message, registry, now: now)
            if let admission = reply.admission { registry.commit(admission) }
            return reply
        }
    }
}

@Suite("Enrolment sessions")
struct SessionTests {
    private static let now = WallTime(secondsSinceEpoch: 1_790_000_000)
    private static let end = now + 3600
    private static let key = MoteKey(high: 3, low: 4)
    private static let pin = [UInt8](repeating: 9, count: 32)
    private static let peer = IPAddress("192.0.2.7")!
    private let secret = SecretBytes.random(32)
    private let alice = [UInt8](repeating: 1, count: 32)
    private let mallory = [UInt8](repeating: 2, count: 32)

    private var order: EnrolmentOrder {
        EnrolmentOrder(coordinator: SocketAddress("192.0.2.1:1")!, pin: Self.pin, mote: Self.key, secret: secret, expires: Self.end)
    }

    private func desk(address: IPAddress? = nil) -> Desk {
        var desk = Desk()
        desk.registry.commit(
            Admission(key: Self.key, attempt: 1, secretHash: Digest.sha256(secret.copy), expires: Self.end, torrc: "Address {address}\n", address: address))
        return desk
    }

    private func stranger(_ key: [UInt8]) -> CoordinatorSession { CoordinatorSession(certificateKey: key, peer: Self.peer) }

    private var enrolFrame: [UInt8] {
        var evidence = Evidence()
        evidence.add("platform", Array("none".utf8))
        return MoteMessage.enrol(Self.key, secret: secret, evidence).frame
    }

    @Test("a mote enrols, reports, and hears what is wanted of it")
    func enrols() throws {
        var desk = desk(), session = stranger(alice), mote = MoteSession(pin: Self.pin, .order(order, Evidence()))
        let welcome = try desk.hear(try mote.opened(peerKey: Self.pin), &session, now: Self.now)
        #expect(try mote.received(welcome[0].message.frame) == [.welcome(.init(torrc: "Address 192.0.2.7\n", expires: Self.end))])
        #expect(desk.registry.admissions[Self.key]?.enrolled?.certificateKey == alice)
        desk.registry.commit(try #require(desk.registry.ordered(.drain, endsBy: Self.end - 60, Self.key)))
        let report = MoteReport(bootstrapped: 100, isDraining: true, circuits: 5, streams: 6, bytesRead: 7, bytesWritten: 8)
        let names = try #require(RelayNames(rsa: [UInt8](repeating: 5, count: 20), ed25519: [UInt8](repeating: 6, count: 32)))
        let answer = try desk.hear(MoteMessage.report(report, names).frame, &session, now: Self.now)
        #expect(answer[0].report == report && answer[0].admission?.enrolled?.names == names)
        #expect(try mote.received(answer[0].message.frame) == [.standing(StandingOrder(.drain, expires: Self.end - 60))])
    }

    @Test("an address that the coordinator knows counts more than the one from which a mote calls")
    func ownAddress() throws {
        var desk = desk(address: IPAddress("198.51.100.1")), session = stranger(alice)
        #expect(try desk.hear(enrolFrame, &session, now: Self.now)[0].message == .welcome(.init(torrc: "Address 198.51.100.1\n", expires: Self.end)))
    }

    @Test("the same key may enrol again with the same secret, for its welcome may have been lost; another key may not")
    func singleUse() throws {
        var desk = desk(), first = stranger(alice), again = stranger(alice), thief = stranger(mallory)
        _ = try desk.hear(enrolFrame, &first, now: Self.now)
        #expect(try desk.hear(enrolFrame, &again, now: Self.now + 5)[0].message != .refused)
        #expect(desk.registry.admissions[Self.key]?.enrolled?.at == Self.now)
        #expect(try desk.hear(enrolFrame, &thief, now: Self.now)[0].message == .refused)
        #expect(desk.registry.admissions[Self.key]?.enrolled?.certificateKey == alice)
    }

    @Test("whoever may not enrol gets the same answer, whatever the reason")
    func oneRefusal() throws {
        var answers: Set<[UInt8]> = []
        var used = desk(), other = stranger(alice)
        _ = try used.hear(enrolFrame, &other, now: Self.now)
        let wrong = MoteMessage.enrol(Self.key, secret: .random(32), Evidence()).frame
        let unknown = MoteMessage.enrol(MoteKey(high: 8, low: 8), secret: secret, Evidence()).frame
        for (desk, frame, now) in [
            (used, enrolFrame, Self.now), (desk(), wrong, Self.now), (desk(), unknown, Self.now), (desk(), enrolFrame, Self.end),
            (desk(), MoteMessage.resume(Self.key).frame, Self.now), (used, MoteMessage.resume(Self.key).frame, Self.now),
        ] {
            var desk = desk, session = stranger(mallory)
            let reply = try desk.hear(frame, &session, now: now)[0]
            #expect(reply.isLast && reply.admission == nil)
            answers.insert(reply.message.frame)
        }
        #expect(answers == [CoordinatorMessage.refused.frame])
    }

    @Test("a new start of a mote has a new secret: the machine of the old one is refused")
    func newAttempt() throws {
        var desk = desk(), old = stranger(alice)
        _ = try desk.hear(enrolFrame, &old, now: Self.now)
        desk.registry.commit(Admission(key: Self.key, attempt: 2, secretHash: Digest.sha256([1]), expires: Self.end, torrc: "", address: nil))
        #expect(try desk.hear(MoteMessage.report(MoteReport(bootstrapped: 1), nil).frame, &old, now: Self.now)[0].message == .refused)
    }

    @Test("a welcomed mote is known again by its key, and not by anything else")
    func resumes() throws {
        var desk = desk(), first = stranger(alice), again = stranger(alice), thief = stranger(mallory)
        _ = try desk.hear(enrolFrame, &first, now: Self.now)
        #expect(try desk.hear(MoteMessage.resume(Self.key).frame, &again, now: Self.now)[0].message == .standing(StandingOrder(.nothing, expires: Self.end)))
        #expect(try desk.hear(MoteMessage.resume(Self.key).frame, &thief, now: Self.now)[0].message == .refused)
    }

    @Test("a mote says nothing to a peer of another key, and nothing twice")
    func pinned() throws {
        var mote = MoteSession(pin: Self.pin, .order(order, Evidence()))
        #expect(throws: EnrolmentError.wrongPin) { try mote.opened(peerKey: mallory) }
        #expect(throws: EnrolmentError.wrongPin) { try mote.opened(peerKey: Self.pin) }
    }

    @Test("a mote has one relay identity for its life")
    func oneIdentity() throws {
        var desk = desk(), session = stranger(alice)
        _ = try desk.hear(enrolFrame, &session, now: Self.now)
        let names = (0..<2).map { byte in RelayNames(rsa: [UInt8](repeating: UInt8(byte), count: 20), ed25519: [UInt8](repeating: 6, count: 32)) }
        _ = try desk.hear(MoteMessage.report(MoteReport(bootstrapped: 1), names[0]).frame, &session, now: Self.now)
        #expect(throws: EnrolmentError.outOfTurn) { try desk.hear(MoteMessage.report(MoteReport(bootstrapped: 1), names[1]).frame, &session, now: Self.now) }
    }

    @Test("an order to stop is not taken back, and an end moves only nearer")
    func ordersHold() throws {
        var registry = desk().registry
        registry.commit(try #require(registry.ordered(.stop, endsBy: Self.end - 100, Self.key)))
        let after = try #require(registry.ordered(.drain, endsBy: Self.end, Self.key))
        #expect(after.wanted == .stop && after.expires == Self.end - 100)
    }

    @Test("frames that are too long, empty, of no kind or out of turn end the session", arguments: [
        ([0, 1, 0, 1, 1], EnrolmentError.oversized), ([0, 0, 0, 0], .malformed), ([0, 0, 0, 1, 9], .malformed), ([0, 0, 0, 2, 2, 0], .malformed),
        (MoteMessage.report(MoteReport(bootstrapped: 1), nil).frame, .outOfTurn), ([0xFF, 0xFF, 0xFF, 0xFF], .oversized),
    ] as [([UInt8], EnrolmentError)])
    func hostileFrames(_ bytes: [UInt8], _ error: EnrolmentError) {
        var desk = desk(), session = stranger(mallory)
        #expect(throws: error) { try desk.hear(bytes, &session, now: Self.now) }
    }

    @Test("more messages than a mote has reason for end the session")
    func flood() throws {
        var desk = desk(), session = stranger(alice)
        _ = try desk.hear(enrolFrame, &session, now: Self.now)
        let report = MoteMessage.report(MoteReport(bootstrapped: 1), nil).frame
        #expect(throws: EnrolmentError.tooMany) { for _ in 0..<100 { _ = try desk.hear(report, &session, now: Self.now) } }
    }

    @Test("a message that comes byte by byte is the same message")
    func drips() throws {
        var desk = desk(), session = stranger(alice), replies: [CoordinatorSession.Reply] = []
        for byte in enrolFrame { replies += try desk.hear([byte], &session, now: Self.now) }
        #expect(replies.count == 1 && replies[0].message != .refused)
    }

    @Test("an admission's record is read as it was written, at every stage")
    func records() throws {
        var desk = desk(address: IPAddress("2001:db8::1")), session = stranger(alice)
        func check() throws {
            let admission = try #require(desk.registry.admissions[Self.key])
            #expect(try Admission(record: Array(admission.record.utf8)) == admission)
        }
        try check()
        _ = try desk.hear(enrolFrame, &session, now: Self.now)
        try check()
        _ = try desk.hear(
            MoteMessage.report(MoteReport(bootstrapped: 1), RelayNames(rsa: [UInt8](repeating: 5, count: 20), ed25519: [UInt8](repeating: 6, count: 32))).frame, &session,
            now: Self.now)
        try check()
        #expect(desk.registry.admissions[Self.key]?.enrolled?.names != nil)
    }

    @Test("evidence stays within its bounds")
    func evidenceBounds() {
        var evidence = Evidence()
        #expect(!evidence.add("no spaces", [1]) && !evidence.add("", [1]) && !evidence.add("long", [UInt8](repeating: 0, count: 20_000)))
        for index in 0..<40 { evidence.add("item\(index)", [UInt8](repeating: 0, count: 3000)) }
        #expect(evidence.items.count < 17 && !evidence.add("item0", [1]))
    }

    @Test("who calls in vain waits longer each time, up to half a minute")
    func backsOff() {
        var backOff = BackOff(), random = SeededRandom(seed: 1)
        let delays = (0..<20).map { _ in backOff.delay(&random).inMilliseconds }
        #expect(delays[0] <= 100 && delays[19] >= 15_000 && delays.allSatisfy { $0 <= 30_000 })
    }
}
