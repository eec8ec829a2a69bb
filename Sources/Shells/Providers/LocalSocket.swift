internal import CLinux
internal import Glibc

/// A connection to a socket in a folder, however long the folder's path is: at most 107 bytes of it would fit into an address.
final class LocalSocket {
    private let fd: Int32

    /// `nil` if nobody listens there. Every call on it gives up after `patienceSeconds`.
    init?(folder: String, name: String, patienceSeconds: Int) {
        fd = Self.connected(folder, name, patienceSeconds)
        guard fd >= 0 else { return nil }
    }

    private static func connected(_ folder: String, _ name: String, _ patienceSeconds: Int) -> Int32 {
        let place = dc_open(folder, O_RDONLY | O_DIRECTORY, 0)
        guard place >= 0 else { return -1 }
        defer { close(place) }
        let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { return -1 }
        var patience = timeval(tv_sec: patienceSeconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] { setsockopt(fd, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size)) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "/proc/self/fd/\(place)/\(name)".utf8.prefix($0.count - 1)) }
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 }
        }
        if isConnected { return fd }
        close(fd)
        return -1
    }

    deinit { close(fd) }

    func send(_ bytes: [UInt8]) -> Bool { Glibc.send(fd, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count }

    func endSending() -> Bool { shutdown(fd, Int32(SHUT_WR)) == 0 }

    /// What comes next; `nil` at the end, after an error and when patience is over.
    func receive() -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 1 << 12)
        while true {
            let count = recv(fd, &chunk, chunk.count, 0)
            if count < 0, errno == EINTR { continue }
            return count > 0 ? Array(chunk[..<count]) : nil
        }
    }

    /// Everything up to the end; `nil` if that is more than the limit.
    func receiveAll(limitBytes: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        while let more = receive() {
            bytes += more
            if bytes.count > limitBytes { return nil }
        }
        return bytes
    }
}
