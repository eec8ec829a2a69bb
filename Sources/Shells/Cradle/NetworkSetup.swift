internal import Ambience
internal import CMachine
internal import Enrolment
internal import Glibc

/// The loopback interface, and the machine's first other one as its order says.
struct NetworkSetup {
    private static let patienceMilliseconds = 5000
    private static let lookMilliseconds = 20
    private let network: EnrolmentOrder.StaticNetwork?

    init(_ network: EnrolmentOrder.StaticNetwork?) { self.network = network }

    func bringUp() throws(CradleFailure) {
        try check(dc_set_address("lo", 0x7F00_0001), "give lo its address")
        try check(dc_bring_up("lo"), "bring lo up")
        guard let network else { return }
        guard case .v4(let address) = network.address else { throw CradleFailure("the order's Address must be one of IPv4") }
        let name = try interface()
        try check(dc_set_address(name, address), "give \(name) its address")
        try check(dc_set_netmask(name, UInt32.max << (32 - UInt32(network.prefixBits))), "give \(name) its netmask")
        try check(dc_bring_up(name), "bring \(name) up")
        if case .v4(let gateway)? = network.gateway { try check(dc_add_default_route(gateway), "take the gateway \(IPAddress.v4(gateway))") }
        if let nameserver = network.nameserver { try ask(nameserver) }
    }

    /// The first by name that is not the loopback; its module may still be looking at it.
    private func interface() throws(CradleFailure) -> String {
        for _ in 0..<(Self.patienceMilliseconds / Self.lookMilliseconds) {
            if let name = try? Files.list("/sys/class/net").first(where: { $0 != "lo" }) { return name }
            usleep(UInt32(Self.lookMilliseconds) * 1000)
        }
        throw CradleFailure("the machine has no network interface that the image's modules know")
    }

    private func ask(_ server: IPAddress) throws(CradleFailure) {
        do throws(FileError) {
            try Files.makeFolder("/etc", mode: 0o755)
            try Files.replace("/etc/resolv.conf", with: "nameserver \(server)\n", mode: 0o644)
        } catch { throw CradleFailure("cannot take the name server: \(error)") }
        chmod("/etc/resolv.conf", 0o644)
    }

    private func check(_ status: Int32, _ what: String) throws(CradleFailure) {
        guard status == 0 else { throw CradleFailure("cannot \(what)", errno) }
    }
}
