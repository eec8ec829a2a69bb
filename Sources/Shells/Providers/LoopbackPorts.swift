package import Ambience
internal import CLinux
internal import Glibc

/// Ports on 127.0.0.1. Drawn from below the range that the system uses for outgoing connections, so that none of those takes one in between.
package enum LoopbackPorts {
    private static let range: ClosedRange<UInt16> = 20000...31999
    private static let draws = 200

    /// A port that nobody listens on and that is not among `taken`; `nil` when none was found.
    package static func free(besides taken: Set<UInt16>, random: inout some RandomNumberGenerator) -> UInt16? {
        for _ in 0..<draws {
            let port = UInt16.random(in: range, using: &random)
            if !taken.contains(port), isFree(SocketAddress(ip: .v4(0x7F00_0001), port: port)) { return port }
        }
        return nil
    }

    /// Whether one could listen there now.
    package static func isFree(_ address: SocketAddress) -> Bool {
        guard case .v4(let ip) = address.ip else { return false }
        let fd = dc_socket_nonblocking(AF_INET)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        var one: Int32 = 1
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var name = SocketName.v4(ip, port: address.port)
        let isBound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
        return isBound && listen(fd, 1) == 0
    }
}

enum SocketName {
    static func v4(_ ip: UInt32, port: UInt16) -> sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = ip.bigEndian
        return name
    }
}
