import Ambience
import Enrolment
@testable import EnrolmentService
import Foundation
import Leasing
import Sealing
import Synchronization
import Testing

/// A folder that is gone afterwards.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/enrolment-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite("The enrolment server")
struct ServerTests {
    static let loopback = SocketAddress("127.0.0.1:0")!

    static func lease(_ seconds: Int64 = 600) -> Lease {
        var random = SystemRandomNumberGenerator()
        let now = SystemTime().wall
        return Lease(key: .random(&random), lifetimeClass: .normal, intended: now, expires: now + seconds, drainSeconds: 10)
    }

    private func enrol(_ order: EnrolmentOrder, _ identity: TLSIdentity = TLSIdentity(), _ evidence: Evidence = Evidence()) -> Enrolling.Outcome {
        Enrolling(order, identity, evidence, trouble: { _ in }).run()
    }

    @Test("a machine with an order becomes a mote, and another with the same order does not")
    func enrols() throws {
        let scratch = try Scratch(), heard = Mutex<[EnrolmentNews]>([])
        let server = try EnrolmentServer(folder: scratch.path, listen: Self.loopback) { news in heard.withLock { $0.append(news) } }
        defer { server.stop() }
        let lease = Self.lease(), identity = TLSIdentity()
        let order = try server.admit(lease, attempt: 1, torrc: "Address {address}\n")
        let evidence = BootEvidence().gather(nonce: identity.keyDigest)
        #expect(enrol(order, identity, evidence) == .welcome(.init(torrc: "Address 127.0.0.1\n", expires: lease.expires)))
        #expect(enrol(order) == .refused)
        #expect(enrol(order, identity) != .refused)
        #expect(server.admission(of: lease.key)?.enrolled?.certificateKey == identity.keyDigest)
        #expect(server.admission(of: lease.key)?.enrolled?.evidence["executable-sha256"]?.count == 32)
        #expect(heard.withLock { $0 } == [.enrolled(lease.key, from: IPAddress("127.0.0.1")!), .refused(IPAddress("127.0.0.1")!)])
    }

    @Test("a server that was started anew has the same key and port, and its motes are known to it")
    func restarts() throws {
        let scratch = try Scratch(), identity = TLSIdentity(), lease = Self.lease()
        let first = try EnrolmentServer(folder: scratch.path, listen: Self.loopback)
        let order = try first.admit(lease, attempt: 1, torrc: "Nickname a\n")
        #expect(enrol(order, identity) != .refused)
        first.stop()
        let second = try EnrolmentServer(folder: scratch.path, listen: Self.loopback)
        defer { second.stop() }
        #expect(second.address == first.address && second.pin == first.pin)
        #expect(enrol(order) == .refused)
        #expect(enrol(order, identity) == .welcome(.init(torrc: "Nickname a\n", expires: lease.expires)))
    }

    @Test("what is kept is for the owner only, and does not hold the secret")
    func keepsNoSecret() throws {
        let scratch = try Scratch()
        let server = try EnrolmentServer(folder: scratch.path + "/enrolment", listen: Self.loopback)
        defer { server.stop() }
        let order = try server.admit(Self.lease(), attempt: 1, torrc: "")
        let secret = try #require(order.text.split(separator: "\n").first { $0.hasPrefix("Secret ") }?.dropFirst(7))
        for name in try Files.list(scratch.path + "/enrolment") {
            let path = scratch.path + "/enrolment/" + name
            #expect(!(try Files.readText(path)).contains(secret))
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test("a mote whose admission cannot be made durable is not welcomed, and not lost either")
    func diskTrouble() throws {
        let scratch = try Scratch(), lease = Self.lease(), identity = TLSIdentity()
        let server = try EnrolmentServer(folder: scratch.path + "/enrolment", listen: Self.loopback)
        defer { server.stop() }
        let order = try server.admit(lease, attempt: 1, torrc: "")
        try FileManager.default.moveItem(atPath: scratch.path + "/enrolment", toPath: scratch.path + "/away")
        let failures = Mutex(0)
        let enrolling = Enrolling(order, identity, Evidence()) { _ in
            #expect(server.admission(of: lease.key)?.enrolled == nil)
            if failures.withLock({ $0 += 1; return $0 }) == 2 { try? FileManager.default.moveItem(atPath: scratch.path + "/away", toPath: scratch.path + "/enrolment") }
        }
        #expect(enrolling.run() == .welcome(.init(torrc: "", expires: lease.expires)))
        #expect(failures.withLock { $0 } >= 2)
    }

    @Test("an order for another coordinator's key is not told the secret")
    func wrongPin() throws {
        let scratch = try Scratch(), lease = Self.lease(2)
        let server = try EnrolmentServer(folder: scratch.path, listen: Self.loopback)
        defer { server.stop() }
        let order = try server.admit(lease, attempt: 1, torrc: "")
        let wrong = EnrolmentOrder(coordinator: order.coordinator, pin: [UInt8](repeating: 0, count: 32), mote: order.mote, secret: order.secret, expires: order.expires)
        #expect(enrol(wrong) == .expired)
        #expect(server.admission(of: lease.key)?.enrolled == nil)
    }

    @Test("an order's file is overwritten and gone once its secret is used up")
    func wipes() throws {
        let scratch = try Scratch(), path = scratch.path + "/order"
        try Files.replace(path, with: "Secret 00\n")
        try FileManager.default.linkItem(atPath: path, toPath: scratch.path + "/link")
        try OrderSource(path).wipe()
        #expect(!Files.exists(path))
        #expect(try Files.read(scratch.path + "/link").allSatisfy { $0 == 0 })
    }

    @Test("a platform's report is taken along where there is one, bound to the mote's key; where there is none, that is said")
    func platforms() throws {
        let scratch = try Scratch()
        #expect(BootEvidence(root: scratch.path).gather(nonce: [1])["platform"] == Array("none".utf8))
        let folder = scratch.path + "/sys/kernel/config/tsm/report/dustcloud"
        try Files.makeFolder(folder)
        for (name, text) in [("inblob", ""), ("outblob", "signed"), ("provider", "sev_guest\n")] { try Files.replace(folder + "/" + name, with: text) }
        let evidence = BootEvidence(root: scratch.path).gather(nonce: [1])
        #expect(evidence["tsm-report"] == Array("signed".utf8) && evidence["platform"] == Array("sev_guest".utf8))
        #expect(try Files.read(folder + "/inblob") == Digest.sha512([1]))
    }
}
