internal import Glibc
internal import Synchronization

/// Ports of 127.0.0.1 for programs that must be told theirs before they start. They lie below those that `dustcloud`, the scenarios of
/// `Tests/Network` and the system's outgoing connections take, and one process is given none twice.
package enum FreePorts {
    private static let first: UInt16 = 3000
    private static let count = 6000
    /// Processes that run at the same time begin at different places.
    private static let given = Atomic<Int>(Int(getpid()) * 40)

    package static func next() -> UInt16? {
        for _ in 0..<count {
            let (_, number) = given.add(1, ordering: .relaxed)
            let port = first + UInt16(number % count)
            if isFree(port) { return port }
        }
        return nil
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(fd) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
    }
}
