internal import Ambience
internal import DirectoryService
internal import Loops
internal import Relaying
internal import Torrc

/// Opens the relay's ports.
final class NodePorts {
    let loop: EventLoop
    let router: OnionRouter
    let directory: DirectoryPort
    private(set) var bound = OpenPorts()

    init(loop: EventLoop, router: OnionRouter, directory: DirectoryPort) {
        self.loop = loop
        self.router = router
        self.directory = directory
    }

    /// Listens on every ORPort and DirPort line; where others reach us.
    func open(_ relay: RelayOptions) throws(NodeFailure) -> OwnAddress {
        var orPorts: [UInt16] = []
        for line in relay.orPorts {
            orPorts.append(try open(line, isIPv6Off: relay.isIPv6Disabled) { address throws(FileError) in
                let got = try router.listen(on: address)
                bound.or.append(got)
                return got
            })
        }
        var dirPorts: [UInt16] = []
        for line in relay.dirPorts {
            dirPorts.append(try open(line, isIPv6Off: true) { address throws(FileError) in
                let got = try directory.listen(on: address)
                bound.directory.append(got)
                return got
            })
        }
        return try OwnAddress.of(relay, orPorts: orPorts, dirPorts: dirPorts)
    }

    /// The port number that the line has got. A line without an address listens on all of them.
    private func open(_ line: PortLine, isIPv6Off: Bool, _ listen: (SocketAddress) throws(FileError) -> SocketAddress) throws(NodeFailure) -> UInt16 {
        var port: UInt16 = if case .fixed(let number) = line.port { number } else { 0 }
        guard line.isListening else { return port }
        for ip in addresses(line, isIPv6Off: isIPv6Off) {
            do throws(FileError) {
                port = try listen(SocketAddress(ip: ip, port: port)).port
            } catch {
                // A machine without IPv6 still serves IPv4.
                guard line.ip == nil, !ip.isIPv4, port != 0 else { throw NodeFailure(error) }
            }
        }
        return port
    }

    private func addresses(_ line: PortLine, isIPv6Off: Bool) -> [IPAddress] {
        if let ip = line.ip { return [ip] }
        return (line.isIPv6Only ? [] : [.v4(0)]) + (line.isIPv4Only || isIPv6Off ? [] : [.v6(0, 0)])
    }
}
