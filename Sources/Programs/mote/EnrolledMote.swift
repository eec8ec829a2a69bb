import Ambience
import Enrolment
import EnrolmentService
import Glibc
import Leasing
import Logging
import Node
import Sealing

/// How a machine becomes the mote of an order. The key of its certificate is made here and leaves the process never; the secret is wiped once it is used up.
struct EnrolledMote {
    /// What the coordinator wants this machine to be.
    let torrc: String
    private let contact: EnrolmentOrder.Contact
    private let expires: WallTime
    private let identity = TLSIdentity()

    /// Waits for the coordinator, as long as the lease lasts.
    init(_ source: OrderSource) throws(NodeFailure) {
        // Here only: with it goes the secret.
        let order: EnrolmentOrder
        do { order = try source.read() } catch { throw NodeFailure(.badData, "\(source.path): \(error)") }
        (contact, expires) = (order.contact, order.expires)
        let evidence = BootEvidence().gather(nonce: identity.keyDigest)
        switch Enrolling(order, identity, evidence, trouble: { Self.say("\($0); calling again") }).run() {
        case .welcome(let welcome):
            torrc = welcome.torrc
            do { try source.wipe() } catch { Self.say("the order is used up, but stays where it is: \(error)") }
        case .refused: throw NodeFailure(.permission, "the coordinator at \(order.coordinator) refuses mote \(order.mote): the order is used up or its lease is over")
        case .expired: throw NodeFailure(.expired, "the lease of mote \(order.mote) ended at \(order.expires) UTC before the coordinator at \(order.coordinator) answered")
        }
    }

    /// Keeps in touch with the coordinator as long as the result lives.
    func attend(_ node: Node) -> Attendance {
        let log = Logger(label: "enrolment")
        return Attendance(
            loop: node.loop, contact, identity, expires: expires, report: { [unowned node] in Self.report(node.report) },
            obey: { [unowned node] in
                node.end(by: $0.expires)
                switch $0.wanted {
                case .nothing: break
                case .drain: node.drain()
                case .stop: node.stop()
                }
            },
            trouble: { why in
                if let why { log.notice("Lost the coordinator, going on without it: \(why)") } else { log.notice("The coordinator knows of us") }
            })
    }

    private static func report(_ report: NodeReport) -> (MoteReport, RelayNames?) {
        let state = MoteReport(
            bootstrapped: report.bootstrapped, isDraining: report.isDraining, circuits: report.circuits, streams: report.streams, bytesRead: report.bytesRead,
            bytesWritten: report.bytesWritten)
        return (state, RelayNames(rsa: report.rsaIdentity, ed25519: report.ed25519Identity))
    }

    /// Before there is a log.
    private static func say(_ line: String) {
        let bytes = Array("mote: \(line)\n".utf8)
        _ = write(2, bytes, bytes.count)
    }
}
