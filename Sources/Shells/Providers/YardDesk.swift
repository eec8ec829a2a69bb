internal import Ambience
internal import Enrolment
internal import EnrolmentService
internal import Leasing

/// The coordinator's desk in the yard, at which machines enrol: it can be reached from there only.
final class YardDesk {
    private static let port: UInt16 = 9443

    private let folder: String
    private let heard: @Sendable (EnrolmentNews) -> Void
    /// The server, and the network that its port is in.
    private var open: (server: EnrolmentServer, network: UInt64)?

    init(folder: String, heard: @escaping @Sendable (EnrolmentNews) -> Void) { (self.folder, self.heard) = (folder, heard) }

    deinit { open?.server.stop() }

    /// Opens it unless it is open. False while there is no yard.
    func open(in yard: Yard) throws(ProviderError) -> Bool {
        guard try yard.visit(), let spaces = yard.spaces else { return false }
        if open?.network == spaces.networkNumber { return true }
        open?.server.stop()
        open = nil
        let address = YardNumber.bridge.socket(Self.port)
        let listening = try yard.listen(at: address)
        do throws(FileError) {
            open = (try EnrolmentServer(folder: folder, taking: listening, at: address, tell: heard), spaces.networkNumber)
        } catch { throw ProviderError("cannot open the enrolment desk: \(error)") }
        return true
    }

    /// What a machine is given to enrol with.
    func order(for lease: Lease, attempt: Int, torrc: String, _ number: YardNumber) throws(ProviderError) -> [UInt8] {
        guard let server = open?.server else { throw ProviderError("the yard does not stand yet") }
        let network = EnrolmentOrder.StaticNetwork(
            address: number.ipAddress, prefixBits: YardNumber.prefixBits, gateway: YardNumber.gateway.ipAddress, nameserver: YardNumber.nameServer.ipAddress)
        do throws(FileError) {
            return Array(try server.admit(lease, attempt: attempt, torrc: torrc, network: network).text.utf8)
        } catch { throw ProviderError("\(error)") }
    }

    func report(of key: MoteKey) -> MoteReport? { open?.server.report(of: key) }

    /// False if nobody is there to tell the mote.
    @discardableResult
    func ask(_ wanted: StandingOrder.Wanted, _ expires: WallTime?, _ key: MoteKey) -> Bool {
        (try? open?.server.order(wanted, endsBy: expires, key)) ?? false
    }
}
