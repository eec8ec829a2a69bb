package import Ambience
internal import CEvent
internal import CLinux
internal import Glibc
internal import Synchronization

/// Non-blocking TCP sockets as bare descriptors.
package enum Sockets {
    /// Silence after which the kernel asks the peer's kernel whether it is still there; stock's KeepalivePeriod.
    private static let keepAliveSeconds: Int32 = 300

    /// What the system would not give us: of the whole process, so it is counted for all loops together.
    private struct Shortages: ~Copyable, Sendable {
        let descriptors = Atomic(0)
        let ports = Atomic(0)
    }

    private static let shortages = Shortages()

    /// How often a connection came and there was no descriptor for it.
    package static var descriptorShortages: Int { shortages.descriptors.load(ordering: .relaxed) }
    /// How often there was no local port for a connection of ours.
    package static var portShortages: Int { shortages.ports.load(ordering: .relaxed) }

    /// A listening socket with SO_REUSEADDR.
    package static func listen(on address: SocketAddress, backlog: Int32 = 1024) throws(FileError) -> Int32 {
        let fd = dc_socket_nonblocking(family(address.ip))
        guard fd >= 0 else { throw FileError(path: "\(address)", operation: "socket", code: errno) }
        var on: Int32 = 1
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        if !address.ip.isIPv4 { setsockopt(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, 4) }
        let bound = withSocketAddress(address) { bind(fd, $0, $1) }
        guard bound == 0, Glibc.listen(fd, backlog) == 0 else {
            let code = errno
            close(fd)
            throw FileError(path: "\(address)", operation: "listen on", code: code)
        }
        return fd
    }

    /// A listening Unix socket with the given permissions; a socket that lies there already is replaced, any other file is not.
    package static func listen(onPath path: String, mode: UInt32, backlog: Int32 = 64) throws(FileError) -> Int32 {
        var facts = stat()
        if lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFSOCK { unlink(path) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw FileError(path: path, operation: "listen on", code: ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let fd = dc_socket_nonblocking(AF_UNIX)
        guard fd >= 0 else { throw FileError(path: path, operation: "socket", code: errno) }
        // SAFETY: the pointer is used only for this call.
        let bound = withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) } }
        guard bound == 0, chmod(path, mode) == 0, Glibc.listen(fd, backlog) == 0 else {
            let code = errno
            close(fd)
            throw FileError(path: path, operation: "listen on", code: code)
        }
        return fd
    }

    /// Begins to connect; the socket becomes writable when it is decided (`connectError`).
    ///
    /// - Parameter source: the address of ours that the connection goes out from.
    package static func dial(_ address: SocketAddress, from source: IPAddress? = nil) throws(FileError) -> Int32 {
        let fd = dc_socket_nonblocking(family(address.ip))
        guard fd >= 0 else { throw FileError(path: "\(address)", operation: "socket", code: errno) }
        prepare(fd)
        if let source, withSocketAddress(SocketAddress(ip: source, port: 0), { bind(fd, $0, $1) }) != 0 {
            let code = errno
            close(fd)
            throw FileError(path: "\(source)", operation: "connect from", code: code)
        }
        let result = withSocketAddress(address) { connect(fd, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let code = errno
            if code == EADDRNOTAVAIL { shortages.ports.add(1, ordering: .relaxed) }
            close(fd)
            throw FileError(path: "\(address)", operation: "connect to", code: code)
        }
        return fd
    }

    package enum Accepted {
        case connection(fd: Int32, peer: SocketAddress)
        /// No connection waits any more.
        case none
        /// One waits but the process or the system has no descriptor or memory for it: asking again at once is no use.
        case exhausted
    }

    /// The next connection that waits; those that their peers have given up are passed over.
    package static func accept(_ listener: Int32) -> Accepted {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let fd = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { dc_accept_nonblocking(listener, $0, &length) }
        }
        guard fd >= 0 else {
            switch errno {
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                shortages.descriptors.add(1, ordering: .relaxed)
                return .exhausted
            case ECONNABORTED, EINTR: return accept(listener)
            default: return .none
            }
        }
        prepare(fd)
        return .connection(fd: fd, peer: decode(storage) ?? SocketAddress(ip: .v4(0), port: 0))
    }

    /// 0 once the connection stands, else why it does not.
    package static func connectError(_ fd: Int32) -> Int32 {
        var code: Int32 = 0
        var length = socklen_t(4)
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
    }

    /// The address that a socket is bound to, with the port the system chose.
    package static func ownAddress(_ fd: Int32) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &length) }
        }
        return result == 0 ? decode(storage) : nil
    }

    /// Two sockets that are connected to each other; `nil` when the process has no descriptors left.
    package static func pair() -> (Int32, Int32)? {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &ends) { $0.withMemoryRebound(to: Int32.self, capacity: 2) { dc_socket_pair($0) } }
        return result == 0 ? ends : nil
    }

    /// Addresses of this machine's network interfaces.
    package static func interfaceAddresses() -> [IPAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [IPAddress] = []
        // SAFETY: the list is the system's, valid until it is freed; an address has the length of its family.
        var next = list
        while let entry = next {
            if let address = entry.pointee.ifa_addr, [AF_INET, AF_INET6].contains(Int32(address.pointee.sa_family)) {
                var storage = sockaddr_storage()
                let length = Int32(address.pointee.sa_family) == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
                memcpy(&storage, address, length)
                if let ip = decode(storage)?.ip, !found.contains(ip) { found.append(ip) }
            }
            next = entry.pointee.ifa_next
        }
        return found
    }

    package static func close(_ fd: Int32) {
        SocketLedger.closing(fd)
        Glibc.close(fd)
    }

    /// The kernel takes no more than about this much beyond what the network has taken, and reports the socket writable only below half
    /// of it: what has not been written yet can still be put in another order.
    package static func limitUnsent(_ fd: Int32, _ bytes: Int32) {
        var bytes = bytes
        setsockopt(fd, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &bytes, 4)
    }

    /// Small writes go out at once, and a peer whose machine vanished is noticed though nothing is sent to it.
    private static func prepare(_ fd: Int32) {
        var on: Int32 = 1
        setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, 4)
        var idle = keepAliveSeconds
        setsockopt(fd, Int32(IPPROTO_TCP), TCP_KEEPIDLE, &idle, 4)
    }

    private static func family(_ ip: IPAddress) -> Int32 { ip.isIPv4 ? AF_INET : AF_INET6 }

    static func decode(_ storage: sockaddr_storage) -> SocketAddress? {
        withUnsafeBytes(of: storage) { raw in
            switch Int32(storage.ss_family) {
            case AF_INET: IPAddress(bytes: raw[4..<8]).map { SocketAddress(ip: $0, port: UInt16(raw[2]) << 8 | UInt16(raw[3])) }
            case AF_INET6: IPAddress(bytes: raw[8..<24]).map { SocketAddress(ip: $0, port: UInt16(raw[2]) << 8 | UInt16(raw[3])) }
            default: nil
            }
        }
    }

    private static func withSocketAddress<R>(_ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var storage = sockaddr_storage()
        storage.ss_family = sa_family_t(family(address.ip))
        withUnsafeMutableBytes(of: &storage) { raw in
            raw[2] = UInt8(address.port >> 8)
            raw[3] = UInt8(address.port & 255)
            let start = address.ip.isIPv4 ? 4 : 8
            UnsafeMutableRawBufferPointer(rebasing: raw[start...]).copyBytes(from: address.ip.bytes)
        }
        let length = socklen_t(address.ip.isIPv4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size)
        return withUnsafePointer(to: &storage) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) } }
    }
}
