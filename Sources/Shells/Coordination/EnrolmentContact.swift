internal import Ambience
internal import Clouds
internal import Enrolment
internal import EnrolmentService
internal import Leasing
internal import Providers

/// The coordinator's desk at which rented machines enrol, reached from everywhere. What a mote is to be it learns there, and its address is the one that it calls from.
final class EnrolmentContact: MoteContact {
    private let server: EnrolmentServer
    private let reached: SocketAddress
    private let torrcs: Torrcs

    /// The port at which every rented mote relays.
    private static let relayPort: UInt16 = 9001
    /// A file system in memory on every machine: a mote's keys are on no disk.
    private static let innerFolder = NodeFolder("/run/mote")

    /// `listen`: where, if not at the network's address and a port that is free, and the same the next time.
    init(folder: StateFolder, listen: String?, network: NetworkPlan) throws(CoordinationError) {
        guard let address = SocketAddress(listen ?? "\(network.address):0"), let own = SocketAddress("\(network.address):0") else {
            throw CoordinationError(.usage, "\"\(listen ?? network.address)\" is no IPv4 address with a port, such as 192.0.2.1:9443; see --enrol-listen")
        }
        do throws(FileError) { server = try EnrolmentServer(folder: folder.path + "/enrolment", listen: address, tell: EnrolmentAudit.teller(folder)) } catch {
            throw CoordinationError(.unavailable, "motes cannot report to \(address): \(error); name an address of this machine with --enrol-listen")
        }
        reached = SocketAddress(ip: own.ip, port: server.address.port)
        torrcs = Torrcs(network)
    }

    deinit { server.stop() }

    func admit(_ lease: Lease, attempt: Int) throws -> String {
        let torrc = torrcs.mote(lease, attempt: attempt, address: Admission.addressMark, port: Self.relayPort, isBound: false, in: Self.innerFolder)
        return try server.admit(lease, attempt: attempt, torrc: torrc, reached: reached).text
    }

    func report(of key: MoteKey) -> MoteReport? { server.report(of: key) }
    func drain(_ key: MoteKey) { _ = try? server.order(.drain, key) }
    func shorten(_ key: MoteKey, expires: WallTime) { _ = try? server.order(.nothing, endsBy: expires, key) }
    func stop(_ key: MoteKey) -> Bool { server.report(of: key) != nil && (try? server.order(.stop, key)) == true }
}
