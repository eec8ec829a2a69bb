internal import Ambience
internal import Torrc

/// Where others reach this relay, from the torrc alone: nothing is asked or guessed.
struct OwnAddress: Equatable {
    let ip: IPAddress
    let orPort: UInt16
    let dirPort: UInt16
    let ipv6: SocketAddress?
    /// Where a program on this machine reaches our ORPort.
    var local: SocketAddress?

    var all: [IPAddress] { [ip] + (ipv6.map { [$0.ip] } ?? []) }

    /// - Parameter ports: what ORPort and DirPort lines were bound to, in the order of the lines; 0 where nothing was.
    static func of(_ relay: RelayOptions, orPorts: [UInt16], dirPorts: [UInt16]) throws(NodeFailure) -> OwnAddress {
        guard let orPort = advertised(relay.orPorts, orPorts, isIPv4: true) else {
            throw NodeFailure(.configuration, "ORPort: expected one that is advertised over IPv4")
        }
        let bound = relay.orPorts.compactMap(\.ip).first { $0.isIPv4 && $0 != .v4(0) }
        guard let ip = relay.addresses.first(where: \.isIPv4) ?? bound else {
            throw NodeFailure(.configuration, "Address: expected the IPv4 address at which others reach this relay (or an ORPort with one)")
        }
        return OwnAddress(
            ip: ip, orPort: orPort, dirPort: advertised(relay.dirPorts, dirPorts, isIPv4: true) ?? 0, ipv6: ipv6(relay, orPorts), local: local(relay, orPorts))
    }

    private static func local(_ relay: RelayOptions, _ ports: [UInt16]) -> SocketAddress? {
        guard let (line, port) = zip(relay.orPorts, ports).first(where: { $0.isListening && $1 != 0 }) else { return nil }
        switch line.ip {
        case nil, .v4(0): return SocketAddress(ip: line.isIPv6Only ? .v6(0, 1) : .v4(0x7F00_0001), port: port)
        case .v6(0, 0): return SocketAddress(ip: .v6(0, 1), port: port)
        case .some(let ip): return SocketAddress(ip: ip, port: port)
        }
    }

    private static func ipv6(_ relay: RelayOptions, _ ports: [UInt16]) -> SocketAddress? {
        guard !relay.isIPv6Disabled, let port = advertised(relay.orPorts, ports, isIPv4: false) else { return nil }
        let bound = relay.orPorts.compactMap(\.ip).first { !$0.isIPv4 && $0 != .v6(0, 0) }
        return (relay.addresses.first { !$0.isIPv4 } ?? bound).map { SocketAddress(ip: $0, port: port) }
    }

    private static func advertised(_ lines: [PortLine], _ ports: [UInt16], isIPv4: Bool) -> UInt16? {
        zip(lines, ports).first { line, port in
            line.isAdvertised && port != 0 && line.ip.map { $0.isIPv4 == isIPv4 } ?? (isIPv4 ? !line.isIPv6Only : !line.isIPv4Only)
        }?.1
    }
}
