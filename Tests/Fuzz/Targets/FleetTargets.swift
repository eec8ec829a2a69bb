import Ambience
import Audit
import Enrolment
import Leasing
import Sealing

extension FuzzTarget {
    private static let (enrolment, now) = ("Cores/Enrolment/", WallTime(secondsSinceEpoch: 1_770_000_000))

    /// What machines, their coordinator and auditors hand each other.
    static let fleet = [
        FuzzTarget("enrolment-order", ["EnrolmentOrder", "NamedLines"].map { enrolment + $0 + ".swift" }) { checkStable($0) { Array(try EnrolmentOrder(text: $0).text.utf8) } },
        FuzzTarget("admission-record", ["Admission", "NamedLines", "Evidence"].map { enrolment + $0 + ".swift" }) { checkStable($0) { Array(try Admission(record: $0).record.utf8) } },
        FuzzTarget("enrolment-to-coordinator", ["CoordinatorSession", "Registry", "Messages", "Frames", "Evidence"].map { enrolment + $0 + ".swift" }) { bytes in
            var session = CoordinatorSession(certificateKey: [UInt8](repeating: 1, count: 32), peer: .v4(1)), registry = EnrolmentFixture.registry
            guard let messages = try? session.messages(bytes, now: now) else { return }
            for message in messages {
                guard let reply = try? session.answer(message, registry, now: now) else { return }
                if let admission = reply.admission {
                    precondition(admission.enrolled?.certificateKey == [UInt8](repeating: 1, count: 32), "pins another key")
                    registry.commit(admission)
                }
            }
        },
        FuzzTarget("enrolment-to-mote", ["MoteSession", "Messages", "Frames"].map { enrolment + $0 + ".swift" }) { bytes in
            let pin = [UInt8](repeating: 2, count: 32)
            for credentials in [MoteSession.Credentials.welcomed(EnrolmentFixture.key), .order(EnrolmentFixture.order, Evidence())] {
                var session = MoteSession(pin: pin, credentials)
                _ = try? session.opened(peerKey: pin)
                _ = try? session.received(bytes)
            }
        },
        FuzzTarget("audit", ["Cores/Audit/AuditLine.swift"]) { bytes in
            guard let lines = try? AuditChain.verify(bytes), let last = lines.last else { return }
            let head = AuditHead(number: last.number, hash: last.hash)
            precondition((try? AuditChain.excerpt(lines, showing: { $0.number % 2 == 0 }).head()) == head, "an excerpt leads elsewhere")
        },
    ]
}

/// One mote that may enrol with a secret of 32 bytes 3.
enum EnrolmentFixture {
    static let key = MoteKey(high: 0, low: 7)
    private static let secret = [UInt8](repeating: 3, count: 32)
    static let order = EnrolmentOrder(
        coordinator: SocketAddress(ip: .v4(1), port: 1), pin: [UInt8](repeating: 2, count: 32), mote: key, secret: SecretBytes(secret),
        expires: WallTime(secondsSinceEpoch: 1_780_000_000))
    static let registry = Registry([
        Admission(key: key, attempt: 1, secretHash: Digest.sha256(secret), expires: WallTime(secondsSinceEpoch: 1_780_000_000), torrc: "Address {address}\n", address: nil)
    ])
}
