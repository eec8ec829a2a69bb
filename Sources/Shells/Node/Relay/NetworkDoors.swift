internal import Ambience
internal import Directory
internal import Torrc

/// Where the network itself is entered: ORPorts of listed relays, ORPorts and DirPorts of authorities.
struct NetworkDoors: Sendable {
    private let doors: Set<SocketAddress>

    init(_ consensus: Consensus, authorities: [AuthorityLine]) {
        var doors = Set(consensus.entries.lazy.flatMap(\.addresses))
        for entry in consensus.entries where entry.dirPort != 0 { doors.insert(SocketAddress(ip: entry.address, port: entry.dirPort)) }
        for authority in authorities { doors.formUnion([authority.directory, authority.relay, authority.ipv6].compactMap(\.self)) }
        self.doors = doors
    }

    func contains(_ address: IPAddress, _ port: UInt16) -> Bool { doors.contains(SocketAddress(ip: address, port: port)) }
}
